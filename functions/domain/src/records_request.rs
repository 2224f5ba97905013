//! `POST|GET /2.0/maxpay/records`, parsed at the door.

use crate::{
    BillNum, Channel, ChannelFilter, RequestError, Status, Timestamp,
    fields::{Fields, integer, is_empty_text, shortened, text},
};

/// Which transactions are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RecordsFilter {
    /// A channel or a family.
    pub channel: Option<ChannelFilter>,
    /// One bill.
    pub bill: Option<BillNum>,
    /// One status.
    pub status: Option<Status>,
    /// Paid ones alone, refunded or not.
    pub only_paid: bool,
    /// Created at this time or later.
    pub start: Option<Timestamp>,
    /// Created at this time or earlier.
    pub end: Option<Timestamp>,
}

impl RecordsFilter {
    /// The channels asked for, in the contract's order.
    pub fn channels(&self) -> impl Iterator<Item = Channel> + '_ {
        Channel::ALL.into_iter().filter(|channel| self.channel.is_none_or(|filter| filter.admits(*channel)))
    }

    /// Whether a status is asked for.
    pub fn admits(&self, status: Status) -> bool {
        self.status.is_none_or(|asked| asked == status) && (status.is_paid() || !self.only_paid)
    }

    /// The statuses asked for.
    pub fn statuses(&self) -> impl Iterator<Item = Status> + '_ {
        Status::ALL.into_iter().filter(|status| self.admits(*status))
    }
}

/// The order of the records, by the time of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RecordsOrder {
    /// `createdTime`
    OldestFirst,
    /// `-createdTime`
    #[default]
    NewestFirst,
}

/// What a caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordsScope {
    /// Everything of its app.
    Everything,
    /// A bill that it can name.
    NamedBill,
}

/// A query for records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsRequest {
    /// Which.
    pub filter: RecordsFilter,
    /// In which order.
    pub order: RecordsOrder,
    /// How many of them to skip.
    pub skip: usize,
    /// How many of them to answer.
    pub limit: usize,
}

impl RecordsRequest {
    /// The limit if the request names none.
    pub const LIMIT_DEFAULT: usize = 20;
    /// The contract's bound.
    pub const LIMIT_MAX: usize = 100;
    /// Every skipped record is read and paid for: ten thousand records are five megabytes. A caller that needs more narrows `startTime` and
    /// `endTime`.
    pub const SKIP_MAX: usize = 10_000;

    /// An empty body asks for everything. React Native on iOS calls the bill `billNo`. Older clients send an empty channel for all
    /// channels.
    ///
    /// # Errors
    /// [`RequestError`]: first an unknown channel, then a missing bill, then any other problem.
    pub fn parse(body: &[u8], scope: RecordsScope) -> Result<Self, RequestError> {
        let mut fields = Fields::parse(if body.trim_ascii().is_empty() { b"{}" } else { body })?;
        fields.forget_if("channel", is_empty_text);
        let channel = read_channel(&fields)?;
        let is_older = fields.raw("billNum").is_none() && fields.raw("billNo").is_some();
        let bill_field = if is_older { "billNo" } else { "billNum" };
        let read_bill = |raw| BillNum::parse(&text(raw)?).ok();
        let bill = match scope {
            RecordsScope::Everything => fields.optional(bill_field, BillNum::EXPECTED, read_bill),
            RecordsScope::NamedBill => fields.required(bill_field, BillNum::EXPECTED, read_bill),
        };
        let status = fields.optional("status", "created, success, refund or closed", |raw| Status::find(&text(raw)?));
        let start = fields.optional("startTime", "milliseconds since 1970", read_time);
        let end = fields.optional("endTime", "milliseconds since 1970", read_time);
        let skip = fields.optional("skip", "an integer from 0 to 10000", |raw| read_count(raw, 0..=Self::SKIP_MAX));
        let limit = fields.optional("limit", "an integer from 1 to 100", |raw| read_count(raw, 1..=Self::LIMIT_MAX));
        let order = fields.optional("order", "createdTime or -createdTime", |raw| match text(raw)?.as_str() {
            "createdTime" | "createdAt" => Some(RecordsOrder::OldestFirst),
            "-createdTime" | "-createdAt" => Some(RecordsOrder::NewestFirst),
            _ => None,
        });
        if start.zip(end).is_some_and(|(start, end)| start > end) {
            fields.refuse("endTime", "startTime or later");
        }
        if let Some(problem) = fields.problem() {
            return Err(problem);
        }
        Ok(Self {
            filter: RecordsFilter { channel, bill, status, only_paid: false, start, end },
            order: order.unwrap_or_default(),
            skip: skip.unwrap_or(0),
            limit: limit.unwrap_or(Self::LIMIT_DEFAULT),
        })
    }
}

