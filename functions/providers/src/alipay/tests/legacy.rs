//! The legacy interface: what it sends, and what it accepts.

use domain::{Channel, Notification, Outcome, Secret};
use http::Method;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    NOTIFY_URL, SELLER_ID, decoded, fen, form, id, key, moment, notify, now, object, open, placed, query_of, refund,
    response, with, with_order,
};
use crate::{
    Account, Charge, Closing, NotifyError, PaymentParameters, ProviderError,
    alipay::mapi::{legacy_content, md5_sign, rsa_sign},
    keys::LegacySigningKey,
};

const PARTNER: &str = "2088638641608641";
const MD5_KEY: &str = "5zmc2pn36i4oy71e57wcxp0ucwwmxtqp";

fn both() -> Map<String, Value> {
    object(json!({
        "protocol": "mapi", "partner": PARTNER, "sellerId": SELLER_ID, "md5Key": MD5_KEY,
        "privateKey": key("app_private_pkcs1"), "alipayPublicKey": key("alipay_public"),
    }))
}

fn md5_only() -> Account {
    open(&with(both(), json!({"privateKey": null, "alipayPublicKey": null}))).unwrap()
}

fn rsa_only() -> Account {
    open(&with(both(), json!({"md5Key": null}))).unwrap()
}

fn charge(account: &Account, channel: Channel) -> Result<PaymentParameters, ProviderError> {
    with_order(|order| order.channel = channel, |order| account.charge(order, &moment())).map(|charge| match charge {
        Charge::Ready(parameters) => parameters,
        Charge::Call(_) => panic!("the legacy interface needs no call"),
    })
}

fn md5(content: &str) -> String {
    md5_sign(content, &Secret::new(MD5_KEY.to_owned()))
}

fn alipay_rsa(content: &str) -> String {
    rsa_sign(content, &LegacySigningKey::read(key("alipay_private_pkcs8")).unwrap()).unwrap()
}

fn content(fields: &[(&str, &str)]) -> String {
    legacy_content(fields.iter().copied())
}

#[test]
fn pages_are_signed_by_md5_where_its_key_is() {
    let parameters = charge(&open(&both()).unwrap(), Channel::AliWeb).unwrap();
    let services = [("ali_web", "create_direct_pay_by_user"), ("ali_wap", "alipay.wap.create.direct.pay.by.user")];
    for (name, service) in services {
        let url = parameters.find(name).unwrap();
        assert!(url.starts_with("https://mapi.alipay.com/gateway.do?_input_charset=utf-8&"), "{url}");
        let sent = decoded(query_of(url));
        let fields: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!((sent["sign_type"].as_str(), &sent["sign"]), ("MD5", &md5(&content(&fields))));
        let expect = [
            ("service", service),
            ("partner", PARTNER),
            ("seller_id", SELLER_ID),
            ("payment_type", "1"),
            ("out_trade_no", "568b33a0f7e4beba9244a8e0"),
            ("subject", "茶／壶 a＝b＆c \"q\""),
            ("total_fee", "99.00"),
            ("it_b_pay", "120m"),
            ("notify_url", NOTIFY_URL),
            ("return_url", "https://shop.example.com/back?a=1&b=2"),
            ("show_url", "https://shop.example.com/goods"),
        ];
        for (name, value) in expect {
            assert_eq!(sent[name], value, "{service} {name}");
        }
        assert_eq!(sent.contains_key("qr_pay_mode"), name == "ali_web");
    }
}

#[test]
fn the_apps_order_is_quoted() {
    let parameters = charge(&open(&both()).unwrap(), Channel::AliApp).unwrap();
    let names: Vec<_> = parameters.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["ali_app", "ali_web", "ali_wap"]);
    let expect = "partner=\"2088638641608641\"&seller_id=\"2088349329642930\"&out_trade_no=\"568b33a0f7e4beba9244a8e0\"\
                  &subject=\"茶／壶 a＝b＆c ＂q＂\"&body=\"茶／壶 a＝b＆c ＂q＂\"&total_fee=\"99.00\"\
                  &notify_url=\"https://pay.example.com/notify/ali?ch=1&x=a+b\"&service=\"mobile.securitypay.pay\"\
                  &payment_type=\"1\"&_input_charset=\"utf-8\"&it_b_pay=\"120m\"&sign=\"";
    let order = parameters.find("ali_app").unwrap();
    assert!(order.starts_with(expect) && order.ends_with("%3D%3D\"&sign_type=\"RSA\""), "{order}");
}

