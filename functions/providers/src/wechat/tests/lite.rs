//! A mini program: the orders of an official account, under the mini program's own app.

use domain::{Channel, Claim, Tab};
use serde_json::{Value, json};

use super::{
    API_KEY, APP_ID, MCH_ID, NONCE, OPENID, both_modes, id, moment, now, open_tab, placed, sealed, signed,
    signed_notify, v2, verified, with, with_order,
};
use crate::{Account, Charge, Placed, ProviderError};

const LITE: &str = "wx79d74504a14b1577";

fn account() -> Account {
    open_tab(Tab::WxMp, &with(both_modes(), json!({ "liteAppId": LITE }))).unwrap()
}

fn lite_order(account: &Account) -> Result<Charge, ProviderError> {
    with_order(|order| order.channel = Channel::WxLite, |order| account.charge(order, &moment()))
}

#[test]
fn a_mini_program_orders_with_its_own_app() {
    let Charge::Call(request) = lite_order(&account()).unwrap() else { panic!("a call is expected") };
    assert_eq!(request.uri().path(), "/v3/pay/transactions/jsapi");
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!((&body["appid"], &body["payer"]["openid"]), (&json!(LITE), &json!(OPENID)));

    let answer = signed(200, r#"{"prepay_id":"wx26112221580621e9b071c00d9e093b0000"}"#);
    let parameters = account().read_charge(Channel::WxLite, &answer, &moment()).unwrap();
    let find = |name| parameters.find(name).unwrap();
    assert_eq!(find("appId"), LITE);
    verified(
        &format!("{LITE}\n1795444200\n{NONCE}\nprepay_id=wx26112221580621e9b071c00d9e093b0000\n"),
        find("paySign"),
    );
    // The official account beside it keeps its own.
    assert_eq!(account().read_charge(Channel::WxJsapi, &answer, &moment()).unwrap().find("appId"), Some(APP_ID));
}

#[test]
fn in_v2_every_call_names_the_channels_own_app() {
    let settings = with(v2(), json!({ "liteAppId": LITE, "apiKey": API_KEY }));
    let account = open_tab(Tab::WxMp, &settings).unwrap();
    let named = |request: &http::Request<bytes::Bytes>, app_id: &str| {
        String::from_utf8_lossy(request.body()).contains(&format!("<appid><![CDATA[{app_id}]]></appid>"))
    };
    let Charge::Call(order) = lite_order(&account).unwrap() else { panic!("a call is expected") };
    assert!(named(&order, LITE));
    let id = id();
    for (channel, app_id) in [(Channel::WxLite, LITE), (Channel::WxJsapi, APP_ID)] {
        let placed = Placed { channel, ..placed(&id) };
        assert!(named(&account.query(&placed, &moment()).unwrap(), app_id), "{channel}");
        assert!(named(&account.close(&placed, &moment()).unwrap(), app_id), "{channel}");
    }
}

#[test]
fn without_a_mini_program_the_channel_cannot_be_charged() {
    for settings in [both_modes(), v2()] {
        let error = lite_order(&open_tab(Tab::WxMp, &settings).unwrap()).unwrap_err();
        let ProviderError::Key { field: "liteAppId", problem } = error else { panic!("{error}") };
        assert_eq!(problem.to_string(), "is not configured, but wx_lite is charged with it");
    }
}

/// What a notify says about its app, where that is not what is configured for the channel.
fn foreign_app(account: &Account, channel: Channel, app_id: &str) -> Option<Claim> {
    let payment = json!({
        "mchid": MCH_ID, "appid": app_id, "out_trade_no": id().as_str(), "transaction_id": "4200001",
        "trade_state": "SUCCESS", "amount": {"total": 9900, "currency": "CNY"},
    });
    let resource = sealed("transaction", &payment.to_string());
    let body = json!({ "event_type": "TRANSACTION.SUCCESS", "resource": resource }).to_string();
    let report = account.read_notify(channel, &signed_notify(&body), now()).unwrap();
    report.claims.into_iter().find(|claim| claim.said != claim.configured)
}

#[test]
fn a_notify_must_name_the_app_of_its_own_channel() {
    let account = account();
    assert_eq!(foreign_app(&account, Channel::WxLite, LITE), None);
    assert_eq!(foreign_app(&account, Channel::WxJsapi, APP_ID), None);
    for (channel, other, own) in [(Channel::WxLite, APP_ID, LITE), (Channel::WxJsapi, LITE, APP_ID)] {
        let claim = Claim { field: "appid", said: other.to_owned(), configured: own.to_owned() };
        assert_eq!(foreign_app(&account, channel, other), Some(claim));
    }
    // The mini program was taken out of the settings: its reports fit nobody.
    let without = open_tab(Tab::WxMp, &both_modes()).unwrap();
    assert_eq!(foreign_app(&without, Channel::WxLite, LITE).unwrap().configured, "");
}

#[test]
fn a_bill_is_read_for_both_apps() {
    let names = [format!("wechat/{MCH_ID}/{APP_ID}"), format!("wechat/{MCH_ID}/{LITE}")];
    assert_eq!(account().bill_names(), names);
    let same = open_tab(Tab::WxMp, &with(both_modes(), json!({ "liteAppId": APP_ID }))).unwrap();
    assert_eq!(same.bill_names(), names[..1]);
}
