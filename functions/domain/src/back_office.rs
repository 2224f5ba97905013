//! The merchant's back office: `/refund`, `/refunds`, `/close` and `/sync` under `/2.0/maxpay`, parsed at the door.

use crate::{
    BillNum, Channel, ChannelFilter, Fen, RefundNum, RequestError, TransactionId,
    fields::{Fields, integer, short_text, shortened, text},
};

/// A refund's reason, for the payer. Providers count bytes; each gets as much of the text as it takes.
const REASON_CHARS_MAX: usize = 80;

/// `POST /2.0/maxpay/refund`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// Which bill.
    pub bill: BillNum,
    /// On which channel it was paid. Needed only if there are several payments.
    pub channel: Option<Channel>,
    /// Which transaction paid it. Needed only if one channel has several payments.
    pub transaction: Option<TransactionId>,
    /// The merchant's number of the refund.
    pub num: RefundNum,
    /// How much.
    pub fee: Fen,
    /// Why, in words for the payer.
    pub reason: Option<String>,
}

impl RefundRequest {
    /// # Errors
    /// [`RequestError`].
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let mut fields = Fields::parse(body)?;
        let channel = find_channel(&fields)?;
        let bill = fields.required("billNum", BillNum::EXPECTED, read_bill);
        let num = fields.required("refundNum", RefundNum::EXPECTED, |raw| RefundNum::parse(&text(raw)?));
        let expected = "an integer from 1 to 10000000000, in fen";
        let fee = fields.required("refundFee", expected, |raw| Fen::new(integer(raw)?).ok());
        let transaction = fields
            .optional("id", "the id of a transaction, 24 hex digits", |raw| TransactionId::parse(&text(raw)?).ok());
        let expected = "a string of 1 to 80 characters without control characters";
        let reason = fields.optional("reason", expected, |raw| short_text(raw, REASON_CHARS_MAX));
        match (bill, num, fee, fields.problem()) {
            (Some(bill), Some(num), Some(fee), None) => Ok(Self { bill, channel, transaction, num, fee, reason }),
            (.., problem) => Err(problem.unwrap_or_else(unreachable_gap)),
        }
    }
}

/// `POST /2.0/maxpay/refunds`: the refunds of a bill, or one refund by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundsRequest {
    /// All refunds of a bill, or one of them.
    OfBill(BillNum, Option<RefundNum>),
    /// The refund with this number.
    Numbered(RefundNum),
}

impl RefundsRequest {
    /// # Errors
    /// [`RequestError`].
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let mut fields = Fields::parse(body)?;
        let needs_bill = fields.raw("refundNum").is_none();
        let num = fields.optional("refundNum", RefundNum::EXPECTED, |raw| RefundNum::parse(&text(raw)?));
        let bill = if needs_bill {
            fields.required("billNum", "that of a bill, or refundNum that of a refund", read_bill)
        } else {
            fields.optional("billNum", BillNum::EXPECTED, read_bill)
        };
        match (bill, num, fields.problem()) {
            (Some(bill), num, None) => Ok(Self::OfBill(bill, num)),
            (None, Some(num), None) => Ok(Self::Numbered(num)),
            (.., problem) => Err(problem.unwrap_or_else(unreachable_gap)),
        }
    }
}

/// `POST /2.0/maxpay/close`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseRequest {
    /// Which bill.
    pub bill: BillNum,
    /// On which channel. `None` means the bill's checkout and all its open orders.
    pub channel: Option<Channel>,
}

impl CloseRequest {
    /// A misspelt or empty `channel` must not close the whole bill.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let mut fields = Fields::parse(body)?;
        let channel = find_channel(&fields)?;
        if channel.is_none() && !fields.has_only("billNum") {
            let expected = "the name of a channel; only billNum alone closes the whole bill";
            return Err(RequestError::Missing { field: "channel", expected });
        }
        let bill = fields.required("billNum", BillNum::EXPECTED, read_bill);
        match (bill, fields.problem()) {
            (Some(bill), None) => Ok(Self { bill, channel }),
            (_, problem) => Err(problem.unwrap_or_else(unreachable_gap)),
        }
    }
}

/// `POST /2.0/maxpay/sync`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// Which bill.
    pub bill: BillNum,
    /// On which channels. `None` means all.
    pub channel: Option<ChannelFilter>,
}

