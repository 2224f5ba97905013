//! Reads X.509 certificates: their key, their serial number as Alipay writes it, and who signed them.
//!
//! It does not check dates, because that needs a clock.

use std::fmt::Write as _;

use domain::Timestamp;
use md5::{Digest as _, Md5};
use x509_parser::{
    asn1_rs::{Any, Tag, ToDer as _},
    prelude::{FromDer as _, X509Certificate},
    time::ASN1Time,
    x509::{AttributeTypeAndValue, X509Name},
};

use crate::{
    SettingProblem,
    keys::{BUNDLE_BYTES_MAX, Kind, RSA2_BITS_MIN, VerifyingKey, blocks, has_one_algorithm, identify},
};

/// What we need of one certificate.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    /// Lower-case hex MD5 of the issuer's name and the serial number.
    pub(crate) sn: String,
    /// Its serial number as upper-case hex, at least 40 digits with its leading zeros, as WeChat Pay writes it.
    pub(crate) serial: String,
    /// Its serial number in decimal, of any length: UnionPay's `certId`.
    pub(crate) serial_decimal: String,
    /// The common names of its owner, as far as they are text.
    pub(crate) common_names: Vec<String>,
    /// Whether it may issue others: neither its CA flag nor its key usage forbids it, if it has them.
    pub(crate) may_issue: bool,
    /// The first moment of its validity.
    pub(crate) starts_at: Option<Timestamp>,
    /// Its key, or why it cannot be used.
    pub(crate) key: Result<VerifyingKey, SettingProblem>,
    /// Whether it names exactly one signature algorithm.
    has_one_algorithm: bool,
    /// Whether an RSA key signed it.
    pub(crate) is_rsa_signed: bool,
    /// The last moment of its validity.
    pub(crate) ends_at: Option<Timestamp>,
    der: Vec<u8>,
    tbs: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    algorithm: String,
    signature: Vec<u8>,
}

/// At most so many certificates are followed. Real chains are shorter.
const CHAIN_LENGTH_MAX: usize = 8;
/// 1.2.840.113549.1.1, PKCS#1: every RSA signature algorithm is below it.
const PKCS1: &str = "1.2.840.113549.1.1.";
const SHA256_WITH_RSA: &str = "1.2.840.113549.1.1.11";
const SHA1_WITH_RSA: &str = "1.2.840.113549.1.1.5";

/// Reads every certificate in a text, in order. The error says what was given instead.
pub(crate) fn read_all(text: &str) -> Result<Vec<Certificate>, SettingProblem> {
    blocks(text, BUNDLE_BYTES_MAX)?.iter().map(|der| read_one(der)).collect()
}

/// Reads one certificate in DER. The error says what was given instead.
pub(crate) fn read_one(der: &[u8]) -> Result<Certificate, SettingProblem> {
    match identify(der) {
        Kind::Certificate => {}
        other @ (Kind::RsaPrivate { .. }
        | Kind::OtherPrivate
        | Kind::EncryptedPrivate
        | Kind::RsaPublic(_)
        | Kind::OtherPublic
        | Kind::Unknown) => return Err(SettingProblem::CertificateExpected { given: other.called() }),
    }
    let damaged = || SettingProblem::CertificateDamaged;
    let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| damaged())?;
    if !rest.is_empty() {
        return Err(damaged());
    }
    let issuer = name_text(parsed.issuer()).ok_or_else(damaged)?;
    let algorithm = parsed.signature_algorithm.algorithm.to_id_string();
    let moment = |time: ASN1Time| Timestamp::from_ms(time.timestamp().saturating_mul(1000)).ok();
    Ok(Certificate {
        serial: format!("{:0>40}", hex(&parsed.tbs_certificate.serial.to_bytes_be()).to_uppercase()),
        sn: hex(&Md5::digest(format!("{issuer}{}", parsed.tbs_certificate.serial))),
        key: VerifyingKey::from_spki(parsed.public_key().raw, RSA2_BITS_MIN),
        has_one_algorithm: has_one_algorithm(der),
        is_rsa_signed: algorithm.starts_with(PKCS1),
        ends_at: moment(parsed.validity().not_after),
        serial_decimal: parsed.tbs_certificate.serial.to_string(),
        common_names: parsed.subject().iter_common_name().filter_map(name_value).collect(),
        may_issue: may_issue(&parsed).unwrap_or(false),
        starts_at: moment(parsed.validity().not_before),
        der: der.to_vec(),
        tbs: parsed.tbs_certificate.as_ref().to_vec(),
        issuer: parsed.issuer().as_raw().to_vec(),
        subject: parsed.subject().as_raw().to_vec(),
        algorithm,
        signature: parsed.signature_value.data.to_vec(),
    })
}

/// Whether a certificate may issue others, as far as its extensions say. `None` if an extension occurs twice or cannot be read.
fn may_issue(certificate: &X509Certificate<'_>) -> Option<bool> {
    let is_ca = certificate.basic_constraints().ok()?.is_none_or(|constraints| constraints.value.ca);
    let signs_certificates = certificate.key_usage().ok()?.is_none_or(|usage| usage.value.key_cert_sign());
    Some(is_ca && signs_certificates)
}

/// A value of a name as text. CFCA writes UTF-8 now and wrote T.61 before; other authorities write UTF-16.
fn name_value(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let value = attribute.attr_value();
    if value.tag() == Tag::T61String {
        return str::from_utf8(value.data).ok().map(str::to_owned);
    }
    if value.tag() != Tag::BmpString {
        return attribute.as_str().ok().map(str::to_owned);
    }
    let (units, rest) = value.data.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
    if rest.is_empty() { String::from_utf16(&units).ok() } else { None }
}

