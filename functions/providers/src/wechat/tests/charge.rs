//! What v3 sends, and the parameters of the payer's side.

use bytes::Bytes;
use domain::{Channel, PayerAddress, Subject};
use http::Request;
use serde_json::{Value, json};

use super::{
    APP_ID, MCH_ID, NONCE, NOTIFY_URL, OPENID, account, bare, certificate_mode, fen, id, key, key_mode, moment,
    mp_account, open, placed, refund, refused, signed, unclear, unsigned, verified, with, with_order,
};
use crate::{Account, Charge, Order, ProviderError};

fn call(account: &Account, edit: impl FnOnce(&mut Order<'_>)) -> Result<Request<Bytes>, ProviderError> {
    with_order(edit, |order| match account.charge(order, &moment())? {
        Charge::Call(request) => Ok(request),
        Charge::Ready(parameters) => panic!("ready without a call: {parameters:?}"),
    })
}

/// The JSON body of a request, after its signature was verified as WeChat Pay does: over the bytes that were really sent.
#[track_caller]
fn sent(request: &Request<Bytes>, serial: Option<&str>) -> Value {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("accept"), Some("application/json"));
    assert_eq!(header("user-agent"), Some(concat!("maxpay/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(header("wechatpay-serial"), serial);
    assert_eq!(header("content-type"), (request.method() == "POST").then_some("application/json"));
    let (scheme, items) = header("authorization").unwrap().split_once(' ').unwrap();
    assert_eq!(scheme, "WECHATPAY2-SHA256-RSA2048");
    let item = |name: &str| {
        let found = items.split(',').find_map(|item| item.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'));
        found.unwrap_or_else(|| panic!("no {name} in {items}"))
    };
    assert_eq!((item("mchid"), item("serial_no")), (MCH_ID, key("mch_cert_serial_no")));
    assert_eq!((item("timestamp"), item("nonce_str")), ("1795444200", NONCE));
    let path = request.uri().path_and_query().unwrap();
    let body = std::str::from_utf8(request.body()).unwrap();
    verified(&format!("{}\n{path}\n1795444200\n{NONCE}\n{body}\n", request.method()), item("signature"));
    if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() }
}

#[test]
fn a_payment_is_ordered() {
    let public_key = Some(key("wechatpay_public_key_id"));
    let expected = json!({
        "appid": APP_ID, "mchid": MCH_ID, "description": "茶/壶 a=b&c \"q\"", "out_trade_no": id().as_str(),
        "time_expire": "2026-11-24T00:30:00+08:00", "notify_url": NOTIFY_URL, "amount": {"total": 9900, "currency": "CNY"},
    });
    let request = call(&account(), |_| {}).unwrap();
    assert_eq!(request.uri(), "https://api.mch.weixin.qq.com/v3/pay/transactions/app");
    assert_eq!(sent(&request, public_key), expected);

    let request = call(&mp_account(), |order| order.channel = Channel::WxNative).unwrap();
    assert_eq!(request.uri().path(), "/v3/pay/transactions/native");
    assert_eq!(sent(&request, public_key), expected);

    let request = call(&mp_account(), |order| order.channel = Channel::WxJsapi).unwrap();
    assert_eq!(request.uri().path(), "/v3/pay/transactions/jsapi");
    let mut with_payer = expected;
    with_payer["payer"] = json!({ "openid": OPENID });
    assert_eq!(sent(&request, public_key), with_payer);
}

#[test]
fn without_a_public_key_none_is_asked_for() {
    for settings in [bare(), certificate_mode()] {
        sent(&call(&open(&settings).unwrap(), |_| {}).unwrap(), None);
    }
}

#[test]
fn the_gateways_own_path_is_signed() {
    for gateway in ["https://proxy:8443/wechat/x-1", "https://proxy:8443/wechat/x-1/"] {
        let account = open(&with(key_mode(), json!({ "gateway": gateway }))).unwrap();
        let request = account.query(&placed(&id()), &moment()).unwrap();
        assert!(request.uri().to_string().starts_with("https://proxy:8443/wechat/x-1/v3/pay/"), "{}", request.uri());
        sent(&request, Some(key("wechatpay_public_key_id")));
    }
}

#[test]
fn long_words_are_cut() {
    for (subject, expect) in [
        ("茶".repeat(256), "茶".repeat(42)),
        ("🍵".repeat(256), "🍵".repeat(31)),
        ("a".repeat(126) + "茶", "a".repeat(126)),
        ("\u{fffe}".to_owned(), "568b33a0f7e4beba9244a8e0".to_owned()),
    ] {
        let subject = Subject::parse(&subject).unwrap();
        let request = with_order(
            |_| {},
            |order| match account().charge(&Order { subject: &subject, ..*order }, &moment()).unwrap() {
                Charge::Call(request) => request,
                Charge::Ready(_) => panic!("ready without a call"),
            },
        );
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body["description"], expect);
    }
}

#[test]
#[rustfmt::skip]
fn a_payers_ipv4_is_sent_as_an_ipv4() {
    for (said, expect) in [
        ("203.0.113.8",              "203.0.113.8"),
        ("::ffff:203.0.113.8",       "203.0.113.8"),
        ("::FFFF:CB00:7108",         "203.0.113.8"),
        ("::ffff:203.0.113.8%eth0",  "203.0.113.8"),
        ("2001:db8::1",              "2001:db8::1"),
    ] {
        let request = call(&mp_account(), |order| (order.channel, order.client_ip) = (Channel::WxH5, PayerAddress::parse(said)));
        let body: Value = serde_json::from_slice(request.unwrap().body()).unwrap();
        assert_eq!(body["scene_info"]["payer_client_ip"], expect, "{said}");
    }
}

#[test]
fn what_wechat_would_refuse_is_not_sent() {
    let unsupported = |result: Result<_, ProviderError>, words: &str| match result {
        Err(ProviderError::Unsupported { what }) => {
            assert!(what.to_string().contains(words), "expected {words}, found {what}")
        }
        other => panic!("expected unsupported, {words}; found {other:?}"),
    };
    let param = |result: Result<_, ProviderError>, expect: &str| match result {
        Err(ProviderError::Param { field, .. }) => assert_eq!(field, expect),
        other => panic!("expected param, {expect}; found {other:?}"),
    };
    let long = format!("https://pay.example.com/{}", "x".repeat(232));
    param(
        with_order(|_| {}, |order| account().charge(&Order { notify_url: &long, ..*order }, &moment()).map(|_| ())),
        "billNum",
    );
    param(call(&account(), |order| order.fee = fen(10_000_000_000)).map(|_| ()), "totalFee");
    call(&account(), |order| order.fee = fen(9_999_999_999)).unwrap();
    for openid in ["", "o U", "o茶", "o".repeat(129).leak()] {
        let odd = call(&mp_account(), |order| (order.channel, order.openid) = (Channel::WxJsapi, Some(openid)));
        param(odd.map(|_| ()), "openid");
    }
    for url in ["https://pay.example.com/notify?a=b", "https://pay.example.com/#a", "https://[::1]/a"] {
        unsupported(
            with_order(|_| {}, |order| account().charge(&Order { notify_url: url, ..*order }, &moment()).map(|_| ())),
            "notify address",
        );
    }
    for (channel, words) in [
        (Channel::AliApp, "ali_app is not a channel of WeChat Pay's"),
        (Channel::UnipayWeb, "unipay_web is not a channel of WeChat Pay's"),
        (Channel::WxJsapi, "wx_jsapi is configured in tab wx_mp, but this is wx_app"),
    ] {
        unsupported(call(&account(), |order| order.channel = channel).map(|_| ()), words);
        unsupported(account().read_charge(channel, &signed(200, "{}"), &moment()).map(|_| ()), words);
    }
    let without = call(&mp_account(), |order| (order.channel, order.openid) = (Channel::WxJsapi, None));
    unsupported(without.map(|_| ()), "wx_jsapi needs an openid");
    for number in ["", "a b", "退1", "a/b", "a+b", &"1".repeat(40)] {
        let (id, account) = (id(), account());
        let odd = crate::RefundOrder { refund_num: number, ..refund(&id) };
        param(account.refund(&odd, &moment()).map(|_| ()), "refundNum");
        param(account.refund_query(&odd, &moment()).map(|_| ()), "refundNum");
    }
}

#[test]
fn the_payers_side_gets_what_it_needs() {
    let answer = signed(200, r#"{"prepay_id":"wx26112221580621e9b071c00d9e093b0000"}"#);
    let parameters = account().read_charge(Channel::WxApp, &answer, &moment()).unwrap();
    let names: Vec<_> = parameters.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"]);
    let find = |name| parameters.find(name).unwrap();
    assert_eq!((find("package"), find("timestamp")), ("Sign=WXPay", "1795444200"));
    verified(&format!("{APP_ID}\n1795444200\n{NONCE}\nwx26112221580621e9b071c00d9e093b0000\n"), find("sign"));

    let parameters = mp_account().read_charge(Channel::WxJsapi, &answer, &moment()).unwrap();
    let names: Vec<_> = parameters.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"]);
    let find = |name| parameters.find(name).unwrap();
    let package = "prepay_id=wx26112221580621e9b071c00d9e093b0000";
    assert_eq!((find("package"), find("signType")), (package, "RSA"));
    verified(&format!("{APP_ID}\n1795444200\n{NONCE}\n{package}\n"), find("paySign"));

    let native = |body| mp_account().read_charge(Channel::WxNative, &signed(200, body), &moment()).unwrap();
    let json = |body| serde_json::to_value(native(body)).unwrap();
    let code_url = "weixin://wxpay/bizpayurl?pr=1";
    assert_eq!(json(r#"{"code_url":"weixin://wxpay/bizpayurl?pr=1"}"#), json!({ "codeUrl": code_url }));
    let both = r#"{"code_url":"weixin://wxpay/bizpayurl?pr=1","prepay_id":"wx1"}"#;
    assert_eq!(json(both), json!({ "prepayid": "wx1", "codeUrl": code_url }));
}

#[test]
#[rustfmt::skip]
fn an_order_that_was_not_made_is_no_success() {
    let long = format!(r#"{{"prepay_id":"{}"}}"#, "x".repeat(65));
    for body in ["{}", r#"{"prepay_id":""}"#, r#"{"prepay_id":"a\nb"}"#, r#"{"prepay_id":null}"#, &long] {
        unclear(account().read_charge(Channel::WxApp, &signed(200, body), &moment()), "no usable prepay_id");
    }
    for body in ["{}", r#"{"code_url":""}"#, r#"{"prepay_id":"wx1"}"#] {
        unclear(mp_account().read_charge(Channel::WxNative, &signed(200, body), &moment()), "no usable code_url");
    }
    unclear(account().read_charge(Channel::WxApp, &unsigned(200, r#"{"prepay_id":"wx1"}"#), &moment()), "has no signature");
    unclear(account().read_charge(Channel::WxApp, &signed(204, ""), &moment()), "no content");
    unclear(account().read_charge(Channel::WxApp, &signed(500, r#"{"code":"SYSTEM_ERROR"}"#), &moment()), "SYSTEM_ERROR");
    refused(account().read_charge(Channel::WxApp, &signed(403, r#"{"code":"NO_AUTH"}"#), &moment()), "NO_AUTH");
}

#[test]
#[rustfmt::skip]
fn an_order_that_is_bound_to_other_parameters_or_over_is_told_apart() {
    let read = |status, body: &str| account().read_charge(Channel::WxApp, &signed(status, body), &moment());
    for (status, body, is_bound) in [
        (403, r#"{"code":"OUT_TRADE_NO_USED","message":"商户订单号重复"}"#,             true),
        (400, r#"{"code":"INVALID_REQUEST","message":"请求重入时，参数与首次请求时不一致"}"#, true),
        (400, r#"{"code":"ORDER_CLOSED","message":"订单已关闭"}"#,                      true),
        (400, r#"{"code":"INVALID_REQUEST","message":"无效请求"}"#,                    false),
        (400, r#"{"code":"PARAM_ERROR","message":"参数重复"}"#,                        false),
    ] {
        let found = matches!(read(status, body), Err(ProviderError::OrderBound { .. }));
        assert_eq!(found, is_bound, "{body}");
    }
}

#[test]
#[rustfmt::skip]
fn the_other_verbs_ask_about_the_order() {
    let (id, account, moment) = (id(), account(), moment());
    let (placed, refund) = (placed(&id), refund(&id));
    let order = "/v3/pay/transactions/out-trade-no/568b33a0f7e4beba9244a8e0";
    let refunds = "/v3/refund/domestic/refunds";
    let cases = [
        (account.query(&placed, &moment),         "GET",  format!("{order}?mchid={MCH_ID}"),   Value::Null),
        (account.close(&placed, &moment),         "POST", format!("{order}/close"),            json!({"mchid": MCH_ID})),
        (account.refund(&refund, &moment),        "POST", refunds.to_owned(),                  json!({
            "out_trade_no": id.as_str(), "out_refund_no": "568b33a0f7e4beba9244a8e0-R1", "reason": "太大",
            "notify_url": "https://pay.example.com/refunds", "amount": {"refund": 100, "total": 9900, "currency": "CNY"},
        })),
        (account.refund_query(&refund, &moment),  "GET",  format!("{refunds}/{id}-R1"),        Value::Null),
        (account.certificates_request(&moment),   "GET",  "/v3/certificates".to_owned(),       Value::Null),
    ];
    for (request, method, path, body) in cases {
        let request = request.unwrap();
        assert_eq!((request.method().as_str(), request.uri().path_and_query().unwrap().as_str()), (method, path.as_str()));
        assert_eq!(sent(&request, Some(key("wechatpay_public_key_id"))), body, "{path}");
    }
    let odd = crate::RefundOrder { refund_num: "a|b*c@d_e-", reason: Some("\n"), notify_url: None, ..refund };
    let request = account.refund_query(&odd, &moment).unwrap();
    assert_eq!(request.uri().path(), format!("{refunds}/{id}-a%7Cb%2Ac%40d_e-"));
    sent(&request, Some(key("wechatpay_public_key_id")));
    let body = sent(&account.refund(&odd, &moment).unwrap(), Some(key("wechatpay_public_key_id")));
    assert_eq!(body["out_refund_no"], format!("{id}-a|b*c@d_e-"));
    // What has no value is left out.
    assert!(body.get("reason").is_none() && body.get("notify_url").is_none());
    let long = crate::RefundOrder { reason: Some(&"太".repeat(80)), ..refund };
    let body = sent(&account.refund(&long, &moment).unwrap(), Some(key("wechatpay_public_key_id")));
    assert_eq!(body["reason"], "太".repeat(26));
}
