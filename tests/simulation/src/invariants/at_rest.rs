//! What must be true once nothing breaks and everything had time to recover.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Item, TRANSACTIONS, ask, rows};
use crate::{
    ledger::{Hook, Order, provider_of},
    outside::door,
    people::{SKEW_MS, admin},
    time::MINUTE_MS,
    world::World,
};

/// The waits between attempts, in minutes.
const WAITS: [i64; 10] = [1, 5, 10, 30, 60, 120, 240, 480, 960, 1440];

pub(crate) async fn at_rest(world: &World) {
    let items = all(world).await;
    for item in &items {
        let before = world.ledger().rows.get(&(item.text("pk").to_owned(), item.text("sk").to_owned())).cloned();
        if ["TX#", "DELIVERY#", "REFUND#"].iter().any(|prefix| item.text("sk").starts_with(prefix)) {
            rows::check(world, item, before.as_ref()).await;
        }
        is_final(world, item);
        never_early(world, item);
    }
    let mut transactions = BTreeMap::new();
    for item in items.iter().filter(|item| item.text("sk").starts_with("TX#")) {
        transactions.insert(item.text("id").to_owned(), item.clone());
    }
    let books = Books::of(&items);
    let orders = world.ledger().orders();
    for (id, order) in orders {
        match transactions.get(&id) {
            Some(row) => both_books(world, &id, &order, row, &books).await,
            None => world.accuse("what was handed out is in our books", &id),
        }
    }
    told(world, &transactions, &items);
    readable(world, &items).await;
    let incidents = items.iter().filter(|item| item.text("sk").starts_with("INCIDENT#")).count();
    for _ in 0..incidents {
        world.ledger().tell("incidents");
    }
}

/// Every item of the table of transactions.
async fn all(world: &World) -> Vec<Item> {
    let mut items = Vec::new();
    let mut from = Value::Null;
    loop {
        let mut body = json!({ "TableName": TRANSACTIONS });
        if !from.is_null() {
            body["ExclusiveStartKey"] = from;
        }
        let page = ask(world, "Scan", &body).await;
        items.extend(page["Items"].as_array().into_iter().flatten().cloned().map(Item));
        from = page["LastEvaluatedKey"].clone();
        if from.is_null() {
            items.sort_by_key(Item::name);
            return items;
        }
    }
}

/// The item is in a final state.
fn is_final(world: &World, item: &Item) {
    let sk = item.text("sk");
    let status = rows::status(item);
    let waits = (sk.starts_with("TX#") && status == "created")
        || (sk.starts_with("REFUND#") && matches!(status, "pending" | "stuck"))
        || (sk.starts_with("DELIVERY#") && status == "waiting");
    if waits {
        world.accuse("everything comes to its end", &format!("{} is {status}", item.name()));
    }
    let tally = match (sk.split('#').next().unwrap_or_default(), status) {
        ("TX", "success") => "transactions paid",
        ("TX", "refund") => "transactions all refunded",
        ("TX", "closed") => "transactions closed",
        ("REFUND", "success") => "refunds done",
        ("REFUND", "failed") => "refunds failed",
        ("DELIVERY", "delivered") => "deliveries received",
        ("DELIVERY", "exhausted") => "deliveries exhausted",
        ("DELIVERY", "cancelled") => "deliveries cancelled",
        _ => return,
    };
    world.ledger().tell(tally);
}

/// No attempt came too early.
fn never_early(world: &World, item: &Item) {
    if !item.text("sk").starts_with("DELIVERY#") {
        return;
    }
    let records: Vec<Value> = serde_json::from_str(item.text("records")).unwrap_or_default();
    let slack_ms = if world.was_skewed() { SKEW_MS } else { 0 };
    for pair in records.windows(2) {
        let [first, second] = pair else { continue };
        let attempt = first["attempt"].as_i64().unwrap_or_default();
        if second["attempt"].as_i64() != Some(attempt + 1) {
            continue;
        }
        let place = usize::try_from(attempt - 1).unwrap_or_default();
        let wait_ms = WAITS.get(place).copied().unwrap_or_default() * MINUTE_MS;
        let (from, to) = (first["time"].as_i64().unwrap_or_default(), second["time"].as_i64().unwrap_or_default());
        if to - from < wait_ms - slack_ms {
            let what = format!("{}: attempt {} after {} ms", item.name(), attempt + 1, to - from);
            world.accuse("no attempt comes early", &what);
        }
    }
}

