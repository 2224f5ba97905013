//! The messages about a transaction: notifies and query answers.

use ring::digest::{SHA256, digest};

use super::codes;
use super::moment::{settle_date, trace_time};
use super::request::Call;
use super::transaction::{State, Transaction};
use crate::kit::form::Params;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The test card as messages show it: without its middle.
pub(super) const CARD_MASKED: &str = "6216***********0018";
/// A debit card.
const PAY_CARD_TYPE: &str = "01";
/// Bytes of an RSA-2048 ciphertext, eight digests long.
const CIPHERTEXT_DIGESTS: usize = 8;

/// The fields of a notify, without certificate and signature. The browser brings the same to `frontUrl`.
pub(super) fn notify_fields(transaction: &Transaction) -> Params {
    let mut fields = identity(transaction);
    put(&mut fields, "txnType", transaction.order.call.txn_type());
    put(&mut fields, "txnSubType", transaction.order.call.txn_sub_type());
    put(&mut fields, "respCode", &transaction.resp_code);
    put(&mut fields, "respMsg", &codes::message(&transaction.resp_code));
    outcome(transaction, &mut fields);
    put(&mut fields, "accNo", CARD_MASKED);
    fields
}

/// The result of a query; `None` as long as nobody has paid.
pub(super) fn query_fields(transaction: &Transaction) -> Option<Params> {
    if matches!(transaction.state, State::Waiting | State::Closed) {
        return None;
    }
    let mut fields = identity(transaction);
    put(&mut fields, "origRespCode", &transaction.resp_code);
    put(&mut fields, "origRespMsg", &codes::message(&transaction.resp_code));
    outcome(transaction, &mut fields);
    if transaction.state == State::Done {
        put(&mut fields, "accNo", &account(transaction));
        // Nested pairs: a reader that splits at every `&` finds the field `issInsCode`, which does not exist.
        put(&mut fields, "payCardInfo", "{payCardType=01&issInsCode=01030000&payCardIssueName=模拟银行}");
    }
    Some(fields)
}

fn identity(transaction: &Transaction) -> Params {
    let order = &transaction.order;
    let mut fields = Params::new();
    for (name, value) in [
        ("version", "5.1.0"),
        ("encoding", "UTF-8"),
        ("signMethod", "01"),
        ("bizType", "000201"),
        ("accessType", "0"),
        ("currencyCode", "156"),
        ("merId", &order.mer_id),
        ("orderId", &order.order_id),
        ("txnTime", &order.txn_time),
    ] {
        put(&mut fields, name, value);
    }
    put(&mut fields, "txnAmt", &order.amount.digits());
    for (name, value) in [("reqReserved", &order.req_reserved), ("origQryId", &order.orig_qry_id)] {
        if let Some(value) = value {
            put(&mut fields, name, value);
        }
    }
    fields
}

fn outcome(transaction: &Transaction, fields: &mut Params) {
    let at = transaction.ended_at.unwrap_or(transaction.created_at);
    let tail = transaction.query_id.len().saturating_sub(6);
    put(fields, "queryId", &transaction.query_id);
    put(fields, "traceNo", &transaction.query_id.chars().skip(tail).collect::<String>());
    put(fields, "traceTime", &trace_time(at));
    if transaction.state == State::Processing {
        return;
    }
    put(fields, "settleAmt", &transaction.order.amount.digits());
    put(fields, "settleCurrencyCode", "156");
    put(fields, "settleDate", &settle_date(at));
    put(fields, "payCardType", PAY_CARD_TYPE);
    put(fields, "payType", "0001");
}

/// In the app's answers it is encrypted, as for merchants with that permission: base64 with `=` at its end. Nobody can decrypt it;
/// it only has to look right.
fn account(transaction: &Transaction) -> String {
    if transaction.order.call != Call::App {
        return CARD_MASKED.to_owned();
    }
    STANDARD.encode(digest(&SHA256, transaction.query_id.as_bytes()).as_ref().repeat(CIPHERTEXT_DIGESTS))
}

fn put(fields: &mut Params, name: &str, value: &str) {
    fields.insert(name.to_owned(), value.to_owned());
}
