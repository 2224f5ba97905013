//! The list of transactions, with its filters.

use askama::Template;
use domain::{
    BillNum, ChannelFilter, Family, Record, RecordsFilter, RecordsOrder, RecordsRequest, Status, Timestamp,
    TransactionId,
};
use runtime::query_parameter;

use super::{
    Answer, Trouble,
    desk::Desk,
    format,
    frame::{Frame, Section},
    money, query,
    texts::{self, Texts},
};
use crate::api::{
    page::{channels_ever, parse_cursor, write_cursor},
    transactions::page,
};

/// Rows on one page.
const PAGE: usize = 25;

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
}

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
    times: Vec<Choice>,
    problem: Option<String>,
    rows: Vec<Row>,
    empty_heading: &'static str,
    empty_text: &'static str,
    first: Option<String>,
    next: Option<String>,
    export: String,
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
        ];
        let set = own.into_iter().filter(|(_, value)| !value.is_empty()).chain(more.iter().copied());
        format!("{}?{}", f.at(page), query(&set.collect::<Vec<_>>()))
    }

    /// The request for this filter. An unknown word counts as no filter.
    ///
    /// # Errors
    /// The error in the range of days.
    pub(crate) fn request(&self, desk: &Desk<'_>, limit: usize) -> Result<RecordsRequest, String> {
        let (start, end) = self.range(desk)?;
        let filter = RecordsFilter {
            channel: ChannelFilter::find(&self.channel),
            bill: BillNum::parse(&self.search).ok(),
            status: Status::find(&self.status),
            start,
            end,
        };
        Ok(RecordsRequest { filter, order: RecordsOrder::NewestFirst, skip: 0, limit })
    }

    fn range(&self, desk: &Desk<'_>) -> Result<(Option<Timestamp>, Option<Timestamp>), String> {
        let zone = desk.preferences.zone;
        let days = |days: i64| Ok((Some(format::days_start(desk.now, zone, days)), None));
        match self.time.as_str() {
            "1" => days(1),
            "7" => days(7),
            "30" => days(30),
            "60" => days(60),
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
                Ok((start, end))
            }
            _ => Ok((None, None)),
        }
    }
}

pub(crate) async fn list(desk: &Desk<'_>) -> Answer {
    let filter = Filter::read(desk);
    let f = Frame { section: Section::Transactions, ..desk.frame(desk.t().transactions) };
    let cursor = query_parameter(desk.request, "cursor").filter(|cursor| !cursor.is_empty());
    let from = cursor.as_deref().map(parse_cursor).transpose()?;
    let (records, next, problem) = match filter.request(desk, PAGE) {
        Err(problem) => (Vec::new(), None, Some(problem)),
        Ok(request) => {
            let found = by_id(desk, &filter).await?;
            if let Some(record) = found {
                (vec![record], None, None)
            } else {
                let page = page(&desk.deps.services.store, desk.app()?, desk.mode, &request, from.as_ref()).await?;
                (page.records, page.next.as_ref().map(write_cursor), None)
            }
        }
    };
    let t = desk.t();
    let list = List {
        filtered: filter.is_set(),
        statuses: statuses(t, &filter.status),
        channels: channels(t, &filter.channel),
        times: times(t, &filter.time),
        rows: records.iter().map(|record| row(&f, t, record)).collect(),
        empty_heading: if filter.is_set() { t.nothing_fits } else { t.no_transactions },
        empty_text: if filter.is_set() { t.nothing_fits_text } else { t.no_transactions_text },
        first: cursor.map(|_| filter.href(&f, "/transactions", &[])),
        next: next.map(|next| filter.href(&f, "/transactions", &[("cursor", &next)])),
        export: filter.href(&f, "/export", &[]),
        problem,
        filter,
        f,
        t,
    };
    let status = if list.problem.is_some() { 422 } else { 200 };
    desk.page(status, &list)
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

fn times(t: &'static Texts, chosen: &str) -> Vec<Choice> {
    let rows =
        [("", t.any_time), ("1", t.today), ("7", t.days_7), ("30", t.days_30), ("60", t.days_60), ("own", t.own_range)];
    rows.map(|(value, label)| choice(value, label, chosen)).to_vec()
}
