//! The legacy API: flat XML, signed with a shared key by MD5 or HMAC-SHA256.

mod bill;
pub(super) mod message;
mod operations;
mod order;
pub(super) mod sign;
mod xml;

use http::Method;

use super::crypto::{SignType, random_text};
use super::faults::Fault;
use super::merchants::Merchant;
use super::simulator::Simulator;
use super::trade::Rule;
use crate::kit::fault::{http500, spoil};
use crate::kit::form::Params;
use crate::kit::owner::SimulatorError;
use crate::kit::reply::{Reply, XML};
use crate::kit::server::Incoming;
use crate::kit::strict::odd_sign;

const NONCE_CHARS_MAX: usize = 32;

/// `result_code` FAIL: the call was understood and refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) words: String,
}

impl Refusal {
    fn param(name: &str, why: &str) -> Self {
        Self { code: "PARAM_ERROR", words: format!("参数错误: {name} {why}") }
    }
}

impl From<Rule> for Refusal {
    fn from(rule: Rule) -> Self {
        let (code, words) = match rule {
            Rule::NotExist => ("ORDERNOTEXIST", "订单不存在"),
            Rule::Paid => ("ORDERPAID", "该订单已支付"),
            Rule::Closed => ("ORDERCLOSED", "订单已关闭"),
            Rule::Differs => ("INVALID_REQUEST", "201 商户订单号重复"),
            Rule::NotPaid => ("TRADE_STATE_ERROR", "订单状态错误"),
            Rule::TotalDiffers => ("PARAM_ERROR", "订单金额与原订单不一致"),
            Rule::BalanceShort => ("NOTENOUGH", "余额不足"),
            Rule::RefundExceeds => ("REFUND_FEE_INVALID", "累计退款金额大于支付金额"),
            Rule::RefundDiffers => ("REFUND_FEE_MISMATCH", "订单金额或退款金额与之前请求不一致，请核实后再试"),
            Rule::TooManyRefunds => ("REFUND_COUNT_EXCEEDED", "部分退款次数超限"),
            Rule::RefundTooLate => ("TRADE_OVERDUE", "订单已经超过退款期限"),
            Rule::RefundSettled => ("INVALID_REQUEST", "退款已有结果"),
        };
        Self { code, words: words.to_owned() }
    }
}

/// A verified call.
struct Call<'a> {
    simulator: &'a Simulator,
    merchant: &'a Merchant,
    key: &'a str,
    params: Params,
    sign_type: SignType,
    now: i64,
}

impl Call<'_> {
    /// A parameter with a value; an empty element counts as absent.
    fn value(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A required parameter of at most `to` bytes.
    fn required(&self, name: &str, to: usize) -> Result<&str, Refusal> {
        self.optional(name, to)?.ok_or_else(|| Refusal::param(name, "is missing"))
    }

    fn optional(&self, name: &str, to: usize) -> Result<Option<&str>, Refusal> {
        match self.value(name) {
            // WeChat's own words: "输入源“/body/xml/body”映射到值字段“商品描述”字符串规则校验失败，字节数 200，大于最大值 128".
            Some(value) if value.len() > to => {
                Err(Refusal::param(name, &format!("字符串规则校验失败，字节数 {}，大于最大值 {to}", value.len())))
            }
            Some(value) if odd_sign(value).is_some() => {
                Err(Refusal::param(name, "字符串规则校验失败: is not one line"))
            }
            value => Ok(value),
        }
    }
}

