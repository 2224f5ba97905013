//! The public verbs of WeChat Pay, table by table. Here are the keys, the orders and a WeChat Pay that signs and seals.

mod answers;
mod certificates;
mod charge;
mod legacy;
mod lite;
mod notifies;
mod oauth;
mod settings;

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use base64::Engine as _;
use bytes::Bytes;
use domain::{Channel, Claim, Fen, PayerAddress, Subject, Tab, Timestamp, TransactionId};
use http::{Request, Response};
use ring::aead;
use serde_json::{Map, Value, json};

use crate::{
    Account, GatewayPolicy, Moment, Nonce, Order, Placed, ProviderError, RefundOrder, SettingsError, cert,
    keys::{BASE64, SigningKey, VerifyingKey},
};

pub(super) const MCH_ID: &str = "1928448811";
pub(super) const APP_ID: &str = "wxdd3f599d5210f234";
pub(super) const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
pub(super) const NOTIFY_URL: &str = "https://pay.example.com/notify/568a/live/wx_app/00/MQ";
pub(super) const API_KEY: &str = "053EFd34f7f6ecc2A6F4C9bd5AbcBB5C";
pub(super) const NONCE: &str = "07070707070707070707070707070707";

/// The throwaway keys of the vectors.
static KEYS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let file: Value = serde_json::from_str(include_str!("../../vectors/wechat.json")).unwrap();
    serde_json::from_value(file["keys"].clone()).unwrap()
});

pub(super) fn key(name: &str) -> &'static str {
    KEYS.get(name).unwrap_or_else(|| panic!("there is no key {name}"))
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// Settings with some members changed; `null` removes one.
pub(super) fn with(mut settings: Map<String, Value>, changes: Value) -> Map<String, Value> {
    for (name, value) in object(changes) {
        if value.is_null() {
            settings.remove(&name)
        } else {
            settings.insert(name, value)
        };
    }
    settings
}

pub(super) fn open_tab(tab: Tab, settings: &Map<String, Value>) -> Result<Account, SettingsError> {
    Account::open(tab, settings, GatewayPolicy::HttpsOnly)
}

pub(super) fn open(settings: &Map<String, Value>) -> Result<Account, SettingsError> {
    open_tab(Tab::WxApp, settings)
}

/// v3 with nothing to verify by: certificates are to be fetched.
pub(super) fn bare() -> Map<String, Value> {
    object(json!({
        "protocol": "v3", "mchId": MCH_ID, "appId": APP_ID, "apiV3Key": key("apiv3_key"),
        "privateKey": key("mch_private_pkcs8"), "certSerial": key("mch_cert_serial_no"),
    }))
}

/// v3 in public key mode.
pub(super) fn key_mode() -> Map<String, Value> {
    with(bare(), json!({"publicKeyId": key("wechatpay_public_key_id"), "publicKey": key("wechatpay_public_key")}))
}

/// v3 with certificates.
pub(super) fn certificate_mode() -> Map<String, Value> {
    with(bare(), json!({"platformCerts": [key("platform_cert")]}))
}

/// v3 on its way from one to the other.
pub(super) fn both_modes() -> Map<String, Value> {
    with(key_mode(), json!({"platformCerts": [key("platform_cert")]}))
}

pub(super) fn v2() -> Map<String, Value> {
    object(json!({"protocol": "v2", "mchId": MCH_ID, "appId": APP_ID, "apiKey": API_KEY, "signType": "MD5"}))
}

pub(super) fn account() -> Account {
    open(&both_modes()).unwrap()
}

/// The account of the other tab.
pub(super) fn mp_account() -> Account {
    open_tab(Tab::WxMp, &both_modes()).unwrap()
}

/// 2026-11-23 22:30:00 in Beijing.
pub(super) fn now() -> Timestamp {
    Timestamp::from_ms(1_795_444_200_000).unwrap()
}

