//! How often the payers of one checkout may begin again, and what a price that comes back means for a payment in between.

use serde_json::{Value, json};

use crate::{
    channels::{charge_on, named},
    charge::knock,
    checkout::{PHONE, at_alipay, checkout_of, choose, made, make, records_of, sent_on, state},
    checkout_prices::{EVENTS, told},
    refund_trouble::{balance, give_up, paid_at_wechat},
    refunds::refunds,
    unionpay,
    world::{MINUTE_MS, World, charge_of, master, texts, with},
};

/// An order of a client that the payer has opened.
async fn open_of_client(world: &World, channel: &str, bill: &str, fee: i64) -> String {
    let charged = world.charge(&with(charge_of(channel, bill), &json!({ "totalFee": fee }))).await.ok();
    knock(world, channel, &charged).await;
    charged["id"].as_str().unwrap().to_owned()
}

async fn paid_by_client(world: &World, channel: &str, bill: &str, fee: i64) {
    let id = open_of_client(world, channel, bill, fee).await;
    world.play(&id, "pay", json!({})).await;
}

/// More than the thirty seconds within which an order of UnionPay is presented again.
const OUTDATED_MS: i64 = 31_000;

/// Chooses UnionPay, and never opens its form. `false` if the page refuses because that was done too often.
async fn gets_a_form(world: &World, path: &str) -> bool {
    let page = choose(world, path, "unipay_web", PHONE).await;
    let text = page.text();
    assert_eq!(page.status, 200, "{text}");
    assert_ne!(text.contains("name=\"txnAmt\""), text.contains("频繁"), "a form, or a refusal: {text}");
    text.contains("name=\"txnAmt\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_who_leaves_unionpays_form_again_and_again_is_bounded_by_the_hour() {
    let world = World::start().await;
    let path = made(&world, &with(checkout_of("1"), &json!({ "expiresIn": 86400 }))).await;
    for _ in 0..11 {
        assert!(gets_a_form(&world, &path).await);
        // The order is presented again for a moment, which is no new try.
        assert!(gets_a_form(&world, &path).await);
        world.advance(OUTDATED_MS).await;
    }
    assert!(!gets_a_form(&world, &path).await);
    sent_on(&choose(&world, &path, "wx_h5", PHONE).await);
    world.advance(61 * MINUTE_MS).await;
    assert!(gets_a_form(&world, &path).await);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_who_closes_and_offers_again_gives_the_payers_their_tries_back() {
    let world = World::start().await;
    let path = made(&world, &with(checkout_of("1"), &json!({ "expiresIn": 86400 }))).await;
    for _ in 0..11 {
        assert!(gets_a_form(&world, &path).await);
        world.advance(OUTDATED_MS).await;
    }
    assert!(!gets_a_form(&world, &path).await);
    let all = json!({ "billNum": "1" }).to_string();
    world.post_as(&master(&world.app), "/2.0/maxpay/close", all).await.ok();
    world.advance(1000).await;
    made(&world, &checkout_of("1")).await;
    world.advance(1000).await;
    assert!(gets_a_form(&world, &path).await);
    world.end().await;
}

/// A client's order at the first price is paid while the second one is in force. The first price comes back, and the payment stays a mismatch.
#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_comes_back_makes_no_payment_count_that_was_told_as_a_mismatch() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({ "events": EVENTS })).await;
    let path = made(&world, &checkout_of("1")).await;
    let charged = world.charge(&charge_of("ali_app", "1")).await.ok();
    knock(&world, "ali_app", &charged).await;
    let id = charged["id"].as_str().unwrap();
    world.advance(1000).await;
    made(&world, &with(checkout_of("1"), &json!({ "totalFee": 8800 }))).await;
    world.play(id, "pay", json!({})).await;
    let event = |name: &str| (name.to_owned(), 9900);
    assert_eq!(told(&world).await, [event("payment.mismatch")]);
    world.advance(1000).await;
    made(&world, &checkout_of("1")).await;
    assert_eq!(state(&world, &path).await["state"], "open");
    world.advance(10 * MINUTE_MS).await;
    assert_eq!(told(&world).await, [event("payment.mismatch")]);
    let id = at_alipay(&world, &path, "1").await;
    world.play(&id, "pay", json!({})).await;
    assert_eq!(told(&world).await, [event("payment.mismatch"), event("payment.success")]);
    assert_eq!(state(&world, &path).await["state"], "paid");
    world.end().await;
}

/// The same with a payment that came before the server named any price.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_from_before_every_price_counts_for_no_later_one() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({ "events": EVENTS })).await;
    let app = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &app, json!({ "refundDuplicates": true })).await.done(200);
    for (bill, looks) in [("1", 0), ("2", 10)] {
        let charged = world.charge(&charge_of("ali_app", bill)).await.ok();
        knock(&world, "ali_app", &charged).await;
        world.play(charged["id"].as_str().unwrap(), "pay", json!({})).await;
        let path = made(&world, &with(checkout_of(bill), &json!({ "totalFee": 8800 }))).await;
        world.advance(1000 + looks * MINUTE_MS).await;
        // The old price comes back before the sweep has looked, and after it.
        made(&world, &checkout_of(bill)).await;
        let id = at_alipay(&world, &path, bill).await;
        world.play(&id, "pay", json!({})).await;
        world.advance(10 * MINUTE_MS).await;
        assert_eq!(state(&world, &path).await["state"], "paid");
        let trade = world.trade(&id).await;
        assert_eq!(trade["refunds"], json!([]), "the honest payment stays");
    }
    let mut told = told(&world).await;
    told.sort();
    let event = |name: &str| (name.to_owned(), 9900);
    let twice = |name| [event(name), event(name)];
    let success = [twice("payment.success"), twice("payment.success")].concat();
    assert_eq!(told, [twice("payment.mismatch").to_vec(), success].concat());
    world.end().await;
}

