//! The HTTP door: AWS JSON 1.0 as the SDKs speak it, `POST /` with the operation in `X-Amz-Target`.
//!
//! Requests become calls of `State`, and errors become AWS's error shapes. Signatures are not checked. An unknown member or operation is
//! refused, never ignored.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName,
    header::{CONTENT_TYPE, HOST},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Receive, Received, Sqs, SqsError,
    message::{AttributeRequest, MESSAGE_BYTES_MAX, MessageAttribute, NewMessage, attributes_md5, body_md5},
    state::{Sent, new_id},
};

/// AWS's limit of entries in a batch.
pub(super) const BATCH_ENTRIES_MAX: usize = 10;
/// AWS's limit for the id of a batch's entry.
const BATCH_ID_CHARS_MAX: usize = 80;
/// A message of 1 MiB in JSON: in the worst case two bytes become six, and there are names around them.
const REQUEST_BYTES_MAX: usize = 4 * MESSAGE_BYTES_MAX;
const JSON_1_0: &str = "application/x-amz-json-1.0";
/// The system attributes that a caller of `ReceiveMessage` may name, implemented or not.
const SYSTEM_ATTRIBUTES: [&str; 9] = [
    "AWSTraceHeader",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CreateQueue {
    queue_name: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetQueueUrl {
    queue_name: Option<String>,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    account: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetQueueAttributes {
    queue_url: Option<String>,
    attribute_names: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PurgeQueue {
    queue_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct StartMessageMoveTask {
    source_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ReceiveMessage {
    queue_url: Option<String>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    attribute_names: Option<Vec<String>>,
    message_system_attribute_names: Option<Vec<String>>,
    message_attribute_names: Option<Vec<String>>,
}

/// A call that also exists as a batch. A single call has a queue's URL, an entry of a batch has an id. An SDK cannot confuse them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SendMessage {
    queue_url: Option<String>,
    id: Option<String>,
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    message_attributes: Option<BTreeMap<String, AttributeRequest>>,
    message_group_id: Option<String>,
}

impl SendMessage {
    fn parse(self) -> Result<NewMessage, SqsError> {
        NewMessage::parse(self.message_body, self.message_attributes, self.delay_seconds, self.message_group_id)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ChangeMessage {
    queue_url: Option<String>,
    id: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Batch<E> {
    queue_url: Option<String>,
    entries: Option<Vec<E>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SentAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    body_md5: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_md5: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MessageAnswer {
    message_id: String,
    receipt_handle: String,
    #[serde(rename = "MD5OfBody")]
    body_md5: String,
    body: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<String, MessageAttribute>,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_md5: Option<String>,
}

pub(super) fn router(sqs: Sqs) -> Router {
    Router::new().route("/", post(serve)).layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX)).with_state(sqs)
}

async fn serve(State(sqs): State<Sqs>, headers: HeaderMap, body: Bytes) -> Response {
    let request_id = new_id().unwrap_or_default();
    let headers_out = [(CONTENT_TYPE, JSON_1_0.to_owned()), (HeaderName::from_static("x-amzn-requestid"), request_id)];
    match call(&sqs, &headers, &body).await {
        Ok(answer) => (headers_out, answer.to_string()).into_response(),
        Err(error) => {
            let wire = error.wire();
            if !wire.is_sender_fault() {
                tracing::error!("{error}: {:?}", std::error::Error::source(&error));
            }
            let fault = if wire.is_sender_fault() { "Sender" } else { "Receiver" };
            let query_error = [(HeaderName::from_static("x-amzn-query-error"), format!("{};{fault}", wire.code))];
            let body = json!({ "__type": wire.shape, "message": error.to_string() });
            (wire.status, headers_out, query_error, body.to_string()).into_response()
        }
    }
}

async fn call(sqs: &Sqs, headers: &HeaderMap, body: &[u8]) -> Result<Value, SqsError> {
    let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let base = format!("http://{}", header(HOST));
    let target = header(HeaderName::from_static("x-amz-target"));
    if header(CONTENT_TYPE) != JSON_1_0 {
        return Err(SqsError::UnsupportedOperation { what: format!("a protocol other than {JSON_1_0}") });
    }
    match target.strip_prefix("AmazonSQS.").unwrap_or_default() {
        "CreateQueue" => create_queue(sqs, parse(body)?, &base),
        "GetQueueUrl" => find_queue_url(sqs, parse(body)?, &base),
        "GetQueueAttributes" => read_queue_attributes(sqs, parse(body)?),
        "PurgeQueue" => purge_queue(sqs, parse(body)?),
        "SendMessage" => send_message(sqs, parse(body)?),
        "SendMessageBatch" => send_message_batch(sqs, parse(body)?),
        "ReceiveMessage" => receive_message(sqs, parse(body)?).await,
        "DeleteMessage" => change_message(sqs, parse(body)?, delete_message),
        "DeleteMessageBatch" => change_message_batch(sqs, parse(body)?, delete_message),
        "ChangeMessageVisibility" => change_message(sqs, parse(body)?, change_message_visibility),
        "StartMessageMoveTask" => start_message_move_task(sqs, parse(body)?),
        "ChangeMessageVisibilityBatch" => change_message_batch(sqs, parse(body)?, change_message_visibility),
        _ => Err(SqsError::UnsupportedOperation { what: format!("operation {target}") }),
    }
}

/// An unknown member is a feature that is not implemented here. A member of the wrong type cannot come from an SDK, so it does no harm that
/// it is refused with the same words.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => SqsError::UnsupportedOperation { what: error.to_string() },
        serde_json::error::Category::Io | serde_json::error::Category::Syntax | serde_json::error::Category::Eof => {
            SqsError::Serialization(error)
        }
    })
}

fn required<T>(name: &'static str, value: Option<T>) -> Result<T, SqsError> {
    value.ok_or(SqsError::MissingParameter { name })
}

fn queue_name(sqs: &Sqs, url: Option<String>) -> Result<String, SqsError> {
    Ok(sqs.inner.owner.name_in_url(&required("QueueUrl", url)?)?.to_owned())
}

fn create_queue(sqs: &Sqs, request: CreateQueue, base: &str) -> Result<Value, SqsError> {
    let name = required("QueueName", request.queue_name)?;
    sqs.state().create_queue(&name, &request.attributes.unwrap_or_default(), sqs.now_ms())?;
    Ok(json!({ "QueueUrl": sqs.queue_url(&name, base) }))
}

fn find_queue_url(sqs: &Sqs, request: GetQueueUrl, base: &str) -> Result<Value, SqsError> {
    let name = required("QueueName", request.queue_name)?;
    if request.account.is_some_and(|account| account != sqs.inner.owner.account) {
        return Err(SqsError::QueueDoesNotExist);
    }
    sqs.state().queue(&name, sqs.now_ms())?;
    Ok(json!({ "QueueUrl": sqs.queue_url(&name, base) }))
}

fn read_queue_attributes(sqs: &Sqs, request: GetQueueAttributes) -> Result<Value, SqsError> {
    let name = queue_name(sqs, request.queue_url)?;
    let mut state = sqs.state();
    let queue = state.queue(&name, sqs.now_ms())?;
    let depth = queue.depth();
    let created_seconds = queue.created_ms.div_euclid(1_000).to_string();
    let mut known = queue.attributes.published(&sqs.inner.owner);
    known.extend([
        ("ApproximateNumberOfMessages", depth.visible.to_string()),
        ("ApproximateNumberOfMessagesDelayed", depth.delayed.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", depth.in_flight.to_string()),
        ("CreatedTimestamp", created_seconds.clone()),
        ("LastModifiedTimestamp", created_seconds),
        ("QueueArn", sqs.queue_arn(&name)),
    ]);
    let wanted = request.attribute_names.unwrap_or_default();
    // A caller may ask for the redrive policy of a queue that has none.
    let is_known = |name: &str| ["All", "RedrivePolicy"].contains(&name) || known.iter().any(|known| known.0 == name);
    if let Some(unknown) = wanted.iter().find(|name| !is_known(name)) {
        return Err(SqsError::InvalidAttributeName { name: unknown.clone() });
    }
    known.retain(|known| wanted.iter().any(|name| name == "All" || name == known.0));
    Ok(json!({ "Attributes": known.into_iter().collect::<BTreeMap<_, _>>() }))
}

fn purge_queue(sqs: &Sqs, request: PurgeQueue) -> Result<Value, SqsError> {
    let name = queue_name(sqs, request.queue_url)?;
    sqs.state().purge(&name, sqs.now_ms())?;
    Ok(json!({}))
}

/// Moves all messages at once: the task is over before the next call.
fn start_message_move_task(sqs: &Sqs, request: StartMessageMoveTask) -> Result<Value, SqsError> {
    let arn = required("SourceArn", request.source_arn)?;
    let name = arn.rsplit(':').next().unwrap_or_default();
    if sqs.queue_arn(name) != arn {
        return Err(SqsError::ResourceNotFound);
    }
    sqs.state().move_back(name, sqs.now_ms())?;
    Ok(json!({ "TaskHandle": new_id()? }))
}

fn send_message(sqs: &Sqs, mut request: SendMessage) -> Result<Value, SqsError> {
    let name = queue_name(sqs, request.queue_url.take())?;
    let sent = sqs.state().send(&name, request.parse()?, sqs.now_ms())?;
    Ok(json!(sent_answer(None, sent)))
}

fn send_message_batch(sqs: &Sqs, request: Batch<SendMessage>) -> Result<Value, SqsError> {
    let name = queue_name(sqs, request.queue_url)?;
    sqs.state().queue(&name, sqs.now_ms())?;
    let entries = check_batch(request.entries, |entry| entry.id.as_deref())?;
    let mut news = Vec::new();
    for (id, entry) in entries {
        news.push((id, entry.parse()));
    }
    let found = news.iter().filter_map(|(_, new)| Some(new.as_ref().ok()?.bytes())).sum();
    if found > MESSAGE_BYTES_MAX {
        return Err(SqsError::BatchRequestTooLong { found });
    }
    let now_ms = sqs.now_ms();
    let mut state = sqs.state();
    Ok(batch_answer(news, |id, new| {
        let sent = state.send(&name, new?, now_ms)?;
        Ok(json!(sent_answer(Some(id), sent)))
    }))
}

fn sent_answer(id: Option<String>, sent: Sent) -> SentAnswer {
    let Sent { message_id, body_md5, attributes_md5 } = sent;
    SentAnswer { id, message_id, body_md5, attributes_md5 }
}

/// What a call does with a receipt handle, on this queue and with this request.
type Change = fn(&Sqs, &str, ChangeMessage) -> Result<(), SqsError>;

fn delete_message(sqs: &Sqs, queue: &str, request: ChangeMessage) -> Result<(), SqsError> {
    if request.visibility_timeout.is_some() {
        return Err(SqsError::UnsupportedOperation { what: "VisibilityTimeout of a delete".to_owned() });
    }
    sqs.delete(queue, &required("ReceiptHandle", request.receipt_handle)?)
}

fn change_message_visibility(sqs: &Sqs, queue: &str, request: ChangeMessage) -> Result<(), SqsError> {
    let handle = required("ReceiptHandle", request.receipt_handle)?;
    sqs.change_visibility(queue, &handle, required("VisibilityTimeout", request.visibility_timeout)?)
}

fn change_message(sqs: &Sqs, mut request: ChangeMessage, change: Change) -> Result<Value, SqsError> {
    let name = queue_name(sqs, request.queue_url.take())?;
    change(sqs, &name, request)?;
    Ok(json!({}))
}

fn change_message_batch(sqs: &Sqs, request: Batch<ChangeMessage>, change: Change) -> Result<Value, SqsError> {
    let name = queue_name(sqs, request.queue_url)?;
    sqs.state().queue(&name, sqs.now_ms())?;
    let entries = check_batch(request.entries, |entry| entry.id.as_deref())?;
    Ok(batch_answer(entries, |id, entry| {
        change(sqs, &name, entry)?;
        Ok(json!({ "Id": id }))
    }))
}

/// The entries of a batch with their ids, if the batch as a whole is valid.
fn check_batch<E>(entries: Option<Vec<E>>, id_of: impl Fn(&E) -> Option<&str>) -> Result<Vec<(String, E)>, SqsError> {
    let entries = entries.unwrap_or_default();
    if entries.is_empty() {
        return Err(SqsError::EmptyBatchRequest);
    }
    if entries.len() > BATCH_ENTRIES_MAX {
        return Err(SqsError::TooManyEntriesInBatchRequest { found: entries.len() });
    }
    let mut ids = BTreeSet::new();
    let mut checked = Vec::new();
    for entry in entries {
        let id = required("Id", id_of(&entry))?.to_owned();
        let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        if !(1..=BATCH_ID_CHARS_MAX).contains(&id.len()) || !id.chars().all(allowed) {
            return Err(SqsError::InvalidBatchEntryId);
        }
        if !ids.insert(id.clone()) {
            return Err(SqsError::BatchEntryIdsNotDistinct { id });
        }
        checked.push((id, entry));
    }
    Ok(checked)
}

/// Processes each entry separately: if one fails, the others still succeed.
fn batch_answer<E>(entries: Vec<(String, E)>, mut each: impl FnMut(String, E) -> Result<Value, SqsError>) -> Value {
    let mut successful = Vec::new();
    let mut failed = Vec::new();
    for (id, entry) in entries {
        match each(id.clone(), entry) {
            Ok(answer) => successful.push(answer),
            Err(error) => failed.push(json!({
                "Id": id,
                "SenderFault": error.wire().is_sender_fault(),
                "Code": error.wire().code,
                "Message": error.to_string(),
            })),
        }
    }
    json!({ "Successful": successful, "Failed": failed })
}

async fn receive_message(sqs: &Sqs, request: ReceiveMessage) -> Result<Value, SqsError> {
    let name = queue_name(sqs, request.queue_url)?;
    let mut system = request.message_system_attribute_names.unwrap_or_default();
    system.extend(request.attribute_names.unwrap_or_default());
    let is_known = |name: &str| name == "All" || SYSTEM_ATTRIBUTES.contains(&name);
    if let Some(unknown) = system.iter().find(|name| !is_known(name)) {
        return Err(SqsError::InvalidAttributeName { name: unknown.clone() });
    }
    let custom = request.message_attribute_names.unwrap_or_default();
    let wanted = Receive {
        max: request.max_number_of_messages.unwrap_or(1),
        visibility_seconds: request.visibility_timeout,
        wait_seconds: request.wait_time_seconds,
    };
    let messages = sqs.poll(&name, wanted).await?;
    if messages.is_empty() {
        return Ok(json!({}));
    }
    let messages: Vec<_> = messages.into_iter().map(|message| message_answer(message, &system, &custom)).collect();
    Ok(json!({ "Messages": messages }))
}

fn message_answer(message: Received, system: &[String], custom: &[String]) -> MessageAnswer {
    let mut attributes = BTreeMap::from([
        ("ApproximateFirstReceiveTimestamp", message.first_received_ms.to_string()),
        ("ApproximateReceiveCount", message.receive_count.to_string()),
        ("SentTimestamp", message.sent_ms.to_string()),
    ]);
    if let Some(arn) = message.dead_letter_source_arn {
        attributes.insert("DeadLetterQueueSourceArn", arn);
    }
    if let Some(group) = message.group {
        attributes.insert("MessageGroupId", group);
    }
    attributes.retain(|name, _| system.iter().any(|wanted| wanted == "All" || wanted == name));
    let mut message_attributes = message.attributes;
    message_attributes.retain(|name, _| custom.iter().any(|wanted| is_attribute_wanted(wanted, name)));
    MessageAnswer {
        message_id: message.message_id,
        receipt_handle: message.receipt_handle,
        body_md5: body_md5(&message.body),
        body: message.body,
        attributes,
        // The digest covers only the attributes in the answer, as in AWS.
        attributes_md5: attributes_md5(&message_attributes),
        message_attributes,
    }
}

/// `All` and `.*` match every attribute; `invoice.*` matches those that begin with `invoice`.
fn is_attribute_wanted(wanted: &str, name: &str) -> bool {
    match wanted.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => wanted == "All" || wanted == name,
    }
}
