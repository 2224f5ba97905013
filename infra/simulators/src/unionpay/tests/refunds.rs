//! Refunds and voids: what is allowed, what is notified, what queries find.

use super::*;

async fn back(bench: &Bench, kind: &str, order: (&str, &str), orig: &str) -> Params {
    let (order_id, amount) = order;
    let more = [("orderId", Some(order_id)), ("txnAmt", Some(amount)), ("origQryId", Some(orig))];
    bench.call(kind, &more).await
}

#[tokio::test]
async fn several_refunds_never_exceed_what_was_paid() {
    let bench = Bench::new();
    let paid = bench.paid("WEB00001").await;
    let first = back(&bench, "refund", ("REFUND01", "8000"), &paid).await;
    assert_eq!((first["respCode"].as_str(), first["txnType"].as_str()), ("00", "04"));
    assert_eq!(first["origQryId"], paid);
    assert_ne!(first["queryId"], paid);
    assert_eq!(back(&bench, "refund", ("REFUND02", "889"), &paid).await["respCode"], "36");
    assert_eq!(back(&bench, "refund", ("REFUND01", "8000"), &paid).await["respCode"], "12");
    assert_eq!(back(&bench, "refund", ("WEB00001", "100"), &paid).await["respCode"], "12");
    assert_eq!(back(&bench, "refund", ("REFUND03", "888"), &paid).await["respCode"], "00");
    assert_eq!(back(&bench, "refund", ("REFUND04", "1"), &paid).await["respCode"], "36");

    // Nothing is sent inside the merchant's own request.
    assert_eq!(bench.sends(), 1);
    assert_eq!(bench.simulator.next_due(), Some(bench.now()));
    bench.simulator.run_due().await;
    assert_eq!(bench.sends(), 3);
    let told = bench.last_notify();
    #[rustfmt::skip]
    let expected = [
        ("txnType", "04"), ("txnSubType", "00"), ("orderId", "REFUND03"), ("txnAmt", "888"), ("respCode", "00"),
        ("origQryId", paid.as_str()), ("currencyCode", "156"),
    ];
    for (name, value) in expected {
        assert_eq!(told[name], value, "{name}");
    }
    // Each is found by its own number. The payment shows none of them.
    let found = bench.query("REFUND01", START).await;
    assert_eq!((found["origRespCode"].as_str(), found["txnAmt"].as_str()), ("00", "8000"));
    assert_eq!(found["queryId"], first["queryId"]);
    let payment = bench.query("WEB00001", START).await;
    assert_eq!((payment["origRespCode"].as_str(), payment["txnAmt"].as_str()), ("00", "8888"));
    assert_eq!(bench.query("REFUND02", START).await["respCode"], "34");
    assert_eq!(bench.order("WEB00001").await["refunds"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn only_a_paid_order_of_ones_own_is_refunded() {
    let bench = Bench::new();
    bench.cashier("WEB00001").await;
    let unpaid = bench.order("WEB00001").await["queryId"].as_str().unwrap().to_owned();
    assert_eq!(back(&bench, "refund", ("REFUND01", "1"), &unpaid).await["respCode"], "35");
    assert_eq!(back(&bench, "refund", ("REFUND01", "1"), "202611231200009999999").await["respCode"], "35");
    let paid = bench.paid("WEB00002").await;
    let foreign = [("orderId", Some("REFUND01")), ("origQryId", Some(paid.as_str())), ("merId", Some(NEW))];
    assert_eq!(bench.call("refund", &foreign).await["respCode"], "35");
    let refund = back(&bench, "refund", ("REFUND01", "1"), &paid).await["queryId"].clone();
    assert_eq!(back(&bench, "refund", ("REFUND02", "1"), &refund).await["respCode"], "35");
    bench.pass(330 * 24 * 60 * MINUTE);
    assert_eq!(back(&bench, "refund", ("REFUND03", "1"), &paid).await["respCode"], "00");
    bench.pass(1_000);
    assert_eq!(back(&bench, "refund", ("REFUND04", "1"), &paid).await["respCode"], "39");
}

#[tokio::test]
async fn a_void_is_whole_and_of_the_same_settlement_day() {
    let bench = Bench::new();
    let paid = bench.paid("WEB00001").await;
    assert_eq!(back(&bench, "void", ("VOID0001", "8887"), &paid).await["respCode"], "36");
    let voided = back(&bench, "void", ("VOID0001", "8888"), &paid).await;
    assert_eq!((voided["respCode"].as_str(), voided["txnType"].as_str()), ("00", "31"));
    assert_eq!(back(&bench, "void", ("VOID0002", "8888"), &paid).await["respCode"], "35");
    assert_eq!(back(&bench, "refund", ("REFUND01", "1"), &paid).await["respCode"], "35");
    bench.simulator.run_due().await;
    assert_eq!(bench.last_notify()["txnType"], "31");

    let refunded = bench.paid("WEB00002").await;
    back(&bench, "refund", ("REFUND02", "1"), &refunded).await;
    assert_eq!(back(&bench, "void", ("VOID0003", "8888"), &refunded).await["respCode"], "35");

    let late = bench.paid("WEB00003").await;
    bench.pass(11 * 60 * MINUTE - 1_000);
    let last = bench.paid("WEB00004").await;
    assert_eq!(back(&bench, "void", ("VOID0004", "8888"), &last).await["respCode"], "00");
    bench.pass(1_000);
    assert_eq!(back(&bench, "void", ("VOID0005", "8888"), &late).await["respCode"], "39");
}

#[tokio::test]
async fn a_refund_may_be_slow_or_fail_and_both_are_told() {
    let bench = Bench::new();
    let paid = bench.paid("WEB00001").await;
    bench.door("faults", json!({ "next": ["slow", "fails"] })).await;
    assert_eq!(back(&bench, "refund", ("REFUND01", "8000"), &paid).await["respCode"], "00");
    assert_eq!(back(&bench, "refund", ("REFUND02", "888"), &paid).await["respCode"], "00");
    bench.simulator.run_due().await;
    let told = bench.last_notify();
    assert_eq!((told["orderId"].as_str(), told["respCode"].as_str()), ("REFUND02", "60"));
    assert_eq!(bench.query("REFUND01", START).await["origRespCode"], "05");
    assert_eq!(bench.query("REFUND02", START).await["origRespCode"], "60");
    // The amount of a refund in progress is reserved; that of a failed one is not.
    assert_eq!(back(&bench, "refund", ("REFUND03", "889"), &paid).await["respCode"], "36");
    assert_eq!(bench.order("WEB00001").await["returnedAmt"], "8000");
    bench.pass(5 * MINUTE);
    bench.simulator.run_due().await;
    assert_eq!(bench.last_notify()["orderId"], "REFUND01");
    assert_eq!(bench.query("REFUND01", START).await["origRespCode"], "00");
}

#[tokio::test]
async fn a_void_that_fails_leaves_the_payment_as_it_was() {
    let bench = Bench::new();
    let paid = bench.paid("WEB00001").await;
    bench.door("faults", json!({ "next": ["fails"] })).await;
    assert_eq!(back(&bench, "void", ("VOID0001", "8888"), &paid).await["respCode"], "00");
    assert_eq!(back(&bench, "void", ("VOID0002", "8888"), &paid).await["respCode"], "00");
}

#[tokio::test]
async fn the_back_office_refunds_too_and_can_end_a_slow_one() {
    let bench = Bench::new();
    let paid = bench.paid("WEB00001").await;
    let (status, order) = bench.door("orders/WEB00001/refund", json!({ "txnAmt": "88" })).await;
    assert_eq!((status, order["returnedAmt"].as_str().unwrap()), (200, "88"));
    assert_eq!(bench.door("orders/WEB00001/refund", json!({ "txnAmt": "8801" })).await.0, 409);
    bench.door("faults", json!({ "next": ["slow"] })).await;
    back(&bench, "refund", ("REFUND01", "800"), &paid).await;
    bench.simulator.run_due().await;
    let (_, refund) = bench.door("orders/REFUND01/refund", json!({ "respCode": "64" })).await;
    assert_eq!((refund["state"].as_str().unwrap(), refund["respCode"].as_str().unwrap()), ("failed", "64"));
    assert_eq!(bench.last_notify()["respCode"], "64");
    bench.door("orders/REFUND01/refund", json!({ "respCode": "00", "signWith": "other", "times": 2 })).await;
    let (told, accepted) = bench.heard();
    assert_eq!((told["respCode"].as_str(), accepted), ("00", false));
    assert_eq!(bench.door("orders/WEB00001/refund", json!({})).await.1["returnedAmt"], "8888");
}
