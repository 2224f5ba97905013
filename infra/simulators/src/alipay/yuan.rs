//! Amounts: yuan text outside, whole fen inside, never a float.

use serde::{Deserialize, Serialize};

/// One hundred million yuan, the upper end of Alipay's `total_amount`.
const FEN_MAX: i64 = 10_000_000_000;
/// Digits before the decimal point of [`FEN_MAX`]. More digits are out of range and might overflow.
const YUAN_DIGITS_MAX: usize = 9;

/// An amount in fen (1 yuan = 100 fen). Sums of refunds may be zero; amounts from outside are at least 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Fen(i64);

impl Fen {
    pub(super) const ZERO: Self = Self(0);

    /// Reads `^\d+(\.\d{1,2})?$` between 0.01 and 100000000.
    pub(super) fn parse_yuan(text: &str) -> Option<Self> {
        let (whole, cents) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, cents)) => (whole, cents),
            None => (text, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > YUAN_DIGITS_MAX || cents.len() > 2 || !digits(whole) || !digits(cents) {
            return None;
        }
        let yuan: i64 = whole.parse().ok()?;
        let cents: i64 = format!("{cents:0<2}").parse().ok()?;
        let fen = yuan.checked_mul(100)?.checked_add(cents)?;
        (1..=FEN_MAX).contains(&fen).then_some(Self(fen))
    }

    /// Two decimals, as Alipay writes: `9900` is `99.00`.
    pub(super) fn to_yuan(self) -> String {
        format!("{}.{:02}", self.0 / 100, self.0 % 100)
    }

    pub(super) fn get(self) -> i64 {
        self.0
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Fen;

    #[test]
    fn yuan_is_read_strictly() {
        #[rustfmt::skip]
        const CASES: &[(&str, Option<i64>)] = &[
            ("0.01",          Some(1)),
            ("20",            Some(2_000)),
            ("20.5",          Some(2_050)),
            ("20.50",         Some(2_050)),
            ("100000000.00",  Some(10_000_000_000)),
            ("0020",          Some(2_000)),
            ("100000000.01",  None),
            ("0",             None),
            ("0.00",          None),
            ("20.",           None),
            (".5",            None),
            ("1.234",         None),
            ("-1",            None),
            ("+1",            None),
            (" 1",            None),
            ("1e2",           None),
            ("1,000",         None),
            ("１",            None),
            ("9999999999999", None),
            ("",              None),
        ];
        for (text, expect) in CASES {
            assert_eq!(Fen::parse_yuan(text), expect.map(Fen), "{text}");
        }
        assert_eq!(Fen(9_907).to_yuan(), "99.07");
    }
}
