//! Which payment a request for a refund means, and whether it asks for the same refund again.

use super::Refund;
use crate::{Bill, RefundRequest, Status, Transaction};

/// The payment of a bill that a request for a refund means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentChoice<'a> {
    /// This one.
    One(&'a Transaction),
    /// No payment fits what was named.
    None,
    /// Several payments fit what was named. It must not be guessed which one is meant.
    Several(Vec<&'a Transaction>),
}

/// Finds the payment that a refund is of. A payment with money left goes before one that went back in full. A payment that does not count
/// for the bill is found only if the request names it: a stranger's payment of one fen must not stand in the way of a refund.
pub fn choose_payment<'a>(bill: &'a Bill, request: &RefundRequest) -> PaymentChoice<'a> {
    let fits = |payment: &&Transaction| {
        request.channel.is_none_or(|channel| payment.key.channel == channel)
            && request.transaction.as_ref().is_none_or(|id| payment.id == *id)
    };
    let payments = bill.payments();
    let with = |some: &[&'a Transaction], status| {
        some.iter().copied().filter(fits).filter(|payment| payment.status == status).collect::<Vec<_>>()
    };
    let (counted, uncounted) = (&payments.counted, &payments.uncounted);
    let candidates = [
        (counted, Status::Success),
        (counted, Status::Refund),
        (uncounted, Status::Success),
        (uncounted, Status::Refund),
    ];
    let found = candidates.into_iter().map(|(some, status)| with(some, status));
    let paid = found.into_iter().find(|paid| !paid.is_empty()).unwrap_or_default();
    match paid.as_slice() {
        [] => PaymentChoice::None,
        [one] => PaymentChoice::One(one),
        _ => PaymentChoice::Several(paid),
    }
}

/// Whether a refund is the one that is asked for. The numbers are the same already. The reasons may differ, because a reason is only words:
/// the first one stays.
pub fn is_same_refund(refund: &Refund, request: &RefundRequest) -> bool {
    refund.key.bill == request.bill
        && refund.fee == request.fee
        && request.channel.is_none_or(|channel| refund.key.channel == channel)
        && request.transaction.as_ref().is_none_or(|id| refund.transaction == *id)
}
