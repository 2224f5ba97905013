//! WeChat's two forms of time: RFC 3339 in v3, fourteen digits in v2, both in Beijing time.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::kit::beijing;

const OUTWARD: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+08:00");
const COMPACT: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]");

/// `yyyy-MM-ddTHH:mm:ss+08:00`.
pub(super) fn rfc3339(ms: i64) -> String {
    beijing::format(ms, OUTWARD)
}

/// `yyyyMMddHHmmss`.
pub(super) fn compact(ms: i64) -> String {
    beijing::format(ms, COMPACT)
}

/// Reads RFC 3339 of any offset.
pub(super) fn parse_rfc3339(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp().checked_mul(1_000)
}

/// Reads fourteen digits.
pub(super) fn parse_compact(text: &str) -> Option<i64> {
    beijing::parse(text, COMPACT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_round() {
        let ms = 1_795_376_188_000;
        assert_eq!(rfc3339(ms), "2026-11-23T03:36:28+08:00");
        assert_eq!(compact(ms), "20261123033628");
        assert_eq!(parse_compact("20261123033628"), Some(ms));
        assert_eq!(parse_rfc3339("2026-11-23T03:36:28+08:00"), Some(ms));
        assert_eq!(parse_rfc3339("2026-11-22T19:36:28Z"), Some(ms));
        for odd in ["2026-11-23 03:36:28", "2026-11-23T03:36:28", "20261123033628", ""] {
            assert_eq!(parse_rfc3339(odd), None, "{odd}");
        }
        assert_eq!(parse_compact("2026112303362"), None);
    }
}
