//! How the commands that go on wait for a gateway that does not answer.

use std::time::Duration;

/// The waits after each failure. The last one repeats: somebody looks at the terminal, and most outages are over within seconds.
const WAITS: [u64; 4] = [1, 2, 5, 10];

/// How often it is asked before that is an end: for some eight hours.
pub(crate) const FAILURES_MAX: u32 = 3_000;

/// How long to wait after so many failures in a row.
pub(crate) fn wait(failures: u32) -> Duration {
    let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    let [.., longest] = WAITS;
    Duration::from_secs(WAITS.get(index).copied().unwrap_or(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wait_is_longer_than_ten_seconds() {
        let waits: Vec<u64> = (1..7).map(|failures| wait(failures).as_secs()).collect();
        assert_eq!(waits, [1, 2, 5, 10, 10, 10]);
        assert_eq!(wait(FAILURES_MAX).as_secs(), 10);
    }
}
