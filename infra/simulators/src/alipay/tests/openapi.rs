//! The open platform: common checks, products, states, faults, certificate mode.

use x509_parser::prelude::{FromDer, X509Certificate};

use super::*;

const QUERY: &str = "alipay.trade.query";
const CLOSE: &str = "alipay.trade.close";
const PRECREATE: &str = "alipay.trade.precreate";

fn by(out_trade_no: &str) -> Value {
    json!({ "out_trade_no": out_trade_no })
}

#[tokio::test]
async fn a_page_payment_goes_from_the_browser_to_the_notify_and_back() {
    let bench = Bench::new();
    let biz = with_fields(order("P1"), json!({"passback_params": "a%3D1%26b%3D2", "body": ""}));
    let cashier = bench.cashier(&biz).await;
    assert_eq!(bench.refused(QUERY, by("P1")).await, "ACQ.TRADE_NOT_EXIST");
    assert_eq!(bench.refused(CLOSE, by("P1")).await, "ACQ.TRADE_NOT_EXIST");

    let page = text(&bench.get(&cashier).await);
    assert!(page.contains("测试 &lt;商品&gt; &quot;1&quot;") && page.contains("88.88") && page.contains("支付"));
    assert_eq!(bench.call(QUERY, by("P1")).await["trade_status"], "WAIT_BUYER_PAY");
    assert_eq!(bench.sends(), 0);

    let back = bench.post(&cashier, "action=pay").await;
    assert_eq!(back.status, 303);
    let location = back.location.unwrap();
    let carried = location.strip_prefix(&format!("{RETURN_URL}&")).unwrap();
    let carried = form::merge("", carried, None).unwrap();
    assert_eq!(carried["method"], "alipay.trade.page.pay.return");
    assert!(alipay_key(&bench.simulator).verify(&notify_content(&carried), &carried["sign"]));

    let notify = bench.last_notify();
    for (name, value) in [
        ("trade_status", "TRADE_SUCCESS"),
        ("total_amount", "88.88"),
        ("out_trade_no", "P1"),
        ("app_id", "2021000000000001"),
        ("seller_id", "2088000000000001"),
        ("passback_params", "a%3D1%26b%3D2"),
        ("body", ""),
        ("gmt_payment", START),
        ("fund_bill_list", "[{\"amount\":\"88.88\",\"fundChannel\":\"ALIPAYACCOUNT\"}]"),
    ] {
        assert_eq!(notify[name], value, "{name}");
    }
    let paid = bench.call(QUERY, json!({"trade_no": notify["trade_no"], "out_trade_no": "other"})).await;
    assert_eq!((&paid["trade_status"], &paid["total_amount"]), (&json!("TRADE_SUCCESS"), &json!("88.88")));

    // A second click pays nothing.
    assert_eq!(bench.post(&cashier, "action=pay").await.location.unwrap(), format!("{BASE}{cashier}"));
    assert_eq!(bench.sends(), 1);
    assert!(text(&bench.get(&cashier).await).contains("支付成功"));
}

#[tokio::test]
async fn wap_takes_a_posted_form_and_cancel_leads_to_the_quit_url() {
    let bench = Bench::new();
    let biz = with_fields(order("W1"), json!({"product_code": "QUICK_WAP_WAY", "quit_url": "https://shop.test/quit"}));
    let mut params = bench.signed("alipay.trade.wap.pay", &biz);
    // As an auto-submitted form: common parameters in the action, biz_content hidden in the body.
    let content = params.remove("biz_content").unwrap();
    let target = format!("{GATEWAY}?{}", encoded(&params));
    let reply = bench.post(&target, &form::encode([("biz_content", content.as_str())])).await;
    assert_eq!(reply.status, 302);
    let cashier = reply.location.unwrap().strip_prefix(BASE).unwrap().to_owned();
    bench.get(&cashier).await;
    let reply = bench.post(&cashier, "action=cancel").await;
    assert_eq!(reply.location.as_deref(), Some("https://shop.test/quit"));
    assert_eq!(bench.last_notify()["trade_status"], "TRADE_CLOSED");
    assert_eq!(bench.call(QUERY, by("W1")).await["trade_status"], "TRADE_CLOSED");
    assert_eq!(bench.refused(CLOSE, by("W1")).await, "ACQ.TRADE_STATUS_ERROR");
}

