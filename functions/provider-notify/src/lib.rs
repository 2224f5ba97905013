//! `POST /notify/<app>/<mode>/<channel>/<nn>/<bill>`: settles what a provider reports.
//! `POST /return/<app>/<mode>/<channel>/<nn>/<bill>`: sends a payer's browser on to the merchant.
//!
//! Verified first, then compared, then settled in one transaction, then acknowledged in the provider's own words. A
//! report that is genuine and does not fit settles nothing, is kept as an incident, and is not acknowledged. Strangers
//! get the same answer whatever they did wrong.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use domain::{Mismatch, Notification, Refusal, Status, Timestamp, Transaction, TransactionKey, check, settle};
use http::{
    HeaderValue, Method, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use outbound::Outbound;
use providers::{Account, Acknowledgement, Moment, NotifyError};
use queue::Queue;
use runtime::{BODY_BYTES_MAX, Base, ConfiguredApp, Reply, Request, error_chain, not_found};
use store::{Incident, Settled, StoreError};
use tracing::{error, info, warn};

/// What this function answers, as `template.yaml` routes it.
pub const ROUTES: [(Method, &str); 2] = [
    (Method::POST, "/notify/{app}/{mode}/{channel}/{try}/{bill}"),
    (Method::POST, "/return/{app}/{mode}/{channel}/{try}/{bill}"),
];

/// What a notify needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Store, apps and clock.
    pub base: Base,
    /// The bell for deliveries.
    pub queue: Queue,
    /// The way to the providers, for the certificates they sign with.
    pub outbound: Outbound,
}

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Reply {
    let now = deps.base.clock.now();
    if let Some(key) = TransactionKey::from_return_path(request.uri().path()) {
        return send_on(deps, &key, &request, now).await;
    }
    let Some(key) = TransactionKey::from_notify_path(request.uri().path()) else { return not_found() };
    let (configured, account) = match find_account(deps, &key, now).await {
        Ok(Some(found)) => found,
        Ok(None) => return not_found(),
        Err(error) => {
            error!(app.id = %key.app, "a notify waits: {}", error_chain(&error));
            return failed();
        }
    };
    let acknowledgement = account.acknowledgement();
    if request.body().len() > BODY_BYTES_MAX {
        warn!(app.id = %key.app, channel = %key.channel, body_bytes = request.body().len(), "refused a notify that is too long");
        return refused(&acknowledgement);
    }
    let report = match read(deps, &key, &configured, &account, &request, now).await {
        Ok(report) => report,
        Err(error) => {
            warn!(app.id = %key.app, bill.num = %key.bill, channel = %key.channel, "refused a notify: {}", error_chain(&error));
            return refused(&acknowledgement);
        }
    };
    match take(deps, &key, &configured, &report, request.body(), now).await {
        Ok(true) => acknowledged(&acknowledgement),
        Ok(false) => refused(&acknowledgement),
        Err(error) => {
            error!(app.id = %key.app, bill.num = %key.bill, "a notify waits: {}", error_chain(&error));
            failed()
        }
    }
}

