//! Deliveries that are due: rung for once more, or handed to the queue with what is left of their wait.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::{Delivery, DeliveryId, DeliveryState, Timestamp};
use futures_util::future::join_all;
use runtime::error_chain;
use store::StoreError;
use tracing::warn;

use crate::Deps;

/// As many as one call of the queue takes; the calls for a page are made at once.
const RUNG_AT_ONCE: usize = 10;

/// Rows that are marked at once.
const MARKED_AT_ONCE: usize = 16;

/// How long the oldest of all deliveries that a run met has been waiting for its attempt.
#[derive(Debug, Default)]
pub(crate) struct Oldest(Mutex<Duration>);

impl Oldest {
    fn see(&self, overdue: Duration) {
        let mut oldest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *oldest = overdue.max(*oldest);
    }

    pub(crate) fn overdue(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rings for these, as far as they still wait. Rung first and marked then: a stop between the two rings twice, and the other
/// way round nobody would ring until the grace is over.
pub(crate) async fn ring(
    deps: &Deps,
    due: &[DeliveryId],
    oldest: &Oldest,
    now: Timestamp,
) -> Result<usize, StoreError> {
    if due.is_empty() {
        return Ok(0);
    }
    let mut found = deps.base.store.find_deliveries(due).await?;
    found.retain(|delivery| delivery.state == DeliveryState::Waiting);
    found.iter().for_each(|delivery| oldest.see(delivery.due_at.until(now)));
    let bells: Vec<(&Delivery, Duration)> =
        found.iter().map(|delivery| (delivery, now.until(delivery.due_at))).collect();
    let rung = join_all(bells.chunks(RUNG_AT_ONCE).map(|some| deps.queue.ring_all(some))).await.concat();
    for rung in rung.chunks(MARKED_AT_ONCE) {
        let marks: Vec<_> = rung.iter().map(|delivery| mark(deps, delivery, now)).collect();
        join_all(marks).await;
    }
    Ok(rung.len())
}

/// Rings for one that its bill carries, and gives it a `due` entry of its own. `false` if it could not be rung for.
pub(crate) async fn ring_again(
    deps: &Deps,
    delivery: &Delivery,
    oldest: &Oldest,
    now: Timestamp,
) -> Result<bool, StoreError> {
    oldest.see(delivery.due_at.until(now));
    if deps.queue.ring_all(&[(delivery, now.until(delivery.due_at))]).await.is_empty() {
        return Ok(false);
    }
    // Where this loses, whoever was faster gave it one, or ended it.
    deps.base.store.change_delivery(delivery, delivery, now).await?;
    Ok(true)
}

/// The sweep looks again when the bell must have been heard.
async fn mark(deps: &Deps, delivery: &Delivery, now: Timestamp) {
    if let Err(error) = deps.base.store.change_delivery(delivery, delivery, now).await {
        warn!(delivery.id = %delivery.id.name(), "did not mark as rung for: {}", error_chain(&error));
    }
}
