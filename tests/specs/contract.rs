//! Compares everything in the specs with `docs/openapi.yaml`: every answer of a documented operation, every accepted request, and
//! every webhook message.
//!
//! Answers must match exactly: an undocumented member is an error, although clients should ignore it. So each schema is closed
//! here, unless it says that it is open.

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Map, Value, json};

use crate::answer::Answer;

/// At most so many characters of a value are shown.
const FOUND_CHARS_MAX: usize = 400;
/// One value may have many problems; these are enough to begin with.
const PROBLEMS_MAX: usize = 5;

/// The document as written.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.yaml");
    serde_yaml_ng::from_str(&fs::read_to_string(file).unwrap()).unwrap()
});

/// Its schemas, closed.
static CLOSED: LazyLock<Value> = LazyLock::new(|| {
    let mut schemas = DOCUMENT["components"]["schemas"].clone();
    schemas.as_object_mut().unwrap().values_mut().for_each(close_within);
    schemas
});

/// Each schema is compiled once, by its pointer and whether it is closed.
static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// How undocumented members are treated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strangers {
    /// Requests may have them: they are ignored.
    Borne,
    /// Answers may not.
    Refused,
}

/// One call, as the checks see it.
pub(crate) struct Seen<'a> {
    pub(crate) method: &'a str,
    /// Without the host.
    pub(crate) target: &'a str,
    pub(crate) sent: &'a [u8],
    pub(crate) answer: &'a Answer,
}

/// Fails if an answer does not match the document. Answers that do not belong to the API are skipped.
pub(crate) fn hold(seen: &Seen<'_>) {
    // API Gateway answers a preflight. The document describes the functions behind it.
    if seen.method == "OPTIONS" {
        return;
    }
    let path = seen.target.split('?').next().unwrap_or_default();
    let method = seen.method.to_ascii_lowercase();
    let known = find_path(path).filter(|template| !DOCUMENT["paths"][*template][&method].is_null());
    let Some(template) = known else {
        if path.starts_with("/admin/v1/") {
            let who = format!("{} {path} ({})", seen.method, seen.answer.status);
            check("/components/schemas/Problem", Strangers::Refused, &seen.answer.json(), &who);
        }
        return;
    };
    let pointer = format!("/paths/{}/{method}", escaped(template));
    let operation = DOCUMENT.pointer(&pointer).unwrap();
    let name = operation["operationId"].as_str().unwrap_or_default();
    let status = seen.answer.status;
    let who = format!("{} {template} ({name}), answer {status}", seen.method);
    hold_answer(&pointer, seen, &who);
    if !operation["requestBody"].is_null() && was_taken(seen.answer) {
        hold_request(&pointer, seen, &format!("{} {template} ({name}), a request that was taken", seen.method));
    }
}

/// Fails if a webhook message does not match the document.
pub(crate) fn hold_event(body: &str) {
    let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("a webhook's body: {error}: {body}"));
    let event = body["event"].as_str().unwrap_or("payment.success");
    let pointer = format!("/webhooks/{}/post/requestBody/content/application~1json/schema", escaped(event));
    assert!(DOCUMENT.pointer(&pointer).is_some(), "docs/openapi.yaml has no webhook `{event}`: {body}");
    check(&pointer, Strangers::Refused, &body, &format!("the webhook {event}"));
}

fn hold_answer(operation: &str, seen: &Seen<'_>, who: &str) {
    let status = seen.answer.status.to_string();
    let responses = DOCUMENT.pointer(&format!("{operation}/responses")).unwrap();
    let kinds = [status.clone(), format!("{}XX", &status[..1]), "default".to_owned()];
    let Some(kind) = kinds.iter().find(|kind| responses.get(kind.as_str()).is_some()) else {
        panic!("{who}: docs/openapi.yaml documents no such status; the body is {}", shortened(&seen.answer.text()));
    };
    let pointer = followed(&format!("{operation}/responses/{kind}"));
    let Some(content) = DOCUMENT.pointer(&format!("{pointer}/content")).and_then(Value::as_object) else {
        assert!(seen.answer.body.is_empty(), "{who}: a body that is not documented: {}", seen.answer.text());
        return;
    };
    let kind = seen.answer.headers.get("content-type").map_or("", |kind| kind.to_str().unwrap());
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let documented: Vec<_> = content.keys().collect();
    assert!(content.contains_key(kind), "{who}: content type `{kind}`, where {documented:?} are documented");
    let body = if kind.ends_with("json") {
        match serde_json::from_slice(&seen.answer.body) {
            Ok(body) => body,
            // Rows of older versions may have more levels than this reader accepts.
            Err(error) if error.to_string().contains("recursion limit") => return,
            Err(error) => panic!("{who}: no JSON: {error}: {}", seen.answer.text()),
        }
    } else {
        Value::String(seen.answer.text())
    };
    let schema = match charged(operation, seen.sent, &body) {
        Some(schema) => schema,
        None => format!("{pointer}/content/{}/schema", escaped(kind)),
    };
    check(&schema, Strangers::Refused, &body, who);
}

/// The schema of a charge's success; each channel has its own.
fn charged(operation: &str, sent: &[u8], body: &Value) -> Option<String> {
    if operation != "/paths/~12.0~1maxpay~1bill/post" || body["code"] != 0 {
        return None;
    }
    let sent: Value = serde_json::from_slice(sent).ok()?;
    Some(format!("/components/schemas/{}", charged_name(sent["channel"].as_str()?)))
}

/// The name of a channel's success schema: `ChargedAliWeb`.
pub(crate) fn charged_name(channel: &str) -> String {
    let words = channel.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
    format!("Charged{}", words.collect::<String>())
}

