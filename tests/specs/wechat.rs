//! WeChat Pay: its channels are charged and paid, with each kind of account, and only a genuine report that fits settles.

use domain::Family;
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    channels::{self, check_paid},
    world::{MINUTE_MS, START_MS, World, texts, with, without},
};

pub(crate) const KINDS: [&str; 5] = ["v3Certificate", "v3PublicKey", "v3Both", "v2Md5", "v2HmacSha256"];

const V3_TAKEN: &str = r#"{"code":"SUCCESS","message":"成功"}"#;
const V3_REFUSED: &str = r#"{"code":"FAIL","message":"refused"}"#;
const V2_TAKEN: &str =
    "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>";
const V2_REFUSED: &str =
    "<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[refused]]></return_msg></xml>";

fn tab_path(world: &World, tab: &str) -> String {
    format!("/apps/{}/channels/{tab}?mode=test", world.app.app_id)
}

/// The settings of the simulator's merchant `kind` for a tab.
pub(crate) async fn settings_of(world: &World, kind: &str, tab: &str) -> Value {
    world.call("GET", "/_local/simulator/wechat/settings", &[], "").await.done(200)[kind][tab].clone()
}

pub(crate) async fn save(world: &World, tab: &str, settings: &Value) -> Answer {
    world.admin("PUT", &tab_path(world, tab), settings.clone()).await
}

/// Both tabs with the settings of one kind of merchant.
pub(crate) async fn use_merchant(world: &World, kind: &str) {
    for tab in ["wx_app", "wx_mp"] {
        save(world, tab, &settings_of(world, kind, tab).await).await.done(200);
    }
}

pub(crate) async fn trade(world: &World, id: &str) -> Value {
    world.call("GET", &format!("/_local/simulator/wechat/trades/{id}"), &[], "").await.done(200)
}

pub(crate) async fn play(world: &World, id: &str, action: &str, options: Value) -> Value {
    let path = format!("/_local/simulator/wechat/trades/{id}/{action}");
    world.post_as(&[], &path, options.to_string()).await.done(200)
}

pub(crate) async fn fault(world: &World, fault: &str) {
    faults(world, &[fault]).await;
}

/// The faults of the next server calls. They replace the waiting ones.
pub(crate) async fn faults(world: &World, next: &[&str]) {
    let body = json!({ "next": next }).to_string();
    world.post_as(&[], "/_local/simulator/wechat/faults", body).await.done(200);
}

fn wx_charge(channel: &str, bill: &str) -> Value {
    channels::charge_on(channels::named(channel), bill)
}

pub(crate) async fn charged(world: &World, channel: &str, bill: &str) -> String {
    world.charge(&wx_charge(channel, bill)).await.ok()["id"].as_str().unwrap().to_owned()
}

async fn pay_with(world: &World, channel: &str, bill: &str) -> Value {
    channels::pay(world, &wx_charge(channel, bill)).await
}

#[track_caller]
fn check_open(record: &Value) {
    assert_eq!((record["status"].as_str(), record.get("endTime")), (Some("created"), None), "{record}");
}

/// Our answers to the sends of the newest notify.
#[track_caller]
fn answers(trade: &Value) -> Vec<(i64, String)> {
    let attempts = trade["notifies"].as_array().unwrap().last().unwrap()["attempts"].as_array().unwrap();
    let pair = |attempt: &Value| (attempt["status"].as_i64().unwrap(), attempt["answer"].as_str().unwrap().to_owned());
    attempts.iter().map(pair).collect()
}

