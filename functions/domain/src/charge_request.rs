//! `POST /2.0/maxpay/bill`, parsed at the door.

use std::time::Duration;

use crate::{
    BillNum, Channel, Extras, Fen, PayerAddress, RequestError, Subject, WebUrl,
    fields::{Fields, integer, is_empty_list, is_empty_text, short_text, shortened, text},
};

/// How Alipay's PC page shows its QR code, 0 to 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QrPayMode(u8);

impl QrPayMode {
    /// The digit.
    pub fn get(self) -> u8 {
        self.0
    }
}

/// A charge, valid on its own channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeRequest {
    /// How it is to be paid.
    pub channel: Channel,
    /// The merchant's own order number.
    pub bill: BillNum,
    /// The amount.
    pub fee: Fen,
    /// What is bought.
    pub subject: Subject,
    /// The merchant's own data, kept as it came.
    pub extras: Option<Extras>,
    /// Where the browser goes afterwards.
    pub return_url: Option<WebUrl>,
    /// The page of the goods.
    pub show_url: Option<WebUrl>,
    /// How long the bill can be paid.
    pub timeout: Duration,
    /// How Alipay's page shows its QR code.
    pub qr_pay_mode: Option<QrPayMode>,
    /// The payer within WeChat.
    pub openid: Option<String>,
    /// The payer's own address.
    pub client_ip: Option<PayerAddress>,
}

/// The shortest `billTimeout`, in seconds.
const BILL_TIMEOUT_SECONDS_MIN: u64 = 360;
/// The longest: 15 days, the upper end of Alipay's.
const BILL_TIMEOUT_SECONDS_MAX: u64 = 15 * 24 * 3600;
/// The same, as a length of time.
pub(crate) const BILL_TIMEOUT_MAX: Duration = Duration::from_secs(BILL_TIMEOUT_SECONDS_MAX);
/// The default if a charge names no timeout: two hours.
const BILL_TIMEOUT_SECONDS_DEFAULT: u64 = 2 * 3600;
/// WeChat's bound of `openid`. Its bytes and its characters are checked where it is sent.
const OPENID_CHARS_MAX: usize = 128;

/// The body of a charge whose fields are not read yet. The channel is read first: a channel without settings (code 2) is reported before
/// anything that is wrong with the other fields (codes 4 and 5).
#[derive(Debug)]
pub struct ChargeForm<'a>(Fields<'a>);

impl<'a> ChargeForm<'a> {
    /// # Errors
    /// [`RequestError::NotAnObject`].
    pub fn parse(body: &'a [u8]) -> Result<Self, RequestError> {
        Fields::parse(body).map(Self)
    }

    /// The channel, one of [`Channel::ALL`]. A family is not a channel. For `AUTOMATIC` the SDKs send the empty text.
    ///
    /// # Errors
    /// [`RequestError::Missing`] and [`RequestError::ChannelUnknown`].
    pub fn channel(&self) -> Result<Channel, RequestError> {
        let missing = |expected| RequestError::Missing { field: "channel", expected };
        let raw = self.0.raw("channel").ok_or(missing("the name of a channel"))?;
        if is_empty_text(raw) {
            return Err(missing("the name of a channel; an empty one is AUTOMATIC, which needs a checkout"));
        }
        text(raw).and_then(|name| Channel::find(&name)).ok_or_else(|| RequestError::ChannelUnknown {
            field: "channel",
            expected: Channel::names(),
            found: shortened(raw),
        })
    }

