//! The list of transactions as a file, CSV or XLSX, in parts. A function's answer is limited in size, but the list is not, so each answer is
//! one part. Our script fetches part after part and shows the progress: the parts of a CSV become one file, and each part of an XLSX is a
//! file of its own, with the totals of the whole period. Without the script each part is a link.

use askama::Template;
use bytes::Bytes;
use domain::{Basis, ChannelFilter, Status};
use http::{HeaderName, HeaderValue, header};
use runtime::{Reply, query_parameter};
use serde_json::json;
use tracing::error;

use super::{
    Answer, Trouble,
    choices::{Offer, offer},
    csv,
    desk::Desk,
    export_cursor::ExportCursor,
    format,
    frame::{Frame, Section},
    lines::{self, Part, PartSize, Place},
    redirect,
    scope::{Scope, Totals, cursor_of},
    table::{COLUMNS, Cell, Line},
    texts::{self, Texts},
    transactions::{DaysOf, Filter, Range},
    workbook::{self, Book, Summary},
};
use crate::api::problem::Problem;

/// A part of a CSV has about half a megabyte. The script writes such parts into one file.
const CSV: PartSize = PartSize { lines: 2000, bytes: 3_000_000 };

/// An answer of Lambda's has 6 MB, and a file needs a third more as base64. The texts of a file are bounded so that it fits even if nothing
/// in them can be packed; with short texts a file has all these lines.
const XLSX: PartSize = PartSize { lines: 16_000, bytes: 3_000_000 };

/// The kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileKind {
    Csv,
    Xlsx,
}

impl FileKind {
    const ALL: [Self; 2] = [Self::Xlsx, Self::Csv];

