//! The JSON door for automated tests, under `/_local/simulator/unionpay/orders/{orderId}`.
//!
//! It plays the payer, UnionPay's back office, and the forger: `pay` and `refund` can send notifies that are false, repeated, or
//! signed by somebody else. A merchant that accepts such a notify has a security hole. Nothing here exists at UnionPay.

use serde::Deserialize;
use serde_json::{Value, json};

use super::codes::{self, Refusal};
use super::faults::RefundEnd;
use super::ledger::Ledger;
use super::moment::compact;
use super::request::Call;
use super::signing::SignWith;
use super::simulator::Simulator;
use super::transaction::{Fen, Order, Punctuality, State, Transaction};
use super::{gateway, page};
use crate::kit::form;
use crate::kit::outbox;
use crate::kit::reply::Reply;
use crate::kit::server::Incoming;

/// Duplicates of one notify.
const TIMES_MAX: u32 = 100;

/// Options of `pay`, all optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Pay {
    /// False: the merchant gets no notify and must query. If absent: it gets one for success only, as from UnionPay.
    notify: Option<bool>,
    /// False: the order does not change, and only the notify is sent, as a forger would do.
    pay: Option<bool>,
    /// True: the payment succeeds after the timeout or the payer's cancel.
    late: bool,
    #[serde(flatten)]
    lies: Lies,
}

/// Options of `refund`, all optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Refund {
    #[serde(flatten)]
    lies: Lies,
}

/// The false content of a notify. `respCode` is also the result, if the call decides one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Lies {
    resp_code: Option<String>,
    txn_amt: Option<String>,
    mer_id: Option<String>,
    currency_code: Option<String>,
    order_id: Option<String>,
    query_id: Option<String>,
    txn_type: Option<String>,
    times: Option<u32>,
    sign_with: SignWith,
}

/// `GET …/orders/{orderId}`: the transaction, its refunds, and every notify with what was sent and answered.
pub(super) fn show(simulator: &Simulator, order_id: &str, query: &str) -> Reply {
    match find(simulator, order_id, query) {
        Ok(query_id) => shown(simulator, &query_id),
        Err(reply) => reply,
    }
}

/// `POST …/orders/{orderId}/{action}`; `action` is pay, cancel or refund. `?merId=` and `?txnTime=` select one of several orders
/// with the same number. If nobody has submitted the page yet, `pay` submits it, as the payer's browser would.
pub(super) async fn act(simulator: &Simulator, order_id: &str, action: &str, query: &str, body: &[u8]) -> Reply {
    let mut found = find(simulator, order_id, query);
    if found.is_err() && action == "pay" {
        match open_handed(simulator, order_id) {
            Some(refused) if refused.status >= 400 => return cannot_open(&refused),
            Some(_) => found = find(simulator, order_id, query),
            None => {}
        }
    }
    let query_id = match found {
        Ok(query_id) => query_id,
        Err(reply) => return reply,
    };
    let done = match action {
        "pay" => options(body).and_then(|pay| self::pay(simulator, &query_id, &pay)),
        "refund" => options(body).and_then(|options: Refund| refund(simulator, &query_id, &options.lies)),
        "cancel" => simulator.with(|ledger, _| match ledger.orders.get_mut(&query_id) {
            Some(payment) => payment.cancel().map_err(|refusal| refused(&refusal)),
            None => Err(gone()),
        }),
        _ => return Reply::json_error(404, format!("no action {action}")),
    };
    if let Err(reply) = done {
        return reply;
    }
    outbox::run(simulator, Some(&query_id)).await;
    shown(simulator, &query_id)
}

fn cannot_open(refused: &Reply) -> Reply {
    let page = String::from_utf8_lossy(&refused.body);
    Reply::json_error(409, format!("the payer cannot submit the page of the charge: {page}"))
}

/// Submits the form of the page from a charge, as the payer's browser does. `None` if the charge returned no page.
fn open_handed(simulator: &Simulator, order_id: &str) -> Option<Reply> {
    let page = simulator.handed().find(order_id).filter(|page| page.text.starts_with('<'))?;
    Some(gateway::front(simulator, &Incoming::posted_form(page::form_of(&page.text))))
}

fn options<T: Default + for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Reply> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| Reply::json_error(400, error.to_string()))
}

fn find(simulator: &Simulator, order_id: &str, query: &str) -> Result<String, Reply> {
    let params = form::merge(query, "", None).map_err(|error| Reply::json_error(400, error.to_string()))?;
    let value = |name: &str| params.get(name).map(String::as_str);
    simulator.with(|ledger, _| ledger.newest(order_id, value("merId"), value("txnTime"))).ok_or_else(|| {
        Reply::json_error(404, format!("no order {order_id} has reached the simulator: submit the page of its charge"))
    })
}

fn gone() -> Reply {
    Reply::json_error(404, "the transaction is gone")
}

fn refused(refusal: &Refusal) -> Reply {
    Reply::json_error(409, refusal.message())
}

fn shown(simulator: &Simulator, query_id: &str) -> Reply {
    let found = simulator.with(|ledger, _| {
        let mut whole = describe(ledger.orders.get(query_id)?);
        let backs: Vec<Value> = ledger.backs_of(query_id).into_iter().map(describe).collect();
        if let Some(whole) = whole.as_object_mut() {
            whole.insert("refunds".to_owned(), backs.into());
        }
        Some(whole)
    });
    found.map_or_else(gone, |whole| Reply::json(200, &whole))
}

