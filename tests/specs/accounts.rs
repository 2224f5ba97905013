//! A channel's settings name another account: earlier charges stay with the previous account, and everything about them still works
//! there.

use md5::{Digest, Md5};
use serde_json::{Value, json};

use crate::{
    refunds::{of, refund},
    unionpay, wechat,
    world::{MINUTE_MS, World, charge_of, test_channel, texts, with},
};

const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Saves the settings of one of the simulator's merchants at Alipay. Returns the answer.
async fn switch_to(world: &World, merchant: &str) -> Value {
    let settings = world.merchant(merchant).await;
    world.admin("PUT", &test_channel(&world.app), settings).await.done(200)
}

fn numbers(answer: &Value) -> (Value, Vec<Value>) {
    let previous = answer["previousAccounts"].as_array().cloned().unwrap_or_default();
    (answer["account"].clone(), previous.iter().map(|account| account["account"].clone()).collect())
}

async fn merchant_of(world: &World, id: &str) -> Value {
    world.trade(id).await["merchant"].clone()
}

/// The demo app begins on the simulator's merchant `openapi`.
async fn told(world: &World) -> Vec<String> {
    let bodies = world.arrivals("shop").await;
    let read = |told: &Value| serde_json::from_str::<Value>(told["body"].as_str().unwrap()).unwrap();
    // The contract's own event has no `event` member in its body.
    let event = |body: &Value| body["event"].as_str().unwrap_or("payment.success").to_owned();
    let word = |body: Value| format!("{} {}", body["billNum"].as_str().unwrap(), event(&body));
    let mut told: Vec<String> = bodies.iter().map(read).map(word).collect();
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_an_account_that_was_replaced_is_not_lost() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({ "events": ["payment.success", "payment.closed", "refund.success"] })).await;
    let heard = world.paid("heard").await;
    let late = world.charged("late").await;
    let silent = world.charged("silent").await;
    let expired = world.charge(&with(charge_of("ali_qrcode", "expired"), &json!({ "billTimeout": 1800 }))).await.ok();
    let expired = expired["id"].as_str().unwrap();
    world.play(expired, "open", json!({})).await;

    let answer = switch_to(&world, "openapiCert").await;
    assert_eq!(numbers(&answer), (json!(2), vec![json!(1)]), "{answer}");
    assert_eq!(answer["previousAccounts"][0]["appId"], world.merchant("openapi").await["appId"]);

    // The old account's notify, the query of a silent bill, the expiry of one, and a refund.
    let trade = world.play(&late, "pay", json!({})).await;
    assert_eq!(trade["notifies"][0]["attempts"][0]["status"], 200, "{trade}");
    assert_eq!(world.record("late").await["status"], "success");
    world.play(&silent, "pay", json!({ "notify": false })).await;
    world.advance(2 * MINUTE_MS).await;
    assert_eq!(world.record("silent").await["status"], "success");
    world.advance(60 * MINUTE_MS).await;
    assert_eq!(world.record("expired").await["status"], "closed");
    let closed = world.trade(expired).await;
    assert_eq!(closed["status"], "TRADE_CLOSED", "{closed}");
    assert_eq!(refund(&world, &of("heard", "R1", 100)).await.ok()["status"], "success");
    assert_eq!(world.trade(&heard).await["refunds"].as_array().unwrap().len(), 1);
    world.advance(0).await;
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    let expect = [
        "expired payment.closed",
        "heard payment.success",
        "heard refund.success",
        "late payment.success",
        "silent payment.success",
    ];
    assert_eq!(told(&world).await, expect);

    // New charges belong to the new account.
    let new = world.paid("new").await;
    assert_eq!(world.record("new").await["status"], "success");
    assert_ne!(merchant_of(&world, &new).await, merchant_of(&world, &heard).await);
    assert_eq!(refund(&world, &of("new", "R2", 100)).await.ok()["status"], "success");
    world.advance(0).await;
    let mut expect = [&expect[..], &["new payment.success", "new refund.success"]].concat();
    expect.sort_unstable();
    assert_eq!(told(&world).await, expect);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_comes_back_gets_its_number_back() {
    let world = World::start().await;
    let one = world.charged("one").await;
    assert_eq!(numbers(&switch_to(&world, "openapi").await), (Value::Null, vec![]), "the simulator's own merchant");
    assert_eq!(numbers(&switch_to(&world, "openapiCert").await), (json!(2), vec![json!(1)]));
    let two = world.charged("two").await;
    assert_eq!(numbers(&switch_to(&world, "openapi").await), (json!(1), vec![json!(2)]));
    assert_eq!(numbers(&switch_to(&world, "openapi").await), (Value::Null, vec![]));
    for (id, bill) in [(&one, "one"), (&two, "two")] {
        world.play(id, "pay", json!({})).await;
        assert_eq!(world.record(bill).await["status"], "success", "{bill}");
    }
    assert_eq!(numbers(&switch_to(&world, "mapi").await), (json!(3), vec![json!(1), json!(2)]));
    assert_eq!(refund(&world, &of("one", "R1", 100)).await.ok()["status"], "success");
    assert_eq!(refund(&world, &of("two", "R2", 100)).await.ok()["status"], "success");
    assert_eq!(numbers(&switch_to(&world, "openapiCert").await), (json!(2), vec![json!(1), json!(3)]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_is_open_on_an_old_account_is_a_fresh_try_on_the_new_one() {
    let world = World::start().await;
    let old = world.charged("1").await;
    switch_to(&world, "openapiCert").await;
    let new = world.charged("1").await;
    assert_ne!(new, old);
    assert_eq!(world.charged("1").await, new);
    assert_ne!(merchant_of(&world, &old).await, merchant_of(&world, &new).await);
    world.play(&old, "pay", json!({})).await;
    world.play(&new, "pay", json!({})).await;
    let records = world.records(&json!({ "billNum": "1" })).await.ok()["results"].clone();
    assert_eq!(texts(&records, "status"), ["success", "success"]);
    let kinds: Vec<Value> = world.incidents().await.iter().map(|incident| incident["kind"].clone()).collect();
    assert_eq!(kinds, ["duplicate"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_merchants_notify_is_read_by_its_own_account_where_one_chain_signs_all() {
    let world = World::start().await;
    // UnionPay signs for every merchant with one certificate. So a message about the old merchant is also verified by the new
    // merchant's settings.
    let settings = unionpay::settings_of(&world, "unipay_app").await;
    let charged = world.charge(&charge_of("unipay_app", "1")).await.ok();
    unionpay::open(&world, "unipay_app", &charged).await;
    let other = with(settings, &json!({ "merId": "777290058110099" }));
    let answer = unionpay::save(&world, "unipay_app", &other).await.done(200);
    assert_eq!(numbers(&answer).0, json!(2));
    let paid = unionpay::play(&world, charged["id"].as_str().unwrap(), "pay", json!({})).await;
    assert_eq!(world.record("1").await["status"], "success", "{paid}");
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_replaced_within_an_account_is_gone_at_once() {
    let world = World::start().await;
    wechat::use_merchant(&world, "v2Md5").await;
    let id = wechat::charged(&world, "wx_native", "1").await;
    let settings = wechat::settings_of(&world, "v2Md5", "wx_mp").await;
    let rotated = with(settings.clone(), &json!({ "apiKey": "another-key-of-just-32-signs-001" }));
    let answer = wechat::save(&world, "wx_mp", &rotated).await.done(200);
    assert_eq!(numbers(&answer), (Value::Null, vec![]), "the same account");
    let trade = wechat::play(&world, &id, "pay", json!({})).await;
    assert_eq!(trade["notifies"][0]["attempts"][0]["status"], 400, "{trade}");
    assert_eq!(world.record("1").await["status"], "created");
    wechat::save(&world, "wx_mp", &settings).await.done(200);
    world.advance(5 * MINUTE_MS).await;
    assert_eq!(world.record("1").await["status"], "success");
    world.end().await;
}

/// A notify of v2, signed as WeChat Pay does for the merchant of `settings`.
fn v2_notify(settings: &Value, trade: &Value, number: &str) -> String {
    let mut fields = std::collections::BTreeMap::from([
        ("return_code", "SUCCESS".to_owned()),
        ("result_code", "SUCCESS".to_owned()),
        ("appid", settings["appId"].as_str().unwrap().to_owned()),
        ("mch_id", settings["mchId"].as_str().unwrap().to_owned()),
        ("nonce_str", "5d2b6c2a8db53831f7eda20af46e531c".to_owned()),
        ("openid", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".to_owned()),
        ("trade_type", "NATIVE".to_owned()),
        ("bank_type", "CMC".to_owned()),
        ("total_fee", trade["amount"].to_string()),
        ("fee_type", "CNY".to_owned()),
        ("transaction_id", format!("420000000020261123{number}")),
        ("out_trade_no", trade["outTradeNo"].as_str().unwrap().to_owned()),
        ("time_end", "20261123223100".to_owned()),
    ]);
    let content: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let signed = format!("{}&key={}", content.join("&"), settings["apiKey"].as_str().unwrap());
    let sign: String = Md5::digest(signed.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect();
    fields.insert("sign", sign);
    let elements: String = fields.iter().map(|(name, value)| format!("<{name}><![CDATA[{value}]]></{name}>")).collect();
    format!("<xml>{elements}</xml>")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_that_moves_from_v2_to_v3_is_one_account_and_both_forms_are_read() {
    let world = World::start().await;
    wechat::use_merchant(&world, "v3BothV2").await;
    let before = wechat::charged(&world, "wx_native", "before").await;
    let asked = wechat::charged(&world, "wx_native", "asked").await;
    world.advance(MINUTE_MS / 2).await;
    let v3 = wechat::settings_of(&world, "v3Both", "wx_mp").await;
    assert_eq!(numbers(&wechat::save(&world, "wx_mp", &v3).await.done(200)), (Value::Null, vec![]));
    let shown = world.admin("GET", &format!("/apps/{}/channels/wx_mp?mode=test", world.app.app_id), Value::Null).await;
    assert!(!shown.text().contains("apiKey"), "{}", shown.text());
    world.advance(2 * MINUTE_MS).await;

    // An order is notified in the format in which it was made, acknowledged in that format, and queried in the new one.
    let trade = wechat::play(&world, &before, "pay", json!({})).await;
    let attempt = &trade["notifies"][0]["attempts"][0];
    assert_eq!(attempt["status"], 200, "{trade}");
    assert!(attempt["answer"].as_str().unwrap().starts_with("<xml>"), "{trade}");
    assert_eq!(world.record("before").await["status"], "success");
    wechat::play(&world, &asked, "pay", json!({ "notify": false })).await;
    world.advance(15 * MINUTE_MS).await;
    assert_eq!(world.record("asked").await["status"], "success");
    let after = wechat::charged(&world, "wx_native", "after").await;
    wechat::play(&world, &after, "pay", json!({})).await;
    assert_eq!(world.record("after").await["status"], "success");

    // The v2 key must not settle new orders. After 16 days it must not settle any order.
    let v2 = wechat::settings_of(&world, "v3BothV2", "wx_mp").await;
    let forge = async |bill: &str, number: &str| {
        let trade = wechat::trade(&world, &wechat::charged(&world, "wx_native", bill).await).await;
        let path = trade["notifyUrl"].as_str().unwrap().to_owned();
        let xml = [("Content-Type", "text/xml")];
        world.call("POST", &path, &xml, v2_notify(&v2, &trade, number)).await
    };
    assert_eq!(forge("forged", "0000000001").await.status, 400);
    assert_eq!(world.record("forged").await["status"], "created");
    let genuine = wechat::trade(&world, &before).await;
    let repeat = async || {
        let path = genuine["notifyUrl"].as_str().unwrap().to_owned();
        world.call("POST", &path, &[("Content-Type", "text/xml")], v2_notify(&v2, &genuine, "0000000002")).await.status
    };
    // Another number of the payment: genuine, and kept as an incident.
    assert_eq!(repeat().await, 400);
    let incidents = async |kind: &str| world.incidents().await.iter().filter(|one| one["kind"] == kind).count();
    assert_eq!(incidents("paid-again").await, 1);
    let forged_before = incidents("forged").await;
    world.advance(17 * DAY_MS).await;
    assert_eq!(repeat().await, 400);
    assert_eq!(incidents("forged").await, forged_before + 1, "nobody can read it now");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_that_goes_back_to_v2_is_told_of_orders_of_v3() {
    let world = World::start().await;
    wechat::use_merchant(&world, "v3Both").await;
    let id = wechat::charged(&world, "wx_native", "1").await;
    wechat::use_merchant(&world, "v3BothV2").await;
    let trade = wechat::play(&world, &id, "pay", json!({})).await;
    assert_eq!(trade["notifies"][0]["attempts"][0]["status"], 200, "{trade}");
    assert_eq!(world.record("1").await["status"], "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notify_for_deleted_settings_is_kept_and_counts_once_they_are_back() {
    let world = World::start().await;
    let id = world.charged("1").await;
    let settings = world.merchant("openapi").await;
    world.configure(&world.app, &settings).await;
    world.admin("DELETE", &test_channel(&world.app), Value::Null).await.done(204);
    let trade = world.play(&id, "pay", json!({ "times": 1 })).await;
    assert_eq!(trade["notifies"][0]["attempts"][0]["status"], 400);
    let incidents = world.incidents().await;
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert!(incidents[0]["problem"].as_str().unwrap().contains("deleted, retired"), "{incidents:?}");

    // Another account replaces the deleted one, and does not get its bills.
    assert_eq!(numbers(&switch_to(&world, "openapiCert").await), (json!(2), vec![json!(1)]));
    let sync = json!({ "billNum": "1" }).to_string();
    let asked = world.post_as(&crate::world::master(&world.app), "/2.0/maxpay/sync", sync).await;
    asked.refused(2, "account 1");
    assert_eq!(world.record("1").await["status"], "created");
    let replay = format!("/apps/{}/incidents/{}/replay", world.app.app_id, incidents[0]["id"].as_str().unwrap());
    world.admin("POST", &replay, Value::Null).await.problem(409, "deleted, retired");

    // After its settings were saved again, it has its number back. While another account is used, its bills are also read.
    assert_eq!(numbers(&switch_to(&world, "openapi").await), (json!(1), vec![json!(2)]));
    switch_to(&world, "openapiCert").await;
    assert_eq!(world.admin("POST", &replay, Value::Null).await.done(200)["outcome"], "settled");
    assert_eq!(world.record("1").await["status"], "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_save_at_once_neither_is_lost() {
    let world = World::start().await;
    let old = world.charged("1").await;
    let [cert, mapi] = [world.merchant("openapiCert").await, world.merchant("mapi").await];
    let path = test_channel(&world.app);
    let put = async |settings: &Value| world.admin("PUT", &path, settings.clone()).await.status;
    let saved = futures_util::future::join_all([&cert, &mapi, &cert, &mapi].map(put)).await;
    assert!(saved.iter().all(|status| *status == 200 || *status == 409), "{saved:?}");
    world.play(&old, "pay", json!({})).await;
    assert_eq!(world.record("1").await["status"], "success");
    let answer = switch_to(&world, "openapi").await;
    assert_eq!(numbers(&answer), (json!(1), vec![json!(2), json!(3)]), "{answer}");
    world.end().await;
}

fn accounts_path(world: &World) -> String {
    format!("/apps/{}/channels/ali/accounts", world.app.app_id)
}

/// An account as the API lists it, without times.
async fn listed(world: &World) -> Vec<Value> {
    let path = format!("{}?mode=test", accounts_path(world));
    let items = world.admin("GET", &path, Value::Null).await.done(200)["items"].as_array().unwrap().clone();
    let short = |one: &Value| json!([one["account"], one["state"], one["openBills"], one["pendingRefunds"]]);
    items.iter().map(short).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_what_hangs_on_an_old_account_and_retires_it() {
    let world = World::start().await;
    assert_eq!(listed(&world).await, [json!([1, "current", null, null])]);
    let paid = world.paid("paid").await;
    let open = world.charged("open").await;
    switch_to(&world, "openapiCert").await;
    world.charged("new").await;
    world.faults(&["http500", "http500"]).await;
    assert_eq!(refund(&world, &of("paid", "R1", 100)).await.ok()["status"], "pending");
    assert_eq!(listed(&world).await, [json!([2, "current", null, null]), json!([1, "kept", 1, 1])]);
    let whole = world.admin("GET", &format!("{}?mode=test", accounts_path(&world)), Value::Null).await;
    let old = whole.done(200)["items"][1].clone();
    assert_eq!((&old["appId"], &old["complete"]), (&world.merchant("openapi").await["appId"], &json!(true)), "{old}");
    assert!(old["lastUsedTime"].as_i64() <= old["replacedTime"].as_i64(), "{old}");

    let one = |number: &str| format!("{}/{number}?mode=test", accounts_path(&world));
    world.admin("DELETE", &one("1"), Value::Null).await.problem(409, "1 open bills and 1 pending refunds");
    world.admin("DELETE", &one("2"), Value::Null).await.problem(409, "in use");
    world.admin("DELETE", &one("3"), Value::Null).await.problem(404, "account");
    world.admin("DELETE", &one("x"), Value::Null).await.problem(404, "account");

    // It is not needed now: the refund went back, and the bill is paid.
    world.advance(2 * MINUTE_MS).await;
    world.play(&open, "pay", json!({})).await;
    assert_eq!(listed(&world).await[1], json!([1, "kept", 0, 0]));
    world.admin("DELETE", &one("1"), Value::Null).await.done(204);
    world.admin("DELETE", &one("1"), Value::Null).await.problem(404, "account");
    assert_eq!(listed(&world).await[1], json!([1, "retired", 0, 0]));
    let audit = world.admin("GET", "/audit", Value::Null).await.done(200)["items"].clone();
    let entry =
        audit.as_array().unwrap().iter().find(|one| one["action"] == "retire account" && one["outcome"] == "done");
    assert_eq!(entry.unwrap()["before"]["state"], "kept", "{audit}");

    // Its payments stay, and the error says what to do. Saving its settings again brings it back.
    refund(&world, &of("paid", "R2", 100)).await.refused(2, "account 1");
    assert_eq!(numbers(&switch_to(&world, "openapi").await), (json!(1), vec![json!(2)]));
    assert_eq!(refund(&world, &of("paid", "R2", 100)).await.ok()["status"], "success");
    assert_eq!(world.trade(&paid).await["refunds"].as_array().unwrap().len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_something_hangs_on_is_retired_by_force_and_its_money_is_seen() {
    let world = World::start().await;
    let open = world.charged("open").await;
    switch_to(&world, "openapiCert").await;
    let path = format!("{}/1?mode=test&force=true", accounts_path(&world));
    world.admin("DELETE", &path, Value::Null).await.done(204);
    let trade = world.play(&open, "pay", json!({})).await;
    assert_eq!(trade["notifies"][0]["attempts"][0]["status"], 400, "{trade}");
    let kinds: Vec<Value> = world.incidents().await.iter().map(|incident| incident["kind"].clone()).collect();
    assert_eq!(kinds, ["forged"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_of_the_protocol_before_can_be_forgotten_at_once() {
    let world = World::start().await;
    wechat::use_merchant(&world, "v3BothV2").await;
    let id = wechat::charged(&world, "wx_native", "1").await;
    wechat::use_merchant(&world, "v3Both").await;
    let accounts = format!("/apps/{}/channels/wx_mp/accounts", world.app.app_id);
    let shown = world.admin("GET", &format!("{accounts}?mode=test"), Value::Null).await.done(200);
    assert!(shown["items"][0]["formerProtocolUntil"].is_i64(), "{shown}");
    world.admin("DELETE", &format!("{accounts}/1?mode=test"), Value::Null).await.done(204);
    let trade = wechat::play(&world, &id, "pay", json!({})).await;
    assert_eq!(trade["notifies"][0]["attempts"][0]["status"], 400, "{trade}");
    // The query in the new format still finds it paid.
    world.advance(2 * MINUTE_MS).await;
    assert_eq!(world.record("1").await["status"], "success");
    world.end().await;
}