pub(super) fn moment() -> Moment {
    Moment { now: now(), nonce: Nonce::from_random([7; 16]) }
}

pub(super) fn id() -> TransactionId {
    TransactionId::parse("568b33a0f7e4beba9244a8e0").unwrap()
}

pub(super) fn fen(fen: i64) -> Fen {
    Fen::new(fen).unwrap()
}

pub(super) fn placed(id: &TransactionId) -> Placed<'_> {
    Placed { id, created_at: now(), fee: fen(9900), trade_no: None, channel: Channel::WxApp }
}

pub(super) fn refund(id: &TransactionId) -> RefundOrder<'_> {
    RefundOrder {
        placed: placed(id),
        refund_num: "R1",
        sending: domain::RefundSending { number: 0, at: now() },
        refund_fee: fen(100),
        reason: Some("太大"),
        notify_url: Some("https://pay.example.com/refunds"),
    }
}

/// An order with every field set; `edit` removes or changes what a case tests.
pub(super) fn with_order<T>(edit: impl FnOnce(&mut Order<'_>), then: impl FnOnce(&Order<'_>) -> T) -> T {
    let id = id();
    let subject = Subject::parse("茶/壶 a=b&c \"q\"").unwrap();
    let mut order = Order {
        id: &id,
        channel: Channel::WxApp,
        fee: fen(9900),
        subject: &subject,
        notify_url: NOTIFY_URL,
        return_url: None,
        show_url: None,
        qr_pay_mode: None,
        expires_at: now().plus(Duration::from_secs(7200)),
        openid: Some(OPENID),
        client_ip: PayerAddress::parse("203.0.113.5"),
        created_at: now(),
    };
    edit(&mut order);
    then(&order)
}

/// The public half of the merchant's key, as WeChat Pay has it.
pub(super) fn merchant_key() -> VerifyingKey {
    cert::read_all(key("mch_cert")).unwrap().remove(0).key.unwrap()
}

#[track_caller]
pub(super) fn verified(content: &str, signature: &str) {
    merchant_key().verify_sha256(content.as_bytes(), &BASE64.decode(signature).unwrap()).unwrap();
}

/// Who signs as WeChat Pay: the number it gives, and its private key.
#[derive(Clone, Copy)]
pub(super) enum Signer {
    Certificate,
    PublicKey,
    /// The merchant, which is a forgery.
    Merchant,
}

impl Signer {
    fn serial(self) -> &'static str {
        match self {
            Self::Certificate => key("platform_cert_serial_no"),
            Self::PublicKey | Self::Merchant => key("wechatpay_public_key_id"),
        }
    }

    fn sign(self, content: &[u8]) -> String {
        static SIGNERS: LazyLock<[SigningKey; 3]> = LazyLock::new(|| {
            ["platform_private_pkcs8", "wechatpay_public_key_private_pkcs8", "mch_private_pkcs8"]
                .map(|name| SigningKey::read(key(name)).unwrap())
        });
        let [certificate, public_key, merchant] = &*SIGNERS;
        let key = match self {
            Self::Certificate => certificate,
            Self::PublicKey => public_key,
            Self::Merchant => merchant,
        };
        BASE64.encode(key.sign_sha256(content).unwrap())
    }
}

