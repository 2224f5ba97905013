//! A strict stand-in for UnionPay (ACP 5.1.0): the gateway of gateway.95516.com, and a cashier to click on.
//!
//! The owner of the local stack opens one [`UnionPaySimulator`], mounts its [`UnionPaySimulator::router`], and calls
//! [`UnionPaySimulator::run_due`] whenever its clock moves. It checks signatures and fields as strictly as UnionPay, from the
//! protocol description alone: nothing here is shared with the gateway under test.
//!
//! | route | what |
//! |---|---|
//! | `POST /simulator/unionpay/gateway/api/frontTransReq.do` | web payment, by the buyer's browser |
//! | `POST …/appTransReq.do`, `…/queryTrans.do`, `…/backTransReq.do` | app payment; query; refund and void |
//! | `POST /simulator/unionpay/file/` | the files of a settlement day |
//! | `POST /_local/simulator/unionpay/bill` | what the files say that is not so |
//! | `GET, POST /simulator/unionpay/cashier/{tn}` | the cashier; POST `action=pay` or `cancel` |
//! | `GET, POST /simulator/unionpay/app` | the `tn` of an app payment is pasted; POST `tn` |
//! | `GET /_local/simulator/unionpay/settings` | channel settings of the built-in merchants |
//! | `POST /_local/simulator/unionpay/balance` `{"merchant","empty"}` | whether a merchant's account can refund |
//! | `POST /_local/simulator/unionpay/charset` `{"charset"}` | `GBK` or `utf-8`, for notifies and answers |
//! | `POST /_local/simulator/unionpay/faults` | what the next server calls suffer, see `faults.rs` |
//! | `GET /_local/simulator/unionpay/orders/{orderId}` | a transaction and its notifies, see `door.rs` |
//! | `POST /_local/simulator/unionpay/orders/{orderId}/{pay, cancel, refund}` | plays the payer and the back office |
//!
//! Notifies caused by the cashier and by the JSON door are sent before the answer. Those caused by a refund or void are due
//! at once and go out with the next [`UnionPaySimulator::run_due`], so that a merchant never waits inside its own request
//! for its own notify endpoint.
//!
//! Left out on purpose: signMethod 11 and 12, versions 5.0.0 and 6.0.0, instalments, pre-authorisation, B2B and token
//! products, decryption of sensitive fields, query by `queryId`, the phone control's signed result.

mod cashier;
mod codes;
mod door;
mod faults;
mod file;
mod gateway;
mod ledger;
mod letter;
mod merchants;
mod message;
mod moment;
mod notify;
mod page;
mod request;
mod signing;
#[cfg(test)]
mod tests;
mod transaction;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::Method;
use http::header::CONTENT_TYPE;

use self::gateway::Endpoint;
use self::ledger::Ledger;
use self::merchants::Registry;
use crate::kit::bill::read_plants;
use crate::kit::handed::{Handed, Page};
use crate::kit::owner::{Clock, FORM, Incoming, NotifySender, REQUEST_BYTES_MAX, SimulatorError, SimulatorOptions};
use crate::kit::reply::Reply;
use crate::kit::{charset, outbox};

/// The simulator. Clones share everything.
#[derive(Clone)]
pub struct UnionPaySimulator(Arc<Inner>);

struct Inner {
    base_url: String,
    clock: Clock,
    send: NotifySender,
    registry: Registry,
    ledger: Mutex<Ledger>,
    handed: Handed,
}

impl UnionPaySimulator {
    /// Reads the state file, if there is one. It must be another file than that of the Alipay simulator.
    ///
    /// # Errors
    /// `Key` if a built-in key is damaged, `State…` if the file cannot be read or understood. A missing file is an empty one.
    pub fn open(options: SimulatorOptions) -> Result<Self, SimulatorError> {
        Self::open_with(options, Registry::built_in()?)
    }

    fn open_with(options: SimulatorOptions, registry: Registry) -> Result<Self, SimulatorError> {
        let ledger = Ledger::open(options.state_file)?;
        Ok(Self(Arc::new(Inner {
            base_url: options.base_url.trim_end_matches('/').to_owned(),
            clock: options.clock,
            send: options.send,
            registry,
            ledger: Mutex::new(ledger),
            handed: Handed::default(),
        })))
    }

