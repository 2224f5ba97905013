//! Messages that WeChat Pay signed, and encrypted with the merchant's key: signed content may still be malformed.
#![no_main]

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use domain::Channel;
use fuzz::Signer;
use libfuzzer_sys::fuzz_target;
use providers::Account;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::json;

static ACCOUNTS: LazyLock<[Account; 2]> = LazyLock::new(fuzz::wechat);
static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new("wechat", "wechatpay_public_key_private_pkcs8"));

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else { return };
    let (order, account) = (fuzz::order(), &ACCOUNTS[0]);
    let placed = fuzz::placed(&order, Channel::WxNative);
    match kind % 4 {
        0 => {
            let _ = account.read_notify(Channel::WxApp, &notify(bytes), fuzz::now());
        }
        1 | 2 => {
            let event = if kind % 4 == 1 { "TRANSACTION.SUCCESS" } else { "REFUND.SUCCESS" };
            let body = json!({"event_type": event, "resource": sealed(bytes)}).to_string();
            let notify = notify(body.as_bytes());
            let _ = account.read_notify(Channel::WxApp, &notify, fuzz::now());
            let _ = account.read_refund_notify(Channel::WxApp, &notify, fuzz::now());
        }
        _ => {
            let answer = signed(http::Response::builder(), bytes);
            let _ = account.read_query(&placed, &answer, fuzz::now());
            let _ = account.read_charge(Channel::WxNative, &answer, &fuzz::moment());
            let _ = account.with_certificates(&answer, fuzz::now());
            let body = json!({"data": [{"serial_no": "1", "encrypt_certificate": sealed(bytes)}]}).to_string();
            let _ = account.with_certificates(&signed(http::Response::builder(), body.as_bytes()), fuzz::now());
        }
    }
});

/// The headers of a right signature.
fn headers(body: &[u8]) -> [(&'static str, String); 4] {
    let timestamp = fuzz::now().seconds().to_string();
    let content = [timestamp.as_bytes(), b"\nn\n", body, b"\n"].concat();
    [
        ("wechatpay-signature", SIGNER.sign(&content)),
        ("wechatpay-timestamp", timestamp),
        ("wechatpay-nonce", "n".to_owned()),
        ("wechatpay-serial", fuzz::provider_key("wechat", "wechatpay_public_key_id")),
    ]
}

fn notify(body: &[u8]) -> http::Request<Bytes> {
    let start = http::Request::post("/").header("content-type", "application/json");
    let builder = headers(body).into_iter().fold(start, |builder, (name, value)| builder.header(name, value));
    builder.body(Bytes::copy_from_slice(body)).unwrap()
}

fn signed(start: http::response::Builder, body: &[u8]) -> http::Response<Bytes> {
    let builder = headers(body).into_iter().fold(start, |builder, (name, value)| builder.header(name, value));
    builder.body(Bytes::copy_from_slice(body)).unwrap()
}

/// A resource that contains these bytes, encrypted.
fn sealed(plain: &[u8]) -> serde_json::Value {
    let key = fuzz::provider_key("wechat", "apiv3_key");
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_bytes()).unwrap());
    let mut bytes = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(*b"123456789012"), Aad::from(b"a"), &mut bytes).unwrap();
    json!({"algorithm": "AEAD_AES_256_GCM", "nonce": "123456789012", "associated_data": "a", "ciphertext": BASE64.encode(bytes)})
}
