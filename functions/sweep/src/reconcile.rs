//! Once a day, when the providers have made their bills of the day before: fetches them, compares them with our books, and keeps
//! what differs. A day that was not finished is compared again; what was found is kept once.
//!
//! Memory is bounded whatever the length of a bill and of our books. In it are the packed file (some dozen bytes a line), one window
//! of the bill's lines ([`LINES_AT_ONCE`]), one page of our books, and as many of our payments that no bill listed yet. A longer bill is
//! unpacked once for each window.

mod accounts;
mod bill;
mod doubt;
mod findings;
mod payments;
mod refunds;

use std::sync::Arc;

use domain::{AppId, Channel, Day, Mode, Shard, Status, Tab, Timestamp};
use providers::Account;
use runtime::{ApiError, ConfiguredApp, error_chain};
use serde::Serialize;
use store::{BooksCursor, BooksRange, Reconciled, Shelf, StoreError};
use tracing::{info, warn};

use crate::Deps;
use accounts::{Holding, Usage, find_holdings};
use doubt::Doubt;
use findings::Findings;

/// Lines of a bill, and payments of ours, that are in memory at once: together about 15 MB.
const LINES_AT_ONCE: usize = 32_768;

/// Questions that are asked of the store at once.
const LOOKED_UP_AT_ONCE: usize = 8;

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The accounts whose day was compared.
    pub accounts: usize,
    /// What differed, also beyond what is kept.
    pub differences: usize,
    /// The accounts whose bill could not be had, or read: they are compared in the next run.
    pub failed: usize,
}

/// Compares `day`, or yesterday, for every account of every app.
pub async fn reconcile(deps: &Deps, day: Option<Day>) -> Compared {
    let now = deps.base.clock.now();
    let day = day.unwrap_or_else(|| Day::of(now).before());
    let (holdings, failed) = find_holdings(deps, now).await;
    let mut compared = Compared { failed, ..Compared::default() };
    for holding in &holdings {
        let others = holdings.iter().filter(|other| holding.shares_with(other)).collect();
        let neighbours = holdings.iter().filter(|other| holding.shares_file_with(other)).collect();
        let books = Books { deps, holding, others, neighbours, day: &day, now };
        match Box::pin(books.compare()).await {
            Ok(Some(differences)) => {
                compared.accounts += 1;
                compared.differences += differences;
            }
            Ok(None) => {}
            Err(error) => {
                warn!(app.id = %holding.app, tab = %holding.tab, "{day} was not compared: {}", error_chain(&error));
                compared.failed += 1;
            }
        }
    }
    let Compared { accounts, differences, failed } = compared;
    info!(accounts, differences, failed, "compared {accounts} accounts of {day}: {differences} differences");
    compared
}

/// The books of one account for one day.
struct Books<'a> {
    deps: &'a Deps,
    holding: &'a Holding,
    /// Who finds their orders in the same bill.
    others: Vec<&'a Holding>,
    /// Whose orders may stand in a line of the bill that cannot be read.
    neighbours: Vec<&'a Holding>,
    day: &'a Day,
    now: Timestamp,
}

impl Books<'_> {
    /// How many differences there are. `None` if there is nothing to compare: the day was compared before, or the account's protocol
    /// has no bill.
    async fn compare(&self) -> Result<Option<usize>, ApiError> {
        let (store, Holding { app, mode, tab, number, .. }) = (&self.deps.base.store, self.holding);
        let whose = (*tab, *number);
        let Some((_, account)) = self.open().await? else { return Ok(None) };
        if account.bill_reader().is_none() || store.is_reconciled(app, *mode, (whose, self.day)).await? {
            return Ok(None);
        }
        if !self.had_business().await? {
            return Ok(None);
        }
        let bill = self.fetch(self.day).await?;
        let mut findings =
            Findings::new(store, (app, *mode), (whose, self.day), account.doubts_bill().then(|| Doubt::about(self)));
        let lines = self.compare_payments(&account, &bill, &mut findings).await?;
        self.compare_refunds(&account, &bill, &mut findings).await?;
        let (found, kept) = findings.finish().await?;
        let counted = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let (differences, kept) = (counted(found), counted(kept));
        let done = Reconciled {
            tab: *tab,
            account: *number,
            day: self.day.clone(),
            done_at: self.now,
            lines,
            differences,
            kept,
        };
        store.keep_reconciled(app, *mode, &done).await?;
        Ok(Some(found))
    }

    /// Whether the account took or gave back any money on this day; the one that is in use may always have.
    async fn had_business(&self) -> Result<bool, StoreError> {
        let Usage::Until(replaced_at) = self.holding.usage else { return Ok(true) };
        if self.span().0 <= replaced_at.plus(payments::CHARGED_BEFORE) && self.had_payments().await? {
            return Ok(true);
        }
        self.had_refunds().await
    }

    /// When the provider's day begins and ends.
    fn span(&self) -> (Timestamp, Timestamp) {
        self.holding.span(self.day)
    }

    async fn open(&self) -> Result<Option<(Arc<ConfiguredApp>, Arc<Account>)>, ApiError> {
        let apps = &self.deps.base.apps;
        let Some(configured) = apps.find(&self.holding.app, self.now).await? else { return Ok(None) };
        let account = apps.account_of(&configured, self.holding.key(), self.now).await?;
        Ok(account.map(|account| (configured, account)))
    }
}

/// Reads the books of a holding in some statuses, page by page.
struct Pages<'a> {
    deps: &'a Deps,
    holding: &'a Holding,
    range: BooksRange,
    shelves: Vec<(Channel, Status, Shard)>,
    from: Option<BooksCursor>,
}

impl<'a> Pages<'a> {
    /// The statuses are read one after the other, in this order.
    fn new(deps: &'a Deps, holding: &'a Holding, statuses: &[Status], range: BooksRange) -> Self {
        let shards: Vec<Shard> = holding.shards.all().collect();
        let of = |channel, status| shards.iter().map(move |shard| (channel, status, *shard));
        let shelf = |channel: &Channel| statuses.iter().flat_map(|status| of(*channel, *status)).collect::<Vec<_>>();
        // Taken from the end.
        let shelves = holding.channels.iter().flat_map(shelf).rev().collect();
        Self { deps, holding, range, shelves, from: None }
    }

    /// The next page; `None` behind the last. A page may be empty. It ends, because each page begins behind the one before.
    async fn next(&mut self) -> Result<Option<Vec<domain::Record>>, StoreError> {
        let Some((channel, status, shard)) = self.shelves.last().copied() else { return Ok(None) };
        let shelf = Shelf { app: &self.holding.app, mode: self.holding.mode, channel, status, shard };
        let (records, next) = self.deps.base.store.books(&shelf, &self.range, self.from.take()).await?;
        self.from = next;
        if self.from.is_none() {
            self.shelves.pop();
        }
        Ok(Some(records))
    }
}

/// For a log.
fn name((app, mode, tab): (&AppId, Mode, Tab)) -> String {
    format!("{tab} of {app}, {mode}")
}
