//! The JSON door for automated tests, under `/_local/simulator/alipay/trades/{out_trade_no}`.
//!
//! It plays the buyer and the forger: `pay` can send notifies that are false, repeated, or signed with a key that Alipay does not
//! have. A merchant that accepts such a notify has a security hole. Nothing here exists at Alipay.

use serde::Deserialize;
use serde_json::{Value, json};

use super::signer::{Event, SignWith};
use super::simulator::Simulator;
use super::trade::{Protocol, RefundRequest, Rule, Status, Trade};
use super::yuan::Fen;
use super::{cashier, mapi, openapi};
use crate::kit::balance::Balance;
use crate::kit::form;
use crate::kit::outbox;
use crate::kit::owner::SimulatorError;
use crate::kit::reply::Reply;

/// Duplicates of one notify.
const TIMES_MAX: u32 = 100;

/// Options of `pay`, all optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Pay {
    /// False: the trade is paid, but the merchant gets no notify and must query.
    notify: Option<bool>,
    /// False: the trade does not change, and only the notify is sent, as a forger would do.
    pay: Option<bool>,
    total_amount: Option<String>,
    seller_id: Option<String>,
    app_id: Option<String>,
    trade_status: Option<String>,
    times: Option<u32>,
    sign_with: SignWith,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct RefundOptions {
    /// Yuan; the whole rest if absent.
    amount: Option<String>,
    out_request_no: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Misstatement {
    /// Yuan.
    total_amount: String,
}

/// `GET …/trades/{out_trade_no}`: the trade and every notify with what was sent and answered.
pub(super) fn show(simulator: &Simulator, out_trade_no: &str, query: &str) -> Reply {
    match find(simulator, out_trade_no, query) {
        Ok(number) => shown(simulator, &number),
        Err(reply) => reply,
    }
}

/// `POST …/trades/{out_trade_no}/{action}`; `action` is open, pay, close, refund, finish or misstate. `?merchant=` selects one of
/// several merchants with the same order number. If nobody has opened the page yet, `pay` and `open` open it, as the payer would.
pub(super) async fn act(
    simulator: &Simulator,
    out_trade_no: &str,
    action: &str,
    query: &str,
    body: &[u8],
) -> Result<Reply, SimulatorError> {
    let mut found = find(simulator, out_trade_no, query);
    if found.is_err() && matches!(action, "pay" | "open") {
        match open_handed(simulator, out_trade_no)? {
            Some(refused) if refused.status >= 400 => return Ok(cannot_open(&refused)),
            Some(_) => found = find(simulator, out_trade_no, query),
            None => {}
        }
    }
    let number = match found {
        Ok(number) => number,
        Err(reply) => return Ok(reply),
    };
    let done = match action {
        "pay" => options(body).and_then(|pay| self::pay(simulator, &number, &pay)),
        "refund" => options(body).and_then(|refund| self::refund(simulator, &number, refund)),
        "misstate" => options(body).and_then(|told| misstate(simulator, &number, &told)),
        "open" => change(simulator, &number, Trade::open),
        "close" => change(simulator, &number, Trade::close),
        "finish" => change(simulator, &number, |trade, now| {
            trade.finish()?;
            trade.queue(Event::Finished, now);
            Ok(())
        }),
        _ => return Ok(Reply::json_error(404, format!("no action {action}"))),
    };
    if let Err(reply) = done {
        return Ok(reply);
    }
    outbox::run(simulator, Some(&number)).await;
    Ok(shown(simulator, &number))
}

/// Uses the data from a charge as the payer would: opens the address, or gives the order string to the phone. `None` if there is
/// nothing of ours to open.
fn open_handed(simulator: &Simulator, out_trade_no: &str) -> Result<Option<Reply>, SimulatorError> {
    let Some(page) = simulator.handed().find(out_trade_no) else { return Ok(None) };
    let address = page.text.strip_prefix(&format!("{}/simulator/alipay/", simulator.base_url()));
    if let Some(query) = address.and_then(|address| address.strip_prefix("gateway.do?")) {
        return openapi::gateway::gateway(simulator, query, "").map(Some);
    }
    if let Some(query) = address.and_then(|address| address.strip_prefix("mapi/gateway.do?")) {
        return mapi::gateway::gateway(simulator, query, "").map(Some);
    }
    // An address elsewhere or another provider's page is not an order string.
    if page.text.starts_with("http") || page.text.starts_with('<') {
        return Ok(None);
    }
    let form = form_urlencoded::Serializer::new(String::new()).append_pair("order_string", &page.text).finish();
    Ok(Some(cashier::submit(simulator, &form)))
}

fn cannot_open(refused: &Reply) -> Reply {
    let page = String::from_utf8_lossy(&refused.body);
    Reply::json_error(409, format!("the payer cannot open what the charge answered: {page}"))
}

fn options<T: Default + for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Reply> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| Reply::json_error(400, error.to_string()))
}

fn find(simulator: &Simulator, out_trade_no: &str, query: &str) -> Result<String, Reply> {
    let params = form::merge(query, "", None).map_err(|error| Reply::json_error(400, error.to_string()))?;
    let merchant = params.get("merchant").map(String::as_str);
    simulator.with(|ledger, _| ledger.newest(out_trade_no, merchant)).ok_or_else(|| {
        Reply::json_error(
            404,
            format!("no order {out_trade_no} has reached the simulator: open what its charge answered"),
        )
    })
}

