//! The server names the price of a bill when it charges. Everybody has the client key.

use serde_json::{Value, json};

use crate::{
    charge::knock,
    world::{MINUTE_MS, World, charge_of, texts, with},
};

const EVENTS: [&str; 4] = ["payment.success", "payment.closed", "payment.mismatch", "payment.duplicate"];

async fn world_with_webhook() -> World {
    let world = World::start().await;
    world.webhook_to("shop", &json!({ "events": EVENTS })).await;
    world
}

/// Charges as a client, and opens the cashier. Returns the id.
async fn charged_by_client(world: &World, channel: &str, bill: &str, fee: i64) -> String {
    let charged = world.charge(&with(charge_of(channel, bill), &json!({ "totalFee": fee }))).await.ok();
    opened(world, channel, &charged).await
}

/// The payer opens the cashier, so that Alipay has the order. For a QR code it already has the order.
async fn opened(world: &World, channel: &str, charged: &Value) -> String {
    if channel != "ali_qrcode" {
        knock(world, channel, charged).await;
    }
    charged["id"].as_str().unwrap().to_owned()
}

async fn charged_by_server(world: &World, channel: &str, bill: &str, fee: i64) -> String {
    let charge = with(charge_of(channel, bill), &json!({ "totalFee": fee }));
    let charged = world.charge_as_server(&charge).await.ok();
    opened(world, channel, &charged).await
}

/// The events and amounts that the shop got, in order.
async fn told(world: &World) -> Vec<(String, i64)> {
    world.advance(1).await;
    let event = |arrival: &Value| {
        let body: Value = serde_json::from_str(arrival["body"].as_str().unwrap()).unwrap();
        let name = body["event"].as_str().unwrap_or("payment.success").to_owned();
        (name, body["totalFee"].as_i64().unwrap())
    };
    world.arrivals("shop").await.iter().map(event).collect()
}

/// Amount and status of each try, by amount.
async fn statuses(world: &World, bill: &str) -> Vec<(i64, String)> {
    let records = world.records(&json!({ "billNum": bill })).await.ok();
    let one = |record: &Value| (record["totalFee"].as_i64().unwrap(), record["status"].as_str().unwrap().to_owned());
    let mut found: Vec<_> = records["results"].as_array().unwrap().iter().map(one).collect();
    found.sort();
    found
}

