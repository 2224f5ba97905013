//! Findings that a person has to look at, as incidents keep them.

use domain::{Channel, Sentence};

domain::sentences! {
    /// What is wrong, if neither the report nor the provider says so.
    pub enum Found, FoundKind {
        NoSuchTry { order: String } = "found-no-such-try": "there is no such try; the report is about order `{order}`";
        OtherAccount = "found-other-account": "it was verified by another account than that of the try";
        Unreadable = "found-unreadable": "the settings of its account are deleted, retired or unusable";
        PaidToo { transaction: String, channel: Channel } = "found-paid-too": "the bill was also paid by transaction {transaction} on {channel}";
        Mispriced { paid: i64, price: i64 } = "found-mispriced": "a client charged {paid} fen and it was paid, but the server charges {price} fen for this bill";
        RefundStuck { num: String, failure: Sentence } = "found-refund-stuck": "the money of refund {num} left and did not arrive; a person must act: {failure}";
        RefundPaused { num: String, failure: Sentence } = "found-refund-paused": "refund {num} waits for the merchant's balance: add money, or give the refund up: {failure}";
        RefundFailed { num: String, failure: Sentence } = "found-refund-failed": "refund {num} did not go back: {failure}";
        RefundAmount { num: String, found: i64, expected: i64 } = "found-refund-amount": "refund {num} is {found} fen, but {expected} fen were asked for";
        RefundUnknown { num: String } = "found-refund-unknown": "refund {num} was not made here, but the provider says that its money left";
    }
}
