//! Notifies: their content, their retries, and the false ones that a merchant must refuse.

use http::Method;
use serde_json::{Value, json};

use super::super::notify::SCHEDULE_MS;
use super::{ACK_V2, Bench};
use crate::kit::beijing::{HOUR_MS, MINUTE_MS};

#[tokio::test]
async fn a_payment_is_told_encrypted_and_signed() {
    for kind in ["v3Certificate", "v3PublicKey", "v3Both"] {
        let bench = Bench::new();
        let trade = bench.paid(kind, "T00000001").await;
        let sent = bench.last();
        assert_eq!(sent.header("Content-Type"), "application/json");
        let public_key = sent.header("Wechatpay-Serial").starts_with("PUB_KEY_ID_");
        assert_eq!(public_key, kind != "v3Certificate");
        let (body, resource) = bench.last_v3(kind);
        assert_eq!(body["resource_type"], "encrypt-resource");
        assert_eq!(body["create_time"], "2026-11-24T12:00:00+08:00");
        assert_eq!(body["resource"]["original_type"], "transaction");
        assert_eq!(resource["transaction_id"], trade["transactionId"]);
        assert_eq!(resource["success_time"], "2026-11-24T12:00:00+08:00");
        assert_eq!(resource["attach"], "50% off & 更多");
        assert_eq!(
            resource["amount"],
            json!({ "total": 8888, "payer_total": 8888, "currency": "CNY", "payer_currency": "CNY" })
        );
        assert_eq!(trade["notifies"][0]["attempts"][0]["acknowledged"], true);
        assert_eq!(bench.simulator.next_due(), None);
    }
}

#[tokio::test]
async fn an_unanswered_notify_is_sent_again_on_schedule() {
    let bench = Bench::new();
    bench.answers.lock().unwrap().extend([(500, "{\"code\":\"FAIL\"}"); 16]);
    bench.paid("v3Both", "T00000002").await;
    let start = bench.now();
    let mut at = 0;
    let mut ids = vec![bench.last_v3("v3Both").0["id"].clone()];
    let mut nonces = vec![bench.last().header("Wechatpay-Nonce").to_owned()];
    for pause in SCHEDULE_MS {
        bench.pass(pause - 1);
        bench.simulator.run_due().await;
        assert_eq!(bench.sends(), ids.len(), "not before its time");
        bench.pass(1);
        at += pause;
        assert_eq!(bench.simulator.next_due(), Some(start + at));
        bench.simulator.run_due().await;
        let sent = bench.last();
        assert_eq!(sent.at, start + at);
        assert_eq!(sent.header("Wechatpay-Timestamp"), ((start + at) / 1_000).to_string());
        ids.push(bench.last_v3("v3Both").0["id"].clone());
        nonces.push(sent.header("Wechatpay-Nonce").to_owned());
    }
    assert_eq!(at, 24 * HOUR_MS + 4 * MINUTE_MS);
    assert_eq!(ids.len(), 16);
    assert!(ids.iter().all(|id| *id == ids[0]), "one id");
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 16, "fresh nonces");
    assert_eq!(bench.simulator.next_due(), None);
    bench.pass(24 * HOUR_MS);
    bench.simulator.run_due().await;
    assert_eq!(bench.sends(), 16);
}

#[tokio::test]
async fn only_200_and_204_acknowledge_v3() {
    for (status, body, expect) in [
        (200, "", true),
        (204, "", true),
        (200, "{\"code\":\"SUCCESS\"}", true),
        (201, "", false),
        (302, "", false),
        (400, "{\"code\":\"FAIL\"}", false),
        (500, "", false),
    ] {
        let bench = Bench::new();
        bench.answers.lock().unwrap().push_back((status, body));
        let trade = bench.paid("v3PublicKey", "T00000003").await;
        assert_eq!(trade["notifies"][0]["attempts"][0]["acknowledged"], expect, "{status} {body}");
        assert_eq!(bench.simulator.next_due().is_none_or(|due| due > bench.now() + HOUR_MS), expect);
    }
}

