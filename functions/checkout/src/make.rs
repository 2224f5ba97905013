//! `POST /2.0/maxpay/checkout`: makes a checkout, or finds the one that the bill has. The flow is that of `charging`.

use charging::{CheckoutOrder, MadeCheckout, can_offer_anything, make_checkout};
use domain::{Author, CheckoutForm};
use runtime::{ApiError, CredentialsError, Reply, Request, Role, authenticate, json_body, success};
use serde::Serialize;

use crate::{Deps, qr};

#[derive(Serialize)]
struct Made<'a> {
    url: &'a str,
    qr: String,
    #[serde(rename = "expiresAt")]
    expires_at: i64,
}

pub(crate) async fn make(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let services = deps.services();
    let now = services.clock.now();
    let caller = authenticate(request.headers(), &services.apps, now).await?;
    let author = match caller.role {
        Role::Master => Author::Server,
        Role::Client if caller.app().clients_name_prices => Author::Client,
        Role::Client => return Err(CredentialsError::MasterNeeded.into()),
    };
    let form = CheckoutForm::parse(json_body(request)?)?;
    let channels = form.channels()?;
    if !can_offer_anything(&services.apps, &caller.configured, caller.mode, &channels) {
        return Err(ApiError::NothingToOffer { mode: caller.mode });
    }
    let (configured, mode, request) = (&caller.configured, caller.mode, form.read()?);
    if author == Author::Client {
        deps.charging.client_counts.admit(services, configured, mode, now).await?;
    }
    let order = CheckoutOrder { configured, mode, author, channels, request, now };
    let MadeCheckout { checkout, url } = make_checkout(services, &order).await?;
    let qr = qr::draw(url.as_str())?.to_svg();
    Ok(success(&Made { url: url.as_str(), qr, expires_at: checkout.expires_at.ms() }))
}
