//! Once an hour: sums the days that are over, for the console's overview. Most runs find nothing to do.
//!
//! What a run cannot do, because it was stopped or has read enough, the next one does: a walk over a large day goes on where it stopped.

use std::sync::Arc;

use domain::{AppId, Channel, Day, DaySums, Mode, SUMMED_DAYS_MAX, Shards, Status, Timestamp, is_to_be_summed};
use runtime::{ConfiguredApp, error_chain};
use serde::Serialize;
use store::{KeptDay, StoreError, SumRange, Walk};
use tracing::{info, warn};

use crate::{Deps, apps::Apps};

/// Pages of 3,000 rows that one run reads: twelve million rows, some three minutes.
const PAGES_MAX: usize = 4000;

/// How many pages a stop may cost: so many are read before it is kept how far the walk is.
const PAGES_UNKEPT_MAX: usize = 10;

/// The days that come first, of all apps, so that a long past of one does not keep another's yesterday waiting.
const RECENT_DAYS: u32 = 3;

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summed {
    /// The days that were summed.
    pub days: usize,
    /// The apps or days that could not be read or kept: the next run does them.
    pub failed: usize,
    /// Whether there was more than one run reads.
    pub left: bool,
}

/// Why there is nothing more to do with a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Summed,
    /// The run has read enough; it is kept how far it came.
    Enough,
    /// Another run is at the same day.
    Taken,
    /// A row of it cannot be read, and sums of fewer rows are not kept.
    Unreadable,
}

/// Sums every day that is to be summed, of every app.
pub async fn sum_days(deps: &Deps) -> Summed {
    let now = deps.base.clock.now();
    let mut run = Run { deps, now, pages_left: PAGES_MAX, summed: Summed::default() };
    for ages in [1..=RECENT_DAYS, RECENT_DAYS + 1..=SUMMED_DAYS_MAX] {
        run.every_app(ages).await;
    }
    let Summed { days, failed, left } = run.summed;
    if run.summed != Summed::default() {
        info!(days, failed, left, "summed {days} days");
    }
    run.summed
}

struct Run<'a> {
    deps: &'a Deps,
    now: Timestamp,
    pages_left: usize,
    summed: Summed,
}

type Ages = std::ops::RangeInclusive<u32>;

impl Run<'_> {
    async fn every_app(&mut self, ages: Ages) {
        let mut apps = Apps::new(self.deps, self.now);
        while let Some(app) = apps.next().await {
            self.app(&app, ages.clone()).await;
        }
        self.summed.failed += apps.failed();
    }

    async fn app(&mut self, app: &Arc<ConfiguredApp>, ages: Ages) {
        for mode in Mode::ALL {
            let channels = app.channels_ever(mode);
            if channels.is_empty() {
                continue;
            }
            let books = Books { app: &app.app.id, shards: &app.app.shards, mode, channels };
            if let Err(error) = self.days(&books, &Day::of(app.app.created_at), ages.clone()).await {
                warn!(app.id = %app.app.id, "the sums of an app were not made: {}", error_chain(&error));
                self.summed.failed += 1;
            }
        }
    }

    /// Sums what is to be summed of the days of these ages, the latest first, and none from before there was the app.
    async fn days(&mut self, books: &Books<'_>, born: &Day, ages: Ages) -> Result<(), StoreError> {
        let days = days_back(self.now, *ages.end());
        let days: Vec<(u32, Day)> = days.filter(|(age, day)| ages.contains(age) && day >= born).collect();
        let (Some((_, last)), Some((_, first))) = (days.first(), days.last()) else { return Ok(()) };
        let kept = self.deps.base.store.kept_days(books.app, books.mode, (first, last)).await?;
        for (age, day) in &days {
            let found = kept.iter().find(|kept| kept.day == *day);
            let summed = found.and_then(|kept| kept.sums.as_ref()).map(|(_, at)| age_at(day, *at));
            let is_open = found.is_some_and(|kept| kept.walk.is_some());
            if !is_open && !is_to_be_summed(*age, summed) {
                continue;
            }
            if self.pages_left == 0 {
                self.summed.left = true;
                return Ok(());
            }
            let kept = found.cloned().unwrap_or_else(|| KeptDay::new(day.clone()));
            match self.day(books, kept).await? {
                End::Summed => self.summed.days += 1,
                End::Enough => self.summed.left = true,
                End::Taken => info!(app.id = %books.app, "{day} is being summed by another run"),
                End::Unreadable => {
                    warn!(app.id = %books.app, "{day} was not summed: a transaction of it cannot be read");
                    self.summed.failed += 1;
                }
            }
        }
        Ok(())
    }

    /// Walks over a day, from where an earlier walk stopped, to its end or as far as this run may read.
    async fn day(&mut self, books: &Books<'_>, mut kept: KeptDay) -> Result<End, StoreError> {
        let store = &self.deps.base.store;
        let mut unkept = 0;
        while let Some(at) = books.position(kept.walk.as_ref()) {
            if self.pages_left == 0 || unkept == PAGES_UNKEPT_MAX {
                let Some(written) = store.keep_day(books.app, books.mode, kept).await? else {
                    return Ok(End::Taken);
                };
                (kept, unkept) = (written, 0);
            }
            if self.pages_left == 0 {
                return Ok(End::Enough);
            }
            let Some(walk) = self.page(books, &kept.day, kept.walk.take(), at).await? else {
                return Ok(End::Unreadable);
            };
            kept.walk = Some(walk);
            (unkept, self.pages_left) = (unkept + 1, self.pages_left - 1);
        }
        let seen = kept.walk.take().map(|walk| (walk.sums, walk.began_at));
        kept.sums = Some(seen.unwrap_or_else(|| (DaySums::default(), self.now)));
        let written = store.keep_day(books.app, books.mode, kept).await?;
        Ok(if written.is_some() { End::Summed } else { End::Taken })
    }

    /// The walk, a page further. `None` if a row of the page cannot be read.
    async fn page(
        &self,
        books: &Books<'_>,
        day: &Day,
        walk: Option<Walk>,
        (channel, status, after): (Channel, Status, Option<String>),
    ) -> Result<Option<Walk>, StoreError> {
        let range = SumRange { channel, status, start: day.start(), end: day.end(), newest_first: false, after };
        let page = self.deps.base.store.sum_page((books.app, books.mode, books.shards), &range).await?;
        if !page.is_whole {
            return Ok(None);
        }
        let (mut sums, began_at) =
            walk.map_or_else(|| (DaySums::default(), self.now), |walk| (walk.sums, walk.began_at));
        for row in &page.rows {
            sums.add(channel, status, row.sum);
        }
        // A source at its end is left behind by a place that nothing comes after.
        let after = page.next.unwrap_or_else(|| SOURCE_DONE.to_owned());
        Ok(Some(Walk { began_at, sums, at: (channel, status), after: Some(after) }))
    }
}

