//! Reads the settings that an operator typed, member by member.

use http::Uri;
use serde_json::{Map, Value};

use crate::{SettingProblem, SettingsError};

/// Which gateways settings may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayPolicy {
    /// `https` only.
    HttpsOnly,
    /// Also plain `http`: for the local stack and its simulator.
    AllowHttp,
}

/// The longest short text: an account number, a name, a URL.
pub(crate) const TEXT_BYTES_MAX: usize = 256;
/// More members than any protocol has. It limits the work to check them.
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

    /// A member that may be absent; `null` counts as absent.
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

    /// A required member.
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

    /// Whether a member is present, valid or not.
    pub(crate) fn has(self, field: &str) -> bool {
        self.0.get(field).is_some_and(|value| !value.is_null())
    }

    /// The full URL of a gateway, or `default`.
    pub(crate) fn gateway(self, default: &str, policy: GatewayPolicy) -> Result<String, SettingsError> {
        self.url("gateway", default, policy)
    }

    /// A full URL that calls go to, or `default`.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
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
