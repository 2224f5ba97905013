//! Whether WeChat Pay signed a message: our keys of it, and the signature headers of answers and notifies (v3).
//!
//! We keep several keys at once: while WeChat changes from one certificate to the next, or from certificates to its public key, its
//! messages may be signed by either. `Wechatpay-Serial` says which one signed.
//!
//! # Source
//! `docs/protocols.md` 2.3 and 2.6.

use std::time::Duration;

use base64::Engine as _;
use domain::Timestamp;
use http::HeaderMap;

use super::sign::SCHEME;
use crate::{
    MessageProblem, NotifyError, ProviderError, SettingProblem,
    cert::Certificate,
    error::words,
    keys::{BASE64, VerifyingKey},
};

/// How far the clock of a message may be from ours.
const DISTANCE_SECONDS_MAX: u64 = 300;
/// The beginning of the wrong signatures that WeChat sends as a test.
const PROBE: &str = "WECHATPAY/SIGNTEST/";
/// The beginning of a public key's id.
pub(crate) const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_";
/// A serial number has 40 hex digits.
const SERIAL_CHARS_MAX: usize = 64;
/// More certificates than WeChat ever signs with at one time.
pub(crate) const CERTIFICATES_MAX: usize = 16;

/// The keys of WeChat Pay that we have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    public_key: Option<NamedKey>,
    certificates: Vec<Held>,
}

/// WeChat Pay's public key, which answers name by its id.
#[derive(Clone, Debug)]
pub(crate) struct NamedKey {
    pub(crate) id: String,
    pub(crate) key: VerifyingKey,
}

/// A platform certificate.
#[derive(Clone, Debug)]
struct Held {
    serial: String,
    key: VerifyingKey,
    ends_at: Option<Timestamp>,
}

/// Why a message is not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unverified {
    /// It has none of the signature headers.
    Unsigned,
    Malformed(MessageProblem),
    Algorithm(String),
    Probe,
    Stale(u64),
    UnknownKey(String),
    BadSignature(&'static str),
}

impl Keys {
    pub(crate) fn new(public_key: Option<NamedKey>) -> Self {
        Self { public_key, certificates: Vec::new() }
    }

    /// The id of WeChat Pay's public key. In a request it selects the key that signs the answer.
    pub(crate) fn public_key_id(&self) -> Option<&str> {
        self.public_key.as_ref().map(|key| key.id.as_str())
    }

    /// The same public key without any certificate.
    pub(crate) fn without_certificates(&self) -> Self {
        Self::new(self.public_key.clone())
    }

    /// Whether `other` has every certificate that this one has.
    pub(crate) fn are_among(&self, other: &Self) -> bool {
        self.certificates.iter().all(|held| other.find_certificate(&held.serial).is_some_and(|one| one.key == held.key))
    }

    /// Whether a message says that the public key signed it.
    pub(crate) fn names_public_key(&self, headers: &HeaderMap) -> bool {
        header(headers, "wechatpay-serial").is_ok_and(|serial| self.public_key_id() == Some(serial))
    }

    /// Adds a certificate. The error says why it cannot be used.
    pub(crate) fn hold(&mut self, certificate: &Certificate) -> Result<(), SettingProblem> {
        let its_key = |problem| SettingProblem::ItsKey { problem: Box::new(problem) };
        let key = certificate.key.clone().map_err(its_key)?;
        let serial = certificate.serial.clone();
        if self.find_certificate(&serial).is_some() {
            return Ok(());
        }
        if self.certificates.len() == CERTIFICATES_MAX {
            return Err(SettingProblem::TooManyCertificates { certificates_max: CERTIFICATES_MAX });
        }
        self.certificates.push(Held { serial, key, ends_at: certificate.ends_at });
        Ok(())
    }

    /// Removes the certificates that expired before `now`.
    pub(crate) fn forget_ended(&mut self, now: Timestamp) {
        self.certificates.retain(|held| !held.has_ended(now));
    }

    pub(crate) fn has_certificates(&self) -> bool {
        !self.certificates.is_empty()
    }

    /// While WeChat Pay changes its certificates, the newest one counts.
    pub(crate) fn end_at(&self) -> Option<Timestamp> {
        self.certificates.iter().filter_map(|held| held.ends_at).max()
    }

