//! What is put into UnionPay's requests, by UnionPay's own names.

use base64::Engine as _;
use domain::{Channel, Timestamp, TransactionId};
use ring::digest::{SHA256, digest};

use crate::{Order, ProviderError, RefundOrder, Unable, bounds, cert::hex, form::Parameters, keys::BASE64_URL};

/// Where the browser posts the page.
pub(crate) const FRONT_PAYMENT: &str = "frontTransReq.do";
/// Where we get `tn`.
pub(crate) const APP_PAYMENT: &str = "appTransReq.do";
/// Queries of payments, refunds and voids.
pub(crate) const QUERY: &str = "queryTrans.do";
/// Refunds and voids.
pub(crate) const SEND_BACK: &str = "backTransReq.do";

/// `txnType` of a payment.
pub(crate) const PAYMENT: &str = "01";
/// `txnType` of a refund.
pub(crate) const REFUND: &str = "04";
/// `txnType` of a void.
pub(crate) const UNDO: &str = "31";
/// `currencyCode` of the yuan.
pub(crate) const YUAN: &str = "156";

/// How many characters of a refund's number at UnionPay distinguish the refunds of one payment.
const REFUND_TAIL_CHARS: usize = 8;

/// `channelType`: 07 is the internet, 08 a mobile.
pub(crate) fn channel_type(channel: Channel) -> Result<&'static str, ProviderError> {
    match channel {
        Channel::UnipayWeb => Ok("07"),
        Channel::UnipayApp | Channel::ApplepayUpacp => Ok("08"),
        Channel::AliApp
        | Channel::AliWeb
        | Channel::AliWap
        | Channel::AliQrcode
        | Channel::WxApp
        | Channel::WxJsapi
        | Channel::WxNative
        | Channel::WxH5
        | Channel::WxLite => Err(ProviderError::from(Unable::NotUnionpays { channel })),
    }
}

/// A payment on either channel.
pub(crate) fn payment(order: &Order<'_>) -> Result<Parameters<'static>, ProviderError> {
    let mut parameters = Parameters::from([
        ("txnType", PAYMENT.to_owned()),
        ("txnSubType", "01".to_owned()),
        ("bizType", "000201".to_owned()),
        ("channelType", channel_type(order.channel)?.to_owned()),
        ("orderId", order.id.to_string()),
        // The order's identity is `merId`, `orderId` and this. UnionPay requires it within a few minutes of its own clock. So a
        // later repeat of a charge is refused; with a new time it would be a second order.
        ("txnTime", order.created_at.to_beijing_compact()),
        ("txnAmt", order.fee.get().to_string()),
        ("currencyCode", YUAN.to_owned()),
        ("backUrl", bounds::UNIONPAY_URL.check_notify(order.notify_url)?.to_owned()),
        ("payTimeout", order.expires_at.to_beijing_compact()),
        ("orderDesc", order_desc(order.subject.as_str())),
    ]);
    if order.channel == Channel::UnipayWeb {
        let back = order.return_url.ok_or_else(|| ProviderError::from(Unable::ReturnUrl))?;
        parameters.insert("frontUrl", bounds::UNIONPAY_URL.check("returnUrl", back.as_str())?.to_owned());
    }
    Ok(parameters)
}

/// A query of a payment, a refund or a void.
pub(crate) fn query(order_id: &str, txn_time: Timestamp) -> Parameters<'static> {
    Parameters::from([
        ("txnType", "00".to_owned()),
        ("txnSubType", "00".to_owned()),
        ("bizType", "000201".to_owned()),
        ("orderId", order_id.to_owned()),
        ("txnTime", txn_time.to_beijing_compact()),
    ])
}

/// A query of a payment, a refund or a void by UnionPay's own number.
///
/// # Source
/// The table of the query on open.unionpay.com: `txnSubType` 02 is a query by `queryId`, in place of `orderId` and `txnTime`.
pub(crate) fn query_by_number(query_id: &str) -> Parameters<'static> {
    Parameters::from([
        ("txnType", "00".to_owned()),
        ("txnSubType", "02".to_owned()),
        ("bizType", "000201".to_owned()),
        ("queryId", query_id.to_owned()),
    ])
}

