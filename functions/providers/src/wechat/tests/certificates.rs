//! Fetching the certificates that WeChat Pay signs with.

use domain::Timestamp;
use serde_json::{Value, json};

use super::{
    Signer, account, bare, certificate_mode, key, key_mode, moment, now, open, refused, response, sealed, signature,
    signed, unclear, unsigned, v2, with,
};
use crate::ProviderError;

fn item(serial: &str, pem: &str) -> Value {
    json!({"serial_no": serial, "effective_time": "x", "expire_time": "x", "encrypt_certificate": sealed("certificate", pem)})
}

fn platform() -> Value {
    item(key("platform_cert_serial_no"), key("platform_cert"))
}

fn body(items: &[Value]) -> String {
    json!({ "data": items }).to_string()
}

#[test]
fn new_certificates_are_held_beside_what_was() {
    let body = body(&[platform()]);
    let certified = response(200, body.clone(), &signature(Signer::Certificate, body.as_bytes(), 0));
    for settings in [bare(), key_mode(), certificate_mode()] {
        let account = open(&settings).unwrap().with_certificates(&certified, now()).unwrap();
        // The new account reads answers that the certificate signed, and still signs requests itself.
        account.with_certificates(&certified, now()).unwrap();
        account.certificates_request(&moment()).unwrap();
        assert!(account.certificates_end_at().unwrap().to_beijing().starts_with("2036-"));
    }
    // In public key mode the public key signs the answer.
    account().with_certificates(&signed(200, &body), now()).unwrap();
    unclear(open(&bare()).unwrap().with_certificates(&signed(200, &body), now()), "does not match publicKeyId");
    assert_eq!(open(&bare()).unwrap().certificates_end_at(), None);
}

#[test]
#[rustfmt::skip]
fn nothing_else_is_held() {
    let other_serial = "45DED253240A970EF3F35C31CF203DEA8AFAE924";
    let cases: &[(String, &str)] = &[
        (body(&[]),                                                             "no certificate that is still valid"),
        ("{}".to_owned(),                                                       "data is missing"),
        (r#"{"data":7}"#.to_owned(),                                            "data is missing, or is not a list"),
        ("[]".to_owned(),                                                       "not the documented JSON"),
        (r#"{"data":[7]}"#.to_owned(),                                          "an item is not the documented JSON"),
        (r#"{"data":[{}]}"#.to_owned(),                                         "no serial_no"),
        (r#"{"data":[{"serial_no":"A"}]}"#.to_owned(),                          "no encrypt_certificate"),
        (body(&[item(other_serial, key("platform_cert"))]),                     "differs from that of the certificate"),
        (body(&[item(key("mch_cert_serial_no"), key("mch_cert"))]),             "the merchant's own"),
        (body(&[item("A", key("wechatpay_public_key"))]),                       "this is a public key"),
        (body(&[item("A", "x!")]),                                              "neither PEM nor base64"),
        (body(&[item("A", &format!("{}{}", key("platform_cert"), key("mch_cert")))]), "more than one"),
        (body(&vec![platform(); 17]),                                           "more than 16"),
    ];
    for (body, words) in cases {
        let answer = response(200, body.clone(), &signature(Signer::Certificate, body.as_bytes(), 0));
        unclear(open(&bare()).unwrap().with_certificates(&answer, now()), words);
    }
    let body = body(&[platform()]);
    let read = |headers: &[(&'static str, String)], now| open(&bare()).unwrap().with_certificates(&response(200, body.clone(), headers), now);
    unclear(read(&[], now()), "has no signature");
    unclear(read(&signature(Signer::Certificate, body.as_bytes(), 301), now()), "301 s away");
    unclear(read(&signature(Signer::Certificate, b"x", 0), now()), "does not match platformCerts");
    unclear(read(&signature(Signer::Certificate, body.as_bytes(), 0), Timestamp::from_ms(2_200_000_000_000).unwrap()), "still valid");
    let other_key = open(&with(bare(), json!({"apiV3Key": "z".repeat(32)}))).unwrap();
    let refused = other_key.with_certificates(&signed(200, &body), now()).unwrap_err();
    assert!(matches!(refused, ProviderError::Key { field: "apiV3Key", .. }), "{refused}");
}

#[test]
fn a_merchant_without_certificates_goes_on() {
    let failure = r#"{"code":"RESOURCE_NOT_EXISTS","message":"无可用的平台证书"}"#;
    refused(open(&key_mode()).unwrap().with_certificates(&signed(404, failure), now()), "RESOURCE_NOT_EXISTS");
    refused(open(&bare()).unwrap().with_certificates(&unsigned(404, failure), now()), "RESOURCE_NOT_EXISTS");
    unclear(account().with_certificates(&signed(500, r#"{"code":"SYSTEM_ERROR"}"#), now()), "SYSTEM_ERROR");
    unclear(account().with_certificates(&signed(204, ""), now()), "no content");
    let v2 = open(&v2()).unwrap();
    assert!(matches!(v2.certificates_request(&moment()), Err(ProviderError::Unsupported { .. })));
    assert!(matches!(v2.with_certificates(&signed(200, "{}"), now()), Err(ProviderError::Unsupported { .. })));
}
