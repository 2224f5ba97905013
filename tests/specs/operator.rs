//! The operator API: apps and their keys, authentication, and errors.

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    world::{START_MS, World, charge_of, client, master, texts},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_app_has_keys_of_its_own_in_both_modes() {
    let world = World::start().await;
    let made = world.admin("POST", "/apps", json!({ "name": "shop" })).await.done(201);
    let mut members: Vec<&String> = made.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["appId", "live", "name", "test"]);
    assert_eq!(made["name"], "shop");
    let other = world.admin("POST", "/apps", json!({ "name": "shop" })).await.done(201);
    let mut secrets = Vec::new();
    for app in [&made, &other] {
        for key in ["clientKey", "masterKey"] {
            secrets.extend(["live", "test"].map(|mode| app[mode][key].as_str().unwrap().to_owned()));
        }
        secrets.push(app["appId"].as_str().unwrap().to_owned());
    }
    assert!(secrets.iter().all(|text| text.len() >= 24), "{secrets:?}");
    secrets.sort();
    secrets.dedup();
    assert_eq!(secrets.len(), 10, "no two are the same");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_shown_and_listed_without_its_keys() {
    let world = World::start().await;
    world.advance(1000).await;
    let app = world.new_app("shop").await;
    world.configure(&app, &json!({ "protocol": "simulator" })).await;
    let shown = world.admin("GET", &format!("/apps/{}", app.app_id), Value::Null).await;
    let expect = json!({
        "appId": app.app_id,
        "name": "shop",
        "createdTime": START_MS + 1000,
        "channels": [{ "tab": "ali", "mode": "test" }],
        "webhooks": 0,
        "refundDuplicates": false,
        "clientsNamePrices": true,
        "shards": 1,
        "clientChargesPerMinute": 6000,
        "clientOpenBills": 50000,
        "operatorRefundsPerDay": null,
        "hotChannels": [],
    });
    assert_eq!(shown.done(200), expect);
    let listed = world.admin("GET", "/apps", Value::Null).await;
    let items = listed.done(200)["items"].clone();
    assert_eq!(texts(&items, "name"), ["demo", "shop"]);
    assert_eq!(items[1], json!({ "appId": app.app_id, "name": "shop", "createdTime": START_MS + 1000 }));
    for key in [&app.live.client_key, &app.live.master_key, &app.test.client_key, &app.test.master_key] {
        assert!(!shown.text().contains(key) && !listed.text().contains(key));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_are_listed_in_pages_of_a_hundred() {
    let world = World::start().await;
    for number in 0..120 {
        world.advance(1).await;
        world.admin("POST", "/apps", json!({ "name": format!("app {number}") })).await.done(201);
    }
    let first = world.admin("GET", "/apps", Value::Null).await.done(200);
    let cursor = first["cursor"].as_str().unwrap();
    let second = world.admin("GET", &format!("/apps?cursor={cursor}"), Value::Null).await.done(200);
    assert_eq!((first["items"].as_array().unwrap().len(), &second["cursor"]), (100, &Value::Null));
    let names = [texts(&first["items"], "name"), texts(&second["items"], "name")].concat();
    let expect: Vec<String> =
        ["demo".to_owned()].into_iter().chain((0..120).map(|number| format!("app {number}"))).collect();
    assert_eq!(names, expect);
    world.admin("GET", "/apps?cursor=x", Value::Null).await.problem(400, "cursor");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_renamed() {
    let world = World::start().await;
    let path = format!("/apps/{}", world.app.app_id);
    let renamed = world.admin("PATCH", &path, json!({ "name": "  茶 shop  " })).await.done(200);
    assert_eq!((&renamed["name"], &renamed["appId"]), (&json!("茶 shop"), &json!(world.app.app_id)));
    assert_eq!(world.admin("GET", &path, Value::Null).await.done(200), renamed);
    assert_eq!(texts(&world.admin("GET", "/apps", Value::Null).await.done(200)["items"], "name"), ["茶 shop"]);
    world.charge(&charge_of("ali_web", "1")).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_has_one_to_sixty_four_characters() {
    let world = World::start().await;
    let path = format!("/apps/{}", world.app.app_id);
    let longest = "茶".repeat(64);
    for name in ["x", "😀 & <b>\"tea\"</b>", longest.as_str()] {
        assert_eq!(world.admin("POST", "/apps", json!({ "name": name })).await.done(201)["name"], name);
        assert_eq!(world.admin("PATCH", &path, json!({ "name": name })).await.done(200)["name"], name);
    }
    let too_long = "x".repeat(65);
    let wrong =
        [json!(""), json!("  "), json!(null), json!(7), json!(["x"]), json!("a\nb"), json!("\u{0}"), json!(too_long)];
    for name in wrong {
        for (method, path) in [("POST", "/apps"), ("PATCH", &path)] {
            let refused = world.admin(method, path, json!({ "name": name })).await;
            refused.problem(400, "name");
            assert_eq!(refused.json()["field"], "name");
        }
    }
    world.admin("POST", "/apps", json!({})).await.problem(400, "name");
    world.end().await;
}

async fn rotate(world: &World, body: Value) -> Answer {
    world.admin("POST", &format!("/apps/{}/keys/rotate", world.app.app_id), body).await
}

/// Charges and queries with these headers. Returns the codes.
async fn codes(world: &World, headers: &[(&str, &str)]) -> (i64, i64) {
    let charge = world.post_as(headers, "/2.0/maxpay/bill", charge_of("ali_web", "1").to_string()).await;
    let query = world.post_as(headers, "/2.0/maxpay/records", r#"{"billNum":"1"}"#).await;
    (charge.code(), query.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_key_is_taken_to_the_last_millisecond_of_its_grace() {
    let world = World::start().await;
    let cases = [("client", "X-ML-APIKey", "clientKey"), ("master", "X-ML-MasterKey", "masterKey")];
    let old = [&world.app.test.client_key, &world.app.test.master_key];
    for ((key, header, member), old) in cases.into_iter().zip(old) {
        let rotated = rotate(&world, json!({ "mode": "test", "key": key, "graceSeconds": 60 })).await.done(200);
        let new = rotated[member].as_str().unwrap();
        world.must_stay_secret(new);
        let id = ("X-ML-AppId", world.app.app_id.as_str());
        assert_eq!(codes(&world, &[id, (header, old)]).await, (0, 0), "{key}");
        assert_eq!(codes(&world, &[id, (header, new)]).await, (0, 0), "{key}");
        world.advance(59_999).await;
        assert_eq!(codes(&world, &[id, (header, old)]).await, (0, 0), "{key}");
        world.advance(1).await;
        assert_eq!(codes(&world, &[id, (header, old)]).await, (1, 1), "{key}");
        assert_eq!(codes(&world, &[id, (header, new)]).await, (0, 0), "{key}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_says_until_when_the_old_key_is_taken() {
    let world = World::start().await;
    let day = 24 * 3600 * 1000;
    #[rustfmt::skip]
    let cases = [
        (json!({ "mode": "test", "key": "client" }),                              START_MS + day),
        (json!({ "mode": "test", "key": "client", "graceSeconds": 0 }),           START_MS),
        (json!({ "mode": "test", "key": "client", "graceSeconds": 2_592_000 }),   START_MS + 30 * day),
    ];
    for (body, expect) in cases {
        let rotated = rotate(&world, body).await.done(200);
        assert_eq!((&rotated["previousValidUntil"], &rotated["mode"]), (&json!(expect), &json!("test")));
        assert_eq!(rotated["appId"], world.app.app_id);
        assert!(rotated.get("masterKey").is_none());
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_grace_the_old_key_is_dead_at_once() {
    let world = World::start().await;
    rotate(&world, json!({ "mode": "test", "key": "client", "graceSeconds": 0 })).await.done(200);
    assert_eq!(codes(&world, &client(&world.app)).await, (1, 1));
    assert_eq!(codes(&world, &master(&world.app)).await, (0, 0), "the other key is as it was");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_and_test_keys_are_replaced_apart() {
    let world = World::start().await;
    for key in ["client", "master"] {
        rotate(&world, json!({ "mode": "live", "key": key, "graceSeconds": 0 })).await.done(200);
    }
    assert_eq!(codes(&world, &client(&world.app)).await, (0, 0));
    assert_eq!(codes(&world, &master(&world.app)).await, (0, 0));
    let live = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-MasterKey", &world.app.live.master_key)];
    assert_eq!(codes(&world, &live).await, (1, 1));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_rotation_is_named_and_replaces_nothing() {
    let world = World::start().await;
    #[rustfmt::skip]
    let cases = [
        (json!({ "key": "client" }),                                             "mode"),
        (json!({ "mode": "prod", "key": "client" }),                             "mode"),
        (json!({ "mode": "test" }),                                              "key"),
        (json!({ "mode": "test", "key": "session" }),                            "key"),
        (json!({ "mode": "test", "key": "client", "graceSeconds": -1 }),         "graceSeconds"),
        (json!({ "mode": "test", "key": "client", "graceSeconds": 1.5 }),        "graceSeconds"),
        (json!({ "mode": "test", "key": "client", "graceSeconds": "0" }),        "graceSeconds"),
        (json!({ "mode": "test", "key": "client", "graceSeconds": 2_592_001 }),  "graceSeconds"),
    ];
    for (body, field) in cases {
        let refused = rotate(&world, body).await;
        refused.problem(400, field);
        assert_eq!(refused.json()["field"], field);
    }
    assert_eq!(codes(&world, &client(&world.app)).await, (0, 0));
    world.end().await;
}

/// This removes a leaked key: replace it twice, or once without grace.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_key_that_was_replaced_last_has_grace() {
    let world = World::start().await;
    let body = json!({ "mode": "test", "key": "client", "graceSeconds": 3600 });
    let second = rotate(&world, body.clone()).await.done(200)["clientKey"].as_str().unwrap().to_owned();
    assert_eq!(codes(&world, &client(&world.app)).await, (0, 0));
    rotate(&world, body).await.done(200);
    assert_eq!(codes(&world, &client(&world.app)).await, (1, 1));
    let headers = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-APIKey", &second)];
    assert_eq!(codes(&world, &headers).await, (0, 0));
    world.end().await;
}

/// Every path of the API, with an app in it.
fn paths(app_id: &str) -> [(String, &'static str); 9] {
    let app = format!("/apps/{app_id}");
    [
        ("/apps".to_owned(), "GET, POST"),
        (app.clone(), "GET, PATCH"),
        (format!("{app}/keys/rotate"), "POST"),
        (format!("{app}/channels/ali?mode=test"), "GET, PUT, DELETE"),
        (format!("{app}/channels/unipay_web?mode=live"), "GET, PUT, DELETE"),
        (format!("{app}/webhooks"), "GET, POST"),
        (format!("{app}/webhooks/568a12086e912100017722e5"), "PUT, DELETE"),
        (format!("{app}/incidents?mode=test"), "GET"),
        (format!("{app}/incidents"), "GET"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_without_the_operator_token() {
    let world = World::start().await;
    let good = world.operator_token.clone();
    let cases = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some("Bearer wrong".to_owned()),
        Some(format!("Bearer {good}x")),
        Some(format!("Bearer {}", good.to_lowercase())),
        Some(good.clone()),
        Some(format!("Basic {good}")),
        Some(format!("Bearer {}", world.app.test.master_key)),
    ];
    for authorization in &cases {
        let headers: Vec<_> = authorization.iter().map(|value| ("Authorization", value.as_str())).collect();
        for (path, _) in paths(&world.app.app_id) {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                let refused = world.call(method, &format!("/admin/v1{path}"), &headers, "{").await;
                refused.problem(401, "Bearer");
                assert_eq!(refused.header("www-authenticate"), "Bearer");
            }
        }
        world.call("GET", "/admin/v1/nothing", &headers, "").await.problem(401, "Bearer");
    }
    let lower_case = format!("bearer {good}");
    world.call("GET", "/admin/v1/apps", &[("authorization", &lower_case)], "").await.done(200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_is_told_what_the_path_allows() {
    let world = World::start().await;
    for (path, allowed) in paths(&world.app.app_id) {
        let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        for method in methods.into_iter().filter(|method| !allowed.contains(method)) {
            let refused = world.admin(method, &path, json!({})).await;
            refused.problem(405, allowed);
            assert_eq!(refused.header("allow"), allowed, "{method} {path}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let world = World::start().await;
    let app = format!("/apps/{}", world.app.app_id);
    for (path, allowed) in &paths("568a12086e912100017722e5")[1..8] {
        let method = allowed.split(", ").next().unwrap();
        let body = json!({ "name": "x", "mode": "test", "key": "client", "target": { "function": "f" } });
        let sent = if method == "GET" { Value::Null } else { body };
        world.admin(method, path, sent).await.problem(404, "no such");
    }
    let rename = world.admin("PATCH", "/apps/568a12086e912100017722e5", json!({ "name": "x" })).await;
    rename.problem(404, "no such");
    let settings = json!({ "protocol": "simulator" });
    world.admin("PUT", "/apps/568a12086e912100017722e5/channels/ali?mode=test", settings).await.problem(404, "app");
    let hook = json!({ "mode": "test", "target": { "url": "https://shop.example/" } });
    world.admin("POST", "/apps/568a12086e912100017722e5/webhooks", hook).await.problem(404, "app");
    let cases = [
        "/nothing".to_owned(),
        "/apps/".to_owned(),
        "/apps/x".to_owned(),
        format!("/apps/{}", world.app.app_id.to_uppercase()),
        format!("{app}/"),
        format!("{app}/keys"),
        format!("{app}/channels"),
        format!("{app}/channels/paypal?mode=test"),
        format!("{app}/channels/ali/x?mode=test"),
        format!("{app}/incidents/x"),
    ];
    for path in cases {
        world.admin("GET", &path, Value::Null).await.problem(404, "no such");
    }
    world.admin("DELETE", &format!("{app}/webhooks/x"), Value::Null).await.problem(404, "webhook");
    world.end().await;
}

/// As under `/2.0/maxpay`: some clients write every member that they know.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_null_is_as_good_as_absent() {
    let world = World::start().await;
    let app = format!("/apps/{}", world.app.app_id);
    let named = json!({ "name": "tea", "refundDuplicates": null, "clientsNamePrices": null, "shards": null });
    assert_eq!(world.admin("PATCH", &app, named).await.done(200)["name"], "tea");
    let unnamed = json!({ "name": null, "refundDuplicates": true });
    assert_eq!(world.admin("PATCH", &app, unnamed).await.done(200)["name"], "tea");
    rotate(&world, json!({ "mode": "test", "key": "client", "graceSeconds": null })).await.done(200);
    let target = json!({ "url": "https://shop.example/", "function": null, "headers": null });
    let hook = json!({ "target": target, "mode": "test", "events": null });
    let made = world.admin("POST", &format!("{app}/webhooks"), hook).await.done(201);
    assert_eq!(made["events"], json!(["payment.success"]));
    let hook = format!("{app}/webhooks/{}", made["id"].as_str().unwrap());
    world.admin("POST", &format!("{hook}/secret/rotate"), json!({ "graceSeconds": null })).await.done(200);
    world
        .admin("POST", &format!("{hook}/replay"), json!({ "since": 0, "states": null, "cursor": null }))
        .await
        .done(200);
    let li = json!({ "name": "li.lei", "role": "viewer", "password": "correct horse battery", "apps": null });
    world.admin("POST", "/operators", li).await.done(201);
    let kept = json!({ "role": null, "password": null, "state": null });
    assert_eq!(world.admin("PATCH", "/operators/li.lei", kept).await.done(200)["role"], "viewer");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_object_is_a_problem() {
    let world = World::start().await;
    let app = format!("/admin/v1/apps/{}", world.app.app_id);
    let bearer = format!("Bearer {}", world.operator_token);
    let targets = [
        ("POST", "/admin/v1/apps".to_owned()),
        ("PATCH", app.clone()),
        ("POST", format!("{app}/keys/rotate")),
        ("PUT", format!("{app}/channels/ali?mode=test")),
        ("POST", format!("{app}/webhooks")),
    ];
    let too_long = format!("{{\"name\":\"{}\"}}", "x".repeat(64 * 1024));
    let nested = format!("{{\"name\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    for (method, path) in targets {
        for body in ["", "{", "[]", "null", "\"x\"", "name=x", "{\"name\":\"\\ud800\"}", &nested, &too_long] {
            let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
            world.call(method, &path, &headers, body.to_owned()).await.problem(400, "body");
        }
        let as_form = [("Authorization", bearer.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
        world.call(method, &path, &as_form, "{}").await.problem(400, "Content-Type");
    }
    world.charge(&charge_of("ali_web", "1")).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_are_shown_by_mode_in_pages_newest_first() {
    let world = World::start().await;
    let path = |query: &str| format!("/apps/{}/incidents{query}", world.app.app_id);
    for number in 0..60 {
        let id = world.charged(&number.to_string()).await;
        world.play(&id, "pay", json!({ "totalAmount": "0.01" })).await;
        world.advance(1).await;
    }
    let first = world.admin("GET", &path("?mode=test"), Value::Null).await.done(200);
    assert_eq!(first["items"].as_array().unwrap().len(), 50);
    let cursor: String = form_urlencoded::byte_serialize(first["cursor"].as_str().unwrap().as_bytes()).collect();
    let second = world.admin("GET", &path(&format!("?mode=test&cursor={cursor}")), Value::Null).await.done(200);
    assert_eq!(second["cursor"], Value::Null);
    let bills = [texts(&first["items"], "billNum"), texts(&second["items"], "billNum")].concat();
    let expect: Vec<String> = (0..60).rev().map(|number: i32| number.to_string()).collect();
    assert_eq!(bills, expect);
    assert_eq!(world.admin("GET", &path("?mode=live"), Value::Null).await.done(200)["items"], json!([]));
    world.admin("GET", &path(""), Value::Null).await.problem(400, "mode");
    world.admin("GET", &path("?mode=both"), Value::Null).await.problem(400, "mode");
    world.end().await;
}
