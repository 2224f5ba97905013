//! The audit log. Every change through this function leaves an entry, whether an operator or the operator token made it. Sign-ins leave
//! entries, too (`doorman.rs`).
//!
//! The entry is begun before the change and completed after it, so that every change has an entry. Before and after are what the API shows,
//! and the API shows no secret. Keys that are shown once are masked here.

use std::borrow::Cow;

use domain::AppId;
use http::{StatusCode, Uri};
use providers::MASK;
use runtime::{Reply, json, query_parameter};
use serde_json::{Value, json};
use store::{AuditEnd, AuditEntry, AuditFilter, AuditId, AuditResult};
use tracing::error;

use super::{call::Call, problem::Problem, routes::Operation, said, wrong::Wrong};

/// Members to mask: keys that an answer shows once, and what a person typed in.
const SECRETS: [&str; 6] = ["clientKey", "masterKey", "secret", "password", "token", "recoveryCodes"];
/// The members of a request that an entry keeps: amounts, numbers and choices. Whatever a person may have typed in as a secret is not among
/// them.
const ASKED: [&str; 19] = [
    "batch",
    "billNum",
    "channel",
    "event",
    "events",
    "force",
    "key",
    "mode",
    "name",
    "note",
    "reason",
    "refundFee",
    "refundNum",
    "refunds",
    "role",
    "since",
    "state",
    "states",
    "totalFee",
];
/// Operations whose request is a channel's settings. A misspelled member of theirs may be a secret under a name that another operation keeps.
const SETTINGS: [&str; 2] = ["save channel", "check channel"];
/// Longer texts, such as certificates, are cut to their beginning.
const TEXT_CHARS_MAX: usize = 160;
/// The most bytes that one side of an entry may have.
const JSON_BYTES_MAX: usize = 16 * 1024;

/// Begins the entry about a change. `before` is what the API showed before the change.
pub(crate) async fn begin(call: &Call<'_>, operation: &Operation, before: Option<String>) -> Result<AuditId, Problem> {
    let random: String = call.deps.services.random.bytes::<8>()?.iter().map(|byte| format!("{byte:02x}")).collect();
    let id = AuditId { at: call.now, random };
    let entry = AuditEntry {
        at: call.now,
        who: call.who.name(),
        action: operation.name.to_owned(),
        target: target(call.request.uri()),
        before,
        after: None,
        from: call.who.from.clone(),
        asked: if SETTINGS.contains(&operation.name) { None } else { asked(call) },
        outcome: AuditResult::Begun.name().to_owned(),
        why: None,
        count: 1,
    };
    call.deps.services.store.begin_audit(&id, &entry).await?;
    Ok(id)
}

/// Completes the entry with the result of the change.
pub(crate) async fn complete(call: &Call<'_>, id: &AuditId, answer: &Result<Reply, Problem>) {
    let (outcome, after, why) = match answer {
        Ok(reply) => (AuditResult::Done, masked(reply), None),
        Err(problem) => (problem.outcome(), None, Some(problem.said())),
    };
    let end = AuditEnd { outcome: outcome.name(), after: after.as_deref(), why };
    if let Err(failed) = call.deps.services.store.finish_audit(id, end).await {
        // The change is made, and its entry says that it was begun. So the caller must not get an error.
        error!("an audit entry could not be completed: {}", runtime::error_chain(&failed));
    }
}

/// The members of the request's body that an entry keeps; `None` if it has none of them.
fn asked(call: &Call<'_>) -> Option<String> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(call.request.body()) else { return None };
    members.retain(|name, value| ASKED.contains(&name.as_str()) && !value.is_null());
    if members.is_empty() { None } else { write(Value::Object(members)) }
}

/// `GET /audit?month=202611&who=&action=&app=&outcome=&cursor=`, newest first. Without `month`: this month.
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let month = match query_parameter(call.request, "month") {
        Some(month) => month.into_owned(),
        None => this_month(call),
    };
    if month.len() != 6 || !month.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::field("month", Wrong::Month));
    }
    let cursor = call.cursor()?;
    let page = call.deps.services.store.audit_log(&month, &read_filter(call)?, cursor.as_ref()).await?;
    let items: Vec<Value> = page.entries.iter().map(show).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items, "cursor": page.cursor })))
}

