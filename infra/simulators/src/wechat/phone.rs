//! The buyer's phone: what the WeChat app checks before it shows the cashier.
//!
//! `POST /simulator/wechat/pay` accepts the client parameters of a charge's answer, as a JSON body, as form fields, or pasted as
//! JSON into the form field `params`. A `weixin://` code may be pasted in the same way, or sent as `codeUrl`. Members that the
//! client does not know (`code`, `msg`, `id`) are ignored. Success is a redirect (303) to the cashier. A refusal is 400, as a page,
//! or as JSON if JSON was sent.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::crypto::random_text;
use super::merchants::{Merchant, Merchants};
use super::page;
use super::registered::host_of;
use super::simulator::Simulator;
use super::trade::{H5_URL_MS, Order, PREPAY_MS, Prepay, Product, State, Ticket, Trade, Version};
use super::v2::sign;
use crate::kit::crypto::CryptoError;
use crate::kit::form::{self, Params};
use crate::kit::owner::SimulatorError;
use crate::kit::reply::Reply;
use crate::kit::server::Incoming;

const CODE_URL: &str = "weixin://wxpay/bizpayurl?pr=";
const APP_PACKAGE: &str = "Sign=WXPay";
const NONCE_CHARS_MAX: usize = 32;
const TIMESTAMP_DIGITS: usize = 10;

/// Why the phone does not open the cashier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) code: &'static str,
    pub(super) why: String,
}

fn refused<T>(code: &'static str, why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { code, why: why.into() })
}

/// Client parameters by name, all as texts.
pub(super) type Fields = BTreeMap<String, String>;

/// The input of the phone.
pub(super) enum Given {
    Scan(String),
    App(Fields),
    Jsapi(Fields),
}

/// The content of a QR code.
pub(super) fn code_url(prepay: &Prepay) -> String {
    format!("{CODE_URL}{}", prepay.code)
}

/// `GET /simulator/wechat/pay`.
pub(super) fn show() -> Reply {
    Reply::html(200, page::phone())
}

/// `POST /simulator/wechat/pay`.
pub(super) fn submit(simulator: &Simulator, request: &Incoming) -> Result<Reply, SimulatorError> {
    let json = request.content_type() == "application/json";
    let opened = given(request).and_then(|given| accepted(simulator, &given));
    match opened {
        Ok(number) => admit(simulator, &number, None),
        Err(refused) if json => Ok(Reply::json(400, &json!({ "code": refused.code, "message": refused.why }))),
        Err(refused) => Ok(Reply::html(400, page::refused(refused.code, &refused.why))),
    }
}

/// `GET /simulator/wechat/h5`: the buyer's browser follows `h5_url`.
pub(super) fn h5(simulator: &Simulator, request: &Incoming) -> Result<Reply, SimulatorError> {
    match h5_browser(simulator, request).and_then(|()| h5_order(simulator, request.query())) {
        Ok((number, redirect_url)) => admit(simulator, &number, redirect_url),
        Err(refused) => Ok(Reply::html(400, page::refused(refused.code, &refused.why))),
    }
}

fn admit(simulator: &Simulator, number: &str, redirect_url: Option<String>) -> Result<Reply, SimulatorError> {
    let ticket = ticket(simulator, number, redirect_url)?;
    Ok(Reply::redirect(303, simulator.url(&format!("cashier/{ticket}"))))
}

/// A new ticket to the cashier.
pub(super) fn ticket(simulator: &Simulator, number: &str, redirect_url: Option<String>) -> Result<String, CryptoError> {
    let id = format!("{number}-{}", random_text::<16>()?);
    simulator.with(|ledger, _| {
        if let Some(trade) = ledger.orders.get_mut(number) {
            trade.admit(Ticket { id: id.clone(), redirect_url });
        }
    });
    Ok(id)
}

fn given(request: &Incoming) -> Result<Given, Refused> {
    let Ok(body) = std::str::from_utf8(&request.body) else {
        return refused("INVALID_FORM", "the body is not UTF-8");
    };
    if request.content_type() == "application/json" {
        return classified(members(body)?);
    }
    let params: Params = match form::merge("", body, None) {
        Ok(params) => params,
        Err(error) => return refused("INVALID_FORM", error.to_string()),
    };
    match params.get("params").map(|text| text.trim()) {
        Some(text) if text.starts_with("weixin://") => Ok(Given::Scan(text.to_owned())),
        Some(text) => classified(members(text)?),
        None => classified(params.into_iter().map(|(name, value)| (name, Value::String(value))).collect()),
    }
}

fn members(text: &str) -> Result<BTreeMap<String, Value>, Refused> {
    serde_json::from_str(text)
        .or_else(|error| refused("INVALID_FORM", format!("neither a weixin:// code nor a JSON object: {error}")))
}

