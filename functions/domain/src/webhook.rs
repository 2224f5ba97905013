//! A webhook: the merchant's target, and what can be told there.

use crate::{Mode, RotatingKey, Secret, Timestamp, WebhookId};

/// Something a merchant can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// A bill is paid.
    PaymentSuccess,
    /// Money went back to the payer.
    RefundSuccess,
    /// A refund did not go back, and its amount is free again.
    RefundFailed,
    /// A refund left the merchant and did not arrive; a person must act at the provider.
    RefundStuck,
    /// A bill was closed unpaid.
    PaymentClosed,
    /// A genuine report of the provider's does not fit the bill.
    PaymentMismatch,
    /// A bill was paid a second time.
    PaymentDuplicate,
}

impl Event {
    /// Every event with its name on the wire.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::PaymentSuccess, "payment.success"),
        (Self::RefundSuccess, "refund.success"),
        (Self::RefundFailed, "refund.failed"),
        (Self::RefundStuck, "refund.stuck"),
        (Self::PaymentClosed, "payment.closed"),
        (Self::PaymentMismatch, "payment.mismatch"),
        (Self::PaymentDuplicate, "payment.duplicate"),
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(event, _)| *event == self).map_or("", |(_, name)| name)
    }

    /// Finds the event with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(event, _)| *event)
    }
}

/// Where a webhook sends to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookTarget {
    /// An HTTP address, with headers of the merchant's own, which may be secrets.
    Url {
        /// The address.
        url: String,
        /// The merchant's own headers.
        headers: Vec<(String, Secret<String>)>,
    },
    /// The merchant's own Lambda: a name or an ARN.
    Function(String),
}

/// A target that an app wants to be told at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose events it hears: those of real payments, or of tests.
    pub mode: Mode,
    /// Which events it wants.
    pub events: Vec<Event>,
    /// Where to.
    pub target: WebhookTarget,
    /// The key of the Standard Webhooks signature, `whsec_...`. One that was replaced signs beside it for a while.
    pub secret: RotatingKey,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Webhook {
    /// Whether it wants to hear of `event` in `mode`.
    pub fn wants(&self, event: Event, mode: Mode) -> bool {
        self.mode == mode && self.events.contains(&event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_names_go_round() {
        for (event, name) in Event::ALL {
            assert_eq!((Event::find(name), event.name()), (Some(event), name));
        }
    }
}
