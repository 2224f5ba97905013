//! The limits of an app's public keys: a client key is in every page of a shop, and must not charge more than the app allows.

use serde_json::{Value, json};

use crate::world::{MINUTE_MS, World, charge_of, master};

async fn change(world: &World, bounds: Value) -> Value {
    world.admin("PATCH", &format!("/apps/{}", world.app.app_id), bounds).await.done(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_key_charges_as_often_as_its_app_allows() {
    let world = World::start().await;
    let shown = world.admin("GET", &format!("/apps/{}", world.app.app_id), Value::Null).await.done(200);
    assert_eq!((&shown["clientChargesPerMinute"], &shown["clientOpenBills"]), (&json!(6000), &json!(50_000)));
    let changed = change(&world, json!({ "clientChargesPerMinute": 5 })).await;
    assert_eq!((&changed["clientChargesPerMinute"], &changed["clientOpenBills"]), (&json!(5), &json!(50_000)));
    for number in 0..5 {
        world.charge(&charge_of("ali_web", &format!("b{number}"))).await.ok();
    }
    for number in 5..8 {
        world.charge(&charge_of("ali_web", &format!("b{number}"))).await.refused(5, "clientChargesPerMinute");
    }
    let session = world.session(3600).await;
    let by_session = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-Session-Token", session.as_str())];
    let charge = charge_of("ali_web", "b8").to_string();
    world.post_as(&by_session, "/2.0/maxpay/bill", charge.clone()).await.refused(5, "clientChargesPerMinute");
    // The merchant's own server is never limited.
    for number in 0..10 {
        let charge = charge_of("ali_web", &format!("server-{number}")).to_string();
        world.post_as(&master(&world.app), "/2.0/maxpay/bill", charge).await.ok();
    }
    assert_eq!(world.records(&json!({ "limit": 100 })).await.ok()["results"].as_array().unwrap().len(), 15);
    world.advance(MINUTE_MS).await;
    world.post_as(&by_session, "/2.0/maxpay/bill", charge).await.ok();
    // A raised limit takes effect at once.
    for number in 0..4 {
        world.charge(&charge_of("ali_web", &format!("c{number}"))).await.ok();
    }
    world.charge(&charge_of("ali_web", "c4")).await.refused(5, "clientChargesPerMinute");
    change(&world, json!({ "clientChargesPerMinute": null })).await;
    world.charge(&charge_of("ali_web", "c4")).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_key_opens_no_more_bills_than_its_app_allows() {
    let world = World::start().await;
    change(&world, json!({ "clientOpenBills": 3, "clientChargesPerMinute": null })).await;
    // A paid bill is not open, but counts until the next count.
    world.paid("paid").await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(world.charged(&format!("open-{number}")).await);
    }
    world.charge(&charge_of("ali_qrcode", "more")).await.refused(5, "clientOpenBills");
    let charge = charge_of("ali_web", "server").to_string();
    world.post_as(&master(&world.app), "/2.0/maxpay/bill", charge).await.ok();
    for id in &ids {
        world.play(id, "pay", json!({})).await;
    }
    world.charge(&charge_of("ali_qrcode", "more")).await.refused(5, "clientOpenBills");
    world.advance(2 * MINUTE_MS).await;
    world.charge(&charge_of("ali_qrcode", "more")).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_of_public_keys_is_a_number_or_none() {
    let world = World::start().await;
    let path = format!("/apps/{}", world.app.app_id);
    for (name, max) in [("clientChargesPerMinute", 1_000_000), ("clientOpenBills", 100_000)] {
        for wrong in [json!(0), json!(-1), json!(1.5), json!("5"), json!(max + 1), json!(true)] {
            world.admin("PATCH", &path, json!({ name: wrong })).await.problem(400, name);
        }
        assert_eq!(change(&world, json!({ name: max })).await[name], max);
        assert_eq!(change(&world, json!({ name: null })).await[name], Value::Null);
    }
    world.end().await;
}
