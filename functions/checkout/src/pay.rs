//! `POST /pay/{token}/{channel}`: the payer chose a channel.
//!
//! The same choice again is the same order. So a double click, a reload and a second person with the same wallet get one order, if the
//! provider allows several payers for it. Before another channel gets an order, the providers of the orders that are open are asked, so that
//! nobody pays twice because a notify was lost.

use std::time::Duration;

use charging::{AccountInUse, Begun, ChargeOrder, give_up_outdated};
use domain::{Channel, ChargeRequest, CheckoutState, PayerAddress, WebUrl};
use http::StatusCode;
use providers::PaymentParameters;
use runtime::{ApiError, BillError, Reply, Request, Retry, client_ip, error_chain};
use tracing::warn;

use crate::{
    Deps,
    offers::offers,
    openid,
    page::{self, Shown, WalletCall},
    replies,
    texts::{Texts, texts},
    visit::{Look, Visit, locale_of},
};

/// The shortest time that an order gets at a provider, where a charge chooses it.
const ORDER_TIME_MIN: Duration = Duration::from_secs(360);

pub(crate) async fn pay(deps: &Deps, request: &Request, token: &str, channel: &str) -> Reply {
    let visit = match Visit::open_and_ask(deps, request, token, Look::Now).await {
        Ok(Some(visit)) => visit,
        Ok(None) => return page::unknown(locale_of(request)),
        Err(error) => return page::failed(locale_of(request), &error),
    };
    let (Some(channel), Some(checkout)) = (Channel::find(channel), &visit.checkout) else {
        return page::home(&visit);
    };
    let offered = offers(&deps.services().apps, &visit.configured, checkout, visit.place).channels;
    if !offered.contains(&channel) {
        return page::home(&visit);
    }
    if channel == Channel::WxJsapi && visit.state() == CheckoutState::Open {
        return openid::begin(deps, &visit).unwrap_or_else(|error| refused(deps, &visit, &error));
    }
    charge_and_hand_over(deps, request, &visit, Choice { channel, openid: None }).await
}

/// What a payer chose.
pub(crate) struct Choice {
    pub(crate) channel: Channel,
    /// Who the payer is inside WeChat, where that is needed.
    pub(crate) openid: Option<String>,
}

/// Charges the bill as the payer chose, and hands the payer over to the provider.
pub(crate) async fn charge_and_hand_over(deps: &Deps, request: &Request, visit: &Visit<'_>, choice: Choice) -> Reply {
    let channel = choice.channel;
    match charge(deps, request, visit, choice).await {
        Ok(Some(begun)) => hand_over(deps, visit, channel, &begun.parameters),
        Ok(None) => page::home(visit),
        Err(error) => refused(deps, visit, &error),
    }
}

/// Charges the bill on a channel. `None` if there is nothing to pay now: the page says why.
async fn charge(
    deps: &Deps,
    request: &Request,
    visit: &Visit<'_>,
    Choice { channel, openid }: Choice,
) -> Result<Option<Begun>, ApiError> {
    let Some(checkout) = &visit.checkout else { return Ok(None) };
    if visit.state() != CheckoutState::Open {
        return Ok(None);
    }
    give_up_outdated(&deps.services().store, checkout, &visit.bill.tries, visit.now).await?;
    let apps = &deps.services().apps;
    let account = AccountInUse::find(apps, &visit.configured, channel, checkout.key.mode)?;
    let order = ChargeOrder {
        configured: &visit.configured,
        mode: checkout.key.mode,
        author: checkout.author.of_visitors(),
        offer: Some(checkout.revision),
        charge: &ChargeRequest {
            channel,
            bill: checkout.key.bill.clone(),
            fee: checkout.fee,
            subject: checkout.subject.clone(),
            extras: checkout.extras.clone(),
            return_url: WebUrl::parse(&visit.address(deps)),
            show_url: None,
            timeout: visit.now.until(checkout.expires_at).max(ORDER_TIME_MIN),
            qr_pay_mode: None,
            openid,
            client_ip: None,
        },
        caller_ip: client_ip(request).and_then(PayerAddress::parse),
    };
    Ok(Some(Box::pin(charging::charge(&deps.charging, account, &order)).await?))
}

