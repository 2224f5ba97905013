//! The overview's chart and the table beside it: payments by day, or by hour if the period is one day, and those of the period before.

use domain::{Day, Timestamp};

use super::{
    chart::{self, Chart, LabelsFrom, Said, Value, Words},
    money,
    period::{HOURS, Known, Period, Periods, Takings, hour_of},
    proportions::percent,
    texts::{self, Texts},
};

/// With more rows than these, the table is closed at first.
const ROWS_OPEN: usize = 8;

/// The chart, and its numbers.
pub(crate) struct Takes {
    pub(crate) heading: &'static str,
    /// What the rows are: days or hours.
    pub(crate) head: &'static str,
    pub(crate) chart: Chart,
    /// The latest first.
    pub(crate) rows: Vec<Row>,
    pub(crate) has_before: bool,
    /// Whether the table is open at first.
    pub(crate) is_open: bool,
}

/// A row of the table. An unknown figure is a dash.
pub(crate) struct Row {
    pub(crate) when: String,
    pub(crate) amount: String,
    pub(crate) before: String,
    pub(crate) paid: String,
    pub(crate) charged: String,
    pub(crate) rate: String,
    pub(crate) refunded: String,
}

/// A day or an hour.
struct Slot {
    /// In the table.
    name: String,
    /// Below the chart.
    label: String,
    takings: Takings,
    known: Known,
    before: Option<Before>,
    /// Whether it is still to come.
    is_future: bool,
}

/// The day or hour of the period before.
struct Before {
    label: String,
    takings: Takings,
}

/// Draws a period and the one before it, as it is at `now`.
pub(crate) fn takes(t: &'static Texts, periods: &Periods, now: Timestamp) -> Takes {
    let is_hours = !periods.now.hours.is_empty();
    let slots = if is_hours { hours(periods, now) } else { days(periods) };
    let heading = if is_hours { t.by_hour } else { t.by_day };
    let has_before = periods.before.is_some();
    let rows: Vec<Row> = slots.iter().rev().filter(|slot| !slot.is_future).map(row).collect();
    let words = Words {
        label: texts::fill(t.chart_of_amounts, &[heading]),
        bars: t.period_now.to_owned(),
        line: has_before.then(|| t.period_before.to_owned()),
    };
    let from = if is_hours { LabelsFrom::First } else { LabelsFrom::Last };
    Takes {
        heading,
        head: if is_hours { t.hour_word } else { t.day_word },
        chart: chart::draw(words, slots.into_iter().map(|slot| value(t, slot)).collect(), from, t.language),
        is_open: rows.len() <= ROWS_OPEN,
        rows,
        has_before,
    }
}

fn days(periods: &Periods) -> Vec<Slot> {
    let earlier = periods.before.iter().flat_map(|before| &before.days);
    let mut earlier = earlier.map(|(day, (sums, _))| Before { label: short(day), takings: Takings::of(sums) });
    let slot = |(day, (sums, known)): (&Day, &(_, Known))| Slot {
        name: day.to_string(),
        label: short(day),
        takings: Takings::of(sums),
        known: *known,
        before: earlier.next(),
        is_future: false,
    };
    periods.now.days.iter().map(slot).collect()
}

/// `11-23`
fn short(day: &Day) -> String {
    day.as_str().chars().skip(5).collect()
}

fn hours(periods: &Periods, now: Timestamp) -> Vec<Slot> {
    let this_hour = hour_of(&Day::of(now), now);
    let today = Day::of(now);
    let first_day = |period: &Period| period.days.keys().next().map(short).unwrap_or_default();
    let yesterday = periods.before.as_ref().map(first_day).unwrap_or_default();
    let cut = periods.now.cut.map(|cut| hour_of(&today, cut));
    let slot = |(hour, takings): (usize, &Takings)| {
        let earlier = periods.before.as_ref().and_then(|before| before.hours.get(hour));
        let label = format!("{hour:02}:00");
        Slot {
            name: format!("{label} – {hour:02}:59"),
            takings: *takings,
            known: match cut {
                Some(cut) if hour < cut => Known::NotYet,
                Some(cut) if hour == cut => Known::Partly,
                Some(_) | None => Known::Whole,
            },
            before: earlier
                .filter(|_| hour <= this_hour)
                .map(|takings| Before { label: format!("{yesterday} {label}"), takings: *takings }),
            is_future: hour > this_hour,
            label,
        }
    };
    periods.now.hours.iter().take(HOURS).enumerate().map(slot).collect()
}

