//! The legacy v2: XML, signed on both sides with one shared key by MD5 or HMAC-SHA256.
//!
//! # Source
//! `docs/protocols.md` 2.8. The names of errors and of refund states are from the documentation of that time. No real ones were
//! ever seen here.

use bytes::Bytes;
use domain::{Channel, Claim, Fen, Notification, Outcome, ProviderTradeNo, Secret, Tab};
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};

pub(crate) use super::fields::SignType;
use super::{
    apps::WechatApps,
    fields::{Fields, content, signed_xml},
    messages::{self, Product},
    seal::{self, StillSealed},
    sign::seconds,
    trade::{self, claim},
    v3::{h5_parameters, native_parameters, prepay_id, product},
};
use crate::{
    Acknowledgement, Charge, ClientCertificate, Closing, MessageProblem, Moment, NotifyError, Order, PaymentParameters,
    Placed, ProviderError, RefundOrder, RefundOutcome, RefundReport, SettingProblem, Unable, bounds, error::words,
    look_up::FoundOrder,
};

/// Used if the address is not known: the field is required.
const UNKNOWN_IP: &str = "127.0.0.1";
/// More refunds than one order can have.
const REFUNDS_MAX: usize = 50;

/// Anything but `SUCCESS` makes WeChat try again.
pub(crate) const ACKNOWLEDGEMENT: Acknowledgement = Acknowledgement {
    content_type: "text/xml",
    accepted: b"<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>",
    refused: b"<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[refused]]></return_msg></xml>",
};

/// An account at v2.
#[derive(Debug)]
pub(crate) struct V2 {
    pub(crate) tab: Tab,
    /// Scheme, host and optionally a prefix of the path, without a slash at the end.
    pub(crate) gateway: String,
    pub(crate) mch_id: String,
    pub(crate) apps: WechatApps,
    pub(crate) api_key: Secret<String>,
    pub(crate) sign_type: SignType,
    pub(crate) client: Option<ClientCertificate>,
}

