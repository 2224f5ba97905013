//! Asks the provider about what differs, where public sources leave it in doubt how its bill is to be read (UnionPay's file): what the
//! provider itself says as our books do is no difference, whatever the file was read as.
//!
//! Nothing is settled here. What a provider says otherwise stays a difference, for a person to look at.

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

use super::{Books, accounts::Holding};

/// More differs only where an account is configured wrongly, or a file is in another form.
const QUESTIONS_MAX: usize = 200;

/// After so many failures in a row nothing more is asked.
const FAILURES_MAX: usize = 3;

/// The questions about one day of an account.
pub(super) struct Doubt<'a> {
    books: &'a Books<'a>,
    asked: usize,
    failures: usize,
}

impl<'a> Doubt<'a> {
    pub(super) fn about(books: &'a Books<'a>) -> Self {
        Self { books, asked: 0, failures: 0 }
    }

    /// Whether the provider says as our books do. Without an answer it does not.
    pub(super) async fn dispels(&mut self, difference: &Difference) -> bool {
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
        match Box::pin(self.books.provider_agrees((order, bill), num)).await {
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

impl Books<'_> {
    /// Asks about a payment, or about its refund of this number.
    async fn provider_agrees(
        &self,
        (order, bill): (&TransactionId, &BillNum),
        num: Option<&str>,
    ) -> Result<bool, ApiError> {
        let Holding { app, mode, number, .. } = self.holding;
        let whole = self.deps.base.store.load_whole_bill(app, *mode, bill).await?;
        let Some(payment) = whole.tries.iter().find(|one| one.id == *order && one.account == *number) else {
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
        Ok(said.is_some_and(|said| says_the_same(&said, (&payment.id, payment.status, payment.fee))))
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

    /// `None` if the account has no settings any more.
    async fn ask<T>(
        &self,
        call: impl Fn(&Account, &Moment) -> Result<Request<Bytes>, ProviderError>,
        read: impl Fn(&Account, &Response<Bytes>, &Moment) -> Result<T, ProviderError>,
    ) -> Result<Option<T>, ApiError> {
        let base = &self.deps.base;
        let Some((configured, account)) = self.open().await? else { return Ok(None) };
        let moment = Moment { now: base.clock.now(), nonce: base.random.nonce()? };
        let question = Question {
            configured: &configured,
            key: self.holding.key(),
            account: &account,
            outbound: &self.deps.outbound,
            bounds: ASKING_BOUNDS,
            moment: &moment,
        };
        let call = call(&account, &moment)?;
        Ok(Some(base.ask(&question, call, |account, answer| read(account, answer, &moment)).await?.1))
    }
}

/// Whether the provider's word about a payment is what our books say. Another amount is another word, whether it was paid here or not.
fn says_the_same(said: &Notification, (id, status, fee): (&TransactionId, Status, Fen)) -> bool {
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
    fn only_the_same_word_about_the_same_money_dispels_a_difference() {
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
            let same = |order: &str| says_the_same(&said(order), (&id, status, fen(9900)));
            assert_eq!(same(id.as_str()), expect, "{status:?} {outcome:?} {fee:?}");
            assert!(!same("01a208d0524f0f0f0f0f0f0f"), "{status:?}: another order");
        }
    }
}
