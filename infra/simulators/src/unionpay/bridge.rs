//! `upsdk.pay` of the in-app browser, with the `tn` of an app order. A page inside UnionPay's app may submit UnionPay's form instead.

use super::cashier;
use super::codes::{self, Refusal};
use super::simulator::Simulator;
use super::transaction::{State, Transaction};
use crate::kit::bridge::{self, Asked, BridgeRefusal, Sheet};
use crate::kit::outbox;
use crate::kit::reply::Reply;
use crate::kit::server::Incoming;

/// `POST bridge`.
pub(super) fn open(simulator: &Simulator, request: &Incoming) -> Reply {
    let checked = bridge::read(request, "UnionPay").and_then(|asked| check(simulator, &asked));
    bridge::shown(checked.map(|(tn, payment)| Sheet {
        merchant: simulator.registry().name_of(&payment.order.mer_id).to_owned(),
        subject: payment.order.order_desc.unwrap_or_default(),
        amount: payment.order.amount.to_yuan(),
        pay: format!("/simulator/unionpay/bridge/{tn}"),
    }))
}

fn check(simulator: &Simulator, asked: &Asked) -> Result<(String, Transaction), BridgeRefusal> {
    let tn = bridge::text(asked, "tn")?;
    match cashier::app_order(simulator, tn) {
        Some(payment) if payment.state == State::Waiting => Ok((tn.to_owned(), payment)),
        Some(_) => Err(refused(&Refusal::new(codes::ORIGINAL, "the order does not wait for its payer"))),
        None => Err(not_there()),
    }
}

/// `POST bridge/{tn}`: the payer confirmed. The notify is sent before the answer.
pub(super) async fn pay(simulator: &Simulator, tn: &str) -> Reply {
    match cashier::pay(simulator, tn) {
        Some(Ok(payment)) => {
            outbox::run(simulator, Some(&payment.query_id)).await;
            bridge::paid(Ok(()))
        }
        Some(Err(refusal)) => bridge::paid(Err(refused(&refusal))),
        None => bridge::paid(Err(not_there())),
    }
}

fn not_there() -> BridgeRefusal {
    refused(&Refusal::new(codes::NOT_FOUND, "no app order has this tn, which is 21 digits"))
}

fn refused(refusal: &Refusal) -> BridgeRefusal {
    BridgeRefusal::new(refusal.code, refusal.message())
}
