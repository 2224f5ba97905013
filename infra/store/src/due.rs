//! What is due: one sparse index over everything that somebody has to look at when its time has come.

use domain::{DeliveryId, Timestamp, TransactionKey};

use crate::{
    Store, StoreError,
    attributes::{Item, number, text},
    schema::{DUE_MS, DUE_SHARDS, PK, SK, due_shard_pk, parse_delivery_key, parse_transaction_key},
};

/// Read at once; the index carries keys only, so that this is a few read units.
const PAGE: i32 = 100;

/// Something whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// A delivery: hand it to the queue, or ring for it again.
    Delivery(DeliveryId),
    /// A bill that is not paid: ask the provider.
    Transaction(TransactionKey),
    /// What a newer version wrote, for itself.
    Other {
        /// Its partition key.
        pk: String,
        /// Its sort key.
        sk: String,
    },
}

/// A page of what is due, in the order of its times.
#[derive(Clone, Debug, Default)]
pub struct DuePage {
    /// What is due.
    pub due: Vec<Due>,
    /// Where the next page begins, if there is one.
    pub next: Option<DueCursor>,
}

/// Where a page begins.
#[derive(Clone, Debug)]
pub struct DueCursor(std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>);

impl Store {
    /// Over how many keys of the index what is due is spread.
    pub const DUE_SHARDS: u32 = DUE_SHARDS;

    /// A page of what is due in one shard by `now`, the longest overdue first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due(&self, shard: u32, now: Timestamp, from: Option<DueCursor>) -> Result<DuePage, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .index_name("due")
            .key_condition_expression("due_pk = :shard AND due_ms <= :now")
            .expression_attribute_values(":shard", text(due_shard_pk(shard)))
            .expression_attribute_values(":now", number(now.ms()))
            .limit(PAGE)
            .set_exclusive_start_key(from.map(|cursor| cursor.0))
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of what is due", error))?;
        let next = page.last_evaluated_key().cloned().map(DueCursor);
        let due = page.items().iter().map(|attributes| {
            let item = Item(attributes);
            let (pk, sk) = (item.text(PK)?, item.text(SK)?);
            let delivery = || parse_delivery_key(pk, sk).map(Due::Delivery);
            let transaction = || parse_transaction_key(pk, sk).map(Due::Transaction);
            Ok(delivery().or_else(transaction).unwrap_or_else(|| Due::Other { pk: pk.to_owned(), sk: sk.to_owned() }))
        });
        Ok(DuePage { due: due.collect::<Result<_, StoreError>>()?, next })
    }

    /// The first moment after `now` at which something falls due, in any shard: for the local stack's clock, which need not
    /// wake the sweep in vain.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let mut first = None;
        for shard in 0..DUE_SHARDS {
            let page = self
                .dynamo
                .query()
                .table_name(&self.tables.transactions)
                .index_name("due")
                .key_condition_expression("due_pk = :shard AND due_ms > :now")
                .expression_attribute_values(":shard", text(due_shard_pk(shard)))
                .expression_attribute_values(":now", number(now.ms()))
                .limit(1)
                .send()
                .await
                .map_err(|error| StoreError::dynamo("query of what is due next", error))?;
            let found = page.items().first().map(|item| Item(item).time(DUE_MS)).transpose()?;
            first = [first, found].into_iter().flatten().min();
        }
        Ok(first)
    }
}