/// The server names a price after a client's payment went back, or while it goes back. The bill is still to be paid.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_went_back_before_every_price_leaves_the_bill_to_be_paid() {
    let world = World::start().await;
    let app = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &app, json!({ "refundDuplicates": true })).await.done(200);
    let pay = async |channel: &str, bill: &str, fee: i64| paid_by_client(&world, channel, bill, fee).await;
    // The merchant refunds it.
    pay("ali_app", "1", 9900).await;
    let refund = json!({ "billNum": "1", "refundNum": "R1", "refundFee": 9900 }).to_string();
    world.post_as(&master(&world.app), "/2.0/maxpay/refund", refund).await.ok();
    // It goes back as a second payment. The first one was a stranger's, of a fen.
    let dear = world.charge(&charge_of("ali_app", "2")).await.ok();
    knock(&world, "ali_app", &dear).await;
    pay("ali_web", "2", 1).await;
    // Of two payments in one moment either may be the first.
    world.advance(1000).await;
    world.play(dear["id"].as_str().unwrap(), "pay", json!({})).await;
    pay("ali_app", "3", 9900).await;
    let refund = json!({ "billNum": "3", "refundNum": "R3", "refundFee": 9900 }).to_string();
    world.faults(&["http500"]).await;
    world.post_as(&master(&world.app), "/2.0/maxpay/refund", refund).await.ok();
    for bill in ["3", "2", "1"] {
        if bill == "1" {
            made(&world, &with(checkout_of(bill), &json!({ "totalFee": 8800 }))).await;
            world.advance(1000).await;
        }
        let path = made(&world, &checkout_of(bill)).await;
        assert_eq!(state(&world, &path).await["state"], "open", "{bill}");
        let id = at_alipay(&world, &path, bill).await;
        world.play(&id, "pay", json!({})).await;
        world.advance(5 * MINUTE_MS).await;
        assert_eq!(state(&world, &path).await["state"], "paid", "{bill}");
        assert_eq!(world.trade(&id).await["refunds"], json!([]), "the honest payment stays: {bill}");
    }
    // What has the price and goes back is no payment at a wrong price.
    let wrong = world.incidents().await.into_iter().filter(|one| one["kind"] == "price" && one["billNum"] == "3");
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<Value>::new());
    world.end().await;
}

