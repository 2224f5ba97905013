//! The public verbs of Alipay, table by table. This file has the keys, the orders, and an Alipay that signs.

mod answers;
mod charge;
mod charsets;
mod legacy;
mod notifies;
mod settings;

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use base64::Engine as _;
use bytes::Bytes;
use domain::{Channel, ChargeForm, Fen, QrPayMode, Subject, Tab, Timestamp, TransactionId, WebUrl};
use http::{Request, Response};
use serde_json::{Map, Value, json};

use crate::{
    Account, GatewayPolicy, Moment, Nonce, Order, Placed, RefundOrder, SettingsError,
    keys::{BASE64, SigningKey},
};

pub(super) const APP_ID: &str = "2021586117351395";
pub(super) const SELLER_ID: &str = "2088349329642930";
pub(super) const NOTIFY_URL: &str = "https://pay.example.com/notify/ali?ch=1&x=a+b";

/// The throwaway keys and certificates of both files.
static KEYS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let files = [include_str!("../../vectors/alipay.json"), include_str!("../../vectors/certificates.json")];
    let keys = |file: &str| {
        let file: Value = serde_json::from_str(file).unwrap();
        serde_json::from_value::<BTreeMap<String, String>>(file["keys"].clone()).unwrap()
    };
    files.into_iter().flat_map(keys).collect()
});

pub(super) fn key(name: &str) -> &'static str {
    KEYS.get(name).unwrap_or_else(|| panic!("there is no key {name}"))
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

pub(super) fn open(settings: &Map<String, Value>) -> Result<Account, SettingsError> {
    Account::open(Tab::Ali, settings, GatewayPolicy::HttpsOnly)
}

pub(super) fn key_mode() -> Map<String, Value> {
    object(json!({
        "protocol": "openapi", "appId": APP_ID, "privateKey": key("app_private_pkcs8"), "alipayPublicKey": key("alipay_public"),
    }))
}

pub(super) fn certificate_mode() -> Map<String, Value> {
    object(json!({
        "protocol": "openapi", "appId": APP_ID, "privateKey": key("app_private_pkcs8"), "appCert": key("app_cert"),
        "alipayCert": key("alipay_cert_with_issuer"), "alipayRootCert": key("root_bundle"), "sellerId": SELLER_ID,
    }))
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

pub(super) fn account() -> Account {
    open(&key_mode()).unwrap()
}

/// 2026-11-23 22:30:00 in Beijing.
pub(super) fn now() -> Timestamp {
    Timestamp::from_ms(1_795_444_200_000).unwrap()
}

pub(super) fn id() -> TransactionId {
    TransactionId::parse("568b33a0f7e4beba9244a8e0").unwrap()
}

pub(super) fn fen(fen: i64) -> Fen {
    Fen::new(fen).unwrap()
}

pub(super) fn qr_pay_mode(mode: u8) -> QrPayMode {
    let body = json!({"billNum": "1", "totalFee": 1, "subject": "x", "returnUrl": "https://a.b/", "qrPayMode": mode})
        .to_string();
    ChargeForm::parse(body.as_bytes()).unwrap().read(Channel::AliWeb).unwrap().qr_pay_mode.unwrap()
}

/// An order with every field set; `edit` removes or changes what a case tests.
pub(super) fn with_order<T>(edit: impl FnOnce(&mut Order<'_>), then: impl FnOnce(&Order<'_>) -> T) -> T {
    let id = id();
    let subject = Subject::parse("茶/壶 a=b&c \"q\"").unwrap();
    let return_url = WebUrl::parse("https://shop.example.com/back?a=1&b=2").unwrap();
    let show_url = WebUrl::parse("https://shop.example.com/goods").unwrap();
    let mut order = Order {
        id: &id,
        channel: Channel::AliWeb,
        fee: fen(9900),
        subject: &subject,
        notify_url: NOTIFY_URL,
        return_url: Some(&return_url),
        show_url: Some(&show_url),
        qr_pay_mode: Some(qr_pay_mode(4)),
        expires_at: now().plus(Duration::from_secs(7200)),
        openid: None,
        client_ip: None,
        created_at: now(),
    };
    edit(&mut order);
    then(&order)
}

pub(super) fn moment() -> Moment {
    Moment { now: now(), nonce: Nonce::from_random([7; 16]) }
}

pub(super) fn placed(id: &TransactionId) -> Placed<'_> {
    Placed { id, created_at: now(), fee: fen(9900), trade_no: None, channel: Channel::AliWeb }
}

pub(super) fn refund(id: &TransactionId) -> RefundOrder<'_> {
    RefundOrder {
        placed: placed(id),
        refund_num: "R1",
        sending: domain::RefundSending { number: 0, at: now() },
        refund_fee: fen(100),
        reason: Some("太大"),
        notify_url: None,
    }
}

pub(super) fn decoded(form: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(form.as_bytes()).into_owned().collect()
}

/// The query of an address.
pub(super) fn query_of(url: &str) -> &str {
    url.split_once('?').unwrap().1
}

/// Alipay's signature in base64.
pub(super) fn alipay_sign(content: impl AsRef<[u8]>) -> String {
    static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::read(key("alipay_private_pkcs8")).unwrap());
    BASE64.encode(KEY.sign_sha256(content.as_ref()).unwrap())
}

pub(super) fn response(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder().status(status).body(body.into()).unwrap()
}

/// A signed answer with `node` to `method`.
pub(super) fn signed_answer(method: &str, node: &str) -> Response<Bytes> {
    let name = method.replace('.', "_");
    response(200, format!(r#"{{"{name}_response":{node},"sign":"{}"}}"#, alipay_sign(node)))
}

pub(super) fn notify(content_type: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    Request::post(NOTIFY_URL).header("content-type", content_type).body(body.into()).unwrap()
}

pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[test]
fn an_account_can_be_shared_and_shows_no_secret() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    let legacy =
        object(json!({"protocol": "mapi", "partner": SELLER_ID, "md5Key": "5zmc2pn36i4oy71e57wcxp0ucwwmxtqp"}));
    for settings in [key_mode(), certificate_mode(), legacy] {
        let account = open(&settings).unwrap();
        shared(&account);
        let shown = format!("{account:?}");
        assert!(shown.contains("***") && !shown.contains("5zmc"), "{shown}");
        assert_eq!(account.acknowledgement().accepted, b"success");
        assert_eq!(account.acknowledgement().refused, b"fail");
    }
}
