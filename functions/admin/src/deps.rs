//! What this function needs from outside: services, queue and clients.

use courier::Courier;
use outbound::Outbound;
use queue::Queue;
use runtime::Services;

/// What the operator API, the console and the back office need.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Configuration, store and clock.
    pub services: Services,
    /// Sends the bells of deliveries.
    pub queue: Queue,
    /// The HTTP client for the providers.
    pub outbound: Outbound,
    /// Sends test messages to merchants' webhooks.
    pub courier: Courier,
}

impl Deps {
    /// The part of it that the settlement of a provider's answer needs.
    pub(crate) fn settlement(&self) -> settlement::Deps {
        settlement::Deps { services: self.services.clone(), queue: self.queue.clone(), outbound: self.outbound.clone() }
    }
}
