//! The open platform ("OpenAPI 2.0"): RSA2, in key mode and in certificate mode.
//!
//! # Source
//! `docs/protocols.md`, section 1.

use bytes::Bytes;
use domain::{Channel, Claim, Notification, Outcome, ProviderTradeNo, Sentence, Timestamp, TransactionId};
use http::{Request, Response};

use super::{
    answer::{self, Answer, busy},
    messages::{self, Product},
    notify::Form,
    sign::{self, Parameters},
    trade::{self, Trade},
};
pub(crate) use crate::form::post;
use crate::{
    Charge, Closing, MessageProblem, NotifyError, Order, PaymentParameters, ProviderError, RefundOrder, RefundOutcome,
    Unable, bounds,
    error::words,
    json::Members,
    keys::{BadSignature, SigningKey, VerifyingKey},
    look_up::FoundOrder,
};

/// Alipay does not have the order: never made, or not yet, because the payer has not opened the cashier.
pub(crate) const TRADE_NOT_EXIST: &str = "ACQ.TRADE_NOT_EXIST";
/// The merchant's balance does not cover the refund. Alipay accepts the same number when it does.
const BALANCE_NOT_ENOUGH: &str = "ACQ.SELLER_BALANCE_NOT_ENOUGH";
/// The order number was used with another amount or subject, or its trade is closed.
const ORDER_BOUND: [&str; 2] = ["ACQ.CONTEXT_INCONSISTENT", "ACQ.TRADE_HAS_CLOSE"];
/// A QR code contains a URL of some forty characters.
const QR_CODE_CHARS_MAX: usize = 1024;

/// An account at the open platform.
#[derive(Debug)]
pub(crate) struct OpenPlatform {
    pub(crate) gateway: String,
    pub(crate) app_id: String,
    pub(crate) seller_id: Option<String>,
    pub(crate) key: SigningKey,
    pub(crate) alipay: AlipayKey,
}

/// The keys that verify Alipay.
#[derive(Debug)]
pub(crate) struct AlipayKey {
    /// One key, or in certificate mode the key of each certificate in alipayCert: two, while Alipay changes its certificate.
    pub(crate) keys: Vec<VerifyingKey>,
    /// Only in certificate mode.
    pub(crate) certificates: Option<Certificates>,
}

/// What certificate mode adds to requests and answers.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) app_cert_sn: String,
    pub(crate) alipay_root_cert_sn: String,
    /// The numbers of Alipay's certificates.
    pub(crate) alipay_cert_sns: Vec<String>,
    pub(crate) end_at: Option<Timestamp>,
}

impl AlipayKey {
    /// Whether one of Alipay's keys made the signature.
    pub(crate) fn verify(&self, content: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let fits = self.keys.iter().any(|key| key.verify_sha256(content, signature).is_ok());
        if fits { Ok(()) } else { Err(BadSignature) }
    }

    /// The setting that holds it.
    pub(crate) fn field(&self) -> &'static str {
        if self.certificates.is_some() { "alipayCert" } else { "alipayPublicKey" }
    }
}

/// The parameters that differ between calls.
struct Call<'a> {
    method: &'static str,
    biz_content: String,
    notify_url: Option<&'a str>,
    return_url: Option<&'a str>,
}

impl OpenPlatform {
    pub(crate) fn charge(&self, order: &Order<'_>, now: Timestamp) -> Result<Charge, ProviderError> {
        match order.channel {
            // All three are in the answer, as merchants' clients expect. A client reads that of its channel.
            Channel::AliApp | Channel::AliWeb | Channel::AliWap => {
                let url = |parameters| format!("{}?{}", self.gateway, sign::encoded(&parameters));
                Ok(Charge::Ready(PaymentParameters::new(vec![
                    ("ali_app", sign::encoded(&self.payment(Product::App, order, now)?)),
                    ("ali_web", url(self.payment(Product::Page, order, now)?)),
                    ("ali_wap", url(self.payment(Product::Wap, order, now)?)),
                ])))
            }
            Channel::AliQrcode => self.post(self.payment(Product::Precreate, order, now)?).map(Charge::Call),
            Channel::WxApp
            | Channel::WxJsapi
            | Channel::WxNative
            | Channel::WxH5
            | Channel::WxLite
            | Channel::UnipayApp
            | Channel::UnipayWeb
            | Channel::ApplepayUpacp => Err(ProviderError::from(Unable::NotAlipays { channel: order.channel })),
        }
    }

