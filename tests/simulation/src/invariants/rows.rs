//! What must be true of one row after each write.

use serde_json::json;

use super::{Item, TRANSACTIONS, ask};
use crate::{ledger::Row, world::World};

/// The row's status, or the state of a delivery.
pub(super) fn status(item: &Item) -> &str {
    if item.text("sk").starts_with("DELIVERY#") { item.text("state") } else { item.text("status") }
}

pub(super) async fn check(world: &World, item: &Item, before: Option<&Row>) {
    match item.text("sk").split('#').next() {
        Some("TX") => transaction(world, item, before),
        Some("REFUND") => refund(world, item, before),
        _ => delivery(world, item, before).await,
    }
}

fn transaction(world: &World, item: &Item, before: Option<&Row>) {
    let (now, fee) = (status(item), item.number("fee").unwrap_or_default());
    let is_paid = |status: &str| status == "success" || status == "refund";
    if let Some(before) = before {
        if is_paid(&before.status) && !is_paid(now) {
            world.accuse("what is paid stays paid", &format!("{} {} -> {now}", item.name(), before.status));
        }
        if before.id != item.text("id") || before.fee != fee {
            world.accuse("a transaction keeps its id and its fee", &item.name());
        }
        if item.number("refunded_fee").unwrap_or_default() < before.refunded {
            world.accuse("refunds only grow", &item.name());
        }
    }
    if is_paid(now) {
        paid(world, item, fee);
    }
    let sums = ["refunded_fee", "refund_committed", "refund_pending"];
    if sums.iter().any(|sum| item.number(sum).unwrap_or_default() > fee) {
        world.accuse("no more goes back than was paid", &item.name());
    }
    if now == "created" && !item.has("due_pk") {
        world.accuse("somebody will look at it", &format!("{} is open and not due", item.name()));
    }
}

/// A transaction is paid only if a payer began to pay this order at this price.
fn paid(world: &World, item: &Item, fee: i64) {
    let order = world.ledger().order(item.text("id")).cloned();
    match order {
        Some(order) if order.is_begun && order.fee == fee => {}
        Some(order) => {
            let what = format!("{}: fee {fee}, and its payer: {order:?}", item.name());
            world.accuse("paid only what a payer paid", &what);
        }
        None => world.accuse("paid only what a payer paid", &format!("{}: nobody was handed it", item.name())),
    }
}

fn refund(world: &World, item: &Item, before: Option<&Row>) {
    let now = status(item);
    if item.text("sk") == "REFUND" {
        return;
    }
    if before.is_some_and(|before| before.status == "success") && now != "success" {
        world.accuse("money that went back is gone", &format!("{} success -> {now}", item.name()));
    }
    if matches!(now, "pending" | "stuck") && !item.has("due_pk") {
        world.accuse("somebody will look at it", &format!("{} is {now} and not due", item.name()));
    }
}

async fn delivery(world: &World, item: &Item, before: Option<&Row>) {
    let (now, attempt) = (status(item), item.number("attempt").unwrap_or_default());
    if let Some(before) = before {
        if before.status == "delivered" && now != "delivered" {
            world.accuse("what was received counts as received", &format!("{} -> {now}", item.name()));
        }
        if attempt < before.attempt {
            world.accuse("attempts only grow", &format!("{} {} -> {attempt}", item.name(), before.attempt));
        }
    }
    // `attempt` is the number of the next attempt; after the eleventh it is twelve.
    if attempt > 12 {
        world.accuse("at most eleven attempts", &format!("{} is at {attempt}", item.name()));
    }
    if now == "waiting" && !item.has("due_pk") && !is_carried(world, item).await {
        world.accuse("somebody will look at it", &format!("{} waits and is not due", item.name()));
    }
}

/// Whether the `due` entry of its transaction carries it.
pub(super) async fn is_carried(world: &World, delivery: &Item) -> bool {
    let sk = delivery.text("sk");
    let (id, webhook) = (sk.split('#').nth(1).unwrap_or_default(), sk.rsplit('#').next().unwrap_or_default());
    let body = json!({
        "TableName": TRANSACTIONS, "ConsistentRead": true,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :tx)",
        "ExpressionAttributeValues": { ":pk": { "S": delivery.text("pk") }, ":tx": { "S": "TX#" } },
    });
    let found = ask(world, "Query", &body).await;
    let rows = found["Items"].as_array().into_iter().flatten().cloned().map(Item);
    rows.into_iter().any(|row| row.text("id") == id && row.text("carries") == webhook && row.has("due_pk"))
}
