//! What settling stands on, and the bell.

use std::time::Duration;

use domain::Delivery;
use outbound::Outbound;
use queue::Queue;
use runtime::{Base, error_chain};
use tracing::warn;

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
pub(crate) async fn ring(deps: &Deps, deliveries: &[Delivery]) {
    for delivery in deliveries {
        if let Err(error) = deps.queue.ring(delivery, Duration::ZERO).await {
            warn!(bill.num = %delivery.id.bill, "did not ring: {}", error_chain(&error));
        }
    }
}