/// A refund of a payment waits for the balance, and fails in the end. The payment does not count for the bill, so it goes back otherwise, in
/// full or the part that is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_whose_refund_failed_goes_back_otherwise() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({ "events": EVENTS })).await;
    let app = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &app, json!({ "refundDuplicates": true })).await.done(200);
    for (bill, fee, refunded) in [("mispriced", 8800, 9900), ("right", 9900, 9900), ("part", 8800, 5000)] {
        let (id, merchant) = paid_at_wechat(&world, bill).await;
        balance(&world, "wechat", &merchant, true).await;
        let refund = json!({ "billNum": bill, "refundNum": bill, "refundFee": refunded }).to_string();
        world.post_as(&master(&world.app), "/2.0/maxpay/refund", refund).await.ok();
        world.advance(1000).await;
        let path = made(&world, &with(checkout_of(bill), &json!({ "totalFee": fee }))).await;
        assert_eq!(state(&world, &path).await["state"], "open", "{bill}");
        world.advance(5 * MINUTE_MS).await;
        let second = at_alipay(&world, &path, bill).await;
        world.play(&second, "pay", json!({})).await;
        assert_eq!(state(&world, &path).await["state"], "paid", "{bill}");
        balance(&world, "wechat", &merchant, false).await;
        give_up(&world, &id, bill).await.done(200);
        world.advance(5 * MINUTE_MS).await;
        world.advance(2 * 60 * MINUTE_MS).await;
        let begun = refunds(&world, &json!({ "billNum": bill })).await.ok();
        let mut begun = texts(&begun["results"], "refundNum");
        begun.sort();
        let (whole, rest) = (format!("twice-{id}"), format!("twice-{id}-2"));
        let expect = if bill == "part" { vec![bill.to_owned(), whole, rest] } else { vec![bill.to_owned(), whole] };
        assert_eq!(begun, expect);
        assert_eq!(world.trade(&second).await["refunds"], json!([]), "the other payment stays: {bill}");
        assert_eq!(state(&world, &path).await["state"], "paid", "{bill}");
    }
    let event = |name: &str, fee| (name.to_owned(), fee);
    let success = |fee| event("payment.success", fee);
    let mispriced = vec![success(9900), event("payment.mismatch", 9900), success(8800)];
    let right = vec![success(9900), success(9900)];
    assert_eq!(told(&world).await, [mispriced.clone(), right, mispriced].concat());
    world.end().await;
}

/// A stranger's fen was the first payment, and the second one is a duplicate of it. Then the server names the price, and the second one is the
/// first.
#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_of_another_payment_than_before_is_told_once_and_the_look_ends() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({ "events": EVENTS })).await;
    let first = open_of_client(&world, "ali_app", "1", 1).await;
    let second = open_of_client(&world, "ali_web", "1", 9900).await;
    let third = open_of_client(&world, "ali_wap", "1", 9900).await;
    for id in [&first, &second, &third] {
        world.play(id, "pay", json!({})).await;
        world.advance(1000).await;
    }
    make(&world, &checkout_of("1")).await.refused(5, "was paid by ali_web");
    let first = open_of_client(&world, "ali_app", "2", 1).await;
    let second = open_of_client(&world, "ali_web", "2", 9900).await;
    let late = open_of_client(&world, "ali_wap", "2", 9900).await;
    world.play(&first, "pay", json!({})).await;
    world.advance(1000).await;
    world.play(&second, "pay", json!({})).await;
    made(&world, &with(checkout_of("2"), &json!({ "totalFee": 8800 }))).await;
    world.play(&late, "pay", json!({})).await;
    world.advance(5 * MINUTE_MS).await;
    let kinds = |bill: &str, incidents: &[Value]| {
        let of_bill = incidents.iter().filter(|one| one["billNum"] == bill).cloned();
        let mut kinds = texts(&json!(of_bill.collect::<Vec<_>>()), "kind");
        kinds.sort();
        kinds
    };
    let incidents = world.incidents().await;
    assert_eq!(kinds("1", &incidents), ["duplicate", "duplicate", "price"]);
    assert_eq!(kinds("2", &incidents), ["duplicate", "price", "price", "price"]);
    let mut told = told(&world).await;
    told.sort();
    let times = |name: &str, fees: &[i64]| fees.iter().map(|fee| (name.to_owned(), *fee)).collect::<Vec<_>>();
    let duplicates = times("payment.duplicate", &[9900, 9900, 9900]);
    let mismatches = times("payment.mismatch", &[1, 1, 9900, 9900]);
    let successes = times("payment.success", &[1, 1, 9900, 9900, 9900]);
    assert_eq!(told, [duplicates, mismatches, successes].concat());
    world.end().await;
}