#[tokio::test]
async fn only_the_xml_that_means_success_acknowledges_v2() {
    for (status, body, expect) in [
        (200, ACK_V2, true),
        (200, "<xml><return_code>SUCCESS</return_code></xml>", true),
        (200, "<xml><return_code><![CDATA[FAIL]]></return_code></xml>", false),
        (200, "<xml><return_code>success</return_code></xml>", false),
        (200, "<xml><return_code> SUCCESS </return_code></xml>", false),
        (200, "<xml><return_msg>SUCCESS</return_msg></xml>", false),
        (200, "SUCCESS", false),
        (200, "success", false),
        (200, "", false),
        (204, "", false),
        (500, ACK_V2, false),
    ] {
        let bench = Bench::new();
        super::v2::prepay_id(&bench, "v2Md5", "APP", "T00000004").await;
        bench.answers.lock().unwrap().push_back((status, body));
        let (_, trade) = bench.door("trades/T00000004/pay", json!({})).await;
        assert_eq!(trade["notifies"][0]["attempts"][0]["acknowledged"], expect, "{status} {body}");
    }
}

#[tokio::test]
async fn a_coupon_lowers_what_the_payer_pays() {
    let bench = Bench::new();
    bench.order("v3Both", "app", "T00000005").await;
    let (status, _) = bench.door("trades/T00000005/pay", json!({ "payerTotal": 8000 })).await;
    assert_eq!(status, 200);
    let (_, resource) = bench.last_v3("v3Both");
    assert_eq!((&resource["amount"]["total"], &resource["amount"]["payer_total"]), (&json!(8888), &json!(8000)));
    assert_eq!(resource["promotion_detail"][0]["amount"], 888);
    let path = "/v3/pay/transactions/out-trade-no/T00000005?mchid=1900000003";
    let (_, found) = bench.call("v3Both", Method::GET, path, Value::Null).await;
    assert_eq!(found, resource, "the query agrees");
}

#[tokio::test]
async fn lies_are_in_the_notify_only() {
    let bench = Bench::new();
    bench.order("v3Both", "app", "T00000006").await;
    let lies = json!({ "pay": false, "amount": 1, "currency": "USD", "mchid": "1", "appid": "wx1" });
    let (status, trade) = bench.door("trades/T00000006/pay", lies).await;
    assert_eq!((status, &trade["state"]), (200, &json!("NOTPAY")), "{trade}");
    let (_, resource) = bench.last_v3("v3Both");
    assert_eq!(resource["trade_state"], "SUCCESS");
    assert_eq!(resource["amount"]["total"], 1);
    assert_eq!(resource["amount"]["currency"], "USD");
    assert_eq!((&resource["mchid"], &resource["appid"]), (&json!("1"), &json!("wx1")));
    let (status, _) = bench.door("trades/T00000006/pay", json!({ "surprise": 1 })).await;
    assert_eq!(status, 400, "unknown options are refused");
    let (_, trade) = bench.door("trades/T00000006/pay", json!({ "notify": false })).await;
    assert_eq!((&trade["state"], bench.sends()), (&json!("SUCCESS"), 1));
    bench.door("trades/T00000006/pay", json!({ "times": 3 })).await;
    assert_eq!(bench.sends(), 4);
    assert_eq!(bench.last_v3("v3Both").1["amount"]["total"], 8888);
}

#[tokio::test]
async fn forged_notifies_do_not_verify() {
    let bench = Bench::new();
    bench.paid("v3Both", "T00000007").await;
    for (forgery, verifies) in [
        (json!({}), true),
        (json!({ "signWith": "certificate" }), true),
        (json!({ "signWith": "publicKey" }), true),
        (json!({ "signWith": "nextCertificate" }), true),
        (json!({ "signWith": "merchant" }), false),
        (json!({ "signWith": "other" }), false),
        (json!({ "signWith": "unknownSerial" }), false),
        (json!({ "tamper": true }), false),
        (json!({ "wrongApiKey": true }), false),
        (json!({ "skewSeconds": -301 }), false),
        (json!({ "skewSeconds": 300 }), true),
        (json!({ "probe": true }), false),
    ] {
        bench.door("trades/T00000007/pay", forgery.clone()).await;
        assert_eq!(bench.opened("v3Both", &bench.last()).is_some(), verifies, "{forgery}");
    }
}

#[tokio::test]
async fn a_probe_changes_nothing_and_is_sent_once() {
    let bench = Bench::new();
    bench.order("v3PublicKey", "app", "T00000008").await;
    bench.answers.lock().unwrap().push_back((400, ""));
    let (_, trade) = bench.door("trades/T00000008/pay", json!({ "probe": true })).await;
    assert_eq!(trade["state"], "NOTPAY");
    assert!(bench.last().header("Wechatpay-Signature").starts_with("WECHATPAY/SIGNTEST/"));
    bench.pass(HOUR_MS);
    bench.simulator.run_due().await;
    assert_eq!(bench.sends(), 1);
}
