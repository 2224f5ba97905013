//! The form of a notify, before it is verified. Each protocol verifies it by its own rules.

use base64::Engine as _;
use bytes::Bytes;
use domain::{Claim, Notification, ProviderTradeNo};
use http::Request;

use super::{
    mapi::signed_content,
    open_platform::AlipayKey,
    trade::{self, Trade},
};
use crate::{
    MessageProblem, NotifyError,
    error::words,
    form::{self, Fields},
    keys::BASE64,
};

/// The fields in which a notify names its charset: the open platform's, and the legacy interface's.
const CHARSETS: &[&str] = &["charset", "_input_charset"];
/// The number of the certificate that signed, in certificate mode.
const CERTIFICATE_NUMBER: &str = "alipay_cert_sn";

/// A form, decoded once. A duplicate name is an error.
#[derive(Debug)]
pub(crate) struct Form(Fields);

impl Form {
    pub(crate) fn parse(notify: &Request<Bytes>) -> Result<Self, NotifyError> {
        let fields = form::parse(notify)?;
        // The charset is checked before the text is read, so that the error names the cause and not a consequence.
        let charset = form::charset(&fields, CHARSETS)?;
        Fields::read(fields, charset).map(Self).map_err(NotifyError::from)
    }

    #[cfg(test)]
    pub(crate) fn of<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let bytes = |text: &str| text.as_bytes().to_vec();
        let fields = fields.into_iter().map(|(name, value)| (bytes(name), bytes(value))).collect();
        Self(Fields::read(fields, crate::Charset::Utf8).unwrap())
    }

    /// A field, empty or not.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.find(name)
    }

    /// A field that has a value.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.find(name).filter(|value| !value.is_empty())
    }

    /// What the open platform signs: every field except `sign` and `sign_type`, including empty ones ("V1").
    pub(crate) fn content(&self) -> Vec<u8> {
        self.0.content(|name, _| !is_signature(name))
    }

    /// The signed content without the certificate's number. In Alipay's answers this number is not signed.
    fn content_without_certificate(&self) -> Vec<u8> {
        self.0.content(|name, _| !is_signature(name) && name != CERTIFICATE_NUMBER.as_bytes())
    }

    /// What the legacy interface signs: every field with a value except `sign` and `sign_type`.
    pub(crate) fn legacy_content(&self) -> Vec<u8> {
        signed_content(&self.0)
    }

    /// The decoded bytes of `sign`.
    pub(crate) fn signature(&self) -> Result<Vec<u8>, NotifyError> {
        let sign = self.filled("sign").ok_or(NotifyError::Unsigned)?;
        BASE64.decode(sign).map_err(|_| NotifyError::from(MessageProblem::NotBase64 { field: "sign".to_owned() }))
    }

    /// Verifies a notify of the open platform. Only RSA2 is accepted, whatever the message names: otherwise anyone could choose
    /// SHA-1.
    pub(crate) fn verify_rsa2(&self, alipay: &AlipayKey) -> Result<(), NotifyError> {
        let signature = self.signature()?;
        let sign_type = self.filled("sign_type").unwrap_or_default();
        if sign_type != "RSA2" {
            return Err(NotifyError::Algorithm { found: words(sign_type), expected: "RSA2" });
        }
        if alipay.verify(&self.content(), &signature).is_ok() {
            return Ok(());
        }
        // Alipay does not say whether the number is part of the signed content. Nothing here uses the number, so leaving it out
        // does not weaken what the signature proves.
        let is_genuine = self.find(CERTIFICATE_NUMBER).is_some()
            && alipay.verify(&self.content_without_certificate(), &signature).is_ok();
        if is_genuine { Ok(()) } else { Err(NotifyError::BadSignature { field: alipay.field() }) }
    }

    /// Reads a verified notify about a trade. `fee_field` is what the protocol calls the amount.
    pub(crate) fn notification(
        &self,
        claims: Vec<Claim>,
        fee_field: &str,
        refund_fee: Option<&str>,
    ) -> Result<Notification, NotifyError> {
        let missing = |field: &str| NotifyError::missing(field);
        let order = self.filled("out_trade_no").ok_or_else(|| missing("out_trade_no"))?;
        // The browser's return has the same fields under the same kind of signature, but not this one: it settles nothing.
        let status = self.filled("trade_status").ok_or_else(|| missing("trade_status"))?;
        let total = self.filled(fee_field).and_then(|text| trade::amount(text).ok()).flatten();
        let was_paid = self.filled("gmt_payment").is_some();
        let outcome = trade::outcome(Trade { status, total, refund_fee, was_paid })
            .map_err(|field| NotifyError::from(MessageProblem::NoYuan { field: field.to_owned() }))?;
        let trade_no = self.filled("trade_no").and_then(ProviderTradeNo::parse);
        Ok(Notification { order: order.to_owned(), claims, fee: total, outcome, trade_no })
    }

    /// A claim about a field. An absent field is empty, and so differs from every configured value.
    pub(crate) fn claim(&self, field: &'static str, configured: &str) -> Claim {
        Claim { field, said: words(self.find(field).unwrap_or_default()), configured: configured.to_owned() }
    }
}

fn is_signature(name: &[u8]) -> bool {
    name == b"sign" || name == b"sign_type"
}
