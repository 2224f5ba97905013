//! v2's messages about orders and refunds: fields of answers, and notifies.

use super::super::crypto::{random_text, seal_req_info};
use super::super::letter::{Content, Desk, Job, SignWith, tampered};
use super::super::moment::compact;
use super::super::trade::{Refund, RefundStatus, Trade};
use super::order::sign_type_field;
use super::{sign, xml};
use crate::kit::beijing::seconds;
use crate::kit::crypto::CryptoError;
use crate::kit::form::Params;
use crate::kit::outbox::Message;

fn params<const COUNT: usize>(fields: [(&str, String); COUNT]) -> Params {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A paid order in query and notify, without `return_code` and the like.
pub(super) fn paid_fields(trade: &Trade) -> Params {
    let order = &trade.order;
    let mut fields = params([
        ("openid", trade.payer_openid.clone().unwrap_or_default()),
        ("is_subscribe", "N".to_owned()),
        ("trade_type", order.product.trade_type().to_owned()),
        ("bank_type", "OTHERS".to_owned()),
        ("total_fee", order.total.get().to_string()),
        ("fee_type", "CNY".to_owned()),
        ("cash_fee", trade.payer_total().get().to_string()),
        ("cash_fee_type", "CNY".to_owned()),
        ("transaction_id", trade.transaction_id.clone().unwrap_or_default()),
        ("out_trade_no", order.out_trade_no.clone()),
        ("time_end", trade.paid_at.map(compact).unwrap_or_default()),
    ]);
    if let Some(attach) = &order.attach {
        fields.insert("attach".to_owned(), attach.clone());
    }
    let coupon = order.total.minus(trade.payer_total());
    if coupon.get() > 0 {
        fields.extend(params([
            ("coupon_fee", coupon.get().to_string()),
            ("coupon_count", "1".to_owned()),
            ("coupon_id_0", "109519".to_owned()),
            ("coupon_type_0", "CASH".to_owned()),
            ("coupon_fee_0", coupon.get().to_string()),
        ]));
    }
    fields
}

/// The content of a payment's notify.
pub(in super::super) fn payment(trade: &Trade) -> Content {
    let mut fields = paid_fields(trade);
    fields.extend(params([
        ("return_code", "SUCCESS".to_owned()),
        ("result_code", "SUCCESS".to_owned()),
        ("appid", trade.order.app_id.clone()),
        ("mch_id", trade.order.mch_id.clone()),
    ]));
    fields.extend(sign_type_field(trade.order.sign_type));
    Content::V2 { fields }
}

/// v2's word for a refund's state.
pub(super) fn refund_word(status: RefundStatus) -> &'static str {
    match status {
        RefundStatus::Processing => "PROCESSING",
        RefundStatus::Success => "SUCCESS",
        RefundStatus::Closed => "REFUNDCLOSE",
        RefundStatus::Abnormal => "CHANGE",
    }
}

pub(super) fn refund_fields(trade: &Trade, refund: &Refund) -> Params {
    params([
        ("transaction_id", trade.transaction_id.clone().unwrap_or_default()),
        ("out_trade_no", trade.order.out_trade_no.clone()),
        ("out_refund_no", refund.out_refund_no.clone()),
        ("refund_id", refund.refund_id.clone()),
        ("refund_fee", refund.amount.get().to_string()),
        ("total_fee", trade.order.total.get().to_string()),
        ("cash_fee", trade.payer_total().get().to_string()),
        ("refund_status", refund_word(refund.status).to_owned()),
    ])
}

/// The content of a refund's notify: unsigned, with an encrypted part.
pub(in super::super) fn refund(trade: &Trade, refund: &Refund) -> Content {
    let mut inner = refund_fields(trade, refund);
    inner.remove("cash_fee");
    inner.extend(params([
        ("settlement_refund_fee", refund.amount.get().to_string()),
        ("settlement_total_fee", trade.order.total.get().to_string()),
        ("refund_recv_accout", "支付用户零钱".to_owned()),
        ("refund_account", "REFUND_SOURCE_RECHARGE_FUNDS".to_owned()),
        ("refund_request_source", "API".to_owned()),
    ]));
    if let Some(at) = refund.success_at {
        inner.insert("success_time".to_owned(), seconds(at));
    }
    // The encrypted part has another root than all other messages.
    let req_info = xml::write(&inner).replacen("<xml>", "<root>", 1).replacen("</xml>", "</root>", 1);
    let fields = params([
        ("return_code", "SUCCESS".to_owned()),
        ("appid", trade.order.app_id.clone()),
        ("mch_id", trade.order.mch_id.clone()),
    ]);
    Content::V2Refund { fields, req_info }
}

/// Signs or encrypts a notify for one send.
pub(in super::super) fn write(desk: &Desk<'_>, job: &Job) -> Result<Message, CryptoError> {
    let forgery = job.letter.forgery;
    let key = match forgery.sign_with {
        SignWith::Wechat => desk.merchant.v2_key().unwrap_or_default().to_owned(),
        SignWith::Certificate
        | SignWith::NextCertificate
        | SignWith::PublicKey
        | SignWith::Merchant
        | SignWith::Other
        | SignWith::UnknownSerial => random_text::<32>()?,
    };
    let mut fields = match &job.letter.content {
        Content::V2 { fields } | Content::V2Refund { fields, .. } => fields.clone(),
        Content::V3 { .. } => Params::new(),
    };
    fields.insert("nonce_str".to_owned(), random_text::<32>()?);
    if let Content::V2Refund { req_info, .. } = &job.letter.content {
        fields.insert("req_info".to_owned(), seal_req_info(&key, req_info)?);
    } else {
        fields.insert("sign".to_owned(), sign::sign(&fields, &key, job.manner.sign_type));
    }
    let body = xml::write(&fields);
    let headers = vec![
        ("Content-Type", "text/xml".to_owned()),
        ("Accept", "*/*".to_owned()),
        ("User-Agent", "Mozilla/4.0".to_owned()),
    ];
    let body = if forgery.tamper { tampered_value(&body) } else { body };
    Ok(Message { url: job.letter.url.clone(), headers, body })
}

/// Changes a value, but keeps the XML valid.
fn tampered_value(body: &str) -> String {
    match body.split_once("<total_fee><![CDATA[") {
        Some((before, after)) => format!("{before}<total_fee><![CDATA[1{after}"),
        None => tampered(body),
    }
}

/// The only acknowledgement of v2: XML whose `return_code` is SUCCESS.
pub(in super::super) fn is_success(body: &[u8]) -> bool {
    xml::read(body).is_ok_and(|answer| answer.get("return_code").is_some_and(|code| code == "SUCCESS"))
}

/// The fields of a notify, for tests.
#[cfg(test)]
pub(in super::super) fn read(body: &str) -> Params {
    xml::read(body.as_bytes()).unwrap_or_default()
}
