//! The flow of a charge. The functions that charge share it: `charge` for a merchant's call, `checkout` for a visitor of its page. The flow
//! that makes a checkout is here, too (`checkouts.rs`), because `admin` makes payment links.
//!
//! A charge has up to three steps. It continues an open try of its bill, or reserves a new one (`tries.rs`). It asks the provider for
//! payment parameters. If the provider already has the order, it recovers the token that a lost answer had (`begin.rs`).
//!
//! The reservation comes before the call to the provider. If the function stops between the two, a pending record is left, and the same
//! charge made again takes it up. An unclear answer of the provider leaves the bill pending, never failed.
//!
//! It authenticates nobody and reads no request: the functions say who charges, and what.

mod begin;
mod checkouts;
mod client_bound;
mod offered;
mod tries;

use std::sync::Arc;

use domain::{ApiCode, Author, Channel, ChargeRequest, Charging, Mode, PayerAddress};
use outbound::Outbound;
use providers::{Account, Moment, SettingsError};
use runtime::{AccountKey, ApiError, Apps, ConfiguredApp, PaymentOutcome, Services};
use tracing::info;

use crate::begin::begin;
pub use crate::{
    begin::Begun,
    checkouts::{CheckoutOrder, MadeCheckout, checkout_url, give_up_outdated, make_checkout},
    client_bound::ClientCounts,
    offered::{OFFERED, can_offer, can_offer_anything},
};

/// What a charge needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Configuration, store, apps and clock.
    pub services: Services,
    /// The way to the providers.
    pub outbound: Outbound,
    /// How much the public keys of apps did.
    pub client_counts: ClientCounts,
}

/// The account that a channel uses for what is charged from now on. A key in its settings that cannot be used is an error when the charge
/// is made, after everything that is wrong with the charge itself.
#[derive(Debug)]
pub struct AccountInUse {
    key: AccountKey,
    account: Result<Arc<Account>, SettingsError>,
}

impl AccountInUse {
    /// Finds the account of a channel.
    ///
    /// # Errors
    /// [`ApiError::NotConfigured`] if there are no settings for the channel.
    pub fn find(apps: &Apps, configured: &ConfiguredApp, channel: Channel, mode: Mode) -> Result<Self, ApiError> {
        let found = configured.current(channel, mode).zip(apps.account(configured, channel, mode));
        let (key, account) = found.ok_or(ApiError::NotConfigured { channel, mode })?;
        Ok(Self { key, account })
    }

    /// The account; `None` if a key in its settings cannot be used.
    pub fn account(&self) -> Option<&Account> {
        self.account.as_deref().ok()
    }
}

/// A charge to be made: for whom, by whom, and what.
#[derive(Clone, Copy, Debug)]
pub struct ChargeOrder<'a> {
    /// The app whose bill it is.
    pub configured: &'a Arc<ConfiguredApp>,
    /// Real money or not.
    pub mode: Mode,
    /// Who charges: whose price it is, and what is bounded.
    pub author: Author,
    /// The revision of the checkout that a visitor saw.
    pub offer: Option<i64>,
    /// What is charged.
    pub charge: &'a ChargeRequest,
    /// The address of the caller's device, if it is known.
    pub caller_ip: Option<PayerAddress>,
}

/// Makes a charge: finds or reserves its try, and gets its payment parameters.
///
/// # Errors
/// [`ApiError`]: the charge is not allowed, cannot be built, or the provider gave no clear answer.
pub async fn charge(deps: &Deps, account: AccountInUse, order: &ChargeOrder<'_>) -> Result<Begun, ApiError> {
    let ChargeOrder { configured, mode, author, offer, charge, caller_ip } = *order;
    let now = deps.services.clock.now();
    if author != Author::Server {
        deps.client_counts.admit(&deps.services, configured, mode, now).await?;
    }
    let AccountInUse { key, account } = account;
    let account = account?;
    let moment = Moment { now, nonce: deps.services.random.nonce()? };
    let (channel, clients_name_prices) = (charge.channel, configured.app.clients_name_prices);
    let charging = Charging { author, offer, channel, account: key.number, clients_name_prices, now };
    let context = ChargeContext { configured, mode, charging, charge, key, account: &account, caller_ip, moment };
    let begun = begin(deps, &context).await;
    match &begun {
        Ok(_) => deps.services.metrics.payment(channel, PaymentOutcome::Charged),
        Err(error) if error.code() == ApiCode::ChannelError => {
            deps.services.metrics.payment(channel, PaymentOutcome::Refused);
        }
        Err(_) => {}
    }
    let begun = begun?;
    info!(
        app.id = %configured.app.id, bill.num = %charge.bill, tx.id = %begun.transaction.id, %channel,
        "charged bill {} on {channel}", charge.bill
    );
    Ok(begun)
}

/// One charge: what is charged, by whom, on which account, and when.
struct ChargeContext<'a> {
    configured: &'a Arc<ConfiguredApp>,
    mode: Mode,
    charging: Charging,
    charge: &'a ChargeRequest,
    key: AccountKey,
    account: &'a Account,
    caller_ip: Option<PayerAddress>,
    moment: Moment,
}
