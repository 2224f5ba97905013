//! The list of transactions as CSV, in parts. A function's answer is limited in size, but the list is not, so each answer is one part. Our
//! script fetches part after part into one file and shows the progress. Without the script each part is a link.

use askama::Template;
use bytes::Bytes;
use domain::{ChannelFilter, Record, RecordsOrder, RecordsRequest, Status};
use http::{HeaderName, HeaderValue, header};
use runtime::{Reply, query_parameter};
use serde_json::json;
use store::RecordsPosition;

use super::{
    Answer, Trouble,
    cell::{guarded, text_cell},
    desk::Desk,
    format,
    frame::{Frame, Section},
    redirect,
    texts::{self, Texts},
    transactions::{Filter, by_id},
};
use crate::api::{
    page::{parse_cursor, write_cursor},
    problem::Problem,
    transactions::page,
};

/// Rows in one part: about half a megabyte. Lambda allows six.
const ROWS: usize = 2000;

#[derive(Template)]
#[template(path = "export.html")]
struct Export {
    f: Frame,
    t: &'static Texts,
    /// The filter of the export: label and value.
    asked: Vec<(&'static str, String)>,
    /// The address of the first part, where the script begins.
    all: String,
    name: String,
    /// The times of the first and the last row, in milliseconds. The script shows its progress between them.
    newest: i64,
    oldest: i64,
    /// The script's sentences, as JSON.
    said: String,
    /// The part on this page, and where the next part begins.
    part: String,
    next: String,
    back: String,
    reached: String,
}

/// `/export`: a button for everything, a link to this part, and a link to the next one.
pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    let (t, filter) = (desk.t(), Filter::read(desk));
    let f = Frame { section: Section::Transactions, ..desk.frame(t.export) };
    let cursor = query_parameter(desk.request, "cursor").unwrap_or_default();
    let more: &[(&str, &str)] = if cursor.is_empty() { &[] } else { &[("cursor", &cursor)] };
    let reached = match cursor.as_ref() {
        "" => t.export_first.to_owned(),
        cursor => texts::fill(t.export_reached, &[&f.moment(parse_cursor(cursor)?.created_at)]),
    };
    let page = Export {
        asked: asked(t, &f, &filter),
        all: filter.href(&f, "/export/part", &[]),
        name: file_name(desk),
        newest: end_of_list(desk, &filter, RecordsOrder::NewestFirst).await?,
        oldest: end_of_list(desk, &filter, RecordsOrder::OldestFirst).await?,
        said: sentences(t),
        part: filter.href(&f, "/export/part", more),
        next: filter.href(&f, "/export/next", more),
        back: filter.href(&f, "/transactions", &[]),
        reached,
        t,
        f,
    };
    desk.page(200, &page)
}

/// The filter in words.
fn asked(t: &'static Texts, f: &Frame, filter: &Filter) -> Vec<(&'static str, String)> {
    let mode = if f.is_live() { t.live } else { t.test };
    let status = Status::find(&filter.status).map_or(t.every_status, |status| t.name_of(status));
    let channel = match ChannelFilter::find(&filter.channel) {
        None => t.every_channel,
        Some(ChannelFilter::One(channel)) => t.name_of(channel),
        Some(ChannelFilter::Family(family)) => t.name_of(family),
    };
    let time = match filter.time.as_str() {
        "1" => t.today.to_owned(),
        "7" => t.days_7.to_owned(),
        "30" => t.days_30.to_owned(),
        "60" => t.days_60.to_owned(),
        "own" => format!("{} – {}", filter.from, filter.to),
        _ => t.any_time.to_owned(),
    };
    let mut asked = vec![
        (t.mode, mode.to_owned()),
        (t.status, status.to_owned()),
        (t.channel, channel.to_owned()),
        (t.time, format!("{time} · {}", f.zone_label())),
    ];
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
        "failed": t.export_failed,
        "stopped": t.export_stopped,
    })
    .to_string()
}

/// When the first or last row was charged; empty if there is no row.
async fn end_of_list(desk: &Desk<'_>, filter: &Filter, order: RecordsOrder) -> Result<i64, Trouble> {
    let request = RecordsRequest { order, ..filter.request(desk, 1).map_err(|_| Trouble::NotFound)? };
    let read = page(&desk.deps.services.store, desk.app()?, desk.mode, &request, None).await?;
    Ok(read.records.first().map_or(0, |record| record.created_at.ms()))
}

/// `/export/next`: leads to the next part.
pub(crate) async fn next(desk: &Desk<'_>) -> Answer {
    let filter = Filter::read(desk);
    let f = desk.frame("");
    match read(desk, &filter).await? {
        (_, Some(next)) => redirect(&filter.href(&f, "/export", &[("cursor", &write_cursor(&next))]), &[]),
        (_, None) => redirect(&filter.href(&f, "/transactions", &[("done", "exported")]), &[]),
    }
}

