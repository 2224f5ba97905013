//! Checks settings of UnionPay's: an order that never was is asked about, and the answer's certificate followed up to the configured ones.

use bytes::Bytes;
use domain::Timestamp;
use http::Response;

use super::{
    Account,
    answer::{self, Answer},
};
use crate::{CheckReport, CheckedSetting, Said};

impl Account {
    pub(crate) fn read_probes(&self, answers: &[Option<Response<Bytes>>], now: Timestamp) -> CheckReport {
        let answer = answers.first().and_then(Option::as_ref);
        let (said, verified) = match answer.map(|answer| self.read(answer, now)) {
            None => (Said::Silent, Said::Silent),
            Some(Ok(Answer::Done(_))) => (Said::Verified, Said::Verified),
            Some(Ok(Answer::Refused { code, is_signed: true, .. })) if code == answer::NOT_THERE => {
                (Said::Verified, Said::Verified)
            }
            // A signed refusal proves what verifies UnionPay, and nothing of what signs for us.
            Some(Ok(Answer::Refused { code, words, is_signed: true })) => {
                (Said::Refused { code, words }, Said::Verified)
            }
            Some(Ok(other)) => same(Said::from(other.into_error())),
            Some(Err(error)) => same(Said::from(error)),
        };
        let mut settings = vec![said.proves("merId"), said.proves("pfx"), CheckedSetting::tested("pfxPassword")];
        settings.extend(["rootCert", "middleCert"].map(|field| verified.proves(field)));
        settings.push(match &verified {
            // The certificate is good, and another customer's of the authority.
            Said::Unclear { reason } if reason.contains("it belongs to") => {
                CheckedSetting::wrong("cn", reason.as_str())
            }
            Said::Verified | Said::Accepted | Said::Refused { .. } | Said::Unclear { .. } | Said::Silent => {
                verified.proves("cn")
            }
        });
        settings.push(said.proves("gateway"));
        settings.push(CheckedSetting::untestable(
            "fileGateway",
            "it gives files of days that are over, and is called once a day",
        ));
        CheckReport { said, settings }
    }
}

fn same(said: Said) -> (Said, Said) {
    (said.clone(), said)
}