    /// All routes of the table above, with their full paths.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/simulator/unionpay/{*path}", any(dispatch))
            .route("/_local/simulator/unionpay/{*path}", any(dispatch))
            .with_state(self.clone())
    }

    /// The channel settings of the built-in merchants, by tab: `unipay_app`, `unipay_web`.
    pub fn settings(&self) -> serde_json::Value {
        merchants::settings(&self.0.base_url)
    }

    /// Lets the clock's now take effect and sends every notify that is due, earliest first.
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

    /// Submits the form of the page that a charge handed out, as the payer's browser does. `None` if there is none.
    fn open_handed(&self, order_id: &str) -> Option<Reply> {
        let page = self.0.handed.find(order_id).filter(|page| page.text.starts_with('<'))?;
        let request = Incoming {
            method: Method::POST,
            path: String::new(),
            query: String::new(),
            content_type: FORM.to_owned(),
            body: page::form_of(&page.text).into(),
        };
        Some(gateway::front(self, &request))
    }

    fn now(&self) -> i64 {
        (self.0.clock)()
    }

    fn registry(&self) -> &Registry {
        &self.0.registry
    }

    fn cashier_url(&self, tn: &str) -> String {
        format!("{}/simulator/unionpay/cashier/{tn}", self.0.base_url)
    }

    /// Works on the ledger as it stands at the clock's now, and stores it if it changed.
    fn with<T>(&self, work: impl FnOnce(&mut Ledger, i64) -> T) -> T {
        let now = self.now();
        let mut ledger = self.ledger();
        ledger.tick(now);
        let result = work(&mut ledger, now);
        if let Err(error) = ledger.save() {
            // The order goes on in memory: a full disk should not look like a broken gateway.
            tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "the simulator's state is not stored");
        }
        result
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Work on the ledger leaves it whole at every step, so a panic elsewhere does not spoil it.
        self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner)
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
        let (get, post) = (request.method == Method::GET, request.method == Method::POST);
        let query = request.query.as_str();
        Ok(match path.as_slice() {
            ["simulator", "unionpay", "gateway", "api", "frontTransReq.do"] if post => gateway::front(self, request),
            ["simulator", "unionpay", "gateway", "api", name] if post => match *name {
                "appTransReq.do" => gateway::server(self, Endpoint::App, request)?,
                "queryTrans.do" => gateway::server(self, Endpoint::Query, request)?,
                "backTransReq.do" => gateway::server(self, Endpoint::Back, request)?,
                _ => Reply::json_error(404, "no such page or method"),
            },
            ["simulator", "unionpay", "file", ""] if post => gateway::server(self, Endpoint::File, request)?,
            ["_local", "simulator", "unionpay", "bill"] if post => match read_plants(&request.body) {
                Ok(plants) => {
                    self.with(|ledger, _| ledger.plants = plants);
                    Reply::json(200, &serde_json::json!({}))
                }
                Err(reply) => reply,
            },
            ["simulator", "unionpay", "cashier", tn] if get => cashier::show(self, tn),
            ["simulator", "unionpay", "cashier", tn] if post => match request.form() {
                Ok(body) => cashier::act(self, tn, body).await?,
                Err(reply) => reply,
            },
            ["simulator", "unionpay", "app"] if get => cashier::phone(),
            ["simulator", "unionpay", "app"] if post => match request.form() {
                Ok(body) => cashier::submit(self, body),
                Err(reply) => reply,
            },
            ["_local", "simulator", "unionpay", "settings"] if get => Reply::json(200, &self.settings()),
            ["_local", "simulator", "unionpay", "balance"] if post => {
                self.with(|ledger, _| ledger.balances.change(&request.body))
            }
            ["_local", "simulator", "unionpay", "charset"] if post => {
                charset::order(&request.body, |charset| self.with(|ledger, _| ledger.charset = charset))
            }
            ["_local", "simulator", "unionpay", "faults"] if post => faults::order(self, &request.body),
            ["_local", "simulator", "unionpay", "orders", number] if get => door::show(self, number, query),
            ["_local", "simulator", "unionpay", "orders", number, action] if post => {
                door::act(self, (number, action), query, &request.body).await
            }
            _ => Reply::json_error(404, "no such page or method"),
        })
    }
}

async fn dispatch(State(simulator): State<UnionPaySimulator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, REQUEST_BYTES_MAX).await else {
        return Reply::new(413, "text/plain", "the body is cut off or larger than 1 MiB").into_response();
    };
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let incoming = Incoming {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
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
