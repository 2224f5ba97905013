//! A mask keeps the saved value only while the address stays the same. Otherwise somebody who may change an address, but may not
//! see a secret, could send the secret to an address of their own.

use serde_json::{Value, json};

use crate::{
    console::Visitor,
    world::{World, test_channel, with},
};

const SECRET: &str = "the-owners-header";
const TOKEN: &str = "token=the-owners-query";

fn hook_path(world: &World, hook: &Value) -> String {
    format!("/apps/{}/webhooks/{}", world.app.app_id, hook["id"].as_str().unwrap())
}

/// A webhook with a secret in a header and another in its query.
async fn secretive(world: &World) -> Value {
    world.must_stay_secret(SECRET);
    world.must_stay_secret(TOKEN);
    let url = format!("{}/_local/receiver/shop?{TOKEN}", world.url);
    world.webhook_to("shop", &json!({ "target": { "url": url, "headers": { "Authorization": SECRET } } })).await
}

fn edit(url: &str, authorization: &str) -> Value {
    json!({ "mode": "test", "target": { "url": url, "headers": { "Authorization": authorization } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_header_and_a_masked_query_go_to_no_other_address() {
    let world = World::start().await;
    let hook = secretive(&world).await;
    let path = hook_path(&world, &hook);
    let (_, port) = world.url.rsplit_once(':').unwrap();
    let elsewhere = [
        format!("http://localhost:{port}/_local/receiver/thief"),
        format!("https://127.0.0.1:{port}/_local/receiver/thief"),
        "http://127.0.0.1:1/_local/receiver/thief".to_owned(),
        "http://127.0.0.1/_local/receiver/thief".to_owned(),
    ];
    for url in &elsewhere {
        let refused = world.admin("PUT", &path, edit(url, "***")).await;
        refused.problem(400, "another address");
        assert_eq!(refused.json()["field"], "target.headers", "{url}");
        let refused = world.admin("PUT", &path, edit(&format!("{url}?***"), "new")).await;
        refused.problem(400, "another address");
        assert_eq!(refused.json()["field"], "target.url", "{url}");
    }
    // A change to a function and back does not help, either: the values that were saved for the address are deleted then.
    world.admin("PUT", &path, json!({ "mode": "test", "target": { "function": "webhook-x" } })).await.done(200);
    for body in [edit(&elsewhere[0], "***"), edit(&format!("{}?***", elsewhere[0]), "new")] {
        world.admin("PUT", &path, body.clone()).await.problem(400, "is masked, but no");
        let hooks = format!("/apps/{}/webhooks", world.app.app_id);
        world.admin("POST", &hooks, body).await.problem(400, "is masked, but no");
    }
    // If it is typed again, it is sent to any address.
    world.admin("PUT", &path, edit(&elsewhere[0], "typed-anew")).await.done(200);
    world.admin("POST", &format!("{path}/test"), json!({})).await.done(200);
    let [arrived] = world.inbox("thief").await;
    assert_eq!(arrived["headers"]["authorization"], "typed-anew");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_can_be_edited_and_saved() {
    let world = World::start().await;
    let hook = secretive(&world).await;
    let path = hook_path(&world, &hook);
    let shown = format!("{}/_local/receiver/shop?***", world.url);
    assert_eq!(hook["target"], json!({ "url": shown, "headers": { "Authorization": "***" } }));
    // Another path at the same host keeps both.
    let moved = shown.replace("/shop?", "/moved?");
    let saved = world.admin("PUT", &path, edit(&moved, "***")).await;
    assert_eq!(saved.done(200)["target"]["url"], moved);
    let tested = world.admin("POST", &format!("{path}/test"), json!({})).await;
    assert_eq!(tested.done(200)["request"]["url"], moved);
    let [arrived] = world.inbox("moved").await;
    assert_eq!(arrived["headers"]["authorization"], SECRET);
    assert!(arrived["path"].as_str().unwrap().ends_with(&format!("?{TOKEN}")), "{arrived}");
    // A typed query replaces the saved one.
    let typed = moved.replace("***", "a=1");
    world.admin("PUT", &path, edit(&typed, "***")).await.done(200);
    world.admin("POST", &format!("{path}/test"), json!({})).await.done(200);
    let [_, arrived] = world.inbox("moved").await;
    assert!(arrived["path"].as_str().unwrap().ends_with("?a=1"), "{arrived}");

    let app = &world.app.app_id;
    let listed = world.admin("GET", &format!("/apps/{app}/webhooks"), Value::Null).await;
    let log = world.admin("GET", "/audit", Value::Null).await;
    let page = Visitor::owner(&world).await.get(&world, &format!("/apps/{app}/webhooks?mode=test")).await;
    for answer in [&saved, &tested, &listed, &log, &page] {
        assert!(!answer.text().contains(SECRET) && !answer.text().contains(TOKEN), "{}", answer.text());
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_holds_nothing_that_is_never_sent() {
    let world = World::start().await;
    let hooks = format!("/apps/{}/webhooks", world.app.app_id);
    #[rustfmt::skip]
    let cases = [
        ("https://me@shop.example/",        "no user"),
        ("https://me:hush@shop.example/",   "no user"),
        ("https://:hush@shop.example/paid", "no user"),
        ("https://shop.example/#hush",      "no #"),
    ];
    for (url, words) in cases {
        let refused = world.admin("POST", &hooks, json!({ "mode": "test", "target": { "url": url } })).await;
        refused.problem(400, words);
        assert_eq!(refused.json()["field"], "target.url", "{url}");
    }
    world
        .admin("POST", &hooks, json!({ "mode": "test", "target": { "url": "https://shop.example/a@b" } }))
        .await
        .done(201);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_key_signs_for_no_other_gateway() {
    let world = World::start().await;
    let path = test_channel(&world.app);
    let check = path.replace("/ali?", "/ali/check?");
    let settings = world.merchant("openapi").await;
    world.configure(&world.app, &settings).await;
    let gateway = settings["gateway"].as_str().unwrap();
    let masked = with(settings.clone(), &json!({ "privateKey": "***" }));
    let strange = [
        json!({ "gateway": gateway.replace("127.0.0.1", "localhost") }),
        json!({ "gateway": gateway.replace("http:", "https:") }),
        json!({ "gateway": "http://127.0.0.1:1/gateway.do" }),
        json!({ "gateway": null }),
        json!({ "protocol": "mapi", "partner": "2088000000000001", "appId": null }),
    ];
    for change in strange {
        for (method, path) in [("PUT", &path), ("POST", &check)] {
            let refused = world.admin(method, path, with(masked.clone(), &change)).await;
            refused.problem(400, "another gateway");
            assert_eq!(refused.json()["field"], "privateKey", "{change}");
        }
    }
    let moved = json!({ "gateway": gateway.replace("127.0.0.1", "localhost"), "privateKey": settings["privateKey"] });
    world.admin("PUT", &path, with(masked.clone(), &moved)).await.done(200);
    world.admin("PUT", &path, masked.clone()).await.problem(400, "another gateway");
    // The provider's own gateway is the same, whether it is named or not.
    let live = path.replace("mode=test", "mode=live");
    let own = with(settings, &json!({ "gateway": null }));
    world.admin("PUT", &live, own).await.done(200);
    let named = json!({ "gateway": "https://openapi.alipay.com/gateway.do" });
    world.admin("PUT", &live, with(masked, &named)).await.done(200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_password_opens_no_other_file() {
    let world = World::start().await;
    let settings =
        world.call("GET", "/_local/simulator/unionpay/settings", &[], "").await.done(200)["unipay_app"].clone();
    let path = format!("/apps/{}/channels/unipay_app?mode=test", world.app.app_id);
    world.admin("PUT", &path, settings.clone()).await.done(200);
    let refused = world.admin("PUT", &path, with(settings.clone(), &json!({ "pfxPassword": "***" }))).await;
    refused.problem(400, "another file");
    assert_eq!(refused.json()["field"], "pfxPassword");
    world.admin("PUT", &path, with(settings.clone(), &json!({ "pfx": "***" }))).await.done(200);
    world.admin("PUT", &path, with(settings, &json!({ "pfx": "***", "pfxPassword": "***" }))).await.done(200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consoles_forms_keep_as_little() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let app = format!("/apps/{}", world.app.app_id);
    let settings = world.merchant("openapi").await;
    world.configure(&world.app, &settings).await;
    let text = |name: &str| settings[name].as_str().unwrap();
    let gateway = text("gateway").replace("127.0.0.1", "localhost");
    let mut fields = vec![("mode", "test"), ("protocol", "openapi"), ("privateKey", ""), ("gateway", &gateway)];
    fields.extend(["appId", "alipayPublicKey"].map(|name| (name, text(name))));
    for button in ["save", "check"] {
        let page = format!("{app}/channels/ali?mode=test");
        let answer = owner.post(&world, &page, &[&fields[..], &[("do", button)]].concat()).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(answer.text().contains("saved value is for another gateway") && answer.text().contains(&gateway));
    }
    let hook = secretive(&world).await;
    let page = format!("{}?mode=test", hook_path(&world, &hook));
    let form = async |url: &str, headers: &str| {
        let fields = [("do", "save"), ("kind", "url"), ("url", url), ("headers", headers), ("mode", "test")];
        owner.post(&world, &page, &[&fields[..], &[("event", "payment.success")]].concat()).await
    };
    let kept = "Authorization: ***";
    let answer = form("http://127.0.0.1:1/thief", kept).await;
    assert!(answer.status == 422 && answer.text().contains("saved value is for another address"), "{}", answer.text());
    assert!(answer.text().contains(kept) && answer.text().contains("http://127.0.0.1:1/thief"));
    let answer = form("http://127.0.0.1:1/thief?***", "X: y").await;
    assert!(answer.status == 422 && answer.text().contains("Its query is masked"), "{}", answer.text());
    assert_eq!(form(&format!("{}/_local/receiver/shop?***", world.url), kept).await.status, 303);
    world.admin("POST", &format!("{}/test", hook_path(&world, &hook)), json!({})).await.done(200);
    let [arrived] = world.inbox("shop").await;
    assert_eq!(arrived["headers"]["authorization"], SECRET);
    world.end().await;
}
