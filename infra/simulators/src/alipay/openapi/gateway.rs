//! `gateway.do` of the open platform, and the entry for an order string from a phone.

use super::super::page;
use super::super::simulator::Simulator;
use super::super::trade::Order;
use super::answer::{self, Node, Signing};
use super::common::{self, value};
use super::operations::{Call, perform};
use super::order::{self, APP, PAGE, WAP, refusal_of};
use super::{Refusal, illegal};
use crate::kit::charset::Charset;
use crate::kit::fault::{Fault, spoil};
use crate::kit::form::{self, Params};
use crate::kit::owner::SimulatorError;
use crate::kit::reply::Reply;

/// Bytes that a percent-encoded value never contains unencoded. `=` is one of them: raw base64 ends with it.
const NEVER_BARE: &[u8] = b" \"<>\\^`{|}=#";

/// `GET|POST /simulator/alipay/gateway.do`.
pub(in super::super) fn gateway(simulator: &Simulator, query: &str, body: &str) -> Result<Reply, SimulatorError> {
    let now = simulator.now();
    let params = match form::merge(query, body, Some("charset")) {
        Ok(params) => params,
        Err(error) => {
            let node = answer::failure(&common::unreadable(&error));
            return answer::write(simulator.merchants(), "error_response", &node, None, Signing::Alipay, Charset::Utf8);
        }
    };
    match value(&params, "method") {
        Some(PAGE | WAP) => Ok(browser(simulator, &params, now)),
        method => server(simulator, &params, method, now),
    }
}

/// Checks an order string as the phone's Alipay would, and opens its cashier.
pub(in super::super) fn order_string(simulator: &Simulator, text: &str) -> Result<String, Refusal> {
    let now = simulator.now();
    for pair in text.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let bare = |byte: u8| !byte.is_ascii_graphic() || NEVER_BARE.contains(&byte);
        if name.bytes().any(bare) || value.bytes().any(bare) {
            let start = form::start_of(pair);
            return Err(illegal("isv.invalid-parameter", format!("参数无效: `{start}` is not percent-encoded")));
        }
    }
    let params = form::merge("", text, None).map_err(|error| common::unreadable(&error))?;
    if value(&params, "method").is_some_and(|method| method != APP) {
        return Err(illegal("isv.invalid-method", format!("不存在的方法名: an order string is of {APP}")));
    }
    let order = verified_order(simulator, &params, now)?;
    place(simulator, order)
}

/// Page and WAP payments: redirects the buyer's browser to the cashier, or shows why not.
fn browser(simulator: &Simulator, params: &Params, now: i64) -> Reply {
    match verified_order(simulator, params, now).and_then(|order| place(simulator, order)) {
        Ok(cashier) => Reply::redirect(302, cashier),
        Err(refusal) => refused_page(&refusal),
    }
}

/// The page that a person sees instead of the cashier. Status 400, so that a script notices it, too.
pub(in super::super) fn refused_page(refusal: &Refusal) -> Reply {
    Reply::html(400, page::refused(refusal.sub_code, &refusal.sub_msg))
}

fn verified_order(simulator: &Simulator, params: &Params, now: i64) -> Result<Order, Refusal> {
    let app = common::verify(simulator.merchants(), params, now).map_err(|refused| refused.refusal)?;
    order::read(app, params, now)
}

fn place(simulator: &Simulator, order: Order) -> Result<String, Refusal> {
    let trade_no = simulator.with(|ledger, now| ledger.place(order, now)).map_err(refusal_of)?;
    Ok(simulator.cashier_url(&trade_no))
}

/// Server calls: JSON, with the faults that a test has ordered.
fn server(simulator: &Simulator, params: &Params, method: Option<&str>, now: i64) -> Result<Reply, SimulatorError> {
    let fault = simulator.with(|ledger, _| ledger.faults.pop_front());
    if fault == Some(Fault::Http500) {
        return Ok(spoil(fault, Reply::new(500, "text/plain", "")));
    }
    let merchants = simulator.merchants();
    let (app, node): (_, Node) = match common::verify(merchants, params, now) {
        Err(refused) => (refused.app, answer::failure(&refused.refusal)),
        Ok(app) if fault == Some(Fault::Busy) => (Some(app), answer::busy()),
        Ok(app) => {
            let call = Call { simulator, app, params, now };
            let result = perform(method.unwrap_or_default(), &call);
            (Some(app), result.unwrap_or_else(|refusal| answer::failure(&refusal)))
        }
    };
    let signing = match fault {
        Some(Fault::Unsigned) => Signing::Nobody,
        Some(Fault::BadSignature) => Signing::Other,
        Some(Fault::Timeout | Fault::Http500 | Fault::Garbage | Fault::Cut | Fault::Busy) | None => Signing::Alipay,
    };
    let charset = simulator.with(|ledger, _| ledger.charset);
    let reply = answer::write(merchants, &answer::node_name(method), &node, app, signing, charset)?;
    Ok(spoil(fault, reply))
}

/// Only the checks, for the test vectors.
#[cfg(test)]
pub(in super::super) fn check(simulator: &Simulator, params: &Params) -> Result<(), Refusal> {
    common::verify(simulator.merchants(), params, simulator.now()).map(|_| ()).map_err(|refused| refused.refusal)
}
