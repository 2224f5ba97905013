//! If a provider is slow, broken, busy or replaced by something else, the bill stays open, and the same charge again continues it.

use serde_json::{Value, json};

use crate::world::{World, charge_of, with};

async fn check_bill_stays_open(world: &World, fault: &str, expect: &str) {
    world.faults(&[fault]).await;
    world.charge(&charge_of("ali_qrcode", fault)).await.refused(7, expect);
    let record = world.record(fault).await;
    assert_eq!((&record["status"], record.get("endTime")), (&json!("created"), None));
    let again = world.charge(&charge_of("ali_qrcode", fault)).await.ok();
    assert_eq!(again["id"], record["id"], "{fault}");
    world.play(record["id"].as_str().unwrap(), "pay", json!({})).await;
    assert_eq!(world.record(fault).await["status"], "success", "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_provider_answers_instead_the_bill_stays_open() {
    let world = World::start().await;
    let cases = [
        ("http500", "500"),
        ("garbage", "unclear"),
        ("unsigned", "unclear"),
        ("badSignature", "unclear"),
        ("cut", "unclear"),
        ("20000", "isp.unknow-error"),
    ];
    for (fault, expect) in cases {
        check_bill_stays_open(&world, fault, expect).await;
    }
    world.end().await;
}

/// Ten seconds of real time: the deadline of a call to a provider.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_answer_leaves_the_bill_open() {
    let world = World::start().await;
    check_bill_stays_open(&world, "timeout", "10 s").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_cannot_be_reached_leaves_the_bill_open() {
    let world = World::start().await;
    let good = world.merchant("openapi").await;
    let nobody = with(good.clone(), &json!({ "gateway": "http://127.0.0.1:1/gateway.do" }));
    world.configure(&world.app, &nobody).await;
    world.charge(&charge_of("ali_qrcode", "1")).await.refused(7, "provider");
    let record = world.record("1").await;
    assert_eq!(record["status"], "created");
    // The same charge continues the same order, as long as the account is the same.
    world.charge(&charge_of("ali_qrcode", "1")).await.refused(7, "provider");
    assert_eq!(world.record("1").await["id"], record["id"]);
    world.configure(&world.app, &good).await;
    world.charge(&charge_of("ali_qrcode", "1")).await.ok();
    world.faults(&["http500"]).await;
    world.charge(&charge_of("ali_qrcode", "2")).await.refused(7, "provider");
    let record = world.record("2").await;
    assert_eq!(world.charge(&charge_of("ali_qrcode", "2")).await.ok()["id"], record["id"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_carries_the_code_and_the_words_of_the_provider() {
    let world = World::start().await;
    let stranger = with(world.merchant("openapi").await, &json!({ "appId": "2021000000009999" }));
    world.configure(&world.app, &stranger).await;
    let refused = world.charge(&charge_of("ali_qrcode", "1")).await;
    refused.refused(7, "isv.invalid-app-id");
    refused.refused(7, "无效的AppID参数");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_the_provider_does_not_know_is_refused_in_its_words() {
    let world = World::start().await;
    let mixed_up = world.merchant("openapiCert").await["privateKey"].clone();
    let settings = with(world.merchant("openapi").await, &json!({ "privateKey": mixed_up }));
    world.configure(&world.app, &settings).await;
    let refused = world.charge(&charge_of("ali_qrcode", "1")).await;
    refused.refused(7, "isv.invalid-signature");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_says_nothing_about_our_keys() {
    let world = World::start().await;
    let settings = world.merchant("openapi").await;
    world.configure(&world.app, &settings).await;
    world.faults(&["garbage", "cut", "badSignature"]).await;
    for bill in ["1", "2", "3"] {
        let refused = world.charge(&charge_of("ali_qrcode", bill)).await.text();
        check_shows_no_key(&refused, &settings);
        assert!(!refused.contains("sign="), "{refused}");
    }
    world.end().await;
}

#[track_caller]
fn check_shows_no_key(text: &str, settings: &Value) {
    let key = settings["privateKey"].as_str().unwrap();
    assert!(!text.contains(key.get(..64).unwrap()), "{text}");
}
