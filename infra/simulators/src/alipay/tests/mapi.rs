//! The legacy gateway.

use super::*;
use crate::kit::crypto::{Sha1Signer, Sha1Verifier, md5_sign, md5_verify};
use crate::kit::form::mapi_content;

const MAPI: &str = "/simulator/alipay/mapi/gateway.do";
const PARTNER: &str = "2088000000000003";

fn setting(bench: &Bench, name: &str) -> String {
    bench.simulator.settings()["mapi"][name].as_str().unwrap().to_owned()
}

fn pem(kind: &str, bare: &str) -> String {
    let lines: Vec<&str> = bare.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {kind} KEY-----\n{}\n-----END {kind} KEY-----\n", lines.join("\n"))
}

fn merchant_key(bench: &Bench) -> Sha1Signer {
    Sha1Signer::from_pem(&pem("PRIVATE", &setting(bench, "privateKey"))).unwrap()
}

fn alipay_rsa(bench: &Bench) -> Sha1Verifier {
    Sha1Verifier::from_pem(&pem("PUBLIC", &setting(bench, "alipayPublicKey"))).unwrap()
}

fn signed(bench: &Bench, service: &str, sign_type: &str, fields: &[(&str, &str)]) -> Params {
    let mut params: Params = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    for (name, value) in
        [("service", service), ("partner", PARTNER), ("_input_charset", "utf-8"), ("sign_type", sign_type)]
    {
        params.insert(name.into(), value.into());
    }
    let content = mapi_content(&params);
    let sign = match sign_type {
        "MD5" => md5_sign(&content, &setting(bench, "md5Key")),
        _ => merchant_key(bench).sign(&content).unwrap(),
    };
    params.insert("sign".into(), sign);
    params
}

const ORDER: &[(&str, &str)] = &[
    ("out_trade_no", "M1"),
    ("subject", "测试商品"),
    ("payment_type", "1"),
    ("total_fee", "88.88"),
    ("seller_id", PARTNER),
    ("notify_url", NOTIFY_URL),
    ("return_url", "http://shop.test/back"),
    ("body", ""),
];

#[tokio::test]
async fn page_and_wap_orders_are_paid_with_either_signature() {
    for (service, sign_type) in [
        ("create_direct_pay_by_user", "MD5"),
        ("create_direct_pay_by_user", "RSA"),
        ("alipay.wap.create.direct.pay.by.user", "MD5"),
    ] {
        let bench = Bench::new();
        let params = signed(&bench, service, sign_type, ORDER);
        // The charset may be in the action and in the form.
        let reply = bench.post(&format!("{MAPI}?_input_charset=utf-8"), &encoded(&params)).await;
        assert_eq!(reply.status, 302, "{}", text(&reply));
        let cashier = reply.location.unwrap().strip_prefix(BASE).unwrap().to_owned();
        bench.get(&cashier).await;
        let back = bench.post(&cashier, "action=pay").await.location.unwrap();
        assert!(back.starts_with("http://shop.test/back?") && back.contains("is_success=T"));

        let body = bench.sent.lock().unwrap().last().unwrap().2.clone();
        let notify = form::merge("", &body, None).unwrap();
        let content = mapi_content(&notify);
        assert_eq!((notify["sign_type"].as_str(), notify["total_fee"].as_str()), (sign_type, "88.88"));
        assert_eq!((notify["seller_id"].as_str(), notify["trade_status"].as_str()), (PARTNER, "TRADE_SUCCESS"));
        match sign_type {
            "MD5" => assert!(md5_verify(&content, &setting(&bench, "md5Key"), &notify["sign"])),
            _ => assert!(alipay_rsa(&bench).verify(&content, &notify["sign"])),
        }
        let ask = |partner: &str, id: &str| format!("{MAPI}?service=notify_verify&partner={partner}&notify_id={id}");
        assert_eq!(text(&bench.get(&ask(PARTNER, &notify["notify_id"])).await), "true");
        assert_eq!(text(&bench.get(&ask(PARTNER, "0")).await), "false");
        assert_eq!(text(&bench.get(&ask("2088", &notify["notify_id"])).await), "false");
        bench.pass(60_001);
        assert_eq!(text(&bench.get(&ask(PARTNER, &notify["notify_id"])).await), "false");
    }
}

