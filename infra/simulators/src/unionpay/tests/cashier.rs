//! Payments on the web and in an app, and the answers to queries in between.

use super::vectors::hidden;
use super::*;

#[tokio::test]
async fn a_web_payment_goes_from_form_to_shop() {
    let bench = Bench::new();
    let reserved = "测试|eA==";
    let more = [("orderId", Some("WEB00001")), ("reqReserved", Some(reserved)), ("orderDesc", Some("商品 (1)"))];
    let reply = bench.post(&target("web"), &encoded(&bench.signed("web", &more))).await;
    assert_eq!(reply.status, 302);
    let cashier = reply.location.unwrap().strip_prefix(BASE).unwrap().to_owned();
    let page = text(&bench.get(&cashier).await);
    for part in ["88.88", "WEB00001", "商品 (1)", "6216***********0018", "Cancel"] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(bench.query("WEB00001", START).await["respCode"], "34");
    bench.pass(MINUTE);

    let back = bench.post(&cashier, "action=pay").await;
    let page = text(&back);
    assert!(page.contains("action=\"https://shop.test/return?order=7&amp;x=a+b\""), "{page}");
    let carried = filtered(hidden(&page));
    assert!(accepts_ours(&carried, bench.now()));
    assert_eq!(carried, bench.last_notify());
    #[rustfmt::skip]
    let expected = [
        ("version", "5.1.0"), ("encoding", "UTF-8"), ("signMethod", "01"), ("merId", OLD), ("orderId", "WEB00001"),
        ("txnTime", START), ("txnType", "01"), ("txnSubType", "01"), ("bizType", "000201"), ("accessType", "0"),
        ("txnAmt", "8888"), ("currencyCode", "156"), ("respCode", "00"), ("respMsg", "成功[0000000]"),
        ("settleAmt", "8888"), ("settleCurrencyCode", "156"), ("settleDate", "1123"), ("traceTime", "1123120100"),
        ("accNo", "6216***********0018"), ("reqReserved", reserved),
    ];
    for (name, value) in expected {
        assert_eq!(carried[name], value, "{name}");
    }
    assert_eq!(carried["queryId"].len(), 21);
    assert_eq!(carried["traceNo"], carried["queryId"][15..]);
    assert!(carried["signPubKeyCert"].contains("\r\n") && !carried.contains_key("certId"));

    let found = bench.query("WEB00001", START).await;
    #[rustfmt::skip]
    let expected = [
        ("respCode", "00"), ("origRespCode", "00"), ("txnType", "00"), ("txnAmt", "8888"), ("reqReserved", reserved),
        ("payCardInfo", "{payCardType=01&issInsCode=01030000&payCardIssueName=模拟银行}"),
    ];
    for (name, value) in expected {
        assert_eq!(found[name], value, "{name}");
    }
    assert_eq!(found["queryId"], carried["queryId"]);
    assert_eq!(bench.query("WEB00001", "20261123120001").await["respCode"], "34");
    let other = [("orderId", Some("WEB00001")), ("txnTime", Some(START)), ("merId", Some(NEW))];
    assert_eq!(bench.call("query", &other).await["respCode"], "34");

    assert!(text(&bench.get(&cashier).await).contains("✓ Paid"));
    assert_eq!(bench.post(&cashier, "action=pay").await.status, 303);
    assert_eq!(bench.sends(), 1);
}

#[tokio::test]
async fn an_app_payment_goes_by_its_tn() {
    let bench = Bench::new();
    let answer = bench.call("app", &[("orderId", Some("APP00001")), ("reqReserved", Some("x=="))]).await;
    assert_eq!((answer["respCode"].as_str(), answer["respMsg"].as_str()), ("00", "成功[0000000]"));
    assert_eq!((answer["orderId"].as_str(), answer["reqReserved"].as_str()), ("APP00001", "x=="));
    let tn = &answer["tn"];
    assert!(tn.len() == 21 && tn.bytes().all(|byte| byte.is_ascii_digit()));
    assert!(!answer.contains_key("queryId"));
    assert_eq!(bench.get("/simulator/unionpay/app").await.status, 200);
    assert_eq!(bench.post("/simulator/unionpay/app", "tn=820000000000000000000").await.status, 404);
    let reply = bench.post("/simulator/unionpay/app", &format!("tn={tn}%0D%0A")).await;
    let cashier = reply.location.unwrap().strip_prefix(BASE).unwrap().to_owned();
    // Without frontUrl the page shows the result.
    assert_eq!(bench.post(&cashier, "action=pay").await.status, 303);
    assert_eq!(bench.last_notify()["orderId"], "APP00001");
    let found = bench.query("APP00001", START).await;
    assert!(found["accNo"].ends_with("==") && found["accNo"].len() == 344);
    // The number of a web order opens nothing on a phone.
    let web = bench.cashier("WEB00001").await;
    let tn = web.rsplit('/').next().unwrap();
    assert_eq!(bench.post("/simulator/unionpay/app", &format!("tn={tn}")).await.status, 404);
}

