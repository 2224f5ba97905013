//! A bill that is paid twice: both payments are real, both are settled, and a person is told.

use serde_json::json;

use crate::{
    charge::knock,
    world::{World, charge_of, texts},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_is_paid_on_two_channels_is_settled_twice_and_kept_as_an_incident() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for channel in ["ali_web", "ali_app"] {
        let charged = world.charge(&charge_of(channel, "1")).await.ok();
        knock(&world, channel, &charged).await;
        ids.push(charged["id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        let trade = world.play(id, "pay", json!({ "times": 3 })).await;
        assert_eq!(trade["notifies"][0]["attempts"][0]["acknowledged"], true);
    }
    let records = world.records(&json!({ "billNum": "1", "status": "success" })).await.ok();
    assert_eq!(records["results"].as_array().unwrap().len(), 2);
    let incidents = world.incidents().await;
    assert_eq!(texts(&json!(incidents), "kind"), ["duplicate"]);
    assert!(incidents[0]["problem"].as_str().unwrap().contains(&ids[0]), "{incidents:?}");
    world.end().await;
}
