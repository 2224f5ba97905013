//! A webhook: the merchant's target, and the events that it can receive.

use std::time::Duration;

use crate::{Mode, RotatingKey, Secret, Timestamp, WebhookId, closed_list};

closed_list! {
    /// An event that a merchant can receive.
    pub enum Event: Telling {
        /// A bill is paid.
        PaymentSuccess = "payment.success" => Telling { bill: Shown::Paid, sample: &[] },
        /// Money went back to the payer.
        RefundSuccess = "refund.success" => Telling { bill: Shown::AsItIs, sample: &[REFUND_NUM, REFUND_FEE, ("refundedFee", "1")] },
        /// A refund did not go back. Its amount can be refunded again.
        RefundFailed = "refund.failed" => Telling {
            bill: Shown::AsItIs,
            sample: &[REFUND_NUM, REFUND_FEE, ("refundedFee", "0"), ("failure", r#""CLOSED: the refund was closed""#)],
        },
        /// A refund left the merchant and did not arrive; a person must act at the provider.
        RefundStuck = "refund.stuck" => Telling {
            bill: Shown::AsItIs,
            sample: &[REFUND_NUM, REFUND_FEE, ("refundedFee", "0"), ("failure", r#""ABNORMAL: the payer's account cannot take the refund""#)],
        },
        /// A bill was closed unpaid.
        PaymentClosed = "payment.closed" => Telling { bill: Shown::Closed, sample: &[] },
        /// A genuine report of the provider does not fit the bill.
        PaymentMismatch = "payment.mismatch" => Telling {
            bill: Shown::AsItIs,
            sample: &[
                ("kind", r#""price""#),
                ("problem", r#""a client charged 1 fen and it was paid, but the server charges 2 fen for this bill""#),
                ("serverFee", "2"),
            ],
        },
        /// A bill was paid a second time.
        PaymentDuplicate = "payment.duplicate" => Telling { bill: Shown::AsItIs, sample: &[("duplicateOf", r#""000000000000000000000001""#)] },
    }
}

/// How an event is reported: what its body shows of the bill, and the members that a test's body has beside those of the bill, with their
/// values in JSON.
#[derive(Clone, Copy)]
pub(crate) struct Telling {
    pub(crate) bill: Shown,
    pub(crate) sample: &'static [(&'static str, &'static str)],
}

/// What a body shows of its bill.
#[derive(Clone, Copy)]
pub(crate) enum Shown {
    /// The payment, even if the bill changed since.
    Paid,
    /// The closing, even if the bill changed since.
    Closed,
    /// The bill as it is when the body is made.
    AsItIs,
}

const REFUND_NUM: (&str, &str) = ("refundNum", r#""sample""#);
const REFUND_FEE: (&str, &str) = ("refundFee", "1");

impl Event {
    pub(crate) fn telling(self) -> Telling {
        self.row()
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
    /// Nowhere: the merchant fetches the events and acknowledges them.
    Pull,
}

/// How long an event is kept for a merchant who fetches it.
pub const PULLED_WITHIN: Duration = Duration::from_secs(7 * 24 * 3600);

/// A target at which an app wants to receive events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose events it receives: those of real payments, or of tests.
    pub mode: Mode,
    /// Which events it wants.
    pub events: Vec<Event>,
    /// Where to.
    pub target: WebhookTarget,
    /// The key of the Standard Webhooks signature, `whsec_...`. A replaced key signs beside the current one for a while.
    pub secret: RotatingKey,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Webhook {
    /// Whether it subscribes to `event` in `mode`.
    pub fn wants(&self, event: Event, mode: Mode) -> bool {
        self.mode == mode && self.events.contains(&event)
    }

    /// Whether the merchant fetches its events.
    pub fn is_pulled(&self) -> bool {
        self.target == WebhookTarget::Pull
    }

    /// When a delivery that begins now is due: at once, or once it was kept long enough for the merchant to fetch it.
    pub fn first_due(&self, now: Timestamp) -> Timestamp {
        if self.is_pulled() { now.plus(PULLED_WITHIN) } else { now }
    }
}
