//! The `due` index: one sparse index of everything that has to be looked at, by its time.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use domain::{AppId, DeliveryId, Mode, RefundKey, Timestamp, TransactionKey};
use futures_util::future::try_join_all;

use crate::{
    DayKey, Store, StoreError,
    attributes::{Attributes, Item, number, text, time},
    schema::{
        CARRIES, CLAIM, DUE_MS, DUE_PK, DUE_SHARDS, PK, REFUND_PREFIX, SK, bill_pk, due_shard_pk, parse_delivery_key,
        parse_refund_key, parse_transaction_key, refund_sk, transaction_pk, transaction_sk,
    },
};

/// How many entries are read at once. The index has only keys, so this costs a few read units.
const PAGE: i32 = 100;

/// Something whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// A delivery: its message has to be sent, or sent again.
    Delivery(DeliveryId),
    /// A bill. If it is not paid, or is closed here alone, its provider has to be queried. If it is paid, the sweep has to look at it.
    Transaction(TransactionKey),
    /// A pending or stuck refund: its provider has to be queried.
    Refund(RefundKey),
    /// A day that a person wants to have compared.
    Day(DayKey),
    /// An entry that only a newer version knows.
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

/// The pending refunds of an app.
#[derive(Clone, Debug)]
pub struct PendingRefunds {
    /// The refunds that were found.
    pub found: Vec<RefundKey>,
    /// Whether these are all: the search is bounded.
    pub is_whole: bool,
}

/// How many pages of each shard are searched. Two pages of 1 MB have some ten thousand entries.
const PENDING_PAGES_MAX: usize = 2;

impl Store {
    /// The number of the index's partition keys.
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
        Ok(DuePage { due: self.readable(page.items(), read_due), next })
    }

    /// The pending refunds of an app. It searches what is due of all apps, so it is for people only.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_refunds(&self, app: &AppId, mode: Mode) -> Result<PendingRefunds, StoreError> {
        let shards = try_join_all((0..DUE_SHARDS).map(|shard| self.pending_refunds_of(shard, app, mode))).await?;
        let is_whole = shards.iter().all(|shard| shard.is_whole);
        Ok(PendingRefunds { found: shards.into_iter().flat_map(|shard| shard.found).collect(), is_whole })
    }

    async fn pending_refunds_of(&self, shard: u32, app: &AppId, mode: Mode) -> Result<PendingRefunds, StoreError> {
        let mut pages = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .index_name("due")
            .key_condition_expression("due_pk = :shard")
            .filter_expression("begins_with(pk, :bills) AND begins_with(sk, :refund)")
            .expression_attribute_values(":shard", text(due_shard_pk(shard)))
            .expression_attribute_values(":bills", text(format!("{app}#{mode}#")))
            .expression_attribute_values(":refund", text(REFUND_PREFIX))
            .into_paginator()
            .send();
        let mut found = Vec::new();
        for _ in 0..PENDING_PAGES_MAX {
            let Some(page) = pages.next().await else { return Ok(PendingRefunds { found, is_whole: true }) };
            let page = page.map_err(|error| StoreError::dynamo("look for pending refunds", error))?;
            found.extend(self.readable(page.items(), read_refund_key));
        }
        Ok(PendingRefunds { found, is_whole: pages.next().await.is_none() })
    }

    /// Moves a transaction that fell due at `from` to `to`, or removes it from what is due. `false` if another worker moved it first, or if the
    /// entry carries a delivery by now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn postpone_transaction(
        &self,
        key: &TransactionKey,
        from: Timestamp,
        to: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let update = self.postponement(transaction_pk(key), transaction_sk(key), from, to);
        let update = update.condition_expression(format!("due_ms = :from AND attribute_not_exists({CARRIES})"));
        self.claim(update, "postponement").await
    }

    /// Moves a refund that fell due at `from` to `to`. `false` if another worker moved it first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn postpone_refund(&self, key: &RefundKey, from: Timestamp, to: Timestamp) -> Result<bool, StoreError> {
        let update = self.postponement(bill_pk(&key.app, key.mode, &key.bill), refund_sk(&key.num), from, Some(to));
        self.claim(update, "postponement of a refund").await
    }

    /// The update that moves an entry from `from` to `to`, or removes it. It has the condition that the entry is still at `from`.
    pub(crate) fn postponement(
        &self,
        pk: String,
        sk: String,
        from: Timestamp,
        to: Option<Timestamp>,
    ) -> UpdateItemFluentBuilder {
        let update = self
            .dynamo
            .update_item()
            .table_name(&self.tables.transactions)
            .key(PK, text(pk))
            .key(SK, text(sk))
            .condition_expression("due_ms = :from")
            .expression_attribute_values(":from", time(from));
        match to {
            Some(to) => {
                let update = update.update_expression(format!("SET due_ms = :to, {CLAIM} = :claim"));
                update.expression_attribute_values(":to", time(to))
            }
            None => update.update_expression(format!("SET {CLAIM} = :claim REMOVE {DUE_PK}, {DUE_MS}")),
        }
    }

    /// The first moment after `now` at which something falls due, in any shard. The local stack asks for it, so that its clock wakes the
    /// sweep only if there is work.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let asked = (0..DUE_SHARDS).map(|shard| async move {
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
            page.items().first().map(|item| Item(item).time(DUE_MS)).transpose()
        });
        Ok(try_join_all(asked).await?.into_iter().flatten().min())
    }
}

fn read_due(attributes: &Attributes) -> Result<Due, StoreError> {
    let item = Item(attributes);
    let (pk, sk) = (item.text(PK)?, item.text(SK)?);
    let delivery = || parse_delivery_key(pk, sk).map(Due::Delivery);
    let transaction = || parse_transaction_key(pk, sk).map(Due::Transaction);
    let refund = || read_refund_key(attributes).ok().map(Due::Refund);
    let day = || DayKey::parse(pk, sk).map(Due::Day);
    let other = || Due::Other { pk: pk.to_owned(), sk: sk.to_owned() };
    Ok(delivery().or_else(transaction).or_else(refund).or_else(day).unwrap_or_else(other))
}

fn read_refund_key(attributes: &Attributes) -> Result<RefundKey, StoreError> {
    let item = Item(attributes);
    parse_refund_key(item.text(PK)?, item.text(SK)?).ok_or_else(|| item.wrong(SK))
}
