//! What can go wrong with settings, with a provider's answer and with a notify. No text here holds a secret.

use crate::{MessageProblem, SettingProblem, TrustProblem, Unable};

/// One problem in the settings that an operator typed: the field, and words that help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct SettingsError {
    /// The member of the settings, as it is spelled there.
    pub field: String,
    /// What is wrong with it and what was expected. It never repeats the value.
    pub problem: SettingProblem,
}

impl SettingsError {
    pub(crate) fn new(field: impl Into<String>, problem: SettingProblem) -> Self {
        Self { field: field.into(), problem }
    }
}

domain::sentences! {
    /// Why a call to a provider cannot be made, or did not give what was asked for.
    pub enum ProviderError, ProviderErrorKind {
        // The provider said no: its own code, for example `ACQ.TOTAL_FEE_EXCEED`, and its own words.
        Refused { code: String, words: String } = "provider-refused": "the provider refused with {code}: {words}";
        // Nobody knows what happened: garbage, an unsigned or wrongly signed answer, or a provider that is busy. The bill stays pending and is
        // asked about again.
        Unclear { reason: MessageProblem } = "provider-unclear": "the provider's answer is unclear: {reason}";
        // The answer is signed with a platform certificate that is not held yet. `Account::certificates_request` fetches it; the same answer can
        // then be read once more. The serial number is as the answer names it.
        UnknownKey { serial: String } = "provider-unknown-key": "the provider's answer is signed with certificate {serial}, which is not held";
        // The account's protocol cannot do this.
        Unsupported { what: Unable } = "provider-unsupported": "the account cannot do this: {what}";
        // The provider took this order before, and gives nothing out for it a second time.
        AlreadyOrdered = "provider-already-ordered": "the provider has this order already, and the answer to it was lost; try again";
        // The provider has this order with other parameters, or closed it, and gives nothing out for it.
        OrderBound { code: String, words: String } = "provider-order-bound": "the provider takes this order up no more: {code}: {words}";
        // A field of the charge is fine by itself, and not for this account.
        Param { field: &'static str, expected: String } = "provider-param": "{field} must be {expected}";
        // A key that is needed is not configured, or does not work.
        Key { field: &'static str, problem: SettingProblem } = "provider-key": "{field}: {problem}";
    }
}

/// What may come of it when a call is made again that a provider's answer brought to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerRetry {
    /// The same: it ends as before until somebody changes the call or the settings.
    No,
    /// Nobody knows what happened; the same call, later, may say.
    Later,
    /// The same answer can be read with the certificate that it names.
    WithCertificate,
    /// The same order, if what the provider gave out for it the first time is found; another order otherwise.
    WithFirstAnswer,
    /// Another order for the same charge.
    AsAnotherOrder,
}

impl ProviderError {
    /// What may come of another try. A new error has to say it here.
    pub fn retryable(&self) -> AnswerRetry {
        match self {
            Self::Refused { .. } | Self::Unsupported { .. } | Self::Param { .. } | Self::Key { .. } => AnswerRetry::No,
            Self::Unclear { .. } => AnswerRetry::Later,
            Self::UnknownKey { .. } => AnswerRetry::WithCertificate,
            Self::AlreadyOrdered => AnswerRetry::WithFirstAnswer,
            Self::OrderBound { .. } => AnswerRetry::AsAnotherOrder,
        }
    }

    pub(crate) fn missing(field: impl Into<String>) -> Self {
        Self::Unclear { reason: MessageProblem::Missing { field: field.into() } }
    }
}

domain::sentences! {
    /// Why a notify is refused. A field is the member of the settings that holds the key, or the field of the notify that brings it.
    pub enum NotifyError, NotifyErrorKind {
        // It is not a message of the documented form.
        Malformed { reason: MessageProblem } = "notify-malformed": "the notify is malformed: {reason}";
        Unsigned = "notify-unsigned": "the notify has no signature";
        // It names another signature algorithm than the configured one, which would be a downgrade. What it names is cut short.
        Algorithm { found: String, expected: &'static str } = "notify-algorithm": "the notify is signed with {found} where {expected} is configured";
        // Its signature does not fit its content and the configured key.
        BadSignature { field: &'static str } = "notify-bad-signature": "the signature of the notify does not fit its content and {field}";
        // It is signed with a platform certificate that is not held yet. The caller may fetch it (`Account::certificates_request`) and try once
        // more; strangers can write any number there, so not for every notify.
        UnknownKey { serial: String } = "notify-unknown-key": "the notify is signed with certificate {serial}, which is not held";
        // It was signed too long ago, or too far ahead, for the clock here: a replay, or a clock that is wrong.
        Stale { seconds: u64, seconds_max: u64 } = "notify-stale": "the notify was signed {seconds} s away from now, at most {seconds_max} are taken";
        // The provider tries whether signatures are looked at: this one is wrong on purpose. It is to be refused, and is no attack.
        Probe = "notify-probe": "the notify is the provider's own test of a wrong signature";
        // It is genuine, and what is sealed in it does not open.
        Sealed { field: &'static str } = "notify-sealed": "the content of the notify does not open with {field}";
        // It brings the certificate that it is signed with, and that one is not the provider's, or not valid now.
        Untrusted { problem: TrustProblem } = "notify-untrusted": "the certificate of the notify is not trusted: {problem}";
    }
}

impl NotifyError {
    /// Whether the same notify can be verified with certificates that the provider has only begun to sign with. A new error has to say it
    /// here.
    pub fn retryable(&self) -> bool {
        match self {
            Self::UnknownKey { .. } => true,
            Self::Malformed { .. }
            | Self::Unsigned
            | Self::Algorithm { .. }
            | Self::BadSignature { .. }
            | Self::Stale { .. }
            | Self::Probe
            | Self::Sealed { .. }
            | Self::Untrusted { .. } => false,
        }
    }

    pub(crate) fn missing(field: impl Into<String>) -> Self {
        Self::Malformed { reason: MessageProblem::Missing { field: field.into() } }
    }

    /// The same of an answer that is signed as notifies are.
    pub(crate) fn of_answer(self) -> MessageProblem {
        use MessageProblem as P;
        match self {
            Self::Malformed { reason } => P::AnswerMalformed { reason: Box::new(reason) },
            Self::Unsigned => P::AnswerUnsigned,
            Self::Algorithm { found, expected } => P::AnswerAlgorithm { found, expected },
            Self::BadSignature { field } => P::AnswerSignature { field },
            Self::UnknownKey { serial } => P::AnswerUnknownKey { serial },
            Self::Stale { seconds, seconds_max } => P::AnswerStale { seconds, seconds_max },
            Self::Probe => P::AnswerProbe,
            Self::Sealed { field } => P::AnswerSealed { field },
            Self::Untrusted { problem } => P::AnswerUntrusted { problem },
        }
    }
}

impl From<MessageProblem> for ProviderError {
    fn from(reason: MessageProblem) -> Self {
        Self::Unclear { reason }
    }
}

impl From<Unable> for ProviderError {
    fn from(what: Unable) -> Self {
        Self::Unsupported { what }
    }
}

impl From<MessageProblem> for NotifyError {
    fn from(reason: MessageProblem) -> Self {
        Self::Malformed { reason }
    }
}

/// Echoes of a provider's words are cut here: enough to understand, too little to fill a log.
const WORDS_CHARS_MAX: usize = 256;

/// A provider's own words, cut short and without control characters.
pub(crate) fn words(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(WORDS_CHARS_MAX).collect()
}
