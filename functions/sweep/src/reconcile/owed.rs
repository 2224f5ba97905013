//! What is owed: each day of an account from when it was configured on, until it was compared.
//!
//! The days since the last run are written down first, so that a run that did not happen is made up for, and a day on which an account had
//! nothing to compare is not looked at again. A day is claimed before it is compared: of two runs one does it. Killed anywhere, a run leaves
//! the day owed.

use std::collections::HashMap;

use domain::{Day, IncidentKind, Sentence, Timestamp};
use runtime::error_chain;
use settlement::Found;
use store::{AccountDays, DayKey, OwedDay, Store, StoreError};
use tracing::{error, warn};

use super::{Books, accounts::Holding};
use crate::Deps;

/// After so many failures in a row the other days of an account are left for the next run.
const FAILURES_MAX: u32 = 3;

/// A day that an account owes.
#[derive(Clone, Debug)]
pub(super) struct Debt<'a> {
    pub(super) holding: &'a Holding,
    pub(super) day: Day,
    pub(super) owed: OwedDay,
}

impl Debt<'_> {
    /// Its place in the line: never tried, the oldest first; then by when it was tried last.
    pub(super) fn place(&self) -> (Option<Timestamp>, Day) {
        (self.owed.tried_at, self.day.clone())
    }
}

/// What came of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paid {
    /// It was compared; so many differences.
    Compared(usize),
    /// It could not be.
    Failed,
    /// Another run does it, or did.
    ByAnother,
}

/// Whom a run leaves alone.
#[derive(Debug, Default)]
pub(super) struct Line {
    failures: HashMap<AccountDays, u32>,
}

impl Line {
    pub(super) fn leaves_alone(&self, debt: &Debt<'_>) -> bool {
        self.failures.get(&debt.holding.days()).is_some_and(|failures| *failures >= FAILURES_MAX)
    }

    pub(super) fn note(&mut self, debt: &Debt<'_>, failed: bool) {
        let failures = self.failures.entry(debt.holding.days()).or_default();
        *failures = if failed { *failures + 1 } else { 0 };
    }
}

impl Holding {
    /// Whose days they are.
    pub(super) fn days(&self) -> AccountDays {
        AccountDays { app: self.app.clone(), mode: self.mode, tab: self.tab, number: self.number }
    }
}

/// Writes down which days of an account are owed by now, and answers those.
pub(super) async fn find_debts<'a>(
    deps: &Deps,
    holding: &'a Holding,
    now: Timestamp,
) -> Result<Vec<Debt<'a>>, StoreError> {
    let (store, account, days) = (&deps.base.store, holding.days(), Day::asked_at(now));
    write_down(deps, holding, (&account, &days), now).await?;
    let owed = store.owed_days(&account, &days).await?.into_iter().filter(|(_, owed)| !owed.is_claimed(now));
    Ok(owed.map(|(day, owed)| Debt { holding, day, owed }).collect())
}

async fn write_down(
    deps: &Deps,
    holding: &Holding,
    (account, days): (&AccountDays, &[Day]),
    now: Timestamp,
) -> Result<(), StoreError> {
    let store = &deps.base.store;
    let Some(yesterday) = days.last() else { return Ok(()) };
    let first = match store.days_written_through(account).await? {
        Some(through) if through >= *yesterday => return Ok(()),
        Some(through) => through.after(),
        // An account that an older version saved: the days before were that version's.
        None => holding.since.map_or_else(|| yesterday.clone(), Day::of),
    };
    for day in days.iter().filter(|day| **day >= first) {
        if is_owed(deps, holding, day, now).await? {
            store.owe_day(&DayKey { account: account.clone(), day: day.clone() }, now).await?;
        }
    }
    // Last: a run that was stopped before writes down the same days once more.
    store.write_days_through(account, yesterday).await
}

/// Whether there is anything to compare. Where the settings cannot be used, there is: a person has to see that the day was not compared.
async fn is_owed(deps: &Deps, holding: &Holding, day: &Day, now: Timestamp) -> Result<bool, StoreError> {
    let books = Books { deps, holding, others: Vec::new(), neighbours: Vec::new(), day, now };
    match books.open().await {
        Ok(Some((_, account))) if account.bill_reader().is_none() => Ok(false),
        Ok(Some(_)) => books.had_business().await,
        Ok(None) => Ok(false),
        Err(error) => {
            warn!(app.id = %holding.app, tab = %holding.tab, "an account cannot be opened: {}", error_chain(&error));
            Ok(true)
        }
    }
}

/// Compares a day that a person asked for.
pub(super) async fn compare_one(
    deps: &Deps,
    holdings: &[Holding],
    key: &DayKey,
    now: Timestamp,
) -> Result<(), StoreError> {
    let store = &deps.base.store;
    let Some(owed) = store.find_owed_day(key).await? else { return store.answer_asked_day(key, now).await };
    if owed.is_claimed(now) {
        // It stays asked for until that one has said what came of it.
        return Ok(());
    }
    match holdings.iter().find(|holding| holding.days() == key.account) {
        Some(holding) => {
            let debt = Debt { holding, day: key.day.clone(), owed };
            Books::new(deps, holdings, &debt).pay(&debt.owed).await;
        }
        None => fail_without_settings(deps, key, &owed, now).await?,
    }
    store.answer_asked_day(key, now).await
}

async fn fail_without_settings(deps: &Deps, key: &DayKey, owed: &OwedDay, now: Timestamp) -> Result<(), StoreError> {
    let store = &deps.base.store;
    if let Some(claim) = store.claim_day(key, owed, now).await? {
        store.fail_day(key, claim, &Found::Unreadable.sentence(), now).await?;
    }
    Ok(())
}

impl Books<'_> {
    /// Claims the day, compares it, and keeps what came of it.
    pub(super) async fn pay(&self, owed: &OwedDay) -> Paid {
        match self.try_to_pay(owed).await {
            Ok(paid) => paid,
            Err(error) => {
                let (app, tab, day) = (&self.holding.app, self.holding.tab, self.day);
                error!(app.id = %app, tab = %tab, "{day} stays owed: {}", error_chain(&error));
                Paid::Failed
            }
        }
    }

    async fn try_to_pay(&self, owed: &OwedDay) -> Result<Paid, StoreError> {
        let (base, Holding { app, mode, tab, .. }) = (&self.deps.base, self.holding);
        let (store, day): (&Store, _) = (&base.store, self.day);
        let key = DayKey { account: self.holding.days(), day: day.clone() };
        let Some(claim) = store.claim_day(&key, owed, self.now).await? else { return Ok(Paid::ByAnother) };
        if claim.found_stopped {
            warn!(app.id = %app, tab = %tab, "the comparison of {day} was stopped before its end");
            base.metrics.incident(IncidentKind::DayNotCompared);
        }
        match Box::pin(self.compare()).await {
            Ok(done) => {
                store.keep_reconciled(app, *mode, &done).await?;
                Ok(Paid::Compared(usize::try_from(done.differences).unwrap_or_default()))
            }
            Err(failure) => {
                let problem = Sentence { text: error_chain(&failure), ..failure.said() };
                warn!(app.id = %app, tab = %tab, "{day} was not compared: {problem}");
                let is_kept = store.fail_day(&key, claim, &problem, base.clock.now()).await?;
                if is_kept && !claim.is_incident {
                    base.metrics.incident(IncidentKind::DayNotCompared);
                }
                Ok(Paid::Failed)
            }
        }
    }
}