fn shown(simulator: &Simulator, trade_no: &str) -> Reply {
    let trade = simulator.with(|ledger, _| ledger.orders.get(trade_no).map(describe));
    trade.map_or_else(|| Reply::json_error(404, "the trade is gone"), |trade| Reply::json(200, &trade))
}

fn describe(trade: &Trade) -> Value {
    let order = &trade.order;
    json!({
        "tradeNo": trade.trade_no,
        "outTradeNo": order.out_trade_no,
        "merchant": order.merchant,
        "protocol": order.protocol,
        "method": order.method,
        "status": trade.status,
        "subject": order.subject,
        "totalAmount": order.total.to_yuan(),
        "refundedAmount": trade.refunded().to_yuan(),
        "notifyUrl": order.notify_url,
        "returnUrl": order.return_url,
        "openedAt": trade.opened_at,
        "expiresAt": trade.expires_at,
        "paidAt": trade.paid_at,
        "closedAt": trade.closed_at,
        "refunds": trade.refunds.iter().map(|refund| json!({
            "outRequestNo": refund.request_no,
            "amount": refund.amount.to_yuan(),
            "at": refund.at,
        })).collect::<Vec<_>>(),
        "notifies": trade.notifies.iter().map(|notify| json!({
            "notifyId": notify.letter.notify_id,
            "url": notify.letter.url,
            "nextAt": notify.next_at,
            "attempts": notify.attempts,
        })).collect::<Vec<_>>(),
    })
}

fn change(
    simulator: &Simulator,
    trade_no: &str,
    work: impl FnOnce(&mut Trade, i64) -> Result<(), Rule>,
) -> Result<(), Reply> {
    simulator.with(|ledger, now| match ledger.orders.get_mut(trade_no) {
        Some(trade) => work(trade, now).map_err(refused),
        None => Err(refused(Rule::NotExist)),
    })
}

fn refused(rule: Rule) -> Reply {
    Reply::json_error(409, format!("{rule:?}"))
}

/// Pays a waiting trade. For a paid one it only sends another notify: this makes repeats and late forgeries.
fn pay(simulator: &Simulator, trade_no: &str, pay: &Pay) -> Result<(), Reply> {
    let times = pay.times.unwrap_or(1);
    if !(1..=TIMES_MAX).contains(&times) {
        return Err(Reply::json_error(400, format!("times must be from 1 to {TIMES_MAX}")));
    }
    change(simulator, trade_no, |trade, now| {
        let paid = matches!(trade.status, Status::Success | Status::Finished);
        if pay.pay.unwrap_or(true) && !paid {
            trade.pay(now)?;
        }
        if !pay.notify.unwrap_or(true) {
            return Ok(());
        }
        let protocol = trade.order.protocol;
        let (received, total) = (trade.paid_at, trade.order.total.to_yuan());
        if let Some(notify) = trade.queue(Event::Paid, now) {
            let lies = lies(pay, protocol, received.is_none());
            for (name, value) in lies {
                notify.letter.fields.insert(name.to_owned(), value);
            }
            if received.is_none() && protocol == Protocol::Openapi {
                notify.letter.fields.entry("receipt_amount".to_owned()).or_insert(total);
            }
            notify.letter.sign_with = pay.sign_with;
            notify.repeats = times - 1;
        }
        Ok(())
    })
}

/// The fields to overwrite, by the protocol's names. A notify for an unpaid trade claims success, unless the test gives a status.
fn lies(pay: &Pay, protocol: Protocol, unpaid: bool) -> Vec<(&'static str, String)> {
    let (amount, merchant) = match protocol {
        Protocol::Openapi => ("total_amount", Some("app_id")),
        Protocol::Mapi => ("total_fee", None),
    };
    let claimed = unpaid.then(|| Status::Success.word().to_owned());
    [
        (Some("trade_status"), pay.trade_status.clone().or(claimed)),
        (Some(amount), pay.total_amount.clone()),
        (Some("seller_id"), pay.seller_id.clone()),
        (merchant, pay.app_id.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name?, value?)))
    .collect()
}

/// From now on every notify and answer about the trade has another amount.
fn misstate(simulator: &Simulator, trade_no: &str, told: &Misstatement) -> Result<(), Reply> {
    let total = Fen::parse_yuan(&told.total_amount)
        .ok_or_else(|| Reply::json_error(400, "totalAmount must be yuan with at most two decimals"))?;
    change(simulator, trade_no, |trade, _| {
        trade.order.total = total;
        Ok(())
    })
}

fn refund(simulator: &Simulator, trade_no: &str, options: RefundOptions) -> Result<(), Reply> {
    let amount = match options.amount.as_deref().map(Fen::parse_yuan) {
        Some(None) => {
            return Err(Reply::json_error(400, "amount must be yuan with at most two decimals"));
        }
        Some(amount) => amount,
        None => None,
    };
    change(simulator, trade_no, |trade, now| {
        let amount = amount.unwrap_or_else(|| trade.order.total.minus(trade.refunded()));
        let request_no =
            options.out_request_no.or_else(|| Some(format!("{}_R{}", trade.order.out_trade_no, trade.refunds.len())));
        trade.refund(RefundRequest { request_no, amount, reason: None, balance: Balance::Suffices }, now).map(|_| ())
    })
}
