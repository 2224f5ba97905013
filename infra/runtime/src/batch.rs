//! A batch of messages, as Lambda brings it from SQS, and the messages that are given back.

use serde::{Deserialize, Serialize};

/// The parts of Lambda's SQS event that are needed.
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
    /// Its attributes in SQS.
    #[serde(default)]
    pub attributes: MessageAttributes,
}

/// The attributes of a message in SQS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct MessageAttributes {
    /// How often it was received, this time included: a number as text.
    #[serde(default, rename = "ApproximateReceiveCount")]
    pub receive_count: String,
}

/// The messages that are given back (`ReportBatchItemFailures`). All others are done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    /// One for each such message.
    pub batch_item_failures: Vec<Failure>,
}

/// A message that is given back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The message's id.
    pub item_identifier: String,
}
