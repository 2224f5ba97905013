//! A strict stand-in for Alipay: the open platform's gateway, the legacy gateway (MAPI), and a cashier in the browser.
//!
//! The owner of the local stack opens one [`Simulator`], mounts its [`Simulator::router`], and calls
//! [`Simulator::run_due`] whenever its clock moves. It checks signatures and parameters as strictly as Alipay. It is written from
//! the protocol description alone and shares nothing with the gateway under test.
//!
//! | route | what |
//! |---|---|
//! | `GET, POST /simulator/alipay/gateway.do` | open platform: page and WAP payments, server calls |
//! | `GET, POST /simulator/alipay/mapi/gateway.do` | legacy gateway |
//! | `GET, POST /simulator/alipay/cashier/{trade_no}` | the cashier; POST `action=pay` or `cancel` |
//! | `POST /simulator/alipay/bridge`, `…/bridge/{trade_no}` | `AlipayJSBridge` of the in-app browser, see `bridge.rs` |
//! | `GET, POST /simulator/alipay/app` | an order string is pasted; POST `order_string` |
//! | `POST /_local/simulator/alipay/charset` `{"charset"}` | `GBK` or `utf-8`, for notifies and answers, see `kit/charset.rs` |
//! | `GET /_local/simulator/alipay/settings` | channel settings of the built-in merchants |
//! | `POST /_local/simulator/alipay/balance` `{"merchant","empty"}` | whether an app id's account can refund |
//! | `POST /_local/simulator/alipay/faults` | faults of the next server calls, see `kit/fault.rs` |
//! | `GET /_local/simulator/alipay/trades/{out_trade_no}` | a trade and its notifies, see `door.rs` |
//! | `POST /_local/simulator/alipay/trades/{out_trade_no}/{open, pay, close, refund, finish}` | plays the buyer |
//!
//! Notifies caused by the cashier and by the JSON door are sent before the answer. Those caused by a gateway call (close, cancel,
//! refund) and by the clock are due at once and are sent by the next [`Simulator::run_due`]. So a merchant never waits inside its
//! own request for its own notify endpoint.
//!
//! Left out on purpose: requests in GBK, SHA-1 on the open platform, service providers (`app_auth_token`), content encryption,
//! bar-code payments, MAPI refunds over the wire, MAPI's DSA.

mod bill;
mod bridge;
mod cashier;
mod door;
mod ledger;
mod letter;
mod mapi;
mod merchants;
mod notify;
mod openapi;
mod page;
mod signer;
mod simulator;
#[cfg(test)]
mod tests;
mod trade;
mod yuan;

use http::Method;

pub use self::simulator::Simulator;
use crate::kit::answer::Answer;
use crate::kit::bill::plant;
use crate::kit::owner::SimulatorError;
use crate::kit::reply::Reply;
use crate::kit::server::{BodyMax, Incoming, Served};
use crate::kit::{charset, fault};

impl Served for Simulator {
    const NAME: &'static str = "alipay";
    const BODY_MAX: BodyMax = BodyMax::MIB;

    async fn route(&self, request: &Incoming) -> Result<Answer, SimulatorError> {
        let path: Vec<&str> = request.path().trim_start_matches('/').split('/').collect();
        let query = request.query();
        let text = match request.form() {
            Ok(text) => text,
            Err(reply) => return Ok(reply.into()),
        };
        let (get, post) = (request.method == Method::GET, request.method == Method::POST);
        let reply = match path.as_slice() {
            ["simulator", "alipay", "gateway.do"] if get || post => openapi::gateway::gateway(self, query, text)?,
            ["simulator", "alipay", "mapi", "gateway.do"] if get || post => mapi::gateway::gateway(self, query, text)?,
            ["simulator", "alipay", "cashier", trade_no] if get => cashier::show(self, trade_no),
            ["simulator", "alipay", "cashier", trade_no] if post => cashier::act(self, trade_no, text).await?,
            ["simulator", "alipay", "bridge"] if post => bridge::open(self, request),
            ["simulator", "alipay", "bridge", trade_no] if post => bridge::pay(self, trade_no).await,
            ["simulator", "alipay", "app"] if get => cashier::phone(),
            ["simulator", "alipay", "app"] if post => cashier::submit(self, text),
            ["simulator", "alipay", "bill", app, day] if get => bill::answer(self, app, day),
            ["_local", "simulator", "alipay", "bill"] if post => {
                plant(&request.body, |plants| self.with(|ledger, _| ledger.plants = plants))
            }
            ["_local", "simulator", "alipay", "settings"] if get => Reply::json(200, &self.settings()),
            ["_local", "simulator", "alipay", "balance"] if post => {
                self.with(|ledger, _| ledger.balances.change(&request.body))
            }
            ["_local", "simulator", "alipay", "charset"] if post => {
                charset::order(&request.body, |charset| self.with(|ledger, _| ledger.charset = charset))
            }
            ["_local", "simulator", "alipay", "faults"] if post => {
                fault::order(&request.body, |faults| self.with(|ledger, _| ledger.faults = faults))
            }
            ["_local", "simulator", "alipay", "trades", number] if get => door::show(self, number, query),
            ["_local", "simulator", "alipay", "trades", number, action] if post => {
                door::act(self, number, action, query, &request.body).await?
            }
            _ => Reply::json_error(404, "no such page or method"),
        };
        Ok(reply.into())
    }
}
