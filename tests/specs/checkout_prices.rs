//! A checkout of the server names the price of its bill, from the moment that it is made. Everybody has the client key.

use serde_json::{Value, json};

use crate::{
    charge::knock,
    checkout::{PHONE, checkout_of, choose, made, make, path_of, records_of, sent_on, state},
    world::{MINUTE_MS, World, charge_of, client, master, texts, with},
};

const EVENTS: [&str; 4] = ["payment.success", "payment.closed", "payment.mismatch", "payment.duplicate"];

async fn world_with_webhook() -> World {
    let world = World::start().await;
    world.webhook_to("shop", &json!({ "events": EVENTS })).await;
    world
}

fn one_fen(bill: &str) -> Value {
    with(charge_of("ali_app", bill), &json!({ "totalFee": 1 }))
}

/// A client charges the bill at one fen, and the payer opens the cashier. Returns the id.
async fn opened_at_one_fen(world: &World, bill: &str) -> String {
    let charged = world.charge(&one_fen(bill)).await.ok();
    knock(world, "ali_app", &charged).await;
    charged["id"].as_str().unwrap().to_owned()
}

/// Chooses Alipay on the page, and pays.
async fn paid_on_page(world: &World, path: &str, bill: &str) {
    let url = sent_on(&choose(world, path, "ali_wap", PHONE).await);
    knock(world, "ali_wap", &json!({ "ali_wap": url })).await.location(302);
    let records = records_of(world, bill).await;
    let mine = records.iter().find(|record| record["channel"] == "ali_wap").unwrap();
    world.play(mine["id"].as_str().unwrap(), "pay", json!({})).await;
}

/// The events and amounts that the shop got, in order.
async fn told(world: &World) -> Vec<(String, i64)> {
    world.advance(1).await;
    let event = |arrival: &Value| {
        let body: Value = serde_json::from_str(arrival["body"].as_str().unwrap()).unwrap();
        (body["event"].as_str().unwrap_or("payment.success").to_owned(), body["totalFee"].as_i64().unwrap())
    };
    world.arrivals("shop").await.iter().map(event).collect()
}

