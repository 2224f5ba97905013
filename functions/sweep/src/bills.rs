//! Bills and refunds that are due.
//!
//! For an open one its provider is to be queried, which is noted for the end of the run. A paid bill is due for one of two reasons: it
//! carries a delivery whose first attempt did not happen yet, or nobody looked for a second payment. Both are done here.

use domain::{AskedAbout, Delivery, DeliveryId, DeliveryState, Timestamp, Transaction, TransactionKey};
use futures_util::future::join_all;
use runtime::{ApiError, error_chain};
use settlement::look_for_duplicate;
use store::{Due, DueRow, DueTransaction, StoreError};
use tracing::warn;

use crate::{Deps, deliveries, run::Run};

/// Paid bills at once in one of the 24 shards.
const PAID_AT_ONCE: usize = 3;

/// What came of a page.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PageCounts {
    /// The paid bills that were looked at.
    pub(crate) looked_at: usize,
    /// The carried deliveries that were woken.
    pub(crate) rung: usize,
}

/// Notes the questions about open bills and refunds, and looks at the paid bills.
///
/// # Errors
/// [`StoreError`]: their rows cannot be read now.
pub(crate) async fn look_at_due(deps: &Deps, run: &Run, due: &[Due], now: Timestamp) -> Result<PageCounts, StoreError> {
    let about = due.iter().filter_map(|due| match due {
        Due::Transaction(key) => Some(AskedAbout::Transaction(key.clone())),
        Due::Refund(key) => Some(AskedAbout::Refund(key.clone())),
        Due::Delivery(_) | Due::Day(_) | Due::Other { .. } => None,
    });
    let mut paid = Vec::new();
    for row in deps.services.store.find_due_rows(&about.collect::<Vec<_>>()).await? {
        match row {
            DueRow::Open { about, provider, since } => run.note_question(provider, about, since),
            DueRow::Paid(key) => paid.push(key),
        }
    }
    Ok(look_at_paid(deps, run, &paid, now).await)
}

async fn look_at_paid(deps: &Deps, run: &Run, paid: &[TransactionKey], now: Timestamp) -> PageCounts {
    let mut counts = PageCounts::default();
    for some in paid.chunks(PAID_AT_ONCE) {
        if !run.may_read(deps.services.clock.now()) {
            break;
        }
        for result in join_all(some.iter().map(|key| look_at_one(deps, run, key, now))).await {
            counts.looked_at += usize::from(result == LookResult::Done);
            counts.rung += usize::from(result == LookResult::Woken);
        }
    }
    counts
}

/// What came of the look at one paid bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LookResult {
    /// It is no longer due, or another run changed it first.
    NotDue,
    /// What it was due for is done, or is left for the next run.
    Done,
    /// The delivery that it carries was woken.
    Woken,
}

async fn look_at_one(deps: &Deps, run: &Run, key: &TransactionKey, now: Timestamp) -> LookResult {
    look_at_bill(deps, run, key, now).await.unwrap_or_else(|error| {
        warn!(bill.num = %key.bill, "bill {} stays as it is: {}", key.bill, error_chain(&error));
        LookResult::Done
    })
}

async fn look_at_bill(deps: &Deps, run: &Run, key: &TransactionKey, now: Timestamp) -> Result<LookResult, ApiError> {
    let store = &deps.services.store;
    let Some(due) = store.find_due_transaction(key, now).await? else { return Ok(LookResult::NotDue) };
    if !due.transaction.status.is_paid() {
        return Ok(LookResult::NotDue);
    }
    if let Some(carried) = &due.carries {
        return look_at_carried(deps, run, &due, carried, now).await;
    }
    // An answer settled it, and the worker stopped before it looked for a second payment.
    look_for_second_payment(deps, &due.transaction, now).await?;
    let is_mine = store.postpone_transaction(key, due.due_at, None).await?;
    Ok(if is_mine { LookResult::Done } else { LookResult::NotDue })
}

async fn look_for_second_payment(deps: &Deps, bill: &Transaction, now: Timestamp) -> Result<(), ApiError> {
    if let Some(configured) = deps.services.apps.find(&bill.key.app, now).await? {
        look_for_duplicate(deps, &configured, bill, now).await?;
    }
    Ok(())
}

/// A paid bill that still carries a delivery. The worker that makes the first attempt removes the mark. The mark is still here: the
/// message was lost or is late.
async fn look_at_carried(
    deps: &Deps,
    run: &Run,
    due: &DueTransaction,
    carried: &DeliveryId,
    now: Timestamp,
) -> Result<LookResult, ApiError> {
    let (store, key) = (&deps.services.store, &due.transaction.key);
    let is_untried = |delivery: &Delivery| delivery.state == DeliveryState::Waiting && delivery.attempt == 1;
    let untried = store.find_delivery(carried).await?.filter(is_untried);
    let mut result = LookResult::Done;
    if let Some(delivery) = untried {
        let look_at = Delivery::look_at(delivery.due_at, delivery.created_at);
        if look_at > now {
            // The message may still arrive.
            let is_mine = store.carry_until(key, due.due_at, look_at).await?;
            return Ok(if is_mine { LookResult::Done } else { LookResult::NotDue });
        }
        if !deliveries::ring_again(deps, &delivery, &run.longest_overdue, now).await? {
            return Ok(LookResult::Done);
        }
        result = LookResult::Woken;
    }
    look_for_second_payment(deps, &due.transaction, now).await?;
    store.clear_carried(key, &carried.webhook).await?;
    Ok(result)
}
