//! Names and attributes of queues: URLs, ARNs, and what `CreateQueue` may set.
//!
//! Pure. Encryption, access policies, tags and FIFO are left out on purpose.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    error::SqsError,
    message::{DELAY_SECONDS_MAX, MESSAGE_BYTES_MAX},
};

/// AWS's longest visibility timeout: 12 hours, also if it is prolonged in steps.
pub(super) const VISIBILITY_SECONDS_MAX: i64 = 43_200;
/// AWS's longest long poll.
pub(super) const WAIT_SECONDS_MAX: i64 = 20;
/// AWS's limit for the name of a queue.
const QUEUE_NAME_CHARS_MAX: usize = 80;
/// AWS's limit for `maxReceiveCount`.
const RECEIVE_COUNT_MAX: i64 = 1_000;

/// The owner of the queues: a part of their URLs and ARNs.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) account: String,
    pub(super) region: String,
}

impl Owner {
    pub(super) fn url(&self, name: &str, base: &str) -> String {
        format!("{}/{}/{name}", base.trim_end_matches('/'), self.account)
    }

    pub(super) fn arn(&self, name: &str) -> String {
        format!("arn:aws:sqs:{}:{}:{name}", self.region, self.account)
    }

    /// The name of the queue. The host is ignored, because AWS answers under several.
    pub(super) fn name_in_url<'a>(&self, url: &'a str) -> Result<&'a str, SqsError> {
        let mut parts =
            url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default().split('/').skip(1);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(account), Some(name), None) if account == self.account => Ok(name),
            (Some(_), Some(_), None) => Err(SqsError::QueueDoesNotExist),
            _ => Err(SqsError::InvalidAddress { url: url.to_owned() }),
        }
    }

    fn name_in_arn<'a>(&self, arn: &'a str) -> Option<&'a str> {
        arn.strip_prefix(self.arn("").as_str())
    }
}

/// The attributes of a standard queue that the embedded SQS knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct QueueAttributes {
    pub(super) delay_seconds: i64,
    pub(super) message_bytes_max: i64,
    pub(super) retention_seconds: i64,
    pub(super) wait_seconds: i64,
    pub(super) visibility_seconds: i64,
    pub(super) redrive: Option<RedrivePolicy>,
}

/// After how many receives a message moves, and to which queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RedrivePolicy {
    /// The name of the dead letter queue.
    pub(super) dead_letter_queue: String,
    pub(super) receive_count_max: i64,
}

/// AWS's spelling of a [`RedrivePolicy`]. The count may be a number or text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RedriveRequest {
    dead_letter_target_arn: String,
    max_receive_count: Value,
}

impl Default for QueueAttributes {
    /// AWS's defaults.
    fn default() -> Self {
        Self {
            delay_seconds: 0,
            message_bytes_max: i64::try_from(MESSAGE_BYTES_MAX).unwrap_or(i64::MAX),
            retention_seconds: 345_600,
            wait_seconds: 0,
            visibility_seconds: 30,
            redrive: None,
        }
    }
}

impl QueueAttributes {
    /// These attributes, replaced by those in `given`.
    pub(super) fn with(mut self, given: &BTreeMap<String, String>, owner: &Owner) -> Result<Self, SqsError> {
        for (name, found) in given {
            let number = |bounds: RangeInclusive<i64>| {
                let number = found.parse().ok().filter(|number| bounds.contains(number));
                number.ok_or_else(|| SqsError::InvalidAttributeValue { name: name.clone(), found: found.clone() })
            };
            match name.as_str() {
                "DelaySeconds" => self.delay_seconds = number(0..=DELAY_SECONDS_MAX)?,
                "MaximumMessageSize" => self.message_bytes_max = number(1_024..=1_048_576)?,
                "MessageRetentionPeriod" => self.retention_seconds = number(60..=1_209_600)?,
                "ReceiveMessageWaitTimeSeconds" => self.wait_seconds = number(0..=WAIT_SECONDS_MAX)?,
                "VisibilityTimeout" => self.visibility_seconds = number(0..=VISIBILITY_SECONDS_MAX)?,
                "RedrivePolicy" => self.redrive = RedrivePolicy::parse(found, owner)?,
                "KmsMasterKeyId"
                | "KmsDataKeyReusePeriodSeconds"
                | "Policy"
                | "RedriveAllowPolicy"
                | "SqsManagedSseEnabled" => {
                    return Err(SqsError::UnsupportedOperation { what: format!("queue attribute {name}") });
                }
                _ => return Err(SqsError::InvalidAttributeName { name: name.clone() }),
            }
        }
        Ok(self)
    }

    /// The settable attributes in the form of `GetQueueAttributes`.
    pub(super) fn published(&self, owner: &Owner) -> Vec<(&'static str, String)> {
        let mut published = vec![
            ("DelaySeconds", self.delay_seconds.to_string()),
            ("MaximumMessageSize", self.message_bytes_max.to_string()),
            ("MessageRetentionPeriod", self.retention_seconds.to_string()),
            ("ReceiveMessageWaitTimeSeconds", self.wait_seconds.to_string()),
            ("VisibilityTimeout", self.visibility_seconds.to_string()),
        ];
        if let Some(redrive) = &self.redrive {
            let policy = serde_json::json!({
                "deadLetterTargetArn": owner.arn(&redrive.dead_letter_queue),
                "maxReceiveCount": redrive.receive_count_max,
            });
            published.push(("RedrivePolicy", policy.to_string()));
        }
        published
    }
}

impl RedrivePolicy {
    /// Empty text removes the policy, as in AWS.
    fn parse(text: &str, owner: &Owner) -> Result<Option<Self>, SqsError> {
        if text.is_empty() {
            return Ok(None);
        }
        let refuse = |reason: &str| SqsError::invalid("RedrivePolicy", text, reason);
        let request: RedriveRequest = serde_json::from_str(text)
            .map_err(|_| refuse("Not a policy of deadLetterTargetArn and maxReceiveCount."))?;
        let dead_letter_queue = owner
            .name_in_arn(&request.dead_letter_target_arn)
            .ok_or_else(|| refuse("The dead letter target is not a queue of this account and region."))?;
        let count = &request.max_receive_count;
        let receive_count_max = count
            .as_i64()
            .or_else(|| count.as_str()?.parse().ok())
            .filter(|count| (1..=RECEIVE_COUNT_MAX).contains(count))
            .ok_or_else(|| refuse("Invalid value for maxReceiveCount: must be between 1 and 1000."))?;
        Ok(Some(Self { dead_letter_queue: dead_letter_queue.to_owned(), receive_count_max }))
    }
}

/// Checks that AWS would take the name for a standard queue.
pub(super) fn check_queue_name(name: &str) -> Result<(), SqsError> {
    if name.ends_with(".fifo") {
        return Err(SqsError::UnsupportedOperation { what: format!("FIFO queue {name}") });
    }
    let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    if (1..=QUEUE_NAME_CHARS_MAX).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    let reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
    Err(SqsError::invalid("QueueName", name, reason))
}
