//! `POST /v3/pay/transactions/{app|jsapi|native|h5}`: an order's parameters, and the payment parameters for it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::crypto::{SignType, random_text};
use super::super::merchants::AppKind;
use super::super::moment::{compact, parse_rfc3339};
use super::super::payers;
use super::super::phone;
use super::super::simulator::Simulator;
use super::super::trade::{Order, Prepay, Product, Rule, Version};
use super::body::{self, optional, text};
use super::{Call, Done, Refusal};
use crate::kit::beijing::{DAY_MS, MINUTE_MS};
use crate::kit::crypto::CryptoError;
use crate::kit::strict::is_plain_address;

/// How far ahead `time_expire` may be.
const EXPIRE_MS_MAX: i64 = 90 * DAY_MS;
/// The most goods in `detail`.
const GOODS_MAX: usize = 6_000;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    appid: String,
    mchid: String,
    description: String,
    out_trade_no: String,
    time_expire: Option<String>,
    attach: Option<String>,
    notify_url: String,
    goods_tag: Option<String>,
    support_fapiao: Option<bool>,
    amount: Amount,
    payer: Option<Payer>,
    scene_info: Option<SceneInfo>,
    detail: Option<Detail>,
    settle_info: Option<SettleInfo>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Amount {
    total: i64,
    currency: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Payer {
    openid: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SceneInfo {
    payer_client_ip: String,
    device_id: Option<String>,
    store_info: Option<StoreInfo>,
    h5_info: Option<H5Info>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct StoreInfo {
    id: String,
    name: Option<String>,
    area_code: Option<String>,
    address: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct H5Info {
    #[serde(rename = "type")]
    kind: String,
    app_name: Option<String>,
    app_url: Option<String>,
    bundle_id: Option<String>,
    package_name: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Detail {
    cost_price: Option<i64>,
    invoice_id: Option<String>,
    goods_detail: Option<Vec<Goods>>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Goods {
    merchant_goods_id: String,
    wechatpay_goods_id: Option<String>,
    goods_name: Option<String>,
    quantity: i64,
    unit_price: i64,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SettleInfo {
    profit_sharing: Option<bool>,
}

pub(super) fn place(call: &Call<'_>, product: &str) -> Result<Done, Refusal> {
    let product = match product {
        "app" => Product::App,
        "jsapi" => Product::Jsapi,
        "native" => Product::Native,
        "h5" => Product::H5,
        _ => return Err(Refusal::new(404, "NOT_FOUND", "请求的资源不存在: no such product")),
    };
    let pay: Pay = body::read(call.request)?;
    let order = order_of(call, &pay, product)?;
    let prepay = prepay(call.now).map_err(|error| Refusal::new(500, "SYSTEM_ERROR", error.to_string()))?;
    call.simulator.with(|ledger, now| ledger.place(order, prepay.clone(), now)).map_err(refusal_of)?;
    let answer = match product {
        Product::App | Product::Jsapi => json!({ "prepay_id": prepay.id }),
        Product::Native => json!({ "code_url": phone::code_url(&prepay) }),
        Product::H5 => json!({ "h5_url": h5_url(call.simulator, &prepay) }),
    };
    Ok(Done::ok(answer))
}

/// New payment parameters for an order.
pub(in super::super) fn prepay(now: i64) -> Result<Prepay, CryptoError> {
    Ok(Prepay {
        id: format!("wx{}{}", compact(now), random_text::<20>()?.to_ascii_lowercase()),
        code: random_text::<9>()?,
        at: now,
    })
}

/// `h5_url` or v2's `mweb_url`. It has a query string, because merchants append `&redirect_url=`.
pub(in super::super) fn h5_url(simulator: &Simulator, prepay: &Prepay) -> String {
    simulator.url(&format!("h5?prepay_id={}&package={}", prepay.id, prepay.code))
}

fn order_of(call: &Call<'_>, pay: &Pay, product: Product) -> Result<Order, Refusal> {
    text("/appid", &pay.appid, 1..=32)?;
    text("/mchid", &pay.mchid, 1..=32)?;
    if pay.mchid != call.merchant.mch_id {
        return Err(Refusal::param("/mchid", "商户号与签名商户不一致: differs from Authorization"));
    }
    owner(call, &pay.appid, product)?;
    text("/description", &pay.description, 1..=127)?;
    out_trade_no("/out_trade_no", &pay.out_trade_no)?;
    optional("/attach", pay.attach.as_deref(), 1..=128)?;
    optional("/goods_tag", pay.goods_tag.as_deref(), 1..=32)?;
    body::notify_url("/notify_url", &pay.notify_url)?;
    let total = body::fen("/amount/total", pay.amount.total)?;
    body::currency("/amount/currency", pay.amount.currency.as_deref())?;
    let time_expire = pay.time_expire.as_deref().map(|text| time_expire(text, call.now)).transpose()?;
    payer(pay, product)?;
    scene(pay, product)?;
    detail(pay)?;
    let mut parameters = serde_json::to_string(pay).map_err(|error| Refusal::param("body", error.to_string()))?;
    parameters.push_str(product.trade_type());
    Ok(Order {
        version: Version::V3,
        mch_id: pay.mchid.clone(),
        app_id: pay.appid.clone(),
        product,
        out_trade_no: pay.out_trade_no.clone(),
        description: pay.description.clone(),
        attach: pay.attach.clone(),
        total,
        notify_url: pay.notify_url.clone(),
        openid: pay.payer.as_ref().map(|payer| payer.openid.clone()),
        time_expire,
        sign_type: SignType::default(),
        parameters,
    })
}

/// The appid must belong to the merchant, and have the product's kind.
fn owner(call: &Call<'_>, app_id: &str, product: Product) -> Result<(), Refusal> {
    let Some(kind) = call.merchant.app(app_id) else {
        return Err(Refusal::new(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配，请检查后再试"));
    };
    match (product, kind) {
        (Product::App, AppKind::Account | AppKind::Lite) => {
            Err(Refusal::new(403, "NO_AUTH", "无权限: APP needs the appid of a mobile application"))
        }
        (Product::Jsapi, AppKind::Mobile) => {
            Err(Refusal::new(403, "NO_AUTH", "无权限: JSAPI needs the appid of a service account or a mini program"))
        }
        (Product::App, AppKind::Mobile)
        | (Product::Jsapi, AppKind::Account | AppKind::Lite)
        | (Product::Native | Product::H5, AppKind::Mobile | AppKind::Account | AppKind::Lite) => Ok(()),
    }
}

pub(super) fn out_trade_no(field: &str, value: &str) -> Result<(), Refusal> {
    text(field, value, 6..=32)?;
    body::charset(field, value, "_-|*")
}

fn time_expire(value: &str, now: i64) -> Result<i64, Refusal> {
    let refused = |why: &str| Refusal::param("/time_expire", why);
    text("/time_expire", value, 1..=64)?;
    let at = parse_rfc3339(value).ok_or_else(|| refused("must be RFC 3339, as 2018-06-08T10:34:56+08:00"))?;
    if at < now.saturating_add(MINUTE_MS) {
        return Err(refused("must be one minute ahead at least"));
    }
    if at > now.saturating_add(EXPIRE_MS_MAX) {
        return Err(refused("must be 90 days ahead at most"));
    }
    Ok(at)
}

fn payer(pay: &Pay, product: Product) -> Result<(), Refusal> {
    match (product, &pay.payer) {
        (Product::Jsapi, None) => Err(Refusal::param("/payer", "is missing: JSAPI needs the payer's openid")),
        (Product::Jsapi, Some(payer)) => {
            text("/payer/openid", &payer.openid, 1..=128)?;
            body::charset("/payer/openid", &payer.openid, "_-")?;
            if payers::is_foreign(&payer.openid, &pay.appid) {
                return Err(Refusal::new(400, "PARAM_ERROR", payers::FOREIGN));
            }
            Ok(())
        }
        (Product::App | Product::Native | Product::H5, Some(_)) => {
            Err(Refusal::param("/payer", "is no member of this product's order"))
        }
        (Product::App | Product::Native | Product::H5, None) => Ok(()),
    }
}

fn scene(pay: &Pay, product: Product) -> Result<(), Refusal> {
    let Some(scene) = &pay.scene_info else {
        return match product {
            Product::H5 => Err(Refusal::param("/scene_info", "is missing: H5 needs payer_client_ip and h5_info")),
            Product::App | Product::Jsapi | Product::Native => Ok(()),
        };
    };
    text("/scene_info/payer_client_ip", &scene.payer_client_ip, 1..=45)?;
    if !is_plain_address(&scene.payer_client_ip) {
        return Err(Refusal::param("/scene_info/payer_client_ip", "must be an IPv4 or a real IPv6 address"));
    }
    optional("/scene_info/device_id", scene.device_id.as_deref(), 1..=32)?;
    if let Some(store) = &scene.store_info {
        text("/scene_info/store_info/id", &store.id, 1..=32)?;
        optional("/scene_info/store_info/name", store.name.as_deref(), 1..=256)?;
        optional("/scene_info/store_info/area_code", store.area_code.as_deref(), 1..=32)?;
        optional("/scene_info/store_info/address", store.address.as_deref(), 1..=512)?;
    }
    match (product, &scene.h5_info) {
        (Product::H5, None) => Err(Refusal::param("/scene_info/h5_info", "is missing")),
        (Product::H5, Some(h5)) => h5_info(h5),
        (Product::App | Product::Jsapi | Product::Native, Some(_)) => {
            Err(Refusal::param("/scene_info/h5_info", "is no member of this product's order"))
        }
        (Product::App | Product::Jsapi | Product::Native, None) => Ok(()),
    }
}

fn h5_info(h5: &H5Info) -> Result<(), Refusal> {
    if !matches!(h5.kind.as_str(), "iOS" | "Android" | "Wap") {
        return Err(Refusal::param("/scene_info/h5_info/type", "must be iOS, Android or Wap"));
    }
    optional("/scene_info/h5_info/app_name", h5.app_name.as_deref(), 1..=64)?;
    optional("/scene_info/h5_info/app_url", h5.app_url.as_deref(), 1..=128)?;
    optional("/scene_info/h5_info/bundle_id", h5.bundle_id.as_deref(), 1..=128)?;
    optional("/scene_info/h5_info/package_name", h5.package_name.as_deref(), 1..=128)
}

fn detail(pay: &Pay) -> Result<(), Refusal> {
    let Some(detail) = &pay.detail else {
        return Ok(());
    };
    optional("/detail/invoice_id", detail.invoice_id.as_deref(), 1..=32)?;
    if detail.cost_price.is_some_and(|price| price < 0) {
        return Err(Refusal::param("/detail/cost_price", "must not be negative"));
    }
    let goods = detail.goods_detail.as_deref().unwrap_or_default();
    if goods.len() > GOODS_MAX {
        return Err(Refusal::param("/detail/goods_detail", format!("must have at most {GOODS_MAX} items")));
    }
    for item in goods {
        text("/detail/goods_detail/merchant_goods_id", &item.merchant_goods_id, 1..=32)?;
        optional("/detail/goods_detail/wechatpay_goods_id", item.wechatpay_goods_id.as_deref(), 1..=32)?;
        optional("/detail/goods_detail/goods_name", item.goods_name.as_deref(), 1..=256)?;
        if item.quantity < 1 || item.unit_price < 0 {
            return Err(Refusal::param("/detail/goods_detail", "quantity must be 1 or more, unit_price 0 or more"));
        }
    }
    Ok(())
}

/// A rule of the order as a v3 error.
pub(super) fn refusal_of(rule: Rule) -> Refusal {
    let (status, code, message) = match rule {
        Rule::NotExist => (404, "ORDER_NOT_EXIST", "订单不存在"),
        Rule::Paid => (400, "ORDERPAID", "该订单已支付"),
        Rule::Closed => (400, "ORDER_CLOSED", "该订单已关闭"),
        Rule::Differs => (400, "INVALID_REQUEST", "请求重入时，参数与首次请求时不一致"),
        Rule::NotPaid => (403, "TRADE_ERROR", "订单未支付，不能退款"),
        Rule::TotalDiffers => (400, "INVALID_REQUEST", "订单金额与原订单不一致: amount.total is not the order's"),
        Rule::RefundExceeds => (400, "INVALID_REQUEST", "申请退款金额大于订单剩余可退金额"),
        Rule::BalanceShort => (403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起"),
        Rule::RefundDiffers => (400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试"),
        Rule::TooManyRefunds => (400, "INVALID_REQUEST", "部分退款次数超限: at most 50 refunds"),
        Rule::RefundTooLate => (400, "INVALID_REQUEST", "订单已超过可退款的最大期限: one year"),
        Rule::RefundSettled => (400, "INVALID_REQUEST", "退款已有结果"),
    };
    Refusal::new(status, code, message)
}
