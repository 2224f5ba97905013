//! Webhooks: the list with its switch, the form for all kinds of target, and the tester.

use askama::Template;
use domain::{Event, Mode, Timestamp};
use http::{Method, StatusCode};
use providers::MASK;
use serde_json::{Map, Value, json};

use super::{
    Answer, Trouble,
    apps::KeysOnce,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    problems, redirect,
    targets::{self, FailingTarget},
    texts::{self, Texts},
};
use crate::api::problem::Problem;

/// How events come to the merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Url,
    Function,
    Pull,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            "function" => Self::Function,
            "pull" => Self::Pull,
            _ => Self::Url,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Function => "function",
            Self::Pull => "pull",
        }
    }

    pub(crate) fn label(self, t: &Texts) -> &'static str {
        match self {
            Self::Url => t.own_url,
            Self::Function => t.cloud_function,
            Self::Pull => t.pulled,
        }
    }

    /// The kinds that a webhook can have: a fetched one stays one.
    fn choices(before: Option<Self>) -> Vec<Self> {
        match before {
            None => vec![Self::Url, Self::Function, Self::Pull],
            Some(Self::Url | Self::Function) => vec![Self::Url, Self::Function],
            Some(Self::Pull) => vec![Self::Pull],
        }
    }
}

/// A row of the list of webhooks.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) target: String,
    pub(crate) is_live: bool,
    pub(crate) events: Vec<&'static str>,
    /// Whether its latest attempts failed.
    pub(crate) is_failing: bool,
    /// Since when, and how often.
    pub(crate) failing: Option<Failing>,
    /// Whether its target answers slowly.
    pub(crate) is_slow: bool,
    /// Why no messages are sent now, if it is paused.
    pub(crate) paused: Option<String>,
    /// Why none are ever sent, if its address is not public.
    pub(crate) warning: Option<String>,
}

/// The failures of a target, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failing {
    pub(crate) since: Timestamp,
    pub(crate) failures: i64,
}

#[derive(Template)]
#[template(path = "webhooks.html")]
struct List {
    f: Frame,
    t: &'static Texts,
    rows: Vec<Row>,
    failing: Vec<FailingTarget>,
}

