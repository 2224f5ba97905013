//! The audit log, for owners: what was done as sentences, what changed as small tables, filters, and the same as a CSV file.

use std::collections::BTreeSet;

use askama::Template;
use bytes::Bytes;
use domain::{AppId, OperatorRole, Timestamp};
use http::{HeaderName, HeaderValue, Method, header};
use runtime::{Reply, query_parameter};
use serde_json::Value;
use store::AuditResult;

use super::{
    Answer, Trouble,
    audit_changes::{Change, changes},
    audit_words::{AppNames, Entry, app_of},
    cell::guarded,
    desk::Desk,
    frame::{Frame, Section},
    problems, query,
    texts::{self, Texts},
};
use crate::api::{
    problem::Problem,
    routes::{Effect, operations},
};

/// How many months the page offers.
const MONTHS: u32 = 24;

/// How many pages of the log one file has at the most: 2,000 entries, about two megabytes.
const FILE_PAGES_MAX: usize = 40;

/// The actions that no operation of the API has: they are written at the sign-in.
const SIGN_INS: [&str; 3] = ["sign in", "sign in by recovery code", "enter code"];

/// A choice of a filter: its word in the address, its label, and whether it is chosen.
type Choice = (String, String, bool);

struct Row {
    when: String,
    who: String,
    /// From which address, if that is known.
    from: Option<String>,
    what: String,
    /// How often it happened, if more than once.
    times: Option<String>,
    outcome: &'static str,
    outcome_class: &'static str,
    /// Why it was refused or failed.
    why: Option<String>,
    changes: Vec<Change>,
    target: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    f: Frame,
    t: &'static Texts,
    months: Vec<Choice>,
    actions: Vec<Choice>,
    apps: Vec<Choice>,
    outcomes: Vec<Choice>,
    who: String,
    rows: Vec<Row>,
    next: Option<String>,
    export: String,
}

/// What the page is asked for.
struct Asked {
    month: String,
    who: String,
    action: String,
    app: String,
    outcome: String,
    cursor: String,
}

impl Asked {
    fn read(desk: &Desk<'_>) -> Self {
        let parameter = |name: &str| query_parameter(desk.request, name).unwrap_or_default().into_owned();
        let month = parameter("month");
        Self {
            month: if month.is_empty() { this_month(desk) } else { month },
            who: parameter("who").trim().to_owned(),
            action: parameter("action"),
            app: parameter("app"),
            outcome: parameter("outcome"),
            cursor: parameter("cursor"),
        }
    }

    fn from(&self, cursor: &str) -> String {
        let Self { month, who, action, app, outcome, .. } = self;
        let all = [("month", month), ("who", who), ("action", action), ("app", app), ("outcome", outcome)]
            .map(|(name, text)| (name, text.as_str()));
        let given: Vec<_> = all.into_iter().chain([("cursor", cursor)]).filter(|(_, text)| !text.is_empty()).collect();
        query(&given)
    }
}

fn this_month(desk: &Desk<'_>) -> String {
    desk.now.to_string().chars().filter(char::is_ascii_digit).take(6).collect()
}

/// A page of the log.
struct Page {
    items: Vec<Value>,
    apps: AppNames,
    next: Option<String>,
}

async fn read(desk: &Desk<'_>, asked: &Asked, cursor: &str) -> Result<Page, Trouble> {
    let page = desk.api(Method::GET, &format!("/audit?{}", asked.from(cursor)), &Value::Null).await?;
    let items = page.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let targets = items.iter().filter_map(|item| app_of(item.get("target")?.as_str()?));
    let ids: BTreeSet<AppId> = targets.filter_map(|id| AppId::parse(id).ok()).collect();
    let ids: Vec<AppId> = ids.into_iter().collect();
    let found = desk.deps.services.store.find_summaries(&ids).await?;
    let apps = found.into_iter().map(|app| (app.id.to_string(), app.name)).collect();
    Ok(Page { items, apps, next: page.get("cursor").and_then(Value::as_str).map(str::to_owned) })
}

pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    desk.need(OperatorRole::Owner)?;
    let t = desk.t();
    let f = Frame { section: Section::Audit, ..desk.frame(t.audit) };
    let asked = Asked::read(desk);
    let page = read(desk, &asked, &asked.cursor).await?;
    let rows = page.items.iter().map(|item| row(&f, &Entry { item, t, apps: &page.apps })).collect();
    let choice = |value: &str, label: &str, chosen: &str| (value.to_owned(), label.to_owned(), value == chosen);
    let months = months(&this_month(desk)).into_iter().map(|one| {
        let label = format!("{}-{}", one.get(..4).unwrap_or_default(), one.get(4..).unwrap_or_default());
        let chosen = one == asked.month;
        (one, label, chosen)
    });
    let named = operations().filter(|operation| operation.effect == Effect::Change).map(|operation| operation.name);
    let mut actions: Vec<Choice> =
        named.chain(SIGN_INS).map(|name| choice(name, t.action(name), &asked.action)).collect();
    actions.sort_by(|one, other| one.1.cmp(&other.1));
    let every = |label: &str, chosen: &str| (String::new(), label.to_owned(), chosen.is_empty());
    let outcomes = AuditResult::ALL.map(|one| choice(one.name(), outcome(t, one).0, &asked.outcome));
    let apps = desk.apps.iter().map(|app| choice(app.id.as_str(), &app.name, &asked.app));
    desk.page(
        200,
        &Audit {
            months: months.collect(),
            actions: std::iter::once(every(t.every_action, &asked.action)).chain(actions).collect(),
            apps: std::iter::once(every(t.all_apps, &asked.app)).chain(apps).collect(),
            outcomes: std::iter::once(every(t.every_outcome, &asked.outcome)).chain(outcomes).collect(),
            who: asked.who.clone(),
            rows,
            next: page.next.map(|cursor| format!("/console/audit?{}", asked.from(&cursor))),
            export: format!("/console/audit/export?{}", asked.from(&asked.cursor)),
            f,
            t,
        },
    )
}

