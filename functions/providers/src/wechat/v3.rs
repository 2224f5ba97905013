//! APIv3: JSON. Requests are signed with the merchant's key, answers and notifies with WeChat Pay's.
//!
//! # Source
//! `docs/protocols.md`, sections 2.1 to 2.7.

use std::sync::Arc;

use bytes::Bytes;
use domain::{Channel, Notification, ProviderTradeNo, Secret, Tab, Timestamp};
use http::{
    Method, Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT},
};

use super::{
    answer::{self, Answer, Refusal},
    apps::WechatApps,
    certificates,
    messages::{self, Payee, Product},
    notify::{self, Event},
    sign::{self, Merchant, Message},
    trade,
    verify::Keys,
};
use crate::{
    Charge, Closing, MessageProblem, Moment, NotifyError, Order, PaymentParameters, Placed, ProviderError, RefundOrder,
    RefundOutcome, RefundReport, Unable, error::words, json::Members, keys::SigningKey, look_up::FoundOrder,
};

/// WeChat refuses requests without this header.
const AGENT: &str = concat!("maxpay/", env!("CARGO_PKG_VERSION"));
/// A `prepay_id` has at most 64 characters.
const PREPAY_ID_CHARS_MAX: usize = 64;
/// A `code_url` has at most 64 characters in the documentation, and sometimes more in practice.
const CODE_URL_CHARS_MAX: usize = 1024;

/// An account at APIv3. A clone shares the private key.
#[derive(Clone, Debug)]
pub(crate) struct V3 {
    pub(crate) tab: Tab,
    /// Scheme, host and optionally a prefix of the path, without a slash at the end.
    pub(crate) gateway: String,
    pub(crate) mch_id: String,
    pub(crate) apps: WechatApps,
    pub(crate) api_v3_key: Secret<[u8; 32]>,
    pub(crate) cert_serial: String,
    pub(crate) key: Arc<SigningKey>,
    /// The keys that verify WeChat Pay.
    pub(crate) keys: Keys,
}

impl V3 {
    pub(crate) fn charge(&self, order: &Order<'_>, moment: &Moment) -> Result<Charge, ProviderError> {
        let product = product(order.channel, self.tab)?;
        let payee = Payee { mch_id: &self.mch_id, app_id: self.apps.require(order.channel)? };
        let body = messages::payment(product, payee, order)?;
        self.request(Method::POST, product.path(), body, moment).map(Charge::Call)
    }

    pub(crate) fn read_charge(
        &self,
        channel: Channel,
        response: &Response<Bytes>,
        moment: &Moment,
    ) -> Result<PaymentParameters, ProviderError> {
        let product = product(channel, self.tab)?;
        let members = match answer::read(response, &self.keys, moment.now)? {
            Answer::Refused(refusal) => return Err(trade::refused_order(refusal.code, refusal.words)),
            other @ (Answer::Done(_) | Answer::Empty) => other.done()?,
        };
        let text = |name| members.filled(name);
        match product {
            Product::App => self.app_parameters(&prepay_id(text("prepay_id"))?, moment),
            Product::Jsapi | Product::Lite => {
                self.jsapi_parameters(self.apps.require(channel)?, &prepay_id(text("prepay_id"))?, moment)
            }
            Product::Native => native_parameters(text("prepay_id"), text("code_url")),
            Product::H5 => h5_parameters(text("h5_url")),
        }
    }

    pub(crate) fn query(&self, placed: &Placed<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        let path = format!("/v3/pay/transactions/out-trade-no/{}?mchid={}", placed.id, self.mch_id);
        self.request(Method::GET, &path, String::new(), moment)
    }

    pub(crate) fn read_query(
        &self,
        placed: &Placed<'_>,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<Notification, ProviderError> {
        match answer::read(response, &self.keys, now)? {
            Answer::Done(members) => self.report(placed.channel, &members),
            Answer::Empty => Err(ProviderError::from(MessageProblem::EmptyOrder)),
            Answer::Refused(refusal) if is_not_there(&refusal) => Ok(trade::not_there(placed)),
            Answer::Refused(refusal) => Err(refusal.into()),
        }
    }

