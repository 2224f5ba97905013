//! Payment orders of the legacy gateway, from a browser or as the quoted string of a phone.

use super::super::merchants::{MapiPartner, Merchants};
use super::super::openapi::{is_url, message::seller_email, timeout_express};
use super::super::trade::{Order, Patience, Protocol, Rule};
use super::super::yuan::Fen;
use super::{MapiRefusal, illegal_argument, refuse};
use crate::kit::form::{Params, decode, start_of};
use crate::kit::strict::{gb18030_bytes, odd_sign};

pub(super) const PAGE: &str = "create_direct_pay_by_user";
pub(super) const WAP: &str = "alipay.wap.create.direct.pay.by.user";
pub(super) const APP: &str = "mobile.securitypay.pay";

const URL_CHARS_MAX: usize = 200;
/// "String(190)" in its documents.
const NOTIFY_URL_CHARS_MAX: usize = 190;
/// As the open platform's.
const SUBJECT_FORBIDDEN: [char; 3] = ['/', '=', '&'];

/// The order in verified parameters.
pub(super) fn read(partner: &MapiPartner, params: &Params) -> Result<Order, MapiRefusal> {
    let service = required(params, "service", 100)?;
    if required(params, "payment_type", 4)? != "1" {
        return Err(illegal_argument("payment_type", "must be 1"));
    }
    check_seller(partner, params)?;
    let fee = required(params, "total_fee", 20)?;
    let subject = required(params, "subject", 256)?;
    if subject.contains(SUBJECT_FORBIDDEN) {
        return Err(illegal_argument("subject", "must not hold / = or &"));
    }
    if optional(params, "exter_invoke_ip", 15)?.is_some_and(|ip| ip.parse::<std::net::Ipv4Addr>().is_err()) {
        return Err(illegal_argument("exter_invoke_ip", "must be an IPv4 address"));
    }
    Ok(Order {
        protocol: Protocol::Mapi,
        merchant: partner.partner.clone(),
        method: service.to_owned(),
        seller_id: partner.partner.clone(),
        out_trade_no: required(params, "out_trade_no", 64)?.to_owned(),
        subject: subject.to_owned(),
        body: optional(params, "body", 400)?.map(str::to_owned),
        total: Fen::parse_yuan(fee)
            .ok_or_else(|| illegal_argument("total_fee", "must be yuan from 0.01 with at most two decimals"))?,
        patience: match optional(params, "it_b_pay", 20)? {
            None => Patience::Default,
            Some(text) => {
                timeout_express(text).map_err(|_| illegal_argument("it_b_pay", "must be 1m to 15d, or 1c"))?
            }
        },
        notify_url: url(params, "notify_url", NOTIFY_URL_CHARS_MAX)?,
        return_url: url(params, "return_url", URL_CHARS_MAX)?,
        quit_url: url(params, "show_url", URL_CHARS_MAX)?.filter(|_| service == WAP),
        passback_params: None,
        sign_type: params.get("sign_type").cloned().unwrap_or_default(),
    })
}

/// A parameter with a value. 256 means "at most 128 Chinese characters": bytes of GB18030.
pub(super) fn optional<'a>(params: &'a Params, name: &str, bytes_max: usize) -> Result<Option<&'a str>, MapiRefusal> {
    match params.get(name).map(String::as_str).filter(|value| !value.is_empty()) {
        Some(value) if gb18030_bytes(value) > bytes_max => {
            Err(illegal_argument(name, &format!("is longer than {bytes_max} bytes")))
        }
        Some(value) if odd_sign(value).is_some() => Err(illegal_argument(name, "is not one line of characters")),
        value => Ok(value),
    }
}

pub(super) fn required<'a>(params: &'a Params, name: &str, bytes_max: usize) -> Result<&'a str, MapiRefusal> {
    optional(params, name, bytes_max)?.ok_or_else(|| illegal_argument(name, "is missing"))
}

