//! Which notifies of v3 are accepted, and what they say.

use domain::{Channel, Claim, Notification, Outcome};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    APP_ID, MCH_ID, Signer, account, bare, fen, id, key, key_mode, notify, now, open, same_claim, sealed, signature,
    signed_notify, with,
};
use crate::{NotifyError, RefundOutcome, RefundReport};

fn payment() -> Value {
    json!({
        "mchid": MCH_ID, "appid": APP_ID, "out_trade_no": "568b33a0f7e4beba9244a8e0", "transaction_id": "4200001",
        "trade_type": "APP", "trade_state": "SUCCESS", "bank_type": "OTHERS", "success_time": "2026-11-23T22:30:00+08:00",
        "payer": {"openid": "oUpF8"}, "amount": {"total": 9900, "payer_total": 9800, "currency": "CNY", "payer_currency": "CNY"},
    })
}

fn refund() -> Value {
    json!({
        "mchid": MCH_ID, "out_trade_no": "568b33a0f7e4beba9244a8e0", "transaction_id": "4200001",
        "out_refund_no": "568b33a0f7e4beba9244a8e0-R1", "refund_id": "50000", "refund_status": "SUCCESS",
        "amount": {"total": 9900, "refund": 100, "payer_total": 9800, "payer_refund": 90},
    })
}

fn changed(mut message: Value, name: &str, value: Value) -> Value {
    if value.is_null() {
        message.as_object_mut().unwrap().remove(name);
    } else {
        message[name] = value;
    }
    message
}

fn body(event_type: &str, content: &Value) -> String {
    let resource = sealed("transaction", &content.to_string());
    json!({"id": "EV-1", "event_type": event_type, "resource_type": "encrypt-resource", "resource": resource})
        .to_string()
}

fn read(event_type: &str, content: &Value) -> Result<Notification, NotifyError> {
    account().read_notify(Channel::WxApp, &signed_notify(&body(event_type, content)), now())
}

fn read_refund(event_type: &str, content: &Value) -> Result<RefundReport, NotifyError> {
    account().read_refund_notify(Channel::WxApp, &signed_notify(&body(event_type, content)), now())
}

#[track_caller]
fn malformed<T: std::fmt::Debug>(result: Result<T, NotifyError>, words: &str) {
    match result {
        Err(NotifyError::Malformed { reason }) => {
            assert!(reason.to_string().contains(words), "expected {words}, found {reason}")
        }
        other => panic!("expected malformed, {words}; found {other:?}"),
    }
}

#[test]
fn a_payment_is_read() {
    let report = read("TRANSACTION.SUCCESS", &payment()).unwrap();
    assert_eq!((report.order.as_str(), report.outcome), (id().as_str(), Outcome::Paid));
    assert_eq!(report.fee, Some(fen(9900)), "what was ordered, and not what coupons left of it");
    assert_eq!(report.trade_no.unwrap().as_str(), "4200001");
    assert_eq!(
        report.claims,
        [same_claim("mchid", MCH_ID), same_claim("appid", APP_ID), same_claim("currency", "CNY")]
    );
}

#[test]
#[rustfmt::skip]
fn only_what_says_that_it_is_paid_is() {
    use Outcome::{Paid, Pending};
    let cases: &[(&str, &str, Value, Option<i64>, Outcome)] = &[
        ("TRANSACTION.SUCCESS", "attach",      json!("x"),                              Some(9900), Paid),
        ("TRANSACTION.SUCCESS", "amount",      json!({"total": 1, "currency": "CNY"}),  Some(1),    Paid),
        ("TRANSACTION.SUCCESS", "amount",      json!({"total": "9900"}),                None,       Paid),
        ("TRANSACTION.SUCCESS", "trade_state", json!("REFUND"),                         Some(9900), Pending),
        ("TRANSACTION.SUCCESS", "trade_state", json!("CLOSED"),                         Some(9900), Pending),
        ("TRANSACTION.SUCCESS", "trade_state", json!("success"),                        Some(9900), Pending),
        ("TRANSACTION.SUCCESS", "trade_state", Value::Null,                             Some(9900), Pending),
        ("REFUND.SUCCESS",      "trade_state", json!("SUCCESS"),                        Some(9900), Pending),
    ];
    for (event, name, value, fee, outcome) in cases {
        let report = read(event, &changed(payment(), name, value.clone())).unwrap();
        assert_eq!((report.fee.map(domain::Fen::get), report.outcome), (*fee, *outcome), "{event} {name} {value}");
    }
    malformed(read("TRANSACTION.SUCCESS", &changed(payment(), "out_trade_no", Value::Null)), "out_trade_no is missing");
    malformed(read("PAYSCORE.USER_OPEN_SERVICE", &payment()), "PAYSCORE.USER_OPEN_SERVICE is not an event");
    malformed(read("transaction.success", &payment()), "is not an event");
    malformed(read("REFUND.", &payment()), "is not an event");
}

