//! A strict stand-in for WeChat Pay (`api.mch.weixin.qq.com`): APIv3, the legacy v2, the buyer's phone and a cashier.
//!
//! The owner of the local stack opens one [`Simulator`], mounts its [`Simulator::router`], and calls
//! [`Simulator::run_due`] whenever its clock moves. It checks signatures and parameters as strictly as WeChat, from the
//! protocol description alone: nothing here is shared with the gateway under test.
//!
//! The gateway's base URL is `…/simulator/wechat`. A v3 signature covers the path **as it stands on the request line**, so
//! here it covers `/simulator/wechat/v3/…`, prefix included: that is what a client signs that joins base URL and path
//! before signing, and a client that signs another path than it sends has the bug that WeChat would refuse.
//!
//! | route under `/simulator/wechat` | what |
//! |---|---|
//! | `POST /v3/pay/transactions/{app, jsapi, native, h5}` | order |
//! | `GET /v3/pay/transactions/{out-trade-no, id}/{number}?mchid=` | query |
//! | `POST /v3/pay/transactions/out-trade-no/{number}/close` | close, 204 |
//! | `POST /v3/refund/domestic/refunds`, `GET …/{out_refund_no}` | refund, refund query |
//! | `GET /v3/certificates` | platform certificates, encrypted |
//! | `POST /pay/{unifiedorder, orderquery, closeorder, refundquery}`, `POST /secapi/pay/refund` | v2, XML |
//! | `GET, POST /pay` | the phone: client parameters or a `weixin://` code are pasted, see `phone.rs` |
//! | `GET /h5?prepay_id=&package=` | where `h5_url` and `mweb_url` lead |
//! | `GET, POST /cashier/{ticket}` | the cashier; POST `action=pay` or `cancel` |
//!
//! | route under `/_local/simulator/wechat` | what |
//! |---|---|
//! | `GET /settings` | channel settings of the built-in merchants |
//! | `POST /settings` `{"stage"}` | platform certificate roll-over, see `merchants.rs` |
//! | `POST /balance` `{"merchant","empty"}` | whether a merchant's account can refund |
//! | `POST /faults` | what the next server calls suffer, see `faults.rs` |
//! | `GET /trades/{out_trade_no}`, `POST …/{pay, fail, close, refund}` | a trade, its notifies; plays the buyer, see `door.rs` |
//!
//! Notifies caused by the cashier and by the JSON door are sent before the answer. Those caused by the clock (refunds
//! settle five seconds after they were accepted) go out with the next [`Simulator::run_due`].
//!
//! `/secapi/pay/refund` needs the merchant's client certificate at WeChat. Plain HTTP on a local port shows none, so it is
//! accepted without: **a gateway that passes here may still lack its certificate in production.**
//!
//! Left out on purpose: service providers, combined and bar-code payments, `Wechatpay-Serial` encryption of
//! personal fields, registered H5 domains and JSAPI paths, limits on calls, the merchant platform's own notify address.

mod answer;
mod cashier;
mod crypto;
mod door;
mod faults;
mod fen;
mod ledger;
mod letter;
mod merchants;
mod moment;
mod notify;
mod page;
mod phone;
#[cfg(test)]
mod tests;
mod trade;
mod v2;
mod v3;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

use self::answer::Answer;
use self::ledger::Ledger;
use self::merchants::Merchants;
use crate::kit::bill::read_plants;
use crate::kit::outbox;
use crate::kit::owner::{Clock, NotifySender, SimulatorError, SimulatorOptions};
use crate::kit::reply::Reply;

/// Largest body and query. An order is a few kilobytes.
const REQUEST_BYTES_MAX: usize = 256 * 1024;

