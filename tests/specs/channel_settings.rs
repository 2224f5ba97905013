//! Channel settings: problems are reported when they are saved, and no secret is ever shown again.

use domain::Family;
use serde_json::{Value, json};

use crate::{
    channels::names_of,
    world::{World, charge_of, test_channel, texts, with, without},
};

const LEGACY_PRIVATE: &str = include_str!("../../infra/simulators/keys/alipay/mapi/merchant_private.pem");
const LEGACY_PUBLIC: &str = include_str!("../../infra/simulators/keys/alipay/mapi/alipay_public.pem");
const APP_PUBLIC: &str = include_str!("../../infra/simulators/keys/alipay/openapi/app_public.pem");
const APP_PRIVATE: &str = include_str!("../../infra/simulators/keys/alipay/openapi/app_private.pem");
const APP_CERT: &str = include_str!("../../infra/simulators/keys/alipay/openapi-cert/app_cert.crt");
const ALIPAY_CERT: &str = include_str!("../../infra/simulators/keys/alipay/openapi-cert/alipay_cert.crt");
const MERCHANT_PUBLIC: &str = include_str!("../../infra/simulators/keys/alipay/mapi/merchant_public.pem");

/// A part from the middle of a key: no answer may contain it.
fn stretch(key: &Value) -> String {
    let key = key.as_str().unwrap();
    let middle = key.len() / 2;
    key.get(middle..(middle + 40).min(key.len())).unwrap().to_owned()
}

