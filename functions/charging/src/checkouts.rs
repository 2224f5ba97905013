//! Makes a checkout, or finds the one that the bill has. A merchant's call does it, and an operator who makes a payment link.
//!
//! A bill has one checkout, and one address until its end. The server may name its content anew; then the address stays, and orders with
//! the old content are given up. A client's call changes nothing that is there.

use std::sync::Arc;

use domain::{
    App, Author, BillPayments, Channel, Checkout, CheckoutClaims, CheckoutKey, CheckoutRequest, CheckoutState,
    CheckoutToken, Mode, Timestamp, Transaction, WebUrl, latest_of_server,
};
use runtime::{ApiError, BillError, ConfiguredApp, Services};
use store::{CheckoutBill, Store, StoreError};
use tracing::info;

/// How often a checkout is decided again because another caller made or changed it at the same time.
const ROUNDS_MAX: u32 = 5;

/// A checkout to be made: for whom, by whom, and what.
#[derive(Clone, Debug)]
pub struct CheckoutOrder<'a> {
    /// The app whose bill it is.
    pub configured: &'a Arc<ConfiguredApp>,
    /// Real money or not.
    pub mode: Mode,
    /// Whose price it is.
    pub author: Author,
    /// The channels that may be offered. An empty list allows all.
    pub channels: Vec<Channel>,
    /// What is asked for.
    pub request: CheckoutRequest,
    /// The time.
    pub now: Timestamp,
}

/// A checkout with the address of its page.
#[derive(Clone, Debug)]
pub struct MadeCheckout {
    /// The checkout.
    pub checkout: Checkout,
    /// The address.
    pub url: WebUrl,
}

/// Makes a checkout, or finds the one that the bill has.
///
/// # Errors
/// [`ApiError::Bill`] if the bill is paid, or a client names another price than the server. Otherwise the storage failed.
pub async fn make_checkout(services: &Services, order: &CheckoutOrder<'_>) -> Result<MadeCheckout, ApiError> {
    let checkout = keep(services, order).await?;
    let url = checkout_url(&services.config.public_url, &order.configured.app, &checkout)?;
    info!(app.id = %checkout.key.app, bill.num = %checkout.key.bill, "a checkout of bill {} is open", checkout.key.bill);
    Ok(MadeCheckout { checkout, url })
}

/// The address of a checkout's page.
///
/// # Errors
/// [`BillError::NumberTooLong`]: providers take no longer address to come back to.
pub fn checkout_url(public_url: &str, app: &App, checkout: &Checkout) -> Result<WebUrl, ApiError> {
    let Checkout { key, expires_at, .. } = checkout;
    let claims = CheckoutClaims { key: key.clone(), expires_at: *expires_at };
    let token = CheckoutToken::issue(&claims, &app.keys(key.mode).master.current);
    let url = format!("{public_url}/pay/{}", token.as_str());
    let too_long = BillError::NumberTooLong { chars: url.len(), max: WebUrl::CHARS_MAX };
    Ok(WebUrl::parse(&url).ok_or(too_long)?)
}

async fn keep(services: &Services, asked: &CheckoutOrder<'_>) -> Result<Checkout, ApiError> {
    let (app, mode, store) = (&asked.configured.app, asked.mode, &services.store);
    for _ in 0..ROUNDS_MAX {
        let CheckoutBill { kept, tries } = store.load_checkout_bill(&app.id, mode, &asked.request.bill).await?;
        let before = kept.as_ref().map(|kept| kept.revision);
        let current = kept.map(|kept| kept.checkout).filter(|checkout| checkout.expires_at > asked.now);
        let wanted = wanted(asked, current.as_ref());
        checkout_url(&services.config.public_url, app, &wanted)?;
        if let Decision::Keep = decide(asked, &wanted, current.as_ref(), &tries)?
            && let Some(current) = current
        {
            return Ok(current);
        }
        if store.keep_checkout(&wanted, before).await? {
            give_up_outdated(store, &wanted, &tries, asked.now).await?;
            return Ok(wanted);
        }
    }
    let what = format!("checkout of bill {}", asked.request.bill);
    Err(StoreError::Contended { what, tries: ROUNDS_MAX }.into())
}

/// What is asked for, with the end of the checkout that there is: the address names it.
fn wanted(asked: &CheckoutOrder<'_>, current: Option<&Checkout>) -> Checkout {
    let CheckoutRequest { bill, fee, subject, extras, return_url, cancel_url, time_to_live, locale } = &asked.request;
    let ends_at = asked.now.plus(*time_to_live);
    let whole_seconds = Timestamp::clamped(ends_at.seconds() * 1000);
    Checkout {
        key: CheckoutKey { app: asked.configured.app.id.clone(), mode: asked.mode, bill: bill.clone() },
        fee: *fee,
        subject: subject.clone(),
        extras: extras.clone(),
        return_url: return_url.clone(),
        cancel_url: cancel_url.clone(),
        channels: asked.channels.clone(),
        locale: *locale,
        author: asked.author,
        named_at: asked.now,
        expires_at: current.map_or(whole_seconds, |current| current.expires_at),
    }
}

/// What becomes of a call.
enum Decision {
    /// The checkout stays as it is.
    Keep,
    /// The content that is asked for is written.
    Write,
}

fn decide(
    asked: &CheckoutOrder<'_>,
    wanted: &Checkout,
    current: Option<&Checkout>,
    tries: &[Transaction],
) -> Result<Decision, BillError> {
    let bill = || wanted.key.bill.to_string();
    let is_payment = |paid: &&&Transaction| paid.author == Author::Server || wanted.is_paid_by(paid);
    if let Some(paid) = BillPayments::of(tries).counted.iter().find(is_payment) {
        return Err(BillError::Paid { bill: bill(), paid_on: paid.key.channel, transaction: paid.id.to_string() });
    }
    match asked.author {
        Author::Server => {
            let is_as_wanted = |current: &Checkout| {
                current.is_same_offer(wanted) && current.state(tries, asked.now) == CheckoutState::Open
            };
            Ok(if current.is_some_and(is_as_wanted) { Decision::Keep } else { Decision::Write })
        }
        Author::Client => {
            let server = latest_of_server(tries).map(|server| (server.fee, &server.subject));
            let bound = current.map(|current| (current.fee, &current.subject));
            for (fee, subject) in server.into_iter().chain(bound) {
                if fee != wanted.fee {
                    let (expected, found) = (fee.get(), wanted.fee.get());
                    return Err(BillError::OtherFee { bill: bill(), expected, found });
                }
                if *subject != wanted.subject {
                    return Err(BillError::OtherSubject { bill: bill() });
                }
            }
            Ok(if current.is_some() { Decision::Keep } else { Decision::Write })
        }
    }
}

/// Gives up the open orders whose price or subject is not that of the server's checkout. A visitor's charge does it, too: the function may
/// stop before this.
///
/// # Errors
/// The storage failed.
pub async fn give_up_outdated(
    store: &Store,
    checkout: &Checkout,
    tries: &[Transaction],
    now: Timestamp,
) -> Result<(), StoreError> {
    if checkout.author == Author::Server {
        for outdated in checkout.outdated(tries) {
            // If it is paid, closed or replaced by now, the next look at the bill sees that.
            store.supersede(outdated, now).await?;
        }
    }
    Ok(())
}
