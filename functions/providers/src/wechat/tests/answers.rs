//! What the answers of v3 mean, and which are not trusted.

use domain::{Claim, Outcome};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    APP_ID, MCH_ID, Signer, account, bare, fen, id, key, key_mode, now, open, placed, refund, refused, response,
    same_claim, signature, signed, unclear, unsigned,
};
use crate::{Closing, ProviderError, RefundOutcome};

/// A paid order in a query's answer.
fn paid() -> Value {
    json!({
        "appid": APP_ID, "mchid": MCH_ID, "out_trade_no": "568b33a0f7e4beba9244a8e0", "transaction_id": "4200001",
        "trade_type": "APP", "trade_state": "SUCCESS", "trade_state_desc": "支付成功", "success_time": "2026-11-23T22:30:00+08:00",
        "payer": {"openid": "oUpF8"}, "amount": {"total": 9900, "payer_total": 9800, "currency": "CNY", "payer_currency": "CNY"},
    })
}

fn changed(name: &str, value: Value) -> String {
    let mut order = paid();
    if value.is_null() {
        order.as_object_mut().unwrap().remove(name);
    } else {
        order[name] = value;
    }
    order.to_string()
}

#[test]
fn a_query_is_a_report() {
    let id = id();
    let report = account().read_query(&placed(&id), &signed(200, &paid().to_string()), now()).unwrap();
    assert_eq!((report.order.as_str(), report.outcome), (id.as_str(), Outcome::Paid));
    assert_eq!(report.fee, Some(fen(9900)), "what was ordered, and not what coupons left of it");
    assert_eq!(report.trade_no.unwrap().as_str(), "4200001");
    assert_eq!(
        report.claims,
        [same_claim("mchid", MCH_ID), same_claim("appid", APP_ID), same_claim("currency", "CNY")]
    );
}

#[test]
#[rustfmt::skip]
fn states_and_amounts_are_read() {
    use Outcome::{Closed, Paid, Pending};
    let cases: &[(&str, Value, Option<i64>, Outcome)] = &[
        ("trade_state",    json!("REFUND"),                          Some(9900), Paid),
        ("trade_state",    json!("NOTPAY"),                          Some(9900), Pending),
        ("trade_state",    json!("USERPAYING"),                      Some(9900), Pending),
        ("trade_state",    json!("CLOSED"),                          Some(9900), Closed),
        ("trade_state",    json!("SOMETHING_NEW"),                   Some(9900), Pending),
        ("amount",         Value::Null,                              None,       Paid), // The shared check refuses a payment without an amount.
        ("amount",         json!(9900),                              None,       Paid),
        ("amount",         json!({"total": "9900"}),                 None,       Paid),
        ("amount",         json!({"total": 9900.0}),                 None,       Paid),
        ("amount",         json!({"total": -1}),                     None,       Paid),
        ("amount",         json!({"total": 0}),                      None,       Paid),
        ("amount",         json!({"total": 10_000_000_001_i64}),     None,       Paid),
        ("amount",         json!({"payer_total": 9900}),             None,       Paid),
        ("transaction_id", Value::Null,                              Some(9900), Paid),
    ];
    for (name, value, fee, outcome) in cases {
        let report = account().read_query(&placed(&id()), &signed(200, &changed(name, value.clone())), now()).unwrap();
        assert_eq!((report.fee.map(domain::Fen::get), report.outcome), (*fee, *outcome), "{name} {value}");
    }
    for name in ["out_trade_no", "trade_state"] {
        unclear(account().read_query(&placed(&id()), &signed(200, &changed(name, Value::Null)), now()), name);
    }
}

