//! A merchant that is set to GBK at Alipay or UnionPay: its notifies and answers come in GBK, whatever the calls request.

use serde_json::{Value, json};

use crate::{
    unionpay,
    world::{MINUTE_MS, World, charge_of, with},
};

/// Characters whose second bytes in GBK are `\\`, `}`, `]` and `|`.
const SUBJECT: &str = "绿茶 乗亇俔倈";

const PART: (&str, i64) = ("0.40", 40);

async fn speak_gbk(world: &World) {
    for provider in ["alipay", "unionpay"] {
        let body = json!({ "charset": "GBK" }).to_string();
        world.post_as(&[], &format!("/_local/simulator/{provider}/charset"), body).await.done(200);
    }
}

async fn charged(world: &World, channel: &str, bill: &str) -> String {
    let charge = with(charge_of(channel, bill), &json!({ "subject": SUBJECT }));
    world.charge(&charge).await.ok()["id"].as_str().unwrap().to_owned()
}

/// Pays, and refunds a part in Alipay's console. Both notifies come in GBK and are understood at once.
async fn pay_and_refund(world: &World, channel: &str, bill: &str, amount: &str, fen: i64) {
    let id = charged(world, channel, bill).await;
    let trade = world.play(&id, "pay", json!({})).await;
    let sent = trade["notifies"][0]["attempts"][0]["sent"].as_str().unwrap().to_owned();
    assert!(sent.contains("harset=GBK") && sent.contains("subject=%C2%CC%B2%E8+%81%5C"), "{sent}");
    assert_eq!(world.record(bill).await["status"], "success");
    world.play(&id, "refund", json!({ "amount": amount })).await;
    assert_eq!(world.record(bill).await["refundedFee"], fen, "{bill}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_is_paid_and_refunded_in_the_console_by_gbk() {
    let world = World::start().await;
    speak_gbk(&world).await;
    for channel in ["ali_app", "ali_web", "ali_qrcode"] {
        pay_and_refund(&world, channel, channel, PART.0, PART.1).await;
    }
    // The old interface reports that money was refunded, but the amount only if it is all of it.
    for (kind, (amount, fen)) in [("openapiCert", PART), ("mapi", ("99.00", 9900))] {
        world.configure(&world.app, &world.merchant(kind).await).await;
        pay_and_refund(&world, "ali_web", kind, amount, fen).await;
    }
    assert_eq!(world.incidents().await, Vec::<Value>::new());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_notify_is_healed_by_an_answer_in_gbk() {
    let world = World::start().await;
    speak_gbk(&world).await;
    for kind in ["openapi", "mapi"] {
        world.configure(&world.app, &world.merchant(kind).await).await;
        let id = charged(&world, "ali_web", kind).await;
        world.play(&id, "pay", json!({ "notify": false })).await;
        world.advance(6 * MINUTE_MS).await;
        assert_eq!(world.record(kind).await["status"], "success", "{kind}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unionpays_answers_and_notifies_in_gbk_are_as_good() {
    let world = World::start().await;
    speak_gbk(&world).await;
    unionpay::save(&world, "unipay_app", &unionpay::settings_of(&world, "unipay_app").await).await.done(200);
    for (bill, told) in [("told", true), ("asked about", false)] {
        let id = charged(&world, "unipay_app", bill).await;
        let order = unionpay::play(&world, &id, "pay", json!({ "notify": told })).await;
        if told {
            let sent = order["notifies"][0]["attempts"][0]["sent"].as_str().unwrap().to_owned();
            assert!(sent.contains("encoding=GBK") && sent.contains("respMsg=%B3%C9%B9%A6"), "{sent}");
        } else {
            world.advance(6 * MINUTE_MS).await;
        }
        assert_eq!(world.record(bill).await["status"], "success", "{bill}");
    }
    assert_eq!(world.incidents().await, Vec::<Value>::new());
    world.end().await;
}
