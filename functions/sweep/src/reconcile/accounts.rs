//! The merchant accounts whose days are compared, and which of them share a bill.

use std::{iter, time::Duration};

use domain::{AccountNumber, AppId, Channel, Day, Mode, Shards, Tab, TimeSpan, Timestamp};
use runtime::{AccountKey, ConfiguredApp, error_chain};
use store::OldAccount;
use tracing::warn;

use super::name;
use crate::{Deps, apps::Apps};

/// An account of an app at its provider, whose days are compared.
#[derive(Clone, Debug)]
pub(super) struct MerchantAccount {
    pub(super) app: AppId,
    pub(super) mode: Mode,
    pub(super) tab: Tab,
    /// Which of the accounts that the tab had.
    pub(super) number: AccountNumber,
    pub(super) usage: Usage,
    /// When it began to be used, if that is known.
    pub(super) since: Option<Timestamp>,
    /// The channels of the tab; there is at least one.
    pub(super) channels: Vec<Channel>,
    /// How the app's transactions are spread.
    pub(super) shards: Shards,
    first: Channel,
    bills: Bills,
}

impl MerchantAccount {
    fn is_beside(&self, other: &Self) -> bool {
        (&self.app, self.mode, self.tab) != (&other.app, other.mode, other.tab)
    }

    /// It, among the accounts of its app.
    pub(super) fn key(&self) -> AccountKey {
        AccountKey { channel: self.first, mode: self.mode, number: self.number }
    }

    /// The provider's day.
    pub(super) fn span(&self, day: &Day) -> TimeSpan {
        let early_by = self.bills.end_early_by;
        TimeSpan { start: day.start().minus(early_by), end: day.end().minus(early_by) }
    }

    /// Whether an unreadable line of its bill may be about an order of the other account: of another tab or app.
    pub(super) fn shares_file_with(&self, other: &Self) -> bool {
        self.is_beside(other) && self.bills.merchants.iter().any(|name| other.bills.merchants.contains(name))
    }

    /// Whether the orders of the other account, of another tab or app, are in the same bill.
    pub(super) fn shares_bill_with(&self, other: &Self) -> bool {
        self.is_beside(other) && self.bills.names.iter().any(|name| other.bills.names.contains(name))
    }
}

/// Which bills an account is in.
#[derive(Clone, Debug, Default)]
struct Bills {
    /// See [`providers::Account::bill_names`].
    names: Vec<String>,
    /// See [`providers::Account::bill_merchants`].
    merchants: Vec<String>,
    /// See [`providers::Account::bill_ends_early_by`].
    end_early_by: Duration,
}

/// Whether an account is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// It is, and the tab never had another.
    Only,
    /// It is, and the tab had others.
    Current,
    /// Another took its place then.
    Until(Timestamp),
}

/// The accounts of all apps.
#[derive(Debug, Default)]
pub(super) struct MerchantAccounts {
    pub(super) all: Vec<MerchantAccount>,
    /// How many apps could not be read.
    pub(super) apps_failed: usize,
}

/// Finds the accounts of all apps.
pub(super) async fn find_merchant_accounts(deps: &Deps, now: Timestamp) -> MerchantAccounts {
    let (mut found, mut apps) = (MerchantAccounts::default(), Apps::new(deps, now));
    while let Some(configured) = apps.next().await {
        match deps.services.store.old_accounts(&configured.app.id, None).await {
            Ok(old) => found.all.extend(of_app(deps, &configured, &old, now).await),
            Err(error) => {
                warn!(app.id = %configured.app.id, "an app is left out of this run: {}", error_chain(&error));
                found.apps_failed += 1;
            }
        }
    }
    found.apps_failed += apps.failed();
    found
}

/// The accounts of one app. An account without settings is left out. An account whose settings cannot be used is there: a person has to
/// see that its days are not compared.
async fn of_app(deps: &Deps, configured: &ConfiguredApp, old: &[OldAccount], now: Timestamp) -> Vec<MerchantAccount> {
    let mut merchants = Vec::new();
    let tabs: Vec<(Mode, Tab)> = Mode::ALL.into_iter().flat_map(|mode| Tab::ALL.map(|tab| (mode, tab))).collect();
    for (mode, tab) in tabs {
        let channels: Vec<Channel> =
            configured.channels_ever(mode).into_iter().filter(|channel| channel.tab() == tab).collect();
        let Some(first) = channels.first().copied() else { continue };
        let Some(current) = configured.current(first, mode) else { continue };
        let before: Vec<&OldAccount> = old.iter().filter(|old| (old.tab, old.mode) == (tab, mode)).collect();
        let is_only = current.number == AccountNumber::FIRST && before.is_empty();
        let usage = if is_only { Usage::Only } else { Usage::Current };
        let in_use = (current.number, usage, configured.current_since(first, mode));
        let replaced = before.iter().map(|old| (old.number, Usage::Until(old.replaced_at), old.since));
        for (number, usage, since) in iter::once(in_use).chain(replaced) {
            let Some(bills) = bills(deps, configured, AccountKey { number, ..current }, now).await else { continue };
            let (app, shards) = (configured.app.id.clone(), configured.app.shards.clone());
            merchants.push(MerchantAccount {
                app,
                mode,
                tab,
                number,
                usage,
                since,
                channels: channels.clone(),
                shards,
                first,
                bills,
            });
        }
    }
    merchants
}

/// `None` if its settings were deleted.
async fn bills(deps: &Deps, configured: &ConfiguredApp, key: AccountKey, now: Timestamp) -> Option<Bills> {
    match deps.services.apps.account_of(configured, key, now).await {
        Ok(account) => account.map(|account| Bills {
            names: account.bill_names(),
            merchants: account.bill_merchants(),
            end_early_by: account.bill_ends_early_by(),
        }),
        Err(error) => {
            let app = &configured.app.id;
            let name = name(app, key.mode, key.channel.tab());
            warn!(app.id = %app, "no account {} for {name}: {}", key.number, error_chain(&error));
            Some(Bills::default())
        }
    }
}
