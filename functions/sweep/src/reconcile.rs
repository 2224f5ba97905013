//! Reconciliation: fetches the providers' bills of the days that are owed, compares them with our books, and keeps the differences. A day
//! is owed until it is compared (`owed.rs`).
//!
//! Memory is bounded, however long a bill and our books are. It holds the packed file (some dozen bytes a line), one window of the bill's
//! lines ([`LINES_AT_ONCE`]), one page of our books, and as many of our payments that no bill listed yet. A longer bill is unpacked once
//! for each window.

mod accounts;
mod bill;
mod findings;
mod owed;
mod payments;
mod provider_check;
mod refunds;

use std::{sync::Arc, time::Duration};

use domain::{AppId, Day, Mode, Record, Status, Tab, TimeSpan, Timestamp};
use providers::{Account, MessageProblem, ProviderError};
use runtime::{ApiError, ConfiguredApp, error_chain};
use serde::Serialize;
use store::{BooksCursor, BooksRange, DayKey, Reconciled, RecordList, StoreError};
use tracing::{info, warn};

use crate::Deps;
use accounts::{MerchantAccount, MerchantAccounts, Usage, find_merchant_accounts};
use findings::{FindingCounts, Findings};
use owed::{DayOutcome, DayToCompare, Failures, find_days_to_compare};
use provider_check::ProviderCheck;

/// Lines of a bill, and payments of ours, that are in memory at once: together about 15 MB.
const LINES_AT_ONCE: usize = 32_768;

/// Questions that are asked of the store at once.
const LOOKED_UP_AT_ONCE: usize = 8;

/// No comparison begins after this time of a run: the function has 900 seconds, and one comparison takes some minutes.
const RUN_MAX: Duration = Duration::from_secs(600);

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The days of accounts that were compared.
    pub accounts: usize,
    /// What differed, also beyond what is kept.
    pub differences: usize,
    /// The days whose bill could not be fetched or read, and the accounts that could not be read. The next run tries them again.
    pub failed: usize,
}

/// Compares the days that are owed, of every account of every app. Days that were never tried come first, then those that were tried
/// longest ago: a day that always fails does not keep the others waiting.
pub async fn reconcile(deps: &Deps) -> Compared {
    let now = deps.services.clock.now();
    let MerchantAccounts { all: merchants, apps_failed } = find_merchant_accounts(deps, now).await;
    let mut compared = Compared { failed: apps_failed, ..Compared::default() };
    let mut days = Vec::new();
    for merchant in &merchants {
        match find_days_to_compare(deps, merchant, now).await {
            Ok(found) => days.extend(found),
            Err(error) => {
                let MerchantAccount { app, tab, .. } = merchant;
                warn!(app.id = %app, tab = %tab, "it is not known which days are owed: {}", error_chain(&error));
                compared.failed += 1;
            }
        }
    }
    days.sort_by(DayToCompare::in_turn);
    let mut failures = Failures::default();
    for day in &days {
        if now.distance(deps.services.clock.now()) >= RUN_MAX {
            break;
        }
        if failures.are_too_many(day.merchant) {
            continue;
        }
        let outcome = Box::pin(DayComparison::new(deps, &merchants, day).run(&day.owed)).await;
        failures.note(day.merchant, outcome);
        compared.add(outcome);
    }
    let Compared { accounts, differences, failed } = compared;
    info!(accounts, differences, failed, "compared {accounts} days of accounts: {differences} differences");
    compared
}

/// Compares days that people asked for, however old they are. Returns how many were looked at.
pub(crate) async fn compare_asked(deps: &Deps, asked: &[DayKey]) -> usize {
    if asked.is_empty() {
        return 0;
    }
    let now = deps.services.clock.now();
    let merchants = find_merchant_accounts(deps, now).await.all;
    let mut looked = 0;
    for key in asked {
        if now.distance(deps.services.clock.now()) >= RUN_MAX {
            break;
        }
        match Box::pin(owed::compare_one(deps, &merchants, key, now)).await {
            Ok(()) => looked += 1,
            Err(error) => warn!(app.id = %key.account.app, "a day that was asked for is left: {}", error_chain(&error)),
        }
    }
    looked
}

impl Compared {
    fn add(&mut self, outcome: DayOutcome) {
        match outcome {
            DayOutcome::Compared(differences) => {
                self.accounts += 1;
                self.differences += differences;
            }
            DayOutcome::Failed => self.failed += 1,
            DayOutcome::ByAnother => {}
        }
    }
}

