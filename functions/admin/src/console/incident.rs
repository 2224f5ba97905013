//! One incident: what is wrong, what to do, the provider's message, the check, and who dealt with it.

use askama::Template;
use domain::{Handled, HandledNote, IncidentKind, OperatorRole};
use http::Method;
use serde_json::{Value, json};
use store::{IncidentSubject, KeptIncident};

use super::{
    Answer, Trouble,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    incident_words, problems, query, redirect,
    texts::{self, Texts},
};

/// A fact, and where more about it is.
struct Fact {
    label: &'static str,
    value: String,
    href: Option<String>,
}

/// What a check found.
struct Checked {
    is_good: bool,
    words: String,
}

#[derive(Template)]
#[template(path = "incident.html")]
struct Incident {
    f: Frame,
    t: &'static Texts,
    heading: &'static str,
    reason: String,
    advice: &'static str,
    facts: Vec<Fact>,
    /// The provider's message, as it came. Viewers do not see it, because it may identify the payer.
    message: Option<String>,
    handled: Option<String>,
    note: String,
    note_max: usize,
    note_problem: Option<String>,
    checked: Option<Checked>,
    /// The address of this incident, and its query.
    action: String,
    asked: String,
}

pub(crate) async fn show(desk: &Desk<'_>, id: &str) -> Answer {
    let page = page(desk, id).await?;
    desk.page(200, &page)
}

async fn page(desk: &Desk<'_>, id: &str) -> Result<Incident, Trouble> {
    let t = desk.t();
    let store = &desk.deps.services.store;
    let kept = store.find_incident(&desk.app()?.app.id, id).await?;
    let kept = kept.filter(|kept| kept.summary.subject.mode() == desk.mode).ok_or(Trouble::NotFound)?;
    let heading = t.incident_kind(&kept.summary.kind);
    let f = Frame { section: Section::Incidents, ..desk.frame(heading) };
    let known = IncidentKind::find(&kept.summary.kind);
    Ok(Incident {
        heading,
        reason: problems::say_sentence(f.language(), &kept.summary.problem),
        advice: known.map_or("", |kind| t.say(incident_words::advice(kind))),
        facts: facts(desk, &f, &kept).await?,
        message: message(&kept).filter(|_| desk.need(OperatorRole::Operator).is_ok()),
        handled: kept.summary.handled.as_ref().map(|handled| handled_words(&f, t, handled)),
        note: kept.summary.handled.map(|handled| handled.note.as_str().to_owned()).unwrap_or_default(),
        note_max: HandledNote::CHARS_MAX,
        note_problem: None,
        checked: None,
        action: format!("{}/{id}", f.at("/incidents")),
        asked: query(&[("mode", desk.mode.name())]),
        f,
        t,
    })
}

/// `admin, 2026-11-23 10:00:00`
pub(crate) fn handled_words(f: &Frame, t: &'static Texts, handled: &Handled) -> String {
    texts::fill(t.handled_by, &[t.person(&handled.by), &f.moment(handled.at)])
}

async fn facts(desk: &Desk<'_>, f: &Frame, kept: &KeptIncident) -> Result<Vec<Fact>, Trouble> {
    let t = desk.t();
    let fact = |label, value: String| Fact { label, value, href: None };
    let mut facts = vec![fact(t.time, f.moment(kept.summary.seen_at))];
    match &kept.summary.subject {
        IncidentSubject::Try(key) => {
            let payment = desk.deps.services.store.find_transaction(key).await?;
            let asked = query(&[("mode", key.mode.name()), ("bill", key.bill.as_str())]);
            let href = payment.map(|payment| format!("{}/{}?{asked}", f.at("/transactions"), payment.id));
            facts.push(Fact { label: t.bill, value: key.bill.to_string(), href });
            facts.push(fact(t.channel, t.name_of(key.channel).to_owned()));
        }
        IncidentSubject::Day(day) => {
            let asked = query(&[("mode", day.account.mode.name())]);
            let href = Some(format!("{}/{}?{asked}", f.at("/reconciliation"), day.day));
            facts.push(Fact { label: t.day_word, value: day.day.to_string(), href });
            facts.push(fact(t.channel, t.name_of(day.account.tab).to_owned()));
        }
    }
    let source = match kept.source.as_str() {
        "notify" => t.source_notify,
        "answer" => t.source_answer,
        _ => t.source_books,
    };
    facts.push(fact(t.source, source.to_owned()));
    Ok(facts)
}

/// The message in lines that people can read; `None` if the incident came from our own records.
fn message(kept: &KeptIncident) -> Option<String> {
    if kept.body.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(&kept.body);
    if let Ok(json) = serde_json::from_str::<Value>(&text) {
        return serde_json::to_string_pretty(&json).ok();
    }
    if text.trim_start().starts_with('<') {
        return Some(text.replace("><", ">\n<"));
    }
    let pairs = form_urlencoded::parse(text.as_bytes()).map(|(name, value)| format!("{name} = {value}"));
    Some(pairs.collect::<Vec<_>>().join("\n"))
}

/// Checks the incident again, and shows what came of it.
pub(crate) async fn replay(desk: &Desk<'_>, id: &str) -> Answer {
    let path = format!("/apps/{}/incidents/{id}/replay?mode={}", desk.app()?.app.id, desk.mode);
    let replayed = desk.api(Method::POST, &path, &json!({})).await?;
    // A day that is compared is no incident any more.
    let page = page(desk, id).await?;
    let checked = Some(checked(desk, &replayed));
    desk.page(200, &Incident { checked, ..page })
}

fn checked(desk: &Desk<'_>, replayed: &Value) -> Checked {
    let t = desk.t();
    let language = desk.preferences.language;
    let why = problems::say_in(language, replayed, "problem").unwrap_or_default();
    let outcome = replayed.get("outcome").and_then(Value::as_str).unwrap_or_default();
    let words = match outcome {
        "settled" => t.checked_fits.to_owned(),
        "pending" if why.is_empty() => t.checked_pending.to_owned(),
        "pending" => t.checked_day.to_owned(),
        "refused" => texts::fill(t.checked_refused, &[&why]),
        "unanswered" => texts::fill(t.checked_unanswered, &[&why]),
        _ => texts::fill(t.checked_misfit, &[&why]),
    };
    Checked { is_good: outcome == "settled", words }
}

/// Marks the incident as handled, or opens it again.
pub(crate) async fn handle(desk: &Desk<'_>, id: &str, form: &Form) -> Answer {
    let path = format!("/apps/{}/incidents/{id}/handled", desk.app()?.app.id);
    let back = |done: &str| {
        let asked = query(&[("mode", desk.mode.name()), ("done", done)]);
        redirect(&format!("{}/{id}?{asked}", desk.frame("").at("/incidents")), &[])
    };
    if form.text("do") == "reopen" {
        desk.api(Method::DELETE, &path, &Value::Null).await?;
        return back("reopened");
    }
    match desk.api(Method::PUT, &path, &json!({ "note": form.text("note") })).await {
        Ok(_) => back("handled"),
        Err(problem) if problem.field_name() == Some("note") => {
            let note_problem = Some(problems::say(desk.preferences.language, &problem));
            let page = page(desk, id).await?;
            desk.page(422, &Incident { note_problem, note: form.text("note").to_owned(), ..page })
        }
        Err(problem) => Err(problem.into()),
    }
}
