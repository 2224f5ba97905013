//! Invokes a merchant's own Lambda and waits for its result.

use std::{
    error::Error,
    sync::{Arc, LazyLock},
    time::Duration,
};

use aws_sdk_lambda::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::invoke::InvokeError as LambdaError,
    primitives::Blob,
    types::InvocationType,
};
use bytes::Bytes;

/// The merchants' Lambdas. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Functions(Arc<LazyLock<Client, ClientMaker>>);

type ClientMaker = Box<dyn FnOnce() -> Client + Send>;

/// What a function returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoked {
    /// Its result or its error, as JSON.
    pub payload: Bytes,
    /// `Handled` or `Unhandled`, if it failed.
    pub function_error: Option<String>,
}

/// Why a function returned nothing.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// There is no such function.
    #[error("there is no such function")]
    Missing,
    /// We may not invoke it.
    #[error("the function cannot be invoked: the deployment does not allow its name")]
    Denied,
    /// It is invoked too often at once.
    #[error("the function was throttled")]
    Throttled,
    /// It took too long.
    #[error("there was no result within {} s", deadline.as_secs())]
    Deadline {
        /// The deadline.
        deadline: Duration,
    },
    /// Lambda could not run it, or was not reached.
    #[error("the function could not be invoked{}", code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Failed {
        /// Lambda's own code.
        code: Option<String>,
        /// What the client says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl Functions {
    /// Uses the client that `lambda` makes. `lambda` is called at the first invocation, because most webhooks are URLs.
    pub fn new(lambda: impl FnOnce() -> Client + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(lambda))))
    }

    /// Runs the function `name` (a name or an ARN) with `payload`, once, and waits for its result.
    ///
    /// # Errors
    /// [`InvokeError`].
    pub async fn invoke(&self, name: &str, payload: Bytes, deadline: Duration) -> Result<Invoked, InvokeError> {
        // There is one try, which may take the whole deadline: the caller has its own retries.
        let once = aws_sdk_lambda::config::Config::builder().retry_config(RetryConfig::disabled()).timeout_config(
            TimeoutConfig::builder().operation_timeout(deadline).operation_attempt_timeout(deadline).build(),
        );
        let invocation = self
            .0
            .invoke()
            .function_name(name)
            .invocation_type(InvocationType::RequestResponse)
            .payload(Blob::new(payload))
            .customize()
            .config_override(once)
            .send();
        let done = tokio::time::timeout(deadline, invocation).await;
        let done = done.map_err(|_| InvokeError::Deadline { deadline })?.map_err(|error| failed(error, deadline))?;
        let payload = done.payload.map(Blob::into_inner).unwrap_or_default();
        Ok(Invoked { payload: payload.into(), function_error: done.function_error })
    }
}

fn failed(error: SdkError<LambdaError>, deadline: Duration) -> InvokeError {
    if matches!(error, SdkError::TimeoutError(_)) {
        return InvokeError::Deadline { deadline };
    }
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.code().map(str::to_owned);
    match (code.as_deref(), status) {
        (Some("ResourceNotFoundException"), _) | (None, Some(404)) => InvokeError::Missing,
        (Some("AccessDeniedException" | "AccessDenied"), _) | (None, Some(403)) => InvokeError::Denied,
        (Some("TooManyRequestsException"), _) | (None, Some(429)) => InvokeError::Throttled,
        _ => InvokeError::Failed { code, source: error.into() },
    }
}
