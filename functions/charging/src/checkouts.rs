//! Makes a checkout, or finds the one that the bill has. A merchant's call does it, and an operator who makes a payment link.
//!
//! A bill has one checkout, and one address until its end. The server may name its content anew; then the address stays, and orders with
//! the old content are given up. A client's call gets the server's checkout as it is, and changes nothing in it.

use std::sync::Arc;

use domain::{
    App, Author, Bill, Channel, Checkout, CheckoutClaims, CheckoutKey, CheckoutRequest, CheckoutState, CheckoutToken,
    Mode, Timestamp, Transaction, WebUrl,
};
use runtime::{ApiError, BillError, ConfiguredApp, Services};
use store::{Store, StoreError};
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
        let bill = store.load_bill(&app.id, mode, &asked.request.bill).await?;
        let wanted = wanted(asked, bill.checkout.as_ref());
        checkout_url(&services.config.public_url, app, &wanted)?;
        if let Some(paid) = bill.paid_for(asked.author, wanted.fee) {
            if store.confirm_paid(&bill, asked.author, wanted.fee, asked.now).await? {
                continue;
            }
            return Err(BillError::paid_by(paid).into());
        }
        match decide(asked, &wanted, &bill)? {
            Decision::Keep(current) => {
                // The call that wrote it may have stopped before this.
                give_up_outdated(store, current, &bill.tries, asked.now).await?;
                store.judge_payments(&bill, asked.now).await?;
                return Ok(current.clone());
            }
            Decision::Write if store.keep_checkout(&wanted).await? => {
                // The price judges what clients paid before the write, and the sweep reports what they paid at another one. What is settled
                // from now on sees the price.
                let bill = store.load_judged_bill(&app.id, mode, &asked.request.bill, asked.now).await?;
                give_up_outdated(store, &wanted, &bill.tries, asked.now).await?;
                if let Some(paid) = bill.paid_for(asked.author, wanted.fee) {
                    return Err(BillError::paid_by(paid).into());
                }
                return Ok(wanted);
            }
            Decision::Write => {}
        }
    }
    let what = format!("checkout of bill {}", asked.request.bill);
    Err(StoreError::Contended { what, tries: ROUNDS_MAX }.into())
}

/// What is asked for. A checkout that is open keeps its end, because the address names it; but a client's end does not bind the server.
fn wanted(asked: &CheckoutOrder<'_>, kept: Option<&Checkout>) -> Checkout {
    let CheckoutRequest { bill, fee, subject, extras, return_url, cancel_url, time_to_live, locale } = &asked.request;
    let ends_at = asked.now.plus(*time_to_live);
    let whole_seconds = Timestamp::clamped(ends_at.seconds() * 1000);
    let keeps_end = |kept: &&Checkout| kept.expires_at > asked.now && kept.author == asked.author;
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
        closed_at: None,
        revision: kept.map_or(1, |kept| kept.revision + 1),
        expires_at: kept.filter(keeps_end).map_or(whole_seconds, |open| open.expires_at),
    }
}

/// What becomes of a call for a bill that is not paid.
enum Decision<'a> {
    /// The checkout stays as it is.
    Keep(&'a Checkout),
    /// The content that is asked for is written.
    Write,
}

fn decide<'a>(asked: &CheckoutOrder<'_>, wanted: &Checkout, bill: &'a Bill) -> Result<Decision<'a>, BillError> {
    let num = || wanted.key.bill.to_string();
    let open = bill.checkout.as_ref().filter(|kept| kept.expires_at > asked.now);
    let is_open = |kept: &&Checkout| kept.state(bill, asked.now) == CheckoutState::Open;
    let current = match asked.author {
        Author::Server => open.filter(is_open).filter(|open| open.is_same_offer(wanted)),
        Author::Visitor | Author::Client => {
            let of_server = bill.server_price().map(|price| (price.fee, price.subject));
            let bound = of_server.or_else(|| open.map(|open| (open.fee, &open.subject)));
            if let Some((fee, _)) = bound.filter(|(fee, _)| *fee != wanted.fee) {
                return Err(BillError::OtherFee { bill: num(), expected: fee.get(), found: wanted.fee.get() });
            }
            if bound.is_some_and(|(_, subject)| *subject != wanted.subject) {
                return Err(BillError::OtherSubject { bill: num() });
            }
            match &bill.checkout {
                Some(kept) if kept.closed_at.is_some() => return Err(BillError::CheckoutOver { bill: num() }),
                Some(kept) if kept.author == Author::Server => {
                    if !is_open(&kept) {
                        return Err(BillError::CheckoutOver { bill: num() });
                    }
                    Some(kept)
                }
                Some(_) | None => open.filter(|open| open.fee == wanted.fee && open.subject == wanted.subject),
            }
        }
    };
    Ok(current.map_or(Decision::Write, Decision::Keep))
}

/// Gives up the open orders whose price or subject is not that of the server's checkout. A visitor's charge does it, too: a client may have
/// opened one since.
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
