//! Payment orders: `biz_content` of app, page, WAP and QR payments.

use super::super::merchants::OpenApp;
use super::super::trade::{Order, Patience, Protocol, Rule};
use super::biz::{Biz, Limit, invalid};
use super::common::{is_url, url};
use super::{Refusal, business};
use crate::kit::beijing::{DAY_MS, HOUR_MS, MINUTE_MS, parse_minutes, parse_seconds};
use crate::kit::form::Params;

/// Upper end of `timeout_express`.
const TIMEOUT_MS_MAX: i64 = 15 * DAY_MS;
/// Characters the documents forbid in a subject.
const SUBJECT_FORBIDDEN: [char; 3] = ['/', '=', '&'];
const QUIT_URL_CHARS_MAX: usize = 400;

/// A product: its method, the product codes that it accepts, and whether one is required.
struct Product {
    method: &'static str,
    codes: &'static [&'static str],
    required: bool,
}

/// `QUICK_WAP_PAY` is the spelling of the old documents; some SDKs still send it.
const PRODUCTS: &[Product] = &[
    Product { method: APP, codes: &["QUICK_MSECURITY_PAY"], required: false },
    Product { method: PAGE, codes: &["FAST_INSTANT_TRADE_PAY"], required: true },
    Product { method: WAP, codes: &["QUICK_WAP_WAY", "QUICK_WAP_PAY"], required: true },
    Product { method: PRECREATE, codes: &["FACE_TO_FACE_PAYMENT", "QR_CODE_OFFLINE"], required: false },
];

pub(super) const APP: &str = "alipay.trade.app.pay";
pub(super) const PAGE: &str = "alipay.trade.page.pay";
pub(super) const WAP: &str = "alipay.trade.wap.pay";
pub(super) const PRECREATE: &str = "alipay.trade.precreate";

/// The order in a verified request.
pub(super) fn read(app: &OpenApp, params: &Params, now: i64) -> Result<Order, Refusal> {
    let method = params.get("method").map(String::as_str).unwrap_or_default();
    let biz = Biz::read(params)?;
    check_product(method, &biz)?;
    let subject = biz.required("subject", Limit(256))?;
    if subject.contains(SUBJECT_FORBIDDEN) {
        return Err(invalid("subject", "must not hold / = or &"));
    }
    let seller_id = biz.filled("seller_id", Limit(28))?;
    if seller_id.is_some_and(|seller| seller != app.seller_id) {
        return Err(invalid("seller_id", "is not an account of this application's owner"));
    }
    check_choice(&biz, "goods_type", &["0", "1"])?;
    check_choice(&biz, "qr_pay_mode", &["0", "1", "2", "3", "4"])?;
    Ok(Order {
        protocol: Protocol::Openapi,
        merchant: app.app_id.clone(),
        method: method.to_owned(),
        seller_id: app.seller_id.clone(),
        out_trade_no: biz.out_trade_no()?.ok_or_else(|| invalid("out_trade_no", "is missing"))?,
        subject,
        body: biz.text("body", Limit(128))?,
        total: biz.amount("total_amount")?,
        patience: patience(&biz, now)?,
        notify_url: url(params, "notify_url")?,
        return_url: url(params, "return_url")?,
        quit_url: quit_url(&biz)?,
        passback_params: passback_params(&biz)?,
        sign_type: "RSA2".to_owned(),
    })
}

