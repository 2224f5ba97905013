//! The path between a function and AWS: how long a call takes, which faults happen, and where a handler is killed.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use bytes::Bytes;
use local::{AwsAnswer, AwsCall, AwsService, ToAws};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    faults::Fault,
    time::{SECOND_MS, sleep},
    world::World,
};

tokio::task_local! {
    /// The fuse of the invocation that is now running.
    pub(crate) static FUSE: Arc<Fuse>;
}

/// Where an invocation is to be killed, and which trouble its next calls meet again.
#[derive(Debug)]
pub(crate) struct Fuse {
    end: End,
    calls_left: AtomicI64,
    is_burnt: AtomicBool,
    burnt: Notify,
    again: Mutex<Option<(Trouble, u32)>>,
}

/// On which side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Never,
    BeforeCall,
    AfterCall,
}

impl Fuse {
    pub(crate) fn new(end: End, calls: i64) -> Arc<Self> {
        Arc::new(Self {
            end,
            calls_left: AtomicI64::new(calls),
            is_burnt: AtomicBool::new(false),
            burnt: Notify::new(),
            again: Mutex::default(),
        })
    }

    /// Completes when the invocation is to be killed.
    pub(crate) async fn burnt(&self) {
        self.burnt.notified().await;
    }

    pub(crate) fn end(&self) -> End {
        self.end
    }

