//! The `due` entry of a transaction carries the first delivery of its payment.
//!
//! A bill that waits to be paid has a `due` entry: the time of its next question to the provider. A delivery needs one, too, by which the
//! sweep finds it if its message is lost. If the bill's entry falls due soon enough for that, the settlement leaves it and marks it with
//! the delivery's webhook. An entry of the delivery's own would cost a put and a removal.
//!
//! After the first attempt, its result is written to the delivery's row, with an entry of its own if the delivery still waits. Only then is
//! the mark removed. After a stop anywhere in between the mark is still there, and the sweep looks. An entry carries one delivery; those of
//! other webhooks have entries of their own.

use domain::{Delivery, DeliveryId, Event, Status, Timestamp, Transaction, TransactionKey, WebhookId};

use crate::{
    Store, StoreError,
    attributes::text,
    conditions::is_written,
    items::Seen,
    schema::{CARRIES, DUE_MS, DUE_PK, LOOK_AGAIN, PK, SK, transaction_pk, transaction_sk},
    transactions::Row,
};

/// A transaction that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueTransaction {
    /// The transaction.
    pub transaction: Transaction,
    /// When it fell due.
    pub due_at: Timestamp,
    /// The delivery that has no entry of its own.
    pub carries: Option<DeliveryId>,
}

/// What a settlement does with the `due` entry of its transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DueEntryChange {
    /// The entry stays as it is.
    Keep,
    /// The entry is removed: nothing is left to look at.
    Remove,
    /// The entry falls due at this time.
    MoveTo(Timestamp),
    /// The entry stays at the time at which it was read, and carries the first delivery, to this webhook.
    Carry(WebhookId, Timestamp),
}

/// Decides what becomes of the `due` entry in a settlement that changes `row` to `after`.
pub(crate) fn due_entry_change(
    row: &Row,
    after: &Transaction,
    deliveries: &[Delivery],
    look_at: Option<Timestamp>,
    now: Timestamp,
) -> DueEntryChange {
    if row.transaction.status.is_paid() {
        // If it has an entry, the entry is of its payment: for the delivery that it carries, or to look for a second payment.
        return if row.due_at.is_some() {
            DueEntryChange::Keep
        } else {
            look_at.map_or(DueEntryChange::Keep, DueEntryChange::MoveTo)
        };
    }
    if let Some(look_at) = look_at {
        return DueEntryChange::MoveTo(look_at);
    }
    let soon = |due: &Timestamp| *due <= now.plus(Delivery::BELL_GRACE);
    match (after.status, row.due_at.filter(soon), deliveries.first()) {
        (Status::Success, Some(due), Some(first))
            if first.id.event == Event::PaymentSuccess && first.is_rung_at_once() =>
        {
            DueEntryChange::Carry(first.id.webhook.clone(), due)
        }
        (Status::Created, _, _) => DueEntryChange::Keep,
        (Status::Success | Status::Refund | Status::Closed, _, _) => DueEntryChange::Remove,
    }
}

impl Store {
    /// A transaction that is due; `None` if not due now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_due_transaction(
        &self,
        key: &TransactionKey,
        now: Timestamp,
    ) -> Result<Option<DueTransaction>, StoreError> {
        let Some(Row { transaction, due_at, carries, .. }) = self.find_row(Seen::Now, key).await? else {
            return Ok(None);
        };
        let Some(due_at) = due_at.filter(|due| *due <= now) else { return Ok(None) };
        let carries = carries.map(|webhook| DeliveryId {
            app: key.app.clone(),
            mode: key.mode,
            bill: key.bill.clone(),
            transaction: transaction.id.clone(),
            event: Event::PaymentSuccess,
            about: String::new(),
            webhook,
        });
        Ok(Some(DueTransaction { transaction, due_at, carries }))
    }

    /// Moves the entry of a carried delivery to `to`. `false` if another worker changed it first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn carry_until(&self, key: &TransactionKey, from: Timestamp, to: Timestamp) -> Result<bool, StoreError> {
        let update = self.postponement(transaction_pk(key), transaction_sk(key), from, Some(to));
        let update = update.condition_expression(format!("due_ms = :from AND attribute_exists({CARRIES})"));
        self.claim(update, "postponement of what is carried").await
    }

    /// Removes the mark of a carried delivery. Before this, the delivery's own row must say what is next. `false` if another worker removed
    /// it first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear_carried(&self, key: &TransactionKey, webhook: &WebhookId) -> Result<bool, StoreError> {
        let update = || {
            self.dynamo
                .update_item()
                .table_name(&self.tables.transactions)
                .key(PK, text(transaction_pk(key)))
                .key(SK, text(transaction_sk(key)))
                .expression_attribute_values(":webhook", text(webhook.as_str()))
        };
        let ended = update()
            .update_expression(format!("REMOVE {DUE_PK}, {DUE_MS}, {CARRIES}"))
            .condition_expression(format!("{CARRIES} = :webhook AND attribute_not_exists({LOOK_AGAIN})"));
        if is_written(ended.send().await, "end of what is carried")? {
            return Ok(true);
        }
        // The sweep has to look at the transaction once more. So its entry stays, without the mark.
        let kept = update()
            .update_expression(format!("SET {DUE_MS} = {LOOK_AGAIN} REMOVE {CARRIES}, {LOOK_AGAIN}"))
            .condition_expression(format!("{CARRIES} = :webhook AND attribute_exists({LOOK_AGAIN})"));
        is_written(kept.send().await, "end of what is carried")
    }
}
