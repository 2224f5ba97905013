//! The legacy partner interface ("MAPI") of old accounts: MD5 with the security key, or RSA over SHA-1.
//!
//! It has no QR code of its own. Refunds are made in Alipay's own console.
//!
//! # Source
//! `docs/protocols.md`, section 5. The XML answers are from the documentation of that time. No real one was ever seen here.

use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use domain::{Channel, Claim, Notification, ProviderTradeNo, Secret, Timestamp, TransactionId};
use http::{Request, Response, StatusCode};
use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq as _;

use super::{
    notify::Form,
    open_platform::{not_there, post},
    sign::{self, Parameters, joined, percent_encoded},
    trade::{self, Trade},
};
use crate::{
    Charge, Charset, Closing, MessageProblem, NotifyError, Order, PaymentParameters, ProviderError, SettingProblem,
    Unable, bounds,
    cert::hex,
    error::words,
    form::Fields,
    keys::{BASE64, LegacySigningKey, VerifyingKey},
    look_up::FoundOrder,
    xml::Elements,
};

/// The range of `it_b_pay`, from a minute to 15 days.
const IT_B_PAY_MINUTES: (i64, i64) = (1, 15 * 24 * 60);
/// An answer about one trade is some kilobytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// The path of the trade in an answer.
const TRADE: &str = "alipay/response/trade";

/// An account at the legacy interface.
#[derive(Debug)]
pub(crate) struct Mapi {
    pub(crate) gateway: String,
    pub(crate) partner: String,
    /// The receiving account: its number, or its e-mail address in old contracts.
    pub(crate) seller: String,
    pub(crate) keys: Keys,
}

/// The configured keys: `md5_key`, or `key`, or both.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) md5_key: Option<Secret<String>>,
    pub(crate) key: Option<LegacySigningKey>,
    pub(crate) alipay_key: Option<VerifyingKey>,
}

/// The signature algorithms of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Md5,
    Rsa,
}

impl Algorithm {
    /// The setting that holds its key.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Md5 => "md5Key",
            Self::Rsa => "privateKey",
        }
    }
}

impl Mapi {
    pub(crate) fn charge(&self, order: &Order<'_>, now: Timestamp) -> Result<Charge, ProviderError> {
        match order.channel {
            Channel::AliApp | Channel::AliWeb | Channel::AliWap => {}
            Channel::AliQrcode
            | Channel::WxApp
            | Channel::WxJsapi
            | Channel::WxNative
            | Channel::WxH5
            | Channel::WxLite
            | Channel::UnipayApp
            | Channel::UnipayWeb
            | Channel::ApplepayUpacp => {
                let what = Unable::NotOfMapi { channel: order.channel };
                return Err(ProviderError::from(what));
            }
        }
        check_addresses(order)?;
        let mut members = Vec::new();
        match &self.keys.key {
            Some(key) => members.push(("ali_app", self.app_string(key, order, now)?)),
            None if order.channel == Channel::AliApp => {
                return Err(ProviderError::Key { field: "privateKey", problem: SettingProblem::AliAppNeedsKey });
            }
            // Without the key that signs it, `ali_app` is left out.
            None => {}
        }
        members.push(("ali_web", self.page("create_direct_pay_by_user", order, now)?));
        members.push(("ali_wap", self.page("alipay.wap.create.direct.pay.by.user", order, now)?));
        Ok(Charge::Ready(PaymentParameters::new(members)))
    }

    pub(crate) fn query(&self, id: &TransactionId, _now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        self.call("single_trade_query", ("out_trade_no", id))
    }

    pub(crate) fn read_query(
        &self,
        id: &TransactionId,
        response: &Response<Bytes>,
    ) -> Result<Notification, ProviderError> {
        match read(response)? {
            Answer::Done(elements) => self.report(&elements),
            Answer::Refused { code } if is_not_there(&code) => Ok(not_there(id)),
            Answer::Refused { code } => Err(ProviderError::Refused { words: code.clone(), code }),
        }
    }

    pub(crate) fn look_up(&self, number: &ProviderTradeNo, _now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        let mut parameters = self.parameters("single_trade_query");
        parameters.insert("trade_no", number.as_str().to_owned());
        self.post(self.keys.signed(parameters)?)
    }

    pub(crate) fn read_look_up(
        &self,
        number: &ProviderTradeNo,
        response: &Response<Bytes>,
    ) -> Result<Option<String>, ProviderError> {
        let report = match read(response)? {
            Answer::Done(elements) => self.report(&elements)?,
            Answer::Refused { code } if is_not_there(&code) => return Ok(None),
            Answer::Refused { code } => return Err(ProviderError::Refused { words: code.clone(), code }),
        };
        FoundOrder {
            number_field: "trade_no",
            number: report.trade_no.map(|number| number.as_str().to_owned()),
            order_field: "out_trade_no",
            order: Some(report.order),
        }
        .order_of(number)
    }

