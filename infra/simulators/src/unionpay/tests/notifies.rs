//! The schedule of re-sends, the acknowledgement, the false notifies that a test may order, and the faults of answers.

use super::*;

#[tokio::test]
async fn a_notify_is_sent_five_times_on_schedule() {
    let bench = Bench::new();
    bench.answers.lock().unwrap().extend([500, 302, 204, 404, 500]);
    bench.paid("WEB00001").await;
    let mut at = bench.now();
    for pause in [1, 2, 4, 5] {
        let sends = bench.sends();
        at += pause * MINUTE;
        assert_eq!(bench.simulator.next_due(), Some(at));
        bench.clock.store(at - 1, Ordering::SeqCst);
        bench.simulator.run_due().await;
        assert_eq!(bench.sends(), sends);
        bench.clock.store(at, Ordering::SeqCst);
        bench.simulator.run_due().await;
        assert_eq!(bench.sends(), sends + 1);
        bench.last_notify();
    }
    assert_eq!(bench.sends(), 5);
    assert_eq!(bench.simulator.next_due(), None);
    bench.pass(24 * 60 * MINUTE);
    bench.simulator.run_due().await;
    let sent = bench.sent.lock().unwrap();
    assert!(sent.len() == 5 && sent.iter().all(|(_, _, body)| *body == sent[0].2));
}

#[tokio::test]
async fn a_clock_that_jumps_plays_the_sends_in_order_until_one_is_acknowledged() {
    let bench = Bench::new();
    bench.answers.lock().unwrap().extend([500, 500, 500, 500]);
    bench.paid("WEB00001").await;
    bench.paid("WEB00002").await;
    bench.pass(60 * MINUTE);
    bench.simulator.run_due().await;
    let sent = bench.sent.lock().unwrap();
    let orders: Vec<String> =
        sent.iter().map(|(_, _, body)| form::merge("", body, None).unwrap()["orderId"].clone()).collect();
    assert_eq!(orders, ["WEB00001", "WEB00002", "WEB00001", "WEB00002", "WEB00001", "WEB00002"]);
}

#[tokio::test]
async fn lies_are_told_as_ordered_and_only_truth_is_accepted() {
    let bench = Bench::new();
    bench.call("app", &[("orderId", Some("APP00001"))]).await;
    // First the forged ones: they pay nothing.
    for (sign_with, accepted) in [
        ("other", false),
        ("expiredCert", false),
        ("foreignCn", false),
        ("selfMade", false),
        ("fakeIssuer", false),
        ("unionpay", true),
    ] {
        let (status, order) = bench.door("orders/APP00001/pay", json!({ "pay": false, "signWith": sign_with })).await;
        assert_eq!((status, order["state"].as_str().unwrap()), (200, "waiting"));
        let (told, verdict) = bench.heard();
        assert_eq!((told["respCode"].as_str(), told["settleAmt"].as_str()), ("00", "8888"));
        assert_eq!(verdict, accepted, "{sign_with}");
    }
    assert_eq!(bench.query("APP00001", START).await["respCode"], "34");
    for (name, value) in [
        ("txnAmt", "1"),
        ("merId", NEW),
        ("currencyCode", "840"),
        ("orderId", "APP00002"),
        ("queryId", "202611231200000000009"),
        ("txnType", "04"),
        ("respCode", "A6"),
    ] {
        let (status, _) = bench.door("orders/APP00001/pay", json!({ name: value })).await;
        assert_eq!(status, 200, "{name}");
        assert_eq!(bench.last_notify()[name], value);
    }
    let sends = bench.sends();
    bench.door("orders/APP00001/pay", json!({ "times": 3 })).await;
    assert_eq!(bench.sends(), sends + 3);
    bench.door("orders/APP00001/pay", json!({ "notify": false })).await;
    assert_eq!(bench.sends(), sends + 3);
    for bad in [json!({ "times": 0 }), json!({ "times": 101 }), json!({ "respCode": "000" }), json!({ "lie": 1 })] {
        assert_eq!(bench.door("orders/APP00001/pay", bad.clone()).await.0, 400, "{bad}");
        assert_eq!(bench.door("orders/APP00001/refund", bad.clone()).await.0, 400, "{bad}");
    }
    assert_eq!(bench.door("orders/NOSUCHORDER/pay", json!({})).await.0, 404);
}

#[tokio::test]
async fn answers_suffer_the_faults_in_their_order() {
    let bench = Bench::new();
    bench.paid("WEB00001").await;
    let query = encoded(&bench.signed("query", &[("orderId", Some("WEB00001"))]));
    let next = ["timeout", "http500", "garbage", "cut", "unsigned", "badSignature", "expiredCert", "foreignCn"];
    bench.door("faults", json!({ "next": next })).await;
    for fault in next {
        let reply = bench.post(&target("query"), &query).await;
        let whole = text(&reply);
        match fault {
            "timeout" => assert!(reply.hold_ms > 0 && accepts_ours(&split(&whole), bench.now())),
            "http500" => assert_eq!(reply.status, 500),
            "garbage" => assert!(whole.starts_with("<html>")),
            "cut" => assert!(!whole.contains("version=")),
            "unsigned" => assert!(!split(&whole).contains_key("signature")),
            _ => assert!(!accepts_ours(&split(&whole), bench.now()), "{fault}"),
        }
    }
    assert_eq!(bench.query("WEB00001", START).await["origRespCode"], "00");

    bench.door("faults", json!({ "next": ["03", "05"] })).await;
    let lost = bench.call("app", &[("orderId", Some("APP00001"))]).await;
    assert_eq!(lost["respCode"], "03");
    let accepted = bench.call("app", &[("orderId", Some("APP00001"))]).await;
    assert_eq!((accepted["respCode"].as_str(), accepted.contains_key("tn")), ("05", false));
    assert_eq!(bench.call("app", &[("orderId", Some("APP00001"))]).await["respCode"], "12");
    assert_eq!(bench.door("faults", json!({ "next": ["20000"] })).await.0, 400);
}
