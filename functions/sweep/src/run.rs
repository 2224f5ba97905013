//! One sweep: its time, and what it collects on its way through what is due.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{AskedAbout, AskedProvider, Timestamp};
use store::{DayKey, Due};

use crate::{deliveries::LongestOverdue, questions::Questions};

/// No page of what is due is read after this time.
const READ_WITHIN: Duration = Duration::from_secs(35);

/// No question is handed out after this time: a sweep may take a minute.
const HANDED_OUT_WITHIN: Duration = Duration::from_secs(50);

/// The most days that people asked for and one run compares. Each day takes one or two calls. The run of the next minute takes the next
/// days.
const DAYS_MAX: usize = 5;

/// What one run has met so far.
#[derive(Debug)]
pub(crate) struct Run {
    began_at: Timestamp,
    left: AtomicBool,
    /// The longest that a delivery has waited for its attempt.
    pub(crate) longest_overdue: LongestOverdue,
    /// Whom to ask about what.
    pub(crate) questions: Questions,
    /// The days that people asked for.
    days: Mutex<Vec<DayKey>>,
}

impl Run {
    pub(crate) fn begin(now: Timestamp) -> Self {
        Self {
            began_at: now,
            left: AtomicBool::new(false),
            longest_overdue: LongestOverdue::default(),
            questions: Questions::default(),
            days: Mutex::default(),
        }
    }

    /// Keeps in mind which days among what is due are to be compared once the rest is done; no more of them than a run may take.
    pub(crate) fn note_days(&self, due: &[Due]) {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        let found = due.iter().filter_map(|due| if let Due::Day(key) = due { Some(key.clone()) } else { None });
        let room = DAYS_MAX.saturating_sub(days.len());
        days.extend(found.take(room));
    }

    /// Keeps in mind whom to ask about what.
    pub(crate) fn note_question(&self, provider: AskedProvider, about: AskedAbout, since: Timestamp) {
        if !self.questions.note(provider, about, since) {
            self.leave();
        }
    }

    /// The days that people asked for.
    pub(crate) fn asked_days(&self) -> Vec<DayKey> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says that something due is left for the next run.
    pub(crate) fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    /// Whether something is left for the next run.
    pub(crate) fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// Whether there is time for another page. If not, the rest is left for the next run.
    pub(crate) fn may_read(&self, now: Timestamp) -> bool {
        self.is_within(READ_WITHIN, now)
    }

    /// Whether there is time to hand out more questions. If not, the rest is left for the next run.
    pub(crate) fn may_hand_out(&self, now: Timestamp) -> bool {
        self.is_within(HANDED_OUT_WITHIN, now)
    }

    fn is_within(&self, limit: Duration, now: Timestamp) -> bool {
        let is_within = self.began_at.distance(now) < limit;
        if !is_within {
            self.leave();
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reads_and_then_hands_out_until_its_time_is_over() {
        let run = Run::begin(Timestamp::clamped(0));
        assert!(run.may_read(Timestamp::clamped(34_999)) && run.may_hand_out(Timestamp::clamped(49_999)));
        assert!(!run.has_left());
        assert!(!run.may_read(Timestamp::clamped(35_000)));
        assert!(run.has_left());
        let run = Run::begin(Timestamp::clamped(0));
        assert!(!run.may_hand_out(Timestamp::clamped(50_000)) && run.has_left());
    }
}
