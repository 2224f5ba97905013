//! Deliveries that are due: rung for once more, or handed to the queue with what is left of their wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::{AppId, Delivery, DeliveryId, DeliveryState, Lane, Timestamp};
use futures_util::future::join_all;
use queue::Ring;
use runtime::error_chain;
use store::StoreError;
use tracing::warn;

use crate::Deps;

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
    let rung = deps.queue.ring(&rings(deps, &found, now).await).await;
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
    if deps.queue.ring(&rings(deps, std::slice::from_ref(delivery), now).await).await.is_empty() {
        return Ok(false);
    }
    // Where this loses, whoever was faster gave it one, or ended it.
    deps.base.store.change_delivery(delivery, delivery, now).await?;
    Ok(true)
}

/// Each through the lane of its target; an app is looked up once for all its deliveries. An app that cannot be read now keeps nobody from being
/// rung for: `deliver` finds out the lane.
async fn rings<'a>(deps: &Deps, found: &'a [Delivery], now: Timestamp) -> Vec<Ring<'a>> {
    let apps: BTreeSet<&AppId> = found.iter().map(|delivery| &delivery.id.app).collect();
    let configured = apps.into_iter().map(async |app| match deps.base.apps.find(app, now).await {
        Ok(configured) => Some((app, configured?)),
        Err(error) => {
            warn!(app.id = %app, "its deliveries are rung for in the fast lane: {}", error_chain(&error));
            None
        }
    });
    let configured: BTreeMap<_, _> = join_all(configured).await.into_iter().flatten().collect();
    let lane = |id: &DeliveryId| configured.get(&id.app).map_or(Lane::Fast, |configured| configured.lane(&id.webhook));
    let ring = |delivery: &'a Delivery| Ring { delivery, lane: lane(&delivery.id), delay: now.until(delivery.due_at) };
    found.iter().map(ring).collect()
}

/// The sweep looks again when the bell must have been heard.
async fn mark(deps: &Deps, delivery: &Delivery, now: Timestamp) {
    if let Err(error) = deps.base.store.change_delivery(delivery, delivery, now).await {
        warn!(delivery.id = %delivery.id.name(), "did not mark as rung for: {}", error_chain(&error));
    }
}
