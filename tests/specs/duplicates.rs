//! A bill that is paid twice: both payments are real, both are settled, and a person is notified.

use serde_json::json;

use crate::{
    charge::knock,
    console::Visitor,
    world::{MINUTE_MS, World, charge_of, master, texts},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_is_paid_on_two_channels_is_settled_twice_and_kept_as_an_incident() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for channel in ["ali_web", "ali_app"] {
        let charged = world.charge(&charge_of(channel, "1")).await.ok();
        knock(&world, channel, &charged).await;
        ids.push(charged["id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        let trade = world.play(id, "pay", json!({ "times": 3 })).await;
        assert_eq!(trade["notifies"][0]["attempts"][0]["acknowledged"], true);
        world.advance(1).await;
    }
    let records = world.records(&json!({ "billNum": "1", "status": "success" })).await.ok();
    assert_eq!(records["results"].as_array().unwrap().len(), 2);
    let incidents = world.incidents().await;
    assert_eq!(texts(&json!(incidents), "kind"), ["duplicate"]);
    assert!(incidents[0]["problem"].as_str().unwrap().contains(&ids[0]), "{incidents:?}");
    world.end().await;
}

/// Charges a bill on two channels. Returns the ids.
pub(crate) async fn charged_twice(world: &World, bill: &str) -> [String; 2] {
    let mut ids = Vec::new();
    for channel in ["ali_web", "ali_app"] {
        let charged = world.charge(&charge_of(channel, bill)).await.ok();
        knock(world, channel, &charged).await;
        ids.push(charged["id"].as_str().unwrap().to_owned());
    }
    ids.try_into().unwrap()
}

async fn refund_duplicates(world: &World) {
    let app = format!("/apps/{}", world.app.app_id);
    let changed = world.admin("PATCH", &app, json!({ "refundDuplicates": true })).await.done(200);
    assert_eq!((&changed["refundDuplicates"], &changed["name"]), (&json!(true), &json!("demo")));
    world.admin("PATCH", &app, json!({ "refundDuplicates": 1 })).await.problem(400, "refundDuplicates");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_payments_that_settle_in_the_same_instant_are_found() {
    let world = World::start().await;
    for round in 0..10 {
        let bill = format!("{round}");
        let [first, second] = charged_twice(&world, &bill).await;
        tokio::join!(world.play(&first, "pay", json!({})), world.play(&second, "pay", json!({})));
        let records = world.records(&json!({ "billNum": bill, "status": "success" })).await.ok();
        assert_eq!(records["results"].as_array().unwrap().len(), 2, "{bill}");
        assert_eq!(world.incidents().await.len(), round + 1, "one for each bill");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_payment_goes_back_by_itself_where_the_app_says_so() {
    let world = World::start().await;
    refund_duplicates(&world).await;
    let [first, second] = charged_twice(&world, "1").await;
    world.play(&first, "pay", json!({ "times": 2 })).await;
    world.advance(MINUTE_MS).await;
    world.play(&second, "pay", json!({ "times": 3 })).await;
    world.advance(3 * MINUTE_MS).await;
    let records = world.records(&json!({ "billNum": "1" })).await.ok();
    let status = |id: &str| {
        let record = records["results"].as_array().unwrap().iter().find(|record| record["id"] == *id);
        record.unwrap()["status"].clone()
    };
    assert_eq!((status(&first), status(&second)), (json!("success"), json!("refund")));
    assert_eq!(world.trade(&first).await["refunds"], json!([]));
    assert_eq!(world.trade(&second).await["refunds"].as_array().unwrap().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_lost_notifies_the_sweep_finds_the_duplicate_too() {
    let world = World::start().await;
    refund_duplicates(&world).await;
    let ids = charged_twice(&world, "1").await;
    for id in &ids {
        world.play(id, "pay", json!({ "notify": false })).await;
    }
    world.advance(5 * MINUTE_MS).await;
    let records = world.records(&json!({ "billNum": "1" })).await.ok();
    let mut found = texts(&records["results"], "status");
    found.sort();
    assert_eq!(found, ["refund", "success"]);
    assert_eq!(texts(&json!(world.incidents().await), "kind"), ["duplicate"]);
    world.end().await;
}

/// A fully refunded payment was still a payment, and so is the second.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_payment_is_a_duplicate_though_all_of_the_first_is_back() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({ "events": ["payment.duplicate"] })).await;
    for (number, notify) in [true, false].into_iter().enumerate() {
        let bill = format!("{notify}");
        let [first, second] = charged_twice(&world, &bill).await;
        world.play(&first, "pay", json!({})).await;
        let refund = json!({ "billNum": bill, "refundNum": format!("R-{bill}"), "refundFee": 9900 }).to_string();
        world.post_as(&master(&world.app), "/2.0/maxpay/refund", refund).await.ok();
        world.advance(1).await;
        world.play(&second, "pay", json!({ "notify": notify })).await;
        world.advance(2 * MINUTE_MS).await;
        let records = world.records(&json!({ "billNum": bill })).await.ok();
        let mut found = texts(&records["results"], "status");
        found.sort();
        assert_eq!(found, ["refund", "success"], "{bill}");
        let incidents = world.incidents().await;
        let mine = incidents.iter().find(|incident| incident["billNum"] == bill.as_str()).unwrap();
        assert_eq!(mine["kind"], "duplicate", "{incidents:?}");
        assert!(mine["problem"].as_str().unwrap().contains(&first), "{mine}");
        assert_eq!(world.arrivals("shop").await.len(), number + 1, "{bill}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_lost_notifies_a_sync_finds_the_duplicate_too() {
    let world = World::start().await;
    refund_duplicates(&world).await;
    for id in &charged_twice(&world, "1").await {
        world.play(id, "pay", json!({ "notify": false })).await;
    }
    let sync = json!({ "billNum": "1" }).to_string();
    world.post_as(&crate::world::master(&world.app), "/2.0/maxpay/sync", sync).await.ok();
    assert_eq!(texts(&json!(world.incidents().await), "kind"), ["duplicate"]);
    world.advance(3 * MINUTE_MS).await;
    let records = world.records(&json!({ "billNum": "1" })).await.ok();
    let mut found = texts(&records["results"], "status");
    found.sort();
    assert_eq!(found, ["refund", "success"]);
    world.end().await;
}

/// A refund that begins within an operator's call lies deepest of all calls. Its futures once filled the stack.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_goes_back_when_an_operator_asks_the_provider_or_closes_the_other_try() {
    for (bill, action) in [("1", "sync"), ("2", "close")] {
        let world = World::start().await;
        let owner = Visitor::owner(&world).await;
        let [first, second] = charged_twice(&world, bill).await;
        world.play(&first, "pay", json!({})).await;
        world.advance(MINUTE_MS).await;
        // The notify is lost, so the operator's call learns of the payment.
        world.play(&second, "pay", json!({ "notify": false })).await;
        refund_duplicates(&world).await;
        let page = format!("/apps/{}/transactions/{second}/{action}?mode=test&bill={bill}", world.app.app_id);
        let answer = owner.post(&world, &page, &[]).await;
        assert!([303, 422].contains(&answer.status), "{action}: {}", answer.text());
        world.advance(3 * MINUTE_MS).await;
        let records = world.records(&json!({ "billNum": bill, "status": "refund" })).await.ok();
        assert_eq!(texts(&records["results"], "id"), [second], "{action}");
        world.end().await;
    }
}
