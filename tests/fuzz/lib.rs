//! The accounts that the fuzz targets read messages with.

use domain::{Tab, Timestamp, TransactionId};
use providers::{Account, GatewayPolicy};
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

/// Opens an account that must open.
pub fn account(settings: Value) -> Account {
    Account::open(Tab::Ali, settings.as_object().unwrap(), GatewayPolicy::HttpsOnly).unwrap()
}

/// The old partner interface by MD5.
pub fn partner() -> Account {
    account(json!({ "protocol": "mapi", "partner": "2088000000000008", "md5Key": "5zmc2pn36i4oy71e57wcxp0ucwwmxtqp" }))
}

/// Some moment.
pub fn now() -> Timestamp {
    Timestamp::clamped(1_795_444_200_000)
}

/// Some order.
pub fn order() -> TransactionId {
    TransactionId::generate(now(), [7; 6])
}
