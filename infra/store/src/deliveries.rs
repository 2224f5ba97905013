//! Deliveries. They are written in one transaction with the state that they report. A change has the condition that no other worker changed
//! the delivery first.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::{
    AppId, AttemptRecord, BillNum, Delivery, DeliveryId, DeliveryState, Event, Mode, Shard, Timestamp, Transaction,
    TransactionId,
};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, item, number, text, time},
    look_up::Freshness,
    schema::{
        BY_TIME_PK, BY_TIME_SK, CARRIES, DELIVERY_PREFIX, DUE_MS, DUE_PK, DueEntry, PK, SK, TX_PREFIX, bill_pk,
        deliveries_pk, delivery_by_time_sk, delivery_sk, due_pk, parse_delivery_key,
    },
    transactions::read_transaction,
};

/// The deliveries of all webhooks and events of a bill fit in two pages of 1 MB, with the longest records. This only bounds the loop.
const DELIVERY_PAGES_MAX: usize = 16;

/// How often it is noted that something was received while others change the same delivery.
const RECEIVED_TRIES_MAX: u32 = 5;

/// A delivery, and the transaction that it reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryWithTransaction {
    /// The delivery.
    pub delivery: Delivery,
    /// The transaction.
    pub transaction: Transaction,
    /// Whether the transaction's `due` entry carries it, as the read of the first attempt shows it.
    pub carried: bool,
}

impl Store {
    /// The writes of these deliveries, for one transaction with the state that they report. If one of the deliveries exists already, the
    /// whole transaction fails: then the state is written already, too.
    pub(crate) fn put_deliveries(&self, deliveries: &[Delivery]) -> Result<Vec<TransactWriteItem>, StoreError> {
        let due = |delivery| due(delivery, delivery.created_at);
        deliveries.iter().map(|delivery| self.put_once(write_delivery(delivery, due(delivery)))).collect()
    }

    /// The writes of deliveries that their transaction's `due` entry carries. They have no entry of their own.
    pub(crate) fn put_carried(&self, deliveries: &[Delivery]) -> Result<Vec<TransactWriteItem>, StoreError> {
        deliveries.iter().map(|delivery| self.put_once(write_delivery(delivery, None))).collect()
    }