fn pairs<const N: usize>(pairs: [(&str, i64); N]) -> Vec<(String, i64)> {
    pairs.map(|(event, fee)| (event.to_owned(), fee)).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_bound_before_anybody_chose_a_channel_and_after_the_end() {
    let world = World::start().await;
    made(&world, &with(checkout_of("1"), &json!({ "expiresIn": 300 }))).await;
    world.charge(&one_fen("1")).await.refused(5, "totalFee must be 9900");
    let other = with(charge_of("ali_app", "1"), &json!({ "subject": "coffee" }));
    world.charge(&other).await.refused(5, "subject must be");
    world.advance(30 * 24 * 60 * MINUTE_MS).await;
    world.charge(&one_fen("1")).await.refused(5, "totalFee must be 9900");
    // The server opened the bill, so that a client may continue it where clients name no prices.
    let app = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &app, json!({ "clientsNamePrices": false })).await.done(200);
    world.charge(&charge_of("ali_app", "1")).await.ok();
    world.charge(&charge_of("ali_app", "2")).await.refused(5, "billNum must be of a bill");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_opened_before_is_closed_or_told_as_a_mismatch() {
    let world = world_with_webhook().await;
    let cheap = opened_at_one_fen(&world, "1").await;
    world.play(&cheap, "open", json!({})).await;
    let path = made(&world, &checkout_of("1")).await;
    world.advance(2 * MINUTE_MS).await;
    assert_eq!(world.trade(&cheap).await["status"], "TRADE_CLOSED");
    assert_eq!(state(&world, &path).await["state"], "open");
    // This payer is faster than the sweep.
    let cheap = opened_at_one_fen(&world, "2").await;
    let path = made(&world, &checkout_of("2")).await;
    world.play(&cheap, "pay", json!({ "times": 2 })).await;
    assert_eq!(told(&world).await, pairs([("payment.mismatch", 1)]));
    assert_eq!(texts(&json!(world.incidents().await), "kind"), ["price"]);
    assert_eq!(state(&world, &path).await["state"], "open");
    let refund = json!({ "billNum": "2", "refundNum": "R1", "refundFee": 1 }).to_string();
    paid_on_page(&world, &path, "2").await;
    assert_eq!(told(&world).await.last().unwrap(), &("payment.success".to_owned(), 9900));
    // A refund that names only the bill is of the payment that counts.
    world.post_as(&master(&world.app), "/2.0/maxpay/refund", refund).await.ok();
    let records = records_of(&world, "2").await;
    let refunded: Vec<_> = records.iter().filter(|record| !record["refundedFee"].is_null()).collect();
    assert!(refunded.iter().all(|record| record["totalFee"] == 9900), "{records:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_paid_before_is_told_as_a_mismatch_and_goes_back() {
    let world = world_with_webhook().await;
    let app = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &app, json!({ "refundDuplicates": true })).await.done(200);
    let cheap = opened_at_one_fen(&world, "1").await;
    world.play(&cheap, "pay", json!({})).await;
    assert_eq!(told(&world).await, pairs([("payment.success", 1)]), "no other price was named yet");
    let path = made(&world, &checkout_of("1")).await;
    world.advance(5 * MINUTE_MS).await;
    assert_eq!(told(&world).await, pairs([("payment.success", 1), ("payment.mismatch", 1)]));
    assert_eq!(world.trade(&cheap).await["refunds"].as_array().unwrap().len(), 1);
    paid_on_page(&world, &path, "1").await;
    assert_eq!(told(&world).await.last().unwrap(), &("payment.success".to_owned(), 9900));
    assert_eq!(state(&world, &path).await["state"], "paid");
    make(&world, &checkout_of("1")).await.refused(5, "paid");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_prolongs_what_the_server_offered_and_changes_nothing_in_it() {
    let world = World::start().await;
    let first = made(&world, &checkout_of("1")).await;
    world.advance(121 * MINUTE_MS).await;
    let by_client =
        async |body: &Value| world.post_as(&client(&world.app), "/2.0/maxpay/checkout", body.to_string()).await;
    by_client(&with(checkout_of("1"), &json!({ "totalFee": 1 }))).await.refused(5, "totalFee must be 9900");
    let elsewhere = json!({ "returnUrl": "https://evil.example/", "extras": { "user": "attacker" } });
    let path = path_of(&world, &by_client(&with(checkout_of("1"), &elsewhere)).await.ok());
    assert_ne!(path, first);
    let page = crate::checkout::visit(&world, &path, PHONE).await;
    assert!(!page.text().contains("evil"), "{}", page.text());
    paid_on_page(&world, &path, "1").await;
    let [paid] = <[Value; 1]>::try_from(records_of(&world, "1").await).unwrap();
    assert_eq!((&paid["status"], paid.get("extras")), (&json!("success"), None), "{paid}");
    world.end().await;
}

/// The payer's phone still has the order from before the new price. The server opened it, so the bill is paid, and the amount is told.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_at_an_older_price_of_the_server_pays_the_bill_and_the_result_says_how_much() {
    let world = world_with_webhook().await;
    let path = made(&world, &checkout_of("1")).await;
    let url = sent_on(&choose(&world, &path, "ali_wap", PHONE).await);
    knock(&world, "ali_wap", &json!({ "ali_wap": url })).await.location(302);
    let old = records_of(&world, "1").await[0]["id"].as_str().unwrap().to_owned();
    world.advance(1000).await;
    made(&world, &with(checkout_of("1"), &json!({ "totalFee": 8800 }))).await;
    world.play(&old, "pay", json!({})).await;
    assert_eq!(told(&world).await, pairs([("payment.success", 9900)]));
    let told = state(&world, &path).await;
    assert_eq!(told["state"], "paid");
    assert!(told["next"].as_str().unwrap().contains("maxpay_fee=9900"), "{told}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checkouts_of_a_client_are_counted_like_its_charges() {
    let world = World::start().await;
    let app = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &app, json!({ "clientChargesPerMinute": 2 })).await.done(200);
    let by_client = async |bill: &str| {
        world.post_as(&client(&world.app), "/2.0/maxpay/checkout", checkout_of(bill).to_string()).await
    };
    by_client("1").await.ok();
    by_client("2").await.ok();
    by_client("3").await.refused(5, "clientChargesPerMinute");
    made(&world, &checkout_of("3")).await;
    world.end().await;
}
