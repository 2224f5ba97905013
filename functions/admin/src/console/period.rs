//! The sums of the days in a period, and of the period before it. Sums of past days are stored. Today, and days that are not summed yet, are
//! read live.
//!
//! Days are days in Beijing, as the providers' days are. So the stored sums are the same for every reader.
//!
//! The period before ends at the same time of the day as this one, so that a day that is not over is never compared with a whole one. The
//! stored sums of both periods are one query. Only the last day of each is read live, as a rule, and both within the same bounds.

use std::collections::BTreeMap;

use domain::{Channel, Day, DaySums, Status, Sum, Timestamp};
use futures_util::future::try_join_all;
use store::{SumRange, SumRow};

use super::{Trouble, desk::Desk};
use crate::api::page::channels_ever;

/// Pages of 3,000 rows that are read of one channel and status: some 12,000 charges in a few hundred milliseconds.
const PAGES_MAX: usize = 4;

/// How many separate stretches of unsummed days are read of each period. Usually there is one; there are more if the job failed in some
/// nights.
const STRETCHES_MAX: usize = 4;

/// The hours of a day in Beijing, where clocks never change.
pub(crate) const HOURS: usize = 24;

/// How much of a day is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Whole,
    /// Only from a moment on: the day has more rows than are read.
    Partly,
    /// It is not summed yet, and too long ago to be read live.
    NotYet,
}

/// What was charged and what was paid in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Takings {
    pub(crate) charged: Sum,
    pub(crate) paid: Sum,
}

impl Takings {
    pub(crate) fn of(sums: &DaySums) -> Self {
        Self { charged: sums.charged(|_| true), paid: sums.paid(|_| true) }
    }

    fn add(&mut self, status: Status, sum: Sum) {
        self.charged.add(sum);
        if status.is_paid() {
            self.paid.add(sum);
        }
    }
}

/// The days of a period, each with its sums.
#[derive(Debug, Default)]
pub(crate) struct Period {
    pub(crate) days: BTreeMap<Day, (DaySums, Known)>,
    /// The hours of a period of one day; empty for a longer one.
    pub(crate) hours: Vec<Takings>,
    /// The moment from which the live figures are complete, if some rows were not read.
    pub(crate) cut: Option<Timestamp>,
    /// When the oldest of the stored sums was made.
    pub(crate) summed_at: Option<Timestamp>,
}

/// A period and the one before it.
#[derive(Debug)]
pub(crate) struct Periods {
    pub(crate) now: Period,
    /// As many days before, up to the same time of the day. `None` if one of the two is not known completely.
    pub(crate) before: Option<Period>,
    /// Until when the period before is counted.
    pub(crate) before_until: Timestamp,
}

/// The last `count` days, including today, and as many before.
pub(crate) async fn read(desk: &Desk<'_>, count: usize) -> Result<Periods, Trouble> {
    let found = desk.app()?;
    let mut days = std::iter::successors(Some(Day::of(desk.now)), |day| Some(day.before()));
    let own: Vec<Day> = days.by_ref().take(count).collect();
    let earlier: Vec<Day> = days.take(count).collect();
    let hours = if count == 1 { vec![Takings::default(); HOURS] } else { Vec::new() };
    let mut now = Period { hours: hours.clone(), ..Period::default() };
    let mut before = Period { hours, ..Period::default() };
    if let (Some(last), Some(first)) = (own.first(), earlier.last()) {
        for day in desk.deps.services.store.kept_days(&found.app.id, desk.mode, first, last).await? {
            let Some((sums, summed_at)) = day.sums else { continue };
            if own.contains(&day.day) {
                now.summed_at = Some(now.summed_at.map_or(summed_at, |before| before.min(summed_at)));
                now.days.insert(day.day, (sums, Known::Whole));
            } else if earlier.first() != Some(&day.day) {
                before.days.insert(day.day, (sums, Known::Whole));
            }
        }
    }
    now.complete(desk, &own, Day::of(desk.now).end()).await?;
    let before_until = Day::days_before(desk.now, count);
    if !now.is_whole() {
        return Ok(Periods { now, before: None, before_until });
    }
    // Before its app was made, nothing was charged.
    let made_on = Day::of(found.app.created_at);
    for day in earlier.iter().filter(|day| **day < made_on) {
        before.days.entry(day.clone()).or_insert((DaySums::default(), Known::Whole));
    }
    before.complete(desk, &earlier, before_until).await?;
    Ok(Periods { now, before: Some(before).filter(Period::is_whole), before_until })
}

impl Period {
    /// The total of everything that is known.
    pub(crate) fn total(&self) -> DaySums {
        let mut total = DaySums::default();
        self.days.values().for_each(|(sums, _)| total.add_all(sums));
        total
    }

    fn is_whole(&self) -> bool {
        self.cut.is_none() && self.days.values().all(|(_, known)| *known == Known::Whole)
    }

