//! Reads the settings that an operator typed, member by member, and shows them again without their secrets.

use domain::Tab;
use http::Uri;
use serde_json::{Map, Value};

use crate::{SettingProblem, SettingsError, alipay, keys, unionpay, wechat};

/// Which gateways settings may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayPolicy {
    /// `https` only.
    HttpsOnly,
    /// Plain `http`, too: the local stack and its simulator.
    AllowHttp,
}

/// The longest short text: an account number, a name, a URL.
pub(crate) const TEXT_BYTES_MAX: usize = 256;
/// More members than any protocol has, and few enough to go through them.
const MEMBERS_MAX: usize = 64;
/// Echoes at most this much of a member's name.
const NAME_CHARS_MAX: usize = 64;

/// The settings of one tab.
#[derive(Clone, Copy)]
pub(crate) struct Settings<'a>(&'a Map<String, Value>);

impl<'a> Settings<'a> {
    pub(crate) fn new(members: &'a Map<String, Value>) -> Self {
        Self(members)
    }

    /// Refuses every member that is not `known`.
    pub(crate) fn only(self, known: &[&str], protocol: &str) -> Result<(), SettingsError> {
        let Some(stranger) = self.0.keys().take(MEMBERS_MAX).find(|name| !known.contains(&name.as_str())) else {
            return Ok(());
        };
        let name: String = stranger.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
        let (protocol, known) = (protocol.to_owned(), known.join(", "));
        Err(SettingsError::new(name, SettingProblem::UnknownMember { protocol, known }))
    }

    /// A member that may be absent; `null` is as good as absent.
    pub(crate) fn find(self, field: &'static str, bytes_max: usize) -> Result<Option<&'a str>, SettingsError> {
        let text = match self.0.get(field) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.as_str(),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                return Err(SettingsError::new(field, SettingProblem::NoText));
            }
        };
        if text.trim().is_empty() {
            return Err(SettingsError::new(field, SettingProblem::Empty));
        }
        if text.len() > bytes_max {
            return Err(SettingsError::new(field, SettingProblem::TooLong { bytes_max }));
        }
        Ok(Some(text))
    }

    /// A member that must be there.
    pub(crate) fn require(self, field: &'static str, bytes_max: usize, what: &str) -> Result<&'a str, SettingsError> {
        let missing = || SettingsError::new(field, SettingProblem::Missing { what: what.to_owned() });
        self.find(field, bytes_max)?.ok_or_else(missing)
    }

    /// The texts of a list that may be absent.
    pub(crate) fn list(
        self,
        field: &'static str,
        items_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<&'a str>, SettingsError> {
        let refuse = |problem| Err(SettingsError::new(field, problem));
        let items = match self.0.get(field) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                return refuse(SettingProblem::NoList);
            }
        };
        if items.len() > items_max {
            return refuse(SettingProblem::TooManyItems { count: items.len(), items_max });
        }
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item.as_str() {
                None => return refuse(SettingProblem::NoList),
                Some(text) if text.trim().is_empty() => return refuse(SettingProblem::EmptyItem),
                Some(text) if text.len() > bytes_max => {
                    return refuse(SettingProblem::ItemTooLong { bytes_max });
                }
                Some(text) => texts.push(text),
            }
        }
        Ok(texts)
    }

    /// Whether a member is there, right or wrong.
    pub(crate) fn has(self, field: &str) -> bool {
        self.0.get(field).is_some_and(|value| !value.is_null())
    }

    /// The full URL of a gateway, or `default`.
    pub(crate) fn gateway(self, default: &str, policy: GatewayPolicy) -> Result<String, SettingsError> {
        self.url("gateway", default, policy)
    }

    /// The full URL of where calls go, or `default`.
    pub(crate) fn url(
        self,
        field: &'static str,
        default: &str,
        policy: GatewayPolicy,
    ) -> Result<String, SettingsError> {
        let Some(text) = self.find(field, TEXT_BYTES_MAX)? else { return Ok(default.to_owned()) };
        let refuse = |problem| Err(SettingsError::new(field, problem));
        let no_url = || SettingProblem::NoFullUrl { example: default.to_owned() };
        let Ok(uri) = text.parse::<Uri>() else {
            return refuse(no_url());
        };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return refuse(no_url());
        };
        let scheme_fits = match policy {
            GatewayPolicy::HttpsOnly => scheme == "https",
            GatewayPolicy::AllowHttp => scheme == "https" || scheme == "http",
        };
        if !scheme_fits {
            return refuse(SettingProblem::NoHttps);
        }
        if authority.host().is_empty() || authority.as_str().contains('@') {
            return refuse(SettingProblem::NoHost);
        }
        if uri.query().is_some() || text.contains('#') {
            return refuse(SettingProblem::UrlHasQuery);
        }
        Ok(text.to_owned())
    }
}

