//! The form that a notify is, before anyone believes it. Both protocols verify it, each by its own rules.

use std::collections::BTreeMap;

use base64::Engine as _;
use bytes::Bytes;
use domain::{Claim, Notification, ProviderTradeNo};
use http::Request;

use super::{
    open_platform::AlipayKey,
    sign::joined,
    trade::{self, Trade},
};
use crate::{NotifyError, error::words, form, keys::BASE64};

/// A form, decoded once. No name is there twice.
#[derive(Debug)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    pub(crate) fn parse(notify: &Request<Bytes>) -> Result<Self, NotifyError> {
        let fields = form::parse(notify)?;
        // The charset is looked at before the text is, so that the error names the reason and not what comes of it.
        let charset = fields.get(b"charset".as_slice());
        if let Some(charset) = charset.filter(|charset| !charset.eq_ignore_ascii_case(b"utf-8")) {
            let charset = words(&String::from_utf8_lossy(charset));
            return Err(NotifyError::malformed(format!(
                "the charset must be utf-8, found {charset}: set it so for the app at Alipay"
            )));
        }
        form::text(fields).map(Self)
    }

    #[cfg(test)]
    pub(crate) fn of<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A field, empty or not.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A field that has a value.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.find(name).filter(|value| !value.is_empty())
    }

    /// Every field.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What the open platform signs: every field but `sign` and `sign_type`, the empty ones, too ("V1").
    pub(crate) fn content(&self) -> String {
        joined(self.iter().filter(|(name, _)| *name != "sign" && *name != "sign_type"))
    }

    /// The decoded bytes of `sign`.
    pub(crate) fn signature(&self) -> Result<Vec<u8>, NotifyError> {
        let sign = self.filled("sign").ok_or(NotifyError::Unsigned)?;
        BASE64.decode(sign).map_err(|_| NotifyError::malformed("sign is not base64"))
    }

    /// Verifies a notify of the open platform. Only RSA2 is taken, whatever the message names: to follow it would let anyone
    /// choose SHA-1.
    pub(crate) fn verify_rsa2(&self, alipay: &AlipayKey) -> Result<(), NotifyError> {
        let signature = self.signature()?;
        let sign_type = self.filled("sign_type").unwrap_or_default();
        if sign_type != "RSA2" {
            return Err(NotifyError::Algorithm { found: words(sign_type), expected: "RSA2" });
        }
        let verified = alipay.key.verify_sha256(self.content().as_bytes(), &signature);
        verified.map_err(|_| NotifyError::BadSignature { field: alipay.field() })
    }

    /// Reads a verified notify about a trade. `fee_field` is what the protocol calls the amount.
    pub(crate) fn notification(
        &self,
        claims: Vec<Claim>,
        fee_field: &str,
        refund_fee: Option<&str>,
    ) -> Result<Notification, NotifyError> {
        let missing = |field: &str| NotifyError::malformed(format!("{field} is missing"));
        let order = self.filled("out_trade_no").ok_or_else(|| missing("out_trade_no"))?;
        // The browser's return bears the same fields under the same kind of signature, except this one: it settles nothing.
        let status = self.filled("trade_status").ok_or_else(|| missing("trade_status"))?;
        let total = self.filled(fee_field).and_then(|text| trade::amount(text).ok()).flatten();
        let was_paid = self.filled("gmt_payment").is_some();
        let outcome = trade::outcome(Trade { status, total, refund_fee, was_paid })
            .map_err(|field| NotifyError::malformed(format!("{field} is not an amount in yuan")))?;
        let trade_no = self.filled("trade_no").and_then(ProviderTradeNo::parse);
        Ok(Notification { order: order.to_owned(), claims, fee: total, outcome, trade_no })
    }

    /// A claim about a field; an absent one says nothing, and so differs from whatever is configured.
    pub(crate) fn claim(&self, field: &'static str, configured: &str) -> Claim {
        Claim { field, said: words(self.find(field).unwrap_or_default()), configured: configured.to_owned() }
    }
}