fn describe(transaction: &Transaction) -> Value {
    let order = &transaction.order;
    json!({
        "merId": order.mer_id,
        "orderId": order.order_id,
        "txnTime": order.txn_time,
        "kind": order.call,
        "txnAmt": order.amount.digits(),
        "state": transaction.state,
        "respCode": transaction.resp_code,
        "queryId": transaction.query_id,
        "tn": transaction.tn,
        "origQryId": order.orig_qry_id,
        "backUrl": order.back_url,
        "frontUrl": order.front_url,
        "createdAt": transaction.created_at,
        "expiresAt": transaction.expires_at,
        "endedAt": transaction.ended_at,
        "returnedAmt": transaction.returned.digits(),
        "voided": transaction.voided,
        "notifies": transaction.notifies.iter().map(|notify| json!({
            "url": notify.letter.url,
            "nextAt": notify.next_at,
            "attempts": notify.attempts,
        })).collect::<Vec<_>>(),
    })
}

/// Pays a waiting order. For a paid one it only sends another notify: this makes repeats and late forgeries.
fn pay(simulator: &Simulator, query_id: &str, pay: &Pay) -> Result<(), Reply> {
    check(&pay.lies)?;
    let code = pay.lies.resp_code.as_deref().unwrap_or(codes::SUCCESS);
    let punctuality = if pay.late { Punctuality::AlsoLate } else { Punctuality::InTime };
    simulator.with(|ledger, now| {
        let payment = ledger.orders.get_mut(query_id).filter(|payment| payment.is_payment());
        let payment = payment.ok_or_else(|| Reply::json_error(409, "a refund or void cannot be paid"))?;
        if pay.pay.unwrap_or(true) && payment.state != State::Done {
            payment.pay(code, punctuality, now).map_err(|refusal| refused(&refusal))?;
        }
        if pay.notify.unwrap_or_else(|| codes::is_success(code)) {
            tell(payment, &pay.lies, now);
        }
        Ok(())
    })
}

/// For a payment: refunds `txnAmt` or the whole rest of it, as a merchant would in UnionPay's back office. For a refund or void:
/// ends it if it is in progress, and sends its notify again, with the false content.
fn refund(simulator: &Simulator, query_id: &str, lies: &Lies) -> Result<(), Reply> {
    check(lies)?;
    let code = lies.resp_code.as_deref().unwrap_or(codes::SUCCESS);
    simulator.with(|ledger, now| {
        let transaction = ledger.orders.get(query_id).cloned().ok_or_else(gone)?;
        if transaction.is_payment() {
            return office_refund(ledger, &transaction, lies, now);
        }
        if transaction.state == State::Processing {
            ledger.end_back(query_id, code, now);
        }
        if let Some(transaction) = ledger.orders.get_mut(query_id) {
            // The end has queued the true notify. The ordered one replaces it.
            transaction.notifies.drop_unsent();
            tell(transaction, lies, now);
        }
        Ok(())
    })
}

fn office_refund(ledger: &mut Ledger, payment: &Transaction, lies: &Lies, now: i64) -> Result<(), Reply> {
    let amount = match lies.txn_amt.as_deref().map(Fen::parse) {
        Some(None) => return Err(Reply::json_error(400, "txnAmt must be whole fen")),
        Some(Some(amount)) => amount,
        None => payment.left(),
    };
    let number = ledger.backs_of(&payment.query_id).len();
    let order = Order {
        call: Call::Refund,
        order_id: lies.order_id.clone().unwrap_or_else(|| format!("R{number:03}{}", payment.query_id)),
        txn_time: compact(now),
        amount,
        front_url: None,
        front_fail_url: None,
        order_desc: None,
        orig_qry_id: Some(payment.query_id.clone()),
        pay_timeout: None,
        ..payment.order.clone()
    };
    let code = lies.resp_code.as_deref().unwrap_or(codes::SUCCESS);
    ledger.give_back(order, RefundEnd { pause_ms: 0, code }, now).map(|_| ()).map_err(|refusal| refused(&refusal))
}

fn check(lies: &Lies) -> Result<(), Reply> {
    if lies.times.is_some_and(|times| !(1..=TIMES_MAX).contains(&times)) {
        return Err(Reply::json_error(400, format!("times must be from 1 to {TIMES_MAX}")));
    }
    let code = |code: &String| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !lies.resp_code.as_ref().is_none_or(code) {
        return Err(Reply::json_error(400, "respCode must be two letters or digits"));
    }
    Ok(())
}

/// Queues a notify with the false content. For an unpaid order it claims success, unless the test gives a code.
fn tell(transaction: &mut Transaction, lies: &Lies, now: i64) {
    let decided = !transaction.resp_code.is_empty();
    let claimed = (!decided).then(|| codes::SUCCESS.to_owned());
    let amount = transaction.order.amount.digits();
    let Some(notify) = transaction.queue(now) else {
        return;
    };
    let code = lies.resp_code.clone().or(claimed);
    let message = code.as_deref().map(codes::message);
    let fields = [
        ("respCode", &code),
        ("respMsg", &message),
        ("txnAmt", &lies.txn_amt),
        ("settleAmt", &lies.txn_amt),
        ("merId", &lies.mer_id),
        ("currencyCode", &lies.currency_code),
        ("orderId", &lies.order_id),
        ("queryId", &lies.query_id),
        ("txnType", &lies.txn_type),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            notify.letter.fields.insert(name.to_owned(), value.clone());
        }
    }
    notify.letter.fields.entry("settleAmt".to_owned()).or_insert(amount);
    notify.letter.sign_with = lies.sign_with;
    notify.repeats = lies.times.unwrap_or(1).saturating_sub(1);
}
