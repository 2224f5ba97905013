//! Reads `GET /v3/certificates`: the certificates that WeChat Pay signs with, sealed with the APIv3 key.
//!
//! The seal is what makes them genuine, since only WeChat and the merchant have its key; the answer's own signature must then fit one
//! of them, or a key that was held before.

use bytes::Bytes;
use domain::{Secret, Timestamp};
use http::Response;
use serde_json::value::RawValue;

use super::{
    answer::{self, Answer},
    seal::{self, StillSealed},
    verify::{CERTIFICATES_MAX, Keys},
};
use crate::{ProviderError, SettingProblem, cert, json::Members, keys::VerifyingKey};

/// What opens certificates, and whose they must not be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opener<'a> {
    pub(crate) api_v3_key: &'a Secret<[u8; 32]>,
    pub(crate) own: &'a VerifyingKey,
}

/// The keys that are held from now on: those before, without the certificates that have ended, and the new ones.
pub(crate) fn read(
    response: &Response<Bytes>,
    held: &Keys,
    opener: Opener<'_>,
    now: Timestamp,
) -> Result<Keys, ProviderError> {
    if let Some(refusal) = answer::refusal(response, held, now)? {
        return Err(refusal.into());
    }
    let Answer::Done(members) = answer::content(response)? else {
        return Err(ProviderError::unclear("a list of certificates without content"));
    };
    let items = members.raw("data").and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw).ok());
    let items = items.ok_or_else(|| ProviderError::unclear("data is missing or no list"))?;
    if items.len() > CERTIFICATES_MAX {
        return Err(ProviderError::unclear(format!("there are more than {CERTIFICATES_MAX} certificates")));
    }
    let mut keys = held.clone();
    keys.forget_ended(now);
    for item in items {
        hold(&mut keys, item.get(), opener)?;
    }
    keys.forget_ended(now);
    if !keys.has_certificates() {
        return Err(ProviderError::unclear("there is no certificate that is still valid"));
    }
    keys.verify(response.headers(), response.body(), now)?;
    Ok(keys)
}

fn hold(keys: &mut Keys, item: &str, opener: Opener<'_>) -> Result<(), ProviderError> {
    let unclear = |reason: &str| ProviderError::unclear(reason);
    let item = Members::parse(item)
        .map_err(|reason| ProviderError::unclear(format!("an item is not the documented JSON: {reason}")))?;
    let serial = item.filled("serial_no").ok_or_else(|| unclear("an item has no serial_no"))?;
    let sealed = item.object("encrypt_certificate").ok_or_else(|| unclear("an item has no encrypt_certificate"))?;
    let pem = seal::open(&sealed, opener.api_v3_key).map_err(|reason| match reason {
        StillSealed::Malformed(reason) => unclear(reason),
        StillSealed::WrongKey => ProviderError::Key { field: "apiV3Key", problem: SettingProblem::ApiKeyOther },
    })?;
    let certificates =
        cert::read_all(&pem).map_err(|problem| ProviderError::unclear(format!("a certificate {problem}")))?;
    let [certificate] = certificates.as_slice() else {
        return Err(unclear("an item holds more than one certificate"));
    };
    if !certificate.serial.eq_ignore_ascii_case(&serial) {
        return Err(unclear("serial_no is not that of the certificate"));
    }
    if certificate.key.as_ref().is_ok_and(|key| key == opener.own) {
        return Err(unclear("a certificate is the merchant's own"));
    }
    keys.hold(certificate).map_err(|problem| ProviderError::unclear(problem.to_string()))
}
