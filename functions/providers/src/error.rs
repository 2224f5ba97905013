//! What can go wrong with settings, with a provider's answer and with a notify. No text here holds a secret.

/// One problem in the settings that an operator typed: the field, and words that help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct SettingsError {
    /// The member of the settings, as it is spelled there.
    pub field: String,
    /// What is wrong with it and what was expected. It never repeats the value.
    pub problem: String,
}

impl SettingsError {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
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
    /// The account's protocol cannot do this.
    #[error("the account cannot do this: {what}")]
    Unsupported {
        /// What was asked for, and what there is.
        what: String,
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
        problem: String,
    },
}

impl ProviderError {
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
        /// The member of the settings that holds the key.
        field: &'static str,
    },
}

impl NotifyError {
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