fn read_channel(fields: &Fields<'_>) -> Result<Option<ChannelFilter>, RequestError> {
    let Some(raw) = fields.raw("channel") else { return Ok(None) };
    text(raw).and_then(|name| ChannelFilter::find(&name)).map(Some).ok_or_else(|| RequestError::ChannelUnknown {
        field: "channel",
        expected: ChannelFilter::names(),
        found: shortened(raw),
    })
}

fn read_time(raw: &str) -> Option<Timestamp> {
    Timestamp::from_ms(integer(raw)?).ok()
}

fn read_count(raw: &str, bounds: std::ops::RangeInclusive<usize>) -> Option<usize> {
    usize::try_from(integer(raw)?).ok().filter(|count| bounds.contains(count))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn refused(body: &str, expect: &str) {
        let error = RecordsRequest::parse(body.as_bytes(), RecordsScope::Everything).unwrap_err().to_string();
        assert!(error.contains(expect), "{body}: {error}");
    }

    #[test]
    fn nothing_asked_is_the_newest_twenty() {
        for body in ["", "  ", "{}", r#"{"channel":null}"#, r#"{"channel":""}"#] {
            let request = RecordsRequest::parse(body.as_bytes(), RecordsScope::Everything).unwrap();
            assert_eq!(request.filter, RecordsFilter::default());
            assert_eq!((request.order, request.skip, request.limit), (RecordsOrder::NewestFirst, 0, 20));
        }
    }

    #[test]
    fn a_family_is_all_its_channels() {
        let body = br#"{"channel":"wx","status":"success"}"#;
        let request = RecordsRequest::parse(body, RecordsScope::Everything).unwrap();
        let channels: Vec<_> = request.filter.channels().map(Channel::name).collect();
        assert_eq!(channels, ["wx_app", "wx_jsapi", "wx_native", "wx_h5", "wx_lite"]);
        assert_eq!(request.filter.statuses().collect::<Vec<_>>(), [Status::Success]);
    }

    #[test]
    fn those_that_are_paid_have_two_statuses() {
        let statuses =
            |status| RecordsFilter { status, only_paid: true, ..RecordsFilter::default() }.statuses().collect();
        let cases: [(Option<Status>, &[Status]); 3] = [
            (None, &[Status::Success, Status::Refund]),
            (Some(Status::Refund), &[Status::Refund]),
            (Some(Status::Closed), &[]),
        ];
        for (status, expect) in cases {
            let found: Vec<Status> = statuses(status);
            assert_eq!(found, expect, "{status:?}");
        }
    }

    #[test]
    fn who_sees_one_bill_must_name_it_before_anything_else_counts() {
        let parse = |body: &str| RecordsRequest::parse(body.as_bytes(), RecordsScope::NamedBill);
        assert!(matches!(parse(r#"{"limit":0}"#), Err(RequestError::Missing { field: "billNum", .. })));
        assert!(matches!(parse(r#"{"channel":"paypal"}"#), Err(RequestError::ChannelUnknown { .. })));
        assert!(parse(r#"{"billNum":"1"}"#).is_ok());
    }

    #[test]
    fn a_bill_has_an_older_name_that_counts_where_it_is_alone() {
        let bill = |body: &str| {
            let request = RecordsRequest::parse(body.as_bytes(), RecordsScope::NamedBill).unwrap();
            request.filter.bill.unwrap().to_string()
        };
        assert_eq!(bill(r#"{"billNo":"a1"}"#), "a1");
        assert_eq!(bill(r#"{"billNum":null,"billNo":"a1"}"#), "a1");
        assert_eq!(bill(r#"{"billNum":"b1","billNo":"a1"}"#), "b1");
        refused(r#"{"billNo":7}"#, "billNo must be");
    }

    #[test]
    #[rustfmt::skip]
    fn each_wrong_field_is_named() {
        refused(r#"{"channel":"paypal"}"#,           "channel must be one of");
        refused(r#"{"billNum":7}"#,                  "billNum must be");
        refused(r#"{"status":"paid"}"#,              "status must be created, success, refund or closed");
        refused(r#"{"startTime":"today"}"#,          "startTime must be milliseconds");
        refused(r#"{"startTime":-1}"#,               "startTime must be milliseconds");
        refused(r#"{"startTime":2,"endTime":1}"#,    "endTime must be startTime or later, found `1`");
        refused(r#"{"skip":-1}"#,                    "skip must be");
        refused(r#"{"skip":10001}"#,                 "skip must be an integer from 0 to 10000");
        refused(r#"{"limit":0}"#,                    "limit must be");
        refused(r#"{"limit":101}"#,                  "limit must be an integer from 1 to 100");
        refused(r#"{"order":"totalFee"}"#,           "order must be createdTime or -createdTime");
        refused("x",                                 "the body must be one JSON object");
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body: Vec<u8>) {
            let _ = RecordsRequest::parse(&body, RecordsScope::NamedBill);
        }
    }
}
