//! Signatures of version 5.1.0, and the certificates inside UnionPay's messages.

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::kit::charset::Charset;
use crate::kit::crypto::CryptoError;
use crate::kit::crypto::Sha256Signer;
use crate::kit::form::Params;

const SIGN_PRIVATE: &str = include_str!("../../keys/unionpay/sign_private.pem");
const OTHER_PRIVATE: &str = include_str!("../../keys/unionpay/other_private.pem");
const SIGN_CERT: &str = include_str!("../../keys/unionpay/sign_cert.cer");
const EXPIRED_CERT: &str = include_str!("../../keys/unionpay/sign_expired_cert.cer");
const FOREIGN_CERT: &str = include_str!("../../keys/unionpay/sign_foreign_cert.cer");
const SELF_CERT: &str = include_str!("../../keys/unionpay/sign_self_cert.cer");
const FAKE_ISSUER_CERT: &str = include_str!("../../keys/unionpay/sign_fake_issuer_cert.cer");

/// The key and certificate that sign a message. The merchant must refuse all but the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum SignWith {
    #[default]
    Unionpay,
    /// UnionPay's certificate, somebody else's key.
    Other,
    /// UnionPay's key with an expired certificate.
    ExpiredCert,
    /// A genuine certificate of another customer of the authority.
    ForeignCn,
    /// UnionPay's name on a self-signed certificate.
    SelfMade,
    /// UnionPay's name and the authority's name, but not the authority's signature.
    FakeIssuer,
}

/// A key, and the certificate that is sent with its signatures.
pub(super) struct Seal {
    key: Sha256Signer,
    certificate: String,
}

impl Seal {
    pub(super) fn new(private: &str, certificate: &str) -> Result<Self, CryptoError> {
        let lines: Vec<&str> = certificate.trim().lines().collect();
        Ok(Self { key: Sha256Signer::from_pem(private)?, certificate: lines.join("\r\n") })
    }

    /// Adds `encoding`, `signPubKeyCert` and `signature`.
    pub(super) fn sign(&self, fields: &mut Params, charset: Charset) -> Result<(), CryptoError> {
        fields.insert("encoding".to_owned(), charset.name().to_uppercase());
        fields.insert("signPubKeyCert".to_owned(), self.certificate.clone());
        let signature = self.key.sign(digest_text(charset.bytes(&content(fields))))?;
        fields.insert("signature".to_owned(), signature);
        Ok(())
    }
}

/// One seal for each [`SignWith`].
pub(super) struct Seals {
    unionpay: Seal,
    other: Seal,
    expired: Seal,
    foreign: Seal,
    self_made: Seal,
    fake_issuer: Seal,
}

impl Seals {
    pub(super) fn built_in() -> Result<Self, CryptoError> {
        Ok(Self {
            unionpay: Seal::new(SIGN_PRIVATE, SIGN_CERT)?,
            other: Seal::new(OTHER_PRIVATE, SIGN_CERT)?,
            expired: Seal::new(SIGN_PRIVATE, EXPIRED_CERT)?,
            foreign: Seal::new(OTHER_PRIVATE, FOREIGN_CERT)?,
            self_made: Seal::new(OTHER_PRIVATE, SELF_CERT)?,
            fake_issuer: Seal::new(OTHER_PRIVATE, FAKE_ISSUER_CERT)?,
        })
    }

    pub(super) fn by(&self, who: SignWith) -> &Seal {
        match who {
            SignWith::Unionpay => &self.unionpay,
            SignWith::Other => &self.other,
            SignWith::ExpiredCert => &self.expired,
            SignWith::ForeignCn => &self.foreign,
            SignWith::SelfMade => &self.self_made,
            SignWith::FakeIssuer => &self.fake_issuer,
        }
    }
}

/// The parameters as in UnionPay's own SDK: values trimmed, blank ones removed.
pub(super) fn filtered(params: Params) -> Params {
    params
        .into_iter()
        .filter_map(|(name, value)| {
            // Java's trim(): removes every character up to and including the blank.
            let value = value.trim_matches(|sign| sign <= ' ');
            (!value.is_empty()).then(|| (name, value.to_owned()))
        })
        .collect()
}

/// The signed text: every field except `signature`, names in byte order, values unchanged.
pub(super) fn content(params: &Params) -> String {
    let pairs: Vec<String> =
        params.iter().filter(|(name, _)| *name != "signature").map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Lower-case hex of SHA-256. The key signs these 64 characters, so SHA-256 is applied twice.
pub(super) fn digest_text(content: impl AsRef<[u8]>) -> String {
    digest(&SHA256, content.as_ref()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
