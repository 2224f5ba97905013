//! When messages come again that failed for a reason of ours.

use std::time::Duration;

use runtime::Message;

/// When a message comes again after a failure of ours: soon at first. All waits together are within the time after which the sweep
/// rings again.
pub(crate) fn returns_after(message: &Message) -> Duration {
    let received: usize = message.attributes.receive_count.parse().unwrap_or(1);
    let seconds = RETURNS_AFTER_SECONDS.get(received.saturating_sub(1)).copied().unwrap_or(0);
    Duration::from_secs(seconds)
}

/// After its last receipt a message comes again at once, and the queue puts it with the dead letters.
const RETURNS_AFTER_SECONDS: [u64; 3] = [5, 15, 60];

#[cfg(test)]
mod tests {
    use runtime::MessageAttributes;

    use super::*;

    #[test]
    fn a_message_comes_again_later_each_time() {
        let message = |count: &str| Message {
            attributes: MessageAttributes { receive_count: count.to_owned() },
            ..Message::default()
        };
        let seconds = |count| returns_after(&message(count)).as_secs();
        assert_eq!(["1", "2", "3", "4", "9"].map(seconds), [5, 15, 60, 0, 0]);
        assert_eq!(["", "x", "0"].map(seconds), [5, 5, 5]);
    }
}
