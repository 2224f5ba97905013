//! UnionPay: one account of the mobile control (`unipay_app`) or of the gateway page (`unipay_web`), by ACP 5.1.0.
//!
//! Every message of UnionPay contains the certificate that signed it. So nothing in a message is used before the chain of that
//! certificate is followed up to the configured ones. The national SM2 algorithms (6.0.0) and the signatures with a shared key
//! (methods 11 and 12) are not supported.
//!
//! # Source
//! `protocols.md`, section 3.

mod answer;
mod bill;
mod check;
mod messages;
mod notify;
mod page;
mod settings;
mod sign;
#[cfg(test)]
mod tests;
mod trust;
#[cfg(test)]
mod vectors;

pub(crate) use bill::{FileReader, lists_refund_as};
pub(crate) use settings::{PRODUCTION, file_gateway_of};

use std::time::Duration;

use bytes::Bytes;
use domain::{
    Channel, Claim, Fen, Notification, Outcome, ProviderTradeNo, Refund, Sentence, Tab, Timestamp, TransactionId,
};
use http::{Request, Response};
use serde_json::{Map, Value};

use self::{
    answer::{Answer, Verdict, verdict},
    sign::Fields,
    trust::Trust,
};
use crate::{
    Acknowledgement, Charge, Closing, GatewayPolicy, MessageProblem, Moment, NotifyError, Order, PaymentParameters,
    Placed, ProviderError, RefundOrder, RefundOutcome, RefundReport, SettingsError, Unable,
    error::words,
    form::{self, Parameters},
    keys::SigningKey,
    look_up::FoundOrder,
    settings::Settings,
};

/// UnionPay looks only at the HTTP status; 200 means accepted. The bodies are those of its sample code.
pub(crate) const ACKNOWLEDGEMENT: Acknowledgement =
    Acknowledgement { content_type: "text/plain", accepted: b"ok", refused: b"fail" };

/// `tn` has 21 digits.
const TN_CHARS_MAX: usize = 64;
/// UnionPay's settlement day ends at 23:00 in Beijing.
pub(crate) const DAY_ENDS_EARLY_BY: Duration = Duration::from_secs(3600);
/// How far `txnTime` may be from UnionPay's clock. This is a low guess. A later repeat is refused only because of its time.
const TXN_TIME_WINDOW: Duration = Duration::from_secs(180);

/// An account at UnionPay. Its settings and verbs are described at [`crate::Account`].
#[derive(Debug)]
pub struct Account {
    channel: Channel,
    mer_id: String,
    gateway: String,
    /// The full address for the settlement files.
    file_gateway: String,
    /// Boxed, because it is larger than all the rest.
    key: Box<SigningKey>,
    cert_id: String,
    trust: Trust,
    certificates_end_at: Option<Timestamp>,
}

impl Account {
    pub(crate) fn open(tab: Tab, settings: &Map<String, Value>, policy: GatewayPolicy) -> Result<Self, SettingsError> {
        settings::open(tab, Settings::new(settings), policy)
    }

    pub(crate) fn charge(&self, order: &Order<'_>) -> Result<Charge, ProviderError> {
        self.check_channel(order.channel)?;
        let payment = self.signed(messages::payment(order)?)?;
        if self.channel == Channel::UnipayApp {
            return self.post(messages::APP_PAYMENT, &payment).map(Charge::Call);
        }
        let page = page::self_submitting(&self.url(messages::FRONT_PAYMENT), &payment);
        Ok(Charge::Ready(PaymentParameters::new(vec![("html", page)])))
    }

