//! WeChat's cryptography besides RSA: keyed hashes of v2, AES of both versions, certificate serials, nonces.

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::kit::crypto::{CryptoError, failed, first_certificate, md5_hex};

const AES_BLOCK_BYTES: usize = 16;
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// v2's `sign_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SignType {
    #[default]
    #[serde(rename = "MD5")]
    Md5,
    #[serde(rename = "HMAC-SHA256")]
    HmacSha256,
}

impl SignType {
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "MD5" => Some(Self::Md5),
            "HMAC-SHA256" => Some(Self::HmacSha256),
            _ => None,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }
}

/// Upper-case hex of the v2 signature; `content` ends with `&key=…`.
pub(super) fn v2_sign(content: &str, key: &str, sign_type: SignType) -> String {
    match sign_type {
        SignType::Md5 => md5_hex(content.as_bytes()).to_ascii_uppercase(),
        SignType::HmacSha256 => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
            let tag = hmac::sign(&key, content.as_bytes());
            tag.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
        }
    }
}

/// Compares texts in constant time.
pub(super) fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

/// The inputs of AEAD_AES_256_GCM; `nonce` has twelve bytes.
#[derive(Clone, Copy)]
pub(super) struct GcmKey<'a> {
    pub(super) key: &'a str,
    pub(super) nonce: &'a str,
    pub(super) associated_data: &'a str,
}

impl GcmKey<'_> {
    /// Base64 of the ciphertext with its tag.
    pub(super) fn seal(self, plaintext: &str) -> Result<String, CryptoError> {
        let failed = failed("APIv3 key");
        let (key, nonce) = self.parts()?;
        let mut bytes = plaintext.as_bytes().to_vec();
        key.seal_in_place_append_tag(nonce, Aad::from(self.associated_data.as_bytes()), &mut bytes)
            .map_err(|error| failed(error.to_string()))?;
        Ok(STANDARD.encode(bytes))
    }

    /// The merchant's part; used by tests.
    #[cfg(test)]
    pub(super) fn open(self, ciphertext: &str) -> Result<String, CryptoError> {
        let failed = failed("ciphertext");
        let (key, nonce) = self.parts()?;
        let mut bytes = STANDARD.decode(ciphertext).map_err(|error| failed(error.to_string()))?;
        let opened = key
            .open_in_place(nonce, Aad::from(self.associated_data.as_bytes()), &mut bytes)
            .map_err(|error| failed(error.to_string()))?;
        String::from_utf8(opened.to_vec()).map_err(|error| failed(error.to_string()))
    }

    fn parts(self) -> Result<(LessSafeKey, Nonce), CryptoError> {
        let failed = failed("APIv3 key");
        let key =
            UnboundKey::new(&AES_256_GCM, self.key.as_bytes()).map_err(|_| failed("not of 32 bytes".to_owned()))?;
        let nonce = Nonce::try_assume_unique_for_key(self.nonce.as_bytes())
            .map_err(|_| failed("the nonce has not 12 bytes".to_owned()))?;
        Ok((LessSafeKey::new(key), nonce))
    }
}

/// `req_info` of a v2 refund notify: AES-256-ECB with PKCS#7 under the lower-case hex MD5 of the v2 key, in base64.
pub(super) fn seal_req_info(v2_key: &str, plaintext: &str) -> Result<String, CryptoError> {
    let key = md5_hex(v2_key.as_bytes());
    let cipher = Aes256::new_from_slice(key.as_bytes()).map_err(|error| failed("v2 key")(error.to_string()))?;
    let mut bytes = plaintext.as_bytes().to_vec();
    let padding = AES_BLOCK_BYTES - bytes.len() % AES_BLOCK_BYTES;
    bytes.resize(bytes.len() + padding, u8::try_from(padding).unwrap_or_default());
    for chunk in bytes.chunks_exact_mut(AES_BLOCK_BYTES) {
        let mut block = Array::default();
        block.copy_from_slice(chunk);
        cipher.encrypt_block(&mut block);
        chunk.copy_from_slice(&block);
    }
    Ok(STANDARD.encode(bytes))
}

/// A certificate's serial number and validity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CertificateFacts {
    /// Upper-case hex, leading zeros kept.
    pub(super) serial: String,
    pub(super) effective_ms: i64,
    pub(super) expire_ms: i64,
}

pub(super) fn certificate_facts(pem: &str) -> Result<CertificateFacts, CryptoError> {
    let der = first_certificate(pem)?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|error| failed("certificate")(error.to_string()))?;
    let mut serial = certificate.raw_serial();
    if let [0, rest @ ..] = serial
        && rest.first().is_some_and(|byte| *byte >= 0x80)
    {
        // DER puts a zero byte before a number that would look negative.
        serial = rest;
    }
    Ok(CertificateFacts {
        serial: serial.iter().map(|byte| format!("{byte:02X}")).collect(),
        effective_ms: certificate.validity().not_before.timestamp().saturating_mul(1_000),
        expire_ms: certificate.validity().not_after.timestamp().saturating_mul(1_000),
    })
}

/// Random letters and digits.
pub(super) fn random_text<const LENGTH: usize>() -> Result<String, CryptoError> {
    let mut bytes = [0_u8; LENGTH];
    SystemRandom::new().fill(&mut bytes).map_err(|error| failed("source of random numbers")(error.to_string()))?;
    Ok(bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32))).map(|byte| char::from(*byte)).collect())
}

/// Random digits.
pub(super) fn random_digits<const LENGTH: usize>() -> Result<String, CryptoError> {
    let mut bytes = [0_u8; LENGTH];
    SystemRandom::new().fill(&mut bytes).map_err(|error| failed("source of random numbers")(error.to_string()))?;
    Ok(bytes.iter().map(|byte| char::from(b'0' + byte % 10)).collect())
}
