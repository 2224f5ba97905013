//! Incidents: genuine reports that did not match, bills that were paid twice, and, in a separate list, messages that could not be verified.

use askama::Template;
use domain::{BillNum, IncidentKind, Timestamp};
use http::Method;
use runtime::query_parameter;
use serde_json::Value;

use super::{
    Answer,
    desk::Desk,
    frame::{Frame, Section},
    problems, query, redirect,
    texts::{self, Texts},
};

/// A kind that can be chosen: its word in the address, its label, and whether it is chosen.
type Choice = (&'static str, &'static str, bool);

struct Row {
    when: String,
    kind: &'static str,
    /// The bill's number, or a day. A day has no page.
    about: String,
    bill_href: Option<String>,
    channel: String,
    problem: String,
    /// The incident's id in the API, if it can be replayed.
    id: Option<String>,
}

#[derive(Template)]
#[template(path = "incidents.html")]
struct Incidents {
    f: Frame,
    t: &'static Texts,
    rows: Vec<Row>,
    kinds: Vec<Choice>,
    /// How many forged messages of the latest hours were not kept.
    not_kept: Option<String>,
    next: Option<String>,
}

pub(crate) async fn list(desk: &Desk<'_>) -> Answer {
    let t = desk.t();
    let f = Frame { section: Section::Incidents, ..desk.frame(t.incidents) };
    let cursor = query_parameter(desk.request, "cursor").unwrap_or_default();
    let kind = query_parameter(desk.request, "kind").unwrap_or_default();
    let mut asked = vec![("mode", desk.mode.name())];
    if !kind.is_empty() {
        asked.push(("kind", &kind));
    }
    let listed = asked.clone();
    if !cursor.is_empty() {
        asked.push(("cursor", &cursor));
    }
    let path = format!("/apps/{}/incidents?{}", desk.app()?.app.id, query(&asked));
    let page = desk.api(Method::GET, &path, &Value::Null).await?;
    let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let next = page.get("cursor").and_then(Value::as_str);
    let next = next
        .map(|next| format!("{}?{}", f.at("/incidents"), query(&[listed.as_slice(), &[("cursor", next)]].concat())));
    let hours = page.get("notKept").and_then(Value::as_array).into_iter().flatten();
    let not_kept: i64 = hours.filter_map(|hour| hour.get("count")?.as_i64()).sum();
    let not_kept = (not_kept > 0).then(|| texts::fill(t.forged_not_kept, &[&not_kept.to_string()]));
    let rows = items.iter().map(|item| row(desk, &f, item)).collect();
    desk.page(200, &Incidents { rows, kinds: kinds(t, &kind), not_kept, next, f, t })
}

fn kinds(t: &'static Texts, chosen: &str) -> Vec<Choice> {
    let all = [("", t.genuine_incidents)].into_iter();
    let each = IncidentKind::ALL.into_iter().map(|kind| (kind.name(), t.name_of(kind)));
    all.chain(each).map(|(kind, words)| (kind, words, kind == chosen)).collect()
}

fn row(desk: &Desk<'_>, f: &Frame, item: &Value) -> Row {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let bill = BillNum::parse(text("billNum")).ok();
    let searched = bill.as_ref().map(|bill| query(&[("mode", f.mode.name()), ("q", bill.as_str())]));
    let channel = domain::Channel::find(text("channel")).map(|channel| desk.t().name_of(channel));
    let tab = domain::Tab::find(text("tab")).map(|tab| desk.t().name_of(tab));
    Row {
        when: f.moment(Timestamp::clamped(item.get("time").and_then(Value::as_i64).unwrap_or_default())),
        kind: desk.t().incident_kind(text("kind")),
        about: bill.map_or_else(|| text("day").to_owned(), |bill| bill.to_string()),
        bill_href: searched.map(|searched| format!("{}?{searched}", f.at("/transactions"))),
        channel: channel.or(tab).unwrap_or_default().to_owned(),
        problem: problems::say_in(desk.preferences.language, item, "problem").unwrap_or_default(),
        id: item.get("id").and_then(Value::as_str).map(str::to_owned),
    }
}

/// Processes the report again with today's code.
pub(crate) async fn replay(desk: &Desk<'_>, id: &str) -> Answer {
    let path = format!("/apps/{}/incidents/{id}/replay?mode={}", desk.app()?.app.id, desk.mode);
    desk.api(Method::POST, &path, &serde_json::json!({})).await?;
    redirect(&desk.frame("").at("/incidents?done=replayed"), &[])
}
