//! One attempt of each delivery that was rung for.
//!
//! The row is the truth and the message a bell: it says (delivery, attempt n), and is dropped unless the row waits for just that
//! attempt. Then: request, verdict, and one update under the condition that the row still is at n. A stop before the
//! update lets SQS ring again, and the target hears it twice under the same `webhook-id`.

mod batch;
mod pause;

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use courier::{AttemptProblem, AttemptResult, Courier, Verdict, WebhookMessage};
use domain::{
    AttemptRecord, Delivery, DeliveryId, DeliveryState, Lane, Pace, TargetHealth, Timestamp, Webhook, wait_after,
    webhook_body,
};
use futures_util::{FutureExt, future::join_all};
use queue::{Bell, DueAttempt, Queue, Returned, Ring};
use runtime::{AttemptOutcome, Batch, ConfiguredApp, Failure, Failures, Message, Services, error_chain};
use store::{DeliveryWithTransaction, StoreError};
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::{batch::returns_after, pause::Turn};

/// What a delivery needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Store, apps and clock.
    pub services: Services,
    /// The bell for the next attempt.
    pub queue: Queue,
    /// The ways to merchants.
    pub courier: Courier,
}

/// What comes before the request to the target: a few reads of our storage, each within seconds even when it is slow.
const PREPARED_WITHIN: Duration = Duration::from_secs(10);

/// What comes after it: the update that keeps the attempt, the bell, and the health of the target.
const KEPT_WITHIN: Duration = Duration::from_secs(8);

/// How long a batch takes at the most: its deliveries are attempted all at once, and one call gives back what failed.
pub const LONGEST: Duration =
    PREPARED_WITHIN.saturating_add(courier::DEADLINE).saturating_add(KEPT_WITHIN).saturating_add(Queue::CALL_LONGEST);

/// How far the clocks of two functions differ at the most. A bell that comes earlier than this is dropped. If each early bell sent another,
/// a paused target's bells would never become fewer, and each message that SQS doubles would add one for ever.
const CLOCKS_DIFFER_MAX: Duration = Duration::from_secs(10);

/// What is kept of an answer with its record: of a success for proof, of a failure for finding its cause.
const RECEIVED_CHARS_MAX: usize = 128;
const FAILED_CHARS_MAX: usize = 512;

/// Answers a batch: all its deliveries at once. Only messages that failed for a reason of ours are given back. They come again soon, and
/// later each time.
pub async fn handle(deps: &Deps, batch: Batch) -> Failures {
    let mut attempts = BTreeMap::new();
    let mut failed = Vec::new();
    for message in batch.records {
        match Bell::parse(&message.body) {
            // The same bell twice in one batch is one attempt.
            Some(bell) => drop(attempts.entry(bell).or_insert(message)),
            None => {
                // It comes again until the queue puts it with the dead letters, where a person finds it.
                error!(message.id = message.message_id, "this message is no bell");
                failed.push(message);
            }
        }
    }
    let attempts = attempts.into_iter().map(|(bell, message)| answer(deps, bell, message));
    failed.extend(join_all(attempts).await.into_iter().flatten());
    give_back(deps, &failed).await;
    let failure = |message: Message| Failure { item_identifier: message.message_id };
    Failures { batch_item_failures: failed.into_iter().map(failure).collect() }
}

/// The message, if the attempt could not be made or kept.
async fn answer(deps: &Deps, due: DueAttempt, message: Message) -> Option<Message> {
    let DueAttempt { delivery: id, attempt } = due;
    let attended = attend(deps, &id, attempt, deps.queue.lane_of(&message.source));
    match Box::pin(panic_as_failure(attended)).await {
        Ok(()) => None,
        Err(error) => {
            error!(delivery.id = id.name(), attempt.n = attempt, "a delivery waits: {}", error_chain(&error));
            Some(message)
        }
    }
}

/// A panic would take the whole batch with it. It fails its own attempt alone.
async fn panic_as_failure(attempt: impl Future<Output = Result<(), AttemptError>>) -> Result<(), AttemptError> {
    AssertUnwindSafe(attempt).catch_unwind().await.unwrap_or(Err(AttemptError::Panic))
}

