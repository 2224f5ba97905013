//! Refunds of APIv3.

use http::Method;
use serde_json::{Value, json};

use super::Bench;
use crate::kit::beijing::DAY_MS;

const PATH: &str = "/v3/refund/domestic/refunds";
const KIND: &str = "v3Both";

fn body(number: &str, refund_no: &str, fen: i64) -> Value {
    json!({
        "out_trade_no": number,
        "out_refund_no": refund_no,
        "reason": "退货",
        "notify_url": "https://m.test/notify/refund",
        "amount": { "refund": fen, "total": 8888, "currency": "CNY" },
    })
}

#[tokio::test]
async fn a_refund_is_accepted_settled_and_told() {
    let bench = Bench::new();
    let trade = bench.paid(KIND, "R00000001").await;
    let (status, accepted) = bench.call(KIND, Method::POST, PATH, body("R00000001", "R@1|*", 888)).await;
    assert_eq!((status, &accepted["status"]), (200, &json!("PROCESSING")), "{accepted}");
    assert_eq!(bench.sends(), 1);
    let again = bench.call(KIND, Method::POST, PATH, body("R00000001", "R@1|*", 888)).await;
    assert_eq!(again, (200, accepted.clone()), "a repeat moves nothing");
    bench.pass(5_000);
    bench.simulator.run_due().await;
    assert_eq!(bench.last().url, "https://m.test/notify/refund");
    let (event, resource) = bench.last_v3(KIND);
    assert_eq!(
        (&event["event_type"], &event["resource"]["original_type"]),
        (&json!("REFUND.SUCCESS"), &json!("refund"))
    );
    assert_eq!(resource["refund_status"], "SUCCESS");
    assert_eq!(resource["refund_id"], accepted["refund_id"]);
    assert_eq!(resource["amount"], json!({ "total": 8888, "refund": 888, "payer_total": 8888, "payer_refund": 888 }));
    let (status, found) = bench.call(KIND, Method::GET, &format!("{PATH}/R%401%7C%2A"), Value::Null).await;
    assert_eq!((status, &found["status"]), (200, &json!("SUCCESS")));
    assert_eq!(found["success_time"], "2026-11-24T12:00:05+08:00");
    // The rest, identified by WeChat's own number.
    let mut rest = body("R00000001", "R2", 8000);
    rest.as_object_mut().unwrap().remove("out_trade_no");
    rest["transaction_id"] = trade["transactionId"].clone();
    assert_eq!(bench.call(KIND, Method::POST, PATH, rest).await.0, 200);
    let path = "/v3/pay/transactions/out-trade-no/R00000001?mchid=1900000003";
    assert_eq!(bench.call(KIND, Method::GET, path, Value::Null).await.1["trade_state"], "REFUND");
    assert_eq!(bench.call(KIND, Method::POST, PATH, body("R00000001", "R3", 1)).await.0, 400);
}

