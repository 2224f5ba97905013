//! The cost of a payment: DynamoDB's units and SQS's requests, as the tables themselves report them.
//!
//! A rising count fails here. `-- --nocapture units` prints the table, with dollars from `tests/bench/prices.json`.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    checkout::{PHONE, checkout_of, choose, made, state, visit},
    notify_message::Message,
    world::{World, charge_of, master, options},
};

/// The consumption: half read units and write units of the transactions, half read units of the configuration (a busy function
/// reads it once in five seconds, but a world reads it each time), requests of the functions to SQS, and invocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    half_reads: u64,
    writes: u64,
    configuration_half_reads: u64,
    sqs: u64,
    invocations: u64,
}

#[rustfmt::skip]
const LIMITS: &[(&str, Cost)] = &[
    ("charge",                         Cost { half_reads: 2, writes: 3, configuration_half_reads: 2, sqs: 0, invocations: 1 }),
    ("the same charge again",          Cost { half_reads: 2, writes: 0, configuration_half_reads: 2, sqs: 0, invocations: 1 }),
    ("notify, with one webhook",       Cost { half_reads: 3, writes: 6, configuration_half_reads: 2, sqs: 1, invocations: 1 }),
    ("delivery at the first try",      Cost { half_reads: 1, writes: 3, configuration_half_reads: 2, sqs: 0, invocations: 1 }),
    ("the same notify again",          Cost { half_reads: 5, writes: 0, configuration_half_reads: 2, sqs: 0, invocations: 1 }),
    ("an attempt that fails",          Cost { half_reads: 1, writes: 5, configuration_half_reads: 2, sqs: 1, invocations: 1 }),
    ("a page of 20, 1 channel, 1 status", Cost { half_reads: 2, writes: 0, configuration_half_reads: 2, sqs: 0, invocations: 1 }),
    ("a page of 20, 1 channel",        Cost { half_reads: 5, writes: 0, configuration_half_reads: 2, sqs: 0, invocations: 1 }),
];

/// The consumption since the last call.
fn cost(world: &World) -> Cost {
    let mut cost = Cost { invocations: 1, ..Cost::default() };
    let mut half_writes = 0;
    // The local clock calls the sweep when its next minute comes. On AWS nobody does that.
    for metered in world.stack.metered().into_iter().filter(|metered| metered.function != "sweep") {
        match metered.place.as_str() {
            "" => cost.sqs += metered.calls,
            place if place.starts_with("ConfigurationTable") => cost.configuration_half_reads += metered.half_reads,
            _ => {
                cost.half_reads += metered.half_reads;
                half_writes += metered.half_writes;
            }
        }
    }
    assert_eq!(half_writes % 2, 0, "DynamoDB has no half write units");
    Cost { writes: half_writes / 2, ..cost }
}

