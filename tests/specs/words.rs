//! Merchants' texts reach each provider within its limits of length and characters; identifying values are refused by name.

use domain::Family;
use serde_json::{Value, json};

use crate::{
    channels::names_of,
    events::{filled_in, placeholders},
    wechat::{KINDS, save, settings_of, trade, use_merchant},
    world::{World, charge_of, with, without},
};

fn wx_charge(channel: &str, bill: &str) -> Value {
    let more = json!({ "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "clientIp": "203.0.113.8" });
    with(without(charge_of(channel, bill), "returnUrl"), &more)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_of_any_length_reaches_wechat() {
    let world = World::start().await;
    let subjects =
        ["茶".repeat(42), "茶".repeat(43), "茶".repeat(256), "🍵".repeat(256), "a".repeat(256), "a".repeat(126) + "🍵"];
    for kind in KINDS {
        use_merchant(&world, kind).await;
        let bytes_max: usize = if kind.starts_with("v2") { 128 } else { 127 };
        for (number, subject) in subjects.iter().enumerate() {
            for channel in names_of(Family::Wx) {
                let charge = with(wx_charge(channel, &format!("{kind} {number}")), &json!({ "subject": subject }));
                let charged = world.charge(&charge).await.ok();
                let order = trade(&world, charged["id"].as_str().unwrap()).await;
                let description = order["description"].as_str().unwrap();
                // The longest beginning that fits, without half of a character.
                let next = subject[description.len()..].chars().next().map_or(usize::MAX, char::len_utf8);
                assert!(subject.starts_with(description), "{kind} {description}");
                assert!((bytes_max + 1).saturating_sub(description.len()) <= next, "{kind} {description}");
            }
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_of_any_signs_reaches_unionpay() {
    let world = World::start().await;
    let subjects =
        ["茶".repeat(256), "🍵".repeat(256), "a&b=c+{d}[e]\"f'".to_owned(), "\u{2028}\u{fffe}茶，壶".to_owned()];
    for (number, subject) in subjects.iter().enumerate() {
        let charge = with(charge_of("unipay_app", &number.to_string()), &json!({ "subject": subject }));
        world.charge(&charge).await.ok();
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_identifies_is_refused_by_name_and_nothing_is_kept() {
    let world = World::start().await;
    let cases = [
        ("wx_jsapi", json!({ "openid": "o U" }), "openid must be a string of 1 to 128 bytes"),
        ("wx_jsapi", json!({ "openid": "茶" }), "openid must be"),
        ("wx_native", json!({ "totalFee": 10_000_000_000_i64 }), "totalFee must be at most 9999999999"),
        ("wx_h5", json!({ "clientIp": "203.0.113.8, 10.0.0.1" }), "clientIp must be"),
        ("wx_native", json!({ "billNum": "单".repeat(64) }), "255"),
    ];
    for kind in ["v3Both", "v2Md5"] {
        use_merchant(&world, kind).await;
        for (channel, change, words) in &cases {
            let charge = with(wx_charge(channel, "1"), change);
            world.charge(&charge).await.refused(5, words);
        }
        world.charge(&with(wx_charge("wx_native", kind), &json!({ "totalFee": 9_999_999_999_i64 }))).await.ok();
    }
    assert_eq!(world.records(&json!({})).await.ok()["results"].as_array().unwrap().len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payers_ipv4_is_an_ipv4_to_wechat_in_whatever_form_it_comes() {
    let world = World::start().await;
    let forms = ["203.0.113.8", "::ffff:203.0.113.8", "::FFFF:CB00:7108", "::ffff:203.0.113.8%eth0", "2001:db8::1"];
    for kind in ["v3Both", "v2Md5"] {
        use_merchant(&world, kind).await;
        for (number, address) in forms.into_iter().enumerate() {
            for channel in names_of(Family::Wx) {
                let charge = with(wx_charge(channel, &format!("{kind} {number}")), &json!({ "clientIp": address }));
                world.charge(&charge).await.ok();
            }
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_is_an_ipv4_behind_ipv6_is_one_to_wechat() {
    let world = World::start().await;
    save(&world, "wx_mp", &settings_of(&world, "v2Md5", "wx_mp").await).await.done(200);
    let event = filled_in("charge-ali_qrcode", &placeholders(&world).await);
    let event = event
        .replace("ali_qrcode", "wx_native")
        .replace("\"sourceIp\": \"203.0.113.7\"", "\"sourceIp\": \"::ffff:203.0.113.7\"");
    assert!(event.contains("::ffff:203.0.113.7"));
    let answer = world.stack.invoke(&event).await.unwrap();
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(answer["code"], 0, "{answer}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_of_any_length_reaches_the_payer_and_never_stops_a_refund() {
    let world = World::start().await;
    for (number, reason) in
        ["太".repeat(80), "😀".repeat(80), "\u{2028}".to_owned(), "a&b={c}".to_owned()].iter().enumerate()
    {
        let bill = number.to_string();
        world.paid(&bill).await;
        let refund = json!({ "billNum": bill, "refundNum": format!("R{number}"), "refundFee": 1, "reason": reason });
        let answer =
            world.post_as(&crate::world::master(&world.app), "/2.0/maxpay/refund", refund.to_string()).await.ok();
        assert_eq!(answer["status"], "success", "{answer}");
    }
    world.end().await;
}
