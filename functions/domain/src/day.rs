//! Days in Beijing: providers settle by them, and books are compared by them. Also the days whose bills are asked for.

use crate::{TimeSpan, Timestamp};

/// A day in Beijing, by which providers settle: `2026-11-23`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(String);

const HOUR_MS: i64 = 3600 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// On how many days a missing bill is asked for. Providers keep their bills for three months at least. A problem that lasts longer than a
/// month does not pass by itself.
const DAYS_ASKED: usize = 30;

impl Day {
    /// The day of a moment.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.to_beijing().chars().take(10).collect())
    }

    /// Reads what [`Self::as_str`] writes; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let start = Timestamp::from_beijing(&format!("{text} 00:00:00")).ok()?;
        Some(Self::of(start)).filter(|day| day.0 == text)
    }

    /// Its first moment.
    pub fn start(&self) -> Timestamp {
        // Every day was made from a moment.
        Timestamp::from_beijing(&format!("{} 00:00:00", self.0)).unwrap_or(Timestamp::clamped(0))
    }

    /// In which of its hours a moment of the day is, from 0 to 23.
    pub fn hour_of(&self, at: Timestamp) -> usize {
        usize::try_from((at.ms() - self.start().ms()) / HOUR_MS).unwrap_or_default()
    }

    /// The same time of day, some days before.
    pub fn days_before(moment: Timestamp, days: usize) -> Timestamp {
        let days = u64::try_from(days).unwrap_or(u64::MAX);
        moment.minus(std::time::Duration::from_secs(days.saturating_mul(24 * 3600)))
    }

    /// The last moment before the next day.
    pub fn end(&self) -> Timestamp {
        Timestamp::clamped(self.start().ms() + DAY_MS - 1)
    }

    /// From its first moment to its last.
    pub fn span(&self) -> TimeSpan {
        TimeSpan { start: self.start(), end: self.end() }
    }

    /// The day before.
    #[must_use]
    pub fn before(&self) -> Self {
        Self::of(Timestamp::clamped(self.start().ms() - 1))
    }

    /// The day after it.
    #[must_use]
    pub fn after(&self) -> Self {
        Self::of(Timestamp::clamped(self.end().ms() + 1))
    }

    /// The days whose bills are asked for at `now`, the oldest first: the last `DAYS_ASKED` days up to yesterday. So each day is asked for
    /// on `DAYS_ASKED` days.
    pub fn asked_at(now: Timestamp) -> Vec<Self> {
        let mut days: Vec<Self> =
            std::iter::successors(Some(Self::of(now).before()), |day| Some(day.before())).take(DAYS_ASKED).collect();
        days.reverse();
        days
    }

    /// Whether the day is too old at `now` to be asked for automatically. Then its bill is fetched only if a person asks for it.
    pub fn is_given_up(&self, now: Timestamp) -> bool {
        Self::asked_at(now).first().is_some_and(|oldest| self < oldest)
    }

    /// Year, month and day with dashes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_beijings() {
        let night = Timestamp::from_ms(1_795_444_200_000).unwrap();
        let day = Day::of(night);
        assert_eq!((day.as_str(), day.before().as_str()), ("2026-11-23", "2026-11-22"));
        assert_eq!(Day::parse("2026-11-23"), Some(day.clone()));
        assert_eq!((Day::of(day.start()), Day::of(day.end())), (day.clone(), day.clone()));
        assert_ne!(Day::of(Timestamp::clamped(day.end().ms() + 1)), day);
        for text in ["", "2026-11-3", "2026-02-30", "2026-11-23 ", "x"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_is_asked_for_on_thirty_days() {
        let now = Timestamp::from_ms(1_795_444_200_000).unwrap();
        let days = Day::asked_at(now);
        let ends =
            |days: &[Day]| days.first().zip(days.last()).map(|(first, last)| (first.to_string(), last.to_string()));
        assert_eq!(ends(&days), Some(("2026-10-24".to_owned(), "2026-11-22".to_owned())));
        assert_eq!(days.len(), DAYS_ASKED);
        assert!(days.windows(2).all(|two| two[0].after() == two[1] && two[1].before() == two[0]));
        assert!(!days[0].is_given_up(now) && days[0].before().is_given_up(now) && !Day::of(now).is_given_up(now));
    }
}
