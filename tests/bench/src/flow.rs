//! How many charges and deliveries a second the local stack handles. Everything is in one process: functions, database, queue, simulators,
//! receiver.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    AnyError, Plan,
    shop::{Kept, Shop},
    table::print,
};

/// The number of callers at the same time.
const CALLERS: usize = 16;

pub(crate) async fn run(plan: &Plan) -> Result<(), AnyError> {
    let bills = if plan.short { 200 } else { 2_000 };
    let shop = Arc::new(Shop::open(Kept::InMemory, false).await?);
    let charged = charge(&shop, "ali_app", bills).await?;
    let receiver = json!({ "target": { "url": format!("{}/_local/receiver/shop", shop.url) }, "mode": "test" });
    shop.admin("POST", &format!("/apps/{}/webhooks", shop.app.app_id), receiver).await?;
    let ordered = charge(&shop, "ali_qrcode", bills).await?;
    let begun = Instant::now();
    let mut payers = JoinSet::new();
    for some in ordered.1.chunks(bills.div_ceil(CALLERS)) {
        let (shop, some) = (Arc::clone(&shop), some.to_vec());
        payers.spawn(async move {
            for id in some {
                shop.pay("/_local/simulator/alipay/trades", &id).await?;
            }
            Ok::<_, AnyError>(())
        });
    }
    while let Some(paid) = payers.join_next().await {
        paid??;
    }
    // The wait is bounded. Each look takes some time, too.
    for _ in 0..600 {
        let arrived = shop.call("GET", "/_local/inbox?receiver=shop", &[], Value::Null).await?;
        if arrived.as_array().is_some_and(|arrived| arrived.len() >= bills) {
            break;
        }
        shop.advance(0).await?;
    }
    let delivered = begun.elapsed();
    let count = u128::try_from(bills)?;
    let row = |what: &str, took: Duration| vec![what.to_owned(), (count * 1_000 / took.as_millis().max(1)).to_string()];
    let rows = [
        row("`ali_app` charges, three signatures each", charged.0),
        row("`ali_qrcode` charges, each with a call of the simulator", ordered.0),
        row("payments settled and delivered to a webhook", delivered),
    ];
    print(
        &format!("Flow of the local stack as `cargo run` builds it, {CALLERS} callers"),
        &["what", "a second"],
        &rows,
    );
    Ok(())
}

/// Charges `bills` bills. Returns how long it took, and the transactions.
async fn charge(shop: &Arc<Shop>, channel: &'static str, bills: usize) -> Result<(Duration, Vec<String>), AnyError> {
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let shop = Arc::clone(shop);
        let each = bills.div_ceil(CALLERS);
        callers.spawn(async move {
            let mut ids = Vec::new();
            for number in (caller * each..(caller + 1) * each).take_while(|number| *number < bills) {
                ids.push(shop.charge(channel, &format!("flow-{channel}-{number}")).await?);
            }
            Ok::<_, AnyError>(ids)
        });
    }
    let mut ids = Vec::new();
    while let Some(charged) = callers.join_next().await {
        ids.extend(charged??);
    }
    Ok((begun.elapsed(), ids))
}
