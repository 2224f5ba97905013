//! Every page, in both languages and colour schemes and on a phone: pictures for people, and axe checks for accessibility.

use serde_json::json;

use crate::scene::Scene;

/// Name and address. `APP` stands for the path of the app's pages, `ID` for a transaction, `INCIDENT` for an incident.
#[rustfmt::skip]
const PAGES: &[(&str, &str)] = &[
    ("apps",           "/apps"),
    ("app-new",        "/apps/new"),
    ("overview",       "APP/overview?mode=test"),
    ("transactions",   "APP/transactions?mode=test"),
    ("find",           "APP/find?mode=test&q=b&beginnings=1"),
    ("refunds",        "APP/refunds?mode=test"),
    ("export",         "APP/export?mode=test"),
    ("statement",      "APP/statement?mode=test&month=2026-11"),
    ("webhooks",       "APP/webhooks?mode=test"),
    ("webhook-new",    "APP/webhooks/new?mode=test"),
    ("webhook-test",   "APP/webhooks/HOOK/test?mode=test"),
    ("alerts",         "APP/alerts?mode=test"),
    ("alerts-change",  "APP/alerts?mode=test&target=TARGET"),
    ("deliveries",     "APP/deliveries?mode=test"),
    ("incidents",      "APP/incidents?mode=test"),
    ("incident",       "APP/incidents/INCIDENT?mode=test"),
    ("no-incidents",   "APP/incidents?mode=live"),
    ("reconciliation", "APP/reconciliation?mode=test"),
    ("reconciliation-day", "APP/reconciliation/2026-11-24?mode=test"),
    ("no-transactions", "APP/transactions?mode=live"),
    ("overview-empty", "APP/overview?mode=live&days=30"),
    ("wrong-range",    "APP/transactions?mode=test&time=own&from=2026-11-24&to=2026-11-01"),
    ("apps-search",    "/apps?q=nobody"),
    ("nothing-fits",   "APP/find?mode=test&q=nobody"),
    ("transaction",    "APP/transactions/ID?mode=test"),
    ("channel-alipay", "APP/channels/ali?mode=live"),
    ("channel-wechat", "APP/channels/wx_mp?mode=live"),
    ("channel-unionpay", "APP/channels/unipay_web?mode=live"),
    ("channel-simulator", "APP/channels/ali?mode=test"),
    ("payment-links",  "APP/checkout?mode=test"),
    ("settings",       "APP/settings?mode=test"),
    ("first-steps",    "APP/first-steps?mode=test"),
    ("operators",      "/operators"),
    ("audit",          "/audit"),
    ("account",        "/account"),
    ("second-factor",  "/account/second-factor"),
    ("guides",         "/guides"),
    ("guide",          "/guides/alipay"),
    ("guide-commands", "/guides/webhooks"),
    ("guide-reference", "/guides/reference/operate"),
    ("not-found",      "/nowhere"),
];

/// Texts with two English words in a row. Names and texts by users do not count: they are in `code` and `pre`, are addresses, or were typed
/// by merchants.
const ENGLISH: &str = r"const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    while (walk.nextNode()) {
        const text = walk.currentNode.textContent.replaceAll('Apple Pay', '').replaceAll('AWS Lambda', '').replaceAll('AWS SNS', '').replaceAll('A cup of tea', '')
            .replace(/https?:\S+/g, '');
        if (walk.currentNode.parentElement.closest('code, pre, script, [lang]:not(html)')) continue;
        if (/[A-Za-z]{2,} [A-Za-z]{2,}/.test(text)) found.push(text.trim());
    }
    return found";

/// Cells of a phone's tables with words beyond their edge, where they would run into the next cell, and notes below a value that stand
/// under its label.
const OUT_OF_PLACE: &str = r"const shown = [...document.querySelectorAll('main td')].filter((cell) => cell.clientWidth > 0);
    const wide = shown.filter((cell) => cell.matches('.dense td') && cell.scrollWidth > cell.clientWidth);
    const under = shown.filter((cell) => getComputedStyle(cell).display === 'grid' && [...cell.querySelectorAll(':scope > .below')].some(
        (note) => note.getBoundingClientRect().left < cell.getBoundingClientRect().left + 96));
    return [...wide, ...under].map((cell) => (cell.dataset.label || '') + ' ' + cell.textContent.trim())";

async fn look(language: &str) {
    let Some(scene) = Scene::set(language).await else { return };
    let browser = &scene.browser;
    let hook = scene.broken_webhook().await;
    scene.charge_some().await;
    scene.forged().await;
    let incident = scene.of_another_amount().await;
    scene.differences().await;
    scene.failed_refund().await;
    scene.pulled_webhook().await;
    let target = scene.alert_target().await;
    let refunded = scene.transactions().await.as_array().unwrap().iter().find(|one| one["status"] == "refund").cloned();
    let id = refunded.unwrap()["id"].as_str().unwrap().to_owned();
    let mut barriers = Vec::new();
    let mut take = async |name: &str, scheme: &str| {
        browser.scheme(scheme).await;
        browser.picture(&format!("{name}-{language}-{scheme}")).await;
        // In the dark scheme only the colours differ.
        let rules = if scheme == "dark" { json!({ "runOnly": ["color-contrast"] }) } else { json!({}) };
        let found = browser.barriers(&rules).await;
        barriers.extend(found.into_iter().map(|one| format!("{name} in {language}, {scheme}: {one}")));
    };
    browser.open(&scene.at("/sign-in")).await;
    for scheme in ["light", "dark"] {
        take("sign-in", scheme).await;
    }
    scene.sign_in().await;
    let (mut too_wide, mut out_of_place, mut english) = (Vec::new(), Vec::new(), Vec::new());
    for (name, address) in PAGES {
        let url = match address.strip_prefix("APP") {
            Some(page) => {
                let page = page.replace("INCIDENT", &incident).replace("TARGET", &target);
                scene.app(&page.replace("HOOK", &hook).replace("ID", &id))
            }
            None => scene.at(address),
        };
        browser.open(&url).await;
        assert_eq!(browser.count("main .narrow.empty").await, usize::from(*name == "not-found"), "{name} is shown");
        for scheme in ["light", "dark"] {
            take(name, scheme).await;
        }
        if language == "zh-CN" {
            let found = browser.run(ENGLISH, json!([])).await;
            english.extend(found.as_array().unwrap().iter().map(|text| format!("{name}: {text}")));
        }
        browser.width(390).await;
        browser.scheme("light").await;
        browser.picture(&format!("{name}-{language}-phone")).await;
        let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let beyond = browser.run(script, json!([])).await;
        if beyond != 0 {
            too_wide.push(format!("{name} in {language}: {beyond}"));
        }
        let cells = browser.run(OUT_OF_PLACE, json!([])).await;
        out_of_place.extend(cells.as_array().unwrap().iter().map(|cell| format!("{name}: {cell}")));
        browser.width(1280).await;
    }
    assert!(barriers.is_empty(), "axe found:\n{}", barriers.join("\n"));
    assert!(english.is_empty(), "English in Chinese pages:\n{}", english.join("\n"));
    assert!(too_wide.is_empty(), "wider than a phone:\n{}", too_wide.join("\n"));
    assert!(out_of_place.is_empty(), "out of place on a phone:\n{}", out_of_place.join("\n"));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_for_everyone_in_chinese() {
    Box::pin(look("zh-CN")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_for_everyone_in_english() {
    Box::pin(look("en-US")).await;
}
