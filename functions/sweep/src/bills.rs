//! Looks at the bills and refunds that are due.
//!
//! If one is open, its provider has to be queried. That question is noted here, and handed out at the end of the run. If a bill is paid, it
//! is due because it carries a delivery whose first attempt did not happen yet, or because nobody looked for a second payment. Both are done
//! here.

use domain::{AskedAbout, Delivery, DeliveryId, DeliveryState, Timestamp, Transaction, TransactionKey};
use futures_util::future::join_all;
use runtime::{ApiError, error_chain};
use settlement::look_for_duplicate;
use store::{Due, DueRow, DueTransaction, StoreError};
use tracing::warn;

use crate::{Deps, deliveries, run::Run};

/// How many paid bills are looked at together, in each of the 24 shards of `due`.
const PAID_AT_ONCE: usize = 3;

/// The result of a page.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PageCounts {
    /// The paid bills that were looked at.
    pub(crate) looked_at: usize,
    /// The carried deliveries that were woken.
    pub(crate) rung: usize,
}

/// Notes the questions about open bills and refunds, and looks at the paid bills. Due deliveries and days are not looked at here.
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
            counts.looked_at += usize::from(result == LookResult::LookedAt);
            counts.rung += usize::from(result == LookResult::Woken);
        }
    }
    counts
}

/// The result of the look at one paid bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LookResult {
    /// It is no longer due, or another run changed it first.
    NotDue,
    /// A worker looked at it. If something could not be done, the bill is still due for the next run.
    LookedAt,
    /// The delivery that it carries was woken.
    Woken,
}

async fn look_at_one(deps: &Deps, run: &Run, key: &TransactionKey, now: Timestamp) -> LookResult {
    look_at_bill(deps, run, key, now).await.unwrap_or_else(|error| {
        warn!(bill.num = %key.bill, "bill {} stays due: {}", key.bill, error_chain(&error));
        LookResult::LookedAt
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
    // The answer to a question settled it, and the worker stopped before it looked for a second payment.
    look_for_second_payment(deps, &due.transaction, now).await?;
    // Nothing is left to look at: the entry is removed.
    let is_mine = store.postpone_transaction(key, due.due_at, None).await?;
    Ok(if is_mine { LookResult::LookedAt } else { LookResult::NotDue })
}

async fn look_for_second_payment(deps: &Deps, bill: &Transaction, now: Timestamp) -> Result<(), ApiError> {
    if let Some(configured) = deps.services.apps.find(&bill.key.app, now).await? {
        look_for_duplicate(deps, &configured, bill, now).await?;
    }
    Ok(())
}

/// Looks at a paid bill that still carries a delivery. The worker that makes the first attempt removes the mark. So the message of that
/// attempt was lost or is late.
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
    let mut result = LookResult::LookedAt;
    if let Some(delivery) = untried {
        let late_from = Delivery::look_at(delivery.due_at, delivery.created_at);
        if now < late_from {
            // The message may still arrive.
            let is_mine = store.carry_until(key, due.due_at, late_from).await?;
            return Ok(if is_mine { LookResult::LookedAt } else { LookResult::NotDue });
        }
        if !deliveries::ring_again(deps, &delivery, &run.longest_overdue, now).await? {
            // The queue refused the message. The mark stays, and the next run tries again.
            return Ok(LookResult::LookedAt);
        }
        // The delivery has an entry of its own now.
        result = LookResult::Woken;
    }
    look_for_second_payment(deps, &due.transaction, now).await?;
    store.clear_carried(key, &carried.webhook).await?;
    Ok(result)
}
