//! The days that are owed. A day of an account is owed until it is compared with the provider's bill.
//!
//! One item follows a day through all its states: owed, tried, compared. A day that could not be compared is an incident until it is
//! compared. A small item for each account has the last day that was written down. So a day on which nothing ran is owed, too.

use std::time::Duration;

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use domain::{AccountNumber, AppAccount, Day, DayProblem, IncidentKind, Sentence, Tab, Timestamp};
use futures_util::future::try_join_all;

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, item, number, text, time},
    conditions::is_written,
    schema::{
        AppMode, BY_TIME_PK, BY_TIME_SK, DUE_MS, DUE_PK, PK, PROBLEM_SAID, SK, TTL, VERSION_WRITTEN, by_time_ms,
        due_shard_pk, incidents_pk, owed_pk, parse_reconciliations_pk, reconciliations_pk,
    },
};

/// How long a day is kept: longer than a business year.
pub(crate) const KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// How many days are read at once.
const READ_AT_ONCE: usize = 10;

/// How long a claim lasts: longer than the function can run.
const CLAIMED: Duration = Duration::from_secs(16 * 60);

/// The shard of the days that people ask for. They are few, so one shard is enough.
const ASKED_SHARD: u32 = 0;

/// How many characters of a reason are kept.
const PROBLEM_CHARS_MAX: usize = 500;

/// Names a day of an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DayKey {
    /// The account.
    pub account: AppAccount,
    /// Which day.
    pub day: Day,
}

/// A day that was not compared yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedDay {
    /// Since when.
    pub since: Timestamp,
    /// How often a comparison was tried.
    pub tries: i64,
    /// When the last comparison was tried.
    pub tried_at: Option<Timestamp>,
    /// Why it could not be compared.
    pub problem: Option<Sentence>,
    /// Until when a run may be comparing it.
    claimed_until: Option<Timestamp>,
}

/// A day of an account that is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedDayEntry {
    /// Which day.
    pub day: Day,
    /// What is kept of it.
    pub owed: OwedDay,
}

/// A claim of a day. While it lasts, no other run compares the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The number of this try.
    pub try_number: i64,
    /// Whether an earlier try was stopped, and is an incident because of this claim.
    pub found_stopped: bool,
    /// Whether the day is an incident.
    pub is_incident: bool,
}

impl OwedDay {
    /// Whether a run may be comparing it now.
    pub fn is_claimed(&self, now: Timestamp) -> bool {
        self.claimed_until.is_some_and(|until| now < until)
    }
}

/// The name of an account in keys. The first account of a tab has the name of the tab, as before accounts were counted.
fn account_name(account: &AppAccount) -> String {
    let AppAccount { tab, number, .. } = account;
    if *number == AccountNumber::FIRST { tab.to_string() } else { format!("{tab}@{number}") }
}

impl DayKey {
    pub(crate) fn pk(&self) -> String {
        reconciliations_pk(&self.account.app, self.account.mode)
    }

    /// The sort key. A difference belongs to the tab and not to the account: if two accounts share one seller's bill, both may find the
    /// same difference.
    pub(crate) fn sk(&self) -> String {
        format!("{}#{}", self.day, account_name(&self.account))
    }

    /// Reads the keys of a day; `None` for the keys of another item, such as a difference.
    pub(crate) fn parse(pk: &str, sk: &str) -> Option<Self> {
        let AppMode { app, mode } = parse_reconciliations_pk(pk)?;
        let (day, name) = sk.split_once('#')?;
        let (tab, number) = parse_name(name)?;
        Some(Self { account: AppAccount { app, mode, tab, number }, day: Day::parse(day)? })
    }

    /// Its place in the list of incidents, if it becomes one at `now`.
    fn incident_place(&self, now: Timestamp) -> String {
        format!("{}#{}", by_time_ms(now), self.sk())
    }
}

fn parse_name(name: &str) -> Option<(Tab, AccountNumber)> {
    match name.split_once('@') {
        None => Some((Tab::find(name)?, AccountNumber::FIRST)),
        Some((tab, number)) => Some((Tab::find(tab)?, AccountNumber::parse(number)?)),
    }
}

