//! What `open` accepts, and with which words it refuses the rest.

use base64::Engine as _;
use domain::{Channel, Tab};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{key, moment, open, page_fields, settings, with, with_order};
use crate::{
    Account, Charge, GatewayPolicy,
    keys::BASE64,
    mask,
    pfx::{self, PfxError},
};

#[track_caller]
fn refused(settings: &Map<String, Value>, field: &str, words: &str) {
    let error = open(Tab::UnipayWeb, settings).unwrap_err();
    assert!(
        error.field == field && error.problem.to_string().contains(words),
        "expected {field}: {words}, found {error}"
    );
    assert_eq!(error.to_string(), format!("{field}: {}", error.problem));
}

/// The form that the account's page posts.
fn posted(account: &Account) -> (String, std::collections::BTreeMap<String, String>) {
    let charge = with_order(|order| order.channel = Channel::UnipayWeb, |order| account.charge(order, &moment()));
    let Charge::Ready(parameters) = charge.unwrap() else { panic!("no call is needed") };
    page_fields(parameters.find("html").unwrap())
}

#[test]
#[rustfmt::skip]
fn pfx_files_of_both_kinds_are_read() {
    let cases: &[(&str, &str)] = &[
        ("pfx_legacy",                "000000"),
        ("pfx_modern",                "000000"),
        ("pfx_legacy_unicode",        "密码é"),
        ("pfx_modern_aes128_unicode", "密码é"),
        ("pfx_no_mac",                "000000"),
        ("pfx_no_mac_legacy",         "000000"),
        ("pfx_unencrypted",           "000000"),
        // If PBES2 names no hash, it is SHA-1.
        ("pfx_forge_aes256",          "000000"),
        ("pfx_jdk17_sha1_aes256",     "000000"),
        ("pfx_jdk17_sha512_aes128",   "000000"),
        ("pfx_pbes2_3des",            "000000"),
    ];
    for (name, password) in cases {
        let account = open(Tab::UnipayWeb, &with(json!({ "pfx": key(name), "pfxPassword": password }))).unwrap();
        // Longer than any integer type.
        assert_eq!(posted(&account).1["certId"], key("merchant_cert_id"), "{name}");
        assert!(key("merchant_cert_id").len() > 40);
    }
    let pfx = key("pfx_modern");
    let lines = pfx.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>().join("\r\n");
    for text in [lines.as_str(), pfx.trim_end_matches('='), &format!(" {pfx}\n")] {
        open(Tab::UnipayApp, &with(json!({ "pfx": text }))).unwrap();
    }
}

#[test]
fn a_wrong_password_is_said_to_be_wrong() {
    let names = ["pfx_legacy", "pfx_modern", "pfx_no_mac", "pfx_no_mac_legacy", "pfx_unencrypted", "pfx_forge_aes256"];
    for name in names.into_iter().chain(["pfx_jdk17_sha1_aes256", "pfx_pbes2_3des"]) {
        for password in ["000001", "密码", " 000000"] {
            let settings = with(json!({ "pfx": key(name), "pfxPassword": password }));
            refused(&settings, "pfxPassword", "does not open the PFX file");
        }
    }
    refused(&with(json!({ "pfxPassword": "😀" })), "pfxPassword", "no PFX password can have");
}

#[test]
#[rustfmt::skip]
fn what_was_given_instead_of_a_pfx_is_named() {
    let pem = |name: &str| key(name).to_owned();
    let der = |name: &str| key(name).lines().filter(|line| !line.starts_with("-----")).collect::<String>();
    let pfx = key("pfx_few_rounds");
    let cases: &[(String, &str)] = &[
        (pem("merchant_private_pkcs8"),            "this is a private key, a PFX file in base64 is expected"),
        (pem("merchant_cert"),                     "this is a certificate, a PFX file in base64 is expected"),
        ("-----BEGIN PKCS12-----".to_owned(),      "this is PEM, a PFX file in base64 is expected"),
        (der("merchant_private_pkcs8"),            "this is a private key, a PFX file is expected"),
        (der("merchant_cert"),                     "this is a certificate, a PFX file is expected"),
        (pem("pfx_no_key"),                        "contains no private key"),
        (pem("pfx_no_certificate"),                "contains no certificate of its private key"),
        (pem("pfx_foreign_certificate"),           "contains no certificate of its private key"),
        (pem("pfx_ec"),                            "its private key cannot be used: this is a private key of another kind than RSA"),
        (pem("pfx_1024"),                          "its private key cannot be used: the key has 1024 bits"),
        (pem("pfx_rc4"),                           "is protected with RC4-128, which cannot be read here: export it again with AES-256"),
        (pem("pfx_rc2_128"),                       "is protected with RC2-128"),
        (pem("pfx_camellia"),                      "is protected with Camellia-256"),
        (pem("pfx_sm4"),                           "is protected with SM4"),
        (pem("pfx_des"),                           "is protected with DES"),
        (pem("pfx_mac_sm3"),                       "is protected with SM3"),
        (pfx[..pfx.len() / 2 / 4 * 4].to_owned(),  "is damaged, or is not a PFX file"),
        ("AAAA".to_owned(),                        "is damaged, or is not a PFX file"),
        ("不是文件".to_owned(),                     "is not base64"),
        ("A".repeat(44 * 1024),                    "is longer than 32768 bytes"),
        ("A".repeat(48 * 1024 + 1),                "is longer than 49152 bytes"),
    ];
    for (text, words) in cases {
        refused(&with(json!({ "pfx": text })), "pfx", words);
    }
}