fn pairs<const N: usize>(pairs: [(&str, i64); N]) -> Vec<(String, i64)> {
    pairs.map(|(event, fee)| (event.to_owned(), fee)).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_pays_what_the_server_charged_whatever_became_of_it() {
    let world = World::start().await;
    charged_by_server(&world, "ali_web", "1", 10000).await;
    let cheap = with(charge_of("ali_app", "1"), &json!({ "totalFee": 1 }));
    world.charge(&cheap).await.refused(5, "totalFee must be 10000");
    let close = json!({ "billNum": "1", "channel": "ali_web" }).to_string();
    world.post_as(&crate::world::master(&world.app), "/2.0/maxpay/close", close).await.ok();
    world.charge(&cheap).await.refused(5, "totalFee must be 10000");
    let other = with(charge_of("ali_app", "1"), &json!({ "totalFee": 10000, "subject": "coffee" }));
    world.charge(&other).await.refused(5, "subject must be");
    charged_by_client(&world, "ali_app", "1", 10000).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_squat_a_bill() {
    let world = world_with_webhook().await;
    let squatted = charged_by_client(&world, "ali_web", "1", 1).await;
    charged_by_client(&world, "ali_qrcode", "1", 2).await;
    world.play(&squatted, "open", json!({})).await;
    let real = charged_by_server(&world, "ali_web", "1", 10000).await;
    assert_ne!(squatted, real);
    // Both are closed; the one that Alipay knows is also closed there. There is no event that the bill is closed, because it can
    // still be paid.
    world.advance(2 * MINUTE_MS).await;
    let closed = [(1, "closed"), (2, "closed"), (10000, "created")].map(|(fee, status)| (fee, status.to_owned()));
    assert_eq!(statuses(&world, "1").await, closed);
    assert_eq!(world.trade(&squatted).await["status"], "TRADE_CLOSED");
    world.play(&real, "pay", json!({})).await;
    assert_eq!(told(&world).await, pairs([("payment.success", 10000)]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_paid_at_its_own_price_does_not_stop_the_servers_charge() {
    let world = world_with_webhook().await;
    let app = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &app, json!({ "refundDuplicates": true })).await.done(200);
    let cheap = charged_by_client(&world, "ali_app", "1", 1).await;
    world.play(&cheap, "pay", json!({})).await;
    // No other price was named yet.
    assert_eq!(told(&world).await, pairs([("payment.success", 1)]));
    world.advance(5 * MINUTE_MS).await;
    let real = charged_by_server(&world, "ali_web", "1", 10000).await;
    world.advance(2 * MINUTE_MS).await;
    assert_eq!(told(&world).await, pairs([("payment.success", 1), ("payment.mismatch", 1)]));
    let [incident] = <[Value; 1]>::try_from(world.incidents().await).unwrap();
    assert_eq!(incident["kind"], "price");
    assert!(incident["problem"].as_str().unwrap().contains("10000"), "{incident}");
    // It is refunded like a duplicate.
    world.advance(3 * MINUTE_MS).await;
    assert_eq!(world.trade(&cheap).await["refunds"].as_array().unwrap().len(), 1);
    world.play(&real, "pay", json!({})).await;
    assert_eq!(told(&world).await.last().unwrap(), &("payment.success".to_owned(), 10000));
    world.charge_as_server(&with(charge_of("ali_app", "1"), &json!({ "totalFee": 10000 }))).await.refused(5, "paid by");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_at_another_price_than_the_servers_is_told_as_a_mismatch() {
    let world = world_with_webhook().await;
    let cheap = charged_by_client(&world, "ali_app", "1", 1).await;
    charged_by_server(&world, "ali_web", "1", 10000).await;
    // The payer pays before the sweep closes the order.
    world.play(&cheap, "pay", json!({ "times": 2 })).await;
    assert_eq!(told(&world).await, pairs([("payment.mismatch", 1)]));
    let paid = [(1, "success"), (10000, "created")].map(|(fee, status)| (fee, status.to_owned()));
    assert_eq!(statuses(&world, "1").await, paid);
    assert_eq!(texts(&json!(world.incidents().await), "kind"), ["price"]);
    // A refund that names only the bill does not refund the stranger's payment.
    let refund = |bill: &str| json!({ "billNum": bill, "refundNum": "R1", "refundFee": 1 }).to_string();
    let master = crate::world::master(&world.app);
    world.charge_as_server(&with(charge_of("ali_web", "1"), &json!({ "totalFee": 10000 }))).await.ok();
    world.post_as(&master, "/2.0/maxpay/refund", refund("1")).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_channels_that_race_are_decided_at_the_settlement() {
    let world = world_with_webhook().await;
    for round in 0..8 {
        let bill = format!("{round}");
        let server = charge_of("ali_qrcode", &bill);
        let client = with(charge_of("ali_app", &bill), &json!({ "totalFee": 1 }));
        let (server, client) = tokio::join!(world.charge_as_server(&server), world.charge(&client));
        server.ok();
        let Ok(cheap) = serde_json::from_slice::<Value>(&client.body) else { panic!("no JSON") };
        if cheap["code"] != 0 {
            continue;
        }
        knock(&world, "ali_app", &cheap).await;
        world.play(cheap["id"].as_str().unwrap(), "pay", json!({})).await;
    }
    assert!(told(&world).await.iter().all(|(event, _)| event == "payment.mismatch"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_clients_try_binds_the_server_even_at_the_same_price() {
    let world = World::start().await;
    let strangers = json!({ "extras": { "user": "attacker" }, "billTimeout": 360 });
    let stranger = world.charge(&with(charge_of("ali_web", "1"), &strangers)).await.ok();
    let extras = json!({ "user": "7" });
    let charge = with(charge_of("ali_web", "1"), &json!({ "extras": extras }));
    let ours = world.charge_as_server(&charge).await.ok();
    assert_ne!(ours["id"], stranger["id"]);
    assert_eq!(world.charge_as_server(&charge).await.ok()["id"], ours["id"]);
    knock(&world, "ali_web", &ours).await;
    world.play(ours["id"].as_str().unwrap(), "pay", json!({})).await;
    let paid = world.records(&json!({ "billNum": "1", "status": "success" })).await.ok();
    assert_eq!(paid["results"][0]["extras"], extras);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_binds_clients_on_every_channel() {
    let world = World::start().await;
    charged_by_server(&world, "ali_web", "1", 9900).await;
    let cheap = with(charge_of("ali_app", "1"), &json!({ "totalFee": 1 }));
    world.charge(&cheap).await.refused(5, "totalFee must be 9900");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_can_keep_clients_from_opening_bills() {
    let world = World::start().await;
    let app = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &app, json!({ "clientsNamePrices": "no" })).await.problem(400, "clientsNamePrices");
    let changed = world.admin("PATCH", &app, json!({ "clientsNamePrices": false })).await.done(200);
    assert_eq!(changed["clientsNamePrices"], false);
    world.advance(20_000).await;
    world.charge(&charge_of("ali_app", "1")).await.refused(5, "billNum must be of a bill that the server has charged");
    world.charge_as_server(&charge_of("ali_web", "1")).await.ok();
    world.charge(&charge_of("ali_app", "1")).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_comes_while_the_payment_is_being_told_is_not_lost() {
    let world = world_with_webhook().await;
    world.receiver("shop", json!({ "status": 500 })).await;
    let cheap = charged_by_client(&world, "ali_app", "1", 1).await;
    world.play(&cheap, "pay", json!({})).await;
    // The delivery waits, and the transaction's entry carries it.
    charged_by_server(&world, "ali_web", "1", 10000).await;
    world.receiver("shop", json!({ "status": 200 })).await;
    world.advance(10 * MINUTE_MS).await;
    assert!(told(&world).await.contains(&("payment.mismatch".to_owned(), 1)));
    world.end().await;
}
