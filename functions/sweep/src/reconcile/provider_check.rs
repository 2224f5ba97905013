//! Queries the provider about a difference, where public sources do not say clearly how its bill is read (UnionPay's file). If the
//! provider's answer agrees with our books, there is no difference.
//!
//! Nothing is settled here. If the answer does not agree, the difference stays, for a person to look at.

use bytes::Bytes;
use domain::{
    BillNum, Difference, DifferenceKind, Fen, Notification, Outcome, Refund, RefundStatus, Status, Transaction,
    TransactionId,
};
use http::{Request, Response};
use providers::{Account, Moment, Placed, ProviderError, RefundOrder, RefundOutcome};
use runtime::{ApiError, Question, error_chain};
use settlement::ASKING_BOUNDS;
use tracing::warn;

use super::{DayComparison, accounts::MerchantAccount};

/// More differences mean that the account is configured wrongly, or that the file is in another form.
const QUESTIONS_MAX: usize = 200;

/// After so many failures in a row the provider is no longer queried.
const FAILURES_MAX: usize = 3;

/// The queries about one day of an account.
pub(super) struct ProviderCheck<'a> {
    comparison: &'a DayComparison<'a>,
    asked: usize,
    failures: usize,
}

impl<'a> ProviderCheck<'a> {
    pub(super) fn of(comparison: &'a DayComparison<'a>) -> Self {
        Self { comparison, asked: 0, failures: 0 }
    }

    /// Whether the provider agrees with our books. Without an answer it does not.
    pub(super) async fn agrees_with_books(&mut self, difference: &Difference) -> bool {
        let num = match difference.kind {
            DifferenceKind::MissingThere | DifferenceKind::AmountDiffers | DifferenceKind::StatusDiffers => None,
            DifferenceKind::RefundDiffers | DifferenceKind::RefundMissingThere => difference.refund_num.as_deref(),
            DifferenceKind::MissingHere | DifferenceKind::UnreadableLine => return false,
        };
        let (Some(order), Some(bill)) = (&difference.transaction, &difference.bill) else { return false };
        if self.asked == QUESTIONS_MAX || self.failures == FAILURES_MAX {
            return false;
        }
        self.asked += 1;
        match Box::pin(self.comparison.provider_agrees_on(order, bill, num)).await {
            Ok(agrees) => {
                self.failures = 0;
                agrees
            }
            Err(error) => {
                self.failures += 1;
                warn!(tx.id = %order, "a difference was not asked about: {}", error_chain(&error));
                false
            }
        }
    }
}

impl DayComparison<'_> {
    /// Queries the provider about a payment, or about its refund with this number.
    async fn provider_agrees_on(
        &self,
        order: &TransactionId,
        bill: &BillNum,
        num: Option<&str>,
    ) -> Result<bool, ApiError> {
        let MerchantAccount { app, mode, number, .. } = self.merchant;
        let whole = self.deps.services.store.load_whole_bill(app, *mode, bill).await?;
        let Some(payment) = whole.bill.tries.iter().find(|one| one.id == *order && one.account == *number) else {
            return Ok(false);
        };
        let Some(num) = num else { return self.agrees_on_payment(payment).await };
        let refund = whole.refunds.iter().find(|refund| refund.transaction == *order && refund.num.as_str() == num);
        match refund {
            Some(refund) => self.agrees_on_refund(payment, refund).await,
            None => Ok(false),
        }
    }

    async fn agrees_on_payment(&self, payment: &Transaction) -> Result<bool, ApiError> {
        let placed = placed(payment);
        let said = self
            .ask(
                |account, moment| account.query(&placed, moment),
                |account, answer, moment| account.read_query(&placed, answer, moment.now),
            )
            .await?;
        Ok(said.is_some_and(|said| says_the_same(&said, &payment.id, payment.status, payment.fee)))
    }

    async fn agrees_on_refund(&self, payment: &Transaction, refund: &Refund) -> Result<bool, ApiError> {
        let order = RefundOrder {
            placed: placed(payment),
            refund_num: refund.num.as_str(),
            sending: refund.sending,
            refund_fee: refund.fee,
            reason: None,
            notify_url: None,
        };
        let said = self
            .ask(
                |account, moment| account.refund_query(&order, moment),
                |account, answer, moment| account.read_refund_query(&order, answer, moment.now),
            )
            .await?;
        Ok(refund.status == RefundStatus::Success && said == Some(RefundOutcome::Done))
    }

    /// `None` if the settings of the account were deleted.
    async fn ask<T>(
        &self,
        call: impl Fn(&Account, &Moment) -> Result<Request<Bytes>, ProviderError>,
        read: impl Fn(&Account, &Response<Bytes>, &Moment) -> Result<T, ProviderError>,
    ) -> Result<Option<T>, ApiError> {
        let services = &self.deps.services;
        let Some((configured, account)) = self.open().await? else { return Ok(None) };
        let moment = Moment { now: services.clock.now(), nonce: services.random.nonce()? };
        let question = Question {
            configured: &configured,
            key: self.merchant.key(),
            account: &account,
            outbound: &self.deps.outbound,
            bounds: ASKING_BOUNDS,
            moment: &moment,
        };
        let call = call(&account, &moment)?;
        Ok(Some(services.ask(&question, call, |account, answer| read(account, answer, &moment)).await?.content))
    }
}

/// Whether the provider's report about a payment agrees with our books. It does not if the amount is another one.
fn says_the_same(said: &Notification, id: &TransactionId, status: Status, fee: Fen) -> bool {
    let agrees = match said.outcome {
        Outcome::Paid => status.is_paid() && said.fee == Some(fee),
        Outcome::Pending | Outcome::Closed => !status.is_paid(),
        Outcome::Refunded(_) => false,
    };
    said.order == id.as_str() && agrees
}

fn placed(payment: &Transaction) -> Placed<'_> {
    Placed {
        id: &payment.id,
        created_at: payment.created_at,
        fee: payment.fee,
        trade_no: payment.trade_no.as_ref(),
        channel: payment.key.channel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn only_the_same_state_of_the_same_money_agrees() {
        use Outcome::{Closed, Paid, Pending, Refunded};
        let id = TransactionId::parse("01a208d05240070707070707").unwrap();
        let fen = |fen| Fen::new(fen).unwrap();
        let cases = [
            (Status::Success, Paid,               Some(9900), true),
            (Status::Refund,  Paid,               Some(9900), true),
            (Status::Success, Paid,               Some(1),    false),
            (Status::Success, Paid,               None,       false),
            (Status::Success, Pending,            None,       false),
            (Status::Success, Refunded(fen(100)), Some(9900), false),
            (Status::Created, Pending,            None,       true),
            (Status::Closed,  Pending,            Some(9900), true),
            (Status::Closed,  Closed,             None,       true),
            (Status::Closed,  Paid,               Some(9900), false),
            // Money that is not as it was asked for is money all the same.
            (Status::Closed,  Paid,               Some(1),    false),
            (Status::Created, Paid,               None,       false),
            (Status::Created, Refunded(fen(100)), Some(9900), false),
        ];
        for (status, outcome, fee, expect) in cases {
            let said = |order: &str| {
                let order = order.to_owned();
                Notification { order, claims: Vec::new(), fee: fee.map(fen), outcome, trade_no: None }
            };
            let same = |order: &str| says_the_same(&said(order), &id, status, fen(9900));
            assert_eq!(same(id.as_str()), expect, "{status:?} {outcome:?} {fee:?}");
            assert!(!same("01a208d0524f0f0f0f0f0f0f"), "{status:?}: another order");
        }
    }
}