    /// Reads what is missing of `days`, the latest first, up to a moment.
    async fn complete(&mut self, desk: &Desk<'_>, days: &[Day], until: Timestamp) -> Result<(), Trouble> {
        for stretch in stretches(days, |day| !self.days.contains_key(day)).into_iter().take(STRETCHES_MAX) {
            if self.cut.is_some() {
                break;
            }
            live(desk, &stretch, until, self).await?;
        }
        for day in days {
            self.days.entry(day.clone()).or_insert((DaySums::default(), Known::NotYet));
        }
        Ok(())
    }
}

/// Days that follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    first: Day,
    last: Day,
}

/// The stretches of days that `wanted` accepts, the latest first.
fn stretches(days: &[Day], wanted: impl Fn(&Day) -> bool) -> Vec<Stretch> {
    let chunks = days.chunk_by(|one, next| wanted(one) == wanted(next));
    let ends = |chunk: &[Day]| Some(Stretch { first: chunk.last()?.clone(), last: chunk.first()?.clone() });
    chunks.filter(|chunk| chunk.first().is_some_and(&wanted)).filter_map(ends).collect()
}

/// Reads a stretch of days live, the latest rows first.
async fn live(desk: &Desk<'_>, stretch: &Stretch, until: Timestamp, period: &mut Period) -> Result<(), Trouble> {
    let found = desk.app()?;
    let sources = channels_ever(found, desk.mode);
    let sources = sources.iter().flat_map(|channel| Status::ALL.map(|status| (*channel, status)));
    let read = try_join_all(sources.map(|source| read_source(desk, source, stretch, until))).await?;
    let cut = read.iter().filter_map(|read| read.cut).max();
    let mut day = Some(stretch.last.clone());
    while let Some(one) = day.take_if(|one| *one >= stretch.first && cut.is_none_or(|cut| one.end() >= cut)) {
        let known = if cut.is_some_and(|cut| one.start() < cut) { Known::Partly } else { Known::Whole };
        day = Some(one.before());
        period.days.insert(one, (DaySums::default(), known));
    }
    for ReadSource { source: (channel, status), rows, .. } in read {
        // Another source may have stopped at a later moment. Rows from before that moment would make the shares wrong.
        for row in rows.iter().filter(|row| cut.is_none_or(|cut| row.created_at >= cut)) {
            let day = Day::of(row.created_at);
            if let Some(hour) = period.hours.get_mut(hour_of(&day, row.created_at)) {
                hour.add(status, row.sum);
            }
            if let Some((sums, _)) = period.days.get_mut(&day) {
                sums.add_transaction(channel, status, row.sum, row.closing);
            }
        }
    }
    period.cut = cut;
    Ok(())
}

/// In which hour of its day a moment is.
pub(crate) fn hour_of(day: &Day, at: Timestamp) -> usize {
    day.hour_of(at)
}

type Source = (Channel, Status);

/// The latest rows of a source.
struct ReadSource {
    source: Source,
    rows: Vec<SumRow>,
    /// If there are more rows: the rows read are complete from this moment on.
    cut: Option<Timestamp>,
}

async fn read_source(
    desk: &Desk<'_>,
    source: Source,
    stretch: &Stretch,
    until: Timestamp,
) -> Result<ReadSource, Trouble> {
    let (app, (channel, status)) = (&desk.app()?.app, source);
    let (start, end) = (stretch.first.start(), stretch.last.end().min(until));
    let mut range = SumRange { channel, status, start, end, newest_first: true, after: None };
    let mut rows: Vec<SumRow> = Vec::new();
    for _ in 0..PAGES_MAX {
        let page = desk.deps.services.store.sum_page(&app.id, desk.mode, &app.shards, &range).await?;
        rows.extend(page.rows);
        let Some(next) = page.next else { return Ok(ReadSource { source, rows, cut: None }) };
        range.after = Some(next);
    }
    let cut = rows.last().map(|row| row.created_at);
    Ok(ReadSource { source, rows, cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_follow_one_another_are_read_together() {
        let day = |text: &str| Day::parse(text).unwrap();
        let days = ["2026-11-23", "2026-11-22", "2026-11-21", "2026-11-20", "2026-11-19"].map(day);
        let wanted = |days_wanted: &'static [&'static str]| move |day: &Day| days_wanted.contains(&day.as_str());
        let stretch = |first, last| Stretch { first: day(first), last: day(last) };
        assert_eq!(
            stretches(&days, wanted(&["2026-11-23", "2026-11-22", "2026-11-20"])),
            [stretch("2026-11-22", "2026-11-23"), stretch("2026-11-20", "2026-11-20")]
        );
        assert_eq!(stretches(&days, |_| true), [stretch("2026-11-19", "2026-11-23")]);
        assert_eq!(stretches(&days, |_| false), []);
        assert_eq!(stretches(&[], |_| true), []);
    }

    #[test]
    fn a_day_has_its_hours() {
        let day = Day::parse("2026-11-23").unwrap();
        let at = |text: &str| Timestamp::from_beijing(&format!("2026-11-23 {text}")).unwrap();
        let hours = ["00:00:00", "00:59:59", "01:00:00", "23:59:59"].map(|text| hour_of(&day, at(text)));
        assert_eq!(hours, [0, 0, 1, 23]);
    }
}