#[test]
fn another_merchant_app_or_currency_is_claimed() {
    let claims = |name, value| {
        let report = account().read_query(&placed(&id()), &signed(200, &changed(name, value)), now()).unwrap();
        report.claims.into_iter().filter(|claim| claim.said != claim.configured).collect::<Vec<_>>()
    };
    let claim = |field, said: &str, configured: &str| {
        [Claim { field, said: said.to_owned(), configured: configured.to_owned() }]
    };
    assert_eq!(claims("mchid", json!("1")), claim("mchid", "1", MCH_ID));
    assert_eq!(claims("appid", json!("wx1")), claim("appid", "wx1", APP_ID));
    assert_eq!(claims("mchid", Value::Null), claim("mchid", "", MCH_ID));
    assert_eq!(claims("appid", Value::Null), claim("appid", "", APP_ID));
    assert_eq!(claims("amount", json!({"total": 9900, "currency": "USD"})), claim("currency", "USD", "CNY"));
    // If it is missing, it is CNY.
    assert_eq!(claims("amount", json!({"total": 9900})), []);
}

#[test]
#[rustfmt::skip]
fn failures_are_read_by_their_class() {
    enum Expect { Refused, Pending, Unclear }
    use Expect::{Pending, Refused, Unclear};
    let cases: &[(u16, &str, Expect)] = &[
        (404, "ORDER_NOT_EXIST",       Pending),
        (404, "ORDERNOTEXIST",         Pending),
        (404, "RESOURCE_NOT_EXISTS",   Refused),
        (400, "ORDER_NOT_EXIST",       Refused),
        (400, "PARAM_ERROR",           Refused),
        (401, "SIGN_ERROR",            Refused),
        (403, "NO_AUTH",               Refused),
        (403, "RULE_LIMIT",            Refused),
        (400, "SYSTEM_ERROR",          Unclear),
        (403, "FREQUENCY_LIMITED",     Unclear),
        (408, "X",                     Unclear),
        (429, "FREQUENCY_LIMITED",     Unclear),
        (429, "RATELIMIT_EXCEEDED",    Unclear),
        (500, "SYSTEM_ERROR",          Unclear),
        (502, "BANK_ERROR",            Unclear),
        (503, "ORDER_NOT_EXIST",       Unclear),
        (302, "X",                     Unclear),
        (201, "X",                     Unclear),
        (202, "X",                     Unclear),
    ];
    for (status, code, expect) in cases {
        let body = json!({"code": code, "message": "words", "detail": {"field": "x"}}).to_string();
        // With a signature, without one, with one of an unknown key, and with an old one.
        let mut foreign = signature(Signer::Certificate, body.as_bytes(), 0);
        foreign[2].1 = "45DED253240A970EF3F35C31CF203DEA8AFAE924".to_owned();
        let old = signature(Signer::PublicKey, body.as_bytes(), -301);
        for answer in [signed(*status, &body), unsigned(*status, &body), response(*status, body.clone(), &foreign), response(*status, body.clone(), &old)] {
            let result = account().read_query(&placed(&id()), &answer, now());
            match expect {
                Refused => {
                    let error = ProviderError::Refused { code: (*code).to_owned(), words: "words".to_owned() };
                    assert_eq!(result, Err(error), "{status} {code}");
                }
                Pending => {
                    let report = result.unwrap();
                    assert_eq!((report.order.as_str(), report.outcome, report.fee), (id().as_str(), Outcome::Pending, None));
                }
                Unclear => unclear(result, code),
            }
        }
        // A signature that is wrong is worse than none.
        if (400..500).contains(status) && !matches!(expect, Unclear) {
            let forged = response(*status, body.clone(), &signature(Signer::Merchant, body.as_bytes(), 0));
            unclear(account().read_query(&placed(&id()), &forged, now()), "does not match publicKey");
        }
    }
    for (status, body) in [(404, ""), (404, "<html>"), (400, "{}"), (400, r#"{"code":7}{}"#), (404, r#"{"code":""}"#), (502, "")] {
        unclear(account().read_query(&placed(&id()), &unsigned(status, body), now()), "without a code");
    }
}

#[test]
#[rustfmt::skip]
fn what_is_not_believed() {
    let body = paid().to_string();
    let good = || signature(Signer::PublicKey, body.as_bytes(), 0);
    let without = |name: &str| good().into_iter().filter(|(known, _)| *known != name).collect::<Vec<_>>();
    let with = |name: &'static str, value: &str| [without(name), vec![(name, value.to_owned())]].concat();
    let twice = |name: &'static str| [good(), good().into_iter().filter(|(known, _)| *known == name).collect()].concat();
    let cases: &[(Vec<(&'static str, String)>, &str)] = &[
        (vec![],                                                           "the answer says success, but has no signature"),
        (without("wechatpay-signature"),                                   "the answer says success, but has no signature"),
        (without("wechatpay-timestamp"),                                   "wechatpay-timestamp is missing"),
        (without("wechatpay-nonce"),                                       "wechatpay-nonce is missing"),
        (without("wechatpay-serial"),                                      "wechatpay-serial is missing"),
        (twice("wechatpay-signature"),                                     "wechatpay-signature appears twice"),
        (twice("wechatpay-serial"),                                        "wechatpay-serial appears twice"),
        (with("wechatpay-signature", "AAAA"),                              "does not match publicKey"),
        (with("wechatpay-signature", "!"),                                 "not base64"),
        (with("wechatpay-signature", ""),                                  "does not match publicKey"),
        (with("wechatpay-signature", "WECHATPAY/SIGNTEST/x"),              "own test of a wrong signature"),
        (with("wechatpay-signature-type", "WECHATPAY2-SM2-WITH-SM3"),      "WECHATPAY2-SM2-WITH-SM3"),
        (with("wechatpay-nonce", "other"),                                 "does not match publicKey"),
        (with("wechatpay-timestamp", "1795444201"),                        "does not match publicKey"),
        (with("wechatpay-timestamp", "+1795444200"),                       "must be a number of seconds"),
        (with("wechatpay-timestamp", "1795444200000"),                     "must be a number of seconds"),
        (with("wechatpay-timestamp", "99999999999999999999"),              "must be a number of seconds"),
        (with("wechatpay-timestamp", ""),                                  "must be a number of seconds"),
        (with("wechatpay-timestamp", "1795443899"),                        "301 s away"),
        (with("wechatpay-serial", "PUB_KEY_ID_2"),                         "does not match publicKeyId"),
        (with("wechatpay-serial", "x"),                                    "must be a serial number"),
        (with("wechatpay-serial", key("platform_cert_serial_no")),         "does not match platformCerts"),
        (signature(Signer::Merchant, body.as_bytes(), 0),                  "does not match publicKey"),
        (signature(Signer::PublicKey, body.as_bytes(), -301),              "301 s away"),
        (signature(Signer::PublicKey, body.as_bytes(), 301),               "301 s away"),
        (signature(Signer::PublicKey, b"", 0),                             "does not match publicKey"),
    ];
    for (headers, words) in cases {
        unclear(account().read_query(&placed(&id()), &response(200, body.clone(), headers), now()), words);
    }
    for (signer, seconds) in [(Signer::PublicKey, -300), (Signer::PublicKey, 300), (Signer::Certificate, 0)] {
        let answer = response(200, body.clone(), &signature(signer, body.as_bytes(), seconds));
        account().read_query(&placed(&id()), &answer, now()).unwrap();
    }
    // The signature type may be missing. Serial numbers are equal in either case and without their leading zeros.
    account().read_query(&placed(&id()), &response(200, body.clone(), &without("wechatpay-signature-type")), now()).unwrap();
    let certified = signature(Signer::Certificate, body.as_bytes(), 0);
    for serial in [key("platform_cert_serial_no").to_lowercase(), key("platform_cert_serial_no").trim_start_matches('0').to_owned()] {
        let mut headers = certified.clone();
        headers[2].1 = serial;
        account().read_query(&placed(&id()), &response(200, body.clone(), &headers), now()).unwrap();
    }
    // A certificate that we do not have can be fetched.
    let unknown = ProviderError::UnknownKey { serial: key("platform_cert_serial_no").to_owned() };
    for settings in [bare(), key_mode()] {
        let result = open(&settings).unwrap().read_query(&placed(&id()), &response(200, body.clone(), &certified), now());
        assert_eq!(result, Err(unknown.clone()));
    }
    // The platform certificate expires in 2036.
    let later = domain::Timestamp::from_ms(2_200_000_000_000).unwrap();
    let answer = response(200, body.clone(), &signature(Signer::Certificate, body.as_bytes(), 2_200_000_000 - now().seconds()));
    assert_eq!(account().read_query(&placed(&id()), &answer, later), Err(unknown));
    for (body, words) in [("{", "not the documented JSON"), ("[]", "not the documented JSON"), (r#"{"a":1,"a":1}"#, "twice"), ("", "not the documented JSON")] {
        unclear(account().read_query(&placed(&id()), &signed(200, body), now()), words);
    }
    unclear(account().read_query(&placed(&id()), &signed(200, &" ".repeat(256 * 1024 + 1)), now()), "longer than 262144 bytes");
    unclear(account().read_query(&placed(&id()), &signed(204, ""), now()), "no content");
}

#[test]
#[rustfmt::skip]
fn closings_are_read() {
    let read = |answer| account().read_close(&placed(&id()), &answer, now());
    assert_eq!(read(signed(204, "")), Ok(Closing::Closed));
    unclear(read(unsigned(204, "")), "has no signature");
    unclear(read(signed(204, "x")), "204 with content");
    unclear(read(signed(200, "{}")), "200 where 204");
    unclear(read(response(204, "", &signature(Signer::Merchant, b"", 0))), "does not match publicKey");
    let failure = |code: &str| format!(r#"{{"code":"{code}","message":"words"}}"#);
    assert_eq!(read(signed(404, &failure("ORDER_NOT_EXIST"))), Ok(Closing::NotThere));
    // No signature proves that it does not exist, so it must be queried.
    for (answer, code) in [
        (unsigned(404, &failure("ORDER_NOT_EXIST")), "ORDER_NOT_EXIST"),
        (signed(400, &failure("ORDERPAID")),         "ORDERPAID"),
        (signed(400, &failure("ORDER_CLOSED")),      "ORDER_CLOSED"),
        (signed(403, &failure("TRADE_ERROR")),       "TRADE_ERROR"),
    ] {
        assert_eq!(read(answer), Ok(Closing::Refused { code: code.to_owned(), words: "words".to_owned() }));
    }
    unclear(read(signed(500, &failure("SYSTEM_ERROR"))), "SYSTEM_ERROR");
}

fn refund_answer(status: &str) -> Value {
    json!({
        "refund_id": "50000", "out_refund_no": "568b33a0f7e4beba9244a8e0-R1", "transaction_id": "4200001",
        "out_trade_no": "568b33a0f7e4beba9244a8e0", "status": status, "amount": {"total": 9900, "refund": 100, "payer_refund": 90},
    })
}

#[test]
#[rustfmt::skip]
fn refunds_are_read() {
    let id = id();
    let refund = refund(&id);
    let made = |answer| account().read_refund(&refund, &answer, now());
    let asked = |answer| account().read_refund_query(&refund, &answer, now());
    for (status, expect) in [
        ("SUCCESS",    Some(RefundOutcome::Done)),
        ("PROCESSING", Some(RefundOutcome::Pending)),
        ("NEW",        Some(RefundOutcome::Pending)),
        ("CLOSED",     None),
        ("ABNORMAL",   None),
    ] {
        let answer = || signed(200, &refund_answer(status).to_string());
        for found in [made(answer()).unwrap(), asked(answer()).unwrap()] {
            match &expect {
                Some(expect) => assert_eq!(&found, expect, "{status}"),
                None if status == "ABNORMAL" => {
                    assert!(matches!(found, RefundOutcome::Stuck { code, .. } if code == status), "{status}");
                }
                None => assert!(matches!(found, RefundOutcome::Failed { code, .. } if code == status), "{status}"),
            }
        }
    }
    for (name, value, words) in [
        ("out_trade_no",  json!("x"),               "it is about out_trade_no x"),
        ("out_refund_no", json!("R1"),              "it is about out_refund_no R1"),
        ("amount",        json!({"refund": 101}),   "amount.refund"),
        ("amount",        json!({"refund": "100"}), "amount.refund"),
        ("amount",        json!({}),                "amount.refund"),
        ("status",        json!(""),                "status is missing"),
    ] {
        let mut answer = refund_answer("SUCCESS");
        answer[name] = value;
        unclear(made(signed(200, &answer.to_string())), words);
        unclear(asked(signed(200, &answer.to_string())), words);
    }
    let failure = |code: &str| format!(r#"{{"code":"{code}","message":"words"}}"#);
    let short = RefundOutcome::Short { code: "NOT_ENOUGH".to_owned(), words: domain::Sentence::as_it_is("words") };
    assert_eq!(made(signed(403, &failure("NOT_ENOUGH"))), Ok(short));
    let failed = RefundOutcome::Failed { code: "INVALID_REQUEST".to_owned(), words: domain::Sentence::as_it_is("words") };
    assert_eq!(made(signed(400, &failure("INVALID_REQUEST"))), Ok(failed));
    // Without a signature it is an error, and does not prove that no money moved.
    refused(made(unsigned(403, &failure("NOT_ENOUGH"))), "NOT_ENOUGH");
    refused(asked(signed(401, &failure("SIGN_ERROR"))), "SIGN_ERROR");
    assert_eq!(asked(signed(404, &failure("RESOURCE_NOT_EXISTS"))), Ok(RefundOutcome::NotThere));
    for (status, code) in [(429, "FREQUENCY_LIMITED"), (500, "SYSTEM_ERROR"), (504, "X")] {
        unclear(made(signed(status, &failure(code))), code);
        unclear(asked(signed(status, &failure(code))), code);
    }
    unclear(made(unsigned(200, &refund_answer("SUCCESS").to_string())), "has no signature");
    unclear(made(signed(204, "")), "no content");
    unclear(asked(signed(204, "")), "no content");
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(status in 100_u16..600, body in "(\\{|\\}|\"(code|trade_state|data)\"|:|,|[a-z0-9\\[\\]]|.){0,30}") {
        let (id, refund_id) = (id(), id());
        for answer in [unsigned(status, &body), signed(status, &body)] {
            let _ = account().read_query(&placed(&id), &answer, now());
            let _ = account().read_close(&placed(&id), &answer, now());
            let _ = account().read_refund(&refund(&refund_id), &answer, now());
            let _ = account().with_certificates(&answer, now());
        }
    }

    #[test]
    fn one_changed_byte_is_one_too_many(place in 0_usize..2000, bit in 0_u8..7, in_header in 0_usize..8) {
        let mut body = paid().to_string().into_bytes();
        let mut headers = signature(Signer::Certificate, &body, 0);
        let changed = match headers.get_mut(in_header) {
            Some((name, value)) => {
                let mut bytes = value.clone().into_bytes();
                let place = place % bytes.len();
                bytes[place] ^= 1 << bit;
                match String::from_utf8(bytes) {
                    // The case of a serial number's digits does not matter.
                    Ok(text) if http::HeaderValue::from_str(&text).is_ok() && !(*name == "wechatpay-serial" && text.eq_ignore_ascii_case(value)) => {
                        *value = text;
                        true
                    }
                    _ => false,
                }
            }
            None => {
                let place = place % body.len();
                body[place] ^= 1 << bit;
                true
            }
        };
        if changed {
            let result = account().read_query(&placed(&id()), &response(200, body, &headers), now());
            prop_assert!(result.is_err(), "{:?}", headers);
        }
    }
}
