//! That a person dealt with an incident or a day: what a call says about it, and how it is shown.

use domain::{Handled, HandledNote};
use serde_json::{Value, json};

use super::{call::Call, problem::Problem, wrong::Wrong};

/// `{"note"?}`: the caller dealt with it, now.
///
/// # Errors
/// The note is no text, or too long.
pub(crate) fn read(call: &Call<'_>) -> Result<Handled, Problem> {
    let body = call.object()?;
    let wrong = || Problem::field("note", Wrong::Note { chars_max: HandledNote::CHARS_MAX });
    let note = body.get("note").map_or(Some(""), Value::as_str);
    let note = note.and_then(HandledNote::parse).ok_or_else(wrong)?;
    Ok(Handled { by: call.who.name(), at: call.now, note })
}

/// Who, when and the note; null if nobody dealt with it.
pub(crate) fn shown(handled: Option<&Handled>) -> Value {
    handled.map_or(Value::Null, |Handled { by, at, note }| json!({ "by": by, "time": at.ms(), "note": note.as_str() }))
}

/// Why it cannot be marked: somebody did before.
pub(crate) fn taken(handled: &Handled) -> Problem {
    Problem::conflict(Wrong::Handled { by: handled.by.clone() })
}
