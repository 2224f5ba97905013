//! `WeixinJSBridge.invoke("getBrandWCPayRequest")` of the in-app browser.
//!
//! WeChat checks the second signature, that the page lies in the registered directory, that the app is a service account, and that the
//! payer is the one whom the order names.

use super::cashier;
use super::merchants::AppKind;
use super::oauth::payer_of;
use super::payers;
use super::phone::{self, Given};
use super::registered::lies_in;
use super::simulator::Simulator;
use super::trade::Trade;
use crate::kit::bridge::{self, Asked, BridgeRefusal, Sheet};
use crate::kit::outbox;
use crate::kit::owner::SimulatorError;
use crate::kit::reply::Reply;
use crate::kit::server::Incoming;

impl From<phone::Refused> for BridgeRefusal {
    fn from(phone::Refused { code, why }: phone::Refused) -> Self {
        Self::new(code, why)
    }
}

/// `POST bridge`.
pub(super) fn open(simulator: &Simulator, request: &Incoming) -> Result<Reply, SimulatorError> {
    let checked = bridge::read(request, "MicroMessenger").and_then(|asked| check(simulator, asked, payer_of(request)));
    let trade = match checked {
        Ok(trade) => trade,
        Err(refused) => return Ok(bridge::shown(Err(refused))),
    };
    let ticket = phone::ticket(simulator, &trade.number, None)?;
    let merchant = simulator.merchants().find(&trade.order.mch_id).map_or("", |merchant| merchant.name.as_str());
    Ok(bridge::shown(Ok(Sheet {
        merchant: merchant.to_owned(),
        subject: trade.order.description,
        amount: trade.order.total.to_yuan(),
        pay: format!("/simulator/wechat/bridge/{ticket}"),
    })))
}

fn check(simulator: &Simulator, Asked { page, params }: Asked, payer: &str) -> Result<Trade, BridgeRefusal> {
    let given = phone::classified(params.into_iter().collect())?;
    if !matches!(given, Given::Jsapi(_)) {
        return Err(BridgeRefusal::new("INVALID_PARAMETER", "getBrandWCPayRequest takes the parameters of JSAPI"));
    }
    let directory = simulator.with(|ledger, _| ledger.registered.directory.clone());
    let directory = directory.unwrap_or_else(|| simulator.base_url().to_owned() + "/");
    if !lies_in(&page, &directory) {
        return Err(BridgeRefusal::new(
            "URL_NOT_REGISTERED",
            format!("当前页面的URL未注册: {page} is not in {directory}"),
        ));
    }
    let number = phone::accepted(simulator, &given)?;
    let trade = simulator.with(|ledger, _| ledger.orders.get(&number).cloned());
    let trade = trade.ok_or_else(|| BridgeRefusal::new("ORDER_NOT_EXIST", "订单不存在"))?;
    let order = &trade.order;
    let merchant = simulator.merchants().find(&order.mch_id);
    if merchant.and_then(|merchant| merchant.app(&order.app_id)) != Some(AppKind::Account) {
        return Err(BridgeRefusal::new(
            "INVALID_PARAMETER",
            "appId must be that of a service account; a mini program has wx.requestPayment",
        ));
    }
    if order.openid.as_deref() != Some(payers::openid(payer, &order.app_id).as_str()) {
        return Err(BridgeRefusal::new(
            "PAYER_DIFFERS",
            "下单账号与支付账号不一致，请核实后再支付: the order names another openid",
        ));
    }
    Ok(trade)
}

/// `POST bridge/{ticket}`: the payer confirmed. The notify is sent before the answer.
pub(super) async fn pay(simulator: &Simulator, ticket: &str) -> Reply {
    let Some(trade) = cashier::order_of(simulator, ticket) else {
        return bridge::paid(Err(BridgeRefusal::new("ORDER_NOT_EXIST", "订单不存在")));
    };
    if let Err(rule) = cashier::pay(simulator, &trade.number) {
        return bridge::paid(Err(BridgeRefusal::new("ORDER_STATE", format!("{rule:?}"))));
    }
    outbox::run(simulator, Some(&trade.number)).await;
    bridge::paid(Ok(()))
}
