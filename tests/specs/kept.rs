//! Stored sentences: the operator API gives their text, code and parameters, and the console uses the code to show them
//! in the reader's language.

use serde_json::{Value, json};

use crate::{
    console::Visitor,
    notify_message::Message,
    refund_trouble::paid_at_wechat,
    refunds::{of, refund},
    wechat,
    world::World,
};

fn coded<'a>(item: &'a Value, text: &str) -> (&'a Value, &'a Value, &'a Value) {
    (&item[text], &item["code"], &item["params"])
}

async fn transaction(world: &World, id: &str, bill: &str) -> Value {
    let path = format!("/apps/{}/transactions/{id}?mode=test&billNum={bill}", world.app.app_id);
    world.admin("GET", &path, Value::Null).await.done(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_has_a_code_and_is_said_in_both_languages() {
    let world = World::start().await;
    let id = world.charged("1").await;
    let trade = world.trade(&id).await;
    let url = trade["notifyUrl"].as_str().unwrap().to_owned();
    world.post_form(&url, Message::paid(&trade).with("total_amount", "0.01").signed()).await;

    let text = "the amount is 1 fen, but 9900 fen were charged";
    let (code, params) = (json!("amount-differs"), json!({ "said": 1, "expected": 9900 }));
    let [listed] = <[Value; 1]>::try_from(world.incidents().await).unwrap();
    assert_eq!(coded(&listed, "problem"), (&json!(text), &code, &params));
    let path = format!("/apps/{}/incidents/{}", world.app.app_id, listed["id"].as_str().unwrap());
    let shown = world.admin("GET", &path, Value::Null).await.done(200);
    assert_eq!(coded(&shown, "problem"), (&json!(text), &code, &params));
    let of_transaction = transaction(&world, &id, "1").await["incidents"][0].clone();
    assert_eq!(coded(&of_transaction, "problem"), (&json!(text), &code, &params));

    let owner = Visitor::owner(&world).await;
    let page = format!("/apps/{}/incidents?mode=test", world.app.app_id);
    assert!(owner.get(&world, &page).await.text().contains("The amount is ¥0.01, but ¥99.00 were charged"));
    let chinese = owner.get_in(&world, "zh-CN", &page).await.text();
    assert!(chinese.contains("通知金额 ¥0.01 与订单金额 ¥99.00 不一致"), "{chinese}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_message_names_what_does_not_fit_as_the_form_does() {
    let world = World::start().await;
    let trade = world.trade(&world.charged("1").await).await;
    let url = trade["notifyUrl"].as_str().unwrap().to_owned();
    world
        .post_form(&url, Message::paid(&trade).with("total_amount", "0.01").signed_by(crate::keys::Signer::Nobody))
        .await;
    let [forged] = <[Value; 1]>::try_from(world.incidents_of("forged").await).unwrap();
    let params = json!({ "field": "alipayPublicKey" });
    assert_eq!((&forged["code"], &forged["params"]), (&json!("notify-bad-signature"), &params), "{forged}");
    let owner = Visitor::owner(&world).await;
    let page = format!("/apps/{}/incidents?mode=test&kind=forged", world.app.app_id);
    let chinese = owner.get_in(&world, "zh-CN", &page).await.text();
    assert!(chinese.contains("验签失败：签名与支付宝公钥不匹配"), "{chinese}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_failed_has_a_code_and_one_that_was_received_has_none() {
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    world.receiver("shop", json!({ "status": 500 })).await;
    let id = world.paid("1").await;
    world.advance(0).await;
    let failed = world.deliveries("waiting").await[0]["attempts"][0].clone();
    let text = json!("HTTP 500; only 200 means received");
    assert_eq!(coded(&failed, "problem"), (&text, &json!("attempt-status"), &json!({ "status": 500 })), "{failed}");
    let owner = Visitor::owner(&world).await;
    let page = format!("/apps/{}/deliveries?mode=test", world.app.app_id);
    let chinese = owner.get_in(&world, "zh-CN", &page).await.text();
    assert!(chinese.contains("HTTP 500；只有 200 视为收到"), "{chinese}");

    world.receiver("shop", json!({ "status": 200 })).await;
    world.advance(60_000).await;
    let attempts = transaction(&world, &id, "1").await["attempts"].clone();
    let received = attempts.as_array().unwrap().iter().find(|one| one["verdict"] == "received").unwrap();
    assert_eq!((received.get("problem"), received.get("code")), (None, None), "{received}");
    world.ignores("shop");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_keeps_its_providers_words_as_a_parameter() {
    let world = World::start().await;
    let (id, merchant) = paid_at_wechat(&world, "1").await;
    crate::refund_trouble::balance(&world, "wechat", &merchant, true).await;
    let waits = refund(&world, &of("1", "R1", 9900)).await.ok();
    assert_eq!(
        (waits.get("params"), waits["failure"].is_string()),
        (None, true),
        "the merchant's answer stays: {waits}"
    );
    let waits = transaction(&world, &id, "1").await["refunds"][0].clone();
    let params = &waits["params"];
    let (code, words) = (params["code"].as_str().unwrap(), params["words"].as_str().unwrap());
    assert_eq!((&waits["code"], &waits["failure"]), (&json!("refund-short"), &json!(format!("{code}: {words}"))));
    let [incident] = <[Value; 1]>::try_from(world.incidents().await).unwrap();
    let inner = json!({ "code": "refund-short", "params": params });
    assert_eq!(incident["params"], json!({ "num": "R1", "failure": inner }), "{incident}");

    crate::refund_trouble::balance(&world, "wechat", &merchant, false).await;
    refund(&world, &of("1", "R1", 9900)).await.ok();
    let number = format!("{id}-R1");
    wechat::play(&world, &id, "refund", json!({ "outRefundNo": number, "status": "ABNORMAL" })).await;
    let stuck = transaction(&world, &id, "1").await["refunds"][0].clone();
    assert_eq!(stuck["params"], json!({ "code": "ABNORMAL", "words": { "code": "refund-payers-account" } }), "{stuck}");
    let owner = Visitor::owner(&world).await;
    let page = format!("/apps/{}/transactions/{id}?mode=test&bill=1", world.app.app_id);
    let chinese = owner.get_in(&world, "zh-CN", &page).await.text();
    assert!(chinese.contains("ABNORMAL 付款人账户无法收款"), "{chinese}");
    world.end().await;
}
