//! A strict stand-in for UnionPay (ACP 5.1.0): the gateway of gateway.95516.com, and a cashier in the browser.
//!
//! The owner of the local stack opens one [`Simulator`], mounts its [`Simulator::router`], and calls
//! [`Simulator::run_due`] whenever its clock moves. It checks signatures and fields as strictly as UnionPay. It is written from the
//! protocol description alone and shares nothing with the gateway under test.
//!
//! | route | what |
//! |---|---|
//! | `POST /simulator/unionpay/gateway/api/frontTransReq.do` | web payment, by the buyer's browser |
//! | `POST …/appTransReq.do`, `…/queryTrans.do`, `…/backTransReq.do` | app payment; query; refund and void |
//! | `POST /simulator/unionpay/file/` | the files of a settlement day |
//! | `POST /_local/simulator/unionpay/bill` | plants false content in the files |
//! | `GET, POST /simulator/unionpay/cashier/{tn}` | the cashier; POST `action=pay` or `cancel` |
//! | `POST /simulator/unionpay/bridge`, `…/bridge/{tn}` | `upsdk.pay` of the in-app browser, see `bridge.rs` |
//! | `GET, POST /simulator/unionpay/app` | the `tn` of an app payment is pasted; POST `tn` |
//! | `GET /_local/simulator/unionpay/settings` | channel settings of the built-in merchants |
//! | `POST /_local/simulator/unionpay/balance` `{"merchant","empty"}` | whether a merchant's account can refund |
//! | `POST /_local/simulator/unionpay/charset` `{"charset"}` | `GBK` or `utf-8`, for notifies and answers |
//! | `POST /_local/simulator/unionpay/faults` | faults of the next server calls, see `faults.rs` |
//! | `GET /_local/simulator/unionpay/orders/{orderId}` | a transaction and its notifies, see `door.rs` |
//! | `POST /_local/simulator/unionpay/orders/{orderId}/{pay, cancel, refund}` | plays the payer and the back office |
//!
//! Notifies caused by the cashier and by the JSON door are sent before the answer. Those caused by a refund or void are due at once
//! and are sent by the next [`Simulator::run_due`]. So a merchant never waits inside its own request for its own notify endpoint.
//!
//! Left out on purpose: signMethod 11 and 12, versions 5.0.0 and 6.0.0, instalments, pre-authorisation, B2B and token
//! products, decryption of sensitive fields, query by `queryId`, the phone control's signed result.

mod bridge;
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
mod simulator;
#[cfg(test)]
mod tests;
mod transaction;

use http::Method;

use self::gateway::Endpoint;
pub use self::simulator::Simulator;
use crate::kit::answer::Answer;
use crate::kit::owner::SimulatorError;
use crate::kit::reply::Reply;
use crate::kit::server::{BodyMax, Incoming, Served};
use crate::kit::{bill, charset, fault};

impl Served for Simulator {
    const NAME: &'static str = "unionpay";
    const BODY_MAX: BodyMax = BodyMax::MIB;

    async fn route(&self, request: &Incoming) -> Result<Answer, SimulatorError> {
        let path: Vec<&str> = request.path().trim_start_matches('/').split('/').collect();
        let (get, post) = (request.method == Method::GET, request.method == Method::POST);
        let query = request.query();
        let reply = match path.as_slice() {
            ["simulator", "unionpay", "gateway", "api", "frontTransReq.do"] if post => gateway::front(self, request),
            ["simulator", "unionpay", "gateway", "api", name] if post => match *name {
                "appTransReq.do" => gateway::server(self, Endpoint::App, request)?,
                "queryTrans.do" => gateway::server(self, Endpoint::Query, request)?,
                "backTransReq.do" => gateway::server(self, Endpoint::Back, request)?,
                _ => Reply::json_error(404, "no such page or method"),
            },
            ["simulator", "unionpay", "file", ""] if post => gateway::server(self, Endpoint::File, request)?,
            ["_local", "simulator", "unionpay", "bill"] if post => {
                bill::plant(&request.body, |plants| self.with(|ledger, _| ledger.plants = plants))
            }
            ["simulator", "unionpay", "cashier", tn] if get => cashier::show(self, tn),
            ["simulator", "unionpay", "cashier", tn] if post => match request.form() {
                Ok(body) => cashier::act(self, tn, body).await?,
                Err(reply) => reply,
            },
            ["simulator", "unionpay", "bridge"] if post => bridge::open(self, request),
            ["simulator", "unionpay", "bridge", tn] if post => bridge::pay(self, tn).await,
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
            ["_local", "simulator", "unionpay", "faults"] if post => {
                fault::order(&request.body, |faults| self.with(|ledger, _| ledger.faults = faults))
            }
            ["_local", "simulator", "unionpay", "orders", number] if get => door::show(self, number, query),
            ["_local", "simulator", "unionpay", "orders", number, action] if post => {
                door::act(self, number, action, query, &request.body).await
            }
            _ => Reply::json_error(404, "no such page or method"),
        };
        Ok(reply.into())
    }
}