/// The headers of a signature over `body`, made `seconds` after now.
pub(super) fn signature(signer: Signer, body: &[u8], seconds: i64) -> Vec<(&'static str, String)> {
    let (timestamp, nonce) = ((now().seconds() + seconds).to_string(), "FHB9IBHZ4NOH8WWFD6XG6S8W4HIVD8BN");
    let content = [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"].concat();
    vec![
        ("wechatpay-timestamp", timestamp),
        ("wechatpay-nonce", nonce.to_owned()),
        ("wechatpay-serial", signer.serial().to_owned()),
        ("wechatpay-signature", signer.sign(&content)),
        ("wechatpay-signature-type", "WECHATPAY2-SHA256-RSA2048".to_owned()),
    ]
}

pub(super) fn response(status: u16, body: impl Into<Bytes>, headers: &[(&'static str, String)]) -> Response<Bytes> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(body.into()).unwrap()
}

/// An answer that WeChat Pay signed.
pub(super) fn signed(status: u16, body: &str) -> Response<Bytes> {
    response(status, body.to_owned(), &signature(Signer::PublicKey, body.as_bytes(), 0))
}

pub(super) fn unsigned(status: u16, body: &str) -> Response<Bytes> {
    response(status, body.to_owned(), &[])
}

pub(super) fn notify(body: impl Into<Bytes>, headers: &[(&'static str, String)]) -> Request<Bytes> {
    let mut notify = Request::post(NOTIFY_URL).header("content-type", "application/json");
    for (name, value) in headers {
        notify = notify.header(*name, value);
    }
    notify.body(body.into()).unwrap()
}

/// A notify that WeChat Pay signed.
pub(super) fn signed_notify(body: &str) -> Request<Bytes> {
    notify(body.to_owned(), &signature(Signer::PublicKey, body.as_bytes(), 0))
}

/// Something sealed with the APIv3 key, as WeChat Pay writes it.
pub(super) fn sealed(associated_data: &str, plaintext: &str) -> Value {
    let nonce = "ZVMK0EYPDCK9";
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, key("apiv3_key").as_bytes()).unwrap();
    let mut bytes = plaintext.as_bytes().to_vec();
    let aad = aead::Aad::from(associated_data.as_bytes());
    let once = aead::Nonce::try_assume_unique_for_key(nonce.as_bytes()).unwrap();
    aead::LessSafeKey::new(key).seal_in_place_append_tag(once, aad, &mut bytes).unwrap();
    let ciphertext = BASE64.encode(bytes);
    json!({"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": associated_data, "ciphertext": ciphertext})
}

pub(super) fn same_claim(field: &'static str, value: &str) -> Claim {
    Claim { field, said: value.to_owned(), configured: value.to_owned() }
}

#[track_caller]
pub(super) fn unclear<T: std::fmt::Debug>(result: Result<T, ProviderError>, words: &str) {
    match result {
        Err(ProviderError::Unclear { reason }) => {
            assert!(reason.to_string().contains(words), "expected {words}, found {reason}")
        }
        other => panic!("expected unclear, {words}; found {other:?}"),
    }
}

#[track_caller]
pub(super) fn refused<T: std::fmt::Debug>(result: Result<T, ProviderError>, expected: &str) {
    match result {
        Err(ProviderError::Refused { code, .. }) => assert_eq!(code, expected),
        other => panic!("expected a refusal, {expected}; found {other:?}"),
    }
}

#[test]
fn an_account_can_be_shared_and_shows_no_secret() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    let with_client = with(v2(), json!({"clientPfx": "aHVzaA==", "clientPfxPassword": "hush"}));
    for settings in [bare(), key_mode(), certificate_mode(), both_modes(), v2(), with_client] {
        let account = open(&settings).unwrap();
        shared(&account);
        let shown = format!("{account:?}");
        let secrets = [key("apiv3_key"), API_KEY, "hush", "104, 117"];
        assert!(shown.contains("***") && secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
    }
}

#[test]
fn notifies_are_answered_in_the_protocols_own_words() {
    let v3 = account().acknowledgement();
    assert_eq!(v3.content_type, "application/json");
    let json = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
    assert_eq!(json(v3.accepted), json!({"code": "SUCCESS", "message": "成功"}));
    assert_eq!(json(v3.refused)["code"], "FAIL");
    let v2 = open(&v2()).unwrap().acknowledgement();
    assert_eq!(v2.content_type, "text/xml");
    assert!(std::str::from_utf8(v2.refused).unwrap().contains("<return_code><![CDATA[FAIL]]></return_code>"));
}
