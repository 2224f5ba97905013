//! What this crate needs of the outside, and the wake-up of deliveries.

use std::time::Duration;

use domain::Delivery;
use outbound::Outbound;
use queue::{Queue, Ring};
use runtime::{ConfiguredApp, Services};

/// What settling needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Store, apps and clock.
    pub services: Services,
    /// The bell for deliveries.
    pub queue: Queue,
    /// The way to the providers.
    pub outbound: Outbound,
}

/// Wakes deliveries, at best effort: they are kept, and the sweep wakes those whose message is not sent.
pub(crate) async fn ring(deps: &Deps, configured: &ConfiguredApp, deliveries: &[Delivery]) {
    let due = deliveries.iter().filter(|delivery| delivery.is_rung_at_once());
    let rings =
        due.map(|delivery| Ring { delivery, lane: configured.lane(&delivery.id.webhook), delay: Duration::ZERO });
    deps.queue.ring(&rings.collect::<Vec<_>>()).await;
}
