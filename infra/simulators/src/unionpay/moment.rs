//! The times of this protocol: fourteen digits of Beijing time, and settlement days.

use crate::kit::beijing::{DAY_MS, HOUR_MS, parse_seconds, seconds};

/// A settlement day runs from 23:00 to 23:00: an hour before the calendar's.
const SETTLEMENT_AHEAD_MS: i64 = HOUR_MS;
const BEIJING_MS: i64 = 8 * HOUR_MS;

/// `yyyyMMddHHmmss`.
pub(super) fn compact(ms: i64) -> String {
    seconds(ms).chars().filter(char::is_ascii_digit).collect()
}

/// `MMddHHmmss`, as in `traceTime`.
pub(super) fn trace_time(ms: i64) -> String {
    compact(ms).chars().skip(4).collect()
}

/// `MMdd` of the settlement day, as in `settleDate`.
pub(super) fn settle_date(ms: i64) -> String {
    trace_time(ms.saturating_add(SETTLEMENT_AHEAD_MS)).chars().take(4).collect()
}

/// A number that is the same for all moments of one settlement day.
pub(super) fn settlement_day(ms: i64) -> i64 {
    ms.saturating_add(BEIJING_MS).saturating_add(SETTLEMENT_AHEAD_MS).div_euclid(DAY_MS)
}

/// Reads exactly `yyyyMMddHHmmss`.
pub(super) fn parse_compact(text: &str) -> Option<i64> {
    if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to);
    parse_seconds(&format!(
        "{}-{}-{} {}:{}:{}",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_round_and_the_settlement_day_turns_at_eleven() {
        let noon = parse_compact("20261123120000").unwrap();
        assert_eq!(compact(noon), "20261123120000");
        assert_eq!(trace_time(noon), "1123120000");
        let before = parse_compact("20261123225959").unwrap();
        let after = parse_compact("20261123230000").unwrap();
        assert_eq!((settle_date(before), settle_date(after)), ("1123".into(), "1124".into()));
        assert_eq!(settlement_day(before), settlement_day(noon));
        assert_eq!(settlement_day(after), settlement_day(noon) + 1);
        for odd in ["20260230000000", "2026112312000", "202611231200000", "2026-11-231200", "20261123 12000", ""] {
            assert_eq!(parse_compact(odd), None, "{odd}");
        }
    }
}
