//! What people do in the console, each once.

use serde_json::{Value, json};

use crate::{driver::in_target, scene::Scene, world::START_MS};

const APP_PRIVATE: &str = "infra/simulators/keys/alipay/openapi/app_private.pem";
const APP_PUBLIC: &str = include_str!("../../infra/simulators/keys/alipay/openapi/app_public.pem");

#[tokio::test(flavor = "multi_thread")]
async fn one_signs_in_is_told_when_not_and_signs_out() {
    let Some(scene) = Scene::set("en-US").await else { return };
    let browser = &scene.browser;
    browser.open(&scene.app("/transactions?mode=test")).await;
    assert!(browser.page().await.contains("Sign in to the MaxPay console"));
    browser.fill("#name", "admin").await;
    browser.fill("#password", "not the password").await;
    browser.click("form.stack button").await;
    assert_eq!(browser.text("#sign-in-problem").await, "The user name or the password is wrong");
    assert_eq!((browser.value("#name").await, browser.value("#password").await), ("admin".to_owned(), String::new()));
    browser.fill("#password", &scene.world.owner.1).await;
    browser.click("form.stack button").await;
    assert!(browser.url().await.contains("/transactions?mode=test"), "back where one wanted to go");
    browser.click(".user summary").await;
    browser.click(".user .link").await;
    assert!(browser.url().await.ends_with("/console/sign-in"));
    browser.open(&scene.at("/apps")).await;
    assert!(browser.url().await.contains("/console/sign-in"));
    scene.end().await;
}

