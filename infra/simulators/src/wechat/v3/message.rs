//! WeChat's messages about orders and refunds: query answers and notifies.

use serde_json::{Value, json};

use super::super::crypto::GcmKey;
use super::super::letter::{Content, Desk, Job, SignWith, tampered};
use super::super::merchants::PlatformKey;
use super::super::moment::rfc3339;
use super::super::trade::{Refund, RefundStatus, Trade};
use super::{UNKNOWN_SERIAL, gcm_nonce, signature_headers, wrong_api_key};
use crate::kit::crypto::CryptoError;
use crate::kit::outbox::Message;

/// The beginning of a probe's signature.
const PROBE: &str = "WECHATPAY/SIGNTEST/";

/// A transaction in queries and notifies.
pub(super) fn transaction(trade: &Trade) -> Value {
    let order = &trade.order;
    let mut shown = json!({
        "appid": order.app_id,
        "mchid": order.mch_id,
        "out_trade_no": order.out_trade_no,
        "trade_state": trade.state.word(),
        "trade_state_desc": trade.state.text(),
        "promotion_detail": promotions(trade),
        "amount": { "total": order.total, "currency": "CNY", "payer_currency": "CNY" },
    });
    let (Some(paid_at), Some(members)) = (trade.paid_at, shown.as_object_mut()) else {
        return shown;
    };
    members.insert(
        "amount".to_owned(),
        json!({
            "total": order.total,
            "payer_total": trade.payer_total(),
            "currency": "CNY",
            "payer_currency": "CNY",
        }),
    );
    members.insert("transaction_id".to_owned(), json!(trade.transaction_id));
    members.insert("trade_type".to_owned(), json!(order.product.trade_type()));
    members.insert("bank_type".to_owned(), json!("OTHERS"));
    members.insert("attach".to_owned(), json!(order.attach.as_deref().unwrap_or_default()));
    members.insert("success_time".to_owned(), json!(rfc3339(paid_at)));
    members.insert("payer".to_owned(), json!({ "openid": trade.payer_openid }));
    shown
}

/// The coupon that covers the difference, if there is one.
fn promotions(trade: &Trade) -> Value {
    let coupon = trade.order.total.minus(trade.payer_total());
    if coupon.get() <= 0 {
        return json!([]);
    }
    json!([{
        "coupon_id": "109519",
        "name": "模拟代金券",
        "scope": "GLOBAL",
        "type": "CASH",
        "amount": coupon,
        "stock_id": "931386",
        "wechatpay_contribute": coupon,
        "merchant_contribute": 0,
        "other_contribute": 0,
        "currency": "CNY",
    }])
}

/// The content of a payment's notify.
pub(in super::super) fn payment(trade: &Trade) -> Content {
    Content::V3 {
        event_type: "TRANSACTION.SUCCESS".to_owned(),
        original_type: "transaction".to_owned(),
        summary: "支付成功".to_owned(),
        resource: transaction(trade),
    }
}

/// The content of a refund's notify.
pub(in super::super) fn refund(trade: &Trade, refund: &Refund) -> Content {
    let (event, summary) = match refund.status {
        RefundStatus::Success => ("REFUND.SUCCESS", "退款成功"),
        RefundStatus::Closed => ("REFUND.CLOSED", "退款关闭"),
        RefundStatus::Abnormal | RefundStatus::Processing => ("REFUND.ABNORMAL", "退款异常"),
    };
    let order = &trade.order;
    let mut resource = json!({
        "mchid": order.mch_id,
        "transaction_id": trade.transaction_id,
        "out_trade_no": order.out_trade_no,
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "refund_status": refund.status.word(),
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": order.total,
            "refund": refund.amount,
            "payer_total": trade.payer_total(),
            "payer_refund": refund.amount.portion(trade.payer_total(), order.total),
        },
    });
    if let (Some(at), Some(members)) = (refund.success_at, resource.as_object_mut()) {
        members.insert("success_time".to_owned(), json!(rfc3339(at)));
    }
    Content::V3 {
        event_type: event.to_owned(),
        original_type: "refund".to_owned(),
        summary: summary.to_owned(),
        resource,
    }
}