/// The parts of our books beside the payments.
struct Books {
    /// What our own refunds returned, in fen, by the transaction's id.
    refunded: BTreeMap<String, i64>,
    /// The differences that the comparison with the providers' bills found: the transaction, and the kind.
    differing: BTreeSet<(String, String)>,
}

impl Books {
    fn of(items: &[Item]) -> Self {
        let mut books = Self { refunded: BTreeMap::new(), differing: BTreeSet::new() };
        for item in items {
            let id = item.text("id").to_owned();
            if item.text("sk").starts_with("REFUND#") && rows::status(item) == "success" {
                *books.refunded.entry(id).or_default() += item.number("fee").unwrap_or_default();
            } else if item.text("pk").starts_with("RECONCILED#") && item.has("kind") {
                books.differing.insert((id, item.text("kind").to_owned()));
            }
        }
        books
    }
}

/// What the provider says about an order, in fen.
struct Truth {
    taken: i64,
    returned: i64,
}

async fn truth(world: &World, id: &str, order: &Order) -> Option<Truth> {
    let (provider, plural) = provider_of(order.channel);
    let trade = door(world, "GET", &format!("/_local/simulator/{provider}/{plural}/{id}"), &Value::Null).await?;
    // A text is yuan with two decimals; a number is fen.
    let fen = |value: &Value| match value.as_str() {
        Some(text) => text.replace('.', "").parse().unwrap_or_default(),
        None => value.as_i64().unwrap_or_default(),
    };
    let (is_paid, amount, returned) = match provider {
        "alipay" => (!trade["paidAt"].is_null(), fen(&trade["totalAmount"]), fen(&trade["refundedAmount"])),
        "wechat" => {
            let done = trade["refunds"].as_array().into_iter().flatten();
            let done = done.filter(|refund| refund["status"] == "SUCCESS").map(|refund| fen(&refund["amount"]));
            (!trade["paidAt"].is_null(), fen(&trade["amount"]), done.sum())
        }
        _ => {
            let is_paid = trade["respCode"] == "00" && !trade["endedAt"].is_null();
            (is_paid, fen(&trade["txnAmt"]), fen(&trade["returnedAmt"]))
        }
    };
    Some(Truth { taken: if is_paid { amount } else { 0 }, returned })
}

/// What the provider took and returned is in our books, and our books contain nothing else.
async fn both_books(world: &World, id: &str, order: &Order, row: &Item, books: &Books) {
    if row.text("pk").rsplit('#').next() != Some(order.bill.as_str()) {
        world.accuse("a transaction is its bill's", &format!("{} is of {}", row.name(), order.bill));
    }
    let truth = truth(world, id, order).await.unwrap_or(Truth { taken: 0, returned: 0 });
    let is_paid = matches!(rows::status(row), "success" | "refund");
    let ours = if is_paid { row.number("fee").unwrap_or_default() } else { 0 };
    if truth.taken != ours {
        let what = format!("{} ({}): {} taken, {ours} in our books", row.name(), order.channel.name(), truth.taken);
        world.accuse("what a provider took is in our books", &what);
    }
    let back = row.number("refunded_fee").unwrap_or_default();
    let portal = world.ledger().portal.get(id).copied().unwrap_or_default();
    // Some refunds appear only in the provider's bill of the day. The comparison must then list them for a person.
    let is_listed = world.ledger().untold.contains(id)
        && back == truth.returned - portal
        && books.differing.contains(&(id.to_owned(), "refund-differs".to_owned()));
    if truth.returned != back && !is_listed {
        let channel = order.channel.name();
        let what = format!("{} ({channel}): {} given back, {back} in our books", row.name(), truth.returned);
        world.accuse("what a provider gave back is in our books", &what);
    }
    // Each refund ended in our books as it did at the provider. A refund that our books call failed moved no money.
    let done = books.refunded.get(id).copied().unwrap_or_default();
    if truth.returned != done + portal {
        let what = format!("{}: {} given back, {done} by our refunds, {portal} elsewhere", row.name(), truth.returned);
        world.accuse("each refund is in our books as it went", &what);
    }
    let number = |name: &str| row.number(name).unwrap_or_default();
    if number("refund_pending") > 0 || number("refund_committed") > back {
        world.accuse("no reservation outlives its refund", &row.name());
    }
    if truth.returned > truth.taken {
        world.accuse("no more goes back than was paid", &row.name());
    }
}