/// The simulator. Clones share everything.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    base_url: String,
    clock: Clock,
    send: NotifySender,
    merchants: Merchants,
    ledger: Mutex<Ledger>,
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
        })))
    }

    /// All routes of the tables above, with their full paths.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/simulator/wechat/{*path}", any(dispatch))
            .route("/_local/simulator/wechat/{*path}", any(dispatch))
            .with_state(self.clone())
    }

    /// The channel settings of the built-in merchants: `{kind: {"wx_app": {…}, "wx_mp": {…}}}` with the kinds
    /// `v3Certificate`, `v3PublicKey`, `v3Both`, `v2Md5` and `v2HmacSha256`; `v3BothV2` is `v3Both` before it moved on from v2.
    pub fn settings(&self) -> serde_json::Value {
        merchants::settings(&self.0.base_url)
    }

    /// Closes orders whose time is over, settles refunds, and sends every notify that is due at the clock's now, earliest first.
    pub async fn run_due(&self) {
        outbox::run(self, None).await;
    }

    /// When [`Self::run_due`] has something to do next; a time that has passed means at once.
    pub fn next_due(&self) -> Option<i64> {
        self.ledger().next_due()
    }

    fn now(&self) -> i64 {
        (self.0.clock)()
    }

    fn merchants(&self) -> &Merchants {
        &self.0.merchants
    }

    fn url(&self, path: &str) -> String {
        format!("{}/simulator/wechat/{path}", self.0.base_url)
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

    fn plant(&self, body: &[u8]) -> Reply {
        match read_plants(body) {
            Ok(plants) => {
                self.with(|ledger, _| ledger.plants = plants);
                Reply::json(200, &serde_json::json!({}))
            }
            Err(reply) => reply,
        }
    }

    async fn answer(&self, request: &Incoming) -> Answer {
        let answered = self.route(request).await;
        answered.unwrap_or_else(|error| {
            tracing::error!(error = %error, "the simulator could not answer");
            Reply::new(500, "text/plain", error.to_string()).into()
        })
    }

    async fn route(&self, request: &Incoming) -> Result<Answer, SimulatorError> {
        let path: Vec<&str> = request.path().trim_start_matches('/').split('/').collect();
        let (get, post) = (request.method == Method::GET, request.method == Method::POST);
        Ok(match path.as_slice() {
            ["simulator", "wechat", "v3", "billdownload", "file"] if get => v3::bill::download(self, request),
            ["_local", "simulator", "wechat", "bill"] if post => self.plant(&request.body).into(),
            ["simulator", "wechat", "v3", rest @ ..] => v3::answer(self, request, rest)?,
            ["simulator", "wechat", "pay"] if get => phone::show().into(),
            ["simulator", "wechat", "pay"] if post => phone::submit(self, request)?.into(),
            ["simulator", "wechat", "h5"] if get => phone::h5(self, request.query())?.into(),
            ["simulator", "wechat", "cashier", ticket] if get => cashier::show(self, ticket).into(),
            ["simulator", "wechat", "cashier", ticket] if post => cashier::act(self, ticket, request).await.into(),
            ["simulator", "wechat", "pay", call] => v2::answer(self, request, call)?.into(),
            ["simulator", "wechat", "secapi", "pay", "refund"] => v2::answer(self, request, "refund")?.into(),
            ["_local", "simulator", "wechat", "settings"] if get => Reply::json(200, &self.settings()).into(),
            ["_local", "simulator", "wechat", "settings"] if post => merchants::roll_over(self, &request.body).into(),
            ["_local", "simulator", "wechat", "balance"] if post => {
                self.with(|ledger, _| ledger.balances.change(&request.body)).into()
            }
            ["_local", "simulator", "wechat", "faults"] if post => faults::order(self, &request.body).into(),
            ["_local", "simulator", "wechat", "trades", number] if get => {
                door::show(self, number, request.query()).into()
            }
            ["_local", "simulator", "wechat", "trades", number, action] if post => {
                door::act(self, (number, action), request).await?.into()
            }
            _ => Reply::json_error(404, "no such page or method").into(),
        })
    }
}

/// A request, read whole.
struct Incoming {
    method: Method,
    /// Path and query as they stand on the request line: what a v3 signature covers.
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Incoming {
    fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// A header that is given once; given twice, it counts as absent.
    fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }

    /// The content type without its parameters, in lower case.
    fn content_type(&self) -> String {
        let whole = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

async fn dispatch(State(simulator): State<Simulator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, REQUEST_BYTES_MAX).await else {
        return Reply::new(413, "text/plain", "the body is cut off or larger than 256 KiB").into_response();
    };
    let target = parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let incoming = Incoming { method: parts.method, target, headers: parts.headers, body };
    let answer = simulator.answer(&incoming).await;
    if answer.reply.hold_ms > 0 {
        // Real time, not the owner's clock: it is the client's patience that is tested.
        tokio::time::sleep(Duration::from_millis(answer.reply.hold_ms)).await;
    }
    answer.into_response()
}
