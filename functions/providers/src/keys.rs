//! Reads RSA keys as people paste them, and signs and verifies with them. If something else was given, the error says what it is.
//!
//! PEM or bare base64, PKCS#8 or PKCS#1, SPKI or PKCS#1: the DER decides and not the PEM label, because keys often have the wrong
//! label. No error repeats what was given.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::GeneralPurpose};
use ring::{
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{
        RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaParameters,
        RsaPublicKeyComponents,
    },
};
use rsa::pkcs1::DecodeRsaPrivateKey as _;

use crate::{Given, SettingProblem};

/// A private key of 8192 bits is 6.4 KB as PEM.
pub(crate) const KEY_BYTES_MAX: usize = 16 * 1024;
/// Alipay's root bundle is 5 KB.
pub(crate) const BUNDLE_BYTES_MAX: usize = 64 * 1024;
/// The most PEM blocks in one text.
const BLOCKS_MAX: usize = 32;

/// The smallest key that signs RSA2.
pub(crate) const RSA2_BITS_MIN: usize = 2048;
/// The smallest key of the legacy interfaces.
pub(crate) const LEGACY_BITS_MIN: usize = 1024;
/// The largest private key that ring signs with.
const PRIVATE_BITS_MAX: usize = 4096;
/// The largest public key that ring verifies with.
const PUBLIC_BITS_MAX: usize = 8192;

/// Standard base64, with or without its padding. Unused bits after the last byte must be zero: one signature has one spelling.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

/// Base64 without padding, in the alphabet that is safe in URLs.
pub(crate) const BASE64_URL: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::URL_SAFE, base64::engine::general_purpose::NO_PAD);

/// The signature does not fit the content and the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadSignature;

/// The public half of an RSA key, ready to verify with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct VerifyingKey {
    n: Vec<u8>,
    e: Vec<u8>,
}

impl VerifyingKey {
    /// Reads a public key of at least `bits_min` bits. The error says what was given instead.
    pub(crate) fn read(text: &str, bits_min: usize) -> Result<Self, SettingProblem> {
        let der = one_block(text)?;
        let key = identify(&der).into_public().map_err(|given| SettingProblem::PublicKeyExpected { given })?;
        key.checked(bits_min, PUBLIC_BITS_MAX)
    }

    /// From `RSAPublicKey` in DER.
    fn from_pkcs1(der: &[u8]) -> Option<Self> {
        let mut fields = Der(der).enter(SEQUENCE)?;
        let n = fields.unsigned()?.to_vec();
        let e = fields.unsigned()?.to_vec();
        fields.is_empty().then_some(Self { n, e })
    }

    /// From `SubjectPublicKeyInfo` in DER. The error says why it cannot be used.
    pub(crate) fn from_spki(der: &[u8], bits_min: usize) -> Result<Self, SettingProblem> {
        identify(der).into_public().map_err(|given| SettingProblem::Unfit { given })?.checked(bits_min, PUBLIC_BITS_MAX)
    }

    fn checked(self, bits_min: usize, bits_max: usize) -> Result<Self, SettingProblem> {
        let bits = bits(&self.n);
        if bits < bits_min {
            let algorithm = if bits_min >= RSA2_BITS_MIN { "RSA2" } else { "RSA" };
            return Err(SettingProblem::KeyTooShort { bits, algorithm, bits_min });
        }
        if bits > bits_max {
            return Err(SettingProblem::KeyTooLong { bits, bits_max });
        }
        // ring refuses these at every verification: an even modulus, an exponent that is even, 1 or longer than 33 bits.
        let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
        if !odd(&self.n) || !odd(&self.e) || bits_of_exponent_unfit(&self.e) {
            return Err(SettingProblem::NoRsaNumbers);
        }
        Ok(self)
    }

    /// Verifies RSA2 and the same algorithm elsewhere: PKCS#1 v1.5 over SHA-256, at least 2048 bits.
    pub(crate) fn verify_sha256(&self, content: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.verify(&RSA_PKCS1_2048_8192_SHA256, content, signature)
    }

    /// Verifies the legacy `RSA`: PKCS#1 v1.5 over SHA-1.
    pub(crate) fn verify_sha1(&self, content: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.verify(&RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, content, signature)
    }