/// Best effort: where it fails, the messages come again when the visibility timeout of their queue is over.
async fn give_back(deps: &Deps, failed: &[Message]) {
    let Some(first) = failed.first() else { return };
    let returned = failed
        .iter()
        .map(|message| Returned { receipt_handle: message.receipt_handle.clone(), after: returns_after(message) });
    // Lambda brings messages of one queue in a batch.
    let lane = deps.queue.lane_of(&first.source);
    if let Err(error) = deps.queue.give_back(lane, &returned.collect::<Vec<_>>()).await {
        warn!("{} messages come again late: {}", failed.len(), error_chain(&error));
    }
}

/// Why an attempt could not be made or kept.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the message did not reach the queue of its lane")]
    Lane,
    #[error("the attempt panicked")]
    Panic,
    #[error("our storage took longer than {} s", .0.as_secs())]
    Slow(Duration),
}

/// An attempt that is to be made.
struct Attempt {
    told: DeliveryWithTransaction,
    configured: Arc<ConfiguredApp>,
    webhook: Webhook,
    turn: Turn,
    lane: Lane,
    now: Timestamp,
}

impl Attempt {
    fn health(&self) -> Option<&TargetHealth> {
        self.configured.targets.get(&self.webhook.id)
    }
}

/// Makes the attempt that a bell rings for, if it is that delivery's turn. Each step has its time, so that a slow storage beside a
/// target that hangs does not outlast the function: what is not kept would be tried again, and not count.
async fn attend(deps: &Deps, id: &DeliveryId, attempt: u32, came_by: Lane) -> Result<(), AttemptError> {
    let prepared = timeout(PREPARED_WITHIN, prepare(deps, id, attempt, came_by)).await;
    let Some(attempt) = prepared.map_err(|_| AttemptError::Slow(PREPARED_WITHIN))?? else { return Ok(()) };
    let Attempt { told, configured, webhook, now, .. } = &attempt;
    let started = Instant::now();
    let body = webhook_body(&told.delivery, &told.transaction, &configured.app, *now);
    let tried = courier::bring(&deps.courier, webhook, &WebhookMessage { id: id.message_id(), body, now: *now }).await;
    let kept = timeout(KEPT_WITHIN, finish(deps, &attempt, &tried, started.elapsed())).await;
    kept.map_err(|_| AttemptError::Slow(KEPT_WITHIN))?
}

/// Reads what the attempt needs. `None` if no attempt is due.
async fn prepare(deps: &Deps, id: &DeliveryId, attempt: u32, came_by: Lane) -> Result<Option<Attempt>, AttemptError> {
    let now = deps.services.clock.now();
    let Some(told) = deps.services.store.find_delivery_with_transaction(id, attempt).await? else { return Ok(None) };
    let delivery = &told.delivery;
    if delivery.state != DeliveryState::Waiting || delivery.attempt != attempt {
        return Ok(None);
    }
    let early = now.until(delivery.due_at);
    if !early.is_zero() {
        // A bell that comes much too early belongs to a time that was put off since. Another bell was sent for the new time.
        if early <= CLOCKS_DIFFER_MAX {
            ring_within_reach(deps, delivery, came_by, early).await;
        }
        return Ok(None);
    }
    let configured = deps.services.apps.find(&id.app, now).await?;
    let webhook = configured.as_ref().and_then(|configured| find_webhook(configured, id));
    let is_unreadable = |configured: &Arc<ConfiguredApp>| configured.unreadable_webhooks.contains(&id.webhook);
    if configured.as_ref().is_some_and(is_unreadable) {
        // Not given back: it would be a dead letter each time.
        error!(delivery.id = id.name(), "a delivery waits: its webhook cannot be read");
        put_off(deps, &told, came_by, now.plus(Delivery::QUEUE_WAIT_MAX)).await?;
        return Ok(None);
    }
    let (Some(configured), Some(webhook)) = (&configured, webhook) else {
        cancel(deps, &told).await?;
        return Ok(None);
    };
    let end = webhook.first_due(delivery.created_at);
    if now < end {
        // A function that could not read this webhook made it due at once.
        put_off(deps, &told, came_by, end).await?;
        return Ok(None);
    }
    let lane = configured.lane(&webhook.id);
    if (came_by, lane) == (Lane::Fast, Lane::Slow) {
        // The message was sent before the target was known to be slow. Other deliveries must not wait for it.
        let moved = deps.queue.ring(&[Ring { delivery, lane, delay: Duration::ZERO }]).await;
        return if moved.is_empty() { Err(AttemptError::Lane) } else { Ok(None) };
    }
    let turn = pause::turn(deps, delivery, configured.targets.get(&webhook.id), now).await?;
    if let Turn::Wait(until) = turn {
        put_off(deps, &told, lane, until).await?;
        return Ok(None);
    }
    let (configured, webhook) = (Arc::clone(configured), webhook.clone());
    Ok(Some(Attempt { told, configured, webhook, turn, lane, now }))
}