/// Sends a payer's browser on to the merchant, once the form it brings is verified. It settles nothing: a browser's word is no
/// proof, and the notify comes on its own way.
async fn send_on(deps: &Deps, key: &TransactionKey, request: &Request, now: Timestamp) -> Reply {
    let found = async {
        let Some((_, account)) = find_account(deps, key, now).await? else { return Ok(None) };
        deps.base.store.find_transaction(key).await.map(|found| Some((account, found?)))
    };
    let (account, transaction) = match found.await {
        Ok(Some(found)) => found,
        Ok(None) => return not_found(),
        Err(error) => {
            error!(app.id = %key.app, "a browser cannot be sent on: {}", error_chain(&error));
            return failed();
        }
    };
    let refused = || reply(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", b"this return could not be verified");
    match account.read_front_return(request, now) {
        Ok(order) if order == transaction.id => {}
        Ok(order) => {
            warn!(app.id = %key.app, bill.num = %key.bill, "refused a return of order {order}");
            return refused();
        }
        Err(error) => {
            warn!(app.id = %key.app, bill.num = %key.bill, "refused a return: {}", error_chain(&error));
            return refused();
        }
    }
    let Some(url) = transaction.return_url.and_then(|url| HeaderValue::from_str(url.as_str()).ok()) else {
        return not_found();
    };
    let mut reply = reply(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", b"");
    reply.headers_mut().insert(LOCATION, url);
    reply
}

/// Verifies a notify, if need be with certificates that the provider has only begun to sign with.
async fn read(
    deps: &Deps,
    key: &TransactionKey,
    configured: &ConfiguredApp,
    account: &Account,
    request: &Request,
    now: Timestamp,
) -> Result<Notification, NotifyError> {
    let read = account.read_notify(request, now);
    let Err(NotifyError::UnknownKey { .. }) = &read else { return read };
    let Ok(nonce) = deps.base.random.nonce() else { return read };
    let moment = Moment { now, nonce };
    match deps.base.apps.renew(configured, (key.channel, key.mode), &deps.outbound, &moment).await {
        Some(renewed) => renewed.read_notify(request, now),
        None => read,
    }
}

async fn find_account(
    deps: &Deps,
    key: &TransactionKey,
    now: Timestamp,
) -> Result<Option<(Arc<ConfiguredApp>, Arc<Account>)>, StoreError> {
    let Some(configured) = deps.base.apps.find(&key.app, now).await? else { return Ok(None) };
    match deps.base.apps.account(&configured, key.channel, key.mode) {
        None => Ok(None),
        Some(Ok(account)) => Ok(Some((configured, account))),
        Some(Err(error)) => {
            warn!(app.id = %key.app, channel = %key.channel, "the settings cannot be used: {error}");
            Ok(None)
        }
    }
}

/// Why a genuine report is not taken.
#[derive(Debug, thiserror::Error)]
enum Misfit {
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error(transparent)]
    Refusal(#[from] Refusal),
}

impl Misfit {
    fn kind(&self) -> &'static str {
        match self {
            Self::Mismatch(Mismatch::Claim { .. }) => "account",
            Self::Mismatch(Mismatch::Order { .. }) => "order",
            Self::Mismatch(Mismatch::Amount { .. }) => "amount",
            Self::Refusal(Refusal::AlreadyPaid) => "closed-after-payment",
            Self::Refusal(Refusal::OtherTradeNo) => "paid-again",
            Self::Refusal(Refusal::RefundedTooMuch) => "refunded-too-much",
        }
    }
}

/// Settles a verified report; `false` if it is not to be acknowledged.
async fn take(
    deps: &Deps,
    key: &TransactionKey,
    configured: &ConfiguredApp,
    report: &Notification,
    body: &Bytes,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let decide = |transaction: &Transaction| -> Result<_, Misfit> {
        check(report, transaction)?;
        Ok(settle(transaction, report, now)?)
    };
    let (kind, problem) = match deps.base.store.settle(key, &configured.webhooks, now, decide).await? {
        Settled::Unchanged(transaction) => {
            let (bill, id) = (&key.bill, &transaction.id);
            info!(app.id = %key.app, bill.num = %bill, tx.id = %id, "a notify told nothing new of bill {bill}");
            look_for_duplicate(deps, &transaction, report, body, now).await?;
            return Ok(true);
        }
        Settled::Changed(transaction, deliveries) => {
            let (bill, id, status) = (&key.bill, &transaction.id, transaction.status.name());
            info!(app.id = %key.app, bill.num = %bill, tx.id = %id, channel = %key.channel, status, "settled bill {bill}");
            for delivery in &deliveries {
                // Best effort: the delivery is kept, and the sweep rings for whatever was not rung for.
                if let Err(error) = deps.queue.ring(delivery, Duration::ZERO).await {
                    warn!(bill.num = %bill, "did not ring: {}", error_chain(&error));
                }
            }
            look_for_duplicate(deps, &transaction, report, body, now).await?;
            return Ok(true);
        }
        Settled::NotFound => ("unknown", format!("there is no such try; the report is about order `{}`", report.order)),
        Settled::Refused(_, misfit) => (misfit.kind(), misfit.to_string()),
    };
    keep_incident(deps, key, report, body, now, (kind, problem)).await?;
    Ok(false)
}

/// Reads a paid bill back: a payer may have paid it twice, on two channels or in two tries. Of two payments that settle in the
/// same instant at least one sees the other, because each is written before it looks. Repeated notifies look again, so
/// that a stop between the two is healed.
async fn look_for_duplicate(
    deps: &Deps,
    transaction: &Transaction,
    report: &Notification,
    body: &Bytes,
    now: Timestamp,
) -> Result<(), StoreError> {
    if transaction.status != Status::Success {
        return Ok(());
    }
    let key = &transaction.key;
    let tries = deps.base.store.load_bill(&key.app, key.mode, &key.bill).await?;
    let Some(other) = tries.iter().find(|other| other.status == Status::Success && other.id != transaction.id) else {
        return Ok(());
    };
    let problem = format!("the bill was paid by transaction {} on {}, too", other.id, other.key.channel);
    keep_incident(deps, key, report, body, now, ("duplicate", problem)).await
}

async fn keep_incident(
    deps: &Deps,
    key: &TransactionKey,
    report: &Notification,
    body: &Bytes,
    now: Timestamp,
    (kind, problem): (&'static str, String),
) -> Result<(), StoreError> {
    let (bill, channel) = (&key.bill, key.channel);
    warn!(app.id = %key.app, bill.num = %bill, %channel, incident.kind = kind, "kept an incident: {problem}");
    let (trade_no, body) = (report.trade_no.clone(), body.to_vec());
    let incident = Incident { key: key.clone(), seen_at: now, kind, problem, trade_no, body };
    deps.base.store.keep_incident(&incident).await
}

fn acknowledged(acknowledgement: &Acknowledgement) -> Reply {
    reply(StatusCode::OK, acknowledgement.content_type, acknowledgement.accepted)
}

fn refused(acknowledgement: &Acknowledgement) -> Reply {
    reply(StatusCode::BAD_REQUEST, acknowledgement.content_type, acknowledgement.refused)
}

/// Our own fault: the provider will try again.
fn failed() -> Reply {
    reply(StatusCode::SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", b"fail")
}

fn reply(status: StatusCode, content_type: &'static str, body: &'static [u8]) -> Reply {
    let mut reply = Reply::new(Bytes::from_static(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
