//! The days that are owed: each day of an account, from its configuration on, until it is compared.
//!
//! A run first writes down the days since the last run. So a missed run loses no day, and a day on which an account had no business is
//! looked at once. A day is claimed before it is compared, so that one of two runs compares it. A run that is killed leaves the day owed.

use std::{cmp::Ordering, collections::HashMap};

use domain::{AppAccount, Day, IncidentKind, Sentence, Timestamp};
use runtime::error_chain;
use settlement::Found;
use store::{DayKey, OwedDay, OwedDayEntry, Store, StoreError};
use tracing::{error, warn};

use super::{DayComparison, accounts::MerchantAccount};
use crate::Deps;

/// After so many failures in a row the other days of an account are left for the next run.
const FAILURES_MAX: u32 = 3;

/// A day of an account that is to be compared.
#[derive(Clone, Debug)]
pub(super) struct DayToCompare<'a> {
    pub(super) merchant: &'a MerchantAccount,
    pub(super) day: Day,
    pub(super) owed: OwedDay,
}

impl DayToCompare<'_> {
    /// Days that were never tried come first, the earliest day first; the others follow by when they were tried last.
    pub(super) fn in_turn(one: &Self, other: &Self) -> Ordering {
        one.owed.tried_at.cmp(&other.owed.tried_at).then_with(|| one.day.cmp(&other.day))
    }
}

/// The result of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayOutcome {
    /// It was compared; so many differences.
    Compared(usize),
    /// It could not be compared.
    Failed,
    /// Another run compares it, or did.
    ByAnother,
}

/// How often in a row the comparison failed for each account.
#[derive(Debug, Default)]
pub(super) struct Failures(HashMap<AppAccount, u32>);

impl Failures {
    /// Whether a run leaves the other days of an account to the next run.
    pub(super) fn are_too_many(&self, merchant: &MerchantAccount) -> bool {
        self.0.get(&merchant.app_account()).is_some_and(|failures| *failures >= FAILURES_MAX)
    }

    pub(super) fn note(&mut self, merchant: &MerchantAccount, outcome: DayOutcome) {
        let failures = self.0.entry(merchant.app_account()).or_default();
        *failures = if outcome == DayOutcome::Failed { *failures + 1 } else { 0 };
    }
}

impl MerchantAccount {
    /// Its name among the accounts of all apps.
    pub(super) fn app_account(&self) -> AppAccount {
        AppAccount { app: self.app.clone(), mode: self.mode, tab: self.tab, number: self.number }
    }
}

/// Writes down which days of an account are owed by now, and returns those that no other run compares.
pub(super) async fn find_days_to_compare<'a>(
    deps: &Deps,
    merchant: &'a MerchantAccount,
    now: Timestamp,
) -> Result<Vec<DayToCompare<'a>>, StoreError> {
    let (store, account, days) = (&deps.services.store, merchant.app_account(), Day::asked_at(now));
    write_down(deps, merchant, &account, &days, now).await?;
    let owed = store.owed_days(&account, &days).await?.into_iter().filter(|entry| !entry.owed.is_claimed(now));
    Ok(owed.map(|OwedDayEntry { day, owed }| DayToCompare { merchant, day, owed }).collect())
}

async fn write_down(
    deps: &Deps,
    merchant: &MerchantAccount,
    account: &AppAccount,
    days: &[Day],
    now: Timestamp,
) -> Result<(), StoreError> {
    let store = &deps.services.store;
    let Some(yesterday) = days.last() else { return Ok(()) };
    let first = match store.days_written_through(account).await? {
        Some(through) if through >= *yesterday => return Ok(()),
        Some(through) => through.after(),
        // An older version saved this account, and compared the days before.
        None => merchant.since.map_or_else(|| yesterday.clone(), Day::of),
    };
    for day in days.iter().filter(|day| **day >= first) {
        if is_owed(deps, merchant, day, now).await? {
            store.owe_day(&DayKey { account: account.clone(), day: day.clone() }, now).await?;
        }
    }
    // This comes last: after a stop before it, the next run writes down the same days again.
    store.write_days_through(account, yesterday).await
}

