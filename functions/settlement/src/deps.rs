//! What settling stands on, and the bell.

use std::time::Duration;

use domain::Delivery;
use outbound::Outbound;
use queue::{Queue, Ring};
use runtime::{Base, ConfiguredApp};

/// What settling needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Store, apps and clock.
    pub base: Base,
    /// The bell for deliveries.
    pub queue: Queue,
    /// The way to the providers.
    pub outbound: Outbound,
}

/// Best effort: the deliveries are kept, and the sweep rings for whatever was not rung for.
pub(crate) async fn ring(deps: &Deps, configured: &ConfiguredApp, deliveries: &[Delivery]) {
    let ring = |delivery| Ring { delivery, lane: configured.lane(&delivery.id.webhook), delay: Duration::ZERO };
    deps.queue.ring(&deliveries.iter().map(ring).collect::<Vec<_>>()).await;
}
