//! One attempt of each delivery that was rung for.
//!
//! The row is the truth and the message a bell: it says (delivery, attempt n), and is dropped unless the row waits for just that
//! attempt. Then: request, verdict, and one update under the condition that the row still is at n. A stop before the
//! update lets SQS ring again, and the target hears it twice under the same `webhook-id`.

mod batch;
mod pause;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use courier::{Courier, Letter, Tried, Verdict};
use domain::{AttemptRecord, Delivery, DeliveryId, DeliveryState, Timestamp, Webhook, wait_after, webhook_body};
use futures_util::future::join_all;
use queue::{Bell, Queue};
use runtime::{AttemptOutcome, Base, ConfiguredApp, error_chain};
use store::{StoreError, ToldDelivery};
use tracing::{error, info, warn};

use crate::pause::Turn;
pub use batch::{Batch, Failure, Failures, Message};

/// What a delivery needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Store, apps and clock.
    pub base: Base,
    /// The bell for the next attempt.
    pub queue: Queue,
    /// The ways to merchants.
    pub courier: Courier,
}

/// How often it is noted that something was received while others change the same delivery.
const RECEIVED_TRIES_MAX: u32 = 5;

/// What is kept of an answer with its record: of a success for proof, of a failure for finding its cause.
const RECEIVED_CHARS_MAX: usize = 128;
const FAILED_CHARS_MAX: usize = 512;

/// Answers a batch: all its deliveries at once. Only messages that failed for a reason of ours are given back, and come again when
/// their visibility, the lease of the attempt, is over.
pub async fn handle(deps: &Deps, batch: Batch) -> Failures {
    let mut heard = BTreeSet::new();
    let mut attempts = Vec::new();
    let mut failures = Vec::new();
    for message in batch.records {
        match Bell::parse(&message.body) {
            // The same bell twice in one batch is one attempt.
            Some(bell) if heard.insert(bell.clone()) => attempts.push(answer(deps, bell, message.message_id)),
            Some(_) => {}
            None => {
                // It comes again until the queue puts it with the dead letters, where a person finds it.
                error!(message.id = message.message_id, "this message is no bell");
                failures.push(Failure { item_identifier: message.message_id });
            }
        }
    }
    failures.extend(join_all(attempts).await.into_iter().flatten());
    Failures { batch_item_failures: failures }
}

async fn answer(deps: &Deps, (id, attempt): (DeliveryId, u32), message_id: String) -> Option<Failure> {
    match attend(deps, &id, attempt).await {
        Ok(()) => None,
        Err(error) => {
            error!(delivery.id = id.name(), attempt.n = attempt, "a delivery waits: {}", error_chain(&error));
            Some(Failure { item_identifier: message_id })
        }
    }
}

/// Makes the attempt that a bell rings for, if it is that delivery's turn.
async fn attend(deps: &Deps, id: &DeliveryId, attempt: u32) -> Result<(), StoreError> {
    let now = deps.base.clock.now();
    let Some(told) = deps.base.store.find_told(id, attempt).await? else { return Ok(()) };
    let ToldDelivery { delivery, transaction, .. } = &told;
    if delivery.state != DeliveryState::Waiting || delivery.attempt != attempt {
        return Ok(());
    }
    let early = now.until(delivery.due_at);
    if !early.is_zero() {
        ring_within_reach(deps, delivery, early).await;
        return Ok(());
    }
    let configured = deps.base.apps.find(&id.app, now).await?;
    let webhook = configured.as_ref().and_then(|configured| find_webhook(configured, id));
    let (Some(configured), Some(webhook)) = (&configured, webhook) else { return cancel(deps, &told).await };

    let health = configured.targets.get(&webhook.id);
    let turn = pause::turn(deps, delivery, health, now).await?;
    if let Turn::Wait(until) = turn {
        return put_off(deps, &told, until).await;
    }
    let started = Instant::now();
    let body = webhook_body(delivery, transaction, &configured.app, now);
    let tried = courier::bring(&deps.courier, webhook, &Letter { id: id.message_id(), body, now }).await;
    let is_received = tried.verdict == Verdict::Received;
    if turn == Turn::Probe && !is_received {
        // A probe is not one of the attempts.
        let until = pause::after_probe(deps, delivery, deps.base.clock.now()).await?;
        return put_off(deps, &told, until).await;
    }
    let record = record(attempt, now.ms(), started.elapsed(), &tried);
    if conclude(deps, &told, &tried, record).await? {
        if is_received {
            pause::succeeded(deps, webhook, delivery, health).await?;
        } else {
            pause::failed(deps, webhook, delivery, deps.base.clock.now()).await?;
        }
    }
    Ok(())
}

/// Lets a delivery wait without using up an attempt.
async fn put_off(deps: &Deps, told: &ToldDelivery, until: Timestamp) -> Result<(), StoreError> {
    let now = deps.base.clock.now();
    let after = Delivery { due_at: until, ..told.delivery.clone() };
    if keep(deps, told, &after, now).await? {
        ring_within_reach(deps, &after, now.until(until)).await;
    }
    Ok(())
}

/// The webhook as it is now, if it still hears this mode.
fn find_webhook<'a>(configured: &'a ConfiguredApp, id: &DeliveryId) -> Option<&'a Webhook> {
    configured.webhooks.iter().find(|webhook| webhook.id == id.webhook && webhook.mode == id.mode)
}

/// Its webhook was deleted, or hears the other mode from now on.
async fn cancel(deps: &Deps, told: &ToldDelivery) -> Result<(), StoreError> {
    let cancelled = Delivery { state: DeliveryState::Cancelled, ..told.delivery.clone() };
    if keep(deps, told, &cancelled, deps.base.clock.now()).await? {
        info!(delivery.id = cancelled.id.name(), "cancelled a delivery: its webhook is not there any more");
    }
    Ok(())
}

