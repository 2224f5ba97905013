//! Charging: each channel's answer, and that a buyer can pay with it.

use domain::Family;
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    channels::{self, check_paid},
    world::{START_MS, World, charge_of, with, without},
};

async fn pay_with(world: &World, channel: &str, bill: &str) -> Value {
    channels::pay(world, &charge_of(channel, bill)).await
}

async fn open(world: &World, channel: &str, charged: &Value) -> String {
    channels::open(world, channels::named(channel), charged).await
}

/// The provider's answer to the payer's side: a redirect to the cashier, or the reason why not.
pub(crate) async fn knock(world: &World, channel: &str, charged: &Value) -> Answer {
    let member = charged[channel].as_str().unwrap_or_else(|| panic!("no {channel}: {charged}"));
    match channel {
        "ali_app" => submit_order_string(world, member).await,
        _ => world.call("GET", member, &[], "").await,
    }
}

/// Gives an order string to the phone's Alipay.
async fn submit_order_string(world: &World, order_string: &str) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new()).append_pair("order_string", order_string).finish();
    world.post_form("/simulator/alipay/app", form).await
}

async fn check_all_are_paid(settings: Value, channels: &[&str]) {
    let world = World::start().await;
    world.configure(&world.app, &settings_here(&world, &settings).await).await;
    for channel in channels {
        check_paid(&pay_with(&world, channel, channel).await, channel, channel);
    }
    world.end().await;
}

