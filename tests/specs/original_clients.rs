//! The original clients: their headers, bodies and odd values (docs/original-clients.md). They work after a change of the host name
//! alone.

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    credentials::signed,
    world::{START_MS, World, master},
};

/// A token of the original's user service, which is not one of ours.
const FOREIGN_TOKEN: &str = "r:b5e3a2f1c0d94e1f8a7b6c5d4e3f2a1b";
/// As in the samples of the PHP guide.
const UUID: &str = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";

/// The PHP SDK sends only a session token.
async fn php(world: &World, path: &str, body: Value) -> Answer {
    let token = world.session(3600).await;
    let headers = [
        ("Content-Type", "application/json;charset=utf-8;"),
        ("X-ML-Session-Token", token.as_str()),
        ("X-ML-AppId", &world.app.app_id),
    ];
    world.call("POST", path, &headers, body.to_string()).await
}

/// The Android SDK signs the client key, sends the token of the signed-in user, and names the app; the name may be Chinese.
async fn android(world: &World, path: &str, body: Value) -> Answer {
    let sign = signed(&world.app.test.client_key, START_MS);
    let headers = [
        ("Content-Type", "application/json"),
        ("X-ML-AppId", world.app.app_id.as_str()),
        ("X-ML-Request-Sign", &sign),
        ("X-ML-Session-Token", FOREIGN_TOKEN),
        ("User-Agent", "茶馆/3.2/Pixel 8/34"),
    ];
    world.call("POST", path, &headers, body.to_string()).await
}