    /// Reads the other fields as `channel` needs them. For a field without a value, older clients send `""`; for empty extras, PHP sends an
    /// empty list. Both count as absent.
    ///
    /// # Errors
    /// [`RequestError::Missing`] goes before [`RequestError::Invalid`]. Of several of a kind, the first in the contract's order is given.
    pub fn read(self, channel: Channel) -> Result<ChargeRequest, RequestError> {
        let mut fields = self.0;
        fields.forget_if("extras", is_empty_list);
        for field in ["returnUrl", "showUrl", "openid", "clientIp"] {
            fields.forget_if(field, is_empty_text);
        }
        let bill = fields.required("billNum", BillNum::EXPECTED, |raw| BillNum::parse(&text(raw)?).ok());
        let fee =
            fields.required("totalFee", "an integer from 1 to 10000000000, in fen", |raw| Fen::new(integer(raw)?).ok());
        let subject = fields.required("subject", Subject::EXPECTED, |raw| Subject::parse(&text(raw)?));
        let extras = fields.optional("extras", Extras::EXPECTED, Extras::parse);
        let return_url = if channel.needs_return_url() {
            fields.required("returnUrl", WebUrl::EXPECTED, read_url)
        } else {
            fields.optional("returnUrl", WebUrl::EXPECTED, read_url)
        };
        let show_url = fields.optional("showUrl", WebUrl::EXPECTED, read_url);
        let timeout = fields.optional("billTimeout", "an integer from 360 to 1296000, in seconds", |raw| {
            let seconds = u64::try_from(integer(raw)?).ok()?;
            (BILL_TIMEOUT_SECONDS_MIN..=BILL_TIMEOUT_SECONDS_MAX).contains(&seconds).then_some(seconds)
        });
        let qr_pay_mode = fields.optional("qrPayMode", "0, 1, 2, 3 or 4", |raw| {
            let mode = text(raw).map_or_else(|| integer(raw), |text| integer(&text))?;
            u8::try_from(mode).ok().filter(|mode| *mode <= 4).map(QrPayMode)
        });
        let openid_expected = "a string of 1 to 128 characters, the payer's id within WeChat";
        let read_openid = |raw| short_text(raw, OPENID_CHARS_MAX);
        let openid = if channel.needs_openid() {
            fields.required("openid", openid_expected, read_openid)
        } else {
            fields.optional("openid", openid_expected, read_openid)
        };
        let ip_expected = PayerAddress::EXPECTED;
        let read_ip = |raw| PayerAddress::parse(&text(raw)?);
        let client_ip = if channel.needs_client_ip() {
            fields.required("clientIp", ip_expected, read_ip)
        } else {
            fields.optional("clientIp", ip_expected, read_ip)
        };
        match (fields.problem(), bill, fee, subject) {
            (None, Some(bill), Some(fee), Some(subject)) => Ok(ChargeRequest {
                channel,
                bill,
                fee,
                subject,
                extras,
                return_url,
                show_url,
                timeout: Duration::from_secs(timeout.unwrap_or(BILL_TIMEOUT_SECONDS_DEFAULT)),
                qr_pay_mode,
                openid,
                client_ip,
            }),
            (Some(problem), ..) => Err(problem),
            // Cannot happen: a required field that could not be read was noted as a problem before.
            (None, ..) => Err(RequestError::NotAnObject { reason: "a required field could not be read".to_owned() }),
        }
    }
}

