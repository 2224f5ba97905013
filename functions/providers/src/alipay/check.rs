//! Checks settings of Alipay by queries about an order that never existed.

use bytes::Bytes;
use domain::TransactionId;
use http::{Request, Response};

use super::{
    answer::Answer,
    mapi::{self, Algorithm, Mapi},
    messages,
    open_platform::{OpenPlatform, TRADE_NOT_EXIST},
};
use crate::{CheckReport, CheckWords, CheckedSetting, MessageProblem, ProviderError, Said};

impl OpenPlatform {
    pub(crate) fn read_probes(&self, answers: &[Option<Response<Bytes>>]) -> CheckReport {
        let said = answers.first().and_then(Option::as_ref).map_or(Said::Silent, |answer| self.said(answer));
        // The key that signs Alipay's answers also signs its notifies.
        let (ours, theirs): (&[&'static str], &[&'static str]) = if self.alipay.certificates.is_some() {
            (&["appCert", "alipayRootCert"], &["alipayCert"])
        } else {
            (&[], &["alipayPublicKey"])
        };
        let mut settings = vec![
            said.proves_unless("appId", &["isv.invalid-app-id"]),
            said.proves_unless("privateKey", &["isv.invalid-signature"]),
        ];
        settings.extend(ours.iter().chain(theirs).map(|field| said.proves(field)));
        settings.extend(
            self.seller_id.as_ref().map(|_| CheckedSetting::untestable("sellerId", CheckWords::OnlyAPaymentNames)),
        );
        settings.push(said.proves("gateway"));
        CheckReport { said, settings }
    }

    fn said(&self, response: &Response<Bytes>) -> Said {
        match self.read(messages::QUERY, response) {
            Ok(Answer::Done(_)) => Said::Verified,
            Ok(Answer::Refused { code, is_signed: true, .. }) if code == TRADE_NOT_EXIST => Said::Verified,
            Ok(Answer::Refused { code, words, .. }) => Said::Refused { code, words },
            Ok(busy @ Answer::Busy { .. }) => busy.done().err().map_or(Said::Verified, Said::from),
            Err(error) => Said::from(error),
        }
    }
}

impl Mapi {
    /// One question for each key: any of them may be wrong.
    pub(crate) fn probes(&self, id: &TransactionId) -> Result<Vec<Request<Bytes>>, ProviderError> {
        self.algorithms().into_iter().map(|algorithm| self.question(id, algorithm)).collect()
    }

    pub(crate) fn read_probes(&self, answers: &[Option<Response<Bytes>>]) -> CheckReport {
        let algorithms = self.algorithms().into_iter().enumerate();
        let said: Vec<(Algorithm, Said)> = algorithms
            .map(|(place, algorithm)| {
                let answer = answers.get(place).and_then(Option::as_ref);
                (algorithm, answer.map_or(Said::Silent, mapi_said))
            })
            .collect();
        let worst = said.iter().map(|(_, said)| said).find(|said| **said != Said::Accepted);
        let all = worst.cloned().unwrap_or(Said::Accepted);
        let mut settings = vec![all.proves_unless("partner", &["ILLEGAL_PARTNER"])];
        settings.push(CheckedSetting::untestable("sellerId", CheckWords::OnlyAPaymentNames));
        for (algorithm, said) in &said {
            settings.push(said.proves_unless(algorithm.field(), &["ILLEGAL_SIGN"]));
        }
        if self.keys.alipay_key.is_some() {
            settings.push(CheckedSetting::untestable("alipayPublicKey", CheckWords::UnsignedAnswer));
        }
        settings.push(all.proves("gateway"));
        CheckReport { said: all, settings }
    }
}

/// If Alipay searched for the order, it accepted the signature. That answer has no signature.
fn mapi_said(response: &Response<Bytes>) -> Said {
    match mapi::read(response) {
        Ok(mapi::Answer::Done(_)) => Said::Unclear { reason: MessageProblem::NotAskedFor.into() },
        Ok(mapi::Answer::Refused { code }) if mapi::is_not_there(&code) => Said::Accepted,
        Ok(mapi::Answer::Refused { code }) => Said::Refused { words: code.clone(), code },
        Err(error) => Said::from(error),
    }
}
