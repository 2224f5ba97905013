//! The simulated in-app browsers of the local stack: who they are, whom they send for an openid, and how strictly their bridges check.

use http::header::SET_COOKIE;
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    channels::{charge_on, named},
    wechat::{save, settings_of},
    world::{World, with},
};

const ACCOUNT: &str = "wx000000000000c302";

/// A browser with its cookies, inside a wallet.
struct Inside<'a> {
    world: &'a World,
    cookies: String,
    agent: &'static str,
}

impl<'a> Inside<'a> {
    async fn enter(world: &'a World, wallet: &str, payer: &str) -> Self {
        let target = format!("/_local/simulator/{wallet}/browser?url=%2F_local%2Freturned&payer={payer}");
        let entered = world.call("GET", &target, &[], "").await;
        assert_eq!((entered.status, entered.header("location")), (303, "/_local/returned"));
        let set = entered.headers.get_all(SET_COOKIE).iter();
        let cookies: Vec<&str> = set.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap()).collect();
        let agent = match wallet {
            "wechat" => "MicroMessenger",
            "alipay" => "AlipayClient",
            _ => "UnionPay",
        };
        Self { world, cookies: cookies.join("; "), agent }
    }

    async fn get(&self, target: &str) -> Answer {
        self.world.call("GET", target, &[("cookie", &self.cookies)], "").await
    }

    /// What the wallet's script sends to its simulator.
    async fn bridge(&self, wallet: &str, params: Value) -> Answer {
        let body = json!({ "page": format!("{}/pay/t", self.world.url), "params": params }).to_string();
        self.world.post_as(&[("cookie", &self.cookies)], &format!("/simulator/{wallet}/bridge"), body).await
    }

    /// The sheet is shown, and the payer confirms.
    async fn pay(&self, wallet: &str, params: Value) -> Value {
        let sheet = self.bridge(wallet, params).await.done(200);
        assert_eq!(sheet["amount"], "99.00", "{sheet}");
        let confirmed = self.world.post_as(&[("cookie", &self.cookies)], sheet["pay"].as_str().unwrap(), "{}").await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.text());
        let again = self.world.post_as(&[("cookie", &self.cookies)], sheet["pay"].as_str().unwrap(), "{}").await;
        assert_eq!(again.status, 409, "a second click pays nothing");
        sheet
    }

    #[track_caller]
    fn check_refused(answer: &Answer, code: &str) {
        let body = answer.json();
        assert_eq!((answer.status, body["code"].as_str()), (400, Some(code)), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_inside_a_wallet_gets_its_bridge_and_a_page_outside_gets_none() {
    let world = World::start().await;
    for (wallet, bridge) in [("wechat", "WeixinJSBridge"), ("alipay", "AlipayJSBridge"), ("unionpay", "upsdk")] {
        let inside = Inside::enter(&world, wallet, "Li").await;
        let page = inside.get("/").await.text();
        assert!(page.contains(bridge) && page.contains(inside.agent), "{wallet}");
        for outside in ["/console/sign-in", "/_local/returned"] {
            assert!(!inside.get(outside).await.text().contains(bridge), "{wallet} {outside}");
        }
        // Only pages get it.
        assert!(!inside.get("/simulator/nothing").await.text().contains(bridge), "{wallet}");
        let left = world.call("GET", &format!("/_local/simulator/{wallet}/browser?leave"), &[], "").await;
        assert!(left.headers.get_all(SET_COOKIE).iter().all(|cookie| cookie.to_str().unwrap().contains("Max-Age=0")));
        assert!(!world.call("GET", "/", &[], "").await.text().contains(bridge));
        for foreign in ["https%3A%2F%2Fevil.example%2F", "%2F%2Fevil.example", "javascript%3Aalert(1)"] {
            let target = format!("/_local/simulator/{wallet}/browser?url={foreign}");
            assert_eq!(world.call("GET", &target, &[], "").await.status, 400, "{foreign}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_wechat_the_silent_authorisation_brings_the_openid_with_which_one_pays() {
    let world = World::start().await;
    save(&world, "wx_mp", &settings_of(&world, "v3Both", "wx_mp").await).await.done(200);
    let inside = Inside::enter(&world, "wechat", "Li").await;
    let back = format!("{}%2Fpay%2Ft", world.url.replace(':', "%3A").replace('/', "%2F"));
    let page = format!(
        "/simulator/wechat/connect/oauth2/authorize?appid={ACCOUNT}&redirect_uri={back}&response_type=code&scope=snsapi_base&state=S1"
    );
    // Outside WeChat the page refuses.
    assert!(world.call("GET", &page, &[], "").await.text().contains("请在微信客户端打开链接"));
    let sent = inside.get(&page).await;
    let location = sent.location(302);
    let (_, code) = location.split_once("code=").unwrap();
    let code = code.strip_suffix("&state=S1").unwrap();
    let settings = settings_of(&world, "v3Both", "wx_mp").await;
    let exchange = format!(
        "/simulator/wechat/sns/oauth2/access_token?appid={ACCOUNT}&secret={}&code={code}&grant_type=authorization_code",
        settings["appSecret"].as_str().unwrap()
    );
    let answer: Value = serde_json::from_slice(&world.call("GET", &exchange, &[], "").await.body).unwrap();
    let charge = |openid: &Value| with(charge_on(named("wx_jsapi"), "tea"), &json!({ "openid": openid }));
    let charged = world.charge(&charge(&answer["openid"])).await.ok();
    inside.pay("wechat", charged).await;
    assert_eq!(world.record("tea").await["status"], "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bridge_of_wechat_refuses_what_wechat_refuses() {
    let world = World::start().await;
    let inside = Inside::enter(&world, "wechat", "Li").await;
    let charge = |bill: &str, openid: &str| with(charge_on(named("wx_jsapi"), bill), &json!({ "openid": openid }));
    let own = world.charge(&charge("1", &format!("oSimulatedLi_{ACCOUNT}"))).await.ok();
    let others = world.charge(&charge("2", &format!("oSimulatedWang_{ACCOUNT}"))).await.ok();
    Inside::check_refused(&inside.bridge("wechat", others).await, "PAYER_DIFFERS");
    for (changes, code) in [
        (json!({ "paySign": "AAAA" }), "SIGN_ERROR"),
        (json!({ "timeStamp": "1700000000" }), "SIGN_ERROR"),
        (json!({ "appId": "wx000000000000c303" }), "INVALID_PARAMETER"),
        (json!({ "signType": "MD5" }), "INVALID_PARAMETER"),
        (json!({ "package": "prepay_id=wx1" }), "PREPAY_NOT_EXIST"),
        (json!({ "nonceStr": null }), "INVALID_PARAMETER"),
    ] {
        Inside::check_refused(&inside.bridge("wechat", with(own.clone(), &changes)).await, code);
    }
    let lite = with(charge_on(named("wx_lite"), "3"), &json!({ "openid": "oSimulatedLi_wx000000000000c303" }));
    let lite = world.charge(&lite).await.ok();
    Inside::check_refused(&inside.bridge("wechat", lite).await, "INVALID_PARAMETER");
    let directory = json!({ "directory": format!("{}/shop/", world.url) }).to_string();
    world.post_as(&[], "/_local/simulator/wechat/registered", directory).await.done(200);
    Inside::check_refused(&inside.bridge("wechat", own.clone()).await, "URL_NOT_REGISTERED");
    let outside = json!({ "page": format!("{}/pay/t", world.url), "params": own }).to_string();
    Inside::check_refused(&world.post_as(&[], "/simulator/wechat/bridge", outside).await, "NOT_INSIDE");
    assert_eq!(world.record("1").await["status"], "created");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wechat_opens_neither_alipays_pages_nor_its_own_h5_page_and_h5_wants_a_registered_referer() {
    let world = World::start().await;
    let inside = Inside::enter(&world, "wechat", "").await;
    let wap = world.charge(&charge_on(named("ali_wap"), "1")).await.ok();
    let path = |address: &Value| address.as_str().unwrap().strip_prefix(&world.url).unwrap().to_owned();
    let blocked = inside.get(&path(&wap["ali_wap"])).await;
    assert!(blocked.status == 200 && blocked.text().contains("已停止访问该网页"), "{}", blocked.text());
    let h5 = world.charge(&charge_on(named("wx_h5"), "2")).await.ok();
    let page = path(&h5["wx_h5"]);
    assert!(inside.get(&page).await.text().contains("请在微信外打开订单"));
    let registered = json!({ "h5Domain": "shop.example" }).to_string();
    world.post_as(&[], "/_local/simulator/wechat/registered", registered).await.done(200);
    for (referer, words) in [(None, "商家参数格式有误"), (Some("https://other.example/pay"), "商家存在未配置的参数")]
    {
        let headers: Vec<_> = referer.map(|referer| ("referer", referer)).into_iter().collect();
        assert!(world.call("GET", &page, &headers, "").await.text().contains(words), "{referer:?}");
    }
    world.call("GET", &page, &[("referer", "https://shop.example/pay/t")], "").await.location(303);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_alipay_the_order_string_is_paid_and_a_spoiled_one_is_refused() {
    let world = World::start().await;
    let inside = Inside::enter(&world, "alipay", "").await;
    let charged = world.charge(&charge_on(named("ali_app"), "tea")).await.ok();
    let order = charged["ali_app"].as_str().unwrap();
    let spoiled = order.replace("QUICK_MSECURITY_PAY", "QUICK_WAP_WAY");
    assert_ne!(spoiled, order);
    Inside::check_refused(&inside.bridge("alipay", json!({ "orderStr": spoiled })).await, "isv.invalid-signature");
    Inside::check_refused(&inside.bridge("alipay", json!({})).await, "MISSING_PARAMETER");
    Inside::check_refused(&inside.bridge("alipay", json!({ "tradeNO": "1" })).await, "TRADE_STATUS_ERROR");
    inside.pay("alipay", json!({ "orderStr": order })).await;
    assert_eq!(world.record("tea").await["status"], "success");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_unionpays_app_the_tn_is_paid_and_that_of_a_page_is_not() {
    let world = World::start().await;
    let inside = Inside::enter(&world, "unionpay", "").await;
    let charged = world.charge(&charge_on(named("unipay_app"), "tea")).await.ok();
    Inside::check_refused(&inside.bridge("unionpay", json!({ "tn": "1".repeat(21) })).await, "34");
    inside.pay("unionpay", json!({ "tn": charged["tn"] })).await;
    assert_eq!(world.record("tea").await["status"], "success");
    Inside::check_refused(&inside.bridge("unionpay", json!({ "tn": charged["tn"] })).await, "35");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cashier_has_a_code_to_scan_while_it_can_be_paid_and_its_errors_have_a_way_back() {
    let world = World::start().await;
    for channel in ["ali_web", "wx_native", "unipay_web"] {
        let charged = world.charge(&charge_on(named(channel), channel)).await.ok();
        let cashier = crate::channels::open(&world, named(channel), &charged).await;
        let page = world.call("GET", &cashier, &[], "").await.text();
        assert!(page.contains("<svg role=\"img\"") && page.contains("prefers-color-scheme:dark"), "{channel}");
        let wrong = world.post_form(&cashier, "action=steal").await;
        assert!(wrong.status == 400 && wrong.text().contains("Back 返回"), "{channel}");
        world.post_form(&cashier, "action=pay").await;
        assert!(!world.call("GET", &cashier, &[], "").await.text().contains("<svg"), "{channel}");
    }
    world.end().await;
}
