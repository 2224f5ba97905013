//! Every account that has books, and which of them are in one bill.

use std::{iter, time::Duration};

use domain::{AccountNumber, AppId, Channel, Day, Mode, Shards, Tab, Timestamp};
use runtime::{AccountKey, ConfiguredApp, error_chain};
use store::OldAccount;
use tracing::warn;

use super::name;
use crate::{Deps, apps::Apps};

/// An account of an app.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub(super) app: AppId,
    pub(super) mode: Mode,
    pub(super) tab: Tab,
    /// Which of the accounts that the tab had.
    pub(super) number: AccountNumber,
    pub(super) usage: Usage,
    /// Since when it is or was in use, where that is known.
    pub(super) since: Option<Timestamp>,
    /// The channels of the tab; there is at least one.
    pub(super) channels: Vec<Channel>,
    /// How the app's transactions are spread.
    pub(super) shards: Shards,
    first: Channel,
    bills: Bills,
}

impl Holding {
    fn is_beside(&self, other: &Self) -> bool {
        (&self.app, self.mode, self.tab) != (&other.app, other.mode, other.tab)
    }

    /// Its name among the accounts of the app.
    pub(super) fn key(&self) -> AccountKey {
        AccountKey { channel: self.first, mode: self.mode, number: self.number }
    }

    /// When the provider's day begins and ends.
    pub(super) fn span(&self, day: &Day) -> (Timestamp, Timestamp) {
        (day.start().minus(self.bills.end_early_by), day.end().minus(self.bills.end_early_by))
    }

    /// Whether a line of its bill that cannot be read may be about an order of another tab or app.
    pub(super) fn shares_file_with(&self, other: &Self) -> bool {
        self.is_beside(other) && self.bills.merchants.iter().any(|name| other.bills.merchants.contains(name))
    }

    /// Whether the orders of another tab or app are in the same bill. Those of its own tab are in the same books.
    pub(super) fn shares_with(&self, other: &Self) -> bool {
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

/// The accounts of all apps, and how many apps could not be read.
pub(super) async fn find_holdings(deps: &Deps, now: Timestamp) -> (Vec<Holding>, usize) {
    let (mut holdings, mut apps, mut unread) = (Vec::new(), Apps::new(deps, now), 0);
    while let Some(configured) = apps.next().await {
        match deps.base.store.old_accounts(&configured.app.id, None).await {
            Ok(old) => holdings.extend(of_app(deps, &configured, &old, now).await),
            Err(error) => {
                warn!(app.id = %configured.app.id, "an app is left out of this run: {}", error_chain(&error));
                unread += 1;
            }
        }
    }
    (holdings, apps.failed() + unread)
}

/// Without those that have no bill of their own and are in nobody else's. One whose settings cannot be used is there, because its day
/// is to be seen as not compared.
async fn of_app(deps: &Deps, configured: &ConfiguredApp, old: &[OldAccount], now: Timestamp) -> Vec<Holding> {
    let mut holdings = Vec::new();
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
            holdings.push(Holding {
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
    holdings
}

/// `None` if it has no settings any more.
async fn bills(deps: &Deps, configured: &ConfiguredApp, key: AccountKey, now: Timestamp) -> Option<Bills> {
    match deps.base.apps.account_of(configured, key, now).await {
        Ok(account) => account.map(|account| Bills {
            names: account.bill_names(),
            merchants: account.bill_merchants(),
            end_early_by: account.bill_ends_early_by(),
        }),
        Err(error) => {
            let app = &configured.app.id;
            let name = name((app, key.mode, key.channel.tab()));
            warn!(app.id = %app, "no account {} for {name}: {}", key.number, error_chain(&error));
            Some(Bills::default())
        }
    }
}
