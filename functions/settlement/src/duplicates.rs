//! Finds payments that are not the payment of their bill: a second one, on another channel or in another try, and one that a client made
//! at another price than the server's.

use domain::{
    About, BillPayments, Event, IncidentKind, RefundNum, Sentence, Status, Timestamp, Transaction, deliveries,
    latest_of_server, refundable,
};
use runtime::{ConfiguredApp, error_chain};
use serde_json::{Map, json};
use store::{Incident, StoreError};
use tracing::{info, warn};

use crate::{deps::Deps, found::Found, incidents::keep, pursuing, refunds};

/// Reads a paid bill back. Of two payments that settle in the same instant at least one sees the other, because each is written
/// before it looks; whichever sees it says the same: the first payment counts, all of it back by now or not, and each later one is the
/// duplicate. It is kept as an incident together with the deliveries that tell of it, and goes back by itself where the app says so.
///
/// # Errors
/// [`StoreError`]: it has to be looked for again, and whoever asked for it will.
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
    let tries = deps.base.store.load_bill(&key.app, key.mode, &key.bill).await?;
    let BillPayments { counted, mispriced } = BillPayments::of(&tries);
    for payment in mispriced.into_iter().filter(|payment| payment.status == Status::Success) {
        if let Some(server) = latest_of_server(&tries) {
            tell_mispriced(deps, configured, Mispriced { payment, server }, now).await?;
        }
        if configured.app.refunds_duplicates {
            send_back(deps, configured, (payment, "the payment was not made at the price of the order"), now).await?;
        }
    }
    let Some((first, later)) = counted.split_first() else { return Ok(()) };
    for duplicate in later {
        tell(deps, configured, (duplicate, first), now).await?;
        if configured.app.refunds_duplicates {
            send_back(deps, configured, (duplicate, "the order was paid twice"), now).await?;
        }
    }
    Ok(())
}

/// A payment that a client made at another price than the server's.
struct Mispriced<'a> {
    payment: &'a Transaction,
    server: &'a Transaction,
}

async fn tell_mispriced(
    deps: &Deps,
    configured: &ConfiguredApp,
    Mispriced { payment, server }: Mispriced<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (paid, price) = (payment.fee.get(), server.fee.get());
    let problem = Found::Mispriced { paid, price }.sentence();
    let members = Map::from_iter([
        ("kind".to_owned(), json!(IncidentKind::Price.name())),
        ("problem".to_owned(), json!(problem.text)),
        ("serverFee".to_owned(), json!(price)),
    ]);
    let incident = from_the_books(payment, IncidentKind::Price, problem, now);
    let about = About { name: incident.name(), members };
    let told = deliveries(payment, Event::PaymentMismatch, &about, &configured.webhooks, now);
    keep(deps, configured, &incident, &told).await
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

async fn tell(
    deps: &Deps,
    configured: &ConfiguredApp,
    (duplicate, first): (&Transaction, &Transaction),
    now: Timestamp,
) -> Result<(), StoreError> {
    let problem = Found::PaidToo { transaction: first.id.to_string(), channel: first.key.channel }.into();
    let members = Map::from_iter([("duplicateOf".to_owned(), json!(first.id.as_str()))]);
    let about = About { name: String::new(), members };
    let told = deliveries(duplicate, Event::PaymentDuplicate, &about, &configured.webhooks, now);
    keep(deps, configured, &from_the_books(duplicate, IncidentKind::Duplicate, problem, now), &told).await
}

/// Reserves the refund of all that is left of a duplicate. Its number follows from the payment, so that it happens once. The
/// sweep sends it: a provider that waits for our acknowledgement does not wait for another call to it.
async fn send_back(
    deps: &Deps,
    configured: &ConfiguredApp,
    (duplicate, why): (&Transaction, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(fee) = refundable(duplicate) else { return Ok(()) };
    let num = RefundNum::of_surplus_payment(&duplicate.id);
    let reason = Some(why.to_owned());
    let planned = refunds::plan(duplicate, &[], (num, fee, reason), now);
    if let Err(error) = refunds::build(deps, configured, duplicate, &planned).await {
        // Nobody waits for an answer, so that a person must hear of it otherwise.
        let problem = Found::RefundFailed { num: planned.num.to_string(), failure: error.said() }.into();
        warn!(tx.id = %duplicate.id, "a payment cannot be sent back: {}", error_chain(&error));
        return keep(deps, configured, &pursuing::incident(&planned, (IncidentKind::RefundFailed, problem), now), &[])
            .await;
    }
    match refunds::reserve(deps, &planned).await? {
        store::Begun::New(..) => {
            info!(app.id = %duplicate.key.app, bill.num = %duplicate.key.bill, tx.id = %duplicate.id, "a payment goes back: {why}");
        }
        // It is on its way already.
        store::Begun::Taken(_) => {}
        // Somebody refunds a part of it by hand in this moment. What is left goes back when it is looked for again.
        store::Begun::Refused(_) | store::Begun::NotFound => {
            return Err(StoreError::Stale { what: duplicate.id.to_string() });
        }
    }
    Ok(())
}
