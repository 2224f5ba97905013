//! Checks settings of WeChat Pay by a query about an order that never existed, and by fetching the platform certificates. Those are
//! encrypted with the APIv3 key, as every notify is.

use bytes::Bytes;
use domain::Timestamp;
use http::{Request, Response};

use super::{
    answer::{self, Answer},
    certificates::{self, Opener},
    v2::{self, V2},
    v3::{V3, is_not_there},
    verify::{Keys, names_a_public_key},
};
use crate::{
    CheckReport, CheckWords, CheckedSetting, MessageProblem, Moment, Placed, ProviderError, Said, SettingProblem,
};

/// WeChat Pay's answer to a merchant who has its public key and no platform certificates.
const NO_CERTIFICATES: &str = "RESOURCE_NOT_EXISTS";

impl V3 {
    pub(crate) fn probes(
        &self,
        placed: &Placed<'_>,
        [first, second]: &[Moment; 2],
    ) -> Result<Vec<Request<Bytes>>, ProviderError> {
        Ok(vec![self.query(placed, first)?, self.certificates_request(second)?])
    }

    pub(crate) fn read_probes(&self, answers: &[Option<Response<Bytes>>], now: Timestamp) -> CheckReport {
        let answer = |place: usize| answers.get(place).and_then(Option::as_ref);
        let opener = Opener { api_v3_key: &self.api_v3_key, own: self.key.public() };
        let listed = answer(1).map(|answer| certificates::read(answer, &self.keys.without_certificates(), opener, now));
        let keys = listed.as_ref().and_then(|listed| listed.as_ref().ok()).unwrap_or(&self.keys);
        let said = answer(0).map_or(Said::Silent, |answer| said(answer, keys, now));
        let mut settings = vec![
            signs(&said, "mchId"),
            CheckedSetting::untestable("appId", CheckWords::OnlyAPaymentShows),
            open_certificates(listed.as_ref()),
            signs(&said, "privateKey"),
            signs(&said, "certSerial"),
        ];
        if self.keys.public_key_id().is_some() {
            let by_public_key = answer(0).is_some_and(|answer| self.keys.names_public_key(answer.headers()));
            settings.extend(["publicKeyId", "publicKey"].map(|field| match &said {
                Said::Verified if !by_public_key => CheckedSetting::untestable(field, CheckWords::SignedByCertificate),
                Said::Verified | Said::Accepted | Said::Refused { .. } | Said::Unclear { .. } | Said::Silent => {
                    said.proves(field)
                }
            }));
        }
        if self.keys.has_certificates() {
            settings.push(self.certificates_checked(listed.as_ref(), &said));
        }
        let signs_by_key = answer(0).is_some_and(|answer| names_a_public_key(answer.headers()));
        if self.keys.public_key_id().is_none() && (signs_by_key || has_none(listed.as_ref())) {
            settings.push(CheckedSetting::wrong("publicKey", SettingProblem::MissingForMerchant));
        }
        settings.push(said.proves("gateway"));
        CheckReport { said, settings }
    }

    /// Configured certificates are genuine if WeChat Pay itself lists them.
    fn certificates_checked(&self, listed: Option<&Result<Keys, ProviderError>>, said: &Said) -> CheckedSetting {
        const FIELD: &str = "platformCerts";
        match listed {
            Some(Ok(listed)) if self.keys.are_among(listed) => CheckedSetting::tested(FIELD),
            Some(Ok(_)) => CheckedSetting::untestable(FIELD, CheckWords::OtherCertificates),
            // If there is no public key, only the certificates can have verified the answer.
            Some(Err(_)) | None if self.keys.public_key_id().is_none() => said.proves(FIELD),
            Some(Err(_)) | None => CheckedSetting::untestable(FIELD, CheckWords::NoCertificates),
        }
    }
}

