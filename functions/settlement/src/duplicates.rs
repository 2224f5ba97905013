//! Finds bills that were paid twice: on two channels, or in two tries.

use domain::{About, Event, RefundNum, Timestamp, Transaction, deliveries, refundable};
use runtime::{ConfiguredApp, error_chain};
use serde_json::{Map, json};
use store::{Incident, StoreError};
use tracing::{info, warn};

use crate::{Deps, incidents::keep, pursuing, refunds};

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
    let mut paid: Vec<&Transaction> = tries.iter().filter(|payment| payment.status.is_paid()).collect();
    paid.sort_by_key(|payment| (payment.ended_at, payment.id.clone()));
    let Some((first, later)) = paid.split_first() else { return Ok(()) };
    for duplicate in later {
        tell(deps, configured, (duplicate, first), now).await?;
        if configured.app.refunds_duplicates {
            send_back(deps, configured, duplicate, now).await?;
        }
    }
    Ok(())
}

async fn tell(
    deps: &Deps,
    configured: &ConfiguredApp,
    (duplicate, first): (&Transaction, &Transaction),
    now: Timestamp,
) -> Result<(), StoreError> {
    let problem = format!("the bill was paid by transaction {} on {}, too", first.id, first.key.channel);
    let members = Map::from_iter([("duplicateOf".to_owned(), json!(first.id.as_str()))]);
    let about = About { name: String::new(), members };
    let told = deliveries(duplicate, Event::PaymentDuplicate, &about, &configured.webhooks, now);
    let incident = Incident {
        key: duplicate.key.clone(),
        seen_at: now,
        kind: "duplicate",
        problem,
        trade_no: duplicate.trade_no.clone(),
        source: "books",
        headers: Vec::new(),
        body: Vec::new(),
    };
    keep(deps, &incident, &told).await
}

/// Reserves the refund of all that is left of a duplicate. Its number follows from the payment, so that it happens once. The
/// sweep sends it: a provider that waits for our acknowledgement does not wait for another call to it.
async fn send_back(
    deps: &Deps,
    configured: &ConfiguredApp,
    duplicate: &Transaction,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(fee) = refundable(duplicate) else { return Ok(()) };
    let num = RefundNum::of_duplicate(&duplicate.id);
    let reason = Some("the order was paid twice".to_owned());
    let planned = refunds::plan(duplicate, &[], (num, fee, reason), now);
    if let Err(error) = refunds::build(deps, configured, duplicate, &planned) {
        // Nobody waits for an answer, so that a person must hear of it otherwise.
        let problem = format!("refund {} did not go back: {error}", planned.num);
        warn!(tx.id = %duplicate.id, "a second payment cannot be sent back: {}", error_chain(&error));
        return keep(deps, &pursuing::incident(&planned, ("refund-failed", problem), now), &[]).await;
    }
    match refunds::reserve(deps, &planned).await? {
        store::Begun::New(..) => {
            info!(app.id = %duplicate.key.app, bill.num = %duplicate.key.bill, tx.id = %duplicate.id, "a second payment goes back");
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
