//! Inside the simulated wallets: a page calls the bridge, the payer confirms on the sheet, and the page hears the result.

use serde_json::{Value, json};

use crate::{
    scene::Scene,
    world::{charge_of, with, without},
};

/// Calls the bridge as a page does, as soon as it is there. The result is kept in `window.heard`.
const WECHAT: &str = "window.heard = undefined;
    const go = () => WeixinJSBridge.invoke('getBrandWCPayRequest', arguments[0], (answer) => { window.heard = answer.err_msg; });
    window.WeixinJSBridge ? go() : document.addEventListener('WeixinJSBridgeReady', go);";
const ALIPAY: &str = "window.heard = undefined;
    const go = () => AlipayJSBridge.call('tradePay', { orderStr: arguments[0].ali_app }, (answer) => { window.heard = answer.resultCode; });
    window.AlipayJSBridge ? go() : document.addEventListener('AlipayJSBridgeReady', go);";
const UNIONPAY: &str = "window.heard = undefined;
    upsdk.pay({ tn: arguments[0].tn, success: () => { window.heard = 'success'; }, fail: (error) => { window.heard = error.errcode; } });";

struct Story {
    wallet: &'static str,
    channel: &'static str,
    call: &'static str,
    agent: &'static str,
    /// What a page hears: cancelled, refused, paid.
    heard: [&'static str; 3],
    /// What spoils the parameters.
    spoil: Value,
}

async fn charged(scene: &Scene, story: &Story) -> Value {
    let charge = without(charge_of(story.channel, story.wallet), "returnUrl");
    let openid = json!({ "openid": "oSimulatedBuyer_wx000000000000c302" });
    let charge = if story.channel == "wx_jsapi" { with(charge, &openid) } else { charge };
    scene.world.charge(&charge).await.ok()
}

async fn tell(scene: &Scene, story: &Story) {
    let browser = &scene.browser;
    let charged = charged(scene, story).await;
    browser.open(&format!("{}/_local/simulator/{}/browser?url=/", scene.world.url, story.wallet)).await;
    let agent = browser.run("return navigator.userAgent", json!([])).await;
    assert!(agent.as_str().unwrap().contains(story.agent), "{agent}");
    let heard = || browser.run("return window.heard", json!([]));

    browser.run(story.call, json!([charged])).await;
    browser.until("return document.querySelector('#simulated-sheet') !== null").await;
    assert!(browser.text("#simulated-sheet").await.contains("¥99.00"));
    for scheme in ["light", "dark"] {
        browser.scheme(scheme).await;
        browser.picture(&format!("wallet-{}-{scheme}", story.wallet)).await;
        let found = browser.barriers(&json!({})).await;
        let found: Vec<&String> = found.iter().filter(|one| one.contains("simulated")).collect();
        assert!(found.is_empty(), "{} {scheme}: {found:?}", story.wallet);
    }
    browser.click("#simulated-cancel").await;
    browser.until("return window.heard !== undefined").await;
    assert_eq!(heard().await, story.heard[0], "{}", story.wallet);

    browser.run(story.call, json!([with(charged.clone(), &story.spoil)])).await;
    browser.until("return window.heard !== undefined").await;
    assert_eq!(heard().await, story.heard[1], "{}", story.wallet);
    assert_eq!(browser.count("#simulated-complaint").await, 1);
    assert_eq!(scene.world.record(story.wallet).await["status"], "created");

    browser.run(story.call, json!([charged])).await;
    browser.click("#simulated-pay").await;
    browser.until("return window.heard !== undefined").await;
    assert_eq!(heard().await, story.heard[2], "{}", story.wallet);
    assert_eq!(scene.world.record(story.wallet).await["status"], "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_inside_each_wallet_is_told_of_cancel_refusal_and_payment() {
    let Some(scene) = Scene::set("zh-CN").await else { return };
    scene.browser.width(390).await;
    for story in [
        Story {
            wallet: "wechat",
            channel: "wx_jsapi",
            call: WECHAT,
            agent: "MicroMessenger",
            heard: ["get_brand_wcpay_request:cancel", "get_brand_wcpay_request:fail", "get_brand_wcpay_request:ok"],
            spoil: json!({ "paySign": "AAAA" }),
        },
        Story {
            wallet: "alipay",
            channel: "ali_app",
            call: ALIPAY,
            agent: "AlipayClient",
            heard: ["6001", "4000", "9000"],
            spoil: json!({ "ali_app": "app_id=1&sign=AAAA" }),
        },
        Story {
            wallet: "unionpay",
            channel: "unipay_app",
            call: UNIONPAY,
            agent: "CloudPay",
            heard: ["cancelled", "34", "success"],
            spoil: json!({ "tn": "111111111111111111111" }),
        },
    ] {
        tell(&scene, &story).await;
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cashier_shows_its_code_on_a_pc_only_and_is_readable_in_the_dark() {
    let Some(scene) = Scene::set("en-US").await else { return };
    let browser = &scene.browser;
    for (channel, member) in [("ali_web", "ali_web"), ("wx_h5", "wx_h5")] {
        let more = if channel == "wx_h5" { json!({ "clientIp": "203.0.113.7" }) } else { json!({}) };
        let charged = scene.world.charge(&with(charge_of(channel, channel), &more)).await.ok();
        browser.width(1280).await;
        browser.open(charged[member].as_str().unwrap()).await;
        for scheme in ["light", "dark"] {
            browser.scheme(scheme).await;
            browser.picture(&format!("cashier-{channel}-{scheme}")).await;
            let found = browser.barriers(&json!({ "runOnly": ["color-contrast"] })).await;
            assert!(found.is_empty(), "{channel} {scheme}: {found:?}");
        }
        assert_eq!(browser.count(".qr svg").await, 1, "{channel}");
        browser.width(390).await;
        assert_eq!(browser.count(".qr svg").await, 0, "{channel}");
    }
    scene.end().await;
}
