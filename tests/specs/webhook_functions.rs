//! Cloud functions as targets: the real client invokes them, and distinguishes their failures.

use serde_json::{Value, json};

use crate::world::{World, texts};

/// A webhook to a function. A built-in receiver stands for the function's program.
pub(crate) async fn function(world: &World, name: &str) {
    world.webhook_to("", &json!({ "target": { "function": name } })).await;
    register(world, name).await;
}

/// Only the function.
pub(crate) async fn register(world: &World, name: &str) {
    let url = format!("{}/_local/receiver/{name}", world.url);
    let path = format!("/_local/functions/{name}");
    world.call("PUT", &path, &[], json!({ "url": url }).to_string()).await.done(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_invoked_with_the_same_json() {
    let world = World::start().await;
    function(&world, "webhook-paid").await;
    world.webhook_to("shop", &json!({})).await;
    world.paid("b-1").await;
    world.advance(0).await;
    let [invoked] = world.inbox("webhook-paid").await;
    let [posted] = world.inbox("shop").await;
    assert_eq!(invoked["body"], posted["body"]);
    assert_eq!(invoked["headers"].get("webhook-id"), None);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_tried_again_until_its_result_says_200() {
    let world = World::start().await;
    function(&world, "webhook-paid").await;
    world.paid("b-1").await;
    let results = [r#"{"statusCode":500}"#, r#"{"statusCode":204}"#, r#"{"statusCode":200}"#, "never asked for"];
    for (result, wait) in results.iter().zip([0, 60_000, 300_000, 600_000]) {
        world.receiver("webhook-paid", json!({ "body": result })).await;
        world.advance(wait).await;
    }
    let [_, _, _] = world.inbox::<3>("webhook-paid").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_by_its_arn_is_the_same_function() {
    let world = World::start().await;
    function(&world, "webhook-paid").await;
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:webhook-paid:live";
    world.webhook_to("", &json!({ "target": { "function": arn } })).await;
    world.paid("b-1").await;
    world.advance(0).await;
    let bodies: Vec<Value> = world.inbox::<2>("webhook-paid").await.iter().map(|one| one["body"].clone()).collect();
    assert_eq!(bodies[0], bodies[1]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_why_a_function_did_not_run_is_told_apart() {
    let world = World::start().await;
    let register = async |function: Value| {
        world.call("PUT", "/_local/functions/webhook-paid", &[], function.to_string()).await.done(200);
    };
    world.webhook_to("", &json!({ "target": { "function": "webhook-paid" } })).await;
    world.paid("b-1").await;
    world.advance(0).await;
    register(json!({ "error": "TooManyRequestsException" })).await;
    world.advance(60_000).await;
    register(json!({ "error": "AccessDeniedException" })).await;
    world.advance(300_000).await;
    register(json!({ "url": format!("{}/_local/receiver/webhook-paid", world.url) })).await;
    world.receiver("webhook-paid", json!({ "status": 500 })).await;
    world.advance(600_000).await;
    let [waiting] = <[Value; 1]>::try_from(world.deliveries("waiting").await).unwrap();
    let verdicts = texts(&waiting["attempts"], "verdict");
    assert_eq!(verdicts, ["function-missing", "function-throttled", "function-denied", "function-error"]);
    let [ran] = world.inbox("webhook-paid").await;
    assert_eq!(ran["status"], 500, "only the last of them ran it");
    world.end().await;
}
