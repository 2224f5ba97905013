//! Signatures and certificate numbers.
//!
//! SHA-256 uses `ring`. SHA-1 and keys under 2048 bits, which only the legacy gateway has, use `rsa`, because `ring` refuses to
//! sign with either.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use x509_parser::prelude::{FromDer, Pem, X509Certificate};
use x509_parser::x509::SubjectPublicKeyInfo;

/// OID prefix of all RSA signature algorithms (PKCS#1). Only such roots are part of the bundle's number.
const RSA_SIGNATURES: &str = "1.2.840.113549.1.1.";

/// A key, certificate or signature that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the {what}: {why}")]
pub struct CryptoError {
    what: &'static str,
    why: String,
}

pub(crate) fn failed(what: &'static str) -> impl Fn(String) -> CryptoError {
    move |why| CryptoError { what, why }
}

/// Signs with RSA PKCS#1 v1.5 over SHA-256.
pub(crate) struct Sha256Signer(RsaKeyPair);

impl Sha256Signer {
    pub(crate) fn from_pem(pem: &str) -> Result<Self, CryptoError> {
        let failed = failed("RSA-2048 private key");
        let der = STANDARD.decode(bare_base64(pem)).map_err(|error| failed(error.to_string()))?;
        RsaKeyPair::from_pkcs8(&der).map(Self).map_err(|error| failed(error.to_string()))
    }

    /// Base64 of the signature.
    pub(crate) fn sign(&self, content: impl AsRef<[u8]>) -> Result<String, CryptoError> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), content.as_ref(), &mut signature)
            .map_err(|error| failed("RSA-2048 private key")(error.to_string()))?;
        Ok(STANDARD.encode(signature))
    }
}

/// Verifies RSA PKCS#1 v1.5 over SHA-256, with keys of at least 2048 bits.
pub(crate) struct Sha256Verifier(Vec<u8>);

impl Sha256Verifier {
    pub(crate) fn from_pem(pem: &str) -> Result<Self, CryptoError> {
        let failed = failed("RSA-2048 public key");
        let der = STANDARD.decode(bare_base64(pem)).map_err(|error| failed(error.to_string()))?;
        let (_, key) = SubjectPublicKeyInfo::from_der(&der).map_err(|error| failed(error.to_string()))?;
        Ok(Self(key.subject_public_key.data.to_vec()))
    }

    /// The key of the first certificate in `pem`.
    pub(crate) fn from_certificate(pem: &str) -> Result<Self, CryptoError> {
        let leaf = first_certificate(pem)?;
        let (_, certificate) =
            X509Certificate::from_der(&leaf).map_err(|error| failed("certificate")(error.to_string()))?;
        Ok(Self(certificate.public_key().subject_public_key.data.to_vec()))
    }

    pub(crate) fn verify(&self, content: &str, sign: &str) -> bool {
        STANDARD.decode(sign).is_ok_and(|signature| {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0).verify(content.as_bytes(), &signature).is_ok()
        })
    }
}

/// Signs with RSA PKCS#1 v1.5 over SHA-1, as the legacy gateway does.
pub(crate) struct Sha1Signer(rsa::PrivateKey);

impl Sha1Signer {
    pub(crate) fn from_pem(pem: &str) -> Result<Self, CryptoError> {
        rsa::PrivateKey::from_pkcs8_pem(pem)
            .map(Self)
            .map_err(|error| failed("legacy RSA private key")(error.to_string()))
    }

    /// Base64 of the signature.
    pub(crate) fn sign(&self, content: impl AsRef<[u8]>) -> Result<String, CryptoError> {
        self.0
            .pkcs1v15_sign::<Sha1>(content.as_ref())
            .map(|signature| STANDARD.encode(signature))
            .map_err(|error| failed("legacy RSA private key")(error.to_string()))
    }
}

/// Verifies RSA PKCS#1 v1.5 over SHA-1.
pub(crate) struct Sha1Verifier(rsa::PublicKey);

impl Sha1Verifier {
    pub(crate) fn from_pem(pem: &str) -> Result<Self, CryptoError> {
        rsa::PublicKey::from_public_key_pem(pem)
            .map(Self)
            .map_err(|error| failed("legacy RSA public key")(error.to_string()))
    }

    pub(crate) fn verify(&self, content: &str, sign: &str) -> bool {
        STANDARD
            .decode(sign)
            .is_ok_and(|signature| self.0.pkcs1v15_verify::<Sha1>(content.as_bytes(), &signature).is_ok())
    }
}

/// Lower-case hex of MD5 over `content` with the key appended.
pub(crate) fn md5_sign(content: impl AsRef<[u8]>, key: &str) -> String {
    md5_hex(&[content.as_ref(), key.as_bytes()].concat())
}

/// True if `sign` is the MD5 signature of `content`. Lower case only, because Alipay compares text.
pub(crate) fn md5_verify(content: &str, key: &str, sign: &str) -> bool {
    md5_sign(content, key).as_bytes().ct_eq(sign.as_bytes()).into()
}

/// `app_cert_sn` or `alipay_cert_sn`: the number of the first certificate in `pem`.
pub(crate) fn cert_sn(pem: &str) -> Result<String, CryptoError> {
    let leaf = first_certificate(pem)?;
    let (_, certificate) =
        X509Certificate::from_der(&leaf).map_err(|error| failed("certificate")(error.to_string()))?;
    Ok(sn_of(&certificate))
}

/// `alipay_root_cert_sn`: the numbers of all RSA certificates of the bundle, joined with `_` in file order.
pub(crate) fn root_cert_sn(bundle: &str) -> Result<String, CryptoError> {
    let mut numbers = Vec::new();
    for pem in Pem::iter_from_buffer(bundle.as_bytes()) {
        let pem = pem.map_err(|error| failed("root bundle")(error.to_string()))?;
        let certificate = pem.parse_x509().map_err(|error| failed("root bundle")(error.to_string()))?;
        if certificate.signature_algorithm.algorithm.to_id_string().starts_with(RSA_SIGNATURES) {
            numbers.push(sn_of(&certificate));
        }
    }
    Ok(numbers.join("_"))
}

/// The text of a PEM block without header, footer and line ends, as Alipay's key tool shows it.
pub(crate) fn bare_base64(pem: &str) -> String {
    pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect()
}

/// MD5 of the issuer's name, with its parts in reverse order as in Java's RFC 2253 text, and the decimal serial number.
fn sn_of(certificate: &X509Certificate<'_>) -> String {
    let mut parts = Vec::new();
    for attribute in certificate.issuer().iter_attributes() {
        let oid = attribute.attr_type().to_id_string();
        let name = match oid.as_str() {
            "2.5.4.3" => "CN",
            "2.5.4.6" => "C",
            "2.5.4.7" => "L",
            "2.5.4.8" => "ST",
            "2.5.4.10" => "O",
            "2.5.4.11" => "OU",
            other => other,
        };
        parts.push(format!("{name}={}", attribute.as_str().unwrap_or_default()));
    }
    parts.reverse();
    md5_hex(format!("{}{}", parts.join(","), certificate.tbs_certificate.serial).as_bytes())
}

pub(crate) fn first_certificate(pem: &str) -> Result<Vec<u8>, CryptoError> {
    Pem::iter_from_buffer(pem.as_bytes())
        .next()
        .ok_or_else(|| failed("certificate")("no PEM block".to_owned()))?
        .map(|pem| pem.contents)
        .map_err(|error| failed("certificate")(error.to_string()))
}

pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
