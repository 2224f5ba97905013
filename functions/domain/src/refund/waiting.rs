//! What an open refund waits for, for people who look at a list of refunds.

use super::{Refund, RefundStatus};
use crate::{Timestamp, closed_list};

closed_list! {
    /// What an open refund waits for.
    pub enum RefundWait {
        /// The provider has not decided. It is asked again.
        Provider = "provider",
        /// The merchant's balance at the provider does not suffice. The refund is sent again.
        Balance = "balance",
        /// A person must act in the provider's merchant platform.
        Person = "person",
    }
}

/// What an open refund waits for, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundWaiting {
    /// What for.
    pub wait: RefundWait,
    /// When the provider is asked next, or the refund sent again.
    pub next_at: Option<Timestamp>,
    /// When it fails if nothing changes; `None` if it waits without an end.
    pub until: Option<Timestamp>,
}

/// What a refund waits for; `None` once it ended.
pub fn refund_waiting(refund: &Refund) -> Option<RefundWaiting> {
    let until = refund.pause.map(|pause| pause.since.plus(Refund::PAUSED_MAX));
    let wait = match refund.status {
        RefundStatus::Success | RefundStatus::Failed => return None,
        RefundStatus::Stuck => RefundWait::Person,
        RefundStatus::Pending if until.is_some() => RefundWait::Balance,
        RefundStatus::Pending => RefundWait::Provider,
    };
    Some(RefundWaiting { wait, next_at: refund.due_at, until: until.filter(|_| wait == RefundWait::Balance) })
}
