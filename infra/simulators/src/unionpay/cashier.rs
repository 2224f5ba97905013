//! The cashier: where a person pays or cancels, and where the `tn` from a phone is pasted.

use super::codes;
use super::codes::Refusal;
use super::message::notify_fields;
use super::page;
use super::request::Call;
use super::signing::SignWith;
use super::simulator::Simulator;
use super::transaction::{Punctuality, State, Transaction};
use crate::kit::charset::Charset;
use crate::kit::form;
use crate::kit::outbox;
use crate::kit::owner::SimulatorError;
use crate::kit::reply::Reply;

/// `GET cashier/{tn}`.
pub(super) fn show(simulator: &Simulator, tn: &str) -> Reply {
    let found = simulator.with(|ledger, _| ledger.by_tn(tn).and_then(|query_id| ledger.orders.get(&query_id).cloned()));
    match found {
        Some(payment) => {
            let merchant = simulator.registry().name_of(&payment.order.mer_id);
            Reply::html(200, page::cashier(&payment, merchant, &simulator.cashier_url(tn)))
        }
        None => refused(404, &Refusal::new(codes::NOT_FOUND, "there is no such order")),
    }
}

/// `POST cashier/{tn}` with `action=pay` or `action=cancel`.
///
/// The notify is sent before the browser is sent back, so a local merchant usually has it before the buyer returns.
pub(super) async fn act(simulator: &Simulator, tn: &str, body: &str) -> Result<Reply, SimulatorError> {
    let params = form::merge("", body, None).unwrap_or_default();
    let done = match params.get("action").map(String::as_str) {
        Some("pay") => pay(simulator, tn),
        Some("cancel") => change(simulator, tn, |payment, _| payment.cancel()),
        Some(_) | None => return Ok(refused(400, &Refusal::new(codes::FORMAT, "action must be pay or cancel"))),
    };
    let payment = match done {
        None => return Ok(refused(404, &Refusal::new(codes::NOT_FOUND, "there is no such order"))),
        // A second click, or a form that was left open: the page shows the state of the order.
        Some(Err(_)) => return Ok(Reply::redirect(303, simulator.cashier_url(tn))),
        Some(Ok(payment)) => payment,
    };
    outbox::run(simulator, Some(&payment.query_id)).await;
    way_back(simulator, &payment, tn)
}

/// Pays. `None` if there is no such order; an error if it is over.
pub(super) fn pay(simulator: &Simulator, tn: &str) -> Option<Result<Transaction, Refusal>> {
    change(simulator, tn, |payment, now| {
        payment.pay(codes::SUCCESS, Punctuality::InTime, now)?;
        payment.queue(now);
        Ok(())
    })
}

fn change(
    simulator: &Simulator,
    tn: &str,
    work: impl FnOnce(&mut Transaction, i64) -> Result<(), Refusal>,
) -> Option<Result<Transaction, Refusal>> {
    simulator.with(|ledger, now| {
        let query_id = ledger.by_tn(tn)?;
        let payment = ledger.orders.get_mut(&query_id)?;
        Some(work(payment, now).map(|()| payment.clone()))
    })
}

/// After a payment the browser brings the notify's fields to `frontUrl`. After a cancel it goes to `frontFailUrl` without fields.
fn way_back(simulator: &Simulator, payment: &Transaction, tn: &str) -> Result<Reply, SimulatorError> {
    let order = &payment.order;
    let cashier = || Reply::redirect(303, simulator.cashier_url(tn));
    if payment.state != State::Done {
        return Ok(order.front_fail_url.clone().map_or_else(cashier, |url| Reply::redirect(303, url)));
    }
    let Some(url) = &order.front_url else {
        return Ok(cashier());
    };
    let mut fields = notify_fields(payment);
    simulator.registry().seals.by(SignWith::Unionpay).sign(&mut fields, Charset::Utf8)?;
    Ok(Reply::html(200, page::auto_form(url, &fields)))
}

/// `GET app`: the page on which a `tn` is pasted.
pub(super) fn phone() -> Reply {
    Reply::html(200, page::phone())
}

/// `POST app`: opens the cashier for the `tn` of an app order, as UnionPay's control on the phone would.
pub(super) fn submit(simulator: &Simulator, body: &str) -> Reply {
    let params = form::merge("", body, None).unwrap_or_default();
    let tn = params.get("tn").map(|tn| tn.trim()).unwrap_or_default();
    match app_order(simulator, tn) {
        Some(_) => Reply::redirect(303, simulator.cashier_url(tn)),
        None => refused(404, &Refusal::new(codes::NOT_FOUND, "no app order has this tn, which is 21 digits")),
    }
}

/// The order of an app with this `tn`.
pub(super) fn app_order(simulator: &Simulator, tn: &str) -> Option<Transaction> {
    simulator.with(|ledger, _| {
        let query_id = ledger.by_tn(tn)?;
        ledger.orders.get(&query_id).filter(|payment| payment.order.call == Call::App).cloned()
    })
}

fn refused(status: u16, refusal: &Refusal) -> Reply {
    Reply::html(status, page::refused(refusal.code, &refusal.message()))
}
