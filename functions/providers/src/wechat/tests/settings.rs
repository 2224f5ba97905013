//! What `open` accepts, and with which words it refuses the rest.

use domain::Tab;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{API_KEY, bare, both_modes, certificate_mode, key, key_mode, object, open, v2, with};
use crate::mask;

#[track_caller]
fn refused(settings: &Map<String, Value>, field: &str, words: &str) {
    let error = open(settings).unwrap_err();
    assert!(
        error.field == field && error.problem.to_string().contains(words),
        "expected {field}: {words}, found {error}"
    );
}

fn dense(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

#[test]
fn every_mode_opens() {
    for settings in [bare(), key_mode(), certificate_mode(), both_modes(), v2()] {
        open(&settings).unwrap();
    }
    for name in ["privateKey", "publicKey"] {
        let text = both_modes()[name].as_str().unwrap().to_owned();
        open(&with(both_modes(), json!({ name: dense(&text) }))).unwrap();
    }
    let twice = format!("{0}{0}", key("platform_cert"));
    for certs in [json!([]), json!([dense(key("platform_cert"))]), json!([twice]), json!([key("platform_cert"), twice])]
    {
        open(&with(bare(), json!({ "platformCerts": certs }))).unwrap();
    }
    assert!(open(&certificate_mode()).unwrap().certificates_end_at().unwrap().to_beijing().starts_with("2036-"));
    assert_eq!(open(&key_mode()).unwrap().certificates_end_at(), None);
    open(&with(v2(), json!({"signType": "HMAC-SHA256", "clientPfx": "AA\nAA", "clientPfxPassword": "1"}))).unwrap();
    open(&with(v2(), json!({"clientPfx": "AAAA", "gateway": "https://proxy/wx"}))).unwrap();
}

#[test]
#[rustfmt::skip]
fn swapped_keys_are_named() {
    let cases: &[(Value, &str, &str)] = &[
        (json!({"privateKey": key("mch_cert")}),                           "privateKey",    "this is a certificate, a private key is expected"),
        (json!({"privateKey": key("wechatpay_public_key")}),               "privateKey",    "this is a public key, a private key is expected"),
        (json!({"publicKey": key("platform_cert")}),                       "publicKey",     "this is a certificate, a public key is expected; certificates go into platformCerts"),
        (json!({"publicKey": key("mch_private_pkcs8")}),                   "publicKey",     "this is a private key, a public key is expected"),
        (json!({"privateKey": key("wechatpay_public_key_private_pkcs8")}), "publicKey",     "this is your own public key, not WeChat Pay's"),
        (json!({"publicKeyId": key("platform_cert_serial_no")}),           "publicKeyId",   "must be PUB_KEY_ID_ and digits; this is a certificate's serial number"),
        (json!({"platformCerts": [key("mch_cert")]}),                      "platformCerts", "this is your own certificate (apiclient_cert.pem), not WeChat Pay's"),
        (json!({"platformCerts": [key("platform_cert"), key("mch_cert")]}), "platformCerts", "this is your own certificate"),
        (json!({"platformCerts": [key("wechatpay_public_key")]}),          "platformCerts", "this is a public key, a certificate is expected; it goes into publicKey"),
        (json!({"platformCerts": [key("mch_private_pkcs8")]}),             "platformCerts", "this is a private key, a certificate is expected"),
        (json!({"certSerial": key("platform_cert_serial_no")}),            "certSerial",    "the serial number of WeChat Pay's certificate"),
        (json!({"certSerial": key("wechatpay_public_key_id")}),            "certSerial",    "give it as publicKeyId"),
    ];
    for (changes, field, words) in cases {
        refused(&with(both_modes(), changes.clone()), field, words);
    }
}

#[test]
#[rustfmt::skip]
fn every_other_member_is_checked() {
    let many: Vec<_> = (0..17).map(|_| key("platform_cert")).collect();
    let cases: &[(Value, &str, &str)] = &[
        (json!({"protocol": null}),                        "protocol",      "is missing: v3, or v2"),
        (json!({"protocol": "openapi"}),                   "protocol",      "must be v3, or v2"),
        (json!({"protocol": "simulator"}),                 "protocol",      "simulator"),
        (json!({"mchId": null}),                           "mchId",         "is missing"),
        (json!({"mchId": "wx12"}),                         "mchId",         "1 to 32 digits"),
        (json!({"mchId": 1928448811}),                     "mchId",         "must be a JSON string"),
        (json!({"mchId": "1".repeat(33)}),                 "mchId",         "1 to 32 digits"),
        (json!({"appId": null}),                           "appId",         "is missing"),
        (json!({"appId": "1928448811"}),                   "appId",         "must be wx and then letters"),
        (json!({"appId": "wx"}),                           "appId",         "must be wx and then letters"),
        (json!({"appId": "wx a"}),                         "appId",         "must be wx and then letters"),
        (json!({"appId": format!("wx{}", "1".repeat(31))}), "appId",        "at most 32"),
        (json!({"apiV3Key": null}),                        "apiV3Key",      "is missing"),
        (json!({"apiV3Key": "short"}),                     "apiV3Key",      "must be exactly 32 bytes, found 5"),
        (json!({"apiV3Key": "x".repeat(33)}),              "apiV3Key",      "must be exactly 32 bytes, found 33"),
        (json!({"apiV3Key": format!("{}\n", "x".repeat(31))}), "apiV3Key",  "must be ASCII without spaces"),
        (json!({"privateKey": null}),                      "privateKey",    "is missing"),
        (json!({"certSerial": null}),                      "certSerial",    "is missing"),
        (json!({"certSerial": "6FA4"}),                    "certSerial",    "40 upper-case hex digits"),
        (json!({"certSerial": key("mch_cert_serial_no").to_lowercase()}), "certSerial", "40 upper-case hex digits"),
        (json!({"publicKey": null}),                       "publicKey",     "is missing"),
        (json!({"publicKeyId": null}),                     "publicKeyId",   "is missing"),
        (json!({"publicKeyId": "PUB_KEY_ID_"}),            "publicKeyId",   "must be PUB_KEY_ID_ and digits"),
        (json!({"publicKeyId": "PUB_KEY_ID_1\r\nX: y"}),   "publicKeyId",   "must be PUB_KEY_ID_ and digits"),
        (json!({"publicKeyId": "x"}),                      "publicKeyId",   "must be PUB_KEY_ID_ and digits"),
        (json!({"platformCerts": key("platform_cert")}),   "platformCerts", "must be a JSON array"),
        (json!({"platformCerts": [7]}),                    "platformCerts", "must be a JSON array of strings"),
        (json!({"platformCerts": [""]}),                   "platformCerts", "has an empty item"),
        (json!({"platformCerts": ["x!"]}),                 "platformCerts", "is neither PEM nor base64"),
        (json!({"platformCerts": many}),                   "platformCerts", "has 17 items; at most 16"),
        (json!({"platformCerts": ["x".repeat(65537)]}),    "platformCerts", "longer than 65536 bytes"),
        (json!({"gateway": "api.mch.weixin.qq.com"}),      "gateway",       "must be a full URL, such as https://api.mch.weixin.qq.com"),
        (json!({"gateway": "http://127.0.0.1"}),           "gateway",       "must start with https://"),
        (json!({"gateway": "https://a/../b"}),             "gateway",       "must have no path, or a path of letters"),
        (json!({"gateway": "https://a//b"}),               "gateway",       "must have no path, or a path of letters"),
        (json!({"gateway": "https://a/%41"}),              "gateway",       "must have no path, or a path of letters"),
        (json!({"apiKey": API_KEY}),                       "apiKey",        "is not a setting of protocol v3, which has protocol, mchId"),
    ];
    for (changes, field, words) in cases {
        refused(&with(both_modes(), changes.clone()), field, words);
    }
}

#[test]
#[rustfmt::skip]
fn legacy_settings_are_checked_too() {
    let cases: &[(Value, &str, &str)] = &[
        (json!({"mchId": null}),                                    "mchId",             "is missing"),
        (json!({"appId": "x"}),                                     "appId",             "must be wx"),
        (json!({"apiKey": null}),                                   "apiKey",            "is missing"),
        (json!({"apiKey": "short"}),                                "apiKey",            "must be exactly 32 bytes"),
        (json!({"signType": null}),                                 "signType",          "is missing: MD5 or HMAC-SHA256"),
        (json!({"signType": "md5"}),                                "signType",          "must be MD5 or HMAC-SHA256"),
        (json!({"clientPfx": key("mch_cert")}),                     "clientPfx",         "is PEM; give apiclient_cert.p12"),
        (json!({"clientPfx": "!"}),                                 "clientPfx",         "is not base64"),
        (json!({"clientPfx": "A".repeat(65537)}),                   "clientPfx",         "longer than 65536 bytes"),
        (json!({"clientPfxPassword": "1"}),                         "clientPfxPassword", "has no use without clientPfx"),
        (json!({"apiV3Key": "x"}),                                  "apiV3Key",          "protocol v2, which has protocol, mchId"),
    ];
    for (changes, field, words) in cases {
        refused(&with(v2(), changes.clone()), field, words);
    }
}

#[test]
fn a_private_key_in_a_public_place_is_not_shown() {
    let private = key("mch_private_pkcs8");
    let swapped = object(json!({ "publicKey": private, "platformCerts": [key("platform_cert"), dense(private)] }));
    let masked = mask(Tab::WxApp, &swapped);
    assert_eq!(Value::Object(masked), json!({"publicKey": "***", "platformCerts": "***"}));
    let masked = mask(Tab::WxMp, &both_modes());
    let secret = json!({"apiV3Key": "***", "privateKey": "***"});
    assert_eq!(Value::Object(masked), Value::Object(with(both_modes(), secret)));
}

#[test]
fn a_problem_never_repeats_a_value() {
    let secret = "5zmc2pn36i4oy71e57wcxp0ucwwmxtqp5zmc";
    for field in
        ["protocol", "mchId", "appId", "apiV3Key", "privateKey", "certSerial", "publicKeyId", "publicKey", "gateway"]
    {
        let error = open(&with(both_modes(), json!({ field: secret }))).unwrap_err();
        assert!(!error.to_string().contains(secret), "{error}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(-----BEGIN [A-Z ]{0,12}(-----)?|-----END [A-Z ]{0,12}-----|PUB_KEY_ID_|[A-Za-z0-9+/=\n]{0,20}|.){0,8}") {
        for field in ["privateKey", "certSerial", "publicKey"] {
            let settings = with(both_modes(), json!({ field: text }));
            prop_assert!(open(&settings).is_err());
        }
        // Every text of the right length is accepted as an APIv3 key: only WeChat Pay knows whether it is the merchant's.
        let is_key = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_graphic());
        prop_assert_eq!(open(&with(both_modes(), json!({ "apiV3Key": text }))).is_ok(), is_key);
        for (field, value) in [("publicKeyId", json!(text)), ("gateway", json!(text)), ("platformCerts", json!([text]))] {
            let _ = open(&with(both_modes(), json!({ field: value })));
        }
        let _ = open(&with(v2(), json!({"clientPfx": text, "apiKey": text})));
    }
}