/// The answer about an order that never existed.
fn said(response: &Response<Bytes>, keys: &Keys, now: Timestamp) -> Said {
    match answer::read(response, keys, now) {
        Ok(Answer::Done(_) | Answer::Empty) => Said::Verified,
        Ok(Answer::Refused(refusal)) if !is_not_there(&refusal) => {
            Said::Refused { code: refusal.code, words: refusal.words }
        }
        Ok(Answer::Refused(refusal)) if refusal.is_signed => Said::Verified,
        // It is the right answer, but it is unsigned, so anybody could have written it.
        Ok(Answer::Refused(_)) => match keys.verify(response.headers(), response.body(), now) {
            Ok(()) => Said::Verified,
            Err(super::verify::Unverified::Unsigned) => Said::Unclear { reason: MessageProblem::AnswerUnsigned.into() },
            Err(reason) => Said::from(ProviderError::from(reason)),
        },
        Err(error) => Said::from(error),
    }
}

/// A part of what signs our requests. WeChat Pay does not say which part is wrong.
fn signs(said: &Said, field: &'static str) -> CheckedSetting {
    match said {
        Said::Refused { code, words } if code == "SIGN_ERROR" => {
            CheckedSetting::wrong(field, CheckWords::SignRefused { words: words.clone() })
        }
        Said::Verified | Said::Accepted | Said::Refused { .. } | Said::Unclear { .. } | Said::Silent => {
            said.proves(field)
        }
    }
}

fn has_none(listed: Option<&Result<Keys, ProviderError>>) -> bool {
    matches!(listed, Some(Err(ProviderError::Refused { code, .. })) if code == NO_CERTIFICATES)
}

/// Whether the APIv3 key opens what WeChat Pay encrypts with it.
fn open_certificates(listed: Option<&Result<Keys, ProviderError>>) -> CheckedSetting {
    const FIELD: &str = "apiV3Key";
    let untestable = |why: CheckWords| CheckedSetting::untestable(FIELD, why);
    match listed {
        Some(Ok(_)) => CheckedSetting::tested(FIELD),
        None => untestable(CheckWords::Silent),
        _ if has_none(listed) => untestable(CheckWords::NothingToOpen),
        Some(Err(ProviderError::Key { field: FIELD, problem })) => CheckedSetting::wrong(FIELD, problem.clone()),
        Some(Err(ProviderError::Refused { code, .. })) => {
            untestable(CheckWords::CertificatesRefused { code: code.clone() })
        }
        Some(Err(error)) => untestable(CheckWords::CertificatesUnread { problem: error.clone() }),
    }
}

impl V2 {
    pub(crate) fn read_probes(&self, answers: &[Option<Response<Bytes>>]) -> CheckReport {
        let said = answers.first().and_then(Option::as_ref).map_or(Said::Silent, |answer| self.said(answer));
        let fields = ["mchId", "appId", "apiKey", "signType", "gateway"];
        let mut settings: Vec<CheckedSetting> = fields.into_iter().map(|field| said.proves(field)).collect();
        settings.extend(self.client.as_ref().map(|client| match client.open() {
            Ok(_) => CheckedSetting::untestable("clientPfx", CheckWords::PfxOpens),
            Err(ProviderError::Key { field, problem }) => CheckedSetting::wrong(field, problem),
            Err(error) => CheckedSetting::wrong("clientPfx", error),
        }));
        CheckReport { said, settings }
    }

    fn said(&self, response: &Response<Bytes>) -> Said {
        match self.read(response) {
            Ok(v2::Answer::Done(_)) => Said::Verified,
            Ok(v2::Answer::Refused(refusal)) if refusal.code != "ORDERNOTEXIST" => {
                Said::from(ProviderError::from(refusal))
            }
            Ok(v2::Answer::Refused(refusal)) if refusal.is_signed => Said::Verified,
            Ok(v2::Answer::Refused(_)) => Said::Unclear { reason: MessageProblem::AnswerUnsigned.into() },
            Err(error) => Said::from(error),
        }
    }
}
