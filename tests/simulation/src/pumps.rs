//! What starts the functions without a caller: the providers' clock, the queue's mapping, and the schedule.

use std::sync::Arc;

use bytes::Bytes;
use local::{AwsAnswer, AwsCall, AwsService, Function, FunctionSandbox, WorkQueue};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    faults::Fault,
    time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, START_MS, sleep},
    world::World,
};

/// How far the sweep looks ahead, and one minute more.
const LOOKS_AHEAD_MS: i64 = 16 * MINUTE_MS;

/// The most messages that SQS puts into a batch.
const BATCH: usize = 10;

pub(crate) fn start(world: &Arc<World>) -> Vec<JoinHandle<()>> {
    let mut pumps = vec![tokio::spawn(providers(Arc::clone(world)))];
    pumps.extend(WorkQueue::ALL.map(|from| tokio::spawn(queue(Arc::clone(world), from))));
    pumps.push(tokio::spawn(sweep(Arc::clone(world))));
    pumps.push(tokio::spawn(daily(Arc::clone(world))));
    pumps
}

/// Sends the providers' notifies when they are due.
async fn providers(world: Arc<World>) {
    loop {
        let due_ms = world.embedded().providers_due();
        if due_ms.is_some_and(|due_ms| due_ms <= world.time.now_ms()) {
            let running = Arc::clone(&world);
            tokio::spawn(async move { running.embedded().run_providers().await });
            sleep(50).await;
            continue;
        }
        tokio::select! {
            biased;
            () = world.bells.providers.notified() => {}
            () = world.time.sleep_until(due_ms.unwrap_or(START_MS + 400 * DAY_MS)) => {}
        }
    }
}

/// Hands the messages of a queue to the function of that queue.
async fn queue(world: Arc<World>, from: WorkQueue) {
    loop {
        let mut messages = world.embedded().receive(from, BATCH);
        if messages.is_empty() {
            let due_ms = world.embedded().queue_due();
            tokio::select! {
                biased;
                () = world.bells.queue.notified() => {}
                () = world.time.sleep_until(due_ms.unwrap_or(START_MS + 400 * DAY_MS)) => {}
            }
            continue;
        }
        if messages.len() > 1 && world.strike(Fault::MessagesReordered) {
            world.with_faults(|faults| faults.random().shuffle(&mut messages));
        }
        // A lost message is counted and removed, and no function sees it.
        messages.retain(|message| {
            let is_lost = world.strike(Fault::MessageLost);
            if is_lost {
                world.embedded().delete(from, message);
            }
            !is_lost
        });
        if messages.is_empty() {
            continue;
        }
        let wait_ms = if world.strike(Fault::MessageLate) {
            world.with_faults(|faults| faults.random().i64(SECOND_MS..100 * SECOND_MS))
        } else {
            0
        };
        for message in &messages {
            if world.draw(Fault::MessageRedriven) {
                let wait_ms = world.with_faults(|faults| faults.random().i64(10 * MINUTE_MS..2 * DAY_MS));
                tokio::spawn(redrive(Arc::clone(&world), from, message.clone(), wait_ms));
            }
        }
        let is_doubled = world.strike(Fault::MessageDoubled);
        for round in 0..=i64::from(is_doubled) {
            let (world, messages) = (Arc::clone(&world), messages.clone());
            let later_ms = round * world.with_faults(|faults| faults.random().i64(0..3 * SECOND_MS));
            tokio::spawn(async move {
                sleep(wait_ms + later_ms).await;
                hand_out(&world, from, &messages).await;
            });
        }
    }
}

/// Takes a message back from the dead letters, long after its delivery or question was due.
async fn redrive(world: Arc<World>, from: WorkQueue, message: local::sqs::Received, wait_ms: i64) {
    sleep(wait_ms).await;
    world.count(Fault::MessageRedriven);
    hand_out(&world, from, &[message]).await;
}

async fn hand_out(world: &World, from: WorkQueue, messages: &[local::sqs::Received]) {
    let brought = messages.to_vec();
    let bring = |sandbox: Arc<FunctionSandbox>| async move { sandbox.bring(from, &brought).await };
    let done = world.invoke(from.function(), bring).await;
    let Some(Some(failed)) = done else {
        if messages.len() > 1 {
            world.count(Fault::KilledInBatch);
        }
        return;
    };
    for message in messages.iter().filter(|message| !failed.contains(&message.message_id)) {
        world.embedded().delete(from, message);
    }
}

/// Starts the sweep each minute. Minutes without anything due are skipped.
async fn sweep(world: Arc<World>) {
    let mut did_something = false;
    loop {
        let now_ms = world.time.now_ms();
        let next_minute = (now_ms / MINUTE_MS + 1) * MINUTE_MS;
        let next_ms = if did_something {
            next_minute
        } else {
            // Something may be written during a pause, so no pause is longer than this.
            let longest = now_ms + 10 * MINUTE_MS;
            let due = first_due(&world).await.map_or(longest, |due_ms| due_ms - LOOKS_AHEAD_MS);
            let minute = due.div_euclid(MINUTE_MS) * MINUTE_MS;
            minute.clamp(next_minute, longest.max(next_minute))
        };
        world.time.sleep_until(next_ms).await;
        if first_due(&world).await.is_none_or(|due_ms| due_ms > world.time.now_ms() + LOOKS_AHEAD_MS) && !did_something
        {
            continue;
        }
        let swept = world.invoke(Function::Sweep, |sandbox| async move { sandbox.tick("{}").await }).await;
        did_something = swept.flatten().unwrap_or(true);
    }
}

/// The earliest entry of the `due` index.
async fn first_due(world: &World) -> Option<i64> {
    let body = json!({ "TableName": "TransactionsTable", "IndexName": "due" });
    let call =
        AwsCall { service: AwsService::Dynamo, operation: "Scan".to_owned(), body: Bytes::from(body.to_string()) };
    let AwsAnswer::Answered(_, body) = world.embedded().ask(&call, 0).await else { return None };
    let page: Value = serde_json::from_slice(&body).ok()?;
    let due = |item: &Value| item["due_ms"]["N"].as_str().and_then(|ms| ms.parse().ok());
    page["Items"].as_array()?.iter().filter_map(due).min()
}

/// Makes the sums of each day, and the comparison with the providers' bills.
async fn daily(world: Arc<World>) {
    loop {
        let now_ms = world.time.now_ms();
        let morning = (now_ms / DAY_MS + 1) * DAY_MS + 2 * HOUR_MS + 20 * MINUTE_MS;
        world.time.sleep_until(morning).await;
        for task in [r#"{"task":"reconcile"}"#, r#"{"task":"sums"}"#] {
            let task = task.to_owned();
            world.invoke(Function::Sweep, |sandbox| async move { sandbox.tick(&task).await }).await;
        }
    }
}
