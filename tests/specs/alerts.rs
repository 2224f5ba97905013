//! Alerts: each cause raises one message at each target that wants to hear of it, signed where the robot asks for it, and bounded.

use domain::Lane;
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    certificates::ending_settings,
    console::{Visitor, hire},
    pulled::{acknowledge, events, pulled},
    reconciliation::{DAY_MS, plant, reconcile},
    refund_trouble::paid_at_wechat,
    refunds::{of, refund},
    wechat,
    world::{MINUTE_MS, World, charge_of, with},
};

const HOUR_MS: i64 = 60 * MINUTE_MS;
const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:alerts-shop";

async fn put_settings(world: &World, body: Value) -> Answer {
    world.admin("PUT", &path(world, ""), body).await
}

pub(crate) fn path(world: &World, below: &str) -> String {
    format!("/apps/{}/alerts{below}", world.app.app_id)
}

/// Sets up a robot at its service, and returns its address.
pub(crate) async fn robot(world: &World, kind: &str, name: &str, robot: Value) -> String {
    world.call("PUT", &format!("/_local/robots/{kind}/{name}"), &[], robot.to_string()).await.done(200);
    let path = match kind {
        "wecom" => "/cgi-bin/webhook/send?key=",
        "dingtalk" => "/robot/send?access_token=",
        "feishu" => "/open-apis/bot/v2/hook/",
        _ => return TOPIC.to_owned(),
    };
    world.must_stay_secret(name);
    format!("{}/_local/robot/{kind}{path}{name}", world.url)
}

/// One robot of WeCom that hears of everything in test mode. Returns the settings.
async fn one_robot(world: &World, changes: &Value) -> Value {
    let address = robot(world, "wecom", "wecom-token-1", json!({})).await;
    let target = json!({ "kind": "wecom", "address": address, "mode": "test", "language": "en" });
    let body = with(json!({ "targets": [target] }), changes);
    world.admin("PUT", &path(world, ""), body).await.done(200)
}

async fn sweep(world: &World) {
    world.post_as(&[], "/_local/sweep", "").await.done(200);
}

async fn each_hour(world: &World) {
    world.post_as(&[], "/_local/sums", "").await.done(200);
}

/// The messages that arrived since the last call.
pub(crate) async fn told(world: &World) -> Vec<Value> {
    let arrived = world.call("GET", "/_local/robots", &[], "").await.done(200).as_array().unwrap().clone();
    world.call("DELETE", "/_local/robots", &[], "").await;
    arrived
}