    pub(crate) fn read_charge(
        &self,
        channel: Channel,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<PaymentParameters, ProviderError> {
        self.check_channel(channel)?;
        if self.channel != Channel::UnipayApp {
            return Err(ProviderError::from(Unable::NoCall { channel }));
        }
        let answer = self.read(response, now)?;
        if matches!(&answer, Answer::Refused { code, is_signed: true, .. } if code == answer::DUPLICATE) {
            return Err(ProviderError::AlreadyOrdered);
        }
        let fields = answer.done()?;
        let is_tn = |text: &&str| text.len() <= TN_CHARS_MAX && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let tn = fields.find("tn").filter(is_tn);
        let tn = tn.ok_or_else(|| ProviderError::from(MessageProblem::Unusable { field: "tn".to_owned() }))?;
        Ok(PaymentParameters::new(vec![("tn", tn.to_owned())]))
    }

    /// The settings are those of one tab: the gateway page, or the mobile control, which also serves Apple Pay.
    fn check_channel(&self, channel: Channel) -> Result<(), ProviderError> {
        if channel == self.channel || (channel, self.channel) == (Channel::ApplepayUpacp, Channel::UnipayApp) {
            return Ok(());
        }
        let own = self.channel;
        Err(ProviderError::from(Unable::OtherChannel { channel, own }))
    }

    pub(crate) fn query(&self, placed: &Placed<'_>) -> Result<Request<Bytes>, ProviderError> {
        self.post(messages::QUERY, &self.signed(messages::query(placed.id.as_str(), placed.created_at))?)
    }

    pub(crate) fn read_query(
        &self,
        placed: &Placed<'_>,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<Notification, ProviderError> {
        match self.read(response, now)? {
            Answer::Done(fields) => self.report(&fields),
            // Not paid, or queried too early: the order is made there when the payer acts.
            Answer::Refused { code, is_signed: true, .. } if code == answer::NOT_THERE => Ok(not_there(placed.id)),
            other @ (Answer::Undecided { .. } | Answer::Refused { .. }) => Err(other.into_error()),
        }
    }

    pub(crate) fn look_up(&self, number: &ProviderTradeNo) -> Result<Request<Bytes>, ProviderError> {
        self.post(messages::QUERY, &self.signed(messages::query_by_number(number.as_str()))?)
    }

    /// A refund has a `queryId` of its own, too. The order is then that of its payment.
    pub(crate) fn read_look_up(
        &self,
        number: &ProviderTradeNo,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<Option<String>, ProviderError> {
        let fields = match self.read(response, now)? {
            Answer::Done(fields) => fields,
            Answer::Refused { code, is_signed: true, .. } if code == answer::NOT_THERE => return Ok(None),
            other @ (Answer::Undecided { .. } | Answer::Refused { .. }) => return Err(other.into_error()),
        };
        let text = |name| fields.find(name).map(str::to_owned);
        let found = FoundOrder {
            number_field: "queryId",
            number: text("queryId"),
            order_field: "orderId",
            order: text("orderId"),
        };
        let payment = |order: String| messages::payment_of(&order).map_or(order, |payment| payment.to_string());
        Ok(found.order_of(number)?.map(payment))
    }

    /// There is no request to send; the error is that of [`Self::read_close`].
    pub(crate) fn close(&self) -> Result<Request<Bytes>, ProviderError> {
        Err(ProviderError::from(Unable::NoClosing))
    }

    /// The answer does not matter: UnionPay cannot close an order. An order there only expires.
    pub(crate) fn read_close(
        &self,
        _placed: &Placed<'_>,
        _response: &Response<Bytes>,
        _now: Timestamp,
    ) -> Result<Closing, ProviderError> {
        Ok(Closing::Refused { code: "NO_CLOSING".to_owned(), words: Unable::NoClosing.to_string() })
    }

    /// A refund of a part or all of the payment, from the day of the payment on (`txnType` 04).
    pub(crate) fn refund(&self, refund: &RefundOrder<'_>) -> Result<Request<Bytes>, ProviderError> {
        self.send_back(messages::REFUND, refund)
    }

    /// A void: all of the payment, within its settlement day, which ends at 23:00 (`txnType` 31). It has the same number as a
    /// refund of that name, so only one of the two can happen. The refund's other verbs serve for both.
    pub(crate) fn undo(&self, refund: &RefundOrder<'_>, _moment: &Moment) -> Result<Request<Bytes>, ProviderError> {
        if refund.refund_fee != refund.placed.fee {
            return Err(ProviderError::from(Unable::UndoesWhole));
        }
        self.send_back(messages::UNDO, refund)
    }

    fn send_back(&self, txn_type: &'static str, refund: &RefundOrder<'_>) -> Result<Request<Bytes>, ProviderError> {
        let channel_type = messages::channel_type(self.channel)?;
        self.post(messages::SEND_BACK, &self.signed(messages::send_back(txn_type, channel_type, refund)?)?)
    }

    /// Acceptance is not success: the notify of the refund or its query tells the result.
    pub(crate) fn read_refund(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<RefundOutcome, ProviderError> {
        match self.read(response, now)? {
            Answer::Done(fields) => {
                is_about(&fields, &messages::refund_order_id(refund)?).map(|()| RefundOutcome::Pending)
            }
            Answer::Undecided { .. } => Ok(RefundOutcome::Pending),
            // A repeat. The query tells the result of the first.
            Answer::Refused { code, .. } if code == answer::DUPLICATE => Ok(RefundOutcome::Pending),
            // A late repeat, too, says nothing: it is refused because of its `txnTime`, whether the first arrived or not.
            Answer::Refused { .. } if refund.sending.at.distance(now) > TXN_TIME_WINDOW => Ok(RefundOutcome::Pending),
            Answer::Refused { code, words, .. } => Ok(refused_refund(code, words)),
        }
    }

    pub(crate) fn refund_query(&self, refund: &RefundOrder<'_>) -> Result<Request<Bytes>, ProviderError> {
        let order_id = messages::refund_order_id(refund)?;
        self.post(messages::QUERY, &self.signed(messages::query(&order_id, refund.sending.at))?)
    }

    pub(crate) fn read_refund_query(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response<Bytes>,
        now: Timestamp,
    ) -> Result<RefundOutcome, ProviderError> {
        let (code, told) = match self.read(response, now)? {
            Answer::Done(fields) => {
                is_about(&fields, &messages::refund_order_id(refund)?)?;
                let code = fields.find("origRespCode").ok_or_else(|| missing("origRespCode"))?;
                if verdict(code) == Verdict::Done && fen(&fields) != Some(refund.refund_fee) {
                    return Err(ProviderError::from(MessageProblem::OtherRefundFee { field: "txnAmt".to_owned() }));
                }
                (words(code), words(fields.find("origRespMsg").unwrap_or_default()))
            }
            Answer::Refused { code, words, is_signed: true } if code == answer::NOT_THERE => (code, words),
            // The query was refused. This says nothing about the refund.
            other @ (Answer::Undecided { .. } | Answer::Refused { .. }) => return Err(other.into_error()),
        };
        if code != answer::NOT_THERE {
            return Ok(refund_outcome(&code, told));
        }
        let is_late = refund.sending.at.distance(now) >= Refund::KNOWN_AFTER;
        Ok(if is_late { RefundOutcome::Lost { code, words: told } } else { RefundOutcome::NotThere })
    }

    pub(crate) fn read_notify(&self, notify: &Request<Bytes>, now: Timestamp) -> Result<Notification, NotifyError> {
        let fields = notify::verified(notify, &self.trust, now)?;
        let order = fields.require("orderId")?;
        let claims = vec![self.mer_id_claim(&fields)];
        let mut report =
            Notification { order: order.to_owned(), claims, fee: None, outcome: Outcome::Pending, trade_no: None };
        if fields.require("txnType")? != messages::PAYMENT {
            // About a refund or a void. These have their own numbers and amounts: `read_refund_notify` reads them.
            if let Some(payment) = messages::payment_of(order) {
                report.order = payment.to_string();
            }
            return Ok(report);
        }
        report.claims.push(currency_claim(&fields));
        report.fee = fen(&fields);
        report.trade_no = fields.find("queryId").and_then(ProviderTradeNo::parse);
        if verdict(fields.require("respCode")?) == Verdict::Done {
            // UnionPay's answers to calls also have a successful `respCode`. Of these, only a query's answer can have this number.
            fields.require("queryId")?;
            report.outcome = Outcome::Paid;
        }
        Ok(report)
    }

    pub(crate) fn read_refund_notify(
        &self,
        notify: &Request<Bytes>,
        now: Timestamp,
    ) -> Result<RefundReport, NotifyError> {
        let fields = notify::verified(notify, &self.trust, now)?;
        if ![messages::REFUND, messages::UNDO].contains(&fields.require("txnType")?) {
            return Err(NotifyError::from(MessageProblem::NoRefund));
        }
        let foreign = || NotifyError::from(MessageProblem::ForeignRefund);
        let order_id = fields.require("orderId")?;
        let payment = messages::payment_of(order_id).ok_or_else(foreign)?;
        let reference = fields.find("reqReserved").and_then(messages::refund_reference).ok_or_else(foreign)?;
        let messages::RefundReference { num: refund_num, sending } = reference;
        if messages::order_id_of_refund(&payment, &refund_num, sending) != order_id {
            return Err(foreign());
        }
        let mut claims = vec![self.mer_id_claim(&fields)];
        // The field is optional in a refund.
        claims.extend(fields.find("currencyCode").map(|_| currency_claim(&fields)));
        let outcome = refund_outcome(fields.require("respCode")?, words(fields.find("respMsg").unwrap_or_default()));
        let (order, refund_fee, sending) = (payment.to_string(), fen(&fields), Some(sending));
        Ok(RefundReport { order, claims, refund_num, refund_fee, sending, outcome })
    }

    /// The browser posts the same fields as the notify, under the same kind of signature. It may come first, late, often or never.
    pub(crate) fn read_front_return(
        &self,
        returned: &Request<Bytes>,
        now: Timestamp,
    ) -> Result<TransactionId, NotifyError> {
        let fields = notify::verified(returned, &self.trust, now)?;
        if fields.require("merId")? != self.mer_id {
            return Err(NotifyError::from(MessageProblem::ForeignMerchant));
        }
        TransactionId::parse(fields.require("orderId")?).map_err(|_| NotifyError::from(MessageProblem::ForeignOrder))
    }

    /// The file is the merchant's, for both tabs.
    pub(crate) fn bill_names(&self) -> Vec<String> {
        vec![format!("unionpay/{}", self.mer_id)]
    }

    pub(crate) fn certificates_end_at(&self) -> Option<Timestamp> {
        self.certificates_end_at
    }

    /// The common first fields of every message, and the signature over all fields.
    fn signed<'a>(&self, mut parameters: Parameters<'a>) -> Result<Parameters<'a>, ProviderError> {
        parameters.extend([
            ("version", "5.1.0".to_owned()),
            ("encoding", "UTF-8".to_owned()),
            ("signMethod", sign::RSA.to_owned()),
            ("accessType", "0".to_owned()),
            ("merId", self.mer_id.clone()),
        ]);
        sign::signed(parameters, &self.cert_id, &self.key)
    }

    fn post(&self, method: &str, parameters: &Parameters<'_>) -> Result<Request<Bytes>, ProviderError> {
        form::post(&self.url(method), form::encoded(parameters))
    }

    fn url(&self, method: &str) -> String {
        format!("{}/{method}", self.gateway)
    }

    fn read(&self, response: &Response<Bytes>, now: Timestamp) -> Result<Answer, ProviderError> {
        self.judged(answer::read(response, &self.trust, now)?)
    }

    fn judged(&self, answer: Answer) -> Result<Answer, ProviderError> {
        if let Answer::Done(fields) = &answer
            && fields.find("merId") != Some(&self.mer_id)
        {
            return Err(ProviderError::from(MessageProblem::OtherMerchant));
        }
        Ok(answer)
    }

    /// Reads the signed answer to a query.
    fn report(&self, fields: &Fields) -> Result<Notification, ProviderError> {
        let order = fields.find("orderId").ok_or_else(|| missing("orderId"))?;
        let code = fields.find("origRespCode").ok_or_else(|| missing("origRespCode"))?;
        // A failure is the failure of one payment attempt: the payer may try another card until `payTimeout`. This function does
        // not know whether that time is over. So a failed order stays pending, and its expiry closes it.
        let outcome = match verdict(code) {
            Verdict::Done => Outcome::Paid,
            Verdict::Undecided | Verdict::Refused => Outcome::Pending,
        };
        let mut claims = vec![self.mer_id_claim(fields)];
        claims.extend(fields.find("currencyCode").map(|_| currency_claim(fields)));
        let trade_no = fields.find("queryId").and_then(ProviderTradeNo::parse);
        Ok(Notification { order: order.to_owned(), claims, fee: fen(fields), outcome, trade_no })
    }

    fn mer_id_claim(&self, fields: &Fields) -> Claim {
        claim(fields, "merId", &self.mer_id)
    }
}

fn currency_claim(fields: &Fields) -> Claim {
    claim(fields, "currencyCode", messages::YUAN)
}

/// A claim about a field. An absent field is empty, and so differs from every configured value.
fn claim(fields: &Fields, field: &'static str, configured: &str) -> Claim {
    Claim { field, said: words(fields.find(field).unwrap_or_default()), configured: configured.to_owned() }
}

/// `txnAmt`: fen, digits only.
fn fen(fields: &Fields) -> Option<Fen> {
    let text = fields.find("txnAmt").filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok().and_then(|fen| Fen::new(fen).ok())
}

fn refund_outcome(code: &str, told: String) -> RefundOutcome {
    match verdict(code) {
        Verdict::Done => RefundOutcome::Done,
        Verdict::Undecided => RefundOutcome::Pending,
        Verdict::Refused => refused_refund(words(code), told),
    }
}

fn refused_refund(code: String, words: String) -> RefundOutcome {
    let is_short = answer::is_short(&code, &words);
    let words = Sentence::as_it_is(words);
    if is_short { RefundOutcome::Short { code, words } } else { RefundOutcome::Failed { code, words } }
}

/// The report about an order that UnionPay does not know: it may still be paid.
fn not_there(id: &TransactionId) -> Notification {
    Notification { order: id.to_string(), claims: Vec::new(), fee: None, outcome: Outcome::Pending, trade_no: None }
}

fn is_about(fields: &Fields, order_id: &str) -> Result<(), ProviderError> {
    match fields.find("orderId") {
        Some(found) if found == order_id => Ok(()),
        found => {
            let found = words(found.unwrap_or_default());
            Err(ProviderError::from(MessageProblem::OtherOrderId { found, expected: order_id.to_owned() }))
        }
    }
}

fn missing(field: &str) -> ProviderError {
    ProviderError::missing(field)
}
