//! Tries channel settings before a payer uses them. It reads them, signs with them, asks the provider about an order that does not exist,
//! and opens what the provider encrypts for this merchant.
//!
//! The result for each setting is: tested, not testable (with the reason), or wrong. An answer whose signature was not verified proves
//! nothing. The check sends requests signed with stored keys, so it leaves an entry in the audit log.

use std::time::Duration;

use bytes::Bytes;
use domain::{AppId, Channel, Fen, Sentence, Tab, TransactionId};
use http::{Request, Response, StatusCode, Uri};
use outbound::{Bounds, OutboundError};
use providers::{Account, CheckReport, CheckedSetting, Moment, Placed, Proof, ProviderError, Said, addresses_of};
use runtime::{ApiError, Reply, json};
use serde_json::{Map, Value, json};

use super::{call::Call, channels, problem::Problem, said, wrong::Wrong};

/// A person waits for the result in front of a page. At most three questions are asked.
const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(6), body_bytes_max: 256 * 1024 };

/// `POST /apps/{appId}/channels/{tab}/check?mode=`. The body is that of `PUT`.
pub(crate) async fn check(call: &Call<'_>, app: AppId, tab: Tab) -> Result<Reply, Problem> {
    let settings = channels::read_settings(call, &app, tab).await?;
    let account = call.deps.services.apps.open_account(tab, &settings)?;
    let report = ask(call, &settings, tab, &account).await?;
    let mut shown = show(&report);
    shown.extend(account.certificates_end_at().map(|ends_at| ("certificatesEndTime".to_owned(), ends_at.ms().into())));
    Ok(json(StatusCode::OK, &shown))
}

/// Refuses settings whose app secret WeChat refuses. If WeChat does not answer, they are saved all the same: the check shows it later.
pub(crate) async fn app_secret(
    call: &Call<'_>,
    settings: &Map<String, Value>,
    tab: Tab,
    account: &Account,
) -> Result<(), Problem> {
    // The built-in simulator has its own.
    let Some(oauth) = account.oauth().filter(|_| settings.contains_key("appSecret")) else { return Ok(()) };
    let channel = tab.channels().next().ok_or_else(|| Problem::not_found("channel"))?;
    let services = &call.deps.services;
    let moment = Moment { now: call.now, nonce: services.random.nonce()? };
    let question = oauth.probe(&moment).map_err(|error| Problem::body(Wrong::Refused { why: error.into() }))?;
    let Some(answer) = send(call, settings, CheckQuestion { tab, channel, request: question }).await? else {
        return Ok(());
    };
    match oauth.read_exchange(&answer) {
        Err(ProviderError::Key { field, problem }) => Err(Problem::field(field, problem)),
        Ok(_) | Err(_) => Ok(()),
    }
}

async fn ask(
    call: &Call<'_>,
    settings: &Map<String, Value>,
    tab: Tab,
    account: &Account,
) -> Result<CheckReport, Problem> {
    let services = &call.deps.services;
    let channel = tab.channels().next().ok_or_else(|| Problem::not_found("channel"))?;
    let id = TransactionId::generate(call.now, services.random.bytes()?);
    let fee = Fen::new(1).map_err(|_| Problem::internal())?;
    let placed = Placed { id: &id, created_at: call.now, fee, trade_no: None, channel };
    let moment = || services.random.nonce().map(|nonce| Moment { now: call.now, nonce });
    let questions = account.probes(&placed, &[moment()?, moment()?]).map_err(|error| match error {
        ProviderError::Key { field, problem } => Problem::field(field, problem),
        other @ (ProviderError::Refused { .. }
        | ProviderError::Unclear { .. }
        | ProviderError::UnknownKey { .. }
        | ProviderError::Unsupported { .. }
        | ProviderError::AlreadyOrdered
        | ProviderError::OrderBound { .. }
        | ProviderError::Param { .. }) => Problem::body(Wrong::Refused { why: other.into() }),
    })?;
    let mut answers = Vec::new();
    for request in questions {
        answers.push(send(call, settings, CheckQuestion { tab, channel, request }).await?);
    }
    Ok(account.read_probes(&answers, call.now))
}

/// A question to a provider.
struct CheckQuestion {
    tab: Tab,
    channel: Channel,
    request: Request<Bytes>,
}

/// Sends a question. `None` if there is no answer.
async fn send(
    call: &Call<'_>,
    settings: &Map<String, Value>,
    CheckQuestion { tab, channel, request }: CheckQuestion,
) -> Result<Option<Response<Bytes>>, Problem> {
    let host = request.uri().host().unwrap_or_default().to_owned();
    match call.deps.services.ask_provider(&call.deps.outbound, channel, request, BOUNDS).await {
        Ok(answer) => Ok(Some(answer)),
        Err(ApiError::Outbound(OutboundError::Forbidden(forbidden))) => {
            let names_host = |address: &str| address.parse::<Uri>().is_ok_and(|uri| uri.host() == Some(host.as_str()));
            let named = addresses_of(tab, settings).into_iter().find(|(_, address)| names_host(address));
            Err(Problem::field(named.map_or("gateway", |(field, _)| field), Wrong::from(forbidden)))
        }
        Err(_) => Ok(None),
    }
}

fn show(report: &CheckReport) -> Map<String, Value> {
    let (provider, words) = match &report.said {
        Said::Verified => ("verified", None),
        Said::Accepted => ("accepted", None),
        Said::Refused { code, words } => ("refused", Some(Sentence::as_it_is(format!("{code} {words}")))),
        Said::Unclear { reason } => ("unclear", Some(reason.clone())),
        Said::Silent => ("unreachable", None),
    };
    let mut shown = words.map(|words| said::text("words", Some(&words))).unwrap_or_default();
    shown.insert("ok".to_owned(), report.is_good().into());
    shown.insert("provider".to_owned(), provider.into());
    shown.insert("settings".to_owned(), report.settings.iter().map(show_setting).collect());
    shown
}

fn show_setting(CheckedSetting { field, proof }: &CheckedSetting) -> Value {
    let (result, why) = match proof {
        Proof::Tested => ("tested", None),
        Proof::Untestable(why) => ("untestable", Some(why)),
        Proof::Wrong(why) => ("wrong", Some(why)),
    };
    let why = why.map(|why| said::text("why", Some(why))).unwrap_or_default();
    said::with(json!({ "field": field, "result": result }), why)
}
