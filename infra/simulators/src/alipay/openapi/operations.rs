//! The server calls: precreate, query, close, cancel, refund and refund query.

use super::super::ledger::Ledger;
use super::super::merchants::OpenApp;
use super::super::simulator::Simulator;
use super::super::trade::{CancelAction, FundChange, RefundRequest, Rule, Status, Trade};
use super::super::yuan::Fen;
use super::answer::{Cell, Node, success, text};
use super::biz::{Biz, Limit, invalid};
use super::message::{BUYER_ID, BUYER_LOGON_ID};
use super::order::{self, PRECREATE, refusal_of};
use super::{Refusal, illegal};
use crate::kit::beijing::seconds;
use crate::kit::bill;
use crate::kit::form::Params;

/// A verified call.
pub(super) struct Call<'a> {
    pub(super) simulator: &'a Simulator,
    pub(super) app: &'a OpenApp,
    pub(super) params: &'a Params,
    pub(super) now: i64,
}

/// Performs `method` and returns the node.
pub(super) fn perform(method: &str, call: &Call<'_>) -> Result<Node, Refusal> {
    match method {
        PRECREATE => precreate(call),
        "alipay.trade.query" => query(call),
        "alipay.trade.close" => close(call),
        "alipay.trade.cancel" => cancel(call),
        "alipay.trade.refund" => refund(call),
        "alipay.trade.fastpay.refund.query" => refund_query(call),
        "alipay.data.dataservice.bill.downloadurl.query" => bill(call),
        order::APP => Err(illegal(
            "isv.invalid-method",
            "不存在的方法名: an order string is not for gateway.do, paste it on /simulator/alipay/app",
        )),
        _ => Err(illegal("isv.invalid-method", "不存在的方法名")),
    }
}

fn precreate(call: &Call<'_>) -> Result<Node, Refusal> {
    let order = order::read(call.app, call.params, call.now)?;
    let out_trade_no = order.out_trade_no.clone();
    let trade_no = call.simulator.with(|ledger, now| ledger.place(order, now)).map_err(refusal_of)?;
    let mut node = success();
    node.push(("out_trade_no", text(out_trade_no)));
    node.push(("qr_code", text(call.simulator.cashier_url(&trade_no))));
    Ok(node)
}

fn query(call: &Call<'_>) -> Result<Node, Refusal> {
    let biz = Biz::read(call.params)?;
    read_trade(call, &biz, trade_node)
}

fn close(call: &Call<'_>) -> Result<Node, Refusal> {
    let biz = Biz::read(call.params)?;
    biz.text("operator_id", Limit(28))?;
    with_trade(call, &biz, |trade, now| {
        trade.close(now)?;
        Ok(named(trade))
    })
}

/// Unlike a close, a cancel of an order that Alipay does not know succeeds: the order cannot be paid afterwards.
fn cancel(call: &Call<'_>) -> Result<Node, Refusal> {
    let biz = Biz::read(call.params)?;
    let trade_no = call.simulator.with(|ledger, _| find(call, &biz, ledger))?;
    let unopened = call.simulator.with(|ledger, _| match &trade_no {
        None => true,
        Some(number) if ledger.orders.get(number).is_none_or(|trade| trade.status == Status::Prepared) => {
            ledger.orders.remove(number);
            true
        }
        Some(_) => false,
    });
    if unopened {
        let mut node = success();
        node.push(("out_trade_no", text(biz.out_trade_no()?.unwrap_or_default())));
        node.push(("retry_flag", text("N")));
        return Ok(node);
    }
    with_trade(call, &biz, |trade, now| {
        let action = trade.cancel(now)?;
        let mut node = named(trade);
        node.push(("retry_flag", text("N")));
        match action {
            CancelAction::Close => node.push(("action", text("close"))),
            CancelAction::Refund => node.push(("action", text("refund"))),
            CancelAction::Nothing => {}
        }
        Ok(node)
    })
}

fn refund(call: &Call<'_>) -> Result<Node, Refusal> {
    let biz = Biz::read(call.params)?;
    let request = RefundRequest {
        request_no: biz.out_request_no()?,
        amount: biz.amount("refund_amount")?,
        reason: biz.text("refund_reason", Limit(256))?,
        balance: call.simulator.with(|ledger, _| ledger.balances.of(&call.app.app_id)),
    };
    with_trade(call, &biz, |trade, now| {
        let request_no = request.request_no.clone().unwrap_or_else(|| trade.order.out_trade_no.clone());
        let change = trade.refund(request, now)?;
        let refunded_at = trade.refund_of(&request_no).map_or(now, |refund| refund.at);
        let mut node = named(trade);
        node.push(("buyer_logon_id", text(BUYER_LOGON_ID)));
        node.push(("buyer_user_id", text(BUYER_ID)));
        node.push(("fund_change", text(if change == FundChange::Yes { "Y" } else { "N" })));
        node.push(("gmt_refund_pay", text(seconds(refunded_at))));
        node.push(("refund_fee", text(trade.refunded().to_yuan())));
        node.push(("send_back_fee", text(Fen::ZERO.to_yuan())));
        Ok(node)
    })
}

