//! The list of transactions, with its filters.

use askama::Template;
use domain::{
    Basis, BillNum, ChannelFilter, Family, Record, RecordsFilter, RecordsOrder, RecordsRequest, Status, TimeSpan,
    Timestamp, TransactionId,
};
use runtime::query_parameter;
use store::RecordsQuery;

use super::{
    Answer, Trouble,
    choices::{Offer, offer},
    desk::Desk,
    format,
    frame::{Frame, Section},
    money,
    pages::{Pages, Total},
    preferences::{Language, Zone},
    query, redirect,
    several::Pick,
    texts::{self, Texts},
};
use crate::api::{
    page::{channels_ever, parse_cursor, write_cursor},
    transactions::page,
};

/// Rows on one page.
const PAGE: usize = 25;

/// A list says how many transactions it has up to this number.
const COUNTED_MAX: usize = 1000;

/// A time that can be chosen: its word in addresses, and its label.
type Time = (&'static str, fn(&Texts) -> &'static str);

const TIMES: [Time; 9] = [
    ("", |t| t.any_time),
    ("1", |t| t.today),
    ("yesterday", |t| t.yesterday),
    ("7", |t| t.days_7),
    ("30", |t| t.days_30),
    ("60", |t| t.days_60),
    ("month", |t| t.this_month),
    ("last-month", |t| t.last_month),
    ("own", |t| t.own_range),
];

/// One row of a list.
pub(crate) struct Row {
    pub(crate) href: String,
    pub(crate) bill: String,
    pub(crate) id: String,
    pub(crate) created: String,
    pub(crate) amount: String,
    pub(crate) refunded: Option<String>,
    pub(crate) channel: &'static str,
    pub(crate) status: &'static str,
    pub(crate) status_label: &'static str,
    /// The field by which a paid one is chosen for a refund.
    pub(crate) pick: Option<Pick>,
}

/// The filter, as it was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) search: String,
    pub(crate) status: String,
    pub(crate) channel: String,
    pub(crate) time: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// The time by which an export counts.
    pub(crate) basis: String,
    /// `beijing` if the days are days in Beijing for every reader, as in the statement.
    pub(crate) days: String,
}

/// The word for days in Beijing, in addresses.
pub(crate) const DAYS_IN_BEIJING: &str = "beijing";

/// The time that a filter admits, with both ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
}

/// The time that an export covers, and the zone of its days.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DaysOf {
    pub(crate) range: Range,
    pub(crate) zone: Zone,
}

/// Its value in the address, its label, and whether it is chosen.
type Choice = (String, String, bool);

#[derive(Template)]
#[template(path = "transactions.html")]
struct List {
    f: Frame,
    t: &'static Texts,
    filter: Filter,
    filtered: bool,
    statuses: Vec<Choice>,
    channels: Vec<Choice>,
    times: Vec<Offer>,
    problem: Option<String>,
    rows: Vec<Row>,
    empty_heading: &'static str,
    empty_text: &'static str,
    pages: Pages,
    export: String,
    /// Whether a row can be chosen for a refund.
    can_choose: bool,
}

impl Filter {
    pub(crate) fn read(desk: &Desk<'_>) -> Self {
        let text = |name| query_parameter(desk.request, name).unwrap_or_default().trim().chars().take(64).collect();
        Self {
            search: text("q"),
            status: text("status"),
            channel: text("channel"),
            time: text("time"),
            from: text("from"),
            to: text("to"),
            basis: text("by"),
            days: text("days"),
        }
    }

    fn is_set(&self) -> bool {
        [&self.search, &self.status, &self.channel, &self.time, &self.from, &self.to]
            .iter()
            .any(|text| !text.is_empty())
    }

    /// The address of a page with this filter.
    pub(crate) fn href(&self, f: &Frame, page: &str, more: &[(&str, &str)]) -> String {
        let own = [
            ("mode", f.mode.name()),
            ("q", self.search.as_str()),
            ("status", self.status.as_str()),
            ("channel", self.channel.as_str()),
            ("time", self.time.as_str()),
            ("from", self.from.as_str()),
            ("to", self.to.as_str()),
            ("by", self.basis.as_str()),
            ("days", self.days.as_str()),
        ];
        let set = own.into_iter().filter(|(_, value)| !value.is_empty()).chain(more.iter().copied());
        format!("{}?{}", f.at(page), query(&set.collect::<Vec<_>>()))
    }

    /// The request for this filter. An unknown word counts as no filter.
    ///
    /// # Errors
    /// The error in the range of days.
    pub(crate) fn request(&self, desk: &Desk<'_>, limit: usize) -> Result<RecordsRequest, String> {
        self.request_by(desk, Basis::Created, limit)
    }

