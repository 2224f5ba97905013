//! Deliveries of webhooks: the exact request, the whole schedule by the stack's clock, and failures on the way.

use serde_json::{Value, json};

use crate::world::{MINUTE_MS, START_MS, World, charge_of, with};

/// Hours and minutes in milliseconds.
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// When each attempt of a delivery that always fails is made, counted from the payment.
#[rustfmt::skip]
const SCHEDULE_MS: [i64; 11] = [
    0,
    MINUTE_MS,
    6 * MINUTE_MS,
    16 * MINUTE_MS,
    46 * MINUTE_MS,
    HOUR_MS + 46 * MINUTE_MS,
    3 * HOUR_MS + 46 * MINUTE_MS,
    7 * HOUR_MS + 46 * MINUTE_MS,
    15 * HOUR_MS + 46 * MINUTE_MS,
    31 * HOUR_MS + 46 * MINUTE_MS,
    55 * HOUR_MS + 46 * MINUTE_MS,
];

/// Longer than any schedule.
const THREE_DAYS_MS: i64 = 72 * HOUR_MS;

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_arrives_in_the_words_of_the_contract() {
    let world = World::start().await;
    let hook = world.webhook_to("shop", &json!({})).await;
    let extras = r#"{ "type":"shopping", "n":1.10, "big":12345678901234567890123 }"#;
    let charge = with(charge_of("ali_qrcode", "b-1"), &json!({}));
    let charge = charge.to_string().replacen('{', &format!(r#"{{"extras":{extras},"#), 1);
    let id = world.charge_text(&charge).await.ok()["id"].as_str().unwrap().to_owned();
    world.advance(5_000).await;
    world.play(&id, "pay", json!({})).await;
    world.advance(0).await;

    let [arrived] = world.inbox("shop").await;
    let (created, paid) = (START_MS, START_MS + 5_000);
    let app = &world.app.app_id;
    let sign = crate::deliveries::md5_hex(&format!("{app}{}{paid}", world.app.test.master_key));
    assert_eq!(
        arrived["body"].as_str().unwrap(),
        format!(
            r#"{{"appid":"{app}","billNum":"b-1","channel":"ali_qrcode","createdTime":{created},"currency":"CNY","#
        ) + &format!(r#""endTime":{paid},"extras":{extras},"id":"{id}","sign":"{sign}","status":"success","#)
            + &format!(r#""timestamp":{paid},"totalFee":9900}}"#)
    );
    let headers = &arrived["headers"];
    assert_eq!((&arrived["method"], &headers["content-type"]), (&json!("POST"), &json!("application/json")));
    assert_eq!(headers["webhook-timestamp"], (paid / 1000).to_string());
    check_signature(&hook, &arrived);
    world.end().await;
}

/// Checks the headers of Standard Webhooks, with the implementation of the specification's authors.
#[track_caller]
pub(crate) fn check_signature(hook: &Value, arrived: &Value) {
    let text = |name: &str| arrived["headers"][name].as_str().unwrap().to_owned();
    let (id, timestamp) = (text("webhook-id"), text("webhook-timestamp").parse().unwrap());
    let signer = standardwebhooks::Webhook::new(hook["secret"].as_str().unwrap()).unwrap();
    let expected = signer.sign(&id, timestamp, arrived["body"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(text("webhook-signature"), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_is_signed_anew_under_the_same_id() {
    let world = World::start().await;
    let hook = world.webhook_to("shop", &json!({})).await;
    let other = world.webhook_to("other", &json!({})).await;
    world.receiver("shop", json!({ "status": 500 })).await;
    world.paid("b-1").await;
    // The present master key signs: it is rotated between two attempts.
    world.advance(0).await;
    let rotate = format!("/apps/{}/keys/rotate", world.app.app_id);
    let rotated = world.admin("POST", &rotate, json!({ "mode": "test", "key": "master" })).await.done(200);
    let key = rotated["masterKey"].as_str().unwrap();
    world.must_stay_secret(key);
    world.advance(6 * MINUTE_MS).await;
    let [first, second, third] = world.inbox("shop").await;
    let [elsewhere] = world.inbox("other").await;
    for arrived in [&first, &second, &third] {
        check_signature(&hook, arrived);
        assert_eq!(arrived["headers"]["webhook-id"], first["headers"]["webhook-id"]);
    }
    check_signature(&other, &elsewhere);
    assert_ne!(elsewhere["headers"]["webhook-id"], first["headers"]["webhook-id"]);
    let body: Value = serde_json::from_str(third["body"].as_str().unwrap()).unwrap();
    let at = START_MS + 6 * MINUTE_MS;
    assert_eq!(body["timestamp"], at);
    assert_eq!(body["sign"], md5_hex(&format!("{}{key}{at}", world.app.app_id)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_says_how_overdue_the_oldest_delivery_is() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    world.paid("b-1").await;
    world.purge_queue().await;
    world.advance(3 * MINUTE_MS).await;
    let said = world.stack.metrics().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let overdue: Vec<i64> = said.filter_map(|said| said["OldestOverdueDelivery"].as_i64()).collect();
    assert!(overdue.contains(&120) && overdue.last() == Some(&0), "{overdue:?}");
    let [arrived] = world.inbox("shop").await;
    assert!(time(&arrived) - START_MS >= 2 * MINUTE_MS, "no bell but the sweep's was left: {arrived}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_never_answers_200_hears_eleven_times_to_the_millisecond() {
    let world = World::start().await;
    world.webhook_to("down", &json!({})).await;
    world.receiver("down", json!({ "status": 500 })).await;
    world.paid("b-1").await;
    world.advance(THREE_DAYS_MS).await;
    let times: Vec<i64> = world.arrivals("down").await.iter().map(|arrived| time(arrived) - START_MS).collect();
    assert_eq!(times, SCHEDULE_MS);
    world.end().await;
}

pub(crate) fn time(arrived: &Value) -> i64 {
    arrived["time"].as_i64().unwrap()
}

pub(crate) fn md5_hex(text: &str) -> String {
    use md5::{Digest, Md5};
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
