//! `POST /2.0/maxpay/checkout`, parsed at the door.

use std::time::Duration;

use crate::{
    BillNum, Channel, CheckoutLocale, Extras, Fen, RequestError, Subject, WebUrl,
    fields::{Fields, integer, is_empty_list, is_empty_text, shortened, text},
};

/// A checkout to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutRequest {
    /// Which bill.
    pub bill: BillNum,
    /// The amount.
    pub fee: Fen,
    /// What is bought.
    pub subject: Subject,
    /// The merchant's own data.
    pub extras: Option<Extras>,
    /// Where the payer goes afterwards.
    pub return_url: WebUrl,
    /// Where a payer goes who leaves without paying.
    pub cancel_url: Option<WebUrl>,
    /// For how long it can be paid.
    pub time_to_live: Duration,
    /// The language of the page.
    pub locale: Option<CheckoutLocale>,
}

/// A provider takes an order of at least one minute; a payer needs some.
const SECONDS_MIN: u64 = 300;
const SECONDS_MAX: u64 = 24 * 3600;
const SECONDS_DEFAULT: u64 = 2 * 3600;

/// The body whose fields are not read yet. The channels are read first, as a charge reads its channel first.
#[derive(Debug)]
pub struct CheckoutForm<'a>(Fields<'a>);

impl<'a> CheckoutForm<'a> {
    /// # Errors
    /// [`RequestError::NotAnObject`].
    pub fn parse(body: &'a [u8]) -> Result<Self, RequestError> {
        Fields::parse(body).map(Self)
    }

    /// The channels that may be offered. No list, or an empty one, allows all.
    ///
    /// # Errors
    /// [`RequestError::ChannelUnknown`] and [`RequestError::Invalid`].
    pub fn channels(&self) -> Result<Vec<Channel>, RequestError> {
        let Some(raw) = self.0.raw("channels") else { return Ok(Vec::new()) };
        let invalid = || RequestError::Invalid {
            field: "channels",
            expected: "a list of at most 20 names of channels",
            found: shortened(raw),
        };
        let names: Vec<String> = serde_json::from_str(raw).map_err(|_| invalid())?;
        if names.len() > 20 {
            return Err(invalid());
        }
        let unknown = |name: &String| RequestError::ChannelUnknown {
            field: "channels",
            expected: Channel::names(),
            found: name.chars().take(64).collect(),
        };
        names.iter().map(|name| Channel::find(name).ok_or_else(|| unknown(name))).collect()
    }

    /// Reads the other fields. Empty texts, and PHP's empty list for `extras`, count as absent.
    ///
    /// # Errors
    /// [`RequestError::Missing`] goes before [`RequestError::Invalid`].
    pub fn read(self) -> Result<CheckoutRequest, RequestError> {
        let mut fields = self.0;
        fields.forget_if("extras", is_empty_list);
        for field in ["returnUrl", "cancelUrl", "locale"] {
            fields.forget_if(field, is_empty_text);
        }
        let read_url = |raw| WebUrl::parse(&text(raw)?).filter(|url| !has_result(url));
        let bill = fields.required("billNum", BillNum::EXPECTED, |raw| BillNum::parse(&text(raw)?).ok());
        let fee =
            fields.required("totalFee", "an integer from 1 to 10000000000, in fen", |raw| Fen::new(integer(raw)?).ok());
        let subject = fields.required("subject", Subject::EXPECTED, |raw| Subject::parse(&text(raw)?));
        let extras = fields.optional("extras", Extras::EXPECTED, Extras::parse);
        let return_url = fields.required("returnUrl", ADDRESS_EXPECTED, read_url);
        let cancel_url = fields.optional("cancelUrl", ADDRESS_EXPECTED, read_url);
        let seconds = fields.optional("expiresIn", "an integer from 300 to 86400, in seconds", |raw| {
            u64::try_from(integer(raw)?).ok().filter(|seconds| (SECONDS_MIN..=SECONDS_MAX).contains(seconds))
        });
        let locale = fields.optional("locale", "zh-CN or en", |raw| CheckoutLocale::find(&text(raw)?));
        match (fields.problem(), bill, fee, subject, return_url) {
            (None, Some(bill), Some(fee), Some(subject), Some(return_url)) => Ok(CheckoutRequest {
                bill,
                fee,
                subject,
                extras,
                return_url,
                cancel_url,
                time_to_live: Duration::from_secs(seconds.unwrap_or(SECONDS_DEFAULT)),
                locale,
            }),
            (Some(problem), ..) => Err(problem),
            // Cannot happen: a required field that could not be read was noted as a problem before.
            (None, ..) => Err(RequestError::NotAnObject { reason: "a required field could not be read".to_owned() }),
        }
    }
}