impl Store {
    /// The last of an account's days that was written down; `None` if no day was written down.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn days_written_through(&self, account: &AppAccount) -> Result<Option<Day>, StoreError> {
        let found = self.get(owed_pk(&account.app, account.mode), account_name(account)).await?;
        found.map(|attributes| Item(&attributes).parsed("through", Day::parse)).transpose()
    }

    /// Keeps that an account's days are written down through `day`. An earlier day than the kept one changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_days_through(&self, account: &AppAccount, day: &Day) -> Result<(), StoreError> {
        let update = self
            .dynamo
            .update_item()
            .table_name(&self.tables.transactions)
            .key(PK, text(owed_pk(&account.app, account.mode)))
            .key(SK, text(account_name(account)))
            .update_expression("SET through = :day, v = :v, #ttl = :ttl")
            .condition_expression("attribute_not_exists(through) OR through < :day")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":day", text(day.as_str()))
            .expression_attribute_values(":v", number(VERSION_WRITTEN))
            .expression_attribute_values(":ttl", ttl(day));
        is_written(update.send().await, "last day that is owed").map(|_| ())
    }

    /// Writes down that a day is owed, once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn owe_day(&self, key: &DayKey, now: Timestamp) -> Result<(), StoreError> {
        let owed = [("owed_ms", Some(time(now))), ("tries", Some(number(0))), (TTL, Some(ttl(&key.day)))];
        self.put_if_new(item(key.pk(), key.sk(), owed)).await
    }

    /// The owed days among `days` of an account, in the same order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn owed_days(&self, account: &AppAccount, days: &[Day]) -> Result<Vec<OwedDayEntry>, StoreError> {
        let mut owed = Vec::new();
        for some in days.chunks(READ_AT_ONCE) {
            let asked = some.iter().map(async |day| {
                let key = DayKey { account: account.clone(), day: day.clone() };
                Ok::<_, StoreError>(self.find_owed_day(&key).await?.map(|owed| OwedDayEntry { day: key.day, owed }))
            });
            owed.extend(try_join_all(asked).await?.into_iter().flatten());
        }
        Ok(owed)
    }

    /// A day, if it is owed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_owed_day(&self, key: &DayKey) -> Result<Option<OwedDay>, StoreError> {
        let Some(attributes) = self.get(key.pk(), key.sk()).await? else { return Ok(None) };
        if attributes.contains_key("done_ms") { Ok(None) } else { read_owed(&attributes) }
    }

    /// Claims a day under the condition that it is as it was `seen`. `None` if another run claimed it first, or it is compared already. If
    /// the last try was stopped, the day becomes an incident.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_day(&self, key: &DayKey, seen: &OwedDay, now: Timestamp) -> Result<Option<Claim>, StoreError> {
        if seen.is_claimed(now) {
            return Ok(None);
        }
        let try_number = seen.tries + 1;
        let was_stopped = seen.claimed_until.is_some();
        let sets = "SET tries = :next, tried_ms = :now, claimed_ms = :until, claim = :claim";
        let update = self
            .update_day(key)
            .condition_expression("tries = :seen AND attribute_not_exists(done_ms)")
            .expression_attribute_values(":seen", number(seen.tries))
            .expression_attribute_values(":next", number(try_number))
            .expression_attribute_values(":until", time(now.plus(CLAIMED)))
            .expression_attribute_values(":now", time(now));
        let update = if was_stopped {
            let stopped = DayIncident { key, problem: &DayProblem::Stopped.sentence(), found_at: now };
            stopped.added_to(update, &Changes { sets, removes: "" })
        } else {
            update.update_expression(sets)
        };
        let claim = Claim {
            try_number,
            found_stopped: was_stopped && seen.problem.is_none(),
            is_incident: was_stopped || seen.problem.is_some(),
        };
        Ok(self.claim(update, "claim of a day").await?.then_some(claim))
    }

    /// Keeps why a day could not be compared. The day is an incident from the first time on. Later failures change the same incident.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fail_day(
        &self,
        key: &DayKey,
        claim: Claim,
        problem: &Sentence,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self
            .update_day(key)
            .condition_expression("tries = :mine AND attribute_not_exists(done_ms)")
            .expression_attribute_values(":mine", number(claim.try_number));
        let text = problem.text.chars().take(PROBLEM_CHARS_MAX).collect();
        let problem = Sentence { text, said: problem.said.clone() };
        let failed = DayIncident { key, problem: &problem, found_at: now };
        let update = failed
            .added_to(update, &Changes { sets: "SET v = :v", removes: "REMOVE claimed_ms" })
            .expression_attribute_values(":v", number(VERSION_WRITTEN));
        is_written(update.send().await, "failure of a day")
    }

    /// Has the next sweep compare a day. `false` if the day is not owed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ask_for_day(&self, key: &DayKey, now: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .update_day(key)
            .update_expression(format!("SET {DUE_PK} = :due, {DUE_MS} = :now"))
            .condition_expression("attribute_exists(owed_ms) AND attribute_not_exists(done_ms)")
            .expression_attribute_values(":due", text(due_shard_pk(ASKED_SHARD)))
            .expression_attribute_values(":now", time(now));
        is_written(update.send().await, "question about a day")
    }

    /// Removes a person's request for a day, because the day is compared now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn answer_asked_day(&self, key: &DayKey, now: Timestamp) -> Result<(), StoreError> {
        let update = self
            .update_day(key)
            .update_expression(format!("REMOVE {DUE_PK}, {DUE_MS}"))
            .condition_expression(format!("{DUE_MS} <= :now"))
            .expression_attribute_values(":now", time(now));
        is_written(update.send().await, "answer about a day").map(|_| ())
    }

    pub(crate) fn update_day(&self, key: &DayKey) -> UpdateItemFluentBuilder {
        self.dynamo.update_item().table_name(&self.tables.transactions).key(PK, text(key.pk())).key(SK, text(key.sk()))
    }
}

