//! Each file in `events/` is an event as API Gateway sends it to a function, and each is run here.

use std::{collections::BTreeSet, fs, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::Timestamp;
use serde_json::{Value, json};

use crate::{
    charge::knock,
    credentials::signed,
    keys::Signer,
    notify_message::Message,
    world::{World, charge_of},
};

/// File, HTTP status, code of the wire contract (`-1` if the answer has none), and a part of the answer.
#[rustfmt::skip]
pub(crate) const EVENTS: &[(&str, u16, i64, &str)] = &[
    ("admin-audit",                200, -1, "\"action\":\"save channel\""),
    ("admin-console",              200, -1, "Sign in to the MaxPay console"),
    ("admin-console-sign-in",      422, -1, "The user name or the password is wrong"),
    ("admin-create-app",           201, -1, "\"name\":\"shop\""),
    ("admin-incidents",            200, -1, "\"items\":[]"),
    ("admin-refund",               200,  0, "\"status\":\"success\""),
    ("admin-refund-unpaid",        200,  5, "billNum"),
    ("admin-refunds",              200,  0, "\"refundNum\":\"R-1\""),
    ("admin-close",                200,  0, "\"status\":\"closed\""),
    ("admin-events",               200,  4, "webhook"),
    ("admin-events-ack",           200,  5, "ids"),
    ("admin-missing-token",        401, -1, "Bearer"),
    ("admin-transactions",         200, -1, "\"billNum\":\"event-"),
    ("charge-ali_app",             200,  0, "\"ali_app\":\""),
    ("charge-ali_qrcode",          200,  0, "\"codeUrl\":\""),
    ("charge-ali_wap",             200,  0, "\"ali_wap\":\""),
    ("charge-ali_web",             200,  0, "\"ali_web\":\""),
    ("charge-android",             200,  0, "\"ali_app\":\""),
    ("charge-base64-body",         200,  0, "\"id\":\""),
    ("charge-missing-body",        200,  5, "body"),
    ("charge-missing-credentials", 200,  1, "X-ML-AppId"),
    ("charge-older-headers",       200,  0, "\"id\":\""),
    ("charge-session",             200,  0, "\"token\":\""),
    ("checkout-make",              200,  0, "\"qr\":\"<svg"),
    ("checkout-page-forged",       404, -1, "链接无效"),
    ("checkout-state-forged",      404, -1, "unknown"),
    ("provider-notify-forged",     400, -1, "fail"),
    ("provider-notify-nonsense",   404, -1, "Not Found"),
    ("provider-notify-paid",       200, -1, "success"),
    ("query-get-para",             200,  0, "\"billNum\":\"event-茶\""),
    ("query-get-without-bill",     200,  4, "billNum"),
    ("query-sync",                 200,  0, "\"refundedFee\":100"),
    ("unrouted-double-slash",      308, -1, ""),
    ("unrouted-nothing",           404, -1, "Not Found"),
    ("query-post",                 200,  0, "\"results\":["),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events")
}

/// A bill on a phone: its charge makes no call, and the phone has given its order to Alipay.
async fn opened(world: &World, bill: &str) -> String {
    let charged = world.charge(&charge_of("ali_app", bill)).await.ok();
    knock(world, "ali_app", &charged).await;
    charged["id"].as_str().unwrap().to_owned()
}

/// The bills of the files, except `event-open`.
pub(crate) async fn charge_bills(world: &World) {
    let paid = opened(world, "event-paid").await;
    world.play(&paid, "pay", json!({})).await;
    world.charge(&charge_of("ali_wap", "event-茶")).await.ok();
}

/// The replacements of the placeholders in the files: keys and signatures are new in each run.
pub(crate) async fn placeholders(world: &World) -> Vec<(&'static str, String)> {
    let trade = world.trade(&opened(world, "event-notified").await).await;
    let path = trade["notifyUrl"].as_str().unwrap().strip_prefix(&world.url).unwrap().to_owned();
    let paid = Message::paid(&trade);
    let today = Timestamp::clamped(world.now_ms().await).to_string();
    vec![
        ("{{month}}", format!("{}{}", &today[..4], &today[5..7])),
        ("{{appId}}", world.app.app_id.clone()),
        ("{{clientKey}}", world.app.test.client_key.clone()),
        ("{{signedClientKey}}", signed(&world.app.test.client_key, world.now_ms().await)),
        ("{{masterKey}}", world.app.test.master_key.clone()),
        ("{{sessionToken}}", world.session(60).await),
        ("{{operatorToken}}", world.operator_token.clone()),
        ("{{notifyPath}}", path),
        ("{{paidForm}}", STANDARD.encode(paid.clone().signed())),
        ("{{forgedForm}}", STANDARD.encode(paid.signed_by(Signer::Nobody))),
    ]
}

/// The event in a file, with the values of this run.
pub(crate) fn filled_in(name: &str, placeholders: &[(&str, String)]) -> String {
    let file = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    placeholders.iter().fold(file, |event, (placeholder, value)| event.replace(placeholder, value))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_answered_as_the_deployed_function_would() {
    let world = World::start().await;
    let placeholders = placeholders(&world).await;
    charge_bills(&world).await;
    world.charged("event-open").await;
    for (name, status, code, word) in EVENTS {
        let reply = world.stack.invoke(&filled_in(name, &placeholders)).await.unwrap();
        let text = String::from_utf8(reply.body().to_vec()).unwrap();
        let found = serde_json::from_str::<Value>(&text).ok().and_then(|json| json["code"].as_i64()).unwrap_or(-1);
        assert_eq!((reply.status().as_u16(), found), (*status, *code), "{name}: {text}");
        assert!(text.contains(word), "{name}: {text}");
    }
    assert_eq!(world.record("event-notified").await["status"], "success");
    world.end().await;
}

/// File and answer: events of schedules and queues, for functions that do not answer HTTP.
pub(crate) const OTHER_EVENTS: &[(&str, &str)] = &[
    // The first message is for a delivery that does not exist, and is done. The second is not a valid message, and comes again.
    ("deliver-batch", r#"{"batchItemFailures":[{"itemIdentifier":"2e1424d4-f796-459a-8184-9c92662be6da"}]}"#),
    // The first message is about a bill that is not due, and is done. The second is not a valid question, and comes again.
    ("ask-batch", r#"{"batchItemFailures":[{"itemIdentifier":"8d0f4d0e-7c53-4a0e-8f0c-1b5c6f7d2a90"}]}"#),
    ("sweep-minute", r#"{"rung":0,"asked":0,"left":false}"#),
    // The app was made today: it has no finished day.
    ("sweep-sums", r#"{"days":0,"failed":0,"left":false}"#),
    // The accounts were configured today: no day of theirs must be compared.
    ("sweep-reconcile", r#"{"accounts":0,"differences":0,"failed":0}"#),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_tick_and_batch_is_answered_as_the_deployed_function_would() {
    let world = World::start().await;
    for (name, expect) in OTHER_EVENTS {
        let event = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        let event = event.replace("{{appId}}", &world.app.app_id);
        let function = name.split('-').next().unwrap();
        assert_eq!(world.stack.invoke_event(function, &event).await.unwrap(), *expect, "{name}");
    }
    world.end().await;
}

#[test]
fn no_event_is_left_unrun() {
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let found: BTreeSet<String> = fs::read_dir(folder()).unwrap().map(|entry| name(entry.unwrap())).collect();
    let names = EVENTS.iter().map(|(name, ..)| name).chain(OTHER_EVENTS.iter().map(|(name, _)| name));
    let run: BTreeSet<String> = names.map(|name| format!("{name}.json")).collect();
    assert_eq!(found, run);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_no_route_takes_is_not_found_and_one_that_is_none_is_an_error() {
    let world = World::start().await;
    let event = fs::read_to_string(folder().join("charge-ali_web.json")).unwrap();
    let nothing = world.stack.invoke(&event.replace("/2.0/maxpay/bill", "/2.0/maxpay/nothing")).await.unwrap();
    assert_eq!(nothing.status(), 404);
    assert!(world.stack.invoke("{}").await.is_err());
    world.end().await;
}
