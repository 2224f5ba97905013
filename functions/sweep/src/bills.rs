//! What is due of bills and refunds. Who is to be asked about those that are open is noted for the end of the run; paid ones are looked
//! at here: a delivery that a bill carries was not attempted yet, or nobody looked for a second payment.

use domain::{AskedAbout, Delivery, DeliveryId, DeliveryState, Timestamp, Transaction, TransactionKey};
use futures_util::future::join_all;
use runtime::{ApiError, error_chain};
use settlement::look_for_duplicate;
use store::{Due, DueRow, DueTransaction, StoreError};
use tracing::warn;

use crate::{
    Deps,
    deliveries::{self, Oldest},
    run::Run,
};

/// Paid bills at once in one of the 24 shards.
const PAID_AT_ONCE: usize = 3;

/// What came of a page.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Healed {
    /// The paid bills that were looked at.
    pub(crate) looked_at: usize,
    /// The deliveries that were rung for, because their bills carry them.
    pub(crate) rung: usize,
}

/// Looks at the bills and refunds among what is due.
///
/// # Errors
/// [`StoreError`]: their rows cannot be read now.
pub(crate) async fn heal(deps: &Deps, run: &Run, due: &[Due], now: Timestamp) -> Result<Healed, StoreError> {
    let about = due.iter().filter_map(|due| match due {
        Due::Transaction(key) => Some(AskedAbout::Transaction(key.clone())),
        Due::Refund(key) => Some(AskedAbout::Refund(key.clone())),
        Due::Delivery(_) | Due::Day(_) | Due::Other { .. } => None,
    });
    let mut paid = Vec::new();
    for row in deps.base.store.find_due_rows(&about.collect::<Vec<_>>()).await? {
        match row {
            DueRow::Open { about, askee, since } => run.note_question(askee, about, since),
            DueRow::Paid(key) => paid.push(key),
        }
    }
    Ok(look_at_paid(deps, run, &paid, now).await)
}

async fn look_at_paid(deps: &Deps, run: &Run, paid: &[TransactionKey], now: Timestamp) -> Healed {
    let mut healed = Healed::default();
    for some in paid.chunks(PAID_AT_ONCE) {
        if !run.may_read(deps.base.clock.now()) {
            break;
        }
        let looked = join_all(some.iter().map(|key| look(deps, &run.oldest, key, now))).await;
        for looked in looked {
            healed.looked_at += usize::from(looked == Looked::At);
            healed.rung += usize::from(looked == Looked::Rung);
        }
    }
    healed
}

/// What came of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looked {
    /// It was not this run's to look at.
    Passed,
    /// It was looked at.
    At,
    /// The delivery that it carries was rung for.
    Rung,
}

impl From<bool> for Looked {
    fn from(was_mine: bool) -> Self {
        if was_mine { Self::At } else { Self::Passed }
    }
}

async fn look(deps: &Deps, oldest: &Oldest, key: &TransactionKey, now: Timestamp) -> Looked {
    look_at_bill(deps, oldest, key, now).await.unwrap_or_else(|error| {
        warn!(bill.num = %key.bill, "bill {} stays as it is: {}", key.bill, error_chain(&error));
        Looked::At
    })
}

async fn look_at_bill(deps: &Deps, oldest: &Oldest, key: &TransactionKey, now: Timestamp) -> Result<Looked, ApiError> {
    let store = &deps.base.store;
    let Some(due) = store.find_due_transaction(key, now).await? else { return Ok(Looked::Passed) };
    if !due.transaction.status.is_paid() {
        return Ok(Looked::Passed);
    }
    if let Some(carried) = &due.carries {
        return look_for_carried(deps, oldest, (&due, carried), now).await;
    }
    // It was settled by an answer, and whoever got it stopped before it was looked at once more.
    look_for_second_payment(deps, &due.transaction, now).await?;
    Ok(store.postpone_transaction(key, due.due_at, None).await?.into())
}

async fn look_for_second_payment(deps: &Deps, bill: &Transaction, now: Timestamp) -> Result<(), ApiError> {
    if let Some(configured) = deps.base.apps.find(&bill.key.app, now).await? {
        look_for_duplicate(deps, &configured, bill, now).await?;
    }
    Ok(())
}

/// A paid bill that carries a delivery: whoever makes the first attempt lets go of it, so that the bell was lost, or is on its way.
async fn look_for_carried(
    deps: &Deps,
    oldest: &Oldest,
    (due, carried): (&DueTransaction, &DeliveryId),
    now: Timestamp,
) -> Result<Looked, ApiError> {
    let (store, key) = (&deps.base.store, &due.transaction.key);
    let delivery = store.find_delivery(carried).await?;
    let is_untried = |delivery: &Delivery| delivery.state == DeliveryState::Waiting && delivery.attempt == 1;
    let mut looked = Looked::At;
    if let Some(delivery) = delivery.filter(is_untried) {
        let look_at = Delivery::look_at(delivery.due_at, delivery.created_at);
        if look_at > now {
            return Ok(store.carry_until(key, due.due_at, look_at).await?.into());
        }
        if !deliveries::ring_again(deps, &delivery, oldest, now).await? {
            return Ok(Looked::At);
        }
        looked = Looked::Rung;
    }
    look_for_second_payment(deps, &due.transaction, now).await?;
    store.let_go(key, &carried.webhook).await?;
    Ok(looked)
}
