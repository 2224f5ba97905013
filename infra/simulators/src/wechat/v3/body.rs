//! JSON bodies, parsed as strictly as WeChat does, and the rules that several members share.

use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::fen::Fen;
use super::Refusal;
use crate::kit::server::Incoming;
use crate::kit::strict::odd_sign;

/// Ten digits.
const FEN_MAX: i64 = 9_999_999_999;
/// How many levels of nesting are checked. The parser's own limit refuses a deeper body first.
const DEPTH_MAX: usize = 128;

/// Reads a body. Refuses unknown, duplicate and `null` members, and numbers that are not integers.
pub(super) fn read<T: DeserializeOwned>(request: &Incoming) -> Result<T, Refusal> {
    let loose: Value = serde_json::from_slice(&request.body)
        .map_err(|error| Refusal::param("body", format!("is not JSON: {error}")))?;
    if let Some(field) = null_member(&loose, String::new(), 0) {
        return Err(Refusal::param(&field, "is null; leave it out"));
    }
    serde_json::from_slice(&request.body).map_err(|error| Refusal::param("body", error.to_string()))
}

fn null_member(value: &Value, at: String, depth: usize) -> Option<String> {
    if depth > DEPTH_MAX {
        return Some(at);
    }
    match value {
        Value::Null => Some(at),
        Value::Object(members) => {
            members.iter().find_map(|(name, value)| null_member(value, format!("{at}/{name}"), depth + 1))
        }
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, value)| null_member(value, format!("{at}/{index}"), depth + 1))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// A text of `from..=to` bytes on one line. WeChat's validator counts bytes. Its refusals show this: "字节数 203，大于最大值 128" for an
/// `attach`, and a `value` of 135 for a `description` of 69 characters.
pub(super) fn text(field: &str, value: &str, lengths: RangeInclusive<usize>) -> Result<(), Refusal> {
    if let Some(sign) = odd_sign(value) {
        return Err(Refusal::param(field, format!("字符串规则校验失败: holds {sign:?}")));
    }
    let bytes = value.len();
    let why = if bytes > *lengths.end() {
        format!("大于最大值 {}", lengths.end())
    } else if bytes < *lengths.start() {
        format!("小于最小值 {}", lengths.start())
    } else {
        return Ok(());
    };
    let mut refusal = Refusal::param(field, format!("字符串规则校验失败，字节数 {bytes}，{why}"));
    if let Some(detail) = refusal.detail.as_mut().and_then(Value::as_object_mut) {
        detail.insert("value".to_owned(), bytes.into());
    }
    Err(refusal)
}

/// As [`text`], but it may be absent.
pub(super) fn optional(field: &str, value: Option<&str>, lengths: RangeInclusive<usize>) -> Result<(), Refusal> {
    value.map_or(Ok(()), |value| text(field, value, lengths))
}

/// Letters, digits and the characters in `more`.
pub(super) fn charset(field: &str, value: &str, more: &str) -> Result<(), Refusal> {
    match value.chars().find(|sign| !sign.is_ascii_alphanumeric() && !more.contains(*sign)) {
        None => Ok(()),
        Some(sign) => Err(Refusal::param(field, format!("must be letters, digits and {more}, found `{sign}`"))),
    }
}

/// An amount of at most ten digits: "“标价金额”字符串规则校验失败，字节数11，大于最大值10".
pub(super) fn fen(field: &str, value: i64) -> Result<Fen, Refusal> {
    if value > FEN_MAX {
        return Err(Refusal::param(field, format!("must be at most {FEN_MAX} fen, found {value}")));
    }
    Fen::new(value).ok_or_else(|| Refusal::param(field, format!("must be 1 fen or more, found {value}")))
}

/// `CNY` or absent.
pub(super) fn currency(field: &str, value: Option<&str>) -> Result<(), Refusal> {
    match value {
        None | Some("CNY") => Ok(()),
        Some(other) => Err(Refusal::param(field, format!("must be CNY, found `{other}`"))),
    }
}

/// A notify address: https, or http on this machine; no query, no fragment, no user.
pub(super) fn notify_url(field: &str, value: &str) -> Result<(), Refusal> {
    text(field, value, 1..=255)?;
    let refused = |why: &str| Err(Refusal::param(field, why));
    let Ok(url) = value.parse::<http::Uri>() else {
        return refused("is not a URL");
    };
    if value.contains(['?', '#']) {
        return refused("通知地址不能携带参数: must have no query");
    }
    // The expression in WeChat's own refusal does not allow them: `^https?://(…)([^\s/?#\@:]+)(?::\d{2,5})?([^\s?#\[\]]*)$`.
    if value.contains(['[', ']']) {
        return refused("字符串必须匹配正则表达式: must have no brackets");
    }
    let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return refused("must be absolute");
    };
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return refused("must name a host and no user");
    }
    match scheme {
        "https" => Ok(()),
        "http" if is_loopback(authority.host()) => Ok(()),
        _ => refused("must be https (http only on the own machine)"),
    }
}

/// `localhost` or 127.0.0.0/8.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