#[test]
fn what_the_keys_cannot_make_is_left_out() {
    let error = charge(&md5_only(), Channel::AliApp).unwrap_err();
    assert!(matches!(error, ProviderError::Key { field: "privateKey", .. }), "{error}");
    let parameters = charge(&md5_only(), Channel::AliWap).unwrap();
    assert_eq!(parameters.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["ali_web", "ali_wap"]);
    let parameters = charge(&rsa_only(), Channel::AliWeb).unwrap();
    assert_eq!(decoded(query_of(parameters.find("ali_web").unwrap()))["sign_type"], "RSA");
    let error = charge(&md5_only(), Channel::AliQrcode).unwrap_err();
    assert!(matches!(error, ProviderError::Unsupported { .. }), "{error}");
    let id = id();
    assert!(matches!(md5_only().refund(&refund(&id), &moment()), Err(ProviderError::Unsupported { .. })));
    assert!(matches!(md5_only().refund_query(&refund(&id), &moment()), Err(ProviderError::Unsupported { .. })));
}

#[test]
fn a_key_of_1024_bits_signs_here() {
    let account = open(&with(both(), json!({"privateKey": key("rsa_1024_private")}))).unwrap();
    assert!(charge(&account, Channel::AliApp).unwrap().find("ali_app").is_some());
    // A 1024-bit key also verifies: the key that Alipay gave to everybody had no more bits.
    let account = open(&with(both(), json!({"alipayPublicKey": key("rsa_1024_public")}))).unwrap();
    let content = content(&paid(&[]));
    let sign = rsa_sign(&content, &LegacySigningKey::read(key("rsa_1024_private")).unwrap()).unwrap();
    assert_eq!(read(&account, &paid(&[]), "RSA", &sign).unwrap().outcome, Outcome::Paid);
}

#[test]
#[rustfmt::skip]
fn the_expiry_is_a_number_of_minutes() {
    for (seconds, expect) in [(0, "1m"), (59, "1m"), (60, "1m"), (119, "1m"), (360, "6m"), (7200, "120m"), (1_296_000, "21600m"), (9_999_999, "21600m")] {
        let charge = with_order(
            |order| order.expires_at = now().plus(std::time::Duration::from_secs(seconds)),
            |order| md5_only().charge(order, &moment()),
        );
        let Charge::Ready(parameters) = charge.unwrap() else { panic!("no call is needed") };
        assert_eq!(decoded(query_of(parameters.find("ali_web").unwrap()))["it_b_pay"], expect, "{seconds}");
    }
}

fn paid(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let fields = [
        ("out_trade_no", "568b33a0f7e4beba9244a8e0"),
        ("trade_no", "2016020122001455046383076422"),
        ("trade_status", "TRADE_SUCCESS"),
        ("total_fee", "88.88"),
        ("seller_id", SELLER_ID),
        ("gmt_payment", "2026-02-01 10:00:05"),
        ("body", ""),
    ];
    let kept = fields.into_iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    kept.chain(changes.iter().copied()).collect()
}

fn read(account: &Account, fields: &[(&str, &str)], sign_type: &str, sign: &str) -> Result<Notification, NotifyError> {
    let body = form(fields) + "&" + &form(&[("sign_type", sign_type), ("sign", sign)]);
    account.read_notify(Channel::AliApp, &notify("application/x-www-form-urlencoded", body), now())
}

#[test]
#[rustfmt::skip]
fn notifies_are_verified_by_the_configured_keys_only() {
    let fields = paid(&[]);
    let (md5_sign, rsa_sign) = (md5(&content(&fields)), alipay_rsa(&content(&fields)));
    let algorithm = |found: &str, expected| Some(NotifyError::Algorithm { found: found.to_owned(), expected });
    let bad = |field| Some(NotifyError::BadSignature { field });
    let upper = md5_sign.to_uppercase();
    let own = open(&both()).unwrap();
    let cases: &[(&Account, &str, &str, Option<NotifyError>)] = &[
        (&own,         "MD5",  &md5_sign, None),
        (&own,         "RSA",  &rsa_sign, None),
        (&md5_only(),  "MD5",  &md5_sign, None),
        (&rsa_only(),  "RSA",  &rsa_sign, None),
        (&md5_only(),  "RSA",  &rsa_sign, algorithm("RSA", "MD5")),
        (&rsa_only(),  "MD5",  &md5_sign, algorithm("MD5", "RSA")),
        (&own,         "RSA2", &rsa_sign, algorithm("RSA2", "MD5 or RSA")),
        (&own,         "",     &md5_sign, algorithm("", "MD5 or RSA")),
        (&own,         "DSA",  &rsa_sign, algorithm("DSA", "MD5 or RSA")),
        (&own,         "MD5",  &upper,    bad("md5Key")),
        (&own,         "MD5",  "x",       bad("md5Key")),
        (&own,         "MD5",  &rsa_sign, bad("md5Key")),
        (&own,         "RSA",  "AAAA",    bad("alipayPublicKey")),
        (&own,         "MD5",  "",        Some(NotifyError::Unsigned)),
    ];
    for (account, sign_type, sign, error) in cases {
        assert_eq!(read(account, &fields, sign_type, sign).err(), *error, "{sign_type} {sign}");
    }
    let changed = paid(&[("total_fee", "0.01")]);
    assert_eq!(read(&own, &changed, "MD5", &md5_sign).err(), bad("md5Key"));
    assert_eq!(read(&own, &changed, "RSA", &rsa_sign).err(), bad("alipayPublicKey"));
}