    fn verify(&self, parameters: &RsaParameters, content: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        RsaPublicKeyComponents { n: &self.n, e: &self.e }
            .verify(parameters, content, signature)
            .map_err(|_| BadSignature)
    }
}

/// Shows its size only: its digits would fill a log.
impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({} bits)", bits(&self.n))
    }
}

fn bits_of_exponent_unfit(e: &[u8]) -> bool {
    !(2..=33).contains(&bits(e))
}

/// A private key that signs RSA2.
pub(crate) struct SigningKey {
    pair: KeyPair,
    public: VerifyingKey,
}

impl SigningKey {
    /// Reads a private key. The error says what was given instead.
    pub(crate) fn read(text: &str) -> Result<Self, SettingProblem> {
        let (der, public) = private_key(text, RSA2_BITS_MIN)?;
        Self::from_parts(&der, public)
    }

    /// Reads a private key in DER. The error says what was given instead.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, SettingProblem> {
        let (der, public) = private_key_der(der, RSA2_BITS_MIN)?;
        Self::from_parts(&der, public)
    }

    fn from_parts(der: &[u8], public: VerifyingKey) -> Result<Self, SettingProblem> {
        let pair = KeyPair::from_der(der).map_err(|rejected| SettingProblem::Damaged { why: rejected.to_string() })?;
        Ok(Self { pair, public })
    }

    /// Its public half.
    pub(crate) fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// PKCS#1 v1.5 over SHA-256. `None` only if the key is inconsistent in a way that shows only when it signs.
    pub(crate) fn sign_sha256(&self, content: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        // PKCS#1 v1.5 uses no randomness, although ring asks for a generator: the same content gives the same signature.
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), content, &mut signature).ok()?;
        Some(signature)
    }
}

/// Shows nothing of the key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

/// A private key for the legacy `RSA`, PKCS#1 v1.5 over SHA-1. ring does not do it, and allows no key below 2048 bits.
pub(crate) struct LegacySigningKey {
    key: rsa::PrivateKey,
    public: VerifyingKey,
}

impl LegacySigningKey {
    /// Reads a private key. The error says what was given instead.
    pub(crate) fn read(text: &str) -> Result<Self, SettingProblem> {
        let (der, public) = private_key(text, LEGACY_BITS_MIN)?;
        let key = rsa::PrivateKey::from_pkcs1_der(&der).map_err(|_| SettingProblem::NoRsaNumbers)?;
        Ok(Self { key, public })
    }

    /// Its public half.
    pub(crate) fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// PKCS#1 v1.5 over SHA-1, without blinding, because there is no randomness here. `None` if the key is inconsistent.
    pub(crate) fn sign_sha1(&self, content: &[u8]) -> Option<Vec<u8>> {
        self.key.pkcs1v15_sign::<sha1::Sha1>(content).ok()
    }
}

/// Shows nothing of the key.
impl fmt::Debug for LegacySigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LegacySigningKey(***)")
    }
}

/// `RSAPrivateKey` in DER, and its public half.
fn private_key(text: &str, bits_min: usize) -> Result<(Vec<u8>, VerifyingKey), SettingProblem> {
    if text.contains("Proc-Type:") {
        return Err(SettingProblem::Encrypted);
    }
    private_key_der(&one_block(text)?, bits_min)
}

fn private_key_der(der: &[u8], bits_min: usize) -> Result<(Vec<u8>, VerifyingKey), SettingProblem> {
    match identify(der) {
        Kind::RsaPrivate { pkcs1, public } => Ok((pkcs1.to_vec(), public.checked(bits_min, PRIVATE_BITS_MAX)?)),
        Kind::EncryptedPrivate => Err(SettingProblem::Encrypted),
        other @ (Kind::OtherPrivate | Kind::RsaPublic(_) | Kind::OtherPublic | Kind::Certificate | Kind::Unknown) => {
            Err(SettingProblem::PrivateKeyExpected { given: other.called() })
        }
    }
}

/// The one DER value in a text.
fn one_block(text: &str) -> Result<Vec<u8>, SettingProblem> {
    let mut blocks = blocks(text, KEY_BYTES_MAX)?;
    match (blocks.pop(), blocks.len()) {
        (Some(block), 0) => Ok(block),
        (_, more) => Err(SettingProblem::SeveralBlocks { count: more + 1 }),
    }
}

