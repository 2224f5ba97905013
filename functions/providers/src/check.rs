//! What a check of settings finds out before the first payment: which settings the provider's answers prove, which no question can
//! prove, and which are wrong.
//!
//! An answer proves a setting only if its signature was verified. An unverified answer proves nothing. The app secret of an official account is
//! the exception: WeChat's public platform signs nothing, and its answers are believed because of its TLS certificate.

use domain::Sentence;

use crate::ProviderError;

domain::sentences! {
    /// Why a setting is neither proved nor refuted, or how it is refuted.
    pub enum CheckWords, CheckWordsKind {
        Unverified = "check-unverified": "the provider's answer could not be verified";
        RefusedBefore { code: String } = "check-refused-before": "the provider refused with {code} before it checked this";
        Silent = "check-silent": "the provider did not answer";
        // Alipay.
        OnlyAPaymentNames = "check-only-a-payment-names": "only a payment names the seller";
        UnsignedAnswer = "check-unsigned-answer": "alipay does not sign an answer about an unknown order; a notify will show it";
        // WeChat Pay.
        OnlyAPaymentShows = "check-only-a-payment-shows": "only a payment shows whether it belongs to mchId";
        SignedByCertificate = "check-signed-by-certificate": "wechat pay signed its answer with a certificate";
        OtherCertificates = "check-other-certificates": "some of them are not among those that wechat pay signs with now; the present ones were fetched";
        NoCertificates = "check-no-certificates": "wechat pay gave no certificates to compare";
        NothingToOpen = "check-nothing-to-open": "this merchant has no platform certificates to decrypt with it; a notify will show it";
        CertificatesRefused { code: String } = "check-certificates-refused": "wechat pay refused its certificates with {code}";
        CertificatesUnread { problem: ProviderError } = "check-certificates-unread": "wechat pay's certificates could not be read: {problem}";
        SignRefused { words: String } = "check-sign-refused": "wechat pay refused the signature that mchId, certSerial and privateKey make together: {words}";
        PfxOpens = "check-pfx-opens": "the password opens it; only a refund shows whether wechat pay accepts it";
        // UnionPay.
        FilesOnceADay = "check-files-once-a-day": "it is called once a day, for files of days that are over";
    }
}

/// The result for one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It works. If it both signs and verifies, both work.
    Tested,
    /// It may be right or wrong. This is the reason.
    Untestable(Sentence),
    /// It does not work. This is the reason.
    Wrong(Sentence),
}

/// A setting and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedSetting {
    /// The member of the settings.
    pub field: &'static str,
    /// The result.
    pub proof: Proof,
}

/// What the provider answered to a question of the check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It answered, and the answer's signature is verified.
    Verified,
    /// It accepted our signature, but its answer has no signature.
    Accepted,
    /// It refused the question.
    Refused {
        /// The provider's own code.
        code: String,
        /// The provider's own words.
        words: String,
    },
    /// Its answer cannot be believed.
    Unclear {
        /// Why not.
        reason: Sentence,
    },
    /// It did not answer.
    Silent,
}

/// The whole result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// The provider's answer as a whole.
    pub said: Said,
    /// Each setting that the account has.
    pub settings: Vec<CheckedSetting>,
}

impl CheckReport {
    /// Whether the provider answered as it must, and no setting is wrong.
    pub fn is_good(&self) -> bool {
        let is_wrong = |setting: &CheckedSetting| matches!(setting.proof, Proof::Wrong(_));
        matches!(self.said, Said::Verified | Said::Accepted) && !self.settings.iter().any(is_wrong)
    }

    /// Adds the result for a setting, in place of an earlier one.
    pub(crate) fn put(&mut self, checked: CheckedSetting) {
        self.settings.retain(|known| known.field != checked.field);
        self.settings.push(checked);
    }
}

impl From<ProviderError> for Said {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Refused { code, words } => Self::Refused { code, words },
            ProviderError::Unclear { reason } => Self::Unclear { reason: reason.into() },
            other @ (ProviderError::UnknownKey { .. }
            | ProviderError::Unsupported { .. }
            | ProviderError::AlreadyOrdered
            | ProviderError::OrderBound { .. }
            | ProviderError::Param { .. }
            | ProviderError::Key { .. }) => Self::Unclear { reason: other.into() },
        }
    }
}

impl Said {
    /// The result for a setting that signed the question or verified the answer.
    pub(crate) fn proves(&self, field: &'static str) -> CheckedSetting {
        let proof = match self {
            Self::Verified | Self::Accepted => Proof::Tested,
            // Our own reasons name the setting that does not fit.
            Self::Unclear { reason } if names(&reason.text, field) => Proof::Wrong(reason.clone()),
            Self::Unclear { .. } => Proof::Untestable(CheckWords::Unverified.into()),
            Self::Refused { code, .. } => Proof::Untestable(CheckWords::RefusedBefore { code: code.clone() }.into()),
            Self::Silent => Proof::Untestable(CheckWords::Silent.into()),
        };
        CheckedSetting { field, proof }
    }

    /// Like `proves`, but these codes of the provider say that exactly this setting is wrong.
    pub(crate) fn proves_unless(&self, field: &'static str, codes: &[&str]) -> CheckedSetting {
        match self {
            Self::Refused { code, words } if codes.contains(&code.as_str()) => {
                CheckedSetting::wrong(field, ProviderError::Refused { code: code.clone(), words: words.clone() })
            }
            Self::Verified | Self::Accepted | Self::Refused { .. } | Self::Unclear { .. } | Self::Silent => {
                self.proves(field)
            }
        }
    }
}

impl CheckedSetting {
    pub(crate) fn tested(field: &'static str) -> Self {
        Self { field, proof: Proof::Tested }
    }

    pub(crate) fn untestable(field: &'static str, why: impl Into<Sentence>) -> Self {
        Self { field, proof: Proof::Untestable(why.into()) }
    }

    pub(crate) fn wrong(field: &'static str, why: impl Into<Sentence>) -> Self {
        Self { field, proof: Proof::Wrong(why.into()) }
    }
}

/// Whether `reason` contains the name of this setting as a word.
fn names(reason: &str, field: &str) -> bool {
    reason.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_names_a_setting_by_its_whole_name() {
        assert!(names("its signature does not match publicKey; check it", "publicKey"));
        assert!(!names("its signature does not match publicKeyId; check it", "publicKey"));
        assert!(!names("", "publicKey"));
    }

    #[test]
    fn what_nobody_verified_proves_nothing() {
        let unknown = Said::from(ProviderError::UnknownKey { serial: "77".to_owned() });
        for said in [unknown, Said::Silent, Said::Refused { code: "X".to_owned(), words: String::new() }] {
            assert!(matches!(said.proves("apiV3Key").proof, Proof::Untestable(_)), "{said:?}");
            assert!(!CheckReport { said, settings: Vec::new() }.is_good());
        }
        let wrong = vec![CheckedSetting::wrong("apiV3Key", Sentence::as_it_is("it does not open"))];
        assert!(!CheckReport { said: Said::Verified, settings: wrong }.is_good());
        let unproved = vec![CheckedSetting::untestable("appId", Sentence::as_it_is("only a payment shows it"))];
        assert!(CheckReport { said: Said::Verified, settings: unproved }.is_good());
    }
}
