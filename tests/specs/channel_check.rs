//! A check of channel settings reports what it proved about each setting. After an answer that could not be verified it never
//! reports that all is well.

use serde_json::{Value, json};

use crate::{
    console::Visitor,
    world::{World, test_channel, texts, with, without},
};

const OTHER_PUBLIC: &str = include_str!("../../infra/simulators/keys/wechat/wechatpay_b_public.pem");
const OTHER_ALIPAY: &str = include_str!("../../infra/simulators/keys/alipay/openapi/alipay_public.pem");
const OTHER_PRIVATE: &str = include_str!("../../infra/simulators/keys/other_private.pem");
const WRONG_KEY: &str = "0123456789abcdef0123456789abcdef";

async fn simulated(world: &World, provider: &str) -> Value {
    world.call("GET", &format!("/_local/simulator/{provider}/settings"), &[], "").await.done(200)
}

async fn wechat(world: &World, kind: &str) -> Value {
    simulated(world, "wechat").await[kind]["wx_mp"].clone()
}

async fn check(world: &World, tab: &str, settings: Value) -> Value {
    let path = format!("/apps/{}/channels/{tab}/check?mode=test", world.app.app_id);
    world.admin("POST", &path, settings).await.done(200)
}

/// The fields with this result, and each reason.
#[track_caller]
fn fields(report: &Value, result: &str) -> (String, String) {
    let found: Vec<&Value> =
        report["settings"].as_array().unwrap().iter().filter(|one| one["result"] == result).collect();
    let found = json!(found);
    assert!(texts(&found, "why").iter().all(|why| why.is_empty() == (result == "tested")), "{report}");
    (texts(&found, "field").join(" "), texts(&found, "why").join(" | "))
}

