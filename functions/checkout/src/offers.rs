//! What a page offers: the channels that are configured, that the merchant allows, and that work where the page is opened.

use std::sync::Arc;

use charging::{OFFERED, can_offer};
use domain::{Channel, Checkout, Family};
use http::{HeaderMap, header::USER_AGENT};
use runtime::{Apps, ConfiguredApp};

/// Where a page is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Desktop,
    /// A browser of a phone, outside the wallets.
    Phone,
    Wechat,
    Alipay,
    Unionpay,
}

/// Words of a user agent and the place that they name. The wallets come first: their browsers also say that they are phones'.
#[rustfmt::skip]
const PLACES: [(&str, Place); 10] = [
    ("MicroMessenger", Place::Wechat),
    ("AlipayClient",   Place::Alipay),
    ("UnionPay",       Place::Unionpay),
    ("CloudPay",       Place::Unionpay),
    ("Android",        Place::Phone),
    ("iPhone",         Place::Phone),
    ("iPad",           Place::Phone),
    ("iPod",           Place::Phone),
    ("OpenHarmony",    Place::Phone),
    ("Mobile",         Place::Phone),
];

impl Place {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        PLACES.iter().find(|(word, _)| agent.contains(word)).map_or(Self::Desktop, |(_, place)| *place)
    }
}

/// What a page offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offers {
    /// The wallets that can scan the checkout's own code. Only a desktop shows it.
    pub(crate) scanned_by: Vec<Family>,
    /// The channels to choose from, the best first.
    pub(crate) channels: Vec<Channel>,
}

/// What the page of a checkout offers at a place.
pub(crate) fn offers(apps: &Apps, configured: &Arc<ConfiguredApp>, checkout: &Checkout, place: Place) -> Offers {
    let Checkout { key, channels, .. } = checkout;
    let is_usable =
        |channel: &Channel| Checkout::is_allowed(channels, *channel) && can_offer(apps, configured, key.mode, *channel);
    let usable: Vec<Channel> = OFFERED.into_iter().filter(is_usable).collect();
    fitting(&usable, place)
}

/// Those of the usable channels that work at a place.
fn fitting(usable: &[Channel], place: Place) -> Offers {
    use Channel::{AliApp, AliWap, AliWeb, UnipayWeb, WxH5, WxJsapi, WxNative};
    let has = |channel: Channel| usable.contains(&channel);
    let in_order = |wanted: &[Channel]| wanted.iter().copied().filter(|channel| has(*channel)).collect::<Vec<_>>();
    let mut scanned_by = Vec::new();
    let channels = match place {
        // One code for all wallets, and the pages of providers. WeChat's own code only where WeChat cannot open the checkout's.
        Place::Desktop => {
            let wallets = [
                (Family::Wx, has(WxJsapi)),
                (Family::Ali, has(AliApp) || has(AliWap)),
                (Family::Unipay, has(UnipayWeb)),
            ];
            scanned_by.extend(wallets.into_iter().filter(|(_, can)| *can).map(|(family, _)| family));
            let native: &[Channel] = if has(WxJsapi) { &[] } else { &[WxNative] };
            in_order(&[native, &[AliWeb, UnipayWeb]].concat())
        }
        Place::Phone => in_order(&[AliWap, WxH5, UnipayWeb]),
        // A code that is shown in WeChat cannot be pressed there, and Alipay's pages are blocked.
        Place::Wechat => in_order(&[WxJsapi]),
        Place::Alipay => in_order(&[AliApp, AliWap]).into_iter().take(1).collect(),
        Place::Unionpay => in_order(&[UnipayWeb]),
    };
    Offers { scanned_by, channels }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    #[rustfmt::skip]
    fn a_place_is_known_by_its_user_agent() {
        const CASES: &[(&str, Place)] = &[
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 MicroMessenger/8.0.44(0x18002c2f) NetType/WIFI Language/zh_CN", Place::Wechat),
            ("Mozilla/5.0 (Linux; U; Android 13; zh-CN) AppleWebKit/537.36 Mobile Safari/537.36 AliApp(AP/10.5.80) AlipayClient/10.5.80", Place::Alipay),
            ("Mozilla/5.0 (Linux; Android 12) AppleWebKit/537.36 Mobile Safari/537.36 (com.unionpay.mobilepay) UnionPay/1.0 CloudPay", Place::Unionpay),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1", Place::Phone),
            ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130 Safari/537.36", Place::Desktop),
            ("", Place::Desktop),
        ];
        for (agent, place) in CASES {
            let headers = HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static(agent))]);
            assert_eq!(Place::of(&headers), *place, "{agent}");
        }
        assert_eq!(Place::of(&HeaderMap::new()), Place::Desktop);
    }

    #[test]
    #[rustfmt::skip]
    fn each_place_is_offered_what_works_there() {
        use Channel::{AliApp, AliWap, AliWeb, UnipayWeb, WxH5, WxJsapi, WxNative};
        use Family::{Ali, Unipay, Wx};
        let all = OFFERED.to_vec();
        let without_openid = vec![AliWap, AliWeb, WxH5, WxNative, UnipayWeb];
        type Case<'a> = (&'a [Channel], Place, &'a [Family], &'a [Channel]);
        let cases: &[Case<'_>] = &[
            (&all,            Place::Desktop,  &[Wx, Ali, Unipay], &[AliWeb, UnipayWeb]),
            (&all,            Place::Phone,    &[],                &[AliWap, WxH5, UnipayWeb]),
            (&all,            Place::Wechat,   &[],                &[WxJsapi]),
            (&all,            Place::Alipay,   &[],                &[AliApp]),
            (&all,            Place::Unionpay, &[],                &[UnipayWeb]),
            (&without_openid, Place::Desktop,  &[Ali, Unipay],     &[WxNative, AliWeb, UnipayWeb]),
            (&without_openid, Place::Wechat,   &[],                &[]),
            (&without_openid, Place::Alipay,   &[],                &[AliWap]),
            (&[AliWeb],       Place::Phone,    &[],                &[]),
            (&[WxNative],     Place::Phone,    &[],                &[]),
        ];
        for (usable, place, scanned_by, channels) in cases {
            let found = fitting(usable, *place);
            assert_eq!((found.scanned_by.as_slice(), found.channels.as_slice()), (*scanned_by, *channels), "{place:?}");
        }
    }
}
