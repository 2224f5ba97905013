//! A batch of messages as Lambda brings it from SQS, and which of them are given back.

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
