//! Query, close, refund and refund query of APIv3, and the platform certificates.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::crypto::GcmKey;
use super::super::merchants::PlatformCertificate;
use super::super::moment::rfc3339;
use super::super::trade::{RefundRequest, Rule, Trade};
use super::body::{self, optional, text};
use super::order::{out_trade_no, refusal_of};
use super::{Call, Done, Refusal, decoded, gcm_nonce, message};
use crate::kit::crypto::CryptoError;
use crate::kit::form;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    mchid: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refund {
    transaction_id: Option<String>,
    out_trade_no: Option<String>,
    out_refund_no: String,
    reason: Option<String>,
    notify_url: Option<String>,
    funds_account: Option<String>,
    amount: RefundAmount,
    goods_detail: Option<Vec<RefundGoods>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundAmount {
    refund: i64,
    total: i64,
    currency: String,
    from: Option<Vec<RefundFrom>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundFrom {
    account: String,
    amount: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundGoods {
    merchant_goods_id: String,
    wechatpay_goods_id: Option<String>,
    goods_name: Option<String>,
    unit_price: i64,
    refund_amount: i64,
    refund_quantity: i64,
}

pub(super) fn query_by_order(call: &Call<'_>, number: &str) -> Result<Done, Refusal> {
    let number = decoded(number)?;
    out_trade_no("out_trade_no", &number)?;
    mchid_of_query(call)?;
    let mch_id = &call.merchant.mch_id;
    call.simulator
        .with(|ledger, _| ledger.by_out_trade_no(mch_id, &number).map(message::transaction))
        .map(Done::ok)
        .ok_or_else(|| refusal_of(Rule::NotExist))
}

pub(super) fn query_by_transaction(call: &Call<'_>, number: &str) -> Result<Done, Refusal> {
    let number = decoded(number)?;
    text("transaction_id", &number, 1..=32)?;
    mchid_of_query(call)?;
    call.simulator
        .with(|ledger, _| {
            let fits = |trade: &Trade| trade.transaction_id.as_ref() == Some(&number);
            ledger.of_merchant(&call.merchant.mch_id, fits).map(message::transaction)
        })
        .map(Done::ok)
        .ok_or_else(|| refusal_of(Rule::NotExist))
}

/// The query must be exactly `?mchid=` with the caller's number.
fn mchid_of_query(call: &Call<'_>) -> Result<(), Refusal> {
    let pairs = form::parse(call.request.query()).map_err(|error| Refusal::param("query", error.to_string()))?;
    match pairs.as_slice() {
        [(name, value)] if name == "mchid" && *value == call.merchant.mch_id => Ok(()),
        [(name, _)] if name == "mchid" => Err(Refusal::param("mchid", "differs from Authorization")),
        _ => Err(Refusal::param("mchid", "must be the one parameter of the query")),
    }
}

pub(super) fn close(call: &Call<'_>, number: &str) -> Result<Done, Refusal> {
    let number = decoded(number)?;
    out_trade_no("out_trade_no", &number)?;
    let close: Close = body::read(call.request)?;
    if close.mchid != call.merchant.mch_id {
        return Err(Refusal::param("/mchid", "differs from Authorization"));
    }
    call.simulator
        .with(|ledger, now| {
            let found = ledger.by_out_trade_no(&close.mchid, &number).map(|trade| trade.number.clone());
            let trade = found.and_then(|number| ledger.orders.get_mut(&number)).ok_or(Rule::NotExist)?;
            trade.close(now)
        })
        .map_err(refusal_of)?;
    Ok(Done { status: 204, body: None })
}

pub(super) fn refund(call: &Call<'_>) -> Result<Done, Refusal> {
    let refund: Refund = body::read(call.request)?;
    let amount = checked(&refund)?;
    let total = body::fen("/amount/total", refund.amount.total)?;
    let mch_id = &call.merchant.mch_id;
    let answer = call.simulator.with(|ledger, now| {
        let fits = |trade: &Trade| {
            refund.out_trade_no.as_ref().is_none_or(|number| *number == trade.order.out_trade_no)
                && refund.transaction_id.as_ref().is_none_or(|number| Some(number) == trade.transaction_id.as_ref())
        };
        let number = ledger.of_merchant(mch_id, fits).map(|trade| trade.number.clone()).ok_or(Rule::NotExist)?;
        let taken = |trade: &Trade| trade.refund_of(&refund.out_refund_no).is_some();
        if ledger.of_merchant(mch_id, taken).is_some_and(|trade| trade.number != number) {
            return Err(Rule::RefundDiffers);
        }
        let (refund_id, balance) = (ledger.provider_number("50", now), ledger.balances.of(mch_id));
        let trade = ledger.orders.get_mut(&number).ok_or(Rule::NotExist)?;
        let request = RefundRequest {
            refund_id,
            out_refund_no: refund.out_refund_no.clone(),
            amount,
            total,
            reason: refund.reason.clone(),
            notify_url: refund.notify_url.clone(),
            balance,
        };
        trade.refund(request, now)?;
        let accepted = trade.refund_of(&refund.out_refund_no).ok_or(Rule::NotExist)?;
        Ok(message::refund_answer(trade, accepted))
    });
    answer.map(Done::ok).map_err(|rule| match rule {
        Rule::NotExist => Refusal::new(404, "RESOURCE_NOT_EXISTS", "订单不存在"),
        Rule::Paid
        | Rule::Closed
        | Rule::Differs
        | Rule::NotPaid
        | Rule::TotalDiffers
        | Rule::RefundExceeds
        | Rule::BalanceShort
        | Rule::RefundDiffers
        | Rule::TooManyRefunds
        | Rule::RefundTooLate
        | Rule::RefundSettled => refusal_of(rule),
    })
}

fn checked(refund: &Refund) -> Result<super::super::fen::Fen, Refusal> {
    if refund.transaction_id.is_none() && refund.out_trade_no.is_none() {
        return Err(Refusal::param("/out_trade_no", "transaction_id or out_trade_no is needed"));
    }
    optional("/transaction_id", refund.transaction_id.as_deref(), 1..=32)?;
    refund.out_trade_no.as_deref().map_or(Ok(()), |number| out_trade_no("/out_trade_no", number))?;
    text("/out_refund_no", &refund.out_refund_no, 1..=64)?;
    body::charset("/out_refund_no", &refund.out_refund_no, "_-|*@")?;
    optional("/reason", refund.reason.as_deref(), 1..=80)?;
    refund.notify_url.as_deref().map_or(Ok(()), |url| body::notify_url("/notify_url", url))?;
    if refund.funds_account.as_deref().is_some_and(|account| account != "AVAILABLE" && account != "UNSETTLED") {
        return Err(Refusal::param("/funds_account", "must be AVAILABLE or UNSETTLED"));
    }
    body::currency("/amount/currency", Some(&refund.amount.currency))?;
    let amount = body::fen("/amount/refund", refund.amount.refund)?;
    if refund.amount.refund > refund.amount.total {
        return Err(Refusal::param("/amount/refund", "must not be more than the total"));
    }
    if let Some(from) = &refund.amount.from {
        let sum = from.iter().fold(0_i64, |sum, part| sum.saturating_add(part.amount));
        let known = from.iter().all(|part| matches!(part.account.as_str(), "AVAILABLE" | "UNAVAILABLE"));
        if !known || from.iter().any(|part| part.amount < 1) || sum != refund.amount.refund {
            return Err(Refusal::param("/amount/from", "must be known accounts that sum up to the refund"));
        }
    }
    for goods in refund.goods_detail.as_deref().unwrap_or_default() {
        text("/goods_detail/merchant_goods_id", &goods.merchant_goods_id, 1..=32)?;
        optional("/goods_detail/wechatpay_goods_id", goods.wechatpay_goods_id.as_deref(), 1..=32)?;
        optional("/goods_detail/goods_name", goods.goods_name.as_deref(), 1..=256)?;
        if goods.unit_price < 0 || goods.refund_amount < 0 || goods.refund_quantity < 1 {
            return Err(Refusal::param("/goods_detail", "has an impossible price, amount or quantity"));
        }
    }
    Ok(amount)
}

pub(super) fn query_refund(call: &Call<'_>, number: &str) -> Result<Done, Refusal> {
    let number = decoded(number)?;
    text("out_refund_no", &number, 1..=64)?;
    if !call.request.query().is_empty() {
        return Err(Refusal::param("query", "must be empty"));
    }
    call.simulator
        .with(|ledger, _| {
            let trade = ledger.of_merchant(&call.merchant.mch_id, |trade| trade.refund_of(&number).is_some())?;
            trade.refund_of(&number).map(|refund| message::refund_answer(trade, refund))
        })
        .map(Done::ok)
        .ok_or_else(|| Refusal::new(404, "RESOURCE_NOT_EXISTS", "退款单不存在"))
}

pub(super) fn certificates(call: &Call<'_>) -> Result<Done, Refusal> {
    if !call.access.certificates {
        return Err(Refusal::new(
            404,
            "RESOURCE_NOT_EXISTS",
            "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥",
        ));
    }
    let stage = call.simulator.with(|ledger, _| ledger.stage);
    let listed: Result<Vec<Value>, CryptoError> = call
        .simulator
        .merchants()
        .listed(stage)
        .into_iter()
        .map(|certificate| encrypted(certificate, &call.access.api_key))
        .collect();
    let listed = listed.map_err(|error| Refusal::new(500, "SYSTEM_ERROR", error.to_string()))?;
    Ok(Done::ok(json!({ "data": listed })))
}

fn encrypted(certificate: &PlatformCertificate, api_key: &str) -> Result<Value, CryptoError> {
    let nonce = gcm_nonce()?;
    let key = GcmKey { key: api_key, nonce: &nonce, associated_data: "certificate" };
    Ok(json!({
        "serial_no": certificate.facts.serial,
        "effective_time": rfc3339(certificate.facts.effective_ms),
        "expire_time": rfc3339(certificate.facts.expire_ms),
        "encrypt_certificate": {
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": nonce,
            "associated_data": "certificate",
            "ciphertext": key.seal(&certificate.pem)?,
        },
    }))
}