#[derive(Template)]
#[template(path = "webhook.html")]
struct Edit {
    f: Frame,
    t: &'static Texts,
    heading: &'static str,
    action: String,
    is_new: bool,
    kinds: Vec<Kind>,
    kind: Kind,
    url: String,
    headers: String,
    function: String,
    is_live: bool,
    /// For each event: name, label, and whether it is chosen.
    events: Vec<(&'static str, &'static str, bool)>,
    target_problem: Option<String>,
    headers_problem: Option<String>,
    events_problem: Option<String>,
    bad: Option<String>,
    graces: [(u32, &'static str); 4],
    /// Until when messages are also signed with the earlier secret.
    old_secret_until: Option<String>,
}

impl Edit {
    fn is(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    fn offers(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }
}

#[derive(Template)]
#[template(path = "webhook_test.html")]
struct Tester {
    f: Frame,
    t: &'static Texts,
    id: String,
    target: String,
    events: Vec<(&'static str, &'static str, bool)>,
    tried: Option<AttemptResult>,
}

struct AttemptResult {
    request_head: String,
    request_body: String,
    response_head: String,
    response_body: String,
    received: bool,
    verdict: String,
}

async fn load(desk: &Desk<'_>) -> Result<Vec<Value>, Trouble> {
    let listed = desk.api(Method::GET, &format!("/apps/{}/webhooks", desk.app()?.app.id), &Value::Null).await?;
    Ok(listed.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
}

async fn find(desk: &Desk<'_>, id: &str) -> Result<Value, Trouble> {
    load(desk).await?.into_iter().find(|item| text(item, "id") == id).ok_or(Trouble::NotFound)
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A webhook whose events are fetched has no address. Its id tells it from others, and its fetcher may have to give it.
pub(crate) fn pulled_name(t: &Texts, id: &str) -> String {
    format!("{} {id}", t.pulled)
}

/// Whether its target gets only probes for now.
pub(crate) async fn is_paused(desk: &Desk<'_>, id: &str) -> Result<bool, Trouble> {
    Ok(match find(desk, id).await {
        Ok(item) => health(&item, "pausedSince").is_some_and(|since| !since.is_null()),
        Err(Trouble::NotFound) => false,
        Err(trouble) => return Err(trouble),
    })
}

fn kind(item: &Value) -> Kind {
    let has = |name: &str| item.get("target").is_some_and(|target| target.get(name).is_some());
    [Kind::Function, Kind::Pull].into_iter().find(|kind| has(kind.name())).unwrap_or(Kind::Url)
}

/// The address or the function's name.
fn target(item: &Value) -> String {
    let member = |name: &str| item.get("target").map(|target| text(target, name)).unwrap_or_default().to_owned();
    match kind(item) {
        Kind::Url => member("url"),
        Kind::Function => member("function"),
        Kind::Pull => String::new(),
    }
}

/// Why nothing is sent to the target, if its address is not public.
fn warning(desk: &Desk<'_>, item: &Value) -> Option<String> {
    item.get("warning")?;
    let address = item.get("params").and_then(|params| params.get("address")).and_then(Value::as_str);
    Some(texts::fill(desk.t().closed_target, &[address.unwrap_or_default()]))
}

/// A member of the `health` of a webhook's target.
fn health<'a>(item: &'a Value, name: &str) -> Option<&'a Value> {
    item.get("health")?.get(name)
}

/// Every webhook of the app, for other pages that list them.
pub(crate) async fn rows(desk: &Desk<'_>) -> Result<Vec<Row>, Trouble> {
    let t = desk.t();
    let f = desk.frame("");
    let paused = |item: &Value| {
        let at = |name: &str| Some(f.moment(Timestamp::clamped(health(item, name)?.as_i64()?)));
        Some(texts::fill(t.paused_since, &[&at("pausedSince")?, &at("nextProbe").unwrap_or_default()]))
    };
    let row = |item: &Value| {
        let kind = kind(item);
        Row {
            id: text(item, "id").to_owned(),
            kind,
            target: if kind == Kind::Pull { pulled_name(t, text(item, "id")) } else { target(item) },
            is_live: text(item, "mode") == Mode::Live.name(),
            events: wanted(item).into_iter().map(|event| t.name_of(event)).collect(),
            is_failing: health(item, "failuresInARow").and_then(Value::as_u64).is_some_and(|failures| failures > 0),
            failing: failing(item),
            is_slow: health(item, "slow").and_then(Value::as_bool).unwrap_or_default(),
            paused: paused(item),
            warning: warning(desk, item),
        }
    };
    Ok(load(desk).await?.iter().map(row).collect())
}

/// `None` if its latest attempt did not fail.
fn failing(item: &Value) -> Option<Failing> {
    let number = |name: &str| health(item, name)?.as_i64();
    let failures = number("failuresInARow").filter(|failures| *failures > 0)?;
    Some(Failing { since: Timestamp::clamped(number("failingSince")?), failures })
}

fn wanted(item: &Value) -> Vec<Event> {
    let names = item.get("events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    names.iter().filter_map(|name| Event::find(name.as_str()?)).collect()
}

pub(crate) async fn list(desk: &Desk<'_>) -> Answer {
    let f = Frame { section: Section::Webhooks, ..desk.frame(desk.t().webhooks) };
    let rows = rows(desk).await?;
    let failing = targets::failing(desk, &f, &rows).await?;
    desk.page(200, &List { f, t: desk.t(), rows, failing })
}

pub(crate) fn new(desk: &Desk<'_>) -> Answer {
    desk.need(domain::OperatorRole::Operator)?;
    desk.page(200, &blank(desk))
}

fn blank(desk: &Desk<'_>) -> Edit {
    let t = desk.t();
    let f = Frame { section: Section::Webhooks, ..desk.frame(t.new_webhook) };
    Edit {
        heading: t.new_webhook,
        action: f.at("/webhooks"),
        is_new: true,
        kinds: Kind::choices(None),
        kind: Kind::Url,
        url: String::new(),
        headers: String::new(),
        function: String::new(),
        is_live: desk.mode == Mode::Live,
        events: events(t, &[Event::PaymentSuccess]),
        target_problem: None,
        headers_problem: None,
        events_problem: None,
        bad: None,
        graces: [(0, t.at_once), (3600, t.hour), (86400, t.day), (604_800, t.week)],
        old_secret_until: None,
        f,
        t,
    }
}

fn events(t: &'static Texts, wanted: &[Event]) -> Vec<(&'static str, &'static str, bool)> {
    Event::ALL.map(|event| (event.name(), t.name_of(event), wanted.contains(&event))).to_vec()
}

pub(crate) async fn edit(desk: &Desk<'_>, id: &str) -> Answer {
    desk.need(domain::OperatorRole::Operator)?;
    desk.page(200, &edited(desk, &find(desk, id).await?))
}

fn edited(desk: &Desk<'_>, item: &Value) -> Edit {
    let t = desk.t();
    let (kind, name) = (kind(item), target(item));
    let headers = item.get("target").and_then(|target| target.get("headers")).and_then(Value::as_object);
    let headers = headers.into_iter().flatten().map(|(name, _)| format!("{name}: {MASK}"));
    let page = blank(desk);
    let until = item.get("previousSecretValidUntil").and_then(Value::as_i64).map(Timestamp::clamped);
    Edit {
        old_secret_until: until.map(|until| texts::fill(t.old_secret_until, &[&page.f.moment(until)])),
        heading: t.edit_webhook,
        action: format!("{}/{}", page.f.at("/webhooks"), text(item, "id")),
        is_new: false,
        kinds: Kind::choices(Some(kind)),
        kind,
        url: if kind == Kind::Url { name.clone() } else { String::new() },
        function: if kind == Kind::Function { name } else { String::new() },
        headers: headers.collect::<Vec<_>>().join("\n"),
        is_live: text(item, "mode") == Mode::Live.name(),
        events: events(t, &wanted(item)),
        ..page
    }
}

/// The form again, as it was typed. Header values may be secrets and are not sent back to the page; their names and masks are.
fn typed(page: Edit, form: &Form) -> Edit {
    let names = form.raw("headers").lines().filter_map(|line| line.split_once(':'));
    let masks = |value: &str| if value.trim() == MASK { MASK } else { "" };
    let headers: Vec<String> = names.map(|(name, value)| format!("{}: {}", name.trim(), masks(value))).collect();
    let wanted: Vec<Event> = form.all("event").filter_map(Event::find).collect();
    Edit {
        kind: Kind::of(form.text("kind")),
        url: form.text("url").to_owned(),
        function: form.text("function").to_owned(),
        headers: headers.join("\n"),
        is_live: form.text("mode") == Mode::Live.name(),
        events: events(page.t, &wanted),
        ..page
    }
}

fn body(form: &Form) -> Value {
    let target = match Kind::of(form.text("kind")) {
        Kind::Function => json!({ "function": form.text("function") }),
        Kind::Pull => json!({ "pull": true }),
        Kind::Url => {
            let mut headers = Map::new();
            for line in form.raw("headers").lines().map(str::trim).filter(|line| !line.is_empty()) {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                headers.insert(name.trim().to_owned(), value.trim().into());
            }
            json!({ "url": form.text("url"), "headers": headers })
        }
    };
    json!({ "target": target, "mode": form.text("mode"), "events": form.all("event").collect::<Vec<_>>() })
}

pub(crate) async fn create(desk: &Desk<'_>, form: &Form) -> Answer {
    let t = desk.t();
    let path = format!("/apps/{}/webhooks", desk.app()?.app.id);
    let made = match desk.api(Method::POST, &path, &body(form)).await {
        Ok(made) => made,
        Err(problem) => return refuse(desk, typed(blank(desk), form), problem),
    };
    let f = Frame { section: Section::Webhooks, ..desk.frame(t.webhook_made) };
    let values = vec![(t.webhook_secret.to_owned(), text(&made, "secret").to_owned())];
    let onward = f.at("/webhooks");
    desk.page(201, &KeysOnce { f, t, heading: t.webhook_made, values, warning: warning(desk, &made), onward })
}

fn refuse(desk: &Desk<'_>, mut page: Edit, problem: Problem) -> Answer {
    if !matches!(problem.status, StatusCode::BAD_REQUEST | StatusCode::CONFLICT) {
        return Err(problem.into());
    }
    let said = Some(problems::say(desk.preferences.language, &problem));
    match problem.field_name().unwrap_or_default() {
        "events" => page.events_problem = said,
        "target.headers" => page.headers_problem = said,
        field if field.starts_with("target") && page.kind != Kind::Pull => page.target_problem = said,
        _ => page.bad = said,
    }
    desk.page(422, &page)
}

/// Saves, switches or deletes: the button decides.
pub(crate) async fn act(desk: &Desk<'_>, id: &str, form: &Form) -> Answer {
    let path = format!("/apps/{}/webhooks/{id}", desk.app()?.app.id);
    let back = |done: &str| redirect(&format!("{}?done={done}", desk.frame("").at("/webhooks")), &[]);
    match form.text("do") {
        "delete" => {
            desk.api(Method::DELETE, &path, &Value::Null).await?;
            back("deleted")
        }
        "live" | "test" => {
            desk.api(Method::PUT, &format!("{path}/mode"), &json!({ "mode": form.text("do") })).await?;
            back("saved")
        }
        "rotate" => rotate(desk, &path, form).await,
        _ => match desk.api(Method::PUT, &path, &body(form)).await {
            Ok(_) => back("saved"),
            Err(problem) => {
                let page = edited(desk, &find(desk, id).await?);
                refuse(desk, typed(page, form), problem)
            }
        },
    }
}

/// Shows the new secret, only this once.
async fn rotate(desk: &Desk<'_>, path: &str, form: &Form) -> Answer {
    let grace: u32 = form.text("grace").parse().map_err(|_| Trouble::Form)?;
    let rotated = desk.api(Method::POST, &format!("{path}/secret/rotate"), &json!({ "graceSeconds": grace })).await?;
    let t = desk.t();
    let f = Frame { section: Section::Webhooks, ..desk.frame(t.secret_rotated) };
    let values = vec![(t.webhook_secret.to_owned(), text(&rotated, "secret").to_owned())];
    let onward = f.at("/webhooks");
    desk.page(200, &KeysOnce { f, t, heading: t.secret_rotated, values, warning: None, onward })
}

pub(crate) async fn tester(desk: &Desk<'_>, id: &str) -> Answer {
    desk.need(domain::OperatorRole::Operator)?;
    let item = find(desk, id).await?;
    if kind(&item) == Kind::Pull {
        // Nothing is sent to it.
        return Err(Trouble::NotFound);
    }
    desk.page(200, &tester_page(desk, &item, Event::PaymentSuccess.name(), None))
}

fn tester_page(desk: &Desk<'_>, item: &Value, event: &str, tried: Option<AttemptResult>) -> Tester {
    let t = desk.t();
    let f = Frame { section: Section::Webhooks, ..desk.frame(t.test_webhook) };
    let chosen: Vec<Event> = Event::find(event).into_iter().collect();
    Tester { id: text(item, "id").to_owned(), target: target(item), events: events(t, &chosen), tried, f, t }
}

/// Sends sample data, and shows the request, the answer and the verdict.
pub(crate) async fn try_it(desk: &Desk<'_>, id: &str, form: &Form) -> Answer {
    let item = find(desk, id).await?;
    let path = format!("/apps/{}/webhooks/{id}/test", desk.app()?.app.id);
    let report = desk.api(Method::POST, &path, &json!({ "event": form.text("event") })).await?;
    let tried = tried(desk, &report);
    desk.page(200, &tester_page(desk, &item, form.text("event"), Some(tried)))
}

fn tried(desk: &Desk<'_>, report: &Value) -> AttemptResult {
    let t = desk.t();
    let (request, response) = (report.get("request"), report.get("response"));
    let null = Value::Null;
    let (request, response) = (request.unwrap_or(&null), response.unwrap_or(&null));
    let head = |part: &Value, first: String| {
        let headers = part.get("headers").and_then(Value::as_object);
        let lines = headers
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("{name}: {}", value.as_str().unwrap_or_default()));
        std::iter::once(first).filter(|line| !line.is_empty()).chain(lines).collect::<Vec<_>>().join("\n")
    };
    let body = |part: &Value| match part.get("body") {
        Some(Value::String(text)) => pretty(text),
        Some(other) if !other.is_null() => serde_json::to_string_pretty(other).unwrap_or_default(),
        _ => String::new(),
    };
    let status = response.get("status").and_then(Value::as_u64);
    let took = response.get("durationMs").and_then(Value::as_u64).map(|ms| format!("{ms} ms"));
    let received = report.get("received").and_then(Value::as_bool) == Some(true);
    let code = status.map(|status| format!("HTTP {status}"));
    let problem = problems::say_in(desk.preferences.language, report, "problem").filter(|_| !received);
    // The text of a problem with the status already contains the status.
    let code = code.filter(|_| problem.as_ref().is_none_or(|problem| !problem.contains("HTTP")));
    let parts = [Some(if received { t.received } else { t.not_received }.to_owned()), code, took, problem];
    let first = match text(request, "url") {
        "" => texts::fill(t.invoke, &[text(request, "function")]),
        url => format!("POST {url}"),
    };
    AttemptResult {
        request_head: head(request, first),
        request_body: body(request),
        response_head: head(response, status.map(|status| format!("HTTP {status}")).unwrap_or_default()),
        response_body: body(response),
        received,
        verdict: parts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
    }
}

fn pretty(json: &str) -> String {
    let value = serde_json::from_str::<Value>(json);
    value.ok().and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| json.to_owned())
}
