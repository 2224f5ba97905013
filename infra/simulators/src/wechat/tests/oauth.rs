//! The web authorisation of a service account: the page, and the exchange of its code.

use http::Method;
use serde_json::{Value, json};

use super::{Bench, Call, text};
use crate::kit::beijing::MINUTE_MS;

const INSIDE: &str = "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50";

/// The page's address, with some parameters replaced; `""` leaves one out.
fn page(bench: &Bench, changes: &[(&str, &str)]) -> String {
    let app_id = bench.settings("v3Both", "wx_mp")["appId"].as_str().unwrap().to_owned();
    let usual = [
        ("appid", app_id.as_str()),
        ("redirect_uri", "http%3A%2F%2Fsim.test%2Fpay%2Ft%3Fa%3Db%23c"),
        ("response_type", "code"),
        ("scope", "snsapi_base"),
        ("state", "S1"),
    ];
    let value = |name: &str, usual: &str| {
        changes.iter().find(|(known, _)| *known == name).map_or(usual, |(_, value)| *value).to_owned()
    };
    let pairs = usual.map(|(name, usual)| (name, value(name, usual)));
    let written: Vec<String> =
        pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}")).collect();
    format!("/simulator/wechat/connect/oauth2/authorize?{}", written.join("&"))
}

async fn open(bench: &Bench, target: &str, agent: &'static str) -> (u16, String) {
    let mut call = Call::new(Method::GET, target, "");
    call.set("User-Agent", agent);
    call.set("Cookie", "a=b; simulatedPayer=Li");
    let answer = bench.request(call).await;
    (answer.reply.status, answer.reply.location.clone().unwrap_or_else(|| text(&answer)))
}

async fn code(bench: &Bench) -> String {
    let (status, location) = open(bench, &page(bench, &[]), INSIDE).await;
    assert_eq!(status, 302, "{location}");
    let code = location.strip_prefix("http://sim.test/pay/t?a=b&code=").unwrap().strip_suffix("&state=S1#c").unwrap();
    code.to_owned()
}

/// The exchange, with some parameters replaced; `null` leaves one out.
async fn exchange(bench: &Bench, code: &str, changes: Value) -> Value {
    let settings = bench.settings("v3Both", "wx_mp");
    let mut params = json!({
        "appid": settings["appId"], "secret": settings["appSecret"], "code": code, "grant_type": "authorization_code",
    });
    for (name, value) in changes.as_object().unwrap() {
        params[name] = value.clone();
    }
    let params = params.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    let query: Vec<String> = params.map(|(name, value)| format!("{name}={}", value.as_str().unwrap())).collect();
    let answer = bench.get(&format!("/simulator/wechat/sns/oauth2/access_token?{}", query.join("&"))).await;
    assert_eq!((answer.reply.status, answer.reply.content_type), (200, "text/plain"));
    serde_json::from_slice(&answer.reply.body).unwrap()
}

#[tokio::test]
async fn a_code_brings_the_payers_openid_once() {
    let bench = Bench::new();
    let code = code(&bench).await;
    let answer = exchange(&bench, &code, json!({})).await;
    assert_eq!(
        (&answer["openid"], &answer["scope"]),
        (&json!("oSimulatedLi_wx000000000000c302"), &json!("snsapi_base"))
    );
    let again = exchange(&bench, &code, json!({})).await;
    assert_eq!(again["errcode"], 40163);
    assert!(again["errmsg"].as_str().unwrap().starts_with("code been used, rid: "), "{again}");
}