/// Sorts behind every row.
const SOURCE_DONE: &str = "~";

/// One app's in one mode.
struct Books<'a> {
    app: &'a AppId,
    shards: &'a Shards,
    mode: Mode,
    channels: Vec<Channel>,
}

impl Books<'_> {
    /// Where a walk reads next; `None` at its end. It goes through all channels and statuses in their order, which is the same in each run.
    /// What is paid, refunded or closed is read before what is open, so that nothing that changes meanwhile counts twice.
    fn position(&self, walk: Option<&Walk>) -> Option<(Channel, Status, Option<String>)> {
        const ORDER: [Status; 4] = [Status::Refund, Status::Success, Status::Closed, Status::Created];
        let mut sources = self.channels.iter().flat_map(|channel| ORDER.map(|status| (*channel, status)));
        let Some(Walk { at, after, .. }) = walk else {
            return sources.next().map(|(channel, status)| (channel, status, None));
        };
        if after.as_deref() != Some(SOURCE_DONE) {
            return Some((at.0, at.1, after.clone()));
        }
        // A channel that was set up since the walk began has its place in the order, too.
        let place = |(channel, status): (Channel, Status)| (channel, ORDER.iter().position(|one| *one == status));
        let (channel, status) = sources.find(|source| place(*source) > place(*at))?;
        Some((channel, status, None))
    }
}

/// Yesterday and the days before, with their ages.
fn days_back(now: Timestamp, last: u32) -> impl Iterator<Item = (u32, Day)> {
    (1..=last).scan(Day::of(now), |day, age| {
        *day = day.before();
        Some((age, day.clone()))
    })
}

/// How many days old a day is at a moment.
fn age_at(day: &Day, at: Timestamp) -> u32 {
    const DAY_MS: i64 = 24 * 3600 * 1000;
    u32::try_from((Day::of(at).start().ms() - day.start().ms()) / DAY_MS).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_goes_through_everything_once_from_wherever_it_stopped() {
        let app = AppId::parse("568a12086e912100017722e5").unwrap();
        let books = Books {
            app: &app,
            shards: &Shards::default(),
            mode: Mode::Live,
            channels: vec![Channel::AliApp, Channel::WxNative],
        };
        let at = |at, after: Option<&str>| {
            let began_at = Timestamp::from_ms(0).unwrap();
            Walk { began_at, sums: DaySums::default(), at, after: after.map(str::to_owned) }
        };
        let (mut walk, mut seen) = (None, Vec::new());
        while let Some((channel, status, after)) = books.position(walk.as_ref()) {
            assert_eq!(after, None);
            seen.push((channel, status));
            walk = Some(at((channel, status), Some(SOURCE_DONE)));
        }
        assert_eq!(seen.len(), 8);
        assert_eq!(seen.first(), Some(&(Channel::AliApp, Status::Refund)));
        assert_eq!(seen.last(), Some(&(Channel::WxNative, Status::Created)));
        let middle = at((Channel::AliApp, Status::Closed), Some("000001795444200#01"));
        assert_eq!(
            books.position(Some(&middle)),
            Some((Channel::AliApp, Status::Closed, Some("000001795444200#01".to_owned())))
        );
        // The channel it stopped at may be gone.
        let gone = at((Channel::AliWap, Status::Created), Some(SOURCE_DONE));
        assert_eq!(books.position(Some(&gone)), Some((Channel::WxNative, Status::Refund, None)));
    }

    #[test]
    fn days_have_their_ages() {
        let now = Timestamp::from_ms(1_795_444_200_000).unwrap();
        let days: Vec<_> = days_back(now, 2).map(|(age, day)| (age, day.to_string())).collect();
        assert_eq!(days, [(1, "2026-11-22".to_owned()), (2, "2026-11-21".to_owned())]);
        for (age, day) in days_back(now, 91) {
            assert_eq!(age_at(&day, now), age);
        }
    }
}
