//! A shop on a local stack of its own. It intercepts the providers' notifies.
//!
//! The deployed binaries call providers only over HTTPS, so they cannot reach the simulators. So bills are charged and paid inside the
//! stack, and the binaries under test get the genuine notifies.

use std::{
    collections::VecDeque,
    net::Ipv4Addr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, extract::State};
use bytes::Bytes;
use http::{HeaderMap, Request};
use local::{DemoApp, Options, Stack, StackClock, StackKeys};
use outbound::{Bounds, Outbound};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{AnyError, events};

const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(300), body_bytes_max: 64 * 1024 * 1024 };

/// A message with its headers.
pub(crate) type Headers = Vec<(String, String)>;

/// A provider's notify that was intercepted.
#[derive(Clone, Debug)]
pub(crate) struct Notify {
    pub(crate) path: String,
    pub(crate) headers: Headers,
    pub(crate) body: String,
}

impl Notify {
    /// The event that hands it to the function.
    pub(crate) fn event(&self) -> String {
        events::request("POST", &self.path, &self.headers, self.body.as_bytes())
    }
}

type Caught = Arc<Mutex<VecDeque<Notify>>>;

/// The shop and its stack.
pub(crate) struct Shop {
    pub(crate) stack: Stack,
    pub(crate) url: String,
    pub(crate) app: DemoApp,
    pub(crate) outbound: Outbound,
    operator_token: String,
    caught: Caught,
    _scratch: Option<Scratch>,
}

/// Where the stack stores its data.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kept {
    /// The database slows down as it grows, because it shares its heap with everything else.
    InMemory,
    /// In the folder for temporary files. With `TMPDIR=/dev/shm` the disk does not affect the result.
    InFile,
}

/// A temporary folder. Dropping it removes the folder.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}

/// One tab of each provider, a channel whose order reaches the provider at once, and how the simulator is told to pay it.
#[derive(Clone, Copy)]
pub(crate) struct PaidThrough {
    pub(crate) tab: &'static str,
    pub(crate) channel: &'static str,
    /// The path of its orders at the simulator.
    pub(crate) orders: &'static str,
}

pub(crate) const PAID_THROUGH: [PaidThrough; 3] = [
    PaidThrough { tab: "ali", channel: "ali_qrcode", orders: "/_local/simulator/alipay/trades" },
    PaidThrough { tab: "wx_mp", channel: "wx_native", orders: "/_local/simulator/wechat/trades" },
    PaidThrough { tab: "unipay_app", channel: "unipay_app", orders: "/_local/simulator/unionpay/orders" },
];

impl Shop {
    /// Opens a shop with settings in the tabs of all providers.
    pub(crate) async fn open(kept: Kept, caught: bool) -> Result<Self, AnyError> {
        Self::open_at(StackClock::running(), kept, caught).await
    }

    /// The same, with another clock.
    pub(crate) async fn open_at(clock: StackClock, kept: Kept, caught: bool) -> Result<Self, AnyError> {
        let (public_url, catching) = if caught {
            let (url, caught) = catch().await?;
            (Some(url), caught)
        } else {
            (None, Caught::default())
        };
        let scratch = match kept {
            Kept::InMemory => None,
            Kept::InFile => Some(Scratch(std::env::temp_dir().join(format!("maxpay-bench-{}", std::process::id())))),
        };
        let options = Options {
            port: 0,
            data_dir: scratch.as_ref().map(|scratch| scratch.0.clone()),
            public_url,
            dynamo_endpoint: None,
            clock,
            allow_targets: String::new(),
            storage_faults: None,
            doubled_messages: false,
            items: None,
            patience: 1,
        };
        let stack = Stack::start(options, |_| {}).await?;
        let StackKeys { url, operator_token, apps, .. } = stack.keys().clone();
        let app = apps.into_iter().next().ok_or("there is no demo app")?;
        Ok(Self { stack, url, app, outbound: Outbound::new()?, operator_token, caught: catching, _scratch: scratch })
    }