fn outcome(t: &'static Texts, result: AuditResult) -> (&'static str, &'static str) {
    match result {
        AuditResult::Done => (t.outcome_done, "success"),
        AuditResult::Refused => (t.outcome_refused, "closed"),
        AuditResult::Failed => (t.outcome_failed, "bad"),
        AuditResult::Begun => (t.outcome_begun, "created"),
    }
}

fn row(f: &Frame, entry: &Entry<'_>) -> Row {
    let (t, item) = (entry.t, entry.item);
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let (outcome, outcome_class) = outcome(t, AuditResult::find(text("outcome")).unwrap_or(AuditResult::Begun));
    let count = item.get("count").and_then(Value::as_i64).filter(|count| *count > 1);
    let address = match text("target") {
        "unknown address" => Some(t.unknown_address),
        "many addresses" => Some(t.many_addresses),
        target if SIGN_INS.contains(&text("action")) => Some(target),
        _ => item.get("from").and_then(Value::as_str),
    };
    Row {
        when: f.moment(Timestamp::clamped(item.get("time").and_then(Value::as_i64).unwrap_or_default())),
        who: t.person(text("who")).to_owned(),
        from: address.map(|address| texts::fill(t.from_address, &[address])),
        what: entry.sentence(),
        times: count.map(|count| texts::fill(t.times, &[&count.to_string()])),
        outcome,
        outcome_class,
        why: problems::say_in(f.language(), item, "why"),
        changes: changes(f, item),
        target: text("target").to_owned(),
    }
}

/// `/audit/export`: the same entries as a CSV file, from the page on that the reader looks at.
pub(crate) async fn export(desk: &Desk<'_>) -> Answer {
    desk.need(OperatorRole::Owner)?;
    let t = desk.t();
    let f = desk.frame("");
    let asked = Asked::read(desk);
    let zone = format!("{} {}", t.time, f.zone().offset());
    let head = [&zone, t.who, t.from_word, t.what, t.outcome, t.why, t.what_changed, t.path];
    // The mark by which spreadsheets know UTF-8.
    let mut file = "\u{feff}".to_owned();
    push_line(&mut file, &head);
    let mut next = Some(asked.cursor.clone());
    for _ in 0..FILE_PAGES_MAX {
        let Some(cursor) = next.take() else { break };
        let page = read(desk, &asked, &cursor).await?;
        for item in &page.items {
            let row = row(&f, &Entry { item, t, apps: &page.apps });
            let changes = row.changes.iter().map(|one| format!("{}: {} → {}", one.name, one.before, one.after));
            let changes = changes.collect::<Vec<_>>().join("; ");
            let what = [Some(row.what), row.times].into_iter().flatten().collect::<Vec<_>>().join(" ");
            let (from, why) = (row.from.unwrap_or_default(), row.why.unwrap_or_default());
            push_line(&mut file, &[&row.when, &row.who, &from, &what, row.outcome, &why, &changes, &row.target]);
        }
        next = page.next;
    }
    if let Some(cursor) = next {
        let rest = format!("/console/audit/export?{}", asked.from(&cursor));
        push_line(&mut file, &[&texts::fill(t.export_rest, &[&rest])]);
    }
    let mut reply = Reply::new(Bytes::from(file));
    let name = format!("attachment; filename=\"audit-{}.csv\"", asked.month);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(|_| Trouble::Api(Problem::internal()))?),
    ];
    let headers: [(HeaderName, HeaderValue); 2] = headers;
    reply.headers_mut().extend(headers);
    Ok(reply)
}

fn push_line(file: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", guarded(cell).replace('"', "\"\""))).collect();
    file.push_str(&cells.join(","));
    file.push_str("\r\n");
}

/// The last month and those before it: `202611`, `202610`.
fn months(last: &str) -> Vec<String> {
    let number = |range: std::ops::Range<usize>| last.get(range).and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
    let count = number(0..4) * 12 + number(4..6) - 1;
    (0..MONTHS)
        .map(|back| count.saturating_sub(back))
        .map(|month| format!("{}{:02}", month / 12, month % 12 + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::months;

    #[test]
    fn months_go_back_over_the_year() {
        assert_eq!(months("202602")[..4], ["202602", "202601", "202512", "202511"]);
        assert_eq!(months("202602").len(), 24);
    }
}