/// Distinguishes the products by members that only one of them has.
pub(super) fn classified(mut members: BTreeMap<String, Value>) -> Result<Given, Refused> {
    for (name, long) in [("packageValue", "package"), ("code_url", "codeUrl")] {
        // Android's SDK and WeChat's own answer use other names for the same value.
        if let Some(value) = members.remove(name) {
            members.entry(long.to_owned()).or_insert(value);
        }
    }
    let names: &[&str] = if members.contains_key("codeUrl") {
        &["codeUrl"]
    } else if members.contains_key("paySign") {
        &["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"]
    } else {
        &["appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"]
    };
    let mut fields = Fields::new();
    for name in names {
        match members.remove(*name) {
            Some(Value::String(value)) if !value.is_empty() => fields.insert((*name).to_owned(), value),
            Some(_) => return refused("INVALID_PARAMETER", format!("{name} must be a text with a value")),
            None => return refused("MISSING_PARAMETER", format!("{name} is missing")),
        };
    }
    Ok(match fields.remove("codeUrl") {
        Some(code) => Given::Scan(code),
        None if fields.contains_key("paySign") => Given::Jsapi(fields),
        None => Given::App(fields),
    })
}

/// The number of the order, if it may be paid.
pub(super) fn accepted(simulator: &Simulator, given: &Given) -> Result<String, Refused> {
    let merchants = simulator.merchants();
    simulator.with(|ledger, now| {
        let (trade, prepay) = match given {
            Given::Scan(url) => {
                let code = url.strip_prefix(CODE_URL).unwrap_or_default();
                let found = ledger.orders.find(|trade| {
                    trade.order.product == Product::Native && trade.prepays.iter().any(|prepay| prepay.code == code)
                });
                handle(found, |prepay| prepay.code == code, "code_url")?
            }
            Given::App(fields) => {
                let id = value(fields, "prepayid");
                let (trade, prepay) =
                    by_prepay_id(ledger.orders.find(|trade| has_prepay(trade, id)), id, Product::App)?;
                app(merchants, &trade.order, fields)?;
                (trade, prepay)
            }
            Given::Jsapi(fields) => {
                let Some(id) = value(fields, "package").strip_prefix("prepay_id=") else {
                    return refused("INVALID_PARAMETER", "package must be prepay_id=…");
                };
                let (trade, prepay) =
                    by_prepay_id(ledger.orders.find(|trade| has_prepay(trade, id)), id, Product::Jsapi)?;
                jsapi(merchants, &trade.order, fields)?;
                (trade, prepay)
            }
        };
        payable(trade, prepay, now, PREPAY_MS)?;
        Ok(trade.number.clone())
    })
}

fn has_prepay(trade: &Trade, id: &str) -> bool {
    trade.prepays.iter().any(|prepay| prepay.id == id)
}

fn by_prepay_id<'a>(found: Option<&'a Trade>, id: &str, product: Product) -> Result<(&'a Trade, &'a Prepay), Refused> {
    let (trade, prepay) = handle(found, |prepay| prepay.id == id, "prepay_id")?;
    if trade.order.product != product {
        let (is, wanted) = (trade.order.product.trade_type(), product.trade_type());
        return refused("TRADE_TYPE_ERROR", format!("this prepay_id was made for {is}, not for {wanted}"));
    }
    Ok((trade, prepay))
}

fn handle<'a>(
    found: Option<&'a Trade>,
    fits: impl Fn(&Prepay) -> bool,
    what: &str,
) -> Result<(&'a Trade, &'a Prepay), Refused> {
    let pair = found.and_then(|trade| Some((trade, trade.prepays.iter().find(|prepay| fits(prepay))?)));
    pair.map_or_else(|| refused("PREPAY_NOT_EXIST", format!("WeChat never gave out this {what}")), Ok)
}

fn payable(trade: &Trade, prepay: &Prepay, now: i64, life: i64) -> Result<(), Refused> {
    match trade.state {
        State::Success | State::Refund => refused("ORDERPAID", "订单已支付: the order is paid"),
        State::Closed => refused("ORDER_CLOSED", "订单已关闭: the order is closed"),
        State::NotPay | State::PayError if now.saturating_sub(prepay.at) > life => {
            refused("PREPAY_EXPIRED", "prepay_id已过期: order again with the same parameters for a fresh one")
        }
        State::NotPay | State::PayError => Ok(()),
    }
}

fn value<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map(String::as_str).unwrap_or_default()
}

