//! A merchant's events other than payments: refunds, closings, mismatches and second payments. Each comes once, in every way of detecting it.

use domain::Event;
use serde_json::{Value, json};

use crate::{
    charge::knock,
    notify_message::Message,
    refund_trouble::{balance, give_up, paid_at_wechat},
    refunds::{of, refund},
    wechat,
    world::{MINUTE_MS, World, charge_of, master, with},
};

/// Makes an event happen. For a new event the compiler asks here how it happens: an event that is never sent is not an event.
async fn happen(world: &World, event: Event) {
    match event {
        Event::PaymentSuccess => {
            world.paid("1").await;
        }
        Event::PaymentClosed => {
            world.charged("1").await;
            let body = json!({ "billNum": "1", "channel": "ali_qrcode" }).to_string();
            world.post_as(&master(&world.app), "/2.0/maxpay/close", body).await.ok();
        }
        Event::PaymentMismatch => {
            let other_seller = with(world.merchant("openapi").await, &json!({ "sellerId": "2088000000009999" }));
            world.configure(&world.app, &other_seller).await;
            let id = world.charged("1").await;
            world.play(&id, "pay", json!({})).await;
        }
        Event::PaymentDuplicate => {
            let id = wechat::charged(world, "wx_native", "1").await;
            world.paid("1").await;
            world.advance(2000).await;
            wechat::play(world, &id, "pay", json!({})).await;
        }
        Event::RefundSuccess => {
            world.paid("1").await;
            refund(world, &of("1", "R1", 100)).await.ok();
        }
        Event::RefundFailed => {
            let (id, merchant) = paid_at_wechat(world, "1").await;
            balance(world, "wechat", &merchant, true).await;
            refund(world, &of("1", "R1", 100)).await.ok();
            give_up(world, &id, "R1").await.done(200);
        }
        Event::RefundStuck => {
            let (id, _) = paid_at_wechat(world, "1").await;
            refund(world, &of("1", "R1", 100)).await.ok();
            let number = format!("{id}-R1");
            wechat::play(world, &id, "refund", json!({ "outRefundNo": number, "status": "ABNORMAL" })).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_sent_to_a_webhook_that_wants_it_and_nothing_else_is() {
    for event in Event::ALL {
        let world = World::start().await;
        world.webhook_to("shop", &json!({ "events": [event.name()] })).await;
        happen(&world, event).await;
        world.advance(MINUTE_MS).await;
        let told = bodies(&world).await;
        let names: Vec<&str> = told.iter().map(|body| body["event"].as_str().unwrap_or("payment.success")).collect();
        assert_eq!(names, [event.name()], "nobody sends it, or it is sent as another, or more than once");
        world.end().await;
    }
}

/// The tester's body is compared with the document, as all bodies that arrive.
#[tokio::test(flavor = "multi_thread")]
async fn the_sample_of_each_event_is_one_of_its_kind() {
    let world = World::start().await;
    let all = Event::ALL.map(Event::name);
    let hook = world.webhook_to("shop", &json!({ "events": all })).await;
    let path = format!("/apps/{}/webhooks/{}/test?mode=test", world.app.app_id, hook["id"].as_str().unwrap());
    for event in all {
        let tried = world.admin("POST", &path, json!({ "event": event })).await.done(200);
        assert_eq!(tried["received"], true, "{tried}");
    }
    let told = bodies(&world).await;
    let names: Vec<&str> = told.iter().map(|body| body["event"].as_str().unwrap_or("payment.success")).collect();
    assert_eq!(names, all);
    world.end().await;
}

/// A webhook for all events.
async fn listen(world: &World) {
    let all = ["payment.success", "refund.success", "payment.closed", "payment.mismatch", "payment.duplicate"];
    world.webhook_to("shop", &json!({ "events": all })).await;
}

/// The bodies with this status, or of this event, oldest first.
async fn bodies(world: &World) -> Vec<Value> {
    let arrived = world.arrivals("shop").await;
    arrived.iter().map(|one| serde_json::from_str(one["body"].as_str().unwrap()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refund_is_told_once_with_its_number_and_its_fee() {
    let world = World::start().await;
    listen(&world).await;
    world.paid("1").await;
    for (num, fee) in [("R1", 100), ("R2", 200)] {
        refund(&world, &of("1", num, fee)).await.ok();
        refund(&world, &of("1", num, fee)).await.ok();
    }
    world.advance(5 * MINUTE_MS).await;
    let told = bodies(&world).await;
    let mut refunds: Vec<_> = told.iter().filter(|body| body.get("refundNum").is_some()).collect();
    refunds.sort_by_key(|body| body["refundNum"].to_string());
    let pairs: Vec<_> = refunds.iter().map(|body| (&body["refundNum"], &body["refundFee"])).collect();
    assert_eq!(pairs, [(&json!("R1"), &json!(100)), (&json!("R2"), &json!(200))], "{told:?}");
    assert_eq!(told.len(), 3, "and the payment: {told:?}");
    world.end().await;
}

/// The content of `refund.success`: number, fee, and the total refunded by then, in any order.
async fn told_of_refunds(world: &World) -> Vec<(Value, Value, Value)> {
    let told = bodies(world).await.into_iter().filter(|body| body["event"] == "refund.success");
    let mut told: Vec<_> =
        told.map(|body| (body["refundNum"].clone(), body["refundFee"].clone(), body["refundedFee"].clone())).collect();
    told.sort_by_key(|(_, _, sum)| sum.as_i64());
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_back_in_the_providers_console_is_told_once_however_its_reports_come() {
    let world = World::start().await;
    listen(&world).await;
    let trade = world.trade(&world.paid("1").await).await;
    let report = async |yuan: &str| {
        let message = Message::paid(&trade).with("refund_fee", yuan).with("gmt_refund", "2026-11-23 22:31:00.000");
        let heard = world.post_form(trade["notifyUrl"].as_str().unwrap(), message.signed()).await;
        assert_eq!((heard.status, heard.text().as_str()), (200, "success"));
    };
    refund(&world, &of("1", "R1", 100)).await.ok();
    // Reports of 2, 5 and 6 yuan, which include ours: the first comes late, and each comes twice.
    for yuan in ["5.00", "2.00", "5.00", "6.00", "2.00", "6.00", "1.00"] {
        report(yuan).await;
    }
    assert_eq!(world.record("1").await["refundedFee"], 600);
    world.advance(5 * MINUTE_MS).await;
    let expect = [
        (json!("R1"), json!(100), json!(100)),
        (json!(null), json!(400), json!(500)),
        (json!(null), json!(100), json!(600)),
    ];
    assert_eq!(told_of_refunds(&world).await, expect);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_counts_our_own_pending_refund_tells_nothing_by_itself() {
    let world = World::start().await;
    listen(&world).await;
    let id = world.paid("1").await;
    world.faults(&["garbage"]).await;
    assert_eq!(refund(&world, &of("1", "R1", 100)).await.ok()["status"], "pending");
    // Alipay made it, and sends its notify. Then somebody refunds another yuan there.
    world.play(&id, "refund", json!({ "amount": "1.00" })).await;
    world.advance(5 * MINUTE_MS).await;
    let expect = [(json!(null), json!(100), json!(200)), (json!("R1"), json!(100), json!(200))];
    let mut told = told_of_refunds(&world).await;
    told.sort_by_key(|(num, ..)| num.is_string());
    assert_eq!(told, expect);
    assert_eq!(world.record("1").await["refundedFee"], 200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_only_its_refund_tells_of_is_told_with_it() {
    let world = World::start().await;
    listen(&world).await;
    for (bill, amount) in [("part", "1.00"), ("all", "99.00")] {
        let id = world.charged(bill).await;
        world.play(&id, "pay", json!({ "notify": false })).await;
        world.play(&id, "refund", json!({ "amount": amount })).await;
    }
    world.advance(5 * MINUTE_MS).await;
    let mut told: Vec<_> = bodies(&world).await;
    told.sort_by_key(|body| (body["billNum"].to_string(), body["event"].to_string()));
    let told: Vec<_> = told.iter().map(|body| (&body["billNum"], &body["event"], &body["refundedFee"])).collect();
    let (refund, none) = (json!("refund.success"), json!(null));
    // If everything was refunded, there is no event of the payment: the merchant must not send goods.
    let expect = [
        (&json!("all"), &refund, &json!(9900)),
        (&json!("part"), &refund, &json!(100)),
        (&json!("part"), &none, &none),
    ];
    assert_eq!(told, expect);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_only_a_question_found_is_told_as_any_other() {
    let world = World::start().await;
    listen(&world).await;
    let silent = json!({ "notify": false });
    for (n, who) in ["sweep", "sync", "records"].into_iter().enumerate() {
        let id = world.charged(who).await;
        world.play(&id, "pay", silent.clone()).await;
        match who {
            "sweep" => world.advance(2 * MINUTE_MS).await,
            "sync" => {
                let body = json!({ "billNum": who }).to_string();
                world.post_as(&master(&world.app), "/2.0/maxpay/sync", body).await.ok();
            }
            _ => {
                world.advance(20_000).await;
                assert_eq!(world.record(who).await["status"], "success");
            }
        }
        world.advance(3 * MINUTE_MS).await;
        assert_eq!(bodies(&world).await.len(), n + 1, "{who}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closing_is_told_whether_the_merchant_or_the_clock_closed() {
    let world = World::start().await;
    listen(&world).await;
    world.charged("1").await;
    let body = json!({ "billNum": "1", "channel": "ali_qrcode" }).to_string();
    world.post_as(&master(&world.app), "/2.0/maxpay/close", body).await.ok();
    world.charge(&with(charge_of("ali_qrcode", "2"), &json!({ "billTimeout": 360 }))).await.ok();
    world.advance(10 * MINUTE_MS).await;
    let told = bodies(&world).await;
    let mut closed: Vec<_> = told.iter().map(|body| (body["billNum"].clone(), body["status"].clone())).collect();
    closed.sort_by_key(|(bill, _)| bill.to_string());
    assert_eq!(closed, [(json!("1"), json!("closed")), (json!("2"), json!("closed"))]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misfit_is_told_once_whether_it_was_sent_or_asked_for() {
    let world = World::start().await;
    listen(&world).await;
    let other_seller = with(world.merchant("openapi").await, &json!({ "sellerId": "2088000000009999" }));
    world.configure(&world.app, &other_seller).await;
    let sent = world.charged("sent").await;
    world.play(&sent, "pay", json!({ "times": 3 })).await;
    world.advance(0).await;
    let told = bodies(&world).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["billNum"], &told[0]["kind"]), (&json!("sent"), &json!("account")));
    assert!(told[0]["problem"].as_str().unwrap().contains("seller_id"), "{told:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_payment_is_told_once() {
    let world = World::start().await;
    listen(&world).await;
    let mut ids = Vec::new();
    for channel in ["ali_web", "ali_app"] {
        let charged = world.charge(&charge_of(channel, "1")).await.ok();
        knock(&world, channel, &charged).await;
        ids.push(charged["id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        world.play(id, "pay", json!({ "times": 2 })).await;
        world.advance(1).await;
    }
    world.advance(MINUTE_MS).await;
    let told = bodies(&world).await;
    let duplicates: Vec<_> = told.iter().filter(|body| body.get("duplicateOf").is_some()).collect();
    assert_eq!(duplicates.len(), 1, "{told:?}");
    assert_eq!((&duplicates[0]["id"], &duplicates[0]["duplicateOf"]), (&json!(ids[1]), &json!(ids[0])));
    world.end().await;
}
