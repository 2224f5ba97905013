//! What can go wrong with settings, with a provider's answer and with a notify. No text here contains a secret.

use crate::{MessageProblem, SettingProblem, TrustProblem, Unable};

/// One problem in the settings that an operator typed: the field, and a text that helps.
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
    /// Why a call to a provider cannot be made, or did not give the expected result.
    pub enum ProviderError, ProviderErrorKind {
        // The provider said no: its own code, for example `ACQ.TOTAL_FEE_EXCEED`, and its own words.
        Refused { code: String, words: String } = "provider-refused": "the provider refused with {code}: {words}";
        // The result is unknown: garbage, an unsigned or wrongly signed answer, or a provider that is busy. The bill stays pending
        // and is queried again.
        Unclear { reason: MessageProblem } = "provider-unclear": "the provider's answer is unclear: {reason}";
        // The answer is signed with a platform certificate that we do not have yet. `Account::certificates_request` fetches it;
        // then the same answer can be read again. The serial number is as the answer gives it.
        UnknownKey { serial: String } = "provider-unknown-key": "the provider's answer is signed with certificate {serial}, which is not known here";
        // The account's protocol cannot do this.
        Unsupported { what: Unable } = "provider-unsupported": "the account cannot do this: {what}";
        // The provider accepted this order before, and does not give out its parameters again.
        AlreadyOrdered = "provider-already-ordered": "the provider has this order already, but its answer was lost; try again";
        // The provider has this order with other parameters, or closed it, and gives out no parameters for it.
        OrderBound { code: String, words: String } = "provider-order-bound": "the provider no longer accepts this order: {code}: {words}";
        // A field of the charge is valid, but this account cannot use it.
        Param { field: &'static str, expected: String } = "provider-param": "{field} must be {expected}";
        // A required key is not configured, or does not work.
        Key { field: &'static str, problem: SettingProblem } = "provider-key": "{field}: {problem}";
    }
}

/// What to expect if a call is made again after the provider's answer gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerRetry {
    /// The same result, until somebody changes the call or the settings.
    No,
    /// The result is unknown; the same call may show it later.
    Later,
    /// The same answer can be read with the certificate that it names.
    WithCertificate,
    /// The same order, if the parameters that the provider gave out the first time are found. Otherwise another order.
    WithFirstAnswer,
    /// Another order for the same charge.
    AsAnotherOrder,
}

impl ProviderError {
    /// What to expect from another try. A new error does not compile until this match has it.
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
    /// Why a notify is refused. A field is the setting that holds the key, or the field of the notify that contains it.
    pub enum NotifyError, NotifyErrorKind {
        // It does not have the documented form.
        Malformed { reason: MessageProblem } = "notify-malformed": "the notify is malformed: {reason}";
        Unsigned = "notify-unsigned": "the notify has no signature";
        // It names another signature algorithm than the configured one: a downgrade. The name is cut short.
        Algorithm { found: String, expected: &'static str } = "notify-algorithm": "the notify is signed with {found}, but {expected} is configured";
        // Its signature does not fit its content and the configured key.
        BadSignature { field: &'static str } = "notify-bad-signature": "the signature of the notify does not match its content and {field}";
        // It is signed with a platform certificate that we do not have yet. The caller may fetch it
        // (`Account::certificates_request`) and try once more, but not for every notify: strangers can write any number there.
        UnknownKey { serial: String } = "notify-unknown-key": "the notify is signed with certificate {serial}, which is not known here";
        // Its signing time is too far from the clock here: a replay, or a wrong clock.
        Stale { seconds: u64, seconds_max: u64 } = "notify-stale": "the signing time of the notify is {seconds} s away from now; at most {seconds_max} s are allowed";
        // The provider tests whether signatures are checked: this one is wrong on purpose. It must be refused, and it is not an
        // attack.
        Probe = "notify-probe": "the notify is the provider's own test of a wrong signature";
        // It is genuine, but its encrypted content does not open.
        Sealed { field: &'static str } = "notify-sealed": "the content of the notify cannot be decrypted with {field}";
        // It contains the certificate that signed it, and that certificate is not the provider's, or not valid now.
        Untrusted { problem: TrustProblem } = "notify-untrusted": "the certificate of the notify is not trusted: {problem}";
    }
}

impl NotifyError {
    /// Whether a newly fetched certificate may verify the same notify. A new error does not compile until this match has it.
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

    /// The same problem of an answer, because answers are signed in the same way as notifies.
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

/// A provider's own words are cut here: enough to understand, too little to fill a log.
const WORDS_CHARS_MAX: usize = 256;

/// A provider's own words, cut short and without control characters.
pub(crate) fn words(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(WORDS_CHARS_MAX).collect()
}
