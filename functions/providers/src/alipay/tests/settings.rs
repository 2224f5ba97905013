//! What `open` accepts, and with which words it refuses the rest.

use std::fmt::Write as _;

use base64::Engine as _;
use domain::Tab;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    APP_ID, alipay_sign, certificate_mode, id, key, key_mode, moment, now, object, open, placed, response, with,
};
use crate::{
    keys::{BASE64, SigningKey},
    mask,
};

#[track_caller]
fn refused(settings: &Map<String, Value>, field: &str, words: &str) {
    let error = open(settings).unwrap_err();
    assert!(
        error.field == field && error.problem.to_string().contains(words),
        "expected {field}: {words}, found {error}"
    );
    assert_eq!(error.to_string(), format!("{field}: {}", error.problem));
}

fn bare(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect::<Vec<_>>().join("\n")
}

fn dense(pem: &str) -> String {
    bare(pem).replace('\n', "")
}

#[test]
fn keys_are_read_in_every_form_that_people_paste() {
    for private in ["app_private_pkcs8", "app_private_pkcs1"] {
        let pem = key(private);
        let padded = dense(pem);
        let crlf = format!("\u{feff} \r\n{}\r\n ", pem.replace('\n', "\r\n"));
        let wrong_armour = pem.replace("RSA PRIVATE KEY", "PRIVATE KEY");
        for text in [pem, &bare(pem), &padded, padded.trim_end_matches('='), &crlf, &wrong_armour] {
            open(&with(key_mode(), json!({ "privateKey": text }))).unwrap();
        }
    }
    for public in ["alipay_public", "alipay_public_pkcs1"] {
        for text in [key(public).to_owned(), bare(key(public)), format!("\t{}  ", dense(key(public)))] {
            open(&with(key_mode(), json!({ "alipayPublicKey": text }))).unwrap();
        }
    }
    let der_certificate = dense(key("alipay_cert"));
    open(&with(certificate_mode(), json!({ "alipayCert": der_certificate }))).unwrap();
}

#[test]
#[rustfmt::skip]
fn what_was_given_instead_of_a_key_is_named() {
    let cases: &[(&str, &str, &str)] = &[
        ("privateKey",      "app_public",                    "this is a public key, a private key is expected"),
        ("privateKey",      "app_cert",                      "this is a certificate, a private key is expected"),
        ("privateKey",      "rsa_1024_private",              "the key has 1024 bits; RSA2 needs at least 2048"),
        ("privateKey",      "ec_private",                    "this is a private key of another kind than RSA"),
        ("privateKey",      "ec_private_sec1",               "this is a private key of another kind than RSA"),
        ("privateKey",      "encrypted_private",             "is encrypted; give the private key without a passphrase"),
        ("privateKey",      "encrypted_private_traditional", "is encrypted; give the private key without a passphrase"),
        ("alipayPublicKey", "app_public",                    "this is your own public key, not Alipay's"),
        ("alipayPublicKey", "app_private_pkcs8",             "this is a private key, a public key is expected"),
        ("alipayPublicKey", "app_private_pkcs1",             "this is a private key, a public key is expected"),
        ("alipayPublicKey", "alipay_cert",                   "this is a certificate, a public key is expected"),
        ("alipayPublicKey", "rsa_1024_public",               "the key has 1024 bits; RSA2 needs at least 2048"),
        ("alipayPublicKey", "ec_public",                     "this is a public key of another kind than RSA"),
        ("alipayPublicKey", "alipay_cert_with_issuer",       "has 2 PEM blocks; one is expected"),
    ];
    for (field, given, words) in cases {
        refused(&with(key_mode(), json!({ *field: key(given) })), field, words);
        let text = key(given);
        // An encrypted traditional key needs its PEM headers to be known as one.
        if !text.contains("Proc-Type") && !words.contains("PEM blocks") {
            refused(&with(key_mode(), json!({ *field: dense(text) })), field, words);
        }
    }
}

