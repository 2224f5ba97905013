//! The apps of one merchant at WeChat: an official account with its secret, and a mini program beside it.

use serde_json::{Value, json};

use crate::{
    channels::{charge_on, check_paid, named},
    wechat::{play, save, settings_of, trade, use_merchant},
    world::{World, texts, with, without},
};

const ACCOUNT_OPENID: &str = "oSimulatedLi_wx000000000000c302";
const LITE_OPENID: &str = "oSimulatedLi_wx000000000000c303";

fn charge_for(channel: &str, bill: &str, openid: &str) -> Value {
    with(charge_on(named(channel), bill), &json!({ "openid": openid }))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_secret_that_wechat_refuses_is_not_saved() {
    let world = World::start().await;
    let good = settings_of(&world, "v3Both", "wx_mp").await;
    for (member, value, code) in
        [("appSecret", "0123456789abcdef0123456789abcdef", "40125"), ("appId", "wx000000000000ffff", "40013")]
    {
        let refused = save(&world, "wx_mp", &with(good.clone(), &json!({ member: value }))).await;
        refused.problem(400, code);
        let body = refused.json();
        assert_eq!((&body["field"], &body["code"]), (&json!(member), &json!("wechat-refuses")), "{body}");
        assert!(!refused.text().contains(good["appSecret"].as_str().unwrap()), "{body}");
    }
    let shown = save(&world, "wx_mp", &good).await.done(200);
    assert_eq!((&shown["appSecret"], &shown["liteAppId"]), (&json!("***"), &good["liteAppId"]));
    // What is masked is kept, and asked about again.
    let masked = with(good.clone(), &json!({ "appSecret": "***", "apiV3Key": "***", "privateKey": "***" }));
    save(&world, "wx_mp", &masked).await.done(200);
    // The secret never goes to another host.
    save(&world, "wx_mp", &with(masked, &json!({ "oauthGateway": "http://127.0.0.1:9/" }))).await.problem(400, "");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_secret_is_saved_while_wechat_does_not_answer() {
    let world = World::start().await;
    let settings = settings_of(&world, "v3Both", "wx_mp").await;
    for fault in ["busy", "garbage"] {
        let body = json!({ "oauthFault": fault }).to_string();
        world.post_as(&[], "/_local/simulator/wechat/registered", body).await.done(200);
        save(&world, "wx_mp", &settings).await.done(200);
    }
    let silent = with(settings, &json!({ "oauthGateway": "http://127.0.0.1:9" }));
    save(&world, "wx_mp", &silent).await.done(200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_and_a_mini_program_of_one_merchant_are_paid_side_by_side() {
    let world = World::start().await;
    for (channel, openid, app_id) in
        [("wx_jsapi", ACCOUNT_OPENID, "wx000000000000c302"), ("wx_lite", LITE_OPENID, "wx000000000000c303")]
    {
        let charged = world.charge(&charge_for(channel, channel, openid)).await.ok();
        assert_eq!(charged["appId"], app_id);
        let id = charged["id"].as_str().unwrap();
        assert_eq!(trade(&world, id).await["appid"], app_id);
        play(&world, id, "pay", json!({})).await;
        check_paid(&world.record(channel).await, channel, channel);
    }
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openid_of_the_account_is_none_of_the_mini_program() {
    for kind in ["v3Both", "v3BothV2"] {
        let world = World::start().await;
        use_merchant(&world, kind).await;
        for (channel, openid) in [("wx_lite", ACCOUNT_OPENID), ("wx_jsapi", LITE_OPENID)] {
            world.charge(&charge_for(channel, channel, openid)).await.refused(7, "appid和openid不匹配");
        }
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_under_the_other_app_of_the_merchant_is_an_incident() {
    let world = World::start().await;
    for (channel, openid, other) in
        [("wx_lite", LITE_OPENID, "wx000000000000c302"), ("wx_jsapi", ACCOUNT_OPENID, "wx000000000000c303")]
    {
        let charged = world.charge(&charge_for(channel, channel, openid)).await.ok();
        let id = charged["id"].as_str().unwrap();
        play(&world, id, "pay", json!({ "pay": false, "appid": other })).await;
        assert_eq!(world.record(channel).await["status"], "created", "{channel}");
    }
    assert_eq!(texts(&json!(world.incidents().await), "kind"), ["account", "account"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mini_program_its_channel_is_refused_by_name_and_the_account_stays() {
    let world = World::start().await;
    let settings = settings_of(&world, "v3Both", "wx_mp").await;
    let answer = save(&world, "wx_mp", &without(settings.clone(), "liteAppId")).await.done(200);
    world.charge(&charge_for("wx_lite", "1", LITE_OPENID)).await.refused(6, "liteAppId");
    world.charge(&charge_for("wx_jsapi", "2", ACCOUNT_OPENID)).await.ok();
    // Adding one is no other account.
    assert_eq!(answer.get("previousAccounts"), None, "{answer}");
    assert_eq!(save(&world, "wx_mp", &settings).await.done(200).get("previousAccounts"), None);
    world.end().await;
}