#[test]
#[rustfmt::skip]
fn every_other_member_is_checked() {
    let two = format!("{}{}", key("root"), key("root_other_key"));
    let cases: &[(Value, &str, &str)] = &[
        (json!({"merId": null}),                                  "merId",       "is missing"),
        (json!({"merId": "77729005811009"}),                      "merId",       "must be 15 digits or letters"),
        (json!({"merId": "7772900581100970"}),                    "merId",       "must be 15 digits or letters"),
        (json!({"merId": "77729005811009-"}),                     "merId",       "must be 15 digits or letters"),
        (json!({"merId": 777_290_058_110_097_i64}),               "merId",       "must be a JSON string"),
        (json!({"protocol": "simulator"}),                        "protocol",    "simulator"),
        (json!({"protocol": "acp"}),                              "protocol",    "must be left out"),
        (json!({"pfx": null}),                                    "pfx",         "is missing"),
        (json!({"pfxPassword": null}),                            "pfxPassword", "is missing"),
        (json!({"pfxPassword": ""}),                              "pfxPassword", "is empty"),
        (json!({"pfxPassword": 0}),                               "pfxPassword", "must be a JSON string"),
        (json!({"gateway": "http://127.0.0.1/gateway/api"}),      "gateway",     "must start with https://"),
        (json!({"gateway": "gateway.95516.com"}),                 "gateway",     "such as https://gateway.95516.com/gateway/api"),
        (json!({"gateway": "https://gateway.95516.com/gateway/api/frontTransReq.do"}), "gateway", "before the name of a method"),
        (json!({"cn": "041@Z12@00040000:SIGN"}),                  "cn",          "without any @"),
        (json!({"cn": " "}),                                      "cn",          "is empty"),
        (json!({"mchId": "1"}),                                   "mchId",       "is not a setting of protocol ACP 5.1.0, which has protocol, merId"),
        (json!({"rootCert": null}),                               "rootCert",    "is missing: CFCA's root certificate"),
        (json!({"middleCert": null}),                             "middleCert",  "is missing: CFCA's intermediate certificate"),
        (json!({"rootCert": key("merchant_private_pkcs8")}),      "rootCert",    "this is a private key, a certificate is expected"),
        (json!({"rootCert": key("root_ec")}),                     "rootCert",    "its key cannot be used: this is a public key of another kind"),
        (json!({"rootCert": key("root_1024")}),                   "rootCert",    "its key cannot be used: the key has 1024 bits"),
        (json!({"rootCert": key("middle"), "middleCert": key("root")}), "middleCert", "is self-signed: it belongs in rootCert"),
        (json!({"rootCert": key("middle")}),                      "rootCert",    "is issued by another certificate: it belongs in middleCert"),
        (json!({"rootCert": key("root_other_key")}),              "middleCert",  "is not issued by rootCert"),
        (json!({"middleCert": key("middle_forged")}),             "middleCert",  "is not issued by rootCert"),
        (json!({"middleCert": key("middle_no_ca")}),              "middleCert",  "it cannot issue certificates"),
        (json!({"middleCert": key("middle_no_key_usage")}),       "middleCert",  "it cannot issue certificates"),
        (json!({"middleCert": key("leaf")}),                      "middleCert",  "it cannot issue certificates"),
        (json!({"rootCert": two, "middleCert": key("middle_cert")}), "middleCert", "is not issued by rootCert"),
    ];
    for (changes, field, words) in cases {
        refused(&with(changes.clone()), field, words);
    }
    for tab in [Tab::Ali, Tab::WxApp, Tab::WxMp] {
        assert!(open(tab, &settings()).is_err(), "{tab}");
    }
}

