//! Once a day, when the providers have made their bills of the day before: fetches them, compares them with our books, and keeps
//! what differs. A day is owed until it was compared (`owed.rs`); what was found is kept once.
//!
//! Memory is bounded whatever the length of a bill and of our books. In it are the packed file (some dozen bytes a line), one window
//! of the bill's lines ([`LINES_AT_ONCE`]), one page of our books, and as many of our payments that no bill listed yet. A longer bill is
//! unpacked once for each window.

mod accounts;
mod bill;
mod doubt;
mod findings;
mod owed;
mod payments;
mod refunds;

use std::{sync::Arc, time::Duration};

use domain::{AppId, Channel, Day, Mode, Shard, Status, Tab, Timestamp};
use providers::{Account, MessageProblem, ProviderError};
use runtime::{ApiError, ConfiguredApp, error_chain};
use serde::Serialize;
use store::{BooksCursor, BooksRange, DayKey, Reconciled, Shelf, StoreError};
use tracing::{info, warn};

use crate::Deps;
use accounts::{Holding, Usage, find_holdings};
use doubt::Doubt;
use findings::Findings;
use owed::{Debt, Line, Paid, find_debts};

/// Lines of a bill, and payments of ours, that are in memory at once: together about 15 MB.
const LINES_AT_ONCE: usize = 32_768;

/// Questions that are asked of the store at once.
const LOOKED_UP_AT_ONCE: usize = 8;

/// A run begins no comparison after this time: the function may take 900 seconds, and one comparison some minutes.
const RUN_MAX: Duration = Duration::from_secs(600);

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The days of accounts that were compared.
    pub accounts: usize,
    /// What differed, also beyond what is kept.
    pub differences: usize,
    /// The days whose bill could not be had, or read, and the accounts that could not be looked at: the next run goes on with them.
    pub failed: usize,
}

/// Compares the days that are owed, for every account of every app: those that were never tried first, the oldest of them before the others.
/// A day that cannot be compared goes to the end of the line, so that it stops nobody.
pub async fn reconcile(deps: &Deps) -> Compared {
    let now = deps.base.clock.now();
    let (holdings, failed) = find_holdings(deps, now).await;
    let mut compared = Compared { failed, ..Compared::default() };
    let mut debts = Vec::new();
    for holding in &holdings {
        match find_debts(deps, holding, now).await {
            Ok(found) => debts.extend(found),
            Err(error) => {
                let Holding { app, tab, .. } = holding;
                warn!(app.id = %app, tab = %tab, "it is not known which days are owed: {}", error_chain(&error));
                compared.failed += 1;
            }
        }
    }
    debts.sort_by_key(Debt::place);
    let mut line = Line::default();
    for debt in &debts {
        if now.distance(deps.base.clock.now()) >= RUN_MAX {
            break;
        }
        if line.leaves_alone(debt) {
            continue;
        }
        let outcome = Box::pin(Books::new(deps, &holdings, debt).pay(&debt.owed)).await;
        line.note(debt, outcome == Paid::Failed);
        compared.add(outcome);
    }
    let Compared { accounts, differences, failed } = compared;
    info!(accounts, differences, failed, "compared {accounts} days of accounts: {differences} differences");
    compared
}

/// Compares days that people asked for, however old they are. How many were looked at.
pub(crate) async fn compare_asked(deps: &Deps, asked: &[DayKey]) -> usize {
    if asked.is_empty() {
        return 0;
    }
    let now = deps.base.clock.now();
    let (holdings, _) = find_holdings(deps, now).await;
    let mut looked = 0;
    for key in asked {
        if now.distance(deps.base.clock.now()) >= RUN_MAX {
            break;
        }
        match Box::pin(owed::compare_one(deps, &holdings, key, now)).await {
            Ok(()) => looked += 1,
            Err(error) => warn!(app.id = %key.account.app, "a day that was asked for is left: {}", error_chain(&error)),
        }
    }
    looked
}

impl Compared {
    fn add(&mut self, outcome: Paid) {
        match outcome {
            Paid::Compared(differences) => {
                self.accounts += 1;
                self.differences += differences;
            }
            Paid::Failed => self.failed += 1,
            Paid::ByAnother => {}
        }
    }
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

impl<'a> Books<'a> {
    fn new(deps: &'a Deps, holdings: &'a [Holding], debt: &'a Debt<'_>) -> Self {
        let (holding, day) = (debt.holding, &debt.day);
        let others = holdings.iter().filter(|other| holding.shares_with(other)).collect();
        let neighbours = holdings.iter().filter(|other| holding.shares_file_with(other)).collect();
        Self { deps, holding, others, neighbours, day, now: deps.base.clock.now() }
    }

    /// What came of the day. What differs is kept by then.
    async fn compare(&self) -> Result<Reconciled, ApiError> {
        let (store, Holding { app, mode, tab, number, .. }) = (&self.deps.base.store, self.holding);
        let Some((_, account)) = self.open().await? else {
            return Err(ApiError::Retired { channel: self.holding.key().channel, mode: *mode, number: *number });
        };
        let bill = self.fetch(self.day).await?;
        if bill.is_nothing() && self.may_still_come(&account).await? {
            return Err(ProviderError::from(MessageProblem::BillNotYet).into());
        }
        let mut findings = Findings::new(
            store,
            (app, *mode),
            ((*tab, *number), self.day),
            account.doubts_bill().then(|| Doubt::about(self)),
        );
        let lines = self.compare_payments(&account, &bill, &mut findings).await?;
        self.compare_refunds(&account, &bill, &mut findings).await?;
        let (found, kept) = findings.finish().await?;
        let counted = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Reconciled {
            tab: *tab,
            account: *number,
            day: self.day.clone(),
            done_at: self.now,
            lines,
            differences: counted(found),
            kept: counted(kept),
        })
    }

    /// Whether a bill that is not there may be made later. UnionPay says the same of a day on which nothing happened, so that its word is
    /// taken for that only if nothing is known here, or a day later: no payment that is missing here shows without the file.
    async fn may_still_come(&self, account: &Account) -> Result<bool, StoreError> {
        let is_yesterday = Day::of(self.now).before() == *self.day;
        Ok(account.doubts_bill() && is_yesterday && (self.had_payments().await? || self.had_refunds().await?))
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
