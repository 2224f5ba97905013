//! The only map from errors to the codes of the wire contract.
//!
//! The caller gets `err`, a text that is safe to show; the log gets the whole chain.

use std::error::Error;

use domain::{AccountNumber, ApiCode, Channel, Mode, RefundRefusal, RequestError, Sentence, Transaction};
use outbound::OutboundError;
use providers::{AnswerRetry, ProviderError, SettingsError};
use store::{StoreError, StoreRetry};

use crate::{CredentialsError, RandomError, error_words::KeptBecause, http_edge::BodyError};

/// Everything that a call under `/2.0/maxpay` can fail with.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The caller's credentials are wrong or missing.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The app has no settings for the channel.
    #[error("the app has no settings for {channel} in {mode} mode (tab {})", channel.tab())]
    NotConfigured {
        /// The channel.
        channel: Channel,
        /// The mode.
        mode: Mode,
    },
    /// The app has no settings for any channel that a checkout could offer.
    #[error("the app has no settings in {mode} mode for a channel that a checkout could offer")]
    NothingToOffer {
        /// The mode.
        mode: Mode,
    },
    /// The settings of the account that took the money were retired.
    #[error("this was charged on account {number} of {channel} in {mode} mode, which is retired; save its settings again (tab {})", channel.tab())]
    Retired {
        /// The channel.
        channel: Channel,
        /// The mode.
        mode: Mode,
        /// Which of the channel's accounts.
        number: AccountNumber,
    },
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A field is absent or wrong.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The state of the bill does not allow it.
    #[error(transparent)]
    Bill(#[from] BillError),
    /// A client key of the app has reached a limit.
    #[error(transparent)]
    ClientBound(#[from] ClientBoundError),
    /// A stored key or certificate cannot be used.
    #[error("the settings of the channel cannot be used: {0}")]
    Settings(#[from] SettingsError),
    /// The payment does not allow the refund.
    #[error(transparent)]
    Refund(#[from] RefundRefusal),
    /// The provider refused the refund, now or before: its number is used up.
    #[error("the refund `{num}` failed: {failure}; to try again, use another refundNum")]
    RefundFailed {
        /// The refund's number.
        num: String,
        /// The provider's own code and words.
        failure: Sentence,
    },
    /// The refund is not given up.
    #[error("the refund `{num}` is not given up: {why}")]
    RefundKept {
        /// The refund's number.
        num: String,
        /// Why.
        why: KeptBecause,
    },
    /// The provider did not close the bill.
    #[error("the provider did not close the bill: {code}: {words}")]
    NotClosed {
        /// The provider's own code.
        code: String,
        /// The provider's own words.
        words: String,
    },
    /// The provider refused, or its answer cannot be trusted.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The provider did not answer.
    #[error("the provider did not answer ({0}); nothing is decided, so make the same call again")]
    Outbound(#[from] OutboundError),
    /// The storage failed.
    #[error("the storage failed")]
    Store(#[from] StoreError),
    /// The system gave no random bytes.
    #[error("the system failed")]
    Random(#[from] RandomError),
}

/// A limit of the app's client keys is reached. The master key has no limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientBoundError {
    /// Too many charges in this minute.
    #[error(
        "clientChargesPerMinute of the app must not be exceeded: it is {max}, and a client key charged so often within this minute; \
         the next minute has room, and the master key is not bound"
    )]
    Charges {
        /// The bound.
        max: u32,
    },
    /// Too many open bills.
    #[error(
        "clientOpenBills of the app must not be exceeded: it is {max}, and so many bills wait to be paid; they are counted once a \
         minute, and the master key is not bound"
    )]
    OpenBills {
        /// The bound.
        max: u32,
    },
}

domain::sentences! {
    /// Why something cannot be done with a bill. Amounts are in fen.
    pub enum BillError, BillErrorKind {
        Paid { bill: String, paid_on: Channel, transaction: String } = "bill-paid": "billNum must be of an unpaid bill; `{bill}` was paid by {paid_on} (transaction {transaction})";
        // A client paid at another price than the server's, or the payment went back before the server named the price.
        NotCounted { bill: String, paid_on: Channel, transaction: String } = "bill-not-counted": "billNum must be of a bill that can be closed; `{bill}` was paid by {paid_on} (transaction {transaction}), but at another price than the server's or before a refund, so that the payment does not count for it";
        Unknown { bill: String } = "bill-unknown": "billNum must be of a bill that was charged; there is no `{bill}`";
        UnknownOn { bill: String, channel: Channel } = "bill-unknown-on": "billNum must be of a bill that was charged on {channel}; there is no `{bill}`";
        // The bill has no payment with this id or channel.
        Unpaid { bill: String } = "bill-unpaid": "billNum must be of a paid bill; `{bill}` has no such payment";
        // The caller has to say which payment is meant.
        SeveralPayments { bill: String, transactions: String } = "bill-several-payments": "id is required, because the bill `{bill}` was paid by several transactions: {transactions}";
        OtherRefund { num: String, fee: i64, bill: String } = "bill-other-refund": "refundNum must be a new one; `{num}` is that of a refund of {fee} fen of the bill `{bill}`";
        NoRefund { num: String } = "bill-no-refund": "refundNum must be that of a refund; there is no `{num}`";
        OtherFee { bill: String, expected: i64, found: i64 } = "bill-other-fee": "totalFee must be {expected}, as the bill `{bill}` was charged before; found {found}";
        OtherSubject { bill: String } = "bill-other-subject": "subject must be the one with which the bill `{bill}` was charged before";
        // The app lets clients charge only bills that its server has charged.
        NotOpened { bill: String } = "bill-not-opened": "billNum must be of a bill that the server has charged with the master key; it has not charged `{bill}`";
        // The server's checkout has ended or is closed, and a client must not open it again.
        CheckoutOver { bill: String } = "bill-checkout-over": "billNum must be of a bill whose checkout is open; that of `{bill}` is over, and only the server makes it again";
        // The checkout was changed or closed after the visitor saw it.
        OfferChanged { bill: String } = "bill-offer-changed": "billNum must be of a bill whose checkout is as the payer saw it; that of `{bill}` was changed just now";
        // Clients replaced or cancelled its tries too often.
        ReplacedTooOften { bill: String } = "bill-replaced-too-often": "channel must be of another provider, or billNum of another bill, for now: orders of `{bill}` were replaced or cancelled too often within an hour";
        // The notify address with this number would be too long.
        NumberTooLong { chars: usize, max: usize } = "bill-number-too-long": "billNum must be shorter in UTF-8: its notify address would have {chars} characters, and providers take {max}";
        // This caller has no more tries of this bill.
        Exhausted { bill: String, max: u8 } = "bill-exhausted": "billNum must be of a bill tried less than {max} times on this channel; `{bill}` was tried so often";
    }
}

impl BillError {
    /// The bill is paid, by this transaction.
    pub fn paid_by(paid: &Transaction) -> Self {
        let (bill, paid_on, transaction) = (paid.key.bill.to_string(), paid.key.channel, paid.id.to_string());
        Self::Paid { bill, paid_on, transaction }
    }

    /// This transaction is paid, and does not count for the bill.
    pub fn not_counted(paid: &Transaction) -> Self {
        let (bill, paid_on, transaction) = (paid.key.bill.to_string(), paid.key.channel, paid.id.to_string());
        Self::NotCounted { bill, paid_on, transaction }
    }
}

/// What to expect if a call that failed is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same result, until somebody changes the call or the settings.
    No,
    /// The storage failed, or others changed the same thing each time. The same call may succeed later.
    Storage,
    /// The provider was not reached, or its answer was not complete.
    Unanswered,
    /// The provider answered.
    Answered(AnswerRetry),
}