    /// Whether these headers sign exactly these bytes.
    pub(crate) fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), Unverified> {
        let signature = match header(headers, "wechatpay-signature") {
            Err(Unverified::Unsigned) => return Err(Unverified::Unsigned),
            other => other?,
        };
        let missing = |name: &str| Unverified::Malformed(MessageProblem::Missing { field: name.to_owned() });
        let require = |name| match header(headers, name) {
            Err(Unverified::Unsigned) => Err(missing(name)),
            other => other,
        };
        let (timestamp, nonce) = (require("wechatpay-timestamp")?, require("wechatpay-nonce")?);
        let serial = require("wechatpay-serial")?;
        if signature.starts_with(PROBE) {
            return Err(Unverified::Probe);
        }
        match header(headers, "wechatpay-signature-type") {
            Ok(SCHEME) | Err(Unverified::Unsigned) => {}
            Ok(other) => return Err(Unverified::Algorithm(words(other))),
            Err(other) => return Err(other),
        }
        check_freshness(timestamp, now)?;
        let (key, field) = self.find(serial, now)?;
        let signature = BASE64.decode(signature).map_err(|_| {
            Unverified::Malformed(MessageProblem::NotBase64 { field: "wechatpay-signature".to_owned() })
        })?;
        let content = [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"].concat();
        key.verify_sha256(&content, &signature).map_err(|_| Unverified::BadSignature(field))
    }

    /// The key that a serial number names, and the member of the settings that holds it.
    fn find(&self, serial: &str, now: Timestamp) -> Result<(&VerifyingKey, &'static str), Unverified> {
        if serial.starts_with(PUBLIC_KEY_ID) {
            // A public key cannot be fetched: the operator must configure it.
            let known = self.public_key.as_ref().filter(|key| key.id == serial);
            return known.map(|known| (&known.key, "publicKey")).ok_or(Unverified::BadSignature("publicKeyId"));
        }
        if !is_serial(serial) {
            return Err(Unverified::Malformed(MessageProblem::NoSerial));
        }
        match self.find_certificate(serial).filter(|held| !held.has_ended(now)) {
            Some(held) => Ok((&held.key, "platformCerts")),
            None => Err(Unverified::UnknownKey(serial.to_owned())),
        }
    }

    /// Serial numbers are compared without leading zeros and without case, because not every tool keeps these.
    fn find_certificate(&self, serial: &str) -> Option<&Held> {
        let number = |text: &str| text.trim_start_matches('0').to_ascii_uppercase();
        let wanted = number(serial);
        self.certificates.iter().find(|held| number(&held.serial) == wanted)
    }
}

impl Held {
    fn has_ended(&self, now: Timestamp) -> bool {
        self.ends_at.is_some_and(|end| end < now)
    }
}

/// Whether a message says that a public key signed it, known here or not.
pub(crate) fn names_a_public_key(headers: &HeaderMap) -> bool {
    header(headers, "wechatpay-serial").is_ok_and(|serial| serial.starts_with(PUBLIC_KEY_ID))
}

/// Whether a text is a serial number in hex.
pub(crate) fn is_serial(text: &str) -> bool {
    (1..=SERIAL_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The value of a header that occurs once; `Unsigned` if it does not occur.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Unverified> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Unverified::Unsigned),
        (Some(value), None) => {
            value.to_str().map_err(|_| Unverified::Malformed(MessageProblem::NotAscii { field: name.to_owned() }))
        }
        (Some(_), Some(_)) => Err(Unverified::Malformed(MessageProblem::Twice { field: name.to_owned() })),
    }
}

fn check_freshness(timestamp: &str, now: Timestamp) -> Result<(), Unverified> {
    let malformed = || Unverified::Malformed(MessageProblem::NoSeconds);
    if !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let seconds: i64 = timestamp.parse().map_err(|_| malformed())?;
    let signed_at = Timestamp::from_ms(seconds.saturating_mul(1000)).map_err(|_| malformed())?;
    let distance = signed_at.distance(now);
    if distance <= Duration::from_secs(DISTANCE_SECONDS_MAX) {
        return Ok(());
    }
    Err(Unverified::Stale(distance.as_secs()))
}

impl From<Unverified> for NotifyError {
    fn from(reason: Unverified) -> Self {
        match reason {
            Unverified::Unsigned => Self::Unsigned,
            Unverified::Malformed(reason) => Self::Malformed { reason },
            Unverified::Algorithm(found) => Self::Algorithm { found, expected: SCHEME },
            Unverified::Probe => Self::Probe,
            Unverified::Stale(seconds) => Self::Stale { seconds, seconds_max: DISTANCE_SECONDS_MAX },
            Unverified::UnknownKey(serial) => Self::UnknownKey { serial },
            Unverified::BadSignature(field) => Self::BadSignature { field },
        }
    }
}

/// For an answer: a message that is refused as a notify is unclear as an answer.
impl From<Unverified> for ProviderError {
    fn from(reason: Unverified) -> Self {
        match reason {
            Unverified::Unsigned => Self::from(MessageProblem::UnsignedSuccess),
            Unverified::Malformed(reason) => Self::from(reason),
            Unverified::Algorithm(found) => Self::from(MessageProblem::SignedWith { found, expected: SCHEME }),
            Unverified::Probe => Self::from(MessageProblem::Probe),
            Unverified::Stale(seconds) => {
                Self::from(MessageProblem::Stale { seconds, seconds_max: DISTANCE_SECONDS_MAX })
            }
            Unverified::UnknownKey(serial) => Self::UnknownKey { serial },
            Unverified::BadSignature(field) => Self::from(MessageProblem::WechatSignature { field }),
        }
    }
}