/// The DER values in a text: of every PEM block, or of bare base64. The list is never empty.
pub(crate) fn blocks(text: &str, bytes_max: usize) -> Result<Vec<Vec<u8>>, SettingProblem> {
    const BEGIN: &str = "-----BEGIN ";
    if text.len() > bytes_max {
        return Err(SettingProblem::TooLong { bytes_max });
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.contains("\\n") {
        return Err(SettingProblem::Backslash);
    }
    let Some((_, mut rest)) = text.split_once(BEGIN) else {
        let der = decode(text).filter(|der| !der.is_empty());
        return der.map(|der| vec![der]).ok_or(SettingProblem::NeitherPemNorBase64);
    };
    let mut found = Vec::new();
    while found.len() < BLOCKS_MAX {
        let (label, body) = rest.split_once("-----").ok_or(SettingProblem::HeaderCutOff)?;
        let end = format!("-----END {label}-----");
        let (body, after) = body.split_once(end.as_str()).ok_or_else(|| SettingProblem::CutOff { end: cut(&end) })?;
        let der = decode(body).filter(|der| !der.is_empty());
        found.push(der.ok_or(SettingProblem::BlockDamaged)?);
        match after.split_once(BEGIN) {
            Some((_, next)) => rest = next,
            None => return Ok(found),
        }
    }
    Err(SettingProblem::TooManyBlocks { blocks_max: BLOCKS_MAX })
}

fn cut(label: &str) -> String {
    label.chars().filter(|c| !c.is_control()).take(48).collect()
}

/// Decodes base64 with white space anywhere.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    BASE64.decode(dense).ok()
}

/// Whether a text seems to contain a private key, valid or not: it must then be masked.
pub(crate) fn looks_private(text: &str) -> bool {
    if text.contains("PRIVATE KEY") {
        return true;
    }
    let is_private = |der: &Vec<u8>| match identify(der) {
        Kind::RsaPrivate { .. } | Kind::OtherPrivate | Kind::EncryptedPrivate => true,
        Kind::RsaPublic(_) | Kind::OtherPublic | Kind::Certificate | Kind::Unknown => false,
    };
    blocks(text, BUNDLE_BYTES_MAX).is_ok_and(|blocks| blocks.iter().any(is_private))
}

/// What a DER value is.
#[derive(Debug)]
pub(crate) enum Kind<'a> {
    RsaPrivate { pkcs1: &'a [u8], public: VerifyingKey },
    OtherPrivate,
    EncryptedPrivate,
    RsaPublic(VerifyingKey),
    OtherPublic,
    Certificate,
    Unknown,
}

impl Kind<'_> {
    /// The RSA public key in it, or what it is instead.
    fn into_public(self) -> Result<VerifyingKey, Given> {
        match self {
            Self::RsaPublic(key) => Ok(key),
            other @ (Self::RsaPrivate { .. }
            | Self::OtherPrivate
            | Self::EncryptedPrivate
            | Self::OtherPublic
            | Self::Certificate
            | Self::Unknown) => Err(other.called()),
        }
    }

    /// Its name for the operator who gave it in the wrong place.
    pub(crate) fn called(&self) -> Given {
        match self {
            Self::RsaPrivate { .. } => Given::PrivateKey,
            Self::OtherPrivate => Given::OtherPrivateKey,
            Self::EncryptedPrivate => Given::EncryptedPrivateKey,
            Self::RsaPublic(_) => Given::PublicKey,
            Self::OtherPublic => Given::OtherPublicKey,
            Self::Certificate => Given::Certificate,
            Self::Unknown => Given::Unknown,
        }
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// 1.2.840.113549.1.1.1, `rsaEncryption`.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Tells keys and certificates apart by their shape.
pub(crate) fn identify(der: &[u8]) -> Kind<'_> {
    identify_sequence(der).unwrap_or(Kind::Unknown)
}

