//! A checkout of the server names the price of its bill, from the moment that it is made. Everybody has the client key.

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    channels::{charge_on, named},
    charge::knock,
    checkout::{PHONE, at_alipay, checkout_of, choose, made, make, path_of, records_of, sent_on, state},
    world::{MINUTE_MS, World, charge_of, client, master, texts, with},
};

pub(crate) const EVENTS: [&str; 4] = ["payment.success", "payment.closed", "payment.mismatch", "payment.duplicate"];

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
    let id = at_alipay(world, path, bill).await;
    world.play(&id, "pay", json!({})).await;
}

/// The events and amounts that the shop got, in order.
pub(crate) async fn told(world: &World) -> Vec<(String, i64)> {
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

async fn by_client(world: &World, body: &Value) -> Answer {
    world.post_as(&client(&world.app), "/2.0/maxpay/checkout", body.to_string()).await
}

async fn close(world: &World, body: &Value) -> Answer {
    world.post_as(&master(&world.app), "/2.0/maxpay/close", body.to_string()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_what_the_server_offered_and_can_neither_change_nor_prolong_it() {
    let world = World::start().await;
    let first = made(&world, &checkout_of("1")).await;
    by_client(&world, &with(checkout_of("1"), &json!({ "totalFee": 1 }))).await.refused(5, "totalFee must be 9900");
    let elsewhere =
        json!({ "returnUrl": "https://evil.example/", "extras": { "user": "attacker" }, "expiresIn": 86400 });
    let path = path_of(&world, &by_client(&world, &with(checkout_of("1"), &elsewhere)).await.ok());
    assert_eq!(path, first);
    // The server's charge named another price. A client does not bring the checkout to it.
    made(&world, &checkout_of("2")).await;
    let dearer = with(charge_of("ali_web", "2"), &json!({ "totalFee": 9901 }));
    world.advance(1).await;
    world.charge_as_server(&dearer).await.ok();
    by_client(&world, &with(checkout_of("2"), &json!({ "totalFee": 9901 }))).await.refused(5, "only the server");
    // A checkout that the merchant closed, or whose time is over, stays so.
    made(&world, &checkout_of("3")).await;
    close(&world, &json!({ "billNum": "3" })).await.ok();
    by_client(&world, &checkout_of("3")).await.refused(5, "only the server");
    by_client(&world, &checkout_of("5")).await.ok();
    close(&world, &json!({ "billNum": "5" })).await.ok();
    by_client(&world, &checkout_of("5")).await.refused(5, "only the server");
    made(&world, &with(checkout_of("4"), &json!({ "expiresIn": 300 }))).await;
    world.advance(6 * MINUTE_MS).await;
    by_client(&world, &checkout_of("4")).await.refused(5, "only the server");
    let page = crate::checkout::visit(&world, &path, PHONE).await;
    assert!(!page.text().contains("evil"), "{}", page.text());
    paid_on_page(&world, &path, "1").await;
    let [paid] = <[Value; 1]>::try_from(records_of(&world, "1").await).unwrap();
    assert_eq!((&paid["status"], paid.get("extras")), (&json!("success"), None), "{paid}");
    world.advance(24 * 60 * MINUTE_MS).await;
    by_client(&world, &checkout_of("5")).await.refused(5, "only the server");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_bill_keeps_its_price() {
    let world = world_with_webhook().await;
    let path = made(&world, &checkout_of("1")).await;
    let charged = world.charge(&charge_of("ali_app", "1")).await.ok();
    knock(&world, "ali_app", &charged).await;
    world.play(charged["id"].as_str().unwrap(), "pay", json!({})).await;
    for fee in [8800, 9900, 9901] {
        make(&world, &with(checkout_of("1"), &json!({ "totalFee": fee }))).await.refused(5, "was paid by ali_app");
    }
    world.advance(5 * MINUTE_MS).await;
    assert_eq!(told(&world).await, pairs([("payment.success", 9900)]));
    assert_eq!(state(&world, &path).await["state"], "paid");
    world.end().await;
}

/// Two calls at once, in either order: one that came first decides, and what was told is not taken back.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_overlaps_with_a_new_price_is_told_one_way() {
    let world = world_with_webhook().await;
    for round in 0..12 {
        let bill = round.to_string();
        made(&world, &checkout_of(&bill)).await;
        let charged = world.charge(&charge_of("ali_app", &bill)).await.ok();
        knock(&world, "ali_app", &charged).await;
        let (id, cheaper) = (charged["id"].as_str().unwrap(), with(checkout_of(&bill), &json!({ "totalFee": 8800 })));
        tokio::join!(world.play(id, "pay", json!({})), make(&world, &cheaper));
        world.advance(5 * MINUTE_MS).await;
    }
    assert_eq!(told(&world).await.len(), 12, "each bill is told as paid, or as a mismatch: {:?}", told(&world).await);
    world.end().await;
}

/// The provider is slow for a visitor, and meanwhile the server names another price.
#[tokio::test(flavor = "multi_thread")]
async fn a_choice_that_overlaps_with_a_new_price_never_brings_the_old_one_back() {
    let world = world_with_webhook().await;
    let path = made(&world, &with(checkout_of("1"), &json!({ "totalFee": 5000 }))).await;
    at_alipay(&world, &path, "1").await;
    world.advance(20_000).await;
    // Before another channel gets an order, Alipay is asked about this one.
    world.faults(&["timeout"]).await;
    let dearer = checkout_of("1");
    let (_, remade) = tokio::join!(choose(&world, &path, "wx_h5", PHONE), make(&world, &dearer));
    remade.ok();
    assert_eq!(state(&world, &path).await["state"], "open");
    let cheap = with(charge_of("ali_app", "1"), &json!({ "totalFee": 5000 }));
    world.charge(&cheap).await.refused(5, "totalFee must be 9900");
    let open = records_of(&world, "1").await.into_iter().filter(|record| record["channel"] == "wx_h5");
    assert!(open.into_iter().all(|record| record["totalFee"] == 9900));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_with_the_client_key_uses_up_nothing_of_the_visitors() {
    let world = World::start().await;
    let path = made(&world, &checkout_of("1")).await;
    for payer in 0..11 {
        let charge = with(charge_of("wx_jsapi", "1"), &json!({ "openid": format!("o{payer}") }));
        world.charge(&charge).await.ok();
    }
    for channel in ["ali_wap", "wx_h5", "unipay_web"] {
        world.charge(&charge_on(named(channel), "1")).await.ok();
        let answer = choose(&world, &path, channel, PHONE).await;
        assert!(!answer.text().contains("频繁"), "{channel}");
    }
    assert_eq!(state(&world, &path).await["state"], "open");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_who_cancels_again_and_again_shuts_a_channel_for_an_hour_at_most() {
    let world = World::start().await;
    let path = made(&world, &with(checkout_of("1"), &json!({ "expiresIn": 86400 }))).await;
    for _ in 0..11 {
        let id = at_alipay(&world, &path, "1").await;
        world.play(&id, "open", json!({})).await;
        world.play(&id, "close", json!({})).await;
        world.advance(20_000).await;
    }
    let refused = choose(&world, &path, "ali_wap", PHONE).await;
    assert!(refused.text().contains("频繁"), "{}", refused.text());
    sent_on(&choose(&world, &path, "wx_h5", PHONE).await);
    world.advance(61 * MINUTE_MS).await;
    at_alipay(&world, &path, "1").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_merchant_closes_a_checkout_and_all_that_is_open_with_it() {
    let world = World::start().await;
    let path = made(&world, &checkout_of("1")).await;
    let id = at_alipay(&world, &path, "1").await;
    world.play(&id, "open", json!({})).await;
    world.play(&id, "close", json!({})).await;
    // The payer cancelled in the wallet. The page offers another order.
    world.advance(20_000).await;
    assert_eq!(state(&world, &path).await["state"], "open");
    sent_on(&choose(&world, &path, "ali_wap", PHONE).await);
    sent_on(&choose(&world, &path, "wx_h5", PHONE).await);
    let closed = close(&world, &json!({ "billNum": "1" })).await.ok();
    assert_eq!(texts(&closed["results"], "status"), ["closed", "closed"]);
    assert_eq!(state(&world, &path).await["state"], "closed");
    // A client's charge does not open it again. The server does.
    world.charge(&charge_of("ali_app", "1")).await.ok();
    assert_eq!(state(&world, &path).await["state"], "closed");
    assert_eq!(made(&world, &checkout_of("1")).await, path);
    assert_eq!(state(&world, &path).await["state"], "open");
    // Nobody has chosen a channel on this one.
    let path = made(&world, &checkout_of("2")).await;
    close(&world, &json!({ "billNum": "2" })).await.ok();
    assert_eq!(state(&world, &path).await["state"], "closed");
    close(&world, &json!({ "billNum": "3" })).await.refused(5, "there is no `3`");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closing_that_is_refused_closes_no_more_than_it_says() {
    let world = World::start().await;
    let path = made(&world, &checkout_of("1")).await;
    for wrong in [json!({ "channel": null }), json!({ "chanel": "ali_wap" })] {
        close(&world, &with(json!({ "billNum": "1" }), &wrong)).await.refused(4, "channel");
    }
    close(&world, &json!({ "billNum": "1", "channel": "ali_wap" })).await.refused(5, "charged on ali_wap");
    assert_eq!(state(&world, &path).await["state"], "open");
    // Alipay does not answer. The order at WeChat is closed all the same.
    at_alipay(&world, &path, "1").await;
    sent_on(&choose(&world, &path, "wx_h5", PHONE).await);
    world.faults(&["timeout"]).await;
    close(&world, &json!({ "billNum": "1" })).await.refused(7, "make the same call again");
    let open = records_of(&world, "1").await.into_iter().filter(|record| record["status"] == "created");
    assert_eq!(texts(&json!(open.collect::<Vec<_>>()), "channel"), ["ali_wap"]);
    close(&world, &json!({ "billNum": "1" })).await.ok();
    // The bill is paid, and another order of it is open.
    let path = made(&world, &checkout_of("2")).await;
    let id = at_alipay(&world, &path, "2").await;
    sent_on(&choose(&world, &path, "wx_h5", PHONE).await);
    world.play(&id, "pay", json!({})).await;
    close(&world, &json!({ "billNum": "2" })).await.refused(5, "was paid by ali_wap");
    let mut records = records_of(&world, "2").await;
    records.sort_by_key(|record| record["channel"].to_string());
    assert_eq!(texts(&json!(records), "status"), ["success", "closed"]);
    world.end().await;
}

/// The provider is slow for a visitor, and meanwhile the merchant closes the bill.
#[tokio::test(flavor = "multi_thread")]
async fn a_choice_that_overlaps_with_a_closing_leaves_no_open_order() {
    let world = World::start().await;
    for round in 0..8 {
        let bill = round.to_string();
        let path = made(&world, &checkout_of(&bill)).await;
        let all = json!({ "billNum": bill });
        let (_, closed) = tokio::join!(choose(&world, &path, "ali_wap", PHONE), close(&world, &all));
        closed.ok();
        assert_eq!(state(&world, &path).await["state"], "closed");
        world.advance(2 * MINUTE_MS).await;
        let open = records_of(&world, &bill).await.into_iter().filter(|record| record["status"] == "created");
        assert_eq!(open.collect::<Vec<_>>(), Vec::<Value>::new(), "round {round}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_charge_of_the_server_names_the_price_on_a_channel_of_before_too() {
    let world = World::start().await;
    let charge = async |channel: &str, fee: i64| {
        world.advance(1).await;
        world.charge_as_server(&with(charge_of(channel, "1"), &json!({ "totalFee": fee }))).await.ok();
    };
    charge("ali_app", 9900).await;
    charge("wx_native", 5000).await;
    charge("ali_app", 9900).await;
    world.charge(&with(charge_of("ali_web", "1"), &json!({ "totalFee": 5000 }))).await.refused(5, "must be 9900");
    world.charge(&charge_of("ali_web", "1")).await.ok();
    world.end().await;
}

/// The payer's phone still has the order from before the new price. The server opened it, so the bill is paid, and the amount is told.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_at_an_older_price_of_the_server_pays_the_bill_and_the_result_says_how_much() {
    let world = world_with_webhook().await;
    let path = made(&world, &checkout_of("1")).await;
    let old = at_alipay(&world, &path, "1").await;
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
    by_client(&world, &checkout_of("1")).await.ok();
    by_client(&world, &checkout_of("2")).await.ok();
    by_client(&world, &checkout_of("3")).await.refused(5, "clientChargesPerMinute");
    made(&world, &checkout_of("3")).await;
    world.end().await;
}
