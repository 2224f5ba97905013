//! `AlipayJSBridge.call("tradePay")` of the in-app browser, with an order string or a trade number.

use super::signer::Event;
use super::simulator::Simulator;
use super::trade::{Rule, Status, Trade};
use super::{cashier, mapi, openapi};
use crate::kit::bridge::{self, Asked, BridgeRefusal, Sheet};
use crate::kit::outbox;
use crate::kit::reply::Reply;
use crate::kit::server::Incoming;

/// `POST bridge`.
pub(super) fn open(simulator: &Simulator, request: &Incoming) -> Reply {
    let checked = bridge::read(request, "AlipayClient").and_then(|asked| check(simulator, &asked));
    bridge::shown(checked.map(|trade| Sheet {
        merchant: simulator.merchants().name_of(&trade.order.merchant).to_owned(),
        amount: trade.order.total.to_yuan(),
        pay: format!("/simulator/alipay/bridge/{}", trade.trade_no),
        subject: trade.order.subject,
    }))
}

fn check(simulator: &Simulator, asked: &Asked) -> Result<Trade, BridgeRefusal> {
    let trade_no = if asked.params.contains_key("tradeNO") {
        bridge::text(asked, "tradeNO")?.to_owned()
    } else {
        ordered(simulator, bridge::text(asked, "orderStr")?)?
    };
    let trade = cashier::open(simulator, &trade_no).map_err(refused)?;
    match trade.status {
        Status::Prepared | Status::WaitBuyerPay => Ok(trade),
        Status::Success | Status::Finished | Status::Closed => Err(refused(Rule::NotWaiting)),
    }
}

/// The trade number of an order string.
fn ordered(simulator: &Simulator, text: &str) -> Result<String, BridgeRefusal> {
    let cashier = if text.contains("=\"") {
        mapi::gateway::order_string(simulator, text)
            .map_err(|refusal| BridgeRefusal::new(refusal.error, refusal.why))?
    } else {
        openapi::gateway::order_string(simulator, text)
            .map_err(|refusal| BridgeRefusal::new(refusal.sub_code, refusal.sub_msg))?
    };
    Ok(cashier.rsplit('/').next().unwrap_or_default().to_owned())
}

/// `POST bridge/{trade_no}`: the payer confirmed. The notify is sent before the answer.
pub(super) async fn pay(simulator: &Simulator, trade_no: &str) -> Reply {
    let paid = cashier::change(simulator, trade_no, |trade, now| {
        trade.pay(now)?;
        trade.queue(Event::Paid, now);
        Ok(())
    });
    if let Err(rule) = paid {
        return bridge::paid(Err(refused(rule)));
    }
    outbox::run(simulator, Some(trade_no)).await;
    bridge::paid(Ok(()))
}

fn refused(rule: Rule) -> BridgeRefusal {
    BridgeRefusal::new("TRADE_STATUS_ERROR", format!("交易状态不合法: {rule:?}"))
}
