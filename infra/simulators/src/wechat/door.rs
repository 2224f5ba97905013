//! The JSON door for automated tests, under `/_local/simulator/wechat/trades/{out_trade_no}`.
//!
//! It plays the buyer and the forger: `pay` and `refund` can send notifies that are false, repeated, or signed with a key that
//! WeChat does not have. A merchant that accepts such a notify has a security hole. Nothing here exists at WeChat.

use serde::Deserialize;
use serde_json::{Value, json};

use super::fen::Fen;
use super::letter::{Content, Forgery, Letter, SignWith};
use super::simulator::Simulator;
use super::trade::{Payment, RefundRequest, RefundStatus, Rule, State, Trade};
use crate::kit::balance::Balance;
use crate::kit::form;
use crate::kit::outbox;
use crate::kit::owner::SimulatorError;
use crate::kit::reply::Reply;
use crate::kit::server::Incoming;

/// Duplicates of one notify.
const TIMES_MAX: u32 = 100;

/// Options of `pay`, all optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Pay {
    /// False: the order is paid, but the merchant gets no notify and must query.
    notify: Option<bool>,
    /// False: the order does not change, and only the notify is sent, as a forger would do.
    pay: Option<bool>,
    /// What the buyer really pays, if a coupon makes it less than the total. Queries show it, too. Only if this call pays.
    payer_total: Option<i64>,
    /// False content of the notify; the order itself stays true.
    amount: Option<i64>,
    currency: Option<String>,
    mchid: Option<String>,
    appid: Option<String>,
    out_trade_no: Option<String>,
    trade_state: Option<String>,
    event_type: Option<String>,
    #[serde(flatten)]
    send: Send,
}

/// How a notify is sent, all optional.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Send {
    times: Option<u32>,
    sign_with: SignWith,
    /// Sends only WeChat's probe; the order does not change.
    probe: bool,
    skew_seconds: i64,
    tamper: bool,
    wrong_api_key: bool,
}

/// Options of `refund`, all optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct RefundOptions {
    /// Fen; the whole rest if absent.
    amount: Option<i64>,
    /// If this refund is in progress, it gets its result now. Any other number makes a new refund.
    out_refund_no: Option<String>,
    /// SUCCESS if absent.
    status: Option<RefundStatus>,
    /// The notify address of a new refund. An existing refund keeps its own.
    notify_url: Option<String>,
}

/// `GET …/trades/{out_trade_no}`: the order and every notify with what was sent and answered.
pub(super) fn show(simulator: &Simulator, out_trade_no: &str, query: &str) -> Reply {
    match find(simulator, out_trade_no, query) {
        Ok(number) => shown(simulator, &number),
        Err(reply) => reply,
    }
}

/// `POST …/trades/{out_trade_no}/{action}`; `action` is pay, fail, close or refund. `?merchant=` selects one of several merchants
/// with the same order number.
pub(super) async fn act(
    simulator: &Simulator,
    out_trade_no: &str,
    action: &str,
    request: &Incoming,
) -> Result<Reply, SimulatorError> {
    let number = match find(simulator, out_trade_no, request.query()) {
        Ok(number) => number,
        Err(reply) => return Ok(reply),
    };
    let done = match action {
        "pay" => options(&request.body).and_then(|pay| self::pay(simulator, &number, &pay)),
        "refund" => options(&request.body).and_then(|refund| self::refund(simulator, &number, &refund)),
        "fail" => change(simulator, &number, |trade, _| trade.fail()),
        "close" => change(simulator, &number, Trade::close),
        _ => return Ok(Reply::json_error(404, format!("no action {action}"))),
    };
    if let Err(reply) = done {
        return Ok(reply);
    }
    outbox::run(simulator, Some(&number)).await;
    Ok(shown(simulator, &number))
}

fn change(
    simulator: &Simulator,
    number: &str,
    work: impl FnOnce(&mut Trade, i64) -> Result<(), Rule>,
) -> Result<(), Reply> {
    let changed = simulator.with(|ledger, now| work(ledger.orders.get_mut(number).ok_or(Rule::NotExist)?, now));
    changed.map_err(refused)
}

fn options<T: Default + for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Reply> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| Reply::json_error(400, error.to_string()))
}

fn find(simulator: &Simulator, out_trade_no: &str, query: &str) -> Result<String, Reply> {
    let params = form::merge(query, "", None).map_err(|error| Reply::json_error(400, error.to_string()))?;
    let out_trade_no = form::decode(out_trade_no).map_err(|error| Reply::json_error(400, error.to_string()))?;
    let merchant = params.get("merchant");
    let fits = |trade: &Trade| {
        trade.order.out_trade_no == out_trade_no && merchant.is_none_or(|merchant| trade.order.mch_id == *merchant)
    };
    simulator
        .with(|ledger, _| ledger.orders.find(fits).map(|trade| trade.number.clone()))
        .ok_or_else(|| Reply::json_error(404, format!("no order {out_trade_no} has reached the simulator")))
}

fn shown(simulator: &Simulator, number: &str) -> Reply {
    let trade = simulator.with(|ledger, _| ledger.orders.get(number).map(describe));
    trade.map_or_else(|| Reply::json_error(404, "the order is gone"), |trade| Reply::json(200, &trade))
}