/// Where the calls that these settings sign go to: their gateway, or that of the provider itself.
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

/// Every address that calls which these settings sign go to, by the member that names it.
pub fn addresses_of(tab: Tab, settings: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let gateway = gateway_of(tab, settings);
    let mut addresses = vec![("gateway", gateway.to_owned())];
    if matches!(tab, Tab::UnipayApp | Tab::UnipayWeb) {
        let named = settings.get("fileGateway").and_then(Value::as_str);
        addresses.push(("fileGateway", named.map_or_else(|| unionpay::file_gateway_of(gateway), str::to_owned)));
    }
    addresses
}

/// The secret that a password opens: the password of one file is not that of another.
pub fn opened_by(field: &str) -> Option<&'static str> {
    match field {
        "pfxPassword" => Some("pfx"),
        "clientPfxPassword" => Some("clientPfx"),
        _ => None,
    }
}

/// What settings show of a secret.
pub const MASK: &str = "***";

/// The members that may be shown again. Every other one is masked, so that a new or misspelled member cannot leak.
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

/// The settings as they may be shown again: every secret is `***`, public keys and certificates are as they were given. A
/// private key that was put into a public member by mistake is masked, too.
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
        // Only lists of certificates are shown, and those are one deep.
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
    fn unionpays_files_lie_beside_its_gateway() {
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
        assert_eq!(addresses_of(Tab::WxMp, &Map::new()).len(), 1);
    }

    #[test]
    #[rustfmt::skip]
    fn a_gateway_is_a_full_url() {
        use GatewayPolicy::{AllowHttp, HttpsOnly};
        const CASES: &[(&str, GatewayPolicy, bool)] = &[
            ("https://openapi.alipay.com/gateway.do",  HttpsOnly, true),
            ("http://127.0.0.1:9/alipay/gateway.do",   AllowHttp, true),
            ("https://proxy:8443",                     AllowHttp, true),
            ("http://openapi.alipay.com/gateway.do",   HttpsOnly, false),
            ("HTTP://openapi.alipay.com/gateway.do",   HttpsOnly, false),
            ("ftp://openapi.alipay.com/gateway.do",    AllowHttp, false),
            ("openapi.alipay.com",                     AllowHttp, false),
            ("/gateway.do",                            AllowHttp, false),
            ("https://a:b@openapi.alipay.com/",        AllowHttp, false),
            ("https://openapi.alipay.com/?a=b",        AllowHttp, false),
            ("https://openapi.alipay.com/?",           AllowHttp, false),
            ("https://openapi.alipay.com/#a",          AllowHttp, false),
            ("https://",                               AllowHttp, false),
            ("https://open api.alipay.com/",           AllowHttp, false),
        ];
        for (text, policy, fits) in CASES {
            let settings = object(json!({ "gateway": text }));
            assert_eq!(Settings::new(&settings).gateway("x", *policy).is_ok(), *fits, "{text}");
        }
        assert_eq!(Settings::new(&Map::new()).gateway("x", HttpsOnly).unwrap(), "x");
    }
}