fn value(t: &'static Texts, slot: Slot) -> Value {
    let Slot { label, takings: Takings { paid, .. }, known, before, is_future, .. } = slot;
    let now = match known {
        _ if is_future => label.clone(),
        Known::NotYet => texts::fill(t.chart_value_unknown, &[&label]),
        Known::Whole | Known::Partly => {
            let say = |text: String| said(known, text);
            texts::fill(t.chart_value, &[&label, &say(money::in_all(paid)), &say(money::count(paid.count))])
        }
    };
    let compared = before.as_ref().map(|before| before.takings.paid.amount);
    let before = before.map(|Before { label, takings: Takings { paid, .. } }| {
        texts::fill(t.chart_value_before, &[&label, &money::in_all(paid), &money::count(paid.count)])
    });
    let said = Said { now, before: before.unwrap_or_default() };
    Value { label, height: paid.amount, is_partly: known == Known::Partly, compared, said }
}

fn row(slot: &Slot) -> Row {
    let Takings { charged, paid } = slot.takings;
    let say = |text: String| said(slot.known, text);
    Row {
        when: slot.name.clone(),
        charged: say(money::count(charged.count)),
        paid: say(money::count(paid.count)),
        amount: say(money::in_all(paid)),
        refunded: say(money::back(paid)),
        before: slot.before.as_ref().map_or_else(|| "–".to_owned(), |before| money::in_all(before.takings.paid)),
        rate: if slot.known == Known::NotYet { "–".to_owned() } else { percent(paid.count, charged.count) },
    }
}

/// A figure that may not be complete, or not known.
fn said(known: Known, text: String) -> String {
    match known {
        Known::Whole => text,
        Known::Partly => format!("≥ {text}"),
        Known::NotYet => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{Channel, DaySums, Status, Sum};

    use super::{super::preferences::Language, *};

    fn day_of(amount: i64) -> DaySums {
        let mut sums = DaySums::default();
        sums.add(Channel::AliWeb, Status::Success, Sum { count: 2, amount, refunded: 0 });
        sums.add(Channel::AliWeb, Status::Created, Sum { count: 2, amount, refunded: 0 });
        sums
    }

    fn period(days: [(&str, i64, Known); 2]) -> Period {
        let day = |(day, amount, known)| (Day::parse(day).unwrap(), (day_of(amount), known));
        Period { days: BTreeMap::from(days.map(day)), ..Period::default() }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from_beijing(text).unwrap()
    }

    #[test]
    fn each_day_has_the_day_before_beside_it() {
        let now = period([("2026-11-22", 100, Known::NotYet), ("2026-11-23", 200, Known::Partly)]);
        let before = Some(period([("2026-11-20", 300, Known::Whole), ("2026-11-21", 400, Known::Whole)]));
        let periods = Periods { now, before, before_until: at("2026-11-21 10:00:00") };
        let takes = takes(texts::of(Language::En), &periods, at("2026-11-23 10:00:00"));
        let rows: Vec<_> = takes.rows.iter().map(|row| [&row.when, &row.amount, &row.before, &row.rate]).collect();
        let money = |text: &str| format!("¥\u{a0}{text}");
        let today = ["2026-11-23".to_owned(), format!("≥ {}", money("2.00")), money("4.00"), "50.0%".to_owned()];
        let unknown = ["2026-11-22".to_owned(), "–".to_owned(), money("3.00"), "–".to_owned()];
        assert_eq!(rows, [today.each_ref(), unknown.each_ref()]);
        assert!(takes.is_open && takes.has_before);
        let said = &takes.chart.slots[1].said;
        assert_eq!(said.now, format!("11-23: ≥ {}, ≥ 2 payments", money("2.00")));
        assert_eq!(said.before, format!("Before, 11-21: {}, 2 payments", money("4.00")));
        assert_eq!(takes.chart.slots[0].said.now, "11-22: not summed yet");
    }

    #[test]
    fn a_day_is_shown_by_its_hours_up_to_now() {
        let hours = |amount| {
            let paid = Sum { count: 1, amount, refunded: 0 };
            vec![Takings { paid, charged: paid }; HOURS]
        };
        let now = Period { hours: hours(100), cut: Some(at("2026-11-23 01:30:00")), ..Period::default() };
        let before = Some(Period { hours: hours(50), ..Period::default() });
        let periods = Periods { now, before, before_until: at("2026-11-22 10:00:00") };
        let takes = takes(texts::of(Language::En), &periods, at("2026-11-23 10:00:00"));
        assert_eq!((takes.rows.len(), takes.rows[0].when.as_str()), (11, "10:00 – 10:59"));
        let amounts: Vec<bool> = takes.rows.iter().map(|row| row.amount.starts_with('¥')).collect();
        assert_eq!(amounts.iter().filter(|whole| **whole).count(), 9, "the first is not known, the next in part");
        let strokes = takes.chart.slots.iter().filter(|slot| slot.stroke.is_some()).count();
        assert_eq!((takes.chart.slots.len(), strokes, takes.is_open), (24, 10, false));
    }
}
