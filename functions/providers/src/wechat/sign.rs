//! The signatures of v3: for requests, and for the parameters of the payer's side.
//!
//! # Source
//! `docs/protocols.md` 2.2 and 2.5.

use base64::Engine as _;
use domain::Timestamp;

use crate::{
    Moment, ProviderError, SettingProblem,
    keys::{BASE64, SigningKey},
};

/// The name of the scheme: RSA PKCS#1 v1.5 over SHA-256, whatever the size of the key.
pub(crate) const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";

/// The parts of a request that are signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) method: &'a str,
    /// As on the request line: encoded, with the gateway's own prefix and the query.
    pub(crate) path: &'a str,
    pub(crate) timestamp: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) body: &'a str,
}

impl Message<'_> {
    /// Five lines, each with a line end. The last one is there even without a body.
    pub(crate) fn content(&self) -> String {
        let Self { method, path, timestamp, nonce, body } = self;
        format!("{method}\n{path}\n{timestamp}\n{nonce}\n{body}\n")
    }
}

/// Who signs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Merchant<'a> {
    pub(crate) mch_id: &'a str,
    pub(crate) cert_serial: &'a str,
    pub(crate) key: &'a SigningKey,
}

/// The value of the header `Authorization`.
pub(crate) fn authorization(message: &Message<'_>, merchant: Merchant<'_>) -> Result<String, ProviderError> {
    let signature = signed(merchant.key, &message.content())?;
    let Message { timestamp, nonce, .. } = message;
    let Merchant { mch_id, cert_serial, .. } = merchant;
    Ok(format!(
        "{SCHEME} mchid=\"{mch_id}\",serial_no=\"{cert_serial}\",timestamp=\"{timestamp}\",nonce_str=\"{nonce}\",signature=\"{signature}\""
    ))
}

/// The content of the second signature. The last line is the bare `prepay_id` for an app, and `prepay_id=<id>` for JSAPI.
pub(crate) fn payer_content(app_id: &str, moment: &Moment, last_line: &str) -> String {
    format!("{app_id}\n{}\n{}\n{last_line}\n", seconds(moment.now), moment.nonce.as_str())
}

/// A time as WeChat signs it.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.seconds().to_string()
}

/// The signature in base64.
pub(crate) fn signed(key: &SigningKey, content: &str) -> Result<String, ProviderError> {
    let signature = key.sign_sha256(content.as_bytes());
    let signature = signature.ok_or(ProviderError::Key { field: "privateKey", problem: SettingProblem::SignsNot })?;
    Ok(BASE64.encode(signature))
}
