//! Operators and the audit log, in the operator API.

use serde_json::{Value, json};

use crate::world::{World, test_channel, texts};

fn someone(name: &str, role: &str) -> Value {
    json!({ "name": name, "role": role, "password": "correct horse battery" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_has_an_owner_from_the_start() {
    let world = World::start().await;
    let items = world.admin("GET", "/operators", Value::Null).await.done(200)["items"].clone();
    assert_eq!(world.owner.0, "admin");
    assert_eq!(world.owner.1.len(), 20);
    assert_eq!((texts(&items, "name"), texts(&items, "role")), (vec!["admin".into()], vec!["owner".into()]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_are_made_and_changed_and_their_passwords_never_shown() {
    let world = World::start().await;
    let made = world.admin("POST", "/operators", someone("li.lei", "viewer")).await;
    assert_eq!(made.done(201)["state"], "enabled");
    let changed = world.admin("PATCH", "/operators/li.lei", json!({ "role": "operator", "state": "disabled" })).await;
    let listed = world.admin("GET", "/operators", Value::Null).await;
    let one = listed.done(200)["items"][1].clone();
    assert_eq!((&one["role"], &one["state"], &one), (&json!("operator"), &json!("disabled"), &changed.done(200)));
    for answer in [made, changed, listed] {
        assert!(!answer.text().contains("horse") && !answer.text().contains("argon2"), "{}", answer.text());
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_operator_is_said_at_the_field() {
    let world = World::start().await;
    let cases = [
        (someone("Li Lei", "viewer"), 400, "name"),
        (someone("admin", "viewer"), 409, "name"),
        (someone("li.lei", "root"), 400, "role"),
        (json!({ "name": "li.lei", "password": "correct horse battery" }), 400, "role"),
        (json!({ "name": "li.lei", "role": "viewer", "password": "short" }), 400, "password"),
        (json!({ "name": "li.lei", "role": "viewer", "password": "x".repeat(129) }), 400, "password"),
        (json!({ "name": "li.lei", "role": "viewer" }), 400, "password"),
    ];
    for (body, status, field) in cases {
        let refused = world.admin("POST", "/operators", body).await;
        refused.problem(status, field);
        assert_eq!(refused.json()["field"], field);
    }
    world.admin("PATCH", "/operators/nobody", json!({ "role": "viewer" })).await.problem(404, "operator");
    world.admin("PATCH", "/operators/admin", json!({ "state": "gone" })).await.problem(400, "state");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_in_the_audit_log_and_no_secret_is() {
    let world = World::start().await;
    world.advance(1000).await;
    let path = format!("/apps/{}", world.app.app_id);
    world.admin("PATCH", &path, json!({ "name": "tea" })).await.done(200);
    world.advance(1000).await;
    let rotate = json!({ "mode": "test", "key": "master" });
    let rotated = world.admin("POST", &format!("{path}/keys/rotate"), rotate).await.done(200);
    world.must_stay_secret(rotated["masterKey"].as_str().unwrap());
    world.advance(1000).await;
    let settings = world.merchant("openapi").await;
    world.admin("PUT", &test_channel(&world.app), settings.clone()).await.done(200);
    world.advance(1000).await;
    world.admin("PATCH", &path, json!({ "name": "" })).await.problem(400, "name");
    let log = world.admin("GET", "/audit?month=202611", Value::Null).await;
    let items = log.done(200)["items"].clone();
    assert_eq!(texts(&items, "action")[..4], ["change app", "save channel", "rotate key", "change app"]);
    assert_eq!(texts(&items, "outcome")[..4], ["refused", "done", "done", "done"]);
    assert_eq!(items[3]["who"], "operator token");
    assert_eq!(items[3]["target"], format!("apps/{}", world.app.app_id));
    assert_eq!((&items[3]["before"]["name"], &items[3]["after"]["name"]), (&json!("demo"), &json!("tea")));
    assert_eq!(items[1]["before"], json!({ "protocol": "simulator" }));
    assert_eq!((&items[1]["after"]["appId"], &items[1]["after"]["privateKey"]), (&settings["appId"], &json!("***")));
    for secret in
        [&settings["privateKey"], &rotated["masterKey"], &json!(world.owner.1), &json!(world.app.live.master_key)]
    {
        assert!(!log.text().contains(secret.as_str().unwrap()));
    }
    world.admin("GET", "/audit?month=2026", Value::Null).await.problem(400, "month");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_read_in_pages() {
    let world = World::start().await;
    let path = format!("/apps/{}", world.app.app_id);
    for number in 0..60 {
        world.admin("PATCH", &path, json!({ "name": format!("tea {number}") })).await.done(200);
        world.advance(1).await;
    }
    let first = world.admin("GET", "/audit", Value::Null).await.done(200);
    let cursor = first["cursor"].as_str().unwrap().replace('#', "%23");
    let second = world.admin("GET", &format!("/audit?cursor={cursor}"), Value::Null).await.done(200);
    let names = |page: &Value| -> Vec<String> {
        let renamed = page["items"].as_array().unwrap().iter().filter(|item| item["action"] == "change app");
        renamed.map(|item| item["after"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let expect: Vec<String> = (0..60).rev().map(|number| format!("tea {number}")).collect();
    assert_eq!([names(&first), names(&second)].concat(), expect);
    world.end().await;
}
