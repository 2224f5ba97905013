//! A strict stand-in for WeChat Pay (`api.mch.weixin.qq.com`): APIv3, the legacy v2, the buyer's phone and a cashier.
//!
//! The owner of the local stack opens one [`Simulator`], mounts its [`Simulator::router`], and calls
//! [`Simulator::run_due`] whenever its clock moves. It checks signatures and parameters as strictly as WeChat. It is written from
//! the protocol description alone and shares nothing with the gateway under test.
//!
//! The gateway's base URL is `…/simulator/wechat`. A v3 signature covers the path **as it is on the request line**. So here it
//! covers `/simulator/wechat/v3/…` with this prefix: a client that joins base URL and path before it signs does this. A client that
//! signs another path than it sends has a bug, and WeChat would refuse it.
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
//! | `POST /bridge`, `POST /bridge/{ticket}` | `WeixinJSBridge` of the in-app browser, see `bridge.rs` |
//! | `GET /connect/oauth2/authorize` | the silent authorisation, `open.weixin.qq.com`: inside WeChat only, see `oauth.rs` |
//! | `GET /sns/oauth2/access_token` | the payer's openid for a code, `api.weixin.qq.com` |
//!
//! | route under `/_local/simulator/wechat` | what |
//! |---|---|
//! | `GET /settings` | channel settings of the built-in merchants |
//! | `POST /settings` `{"stage"}` | platform certificate roll-over, see `roll_over.rs` |
//! | `POST /balance` `{"merchant","empty"}` | whether a merchant's account can refund |
//! | `POST /faults` | faults of the next server calls, see `faults.rs` |
//! | `POST /registered` `{"domain","directory","h5Domain","oauthFault"}` | what the merchants registered, see `registered.rs` |
//! | `GET /trades/{out_trade_no}`, `POST …/{pay, fail, close, refund}` | a trade, its notifies; plays the buyer, see `door.rs` |
//!
//! Notifies caused by the cashier and by the JSON door are sent before the answer. Those caused by the clock (refunds settle five
//! seconds after they were accepted) are sent by the next [`Simulator::run_due`].
//!
//! At WeChat `/secapi/pay/refund` requires the merchant's client certificate. Plain HTTP on a local port has none, so the call is
//! accepted without it: **a gateway that passes here may still lack its certificate in production.**
//!
//! Left out on purpose: service providers, combined and bar-code payments, `Wechatpay-Serial` encryption of
//! personal fields, limits on calls, the merchant platform's own notify address.

mod bill;
mod bridge;
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
mod oauth;
mod page;
mod payers;
mod phone;
mod registered;
mod roll_over;
mod simulator;
#[cfg(test)]
mod tests;
mod trade;
mod v2;
mod v3;

use http::Method;

pub use self::simulator::Simulator;
use crate::kit::answer::Answer;
use crate::kit::bill::plant;
use crate::kit::fault;
use crate::kit::owner::SimulatorError;
use crate::kit::reply::Reply;
use crate::kit::server::{BodyMax, Incoming, Served};

impl Served for Simulator {
    const NAME: &'static str = "wechat";
    const BODY_MAX: BodyMax = BodyMax { bytes: 256 * 1024, words: "256 KiB" };

    async fn route(&self, request: &Incoming) -> Result<Answer, SimulatorError> {
        let path: Vec<&str> = request.path().trim_start_matches('/').split('/').collect();
        let (get, post) = (request.method == Method::GET, request.method == Method::POST);
        Ok(match path.as_slice() {
            ["simulator", "wechat", "v3", "billdownload", "file"] if get => v3::bill::download(self, request),
            ["_local", "simulator", "wechat", "bill"] if post => {
                plant(&request.body, |plants| self.with(|ledger, _| ledger.plants = plants)).into()
            }
            ["simulator", "wechat", "v3", rest @ ..] => v3::answer(self, request, rest)?,
            ["simulator", "wechat", "pay"] if get => phone::show().into(),
            ["simulator", "wechat", "pay"] if post => phone::submit(self, request)?.into(),
            ["simulator", "wechat", "h5"] if get => phone::h5(self, request)?.into(),
            ["simulator", "wechat", "cashier", ticket] if get => cashier::show(self, ticket).into(),
            ["simulator", "wechat", "cashier", ticket] if post => cashier::act(self, ticket, request).await.into(),
            ["simulator", "wechat", "connect", "oauth2", "authorize"] if get => oauth::authorize(self, request)?.into(),
            ["simulator", "wechat", "sns", "oauth2", "access_token"] => oauth::access_token(self, request)?.into(),
            ["simulator", "wechat", "bridge"] if post => bridge::open(self, request)?.into(),
            ["simulator", "wechat", "bridge", ticket] if post => bridge::pay(self, ticket).await.into(),
            ["simulator", "wechat", "pay", call] => v2::answer(self, request, call)?.into(),
            ["simulator", "wechat", "secapi", "pay", "refund"] => v2::answer(self, request, "refund")?.into(),
            ["_local", "simulator", "wechat", "settings"] if get => Reply::json(200, &self.settings()).into(),
            ["_local", "simulator", "wechat", "settings"] if post => roll_over::order(self, &request.body).into(),
            ["_local", "simulator", "wechat", "registered"] if post => registered::change(self, &request.body).into(),
            ["_local", "simulator", "wechat", "balance"] if post => {
                self.with(|ledger, _| ledger.balances.change(&request.body)).into()
            }
            ["_local", "simulator", "wechat", "faults"] if post => {
                fault::order(&request.body, |faults| self.with(|ledger, _| ledger.faults = faults)).into()
            }
            ["_local", "simulator", "wechat", "trades", number] if get => {
                door::show(self, number, request.query()).into()
            }
            ["_local", "simulator", "wechat", "trades", number, action] if post => {
                door::act(self, number, action, request).await?.into()
            }
            _ => Reply::json_error(404, "no such page or method").into(),
        })
    }
}
