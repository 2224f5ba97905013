//! The calls that several kinds of items share: one item, several items in one transaction, and sealed values.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{
        transact_write_items::TransactWriteItemsError,
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, builders::UpdateBuilder},
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, text},
    schema::{CLAIM, PK, SK},
};

/// How often a change of the configuration is tried again because another operator changed the same.
pub(crate) const CHANGE_TRIES_MAX: u32 = 5;

/// How fresh a read is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// An eventually consistent read, at half the price.
    AMomentAgo,
    /// A strongly consistent one.
    Now,
}

/// The result of a transaction of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Done,
    /// Another worker changed one of the items first.
    Lost,
}

impl Store {
    /// An item of the transactions' table, as it is now.
    pub(crate) async fn get(&self, pk: String, sk: String) -> Result<Option<Attributes>, StoreError> {
        self.get_as(Seen::Now, pk, sk).await
    }

    /// An item of the transactions.
    pub(crate) async fn get_as(&self, seen: Seen, pk: String, sk: String) -> Result<Option<Attributes>, StoreError> {
        self.get_from(&self.tables.transactions, seen, pk, sk).await
    }

    /// An item of the configuration's table, as it is now.
    pub(crate) async fn get_configured(&self, pk: String, sk: String) -> Result<Option<Attributes>, StoreError> {
        self.get_from(&self.tables.configuration, Seen::Now, pk, sk).await
    }

    /// The same as it was a moment ago, at half the price.
    pub(crate) async fn glance_configured(&self, pk: String, sk: String) -> Result<Option<Attributes>, StoreError> {
        self.get_from(&self.tables.configuration, Seen::AMomentAgo, pk, sk).await
    }

    async fn get_from(
        &self,
        table: &str,
        seen: Seen,
        pk: String,
        sk: String,
    ) -> Result<Option<Attributes>, StoreError> {
        let found = self
            .dynamo
            .get_item()
            .table_name(table)
            .consistent_read(seen == Seen::Now)
            .key(PK, text(pk))
            .key(SK, text(sk))
            .send()
            .await
            .map_err(|error| StoreError::dynamo("look-up of an item", error))?;
        Ok(found.item)
    }

    /// The write of a new item of the transactions' table, for a transaction.
    pub(crate) fn put_once(&self, attributes: Attributes) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.tables.transactions)
            .set_item(Some(attributes))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(|error| StoreError::dynamo("building a new item", error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Writes everything, or nothing.
    pub(crate) async fn write_all(
        &self,
        writes: Vec<TransactWriteItem>,
        operation: &'static str,
    ) -> Result<Written, StoreError> {
        let sent = self.dynamo.transact_write_items().set_transact_items(Some(writes)).send().await;
        match sent {
            Ok(_) => Ok(Written::Done),
            Err(SdkError::ServiceError(error)) if lost_the_race(error.err()) => Ok(Written::Lost),
            Err(error) => Err(StoreError::dynamo(operation, error)),
        }
    }

    /// Sends an update whose condition lets one of several writers pass. `false` if another writer was first. If the answer is lost, the
    /// client sends the call again. Its condition then no longer holds, because the first call was written. `is_ours` recognises the item
    /// that this update has written.
    pub(crate) async fn update_once(
        &self,
        update: UpdateItemFluentBuilder,
        operation: &'static str,
        is_ours: impl Fn(&Item<'_>) -> bool,
    ) -> Result<bool, StoreError> {
        let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match update.send().await {
            Ok(_) => return Ok(true),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(lost)) => {
                Ok(lost.item().is_some_and(|attributes| is_ours(&Item(attributes))))
            }
            _ => Err(StoreError::dynamo(operation, error)),
        }
    }

    /// Like `update_once`, for an update that writes a mark of its own: `SET claim = :claim`.
    pub(crate) async fn claim(
        &self,
        update: UpdateItemFluentBuilder,
        operation: &'static str,
    ) -> Result<bool, StoreError> {
        let mark = self.claims.mark();
        let update = update.expression_attribute_values(":claim", text(&mark));
        self.update_once(update, operation, |item| item.find_text(CLAIM) == Some(&mark)).await
    }

    /// The write of a new item of the configuration's table, for a transaction.
    pub(crate) fn put_new(&self, attributes: Attributes) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().condition_expression("attribute_not_exists(pk)");
        let put = put.table_name(&self.tables.configuration).set_item(Some(attributes)).build();
        Ok(TransactWriteItem::builder().put(put.map_err(|error| StoreError::dynamo("building a put", error))?).build())
    }

    /// Writes everything, or nothing. If a condition does not hold, `what` is stale.
    pub(crate) async fn write_together(
        &self,
        writes: impl Into<Vec<TransactWriteItem>>,
        what: &str,
    ) -> Result<(), StoreError> {
        let writes = writes.into();
        for round in 0..CHANGE_TRIES_MAX {
            let write = self.dynamo.transact_write_items().set_transact_items(Some(writes.clone()));
            let error = match write.send().await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            let cancelled_by = |code| error.as_service_error().is_some_and(|error| is_cancelled_by(error, code));
            if cancelled_by("ConditionalCheckFailed") {
                return Err(StoreError::Stale { what: what.to_owned() });
            } else if !cancelled_by("TransactionConflict") {
                return Err(StoreError::dynamo("change of the configuration", error));
            }
            // The other writer needs a moment to finish; the client does not retry a conflict.
            tokio::time::sleep(Duration::from_millis(10) * (round + 1)).await;
        }
        Err(StoreError::Contended { what: what.to_owned(), tries: CHANGE_TRIES_MAX })
    }

    pub(crate) fn seal_json(&self, owner: &str, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
        let json = serde_json::to_vec(value).map_err(|_| StoreError::Sealed { owner: owner.to_owned() })?;
        self.sealer.seal(owner, &json)
    }

    pub(crate) fn open_json<T: for<'de> Deserialize<'de>>(
        &self,
        owner: &str,
        item: &Item<'_>,
    ) -> Result<T, StoreError> {
        let json = self.sealer.open(owner, item.bytes("sealed")?)?;
        serde_json::from_slice(json.expose()).map_err(|_| item.wrong("sealed"))
    }
}

/// Whether a transaction failed because of another write, and not because of a fault.
fn lost_the_race(error: &TransactWriteItemsError) -> bool {
    if let TransactWriteItemsError::TransactionCanceledException(cancelled) = error {
        let mut reasons = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
        return reasons.any(|code| matches!(code, "ConditionalCheckFailed" | "TransactionConflict"));
    }
    error.is_transaction_in_progress_exception()
}

/// Whether one of the writes of a transaction failed for this reason.
fn is_cancelled_by(error: &TransactWriteItemsError, code: &str) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { return false };
    cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(code))
}

pub(crate) fn updated(update: UpdateBuilder) -> Result<TransactWriteItem, StoreError> {
    let update = update.build().map_err(|error| StoreError::dynamo("building an update", error))?;
    Ok(TransactWriteItem::builder().update(update).build())
}
