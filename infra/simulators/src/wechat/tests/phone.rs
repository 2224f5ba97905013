//! The phone, the H5 address and the cashier.

use serde_json::{Value, json};

use super::super::Answer;
use super::super::crypto::SignType;
use super::super::v2::sign;
use super::{BASE, Bench, NOTIFY_URL, encoded, flipped, merchant_key, text};
use crate::kit::beijing::{HOUR_MS, MINUTE_MS};
use crate::kit::form::Params;

const PHONE: &str = "/simulator/wechat/pay";
const FORM: &str = "application/x-www-form-urlencoded";

/// v3 client parameters of an app order, signed as a merchant would.
fn app(bench: &Bench, kind: &str, prepay_id: &str) -> Value {
    let settings = bench.settings(kind, "wx_app");
    let (app_id, time) = (settings["appId"].as_str().unwrap(), (bench.now() / 1_000).to_string());
    let content = format!("{app_id}\n{time}\nNONCE\n{prepay_id}\n");
    json!({
        "appid": app_id, "partnerid": settings["mchId"], "prepayid": prepay_id, "package": "Sign=WXPay",
        "noncestr": "NONCE", "timestamp": time, "sign": merchant_key(&settings).sign(&content).unwrap(),
    })
}

fn jsapi(bench: &Bench, kind: &str, prepay_id: &str) -> Value {
    let settings = bench.settings(kind, "wx_mp");
    let (app_id, time) = (settings["appId"].as_str().unwrap(), (bench.now() / 1_000).to_string());
    let content = format!("{app_id}\n{time}\nNONCE\nprepay_id={prepay_id}\n");
    json!({
        "appId": app_id, "timeStamp": time, "nonceStr": "NONCE", "package": format!("prepay_id={prepay_id}"),
        "signType": "RSA", "paySign": merchant_key(&settings).sign(&content).unwrap(),
    })
}

async fn paste(bench: &Bench, params: &Value) -> Answer {
    bench.post(PHONE, "application/json", &params.to_string()).await
}

async fn code_of(bench: &Bench, params: &Value) -> String {
    let answer = paste(bench, params).await;
    assert_eq!(answer.reply.status, 400, "{params}");
    serde_json::from_slice::<Value>(&answer.reply.body).unwrap()["code"].as_str().unwrap().to_owned()
}

/// The path of the cashier that was opened.
#[track_caller]
fn cashier(answer: &Answer) -> String {
    assert_eq!(answer.reply.status, 303, "{}", text(answer));
    answer.reply.location.as_ref().unwrap().strip_prefix(BASE).unwrap().to_owned()
}