const ADDRESS_EXPECTED: &str = "an http or https URL of at most 256 characters, percent-encoded, without a parameter whose name begins with maxpay_";

/// Whether an address has parameters that are named like those of a result, which are added to it. Readers of queries differ: some divide at `;`,
/// too, some pass over white space, brackets or a second `?` before a name, PHP takes `.`, white space and `[` for `_`, and ASP.NET reads names in
/// any case and takes `%u006d` for `m`.
fn has_result(url: &WebUrl) -> bool {
    let address = url.as_str().split('#').next().unwrap_or_default();
    let Some((_, query)) = address.split_once('?') else { return false };
    if query.contains("%u") {
        return true;
    }
    let parameters = query.split([';', '&']).flat_map(|part| form_urlencoded::parse(part.as_bytes()));
    let is_result = |name: &str| {
        let name = name.trim_start_matches(|c: char| c.is_whitespace() || ['[', ']', '?'].contains(&c)).to_lowercase();
        name.strip_prefix("maxpay")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || ['_', '.', '['].contains(&c)))
    };
    parameters.into_iter().any(|(name, _)| is_result(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(field: &str, value: &str, expect: &str) {
        let mut members = vec![
            ("billNum", r#""112233""#),
            ("totalFee", "1"),
            ("subject", r#""tea""#),
            ("returnUrl", r#""https://shop.example/back""#),
        ];
        members.retain(|(name, _)| *name != field);
        if !value.is_empty() {
            members.push((field, value));
        }
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let body = format!("{{{}}}", members.join(","));
        let form = CheckoutForm::parse(body.as_bytes()).unwrap();
        let found = match form.channels().and_then(|channels| Ok((channels.len(), form.read()?))) {
            Ok((channels, request)) => format!("ok {channels} {}", request.time_to_live.as_secs()),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expect), "{body}\n  found {found}\n  expected {expect}");
    }

    #[test]
    #[rustfmt::skip]
    fn each_field_has_its_rule() {
        check("", "",                                  "ok 0 7200");
        check("expiresIn", "300",                      "ok 0 300");
        check("expiresIn", "86400",                    "ok 0 86400");
        check("expiresIn", "299",                      "expiresIn must be");
        check("expiresIn", "86401",                    "expiresIn must be");
        check("channels", r#"["ali_wap","wx_jsapi"]"#, "ok 2");
        check("channels", "[]",                        "ok 0");
        check("channels", r#"["paypal"]"#,             "channels must be one of");
        check("channels", r#"["ali"]"#,                "channels must be one of");
        check("channels", r#""ali_wap""#,              "channels must be a list");
        check("locale", r#""en""#,                     "ok");
        check("locale", r#""fr""#,                     "locale must be zh-CN or en");
        check("cancelUrl", r#""""#,                    "ok");
        check("cancelUrl", r#""javascript:x""#,        "cancelUrl must be");
        check("returnUrl", r#""""#,                    "returnUrl is required");
        check("returnUrl", r#""https://a.example/maxpay_x?a=maxpay_b""#, "ok");
        check("returnUrl", r#""https://a.example/?maxpay_status=success""#, "begins with maxpay_");
        check("cancelUrl", r#""https://a.example/?a=b&maxpay_id=1""#, "begins with maxpay_");
        check("cancelUrl", r#""https://a.example/?%6Daxpay_id=1""#, "begins with maxpay_");
        check("returnUrl", r#""https://a.example/?a=1;%6daxpay_id=1""#, "begins with maxpay_");
        for name in ["+maxpay_id", "maxpay.id", "maxpay+id", "maxpay%20id", "maxpay[id", "%5Bmaxpay_id%5D", "%5b%5dmaxpay_id", "?maxpay_id", "MaxPay_ID", "%u006daxpay_id"] {
            check("returnUrl", &format!(r#""https://a.example/?{name}=1""#), "begins with maxpay_");
        }
        check("returnUrl", r#""https://a.example/?maxpayid=1&my_maxpay_id=2""#, "ok");
        check("cancelUrl", r#""https://a.example/?a=?maxpay_b#?maxpay_c""#, "ok");
        check("billNum", "",                           "billNum is required");
        check("totalFee", "0",                         "totalFee must be");
        check("subject", r#"" ""#,                     "subject must be");
        check("extras", "[]",                          "ok");
    }
}
