//! The stack's clock: everything in it, from the functions to SQS and the simulator, asks this one.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use domain::Timestamp;
use runtime::Clock;

/// A clock that can be moved forward, and never back.
#[derive(Clone)]
pub struct StackClock {
    base: Base,
    ahead_ms: Arc<AtomicI64>,
}

#[derive(Clone)]
enum Base {
    /// It runs as the machine's does.
    Running(Clock),
    /// It stands until it is moved.
    Standing(Timestamp),
}

impl fmt::Debug for StackClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StackClock({})", self.now_ms())
    }
}

impl StackClock {
    /// A clock that runs, for people.
    pub fn running() -> Self {
        Self { base: Base::Running(Clock::system()), ahead_ms: Arc::default() }
    }

    /// A clock that shows what another does.
    #[cfg(feature = "simulated")]
    pub(crate) fn of(clock: Clock) -> Self {
        Self { base: Base::Running(clock), ahead_ms: Arc::default() }
    }

    /// A clock that stands at `start` until it is moved, for tests.
    pub fn standing(start: Timestamp) -> Self {
        Self { base: Base::Standing(start), ahead_ms: Arc::default() }
    }

    /// Whether time passes by itself.
    pub(crate) fn runs(&self) -> bool {
        matches!(self.base, Base::Running(_))
    }

    /// The time, in milliseconds since 1970 UTC.
    pub fn now_ms(&self) -> i64 {
        let base = match &self.base {
            Base::Running(clock) => clock.now(),
            Base::Standing(start) => *start,
        };
        base.ms().saturating_add(self.ahead_ms.load(Ordering::SeqCst))
    }

    /// Moves it forward to `moment_ms`; a moment that is past already changes nothing.
    pub(crate) fn move_to(&self, moment_ms: i64) {
        let ahead = moment_ms.saturating_sub(self.now_ms());
        if ahead > 0 {
            self.ahead_ms.fetch_add(ahead, Ordering::SeqCst);
        }
    }

    /// The same clock as the functions know it.
    pub(crate) fn as_clock(&self) -> Clock {
        let clock = self.clone();
        Clock::new(move || clock.now_ms())
    }
}
