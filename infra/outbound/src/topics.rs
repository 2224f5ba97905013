//! Publishes to topics of SNS, which send mail to people.

use std::{
    error::Error,
    sync::{Arc, LazyLock},
    time::Duration,
};

use aws_sdk_sns::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::ProvideErrorMetadata,
};

/// The topics. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Topics(Arc<LazyLock<Client, ClientMaker>>);

type ClientMaker = Box<dyn FnOnce() -> Client + Send>;

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
#[error("sns did not take it{}", code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
pub struct PublishError {
    /// SNS's own code; `None` if it was not reached.
    pub code: Option<String>,
    /// What the client says.
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

impl Topics {
    /// Uses the client that `sns` makes. `sns` is called at the first message, because most functions publish nothing.
    pub fn new(sns: impl FnOnce() -> Client + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(sns))))
    }

    /// Publishes once. `subject` must be ASCII, as the subject of a mail.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn publish(
        &self,
        arn: &str,
        subject: &str,
        message: &str,
        deadline: Duration,
    ) -> Result<(), PublishError> {
        // There is one try: the caller has its own retries.
        let once = aws_sdk_sns::config::Config::builder().retry_config(RetryConfig::disabled()).timeout_config(
            TimeoutConfig::builder().operation_timeout(deadline).operation_attempt_timeout(deadline).build(),
        );
        let published =
            self.0.publish().topic_arn(arn).subject(subject).message(message).customize().config_override(once);
        let sent = published.send().await;
        sent.map(drop).map_err(|error| PublishError { code: error.code().map(str::to_owned), source: error.into() })
    }
}
