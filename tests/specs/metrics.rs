//! What is counted and measured, as CloudWatch would read it.

use serde_json::{Value, json};

use crate::world::{World, charge_of};

/// What was said of one metric: its value and its dimensions, joined.
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
