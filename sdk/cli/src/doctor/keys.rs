//! The keys of the app: whether each opens the payment API, and whether both are of one mode.

use std::collections::BTreeSet;

use domain::{Channel, Mode};
use serde_json::{Value, json};

use super::Finding;
use crate::{
    client::{Caller, Gateway},
    failure::{Code, Failure},
    profiles::{CLIENT_KEY, MASTER_KEY},
    table::{list, text},
    words::{mode_in_chinese, words},
};

/// Tries the keys that are there. Returns the mode of the master key, if it is known.
pub(super) async fn examine(gateway: &Gateway, findings: &mut Vec<Finding>) -> Option<Mode> {
    let mode = master_key(gateway, findings).await;
    if gateway.setting(CLIENT_KEY).is_none() {
        return mode;
    }
    let query = json!({ "billNum": "maxpay-doctor" });
    match gateway.pay(Caller::Client, "records", &query).await {
        Ok(_) => findings.push(Finding::good("client_key", words!("客户端密钥有效", "opens the API"))),
        Err(failure) => {
            findings.push(Finding::failed("client_key", &failure));
            return mode;
        }
    }
    if let Some(mode) = mode {
        findings.extend(modes(gateway, mode).await);
    }
    mode
}

async fn master_key(gateway: &Gateway, findings: &mut Vec<Finding>) -> Option<Mode> {
    gateway.setting(MASTER_KEY)?;
    match gateway.mode().await {
        Ok(mode) => {
            let chinese = mode_in_chinese(mode);
            findings
                .push(Finding::good("master_key", words!("主密钥有效，{chinese}模式", "opens the API in {mode} mode")));
            Some(mode)
        }
        Err(failure) => {
            findings.push(Finding::failed("master_key", &failure));
            None
        }
    }
}

/// Whether two keys are of one mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Modes {
    One,
    Two,
}

async fn modes(gateway: &Gateway, mode: Mode) -> Option<Finding> {
    let chinese = mode_in_chinese(mode);
    match compared(gateway).await {
        Err(failure) => Some(Finding::failed("modes", &failure)),
        // An app without payments whose channels are alike in both modes does not show it.
        Ok(None) => None,
        Ok(Some(Modes::One)) => Some(Finding::good(
            "modes",
            words!("客户端密钥和主密钥都是{chinese}模式", "client key and master key are both of {mode} mode"),
        )),
        Ok(Some(Modes::Two)) => Some(Finding::wrong(
            "modes",
            words!(
                "主密钥是{chinese}模式，客户端密钥却是另一种：客户端下的单，服务端查不到也退不了",
                "the master key is of {mode} mode and the client key is not: the server does not find what the client charges"
            ),
            words!(
                "用 maxpay login 重新填写，两个密钥取同一种模式的",
                "run maxpay login again with two keys of one mode"
            ),
        )),
    }
}

/// The gateway says the mode of a master key alone. The client key's shows in what it sees: the payments, or else which channels have settings.
async fn compared(gateway: &Gateway) -> Result<Option<Modes>, Failure> {
    let newest = gateway.pay(Caller::Server, "records", &json!({ "limit": 1, "order": "-createdTime" })).await?;
    if let Some(record) = list(&newest, "results").first() {
        let query = json!({ "billNum": text(record, "billNum") });
        let seen = gateway.pay(Caller::Client, "records", &query).await?;
        let is_seen = list(&seen, "results").iter().any(|other| text(other, "id") == text(record, "id"));
        return Ok(Some(if is_seen { Modes::One } else { Modes::Two }));
    }
    let mut tabs = BTreeSet::new();
    for channel in Channel::ALL.into_iter().filter(|channel| tabs.insert(channel.tab().name())) {
        // Without a bill number this is never a charge. Channels without settings are refused before that is missed.
        let body = json!({ "channel": channel.name() });
        let (server, client) =
            (refusal(gateway, Caller::Server, &body).await?, refusal(gateway, Caller::Client, &body).await?);
        if server != client {
            return Ok(Some(Modes::Two));
        }
    }
    Ok(None)
}

/// The number of the code by which a charge is refused.
async fn refusal(gateway: &Gateway, caller: Caller, body: &Value) -> Result<Option<i64>, Failure> {
    match gateway.pay(caller, "bill", body).await {
        Ok(_) => Ok(None),
        Err(Failure { code: Code::Payment { number, .. }, .. }) => Ok(Some(number)),
        Err(failure) => Err(failure),
    }
}
