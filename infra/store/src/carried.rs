//! The first delivery of a payment is looked for under the `due` entry that its transaction has anyway.
//!
//! A bill that waits to be paid is due at its next question to the provider. If that comes within the time in which a lost bell must be
//! made good, the settlement leaves the entry where it is and notes whose delivery it carries; the delivery then needs no
//! entry of its own, which would cost a put and a removal. Whatever becomes of the first attempt is written to the delivery's row,
//! with an entry of its own if it still waits; only then is it let go of. A stop anywhere in between leaves the entry, and
//! the sweep looks. It carries one delivery: those of other webhooks have entries of their own.

use domain::{Delivery, DeliveryId, Event, Status, Timestamp, Transaction, TransactionKey, WebhookId};

use crate::{
    Store, StoreError,
    attributes::text,
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
pub(crate) enum Watch {
    /// Nothing.
    Keep,
    /// Nobody needs to look any more.
    End,
    /// To be looked at then.
    At(Timestamp),
    /// It stays where it was seen, and carries the first delivery, to this webhook.
    Carry(WebhookId, Timestamp),
}

/// Decides who looks after a settlement that takes `row` to `after`.
pub(crate) fn watch(
    row: &Row,
    after: &Transaction,
    (deliveries, look_at): (&[Delivery], Option<Timestamp>),
    now: Timestamp,
) -> Watch {
    if row.transaction.status.is_paid() {
        // Its entry, if it has one, belongs to its payment: a delivery, or the look for a second one.
        return if row.due_at.is_some() { Watch::Keep } else { look_at.map_or(Watch::Keep, Watch::At) };
    }
    if let Some(look_at) = look_at {
        return Watch::At(look_at);
    }
    let soon = |due: &Timestamp| *due <= now.plus(Delivery::BELL_GRACE);
    match (after.status, row.due_at.filter(soon), deliveries.first()) {
        (Status::Success, Some(due), Some(first)) if first.id.event == Event::PaymentSuccess => {
            Watch::Carry(first.id.webhook.clone(), due)
        }
        (Status::Created, _, _) => Watch::Keep,
        (Status::Success | Status::Refund | Status::Closed, _, _) => Watch::End,
    }
}

impl Store {
    /// A transaction that is due by `now`; `None` if it is not, any more or yet.
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

    /// Looks for a carried delivery `to` next. `false` if it was let go of, or moved, meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn carry_until(&self, key: &TransactionKey, from: Timestamp, to: Timestamp) -> Result<bool, StoreError> {
        let update = self.postponement((transaction_pk(key), transaction_sk(key)), from, Some(to));
        let update = update.condition_expression(format!("due_ms = :from AND attribute_exists({CARRIES})"));
        self.claim(update, "postponement of what is carried").await
    }

    /// Lets go of a carried delivery, once its row says what is to become of it. `false` if somebody else did.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn let_go(&self, key: &TransactionKey, webhook: &WebhookId) -> Result<bool, StoreError> {
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
        if self.postpone(ended).await? {
            return Ok(true);
        }
        // The transaction has to be looked at once more: its entry stays, and carries nothing.
        let kept = update()
            .update_expression(format!("SET {DUE_MS} = {LOOK_AGAIN} REMOVE {CARRIES}, {LOOK_AGAIN}"))
            .condition_expression(format!("{CARRIES} = :webhook AND attribute_exists({LOOK_AGAIN})"));
        self.postpone(kept).await
    }
}