/// `POST /pay/{call}` and `POST /secapi/pay/refund`.
pub(super) fn answer(simulator: &Simulator, request: &Incoming, call: &str) -> Result<Reply, SimulatorError> {
    let fault = simulator.with(|ledger, _| ledger.faults.pop_front());
    if fault == Some(Fault::Http500) {
        return Ok(http500());
    }
    let verified = match verify(simulator, request) {
        Ok(verified) => verified,
        Err(why) => return Ok(spoil(fault.and_then(Fault::transport), failed(&why))),
    };
    if call == "downloadbill" {
        return Ok(spoil(fault.and_then(Fault::transport), bill::download(&verified)));
    }
    let done = match fault {
        Some(Fault::SystemError) => Err(Refusal { code: "SYSTEMERROR", words: "系统错误".to_owned() }),
        Some(Fault::Limited) => Err(Refusal { code: "FREQUENCY_LIMITED", words: "频率限制".to_owned() }),
        Some(
            Fault::Timeout
            | Fault::Http500
            | Fault::Garbage
            | Fault::Unsigned
            | Fault::BadSignature
            | Fault::UnknownSerial
            | Fault::Stale
            | Fault::Cut,
        )
        | None => perform(&verified, call),
    };
    let mut answer = done.unwrap_or_else(|refusal| {
        Params::from([
            ("result_code".to_owned(), "FAIL".to_owned()),
            ("err_code".to_owned(), refusal.code.to_owned()),
            ("err_code_des".to_owned(), refusal.words),
        ])
    });
    answer.entry("result_code".to_owned()).or_insert_with(|| "SUCCESS".to_owned());
    let common = [
        ("return_code", "SUCCESS"),
        ("return_msg", "OK"),
        ("appid", verified.value("appid").unwrap_or_default()),
        ("mch_id", &verified.merchant.mch_id),
    ];
    answer.extend(common.map(|(name, value)| (name.to_owned(), value.to_owned())));
    answer.insert("nonce_str".to_owned(), random_text::<32>()?);
    let key = match fault {
        Some(Fault::BadSignature | Fault::UnknownSerial) => random_text::<32>()?,
        _ => verified.key.to_owned(),
    };
    if fault != Some(Fault::Unsigned) {
        answer.insert("sign".to_owned(), sign::sign(&answer, &key, verified.sign_type));
    }
    Ok(spoil(fault.and_then(Fault::transport), Reply::new(200, XML, xml::write(&answer))))
}

/// `return_code` FAIL: the call was not understood. Such answers are not signed, as at WeChat.
fn failed(why: &str) -> Reply {
    let answer =
        Params::from([("return_code".to_owned(), "FAIL".to_owned()), ("return_msg".to_owned(), why.to_owned())]);
    Reply::new(200, XML, xml::write(&answer))
}

fn verify<'a>(simulator: &'a Simulator, request: &Incoming) -> Result<Call<'a>, String> {
    if request.method != Method::POST {
        return Err("REQUIRE_POST_METHOD".to_owned());
    }
    let params = xml::read(&request.body).map_err(|error| format!("XML格式错误: {error}"))?;
    let mch_id = params.get("mch_id").ok_or("缺少参数: mch_id")?;
    let known = simulator.merchants().find(mch_id).and_then(|merchant| Some((merchant, merchant.v2_key()?)));
    let (merchant, key) = known.ok_or("mch_id不存在: no such merchant with v2")?;
    let sign_type = match params.get("sign_type").map(String::as_str) {
        None | Some("") => SignType::Md5,
        Some(word) => SignType::parse(word).ok_or("签名类型错误: sign_type must be MD5 or HMAC-SHA256")?,
    };
    if !sign::verify(&params, key, sign_type) {
        return Err("签名错误".to_owned());
    }
    match params.get("nonce_str").map(|nonce| nonce.chars().count()) {
        Some(1..=NONCE_CHARS_MAX) => {}
        _ => return Err("nonce_str must have 1 to 32 characters".to_owned()),
    }
    Ok(Call { simulator, merchant, key, params, sign_type, now: simulator.now() })
}

fn perform(call: &Call<'_>, name: &str) -> Result<Params, Refusal> {
    let app_id = call.required("appid", 32)?;
    if call.merchant.app(app_id).is_none() {
        return Err(Refusal { code: "APPID_MCHID_NOT_MATCH", words: "appid和mch_id不匹配".to_owned() });
    }
    match name {
        "unifiedorder" => order::place(call),
        "orderquery" => operations::query(call),
        "closeorder" => operations::close(call),
        "refund" => operations::refund(call),
        "refundquery" => operations::query_refund(call),
        _ => Err(Refusal { code: "INVALID_REQUEST", words: "there is no such call".to_owned() }),
    }
}
