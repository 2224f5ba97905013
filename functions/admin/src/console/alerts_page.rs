//! The page of alerts: where they go, what each target hears of, a test, and quiet hours.

use askama::Template;
use domain::{AlertCause, AlertKind, AlertLanguage, OperatorRole, Timestamp};
use http::Method;
use providers::MASK;
use runtime::query_parameter;
use serde_json::{Map, Value, json};

use super::{
    Answer, Trouble,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    problems, redirect,
    texts::{Texts, fill},
};
use crate::api::problem::Problem;

/// A target in the list.
struct Target {
    id: String,
    kind: &'static str,
    address: String,
    is_signed: bool,
    language: &'static str,
    causes: Vec<&'static str>,
    last: String,
    /// Whether the latest message did not arrive.
    has_failed: bool,
    waiting: Option<String>,
}

/// Something to choose.
struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

/// The form of a target.
struct TargetForm {
    /// Of a target that is changed; empty for a new one.
    id: String,
    kinds: Vec<Choice>,
    languages: Vec<Choice>,
    causes: Vec<Choice>,
    address: String,
    address_problem: Option<String>,
    /// The mask of a saved secret. A secret that was typed is not sent back.
    secret: &'static str,
    secret_problem: Option<String>,
    causes_problem: Option<String>,
    problem: Option<String>,
}

/// What the form of a target shows.
struct Shown<'a> {
    id: &'a str,
    kind: &'a str,
    address: &'a str,
    secret: &'a str,
    language: &'a str,
    /// The names of the chosen causes. `None` before anything was chosen: then it is every cause.
    causes: Option<Vec<&'a str>>,
}

impl<'a> Shown<'a> {
    fn typed(form: &'a Form) -> Self {
        Self {
            id: form.text("target"),
            kind: form.text("kind"),
            address: form.text("address"),
            secret: form.text("secret"),
            language: form.text("language"),
            causes: form.has("kind").then(|| form.all("causes").collect()),
        }
    }

    fn saved(target: &'a Value) -> Self {
        let text = |name: &str| target.get(name).and_then(Value::as_str).unwrap_or_default();
        let causes = target.get("causes").and_then(Value::as_array);
        Self {
            id: text("id"),
            kind: text("kind"),
            address: text("address"),
            secret: text("secret"),
            language: text("language"),
            causes: causes.map(|causes| causes.iter().filter_map(Value::as_str).collect()),
        }
    }
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct Page {
    f: Frame,
    t: &'static Texts,
    targets: Vec<Target>,
    form: TargetForm,
    from: Vec<Choice>,
    to: Vec<Choice>,
    quiet_problem: Option<String>,
    /// Of the settings that the page shows.
    revision: i64,
    tested: Option<String>,
    test_failed: Option<String>,
}

pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    let settings = settings(desk).await?;
    let mut page = view(desk, &settings, &Form::default());
    if let Some(id) = query_parameter(desk.request, "target") {
        let shown = targets(&settings);
        let target = shown.iter().find(|target| is_shown(desk, target, &id)).ok_or(Trouble::NotFound)?;
        page.form = target_form(desk.t(), &Shown::saved(target));
    }
    desk.page(200, &page)
}

pub(crate) async fn act(desk: &Desk<'_>, action: &str, form: &Form) -> Answer {
    desk.need(OperatorRole::Operator)?;
    match action {
        "save" => save_target(desk, form).await,
        "remove" => remove(desk, form).await,
        "quiet" => change_quiet(desk, form).await,
        "test" => test(desk, form).await,
        _ => Err(Trouble::NotFound),
    }
}

fn path(desk: &Desk<'_>, below: &str) -> Result<String, Trouble> {
    Ok(format!("/apps/{}/alerts{below}", desk.app()?.app.id))
}

/// The settings as the API shows them.
async fn settings(desk: &Desk<'_>) -> Result<Map<String, Value>, Trouble> {
    let Value::Object(settings) = desk.api(Method::GET, &path(desk, "")?, &Value::Null).await? else {
        return Err(Trouble::Api(Problem::internal()));
    };
    Ok(settings)
}

/// Keeps the settings, unless they are others now than those that the page of the form showed.
async fn save(desk: &Desk<'_>, settings: &Map<String, Value>, form: &Form) -> Result<Result<(), Problem>, Trouble> {
    let kept = ["quietHours", "revision", "targets"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), settings.get(*name)?.clone())));
    let mut body: Map<String, Value> = kept.collect();
    if let Ok(seen) = form.text("revision").parse::<i64>() {
        body.insert("revision".to_owned(), seen.into());
    }
    Ok(desk.api(Method::PUT, &path(desk, "")?, &Value::Object(body)).await.map(drop))
}