#[test]
#[rustfmt::skip]
fn damaged_keys_are_refused_in_words() {
    let pem = key("app_private_pkcs8");
    let cut_off = pem.split_once("-----END").unwrap().0;
    let mut der = BASE64.decode(dense(pem)).unwrap();
    let last = der.len() - 1;
    der[last] ^= 1; // Within qInv.
    let cases: &[(&str, Value, &str)] = &[
        ("privateKey", json!("不是钥匙"),                          "is neither PEM nor base64"),
        ("privateKey", json!("abc!"),                              "is neither PEM nor base64"),
        ("privateKey", json!("AAAA"),                              "this is neither a key nor a certificate"),
        ("privateKey", json!(cut_off),                             "is cut off: `-----END PRIVATE KEY-----` is missing"),
        ("privateKey", json!("-----BEGIN PRIVATE KEY"),            "is cut off: a PEM header has no end"),
        ("privateKey", json!(pem.replace('\n', "\\n")),            "a backslash and an n"),
        ("privateKey", json!(pem.replacen("MII", "M!I", 1)),       "characters that are not base64"),
        ("privateKey", json!(BASE64.encode(&der)),                 "is damaged"),
        ("privateKey", json!("x".repeat(16 * 1024 + 1)),           "is longer than 16384 bytes"),
        ("privateKey", json!(""),                                  "is empty"),
        ("privateKey", json!(" \n"),                               "is empty"),
        ("privateKey", json!(7),                                   "must be a JSON string"),
        ("privateKey", json!([pem]),                               "must be a JSON string"),
    ];
    for (field, value, words) in cases {
        refused(&with(key_mode(), json!({ *field: value })), field, words);
    }
}

#[test]
#[rustfmt::skip]
fn every_other_member_is_checked() {
    let cases: &[(Value, &str, &str)] = &[
        (json!({"protocol": null}),                      "protocol",        "is missing"),
        (json!({"protocol": "v3"}),                      "protocol",        "must be openapi, or mapi"),
        (json!({"protocol": "simulator"}),               "protocol",        "simulator"),
        (json!({"appId": null}),                         "appId",           "is missing"),
        (json!({"appId": "wx12"}),                       "appId",           "digits"),
        (json!({"appId": 2021586117351395_i64}),         "appId",           "must be a JSON string"),
        (json!({"appId": "1".repeat(33)}),               "appId",           "1 to 32 digits"),
        (json!({"sellerId": "2088"}),                    "sellerId",        "2088 and 12 more digits"),
        (json!({"sellerId": "1088349329642930"}),        "sellerId",        "2088 and 12 more digits"),
        (json!({"sellerId": "a@b.cn"}),                  "sellerId",        "2088 and 12 more digits"),
        (json!({"gateway": "http://127.0.0.1/gw"}),      "gateway",         "must start with https://"),
        (json!({"gateway": "gateway.do"}),               "gateway",         "must be a full URL"),
        (json!({"privateKey": null}),                    "privateKey",      "is missing"),
        (json!({"alipayPublicKey": null}),               "alipayPublicKey", "is missing: give Alipay's public key, or appCert"),
        (json!({"appCert": key("app_cert")}),            "alipayPublicKey", "cannot be used together with certificates"),
        (json!({"partner": "2088349329642930"}),         "partner",         "is not a setting of protocol openapi, which has protocol, appId"),
        (json!({"appid": "1"}),                          "appid",           "is not a setting of protocol"),
    ];
    for (changes, field, words) in cases {
        refused(&with(key_mode(), changes.clone()), field, words);
    }
}

#[test]
#[rustfmt::skip]
fn certificates_must_belong_together() {
    let cases: &[(Value, &str, &str)] = &[
        (json!({"appCert": null}),                                  "appCert",        "is missing: the app's certificate; certificate mode needs"),
        (json!({"alipayCert": null}),                               "alipayCert",     "is missing"),
        (json!({"alipayRootCert": null}),                           "alipayRootCert", "is missing"),
        (json!({"appCert": key("alipay_cert")}),                    "appCert",        "the app certificate does not belong to the private key"),
        (json!({"appCert": key("app_public")}),                     "appCert",        "this is a public key, a certificate is expected"),
        (json!({"appCert": key("ec_cert")}),                        "appCert",        "its key cannot be used: this is a public key of another kind than RSA"),
        (json!({"appCert": key("small_cert")}),                     "appCert",        "its key cannot be used: the key has 1024 bits"),
        (json!({"alipayCert": key("app_cert")}),                    "alipayCert",     "this is your own certificate, not Alipay's"),
        (json!({"alipayCert": key("forged_alipay_cert")}),          "alipayCert",     "is not signed by its issuer, as this file or alipayRootCert has it"),
        (json!({"alipayCert": key("self_signed_alipay_cert")}),     "alipayCert",     "ends in a self-signed certificate that is not in alipayRootCert"),
        (json!({"alipayRootCert": key("impostor_bundle")}),         "alipayCert",     "is not signed by its issuer, as this file or alipayRootCert has it"),
        (json!({"alipayRootCert": key("ec_bundle")}),               "alipayRootCert", "contains no certificate that is signed by an RSA key"),
        (json!({"alipayRootCert": key("app_private_pkcs8")}),       "alipayRootCert", "this is a private key, a certificate is expected"),
        (json!({"alipayRootCert": "x".repeat(64 * 1024 + 1)}),      "alipayRootCert", "is longer than 65536 bytes"),
    ];
    for (changes, field, words) in cases {
        refused(&with(certificate_mode(), changes.clone()), field, words);
    }
    // Alipay also gives out its certificate without the intermediate one: then it cannot be checked.
    let account = open(&with(certificate_mode(), json!({"alipayCert": key("alipay_cert")}))).unwrap();
    let end = account.certificates_end_at().unwrap().to_beijing();
    assert!(end.starts_with("2036-"), "the app's certificate is the first to end, found {end}");
}

