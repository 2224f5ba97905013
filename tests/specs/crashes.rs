//! Every flow of money is stopped after each of its writes and runs again: the end is always the same as without the stop.
//!
//! The storage stops after the n-th write: once so that the answer is lost and the function stops there, and once so that the
//! function continues until its next access. `cargo test crashes -- --nocapture` prints the table of the runs.

use local::{LastAnswer, StorageFaults};
use serde_json::{Value, json};

use crate::{
    charge::knock,
    checkout::checkout_of,
    crash_flows::{FLOWS, Flow},
    notify_message::Message,
    wechat,
    world::{MINUTE_MS, World, charge_of, master, options, test_channel, texts, with, without},
};

/// More writes than any flow makes.
const WRITES_MAX: u32 = 12;

/// More writes than the comparison of a day makes.
const COMPARISON_WRITES_MAX: u32 = 20;

/// The price that a client names and pays.
const CLIENTS_FEE: i64 = 1;

/// A bill that goes through a flow.
struct Case<'a> {
    world: &'a World,
    flow: Flow,
    bill: String,
    /// Its trades at Alipay.
    ids: Vec<String>,
    at_wechat: Option<String>,
}

impl<'a> Case<'a> {
    /// Everything before the flow itself.
    #[expect(clippy::too_many_lines, reason = "one row for each case")]
    async fn prepare(world: &'a World, flow: Flow, bill: String) -> Self {
        let silent = json!({ "notify": false });
        let mut ids = Vec::new();
        match flow {
            Flow::Charge => {}
            Flow::Close | Flow::Forged => ids.push(world.charged(&bill).await),
            Flow::Notify | Flow::Misfit | Flow::Sync | Flow::Sweep => {
                ids.push(world.charged(&bill).await);
                world.play(&ids[0], "pay", silent).await;
            }
            Flow::Refund | Flow::Elsewhere => ids.push(world.paid(&bill).await),
            Flow::Short | Flow::ToppedUp | Flow::GiveUp => {
                ids.push(world.paid(&bill).await);
                set_balance(world, &ids[0], "empty").await;
                if !matches!(flow, Flow::Short) {
                    world.post_as(&master(&world.app), "/2.0/maxpay/refund", refund_of(&bill)).await.ok();
                }
                if matches!(flow, Flow::ToppedUp) {
                    set_balance(world, &ids[0], "full").await;
                }
            }
            Flow::Stuck | Flow::Unstuck => {
                let id = wechat::charged(world, "wx_native", &bill).await;
                wechat::play(world, &id, "pay", json!({})).await;
                world.post_as(&master(&world.app), "/2.0/maxpay/refund", refund_of(&bill)).await.ok();
                if matches!(flow, Flow::Unstuck) {
                    settle_refund(world, &id, &bill, "ABNORMAL").await;
                }
                return Self { world, flow, bill, ids, at_wechat: Some(id) };
            }
            Flow::SecondPayer => {
                let first = world.charge(&jsapi_of(&bill, "oPayerA000000000000000000001")).await.ok();
                let id = first["id"].as_str().unwrap().to_owned();
                return Self { world, flow, bill, ids, at_wechat: Some(id) };
            }
            Flow::Reprice | Flow::LatePrice | Flow::LateCheckout | Flow::PriceLook | Flow::Mispriced => {
                let cheap = with(charge_of("ali_web", &bill), &json!({ "totalFee": CLIENTS_FEE }));
                let charged = world.charge(&cheap).await.ok();
                knock(world, "ali_web", &charged).await;
                ids.push(charged["id"].as_str().unwrap().to_owned());
                let action = if matches!(flow, Flow::Reprice) { "open" } else { "pay" };
                if matches!(flow, Flow::Mispriced) {
                    world.charge_as_server(&charge_of("ali_app", &bill)).await.ok();
                    world.play(&ids[0], action, silent).await;
                } else {
                    world.play(&ids[0], action, json!({})).await;
                }
                if matches!(flow, Flow::PriceLook) {
                    world.charge_as_server(&charge_of("ali_app", &bill)).await.ok();
                }
            }
            Flow::LostRefund => {
                ids.push(world.paid(&bill).await);
                world.faults(&["http500"]).await;
                world.post_as(&master(&world.app), "/2.0/maxpay/refund", refund_of(&bill)).await.ok();
            }
            Flow::Expiry => {
                let short = with(charge_of("ali_qrcode", &bill), &json!({ "billTimeout": 360 }));
                ids.push(world.charge(&short).await.ok()["id"].as_str().unwrap().to_owned());
            }
            Flow::ClosedPaid | Flow::ClosedOpened | Flow::ClosedLast => {
                let charged = world.charge(&charge_of("ali_web", &bill)).await.ok();
                let close = json!({ "billNum": bill, "channel": "ali_web" }).to_string();
                world.post_as(&master(&world.app), "/2.0/maxpay/close", close).await.ok();
                if matches!(flow, Flow::ClosedLast) {
                    world.advance(26 * 60 * MINUTE_MS).await;
                } else {
                    knock(world, "ali_web", &charged).await;
                    ids.push(charged["id"].as_str().unwrap().to_owned());
                    let action = if matches!(flow, Flow::ClosedPaid) { "pay" } else { "open" };
                    let options = if matches!(flow, Flow::ClosedPaid) { silent } else { json!({}) };
                    world.play(&ids[0], action, options).await;
                }
            }
            Flow::Duplicate | Flow::AfterRefund => {
                for channel in ["ali_web", "ali_app"] {
                    let charged = world.charge(&charge_of(channel, &bill)).await.ok();
                    knock(world, channel, &charged).await;
                    ids.push(charged["id"].as_str().unwrap().to_owned());
                }
                world.play(&ids[0], "pay", json!({})).await;
                world.advance(1).await;
                if matches!(flow, Flow::AfterRefund) {
                    world.play(&ids[0], "refund", json!({})).await;
                    world.advance(1).await;
                }
                world.play(&ids[1], "pay", silent).await;
            }
        }
        Self { world, flow, bill, ids, at_wechat: None }
    }

