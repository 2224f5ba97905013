//! Counts and measurements, as CloudWatch would read them.

use serde_json::{Value, json};

use crate::{
    logs,
    world::{MINUTE_MS, World, charge_of},
};

/// The reported values of one metric, with their dimensions, joined.
fn said(world: &World, name: &str) -> Vec<(i64, String)> {
    let lines = world.stack.metrics();
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_name = lines.filter_map(|line| Some((line[name].as_i64()?, words(&line))));
    of_name.collect()
}

fn words(line: &Value) -> String {
    let sets = line["_aws"]["CloudWatchMetrics"][0]["Dimensions"].as_array().unwrap();
    let names = sets.last().unwrap().as_array().unwrap();
    names.iter().map(|name| line[name.as_str().unwrap()].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_is_counted_by_channel_and_outcome() {
    let world = World::start().await;
    world.charge(&charge_of("ali_qrcode", "counted")).await.ok();
    world.faults(&["garbage"]).await;
    assert_eq!(world.charge(&charge_of("ali_qrcode", "refused")).await.code(), 7);
    world.charge(&charge_of("nothing", "not counted")).await;
    let payments = said(&world, "Payments");
    let expected = [(1, "local ali_qrcode charged".to_owned()), (1, "local ali_qrcode refused".to_owned())];
    assert_eq!(payments, expected);
    let providers: Vec<_> = said(&world, "ProviderLatency").into_iter().map(|(_, words)| words).collect();
    assert_eq!(providers, ["local ali", "local ali"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metric_says_what_it_is_about_and_no_more() {
    let world = World::start().await;
    world.paid("not to be said").await;
    let lines = world.stack.metrics();
    assert!(!lines.is_empty());
    for line in lines {
        let line: Value = serde_json::from_str(&line).unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], json!("MaxPay"));
        let named = directive["Dimensions"].as_array().unwrap().last().unwrap().as_array().unwrap().len();
        assert_eq!(line.as_object().unwrap().len(), named + 2, "{line}");
        assert!(!line.to_string().contains("not to be said"));
    }
    world.end().await;
}

/// The log lines with this transaction's id: one search, as an operator would make it.
fn logged_of(id: &str) -> Vec<String> {
    let lines = logs::captured();
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["tx.id"] == id).map(|line| line["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_search_leads_from_the_charge_to_the_webhook() {
    let world = World::start().await;
    world.webhook_to("followed", &json!({})).await;
    let id = world.paid("followed").await;
    world.advance(MINUTE_MS).await;
    let logged = logged_of(&id);
    for step in ["charged bill", "settled bill", "delivered at attempt 1"] {
        assert!(logged.iter().any(|message| message.starts_with(step)), "{step}: {logged:?}");
    }
    let [_] = world.inbox("followed").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_counted_and_their_lag_is_measured() {
    let world = World::start().await;
    world.webhook_to("counted", &json!({})).await;
    world.receiver("counted", json!({ "status": 500 })).await;
    world.paid("tried").await;
    world.advance(0).await;
    world.receiver("counted", json!({ "status": 200 })).await;
    world.advance(2 * MINUTE_MS).await;
    let attempts: Vec<_> = said(&world, "DeliveryAttempts").into_iter().map(|(_, words)| words).collect();
    assert_eq!(attempts, ["local failed", "local delivered"]);
    let [failed, delivered] = world.inbox("counted").await;
    assert_eq!((&failed["status"], &delivered["status"]), (&json!(500), &json!(200)));
    let lags = said(&world, "DeliveryLag");
    assert!(lags.len() == 2 && lags.iter().all(|(lag, _)| *lag < MINUTE_MS), "{lags:?}");
    // The stack skips the sweep in minutes in which nothing is due. A deployed sweep reports each minute, and an alarm depends on
    // it.
    world.stack.invoke_event("sweep", "{}").await.unwrap();
    assert_eq!(said(&world, "OldestOverdueDelivery").last(), Some(&(0, "local".to_owned())));
    world.end().await;
}