pub(super) type Pairs = Vec<(&'static str, String)>;

impl V2 {
    pub(crate) fn charge(&self, order: &Order<'_>, moment: &Moment) -> Result<Charge, ProviderError> {
        let product = product(order.channel, self.tab)?;
        let ip = order.client_ip.map_or_else(|| UNKNOWN_IP.to_owned(), |ip| ip.to_string());
        let mut fields = vec![
            ("body", bounds::WECHAT_V2_BODY.fit_or(order.subject.as_str(), order.id.as_str())),
            ("out_trade_no", order.id.to_string()),
            ("total_fee", bounds::wechat_fen(order.fee)?.to_string()),
            ("spbill_create_ip", ip),
            ("time_expire", order.expires_at.to_beijing_compact()),
            ("notify_url", bounds::WECHAT_NOTIFY_URL.check_notify(order.notify_url)?.to_owned()),
            ("trade_type", product.trade_type().to_owned()),
        ];
        match product {
            Product::App => {}
            Product::Jsapi | Product::Lite => fields.push(("openid", messages::openid(order)?.to_owned())),
            // A required field that the merchant chooses. We use the order's number.
            Product::Native => fields.push(("product_id", order.id.to_string())),
            Product::H5 => fields.push(("scene_info", r#"{"h5_info":{"type":"Wap"}}"#.to_owned())),
        }
        self.request("/pay/unifiedorder", order.channel, fields, moment).map(Charge::Call)
    }

    pub(crate) fn read_charge(
        &self,
        channel: Channel,
        response: &Response<Bytes>,
        moment: &Moment,
    ) -> Result<PaymentParameters, ProviderError> {
        let product = product(channel, self.tab)?;
        let fields = match self.read(response)? {
            Answer::Done(fields) => fields,
            Answer::Refused(refusal) => return Err(trade::refused_order(refusal.code, refusal.words)),
        };
        let text = |name| fields.filled(name).map(str::to_owned);
        match product {
            Product::App => Ok(self.app_parameters(prepay_id(text("prepay_id"))?, moment)),
            Product::Jsapi | Product::Lite => {
                Ok(self.jsapi_parameters(self.apps.require(channel)?, &prepay_id(text("prepay_id"))?, moment))
            }
            Product::Native => native_parameters(text("prepay_id"), text("code_url")),
            Product::H5 => h5_parameters(text("mweb_url")),
        }
    }

    pub(crate) fn query(&self, placed: &Placed<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        self.request("/pay/orderquery", placed.channel, vec![("out_trade_no", placed.id.to_string())], moment)
    }

    pub(crate) fn read_query(
        &self,
        placed: &Placed<'_>,
        response: &Response<Bytes>,
    ) -> Result<Notification, ProviderError> {
        match self.read(response)? {
            Answer::Done(fields) => {
                let state = fields.filled("trade_state").ok_or_else(|| ProviderError::missing("trade_state"))?;
                let missing = |field: &str| ProviderError::missing(field);
                self.report(placed.channel, &fields, trade::outcome(state)).map_err(missing)
            }
            Answer::Refused(Refusal { code, .. }) if code == "ORDERNOTEXIST" => Ok(trade::not_there(placed)),
            Answer::Refused(refusal) => Err(refusal.into()),
        }
    }

    pub(crate) fn look_up(&self, number: &ProviderTradeNo, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        // Every app of the merchant may ask. The account's own is named.
        let own = if self.tab == Tab::WxApp { Channel::WxApp } else { Channel::WxJsapi };
        self.request("/pay/orderquery", own, vec![("transaction_id", number.as_str().to_owned())], moment)
    }

    pub(crate) fn read_look_up(
        &self,
        number: &ProviderTradeNo,
        response: &Response<Bytes>,
    ) -> Result<Option<String>, ProviderError> {
        let text = |fields: &Fields, name| fields.filled(name).map(str::to_owned);
        match self.read(response)? {
            Answer::Done(fields) => FoundOrder {
                number_field: "transaction_id",
                number: text(&fields, "transaction_id"),
                order_field: "out_trade_no",
                order: text(&fields, "out_trade_no"),
            }
            .order_of(number),
            Answer::Refused(Refusal { code, .. }) if code == "ORDERNOTEXIST" => Ok(None),
            Answer::Refused(refusal) => Err(refusal.into()),
        }
    }

    pub(crate) fn close(&self, placed: &Placed<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        self.request("/pay/closeorder", placed.channel, vec![("out_trade_no", placed.id.to_string())], moment)
    }

    pub(crate) fn read_close(&self, response: &Response<Bytes>) -> Result<Closing, ProviderError> {
        match self.read(response)? {
            Answer::Done(_) => Ok(Closing::Closed),
            Answer::Refused(Refusal { code, is_signed: true, .. }) if code == "ORDERNOTEXIST" => Ok(Closing::NotThere),
            Answer::Refused(Refusal { code, words, .. }) => Ok(Closing::Refused { code, words }),
        }
    }

    pub(crate) fn refund(&self, refund: &RefundOrder<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        let Some(client) = &self.client else {
            return Err(ProviderError::Key { field: "clientPfx", problem: SettingProblem::RefundsNeedP12 });
        };
        let notify_url = refund.notify_url.map(|url| bounds::WECHAT_NOTIFY_URL.check_notify(url)).transpose()?;
        let fields = vec![
            ("out_trade_no", refund.placed.id.to_string()),
            ("out_refund_no", messages::out_refund_no(refund)?),
            ("total_fee", refund.placed.fee.get().to_string()),
            ("refund_fee", refund.refund_fee.get().to_string()),
            ("refund_desc", messages::reason(refund).unwrap_or_default()),
            ("notify_url", notify_url.unwrap_or_default().to_owned()),
        ];
        let mut request = self.request("/secapi/pay/refund", refund.placed.channel, fields, moment)?;
        request.extensions_mut().insert(client.clone());
        Ok(request)
    }

    /// A success means that the refund was accepted, not that it is done.
    pub(crate) fn read_refund(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
    ) -> Result<RefundOutcome, ProviderError> {
        match self.read(response)? {
            Answer::Done(fields) => {
                let number = messages::out_refund_no(refund)?;
                let is_ours = fields.filled("out_refund_no") == Some(number.as_str());
                if is_ours && fields.filled("refund_fee").and_then(fen) == Some(refund.refund_fee) {
                    return Ok(RefundOutcome::Pending);
                }
                Err(ProviderError::from(MessageProblem::OtherRefund))
            }
            Answer::Refused(Refusal { code, words, is_signed: true }) => Ok(trade::refused_refund(code, words)),
            Answer::Refused(refusal) => Err(refusal.into()),
        }
    }

    pub(crate) fn refund_query(
        &self,
        refund: &RefundOrder<'_>,
        moment: &Moment,
    ) -> Result<Request<Bytes>, ProviderError> {
        let fields = vec![("out_refund_no", messages::out_refund_no(refund)?)];
        self.request("/pay/refundquery", refund.placed.channel, fields, moment)
    }

    pub(crate) fn read_refund_query(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
    ) -> Result<RefundOutcome, ProviderError> {
        match self.read(response)? {
            Answer::Done(fields) => refund_report(&fields, refund),
            // The request never arrived, or has not arrived yet. It is safe to send it again under the same number.
            Answer::Refused(Refusal { code, is_signed, .. }) if code == "REFUNDNOTEXIST" => {
                Ok(if is_signed { RefundOutcome::NotThere } else { RefundOutcome::Pending })
            }
            Answer::Refused(refusal) => Err(refusal.into()),
        }
    }

    pub(crate) fn read_notify(&self, channel: Channel, notify: &Request<Bytes>) -> Result<Notification, NotifyError> {
        let fields = Fields::parse(notify.body()).map_err(NotifyError::from)?;
        let missing = |field: &str| NotifyError::missing(field);
        if fields.filled("req_info").is_some() {
            // It is about a refund, and decides nothing about the order: see `read_refund_notify`.
            let opened = self.open_refund(&fields)?;
            let mut report = self.report(channel, &opened, Outcome::Pending).map_err(missing)?;
            report.claims = self.outer_claims(channel, &fields);
            return Ok(report);
        }
        fields.verify(self.sign_type, &self.api_key)?;
        if fields.filled("return_code") != Some("SUCCESS") {
            return Err(NotifyError::from(MessageProblem::ReturnCodeFails));
        }
        // The answers to our own calls are signed with the same key. Somebody who has an answer that says SUCCESS about something
        // else must not be able to send it here. So it must be a payment, and a query's answer must show this.
        let is_payment = fields.filled("result_code") == Some("SUCCESS")
            && fields.filled("transaction_id").is_some()
            && fields.filled("time_end").is_some()
            && matches!(fields.filled("trade_state"), None | Some("SUCCESS"));
        self.report(channel, &fields, if is_payment { Outcome::Paid } else { Outcome::Pending }).map_err(missing)
    }

    /// A refund's notify has no signature. Only somebody with the API key can write its encrypted content, but ECB lets anyone
    /// change the order of its blocks. So it is only a hint: the refund must be queried, whatever the notify says.
    pub(crate) fn read_refund_notify(
        &self,
        channel: Channel,
        notify: &Request<Bytes>,
    ) -> Result<RefundReport, NotifyError> {
        let fields = Fields::parse(notify.body()).map_err(NotifyError::from)?;
        let opened = self.open_refund(&fields)?;
        let require = |field: &'static str| opened.filled(field).ok_or_else(|| NotifyError::missing(field));
        let order = require("out_trade_no")?;
        Ok(RefundReport {
            order: order.to_owned(),
            claims: self.outer_claims(channel, &fields),
            refund_num: trade::refund_num(order, require("out_refund_no")?),
            refund_fee: opened.filled("refund_fee").and_then(fen),
            sending: None,
            outcome: RefundOutcome::Pending,
        })
    }

    fn open_refund(&self, fields: &Fields) -> Result<Fields, NotifyError> {
        let req_info = fields.filled("req_info").ok_or_else(|| NotifyError::missing("req_info"))?;
        let sealed = || NotifyError::Sealed { field: "apiKey" };
        let opened = seal::open_v2(req_info, &self.api_key).map_err(|reason| match reason {
            StillSealed::Malformed(reason) => NotifyError::from(reason),
            StillSealed::WrongKey => sealed(),
        })?;
        Fields::parse_below(opened.as_bytes(), "root").map_err(|_| sealed())
    }

    /// The claims of a refund's notify, which are outside of the encrypted content.
    fn outer_claims(&self, channel: Channel, fields: &Fields) -> Vec<Claim> {
        let said = |field| Some(fields.filled(field).unwrap_or_default().to_owned());
        let claims =
            [claim("appid", said("appid"), self.apps.of(channel)), claim("mch_id", said("mch_id"), &self.mch_id)];
        claims.into_iter().flatten().collect()
    }

    /// Reads the report about an order. The error is the missing field.
    fn report(&self, channel: Channel, fields: &Fields, outcome: Outcome) -> Result<Notification, &'static str> {
        let is_paid = outcome == Outcome::Paid;
        let text = |field| fields.filled(field).map(str::to_owned);
        let named = |field| text(field).or_else(|| is_paid.then(String::new));
        let claims = [
            claim("appid", named("appid"), self.apps.of(channel)),
            claim("mch_id", named("mch_id"), &self.mch_id),
            // It may be missing because it is CNY.
            claim("fee_type", text("fee_type"), "CNY"),
        ];
        Ok(Notification {
            order: text("out_trade_no").ok_or("out_trade_no")?,
            claims: claims.into_iter().flatten().collect(),
            // The ordered amount. The payer may have paid less, if coupons cover the rest (`cash_fee`).
            fee: fields.filled("total_fee").and_then(fen),
            outcome,
            trade_no: fields.filled("transaction_id").and_then(ProviderTradeNo::parse),
        })
    }

    /// A signed request with the common fields.
    pub(super) fn request(
        &self,
        path: &str,
        channel: Channel,
        mut fields: Pairs,
        moment: &Moment,
    ) -> Result<Request<Bytes>, ProviderError> {
        fields.extend([
            ("appid", self.apps.require(channel)?.to_owned()),
            ("mch_id", self.mch_id.clone()),
            ("nonce_str", moment.nonce.as_str().to_owned()),
            ("sign_type", self.sign_type.name().to_owned()),
        ]);
        let xml = signed_xml(&fields, self.sign_type, &self.api_key);
        Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.gateway))
            .header(CONTENT_TYPE, "text/xml; charset=utf-8")
            .body(Bytes::from(xml))
            .map_err(|error| ProviderError::from(Unable::Request { why: error.to_string() }))
    }

    pub(super) fn read(&self, response: &Response<Bytes>) -> Result<Answer, ProviderError> {
        if response.status() != StatusCode::OK {
            return Err(ProviderError::from(MessageProblem::Http { status: response.status().as_u16() }));
        }
        let fields = Fields::parse(response.body()).map_err(ProviderError::from)?;
        let text = |field: &str| words(fields.filled(field).unwrap_or_default());
        let is_signed = match fields.verify(self.sign_type, &self.api_key) {
            Ok(()) => true,
            Err(NotifyError::Unsigned) => false,
            Err(error) => return Err(ProviderError::from(error.of_answer())),
        };
        match (fields.filled("return_code"), fields.filled("result_code")) {
            (Some("SUCCESS"), Some("SUCCESS")) if is_signed => Ok(Answer::Done(fields)),
            (Some("SUCCESS"), Some("SUCCESS")) => Err(ProviderError::from(MessageProblem::UnsignedSuccess)),
            (Some("SUCCESS"), Some("FAIL")) if is_passing(&text("err_code")) => {
                Err(ProviderError::from(MessageProblem::WechatBusy {
                    code: text("err_code"),
                    words: text("err_code_des"),
                }))
            }
            (Some("SUCCESS"), Some("FAIL")) => {
                Ok(Answer::Refused(Refusal { code: text("err_code"), words: text("err_code_des"), is_signed }))
            }
            // The call was refused before its business content was checked. Then there is no code and no signature.
            (Some("FAIL"), None) => {
                Ok(Answer::Refused(Refusal { code: "FAIL".to_owned(), words: text("return_msg"), is_signed: false }))
            }
            _ => Err(ProviderError::from(MessageProblem::ReturnCode)),
        }
    }

    fn app_parameters(&self, prepay_id: String, moment: &Moment) -> PaymentParameters {
        let members = vec![
            ("appid", self.apps.of(Channel::WxApp).to_owned()),
            ("partnerid", self.mch_id.clone()),
            ("prepayid", prepay_id),
            ("package", "Sign=WXPay".to_owned()),
            ("noncestr", moment.nonce.as_str().to_owned()),
            ("timestamp", seconds(moment.now)),
        ];
        self.payer_parameters(members, "sign")
    }

    fn jsapi_parameters(&self, app_id: &str, prepay_id: &str, moment: &Moment) -> PaymentParameters {
        let members = vec![
            ("appId", app_id.to_owned()),
            ("timeStamp", seconds(moment.now)),
            ("nonceStr", moment.nonce.as_str().to_owned()),
            ("package", format!("prepay_id={prepay_id}")),
            ("signType", self.sign_type.name().to_owned()),
        ];
        self.payer_parameters(members, "paySign")
    }

    /// The second signature, over all parameters of the payer's side.
    fn payer_parameters(&self, mut members: Pairs, sign_name: &'static str) -> PaymentParameters {
        let content = content(members.iter().map(|(name, value)| (*name, value.as_str())));
        members.push((sign_name, self.sign_type.sign(&content, &self.api_key)));
        PaymentParameters::new(members)
    }
}

