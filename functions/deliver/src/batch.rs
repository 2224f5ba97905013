//! A batch of messages as Lambda brings it from SQS, and which of them are given back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What Lambda brings from SQS; only what is needed of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Batch {
    /// The messages.
    #[serde(rename = "Records")]
    pub records: Vec<Message>,
}

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its id.
    pub message_id: String,
    /// Its text.
    pub body: String,
    /// Proof of its receipt.
    #[serde(default)]
    pub receipt_handle: String,
    /// The queue it comes from.
    #[serde(default, rename = "eventSourceARN")]
    pub source: String,
    /// What SQS says of it.
    #[serde(default)]
    pub attributes: MessageAttributes,
}

/// What SQS says of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct MessageAttributes {
    /// How often it was received, this time included: a number as text.
    #[serde(default, rename = "ApproximateReceiveCount")]
    pub receive_count: String,
}

impl Message {
    /// When it comes again after a failure of ours: soon at first. All waits together are within the time after which the sweep
    /// rings again.
    pub(crate) fn returns_after(&self) -> Duration {
        let received: usize = self.attributes.receive_count.parse().unwrap_or(1);
        let seconds = RETURNS_AFTER_SECONDS.get(received.saturating_sub(1)).copied().unwrap_or(0);
        Duration::from_secs(seconds)
    }
}

/// After its last receipt a message comes again at once, and the queue puts it with the dead letters.
const RETURNS_AFTER_SECONDS: [u64; 3] = [5, 15, 60];

/// Which messages are to come again (`ReportBatchItemFailures`); all others are done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    /// One for each such message.
    pub batch_item_failures: Vec<Failure>,
}

/// A message that is to come again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The message's id.
    pub item_identifier: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_again_later_each_time() {
        let message = |count: &str| Message {
            attributes: MessageAttributes { receive_count: count.to_owned() },
            ..Message::default()
        };
        let seconds = |count| message(count).returns_after().as_secs();
        assert_eq!(["1", "2", "3", "4", "9"].map(seconds), [5, 15, 60, 0, 0]);
        assert_eq!(["", "x", "0"].map(seconds), [5, 5, 5]);
    }
}