/// The address of a day's bill, if there were any trades.
fn bill(call: &Call<'_>) -> Result<Node, Refusal> {
    let biz = Biz::read(call.params)?;
    if biz.filled("bill_type", Limit(20))?.as_deref() != Some("trade") {
        return Err(invalid("bill_type", "must be trade"));
    }
    let day = biz.filled("bill_date", Limit(10))?.ok_or_else(|| invalid("bill_date", "is missing"))?;
    let bounds = bill::bounds(&day).ok_or_else(|| invalid("bill_date", "must be yyyy-MM-dd"))?;
    let app = &call.app.app_id;
    let (plants, rows) = call.simulator.with(|ledger, _| (ledger.plants.clone(), ledger.bill(app, bounds)));
    let is_empty = plants.apply(app.to_owned(), rows).next().is_none();
    if bounds.to_ms >= call.now || is_empty {
        return Err(super::business("isp.bill_not_exist", "账单不存在"));
    }
    let mut node = success();
    node.push(("bill_download_url", text(call.simulator.bill_url(app, &day))));
    Ok(node)
}

/// An unknown refund also gets 10000, but without any refund field.
fn refund_query(call: &Call<'_>) -> Result<Node, Refusal> {
    let biz = Biz::read(call.params)?;
    let request_no = biz.out_request_no()?.ok_or_else(|| invalid("out_request_no", "is missing"))?;
    read_trade(call, &biz, |trade| {
        let mut node = success();
        if let Some(refund) = trade.refund_of(&request_no) {
            node.push(("out_request_no", text(refund.request_no.as_str())));
            node.push(("out_trade_no", text(trade.order.out_trade_no.as_str())));
            node.push(("refund_amount", text(refund.amount.to_yuan())));
            node.push(("refund_status", text("REFUND_SUCCESS")));
            if let Some(reason) = &refund.reason {
                node.push(("refund_reason", text(reason.as_str())));
            }
            node.push(("total_amount", text(trade.order.total.to_yuan())));
            node.push(("trade_no", text(trade.trade_no.as_str())));
            node.push(("gmt_refund_pay", text(seconds(refund.at))));
        }
        node
    })
}

/// The trade number that a call names: `trade_no` wins. `None` if Alipay does not know it.
fn find(call: &Call<'_>, biz: &Biz, ledger: &Ledger) -> Result<Option<String>, Refusal> {
    let trade_no = biz.filled("trade_no", Limit(64))?;
    let out_trade_no = biz.out_trade_no()?;
    match (trade_no, out_trade_no) {
        (Some(number), _) => {
            let own = ledger.orders.get(&number).is_some_and(|trade| trade.order.merchant == call.app.app_id);
            Ok(own.then_some(number))
        }
        (None, Some(number)) => Ok(ledger.number_of(&call.app.app_id, &number)),
        (None, None) => Err(invalid("out_trade_no", "or trade_no is missing")),
    }
}

fn read_trade(call: &Call<'_>, biz: &Biz, write: impl FnOnce(&Trade) -> Node) -> Result<Node, Refusal> {
    call.simulator.with(|ledger, _| {
        let number = find(call, biz, ledger)?;
        let trade =
            number.and_then(|number| ledger.orders.get(&number)).filter(|trade| trade.status != Status::Prepared);
        trade.map(write).ok_or_else(|| refusal_of(Rule::NotExist))
    })
}

/// Works on the named trade. It must be opened: before that it does not exist at Alipay.
fn with_trade(
    call: &Call<'_>,
    biz: &Biz,
    work: impl FnOnce(&mut Trade, i64) -> Result<Node, Rule>,
) -> Result<Node, Refusal> {
    call.simulator.with(|ledger, now| {
        let number = find(call, biz, ledger)?;
        let trade = number.and_then(|number| ledger.orders.get_mut(&number));
        match trade {
            Some(trade) if trade.status != Status::Prepared => work(trade, now).map_err(refusal_of),
            Some(_) | None => Err(refusal_of(Rule::NotExist)),
        }
    })
}

fn named(trade: &Trade) -> Node {
    let mut node = success();
    node.push(("trade_no", text(trade.trade_no.as_str())));
    node.push(("out_trade_no", text(trade.order.out_trade_no.as_str())));
    node
}

fn trade_node(trade: &Trade) -> Node {
    let received = trade.received().to_yuan();
    let mut node = success();
    let mut put = |name: &'static str, value: String| node.push((name, Cell::Text(value)));
    put("buyer_logon_id", BUYER_LOGON_ID.to_owned());
    put("buyer_pay_amount", received.clone());
    put("buyer_user_id", BUYER_ID.to_owned());
    put("buyer_user_type", "PRIVATE".to_owned());
    put("invoice_amount", received.clone());
    put("out_trade_no", trade.order.out_trade_no.clone());
    put("point_amount", Fen::ZERO.to_yuan());
    put("receipt_amount", received.clone());
    if let Some(paid_at) = trade.paid_at {
        put("send_pay_date", seconds(paid_at));
    }
    put("subject", trade.order.subject.clone());
    put("total_amount", trade.order.total.to_yuan());
    put("trade_no", trade.trade_no.clone());
    put("trade_status", trade.status.word().to_owned());
    if trade.paid_at.is_some() {
        let list = format!("[{{\"amount\":\"{received}\",\"fund_channel\":\"ALIPAYACCOUNT\"}}]");
        node.push(("fund_bill_list", Cell::Raw(list)));
    }
    node
}
