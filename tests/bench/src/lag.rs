//! Many deliveries that wait for a later attempt, all within one hour: how late their attempts are, by the stack's clock.

use std::time::Instant;

use local::StackClock;
use serde_json::{Value, json};

use crate::{
    AnyError, Plan,
    shop::{Kept, Shop},
    table::print,
};

const HOUR_MS: i64 = 3_600_000;

/// The deliveries that are due in one step of the clock. It is limited because a call has a deadline, and the stack keeps only some
/// thousand metrics.
const DUE_IN_A_STEP: i64 = 1_700;
const STEP_MS_MAX: i64 = 60_000;

/// The number of copies that are written at once.
const WRITTEN_AT_ONCE: u64 = 2_500;

pub(crate) async fn run(plan: &Plan) -> Result<(), AnyError> {
    let mut rows = Vec::new();
    for parked in plan.parked() {
        rows.push(park(parked).await?);
        show(&rows);
    }
    Ok(())
}

/// Prints after each number, because the largest takes many minutes.
fn show(rows: &[Vec<String>]) {
    let columns = [
        "parked, due within an hour",
        "late, median",
        "late, p99",
        "late, most",
        "read units each",
        "write units each",
        "took here",
    ];
    print("Lag of parked deliveries, by the stack's clock", &columns, rows);
}

async fn park(parked: u64) -> Result<Vec<String>, AnyError> {
    let clock = StackClock::standing(domain::Timestamp::from_ms(1_795_444_200_000)?);
    let shop = Shop::open_at(clock, Kept::InFile, false).await?;
    let target = json!({ "url": format!("{}/_local/receiver/shop", shop.url) });
    let [transaction, delivery] = originals(&shop, target).await?;
    let begins_ms = 1_795_444_200_000 + 2 * HOUR_MS;
    let mut there = 0;
    while there < parked {
        let some = (there..parked.min(there + WRITTEN_AT_ONCE)).map(|n| {
            let offset = i64::try_from(n).unwrap_or_default() * HOUR_MS / i64::try_from(parked).unwrap_or(1);
            copies(&transaction, &delivery, n, begins_ms + offset)
        });
        let items: Vec<Value> = some.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        shop.stack.import(&json!({ "TransactionsTable": items })).await?;
        there = parked.min(there + WRITTEN_AT_ONCE);
    }
    shop.call("PUT", "/_local/receiver/shop", &[], json!({ "status": 200 })).await?;
    shop.stack.take_metrics();
    shop.stack.metered();
    let begun = Instant::now();
    let mut lags: Vec<u64> = Vec::new();
    let step_ms = (HOUR_MS * DUE_IN_A_STEP / i64::try_from(parked)?).min(STEP_MS_MAX);
    for _ in 0..4 * HOUR_MS / step_ms {
        shop.advance(step_ms).await?;
        lags.extend(shop.stack.take_metrics().iter().filter_map(|line| lag(line)));
    }
    let took = begun.elapsed();
    lags.sort_unstable();
    // One of them is the original.
    if lags.len() < usize::try_from(parked)? {
        return Err(format!("{} of {parked} deliveries were tried", lags.len()).into());
    }
    let at = |percent: usize| lags.get((lags.len() * percent / 100).min(lags.len() - 1)).copied().unwrap_or_default();
    let metered = shop.stack.metered();
    let reads: u64 = metered.iter().map(|one| one.half_reads).sum();
    let writes: u64 = metered.iter().map(|one| one.half_writes).sum();
    let each = |halves: u64| format!("{}.{:02}", halves * 50 / parked / 100, halves * 50 / parked % 100);
    shop.stack.stop().await;
    let ms = |ms: u64| format!("{ms} ms");
    Ok(vec![
        parked.to_string(),
        ms(at(50)),
        ms(at(99)),
        ms(at(100)),
        each(reads),
        each(writes),
        format!("{} s", took.as_secs()),
    ])
}

fn lag(line: &str) -> Option<u64> {
    let said: Value = serde_json::from_str(line).ok()?;
    said["DeliveryLag"].as_u64()
}

/// A paid transaction and its delivery, after a failed first attempt. The delivery's webhook has this target; the receiver is `shop`.
pub(crate) async fn originals(shop: &Shop, target: Value) -> Result<[Value; 2], AnyError> {
    let app = &shop.app.app_id;
    shop.call("PUT", "/_local/receiver/shop", &[], json!({ "status": 500 })).await?;
    let webhook = json!({ "target": target, "mode": "test" });
    shop.admin("POST", &format!("/apps/{app}/webhooks"), webhook).await?;
    let id = shop.charge("ali_qrcode", "parked").await?;
    shop.pay("/_local/simulator/alipay/trades", &id).await?;
    shop.advance(0).await?;
    let tables = shop.stack.export().await?;
    let items = tables["TransactionsTable"].as_array().into_iter().flatten();
    let of = |kind: &str| {
        let mut found = items.clone().filter(|item| item["sk"]["S"].as_str().unwrap_or_default().starts_with(kind));
        found.next().cloned().ok_or_else(|| AnyError::from(format!("there is no {kind}")))
    };
    Ok([of("TX#")?, of("DELIVERY#")?])
}

/// Copies of both for another bill. The sixth attempt of the delivery is due at `due_ms`.
pub(crate) fn copies(transaction: &Value, delivery: &Value, n: u64, due_ms: i64) -> Result<[Value; 2], AnyError> {
    let text = |item: &Value, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    let (old_id, pk) = (text(transaction, "id"), text(transaction, "pk"));
    let id = format!("{}{n:012x}", old_id.get(..12).ok_or("no id")?);
    let pk = json!({ "S": format!("{}#parked-{n}", pk.rsplit_once('#').ok_or("no pk")?.0) });
    let (mut transaction, mut delivery) = (transaction.clone(), delivery.clone());
    transaction["pk"] = pk.clone();
    transaction["id"] = json!({ "S": id });
    transaction["by_time_sk"] = json!({ "S": text(&transaction, "by_time_sk").replace(&old_id, &id) });
    delivery["pk"] = pk;
    for name in ["sk", "by_time_sk"] {
        delivery[name] = json!({ "S": text(&delivery, name).replace(&old_id, &id) });
    }
    delivery["attempt"] = json!({ "N": "6" });
    delivery["next_ms"] = json!({ "N": due_ms.to_string() });
    // The wait is long, so the sweep looks 15 minutes ahead.
    delivery["due_ms"] = json!({ "N": (due_ms - 900_000).to_string() });
    delivery["due_pk"] = json!({ "S": format!("DUE#{}", n % 24) });
    Ok([transaction, delivery])
}
