//! A merchant's message: its fields, its signature, and the order in it.
//!
//! The tables are the field table of the protocol description (section 3.2), row by row.

use serde::{Deserialize, Serialize};

use super::codes::{self, Refusal};
use super::merchants::{Merchant, Registry};
use super::moment::parse_compact;
use super::signing::{content, filtered};
use super::transaction::{Fen, Order};
use crate::kit::beijing::MINUTE_MS;
use crate::kit::form::Params;
use crate::kit::strict::{is_plain_address, odd_sign};

/// How far `txnTime` may be from now, either way. UnionPay only says that it must be the current time. Five minutes allow for a
/// wrong clock and a slow browser, but not for a stored order.
pub(super) const TXN_TIME_TOLERANCE_MS: i64 = 5 * MINUTE_MS;
/// `ANS1..256`.
const URL_CHARS_MAX: usize = 256;

/// The messages a merchant sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Call {
    Web,
    App,
    Query,
    /// A query by `queryId`, which is `txnSubType` 02.
    QueryByNumber,
    Refund,
    Void,
}

impl Call {
    /// The cell of a table row for this call.
    fn cell<T: Copy>(self, row: &[T; 6]) -> T {
        let [web, app, query, number, refund, void] = *row;
        match self {
            Self::Web => web,
            Self::App => app,
            Self::Query => query,
            Self::QueryByNumber => number,
            Self::Refund => refund,
            Self::Void => void,
        }
    }

    pub(super) fn txn_type(self) -> &'static str {
        self.cell(&["01", "01", "00", "00", "04", "31"])
    }

    pub(super) fn txn_sub_type(self) -> &'static str {
        self.cell(&["01", "01", "00", "02", "00", "00"])
    }
}

/// Whether a field is mandatory, optional, or not part of the message. Fields of the last kind are ignored, although they are
/// signed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    M,
    O,
    N,
}

use Need::{M, N, O};

type Words = &'static [&'static str];

/// The format of a value.
#[derive(Clone, Copy)]
enum Shape {
    /// One of these words; the list depends on the call.
    Words([Words; 6]),
    Encoding,
    Digits(usize),
    /// Letters and digits, between two lengths.
    AlphaNumeric(usize, usize),
    Time,
    Amount,
    Url,
    /// One line of at most so many bytes.
    Text(usize),
    /// Text for the payer: "最大32字节,可送字母、数字、空格、符号(包括-_.空格中英文括号)和中文(字符集u4e00-u9fa5)".
    Shown(usize),
    /// A value that UnionPay returns as sent: base64, or a text without the characters that "可能影响解析": `&={}[]"'`.
    Returned(usize),
    Address,
}