    /// The same for an export. Its times are those of `basis`: by settlement, days are days in Beijing for every reader.
    ///
    /// # Errors
    /// The error in the range of days.
    pub(crate) fn request_by(&self, desk: &Desk<'_>, basis: Basis, limit: usize) -> Result<RecordsRequest, String> {
        let Range { start, end } = self.range(desk, self.zone(desk, basis))?;
        let filter = RecordsFilter {
            channel: ChannelFilter::find(&self.channel),
            bill: BillNum::parse(&self.search).ok(),
            status: Status::find(&self.status),
            only_paid: basis != Basis::Created,
            start,
            end,
        };
        Ok(RecordsRequest { filter, order: RecordsOrder::NewestFirst, skip: 0, limit })
    }

    /// The zone whose days count.
    pub(crate) fn zone(&self, desk: &Desk<'_>, basis: Basis) -> Zone {
        let is_in_beijing = basis == Basis::Settled || self.days == DAYS_IN_BEIJING;
        if is_in_beijing { Zone::BEIJING } else { desk.preferences.zone }
    }

    /// The filter as `basis` counts: by settlement a refund counts for itself, whatever became of its payment.
    pub(crate) fn counted_by(&self, basis: Basis) -> Self {
        let has_none = basis == Basis::Settled && !self.names_one();
        let status = if has_none { String::new() } else { self.status.clone() };
        Self { status, ..self.clone() }
    }

    /// Whether one bill or one transaction is asked for. Then an export has it whatever its time.
    pub(crate) fn names_one(&self) -> bool {
        TransactionId::parse(&self.search).is_ok() || BillNum::parse(&self.search).is_ok()
    }

    /// The same for any time.
    pub(crate) fn at_any_time(&self) -> Self {
        Self { time: String::new(), from: String::new(), to: String::new(), ..self.clone() }
    }

    /// The choices of a time, and which of them is chosen.
    pub(crate) fn times(&self, t: &'static Texts) -> Vec<Offer> {
        TIMES.map(|(value, label)| offer(value, label(t), &self.time)).to_vec()
    }