    pub(crate) fn read_precreate(&self, response: &Response<Bytes>) -> Result<PaymentParameters, ProviderError> {
        let members = match self.read(Product::Precreate.method(), response)? {
            Answer::Refused { code, words, .. } if ORDER_BOUND.contains(&code.as_str()) => {
                return Err(ProviderError::OrderBound { code, words });
            }
            answer @ (Answer::Done(_) | Answer::Refused { .. } | Answer::Busy { .. }) => answer.done()?,
        };
        let code_url = members.filled("qr_code").filter(|code| code.chars().count() <= QR_CODE_CHARS_MAX);
        let code_url =
            code_url.ok_or_else(|| ProviderError::from(MessageProblem::Unusable { field: "qr_code".to_owned() }))?;
        Ok(PaymentParameters::new(vec![("codeUrl", code_url)]))
    }

    pub(crate) fn query(&self, id: &TransactionId, now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        self.call(messages::QUERY, messages::order_only(id.as_str()), now)
    }

    pub(crate) fn read_query(
        &self,
        id: &TransactionId,
        response: &Response<Bytes>,
    ) -> Result<Notification, ProviderError> {
        match self.read(messages::QUERY, response)? {
            Answer::Done(members) => self.report(&members),
            Answer::Refused { code, .. } if code == TRADE_NOT_EXIST => Ok(not_there(id)),
            Answer::Refused { code, words, .. } => Err(ProviderError::Refused { code, words }),
            Answer::Busy { code, words } => Err(busy(&code, &words)),
        }
    }

    pub(crate) fn look_up(&self, number: &ProviderTradeNo, now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        self.call(messages::QUERY, messages::trade_only(number.as_str()), now)
    }

    pub(crate) fn read_look_up(
        &self,
        number: &ProviderTradeNo,
        response: &Response<Bytes>,
    ) -> Result<Option<String>, ProviderError> {
        match self.read(messages::QUERY, response)? {
            Answer::Done(members) => FoundOrder {
                number_field: "trade_no",
                number: members.filled("trade_no"),
                order_field: "out_trade_no",
                order: members.filled("out_trade_no"),
            }
            .order_of(number),
            Answer::Refused { code, .. } if code == TRADE_NOT_EXIST => Ok(None),
            Answer::Refused { code, words, .. } => Err(ProviderError::Refused { code, words }),
            Answer::Busy { code, words } => Err(busy(&code, &words)),
        }
    }

    pub(crate) fn close(&self, id: &TransactionId, now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        self.call(messages::CLOSE, messages::order_only(id.as_str()), now)
    }

    pub(crate) fn read_close(&self, id: &TransactionId, response: &Response<Bytes>) -> Result<Closing, ProviderError> {
        match self.read(messages::CLOSE, response)? {
            Answer::Done(members) => is_about(&members, id).map(|()| Closing::Closed),
            Answer::Refused { code, .. } if code == TRADE_NOT_EXIST => Ok(Closing::NotThere),
            Answer::Refused { code, words, .. } => Ok(Closing::Refused { code, words }),
            Answer::Busy { code, words } => Err(busy(&code, &words)),
        }
    }

    /// `time_expire` was given with the order. It also holds for a trade that is made later, when the payer opens the cashier.
    pub(crate) fn payable_until(&self, expires_at: Timestamp) -> Timestamp {
        expires_at
    }

    pub(crate) fn refund(&self, refund: &RefundOrder<'_>, now: Timestamp) -> Result<Request<Bytes>, ProviderError> {
        bounds::ALIPAY_REFUND_NUM.check(refund.refund_num)?;
        self.call(messages::REFUND, messages::refund(refund), now)
    }

