//! The four addresses for a merchant's messages, and the answers.

use super::codes::{self, Refusal};
use super::faults::Fault;
use super::message::query_fields;
use super::request::{Call, Message, verify, verify_file};
use super::simulator::Simulator;
use super::{file, page};
use crate::kit::fault::{Fault as Transport, spoil};
use crate::kit::form::{self, Params};
use crate::kit::owner::SimulatorError;
use crate::kit::reply::{Reply, TEXT};
use crate::kit::server::{FORM, Incoming};

/// The fields of the request that every answer repeats, even a refusal.
const ECHO: &[&str] = &["txnType", "txnSubType", "bizType", "accessType", "merId", "orderId", "txnTime", "origQryId"];
/// The length of the longest of them, `orderId`.
const ECHO_CHARS_MAX: usize = 40;

/// The address of a server call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    App,
    Query,
    Back,
    File,
}

/// `POST frontTransReq.do`: redirects the buyer's browser to the cashier, or shows why not.
pub(super) fn front(simulator: &Simulator, request: &Incoming) -> Reply {
    let placed = read(request).and_then(|params| {
        let message = verify(simulator.registry(), Call::Web, params)?;
        place(simulator, &message)
    });
    match placed {
        Ok((_, tn)) => Reply::redirect(302, simulator.cashier_url(&tn)),
        // Status 400, so that a script notices too.
        Err(refusal) => Reply::html(400, page::refused(refusal.code, &refusal.message())),
    }
}

/// A server call, answered in raw `k=v&k=v`, with the faults a test has ordered.
pub(super) fn server(simulator: &Simulator, endpoint: Endpoint, request: &Incoming) -> Result<Reply, SimulatorError> {
    let fault = simulator.with(|ledger, _| ledger.faults.pop_front());
    let transport = fault.and_then(Fault::transport);
    if transport == Some(Transport::Http500) {
        return Ok(spoil(transport, Reply::new(500, TEXT, "")));
    }
    let mut answer = Params::new();
    let done = read(request).and_then(|params| {
        answer = echo(&params);
        if endpoint == Endpoint::File {
            let now = simulator.now();
            let call = verify_file(simulator.registry(), params, now)?;
            return if fault == Some(Fault::Lost) { Ok(said("03")) } else { file::give(simulator, &call, now) };
        }
        let message = verify(simulator.registry(), call_of(endpoint, &params)?, params)?;
        if fault == Some(Fault::Lost) {
            return Ok(said("03"));
        }
        let fields = perform(simulator, &message, fault)?;
        Ok(if fault == Some(Fault::Accepted) { said("05") } else { fields })
    });
    match done {
        Ok(fields) => answer.extend(fields),
        Err(refusal) => {
            answer.insert("respCode".to_owned(), refusal.code.to_owned());
            answer.insert("respMsg".to_owned(), refusal.message());
        }
    }
    let charset = simulator.with(|ledger, _| ledger.charset);
    if let Some(who) = fault.map_or(Some(super::signing::SignWith::Unionpay), Fault::sign_with) {
        simulator.registry().seals.by(who).sign(&mut answer, charset)?;
    }
    let reply = Reply { hold_ms: Fault::hold_ms(fault), ..Reply::new(200, TEXT, charset.bytes(&raw(&answer))) };
    Ok(spoil(transport, reply))
}

