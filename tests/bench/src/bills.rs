//! The comparison of a day with the provider's bill, with more and more lines: how long it takes, and how much memory it adds to the whole
//! stack, including the simulator that packs the bill. The times are meaningful only in a release build: `cargo run --release -p bench --
//! bills`.

use std::{fs, time::Instant};

use domain::{Day, Timestamp};
use local::StackClock;
use serde_json::{Value, json};

use crate::{
    AnyError,
    shop::{Kept, Shop},
    table,
};

/// The number of planted differences of each kind. All other lines agree.
const DIFFERENCES: i64 = 25;

/// The number of items that are imported at once.
const IMPORTED_AT_ONCE: i64 = 1000;

const FEE: i64 = 9900;

const DAY_MS: i64 = 24 * 3_600_000;

/// Compares a day of each length, each on a stack of its own. In one case the books agree with the bill except for the planted differences.
/// In the other case there are no books, so that every line of the bill is unknown to us.
pub(crate) async fn run(short: bool) -> Result<(), AnyError> {
    let columns =
        ["lines", "time", "memory before", "at its peak", "differences planted", "found", "kinds that are kept"];
    let strangers: &[i64] = if short { &[1_000, 10_000] } else { &[10_000, 100_000, 1_000_000] };
    let mut rows = Vec::new();
    for lines in strangers {
        rows.push(measure(*lines, false).await?);
    }
    table::print("A bill of which nothing is known here", &columns, &rows);
    let payments: &[i64] = if short { &[1_000, 10_000] } else { &[10_000, 100_000] };
    let mut rows = Vec::new();
    for lines in payments {
        rows.push(measure(*lines, true).await?);
    }
    table::print("A day beside its provider's bill", &columns, &rows);
    Ok(())
}

async fn measure(lines: i64, with_books: bool) -> Result<Vec<String>, AnyError> {
    // The tables are in memory, and are filled before the comparison begins. The day before is a day of the account, because the account
    // was configured on it. With a standing clock no comparison starts by itself.
    let standing = StackClock::standing(Timestamp::from_ms(1_795_444_200_000)?);
    let shop = Shop::open_at(standing, Kept::InMemory, false).await?;
    let clock = shop.call("POST", "/_local/clock", &[], json!({ "advanceMs": DAY_MS })).await?;
    let now = clock["nowMs"].as_i64().ok_or("the clock tells no time")?;
    let first = Day::of(Timestamp::clamped(now)).before().start().ms() + 3_600_000;
    // The payments are spread over twenty hours.
    let step = 20 * 3_600_000 / lines;
    let planted = if with_books { keep_books(&shop, lines, first, step).await? } else { lines };
    let rows = json!({ "rows": { "count": lines, "fen": FEE, "firstMs": first, "stepMs": step } });
    shop.call("POST", "/_local/simulator/alipay/bill", &[], rows).await?;
    fs::write("/proc/self/clear_refs", "5")?;
    let (before, began) = (memory("VmRSS")?, Instant::now());
    let compared = shop.call("POST", "/_local/reconcile", &[], Value::Null).await?;
    let (took, peak) = (began.elapsed(), memory("VmHWM")?);
    let kinds = kinds(&shop).await?;
    shop.stack.stop().await;
    Ok(vec![
        lines.to_string(),
        format!("{} ms", took.as_millis()),
        mebibytes(before),
        format!("+{}", mebibytes(peak.saturating_sub(before))),
        planted.to_string(),
        format!("{}", compared["differences"]),
        kinds,
    ])
}

/// Writes the payments that the bill will list into our books, except for [`DIFFERENCES`] of each kind. Returns the number of differences.
async fn keep_books(shop: &Shop, payments: i64, first: i64, step: i64) -> Result<i64, AnyError> {
    let (app, mut items) = (&shop.app.app_id, Vec::new());
    let each = payments / DIFFERENCES;
    for n in 0..payments {
        // Which of the four kinds of difference this payment gets, if any. They are spread over the day.
        let odd = n % each;
        let (mut fee, mut status) = (FEE, "success");
        match odd {
            1 => continue,          // Missing here.
            2 => fee = 1,           // Another amount.
            3 => status = "closed", // Not paid here.
            _ => {}
        }
        let at = first + n * step;
        items.push(item(app, &format!("{at:012x}{n:012x}"), at, fee, status));
        if odd == 4 {
            // Missing in the bill: charged in the same moment, under a number that the bill does not list.
            items.push(item(app, &format!("{at:012x}ff{n:010x}"), at, FEE, "success"));
        }
        if items.len() >= usize::try_from(IMPORTED_AT_ONCE)? || n == payments - 1 {
            shop.stack.import(&json!({ "TransactionsTable": std::mem::take(&mut items) })).await?;
        }
    }
    shop.stack.import(&json!({ "TransactionsTable": items })).await?;
    Ok(4 * DIFFERENCES)
}

fn item(app: &str, id: &str, ms: i64, fee: i64, status: &str) -> Value {
    let (text, number) = (|text: &str| json!({ "S": text }), |number: i64| json!({ "N": number.to_string() }));
    json!({
        "pk": text(&format!("{app}#test#{id}")),
        "sk": text("TX#ali_qrcode#01"),
        "v": number(1),
        "rev": number(2),
        "id": text(id),
        "fee": number(fee),
        "subject": text("A cup of tea"),
        "created_ms": number(ms),
        "expires_ms": number(ms + 7_200_000),
        "ended_ms": number(ms + 30_000),
        "status": text(status),
        "trade_no": text("2026112322001810000000000003"),
        "by_time_pk": text(&format!("{app}#test#ali_qrcode#{status}")),
        "by_time_sk": text(&format!("{ms:015}#{id}")),
    })
}

/// The number of differences of each kind.
async fn kinds(shop: &Shop) -> Result<String, AnyError> {
    let mut counts = std::collections::BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/apps/{}/reconciliations?mode=test{cursor}", shop.app.app_id);
        let page = shop.admin("GET", &path, Value::Null).await?;
        for kind in page["items"].as_array().into_iter().flatten().filter_map(|entry| entry["kind"].as_str()) {
            *counts.entry(kind.to_owned()).or_insert(0) += 1;
        }
        let Some(next) = page["cursor"].as_str() else { break };
        cursor = format!("&cursor={}", next.replace('#', "%23"));
    }
    Ok(counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", "))
}

/// The value of a line of `/proc/self/status`, in kibibytes.
fn memory(name: &str) -> Result<u64, AnyError> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()).ok_or("the system tells no memory")?;
    Ok(number.parse()?)
}

fn mebibytes(kibibytes: u64) -> String {
    format!("{}.{} MiB", kibibytes / 1024, kibibytes % 1024 * 10 / 1024)
}
