//! What Alipay sends to the merchant: the fields of a notify and of the browser's return, and their signature.

use super::super::signer::{Event, SignWith, Signer};
use super::super::trade::Trade;
use super::super::yuan::Fen;
use crate::kit::beijing::{millis, seconds};
use crate::kit::form::{Params, notify_content};
use crate::kit::owner::SimulatorError;

/// The only buyer.
pub(in super::super) const BUYER_ID: &str = "2088722000000017";
pub(in super::super) const BUYER_LOGON_ID: &str = "sim***@example.com";

/// Every documented field of a `trade_status_sync`, except those made at sending.
pub(in super::super) fn notify_fields(trade: &Trade, event: Event) -> Params {
    let order = &trade.order;
    let received = trade.received().to_yuan();
    let mut fields = Params::new();
    let mut put = |name: &str, value: String| fields.insert(name.to_owned(), value);
    put("notify_type", "trade_status_sync".to_owned());
    put("charset", "utf-8".to_owned());
    put("version", "1.0".to_owned());
    put("app_id", order.merchant.clone());
    put("auth_app_id", order.merchant.clone());
    put("trade_no", trade.trade_no.clone());
    put("out_trade_no", order.out_trade_no.clone());
    put("trade_status", trade.status.word().to_owned());
    put("buyer_id", BUYER_ID.to_owned());
    put("buyer_logon_id", BUYER_LOGON_ID.to_owned());
    put("seller_id", order.seller_id.clone());
    put("seller_email", seller_email(&order.seller_id));
    put("total_amount", order.total.to_yuan());
    put("subject", order.subject.clone());
    if let Some(opened_at) = trade.opened_at {
        put("gmt_create", seconds(opened_at));
    }
    for (name, value) in [("body", &order.body), ("passback_params", &order.passback_params)] {
        if let Some(value) = value {
            put(name, value.clone());
        }
    }
    if let Some(paid_at) = trade.paid_at {
        put("gmt_payment", seconds(paid_at));
        put("receipt_amount", received.clone());
        put("invoice_amount", received.clone());
        put("buyer_pay_amount", received.clone());
        put("point_amount", Fen::ZERO.to_yuan());
        put("fund_bill_list", format!("[{{\"amount\":\"{received}\",\"fundChannel\":\"ALIPAYACCOUNT\"}}]"));
    }
    if let Some(closed_at) = trade.closed_at {
        put("gmt_close", seconds(closed_at));
    }
    if let (Event::Refunded, Some(refund)) = (event, trade.refunds.last()) {
        put("refund_fee", trade.refunded().to_yuan());
        put("gmt_refund", millis(refund.at));
        put("out_biz_no", refund.request_no.clone());
    }
    fields
}

/// The fields that the browser brings to `return_url`.
pub(in super::super) fn return_fields(trade: &Trade, now: i64) -> Params {
    let order = &trade.order;
    [
        ("app_id", order.merchant.clone()),
        ("auth_app_id", order.merchant.clone()),
        ("charset", "utf-8".to_owned()),
        ("version", "1.0".to_owned()),
        ("method", format!("{}.return", order.method)),
        ("timestamp", seconds(now)),
        ("out_trade_no", order.out_trade_no.clone()),
        ("trade_no", trade.trade_no.clone()),
        ("total_amount", order.total.to_yuan()),
        ("seller_id", order.seller_id.clone()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Signs by the "V1" rule: without `sign` and `sign_type`.
pub(in super::super) fn sign(signer: &Signer<'_>, fields: &mut Params) -> Result<(), SimulatorError> {
    let app = signer
        .merchants
        .app(signer.merchant)
        .ok_or_else(|| SimulatorError::UnknownMerchant { merchant: signer.merchant.to_owned() })?;
    let key = match signer.sign_with {
        SignWith::Alipay => &app.alipay_key,
        SignWith::Other => &signer.merchants.other,
    };
    let sign = key.sign(signer.charset.bytes(&notify_content(fields)))?;
    fields.insert("sign".to_owned(), sign);
    fields.insert("sign_type".to_owned(), "RSA2".to_owned());
    Ok(())
}

/// The seller's login name, made from the account number.
pub(in super::super) fn seller_email(seller_id: &str) -> String {
    format!("{seller_id}@example.com")
}
