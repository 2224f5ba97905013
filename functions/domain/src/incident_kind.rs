//! What can be wrong that a person must look at.

use crate::closed_list;

closed_list! {
    /// What kind of incident it is. Its word is a part of the item's key.
    pub enum IncidentKind {
        /// A report is about another app, merchant or seller than the try's.
        Account = "account",
        /// A report is about another amount.
        Amount = "amount",
        /// The provider says that a paid order was closed unpaid.
        ClosedAfterPayment = "closed-after-payment",
        /// A day could not be compared with its provider's bill. This incident is not a report: the day itself is listed while it is owed.
        DayNotCompared = "day-not-compared",
        /// A bill was paid a second time.
        Duplicate = "duplicate",
        /// A report is about another order.
        Order = "order",
        /// A paid order was paid under another trade number.
        PaidAgain = "paid-again",
        /// A client's payment of a bill had another price than the server's.
        Price = "price",
        /// A report is about another amount of a refund.
        RefundAmount = "refund-amount",
        /// A statement of the provider about a refund contradicts an earlier one.
        RefundContradiction = "refund-contradiction",
        /// A refund did not go back, and no caller waits for its answer.
        RefundFailed = "refund-failed",
        /// A refund waits for the merchant's balance.
        RefundPaused = "refund-paused",
        /// A refund left the merchant and did not arrive.
        RefundStuck = "refund-stuck",
        /// Money of a payment went back without a request here.
        RefundUnknown = "refund-unknown",
        /// More money went back than was paid.
        RefundedTooMuch = "refunded-too-much",
        /// A report is about a try that is not known here.
        Unknown = "unknown",
        /// A message could not be verified. Anyone can send such messages, so only one an hour is kept for a transaction, in a separate
        /// list.
        Forged = "forged",
    }
}