fn targets(settings: &Map<String, Value>) -> Vec<Value> {
    settings.get("targets").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn has_id(target: &Value, id: &str) -> bool {
    target.get("id").and_then(Value::as_str) == Some(id)
}

/// Whether a target is of the mode that the page shows.
fn is_of_mode(desk: &Desk<'_>, target: &Value) -> bool {
    target.get("mode").and_then(Value::as_str) == Some(desk.mode.name())
}

/// Whether the form of a target may be about this one. The form has no field for the mode, so it must not move a target to the other mode.
fn is_shown(desk: &Desk<'_>, target: &Value, id: &str) -> bool {
    has_id(target, id) && is_of_mode(desk, target)
}

/// Adds or changes a target of the mode that the page shows. The others stay as the API shows them, with what is masked.
async fn save_target(desk: &Desk<'_>, form: &Form) -> Answer {
    let before = settings(desk).await?;
    let mut list = targets(&before);
    let id = form.text("target");
    let known = list.iter().position(|target| is_shown(desk, target, id));
    if known.is_none() && !id.is_empty() {
        return Err(Trouble::NotFound);
    }
    let place = known.unwrap_or(list.len());
    let mut target = json!({
        "kind": form.text("kind"),
        "address": form.text("address"),
        "mode": desk.mode.name(),
        "language": form.text("language"),
        "causes": form.all("causes").collect::<Vec<_>>(),
    });
    if let Some(members) = target.as_object_mut() {
        let given = [("id", id), ("secret", form.text("secret"))];
        let given = given.into_iter().filter(|(_, text)| !text.is_empty());
        members.extend(given.map(|(name, text)| (name.to_owned(), text.into())));
    }
    match list.get_mut(place) {
        Some(known) => *known = target,
        None => list.push(target),
    }
    let mut after = before.clone();
    after.insert("targets".to_owned(), list.into());
    let Err(problem) = save(desk, &after, form).await? else { return saved(desk) };
    if !problem.status.is_client_error() {
        return Err(problem.into());
    }
    let mut page = view(desk, &before, form);
    let said = Some(problems::say(desk.preferences.language, &problem));
    let field = problem.field_name().and_then(|field| field.strip_prefix(&format!("targets.{place}.")));
    match field {
        Some("address") => page.form.address_problem = said,
        Some("secret") => page.form.secret_problem = said,
        Some("causes") => page.form.causes_problem = said,
        _ => page.form.problem = said,
    }
    desk.page(422, &page)
}

async fn remove(desk: &Desk<'_>, form: &Form) -> Answer {
    let mut settings = settings(desk).await?;
    let mut list = targets(&settings);
    list.retain(|target| !has_id(target, form.text("target")));
    settings.insert("targets".to_owned(), list.into());
    save(desk, &settings, form).await?.map_err(Trouble::from)?;
    saved(desk)
}

async fn change_quiet(desk: &Desk<'_>, form: &Form) -> Answer {
    let before = settings(desk).await?;
    let mut after = before.clone();
    let hour = |name| match form.text(name) {
        "" => Ok(None),
        hour => hour.parse::<u8>().map(Some).map_err(|_| Trouble::Form),
    };
    let quiet = match (hour("from")?, hour("to")?) {
        (None, None) => Value::Null,
        (from, to) => json!({ "from": from, "to": to }),
    };
    after.insert("quietHours".to_owned(), quiet);
    let Err(problem) = save(desk, &after, form).await? else { return saved(desk) };
    if problem.field_name() != Some("quietHours") {
        return Err(problem.into());
    }
    let said = Some(problems::say(desk.preferences.language, &problem));
    desk.page(422, &Page { quiet_problem: said, ..view(desk, &before, &Form::default()) })
}

async fn test(desk: &Desk<'_>, form: &Form) -> Answer {
    let body = json!({ "target": form.text("target") });
    let told = desk.api(Method::POST, &path(desk, "/test")?, &body).await?;
    let (t, settings) = (desk.t(), settings(desk).await?);
    let mut page = view(desk, &settings, &Form::default());
    match problems::say_in(desk.preferences.language, &told, "problem") {
        None => page.tested = Some(t.alert_test_received.to_owned()),
        Some(problem) => page.test_failed = Some(fill(t.alert_test_failed, &[&problem])),
    }
    desk.page(200, &page)
}

fn saved(desk: &Desk<'_>) -> Answer {
    redirect(&desk.frame("").at("/alerts?done=saved"), &[])
}

/// The page with these settings, and what was typed in the form of a target.
fn view(desk: &Desk<'_>, settings: &Map<String, Value>, form: &Form) -> Page {
    let t = desk.t();
    let f = Frame { section: Section::Alerts, ..desk.frame(t.alerts) };
    let shown = targets(settings);
    let of_mode = |target: &&Value| is_of_mode(desk, target);
    let quiet = settings.get("quietHours").cloned().unwrap_or_default();
    Page {
        targets: shown.iter().filter(of_mode).map(|target| read_target(desk, &f, target)).collect(),
        form: target_form(t, &Shown::typed(form)),
        from: hours(t, quiet.get("from")),
        to: hours(t, quiet.get("to")),
        quiet_problem: None,
        revision: settings.get("revision").and_then(Value::as_i64).unwrap_or_default(),
        tested: None,
        test_failed: None,
        f,
        t,
    }
}

fn read_target(desk: &Desk<'_>, f: &Frame, target: &Value) -> Target {
    let t = desk.t();
    let text = |name: &str| target.get(name).and_then(Value::as_str).unwrap_or_default();
    let causes = target.get("causes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let causes = causes.iter().filter_map(|cause| AlertCause::find(cause.as_str()?));
    let at = target.get("lastTime").and_then(Value::as_i64).map(|ms| f.moment(Timestamp::clamped(ms)));
    let problem = problems::say_in(desk.preferences.language, target, "lastProblem");
    let waiting = target.get("waiting").and_then(Value::as_u64).filter(|waiting| *waiting > 0);
    Target {
        id: text("id").to_owned(),
        kind: AlertKind::find(text("kind")).map_or("", |kind| kind_name(t, kind)),
        address: text("address").to_owned(),
        is_signed: !text("secret").is_empty(),
        language: AlertLanguage::find(text("language")).map_or("", language_name),
        causes: causes.map(|cause| cause_name(t, cause)).collect(),
        has_failed: problem.is_some(),
        last: match (at, problem) {
            (None, _) => t.alert_last_never.to_owned(),
            (Some(at), None) => fill(t.alert_last_ok, &[&at]),
            (Some(at), Some(problem)) => fill(t.alert_last_bad, &[&at, &problem]),
        },
        waiting: waiting.map(|waiting| fill(t.alert_waiting, &[&waiting.to_string()])),
    }
}

fn target_form(t: &'static Texts, shown: &Shown<'_>) -> TargetForm {
    let choice =
        |value: &str, label: &str, is_chosen| Choice { value: value.to_owned(), label: label.to_owned(), is_chosen };
    let kind = |kind: AlertKind| choice(kind.name(), kind_name(t, kind), shown.kind == kind.name());
    let default = match t.language {
        super::preferences::Language::Zh => AlertLanguage::Zh,
        super::preferences::Language::En => AlertLanguage::En,
    };
    let chosen = AlertLanguage::find(shown.language).unwrap_or(default);
    let hears = |cause: AlertCause| shown.causes.as_ref().is_none_or(|causes| causes.contains(&cause.name()));
    TargetForm {
        id: shown.id.to_owned(),
        kinds: AlertKind::ALL.map(kind).into(),
        languages: AlertLanguage::ALL.map(|one| choice(one.name(), language_name(one), one == chosen)).into(),
        causes: AlertCause::ALL.map(|cause| choice(cause.name(), cause_name(t, cause), hears(cause))).into(),
        address: shown.address.to_owned(),
        address_problem: None,
        secret: if shown.secret == MASK { MASK } else { "" },
        secret_problem: None,
        causes_problem: None,
        problem: None,
    }
}

/// The hours of a day, and none.
fn hours(t: &'static Texts, chosen: Option<&Value>) -> Vec<Choice> {
    let chosen = chosen.and_then(Value::as_i64);
    let none = Choice { value: String::new(), label: t.alert_quiet_off.to_owned(), is_chosen: chosen.is_none() };
    let hour =
        |hour: i64| Choice { value: hour.to_string(), label: format!("{hour:02}:00"), is_chosen: chosen == Some(hour) };
    std::iter::once(none).chain((0..24).map(hour)).collect()
}

fn kind_name(t: &'static Texts, kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Wecom => t.alert_kind_wecom,
        AlertKind::Dingtalk => t.alert_kind_dingtalk,
        AlertKind::Feishu => t.alert_kind_feishu,
        AlertKind::Sns => t.alert_kind_sns,
    }
}

fn language_name(language: AlertLanguage) -> &'static str {
    match language {
        AlertLanguage::Zh => "中文",
        AlertLanguage::En => "English",
    }
}

fn cause_name(t: &'static Texts, cause: AlertCause) -> &'static str {
    match cause {
        AlertCause::Incident => t.alert_cause_incident,
        AlertCause::Refund => t.alert_cause_refund,
        AlertCause::Target => t.alert_cause_target,
        AlertCause::Reconciliation => t.alert_cause_reconciliation,
        AlertCause::PaymentsStopped => t.alert_cause_stopped,
        AlertCause::SuccessRate => t.alert_cause_rate,
        AlertCause::Certificate => t.alert_cause_certificate,
        AlertCause::DeadLetters => t.alert_cause_letters,
    }
}