/// Keeps what becomes of a delivery. `false` if it is not any more as it was told: somebody else was faster. From here on its own row
/// says when it is looked at, if ever, so that its transaction lets go of it; where that fails, the sweep does it.
async fn keep(deps: &Deps, told: &ToldDelivery, after: &Delivery, now: Timestamp) -> Result<bool, StoreError> {
    let (store, id) = (&deps.base.store, &after.id);
    if !store.change_delivery(&told.delivery, after, now).await? {
        return Ok(false);
    }
    if told.carried
        && let Err(error) = store.let_go(&told.transaction.key, &id.webhook).await
    {
        warn!(delivery.id = id.name(), "is still carried by its bill: {}", error_chain(&error));
    }
    Ok(true)
}

/// Keeps what became of an attempt, and rings for the next. `false` if another bell for the same attempt was faster: what that
/// found out is kept, unless this one was received.
async fn conclude(deps: &Deps, told: &ToldDelivery, tried: &Tried, record: AttemptRecord) -> Result<bool, StoreError> {
    let ToldDelivery { delivery, transaction, .. } = told;
    let now = deps.base.clock.now();
    let wait = wait_after(delivery.tried(), tried.retry_after);
    let (state, outcome) = match (tried.verdict, wait) {
        (Verdict::Received, _) => (DeliveryState::Delivered, AttemptOutcome::Delivered),
        (_, Some(_)) => (DeliveryState::Waiting, AttemptOutcome::Failed),
        (_, None) => (DeliveryState::Exhausted, AttemptOutcome::Exhausted),
    };
    let wait = wait.unwrap_or_default();
    let due_at = if state == DeliveryState::Waiting { now.plus(wait) } else { delivery.due_at };
    let (n, verdict) = (record.attempt, record.verdict.clone());
    let after = Delivery { state, due_at, ..with_record(delivery, record.clone()) };
    if !keep(deps, told, &after, now).await? {
        let is_received = state == DeliveryState::Delivered;
        return if is_received { received_all_the_same(deps, &delivery.id, record).await } else { Ok(false) };
    }
    let (name, lag) = (delivery.id.name(), delivery.due_at.until(now));
    deps.base.metrics.delivery_attempt(outcome, lag);
    let (app, bill, tx) = (&delivery.id.app, &delivery.id.bill, &transaction.id);
    match state {
        DeliveryState::Waiting | DeliveryState::Exhausted => warn!(
            app.id = %app, bill.num = %bill, tx.id = %tx, delivery.id = name, attempt.n = n, verdict,
            "attempt {n} of a delivery failed: {}", tried.problem
        ),
        DeliveryState::Delivered | DeliveryState::Cancelled => info!(
            app.id = %app, bill.num = %bill, tx.id = %tx, delivery.id = name, attempt.n = n,
            "delivered at attempt {n}"
        ),
    }
    if state == DeliveryState::Waiting {
        ring_within_reach(deps, &after, wait).await;
    }
    Ok(true)
}

/// The target has it, whatever another bell for the same attempt found out, and though its webhook was deleted meanwhile: it is not sent
/// again, and does not count as exhausted or cancelled. `false` if that is known.
async fn received_all_the_same(deps: &Deps, id: &DeliveryId, record: AttemptRecord) -> Result<bool, StoreError> {
    let store = &deps.base.store;
    for _ in 0..RECEIVED_TRIES_MAX {
        let Some(known) = store.find_delivery(id).await? else { return Ok(false) };
        if known.state == DeliveryState::Delivered {
            return Ok(false);
        }
        let after = Delivery { state: DeliveryState::Delivered, ..with_record(&known, record.clone()) };
        if store.change_delivery(&known, &after, deps.base.clock.now()).await? {
            info!(
                delivery.id = id.name(),
                attempt.n = record.attempt,
                "was received, though it was {}",
                known.state.name()
            );
            return Ok(true);
        }
    }
    Err(StoreError::Contended { what: id.name(), tries: RECEIVED_TRIES_MAX })
}

/// The delivery behind an attempt.
fn with_record(delivery: &Delivery, record: AttemptRecord) -> Delivery {
    let attempt = delivery.attempt.max(record.attempt.saturating_add(1));
    let mut records = delivery.records.clone();
    records.push(record);
    let superfluous = records.len().saturating_sub(Delivery::RECORDS_MAX);
    records.drain(..superfluous);
    Delivery { attempt, records, ..delivery.clone() }
}

fn record(attempt: u32, time: i64, took: Duration, tried: &Tried) -> AttemptRecord {
    let chars = if tried.verdict == Verdict::Received { RECEIVED_CHARS_MAX } else { FAILED_CHARS_MAX };
    AttemptRecord {
        attempt,
        time,
        duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        verdict: tried.verdict.name().to_owned(),
        request: tried.request.summary(),
        status: tried.answer.status,
        problem: tried.problem.clone(),
        answer: tried.answer.body.chars().take(chars).collect(),
    }
}

/// Rings as far as the queue reaches. A longer wait rests in its row, and the sweep rings when the queue can take what is left of
/// it. Best effort: the sweep rings for what was not rung for, too.
async fn ring_within_reach(deps: &Deps, delivery: &Delivery, delay: Duration) {
    if delay > Delivery::QUEUE_WAIT_MAX {
        return;
    }
    if let Err(error) = deps.queue.ring(delivery, delay).await {
        warn!(delivery.id = delivery.id.name(), "did not ring: {}", error_chain(&error));
    }
}
