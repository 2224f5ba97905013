//! The units and the time of each kind of query: the same pages over a thousand transactions and over many.
//!
//! The transactions are copies of one that was really charged and paid. They are written directly into the tables.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    AnyError, Plan,
    shop::{Kept, Shop},
    table::{median, print, time},
};

/// The number of copies that are written at once.
const WRITTEN_AT_ONCE: u64 = 5_000;

/// The time between the charges of two copies.
const APART_MS: i64 = 250;

const CHANNEL: &str = "ali_qrcode";

/// The most that an app can have.
const SHARDS: usize = 64;

pub(crate) async fn run(plan: &Plan) -> Result<(), AnyError> {
    let shop = Shop::open(Kept::InFile, false).await?;
    let id = shop.charge(CHANNEL, "grown").await?;
    shop.pay("/_local/simulator/alipay/trades", &id).await?;
    let original = original(&shop, &id).await?;
    let wide = wide_app(&shop).await?;
    let newest_ms = number(&original, "created_ms")?;
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    let rounds = if plan.short { 9 } else { 99 };
    let (mut there, mut sizes) = (0, Vec::new());
    for size in plan.sizes() {
        while there < size {
            let some = (there..size.min(there + WRITTEN_AT_ONCE)).map(|n| copy(&original, n, newest_ms));
            let some = some.collect::<Result<Vec<_>, _>>()?;
            let spread = some.iter().enumerate().map(|(n, copy)| of_wide_app(copy, &shop.app.app_id, &wide, n));
            shop.stack.import(&json!({ "TransactionsTable": spread.collect::<Vec<_>>() })).await?;
            shop.stack.import(&json!({ "TransactionsTable": some })).await?;
            there = size.min(there + WRITTEN_AT_ONCE);
        }
        for (what, question) in questions(&shop, &wide, size, newest_ms) {
            let (units, took) = ask(&shop, &question, rounds).await?;
            let cell = format!("{units}, {}", time(took));
            match rows.iter_mut().find(|(known, _)| *known == what) {
                Some((_, cells)) => cells.push(cell),
                None => rows.push((what, vec![cell])),
            }
        }
        sizes.push(format!("{size} transactions"));
        show(rounds, &sizes, &rows);
    }
    shop.stack.stop().await;
    Ok(())
}

/// Prints after each size, because the largest size takes many minutes.
fn show(rounds: usize, sizes: &[String], rows: &[(String, Vec<String>)]) {
    let columns: Vec<&str> = std::iter::once("query").chain(sizes.iter().map(String::as_str)).collect();
    let line = |(what, cells): &(String, Vec<String>)| std::iter::once(what).chain(cells).cloned().collect();
    let rows: Vec<Vec<String>> = rows.iter().map(line).collect();
    print(&format!("Growth: read units and time, median of {rounds}"), &columns, &rows);
}

/// A call of the merchant's API, or of the operator API.
enum Question {
    Records(Value),
    Operator(String),
    Sweep,
}

fn questions(shop: &Shop, wide: &str, size: u64, newest_ms: i64) -> Vec<(String, Question)> {
    let middle = size / 2;
    let middle_ms = created_ms(middle, newest_ms);
    let app = format!("/apps/{}", shop.app.app_id);
    let list = |filter: &str| Question::Operator(format!("{app}/transactions?mode=test&limit=20{filter}"));
    let first = json!({ "channel": CHANNEL, "status": "success", "limit": 20 });
    let deep = json!({ "channel": CHANNEL, "status": "success", "limit": 20, "endTime": middle_ms });
    let named = |what: &str, question| (what.to_owned(), question);
    vec![
        named("records, first page of 20, one channel and status", Question::Records(first)),
        named("the same from the middle on", Question::Records(deep)),
        named("records of a bill", Question::Records(json!({ "billNum": bill(middle) }))),
        named("transactions, first page of 20, everything", list("")),
        named("the same from the middle on", list(&format!("&endTime={middle_ms}"))),
        named(
            "a transaction by its id alone",
            Question::Operator(format!("{app}/transactions/{}?mode=test", id(middle, newest_ms))),
        ),
        named(
            "transactions over 64 shards, first page of 25, everything",
            Question::Operator(format!("/apps/{wide}/transactions?mode=test&limit=25")),
        ),
        named("incidents", Question::Operator(format!("{app}/incidents?mode=test"))),
        named("a sweep with nothing due", Question::Sweep),
    ]
    .into_iter()
    .enumerate()
    .map(|(place, (what, question))| (if place == 4 { format!("transactions: {what}") } else { what }, question))
    .collect()
}

