//! When a webhook is tried again.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The waits between a failed attempt and the next, each counted from the failure.
///
/// There is no jitter: the promised times are exact to the second. A target that comes back is protected in another way: its paused
/// deliveries are released at a bounded rate.
///
/// # Source
/// MaxPay manual, webhooks.
#[rustfmt::skip]
pub const RETRY_WAITS: [Duration; 10] = [
    Duration::from_secs(MINUTE),
    Duration::from_secs(5 * MINUTE),
    Duration::from_secs(10 * MINUTE),
    Duration::from_secs(30 * MINUTE),
    Duration::from_secs(HOUR),
    Duration::from_secs(2 * HOUR),
    Duration::from_secs(4 * HOUR),
    Duration::from_secs(8 * HOUR),
    Duration::from_secs(16 * HOUR),
    Duration::from_secs(24 * HOUR),
];

/// The first attempt, and one after each wait.
pub const ATTEMPTS_MAX: usize = RETRY_WAITS.len() + 1;

/// How long to wait after the failure of the `tried`-th attempt, counted from 1. `None` after the last attempt. If a target asks for more
/// time (`Retry-After`), it gets it, but at most the next wait of the list. It never gets less than the wait of the list.
pub fn wait_after(tried: usize, retry_after: Option<Duration>) -> Option<Duration> {
    let wait = *RETRY_WAITS.get(tried.checked_sub(1)?)?;
    let longest = RETRY_WAITS.get(tried).copied().unwrap_or(wait);
    Some(retry_after.unwrap_or_default().clamp(wait, longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn the_waits_are_those_of_the_contract() {
        // The attempt that failed, what the target asked for (seconds), the wait (seconds).
        const CASES: &[(usize, Option<u64>, Option<u64>)] = &[
            (0,  None,            None),
            (1,  None,            Some(60)),
            (2,  None,            Some(300)),
            (3,  None,            Some(600)),
            (4,  None,            Some(1_800)),
            (5,  None,            Some(3_600)),
            (6,  None,            Some(7_200)),
            (7,  None,            Some(14_400)),
            (8,  None,            Some(28_800)),
            (9,  None,            Some(57_600)),
            (10, None,            Some(86_400)),
            (11, None,            None),
            (12, None,            None),
            (1,  Some(0),         Some(60)),      // never shorter
            (1,  Some(59),        Some(60)),
            (1,  Some(61),        Some(61)),
            (1,  Some(300),       Some(300)),
            (1,  Some(301),       Some(300)),     // never beyond the next step
            (9,  Some(86_400),    Some(86_400)),
            (10, Some(99_999),    Some(86_400)),  // there is no next step
            (11, Some(1),         None),
        ];
        for (tried, asked, expect) in CASES {
            let found = wait_after(*tried, asked.map(Duration::from_secs));
            assert_eq!(found, expect.map(Duration::from_secs), "{tried} {asked:?}");
        }
    }

    #[test]
    fn eleven_attempts_take_almost_56_hours() {
        let in_all: Duration = RETRY_WAITS.iter().sum();
        assert_eq!((ATTEMPTS_MAX, in_all), (11, Duration::from_secs(55 * HOUR + 46 * MINUTE)));
    }
}
