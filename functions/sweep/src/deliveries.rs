//! Deliveries that are due: woken again, or handed to the queue with the rest of their wait.

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

/// The longest time by which any delivery of a run is overdue.
#[derive(Debug, Default)]
pub(crate) struct LongestOverdue(Mutex<Duration>);

impl LongestOverdue {
    fn note(&self, overdue: Duration) {
        let mut longest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *longest = overdue.max(*longest);
    }

    pub(crate) fn get(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes those of these deliveries that still wait. The message is sent first, and the row marked then: a stop between the two sends the
/// message twice. In the other order nothing would be sent until the grace is over.
pub(crate) async fn ring(
    deps: &Deps,
    due: &[DeliveryId],
    longest: &LongestOverdue,
    now: Timestamp,
) -> Result<usize, StoreError> {
    if due.is_empty() {
        return Ok(0);
    }
    let mut found = deps.services.store.find_deliveries(due).await?;
    found.retain(|delivery| delivery.state == DeliveryState::Waiting);
    found.iter().for_each(|delivery| longest.note(delivery.due_at.until(now)));
    let rung = deps.queue.ring(&rings(deps, &found, now).await).await;
    for rung in rung.chunks(MARKED_AT_ONCE) {
        let marks: Vec<_> = rung.iter().map(|delivery| mark(deps, delivery, now)).collect();
        join_all(marks).await;
    }
    Ok(rung.len())
}

/// Wakes a delivery that its bill carries, and gives it a `due` entry of its own. `false` if the message could not be sent.
pub(crate) async fn ring_again(
    deps: &Deps,
    delivery: &Delivery,
    longest: &LongestOverdue,
    now: Timestamp,
) -> Result<bool, StoreError> {
    longest.note(delivery.due_at.until(now));
    if deps.queue.ring(&rings(deps, std::slice::from_ref(delivery), now).await).await.is_empty() {
        return Ok(false);
    }
    // If this loses, another worker gave it an entry, or ended it.
    deps.services.store.change_delivery(delivery, delivery, now).await?;
    Ok(true)
}

/// Each delivery by the lane of its target; an app is looked up once for all its deliveries. If an app cannot be read now, its deliveries take
/// the fast lane, and `deliver` moves those that belong in the other.
async fn rings<'a>(deps: &Deps, found: &'a [Delivery], now: Timestamp) -> Vec<Ring<'a>> {
    let apps: BTreeSet<&AppId> = found.iter().map(|delivery| &delivery.id.app).collect();
    let configured = apps.into_iter().map(async |app| match deps.services.apps.find(app, now).await {
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

/// The next look comes when the message must have arrived.
async fn mark(deps: &Deps, delivery: &Delivery, now: Timestamp) {
    if let Err(error) = deps.services.store.change_delivery(delivery, delivery, now).await {
        warn!(delivery.id = %delivery.id.name(), "did not mark as rung for: {}", error_chain(&error));
    }
}
