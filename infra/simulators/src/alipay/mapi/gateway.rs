//! `gateway.do` of the legacy gateway.

use super::super::ledger::Ledger;
use super::super::merchants::{MapiPartner, Merchants};
use super::super::notify::VERIFIABLE_MS;
use super::super::page;
use super::super::signer::{SignWith, Signer};
use super::super::simulator::Simulator;
use super::super::trade::{Order, Rule, Status};
use super::message::{sign, trade_fields};
use super::order::{self, PAGE, WAP, optional, refusal_of};
use super::{MapiRefusal, illegal_argument, refuse};
use crate::kit::crypto::md5_verify;
use crate::kit::fault::{Fault, spoil};
use crate::kit::form::{self, Params, mapi_content};
use crate::kit::owner::SimulatorError;
use crate::kit::page::escape;
use crate::kit::reply::{Reply, TEXT, XML};

/// `GET|POST /simulator/alipay/mapi/gateway.do`.
pub(in super::super) fn gateway(simulator: &Simulator, query: &str, body: &str) -> Result<Reply, SimulatorError> {
    // Alipay's own samples have the charset in the form's action and in a hidden field.
    let params = match form::merge(query, body, Some("_input_charset")) {
        Ok(params) => params,
        Err(error) => return Ok(refused_page(&refuse("ILLEGAL_ARGUMENT", error.to_string()))),
    };
    match params.get("service").map(String::as_str) {
        Some(PAGE | WAP) => Ok(match browser(simulator, &params) {
            Ok(cashier) => Reply::redirect(302, cashier),
            Err(refusal) => refused_page(&refusal),
        }),
        Some("notify_verify") => Ok(Reply::new(200, TEXT, notify_verify(simulator, &params).to_string())),
        service => server(simulator, service.unwrap_or_default(), &params),
    }
}

/// The string of `mobile.securitypay.pay`, and the cashier it opens.
pub(in super::super) fn order_string(simulator: &Simulator, text: &str) -> Result<String, MapiRefusal> {
    place(simulator, order::read_string(simulator.merchants(), text)?)
}

/// The page that a person sees instead of the cashier.
pub(in super::super) fn refused_page(refusal: &MapiRefusal) -> Reply {
    Reply::html(400, page::refused(refusal.error, &refusal.why))
}

fn browser(simulator: &Simulator, params: &Params) -> Result<String, MapiRefusal> {
    let partner = verify(simulator.merchants(), params)?;
    place(simulator, order::read(partner, params)?)
}

fn place(simulator: &Simulator, order: Order) -> Result<String, MapiRefusal> {
    let trade_no = simulator.with(|ledger, now| ledger.place(order, now)).map_err(refusal_of)?;
    Ok(simulator.cashier_url(&trade_no))
}

/// The sender of `params`, after every check that all services share.
fn verify<'a>(merchants: &'a Merchants, params: &Params) -> Result<&'a MapiPartner, MapiRefusal> {
    let given = |name: &str| params.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let partner = given("partner")
        .and_then(|partner| merchants.partner(partner))
        .ok_or_else(|| refuse("ILLEGAL_PARTNER", "unknown partner"))?;
    if !given("_input_charset").is_some_and(|charset| charset.eq_ignore_ascii_case("utf-8")) {
        return Err(refuse("ILLEGAL_CHARSET", "_input_charset must be utf-8"));
    }
    let content = mapi_content(params);
    let sign = given("sign").ok_or_else(|| refuse("ILLEGAL_SIGN", "sign is missing"))?;
    let genuine = match given("sign_type") {
        Some("MD5") => md5_verify(&content, &partner.md5_key, sign),
        Some("RSA") => partner.merchant_key.verify(&content, sign),
        Some(_) | None => return Err(refuse("ILLEGAL_SIGN_TYPE", "sign_type must be MD5 or RSA")),
    };
    if genuine { Ok(partner) } else { Err(refuse("ILLEGAL_SIGN", format!("verified content: {content}"))) }
}

/// True for a notify of this partner that was sent within the last minute. This service takes no signature.
fn notify_verify(simulator: &Simulator, params: &Params) -> bool {
    let (Some(partner), Some(notify_id)) = (params.get("partner"), params.get("notify_id")) else {
        return false;
    };
    simulator.with(|ledger, now| {
        ledger
            .find_notify(partner, notify_id)
            .and_then(|notify| notify.last_sent_at)
            .is_some_and(|sent| now.saturating_sub(sent) <= VERIFIABLE_MS)
    })
}