#[tokio::test]
async fn a_qr_order_exists_once_it_is_scanned() {
    let bench = Bench::new();
    let mut biz = order("Q1");
    biz.as_object_mut().unwrap().remove("product_code");
    let reply = bench.post(GATEWAY, &encoded(&bench.signed(PRECREATE, &biz))).await;
    assert!(text(&reply).contains("\"qr_code\":\"http:\\/\\/sim.test\\/"));
    let qr = node(&reply, PRECREATE, &alipay_key(&bench.simulator))["qr_code"].as_str().unwrap().to_owned();
    assert_eq!(bench.refused(QUERY, by("Q1")).await, "ACQ.TRADE_NOT_EXIST");
    assert_eq!(bench.get(qr.strip_prefix(BASE).unwrap()).await.status, 200);
    assert_eq!(bench.call(QUERY, by("Q1")).await["trade_status"], "WAIT_BUYER_PAY");
    let (status, trade) = bench.door("trades/Q1/pay", json!({})).await;
    assert_eq!((status, &trade["status"]), (200, &json!("TRADE_SUCCESS")));
    assert_eq!(bench.refused(PRECREATE, biz).await, "ACQ.TRADE_HAS_SUCCESS");
}

#[tokio::test]
async fn an_order_string_is_pasted_on_the_phone_page() {
    let bench = Bench::new();
    let biz = with_fields(order("A1"), json!({"product_code": "QUICK_MSECURITY_PAY"}));
    let params = bench.signed("alipay.trade.app.pay", &biz);
    let string = encoded(&params);
    let app = "/simulator/alipay/app";
    assert!(text(&bench.get(app).await).contains("order_string"));
    let reply = bench.post(app, &form::encode([("order_string", string.as_str())])).await;
    assert_eq!(reply.status, 303, "{}", text(&reply));
    let cashier = reply.location.unwrap();
    assert_eq!(bench.get(cashier.strip_prefix(BASE).unwrap()).await.status, 200);
    for (broken, code) in [
        (string.replace("88.88", "88.87"), "isv.invalid-signature"),
        (string.replace("%3D%3D", "=="), "isv.invalid-parameter"),
        (string.replace("%7B", "{"), "isv.invalid-parameter"),
        (format!("{string}&method=x"), "isv.invalid-parameter"),
    ] {
        let reply = bench.post(app, &form::encode([("order_string", broken.as_str())])).await;
        assert!(reply.status == 400 && text(&reply).contains(code), "{code}: {}", text(&reply));
    }
    // gateway.do does not accept app payments.
    assert_eq!(bench.refused("alipay.trade.app.pay", biz).await, "isv.invalid-method");
}

