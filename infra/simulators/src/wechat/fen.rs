//! Amounts in whole fen, never a float.

use serde::{Deserialize, Serialize};

/// One hundred million yuan, more than any order may have.
const FEN_MAX: i64 = 10_000_000_000;
/// The digits of [`FEN_MAX`]; more are out of range.
const DIGITS_MAX: usize = 11;

/// An amount in fen (1 yuan = 100 fen). Sums may be zero; amounts from outside are at least 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Fen(i64);

impl Fen {
    pub(super) const ZERO: Self = Self(0);

    pub(super) fn new(fen: i64) -> Option<Self> {
        (1..=FEN_MAX).contains(&fen).then_some(Self(fen))
    }

    /// Digits only, without leading zeros, as v2 writes amounts.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.len() <= DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || text.starts_with('0') {
            return None;
        }
        Self::new(text.parse().ok()?)
    }

    pub(super) fn get(self) -> i64 {
        self.0
    }

    /// Yuan for a person: `9900` is `99.00`.
    pub(super) fn to_yuan(self) -> String {
        format!("{}.{:02}", self.0 / 100, self.0 % 100)
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `self * share / whole`, rounded down. Zero if `whole` is zero.
    pub(super) fn portion(self, share: Self, whole: Self) -> Self {
        let product = i128::from(self.0) * i128::from(share.0);
        let part = product.checked_div(i128::from(whole.0)).unwrap_or(0);
        Self(i64::try_from(part).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::Fen;

    #[test]
    fn fen_are_read_strictly() {
        #[rustfmt::skip]
        const CASES: &[(&str, Option<i64>)] = &[
            ("1",           Some(1)),
            ("10000000000", Some(10_000_000_000)),
            ("10000000001", None),
            ("0",           None),
            ("01",          None),
            ("1.0",         None),
            ("+1",          None),
            ("-1",          None),
            (" 1",          None),
            ("１",          None),
            ("",            None),
        ];
        for (text, expect) in CASES {
            assert_eq!(Fen::parse(text), expect.map(Fen), "{text}");
        }
        assert_eq!(Fen(9_907).to_yuan(), "99.07");
        assert_eq!(Fen(100).portion(Fen(90), Fen(300)), Fen(30));
        assert_eq!(Fen(100).portion(Fen(90), Fen::ZERO), Fen::ZERO);
    }
}
