//! Tries channel settings before a payer uses them. It reads them, signs with them, asks the provider about an order that does not exist,
//! and opens what the provider encrypts for this merchant.
//!
//! The result for each setting is: tested, not testable (with the reason), or wrong. An answer whose signature was not verified proves
//! nothing. The check sends requests signed with stored keys, so it leaves an entry in the audit log.

use std::time::Duration;

use domain::{AppId, Fen, Sentence, Tab, TransactionId};
use http::StatusCode;
use outbound::{Bounds, OutboundError};
use providers::{Account, CheckReport, CheckedSetting, Moment, Placed, Proof, ProviderError, Said};
use runtime::{ApiError, Reply, json};
use serde_json::{Map, Value, json};

use super::{call::Call, channels, problem::Problem, said, wrong::Wrong};

/// A person waits for the result in front of a page. At most two questions are asked.
const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(6), body_bytes_max: 256 * 1024 };

/// `POST /apps/{appId}/channels/{tab}/check?mode=`. The body is that of `PUT`.
pub(crate) async fn check(call: &Call<'_>, app: AppId, tab: Tab) -> Result<Reply, Problem> {
    let settings = channels::read_settings(call, &app, tab).await?;
    let account = call.deps.services.apps.open_account(tab, &settings)?;
    let report = ask(call, tab, &account).await?;
    let mut shown = show(&report);
    shown.extend(account.certificates_end_at().map(|ends_at| ("certificatesEndTime".to_owned(), ends_at.ms().into())));
    Ok(json(StatusCode::OK, &shown))
}

async fn ask(call: &Call<'_>, tab: Tab, account: &Account) -> Result<CheckReport, Problem> {
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
    for question in questions {
        answers.push(match services.ask_provider(&call.deps.outbound, channel, question, BOUNDS).await {
            Ok(answer) => Some(answer),
            Err(ApiError::Outbound(OutboundError::Forbidden(forbidden))) => {
                return Err(Problem::field("gateway", Wrong::from(forbidden)));
            }
            Err(_) => None,
        });
    }
    Ok(account.read_probes(&answers, call.now))
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
