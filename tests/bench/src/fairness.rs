//! How long one shop's webhooks take while the target of another shop never answers, measured by the machine's clock.
//!
//! The quiet shop is paid three times a second. The noisy shop is paid six times a second, and two thousand of its deliveries are sent
//! again at once. Its target accepts every connection and never answers.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::sleep_until};

use crate::{
    AnyError, Plan, lag,
    shop::{Headers, Kept, PAID_THROUGH, PaidThrough, Shop},
    table::print,
};

/// The time between two payments of the quiet shop, and of the noisy shop.
const QUIET_EACH: Duration = Duration::from_millis(333);
const NOISY_EACH: Duration = Duration::from_millis(166);

const SENT_AGAIN: u64 = 2_000;
const SENT_AT_ONCE: u64 = 50;

/// The provider whose simulator plays the payer: Alipay.
const PAY_AT: PaidThrough = PAID_THROUGH[0];

pub(crate) async fn run(plan: &Plan) -> Result<(), AnyError> {
    let (seconds, sent_again) = if plan.short { (10, 200) } else { (60, SENT_AGAIN) };
    let window = Duration::from_secs(seconds);
    let shop = Shop::open(Kept::InMemory, false).await?;
    let target = json!({ "target": { "url": format!("{}/_local/receiver/quiet", shop.url) }, "mode": "test" });
    shop.admin("POST", &format!("/apps/{}/webhooks", shop.app.app_id), target).await?;

    let mut rows = Vec::new();
    let (quiet, alone) = (shop.client(), Instant::now());
    paid(&shop, &quiet, "alone", QUIET_EACH, window).await?;
    rows.push(row("alone", &waits(&shop, alone.elapsed()).await?));

    let noisy = Noisy::open(&shop, sent_again).await?;
    let begun = Instant::now();
    let both = tokio::join!(
        paid(&shop, &quiet, "beside", QUIET_EACH, window),
        paid(&shop, &noisy.headers, "noisy", NOISY_EACH, window),
        noisy.send_again(&shop),
    );
    both.0?;
    both.1?;
    both.2?;
    rows.push(row("beside a target that never answers", &waits(&shop, begun.elapsed()).await?));
    print("Webhooks of one shop beside another's bad target", &["", "paid", "p50", "p99", "most"], &rows);
    shop.stack.stop().await;
    Ok(())
}

/// Charges and pays one bill after each interval `each`, until the window ends.
async fn paid(shop: &Shop, headers: &Headers, name: &str, each: Duration, window: Duration) -> Result<(), AnyError> {
    let begun = tokio::time::Instant::now();
    let mut count = 0_u32;
    while begun.elapsed() < window {
        sleep_until(begun + each * count).await;
        let id = shop.charge_as(headers, PAY_AT.channel, &format!("{name}-{count}")).await?;
        shop.pay(PAY_AT.orders, &id).await?;
        count += 1;
    }
    Ok(())
}

/// The time from each payment to the arrival of its webhook message, in milliseconds. Empties the inbox.
async fn waits(shop: &Shop, took: Duration) -> Result<Vec<i64>, AnyError> {
    // Waits for late messages: as long again, and at most 15 seconds.
    tokio::time::sleep(took.min(Duration::from_secs(15))).await;
    let arrived = shop.call("GET", "/_local/inbox?receiver=quiet", &[], Value::Null).await?;
    shop.call("DELETE", "/_local/inbox", &[], Value::Null).await?;
    let mut waits = Vec::new();
    for one in arrived.as_array().into_iter().flatten() {
        let body: Value = serde_json::from_str(one["body"].as_str().unwrap_or_default())?;
        waits.push(one["time"].as_i64().ok_or("no time")? - body["endTime"].as_i64().ok_or("no endTime")?);
    }
    waits.sort_unstable();
    Ok(waits)
}

fn row(what: &str, waits: &[i64]) -> Vec<String> {
    let at = |percent: usize| waits.get((waits.len() * percent / 100).min(waits.len().saturating_sub(1)));
    let ms = |percent| at(percent).map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    vec![what.to_owned(), waits.len().to_string(), ms(50), ms(99), ms(100)]
}

/// A shop whose target never answers, with waiting deliveries.
struct Noisy {
    app: String,
    headers: Headers,
    waiting: Vec<String>,
}

impl Noisy {
    async fn open(shop: &Shop, waiting: u64) -> Result<Self, AnyError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                held.push(connection);
            }
        });
        let made = shop.admin("POST", "/apps", json!({ "name": "noisy" })).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let app = text(&made["appId"]);
        let pair = |name: &str, value: String| (name.to_owned(), value);
        let headers = vec![pair("x-ml-appid", app.clone()), pair("x-ml-apikey", text(&made["test"]["clientKey"]))];
        shop.admin(
            "PUT",
            &format!("/apps/{app}/channels/{}?mode=test", PAY_AT.tab),
            json!({ "protocol": "simulator" }),
        )
        .await?;
        let hook = json!({ "target": { "url": url }, "mode": "test" });
        shop.admin("POST", &format!("/apps/{app}/webhooks"), hook).await?;

        // One bill is paid, and its delivery is copied.
        let id = shop.charge_as(&headers, PAY_AT.channel, "parked").await?;
        shop.pay(PAY_AT.orders, &id).await?;
        tokio::time::sleep(Duration::from_secs(12)).await;
        let tables = shop.stack.export().await?;
        let items: Vec<&Value> = tables["TransactionsTable"].as_array().into_iter().flatten().collect();
        let of = |kind: &str| {
            let is_of =
                |item: &&&Value| text(&item["pk"]["S"]).starts_with(&app) && text(&item["sk"]["S"]).starts_with(kind);
            items.iter().find(is_of).map(|item| (*item).clone()).ok_or_else(|| format!("there is no {kind}"))
        };
        let (transaction, delivery) = (of("TX#")?, of("DELIVERY#")?);
        let due_ms = 4_000_000_000_000;
        let mut tokens = Vec::new();
        let mut copied = Vec::new();
        for n in 0..waiting {
            let pair = lag::copies(&transaction, &delivery, n, due_ms)?;
            let name = text(&pair[1]["sk"]["S"]);
            let name = name.strip_prefix("DELIVERY#").unwrap_or(&name);
            tokens.push(URL_SAFE_NO_PAD.encode(format!("test\nparked-{n}\n{name}")));
            copied.extend(pair);
        }
        shop.stack.import(&json!({ "TransactionsTable": copied })).await?;
        Ok(Self { app, headers, waiting: tokens })
    }

    /// Sends all waiting deliveries again at once.
    async fn send_again(&self, shop: &Shop) -> Result<(), AnyError> {
        for some in self.waiting.chunks(usize::try_from(SENT_AT_ONCE)?) {
            let sent = some.iter().map(|token| {
                let path = format!("/apps/{}/deliveries/{token}/resend", self.app);
                async move { shop.admin("POST", &path, Value::Null).await }
            });
            join_all(sent).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        Ok(())
    }
}
