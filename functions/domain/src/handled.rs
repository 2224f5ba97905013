//! That a person dealt with an incident, or with a day of the reconciliation.

use crate::{Timestamp, closed_list};

closed_list! {
    /// Whether a person dealt with it.
    pub enum HandledState {
        /// Nobody said so.
        Open = "open",
        /// Somebody said so.
        Handled = "handled",
    }
}

/// Who dealt with it, when, and what they noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// The operator's name, or that of the operator token.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they noted.
    pub note: HandledNote,
}

/// What a person notes: how it was dealt with. It may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandledNote(String);

impl HandledNote {
    /// Some sentences. In Chinese these are 1,500 bytes, which cost two write units.
    pub const CHARS_MAX: usize = 500;

    /// Without the blanks at its ends. `None` if it is too long, or has control characters other than line ends.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_plain = text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
        (is_plain && text.chars().count() <= Self::CHARS_MAX).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn a_note_is_a_text_within_bounds() {
        let cases = [
            (String::new(),        Some("")),
            (" refunded ".into(),  Some("refunded")),
            ("a\nb".into(),        Some("a\nb")),
            ("a\u{0}b".into(),     None),
            ("茶".repeat(501),     None),
        ];
        for (text, expect) in cases {
            assert_eq!(HandledNote::parse(&text).as_ref().map(HandledNote::as_str), expect, "{text}");
        }
        assert!(HandledNote::parse(&"茶".repeat(500)).is_some());
    }
}
