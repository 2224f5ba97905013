//! Keeps what does not fit, for a person to look at and to replay.

use bytes::Bytes;
use domain::{About, Delivery, Event, IncidentKind, Notification, Sentence, Transaction, TransactionKey, deliveries};
use http::HeaderMap;
use runtime::ConfiguredApp;
use serde_json::{Map, json};
use store::{ForgedKept, Incident, StoreError};
use tracing::warn;

use crate::{
    deps::{Deps, ring},
    report::Heard,
};

/// What the verification of a message needs beside its body.
const HEADERS_KEPT: [&str; 6] = [
    "content-type",
    "wechatpay-timestamp",
    "wechatpay-nonce",
    "wechatpay-signature",
    "wechatpay-serial",
    "wechatpay-signature-type",
];

/// A header of a kept message is some hundred characters.
const HEADER_CHARS_MAX: usize = 1024;

/// What a stranger can have kept: a genuine message is some kilobytes.
const FORGED_BODY_BYTES_MAX: usize = 16 * 1024;

/// What does not fit.
pub(crate) struct Problem<'a> {
    pub(crate) kind: IncidentKind,
    pub(crate) said: Sentence,
    pub(crate) report: &'a Notification,
    pub(crate) transaction: Option<&'a Transaction>,
}

/// Keeps a genuine report that does not fit, together with the deliveries that tell of it.
pub(crate) async fn keep_misfit(
    deps: &Deps,
    key: &TransactionKey,
    configured: &ConfiguredApp,
    heard: &Heard<'_>,
    problem: Problem<'_>,
) -> Result<(), StoreError> {
    let Problem { kind, said, report, transaction } = problem;
    let incident = Incident {
        key: key.clone(),
        seen_at: heard.now,
        kind,
        problem: said,
        trade_no: report.trade_no.clone(),
        source: heard.how.name(),
        headers: kept_headers(heard.headers),
        body: heard.body.to_vec(),
    };
    let told = transaction.map(|transaction| {
        let members = Map::from_iter([
            ("kind".to_owned(), json!(kind.name())),
            ("problem".to_owned(), json!(incident.problem.text)),
        ]);
        let about = About { name: incident.name(), members };
        deliveries(transaction, Event::PaymentMismatch, &about, &configured.webhooks, heard.now)
    });
    keep(deps, configured, &incident, &told.unwrap_or_default()).await
}

/// Keeps a message that could not be verified, if it came to the address of a real transaction: what a wrong key in the settings
/// made unreadable can be replayed once the key is right. A stranger can have one kept an hour for an address that it knows, and
/// all strangers together so many an hour as the store keeps; the rest is counted.
///
/// # Errors
/// [`StoreError`].
pub async fn keep_forged(
    deps: &Deps,
    key: &TransactionKey,
    problem: Sentence,
    (headers, body): (&HeaderMap, &Bytes),
) -> Result<(), StoreError> {
    if body.len() > FORGED_BODY_BYTES_MAX || deps.base.store.find_transaction(key).await?.is_none() {
        return Ok(());
    }
    let incident = Incident {
        key: key.clone(),
        seen_at: deps.base.clock.now(),
        kind: IncidentKind::Forged,
        problem,
        trade_no: None,
        source: "notify",
        headers: kept_headers(headers),
        body: body.to_vec(),
    };
    let (bill, channel) = (&key.bill, key.channel);
    match deps.base.store.keep_forged(&incident).await? {
        ForgedKept::Known => {}
        ForgedKept::Kept => {
            let problem = &incident.problem;
            warn!(app.id = %key.app, bill.num = %bill, %channel, "kept a message that could not be verified: {problem}");
            deps.base.metrics.forged_message();
        }
        ForgedKept::Counted => deps.base.metrics.forged_message(),
    }
    Ok(())
}

/// Keeps an incident once, and rings for the deliveries that tell of it.
pub(crate) async fn keep(
    deps: &Deps,
    configured: &ConfiguredApp,
    incident: &Incident,
    told: &[Delivery],
) -> Result<(), StoreError> {
    let Incident { key, kind, problem, .. } = incident;
    if deps.base.store.keep_incident(incident, told).await? {
        let (bill, channel) = (&key.bill, key.channel);
        warn!(app.id = %key.app, bill.num = %bill, %channel, incident.kind = kind.name(), "kept an incident: {problem}");
        deps.base.metrics.incident(*kind);
        ring(deps, configured, told).await;
    }
    Ok(())
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |name: &str| {
        let value = headers.get(name)?.to_str().ok().filter(|value| value.len() <= HEADER_CHARS_MAX)?;
        Some((name.to_owned(), value.to_owned()))
    };
    HEADERS_KEPT.iter().filter_map(|name| text(name)).collect()
}
