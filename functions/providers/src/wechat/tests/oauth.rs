//! The web authorisation of an official account, with WeChat's documented answers.

use domain::Tab;
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    APP_ID, MCH_ID, OPENID, both_modes, id, key_mode, moment, now, open_tab, placed, refused, unclear, unsigned, v2,
    with,
};
use crate::{
    Account, CheckedSetting, Proof, ProviderError, mask,
    wechat::{Oauth, Openid},
};

const SECRET: &str = "3e2fa5ce1990693588816ff28e259ae0";
const LITE: &str = "wx79d74504a14b1577";

fn authorising() -> Map<String, Value> {
    with(key_mode(), json!({ "appSecret": SECRET }))
}

fn account_with(changes: Value) -> Account {
    open_tab(Tab::WxMp, &with(authorising(), changes)).unwrap()
}

fn read(body: &str) -> Result<Openid, ProviderError> {
    account_with(json!({})).oauth().unwrap().read_exchange(&unsigned(200, body))
}

#[test]
fn the_payer_is_sent_to_wechat_with_the_parameters_in_its_order() {
    let account = account_with(json!({}));
    let url = account.oauth().unwrap().authorize_url("https://pay.example.com/pay/t/wx?a=b&c", "0a1B");
    assert_eq!(
        url,
        format!(
            "https://open.weixin.qq.com/connect/oauth2/authorize?appid={APP_ID}\
             &redirect_uri=https%3A%2F%2Fpay.example.com%2Fpay%2Ft%2Fwx%3Fa%3Db%26c&response_type=code&scope=snsapi_base\
             &state=0a1B#wechat_redirect"
        )
    );
    assert!(!url.contains(SECRET));
}

#[test]
fn the_code_is_exchanged_with_the_secret() {
    for settings in [authorising(), with(v2(), json!({ "appSecret": SECRET }))] {
        let account = open_tab(Tab::WxMp, &settings).unwrap();
        let request = account.oauth().unwrap().exchange("0816&x=1").unwrap();
        assert_eq!(request.method(), Method::GET);
        assert_eq!(
            request.uri().to_string(),
            format!(
                "https://api.weixin.qq.com/sns/oauth2/access_token?appid={APP_ID}&secret={SECRET}&code=0816%26x%3D1\
                 &grant_type=authorization_code"
            )
        );
    }
    let proxied = json!({ "oauthPage": "https://proxy.example/open/", "oauthGateway": "https://proxy.example/api" });
    let account = account_with(proxied);
    let oauth = account.oauth().unwrap();
    assert!(oauth.authorize_url("https://a.example/", "1").starts_with("https://proxy.example/open/connect/oauth2/"));
    assert_eq!(oauth.exchange("1").unwrap().uri().path(), "/api/sns/oauth2/access_token");
}

#[test]
fn the_openid_is_read() {
    let answer = json!({
        "access_token": "T", "expires_in": 7200, "refresh_token": "R", "openid": OPENID, "scope": "snsapi_base",
    });
    let openid = read(&answer.to_string()).unwrap();
    assert_eq!(openid.as_str(), OPENID);
    assert!(!format!("{openid:?}").contains(OPENID));
    for odd in [json!({"openid": "o U"}), json!({"openid": "o".repeat(129)}), json!({"openid": {"a": 1}}), json!({})] {
        unclear(read(&odd.to_string()), "openid");
    }
    refused(read(&json!({"openid": OPENID, "is_snapshotuser": 1}).to_string()), "is_snapshotuser");
    read(&json!({"openid": OPENID, "is_snapshotuser": 0}).to_string()).unwrap();
}