#[track_caller]
fn check_answers(trade: &Value, status: i64, body: &str, times: usize) {
    assert_eq!(answers(trade), vec![(status, body.to_owned()); times], "{trade}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_channel_of_wechat_is_paid_on_every_kind_of_account() {
    let world = World::start().await;
    for kind in KINDS {
        use_merchant(&world, kind).await;
        for channel in channels::names_of(Family::Wx) {
            let bill = format!("{kind} {channel}");
            check_paid(&pay_with(&world, channel, &bill).await, channel, &bill);
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn platform_certificates_that_are_not_given_are_fetched() {
    let world = World::start().await;
    for (kind, tab, channel) in [
        ("v3Certificate", "wx_mp", "wx_native"),
        ("v3Certificate", "wx_app", "wx_app"),
        ("v3Both", "wx_mp", "wx_jsapi"),
    ] {
        let settings = without(settings_of(&world, kind, tab).await, "platformCerts");
        save(&world, tab, &settings).await.done(200);
        let bill = format!("{kind} {channel}");
        check_paid(&pay_with(&world, channel, &bill).await, channel, &bill);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_settles_while_wechat_changes_its_certificates() {
    let world = World::start().await;
    use_merchant(&world, "v3Certificate").await;
    for stage in ["current", "announced", "rolled", "finished"] {
        let id = charged(&world, "wx_native", stage).await;
        let body = json!({ "stage": stage }).to_string();
        world.post_as(&[], "/_local/simulator/wechat/settings", body).await.done(200);
        check_answers(&play(&world, &id, "pay", json!({})).await, 200, V3_TAKEN, 1);
        assert_eq!(world.record(stage).await["status"], "success", "{stage}");
        let after = format!("after {stage}");
        assert_eq!(pay_with(&world, "wx_native", &after).await["status"], "success", "{stage}");
        world.advance(60 * MINUTE_MS).await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_wechat_carries_what_the_contract_says() {
    let world = World::start().await;
    #[rustfmt::skip]
    let cases: [(&str, &[&str]); 4] = [
        ("wx_app",    &["appid", "code", "id", "msg", "noncestr", "package", "partnerid", "prepayid", "sign", "timestamp"]),
        ("wx_jsapi",  &["appId", "code", "id", "msg", "nonceStr", "package", "paySign", "signType", "timeStamp"]),
        ("wx_lite",   &["appId", "code", "id", "msg", "nonceStr", "package", "paySign", "signType", "timeStamp"]),
        ("wx_native", &["code", "codeUrl", "id", "msg"]),
    ];
    for kind in KINDS {
        use_merchant(&world, kind).await;
        for (channel, expect) in cases {
            let charged = world.charge(&wx_charge(channel, &format!("{kind} {channel}"))).await.ok();
            let mut members: Vec<&str> = charged.as_object().unwrap().keys().map(String::as_str).collect();
            members.sort_unstable();
            // v2 gives a `prepay_id` with the QR code, v3 none.
            let is_v2_code = kind.starts_with("v2") && channel == "wx_native";
            let expect = if is_v2_code { &["code", "codeUrl", "id", "msg", "prepayid"] } else { expect };
            assert_eq!(members, expect, "{kind} {channel}");
            check_values(channel, &charged);
        }
    }
    world.end().await;
}

#[track_caller]
fn check_values(channel: &str, charged: &Value) {
    let text = |name: &str| charged[name].as_str().unwrap_or_else(|| panic!("{name} is no text: {charged}"));
    match channel {
        "wx_app" => {
            assert_eq!(text("package"), "Sign=WXPay");
            assert_eq!(text("timestamp"), (START_MS / 1000).to_string());
            assert!(!text("prepayid").is_empty() && !text("sign").is_empty());
        }
        "wx_jsapi" | "wx_lite" => {
            assert!(text("package").starts_with("prepay_id=wx"), "{charged}");
            assert_eq!(text("timeStamp"), (START_MS / 1000).to_string());
            assert!(["RSA", "MD5", "HMAC-SHA256"].contains(&text("signType")), "{charged}");
        }
        _ => assert!(text("codeUrl").starts_with("weixin://wxpay/bizpayurl?pr="), "{charged}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_wechat_needs_the_openid_of_its_payer() {
    let world = World::start().await;
    let charge = wx_charge("wx_jsapi", "1");
    world.charge(&without(charge.clone(), "openid")).await.refused(4, "openid");
    world.charge(&with(charge.clone(), &json!({ "openid": "" }))).await.refused(4, "openid");
    for wrong in [json!(7), json!("x".repeat(200)), json!("a b\n")] {
        world.charge(&with(charge.clone(), &json!({ "openid": wrong }))).await.refused(5, "openid");
    }
    assert_eq!(world.records(&json!({})).await.ok()["results"], json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_at_wechat_is_that_of_the_charge() {
    let world = World::start().await;
    for kind in KINDS {
        use_merchant(&world, kind).await;
        for (number, fee) in [1, 12345, 10_000_000].into_iter().enumerate() {
            let more = json!({ "totalFee": fee, "billTimeout": 360, "subject": "一杯茶 😀 <b>&\"c\"</b>" });
            let bill = format!("{kind} {number}");
            let charged = world.charge(&with(wx_charge("wx_native", &bill), &more)).await.ok();
            let trade = trade(&world, charged["id"].as_str().unwrap()).await;
            assert_eq!((&trade["amount"], &trade["expiresAt"]), (&json!(fee), &json!(START_MS + 360_000)), "{trade}");
            assert_eq!(trade["description"], more["subject"], "{kind}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_are_wechats_to_the_byte() {
    let world = World::start().await;
    for (kind, taken, refused) in KINDS
        .map(|kind| if kind.starts_with("v3") { (kind, V3_TAKEN, V3_REFUSED) } else { (kind, V2_TAKEN, V2_REFUSED) })
    {
        use_merchant(&world, kind).await;
        let id = charged(&world, "wx_native", kind).await;
        let forged = json!({ "pay": false, "signWith": "other" });
        check_answers(&play(&world, &id, "pay", forged).await, 400, refused, 1);
        check_open(&world.record(kind).await);
        check_answers(&play(&world, &id, "pay", json!({})).await, 200, taken, 1);
        check_paid(&world.record(kind).await, "wx_native", kind);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genuine_report_of_wechat_that_does_not_fit_settles_nothing_and_is_an_incident() {
    let world = World::start().await;
    let lies = [
        (json!({ "amount": 9899 }), "amount"),
        (json!({ "amount": 9901 }), "amount"),
        (json!({ "amount": 1 }), "amount"),
        (json!({ "mchid": "1900000009" }), "account"),
        (json!({ "appid": "wx00000000000009f9" }), "account"),
        (json!({ "currency": "USD" }), "account"),
        (json!({ "outTradeNo": "0000000000000000000000ff" }), "order"),
    ];
    let mut seen = 0;
    for kind in KINDS {
        use_merchant(&world, kind).await;
        let (taken, refused) = if kind.starts_with("v3") { (V3_TAKEN, V3_REFUSED) } else { (V2_TAKEN, V2_REFUSED) };
        for (number, (lie, expect)) in lies.iter().enumerate() {
            let bill = format!("{kind} {number}");
            let id = charged(&world, "wx_native", &bill).await;
            let told = play(&world, &id, "pay", with(lie.clone(), &json!({ "times": 3 }))).await;
            check_answers(&told, 400, refused, 3);
            check_open(&world.record(&bill).await);
            seen += 1;
            let incidents = world.incidents().await;
            assert_eq!(incidents.len(), seen, "{kind} {lie}");
            let mine = incidents.iter().find(|incident| incident["billNum"] == bill.as_str()).unwrap();
            assert_eq!(mine["kind"], *expect, "{kind} {mine}");
            // The right one still settles.
            check_answers(&play(&world, &id, "pay", json!({})).await, 200, taken, 1);
            check_paid(&world.record(&bill).await, "wx_native", &bill);
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_wechat_did_not_sign_settles_nothing_and_one_is_kept() {
    let world = World::start().await;
    let forged = [
        json!({ "signWith": "other" }),
        json!({ "signWith": "merchant" }),
        json!({ "signWith": "unknownSerial" }),
        json!({ "tamper": true }),
    ];
    // v2 has no probes, no timestamps and no encryption.
    let of_v3 = [
        json!({ "probe": true }),
        json!({ "skewSeconds": 3600 }),
        json!({ "skewSeconds": -3600 }),
        json!({ "wrongApiKey": true }),
    ];
    for kind in KINDS {
        use_merchant(&world, kind).await;
        let is_v3 = kind.starts_with("v3");
        for (number, lie) in forged.iter().chain(of_v3.iter().filter(|_| is_v3)).enumerate() {
            let bill = format!("{kind} {number}");
            let id = charged(&world, "wx_native", &bill).await;
            let told = play(&world, &id, "pay", with(lie.clone(), &json!({ "pay": false }))).await;
            for (status, answer) in answers(&told) {
                assert_eq!((status, answer.contains("FAIL")), (400, true), "{kind} {lie} {answer}");
            }
            check_open(&world.record(&bill).await);
        }
    }
    // One for each bill, except for the probes, which are the provider's own test.
    assert_eq!(texts(&json!(world.incidents().await), "kind"), vec!["forged"; 3 * 7 + 2 * 4]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_notifies_of_wechat_settle_once() {
    let world = World::start().await;
    for kind in KINDS {
        use_merchant(&world, kind).await;
        let taken = if kind.starts_with("v3") { V3_TAKEN } else { V2_TAKEN };
        let id = charged(&world, "wx_native", kind).await;
        check_answers(&play(&world, &id, "pay", json!({ "times": 20 })).await, 200, taken, 20);
        let first = world.record(kind).await;
        world.advance(MINUTE_MS).await;
        check_answers(&play(&world, &id, "pay", json!({})).await, 200, taken, 1);
        assert_eq!(world.record(kind).await, first);
    }
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_less_a_coupon_settles_the_whole_bill() {
    let world = World::start().await;
    for kind in KINDS {
        use_merchant(&world, kind).await;
        let id = charged(&world, "wx_native", kind).await;
        play(&world, &id, "pay", json!({ "payerTotal": 9000 })).await;
        check_paid(&world.record(kind).await, "wx_native", kind);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_wechat_answers_instead_the_bill_stays_open() {
    let world = World::start().await;
    let faults =
        ["http500", "garbage", "unsigned", "badSignature", "unknownSerial", "stale", "cut", "systemError", "limited"];
    for kind in KINDS {
        use_merchant(&world, kind).await;
        // v2 has no timestamp.
        for trouble in faults.into_iter().filter(|trouble| kind.starts_with("v3") || *trouble != "stale") {
            for channel in channels::names_of(Family::Wx) {
                let bill = format!("{kind} {trouble}");
                let bill = format!("{} {channel}", bill.get(..bill.len().min(22)).unwrap());
                fault(&world, trouble).await;
                let refused = world.charge(&wx_charge(channel, &bill)).await;
                assert_eq!((refused.code(), refused.json().get("id")), (7, None), "{kind} {trouble} {channel}");
                let record = world.record(&bill).await;
                check_open(&record);
                let again = world.charge(&wx_charge(channel, &bill)).await.ok();
                assert_eq!(again["id"], record["id"], "{kind} {trouble} {channel}");
                play(&world, record["id"].as_str().unwrap(), "pay", json!({})).await;
                check_paid(&world.record(&bill).await, channel, &bill);
            }
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_of_wechat_are_said_when_they_are_saved() {
    let world = World::start().await;
    let garbage = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
    #[rustfmt::skip]
    let cases = [
        ("v3Both",        "apiV3Key",      json!("short")),
        ("v3Both",        "privateKey",    json!("no key")),
        ("v3Both",        "privateKey",    json!(garbage)),
        ("v3Both",        "certSerial",    json!("xyz")),
        ("v3Both",        "publicKey",     json!(garbage)),
        ("v3Both",        "publicKeyId",   json!("7")),
        ("v3Both",        "platformCerts", json!(["no certificate"])),
        ("v3Both",        "platformCerts", json!([garbage])),
        ("v3Both",        "mchId",         json!("a")),
        ("v3Both",        "appId",         json!("")),
        ("v2Md5",         "apiKey",        json!("short")),
        ("v2Md5",         "signType",      json!("SHA1")),
        ("v2HmacSha256",  "mchId",         json!(5)),
    ];
    for (kind, member, value) in cases {
        for tab in ["wx_app", "wx_mp"] {
            let settings = with(settings_of(&world, kind, tab).await, &json!({ member: value }));
            let refused = save(&world, tab, &settings).await;
            refused.problem(400, "");
            assert_eq!(refused.json()["field"], member, "{}", refused.text());
            check_shows_no_key(&refused, &settings, &["apiV3Key", "apiKey", "privateKey"]);
        }
    }
    for (kind, member) in [("v3Both", "apiV3Key"), ("v3Both", "privateKey"), ("v2Md5", "apiKey")] {
        let settings = without(settings_of(&world, kind, "wx_mp").await, member);
        world.admin("DELETE", &tab_path(&world, "wx_mp"), Value::Null).await;
        let refused = save(&world, "wx_mp", &settings).await;
        refused.problem(400, "");
        assert_eq!(refused.json()["field"], member);
    }
    world.end().await;
}

/// A part of one line from the middle of a key.
fn stretch(key: &str) -> &str {
    let line = key.lines().filter(|line| !line.starts_with('-')).max_by_key(|line| line.len()).unwrap_or(key);
    line.get(line.len() / 4..line.len() * 3 / 4).unwrap()
}

#[track_caller]
fn check_shows_no_key(answer: &Answer, settings: &Value, members: &[&str]) {
    for key in members.iter().filter_map(|member| settings[*member].as_str()).filter(|key| key.len() > 16) {
        assert!(!answer.text().contains(stretch(key)), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_wechat_ever_comes_back() {
    let world = World::start().await;
    // The settings come with the account that they belong to.
    let settings_in = |answer: &Answer| without(without(answer.done(200), "account"), "previousAccounts");
    for kind in KINDS {
        let of_kind: &[&str] = if kind.starts_with("v3") { &["apiV3Key", "privateKey"] } else { &["apiKey"] };
        for (tab, channel, of_tab) in [("wx_app", "wx_app", &[][..]), ("wx_mp", "wx_native", &["appSecret"][..])] {
            let settings = settings_of(&world, kind, tab).await;
            let secrets = [of_kind, of_tab].concat();
            for secret in &secrets {
                world.must_stay_secret(stretch(settings[*secret].as_str().unwrap()));
            }
            let masks: Value = secrets.iter().map(|secret| ((*secret).to_owned(), json!("***"))).collect();
            let masked = with(settings.clone(), &masks);
            let saved = save(&world, tab, &settings).await;
            assert_eq!(settings_in(&saved), masked, "{kind} {tab}");
            let shown = world.admin("GET", &tab_path(&world, tab), Value::Null).await;
            assert_eq!(settings_in(&shown), masked, "{kind} {tab}");
            let app = world.admin("GET", &format!("/apps/{}", world.app.app_id), Value::Null).await;
            let charged = world.charge(&wx_charge(channel, &format!("{kind} {tab}"))).await;
            charged.ok();
            for answer in [&saved, &shown, &app, &charged] {
                check_shows_no_key(answer, &settings, &secrets);
            }
            // The shown settings can be saved, and payments work.
            save(&world, tab, &shown.json()).await.done(200);
            let bill = format!("{kind} {tab} 2");
            check_paid(&pay_with(&world, channel, &bill).await, channel, &bill);
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_at_wechat_are_told_without_incidents() {
    let world = World::start().await;
    let id = charged(&world, "wx_native", "1").await;
    play(&world, &id, "pay", json!({})).await;
    play(&world, &id, "refund", json!({ "amount": 100 })).await;
    assert_eq!(world.record("1").await["status"], "success");
    assert_eq!(texts(&json!(world.incidents().await), "kind"), [""; 0]);
    world.end().await;
}