type Row = (&'static str, [Need; 6], Shape);

const fn same(words: Words) -> Shape {
    Shape::Words([words; 6])
}

/// Checked before the signature.
#[rustfmt::skip]
const ENVELOPE: &[Row] = &[
    ("version",    [M; 6], same(&["5.1.0"])),
    ("encoding",   [M; 6], Shape::Encoding),
    ("signMethod", [M; 6], same(&["01"])),
    ("certId",     [M; 6], Shape::Digits(128)),
    ("merId",      [M; 6], Shape::AlphaNumeric(15, 15)),
    ("signature",  [M; 6], Shape::Text(1024)),
];

/// Checked after it.
#[rustfmt::skip]
const FIELDS: &[Row] = &[
    // name           web app qry num rfd void
    ("txnType",      [M,  M,  M,  M,  M,  M], Shape::Words([&["01"], &["01"], &["00"], &["00"], &["04"], &["31"]])),
    ("txnSubType",   [M,  M,  M,  M,  M,  M], Shape::Words([&["01"], &["01"], &["00"], &["02"], &["00"], &["00"]])),
    ("bizType",      [M,  M,  M,  M,  M,  M], Shape::Words([BIZ, BIZ, QUERY_BIZ, QUERY_BIZ, BIZ, BIZ])),
    ("channelType",  [M,  M,  N,  N,  M,  M], Shape::Words([&["07"], &["08"], &[], &[], &["07", "08"], &["07", "08"]])),
    ("accessType",   [M,  M,  M,  M,  M,  M], same(&["0"])),
    ("orderId",      [M,  M,  M,  N,  M,  M], Shape::AlphaNumeric(8, 40)),
    ("txnTime",      [M,  M,  M,  N,  M,  M], Shape::Time),
    ("queryId",      [N,  N,  N,  M,  N,  N], Shape::AlphaNumeric(21, 21)),
    ("txnAmt",       [M,  M,  N,  N,  M,  M], Shape::Amount),
    ("currencyCode", [M,  M,  N,  N,  O,  O], same(&["156"])),
    ("backUrl",      [M,  M,  N,  N,  M,  M], Shape::Url),
    ("frontUrl",     [M,  O,  N,  N,  N,  N], Shape::Url),
    ("frontFailUrl", [O,  O,  N,  N,  N,  N], Shape::Url),
    ("origQryId",    [N,  N,  N,  N,  M,  M], Shape::AlphaNumeric(21, 21)),
    ("payTimeout",   [O,  O,  N,  N,  N,  N], Shape::Time),
    ("orderDesc",    [O,  O,  N,  N,  N,  N], Shape::Shown(32)),
    ("customerIp",   [O,  O,  N,  N,  N,  N], Shape::Address),
    ("reqReserved",  [O,  O,  O,  O,  O,  O], Shape::Returned(1024)),
    ("encryptCertId",[O,  O,  O,  O,  O,  O], Shape::Digits(128)),
];

const BIZ: Words = &["000201"];
const QUERY_BIZ: Words = &["000201", "000000"];

impl Shape {
    fn fits(self, call: Call, value: &str) -> bool {
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        match self {
            Self::Words(words) => call.cell(&words).contains(&value),
            Self::Encoding => value.eq_ignore_ascii_case("UTF-8"),
            Self::Digits(max) => digits && value.len() <= max,
            Self::AlphaNumeric(min, max) => {
                (min..=max).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
            }
            Self::Time => parse_compact(value).is_some(),
            Self::Amount => Fen::parse(value).is_some(),
            Self::Url => is_url(value),
            Self::Text(max) => value.len() <= max && odd_sign(value).is_none(),
            Self::Shown(max) => {
                let is_shown = |sign: char| match sign {
                    '-' | '_' | '.' | ' ' | '(' | ')' | '（' | '）' | '\u{4e00}'..='\u{9fa5}' => true,
                    other => other.is_ascii_alphanumeric(),
                };
                value.len() <= max && value.chars().all(is_shown)
            }
            Self::Returned(max) => {
                let unpadded = value.trim_end_matches('=');
                let is_plain = !unpadded.contains(['&', '=', '{', '}', '[', ']', '"', '\'']);
                value.len() <= max && odd_sign(value).is_none() && is_plain
            }
            Self::Address => is_plain_address(value),
        }
    }

    /// For people. It must not contain characters with a meaning in `k=v&k=v`.
    fn rule(self, call: Call) -> String {
        match self {
            Self::Words(words) => format!("must be {} here", call.cell(&words).join(" or ")),
            Self::Encoding => "must be UTF-8".to_owned(),
            Self::Digits(max) => format!("must be 1 to {max} digits"),
            Self::AlphaNumeric(min, max) if min == max => format!("must be {max} letters and digits"),
            Self::AlphaNumeric(min, max) => format!("must be {min} to {max} letters and digits"),
            Self::Time => "must be a time of fourteen digits, yyyyMMddHHmmss".to_owned(),
            Self::Amount => "must be whole fen, 1 to 12 digits without leading zeros".to_owned(),
            Self::Url => format!("must be a full http or https URL of at most {URL_CHARS_MAX} characters without ~"),
            Self::Text(max) => format!("must be one line of at most {max} bytes"),
            Self::Shown(max) => {
                format!(
                    "must have at most {max} bytes: letters, digits, blanks, - _ . and brackets, Chinese characters"
                )
            }
            Self::Returned(max) => format!("must have at most {max} bytes and no signs of its own format"),
            Self::Address => "must be an IPv4 or a real IPv6 address".to_owned(),
        }
    }
}

/// A message with a right signature and right fields.
pub(super) struct Message<'a> {
    pub(super) call: Call,
    pub(super) merchant: &'a Merchant,
    params: Params,
}

/// Checked after the signature of a call for files.
const FILE_FIELDS: &[Row] = &[
    ("txnType", [M; 6], same(&["76"])),
    ("txnSubType", [M; 6], same(&["01"])),
    ("bizType", [M; 6], same(&["000000"])),
    ("accessType", [M; 6], same(&["0"])),
    ("fileType", [M; 6], same(&["00"])),
    ("settleDate", [M; 6], Shape::Digits(4)),
    ("txnTime", [M; 6], Shape::Time),
];

/// A call for the files of a settlement day, with a right signature and right fields.
pub(super) struct FileCall {
    pub(super) mer_id: String,
    /// `MMDD`
    pub(super) settle_date: String,
}

