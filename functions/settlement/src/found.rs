//! What is found that does not fit, as it is kept for a person to look at.

use domain::{Channel, Sentence};

domain::sentences! {
    /// What does not fit, where neither the report nor the provider says so.
    pub enum Found, FoundKind {
        NoSuchTry { order: String } = "found-no-such-try": "there is no such try; the report is about order `{order}`";
        OtherAccount = "found-other-account": "it was verified by another account than that of the try";
        Unreadable = "found-unreadable": "the settings of its account were deleted or retired, or cannot be used";
        PaidToo { transaction: String, channel: Channel } = "found-paid-too": "the bill was paid by transaction {transaction} on {channel}, too";
        Mispriced { paid: i64, price: i64 } = "found-mispriced": "a client charged {paid} fen and it was paid, where the server charges {price} for this bill";
        RefundStuck { num: String, failure: Sentence } = "found-refund-stuck": "refund {num} left, did not arrive, and needs a person: {failure}";
        RefundPaused { num: String, failure: Sentence } = "found-refund-paused": "refund {num} waits for the merchant's balance: top it up, or give the refund up: {failure}";
        RefundFailed { num: String, failure: Sentence } = "found-refund-failed": "refund {num} did not go back: {failure}";
        RefundAmount { num: String, found: i64, expected: i64 } = "found-refund-amount": "refund {num} is {found} fen where {expected} were asked for";
        RefundUnknown { num: String } = "found-refund-unknown": "refund {num} was not asked for here, and the provider says that its money left";
    }
}
