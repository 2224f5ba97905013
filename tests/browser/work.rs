//! The daily work and the people who do it, each story once.

use serde_json::json;

use crate::{scene::Scene, world::MINUTE_MS};

#[tokio::test(flavor = "multi_thread")]
async fn people_are_taken_on_changed_and_seen_in_the_log() {
    let Some(scene) = Scene::set("zh-CN").await else { return };
    let browser = &scene.browser;
    scene.sign_in().await;
    browser.open(&scene.at("/operators")).await;
    browser.fill("#name", "New One").await;
    browser.fill("#password", "short").await;
    browser.click("section .primary").await;
    assert!(browser.text("#name-problem").await.contains("小写字母"), "{}", browser.page().await);
    assert_eq!((browser.value("#name").await, browser.value("#password").await), ("New One".to_owned(), String::new()));
    browser.fill("#name", "new.one").await;
    browser.fill("#password", "short").await;
    browser.click("section .primary").await;
    assert_eq!(browser.text("#password-problem").await, "须有 10 到 128 个字符");
    browser.picture("story-operator-refused").await;
    browser.fill("#password", "a password of theirs").await;
    scene.world.must_stay_secret("a password of theirs");
    browser.choose("#role", "viewer").await;
    browser.click("section .primary").await;
    assert!(browser.text("tbody").await.contains("new.one"));
    browser.click("tr:has([id='role-new.one']) summary").await;
    browser.choose("[id='role-new.one']", "operator").await;
    // This makes it the latest in the log.
    scene.world.advance(MINUTE_MS).await;
    browser.click("tr:has([id='role-new.one']) .primary").await;
    assert_eq!(browser.text(".notice.good").await, "已保存。");
    browser.open(&scene.at("/audit")).await;
    let log = browser.text("tbody").await;
    assert!(log.contains("新增操作员") && log.contains("修改操作员") && log.contains("admin"), "{log}");
    browser.click("tr:has(td:nth-child(2)):first-child summary").await;
    assert!(browser.text("tbody tr:first-child").await.contains("role viewer operator"), "{}", browser.page().await);
    assert!(!browser.page().await.contains("a password of theirs"));
    // The operator's own password, wrong at first.
    browser.open(&scene.at("/account")).await;
    for (field, text) in [("#old", "not it"), ("#password", "another password"), ("#again", "another password")] {
        browser.fill(field, text).await;
    }
    scene.world.must_stay_secret("another password");
    browser.click("main .primary").await;
    assert_eq!(browser.text("#old-problem").await, "当前密码不正确");
    for (field, text) in
        [("#old", scene.world.owner.1.as_str()), ("#password", "another password"), ("#again", "another password")]
    {
        browser.fill(field, text).await;
    }
    browser.click("main .primary").await;
    assert_eq!(browser.text(".notice.good").await, "密码已修改。");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_sent_again_and_an_incident_is_looked_at_again() {
    let Some(scene) = Scene::set("zh-CN").await else { return };
    let (browser, world) = (&scene.browser, &scene.world);
    let hook = scene.broken_webhook().await;
    // With five attempts each, these are more failures in a row, over more than an hour, than a target may have.
    for number in 0..25 {
        world.paid(&format!("tea-{number}")).await;
    }
    scene.forged().await;
    world.advance(107 * MINUTE_MS).await;
    scene.sign_in().await;
    browser.open(&scene.app("/webhooks?mode=test")).await;
    assert!(browser.text("tbody").await.contains("已暂停"), "{}", browser.page().await);
    browser.picture("story-webhook-paused").await;
    browser.open(&scene.app("/overview?mode=test")).await;
    assert!(browser.page().await.contains("1 个已暂停"), "{}", browser.page().await);

    // The target works again, and all that waits for it is sent again.
    world.receiver("broken", json!({ "status": 200 })).await;
    browser.open(&scene.app("/deliveries?mode=test&state=waiting")).await;
    browser.click("tbody tr:first-child summary").await;
    assert!(
        browser.text("tbody tr:first-child").await.contains("HTTP 500；只有 200 视为收到"),
        "{}",
        browser.page().await
    );
    browser.picture("story-deliveries").await;
    browser.choose("#webhook", &hook).await;
    browser.until("return location.search.includes('webhook=')").await;
    browser.click(".about summary").await;
    browser.click("button[value=replay]").await;
    assert_eq!(browser.text(".notice.good").await, "Webhook 已暂停投递，等下次探测成功后自动发送，最多等 5 分钟。");
    world.advance(60 * MINUTE_MS).await;
    browser.open(&scene.app("/deliveries?mode=test&state=waiting")).await;
    assert!(browser.page().await.contains("没有通知记录"), "{}", browser.page().await);

    // A message that could not be verified is listed apart from the genuine ones.
    browser.open(&scene.app("/incidents?mode=test")).await;
    assert!(!browser.page().await.contains("支付宝公钥"), "{}", browser.page().await);
    browser.open(&scene.app("/incidents?mode=test&kind=forged")).await;
    assert!(browser.text("tbody").await.contains("验签失败：签名与支付宝公钥不匹配"));
    browser.click("tbody button").await;
    assert!(browser.page().await.contains("已重新核对"), "{}", browser.page().await);

    // A token to try the gateway with.
    browser.open(&scene.app("/settings?mode=test")).await;
    browser.fill("#user", "buyer-1").await;
    browser.click(r#"form[action*="/sessions?"] button"#).await;
    let token = browser.text(".secret").await;
    world.must_stay_secret(&token);
    let headers = [("X-ML-AppId", world.app.app_id.as_str()), ("X-ML-Session-Token", token.as_str())];
    let seen = world.post_as(&headers, "/2.0/maxpay/records", json!({ "billNum": "tea-1" }).to_string()).await.ok();
    assert_eq!(seen["results"][0]["status"], "success");
    scene.end().await;
}