#[tokio::test]
async fn common_parameters_are_checked_in_alipays_words() {
    let bench = Bench::new();
    #[rustfmt::skip]
    const CASES: &[(&str, Option<&str>, &str, &str)] = &[
        ("method",         None,                   "40001", "isv.missing-method"),
        ("app_id",         None,                   "40001", "isv.missing-app-id"),
        ("app_id",         Some("2021"),           "40002", "isv.invalid-app-id"),
        ("format",         Some("XML"),            "40002", "isv.invalid-format"),
        ("charset",        None,                   "40002", "isv.invalid-charset"),
        ("charset",        Some("gbk"),            "40002", "isv.invalid-charset"),
        ("sign_type",      None,                   "40001", "isv.missing-signature-type"),
        ("sign_type",      Some("RSA"),            "40002", "isv.invalid-signature-type"),
        ("timestamp",      None,                   "40001", "isv.missing-timestamp"),
        ("timestamp",      Some("2026-11-23T12:00:00"), "40002", "isv.invalid-timestamp"),
        ("timestamp",      Some("2026-11-23 11:44:59"), "40002", "isv.invalid-timestamp"),
        ("timestamp",      Some("2026-11-23 12:15:01"), "40002", "isv.invalid-timestamp"),
        ("version",        None,                   "40001", "isv.missing-version"),
        ("version",        Some("2.0"),            "40002", "isv.invalid-parameter"),
        ("app_auth_token", Some("t"),              "20001", "aop.invalid-app-auth-token"),
        ("app_cert_sn",    Some("t"),              "40002", "isv.app-cert-not-exist"),
        ("method",         Some("alipay.trade.x"), "40002", "isv.invalid-method"),
        ("biz_content",    None,                   "40001", "isv.missing-biz-content"),
        ("biz_content",    Some("{"),              "40002", "isv.invalid-parameter"),
        ("biz_content",    Some("{\"a\":\"1\",\"a\":\"2\"}"), "40002", "isv.invalid-parameter"),
        ("notify_url",     Some("ftp://x"),        "10000", "unused by a query"),
    ];
    bench.paid("C1").await;
    for (name, value, code, sub_code) in CASES {
        let mut params = bench.signed(QUERY, &by("C1"));
        params.remove("sign");
        match value {
            Some(value) => params.insert((*name).into(), (*value).into()),
            None => params.remove(*name),
        };
        let reply = bench.post(GATEWAY, &encoded(&bench.sign("openapi", params))).await;
        let body = text(&reply);
        assert!(body.contains(&format!("\"code\":\"{code}\"")), "{name} {body}");
        assert!(*code == "10000" || body.contains(&format!("\"sub_code\":\"{sub_code}\"")), "{name} {body}");
    }
    let mut unsigned = bench.signed(QUERY, &by("C1"));
    unsigned.remove("sign");
    assert!(text(&bench.post(GATEWAY, &encoded(&unsigned)).await).contains("isv.missing-signature"));
    let twice = format!("{}&version=1.0", encoded(&bench.signed(QUERY, &by("C1"))));
    assert!(text(&bench.post(GATEWAY, &twice).await).contains("given twice"));
    // Some SDKs also put the charset into the address, so that Alipay reads the form by it.
    let known = encoded(&bench.signed(QUERY, &by("C1")));
    let reply = bench.post(&format!("{GATEWAY}?charset=utf-8"), &known).await;
    assert!(!text(&reply).contains("given twice"), "{}", text(&reply));
    assert!(text(&bench.post(&format!("{GATEWAY}?charset=gbk"), &known).await).contains("given twice"));
    let mut forged = bench.signed(QUERY, &by("C1"));
    forged.insert("biz_content".into(), by("C2").to_string());
    let node = node(&bench.post(GATEWAY, &encoded(&forged)).await, QUERY, &alipay_key(&bench.simulator));
    assert_eq!(node["sub_code"], "isv.invalid-signature");
    assert!(node["sub_msg"].as_str().unwrap().ends_with(&request_content(&forged)));
}

#[tokio::test]
async fn certificate_mode_wants_both_numbers_and_answers_with_its_own() {
    let bench = Bench::new();
    let settings = bench.simulator.settings()["openapiCert"].clone();
    let pem = |name: &str| settings[name].as_str().unwrap().to_owned();
    let app = crate::kit::crypto::cert_sn(&pem("appCert")).unwrap();
    let root = crate::kit::crypto::root_cert_sn(&pem("alipayRootCert")).unwrap();
    assert_eq!(root.len(), 65, "two RSA roots, the EC one is skipped");
    let alipay = Sha256Verifier::from_certificate(&pem("alipayCert")).unwrap();
    for (app, root, sub_code) in [
        (Some(app.as_str()), Some(root.as_str()), "ACQ.TRADE_NOT_EXIST"),
        (None, Some(root.as_str()), "isv.missing-app-cert-sn"),
        (Some(app.as_str()), None, "isv.missing-alipay-root-cert-sn"),
        (Some("0"), Some(root.as_str()), "isv.app-cert-not-exist"),
        (Some(app.as_str()), Some("0"), "isv.invalid-alipay-root-cert-sn"),
    ] {
        let mut params = bench.common("openapiCert", QUERY);
        params.insert("biz_content".into(), by("X").to_string());
        for (name, value) in [("app_cert_sn", app), ("alipay_root_cert_sn", root)] {
            if let Some(value) = value {
                params.insert(name.into(), value.into());
            }
        }
        let reply = bench.post(GATEWAY, &encoded(&bench.sign("openapiCert", params))).await;
        assert_eq!(node(&reply, QUERY, &alipay)["sub_code"], sub_code);
        let whole: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(whole["alipay_cert_sn"], crate::kit::crypto::cert_sn(&pem("alipayCert")).unwrap());
    }
}

