//! `doctor`: servers that are no gateway, and keys that do not belong together.

use std::process::Command;

use serde_json::{Value, json};

use super::server::*;

/// What a check says, by its verdict. A check that was not made says nothing.
fn verdicts(command: &mut Command, check: &str) -> Vec<Value> {
    let done = command.output().unwrap();
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(done.status.success(), findings.iter().all(|finding| finding["verdict"] != "wrong"), "{report}");
    for finding in findings {
        assert_eq!(finding["remedy"].is_null(), finding["verdict"] == "ok", "{finding}");
    }
    findings.iter().filter(|finding| finding["check"] == check).map(|finding| finding["verdict"].clone()).collect()
}

/// What a gateway answers to a call without a key.
fn refused() -> Answer {
    answer(&json!({ "code": 1, "msg": "APP_INVALID", "err": "X-ML-AppId is required" }))
}

#[test]
fn without_a_key_something_is_wrong() {
    let fake = Fake::start(|_, _| refused());
    assert_eq!(verdicts(fake.command(&["doctor"]).env_remove("MAXPAY_MASTER_KEY"), "settings"), ["wrong"]);
}

#[test]
fn what_is_no_gateway_is_found_whatever_it_answers() {
    for body in [
        json!({ "welcome": "to a router" }),
        json!([]),
        json!({ "code": 404, "message": "not found" }),
        json!({ "code": 1, "msg": "error" }),
        json!("<html>"),
    ] {
        let fake = Fake::start(move |_, _| answer(&body));
        assert_eq!(verdicts(&mut fake.command(&["doctor"]), "reach"), ["wrong"]);
    }
}

/// A gateway with a payment in test mode, whose master key is of test mode. The client key is of the other one.
fn with_a_payment(call: &Call) -> Answer {
    let is_client = call.head.contains("x-ml-apikey");
    match call.path.as_str() {
        "/2.0/maxpay/sessions" => session(),
        "/2.0/maxpay/records" if call.head.contains("x-ml-masterkey") => {
            answer(&json!({ "code": 0, "msg": "OK", "results": [{ "id": "1", "billNum": "b" }] }))
        }
        "/2.0/maxpay/records" if is_client => answer(&json!({ "code": 0, "msg": "OK", "results": [] })),
        _ => refused(),
    }
}

/// A gateway without payments, whose channels are set up in test mode alone. The client key is of live mode.
fn with_channels(call: &Call) -> Answer {
    let is_client = call.head.contains("x-ml-apikey");
    match call.path.as_str() {
        "/2.0/maxpay/sessions" => session(),
        "/2.0/maxpay/bill" if is_client => {
            answer(&json!({ "code": 2, "msg": "PAY_FACTOR_NOT_SET", "err": "no settings" }))
        }
        "/2.0/maxpay/bill" => answer(&json!({ "code": 4, "msg": "MISS_PARAM", "err": "billNum is required" })),
        "/2.0/maxpay/records" if is_client || call.head.contains("x-ml-masterkey") => {
            answer(&json!({ "code": 0, "msg": "OK", "results": [] }))
        }
        _ => refused(),
    }
}

#[test]
fn keys_of_different_modes_are_found() {
    for gateway in [with_a_payment, with_channels] {
        let fake = Fake::start(move |call, _| gateway(call));
        assert_eq!(verdicts(fake.command(&["doctor"]).env("MAXPAY_CLIENT_KEY", "k"), "modes"), ["wrong"]);
        let bills = fake.calls("/2.0/maxpay/bill");
        assert!(bills.iter().all(|call| call.json().get("billNum").is_none()), "nothing may be charged: {bills:?}");
    }
}

#[test]
fn keys_of_one_mode_are_well() {
    let both = |call: &Call| {
        let client = Call { head: call.head.replace("x-ml-apikey", "x-ml-masterkey"), ..call.clone() };
        with_a_payment(&client)
    };
    let fake = Fake::start(move |call, _| both(call));
    assert_eq!(verdicts(fake.command(&["doctor"]).env("MAXPAY_CLIENT_KEY", "k"), "modes"), ["ok"]);
}