    /// Calls any path of the stack.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Value,
    ) -> Result<Value, AnyError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.header("content-type", "application/json").body(Bytes::from(body))?;
        let answer = self.outbound.send(request, BOUNDS).await?;
        let (status, text) = (answer.status(), String::from_utf8_lossy(answer.body()).into_owned());
        if !status.is_success() {
            return Err(format!("{method} {path}: {status} {text}").into());
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Calls the operator API.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Value) -> Result<Value, AnyError> {
        let bearer = ("authorization".to_owned(), format!("Bearer {}", self.operator_token));
        self.call(method, &format!("/admin/v1{path}"), &[bearer], body).await
    }

    /// The headers of a caller with the client key of the test mode.
    pub(crate) fn client(&self) -> Headers {
        self.headers("x-ml-apikey", &self.app.test.client_key)
    }

    /// The headers of a caller with the master key of the test mode.
    pub(crate) fn master(&self) -> Headers {
        self.headers("x-ml-masterkey", &self.app.test.master_key)
    }

    fn headers(&self, name: &str, key: &str) -> Headers {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![pair("x-ml-appid", &self.app.app_id), pair(name, key), pair("content-type", "application/json")]
    }

    /// Charges a bill and returns the transaction's id.
    pub(crate) async fn charge(&self, channel: &str, bill: &str) -> Result<String, AnyError> {
        self.charge_as(&self.client(), channel, bill).await
    }

    /// The same, with the headers of any caller.
    pub(crate) async fn charge_as(&self, caller: &Headers, channel: &str, bill: &str) -> Result<String, AnyError> {
        let charged = self.call("POST", "/2.0/maxpay/bill", caller, charge_of(channel, bill)).await?;
        Ok(charged["id"].as_str().ok_or_else(|| format!("not charged: {charged}"))?.to_owned())
    }

    /// Pays the order at the simulator, as its payer.
    pub(crate) async fn pay(&self, simulator: &str, id: &str) -> Result<(), AnyError> {
        self.call("POST", &format!("{simulator}/{id}/pay"), &[], json!({})).await.map(drop)
    }

    /// Moves the clock forward, and lets everything that is due happen.
    pub(crate) async fn advance(&self, ms: i64) -> Result<(), AnyError> {
        self.call("POST", "/_local/clock", &[], json!({ "advanceMs": ms })).await.map(drop)
    }

    /// The notifies that were intercepted since the last call.
    pub(crate) fn notifies(&self) -> Vec<Notify> {
        self.caught.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// Charges and pays `count` bills through one provider, and returns their notifies.
    pub(crate) async fn notifies_of(&self, provider: PaidThrough, count: usize) -> Result<Vec<Notify>, AnyError> {
        let PaidThrough { tab, channel, orders } = provider;
        self.notifies();
        for number in 0..count {
            let id = self.charge(channel, &format!("{tab}-{number}")).await?;
            self.pay(orders, &id).await?;
        }
        self.call("POST", "/_local/clock", &[], json!({ "advanceMs": 0 })).await?;
        let caught = self.notifies();
        if caught.len() == count {
            Ok(caught)
        } else {
            Err(format!("{tab}: {} of {count} notifies", caught.len()).into())
        }
    }

    /// The settings that a merchant would enter into a tab.
    pub(crate) async fn settings(&self, tab: &str) -> Result<Value, AnyError> {
        let (provider, kind) = match tab {
            "ali" => ("alipay", "openapi"),
            "wx_app" | "wx_mp" => ("wechat", "v3Both"),
            _ => ("unionpay", ""),
        };
        let mut all = self.call("GET", &format!("/_local/simulator/{provider}/settings"), &[], Value::Null).await?;
        if provider == "wechat" {
            all = all[kind].take();
        }
        let settings = all[if provider == "alipay" { kind } else { tab }].take();
        if settings.is_object() { Ok(settings) } else { Err(format!("no settings for {tab}").into()) }
    }

    /// For the binaries under test: replaces the simulators' settings by real ones with the providers' own addresses. They begin a second
    /// account of each channel. The transactions so far are moved to that account, because no deployed binary can use a simulator's
    /// settings. Only addresses of the simulators begin with `http://`.
    pub(crate) async fn configure_for_real(&self) -> Result<(), AnyError> {
        for tab in ["ali", "wx_app", "wx_mp", "unipay_app", "unipay_web"] {
            let mut settings = self.settings(tab).await?;
            if let Some(settings) = settings.as_object_mut() {
                settings.retain(|_, value| value.as_str().is_none_or(|text| !text.starts_with("http://")));
            }
            let path = format!("/apps/{}/channels/{tab}?mode=test", self.app.app_id);
            self.admin("PUT", &path, settings).await?;
        }
        let tables = self.stack.export().await?;
        let items = tables["TransactionsTable"].as_array().ok_or("no transactions")?;
        let moved: Vec<Value> = items.iter().filter_map(at_the_second_account).collect();
        Ok(self.stack.import(&json!({ "TransactionsTable": moved })).await?)
    }
}

/// The item of a transaction, moved to the second account of its channel. The account's number is the last part of its key in the lists.
fn at_the_second_account(item: &Value) -> Option<Value> {
    item["sk"]["S"].as_str().filter(|sk| sk.starts_with("TX#"))?;
    let place = item["by_time_sk"]["S"].as_str().filter(|place| place.matches('#').count() == 1)?;
    let mut moved = item.clone();
    moved["by_time_sk"]["S"] = json!(format!("{place}#2"));
    Some(moved)
}

/// A charge of 99 yuan.
pub(crate) fn charge_of(channel: &str, bill: &str) -> Value {
    json!({
        "channel": channel,
        "billNum": bill,
        "totalFee": 9900,
        "subject": "A cup of tea",
        "returnUrl": "https://shop.example/back",
        "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
    })
}

/// Receives each notify, answers it as its provider expects, and keeps it. Returns the address and the notifies.
async fn catch() -> Result<(String, Caught), AnyError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let caught = Caught::default();
    let router = Router::new().fallback(keep).with_state(Arc::clone(&caught));
    tokio::spawn(async move { drop(axum::serve(listener, router).await) });
    Ok((url, caught))
}

async fn keep(State(caught): State<Caught>, request: Request<axum::body::Body>) -> &'static str {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1024 * 1024).await.unwrap_or_default();
    let notify = Notify {
        path: parts.uri.path().to_owned(),
        headers: texts(&parts.headers),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    caught.lock().unwrap_or_else(PoisonError::into_inner).push_back(notify);
    "success"
}

/// The headers as text.
pub(crate) fn texts(headers: &HeaderMap) -> Headers {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