#[test]
#[rustfmt::skip]
fn a_notify_says_whose_and_how_much() {
    type Row<'a> = (&'a [(&'static str, &'static str)], &'a [(&'a str, &'a str)], Outcome);
    let cases: &[Row<'_>] = &[
        (&[],                                                              &[("seller_id", SELLER_ID)],                    Outcome::Paid),
        (&[("partner", PARTNER)],                                          &[("seller_id", SELLER_ID), ("partner", PARTNER)], Outcome::Paid),
        (&[("seller_id", "2088000000000000")],                             &[("seller_id", "2088000000000000")],           Outcome::Paid),
        (&[("seller_id", "")],                                             &[("seller_id", "")],                           Outcome::Paid),
        (&[("seller_id", ""), ("partner", "1")],                           &[("partner", "1")],                            Outcome::Paid),
        (&[("trade_status", "TRADE_FINISHED")],                            &[("seller_id", SELLER_ID)],                    Outcome::Paid),
        (&[("trade_status", "TRADE_CLOSED")],                              &[("seller_id", SELLER_ID)],                    Outcome::Refunded(fen(8888))),
        (&[("trade_status", "TRADE_CLOSED"), ("gmt_payment", "")],         &[("seller_id", SELLER_ID)],                    Outcome::Closed),
        (&[("trade_status", "TRADE_PENDING")],                             &[("seller_id", SELLER_ID)],                    Outcome::Pending),
    ];
    for (changes, claims, outcome) in cases {
        let fields = paid(changes);
        let report = read(&md5_only(), &fields, "MD5", &md5(&content(&fields))).unwrap();
        let said: Vec<_> = report.claims.iter().map(|claim| (claim.field, claim.said.as_str())).collect();
        assert_eq!((said.as_slice(), report.outcome, report.fee), (*claims, *outcome, Some(fen(8888))), "{changes:?}");
    }
}

#[test]
fn calls_are_posted_and_signed() {
    let calls = [
        (md5_only().query(&placed(&id()), &moment()).unwrap(), "single_trade_query", "out_trade_no"),
        (md5_only().close(&placed(&id()), &moment()).unwrap(), "close_trade", "out_order_no"),
    ];
    for (request, service, order) in calls {
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri().to_string(), "https://mapi.alipay.com/gateway.do?_input_charset=utf-8");
        let sent = decoded(std::str::from_utf8(request.body()).unwrap());
        let fields: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(sent["sign"], md5(&content(&fields)));
        assert_eq!((sent["service"].as_str(), sent[order].as_str()), (service, id().as_str()));
    }
}

/// An answer to a query as the documentation shows it.
fn answer(trade: &[(&str, &str)], sign_type: &str, sign: &str) -> http::Response<bytes::Bytes> {
    let trade: String =
        trade.iter().map(|(name, value)| format!("<{name}>{}</{name}>", value.replace('&', "&amp;"))).collect();
    let request =
        "<request><param name=\"service\">single_trade_query</param><param name=\"partner\">1</param></request>";
    let signature =
        if sign.is_empty() { String::new() } else { format!("<sign>{sign}</sign><sign_type>{sign_type}</sign_type>") };
    response(
        200,
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<alipay><is_success>T</is_success>{request}<response><trade>{trade}</trade></response>{signature}</alipay>"
        ),
    )
}

