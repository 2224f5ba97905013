//! Charging again at UnionPay, which accepts an order once, only while its time is the present time, and gives out its `tn` once.

use serde_json::{Value, json};

use crate::{
    unionpay::{CHANNELS, check_answers, check_open, fault, open, play},
    world::{MINUTE_MS, World, charge_of},
};

/// UnionPay has the order, and gives out its `tn` once: nobody can pay that order now, so another replaces it.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_tn_was_lost_is_closed_and_another_takes_its_place() {
    let world = World::start().await;
    for trouble in
        ["garbage", "cut", "unsigned", "badSignature", "expiredCert", "foreignCn", "selfMade", "fakeIssuer", "05"]
    {
        fault(&world, trouble).await;
        world.charge(&charge_of("unipay_app", trouble)).await.refused(7, "");
        let first = world.record(trouble).await;
        check_open(&first);
        let again = world.charge(&charge_of("unipay_app", trouble)).await.ok();
        assert_ne!(again["id"], first["id"], "{trouble}");
        assert_eq!(world.charge(&charge_of("unipay_app", trouble)).await.ok(), again, "{trouble}");
        check_statuses(&world, trouble, &[(&first["id"], "closed"), (&again["id"], "created")]).await;
        let cashier = open(&world, "unipay_app", &again).await;
        world.post_form(&cashier, "action=pay").await;
        check_statuses(&world, trouble, &[(&first["id"], "closed"), (&again["id"], "success")]).await;
    }
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

async fn check_statuses(world: &World, bill: &str, expect: &[(&Value, &str)]) {
    let results = world.records(&json!({ "billNum": bill })).await.ok()["results"].clone();
    assert_eq!(results.as_array().unwrap().len(), expect.len(), "{results}");
    for (id, status) in expect {
        let record = results.as_array().unwrap().iter().find(|record| record["id"] == **id).unwrap();
        assert_eq!(record["status"], *status, "{results}");
    }
}

/// The second charge finds an order whose `tn` it cannot know. So it gives up the try and makes another. Then the first one's
/// answer comes late: its `tn` must not be given out, too, or the bill could be paid twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_tn_that_comes_late_is_not_handed_out_beside_another() {
    let world = World::start().await;
    fault(&world, "late").await;
    let bill = charge_of("unipay_app", "1");
    let (one, other) = tokio::join!(world.charge(&bill), world.charge(&bill));
    let (one, other) = (one.ok(), other.ok());
    assert_eq!((&one["id"], &one["tn"]), (&other["id"], &other["tn"]));
    assert_eq!(world.charge(&bill).await.ok(), one);
    let cashier = open(&world, "unipay_app", &one).await;
    world.post_form(&cashier, "action=pay").await;
    let paid = world.records(&json!({ "billNum": "1", "status": "success" })).await.ok()["results"].clone();
    assert_eq!((paid.as_array().unwrap().len(), &paid[0]["id"]), (1, &one["id"]));
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_orders_of_a_bill_that_are_paid_at_unionpay_are_an_incident() {
    let world = World::start().await;
    fault(&world, "garbage").await;
    world.charge(&charge_of("unipay_app", "1")).await.refused(7, "");
    let first = world.record("1").await["id"].clone();
    let again = world.charge(&charge_of("unipay_app", "1")).await.ok()["id"].clone();
    for id in [&first, &again] {
        check_answers(&play(&world, id.as_str().unwrap(), "pay", json!({})).await, 200, "ok", 1);
    }
    check_statuses(&world, "1", &[(&first, "success"), (&again, "success")]).await;
    let incidents = world.incidents().await;
    assert_eq!((incidents.len(), &incidents[0]["kind"]), (1, &json!("duplicate")), "{incidents:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_is_charged_again_half_an_hour_later_is_paid_by_app() {
    let world = World::start().await;
    fault(&world, "http500").await;
    world.charge(&charge_of("unipay_app", "1")).await.refused(7, "");
    let stale = world.record("1").await["id"].clone();
    world.advance(30 * MINUTE_MS).await;
    let again = world.charge(&charge_of("unipay_app", "1")).await.ok();
    let cashier = open(&world, "unipay_app", &again).await;
    world.post_form(&cashier, "action=pay").await;
    check_statuses(&world, "1", &[(&stale, "created"), (&again["id"], "success")]).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_is_charged_again_half_an_hour_later_is_paid_on_the_web() {
    let world = World::start().await;
    let stale = world.charge(&charge_of("unipay_web", "1")).await.ok()["id"].clone();
    world.advance(30 * MINUTE_MS).await;
    let again = world.charge(&charge_of("unipay_web", "1")).await.ok();
    let cashier = open(&world, "unipay_web", &again).await;
    world.post_form(&cashier, "action=pay").await;
    check_statuses(&world, "1", &[(&stale, "created"), (&again["id"], "success")]).await;
    world.end().await;
}

/// A payer who goes back and forth, or a shop that charges again.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_unionpay_can_be_opened_again() {
    let world = World::start().await;
    let first = world.charge(&charge_of("unipay_web", "1")).await.ok();
    open(&world, "unipay_web", &first).await;
    world.advance(MINUTE_MS).await;
    let again = world.charge(&charge_of("unipay_web", "1")).await.ok();
    let cashier = open(&world, "unipay_web", &again).await;
    world.post_form(&cashier, "action=pay").await;
    let results = world.records(&json!({ "billNum": "1", "status": "success" })).await.ok()["results"].clone();
    assert_eq!(results.as_array().unwrap().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_charge_twice_is_one_order_at_unionpay() {
    let world = World::start().await;
    for channel in CHANNELS {
        let first = world.charge(&charge_of(channel, channel)).await.ok();
        let again = world.charge(&charge_of(channel, channel)).await;
        assert_eq!((again.code(), &again.json()["id"]), (0, &first["id"]), "{channel} {}", again.text());
    }
    world.end().await;
}
