//! The first steps of an app, a phone's navigation, and the buttons that copy.

use serde_json::json;

use crate::scene::Scene;

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148";

/// Pays a checkout with Alipay on another device.
async fn pay(scene: &Scene, path: &str) {
    let world = &scene.world;
    let headers = [("User-Agent", PHONE), ("Content-Type", "application/x-www-form-urlencoded")];
    let chosen = world.call("POST", &format!("{path}/ali_wap"), &headers, "").await.text();
    let cashier = chosen.split_once("data-go=\"").unwrap().1.split_once('"').unwrap().0.replace("&#38;", "&");
    world.call("GET", &cashier, &[], "").await.location(302);
    let id = scene.transactions().await[0]["id"].as_str().unwrap().to_owned();
    world.play(&id, "pay", json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_payment_is_one_click_and_its_step_ticks_itself_off() {
    let Some(scene) = Scene::set("en-US").await else { return };
    let browser = &scene.browser;
    scene.sign_in().await;
    browser.open(&scene.app("/overview?mode=test")).await;
    assert!(browser.text("#first-steps").await.contains("2 of 5 done"));
    browser.click(".ticks .next a").await;
    browser.click("#payment button.primary").await;
    assert!(browser.text("#payment .pay").await.contains("Waiting for the payment"));
    browser.picture("story-test-payment").await;
    let path = "return document.querySelector('[data-watch]').dataset.watch.replace('/state', '')";
    pay(&scene, browser.run(path, json!([])).await.as_str().unwrap()).await;
    browser.until("return document.querySelector('#payment').classList.contains('done')").await;
    assert_eq!(browser.count(".qr").await, 0);
    browser.click("#webhook .primary").await;
    browser.fill("#url", &format!("{}/_local/receiver/shop", scene.world.url)).await;
    browser.click("button[value=save]").await;
    scene.world.must_stay_secret(&browser.text(".secret").await);
    browser.open(&scene.app("/first-steps")).await;
    browser.click("#webhook .primary").await;
    browser.click("main .primary").await;
    browser.open(&scene.app("/first-steps")).await;
    assert_eq!(browser.text("h1 small").await, "4 of 5 done");
    browser.click(".head .button").await;
    assert_eq!(browser.count("#first-steps").await, 0, "it is put away");
    browser.open(&scene.app("/settings")).await;
    browser.click("a[href$=first-steps]").await;
    browser.click(".head .button").await;
    assert_eq!(browser.count("#first-steps").await, 1, "and comes back");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thumb_reaches_the_daily_work_and_everything_else() {
    let Some(scene) = Scene::set("zh-CN").await else { return };
    let browser = &scene.browser;
    scene.charge_some().await;
    scene.sign_in().await;
    browser.width(390).await;
    browser.open(&scene.app("/transactions?mode=test")).await;
    assert_eq!((browser.count(".daily a").await, browser.count(".side a").await), (7, 0));
    let reached = "const low = document.querySelector('.daily').getBoundingClientRect();
        return low.bottom === innerHeight && low.height < 80 && [...document.querySelectorAll('.daily a')].every((one) =>
            one.scrollWidth <= one.clientWidth && one.clientHeight >= 44)";
    assert_eq!(browser.run(reached, json!([])).await, json!(true));
    let covered = "scrollTo(0, document.body.scrollHeight);
        const last = document.querySelector('main').lastElementChild.getBoundingClientRect();
        return last.bottom > document.querySelector('.daily').getBoundingClientRect().top";
    assert_eq!(browser.run(covered, json!([])).await, json!(false), "the end of the page is under the bar");
    for page in ["overview", "refunds", "incidents", "deliveries", "reconciliation"] {
        browser.click(&format!(".daily a[href$=\"/{page}\"]")).await;
        assert!(browser.url().await.ends_with(page), "{page}");
        assert_eq!(browser.count(".daily [aria-current]").await, 1, "{page}");
    }
    browser.click(".to-find").await;
    assert_eq!(browser.run("return document.activeElement.id", json!([])).await, "find");
    // The rest is one tap further, and closes again.
    browser.click(".to-menu").await;
    assert!(browser.count(".side a").await > 10);
    browser.picture("story-phone-menu").await;
    let found = browser.barriers(&json!({})).await;
    assert!(found.is_empty(), "{found:?}");
    browser.keys("\u{e00c}").await;
    assert_eq!((browser.count(".side a").await, browser.focused().await), (0, "更多".to_owned()));
    browser.keys("\u{e007}").await;
    browser.click(".side a[href$=settings]").await;
    assert!(browser.url().await.ends_with("/settings"));
    // An amount is on one line with its sign.
    browser.open(&scene.app("/overview?mode=test")).await;
    let broken = "return [...document.querySelectorAll('.tile dd, td')].filter((one) => one.textContent.includes('¥'))
        .filter((one) => { const range = document.createRange(), text = one.firstChild; range.setStart(text, 0);
            range.setEnd(text, text.textContent.trimEnd().length); return range.getClientRects().length > 1; }).length";
    assert_eq!(browser.run(broken, json!([])).await, 0);
    // Without scripts the same link leads to the navigation.
    browser.without_scripts().await;
    browser.open(&scene.app("/refunds?mode=test#menu")).await;
    assert!(browser.page().await.contains("应用设置"));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_that_copies_says_so_and_leaves_the_text_marked_where_it_may_not() {
    let Some(scene) = Scene::set("zh-CN").await else { return };
    let browser = &scene.browser;
    scene.sign_in().await;
    browser.open(&scene.app("/settings?mode=test")).await;
    let plays = "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { window.took = text; } }, configurable: true })";
    browser.run(plays, json!([])).await;
    browser.click("code[data-copy] + .copy").await;
    browser.until("return document.querySelector('.copy').textContent === '已复制'").await;
    browser.until("return document.getElementById('said').textContent === '已复制'").await;
    assert_eq!(browser.run("return window.took", json!([])).await, scene.world.app.app_id.as_str());
    browser.until("return document.querySelector('.copy').textContent === '复制'").await;
    let refuses = "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async () => { throw new Error('no'); } } })";
    browser.run(refuses, json!([])).await;
    browser.click("pre[data-copy] + .copy").await;
    browser.until("return document.getElementById('said').textContent.includes('Ctrl+C')").await;
    let marked = browser.run("return getSelection().toString()", json!([])).await;
    assert!(marked.as_str().unwrap().starts_with("curl -s"), "{marked}");
    scene.end().await;
}
