//! The time of a world. It begins at the same moment in each world, and tokio's paused clock moves it.

use std::time::Duration;

use local::Clock;
use tokio::time::Instant;

/// The moment at which every world begins: 2026-11-23 22:30:00 in Beijing.
pub(crate) const START_MS: i64 = 1_795_444_200_000;
pub(crate) const SECOND_MS: i64 = 1_000;
pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// The clock of a world. It must be made and read inside the world's runtime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(Instant);

impl Time {
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now_ms(self) -> i64 {
        let gone = i64::try_from(self.0.elapsed().as_millis()).unwrap_or_default();
        START_MS.saturating_add(gone)
    }

    /// A clock that is fast by `skew_ms`; a negative value makes it slow.
    pub(crate) fn clock(self, skew_ms: i64) -> Clock {
        Clock::new(move || self.now_ms().saturating_add(skew_ms))
    }

    pub(crate) async fn sleep_until(self, moment_ms: i64) {
        sleep(moment_ms.saturating_sub(self.now_ms())).await;
    }
}

pub(crate) async fn sleep(ms: i64) {
    tokio::time::sleep(Duration::from_millis(u64::try_from(ms).unwrap_or_default())).await;
}