/// A refund in the answers to the refund call and its query.
pub(super) fn refund_answer(trade: &Trade, refund: &Refund) -> Value {
    let payer_refund = refund.amount.portion(trade.payer_total(), trade.order.total);
    let mut shown = json!({
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": trade.transaction_id,
        "out_trade_no": trade.order.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": rfc3339(refund.created_at),
        "status": refund.status.word(),
        "funds_account": "AVAILABLE",
        "promotion_detail": [],
        "amount": {
            "total": trade.order.total,
            "refund": refund.amount,
            "from": [],
            "payer_total": trade.payer_total(),
            "payer_refund": payer_refund,
            "settlement_refund": refund.amount,
            "settlement_total": trade.order.total,
            "discount_refund": refund.amount.minus(payer_refund),
            "currency": "CNY",
        },
    });
    if let (Some(at), Some(members)) = (refund.success_at, shown.as_object_mut()) {
        members.insert("success_time".to_owned(), json!(rfc3339(at)));
    }
    shown
}

/// Encrypts and signs a notify for one send.
pub(in super::super) fn write(desk: &Desk<'_>, job: &Job) -> Result<Message, CryptoError> {
    let letter = &job.letter;
    let access = desk.merchant.v3();
    let api_key = access.map(|access| access.api_key.clone()).unwrap_or_default();
    let api_key = if letter.forgery.wrong_api_key { wrong_api_key()? } else { api_key };
    let Content::V3 { event_type, original_type, summary, resource } = &letter.content else {
        return Ok(Message { url: letter.url.clone(), headers: Vec::new(), body: String::new() });
    };
    let nonce = gcm_nonce()?;
    let key = GcmKey { key: &api_key, nonce: &nonce, associated_data: original_type };
    let body = json!({
        "id": letter.id,
        "create_time": rfc3339(letter.created_at),
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": summary,
        "resource": {
            "original_type": original_type,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": key.seal(&resource.to_string())?,
            "associated_data": original_type,
            "nonce": nonce,
        },
    })
    .to_string();
    let seconds = job.at.div_euclid(1_000).saturating_add(letter.forgery.skew_seconds);
    let mut headers = vec![
        ("Content-Type", "application/json".to_owned()),
        ("Accept", "*/*".to_owned()),
        ("User-Agent", "Mozilla/4.0".to_owned()),
    ];
    headers.extend(signature_headers(signer(desk, job), seconds, &body)?);
    if letter.forgery.probe {
        for (name, value) in &mut headers {
            if *name == "Wechatpay-Signature" {
                value.insert_str(0, PROBE);
            }
        }
    }
    let body = if letter.forgery.tamper { tampered(&body) } else { body };
    Ok(Message { url: letter.url.clone(), headers, body })
}

fn signer<'a>(desk: &Desk<'a>, job: &Job) -> PlatformKey<'a> {
    let access = desk.merchant.v3();
    let merchants = desk.merchants;
    let public_key = merchants.public_key(access);
    let active = merchants.active(job.manner.stage).key();
    let certificates = access.is_none_or(|access| access.certificates);
    let usual = match public_key {
        Some(key) if !certificates || job.sends.is_multiple_of(2) => key,
        Some(_) | None => active,
    };
    match job.letter.forgery.sign_with {
        SignWith::Wechat => usual,
        SignWith::Certificate => active,
        SignWith::NextCertificate => merchants.next.key(),
        SignWith::PublicKey => public_key.unwrap_or(usual),
        SignWith::Merchant => {
            let signer = access.map_or(&merchants.other, |access| &access.private);
            PlatformKey { serial: usual.serial, signer }
        }
        SignWith::Other => PlatformKey { serial: usual.serial, signer: &merchants.other },
        SignWith::UnknownSerial => PlatformKey { serial: UNKNOWN_SERIAL, signer: &merchants.other },
    }
}