#[test]
fn a_foreign_or_absent_merchant_app_and_currency_are_claimed() {
    let said = |name, value| {
        let report = read("TRANSACTION.SUCCESS", &changed(payment(), name, value)).unwrap();
        let wrong = report.claims.into_iter().filter(|claim| claim.said != claim.configured);
        wrong.map(|claim| (claim.field, claim.said)).collect::<Vec<_>>()
    };
    assert_eq!(said("mchid", json!("1")), [("mchid", "1".to_owned())]);
    assert_eq!(said("mchid", Value::Null), [("mchid", String::new())]);
    assert_eq!(said("appid", json!("wx1")), [("appid", "wx1".to_owned())]);
    assert_eq!(said("appid", Value::Null), [("appid", String::new())]);
    assert_eq!(said("amount", json!({"total": 9900, "currency": "USD"})), [("currency", "USD".to_owned())]);
    assert_eq!(said("amount", json!({"total": 9900})), []);
}

#[test]
#[rustfmt::skip]
fn a_refund_is_read_as_one_and_settles_no_payment() {
    let report = read("REFUND.SUCCESS", &refund()).unwrap();
    assert_eq!((report.order.as_str(), report.outcome, report.fee), (id().as_str(), Outcome::Pending, Some(fen(9900))));
    assert_eq!(report.claims, [same_claim("mchid", MCH_ID)]);

    assert_eq!(read_refund("REFUND.SUCCESS", &refund()).unwrap(), RefundReport {
        order: id().to_string(),
        claims: vec![same_claim("mchid", MCH_ID)],
        refund_num: "R1".to_owned(),
        refund_fee: Some(fen(100)),
        sending: None,
        outcome: RefundOutcome::Done,
    });
    let told = |word: &str| {
        read_refund(&format!("REFUND.{word}"), &changed(refund(), "refund_status", json!(word))).unwrap().outcome
    };
    assert!(matches!(told("CLOSED"), RefundOutcome::Failed { code, .. } if code == "CLOSED"));
    assert!(matches!(told("ABNORMAL"), RefundOutcome::Stuck { code, .. } if code == "ABNORMAL"));
    // The event says one thing and the content another.
    assert_eq!(read_refund("REFUND.CLOSED", &refund()).unwrap().outcome, RefundOutcome::Pending);
    let foreign = read_refund("REFUND.SUCCESS", &changed(refund(), "mchid", Value::Null)).unwrap();
    assert_eq!(foreign.claims, [Claim { field: "mchid", said: String::new(), configured: MCH_ID.to_owned() }]);
    for name in ["out_trade_no", "out_refund_no", "refund_status"] {
        malformed(read_refund("REFUND.SUCCESS", &changed(refund(), name, Value::Null)), &format!("{name} is missing"));
    }
    malformed(read_refund("TRANSACTION.SUCCESS", &refund()), "TRANSACTION.SUCCESS is not an event");
}