async fn prepay_id(bench: &Bench, kind: &str, product: &str, number: &str) -> String {
    bench.order(kind, product, number).await["prepay_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_app_order_is_paid_on_the_phone() {
    let bench = Bench::new();
    let id = prepay_id(&bench, "v3PublicKey", "app", "P00000001").await;
    let mut params = app(&bench, "v3PublicKey", &id);
    params["code"] = json!(0);
    params["msg"] = json!("OK");
    let page = bench.get(PHONE).await;
    assert!(text(&page).contains("<textarea"));
    let pasted = bench.post(PHONE, FORM, &encoded(&json!({ "params": format!("{params}\r\n") }))).await;
    let path = cashier(&pasted);
    let page = text(&bench.get(&path).await);
    assert!(page.contains("88.88") && page.contains("测试 &lt;商品&gt; &quot;1&quot;") && page.contains("#087a3e"));
    let cancelled = bench.post(&path, FORM, "action=cancel").await;
    assert!(text(&cancelled).contains("Cancelled"));
    assert_eq!(bench.trade("P00000001").await["state"], "NOTPAY");
    let paid = bench.post(&path, FORM, "action=pay").await;
    assert_eq!(cashier(&paid), path);
    assert!(text(&bench.get(&path).await).contains("Paid 支付成功"));
    assert_eq!(bench.sends(), 1);
    assert_eq!(bench.last().url, NOTIFY_URL);
    let (body, resource) = bench.last_v3("v3PublicKey");
    assert_eq!(
        (body["event_type"].as_str(), resource["amount"]["total"].as_i64()),
        (Some("TRANSACTION.SUCCESS"), Some(8888))
    );
    assert_eq!(cashier(&bench.post(&path, FORM, "action=pay").await), path, "a second click pays nothing");
    assert_eq!(bench.sends(), 1);
    assert_eq!(code_of(&bench, &app(&bench, "v3PublicKey", &id)).await, "ORDERPAID");
    assert_eq!(bench.post(&path, FORM, "action=steal").await.reply.status, 400);
    assert_eq!(bench.get("/simulator/wechat/cashier/00000000000000000001-X").await.reply.status, 404);
}

#[tokio::test]
async fn form_fields_and_androids_name_are_understood() {
    let bench = Bench::new();
    let id = prepay_id(&bench, "v3Both", "app", "P00000002").await;
    let mut params = app(&bench, "v3Both", &id);
    cashier(&bench.post(PHONE, FORM, &encoded(&params)).await);
    let package = params.as_object_mut().unwrap().remove("package").unwrap();
    params["packageValue"] = package;
    cashier(&paste(&bench, &params).await);
    assert_eq!(bench.post(PHONE, FORM, "params=hello").await.reply.status, 400);
    assert_eq!(bench.post(PHONE, FORM, "a=%zz").await.reply.status, 400);
}

#[tokio::test]
async fn jsapi_is_paid_by_its_openid() {
    let bench = Bench::new();
    let id = prepay_id(&bench, "v3Certificate", "jsapi", "P00000003").await;
    let path = cashier(&paste(&bench, &jsapi(&bench, "v3Certificate", &id)).await);
    bench.post(&path, FORM, "action=pay").await;
    let (_, resource) = bench.last_v3("v3Certificate");
    assert_eq!(resource["payer"]["openid"], "oUpF8_-x");
    assert_eq!(resource["trade_type"], "JSAPI");
}

#[tokio::test]
async fn the_second_signature_is_exact() {
    let bench = Bench::new();
    let app_id = prepay_id(&bench, "v3Both", "app", "P00000004").await;
    let js_id = prepay_id(&bench, "v3Both", "jsapi", "P00000005").await;
    for (good, names) in [
        (
            app(&bench, "v3Both", &app_id),
            ["appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"].as_slice(),
        ),
        (
            jsapi(&bench, "v3Both", &js_id),
            ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"].as_slice(),
        ),
    ] {
        for name in names {
            let value = good[name].as_str().unwrap().as_bytes();
            for at in 0..value.len() {
                let mut params = good.clone();
                params[name] = json!(String::from_utf8(flipped(value, at)).unwrap());
                assert_eq!(paste(&bench, &params).await.reply.status, 400, "{name} {at}");
            }
            let mut params = good.clone();
            params.as_object_mut().unwrap().remove(*name);
            assert_eq!(paste(&bench, &params).await.reply.status, 400, "{name} left out");
        }
        cashier(&paste(&bench, &good).await);
    }
}

#[tokio::test]
async fn the_classic_mistakes_are_refused() {
    let bench = Bench::new();
    let settings = bench.settings("v3Both", "wx_app");
    let key = merchant_key(&settings);
    let id = prepay_id(&bench, "v3Both", "app", "P00000006").await;
    let good = app(&bench, "v3Both", &id);
    let (app_id, time) = (good["appid"].as_str().unwrap(), good["timestamp"].as_str().unwrap());
    let with = |name: &str, value: Value| {
        let mut params = good.clone();
        params[name] = value;
        params
    };
    let prefixed = key.sign(format!("{app_id}\n{time}\nNONCE\nprepay_id={id}\n")).unwrap();
    assert_eq!(code_of(&bench, &with("sign", json!(prefixed))).await, "SIGN_ERROR", "JSAPI's fourth line");
    let unended = key.sign(format!("{app_id}\n{time}\nNONCE\n{id}")).unwrap();
    assert_eq!(code_of(&bench, &with("sign", json!(unended))).await, "SIGN_ERROR", "no line end");
    let number: i64 = time.parse().unwrap();
    assert_eq!(code_of(&bench, &with("timestamp", json!(number))).await, "INVALID_PARAMETER", "a number");
    assert_eq!(code_of(&bench, &with("timestamp", json!(format!("{time}000")))).await, "INVALID_PARAMETER");
    assert_eq!(code_of(&bench, &with("prepayid", json!("wx1"))).await, "PREPAY_NOT_EXIST");
    // Another merchant's key, and another product's prepay_id.
    let other = merchant_key(&bench.settings("v3Certificate", "wx_app"));
    let forged = other.sign(format!("{app_id}\n{time}\nNONCE\n{id}\n")).unwrap();
    assert_eq!(code_of(&bench, &with("sign", json!(forged))).await, "SIGN_ERROR");
    let js_id = prepay_id(&bench, "v3Both", "jsapi", "P00000007").await;
    assert_eq!(code_of(&bench, &app(&bench, "v3Both", &js_id)).await, "TRADE_TYPE_ERROR");
}

#[tokio::test]
async fn a_prepay_id_lives_two_hours_and_is_refreshed() {
    let bench = Bench::new();
    let id = prepay_id(&bench, "v3Both", "app", "P00000008").await;
    bench.pass(2 * HOUR_MS);
    cashier(&paste(&bench, &app(&bench, "v3Both", &id)).await);
    bench.pass(1);
    assert_eq!(code_of(&bench, &app(&bench, "v3Both", &id)).await, "PREPAY_EXPIRED");
    let fresh = prepay_id(&bench, "v3Both", "app", "P00000008").await;
    cashier(&paste(&bench, &app(&bench, "v3Both", &fresh)).await);
    assert_eq!(bench.door("trades/P00000008/close", json!({})).await.0, 200);
    assert_eq!(code_of(&bench, &app(&bench, "v3Both", &fresh)).await, "ORDER_CLOSED");
}

#[tokio::test]
async fn a_native_code_is_scanned() {
    let bench = Bench::new();
    let code = bench.order("v3PublicKey", "native", "P00000009").await["code_url"].as_str().unwrap().to_owned();
    let path = cashier(&bench.post(PHONE, FORM, &encoded(&json!({ "params": code }))).await);
    assert_eq!(cashier(&paste(&bench, &json!({ "codeUrl": code, "prepayid": "x" })).await).len(), path.len());
    bench.post(&path, FORM, "action=pay").await;
    assert_eq!(bench.last_v3("v3PublicKey").1["trade_type"], "NATIVE");
    assert_eq!(code_of(&bench, &json!({ "codeUrl": format!("{code}x") })).await, "PREPAY_NOT_EXIST");
    assert_eq!(code_of(&bench, &json!({ "codeUrl": "weixin://" })).await, "PREPAY_NOT_EXIST");
}

#[tokio::test]
async fn an_h5_url_lives_five_minutes_and_leads_back() {
    let bench = Bench::new();
    let url = bench.order("v3Both", "h5", "P00000010").await["h5_url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(BASE).unwrap();
    let back = "https%3A%2F%2Fshop.test%2Fdone%3Fa%3D1";
    let opened = cashier(&bench.get(&format!("{path}&redirect_url={back}")).await);
    let paid = bench.post(&opened, FORM, "action=pay").await;
    assert_eq!(paid.reply.location.as_deref(), Some("https://shop.test/done?a=1"));
    assert_eq!(bench.last_v3("v3Both").1["trade_type"], "MWEB");
    let url = bench.order("v3Both", "h5", "P00000011").await["h5_url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(BASE).unwrap();
    assert_eq!(bench.get(&format!("{path}&redirect_url=javascript:1")).await.reply.status, 400);
    assert_eq!(bench.get(&format!("{path}X")).await.reply.status, 400);
    bench.pass(5 * MINUTE_MS + 1);
    assert!(text(&bench.get(path).await).contains("PREPAY_EXPIRED"));
}

#[tokio::test]
async fn v2_signs_a_second_time_by_hash() {
    let bench = Bench::new();
    for (kind, sign_type) in [("v2Md5", SignType::Md5), ("v2HmacSha256", SignType::HmacSha256)] {
        let settings = bench.settings(kind, "wx_app");
        let key = settings["apiKey"].as_str().unwrap();
        let id = super::v2::prepay_id(&bench, kind, "APP", "P00000012").await;
        let mut params = Params::new();
        for (name, value) in [
            ("appid", settings["appId"].as_str().unwrap()),
            ("partnerid", settings["mchId"].as_str().unwrap()),
            ("prepayid", id.as_str()),
            ("package", "Sign=WXPay"),
            ("noncestr", "NONCE"),
            ("timestamp", "1795400000"),
        ] {
            params.insert(name.to_owned(), value.to_owned());
        }
        let right = sign::sign(&params, key, sign_type);
        let mut given = json!(params);
        given["sign"] = json!(right);
        cashier(&paste(&bench, &given).await);
        given["sign"] = json!(right.to_lowercase());
        assert_eq!(code_of(&bench, &given).await, "SIGN_ERROR");
        let wrong = if sign_type == SignType::Md5 { SignType::HmacSha256 } else { SignType::Md5 };
        given["sign"] = json!(sign::sign(&params, key, wrong));
        assert_eq!(code_of(&bench, &given).await, "SIGN_ERROR", "another type than the order's");

        let id = super::v2::prepay_id(&bench, kind, "JSAPI", "P00000013").await;
        let mut params = Params::new();
        for (name, value) in [
            ("appId", bench.settings(kind, "wx_mp")["appId"].as_str().unwrap()),
            ("timeStamp", "1795400000"),
            ("nonceStr", "NONCE"),
            ("package", &format!("prepay_id={id}")),
            ("signType", sign_type.word()),
        ] {
            params.insert(name.to_owned(), value.to_owned());
        }
        let mut given = json!(params);
        given["paySign"] = json!(sign::sign(&params, key, sign_type));
        cashier(&paste(&bench, &given).await);
        given["signType"] = json!("RSA");
        assert_eq!(code_of(&bench, &given).await, "INVALID_PARAMETER");
    }
}
