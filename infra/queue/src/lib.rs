//! SQS: the bell that wakes a delivery.
//!
//! The truth about a delivery is its row. A lost message delays it until the sweep, and a doubled one is dropped by
//! whoever reads the row, so that nothing here needs to be exact.

use std::{
    error::Error,
    sync::{Arc, LazyLock},
    time::Duration,
};

use aws_sdk_sqs::{Client, types::SendMessageBatchRequestEntry};
use domain::{AppId, BillNum, Delivery, DeliveryId, Mode};
use serde::{Deserialize, Serialize};
use tracing::warn;

/// The queue of deliveries. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    sqs: Arc<LazyLock<Client, ClientMaker>>,
    url: String,
}

type ClientMaker = Box<dyn FnOnce() -> Client + Send>;

/// What a message says: which delivery, and at which attempt it should be.
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

    /// Reads the body of a message; `None` if it is no bell.
    pub fn parse(body: &str) -> Option<(DeliveryId, u32)> {
        let bell: Self = serde_json::from_str(body).ok()?;
        let (app, mode) = (AppId::parse(&bell.app).ok()?, Mode::find(&bell.mode)?);
        let id = DeliveryId::parse(app, mode, BillNum::parse(&bell.bill).ok()?, &bell.delivery)?;
        Some((id, bell.attempt))
    }
}

impl Queue {
    /// Uses `sqs` for the queue at `url`. It is called when the first bell rings: a cold start does not wait for a client that most
    /// calls never need.
    pub fn new(sqs: impl FnOnce() -> Client + Send + 'static, url: String) -> Self {
        Self { sqs: Arc::new(LazyLock::new(Box::new(sqs))), url }
    }

    /// Wakes a delivery for its next attempt in `delay`, in whole seconds and never earlier; at the most in
    /// [`Delivery::QUEUE_WAIT_MAX`], which is what SQS takes.
    ///
    /// # Errors
    /// [`QueueError`]. The sweep will ring instead.
    pub async fn ring(&self, delivery: &Delivery, delay: Duration) -> Result<(), QueueError> {
        let failed = |source: Box<dyn Error + Send + Sync>| QueueError { source };
        let body = serde_json::to_string(&Bell::new(&delivery.id, delivery.attempt));
        let body = body.map_err(|error| failed(error.into()))?;
        let send = self.sqs.send_message().queue_url(&self.url).message_body(body).delay_seconds(delay_seconds(delay));
        send.send().await.map(|_| ()).map_err(|error| failed(error.into()))
    }

    /// Wakes many at once, each in its own delay: ten a call. The deliveries that were rung for; for the others the sweep will
    /// ring.
    pub async fn ring_all<'a>(&self, bells: &[(&'a Delivery, Duration)]) -> Vec<&'a Delivery> {
        let mut rung = Vec::new();
        for batch in bells.chunks(BATCH) {
            let entries = batch.iter().enumerate().filter_map(|(place, (delivery, delay))| {
                let body = serde_json::to_string(&Bell::new(&delivery.id, delivery.attempt)).ok()?;
                let entry = SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(body);
                entry.delay_seconds(delay_seconds(*delay)).build().ok()
            });
            let send = self.sqs.send_message_batch().queue_url(&self.url).set_entries(Some(entries.collect()));
            match send.send().await {
                Ok(sent) => {
                    let place = |id: &str| id.parse::<usize>().ok();
                    let sent = sent.successful().iter().filter_map(|entry| batch.get(place(entry.id())?));
                    rung.extend(sent.map(|(delivery, _)| *delivery));
                }
                Err(error) => {
                    let error = QueueError { source: error.into() };
                    warn!("did not ring for {} deliveries: {error}", batch.len());
                }
            }
        }
        rung
    }
}

/// SQS's own bound.
const BATCH: usize = 10;

/// Whole seconds, rounded up: a bell that comes a moment late is better than one that comes early and has to be rung again.
fn delay_seconds(delay: Duration) -> i32 {
    let millis = delay.min(Delivery::QUEUE_WAIT_MAX).as_millis();
    i32::try_from(millis.div_ceil(1000)).unwrap_or(0)
}

/// SQS refused or could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("sqs did not take a message")]
pub struct QueueError {
    #[source]
    source: Box<dyn Error + Send + Sync>,
}
