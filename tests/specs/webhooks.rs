//! Webhooks as the operator creates them: targets, events, limits, and secrets that are shown once.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::{START_MS, World, texts, with};

fn path(world: &World) -> String {
    format!("/apps/{}/webhooks", world.app.app_id)
}

fn webhook() -> Value {
    json!({ "target": { "url": "https://shop.example/hook" }, "mode": "test" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_made_shown_without_its_secrets_and_deleted() {
    let world = World::start().await;
    let headers = json!({ "X-Shop": "header-value-secret", "x-b": "2" });
    let body = json!({
        "target": { "url": "https://shop.example/hook?a=1", "headers": headers },
        "mode": "live",
        "events": ["payment.success", "payment.closed", "payment.success"],
    });
    let made = world.admin("POST", &path(&world), body).await.done(201);
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    world.must_stay_secret(secret);
    world.must_stay_secret("header-value-secret");
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{}", secret.len());
    let shown = json!({
        "id": id,
        "target": { "url": "https://shop.example/hook?***", "headers": { "X-Shop": "***", "x-b": "***" } },
        "mode": "live",
        "events": ["payment.success", "payment.closed"],
        "secret": "***",
        "createdTime": START_MS,
    });
    assert_eq!(with(made.clone(), &json!({ "secret": "***" })), shown);
    assert_eq!(world.admin("GET", &path(&world), Value::Null).await.done(200)["items"], json!([shown]));
    let one = format!("{}/{id}", path(&world));
    assert_eq!(world.admin("DELETE", &one, Value::Null).await.done(204), Value::Null);
    assert_eq!(world.admin("GET", &path(&world), Value::Null).await.done(200)["items"], json!([]));
    world.admin("DELETE", &one, Value::Null).await.problem(404, "no such");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_hears_of_payments_unless_it_says_otherwise() {
    let world = World::start().await;
    let made = world.admin("POST", &path(&world), webhook()).await.done(201);
    assert_eq!(made["events"], json!(["payment.success"]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_function_is_a_target_by_name_or_arn() {
    let world = World::start().await;
    for function in
        ["on-payment", "on_payment:live", "arn:aws:lambda:eu-central-1:123456789012:function:on-payment:$LATEST"]
    {
        let body = json!({ "target": { "function": function }, "mode": "test" });
        assert_eq!(world.admin("POST", &path(&world), body).await.done(201)["target"], json!({ "function": function }));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_has_at_most_twenty_webhooks() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(world.admin("POST", &path(&world), webhook()).await.done(201)["id"].as_str().unwrap().to_owned());
    }
    world.admin("POST", &path(&world), webhook()).await.problem(409, "20");
    world.admin("DELETE", &format!("{}/{}", path(&world), ids[0]), Value::Null).await.done(204);
    world.admin("POST", &path(&world), webhook()).await.done(201);
    assert_eq!(world.admin("GET", &path(&world), Value::Null).await.done(200)["items"].as_array().unwrap().len(), 20);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_has_at_most_twenty_webhooks_however_fast_they_are_made() {
    let world = World::start().await;
    let path = path(&world);
    let made = join_all((0..60).map(|_| world.admin("POST", &path, webhook()))).await;
    assert!(made.iter().all(|answer| matches!(answer.status, 201 | 409)));
    let kept = world.admin("GET", &path, Value::Null).await.done(200)["items"].as_array().unwrap().len();
    assert!(kept <= 20, "{kept}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_belongs_to_its_app() {
    let world = World::start().await;
    let other = world.new_app("other").await;
    let made = world.admin("POST", &path(&world), webhook()).await.done(201);
    let elsewhere = format!("/apps/{}/webhooks", other.app_id);
    assert_eq!(world.admin("GET", &elsewhere, Value::Null).await.done(200)["items"], json!([]));
    let foreign = format!("{elsewhere}/{}", made["id"].as_str().unwrap());
    world.admin("DELETE", &foreign, Value::Null).await.problem(404, "no such");
    let kept = world.admin("GET", &path(&world), Value::Null).await.done(200);
    assert_eq!(texts(&kept["items"], "id"), [made["id"].as_str().unwrap()]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_webhook_is_named() {
    let world = World::start().await;
    let url = |url: &str| json!({ "target": { "url": url } });
    let function = |name: &str| json!({ "target": { "function": name } });
    let headers = |headers: Value| json!({ "target": { "url": "https://shop.example/", "headers": headers } });
    let many: serde_json::Map<String, Value> = (0..21).map(|number| (format!("X-{number}"), json!("x"))).collect();
    let long_url = format!("https://shop.example/{}", "x".repeat(2048));
    #[rustfmt::skip]
    let cases = [
        (json!({ "mode": "prod" }),                                        "mode"),
        (json!({ "mode": null }),                                          "mode"),
        (json!({ "events": [] }),                                          "events"),
        (json!({ "events": "payment.success" }),                           "events"),
        (json!({ "events": ["payment.success", "payment.refund"] }),       "events"),
        (json!({ "events": [7] }),                                         "events"),
        (json!({ "target": null }),                                        "target"),
        (json!({ "target": "https://shop.example/" }),                     "target"),
        (json!({ "target": {} }),                                          "target"),
        (json!({ "target": { "url": "https://a.example/", "function": "f" } }), "target"),
        (url(""),                                                          "target.url"),
        (url("shop.example"),                                              "target.url"),
        (url("/hook"),                                                     "target.url"),
        (url("ftp://shop.example/"),                                       "target.url"),
        (url("https://"),                                                  "target.url"),
        (url("https://shop.example/a b"),                                  "target.url"),
        (url("https://shop.example/\r\nX-Evil: 1"),                        "target.url"),
        (url(&long_url),                                                   "target.url"),
        (json!({ "target": { "url": 7 } }),                                "target.url"),
        (function(""),                                                     "target.function"),
        (function("a b"),                                                  "target.function"),
        (function("../x"),                                                 "target.function"),
        (function(&"x".repeat(171)),                                       "target.function"),
        (headers(json!([])),                                               "target.headers"),
        (headers(json!({ "X-A": 7 })),                                     "target.headers"),
        (headers(json!({ "X A": "x" })),                                   "target.headers"),
        (headers(json!({ "": "x" })),                                      "target.headers"),
        (headers(json!({ "X-A": "a\r\nX-Evil: 1" })),                      "target.headers"),
        (headers(json!({ "X-A": "x".repeat(1025) })),                      "target.headers"),
        (headers(Value::Object(many)),                                     "target.headers"),
    ];
    for (change, field) in cases {
        let refused = world.admin("POST", &path(&world), with(webhook(), &change)).await;
        refused.problem(400, field);
        assert_eq!(refused.json()["field"], field, "{change}");
    }
    assert_eq!(world.admin("GET", &path(&world), Value::Null).await.done(200)["items"], json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_headers_of_a_webhook_may_be_at_their_bounds() {
    let world = World::start().await;
    let most: serde_json::Map<String, Value> =
        (0..20).map(|number| (format!("X-{number}"), json!("x".repeat(1024)))).collect();
    let body = json!({ "target": { "url": "http://127.0.0.1:9/hook", "headers": most }, "mode": "test" });
    world.admin("POST", &path(&world), body).await.done(201);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_settled_with_webhooks_of_every_kind() {
    let world = World::start().await;
    let both = json!({ "events": ["payment.success", "payment.closed"] });
    let live = json!({ "mode": "live" });
    let function = json!({ "target": { "function": "on-payment" } });
    for change in [json!({}), both, live, function] {
        world.admin("POST", &path(&world), with(webhook(), &change)).await.done(201);
    }
    world.paid("paid").await;
    assert_eq!(world.record("paid").await["status"], "success");
    let id = world.charged("closed").await;
    world.play(&id, "open", json!({})).await;
    world.play(&id, "close", json!({})).await;
    assert_eq!(world.record("closed").await["status"], "closed");
    world.end().await;
}
