//! The schedule of re-sends, the acknowledgement, and the false notifies that a test may order.

use super::*;

const MINUTE: i64 = 60_000;

async fn unpaid(bench: &Bench, out_trade_no: &str) {
    let cashier = bench.cashier(&order(out_trade_no)).await;
    bench.get(&cashier).await;
}

#[tokio::test]
async fn a_notify_is_sent_eight_times_on_schedule() {
    let bench = Bench::new();
    let start = bench.now();
    bench.answers.lock().unwrap().extend([(500, "success"); 8]);
    bench.paid("S").await;
    let mut at = start;
    for pause in [4, 10, 10, 60, 120, 360, 900] {
        let sends = bench.sends();
        at += pause * MINUTE;
        assert_eq!(bench.simulator.next_due(), Some(at));
        bench.clock.store(at - 1, Ordering::SeqCst);
        bench.simulator.run_due().await;
        assert_eq!(bench.sends(), sends);
        bench.clock.store(at, Ordering::SeqCst);
        bench.simulator.run_due().await;
        assert_eq!(bench.sends(), sends + 1);
        assert_eq!(bench.last_notify()["notify_time"], seconds(at));
    }
    assert_eq!(bench.sends(), 8);
    bench.pass(20 * 24 * 60 * MINUTE);
    bench.simulator.run_due().await;
    assert_eq!(bench.sends(), 8);
    let sent = bench.sent.lock().unwrap();
    let ids: Vec<String> =
        sent.iter().map(|(_, _, body)| form::merge("", body, None).unwrap()["notify_id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test]
async fn a_clock_that_jumps_a_day_plays_the_day_in_order() {
    let bench = Bench::new();
    bench.answers.lock().unwrap().extend([(200, "fail"); 9]);
    bench.paid("S1").await;
    bench.pass(MINUTE);
    bench.paid("S2").await;
    bench.pass(26 * 60 * MINUTE);
    bench.simulator.run_due().await;
    let sent = bench.sent.lock().unwrap();
    let order: Vec<String> =
        sent.iter().map(|(_, _, body)| form::merge("", body, None).unwrap()["out_trade_no"].clone()).collect();
    // Nine refusals: both first sends, then alternating until the ordered answers are used up.
    assert_eq!(order, ["S1", "S2", "S1", "S2", "S1", "S2", "S1", "S2", "S1", "S2", "S1"]);
}

#[tokio::test]
async fn only_plain_success_acknowledges() {
    for (status, answer, acknowledged) in [
        (200, "success", true),
        (200, "success\n", false),
        (200, "Success", false),
        (200, "\"success\"", false),
        (200, "\u{feff}success", false),
        (200, "", false),
        (201, "success", false),
        (302, "success", false),
    ] {
        let bench = Bench::new();
        bench.answers.lock().unwrap().push_back((status, answer));
        bench.paid("K").await;
        let attempt = bench.trade("K").await["notifies"][0]["attempts"][0].clone();
        assert_eq!(attempt["acknowledged"], acknowledged, "{status} {answer:?}");
        let due = bench.trade("K").await["notifies"][0]["nextAt"].clone();
        assert_eq!(due.is_null(), acknowledged, "{status} {answer:?}");
    }
}

#[tokio::test]
async fn a_test_may_order_lies_repeats_and_silence() {
    let bench = Bench::new();
    unpaid(&bench, "L1").await;
    let (_, trade) = bench.door("trades/L1/pay", json!({"notify": false})).await;
    assert_eq!((&trade["status"], bench.sends()), (&json!("TRADE_SUCCESS"), 0));

    let lie = json!({"totalAmount": "0.02", "sellerId": "2088", "appId": "2021", "times": 3});
    bench.door("trades/L1/pay", lie).await;
    assert_eq!(bench.sends(), 3);
    let last = bench.last_notify();
    assert_eq!(
        (last["total_amount"].as_str(), last["seller_id"].as_str(), last["app_id"].as_str()),
        ("0.02", "2088", "2021")
    );

    unpaid(&bench, "L2").await;
    let (_, trade) = bench.door("trades/L2/pay", json!({"pay": false, "signWith": "other"})).await;
    assert_eq!(trade["status"], "WAIT_BUYER_PAY");
    let body = bench.sent.lock().unwrap().last().unwrap().2.clone();
    let forged = form::merge("", &body, None).unwrap();
    assert_eq!(forged["trade_status"], "TRADE_SUCCESS");
    assert!(!alipay_key(&bench.simulator).verify(&notify_content(&forged), &forged["sign"]));

    assert_eq!(bench.door("trades/L2/pay", json!({"amount": "1"})).await.0, 400);
    assert_eq!(bench.door("trades/L2/pay", json!({"times": 0})).await.0, 400);
    assert_eq!(bench.door("trades/L2/close", json!({})).await.1["status"], "TRADE_CLOSED");
    assert_eq!(bench.door("trades/L2/pay", json!({})).await, (409, json!({"error": "HasClosed"})));
    assert_eq!(bench.door("trades/L1/refund", json!({"amount": "1.00"})).await.1["refundedAmount"], "1.00");
    assert_eq!(bench.door("trades/L1/finish", json!({})).await.1["status"], "TRADE_FINISHED");
    assert_eq!(bench.door("trades/none/pay", json!({})).await.0, 404);
}

#[tokio::test]
async fn a_notify_dropped_half_way_is_sent_again() {
    let clock: crate::kit::owner::Clock = Arc::new(|| parse_seconds(START).unwrap());
    let tries = Arc::new(AtomicI64::new(0));
    let counter = tries.clone();
    let options = SimulatorOptions {
        base_url: BASE.into(),
        state_file: None,
        clock,
        send: Arc::new(move |_| {
            let first = counter.fetch_add(1, Ordering::SeqCst) == 0;
            Box::pin(async move {
                if first {
                    std::future::pending::<()>().await;
                }
                Ok((200, b"success".to_vec()))
            })
        }),
    };
    let simulator = Simulator::open(options).unwrap();
    let bench = Bench { simulator, ..Bench::new() };
    unpaid(&bench, "D").await;
    // The buyer's browser disconnects while the merchant still processes.
    let paying = bench.door("trades/D/pay", json!({}));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(1), paying).await.is_err());
    bench.simulator.run_due().await;
    assert_eq!(tries.load(Ordering::SeqCst), 2);
    assert_eq!(bench.trade("D").await["notifies"][0]["attempts"][0]["acknowledged"], true);
}
