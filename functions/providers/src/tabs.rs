//! What is known about the settings of each tab without opening them: which members may be shown, and which addresses they name.

use domain::Tab;
use serde_json::{Map, Value};

use crate::{alipay, keys, unionpay, wechat};

/// Where the calls signed with these settings go: their gateway, or the provider's own.
pub(crate) fn gateway_of(tab: Tab, settings: &Map<String, Value>) -> &str {
    let text = |field: &str| settings.get(field).and_then(Value::as_str);
    let usual = match tab {
        Tab::Ali if text("protocol") == Some("mapi") => alipay::MAPI_PRODUCTION,
        Tab::Ali => alipay::PRODUCTION,
        Tab::WxApp | Tab::WxMp => wechat::PRODUCTION,
        Tab::UnipayApp | Tab::UnipayWeb => unionpay::PRODUCTION,
    };
    text("gateway").unwrap_or(usual)
}

/// Every address to which calls signed with these settings go, by the member that names it.
pub fn addresses_of(tab: Tab, settings: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let gateway = gateway_of(tab, settings);
    let mut addresses = vec![("gateway", gateway.to_owned())];
    if matches!(tab, Tab::UnipayApp | Tab::UnipayWeb) {
        let named = settings.get("fileGateway").and_then(Value::as_str);
        addresses.push(("fileGateway", named.map_or_else(|| unionpay::file_gateway_of(gateway), str::to_owned)));
    }
    // The app secret goes there.
    if tab == Tab::WxMp {
        let named = settings.get("oauthGateway").and_then(Value::as_str);
        addresses.push(("oauthGateway", named.unwrap_or(wechat::OAUTH_GATEWAY).to_owned()));
    }
    addresses
}

/// The secret that a password opens: if the file changes, its saved password must not be used for the new one.
pub fn opened_by(field: &str) -> Option<&'static str> {
    match field {
        "pfxPassword" => Some("pfx"),
        "clientPfxPassword" => Some("clientPfx"),
        _ => None,
    }
}

/// What replaces a secret where settings are shown.
pub const MASK: &str = "***";

/// The members that may be shown. All others are masked, so a new or misspelled member cannot leak.
fn shown(tab: Tab) -> &'static [&'static str] {
    match tab {
        Tab::Ali => &[
            "protocol",
            "appId",
            "sellerId",
            "partner",
            "gateway",
            "alipayPublicKey",
            "appCert",
            "alipayCert",
            "alipayRootCert",
        ],
        Tab::WxApp | Tab::WxMp => &[
            "protocol",
            "mchId",
            "appId",
            "liteAppId",
            "oauthPage",
            "oauthGateway",
            "certSerial",
            "publicKeyId",
            "publicKey",
            "platformCerts",
            "signType",
            "gateway",
        ],
        Tab::UnipayApp | Tab::UnipayWeb => {
            &["protocol", "merId", "rootCert", "middleCert", "cn", "gateway", "fileGateway"]
        }
    }
}

/// The settings as they may be shown: every secret is `***`; public keys and certificates stay as given. A private key that was put
/// into a public member by mistake is masked, too.
pub fn mask(tab: Tab, settings: &Map<String, Value>) -> Map<String, Value> {
    let public = shown(tab);
    let masked = |(name, value): (&String, &Value)| {
        let keep = value.is_null() || (public.contains(&name.as_str()) && !holds_private_key(value));
        (name.clone(), if keep { value.clone() } else { Value::String(MASK.to_owned()) })
    };
    settings.iter().map(masked).collect()
}

fn holds_private_key(value: &Value) -> bool {
    match value {
        Value::String(text) => keys::looks_private(text),
        // Only lists of certificates are shown, and those have no nested lists.
        Value::Array(items) => items.iter().any(|item| item.as_str().is_none_or(keys::looks_private)),
        Value::Object(_) => true,
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn no_secret_is_shown_again() {
        let settings = object(json!({
            "protocol": "mapi", "partner": "2088", "md5Key": "hush", "privateKey": "hush", "privatekey": "hush", "x": ["hush"],
            "alipayPublicKey": "-----BEGIN PRIVATE KEY-----\nhush", "sellerId": null, "gateway": {"a": "hush"},
        }));
        let masked = mask(Tab::Ali, &settings);
        assert!(!serde_json::to_string(&masked).unwrap().contains("hush"));
        assert_eq!(masked.len(), settings.len());
        assert_eq!(masked["partner"], "2088");
        assert_eq!(masked["md5Key"], "***");
        assert_eq!(masked["sellerId"], Value::Null);

        let wechat =
            object(json!({"apiV3Key": "hush", "platformCerts": ["MIIB"], "publicKeyId": "PUB", "clientPfx": "hush"}));
        let masked = mask(Tab::WxMp, &wechat);
        assert_eq!(
            Value::Object(masked),
            json!({"apiV3Key": "***", "platformCerts": ["MIIB"], "publicKeyId": "PUB", "clientPfx": "***"})
        );
        let unionpay = object(json!({"pfx": "hush", "pfxPassword": 123, "merId": "777"}));
        assert_eq!(
            Value::Object(mask(Tab::UnipayWeb, &unionpay)),
            json!({"pfx": "***", "pfxPassword": "***", "merId": "777"})
        );
    }

    #[test]
    #[rustfmt::skip]
    fn unionpays_files_lie_beside_its_gateway_and_the_app_secret_goes_to_wechats_public_platform() {
        let cases = [
            (json!({}),                                                                        "https://filedownload.95516.com/"),
            (json!({"gateway": "https://gateway.test.95516.com/gateway/api"}),                 "https://filedownload.test.95516.com/"),
            (json!({"gateway": "https://proxy.example:8443/gateway/api"}),                     "https://proxy.example:8443/"),
            (json!({"gateway": "https://gateway.example/gateway/api"}),                        "https://gateway.example/"),
            (json!({"gateway": "https://proxy.example/a", "fileGateway": "https://b.example"}), "https://b.example"),
        ];
        for (settings, expect) in cases {
            let addresses = addresses_of(Tab::UnipayApp, &object(settings));
            assert_eq!(addresses.last(), Some(&("fileGateway", expect.to_owned())));
        }
        assert_eq!(addresses_of(Tab::WxApp, &Map::new()).len(), 1);
        let secret_goes_to = |settings| addresses_of(Tab::WxMp, &object(settings)).last().cloned();
        let usual = ("oauthGateway", "https://api.weixin.qq.com".to_owned());
        assert_eq!(secret_goes_to(json!({})), Some(usual));
        let proxy = json!({"oauthGateway": "https://proxy.example"});
        assert_eq!(secret_goes_to(proxy), Some(("oauthGateway", "https://proxy.example".to_owned())));
    }
}