/// The server's call was refused because the bill is paid, and it named the price all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_fen_counts_for_no_bill_of_which_the_server_was_told_that_another_payment_paid_it() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({ "events": EVENTS })).await;
    let late = open_of_client(&world, "ali_app", "1", 1).await;
    let first = open_of_client(&world, "ali_wap", "1", 1).await;
    let second = open_of_client(&world, "ali_web", "1", 9900).await;
    world.play(&first, "pay", json!({})).await;
    world.advance(1000).await;
    world.play(&second, "pay", json!({})).await;
    world.charge_as_server(&charge_of("ali_qrcode", "1")).await.refused(5, "was paid by ali_web");
    world.play(&late, "pay", json!({})).await;
    world.advance(5 * MINUTE_MS).await;
    let mut told = told(&world).await;
    told.sort();
    let event = |name: &str, fee| (name.to_owned(), fee);
    let mismatch = || event("payment.mismatch", 1);
    let success = |fee| event("payment.success", fee);
    assert_eq!(told, [event("payment.duplicate", 9900), mismatch(), mismatch(), success(1), success(9900)]);
    world.end().await;
}

/// Two first prices at once, after a client's payment. If the server is told that the payment paid the bill, it stays so.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_which_the_server_was_told_is_no_mismatch_of_a_call_at_the_same_time() {
    let world = World::start().await;
    let bills: Vec<_> = (0..12).map(|round| round.to_string()).collect();
    let mut told_as_paid = Vec::new();
    for bill in &bills {
        paid_by_client(&world, "ali_app", bill, 9900).await;
        let cheaper = with(charge_of("ali_web", bill), &json!({ "totalFee": 8800 }));
        let same = charge_of("ali_qrcode", bill);
        let (_, same) = tokio::join!(world.charge_as_server(&cheaper), world.charge_as_server(&same));
        if same.text().contains("was paid by ali_app") {
            told_as_paid.push(bill);
        }
    }
    world.advance(5 * MINUTE_MS).await;
    let incidents = world.incidents().await;
    let is_mismatch = |bill: &&String| incidents.iter().any(|one| one["kind"] == "price" && one["billNum"] == **bill);
    let both: Vec<_> = told_as_paid.into_iter().filter(is_mismatch).collect();
    assert_eq!(both, Vec::<&String>::new());
    world.end().await;
}

/// A stranger's payment is not that of the bill, so `/close` does not tell the server that the bill is paid.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_closed_beside_a_payment_that_does_not_count() {
    let world = World::start().await;
    let late = open_of_client(&world, "ali_web", "1", 1).await;
    paid_by_client(&world, "ali_app", "1", 1).await;
    made(&world, &checkout_of("1")).await;
    let close = async |channel: &str| {
        let body = json!({ "billNum": "1", "channel": channel }).to_string();
        world.post_as(&master(&world.app), "/2.0/maxpay/close", body).await
    };
    close("ali_app").await.refused(5, "does not count for it");
    // Its notify is on the way.
    world.play(&late, "pay", json!({ "notify": false })).await;
    close("ali_web").await.refused(5, "does not count for it");
    world.post_as(&master(&world.app), "/2.0/maxpay/close", json!({ "billNum": "1" }).to_string()).await.ok();
    world.end().await;
}

/// A call of the server is refused because the bill is paid. It named the price all the same, so no later price makes the payment a mismatch.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_which_the_server_was_told_stays_that_of_the_bill() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({ "events": EVENTS })).await;
    for bill in ["charge", "checkout"] {
        paid_by_client(&world, "ali_app", bill, 9900).await;
        let paid = "was paid by ali_app";
        if bill == "charge" {
            world.charge_as_server(&charge_of("ali_web", bill)).await.refused(5, paid);
        } else {
            make(&world, &checkout_of(bill)).await.refused(5, paid);
        }
        make(&world, &with(checkout_of(bill), &json!({ "totalFee": 8800 }))).await.refused(5, paid);
        let cheaper = with(charge_of("ali_web", bill), &json!({ "totalFee": 8800 }));
        world.charge_as_server(&cheaper).await.refused(5, paid);
        world.advance(10 * MINUTE_MS).await;
    }
    let success = || ("payment.success".to_owned(), 9900);
    assert_eq!(told(&world).await, [success(), success()]);
    world.end().await;
}

/// UnionPay fails for a while. Nobody can pay an order whose number was never given out, so it takes nothing from the payer.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_unionpay_uses_up_no_tries_of_a_client() {
    let world = World::start().await;
    let charge = charge_on(named("unipay_app"), "1");
    for _ in 0..13 {
        unionpay::fault(&world, "http500").await;
        world.charge(&charge).await.refused(7, "");
        world.advance(OUTDATED_MS).await;
    }
    world.charge(&charge).await.ok();
    world.charge(&charge_of("ali_app", "1")).await.ok();
    let records = records_of(&world, "1").await;
    assert!(records.len() <= 6, "{} orders in seven minutes", records.len());
    world.end().await;
}