/// Hands the payer over to the provider, in the way of the channel. If the parameters for that are not there, the page says that the channel
/// does not work now.
fn hand_over(deps: &Deps, visit: &Visit<'_>, channel: Channel, parameters: &PaymentParameters) -> Reply {
    let member = |name: &str| parameters.find(name).map(str::to_owned);
    let show = |shown: Shown| page::open(deps, visit, shown);
    let show_call = |call: WalletCall| show(Shown { call: Some(call), ..Shown::default() });
    let forward = |url: String| page::forward(visit, &url);
    let handed = match channel {
        Channel::AliApp => member("ali_app").map(|order| show_call(WalletCall::Alipay(order))),
        Channel::WxJsapi => serde_json::to_string(parameters).ok().map(|json| show_call(WalletCall::Wechat(json))),
        Channel::WxNative => member("codeUrl").map(|code| show(Shown { native_code: Some(code), ..Shown::default() })),
        Channel::AliWap => member("ali_wap").map(forward),
        Channel::AliWeb => member("ali_web").map(forward),
        Channel::WxH5 => member("wx_h5").map(|url| forward(with_way_back(&url, &visit.address(deps)))),
        Channel::UnipayWeb => parameters.find("html").and_then(own_form),
        Channel::AliQrcode | Channel::WxApp | Channel::WxLite | Channel::UnipayApp | Channel::ApplepayUpacp => None,
    };
    let trouble = || show(Shown { problem: Some(texts(visit.locale).channel_trouble), ..Shown::default() });
    handed.unwrap_or_else(trouble)
}

/// WeChat's page returns to this address, which must be on the registered domain.
fn with_way_back(url: &str, home: &str) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    let back = form_urlencoded::byte_serialize(home.as_bytes()).collect::<String>();
    format!("{url}{joint}redirect_url={back}")
}

/// UnionPay's form, which submits itself. The policy allows this one form, and the one line of script that submits it.
fn own_form(html: &str) -> Option<Reply> {
    const SUBMIT: &str = "document.forms[0].submit()";
    let (_, rest) = html.split_once(" action=\"")?;
    let (scheme, rest) = rest.split_once("://")?;
    let host = rest.split(['/', '"', '?']).next()?;
    let origin = Some(format!("{scheme}://{host}"))
        .filter(|origin| origin.bytes().all(|b| b.is_ascii_graphic() && !b";,'".contains(&b)))?;
    let policy = format!(
        "default-src 'none'; script-src 'unsafe-hashes' {}; form-action {origin}; frame-ancestors 'none'; base-uri 'none'",
        replies::hash(SUBMIT)
    );
    Some(replies::html(StatusCode::OK, html.to_owned(), &policy))
}

/// The page again, with what is wrong.
pub(crate) fn refused(deps: &Deps, visit: &Visit<'_>, error: &ApiError) -> Reply {
    if let ApiError::Bill(BillError::Paid { .. } | BillError::OfferChanged { .. }) = error {
        return page::home(visit);
    }
    if error.retryable() == Retry::Storage {
        return page::failed(visit.locale, error);
    }
    let key = &visit.claims.key;
    warn!(app.id = %key.app, bill.num = %key.bill, "a visitor could not be charged: {}", error_chain(error));
    let problem = Some(said(texts(visit.locale), error));
    page::open(deps, visit, Shown { problem, ..Shown::default() })
}

fn said(t: &'static Texts, error: &ApiError) -> &'static str {
    let is_bound = matches!(
        error,
        ApiError::Bill(BillError::ReplacedTooOften { .. } | BillError::Exhausted { .. }) | ApiError::ClientBound(_)
    );
    if is_bound { t.too_often } else { t.channel_trouble }
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_SECURITY_POLICY;

    use super::*;

    #[test]
    fn wechats_page_is_told_the_way_back() {
        let home = "https://pay.example.com/pay/abc";
        assert_eq!(
            with_way_back("https://wx.tenpay.com/h5?prepay_id=wx1", home),
            "https://wx.tenpay.com/h5?prepay_id=wx1&redirect_url=https%3A%2F%2Fpay.example.com%2Fpay%2Fabc"
        );
    }

    #[test]
    fn unionpays_form_is_the_only_one_that_its_page_may_send() {
        let html = "<body onload=\"document.forms[0].submit()\"><form method=\"post\" action=\"https://gateway.95516.com/gateway/api/frontTransReq.do\">";
        let reply = own_form(html).unwrap();
        let policy = reply.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("form-action https://gateway.95516.com; "), "{policy}");
        for html in ["", "<form action=\"/x\">", "<form action=\"https://a;b/\">"] {
            assert!(own_form(html).is_none(), "{html}");
        }
    }
}