impl ApiError {
    /// What to expect from another try. By this, callers decide whether to query a provider again. A new error does not compile until this
    /// match has it.
    pub fn retryable(&self) -> Retry {
        match self {
            Self::Credentials(_)
            | Self::NotConfigured { .. }
            | Self::NothingToOffer { .. }
            | Self::Retired { .. }
            | Self::Body(_)
            | Self::Request(_)
            | Self::Bill(_)
            | Self::ClientBound(_)
            | Self::Settings(_)
            | Self::Refund(_)
            | Self::RefundFailed { .. }
            | Self::RefundKept { .. }
            | Self::NotClosed { .. }
            | Self::Random(_) => Retry::No,
            Self::Provider(error) => Retry::Answered(error.retryable()),
            Self::Outbound(
                OutboundError::Client { .. }
                | OutboundError::Forbidden(_)
                | OutboundError::Connect { .. }
                | OutboundError::Broken { .. }
                | OutboundError::Deadline { .. }
                | OutboundError::TooLong { .. },
            ) => Retry::Unanswered,
            Self::Store(error) => match error.retryable() {
                StoreRetry::Later => Retry::Storage,
                StoreRetry::No | StoreRetry::ReadAgain => Retry::No,
            },
        }
    }

    /// The code that the caller gets.
    pub fn code(&self) -> ApiCode {
        match self {
            Self::Credentials(_) => ApiCode::AppInvalid,
            Self::NotConfigured { .. } | Self::NothingToOffer { .. } | Self::Retired { .. } => ApiCode::PayFactorNotSet,
            Self::Request(RequestError::ChannelUnknown { .. }) => ApiCode::ChannelInvalid,
            Self::Request(RequestError::Missing { .. }) => ApiCode::MissParam,
            Self::Request(RequestError::Invalid { .. } | RequestError::NotAnObject { .. })
            | Self::Body(_)
            | Self::Bill(_)
            | Self::ClientBound(_)
            | Self::Refund(_)
            | Self::Provider(ProviderError::Param { .. }) => ApiCode::ParamInvalid,
            Self::Settings(_) | Self::Provider(ProviderError::Key { .. }) => ApiCode::CertFileError,
            Self::Provider(ProviderError::Unsupported { .. }) => ApiCode::PayFactorNotSet,
            Self::Provider(
                ProviderError::Refused { .. }
                | ProviderError::Unclear { .. }
                | ProviderError::UnknownKey { .. }
                | ProviderError::AlreadyOrdered
                | ProviderError::OrderBound { .. },
            )
            | Self::RefundFailed { .. }
            | Self::RefundKept { .. }
            | Self::NotClosed { .. }
            | Self::Outbound(_) => ApiCode::ChannelError,
            Self::Store(_) | Self::Random(_) => ApiCode::RunTimeError,
        }
    }
}

