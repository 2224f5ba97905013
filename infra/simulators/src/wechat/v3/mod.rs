//! APIv3: JSON over HTTP with signatures in headers.

mod authorization;
pub(super) mod bill;
mod body;
pub(super) mod message;
mod operations;
mod order;

use self::authorization::Verified;
use http::Method;
use serde_json::{Value, json};

use super::crypto::{random_digits, random_text};
use super::faults::{Fault, STALE_SECONDS};
use super::merchants::{Merchant, PlatformKey, V3Access};
use super::simulator::Simulator;
use crate::kit::answer::Answer;
use crate::kit::crypto::CryptoError;
use crate::kit::fault::{http500, spoil};
use crate::kit::owner::SimulatorError;
use crate::kit::reply::Reply;
use crate::kit::server::Incoming;

pub(super) use self::order::{h5_url, prepay};

/// The only signature scheme, in `Authorization` and in `Wechatpay-Signature-Type`.
pub(super) const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";
const JSON: &str = "application/json; charset=utf-8";

/// An error as WeChat words it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) detail: Option<Value>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), detail: None }
    }

    /// 400 `PARAM_ERROR`; `field` is a JSON pointer, or a header's name.
    pub(super) fn param(field: &str, issue: impl Into<String>) -> Self {
        let issue = issue.into();
        Self {
            detail: Some(json!({ "field": field, "issue": issue, "location": "request" })),
            ..Self::new(400, "PARAM_ERROR", format!("参数错误: {field} {issue}"))
        }
    }
}

/// A verified call.
pub(super) struct Call<'a> {
    pub(super) simulator: &'a Simulator,
    pub(super) merchant: &'a Merchant,
    pub(super) access: &'a V3Access,
    pub(super) request: &'a Incoming,
    pub(super) now: i64,
}

/// An answer that is not an error.
pub(super) struct Done {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
}

impl Done {
    /// 200, with a body.
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body) }
    }
}

/// `…/v3/{path}`.
pub(super) fn answer(simulator: &Simulator, request: &Incoming, path: &[&str]) -> Result<Answer, SimulatorError> {
    let (fault, stage) = simulator.with(|ledger, _| (ledger.faults.pop_front(), ledger.stage));
    if fault == Some(Fault::Http500) {
        return Ok(http500().into());
    }
    let merchants = simulator.merchants();
    let verified = authorization::verify(merchants, request, simulator.now());
    let access = match &verified {
        Ok(verified) => Some(verified.access),
        Err(not_verified) => not_verified.claimed,
    };
    let wish = request.header("Wechatpay-Serial");
    let chosen = merchants.answer_key(access, wish, stage);
    let done = match verified {
        Err(not_verified) => Err(not_verified.refusal),
        Ok(_) if chosen.is_none() => {
            Err(Refusal::param("Wechatpay-Serial", "names no certificate or public key of this merchant"))
        }
        Ok(_) if fault == Some(Fault::SystemError) => Err(Refusal::new(500, "SYSTEM_ERROR", "系统异常，请稍后重试")),
        Ok(_) if fault == Some(Fault::Limited) => Err(Refusal::new(429, "FREQUENCY_LIMITED", "频率超限")),
        Ok(Verified { merchant, access }) => {
            let call = Call { simulator, merchant, access, request, now: simulator.now() };
            perform(&call, path)
        }
    };
    let key =
        chosen.or_else(|| merchants.answer_key(access, None, stage)).unwrap_or_else(|| merchants.active(stage).key());
    let Done { status, body: value } = match done {
        Ok(done) => done,
        Err(refusal) => Done { status: refusal.status, body: Some(error_body(refusal)) },
    };
    let body = value.map(|value| value.to_string()).unwrap_or_default();
    let mut headers = vec![("Request-ID", format!("08{}", random_text::<30>()?))];
    headers.extend(answer_headers(simulator, key, fault, &body)?);
    Ok(Answer { reply: spoil(fault.and_then(Fault::transport), Reply::new(status, JSON, body)), headers })
}

fn error_body(refusal: Refusal) -> Value {
    let mut body = json!({ "code": refusal.code, "message": refusal.message });
    if let (Some(detail), Some(members)) = (refusal.detail, body.as_object_mut()) {
        members.insert("detail".to_owned(), detail);
    }
    body
}

fn perform(call: &Call<'_>, path: &[&str]) -> Result<Done, Refusal> {
    let (get, post) = (call.request.method == Method::GET, call.request.method == Method::POST);
    match path {
        ["pay", "transactions", "out-trade-no", number] if get => operations::query_by_order(call, number),
        ["pay", "transactions", "id", number] if get => operations::query_by_transaction(call, number),
        ["pay", "transactions", "out-trade-no", number, "close"] if post => operations::close(call, number),
        ["pay", "transactions", product] if post => order::place(call, product),
        ["refund", "domestic", "refunds"] if post => operations::refund(call),
        ["refund", "domestic", "refunds", number] if get => operations::query_refund(call, number),
        ["bill", "tradebill"] if get => bill::place(call),
        ["certificates"] if get => operations::certificates(call),
        _ if get || post => Err(Refusal::new(404, "NOT_FOUND", "请求的资源不存在: there is no such path")),
        _ => Err(Refusal::new(405, "METHOD_NOT_ALLOWED", "请求方法不正确")),
    }
}

fn answer_headers(
    simulator: &Simulator,
    key: PlatformKey<'_>,
    fault: Option<Fault>,
    body: &str,
) -> Result<Vec<(&'static str, String)>, CryptoError> {
    let seconds = simulator.now().div_euclid(1_000);
    let (key, seconds) = match fault {
        Some(Fault::Unsigned) => return Ok(Vec::new()),
        Some(Fault::BadSignature) => {
            (PlatformKey { serial: key.serial, signer: &simulator.merchants().other }, seconds)
        }
        Some(Fault::UnknownSerial) => {
            (PlatformKey { serial: UNKNOWN_SERIAL, signer: &simulator.merchants().other }, seconds)
        }
        Some(Fault::Stale) => (key, seconds.saturating_sub(STALE_SECONDS)),
        Some(Fault::Timeout | Fault::Http500 | Fault::Garbage | Fault::Cut | Fault::SystemError | Fault::Limited)
        | None => (key, seconds),
    };
    signature_headers(key, seconds, body)
}

/// A serial that no certificate has.
pub(super) const UNKNOWN_SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A7200000000";

/// The `Wechatpay-*` headers over a body.
pub(super) fn signature_headers(
    key: PlatformKey<'_>,
    seconds: i64,
    body: &str,
) -> Result<Vec<(&'static str, String)>, CryptoError> {
    let nonce = random_text::<32>()?;
    let signature = key.signer.sign(format!("{seconds}\n{nonce}\n{body}\n"))?;
    Ok(vec![
        ("Wechatpay-Timestamp", seconds.to_string()),
        ("Wechatpay-Nonce", nonce),
        ("Wechatpay-Signature", signature),
        ("Wechatpay-Serial", key.serial.to_owned()),
        ("Wechatpay-Signature-Type", SCHEME.to_owned()),
    ])
}

/// A path's variable part, percent-decoded.
fn decoded(text: &str) -> Result<String, Refusal> {
    let refused = || Refusal::param("path", "is not percent-encoded UTF-8");
    percent_encoding::percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| refused())
}

/// Twelve letters, for the IV of AES-GCM.
fn gcm_nonce() -> Result<String, CryptoError> {
    random_text::<12>()
}

/// A wrong APIv3 key.
fn wrong_api_key() -> Result<String, CryptoError> {
    random_digits::<32>()
}
