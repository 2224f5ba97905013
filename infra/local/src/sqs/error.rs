//! What the embedded SQS refuses, and how AWS writes each refusal on the wire.
//!
//! Both doors give a [`SqsError`]: HTTP turns it into an AWS error response, and callers in the process get it unchanged. The texts are
//! AWS's own as far as they are known, because the SDK reads them.

use std::{io, path::PathBuf};

use http::StatusCode;

use super::{message::MESSAGE_BYTES_MAX, wire::BATCH_ENTRIES_MAX};

/// Why the state file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The state file cannot be read or written.
    #[error("cannot read or rewrite the SQS state file {}", path.display())]
    Io {
        /// The state file.
        path: PathBuf,
        /// The system's message.
        #[source]
        source: io::Error,
    },
    /// A complete line of the state file is not a record of ours.
    #[error("line {line} of the SQS state file {} is not a journal record", path.display())]
    Corrupt {
        /// The state file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The parser's message.
        #[source]
        source: serde_json::Error,
    },
}

/// A refused call; each variant is one AWS error.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the variants are AWS's error names, and the fields are in the texts")]
pub enum SqsError {
    #[error("The specified queue does not exist.")]
    QueueDoesNotExist,
    #[error("A queue already exists with the same name and a different value for an attribute: {name}")]
    QueueNameExists { name: String },
    #[error("The resource that you specified for the SourceArn parameter doesn't exist.")]
    ResourceNotFound,
    #[error("The address {url} is not valid for this endpoint.")]
    InvalidAddress { url: String },
    #[error("The input receipt handle \"{handle}\" is not a valid receipt handle.")]
    ReceiptHandleIsInvalid { handle: String },
    #[error("The specified message isn't in flight.")]
    MessageNotInflight,
    #[error("Value {found} for parameter {name} is invalid. Reason: {reason}")]
    InvalidParameterValue { name: &'static str, found: String, reason: String },
    #[error("The request must contain the parameter {name}.")]
    MissingParameter { name: &'static str },
    #[error(
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | \
         #xE000 to #xFFFD | #x10000 to #x10FFFF."
    )]
    InvalidMessageContents,
    #[error("Unknown Attribute {name}.")]
    InvalidAttributeName { name: String },
    #[error("Invalid value for the parameter {name}: {found}")]
    InvalidAttributeValue { name: String, found: String },
    #[error("There should be at least one entry in the request.")]
    EmptyBatchRequest,
    #[error("Maximum number of entries per request are {BATCH_ENTRIES_MAX}. You have sent {found}.")]
    TooManyEntriesInBatchRequest { found: usize },
    #[error("Id {id} repeated.")]
    BatchEntryIdsNotDistinct { id: String },
    #[error(
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
         It can be at most 80 letters long."
    )]
    InvalidBatchEntryId,
    #[error("Batch requests cannot be longer than {MESSAGE_BYTES_MAX} bytes. You have sent {found} bytes.")]
    BatchRequestTooLong { found: usize },
    #[error("Too many messages are in flight in this queue.")]
    OverLimit,
    #[error("Only one PurgeQueue operation on {name} is allowed every 60 seconds.")]
    PurgeQueueInProgress { name: String },
    #[error("The embedded SQS does not implement this: {what}")]
    UnsupportedOperation { what: String },
    #[error("The request is not JSON")]
    Serialization(#[source] serde_json::Error),
    #[error("The embedded SQS could not write its state file")]
    Journal(#[source] io::Error),
    #[error("The system gave no random bytes for an id")]
    Randomness,
}

/// How one error looks in an HTTP response.
pub(super) struct WireError {
    /// Goes into `__type`.
    pub(super) shape: &'static str,
    /// Goes into `x-amzn-query-error`. The Rust SDK chooses its typed error by it.
    pub(super) code: &'static str,
    pub(super) status: StatusCode,
}

impl WireError {
    /// `false` if the fault is ours: then the SDK tries again.
    pub(super) fn is_sender_fault(&self) -> bool {
        self.status.is_client_error()
    }
}

/// Error shapes of the SQS model, and those that all AWS JSON services share.
macro_rules! sqs {
    ($shape:literal) => {
        concat!("com.amazonaws.sqs#", $shape)
    };
}
macro_rules! coral {
    ($shape:literal) => {
        concat!("com.amazon.coral.service#", $shape)
    };
}
macro_rules! simple {
    ($code:literal) => {
        concat!("AWS.SimpleQueueService.", $code)
    };
}

impl SqsError {
    /// # Source
    /// The `awsQueryError` traits of the SQS model: code and HTTP status of each error.
    pub(super) fn wire(&self) -> WireError {
        const BAD: u16 = 400;
        #[rustfmt::skip]
        let (shape, code, status) = match self {
            Self::QueueDoesNotExist => (sqs!("QueueDoesNotExist"), simple!("NonExistentQueue"), BAD),
            Self::ResourceNotFound => (sqs!("ResourceNotFoundException"), "ResourceNotFoundException", 404),
            Self::QueueNameExists { .. } => (sqs!("QueueNameExists"), "QueueAlreadyExists", BAD),
            Self::InvalidAddress { .. } => (sqs!("InvalidAddress"), "InvalidAddress", 404),
            Self::ReceiptHandleIsInvalid { .. } => (sqs!("ReceiptHandleIsInvalid"), "ReceiptHandleIsInvalid", 404),
            Self::MessageNotInflight => (sqs!("MessageNotInflight"), simple!("MessageNotInflight"), BAD),
            Self::InvalidParameterValue { .. } => (coral!("InvalidParameterValueException"), "InvalidParameterValue", BAD),
            Self::MissingParameter { .. } => (coral!("MissingRequiredParameterException"), "MissingParameter", BAD),
            Self::InvalidMessageContents => (sqs!("InvalidMessageContents"), "InvalidMessageContents", BAD),
            Self::InvalidAttributeName { .. } => (sqs!("InvalidAttributeName"), "InvalidAttributeName", BAD),
            Self::InvalidAttributeValue { .. } => (sqs!("InvalidAttributeValue"), "InvalidAttributeValue", BAD),
            Self::EmptyBatchRequest => (sqs!("EmptyBatchRequest"), simple!("EmptyBatchRequest"), BAD),
            Self::TooManyEntriesInBatchRequest { .. } =>
                (sqs!("TooManyEntriesInBatchRequest"), simple!("TooManyEntriesInBatchRequest"), BAD),
            Self::BatchEntryIdsNotDistinct { .. } =>
                (sqs!("BatchEntryIdsNotDistinct"), simple!("BatchEntryIdsNotDistinct"), BAD),
            Self::InvalidBatchEntryId => (sqs!("InvalidBatchEntryId"), simple!("InvalidBatchEntryId"), BAD),
            Self::BatchRequestTooLong { .. } => (sqs!("BatchRequestTooLong"), simple!("BatchRequestTooLong"), BAD),
            Self::OverLimit => (sqs!("OverLimit"), "OverLimit", 403),
            Self::PurgeQueueInProgress { .. } => (sqs!("PurgeQueueInProgress"), simple!("PurgeQueueInProgress"), 403),
            Self::UnsupportedOperation { .. } => (sqs!("UnsupportedOperation"), simple!("UnsupportedOperation"), BAD),
            Self::Serialization(_) => (coral!("SerializationException"), "MalformedInput", BAD),
            Self::Journal(_) | Self::Randomness => (coral!("InternalFailure"), "InternalFailure", 500),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        WireError { shape, code, status }
    }

    /// The error for a parameter outside AWS's bounds.
    pub(super) fn invalid(name: &'static str, found: impl ToString, reason: impl Into<String>) -> Self {
        Self::InvalidParameterValue { name, found: found.to_string(), reason: reason.into() }
    }
}

/// Returns `found` if it is within AWS's bounds.
pub(super) fn within(name: &'static str, found: i64, bounds: std::ops::RangeInclusive<i64>) -> Result<i64, SqsError> {
    if bounds.contains(&found) {
        return Ok(found);
    }
    let reason = format!("Must be between {} and {}, if provided.", bounds.start(), bounds.end());
    Err(SqsError::invalid(name, found, reason))
}