fn server(simulator: &Simulator, service: &str, params: &Params) -> Result<Reply, SimulatorError> {
    // Not every reader checks a signature here, so only the connection faults are useful.
    let fault = simulator.with(|ledger, _| ledger.faults.pop_front());
    if fault == Some(Fault::Http500) {
        return Ok(spoil(fault, Reply::new(500, XML, "")));
    }
    let answer = match verify(simulator.merchants(), params) {
        Err(refusal) => Err(refusal),
        Ok(_) if fault == Some(Fault::Busy) => Err(refuse("SYSTEM_ERROR", "")),
        Ok(partner) => match service {
            "single_trade_query" => single_trade_query(simulator, partner, params)?,
            "close_trade" => close_trade(simulator, partner, params),
            _ => Err(refuse("ILLEGAL_SERVICE", "")),
        },
    };
    let inner =
        answer.unwrap_or_else(|refusal| format!("<is_success>F</is_success><error>{}</error>", escape(refusal.error)));
    let charset = simulator.with(|ledger, _| ledger.charset);
    let xml = format!("<?xml version=\"1.0\" encoding=\"{}\"?>\n<alipay>{inner}</alipay>", charset.name());
    Ok(spoil(fault, Reply::new(200, charset.xml_type(), charset.bytes(&xml))))
}

fn single_trade_query(
    simulator: &Simulator,
    partner: &MapiPartner,
    params: &Params,
) -> Result<Result<String, MapiRefusal>, SimulatorError> {
    let found = simulator.with(|ledger, _| {
        let number = find(ledger, partner, params, "out_trade_no")?;
        let trade = ledger.orders.get(&number).filter(|trade| trade.status != Status::Prepared);
        trade.map(trade_fields).ok_or_else(|| refusal_of(Rule::NotExist))
    });
    let mut fields = match found {
        Ok(fields) => fields,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let trade = elements(&fields);
    let sign_type = params.get("sign_type").map(String::as_str).unwrap_or_default();
    let (merchants, merchant, sign_with) = (simulator.merchants(), partner.partner.as_str(), SignWith::Alipay);
    let charset = simulator.with(|ledger, _| ledger.charset);
    let signer = Signer { merchants, merchant, sign_type, sign_with, charset };
    sign(&signer, &mut fields)?;
    let sign = fields.get("sign").map(|sign| escape(sign)).unwrap_or_default();
    let request: String = params
        .iter()
        .filter(|(name, _)| *name != "sign" && *name != "sign_type")
        .map(|(name, value)| format!("<param name=\"{}\">{}</param>", escape(name), escape(value)))
        .collect();
    Ok(Ok(format!(
        "<is_success>T</is_success><request>{request}</request><response><trade>{trade}</trade></response>\
         <sign>{sign}</sign><sign_type>{}</sign_type>",
        escape(sign_type)
    )))
}

/// The legacy documents call the order number `out_order_no` here; `out_trade_no` is accepted, too.
fn close_trade(simulator: &Simulator, partner: &MapiPartner, params: &Params) -> Result<String, MapiRefusal> {
    let name = if params.contains_key("out_order_no") { "out_order_no" } else { "out_trade_no" };
    simulator.with(|ledger, now| {
        let number = find(ledger, partner, params, name)?;
        let trade = ledger.orders.get_mut(&number).ok_or_else(|| refusal_of(Rule::NotExist))?;
        trade.close(now).map_err(refusal_of)?;
        Ok("<is_success>T</is_success>".to_owned())
    })
}

fn find(ledger: &Ledger, partner: &MapiPartner, params: &Params, name: &str) -> Result<String, MapiRefusal> {
    let found = match (optional(params, "trade_no", 64)?, optional(params, name, 64)?) {
        (Some(number), _) => ledger
            .orders
            .get(number)
            .filter(|trade| trade.order.merchant == partner.partner)
            .map(|trade| trade.trade_no.clone()),
        (None, Some(number)) => ledger.number_of(&partner.partner, number),
        (None, None) => return Err(illegal_argument(name, "or trade_no is missing")),
    };
    found.ok_or_else(|| refusal_of(Rule::NotExist))
}

fn elements(fields: &Params) -> String {
    fields.iter().map(|(name, value)| format!("<{name}>{}</{name}>", escape(value))).collect()
}
