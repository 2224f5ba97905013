//! Once an hour: sums the days that are over, for the console's overview. Most runs find nothing to do.
//!
//! A walk over a day reads its transactions page by page, list after list: a list has one channel and one status. A run reads a bounded number
//! of pages. The walk is kept, so that the next run continues a day that was not finished.

use std::sync::Arc;

use domain::{AppId, Channel, Day, DaySums, Mode, SUMMED_DAYS_MAX, Shards, Status, Timestamp, is_to_be_summed};
use runtime::{ConfiguredApp, error_chain};
use serde::Serialize;
use store::{KeptDay, ListProgress, StoreError, SumList, SumRange, Walk};
use tracing::{info, warn};

use crate::{Deps, apps::Apps};

/// How many pages one run reads. A page has 3,000 rows, so these are twelve million rows and some three minutes.
const PAGES_MAX: usize = 4000;

/// The walk is kept after this number of pages, so a stop costs no more than these.
const PAGES_UNKEPT_MAX: usize = 10;

/// These days of all apps come first, so that the long past of one app does not delay yesterday of another.
const RECENT_DAYS: u32 = 3;

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summed {
    /// The days that were summed.
    pub days: usize,
    /// The apps or days that could not be read or kept: the next run does them.
    pub failed: usize,
    /// Whether days are left for the next run.
    pub left: bool,
}

/// How the work of a run on a day ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Summed,
    /// The run has read its pages. The walk is kept, and the next run continues it.
    PagesUsed,
    /// Another run sums this day.
    ByAnotherRun,
    /// A row cannot be read, and sums without it are not kept.
    Unreadable,
}

/// Sums every day that is to be summed, of every app.
pub async fn sum_days(deps: &Deps) -> Summed {
    let now = deps.services.clock.now();
    let mut run = Run { deps, now, pages_left: PAGES_MAX, summed: Summed::default() };
    for ages in [1..=RECENT_DAYS, RECENT_DAYS + 1..=SUMMED_DAYS_MAX] {
        run.sum_apps(ages).await;
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
    async fn sum_apps(&mut self, ages: Ages) {
        let mut apps = Apps::new(self.deps, self.now);
        while let Some(app) = apps.next().await {
            self.sum_app(&app, ages.clone()).await;
        }
        self.summed.failed += apps.failed();
    }

    async fn sum_app(&mut self, app: &Arc<ConfiguredApp>, ages: Ages) {
        for mode in Mode::ALL {
            let channels = app.channels_ever(mode);
            if channels.is_empty() {
                continue;
            }
            let records = AppRecords { app: &app.app.id, shards: &app.app.shards, mode, channels };
            if let Err(error) = self.sum_days_of(&records, &Day::of(app.app.created_at), ages.clone()).await {
                warn!(app.id = %app.app.id, "the sums of an app were not made: {}", error_chain(&error));
                self.summed.failed += 1;
            }
        }
    }

    /// Sums the days of these ages that are to be summed, the latest first. Days before the app was made are left out.
    async fn sum_days_of(&mut self, records: &AppRecords<'_>, made_on: &Day, ages: Ages) -> Result<(), StoreError> {
        let days = days_back(self.now, *ages.end());
        let days: Vec<(u32, Day)> = days.filter(|(age, day)| ages.contains(age) && day >= made_on).collect();
        let (Some((_, latest)), Some((_, earliest))) = (days.first(), days.last()) else { return Ok(()) };
        let kept = self.deps.services.store.kept_days(records.app, records.mode, earliest, latest).await?;
        for (age, day) in &days {
            let found = kept.iter().find(|kept| kept.day == *day);
            let summed_at_age = found.and_then(|kept| kept.sums.as_ref()).map(|(_, at)| age_at(day, *at));
            let has_open_walk = found.is_some_and(|kept| kept.walk.is_some());
            if !has_open_walk && !is_to_be_summed(*age, summed_at_age) {
                continue;
            }
            if self.pages_left == 0 {
                self.summed.left = true;
                return Ok(());
            }
            let kept = found.cloned().unwrap_or_else(|| KeptDay::new(day.clone()));
            match self.sum_day(records, kept).await? {
                End::Summed => self.summed.days += 1,
                End::PagesUsed => self.summed.left = true,
                End::ByAnotherRun => info!(app.id = %records.app, "{day} is being summed by another run"),
                End::Unreadable => {
                    warn!(app.id = %records.app, "{day} was not summed: a transaction of it cannot be read");
                    self.summed.failed += 1;
                }
            }
        }
        Ok(())
    }

    /// Walks over a day, from where the kept walk stopped. It goes to the end of the day, or as far as this run may read.
    async fn sum_day(&mut self, records: &AppRecords<'_>, mut kept: KeptDay) -> Result<End, StoreError> {
        let store = &self.deps.services.store;
        let mut unkept = 0;
        while let Some(position) = records.position(kept.walk.as_ref()) {
            if self.pages_left == 0 || unkept == PAGES_UNKEPT_MAX {
                let Some(written) = store.keep_day(records.app, records.mode, kept).await? else {
                    return Ok(End::ByAnotherRun);
                };
                (kept, unkept) = (written, 0);
            }
            if self.pages_left == 0 {
                return Ok(End::PagesUsed);
            }
            let Some(walk) = self.read_page(records, &kept.day, kept.walk.take(), position).await? else {
                return Ok(End::Unreadable);
            };
            kept.walk = Some(walk);
            (unkept, self.pages_left) = (unkept + 1, self.pages_left - 1);
        }
        let walked = kept.walk.take().map(|walk| (walk.sums, walk.began_at));
        // Without channels there is no walk, and the sums are zero.
        kept.sums = Some(walked.unwrap_or_else(|| (DaySums::default(), self.now)));
        let written = store.keep_day(records.app, records.mode, kept).await?;
        Ok(if written.is_some() { End::Summed } else { End::ByAnotherRun })
    }

    /// Reads one page, and returns the walk with it added; `None` if a row of the page cannot be read.
    async fn read_page(
        &self,
        records: &AppRecords<'_>,
        day: &Day,
        walk: Option<Walk>,
        Position { list, after }: Position,
    ) -> Result<Option<Walk>, StoreError> {
        let SumList { channel, status } = list;
        let range = SumRange { channel, status, start: day.start(), end: day.end(), newest_first: false, after };
        let page = self.deps.services.store.sum_page(records.app, records.mode, records.shards, &range).await?;
        if !page.is_whole {
            return Ok(None);
        }
        let (mut sums, began_at) =
            walk.map_or_else(|| (DaySums::default(), self.now), |walk| (walk.sums, walk.began_at));
        for row in &page.rows {
            sums.add_transaction(channel, status, row.sum, row.closing);
        }
        let progress = page.next.map_or(ListProgress::Done, ListProgress::Through);
        Ok(Some(Walk { began_at, sums, list, progress }))
    }
}

/// Where a walk reads its next page.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Position {
    list: SumList,
    /// The last row that was read; `None` at the beginning of the list.
    after: Option<String>,
}

