//! Reads the notifies of v3: verifies the signature over the raw body, decrypts the resource, then reads it.
//!
//! # Source
//! `docs/protocols.md` 2.6.

use bytes::Bytes;
use domain::{Notification, Outcome, ProviderTradeNo, Secret, Timestamp};
use http::{Request, header::CONTENT_TYPE};

use super::{
    messages::Payee,
    seal::{self, StillSealed},
    trade::{self, claim},
    verify::Keys,
};
use crate::{MessageProblem, NotifyError, RefundReport, error::words, json::Members};

/// A notify with all its coupons is some kilobytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
const JSON: &str = "application/json";

/// A verified and decrypted notify.
#[derive(Debug)]
pub(crate) struct Event {
    event_type: String,
    content: String,
}

impl Event {
    /// Verifies and decrypts a notify.
    pub(crate) fn open(
        notify: &Request<Bytes>,
        keys: &Keys,
        api_v3_key: &Secret<[u8; 32]>,
        now: Timestamp,
    ) -> Result<Self, NotifyError> {
        let content_type = notify.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case(JSON) {
            return Err(NotifyError::from(MessageProblem::ContentType { expected: JSON }));
        }
        let body = notify.body();
        if body.len() > BODY_BYTES_MAX {
            return Err(NotifyError::from(MessageProblem::TooLong { bytes_max: BODY_BYTES_MAX }));
        }
        keys.verify(notify.headers(), body, now)?;
        let text = std::str::from_utf8(body).map_err(|_| NotifyError::from(MessageProblem::NotUtf8))?;
        let envelope = parsed(text)?;
        let event_type = envelope.filled("event_type").ok_or_else(|| missing("event_type"))?;
        let resource = envelope.object("resource").ok_or_else(|| missing("resource"))?;
        let content = seal::open(&resource, api_v3_key).map_err(|reason| match reason {
            StillSealed::Malformed(reason) => NotifyError::from(reason),
            StillSealed::WrongKey => NotifyError::Sealed { field: "apiV3Key" },
        })?;
        Ok(Self { event_type, content })
    }

    /// The report about an order.
    pub(crate) fn payment(&self, payee: Payee<'_>) -> Result<Notification, NotifyError> {
        let content = parsed(&self.content)?;
        let is_payment = self.event_type == "TRANSACTION.SUCCESS";
        if !is_payment && !self.is_refund() {
            return Err(self.stranger());
        }
        let outcome = match content.text("trade_state").as_deref() {
            Some("SUCCESS") if is_payment => Outcome::Paid,
            // A refund's notify reports one refund and not the total refunded. So it decides nothing about the order here; see
            // `refund` below. According to the documents, no other state of an order is notified.
            _ => Outcome::Pending,
        };
        report(&content, payee, outcome).map_err(missing)
    }

    /// The report about a refund.
    pub(crate) fn refund(&self, payee: Payee<'_>) -> Result<RefundReport, NotifyError> {
        if !self.is_refund() {
            return Err(self.stranger());
        }
        let content = parsed(&self.content)?;
        let order = content.filled("out_trade_no").ok_or_else(|| missing("out_trade_no"))?;
        let number = content.filled("out_refund_no").ok_or_else(|| missing("out_refund_no"))?;
        let status = content.filled("refund_status").ok_or_else(|| missing("refund_status"))?;
        // The name of the event must say the same. If the two differ, neither is used.
        let agrees = self.event_type.strip_prefix("REFUND.").is_some_and(|event| event == status);
        Ok(RefundReport {
            refund_num: trade::refund_num(&order, &number),
            claims: claim("mchid", Some(content.text("mchid").unwrap_or_default()), payee.mch_id).into_iter().collect(),
            refund_fee: content.object("amount").and_then(|amount| amount.fen("refund")),
            sending: None,
            outcome: trade::refund_outcome(if agrees { &status } else { "" }),
            order,
        })
    }

    fn is_refund(&self) -> bool {
        matches!(self.event_type.as_str(), "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED")
    }

    fn stranger(&self) -> NotifyError {
        NotifyError::from(MessageProblem::StrangeEvent { event: words(&self.event_type) })
    }
}

/// Reads a transaction of a notify or of a query's answer. The error is the missing member.
pub(crate) fn report(content: &Members, payee: Payee<'_>, outcome: Outcome) -> Result<Notification, &'static str> {
    let amount = content.object("amount");
    // A payment must name its merchant and app. If it does not, the claim is empty, and the payment is refused. A refund names no app, and
    // the currency may be missing because it is CNY.
    let is_paid = outcome == Outcome::Paid;
    let named = |field: &str| content.text(field).or_else(|| is_paid.then(String::new));
    let currency = amount.as_ref().and_then(|amount| amount.filled("currency"));
    let claims = [
        claim("mchid", named("mchid"), payee.mch_id),
        claim("appid", named("appid"), payee.app_id),
        claim("currency", currency, "CNY"),
    ];
    Ok(Notification {
        order: content.filled("out_trade_no").ok_or("out_trade_no")?,
        claims: claims.into_iter().flatten().collect(),
        // The ordered amount. The payer may have paid less, if coupons cover the rest.
        fee: amount.and_then(|amount| amount.fen("total")),
        outcome,
        trade_no: content.filled("transaction_id").and_then(|text| ProviderTradeNo::parse(&text)),
    })
}

fn parsed(text: &str) -> Result<Members, NotifyError> {
    Members::parse(text).map_err(|reason| NotifyError::from(MessageProblem::SealNotJson { why: reason }))
}

fn missing(field: &str) -> NotifyError {
    NotifyError::missing(field)
}
