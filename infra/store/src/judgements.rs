//! By which price of the server a client's payment is judged.

use domain::{AppId, Bill, BillNum, Fen, Mode, Timestamp, Transaction};

use crate::{
    Store, StoreError,
    attributes::{number, text, time},
    conditions::is_written,
    schema::{CARRIES, DUE_MS, DUE_PK, LOOK_AGAIN, PK, SK, due_pk, transaction_pk, transaction_sk},
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

    /// Judges the payments of clients that no price judges yet, by what the server has named last. `true` if there were any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn judge_payments(&self, bill: &Bill, now: Timestamp) -> Result<bool, StoreError> {
        let Some(price) = bill.server_price() else { return Ok(false) };
        let mut has_judged = false;
        for paid in bill.unjudged(price.fee) {
            self.judge_payment(paid, price.fee, now).await?;
            has_judged = true;
        }
        Ok(has_judged)
    }

    /// Keeps the server's price by which a client's payment is judged, unless one is kept. The sweep then looks at the payment: at once, or
    /// after the first attempt of the delivery that its entry carries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn judge_payment(&self, paid: &Transaction, price: Fen, now: Timestamp) -> Result<(), StoreError> {
        const PRICE: &str = "judged_price = if_not_exists(judged_price, :price)";
        let update = || {
            self.dynamo
                .update_item()
                .table_name(&self.tables.transactions)
                .key(PK, text(transaction_pk(&paid.key)))
                .key(SK, text(transaction_sk(&paid.key)))
                .expression_attribute_values(":price", number(price.get()))
                .expression_attribute_values(":now", time(now))
        };
        for _ in 0..JUDGE_TRIES_MAX {
            // A new time, so that a look that began before this does not remove the entry.
            let due = update()
                .update_expression(format!("SET {PRICE}, {DUE_PK} = :due, {DUE_MS} = :now"))
                .condition_expression(format!("attribute_exists(pk) AND attribute_not_exists({CARRIES})"))
                .expression_attribute_values(":due", text(due_pk(&paid.id)));
            if is_written(due.send().await, "judgement of a payment")? {
                return Ok(());
            }
            let later = update()
                .update_expression(format!("SET {PRICE}, {LOOK_AGAIN} = :now"))
                .condition_expression(format!("attribute_exists({CARRIES})"));
            if is_written(later.send().await, "judgement of a payment")? {
                return Ok(());
            }
            // The delivery was brought between the two.
        }
        Err(StoreError::Contended { what: paid.id.to_string(), tries: JUDGE_TRIES_MAX })
    }
}