#[tokio::test]
async fn refunds_are_checked() {
    let bench = Bench::new();
    bench.order(KIND, "app", "R00000002").await;
    let (status, refused) = bench.call(KIND, Method::POST, PATH, body("R00000002", "R1", 1)).await;
    assert_eq!((status, refused["code"].as_str()), (403, Some("TRADE_ERROR")));
    bench.paid(KIND, "R00000003").await;
    bench.paid(KIND, "R00000004").await;
    let good = || body("R00000003", "R1", 100);
    #[rustfmt::skip]
    let cases = [
        ("/out_trade_no",    json!("R99999999"),                404),
        ("/transaction_id",  json!("4200"),                     404),
        ("/out_refund_no",   json!("R 1"),                      400),
        ("/out_refund_no",   json!("R".repeat(65)),             400),
        ("/reason",          json!("支".repeat(81)),            400),
        ("/notify_url",      json!("https://m.test/n?a=1"),     400),
        ("/amount/refund",   json!(0),                          400),
        ("/amount/refund",   json!(8889),                       400),
        ("/amount/total",    json!(8887),                       400),
        ("/amount/currency", json!("USD"),                      400),
        ("/amount/currency", Value::Null,                       400),
        ("/unknown",         json!(1),                          400),
    ];
    for (pointer, value, expect) in cases {
        let mut body = good();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value.clone();
        let (status, answer) = bench.call(KIND, Method::POST, PATH, body).await;
        assert_eq!(status, expect, "{pointer} {value}: {answer}");
    }
    let mut body_without = good();
    body_without["amount"].as_object_mut().unwrap().remove("currency");
    assert_eq!(bench.call(KIND, Method::POST, PATH, body_without).await.0, 400);
    assert_eq!(bench.call(KIND, Method::POST, PATH, good()).await.0, 200);
    assert_eq!(bench.call(KIND, Method::POST, PATH, body("R00000003", "R1", 101)).await.0, 400, "other amount");
    assert_eq!(bench.call(KIND, Method::POST, PATH, body("R00000004", "R1", 100)).await.0, 400, "other order");
    assert_eq!(bench.call(KIND, Method::POST, PATH, body("R00000003", "R2", 8789)).await.0, 400, "too much");
    assert_eq!(bench.call(KIND, Method::GET, &format!("{PATH}/R9"), Value::Null).await.0, 404);
    bench.pass(366 * DAY_MS);
    assert_eq!(bench.call(KIND, Method::POST, PATH, body("R00000004", "R4", 1)).await.0, 400, "after a year");
}

#[tokio::test]
async fn fifty_partial_refunds_are_the_end() {
    let bench = Bench::new();
    bench.paid(KIND, "R00000005").await;
    for index in 0..50 {
        let accepted = bench.call(KIND, Method::POST, PATH, body("R00000005", &format!("R{index}"), 1)).await;
        assert_eq!(accepted.0, 200);
    }
    assert_eq!(bench.call(KIND, Method::POST, PATH, body("R00000005", "R50", 1)).await.0, 400);
    bench.pass(5_000);
    bench.simulator.run_due().await;
    assert_eq!(bench.sends(), 51);
}

#[tokio::test]
async fn the_door_decides_how_a_refund_ends() {
    let bench = Bench::new();
    bench.order(KIND, "app", "R00000006").await;
    bench.door("trades/R00000006/pay", json!({ "payerTotal": 4444 })).await;
    for (number, status, event) in [("R1", "ABNORMAL", "REFUND.ABNORMAL"), ("R2", "CLOSED", "REFUND.CLOSED")] {
        bench.call(KIND, Method::POST, PATH, body("R00000006", number, 1000)).await;
        let (code, trade) =
            bench.door("trades/R00000006/refund", json!({ "outRefundNo": number, "status": status })).await;
        assert_eq!(code, 200, "{trade}");
        let (told, resource) = bench.last_v3(KIND);
        assert_eq!((told["event_type"].as_str(), resource["refund_status"].as_str()), (Some(event), Some(status)));
        assert_eq!(resource["amount"]["payer_refund"], 500);
        assert!(resource.get("success_time").is_none());
    }
    // An abnormal refund is settled by hand. A closed one frees its amount.
    let (code, _) = bench.door("trades/R00000006/refund", json!({ "outRefundNo": "R1" })).await;
    assert_eq!((code, bench.last_v3(KIND).0["event_type"].as_str()), (200, Some("REFUND.SUCCESS")));
    let (code, _) = bench.door("trades/R00000006/refund", json!({ "outRefundNo": "R2" })).await;
    assert_eq!(code, 409);
    let (_, trade) = bench.door("trades/R00000006/refund", json!({ "notifyUrl": "https://m.test/r" })).await;
    assert_eq!((&trade["refundedAmount"], &trade["refunds"][2]["amount"]), (&json!(8888), &json!(7888)));
    assert_eq!(bench.last().url, "https://m.test/r");
}
