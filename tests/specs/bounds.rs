//! Limits as on AWS: a value that becomes part of a key is refused by name before DynamoDB refuses it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::world::World;

/// A cursor that is no key for DynamoDB, and one with a value that no key has.
fn cursors() -> [String; 3] {
    ["x".repeat(1025), "x".repeat(3000), "a%0Ab".to_owned()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_can_be_no_key_is_refused_by_name() {
    let world = World::start().await;
    let app = format!("/apps/{}", world.app.app_id);
    let lists = [
        "/apps?".to_owned(),
        "/audit?".to_owned(),
        format!("{app}/transactions?mode=test&"),
        format!("{app}/incidents?mode=test&"),
        format!("{app}/incidents?mode=test&kind=forged&"),
        format!("{app}/reconciliations?mode=test&"),
        format!("{app}/deliveries?"),
    ];
    for list in &lists {
        for cursor in cursors() {
            world.admin("GET", &format!("{list}cursor={cursor}"), Value::Null).await.problem(400, "cursor");
        }
        if !list.starts_with("/apps?") {
            world.admin("GET", &format!("{list}cursor="), Value::Null).await.done(200);
        }
    }
    let hook = json!({ "mode": "test", "target": { "url": "https://shop.example/" } });
    let made = world.admin("POST", &format!("{app}/webhooks"), hook).await.done(201);
    world.must_stay_secret(made["secret"].as_str().unwrap());
    let replay = format!("{app}/webhooks/{}/replay", made["id"].as_str().unwrap());
    for cursor in [format!("exhausted:{}", "x".repeat(1025)), format!("records:{}", "x".repeat(3000))] {
        let body = json!({ "since": 0, "states": ["exhausted", "delivered"], "cursor": cursor });
        world.admin("POST", &replay, body).await.problem(400, "cursor");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_three_thousand_signs_is_not_found() {
    let world = World::start().await;
    let app = format!("/apps/{}", world.app.app_id);
    let long = "x".repeat(3000);
    let webhook = "568a12086e912100017722e5";
    let ids = [
        long.clone(),
        URL_SAFE_NO_PAD.encode(format!("test\n1\nINCIDENT#amount#{long}")),
        URL_SAFE_NO_PAD.encode(format!("test\n1\nINCIDENT#{long}#{}", "x".repeat(43))),
        URL_SAFE_NO_PAD.encode("test\n1\nINCIDENT#"),
        URL_SAFE_NO_PAD.encode(format!("test\n{long}\nINCIDENT#amount#{}", "x".repeat(43))),
        URL_SAFE_NO_PAD.encode(format!("test\n1\n{webhook}#payment.mismatch#{long}#{webhook}")),
        URL_SAFE_NO_PAD.encode(format!("test\n1\n{webhook}#payment.mismatch#a\nb#{webhook}")),
    ];
    for id in ids {
        let incident = format!("{app}/incidents/{id}");
        world.admin("GET", &incident, Value::Null).await.problem(404, "incident");
        world.admin("POST", &format!("{incident}/replay"), json!({})).await.problem(404, "incident");
        world.admin("POST", &format!("{app}/deliveries/{id}/resend"), json!({})).await.problem(404, "delivery");
    }
    for path in ["webhooks/ID/test", "webhooks/ID/replay", "transactions/ID/sync", "channels/ID/check"] {
        world.admin("POST", &format!("{app}/{}", path.replace("ID", &long)), json!({})).await.problem(404, "");
    }
    world.admin("PATCH", &format!("/operators/{long}"), json!({ "role": "viewer" })).await.problem(404, "operator");
    world.admin("GET", &format!("/apps/{long}"), Value::Null).await.problem(404, "app");
    world.admin("GET", &format!("/audit?month={long}"), Value::Null).await.problem(400, "month");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_for_operators_is_nested_thirty_two_deep_at_the_most() {
    let world = World::start().await;
    let nested = |depth: usize| {
        let text = format!("{{\"x\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let app = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &app, nested(33)).await.problem(400, "at most 32 levels");
    world.admin("PATCH", &app, nested(32)).await.problem(400, "name");
    world.end().await;
}