async fn told_texts(world: &World) -> Vec<String> {
    told(world).await.iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn check_one(texts: &[String], part: &str) {
    assert_eq!(texts.len(), 1, "{texts:#?}");
    assert!(texts[0].contains(part), "{texts:#?}");
}

/// Pays a bill twice, which is an incident.
async fn pay_twice(world: &World, bill: &str) {
    let first = world.charged(bill).await;
    let second = world.charge(&charge_of("ali_web", bill)).await.ok()["id"].as_str().unwrap().to_owned();
    world.play(&first, "pay", json!({})).await;
    world.play(&second, "open", json!({})).await;
    world.play(&second, "pay", json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_told_once_to_each_target_in_its_form_and_language() {
    let world = World::start().await;
    let signs = json!({ "secret": "SEC-signs-1", "keyword": "MaxPay" });
    world.must_stay_secret("SEC-signs-1");
    let mut targets = Vec::new();
    for (kind, language, set_up) in [
        ("wecom", "zh", json!({})),
        ("dingtalk", "zh", signs.clone()),
        ("feishu", "en", signs),
        ("sns", "en", json!({})),
    ] {
        let name = if kind == "sns" { "alerts-shop" } else { &format!("{kind}-token-1") };
        let address = robot(&world, kind, name, set_up.clone()).await;
        let target = json!({ "kind": kind, "address": address, "mode": "test", "language": language });
        let secret = set_up.get("secret").map_or(json!({}), |secret| json!({ "secret": secret }));
        targets.push(with(target, &secret));
    }
    let saved = world.admin("PUT", &path(&world, ""), json!({ "targets": targets })).await.done(200);
    let shown = saved["targets"][0]["address"].as_str().unwrap();
    assert!(shown.ends_with("/cgi-bin/webhook/send?key=***"), "{shown}");
    assert_eq!((&saved["targets"][1]["secret"], &saved["targets"][3]["address"]), (&json!("***"), &json!(TOPIC)));

    pay_twice(&world, "b-1").await;
    sweep(&world).await;
    let messages = told(&world).await;
    let kinds: Vec<&str> = messages.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 4, "{messages:#?}");
    for one in &messages {
        let (kind, text) = (one["kind"].as_str().unwrap(), one["text"].as_str().unwrap());
        let words =
            if ["wecom", "dingtalk"].contains(&kind) { "重复支付，订单 b-1" } else { "Paid twice, bill b-1" };
        assert!(text.contains(words) && text.contains("MaxPay") && text.contains("/console/apps/"), "{kind}: {text}");
    }
    for _ in 0..3 {
        world.advance(MINUTE_MS).await;
        sweep(&world).await;
    }
    assert_eq!(told_texts(&world).await, Vec::<String>::new());
    pay_twice(&world, "b-2").await;
    sweep(&world).await;
    assert_eq!(told(&world).await.len(), 4);
    let saved = world.admin("GET", &path(&world, ""), Value::Null).await.done(200);
    for target in saved["targets"].as_array().unwrap() {
        assert_eq!((&target["waiting"], &target["lastProblem"]), (&json!(0), &Value::Null), "{target}");
        assert!(target["lastTime"].is_number(), "{target}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_before_is_not_told_and_a_target_hears_what_it_wants_in_its_mode() {
    let world = World::start().await;
    pay_twice(&world, "before").await;
    world.advance(1000).await;
    let saved = one_robot(&world, &json!({})).await;
    sweep(&world).await;
    assert_eq!(told_texts(&world).await, Vec::<String>::new());
    for change in [json!({ "mode": "live" }), json!({ "mode": "test", "causes": ["refund", "target"] })] {
        let target = with(saved["targets"][0].clone(), &change);
        world.admin("PUT", &path(&world, ""), json!({ "targets": [target] })).await.done(200);
        pay_twice(&world, &format!("b {}", change["mode"])).await;
        sweep(&world).await;
        assert_eq!(told_texts(&world).await, Vec::<String>::new(), "{change}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_refund_is_told() {
    let world = World::start().await;
    one_robot(&world, &json!({})).await;
    let (id, _) = paid_at_wechat(&world, "b-1").await;
    refund(&world, &of("b-1", "R-1", 900)).await.ok();
    let number = format!("{id}-R-1");
    wechat::play(&world, &id, "refund", json!({ "outRefundNo": number, "status": "ABNORMAL" })).await;
    sweep(&world).await;
    check_one(&told_texts(&world).await, "· A refund is stuck, bill b-1");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_fails_for_an_hour_is_told_once_a_day_and_again_when_it_comes_back() {
    let world = World::start().await;
    one_robot(&world, &json!({})).await;
    world.receiver("broken", json!({ "status": 500 })).await;
    world.webhook_to("broken", &json!({})).await;
    world.paid("b-1").await;
    world.advance(59 * MINUTE_MS).await;
    sweep(&world).await;
    assert_eq!(told_texts(&world).await, Vec::<String>::new());
    world.advance(2 * MINUTE_MS).await;
    sweep(&world).await;
    let texts = told_texts(&world).await;
    check_one(&texts, "· The webhook 127.0.0.1:");
    assert!(texts[0].contains("fails since 2026-11-23 22:30") && !texts[0].contains("receiver"), "{texts:?}");
    world.advance(HOUR_MS).await;
    sweep(&world).await;
    assert_eq!(told_texts(&world).await, Vec::<String>::new());
    world.advance(23 * HOUR_MS).await;
    sweep(&world).await;
    check_one(&told_texts(&world).await, "fails since");
    world.ignores("broken");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_nobody_fetches_for_a_day_are_told_once_a_day_until_they_are_acknowledged() {
    let world = World::start().await;
    one_robot(&world, &json!({})).await;
    pulled(&world, &json!({})).await;
    world.paid("b-1").await;
    world.advance(24 * HOUR_MS).await;
    sweep(&world).await;
    assert_eq!(told_texts(&world).await, [""; 0]);
    world.advance(2 * HOUR_MS).await;
    sweep(&world).await;
    check_one(&told_texts(&world).await, "Nobody fetches the events of the webhook");
    world.advance(25 * HOUR_MS).await;
    sweep(&world).await;
    check_one(&told_texts(&world).await, "Nobody fetches the events of the webhook");
    let waiting = events(&world).await;
    acknowledge(&world, &waiting).await;
    world.advance(25 * HOUR_MS).await;
    sweep(&world).await;
    let after = told_texts(&world).await;
    assert!(!after.iter().any(|text| text.contains("Nobody fetches")), "{after:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_differs_is_told_unless_somebody_dealt_with_it() {
    let world = World::start().await;
    one_robot(&world, &json!({})).await;
    let id = world.paid("omitted").await;
    plant(&world, "alipay", json!({ "omit": [id] })).await;
    world.advance(DAY_MS).await;
    told(&world).await;
    reconcile(&world).await;
    check_one(&told_texts(&world).await, "· 2026-11-23 of Alipay differs from the provider's bill in 1 places");
    each_hour(&world).await;
    sweep(&world).await;
    assert_eq!(told_texts(&world).await, Vec::<String>::new());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_that_stop_against_the_weeks_before_are_told() {
    let world = World::start().await;
    one_robot(&world, &json!({})).await;
    world.advance(40 * MINUTE_MS).await;
    for week in 0..2 {
        for number in 0..12 {
            world.paid(&format!("b-{week}-{number}")).await;
        }
        world.advance(HOUR_MS).await;
        each_hour(&world).await;
        assert_eq!(told_texts(&world).await, Vec::<String>::new(), "{week}");
        world.advance(7 * DAY_MS - HOUR_MS).await;
    }
    world.advance(HOUR_MS).await;
    each_hour(&world).await;
    check_one(
        &told_texts(&world).await,
        "· 0 payments in the hour from 2026-12-07 23:00; in other weeks there are 12 or more",
    );
    world.advance(HOUR_MS).await;
    each_hour(&world).await;
    assert_eq!(told_texts(&world).await, Vec::<String>::new(), "the next hour is always quiet");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channels_success_rate_that_falls_is_told() {
    let world = World::start().await;
    one_robot(&world, &json!({})).await;
    for number in 0..20 {
        world.paid(&format!("good-{number}")).await;
    }
    world.advance(DAY_MS + 40 * MINUTE_MS).await;
    each_hour(&world).await;
    told(&world).await;
    for number in 0..20 {
        let bill = format!("bad-{number}");
        if number < 5 {
            world.paid(&bill).await
        } else {
            world.charged(&bill).await
        };
    }
    world.advance(HOUR_MS).await;
    each_hour(&world).await;
    check_one(&told_texts(&world).await, "25% of the tries by Alipay, ali_qrcode, are paid, usually 100%");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_and_dead_letters_are_told() {
    let world = World::start().await;
    one_robot(&world, &json!({})).await;
    wechat::save(&world, "unipay_app", &ending_settings()).await.done(200);
    world.sqs(Lane::Fast, "SendMessage", json!({ "MessageBody": "hello" })).await;
    world.advance(81_000).await;
    each_hour(&world).await;
    check_one(&told_texts(&world).await, "· 1 dead letters wait");
    world.advance(10 * DAY_MS).await;
    told(&world).await;
    each_hour(&world).await;
    let texts = told_texts(&world).await;
    assert!(
        texts.iter().any(|text| text.contains("· A certificate of UnionPay (app) ends at 2027-01-01")),
        "{texts:#?}"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_quiet_hours_only_what_is_urgent_is_told_and_the_rest_at_their_end() {
    let world = World::start().await;
    one_robot(&world, &json!({ "quietHours": { "from": 22, "to": 8 } })).await;
    for bill in ["b-1", "b-2"] {
        pay_twice(&world, bill).await;
    }
    sweep(&world).await;
    assert_eq!(told_texts(&world).await, Vec::<String>::new());
    let saved = world.admin("GET", &path(&world, ""), Value::Null).await.done(200);
    assert_eq!((&saved["targets"][0]["waiting"], &saved["quietHours"]["to"]), (&json!(2), &json!(8)));
    world.advance(9 * HOUR_MS + 30 * MINUTE_MS).await;
    sweep(&world).await;
    let texts = told_texts(&world).await;
    check_one(&texts, "bill b-1 (2026-11-23 22:30)\n");
    assert!(texts[0].contains("bill b-2"), "{texts:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_has_ten_messages_and_the_rest_comes_together() {
    let world = World::start().await;
    one_robot(&world, &json!({})).await;
    for number in 0..13 {
        pay_twice(&world, &format!("b-{number}")).await;
        sweep(&world).await;
    }
    assert_eq!(told(&world).await.len(), 10);
    world.advance(31 * MINUTE_MS).await;
    sweep(&world).await;
    let texts = told_texts(&world).await;
    check_one(&texts, "b-12");
    assert_eq!(texts[0].matches("Paid twice").count(), 3, "{texts:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_that_refuses_is_tried_again_and_says_why() {
    let world = World::start().await;
    one_robot(&world, &json!({})).await;
    world.call("DELETE", "/_local/robots/wecom/wecom-token-1", &[], "").await;
    pay_twice(&world, "b-1").await;
    sweep(&world).await;
    let shown = world.admin("GET", &path(&world, ""), Value::Null).await.done(200)["targets"][0].clone();
    assert_eq!((&shown["waiting"], &shown["code"]), (&json!(1), &json!("alert-refused")), "{shown}");
    assert_eq!(shown["lastProblem"], "refused with 93000: invalid webhook url");
    robot(&world, "wecom", "wecom-token-1", json!({})).await;
    sweep(&world).await;
    assert_eq!(told_texts(&world).await, Vec::<String>::new(), "it is left alone for two minutes");
    world.advance(2 * MINUTE_MS).await;
    sweep(&world).await;
    check_one(&told_texts(&world).await, "bill b-1");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_is_sent_at_once_and_its_answer_is_shown() {
    let world = World::start().await;
    let saved = one_robot(&world, &json!({})).await;
    let id = saved["targets"][0]["id"].clone();
    let test = json!({ "target": id });
    let done = world.admin("POST", &path(&world, "/test"), test.clone()).await.done(200);
    assert_eq!((&done["received"], &done["problem"]), (&json!(true), &Value::Null));
    check_one(&told_texts(&world).await, "This is a test");
    world.call("PUT", "/_local/robots/wecom/wecom-token-1", &[], json!({ "keyword": "tea" }).to_string()).await;
    let owner = Visitor::owner(&world).await;
    let console = format!("/apps/{}/alerts", world.app.app_id);
    let fields = [("target", id.as_str().unwrap())];
    world.call("PUT", "/_local/robots/wecom/wecom-token-1", &[], json!({ "status": 502 }).to_string()).await;
    let page = owner.post(&world, &format!("{console}/test"), &fields).await.text();
    assert!(page.contains("The test message did not arrive: HTTP 502"), "{page}");
    world.call("PUT", "/_local/robots/wecom/wecom-token-1", &[], "{}").await;
    let page = owner.post(&world, &format!("{console}/test"), &fields).await.text();
    assert!(page.contains("The test message arrived.") && !page.contains("wecom-token-1"), "{page}");
    told(&world).await;
    // A topic goes by the name that the deployment allows.
    let topic = robot(&world, "sns", "alerts-shop", json!({})).await;
    let target = json!({ "kind": "sns", "address": topic, "mode": "test" });
    let saved = world.admin("PUT", &path(&world, ""), json!({ "targets": [target] })).await.done(200);
    let done =
        world.admin("POST", &path(&world, "/test"), json!({ "target": saved["targets"][0]["id"] })).await.done(200);
    assert_eq!(done["received"], true, "{done}");
    let message = told(&world).await.pop().unwrap();
    assert_eq!((&message["kind"], &message["name"]), (&json!("sns"), &json!(TOPIC)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_checked_by_field_and_keep_what_is_masked() {
    let world = World::start().await;
    let ding = robot(&world, "dingtalk", "ding-token-1", json!({ "secret": "SEC-signs-2" })).await;
    world.must_stay_secret("SEC-signs-2");
    let good =
        json!({ "kind": "dingtalk", "address": ding, "secret": "SEC-signs-2", "mode": "test", "causes": ["incident"] });
    let put = |body: Value| put_settings(&world, body);
    let one = |changes: Value| json!({ "targets": [with(good.clone(), &changes)] });
    let cases = [
        (json!({}), "targets"),
        (json!({ "targets": vec![good.clone(); 6] }), "targets"),
        (json!({ "targets": ["x"] }), "targets"),
        (one(json!({ "kind": "fax" })), "targets.0.kind"),
        (
            one(json!({ "address": "https://oapi.dingtalk.com.evil.example/robot/send?access_token=a" })),
            "targets.0.address",
        ),
        (one(json!({ "address": "http://169.254.169.254/robot/send?access_token=a" })), "targets.0.address"),
        (one(json!({ "kind": "wecom" })), "targets.0.address"),
        (one(json!({ "address": "https://oapi.dingtalk.com/robot/send?access_token=***" })), "targets.0.address"),
        (one(json!({ "secret": "***" })), "targets.0.secret"),
        (one(json!({ "secret": "a b" })), "targets.0.secret"),
        (one(json!({ "mode": "both" })), "targets.0.mode"),
        (one(json!({ "language": "fr" })), "targets.0.language"),
        (one(json!({ "causes": ["rain"] })), "targets.0.causes"),
        (one(json!({ "causes": [] })), "targets.0.causes"),
        (one(json!({ "id": "01a208d05240070707070707" })), "targets.0.id"),
        (json!({ "targets": [], "quietHours": { "from": 8, "to": 8 } }), "quietHours"),
        (json!({ "targets": [], "quietHours": { "from": 8 } }), "quietHours"),
    ];
    for (body, field) in cases {
        let refused = put(body.clone()).await.done(400);
        assert_eq!(refused["field"], field, "{body}: {refused}");
    }
    let wecom = robot(&world, "wecom", "wecom-token-1", json!({})).await;
    let signs = json!({ "targets": [{ "kind": "wecom", "address": wecom, "secret": "x", "mode": "test" }] });
    assert_eq!(put(signs).await.done(400)["field"], "targets.0.secret");

    let saved = put(one(json!({}))).await.done(200);
    // What the API shows is what it takes back.
    let again = put(saved.clone()).await.done(200);
    assert_eq!(again, with(saved.clone(), &json!({ "revision": 2 })));
    let done =
        world.admin("POST", &path(&world, "/test"), json!({ "target": saved["targets"][0]["id"] })).await.done(200);
    assert_eq!(done["received"], true, "{done}");
    // A secret stays with its robot.
    let other = robot(&world, "dingtalk", "ding-token-2", json!({})).await;
    let moved = with(saved["targets"][0].clone(), &json!({ "address": other }));
    assert_eq!(put(json!({ "targets": [moved] })).await.done(400)["field"], "targets.0.secret");

    let tables = world.stack.export().await.unwrap().to_string();
    let audit = world.admin("GET", "/audit", Value::Null).await.text();
    let operator = hire(&world, "lin", "operator").await;
    let page = operator.get(&world, &format!("{}?mode=test", path(&world, ""))).await.text();
    for (place, text) in [("tables", tables), ("audit", audit), ("page", page)] {
        for secret in ["ding-token-1", "SEC-signs-2"] {
            assert!(!text.contains(secret), "{secret} is in the {place}");
        }
    }
    world.end().await;
}
