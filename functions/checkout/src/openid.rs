//! Who the payer inside WeChat is: WeChat's authorisation brings a code, and the code the openid that its own payment demands.
//!
//! Nothing of it is kept. The openid is used for one charge, in the request that brought the code. `state` and a cookie bind the code to this
//! checkout and to the browser that asked for it: see `domain::OpenidState`.

use std::time::Duration;

use charging::AccountInUse;
use domain::{Channel, CheckoutState, OpenidState};
use http::{HeaderValue, header::SET_COOKIE};
use outbound::Bounds;
use providers::{
    Account,
    wechat::{Oauth, Openid},
};
use runtime::{ApiError, Reply, Request, find_cookie, query_parameter};

use crate::{
    Deps, page,
    pay::{self, Choice},
    visit::{Look, Visit, locale_of},
};

/// WeChat answers within a second; the payer looks at an empty page as long.
const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(4), body_bytes_max: 64 * 1024 };

const NONCE: &str = "maxpay_openid";
/// Longer than the way to WeChat and back takes.
const NONCE_SECONDS: u32 = 600;
/// A code has some thirty characters.
const CODE_CHARS_MAX: usize = 256;

/// Sends the payer's browser for a code. WeChat asks the payer nothing.
///
/// # Errors
/// [`ApiError`]: no settings, or no randomness.
pub(crate) fn begin(deps: &Deps, visit: &Visit<'_>) -> Result<Reply, ApiError> {
    let (services, key) = (deps.services(), &visit.claims.key);
    let account = AccountInUse::find(&services.apps, &visit.configured, Channel::WxJsapi, key.mode)?;
    let Some(oauth) = account.account().and_then(Account::oauth) else { return Ok(page::home(visit)) };
    let nonce = services.random.nonce()?;
    let bound = OpenidState { token: visit.token, nonce: nonce.as_str() };
    let state = bound.issue(&visit.configured.app.keys(key.mode).master.current, visit.now);
    let here = format!("{}/wx", visit.address(deps));
    let reply = page::forward(visit, &oauth.authorize_url(&here, &state));
    Ok(with_nonce(deps, visit, reply, nonce.as_str(), NONCE_SECONDS))
}

/// `GET /pay/{token}/wx?code=&state=`: WeChat brings the payer back.
pub(crate) async fn returned(deps: &Deps, request: &Request, token: &str) -> Reply {
    let visit = match Visit::open_and_ask(deps, request, token, Look::Now).await {
        Ok(Some(visit)) => visit,
        Ok(None) => return page::unknown(locale_of(request)),
        Err(error) => return page::failed(locale_of(request), &error),
    };
    let code = query_parameter(request, "code").filter(|code| code.len() <= CODE_CHARS_MAX);
    let state = query_parameter(request, "state").unwrap_or_default();
    let bound = nonce_of(request).map(|nonce| OpenidState { token, nonce });
    let is_bound =
        bound.is_some_and(|bound| bound.fits(&state, &visit.configured.app, visit.claims.key.mode, visit.now));
    let (Some(code), true, CheckoutState::Open) = (code, is_bound, visit.state()) else { return page::home(&visit) };
    let reply = match exchange(deps, &visit, &code).await {
        Ok(Some(openid)) => {
            let choice = Choice { channel: Channel::WxJsapi, openid: Some(openid.as_str().to_owned()) };
            pay::charge_and_hand_over(deps, request, &visit, choice).await
        }
        Ok(None) => page::home(&visit),
        Err(error) => pay::refused(deps, &visit, &error),
    };
    // The code is spent. A reload begins anew.
    with_nonce(deps, &visit, reply, "", 0)
}

/// Whose code it is. `None` if the code is spent: the payer may begin again.
async fn exchange(deps: &Deps, visit: &Visit<'_>, code: &str) -> Result<Option<Openid>, ApiError> {
    let (services, mode) = (deps.services(), visit.claims.key.mode);
    let account = AccountInUse::find(&services.apps, &visit.configured, Channel::WxJsapi, mode)?;
    let Some(oauth) = account.account().and_then(Account::oauth) else { return Ok(None) };
    let outbound = &deps.charging.outbound;
    let answer = services.ask_provider(outbound, Channel::WxJsapi, oauth.exchange(code)?, BOUNDS).await?;
    match oauth.read_exchange(&answer) {
        Ok(openid) => Ok(Some(openid)),
        Err(error) if Oauth::is_spent(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn nonce_of(request: &Request) -> Option<&str> {
    find_cookie(request.headers(), NONCE).filter(|nonce| !nonce.is_empty())
}

fn with_nonce(deps: &Deps, visit: &Visit<'_>, mut reply: Reply, nonce: &str, seconds: u32) -> Reply {
    let secure = if deps.services().config.public_url.starts_with("https:") { "; Secure" } else { "" };
    let path = visit.home();
    let cookie = format!("{NONCE}={nonce}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        reply.headers_mut().insert(SET_COOKIE, cookie);
    }
    reply
}
