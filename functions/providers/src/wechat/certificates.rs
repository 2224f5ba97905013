//! Reads `GET /v3/certificates`: the certificates that WeChat Pay signs with, encrypted with the APIv3 key.
//!
//! The encryption proves that they are genuine, because only WeChat and the merchant have the key. The answer's own signature must
//! then fit one of them, or a key that we already had.

use bytes::Bytes;
use domain::{Secret, Timestamp};
use http::Response;
use serde_json::value::RawValue;

use super::{
    answer::{self, Answer},
    seal::{self, StillSealed},
    verify::{CERTIFICATES_MAX, Keys},
};
use crate::{MessageProblem, ProviderError, SettingProblem, cert, json::Members, keys::VerifyingKey};

/// The key that opens certificates, and the key that they must not belong to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opener<'a> {
    pub(crate) api_v3_key: &'a Secret<[u8; 32]>,
    pub(crate) own: &'a VerifyingKey,
}

/// The keys from now on: the previous ones, without expired certificates, and the new ones.
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
        return Err(ProviderError::from(MessageProblem::EmptyCertificates));
    };
    let items = members.raw("data").and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw).ok());
    let items = items.ok_or_else(|| ProviderError::from(MessageProblem::NoList))?;
    if items.len() > CERTIFICATES_MAX {
        return Err(ProviderError::from(MessageProblem::TooManyCertificates { certificates_max: CERTIFICATES_MAX }));
    }
    let mut keys = held.clone();
    keys.forget_ended(now);
    for item in items {
        hold(&mut keys, item.get(), opener)?;
    }
    keys.forget_ended(now);
    if !keys.has_certificates() {
        return Err(ProviderError::from(MessageProblem::NoValidCertificate));
    }
    keys.verify(response.headers(), response.body(), now)?;
    Ok(keys)
}

fn hold(keys: &mut Keys, item: &str, opener: Opener<'_>) -> Result<(), ProviderError> {
    let unclear = |reason: MessageProblem| ProviderError::from(reason);
    let item =
        Members::parse(item).map_err(|reason| ProviderError::from(MessageProblem::ItemNotJson { why: reason }))?;
    let serial = item.filled("serial_no").ok_or_else(|| unclear(MessageProblem::ItemWithout { field: "serial_no" }))?;
    let sealed = item
        .object("encrypt_certificate")
        .ok_or_else(|| unclear(MessageProblem::ItemWithout { field: "encrypt_certificate" }))?;
    let pem = seal::open(&sealed, opener.api_v3_key).map_err(|reason| match reason {
        StillSealed::Malformed(reason) => unclear(reason),
        StillSealed::WrongKey => ProviderError::Key { field: "apiV3Key", problem: SettingProblem::ApiKeyOther },
    })?;
    let certificates =
        cert::read_all(&pem).map_err(|problem| ProviderError::from(MessageProblem::ItemDamaged { problem }))?;
    let [certificate] = certificates.as_slice() else {
        return Err(unclear(MessageProblem::ItemSeveral));
    };
    if !certificate.serial.eq_ignore_ascii_case(&serial) {
        return Err(unclear(MessageProblem::OtherSerial));
    }
    if certificate.key.as_ref().is_ok_and(|key| key == opener.own) {
        return Err(unclear(MessageProblem::OwnCertificate));
    }
    keys.hold(certificate).map_err(|problem| ProviderError::from(MessageProblem::CertificateUnusable { problem }))
}