/// The iOS SDK sends the same headers.
async fn ios(world: &World, path: &str, body: Value) -> Answer {
    android(world, path, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn php_charges_with_an_empty_array_and_a_uuid_and_reads_the_record() {
    let world = World::start().await;
    let charge = json!({
        "channel": "ali_web", "totalFee": 1, "billNum": UUID, "subject": "一杯茶", "extras": [],
        "returnUrl": "https://shop.example/back", "showUrl": "", "openid": "", "clientIp": "",
    });
    let charged = php(&world, "/2.0/maxpay/bill", charge).await.ok();
    assert!(charged["ali_web"].is_string(), "{charged}");
    let found = php(&world, "/2.0/maxpay/records", json!({ "billNum": UUID, "channel": "" })).await.ok();
    assert_eq!(found["results"][0]["id"], charged["id"]);
    assert!(found["results"][0].get("extras").is_none(), "{found}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn php_asks_by_get_with_the_same_json_in_para() {
    let world = World::start().await;
    world.charged(UUID).await;
    let para = json!({ "billNum": UUID }).to_string();
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("para", &para).finish();
    let found = world.call("GET", &format!("/2.0/maxpay/records?{query}"), &master(&world.app), "").await.ok();
    assert_eq!(found["results"][0]["billNum"], UUID);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn android_charges_while_a_user_is_signed_in_and_asks_with_and_without_a_channel() {
    let world = World::start().await;
    let charge = json!({
        "channel": "ali_app", "billNum": "android-1", "totalFee": 1, "subject": "tea", "billTimeout": 600,
        "extras": { "type": "shopping" },
    });
    let charged = android(&world, "/2.0/maxpay/bill", charge).await.ok();
    assert!(charged["ali_app"].is_string(), "{charged}");
    for asked in
        [json!({}), json!({ "channel": "ali_app" }), json!({ "channel": "" }), json!({ "skip": 0, "limit": 1 })]
    {
        let body = crate::world::with(json!({ "billNum": "android-1" }), &asked);
        let found = android(&world, "/2.0/maxpay/records", body).await.ok();
        assert_eq!(found["results"][0]["extras"]["type"], "shopping", "{asked}");
    }
    world.end().await;
}

/// The Android SDK reads `code` with `getInt`, which throws where it is absent.
#[tokio::test(flavor = "multi_thread")]
async fn android_finds_a_code_in_every_answer() {
    let world = World::start().await;
    let none = android(&world, "/2.0/maxpay/records", json!({ "billNum": "nobody's" })).await.ok();
    assert_eq!(none["results"], json!([]));
    android(&world, "/2.0/maxpay/records", json!({})).await.refused(4, "billNum");
    android(&world, "/2.0/maxpay/bill", json!({ "channel": "paypal" })).await.refused(3, "channel");
    android(&world, "/2.0/maxpay/bill", json!({ "channel": "ali_app", "billNum": "1" })).await.refused(4, "totalFee");
    world.end().await;
}

/// `AUTOMATIC` leaves the choice to a page; `/bill` has no such page.
#[tokio::test(flavor = "multi_thread")]
async fn an_automatic_channel_is_told_that_it_needs_a_checkout() {
    let world = World::start().await;
    let charge = json!({ "channel": "", "billNum": "1", "totalFee": 1, "subject": "tea" });
    android(&world, "/2.0/maxpay/bill", charge).await.refused(4, "AUTOMATIC, which needs a checkout");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ios_charges_without_a_return_url_and_with_an_empty_one() {
    let world = World::start().await;
    let charge = json!({
        "channel": "ali_app", "billNum": "ios-1", "totalFee": 1, "subject": "tea", "returnUrl": "", "extras": {},
    });
    ios(&world, "/2.0/maxpay/bill", charge).await.ok();
    let page = json!({ "channel": "ali_web", "billNum": "ios-1", "totalFee": 1, "subject": "tea", "returnUrl": "" });
    ios(&world, "/2.0/maxpay/bill", page).await.refused(4, "returnUrl");
    let found = ios(&world, "/2.0/maxpay/records", json!({ "billNum": "ios-1" })).await.ok();
    assert_eq!(found["results"].as_array().unwrap().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn react_native_on_ios_names_the_bill_by_its_older_name() {
    let world = World::start().await;
    world.charged("rn-1").await;
    let found = ios(&world, "/2.0/maxpay/records", json!({ "billNo": "rn-1" })).await.ok();
    assert_eq!(found["results"][0]["billNum"], "rn-1");
    ios(&world, "/2.0/maxpay/records", json!({ "billNo": 1 })).await.refused(5, "billNo");
    world.end().await;
}

/// One bill with the longest number is charged, queried, paid, refunded and delivered; another is closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_bill_number_of_64_characters_goes_through_every_call() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    let (paid, open) = ("p".repeat(64), "o".repeat(64));
    let post = async |path: &str, body: Value| world.post_as(&master(&world.app), path, body.to_string()).await;
    let id = world.paid(&paid).await;
    assert_eq!(world.record(&paid).await["id"], id.as_str());
    let told: [Value; 1] = {
        world.advance(0).await;
        world.inbox("shop").await
    };
    assert!(told[0].to_string().contains(&paid), "{}", told[0]);
    post("/2.0/maxpay/sync", json!({ "billNum": paid })).await.ok();
    let refund = json!({ "billNum": paid, "refundNum": "R-1", "refundFee": 9900 });
    post("/2.0/maxpay/refund", refund).await.ok();
    let refunds = post("/2.0/maxpay/refunds", json!({ "billNum": paid })).await.ok();
    assert!(refunds.to_string().contains("R-1"), "{refunds}");
    assert_eq!(world.record(&paid).await["status"], "refund");
    world.charged(&open).await;
    post("/2.0/maxpay/close", json!({ "billNum": open, "channel": "ali_qrcode" })).await.ok();
    assert_eq!(world.record(&open).await["status"], "closed");
    let path = format!("/apps/{}/transactions?mode=test&billNum={open}", world.app.app_id);
    let found = world.admin("GET", &path, Value::Null).await.done(200);
    assert_eq!(found["items"][0]["billNum"], open.as_str());
    world.advance(0).await;
    world.end().await;
}

/// The iOS SDK joins `/2.0/` and `/maxpay/records`. 308 keeps the method and the body.
#[tokio::test(flavor = "multi_thread")]
async fn ios_is_sent_from_two_slashes_to_one() {
    let world = World::start().await;
    world.charged("ios-2").await;
    for call in ["bill", "records"] {
        let sent_on = ios(&world, &format!("/2.0//maxpay/{call}"), json!({ "billNum": "ios-2" })).await;
        assert_eq!(sent_on.location(308), format!("/2.0/maxpay/{call}"));
    }
    let location = ios(&world, "/2.0//maxpay/records", json!({ "billNum": "ios-2" })).await.location(308);
    let found = ios(&world, &location, json!({ "billNum": "ios-2" })).await.ok();
    assert_eq!(found["results"][0]["billNum"], "ios-2");
    for other in ["//evil.example/2.0/maxpay/bill", "/2.0//maxpay/", "/2.0//admin/v1/apps", "/2.0/maxpay/nothing"] {
        assert_eq!(ios(&world, &format!("{}{other}", world.url), json!({})).await.status, 404, "{other}");
    }
    world.end().await;
}
