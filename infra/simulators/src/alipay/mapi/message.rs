//! What the legacy gateway sends to the merchant: notify, browser return, and the trade in an XML answer.

use super::super::openapi::message::{BUYER_ID, BUYER_LOGON_ID, seller_email};
use super::super::signer::{Event, SignWith, Signer};
use super::super::trade::Trade;
use crate::kit::beijing::seconds;
use crate::kit::form::{Params, mapi_content};
use crate::kit::owner::SimulatorError;

/// The fields of a notify, except those made at sending. Some are empty, as on the real gateway; these are not signed.
pub(in super::super) fn notify_fields(trade: &Trade, event: Event) -> Params {
    let mut fields = trade_fields(trade);
    let mut put = |name: &str, value: &str| fields.insert(name.to_owned(), value.to_owned());
    put("notify_type", "trade_status_sync");
    put("discount", "0.00");
    put("quantity", "1");
    put("is_total_fee_adjust", if trade.paid_at.is_some() { "N" } else { "Y" });
    put("use_coupon", "N");
    if let (Event::Refunded, Some(refund)) = (event, trade.refunds.last()) {
        put("refund_status", "REFUND_SUCCESS");
        put("gmt_refund", &seconds(refund.at));
    }
    fields
}

/// The fields that the browser brings to `return_url`.
pub(in super::super) fn return_fields(trade: &Trade, now: i64) -> Params {
    let order = &trade.order;
    let notify_id = trade.notifies.last().map(|letter| letter.notify_id.clone()).unwrap_or_default();
    [
        ("is_success", "T".to_owned()),
        ("exterface", order.method.clone()),
        ("payment_type", "1".to_owned()),
        ("notify_type", "trade_status_sync".to_owned()),
        ("notify_time", seconds(now)),
        ("notify_id", notify_id),
        ("out_trade_no", order.out_trade_no.clone()),
        ("trade_no", trade.trade_no.clone()),
        ("trade_status", trade.status.word().to_owned()),
        ("subject", order.subject.clone()),
        ("body", order.body.clone().unwrap_or_default()),
        ("total_fee", order.total.to_yuan()),
        ("seller_id", order.seller_id.clone()),
        ("seller_email", seller_email(&order.seller_id)),
        ("buyer_id", BUYER_ID.to_owned()),
        ("buyer_email", BUYER_LOGON_ID.to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// The fields that a notify and `single_trade_query` share.
pub(in super::super) fn trade_fields(trade: &Trade) -> Params {
    let order = &trade.order;
    let when = |at: Option<i64>| at.map(seconds);
    [
        ("out_trade_no", Some(order.out_trade_no.clone())),
        ("trade_no", Some(trade.trade_no.clone())),
        ("trade_status", Some(trade.status.word().to_owned())),
        ("subject", Some(order.subject.clone())),
        ("body", Some(order.body.clone().unwrap_or_default())),
        ("payment_type", Some("1".to_owned())),
        ("price", Some(order.total.to_yuan())),
        ("total_fee", Some(order.total.to_yuan())),
        ("seller_id", Some(order.seller_id.clone())),
        ("seller_email", Some(seller_email(&order.seller_id))),
        ("buyer_id", Some(BUYER_ID.to_owned())),
        ("buyer_email", Some(BUYER_LOGON_ID.to_owned())),
        ("gmt_create", when(trade.opened_at)),
        ("gmt_payment", when(trade.paid_at)),
        ("gmt_close", when(trade.closed_at)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// Signs with MD5 or RSA, as the merchant's request did.
pub(in super::super) fn sign(signer: &Signer<'_>, fields: &mut Params) -> Result<(), SimulatorError> {
    let merchants = signer.merchants;
    let partner = merchants
        .partner(signer.merchant)
        .ok_or_else(|| SimulatorError::UnknownMerchant { merchant: signer.merchant.to_owned() })?;
    let content = signer.charset.bytes(&mapi_content(fields));
    let sign = match (signer.sign_type, signer.sign_with) {
        ("RSA", SignWith::Alipay) => partner.alipay_key.sign(&content)?,
        ("RSA", SignWith::Other) => merchants.other_legacy.sign(&content)?,
        (_, SignWith::Alipay) => crate::kit::crypto::md5_sign(&content, &partner.md5_key),
        (_, SignWith::Other) => crate::kit::crypto::md5_sign(&content, "the key of nobody"),
    };
    fields.insert("sign".to_owned(), sign);
    fields.insert("sign_type".to_owned(), signer.sign_type.to_owned());
    Ok(())
}