    pub(crate) fn close(&self, id: &TransactionId, _now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        self.call("close_trade", ("out_order_no", id))
    }

    /// The answer to a closing is not signed in this protocol; only TLS protects it. The answer to a query is signed.
    pub(crate) fn read_close(&self, _id: &TransactionId, response: &Response<Bytes>) -> Result<Closing, ProviderError> {
        match read(response)? {
            Answer::Done(_) => Ok(Closing::Unconfirmed),
            Answer::Refused { code } if is_not_there(&code) => Ok(Closing::NotThere),
            Answer::Refused { code } => Ok(Closing::Refused { words: code.clone(), code }),
        }
    }

    /// The time that this protocol gets (`it_b_pay`) begins when the payer opens the cashier, and the link that opens it never
    /// expires. If the payer opens it just before our expiry, the order can be paid for the same time again. We use the longest
    /// possible time, so an order that was opened some days too late is also found.
    pub(crate) fn payable_until(&self, expires_at: Timestamp) -> Timestamp {
        expires_at.plus(Duration::from_secs(IT_B_PAY_MINUTES.1.unsigned_abs() * 60))
    }

    pub(crate) fn read_notify(&self, form: &Form) -> Result<Notification, NotifyError> {
        let sign = form.filled("sign").ok_or(NotifyError::Unsigned)?;
        self.keys.verify(&form.legacy_content(), sign, form.filled("sign_type").unwrap_or_default())?;
        let claim = |field: &'static str, configured| form.filled(field).map(|_| form.claim(field, configured));
        let mut claims: Vec<Claim> =
            [claim(self.seller_field(), &self.seller), claim("partner", &self.partner)].into_iter().flatten().collect();
        if claims.is_empty() {
            // Alipay signs by RSA for all merchants with one key: a notify that names no merchant may belong to any of them.
            claims.push(form.claim(self.seller_field(), &self.seller));
        }
        form.notification(claims, "total_fee", form.find("refund_fee"))
    }

    /// `mobile.securitypay.pay`: quoted pairs in this order, signed as they are.
    fn app_string(&self, key: &LegacySigningKey, order: &Order<'_>, now: Timestamp) -> Result<String, ProviderError> {
        let subject = bounds::MAPI_QUOTED.fit_or(order.subject.as_str(), order.id.as_str());
        let it_b_pay = it_b_pay(order.expires_at, now);
        let fee = order.fee.to_yuan();
        app_string(
            key,
            &[
                ("partner", &self.partner),
                // In this product the field may hold the number or the e-mail address.
                ("seller_id", &self.seller),
                ("out_trade_no", order.id.as_str()),
                ("subject", &subject),
                // This product requires the field. We have no other text than the subject.
                ("body", &subject),
                ("total_fee", &fee),
                ("notify_url", order.notify_url),
                ("service", "mobile.securitypay.pay"),
                ("payment_type", "1"),
                ("_input_charset", "utf-8"),
                ("it_b_pay", &it_b_pay),
            ],
        )
    }

    /// The address to which the browser is sent.
    fn page(&self, service: &str, order: &Order<'_>, now: Timestamp) -> Result<String, ProviderError> {
        let mut parameters = self.parameters(service);
        let optional = |url: Option<&domain::WebUrl>| url.map_or_else(String::new, |url| url.as_str().to_owned());
        parameters.extend([
            (self.seller_field(), self.seller.clone()),
            ("out_trade_no", order.id.to_string()),
            ("subject", bounds::ALIPAY_SUBJECT.fit_or(order.subject.as_str(), order.id.as_str())),
            ("payment_type", "1".to_owned()),
            ("total_fee", order.fee.to_yuan()),
            ("notify_url", order.notify_url.to_owned()),
            ("return_url", optional(order.return_url)),
            ("show_url", optional(order.show_url)),
            ("it_b_pay", it_b_pay(order.expires_at, now)),
        ]);
        if let (Some(mode), "create_direct_pay_by_user") = (order.qr_pay_mode, service) {
            parameters.insert("qr_pay_mode", mode.get().to_string());
        }
        Ok(format!("{}?{}", self.gateway, sign::encoded(&self.keys.signed(parameters)?)))
    }

