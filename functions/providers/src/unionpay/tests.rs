//! The public verbs of UnionPay, table by table. This file has the keys, the orders, and a UnionPay that signs.

mod answers;
mod charge;
mod charsets;
mod notifies;
mod settings;
mod trust;

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use base64::Engine as _;
use bytes::Bytes;
use domain::{Channel, Fen, PayerAddress, ProviderTradeNo, Subject, Tab, Timestamp, TransactionId, WebUrl};
use http::{Request, Response};
use serde_json::{Map, Value, json};

use super::sign::digest_text;
use crate::{
    Account, GatewayPolicy, Moment, Nonce, Order, Placed, RefundOrder, SettingsError,
    form::joined,
    keys::{BASE64, SigningKey},
};

pub(super) const MER_ID: &str = "777290058110097";
pub(super) const NOTIFY_URL: &str = "https://pay.example.com/notify/unipay/1";
pub(super) const QUERY_ID: &str = "202611232230001234567";
pub(super) const FORM: &str = "application/x-www-form-urlencoded;charset=UTF-8";

/// The throwaway keys and certificates of both files.
static KEYS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let files = [include_str!("../../vectors/unionpay.json"), include_str!("../../vectors/unionpay-keys.json")];
    let keys = |file: &str| {
        let file: Value = serde_json::from_str(file).unwrap();
        serde_json::from_value::<BTreeMap<String, String>>(file["keys"].clone()).unwrap()
    };
    files.into_iter().flat_map(keys).collect()
});

pub(super) fn key(name: &str) -> &'static str {
    KEYS.get(name).unwrap_or_else(|| panic!("there is no key {name}"))
}

pub(super) fn settings() -> Map<String, Value> {
    let settings = json!({
        "merId": MER_ID, "pfx": key("pfx_few_rounds"), "pfxPassword": key("pfx_password"),
        "rootCert": key("root"), "middleCert": key("middle"),
    });
    settings.as_object().unwrap().clone()
}

/// Settings with some members changed; `null` removes one.
pub(super) fn with(changes: Value) -> Map<String, Value> {
    let mut settings = settings();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            settings.remove(name)
        } else {
            settings.insert(name.clone(), value.clone())
        };
    }
    settings
}

pub(super) fn open(tab: Tab, settings: &Map<String, Value>) -> Result<Account, SettingsError> {
    Account::open(tab, settings, GatewayPolicy::HttpsOnly)
}

/// The account of the mobile control.
pub(super) fn app() -> &'static Account {
    static ACCOUNT: LazyLock<Account> = LazyLock::new(|| open(Tab::UnipayApp, &settings()).unwrap());
    &ACCOUNT
}

/// The account of the gateway page.
pub(super) fn web() -> &'static Account {
    static ACCOUNT: LazyLock<Account> = LazyLock::new(|| open(Tab::UnipayWeb, &settings()).unwrap());
    &ACCOUNT
}

/// 2026-11-23 22:30:00 in Beijing.
pub(super) fn now() -> Timestamp {
    Timestamp::from_ms(1_795_444_200_000).unwrap()
}

