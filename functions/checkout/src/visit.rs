//! Opens a checkout for a visitor, by the token in its address.

use std::sync::Arc;

use domain::{
    Author, Bill, Checkout, CheckoutClaims, CheckoutLocale, CheckoutLook, CheckoutState, CheckoutToken, Timestamp,
};
use http::header::ACCEPT_LANGUAGE;
use runtime::{ApiError, ConfiguredApp, Request};
use settlement::{TryFacts, glance};

use crate::{Deps, offers::Place};

/// How fresh the bill must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// As it was a moment ago, without how the page looks: for a page that waits.
    State,
    /// As it was a moment ago: for what is only shown.
    Glance,
    /// As it is now: before a charge.
    Now,
}

/// What a visitor sees of a checkout.
pub(crate) struct Visit<'a> {
    pub(crate) token: &'a str,
    pub(crate) configured: Arc<ConfiguredApp>,
    pub(crate) claims: CheckoutClaims,
    /// `None` once it is gone, or another one took its place after its end.
    pub(crate) checkout: Option<Checkout>,
    pub(crate) bill: Bill,
    /// How the page looks.
    pub(crate) look: CheckoutLook,
    pub(crate) place: Place,
    pub(crate) locale: CheckoutLocale,
    pub(crate) now: Timestamp,
}

/// The visitor's own language, where the checkout names none: Chinese unless the browser prefers English.
pub(crate) fn locale_of(request: &Request) -> CheckoutLocale {
    let accepted = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = accepted.split([',', ';']).next().unwrap_or_default().trim();
    if first.is_empty() || first == "*" || first.starts_with("zh") { CheckoutLocale::Zh } else { CheckoutLocale::En }
}

impl<'a> Visit<'a> {
    /// Opens the checkout of a token. `None` if the token is not genuine: a visitor learns nothing else.
    ///
    /// # Errors
    /// [`ApiError`]: the storage failed.
    async fn open(deps: &Deps, request: &Request, token: &'a str, look: Look) -> Result<Option<Self>, ApiError> {
        let now = deps.services().clock.now();
        let Some(Verified { configured, claims }) = verify(deps, token, now).await? else { return Ok(None) };
        let bill = load(deps, &claims, look).await?;
        let checkout = bill.checkout.clone().filter(|checkout| checkout.expires_at == claims.expires_at);
        let locale = checkout.as_ref().and_then(|checkout| checkout.locale).unwrap_or_else(|| locale_of(request));
        let place = Place::of(request.headers());
        let look = match look {
            Look::State => CheckoutLook::default(),
            Look::Glance | Look::Now => deps.services().store.glance_at_checkout_look(&claims.key.app).await?,
        };
        Ok(Some(Self { token, configured, claims, checkout, bill, look, place, locale, now }))
    }

    /// Opens the checkout of a token. While it is open, the providers of tries that are silent for a while are asked, each at most once in fifteen seconds.
    ///
    /// # Errors
    /// [`ApiError`]: the storage failed.
    pub(crate) async fn open_and_ask(
        deps: &Deps,
        request: &Request,
        token: &'a str,
        look: Look,
    ) -> Result<Option<Self>, ApiError> {
        let Some(mut visit) = Self::open(deps, request, token, look).await? else { return Ok(None) };
        if visit.state() != CheckoutState::Open {
            return Ok(Some(visit));
        }
        let silent = deps.recent.silent(&visit.bill.tries, TryFacts::of, visit.now);
        if !silent.is_empty() && glance(&deps.settlement, &visit.configured, &silent).await {
            visit.bill = load(deps, &visit.claims, Look::Now).await?;
        }
        Ok(Some(visit))
    }

    /// Where the checkout stands.
    pub(crate) fn state(&self) -> CheckoutState<'_> {
        match &self.checkout {
            Some(checkout) => checkout.state(&self.bill, self.now),
            None => CheckoutState::Expired,
        }
    }

    /// The path of its page.
    pub(crate) fn home(&self) -> String {
        format!("/pay/{}", self.token)
    }

    /// The whole address of its page.
    pub(crate) fn address(&self, deps: &Deps) -> String {
        format!("{}{}", deps.services().config.public_url, self.home())
    }

    /// Whether the merchant's server made it. The client key is public, so a browser is not sent by itself to an address that a client named.
    pub(crate) fn is_of_server(&self) -> bool {
        self.checkout.as_ref().is_some_and(|checkout| checkout.author == Author::Server)
    }
}

/// What a genuine token names.
pub(crate) struct Verified {
    pub(crate) configured: Arc<ConfiguredApp>,
    pub(crate) claims: CheckoutClaims,
}

/// Verifies a token. `None` if it is not genuine.
///
/// # Errors
/// [`ApiError`]: the storage failed.
pub(crate) async fn verify(deps: &Deps, token: &str, now: Timestamp) -> Result<Option<Verified>, ApiError> {
    let Some(app) = CheckoutToken::app_named_by(token) else { return Ok(None) };
    let Some(configured) = deps.services().apps.find(&app, now).await? else { return Ok(None) };
    let claims = CheckoutToken::verify(token, &configured.app, now).ok();
    Ok(claims.map(|claims| Verified { configured, claims }))
}

async fn load(deps: &Deps, claims: &CheckoutClaims, look: Look) -> Result<Bill, ApiError> {
    let (store, key) = (&deps.services().store, &claims.key);
    Ok(match look {
        Look::State | Look::Glance => store.glance_at_bill(&key.app, key.mode, &key.bill).await?,
        Look::Now => store.load_bill(&key.app, key.mode, &key.bill).await?,
    })
}