/// Each payment reached each webhook that existed at that time. If a webhook never answered correctly, its delivery must have been tried
/// eleven times.
fn told(world: &World, transactions: &BTreeMap<String, Item>, items: &[Item]) {
    let hooks = world.ledger().hooks();
    let mut deliveries: BTreeMap<(String, String), &Item> = BTreeMap::new();
    let of_payments =
        |item: &&Item| item.text("sk").starts_with("DELIVERY#") && item.text("sk").contains("#payment.success#");
    for item in items.iter().filter(of_payments) {
        let sk = item.text("sk");
        let (id, webhook) = (sk.split('#').nth(1).unwrap_or_default(), sk.rsplit('#').next().unwrap_or_default());
        if deliveries.insert((id.to_owned(), webhook.to_owned()), item).is_some() {
            world.accuse("a payment is told once", &item.name());
        }
    }
    for (id, row) in transactions {
        if !matches!(rows::status(row), "success" | "refund") {
            continue;
        }
        let paid_ms = row.number("ended_ms").unwrap_or_default();
        for (number, hook) in hooks.iter().enumerate() {
            let was_there = hook.hears_payments && hook.made_ms < paid_ms && hook.gone_ms.is_none();
            let Some(webhook) = hook.id.as_ref().filter(|_| was_there) else { continue };
            let delivery = deliveries.get(&(id.clone(), webhook.clone())).copied();
            reached(world, id, number, hook, delivery);
        }
    }
}

fn reached(world: &World, id: &str, number: usize, hook: &Hook, delivery: Option<&Item>) {
    let Some(delivery) = delivery else {
        return world.accuse("each payment reaches each webhook", &format!("{id} has no delivery to hook {number}"));
    };
    let status = rows::status(delivery);
    let arrived = world
        .ledger()
        .arrivals()
        .iter()
        .any(|arrival| arrival.hook == number && arrival.transaction == id && arrival.event == "payment.success");
    if status == "delivered" && !arrived {
        world.accuse("delivered means received", &delivery.name());
    }
    if status != "delivered" && !hook.is_dead && !(status == "exhausted" && tried(delivery) >= 11) {
        world.accuse("each payment reaches each webhook", &format!("{} is {status}", delivery.name()));
    }
}

fn tried(delivery: &Item) -> i64 {
    delivery.number("attempt").unwrap_or_default() - 1
}

/// Every item can be read through the lists of the API.
async fn readable(world: &World, items: &[Item]) {
    let Some(shop) = world.shop() else { return };
    let mut paths = vec![
        format!("/apps/{}/webhooks?mode=test", shop.app),
        format!("/apps/{}?mode=test", shop.app),
        format!("/apps/{}/transactions?mode=test&limit=100", shop.app),
    ];
    for state in ["waiting", "delivered", "exhausted", "cancelled"] {
        paths.push(format!("/apps/{}/deliveries?mode=test&state={state}", shop.app));
    }
    for kind in ["", "forged"] {
        paths.push(format!("/apps/{}/incidents?mode=test&kind={kind}", shop.app));
    }
    // With its bill's number a transaction is read from its own rows. Without it, it is first searched in the list of each channel.
    for item in items.iter().filter(|item| item.text("sk").starts_with("TX#")) {
        let bill = item.text("pk").rsplit('#').next().unwrap_or_default();
        paths.push(format!("/apps/{}/transactions/{}?mode=test&billNum={bill}", shop.app, item.text("id")));
    }
    for path in paths {
        let mut next = path.clone();
        loop {
            let Some(page) = admin(world, "GET", &next, &Value::Null).await else {
                world.accuse("every item can be read", &next);
                break;
            };
            match page["cursor"].as_str() {
                Some(cursor) => next = format!("{path}&cursor={cursor}"),
                None => break,
            }
        }
    }
}
