//! SQS: the bell that wakes a delivery, and the questions for providers on their way to `ask`.
//!
//! The row of a delivery decides. If a message is lost, the sweep sends another. If it comes twice, the reader of the row drops the second.
//! So nothing here needs to be exact.
//!
//! There are two queues of deliveries, one for each [`Lane`]. In each the message group is the target, so that SQS serves quiet targets
//! before a target that keeps many workers busy ("fair queues").

mod dead_letters;
mod question;

use std::{
    error::Error,
    fmt::Write,
    sync::{Arc, LazyLock},
    time::Duration,
};

use aws_sdk_sqs::{
    Client,
    error::DisplayErrorContext,
    types::{ChangeMessageVisibilityBatchRequestEntry, SendMessageBatchRequestEntry},
};
use domain::{AppId, BillNum, Delivery, DeliveryId, Lane, Mode};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tracing::warn;

pub use dead_letters::{DeadLetter, DeadLetters, TakeBackError};
pub use question::Question;

/// The queues of deliveries and of questions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    sqs: Arc<LazyLock<Client, ClientMaker>>,
    urls: Arc<QueueUrls>,
}

type ClientMaker = Box<dyn FnOnce() -> Client + Send>;

/// Where the queues are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueUrls {
    /// The URL of the fast lane's queue.
    pub fast: String,
    /// The URL of the slow lane's queue.
    pub slow: String,
    /// The URL of the queue of dead letters. Only `admin` knows it.
    pub dead_letters: Option<String>,
    /// The URL of the queue of questions.
    pub questions: String,
}

impl QueueUrls {
    /// The queue of a lane.
    pub fn of(&self, lane: Lane) -> &str {
        match lane {
            Lane::Fast => &self.fast,
            Lane::Slow => &self.slow,
        }
    }
}

/// The content of a message: a delivery, and the number of the attempt that is due.
///
/// ```json
/// {"app":"568a12086e912100017722e5","mode":"test","billNum":"112233",
///  "delivery":"01a208d05240070707070707#payment.success#01a208d05240080808080808","attempt":1}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bell {
    app: String,
    mode: String,
    #[serde(rename = "billNum")]
    bill: String,
    delivery: String,
    /// The attempt it rings for.
    pub attempt: u32,
}

impl Bell {
    /// Rings for the attempt `attempt` of a delivery.
    pub fn new(id: &DeliveryId, attempt: u32) -> Self {
        let (app, mode, bill) = (id.app.to_string(), id.mode.to_string(), id.bill.to_string());
        Self { app, mode, bill, delivery: id.name(), attempt }
    }

    /// Reads the body of a message; `None` if it is another kind of message.
    pub fn parse(body: &str) -> Option<DueAttempt> {
        let bell: Self = serde_json::from_str(body).ok()?;
        let (app, mode) = (AppId::parse(&bell.app).ok()?, Mode::find(&bell.mode)?);
        let id = DeliveryId::parse(app, mode, BillNum::parse(&bell.bill).ok()?, &bell.delivery)?;
        Some(DueAttempt { delivery: id, attempt: bell.attempt })
    }
}

/// The attempt of a delivery that a message asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueAttempt {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The number of the attempt.
    pub attempt: u32,
}

/// A delivery to be woken for its next attempt.
#[derive(Clone, Copy, Debug)]
pub struct Ring<'a> {
    /// Which.
    pub delivery: &'a Delivery,
    /// The lane of its queue.
    pub lane: Lane,
    /// The wait, at most [`Delivery::QUEUE_WAIT_MAX`], which is SQS's limit. It is rounded up to whole seconds.
    pub delay: Duration,
}

/// A message that is to be sent.
struct Outgoing {
    body: String,
    group: String,
    delay: Duration,
}

/// A message that is given back to its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// Proof of its receipt.
    pub receipt_handle: String,
    /// When.
    pub after: Duration,
}

impl Queue {
    /// The longest time of a call, with all its attempts. If a message is not sent, the sweep sends it later, so no caller waits longer.
    pub const CALL_LONGEST: Duration = Duration::from_secs(1);

    /// Uses the client that `sqs` makes for these queues. `sqs` is called when the first message is sent, because most calls do not need
    /// the client, and a cold start must not wait for it.
    pub fn new(sqs: impl FnOnce() -> Client + Send + 'static, urls: QueueUrls) -> Self {
        Self { sqs: Arc::new(LazyLock::new(Box::new(sqs))), urls: Arc::new(urls) }
    }

    /// The lane whose queue has this ARN; the fast one if neither has.
    pub fn lane_of(&self, arn: &str) -> Lane {
        let name = |text: &str, separator: char| text.rsplit(separator).next().unwrap_or_default().to_owned();
        if name(arn, ':') == name(&self.urls.slow, '/') { Lane::Slow } else { Lane::Fast }
    }

