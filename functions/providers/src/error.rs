//! What can go wrong with settings, with a provider's answer and with a notify. No text here holds a secret.

use crate::SettingProblem;

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

/// Why a call to a provider cannot be made, or did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The provider said no.
    #[error("the provider refused with {code}: {words}")]
    Refused {
        /// The provider's own code, for example `ACQ.TOTAL_FEE_EXCEED`.
        code: String,
        /// The provider's own words.
        words: String,
    },
    /// Nobody knows what happened: garbage, an unsigned or wrongly signed answer, or a provider that is busy. The bill stays
    /// pending and is asked about again.
    #[error("the provider's answer is unclear: {reason}")]
    Unclear {
        /// What is wrong with the answer.
        reason: String,
    },
    /// The answer is signed with a platform certificate that is not held yet. [`crate::Account::certificates_request`] fetches it;
    /// the same answer can then be read once more.
    #[error("the provider's answer is signed with certificate {serial}, which is not held")]
    UnknownKey {
        /// The certificate's serial number, as the answer names it.
        serial: String,
    },
    /// The account's protocol cannot do this.
    #[error("the account cannot do this: {what}")]
    Unsupported {
        /// What was asked for, and what there is.
        what: String,
    },
    /// The provider took this order before, and gives nothing out for it a second time.
    #[error("the provider has this order already, and the answer to it was lost; try again")]
    AlreadyOrdered,
    /// The provider has this order with other parameters, or closed it, and gives nothing out for it.
    #[error("the provider takes this order up no more: {code}: {words}")]
    OrderBound {
        /// The provider's own code.
        code: String,
        /// The provider's own words.
        words: String,
    },
    /// A field of the charge is fine by itself, and not for this account.
    #[error("{field} must be {expected}")]
    Param {
        /// The field's name in the charge.
        field: &'static str,
        /// What it must be.
        expected: String,
    },
    /// A key that is needed is not configured, or does not work.
    #[error("{field}: {problem}")]
    Key {
        /// The member of the settings.
        field: &'static str,
        /// What is wrong with it.
        problem: SettingProblem,
    },
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

    pub(crate) fn unclear(reason: impl Into<String>) -> Self {
        Self::Unclear { reason: reason.into() }
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }
}

/// Why a notify is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// It is not a message of the documented form.
    #[error("the notify is malformed: {reason}")]
    Malformed {
        /// What was expected.
        reason: String,
    },
    /// It carries no signature.
    #[error("the notify has no signature")]
    Unsigned,
    /// It names another signature algorithm than the configured one, which would be a downgrade.
    #[error("the notify is signed with {found} where {expected} is configured")]
    Algorithm {
        /// The algorithm it names, cut short.
        found: String,
        /// The algorithm that is taken.
        expected: &'static str,
    },
    /// Its signature does not fit its content and the configured key.
    #[error("the signature of the notify does not fit its content and {field}")]
    BadSignature {
        /// The member of the settings that holds the key, or the field of the notify that brings it.
        field: &'static str,
    },
    /// It is signed with a platform certificate that is not held yet. The caller may fetch it
    /// ([`crate::Account::certificates_request`]) and try once more; strangers can write any number there, so not for every notify.
    #[error("the notify is signed with certificate {serial}, which is not held")]
    UnknownKey {
        /// The certificate's serial number, as the notify names it.
        serial: String,
    },
    /// It was signed too long ago, or too far ahead, for the clock here: a replay, or a clock that is wrong.
    #[error("the notify was signed {seconds} s away from now, at most {seconds_max} are taken")]
    Stale {
        /// How far.
        seconds: u64,
        /// How far it may be.
        seconds_max: u64,
    },
    /// The provider tries whether signatures are looked at: this one is wrong on purpose. It is to be refused, and is no attack.
    #[error("the notify is the provider's own test of a wrong signature")]
    Probe,
    /// It is genuine, and what is sealed in it does not open.
    #[error("the content of the notify does not open with {field}")]
    Sealed {
        /// The member of the settings that holds the key.
        field: &'static str,
    },
    /// It brings the certificate that it is signed with, and that one is not the provider's, or not valid now.
    #[error("the certificate of the notify is not trusted: {problem}")]
    Untrusted {
        /// What is wrong with it.
        problem: String,
    },
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

    pub(crate) fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed { reason: reason.into() }
    }
}

/// Echoes of a provider's words are cut here: enough to understand, too little to fill a log.
const WORDS_CHARS_MAX: usize = 256;

/// A provider's own words, cut short and without control characters.
pub(crate) fn words(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(WORDS_CHARS_MAX).collect()
}
