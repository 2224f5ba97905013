//! Translates WeChat Pay's words about orders and refunds into ours. Both protocols use the same words.

use domain::{Claim, Notification, Outcome, Sentence, TransactionId};

use crate::{Placed, ProviderError, RefundOutcome, RefundWords, error::words};

/// The outcome of an order. An unknown word decides nothing.
///
/// # Source
/// `docs/protocols.md`, section 6.
pub(crate) fn outcome(trade_state: &str) -> Outcome {
    match trade_state {
        "SUCCESS" => Outcome::Paid,
        // A part of a paid order was refunded, perhaps only one fen; WeChat does not say here how much. It was certainly paid. The
        // refund's own query and notify tell the rest.
        "REFUND" => Outcome::Paid,
        "CLOSED" | "REVOKED" => Outcome::Closed,
        // NOTPAY, USERPAYING, ACCEPT. Also PAYERROR: one payment attempt failed, perhaps at the bank, and the payer may take
        // another card until the order is closed or expires.
        _ => Outcome::Pending,
    }
}

/// The outcome of a refund. v3's words come first, then v2's.
pub(crate) fn refund_outcome(status: &str) -> RefundOutcome {
    let code = || status.to_owned();
    match status {
        "SUCCESS" => RefundOutcome::Done,
        "CLOSED" | "REFUNDCLOSE" => RefundOutcome::Failed { code: code(), words: RefundWords::Closed.into() },
        // The money left the merchant, and the payer's card, cancelled or frozen, did not accept it. It stays so until a person
        // acts; then it is SUCCESS or CLOSED.
        "ABNORMAL" | "CHANGE" => RefundOutcome::Stuck { code: code(), words: RefundWords::PayersAccount.into() },
        // PROCESSING.
        _ => RefundOutcome::Pending,
    }
}

/// What a refusal of a refund means. If the balance does not suffice today, it may tomorrow; then WeChat Pay requires the same
/// number. v3's word comes first, then v2's.
pub(crate) fn refused_refund(code: String, words: String) -> RefundOutcome {
    let words = Sentence::as_it_is(words);
    match code.as_str() {
        "NOT_ENOUGH" | "NOTENOUGH" => RefundOutcome::Short { code, words },
        _ => RefundOutcome::Failed { code, words },
    }
}

/// The report about an order that WeChat Pay does not know.
pub(crate) fn not_there(placed: &Placed<'_>) -> Notification {
    Notification {
        order: placed.id.to_string(),
        claims: Vec::new(),
        fee: None,
        outcome: Outcome::Pending,
        trade_no: None,
    }
}

/// A claim about a field that a report carries.
pub(crate) fn claim(field: &'static str, said: Option<String>, configured: &str) -> Option<Claim> {
    Some(Claim { field, said: words(&said?), configured: configured.to_owned() })
}

/// The refund's number at WeChat Pay. There it must be unique within the merchant, and ours is unique only within the payment: so
/// the order number comes before it.
pub(crate) fn out_refund_no(payment: &TransactionId, refund_num: &str) -> String {
    format!("{payment}-{refund_num}")
}

/// The merchant's number of a refund, from its number at WeChat Pay. A refund that was not made here keeps that number.
pub(crate) fn refund_num(order: &str, out_refund_no: &str) -> String {
    let ours = out_refund_no.strip_prefix(order).and_then(|rest| rest.strip_prefix('-'));
    ours.unwrap_or(out_refund_no).to_owned()
}

/// What a refused order means: a provider binds an order number to the parameters of its first order, and accepts no closed order
/// again. The old interface and v3 have the same words for the first case. They share its code with other refusals, so the words
/// decide.
///
/// # Source
/// `docs/protocols.md` 2.4 and 10.
pub(crate) fn refused_order(code: String, words: String) -> ProviderError {
    let is_bound = match code.as_str() {
        "OUT_TRADE_NO_USED" | "ORDER_CLOSED" | "ORDERCLOSED" => true,
        "INVALID_REQUEST" => ["重入", "重复"].iter().any(|said| words.contains(said)),
        _ => false,
    };
    if is_bound { ProviderError::OrderBound { code, words } } else { ProviderError::Refused { code, words } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn words_become_outcomes() {
        use Outcome::{Closed, Paid, Pending};
        const CASES: &[(&str, Outcome)] = &[
            ("SUCCESS",    Paid),
            ("REFUND",     Paid),
            ("NOTPAY",     Pending),
            ("USERPAYING", Pending),
            ("ACCEPT",     Pending),
            ("CLOSED",     Closed),
            ("REVOKED",    Closed),
            ("PAYERROR",   Pending),
            ("success",    Pending),
            ("NEW",        Pending),
            ("",           Pending),
        ];
        for (state, expect) in CASES {
            assert_eq!(outcome(state), *expect, "{state}");
        }
        for (status, done, failed) in [
            ("SUCCESS",     true,  false),
            ("PROCESSING",  false, false),
            ("CLOSED",      false, true),
            ("REFUNDCLOSE", false, true),
            ("ABNORMAL",    false, false),
            ("CHANGE",      false, false),
            ("NEW",         false, false),
            ("",            false, false),
        ] {
            let found = refund_outcome(status);
            assert_eq!(found == RefundOutcome::Done, done, "{status}");
            assert_eq!(matches!(found, RefundOutcome::Failed { code, .. } if code == status), failed, "{status}");
        }
        for status in ["ABNORMAL", "CHANGE"] {
            assert!(matches!(refund_outcome(status), RefundOutcome::Stuck { code, .. } if code == status), "{status}");
        }
    }

    #[test]
    fn a_refund_number_comes_back_as_it_was() {
        assert_eq!(refund_num("568b", "568b-R1"), "R1");
        assert_eq!(refund_num("568b", "568b--"), "-");
        assert_eq!(refund_num("568b", "568bR1"), "568bR1");
        assert_eq!(refund_num("568b", "made-elsewhere"), "made-elsewhere");
    }
}