    /// The flow itself; its result does not matter.
    async fn run(&self) {
        let (world, bill) = (self.world, &self.bill);
        let post = |path: &'static str, body: String| async move {
            world.post_as(&master(&world.app), path, body).await;
        };
        match self.flow {
            Flow::Charge => {
                world.charge(&charge_of("ali_qrcode", bill)).await;
            }
            Flow::SecondPayer => {
                world.charge(&jsapi_of(bill, "oPayerB000000000000000000002")).await;
            }
            Flow::Reprice | Flow::LatePrice => {
                world.charge_as_server(&charge_of("ali_app", bill)).await;
            }
            Flow::LateCheckout => post("/2.0/maxpay/checkout", checkout_of(bill).to_string()).await,
            Flow::Notify | Flow::Mispriced => self.hear(0, |paid| paid.signed()).await,
            Flow::Duplicate | Flow::AfterRefund => self.hear(1, |paid| paid.signed()).await,
            Flow::Misfit => self.hear(0, |paid| paid.with("total_amount", "0.01").signed()).await,
            Flow::Forged => self.hear(0, |paid| paid.with("sign", "AAAA").with("sign_type", "RSA2").form()).await,
            Flow::Elsewhere => {
                let back = |paid: Message| paid.with("refund_fee", "1.00").with("gmt_refund", "2026-11-23 22:31:00");
                self.hear(0, |paid| back(paid).signed()).await;
            }
            Flow::Stuck => self.settle_refund("ABNORMAL").await,
            Flow::Unstuck => self.settle_refund("SUCCESS").await,
            Flow::ToppedUp => world.advance(61 * MINUTE_MS).await,
            Flow::GiveUp => {
                let path = format!("/apps/{}/transactions/{}/give-up?mode=test", world.app.app_id, self.ids[0]);
                world.admin("POST", &path, json!({ "refundNum": format!("R-{bill}") })).await;
            }
            Flow::Refund | Flow::Short => post("/2.0/maxpay/refund", refund_of(bill)).await,
            Flow::Close => {
                let body = json!({ "billNum": bill, "channel": "ali_qrcode" }).to_string();
                post("/2.0/maxpay/close", body).await;
            }
            Flow::Sync => post("/2.0/maxpay/sync", json!({ "billNum": bill }).to_string()).await,
            Flow::LostRefund
            | Flow::Sweep
            | Flow::ClosedPaid
            | Flow::ClosedOpened
            | Flow::ClosedLast
            | Flow::PriceLook => world.advance(2 * MINUTE_MS).await,
            Flow::Expiry => world.advance(8 * MINUTE_MS).await,
        }
    }

    async fn settle_refund(&self, status: &str) {
        settle_refund(self.world, self.at_wechat.as_ref().unwrap(), &self.bill, status).await;
    }

    /// Sends a notify of one of the payments.
    async fn hear(&self, which: usize, write: impl Fn(Message) -> String) {
        let trade = self.world.trade(&self.ids[which]).await;
        let form = write(Message::paid(&trade));
        self.world.post_form(trade["notifyUrl"].as_str().unwrap(), form).await;
    }

    /// The final state: here, at the provider, and for the operator.
    async fn end(&self) -> Value {
        let world = self.world;
        world.advance(20 * MINUTE_MS).await;
        let records = world.records(&json!({ "billNum": self.bill, "order": "createdTime" })).await.ok();
        let mut statuses = texts(&records["results"], "status");
        statuses.sort();
        let refunded = records["results"].as_array().unwrap().iter().map(|record| record["refundedFee"].as_i64());
        let refunded: i64 = refunded.flatten().sum();
        let of_bill = json!({ "billNum": self.bill }).to_string();
        let refunds = world.post_as(&master(&world.app), "/2.0/maxpay/refunds", of_bill).await.ok()["results"].clone();
        let (mut at_provider, mut orders) = (0, Vec::new());
        for id in &self.ids {
            let trade = world.trade(id).await;
            at_provider += trade["refunds"].as_array().unwrap().len();
            orders.push(trade["status"].clone());
        }
        if let Some(id) = &self.at_wechat {
            orders.push(wechat::trade(world, id).await["state"].clone());
        }
        let incidents = world.incidents().await;
        let mine: Vec<Value> = incidents.into_iter().filter(|one| one["billNum"] == self.bill.as_str()).collect();
        let arrived = world.arrivals("shop").await;
        let bodies = arrived.iter().map(|one| serde_json::from_str::<Value>(one["body"].as_str().unwrap()).unwrap());
        let mut told: Vec<String> = bodies
            .filter(|body| body["billNum"] == self.bill.as_str())
            .map(|body| format!("{} {} {}", body["event"], body["refundFee"], body["refundedFee"]))
            .collect();
        // A target gets an event twice if we stopped between its answer and our record.
        told.sort();
        told.dedup();
        json!({
            "told": told,
            "records": statuses,
            "refunded": refunded,
            "refunds": texts(&refunds, "status"),
            "refundsAtProvider": at_provider,
            "orders": orders,
            "incidents": texts(&json!(mine), "kind"),
        })
    }
}