#[tokio::test]
async fn the_exchange_refuses_as_wechat_does() {
    let bench = Bench::new();
    let code = code(&bench).await;
    for (changes, errcode) in [
        (json!({ "appid": null }), 41002),
        (json!({ "secret": null }), 41004),
        (json!({ "code": null }), 41008),
        (json!({ "grant_type": "client_credential" }), 40002),
        (json!({ "appid": "wx000000000000ffff" }), 40013),
        // A mini program has no web authorisation.
        (json!({ "appid": "wx000000000000c303" }), 40013),
        (json!({ "secret": "0123456789abcdef0123456789abcdef" }), 40125),
        (json!({ "code": "0123456789ABCDEF0123456789ABCDEF" }), 40029),
    ] {
        assert_eq!(exchange(&bench, &code, changes.clone()).await["errcode"], errcode, "{changes}");
    }
    // None of them used the code up; five minutes do.
    bench.pass(5 * MINUTE_MS + 1);
    assert_eq!(exchange(&bench, &code, json!({})).await["errcode"], 40029);
}

#[tokio::test]
async fn the_page_opens_inside_wechat_only_and_is_particular() {
    let bench = Bench::new();
    let (status, words) = open(&bench, &page(&bench, &[]), "Mozilla/5.0 (Windows NT 10.0)").await;
    assert!(status == 200 && words.contains("请在微信客户端打开链接"), "{words}");
    for (changes, expect) in [
        (("appid", ""), "10012"),
        (("redirect_uri", ""), "10011"),
        (("scope", ""), "10010"),
        (("state", ""), "10013"),
        (("appid", "wx000000000000c301"), "10016"),
        (("scope", "snsapi_userinfo"), "10005"),
        (("state", "a-b"), "letters and digits"),
        (("response_type", "token"), "response_type"),
        (("redirect_uri", "http%3A%2F%2Fother.test%2F"), "10003"),
        (("redirect_uri", "http%3A%2F%2Fa.sim.test%2F"), "10003"),
        (("redirect_uri", "javascript%3Aalert(1)"), "10003"),
    ] {
        let (status, words) = open(&bench, &page(&bench, &[changes]), INSIDE).await;
        assert!(status == 200 && words.contains(expect), "{changes:?}: {words}");
    }
    let turned =
        page(&bench, &[]).replace("response_type=code&scope=snsapi_base", "scope=snsapi_base&response_type=code");
    assert!(open(&bench, &turned, INSIDE).await.1.contains("in this order"));
    assert_eq!(bench.door("registered", json!({ "domain": "other.test" })).await.0, 200);
    assert!(open(&bench, &page(&bench, &[]), INSIDE).await.1.contains("10003"));
}

#[tokio::test]
async fn an_openid_of_another_app_is_refused_at_the_order() {
    let bench = Bench::new();
    let order = |number: &str, openid: &str| {
        let mut body = bench.order_body("v3Both", "jsapi", number);
        body["payer"]["openid"] = json!(openid);
        body
    };
    let path = "/v3/pay/transactions/jsapi";
    let foreign = order("O00000001", "oSimulatedLi_wx000000000000c303");
    let (status, refused) = bench.call("v3Both", Method::POST, path, foreign).await;
    assert_eq!(
        (status, &refused["code"], &refused["message"]),
        (400, &json!("PARAM_ERROR"), &json!("appid和openid不匹配"))
    );
    let own = order("O00000002", "oSimulatedLi_wx000000000000c302");
    assert_eq!(bench.call("v3Both", Method::POST, path, own).await.0, 200);
    let mut lite = order("O00000003", "oSimulatedLi_wx000000000000c303");
    lite["appid"] = json!("wx000000000000c303");
    assert_eq!(bench.call("v3Both", Method::POST, path, lite).await.0, 200);
}

#[tokio::test]
async fn the_exchange_can_be_made_to_fail() {
    let bench = Bench::new();
    for (fault, expect) in [("busy", json!({ "errcode": -1 })), ("snapshot", json!({ "is_snapshotuser": 1 }))] {
        let code = code(&bench).await;
        assert_eq!(bench.door("registered", json!({ "oauthFault": fault })).await.0, 200);
        let answer = exchange(&bench, &code, json!({})).await;
        for (name, value) in expect.as_object().unwrap() {
            assert_eq!(&answer[name], value, "{fault}");
        }
        assert!(exchange(&bench, &code, json!({})).await.get("is_snapshotuser").is_none());
    }
}
