//! The sentences of errors, each with its code and its parameters.

use domain::{AccountNumber, AsItIs, Channel, Mode, Sentence, Tab, Unanswered};
use outbound::OutboundError;
use providers::SettingProblem;

use crate::error::ApiError;

domain::sentences! {
    /// Why a call failed, if neither the bill nor the provider says why.
    pub enum Failed, FailedKind {
        NotConfigured { channel: Channel, mode: Mode, tab: Tab } = "failed-not-configured": "the app has no settings for {channel} in {mode} mode (tab {tab})";
        Retired { number: AccountNumber, channel: Channel, mode: Mode, tab: Tab } = "failed-retired": "this was charged on account {number} of {channel} in {mode} mode, which is retired; save its settings again (tab {tab})";
        Settings { field: String, problem: SettingProblem } = "failed-settings": "the settings of the channel cannot be used: {field}: {problem}";
        Refund { num: String, failure: Sentence } = "failed-refund": "the refund `{num}` failed: {failure}; to try again, use another refundNum";
        RefundKept { num: String, why: KeptBecause } = "failed-refund-kept": "the refund `{num}` is not given up: {why}";
        NotClosed { code: String, words: String } = "failed-not-closed": "the provider did not close the bill: {code}: {words}";
        Unanswered { why: Unanswered } = "failed-unanswered": "the provider did not answer ({why}); nothing is decided, so make the same call again";
        Storage = "failed-storage": "the storage failed";
        System = "failed-system": "the system failed";
    }
}

domain::sentences! {
    /// Why a refund is not given up.
    pub enum KeptBecause, KeptBecauseKind {
        NotPaused = "kept-not-paused": "only a refund that waits for the merchant's balance can be given up";
        MayMove = "kept-may-move": "the provider has not confirmed yet that no money moved; try again later";
        SentAgain = "kept-sent-again": "it was sent again just now; look at it again";
    }
}

impl ApiError {
    /// The sentence of this error. A new error does not compile until this match has it.
    pub fn said(&self) -> Sentence {
        match self {
            // Errors in a merchant's call are shown only to the merchant, so they have no code.
            Self::Credentials(error) => as_it_is(error),
            Self::Body(error) => as_it_is(error),
            Self::Request(error) => as_it_is(error),
            Self::ClientBound(error) => as_it_is(error),
            Self::NothingToOffer { .. } => as_it_is(self),
            Self::Bill(error) => error.sentence(),
            Self::Refund(refusal) => refusal.sentence(),
            Self::Provider(error) => error.sentence(),
            Self::NotConfigured { channel, mode } => {
                Failed::NotConfigured { channel: *channel, mode: *mode, tab: channel.tab() }.into()
            }
            Self::Retired { channel, mode, number } => {
                Failed::Retired { number: *number, channel: *channel, mode: *mode, tab: channel.tab() }.into()
            }
            Self::Settings(error) => {
                Failed::Settings { field: error.field.clone(), problem: error.problem.clone() }.into()
            }
            Self::RefundFailed { num, failure } => Failed::Refund { num: num.clone(), failure: failure.clone() }.into(),
            Self::RefundKept { num, why } => Failed::RefundKept { num: num.clone(), why: why.clone() }.into(),
            Self::NotClosed { code, words } => Failed::NotClosed { code: code.clone(), words: words.clone() }.into(),
            Self::Outbound(error) => Failed::Unanswered { why: unanswered(error) }.into(),
            Self::Store(_) => Failed::Storage.into(),
            Self::Random(_) => Failed::System.into(),
        }
    }
}

fn as_it_is(error: &dyn std::error::Error) -> Sentence {
    AsItIs::Words { words: error.to_string() }.into()
}

fn unanswered(error: &OutboundError) -> Unanswered {
    match error {
        OutboundError::Client { .. } => Unanswered::Client,
        OutboundError::Forbidden(forbidden) => Unanswered::Forbidden { address: forbidden.address().to_string() },
        OutboundError::Connect { .. } => Unanswered::Connect,
        OutboundError::Broken { .. } => Unanswered::Broken,
        OutboundError::Deadline { deadline } => Unanswered::Deadline { seconds: deadline.as_secs() },
        OutboundError::TooLong { body_bytes_max } => Unanswered::TooLong { bytes_max: *body_bytes_max },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::{RefundFailure, RefundRefusal};
    use providers::{MessageProblem, ProviderError, SettingsError};

    use super::*;
    use crate::BillError;

    #[test]
    fn an_error_and_its_sentence_have_the_same_words() {
        let (channel, mode, num) = (Channel::AliWeb, Mode::Live, || "R1".to_owned());
        let settings = || SettingsError { field: "privateKey".to_owned(), problem: SettingProblem::SignsNot };
        let errors: [ApiError; 10] = [
            ApiError::NotConfigured { channel, mode },
            ApiError::Retired { channel, mode, number: AccountNumber::FIRST },
            settings().into(),
            BillError::Unpaid { bill: "tea".to_owned() }.into(),
            RefundRefusal::NotPaid.into(),
            ApiError::RefundFailed { num: num(), failure: RefundFailure::GivenUp.into() },
            ApiError::RefundKept { num: num(), why: KeptBecause::MayMove },
            ApiError::NotClosed { code: "NO".to_owned(), words: "no".to_owned() },
            ProviderError::Unclear { reason: MessageProblem::Page }.into(),
            OutboundError::Deadline { deadline: Duration::from_secs(6) }.into(),
        ];
        for error in errors {
            assert_eq!(error.said().text, error.to_string());
            assert_ne!(error.said().said.code, "words", "{error}");
        }
    }
}