fn identify_sequence(der: &[u8]) -> Option<Kind<'_>> {
    let mut fields = Der(der).enter(SEQUENCE)?;
    let (first, content) = fields.next()?;
    let (second, second_content) = fields.next()?;
    let third = fields.next();
    Some(match (first, second, third) {
        // RSAPublicKey ::= { n, e }
        (INTEGER, INTEGER, None) => Kind::RsaPublic(VerifyingKey::from_pkcs1(der)?),
        // RSAPrivateKey ::= { 0, n, e, d, ... }
        (INTEGER, INTEGER, Some((INTEGER, _))) => Kind::RsaPrivate { pkcs1: der, public: public_of_pkcs1(der)? },
        // PrivateKeyInfo ::= { 0, { oid, .. }, RSAPrivateKey }
        (INTEGER, SEQUENCE, Some((OCTET_STRING, key))) if is_rsa(second_content) => {
            Kind::RsaPrivate { pkcs1: key, public: public_of_pkcs1(key)? }
        }
        // PrivateKeyInfo of another algorithm, or ECPrivateKey ::= { 1, key, .. }
        (INTEGER, SEQUENCE, Some((OCTET_STRING, _))) | (INTEGER, OCTET_STRING, _) => Kind::OtherPrivate,
        // SubjectPublicKeyInfo ::= { { oid, .. }, RSAPublicKey }
        (SEQUENCE, BIT_STRING, None) if is_rsa(content) => {
            Kind::RsaPublic(VerifyingKey::from_pkcs1(second_content.strip_prefix(&[0])?)?)
        }
        (SEQUENCE, BIT_STRING, None) => Kind::OtherPublic,
        (SEQUENCE, OCTET_STRING, None) => Kind::EncryptedPrivate,
        (SEQUENCE, SEQUENCE, Some((BIT_STRING, _))) => Kind::Certificate,
        _ => Kind::Unknown,
    })
}

/// Whether a certificate names one signature algorithm, byte for byte the same inside and outside of the signed part, as RFC 5280
/// requires (4.1.1.2), and its signature is whole bytes. Then no bit of it can be changed unnoticed.
pub(crate) fn has_one_algorithm(certificate: &[u8]) -> bool {
    algorithms(certificate).is_some_and(|(inside, outside)| inside == outside)
}

fn algorithms(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    const VERSION: u8 = 0xa0;
    let mut fields = Der(certificate).enter(SEQUENCE)?;
    let (SEQUENCE, signed) = fields.next()? else { return None };
    let (SEQUENCE, outside) = fields.next()? else { return None };
    let (BIT_STRING, [0, ..]) = fields.next()? else { return None };
    let mut signed = Der(signed);
    let (first, _) = signed.next()?;
    if first == VERSION {
        signed.next()?;
    }
    let (SEQUENCE, inside) = signed.next()? else { return None };
    Some((inside, outside))
}

fn is_rsa(algorithm: &[u8]) -> bool {
    Der(algorithm).next() == Some((OID, RSA_ENCRYPTION))
}

fn public_of_pkcs1(der: &[u8]) -> Option<VerifyingKey> {
    let mut fields = Der(der).enter(SEQUENCE)?;
    fields.next()?;
    Some(VerifyingKey { n: fields.unsigned()?.to_vec(), e: fields.unsigned()?.to_vec() })
}

fn bits(number: &[u8]) -> usize {
    let leading = number.first().map_or(0, |first| first.leading_zeros());
    (number.len() * 8).saturating_sub(usize::try_from(leading).unwrap_or(0))
}

/// The rest of a sequence of DER values.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The tag and content of the next value.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            // A length of more than four bytes is beyond every limit here. 0x80, the indefinite length, is not DER.
            let (bytes, rest) = rest
                .split_at_checked(usize::from(*first & 0x7f))
                .filter(|(bytes, _)| (1..=4).contains(&bytes.len()))?;
            (bytes.iter().try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))?, rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    /// The content of the only value.
    fn enter(mut self, tag: u8) -> Option<Self> {
        let (found, content) = self.next()?;
        (found == tag && self.is_empty()).then_some(Self(content))
    }

    /// The next value as an unsigned number, without leading zeros.
    fn unsigned(&mut self) -> Option<&'a [u8]> {
        let (tag, content) = self.next()?;
        let number = content.strip_prefix(&[0]).unwrap_or(content);
        (tag == INTEGER && number.first().is_some_and(|first| *first != 0)).then_some(number)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