    pub(crate) fn read_refund(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
    ) -> Result<RefundOutcome, ProviderError> {
        match self.read(messages::REFUND, response)? {
            Answer::Done(members) => {
                is_about(&members, refund.placed.id)?;
                // If it is not `Y`, this call moved no money; an earlier call may have.
                let moved = members.text("fund_change").as_deref() == Some("Y");
                Ok(if moved { RefundOutcome::Done } else { RefundOutcome::Pending })
            }
            Answer::Refused { code, words, .. } if code == BALANCE_NOT_ENOUGH => {
                Ok(RefundOutcome::Short { code, words: Sentence::as_it_is(words) })
            }
            Answer::Refused { code, words, .. } => Ok(RefundOutcome::Failed { code, words: Sentence::as_it_is(words) }),
            Answer::Busy { .. } => Ok(RefundOutcome::Pending),
        }
    }

    pub(crate) fn refund_query(
        &self,
        refund: &RefundOrder<'_>,
        now: Timestamp,
    ) -> Result<Request<Bytes>, ProviderError> {
        bounds::ALIPAY_REFUND_NUM.check(refund.refund_num)?;
        self.call(messages::REFUND_QUERY, messages::refund_query(refund), now)
    }

    pub(crate) fn read_refund_query(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
    ) -> Result<RefundOutcome, ProviderError> {
        match self.read(messages::REFUND_QUERY, response)? {
            Answer::Done(members) => refund_report(&members, refund),
            // If the trade does not exist, its refund does not exist.
            Answer::Refused { code, words, .. } if code == TRADE_NOT_EXIST => {
                Ok(RefundOutcome::Failed { code, words: Sentence::as_it_is(words) })
            }
            // The query was refused. This says nothing about the refund.
            Answer::Refused { code, words, .. } => Err(ProviderError::Refused { code, words }),
            Answer::Busy { .. } => Ok(RefundOutcome::Pending),
        }
    }

    pub(crate) fn read_notify(&self, form: &Form) -> Result<Notification, NotifyError> {
        form.verify_rsa2(&self.alipay)?;
        let mut claims = vec![form.claim("app_id", &self.app_id)];
        if let Some(seller_id) = &self.seller_id {
            claims.push(form.claim("seller_id", seller_id));
        }
        form.notification(claims, "total_amount", form.find("refund_fee"))
    }

    pub(crate) fn certificates_end_at(&self) -> Option<Timestamp> {
        self.alipay.certificates.as_ref().and_then(|certificates| certificates.end_at)
    }

