//! Refunds with problems: the merchant's balance does not suffice, a bank does not accept the money, or the provider changes the
//! result. No refund is forgotten, no money moves twice, and no verified message is lost.

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    console::Visitor,
    notify_message::Message,
    refunds::{found, of, refund, refunds, use_wechat_merchant},
    unionpay, wechat,
    world::{MINUTE_MS, World, master, texts},
};

const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Empties or refills a merchant's balance for refunds.
pub(crate) async fn balance(world: &World, provider: &str, merchant: &str, empty: bool) {
    let body = json!({ "merchant": merchant, "empty": empty }).to_string();
    world.post_as(&[], &format!("/_local/simulator/{provider}/balance"), body).await.done(200);
}

/// The kinds of a bill's incidents, sorted.
async fn incidents_of(world: &World, bill: &str) -> Vec<String> {
    let all = world.incidents().await;
    let mine: Vec<Value> = all.into_iter().filter(|incident| incident["billNum"] == bill).collect();
    let mut kinds = texts(&json!(mine), "kind");
    kinds.sort();
    kinds
}

async fn listen(world: &World) {
    let all = ["refund.success", "refund.failed", "refund.stuck", "payment.duplicate", "payment.mismatch"];
    world.webhook_to("shop", &json!({ "events": all })).await;
}

/// The events that the shop got: event, the refund's number, its fee, whether it has a reason.
async fn told(world: &World) -> Vec<(String, String, i64, bool)> {
    let arrived = world.arrivals("shop").await;
    let bodies = arrived.iter().map(|one| serde_json::from_str::<Value>(one["body"].as_str().unwrap()).unwrap());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |body: Value| {
        let fee = body["refundFee"].as_i64().unwrap_or_default();
        (text(&body["event"]), text(&body["refundNum"]), fee, body["failure"].is_string())
    };
    bodies.map(line).collect()
}

fn line(event: &str, num: &str, fee: i64, says_why: bool) -> (String, String, i64, bool) {
    (event.to_owned(), num.to_owned(), fee, says_why)
}

pub(crate) async fn give_up(world: &World, id: &str, num: &str) -> Answer {
    let path = format!("/apps/{}/transactions/{id}/give-up?mode=test", world.app.app_id);
    world.admin("POST", &path, json!({ "refundNum": num })).await
}

/// A payment on WeChat Pay: transaction and merchant.
pub(crate) async fn paid_at_wechat(world: &World, bill: &str) -> (String, String) {
    let id = wechat::charged(world, "wx_native", bill).await;
    let trade = wechat::play(world, &id, "pay", json!({})).await;
    (id, trade["merchant"].as_str().unwrap().to_owned())
}

/// A payment on UnionPay: transaction and merchant.
async fn paid_at_unionpay(world: &World, bill: &str) -> (String, String) {
    let id = unionpay::opened(world, "unipay_app", bill).await;
    let order = unionpay::play(world, &id, "pay", json!({})).await;
    (id, order["merId"].as_str().unwrap().to_owned())
}