fn describe(trade: &Trade) -> Value {
    let order = &trade.order;
    json!({
        "outTradeNo": order.out_trade_no,
        "merchant": order.mch_id,
        "appid": order.app_id,
        "version": order.version,
        "tradeType": order.product.trade_type(),
        "state": trade.state,
        "transactionId": trade.transaction_id,
        "description": order.description,
        "amount": order.total,
        "payerTotal": trade.payer_total,
        "refundedAmount": trade.refunded(),
        "notifyUrl": order.notify_url,
        "prepays": trade.prepays,
        "expiresAt": trade.expires_at,
        "paidAt": trade.paid_at,
        "closedAt": trade.closed_at,
        "refunds": trade.refunds,
        "notifies": trade.notifies.iter().map(|notify| json!({
            "id": notify.letter.id,
            "url": notify.letter.url,
            "content": notify.letter.content,
            "nextAt": notify.next_at,
            "attempts": notify.attempts,
        })).collect::<Vec<_>>(),
    })
}

fn refused(rule: Rule) -> Reply {
    Reply::json_error(409, format!("{rule:?}"))
}

fn bad(why: impl Into<String>) -> Reply {
    Reply::json_error(400, why)
}

fn amount_of(fen: Option<i64>) -> Result<Option<Fen>, Reply> {
    fen.map(|fen| Fen::new(fen).ok_or_else(|| bad("an amount must be 1 fen or more"))).transpose()
}

/// Pays a waiting order. For a paid one it only sends another notify: this makes repeats and late forgeries.
fn pay(simulator: &Simulator, number: &str, pay: &Pay) -> Result<(), Reply> {
    let times = pay.send.times.unwrap_or(1);
    if !(1..=TIMES_MAX).contains(&times) {
        return Err(bad(format!("times must be from 1 to {TIMES_MAX}")));
    }
    let payer_total = amount_of(pay.payer_total)?;
    simulator.with(|ledger, now| {
        let transaction_id = ledger.provider_number("42", now);
        let trade = ledger.orders.get_mut(number).ok_or_else(|| refused(Rule::NotExist))?;
        if payer_total.is_some_and(|fen| fen > trade.order.total) {
            return Err(bad("payerTotal must not be more than the total"));
        }
        let paid = matches!(trade.state, State::Success | State::Refund);
        let payment = Payment { transaction_id, payer_total };
        if pay.pay.unwrap_or(true) && !paid && !pay.send.probe {
            trade.pay(payment.clone(), now).map_err(refused)?;
        }
        if !pay.notify.unwrap_or(true) {
            return Ok(());
        }
        let mut claim = trade.clone();
        if claim.paid_at.is_none() {
            claim.pretend_paid(payment, now);
        }
        // The payment's notify says SUCCESS even if the order was refunded: it was made when the order was paid.
        claim.state = State::Success;
        if let Some(notify) = trade.queue_payment(&claim, now) {
            lie(&mut notify.letter, pay);
            notify.letter.forgery = forgery(pay.send);
            notify.repeats = times - 1;
        }
        Ok(())
    })
}

fn forgery(send: Send) -> Forgery {
    Forgery {
        sign_with: send.sign_with,
        probe: send.probe,
        skew_seconds: send.skew_seconds,
        tamper: send.tamper,
        wrong_api_key: send.wrong_api_key,
    }
}

/// Writes the false content into a notify, by the protocol's names.
fn lie(letter: &mut Letter, pay: &Pay) {
    match &mut letter.content {
        Content::V3 { event_type, resource, .. } => {
            if let Some(lie) = &pay.event_type {
                event_type.clone_from(lie);
            }
            let lies = [
                ("/amount/total", pay.amount.map(Value::from)),
                ("/amount/currency", pay.currency.clone().map(Value::from)),
                ("/mchid", pay.mchid.clone().map(Value::from)),
                ("/appid", pay.appid.clone().map(Value::from)),
                ("/out_trade_no", pay.out_trade_no.clone().map(Value::from)),
                ("/trade_state", pay.trade_state.clone().map(Value::from)),
            ];
            for (pointer, lie) in lies {
                if let (Some(place), Some(lie)) = (resource.pointer_mut(pointer), lie) {
                    *place = lie;
                }
            }
        }
        Content::V2 { fields } => {
            let lies = [
                ("total_fee", pay.amount.map(|fen| fen.to_string())),
                ("fee_type", pay.currency.clone()),
                ("mch_id", pay.mchid.clone()),
                ("appid", pay.appid.clone()),
                ("out_trade_no", pay.out_trade_no.clone()),
                ("result_code", pay.trade_state.clone()),
            ];
            for (name, lie) in lies {
                if let Some(lie) = lie {
                    fields.insert(name.to_owned(), lie);
                }
            }
        }
        Content::V2Refund { .. } => {}
    }
}

/// Settles a refund in progress, or makes one as the merchant platform's web page would, and settles it.
fn refund(simulator: &Simulator, number: &str, options: &RefundOptions) -> Result<(), Reply> {
    let status = options.status.unwrap_or(RefundStatus::Success);
    let asked = amount_of(options.amount)?;
    simulator.with(|ledger, now| {
        let refund_id = ledger.provider_number("50", now);
        let trade = ledger.orders.get_mut(number).ok_or_else(|| refused(Rule::NotExist))?;
        let out_refund_no = options
            .out_refund_no
            .clone()
            .unwrap_or_else(|| format!("{}_R{}", trade.order.out_trade_no, trade.refunds.len()));
        if trade.refund_of(&out_refund_no).is_none() {
            let left = trade.order.total.minus(trade.refunded());
            let amount = asked.or(Fen::new(left.get())).ok_or_else(|| refused(Rule::RefundExceeds))?;
            let request = RefundRequest {
                refund_id,
                out_refund_no: out_refund_no.clone(),
                amount,
                total: trade.order.total,
                reason: None,
                notify_url: options.notify_url.clone(),
                balance: Balance::Suffices,
            };
            trade.refund(request, now).map_err(refused)?;
        }
        if status != RefundStatus::Processing {
            let settled = trade.settle(&out_refund_no, status, now).map_err(refused)?;
            trade.queue_refund(&settled, now);
        }
        Ok(())
    })
}