pub(super) fn later(seconds: u64) -> Timestamp {
    now().plus(Duration::from_secs(seconds))
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

/// An order with every field set; `edit` removes or changes what a case tests.
pub(super) fn with_order<T>(edit: impl FnOnce(&mut Order<'_>), then: impl FnOnce(&Order<'_>) -> T) -> T {
    let id = id();
    let subject = Subject::parse("茶壶 a=b&c \"q\"").unwrap();
    let return_url = WebUrl::parse("https://shop.example.com/back?a=1&b='2'").unwrap();
    let mut order = Order {
        id: &id,
        channel: Channel::UnipayApp,
        fee: fen(9900),
        subject: &subject,
        notify_url: NOTIFY_URL,
        return_url: Some(&return_url),
        show_url: None,
        qr_pay_mode: None,
        expires_at: later(7200),
        openid: None,
        client_ip: PayerAddress::parse("192.0.2.1"),
        created_at: now(),
    };
    edit(&mut order);
    then(&order)
}

/// The paid order that the verbs after the charge use.
pub(super) fn with_refund<T>(edit: impl FnOnce(&mut RefundOrder<'_>), then: impl FnOnce(&RefundOrder<'_>) -> T) -> T {
    let (id, trade_no) = (id(), ProviderTradeNo::parse(QUERY_ID).unwrap());
    let placed =
        Placed { id: &id, created_at: now(), fee: fen(9900), trade_no: Some(&trade_no), channel: Channel::UnipayApp };
    let mut refund = RefundOrder {
        placed,
        refund_num: "退-1",
        sending: domain::RefundSending { number: 0, at: later(60) },
        refund_fee: fen(100),
        reason: Some("太大"),
        notify_url: Some(NOTIFY_URL),
    };
    edit(&mut refund);
    then(&refund)
}

/// The refund's number at UnionPay: the payment's number, and the first eight digits of `printf '退-1' | sha256sum`.
pub(super) const REFUND_ORDER_ID: &str = "568b33a0f7e4beba9244a8e09dada232";

pub(super) fn decoded(form: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(form.as_bytes()).into_owned().collect()
}

pub(super) fn form_of(fields: &BTreeMap<String, String>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// UnionPay's signature over fields, in base64.
pub(super) fn unionpay_sign(fields: &BTreeMap<String, String>) -> String {
    sign_content(joined(fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
}

/// UnionPay's signature over these bytes, in base64.
pub(super) fn sign_content(content: impl AsRef<[u8]>) -> String {
    static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::read(key("unionpay_sign_private_pkcs8")).unwrap());
    BASE64.encode(KEY.sign_sha256(digest_text(&content).as_bytes()).unwrap())
}

/// The fields of every message of UnionPay, with some changed, correctly signed. An empty change removes a field.
pub(super) fn signed(common: &[(&str, &str)], changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let certificate = key("leaf").replace('\n', "\r\n");
    let first = [
        ("version", "5.1.0"),
        ("encoding", "UTF-8"),
        ("signMethod", "01"),
        ("accessType", "0"),
        ("bizType", "000201"),
        ("merId", MER_ID),
        ("signPubKeyCert", certificate.trim_end()),
    ];
    let all = first.iter().chain(common).chain(changes);
    let mut fields: BTreeMap<String, String> =
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    fields.retain(|_, value| !value.is_empty());
    let signature = unionpay_sign(&fields);
    fields.insert("signature".to_owned(), signature);
    fields
}

pub(super) fn response(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder().status(status).body(body.into()).unwrap()
}

/// An answer as UnionPay writes it: not percent-encoded.
pub(super) fn answer(fields: &BTreeMap<String, String>) -> Response<Bytes> {
    response(200, joined(fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
}

pub(super) fn notify_of(content_type: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    Request::post(NOTIFY_URL).header("content-type", content_type).body(body.into()).unwrap()
}

/// What a browser reads of a page: the address of its form, and the form's fields.
pub(super) fn page_fields(page: &str) -> (String, BTreeMap<String, String>) {
    let attribute = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!(" {name}=\"")).unwrap();
        let value = rest.split_once('"').unwrap().0;
        assert!(!value.contains(['<', '>', '\'']), "{value}");
        let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
        pairs.iter().fold(value.to_owned(), |text, (escape, sign)| text.replace(escape, sign))
    };
    let form = page.split_once("<form").unwrap().1.split_once("</form>").unwrap().0;
    let (opening, rest) = form.split_once('>').unwrap();
    assert_eq!(attribute(opening, "method"), "post");
    let inputs = rest.split("<input").skip(1);
    let fields = inputs.map(|input| (attribute(input, "name"), attribute(input, "value"))).collect();
    (attribute(opening, "action"), fields)
}

#[test]
fn an_account_can_be_shared_and_shows_no_secret() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    shared(app());
    let shown = format!("{:?}", app());
    assert!(shown.contains("SigningKey(***)") && !shown.contains(key("pfx_password")), "{shown}");
    assert_eq!(app().acknowledgement().accepted, b"ok");
    assert_eq!(app().acknowledgement().refused, b"fail");
    assert_eq!(app().acknowledgement().content_type, "text/plain");
}
