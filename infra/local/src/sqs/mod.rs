//! The embedded SQS: a small, strict stand-in for the local stack and for tests.
//!
//! The real AWS SDK speaks to it over loopback HTTP (`wire`); the stack's own event source mapping uses the typed
//! methods of [`Sqs`]. It has standard queues and the operations the project uses, with AWS's limits, and refuses
//! everything else, so that nothing works here that would not work in AWS.
//!
//! Time is the stack's: no timer runs here. Delays and leases are looked at when a call comes, and a long poll ends
//! only by a message or by [`Sqs::clock_moved`]. An owner whose clock runs by itself must call that now and then.
//!
//! Deliberately not here: FIFO, signatures and policies, encryption, tags, the pace of message move tasks, deleting and changing
//! queues, the disorder and the double deliveries of the real SQS.

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

/// Where the embedded SQS gets the time, keeps its state, and whose it is.
#[derive(Clone)]
pub struct SqsOptions {
    /// The stack's clock, in milliseconds since 1970 UTC; it must not go back.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Where messages survive a restart; `None` keeps them in memory. One process at a time.
    pub state_file: Option<PathBuf>,
    /// The AWS account in URLs and ARNs, twelve digits.
    pub account: String,
    /// The AWS region in ARNs.
    pub region: String,
}

/// The embedded SQS; clones share one state.
#[derive(Clone)]
pub struct Sqs {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    owner: Owner,
    /// Held for one call at a time, and never over an `await`. A call may append to the state file meanwhile, which
    /// is a copy to the kernel.
    state: Mutex<State>,
    wake: watch::Sender<()>,
}

impl Sqs {
    /// Opens the queues and messages of the state file, or none.
    ///
    /// # Errors
    /// [`OpenError::Io`] if the state file cannot be read or rewritten, [`OpenError::Corrupt`] if a line of it, not
    /// the cut last one, is no record.
    pub fn open(options: SqsOptions) -> Result<Self, OpenError> {
        let SqsOptions { clock, state_file, account, region } = options;
        let owner = Owner { account, region };
        let wake = watch::Sender::new(());
        let state = State::open(owner.clone(), wake.clone(), state_file.as_deref())?;
        Ok(Self { inner: Arc::new(Inner { clock, owner, state: Mutex::new(state), wake }) })
    }

    /// The HTTP door: `POST /`, AWS JSON 1.0. It must be served on a listener of its own.
    pub fn router(&self) -> axum::Router {
        wire::router(self.clone())
    }

    /// Makes a queue, or gives an existing one these attributes, as a deployment does. The dead letter queue of a
    /// redrive policy comes first.
    ///
    /// # Errors
    /// The [`SqsError`] by which AWS would refuse the name or an attribute.
    pub fn create_queue(&self, name: &str, attributes: &BTreeMap<String, String>) -> Result<(), SqsError> {
        self.state().deploy_queue(name, attributes, self.now_ms())
    }

    /// The URL of a queue, whether it exists or not; `base` is where the router is served, `http://127.0.0.1:9324`.
    pub fn queue_url(&self, name: &str, base: &str) -> String {
        self.inner.owner.url(name, base)
    }

    /// The ARN of a queue, whether it exists or not.
    pub fn queue_arn(&self, name: &str) -> String {
        self.inner.owner.arn(name)
    }

    /// Gets up to `max` messages that are visible now, and leases them for `visibility_seconds`.
    ///
    /// # Errors
    /// [`SqsError::QueueDoesNotExist`], [`SqsError::InvalidParameterValue`] outside 1 to 10 or 0 to 43,200, and
    /// [`SqsError::OverLimit`] with 120,000 in flight.
    pub fn receive(&self, queue: &str, max: usize, visibility_seconds: i64) -> Result<Vec<Received>, SqsError> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let wanted = Receive { max, visibility_seconds: Some(visibility_seconds), wait_seconds: Some(0) };
        self.state().receive(queue, wanted, self.now_ms())
    }

    /// Gets messages as soon as there are some, or none when the time to wait is over by the stack's clock.
    ///
    /// # Errors
    /// As [`Sqs::receive`], but with 120,000 in flight it waits, as AWS does in a long poll.
    pub async fn poll(&self, queue: &str, wanted: Receive) -> Result<Vec<Received>, SqsError> {
        // Subscribed before the first look, so that no change between look and wait goes unheard.
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
            // The sender lives in `self`, so an error cannot come; if it did, waiting would be in vain.
            if now_ms >= deadline_ms || woken.changed().await.is_err() {
                return Ok(Vec::new());
            }
        }
    }

    /// Deletes the message of this receive; a stale handle is no error and deletes nothing.
    ///
    /// # Errors
    /// [`SqsError::QueueDoesNotExist`] and [`SqsError::ReceiptHandleIsInvalid`].
    pub fn delete(&self, queue: &str, receipt_handle: &str) -> Result<(), SqsError> {
        self.state().delete(queue, receipt_handle, self.now_ms())
    }

    /// Lets the lease end `seconds` from now; 0 gives the message back.
    ///
    /// # Errors
    /// As [`Sqs::delete`]; [`SqsError::MessageNotInflight`] if the lease is over; and
    /// [`SqsError::InvalidParameterValue`] for a stale handle, outside 0 to 43,200, or beyond 12 hours in all.
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

    /// Says that the clock has moved, to those who wait for a message.
    pub fn clock_moved(&self) {
        self.inner.wake.send_replace(());
    }

    /// The earliest time after now at which a message becomes receivable, its delay or lease being over. Those that
    /// are receivable already have no such time; see [`Sqs::depth`].
    pub fn next_event_ms(&self) -> Option<i64> {
        self.state().next_event_ms(self.now_ms())
    }

    fn now_ms(&self) -> i64 {
        (self.inner.clock)()
    }

    /// A panic elsewhere cannot leave a half-made change: each is made by `State::apply`, which has no way to fail.
    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sqs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sqs").field("owner", &self.inner.owner).finish_non_exhaustive()
    }
}
