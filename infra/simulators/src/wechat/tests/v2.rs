//! The legacy API over the wire.

use aes::Aes256;
use aes::cipher::{Array, BlockCipherDecrypt, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::crypto::SignType;
use super::super::v2::{message, sign};
use super::{Bench, ROOT, flipped, text};
use crate::kit::beijing::MINUTE_MS;
use crate::kit::crypto::md5_hex;
use crate::kit::form::Params;

const KINDS: [(&str, SignType); 2] = [("v2Md5", SignType::Md5), ("v2HmacSha256", SignType::HmacSha256)];
const NOTIFY_URL: &str = "http://m.test/v2?x=1&y=2";

fn merchant(bench: &Bench, kind: &str, account: bool) -> (Params, String, SignType) {
    let settings = bench.settings(kind, if account { "wx_mp" } else { "wx_app" });
    let sign_type = SignType::parse(settings["signType"].as_str().unwrap()).unwrap();
    let mut params = Params::new();
    params.insert("appid".into(), settings["appId"].as_str().unwrap().into());
    params.insert("mch_id".into(), settings["mchId"].as_str().unwrap().into());
    params.insert("nonce_str".into(), "NONCE".into());
    if sign_type != SignType::Md5 {
        params.insert("sign_type".into(), sign_type.word().into());
    }
    (params, settings["apiKey"].as_str().unwrap().into(), sign_type)
}

fn xml(params: &Params) -> String {
    let elements: String = params.iter().map(|(name, value)| format!("<{name}><![CDATA[{value}]]></{name}>")).collect();
    format!("<xml>{elements}</xml>")
}

fn order(number: &str, trade_type: &str) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("body", "测试 <商品> & 1".to_owned()),
        ("attach", "a=b&c".to_owned()),
        ("out_trade_no", number.to_owned()),
        ("total_fee", "8888".to_owned()),
        ("spbill_create_ip", "1.2.3.4".to_owned()),
        ("notify_url", NOTIFY_URL.to_owned()),
        ("trade_type", trade_type.to_owned()),
    ];
    match trade_type {
        "JSAPI" => fields.push(("openid", "oUpF8".to_owned())),
        "NATIVE" => fields.push(("product_id", "1".to_owned())),
        "MWEB" => fields.push(("scene_info", "{\"h5_info\":{\"type\":\"Wap\"}}".to_owned())),
        _ => {}
    }
    fields
}

