//! One message: what a sender may send, what is stored of it, and its checksums.
//!
//! Pure: bodies and attributes are parsed here and never checked again.

use std::{collections::BTreeMap, fmt::Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::error::{SqsError, within};

/// 1 MiB: AWS's limit since August 2025 for a message, and for all messages of a batch together. Names, types and values of attributes
/// count.
pub(super) const MESSAGE_BYTES_MAX: usize = 1_048_576;
/// AWS's longest `DelaySeconds`: 15 minutes.
pub(super) const DELAY_SECONDS_MAX: i64 = 900;
/// AWS's longest `MessageGroupId`.
const GROUP_CHARS_MAX: usize = 128;
/// AWS's limit of attributes in a message.
const ATTRIBUTES_MAX: usize = 10;
/// AWS's limit for an attribute's name, and for its type.
const ATTRIBUTE_NAME_CHARS_MAX: usize = 256;

/// A message attribute: its value, and a type that the sender chooses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAttribute {
    /// `String`, `Number` or `Binary`, possibly with a label, as in `Number.fen`.
    #[serde(rename = "DataType")]
    pub data_type: String,
    /// The value. It is binary exactly if the type is.
    #[serde(flatten)]
    pub value: AttributeValue,
}

/// The value of a [`MessageAttribute`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeValue {
    /// Text, or a number as text.
    StringValue(String),
    /// Bytes, in base64 on the wire.
    #[serde(serialize_with = "write_base64", deserialize_with = "read_base64")]
    BinaryValue(Vec<u8>),
}

/// A message attribute as a sender writes it. AWS's model has list values, but AWS refuses them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AttributeRequest {
    data_type: Option<String>,
    string_value: Option<String>,
    binary_value: Option<String>,
}

/// The attributes of one message by name. They are hashed in this order.
pub(super) type Attributes = BTreeMap<String, MessageAttribute>;

/// A message that AWS would take into a queue of default size.
#[derive(Debug)]
pub(super) struct NewMessage {
    pub(super) body: String,
    pub(super) attributes: Attributes,
    /// `None` means the queue's own delay.
    pub(super) delay_seconds: Option<i64>,
    /// The group of the message, by which the queue is fair.
    pub(super) group: Option<String>,
}

/// A message that a queue stores.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) attributes: Attributes,
    pub(super) sent_ms: i64,
    /// From this time it may be received: the end of the delay or of the lease.
    pub(super) visible_ms: i64,
    /// All receives, including those before a move to a dead letter queue. An older handle is stale by it.
    pub(super) receive_count: u64,
    /// Receives from the present queue. The queue's redrive policy counts them.
    pub(super) receives_here: i64,
    pub(super) first_received_ms: Option<i64>,
    /// The last receive from the present queue. The 12 hours of a lease are counted from here.
    pub(super) received_ms: Option<i64>,
    /// The queue that it was moved from, if it is in a dead letter queue.
    pub(super) moved_from: Option<String>,
    /// The group of the message, by which the queue is fair.
    #[serde(default)]
    pub(super) group: Option<String>,
}

impl NewMessage {
    pub(super) fn parse(
        body: Option<String>,
        attributes: Option<BTreeMap<String, AttributeRequest>>,
        delay_seconds: Option<i64>,
        group: Option<String>,
    ) -> Result<Self, SqsError> {
        let body = body.filter(|body| !body.is_empty()).ok_or(SqsError::MissingParameter { name: "MessageBody" })?;
        if !body.chars().all(is_allowed) {
            return Err(SqsError::InvalidMessageContents);
        }
        let attributes = attributes.unwrap_or_default();
        if attributes.len() > ATTRIBUTES_MAX {
            let reason = format!("Number of message attributes exceeds the allowed maximum [{ATTRIBUTES_MAX}].");
            return Err(SqsError::invalid("MessageAttributes", attributes.len(), reason));
        }
        let attributes = attributes
            .into_iter()
            .map(|(name, request)| Ok((name.clone(), parse_attribute(&name, request)?)))
            .collect::<Result<_, SqsError>>()?;
        if let Some(delay) = delay_seconds {
            within("DelaySeconds", delay, 0..=DELAY_SECONDS_MAX)?;
        }
        if let Some(group) = group.as_ref().filter(|group| !is_group(group)) {
            let reason = format!(
                "MessageGroupId can only include alphanumeric and punctuation characters. 1 to {GROUP_CHARS_MAX} in length"
            );
            return Err(SqsError::invalid("MessageGroupId", group, reason));
        }
        Ok(Self { body, attributes, delay_seconds, group })
    }

