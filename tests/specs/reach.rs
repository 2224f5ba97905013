//! Operators with rights for some apps only: for them the other apps do not exist.

use serde_json::{Value, json};

use crate::{
    console::Visitor,
    world::{World, texts},
};

async fn limited(world: &World, name: &str, role: &str, app: &str) -> Visitor {
    let password = format!("{name}'s own password");
    let body = json!({ "name": name, "role": role, "password": password, "apps": [app] });
    assert_eq!(world.admin("POST", "/operators", body).await.done(201)["apps"], json!([app]));
    Visitor::sign_in(world, name, &password).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_operator_sees_and_does_nothing_in_other_apps() {
    let world = World::start().await;
    let id = world.paid("paid").await;
    let mine = world.new_app("mine").await.app_id;
    let viewer = limited(&world, "viewer.one", "viewer", &mine).await;
    let operator = limited(&world, "operator.one", "operator", &mine).await;
    let theirs = format!("/apps/{}", world.app.app_id);
    for page in [
        "",
        "/overview",
        "/transactions",
        "/refunds",
        "/export",
        "/export/part",
        "/statement",
        "/webhooks",
        "/webhooks/new",
        "/deliveries",
        "/incidents",
        "/channels/ali",
        "/settings",
        &format!("/transactions/{id}"),
    ] {
        let page = format!("{theirs}{page}?mode=test");
        assert_eq!(viewer.get(&world, &page).await.status, 404, "{page}");
    }
    for (page, fields) in [
        (format!("{theirs}/transactions/{id}/refund?mode=test&bill=paid"), [("do", "refund"), ("fee", "1")]),
        (format!("{theirs}/sessions"), [("mode", "test"), ("ttl", "60")]),
        (format!("{theirs}/webhooks"), [("mode", "test"), ("url", "https://example.com")]),
    ] {
        assert_eq!(operator.post(&world, &page, &fields).await.status, 404, "{page}");
    }
    assert_eq!(world.record("paid").await["status"], "success", "nothing went back");
    let own = format!("/apps/{mine}");
    let home = viewer.get(&world, "").await;
    assert_eq!(home.header("location"), format!("/console{own}"), "straight to the only app");
    assert_eq!(viewer.get(&world, &format!("{own}/overview")).await.status, 200);
    let made = operator.post(&world, &format!("{own}/sessions"), &[("mode", "test"), ("ttl", "60")]).await;
    assert!(made.status < 400, "{}", made.text());
    for page in ["/apps", "/apps?q=demo", &format!("/apps?q={}", world.app.app_id)] {
        let list = viewer.get(&world, page).await.text();
        assert!(!list.contains("<b>demo</b>") && !list.contains(">demo</a>"), "{page}: {list}");
    }
    assert!(viewer.get(&world, "/apps").await.text().contains("<b>mine</b>"));
    for page in ["/operators", "/audit", "/apps/new"] {
        assert_eq!(operator.get(&world, page).await.status, 403, "{page}");
    }
    assert_eq!(operator.post(&world, "/apps", &[("name", "planted")]).await.status, 403);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_set_and_lifted_by_owners_and_never_theirs() {
    let world = World::start().await;
    let (demo, mine) = (world.app.app_id.clone(), world.new_app("mine").await.app_id);
    let viewer = limited(&world, "viewer.one", "viewer", &mine).await;
    let change = async |body: Value| world.admin("PATCH", "/operators/viewer.one", body).await;
    let nowhere = "000000000000000000000001";
    let many: Vec<String> = (0..101).map(|number| format!("{number:024x}")).collect();
    for wrong in
        [json!([]), json!("all"), json!([1]), json!(["x"]), json!([nowhere]), json!([mine, nowhere]), json!(many)]
    {
        let refused = change(json!({ "apps": wrong })).await;
        refused.problem(400, "apps");
    }
    change(json!({ "role": "owner" })).await.problem(400, "owners see every app");
    change(json!({ "role": "owner", "apps": [demo] })).await.problem(400, "owners see every app");
    world.admin("PATCH", "/operators/admin", json!({ "apps": [demo] })).await.problem(400, "owners see every app");
    let new = json!({ "name": "owner.two", "role": "owner", "password": "a password of theirs", "apps": [demo] });
    world.admin("POST", "/operators", new).await.problem(400, "owners see every app");
    assert_eq!(viewer.get(&world, &format!("/apps/{mine}/overview")).await.status, 200, "nothing was changed");
    let both = change(json!({ "apps": [mine, demo, mine] })).await.done(200)["apps"].clone();
    assert_eq!(both.as_array().unwrap().len(), 2);
    assert_eq!(viewer.get(&world, "/apps").await.status, 303, "a change ends the sessions");
    assert_eq!(change(json!({ "state": "enabled" })).await.done(200)["apps"], both, "left alone it stays");
    assert_eq!(change(json!({ "apps": null })).await.done(200)["apps"], Value::Null);
    assert_eq!(change(json!({ "role": "owner" })).await.done(200)["role"], "owner");
    let log = world.admin("GET", "/audit", Value::Null).await.done(200)["items"].clone();
    assert!(texts(&log, "action").contains(&"change operator".to_owned()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_limit_somebody_in_the_console() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let id = world.app.app_id.clone();
    let hire = async |apps: &str, role: &str| {
        let fields = [("name", "new.one"), ("role", role), ("password", "a password of theirs"), ("apps", apps)];
        owner.post(&world, "/operators", &fields).await
    };
    assert!(hire("nonsense", "viewer").await.text().contains("There is no app nonsense"));
    assert!(hire(&id, "owner").await.text().contains("Must be null for an owner, because owners see every app"));
    assert_eq!(hire(&format!("{id}\r\n"), "viewer").await.status, 303);
    assert!(owner.get(&world, "/operators").await.text().contains("1 of the apps"));
    let lifted =
        owner.post(&world, "/operators/new.one", &[("role", "viewer"), ("state", "enabled"), ("apps", "")]).await;
    assert_eq!(lifted.status, 303);
    assert_eq!(world.admin("GET", "/operators", Value::Null).await.done(200)["items"][1]["apps"], Value::Null);
    world.end().await;
}