async fn ask(shop: &Shop, question: &Question, rounds: usize) -> Result<(String, Duration), AnyError> {
    let (mut halves, mut times) = (0, Vec::new());
    for _ in 0..rounds {
        shop.stack.metered();
        let begun = Instant::now();
        match question {
            Question::Records(asked) => {
                let found = shop.call("POST", "/2.0/maxpay/records", &shop.master(), asked.clone()).await?;
                if found["results"].as_array().is_none_or(Vec::is_empty) {
                    return Err(format!("{asked} found nothing: {found}").into());
                }
            }
            Question::Operator(path) => drop(shop.admin("GET", path, Value::Null).await?),
            Question::Sweep => shop.advance(60_000).await?,
        }
        times.push(begun.elapsed());
        let metered = shop.stack.metered().into_iter();
        let of = if matches!(question, Question::Sweep) { "sweep" } else { "" };
        let mine = metered.filter(|one| one.place.starts_with("TransactionsTable") && one.function.contains(of));
        halves = mine.map(|one| one.half_reads).sum::<u64>();
    }
    Ok((format!("{}.{}", halves / 2, halves % 2 * 5), median(&times)))
}

/// An app that has every channel, and 64 shards for one of them. Returns its id.
async fn wide_app(shop: &Shop) -> Result<String, AnyError> {
    let made = shop.admin("POST", "/apps", json!({ "name": "wide" })).await?;
    let app = made["appId"].as_str().ok_or("no appId")?.to_owned();
    for tab in ["ali", "wx_app", "wx_mp", "unipay_app", "unipay_web"] {
        let path = format!("/apps/{app}/channels/{tab}?mode=test");
        shop.admin("PUT", &path, json!({ "protocol": "simulator" })).await?;
    }
    let spread = json!({ "shards": SHARDS, "hotChannels": [CHANNEL] });
    shop.admin("PATCH", &format!("/apps/{app}"), spread).await?;
    Ok(app)
}

/// The same transaction as one of the wide app, in its shard.
fn of_wide_app(copy: &Value, app: &str, wide: &str, n: usize) -> Value {
    let mut item = copy.clone();
    for key in ["pk", "by_time_pk"] {
        item[key] = json!({ "S": copy[key]["S"].as_str().unwrap_or_default().replace(app, wide) });
    }
    let shard = n % SHARDS;
    if shard > 0 {
        item["by_time_pk"] =
            json!({ "S": format!("{}#{shard}", item["by_time_pk"]["S"].as_str().unwrap_or_default()) });
    }
    item
}

async fn original(shop: &Shop, id: &str) -> Result<Value, AnyError> {
    let tables = shop.stack.export().await?;
    let items = tables["TransactionsTable"].as_array().into_iter().flatten();
    let mut found =
        items.filter(|item| item["id"]["S"] == id && item["sk"]["S"].as_str().unwrap_or_default().starts_with("TX#"));
    Ok(found.next().ok_or("the original is not in the table")?.clone())
}

/// Copies are numbered from the oldest. Copies that are added later are newer than those before, but still older than the original.
fn created_ms(n: u64, newest_ms: i64) -> i64 {
    newest_ms - 40 * 24 * 3_600_000 + i64::try_from(n).unwrap_or_default() * APART_MS
}

fn bill(n: u64) -> String {
    format!("order-20261124-{n:015}")
}

fn id(n: u64, newest_ms: i64) -> String {
    format!("{:012x}{:012x}", created_ms(n, newest_ms), n)
}

fn copy(original: &Value, n: u64, newest_ms: i64) -> Result<Value, AnyError> {
    let mut item = original.clone();
    let (id, created_ms) = (id(n, newest_ms), created_ms(n, newest_ms));
    let pk = original["pk"]["S"].as_str().and_then(|pk| pk.rsplit_once('#')).ok_or("no pk")?.0;
    item["pk"] = json!({ "S": format!("{pk}#{}", bill(n)) });
    item["by_time_sk"] = json!({ "S": format!("{created_ms:015}#{id}") });
    item["created_ms"] = json!({ "N": created_ms.to_string() });
    item["ended_ms"] = json!({ "N": (created_ms + 20_000).to_string() });
    item["id"] = json!({ "S": id });
    Ok(item)
}

fn number(item: &Value, name: &str) -> Result<i64, AnyError> {
    Ok(item[name]["N"].as_str().ok_or("no number")?.parse()?)
}