/// An error with all its causes, for the log.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        chain = format!("{chain}: {error}");
        cause = error.source();
    }
    chain
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use providers::MessageProblem;

    use super::*;

    #[test]
    #[rustfmt::skip]
    fn what_comes_of_another_try_depends_on_who_failed() {
        let deadline = Duration::from_secs(1);
        let unclear = ProviderError::Unclear { reason: MessageProblem::Page };
        let (code, words) = ("NO".to_owned(), "no".to_owned());
        let unknown = ProviderError::UnknownKey { serial: "1".to_owned() };
        let item = || "item".to_owned();
        let cases: [(ApiError, Retry); 9] = [
            (StoreError::Contended { what: item(), tries: 3 }.into(),    Retry::Storage),
            (StoreError::Stale { what: item() }.into(),                  Retry::No),
            (StoreError::Sealed { owner: item() }.into(),                Retry::No),
            (OutboundError::Deadline { deadline }.into(),                Retry::Unanswered),
            (unclear.into(),                                             Retry::Answered(AnswerRetry::Later)),
            (unknown.into(),                                             Retry::Answered(AnswerRetry::WithCertificate)),
            (ProviderError::AlreadyOrdered.into(),                       Retry::Answered(AnswerRetry::WithFirstAnswer)),
            (ProviderError::Refused { code, words }.into(),              Retry::Answered(AnswerRetry::No)),
            (BillError::Unpaid { bill: item() }.into(),                  Retry::No),
        ];
        for (error, expect) in cases {
            assert_eq!(error.retryable(), expect, "{error}");
        }
    }
}
