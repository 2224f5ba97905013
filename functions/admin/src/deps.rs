//! What this function stands on.

use courier::Courier;
use outbound::Outbound;
use queue::Queue;
use runtime::Services;

/// What the operator API, the console and the back office need.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Configuration, store and clock.
    pub services: Services,
    /// The bell for deliveries.
    pub queue: Queue,
    /// The way to the providers.
    pub outbound: Outbound,
    /// The ways to merchants, for tests of their webhooks.
    pub courier: Courier,
}

impl Deps {
    /// What settling a provider's answer needs of it.
    pub(crate) fn settlement(&self) -> settlement::Deps {
        settlement::Deps { services: self.services.clone(), queue: self.queue.clone(), outbound: self.outbound.clone() }
    }
}