impl SyncRequest {
    /// # Errors
    /// [`RequestError`].
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let mut fields = Fields::parse(body)?;
        let channel = fields.raw("channel").map(|raw| {
            text(raw)
                .and_then(|name| ChannelFilter::find(&name))
                .ok_or_else(|| channel_unknown(raw, ChannelFilter::names()))
        });
        let channel = channel.transpose()?;
        let bill = fields.required("billNum", BillNum::EXPECTED, read_bill);
        match (bill, fields.problem()) {
            (Some(bill), None) => Ok(Self { bill, channel }),
            (_, problem) => Err(problem.unwrap_or_else(unreachable_gap)),
        }
    }
}

fn read_bill(raw: &str) -> Option<BillNum> {
    BillNum::parse(&text(raw)?).ok()
}

fn find_channel(fields: &Fields<'_>) -> Result<Option<Channel>, RequestError> {
    let Some(raw) = fields.raw("channel") else { return Ok(None) };
    let found = text(raw).and_then(|name| Channel::find(&name));
    found.map(Some).ok_or_else(|| channel_unknown(raw, Channel::names()))
}

fn channel_unknown(raw: &str, expected: String) -> RequestError {
    RequestError::ChannelUnknown { field: "channel", expected, found: shortened(raw) }
}

/// Cannot happen: a required field that could not be read was noted as a problem before.
fn unreachable_gap() -> RequestError {
    RequestError::Missing { field: "billNum", expected: BillNum::EXPECTED }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused<T: std::fmt::Debug>(parsed: Result<T, RequestError>, expect: &str) {
        let error = parsed.unwrap_err().to_string();
        assert!(error.starts_with(expect), "{error}");
    }

    #[test]
    #[rustfmt::skip]
    fn each_wrong_field_is_named() {
        const CASES: &[(&str, &str)] = &[
            (r#"{"refundNum":"R","refundFee":1}"#,                                     "billNum is required"),
            (r#"{"billNum":"1","refundFee":1}"#,                                       "refundNum is required"),
            (r#"{"billNum":"1","refundNum":"R"}"#,                                     "refundFee is required"),
            (r#"{"billNum":"1","refundNum":"退","refundFee":1}"#,                      "refundNum must be"),
            (r#"{"billNum":"1","refundNum":"R","refundFee":0}"#,                       "refundFee must be"),
            (r#"{"billNum":"1","refundNum":"R","refundFee":1.0}"#,                     "refundFee must be"),
            (r#"{"billNum":"1","refundNum":"R","refundFee":1,"channel":"ali"}"#,       "channel must be one of"),
            (r#"{"billNum":"1","refundNum":"R","refundFee":1,"id":"x"}"#,              "id must be"),
            (r#"{"billNum":"1","refundNum":"R","refundFee":1,"reason":""}"#,           "reason must be"),
            (r#"{"billNum":"1","refundNum":"R","refundFee":1,"reason":"\u0000"}"#,     "reason must be"),
            ("[]",                                                                     "the body must be one JSON object"),
        ];
        for (body, expect) in CASES {
            refused(RefundRequest::parse(body.as_bytes()), expect);
        }
        refused(RefundsRequest::parse(b"{}"), "billNum is required");
        refused(RefundsRequest::parse(br#"{"billNum":7}"#), "billNum must be");
        refused(RefundsRequest::parse(br#"{"refundNum":"a b"}"#), "refundNum must be");
        refused(CloseRequest::parse(br#"{"billNum":"1","channel":"wx"}"#), "channel must be one of");
        refused(CloseRequest::parse(br#"{"channel":"wx_app"}"#), "billNum is required");
        refused(SyncRequest::parse(br#"{"channel":"ali"}"#), "billNum is required");
        refused(SyncRequest::parse(br#"{"billNum":"1","channel":"paypal"}"#), "channel must be one of");
    }

    #[test]
    fn what_is_right_is_read() {
        let body = br#"{"billNum":"1","refundNum":"R-1","refundFee":5,"channel":"wx_app","reason":"\u8336"}"#;
        let request = RefundRequest::parse(body).unwrap();
        assert_eq!((request.fee.get(), request.channel, request.transaction), (5, Some(Channel::WxApp), None));
        assert_eq!(request.reason.as_deref(), Some("茶"));
        let both = RefundsRequest::parse(br#"{"billNum":"1","refundNum":"R"}"#).unwrap();
        assert!(matches!(both, RefundsRequest::OfBill(_, Some(_))));
        assert!(matches!(RefundsRequest::parse(br#"{"refundNum":"R"}"#), Ok(RefundsRequest::Numbered(_))));
        assert!(SyncRequest::parse(br#"{"billNum":"1","channel":"ali"}"#).unwrap().channel.is_some());
    }
}