fn signed(bench: &Bench, kind: &str, fields: Vec<(&'static str, String)>) -> Params {
    let account = fields.iter().any(|(_, value)| value == "JSAPI");
    let (mut params, key, sign_type) = merchant(bench, kind, account);
    params.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    params.insert("sign".into(), sign::sign(&params, &key, sign_type));
    params
}

/// A v2 call. The answer's signature is verified if the call was understood.
async fn call(bench: &Bench, kind: &str, path: &str, fields: Vec<(&'static str, String)>) -> Params {
    let (_, key, sign_type) = merchant(bench, kind, false);
    let request = xml(&signed(bench, kind, fields));
    let answer = bench.post(&format!("{ROOT}{path}"), "text/xml", &request).await;
    assert_eq!(answer.reply.status, 200);
    let params = message::read(&text(&answer));
    assert_eq!(params["return_code"], "SUCCESS", "{params:?}");
    assert!(sign::verify(&params, &key, sign_type), "{params:?}");
    params
}

/// An accepted order's prepay_id.
pub(super) async fn prepay_id(bench: &Bench, kind: &str, trade_type: &str, number: &str) -> String {
    let answer = call(bench, kind, "/pay/unifiedorder", order(number, trade_type)).await;
    assert_eq!(answer["result_code"], "SUCCESS", "{answer:?}");
    answer["prepay_id"].clone()
}

fn number(number: &str) -> Vec<(&'static str, String)> {
    vec![("out_trade_no", number.to_owned())]
}

#[tokio::test]
async fn an_order_goes_its_way_in_both_signatures() {
    for (kind, sign_type) in KINDS {
        let bench = Bench::new();
        for trade_type in ["APP", "JSAPI", "NATIVE", "MWEB"] {
            let answer = call(&bench, kind, "/pay/unifiedorder", order(trade_type, trade_type)).await;
            assert_eq!(answer["trade_type"], trade_type);
            assert_eq!(answer.contains_key("code_url"), trade_type == "NATIVE");
            assert_eq!(answer.contains_key("mweb_url"), trade_type == "MWEB");
        }
        assert_eq!(call(&bench, kind, "/pay/orderquery", number("APP")).await["trade_state"], "NOTPAY");
        let (_, trade) = bench.door("trades/APP/pay", json!({ "payerTotal": 8000 })).await;
        assert_eq!(trade["state"], "SUCCESS");
        let (_, key, _) = merchant(&bench, kind, false);
        let sent = bench.last();
        assert_eq!(sent.url, NOTIFY_URL);
        let told = message::read(&sent.body);
        assert!(sign::verify(&told, &key, sign_type));
        assert_eq!((told["total_fee"].as_str(), told["cash_fee"].as_str()), ("8888", "8000"));
        assert_eq!((told["coupon_fee"].as_str(), told["attach"].as_str()), ("888", "a=b&c"));
        assert_eq!(told["time_end"], "20261124120000");
        let found =
            call(&bench, kind, "/pay/orderquery", vec![("transaction_id", told["transaction_id"].clone())]).await;
        assert_eq!((found["trade_state"].as_str(), found["out_trade_no"].as_str()), ("SUCCESS", "APP"));
        assert_eq!(call(&bench, kind, "/pay/closeorder", number("APP")).await["err_code"], "ORDERPAID");
        assert_eq!(call(&bench, kind, "/pay/unifiedorder", order("APP", "APP")).await["err_code"], "ORDERPAID");
        // The old interface closes no order within five minutes after it was made.
        assert_eq!(call(&bench, kind, "/pay/closeorder", number("MWEB")).await["err_code"], "INVALID_REQUEST");
        bench.pass(5 * MINUTE_MS);
        assert_eq!(call(&bench, kind, "/pay/closeorder", number("MWEB")).await["result_code"], "SUCCESS");
        assert_eq!(call(&bench, kind, "/pay/closeorder", number("MWEB")).await["err_code"], "ORDERCLOSED");
        assert_eq!(call(&bench, kind, "/pay/unifiedorder", order("MWEB", "MWEB")).await["err_code"], "ORDERCLOSED");
        assert_eq!(call(&bench, kind, "/pay/orderquery", number("NONE")).await["err_code"], "ORDERNOTEXIST");
        let mut other = order("JSAPI", "JSAPI");
        other[3].1 = "1".into();
        assert_eq!(call(&bench, kind, "/pay/unifiedorder", other).await["err_code"], "INVALID_REQUEST");
    }
}

#[tokio::test]
async fn an_order_whose_payment_failed_can_be_paid_or_closed() {
    for (kind, _) in KINDS {
        let bench = Bench::new();
        for no in ["PAID", "CLOSED"] {
            prepay_id(&bench, kind, "APP", no).await;
            assert_eq!(bench.door(&format!("trades/{no}/fail"), json!({})).await.1["state"], "PAYERROR");
            assert_eq!(call(&bench, kind, "/pay/orderquery", number(no)).await["trade_state"], "PAYERROR");
            assert_eq!(call(&bench, kind, "/pay/unifiedorder", order(no, "APP")).await["result_code"], "SUCCESS");
        }
        assert_eq!(bench.sends(), 0);
        assert_eq!(bench.door("trades/PAID/pay", json!({})).await.1["state"], "SUCCESS");
        assert_eq!(bench.door("trades/PAID/fail", json!({})).await.0, 409);
        bench.pass(5 * MINUTE_MS);
        assert_eq!(call(&bench, kind, "/pay/closeorder", number("CLOSED")).await["result_code"], "SUCCESS");
        assert_eq!(bench.door("trades/CLOSED/pay", json!({})).await.0, 409);
    }
}

#[tokio::test]
async fn a_refund_is_told_in_req_info() {
    for (kind, _) in KINDS {
        let bench = Bench::new();
        prepay_id(&bench, kind, "APP", "REFUND").await;
        let refund = |no: &str, fen: &str| {
            vec![
                ("out_trade_no", "REFUND".to_owned()),
                ("out_refund_no", no.to_owned()),
                ("total_fee", "8888".to_owned()),
                ("refund_fee", fen.to_owned()),
                ("notify_url", "https://m.test/refund".to_owned()),
            ]
        };
        let path = "/secapi/pay/refund";
        assert_eq!(call(&bench, kind, path, refund("R1", "888")).await["err_code"], "TRADE_STATE_ERROR");
        bench.door("trades/REFUND/pay", json!({})).await;
        let accepted = call(&bench, kind, path, refund("R1", "888")).await;
        assert_eq!((accepted["result_code"].as_str(), accepted["refund_fee"].as_str()), ("SUCCESS", "888"));
        assert_eq!(call(&bench, kind, path, refund("R1", "888")).await["refund_id"], accepted["refund_id"]);
        assert_eq!(call(&bench, kind, path, refund("R1", "889")).await["err_code"], "REFUND_FEE_MISMATCH");
        assert_eq!(call(&bench, kind, path, refund("R2", "8001")).await["err_code"], "REFUND_FEE_INVALID");
        assert_eq!(call(&bench, kind, path, refund("R2", "08")).await["err_code"], "PARAM_ERROR");
        let asked = vec![("out_refund_no", "R1".to_owned())];
        assert_eq!(call(&bench, kind, "/pay/refundquery", asked).await["refund_status_0"], "PROCESSING");
        bench.pass(5_000);
        bench.simulator.run_due().await;
        let told = message::read(&bench.last().body);
        assert!(!told.contains_key("sign"));
        let (_, key, _) = merchant(&bench, kind, false);
        let inner = open_req_info(&key, &told["req_info"]);
        let inner = message::read(&inner.replace("root>", "xml>"));
        assert_eq!((inner["refund_status"].as_str(), inner["out_refund_no"].as_str()), ("SUCCESS", "R1"));
        assert_eq!(inner["success_time"], "2026-11-24 12:00:05");
        let found = call(&bench, kind, "/pay/refundquery", number("REFUND")).await;
        assert_eq!((found["refund_count"].as_str(), found["refund_status_0"].as_str()), ("1", "SUCCESS"));
        let asked = vec![("out_refund_no", "R9".to_owned())];
        assert_eq!(call(&bench, kind, "/pay/refundquery", asked).await["err_code"], "REFUNDNOTEXIST");
    }
}

fn open_req_info(key: &str, req_info: &str) -> String {
    let cipher = Aes256::new_from_slice(md5_hex(key.as_bytes()).as_bytes()).unwrap();
    let mut bytes = STANDARD.decode(req_info).unwrap();
    for chunk in bytes.chunks_exact_mut(16) {
        let mut block = Array::default();
        block.copy_from_slice(chunk);
        cipher.decrypt_block(&mut block);
        chunk.copy_from_slice(&block);
    }
    let padding = usize::from(*bytes.last().unwrap());
    assert!((1..=16).contains(&padding) && bytes.iter().rev().take(padding).all(|byte| usize::from(*byte) == padding));
    bytes.truncate(bytes.len() - padding);
    String::from_utf8(bytes).unwrap()
}

async fn refused(bench: &Bench, body: &[u8]) -> bool {
    let mut call = super::Call::new(http::Method::POST, &format!("{ROOT}/pay/unifiedorder"), "");
    call.body = body.to_vec();
    let answer = text(&bench.request(call).await);
    message::read(&answer)["return_code"] == "FAIL"
}

#[tokio::test]
async fn every_changed_byte_of_a_value_is_refused() {
    for (kind, _) in KINDS {
        let bench = Bench::new();
        let params = signed(&bench, kind, order("V20001", "APP"));
        let good = xml(&params);
        for (name, value) in &params {
            let start = good.find(&format!("<{name}>")).unwrap() + format!("<{name}><![CDATA[").len();
            for at in start..start + value.len() {
                assert!(refused(&bench, &flipped(good.as_bytes(), at)).await, "{name} {at}");
            }
        }
        assert!(!refused(&bench, good.as_bytes()).await);
    }
}

#[tokio::test]
async fn v2_is_read_strictly() {
    let bench = Bench::new();
    let params = signed(&bench, "v2Md5", order("V20002", "APP"));
    let good = xml(&params);
    for odd in [
        good.replace("<xml>", "<!DOCTYPE xml [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><xml>"),
        good.replace(&params["sign"], &params["sign"].to_lowercase()),
        good.replace("</xml>", "<extra>1</extra></xml>"),
        good.replace("</xml>", "<body>x</body></xml>"),
        good.replace("1900000004", "1900000005"),
        good.replace("1900000004", "1900000001"),
        good.replace("</xml>", ""),
        "a=b".to_owned(),
        String::new(),
    ] {
        assert!(refused(&bench, odd.as_bytes()).await, "{odd}");
    }
    // Empty elements are not part of the signed content.
    assert!(!refused(&bench, good.replace("</xml>", "<detail></detail></xml>").as_bytes()).await);
    let get = bench.get(&format!("{ROOT}/pay/unifiedorder")).await;
    assert!(text(&get).contains("REQUIRE_POST_METHOD"));
}

#[tokio::test]
async fn v2_members_are_checked() {
    let bench = Bench::new();
    #[rustfmt::skip]
    let cases: [(&str, &str, &str, Option<&str>); 27] = [
        ("APP",    "body",             &"支".repeat(42),          None),
        ("APP",    "body",             &"支".repeat(43),          Some("PARAM_ERROR")),
        ("APP",    "body",             &"😀".repeat(32),          None),
        ("APP",    "body",             &"😀".repeat(33),          Some("PARAM_ERROR")),
        ("APP",    "body",             "a\nb",                    Some("PARAM_ERROR")),
        ("APP",    "total_fee",        "9999999999",              None),
        ("APP",    "total_fee",        "10000000000",             Some("PARAM_ERROR")),
        ("APP",    "spbill_create_ip", "2001:db8::1",             None),
        ("APP",    "spbill_create_ip", "::ffff:101.226.125.108",  Some("PARAM_ERROR")),
        ("APP",    "body",             "",                        Some("PARAM_ERROR")),
        ("APP",    "out_trade_no",     &"1".repeat(33),           Some("PARAM_ERROR")),
        ("APP",    "out_trade_no",     "a b",                     Some("PARAM_ERROR")),
        ("APP",    "total_fee",        "0",                       Some("PARAM_ERROR")),
        ("APP",    "total_fee",        "1.00",                    Some("PARAM_ERROR")),
        ("APP",    "total_fee",        "-1",                      Some("PARAM_ERROR")),
        ("APP",    "spbill_create_ip", "host",                    Some("PARAM_ERROR")),
        ("APP",    "notify_url",       "m.test/n",                Some("PARAM_ERROR")),
        ("APP",    "attach",           &"a".repeat(128),          Some("PARAM_ERROR")),
        ("APP",    "fee_type",         "USD",                     Some("PARAM_ERROR")),
        ("APP",    "time_expire",      "20261124120059",          Some("PARAM_ERROR")),
        ("APP",    "time_expire",      "2026-11-24 12:05:00",     Some("PARAM_ERROR")),
        ("APP",    "time_expire",      "20261124120100",          None),
        ("APP",    "trade_type",       "MICROPAY",                Some("PARAM_ERROR")),
        ("APP",    "appid",            "wx000000000000d402",      Some("NOAUTH")),
        ("APP",    "appid",            "wx000000000000a101",      Some("APPID_MCHID_NOT_MATCH")),
        ("NATIVE", "product_id",       "",                        Some("PARAM_ERROR")),
        ("MWEB",   "scene_info",       "{}",                      Some("PARAM_ERROR")),
    ];
    for (index, (trade_type, name, value, expect)) in cases.into_iter().enumerate() {
        let mut fields = order(&format!("CASE{index}"), trade_type);
        fields.retain(|(known, _)| *known != name);
        fields.push((name, value.to_owned()));
        let answer = call(&bench, "v2Md5", "/pay/unifiedorder", fields).await;
        assert_eq!(answer.get("err_code").map(String::as_str), expect, "{name} {value}");
    }
}

#[tokio::test]
async fn v2_notifies_can_lie() {
    let bench = Bench::new();
    prepay_id(&bench, "v2Md5", "APP", "LIES").await;
    let (_, key, sign_type) = merchant(&bench, "v2Md5", false);
    bench.door("trades/LIES/pay", json!({ "pay": false, "amount": 1, "mchid": "1" })).await;
    let told = message::read(&bench.last().body);
    assert!(sign::verify(&told, &key, sign_type));
    assert_eq!((told["total_fee"].as_str(), told["mch_id"].as_str()), ("1", "1"));
    for forgery in [json!({ "signWith": "other" }), json!({ "tamper": true })] {
        bench.door("trades/LIES/pay", forgery).await;
        assert!(!sign::verify(&message::read(&bench.last().body), &key, sign_type));
    }
    let trade: Value = bench.trade("LIES").await;
    assert_eq!(trade["state"], "SUCCESS");
}
