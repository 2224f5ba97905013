//! A bill is charged once, however often the charge is repeated; it is paid once; and it can be charged again after it expired.

use domain::{Channel, Family};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    channels::{charge_on, names_of},
    world::{MINUTE_MS, START_MS, World, charge_of, client, master, texts, with},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_charge_twice_is_one_transaction() {
    let world = World::start().await;
    for channel in names_of(Family::Ali) {
        let charge = with(charge_of(channel, channel), &json!({ "extras": { "t": "2" } }));
        let first = world.charge(&charge).await.ok();
        world.advance(MINUTE_MS).await;
        let second = world.charge(&charge).await.ok();
        assert_eq!(first["id"], second["id"], "{channel}");
        assert_eq!(world.record(channel).await["id"], first["id"]);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_charge_hands_out_fresh_parameters_that_can_be_paid() {
    let world = World::start().await;
    let first = world.charge(&charge_of("ali_web", "1")).await.ok();
    world.advance(60 * MINUTE_MS).await;
    let second = world.charge(&charge_of("ali_web", "1")).await.ok();
    assert_ne!(first["ali_web"], second["ali_web"], "the time of the request is signed");
    let cashier = world.call("GET", second["ali_web"].as_str().unwrap(), &[], "").await.location(302);
    world.post_form(&cashier, "action=pay").await.location(303);
    assert_eq!(world.record("1").await["status"], "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_bill_binds_the_amount_and_the_subject_of_its_channel() {
    let world = World::start().await;
    let charge = charge_of("ali_web", "1");
    let first = world.charge(&charge).await.ok();
    world.charge(&with(charge.clone(), &json!({ "totalFee": 9901 }))).await.refused(5, "totalFee must be 9900");
    world.charge(&with(charge.clone(), &json!({ "subject": "Coffee" }))).await.refused(5, "subject");
    world.charge(&with(charge.clone(), &json!({ "totalFee": 1, "subject": "Coffee" }))).await.refused(5, "totalFee");
    let elsewhere = json!({ "channel": "ali_wap", "totalFee": 9901, "subject": "Coffee" });
    let second = world.charge(&with(charge.clone(), &elsewhere)).await.ok();
    assert_ne!(first["id"], second["id"]);
    assert_eq!(world.charge(&charge).await.ok()["id"], first["id"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_details_of_an_open_bill_may_differ() {
    let world = World::start().await;
    let charge = with(charge_of("ali_web", "1"), &json!({ "extras": { "t": 1 } }));
    let first = world.charge(&charge).await.ok();
    let details =
        json!({ "extras": { "t": 2 }, "returnUrl": "https://other.example/", "billTimeout": 400, "qrPayMode": 1 });
    let second = world.charge(&with(charge, &details)).await.ok();
    assert_eq!(first["id"], second["id"]);
    assert_eq!(world.record("1").await["extras"], json!({ "t": 1 }), "the first ones are kept");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_bill_cannot_be_charged_on_any_channel() {
    let world = World::start().await;
    let id = world.paid("1").await;
    for channel in Channel::ALL {
        world.charge(&charge_on(channel, "1")).await.refused(5, "billNum");
    }
    world.play(&id, "refund", json!({})).await;
    assert_eq!(world.record("1").await["status"], "refund");
    world.charge(&charge_of("ali_qrcode", "1")).await.refused(5, "billNum");
    world.charge(&charge_of("ali_web", "1")).await.refused(5, &id);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_belongs_to_its_app_and_its_mode() {
    let world = World::start().await;
    let other = world.new_app("other").await;
    world.configure(&other, &json!({ "protocol": "simulator" })).await;
    world.paid("1").await;
    let charge = charge_of("ali_qrcode", "1").to_string();
    world.post_as(&client(&other), "/2.0/maxpay/bill", charge.clone()).await.ok();
    let live_channel = format!("/apps/{}/channels/ali?mode=live", world.app.app_id);
    world.admin("PUT", &live_channel, world.merchant("openapi").await).await.done(200);
    let live = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-APIKey", &world.app.live.client_key)];
    world.post_as(&live, "/2.0/maxpay/bill", charge).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_bill_is_tried_again_under_a_new_id() {
    let world = World::start().await;
    let charge = with(charge_of("ali_qrcode", "1"), &json!({ "billTimeout": 360 }));
    let first = world.charge(&charge).await.ok();
    world.advance(359_999).await;
    assert_eq!(world.charge(&charge).await.ok()["id"], first["id"]);
    world.advance(1).await;
    // The first try does not limit the second.
    let changed = with(charge.clone(), &json!({ "totalFee": 1, "subject": "Coffee" }));
    let second = world.charge(&changed).await.ok();
    assert_ne!(second["id"], first["id"]);
    let records = world.records(&json!({ "billNum": "1" })).await.ok();
    let ids = [&second["id"], &first["id"]].map(|id| id.as_str().unwrap().to_owned());
    assert_eq!(texts(&records["results"], "id"), ids, "the newest first");
    world.play(&ids[0], "pay", json!({})).await;
    let paid = world.records(&json!({ "billNum": "1", "status": "success" })).await.ok();
    assert_eq!(texts(&paid["results"], "id"), [ids[0].as_str()]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_bill_is_tried_again_under_a_new_id() {
    let world = World::start().await;
    let first = world.charged("1").await;
    world.play(&first, "open", json!({})).await;
    world.play(&first, "close", json!({})).await;
    assert_eq!(world.record("1").await["status"], "closed");
    let second = world.charged("1").await;
    assert_ne!(first, second);
    world.play(&second, "pay", json!({})).await;
    let records = world.records(&json!({ "billNum": "1", "order": "createdTime" })).await.ok();
    let mut statuses = texts(&records["results"], "status");
    statuses.sort();
    assert_eq!(statuses, ["closed", "success"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_lasts_two_hours_unless_it_says_otherwise() {
    let world = World::start().await;
    let first = world.charged("1").await;
    assert_eq!(world.play(&first, "open", json!({})).await["expiresAt"], START_MS + 2 * 3_600_000);
    world.advance(2 * 3_600_000 - 1).await;
    assert_eq!(world.charged("1").await, first);
    world.advance(1).await;
    assert_ne!(world.charged("1").await, first);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_charges_at_once_make_one_transaction() {
    let world = World::start().await;
    for channel in ["ali_app", "ali_qrcode"] {
        let charge = charge_of(channel, channel);
        let answers = join_all((0..50).map(|_| world.charge(&charge))).await;
        let mut ids: Vec<Value> = answers.iter().map(|answer| answer.ok()["id"].clone()).collect();
        ids.dedup();
        assert_eq!(ids.len(), 1, "{channel} {ids:?}");
        assert_eq!(world.record(channel).await["id"], ids[0]);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_amounts_at_once_one_wins_and_the_other_is_refused() {
    let world = World::start().await;
    let fees: Vec<i64> = (1..=20).collect();
    let charges: Vec<Value> =
        fees.iter().map(|fee| with(charge_of("ali_web", "1"), &json!({ "totalFee": fee }))).collect();
    let answers = join_all(charges.iter().map(|charge| world.charge(charge))).await;
    let mut codes: Vec<i64> = answers.iter().map(crate::answer::Answer::code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [vec![0], vec![5; 19]].concat());
    assert_eq!(world.record("1").await["status"], "created");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_is_tried_ninety_nine_times_on_a_channel_and_half_as_often_by_clients() {
    let world = World::start().await;
    let charge = with(charge_of("ali_web", "1"), &json!({ "billTimeout": 360 }));
    for _ in 0..49 {
        world.charge(&charge).await.ok();
        world.advance(360_000).await;
    }
    world.charge(&charge).await.refused(5, "49");
    let close = json!({ "billNum": "1", "channel": "ali_web" }).to_string();
    for _ in 49..99 {
        world.charge_as_server(&charge).await.ok();
        world.post_as(&master(&world.app), "/2.0/maxpay/close", close.clone()).await.ok();
    }
    world.charge_as_server(&charge).await.refused(5, "99");
    world.charge_as_server(&with(charge, &json!({ "channel": "ali_wap" }))).await.ok();
    let records = world.records(&json!({ "billNum": "1", "limit": 100 })).await.ok();
    assert_eq!(records["results"].as_array().unwrap().len(), 100);
    world.end().await;
}