fn read_url(raw: &str) -> Option<WebUrl> {
    WebUrl::parse(&text(raw)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(body: &str) -> Result<ChargeRequest, RequestError> {
        let form = ChargeForm::parse(body.as_bytes())?;
        let channel = form.channel()?;
        form.read(channel)
    }

    #[track_caller]
    fn check(body: &str, expect: &str) {
        let found = match parse(body) {
            Ok(request) => format!("ok {} {} {}", request.channel, request.bill, request.fee.get()),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expect), "{body}\n  found {found}\n  expected {expect}");
    }

    /// The body of a valid charge with one field replaced. An empty value removes the field.
    fn with(field: &str, value: &str) -> String {
        let mut fields = vec![
            ("channel", r#""ali_web""#),
            ("billNum", r#""112233""#),
            ("totalFee", "1"),
            ("subject", r#""tea""#),
            ("returnUrl", r#""https://shop.example/back""#),
        ];
        fields.retain(|(name, _)| *name != field);
        if !value.is_empty() {
            fields.push((field, value));
        }
        let members: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    }

    #[test]
    #[rustfmt::skip]
    fn each_field_has_its_rule() {
        check(&with("", ""),                        "ok ali_web 112233 1");
        check(&with("unknown", "[{}]"),             "ok");
        check(&with("extras", r#"{"t":"2"}"#),      "ok");
        check(&with("extras", "null"),              "ok");
        check(&with("qrPayMode", "2"),              "ok");
        check(&with("qrPayMode", r#""2""#),         "ok");
        check(&with("billTimeout", "360"),          "ok");
        check(&with("billTimeout", "1296000"),      "ok");
        check(&with("subject", r#""茶 😀 / = &""#),  "ok");
        check(&with("totalFee", "10000000000"),     "ok ali_web 112233 10000000000");

        check(&with("channel", ""),                 "channel is required");
        check(&with("channel", r#""""#),            "an empty one is AUTOMATIC, which needs a checkout");
        check(&with("channel", r#""ali""#),         "channel must be one of ali_app");
        check(&with("channel", r#""paypal""#),      "found `\"paypal\"`");
        check(&with("channel", "7"),                "channel must be one of");
        check(&with("billNum", ""),                 "billNum is required");
        check(&with("billNum", "null"),             "billNum is required");
        check(&with("billNum", "112233"),           "billNum must be a string of 1 to 64");
        check(&with("billNum", r#""""#),            "billNum must be");
        check(&with("billNum", r#""a\u0000""#),     "billNum must be");
        check(&with("billNum", &format!("{:?}", "x".repeat(64))), "ok");
        check(&with("billNum", &format!("{:?}", "x".repeat(65))), "billNum must be");
        check(&with("totalFee", ""),                "totalFee is required");
        check(&with("totalFee", "0"),               "totalFee must be an integer from 1");
        check(&with("totalFee", "-1"),              "found `-1`");
        check(&with("totalFee", "12.5"),            "found `12.5`");
        check(&with("totalFee", "1.0"),             "found `1.0`");
        check(&with("totalFee", "1e2"),             "found `1e2`");
        check(&with("totalFee", "1e999"),           "found `1e999`");
        check(&with("totalFee", r#""1""#),          "totalFee must be an integer");
        check(&with("totalFee", "10000000001"),     "totalFee must be");
        check(&with("totalFee", "99999999999999999999999"), "totalFee must be");
        check(&with("subject", ""),                 "subject is required");
        check(&with("subject", r#""""#),            "subject must be");
        check(&with("subject", r#""\ud800""#),      "subject must be");
        check(&with("extras", "[]"),                "ok");
        check(&with("extras", "[[]]"),              "extras must be a JSON object");
        check(&with("extras", r#"{"a":"\ud800"}"#), "extras must be a JSON object");
        check(&with("extras", r#"{"\u0000a":1}"#),  "without names that begin with U+0000");
        check(&with("extras", r#"{"a":[{"\u0000":1}]}"#), "without names that begin with U+0000");
        check(&with("extras", r#"{"a\u0000":"\u0000"}"#), "ok");
        check(&with("returnUrl", ""),               "returnUrl is required");
        check(&with("returnUrl", r#""""#),          "returnUrl is required");
        check(&with("returnUrl", r#""javascript:alert(1)""#), "returnUrl must be");
        check(&with("showUrl", r#""""#),            "ok");
        check(&with("openid", r#""""#),             "ok");
        check(&with("clientIp", r#""""#),           "ok");
        check(&with("clientIp", r#""::ffff:203.0.113.8""#), "ok");
        check(&with("clientIp", r#""::ffff:203.0.113""#),   "clientIp must be the payer's IPv4 or IPv6 address");
        check(&with("clientIp", "7"),               "clientIp must be");
        check(&with("showUrl", r#""/goods""#),      "showUrl must be");
        check(&with("billTimeout", "359"),          "billTimeout must be");
        check(&with("billTimeout", "1296001"),      "billTimeout must be");
        check(&with("qrPayMode", "5"),              "qrPayMode must be");
        check("[]",                                 "the body must be one JSON object");
        check("",                                   "the body must be one JSON object");
        check("{\"a\":1}x",                         "the body must be one JSON object");
    }

    #[test]
    fn an_absent_field_is_said_before_a_wrong_one() {
        check(r#"{"channel":"ali_app","billNum":"","totalFee":0}"#, "subject is required");
        check(r#"{"channel":"wx_jsapi","billNum":"1","totalFee":0,"subject":"x"}"#, "openid is required");
        check(r#"{"channel":"paypal","totalFee":0}"#, "channel must be one of");
    }

    #[test]
    fn only_some_channels_need_a_return_url() {
        for channel in Channel::ALL {
            let body = format!(
                r#"{{"channel":"{channel}","billNum":"1","totalFee":1,"subject":"x","openid":"o","clientIp":"::1"}}"#
            );
            assert_eq!(parse(&body).is_err(), channel.needs_return_url(), "{channel}");
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body: Vec<u8>) {
            if let Ok(form) = ChargeForm::parse(&body) {
                let _ = form.read(Channel::WxJsapi);
            }
        }

        #[test]
        fn a_fee_is_taken_iff_it_is_in_bounds(fee: i64) {
            prop_assert_eq!(parse(&with("totalFee", &fee.to_string())).is_ok(), Fen::new(fee).is_ok());
        }

        #[test]
        fn any_subject_without_control_characters_is_taken(subject in "[^\\p{Cc}]{0,255}[^\\p{Cc}\\s]") {
            let json = serde_json::to_string(&subject).unwrap();
            let request = parse(&with("subject", &json)).unwrap();
            prop_assert_eq!(request.subject.as_str(), subject.as_str());
        }
    }
}
