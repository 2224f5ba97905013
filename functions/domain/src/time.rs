//! Time: milliseconds since 1970 UTC inside, Beijing text at the providers' edge.

use std::{fmt, time::Duration};

use ::time::{
    OffsetDateTime, PrimitiveDateTime, UtcOffset, format_description::BorrowedFormatItem, macros::format_description,
};

/// `2026-11-23 22:30:00`, as Alipay writes it.
const DASHED: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
/// `20261123223000`, as UnionPay and WeChat v2 write it.
const COMPACT: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]");

/// A moment, in milliseconds since 1970 UTC, from 1970 to the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A span of time from its first moment to its last. Both belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSpan {
    /// The first moment.
    pub start: Timestamp,
    /// The last moment.
    pub end: Timestamp,
}

impl TimeSpan {
    /// Whether `moment` is in it.
    pub fn contains(&self, moment: Timestamp) -> bool {
        (self.start..=self.end).contains(&moment)
    }
}

impl Timestamp {
    /// The last millisecond of the year 9999 in Beijing: the last moment that the providers' formats can write.
    pub const MAX_MS: i64 = 253_402_271_999_999;

    /// # Errors
    /// [`InvalidTimestamp`] if `ms` is not in `0..=MAX_MS`.
    pub fn from_ms(ms: i64) -> Result<Self, InvalidTimestamp> {
        if (0..=Self::MAX_MS).contains(&ms) { Ok(Self(ms)) } else { Err(InvalidTimestamp { found: ms.to_string() }) }
    }

    /// The moment `ms`, or the nearest end of the range. A clock that is so far off is broken, so either end is as good an answer as any.
    pub fn clamped(ms: i64) -> Self {
        Self(ms.clamp(0, Self::MAX_MS))
    }

    /// Milliseconds since 1970 UTC.
    pub fn ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970 UTC.
    pub fn seconds(self) -> i64 {
        self.0 / 1000
    }

    /// The moment `wait` later; stops at the last moment that can be written.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(wait_ms).min(Self::MAX_MS))
    }

    /// The moment `wait` earlier; stops at the first that can be written.
    #[must_use]
    pub fn minus(self, wait: Duration) -> Self {
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(wait_ms).max(0))
    }

    /// How long until `later`. Zero if `later` is past.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// How far the two moments are apart, in either order.
    pub fn distance(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }

    /// Beijing time as Alipay writes it: `2026-11-23 22:30:00`.
    pub fn to_beijing(self) -> String {
        self.beijing_text(DASHED)
    }

    /// Beijing time as UnionPay writes it: `20261123223000`.
    pub fn to_beijing_compact(self) -> String {
        self.beijing_text(COMPACT)
    }

    /// Reads Beijing time as Alipay writes it; a fraction of a second that follows (`gmt_refund`) is cut off.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] for any other text.
    pub fn from_beijing(text: &str) -> Result<Self, InvalidTimestamp> {
        let invalid = || InvalidTimestamp { found: text.chars().take(32).collect() };
        let seconds = text.split_once('.').map_or(text, |(seconds, _)| seconds);
        let civil = PrimitiveDateTime::parse(seconds, DASHED).map_err(|_| invalid())?;
        Self::from_ms(civil.assume_offset(beijing()).unix_timestamp() * 1000).map_err(|_| invalid())
    }

    fn beijing_text(self, format: &[BorrowedFormatItem<'_>]) -> String {
        // Neither fallback can happen: every `Timestamp` is within the range that `time` can write.
        OffsetDateTime::from_unix_timestamp(self.seconds())
            .ok()
            .and_then(|utc| utc.to_offset(beijing()).format(format).ok())
            .unwrap_or_default()
    }
}

/// RFC 3339 in UTC, for logs and messages: `2026-11-23T14:30:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FORMAT: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        let text = OffsetDateTime::from_unix_timestamp(self.seconds()).ok().and_then(|utc| utc.format(FORMAT).ok());
        f.write_str(&text.unwrap_or_default())
    }
}

/// China has one zone and, since 1991, no daylight saving time.
fn beijing() -> UtcOffset {
    UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC)
}

/// Not a moment that can be used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a time must be milliseconds from 0 to {}, or Beijing time as yyyy-MM-dd HH:mm:ss, found `{found}`",
    Timestamp::MAX_MS
)]
pub struct InvalidTimestamp {
    found: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms).unwrap()
    }

    #[test]
    fn beijing_is_eight_hours_ahead_whatever_the_season() {
        assert_eq!(at(0).to_beijing(), "1970-01-01 08:00:00");
        assert_eq!(at(1_795_444_200_000).to_beijing(), "2026-11-23 22:30:00");
        assert_eq!(at(1_795_444_200_999).to_beijing_compact(), "20261123223000");
        assert_eq!(at(Timestamp::MAX_MS).to_beijing(), "9999-12-31 23:59:59");
        assert_eq!(at(1_795_444_200_000).to_string(), "2026-11-23T14:30:00Z");
    }

    #[test]
    fn only_the_documented_text_is_read() {
        assert_eq!(Timestamp::from_beijing("2026-11-23 22:30:00"), Ok(at(1_795_444_200_000)));
        assert_eq!(Timestamp::from_beijing("2026-11-23 22:30:00.123"), Ok(at(1_795_444_200_000)));
        for text in ["", "2026-11-23", "2026-11-23T22:30:00", "2026-02-30 00:00:00", "1969-01-01 00:00:00", "x"] {
            assert!(Timestamp::from_beijing(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn beijing_text_goes_round(seconds in 0..=(Timestamp::MAX_MS / 1000)) {
            let moment = at(seconds * 1000);
            prop_assert_eq!(Timestamp::from_beijing(&moment.to_beijing()), Ok(moment));
        }
    }
}
