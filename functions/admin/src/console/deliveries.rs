//! Deliveries: those that wait, those that never arrived and why, and how to send them again.

use askama::Template;
use domain::{DeliveryId, DeliveryState, Event, Mode, Timestamp};
use http::Method;
use runtime::query_parameter;
use serde_json::{Value, json};

use super::{
    Answer, Trouble,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    inside, problems, query, redirect,
    targets::{self, FailingTarget},
    texts::{self, Texts},
    webhooks,
};

const HOUR_MS: i64 = 3_600_000;

/// A hundred days: deliveries are kept for less.
const HOURS_MAX: i64 = 2400;

/// One attempt, as one line.
struct Attempt {
    when: String,
    words: String,
    answer: String,
}

struct Row {
    id: String,
    bill: String,
    bill_href: String,
    event: &'static str,
    target: String,
    /// Whether its target fails now.
    is_failing: bool,
    /// Whether it can be sent again: its webhook is still there, in the same mode.
    can_resend: bool,
    resend: String,
    state: String,
    state_label: &'static str,
    next: Option<String>,
    attempts: Vec<Attempt>,
}

#[derive(Template)]
#[template(path = "deliveries.html")]
struct Deliveries {
    f: Frame,
    t: &'static Texts,
    states: Vec<(&'static str, &'static str, bool)>,
    webhooks: Vec<(String, String, bool)>,
    rows: Vec<Row>,
    failing: Vec<FailingTarget>,
    next: Option<String>,
    here: String,
}

pub(crate) async fn list(desk: &Desk<'_>) -> Answer {
    let t = desk.t();
    let f = Frame { section: Section::Deliveries, ..desk.frame(t.deliveries) };
    let parameter = |name| query_parameter(desk.request, name).unwrap_or_default().into_owned();
    let (state, webhook, cursor) = (parameter("state"), parameter("webhook"), parameter("cursor"));
    let asked = [("state", state.as_str()), ("webhook", &webhook), ("cursor", &cursor)];
    let path = format!("/apps/{}/deliveries?{}", desk.app()?.app.id, query(&asked));
    let page = desk.api(Method::GET, &path, &Value::Null).await?;
    let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let known = webhooks::rows(desk).await?;
    let choices = known.iter().map(|one| (one.id.clone(), one.target.chars().take(60).collect(), one.id == webhook));
    let next = page.get("cursor").and_then(Value::as_str).map(|next| {
        format!("{}?{}", f.at("/deliveries"), query(&[("state", &state), ("webhook", &webhook), ("cursor", next)]))
    });
    let every = ("", t.every_state, state.is_empty());
    let states = DeliveryState::ALL.map(|one| (one.name(), t.name_of(one), one.name() == state));
    let page = Deliveries {
        states: std::iter::once(every).chain(states).collect(),
        webhooks: choices.collect(),
        rows: items.iter().map(|item| row(desk, &f, item, &known)).collect(),
        failing: targets::failing(desk, &f, &known).await?,
        next,
        here: f.here.clone(),
        f,
        t,
    };
    desk.page(200, &page)
}

fn row(desk: &Desk<'_>, f: &Frame, item: &Value, known: &[webhooks::Row]) -> Row {
    let t = desk.t();
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let webhook = known.iter().find(|one| one.id == text("webhook"));
    let next = item.get("nextTime").and_then(Value::as_i64).map(|ms| f.moment(Timestamp::clamped(ms)));
    let is_pulled = webhook.is_some_and(|one| one.kind == webhooks::Kind::Pull);
    let next = next.map(|next| if is_pulled { format!("{} {next}", t.kept_until) } else { next });
    let asked = query(&[("mode", text("mode")), ("bill", text("billNum"))]);
    let attempts = item.get("attempts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Row {
        id: text("id").to_owned(),
        bill: text("billNum").to_owned(),
        bill_href: format!("{}/{}?{asked}", f.at("/transactions"), text("transaction")),
        event: Event::find(text("event")).map_or("", |event| t.name_of(event)),
        resend: webhook.map(|one| texts::fill(t.resend_to, &[&targets::short(&one.target)])).unwrap_or_default(),
        target: webhook.map_or_else(|| t.deleted_webhook.to_owned(), |one| one.target.clone()),
        is_failing: webhook.is_some_and(|one| one.is_failing),
        can_resend: webhook.is_some_and(|one| one.is_live == (text("mode") == Mode::Live.name())),
        state: text("state").to_owned(),
        state_label: DeliveryState::find(text("state")).map_or("", |state| t.name_of(state)),
        next,
        attempts: attempts.iter().rev().map(|attempt| line(f, t, attempt)).collect(),
    }
}

