//! What a charge sends, and what it answers.

use bytes::Bytes;
use domain::Channel;
use http::{Method, Request};
use serde_json::{Value, json};

use super::{
    APP_ID, NOTIFY_URL, account, certificate_mode, decoded, fen, id, key, key_mode, moment, open, placed, query_of,
    refund, response, signed_answer, with, with_order,
};
use crate::{
    Account, Charge, GatewayPolicy, PaymentParameters, ProviderError,
    alipay::sign::joined,
    keys::{BASE64, VerifyingKey},
};
use base64::Engine as _;

fn ready(account: &Account, channel: Channel) -> PaymentParameters {
    with_order(
        |order| order.channel = channel,
        |order| match account.charge(order, &moment()).unwrap() {
            Charge::Ready(parameters) => parameters,
            Charge::Call(_) => panic!("no call is needed"),
        },
    )
}

fn call(account: &Account) -> Request<Bytes> {
    with_order(
        |order| order.channel = Channel::AliQrcode,
        |order| match account.charge(order, &moment()).unwrap() {
            Charge::Ready(_) => panic!("a call is needed"),
            Charge::Call(request) => request,
        },
    )
}

/// Verifies like Alipay, and returns the parameters without `sign`.
#[track_caller]
fn verified(text: &str) -> std::collections::BTreeMap<String, String> {
    let mut parameters = decoded(text);
    let sign = BASE64.decode(parameters.remove("sign").unwrap()).unwrap();
    let content = joined(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let key = VerifyingKey::read(key("app_public"), 2048).unwrap();
    key.verify_sha256(content.as_bytes(), &sign).unwrap();
    assert!(parameters.values().all(|value| !value.is_empty()), "an empty parameter was sent");
    assert!(!text.contains('+') && text.contains("%20"), "a space must be %20");
    parameters
}

fn biz_content(parameters: &std::collections::BTreeMap<String, String>) -> Value {
    serde_json::from_str(&parameters["biz_content"]).unwrap()
}

#[test]
fn all_three_members_are_answered_together() {
    for channel in [Channel::AliApp, Channel::AliWeb, Channel::AliWap] {
        let parameters = ready(&account(), channel);
        let names: Vec<_> = parameters.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["ali_app", "ali_web", "ali_wap"]);
        let json = serde_json::to_string(&parameters).unwrap();
        assert!(json.starts_with(r#"{"ali_app":""#), "the order is kept");
        assert_eq!(format!("{parameters:?}"), r#"PaymentParameters(["ali_app", "ali_web", "ali_wap"])"#);
        for name in ["ali_web", "ali_wap"] {
            assert!(parameters.find(name).unwrap().starts_with("https://openapi.alipay.com/gateway.do?"), "{name}");
        }
        assert_eq!(parameters.find("codeUrl"), None);
    }
}

#[test]
fn each_product_signs_its_own_parameters() {
    let parameters = ready(&account(), Channel::AliWeb);
    let app = verified(parameters.find("ali_app").unwrap());
    let page = verified(query_of(parameters.find("ali_web").unwrap()));
    let wap = verified(query_of(parameters.find("ali_wap").unwrap()));
    let common = [
        ("app_id", APP_ID),
        ("charset", "utf-8"),
        ("format", "JSON"),
        ("sign_type", "RSA2"),
        ("version", "1.0"),
        ("timestamp", "2026-11-23 22:30:00"),
        ("notify_url", NOTIFY_URL),
    ];
    for (parameters, method) in
        [(&app, "alipay.trade.app.pay"), (&page, "alipay.trade.page.pay"), (&wap, "alipay.trade.wap.pay")]
    {
        assert_eq!(parameters["method"], method);
        for (name, value) in common {
            assert_eq!(parameters[name], value, "{method} {name}");
        }
    }
    let back = "https://shop.example.com/back?a=1&b=2";
    assert_eq!((page["return_url"].as_str(), wap["return_url"].as_str()), (back, back));
    assert!(!app.contains_key("return_url"));

    let subject = "茶／壶 a＝b＆c \"q\"";
    let order = json!({"out_trade_no": id().as_str(), "total_amount": "99.00", "subject": subject, "time_expire": "2026-11-24 00:30:00"});
    let expect = |more: Value| {
        let mut all = order.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    assert_eq!(biz_content(&app), expect(json!({"product_code": "QUICK_MSECURITY_PAY"})));
    assert_eq!(biz_content(&page), expect(json!({"product_code": "FAST_INSTANT_TRADE_PAY", "qr_pay_mode": "4"})));
    assert_eq!(biz_content(&wap), expect(json!({"product_code": "QUICK_WAP_WAY", "quit_url": back})));
}

#[test]
fn what_an_order_leaves_out_is_not_sent() {
    let parameters = with_order(
        |order| (order.return_url, order.show_url, order.qr_pay_mode, order.fee) = (None, None, None, fen(1)),
        |order| match account().charge(order, &moment()).unwrap() {
            Charge::Ready(parameters) => parameters,
            Charge::Call(_) => panic!("no call is needed"),
        },
    );
    for name in ["ali_web", "ali_wap"] {
        let sent = verified(query_of(parameters.find(name).unwrap()));
        assert!(!sent.contains_key("return_url"));
        let order = biz_content(&sent);
        assert!(order.get("qr_pay_mode").is_none() && order.get("quit_url").is_none());
        assert_eq!(order["total_amount"], "0.01");
    }
}

#[test]
fn a_qr_code_is_a_call_from_server_to_server() {
    let request = call(&account());
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded;charset=utf-8");
    assert_eq!(request.headers().len(), 1);
    assert_eq!(request.uri().host(), Some("openapi.alipay.com"));
    assert_eq!(request.uri().path(), "/gateway.do");
    let body = std::str::from_utf8(request.body()).unwrap();
    assert_eq!(decoded(body).keys().collect::<Vec<_>>(), ["biz_content"]);
    let sent = verified(&format!("{}&{body}", request.uri().query().unwrap()));
    assert_eq!(sent["method"], "alipay.trade.precreate");
    assert_eq!(sent["notify_url"], NOTIFY_URL);
    assert!(!sent.contains_key("return_url"));
    let order = biz_content(&sent);
    assert_eq!(order["time_expire"], "2026-11-24 00:30:00");
    assert!(order.get("product_code").is_none() && order.get("qr_pay_mode").is_none());
}

#[test]
fn certificate_mode_signs_its_serial_numbers() {
    let account = open(&certificate_mode()).unwrap();
    let parameters = ready(&account, Channel::AliApp);
    let sent = verified(parameters.find("ali_app").unwrap());
    assert_eq!(sent["app_cert_sn"], key("app_cert_sn"));
    assert_eq!(sent["alipay_root_cert_sn"], key("root_cert_sn"));
    let query = account.query(&placed(&id()), &moment()).unwrap();
    assert!(query.uri().query().unwrap().contains("app_cert_sn="));
}

#[test]
fn another_gateway_is_used_where_one_is_set() {
    let settings = with(key_mode(), json!({"gateway": "http://127.0.0.1:8787/alipay/gateway.do"}));
    let account = Account::open(domain::Tab::Ali, &settings, GatewayPolicy::AllowHttp).unwrap();
    assert!(call(&account).uri().to_string().starts_with("http://127.0.0.1:8787/alipay/gateway.do?app_id="));
    assert!(ready(&account, Channel::AliWap).find("ali_wap").unwrap().starts_with("http://127.0.0.1:8787/alipay/"));
}

#[test]
fn calls_name_their_method_and_order() {
    let (account, id) = (account(), id());
    let refund = refund(&id);
    let calls = [
        (account.query(&placed(&id), &moment()), "alipay.trade.query", json!({"out_trade_no": id.as_str()})),
        (account.close(&placed(&id), &moment()), "alipay.trade.close", json!({"out_trade_no": id.as_str()})),
        (
            account.refund(&refund, &moment()),
            "alipay.trade.refund",
            json!({"out_trade_no": id.as_str(), "refund_amount": "1.00", "out_request_no": "R1", "refund_reason": "太大"}),
        ),
        (
            account.refund_query(&refund, &moment()),
            "alipay.trade.fastpay.refund.query",
            json!({"out_trade_no": id.as_str(), "out_request_no": "R1"}),
        ),
    ];
    for (request, method, order) in calls {
        let request = request.unwrap();
        let body = std::str::from_utf8(request.body()).unwrap();
        let sent = verified(&format!("{}&{body}", request.uri().query().unwrap()));
        assert_eq!((sent["method"].as_str(), biz_content(&sent)), (method, order));
        assert!(!sent.contains_key("notify_url"));
    }
    for number in [String::new(), "R".repeat(65), "退".to_owned()] {
        let odd = crate::RefundOrder { refund_num: &number, ..refund };
        for result in [account.refund(&odd, &moment()), account.refund_query(&odd, &moment())] {
            assert!(matches!(result, Err(ProviderError::Param { field: "refundNum", .. })), "{number}");
        }
    }
}

#[test]
fn channels_of_others_are_refused() {
    let foreign = Channel::ALL.into_iter().filter(|channel| channel.family() != domain::Family::Ali);
    for channel in foreign {
        let result = with_order(|order| order.channel = channel, |order| account().charge(order, &moment()));
        assert!(matches!(result, Err(ProviderError::Unsupported { .. })), "{channel}");
        let result = account().read_charge(channel, &response(200, "{}"), &moment());
        assert!(matches!(result, Err(ProviderError::Unsupported { .. })), "{channel}");
    }
}

#[test]
fn the_qr_code_is_read_from_a_signed_answer() {
    let node = r#"{"code":"10000","msg":"Success","out_trade_no":"1","qr_code":"https:\/\/qr.alipay.com\/bax05"}"#;
    let parameters =
        account().read_charge(Channel::AliQrcode, &signed_answer("alipay.trade.precreate", node), &moment()).unwrap();
    assert_eq!(serde_json::to_string(&parameters).unwrap(), r#"{"codeUrl":"https://qr.alipay.com/bax05"}"#);
    for node in [r#"{"code":"10000"}"#, r#"{"code":"10000","qr_code":""}"#, r#"{"code":"10000","qr_code":null}"#] {
        let result =
            account().read_charge(Channel::AliQrcode, &signed_answer("alipay.trade.precreate", node), &moment());
        assert!(matches!(result, Err(ProviderError::Unclear { .. })), "{node}");
    }
    let node = r#"{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TOTAL_FEE_EXCEED","sub_msg":"超限\n"}"#;
    let error = account()
        .read_charge(Channel::AliQrcode, &signed_answer("alipay.trade.precreate", node), &moment())
        .unwrap_err();
    assert_eq!(error, ProviderError::Refused { code: "ACQ.TOTAL_FEE_EXCEED".to_owned(), words: "超限".to_owned() });
}
