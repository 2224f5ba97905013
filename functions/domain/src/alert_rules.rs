//! When payments count as stopped, and when a channel's success rate counts as fallen.

/// With how many weeks before an hour is compared.
pub const USUAL_WEEKS: usize = 4;

/// The fewest payments that an hour usually has for their absence to mean something.
const USUAL_PAYMENTS_MIN: i64 = 10;

/// Payments count as stopped below a tenth of what is usual.
const STOPPED_PART: i64 = 10;

/// The fewest tries by which a rate is judged.
const TRIES_MIN: i64 = 20;

/// A channel that is usually paid more seldom than this is not judged, in percent.
const USUAL_PERCENT_MIN: i64 = 20;

/// How many tries of a channel there were, and how many of them were paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// All of them.
    pub tries: i64,
    /// Those that were paid.
    pub paid: i64,
}

impl Rate {
    /// Of a hundred tries, so many were paid. `None` for too few tries.
    fn percent(self) -> Option<i64> {
        (self.tries >= TRIES_MIN).then(|| self.paid.saturating_mul(100) / self.tries)
    }
}

/// How many payments an hour usually has, if `paid` is so much less that payments count as stopped. `weeks` are the payments of the same
/// hour in each week before that the app existed. Of four weeks the second lowest counts, so that one holiday among them changes nothing.
pub fn stopped_payments(paid: i64, weeks: &[i64]) -> Option<i64> {
    let mut weeks = weeks.to_vec();
    weeks.sort_unstable();
    let usual = *weeks.get(1)?;
    (usual >= USUAL_PAYMENTS_MIN && paid.saturating_mul(STOPPED_PART) < usual).then_some(usual)
}

/// A rate that fell, and what is usual, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FallenRate {
    /// Now.
    pub percent: i64,
    /// Usually.
    pub usual: i64,
}

/// The rates, if `now` is less than half of what is `usual`.
pub fn fallen_rate(now: Rate, usual: Rate) -> Option<FallenRate> {
    let (percent, usual) = (now.percent()?, usual.percent()?);
    (usual >= USUAL_PERCENT_MIN && percent.saturating_mul(2) < usual).then_some(FallenRate { percent, usual })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn payments_stopped_against_the_second_lowest_week() {
        const CASES: &[(i64, &[i64], Option<i64>)] = &[
            (0,  &[50, 60, 40, 55],     Some(50)),
            (5,  &[50, 60, 40, 55],     None),
            (4,  &[50, 60, 40, 55],     Some(50)),
            (0,  &[50, 0, 40, 55],      Some(40)), // a holiday
            (0,  &[50, 0, 0, 55],       None),
            (0,  &[9, 9, 9, 9],         None),     // a quiet hour
            (0,  &[10, 10],             Some(10)), // a new app
            (0,  &[10],                 None),
            (0,  &[],                   None),
            (9,  &[100, 100, 100, 100], Some(100)), // more are not counted
            (10, &[100, 100, 100, 100], None),
        ];
        for (paid, weeks, expect) in CASES {
            assert_eq!(stopped_payments(*paid, weeks), *expect, "{paid} {weeks:?}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn a_rate_falls_below_half_of_what_is_usual() {
        type Case = (i64, i64, i64, i64, Option<(i64, i64)>);
        const CASES: &[Case] = &[
            (20,  4,  1000, 800, Some((20, 80))),
            (20,  8,  1000, 800, None),
            (20,  7,  1000, 800, Some((35, 80))),
            (19,  0,  1000, 800, None), // too few
            (20,  0,  19,   19,  None),
            (100, 9,  1000, 190, None), // seldom paid anyway
            (100, 0,  1000, 200, Some((0, 20))),
        ];
        for (tries, paid, usual_tries, usual_paid, expect) in CASES {
            let fallen = fallen_rate(Rate { tries: *tries, paid: *paid }, Rate { tries: *usual_tries, paid: *usual_paid });
            assert_eq!(fallen.map(|fallen| (fallen.percent, fallen.usual)), *expect, "{tries} {paid}");
        }
    }
}
