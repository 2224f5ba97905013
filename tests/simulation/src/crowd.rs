//! How soon a lost notify is found among many unpaid bills. The lost notify is the only fault here.
//!
//! The bills are copies of one charged bill, for many accounts, and all are due at once. One more bill was paid, and its notify was lost.
//! The clock is that of the world, so the result does not depend on the machine.

use std::sync::Arc;

use bytes::Bytes;
use local::{AwsAnswer, AwsCall, AwsService, Function, FunctionSandbox, Template, WorkQueue};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{
    faults::Rates,
    logs,
    outside::door,
    people::admin,
    plan::Plan,
    time::{MINUTE_MS, SECOND_MS, sleep},
    world::{URL, World},
};

const CHANNEL: &str = "ali_qrcode";
const ORIGINAL: &str = "original-of-all";
const LOST: &str = "the-lost-notify";

/// The value of `QuestionConcurrency` in the template.
const BATCHES_AT_ONCE: usize = 50;
const BATCH: usize = 10;

/// The number of keys over which the `due` index is spread.
const DUE_SHARDS: usize = 24;

/// If it takes longer than this, the run fails.
const PATIENCE_MS: i64 = 60 * MINUTE_MS;

/// How many unpaid bills there are, and how many accounts they belong to.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// The bills.
    pub bills: usize,
    /// The accounts.
    pub accounts: usize,
}

/// How many milliseconds of the world's time it took to find the lost notify, counted from when all bills fell due.
///
/// # Errors
/// What failed, or that the notify was not found.
pub fn find_in_crowd(seed: u64, crowd: Crowd) -> Result<i64, String> {
    let template = Arc::new(Template::load().map_err(|error| error.to_string())?);
    let plan = Plan { rates: Rates::none(), ..Plan::new(seed, 1) };
    let log = logs::Log::new(false);
    logs::during(&log, || {
        fastrand::seed(seed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let found = runtime.block_on(async {
            let world = World::start(&plan, seed, &template, &log).await?;
            find(&world, crowd).await
        });
        runtime.shutdown_background();
        found
    })
}

async fn find(world: &Arc<World>, crowd: Crowd) -> Result<i64, String> {
    let mut apps = Vec::new();
    for number in 0..crowd.accounts.max(1) {
        apps.push(open_app(world, number).await?);
    }
    let caller = apps.last().ok_or("no app")?;
    // It is older than the other bills, so that it is the last one of its account to be asked about.
    let lost = charge(world, caller, LOST).await?;
    charge(world, caller, ORIGINAL).await?;
    let path = format!("/_local/simulator/alipay/trades/{lost}/pay");
    door(world, "POST", &path, &json!({ "notify": false })).await.ok_or("it cannot be paid")?;
    let row = row_of(world, caller, ORIGINAL).await?;
    let due_ms: i64 = row["due_ms"]["N"].as_str().and_then(|ms| ms.parse().ok()).ok_or("the bill is not due")?;
    for number in 0..crowd.bills {
        let app = &apps[number % apps.len()].id;
        put(world, &copy(&row, &caller.id, app, number)).await?;
    }
    world.time.sleep_until(due_ms).await;
    let pumps = [tokio::spawn(questions(Arc::clone(world))), tokio::spawn(sweep(Arc::clone(world)))];
    let found = wait_for(world, caller, due_ms).await;
    pumps.into_iter().for_each(|pump| pump.abort());
    found
}

async fn wait_for(world: &World, caller: &App, due_ms: i64) -> Result<i64, String> {
    while world.time.now_ms() - due_ms < PATIENCE_MS {
        let row = row_of(world, caller, LOST).await?;
        if row["status"]["S"] == "success" {
            return Ok(world.time.now_ms() - due_ms);
        }
        sleep(SECOND_MS / 4).await;
    }
    Err(format!("it was not found within {} minutes", PATIENCE_MS / MINUTE_MS))
}

/// Hands the questions to `ask`, as the mapping in the template does.
async fn questions(world: Arc<World>) {
    let slots = Arc::new(Semaphore::new(BATCHES_AT_ONCE));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let messages = world.embedded().receive(WorkQueue::Questions, BATCH);
        if messages.is_empty() {
            drop(slot);
            sleep(SECOND_MS / 10).await;
            continue;
        }
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let brought = messages.clone();
            let bring =
                |sandbox: Arc<FunctionSandbox>| async move { sandbox.bring(WorkQueue::Questions, &brought).await };
            if world.invoke(Function::Ask, bring).await.flatten().is_some() {
                messages.iter().for_each(|message| world.embedded().delete(WorkQueue::Questions, message));
            }
            drop(slot);
        });
    }
}