#[test]
fn a_spent_code_asks_for_another_one() {
    for (code, words) in [
        (40029, "invalid code, rid: 6583f22d-35b1b023-4a6d02b6"),
        (40163, "code been used, hints: [ req_id: plAv90053th21 ]"),
        (41008, "missing code, hints: [ req_id: jCbezQaLRa-yh_Wxa ]"),
        (42003, "oauth_code expired"),
    ] {
        let error = read(&json!({"errcode": code, "errmsg": words}).to_string()).unwrap_err();
        assert!(Oauth::is_spent(&error), "{error}");
        assert_eq!(error, ProviderError::Refused { code: code.to_string(), words: words.to_owned() });
    }
    let other = read(r#"{"errcode":48001,"errmsg":"api unauthorized"}"#).unwrap_err();
    assert!(!Oauth::is_spent(&other));
    refused(Err::<(), _>(other), "48001");
}

#[test]
fn wrong_settings_and_a_busy_wechat_are_told_apart() {
    for (code, field) in
        [(40125, "appSecret"), (40001, "appSecret"), (41004, "appSecret"), (40243, "appSecret"), (40013, "appId")]
    {
        let error = read(&json!({"errcode": code, "errmsg": "no"}).to_string()).unwrap_err();
        let ProviderError::Key { field: found, problem } = error else { panic!("{error}") };
        assert_eq!((found, problem.to_string()), (field, format!("wechat refuses it with {code}: no")));
    }
    unclear(read(r#"{"errcode":-1,"errmsg":"system error"}"#), "wechat answered -1: system error");
    unclear(read("<html>"), "not the documented JSON");
    unclear(read(&" ".repeat(20_000)), "longer than");
    unclear(read(r#"{"openid":"a","openid":"b"}"#), "twice");
    let account = account_with(json!({}));
    unclear(account.oauth().unwrap().read_exchange(&unsigned(502, "{}")), "HTTP status 502");
}

#[test]
fn the_secret_is_checked_by_a_code_that_nobody_was_given() {
    let account = account_with(json!({ "liteAppId": LITE }));
    let id = id();
    let moments = [moment(), moment()];
    let questions = account.probes(&placed(&id), &moments).unwrap();
    assert_eq!(questions.last().unwrap().uri().path(), "/sns/oauth2/access_token");
    let result = |body: Option<&str>| {
        let mut answers = vec![None; questions.len() - 1];
        answers.push(body.map(|body| unsigned(200, body)));
        let report = account.read_probes(&answers, now());
        let found = |field: &str| report.settings.iter().filter(|one| one.field == field).cloned().collect::<Vec<_>>();
        let [lite] = &found("liteAppId")[..] else { panic!("{report:?}") };
        assert!(matches!(lite.proof, Proof::Untestable(_)));
        [found("appId"), found("appSecret")].concat()
    };
    let tested = CheckedSetting { field: "appSecret", proof: Proof::Tested };
    assert!(result(Some(r#"{"errcode":40029,"errmsg":"invalid code"}"#)).contains(&tested));
    assert!(result(Some(r#"{"errcode":40163,"errmsg":"code been used"}"#)).contains(&tested));
    let wrong = |found: Vec<CheckedSetting>| {
        let wrong = found.into_iter().filter(|one| matches!(one.proof, Proof::Wrong(_)));
        wrong.map(|one| one.field).collect::<Vec<_>>()
    };
    assert_eq!(wrong(result(Some(r#"{"errcode":40125,"errmsg":"invalid appsecret"}"#))), ["appSecret"]);
    assert_eq!(wrong(result(Some(r#"{"errcode":40013,"errmsg":"invalid appid"}"#))), ["appId"]);
    for silent in [None, Some("<html>"), Some(r#"{"errcode":-1}"#), Some(r#"{"openid":"oUpF8"}"#)] {
        let found = result(silent);
        assert!(wrong(found.clone()).is_empty() && !found.contains(&tested), "{silent:?}");
    }
}

#[test]
fn the_members_of_an_official_account_are_checked_and_the_secret_is_never_shown() {
    for (changes, field, words) in [
        (json!({"appSecret": "short"}), "appSecret", "32 letters and digits"),
        (json!({"appSecret": format!("{}-", &SECRET[1..])}), "appSecret", "32 letters and digits"),
        (json!({"appSecret": null, "oauthPage": "https://a.example"}), "oauthPage", "has no use without appSecret"),
        (
            json!({"appSecret": null, "oauthGateway": "https://a.example"}),
            "oauthGateway",
            "has no use without appSecret",
        ),
        (json!({"oauthGateway": "http://a.example"}), "oauthGateway", "https://"),
        (json!({"oauthPage": "https://a.example/?a"}), "oauthPage", "without ?"),
        (json!({"oauthPage": "https://a.example/a%20b"}), "oauthPage", "must have no path"),
        (json!({"liteAppId": "1900"}), "liteAppId", "must be wx and then letters"),
    ] {
        let error = open_tab(Tab::WxMp, &with(authorising(), changes)).unwrap_err();
        assert!(error.field == field && error.problem.to_string().contains(words), "{field} {words}: {error}");
    }
    // A mobile app has none of them.
    for (name, value) in [("appSecret", SECRET), ("liteAppId", LITE), ("oauthPage", "https://a.example")] {
        let error = open_tab(Tab::WxApp, &with(both_modes(), json!({ name: value }))).unwrap_err();
        assert!(error.field == name && error.problem.to_string().contains("is not a setting of protocol"), "{error}");
    }
    assert!(open_tab(Tab::WxMp, &both_modes()).unwrap().oauth().is_none());
    let account = account_with(json!({}));
    assert!(!format!("{account:?}").contains(SECRET));
    let shown = mask(Tab::WxMp, &with(authorising(), json!({"liteAppId": LITE, "oauthPage": "https://a.example"})));
    assert_eq!((&shown["appSecret"], &shown["liteAppId"]), (&json!("***"), &json!(LITE)));
    assert_eq!((&shown["oauthPage"], &shown["mchId"]), (&json!("https://a.example"), &json!(MCH_ID)));
}