/// The comparison of one day of an account with its provider's bill.
struct DayComparison<'a> {
    deps: &'a Deps,
    merchant: &'a MerchantAccount,
    /// The accounts whose orders are in the same bill.
    sharing_bill: Vec<&'a MerchantAccount>,
    /// The accounts whose orders an unreadable line of the bill may name. They are more: the file may list orders that are not read for this
    /// account.
    sharing_file: Vec<&'a MerchantAccount>,
    day: &'a Day,
    now: Timestamp,
}

impl<'a> DayComparison<'a> {
    fn new(deps: &'a Deps, merchants: &'a [MerchantAccount], day: &'a DayToCompare<'_>) -> Self {
        let (merchant, day) = (day.merchant, &day.day);
        let sharing_bill = merchants.iter().filter(|other| merchant.shares_bill_with(other)).collect();
        let sharing_file = merchants.iter().filter(|other| merchant.shares_file_with(other)).collect();
        Self { deps, merchant, sharing_bill, sharing_file, day, now: deps.services.clock.now() }
    }

    /// Compares the day, and keeps the differences.
    async fn compare(&self) -> Result<Reconciled, ApiError> {
        let MerchantAccount { mode, tab, number, .. } = self.merchant;
        let Some((_, account)) = self.open().await? else {
            return Err(ApiError::Retired { channel: self.merchant.key().channel, mode: *mode, number: *number });
        };
        let bill = self.fetch(self.day).await?;
        if bill.is_nothing() && self.may_still_come(&account).await? {
            return Err(ProviderError::from(MessageProblem::BillNotYet).into());
        }
        let key = DayKey { account: self.merchant.app_account(), day: self.day.clone() };
        let provider_check = account.doubts_bill().then(|| ProviderCheck::of(self));
        let mut findings = Findings::new(&self.deps.services.store, key, provider_check);
        let lines = self.compare_payments(&account, &bill, &mut findings).await?;
        self.compare_refunds(&account, &bill, &mut findings).await?;
        let FindingCounts { found, kept } = findings.finish().await?;
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

    /// Whether a bill that is not there may be made later. UnionPay answers the same for a day on which nothing happened. That is believed
    /// if our books have nothing either, or a day later: without the file, no payment shows that is missing here.
    async fn may_still_come(&self, account: &Account) -> Result<bool, StoreError> {
        let is_yesterday = Day::of(self.now).before() == *self.day;
        Ok(account.doubts_bill() && is_yesterday && (self.had_payments().await? || self.had_refunds().await?))
    }

    /// Whether the account took or gave back any money on this day. For the account in use this is always assumed.
    async fn had_business(&self) -> Result<bool, StoreError> {
        let Usage::Until(replaced_at) = self.merchant.usage else { return Ok(true) };
        if self.span().start <= replaced_at.plus(payments::CHARGED_BEFORE) && self.had_payments().await? {
            return Ok(true);
        }
        self.had_refunds().await
    }

    /// The provider's day.
    fn span(&self) -> TimeSpan {
        self.merchant.span(self.day)
    }

    async fn open(&self) -> Result<Option<(Arc<ConfiguredApp>, Arc<Account>)>, ApiError> {
        let apps = &self.deps.services.apps;
        let Some(configured) = apps.find(&self.merchant.app, self.now).await? else { return Ok(None) };
        let account = apps.account_of(&configured, self.merchant.key(), self.now).await?;
        Ok(account.map(|account| (configured, account)))
    }
}

/// Reads the records of an account in some statuses, page by page.
struct Pages<'a> {
    deps: &'a Deps,
    range: BooksRange,
    /// The lists that are not read yet; the next one is the last.
    lists: Vec<RecordList<'a>>,
    from: Option<BooksCursor>,
}

impl<'a> Pages<'a> {
    /// The statuses are read one after the other, in this order.
    fn new(deps: &'a Deps, merchant: &'a MerchantAccount, statuses: &[Status], range: BooksRange) -> Self {
        let (app, mode) = (&merchant.app, merchant.mode);
        let mut lists = Vec::new();
        for channel in &merchant.channels {
            for status in statuses {
                let in_shard = |shard| RecordList { app, mode, channel: *channel, status: *status, shard };
                lists.extend(merchant.shards.of_channel(*channel).map(in_shard));
            }
        }
        lists.reverse();
        Self { deps, range, lists, from: None }
    }

    /// The next page, which may be empty; `None` after the last. It ends, because each page begins after the one before.
    async fn next(&mut self) -> Result<Option<Vec<Record>>, StoreError> {
        let Some(list) = self.lists.last() else { return Ok(None) };
        let page = self.deps.services.store.books(list, &self.range, self.from.take()).await?;
        self.from = page.next;
        if self.from.is_none() {
            self.lists.pop();
        }
        Ok(Some(page.items))
    }
}

/// For a log.
fn name(app: &AppId, mode: Mode, tab: Tab) -> String {
    format!("{tab} of {app}, {mode}")
}