async fn sweep(world: Arc<World>) {
    loop {
        let next_minute = (world.time.now_ms() / MINUTE_MS + 1) * MINUTE_MS;
        world.time.sleep_until(next_minute).await;
        world.invoke(Function::Sweep, |sandbox| async move { sandbox.tick("{}").await }).await;
    }
}

struct App {
    id: String,
    client_key: String,
}

async fn open_app(world: &World, number: usize) -> Result<App, String> {
    let made = admin(world, "POST", "/apps", &json!({ "name": format!("shop {number}") })).await.ok_or("no app")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let app = App { id: text(&made["appId"]), client_key: text(&made["test"]["clientKey"]) };
    let path = format!("/apps/{}/channels/ali?mode=test", app.id);
    admin(world, "PUT", &path, &json!({ "protocol": "simulator" })).await.ok_or("no channel")?;
    Ok(app)
}

/// Charges a bill and returns the transaction's id.
async fn charge(world: &World, app: &App, bill: &str) -> Result<String, String> {
    let body =
        json!({ "channel": CHANNEL, "billNum": bill, "totalFee": 100, "subject": "A cup of tea", "returnUrl": URL });
    let request = http::Request::builder().method("POST").uri(format!("{URL}/2.0/maxpay/bill"));
    let request = request.header("x-ml-appid", &app.id).header("x-ml-apikey", &app.client_key);
    let request = request.header("content-type", "application/json").body(Bytes::from(body.to_string()));
    let answer = world.call(request.map_err(|error| error.to_string())?).await.ok_or("no answer to a charge")?;
    let answer: Value = serde_json::from_slice(answer.body()).map_err(|error| error.to_string())?;
    answer["id"].as_str().map(str::to_owned).ok_or_else(|| format!("not charged: {answer}"))
}

async fn row_of(world: &World, app: &App, bill: &str) -> Result<Value, String> {
    let key = json!({ "pk": { "S": format!("{}#test#{bill}", app.id) }, "sk": { "S": format!("TX#{CHANNEL}#01") } });
    let answer = dynamo(world, "GetItem", &json!({ "TableName": "TransactionsTable", "Key": key })).await?;
    Some(answer["Item"].clone()).filter(Value::is_object).ok_or_else(|| format!("bill {bill} is not in the table"))
}

async fn put(world: &World, row: &Value) -> Result<(), String> {
    dynamo(world, "PutItem", &json!({ "TableName": "TransactionsTable", "Item": row })).await.map(|_| ())
}

async fn dynamo(world: &World, operation: &str, body: &Value) -> Result<Value, String> {
    let body = Bytes::from(body.to_string());
    let call = AwsCall { service: AwsService::Dynamo, operation: operation.to_owned(), body };
    match world.embedded().ask(&call, 0).await {
        AwsAnswer::Answered(_, body) => serde_json::from_slice(&body).map_err(|error| error.to_string()),
        AwsAnswer::Broken => Err(format!("{operation} was not answered")),
    }
}

/// A copy of the bill's row for another app, with another number, due at the same time.
fn copy(row: &Value, from: &str, to: &str, number: usize) -> Value {
    let id = row["id"]["S"].as_str().unwrap_or_default();
    let own = format!("{}{number:012x}", id.get(..12).unwrap_or_default());
    let text = row.to_string().replace(from, to).replace(ORIGINAL, &format!("unpaid-{number:08}")).replace(id, &own);
    let mut row: Value = serde_json::from_str(&text).unwrap_or_default();
    row["due_pk"] = json!({ "S": format!("DUE#{}", number % DUE_SHARDS) });
    row
}
