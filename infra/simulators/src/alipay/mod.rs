//! A strict stand-in for Alipay: the open platform's gateway, the legacy gateway (MAPI), and a cashier to click on.
//!
//! The owner of the local stack opens one [`Simulator`], mounts its [`Simulator::router`], and calls
//! [`Simulator::run_due`] whenever its clock moves. It checks signatures and parameters as strictly as Alipay, from the
//! protocol description alone: nothing here is shared with the gateway under test.
//!
//! | route | what |
//! |---|---|
//! | `GET, POST /simulator/alipay/gateway.do` | open platform: page and WAP payments, server calls |
//! | `GET, POST /simulator/alipay/mapi/gateway.do` | legacy gateway |
//! | `GET, POST /simulator/alipay/cashier/{trade_no}` | the cashier; POST `action=pay` or `cancel` |
//! | `GET, POST /simulator/alipay/app` | an order string is pasted; POST `order_string` |
//! | `POST /_local/simulator/alipay/charset` `{"charset"}` | `GBK` or `utf-8`, for notifies and answers, see `charset.rs` |
//! | `GET /_local/simulator/alipay/settings` | channel settings of the built-in merchants |
//! | `POST /_local/simulator/alipay/balance` `{"merchant","empty"}` | whether an app id's account can refund |
//! | `POST /_local/simulator/alipay/faults` | what the next server calls suffer, see `faults.rs` |
//! | `GET /_local/simulator/alipay/trades/{out_trade_no}` | a trade and its notifies, see `door.rs` |
//! | `POST /_local/simulator/alipay/trades/{out_trade_no}/{open, pay, close, refund, finish}` | plays the buyer |
//!
//! Notifies caused by the cashier and by the JSON door are sent before the answer. Those caused by a gateway call (close,
//! cancel, refund) and by the clock are due at once and go out with the next [`Simulator::run_due`], so that a merchant
//! never waits inside its own request for its own notify endpoint.
//!
//! Left out on purpose: requests in GBK, SHA-1 on the open platform, service providers (`app_auth_token`), content encryption, bar-code
//! payments, bills, MAPI refunds over the wire, MAPI's DSA.

mod cashier;
mod door;
mod faults;
mod ledger;
mod letter;
mod mapi;
mod merchants;
mod notify;
mod openapi;
mod page;
mod signer;
#[cfg(test)]
mod tests;
mod trade;
mod yuan;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::Method;
use http::header::CONTENT_TYPE;

use self::ledger::Ledger;
use self::merchants::Merchants;
use crate::kit::handed::{Handed, Page};
use crate::kit::owner::{Clock, Incoming, NotifySender, REQUEST_BYTES_MAX, SimulatorError, SimulatorOptions};
use crate::kit::reply::Reply;
use crate::kit::{bill, charset, outbox};

/// The simulator. Clones share everything.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    base_url: String,
    clock: Clock,
    send: NotifySender,
    merchants: Merchants,
    ledger: Mutex<Ledger>,
    handed: Handed,
}

impl Simulator {
    /// Reads the state file, if there is one.
    ///
    /// # Errors
    /// `Key` if a built-in key is damaged, `State…` if the file cannot be read or understood. A missing file is an empty one.
    pub fn open(options: SimulatorOptions) -> Result<Self, SimulatorError> {
        Self::open_with(options, Merchants::built_in()?)
    }

    fn open_with(options: SimulatorOptions, merchants: Merchants) -> Result<Self, SimulatorError> {
        let ledger = Ledger::open(options.state_file)?;
        Ok(Self(Arc::new(Inner {
            base_url: options.base_url.trim_end_matches('/').to_owned(),
            clock: options.clock,
            send: options.send,
            merchants,
            ledger: Mutex::new(ledger),
            handed: Handed::default(),
        })))
    }

