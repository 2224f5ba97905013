//! The calls that several kinds of items are read and written by: one item, and several as one.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, TransactWriteItem},
};

use crate::{
    Store, StoreError,
    attributes::{Attributes, text},
    schema::{PK, SK},
};

/// When what is read was true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// An eventually consistent read: half the price.
    AMomentAgo,
    /// A strongly consistent one.
    Now,
}

/// How a transaction of writes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Done,
    /// Somebody else changed one of the items first.
    Lost,
}

impl Store {
    /// An item of the transactions, as it is now.
    pub(crate) async fn get(&self, pk: String, sk: String) -> Result<Option<Attributes>, StoreError> {
        self.get_as(Seen::Now, pk, sk).await
    }

    /// An item of the transactions.
    pub(crate) async fn get_as(&self, seen: Seen, pk: String, sk: String) -> Result<Option<Attributes>, StoreError> {
        self.get_from(&self.tables.transactions, seen, pk, sk).await
    }

    /// An item of the configuration, as it is now.
    pub(crate) async fn get_configured(&self, pk: String, sk: String) -> Result<Option<Attributes>, StoreError> {
        self.get_from(&self.tables.configuration, Seen::Now, pk, sk).await
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

    /// A new item of the transactions, to be written with others.
    pub(crate) fn put_once(&self, attributes: Attributes) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.tables.transactions)
            .set_item(Some(attributes))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(|error| StoreError::dynamo("building a new item", error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Writes all of it or nothing.
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
}

/// Whether a transaction failed because of somebody else's write, and not by a fault.
fn lost_the_race(error: &TransactWriteItemsError) -> bool {
    if let TransactWriteItemsError::TransactionCanceledException(cancelled) = error {
        let mut reasons = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
        return reasons.any(|code| matches!(code, "ConditionalCheckFailed" | "TransactionConflict"));
    }
    error.is_transaction_in_progress_exception()
}
