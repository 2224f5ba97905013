//! SQS: the bell that wakes a delivery.
//!
//! The truth about a delivery is its row. A lost message delays it until the sweep, and a doubled one is dropped by
//! whoever reads the row, so that nothing here needs to be exact.

use std::{error::Error, time::Duration};

use aws_sdk_sqs::Client;
use domain::Delivery;
use serde::{Deserialize, Serialize};

/// The longest delay that SQS takes.
pub const QUEUE_DELAY_SECONDS_MAX: u64 = 900;

/// The queue of deliveries. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    sqs: Client,
    url: String,
}

/// What a message says: which delivery, and at which attempt it should be.
///
/// ```json
/// {"app":"568a12086e912100017722e5","mode":"test","billNum":"112233","channel":"ali_web","try":"01",
///  "transaction":"01a208d05240070707070707","event":"payment.success","webhook":"01a208d05240080808080808","attempt":1}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bell {
    /// The app's id.
    pub app: String,
    /// `live` or `test`.
    pub mode: String,
    /// The merchant's order number.
    #[serde(rename = "billNum")]
    pub bill: String,
    /// The channel of the transaction.
    pub channel: String,
    /// Which try on that channel.
    #[serde(rename = "try")]
    pub try_number: String,
    /// The transaction's id.
    pub transaction: String,
    /// The event's name.
    pub event: String,
    /// The webhook's id.
    pub webhook: String,
    /// The attempt it rings for.
    pub attempt: u8,
}

impl From<&Delivery> for Bell {
    fn from(delivery: &Delivery) -> Self {
        Self {
            app: delivery.key.app.to_string(),
            mode: delivery.key.mode.to_string(),
            bill: delivery.key.bill.to_string(),
            channel: delivery.key.channel.to_string(),
            try_number: delivery.key.try_number.to_string(),
            transaction: delivery.transaction.to_string(),
            event: delivery.event.name().to_owned(),
            webhook: delivery.webhook.to_string(),
            attempt: delivery.attempt,
        }
    }
}

impl Queue {
    /// Uses `sqs` for the queue at `url`.
    pub fn new(sqs: Client, url: String) -> Self {
        Self { sqs, url }
    }

    /// Wakes a delivery in `delay`, at most [`QUEUE_DELAY_SECONDS_MAX`]; a longer one is cut.
    ///
    /// # Errors
    /// [`QueueError`]. The sweep will ring instead.
    pub async fn ring(&self, delivery: &Delivery, delay: Duration) -> Result<(), QueueError> {
        let failed = |source: Box<dyn Error + Send + Sync>| QueueError { source };
        let body = serde_json::to_string(&Bell::from(delivery)).map_err(|error| failed(error.into()))?;
        let seconds = i32::try_from(delay.as_secs().min(QUEUE_DELAY_SECONDS_MAX)).unwrap_or(0);
        let send = self.sqs.send_message().queue_url(&self.url).message_body(body).delay_seconds(seconds);
        send.send().await.map(|_| ()).map_err(|error| failed(error.into()))
    }
}

/// SQS refused or could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("sqs did not take a message")]
pub struct QueueError {
    #[source]
    source: Box<dyn Error + Send + Sync>,
}