/// The visitor went to Alipay first, then paid at WeChat. The first order ends, and the goods are not to be given away again.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_ends_beside_the_one_that_was_paid_is_not_told_as_a_closed_bill() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({ "events": EVENTS })).await;
    let path = made(&world, &checkout_of("1")).await;
    assert!(gets_a_form(&world, &path).await);
    world.advance(OUTDATED_MS).await;
    assert!(gets_a_form(&world, &path).await);
    let id = at_alipay(&world, &path, "1").await;
    world.play(&id, "pay", json!({})).await;
    world.advance(26 * 60 * MINUTE_MS).await;
    assert_eq!(told(&world).await, [("payment.success".to_owned(), 9900)]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_closed_with_all_its_orders() {
    let world = World::start().await;
    let path = made(&world, &checkout_of("1")).await;
    assert!(gets_a_form(&world, &path).await);
    world.advance(OUTDATED_MS).await;
    assert!(gets_a_form(&world, &path).await);
    let close = json!({ "billNum": "1", "channel": "unipay_web" }).to_string();
    let last = world.post_as(&master(&world.app), "/2.0/maxpay/close", close).await.ok();
    assert_eq!(last["status"], "closed");
    assert_eq!(texts(&json!(records_of(&world, "1").await), "status"), ["closed", "closed"]);
    // The older of two orders is paid.
    let path = made(&world, &checkout_of("2")).await;
    let form = choose(&world, &path, "unipay_web", PHONE).await;
    unionpay::open(&world, "unipay_web", &json!({ "html": form.text() })).await;
    let id = records_of(&world, "2").await[0]["id"].as_str().unwrap().to_owned();
    world.advance(OUTDATED_MS).await;
    assert!(gets_a_form(&world, &path).await);
    unionpay::play(&world, &id, "pay", json!({})).await;
    let close = json!({ "billNum": "2", "channel": "unipay_web" }).to_string();
    for _ in 0..2 {
        let answer = world.post_as(&master(&world.app), "/2.0/maxpay/close", close.clone()).await;
        answer.refused(5, "was paid by unipay_web");
    }
    let mut states = texts(&json!(records_of(&world, "2").await), "status");
    states.sort();
    assert_eq!(states, ["closed", "success"]);
    world.end().await;
}

/// The payment came by the price that was in force. The server's next price is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_follows_a_payment_is_refused_and_changes_nothing() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({ "events": EVENTS })).await;
    let path = made(&world, &with(checkout_of("1"), &json!({ "totalFee": 8800 }))).await;
    world.advance(1000).await;
    made(&world, &checkout_of("1")).await;
    let charged = world.charge(&charge_of("ali_app", "1")).await.ok();
    knock(&world, "ali_app", &charged).await;
    world.play(charged["id"].as_str().unwrap(), "pay", json!({})).await;
    for fee in [8800, 9900] {
        make(&world, &with(checkout_of("1"), &json!({ "totalFee": fee }))).await.refused(5, "was paid by ali_app");
    }
    world.advance(10 * MINUTE_MS).await;
    assert_eq!(told(&world).await, [("payment.success".to_owned(), 9900)]);
    assert_eq!(state(&world, &path).await["state"], "paid");
    world.end().await;
}

/// PHP, Rack and others read these names as that of a result's parameter, and might take the address's own for the signed one.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_names_no_parameter_that_any_reader_takes_for_a_result() {
    let world = World::start().await;
    for name in [
        "maxpay_fee",
        "maxpay.fee",
        "maxpay%20fee",
        "maxpay[fee",
        "%20maxpay_fee",
        "a=1;maxpay_fee",
        "[maxpay_fee]",
        "?maxpay_fee",
        "MaxPay_Fee",
    ] {
        let address = format!("https://shop.example/back?{name}=1");
        for field in ["returnUrl", "cancelUrl"] {
            let body: Value = with(checkout_of("1"), &json!({ field: address }));
            make(&world, &body).await.refused(5, field);
        }
    }
    for name in ["maxpay", "maxpayment", "my_maxpay_fee", "maxpay-fee"] {
        let address = format!("https://shop.example/back?{name}=1");
        made(&world, &with(checkout_of("1"), &json!({ "returnUrl": address }))).await;
    }
    world.end().await;
}