fn read_filter(call: &Call<'_>) -> Result<AuditFilter, Problem> {
    let parameter =
        |name: &str| query_parameter(call.request, name).filter(|text| !text.is_empty()).map(Cow::into_owned);
    let result = parameter("outcome").map(|word| {
        let words = || AuditResult::ALL.map(AuditResult::name).join(", ");
        AuditResult::find(&word).ok_or_else(|| Problem::field("outcome", Wrong::OneOf { words: words(), found: word }))
    });
    let app = parameter("app").map(|id| AppId::parse(&id).map_err(|_| Problem::field("app", Wrong::NoApp { id })));
    Ok(AuditFilter {
        who: parameter("who"),
        action: parameter("action"),
        app: app.transpose()?,
        result: result.transpose()?,
    })
}

/// The current month in UTC. The months of the log are in UTC, too.
pub(crate) fn this_month(call: &Call<'_>) -> String {
    call.now.to_string().chars().filter(char::is_ascii_digit).take(6).collect()
}

fn show(entry: &AuditEntry) -> Value {
    let parse = |text: &Option<String>| text.as_ref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let shown = json!({
        "time": entry.at.ms(),
        "who": entry.who,
        "action": entry.action,
        "target": entry.target,
        "outcome": entry.outcome,
        "count": entry.count,
        "before": parse(&entry.before),
        "after": parse(&entry.after),
        "from": entry.from,
        "asked": parse(&entry.asked),
    });
    said::with(shown, said::text("why", entry.why.as_ref()))
}

fn target(uri: &Uri) -> String {
    let path = uri.path_and_query().map_or(uri.path(), |whole| whole.as_str());
    path.strip_prefix("/admin/v1/").unwrap_or(path).chars().take(TEXT_CHARS_MAX).collect()
}

/// The body of an answer, or one item of the list in it.
pub(crate) fn shown(answer: Result<Reply, Problem>, member: Option<&str>) -> Option<String> {
    let reply = answer.ok().filter(|reply| reply.status().is_success())?;
    let Some(member) = member else { return masked(&reply) };
    let listed: Value = serde_json::from_slice(reply.body()).ok()?;
    let items = listed.get("items")?.as_array()?;
    let named = |item: &&Value| ["id", "name"].iter().any(|key| item.get(key).and_then(Value::as_str) == Some(member));
    write(items.iter().find(named)?.clone())
}

fn masked(reply: &Reply) -> Option<String> {
    write(serde_json::from_slice(reply.body()).ok()?)
}

fn write(mut value: Value) -> Option<String> {
    mask(&mut value);
    let text = value.to_string();
    if text.len() <= JSON_BYTES_MAX { Some(text) } else { Some(json!({ "tooLong": text.len() }).to_string()) }
}

/// The recursion is bounded: the API's objects and lists are a few levels deep, and serde reads at most 128 levels.
fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if SECRETS.contains(&name.as_str()) && !member.is_null() {
                    *member = MASK.into();
                } else {
                    mask(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::String(text) if text.chars().count() > TEXT_CHARS_MAX => {
            let begin: String = text.chars().take(TEXT_CHARS_MAX / 2).collect();
            *text = format!("{begin}... ({} bytes)", text.len());
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_holds_no_key_and_no_whole_certificate() {
        let mut answer = json!({
            "appId": "a", "live": { "clientKey": "hush", "masterKey": "hush" }, "secret": "hush", "previous": null,
            "items": [{ "token": "hush" }], "rootCert": "x".repeat(5000),
        });
        mask(&mut answer);
        let text = answer.to_string();
        assert!(!text.contains("hush") && text.len() < 500, "{text}");
        assert!(text.contains("(5000 bytes)") && text.contains("\"appId\":\"a\""), "{text}");
    }
}
