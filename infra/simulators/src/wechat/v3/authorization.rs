//! The caller of a request: the headers that every v3 request must have, and its signature.

use http::header::{ACCEPT, AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, Method};
use serde_json::json;

use super::super::merchants::{Merchant, Merchants, V3Access};
use super::{Refusal, SCHEME};
use crate::kit::server::Incoming;

/// How far a request's timestamp may be from now, either way.
const SKEW_SECONDS_MAX: i64 = 300;
const NONCE_CHARS_MAX: usize = 32;
/// Unix seconds have ten digits until 2286; thirteen are milliseconds, a common mistake.
const TIMESTAMP_DIGITS: usize = 10;
/// A longer signed text is not shown in the refusal.
const SHOWN_CHARS_MAX: usize = 120;

/// The items of the Authorization header.
struct Items<'a> {
    mchid: &'a str,
    serial_no: &'a str,
    nonce_str: &'a str,
    timestamp: &'a str,
    signature: &'a str,
}

/// Who calls, by a signature that is right.
pub(super) struct Verified<'a> {
    pub(super) merchant: &'a Merchant,
    pub(super) access: &'a V3Access,
}

/// Why a request is not accepted as its caller's.
pub(super) struct NotVerified<'a> {
    /// The caller it claims to be, whose key then signs the answer.
    pub(super) claimed: Option<&'a V3Access>,
    pub(super) refusal: Refusal,
}

impl From<Refusal> for NotVerified<'_> {
    fn from(refusal: Refusal) -> Self {
        Self { claimed: None, refusal }
    }
}

/// Verifies headers and signature.
pub(super) fn verify<'a>(
    merchants: &'a Merchants,
    request: &Incoming,
    now: i64,
) -> Result<Verified<'a>, NotVerified<'a>> {
    headers(request)?;
    let items = items(&request.headers)?;
    let known = merchants.find(items.mchid).and_then(|merchant| Some((merchant, merchant.v3()?)));
    let Some((merchant, access)) = known else {
        return Err(unsigned("mchid", "商户号不存在: no such merchant with APIv3").into());
    };
    check(access, &items, request, now).map_err(|refusal| NotVerified { claimed: Some(access), refusal })?;
    Ok(Verified { merchant, access })
}

/// 401 `SIGN_ERROR` about an item of the header.
fn unsigned(item: &str, why: &str) -> Refusal {
    Refusal {
        detail: Some(json!({ "field": item, "issue": why, "location": "authorization" })),
        ..Refusal::new(401, "SIGN_ERROR", format!("Http头Authorization值格式错误: {item}: {why}"))
    }
}

fn headers(request: &Incoming) -> Result<(), Refusal> {
    let accept = request.header(ACCEPT.as_str()).unwrap_or_default();
    let takes_json = accept.split(',').any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json") || kind == "*/*"
    });
    if !takes_json {
        return Err(Refusal::param("Accept", "must be application/json: Http头缺少Accept或User-Agent"));
    }
    if request.header(USER_AGENT.as_str()).is_none_or(|agent| agent.trim().is_empty()) {
        return Err(Refusal::param("User-Agent", "is missing: Http头缺少Accept或User-Agent"));
    }
    if request.method == Method::POST && request.content_type() != "application/json" {
        return Err(Refusal::param("Content-Type", "must be application/json"));
    }
    Ok(())
}

fn items(headers: &HeaderMap) -> Result<Items<'_>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(unsigned("Authorization", "must be given once"));
    };
    let text = value.to_str().map_err(|_| unsigned("Authorization", "is not ASCII"))?;
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    if scheme != SCHEME {
        return Err(unsigned("scheme", "认证类型不正确: must be WECHATPAY2-SHA256-RSA2048"));
    }
    let (mut mchid, mut serial_no, mut nonce_str, mut timestamp, mut signature) = (None, None, None, None, None);
    for item in rest.split(',') {
        let (name, quoted) = item.split_once('=').ok_or_else(|| unsigned("Authorization", "has an item without ="))?;
        let value = quoted
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .filter(|value| !value.is_empty() && !value.contains('"'))
            .ok_or_else(|| unsigned(name, "must be a text in double quotes"))?;
        let place = match name {
            "mchid" => &mut mchid,
            "serial_no" => &mut serial_no,
            "nonce_str" => &mut nonce_str,
            "timestamp" => &mut timestamp,
            "signature" => &mut signature,
            _ => return Err(unsigned(name, "is no item of this scheme")),
        };
        if place.replace(value).is_some() {
            return Err(unsigned(name, "is given twice"));
        }
    }
    let missing = |name: &'static str| move || unsigned(name, "is missing");
    Ok(Items {
        mchid: mchid.ok_or_else(missing("mchid"))?,
        serial_no: serial_no.ok_or_else(missing("serial_no"))?,
        nonce_str: nonce_str.ok_or_else(missing("nonce_str"))?,
        timestamp: timestamp.ok_or_else(missing("timestamp"))?,
        signature: signature.ok_or_else(missing("signature"))?,
    })
}

fn check(access: &V3Access, items: &Items<'_>, request: &Incoming, now: i64) -> Result<(), Refusal> {
    if items.serial_no != access.serial {
        return Err(unsigned("serial_no", "商户证书序列号有误: not the serial of this merchant's certificate"));
    }
    if items.nonce_str.chars().count() > NONCE_CHARS_MAX {
        return Err(unsigned("nonce_str", "has more than 32 characters"));
    }
    let digits = items.timestamp.len() == TIMESTAMP_DIGITS && items.timestamp.bytes().all(|b| b.is_ascii_digit());
    let Some(seconds) = items.timestamp.parse::<i64>().ok().filter(|_| digits) else {
        return Err(unsigned("timestamp", "must be Unix seconds, ten digits"));
    };
    if now.div_euclid(1_000).abs_diff(seconds) > SKEW_SECONDS_MAX.unsigned_abs() {
        return Err(unsigned("timestamp", "与发起请求的时间不得超过5分钟: more than 300 s from now"));
    }
    let Ok(body) = std::str::from_utf8(&request.body) else {
        return Err(Refusal::param("body", "is not UTF-8"));
    };
    let (method, target) = (&request.method, &request.target);
    let signed = format!("{method}\n{target}\n{}\n{}\n{body}\n", items.timestamp, items.nonce_str);
    if access.key.verify(&signed, items.signature) {
        return Ok(());
    }
    let shown: String = signed.chars().take(SHOWN_CHARS_MAX).collect();
    Err(Refusal {
        detail: Some(json!({
            "field": "signature",
            "location": "authorization",
            "detail": { "issue": "sign not match" },
            "sign_information": {
                "method": method.as_str(),
                "url": target,
                "truncated_sign_message": shown,
                "sign_message_length": signed.len(),
            },
        })),
        ..Refusal::new(401, "SIGN_ERROR", "错误的签名，验签失败")
    })
}
