//! Refunds and cancelling.

use super::*;

const REFUND: &str = "alipay.trade.refund";
const REFUND_QUERY: &str = "alipay.trade.fastpay.refund.query";
const CANCEL: &str = "alipay.trade.cancel";

fn refund(amount: &str, request_no: &str) -> Value {
    json!({"out_trade_no": "R", "refund_amount": amount, "out_request_no": request_no})
}

#[tokio::test]
async fn partial_refunds_add_up_and_repeats_move_nothing() {
    let bench = Bench::new();
    bench.paid("R").await;
    #[rustfmt::skip]
    const CASES: &[(&str, &str, &str, &str)] = &[
        // amount, request,  answer,                             cumulative
        ("8.88",   "r1",     "Y",                                "8.88"),
        ("8.88",   "r1",     "N",                                "8.88"),
        ("8.87",   "r1",     "ACQ.DISCORDANT_REPEAT_REQUEST",    ""),
        ("80.01",  "r2",     "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",   ""),
        ("88.89",  "r2",     "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",   ""),
        ("0",      "r2",     "ACQ.INVALID_PARAMETER",            ""),
        ("1.00",   "",       "ACQ.INVALID_PARAMETER",            ""),
        ("50",     "r2",     "Y",                                "58.88"),
        ("30.00",  "r3",     "Y",                                "88.88"),
        ("30.00",  "r3",     "N",                                "88.88"),
        ("0.01",   "r4",     "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",   ""),
    ];
    for (amount, request, expect, total) in CASES {
        let node = bench.call(REFUND, refund(amount, request)).await;
        if node["code"] == "10000" {
            assert_eq!(
                (&node["fund_change"], &node["refund_fee"]),
                (&json!(expect), &json!(total)),
                "{amount} {request}"
            );
        } else {
            assert_eq!(node["sub_code"], *expect, "{amount} {request}");
        }
    }
    assert_eq!(bench.trade("R").await["status"], "TRADE_CLOSED");
    assert_eq!(bench.sends(), 1, "refund notifies wait for the owner");
    bench.simulator.run_due().await;
    assert_eq!(bench.sends(), 4);
    let last = bench.last_notify();
    assert_eq!((last["trade_status"].as_str(), last["refund_fee"].as_str()), ("TRADE_CLOSED", "88.88"));
    assert_eq!((last["out_biz_no"].as_str(), last["gmt_refund"].as_str()), ("r3", "2026-11-23 12:00:00.000"));
    let first = form::merge("", &bench.sent.lock().unwrap()[1].2, None).unwrap();
    assert_eq!((first["trade_status"].as_str(), first["refund_fee"].as_str()), ("TRADE_SUCCESS", "8.88"));
}

#[tokio::test]
async fn a_partial_refund_needs_a_request_number_and_a_full_one_does_not() {
    let bench = Bench::new();
    bench.paid("R").await;
    let without = |amount: &str| json!({"out_trade_no": "R", "refund_amount": amount});
    assert_eq!(bench.refused(REFUND, without("1.00")).await, "ACQ.INVALID_PARAMETER");
    assert_eq!(bench.call(REFUND, without("88.88")).await["fund_change"], "Y");
    assert_eq!(bench.call(REFUND, without("88.88")).await["fund_change"], "N");
    let found = bench.call(REFUND_QUERY, json!({"out_trade_no": "R", "out_request_no": "R"})).await;
    assert_eq!((&found["refund_status"], &found["refund_amount"]), (&json!("REFUND_SUCCESS"), &json!("88.88")));
    let unknown = bench.call(REFUND_QUERY, json!({"out_trade_no": "R", "out_request_no": "x"})).await;
    assert_eq!(unknown, json!({"code": "10000", "msg": "Success"}));
}

#[tokio::test]
async fn only_what_was_paid_is_refunded() {
    let bench = Bench::new();
    assert_eq!(bench.refused(REFUND, refund("1.00", "r")).await, "ACQ.TRADE_NOT_EXIST");
    assert_eq!(bench.refused(REFUND_QUERY, refund("1.00", "r")).await, "ACQ.TRADE_NOT_EXIST");
    let cashier = bench.cashier(&order("R")).await;
    bench.get(&cashier).await;
    assert_eq!(bench.refused(REFUND, refund("1.00", "r")).await, "ACQ.TRADE_STATUS_ERROR");
    bench.post(&cashier, "action=cancel").await;
    assert_eq!(bench.refused(REFUND, refund("1.00", "r")).await, "ACQ.TRADE_STATUS_ERROR");
}

#[tokio::test]
async fn a_finished_trade_is_not_refunded() {
    let bench = Bench::new();
    bench.paid("R").await;
    bench.pass(365 * 24 * 3_600_000);
    assert_eq!(bench.call("alipay.trade.query", json!({"out_trade_no": "R"})).await["trade_status"], "TRADE_FINISHED");
    assert_eq!(bench.refused(REFUND, refund("1.00", "r")).await, "ACQ.TRADE_HAS_FINISHED");
}

#[tokio::test]
async fn cancel_closes_refunds_or_withdraws() {
    let bench = Bench::new();
    let cashier = bench.cashier(&order("R")).await;
    let by = json!({"out_trade_no": "R"});
    let node = bench.call(CANCEL, by.clone()).await;
    assert_eq!((&node["retry_flag"], &node["action"]), (&json!("N"), &Value::Null));
    assert_eq!(bench.get(&cashier).await.status, 404);

    let cashier = bench.cashier(&order("R")).await;
    bench.get(&cashier).await;
    assert_eq!(bench.call(CANCEL, by.clone()).await["action"], "close");
    assert_eq!(bench.call(CANCEL, by).await["action"], Value::Null);

    bench.paid("R2").await;
    assert_eq!(bench.call(CANCEL, json!({"out_trade_no": "R2"})).await["action"], "refund");
    assert_eq!(bench.trade("R2").await["refundedAmount"], "88.88");
    bench.paid("R3").await;
    bench.pass(24 * 3_600_000 + 1);
    assert_eq!(bench.refused(CANCEL, json!({"out_trade_no": "R3"})).await, "ACQ.TRADE_CANCEL_TIME_OUT");
}
