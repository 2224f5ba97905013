//! The account that settings belong to, as the provider knows it. It decides whether changed settings are of another account.

use std::collections::BTreeMap;

use domain::{Sameness, Tab};
use serde_json::{Map, Value};

use crate::tabs::gateway_of;

/// The settings that name an account. Keys and certificates do not belong here: they change while the account stays.
const NAMES: [&str; 7] = ["appId", "liteAppId", "mchId", "merId", "partner", "sellerId", "gateway"];

/// Names that may be given later: settings without one are those of the same account.
const MAY_BE_UNTOLD: [&str; 2] = ["sellerId", "liteAppId"];

/// What a provider knows an account by. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(BTreeMap<String, String>);

impl Identity {
    /// Reads it from settings. They need not be usable: a wrong key does not make another account.
    pub fn of(tab: Tab, settings: &Map<String, Value>) -> Self {
        let text = |name: &str| settings.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let mut names: BTreeMap<String, String> =
            NAMES.iter().filter_map(|name| Some(((*name).to_owned(), text(name)?.to_owned()))).collect();
        let gateway = gateway_of(tab, settings).trim_end_matches('/').to_owned();
        names.insert("gateway".to_owned(), gateway);
        // If no seller is named, Alipay's legacy interface uses the partner as the seller.
        if let (Some(partner), None) = (text("partner"), text("sellerId")) {
            names.insert("sellerId".to_owned(), partner.to_owned());
        }
        Self(names)
    }

    /// Reads what [`Self::to_json`] wrote.
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// One JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// Its names and their values, without the gateway.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter(|(name, _)| *name != "gateway").map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Whether the other is the same account. If only one side names a seller or a mini program, it is the same: it was not given before.
    pub fn compare(&self, other: &Self) -> Sameness {
        let is_untold =
            |name: &str| MAY_BE_UNTOLD.contains(&name) && (!self.0.contains_key(name) || !other.0.contains_key(name));
        let mut names = self.0.keys().chain(other.0.keys());
        let is_same = names.all(|name| self.0.get(name) == other.0.get(name) || is_untold(name));
        if is_same { Sameness::Same } else { Sameness::Other }
    }
}

