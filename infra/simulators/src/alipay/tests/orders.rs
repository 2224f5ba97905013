//! The limits of an order, how often it may be placed, and when it expires.

use super::*;

const QUERY: &str = "alipay.trade.query";
const CLOSE: &str = "alipay.trade.close";

fn by(out_trade_no: &str) -> Value {
    json!({ "out_trade_no": out_trade_no })
}

#[tokio::test]
async fn orders_are_checked_strictly() {
    let bench = Bench::new();
    let long = "x".repeat(257);
    for fields in [
        json!({"total_amount": "0"}),
        json!({"total_amount": "1.234"}),
        json!({"total_amount": 1}),
        json!({"total_amount": "100000000.01"}),
        json!({"out_trade_no": "a-b"}),
        json!({"out_trade_no": "x".repeat(65)}),
        json!({"out_trade_no": null}),
        json!({"subject": ""}),
        json!({"subject": long}),
        json!({"subject": "茶".repeat(129)}),
        json!({"subject": "😀".repeat(65)}),
        json!({"subject": "a\nb"}),
        json!({"subject": "a\u{2028}b"}),
        json!({"body": "茶".repeat(65)}),
        json!({"subject": "a/b"}),
        json!({"subject": "a=b"}),
        json!({"subject": "a&b"}),
        json!({"product_code": null}),
        json!({"product_code": "QUICK_WAP_WAY"}),
        json!({"seller_id": "2088000000000009"}),
        json!({"timeout_express": "90"}),
        json!({"timeout_express": "1.5h"}),
        json!({"timeout_express": "16d"}),
        json!({"timeout_express": "0m"}),
        json!({"time_expire": "2026-11-23 12:00:00"}),
        json!({"time_expire": "tomorrow"}),
        json!({"passback_params": "a=1&b=2"}),
        json!({"quit_url": "shop"}),
        json!({"goods_type": "2"}),
    ] {
        let params = bench.signed("alipay.trade.page.pay", &with_fields(order("S1"), fields.clone()));
        let reply = bench.get(&format!("{GATEWAY}?{}", encoded(&params))).await;
        assert!(reply.status == 400 && text(&reply).contains("ACQ."), "{fields}: {}", text(&reply));
    }
    for (name, value) in [("notify_url", "m.test/n"), ("return_url", "https://m.test/回")] {
        let mut params = bench.signed("alipay.trade.page.pay", &order("S1"));
        params.insert(name.into(), value.into());
        let reply = bench.get(&format!("{GATEWAY}?{}", encoded(&bench.sign("openapi", params)))).await;
        assert!(text(&reply).contains("isv.invalid-parameter"), "{name}");
    }
    let (status, _) = bench.door("trades/S1/pay", json!({})).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn one_order_number_is_one_order() {
    let bench = Bench::new();
    let other = with_fields(order("N1"), json!({"total_amount": "1.00"}));
    bench.cashier(&other).await;
    // Nobody opened the first, so the second replaces it.
    let cashier = bench.cashier(&order("N1")).await;
    bench.get(&cashier).await;
    assert_eq!(bench.cashier(&order("N1")).await, cashier);
    let refused = async |biz: &Value| {
        let params = bench.signed("alipay.trade.page.pay", biz);
        text(&bench.get(&format!("{GATEWAY}?{}", encoded(&params))).await)
    };
    assert!(refused(&other).await.contains("ACQ.CONTEXT_INCONSISTENT"));
    assert!(refused(&with_fields(order("N1"), json!({"subject": "x"}))).await.contains("ACQ.CONTEXT_INCONSISTENT"));
    bench.post(&cashier, "action=pay").await;
    assert!(refused(&order("N1")).await.contains("ACQ.TRADE_HAS_SUCCESS"));
    let cashier = bench.cashier(&order("N2")).await;
    bench.get(&cashier).await;
    assert_eq!(bench.call(CLOSE, by("N2")).await["code"], "10000");
    assert!(refused(&order("N2")).await.contains("ACQ.TRADE_HAS_CLOSE"));
    assert_eq!(bench.refused(CLOSE, by("N1")).await, "ACQ.TRADE_STATUS_ERROR");
}

#[tokio::test]
async fn the_clock_closes_what_nobody_pays() {
    let bench = Bench::new();
    let minute = 60_000;
    for (number, fields, ms) in [
        ("E1", json!({"timeout_express": "90m"}), 90 * minute),
        ("E2", json!({"time_expire": "2026-11-23 12:30:00", "timeout_express": "1m"}), 30 * minute),
        ("E3", json!({"timeout_express": "1c"}), 12 * 60 * minute),
        ("E4", json!({}), 15 * 24 * 60 * minute),
    ] {
        let bench = Bench::new();
        let cashier = bench.cashier(&with_fields(order(number), fields)).await;
        bench.get(&cashier).await;
        assert_eq!(bench.simulator.next_due(), Some(bench.now() + ms), "{number}");
        bench.pass(ms - 1);
        assert_eq!(bench.call(QUERY, by(number)).await["trade_status"], "WAIT_BUYER_PAY", "{number}");
        bench.pass(1);
        assert_eq!(bench.call(QUERY, by(number)).await["trade_status"], "TRADE_CLOSED", "{number}");
        bench.simulator.run_due().await;
        assert_eq!(bench.last_notify()["trade_status"], "TRADE_CLOSED");
        assert!(bench.post(&cashier, "action=pay").await.location.unwrap().ends_with(&cashier));
        assert_eq!(bench.trade(number).await["status"], "TRADE_CLOSED");
    }
    let cashier = bench.cashier(&with_fields(order("E5"), json!({"time_expire": "2026-11-23 12:30:00"}))).await;
    bench.pass(31 * minute);
    assert_eq!(bench.get(&cashier).await.status, 410);
    assert_eq!(bench.refused(QUERY, by("E5")).await, "ACQ.TRADE_NOT_EXIST");
}