/// Gives WeChat Pay's refund its result, which causes a notify. If it already has a result, the clock only causes another notify.
async fn settle_refund(world: &World, id: &str, bill: &str, status: &str) {
    let options = json!({ "outRefundNo": format!("{id}-R-{bill}"), "status": status }).to_string();
    world.post_as(&[], &format!("/_local/simulator/wechat/trades/{id}/refund"), options).await;
}

/// Empties or refills the account of a trade's merchant at Alipay.
async fn set_balance(world: &World, id: &str, how: &str) {
    let merchant = world.trade(id).await["merchant"].clone();
    let body = json!({ "merchant": merchant, "empty": how == "empty" }).to_string();
    world.post_as(&[], "/_local/simulator/alipay/balance", body).await.done(200);
}

fn jsapi_of(bill: &str, openid: &str) -> Value {
    with(without(charge_of("wx_jsapi", bill), "returnUrl"), &json!({ "openid": openid }))
}

fn refund_of(bill: &str) -> String {
    json!({ "billNum": bill, "refundNum": format!("R-{bill}"), "refundFee": 100 }).to_string()
}

/// Runs one flow, stopped after each write in both ways. Returns the number of runs.
async fn kill_after_each_write(flow: Flow) -> usize {
    let faults = StorageFaults::default();
    let world = World::start_with(local::Options { storage_faults: Some(faults.clone()), ..options() }).await;
    if matches!(flow, Flow::Duplicate | Flow::AfterRefund | Flow::Mispriced) {
        let app = format!("/apps/{}", world.app.app_id);
        world.admin("PATCH", &app, json!({ "refundDuplicates": true })).await.done(200);
    }
    let heard: &[&str] = match flow {
        Flow::Elsewhere => &["refund.success"],
        Flow::ClosedPaid => &["payment.success"],
        Flow::AfterRefund => &["payment.duplicate"],
        Flow::Short | Flow::ToppedUp | Flow::GiveUp | Flow::Stuck | Flow::Unstuck => {
            &["refund.success", "refund.failed", "refund.stuck"]
        }
        Flow::LatePrice | Flow::LateCheckout | Flow::PriceLook | Flow::Mispriced => {
            &["payment.success", "payment.mismatch"]
        }
        Flow::SecondPayer | Flow::Reprice => &["payment.closed"],
        Flow::Charge
        | Flow::Notify
        | Flow::Misfit
        | Flow::Forged
        | Flow::Refund
        | Flow::LostRefund
        | Flow::Close
        | Flow::Sync
        | Flow::Sweep
        | Flow::Expiry
        | Flow::Duplicate
        | Flow::ClosedOpened
        | Flow::ClosedLast => &[],
    };
    if !heard.is_empty() {
        world.webhook_to("shop", &json!({ "events": heard })).await;
    }
    let undisturbed = Case::prepare(&world, flow, format!("{flow:?}")).await;
    undisturbed.run().await;
    let expect = undisturbed.end().await;
    eprintln!("{:<10} | not stopped             | {expect}", format!("{flow:?}"));
    let mut runs = 0;
    for last in [LastAnswer::Lost, LastAnswer::Given] {
        for writes in 1..=WRITES_MAX {
            let case = Case::prepare(&world, flow, format!("{flow:?}-{last:?}-{writes}")).await;
            faults.arm(writes, last);
            case.run().await;
            if !faults.disarm() {
                assert_eq!(case.end().await, expect, "{flow:?} has no write {writes}, and was not stopped");
                break;
            }
            case.run().await;
            let end = case.end().await;
            eprintln!("{:<10} | write {writes}, answer {:<8} | {end}", format!("{flow:?}"), format!("{last:?}"));
            assert_eq!(end, expect, "{flow:?} stopped after write {writes}, its answer {last:?}");
            runs += 1;
        }
    }
    world.end().await;
    runs
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_is_killed_after_any_write_ends_like_one_that_is_not() {
    let mut runs = Vec::new();
    for flow in FLOWS {
        runs.push((flow, kill_after_each_write(flow).await));
    }
    // Each flow writes at least once, so it was stopped at least once.
    assert!(runs.iter().all(|(_, runs)| *runs >= 1), "{runs:?}");
    eprintln!("{} runs", runs.iter().map(|(_, runs)| runs).sum::<usize>());
}

/// The comparison of one day: its stored result, without times.
async fn compare_a_day(world: &World, case: &str, stop: impl AsyncFn()) -> Vec<Value> {
    let paid = [world.paid(&format!("{case} 1")).await, world.paid(&format!("{case} 2")).await];
    let stranger = format!("{}{}", &paid[0][..12], "0f0f0f0f0f0f");
    let planted = json!({ "omit": [paid[0]], "amounts": { paid[1].as_str(): 1 }, "extra": { stranger: 1 } });
    world.post_as(&[], "/_local/simulator/alipay/bill", planted.to_string()).await.done(200);
    // Exactly a day later: an abandoned claim is taken after it ended.
    world.advance(24 * 60 * MINUTE_MS - 20 * MINUTE_MS).await;
    stop().await;
    world.advance(20 * MINUTE_MS).await;
    world.post_as(&[], "/_local/reconcile", "").await.done(200);
    let path = format!("/apps/{}/reconciliations?mode=test", world.app.app_id);
    let items = world.admin("GET", &path, Value::Null).await.done(200)["items"].as_array().unwrap().clone();
    let day = items[0]["day"].clone();
    let of_day = items.into_iter().filter(|item| item["day"] == day);
    let kept = |item: Value| json!([item["type"], item["tab"], item["kind"], item["lines"], item["differences"]]);
    let mut kept: Vec<Value> = of_day.map(kept).collect();
    kept.sort_by_key(ToString::to_string);
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_is_killed_after_any_write_ends_like_one_that_is_not() {
    let faults = StorageFaults::default();
    let world = World::start_with(local::Options { storage_faults: Some(faults.clone()), ..options() }).await;
    world.with_alipay_alone().await;
    let expect = compare_a_day(&world, "whole", async || {}).await;
    assert_eq!(expect.len(), 4, "three differences, one day: {expect:?}");
    let mut runs = 0;
    for last in [LastAnswer::Lost, LastAnswer::Given] {
        for writes in 1..=COMPARISON_WRITES_MAX {
            let fired = std::cell::Cell::new(false);
            let stop = async || {
                faults.arm(writes, last);
                world.post_as(&[], "/_local/reconcile", "").await;
                fired.set(faults.disarm());
            };
            let kept = compare_a_day(&world, &format!("{last:?} {writes}"), stop).await;
            assert_eq!(kept, expect, "stopped after write {writes}, its answer {last:?}");
            runs += usize::from(fired.get());
            if !fired.get() {
                break;
            }
        }
    }
    // The writes: the day, how far days are recorded, a claim, three differences, and the end. After the last, alerts are looked for.
    assert_eq!(runs, 7 + 7);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_of_accounts_that_is_killed_after_any_write_ends_like_one_that_is_not() {
    let faults = StorageFaults::default();
    let world = World::start_with(local::Options { storage_faults: Some(faults.clone()), ..options() }).await;
    let save = async |merchant: &str| {
        let settings = world.merchant(merchant).await;
        world.admin("PUT", &test_channel(&world.app), settings).await
    };
    // If any write of a save is lost, the same save again completes it. In between, the bills of both accounts are read.
    let killed = async |merchant: &str, writes, last| {
        faults.arm(writes, last);
        save(merchant).await;
        let fired = faults.disarm();
        save(merchant).await.done(200);
        fired
    };
    let mut runs = 0;
    for last in [LastAnswer::Lost, LastAnswer::Given] {
        for writes in 1..=WRITES_MAX {
            let bill = |which: &str| format!("{which} {last:?} {writes}");
            let first = world.charged(&bill("first")).await;
            let fired = killed("openapiCert", writes, last).await;
            let second = world.charged(&bill("second")).await;
            let fired = killed("openapi", writes, last).await || fired;
            for (id, which) in [(first, "first"), (second, "second")] {
                world.play(&id, "pay", json!({})).await;
                assert_eq!(world.record(&bill(which)).await["status"], "success", "{}", bill(which));
            }
            if !fired {
                break;
            }
            runs += 1;
        }
    }
    assert!(runs >= 4, "the change itself and its audit entry: {runs}");
    let answer = save("mapi").await.done(200);
    let previous: Vec<Value> =
        answer["previousAccounts"].as_array().unwrap().iter().map(|one| one["account"].clone()).collect();
    assert_eq!((&answer["account"], previous), (&json!(3), vec![json!(1), json!(2)]), "no number was given twice");
    world.end().await;
}
