//! How a webhook's target is doing. Its failures are counted; if they go on, the target is paused and probed until it answers. A late
//! target's deliveries take the slow lane, so that no other target waits for it.

use std::time::Duration;

use crate::{Timestamp, closed_list};

closed_list! {
    /// Which queue a delivery's messages go through. Each has workers of its own.
    pub enum Lane {
        /// For targets that answer in time.
        Fast = "fast",
        /// For targets that answer late.
        Slow = "slow",
    }
}

closed_list! {
    /// Whether a target answered in time.
    pub enum Pace {
        /// It answered in time, well or badly.
        InTime = "in-time",
        /// It answered late, or not before the deadline.
        Late = "late",
    }
}

impl Pace {
    /// An answer that takes longer is late. A target may take the time until the deadline, but its deliveries take the slow lane then.
    pub const LATE_AFTER: Duration = Duration::from_secs(3);

    /// The pace of an attempt that took this long. An attempt that ran into its deadline took longer than [`Self::LATE_AFTER`], too.
    pub fn of(took: Duration) -> Self {
        if took > Self::LATE_AFTER { Self::Late } else { Self::InTime }
    }
}

/// What is known of a target that failed or was late. A healthy target has no such entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// Attempts that failed one after the other, of all its deliveries together.
    pub failures: u32,
    /// When the first of them failed.
    pub failing_since: Timestamp,
    /// When it was paused, and when the next probe is due.
    pub paused: Option<Paused>,
    /// Grows by [`Self::LATE_STEP`] with each late answer, shrinks by one with each answer in time. So a target that is late in more
    /// than a third of its answers stays above zero, whatever their order.
    pub lateness: u32,
}

/// A target that gets only probes for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paused {
    /// Since when.
    pub since: Timestamp,
    /// When one delivery may try again.
    pub probe_at: Timestamp,
}

impl TargetHealth {
    /// A target is paused after this many failures in a row. That is more than all attempts of nine deliveries: a few bills must not change
    /// the schedule that is promised.
    pub const FAILURES_MAX: u32 = 100;

    /// It must also have been failing for this long: a busy shop has a hundred events in a minute, and a restart takes two minutes.
    pub const FAILING_MAX: Duration = Duration::from_secs(3600);

    /// How often a paused target is probed.
    pub const PROBE_INTERVAL: Duration = Duration::from_secs(300);

    /// The time between its deliveries after the pause: ten a second.
    pub const RELEASE_STEP: Duration = Duration::from_millis(100);

    /// How much one late answer adds to the lateness.
    pub const LATE_STEP: u32 = 2;

    /// The lateness stops growing here, so ten answers in time bring any target back to the fast lane.
    pub const LATENESS_MAX: u32 = 10;

    /// The lane of its deliveries: the slow one from the first late answer until its lateness is gone.
    pub fn lane(&self) -> Lane {
        if self.lateness > 0 { Lane::Slow } else { Lane::Fast }
    }

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
            (5000, 61, true,  false), // it is paused already
        ];
        let at = Timestamp::clamped;
        for (failures, minutes, is_paused, expect) in CASES {
            let paused = is_paused.then_some(Paused { since: at(0), probe_at: at(0) });
            let health = TargetHealth { failures: *failures, failing_since: at(1000), paused, lateness: 0 };
            assert_eq!(health.is_to_be_paused(at(1000 + minutes * MINUTE)), *expect, "{failures} {minutes}");
        }
    }

    #[test]
    fn an_answer_is_late_after_three_seconds() {
        assert_eq!(Pace::of(Duration::ZERO), Pace::InTime);
        assert_eq!(Pace::of(Duration::from_secs(3)), Pace::InTime);
        assert_eq!(Pace::of(Duration::from_millis(3_001)), Pace::Late);
        assert_eq!(Pace::of(Duration::from_secs(10)), Pace::Late);
    }

    #[test]
    fn a_late_target_takes_the_slow_lane() {
        let health =
            |lateness| TargetHealth { failures: 1, failing_since: Timestamp::clamped(0), paused: None, lateness };
        assert_eq!(health(0).lane(), Lane::Fast);
        assert_eq!(health(1).lane(), Lane::Slow);
        assert_eq!(health(TargetHealth::LATENESS_MAX).lane(), Lane::Slow);
    }
}
