//! The statement of a month, for the accountant: each day and each channel, on one page that prints. Days are days in Beijing, as in the
//! overview and in the providers' bills.

use askama::Template;
use domain::{AccountingPeriod, Basis, Day, RecordsFilter, TimeSpan, Turnover};
use runtime::query_parameter;

use super::{
    Answer, Trouble,
    chart::{self, Chart, LabelsFrom, Said, Value, Words},
    choices::{Offer, offer},
    desk::Desk,
    export::basis_text,
    frame::{Frame, Section},
    money, query,
    texts::{self, Texts},
    transactions::DAYS_IN_BEIJING,
    turnovers::{self, Turnovers},
};

/// The days of a month, and none more.
const DAYS_MAX: usize = 31;

/// One line: a day, a channel, or all of them.
struct Row {
    label: String,
    paid: String,
    money_in: String,
    money_out: String,
    net: String,
}

#[derive(Template)]
#[template(path = "statement.html")]
struct Statement {
    f: Frame,
    t: &'static Texts,
    month: String,
    before: String,
    after: Option<String>,
    bases: Vec<Offer>,
    basis_label: &'static str,
    basis_text: &'static str,
    chart: Chart,
    days: Vec<Row>,
    channels: Vec<Row>,
    total: Row,
    is_cut: bool,
    made: String,
    export: String,
}

/// A month in Beijing.
struct Month {
    first: Day,
    last: Day,
}

impl Month {
    /// Reads `2026-11`; `None` for any other text.
    fn parse(text: &str) -> Option<Self> {
        let first = Day::parse(&format!("{text}-01"))?;
        let days = std::iter::successors(Some(first.clone()), |day| Some(day.after())).take(DAYS_MAX);
        let last = days.take_while(|day| name_of(day) == text).last()?;
        Some(Self { first, last })
    }

    fn of(day: &Day) -> Option<Self> {
        Self::parse(&name_of(day))
    }

    fn span(&self) -> TimeSpan {
        TimeSpan { start: self.first.start(), end: self.last.end() }
    }
}

fn name_of(day: &Day) -> String {
    day.as_str().chars().take(7).collect()
}

/// `/statement?month=2026-11&by=settled`; without a month, the month before this one.
pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    let t = desk.t();
    let today = Day::of(desk.now);
    let this_month = Month::of(&today).ok_or(Trouble::NotFound)?;
    let month = match query_parameter(desk.request, "month").filter(|month| !month.is_empty()) {
        None => Month::of(&this_month.first.before()),
        Some(month) => Month::parse(&month),
    };
    let month = month.ok_or(Trouble::NotFound)?;
    let basis = query_parameter(desk.request, "by").and_then(|by| Basis::find(&by)).unwrap_or(Basis::Settled);
    let period = AccountingPeriod { basis, span: month.span() };
    let read = turnovers::read(desk, &RecordsFilter::default(), &period).await?;
    let name = name_of(&month.first);
    let f = Frame { section: Section::Accounting, ..desk.frame(&format!("{} {name}", t.statement)) };
    let href = |month: &str, basis: Basis| {
        let asked = query(&[("mode", f.mode.name()), ("month", month), ("by", basis.name())]);
        format!("{}?{asked}", f.at("/statement"))
    };
    let own_days = [("from", month.first.as_str()), ("to", month.last.as_str())];
    // The lines are those of the same days, wherever the reader is.
    let exported = [("mode", f.mode.name()), ("by", basis.name()), ("days", DAYS_IN_BEIJING), ("time", "own")];
    let page = Statement {
        before: href(&name_of(&month.first.before()), basis),
        after: (month.first < this_month.first).then(|| href(&name_of(&month.last.after()), basis)),
        bases: Basis::ALL.map(|one| offer(&href(&name, one), t.name_of(one), &href(&name, basis))).to_vec(),
        basis_label: t.name_of(basis),
        basis_text: basis_text(t, basis),
        chart: draw(t, &month, &today, &read),
        days: read.days.iter().map(|(day, own)| row(day.as_str(), own)).collect(),
        channels: read.channels.iter().map(|(channel, own)| row(t.name_of(*channel), own)).collect(),
        total: row(t.total, &read.total()),
        is_cut: read.is_cut,
        made: texts::fill(t.statement_made, &[&f.moment(desk.now), f.operator_name()]),
        export: format!("{}?{}", f.at("/export"), query(&[exported.as_slice(), &own_days].concat())),
        month: name,
        t,
        f,
    };
    desk.page(200, &page)
}

fn row(label: &str, own: &Turnover) -> Row {
    Row {
        label: label.to_owned(),
        paid: domain::grouped(u64::try_from(own.paid).unwrap_or_default()),
        money_in: money::came_in(own),
        money_out: money::went_back(own),
        net: money::net(own),
    }
}

/// What came in on each day of the month up to today, and what went back as a line.
fn draw(t: &'static Texts, month: &Month, today: &Day, read: &Turnovers) -> Chart {
    let days = std::iter::successors(Some(month.first.clone()), |day| Some(day.after()));
    let days = days.take(DAYS_MAX).take_while(|day| *day <= month.last && day <= today);
    let value = |day: Day| {
        let own = read.days.get(&day).copied().unwrap_or_default();
        let label: String = day.as_str().chars().skip(5).collect();
        let [paid, came_in, went_back] = [
            domain::grouped(u64::try_from(own.paid).unwrap_or_default()),
            money::came_in(&own),
            money::went_back(&own),
        ];
        let said = Said {
            now: texts::fill(t.chart_value, &[&label, &came_in, &paid]),
            before: format!("{}{}{went_back}", t.money_out, t.colon),
        };
        Value { label, height: own.amount(), compared: Some(own.refunded()), said, ..Value::default() }
    };
    let words = Words {
        label: texts::fill(t.chart_of_amounts, &[t.each_day]),
        bars: t.money_in.to_owned(),
        line: Some(t.money_out.to_owned()),
    };
    chart::draw(words, days.map(value).collect(), LabelsFrom::First, t.language)
}