#[test]
fn a_signed_answer_is_a_report() {
    let trade = paid(&[("subject", "a&b 茶")]);
    for (sign_type, sign) in [("MD5", md5(&content(&trade))), ("RSA", alipay_rsa(&content(&trade)))] {
        let account = open(&both()).unwrap();
        let report = account.read_query(&placed(&id()), &answer(&trade, sign_type, &sign), now()).unwrap();
        assert_eq!(
            (report.order.as_str(), report.fee, report.outcome),
            (id().as_str(), Some(fen(8888)), Outcome::Paid)
        );
        assert_eq!(report.claims.len(), 1);
        let forged = paid(&[("subject", "a&b 茶"), ("total_fee", "0.01")]);
        for answer in [answer(&forged, sign_type, &sign), answer(&trade, sign_type, ""), answer(&trade, "RSA2", &sign)]
        {
            assert!(matches!(account.read_query(&placed(&id()), &answer, now()), Err(ProviderError::Unclear { .. })));
        }
    }
    let twice = [
        ("trade_status", "WAIT_BUYER_PAY"),
        ("trade_status", "TRADE_SUCCESS"),
        ("out_trade_no", "1"),
        ("total_fee", "1.00"),
    ];
    let result = md5_only().read_query(&placed(&id()), &answer(&twice, "MD5", &md5(&content(&twice))), now());
    assert!(matches!(result, Err(ProviderError::Unclear { .. })));
}

#[test]
fn a_failure_has_one_word() {
    let failure =
        |word: &str| response(200, format!("<alipay><is_success>F</is_success><error>{word}</error></alipay>"));
    for word in ["TRADE_NOT_EXIST", "TRADE_IS_NOT_EXIST"] {
        let report = md5_only().read_query(&placed(&id()), &failure(word), now()).unwrap();
        assert_eq!((report.order.as_str(), report.outcome), (id().as_str(), Outcome::Pending));
        assert_eq!(md5_only().read_close(&placed(&id()), &failure(word), now()).unwrap(), Closing::NotThere);
    }
    let error = md5_only().read_query(&placed(&id()), &failure("ILLEGAL_SIGN"), now()).unwrap_err();
    assert_eq!(error, ProviderError::Refused { code: "ILLEGAL_SIGN".to_owned(), words: "ILLEGAL_SIGN".to_owned() });
    assert!(matches!(
        md5_only().read_close(&placed(&id()), &failure("TRADE_STATUS_ERROR"), now()).unwrap(),
        Closing::Refused { .. }
    ));
    assert!(matches!(
        md5_only().read_close(&placed(&id()), &failure("SYSTEM_ERROR"), now()),
        Err(ProviderError::Unclear { .. })
    ));
    let done = response(200, "<alipay><is_success>T</is_success></alipay>");
    assert_eq!(md5_only().read_close(&placed(&id()), &done, now()).unwrap(), Closing::Unconfirmed);
    for body in [
        "",
        "<html/>",
        "<alipay><is_success>F</is_success></alipay>",
        "<!DOCTYPE a><alipay><is_success>T</is_success></alipay>",
    ] {
        assert!(
            matches!(
                md5_only().read_close(&placed(&id()), &response(200, body), now()),
                Err(ProviderError::Unclear { .. })
            ),
            "{body}"
        );
    }
    assert!(matches!(
        md5_only().read_close(&placed(&id()), &response(500, ""), now()),
        Err(ProviderError::Unclear { .. })
    ));
}

proptest! {
    #[test]
    fn no_message_makes_it_panic_or_be_believed(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let account = open(&both()).unwrap();
        prop_assert!(account.read_query(&placed(&id()), &response(200, body.clone()), now()).is_err());
        prop_assert!(account.read_close(&placed(&id()), &response(200, body.clone()), now()).is_err());
        prop_assert!(account.read_notify(Channel::AliApp, &notify("application/x-www-form-urlencoded", body), now()).is_err());
    }
}

#[test]
fn a_seller_may_be_named_by_an_email_address() {
    let account = open(&with(both(), json!({ "sellerId": "shop@example.com" }))).unwrap();
    let parameters = charge(&account, Channel::AliApp).unwrap();
    assert!(parameters.find("ali_app").unwrap().contains("&seller_id=\"shop@example.com\"&"));
    let page = decoded(query_of(parameters.find("ali_web").unwrap()));
    assert_eq!((page.get("seller_email").map(String::as_str), page.get("seller_id")), (Some("shop@example.com"), None));

    let fields = paid(&[("seller_email", "shop@example.com")]);
    let report = read(&account, &fields, "MD5", &md5(&content(&fields))).unwrap();
    let said: Vec<_> = report.claims.iter().map(|claim| (claim.field, claim.said.as_str())).collect();
    assert_eq!(said, [("seller_email", "shop@example.com")]);
}
