//! What a change changed: the members that differ between what the API showed before and after, as rows.

use domain::Timestamp;
use serde_json::{Map, Value};

use super::{frame::Frame, money, preferences::Language};

/// The most rows of one entry.
const ROWS_MAX: usize = 40;

/// The most characters of a value.
const VALUE_CHARS_MAX: usize = 120;

/// The deepest member that gets a row of its own.
const DEPTH_MAX: usize = 4;

/// A member that is another one now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its path: `live.masterKey`.
    pub(crate) name: String,
    pub(crate) before: String,
    pub(crate) after: String,
}

/// The rows of an entry. The answer to an action with a transaction is not the transaction again, so it stands alone.
pub(crate) fn changes(f: &Frame, item: &Value) -> Vec<Change> {
    let part = |name: &str| item.get(name).and_then(Value::as_object);
    let (before, after) = (part("before"), part("after"));
    let action = item.get("action").and_then(Value::as_str).unwrap_or_default();
    let is_answer = matches!(
        action,
        "ask provider" | "close transaction" | "refund transaction" | "approve refund" | "give up refund"
    );
    let mut rows = Vec::new();
    if item.get("outcome").and_then(Value::as_str) != Some("done") {
        // Nothing is known to have changed. What was asked for is shown beside what was there.
        let asked = part("asked");
        let there: Option<Map<String, Value>> = before.filter(|_| !is_answer).map(|before| {
            let is_asked = |name: &String| asked.is_some_and(|asked| asked.contains_key(name));
            before
                .iter()
                .filter(|(name, _)| is_asked(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        });
        compare(f, &mut rows, "", Sides { before: there.as_ref(), after: asked });
        rows.truncate(ROWS_MAX);
        return rows;
    }
    let before = before.filter(|_| !is_answer);
    compare(f, &mut rows, "", Sides { before, after });
    rows.truncate(ROWS_MAX);
    rows
}

#[derive(Clone, Copy)]
struct Sides<'a> {
    before: Option<&'a Map<String, Value>>,
    after: Option<&'a Map<String, Value>>,
}

/// The recursion is bounded by [`DEPTH_MAX`].
fn compare(f: &Frame, rows: &mut Vec<Change>, path: &str, sides: Sides<'_>) {
    let names = |side: Option<&Map<String, Value>>| side.into_iter().flat_map(Map::keys).cloned().collect::<Vec<_>>();
    let mut all = [names(sides.before), names(sides.after)].concat();
    all.sort();
    all.dedup();
    for name in all {
        let (before, after) =
            (sides.before.and_then(|side| side.get(&name)), sides.after.and_then(|side| side.get(&name)));
        if before == after || rows.len() >= ROWS_MAX {
            continue;
        }
        let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let inner = Sides { before: before.and_then(Value::as_object), after: after.and_then(Value::as_object) };
        let is_object = inner.before.is_some() || inner.after.is_some();
        if is_object && here.split('.').count() < DEPTH_MAX {
            compare(f, rows, &here, inner);
            continue;
        }
        let (before, after) = (shown(f, &name, before), shown(f, &name, after));
        if before != after {
            rows.push(Change { name: here, before, after });
        }
    }
}

/// A value as people read it: amounts in yuan, times in the reader's zone.
fn shown(f: &Frame, name: &str, value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => match number.as_i64() {
            Some(ms) if is_time(name) => f.moment(Timestamp::clamped(ms)),
            Some(fen) if is_amount(name) => money::in_sentence(fen, Language::En),
            _ => number.to_string(),
        },
        Some(Value::Array(items)) if items.iter().all(|item| item.is_string() || item.is_number()) => {
            let words = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            words.collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    };
    if text.chars().count() <= VALUE_CHARS_MAX {
        return text;
    }
    text.chars().take(VALUE_CHARS_MAX).chain(['…']).collect()
}

fn is_time(name: &str) -> bool {
    name == "time" || name.ends_with("Time") || name.ends_with("At") || name.ends_with("Until")
}

fn is_amount(name: &str) -> bool {
    name == "fee" || name.ends_with("Fee") || name == "operatorRefundsPerDay"
}