    /// The name of the seller's field in page payments, notifies and answers.
    fn seller_field(&self) -> &'static str {
        if self.seller.contains('@') { "seller_email" } else { "seller_id" }
    }

    fn call(&self, service: &str, order: (&'static str, &TransactionId)) -> Result<Request<Bytes>, ProviderError> {
        let mut parameters = self.parameters(service);
        parameters.insert(order.0, order.1.to_string());
        self.post(self.keys.signed(parameters)?)
    }

    /// The algorithms whose keys are configured.
    pub(crate) fn algorithms(&self) -> Vec<Algorithm> {
        let md5 = self.keys.md5_key.as_ref().map(|_| Algorithm::Md5);
        let rsa = self.keys.key.as_ref().map(|_| Algorithm::Rsa);
        md5.into_iter().chain(rsa).collect()
    }

    /// A query of an order, signed by one of the keys.
    pub(crate) fn question(&self, id: &TransactionId, by: Algorithm) -> Result<Request<Bytes>, ProviderError> {
        let mut parameters = self.parameters("single_trade_query");
        parameters.insert("out_trade_no", id.to_string());
        self.post(self.keys.signed_by(parameters, by)?)
    }

    fn post(&self, parameters: Parameters<'_>) -> Result<Request<Bytes>, ProviderError> {
        post(&format!("{}?_input_charset=utf-8", self.gateway), sign::encoded(&parameters))
    }

    fn parameters(&self, service: &str) -> Parameters<'static> {
        Parameters::from([
            ("service", service.to_owned()),
            ("partner", self.partner.clone()),
            ("_input_charset", "utf-8".to_owned()),
        ])
    }

    /// Reads the answer to a query. The elements of the trade are signed like the fields of a notify.
    fn report(&self, elements: &Elements) -> Result<Notification, ProviderError> {
        let unclear = |field: &str| ProviderError::from(MessageProblem::Unreadable { field: field.to_owned() });
        let trade = elements.below(TRADE).map_err(ProviderError::from)?;
        let sign = elements.find("alipay/sign").ok_or_else(|| ProviderError::from(MessageProblem::UnsignedSuccess))?;
        let sign_type = elements.find("alipay/sign_type").unwrap_or_default();
        self.keys
            .verify(&signed_content(&trade), sign, sign_type)
            .map_err(|error| ProviderError::from(error.of_answer()))?;
        let find = |field: &str| trade.find(field).filter(|text| !text.is_empty());
        let total = find("total_fee").and_then(|text| trade::amount(text).ok()).flatten();
        let status = find("trade_status").ok_or_else(|| unclear("trade_status"))?;
        let was_paid = find("gmt_payment").is_some();
        let trade = Trade { status, total, refund_fee: find("refund_fee"), was_paid };
        let outcome = trade::outcome(trade).map_err(unclear)?;
        let field = self.seller_field();
        let claim = |said: &str| Claim { field, said: words(said), configured: self.seller.clone() };
        Ok(Notification {
            order: find("out_trade_no").ok_or_else(|| unclear("out_trade_no"))?.to_owned(),
            claims: find(field).map(claim).into_iter().collect(),
            fee: total,
            outcome,
            trade_no: find("trade_no").and_then(ProviderTradeNo::parse),
        })
    }
}

impl Keys {
    /// Adds `sign_type` and `sign`, by MD5 if its key is configured, and drops the parameters without a value.
    fn signed<'a>(&self, parameters: Parameters<'a>) -> Result<Parameters<'a>, ProviderError> {
        self.signed_by(parameters, if self.md5_key.is_some() { Algorithm::Md5 } else { Algorithm::Rsa })
    }

    fn signed_by<'a>(&self, mut parameters: Parameters<'a>, by: Algorithm) -> Result<Parameters<'a>, ProviderError> {
        parameters.retain(|_, value| !value.is_empty());
        let content = legacy_content(parameters.iter().map(|(key, value)| (*key, value.as_str())));
        let (sign_type, sign) = match (by, &self.md5_key, &self.key) {
            (Algorithm::Md5, Some(md5_key), _) => ("MD5", md5_sign(&content, md5_key)),
            (Algorithm::Rsa, _, Some(key)) => ("RSA", rsa_sign(&content, key)?),
            (Algorithm::Md5, None, _) | (Algorithm::Rsa, _, None) => {
                return Err(ProviderError::Key { field: "md5Key", problem: SettingProblem::NeitherKey });
            }
        };
        parameters.insert("sign_type", sign_type.to_owned());
        parameters.insert("sign", sign);
        Ok(parameters)
    }

    /// Verifies by the algorithm that the message names. Its key must be configured; without it, the message is refused.
    fn verify(&self, content: &[u8], sign: &str, sign_type: &str) -> Result<(), NotifyError> {
        match (sign_type, &self.md5_key, &self.alipay_key) {
            ("MD5", Some(key), _) => {
                let fits = md5_sign(content, key).as_bytes().ct_eq(sign.as_bytes());
                if bool::from(fits) { Ok(()) } else { Err(NotifyError::BadSignature { field: "md5Key" }) }
            }
            ("RSA", _, Some(key)) => {
                let signature = BASE64
                    .decode(sign)
                    .map_err(|_| NotifyError::from(MessageProblem::NotBase64 { field: "sign".to_owned() }))?;
                let verified = key.verify_sha1(content, &signature);
                verified.map_err(|_| NotifyError::BadSignature { field: "alipayPublicKey" })
            }
            (_, md5_key, alipay_key) => {
                let expected = match (md5_key, alipay_key) {
                    (Some(_), Some(_)) => "MD5 or RSA",
                    (Some(_), None) => "MD5",
                    (None, _) => "RSA",
                };
                Err(NotifyError::Algorithm { found: words(sign_type), expected })
            }
        }
    }
}