    /// The chosen time in words, with the days that it means and their zone.
    pub(crate) fn time_in_words(&self, t: &'static Texts, language: Language, days: DaysOf) -> String {
        let DaysOf { range: Range { start, end }, zone } = days;
        let label = TIMES.iter().find(|(value, _)| *value == self.time && *value != "own").map(|(_, label)| label(t));
        let of = |at: Option<Timestamp>| at.map(|at| format::day(at, zone)).unwrap_or_default();
        let days = match (of(start), of(end)) {
            (first, last) if first == last => Some(first).filter(|day| !day.is_empty()),
            (first, last) => Some(format!("{first} – {last}").trim().to_owned()),
        };
        let label = if days.is_none() { Some(t.any_time) } else { label };
        let words = [label.map(str::to_owned), days, Some(zone.label(language))];
        words.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// The chosen time, with days of `zone`.
    ///
    /// # Errors
    /// The error in the range of days.
    pub(crate) fn range(&self, desk: &Desk<'_>, zone: Zone) -> Result<Range, String> {
        let between = |TimeSpan { start, end }| Ok(Range { start: Some(start), end: Some(end) });
        let days = |days: i64| Ok(Range { start: Some(format::days_start(desk.now, zone, days)), end: None });
        match self.time.as_str() {
            "1" => days(1),
            "7" => days(7),
            "30" => days(30),
            "60" => days(60),
            "yesterday" => between(format::yesterday(desk.now, zone)),
            "month" => between(format::month(desk.now, zone)),
            "last-month" => between(format::last_month(desk.now, zone)),
            "own" => {
                let day = |text: &str| match text {
                    "" => Ok(None),
                    text => format::parse_day(text, zone).map(Some).ok_or_else(|| desk.t().wrong_day.to_owned()),
                };
                let (from, to) = (day(&self.from)?, day(&self.to)?);
                let (start, end) = (from.map(|day| day.start), to.map(|day| day.end));
                if start.zip(end).is_some_and(|(start, end)| start > end) {
                    return Err(desk.t().range_backwards.to_owned());
                }
                Ok(Range { start, end })
            }
            _ => Ok(Range::default()),
        }
    }
}

pub(crate) async fn list(desk: &Desk<'_>) -> Answer {
    let filter = Filter::read(desk);
    let f = Frame { section: Section::Transactions, ..desk.frame(desk.t().transactions) };
    if !filter.search.is_empty() {
        // Links to a bill or an id, as older versions wrote them.
        return redirect(&filter.href(&f, "/find", &[]), &[]);
    }
    let cursor = query_parameter(desk.request, "cursor").filter(|cursor| !cursor.is_empty());
    let from = cursor.as_deref().map(parse_cursor).transpose()?;
    let (records, next, total, problem) = match filter.request(desk, PAGE) {
        Err(problem) => (Vec::new(), None, Total::Unknown, Some(problem)),
        Ok(request) => {
            let page = page(&desk.deps.services.store, desk.app()?, desk.mode, &request, from.as_ref()).await?;
            let total = if page.next.is_some() { count(desk, &request).await? } else { Total::Unknown };
            (page.records, page.next.as_ref().map(write_cursor), total, None)
        }
    };
    let t = desk.t();
    let can_choose = f.may_operate() && records.iter().any(|record| record.status == Status::Success);
    let list = List {
        can_choose,
        filtered: filter.is_set(),
        statuses: statuses(t, &filter.status),
        channels: channels(t, &filter.channel),
        times: filter.times(t),
        rows: records.iter().map(|record| row(&f, t, record)).collect(),
        empty_heading: if filter.is_set() { t.nothing_fits } else { t.no_transactions },
        empty_text: if filter.is_set() { t.nothing_fits_text } else { t.no_transactions_text },
        pages: Pages::of(desk, records.len(), total, next.as_deref(), |more| filter.href(&f, "/transactions", more)),
        export: filter.href(&f, "/export", &[]),
        problem,
        filter,
        f,
        t,
    };
    let status = if list.problem.is_some() { 422 } else { 200 };
    desk.page(status, &list)
}

/// How many transactions the filter admits. Beyond a bound nobody counts, so that a page costs the same however long the list is.
async fn count(desk: &Desk<'_>, request: &RecordsRequest) -> Result<Total, Trouble> {
    let found = desk.app()?;
    let channels = channels_ever(found, desk.mode);
    let query = RecordsQuery { app: &found.app, mode: desk.mode, channels, request };
    let count = desk.deps.services.store.count_records(&query, COUNTED_MAX).await?;
    Ok(if count > COUNTED_MAX { Total::MoreThan(COUNTED_MAX) } else { Total::Exactly(count) })
}

/// The search text may be a transaction's id. Then it is looked up in this mode, and the other filters are ignored.
pub(crate) async fn by_id(desk: &Desk<'_>, filter: &Filter) -> Result<Option<Record>, Trouble> {
    let Ok(id) = TransactionId::parse(&filter.search) else { return Ok(None) };
    let found = desk.app()?;
    let channels = channels_ever(found, desk.mode);
    Ok(desk.deps.services.store.find_record(&found.app.id, desk.mode, &found.app.shards, &channels, &id).await?)
}

pub(crate) fn row(f: &Frame, t: &'static Texts, record: &Record) -> Row {
    let asked = query(&[("mode", f.mode.name()), ("bill", record.bill.as_str())]);
    // A partial refund is shown as an amount. A full refund is a status.
    let refunded = record.refunded.filter(|_| record.status == Status::Success);
    Row {
        href: format!("{}/{}?{asked}", f.at("/transactions"), record.id),
        bill: record.bill.to_string(),
        id: record.id.to_string(),
        created: f.moment(record.created_at),
        amount: money::shown(record.fee),
        refunded: refunded.map(|fee| texts::fill(t.refunded_part, &[&money::shown(fee)])),
        channel: t.name_of(record.channel),
        status: record.status.name(),
        status_label: t.name_of(record.status),
        pick: (record.status == Status::Success).then(|| Pick::of(t, record)),
    }
}

fn choice(value: &str, label: &str, chosen: &str) -> Choice {
    (value.to_owned(), label.to_owned(), value == chosen)
}

fn statuses(t: &'static Texts, chosen: &str) -> Vec<Choice> {
    let all = std::iter::once(choice("", t.every_status, chosen));
    all.chain(Status::ALL.map(|status| choice(status.name(), t.name_of(status), chosen))).collect()
}

fn channels(t: &'static Texts, chosen: &str) -> Vec<Choice> {
    let mut choices = vec![choice("", t.every_channel, chosen)];
    for family in Family::ALL {
        choices.push(choice(family.name(), t.name_of(family), chosen));
        choices.extend(
            family.channels().map(|channel| choice(channel.name(), &format!("– {}", t.name_of(channel)), chosen)),
        );
    }
    choices
}