    async fn pass(&self, at: End) {
        if self.end == at && self.calls_left.fetch_sub(1, Ordering::SeqCst) <= 1 {
            self.is_burnt.store(true, Ordering::SeqCst);
            self.burnt.notify_one();
        }
        if self.is_burnt.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

/// A point before or after a call, at which the invocation may be killed.
pub(crate) async fn pass(at: End) {
    if let Ok(fuse) = FUSE.try_with(Arc::clone) {
        fuse.pass(at).await;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    FailedBefore,
    FailedAfter,
    LostAnswer,
    Throttled,
    TimedOut,
    Conflict,
}

impl Trouble {
    const ALL: [(Self, Fault); 6] = [
        (Self::FailedBefore, Fault::AwsFailedBefore),
        (Self::FailedAfter, Fault::AwsFailedAfter),
        (Self::LostAnswer, Fault::AwsLostAnswer),
        (Self::Throttled, Fault::AwsThrottled),
        (Self::TimedOut, Fault::AwsTimedOut),
        (Self::Conflict, Fault::TransactionConflict),
    ];

    fn fault(self) -> Fault {
        Self::ALL.iter().find(|(trouble, _)| *trouble == self).map_or(Fault::AwsFailedBefore, |(_, fault)| *fault)
    }
}

/// The path to AWS for every sandbox of a world.
pub(crate) fn way(world: Weak<World>) -> ToAws {
    ToAws(Arc::new(move |call| {
        let world = world.clone();
        Box::pin(async move {
            match world.upgrade() {
                Some(world) => answer(&world, call).await,
                None => AwsAnswer::Broken,
            }
        })
    }))
}

async fn answer(world: &World, call: AwsCall) -> AwsAnswer {
    let (there_ms, back_ms) = travel(world);
    sleep(there_ms).await;
    pass(End::BeforeCall).await;
    let trouble = trouble(world, &call);
    if let Some(trouble) = trouble {
        world.count(trouble.fault());
    }
    let answer = match trouble {
        None => match without_some_keys(world, &call) {
            Some((call, left)) => with_left_out(perform(world, &call).await, &left),
            None => perform(world, &call).await,
        },
        Some(Trouble::FailedBefore) => failed(&call),
        Some(Trouble::Throttled) => throttled(&call),
        Some(Trouble::Conflict) => conflict(&call),
        Some(Trouble::FailedAfter) => {
            perform(world, &call).await;
            failed(&call)
        }
        Some(Trouble::LostAnswer) => {
            perform(world, &call).await;
            AwsAnswer::Broken
        }
        Some(Trouble::TimedOut) => {
            if world.with_faults(|faults| faults.random().bool()) {
                perform(world, &call).await;
            }
            // Longer than a client waits for one attempt.
            sleep(5 * SECOND_MS).await;
            AwsAnswer::Broken
        }
    };
    pass(End::AfterCall).await;
    sleep(back_ms).await;
    let status = if let AwsAnswer::Answered(status, _) = &answer { *status } else { 0 };
    world.note(|| format!("aws {} {status}", call.operation));
    answer
}

/// How long a call and its answer travel. A slow call gives other handlers time to write in between; it is not slow enough for a client's
/// timeout.
fn travel(world: &World) -> (i64, i64) {
    let slow = world.strike(Fault::AwsSlow);
    world.with_faults(|faults| {
        let (there_ms, back_ms) = (faults.random().i64(1..12), faults.random().i64(1..8));
        let (more_ms, is_there) = (faults.random().i64(50..400), faults.random().bool());
        match (slow, is_there) {
            (false, _) => (there_ms, back_ms),
            (true, true) => (there_ms + more_ms, back_ms),
            (true, false) => (there_ms, back_ms + more_ms),
        }
    })
}

/// What goes wrong with a call. A third of the troubles also hit the next two calls, so that a retry does not help.
fn trouble(world: &World, call: &AwsCall) -> Option<Trouble> {
    if let Ok(fuse) = FUSE.try_with(Arc::clone) {
        let mut again = fuse.again.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((trouble, left)) = again.take() {
            *again = left.checked_sub(1).filter(|left| *left > 0).map(|left| (trouble, left));
            if trouble != Trouble::Conflict || can_conflict(call) {
                return Some(trouble);
            }
        }
    }
    let drawn = world.with_faults(|faults| {
        let drawn: Vec<bool> = Trouble::ALL.iter().map(|(_, fault)| faults.draw(*fault)).collect();
        let sticks = faults.random().u32(0..3) == 0;
        let fits = |trouble: Trouble| trouble != Trouble::Conflict || can_conflict(call);
        let found = Trouble::ALL.iter().zip(drawn).find(|((trouble, _), drawn)| *drawn && fits(*trouble));
        found.map(|((trouble, _), _)| (*trouble, sticks))
    });
    let (trouble, sticks) = drawn?;
    if sticks && let Ok(fuse) = FUSE.try_with(Arc::clone) {
        *fuse.again.lock().unwrap_or_else(PoisonError::into_inner) = Some((trouble, 2));
    }
    Some(trouble)
}

fn can_conflict(call: &AwsCall) -> bool {
    matches!(call.operation.as_str(), "TransactWriteItems" | "UpdateItem" | "PutItem" | "DeleteItem")
}

async fn perform(world: &World, call: &AwsCall) -> AwsAnswer {
    let now_ms = world.time.now_ms();
    let answer = world.embedded().ask(call, now_ms).await;
    match call.service {
        AwsService::Sqs => world.bells.queue.notify_waiters(),
        AwsService::Dynamo if is_write(call) => {
            if matches!(answer, AwsAnswer::Answered(200, _)) {
                world.check_written(call).await;
            }
        }
        AwsService::Dynamo => return lagging(world, call, answer, now_ms),
        AwsService::Lambda => {}
    }
    answer
}

pub(crate) fn is_write(call: &AwsCall) -> bool {
    matches!(call.operation.as_str(), "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems" | "BatchWriteItem")
}

/// A `BatchGetItem` call that reads only its first keys, and the keys that it leaves out.
fn without_some_keys(world: &World, call: &AwsCall) -> Option<(AwsCall, Value)> {
    if call.operation != "BatchGetItem" {
        return None;
    }
    let mut request: Value = serde_json::from_slice(&call.body).ok()?;
    let mut left = json!({});
    for (table, about) in request["RequestItems"].as_object_mut()? {
        let keys = about["Keys"].as_array_mut().filter(|keys| keys.len() > 1)?;
        if !world.strike(Fault::KeysLeftOut) {
            return None;
        }
        let read = world.with_faults(|faults| faults.random().usize(1..keys.len()));
        left[table] = json!({ "Keys": keys.split_off(read) });
    }
    let body = Bytes::from(request.to_string());
    Some((AwsCall { service: call.service, operation: call.operation.clone(), body }, left))
}

fn with_left_out(answer: AwsAnswer, left: &Value) -> AwsAnswer {
    let AwsAnswer::Answered(200, body) = answer else { return answer };
    let mut body: Value = serde_json::from_slice(&body).unwrap_or_default();
    body["UnprocessedKeys"] = left.clone();
    AwsAnswer::Answered(200, Bytes::from(body.to_string()))
}

/// The answer to the same read some moments ago. It is used only if DynamoDB may answer that way and the answer differs.
fn lagging(world: &World, call: &AwsCall, truth: AwsAnswer, now_ms: i64) -> AwsAnswer {
    let drawn = world.with_faults(|faults| {
        let lag_ms = if faults.random().u32(0..10) == 0 { 20 * SECOND_MS } else { 2 * SECOND_MS };
        let lag_ms = faults.random().i64(20..lag_ms);
        faults.draw(Fault::ReadLagged).then_some(lag_ms)
    });
    let Some(lag_ms) = drawn else { return truth };
    let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let may_lag = matches!(call.operation.as_str(), "GetItem" | "Query") && request["ConsistentRead"] != json!(true);
    if !may_lag {
        return truth;
    }
    let lagging = world.embedded().ask_lagging(call, now_ms - lag_ms);
    if parsed(&lagging) == parsed(&truth) {
        return truth;
    }
    world.count(Fault::ReadLagged);
    lagging
}

fn parsed(answer: &AwsAnswer) -> Option<(u16, Value)> {
    let AwsAnswer::Answered(status, body) = answer else { return None };
    Some((*status, serde_json::from_slice(body).ok()?))
}

fn error(status: u16, kind: &str, more: Value) -> AwsAnswer {
    let mut body = json!({ "__type": kind, "message": "simulated" });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    AwsAnswer::Answered(status, Bytes::from(body.to_string()))
}

fn failed(call: &AwsCall) -> AwsAnswer {
    match call.service {
        AwsService::Dynamo => error(500, "com.amazonaws.dynamodb.v20120810#InternalServerError", json!({})),
        AwsService::Sqs | AwsService::Lambda => error(500, "com.amazonaws.sqs#InternalError", json!({})),
    }
}

fn throttled(call: &AwsCall) -> AwsAnswer {
    match call.service {
        AwsService::Dynamo => {
            error(400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", json!({}))
        }
        AwsService::Sqs | AwsService::Lambda => error(403, "com.amazonaws.sqs#RequestThrottled", json!({})),
    }
}

fn conflict(call: &AwsCall) -> AwsAnswer {
    if call.operation != "TransactWriteItems" {
        return error(400, "com.amazonaws.dynamodb.v20120810#TransactionConflictException", json!({}));
    }
    let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let parts = request["TransactItems"].as_array().map_or(1, Vec::len);
    let reason = |place: usize| {
        if place == 0 {
            json!({ "Code": "TransactionConflict", "Message": "simulated" })
        } else {
            json!({ "Code": "None" })
        }
    };
    let reasons: Vec<Value> = (0..parts).map(reason).collect();
    let more = json!({ "CancellationReasons": reasons });
    error(400, "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", more)
}
