//! Incidents: reports of providers that do not match or could not be verified, and bills that were paid twice.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use domain::{AppId, IncidentKind, Sentence};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use runtime::{Reply, Request, error_chain, json, query_parameter};
use serde_json::{Value, json};
use settlement::{ASKING_BOUNDS, Notify, NotifyOutcome, QueryOutcome, ReportOutcome};
use store::{DayKey, ForgedHour, IncidentSubject, IncidentSummary, KeptIncident};

use super::{call::Call, problem::Problem, reconciliations, said, transaction_actions::refused, wrong::Wrong};

/// `GET /apps/{appId}/incidents?mode=&kind=&cursor=`, newest first. Messages that could not be verified are listed only if `kind` asks for
/// them. The list then says how many messages of the latest hours were not kept.
pub(crate) async fn list(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    call.load_app(&app).await?;
    let (kind, cursor) = (read_kind(call)?, call.cursor()?);
    let store = &call.deps.services.store;
    let page = store.incidents(&app, mode, kind, cursor.as_ref()).await?;
    let items: Vec<Value> = page.incidents.iter().map(|incident| Value::Object(members(incident))).collect();
    let mut answer = serde_json::Map::new();
    answer.insert("items".to_owned(), items.into());
    answer.insert("cursor".to_owned(), json!(page.cursor));
    if kind == Some(IncidentKind::Forged) {
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

/// `POST /apps/{appId}/incidents/{id}/replay`: reads the kept message again, with today's code and settings, and settles it if it matches
/// now. Its signature is verified as of the time it arrived. If the message was the answer to a question, the question is asked again
/// instead. If the incident is a day that was not compared, the next sweep compares it.
pub(crate) async fn replay(call: &Call<'_>, app: AppId, id: &str) -> Result<Reply, Problem> {
    let kept = load(call, &app, id).await?;
    let key = match &kept.summary.subject {
        IncidentSubject::Try(key) => key,
        IncidentSubject::Day(day) => {
            reconciliations::ask_for(call, day).await?;
            return Ok(replayed("pending", Some(&kept.summary.problem)));
        }
    };
    let (deps, apps) = (&call.deps.settlement(), &call.deps.services.apps);
    let configured = apps.find(&app, call.now).await?.ok_or_else(|| Problem::not_found("app"))?;
    if kept.source != "notify" {
        let transaction = call.deps.services.store.find_transaction(key).await?;
        let transaction = transaction.ok_or_else(|| Problem::not_found("transaction"))?;
        let asked = settlement::ask(deps, &configured, &transaction, ASKING_BOUNDS).await;
        return Ok(match asked {
            Ok(QueryOutcome::Closed | QueryOutcome::Settled) => replayed("settled", None),
            Ok(QueryOutcome::Pending) => replayed("pending", None),
            Ok(QueryOutcome::Mismatched) => replayed("misfit", Some(&kept.summary.problem)),
            Err(error) => replayed("unanswered", Some(&Sentence { text: error_chain(&error), ..error.said() })),
        });
    }
    let message = message(&kept)?;
    let notify = Notify { key, request: &message, arrived_at: kept.summary.seen_at, now: call.now };
    let taken = match settlement::take_notify(deps, &configured, &notify).await {
        Ok(NotifyOutcome::Taken(taken, _)) => taken,
        Ok(NotifyOutcome::Refused(error) | NotifyOutcome::Late(error)) => {
            return Ok(replayed("refused", Some(&error.into())));
        }
        Ok(NotifyOutcome::Unreadable) => {
            return Err(Problem::conflict(Wrong::NobodyReads));
        }
        Err(error) => return Err(refused(error)),
    };
    Ok(match taken {
        ReportOutcome::Settled => replayed("settled", None),
        ReportOutcome::Mismatched | ReportOutcome::OtherAccount(_) => replayed("misfit", Some(&kept.summary.problem)),
    })
}

fn replayed(outcome: &str, problem: Option<&Sentence>) -> Reply {
    let members = said::text("problem", problem);
    json(StatusCode::OK, &said::with(json!({ "outcome": outcome }), members))
}

/// The message as it arrived.
fn message(kept: &KeptIncident) -> Result<Request, Problem> {
    let mut message = Request::new(Bytes::copy_from_slice(&kept.body));
    *message.method_mut() = Method::POST;
    let mut headers = HeaderMap::new();
    for (name, value) in &kept.headers {
        let pair = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        let (name, value) = pair.ok_or_else(|| Problem::conflict(Wrong::KeptUnreadable))?;
        headers.insert(name, value);
    }
    *message.headers_mut() = headers;
    Ok(message)
}

async fn load(call: &Call<'_>, app: &AppId, id: &str) -> Result<KeptIncident, Problem> {
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
    let what = [("id", json!(incident.id)), ("kind", json!(incident.kind)), ("time", json!(incident.seen_at.ms()))];
    let members = what.into_iter().chain(about).map(|(name, value)| (name.to_owned(), value));
    members.chain(said::text("problem", Some(&incident.problem))).collect()
}