/// Why a day becomes an incident.
struct DayIncident<'a> {
    key: &'a DayKey,
    problem: &'a Sentence,
    found_at: Timestamp,
}

/// What else an update sets and removes.
struct Changes<'a> {
    sets: &'a str,
    removes: &'a str,
}

impl DayIncident<'_> {
    /// Adds to an update of a day the attributes of an incident. If the day is an incident already, it keeps its place in the list.
    fn added_to(&self, update: UpdateItemFluentBuilder, changes: &Changes<'_>) -> UpdateItemFluentBuilder {
        let (Changes { sets, removes }, account) = (changes, &self.key.account);
        update
            .update_expression(format!(
                "{sets}, problem = :problem, {PROBLEM_SAID} = :said, kind = :kind, created_ms = if_not_exists(created_ms, :seen_at), \
                 {BY_TIME_PK} = :list, {BY_TIME_SK} = if_not_exists({BY_TIME_SK}, :place) {removes}"
            ))
            .expression_attribute_values(":problem", text(&self.problem.text))
            .expression_attribute_values(":said", text(self.problem.to_json()))
            .expression_attribute_values(":kind", text(IncidentKind::DayNotCompared.name()))
            .expression_attribute_values(":seen_at", time(self.found_at))
            .expression_attribute_values(":list", text(incidents_pk(&account.app, account.mode)))
            .expression_attribute_values(":place", text(self.key.incident_place(self.found_at)))
    }
}

pub(crate) fn ttl(day: &Day) -> AttributeValue {
    number(day.end().plus(KEPT).seconds())
}

/// `None` if the day was compared by a version that had no owed days.
pub(crate) fn read_owed(attributes: &Attributes) -> Result<Option<OwedDay>, StoreError> {
    let item = Item(attributes);
    let Some(since) = item.find_time("owed_ms")? else { return Ok(None) };
    Ok(Some(OwedDay {
        since,
        tries: item.number("tries")?,
        tried_at: item.find_time("tried_ms")?,
        problem: item.find_text("problem").map(|text| Sentence::kept(text, item.find_text(PROBLEM_SAID))),
        claimed_until: item.find_time("claimed_ms")?,
    }))
}

#[cfg(test)]
mod tests {
    use domain::{AppId, Mode};

    use super::*;

    #[test]
    fn the_keys_of_a_day_go_round_and_a_difference_has_none() {
        let app = AppId::parse("568a12086e912100017722e5").unwrap();
        for number in [1, 2, 9999] {
            let account = AppAccount {
                app: app.clone(),
                mode: Mode::Live,
                tab: Tab::WxMp,
                number: AccountNumber::new(number).unwrap(),
            };
            let key = DayKey { account, day: Day::parse("2026-11-23").unwrap() };
            assert_eq!(DayKey::parse(&key.pk(), &key.sk()), Some(key.clone()));
            let difference = format!("2026-11-23#{}#01a208d0524f0f0f0f0f0f0f#missing-here#", Tab::WxMp);
            assert_eq!(DayKey::parse(&key.pk(), &difference), None);
        }
        assert_eq!(DayKey::parse("SUMS#568a12086e912100017722e5#live", "2026-11-23#ali"), None);
    }
}
