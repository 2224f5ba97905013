//! Identifiers: parsed at the door, never checked again.

use std::fmt;

use crate::Timestamp;

/// An identifier that does not have the form it must have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {what}, found `{found}`")]
pub struct InvalidId {
    what: &'static str,
    found: String,
}

impl InvalidId {
    /// What it must be.
    pub fn expected(&self) -> &'static str {
        self.what
    }

    /// What was found, cut short.
    pub fn found(&self) -> &str {
        &self.found
    }

    /// Echoes at most this many characters of what was found.
    const FOUND_CHARS_MAX: usize = 64;

    fn new(what: &'static str, found: &str) -> Self {
        Self { what, found: found.chars().take(Self::FOUND_CHARS_MAX).collect() }
    }
}

fn is_hex24(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// 24 hex digits. The first 12 are the time, so that ids of one kind sort by time.
fn time_first(now: Timestamp, random: [u8; 6]) -> String {
    let tail: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{:012x}{tail}", now.ms())
}

macro_rules! hex24_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Makes a new one from the time and six random bytes.
            pub fn generate(now: Timestamp, random: [u8; 6]) -> Self {
                Self(time_first(now, random))
            }

            /// # Errors
            /// [`InvalidId`] unless `text` is 24 lower-case hex digits.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                if is_hex24(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId::new($what, text)) }
            }

            /// The 24 digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

hex24_id! {
    /// An app: 24 lower-case hex digits.
    AppId, "24 lower-case hex digits"
}

hex24_id! {
    /// A transaction: 24 lower-case hex digits, the first 12 of them its time in milliseconds. It is also the order
    /// number at the provider (`out_trade_no`, `orderId`): letters and digits that every provider takes.
    TransactionId, "24 lower-case hex digits"
}

impl TransactionId {
    /// When it was made, from its first 12 digits. `None` if they are no valid moment, as in ids that others made up.
    pub fn created_at(&self) -> Option<Timestamp> {
        let ms = i64::from_str_radix(self.0.get(..12)?, 16).ok()?;
        Timestamp::from_ms(ms).ok()
    }
}

hex24_id! {
    /// A webhook: 24 lower-case hex digits.
    WebhookId, "24 lower-case hex digits"
}

hex24_id! {
    /// Where alerts go: 24 lower-case hex digits.
    AlertTargetId, "24 lower-case hex digits"
}

/// The merchant's own order number: 1 to 64 characters, none of them a control character. Providers never see it: their order number is the
/// transaction's id.
///
/// # Source
/// MaxPay manual, `POST /2.0/maxpay/bill`, field `billNum`, says 32 characters; the guides' own samples have 36 (a UUID).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BillNum(String);

impl BillNum {
    /// A UUID or a hash in hex fits. At up to four bytes a character it still fits into a key of DynamoDB.
    pub const CHARS_MAX: usize = 64;
    pub(crate) const EXPECTED: &'static str = "a string of 1 to 64 characters without control characters";

    /// # Errors
    /// [`InvalidId`] if it is empty, longer than 64 characters, or holds a control character.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let fits = !text.is_empty() && text.chars().count() <= Self::CHARS_MAX;
        if fits && !text.chars().any(char::is_control) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidId::new(Self::EXPECTED, text))
    }

    /// The number as the merchant wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BillNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place in a list. The list answers it as `cursor`, the caller sends it back, and it becomes a part of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct ListCursor(String);

impl ListCursor {
    /// The longest sort key that DynamoDB takes. It takes no empty one, either.
    pub const BYTES_MAX: usize = 1024;

    /// # Errors
    /// [`InvalidId`] if it is empty, longer than 1024 bytes, or holds a control character.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let fits = (1..=Self::BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidId::new("a cursor that a list answered", text)) }
    }

    /// The place.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[rustfmt::skip]
    fn bill_numbers_have_bounds() {
        let cases: &[(String, bool)] = &[
            ("112233".to_owned(), true),
            ("a".to_owned(),      true),
            ("x".repeat(64),      true),
            ("单".repeat(64),     true),
            ("a b#c/d?e".to_owned(), true),
            (String::new(),       false),
            ("x".repeat(65),      false),
            ("😀".repeat(64),     true),
            ("a\0b".to_owned(),   false),
            ("a\nb".to_owned(),   false),
        ];
        for (text, fits) in cases {
            assert_eq!(BillNum::parse(text).is_ok(), *fits, "{text:?}");
        }
    }

    #[test]
    fn a_cursor_is_what_a_sort_key_may_be() {
        for text in ["~", "000001795444200000#568a12086e912100017722e5", &"x".repeat(1024)] {
            assert_eq!(ListCursor::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "a\nb", &"x".repeat(1025), &"单".repeat(400)] {
            assert!(ListCursor::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_app_id_is_lower_case_hex() {
        assert!(AppId::parse("568a12086e912100017722e5").is_ok());
        for text in ["", "568A12086E912100017722E5", "568a12086e912100017722e", "568a12086e912100017722e5 "] {
            assert!(AppId::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ids_sort_by_time(a in 0..=Timestamp::MAX_MS, b in 0..=Timestamp::MAX_MS, random: [u8; 6]) {
            let id = |ms| TransactionId::generate(Timestamp::from_ms(ms).unwrap(), random);
            prop_assert_eq!(id(a).cmp(&id(b)), a.cmp(&b));
            prop_assert_eq!(TransactionId::parse(id(a).as_str()), Ok(id(a)));
        }
    }
}
