//! The cashier: where a person pays or cancels. Its address contains a ticket, which only the phone and `h5_url` give out.

use super::page;
use super::simulator::Simulator;
use super::trade::{Payment, Rule, Ticket, Trade};
use crate::kit::form;
use crate::kit::outbox;
use crate::kit::reply::Reply;
use crate::kit::server::Incoming;

/// `GET cashier/{ticket}`.
pub(super) fn show(simulator: &Simulator, ticket: &str) -> Reply {
    match admitted(simulator, ticket) {
        Some((trade, _)) => shown(simulator, &trade, ticket),
        None => refused(),
    }
}

/// `POST cashier/{ticket}` with `action=pay` or `action=cancel`.
///
/// The notify is sent before the browser is sent back, so a local merchant usually has it before the buyer returns. A cancel closes
/// nothing: at WeChat, too, the order stays open until the merchant or the clock closes it.
pub(super) async fn act(simulator: &Simulator, ticket: &str, request: &Incoming) -> Reply {
    let Some((trade, Ticket { redirect_url, .. })) = admitted(simulator, ticket) else {
        return refused();
    };
    let body = std::str::from_utf8(&request.body).unwrap_or_default();
    let params = form::merge("", body, None).unwrap_or_default();
    let cashier = simulator.url(&format!("cashier/{ticket}"));
    match params.get("action").map(String::as_str) {
        Some("pay") => {}
        Some("cancel") => {
            return match redirect_url {
                Some(url) => Reply::redirect(303, url),
                None => Reply::html(200, page::cancelled(&cashier)),
            };
        }
        Some(_) | None => return Reply::html(400, page::refused("INVALID_FORM", "action must be pay or cancel")),
    }
    if pay(simulator, &trade.number).is_err() {
        // A second click, or a form that was left open: the page shows the state of the order.
        return Reply::redirect(303, cashier);
    }
    outbox::run(simulator, Some(&trade.number)).await;
    Reply::redirect(303, redirect_url.unwrap_or(cashier))
}

pub(super) fn pay(simulator: &Simulator, number: &str) -> Result<(), Rule> {
    simulator.with(|ledger, now| {
        let transaction_id = ledger.provider_number("42", now);
        let trade = ledger.orders.get_mut(number).ok_or(Rule::NotExist)?;
        trade.pay(Payment { transaction_id, payer_total: None }, now)?;
        let claim = trade.clone();
        trade.queue_payment(&claim, now);
        Ok(())
    })
}

/// The order that a ticket leads to.
pub(super) fn order_of(simulator: &Simulator, ticket: &str) -> Option<Trade> {
    admitted(simulator, ticket).map(|(trade, _)| trade)
}

fn admitted(simulator: &Simulator, ticket: &str) -> Option<(Trade, Ticket)> {
    let (number, _) = ticket.split_once('-')?;
    simulator.with(|ledger, _| {
        let trade = ledger.orders.get(number)?;
        let ticket = trade.tickets.iter().find(|known| known.id == ticket)?;
        Some((trade.clone(), ticket.clone()))
    })
}

fn shown(simulator: &Simulator, trade: &Trade, ticket: &str) -> Reply {
    let merchant = simulator.merchants().find(&trade.order.mch_id).map_or("", |merchant| merchant.name.as_str());
    Reply::html(200, page::cashier(trade, merchant, &simulator.url(&format!("cashier/{ticket}"))))
}

fn refused() -> Reply {
    Reply::html(404, page::refused("ORDER_NOT_EXIST", "订单不存在: open the cashier from the phone or the H5 address"))
}
