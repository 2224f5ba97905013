//! Bills that were closed here while their orders could still be paid: no payment is missing from our books, and the shop gets its
//! event.

use domain::{Channel, Family};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    channels::{self, charge_on, names_of},
    unionpay, wechat,
    world::{MINUTE_MS, World, charge_of, master, texts, with},
};

const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// WeChat Pay's v2 closes no order within five minutes after it was made.
const AFTER_ORDERING_MS: i64 = 6 * MINUTE_MS;

async fn charge(world: &World, channel: &str, bill: &str) -> Value {
    world.charge(&charge_on(channels::named(channel), bill)).await.ok()
}

async fn close(world: &World, channel: &str, bill: &str) -> Answer {
    let body = json!({ "billNum": bill, "channel": channel }).to_string();
    world.post_as(&master(&world.app), "/2.0/maxpay/close", body).await
}

async fn sync(world: &World, bill: &str) {
    world.post_as(&master(&world.app), "/2.0/maxpay/sync", json!({ "billNum": bill }).to_string()).await.ok();
}

fn id_of(charged: &Value) -> &str {
    charged["id"].as_str().unwrap()
}

/// The payer's side uses the parameters of the charge. From then on the provider knows the order.
async fn open(world: &World, channel: &str, charged: &Value) {
    let channel = channels::named(channel);
    let cashier = channels::open(world, channel, charged).await;
    if channel.family() == Family::Ali {
        world.call("GET", &cashier, &[], "").await;
        world.play(id_of(charged), "open", json!({})).await;
    }
}

/// The payer pays, and the notify is lost.
async fn pay_in_silence(world: &World, channel: &str, id: &str) {
    let silent = json!({ "notify": false });
    if channels::named(channel).family() == Family::Ali {
        world.play(id, "pay", silent).await;
    } else {
        unionpay::play(world, id, "pay", silent).await;
    }
}

/// The status of the only try. This query causes no call to a provider, because it is for many bills.
async fn status(world: &World, bill: &str) -> String {
    let found = statuses(world, bill).await;
    let [status] = <[String; 1]>::try_from(found).unwrap();
    status
}

async fn statuses(world: &World, bill: &str) -> Vec<String> {
    let all = world.records(&json!({ "limit": 100 })).await.ok();
    let mine = all["results"].as_array().unwrap().iter().filter(|record| record["billNum"] == bill);
    let mut found: Vec<String> = mine.map(|record| record["status"].as_str().unwrap().to_owned()).collect();
    found.sort();
    found
}

/// A webhook that gets all events about payments.
async fn shop(world: &World) {
    let events = ["payment.success", "payment.closed", "payment.duplicate", "payment.mismatch"];
    world.webhook_to("shop", &json!({ "events": events })).await;
}

/// The events that the shop got about a bill, in order. The contract's own event has no name.
async fn told(world: &World, bill: &str) -> Vec<String> {
    let arrived = world.arrivals("shop").await;
    let bodies = arrived.iter().map(|one| serde_json::from_str::<Value>(one["body"].as_str().unwrap()).unwrap());
    let mine = bodies.filter(|body| body["billNum"] == bill);
    mine.map(|body| body["event"].as_str().unwrap_or("payment.success").to_owned()).collect()
}

/// No entry is left: a closed bill is not queried for ever.
async fn check_nothing_is_due(world: &World) {
    world.stack.metered();
    world.advance(40 * DAY_MS).await;
    let written: u64 = world.stack.metered().iter().map(|metered| metered.half_writes).sum();
    assert_eq!(written, 0);
}

