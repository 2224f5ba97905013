//! Signed messages of Alipay and UnionPay: forms, answers cut out of JSON, answers with braces. The signature is right for any
//! content.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use domain::Channel;
use fuzz::Signer;
use libfuzzer_sys::fuzz_target;
use md5::{Digest as _, Md5};
use providers::Account;
use serde_json::{Value, json};

static OPEN_PLATFORM: LazyLock<Account> =
    LazyLock::new(|| fuzz::account(Value::Object(fuzz::open_platform("sellerId", json!("2088000000000001")))));
static PARTNER: LazyLock<Account> = LazyLock::new(fuzz::partner);
static UNIONPAY: LazyLock<Account> = LazyLock::new(fuzz::unionpay);
static ALIPAY_SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new("alipay", "alipay_private_pkcs8"));
static UNIONPAY_SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new("unionpay", "unionpay_sign_private_pkcs8"));
static UNIONPAY_CERTIFICATE: LazyLock<String> = LazyLock::new(|| fuzz::provider_key("unionpay", "unionpay_sign_cert"));

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match kind % 4 {
        0 => alipay_answer(text),
        1 => alipay_notify(text),
        2 => partner_notify(text),
        _ => unionpay(text),
    }
});

/// For any JSON node, the part that is cut out must be the part that was signed.
fn alipay_answer(node: &str) {
    let signature = ALIPAY_SIGNER.sign(node.as_bytes());
    let order = fuzz::order();
    let placed = fuzz::placed(&order, Channel::AliQrcode);
    for method in ["query", "close", "precreate", "refund"] {
        let body = format!("{{\"alipay_trade_{method}_response\":{node},\"sign\":\"{signature}\"}}");
        let answer = http::Response::new(Bytes::from(body));
        match method {
            "query" => drop(OPEN_PLATFORM.read_query(&placed, &answer, fuzz::now())),
            "close" => drop(OPEN_PLATFORM.read_close(&placed, &answer, fuzz::now())),
            _ => drop(OPEN_PLATFORM.read_charge(Channel::AliQrcode, &answer, &fuzz::moment())),
        }
    }
}

fn alipay_notify(text: &str) {
    let mut pairs = fuzz::pairs(text);
    pairs.remove("sign");
    pairs.remove("sign_type");
    let signature = ALIPAY_SIGNER.sign(fuzz::content(&pairs).as_bytes());
    pairs.extend([("sign", signature.as_str()), ("sign_type", "RSA2")]);
    let _ = OPEN_PLATFORM.read_notify(Channel::AliApp, &notify(&pairs), fuzz::now());
}

fn partner_notify(text: &str) {
    let mut pairs = fuzz::pairs(text);
    pairs.remove("sign");
    pairs.remove("sign_type");
    let content = format!("{}5zmc2pn36i4oy71e57wcxp0ucwwmxtqp", fuzz::content(&pairs));
    let signature: String = Md5::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.extend([("sign", signature.as_str()), ("sign_type", "MD5")]);
    let _ = PARTNER.read_notify(Channel::AliApp, &notify(&pairs), fuzz::now());
}

fn unionpay(text: &str) {
    let mut pairs = fuzz::pairs(text);
    pairs.remove("signature");
    pairs.extend([("signMethod", "01"), ("signPubKeyCert", UNIONPAY_CERTIFICATE.as_str())]);
    let digest = ring::digest::digest(&ring::digest::SHA256, fuzz::content(&pairs).as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let signature = UNIONPAY_SIGNER.sign(digest.as_bytes());
    pairs.insert("signature", &signature);
    let form = notify(&pairs);
    let _ = UNIONPAY.read_notify(Channel::UnipayApp, &form, fuzz::now());
    let _ = UNIONPAY.read_refund_notify(Channel::UnipayApp, &form, fuzz::now());
    let _ = UNIONPAY.read_front_return(&form, fuzz::now());
    let order = fuzz::order();
    let placed = fuzz::placed(&order, Channel::UnipayApp);
    let answer = http::Response::new(Bytes::from(fuzz::content(&pairs)));
    let _ = UNIONPAY.read_query(&placed, &answer, fuzz::now());
    let _ = UNIONPAY.read_charge(Channel::UnipayApp, &answer, &fuzz::moment());
}

fn notify(pairs: &std::collections::BTreeMap<&str, &str>) -> http::Request<Bytes> {
    let form = http::Request::post("/").header("content-type", "application/x-www-form-urlencoded");
    form.body(Bytes::from(fuzz::form(pairs))).unwrap()
}