/// A refusal by a trade's rules, in the legacy gateway's words.
pub(super) fn refusal_of(rule: Rule) -> MapiRefusal {
    let error = match rule {
        Rule::NotExist => "TRADE_NOT_EXIST",
        Rule::HasSuccess | Rule::HasFinished => "TRADE_HAS_SUCCESS",
        Rule::HasClosed | Rule::Expired => "TRADE_HAS_CLOSE",
        Rule::Differs => "CONTEXT_INCONSISTENT",
        Rule::NotWaiting | Rule::NotPaid | Rule::CancelTooLate => "TRADE_STATUS_NOT_AVAILD",
        Rule::RefundExceeds | Rule::RefundDiffers | Rule::RequestNoMissing => "REFUND_AMOUNT_NOT_EQUAL_TOTAL",
        Rule::BalanceShort => "SELLER_BALANCE_NOT_ENOUGH",
    };
    refuse(error, "")
}

/// Reads and verifies `key="value"&…&sign="…"&sign_type="RSA"`. The signature covers exactly the text before `&sign=`.
pub(super) fn read_string(merchants: &Merchants, text: &str) -> Result<Order, MapiRefusal> {
    let (content, tail) =
        text.split_once("&sign=\"").ok_or_else(|| refuse("ILLEGAL_SIGN", "the string must end with &sign=\"…\""))?;
    let sign = tail
        .strip_suffix("\"&sign_type=\"RSA\"")
        .ok_or_else(|| refuse("ILLEGAL_SIGN_TYPE", "the string must end with &sign_type=\"RSA\""))?;
    if sign.bytes().any(|byte| !(byte.is_ascii_alphanumeric() || b"%-_.".contains(&byte))) {
        return Err(refuse("ILLEGAL_SIGN", "the signature inside sign=\"…\" must be percent-encoded"));
    }
    let sign = decode(sign).map_err(|error| refuse("ILLEGAL_SIGN", error.to_string()))?;
    let mut params = quoted_pairs(content)?;
    let partner = params
        .get("partner")
        .and_then(|partner| merchants.partner(partner))
        .ok_or_else(|| refuse("ILLEGAL_PARTNER", "unknown partner"))?;
    if !partner.merchant_key.verify(content, &sign) {
        return Err(refuse("ILLEGAL_SIGN", format!("verified content: {content}")));
    }
    if params.get("service").map(String::as_str) != Some(APP) {
        return Err(refuse("ILLEGAL_SERVICE", format!("service must be {APP}")));
    }
    if !params.get("_input_charset").is_some_and(|charset| charset.eq_ignore_ascii_case("utf-8")) {
        return Err(refuse("ILLEGAL_CHARSET", "_input_charset must be utf-8"));
    }
    params.insert("sign_type".to_owned(), "RSA".to_owned());
    read(partner, &params)
}

fn quoted_pairs(content: &str) -> Result<Params, MapiRefusal> {
    let mut params = Params::new();
    let mut rest = content;
    // Each round removes one pair; the body limit bounds their number.
    while !rest.is_empty() {
        let odd = || illegal_argument(&start_of(rest), "must be name=\"value\"");
        let (name, after) = rest.split_once("=\"").ok_or_else(odd)?;
        let (value, after) = after.split_once('"').ok_or_else(odd)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(odd());
        }
        if params.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(illegal_argument(name, "is given twice"));
        }
        rest = match after.strip_prefix('&') {
            Some(next) if !next.is_empty() => next,
            None if after.is_empty() => after,
            Some(_) | None => return Err(odd()),
        };
    }
    Ok(params)
}

fn check_seller(partner: &MapiPartner, params: &Params) -> Result<(), MapiRefusal> {
    let email = seller_email(&partner.partner);
    let named = [optional(params, "seller_id", 100)?, optional(params, "seller_email", 100)?];
    if named.iter().all(Option::is_none) {
        return Err(illegal_argument("seller_id", "or seller_email is missing"));
    }
    if named.into_iter().flatten().all(|seller| seller == partner.partner || seller == email) {
        Ok(())
    } else {
        Err(refuse("ILLEGAL_USER", "the seller is not the partner's account"))
    }
}

fn url(params: &Params, name: &str, chars_max: usize) -> Result<Option<String>, MapiRefusal> {
    match optional(params, name, chars_max)? {
        Some(url) if !is_url(url, chars_max) => Err(illegal_argument(name, "must be an http or https URL")),
        url => Ok(url.map(str::to_owned)),
    }
}
