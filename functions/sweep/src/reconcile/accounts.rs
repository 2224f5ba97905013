//! Every account that has books, and which of them are in one bill.

use domain::{AppId, Channel, Mode, Shards, Tab, Timestamp};
use runtime::{ConfiguredApp, error_chain};
use tracing::warn;

use super::name;
use crate::{Deps, apps::Apps};

/// An account of an app.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub(super) app: AppId,
    pub(super) mode: Mode,
    pub(super) tab: Tab,
    /// The channels of the tab; there is at least one.
    pub(super) channels: Vec<Channel>,
    /// How the app's transactions are spread.
    pub(super) shards: Shards,
    first: Channel,
    /// See [`providers::Account::bill_names`].
    names: Vec<String>,
}

impl Holding {
    /// One of its channels.
    pub(super) fn channel(&self) -> Channel {
        self.first
    }

    /// Whether another's orders are in the same bill.
    pub(super) fn shares_with(&self, other: &Self) -> bool {
        let is_another = (&self.app, self.mode, self.tab) != (&other.app, other.mode, other.tab);
        is_another && self.names.iter().any(|name| other.names.contains(name))
    }
}

/// The accounts of all apps, and how many apps could not be read.
pub(super) async fn find_holdings(deps: &Deps, now: Timestamp) -> (Vec<Holding>, usize) {
    let (mut holdings, mut apps) = (Vec::new(), Apps::new(deps, now));
    while let Some(configured) = apps.next().await {
        holdings.extend(of_app(deps, &configured));
    }
    (holdings, apps.failed())
}

/// Without those that have no bill of their own and are in nobody else's. One whose settings cannot be used is there, because its day
/// is to be seen as not compared.
fn of_app(deps: &Deps, configured: &ConfiguredApp) -> Vec<Holding> {
    let mut holdings = Vec::new();
    for (mode, (tab, _)) in Mode::ALL.into_iter().flat_map(|mode| Tab::ALL.into_iter().map(move |tab| (mode, tab))) {
        let app = configured.app.id.clone();
        let channels: Vec<Channel> =
            configured.channels_ever(mode).into_iter().filter(|channel| channel.tab() == tab).collect();
        let Some(first) = channels.first().copied() else { continue };
        let names = match deps.base.apps.account(configured, first, mode) {
            None => continue,
            Some(Ok(account)) => account.bill_names(),
            Some(Err(error)) => {
                warn!(app.id = %app, "no account for {}: {}", name((&app, mode, tab)), error_chain(&error));
                Vec::new()
            }
        };
        holdings.push(Holding { app, mode, tab, channels, shards: configured.app.shards.clone(), first, names });
    }
    holdings
}
