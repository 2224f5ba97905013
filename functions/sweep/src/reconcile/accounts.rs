//! Every account that has books, and which of them are in one bill.

use domain::{AppId, Channel, Mode, Shards, Tab, Timestamp};
use runtime::{ConfiguredApp, error_chain};
use tracing::warn;

use super::name;
use crate::Deps;

/// A hundred apps each. By the end of the last one the next day has come.
const APP_PAGES_MAX: usize = 100;

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
    let (mut holdings, mut failed) = (Vec::new(), 0);
    let mut after: Option<AppId> = None;
    for _ in 0..APP_PAGES_MAX {
        let (apps, next) = match deps.base.store.list_apps(after.as_ref()).await {
            Ok(page) => page,
            Err(error) => {
                warn!("a reconciliation does not know all apps: {}", error_chain(&error));
                failed += 1;
                break;
            }
        };
        for app in apps {
            match deps.base.apps.find(&app.id, now).await {
                Ok(found) => holdings.extend(found.iter().flat_map(|configured| of_app(deps, configured))),
                Err(error) => {
                    warn!(app.id = %app.id, "an app is not compared: {}", error_chain(&error));
                    failed += 1;
                }
            }
        }
        let Some(next) = next else { break };
        after = Some(next);
    }
    (holdings, failed)
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
