//! Keeps incidents: reports that do not match what is known, for a person to look at and to replay.

use bytes::Bytes;
use domain::{
    About, Delivery, Event, IncidentKind, Notification, OccurredEvent, Sentence, Transaction, TransactionKey,
    deliveries,
};
use http::HeaderMap;
use runtime::ConfiguredApp;
use serde_json::{Map, json};
use store::{ForgedKept, Incident, StoreError};
use tracing::warn;

use crate::{
    deps::{Deps, ring},
    report::ReportContext,
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

/// A verified report that does not match what is known.
pub(crate) struct ReportMismatch<'a> {
    pub(crate) kind: IncidentKind,
    pub(crate) said: Sentence,
    pub(crate) report: &'a Notification,
    pub(crate) transaction: Option<&'a Transaction>,
}

/// Keeps a verified report that does not match, together with its deliveries.
pub(crate) async fn keep_mismatch(
    deps: &Deps,
    key: &TransactionKey,
    configured: &ConfiguredApp,
    context: &ReportContext<'_>,
    mismatch: ReportMismatch<'_>,
) -> Result<(), StoreError> {
    let ReportMismatch { kind, said, report, transaction } = mismatch;
    let incident = Incident {
        key: key.clone(),
        seen_at: context.now,
        kind,
        problem: said,
        trade_no: report.trade_no.clone(),
        source: context.source.name(),
        headers: kept_headers(context.headers),
        body: context.body.to_vec(),
    };
    let told = transaction.map(|transaction| {
        let members = Map::from_iter([
            ("kind".to_owned(), json!(kind.name())),
            ("problem".to_owned(), json!(incident.problem.text)),
        ]);
        let about = About { name: incident.name(), members };
        let occurred = OccurredEvent { event: Event::PaymentMismatch, about };
        deliveries(transaction, &occurred, &configured.webhooks, context.now)
    });
    keep(deps, configured, &incident, &told.unwrap_or_default()).await
}

/// Keeps a message that could not be verified, if it came to the address of a real transaction. With a wrong key in the settings a
/// genuine message looks forged; once the key is right, it can be replayed. One message an hour is kept for each address, and a
/// bounded number an hour for all addresses together; the rest is counted.
///
/// # Errors
/// [`StoreError`].
pub async fn keep_forged(
    deps: &Deps,
    key: &TransactionKey,
    problem: Sentence,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<(), StoreError> {
    if body.len() > FORGED_BODY_BYTES_MAX || deps.services.store.find_transaction(key).await?.is_none() {
        return Ok(());
    }
    let incident = Incident {
        key: key.clone(),
        seen_at: deps.services.clock.now(),
        kind: IncidentKind::Forged,
        problem,
        trade_no: None,
        source: "notify",
        headers: kept_headers(headers),
        body: body.to_vec(),
    };
    let (bill, channel) = (&key.bill, key.channel);
    match deps.services.store.keep_forged(&incident).await? {
        ForgedKept::Known => {}
        ForgedKept::Kept => {
            let problem = &incident.problem;
            warn!(app.id = %key.app, bill.num = %bill, %channel, "kept a message that could not be verified: {problem}");
            deps.services.metrics.forged_message();
        }
        ForgedKept::Counted => deps.services.metrics.forged_message(),
    }
    Ok(())
}

/// Keeps an incident once, and wakes its deliveries.
pub(crate) async fn keep(
    deps: &Deps,
    configured: &ConfiguredApp,
    incident: &Incident,
    told: &[Delivery],
) -> Result<(), StoreError> {
    let Incident { key, kind, problem, .. } = incident;
    if deps.services.store.keep_incident(incident, told).await? {
        let (bill, channel) = (&key.bill, key.channel);
        warn!(app.id = %key.app, bill.num = %bill, %channel, incident.kind = kind.name(), "kept an incident: {problem}");
        deps.services.metrics.incident(*kind);
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