/// `alipay_root_cert_sn`: the serial numbers of the certificates that RSA keys signed, in file order. `None` if there are none.
pub(crate) fn root_sn(bundle: &[Certificate]) -> Option<String> {
    let numbers: Vec<&str> = bundle.iter().filter(|cert| cert.is_rsa_signed).map(|cert| cert.sn.as_str()).collect();
    (!numbers.is_empty()).then(|| numbers.join("_"))
}

/// Follows the chain from `leaf` through the rest of its file up to `roots`, as far as its certificates are given and RSA.
///
/// Alipay gives out its certificate with and without the intermediate one, and its intermediates have no CA flag. So a chain that
/// leaves the given files cannot be checked and passes. Only a chain that contradicts itself is refused.
pub(crate) fn check_chain(
    leaf: &Certificate,
    file: &[Certificate],
    roots: &[Certificate],
) -> Result<(), SettingProblem> {
    let mut current = leaf;
    for _ in 0..CHAIN_LENGTH_MAX {
        if roots.iter().any(|root| root.der == current.der) {
            return Ok(());
        }
        if current.issuer == current.subject {
            return Err(SettingProblem::SelfSignedEnd);
        }
        let mut issuers = roots
            .iter()
            .chain(file)
            .filter(|cert| cert.subject == current.issuer && cert.der != current.der)
            .peekable();
        if issuers.peek().is_none() {
            return Ok(());
        }
        match issuers.find(|issuer| current.is_signed_by(issuer)) {
            Some(issuer) => current = issuer,
            None => return Err(SettingProblem::OtherIssuer),
        }
    }
    Err(SettingProblem::ChainTooLong { certificates_max: CHAIN_LENGTH_MAX })
}

impl Certificate {
    /// Whether this certificate is named as issuer by another one in the file.
    pub(crate) fn has_issued_one_of(&self, file: &[Self]) -> bool {
        file.iter().any(|other| other.der != self.der && other.issuer == self.subject)
    }

    /// Whether it names itself as its issuer.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether `now` is within its validity, both ends included. If its end cannot be read, it is never valid.
    pub(crate) fn is_valid_at(&self, now: Timestamp) -> bool {
        self.starts_at.is_some_and(|start| start.seconds() <= now.seconds())
            && self.ends_at.is_some_and(|end| now.seconds() <= end.seconds())
    }

    /// Whether `issuer` may issue certificates and has issued this one: the names fit, and its RSA key made the signature. A
    /// signature that cannot be checked here counts as wrong.
    pub(crate) fn is_issued_by(&self, issuer: &Self) -> bool {
        let fits = self.issuer == issuer.subject && issuer.may_issue;
        fits && self.has_one_algorithm && self.is_rsa_signed && self.is_signed_by(issuer)
    }

    /// Whether the issuer's key made the signature. A signature that cannot be checked here (SM2, EC) counts as right.
    fn is_signed_by(&self, issuer: &Self) -> bool {
        let Ok(key) = &issuer.key else { return !self.is_rsa_signed };
        match self.algorithm.as_str() {
            SHA256_WITH_RSA => key.verify_sha256(&self.tbs, &self.signature).is_ok(),
            SHA1_WITH_RSA => key.verify_sha1(&self.tbs, &self.signature).is_ok(),
            _ => !self.is_rsa_signed,
        }
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A name as Java's `X500Principal.getName()` writes it (RFC 2253), which is what Alipay hashes: the last part first.
fn name_text(name: &X509Name<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for rdn in name.iter_rdn() {
        let attributes: Option<Vec<String>> = rdn.iter().map(attribute_text).collect();
        parts.push(attributes?.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

/// The attributes that RFC 2253 has names for.
#[rustfmt::skip]
const KEYWORDS: &[(&str, &str)] = &[
    ("2.5.4.3",                    "CN"),
    ("2.5.4.6",                    "C"),
    ("2.5.4.7",                    "L"),
    ("2.5.4.8",                    "ST"),
    ("2.5.4.9",                    "STREET"),
    ("2.5.4.10",                   "O"),
    ("2.5.4.11",                   "OU"),
    ("0.9.2342.19200300.100.1.1",  "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

fn attribute_text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let oid = attribute.attr_type().to_id_string();
    let keyword = KEYWORDS.iter().find(|(known, _)| *known == oid).map(|(_, keyword)| *keyword);
    match (keyword, attribute.as_str()) {
        (Some(keyword), Ok(value)) => Some(format!("{keyword}={}", escaped(value))),
        (keyword, _) => {
            let value: &Any<'_> = attribute.attr_value();
            Some(format!("{}=#{}", keyword.unwrap_or(&oid), hex(&value.to_der_vec().ok()?)))
        }
    }
}

/// RFC 2253, section 2.4.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (place, sign) in value.chars().enumerate() {
        let special = matches!(sign, ',' | '+' | '"' | '\\' | '<' | '>' | ';');
        let at_edge = (sign == ' ' && (place == 0 || place == last)) || (sign == '#' && place == 0);
        if special || at_edge {
            text.push('\\');
        }
        text.push(sign);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn names_are_escaped_as_java_does() {
        const CASES: &[(&str, &str)] = &[
            ("Open Root",     "Open Root"),
            ("蚂蚁金服",       "蚂蚁金服"),
            ("A, B",          "A\\, B"),
            ("a+b\"c\\d<e>;", "a\\+b\\\"c\\\\d\\<e\\>\\;"),
            ("#1 # 2",        "\\#1 # 2"),
            (" a  b ",        "\\ a  b\\ "),
            (" ",             "\\ "),
            ("",              ""),
        ];
        for (value, expect) in CASES {
            assert_eq!(escaped(value), *expect, "{value}");
        }
    }
}
