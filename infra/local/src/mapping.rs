//! Plays Lambda's event source mapping: hands messages of the queue to `deliver`, and takes out those that are done.

use std::{sync::Arc, time::Duration};

use deliver::{Batch, Message};
use tokio::sync::{Semaphore, watch};
use tracing::error;

use crate::{
    error::StartError,
    sqs::{Receive, Received, Sqs},
};

/// SQS's own bound of a batch.
const BATCH: i64 = 10;

/// How many batches are handed out at once: the maximum concurrency of the mapping.
const CONCURRENCY: usize = 20;

/// A poll ends by the stack's clock or by a message, whichever comes first.
const POLL_SECONDS: i64 = 20;

/// Whether each message comes twice.
#[derive(Clone, Copy)]
pub(crate) struct Doubled(pub(crate) bool);

/// The mapping from the queue of deliveries to `deliver`. Clones share everything.
#[derive(Clone)]
pub(crate) struct Mapping {
    sqs: Sqs,
    queue: Arc<str>,
    deps: deliver::Deps,
    slots: Arc<Semaphore>,
    /// How many batches are handed out right now.
    busy: watch::Sender<usize>,
    doubled: bool,
}

impl Mapping {
    /// `doubled` hands each batch out a second time, in another order: SQS may.
    pub(crate) fn new(sqs: Sqs, queue: &str, deps: deliver::Deps, Doubled(doubled): Doubled) -> Self {
        let (slots, busy) = (Arc::new(Semaphore::new(CONCURRENCY)), watch::Sender::new(0));
        Self { sqs, queue: queue.into(), deps, slots, busy, doubled }
    }

    /// Hands out whatever is visible, and ends when all of it is answered and nothing is left.
    pub(crate) async fn run_due(&self) {
        loop {
            while self.hand_out(0).await {}
            let mut busy = self.busy.subscribe();
            // The sender lives in `self`, so that this cannot fail.
            let _ = busy.wait_for(|busy| *busy == 0).await;
            if self.sqs.depth(&self.queue).map_or(0, |depth| depth.visible) == 0 {
                return;
            }
        }
    }

    /// Hands out whatever comes, for as long as the stack runs.
    pub(crate) async fn serve(self, mut stopped: watch::Receiver<()>) -> Result<(), StartError> {
        loop {
            tokio::select! {
                _ = stopped.changed() => return Ok(()),
                _ = self.hand_out(POLL_SECONDS) => {}
            }
        }
    }

    /// Hands out one batch, waiting for it so long; `false` if there was none.
    async fn hand_out(&self, wait_seconds: i64) -> bool {
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return false };
        let wanted = Receive { max: BATCH, visibility_seconds: None, wait_seconds: Some(wait_seconds) };
        let messages = match self.sqs.poll(&self.queue, wanted).await {
            Ok(messages) if messages.is_empty() => return false,
            Ok(messages) => messages,
            Err(error) => {
                error!("the queue gave nothing: {error}");
                // Nothing changes by itself here; not to turn in circles at full speed is all that can be done.
                tokio::time::sleep(Duration::from_millis(100)).await;
                return false;
            }
        };
        self.busy.send_modify(|busy| *busy += 1);
        let mapping = self.clone();
        tokio::spawn(async move {
            mapping.answer(messages).await;
            mapping.busy.send_modify(|busy| *busy -= 1);
            drop(slot);
        });
        true
    }

    async fn answer(&self, messages: Vec<Received>) {
        let message =
            |message: &Received| Message { message_id: message.message_id.clone(), body: message.body.clone() };
        let batch = Batch { records: messages.iter().map(message).collect() };
        let again = Batch { records: batch.records.iter().rev().cloned().collect() };
        let failed = deliver::handle(&self.deps, batch).await.batch_item_failures;
        if self.doubled {
            deliver::handle(&self.deps, again).await;
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
