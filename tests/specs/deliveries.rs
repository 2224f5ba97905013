//! Webhooks that arrive: the request to the letter, the whole schedule by the stack's clock, and what goes wrong on the way.

use serde_json::{Value, json};

use crate::world::{MINUTE_MS, START_MS, World, charge_of, with};

/// Hours and minutes in milliseconds.
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// When each attempt of a delivery that never succeeds is made, after the payment.
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
    assert!(hook["secret"].as_str().unwrap().starts_with("whsec_"));
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
