//! The list as CSV, part by part: a part is what a function may answer, however long the list is.

use askama::Template;
use bytes::Bytes;
use domain::{Record, RecordsRequest};
use http::{HeaderName, HeaderValue, header};
use runtime::{Reply, query_parameter};
use store::RecordsPosition;

use super::{
    Answer, Trouble,
    desk::Desk,
    format,
    frame::{Frame, Section},
    redirect,
    texts::{self, Texts},
    transactions::Filter,
};
use crate::{
    problem::Problem,
    transactions::{page, parse_cursor, write_cursor},
};

/// Rows a part: about half a megabyte of the six that Lambda may answer.
const ROWS: usize = 2000;

#[derive(Template)]
#[template(path = "export.html")]
struct Export {
    f: Frame,
    t: &'static Texts,
    /// The first part, and where each next one is said in its answer's head.
    part: String,
    next: String,
    back: String,
    reached: Option<String>,
}

/// `/export`: each part is a link, and another goes on to the next.
pub(crate) fn show(desk: &Desk<'_>) -> Answer {
    let filter = Filter::read(desk);
    let f = Frame { section: Section::Transactions, ..desk.frame(desk.t().export) };
    let cursor = query_parameter(desk.request, "cursor").unwrap_or_default();
    let more: &[(&str, &str)] = if cursor.is_empty() { &[] } else { &[("cursor", &cursor)] };
    let reached = if cursor.is_empty() { None } else { Some(f.moment(parse_cursor(&cursor)?.created_at)) };
    let page = Export {
        part: filter.href(&f, "/export/part", more),
        next: filter.href(&f, "/export/next", more),
        back: filter.href(&f, "/transactions", &[]),
        reached: reached.map(|at| texts::fill(desk.t().export_reached, &[&at])),
        t: desk.t(),
        f,
    };
    desk.page(200, &page)
}

/// `/export/next`: where the part behind this one begins.
pub(crate) async fn next(desk: &Desk<'_>) -> Answer {
    let filter = Filter::read(desk);
    let f = desk.frame("");
    match read(desk, &filter).await? {
        (_, Some(next)) => redirect(&filter.href(&f, "/export", &[("cursor", &write_cursor(&next))]), &[]),
        (_, None) => redirect(&filter.href(&f, "/transactions", &[("done", "exported")]), &[]),
    }
}

/// `/export/part`: one part, and in its head where the next begins.
pub(crate) async fn part(desk: &Desk<'_>) -> Answer {
    let filter = Filter::read(desk);
    let is_first = query_parameter(desk.request, "cursor").is_none_or(|cursor| cursor.is_empty());
    let (records, next) = read(desk, &filter).await?;
    let mut text = String::new();
    if is_first {
        // The mark by which spreadsheets know UTF-8.
        text.push('\u{feff}');
        write_row(&mut text, &headings(desk).each_ref().map(String::as_str));
    }
    for record in &records {
        write_row(&mut text, &row(desk, record).each_ref().map(String::as_str));
    }
    let mut reply = Reply::new(Bytes::from(text));
    let day = format::day(desk.now, desk.preferences.zone);
    let name = format!("attachment; filename=\"transactions-{}-{day}.csv\"", desk.mode);
    let reached = records.last().map(|last| desk.frame("").moment(last.created_at)).unwrap_or_default();
    let heads = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (HeaderName::from_static("x-rows"), records.len().to_string()),
        (HeaderName::from_static("x-reached"), reached),
        (HeaderName::from_static("x-next-cursor"), next.as_ref().map(write_cursor).unwrap_or_default()),
    ];
    for (name, value) in heads {
        let value = HeaderValue::from_str(&value).map_err(|_| Trouble::Api(Problem::internal()))?;
        reply.headers_mut().insert(name, value);
    }
    Ok(reply)
}

async fn read(desk: &Desk<'_>, filter: &Filter) -> Result<(Vec<Record>, Option<RecordsPosition>), Trouble> {
    let cursor = query_parameter(desk.request, "cursor").filter(|cursor| !cursor.is_empty());
    let from = cursor.as_deref().map(parse_cursor).transpose()?;
    let request: RecordsRequest = filter.request(desk, ROWS).map_err(|_| Trouble::NotFound)?;
    let read = page(&desk.deps.base.store, desk.app()?, desk.mode, &request, from.as_ref()).await?;
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
        record.id.to_string(),
        record.bill.to_string(),
        format::moment(record.created_at, zone),
        record.ended_at.map(|at| format::moment(at, zone)).unwrap_or_default(),
        t.channel_name(record.channel).to_owned(),
        record.channel.name().to_owned(),
        t.status_name(record.status).to_owned(),
        record.fee.to_yuan(),
        record.refunded.map(domain::Fen::to_yuan).unwrap_or_default(),
    ]
}

/// What a spreadsheet would take for a formula is made a text: merchants' customers choose some of these words.
fn write_row(text: &mut String, cells: &[&str]) {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        text.push('"');
        text.push_str(guard);
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::write_row;

    #[test]
    fn no_cell_is_a_formula() {
        let mut text = String::new();
        write_row(&mut text, &["1", "=HYPERLINK(\"x\")", "+1", "-1", "@a", "a\"b,c", "茶"]);
        assert_eq!(text, "\"1\",\"'=HYPERLINK(\"\"x\"\")\",\"'+1\",\"'-1\",\"'@a\",\"a\"\"b,c\",\"茶\"\r\n");
    }
}
