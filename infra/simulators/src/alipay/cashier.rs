//! The cashier: where a person pays or cancels, and where an order string from a phone is pasted.

use super::notify::return_address;
use super::page;
use super::signer::Event;
use super::simulator::Simulator;
use super::trade::{Rule, Status, Trade};
use super::{mapi, openapi};
use crate::kit::form;
use crate::kit::outbox;
use crate::kit::owner::SimulatorError;
use crate::kit::reply::Reply;

/// The buyer opens the order. From then on the trade exists.
pub(super) fn open(simulator: &Simulator, trade_no: &str) -> Result<Trade, Rule> {
    simulator.with(|ledger, now| {
        let unopened = ledger.orders.get(trade_no).is_some_and(|trade| trade.status == Status::Prepared);
        if unopened && let Some(trade) = ledger.orders.get_mut(trade_no) {
            trade.open(now)?;
        }
        ledger.orders.get(trade_no).cloned().ok_or(Rule::NotExist)
    })
}

/// `GET cashier/{trade}`.
pub(super) fn show(simulator: &Simulator, trade_no: &str) -> Reply {
    match open(simulator, trade_no) {
        Ok(trade) => {
            let merchant = simulator.merchants().name_of(&trade.order.merchant);
            Reply::html(200, page::cashier(&trade, merchant, &simulator.cashier_url(trade_no)))
        }
        Err(rule) => refused(rule),
    }
}

/// `POST cashier/{trade}` with `action=pay` or `action=cancel`.
///
/// The notify is sent before the browser is sent back, so a local merchant usually has it before the buyer returns.
pub(super) async fn act(simulator: &Simulator, trade_no: &str, body: &str) -> Result<Reply, SimulatorError> {
    let params = match form::merge("", body, None) {
        Ok(params) => params,
        Err(error) => {
            return Ok(Reply::html(400, page::refused("INVALID_FORM", &error.to_string())));
        }
    };
    let done = match params.get("action").map(String::as_str) {
        Some("pay") => change(simulator, trade_no, |trade, now| {
            trade.pay(now)?;
            trade.queue(Event::Paid, now);
            Ok(())
        }),
        Some("cancel") => change(simulator, trade_no, Trade::close),
        Some(_) | None => {
            return Ok(Reply::html(400, page::refused("INVALID_FORM", "action must be pay or cancel")));
        }
    };
    let trade = match done {
        Ok(trade) => trade,
        // A second click, or a form that was left open: the page shows the state of the trade.
        Err(Rule::HasSuccess | Rule::HasClosed | Rule::NotWaiting) => {
            return Ok(Reply::redirect(303, simulator.cashier_url(trade_no)));
        }
        Err(rule) => return Ok(refused(rule)),
    };
    outbox::run(simulator, Some(trade_no)).await;
    let back = match trade.status {
        Status::Success => return_address(simulator.merchants(), &trade, simulator.now())?,
        Status::Prepared | Status::WaitBuyerPay | Status::Closed | Status::Finished => trade.order.quit_url,
    };
    Ok(Reply::redirect(303, back.unwrap_or_else(|| simulator.cashier_url(trade_no))))
}

/// `GET app`: the page on which an order string is pasted.
pub(super) fn phone() -> Reply {
    Reply::html(200, page::phone())
}

/// `POST app`: checks the order string as the phone's Alipay would and opens the cashier.
pub(super) fn submit(simulator: &Simulator, body: &str) -> Reply {
    let params = match form::merge("", body, None) {
        Ok(params) => params,
        Err(error) => return Reply::html(400, page::refused("INVALID_FORM", &error.to_string())),
    };
    // A pasted text often ends with a line end; the phone's SDK would not add one.
    let Some(text) = params.get("order_string").map(|text| text.trim_end_matches(['\r', '\n'])) else {
        return Reply::html(400, page::refused("INVALID_FORM", "order_string is missing"));
    };
    // The legacy string has its values in quotes; the open platform's has no quotes.
    if text.contains("=\"") {
        match mapi::gateway::order_string(simulator, text) {
            Ok(cashier) => Reply::redirect(303, cashier),
            Err(refusal) => mapi::gateway::refused_page(&refusal),
        }
    } else {
        match openapi::gateway::order_string(simulator, text) {
            Ok(cashier) => Reply::redirect(303, cashier),
            Err(refusal) => openapi::gateway::refused_page(&refusal),
        }
    }
}

pub(super) fn change(
    simulator: &Simulator,
    trade_no: &str,
    work: impl FnOnce(&mut Trade, i64) -> Result<(), Rule>,
) -> Result<Trade, Rule> {
    simulator.with(|ledger, now| {
        let trade = ledger.orders.get_mut(trade_no).ok_or(Rule::NotExist)?;
        work(trade, now)?;
        Ok(trade.clone())
    })
}

fn refused(rule: Rule) -> Reply {
    let (status, code, why) = match rule {
        Rule::NotExist => (404, "TRADE_NOT_EXIST", "订单不存在: there is no such order"),
        Rule::Expired => (410, "TRADE_EXPIRED", "订单已过期: time_expire has passed"),
        Rule::HasSuccess
        | Rule::HasClosed
        | Rule::HasFinished
        | Rule::Differs
        | Rule::NotWaiting
        | Rule::NotPaid
        | Rule::RefundExceeds
        | Rule::BalanceShort
        | Rule::RefundDiffers
        | Rule::RequestNoMissing
        | Rule::CancelTooLate => (409, "TRADE_STATUS_ERROR", "交易状态不合法: the order cannot be paid or cancelled"),
    };
    Reply::html(status, page::refused(code, why))
}
