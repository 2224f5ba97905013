//! The one door by which a verified report becomes a settled bill, and the questions that bring such reports in.
//!
//! Used by every function that hears of payments, whether the provider said it by itself (`provider-notify`) or is asked: check,
//! settle in one transaction, ring for the deliveries, look for a second payment, keep what does not fit. Who is asked when,
//! and what is answered to whom, is for the functions to say.

mod asking;
mod closing;
mod door;
mod duplicates;
mod hearing;
mod incidents;
mod pursuing;
mod refunds;

pub use asking::{ASKING_BOUNDS, Asked, ask};
pub use closing::{Certainty, Closed, close, payable_until};
pub use door::{Heard, How, Taken, take};
pub use duplicates::look_for_duplicate;
pub use hearing::{Answered, Notify, hear};
pub use incidents::keep_forged;
pub use pursuing::{give_up, pursue_refund};
pub use refunds::{RefundAsked, refund, take_refund};

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
async fn ring(deps: &Deps, deliveries: &[Delivery]) {
    for delivery in deliveries {
        if let Err(error) = deps.queue.ring(delivery, Duration::ZERO).await {
            warn!(bill.num = %delivery.id.bill, "did not ring: {}", error_chain(&error));
        }
    }
}
