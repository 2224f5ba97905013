//! The simulator's merchants: numbers, registered certificates, and the settings to paste.
//!
//! The built-in ones use the throwaway keys under `infra/simulators/keys/unionpay`, which are public; tests add others.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use x509_parser::pem::parse_x509_pem;

use super::signing::{Seals, digest_text};
use crate::kit::crypto::CryptoError;
use crate::kit::crypto::Sha256Verifier;

const OLD_MER_ID: &str = "777290000000001";
const NEW_MER_ID: &str = "777290000000002";
const OLD_CERT: &str = include_str!("../../keys/unionpay/merchant_old_cert.cer");
const NEW_CERT: &str = include_str!("../../keys/unionpay/merchant_new_cert.cer");
const OLD_PFX: &[u8] = include_bytes!("../../keys/unionpay/merchant_old.pfx");
const NEW_PFX: &[u8] = include_bytes!("../../keys/unionpay/merchant_new.pfx");
const ROOT_CERT: &str = include_str!("../../keys/unionpay/root_cert.cer");
const MIDDLE_CERT: &str = include_str!("../../keys/unionpay/middle_cert.cer");
/// UnionPay's password for test merchants.
const PFX_PASSWORD: &str = "000000";

/// A merchant and its registered certificate.
pub(super) struct Merchant {
    pub(super) mer_id: String,
    pub(super) name: &'static str,
    /// The certificate's serial number in decimal; some are larger than 64 bits.
    cert_id: String,
    key: Sha256Verifier,
}

impl Merchant {
    pub(super) fn new(mer_id: &str, name: &'static str, certificate: &str) -> Result<Self, CryptoError> {
        let key = Sha256Verifier::from_certificate(certificate)?;
        // The line above has read the certificate, so the number is never empty.
        let cert_id = cert_id_of(certificate).unwrap_or_default();
        Ok(Self { mer_id: mer_id.to_owned(), name, cert_id, key })
    }

    /// True if `signature` over `content` is this merchant's, made with the certificate of number `cert_id`.
    pub(super) fn signed(&self, content: &str, cert_id: &str, signature: &str) -> bool {
        cert_id == self.cert_id && self.key.verify(&digest_text(content), signature)
    }
}

/// All merchants, and all keys that sign.
pub(super) struct Registry {
    pub(super) merchants: Vec<Merchant>,
    pub(super) seals: Seals,
}

impl Registry {
    pub(super) fn built_in() -> Result<Self, CryptoError> {
        Ok(Self {
            merchants: vec![
                Merchant::new(OLD_MER_ID, "模拟商户 Old PFX", OLD_CERT)?,
                Merchant::new(NEW_MER_ID, "模拟商户 New PFX", NEW_CERT)?,
            ],
            seals: Seals::built_in()?,
        })
    }

    pub(super) fn merchant(&self, mer_id: &str) -> Option<&Merchant> {
        self.merchants.iter().find(|merchant| merchant.mer_id == mer_id)
    }

    /// The name shown on the cashier.
    pub(super) fn name_of<'a>(&'a self, mer_id: &'a str) -> &'a str {
        self.merchant(mer_id).map_or(mer_id, |merchant| merchant.name)
    }
}

/// The decimal serial number of a PEM certificate.
pub(super) fn cert_id_of(certificate: &str) -> Option<String> {
    let (_, pem) = parse_x509_pem(certificate.as_bytes()).ok()?;
    Some(pem.parse_x509().ok()?.tbs_certificate.serial.to_string())
}

/// The channel settings for the gateway: the app has the old kind of PFX, the web page the new one.
pub(super) fn settings(base_url: &str) -> Value {
    let of = |mer_id: &str, pfx: &[u8]| {
        json!({
            "merId": mer_id,
            "pfx": STANDARD.encode(pfx),
            "pfxPassword": PFX_PASSWORD,
            "rootCert": ROOT_CERT,
            "middleCert": MIDDLE_CERT,
            "gateway": format!("{base_url}/simulator/unionpay/gateway/api"),
            "fileGateway": format!("{base_url}/simulator/unionpay/file/"),
        })
    };
    json!({ "unipay_app": of(OLD_MER_ID, OLD_PFX), "unipay_web": of(NEW_MER_ID, NEW_PFX) })
}
