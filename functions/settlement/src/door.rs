//! Settles a verified report.

use domain::{
    Event, IncidentKind, Notification, Outcome, Settlement, Status, Transaction, TransactionKey, check,
    counts_for_bill, latest_of_server, settle,
};
use runtime::{ConfiguredApp, PaymentOutcome};
use store::{Settled, StoreError, Told};
use tracing::info;

use crate::{
    deps::{Deps, ring},
    duplicates::look_for_duplicate,
    found::Found,
    incidents::{Problem, keep_misfit},
    report::{Heard, How, Misfit, Taken},
};

/// Settles a verified report about the try `key`.
///
/// # Errors
/// [`StoreError`]: nobody knows whether it is settled, and the same report may be brought again.
pub async fn take(
    deps: &Deps,
    key: &TransactionKey,
    configured: &ConfiguredApp,
    report: &Notification,
    heard: &Heard<'_>,
) -> Result<Taken, StoreError> {
    let decide = |transaction: &Transaction, tries: &[Transaction]| -> Result<_, Misfit> {
        if transaction.account != heard.account {
            return Err(Misfit::OtherAccount(transaction.account));
        }
        check(report, transaction)?;
        Ok(without_mispriced(settle(transaction, report, heard.now)?, tries))
    };
    // A provider repeats its notify until we have looked for a second payment, too; an answer comes once, so that the sweep is
    // asked to look, in case we stop before.
    let look_at = (heard.how == How::Answer && says_paid(report)).then_some(heard.now);
    let told = Told { webhooks: &configured.webhooks, now: heard.now, look_at };
    match deps.base.store.settle_in_bill(key, told, decide).await? {
        Settled::Unchanged(transaction) => {
            let (bill, id) = (&key.bill, &transaction.id);
            info!(app.id = %key.app, bill.num = %bill, tx.id = %id, "a report told nothing new of bill {bill}");
            look_for_duplicate(deps, configured, &transaction, heard.now).await?;
            Ok(Taken::Settled)
        }
        Settled::Changed(transaction, deliveries) => {
            let (bill, id, status) = (&key.bill, &transaction.id, transaction.status.name());
            info!(app.id = %key.app, bill.num = %bill, tx.id = %id, channel = %key.channel, status, "settled bill {bill}");
            count(deps, &transaction, report.outcome);
            ring(deps, configured, &deliveries).await;
            look_for_duplicate(deps, configured, &transaction, heard.now).await?;
            if let Some(look_at) = look_at {
                deps.base.store.postpone_transaction(key, look_at, None).await?;
            }
            Ok(Taken::Settled)
        }
        Settled::NotFound => {
            let said = Found::NoSuchTry { order: report.order.clone() }.into();
            keep_misfit(
                deps,
                key,
                configured,
                heard,
                Problem { kind: IncidentKind::Unknown, said, report, transaction: None },
            )
            .await?;
            Ok(Taken::Misfit)
        }
        Settled::Refused(_, Misfit::OtherAccount(account)) => Ok(Taken::OfAnother(account)),
        Settled::Refused(transaction, misfit) => {
            let (kind, said) = (misfit.kind(), misfit.said());
            let problem = Problem { kind, said, report, transaction: Some(&transaction) };
            keep_misfit(deps, key, configured, heard, problem).await?;
            Ok(Taken::Misfit)
        }
    }
}

/// What a client paid at another price than the server's is kept, and not told as the payment of the bill. The look for other
/// payments tells it as what it is.
fn without_mispriced(settlement: Settlement, tries: &[Transaction]) -> Settlement {
    let Settlement::Changed { transaction, mut events } = settlement else { return settlement };
    let server_price = latest_of_server(tries).map(|latest| latest.fee);
    if !counts_for_bill(&transaction, server_price) {
        events.retain(|(event, _)| *event != Event::PaymentSuccess);
    }
    Settlement::Changed { transaction, events }
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
    deps.base.metrics.payment(transaction.key.channel, outcome);
}