/// The simulator's merchant `kind`, without the members in `leave_out`.
async fn settings_here(world: &World, wanted: &Value) -> Value {
    let merchant = world.merchant(wanted["kind"].as_str().unwrap()).await;
    let leave_out = wanted["leaveOut"].as_array().unwrap();
    leave_out.iter().fold(merchant, |settings, member| without(settings, member.as_str().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_channel_of_alipay_is_paid_in_key_mode() {
    let settings = json!({ "kind": "openapi", "leaveOut": [] });
    check_all_are_paid(settings, &channels::names_of(Family::Ali)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_channel_of_alipay_is_paid_in_certificate_mode() {
    let settings = json!({ "kind": "openapiCert", "leaveOut": [] });
    check_all_are_paid(settings, &channels::names_of(Family::Ali)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_account_is_paid_with_both_of_its_keys() {
    let settings = json!({ "kind": "mapi", "leaveOut": [] });
    check_all_are_paid(settings, &["ali_app", "ali_web", "ali_wap"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_account_is_paid_with_its_rsa_key_alone() {
    let settings = json!({ "kind": "mapi", "leaveOut": ["md5Key"] });
    check_all_are_paid(settings, &["ali_app", "ali_web", "ali_wap"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_account_is_paid_with_its_md5_key_alone() {
    let settings = json!({ "kind": "mapi", "leaveOut": ["privateKey", "alipayPublicKey"] });
    check_all_are_paid(settings, &["ali_web", "ali_wap"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_account_may_name_its_seller_by_an_e_mail_address() {
    let world = World::start().await;
    let by_address = json!({ "sellerId": "2088000000000003@example.com" });
    world.configure(&world.app, &with(world.merchant("mapi").await, &by_address)).await;
    for channel in ["ali_app", "ali_web", "ali_wap"] {
        check_paid(&pay_with(&world, channel, channel).await, channel, channel);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_string_of_an_old_account_needs_its_rsa_key() {
    let world = World::start().await;
    let settings = json!({ "kind": "mapi", "leaveOut": ["privateKey", "alipayPublicKey"] });
    world.configure(&world.app, &settings_here(&world, &settings).await).await;
    world.charge(&charge_of("ali_app", "1")).await.refused(6, "privateKey");
    assert_eq!(
        world.records(&json!({})).await.ok()["results"],
        json!([]),
        "a charge that cannot be built leaves nothing"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_account_has_no_qr_code() {
    let world = World::start().await;
    let settings = json!({ "kind": "mapi", "leaveOut": [] });
    world.configure(&world.app, &settings_here(&world, &settings).await).await;
    world.charge(&charge_of("ali_qrcode", "1")).await.refused(2, "ali_qrcode");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_carries_what_the_contract_says() {
    let world = World::start().await;
    // The original answers these three together, and a client reads the one of its channel.
    let together: &[&str] = &["ali_app", "ali_wap", "ali_web", "code", "id", "msg"];
    let cases = [
        ("ali_app", together),
        ("ali_web", together),
        ("ali_wap", together),
        ("ali_qrcode", &["code", "codeUrl", "id", "msg"]),
    ];
    for (channel, expect) in cases {
        let charged = world.charge(&charge_of(channel, channel)).await.ok();
        let mut members: Vec<&String> = charged.as_object().unwrap().keys().collect();
        members.sort();
        assert_eq!(members, expect, "{channel}");
        check_id(&charged["id"]);
    }
    world.end().await;
}

#[track_caller]
fn check_id(id: &Value) {
    let id = id.as_str().unwrap();
    assert!(id.len() == 24 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_comes_back_to_the_return_url() {
    let world = World::start().await;
    for channel in ["ali_web", "ali_wap"] {
        let charged = world.charge(&charge_of(channel, channel)).await.ok();
        let cashier = open(&world, channel, &charged).await;
        let back = world.post_form(&cashier, "action=pay").await.location(303);
        assert!(back.starts_with("https://shop.example/back?"), "{back}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_who_cancels_closes_the_bill() {
    let world = World::start().await;
    let charged = world.charge(&charge_of("ali_web", "1")).await.ok();
    let cashier = open(&world, "ali_web", &charged).await;
    world.call("GET", &cashier, &[], "").await;
    world.advance(1000).await;
    world.post_form(&cashier, "action=cancel").await.location(303);
    let record = world.record("1").await;
    assert_eq!((&record["status"], &record["endTime"]), (&json!("closed"), &json!(START_MS + 1000)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_at_the_provider_is_that_of_the_charge() {
    let world = World::start().await;
    let timeout = json!({ "billTimeout": 360, "totalFee": 1 });
    let charged = world.charge(&with(charge_of("ali_qrcode", "1"), &timeout)).await.ok();
    let id = charged["id"].as_str().unwrap();
    let trade = world.play(id, "open", json!({})).await;
    assert_eq!(trade["totalAmount"], "0.01");
    assert_eq!(trade["expiresAt"], START_MS + 360_000);
    assert!(trade["notifyUrl"].as_str().unwrap().starts_with(&format!("{}/notify/", world.url)), "{trade}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_amount_reaches_the_provider_to_the_fen() {
    let world = World::start().await;
    let cases = [
        (1, "0.01"),
        (10, "0.10"),
        (99, "0.99"),
        (100, "1.00"),
        (12345, "123.45"),
        (10_000_000_000_i64, "100000000.00"),
    ];
    for (fee, yuan) in cases {
        let charged = world.charge(&with(charge_of("ali_qrcode", yuan), &json!({ "totalFee": fee }))).await.ok();
        let trade = world.trade(charged["id"].as_str().unwrap()).await;
        assert_eq!(trade["totalAmount"], yuan);
        world.play(charged["id"].as_str().unwrap(), "pay", json!({})).await;
        let record = world.record(yuan).await;
        assert_eq!((&record["totalFee"], &record["money"]), (&json!(fee), &json!(format!("¥ {yuan}"))));
        assert_eq!(record["status"], "success");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_subject_reaches_the_provider_and_is_paid() {
    let world = World::start().await;
    // Alipay's documents forbid `/`, `=` and `&` in a subject. The payer sees their full-width forms.
    let (long, fitting) = ("茶".repeat(256), "茶".repeat(128));
    let cases = [
        ("一杯茶", "一杯茶"),
        ("Tea 😀👨‍👩‍👧 茶", "Tea 😀👨‍👩‍👧 茶"),
        ("a/b=c&d", "a／b＝c＆d"),
        ("100% \"tea\" + 'milk'; <b>#1</b>?", "100% \"tea\" + 'milk'; <b>#1<／b>?"),
        ("\\u0041 \\n", "\\u0041 \\n"),
        ("%2F+%20", "%2F+%20"),
        (" tea ", " tea "),
        ("شاي", "شاي"),
        (long.as_str(), fitting.as_str()),
        (fitting.as_str(), fitting.as_str()),
    ];
    for channel in channels::names_of(Family::Ali) {
        for (number, (subject, expect)) in cases.iter().enumerate() {
            let bill = format!("{channel} {number}");
            let charged = world.charge(&with(charge_of(channel, &bill), &json!({ "subject": subject }))).await.ok();
            open(&world, channel, &charged).await;
            let id = charged["id"].as_str().unwrap();
            assert_eq!(world.trade(id).await["subject"], *expect, "{channel}");
            world.play(id, "pay", json!({})).await;
            assert_eq!(world.record(&bill).await["status"], "success", "{channel} {subject}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_of_an_old_account_reaches_the_provider() {
    let world = World::start().await;
    world.configure(&world.app, &world.merchant("mapi").await).await;
    let (long, fitting) = ("\"".repeat(256), "＂".repeat(128));
    let cases = [
        ("一杯茶 😀", "一杯茶 😀"),
        ("a/b=c&d", "a／b＝c＆d"),
        ("the \"best\" tea", "the ＂best＂ tea"),
        (long.as_str(), fitting.as_str()),
    ];
    for (number, (subject, expect)) in cases.iter().enumerate() {
        let body = with(charge_of("ali_app", &number.to_string()), &json!({ "subject": subject }));
        let charged = world.charge(&body).await.ok();
        open(&world, "ali_app", &charged).await;
        assert_eq!(world.trade(charged["id"].as_str().unwrap()).await["subject"], *expect);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_bill_number_can_be_paid() {
    let world = World::start().await;
    let (longest, widest, uuid) = ("x".repeat(64), "单".repeat(32), "1b4e28ba-2fa1-11d2-883f-0016d3cca427");
    for bill in ["1", "a/b?c#d", "TX#ali_web#01", " ", "~", "订单 1", "😀", "%2F..", uuid, &longest, &widest] {
        check_paid(&pay_with(&world, "ali_qrcode", bill).await, "ali_qrcode", bill);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn extras_come_back_to_the_letter() {
    let world = World::start().await;
    let extras = [
        r#"{"t":"2"}"#,
        "{}",
        r#"{ "b" : 1.0 , "a" : [ 1e2, -0, 12345678901234567890123 ], "":null }"#,
        r#"{"z":1,"a":2,"z":3}"#,
        r#"{"note":"茶 😀 <\/b> \u8336 \ud83d\ude00"}"#,
    ];
    for (number, extras) in extras.into_iter().enumerate() {
        let (bill, charge) = (number.to_string(), charge_of("ali_qrcode", &number.to_string()).to_string());
        let body = charge.replacen('{', &format!("{{\"extras\":{extras},"), 1);
        world.charge_text(&body).await.ok();
        let one = world.records(&json!({ "billNum": bill })).await.text();
        assert!(one.contains(&format!("\"extras\":{extras}")), "{one}");
        let all = world.records(&json!({})).await.text();
        assert!(all.contains(&format!("\"extras\":{extras}")), "{all}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn qr_pay_mode_is_a_string_or_an_integer() {
    let world = World::start().await;
    for (bill, mode) in [("1", json!(2)), ("2", json!("2"))] {
        let charged = world.charge(&with(charge_of("ali_web", bill), &json!({ "qrPayMode": mode }))).await.ok();
        assert!(charged["ali_web"].as_str().unwrap().contains("qr_pay_mode%22%3A%222%22"), "{charged}");
        open(&world, "ali_web", &charged).await;
    }
    world.end().await;
}

/// A program that plays the payer opens nothing first: the simulator does what a browser or a phone would do.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_nobody_opened_is_opened_by_the_simulator_that_pays() {
    let world = World::start().await;
    for kind in ["openapi", "openapiCert", "mapi"] {
        world.configure(&world.app, &world.merchant(kind).await).await;
        for channel in ["ali_app", "ali_web", "ali_wap"] {
            let bill = format!("{kind} {channel}");
            let charged = world.charge(&charge_of(channel, &bill)).await.ok();
            world.play(charged["id"].as_str().unwrap(), "pay", json!({})).await;
            assert_eq!(world.record(&bill).await["status"], "success", "{bill}");
        }
    }
    let charged = world.charge(&charge_of("unipay_web", "union")).await.ok();
    crate::unionpay::play(&world, charged["id"].as_str().unwrap(), "pay", json!({})).await;
    assert_eq!(world.record("union").await["status"], "success");
    world.end().await;
}