async fn unionpay_order(world: &World, id: &str) -> Value {
    world.call("GET", &format!("/_local/simulator/unionpay/orders/{id}"), &[], "").await.done(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_the_balance_does_not_cover_waits_and_the_same_call_asks_at_once() {
    let world = World::start().await;
    for kind in wechat::KINDS {
        use_wechat_merchant(&world, kind).await;
        let (bill, num) = (format!("B {kind}"), format!("R-{kind}"));
        let (id, merchant) = paid_at_wechat(&world, &bill).await;
        balance(&world, "wechat", &merchant, true).await;
        for _ in 0..2 {
            let pending = refund(&world, &of(&bill, &num, 9900)).await.ok();
            assert_eq!((&pending["status"], pending.get("endTime")), (&json!("pending"), None), "{kind}");
            assert!(pending["failure"].as_str().unwrap().contains("余额不足"), "{pending}");
        }
        assert_eq!(incidents_of(&world, &bill).await, ["refund-paused"], "once: {kind}");
        refund(&world, &of(&bill, "other", 1)).await.refused(5, "at most 0");
        balance(&world, "wechat", &merchant, false).await;
        let answer = refund(&world, &of(&bill, &num, 9900)).await.ok();
        assert_eq!((&answer["status"], answer.get("failure").is_some()), (&json!("pending"), true), "{kind}");
        let number = format!("{id}-{num}");
        wechat::play(&world, &id, "refund", json!({ "outRefundNo": number, "status": "SUCCESS" })).await;
        let done = found(&world, &num).await;
        assert_eq!((&done["status"], done.get("failure")), (&json!("success"), None), "{kind}");
        assert_eq!(wechat::trade(&world, &id).await["refunds"].as_array().unwrap().len(), 1, "under one number");
    }
    let paid = world.paid("ali").await;
    let merchant = world.trade(&paid).await["merchant"].as_str().unwrap().to_owned();
    balance(&world, "alipay", &merchant, true).await;
    let pending = refund(&world, &of("ali", "R1", 9900)).await.ok();
    assert_eq!(pending["status"], "pending");
    assert!(pending["failure"].as_str().unwrap().starts_with("ACQ.SELLER_BALANCE_NOT_ENOUGH"), "{pending}");
    balance(&world, "alipay", &merchant, false).await;
    assert_eq!(refund(&world, &of("ali", "R1", 9900)).await.ok()["status"], "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unionpay_gets_a_new_number_only_after_its_query_says_that_nothing_moved() {
    let world = World::start().await;
    // Refused at once, or after it was accepted.
    for (bill, fault) in [("at once", None), ("later", Some("slow"))] {
        let (id, merchant) = paid_at_unionpay(&world, bill).await;
        balance(&world, "unionpay", &merchant, true).await;
        if let Some(fault) = fault {
            unionpay::fault(&world, fault).await;
        }
        let num = format!("R-{}", bill.len());
        assert_eq!(refund(&world, &of(bill, &num, 100)).await.ok()["status"], "pending");
        world.advance(10 * MINUTE_MS).await;
        let waits = found(&world, &num).await;
        assert_eq!(waits["status"], "pending", "{bill}");
        assert!(waits["failure"].as_str().unwrap().starts_with("64: "), "{waits}");
        assert_eq!(incidents_of(&world, bill).await, ["refund-paused"], "{bill}");
        balance(&world, "unionpay", &merchant, false).await;
        assert_eq!(refund(&world, &of(bill, &num, 100)).await.ok()["refundNum"], num, "{bill}");
        world.advance(10 * MINUTE_MS).await;
        assert_eq!(found(&world, &num).await["status"], "success", "{bill}");
        let order = unionpay_order(&world, &id).await;
        assert_eq!(order["returnedAmt"], "100", "money moved once: {order}");
        let numbers = texts(&order["refunds"], "orderId");
        assert_eq!(numbers.len(), if fault.is_some() { 2 } else { 1 }, "{numbers:?}");
        assert_eq!(world.record(bill).await["refundedFee"], 100, "{bill}");
    }
    // The query finds the first sending in progress: nothing else is sent meanwhile.
    let (id, _) = paid_at_unionpay(&world, "under way").await;
    unionpay::fault(&world, "slow").await;
    for _ in 0..3 {
        assert_eq!(refund(&world, &of("under way", "R9", 100)).await.ok()["status"], "pending");
    }
    assert_eq!(unionpay_order(&world, &id).await["refunds"].as_array().unwrap().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_waits_thirty_days_for_the_balance_and_a_person_hears_of_both_ends() {
    let world = World::start().await;
    listen(&world).await;
    let (id, merchant) = paid_at_wechat(&world, "1").await;
    balance(&world, "wechat", &merchant, true).await;
    refund(&world, &of("1", "R1", 9900)).await.ok();
    world.advance(29 * DAY_MS).await;
    assert_eq!(found(&world, "R1").await["status"], "pending");
    world.advance(2 * DAY_MS).await;
    let failed = found(&world, "R1").await;
    assert_eq!(failed["status"], "failed");
    assert!(failed["failure"].as_str().unwrap().contains("30 days"), "{failed}");
    assert_eq!(incidents_of(&world, "1").await, ["refund-failed", "refund-paused"]);
    refund(&world, &of("1", "R1", 9900)).await.refused(7, "30 days");
    assert_eq!(told(&world).await, [line("refund.failed", "R1", 9900, true)]);
    // Its amount can be refunded again.
    balance(&world, "wechat", &merchant, false).await;
    refund(&world, &of("1", "R2", 9900)).await.ok();
    world.advance(10 * MINUTE_MS).await;
    assert_eq!(world.record("1").await["status"], "refund");
    assert_eq!(wechat::trade(&world, &id).await["refundedAmount"], 9900);
    let expect = [line("refund.failed", "R1", 9900, true), line("refund.success", "R2", 9900, false)];
    assert_eq!(told(&world).await, expect);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_waits_goes_by_itself_within_an_hour_of_the_balance() {
    let world = World::start().await;
    listen(&world).await;
    let (_, merchant) = paid_at_wechat(&world, "1").await;
    balance(&world, "wechat", &merchant, true).await;
    refund(&world, &of("1", "R1", 9900)).await.ok();
    world.advance(5 * HOUR_MS).await;
    balance(&world, "wechat", &merchant, false).await;
    world.advance(HOUR_MS + 10 * MINUTE_MS).await;
    assert_eq!(found(&world, "R1").await["status"], "success");
    assert_eq!(told(&world).await, [line("refund.success", "R1", 9900, false)]);
    assert_eq!(incidents_of(&world, "1").await, ["refund-paused"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_refund_is_given_up_only_when_nothing_moved_and_then_its_share_is_free() {
    let world = World::start().await;
    listen(&world).await;
    let (id, merchant) = paid_at_wechat(&world, "1").await;
    // A refund in progress cannot be given up.
    refund(&world, &of("1", "going", 100)).await.ok();
    assert!(give_up(&world, &id, "going").await.done(409)["detail"].as_str().unwrap().contains("waits"));
    world.advance(MINUTE_MS).await;
    balance(&world, "wechat", &merchant, true).await;
    refund(&world, &of("1", "R1", 9800)).await.ok();
    assert_eq!(give_up(&world, &id, "nobody").await.status, 404);
    assert_eq!(give_up(&world, &id, "退").await.status, 400);

    let given_up = give_up(&world, &id, "R1").await.done(200);
    assert_eq!(given_up["status"], "failed");
    assert!(given_up["failure"].as_str().unwrap().starts_with("GIVEN_UP"), "{given_up}");
    assert_eq!(give_up(&world, &id, "R1").await.status, 409, "it is over");
    assert_eq!(incidents_of(&world, "1").await, ["refund-paused"], "a person knows what they did");
    balance(&world, "wechat", &merchant, false).await;
    world.advance(3 * DAY_MS).await;
    assert_eq!(found(&world, "R1").await["status"], "failed", "and nobody sends it again");
    refund(&world, &of("1", "R2", 9800)).await.ok();
    world.advance(10 * MINUTE_MS).await;
    assert_eq!(world.record("1").await["status"], "refund");
    let told = told(&world).await;
    assert!(told.contains(&line("refund.failed", "R1", 9800, true)), "{told:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_offers_what_the_api_allows_and_gives_a_waiting_refund_up() {
    let world = World::start().await;
    let id = world.paid("1").await;
    let merchant = world.trade(&id).await["merchant"].as_str().unwrap().to_owned();
    // Thirty yuan were refunded in the provider's console, and thirty of ours are in progress.
    world.play(&id, "refund", json!({ "amount": "30.00" })).await;
    balance(&world, "alipay", &merchant, true).await;
    refund(&world, &of("1", "R1", 3000)).await.ok();
    let owner = Visitor::owner(&world).await;
    let (page, query) = (format!("/apps/{}/transactions/{id}", world.app.app_id), "?mode=test&bill=1");
    let shown = owner.get(&world, &format!("{page}{query}")).await.text();
    assert!(shown.contains("At most ¥\u{a0}39.00."), "{shown}");
    assert!(shown.contains("value=\"39.00\"") && shown.contains("waits for your balance"), "{shown}");
    refund(&world, &of("1", "R2", 3901)).await.refused(5, "at most 3900");

    let done = owner.post(&world, &format!("{page}/give-up{query}"), &[("num", "R1")]).await;
    assert_eq!(done.status, 303, "{}", done.text());
    let shown = owner.get(&world, &format!("{page}{query}")).await.text();
    assert!(shown.contains("At most ¥\u{a0}69.00.") && !shown.contains("/give-up?"), "{shown}");
    balance(&world, "alipay", &merchant, false).await;
    refund(&world, &of("1", "R2", 6900)).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_payment_goes_back_as_soon_as_the_balance_suffices() {
    let world = World::start().await;
    listen(&world).await;
    world.admin("PATCH", &format!("/apps/{}", world.app.app_id), json!({ "refundDuplicates": true })).await.done(200);
    let id = wechat::charged(&world, "wx_native", "twice").await;
    world.paid("twice").await;
    world.advance(2000).await;
    let merchant = wechat::trade(&world, &id).await["merchant"].as_str().unwrap().to_owned();
    balance(&world, "wechat", &merchant, true).await;
    wechat::play(&world, &id, "pay", json!({})).await;
    world.advance(5 * MINUTE_MS).await;
    assert_eq!(incidents_of(&world, "twice").await, ["duplicate", "refund-paused"]);
    world.advance(2 * HOUR_MS).await;
    balance(&world, "wechat", &merchant, false).await;
    world.advance(3 * DAY_MS).await;
    let trade = wechat::trade(&world, &id).await;
    assert_eq!((&trade["refundedAmount"], trade["refunds"].as_array().unwrap().len()), (&json!(9900), 1));
    let results = refunds(&world, &json!({ "billNum": "twice" })).await.ok()["results"].clone();
    assert_eq!(texts(&results, "status"), ["success"]);
    let told = told(&world).await;
    assert!(told.contains(&line("refund.success", &format!("twice-{id}"), 9900, false)), "{told:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_refund_keeps_its_share_until_a_later_word_moves_it() {
    let world = World::start().await;
    listen(&world).await;
    for kind in wechat::KINDS {
        use_wechat_merchant(&world, kind).await;
        for (how, last) in [("notify", "SUCCESS"), ("sync", "SUCCESS"), ("notify", "CLOSED")] {
            let bill = format!("{kind} {how} {last}");
            let num = format!("R-{kind}-{how}-{last}").chars().take(32).collect::<String>();
            let (id, _) = paid_at_wechat(&world, &bill).await;
            refund(&world, &of(&bill, &num, 9000)).await.ok();
            let number = format!("{id}-{num}");
            let settle = async |status: &str| {
                wechat::play(&world, &id, "refund", json!({ "outRefundNo": number, "status": status })).await;
            };
            settle("ABNORMAL").await;
            let stuck = found(&world, &num).await;
            assert_eq!((&stuck["status"], stuck.get("endTime")), (&json!("stuck"), None), "{bill}");
            assert!(stuck["failure"].as_str().unwrap().contains("merchant platform"), "{stuck}");
            assert_eq!(refund(&world, &of(&bill, &num, 9000)).await.ok()["status"], "stuck", "{bill}");
            refund(&world, &of(&bill, "more", 901)).await.refused(5, "stuck at the provider");
            assert_eq!(incidents_of(&world, &bill).await, ["refund-stuck"], "{bill}");
            assert_eq!(world.record(&bill).await.get("refundedFee"), None, "{bill}");
            world.advance(2 * DAY_MS).await;
            assert_eq!(found(&world, &num).await["status"], "stuck", "{bill}");
            settle(last).await;
            if how == "sync" {
                let body = json!({ "billNum": bill }).to_string();
                world.post_as(&master(&world.app), "/2.0/maxpay/sync", body).await.ok();
            }
            let expect = if last == "SUCCESS" { "success" } else { "failed" };
            assert_eq!(found(&world, &num).await["status"], expect, "{bill}");
            let left = if last == "SUCCESS" { 900 } else { 9900 };
            refund(&world, &of(&bill, "more", left + 1)).await.refused(5, &format!("at most {left}"));
            world.advance(MINUTE_MS).await;
            let told: Vec<_> = told(&world).await.into_iter().filter(|(_, of, ..)| *of == num).collect();
            let ended = format!("refund.{expect}");
            assert_eq!(
                told,
                [line("refund.stuck", &num, 9000, true), line(&ended, &num, 9000, last != "SUCCESS")],
                "{bill}"
            );
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_failed_and_went_back_all_the_same_is_settled_or_shown_to_a_person() {
    let world = World::start().await;
    listen(&world).await;
    // Whether another refund used the amount of the failed one meanwhile.
    for (bill, is_taken) in [("free", false), ("taken", true)] {
        let (id, _) = paid_at_unionpay(&world, bill).await;
        let num = format!("R-{bill}");
        unionpay::fault(&world, "fails").await;
        refund(&world, &of(bill, &num, 5000)).await.ok();
        world.advance(10 * MINUTE_MS).await;
        assert_eq!(found(&world, &num).await["status"], "failed");
        let number = unionpay_order(&world, &id).await["refunds"][0]["orderId"].as_str().unwrap().to_owned();
        if is_taken {
            refund(&world, &of(bill, "R-other", 5000)).await.ok();
            world.advance(10 * MINUTE_MS).await;
        }
        unionpay::play(&world, &number, "refund", json!({ "respCode": "00" })).await;
        let (status, refunded, kinds): (_, _, &[&str]) =
            if is_taken { ("failed", 5000, &["refund-contradiction"]) } else { ("success", 5000, &[]) };
        assert_eq!(found(&world, &num).await["status"], status, "{bill}");
        assert_eq!(world.record(bill).await["refundedFee"], refunded, "{bill}");
        assert_eq!(incidents_of(&world, bill).await, kinds, "{bill}");
        let last = |order: &Value| order["notifies"].as_array().unwrap().last().unwrap()["attempts"][0].clone();
        let answered = last(&unionpay_order(&world, &number).await);
        let taken = answered["status"] == 200;
        assert_eq!(taken, !is_taken, "what nobody settled is not acknowledged: {answered}");
    }
    world.advance(0).await;
    // Messages that wait at the same time arrive in any order.
    let mut expect = [
        line("refund.failed", "R-free", 5000, true),
        line("refund.success", "R-free", 5000, false),
        line("refund.failed", "R-taken", 5000, true),
        line("refund.success", "R-other", 5000, false),
        // A person must look at a contradiction.
        line("payment.mismatch", "", 0, false),
    ];
    expect.sort_unstable();
    let mut told = told(&world).await;
    told.sort_unstable();
    assert_eq!(told, expect);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_nobody_asked_for_here_is_shown_to_a_person() {
    let world = World::start().await;
    let (id, _) = paid_at_wechat(&world, "1").await;
    let url = wechat::trade(&world, &id).await["notifyUrl"].clone();
    let made = json!({ "outRefundNo": "by-another-system", "amount": 100, "notifyUrl": url });
    wechat::play(&world, &id, "refund", made).await;
    assert_eq!(incidents_of(&world, "1").await, ["refund-unknown"]);
    world.end().await;
}

/// The additional fields in Alipay's messages about a refund.
fn of_refund(yuan: &str, num: &str) -> [(&'static str, String); 3] {
    [
        ("refund_fee", yuan.to_owned()),
        ("gmt_refund", "2026-12-30 10:00:00.123".to_owned()),
        ("out_biz_no", num.to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_trade_after_its_refunds_is_told_of_nobody_twice() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({ "events": ["payment.success", "refund.success", "payment.closed"] })).await;
    type Told<'a> = &'a [(&'a str, i64)];
    #[rustfmt::skip]
    let cases: &[(&str, &[&str], &str, Told<'_>)] = &[
        ("paid, all back, finished",       &["paid", "full", "finished"],         "refund",  &[("", 0), ("refund.success", 9900)]),
        ("paid, part back, finished",      &["paid", "part", "finished"],         "success", &[("", 0), ("refund.success", 4000)]),
        ("finished tells of the part",     &["paid", "part", "finished-part"],    "success", &[("", 0), ("refund.success", 4000)]),
        ("part back before it was paid",   &["part", "paid"],                     "success", &[("", 0), ("refund.success", 4000)]),
        ("all back before it was paid",    &["full", "paid"],                     "refund",  &[("refund.success", 9900)]),
        ("nothing back, with a close",     &["zero"],                             "success", &[("", 0)]),
        ("finished is all that came",      &["finished", "paid"],                 "success", &[("", 0)]),
        ("part, part, all, and old ones",  &["paid", "part", "part", "full", "part", "paid"], "refund",
                                           &[("", 0), ("refund.success", 4000), ("refund.success", 5900)]),
    ];
    for (place, (name, messages, status, expect)) in cases.iter().enumerate() {
        let bill = format!("B{place}");
        let trade = world.trade(&world.charged(&bill).await).await;
        for message in *messages {
            let paid = Message::paid(&trade);
            let changes: Vec<(&str, String)> = match *message {
                "full" => {
                    let closed =
                        [("trade_status", "TRADE_CLOSED".to_owned()), ("gmt_close", "2026-12-30 10:00:01".to_owned())];
                    of_refund("99.00", "HB2").into_iter().chain(closed).collect()
                }
                "part" => of_refund("40.00", "HB1").to_vec(),
                "finished" => vec![("trade_status", "TRADE_FINISHED".to_owned())],
                "finished-part" => {
                    vec![("trade_status", "TRADE_FINISHED".to_owned()), ("refund_fee", "40.00".to_owned())]
                }
                "zero" => vec![("refund_fee", "0.00".to_owned()), ("gmt_close", "2026-12-30 10:00:00".to_owned())],
                _ => Vec::new(),
            };
            let form = changes.iter().fold(paid, |paid, (name, value)| paid.with(name, value)).signed();
            let heard = world.post_form(trade["notifyUrl"].as_str().unwrap(), form).await;
            assert_eq!((heard.status, heard.text().as_str()), (200, "success"), "{name}: {message}");
        }
        world.advance(MINUTE_MS / 2).await;
        assert_eq!(world.record(&bill).await["status"], *status, "{name}");
        let arrived = world.arrivals("shop").await;
        let bodies = arrived.iter().map(|one| serde_json::from_str::<Value>(one["body"].as_str().unwrap()).unwrap());
        let of_bill = bodies.filter(|body| body["billNum"] == bill.as_str());
        let line = |body: Value| {
            (body["event"].as_str().unwrap_or_default().to_owned(), body["refundFee"].as_i64().unwrap_or_default())
        };
        let mut told: Vec<_> = of_bill.map(line).collect();
        told.sort();
        let expect: Vec<_> = expect.iter().map(|(event, fee)| ((*event).to_owned(), *fee)).collect();
        assert_eq!(told, expect, "{name}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_answers_are_lost_moves_money_once() {
    let world = World::start().await;
    // The first answer, the answer of the query after it, and the answer of the repeat.
    let cases: &[&[&str]] = &[
        &["garbage"],
        &["garbage", "20000", "garbage"],
        &["20000"],
        &["cut", "http500", "20000", "unsigned"],
        &["http500", "http500", "http500", "http500"],
    ];
    for (place, faults) in cases.iter().enumerate() {
        let (bill, num) = (format!("B{place}"), format!("R{place}"));
        let id = world.paid(&bill).await;
        world.faults(faults).await;
        assert_eq!(refund(&world, &of(&bill, &num, 4000)).await.ok()["status"], "pending", "{faults:?}");
        world.advance(26 * HOUR_MS).await;
        assert_eq!(found(&world, &num).await["status"], "success", "{faults:?}");
        let trade = world.trade(&id).await;
        assert_eq!((&trade["refundedAmount"], trade["refunds"].as_array().unwrap().len()), (&json!("40.00"), 1));
        assert_eq!(world.record(&bill).await["refundedFee"], 4000);
    }
    world.end().await;
}
