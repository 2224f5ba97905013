//! By which price of the server a client's payment is judged.

use domain::{AppId, Author, Bill, BillNum, Fen, Judgement, Mode, Timestamp, Transaction};

use crate::{
    Store, StoreError,
    attributes::{text, time},
    conditions::is_written,
    schema::{CARRIES, DUE_MS, DUE_PK, LOOK_AGAIN, PK, SK, due_pk, transaction_pk, transaction_sk},
    transactions::write_judgement,
};

/// How often a judgement is written. It fails if the delivery that the entry carries is brought between its two writes.
const JUDGE_TRIES_MAX: u32 = 3;

impl Store {
    /// A bill whose payments are judged, as [`Self::judge_payments`] does it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load_judged_bill(
        &self,
        app: &AppId,
        mode: Mode,
        num: &BillNum,
        now: Timestamp,
    ) -> Result<Bill, StoreError> {
        let bill = self.load_bill(app, mode, num).await?;
        // Another worker may have judged them by another price.
        if self.judge_payments(&bill, now).await? { self.load_bill(app, mode, num).await } else { Ok(bill) }
    }

    /// Judges the payments of clients that are not judged yet, by the price that the server has named. `true` if there were any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn judge_payments(&self, bill: &Bill, now: Timestamp) -> Result<bool, StoreError> {
        match bill.named_fee() {
            Some(price) => self.judge_by(price, bill, now).await,
            None => Ok(false),
        }
    }

    /// The server's call is to be refused because the bill is paid. If it names the first price, this price judges the payments all the same:
    /// the server is told which of them paid the bill, and no later price takes that back. `true` if there were any to judge. Another call
    /// may have judged them by another price, so the bill has to be read and decided again then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn confirm_paid(
        &self,
        bill: &Bill,
        author: Author,
        fee: Fen,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        match author {
            Author::Server => self.judge_by(bill.named_fee().unwrap_or(fee), bill, now).await,
            Author::Visitor | Author::Client => Ok(false),
        }
    }

    async fn judge_by(&self, price: Fen, bill: &Bill, now: Timestamp) -> Result<bool, StoreError> {
        let mut has_judged = false;
        for paid in bill.unjudged() {
            self.judge(paid, Judgement::of(paid, price), now).await?;
            has_judged = true;
        }
        Ok(has_judged)
    }

    /// Keeps the judgement of a client's payment, unless one is kept. The sweep then looks at the payment: at once, or after the first attempt
    /// of the delivery that its entry carries.
    async fn judge(&self, paid: &Transaction, judgement: Judgement, now: Timestamp) -> Result<(), StoreError> {
        const JUDGED: &str = "judged_price = if_not_exists(judged_price, :price)";
        let update = || {
            self.dynamo
                .update_item()
                .table_name(&self.tables.transactions)
                .key(PK, text(transaction_pk(&paid.key)))
                .key(SK, text(transaction_sk(&paid.key)))
                .expression_attribute_values(":price", write_judgement(judgement))
                .expression_attribute_values(":now", time(now))
        };
        for _ in 0..JUDGE_TRIES_MAX {
            // A new time, so that a look that began before this does not remove the entry.
            let due = update()
                .update_expression(format!("SET {JUDGED}, {DUE_PK} = :due, {DUE_MS} = :now"))
                .condition_expression(format!("attribute_exists(pk) AND attribute_not_exists({CARRIES})"))
                .expression_attribute_values(":due", text(due_pk(&paid.id)));
            if is_written(due.send().await, "judgement of a payment")? {
                return Ok(());
            }
            let later = update()
                .update_expression(format!("SET {JUDGED}, {LOOK_AGAIN} = :now"))
                .condition_expression(format!("attribute_exists({CARRIES})"));
            if is_written(later.send().await, "judgement of a payment")? {
                return Ok(());
            }
            // The delivery was brought between the two.
        }
        Err(StoreError::Contended { what: paid.id.to_string(), tries: JUDGE_TRIES_MAX })
    }
}
