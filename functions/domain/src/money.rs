//! Money: whole fen, never a float.

use std::fmt;

use serde::{Serialize, Serializer};

/// An amount in fen (1 yuan = 100 fen), from 1 to [`Fen::MAX`].
///
/// # Source
/// MaxPay manual, `POST /2.0/maxpay/bill`, field `totalFee`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fen(i64);

impl Fen {
    /// One hundred million yuan, the upper end of Alipay's `total_amount`.
    pub const MAX: i64 = 10_000_000_000;

    /// # Errors
    /// [`InvalidFen`] if `fen` is not in `1..=MAX`.
    pub fn new(fen: i64) -> Result<Self, InvalidFen> {
        if (1..=Self::MAX).contains(&fen) { Ok(Self(fen)) } else { Err(InvalidFen::Range { found: fen }) }
    }

    /// Reads an amount in yuan as providers write it: digits, then at most two decimals after a point. `20`, `20.0` and `20.00` are 2000
    /// fen.
    ///
    /// # Errors
    /// [`InvalidFen::Yuan`] for any other text, [`InvalidFen::Range`] for an amount out of bounds.
    pub fn from_yuan(text: &str) -> Result<Self, InvalidFen> {
        let invalid = || InvalidFen::Yuan { found: text.chars().take(32).collect() };
        let (yuan, cents) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(yuan) || !digits(cents) || yuan.len() > 12 || cents.len() > 2 {
            return Err(invalid());
        }
        let yuan: i64 = yuan.parse().map_err(|_| invalid())?;
        let scale = if cents.len() == 1 { 10 } else { 1 };
        let cents: i64 = cents.parse().map_err(|_| invalid())?;
        Self::new(yuan * 100 + cents * scale)
    }

    /// The amount in fen.
    pub fn get(self) -> i64 {
        self.0
    }

    /// Yuan with two decimals, as Alipay wants it: `9900` is `"99.00"`.
    pub fn to_yuan(self) -> String {
        format!("{}.{:02}", self.0 / 100, self.0 % 100)
    }

    /// Yuan as people read them: `123456` is `"1,234.56"`.
    pub fn to_grouped_yuan(self) -> String {
        grouped_yuan(self.0)
    }
}

/// As on the wire: whole fen.
impl Serialize for Fen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

/// A sum of fen as people read it, in yuan. Sums are never negative.
pub(crate) fn grouped_yuan(fen: i64) -> String {
    let fen = u64::try_from(fen).unwrap_or_default();
    format!("{}.{:02}", grouped(fen / 100), fen % 100)
}

/// `1,234,567`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// As a record shows it: `¥ 0.01`.
impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "¥ {}", self.to_yuan())
    }
}

/// Why an amount was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFen {
    /// Out of bounds.
    #[error("an amount must be from 1 to {} fen, found {found}", Fen::MAX)]
    Range {
        /// What was given, in fen.
        found: i64,
    },
    /// Not a yuan text.
    #[error("an amount in yuan must be digits with at most two decimals, found `{found}`")]
    Yuan {
        /// What was given, cut at 32 characters.
        found: String,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[rustfmt::skip]
    fn amounts_are_grouped_for_people() {
        const CASES: &[(i64, &str)] = &[
            (0,              "0.00"),
            (1,              "0.01"),
            (99_999,         "999.99"),
            (100_000,        "1,000.00"),
            (123_456,        "1,234.56"),
            (10_000_000_000, "100,000,000.00"),
            (i64::MAX,       "92,233,720,368,547,758.07"),
        ];
        for (fen, expect) in CASES {
            assert_eq!(grouped_yuan(*fen), *expect);
        }
        assert_eq!(Fen::new(123_456).unwrap().to_grouped_yuan(), "1,234.56");
    }

    #[test]
    #[rustfmt::skip]
    fn yuan_text_is_read_strictly() {
        const CASES: &[(&str, Option<i64>)] = &[
            ("0.01",           Some(1)),
            ("20",             Some(2000)),
            ("20.0",           Some(2000)),
            ("20.5",           Some(2050)),
            ("20.05",          Some(2005)),
            ("100000000.00",   Some(Fen::MAX)),
            ("100000000.01",   None),
            ("0",              None),
            ("0.00",           None),
            ("",               None),
            (".5",             None),
            ("5.",             None),
            ("1.001",          None),
            ("-1.00",          None),
            ("+1.00",          None),
            (" 1.00",          None),
            ("1e2",            None),
            ("1,000.00",       None),
            ("1.0.0",          None),
            ("１.00",          None),
            ("99999999999999999999", None),
            ("1.+5",           None),
            ("1.-5",           None),
        ];
        for (text, fen) in CASES {
            assert_eq!(Fen::from_yuan(text).ok().map(Fen::get), *fen, "{text}");
        }
    }

    /// A number that is too long to calculate with is refused as a text, not as an amount out of bounds.
    #[test]
    fn twelve_digits_of_yuan_are_a_number_and_thirteen_are_a_text() {
        assert_eq!(Fen::from_yuan("999999999999"), Err(InvalidFen::Range { found: 99_999_999_999_900 }));
        for text in ["0000000000001", "1000000000000", "99999999999999999"] {
            assert_eq!(Fen::from_yuan(text), Err(InvalidFen::Yuan { found: text.to_owned() }));
        }
    }

    #[test]
    fn the_bounds_are_inclusive() {
        assert_eq!(Fen::new(0), Err(InvalidFen::Range { found: 0 }));
        assert_eq!(Fen::new(-1), Err(InvalidFen::Range { found: -1 }));
        assert_eq!(Fen::new(1).unwrap().to_yuan(), "0.01");
        assert_eq!(Fen::new(Fen::MAX).unwrap().to_yuan(), "100000000.00");
        assert!(Fen::new(Fen::MAX + 1).is_err());
        assert_eq!(Fen::new(1).unwrap().to_string(), "¥ 0.01");
    }

    proptest! {
        #[test]
        fn yuan_text_goes_round(fen in 1..=Fen::MAX) {
            let fen = Fen::new(fen).unwrap();
            prop_assert_eq!(Fen::from_yuan(&fen.to_yuan()), Ok(fen));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = Fen::from_yuan(&text);
        }
    }
}