/// The records of an app in one mode.
struct AppRecords<'a> {
    app: &'a AppId,
    shards: &'a Shards,
    mode: Mode,
    channels: Vec<Channel>,
}

impl AppRecords<'_> {
    /// Where a walk reads its next page; `None` at its end. Channels and statuses have the same order in each run. A status comes before the
    /// statuses from which a transaction can move to it. So a transaction that moves during the walk may be missed until the next walk, and is
    /// never counted twice.
    fn position(&self, walk: Option<&Walk>) -> Option<Position> {
        const ORDER: [Status; 4] = [Status::Refund, Status::Success, Status::Closed, Status::Created];
        let lists = |channel: &Channel| ORDER.map(|status| SumList { channel: *channel, status });
        let mut lists = self.channels.iter().flat_map(lists);
        let next = match walk {
            None => lists.next()?,
            Some(Walk { list, progress: ListProgress::Through(row), .. }) => {
                return Some(Position { list: *list, after: Some(row.clone()) });
            }
            // The next list is found by its place in the order: channels may have come or gone since the walk began.
            Some(Walk { list: done, progress: ListProgress::Done, .. }) => {
                let place = |list: &SumList| (list.channel, ORDER.iter().position(|status| *status == list.status));
                lists.find(|list| place(list) > place(done))?
            }
        };
        Some(Position { list: next, after: None })
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
        let records = AppRecords {
            app: &app,
            shards: &Shards::default(),
            mode: Mode::Live,
            channels: vec![Channel::AliApp, Channel::WxNative],
        };
        let list = |channel, status| SumList { channel, status };
        let walk_at = |list, progress| {
            let began_at = Timestamp::from_ms(0).unwrap();
            Walk { began_at, sums: DaySums::default(), list, progress }
        };
        let (mut walk, mut seen) = (None, Vec::new());
        while let Some(Position { list, after }) = records.position(walk.as_ref()) {
            assert_eq!(after, None);
            seen.push(list);
            walk = Some(walk_at(list, ListProgress::Done));
        }
        assert_eq!(seen.len(), 8);
        assert_eq!(seen.first(), Some(&list(Channel::AliApp, Status::Refund)));
        assert_eq!(seen.last(), Some(&list(Channel::WxNative, Status::Created)));
        let (closed, row) = (list(Channel::AliApp, Status::Closed), "000001795444200#01".to_owned());
        let middle = walk_at(closed, ListProgress::Through(row.clone()));
        assert_eq!(records.position(Some(&middle)), Some(Position { list: closed, after: Some(row) }));
        // The channel it stopped at may be gone.
        let gone = walk_at(list(Channel::AliWap, Status::Created), ListProgress::Done);
        let next = list(Channel::WxNative, Status::Refund);
        assert_eq!(records.position(Some(&gone)), Some(Position { list: next, after: None }));
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