#[test]
fn every_certificate_in_one_field_is_used() {
    let all = |names: &[&str]| names.iter().map(|name| format!("{}\n", key(name))).collect::<String>();
    let files = [
        all(&["alipay_cert_with_issuer", "alipay_cert_next"]),
        all(&["alipay_cert_next_issuer", "alipay_cert_next", "alipay_cert"]),
    ];
    let next = SigningKey::read(key("alipay_next_private_pkcs8")).unwrap();
    let (old, next) = (alipay_sign(NODE), BASE64.encode(next.sign_sha256(NODE.as_bytes()).unwrap()));
    for file in files {
        // The app's own certificate may come after its issuer.
        let app = all(&["alipay_cert_next_issuer", "app_cert"]);
        let roots = all(&["root_bundle", "alipay_cert_next_issuer"]);
        let files = json!({ "alipayCert": file, "appCert": app, "alipayRootCert": roots });
        let account = open(&with(certificate_mode(), files)).unwrap();
        for (number, sign) in [("alipay_cert_sn", &old), ("alipay_cert_next_sn", &next)] {
            let answer = format!(
                r#"{{"alipay_trade_query_response":{NODE},"alipay_cert_sn":"{}","sign":"{sign}"}}"#,
                key(number)
            );
            let report = account.read_query(&placed(&id()), &response(200, answer), now()).unwrap();
            assert_eq!(report.outcome, domain::Outcome::Paid, "{number}");
        }
        let query = account.query(&placed(&id()), &moment()).unwrap();
        assert!(query.uri().to_string().contains(&format!("app_cert_sn={}&", key("app_cert_sn"))));
    }
    // An unusable certificate is skipped. It is an error only if no other is usable.
    open(&with(certificate_mode(), json!({ "alipayCert": all(&["ec_cert", "alipay_cert"]) }))).unwrap();
    let none = with(certificate_mode(), json!({ "alipayCert": all(&["ec_cert", "app_cert"]) }));
    refused(&none, "alipayCert", "its key cannot be used");
}

const NODE: &str = r#"{"code":"10000","out_trade_no":"N1","trade_status":"TRADE_SUCCESS","total_amount":"1.00"}"#;

#[test]
fn a_bundle_has_a_bound_of_blocks() {
    let mut bundle = String::new();
    for _ in 0..33 {
        writeln!(bundle, "{}", key("ec_cert")).unwrap();
    }
    refused(
        &with(certificate_mode(), json!({ "alipayRootCert": bundle })),
        "alipayRootCert",
        "has more than 32 PEM blocks",
    );
}

#[test]
#[rustfmt::skip]
fn legacy_settings_are_checked_too() {
    let base = || object(json!({
        "protocol": "mapi", "partner": "2088349329642930", "md5Key": "5zmc2pn36i4oy71e57wcxp0ucwwmxtqp",
        "privateKey": key("rsa_1024_private"), "alipayPublicKey": key("alipay_public"),
    }));
    open(&base()).unwrap();
    open(&with(base(), json!({"privateKey": null, "alipayPublicKey": null}))).unwrap();
    open(&with(base(), json!({"md5Key": null}))).unwrap();
    open(&with(base(), json!({"alipayPublicKey": null}))).unwrap();
    open(&with(base(), json!({"sellerId": "2088349329642931", "gateway": "https://mapi.alipaydev.com/gateway.do"}))).unwrap();
    let cases: &[(Value, &str, &str)] = &[
        (json!({"partner": null}),                                       "partner",         "is missing"),
        (json!({"partner": "2088"}),                                     "partner",         "2088 and 12 more digits"),
        (json!({"md5Key": "has blank"}),                                 "md5Key",          "without spaces"),
        (json!({"md5Key": null, "privateKey": null, "alipayPublicKey": null}), "md5Key",    "is missing"),
        (json!({"md5Key": null, "alipayPublicKey": null}),               "alipayPublicKey", "is missing"),
        (json!({"privateKey": null}),                                    "alipayPublicKey", "has no use without privateKey"),
        (json!({"alipayPublicKey": key("rsa_1024_public")}),             "alipayPublicKey", "this is your own public key"),
        (json!({"privateKey": key("app_public")}),                       "privateKey",      "this is a public key"),
        (json!({"appId": APP_ID}),                                       "appId",           "protocol mapi, which has protocol, partner"),
    ];
    for (changes, field, words) in cases {
        refused(&with(base(), changes.clone()), field, words);
    }
}