/// `k=v&k=v`, not encoded: if a merchant decodes an answer, the `+` characters of its signature become blanks.
pub(super) fn raw(fields: &Params) -> String {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn read(request: &Incoming) -> Result<Params, Refusal> {
    let wrong = |why: &str| Refusal::new(codes::FORMAT, why);
    let mut kind = request.content_type_line().split(';').map(str::trim);
    if !kind.next().is_some_and(|kind| kind.eq_ignore_ascii_case(FORM)) {
        return Err(wrong("the content type must be application/x-www-form-urlencoded"));
    }
    let utf8 = |part: &str| {
        let charset = part.to_ascii_lowercase();
        charset.strip_prefix("charset=").is_none_or(|charset| charset.trim_matches('"') == "utf-8")
    };
    if !kind.all(utf8) {
        return Err(wrong("the charset must be UTF-8"));
    }
    if !request.query().is_empty() {
        return Err(wrong("the address takes no query, everything belongs into the body"));
    }
    let body = request.form().map_err(|_| wrong("the body is not UTF-8"))?;
    // The error would quote the message, and an answer must not.
    form::merge("", body, None).map_err(|_| wrong("the body is no percent-encoded form with each field once"))
}

/// The message by its `txnType`, if an address accepts several.
fn call_of(endpoint: Endpoint, params: &Params) -> Result<Call, Refusal> {
    match endpoint {
        Endpoint::App => Ok(Call::App),
        Endpoint::Query if params.get("txnSubType").is_some_and(|value| value.trim() == "02") => {
            Ok(Call::QueryByNumber)
        }
        Endpoint::Query | Endpoint::File => Ok(Call::Query),
        Endpoint::Back => match params.get("txnType").map(|value| value.trim()) {
            Some("04") => Ok(Call::Refund),
            Some("31") => Ok(Call::Void),
            Some("") | None => Err(Refusal::new(codes::MISSING, "txnType is missing")),
            Some(_) => Err(Refusal::new(codes::FORMAT, "txnType must be 04 or 31 here")),
        },
    }
}

fn echo(params: &Params) -> Params {
    let plain = |value: &str| {
        value.len() <= ECHO_CHARS_MAX && !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let fixed = [("version", "5.1.0"), ("encoding", "UTF-8"), ("signMethod", "01")];
    let named = ECHO.iter().filter_map(|name| Some((*name, params.get(*name)?.trim())));
    fixed
        .into_iter()
        .chain(named.filter(|(_, value)| plain(value)))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The answer's code and text.
pub(super) fn said(code: &str) -> Params {
    Params::from([("respCode".to_owned(), code.to_owned()), ("respMsg".to_owned(), codes::message(code))])
}

fn perform(simulator: &Simulator, message: &Message<'_>, fault: Option<Fault>) -> Result<Params, Refusal> {
    let mut fields = said(codes::SUCCESS);
    match message.call {
        Call::Query | Call::QueryByNumber => {
            fields.extend(query(simulator, message)?);
            return Ok(fields);
        }
        Call::Web | Call::App => {
            let (_, tn) = place(simulator, message)?;
            fields.insert("tn".to_owned(), tn);
        }
        Call::Refund | Call::Void => {
            let order = message.order(simulator.now())?;
            fields.insert("txnAmt".to_owned(), order.amount.digits());
            let placed = simulator.with(|ledger, now| ledger.give_back(order, Fault::end(fault), now))?;
            fields.insert("queryId".to_owned(), placed);
        }
    }
    let reserved = message.text("reqReserved");
    if !reserved.is_empty() {
        fields.insert("reqReserved".to_owned(), reserved);
    }
    Ok(fields)
}

/// Accepts a payment and returns `queryId` and `tn`.
fn place(simulator: &Simulator, message: &Message<'_>) -> Result<(String, String), Refusal> {
    let order = message.order(simulator.now())?;
    simulator.with(|ledger, now| {
        let query_id = ledger.place(order, now)?;
        let tn = ledger.orders.get(&query_id).and_then(|transaction| transaction.tn.clone());
        Ok((query_id, tn.unwrap_or_default()))
    })
}

/// The known facts of a transaction. The answer's `txnType` is still that of the query.
fn query(simulator: &Simulator, message: &Message<'_>) -> Result<Params, Refusal> {
    let mer_id = message.merchant.mer_id.clone();
    let query_id = message.text("queryId");
    let identity = (mer_id.clone(), message.text("orderId"), message.text("txnTime"));
    simulator
        .with(|ledger, _| {
            let found = match message.call {
                Call::QueryByNumber => ledger.orders.get(&query_id).filter(|found| found.order.mer_id == mer_id),
                Call::Query | Call::Web | Call::App | Call::Refund | Call::Void => ledger.by_identity(&identity),
            };
            found.and_then(query_fields)
        })
        .ok_or_else(|| Refusal::new(codes::NOT_FOUND, ""))
}
