//! `unifiedorder`.

use super::super::crypto::SignType;
use super::super::fen::Fen;
use super::super::merchants::AppKind;
use super::super::moment::parse_compact;
use super::super::trade::{Order, Product, Version};
use super::super::{payers, phone, v3};
use super::{Call, Refusal};
use crate::kit::beijing::MINUTE_MS;
use crate::kit::form::Params;
use crate::kit::strict::is_plain_address;

/// Parameters that may differ when an order is sent again.
const FRESH: [&str; 4] = ["nonce_str", "sign", "time_start", "spbill_create_ip"];

pub(super) fn place(call: &Call<'_>) -> Result<Params, Refusal> {
    let order = order_of(call)?;
    let product = order.product;
    let system_error =
        |error: crate::kit::crypto::CryptoError| Refusal { code: "SYSTEMERROR", words: error.to_string() };
    let prepay = v3::prepay(call.now).map_err(system_error)?;
    call.simulator.with(|ledger, now| ledger.place(order, prepay.clone(), now))?;
    let mut answer = Params::from([
        ("trade_type".to_owned(), product.trade_type().to_owned()),
        ("prepay_id".to_owned(), prepay.id.clone()),
    ]);
    match product {
        Product::App | Product::Jsapi => {}
        Product::Native => {
            answer.insert("code_url".to_owned(), phone::code_url(&prepay));
        }
        Product::H5 => {
            answer.insert("mweb_url".to_owned(), v3::h5_url(call.simulator, &prepay));
        }
    }
    Ok(answer)
}

fn order_of(call: &Call<'_>) -> Result<Order, Refusal> {
    let product = product(call)?;
    let description = call.required("body", 128)?;
    let out_trade_no = out_trade_no(call)?;
    let total = amount(call, "total_fee")?;
    let ip = call.required("spbill_create_ip", 64)?;
    if !is_plain_address(ip) {
        return Err(Refusal::param("spbill_create_ip", "invalid spbill_create_ip"));
    }
    let notify_url = notify_url("notify_url", call.required("notify_url", 256)?)?;
    let attach = call.optional("attach", 127)?;
    if call.value("fee_type").is_some_and(|currency| currency != "CNY") {
        return Err(Refusal::param("fee_type", "must be CNY"));
    }
    let time_expire = times(call)?;
    let openid = match product {
        Product::Jsapi => {
            let openid = call.required("openid", 128)?;
            if payers::is_foreign(openid, call.required("appid", 32)?) {
                return Err(Refusal { code: "PARAM_ERROR", words: payers::FOREIGN.to_owned() });
            }
            Some(openid.to_owned())
        }
        Product::Native => {
            call.required("product_id", 32)?;
            None
        }
        Product::H5 => {
            let scene = call.required("scene_info", 256)?;
            let parsed: serde_json::Value =
                serde_json::from_str(scene).map_err(|_| Refusal::param("scene_info", "must be JSON"))?;
            if parsed.pointer("/h5_info/type").is_none() {
                return Err(Refusal::param("scene_info", "must have h5_info.type"));
            }
            None
        }
        Product::App => None,
    };
    let kept: Params = call
        .params
        .iter()
        .filter(|(name, value)| !FRESH.contains(&name.as_str()) && !value.is_empty())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(Order {
        version: Version::V2,
        mch_id: call.merchant.mch_id.clone(),
        app_id: call.required("appid", 32)?.to_owned(),
        product,
        out_trade_no: out_trade_no.to_owned(),
        description: description.to_owned(),
        attach: attach.map(str::to_owned),
        total,
        notify_url,
        openid,
        time_expire,
        sign_type: call.sign_type,
        parameters: super::sign::content(&kept, ""),
    })
}

fn product(call: &Call<'_>) -> Result<Product, Refusal> {
    let product = match call.required("trade_type", 16)? {
        "APP" => Product::App,
        "JSAPI" => Product::Jsapi,
        "NATIVE" => Product::Native,
        "MWEB" => Product::H5,
        _ => return Err(Refusal::param("trade_type", "must be APP, JSAPI, NATIVE or MWEB")),
    };
    let kind = call.merchant.app(call.required("appid", 32)?);
    match (product, kind) {
        (Product::App, Some(AppKind::Account | AppKind::Lite)) | (Product::Jsapi, Some(AppKind::Mobile)) => {
            Err(Refusal {
                code: "NOAUTH", words: "商户无此接口权限: the appid is of the other kind".to_owned()
            })
        }
        (Product::App | Product::Jsapi | Product::Native | Product::H5, _) => Ok(product),
    }
}

pub(super) fn out_trade_no<'a>(call: &'a Call<'_>) -> Result<&'a str, Refusal> {
    let number = call.required("out_trade_no", 32)?;
    number_text("out_trade_no", number, "_-|*")
}

/// Letters, digits and the characters in `more`.
pub(super) fn number_text<'a>(name: &str, value: &'a str, more: &str) -> Result<&'a str, Refusal> {
    if value.chars().all(|sign| sign.is_ascii_alphanumeric() || more.contains(sign)) {
        Ok(value)
    } else {
        Err(Refusal::param(name, &format!("must be letters, digits and {more}")))
    }
}

pub(super) fn amount(call: &Call<'_>, name: &str) -> Result<Fen, Refusal> {
    Fen::parse(call.required(name, 10)?).ok_or_else(|| Refusal::param(name, "must be fen, digits only, 1 or more"))
}

/// An absolute http or https address. v2 accepts a query string, although its pages advise against one.
pub(super) fn notify_url(name: &str, value: &str) -> Result<String, Refusal> {
    let refused = || Refusal::param(name, "must be an http or https address");
    let url: http::Uri = value.parse().map_err(|_| refused())?;
    let host = url.host().is_some_and(|host| !host.is_empty());
    if host && matches!(url.scheme_str(), Some("http" | "https")) && !value.contains('#') {
        Ok(value.to_owned())
    } else {
        Err(refused())
    }
}

fn times(call: &Call<'_>) -> Result<Option<i64>, Refusal> {
    let read = |name: &str| match call.value(name) {
        Some(text) => parse_compact(text).map(Some).ok_or_else(|| Refusal::param(name, "must be yyyyMMddHHmmss")),
        None => Ok(None),
    };
    read("time_start")?;
    let expire = read("time_expire")?;
    if expire.is_some_and(|at| at < call.now.saturating_add(MINUTE_MS)) {
        return Err(Refusal::param("time_expire", "must be one minute ahead at least"));
    }
    Ok(expire)
}

/// `sign_type` for a later message about an order.
pub(super) fn sign_type_field(sign_type: SignType) -> Vec<(String, String)> {
    match sign_type {
        SignType::Md5 => Vec::new(),
        SignType::HmacSha256 => vec![("sign_type".to_owned(), sign_type.word().to_owned())],
    }
}