/// Keeps what became of an attempt, and what it says of the target.
async fn finish(deps: &Deps, attempt: &Attempt, tried: &AttemptResult, took: Duration) -> Result<(), AttemptError> {
    let Attempt { told, webhook, turn, lane, now, .. } = attempt;
    let delivery = &told.delivery;
    if webhook.is_pulled() {
        // Nothing was sent, so nothing is known of a target.
        let record = record(delivery.attempt, now.ms(), took, tried);
        conclude(deps, told, tried, *lane, record).await?;
        return Ok(());
    }
    let pace = if tried.verdict == Verdict::Deadline { Pace::Late } else { Pace::of(took) };
    let is_received = tried.verdict == Verdict::Received;
    if *turn == Turn::Probe && !is_received {
        // A probe is not one of the attempts.
        let until = pause::after_probe(deps, delivery, deps.services.clock.now()).await?;
        return Ok(put_off(deps, told, *lane, until).await?);
    }
    let lane = if pace == Pace::Late { Lane::Slow } else { *lane };
    let record = record(delivery.attempt, now.ms(), took, tried);
    let is_kept = conclude(deps, told, tried, lane, record).await?;
    // A late target is noted in any case: another worker may have kept the attempt.
    pause::note_pace(deps, webhook, delivery, attempt.health(), pace).await?;
    if is_kept && is_received {
        pause::succeeded(deps, webhook, delivery, attempt.health()).await?;
    } else if is_kept {
        pause::failed(deps, webhook, delivery, deps.services.clock.now()).await?;
    }
    Ok(())
}

/// Lets a delivery wait without using up an attempt.
async fn put_off(deps: &Deps, told: &DeliveryWithTransaction, lane: Lane, until: Timestamp) -> Result<(), StoreError> {
    let now = deps.services.clock.now();
    let after = Delivery { due_at: until, ..told.delivery.clone() };
    if keep(deps, told, &after, now).await? {
        ring_within_reach(deps, &after, lane, now.until(until)).await;
    }
    Ok(())
}

/// The present webhook, if it still has this mode.
fn find_webhook<'a>(configured: &'a ConfiguredApp, id: &DeliveryId) -> Option<&'a Webhook> {
    configured.webhooks.iter().find(|webhook| webhook.id == id.webhook && webhook.mode == id.mode)
}

/// Cancels a delivery, because its webhook was deleted or has another mode now.
async fn cancel(deps: &Deps, told: &DeliveryWithTransaction) -> Result<(), StoreError> {
    let cancelled = Delivery { state: DeliveryState::Cancelled, ..told.delivery.clone() };
    if keep(deps, told, &cancelled, deps.services.clock.now()).await? {
        info!(delivery.id = cancelled.id.name(), "cancelled a delivery: its webhook was deleted or has another mode");
    }
    Ok(())
}

/// Keeps what becomes of a delivery. `false` if another worker changed it first. From here on its own row says when it is looked at, so the
/// mark at its transaction is removed; if that fails, the sweep removes it.
async fn keep(
    deps: &Deps,
    told: &DeliveryWithTransaction,
    after: &Delivery,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (store, id) = (&deps.services.store, &after.id);
    if !store.change_delivery(&told.delivery, after, now).await? {
        return Ok(false);
    }
    if told.carried
        && let Err(error) = store.clear_carried(&told.transaction.key, &id.webhook).await
    {
        warn!(delivery.id = id.name(), "is still carried by its bill: {}", error_chain(&error));
    }
    Ok(true)
}