/// The Python SDK splits the bundle at its blank lines, and writes each issuer by a template of four parts.
#[test]
fn the_root_bundle_is_laid_out_as_alipays_own() {
    let settings = Bench::new().simulator.settings()["openapiCert"].clone();
    let bundle = settings["alipayRootCert"].as_str().unwrap();
    let parts: Vec<&str> = bundle.split("\n\n").collect();
    assert_eq!(parts.len(), 3);
    let mut numbers = Vec::new();
    for part in parts {
        assert_eq!((part.matches("BEGIN").count(), part.matches("END").count()), (1, 1), "{part}");
        let der = crate::kit::crypto::first_certificate(part).unwrap();
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        let issuer = certificate.issuer();
        let cn = issuer.iter_common_name().next().unwrap().as_str().unwrap();
        let ou = issuer.iter_organizational_unit().next().unwrap().as_str().unwrap();
        let o = issuer.iter_organization().next().unwrap().as_str().unwrap();
        let c = issuer.iter_country().next().unwrap().as_str().unwrap();
        let text = format!("CN={cn},OU={ou},O={o},C={c}{}", certificate.tbs_certificate.serial);
        if certificate.signature_algorithm.algorithm.to_id_string().starts_with("1.2.840.113549.1.1") {
            numbers.push(crate::kit::crypto::md5_hex(text.as_bytes()));
        }
    }
    // What PyPI's python-alipay-sdk 3.4.0 computes for this file.
    assert_eq!(numbers, ["9ce064712b4460b5e37981729c6edf10", "3282e58d6f23192727046f024cad58e4"]);
    assert_eq!(numbers.join("_"), crate::kit::crypto::root_cert_sn(bundle).unwrap());
}

#[tokio::test]
async fn ordered_faults_spoil_the_next_server_calls() {
    let bench = Bench::new();
    bench.paid("F1").await;
    let all = json!({"next": ["http500", "garbage", "unsigned", "badSignature", "cut", "20000", "timeout"]});
    assert_eq!(bench.door("faults", all).await, (200, json!({"waiting": 7})));
    let call = async || bench.post(GATEWAY, &encoded(&bench.signed(QUERY, &by("F1")))).await;
    assert_eq!(call().await.status, 500);
    assert!(text(&call().await).contains("504"));
    let unsigned = text(&call().await);
    assert!(unsigned.contains("10000") && !unsigned.contains("\"sign\""));
    let whole: Value = serde_json::from_slice(&call().await.body).unwrap();
    let raw = serde_json::to_string(&whole["alipay_trade_query_response"]).unwrap();
    assert!(!alipay_key(&bench.simulator).verify(&raw, whole["sign"].as_str().unwrap()));
    assert!(serde_json::from_slice::<Value>(&call().await.body).is_err());
    let busy = call().await;
    assert_eq!(node(&busy, QUERY, &alipay_key(&bench.simulator))["code"], "20000");
    assert_eq!(call().await.hold_ms, 60_000);
    assert_eq!(bench.call(QUERY, by("F1")).await["code"], "10000");
    assert_eq!(bench.door("faults", json!({"next": ["unknown"]})).await.0, 400);
}

#[tokio::test]
async fn trades_and_notifies_survive_a_restart() {
    let file = std::env::temp_dir().join(format!("alipay-simulator-{}.json", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let bench = Bench::with(Merchants::built_in().unwrap(), Some(file.clone()));
    bench.answers.lock().unwrap().push_back((500, "down"));
    bench.paid("R1").await;
    let before = bench.trade("R1").await;
    drop(bench);
    let bench = Bench::with(Merchants::built_in().unwrap(), Some(file.clone()));
    assert_eq!(bench.trade("R1").await, before);
    bench.pass(4 * 60_000);
    bench.simulator.run_due().await;
    assert_eq!(bench.last_notify()["notify_id"], before["notifies"][0]["notifyId"].as_str().unwrap());
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn other_pages_methods_and_content_types_are_refused() {
    let bench = Bench::new();
    assert_eq!(bench.get("/simulator/alipay/nothing").await.status, 404);
    assert_eq!(bench.get("/simulator/alipay/cashier/2026").await.status, 404);
    assert_eq!(bench.request(Method::PUT, GATEWAY, "", "").await.status, 404);
    let json = bench.request(Method::POST, GATEWAY, "application/json", "{}").await;
    assert!(text(&json).contains("isv.missing-method"));
    let settings = bench.get("/_local/simulator/alipay/settings").await;
    assert_eq!(serde_json::from_slice::<Value>(&settings.body).unwrap(), bench.simulator.settings());
}