    /// One delivery, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_delivery(&self, id: &DeliveryId) -> Result<Option<Delivery>, StoreError> {
        let found = self.get(bill_pk(&id.app, id.mode, &id.bill), delivery_sk(id)).await?;
        found.as_ref().map(read_delivery).transpose()
    }

    /// The deliveries with these ids, strongly consistent, in no order. An id without a delivery is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_deliveries(&self, ids: &[DeliveryId]) -> Result<Vec<Delivery>, StoreError> {
        let key = |id: &DeliveryId| {
            let pk = text(bill_pk(&id.app, id.mode, &id.bill));
            HashMap::from([(PK.to_owned(), pk), (SK.to_owned(), text(delivery_sk(id)))])
        };
        let items = self.look_up(&self.tables.transactions, ids.iter().map(key).collect(), Freshness::Strong).await?;
        Ok(self.readable(&items, read_delivery))
    }

    /// A delivery and the transaction that it reports, for the attempt `attempt`.
    ///
    /// The first attempt comes right after the settlement and is by far the most frequent. It reads both in one eventually consistent
    /// query, at half the price. If the query does not show them yet, or in an unlikely state, they are read again, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_delivery_with_transaction(
        &self,
        id: &DeliveryId,
        attempt: u32,
    ) -> Result<Option<DeliveryWithTransaction>, StoreError> {
        if attempt == 1
            && let Some(told) = self.glance(id).await?
            && told.delivery.state == DeliveryState::Waiting
            && told.transaction.ended_at.is_some()
        {
            return Ok(Some(told));
        }
        let Some(delivery) = self.find_delivery(id).await? else { return Ok(None) };
        let bill = self.load_bill(&id.app, id.mode, &id.bill).await?;
        let told = bill.tries.into_iter().find(|told| told.id == id.transaction);
        let transaction = told.ok_or_else(|| StoreError::Stale { what: id.name() })?;
        // If its bill still carries it, the sweep removes the mark later.
        Ok(Some(DeliveryWithTransaction { delivery, transaction, carried: false }))
    }

    async fn glance(&self, id: &DeliveryId) -> Result<Option<DeliveryWithTransaction>, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(bill_pk(&id.app, id.mode, &id.bill)))
            .expression_attribute_values(":first", text(delivery_sk(id)))
            .expression_attribute_values(":last", text(format!("{TX_PREFIX}~")))
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of a delivery", error))?;
        let (mut delivery, mut transaction) = (None, None);
        for attributes in page.items() {
            let item = Item(attributes);
            let sk = item.text(SK)?;
            if sk == delivery_sk(id) {
                delivery = Some(read_delivery(attributes)?);
            } else if sk.starts_with(TX_PREFIX) && item.find_text("id") == Some(id.transaction.as_str()) {
                let carried = item.find_text(CARRIES) == Some(id.webhook.as_str());
                transaction = Some((read_transaction(attributes)?, carried));
            }
        }
        Ok(delivery.zip(transaction).map(|(delivery, (transaction, carried))| DeliveryWithTransaction {
            carried: carried && id.event == Event::PaymentSuccess,
            delivery,
            transaction,
        }))
    }

    /// All deliveries of a transaction, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load_deliveries(
        &self,
        app: &AppId,
        mode: Mode,
        bill: &BillNum,
        transaction: &TransactionId,
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut pages = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :deliveries)")
            .expression_attribute_values(":pk", text(bill_pk(app, mode, bill)))
            .expression_attribute_values(":deliveries", text(format!("{DELIVERY_PREFIX}{transaction}#")))
            .into_paginator()
            .send();
        let mut found = Vec::new();
        for _ in 0..DELIVERY_PAGES_MAX {
            let Some(page) = pages.next().await else { break };
            let page = page.map_err(|error| StoreError::dynamo("query of deliveries", error))?;
            found.extend(self.readable(page.items(), read_delivery));
        }
        Ok(found)
    }

    /// Notes that the target has a delivery, whatever became of it meanwhile. The delivery is not sent again, and counts neither as exhausted
    /// nor as cancelled. Returns the delivery as it was before, or `None` if there is no such delivery or it was known as received.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_as_received(
        &self,
        id: &DeliveryId,
        record: &AttemptRecord,
        now: Timestamp,
    ) -> Result<Option<Delivery>, StoreError> {
        for _ in 0..RECEIVED_TRIES_MAX {
            let Some(known) = self.find_delivery(id).await? else { return Ok(None) };
            if known.state == DeliveryState::Delivered {
                return Ok(None);
            }
            let after = Delivery { state: DeliveryState::Delivered, ..known.with_record(record.clone()) };
            if self.change_delivery(&known, &after, now).await? {
                return Ok(Some(known));
            }
        }
        Err(StoreError::Contended { what: id.name(), tries: RECEIVED_TRIES_MAX })
    }

    /// Writes a change of a delivery. `false` if another worker changed it first: then its attempt or state is not that of `before`, and
    /// nothing is written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn change_delivery(
        &self,
        before: &Delivery,
        after: &Delivery,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let id = &before.id;
        let mut sets = vec!["#state = :state", "attempt = :attempt", "next_ms = :next"];
        let mut removes = Vec::new();
        let mut update = self
            .dynamo
            .update_item()
            .table_name(&self.tables.transactions)
            .key(PK, text(bill_pk(&id.app, id.mode, &id.bill)))
            .key(SK, text(delivery_sk(id)))
            .condition_expression("#state = :was AND attempt = :n")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":was", text(before.state.name()))
            .expression_attribute_values(":n", number(i64::from(before.attempt)))
            .expression_attribute_values(":state", text(after.state.name()))
            .expression_attribute_values(":attempt", number(i64::from(after.attempt)))
            .expression_attribute_values(":next", time(after.due_at));
        let (due, by_time) = (due(after, now), by_time(after));
        let changes = [
            ("attempts_before = :before", ":before", attempts_before(after)),
            ("records = :records", ":records", records(after)),
            ("due_pk = :due", ":due", due.as_ref().map(|due| text(&due.pk))),
            ("due_ms = :look", ":look", due.as_ref().map(|due| time(due.at))),
            ("by_time_pk = :list", ":list", by_time.as_ref().map(|(list, _)| text(list))),
            ("by_time_sk = :place", ":place", by_time.as_ref().map(|(_, place)| text(place))),
        ];
        for (set, name, value) in changes {
            if let Some(value) = value {
                sets.push(set);
                update = update.expression_attribute_values(name, value);
            }
        }
        if due.is_none() {
            removes.extend([DUE_PK, DUE_MS]);
        }
        if by_time.is_none() && self::by_time(before).is_some() {
            removes.extend([BY_TIME_PK, BY_TIME_SK]);
        }
        let mut expression = format!("SET {}", sets.join(", "));
        if !removes.is_empty() {
            expression = format!("{expression} REMOVE {}", removes.join(", "));
        }
        // The record of an attempt has its beginning and its duration, so no two records are the same.
        self.update_once(update.update_expression(expression), "change of a delivery", |item| {
            read_delivery(item.0).is_ok_and(|found| found == *after)
        })
        .await
    }
}