/// Prints the costs, and compares them with what is said.
#[track_caller]
fn hold(limits: &[(&str, Cost)], found: &[Cost]) {
    print(limits, found);
    for ((what, limit), found) in limits.iter().zip(found) {
        assert_eq!(found, limit, "{what} costs something else; if it is less, say so here");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_costs_more_than_it_did() {
    if options().dynamo_endpoint.is_some() {
        eprintln!(
            "SKIPPED: DynamoDB Local reports other units than DynamoDB charges; the embedded one counts as AWS documents"
        );
        return;
    }
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    let mut found = Vec::new();
    world.stack.metered();

    let id = world.charged("one").await;
    found.push(cost(&world));
    world.charge(&charge_of("ali_qrcode", "one")).await.ok();
    found.push(cost(&world));
    world.play(&id, "pay", json!({})).await;
    found.push(cost(&world));
    world.advance(0).await;
    world.inbox::<1>("shop").await;
    found.push(cost(&world));
    let trade = world.trade(&id).await;
    let again = world.post_form(trade["notifyUrl"].as_str().unwrap(), Message::paid(&trade).signed()).await;
    assert_eq!(again.text(), "success");
    found.push(cost(&world));

    world.receiver("shop", json!({ "status": 500 })).await;
    world.paid("two").await;
    world.stack.metered();
    world.advance(0).await;
    found.push(cost(&world));

    for number in 0..25 {
        world.charge(&charge_of("ali_web", &format!("order-20261124-000000{number:08}"))).await.ok();
    }
    world.stack.metered();
    world.records(&json!({ "channel": "ali_web", "status": "created", "limit": 20 })).await.ok();
    found.push(cost(&world));
    world.records(&json!({ "channel": "ali_web", "limit": 20 })).await.ok();
    found.push(cost(&world));
    world.inbox::<2>("shop").await;
    world.end().await;

    hold(LIMITS, &found);
}

/// A payment with a webhook that is fetched alone, and what its fetcher asks for.
#[rustfmt::skip]
const FETCHED: &[(&str, Cost)] = &[
    ("notify, with one webhook that is fetched", Cost { half_reads: 3, writes: 9, configuration_half_reads: 2, sqs: 0, invocations: 1 }),
    ("a fetch that finds one event",             Cost { half_reads: 5, writes: 0, configuration_half_reads: 2, sqs: 0, invocations: 1 }),
    ("an acknowledgement",                       Cost { half_reads: 4, writes: 4, configuration_half_reads: 2, sqs: 0, invocations: 1 }),
    ("a fetch that finds nothing",               Cost { half_reads: 1, writes: 0, configuration_half_reads: 2, sqs: 0, invocations: 1 }),
];

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_fetched_cost_what_is_said() {
    if options().dynamo_endpoint.is_some() {
        eprintln!("SKIPPED: see above");
        return;
    }
    let world = World::start().await;
    let hook = json!({ "target": { "pull": true }, "mode": "test" });
    world.admin("POST", &format!("/apps/{}/webhooks", world.app.app_id), hook).await.done(201);
    let id = world.charged("one").await;
    world.stack.metered();
    let mut found = Vec::new();
    world.play(&id, "pay", json!({})).await;
    found.push(cost(&world));
    let post = async |path: &str, body: Value| world.post_as(&master(&world.app), path, body.to_string()).await.ok();
    let event = post("/2.0/maxpay/events", json!({})).await["events"][0]["id"].clone();
    found.push(cost(&world));
    post("/2.0/maxpay/events/ack", json!({ "ids": [event] })).await;
    found.push(cost(&world));
    post("/2.0/maxpay/events", json!({})).await;
    found.push(cost(&world));
    world.end().await;
    hold(FETCHED, &found);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_costs_no_more_where_an_account_was_replaced() {
    if options().dynamo_endpoint.is_some() {
        eprintln!("SKIPPED: see above");
        return;
    }
    let world = World::start().await;
    world.webhook_to("shop", &json!({})).await;
    let old = world.charged("old").await;
    world.configure(&world.app, &world.merchant("openapiCert").await).await;
    world.stack.metered();
    let new = world.charged("new").await;
    let charge = cost(&world);
    world.play(&new, "pay", json!({})).await;
    let notify = cost(&world);
    let [(_, charge_limit), _, (_, notify_limit), ..] = LIMITS else { panic!("no limits") };
    // The other account's settings are longer, because of its certificates.
    let same = |found: Cost, limit: &Cost| {
        let found = (found.half_reads, found.writes, found.sqs, found.invocations);
        assert_eq!(found, (limit.half_reads, limit.writes, limit.sqs, limit.invocations));
    };
    same(charge, charge_limit);
    same(notify, notify_limit);
    // For a payment of the previous account, its account and its settings are read, too: at most two reads more each.
    world.advance(0).await;
    world.stack.metered();
    world.play(&old, "pay", json!({})).await;
    let late = cost(&world);
    assert_eq!((late.writes, late.half_reads), (notify_limit.writes, notify_limit.half_reads + 2), "{late:?}");
    assert!(late.configuration_half_reads <= notify.configuration_half_reads + 4, "{late:?} {notify:?}");
    world.advance(0).await;
    world.inbox::<2>("shop").await;
    world.end().await;
}

#[rustfmt::skip]
const CHECKOUT: &[(&str, Cost)] = &[
    ("checkout made",                  Cost { half_reads: 4, writes: 1, configuration_half_reads: 2, sqs: 0, invocations: 1 }),
    ("checkout's page",                Cost { half_reads: 1, writes: 0, configuration_half_reads: 3, sqs: 0, invocations: 1 }),
    ("checkout asked for its state",   Cost { half_reads: 1, writes: 0, configuration_half_reads: 2, sqs: 0, invocations: 1 }),
    ("checkout charged",               Cost { half_reads: 6, writes: 3, configuration_half_reads: 3, sqs: 0, invocations: 1 }),
    ("its state, provider asked",      Cost { half_reads: 1, writes: 0, configuration_half_reads: 2, sqs: 0, invocations: 1 }),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_that_waits_writes_nothing() {
    if options().dynamo_endpoint.is_some() {
        eprintln!("SKIPPED: see above");
        return;
    }
    let world = World::start().await;
    world.stack.metered();
    let mut found = Vec::new();
    let path = made(&world, &checkout_of("1")).await;
    found.push(cost(&world));
    visit(&world, &path, PHONE).await;
    found.push(cost(&world));
    state(&world, &path).await;
    found.push(cost(&world));
    choose(&world, &path, "ali_wap", PHONE).await;
    found.push(cost(&world));
    world.advance(20_000).await;
    world.stack.metered();
    assert_eq!(state(&world, &path).await["state"], "open");
    found.push(cost(&world));
    world.end().await;
    hold(CHECKOUT, &found);
}

/// The table of `docs/performance.md`.
#[expect(clippy::print_stdout, reason = "with --nocapture it is asked for")]
#[expect(clippy::float_arithmetic, reason = "dollars of AWS's bill for a table, no money of a payment")]
fn print(limits: &[(&str, Cost)], found: &[Cost]) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("bench/prices.json");
    let prices: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let price = |name: &str| prices["perMillion"][name].as_f64().unwrap();
    println!(
        "| what | write units | read units | configuration | SQS | dollars per million |\n|---|---|---|---|---|---|"
    );
    let line = |what: &str, cost: Cost| {
        let halves = |halves: u64| format!("{}.{}", halves / 2, halves % 2 * 5);
        let count = |count: u64| f64::from(u32::try_from(count).unwrap());
        let dollars = count(cost.writes) * price("dynamodbWriteUnits")
            + count(cost.half_reads) / 2.0 * price("dynamodbReadUnits")
            + count(cost.sqs) * price("sqsRequests")
            + count(cost.invocations) * price("lambdaRequests");
        let (reads, configuration) = (halves(cost.half_reads), halves(cost.configuration_half_reads));
        println!("| {what} | {} | {reads} | {configuration} | {} | {dollars:.2} |", cost.writes, cost.sqs);
    };
    for ((what, _), cost) in limits.iter().zip(found) {
        line(what, *cost);
    }
    if limits.len() != LIMITS.len() {
        return;
    }
    let paid = [found[0], found[2], found[3]].into_iter().reduce(|sum, cost| Cost {
        half_reads: sum.half_reads + cost.half_reads,
        writes: sum.writes + cost.writes,
        configuration_half_reads: sum.configuration_half_reads + cost.configuration_half_reads,
        sqs: sum.sqs + cost.sqs,
        invocations: sum.invocations + cost.invocations,
    });
    // The queue's own poller receives a message and deletes it.
    let paid = paid.map(|paid| Cost { sqs: paid.sqs + 2, ..paid }).unwrap_or_default();
    line("one paid bill with one webhook, in all", paid);
}