    fn payment(
        &self,
        product: Product,
        order: &Order<'_>,
        now: Timestamp,
    ) -> Result<Parameters<'static>, ProviderError> {
        let return_url = order.return_url.filter(|_| product.returns());
        let call = Call {
            method: product.method(),
            biz_content: messages::payment(product, order),
            notify_url: Some(bounds::ALIPAY_URL.check_notify(order.notify_url)?),
            return_url: return_url.map(|url| bounds::ALIPAY_URL.check("returnUrl", url.as_str())).transpose()?,
        };
        self.signed(call, now)
    }

    pub(super) fn call(
        &self,
        method: &'static str,
        biz_content: String,
        now: Timestamp,
    ) -> Result<Request<Bytes>, ProviderError> {
        self.post(self.signed(Call { method, biz_content, notify_url: None, return_url: None }, now)?)
    }

    /// The common parameters and those of `call`, with the signature over all of them.
    fn signed(&self, call: Call<'_>, now: Timestamp) -> Result<Parameters<'static>, ProviderError> {
        let optional = |url: Option<&str>| url.unwrap_or_default().to_owned();
        let mut parameters = Parameters::from([
            ("app_id", self.app_id.clone()),
            ("method", call.method.to_owned()),
            ("format", "JSON".to_owned()),
            ("charset", "utf-8".to_owned()),
            ("sign_type", "RSA2".to_owned()),
            ("timestamp", now.to_beijing()),
            ("version", "1.0".to_owned()),
            ("notify_url", optional(call.notify_url)),
            ("return_url", optional(call.return_url)),
            ("biz_content", call.biz_content),
        ]);
        if let Some(certificates) = &self.alipay.certificates {
            parameters.insert("app_cert_sn", certificates.app_cert_sn.clone());
            parameters.insert("alipay_root_cert_sn", certificates.alipay_root_cert_sn.clone());
        }
        sign::signed(parameters, &self.key)
    }

    /// A server-to-server call, as the official SDKs send it: the common parameters in the address, `biz_content` in the body.
    fn post(&self, mut parameters: Parameters<'_>) -> Result<Request<Bytes>, ProviderError> {
        let biz_content = parameters.remove("biz_content").unwrap_or_default();
        let body = sign::encoded(&Parameters::from([("biz_content", biz_content)]));
        post(&format!("{}?{}", self.gateway, sign::encoded(&parameters)), body)
    }

    pub(super) fn read(&self, method: &str, response: &Response<Bytes>) -> Result<Answer, ProviderError> {
        answer::read(method, response, &self.alipay)
    }

    /// Reads the signed answer to a query.
    fn report(&self, members: &Members) -> Result<Notification, ProviderError> {
        let unclear = |field: &str| ProviderError::from(MessageProblem::Unreadable { field: field.to_owned() });
        let order = members.filled("out_trade_no").ok_or_else(|| unclear("out_trade_no"))?;
        let status = members.filled("trade_status").ok_or_else(|| unclear("trade_status"))?;
        let amount = |field: &str| members.filled(field).and_then(|text| trade::amount(&text).ok()).flatten();
        // The status of a closed trade does not say whether it was paid. An unpaid one has no time of payment and amounts of 0.00.
        // If a paid trade came without any of these, it would count as closed unpaid. This is safe: the payer has the money back in
        // both cases, and if we know of the payment, the state machine refuses the report and a person looks.
        let paid_amounts = ["receipt_amount", "buyer_pay_amount"];
        let was_paid =
            members.filled("send_pay_date").is_some() || paid_amounts.into_iter().any(|field| amount(field).is_some());
        let refund_fee = members.filled("refund_fee");
        let total = amount("total_amount");
        let trade = Trade { status: &status, total, refund_fee: refund_fee.as_deref(), was_paid };
        let outcome = trade::outcome(trade).map_err(unclear)?;
        let claim = |field: &'static str, configured: Option<&str>| {
            let (said, configured) = (members.filled(field)?, configured?.to_owned());
            Some(Claim { field, said: words(&said), configured })
        };
        let claims = [claim("app_id", Some(&self.app_id)), claim("seller_id", self.seller_id.as_deref())];
        let claims = claims.into_iter().flatten().collect();
        let trade_no = members.filled("trade_no").and_then(|text| ProviderTradeNo::parse(&text));
        Ok(Notification { order, claims, fee: total, outcome, trade_no })
    }
}

/// The report about an order that Alipay does not know: it may be made when the payer opens the cashier.
pub(crate) fn not_there(id: &TransactionId) -> Notification {
    Notification { order: id.to_string(), claims: Vec::new(), fee: None, outcome: Outcome::Pending, trade_no: None }
}

/// The answer must be about the order of the query, although Alipay checks this itself.
fn is_about(members: &Members, id: &TransactionId) -> Result<(), ProviderError> {
    match members.filled("out_trade_no") {
        Some(other) if other != id.as_str() => {
            Err(ProviderError::from(MessageProblem::OtherOrder { found: words(&other), expected: id.to_string() }))
        }
        Some(_) | None => Ok(()),
    }
}

/// Reads the signed answer to a refund's query. For an unknown refund it is also 10000, but without refund fields. No refund
/// becomes stuck here: if a card does not accept its refund, Alipay puts the money into the payer's balance.
fn refund_report(members: &Members, refund: &RefundOrder<'_>) -> Result<RefundOutcome, ProviderError> {
    is_about(members, refund.placed.id)?;
    match members.filled("refund_status").as_deref() {
        Some("REFUND_SUCCESS") => {}
        None if members.filled("refund_amount").is_none() => return Ok(RefundOutcome::NotThere),
        Some(_) | None => return Ok(RefundOutcome::Pending),
    }
    if members.filled("out_request_no").is_some_and(|number| number != refund.refund_num) {
        return Err(ProviderError::from(MessageProblem::OtherRefund));
    }
    match members.filled("refund_amount").map(|text| trade::amount(&text)) {
        None => Ok(RefundOutcome::Done),
        Some(Ok(Some(amount))) if amount == refund.refund_fee => Ok(RefundOutcome::Done),
        Some(_) => Err(ProviderError::from(MessageProblem::OtherRefundFee { field: "refund_amount".to_owned() })),
    }
}
