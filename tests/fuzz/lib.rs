//! The accounts that read messages in the fuzz targets, and the providers' own keys: a reader looks at signed content only if the
//! signature fits.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use domain::{Channel, Fen, Tab, Timestamp, TransactionId};
use providers::{Account, GatewayPolicy, Moment, Nonce, Placed};
use serde_json::{Map, Value, json};

/// The keys of the vectors.
fn vector_key(name: &str) -> Value {
    let vectors: Value = serde_json::from_str(include_str!("../../functions/providers/vectors/alipay.json")).unwrap();
    vectors["keys"][name].clone()
}

/// Settings of the open platform in key mode, with one member replaced.
pub fn open_platform(field: &str, value: Value) -> Map<String, Value> {
    let mut settings = json!({
        "protocol": "openapi",
        "appId": "2021000000000001",
        "privateKey": vector_key("app_private_pkcs8"),
        "alipayPublicKey": vector_key("alipay_public"),
    });
    settings[field] = value;
    settings.as_object().cloned().unwrap_or_default()
}

/// Settings of the open platform in certificate mode.
pub fn certificate_mode() -> Map<String, Value> {
    let file = include_str!("../../functions/providers/vectors/certificates.json");
    let settings = json!({
        "protocol": "openapi", "appId": "2021000000000001", "privateKey": vector_key("app_private_pkcs8"),
        "appCert": key_of(file, "app_cert"), "alipayCert": key_of(file, "alipay_cert"),
        "alipayRootCert": key_of(file, "root_bundle"),
    });
    settings.as_object().cloned().unwrap_or_default()
}

/// Opens an account that must be valid.
pub fn account(settings: Value) -> Account {
    open(Tab::Ali, settings)
}

fn open(tab: Tab, settings: Value) -> Account {
    Account::open(tab, settings.as_object().unwrap(), GatewayPolicy::HttpsOnly).unwrap()
}

fn key_of(file: &str, name: &str) -> Value {
    let vectors: Value = serde_json::from_str(file).unwrap();
    vectors["keys"][name].clone()
}

/// Settings of WeChat Pay, APIv3.
pub fn wechat_settings() -> Map<String, Value> {
    let key = |name| key_of(include_str!("../../functions/providers/vectors/wechat.json"), name);
    let settings = json!({
        "protocol": "v3", "mchId": "1900000001", "appId": "wx000000000000a301", "apiV3Key": key("apiv3_key"),
        "privateKey": key("mch_private_pkcs8"), "certSerial": key("mch_cert_serial_no"),
        "publicKeyId": key("wechatpay_public_key_id"), "publicKey": key("wechatpay_public_key"),
        "platformCerts": [key("platform_cert")],
    });
    settings.as_object().cloned().unwrap_or_default()
}

/// WeChat Pay, APIv3 and v2.
pub fn wechat() -> [Account; 2] {
    let v2 = json!({
        "protocol": "v2", "mchId": "1900000001", "appId": "wx000000000000a301",
        "apiKey": "5zmc2pn36i4oy71e57wcxp0ucwwmxtqp", "signType": "MD5",
    });
    [open(Tab::WxMp, Value::Object(wechat_settings())), open(Tab::WxMp, v2)]
}

/// UnionPay's settings, with one member replaced.
pub fn unionpay_settings(field: &str, value: Value) -> Map<String, Value> {
    let key = |name| key_of(include_str!("../../functions/providers/vectors/unionpay.json"), name);
    let mut settings = json!({
        "merId": "777290058110048", "pfx": key("merchant_pfx_base64"), "pfxPassword": key("merchant_pfx_password"),
        "rootCert": key("root_cert"), "middleCert": key("middle_cert"),
    });
    settings[field] = value;
    settings.as_object().cloned().unwrap_or_default()
}

/// UnionPay.
pub fn unionpay() -> Account {
    open(Tab::UnipayApp, Value::Object(unionpay_settings("merId", json!("777290058110048"))))
}

/// The old partner interface by MD5.
pub fn partner() -> Account {
    account(json!({ "protocol": "mapi", "partner": "2088000000000008", "md5Key": "5zmc2pn36i4oy71e57wcxp0ucwwmxtqp" }))
}

/// One of the keys in a provider's vectors.
pub fn provider_key(provider: &str, name: &str) -> String {
    let file = match provider {
        "alipay" => include_str!("../../functions/providers/vectors/alipay.json"),
        "wechat" => include_str!("../../functions/providers/vectors/wechat.json"),
        _ => include_str!("../../functions/providers/vectors/unionpay.json"),
    };
    key_of(file, name).as_str().unwrap().to_owned()
}

/// A key that signs as a provider.
pub struct Signer(ring::signature::RsaKeyPair);

impl Signer {
    /// From a private key of the vectors.
    pub fn new(provider: &str, name: &str) -> Self {
        let text = provider_key(provider, name);
        let dense: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        Self(ring::signature::RsaKeyPair::from_pkcs8(&BASE64.decode(dense.trim()).unwrap()).unwrap())
    }

    /// PKCS#1 v1.5 over SHA-256, in base64.
    pub fn sign(&self, content: &[u8]) -> String {
        let mut signature = vec![0; self.0.public().modulus_len()];
        let (padding, random) = (&ring::signature::RSA_PKCS1_SHA256, ring::rand::SystemRandom::new());
        self.0.sign(padding, &random, content, &mut signature).unwrap();
        BASE64.encode(signature)
    }
}

/// `a=b&c=d` of any content, each name once.
pub fn pairs(text: &str) -> BTreeMap<&str, &str> {
    text.split('&').filter_map(|pair| pair.split_once('=')).filter(|(name, _)| !name.is_empty()).collect()
}

/// The signed content of a form: the pairs that have a value, in order.
pub fn content(pairs: &BTreeMap<&str, &str>) -> String {
    let filled = pairs.iter().filter(|(_, value)| !value.is_empty());
    filled.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// The pairs as a form.
pub fn form(pairs: &BTreeMap<&str, &str>) -> String {
    let encoded = |text| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect::<Vec<_>>().join("&")
}

/// Any time.
pub fn now() -> Timestamp {
    Timestamp::clamped(1_795_444_200_000)
}

/// Any time, with a nonce.
pub fn moment() -> Moment {
    Moment { now: now(), nonce: Nonce::from_random([7; 16]) }
}

/// Any placed order.
pub fn placed(id: &TransactionId, channel: Channel) -> Placed<'_> {
    let fee = Fen::new(1).unwrap();
    Placed { id, created_at: now(), fee, trade_no: None, channel }
}

/// Any order.
pub fn order() -> TransactionId {
    TransactionId::generate(now(), [7; 6])
}
