//! Incidents: reports of providers that do not match or could not be verified, and bills that were paid twice. `incident_check.rs` checks one
//! again.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{AppId, HandledState, IncidentKind};
use http::StatusCode;
use runtime::{Reply, json, query_parameter};
use serde_json::{Value, json};
use store::{DayKey, ForgedHour, IncidentFilter, IncidentSubject, IncidentSummary, KeptIncident};

use super::{call::Call, handled, problem::Problem, said, wrong::Wrong};

/// `GET /apps/{appId}/incidents?mode=&kind=&state=&cursor=`, newest first. Messages that could not be verified are listed only if `kind` asks for
/// them. The list then says how many messages of the latest hours were not kept.
pub(crate) async fn list(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    call.load_app(&app).await?;
    let filter = IncidentFilter { kind: read_kind(call)?, state: read_state(call)? };
    let cursor = call.cursor()?;
    let store = &call.deps.services.store;
    let page = store.incidents(&app, mode, filter, cursor.as_ref()).await?;
    let items: Vec<Value> = page.incidents.iter().map(|incident| Value::Object(members(incident))).collect();
    let mut answer = serde_json::Map::new();
    answer.insert("items".to_owned(), items.into());
    answer.insert("cursor".to_owned(), json!(page.cursor));
    if filter.kind == Some(IncidentKind::Forged) {
        let hours = store.forged_hours(&app, mode).await?;
        let count = |hour: &ForgedHour| json!({ "time": hour.since.ms(), "count": hour.not_kept });
        answer.insert("notKept".to_owned(), hours.iter().map(count).collect());
    }
    Ok(json(StatusCode::OK, &Value::Object(answer)))
}

fn read_kind(call: &Call<'_>) -> Result<Option<IncidentKind>, Problem> {
    let Some(text) = query_parameter(call.request, "kind").filter(|text| !text.is_empty()) else { return Ok(None) };
    let words = || IncidentKind::ALL.map(IncidentKind::name).join(", ");
    let kind = IncidentKind::find(&text).ok_or_else(|| Problem::field("kind", Wrong::Kind { words: words() }))?;
    Ok(Some(kind))
}

fn read_state(call: &Call<'_>) -> Result<Option<HandledState>, Problem> {
    let Some(text) = query_parameter(call.request, "state").filter(|text| !text.is_empty()) else { return Ok(None) };
    let words = || HandledState::ALL.map(HandledState::name).join(", ");
    let state = HandledState::find(&text);
    state.map(Some).ok_or_else(|| Problem::field("state", Wrong::OneOf { words: words(), found: text.into_owned() }))
}

/// `GET /apps/{appId}/incidents/{id}`: one incident, with the message that caused it.
pub(crate) async fn show(call: &Call<'_>, app: AppId, id: &str) -> Result<Reply, Problem> {
    let kept = load(call, &app, id).await?;
    let mut shown = members(&kept.summary);
    shown.insert("source".to_owned(), kept.source.into());
    let headers = kept.headers.into_iter().map(|(name, value)| (name, Value::from(value)));
    shown.insert("headers".to_owned(), Value::Object(headers.collect()));
    match String::from_utf8(kept.body) {
        Ok(text) => shown.insert("body".to_owned(), text.into()),
        Err(error) => shown.insert("bodyBase64".to_owned(), STANDARD.encode(error.as_bytes()).into()),
    };
    Ok(json(StatusCode::OK, &Value::Object(shown)))
}

/// `PUT /apps/{appId}/incidents/{id}/handled {"note"?}`: the caller dealt with it.
pub(crate) async fn handle(call: &Call<'_>, app: AppId, id: &str) -> Result<Reply, Problem> {
    let noted = handled::read(call)?;
    let is_written = call.deps.services.store.handle_incident(&app, id, &noted).await?;
    let kept = load(call, &app, id).await?;
    match &kept.summary.handled {
        // If the answer to the write was lost, the note that is there is this one.
        Some(before) if !is_written && *before != noted => Err(handled::taken(before)),
        _ => Ok(json(StatusCode::OK, &Value::Object(members(&kept.summary)))),
    }
}

/// `DELETE /apps/{appId}/incidents/{id}/handled`: it is open again.
pub(crate) async fn reopen(call: &Call<'_>, app: AppId, id: &str) -> Result<Reply, Problem> {
    let is_written = call.deps.services.store.reopen_incident(&app, id).await?;
    let kept = load(call, &app, id).await?;
    if is_written {
        Ok(json(StatusCode::OK, &Value::Object(members(&kept.summary))))
    } else {
        Err(Problem::conflict(Wrong::NotHandled))
    }
}

pub(crate) async fn load(call: &Call<'_>, app: &AppId, id: &str) -> Result<KeptIncident, Problem> {
    let kept = call.deps.services.store.find_incident(app, id).await?;
    kept.ok_or_else(|| Problem::not_found("incident"))
}

/// An incident as it is listed.
pub(crate) fn members(incident: &IncidentSummary) -> serde_json::Map<String, Value> {
    let about = match &incident.subject {
        IncidentSubject::Try(key) => vec![
            ("billNum", json!(key.bill.as_str())),
            ("channel", json!(key.channel.name())),
            ("mode", json!(key.mode.name())),
        ],
        IncidentSubject::Day(DayKey { account, day }) => vec![
            ("day", json!(day.as_str())),
            ("tab", json!(account.tab.name())),
            ("account", json!(account.number.get())),
            ("mode", json!(account.mode.name())),
        ],
    };
    let what = [
        ("id", json!(incident.id)),
        ("kind", json!(incident.kind)),
        ("time", json!(incident.seen_at.ms())),
        ("handled", handled::shown(incident.handled.as_ref())),
    ];
    let members = what.into_iter().chain(about).map(|(name, value)| (name.to_owned(), value));
    members.chain(said::text("problem", Some(&incident.problem))).collect()
}