#[tokio::test]
async fn wrong_requests_are_refused_in_the_legacy_words() {
    let bench = Bench::new();
    let good = signed(&bench, "create_direct_pay_by_user", "MD5", ORDER);
    for (name, value, error) in [
        ("total_fee", "88.87", "ILLEGAL_SIGN"),
        ("sign", "0", "ILLEGAL_SIGN"),
        ("sign_type", "DSA", "ILLEGAL_SIGN_TYPE"),
        ("partner", "2088", "ILLEGAL_PARTNER"),
        ("_input_charset", "gbk", "ILLEGAL_CHARSET"),
    ] {
        let mut params = good.clone();
        params.insert(name.into(), value.into());
        let reply = bench.get(&format!("{MAPI}?{}", encoded(&params))).await;
        assert!(reply.status == 400 && text(&reply).contains(error), "{name}: {}", text(&reply));
    }
    for (name, value, error) in [
        ("total_fee", "0", "ILLEGAL_ARGUMENT"),
        ("payment_type", "2", "ILLEGAL_ARGUMENT"),
        ("seller_id", "2088", "ILLEGAL_USER"),
        ("out_trade_no", "", "ILLEGAL_ARGUMENT"),
        ("notify_url", "x", "ILLEGAL_ARGUMENT"),
    ] {
        let fields: Vec<(&str, &str)> =
            ORDER.iter().map(|(known, old)| (*known, if *known == name { value } else { *old })).collect();
        let params = signed(&bench, "create_direct_pay_by_user", "MD5", &fields);
        let reply = bench.get(&format!("{MAPI}?{}", encoded(&params))).await;
        assert!(text(&reply).contains(error), "{name}: {}", text(&reply));
    }
}

#[tokio::test]
async fn the_quoted_string_of_a_phone_is_verified_as_it_stands() {
    let bench = Bench::new();
    let content = format!(
        "partner=\"{PARTNER}\"&seller_id=\"{PARTNER}@example.com\"&out_trade_no=\"M2\"&subject=\"Iphone6 16G\"\
         &body=\"测试商品\"&total_fee=\"0.01\"&notify_url=\"{NOTIFY_URL}\"&service=\"mobile.securitypay.pay\"\
         &payment_type=\"1\"&_input_charset=\"utf-8\"&it_b_pay=\"30m\""
    );
    let sign = merchant_key(&bench).sign(&content).unwrap();
    let string = format!("{content}&sign=\"{}\"&sign_type=\"RSA\"", form::encode_text(&sign));
    let submit =
        async |string: &str| bench.post("/simulator/alipay/app", &form::encode([("order_string", string)])).await;
    assert_eq!(submit(&string).await.status, 303);
    bench.door("trades/M2/pay", json!({})).await;
    let body = bench.sent.lock().unwrap().last().unwrap().2.clone();
    let notify = form::merge("", &body, None).unwrap();
    assert!(alipay_rsa(&bench).verify(&mapi_content(&notify), &notify["sign"]));

    let raw = format!("{content}&sign=\"{sign}\"&sign_type=\"RSA\"");
    for (broken, error) in [
        (string.replace("0.01", "0.02"), "ILLEGAL_SIGN"),
        (string.replace("\"RSA\"", "\"MD5\""), "ILLEGAL_SIGN_TYPE"),
        (string.replace("seller_id=\"", "seller_id="), "ILLEGAL_ARGUMENT"),
        (string.replace(PARTNER, "2088"), "ILLEGAL_PARTNER"),
        (raw, "ILLEGAL_SIGN"),
    ] {
        let reply = submit(&broken).await;
        assert!(reply.status == 400 && text(&reply).contains(error), "{error}: {}", text(&reply));
    }
}

#[tokio::test]
async fn queries_and_closes_answer_xml() {
    let bench = Bench::new();
    let call = async |service: &str, fields: &[(&str, &str)]| {
        let reply = bench.post(MAPI, &encoded(&signed(&bench, service, "MD5", fields))).await;
        assert_eq!(reply.content_type, "text/xml;charset=utf-8");
        text(&reply)
    };
    let number = [("out_trade_no", "M1")];
    let reply =
        bench.get(&format!("{MAPI}?{}", encoded(&signed(&bench, "create_direct_pay_by_user", "MD5", ORDER)))).await;
    assert!(call("single_trade_query", &number).await.contains("<error>TRADE_NOT_EXIST</error>"));
    bench.get(reply.location.unwrap().strip_prefix(BASE).unwrap()).await;
    let found = call("single_trade_query", &number).await;
    assert!(
        found.contains("<trade_status>WAIT_BUYER_PAY</trade_status>") && found.contains("<sign_type>MD5</sign_type>")
    );
    assert!(call("close_trade", &[("out_order_no", "M1")]).await.contains("<is_success>T</is_success>"));
    assert!(call("close_trade", &number).await.contains("<error>TRADE_STATUS_NOT_AVAILD</error>"));
    assert!(call("single_trade_query", &number).await.contains("TRADE_CLOSED"));
    assert!(call("refund_something", &number).await.contains("<error>ILLEGAL_SERVICE</error>"));
}