/// The same for a call for files.
pub(super) fn verify_file(registry: &Registry, params: Params, now: i64) -> Result<FileCall, Refusal> {
    // Each row is the same for every call.
    let message = verify_rows(registry, Call::Query, FILE_FIELDS, params)?;
    let settle_date = message.text("settleDate");
    let is_day = settle_date.len() == 4 && parse_compact(&format!("2028{settle_date}000000")).is_some();
    if !is_day {
        return Err(Refusal::new(codes::FORMAT, "settleDate must be a day, MMDD"));
    }
    message.at_now(now)?;
    Ok(FileCall { mer_id: message.merchant.mer_id.clone(), settle_date })
}

/// Checks the envelope, the signature, then the fields. `params` are as they came, with their blanks.
pub(super) fn verify(registry: &Registry, call: Call, params: Params) -> Result<Message<'_>, Refusal> {
    verify_rows(registry, call, FIELDS, params)
}

fn verify_rows<'a>(registry: &'a Registry, call: Call, rows: &[Row], params: Params) -> Result<Message<'a>, Refusal> {
    let params = filtered(params);
    check(ENVELOPE, call, &params)?;
    let value = |name: &str| params.get(name).map(String::as_str).unwrap_or_default();
    let merchant = registry
        .merchant(value("merId"))
        .ok_or_else(|| Refusal::new(codes::MERCHANT, "no merchant of this merId is registered"))?;
    if !merchant.signed(&content(&params), value("certId"), value("signature")) {
        return Err(Refusal::new(codes::SIGNATURE, ""));
    }
    check(rows, call, &params)?;
    Ok(Message { call, merchant, params })
}

fn check(rows: &[Row], call: Call, params: &Params) -> Result<(), Refusal> {
    for (name, need, shape) in rows {
        match (call.cell(need), params.get(*name)) {
            (N, _) | (O, None) => {}
            (M, None) => return Err(Refusal::new(codes::MISSING, format!("{name} is missing"))),
            (M | O, Some(value)) if !shape.fits(call, value) => {
                return Err(Refusal::new(codes::FORMAT, format!("{name} {}", shape.rule(call))));
            }
            (M | O, Some(_)) => {}
        }
    }
    Ok(())
}

impl Message<'_> {
    /// A field that the tables guarantee.
    pub(super) fn text(&self, name: &str) -> String {
        self.params.get(name).cloned().unwrap_or_default()
    }

    /// Refuses a `txnTime` that is not the current time.
    fn at_now(&self, now: i64) -> Result<(), Refusal> {
        let wrong = |name: &str| Refusal::new(codes::FORMAT, format!("{name} cannot be used"));
        let at = parse_compact(&self.text("txnTime")).ok_or_else(|| wrong("txnTime"))?;
        if now.saturating_sub(at).saturating_abs() > TXN_TIME_TOLERANCE_MS {
            let why = "txnTime must be the current time in Beijing, give or take five minutes";
            return Err(Refusal::new(codes::OUT_OF_TIME, why));
        }
        Ok(())
    }

    /// The order of a payment, refund or void.
    pub(super) fn order(&self, now: i64) -> Result<Order, Refusal> {
        let wrong = |name: &str| Refusal::new(codes::FORMAT, format!("{name} cannot be used"));
        self.at_now(now)?;
        let payment = matches!(self.call, Call::Web | Call::App);
        let pay_timeout = self.params.get("payTimeout").filter(|_| payment).and_then(|text| parse_compact(text));
        if pay_timeout.is_some_and(|until| until <= now) {
            return Err(Refusal::new(codes::FORMAT, "payTimeout has passed already"));
        }
        let optional = |name: &str| self.params.get(name).filter(|_| payment).cloned();
        Ok(Order {
            call: self.call,
            mer_id: self.merchant.mer_id.clone(),
            order_id: self.text("orderId"),
            txn_time: self.text("txnTime"),
            amount: Fen::parse(&self.text("txnAmt")).ok_or_else(|| wrong("txnAmt"))?,
            back_url: self.text("backUrl"),
            front_url: optional("frontUrl"),
            front_fail_url: optional("frontFailUrl"),
            order_desc: optional("orderDesc"),
            req_reserved: self.params.get("reqReserved").cloned(),
            orig_qry_id: self.params.get("origQryId").filter(|_| !payment).cloned(),
            pay_timeout,
        })
    }
}

/// An absolute http or https URL of visible ASCII with a host.
fn is_url(url: &str) -> bool {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    url.len() <= URL_CHARS_MAX
        && url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'~')
        && host.is_some_and(|rest| rest.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'['))
}
