//! Plays Lambda's event source mapping: hands messages of a queue to its function, and deletes those that are done.

use std::{sync::Arc, time::Duration};

use runtime::{Batch, Failures, Message, MessageAttributes};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};
use tracing::error;

use crate::{
    error::StartError,
    sqs::{Receive, Received, Sqs},
    template::EventSource,
};

/// How many messages of a queue its function may have at once. This is one machine, with less room than the cloud.
const MESSAGES_AT_ONCE: usize = 200;

/// A poll ends after this time by the stack's clock, or with a message, whichever comes first.
const POLL_SECONDS: i64 = 20;

/// Whether each message comes twice.
#[derive(Clone, Copy)]
pub(crate) struct Doubled(pub(crate) bool);

/// A function that takes messages, with what it needs.
#[derive(Clone, Debug)]
pub(crate) enum Worker {
    Deliver(deliver::Deps),
    Ask(ask::Deps),
}

impl Worker {
    pub(crate) async fn handle(&self, batch: Batch) -> Failures {
        match self {
            Self::Deliver(deps) => Box::pin(deliver::handle(deps, batch)).await,
            Self::Ask(deps) => Box::pin(ask::handle(deps, batch)).await,
        }
    }
}

/// The mapping from a queue to a function. Clones share everything.
#[derive(Clone)]
pub(crate) struct Mapping {
    sqs: Sqs,
    queue: Arc<str>,
    worker: Worker,
    batch: i64,
    /// Limits how many batches are handed out at once.
    slots: Arc<Semaphore>,
    /// Limits how many messages are handed out at once.
    room: Arc<Semaphore>,
    /// How many batches are handed out now.
    busy: watch::Sender<usize>,
    /// How long a batch may take.
    limit: Duration,
    doubled: bool,
}

/// What a mapping needs besides the template's settings.
pub(crate) struct MappingSetup {
    pub(crate) sqs: Sqs,
    pub(crate) worker: Worker,
    pub(crate) limit: Duration,
    pub(crate) doubled: Doubled,
}

impl Mapping {
    /// With `doubled`, each batch is handed out a second time, in another order, as SQS may do.
    pub(crate) fn new(source: &EventSource, setup: MappingSetup) -> Self {
        let MappingSetup { sqs, worker, limit, doubled: Doubled(doubled) } = setup;
        let [slots, room] = [source.concurrency, MESSAGES_AT_ONCE].map(|permits| Arc::new(Semaphore::new(permits)));
        let (queue, busy) = (source.queue.as_str().into(), watch::Sender::new(0));
        Self { sqs, queue, worker, batch: source.batch, slots, room, busy, limit, doubled }
    }

    /// Whether a message waits to be handed out, or is being processed.
    pub(crate) fn has_work(&self) -> bool {
        *self.busy.borrow() > 0 || self.sqs.depth(&self.queue).is_ok_and(|depth| depth.visible > 0)
    }

    /// Hands out all visible messages. Ends when all are answered and no message is left.
    pub(crate) async fn run_due(&self) {
        loop {
            while self.hand_out(0).await {}
            let mut busy = self.busy.subscribe();
            // This cannot fail, because the sender lives in `self`.
            let _ = busy.wait_for(|busy| *busy == 0).await;
            if !self.has_work() {
                return;
            }
        }
    }

    /// Hands out messages for as long as the stack runs.
    pub(crate) async fn serve(self, mut stopped: watch::Receiver<()>) -> Result<(), StartError> {
        loop {
            tokio::select! {
                _ = stopped.changed() => return Ok(()),
                _ = self.hand_out(POLL_SECONDS) => {}
            }
        }
    }

    /// Hands out one batch, and waits up to `wait_seconds` for it. `false` if there was none.
    async fn hand_out(&self, wait_seconds: i64) -> bool {
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return false };
        let wanted = Receive { max: self.batch, visibility_seconds: None, wait_seconds: Some(wait_seconds) };
        let messages = match self.sqs.poll(&self.queue, wanted).await {
            Ok(messages) if messages.is_empty() => return false,
            Ok(messages) => messages,
            Err(error) => {
                error!("the queue gave nothing: {error}");
                // The error may last. A pause keeps the loop from turning at full speed.
                tokio::time::sleep(Duration::from_millis(100)).await;
                return false;
            }
        };
        let wanted = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).acquire_many_owned(wanted).await else { return false };
        self.busy.send_modify(|busy| *busy += 1);
        let mapping = self.clone();
        tokio::spawn(async move {
            mapping.answer(messages).await;
            mapping.busy.send_modify(|busy| *busy -= 1);
            drop((slot, room));
        });
        true
    }

    async fn answer(&self, messages: Vec<Received>) {
        let source = self.sqs.queue_arn(&self.queue);
        let batch = Batch { records: messages.iter().map(|message| message_of(&source, message)).collect() };
        let again = Batch { records: batch.records.iter().rev().cloned().collect() };
        // As in Lambda, a batch that takes too long is cut off. Its messages come again after their visibility timeout.
        let Ok(failures) = timeout(self.limit, self.worker.handle(batch)).await else {
            error!("a batch took longer than {} s", self.limit.as_secs());
            return;
        };
        let failed = failures.batch_item_failures;
        if self.doubled {
            self.worker.handle(again).await;
        }
        for message in messages {
            if failed.iter().any(|failure| failure.item_identifier == message.message_id) {
                continue;
            }
            if let Err(error) = self.sqs.delete(&self.queue, &message.receipt_handle) {
                error!("a message could not be taken out: {error}");
            }
        }
    }
}

/// A message as Lambda brings it.
pub(crate) fn message_of(source: &str, message: &Received) -> Message {
    Message {
        message_id: message.message_id.clone(),
        body: message.body.clone(),
        receipt_handle: message.receipt_handle.clone(),
        source: source.to_owned(),
        attributes: MessageAttributes { receive_count: message.receive_count.to_string() },
    }
}