#[test]
#[rustfmt::skip]
fn what_is_not_believed() {
    let body = body("TRANSACTION.SUCCESS", &payment());
    let good = || signature(Signer::PublicKey, body.as_bytes(), 0);
    let with_header = |name: &'static str, value: &str| {
        let others = good().into_iter().filter(|(known, _)| *known != name);
        others.chain((!value.is_empty()).then(|| (name, value.to_owned()))).collect::<Vec<_>>()
    };
    let read = |headers: &[(&'static str, String)]| account().read_notify(Channel::WxApp, &notify(body.clone(), headers), now());
    let bad = |field| Err(NotifyError::BadSignature { field });
    let stale = |seconds| Err(NotifyError::Stale { seconds, seconds_max: 300 });
    let unknown = |serial: &str| Err(NotifyError::UnknownKey { serial: serial.to_owned() });
    assert_eq!(read(&[]), Err(NotifyError::Unsigned));
    assert_eq!(read(&with_header("wechatpay-signature", "")), Err(NotifyError::Unsigned));
    assert_eq!(read(&with_header("wechatpay-signature", "WECHATPAY/SIGNTEST/GvMPZ")), Err(NotifyError::Probe));
    assert_eq!(read(&with_header("wechatpay-signature", "AAAA")), bad("publicKey"));
    assert_eq!(read(&with_header("wechatpay-serial", key("platform_cert_serial_no"))), bad("platformCerts"));
    assert_eq!(read(&with_header("wechatpay-serial", "PUB_KEY_ID_9")), bad("publicKeyId"));
    assert_eq!(read(&with_header("wechatpay-serial", "45DED253240A970EF3F35C31CF203DEA8AFAE924")), unknown("45DED253240A970EF3F35C31CF203DEA8AFAE924"));
    assert_eq!(read(&signature(Signer::Merchant, body.as_bytes(), 0)), bad("publicKey"));
    assert_eq!(read(&signature(Signer::PublicKey, body.as_bytes(), -301)), stale(301));
    assert_eq!(read(&signature(Signer::PublicKey, body.as_bytes(), 301)), stale(301));
    let algorithm = NotifyError::Algorithm { found: "WECHATPAY2-SM2-WITH-SM3".to_owned(), expected: "WECHATPAY2-SHA256-RSA2048" };
    assert_eq!(read(&with_header("wechatpay-signature-type", "WECHATPAY2-SM2-WITH-SM3")), Err(algorithm));
    malformed(read(&with_header("wechatpay-nonce", "")), "wechatpay-nonce is missing");
    malformed(read(&with_header("wechatpay-serial", "../../x")), "must be a serial number");
    for seconds in [-300, 300] {
        read(&signature(Signer::Certificate, body.as_bytes(), seconds)).unwrap();
    }
    // The signature is right, but the configured key does not decrypt the content.
    let other = open(&with(key_mode(), json!({"apiV3Key": "z".repeat(32)}))).unwrap();
    assert_eq!(other.read_notify(Channel::WxApp, &signed_notify(&body), now()), Err(NotifyError::Sealed { field: "apiV3Key" }));
    // There is no key to verify it yet.
    let nothing_held = open(&bare()).unwrap();
    let certified = notify(body.clone(), &signature(Signer::Certificate, body.as_bytes(), 0));
    assert_eq!(nothing_held.read_notify(Channel::WxApp, &certified, now()), unknown(key("platform_cert_serial_no")));
    assert_eq!(nothing_held.read_notify(Channel::WxApp, &signed_notify(&body), now()), bad("publicKeyId"));
}

#[test]
#[rustfmt::skip]
fn the_message_must_be_as_documented() {
    let read = |body: &str| account().read_notify(Channel::WxApp, &signed_notify(body), now());
    let resource = |name: &str, value: Value| {
        let resource = changed(sealed("transaction", &payment().to_string()), name, value);
        json!({"event_type": "TRANSACTION.SUCCESS", "resource": resource}).to_string()
    };
    malformed(read("x"), "not the documented JSON");
    malformed(read("{}"), "event_type is missing");
    malformed(read(r#"{"event_type":"TRANSACTION.SUCCESS"}"#), "resource is missing");
    malformed(read(r#"{"event_type":"TRANSACTION.SUCCESS","resource":"x"}"#), "resource is missing");
    malformed(read(r#"{"event_type":"a","event_type":"b"}"#), "twice");
    malformed(read(&resource("algorithm", json!("AEAD_AES_128_GCM"))), "algorithm must be");
    malformed(read(&resource("nonce", Value::Null)), "nonce is missing");
    malformed(read(&resource("nonce", json!("short"))), "12 bytes");
    malformed(read(&resource("ciphertext", Value::Null)), "ciphertext is missing");
    malformed(read(&resource("ciphertext", json!("!"))), "not base64");
    malformed(read(&resource("associated_data", json!({}))), "associated_data must be a string");
    for (name, value) in [("ciphertext", json!("")), ("ciphertext", json!("AAAA")), ("associated_data", json!("x")), ("associated_data", Value::Null)] {
        assert_eq!(read(&resource(name, value)), Err(NotifyError::Sealed { field: "apiV3Key" }), "{name}");
    }
    let without_data = json!({"event_type": "TRANSACTION.SUCCESS", "resource": changed(sealed("", &payment().to_string()), "associated_data", Value::Null)});
    read(&without_data.to_string()).unwrap();
    let not_json = json!({"event_type": "TRANSACTION.SUCCESS", "resource": sealed("", "x")});
    malformed(read(&not_json.to_string()), "not the documented JSON");
    malformed(read(&" ".repeat(64 * 1024 + 1)), "longer than 65536 bytes");

    let body = body("TRANSACTION.SUCCESS", &payment());
    for content_type in ["text/xml", "", "application/x-www-form-urlencoded", "application/jsonx"] {
        let mut notify = signed_notify(&body);
        notify.headers_mut().insert("content-type", content_type.parse().unwrap());
        malformed(account().read_notify(Channel::WxApp, &notify, now()), "content type");
    }
    let mut notify = signed_notify(&body);
    notify.headers_mut().insert("content-type", "Application/JSON ;charset=utf-8".parse().unwrap());
    account().read_notify(Channel::WxApp, &notify, now()).unwrap();
}

proptest! {
    #[test]
    fn no_notify_makes_it_panic_or_be_believed(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(account().read_notify(Channel::WxApp, &notify(body.clone(), &[]), now()).is_err());
        prop_assert!(account().read_notify(Channel::WxApp, &notify(body.clone(), &signature(Signer::PublicKey, &body, 0)), now()).is_err());
        prop_assert!(account().read_refund_notify(Channel::WxApp, &notify(body, &[]), now()).is_err());
    }

    #[test]
    fn no_header_makes_it_panic(values in proptest::collection::vec("[ -~]{0,40}|[0-9]{0,24}|PUB_KEY_ID_[0-9]{0,4}", 5)) {
        let names = ["wechatpay-timestamp", "wechatpay-nonce", "wechatpay-serial", "wechatpay-signature", "wechatpay-signature-type"];
        let headers: Vec<_> = names.into_iter().zip(values).collect();
        let notify = notify("{}", &headers);
        prop_assert!(account().read_notify(Channel::WxApp, &notify, now()).is_err());
    }

    #[test]
    fn no_content_makes_it_panic(content in "(\\{|\\}|\"(out_trade_no|amount|trade_state)\"|:|,|[a-z0-9\\[\\]]|.){0,30}") {
        let body = json!({"event_type": "TRANSACTION.SUCCESS", "resource": sealed("", &content)}).to_string();
        let _ = account().read_notify(Channel::WxApp, &signed_notify(&body), now());
    }

    #[test]
    fn one_changed_byte_is_one_too_many(place in 0_usize..2000, bit in 0_u8..8) {
        let mut body = body("TRANSACTION.SUCCESS", &payment()).into_bytes();
        let headers = signature(Signer::PublicKey, &body, 0);
        let place = place % body.len();
        body[place] ^= 1 << bit;
        let result = account().read_notify(Channel::WxApp, &notify(body, &headers), now());
        prop_assert_eq!(result, Err(NotifyError::BadSignature { field: "publicKey" }));
    }
}