#[test]
fn a_damaged_root_is_no_root() {
    let (head, body) = key("root").split_once('\n').unwrap();
    let body = body.split_once("-----END").unwrap().0;
    let mut der = BASE64.decode(body.replace('\n', "")).unwrap();
    let last = der.len() - 1;
    der[last] ^= 1;
    assert!(head.contains("CERTIFICATE"));
    refused(&with(json!({ "rootCert": BASE64.encode(&der) })), "rootCert", "its self-signature is wrong");
}

#[test]
fn several_roots_and_intermediates_are_taken() {
    let both = |a: &str, b: &str| format!("{}{}", key(a), key(b));
    let settings = with(json!({
        "rootCert": both("root", "root_cert"), "middleCert": both("middle_expires_2027", "middle_cert"),
    }));
    let account = open(Tab::UnipayApp, &settings).unwrap();
    let end = account.certificates_end_at().unwrap().to_beijing();
    assert!(end.starts_with("2036-01-01"), "the newer of both intermediates counts, found {end}");
    let settings = with(json!({"middleCert": key("middle_expires_2027")}));
    let end = open(Tab::UnipayApp, &settings).unwrap().certificates_end_at().unwrap().to_beijing();
    assert!(end.starts_with("2027-01-01"), "{end}");
}

#[test]
fn another_gateway_is_used_where_one_is_set() {
    assert_eq!(
        posted(&open(Tab::UnipayWeb, &settings()).unwrap()).0,
        "https://gateway.95516.com/gateway/api/frontTransReq.do"
    );
    let settings = with(json!({"gateway": "http://127.0.0.1:8787/unionpay/gateway/api/"}));
    let account = Account::open(Tab::UnipayWeb, &settings, GatewayPolicy::AllowHttp).unwrap();
    assert_eq!(posted(&account).0, "http://127.0.0.1:8787/unionpay/gateway/api/frontTransReq.do");
}

#[test]
fn a_problem_never_repeats_a_value_and_no_secret_is_shown_again() {
    let secret = "5zmc2pn36i4oy71e57wcxp0ucwwmxtqp";
    for field in ["protocol", "merId", "pfx", "pfxPassword", "rootCert", "middleCert", "gateway"] {
        let error = open(Tab::UnipayApp, &with(json!({ field: secret }))).unwrap_err();
        assert!(!error.to_string().contains(secret), "{error}");
    }
    let masked = mask(Tab::UnipayApp, &settings());
    assert_eq!(Value::Object(masked), Value::Object(with(json!({"pfx": "***", "pfxPassword": "***"}))));
}

/// A file with some of its bytes changed.
fn mangled(name: &str, changes: &[(usize, u8)]) -> String {
    let mut der = BASE64.decode(key(name)).unwrap();
    for (place, byte) in changes {
        let place = place % der.len();
        der[place] = *byte;
    }
    BASE64.encode(der)
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8)>> {
    // The first bytes are tags and lengths, where most can go wrong.
    let place = prop_oneof![0_usize..128, any::<usize>()];
    proptest::collection::vec((place, any::<u8>()), 1..4)
}

proptest! {
    #[test]
    fn no_damage_to_a_pfx_makes_it_panic(changes in changes()) {
        for name in ["pfx_few_rounds", "pfx_few_rounds_modern", "pfx_no_mac", "pfx_no_mac_legacy"] {
            let _ = pfx::read(&mangled(name, &changes), "000000");
        }
    }

    #[test]
    fn no_bytes_are_a_pfx_by_chance(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(matches!(pfx::read(&BASE64.encode(bytes), "000000"), Err(PfxError::File(_))));
    }

    #[test]
    fn no_text_makes_it_panic(text in "(-----BEGIN [A-Z ]{0,12}(-----)?|-----END [A-Z ]{0,12}-----|[A-Za-z0-9+/=\n]{0,20}|.){0,8}") {
        for field in ["pfx", "pfxPassword", "rootCert", "middleCert"] {
            let result = open(Tab::UnipayApp, &with(json!({ field: text })));
            prop_assert!(result.is_err());
        }
    }
}
