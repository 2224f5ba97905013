//! Tries channel settings before anybody pays by them: reads them, signs with them, and asks the provider about an order that never was.
//!
//! A verified answer proves both directions: the provider takes our signature, and we take its.

use std::time::Duration;

use domain::{AppId, Channel, Fen, Tab, TransactionId};
use http::StatusCode;
use outbound::Bounds;
use providers::{Moment, Placed, ProviderError};
use runtime::{Reply, json};
use serde_json::{Map, json};

use crate::{Call, channels, problem::Problem};

/// Somebody waits for it in front of a page.
const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(6), body_bytes_max: 256 * 1024 };

/// `POST /apps/{appId}/channels/{tab}/check?mode=`, with settings as `PUT` takes them.
pub(crate) async fn check(call: &Call<'_>, app: AppId, tab: Tab) -> Result<Reply, Problem> {
    let settings = channels::read_settings(call, &app, tab).await?;
    let account = call.deps.base.apps.open_account(tab, &settings)?;
    let report = |ok: bool, provider: &str, words: String| {
        let mut report = Map::from_iter([("ok".to_owned(), ok.into()), ("provider".to_owned(), provider.into())]);
        if !words.is_empty() {
            report.insert("words".to_owned(), words.into());
        }
        if let Some(ends_at) = account.certificates_end_at() {
            report.insert("certificatesEndTime".to_owned(), ends_at.ms().into());
        }
        json(StatusCode::OK, &json!(report))
    };
    let channel = Channel::all().find(|channel| channel.tab() == tab).ok_or_else(|| Problem::not_found("channel"))?;
    let id = TransactionId::generate(call.now, call.deps.base.random.bytes()?);
    let fee = Fen::new(1).map_err(|_| Problem::internal())?;
    let placed = Placed { id: &id, created_at: call.now, fee, trade_no: None, channel };
    let moment = Moment { now: call.now, nonce: call.deps.base.random.nonce()? };
    let question = match account.query(&placed, &moment) {
        Ok(question) => question,
        Err(ProviderError::Key { field, problem }) => return Err(Problem::field(field, problem)),
        // A protocol that cannot ask: the keys are read, and that is all there is to try.
        Err(_) => return Ok(report(true, "none", String::new())),
    };
    let Ok(answer) = call.deps.base.ask_provider(&call.deps.settlement.outbound, channel, question, BOUNDS).await
    else {
        return Ok(report(false, "unreachable", String::new()));
    };
    Ok(match account.read_query(&placed, &answer, call.now) {
        // The certificate is fetched when it is needed; that the answer names it means that it came from there.
        Ok(_) | Err(ProviderError::UnknownKey { .. }) => report(true, "verified", String::new()),
        Err(ProviderError::Refused { code, words }) => report(false, "refused", format!("{code} {words}")),
        Err(ProviderError::Key { field, problem }) => return Err(Problem::field(field, problem)),
        Err(ProviderError::Unclear { reason }) => report(false, "unclear", reason),
        Err(
            other @ (ProviderError::Unsupported { .. } | ProviderError::AlreadyOrdered | ProviderError::Param { .. }),
        ) => report(false, "unclear", other.to_string()),
    })
}