/// The saved settings, without the account information that comes with another account.
fn without_accounts(saved: Value) -> Value {
    without(without(saved, "account"), "previousAccounts")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_any_protocol_ever_comes_back() {
    let world = World::start().await;
    let path = test_channel(&world.app);
    #[rustfmt::skip]
    let cases = [
        ("openapi",     &["privateKey"][..]),
        ("openapiCert", &["privateKey"]),
        ("mapi",        &["privateKey", "md5Key"]),
    ];
    for (kind, secrets) in cases {
        let settings = world.merchant(kind).await;
        let masks: Value = secrets.iter().map(|secret| ((*secret).to_owned(), json!("***"))).collect();
        let masked = with(settings.clone(), &masks);
        let saved = world.admin("PUT", &path, settings.clone()).await;
        assert_eq!(without_accounts(saved.done(200)), masked, "{kind}");
        let shown = world.admin("GET", &path, Value::Null).await;
        assert_eq!(shown.done(200), masked, "{kind}");
        let app = world.admin("GET", &format!("/apps/{}", world.app.app_id), Value::Null).await;
        let charged = world.charge(&charge_of("ali_web", kind)).await;
        charged.ok();
        for secret in secrets.iter().map(|secret| stretch(&settings[secret])) {
            world.must_stay_secret(&secret);
            for answer in [&saved, &shown, &app, &charged] {
                assert!(!answer.text().contains(&secret), "{kind} {}", answer.text());
            }
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_can_be_read_edited_and_saved() {
    let world = World::start().await;
    let path = test_channel(&world.app);
    for (kind, channel) in [("openapi", "ali_qrcode"), ("openapiCert", "ali_qrcode"), ("mapi", "ali_app")] {
        world.admin("PUT", &path, world.merchant(kind).await).await.done(200);
        let shown = world.admin("GET", &path, Value::Null).await.done(200);
        world.admin("PUT", &path, shown).await.done(200);
        world.charge(&charge_of(channel, kind)).await.ok();
    }
    let nothing_saved = test_channel(&world.new_app("other").await);
    let masked = with(world.merchant("openapi").await, &json!({ "privateKey": "***" }));
    let refused = world.admin("PUT", &nothing_saved, masked).await;
    refused.problem(400, "privateKey");
    assert_eq!(refused.json()["field"], "privateKey");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_settings_are_code_2_and_the_old_records_stay() {
    let world = World::start().await;
    let id = world.paid("1").await;
    let path = test_channel(&world.app);
    world.admin("DELETE", &path, Value::Null).await.done(204);
    world.admin("GET", &path, Value::Null).await.problem(404, "configured");
    world.admin("DELETE", &path, Value::Null).await.problem(404, "configured");
    for channel in names_of(Family::Ali) {
        world.charge(&charge_of(channel, "2")).await.refused(2, channel);
    }
    for question in [json!({}), json!({ "billNum": "1" }), json!({ "channel": "ali" }), json!({ "status": "success" })]
    {
        assert_eq!(texts(&world.records(&question).await.ok()["results"], "id"), [id.as_str()], "{question}");
    }
    let masked = with(world.merchant("openapi").await, &json!({ "privateKey": "***" }));
    world.admin("PUT", &path, masked).await.problem(400, "privateKey");
    world.configure(&world.app, &json!({ "protocol": "simulator" })).await;
    world.charge(&charge_of("ali_web", "2")).await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notify_for_deleted_settings_is_sent_again_until_they_are_back() {
    let world = World::start().await;
    let id = world.charged("1").await;
    world.admin("DELETE", &test_channel(&world.app), Value::Null).await.done(204);
    let trade = world.play(&id, "pay", json!({})).await;
    assert_eq!(trade["notifies"][0]["attempts"][0]["status"], 400);
    world.configure(&world.app, &json!({ "protocol": "simulator" })).await;
    assert_eq!(world.record("1").await["status"], "created");
    world.advance(4 * 60_000).await;
    assert_eq!(world.record("1").await["status"], "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_and_test_settings_are_apart() {
    let world = World::start().await;
    let live = format!("/apps/{}/channels/ali?mode=live", world.app.app_id);
    world.admin("GET", &live, Value::Null).await.problem(404, "configured");
    world.admin("PUT", &live, world.merchant("openapiCert").await).await.done(200);
    assert_eq!(
        world.admin("GET", &test_channel(&world.app), Value::Null).await.done(200),
        json!({ "protocol": "simulator" })
    );
    world.admin("DELETE", &test_channel(&world.app), Value::Null).await.done(204);
    assert_eq!(world.admin("GET", &live, Value::Null).await.done(200)["appId"], "2021000000000002");
    let without_mode = format!("/apps/{}/channels/ali", world.app.app_id);
    for method in ["GET", "PUT", "DELETE"] {
        let body = if method == "PUT" { json!({ "protocol": "simulator" }) } else { Value::Null };
        world.admin(method, &without_mode, body.clone()).await.problem(400, "mode");
        world.admin(method, &format!("{without_mode}?mode=prod"), body).await.problem(400, "mode");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulator_takes_no_real_money() {
    let world = World::start().await;
    let live = format!("/apps/{}/channels/ali?mode=live", world.app.app_id);
    let refused = world.admin("PUT", &live, json!({ "protocol": "simulator" })).await;
    refused.problem(400, "simulator");
    assert_eq!(refused.json()["field"], "protocol");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_without_settings_is_empty_until_some_are_saved() {
    let world = World::start().await;
    for tab in ["wx_app", "wx_mp", "unipay_app", "unipay_web"] {
        let path = format!("/apps/{}/channels/{tab}?mode=live", world.app.app_id);
        world.admin("GET", &path, Value::Null).await.problem(404, "configured");
        world.admin("PUT", &path, json!({ "protocol": "simulator" })).await.problem(400, "simulator");
        world.admin("PUT", &path, json!({})).await.problem(400, "");
        world.admin("GET", &path, Value::Null).await.problem(404, "configured");
    }
    world.end().await;
}

/// Each row: the change in good settings, the named field, and helpful words.
#[rustfmt::skip]
fn open_platform_mistakes() -> Vec<(Value, &'static str, &'static str)> {
    vec![
        (json!({ "alipayPublicKey": APP_PUBLIC }),      "alipayPublicKey", "your own public key"),
        (json!({ "privateKey": APP_PUBLIC }),           "privateKey",      "this is a public key"),
        (json!({ "alipayPublicKey": APP_PRIVATE }),     "alipayPublicKey", "this is a private key"),
        (json!({ "alipayPublicKey": ALIPAY_CERT }),     "alipayPublicKey", "PEM blocks"),
        (json!({ "alipayPublicKey": APP_CERT }),        "alipayPublicKey", "this is a certificate"),
        (json!({ "privateKey": APP_CERT }),             "privateKey",      "this is a certificate"),
        (json!({ "privateKey": LEGACY_PRIVATE }),       "privateKey",      "1024 bits"),
        (json!({ "alipayPublicKey": LEGACY_PUBLIC }),   "alipayPublicKey", "1024 bits"),
        (json!({ "privateKey": "not a key!" }),         "privateKey",      "neither PEM nor base64"),
        (json!({ "privateKey": "AAAA" }),               "privateKey",      "neither a key nor a certificate"),
        (json!({ "alipayPublicKey": "AAAA" }),          "alipayPublicKey", "neither a key nor a certificate"),
        (json!({ "privateKey": "" }),                   "privateKey",      "empty"),
        (json!({ "privateKey": null }),                 "privateKey",      "missing"),
        (json!({ "privateKey": 7 }),                    "privateKey",      "string"),
        (json!({ "privateKey": "x".repeat(17_000) }),   "privateKey",      "longer"),
        (json!({ "alipayPublicKey": null }),            "alipayPublicKey", "missing"),
        (json!({ "appId": null }),                      "appId",           "missing"),
        (json!({ "appId": "wx123" }),                   "appId",           "digits"),
        (json!({ "sellerId": "1088000000000001" }),     "sellerId",        "2088"),
        (json!({ "protocol": null }),                   "protocol",        "openapi"),
        (json!({ "protocol": "v3" }),                   "protocol",        "openapi"),
        (json!({ "privatekey": "x" }),                  "privatekey",      "is not a setting"),
        (json!({ "md5Key": "x" }),                      "md5Key",          "is not a setting"),
        (json!({ "appCert": APP_CERT }),                "alipayPublicKey", "together with certificates"),
        (json!({ "gateway": "ftp://alipay.example/" }), "gateway",         "https"),
        (json!({ "gateway": "openapi.alipay.com" }),    "gateway",         "URL"),
        (json!({ "gateway": "https://a:b@c.example/" }), "gateway",        "user"),
        (json!({ "gateway": "https://a.example/?x=1" }), "gateway",        "?"),
    ]
}

#[rustfmt::skip]
fn certificate_mistakes() -> Vec<(Value, &'static str, &'static str)> {
    vec![
        (json!({ "appCert": null }),                    "appCert",         "missing"),
        (json!({ "alipayCert": null }),                 "alipayCert",      "missing"),
        (json!({ "alipayRootCert": null }),             "alipayRootCert",  "missing"),
        (json!({ "appCert": ALIPAY_CERT }),             "appCert",         "private key"),
        (json!({ "alipayCert": APP_CERT }),             "alipayCert",      "your own"),
        (json!({ "alipayCert": "x y z" }),              "alipayCert",      ""),
        (json!({ "alipayCert": APP_PUBLIC }),           "alipayCert",      ""),
        (json!({ "alipayRootCert": "AAAA" }),           "alipayRootCert",  ""),
        (json!({ "alipayRootCert": APP_PUBLIC }),       "alipayRootCert",  ""),
        (json!({ "privateKey": APP_PRIVATE }),          "appCert",         "private key"),
    ]
}

#[rustfmt::skip]
fn legacy_mistakes() -> Vec<(Value, &'static str, &'static str)> {
    vec![
        (json!({ "partner": null }),                    "partner",         "missing"),
        (json!({ "partner": "3088000000000003" }),      "partner",         "2088"),
        (json!({ "sellerId": "shop" }),                 "sellerId",        "2088"),
        (json!({ "alipayPublicKey": MERCHANT_PUBLIC }), "alipayPublicKey", "your own public key"),
        (json!({ "privateKey": LEGACY_PUBLIC }),        "privateKey",      "this is a public key"),
        (json!({ "md5Key": "two words" }),              "md5Key",          "security key"),
        (json!({ "md5Key": null, "privateKey": null, "alipayPublicKey": null }), "md5Key", "missing"),
        (json!({ "md5Key": null, "alipayPublicKey": null }), "alipayPublicKey", "missing"),
        (json!({ "privateKey": null }),                 "alipayPublicKey", "privateKey"),
        (json!({ "appId": "2021000000000001" }),        "appId",           "is not a setting"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_is_named_with_words_that_help() {
    let world = World::start().await;
    let path = test_channel(&world.app);
    let tables =
        [("openapi", open_platform_mistakes()), ("openapiCert", certificate_mistakes()), ("mapi", legacy_mistakes())];
    for (kind, mistakes) in tables {
        let good = world.merchant(kind).await;
        let secret = stretch(&good["privateKey"]);
        for (change, field, words) in mistakes {
            let refused = world.admin("PUT", &path, with(good.clone(), &change)).await;
            assert_eq!(refused.status, 400, "{kind} {change}");
            refused.problem(400, words);
            assert_eq!(refused.json()["field"], field, "{kind} {change} {}", refused.text());
            assert!(!refused.text().contains(&secret), "{}", refused.text());
        }
    }
    // Nothing of it was saved.
    assert_eq!(world.admin("GET", &path, Value::Null).await.done(200), json!({ "protocol": "simulator" }));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_in_a_public_place_is_not_shown() {
    let world = World::start().await;
    let settings = world.merchant("openapi").await;
    let swapped = with(settings.clone(), &json!({ "alipayPublicKey": settings["privateKey"] }));
    let refused = world.admin("PUT", &test_channel(&world.app), swapped).await;
    refused.problem(400, "this is a private key");
    assert!(!refused.text().contains(&stretch(&settings["privateKey"])));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_taken_as_pem_or_as_bare_base64() {
    let world = World::start().await;
    let good = world.merchant("openapi").await;
    let bare = good["privateKey"].as_str().unwrap().to_owned();
    let wrapped: String =
        bare.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned() + "\r\n").collect();
    for private_key in
        [APP_PRIVATE.to_owned(), bare.clone(), wrapped, format!("\u{feff}{APP_PRIVATE}\n\n"), format!("  {bare}  ")]
    {
        world.configure(&world.app, &with(good.clone(), &json!({ "privateKey": private_key }))).await;
        world.charge(&charge_of("ali_qrcode", "1")).await.ok();
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_settings_are_in_force_at_the_next_charge() {
    let world = World::start().await;
    world.configure(&world.app, &world.merchant("openapi").await).await;
    let id = world.charged("1").await;
    world.configure(&world.app, &world.merchant("openapiCert").await).await;
    let other = world.charged("2").await;
    let merchants = [world.trade(&id).await, world.trade(&other).await].map(|trade| trade["merchant"].clone());
    assert_eq!(merchants, ["2021000000000001", "2021000000000002"]);
    let without_seller = without(world.merchant("openapi").await, "sellerId");
    world.configure(&world.app, &without_seller).await;
    let id = world.charged("3").await;
    world.play(&id, "pay", json!({})).await;
    assert_eq!(world.record("3").await["status"], "success");
    world.end().await;
}
