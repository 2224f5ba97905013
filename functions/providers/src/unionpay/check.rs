//! Checks settings of UnionPay by a query about an order that never existed, and by the certificate chain of the answer.

use bytes::Bytes;
use domain::{Sentence, Timestamp};
use http::Response;
use serde_json::Value;

use super::{
    Account,
    answer::{self, Answer},
};
use crate::{CheckReport, CheckWords, CheckedSetting, MessageProblemKind, Said, TrustProblemKind};

impl Account {
    pub(crate) fn read_probes(&self, answers: &[Option<Response<Bytes>>], now: Timestamp) -> CheckReport {
        let answer = answers.first().and_then(Option::as_ref);
        let (said, verified) = match answer.map(|answer| self.read(answer, now)) {
            None => (Said::Silent, Said::Silent),
            Some(Ok(Answer::Done(_))) => (Said::Verified, Said::Verified),
            Some(Ok(Answer::Refused { code, is_signed: true, .. })) if code == answer::NOT_THERE => {
                (Said::Verified, Said::Verified)
            }
            // A signed refusal proves the settings that verify UnionPay, and nothing about the key that signs for us.
            Some(Ok(Answer::Refused { code, words, is_signed: true })) => {
                (Said::Refused { code, words }, Said::Verified)
            }
            Some(Ok(other)) => same(Said::from(other.into_error())),
            Some(Err(error)) => same(Said::from(error)),
        };
        let mut settings = vec![said.proves("merId"), said.proves("pfx"), CheckedSetting::tested("pfxPassword")];
        settings.extend(["rootCert", "middleCert"].map(|field| verified.proves(field)));
        settings.push(match &verified {
            // The certificate is valid, but belongs to another customer of the authority.
            Said::Unclear { reason } if is_another_owners(reason) => CheckedSetting::wrong("cn", reason.clone()),
            Said::Verified | Said::Accepted | Said::Refused { .. } | Said::Unclear { .. } | Said::Silent => {
                verified.proves("cn")
            }
        });
        settings.push(said.proves("gateway"));
        settings.push(CheckedSetting::untestable("fileGateway", CheckWords::FilesOnceADay));
        CheckReport { said, settings }
    }
}

fn same(said: Said) -> (Said, Said) {
    (said.clone(), said)
}

/// Whether the certificate of the answer belongs to somebody else.
fn is_another_owners(reason: &Sentence) -> bool {
    let code = |param: Option<&Value>| param.and_then(|param| Some(param.get("code")?.as_str()?.to_owned()));
    reason.said.code == MessageProblemKind::AnswerUntrusted.code()
        && code(reason.said.params.get("problem")).as_deref() == Some(TrustProblemKind::OtherOwner.code())
}