    fn of(desk: &Desk<'_>) -> Self {
        let asked = query_parameter(desk.request, "format").unwrap_or_default();
        if asked == Self::Xlsx.name() { Self::Xlsx } else { Self::Csv }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    fn label(self, t: &'static Texts) -> &'static str {
        match self {
            Self::Csv => t.export_csv,
            Self::Xlsx => t.export_xlsx,
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    fn size(self) -> PartSize {
        match self {
            Self::Csv => CSV,
            Self::Xlsx => XLSX,
        }
    }
}

/// The links of one kind of file, for readers without our script.
struct FileLinks {
    kind: &'static str,
    label: &'static str,
    part: String,
    next: String,
}

#[derive(Template)]
#[template(path = "export.html")]
struct Export {
    f: Frame,
    t: &'static Texts,
    /// The filter of the export: label and value.
    asked: Vec<(&'static str, String)>,
    periods: Vec<Offer>,
    bases: Vec<Offer>,
    basis_text: &'static str,
    times: Vec<Offer>,
    /// The parts of the filter that the form has no field for.
    kept: Vec<(&'static str, String)>,
    filter: Filter,
    problem: Option<String>,
    /// The address of the first part, where the script begins.
    all: String,
    name: String,
    /// The script's sentences, as JSON.
    said: String,
    links: Vec<FileLinks>,
    back: String,
    statement: String,
    reached: String,
}

/// `/export`: what is exported, a button for each kind of file, a link to this part, and a link to the next one.
pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    let t = desk.t();
    let mut filter = Filter::read(desk);
    let basis = Basis::find(&filter.basis).unwrap_or(Basis::Created);
    basis.name().clone_into(&mut filter.basis);
    let cursor = cursor_of(desk);
    let ExportCursor { times, place } = ExportCursor::parse(&cursor)?;
    let zone = filter.zone(desk, basis);
    let (range, problem) = match filter.range(desk, zone) {
        Ok(range) => (times.unwrap_or(range), None),
        Err(problem) => (Range::default(), Some(problem)),
    };
    let f = Frame { section: Section::Accounting, ..desk.frame(t.accounting) };
    let totals = query_parameter(desk.request, "totals").unwrap_or_default();
    let going_on = [("cursor", cursor.as_str()), ("totals", totals.as_ref())];
    let reached = match place {
        Place::Payments(None) => t.export_first.to_owned(),
        Place::Payments(Some(from)) => texts::fill(t.export_reached, &[&f.moment(from.created_at)]),
        Place::Refunds(None) => t.export_refunds.to_owned(),
        Place::Refunds(Some(from)) => texts::fill(t.export_reached, &[&f.moment(from.at)]),
    };
    let links = FileKind::ALL.map(|kind| {
        let more: Vec<(&str, &str)> =
            [("format", kind.name())].into_iter().chain(going_on).filter(|(_, value)| !value.is_empty()).collect();
        FileLinks {
            kind: kind.name(),
            label: kind.label(t),
            part: filter.href(&f, "/export/part", &more),
            next: filter.href(&f, "/export/next", &more),
        }
    });
    let page = Export {
        asked: asked(t, &f, &filter.counted_by(basis), DaysOf { range, zone }),
        periods: periods(t, &f, &filter),
        bases: Basis::ALL.map(|one| offer(one.name(), t.name_of(one), basis.name())).to_vec(),
        basis_text: basis_text(t, basis),
        all: filter.href(&f, "/export/part", &[]),
        name: format!("transactions-{}-{}", desk.mode, format::day(desk.now, desk.preferences.zone)),
        said: sentences(t),
        links: links.into(),
        back: Filter { days: String::new(), ..filter.clone() }.href(&f, "/transactions", &[]),
        statement: f.at("/statement"),
        times: filter.times(t),
        kept: kept(&filter),
        reached,
        problem,
        filter,
        t,
        f,
    };
    let status = if page.problem.is_some() { 422 } else { 200 };
    desk.page(status, &page)
}

/// The parts of the filter that the form has no field for.
fn kept(filter: &Filter) -> Vec<(&'static str, String)> {
    [("q", &filter.search), ("status", &filter.status), ("channel", &filter.channel), ("days", &filter.days)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name, value.clone()))
        .collect()
}

/// What a basis means.
pub(crate) fn basis_text(t: &'static Texts, basis: Basis) -> &'static str {
    match basis {
        Basis::Created => t.basis_created_text,
        Basis::Paid => t.basis_paid_text,
        Basis::Settled => t.basis_settled_text,
    }
}

fn periods(t: &'static Texts, f: &Frame, filter: &Filter) -> Vec<Offer> {
    let rows = [("yesterday", t.yesterday), ("month", t.this_month), ("last-month", t.last_month), ("", t.any_time)];
    let link = |(time, label): (&str, &'static str)| {
        let is_chosen = filter.time == time;
        let other = Filter { time: time.to_owned(), ..filter.at_any_time() };
        Offer { value: other.href(f, "/export", &[]), label, is_chosen }
    };
    rows.map(link).into()
}

/// The filter in words.
fn asked(t: &'static Texts, f: &Frame, filter: &Filter, days: DaysOf) -> Vec<(&'static str, String)> {
    let mode = if f.is_live() { t.live } else { t.test };
    let status = Status::find(&filter.status).map_or(t.every_status, |status| t.name_of(status));
    let channel = match ChannelFilter::find(&filter.channel) {
        None => t.every_channel,
        Some(ChannelFilter::One(channel)) => t.name_of(channel),
        Some(ChannelFilter::Family(family)) => t.name_of(family),
    };
    let mut asked = vec![(t.mode, mode.to_owned()), (t.status, status.to_owned()), (t.channel, channel.to_owned())];
    if !filter.names_one() {
        asked.push((t.time, filter.time_in_words(t, f.language(), days)));
    }
    if !filter.search.is_empty() {
        asked.push((t.search, filter.search.clone()));
    }
    asked
}

/// The sentences of the script; `{}` stands for its counts.
fn sentences(t: &'static Texts) -> String {
    json!({
        "begun": t.export_begun,
        "going": t.export_going,
        "done": t.export_done,
        "doneFiles": t.export_done_files,
        "failed": t.export_failed,
        "stopped": t.export_stopped,
    })
    .to_string()
}

/// `/export/next`: leads to the next part.
pub(crate) async fn next(desk: &Desk<'_>) -> Answer {
    let (mut scope, f) = (Scope::read(desk).await?, desk.frame(""));
    let (part, totals) = read(desk, &mut scope, FileKind::of(desk)).await?;
    let Some(next) = part.next else {
        return redirect(&scope.filter.href(&f, "/transactions", &[("done", "exported")]), &[]);
    };
    let sealed = totals.map(|totals| scope.seal_totals(desk, &totals)).transpose()?.unwrap_or_default();
    redirect(&scope.filter.href(&f, "/export", &[("cursor", &scope.cursor(next)), ("totals", &sealed)]), &[])
}

/// `/export/part`: one part. Headers say where the next part begins, and hand the totals on.
pub(crate) async fn part(desk: &Desk<'_>) -> Answer {
    let kind = FileKind::of(desk);
    let is_first = cursor_of(desk).is_empty();
    let mut scope = Scope::read(desk).await?;
    let (part, totals) = read(desk, &mut scope, kind).await?;
    let (rows, reached, next) = (part.lines.len(), part.reached, part.next.clone().map(|next| scope.cursor(next)));
    let body = match kind {
        FileKind::Csv => write_csv(desk, &part, totals.as_ref(), is_first).into_bytes(),
        FileKind::Xlsx => write_xlsx(desk, &scope, part, totals.as_ref())?,
    };
    let sealed = totals.as_ref().map(|totals| scope.seal_totals(desk, totals)).transpose()?;
    let mut reply = Reply::new(Bytes::from(body));
    let ms = |at: domain::Timestamp| at.ms().to_string();
    let name = format!("transactions-{}-{}.{}", desk.mode, format::day(desk.now, desk.preferences.zone), kind.name());
    let heads = [
        (header::CONTENT_TYPE, kind.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (HeaderName::from_static("x-rows"), rows.to_string()),
        (HeaderName::from_static("x-reached"), reached.map(|at| desk.frame("").moment(at)).unwrap_or_default()),
        (HeaderName::from_static("x-reached-ms"), reached.map(ms).unwrap_or_default()),
        (HeaderName::from_static("x-newest-ms"), ms(scope.charged.end)),
        (HeaderName::from_static("x-oldest-ms"), ms(scope.charged.start)),
        (HeaderName::from_static("x-next-cursor"), next.unwrap_or_default()),
        (HeaderName::from_static("x-totals"), sealed.unwrap_or_default()),
    ];
    for (name, value) in heads {
        let value = HeaderValue::from_str(&value).map_err(|_| Trouble::Api(Problem::internal()))?;
        reply.headers_mut().insert(name, value);
    }
    Ok(reply)
}

async fn read(desk: &Desk<'_>, scope: &mut Scope, kind: FileKind) -> Result<(Part, Option<Totals>), Trouble> {
    let totals = if scope.lists_refunds { Some(scope.count(desk).await?) } else { None };
    Ok((lines::gather(desk, scope, scope.place.clone(), kind.size()).await?, totals))
}

fn write_csv(desk: &Desk<'_>, part: &Part, totals: Option<&Totals>, is_first: bool) -> String {
    let mut text = String::new();
    if is_first {
        text.push(csv::MARK);
        csv::write_row(&mut text, &lines::headings(desk).each_ref().map(String::as_str));
    }
    for line in &part.lines {
        csv::write_line(&mut text, line, desk.preferences.zone);
    }
    // If a row is missing, the file says so, because readers compute sums from it.
    for unreadable in desk.unread.items() {
        let said = texts::fill(desk.t().export_unreadable, &[unreadable.attribute]);
        csv::write_row(&mut text, &[&unreadable.item, &said]);
    }
    if let Some(totals) = totals.filter(|_| part.next.is_none()) {
        csv::write_line(&mut text, &total_line(desk.t(), totals), desk.preferences.zone);
    }
    text
}

/// An amount without the separators of thousands, as a program reads it.
fn plain(yuan: &str) -> Cell {
    Cell::Yuan(yuan.replace(',', ""))
}

/// The last line of a CSV: the totals stand under the money that came in and went back.
fn total_line(t: &'static Texts, totals: &Totals) -> Line {
    const KIND: usize = 9;
    let label = if totals.is_cut { t.totals_cut } else { t.total };
    let mut line: Line = [const { Cell::Empty }; COLUMNS];
    if let Some(kind) = line.get_mut(KIND) {
        *kind = Cell::Text(label.to_owned());
    }
    if !totals.is_cut {
        let [.., money_in, money_out] = &mut line;
        *money_in = plain(&totals.total.amount_in_yuan());
        *money_out = plain(&totals.total.refunded_in_yuan());
    }
    line
}

fn write_xlsx(desk: &Desk<'_>, scope: &Scope, part: Part, totals: Option<&Totals>) -> Result<Vec<u8>, Trouble> {
    let t = desk.t();
    let has_more = part.next.is_some();
    let book = Book {
        name: t.export_lines,
        headings: lines::headings(desk),
        lines: part.lines,
        summary: totals.map(|totals| Summary { name: t.total, rows: summary(desk, scope, totals, has_more) }),
        made_at: desk.now,
        zone: desk.preferences.zone,
    };
    workbook::write(&book).map_err(|problem| {
        error!("a workbook could not be written: {problem}");
        Trouble::Api(Problem::internal())
    })
}

/// What the file is of, and the totals by channel.
fn summary(desk: &Desk<'_>, scope: &Scope, totals: &Totals, has_more: bool) -> Vec<Vec<Cell>> {
    let (t, f) = (desk.t(), desk.frame(""));
    let text = |text: &str| Cell::Text(text.to_owned());
    let mut rows = vec![vec![text(t.app), text(f.app_name())]];
    let days = DaysOf { range: scope.range, zone: scope.zone };
    rows.extend(asked(t, &f, &scope.filter, days).into_iter().map(|(label, value)| vec![text(label), text(&value)]));
    rows.push(vec![text(t.basis), text(t.name_of(scope.period.basis))]);
    rows.push(vec![text(t.made_at), Cell::Moment(desk.now)]);
    rows.push(vec![text(t.this_file), text(if has_more { t.more_files } else { t.last_file })]);
    for unreadable in desk.unread.items() {
        rows.push(vec![text(&texts::fill(t.export_unreadable, &[unreadable.attribute])), text(&unreadable.item)]);
    }
    rows.push(Vec::new());
    if totals.is_cut {
        rows.push(vec![text(t.total), text(t.totals_cut)]);
        return rows;
    }
    rows.push([t.channel, t.paid_count, t.money_in, t.money_out, t.net].map(text).to_vec());
    let own = totals.channels.iter().map(|(channel, own)| (t.name_of(*channel), own));
    for (name, own) in own.chain([(t.total, &totals.total)]) {
        let sums = [own.amount_in_yuan(), own.refunded_in_yuan(), own.net_in_yuan()];
        rows.push(
            [text(name), text(&own.paid.to_string())].into_iter().chain(sums.iter().map(|sum| plain(sum))).collect(),
        );
    }
    rows
}
