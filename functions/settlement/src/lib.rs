//! The one door by which a verified report becomes a settled bill, and the questions that bring such reports in.
//!
//! Used by every function that hears of payments, whether the provider said it by itself (`provider-notify`) or is asked: check,
//! settle in one transaction, ring for the deliveries, look for a second payment, keep what does not fit. Who is asked when,
//! and what is answered to whom, is for the functions to say.

mod asking;
mod closing;
mod deps;
mod door;
mod duplicates;
mod found;
mod hearing;
mod incidents;
mod pursuing;
mod refunds;
mod report;
mod talk;

pub use asking::{Asked, ask};
pub use closing::{Certainty, Closed, close, payable_until};
pub use deps::Deps;
pub use door::take;
pub use duplicates::look_for_duplicate;
pub use found::{Found, FoundKind};
pub use hearing::{Answered, Notify, hear};
pub use incidents::keep_forged;
pub use pursuing::{give_up, pursue_refund};
pub use refunds::{RefundAsked, refund, take_refund};
pub use report::{Heard, How, Taken};
pub use talk::ASKING_BOUNDS;