    pub(crate) fn look_up(&self, number: &ProviderTradeNo, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        let number = percent_encoding::utf8_percent_encode(number.as_str(), ENCODED);
        let path = format!("/v3/pay/transactions/id/{number}?mchid={}", self.mch_id);
        self.request(Method::GET, &path, String::new(), moment)
    }

    pub(crate) fn read_look_up(
        &self,
        number: &ProviderTradeNo,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<Option<String>, ProviderError> {
        match answer::read(response, &self.keys, now)? {
            Answer::Done(members) => FoundOrder {
                number_field: "transaction_id",
                number: members.filled("transaction_id"),
                order_field: "out_trade_no",
                order: members.filled("out_trade_no"),
            }
            .order_of(number),
            Answer::Empty => Err(ProviderError::from(MessageProblem::EmptyOrder)),
            Answer::Refused(refusal) if is_not_there(&refusal) => Ok(None),
            Answer::Refused(refusal) => Err(refusal.into()),
        }
    }

    pub(crate) fn close(&self, placed: &Placed<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        let path = format!("/v3/pay/transactions/out-trade-no/{}/close", placed.id);
        self.request(Method::POST, &path, messages::closing(&self.mch_id)?, moment)
    }

    pub(crate) fn read_close(&self, response: &Response<Bytes>, now: Timestamp) -> Result<Closing, ProviderError> {
        match answer::read(response, &self.keys, now)? {
            Answer::Empty => Ok(Closing::Closed),
            Answer::Done(_) => Err(ProviderError::from(MessageProblem::Documented204)),
            Answer::Refused(refusal) if refusal.is_signed && is_not_there(&refusal) => Ok(Closing::NotThere),
            Answer::Refused(Refusal { code, words, .. }) => Ok(Closing::Refused { code, words }),
        }
    }

    pub(crate) fn refund(&self, refund: &RefundOrder<'_>, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        self.request(Method::POST, "/v3/refund/domestic/refunds", messages::refund(refund)?, moment)
    }

    pub(crate) fn read_refund(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<RefundOutcome, ProviderError> {
        match answer::read(response, &self.keys, now)? {
            Answer::Done(members) => refund_report(&members, refund),
            Answer::Empty => Err(ProviderError::from(MessageProblem::EmptyRefund)),
            Answer::Refused(Refusal { code, words, is_signed: true, .. }) => Ok(trade::refused_refund(code, words)),
            Answer::Refused(refusal) => Err(refusal.into()),
        }
    }

    pub(crate) fn refund_query(
        &self,
        refund: &RefundOrder<'_>,
        moment: &Moment,
    ) -> Result<Request<Bytes>, ProviderError> {
        // A path must not contain `|`, `*` and `@` unencoded.
        let number = percent_encoding::utf8_percent_encode(&messages::out_refund_no(refund)?, ENCODED).to_string();
        self.request(Method::GET, &format!("/v3/refund/domestic/refunds/{number}"), String::new(), moment)
    }

    pub(crate) fn read_refund_query(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<RefundOutcome, ProviderError> {
        match answer::read(response, &self.keys, now)? {
            Answer::Done(members) => refund_report(&members, refund),
            Answer::Empty => Err(ProviderError::from(MessageProblem::EmptyRefund)),
            // The request never arrived, or has not arrived yet. It is safe to send it again under the same number.
            Answer::Refused(refusal) if refusal.status == StatusCode::NOT_FOUND => {
                Ok(if refusal.is_signed { RefundOutcome::NotThere } else { RefundOutcome::Pending })
            }
            Answer::Refused(refusal) => Err(refusal.into()),
        }
    }

    pub(crate) fn read_notify(
        &self,
        channel: Channel,
        notify: &Request<Bytes>,
        now: Timestamp,
    ) -> Result<Notification, NotifyError> {
        self.event(notify, now)?.payment(self.payee(channel))
    }

    pub(crate) fn read_refund_notify(
        &self,
        channel: Channel,
        notify: &Request<Bytes>,
        now: Timestamp,
    ) -> Result<RefundReport, NotifyError> {
        self.event(notify, now)?.refund(self.payee(channel))
    }

    pub(crate) fn certificates_request(&self, moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        self.request(Method::GET, "/v3/certificates", String::new(), moment)
    }

    pub(crate) fn with_certificates(&self, response: &Response<Bytes>, now: Timestamp) -> Result<Self, ProviderError> {
        let opener = certificates::Opener { api_v3_key: &self.api_v3_key, own: self.key.public() };
        let keys = certificates::read(response, &self.keys, opener, now)?;
        Ok(Self { keys, ..self.clone() })
    }

    /// Whom a report about an order of this channel must name.
    fn payee(&self, channel: Channel) -> Payee<'_> {
        Payee { mch_id: &self.mch_id, app_id: self.apps.of(channel) }
    }

    fn event(&self, notify: &Request<Bytes>, now: Timestamp) -> Result<Event, NotifyError> {
        Event::open(notify, &self.keys, &self.api_v3_key, now)
    }

    /// A signed request to the gateway.
    pub(super) fn request(
        &self,
        method: Method,
        path: &str,
        body: String,
        moment: &Moment,
    ) -> Result<Request<Bytes>, ProviderError> {
        self.request_to(method, &format!("{}{path}", self.gateway), body, moment)
    }

    /// A signed request. The signed path is read from the request itself, so it is always the path that is sent.
    pub(super) fn request_to(
        &self,
        method: Method,
        url: &str,
        body: String,
        moment: &Moment,
    ) -> Result<Request<Bytes>, ProviderError> {
        let unwritable = |error: http::Error| ProviderError::from(Unable::Request { why: error.to_string() });
        let mut builder = Request::builder().method(&method).uri(url);
        let path = builder.uri_ref().and_then(|uri| uri.path_and_query()).map_or("", |path| path.as_str());
        let timestamp = sign::seconds(moment.now);
        let nonce = moment.nonce.as_str();
        let message = Message { method: method.as_str(), path, timestamp: &timestamp, nonce, body: &body };
        let merchant = Merchant { mch_id: &self.mch_id, cert_serial: &self.cert_serial, key: &self.key };
        let authorization = sign::authorization(&message, merchant)?;
        builder =
            builder.header(AUTHORIZATION, authorization).header(ACCEPT, "application/json").header(USER_AGENT, AGENT);
        if method == Method::POST {
            builder = builder.header(CONTENT_TYPE, "application/json");
        }
        // In public key mode this selects the key that signs the answer. Without it the answer would be signed with a certificate.
        if let Some(id) = self.keys.public_key_id() {
            builder = builder.header("Wechatpay-Serial", id);
        }
        builder.body(Bytes::from(body)).map_err(unwritable)
    }

    fn app_parameters(&self, prepay_id: &str, moment: &Moment) -> Result<PaymentParameters, ProviderError> {
        let app_id = self.apps.require(Channel::WxApp)?;
        let sign = sign::signed(&self.key, &sign::payer_content(app_id, moment, prepay_id))?;
        Ok(PaymentParameters::new(vec![
            ("appid", app_id.to_owned()),
            ("partnerid", self.mch_id.clone()),
            ("prepayid", prepay_id.to_owned()),
            ("package", "Sign=WXPay".to_owned()),
            ("noncestr", moment.nonce.as_str().to_owned()),
            ("timestamp", sign::seconds(moment.now)),
            ("sign", sign),
        ]))
    }

    /// The parameters of a page inside WeChat, and of a mini program.
    fn jsapi_parameters(
        &self,
        app_id: &str,
        prepay_id: &str,
        moment: &Moment,
    ) -> Result<PaymentParameters, ProviderError> {
        let package = format!("prepay_id={prepay_id}");
        let sign = sign::signed(&self.key, &sign::payer_content(app_id, moment, &package))?;
        Ok(PaymentParameters::new(vec![
            ("appId", app_id.to_owned()),
            ("timeStamp", sign::seconds(moment.now)),
            ("nonceStr", moment.nonce.as_str().to_owned()),
            ("package", package),
            ("signType", "RSA".to_owned()),
            ("paySign", sign),
        ]))
    }

    fn report(&self, channel: Channel, members: &Members) -> Result<Notification, ProviderError> {
        let unclear = |field: &str| ProviderError::from(MessageProblem::Unreadable { field: field.to_owned() });
        let state = members.filled("trade_state").ok_or_else(|| unclear("trade_state"))?;
        notify::report(members, self.payee(channel), trade::outcome(&state)).map_err(unclear)
    }
}

/// The characters that RFC 3986 allows in a path segment, and that a URL library certainly does not change.
pub(super) const ENCODED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The product of a channel, if this tab's account serves it: the apps of the two tabs are not interchangeable.
pub(crate) fn product(channel: Channel, tab: Tab) -> Result<Product, ProviderError> {
    let product = Product::of(channel).ok_or_else(|| ProviderError::from(Unable::NotWechats { channel }))?;
    if channel.tab() == tab {
        return Ok(product);
    }
    Err(ProviderError::from(Unable::OtherTab { channel, expected: channel.tab(), tab }))
}

/// A usable `prepay_id`: it becomes a line of the signed content.
pub(crate) fn prepay_id(text: Option<String>) -> Result<String, ProviderError> {
    let is_usable = |id: &String| id.len() <= PREPAY_ID_CHARS_MAX && id.bytes().all(|byte| byte.is_ascii_graphic());
    text.filter(is_usable)
        .ok_or_else(|| ProviderError::from(MessageProblem::Unusable { field: "prepay_id".to_owned() }))
}

/// The text of the QR code, and the `prepay_id` if there is one.
pub(crate) fn native_parameters(
    prepay: Option<String>,
    code_url: Option<String>,
) -> Result<PaymentParameters, ProviderError> {
    let code_url = code_url.filter(|code| code.chars().count() <= CODE_URL_CHARS_MAX);
    let code_url =
        code_url.ok_or_else(|| ProviderError::from(MessageProblem::Unusable { field: "code_url".to_owned() }))?;
    let prepay = prepay.and_then(|text| prepay_id(Some(text)).ok()).map(|id| ("prepayid", id));
    Ok(PaymentParameters::new(prepay.into_iter().chain([("codeUrl", code_url)]).collect()))
}

/// The page that opens WeChat from another browser.
pub(crate) fn h5_parameters(url: Option<String>) -> Result<PaymentParameters, ProviderError> {
    let url = url.filter(|url| url.chars().count() <= CODE_URL_CHARS_MAX);
    let url = url.ok_or_else(|| ProviderError::from(MessageProblem::Unusable { field: "h5_url".to_owned() }))?;
    Ok(PaymentParameters::new(vec![("wx_h5", url)]))
}

/// Both spellings are documented.
pub(super) fn is_not_there(refusal: &Refusal) -> bool {
    refusal.status == StatusCode::NOT_FOUND && matches!(refusal.code.as_str(), "ORDER_NOT_EXIST" | "ORDERNOTEXIST")
}

/// Reads a refund, newly made or queried: it must be the right one.
fn refund_report(members: &Members, refund: &RefundOrder<'_>) -> Result<RefundOutcome, ProviderError> {
    let is = |field: &str, expected: &str| match members.filled(field) {
        Some(found) if found != expected => Err(ProviderError::from(MessageProblem::OtherField {
            field: field.to_owned(),
            found: words(&found),
            expected: expected.to_owned(),
        })),
        Some(_) | None => Ok(()),
    };
    is("out_trade_no", refund.placed.id.as_str())?;
    is("out_refund_no", &messages::out_refund_no(refund)?)?;
    let amount = members.object("amount").and_then(|amount| amount.fen("refund"));
    if amount != Some(refund.refund_fee) {
        return Err(ProviderError::from(MessageProblem::OtherRefundFee { field: "amount.refund".to_owned() }));
    }
    let status = members.filled("status").ok_or_else(|| ProviderError::missing("status"))?;
    Ok(trade::refund_outcome(&status))
}
