//! The one way by which a verified report becomes a settled bill, and the queries that bring such reports in.
//!
//! Every function that receives reports uses it, whether the provider sends them (`provider-notify`) or is queried. It checks a report,
//! settles it in one transaction, wakes the deliveries, looks for a second payment, and keeps what does not match as an incident. When a
//! provider is queried, and what a caller is answered, the functions decide.

mod asking;
mod closing;
mod deps;
mod duplicates;
mod found;
mod glancing;
mod incidents;
mod notifies;
mod provider_client;
mod refund_progress;
mod refunds;
mod report;
mod taking;

pub use asking::{QueryOutcome, ask};
pub use closing::{Certainty, Closed, close, payable_until};
pub use deps::Deps;
pub use duplicates::look_for_duplicate;
pub use found::{Found, FoundKind};
pub use glancing::{Recent, TryFacts, glance};
pub use incidents::keep_forged;
pub use notifies::{Notify, NotifyOutcome, take_notify};
pub use provider_client::ASKING_BOUNDS;
pub use refund_progress::{continue_refund, give_up};
pub use refunds::{RefundAsked, begin_refund, refund};
pub use report::{ReportContext, ReportOutcome, ReportSource};
pub use taking::take_report;