/// Whether there is anything to compare. If the settings cannot be used there is: a person has to see that the day is not compared.
async fn is_owed(deps: &Deps, merchant: &MerchantAccount, day: &Day, now: Timestamp) -> Result<bool, StoreError> {
    let comparison = DayComparison { deps, merchant, sharing_bill: Vec::new(), sharing_file: Vec::new(), day, now };
    match comparison.open().await {
        Ok(Some((_, account))) if account.bill_reader().is_none() => Ok(false),
        Ok(Some(_)) => comparison.had_business().await,
        Ok(None) => Ok(false),
        Err(error) => {
            warn!(app.id = %merchant.app, tab = %merchant.tab, "an account cannot be opened: {}", error_chain(&error));
            Ok(true)
        }
    }
}

/// Compares a day that a person asked for.
pub(super) async fn compare_one(
    deps: &Deps,
    merchants: &[MerchantAccount],
    key: &DayKey,
    now: Timestamp,
) -> Result<(), StoreError> {
    let store = &deps.services.store;
    let Some(owed) = store.find_owed_day(key).await? else { return store.answer_asked_day(key, now).await };
    if owed.is_claimed(now) {
        // Another run compares it. The question stays until that run has kept its outcome.
        return Ok(());
    }
    match merchants.iter().find(|merchant| merchant.app_account() == key.account) {
        Some(merchant) => {
            let day = DayToCompare { merchant, day: key.day.clone(), owed };
            DayComparison::new(deps, merchants, &day).run(&day.owed).await;
        }
        None => fail_without_settings(deps, key, &owed, now).await?,
    }
    store.answer_asked_day(key, now).await
}

async fn fail_without_settings(deps: &Deps, key: &DayKey, owed: &OwedDay, now: Timestamp) -> Result<(), StoreError> {
    let store = &deps.services.store;
    if let Some(claim) = store.claim_day(key, owed, now).await? {
        store.fail_day(key, claim, &Found::Unreadable.sentence(), now).await?;
    }
    Ok(())
}

impl DayComparison<'_> {
    /// Claims the day, compares it, and keeps the result.
    pub(super) async fn run(&self, owed: &OwedDay) -> DayOutcome {
        match self.try_to_run(owed).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let (app, tab, day) = (&self.merchant.app, self.merchant.tab, self.day);
                error!(app.id = %app, tab = %tab, "{day} stays owed: {}", error_chain(&error));
                DayOutcome::Failed
            }
        }
    }

    async fn try_to_run(&self, owed: &OwedDay) -> Result<DayOutcome, StoreError> {
        let (services, MerchantAccount { app, mode, tab, .. }) = (&self.deps.services, self.merchant);
        let (store, day): (&Store, _) = (&services.store, self.day);
        let key = DayKey { account: self.merchant.app_account(), day: day.clone() };
        let Some(claim) = store.claim_day(&key, owed, self.now).await? else { return Ok(DayOutcome::ByAnother) };
        if claim.found_stopped {
            warn!(app.id = %app, tab = %tab, "the comparison of {day} was stopped before its end");
            services.metrics.incident(IncidentKind::DayNotCompared);
        }
        match Box::pin(self.compare()).await {
            Ok(done) => {
                store.keep_reconciled(app, *mode, &done).await?;
                Ok(DayOutcome::Compared(usize::try_from(done.differences).unwrap_or_default()))
            }
            Err(failure) => {
                let problem = Sentence { text: error_chain(&failure), ..failure.said() };
                warn!(app.id = %app, tab = %tab, "{day} was not compared: {problem}");
                let is_kept = store.fail_day(&key, claim, &problem, services.clock.now()).await?;
                if is_kept && !claim.is_incident {
                    services.metrics.incident(IncidentKind::DayNotCompared);
                }
                Ok(DayOutcome::Failed)
            }
        }
    }
}
