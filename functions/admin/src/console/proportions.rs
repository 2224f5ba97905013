//! Shares and rates in whole-number arithmetic. Shares of one whole add up to 100%.

/// What a whole is shared out in: a tenth of a percent.
pub(crate) const WHOLE: i64 = 1000;

/// `62.5%`, rounded down, so that a rate says 100% only if all is meant; a dash if `whole` is zero.
pub(crate) fn percent(part: i64, whole: i64) -> String {
    rate(part, whole).map_or_else(|| "–".to_owned(), in_percent)
}

/// A rate in tenths of a percent, rounded down; `None` if `whole` is zero.
pub(crate) fn rate(part: i64, whole: i64) -> Option<i64> {
    let tenths = (i128::from(part) * i128::from(WHOLE)).checked_div(i128::from(whole))?;
    i64::try_from(tenths).ok()
}

/// Tenths of a percent as people read them.
pub(crate) fn in_percent(tenths: i64) -> String {
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// Where each share begins, if they lie side by side.
pub(crate) fn beginnings(shares: &[i64]) -> Vec<i64> {
    let begins = |end: &mut i64, share: &i64| Some(std::mem::replace(end, *end + share));
    shares.iter().scan(0, begins).collect()
}

/// How many in all.
pub(crate) fn in_all(counts: &[i64]) -> i64 {
    counts.iter().sum()
}

/// By how many points a rate is another one than before.
pub(crate) fn points(now: i64, before: i64) -> i64 {
    now.saturating_sub(before)
}

/// Shares `whole` out by `parts`, so that the shares add up to it: each is rounded down, and what is left goes to those with the largest
/// remainders, one each, the first of equal ones first. Nothing is shared out if all parts are zero.
pub(crate) fn shares(parts: &[i64], whole: i64) -> Vec<i64> {
    let (total, whole) = (parts.iter().map(|part| i128::from(*part)).sum::<i128>(), i128::from(whole));
    if total <= 0 {
        return vec![0; parts.len()];
    }
    let exact = parts.iter().map(|part| i128::from(*part) * whole);
    let mut shares: Vec<(i128, i128)> = exact.map(|exact| (exact / total, exact % total)).collect();
    let left = whole - shares.iter().map(|(share, _)| share).sum::<i128>();
    let mut by_remainder: Vec<&mut (i128, i128)> = shares.iter_mut().collect();
    by_remainder.sort_by_key(|(_, remainder)| std::cmp::Reverse(*remainder));
    for (share, _) in by_remainder.into_iter().take(usize::try_from(left).unwrap_or_default()) {
        *share += 1;
    }
    shares.into_iter().map(|(share, _)| i64::try_from(share).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_rounded_down() {
        let cases =
            [(5, 8, "62.5%"), (1, 3, "33.3%"), (2, 3, "66.6%"), (0, 0, "–"), (8, 8, "100.0%"), (9999, 10_000, "99.9%")];
        for (part, whole, expect) in cases {
            assert_eq!(percent(part, whole), expect);
        }
        assert_eq!(rate(i64::MAX, i64::MAX), Some(1000));
    }

    #[test]
    #[rustfmt::skip]
    fn shares_add_up() {
        const CASES: &[(&[i64], i64, &[i64])] = &[
            (&[],                       1000, &[]),
            (&[0, 0],                   1000, &[0, 0]),
            (&[7],                      1000, &[1000]),
            (&[1, 1, 1],                1000, &[334, 333, 333]), // of equal remainders the first
            (&[2, 1],                   1000, &[667, 333]),
            (&[1, 0, 2],                1000, &[333, 0, 667]),
            (&[9_999, 1],               1000, &[1000, 0]),
            (&[1, 1, 1, 1, 1, 1],       1000, &[167, 167, 167, 167, 166, 166]),
            (&[1, 1],                   333,  &[167, 166]),      // two channels of a provider with 33.3%
            (&[1, 2],                   0,    &[0, 0]),
            (&[i64::MAX, i64::MAX],     1000, &[500, 500]),
        ];
        for (parts, whole, expect) in CASES {
            assert_eq!(shares(parts, *whole), *expect, "{parts:?}");
        }
    }

    #[test]
    fn no_share_is_a_tenth_away_from_the_exact_one() {
        for number in 1..4096_i64 {
            let parts = [number % 16, number / 16 % 16, number / 256];
            let (total, found) = (parts.iter().sum::<i64>(), shares(&parts, WHOLE));
            assert_eq!(found.iter().sum::<i64>(), WHOLE, "{parts:?}");
            let is_near = |(share, part): (&i64, &i64)| (share * total - part * WHOLE).abs() < total;
            assert!(found.iter().zip(&parts).all(is_near), "{parts:?}: {found:?}");
        }
    }
}
