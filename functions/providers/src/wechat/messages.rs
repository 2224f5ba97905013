//! The content of v3's requests, by WeChat Pay's own names. A member without a value is left out: `null` causes errors there.

use domain::{Channel, Timestamp};
use serde::Serialize;

use super::trade;
use crate::{Order, Placed, ProviderError, RefundOrder, Unable, bounds};

/// A product for which we call the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    App,
    Jsapi,
    /// A mini program: the same order as inside an official account, by the mini program's own app.
    Lite,
    Native,
    H5,
}

impl Product {
    /// `None` if the channel belongs to another provider.
    pub(crate) fn of(channel: Channel) -> Option<Self> {
        match channel {
            Channel::WxApp => Some(Self::App),
            Channel::WxJsapi => Some(Self::Jsapi),
            Channel::WxLite => Some(Self::Lite),
            Channel::WxNative => Some(Self::Native),
            Channel::WxH5 => Some(Self::H5),
            Channel::AliApp
            | Channel::AliWeb
            | Channel::AliWap
            | Channel::AliQrcode
            | Channel::UnipayApp
            | Channel::UnipayWeb
            | Channel::ApplepayUpacp => None,
        }
    }

    /// Its path for orders in v3.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::App => "/v3/pay/transactions/app",
            Self::Jsapi | Self::Lite => "/v3/pay/transactions/jsapi",
            Self::Native => "/v3/pay/transactions/native",
            Self::H5 => "/v3/pay/transactions/h5",
        }
    }

    /// Its `trade_type` in v2.
    pub(crate) fn trade_type(self) -> &'static str {
        match self {
            Self::App => "APP",
            Self::Jsapi | Self::Lite => "JSAPI",
            Self::Native => "NATIVE",
            Self::H5 => "MWEB",
        }
    }
}

/// The merchant and the app.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payee<'a> {
    pub(crate) mch_id: &'a str,
    pub(crate) app_id: &'a str,
}

#[derive(Serialize)]
struct Transaction<'a> {
    appid: &'a str,
    mchid: &'a str,
    description: String,
    out_trade_no: &'a str,
    time_expire: String,
    notify_url: &'a str,
    amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer: Option<Payer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene_info: Option<Scene>,
}

#[derive(Serialize)]
struct Scene {
    payer_client_ip: String,
    h5_info: H5,
}

/// We do not know the phone's make; `Wap` stands for any page.
#[derive(Serialize)]
struct H5 {
    r#type: &'static str,
}

#[derive(Serialize)]
struct Amount {
    total: i64,
    currency: &'static str,
}

#[derive(Serialize)]
struct Payer<'a> {
    openid: &'a str,
}

#[derive(Serialize)]
struct Closing<'a> {
    mchid: &'a str,
}

#[derive(Serialize)]
struct Refund<'a> {
    out_trade_no: &'a str,
    out_refund_no: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_url: Option<&'a str>,
    amount: RefundAmount,
}

#[derive(Serialize)]
struct RefundAmount {
    refund: i64,
    total: i64,
    currency: &'static str,
}

/// The body of a payment. It contains no time: the same order again has the same body, which refreshes the `prepay_id`. Another
/// body under the same number would be refused.
pub(crate) fn payment(product: Product, payee: Payee<'_>, order: &Order<'_>) -> Result<String, ProviderError> {
    let payer = match product {
        Product::Jsapi | Product::Lite => Some(Payer { openid: openid(order)? }),
        Product::App | Product::Native | Product::H5 => None,
    };
    let scene_info = match product {
        Product::H5 => Some(Scene { payer_client_ip: client_ip(order)?, h5_info: H5 { r#type: "Wap" } }),
        Product::App | Product::Jsapi | Product::Lite | Product::Native => None,
    };
    json(&Transaction {
        appid: payee.app_id,
        mchid: payee.mch_id,
        description: bounds::WECHAT_DESCRIPTION.fit_or(order.subject.as_str(), order.id.as_str()),
        out_trade_no: order.id.as_str(),
        time_expire: rfc3339(order.expires_at),
        notify_url: bounds::WECHAT_NOTIFY_URL.check_notify(order.notify_url)?,
        amount: Amount { total: bounds::wechat_fen(order.fee)?, currency: "CNY" },
        payer,
        scene_info,
    })
}

/// The body of a closing.
pub(crate) fn closing(mch_id: &str) -> Result<String, ProviderError> {
    json(&Closing { mchid: mch_id })
}

/// The body of a refund.
pub(crate) fn refund(refund: &RefundOrder<'_>) -> Result<String, ProviderError> {
    let Placed { id, fee, .. } = refund.placed;
    let reason = reason(refund);
    json(&Refund {
        out_trade_no: id.as_str(),
        out_refund_no: &out_refund_no(refund)?,
        reason: reason.as_deref(),
        notify_url: refund.notify_url.map(|url| bounds::WECHAT_NOTIFY_URL.check_notify(url)).transpose()?,
        amount: RefundAmount { refund: refund.refund_fee.get(), total: fee.get(), currency: "CNY" },
    })
}

/// The refund's number at WeChat Pay.
pub(crate) fn out_refund_no(refund: &RefundOrder<'_>) -> Result<String, ProviderError> {
    bounds::WECHAT_REFUND_NUM.check(refund.refund_num).map(|number| trade::out_refund_no(refund.placed.id, number))
}

/// The reason of a refund as WeChat accepts it, if any character of it is left.
pub(crate) fn reason(refund: &RefundOrder<'_>) -> Option<String> {
    Some(bounds::WECHAT_REASON.fit(refund.reason?)).filter(|reason| !reason.trim().is_empty())
}

/// The payer; JSAPI requires it.
pub(crate) fn openid<'a>(order: &Order<'a>) -> Result<&'a str, ProviderError> {
    let openid = order.openid.ok_or_else(|| ProviderError::from(Unable::Openid { channel: order.channel }))?;
    bounds::WECHAT_OPENID.check(openid)
}

/// The payer's IP address; H5 requires it.
pub(crate) fn client_ip(order: &Order<'_>) -> Result<String, ProviderError> {
    let unknown = || ProviderError::from(Unable::ClientIp { channel: order.channel });
    order.client_ip.map(|ip| ip.to_string()).ok_or_else(unknown)
}

/// A time as v3 writes it: Beijing time with its offset.
fn rfc3339(time: Timestamp) -> String {
    format!("{}+08:00", time.to_beijing().replace(' ', "T"))
}

fn json(message: &impl Serialize) -> Result<String, ProviderError> {
    // Texts and whole numbers can always be written.
    serde_json::to_string(message).map_err(|error| ProviderError::from(Unable::Request { why: error.to_string() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_beijings() {
        assert_eq!(rfc3339(Timestamp::from_ms(1_795_444_200_999).unwrap()), "2026-11-23T22:30:00+08:00");
    }
}