async fn check_opened_late_and_paid_later(world: &World, channels: &[&str]) {
    for channel in channels {
        let charged = charge(world, channel, channel).await;
        assert_eq!(close(world, channel, channel).await.ok()["status"], "closed", "{channel}");
        world.advance(3 * MINUTE_MS).await;
        open(world, channel, &charged).await;
        pay_in_silence(world, channel, id_of(&charged)).await;
        assert_eq!(status(world, channel).await, "closed", "{channel}");
    }
    world.advance(HOUR_MS).await;
    for channel in channels {
        assert_eq!(status(world, channel).await, "success", "{channel}");
        assert_eq!(told(world, channel).await, ["payment.closed", "payment.success"], "{channel}");
    }
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    check_nothing_is_due(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_opened_after_its_closing_and_paid_is_found_on_each_channel_where_that_can_be() {
    let world = World::start().await;
    shop(&world).await;
    check_opened_late_and_paid_later(&world, &[names_of(Family::Ali), names_of(Family::Unipay)].concat()).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_is_found_for_an_old_account_of_alipay_whose_links_never_end() {
    let world = World::start().await;
    shop(&world).await;
    world.configure(&world.app, &world.merchant("mapi").await).await;
    check_opened_late_and_paid_later(&world, &["ali_app", "ali_web", "ali_wap"]).await;
    world.end().await;
    // Its time begins when the payer opens it, hours after the bill's own expiry.
    let world = World::start().await;
    world.configure(&world.app, &world.merchant("mapi").await).await;
    let charged = charge(&world, "ali_web", "late").await;
    world.advance(5 * HOUR_MS).await;
    assert_eq!(status(&world, "late").await, "closed");
    open(&world, "ali_web", &charged).await;
    pay_in_silence(&world, "ali_web", id_of(&charged)).await;
    world.advance(DAY_MS).await;
    assert_eq!(status(&world, "late").await, "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_wechat_is_closed_for_good_on_each_channel_and_not_asked_about_again() {
    for kind in ["v3Certificate", "v2Md5"] {
        let world = World::start().await;
        wechat::use_merchant(&world, kind).await;
        for channel in names_of(Family::Wx) {
            let charged = charge(&world, channel, channel).await;
            world.advance(AFTER_ORDERING_MS).await;
            close(&world, channel, channel).await.ok();
            assert_eq!(wechat::trade(&world, id_of(&charged)).await["state"], "CLOSED", "{kind} {channel}");
            let path = format!("/_local/simulator/wechat/trades/{}/pay", id_of(&charged));
            assert_eq!(world.post_as(&[], &path, "{}").await.status, 409, "{kind} {channel}");
        }
        check_nothing_is_due(&world).await;
        for channel in names_of(Family::Wx) {
            assert_eq!(status(&world, channel).await, "closed", "{kind} {channel}");
        }
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_making_wechat_lost_is_closed_here_and_asked_about_until_its_end() {
    let world = World::start().await;
    world.post_as(&[], "/_local/simulator/wechat/faults", json!({ "next": ["http500"] }).to_string()).await.done(200);
    world.charge(&charge_on(Channel::WxNative, "1")).await.refused(7, "");
    assert_eq!(close(&world, "wx_native", "1").await.ok()["status"], "closed");
    world.advance(2 * DAY_MS).await;
    check_nothing_is_due(&world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_alipay_made_after_the_closing_is_closed_there_too() {
    let world = World::start().await;
    for channel in names_of(Family::Ali) {
        let charged = charge(&world, channel, channel).await;
        close(&world, channel, channel).await.ok();
        open(&world, channel, &charged).await;
        assert_eq!(world.trade(id_of(&charged)).await["status"], "WAIT_BUYER_PAY", "{channel}");
        world.advance(2 * MINUTE_MS).await;
        assert_eq!(world.trade(id_of(&charged)).await["status"], "TRADE_CLOSED", "{channel}");
    }
    check_nothing_is_due(&world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_of_the_old_interface_is_asked_about_once_more_because_its_closing_is_not_signed() {
    let world = World::start().await;
    world.configure(&world.app, &world.merchant("mapi").await).await;
    let charged = charge(&world, "ali_web", "1").await;
    open(&world, "ali_web", &charged).await;
    assert_eq!(close(&world, "ali_web", "1").await.ok()["status"], "closed");
    assert_eq!(world.trade(id_of(&charged)).await["status"], "TRADE_CLOSED");
    world.advance(2 * MINUTE_MS).await;
    check_nothing_is_due(&world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_crosses_the_end_of_its_order_is_found_a_day_later() {
    let world = World::start().await;
    shop(&world).await;
    let mut ids = Vec::new();
    for channel in names_of(Family::Unipay) {
        let charged = charge(&world, channel, channel).await;
        open(&world, channel, &charged).await;
        ids.push(id_of(&charged).to_owned());
    }
    world.advance(125 * MINUTE_MS).await;
    for (channel, id) in names_of(Family::Unipay).into_iter().zip(&ids) {
        assert_eq!(status(&world, channel).await, "closed");
        unionpay::play(&world, id, "pay", json!({ "late": true, "notify": false })).await;
    }
    world.advance(DAY_MS).await;
    for channel in names_of(Family::Unipay) {
        assert_eq!(status(&world, channel).await, "success", "{channel}");
        assert_eq!(told(&world, channel).await, ["payment.closed", "payment.success"], "{channel}");
    }
    check_nothing_is_due(&world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_question_that_nobody_answers_is_asked_again() {
    let world = World::start().await;
    let charged = charge(&world, "unipay_app", "1").await;
    open(&world, "unipay_app", &charged).await;
    world.advance(125 * MINUTE_MS).await;
    unionpay::play(&world, id_of(&charged), "pay", json!({ "late": true, "notify": false })).await;
    unionpay::fault(&world, "http500").await;
    world.advance(DAY_MS).await;
    assert_eq!(status(&world, "1").await, "closed");
    world.advance(7 * HOUR_MS).await;
    assert_eq!(status(&world, "1").await, "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_bill_that_nobody_pays_is_asked_about_a_day_after_its_end_for_the_last_time() {
    let world = World::start().await;
    charge(&world, "unipay_app", "1").await;
    charge(&world, "ali_web", "2").await;
    close(&world, "unipay_app", "1").await.ok();
    world.advance(26 * HOUR_MS + 2 * MINUTE_MS).await;
    check_nothing_is_due(&world).await;
    assert_eq!((status(&world, "1").await, status(&world, "2").await), ("closed".to_owned(), "closed".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_failed_at_wechat_leaves_the_bill_open_and_is_made_again() {
    for kind in ["v3Certificate", "v2Md5"] {
        let world = World::start().await;
        shop(&world).await;
        wechat::use_merchant(&world, kind).await;
        let mut ids = Vec::new();
        for channel in names_of(Family::Wx) {
            let charged = charge(&world, channel, channel).await;
            wechat::play(&world, id_of(&charged), "fail", json!({})).await;
            sync(&world, channel).await;
            assert_eq!(charge(&world, channel, channel).await["id"], charged["id"], "{kind} {channel}");
            ids.push(id_of(&charged).to_owned());
        }
        world.advance(20 * MINUTE_MS).await;
        for (channel, id) in names_of(Family::Wx).into_iter().zip(&ids) {
            assert_eq!(status(&world, channel).await, "created", "{kind} {channel}");
            wechat::play(&world, id, "pay", json!({})).await;
        }
        world.advance(1).await;
        for channel in names_of(Family::Wx) {
            assert_eq!(status(&world, channel).await, "success", "{kind} {channel}");
            assert_eq!(told(&world, channel).await, ["payment.success"], "{kind} {channel}");
        }
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_whose_payment_failed_is_closed_at_wechat_by_the_shop_and_at_its_end() {
    for kind in ["v3Certificate", "v2Md5"] {
        let world = World::start().await;
        wechat::use_merchant(&world, kind).await;
        let [by_shop, by_time] = [charge(&world, "wx_native", "1").await, charge(&world, "wx_native", "2").await];
        for charged in [&by_shop, &by_time] {
            wechat::play(&world, id_of(charged), "fail", json!({})).await;
        }
        world.advance(AFTER_ORDERING_MS).await;
        assert_eq!(close(&world, "wx_native", "1").await.ok()["status"], "closed", "{kind}");
        assert_eq!(wechat::trade(&world, id_of(&by_shop)).await["state"], "CLOSED", "{kind}");
        world.advance(123 * MINUTE_MS).await;
        assert_eq!(status(&world, "2").await, "closed", "{kind}");
        assert_eq!(wechat::trade(&world, id_of(&by_time)).await["state"], "CLOSED", "{kind}");
        world.end().await;
    }
}

/// The price was lowered, but the payer's phone still has the old order.
#[tokio::test(flavor = "multi_thread")]
async fn the_old_order_of_a_bill_that_was_charged_anew_is_found_by_time_and_by_hand() {
    for by_hand in [false, true] {
        let world = World::start().await;
        shop(&world).await;
        let old = charge(&world, "ali_app", "1").await;
        let new_price = with(charge_of("ali_app", "1"), &json!({ "totalFee": 9000 }));
        world.charge(&new_price).await.refused(5, "totalFee");
        close(&world, "ali_app", "1").await.ok();
        let new = world.charge(&new_price).await.ok();
        assert_ne!(new["id"], old["id"]);
        open(&world, "ali_app", &old).await;
        pay_in_silence(&world, "ali_app", id_of(&old)).await;
        if by_hand {
            sync(&world, "1").await;
        } else {
            world.advance(2 * MINUTE_MS).await;
        }
        assert_eq!(statuses(&world, "1").await, ["created", "success"]);
        let paid = world.records(&json!({ "billNum": "1", "status": "success" })).await.ok();
        assert_eq!(texts(&paid["results"], "id"), [id_of(&old)]);
        // Both are paid: the rule for duplicates applies.
        open(&world, "ali_app", &new).await;
        world.play(id_of(&new), "pay", json!({})).await;
        world.advance(1).await;
        assert_eq!(statuses(&world, "1").await, ["success", "success"]);
        assert_eq!(texts(&json!(world.incidents().await), "kind"), ["duplicate"]);
        let mut heard = told(&world, "1").await;
        heard.sort();
        assert_eq!(heard, ["payment.closed", "payment.duplicate", "payment.success", "payment.success"]);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_crosses_a_payment_does_not_win_at_any_provider() {
    let world = World::start().await;
    shop(&world).await;
    for kind in ["v3Certificate", "v2Md5"] {
        wechat::use_merchant(&world, kind).await;
        let charged = charge(&world, "wx_native", kind).await;
        wechat::play(&world, id_of(&charged), "pay", json!({ "notify": false })).await;
        close(&world, "wx_native", kind).await.refused(5, "billNum must be of an unpaid bill");
    }
    for channel in ["ali_wap", "unipay_app"] {
        let charged = charge(&world, channel, channel).await;
        open(&world, channel, &charged).await;
        pay_in_silence(&world, channel, id_of(&charged)).await;
        close(&world, channel, channel).await.refused(5, "billNum must be of an unpaid bill");
    }
    world.advance(2 * MINUTE_MS).await;
    for bill in ["v3Certificate", "v2Md5", "ali_wap", "unipay_app"] {
        assert_eq!((status(&world, bill).await.as_str(), told(&world, bill).await.len()), ("success", 1), "{bill}");
    }
    world.end().await;
}

/// If the bill's `due` entry is near, it carries the delivery. In every case the shop gets the event once.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_bill_that_is_paid_is_told_of_once_though_every_bell_is_lost() {
    for paid_after in [0, 59_000, 61_000, 3 * MINUTE_MS, 10 * MINUTE_MS] {
        let world = World::start().await;
        world.webhook_to("shop", &json!({ "events": ["payment.success"] })).await;
        let charged = charge(&world, "unipay_app", "1").await;
        open(&world, "unipay_app", &charged).await;
        close(&world, "unipay_app", "1").await.ok();
        world.advance(paid_after).await;
        unionpay::play(&world, id_of(&charged), "pay", json!({})).await;
        world.purge_queue().await;
        world.advance(4 * MINUTE_MS).await;
        assert_eq!(told(&world, "1").await, ["payment.success"], "{paid_after}");
        check_nothing_is_due(&world).await;
        assert_eq!(world.arrivals("shop").await.len(), 1, "{paid_after}");
        world.end().await;
    }
}

/// The `tn` of the first order was lost with UnionPay's answer, so the try was given up.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_given_up_at_unionpay_and_is_paid_is_found() {
    let world = World::start().await;
    unionpay::fault(&world, "garbage").await;
    world.charge(&charge_on(Channel::UnipayApp, "1")).await.refused(7, "");
    let lost = world.record("1").await["id"].as_str().unwrap().to_owned();
    let again = charge(&world, "unipay_app", "1").await;
    assert_ne!(id_of(&again), lost);
    pay_in_silence(&world, "unipay_app", &lost).await;
    world.advance(2 * MINUTE_MS).await;
    assert_eq!(statuses(&world, "1").await, ["created", "success"]);
    world.end().await;
}