/// Keeps what became of an attempt, and rings for the next. `false` if another bell for the same attempt was faster: what that
/// found out is kept, unless this one was received.
async fn conclude(
    deps: &Deps,
    told: &DeliveryWithTransaction,
    tried: &AttemptResult,
    lane: Lane,
    record: AttemptRecord,
) -> Result<bool, StoreError> {
    let DeliveryWithTransaction { delivery, transaction, .. } = told;
    let now = deps.services.clock.now();
    let wait = if tried.verdict == Verdict::Unfetched { None } else { wait_after(delivery.tried(), tried.retry_after) };
    let (state, outcome) = match (tried.verdict, wait) {
        (Verdict::Received, _) => (DeliveryState::Delivered, AttemptOutcome::Delivered),
        (_, Some(_)) => (DeliveryState::Waiting, AttemptOutcome::Failed),
        (_, None) => (DeliveryState::Exhausted, AttemptOutcome::Exhausted),
    };
    let wait = wait.unwrap_or_default();
    let due_at = if state == DeliveryState::Waiting { now.plus(wait) } else { delivery.due_at };
    let (n, verdict) = (record.attempt, record.verdict.clone());
    let after = Delivery { state, due_at, ..delivery.with_record(record.clone()) };
    if !keep(deps, told, &after, now).await? {
        let is_received = state == DeliveryState::Delivered;
        return if is_received { received_all_the_same(deps, &delivery.id, record).await } else { Ok(false) };
    }
    let (name, lag) = (delivery.id.name(), delivery.due_at.until(now));
    deps.services.metrics.delivery_attempt(outcome, lag);
    let (app, bill, tx) = (&delivery.id.app, &delivery.id.bill, &transaction.id);
    match state {
        DeliveryState::Waiting | DeliveryState::Exhausted => warn!(
            app.id = %app, bill.num = %bill, tx.id = %tx, delivery.id = name, attempt.n = n, verdict,
            "attempt {n} of a delivery failed: {}", record.problem
        ),
        DeliveryState::Delivered | DeliveryState::Cancelled => info!(
            app.id = %app, bill.num = %bill, tx.id = %tx, delivery.id = name, attempt.n = n,
            "delivered at attempt {n}"
        ),
    }
    if state == DeliveryState::Waiting {
        ring_within_reach(deps, &after, lane, wait).await;
    }
    Ok(true)
}

/// The target has it, whatever another bell for the same attempt found out, and though its webhook was deleted meanwhile. `false` if that
/// is known.
async fn received_all_the_same(deps: &Deps, id: &DeliveryId, record: AttemptRecord) -> Result<bool, StoreError> {
    let known = deps.services.store.end_as_received(id, &record, deps.services.clock.now()).await?;
    if let Some(known) = &known {
        let (name, was) = (id.name(), known.state.name());
        info!(delivery.id = name, attempt.n = record.attempt, "was received, though it was {was}");
    }
    Ok(known.is_some())
}

fn record(attempt: u32, time: i64, took: Duration, tried: &AttemptResult) -> AttemptRecord {
    let chars = if tried.verdict == Verdict::Received { RECEIVED_CHARS_MAX } else { FAILED_CHARS_MAX };
    let problem = tried.problem.as_ref().map(AttemptProblem::sentence);
    AttemptRecord {
        attempt,
        time,
        duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        verdict: tried.verdict.name().to_owned(),
        request: tried.request.summary(),
        status: tried.answer.status,
        problem: problem.as_ref().map(|problem| problem.text.clone()).unwrap_or_default(),
        said: problem.map(|problem| problem.said),
        answer: tried.answer.body.chars().take(chars).collect(),
    }
}

/// Rings as far as the queue reaches. A longer wait rests in its row, and the sweep rings when the queue can take what is left of
/// it. Best effort: the sweep rings for what was not rung for, too.
async fn ring_within_reach(deps: &Deps, delivery: &Delivery, lane: Lane, delay: Duration) {
    if delay <= Delivery::QUEUE_WAIT_MAX {
        deps.queue.ring(&[Ring { delivery, lane, delay }]).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_attempt_that_panics_fails_alone() {
        let attempts = [0_usize, 1, 2].map(async |n| {
            tokio::task::yield_now().await;
            assert_ne!(n, 1, "this one panics");
            Ok(())
        });
        let ended = join_all(attempts.into_iter().map(panic_as_failure)).await;
        assert!(matches!(ended.as_slice(), [Ok(()), Err(AttemptError::Panic), Ok(())]), "{ended:?}");
    }
}
