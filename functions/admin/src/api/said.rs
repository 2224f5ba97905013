//! Sentences as the API writes them: the English text in a member, and beside it the code and the values in the sentence.

use domain::{Refund, Said, Sentence};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::shown_refund::ShownRefund;

/// `code`, and `params` if the sentence contains values.
pub(crate) fn code(said: &Said) -> Map<String, Value> {
    object(json!(said))
}

/// The text in `member`, or null, with `code` and `params` beside it.
pub(crate) fn text(member: &str, sentence: Option<&Sentence>) -> Map<String, Value> {
    let mut shown = sentence.map(|sentence| code(&sentence.said)).unwrap_or_default();
    shown.insert(member.to_owned(), sentence.map(|sentence| sentence.text.as_str()).into());
    shown
}

/// The sentence that [`text`] wrote.
pub(crate) fn read(member: &str, shown: &Value) -> Sentence {
    let text = shown.get(member).and_then(Value::as_str).unwrap_or_default();
    let said = Said::deserialize(shown).ok();
    said.map_or_else(|| Sentence::as_it_is(text), |said| Sentence { text: text.to_owned(), said })
}

/// The object with the members of such a text added.
pub(crate) fn with(object_of: Value, said: Map<String, Value>) -> Value {
    let mut shown = object(object_of);
    shown.extend(said);
    Value::Object(shown)
}

/// A refund as operators see it, with the code of its `failure`.
pub(crate) fn refund(refund: &Refund) -> Value {
    let said = refund.failure.as_ref().map(|failure| code(&failure.said));
    with(json!(ShownRefund(refund)), said.unwrap_or_default())
}

/// The members of an object; none of anything else.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}