/// The part of the settings `before` that reads the notifies of older orders, if the protocol of the settings `now` is another:
/// WeChat Pay reports an order in the format of the protocol that created it. `None` if nothing is needed.
pub fn former_form(tab: Tab, before: &Map<String, Value>, now: &Map<String, Value>) -> Option<Map<String, Value>> {
    let protocol = |settings: &'_ Map<String, Value>| match settings.get("protocol").and_then(Value::as_str) {
        Some("v2") => Some("v2"),
        Some("v3") => Some("v3"),
        Some(_) | None => None,
    };
    let is_wechat = matches!(tab, Tab::WxApp | Tab::WxMp);
    let (form_before, form_now) = (protocol(before)?, protocol(now)?);
    if !is_wechat || form_before == form_now {
        return None;
    }
    // The client certificate only sends refunds. It reads nothing.
    let is_read_by = |name: &str| !matches!(name, "clientPfx" | "clientPfxPassword");
    let kept = before.iter().filter(|(name, _)| is_read_by(name));
    Some(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    #[rustfmt::skip]
    fn other_names_are_another_account_and_other_keys_are_not() {
        use Sameness::{Other, Same};
        let cases = [
            (Tab::Ali, json!({"protocol":"openapi","appId":"1","privateKey":"a"}),      json!({"protocol":"openapi","appId":"1","privateKey":"b"}),  Same),
            (Tab::Ali, json!({"protocol":"openapi","appId":"1","alipayPublicKey":"a"}), json!({"protocol":"openapi","appId":"1","appCert":"b"}),     Same),
            (Tab::Ali, json!({"protocol":"openapi","appId":"1"}),                       json!({"protocol":"openapi","appId":"2"}),                   Other),
            (Tab::Ali, json!({"protocol":"openapi","appId":"1"}),                       json!({"protocol":"openapi","appId":"1","sellerId":"2088"}), Same),
            (Tab::Ali, json!({"protocol":"openapi","appId":"1","sellerId":"2089"}),     json!({"protocol":"openapi","appId":"1","sellerId":"2088"}), Other),
            (Tab::Ali, json!({"protocol":"openapi","appId":"1"}),                       json!({"protocol":"mapi","partner":"2088"}),                 Other),
            (Tab::Ali, json!({"protocol":"mapi","partner":"2088"}),                     json!({"protocol":"mapi","partner":"2088","sellerId":"2088"}), Same),
            (Tab::Ali, json!({"protocol":"mapi","partner":"2088","sellerId":"a@b.c"}),  json!({"protocol":"mapi","partner":"2088"}),                 Other),
            (Tab::Ali, json!({"protocol":"openapi","appId":"1","gateway":"https://openapi.alipay.com/gateway.do"}), json!({"protocol":"openapi","appId":"1"}), Same),
            (Tab::Ali, json!({"protocol":"openapi","appId":"1","gateway":"https://sandbox"}), json!({"protocol":"openapi","appId":"1"}),             Other),
            (Tab::WxMp, json!({"protocol":"v2","mchId":"19","appId":"wx1"}),            json!({"protocol":"v3","mchId":"19","appId":"wx1","gateway":"https://api.mch.weixin.qq.com/"}), Same),
            (Tab::WxMp, json!({"protocol":"v3","mchId":"19","appId":"wx1"}),            json!({"protocol":"v3","mchId":"19","appId":"wx2"}),         Other),
            (Tab::WxMp, json!({"protocol":"v3","mchId":"19","appId":"wx1"}),            json!({"protocol":"v3","mchId":"18","appId":"wx1"}),         Other),
            (Tab::WxMp, json!({"protocol":"v3","mchId":"19","appId":"wx1"}),            json!({"protocol":"v3","mchId":"19","appId":"wx1","liteAppId":"wx3"}), Same),
            (Tab::WxMp, json!({"protocol":"v3","mchId":"19","appId":"wx1","liteAppId":"wx4"}), json!({"protocol":"v3","mchId":"19","appId":"wx1","liteAppId":"wx3"}), Other),
            (Tab::WxMp, json!({"protocol":"v3","mchId":"19","appId":"wx1","appSecret":"a"}), json!({"protocol":"v3","mchId":"19","appId":"wx1","appSecret":"b"}), Same),
            (Tab::UnipayApp, json!({"merId":"777","pfx":"a"}),                          json!({"merId":"777","pfx":"b"}),                            Same),
            (Tab::UnipayApp, json!({"merId":"777","pfx":"a"}),                          json!({"merId":"778","pfx":"a"}),                            Other),
        ];
        for (tab, one, other, expect) in cases {
            let [one, other] = [one, other].map(|settings| Identity::of(tab, settings.as_object().unwrap()));
            assert_eq!((one.compare(&other), other.compare(&one)), (expect, expect), "{one:?} {other:?}");
            assert_eq!(Identity::from_json(&one.to_json()), Some(one));
        }
    }

    #[test]
    fn an_identity_holds_no_secret() {
        let settings = json!({"protocol":"v2","mchId":"19","appId":"wx1","apiKey":"hush","clientPfx":"hush"});
        assert!(!Identity::of(Tab::WxMp, settings.as_object().unwrap()).to_json().contains("hush"));
    }

    #[test]
    fn the_form_before_is_kept_where_wechat_changes_its_protocol() {
        let v2 = json!({"protocol":"v2","mchId":"19","apiKey":"k","clientPfx":"p","clientPfxPassword":"p"});
        let v3 = json!({"protocol":"v3","mchId":"19","apiV3Key":"k"});
        let [v2, v3] = [v2, v3].map(|settings| settings.as_object().unwrap().clone());
        let kept = former_form(Tab::WxMp, &v2, &v3).unwrap();
        assert_eq!(Value::Object(kept), json!({"protocol":"v2","mchId":"19","apiKey":"k"}));
        assert_eq!(former_form(Tab::WxMp, &v3, &v2), Some(v3.clone()));
        assert_eq!(former_form(Tab::WxMp, &v2, &v2), None);
        assert_eq!(former_form(Tab::Ali, &v2, &v3), None);
    }
}
