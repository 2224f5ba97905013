//! Which certificates are trusted, and when.

use base64::Engine as _;
use domain::{Channel, Notification, Tab, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{FORM, app, form_of, key, notify_of, now, open, signed, with};
use crate::{Account, NotifyError, cert, keys::BASE64};

const PAID: &[(&str, &str)] =
    &[("txnType", "01"), ("orderId", "1"), ("txnAmt", "1"), ("queryId", "1"), ("respCode", "00")];

fn read(account: &Account, certificate: &str, now: Timestamp) -> Result<Notification, NotifyError> {
    let fields = signed(PAID, &[("signPubKeyCert", certificate)]);
    account.read_notify(Channel::UnipayApp, &notify_of(FORM, form_of(&fields)), now)
}

#[track_caller]
fn untrusted(result: Result<Notification, NotifyError>, words: &str) {
    match result {
        Err(NotifyError::Untrusted { problem }) => {
            assert!(problem.to_string().contains(words), "expected {words}, found {problem}")
        }
        other => panic!("expected untrusted, {words}; found {other:?}"),
    }
}

fn account(changes: Value) -> Account {
    open(Tab::UnipayApp, &with(changes)).unwrap()
}

/// A Beijing time.
fn at(text: &str) -> Timestamp {
    Timestamp::from_beijing(text).unwrap()
}

#[test]
fn certificates_under_the_configured_ones_are_believed() {
    for name in ["leaf", "leaf_bare", "leaf_bmp_name"] {
        read(app(), key(name), now()).unwrap();
        read(app(), &key(name).replace('\n', "\r\n"), now()).unwrap();
    }
    // An authority without any CA flag is accepted: it was configured as one.
    read(&account(json!({ "middleCert": key("middle_without_extensions") })), key("leaf"), now()).unwrap();
}

#[test]
#[rustfmt::skip]
fn every_other_certificate_is_refused() {
    let two = format!("{}{}", key("leaf"), key("leaf"));
    let cases: &[(&str, &str)] = &[
        (key("leaf_not_yet"),             "it is not valid at 2026-11-23T14:30:00Z"),
        (key("leaf_by_root"),             "no certificate of middleCert issued it"),
        (key("leaf_sha384"),              "no certificate of middleCert issued it"),
        (key("unionpay_sign_cert"),       "no certificate of middleCert issued it"),
        (key("root"),                     "no certificate of middleCert issued it"),
        (key("middle"),                   "no certificate of middleCert issued it"),
        (key("leaf_no_name"),             "it has 0 common names; one is expected"),
        (key("leaf_two_names"),           "it has 2 common names; one is expected"),
        (key("leaf_short_name"),          "it belongs to ``, not to `中国银联股份有限公司`"),
        (key("leaf_owner_elsewhere"),     "it belongs to `x`, not to `中国银联股份有限公司`"),
        (key("leaf_ec"),                  "it has"),
        (key("leaf_1024"),                "the key has 1024 bits"),
        // The merchant's own certificate, from the same authority.
        (key("merchant_cert"),            "it belongs to `777290058110097:SIGN`"),
        (key("merchant_private_pkcs8"),   "this is a private key, a certificate is expected"),
        (two.as_str(),                    "there are 2 of them; one is expected"),
        ("x",                             "is neither PEM nor base64"),
        ("-----BEGIN CERTIFICATE-----",   "is cut off"),
    ];
    for (certificate, words) in cases {
        // The key's kind is checked last.
        let words = if *words == "it has" { "another kind than RSA" } else { words };
        untrusted(read(app(), certificate, now()), words);
    }
    untrusted(read(app(), &"A".repeat(8193), now()), "longer than 8192 bytes");
}

#[test]
#[rustfmt::skip]
fn all_three_must_be_valid_at_the_time() {
    let short_middle = account(json!({ "middleCert": key("middle_expires_2027") }));
    let short_root = account(json!({ "rootCert": key("root_expires_2027") }));
    let cases: &[(&Account, &str, Option<&str>)] = &[
        (app(),         "2026-01-01 08:00:00", None),
        (app(),         "2026-01-01 07:59:59", Some("it is not valid at 2025-12-31T23:59:59Z")),
        (app(),         "2036-01-01 08:00:00", None),
        (app(),         "2036-01-01 08:00:01", Some("it is not valid")),
        (&short_middle, "2027-01-01 08:00:00", None),
        (&short_middle, "2027-01-01 08:00:01", Some("middleCert, which issued it, is not valid at 2027-01-01T00:00:01Z")),
        (&short_root,   "2027-01-01 08:00:00", None),
        (&short_root,   "2027-01-01 08:00:01", Some("rootCert of middleCert, which issued it, is not valid at 2027-01-01T00:00:01Z")),
    ];
    for (account, time, problem) in cases {
        let result = read(account, key("leaf"), at(time));
        match problem {
            None => { result.unwrap(); }
            Some(words) => untrusted(result, words),
        }
    }
}

#[test]
fn while_an_authority_changes_either_certificate_will_do() {
    let both = |a: &str, b: &str| format!("{}{}", key(a), key(b));
    // The same name with another key, the same with an expiry, and the right one.
    for (root, middle) in [
        (both("root_other_key", "root"), both("middle_other_key", "middle")),
        (both("root_expires_2027", "root"), both("middle_expires_2027", "middle")),
        (both("root_cert", "root"), both("middle_cert", "middle")),
    ] {
        let account = account(json!({ "rootCert": root, "middleCert": middle }));
        read(&account, key("leaf"), at("2030-01-01 00:00:00")).unwrap();
    }
    // A valid root does not help a certificate that another one issued.
    let ended = account(json!({ "rootCert": both("root_expires_2027", "root_cert") }));
    read(&ended, key("leaf"), at("2026-12-31 00:00:00")).unwrap();
    untrusted(
        read(&ended, key("leaf"), at("2030-01-01 00:00:00")),
        "rootCert of middleCert, which issued it, is not valid at 2029-12-31T16:00:00Z",
    );
    let old = account(json!({ "middleCert": key("middle_other_key") }));
    untrusted(read(&old, key("leaf"), now()), "no certificate of middleCert issued it");
}

#[test]
fn the_test_environment_has_another_owner() {
    let merchant = account(json!({ "cn": "777290058110097:SIGN" }));
    // Its owner is right then, but UnionPay's key signed the message.
    assert_eq!(
        read(&merchant, key("leaf"), now()).unwrap_err().to_string(),
        "the certificate of the notify is not trusted: it belongs to `中国银联股份有限公司`, not to `777290058110097:SIGN`"
    );
    let other_key = Err(NotifyError::BadSignature { field: "signPubKeyCert" });
    assert_eq!(read(&merchant, key("merchant_cert"), now()), other_key);
}

fn der(name: &str) -> Vec<u8> {
    let lines = key(name).lines().filter(|line| !line.starts_with("-----"));
    BASE64.decode(lines.collect::<String>()).unwrap()
}

/// The message is signed as it is sent, so only its chain is wrong. The algorithm identifier is outside of what CFCA signed.
#[test]
fn one_changed_bit_of_a_certificate_is_one_too_many() {
    for name in ["leaf", "leaf_bmp_name"] {
        let good = der(name);
        read(app(), &BASE64.encode(&good), now()).unwrap();
        for place in 0..good.len() {
            for bit in [0, 7] {
                let mut der = good.clone();
                der[place] ^= 1 << bit;
                assert!(read(app(), &BASE64.encode(&der), now()).is_err(), "{name}, byte {place}, bit {bit}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_are_a_certificate_by_chance(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(app(), &BASE64.encode(bytes), now()).is_err());
    }

    #[test]
    fn no_damage_to_a_certificate_makes_it_panic(changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4)) {
        for name in ["leaf", "leaf_bmp_name", "middle"] {
            let mut der = der(name);
            for (place, byte) in &changes {
                let place = place % der.len();
                der[place] = *byte;
            }
            let _ = cert::read_one(&der);
            let _ = open(Tab::UnipayApp, &with(json!({ "middleCert": BASE64.encode(&der) })));
        }
    }
}
