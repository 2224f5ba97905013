//! The embedded SQS: a small, strict substitute for SQS in the local stack and in tests.
//!
//! The real AWS SDK speaks to it over loopback HTTP (`wire`). The stack's own event source mapping uses the typed methods of [`Sqs`]. It
//! has standard queues and the operations that the project uses, with AWS's limits. It refuses everything else, so that nothing works here
//! that would fail in AWS.
//!
//! Time is the stack's: no timer runs here. Delays and leases are checked when a call comes. A long poll ends only with a message or with
//! [`Sqs::clock_moved`]. If the owner's clock runs, the owner must call that at intervals.
//!
//! Left out on purpose: FIFO, signatures and policies, encryption, tags, the pace of message move tasks, deleting and changing queues, and
//! the disorder and the double deliveries of the real SQS.

mod attributes;
mod error;
mod journal;
mod message;
mod queue;
mod state;
#[cfg(test)]
mod tests;
mod wire;

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use self::{attributes::Owner, state::State};
pub use self::{
    error::{OpenError, SqsError},
    message::{AttributeValue, MessageAttribute},
    queue::Depth,
    state::{Receive, Received},
};

/// What the embedded SQS is opened with: its clock, its state file and its owner.
#[derive(Clone)]
pub struct SqsOptions {
    /// The stack's clock, in milliseconds since 1970 UTC. It must not go back.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// The file in which messages survive a restart. `None` keeps them in memory. Only one process at a time may use it.
    pub state_file: Option<PathBuf>,
    /// The AWS account in URLs and ARNs, twelve digits.
    pub account: String,
    /// The AWS region in ARNs.
    pub region: String,
}

/// The embedded SQS. Clones share one state.
#[derive(Clone)]
pub struct Sqs {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    owner: Owner,
    /// Held for one call at a time, and never over an `await`. A call may append to the state file while it holds this; that only copies to
    /// the kernel.
    state: Mutex<State>,
    wake: watch::Sender<()>,
}

impl Sqs {
    /// Opens the queues and messages of the state file. If there is no file, there are none.
    ///
    /// # Errors
    /// [`OpenError::Io`] if the state file cannot be read or rewritten. [`OpenError::Corrupt`] if one of its lines is not a record; an
    /// incomplete last line is allowed.
    pub fn open(options: SqsOptions) -> Result<Self, OpenError> {
        let SqsOptions { clock, state_file, account, region } = options;
        let owner = Owner { account, region };
        let wake = watch::Sender::new(());
        let state = State::open(owner.clone(), wake.clone(), state_file.as_deref())?;
        Ok(Self { inner: Arc::new(Inner { clock, owner, state: Mutex::new(state), wake }) })
    }

    /// The HTTP door: `POST /`, AWS JSON 1.0. It must be served on a separate listener.
    pub fn router(&self) -> axum::Router {
        wire::router(self.clone())
    }

    /// Makes a queue, or gives an existing one these attributes, as a deployment does. The dead letter queue of a redrive policy must be
    /// made first.
    ///
    /// # Errors
    /// The [`SqsError`] with which AWS would refuse the name or an attribute.
    pub fn create_queue(&self, name: &str, attributes: &BTreeMap<String, String>) -> Result<(), SqsError> {
        self.state().deploy_queue(name, attributes, self.now_ms())
    }

    /// The URL of a queue, whether it exists or not. `base` is where the router is served: `http://127.0.0.1:9324`.
    pub fn queue_url(&self, name: &str, base: &str) -> String {
        self.inner.owner.url(name, base)
    }

    /// The ARN of a queue, whether it exists or not.
    pub fn queue_arn(&self, name: &str) -> String {
        self.inner.owner.arn(name)
    }

    /// Receives up to `max` messages that are visible now, and leases them for `visibility_seconds`.
    ///
    /// # Errors
    /// [`SqsError::QueueDoesNotExist`]. [`SqsError::InvalidParameterValue`] if `max` is not in 1 to 10, or the lease not in 0 to 43,200.
    /// [`SqsError::OverLimit`] if 120,000 messages are in flight.
    pub fn receive(&self, queue: &str, max: usize, visibility_seconds: i64) -> Result<Vec<Received>, SqsError> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let wanted = Receive { max, visibility_seconds: Some(visibility_seconds), wait_seconds: Some(0) };
        self.state().receive(queue, wanted, self.now_ms())
    }

    /// Receives messages as soon as there are some. The list is empty if the waiting time ends first, by the stack's clock.
    ///
    /// # Errors
    /// As [`Sqs::receive`]; but if 120,000 messages are in flight it waits, as AWS does in a long poll.
    pub async fn poll(&self, queue: &str, wanted: Receive) -> Result<Vec<Received>, SqsError> {
        // Subscribes before the first look, so that no change between look and wait is missed.
        let mut woken = self.inner.wake.subscribe();
        let started_ms = self.now_ms();
        let wait_seconds = self.state().wait_seconds(queue, wanted, started_ms)?;
        let deadline_ms = started_ms.saturating_add(wait_seconds.saturating_mul(1_000));
        loop {
            let now_ms = self.now_ms();
            match self.state().receive(queue, wanted, now_ms) {
                Err(SqsError::OverLimit) if wait_seconds > 0 => {}
                Ok(messages) if messages.is_empty() => {}
                found => return found,
            }
            // An error cannot come, because the sender lives in `self`. If it came, nothing would end the wait.
            if now_ms >= deadline_ms || woken.changed().await.is_err() {
                return Ok(Vec::new());
            }
        }
    }

    /// Deletes the message of this receive. A stale handle is no error; then nothing is deleted.
    ///
    /// # Errors
    /// [`SqsError::QueueDoesNotExist`] and [`SqsError::ReceiptHandleIsInvalid`].
    pub fn delete(&self, queue: &str, receipt_handle: &str) -> Result<(), SqsError> {
        self.state().delete(queue, receipt_handle, self.now_ms())
    }

    /// Ends the lease `seconds` from now. 0 makes the message visible at once.
    ///
    /// # Errors
    /// As [`Sqs::delete`]. [`SqsError::MessageNotInflight`] if the lease is over. [`SqsError::InvalidParameterValue`] if the handle is
    /// stale, `seconds` is not in 0 to 43,200, or the lease would last more than 12 hours in all.
    pub fn change_visibility(&self, queue: &str, receipt_handle: &str, seconds: i64) -> Result<(), SqsError> {
        self.state().change_visibility(queue, receipt_handle, seconds, self.now_ms())
    }

    /// How many messages the queue holds now.
    ///
    /// # Errors
    /// [`SqsError::QueueDoesNotExist`].
    pub fn depth(&self, queue: &str) -> Result<Depth, SqsError> {
        self.state().depth(queue, self.now_ms())
    }

    /// Tells those who wait for a message that the clock has moved.
    pub fn clock_moved(&self) {
        self.inner.wake.send_replace(());
    }

    /// The earliest time after now at which the delay or the lease of a message ends, so that it can be received. Messages that can be
    /// received already have no such time; see [`Sqs::depth`].
    pub fn next_event_ms(&self) -> Option<i64> {
        self.state().next_event_ms(self.now_ms())
    }

    fn now_ms(&self) -> i64 {
        (self.inner.clock)()
    }

    /// A panic elsewhere cannot leave half a change: `State::apply` makes each change and cannot fail.
    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sqs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sqs").field("owner", &self.inner.owner).finish_non_exhaustive()
    }
}