/// The files of a settlement day, `MMDD`.
pub(crate) fn file(settle_date: String, now: Timestamp) -> Parameters<'static> {
    Parameters::from([
        ("txnType", "76".to_owned()),
        ("txnSubType", "01".to_owned()),
        ("bizType", "000000".to_owned()),
        ("fileType", "00".to_owned()),
        ("settleDate", settle_date),
        ("txnTime", now.to_beijing_compact()),
    ])
}

/// A refund or a void. A repeat is byte for byte the same, so UnionPay recognises it.
pub(crate) fn send_back(
    txn_type: &'static str,
    channel_type: &'static str,
    refund: &RefundOrder<'_>,
) -> Result<Parameters<'static>, ProviderError> {
    let orig_query_id = refund.placed.trade_no.ok_or_else(|| ProviderError::from(Unable::QueryIdNeeded))?;
    let notify_url = refund.notify_url.ok_or_else(|| ProviderError::from(Unable::NotifyNeeded))?;
    Ok(Parameters::from([
        ("txnType", txn_type.to_owned()),
        ("txnSubType", "00".to_owned()),
        ("bizType", "000201".to_owned()),
        ("channelType", channel_type.to_owned()),
        ("orderId", refund_order_id(refund)?),
        ("txnTime", refund.sending.at.to_beijing_compact()),
        ("txnAmt", refund.refund_fee.get().to_string()),
        ("currencyCode", YUAN.to_owned()),
        ("backUrl", bounds::UNIONPAY_URL.check_notify(notify_url)?.to_owned()),
        ("origQryId", orig_query_id.as_str().to_owned()),
        // Returned in the notify. Without padding, because UnionPay's own readers fail on `=` and `+`.
        ("reqReserved", BASE64_URL.encode(sent_name(refund.refund_num, refund.sending.number))),
    ]))
}

/// The number of a refund at UnionPay, which accepts letters and digits only.
pub(crate) fn refund_order_id(refund: &RefundOrder<'_>) -> Result<String, ProviderError> {
    let number = bounds::UNIONPAY_REFUND_NUM.check(refund.refund_num)?;
    Ok(order_id_of_refund(refund.placed.id, number, refund.sending.number))
}

/// A refund's number, followed by the number of its sending unless that is the first. No refund number contains this separator.
fn sent_name(refund_num: &str, sending: u32) -> String {
    if sending == 0 { refund_num.to_owned() } else { format!("{refund_num}#{sending}") }
}

/// The payment's number and eight hex digits of a digest of the refund's: 32 in all, the older limit of `orderId`. Each sending has
/// a number of its own, because UnionPay accepts a number once.
pub(crate) fn order_id_of_refund(payment: &TransactionId, refund_num: &str, sending: u32) -> String {
    let name = sent_name(refund_num, sending);
    let tail: String = hex(digest(&SHA256, name.as_bytes()).as_ref()).chars().take(REFUND_TAIL_CHARS).collect();
    format!("{payment}{tail}")
}

/// The payment of a refund's number at UnionPay.
pub(crate) fn payment_of(refund_order_id: &str) -> Option<TransactionId> {
    let (payment, tail) = refund_order_id.split_at_checked(refund_order_id.len().checked_sub(REFUND_TAIL_CHARS)?)?;
    let is_hex = tail.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    TransactionId::parse(payment).ok().filter(|_| is_hex)
}

/// Which sending of a refund a notify is about.
pub(crate) struct RefundReference {
    /// The merchant's number of the refund.
    pub(crate) num: String,
    pub(crate) sending: u32,
}

/// Reads the notify's `reqReserved`.
pub(crate) fn refund_reference(req_reserved: &str) -> Option<RefundReference> {
    let text = String::from_utf8(BASE64_URL.decode(req_reserved).ok()?).ok()?;
    let (num, sending) = match text.split_once('#') {
        Some((num, sending)) => (num, sending.parse().ok().filter(|sending| *sending > 0)?),
        None => (text.as_str(), 0),
    };
    bounds::UNIONPAY_REFUND_NUM.check(num).ok().map(|num| RefundReference { num: num.to_owned(), sending })
}

/// The subject as UnionPay accepts it, without leading and trailing blanks: UnionPay's own SDK trims a value before it signs.
fn order_desc(text: &str) -> String {
    let plain = bounds::UNIONPAY_ORDER_DESC.plain(text);
    bounds::UNIONPAY_ORDER_DESC.cut(&plain.split_whitespace().collect::<Vec<_>>().join(" "))
}
