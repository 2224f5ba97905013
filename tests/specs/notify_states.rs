//! Notifies and the states of a payment: which changes are allowed.

use serde_json::json;

use crate::{
    notify::{charged, check_acknowledged, check_refused, check_status},
    notify_message::Message,
    world::{START_MS, World, charge_of, texts},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_trade_that_was_paid_is_a_refund() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    let closed = Message::paid(&trade).with("trade_status", "TRADE_CLOSED").with("refund_fee", "99.00");
    check_acknowledged(&world.post_form(&url, closed.signed()).await);
    let record = world.record("1").await;
    check_status(&record, "refund", Some(START_MS));
    assert_eq!(record["refundedFee"], 9900);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn states_never_go_backwards() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    check_acknowledged(&world.post_form(&url, Message::paid(&trade).signed()).await);
    let closed_unpaid = Message::paid(&trade).without("gmt_payment").with("trade_status", "TRADE_CLOSED");
    check_refused(&world.post_form(&url, closed_unpaid.clone().signed()).await);
    check_status(&world.record("1").await, "success", Some(START_MS));
    let all_back = Message::paid(&trade).with("trade_status", "TRADE_CLOSED").with("refund_fee", "99.00");
    check_acknowledged(&world.post_form(&url, all_back.signed()).await);
    check_acknowledged(&world.post_form(&url, Message::paid(&trade).signed()).await);
    check_acknowledged(&world.post_form(&url, closed_unpaid.signed()).await);
    check_status(&world.record("1").await, "refund", Some(START_MS));
    assert_eq!(texts(&json!(world.incidents().await), "kind"), ["closed-after-payment"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_payment_under_another_number_is_an_incident() {
    let world = World::start().await;
    let (trade, url) = charged(&world, "1").await;
    check_acknowledged(&world.post_form(&url, Message::paid(&trade).signed()).await);
    let again = Message::paid(&trade).with("trade_no", "2026112322001400000000000099");
    check_refused(&world.post_form(&url, again.signed()).await);
    assert_eq!(texts(&json!(world.incidents().await), "kind"), ["paid-again"]);
    check_status(&world.record("1").await, "success", Some(START_MS));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notify_of_an_old_account_is_as_good() {
    let world = World::start().await;
    world.configure(&world.app, &world.merchant("mapi").await).await;
    let lies =
        [json!({ "signWith": "other" }), json!({ "totalAmount": "0.01" }), json!({ "sellerId": "2088000000000001" })];
    for (number, lie) in lies.iter().enumerate() {
        let bill = number.to_string();
        let charged = world.charge(&charge_of("ali_web", &bill)).await.ok();
        world.call("GET", charged["ali_web"].as_str().unwrap(), &[], "").await.location(302);
        let id = charged["id"].as_str().unwrap();
        let trade = world.play(id, "pay", lie.clone()).await;
        assert_eq!(trade["notifies"][0]["attempts"][0]["acknowledged"], false, "{lie}");
        check_status(&world.record(&bill).await, "created", None);
        world.play(id, "pay", json!({})).await;
        check_status(&world.record(&bill).await, "success", Some(START_MS));
    }
    world.end().await;
}