pub(super) enum Answer {
    /// SUCCESS in both fields, signed.
    Done(Fields),
    Refused(Refusal),
}

/// A definite no of WeChat Pay. Without a signature it decides nothing about money.
pub(super) struct Refusal {
    pub(super) code: String,
    words: String,
    pub(super) is_signed: bool,
}

impl From<Refusal> for ProviderError {
    fn from(Refusal { code, words, .. }: Refusal) -> Self {
        Self::Refused { code, words }
    }
}

/// Whether a failure says nothing about the order: too many calls, or WeChat's own fault.
fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "" | "SYSTEMERROR"
            | "SYSTEM_ERROR"
            | "BANKERROR"
            | "BIZERR_NEED_RETRY"
            | "FREQUENCY_LIMITED"
            | "FREQ_LIMIT"
            | "INVALID_REQ_TOO_MUCH"
    )
}

/// Finds the refund in the answer to its query, which numbers the refunds from zero.
fn refund_report(fields: &Fields, refund: &RefundOrder<'_>) -> Result<RefundOutcome, ProviderError> {
    let number = messages::out_refund_no(refund)?;
    let is_ours = |n: &usize| fields.filled(&format!("out_refund_no_{n}")) == Some(number.as_str());
    let Some(n) = (0..REFUNDS_MAX).find(is_ours) else {
        return Err(ProviderError::from(MessageProblem::RefundAbsent));
    };
    if fields.filled(&format!("refund_fee_{n}")).and_then(fen) != Some(refund.refund_fee) {
        return Err(ProviderError::from(MessageProblem::OtherRefundFee { field: format!("refund_fee_{n}") }));
    }
    let status = fields.filled(&format!("refund_status_{n}"));
    let status = status.ok_or_else(|| ProviderError::missing(format!("refund_status_{n}")))?;
    Ok(trade::refund_outcome(status))
}

/// An amount: only digits.
fn fen(text: &str) -> Option<Fen> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    Fen::new(digits.parse().ok()?).ok()
}
