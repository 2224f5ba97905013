//! Where alerts go, changed on the page of the console: what is masked is kept, and a target stays in its mode.

use futures_util::future::join3;
use serde_json::{Value, json};

use crate::{
    alerts::{path, robot, told},
    console::{Visitor, hire},
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

#[tokio::test(flavor = "multi_thread")]
async fn operators_set_alerts_up_on_their_page() {
    let world = World::start().await;
    let address = robot(&world, "feishu", "feishu-token-1", json!({})).await;
    let page = path(&world, "");
    let (operator, viewer) = (hire(&world, "lin", "operator").await, hire(&world, "viewer.one", "viewer").await);
    let fields = [
        ("kind", "feishu"),
        ("address", address.as_str()),
        ("language", "zh"),
        ("causes", "incident"),
        ("causes", "refund"),
    ];
    assert_eq!(viewer.post(&world, &format!("{page}/save?mode=test"), &fields).await.status, 403);
    let wrong = [("kind", "wecom"), ("address", address.as_str()), ("language", "zh"), ("causes", "incident")];
    let refused = operator.post(&world, &format!("{page}/save?mode=test"), &wrong).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("https://qyapi.weixin.qq.com/"), "{}", refused.text());
    operator.post(&world, &format!("{page}/save?mode=test"), &fields).await.location(303);
    operator.post(&world, &format!("{page}/quiet?mode=test"), &[("from", "22"), ("to", "8")]).await.location(303);
    assert_eq!(
        operator.post(&world, &format!("{page}/quiet?mode=test"), &[("from", "22"), ("to", "22")]).await.status,
        422
    );
    for (language, words) in [("zh", "飞书 / Lark 群机器人"), ("en", "Feishu / Lark robot")] {
        let text = operator.get_in(&world, language, &format!("{page}?mode=test")).await.text();
        assert!(text.contains(words) && text.contains("/hook/***") && text.contains("22:00"), "{text}");
    }
    let saved = world.admin("GET", &page, Value::Null).await.done(200);
    assert_eq!(saved["targets"][0]["causes"], json!(["incident", "refund"]));
    let seen = viewer.get(&world, &format!("{page}?mode=test")).await.text();
    assert!(seen.contains("/hook/***") && !seen.contains("/alerts/save"), "{seen}");
    let id = saved["targets"][0]["id"].as_str().unwrap();

    // A change keeps what is masked.
    let form = operator.get(&world, &format!("{page}?mode=test&target={id}")).await.text();
    assert!(form.contains(&format!("name=\"target\" value=\"{id}\"")) && form.contains("/hook/***"), "{form}");
    assert_eq!(form.matches("type=\"checkbox\" name=\"causes\"").count(), 8);
    assert_eq!(form.matches(" checked>").count(), 2, "{form}");
    let masked = address.replace("feishu-token-1", "***");
    let change = [("target", id), ("kind", "feishu"), ("address", &masked), ("language", "en"), ("causes", "refund")];
    operator.post(&world, &format!("{page}/save?mode=test"), &change).await.location(303);
    let saved = world.admin("GET", &page, Value::Null).await.done(200);
    let target = &saved["targets"][0];
    assert_eq!(
        (target["id"].as_str(), &target["language"], &target["causes"]),
        (Some(id), &json!("en"), &json!(["refund"]))
    );
    let tested = world.admin("POST", &path(&world, "/test"), json!({ "target": id })).await.done(200);
    assert_eq!(tested["received"], true, "{tested}");
    told(&world).await;
    let wrong = [("target", id), ("kind", "dingtalk"), ("address", &masked), ("secret", "***"), ("causes", "refund")];
    let refused = operator.post(&world, &format!("{page}/save?mode=test"), &wrong).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains(&format!("name=\"target\" value=\"{id}\"")), "{}", refused.text());
    let gone = [("target", "01a208d05240080808080808"), ("kind", "feishu"), ("address", &masked)];
    assert_eq!(operator.post(&world, &format!("{page}/save?mode=test"), &gone).await.status, 404);
    assert_eq!(operator.get(&world, &format!("{page}?mode=test&target=x")).await.status, 404);

    operator.post(&world, &format!("{page}/remove?mode=test"), &[("target", id)]).await.location(303);
    let saved = world.admin("GET", &page, Value::Null).await.done(200);
    assert_eq!((&saved["targets"], &saved["quietHours"]["from"]), (&json!([]), &json!(22)));
    world.end().await;
}

/// Each change of the page sends all settings. What another page changed meanwhile must not get lost.
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_two_pages_at_once_are_both_kept_or_one_is_refused() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let shown = world.admin("GET", &path(&world, ""), Value::Null).await.done(200);
    let page = |action: &str| format!("/apps/{}/alerts/{action}?mode=test", world.app.app_id);
    for round in 0..6 {
        let mut robots = Vec::new();
        for number in 0..2 {
            robots.push(robot(&world, "wecom", &format!("wecom-{round}-{number}"), json!({})).await);
        }
        let fields = |address: &'static str| {
            vec![("kind", "wecom"), ("address", address), ("language", "zh"), ("causes", "refund")]
        };
        let [one, other] = [0, 1].map(|number: usize| fields(String::leak(robots[number].clone())));
        let (save, quiet_page) = (page("save"), page("quiet"));
        let answers = join3(
            owner.post(&world, &save, &one),
            owner.post(&world, &save, &other),
            owner.post(&world, &quiet_page, &[("from", "22"), ("to", "8")]),
        );
        let (one, other, quiet) = answers.await;
        let now = world.admin("GET", &path(&world, ""), Value::Null).await.done(200);
        let saved = [&one, &other].iter().filter(|answer| answer.status == 303).count();
        assert_eq!(now["targets"].as_array().unwrap().len(), saved, "{now}");
        assert_eq!(now["quietHours"].is_object(), quiet.status == 303, "{now}");
        for target in now["targets"].as_array().unwrap() {
            owner.post(&world, &page("remove"), &[("target", target["id"].as_str().unwrap())]).await.location(303);
        }
        owner.post(&world, &quiet_page, &[("from", ""), ("to", "")]).await.location(303);
    }
    // A page that was opened before somebody else saved.
    let address = String::leak(robot(&world, "wecom", "wecom-late", json!({})).await);
    let fields =
        [("kind", "wecom"), ("address", &*address), ("language", "zh"), ("causes", "refund"), ("revision", "0")];
    let late = owner.post(&world, &page("save"), &fields).await;
    assert!(late.status == 422 && late.text().contains("Was changed by somebody else"), "{}", late.text());
    assert!(owner.get(&world, &format!("{}?mode=test", path(&world, ""))).await.text().contains("name=\"revision\""));
    let stale = json!({ "targets": [], "revision": shown["revision"] });
    world.admin("PUT", &path(&world, ""), stale).await.problem(409, "revision");
    world.end().await;
}