/// `/export/part`: one part. A header says where the next part begins.
pub(crate) async fn part(desk: &Desk<'_>) -> Answer {
    let filter = Filter::read(desk);
    let is_first = query_parameter(desk.request, "cursor").is_none_or(|cursor| cursor.is_empty());
    let (records, next) = read(desk, &filter).await?;
    let mut text = String::new();
    if is_first {
        // The byte order mark, by which spreadsheets recognize UTF-8.
        text.push('\u{feff}');
        write_row(&mut text, &headings(desk).each_ref().map(String::as_str));
    }
    for record in &records {
        write_row(&mut text, &row(desk, record).each_ref().map(String::as_str));
    }
    // If a row is missing, the file says so, because readers compute sums from it.
    for unreadable in desk.unread.items() {
        write_row(&mut text, &[&unreadable.item, &texts::fill(desk.t().export_unreadable, &[unreadable.attribute])]);
    }
    let mut reply = Reply::new(Bytes::from(text));
    let reached = records.last().map(|last| last.created_at);
    let heads = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file_name(desk))),
        (HeaderName::from_static("x-rows"), records.len().to_string()),
        (HeaderName::from_static("x-reached"), reached.map(|at| desk.frame("").moment(at)).unwrap_or_default()),
        (HeaderName::from_static("x-reached-ms"), reached.map(|at| at.ms().to_string()).unwrap_or_default()),
        (HeaderName::from_static("x-next-cursor"), next.as_ref().map(write_cursor).unwrap_or_default()),
    ];
    for (name, value) in heads {
        let value = HeaderValue::from_str(&value).map_err(|_| Trouble::Api(Problem::internal()))?;
        reply.headers_mut().insert(name, value);
    }
    Ok(reply)
}

fn file_name(desk: &Desk<'_>) -> String {
    format!("transactions-{}-{}.csv", desk.mode, format::day(desk.now, desk.preferences.zone))
}

async fn read(desk: &Desk<'_>, filter: &Filter) -> Result<(Vec<Record>, Option<RecordsPosition>), Trouble> {
    let cursor = query_parameter(desk.request, "cursor").filter(|cursor| !cursor.is_empty());
    let from = cursor.as_deref().map(parse_cursor).transpose()?;
    if let Some(record) = by_id(desk, filter).await? {
        return Ok((vec![record], None));
    }
    let request: RecordsRequest = filter.request(desk, ROWS).map_err(|_| Trouble::NotFound)?;
    let read = page(&desk.deps.services.store, desk.app()?, desk.mode, &request, from.as_ref()).await?;
    Ok((read.records, read.next))
}

fn headings(desk: &Desk<'_>) -> [String; 9] {
    let (t, offset) = (desk.t(), desk.preferences.zone.offset());
    let time = |label: &str| format!("{label} ({offset})");
    [
        t.transaction_id.to_owned(),
        t.bill.to_owned(),
        time(t.created),
        time(t.ended),
        t.channel.to_owned(),
        t.channel_code.to_owned(),
        t.status.to_owned(),
        texts::fill("{} (CNY)", &[t.amount]),
        texts::fill("{} (CNY)", &[t.refunded]),
    ]
}

fn row(desk: &Desk<'_>, record: &Record) -> [String; 9] {
    let (t, zone) = (desk.t(), desk.preferences.zone);
    [
        text_cell(record.id.as_str()),
        text_cell(record.bill.as_str()),
        format::moment(record.created_at, zone),
        record.ended_at.map(|at| format::moment(at, zone)).unwrap_or_default(),
        t.name_of(record.channel).to_owned(),
        record.channel.name().to_owned(),
        t.name_of(record.status).to_owned(),
        record.fee.to_yuan(),
        record.refunded.map(domain::Fen::to_yuan).unwrap_or_default(),
    ]
}

/// Writes one row of texts, amounts and times. [`text_cell`] has already protected the texts that need it.
fn write_row(text: &mut String, cells: &[&str]) {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push('"');
        text.push_str(&guarded(cell).replace('"', "\"\""));
        text.push('"');
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::write_row;

    #[test]
    fn a_row_is_quoted_whatever_it_holds() {
        let mut text = String::new();
        write_row(&mut text, &["1", "=HYPERLINK(\"x\")", "a\"b,c", "茶\r\n"]);
        assert_eq!(text, "\"1\",\"'=HYPERLINK(\"\"x\"\")\",\"a\"\"b,c\",\"茶\r\n\"\r\n");
    }
}
