//! Where alerts go, changed on the page of the console: what is masked is kept, and a target stays in its mode.

use serde_json::{Value, json};

use crate::{
    alerts::{path, robot, told},
    console::hire,
    world::World,
};

/// A robot that checks signatures, as the target of the test mode. Returns the settings as they were saved.
async fn signing_target(world: &World) -> Value {
    let robot = robot(world, "dingtalk", "ding-token-1", json!({ "secret": "SEC-signs-1" })).await;
    world.must_stay_secret("SEC-signs-1");
    let target = json!({ "kind": "dingtalk", "address": robot, "secret": "SEC-signs-1", "mode": "test" });
    world.admin("PUT", &path(world, ""), json!({ "targets": [target] })).await.done(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_the_page_keeps_the_masked_secret_and_is_audited() {
    let world = World::start().await;
    let before = signing_target(&world).await;
    let operator = hire(&world, "lin", "operator").await;
    let (id, page) = (before["targets"][0]["id"].as_str().unwrap(), path(&world, ""));
    let form = operator.get(&world, &format!("{page}?mode=test&target={id}")).await.text();
    assert!(form.contains("name=\"secret\" type=\"password\" value=\"***\""), "{form}");
    let change = [
        ("target", id),
        ("kind", "dingtalk"),
        ("address", before["targets"][0]["address"].as_str().unwrap()),
        ("secret", "***"),
        ("language", "en"),
        ("causes", "refund"),
    ];
    operator.post(&world, &format!("{page}/save?mode=test"), &change).await.location(303);
    let saved = world.admin("GET", &page, Value::Null).await.done(200);
    let target = &saved["targets"][0];
    assert_eq!((&target["secret"], &target["language"]), (&json!("***"), &json!("en")));
    // The robot refuses what is not signed.
    let tested = world.admin("POST", &path(&world, "/test"), json!({ "target": id })).await.done(200);
    assert_eq!(tested["received"], true, "{tested}");
    assert_eq!(told(&world).await.len(), 1);

    let log = world.admin("GET", "/audit", Value::Null).await.done(200);
    let mut entries = log["items"].as_array().unwrap().iter();
    let entry = entries.find(|one| one["action"] == "change alerts" && one["who"] == "lin").unwrap();
    assert_eq!(entry["before"]["targets"][0]["language"], "zh", "{entry}");
    assert_eq!(entry["after"]["targets"][0]["language"], "en", "{entry}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_never_moved_to_the_other_mode_by_its_form() {
    let world = World::start().await;
    let before = signing_target(&world).await;
    let operator = hire(&world, "lin", "operator").await;
    let (id, page) = (before["targets"][0]["id"].as_str().unwrap(), path(&world, ""));
    // The switch of modes leads from the form to the list of the other mode.
    let back = format!("/console{page}?mode=test&target={id}").replace('?', "%3F").replace('&', "%26");
    let switched = operator.get(&world, &format!("/preferences?mode=live&back={back}")).await.location(303);
    assert_eq!(switched, format!("/console{page}?mode=live"));
    assert_eq!(operator.get(&world, &format!("{page}?mode=live&target={id}")).await.status, 404);
    let address = before["targets"][0]["address"].as_str().unwrap();
    let change = [("target", id), ("kind", "dingtalk"), ("address", address), ("secret", "***"), ("causes", "refund")];
    assert_eq!(operator.post(&world, &format!("{page}/save?mode=live"), &change).await.status, 404);
    assert_eq!(world.admin("GET", &page, Value::Null).await.done(200), before);
    world.end().await;
}