#[tokio::test(flavor = "multi_thread")]
async fn good_settings_are_proved_one_by_one() {
    let world = World::start().await;
    let wechat = simulated(&world, "wechat").await;
    let alipay = simulated(&world, "alipay").await;
    let unionpay = simulated(&world, "unionpay").await;
    #[rustfmt::skip]
    let cases = [
        ("wx_mp", &wechat["v3Certificate"]["wx_mp"], "verified", "mchId apiV3Key privateKey certSerial platformCerts gateway appSecret", "appId liteAppId"),
        ("wx_mp", &wechat["v3PublicKey"]["wx_mp"],   "verified", "mchId privateKey certSerial publicKeyId publicKey gateway appSecret", "appId apiV3Key liteAppId"),
        ("wx_mp", &wechat["v3Both"]["wx_mp"],        "verified", "mchId apiV3Key privateKey certSerial publicKeyId publicKey platformCerts gateway appSecret", "appId liteAppId"),
        ("wx_mp", &wechat["v2Md5"]["wx_mp"],         "verified", "mchId appId apiKey signType gateway appSecret", "liteAppId"),
        ("wx_app", &wechat["v2HmacSha256"]["wx_app"], "verified", "mchId appId apiKey signType gateway", ""),
        ("ali", &alipay["openapi"],                  "verified", "appId privateKey alipayPublicKey gateway", "sellerId"),
        ("ali", &alipay["openapiCert"],              "verified", "appId privateKey appCert alipayRootCert alipayCert gateway", "sellerId"),
        ("ali", &alipay["mapi"],                     "accepted", "partner md5Key privateKey gateway", "sellerId alipayPublicKey"),
        ("unipay_app", &unionpay["unipay_app"],      "verified", "merId pfx pfxPassword rootCert middleCert cn gateway", "fileGateway"),
        ("unipay_web", &unionpay["unipay_web"],      "verified", "merId pfx pfxPassword rootCert middleCert cn gateway", "fileGateway"),
    ];
    for (tab, settings, provider, tested, untestable) in cases {
        let report = check(&world, tab, settings.clone()).await;
        assert_eq!((&report["ok"], &report["provider"]), (&json!(true), &json!(provider)), "{report}");
        assert_eq!(
            (fields(&report, "tested").0.as_str(), fields(&report, "untestable").0.as_str()),
            (tested, untestable)
        );
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_apiv3_key_is_never_verified() {
    let world = World::start().await;
    let wrong = json!({ "apiV3Key": WRONG_KEY });
    for kind in ["v3Certificate", "v3Both"] {
        for settings in [wechat(&world, kind).await, without(wechat(&world, kind).await, "platformCerts")] {
            let report = check(&world, "wx_mp", with(settings, &wrong)).await;
            let (field, why) = fields(&report, "wrong");
            assert_eq!((&report["ok"], field.as_str()), (&json!(false), "apiV3Key"), "{report}");
            assert!(why.contains("cannot decrypt what wechat pay encrypts"), "{report}");
        }
    }
    // Neither a public key nor a certificate is configured, and no certificate could be decrypted: nothing verified the answer.
    let bare = with(without(wechat(&world, "v3Certificate").await, "platformCerts"), &wrong);
    let report = check(&world, "wx_mp", bare).await;
    assert_eq!(
        (&report["provider"], fields(&report, "tested").0.as_str()),
        (&json!("unclear"), "appSecret"),
        "{report}"
    );
    assert!(report["words"].as_str().unwrap().contains("which is not known here"), "{report}");
    // For a merchant without certificates only a notify can prove it. The report tells this.
    let report = check(&world, "wx_mp", with(wechat(&world, "v3PublicKey").await, &wrong)).await;
    assert!(fields(&report, "untestable").1.contains("no platform certificates"), "{report}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let world = World::start().await;
    let alipay = simulated(&world, "alipay").await;
    let (both, bare) = (wechat(&world, "v3Both").await, wechat(&world, "v3PublicKey").await);
    let bare = without(without(bare, "publicKey"), "publicKeyId");
    #[rustfmt::skip]
    let cases = [
        ("wx_mp", with(both.clone(), &json!({ "publicKey": OTHER_PUBLIC })),              "unclear", "publicKey"),
        ("wx_mp", with(both, &json!({ "privateKey": OTHER_PRIVATE })),                    "refused", "mchId privateKey certSerial"),
        ("wx_mp", with(wechat(&world, "v3Both").await, &json!({ "appSecret": WRONG_KEY })), "verified", "appSecret"),
        ("wx_mp", bare,                                                                   "unclear", "publicKey"),
        ("wx_mp", with(wechat(&world, "v2Md5").await, &json!({ "apiKey": WRONG_KEY })),   "refused", ""),
        ("ali",   with(alipay["openapi"].clone(), &json!({ "privateKey": OTHER_PRIVATE })), "refused", "privateKey"),
        ("ali",   with(alipay["openapi"].clone(), &json!({ "appId": "2021000000000099" })), "refused", "appId"),
        ("ali",   with(alipay["mapi"].clone(), &json!({ "md5Key": WRONG_KEY })),          "refused", "md5Key"),
        ("ali",   with(alipay["mapi"].clone(), &json!({ "privateKey": OTHER_PRIVATE })),  "refused", "privateKey"),
        ("unipay_app", with(simulated(&world, "unionpay").await["unipay_app"].clone(), &json!({ "cn": "somebody" })), "unclear", "cn"),
    ];
    for (tab, settings, provider, wrong) in cases {
        let report = check(&world, tab, settings).await;
        assert_eq!((&report["ok"], &report["provider"]), (&json!(false), &json!(provider)), "{report}");
        assert_eq!(fields(&report, "wrong").0, wrong, "{report}");
    }
    // The Alipay key of another app verifies nothing.
    let other = without(with(alipay["openapi"].clone(), &json!({ "alipayPublicKey": OTHER_PUBLIC })), "sellerId");
    assert_ne!(other["alipayPublicKey"], json!(OTHER_ALIPAY));
    let report = check(&world, "ali", other).await;
    assert_eq!((fields(&report, "wrong").0.as_str(), fields(&report, "tested").0.as_str()), ("alipayPublicKey", ""));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_can_verify_proves_nothing() {
    let world = World::start().await;
    let settings = wechat(&world, "v3Both").await;
    #[rustfmt::skip]
    let faults = [
        ("unknownSerial", "unclear"),
        ("unsigned",      "unclear"),
        ("badSignature",  "unclear"),
        ("stale",         "unclear"),
        ("http500",       "unclear"),
    ];
    for (fault, provider) in faults {
        let body = json!({ "next": [fault] }).to_string();
        world.post_as(&[], "/_local/simulator/wechat/faults", body).await.done(200);
        let report = check(&world, "wx_mp", settings.clone()).await;
        assert_eq!((&report["ok"], &report["provider"]), (&json!(false), &json!(provider)), "{fault} {report}");
        // The certificates came in a separate answer, which proved these two. The public platform answered about the secret.
        assert_eq!(fields(&report, "tested").0, "apiV3Key platformCerts appSecret", "{fault} {report}");
    }
    for (fault, words) in [("unsigned", "unsigned"), ("badSignature", "does not match"), ("garbage", "")] {
        world.faults(&[fault]).await;
        let report = check(&world, "ali", world.merchant("openapi").await).await;
        assert_eq!((&report["ok"], &report["provider"]), (&json!(false), &json!("unclear")), "{fault} {report}");
        assert!(report["words"].as_str().unwrap().contains(words), "{fault} {report}");
        assert_eq!(fields(&report, "tested").0, "", "{fault} {report}");
    }
    let gone = with(world.merchant("openapi").await, &json!({ "gateway": "http://127.0.0.1:1/gateway.do" }));
    let report = check(&world, "ali", gone).await;
    assert_eq!((&report["ok"], &report["provider"]), (&json!(false), &json!("unreachable")), "{report}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_no_way_into_a_private_network() {
    let world = World::start().await;
    let path = test_channel(&world.app);
    for host in ["10.0.0.1", "169.254.169.254", "[fd00:ec2::254]", "0xa9fea9fe"] {
        let inside = json!({ "gateway": format!("http://{host}/latest/meta-data") });
        let settings = with(world.merchant("openapi").await, &inside);
        for (method, path) in [("PUT", path.clone()), ("POST", path.replace("/ali?", "/ali/check?"))] {
            let refused = world.admin(method, &path, settings.clone()).await;
            refused.problem(400, "is not a public address");
            assert_eq!(refused.json()["field"], "gateway", "{host}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_in_the_audit_log() {
    let world = World::start().await;
    let settings = wechat(&world, "v3Both").await;
    world.must_stay_secret(settings["apiV3Key"].as_str().unwrap());
    check(&world, "wx_mp", settings.clone()).await;
    let log = world.admin("GET", "/audit", Value::Null).await;
    let entries = log.done(200)["items"].as_array().unwrap().clone();
    let entry = entries.iter().find(|entry| entry["action"] == "check channel").unwrap();
    assert_eq!(entry["outcome"], "done");
    assert_eq!(entry["after"]["provider"], "verified");
    assert!(entry["target"].as_str().unwrap().ends_with("/channels/wx_mp/check?mode=test"), "{entry}");
    assert!(!log.text().contains(settings["apiV3Key"].as_str().unwrap()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_check_in_the_console_keeps_what_was_typed_but_no_secret() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let settings = with(wechat(&world, "v3Both").await, &json!({ "apiV3Key": WRONG_KEY }));
    let text = |name: &str| settings[name].as_str().unwrap();
    let names =
        ["protocol", "mchId", "appId", "apiV3Key", "privateKey", "certSerial", "publicKeyId", "publicKey", "gateway"];
    let mut fields: Vec<(&str, &str)> = names.iter().map(|name| (*name, text(name))).collect();
    fields.extend([("mode", "test"), ("do", "check")]);
    let answer = owner.post(&world, &format!("/apps/{}/channels/wx_mp?mode=test", world.app.app_id), &fields).await;
    let page = answer.text();
    assert_eq!(answer.status, 200, "{page}");
    assert!(page.contains("some settings are wrong") && page.contains("id=\"checked\""), "{page}");
    assert!(page.contains("Cannot decrypt what wechat pay encrypts with it"), "{page}");
    for kept in ["mchId", "appId", "certSerial", "publicKeyId", "gateway"] {
        assert!(page.contains(&format!("value=\"{}\"", text(kept))), "{kept} {page}");
    }
    let middle_of = |name: &str| text(name).get(60..100).unwrap_or(text(name)).to_owned();
    assert!(page.contains(&middle_of("publicKey")));
    assert!(!page.contains(WRONG_KEY) && !page.contains(&middle_of("privateKey")));
    assert!(page.contains("Type it once more before you save"), "{page}");
    world.end().await;
}