    /// All routes of the table above, with their full paths.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/simulator/alipay/{*path}", any(dispatch))
            .route("/_local/simulator/alipay/{*path}", any(dispatch))
            .with_state(self.clone())
    }

    /// The channel settings of the built-in merchants, by kind: `openapi`, `openapiCert`, `mapi`.
    pub fn settings(&self) -> serde_json::Value {
        merchants::settings(&self.0.base_url)
    }

    /// Closes trades whose time is over and sends every notify that is due at the clock's now, earliest first.
    pub async fn run_due(&self) {
        outbox::run(self, None).await;
    }

    /// When [`Self::run_due`] has something to do next; a time that has passed means at once.
    pub fn next_due(&self) -> Option<i64> {
        self.ledger().next_due()
    }

    /// Keeps what a charge handed out to its payer. The door's `pay` opens it if nobody did.
    pub fn keep(&self, page: Page) {
        self.0.handed.keep(page);
    }

    /// Does what the payer of an order does with what a charge handed out: opens the address, or gives the order string to the
    /// phone. `None` if there is nothing of ours to open.
    fn open_handed(&self, out_trade_no: &str) -> Result<Option<Reply>, SimulatorError> {
        let Some(page) = self.0.handed.find(out_trade_no) else { return Ok(None) };
        let address = page.text.strip_prefix(&format!("{}/simulator/alipay/", self.0.base_url));
        if let Some(query) = address.and_then(|address| address.strip_prefix("gateway.do?")) {
            return openapi::gateway::gateway(self, query, "").map(Some);
        }
        if let Some(query) = address.and_then(|address| address.strip_prefix("mapi/gateway.do?")) {
            return mapi::gateway::gateway(self, query, "").map(Some);
        }
        // Neither an address elsewhere nor another provider's page is an order string.
        if page.text.starts_with("http") || page.text.starts_with('<') {
            return Ok(None);
        }
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("order_string", &page.text).finish();
        Ok(Some(cashier::submit(self, &form)))
    }

    fn now(&self) -> i64 {
        (self.0.clock)()
    }

    fn merchants(&self) -> &Merchants {
        &self.0.merchants
    }

    fn cashier_url(&self, trade_no: &str) -> String {
        format!("{}/simulator/alipay/cashier/{trade_no}", self.0.base_url)
    }

    /// Works on the ledger as it stands at the clock's now, and stores it if it changed.
    fn with<T>(&self, work: impl FnOnce(&mut Ledger, i64) -> T) -> T {
        let now = self.now();
        let mut ledger = self.ledger();
        ledger.tick(now);
        let result = work(&mut ledger, now);
        if let Err(error) = ledger.save() {
            // The trade goes on in memory: a full disk should not look like a broken gateway.
            tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "the simulator's state is not stored");
        }
        result
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Work on the ledger leaves it whole at every step, so a panic elsewhere does not spoil it.
        self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bill_url(&self, app: &str, day: &str) -> String {
        format!("{}/simulator/alipay/bill/{app}/{day}", self.0.base_url)
    }

    fn bill(&self, app: &str, day: &str) -> Reply {
        let Some(bounds) = bill::bounds(day) else { return Reply::json_error(404, "no such day") };
        let (plants, rows) = self.with(|ledger, _| (ledger.plants.clone(), ledger.bill(app, bounds)));
        match bill::alipay_zip(plants.apply(app.to_owned(), rows)) {
            Ok(zip) => Reply::new(200, "application/zip", zip),
            Err(error) => Reply::json_error(500, error.to_string()),
        }
    }

    fn plant(&self, body: &[u8]) -> Reply {
        match bill::read_plants(body) {
            Ok(plants) => {
                self.with(|ledger, _| ledger.plants = plants);
                Reply::json(200, &serde_json::json!({}))
            }
            Err(reply) => reply,
        }
    }

    async fn answer(&self, request: &Incoming) -> Reply {
        let answered = self.route(request).await;
        answered.unwrap_or_else(|error| {
            tracing::error!(error = %error, "the simulator could not answer");
            Reply::new(500, "text/plain", error.to_string())
        })
    }

    async fn route(&self, request: &Incoming) -> Result<Reply, SimulatorError> {
        let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        let query = request.query.as_str();
        let text = match request.form() {
            Ok(text) => text,
            Err(reply) => return Ok(reply),
        };
        let (get, post) = (request.method == Method::GET, request.method == Method::POST);
        Ok(match path.as_slice() {
            ["simulator", "alipay", "gateway.do"] if get || post => openapi::gateway::gateway(self, query, text)?,
            ["simulator", "alipay", "mapi", "gateway.do"] if get || post => mapi::gateway::gateway(self, query, text)?,
            ["simulator", "alipay", "cashier", trade_no] if get => cashier::show(self, trade_no),
            ["simulator", "alipay", "cashier", trade_no] if post => cashier::act(self, trade_no, text).await?,
            ["simulator", "alipay", "app"] if get => cashier::phone(),
            ["simulator", "alipay", "app"] if post => cashier::submit(self, text),
            ["simulator", "alipay", "bill", app, day] if get => self.bill(app, day),
            ["_local", "simulator", "alipay", "bill"] if post => self.plant(&request.body),
            ["_local", "simulator", "alipay", "settings"] if get => Reply::json(200, &self.settings()),
            ["_local", "simulator", "alipay", "balance"] if post => {
                self.with(|ledger, _| ledger.balances.change(&request.body))
            }
            ["_local", "simulator", "alipay", "charset"] if post => {
                charset::order(&request.body, |charset| self.with(|ledger, _| ledger.charset = charset))
            }
            ["_local", "simulator", "alipay", "faults"] if post => faults::order(self, &request.body),
            ["_local", "simulator", "alipay", "trades", number] if get => door::show(self, number, query),
            ["_local", "simulator", "alipay", "trades", number, action] if post => {
                door::act(self, (number, action), query, &request.body).await?
            }
            _ => Reply::json_error(404, "no such page or method"),
        })
    }
}

async fn dispatch(State(simulator): State<Simulator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let Ok(body) = axum::body::to_bytes(body, REQUEST_BYTES_MAX).await else {
        return Reply::new(413, "text/plain", "the body is cut off or larger than 1 MiB").into_response();
    };
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let incoming = Incoming {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query,
        content_type: content_type.to_owned(),
        body,
    };
    let reply = simulator.answer(&incoming).await;
    if reply.hold_ms > 0 {
        // Real time, not the owner's clock: it is the client's patience that is tested.
        tokio::time::sleep(Duration::from_millis(reply.hold_ms)).await;
    }
    reply.into_response()
}