/// A refusal by a trade's rules, in the open platform's words.
pub(super) fn refusal_of(rule: Rule) -> Refusal {
    let (sub_code, sub_msg) = match rule {
        Rule::NotExist => ("ACQ.TRADE_NOT_EXIST", "交易不存在"),
        Rule::HasSuccess => ("ACQ.TRADE_HAS_SUCCESS", "交易已被支付"),
        Rule::HasClosed => ("ACQ.TRADE_HAS_CLOSE", "交易已经关闭"),
        Rule::HasFinished => ("ACQ.TRADE_HAS_FINISHED", "交易已完结"),
        Rule::Differs => ("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改: same out_trade_no, other amount or subject"),
        Rule::Expired => ("ACQ.INVALID_PARAMETER", "参数无效: time_expire has passed"),
        Rule::NotWaiting => ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法: only an unpaid trade can be closed"),
        Rule::NotPaid => ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法: the trade was not paid"),
        Rule::RefundExceeds => ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限"),
        Rule::BalanceShort => ("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足"),
        Rule::RefundDiffers => {
            ("ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息不一致: same out_request_no, other refund_amount")
        }
        Rule::RequestNoMissing => {
            ("ACQ.INVALID_PARAMETER", "参数无效: out_request_no is required for a partial refund")
        }
        Rule::CancelTooLate => ("ACQ.TRADE_CANCEL_TIME_OUT", "超过撤销时间范围"),
    };
    business(sub_code, sub_msg)
}

fn check_product(method: &str, biz: &Biz) -> Result<(), Refusal> {
    let Some(product) = PRODUCTS.iter().find(|product| product.method == method) else {
        return Err(invalid("method", "is no payment"));
    };
    match biz.filled("product_code", Limit(64))? {
        None if product.required => Err(invalid("product_code", "is missing")),
        None => Ok(()),
        Some(code) if product.codes.contains(&code.as_str()) => Ok(()),
        Some(code) => Err(business(
            "ACQ.ACCESS_FORBIDDEN",
            format!("无权限使用接口: product_code {code} does not belong to {method}"),
        )),
    }
}

fn check_choice(biz: &Biz, name: &str, choices: &[&str]) -> Result<(), Refusal> {
    match biz.filled(name, Limit(2))? {
        Some(choice) if !choices.contains(&choice.as_str()) => {
            Err(invalid(name, &format!("must be one of {choices:?}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// `time_expire` wins over `timeout_express`.
fn patience(biz: &Biz, now: i64) -> Result<Patience, Refusal> {
    let relative = biz.filled("timeout_express", Limit(6))?.map(|text| timeout_express(&text)).transpose()?;
    let Some(text) = biz.filled("time_expire", Limit(32))? else {
        return Ok(relative.unwrap_or_default());
    };
    let at = parse_seconds(&text)
        .or_else(|| parse_minutes(&text))
        .ok_or_else(|| invalid("time_expire", "must be yyyy-MM-dd HH:mm:ss in Beijing time"))?;
    if at <= now {
        return Err(invalid("time_expire", "has passed"));
    }
    Ok(Patience::Until(at))
}

/// `1m` to `15d` in whole minutes, hours or days; `1c` is the end of the day.
pub(in super::super) fn timeout_express(text: &str) -> Result<Patience, Refusal> {
    let refused = || invalid("timeout_express", "must be 1m to 15d, or 1c");
    if text == "1c" {
        return Ok(Patience::Today);
    }
    let (number, unit) = [('m', MINUTE_MS), ('h', HOUR_MS), ('d', DAY_MS)]
        .into_iter()
        .find_map(|(letter, unit)| Some((text.strip_suffix(letter)?, unit)))
        .ok_or_else(refused)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused());
    }
    let ms = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(refused)?;
    if (MINUTE_MS..=TIMEOUT_MS_MAX).contains(&ms) { Ok(Patience::For(ms)) } else { Err(refused()) }
}

fn quit_url(biz: &Biz) -> Result<Option<String>, Refusal> {
    match biz.filled("quit_url", Limit(QUIT_URL_CHARS_MAX))? {
        Some(url) if !is_url(&url, QUIT_URL_CHARS_MAX) => Err(invalid("quit_url", "must be an http or https URL")),
        url => Ok(url),
    }
}

/// The merchant must URL-encode it before it goes into the JSON. Otherwise Alipay would return it damaged.
fn passback_params(biz: &Biz) -> Result<Option<String>, Refusal> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()%+".contains(&byte);
    match biz.text("passback_params", Limit(512))? {
        Some(text) if !text.bytes().all(plain) => Err(invalid("passback_params", "must be URL-encoded")),
        text => Ok(text),
    }
}