/// The `due` entry of a waiting delivery, by which the sweep finds it.
fn due(delivery: &Delivery, now: Timestamp) -> Option<DueEntry> {
    let entry = || DueEntry { pk: due_pk(&delivery.id.transaction), at: Delivery::look_at(delivery.due_at, now) };
    (delivery.state == DeliveryState::Waiting).then(entry)
}

/// The place in the lists; `None` until the first attempt, and if that attempt was received. Its transaction shows it then. This saves each
/// payment an index write. What a merchant fetches is found by its place, so it has one from the beginning.
fn by_time(delivery: &Delivery) -> Option<(String, String)> {
    let at_once = delivery.is_rung_at_once();
    let is_new = delivery.state == DeliveryState::Waiting && delivery.attempt == 1 && at_once;
    let at_first = delivery.state == DeliveryState::Delivered && delivery.attempt == 2 && at_once;
    let place = || {
        let list = deliveries_pk(&delivery.id.app, &delivery.id.webhook, delivery.state, delivery.shard);
        (list, delivery_by_time_sk(delivery.created_at, &delivery.id))
    };
    (!is_new && !at_first).then(place)
}

fn attempts_before(delivery: &Delivery) -> Option<AttributeValue> {
    (delivery.attempts_before > 0).then(|| number(i64::from(delivery.attempts_before)))
}

/// One text of JSON, because it is always read and written as a whole.
fn records(delivery: &Delivery) -> Option<AttributeValue> {
    let json = serde_json::to_string(&delivery.records).ok().filter(|_| !delivery.records.is_empty());
    json.map(text)
}

fn write_delivery(delivery: &Delivery, due: Option<DueEntry>) -> Attributes {
    let id = &delivery.id;
    let by_time = by_time(delivery);
    let members = (!delivery.members.is_empty()).then(|| serde_json::Value::from(delivery.members.clone()).to_string());
    item(
        bill_pk(&id.app, id.mode, &id.bill),
        delivery_sk(id),
        [
            ("state", Some(text(delivery.state.name()))),
            ("attempt", Some(number(i64::from(delivery.attempt)))),
            ("attempts_before", attempts_before(delivery)),
            ("created_ms", Some(time(delivery.created_at))),
            ("next_ms", Some(time(delivery.due_at))),
            ("members", members.map(text)),
            ("shard", (delivery.shard != Shard::FIRST).then(|| number(delivery.shard.number().into()))),
            ("records", records(delivery)),
            (DUE_PK, due.as_ref().map(|due| text(&due.pk))),
            (DUE_MS, due.map(|due| time(due.at))),
            (BY_TIME_PK, by_time.as_ref().map(|(list, _)| text(list))),
            (BY_TIME_SK, by_time.as_ref().map(|(_, place)| text(place))),
        ],
    )
}

pub(crate) fn read_delivery(attributes: &Attributes) -> Result<Delivery, StoreError> {
    let item = Item(attributes);
    let count = |name| item.find_number(name)?.map(u32::try_from).transpose().map_err(|_| item.wrong(name));
    let shard = |number| u8::try_from(number).ok().and_then(Shard::new).ok_or_else(|| item.wrong("shard"));
    let json = |name: &'static str| item.find_text(name).unwrap_or_default().to_owned();
    let (members, records) = (json("members"), json("records"));
    let members = if members.is_empty() { Ok(serde_json::Map::new()) } else { serde_json::from_str(&members) };
    let records = if records.is_empty() { Ok(Vec::new()) } else { serde_json::from_str(&records) };
    Ok(Delivery {
        id: parse_delivery_key(item.text(PK)?, item.text(SK)?).ok_or_else(|| item.wrong(SK))?,
        members: members.map_err(|_| item.wrong("members"))?,
        shard: item.find_number("shard")?.map(shard).transpose()?.unwrap_or_default(),
        created_at: item.time("created_ms")?,
        state: item.parsed("state", DeliveryState::find)?,
        attempt: count("attempt")?.ok_or_else(|| item.wrong("attempt"))?,
        attempts_before: count("attempts_before")?.unwrap_or_default(),
        due_at: item.time("next_ms")?,
        records: records.map_err(|_| item.wrong("records"))?,
    })
}
