//! How much the operators of an app may refund on one day, and the refunds above it, which an owner approves.

use crate::{Day, Fen, RefundNum, RefundRefusal, RefundRequest, Timestamp, TransactionId, TransactionKey};

/// What the operators of an app may refund together on one day, in one mode. Owners and the app's own server have no such limit. A refund
/// counts when it is begun, also if it fails later, and also while there is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundAllowance {
    /// The day in Beijing on which the refund is begun.
    pub day: Day,
    /// How much on that day; `None`: no limit.
    pub limit: Option<Fen>,
}

impl RefundAllowance {
    /// How much is left, in fen, after `refunded`; `None` without a limit.
    pub fn left(&self, refunded: i64) -> Option<i64> {
        self.limit.map(|limit| (limit.get() - refunded).max(0))
    }

    /// Whether a refund of `fee` is within the limit after `refunded`.
    ///
    /// # Errors
    /// [`RefundRefusal::AboveLimit`].
    pub fn check(&self, refunded: i64, fee: Fen) -> Result<(), RefundRefusal> {
        match self.left(refunded) {
            Some(left) if fee.get() > left => Err(RefundRefusal::AboveLimit { left, found: fee.get() }),
            Some(_) | None => Ok(()),
        }
    }
}

/// A refund above the limit of its day. It is begun once an owner approves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedRefund {
    /// The payment's key.
    pub key: TransactionKey,
    /// The payment.
    pub transaction: TransactionId,
    /// The number that the refund will have.
    pub num: RefundNum,
    /// How much.
    pub fee: Fen,
    /// Why, in words for the payer.
    pub reason: Option<String>,
    /// The operator who proposed it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl ProposedRefund {
    /// Whether a request asks for this refund. It does not matter who proposed it, or when.
    pub fn is_of(&self, request: &RefundRequest) -> bool {
        request.transaction.as_ref() == Some(&self.transaction)
            && (&request.num, request.fee, &request.reason) == (&self.num, self.fee, &self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_can_be_refunded_and_a_lowered_limit_leaves_nothing() {
        let fen = |fen| Fen::new(fen).unwrap();
        let allowance = RefundAllowance { day: Day::of(Timestamp::clamped(0)), limit: Some(fen(100)) };
        let above = |left, found| Err(RefundRefusal::AboveLimit { left, found });
        assert_eq!(allowance.check(0, fen(100)), Ok(()));
        assert_eq!(allowance.check(0, fen(101)), above(100, 101));
        assert_eq!(allowance.check(99, fen(1)), Ok(()));
        assert_eq!(allowance.check(99, fen(2)), above(1, 2));
        assert_eq!(allowance.check(500, fen(1)), above(0, 1));
        assert_eq!(RefundAllowance { limit: None, ..allowance }.check(500, fen(1)), Ok(()));
    }
}
