//! How long it takes to find a lost notify among many unpaid bills, measured by the machine's clock.
//!
//! The bills are copies of one charged bill, for many accounts, and all are due at once. A proxy between the functions and the simulator
//! makes every provider answer after a tenth of a second. One of the bills was paid, and its notify was lost.

use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use http::{Request, StatusCode, Uri};
use outbound::{Bounds, Outbound};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::sleep};

use crate::{
    AnyError, Plan,
    shop::{Kept, Shop},
    table::print,
};

const ACCOUNTS: usize = 50;

const ANSWERS_AFTER: Duration = Duration::from_millis(100);

/// If it takes longer than this, the run fails.
const PATIENCE: Duration = Duration::from_secs(900);

const CHANNEL: &str = "ali_qrcode";
const ORIGINAL: &str = "original-of-all";
const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(30), body_bytes_max: 1024 * 1024 };

pub(crate) async fn run(plan: &Plan) -> Result<(), AnyError> {
    let sizes: &[usize] = if plan.short { &[1_000] } else { &[1_000, 10_000] };
    let mut rows = Vec::new();
    for bills in sizes {
        let found = Box::pin(find(*bills)).await?;
        rows.push(vec![bills.to_string(), ACCOUNTS.to_string(), format!("{} ms", found.as_millis())]);
    }
    let columns = ["unpaid bills, due at once", "accounts", "a lost notify among them is found after"];
    print("Questions: a provider that answers in 100 ms", &columns, &rows);
    Ok(())
}

/// The time from when the bills are due until the paid bill is found.
async fn find(bills: usize) -> Result<Duration, AnyError> {
    let shop = Shop::open(Kept::InMemory, false).await?;
    let mut settings = shop.settings("ali").await?;
    settings["gateway"] = json!(slow_door(settings["gateway"].as_str().unwrap_or_default()).await?);
    let mut accounts = Vec::new();
    for number in 0..ACCOUNTS {
        let made = shop.admin("POST", "/apps", json!({ "name": format!("shop {number}") })).await?;
        let app = made["appId"].as_str().ok_or("no app")?.to_owned();
        shop.admin("PUT", &format!("/apps/{app}/channels/ali?mode=test"), settings.clone()).await?;
        accounts.push((app, made["test"].clone()));
    }
    let (app, keys) = accounts.last().ok_or("no account")?;
    let caller = headers(app, keys["clientKey"].as_str().unwrap_or_default());
    // It is older than the other bills, so that it is the last one of its account to be asked about.
    let lost = shop.charge_as(&caller, CHANNEL, "lost").await?;
    let original = shop.charge_as(&caller, CHANNEL, ORIGINAL).await?;
    let row = row_of(&shop, &original).await?;
    let silent = json!({ "notify": false });
    shop.call("POST", &format!("/_local/simulator/alipay/trades/{lost}/pay"), &[], silent).await?;
    let due_ms = row["due_ms"]["N"].as_str().ok_or("not due")?.parse::<i64>()?;
    let apps: Vec<&str> = accounts.iter().map(|(app, _)| app.as_str()).collect();
    let of = Original { app, id: &original, row: row.to_string() };
    let copies = (0..bills).map(|number| of.copy(apps[number % apps.len()], number));
    shop.stack.import(&json!({ "TransactionsTable": copies.collect::<Result<Vec<_>, _>>()? })).await?;
    let now = shop.call("POST", "/_local/clock", &[], json!({ "advanceMs": 0 })).await?;
    let left_ms = due_ms - now["nowMs"].as_i64().ok_or("no time")?;
    if left_ms < 0 {
        return Err(format!("the bills fell due {} ms before they were there", -left_ms).into());
    }
    sleep(Duration::from_millis(left_ms.unsigned_abs())).await;
    let begun = Instant::now();
    let master = headers_of(app, "x-ml-masterkey", keys["masterKey"].as_str().unwrap_or_default());
    // A query of a list asks no provider.
    let asked = json!({ "channel": CHANNEL, "status": "success", "limit": 10 });
    while begun.elapsed() < PATIENCE {
        let found = shop.call("POST", "/2.0/maxpay/records", &master, asked.clone()).await?;
        if found["results"].as_array().is_some_and(|found| !found.is_empty()) {
            let took = begun.elapsed();
            shop.stack.stop().await;
            return Ok(took);
        }
        sleep(Duration::from_millis(250)).await;
    }
    Err(format!("it was not found within {} s", PATIENCE.as_secs()).into())
}

fn headers(app: &str, client_key: &str) -> Vec<(String, String)> {
    headers_of(app, "x-ml-apikey", client_key)
}

fn headers_of(app: &str, name: &str, key: &str) -> Vec<(String, String)> {
    [("x-ml-appid", app), (name, key)].map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

async fn row_of(shop: &Shop, id: &str) -> Result<Value, AnyError> {
    let tables = shop.stack.export().await?;
    let found = tables["TransactionsTable"].as_array().into_iter().flatten().find(|item| item["id"]["S"] == id);
    Ok(found.ok_or("the original is not in the table")?.clone())
}

/// The rows from which copies are made.
struct Original<'a> {
    app: &'a str,
    id: &'a str,
    row: String,
}

impl Original<'_> {
    /// A copy of the bill for another app, with another number, due at the same time.
    fn copy(&self, app: &str, number: usize) -> Result<Value, AnyError> {
        let id = format!("{}{number:012x}", self.id.get(..12).unwrap_or_default());
        let bill = format!("unpaid-{number:08}");
        let row = self.row.replace(self.app, app).replace(ORIGINAL, &bill).replace(self.id, &id);
        let mut row: Value = serde_json::from_str(&row)?;
        row["due_pk"] = json!({ "S": format!("DUE#{}", number % 24) });
        Ok(row)
    }
}

/// A proxy that forwards each request to the gateway, and returns the answer after a delay. Returns the proxy's address.
async fn slow_door(gateway: &str) -> Result<String, AnyError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let uri: Uri = gateway.parse()?;
    let door = format!("http://{}{}", listener.local_addr()?, uri.path());
    let state = Arc::new((Outbound::new()?, uri));
    let router = Router::new().fallback(pass).with_state(state);
    tokio::spawn(async move { drop(axum::serve(listener, router).await) });
    Ok(door)
}

async fn pass(State(to): State<Arc<(Outbound, Uri)>>, request: Request<Body>) -> Response {
    let (outbound, gateway) = &*to;
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BOUNDS.body_bytes_max).await else { return StatusCode::BAD_REQUEST.into_response() };
    let mut target = gateway.clone().into_parts();
    target.path_and_query = parts.uri.path_and_query().cloned();
    let Ok(uri) = Uri::from_parts(target) else { return StatusCode::BAD_REQUEST.into_response() };
    parts.uri = uri;
    parts.headers.remove(http::header::HOST);
    sleep(ANSWERS_AFTER).await;
    match outbound.send(Request::from_parts(parts, body), BOUNDS).await {
        Ok(answer) => answer.map(Body::from),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
