//! Applies a verified report to its transaction.

use domain::{IncidentKind, Notification, Outcome, Status, Transaction, TransactionKey, check, settle};
use runtime::{ConfiguredApp, PaymentOutcome};
use store::{Settled, SettlementContext, StoreError};
use tracing::info;

use crate::{
    deps::{Deps, ring},
    duplicates::look_for_duplicate,
    found::Found,
    incidents::{ReportMismatch, keep_mismatch},
    report::{NotApplied, ReportContext, ReportOutcome, ReportSource},
};

/// Applies a verified report to the try `key`, and rings for the deliveries that follow from it.
///
/// # Errors
/// [`StoreError`]: it is not known whether the report was applied. The same report may be applied again.
pub async fn take_report(
    deps: &Deps,
    key: &TransactionKey,
    configured: &ConfiguredApp,
    report: &Notification,
    context: &ReportContext<'_>,
) -> Result<ReportOutcome, StoreError> {
    let decide = |transaction: &Transaction| -> Result<_, NotApplied> {
        if transaction.account != context.account {
            return Err(NotApplied::OtherAccount(transaction.account));
        }
        check(report, transaction)?;
        Ok(settle(transaction, report, context.now)?)
    };
    // A provider repeats its notify until it is acknowledged, which is after the look for a second payment. An answer comes once:
    // if this stops before that look, the sweep makes it.
    let look_at = (context.source == ReportSource::Answer && says_paid(report)).then_some(context.now);
    let settlement = SettlementContext { webhooks: &configured.webhooks, now: context.now, look_at };
    match deps.services.store.settle(key, settlement, decide).await? {
        Settled::Unchanged(transaction) => {
            let (bill, id) = (&key.bill, &transaction.id);
            info!(app.id = %key.app, bill.num = %bill, tx.id = %id, "a report told nothing new of bill {bill}");
            Box::pin(look_for_duplicate(deps, configured, &transaction, context.now)).await?;
            Ok(ReportOutcome::Settled)
        }
        Settled::Changed(transaction, deliveries) => {
            let (bill, id, status) = (&key.bill, &transaction.id, transaction.status.name());
            info!(app.id = %key.app, bill.num = %bill, tx.id = %id, channel = %key.channel, status, "settled bill {bill}");
            count(deps, &transaction, report.outcome);
            ring(deps, configured, &deliveries).await;
            Box::pin(look_for_duplicate(deps, configured, &transaction, context.now)).await?;
            if let Some(look_at) = look_at {
                deps.services.store.postpone_transaction(key, look_at, None).await?;
            }
            Ok(ReportOutcome::Settled)
        }
        Settled::NotFound => {
            let said = Found::NoSuchTry { order: report.order.clone() }.sentence();
            keep_mismatch(
                deps,
                key,
                configured,
                context,
                ReportMismatch { kind: IncidentKind::Unknown, said: said.clone(), report, transaction: None },
            )
            .await?;
            Ok(ReportOutcome::Mismatched(said))
        }
        Settled::Refused(_, NotApplied::OtherAccount(account)) => Ok(ReportOutcome::OtherAccount(account)),
        Settled::Refused(transaction, reason) => {
            let (kind, said) = (reason.kind(), reason.said());
            let mismatch = ReportMismatch { kind, said: said.clone(), report, transaction: Some(&transaction) };
            keep_mismatch(deps, key, configured, context, mismatch).await?;
            Ok(ReportOutcome::Mismatched(said))
        }
    }
}

fn says_paid(report: &Notification) -> bool {
    matches!(report.outcome, Outcome::Paid | Outcome::Refunded(_))
}

fn count(deps: &Deps, transaction: &Transaction, outcome: Outcome) {
    let outcome = match (transaction.status, outcome) {
        (Status::Closed, _) => PaymentOutcome::Closed,
        (_, Outcome::Refunded(_)) => PaymentOutcome::Refunded,
        (Status::Success | Status::Refund | Status::Created, _) => PaymentOutcome::Paid,
    };
    deps.services.metrics.payment(transaction.key.channel, outcome);
}