/// The code of an authenticator app, `after_ms` after the start of the world.
fn code(secret: &str, after_ms: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build_noncompliant();
    totp.generate(u64::try_from((START_MS + after_ms) / 1000).unwrap()).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sets_up_two_step_sign_in_and_signs_in_with_a_code() {
    const STEP_MS: i64 = 30_000;
    let Some(scene) = Scene::set("en-US").await else { return };
    let browser = &scene.browser;
    scene.sign_in().await;
    browser.open(&scene.at("/account")).await;
    browser.click("a[href$=second-factor]").await;
    assert_eq!(browser.count("svg.qr path").await, 1);
    let secret = browser.text("#secret").await;
    scene.world.must_stay_secret(&secret);
    browser.fill("#code", "000000").await;
    browser.fill("#old", &scene.world.owner.1).await;
    browser.click("main .primary").await;
    assert_eq!(browser.text("#code-problem").await, "Is not the code that the authenticator app shows now");
    assert_eq!(browser.text("#secret").await, secret, "what the phone has by now stays");
    browser.fill("#code", &code(&secret, 0)).await;
    browser.fill("#old", &scene.world.owner.1).await;
    browser.click("main .primary").await;
    assert_eq!(browser.count(".secret").await, 10);
    browser.picture("story-recovery-codes").await;
    browser.click("main .primary").await;
    assert!(browser.url().await.ends_with("/console/account"), "and one is still signed in");
    browser.click(".user summary").await;
    browser.click(".user .link").await;
    scene.world.advance(STEP_MS).await;
    scene.sign_in().await;
    browser.fill("#code", "123").await;
    browser.click("form.stack button").await;
    assert_eq!(browser.text("#sign-in-problem").await, "This code is wrong, or was already used");
    browser.picture("story-code").await;
    browser.fill("#code", &code(&secret, STEP_MS)).await;
    browser.click("form.stack button").await;
    assert_eq!(browser.text(".who").await, "admin");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn language_and_zone_are_chosen_by_a_click() {
    let Some(scene) = Scene::set("zh-CN").await else { return };
    let browser = &scene.browser;
    scene.charge_some().await;
    scene.sign_in().await;
    browser.open(&scene.app("/transactions?mode=test")).await;
    assert!(browser.text("h1").await.contains("交易管理"));
    assert!(browser.text("thead").await.contains("UTC+08:00"));
    let before = browser.text("tbody tr:last-child td:nth-child(3)").await;
    browser.click("a.language[hreflang]").await;
    browser.until("return document.querySelector('h1')?.innerText.includes('Transactions')").await;
    browser.click(".user summary").await;
    browser.choose("#zone", "0").await;
    browser.until("return document.querySelector('thead').innerText.includes('UTC+00:00')").await;
    let after = browser.text("tbody tr:last-child td:nth-child(3)").await;
    assert_eq!((before.as_str(), after.as_str()), ("2026-11-23 22:30:00", "2026-11-23 14:30:00"));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_found_by_filters_and_by_its_number() {
    let Some(scene) = Scene::set("en-US").await else { return };
    let browser = &scene.browser;
    scene.charge_some().await;
    scene.sign_in().await;
    browser.open(&scene.app("/transactions?mode=test")).await;
    assert_eq!(browser.count("tbody tr").await, 16);
    assert_eq!(browser.count("[data-own-range]").await, 0, "the days show for a range only");
    // Each filter acts at once, and the reader stays at it.
    browser.choose("#status", "success").await;
    browser.until("return location.search.includes('status=success') && document.activeElement.id === 'status'").await;
    browser.choose("#channel", "ali").await;
    browser.until("return location.search.includes('channel=ali')").await;
    assert_eq!(browser.count("tbody tr").await, 5);
    assert!(browser.text("tbody").await.contains("¥ 1,234.56"));
    browser.fill("#find", "tea-3").await;
    browser.click(".find button").await;
    assert!(browser.text(".crumbs").await.contains("tea-3"), "one step leads to the payment");
    browser.fill("#find", "TEA-1").await;
    browser.click(".find button").await;
    assert_eq!(browser.text("tbody tr:last-child b").await, "tea-1", "beginnings in either case");
    browser.open(&scene.app("/transactions?mode=test")).await;
    browser.choose("#time", "own").await;
    let backwards = "from.value = '2026-11-24'; to.value = '2026-11-23'; to.dispatchEvent(new Event('change'))";
    browser.run(backwards, json!([])).await;
    browser.until("return location.search.includes('2026-11-23')").await;
    assert_eq!(browser.text("#to-problem").await, "The range ends before it begins");
    assert_eq!(browser.value("#from").await, "2026-11-24", "what was typed is kept");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_set_up_and_what_is_wrong_is_said_at_the_field() {
    let Some(scene) = Scene::set("zh-CN").await else { return };
    let browser = &scene.browser;
    scene.sign_in().await;
    browser.open(&scene.app("/channels/ali?mode=live")).await;
    browser.fill("#appId", "2021000000000001").await;
    let key = in_target("..").join(APP_PRIVATE).canonicalize().unwrap().display().to_string();
    browser.type_in("[name=privateKey_file]", &key).await;
    browser.run("alipayPublicKey.value = arguments[0]", json!([APP_PUBLIC])).await;
    browser.click("button[value=check]").await;
    assert!(browser.text("#alipayPublicKey-problem").await.contains("这是您自己的公钥，不是支付宝公钥"));
    assert_eq!(browser.value("#appId").await, "2021000000000001");
    assert_eq!(browser.value("#privateKey").await, "", "a secret is not given back");
    browser.picture("story-own-public-key").await;

    let settings = scene.world.merchant("openapi").await;
    for field in ["appId", "alipayPublicKey", "gateway"] {
        let set = "document.getElementById(arguments[0]).value = arguments[1]";
        browser.run(set, json!([field, settings[field]])).await;
    }
    browser.type_in("[name=privateKey_file]", &key).await;
    browser.click("button[value=check]").await;
    assert!(browser.text(".notice").await.contains("检查通过"), "{}", browser.page().await);
    browser.type_in("[name=privateKey_file]", &key).await;
    browser.click("button[value=save]").await;
    assert_eq!(browser.text(".notice.good").await, "已保存。");
    assert_eq!(browser.value("#privateKey").await, "");
    // After it was saved again with the masked secret, it still signs.
    browser.click("button[value=save]").await;
    browser.click("button[value=check]").await;
    assert!(browser.text(".notice").await.contains("检查通过"));
    browser.click(".confirm summary").await;
    browser.click("button[value=delete]").await;
    assert_eq!(browser.text(".notice.good").await, "已删除。");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_made_and_its_keys_are_shown_once() {
    let Some(scene) = Scene::set("en-US").await else { return };
    let browser = &scene.browser;
    scene.sign_in().await;
    browser.open(&scene.at("/apps/new")).await;
    browser.run("document.forms[document.forms.length - 1].noValidate = true", json!([])).await;
    browser.click("main .primary").await;
    assert_eq!(browser.text("#name-problem").await, "Must be a string of 1 to 64 characters");
    browser.fill("#name", "Tea & <b>cake</b>").await;
    browser.click("main .primary").await;
    let keys = browser.run("return [...document.querySelectorAll('.secret')].map((e) => e.innerText)", json!([])).await;
    let keys: Vec<String> = keys.as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect();
    assert_eq!(keys.len(), 5);
    browser.picture("story-keys-once").await;
    browser.click("main .primary").await;
    browser.click(".side a:last-of-type").await;
    let page = browser.page().await;
    assert!(page.contains("Tea & <b>cake</b>"), "{page}");
    for master in [&keys[2], &keys[4]] {
        scene.world.must_stay_secret(master);
        assert!(!page.contains(master));
    }
    browser.click(r#"form[action*="/keys?"] .confirm summary"#).await;
    browser.click(r#"form[action*="/keys?"] .danger"#).await;
    let rotated = browser.text(".secret").await;
    scene.world.must_stay_secret(&rotated);
    assert!(rotated.len() == 43 && !keys.contains(&rotated));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_and_cannot_touch() {
    let Some(scene) = Scene::set("en-US").await else { return };
    let browser = &scene.browser;
    let password = scene.hire("viewer.one", "viewer").await;
    scene.sign_in_as("viewer.one", &password).await;
    browser.open(&scene.app("/channels/ali?mode=live")).await;
    assert_eq!(browser.count("main button").await, 0);
    browser.open(&scene.at("/operators")).await;
    assert!(browser.page().await.contains("This needs the role “Owner”"));
    browser.picture("story-no-permission").await;
    // The viewer was disabled meanwhile, so the next click shows the sign-in page.
    scene.world.admin("PATCH", "/operators/viewer.one", json!({ "state": "disabled" })).await.done(200);
    browser.open(&scene.at("/apps")).await;
    assert!(browser.url().await.contains("/sign-in"));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_without_scripts() {
    let Some(scene) = Scene::set("en-US").await else { return };
    let browser = &scene.browser;
    scene.charge_some().await;
    browser.without_scripts().await;
    scene.sign_in().await;
    browser.open(&scene.app("/transactions?mode=test&time=own&from=2026-11-24&to=2026-11-24&status=created")).await;
    assert!(browser.text("tbody").await.contains("cake-"));
    browser.open(&scene.app("/settings?mode=test")).await;
    browser.fill("#name", "Tea house").await;
    browser.click(r#"form[action*="/name?"] button"#).await;
    assert_eq!(browser.text(".notice.good").await, "Saved.");
    assert!(browser.text(".apps summary").await.contains("Tea house"));
    assert_eq!(scene.world.admin("GET", "/apps", Value::Null).await.done(200)["items"][0]["name"], "Tea house");

    // Webhooks of both kinds: the form has the fields of both.
    browser.open(&scene.app("/webhooks/new?mode=test")).await;
    assert_eq!((browser.count("#url").await, browser.count("#function").await), (1, 1));
    browser.fill("#url", &format!("{}/_local/receiver/shop", scene.world.url)).await;
    browser.click("button[value=save]").await;
    scene.world.must_stay_secret(&browser.text(".secret").await);
    browser.click("main .primary").await;
    browser.click("td a[href$=test]").await;
    browser.click("main .primary").await;
    assert!(browser.text("#verdict").await.contains("Received · HTTP 200"));
    // A refund, and the closing of a bill: the confirmation opens without a script.
    let id = scene.world.paid("no-script").await;
    browser.open(&scene.app(&format!("/transactions/{id}?mode=test"))).await;
    browser.click("details.confirm:has(#fee) summary").await;
    browser.fill("#fee", "1.50").await;
    browser.click("details.confirm:has(#fee) button").await;
    assert_eq!(browser.text(".notice.good").await, "The refund is under way.");
    let id = scene.world.charged("no-script-open").await;
    browser.open(&scene.app(&format!("/transactions/{id}?mode=test"))).await;
    browser.click("details.confirm summary").await;
    browser.click("details.confirm button").await;
    assert_eq!(browser.text(".notice.good").await, "It is closed.");
    // The time zone has its own button.
    browser.click(".user summary").await;
    browser.choose("#zone", "0").await;
    browser.click(".zone button").await;
    assert!(browser.page().await.contains("2026-11-2"), "{}", browser.page().await);
    browser.open(&scene.app("/transactions?mode=test")).await;
    assert!(browser.text("thead").await.contains("UTC+00:00"));
    browser.click(".user summary").await;
    browser.click(".user .link").await;
    assert!(browser.url().await.ends_with("/console/sign-in"));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_reached_by_the_keyboard() {
    let Some(scene) = Scene::set("en-US").await else { return };
    let browser = &scene.browser;
    browser.open(&scene.at("/sign-in")).await;
    // The name field has the focus; Enter sends the form.
    browser.keys(&format!("{}\u{e004}{}\u{e007}", scene.world.owner.0, scene.world.owner.1)).await;
    browser.until("return !!document.querySelector('.user')").await;
    browser.open(&scene.app("/transactions?mode=test")).await;
    browser.keys("\u{e004}").await;
    assert_eq!(browser.focused().await, "Skip to content");
    browser.keys("\u{e007}").await;
    assert_eq!(browser.run("return document.activeElement.id", json!([])).await, "main");
    // Each control gets the focus once, and shows it.
    browser.open(&scene.app("/transactions?mode=test")).await;
    let mut seen = Vec::new();
    for _ in 0..60 {
        browser.keys("\u{e004}").await;
        let now = browser.focused().await;
        if now == "Skip to content" && !seen.is_empty() {
            break;
        }
        let ring = "const style = getComputedStyle(document.activeElement);
            return document.activeElement === document.body || style.outlineStyle !== 'none' || style.boxShadow !== 'none'";
        assert_eq!(browser.run(ring, json!([])).await, json!(true), "{now} shows no focus");
        seen.push(now);
    }
    for wanted in ["Live", "Test", "中文", "admin", "Overview", "App settings", "Export", "Every status"] {
        assert!(seen.iter().any(|one| one.contains(wanted)), "{wanted} is not reached: {seen:?}");
    }
    // Enter opens a menu, and Escape moves the focus back to its button.
    browser.run("document.querySelector('.user summary').focus()", json!([])).await;
    browser.keys("\u{e007}").await;
    assert_eq!(browser.count(".user .menu-body").await, 1);
    browser.keys("\u{e00c}").await;
    assert_eq!((browser.count(".user .menu-body").await, browser.focused().await), (0, "admin".to_owned()));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_made_tried_switched_and_deleted() {
    let Some(scene) = Scene::set("en-US").await else { return };
    let browser = &scene.browser;
    scene.sign_in().await;
    browser.open(&scene.app("/webhooks/new?mode=test")).await;
    browser.fill("#url", "ftp://shop.example").await;
    browser.run("document.querySelector('form[data-target]').noValidate = true", json!([])).await;
    browser.click("button[value=save]").await;
    assert_eq!(browser.text("#url-problem").await, "Must be an http or https URL");
    browser.fill("#url", &format!("{}/_local/receiver/shop", scene.world.url)).await;
    browser.fill("#headers", "X-Shop: hush").await;
    browser.click("button[value=save]").await;
    let secret = browser.text(".secret").await;
    assert!(secret.starts_with("whsec_"));
    scene.world.must_stay_secret(&secret);
    browser.click("main .primary").await;
    browser.click("td a[href$=test]").await;
    browser.click("main .primary").await;
    assert!(browser.text("#verdict").await.contains("Received · HTTP 200"), "{}", browser.page().await);
    assert!(browser.page().await.contains("\"billNum\""));
    browser.picture("story-webhook-tested").await;
    browser.open(&scene.app("/webhooks")).await;
    browser.click("button.on-live").await;
    assert_eq!(browser.text("[aria-pressed=true]").await, "Live");
    browser.click("td .confirm summary").await;
    browser.click("td .confirm .danger[value=delete]").await;
    assert!(browser.page().await.contains("No webhooks yet"));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_goes_back_and_the_event_is_sent_again() {
    let Some(scene) = Scene::set("en-US").await else { return };
    let browser = &scene.browser;
    scene.broken_webhook().await;
    let id = scene.world.paid("tea").await;
    scene.world.advance(1000).await;
    scene.sign_in().await;
    browser.open(&scene.app(&format!("/transactions/{id}?mode=test"))).await;
    assert!(browser.text(".timeline").await.contains("HTTP 500"), "{}", browser.page().await);
    browser.click(".timeline summary").await;
    let sent = browser.text(".timeline details pre").await;
    assert!(sent.contains(r#""status": "success""#) && sent.contains(r#""sign": "***""#), "{sent}");
    browser.click(".timeline form button").await;
    assert_eq!(browser.text(".notice.good").await, "It is being sent again.");
    browser.click("details.confirm:has(#fee) summary").await;
    browser.fill("#fee", "a lot").await;
    browser.click("details.confirm:has(#fee) button").await;
    assert_eq!(browser.text("#fee-problem").await, "An amount such as 12.50");
    browser.fill("#fee", "12.50").await;
    browser.fill("#reason", "One cup less").await;
    browser.click("details.confirm:has(#fee) button").await;
    assert_eq!(browser.text(".notice.good").await, "The refund is under way.");
    assert!(browser.text(".timeline").await.contains("Refund ¥ 12.50 · done"));
    browser.picture("story-refunded").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_goes_part_by_part_and_the_overview_sums_up() {
    let Some(scene) = Scene::set("en-US").await else { return };
    let browser = &scene.browser;
    scene.charge_some().await;
    scene.sign_in().await;
    browser.open(&scene.app("/transactions?mode=test")).await;
    browser.click(".head .button").await;
    assert!(browser.page().await.contains("Download this part"));
    browser.click(".actions .button:last-child").await;
    assert_eq!(browser.text(".notice.good").await, "That was the last part.");
    browser.open(&scene.app("/overview?mode=test&days=7")).await;
    assert!(browser.count(".plot .bar").await > 0, "the bars of the chart are seen");
    let page = browser.page().await;
    assert!(page.contains("37.5%") && page.contains("2026-11-24"), "{page}");
    scene.end().await;
}