    /// The size that AWS limits and charges for.
    pub(super) fn bytes(&self) -> usize {
        let attributes = self
            .attributes
            .iter()
            .map(|(name, attribute)| name.len() + attribute.data_type.len() + attribute.value.bytes().len());
        self.body.len() + attributes.sum::<usize>()
    }
}

impl AttributeValue {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::StringValue(text) => text.as_bytes(),
            Self::BinaryValue(bytes) => bytes,
        }
    }
}

fn is_group(group: &str) -> bool {
    (1..=GROUP_CHARS_MAX).contains(&group.len()) && group.chars().all(|char| char.is_ascii_graphic())
}

/// # Source
/// `SendMessage` in the SQS API reference: the characters of XML 1.0.
fn is_allowed(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

fn parse_attribute(name: &str, request: AttributeRequest) -> Result<MessageAttribute, SqsError> {
    let refuse = |reason: &str| Err(SqsError::invalid("MessageAttributes", name, reason));
    if !is_attribute_name(name) {
        return refuse("Not a valid message attribute name.");
    }
    let Some(data_type) = request.data_type else {
        return refuse("The message attribute must contain a data type.");
    };
    if data_type.len() > ATTRIBUTE_NAME_CHARS_MAX {
        return refuse("The data type is longer than 256 bytes.");
    }
    let base_type = data_type.split_once('.').map_or(data_type.as_str(), |(base_type, _)| base_type);
    let value = match (base_type, request.string_value, request.binary_value) {
        ("String" | "Number", Some(text), None) => AttributeValue::StringValue(text),
        ("Binary", None, Some(base64)) => match STANDARD.decode(base64) {
            Ok(bytes) => AttributeValue::BinaryValue(bytes),
            Err(_) => return refuse("The binary value is not base64."),
        },
        _ => return refuse("The data type must be String, Number or Binary, with the one value of this type."),
    };
    if value.bytes().is_empty() {
        return refuse("The message attribute must contain a non-empty value.");
    }
    if let AttributeValue::StringValue(text) = &value {
        if !text.chars().all(is_allowed) {
            return Err(SqsError::InvalidMessageContents);
        }
        if base_type == "Number" && !text.parse::<f64>().is_ok_and(f64::is_finite) {
            return refuse("The value is not a number.");
        }
    }
    Ok(MessageAttribute { data_type, value })
}

fn is_attribute_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    (1..=ATTRIBUTE_NAME_CHARS_MAX).contains(&name.len())
        && name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.'))
        && !(name.starts_with('.') || name.ends_with('.') || name.contains(".."))
        && !(lower.starts_with("aws.") || lower.starts_with("amazon."))
}

/// `MD5OfMessageBody`.
pub(super) fn body_md5(body: &str) -> String {
    hex(&Md5::digest(body.as_bytes()))
}

/// `MD5OfMessageAttributes`. `None` if there are no attributes.
///
/// # Source
/// "Calculating the MD5 message digest for message attributes" in the SQS developer guide: the attributes are sorted by name. Name, type
/// and value each follow their length in four bytes, and one byte tells the kind of value.
pub(super) fn attributes_md5<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a MessageAttribute)>,
) -> Option<String> {
    let mut digest = None;
    for (name, attribute) in attributes {
        let md5 = digest.get_or_insert_with(Md5::new);
        let kind: [u8; 1] = match attribute.value {
            AttributeValue::StringValue(_) => [1],
            AttributeValue::BinaryValue(_) => [2],
        };
        update_with_length(md5, name.as_bytes());
        update_with_length(md5, attribute.data_type.as_bytes());
        md5.update(kind);
        update_with_length(md5, attribute.value.bytes());
    }
    digest.map(|md5| hex(&md5.finalize()))
}

fn update_with_length(md5: &mut Md5, bytes: &[u8]) {
    // No part is longer than a message, so the length always fits.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    md5.update(length.to_be_bytes());
    md5.update(bytes);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn write_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn read_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(D::Error::custom)
}
