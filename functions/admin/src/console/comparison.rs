//! A figure beside that of the period before, in words. A zero before has no percentage.

use super::texts::{self, Texts};

/// Above ten times as much, a percentage says less than the two figures.
const SHOWN_MAX: i128 = 9999;

/// How a figure differs from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Same,
    /// There was nothing before.
    FromNothing,
    /// In tenths of a percent, rounded to the nearest.
    By(i128),
}

/// How `now` differs from `before`. Neither is negative.
pub(crate) fn change(now: i64, before: i64) -> Change {
    let (now, before) = (i128::from(now), i128::from(before));
    if now == before {
        return Change::Same;
    }
    if before <= 0 {
        return Change::FromNothing;
    }
    let twice = (now - before) * 2000 / before;
    // Away from zero at the half.
    Change::By((twice + twice.signum()) / 2)
}

impl Change {
    /// `+12.3%`, with what it is compared with. `before` is that figure as people read it.
    pub(crate) fn words(self, t: &'static Texts, before: &str) -> String {
        match self {
            Self::Same => t.change_same.to_owned(),
            Self::FromNothing => t.change_from_nothing.to_owned(),
            Self::By(tenths) => texts::fill(t.change_by, &[&signed(tenths), before]),
        }
    }
}

/// A difference of two rates in words; both are in tenths of a percent. `None` if there was no rate.
pub(crate) fn points(t: &'static Texts, now: Option<i64>, before: Option<i64>) -> Option<String> {
    let difference = now?.saturating_sub(before?);
    Some(match difference {
        0 => t.change_same.to_owned(),
        _ => texts::fill(t.change_points, &[&in_points(difference)]),
    })
}

/// `+2.1`
pub(crate) fn in_points(difference: i64) -> String {
    let size = difference.unsigned_abs();
    format!("{}{}.{}", sign(difference.into()), size / 10, size % 10)
}

fn signed(tenths: i128) -> String {
    if tenths > SHOWN_MAX {
        return "> +999.9%".to_owned();
    }
    let size = tenths.unsigned_abs();
    format!("{}{}.{}%", sign(tenths), size / 10, size % 10)
}

/// The sign of a difference. What rounds to zero has none, because its direction would say more than its size.
fn sign(difference: i128) -> &'static str {
    match difference.signum() {
        1 => "+",
        -1 => "−",
        _ => "±",
    }
}

#[cfg(test)]
mod tests {
    use super::{super::preferences::Language, *};

    #[test]
    #[rustfmt::skip]
    fn a_figure_is_compared_with_the_one_before() {
        const CASES: &[(i64, i64, Change, &str)] = &[
            (0,        0,        Change::Same,        "Same as before"),
            (5,        5,        Change::Same,        "Same as before"),
            (5,        0,        Change::FromNothing, "Nothing before"),
            (0,        5,        Change::By(-1000),   "−100.0%, was X"),
            (1123,     1000,     Change::By(123),     "+12.3%, was X"),
            (877,      1000,     Change::By(-123),    "−12.3%, was X"),
            (2,        3,        Change::By(-333),    "−33.3%, was X"),
            (5,        3,        Change::By(667),     "+66.7%, was X"),
            (20_001,   20_000,   Change::By(0),       "±0.0%, was X"),
            (10_005,   10_000,   Change::By(1),       "+0.1%, was X"), // a half goes away from zero
            (9_995,    10_000,   Change::By(-1),      "−0.1%, was X"),
            (11,       1,        Change::By(10_000),  "> +999.9%, was X"),
            (i64::MAX, 1,        Change::By(9_223_372_036_854_775_806_000), "> +999.9%, was X"),
        ];
        for (now, before, expect, words) in CASES {
            let found = change(*now, *before);
            assert_eq!(found, *expect, "{now} {before}");
            assert_eq!(found.words(texts::of(Language::En), "X"), *words);
        }
    }

    #[test]
    fn rates_differ_in_points() {
        let t = texts::of(Language::En);
        let check = |now, before, expect: Option<&str>| assert_eq!(points(t, now, before).as_deref(), expect);
        check(Some(800), Some(779), Some("+2.1 points"));
        check(Some(779), Some(800), Some("−2.1 points"));
        check(Some(800), Some(800), Some("Same as before"));
        check(Some(800), None, None);
        check(None, Some(800), None);
    }
}
