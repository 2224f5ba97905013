//! The one door by which a verified report becomes a settled bill.
//!
//! Used by every function that hears of payments, whether the provider said it by itself (`provider-notify`) or was asked: check,
//! settle in one transaction, ring for the deliveries, look for a second payment, keep what does not fit. What is asked of
//! whom, and what is answered to whom, is for the functions to say.

use std::time::Duration;

use bytes::Bytes;
use domain::{Mismatch, Notification, Refusal, Status, Timestamp, Transaction, TransactionKey, check, settle};
use outbound::Outbound;
use queue::Queue;
use runtime::{Base, ConfiguredApp, error_chain};
use store::{Incident, Settled, StoreError};
use tracing::{info, warn};

/// What settling needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Store, apps and clock.
    pub base: Base,
    /// The bell for deliveries.
    pub queue: Queue,
    /// The way to the providers.
    pub outbound: Outbound,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is settled, now or before.
    Settled,
    /// It does not fit, and is kept as an incident.
    Misfit,
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

/// Settles a verified report about the try `key`; `body` is the message that brought it.
///
/// # Errors
/// [`StoreError`]: nobody knows whether it is settled, and the same report may be brought again.
pub async fn take(
    deps: &Deps,
    key: &TransactionKey,
    configured: &ConfiguredApp,
    report: &Notification,
    body: &Bytes,
    now: Timestamp,
) -> Result<Taken, StoreError> {
    let decide = |transaction: &Transaction| -> Result<_, Misfit> {
        check(report, transaction)?;
        Ok(settle(transaction, report, now)?)
    };
    let (kind, problem) = match deps.base.store.settle(key, &configured.webhooks, now, decide).await? {
        Settled::Unchanged(transaction) => {
            let (bill, id) = (&key.bill, &transaction.id);
            info!(app.id = %key.app, bill.num = %bill, tx.id = %id, "a notify told nothing new of bill {bill}");
            look_for_duplicate(deps, &transaction, report, body, now).await?;
            return Ok(Taken::Settled);
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
            return Ok(Taken::Settled);
        }
        Settled::NotFound => ("unknown", format!("there is no such try; the report is about order `{}`", report.order)),
        Settled::Refused(_, misfit) => (misfit.kind(), misfit.to_string()),
    };
    keep_incident(deps, key, report, body, now, (kind, problem)).await?;
    Ok(Taken::Misfit)
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
