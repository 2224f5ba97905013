//! Times, in the reader's time zone.

use domain::{TimeSpan, Timestamp};
use time::{
    Date, Duration, Month, OffsetDateTime, UtcOffset, format_description::BorrowedFormatItem,
    macros::format_description,
};

use super::preferences::Zone;

const MOMENT: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const DAY_MS: i64 = 24 * 3600 * 1000;

/// `2026-11-23 22:30:00`
pub(crate) fn moment(at: Timestamp, zone: Zone) -> String {
    civil(at, zone).and_then(|civil| civil.format(MOMENT).ok()).unwrap_or_default()
}

/// `2026-11-23`
pub(crate) fn day(at: Timestamp, zone: Zone) -> String {
    civil(at, zone).and_then(|civil| civil.format(DAY).ok()).unwrap_or_default()
}

/// The first moment of a day, `days` away from the day of `at`.
pub(crate) fn day_start(at: Timestamp, zone: Zone, days: i64) -> Timestamp {
    let start = civil(at, zone).and_then(|civil| civil.date().checked_add(Duration::days(days)));
    start.map_or(at, |date| at_midnight(date, zone))
}

/// The first moment of a period of `days` days that ends with the day of `at`.
pub(crate) fn days_start(at: Timestamp, zone: Zone, days: i64) -> Timestamp {
    day_start(at, zone, 1 - days)
}

/// The day before that of `at`.
pub(crate) fn yesterday(at: Timestamp, zone: Zone) -> TimeSpan {
    let start = day_start(at, zone, -1);
    TimeSpan { start, end: Timestamp::clamped(start.ms() + DAY_MS - 1) }
}

/// The month of `at`.
pub(crate) fn month(at: Timestamp, zone: Zone) -> TimeSpan {
    let first = civil(at, zone).and_then(|civil| civil.date().replace_day(1).ok());
    first.map_or(TimeSpan { start: at, end: at }, |first| month_from(first, zone))
}

/// The month before that of `at`.
pub(crate) fn last_month(at: Timestamp, zone: Zone) -> TimeSpan {
    let last = Timestamp::clamped(month(at, zone).start.ms() - 1);
    month(last, zone)
}

fn month_from(first: Date, zone: Zone) -> TimeSpan {
    let days = Duration::days(i64::from(first.month().length(first.year())));
    let start = at_midnight(first, zone);
    let end = first.checked_add(days).map_or(start, |next| at_midnight(next, zone));
    TimeSpan { start, end: Timestamp::clamped(end.ms() - 1) }
}

/// Reads a typed day: `2026-11-23`.
pub(crate) fn parse_day(text: &str, zone: Zone) -> Option<TimeSpan> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let year = year.parse().ok().filter(|year| (1970..=9998).contains(year))?;
    let start = at_midnight(Date::from_calendar_date(year, month, day.parse().ok()?).ok()?, zone);
    Some(TimeSpan { start, end: Timestamp::clamped(start.ms() + DAY_MS - 1) })
}

fn at_midnight(date: Date, zone: Zone) -> Timestamp {
    Timestamp::clamped(date.midnight().assume_offset(offset(zone)).unix_timestamp().saturating_mul(1000))
}

fn civil(at: Timestamp, zone: Zone) -> Option<OffsetDateTime> {
    Some(OffsetDateTime::from_unix_timestamp(at.seconds()).ok()?.to_offset(offset(zone)))
}

fn offset(zone: Zone) -> UtcOffset {
    UtcOffset::from_whole_seconds(zone.minutes * 60).unwrap_or(UtcOffset::UTC)
}

#[cfg(test)]
mod tests {
    use super::{super::preferences::ZONES, *};

    #[test]
    fn yesterday_and_months_are_whole_days_of_the_readers_zone() {
        let [beijing, .., tokyo, _] = ZONES;
        let check = |TimeSpan { start, end }: TimeSpan, zone, expect: [&str; 2]| {
            assert_eq!([moment(start, zone), moment(end, zone)], expect);
            assert_eq!((end.ms() + 1) % 1000, 0, "to the last millisecond");
        };
        // 00:30 in Tokyo on the first of March, and half past eleven of the evening before in Beijing.
        let at = Timestamp::from_beijing("2026-02-28 23:30:00").unwrap();
        check(yesterday(at, tokyo), tokyo, ["2026-02-28 00:00:00", "2026-02-28 23:59:59"]);
        check(yesterday(at, beijing), beijing, ["2026-02-27 00:00:00", "2026-02-27 23:59:59"]);
        check(month(at, tokyo), tokyo, ["2026-03-01 00:00:00", "2026-03-31 23:59:59"]);
        check(month(at, beijing), beijing, ["2026-02-01 00:00:00", "2026-02-28 23:59:59"]);
        check(last_month(at, tokyo), tokyo, ["2026-02-01 00:00:00", "2026-02-28 23:59:59"]);
        check(last_month(at, beijing), beijing, ["2026-01-01 00:00:00", "2026-01-31 23:59:59"]);
        let new_year = Timestamp::from_beijing("2026-01-05 00:00:00").unwrap();
        check(last_month(new_year, beijing), beijing, ["2025-12-01 00:00:00", "2025-12-31 23:59:59"]);
    }

    #[test]
    fn days_begin_where_the_reader_is() {
        let at = Timestamp::from_ms(1_795_444_200_000).unwrap();
        let [beijing, .., tokyo, _] = ZONES;
        assert_eq!(
            (moment(at, beijing), moment(at, tokyo)),
            ("2026-11-23 22:30:00".to_owned(), "2026-11-23 23:30:00".to_owned())
        );
        assert_eq!(day_start(at, beijing, 0).to_string(), "2026-11-22T16:00:00Z");
        assert_eq!(day_start(at, beijing, -6).to_string(), "2026-11-16T16:00:00Z");
        let TimeSpan { start, end } = parse_day("2026-11-23", beijing).unwrap();
        assert_eq!((start, end.ms() - start.ms()), (day_start(at, beijing, 0), DAY_MS - 1));
        for text in ["", "2026", "2026-13-01", "2026-02-30", "2026-1-x", "99999-01-01", "1969-12-31"] {
            assert_eq!(parse_day(text, beijing), None, "{text}");
        }
    }
}
