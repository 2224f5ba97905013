//! The sums of the days in a period. Sums of past days are stored. Today, and days that are not summed yet, are read live.
//!
//! Days are days in Beijing, as the providers' days are. So the stored sums are the same for every reader.

use std::collections::BTreeMap;

use domain::{Channel, Day, DaySums, Status, Timestamp};
use futures_util::future::try_join_all;
use store::{SumRange, SumRow};

use super::{Trouble, desk::Desk};
use crate::api::page::channels_ever;

/// Pages of 3,000 rows that are read of one channel and status: some 12,000 charges in a few hundred milliseconds.
const PAGES_MAX: usize = 4;

/// How many separate stretches of unsummed days are read. Usually there is one; there are more if the job failed in some nights.
const STRETCHES_MAX: usize = 4;

/// How much of a day is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Whole,
    /// Only from a moment on: the day has more rows than are read.
    Partly,
    /// It is not summed yet, and too long ago to be read live.
    NotYet,
}

/// The days of a period, each with its sums.
#[derive(Debug, Default)]
pub(crate) struct Period {
    pub(crate) days: BTreeMap<Day, (DaySums, Known)>,
    /// The moment from which the live figures are complete, if some rows were not read.
    pub(crate) cut: Option<Timestamp>,
    /// When the oldest of the stored sums was made.
    pub(crate) summed_at: Option<Timestamp>,
}

/// The last `count` days, including today.
pub(crate) async fn read(desk: &Desk<'_>, count: usize) -> Result<Period, Trouble> {
    let days: Vec<Day> = std::iter::successors(Some(Day::of(desk.now)), |day| Some(day.before())).take(count).collect();
    let mut period = Period::default();
    if let (Some(last), Some(first)) = (days.first(), days.last()) {
        let kept = desk.deps.services.store.kept_days(&desk.app()?.app.id, desk.mode, first, last).await?;
        for day in kept {
            if let Some((sums, summed_at)) = day.sums {
                period.summed_at = Some(period.summed_at.map_or(summed_at, |before| before.min(summed_at)));
                period.days.insert(day.day, (sums, Known::Whole));
            }
        }
    }
    for stretch in stretches(&days, |day| !period.days.contains_key(day)).into_iter().take(STRETCHES_MAX) {
        if period.cut.is_some() {
            break;
        }
        live(desk, &stretch, &mut period).await?;
    }
    for day in days {
        period.days.entry(day).or_insert((DaySums::default(), Known::NotYet));
    }
    Ok(period)
}

impl Period {
    /// The total of everything that is known.
    pub(crate) fn total(&self) -> DaySums {
        let mut total = DaySums::default();
        self.days.values().for_each(|(sums, _)| total.add_all(sums));
        total
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
async fn live(desk: &Desk<'_>, stretch: &Stretch, period: &mut Period) -> Result<(), Trouble> {
    let found = desk.app()?;
    let sources = channels_ever(found, desk.mode);
    let sources = sources.iter().flat_map(|channel| Status::ALL.map(|status| (*channel, status)));
    let read = try_join_all(sources.map(|source| read_source(desk, source, stretch))).await?;
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
            if let Some((sums, _)) = period.days.get_mut(&Day::of(row.created_at)) {
                sums.add(channel, status, row.sum);
            }
        }
    }
    period.cut = cut;
    Ok(())
}

type Source = (Channel, Status);

/// The latest rows of a source.
struct ReadSource {
    source: Source,
    rows: Vec<SumRow>,
    /// If there are more rows: the rows read are complete from this moment on.
    cut: Option<Timestamp>,
}

async fn read_source(desk: &Desk<'_>, source: Source, stretch: &Stretch) -> Result<ReadSource, Trouble> {
    let (app, (channel, status)) = (&desk.app()?.app, source);
    let (start, end) = (stretch.first.start(), stretch.last.end());
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
}