fn line(f: &Frame, t: &'static Texts, attempt: &Value) -> Attempt {
    let text = |name: &str| attempt.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| attempt.get(name).and_then(Value::as_i64).unwrap_or_default();
    Attempt {
        when: f.moment(Timestamp::clamped(number("time"))),
        words: attempt_words(f, t, attempt),
        answer: text("answer").to_owned(),
    }
}

/// `第 2 次 · 未收到 · HTTP 500 · 12 ms`
pub(crate) fn attempt_words(f: &Frame, t: &'static Texts, attempt: &Value) -> String {
    let text = |name: &str| attempt.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| attempt.get(name).and_then(Value::as_i64);
    let received = text("verdict") == "received";
    let problem = problems::say_in(f.language(), attempt, "problem").unwrap_or_default();
    // The text of a problem with the status already contains the status.
    let status = number("status").filter(|_| !problem.starts_with("HTTP") && !problem.starts_with("statusCode"));
    let words = [
        number("attempt").map(|number| texts::fill(t.attempt_number, &[&number.to_string()])),
        Some(if received { t.received } else { t.not_received }.to_owned()),
        status.map(|status| format!("HTTP {status}")),
        Some(problem).filter(|problem| !problem.is_empty()),
        number("durationMs").map(|ms| format!("{ms} ms")),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Sends again what failed or waits, of one webhook: since a moment, or in the last hours.
pub(crate) async fn replay(desk: &Desk<'_>, form: &Form) -> Answer {
    let number = |name: &str| form.text(name).parse::<i64>().ok();
    let hours = number("hours").filter(|hours| (1..=HOURS_MAX).contains(hours));
    let since = number("since").or_else(|| hours.map(|hours| desk.now.ms().saturating_sub(hours * HOUR_MS).max(0)));
    let body = json!({ "since": since.ok_or(Trouble::Form)?, "states": ["exhausted", "waiting"] });
    let path = format!("/apps/{}/webhooks/{}/replay", desk.app()?.app.id, form.text("webhook"));
    let replayed = desk.api(Method::POST, &path, &body).await?;
    let is_all = replayed.get("cursor").is_none_or(Value::is_null);
    let is_none = replayed.get("replayed").and_then(Value::as_u64) == Some(0);
    let is_paused = webhooks::is_paused(desk, form.text("webhook")).await?;
    let done = match (is_none, is_paused, is_all) {
        (true, ..) => "replayed-none",
        (false, true, _) => "paused",
        (false, false, true) => "replayed",
        (false, false, false) => "replayed-part",
    };
    redirect(&format!("{}?done={done}", desk.frame("").at("/deliveries")), &[])
}

/// Sends one delivery again, and returns to the page of the button.
pub(crate) async fn resend(desk: &Desk<'_>, id: &str, form: &Form) -> Answer {
    let path = format!("/apps/{}/deliveries/{id}/resend", desk.app()?.app.id);
    desk.api(Method::POST, &path, &json!({})).await.map_err(Trouble::from)?;
    let back = inside(form.raw("back"));
    let back = ["&done=", "?done="].into_iter().fold(back, |back, done| back.split(done).next().unwrap_or(back));
    let join = if back.contains('?') { '&' } else { '?' };
    let webhook = DeliveryId::from_token(&desk.app()?.app.id, id).map(|id| id.webhook.to_string());
    let is_paused = webhooks::is_paused(desk, &webhook.unwrap_or_default()).await?;
    redirect(&format!("{back}{join}done={}", if is_paused { "paused" } else { "resent" }), &[])
}
