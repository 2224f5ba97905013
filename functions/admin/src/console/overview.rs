//! The overview: what was paid by day and by channel, how much of what was charged is paid, and how the webhooks do.
//!
//! It is summed up live from the latest charges, and from no more of them than a page may cost: where there are more, it says so.

use std::collections::BTreeMap;

use askama::Template;
use domain::{Family, Record, RecordsFilter, RecordsOrder, RecordsRequest, Timestamp};
use runtime::query_parameter;

use super::{
    Answer, Trouble,
    desk::Desk,
    format,
    frame::{Frame, Section},
    texts::{self, Texts},
    webhooks,
};
use crate::transactions;

/// Charges that one look may read: some twenty queries, a few hundred milliseconds.
const RECORDS_MAX: usize = 2000;

/// The drawing's own measures; it is scaled to the page.
const WIDTH: usize = 900;
const HEIGHT: usize = 200;
const FOOT: usize = 24;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sums {
    charged: u64,
    paid: u64,
    /// In fen.
    amount: i64,
}

struct Bar {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    /// Where the day is written, for those that have room for it.
    label: Option<(usize, String)>,
    title: String,
}

struct Day {
    day: String,
    charged: u64,
    paid: u64,
    amount: String,
}

struct Share {
    name: &'static str,
    class: &'static str,
    x: usize,
    width: usize,
    paid: u64,
    amount: String,
    percent: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    f: Frame,
    t: &'static Texts,
    periods: Vec<(&'static str, &'static str, bool)>,
    cut: Option<String>,
    amount: String,
    paid: u64,
    rate: String,
    of_charged: String,
    failing: usize,
    webhooks: usize,
    bars: Vec<Bar>,
    days: Vec<Day>,
    shares: Vec<Share>,
}

pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    let t = desk.t();
    let f = Frame { section: Section::Overview, ..desk.frame(t.overview) };
    let asked = query_parameter(desk.request, "days").unwrap_or_default();
    let (days, word) = match asked.as_ref() {
        "1" => (1, "1"),
        "30" => (30, "30"),
        _ => (7, "7"),
    };
    let zone = desk.preferences.zone;
    let start = format::day_start(desk.now, zone, 1 - days);
    let (records, cut) = read(desk, start).await?;
    let cut = cut.map(|at| texts::fill(t.overview_cut, &[&records.len().to_string(), &f.moment(at)]));
    // Every day is there, also one on which nothing was charged.
    let mut by_day: BTreeMap<String, Sums> =
        (0..days).map(|back| (format::day(format::day_start(desk.now, zone, -back), zone), Sums::default())).collect();
    let mut by_family: BTreeMap<Family, Sums> =
        Family::ALL.iter().map(|(family, _)| (*family, Sums::default())).collect();
    let mut all = Sums::default();
    for record in &records {
        all.add(record);
        by_family.entry(record.channel.family()).or_default().add(record);
        by_day.entry(format::day(record.created_at, zone)).or_default().add(record);
    }
    let known = webhooks::rows(desk).await?;
    let page = Overview {
        periods: [("1", t.today), ("7", t.days_7), ("30", t.days_30)]
            .map(|(days, label)| (days, label, days == word))
            .to_vec(),
        cut,
        amount: format::money(all.amount),
        paid: all.paid,
        rate: percent(all.paid, all.charged),
        of_charged: texts::fill(t.of_charged, &[&all.paid.to_string(), &all.charged.to_string()]),
        failing: known.iter().filter(|one| one.is_failing).count(),
        webhooks: known.len(),
        bars: bars(&by_day),
        days: by_day.iter().rev().map(|(day, sums)| sums.shown(day)).collect(),
        shares: shares(t, &by_family),
        f,
        t,
    };
    desk.page(200, &page)
}