#[tokio::test]
async fn who_cancels_or_waits_too_long_has_not_paid() {
    let bench = Bench::new();
    let cashier = bench.cashier("WEB00001").await;
    assert_eq!(bench.post(&cashier, "action=cancel").await.location.unwrap(), format!("{BASE}{cashier}"));
    assert_eq!(bench.post(&cashier, "action=pay").await.status, 303);
    let more = [("orderId", Some("WEB00002")), ("frontFailUrl", Some("https://shop.test/failed"))];
    let reply = bench.post(&target("web"), &encoded(&bench.signed("web", &more))).await;
    let cashier = reply.location.unwrap().strip_prefix(BASE).unwrap().to_owned();
    assert_eq!(bench.post(&cashier, "action=cancel").await.location.unwrap(), "https://shop.test/failed");

    bench.call("app", &[("orderId", Some("APP00001")), ("payTimeout", Some("20261123121500"))]).await;
    assert_eq!(bench.simulator.next_due(), parse_compact("20261123121500"));
    bench.pass(15 * MINUTE);
    bench.simulator.run_due().await;
    assert_eq!(bench.order("APP00001").await["state"], "closed");
    for order in ["WEB00001", "WEB00002", "APP00001"] {
        assert_eq!(bench.query(order, START).await["respCode"], "34", "{order}");
    }
    assert_eq!(bench.sends(), 0);
    assert_eq!(bench.door("orders/APP00001/pay", json!({})).await.0, 409);
    // A payment that succeeds after the timeout.
    assert_eq!(bench.door("orders/APP00001/pay", json!({ "late": true })).await.0, 200);
    assert_eq!(bench.last_notify()["respCode"], "00");
    assert_eq!(bench.query("APP00001", START).await["origRespCode"], "00");
}

#[tokio::test]
async fn a_payment_may_be_unclear_and_then_fail_or_succeed() {
    for (code, state, told) in [("64", "failed", false), ("A6", "done", true), ("00", "done", true)] {
        let bench = Bench::new();
        bench.call("app", &[("orderId", Some("APP00001"))]).await;
        bench.door("orders/APP00001/pay", json!({ "respCode": "05" })).await;
        let found = bench.query("APP00001", START).await;
        assert_eq!((found["respCode"].as_str(), found["origRespCode"].as_str()), ("00", "05"));
        assert!(!found.contains_key("settleAmt"));
        let (_, order) = bench.door("orders/APP00001/pay", json!({ "respCode": code })).await;
        assert_eq!(order["state"], state);
        assert_eq!(bench.query("APP00001", START).await["origRespCode"], code);
        // Front transactions are notified on success only.
        assert_eq!(bench.sends() == 1, told, "{code}");
    }
}

#[tokio::test]
async fn the_settings_are_what_the_gateway_takes() {
    let bench = Bench::new();
    let reply = bench.get("/_local/simulator/unionpay/settings").await;
    let settings: Value = serde_json::from_slice(&reply.body).unwrap();
    for (tab, mer_id) in [("unipay_app", OLD), ("unipay_web", NEW)] {
        let settings = &settings[tab];
        assert_eq!(settings["merId"], mer_id);
        assert_eq!(settings["gateway"], format!("{BASE}{API}"));
        assert_eq!(settings["pfxPassword"], "000000");
        assert!(settings["pfx"].as_str().unwrap().starts_with("MII"));
        assert!(settings["rootCert"].as_str().unwrap().contains("BEGIN CERTIFICATE"));
    }
}

#[tokio::test]
async fn state_survives_a_restart() {
    let file = std::env::temp_dir().join(format!("unionpay-simulator-{}.json", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let before = Bench::with(Registry::built_in().unwrap(), Some(file.clone()));
    before.answers.lock().unwrap().push_back(500);
    before.paid("WEB00001").await;
    let after = Bench::with(Registry::built_in().unwrap(), Some(file.clone()));
    assert_eq!(after.order("WEB00001").await, before.order("WEB00001").await);
    assert_eq!(after.simulator.next_due(), Some(after.now() + MINUTE));
    assert_eq!(after.query("WEB00001", START).await["origRespCode"], "00");
    assert_eq!(after.call("app", &[("orderId", Some("WEB00001"))]).await["respCode"], "12");
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_payment_is_found_by_unionpays_own_number() {
    let bench = Bench::new();
    let query_id = bench.paid("ORDER0001").await;
    let number = |number: &'static str| vec![("queryId", Some(number)), ("txnTime", None)];
    let found = bench.call("number", &[("queryId", Some(&query_id)), ("txnTime", None)]).await;
    assert_eq!((found["respCode"].as_str(), found["origRespCode"].as_str()), ("00", "00"));
    assert_eq!((found["orderId"].as_str(), &found["queryId"]), ("ORDER0001", &query_id));
    assert_eq!(bench.call("number", &number("202611231200009999999")).await["respCode"], "34");
    assert_eq!(bench.call("number", &number("2026112312000099999")).await["respCode"], "10");
    assert_eq!(bench.call("number", &[("txnTime", None)]).await["respCode"], "13");
    // Only with this sub-type does the number count.
    assert_eq!(bench.call("query", &[("queryId", Some(&query_id)), ("txnTime", None)]).await["respCode"], "13");
}