/// The signed content of a message of Alipay in this protocol: every field with a value except `sign` and `sign_type`, in its
/// original bytes.
pub(crate) fn signed_content(fields: &Fields) -> Vec<u8> {
    fields.content(|name, value| name != b"sign" && name != b"sign_type" && !value.is_empty())
}

/// The signed content of a request in this protocol.
pub(crate) fn legacy_content<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let is_signed = |(name, value): &(&str, &str)| *name != "sign" && *name != "sign_type" && !value.is_empty();
    joined(fields.into_iter().filter(is_signed))
}

/// Lower-case hex MD5 of the content followed directly by the key.
pub(crate) fn md5_sign(content: impl AsRef<[u8]>, key: &Secret<String>) -> String {
    hex(&Md5::new().chain_update(content).chain_update(key.expose()).finalize())
}

pub(crate) fn rsa_sign(content: &str, key: &LegacySigningKey) -> Result<String, ProviderError> {
    let signature = key.sign_sha1(content.as_bytes());
    let signature = signature.ok_or(ProviderError::Key { field: "privateKey", problem: SettingProblem::SignsNot })?;
    Ok(BASE64.encode(signature))
}

/// `key="value"` joined with `&`, unencoded: this is both signed and sent.
pub(crate) fn quoted(pairs: &[(&str, &str)]) -> String {
    // A value cannot contain a quotation mark, so it gets its full-width form.
    let pairs = pairs.iter().map(|(key, value)| format!("{key}=\"{}\"", value.replace('"', "＂")));
    pairs.collect::<Vec<_>>().join("&")
}

/// The signed string for the phone's SDK.
pub(crate) fn app_string(key: &LegacySigningKey, pairs: &[(&str, &str)]) -> Result<String, ProviderError> {
    let content = quoted(pairs);
    let sign = percent_encoded(&rsa_sign(&content, key)?);
    Ok(format!("{content}&sign=\"{sign}\"&sign_type=\"RSA\""))
}

/// Addresses that the original contract allows may be too long for this protocol.
fn check_addresses(order: &Order<'_>) -> Result<(), ProviderError> {
    for (field, url) in [("returnUrl", order.return_url), ("showUrl", order.show_url)] {
        url.map(|url| bounds::MAPI_PAGE_URL.check(field, url.as_str())).transpose()?;
    }
    bounds::MAPI_NOTIFY_URL.check_notify(order.notify_url).map(|_| ())
}

/// How long the order can be paid from now, in whole minutes: this protocol has no absolute time of expiry.
fn it_b_pay(expires_at: Timestamp, now: Timestamp) -> String {
    let (min, max) = IT_B_PAY_MINUTES;
    let minutes = (expires_at.ms() - now.ms()) / 60_000;
    format!("{}m", minutes.clamp(min, max))
}

pub(crate) enum Answer {
    Done(Elements),
    Refused { code: String },
}

pub(crate) fn read(response: &Response<Bytes>) -> Result<Answer, ProviderError> {
    if response.status() != StatusCode::OK {
        return Err(ProviderError::from(MessageProblem::Http { status: response.status().as_u16() }));
    }
    let body = response.body();
    if body.len() > BODY_BYTES_MAX {
        return Err(ProviderError::from(MessageProblem::TooLong { bytes_max: BODY_BYTES_MAX }));
    }
    let not_xml = |reason| ProviderError::from(MessageProblem::NotXml { problem: Box::new(reason) });
    let elements = Elements::read(body, Charset::of_headers(response.headers())).map_err(not_xml)?;
    match (elements.find("alipay/is_success"), elements.find("alipay/error")) {
        (Some("T"), None) => Ok(Answer::Done(elements)),
        (Some("F"), Some(code)) if code.ends_with("SYSTEM_ERROR") || code == "SYSTEM_EXCEPTION" => {
            Err(ProviderError::from(MessageProblem::AlipayBusyCode { code: words(code) }))
        }
        (Some("F"), Some(code)) => Ok(Answer::Refused { code: words(code) }),
        _ => Err(ProviderError::from(MessageProblem::IsSuccess)),
    }
}

/// Alipay does not have the order: never made, or not yet. Both spellings are documented.
pub(crate) fn is_not_there(code: &str) -> bool {
    code == "TRADE_NOT_EXIST" || code == "TRADE_IS_NOT_EXIST"
}
