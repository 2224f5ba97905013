//! How a webhook's target is doing: counted while it fails, paused when that goes on, and probed until it answers.

use std::time::Duration;

use crate::Timestamp;

/// What is known of a target that failed the last time. One that is well has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// Attempts that failed one after the other, of all its deliveries together.
    pub failures: u32,
    /// When the first of them failed.
    pub failing_since: Timestamp,
    /// When it was paused, and when the next probe is due.
    pub paused: Option<Paused>,
}

/// A target that is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paused {
    /// Since when.
    pub since: Timestamp,
    /// When one delivery may try again.
    pub probe_at: Timestamp,
}

impl TargetHealth {
    /// A target is paused after this many failures in a row: more than nine deliveries that nobody ever hears. A few bills must
    /// not change the schedule that is promised.
    pub const FAILURES_MAX: u32 = 100;

    /// And only if it has been failing for so long: a busy shop has a hundred events in a minute, and a restart takes two.
    pub const FAILING_MAX: Duration = Duration::from_secs(3600);

    /// How often a paused target is asked whether it is back.
    pub const PROBE_INTERVAL: Duration = Duration::from_secs(300);

    /// How far apart its deliveries are when they go on: ten a second.
    pub const RELEASE_STEP: Duration = Duration::from_millis(100);

    /// Whether it is to be paused now.
    pub fn is_to_be_paused(&self, now: Timestamp) -> bool {
        self.paused.is_none()
            && self.failures >= Self::FAILURES_MAX
            && self.failing_since.until(now) >= Self::FAILING_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn a_target_is_paused_after_many_failures_that_went_on() {
        const MINUTE: i64 = 60_000;
        const CASES: &[(u32, i64, bool, bool)] = &[
            (1,    0,  false, false),
            (99,   90, false, false),
            (100,  59, false, false),
            (100,  60, false, true),
            (5000, 61, false, true),
            (5000, 61, true,  false), // it is already
        ];
        let at = Timestamp::clamped;
        for (failures, minutes, is_paused, expect) in CASES {
            let paused = is_paused.then_some(Paused { since: at(0), probe_at: at(0) });
            let health = TargetHealth { failures: *failures, failing_since: at(1000), paused };
            assert_eq!(health.is_to_be_paused(at(1000 + minutes * MINUTE)), *expect, "{failures} {minutes}");
        }
    }
}