    /// Wakes deliveries: ten in a call, and all calls at once. Returns the deliveries whose messages were sent. The sweep wakes the others.
    pub async fn ring<'a>(&self, rings: &[Ring<'a>]) -> Vec<&'a Delivery> {
        let of_lane = |lane| rings.iter().filter(|ring| ring.lane == lane).copied().collect::<Vec<_>>();
        let lanes = Lane::ALL.map(|lane| (lane, of_lane(lane)));
        let calls = lanes.iter().flat_map(|(lane, rings)| {
            let url = self.urls.of(*lane);
            rings.chunks(BATCH).map(move |batch| self.ring_batch(url, batch))
        });
        join_all(calls).await.concat()
    }

    async fn ring_batch<'a>(&self, url: &str, batch: &[Ring<'a>]) -> Vec<&'a Delivery> {
        let messages = batch.iter().map(|ring| {
            let id = &ring.delivery.id;
            let body = body_of(&Bell::new(id, ring.delivery.attempt))?;
            Some(Outgoing { body, group: id.webhook.to_string(), delay: ring.delay })
        });
        let sent = self.send(url, messages.collect()).await;
        sent.into_iter().filter_map(|place| batch.get(place)).map(|ring| ring.delivery).collect()
    }

    /// Sends questions: ten in a call, and all calls at once. Returns how many were sent. The others are still due in the next minute.
    pub async fn ask(&self, questions: &[Question<'_>]) -> usize {
        let calls = questions.chunks(BATCH).map(|batch| {
            let message = |question: &Question<'_>| {
                let group = question.provider.to_string();
                Some(Outgoing { body: question.body()?, group, delay: question.delay })
            };
            self.send(&self.urls.questions, batch.iter().map(message).collect())
        });
        join_all(calls).await.iter().map(Vec::len).sum()
    }

    /// Sends at most ten messages. Returns the places of those that SQS took. The sweep sends the others again.
    async fn send(&self, url: &str, messages: Vec<Option<Outgoing>>) -> Vec<usize> {
        let count = messages.len();
        let entries = messages.into_iter().enumerate().filter_map(|(place, message)| {
            let Outgoing { body, group, delay } = message?;
            let entry = SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(body);
            entry.message_group_id(group).delay_seconds(delay_seconds(delay)).build().ok()
        });
        let send = self.sqs.send_message_batch().queue_url(url).set_entries(Some(entries.collect()));
        match send.send().await {
            Ok(sent) => {
                for refused in sent.failed() {
                    warn!(sqs.code = refused.code(), "did not send a message: the sweep will");
                }
                sent.successful().iter().filter_map(|entry| entry.id().parse().ok()).collect()
            }
            Err(error) => {
                warn!("did not send {count} messages: {}", DisplayErrorContext(&error));
                Vec::new()
            }
        }
    }

    /// Sets when messages come again that could not be processed: at most ten, as in one batch. Otherwise they come when the visibility
    /// timeout of their queue is over.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn give_back(&self, lane: Lane, returned: &[Returned]) -> Result<(), QueueError> {
        let entries = returned.iter().take(BATCH).enumerate().filter_map(|(place, returned)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(place.to_string());
            let seconds = i32::try_from(returned.after.as_secs()).unwrap_or(i32::MAX);
            entry.receipt_handle(&returned.receipt_handle).visibility_timeout(seconds).build().ok()
        });
        let change = self.sqs.change_message_visibility_batch().queue_url(self.urls.of(lane));
        let change = change.set_entries(Some(entries.collect())).send().await;
        change.map(|_| ()).map_err(QueueError::new)
    }
}

/// The body of a message: JSON in ASCII. SQS refuses two characters that a merchant's number may have, U+FFFE and U+FFFF.
fn body_of(message: &impl Serialize) -> Option<String> {
    let json = serde_json::to_string(message).ok()?;
    let mut body = String::with_capacity(json.len());
    for sign in json.chars() {
        if sign.is_ascii() {
            body.push(sign);
        } else {
            // Characters outside of ASCII are only within texts. JSON writes them as one or two units of UTF-16.
            for unit in sign.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(body, "\\u{unit:04x}");
            }
        }
    }
    Some(body)
}

/// SQS's limit of messages in one call.
const BATCH: usize = 10;

/// Whole seconds, rounded up. A message that comes a moment late does no harm; one that comes early has to be sent again.
fn delay_seconds(delay: Duration) -> i32 {
    let millis = delay.min(Delivery::QUEUE_WAIT_MAX).as_millis();
    i32::try_from(millis.div_ceil(1000)).unwrap_or(0)
}

/// SQS refused or could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("sqs refused, or could not be reached")]
pub struct QueueError {
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

impl QueueError {
    fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}
