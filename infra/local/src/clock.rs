//! The stack's clock. Everything in the stack reads it: the functions, SQS and the simulators.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use domain::Timestamp;
use runtime::Clock;
use tracing::error;

use crate::{error::StartError, private};

/// A hundred years: nobody moves a clock further ahead.
const AHEAD_MS_MAX: i64 = 100 * 366 * 24 * 3600 * 1000;

/// A clock that can be moved forward, but never back.
#[derive(Clone)]
pub struct StackClock {
    source: ClockSource,
    ahead_ms: Arc<AtomicI64>,
    /// The file that keeps how far this clock is ahead of the machine's.
    kept_in: Option<PathBuf>,
}

#[derive(Clone)]
enum ClockSource {
    /// It runs like the machine's clock.
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
        Self { source: ClockSource::Running(Clock::system()), ahead_ms: Arc::default(), kept_in: None }
    }

    /// A clock that shows the time of another one.
    #[cfg(feature = "simulated")]
    pub(crate) fn of(clock: Clock) -> Self {
        Self { source: ClockSource::Running(clock), ahead_ms: Arc::default(), kept_in: None }
    }

    /// A clock that stands at `start` until it is moved, for tests.
    pub fn standing(start: Timestamp) -> Self {
        Self { source: ClockSource::Standing(start), ahead_ms: Arc::default(), kept_in: None }
    }

    /// The same clock after a restart. Without it, data that a clock moved forward had written would be in the future. A standing clock
    /// belongs to a test, which sets the start itself.
    pub(crate) fn kept_in(self, path: Option<PathBuf>) -> Result<Self, StartError> {
        let Some(path) = path.filter(|_| self.runs()) else { return Ok(self) };
        let failed = |source| StartError::DataDir { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Ok(text) => {
                let ahead_ms = text.trim().parse().ok().filter(|ahead_ms| (0..=AHEAD_MS_MAX).contains(ahead_ms));
                let wrong = || {
                    failed(io::Error::other(
                        "it must hold milliseconds: delete it, and the clock is the machine's again",
                    ))
                };
                let ahead_ms: i64 = ahead_ms.ok_or_else(wrong)?;
                self.ahead_ms.fetch_max(ahead_ms, Ordering::SeqCst);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        Ok(Self { kept_in: Some(path), ..self })
    }

    /// Whether time passes by itself.
    pub(crate) fn runs(&self) -> bool {
        matches!(self.source, ClockSource::Running(_))
    }

    /// The time, in milliseconds since 1970 UTC.
    pub fn now_ms(&self) -> i64 {
        let source = match &self.source {
            ClockSource::Running(clock) => clock.now(),
            ClockSource::Standing(start) => *start,
        };
        source.ms().saturating_add(self.ahead_ms.load(Ordering::SeqCst))
    }

    /// Moves the clock forward to `moment_ms`. If that moment is past, nothing changes.
    pub(crate) fn move_to(&self, moment_ms: i64) {
        let ahead = moment_ms.saturating_sub(self.now_ms());
        if ahead > 0 {
            let ahead_ms = self.ahead_ms.fetch_add(ahead, Ordering::SeqCst).saturating_add(ahead);
            if let Some(path) = &self.kept_in {
                keep(path, ahead_ms);
            }
        }
    }

    /// The same clock as the functions know it.
    pub(crate) fn as_clock(&self) -> Clock {
        let clock = self.clone();
        Clock::new(move || clock.now_ms())
    }
}

/// Runs before anything happens at the new time. If it fails, the clock moves anyway, and the log says that a restart will not know the new
/// time.
fn keep(path: &Path, ahead_ms: i64) {
    let draft = path.with_extension("new");
    let kept = private::write(&draft, ahead_ms.to_string().as_bytes()).and_then(|()| fs::rename(&draft, path));
    if let Err(error) = kept {
        error!("the clock's place was not kept in {}: {error}", path.display());
    }
}
