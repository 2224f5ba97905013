//! Refunds: money moves once, never more than was paid, and at the end our books are those of the provider.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    unionpay, wechat,
    world::{MINUTE_MS, START_MS, World, charge_of, client, master, texts, with, without},
};

pub(crate) async fn refund(world: &World, body: &Value) -> Answer {
    world.post_as(&master(&world.app), "/2.0/maxpay/refund", body.to_string()).await
}

pub(crate) async fn refunds(world: &World, body: &Value) -> Answer {
    world.post_as(&master(&world.app), "/2.0/maxpay/refunds", body.to_string()).await
}

pub(crate) fn of(bill: &str, num: &str, fee: i64) -> Value {
    json!({ "billNum": bill, "refundNum": num, "refundFee": fee })
}

/// The only refund with this number.
pub(crate) async fn found(world: &World, num: &str) -> Value {
    let results = refunds(world, &json!({ "refundNum": num })).await.ok()["results"].clone();
    let [found] = <[Value; 1]>::try_from(results.as_array().unwrap().clone()).unwrap();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_of_a_part_and_then_of_the_rest_gives_all_back() {
    let world = World::start().await;
    let id = world.paid("1").await;
    let part = refund(&world, &with(of("1", "R1", 100), &json!({ "reason": "a chip in the cup" }))).await.ok();
    let expect = json!({
        "code": 0, "msg": "OK", "refundNum": "R1", "billNum": "1", "id": id, "channel": "ali_qrcode", "refundFee": 100,
        "status": "success", "createdTime": START_MS, "endTime": START_MS, "reason": "a chip in the cup",
    });
    assert_eq!(part, expect);
    let record = world.record("1").await;
    assert_eq!((&record["status"], &record["refundedFee"]), (&json!("success"), &json!(100)));

    refund(&world, &of("1", "R2", 9801)).await.refused(5, "refundFee must be at most 9800");
    refund(&world, &of("1", "R2", 9800)).await.ok();
    let record = world.record("1").await;
    assert_eq!((&record["status"], &record["refundedFee"]), (&json!("refund"), &json!(9900)));
    assert_eq!(record["endTime"], START_MS, "when it was paid");
    refund(&world, &of("1", "R3", 1)).await.refused(5, "refundFee must be at most 0");

    let all = refunds(&world, &json!({ "billNum": "1" })).await.ok();
    assert_eq!(texts(&all["results"], "refundNum"), ["R1", "R2"]);
    assert_eq!(world.trade(&id).await["refunds"].as_array().unwrap().len(), 2);
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

/// If a caller's refund had the number of an automatic refund, the automatic refund could never begin.
#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_of_automatic_refunds_are_for_no_caller() {
    let world = World::start().await;
    let (id, other) = (world.paid("1").await, world.paid("2").await);
    for num in [format!("twice-{id}"), format!("twice-{id}-9"), format!("twice-{other}"), "twice-".to_owned()] {
        refund(&world, &of("1", &num, 100)).await.refused(5, "refundNum must not begin with twice-");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_number_gives_the_same_answer_and_moves_money_once() {
    let world = World::start().await;
    let id = world.paid("1").await;
    world.paid("2").await;
    let first = refund(&world, &of("1", "R1", 100)).await.ok();
    world.advance(MINUTE_MS).await;
    assert_eq!(refund(&world, &of("1", "R1", 100)).await.ok(), first);
    let named = json!({ "channel": "ali_qrcode", "id": id, "reason": "in other words" });
    assert_eq!(refund(&world, &with(of("1", "R1", 100), &named)).await.ok(), first);
    for other in [of("1", "R1", 101), of("2", "R1", 100), with(of("1", "R1", 100), &json!({ "channel": "ali_web" }))] {
        refund(&world, &other).await.refused(5, "refundNum must be a new one");
    }
    assert_eq!(world.trade(&id).await["refunds"].as_array().unwrap().len(), 1);
    assert_eq!(world.record("1").await["refundedFee"], 100);
    assert!(world.record("2").await.get("refundedFee").is_none());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_refunds_that_race_never_give_back_more_than_was_paid() {
    let world = World::start().await;
    let id = world.paid("1").await;
    let bodies: Vec<Value> = (0..20).map(|n| of("1", &format!("R{n}"), 1000)).collect();
    let answers = join_all(bodies.iter().map(|body| refund(&world, body))).await;
    let done = answers.iter().filter(|answer| answer.code() == 0).count();
    assert_eq!(done, 9, "nine times ten yuan of ninety-nine");
    for answer in answers.iter().filter(|answer| answer.code() != 0) {
        answer.refused(5, "refundFee must be at most");
    }
    let record = world.record("1").await;
    assert_eq!((&record["status"], &record["refundedFee"]), (&json!("success"), &json!(9000)));
    assert_eq!(world.trade(&id).await["refunds"].as_array().unwrap().len(), 9);

    world.paid("2").await;
    let same = of("2", "once", 9900);
    let answers = join_all((0..20).map(|_| refund(&world, &same))).await;
    for answer in &answers {
        assert_eq!(answer.ok()["refundFee"], 9900);
    }
    let record = world.record("2").await;
    assert_eq!((&record["status"], &record["refundedFee"]), (&json!("refund"), &json!(9900)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_paid_bill_is_refunded_and_only_by_the_master_key() {
    let world = World::start().await;
    refund(&world, &of("1", "R1", 1)).await.refused(5, "billNum");
    world.charged("1").await;
    refund(&world, &of("1", "R1", 1)).await.refused(5, "billNum");
    world.paid("2").await;
    refund(&world, &with(of("2", "R1", 1), &json!({ "channel": "ali_web" }))).await.refused(5, "billNum");
    refund(&world, &without(of("2", "R1", 1), "refundFee")).await.refused(4, "refundFee");
    refund(&world, &of("2", "退", 1)).await.refused(5, "refundNum");
    for path in ["refund", "refunds", "close", "sync"] {
        let path = format!("/2.0/maxpay/{path}");
        world.post_as(&client(&world.app), &path, of("2", "R1", 1).to_string()).await.refused(1, "X-ML-MasterKey");
    }
    refunds(&world, &json!({ "refundNum": "R1" })).await.refused(5, "refundNum");
    refunds(&world, &json!({ "billNum": "3" })).await.refused(5, "billNum");
    refunds(&world, &json!({})).await.refused(4, "billNum");
    assert!(world.record("2").await.get("refundedFee").is_none());
    let other = world.new_app("other").await;
    let stolen = world.post_as(&master(&other), "/2.0/maxpay/refund", of("2", "R1", 1).to_string()).await;
    stolen.refused(5, "billNum");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unclear_answer_stays_pending_until_the_sweep_has_asked() {
    let world = World::start().await;
    for (n, fault) in ["garbage", "cut", "unsigned", "badSignature", "http500", "20000"].into_iter().enumerate() {
        let (bill, num) = (format!("B{n}"), format!("R{n}"));
        world.paid(&bill).await;
        world.faults(&[fault]).await;
        let pending = refund(&world, &of(&bill, &num, 100)).await.ok();
        assert_eq!((&pending["status"], pending.get("endTime")), (&json!("pending"), None), "{fault}");
        // As long as the result is unknown, only the rest can be refunded.
        refund(&world, &of(&bill, "more", 9801)).await.refused(5, "at most 9800");
        world.advance(2 * MINUTE_MS).await;
        assert_eq!(found(&world, &num).await["status"], "success", "{fault}");
        let record = world.record(&bill).await;
        assert_eq!((&record["status"], &record["refundedFee"]), (&json!("success"), &json!(100)), "{fault}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_pending_refund_once_more_finds_out_too() {
    let world = World::start().await;
    world.paid("1").await;
    world.faults(&["http500", "http500"]).await;
    assert_eq!(refund(&world, &of("1", "R1", 100)).await.ok()["status"], "pending");
    world.faults(&[]).await;
    assert_eq!(refund(&world, &of("1", "R1", 100)).await.ok()["status"], "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clear_refusal_fails_the_refund_and_frees_its_amount() {
    let world = World::start().await;
    let id = world.paid("1").await;
    // Alipay does not refund finished trades.
    world.play(&id, "finish", json!({})).await;
    refund(&world, &of("1", "R1", 9900)).await.refused(7, "ACQ.");
    refund(&world, &of("1", "R1", 9900)).await.refused(7, "another refundNum");
    let failed = found(&world, "R1").await;
    assert_eq!(failed["status"], "failed");
    assert!(failed["failure"].as_str().unwrap().starts_with("ACQ."), "{failed}");
    let record = world.record("1").await;
    assert_eq!((&record["status"], record.get("refundedFee")), (&json!("success"), None));
    refund(&world, &of("1", "R2", 9900)).await.refused(7, "ACQ.");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_in_the_providers_console_and_ours_come_to_one_sum() {
    let world = World::start().await;
    let id = world.paid("1").await;
    world.play(&id, "refund", json!({ "amount": "30.00" })).await;
    assert_eq!(world.record("1").await["refundedFee"], 3000);
    refund(&world, &of("1", "R1", 6901)).await.refused(5, "at most 6900");
    refund(&world, &of("1", "R1", 6000)).await.ok();
    assert_eq!(world.record("1").await["refundedFee"], 9000);
    world.play(&id, "refund", json!({ "amount": "9.00" })).await;
    let record = world.record("1").await;
    assert_eq!((&record["status"], &record["refundedFee"]), (&json!("refund"), &json!(9900)));
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_protocol_refunds_elsewhere_says_so_and_keeps_nothing() {
    let world = World::start().await;
    let mapi = world.merchant("mapi").await;
    world.configure(&world.app, &mapi).await;
    let charged = world.charge(&charge_of("ali_web", "1")).await.ok();
    crate::charge::knock(&world, "ali_web", &charged).await;
    world.play(charged["id"].as_str().unwrap(), "pay", json!({})).await;
    refund(&world, &of("1", "R1", 1)).await.refused(2, "refund");
    refunds(&world, &json!({ "refundNum": "R1" })).await.refused(5, "refundNum");
    world.end().await;
}

/// Refunds of v2 are sent with a client certificate. The simulator uses plain HTTP and does not see it.
pub(crate) async fn use_wechat_merchant(world: &World, kind: &str) {
    wechat::use_merchant(world, kind).await;
    if kind.starts_with("v2") {
        let merchant = unionpay::settings_of(world, "unipay_app").await;
        let client = json!({ "clientPfx": merchant["pfx"], "clientPfxPassword": merchant["pfxPassword"] });
        let settings = with(wechat::settings_of(world, kind, "wx_mp").await, &client);
        wechat::save(world, "wx_mp", &settings).await.done(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_of_wechats_v2_needs_the_client_certificate() {
    let world = World::start().await;
    wechat::use_merchant(&world, "v2Md5").await;
    let id = wechat::charged(&world, "wx_native", "1").await;
    wechat::play(&world, &id, "pay", json!({})).await;
    refund(&world, &of("1", "R1", 100)).await.refused(6, "clientPfx");
    let unreadable = json!({ "clientPfx": "AAEC", "clientPfxPassword": "1" });
    let unreadable = with(wechat::settings_of(&world, "v2Md5", "wx_mp").await, &unreadable);
    wechat::save(&world, "wx_mp", &unreadable).await.done(200);
    refund(&world, &of("1", "R1", 100)).await.refused(6, "clientPfx");
    refunds(&world, &json!({ "refundNum": "R1" })).await.refused(5, "refundNum");
    use_wechat_merchant(&world, "v2Md5").await;
    refund(&world, &of("1", "R1", 100)).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wechat_refunds_on_every_kind_of_account_and_settles_by_its_notify() {
    let world = World::start().await;
    for kind in wechat::KINDS {
        use_wechat_merchant(&world, kind).await;
        let (bill, num) = (format!("B {kind}"), format!("R-{kind}"));
        let id = wechat::charged(&world, "wx_native", &bill).await;
        wechat::play(&world, &id, "pay", json!({})).await;
        assert_eq!(refund(&world, &of(&bill, &num, 100)).await.ok()["status"], "pending", "{kind}");
        let number = format!("{id}-{num}");
        wechat::play(&world, &id, "refund", json!({ "outRefundNo": number, "status": "SUCCESS" })).await;
        assert_eq!(found(&world, &num).await["status"], "success", "{kind}");
        assert_eq!(world.record(&bill).await["refundedFee"], 100, "{kind}");

        refund(&world, &of(&bill, &format!("{num}x"), 100)).await.ok();
        let number = format!("{id}-{num}x");
        wechat::play(&world, &id, "refund", json!({ "outRefundNo": number, "status": "CLOSED" })).await;
        assert_eq!(found(&world, &format!("{num}x")).await["status"], "failed", "{kind}");
        assert_eq!(world.record(&bill).await["refundedFee"], 100, "{kind}");
        refund(&world, &of(&bill, &format!("{num}y"), 9801)).await.refused(5, "at most 9800");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unionpay_undoes_a_whole_payment_of_the_day_and_refunds_a_part() {
    let world = World::start().await;
    for channel in unionpay::CHANNELS {
        let (whole, part) = (format!("whole {channel}"), format!("part {channel}"));
        for (bill, fee, kind) in [(&whole, 9900, "31"), (&part, 100, "04")] {
            let id = unionpay::opened(&world, channel, bill).await;
            unionpay::play(&world, &id, "pay", json!({})).await;
            let num = format!("{channel}-{kind}");
            refund(&world, &of(bill, &num, fee)).await.ok();
            world.advance(2 * MINUTE_MS).await;
            assert_eq!(found(&world, &num).await["status"], "success", "{bill}");
            let record = world.record(bill).await;
            let status = if fee == 9900 { "refund" } else { "success" };
            assert_eq!((&record["status"], &record["refundedFee"]), (&json!(status), &json!(fee)), "{bill}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_unionpay_fails_later_frees_its_amount() {
    let world = World::start().await;
    let id = unionpay::opened(&world, "unipay_app", "1").await;
    unionpay::play(&world, &id, "pay", json!({})).await;
    unionpay::fault(&world, "fails").await;
    refund(&world, &of("1", "R1", 100)).await.ok();
    world.advance(10 * MINUTE_MS).await;
    assert_eq!(found(&world, "R1").await["status"], "failed");
    refund(&world, &of("1", "R2", 9900)).await.ok();
    world.advance(10 * MINUTE_MS).await;
    assert_eq!(world.record("1").await["status"], "refund");
    world.end().await;
}