/// The latest charges since `start`, and from when on they are whole if there are more.
async fn read(desk: &Desk<'_>, start: Timestamp) -> Result<(Vec<Record>, Option<Timestamp>), Trouble> {
    let filter = RecordsFilter { start: Some(start), ..RecordsFilter::default() };
    let request = RecordsRequest { filter, order: RecordsOrder::NewestFirst, skip: 0, limit: RECORDS_MAX };
    let page = transactions::page(&desk.deps.base.store, desk.app()?, desk.mode, &request, None).await?;
    let cut = page.next.and_then(|_| page.records.last().map(|last| last.created_at));
    Ok((page.records, cut))
}

impl Sums {
    fn add(&mut self, record: &Record) {
        self.charged += 1;
        if record.status.is_paid() {
            self.paid += 1;
            self.amount = self.amount.saturating_add(record.fee.get());
        }
    }

    fn shown(&self, day: &str) -> Day {
        Day { day: day.to_owned(), charged: self.charged, paid: self.paid, amount: format::money(self.amount) }
    }
}

/// `62.5%`, by whole numbers; a dash of nothing.
fn percent(part: u64, whole: u64) -> String {
    let Some(thousandths) = part.saturating_mul(1000).checked_div(whole) else { return "–".to_owned() };
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

/// `length` times part by whole, by whole numbers.
fn scaled(length: usize, part: i64, whole: i64) -> usize {
    let length = i64::try_from(length).unwrap_or_default();
    let scaled = i128::from(length) * i128::from(part) / i128::from(whole.max(1));
    usize::try_from(scaled).unwrap_or_default()
}

fn bars(by_day: &BTreeMap<String, Sums>) -> Vec<Bar> {
    /// More labels than this would touch each other.
    const LABELS_MAX: usize = 10;
    let highest = by_day.values().map(|sums| sums.amount).max().unwrap_or_default();
    let count = by_day.len().max(1);
    let slot = WIDTH / count;
    let every = count.div_ceil(LABELS_MAX);
    let bar = |(place, (day, sums)): (usize, (&String, &Sums))| {
        let height = scaled(HEIGHT - FOOT - 10, sums.amount, highest);
        let x = place * slot;
        let width = (slot * 7 / 10).clamp(1, 80);
        let x = x + (slot - width) / 2;
        let label = (place % every == 0).then(|| (x + width / 2, day.chars().skip(5).collect()));
        Bar {
            x,
            y: HEIGHT - FOOT - height,
            width,
            height,
            label,
            title: format!("{day} {}", format::money(sums.amount)),
        }
    };
    by_day.iter().enumerate().map(bar).collect()
}

fn shares(t: &'static Texts, by_family: &BTreeMap<Family, Sums>) -> Vec<Share> {
    let whole: i64 = by_family.values().map(|sums| sums.amount).sum();
    let mut x = 0;
    let mut shares = Vec::new();
    for (family, sums) in by_family {
        let width = scaled(WIDTH, sums.amount, whole);
        let class = match family {
            Family::Ali => "ali",
            Family::Wx => "wx",
            Family::Unipay => "unipay",
        };
        let amount = format::money(sums.amount);
        let of = percent(u64::try_from(sums.amount).unwrap_or_default(), u64::try_from(whole).unwrap_or_default());
        shares.push(Share { name: t.family_name(*family), class, x, width, paid: sums.paid, amount, percent: of });
        x += width;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_whole_numbers() {
        assert_eq!(
            (percent(5, 8), percent(1, 3), percent(0, 0), percent(8, 8)),
            ("62.5%".into(), "33.3%".into(), "–".into(), "100.0%".into())
        );
        assert_eq!((scaled(900, 1, 3), scaled(900, 0, 0), scaled(900, i64::MAX, i64::MAX)), (300, 0, 900));
    }

    #[test]
    fn bars_stay_within_the_drawing() {
        for count in [1, 7, 30] {
            let day = |number: usize| (format!("2026-11-{number:02}"), Sums { charged: 1, paid: 1, amount: 100 });
            for bar in bars(&(1..=count).map(day).collect()) {
                assert!(bar.x + bar.width <= WIDTH && bar.y + bar.height <= HEIGHT && bar.height > 0);
            }
        }
    }
}