#[test]
fn a_private_key_in_a_public_place_is_not_shown() {
    for private in ["app_private_pkcs8", "app_private_pkcs1", "ec_private", "encrypted_private"] {
        for text in [key(private).to_owned(), dense(key(private))] {
            let masked = mask(Tab::Ali, &object(json!({ "alipayPublicKey": text, "appCert": text })));
            assert_eq!(Value::Object(masked), json!({"alipayPublicKey": "***", "appCert": "***"}), "{private}");
        }
    }
    let masked = mask(Tab::Ali, &certificate_mode());
    assert_eq!(Value::Object(masked), Value::Object(with(certificate_mode(), json!({"privateKey": "***"}))));
}

#[test]
fn a_problem_never_repeats_a_value() {
    let secret = "5zmc2pn36i4oy71e57wcxp0ucwwmxtqp";
    for field in ["protocol", "appId", "sellerId", "gateway", "privateKey", "alipayPublicKey"] {
        let error = open(&with(key_mode(), json!({ field: secret }))).unwrap_err();
        assert!(!error.to_string().contains(secret), "{error}");
    }
}

/// A key or certificate with some of its bytes changed, as base64.
fn mangled(name: &str, changes: &[(usize, u8)]) -> String {
    let mut der = BASE64.decode(dense(key(name))).unwrap();
    for (place, byte) in changes {
        let place = place % der.len();
        der[place] = *byte;
    }
    BASE64.encode(der)
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8)>> {
    // The first bytes are tags and lengths, where most can go wrong.
    let place = prop_oneof![0_usize..64, any::<usize>()];
    proptest::collection::vec((place, any::<u8>()), 1..4)
}

proptest! {
    #[test]
    fn no_key_text_makes_it_panic(text in "(-----BEGIN [A-Z ]{0,12}(-----)?|-----END [A-Z ]{0,12}-----|[A-Za-z0-9+/=\n]{0,20}|.){0,8}") {
        for field in ["privateKey", "alipayPublicKey"] {
            let settings = with(key_mode(), json!({ field: text }));
            prop_assert!(open(&settings).is_err());
        }
        for field in ["appCert", "alipayCert", "alipayRootCert"] {
            let settings = with(certificate_mode(), json!({ field: text }));
            prop_assert!(open(&settings).is_err());
        }
        let _ = mask(Tab::Ali, &object(json!({ "alipayPublicKey": text })));
    }

    #[test]
    fn no_damage_to_a_key_makes_it_panic(changes in changes()) {
        for name in ["app_private_pkcs8", "app_private_pkcs1"] {
            let settings = with(key_mode(), json!({ "privateKey": mangled(name, &changes) }));
            let _ = open(&settings).map(|account| account.query(&placed(&id()), &moment()));
        }
        let _ = open(&with(key_mode(), json!({ "alipayPublicKey": mangled("alipay_public", &changes) })));
        for (field, name) in [("appCert", "app_cert"), ("alipayCert", "alipay_cert"), ("alipayRootCert", "ec_cert")] {
            let _ = open(&with(certificate_mode(), json!({ field: mangled(name, &changes) })));
        }
    }

    #[test]
    fn no_damage_to_a_legacy_key_makes_it_panic(changes in changes()) {
        let settings = object(json!({
            "protocol": "mapi", "partner": "2088349329642930", "md5Key": "k",
            "privateKey": mangled("rsa_1024_private", &changes), "alipayPublicKey": mangled("rsa_1024_public", &changes),
        }));
        let _ = open(&settings).map(|account| account.query(&placed(&id()), &moment()));
    }
}
