//! Texts of Beijing time. Alipay uses UTC+8 without a zone, whatever the zone of the host.

use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, PrimitiveDateTime};

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

const SECONDS: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const MINUTES: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]");
const MILLIS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]");
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]");

/// `yyyy-MM-dd HH:mm:ss`.
pub(crate) fn seconds(ms: i64) -> String {
    format(ms, SECONDS)
}

/// `yyyy-MM-dd HH:mm:ss.SSS`, as in `gmt_refund`.
pub(crate) fn millis(ms: i64) -> String {
    format(ms, MILLIS)
}

/// `yyyyMMdd`, the beginning of a `trade_no`.
pub(crate) fn date(ms: i64) -> String {
    format(ms, DATE)
}

/// Milliseconds since the last midnight in Beijing.
pub(crate) fn of_day(ms: i64) -> i64 {
    ms.saturating_add(8 * HOUR_MS).rem_euclid(DAY_MS)
}

/// Reads exactly `yyyy-MM-dd HH:mm:ss`.
pub(crate) fn parse_seconds(text: &str) -> Option<i64> {
    parse(text, SECONDS)
}

/// Reads `yyyy-MM-dd HH:mm`, which the older WAP pages documented for `time_expire`.
pub(crate) fn parse_minutes(text: &str) -> Option<i64> {
    parse(text, MINUTES)
}

pub(crate) fn format(ms: i64, description: &[BorrowedFormatItem<'_>]) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|moment| moment.to_offset(offset!(+8)).format(description).ok())
        .unwrap_or_default()
}

pub(crate) fn parse(text: &str, description: &[BorrowedFormatItem<'_>]) -> Option<i64> {
    let moment = PrimitiveDateTime::parse(text, description).ok()?;
    let ms = moment.assume_offset(offset!(+8)).unix_timestamp().checked_mul(1_000)?;
    // The parser also accepts a signed year. Alipay accepts only the form that we would write ourselves.
    (format(ms, description) == text).then_some(ms)
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_go_round_and_odd_forms_are_refused() {
        let ms = super::parse_seconds("2026-11-23 03:36:28").unwrap();
        assert_eq!(ms, 1_795_376_188_000);
        assert_eq!(super::seconds(ms), "2026-11-23 03:36:28");
        assert_eq!(super::millis(ms + 7), "2026-11-23 03:36:28.007");
        for odd in [
            "2026-11-23T03:36:28",
            "2026-11-23 3:36:28",
            "2026-11-23 03:36:28.0",
            "2026-02-30 00:00:00",
            "+2026-11-23 03:36:28",
            "",
        ] {
            assert_eq!(super::parse_seconds(odd), None, "{odd}");
        }
    }
}
