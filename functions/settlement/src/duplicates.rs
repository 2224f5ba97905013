//! Finds payments that do not count for their bill: a second payment, on another channel or in another try, and a payment that a client
//! made at another price than the server's.

use domain::{
    About, BillPayments, Event, Fen, IncidentKind, Judgement, OccurredEvent, RefundNum, RefundStatus, Sentence, Status,
    Timestamp, Transaction, deliveries, refundable,
};
use runtime::{ConfiguredApp, error_chain};
use serde_json::{Map, json};
use store::{Incident, RefundReservation, StoreError};
use tracing::{info, warn};

use crate::{
    deps::Deps,
    found::Found,
    incidents::keep,
    refund_progress,
    refunds::{self, Allowed, RefundContent},
};

/// Looks for a second payment of a paid bill. Each payment is written before this looks, so of two payments that settle in the same instant
/// at least one sees the other. The first payment counts, whether it was refunded since or not; each later one is a duplicate. A duplicate
/// is kept as an incident together with its deliveries. It is refunded automatically if the app's settings say so.
///
/// # Errors
/// [`StoreError`]: the caller has to look again.
pub async fn look_for_duplicate(
    deps: &Deps,
    configured: &ConfiguredApp,
    transaction: &Transaction,
    now: Timestamp,
) -> Result<(), StoreError> {
    if !transaction.status.is_paid() {
        return Ok(());
    }
    let key = &transaction.key;
    // What is told now must stay true if the server names other prices.
    let bill = deps.services.store.load_judged_bill(&key.app, key.mode, &key.bill, now).await?;
    let BillPayments { counted, uncounted } = bill.payments();
    // What goes wrong with one payment does not hold up the others.
    let mut looked = Ok(());
    for payment in uncounted.into_iter().filter(|payment| payment.status == Status::Success) {
        looked = looked.and(look_at_uncounted(deps, configured, payment, now).await);
    }
    let Some((first, later)) = counted.split_first() else { return looked };
    for duplicate in later {
        looked = looked.and(look_at_duplicate(deps, configured, duplicate, first, now).await);
    }
    looked
}

/// A payment that went back before the server named the price has no wrong price, and is not reported. If its refund failed, it goes back
/// otherwise.
async fn look_at_uncounted(
    deps: &Deps,
    configured: &ConfiguredApp,
    payment: &Transaction,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(Judgement::ByPrice(price)) = payment.judgement {
        report_mispriced(deps, configured, payment, price, now).await?;
    }
    Box::pin(send_back(deps, configured, payment, "the payment was not made at the price of the order", now)).await
}

async fn look_at_duplicate(
    deps: &Deps,
    configured: &ConfiguredApp,
    duplicate: &Transaction,
    first: &Transaction,
    now: Timestamp,
) -> Result<(), StoreError> {
    report_duplicate(deps, configured, duplicate, first, now).await?;
    Box::pin(send_back(deps, configured, duplicate, "the order was paid twice", now)).await
}

/// Keeps the incident of a payment that a client made at another price than the server's.
async fn report_mispriced(
    deps: &Deps,
    configured: &ConfiguredApp,
    payment: &Transaction,
    server_fee: Fen,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (paid, price) = (payment.fee.get(), server_fee.get());
    let problem = Found::Mispriced { paid, price }.sentence();
    let members = Map::from_iter([
        ("kind".to_owned(), json!(IncidentKind::Price.name())),
        ("problem".to_owned(), json!(problem.text)),
        ("serverFee".to_owned(), json!(price)),
    ]);
    let incident = from_the_books(payment, IncidentKind::Price, problem, now);
    let about = About { name: incident.name(), members };
    let occurred = OccurredEvent { event: Event::PaymentMismatch, about };
    let deliveries = deliveries(payment, &occurred, &configured.webhooks, now);
    keep(deps, configured, &incident, &deliveries).await
}

fn from_the_books(payment: &Transaction, kind: IncidentKind, problem: Sentence, now: Timestamp) -> Incident {
    Incident {
        key: payment.key.clone(),
        seen_at: now,
        kind,
        problem,
        trade_no: payment.trade_no.clone(),
        source: "books",
        headers: Vec::new(),
        body: Vec::new(),
    }
}

/// Keeps the incident of a payment of a bill that the `first` payment had paid before.
async fn report_duplicate(
    deps: &Deps,
    configured: &ConfiguredApp,
    duplicate: &Transaction,
    first: &Transaction,
    now: Timestamp,
) -> Result<(), StoreError> {
    let problem = Found::PaidToo { transaction: first.id.to_string(), channel: first.key.channel }.into();
    let members = Map::from_iter([("duplicateOf".to_owned(), json!(first.id.as_str()))]);
    let occurred = OccurredEvent { event: Event::PaymentDuplicate, about: About { name: String::new(), members } };
    let deliveries = deliveries(duplicate, &occurred, &configured.webhooks, now);
    keep(deps, configured, &from_the_books(duplicate, IncidentKind::Duplicate, problem, now), &deliveries).await
}

/// Reserves the refund of all that is left of a payment, if the app refunds such payments automatically. Its number follows from the
/// payment, so it happens once. If a refund of the merchant's fails after it, the rest goes back under the next number. The sweep sends
/// it: the provider may be waiting for the acknowledgement of its notify, and must not wait for another call as well.
async fn send_back(
    deps: &Deps,
    configured: &ConfiguredApp,
    payment: &Transaction,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    if !configured.app.refunds_duplicates {
        return Ok(());
    }
    let mut left = payment.clone();
    for which in 1..=RefundNum::SURPLUS_MAX {
        let Some(fee) = refundable(&left) else { return Ok(()) };
        let num = RefundNum::of_surplus_payment(&left.id, which);
        let content = RefundContent { num, fee, reason: Some(why.to_owned()) };
        let planned = refunds::for_the_sweep(refunds::plan(&left, &[], content, now));
        if let Err(error) = refunds::check_can_be_sent(deps, configured, &left, &planned).await {
            // No caller waits for an answer. A person learns of it by the incident.
            let problem = Found::RefundFailed { num: planned.num.to_string(), failure: error.said() }.into();
            warn!(tx.id = %left.id, "a payment cannot be sent back: {}", error_chain(&error));
            let incident = refund_progress::incident(&planned, IncidentKind::RefundFailed, problem, now);
            return keep(deps, configured, &incident, &[]).await;
        }
        match refunds::reserve(deps, &planned, Allowed::default()).await? {
            RefundReservation::New(..) => {
                info!(app.id = %left.key.app, bill.num = %left.key.bill, tx.id = %left.id, "a payment goes back: {why}");
                return Ok(());
            }
            // The provider refused it, and a person knows.
            RefundReservation::Taken(taken) if taken.status == RefundStatus::Failed => return Ok(()),
            // It is on its way already, or it was a part.
            RefundReservation::Taken(_) => {
                let now = deps.services.store.find_transaction(&left.key).await?;
                left = now.ok_or_else(|| StoreError::Stale { what: payment.id.to_string() })?;
            }
            // Another refund of this payment was begun in this moment. The rest is refunded at the next look.
            RefundReservation::Refused(_) | RefundReservation::NotFound => {
                return Err(StoreError::Stale { what: payment.id.to_string() });
            }
        }
    }
    Ok(())
}