/// A value must be the same in the parameters and in the order.
fn equal(name: &str, found: &str, expect: &str) -> Result<(), Refused> {
    if found == expect {
        return Ok(());
    }
    refused("INVALID_PARAMETER", format!("{name} must be `{expect}`, found `{found}`"))
}

fn nonce_and_time(nonce: &str, timestamp: &str) -> Result<(), Refused> {
    if nonce.chars().count() > NONCE_CHARS_MAX {
        return refused("INVALID_PARAMETER", "the nonce has more than 32 characters");
    }
    if timestamp.len() != TIMESTAMP_DIGITS || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return refused("INVALID_PARAMETER", "the timestamp must be Unix seconds, ten digits");
    }
    Ok(())
}

fn app(merchants: &Merchants, order: &Order, fields: &Fields) -> Result<(), Refused> {
    equal("appid", value(fields, "appid"), &order.app_id)?;
    equal("partnerid", value(fields, "partnerid"), &order.mch_id)?;
    equal("package", value(fields, "package"), APP_PACKAGE)?;
    nonce_and_time(value(fields, "noncestr"), value(fields, "timestamp"))?;
    let lines = ["appid", "timestamp", "noncestr", "prepayid"];
    signature(merchants, order, fields, &lines, "sign")
}

fn jsapi(merchants: &Merchants, order: &Order, fields: &Fields) -> Result<(), Refused> {
    equal("appId", value(fields, "appId"), &order.app_id)?;
    let sign_type = match order.version {
        Version::V3 => "RSA",
        Version::V2 => order.sign_type.word(),
    };
    equal("signType", value(fields, "signType"), sign_type)?;
    nonce_and_time(value(fields, "nonceStr"), value(fields, "timeStamp"))?;
    let lines = ["appId", "timeStamp", "nonceStr", "package"];
    signature(merchants, order, fields, &lines, "paySign")
}

/// The second signature: v3 signs four lines with the merchant's private key, v2 all parameters with the shared key.
fn signature(merchants: &Merchants, order: &Order, fields: &Fields, lines: &[&str], name: &str) -> Result<(), Refused> {
    let given = value(fields, name);
    let merchant = merchants.find(&order.mch_id);
    let (right, signed) = match order.version {
        Version::V3 => {
            let access = merchant.and_then(Merchant::v3);
            let content: String = lines.iter().map(|line| format!("{}\n", value(fields, line))).collect();
            (access.is_some_and(|access| access.key.verify(&content, given)), content)
        }
        Version::V2 => {
            let key = merchant.and_then(Merchant::v2_key);
            let mut params: Params = fields.clone();
            params.remove(name);
            let signed = sign::content(&params, "…");
            params.insert("sign".to_owned(), given.to_owned());
            (key.is_some_and(|key| sign::verify(&params, key, order.sign_type)), signed)
        }
    };
    if right {
        return Ok(());
    }
    refused("SIGN_ERROR", format!("支付验证签名失败: {name} is not the merchant's signature of\n{signed}"))
}

/// WeChat opens from other browsers only, and from pages of the registered domain.
fn h5_browser(simulator: &Simulator, request: &Incoming) -> Result<(), Refused> {
    if request.header("user-agent").unwrap_or_default().contains("MicroMessenger") {
        return refused("INSIDE_WECHAT", "请在微信外打开订单，进行支付: inside WeChat use JSAPI");
    }
    let Some(domain) = simulator.with(|ledger, _| ledger.registered.h5_domain.clone()) else { return Ok(()) };
    match request.header("referer").and_then(host_of) {
        Some(host) if host == domain => Ok(()),
        Some(host) => {
            refused("REFERER", format!("商家存在未配置的参数，请联系商家解决: {host} is not the registered {domain}"))
        }
        None => refused("REFERER", "商家参数格式有误，请联系商家解决: the page sent no Referer"),
    }
}

fn h5_order(simulator: &Simulator, query: &str) -> Result<(String, Option<String>), Refused> {
    let params = match form::merge(query, "", None) {
        Ok(params) => params,
        Err(error) => return refused("INVALID_FORM", error.to_string()),
    };
    let (id, code) = (value(&params, "prepay_id"), value(&params, "package"));
    let redirect_url = params.get("redirect_url").cloned();
    if redirect_url.as_ref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
        return refused("INVALID_PARAMETER", "redirect_url must be a percent-encoded http or https address");
    }
    simulator.with(|ledger, now| {
        let (trade, prepay) = by_prepay_id(ledger.orders.find(|trade| has_prepay(trade, id)), id, Product::H5)?;
        if prepay.code != code {
            return refused("INVALID_PARAMETER", "package does not belong to this prepay_id");
        }
        payable(trade, prepay, now, H5_URL_MS)?;
        Ok((trade.number.clone(), redirect_url))
    })
}
