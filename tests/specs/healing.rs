//! Bills repair themselves: silent bills are queried, expired bills are closed, and any check that finds a payment sends its event.

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    unionpay, wechat,
    world::{MINUTE_MS, START_MS, World, charge_of, client, master, with},
};

/// Paid at the provider, without a notify.
async fn paid_in_silence(world: &World, bill: &str) -> String {
    let id = world.charged(bill).await;
    world.play(&id, "pay", json!({ "notify": false })).await;
    id
}

async fn close(world: &World, bill: &str, channel: &str) -> Answer {
    let body = json!({ "billNum": bill, "channel": channel }).to_string();
    world.post_as(&master(&world.app), "/2.0/maxpay/close", body).await
}

async fn sync(world: &World, body: &Value) -> Answer {
    world.post_as(&master(&world.app), "/2.0/maxpay/sync", body.to_string()).await
}

/// The status. This query causes no call to a provider, because it is for many bills.
async fn status(world: &World, bill: &str) -> Value {
    let all = world.records(&json!({ "limit": 100 })).await.ok();
    let mine = all["results"].as_array().unwrap().iter().find(|record| record["billNum"] == bill);
    mine.unwrap()["status"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_notify_heals_within_two_minutes() {
    let world = World::start().await;
    paid_in_silence(&world, "1").await;
    assert_eq!(status(&world, "1").await, "created");
    world.advance(2 * MINUTE_MS).await;
    assert_eq!(status(&world, "1").await, "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_notifies_of_every_provider_heal() {
    let world = World::start().await;
    let wechat_id = wechat::charged(&world, "wx_native", "wechat").await;
    wechat::play(&world, &wechat_id, "pay", json!({ "notify": false })).await;
    let unionpay_id = unionpay::opened(&world, "unipay_app", "unionpay").await;
    unionpay::play(&world, &unionpay_id, "pay", json!({ "notify": false })).await;
    world.advance(2 * MINUTE_MS).await;
    assert_eq!(status(&world, "wechat").await, "success");
    assert_eq!(status(&world, "unionpay").await, "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_bill_is_asked_about_five_times_and_then_closed() {
    let world = World::start().await;
    for (channel, bill) in [("ali_qrcode", "ali"), ("ali_web", "unopened"), ("unipay_app", "unionpay")] {
        world.charge(&charge_of(channel, bill)).await.ok();
    }
    wechat::charged(&world, "wx_native", "wechat").await;
    world.advance(119 * MINUTE_MS).await;
    for bill in ["ali", "unopened", "unionpay", "wechat"] {
        assert_eq!(status(&world, bill).await, "created", "{bill}");
    }
    world.advance(4 * MINUTE_MS).await;
    for bill in ["ali", "unopened", "unionpay", "wechat"] {
        let record = world.record(bill).await;
        assert_eq!(record["status"], "closed", "{bill}");
        let ended = record["endTime"].as_i64().unwrap() - START_MS;
        assert!((120 * MINUTE_MS..=123 * MINUTE_MS).contains(&ended), "{bill}: {ended}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_with_a_time_of_its_own_is_closed_at_its_end() {
    let world = World::start().await;
    world.charge(&with(charge_of("ali_qrcode", "1"), &json!({ "billTimeout": 360 }))).await.ok();
    world.advance(6 * MINUTE_MS).await;
    assert_eq!(status(&world, "1").await, "created");
    world.advance(3 * MINUTE_MS).await;
    assert_eq!(status(&world, "1").await, "closed");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_a_closed_bill_still_counts() {
    let world = World::start().await;
    let id = unionpay::opened(&world, "unipay_app", "1").await;
    world.advance(125 * MINUTE_MS).await;
    assert_eq!(status(&world, "1").await, "closed");
    unionpay::play(&world, &id, "pay", json!({ "late": true })).await;
    assert_eq!(status(&world, "1").await, "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_provider_delays_and_loses_nothing() {
    let world = World::start().await;
    for n in 0..12 {
        paid_in_silence(&world, &format!("{n}")).await;
    }
    world.faults(&["http500"; 100]).await;
    world.advance(20 * MINUTE_MS).await;
    assert_eq!(status(&world, "0").await, "created");
    world.faults(&[]).await;
    world.advance(45 * MINUTE_MS).await;
    for n in 0..12 {
        assert_eq!(status(&world, &format!("{n}")).await, "success", "{n}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_at_a_silent_bill_is_told_the_truth() {
    let world = World::start().await;
    paid_in_silence(&world, "1").await;
    let look = || async {
        let body = json!({ "billNum": "1" }).to_string();
        let told = world.post_as(&client(&world.app), "/2.0/maxpay/records", body).await.ok();
        told["results"][0]["status"].clone()
    };
    assert_eq!(look().await, "created", "the notify still has a while");
    world.advance(14_999).await;
    assert_eq!(look().await, "created");
    world.advance(1).await;
    assert_eq!(look().await, "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_often_asks_the_provider_once_in_fifteen_seconds() {
    let world = World::start().await;
    let id = world.charged("1").await;
    world.advance(20_000).await;
    assert_eq!(world.record("1").await["status"], "created");
    world.play(&id, "pay", json!({ "notify": false })).await;
    assert_eq!(world.record("1").await["status"], "created", "it was asked about just now");
    world.advance(15_000).await;
    assert_eq!(world.record("1").await["status"], "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_does_not_make_a_query_fail() {
    let world = World::start().await;
    world.charged("1").await;
    world.advance(20_000).await;
    world.faults(&["http500"]).await;
    assert_eq!(world.record("1").await["status"], "created");
    world.advance(20_000).await;
    world.faults(&["timeout"]).await;
    assert_eq!(world.record("1").await["status"], "created");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_asks_now_and_answers_what_is_known_then() {
    let world = World::start().await;
    paid_in_silence(&world, "1").await;
    let told = sync(&world, &json!({ "billNum": "1" })).await.ok();
    assert_eq!(told["results"][0]["status"], "success");
    sync(&world, &json!({ "billNum": "2" })).await.refused(5, "billNum");
    sync(&world, &json!({ "billNum": "1", "channel": "wx" })).await.refused(5, "billNum");
    sync(&world, &json!({})).await.refused(4, "billNum");
    paid_in_silence(&world, "3").await;
    world.faults(&["http500"]).await;
    sync(&world, &json!({ "billNum": "3" })).await.refused(7, "500");
    assert_eq!(
        sync(&world, &json!({ "billNum": "3", "channel": "ali" })).await.ok()["results"][0]["status"],
        "success"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_closes_at_the_provider_and_here() {
    let world = World::start().await;
    let id = world.charged("1").await;
    world.play(&id, "open", json!({})).await;
    let closed = close(&world, "1", "ali_qrcode").await.ok();
    assert_eq!((&closed["id"], &closed["status"]), (&json!(id), &json!("closed")));
    assert_eq!(world.trade(&id).await["status"], "TRADE_CLOSED");
    assert_eq!(close(&world, "1", "ali_qrcode").await.ok()["status"], "closed");

    let wechat_id = wechat::charged(&world, "wx_native", "2").await;
    assert_eq!(close(&world, "2", "wx_native").await.ok()["status"], "closed");
    assert_eq!(wechat::trade(&world, &wechat_id).await["state"], "CLOSED");

    world.charge(&charge_of("unipay_app", "3")).await.ok();
    assert_eq!(close(&world, "3", "unipay_app").await.ok()["status"], "closed");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_bill_is_not_closed_even_if_we_do_not_know_yet() {
    let world = World::start().await;
    paid_in_silence(&world, "1").await;
    close(&world, "1", "ali_qrcode").await.refused(5, "billNum must be of an unpaid bill");
    assert_eq!(status(&world, "1").await, "success");
    close(&world, "1", "ali_web").await.refused(5, "ali_web");
    close(&world, "2", "ali_web").await.refused(5, "billNum");
    world.charged("3").await;
    world.faults(&["http500"]).await;
    close(&world, "3", "ali_qrcode").await.refused(7, "500");
    assert_eq!(status(&world, "3").await, "created");
    world.end().await;
}