/// Members whose null removes a limit.
const NULL_SAYS_SOMETHING: [&str; 4] = ["clientChargesPerMinute", "clientOpenBills", "operatorRefundsPerDay", "apps"];

fn hold_request(operation: &str, seen: &Seen<'_>, who: &str) {
    let Ok(mut sent) = serde_json::from_slice::<Map<String, Value>>(seen.sent) else { return };
    // `null` counts as absent, and so do the empty values of older clients.
    sent.retain(|name, value| {
        let says_something = value.is_null() && NULL_SAYS_SOMETHING.contains(&name.as_str());
        says_something || ![json!(null), json!(""), json!([])].contains(value)
    });
    sent.values_mut().for_each(drop_nulls);
    let body = followed(&format!("{operation}/requestBody"));
    let schema = format!("{body}/content/application~1json/schema");
    if DOCUMENT.pointer(&schema).is_some() {
        check(&schema, Strangers::Borne, &Value::Object(sent), who);
    }
}

/// Null within a member also counts as absent.
fn drop_nulls(value: &mut Value) {
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, member| !member.is_null());
        members.values_mut().for_each(drop_nulls);
    }
}

fn was_taken(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
        && serde_json::from_slice::<Value>(&answer.body).is_ok_and(|body| body.get("code").is_none_or(|code| code == 0))
}

#[track_caller]
fn check(pointer: &str, strangers: Strangers, value: &Value, who: &str) {
    let problems = problems(pointer, strangers, value);
    assert!(
        problems.is_empty(),
        "docs/openapi.yaml and the code disagree about {who}\n  {}\nof {}",
        problems.join("\n  "),
        shortened(&value.to_string())
    );
}

/// Whether a value fits a schema of the document, as a request would.
pub(crate) fn fits(schema: &str, value: &Value) -> bool {
    problems(&format!("/components/schemas/{schema}"), Strangers::Borne, value).is_empty()
}

fn problems(pointer: &str, strangers: Strangers, value: &Value) -> Vec<String> {
    let validator = compiled(pointer, strangers);
    if validator.is_valid(value) {
        return Vec::new();
    }
    let mut told = Vec::new();
    for error in validator.iter_errors(value) {
        explain(&error, &mut told);
    }
    // A wrong member also counts as undocumented. That message would only hide the real problem.
    if told.iter().any(|(stranger, _)| !stranger) {
        told.retain(|(stranger, _)| !stranger);
    }
    told.into_iter().map(|(_, problem)| problem).take(PROBLEMS_MAX).collect()
}

/// If none of several schemas fits, this explains the one that fits best. Each problem says whether it is only about undocumented
/// members.
fn explain(error: &ValidationError<'_>, told: &mut Vec<(bool, String)>) {
    let kind = error.kind();
    if let ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } = kind {
        let best = context.iter().min_by_key(|problems| problems.len());
        return best.into_iter().flatten().for_each(|error| explain(error, told));
    }
    let stranger = matches!(kind, ValidationErrorKind::UnevaluatedProperties { .. });
    let at = Some(error.instance_path().as_str()).filter(|at| !at.is_empty()).unwrap_or("the top");
    let text = shortened(&error.to_string());
    told.push((stranger, format!("at {at}: {text}; by {}", error.evaluation_path())));
}

fn compiled(pointer: &str, strangers: Strangers) -> Arc<Validator> {
    let key = format!("{pointer} {}", strangers == Strangers::Refused);
    let mut known = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let compile = || {
        let mut schema = DOCUMENT.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}")).clone();
        let schemas = match strangers {
            Strangers::Borne => DOCUMENT["components"]["schemas"].clone(),
            Strangers::Refused => {
                close(&mut schema);
                CLOSED.clone()
            }
        };
        // References in the schema are resolved from the root.
        let whole = json!({ "allOf": [schema], "components": { "schemas": schemas } });
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
        Arc::new(options.build(&whole).unwrap_or_else(|error| panic!("{pointer}: {error}")))
    };
    Arc::clone(known.entry(key).or_insert_with(compile))
}

/// Refuses undocumented members, in this value and in all values within it.
fn close(schema: &mut Value) {
    close_within(schema);
    let Some(members) = schema.as_object_mut() else { return };
    if !members.contains_key("additionalProperties") && !members.contains_key("unevaluatedProperties") {
        members.insert("unevaluatedProperties".to_owned(), json!(false));
    }
}

/// The same for the values within. If several schemas describe one value, they are closed where they are combined.
fn close_within(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    for (keyword, value) in members.iter_mut() {
        match keyword.as_str() {
            "properties" => value.as_object_mut().unwrap().values_mut().for_each(close),
            "items" | "additionalProperties" => close(value),
            "allOf" | "anyOf" | "oneOf" => value.as_array_mut().unwrap().iter_mut().for_each(close_within),
            "if" | "then" | "else" => close_within(value),
            _ => {}
        }
    }
}

/// The path in the document for a call's path. If several match, the one with the most fixed words.
fn find_path(path: &str) -> Option<&'static str> {
    let fits = |template: &&str| {
        template.split('/').count() == path.split('/').count()
            && template.split('/').zip(path.split('/')).all(|(known, found)| known == found || known.starts_with('{'))
    };
    let names = |template: &&str| template.matches('{').count();
    DOCUMENT["paths"].as_object().unwrap().keys().map(String::as_str).filter(fits).min_by_key(names)
}

/// The target of a reference, if it is one.
fn followed(pointer: &str) -> String {
    let reference = DOCUMENT.pointer(pointer).and_then(|value| value["$ref"].as_str());
    reference.map_or_else(|| pointer.to_owned(), |reference| reference.trim_start_matches('#').to_owned())
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= FOUND_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(FOUND_CHARS_MAX).chain("...".chars()).collect()
}
