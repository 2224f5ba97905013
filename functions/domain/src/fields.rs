//! Reads the fields of a JSON request one by one, so that each error names its field and what was expected.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// What is wrong with a request. If there are several problems, an absent field goes before a wrong one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The body is not one JSON object.
    #[error("the body must be one JSON object in UTF-8: {reason}")]
    NotAnObject {
        /// What the JSON reader says.
        reason: String,
    },
    /// A required field is absent, or `null`.
    #[error("{field} is required: {expected}")]
    Missing {
        /// The field's name on the wire.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A field is there and wrong.
    #[error("{field} must be {expected}, found `{found}`")]
    Invalid {
        /// The field's name on the wire.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// Its JSON text, cut short.
        found: String,
    },
    /// There is no such channel.
    #[error("{field} must be one of {expected}, found `{found}`")]
    ChannelUnknown {
        /// The field's name on the wire.
        field: &'static str,
        /// The names of all channels.
        expected: String,
        /// The channel's JSON text, cut short.
        found: String,
    },
}

/// Echoes at most this many characters of a wrong value: enough to recognize it, too few to fill a log.
const FOUND_CHARS_MAX: usize = 64;

/// The fields of one request, and the problems found in them so far.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    values: BTreeMap<String, &'a RawValue>,
    missing: Option<RequestError>,
    invalid: Option<RequestError>,
}

impl<'a> Fields<'a> {
    /// Unknown fields are ignored. If a field is given twice, the last one counts.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, RequestError> {
        let not_an_object = |reason: String| RequestError::NotAnObject { reason };
        let text = std::str::from_utf8(body).map_err(|error| not_an_object(error.to_string()))?;
        let values: BTreeMap<String, &RawValue> =
            serde_json::from_str(text).map_err(|error| not_an_object(error.to_string()))?;
        Ok(Self { values, missing: None, invalid: None })
    }

    /// The JSON text of a field. `null` counts as absent.
    pub(crate) fn raw(&self, field: &str) -> Option<&'a str> {
        self.values.get(field).map(|raw| raw.get()).filter(|text| *text != "null")
    }

    /// Whether there is no other field than this one, not even with `null`.
    pub(crate) fn has_only(&self, field: &str) -> bool {
        self.values.keys().all(|name| name == field)
    }

    /// Treats a field as absent if `is_nothing` is true of its JSON text.
    pub(crate) fn forget_if(&mut self, field: &str, is_nothing: impl Fn(&str) -> bool) {
        if self.raw(field).is_some_and(is_nothing) {
            self.values.remove(field);
        }
    }

    /// Reads a field that must be there. `None` means that a problem was noted.
    pub(crate) fn required<T>(
        &mut self,
        field: &'static str,
        expected: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Option<T> {
        if self.raw(field).is_none() {
            self.missing.get_or_insert(RequestError::Missing { field, expected });
        }
        self.optional(field, expected, read)
    }

    /// Reads a field that may be there. A wrong one is noted.
    pub(crate) fn optional<T>(
        &mut self,
        field: &'static str,
        expected: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Option<T> {
        let raw = self.raw(field)?;
        let value = read(raw);
        if value.is_none() {
            self.invalid.get_or_insert(RequestError::Invalid { field, expected, found: shortened(raw) });
        }
        value
    }

    /// Notes a problem that concerns several fields together.
    pub(crate) fn refuse(&mut self, field: &'static str, expected: &'static str) {
        let found = self.raw(field).map_or_else(String::new, shortened);
        self.invalid.get_or_insert(RequestError::Invalid { field, expected, found });
    }

    /// The problem to answer, absent fields before wrong ones.
    pub(crate) fn problem(self) -> Option<RequestError> {
        self.missing.or(self.invalid)
    }
}

pub(crate) fn shortened(raw: &str) -> String {
    raw.chars().take(FOUND_CHARS_MAX).collect()
}

/// A JSON string. `None` for anything else, also for a lone surrogate.
pub(crate) fn text(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

/// A JSON string of 1 to `chars_max` characters, none of them a control character.
pub(crate) fn short_text(raw: &str, chars_max: usize) -> Option<String> {
    text(raw)
        .filter(|text| !text.is_empty() && text.chars().count() <= chars_max && !text.chars().any(char::is_control))
}

/// The text `""`, which clients send for a field without a value.
pub(crate) fn is_empty_text(raw: &str) -> bool {
    text(raw).is_some_and(|text| text.is_empty())
}

/// An empty list. PHP writes an empty array in this form, also where an object is meant.
pub(crate) fn is_empty_list(raw: &str) -> bool {
    let inside = raw.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inside.is_some_and(|inside| inside.trim().is_empty())
}

/// How deep JSON from outside may be nested if it is kept, shown or passed on. Readers take 64 or 128 levels, and our own answers put some
/// levels around it.
pub const JSON_DEPTH_MAX: usize = 32;

/// Whether objects and lists in a text of JSON are nested at most `depth_max` deep.
pub fn nests_within(json: &str, depth_max: usize) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > depth_max {
            return false;
        }
    }
    true
}

/// A JSON integer written with digits only. `1.0`, `1e3` and `"1"` are refused.
pub(crate) fn integer(raw: &str) -> Option<i64> {
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) { None } else { raw.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_is_digits_only() {
        assert_eq!(integer("12"), Some(12));
        assert_eq!(integer("-12"), Some(-12));
        for raw in ["", "-", "1.0", "1e3", "\"1\"", "99999999999999999999", "true", "[1]", "--1"] {
            assert_eq!(integer(raw), None, "{raw}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn depth_counts_what_is_open_and_no_signs_in_texts() {
        let cases = [
            ("1",                         0),
            ("{}",                        1),
            (r#"{"a":[],"b":[]}"#,        2),
            (r#"{"a":{"b":[1]}}"#,        3),
            (r#"{"a":"[[[[{{{{"}"#,       1),
            (r#"{"a":"\"[[[","b":"\\"}"#, 1),
            (r#"{"a":"\\","b":[[1]]}"#,   3),
        ];
        for (json, depth) in cases {
            assert!(nests_within(json, depth), "{json}");
            assert!(depth == 0 || !nests_within(json, depth - 1), "{json}");
        }
    }

    #[test]
    fn a_lone_surrogate_is_no_text() {
        assert_eq!(text(r#""\ud83d\ude00""#), Some("😀".to_owned()));
        assert_eq!(text(r#""\ud800""#), None);
        assert_eq!(short_text(r#""a\u0000b""#, 10), None);
    }

    #[test]
    fn nothing_has_two_spellings_beside_null() {
        assert!(is_empty_text(r#""""#) && is_empty_list("[]") && is_empty_list("[ \n ]"));
        for raw in [r#"" ""#, "[]", "null", "0", "{}"] {
            assert!(!is_empty_text(raw), "{raw}");
        }
        for raw in ["[[]]", "[null]", "{}", r#""[]""#, r#""""#] {
            assert!(!is_empty_list(raw), "{raw}");
        }
    }

    #[test]
    fn nesting_beyond_reason_is_no_stack_overflow() {
        let body = format!("{{\"a\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
        assert!(Fields::parse(body.as_bytes()).is_ok());
    }
}
