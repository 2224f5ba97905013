//! Incidents: genuine reports that did not match, bills that were paid twice, and, in a separate list, messages that could not be verified.

use askama::Template;
use domain::{BillNum, HandledState, IncidentKind, Timestamp};
use http::Method;
use runtime::query_parameter;
use serde_json::Value;

use super::{
    Answer,
    desk::Desk,
    frame::{Frame, Section},
    incident_words, problems, query,
    texts::{self, Texts},
};

/// A choice of a filter: its word in the address, its label, and whether it is chosen.
type Choice = (&'static str, &'static str, bool);

/// The word in the address for incidents of every state.
const EVERY_STATE: &str = "all";

struct Row {
    id: String,
    when: String,
    kind: &'static str,
    /// The page of this incident.
    href: String,
    /// The bill's number, or a day, and where more about it is.
    about: String,
    about_href: Option<String>,
    channel: String,
    problem: String,
    advice: &'static str,
    handled: Option<String>,
    note: String,
    /// Earlier incidents of the same kind about the same thing, and how many they are.
    repeats: Vec<Repeat>,
    repeated: String,
}

struct Repeat {
    when: String,
    href: String,
    problem: String,
}

#[derive(Template)]
#[template(path = "incidents.html")]
struct Incidents {
    f: Frame,
    t: &'static Texts,
    rows: Vec<Row>,
    states: Vec<Choice>,
    kinds: Vec<Choice>,
    /// How many forged messages of the latest hours were not kept.
    not_kept: Option<String>,
    next: Option<String>,
    is_filtered: bool,
}

pub(crate) async fn list(desk: &Desk<'_>) -> Answer {
    let t = desk.t();
    let f = Frame { section: Section::Incidents, ..desk.frame(t.incidents) };
    let parameter = |name| query_parameter(desk.request, name).unwrap_or_default().into_owned();
    let (cursor, kind, state) = (parameter("cursor"), parameter("kind"), parameter("state"));
    let state = if state.is_empty() { HandledState::Open.name().to_owned() } else { state };
    let listed = [("mode", desk.mode.name()), ("kind", kind.as_str()), ("state", state.as_str())];
    let wanted = if state == EVERY_STATE { "" } else { &state };
    let asked = [("mode", desk.mode.name()), ("kind", kind.as_str()), ("state", wanted), ("cursor", &cursor)];
    let path = format!("/apps/{}/incidents?{}", desk.app()?.app.id, query(&asked));
    let page = desk.api(Method::GET, &path, &Value::Null).await?;
    let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let next = page.get("cursor").and_then(Value::as_str);
    let next = next
        .map(|next| format!("{}?{}", f.at("/incidents"), query(&[listed.as_slice(), &[("cursor", next)]].concat())));
    let hours = page.get("notKept").and_then(Value::as_array).into_iter().flatten();
    let not_kept: i64 = hours.filter_map(|hour| hour.get("count")?.as_i64()).sum();
    let not_kept = (not_kept > 0).then(|| texts::fill(t.forged_not_kept, &[&not_kept.to_string()]));
    let rows = rows(desk, &f, items);
    let is_filtered = !kind.is_empty() || state == HandledState::Handled.name();
    let (states, kinds) = (states(t, &state), kinds(t, &kind));
    desk.page(200, &Incidents { rows, states, kinds, not_kept, next, is_filtered, f, t })
}

fn states(t: &'static Texts, chosen: &str) -> Vec<Choice> {
    let each = HandledState::ALL.into_iter().map(|state| (state.name(), t.name_of(state)));
    let all = each.chain([(EVERY_STATE, t.every_state)]);
    all.map(|(state, words)| (state, words, state == chosen)).collect()
}

fn kinds(t: &'static Texts, chosen: &str) -> Vec<Choice> {
    let all = [("", t.genuine_incidents)].into_iter();
    let each = IncidentKind::ALL.into_iter().map(|kind| (kind.name(), t.name_of(kind)));
    all.chain(each).map(|(kind, words)| (kind, words, kind == chosen)).collect()
}

/// The rows of a page. Several open incidents of one kind about the same thing are one row, with the newest of them first.
fn rows(desk: &Desk<'_>, f: &Frame, items: &[Value]) -> Vec<Row> {
    let t = desk.t();
    let mut rows: Vec<Row> = Vec::new();
    for item in items {
        let row = row(desk, f, item);
        let is_repeat = |one: &&mut Row| {
            one.kind == row.kind
                && one.about == row.about
                && one.channel == row.channel
                && one.handled.is_none()
                && row.handled.is_none()
        };
        match rows.iter_mut().find(is_repeat) {
            Some(newest) => {
                newest.repeats.push(Repeat { when: row.when, href: row.href, problem: row.problem });
                newest.repeated = f.fill(t.repeated, &newest.repeats.len());
            }
            None => rows.push(row),
        }
    }
    rows
}

fn row(desk: &Desk<'_>, f: &Frame, item: &Value) -> Row {
    let t = desk.t();
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let mode = ("mode", f.mode.name());
    let bill = BillNum::parse(text("billNum")).ok();
    let about_href = match &bill {
        Some(bill) => format!("{}?{}", f.at("/transactions"), query(&[mode, ("q", bill.as_str())])),
        None => format!("{}/{}?{}", f.at("/reconciliation"), text("day"), query(&[mode])),
    };
    let channel = domain::Channel::find(text("channel")).map(|channel| t.name_of(channel));
    let tab = domain::Tab::find(text("tab")).map(|tab| t.name_of(tab));
    let handled = item.get("handled").filter(|handled| !handled.is_null());
    let noted = |name: &str| handled.and_then(|handled| handled.get(name)?.as_str()).unwrap_or_default();
    Row {
        id: text("id").to_owned(),
        when: moment(f, item),
        kind: t.incident_kind(text("kind")),
        href: format!("{}/{}?{}", f.at("/incidents"), text("id"), query(&[mode])),
        about: bill.map_or_else(|| text("day").to_owned(), |bill| bill.to_string()),
        about_href: Some(about_href),
        channel: channel.or(tab).unwrap_or_default().to_owned(),
        problem: problems::say_in(desk.preferences.language, item, "problem").unwrap_or_default(),
        advice: IncidentKind::find(text("kind")).map_or("", |kind| t.say(incident_words::advice(kind))),
        handled: handled.map(|handled| texts::fill(t.handled_by, &[t.person(noted("by")), &moment(f, handled)])),
        note: noted("note").to_owned(),
        repeats: Vec::new(),
        repeated: String::new(),
    }
}

fn moment(f: &Frame, item: &Value) -> String {
    f.moment(Timestamp::clamped(item.get("time").and_then(Value::as_i64).unwrap_or_default()))
}
