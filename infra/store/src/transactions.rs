//! Transactions. They are looked up by their bill, reserved once, and settled in one transaction of writes.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::{put_item::PutItemError, update_item::builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update, builders::UpdateBuilder},
};
use domain::{
    AppId, Author, Bill, BillNum, Checkout, CheckoutKey, Delivery, Extras, Fen, Judgement, Mode, PayerDigest,
    ProviderTradeNo, RefundSums, Settlement, Status, Subject, Timestamp, Transaction, TransactionId, TransactionKey,
    WebUrl, Webhook, WebhookId, deliveries, is_current, judge_in_bill,
};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, item, number, text, time},
    carried::{DueEntryChange, due_entry_change},
    checkouts::read_checkout,
    conditions::is_written,
    items::{Seen, Written},
    schema::{
        BILL_PREFIX, BY_TIME_PK, BY_TIME_SK, CARRIES, CHECKOUT_SK, CLOSING, DUE_MS, DUE_PK, PK, SK, bill_pk,
        by_time_pk, due_pk, parse_account, parse_shard, parse_transaction_key, transaction_by_time_sk, transaction_due,
        transaction_pk, transaction_sk,
    },
};

/// All tries of a bill, at most 99 small ones for each channel, fit in two pages of 1 MB. This only bounds the loop.
const BILL_PAGES_MAX: usize = 16;

/// How often a settlement is decided again because another writer was first. In each round one of them succeeds. If a notify loses more
/// often, its provider repeats it.
const SETTLE_TRIES_MAX: u32 = 10;

/// What [`Store::status_update`] sets.
pub(crate) const SETS_OF_STATUS: &str = "#status = :status, rev = :next, by_time_pk = :by_time";

/// The result of a try's reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// This caller has reserved it.
    New,
    /// Another caller reserved it first: this is that try.
    Taken(Box<Transaction>),
}

/// What a settlement needs beside the decision.
#[derive(Clone, Copy, Debug)]
pub struct SettlementContext<'a> {
    /// The app's webhooks.
    pub webhooks: &'a [Webhook],
    /// The time.
    pub now: Timestamp,
    /// When the sweep has to look at the transaction again; `None` if it does not have to.
    pub look_at: Option<Timestamp>,
}

/// The result of a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled<E> {
    /// There is no such transaction.
    NotFound,
    /// The decision was to refuse the report.
    Refused(Box<Transaction>, E),
    /// There was nothing new.
    Unchanged(Box<Transaction>),
    /// The new state is written, together with these deliveries.
    Changed(Box<Transaction>, Vec<Delivery>),
}

impl Store {
    /// A bill, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load_bill(&self, app: &AppId, mode: Mode, bill: &BillNum) -> Result<Bill, StoreError> {
        Ok(self.load_rows(Seen::Now, app, mode, bill).await?.into_bill())
    }

    /// The same as it was a moment ago, at half the price: for pages that ask again and again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn glance_at_bill(&self, app: &AppId, mode: Mode, bill: &BillNum) -> Result<Bill, StoreError> {
        Ok(self.load_rows(Seen::AMomentAgo, app, mode, bill).await?.into_bill())
    }

    /// A bill, with what is stored beside each try.
    async fn load_rows(&self, seen: Seen, app: &AppId, mode: Mode, bill: &BillNum) -> Result<BillRows, StoreError> {
        let mut pages = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .consistent_read(seen == Seen::Now)
            .key_condition_expression("pk = :pk AND begins_with(sk, :bill)")
            .expression_attribute_values(":pk", text(bill_pk(app, mode, bill)))
            .expression_attribute_values(":bill", text(BILL_PREFIX))
            .into_paginator()
            .send();
        let mut rows = BillRows { tries: Vec::new(), checkout: None };
        for _ in 0..BILL_PAGES_MAX {
            let Some(page) = pages.next().await else { return Ok(rows) };
            for attributes in page.map_err(|error| StoreError::dynamo("query of a bill", error))?.items() {
                if Item(attributes).text(SK)? == CHECKOUT_SK {
                    let key = CheckoutKey { app: app.clone(), mode, bill: bill.clone() };
                    rows.checkout = Some(read_checkout(key, attributes)?);
                } else {
                    rows.tries.push(read_row(attributes)?);
                }
            }
        }
        Err(StoreError::Item { key: bill_pk(app, mode, bill), attribute: "number of tries" })
    }

    /// One transaction, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_transaction(&self, key: &TransactionKey) -> Result<Option<Transaction>, StoreError> {
        Ok(self.find_row(Seen::Now, key).await?.map(|row| row.transaction))
    }

    /// Reserves a try. If many callers reserve the same try at once, one succeeds, and the others get that try.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reserve(&self, transaction: &Transaction) -> Result<Reserved, StoreError> {
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.transactions)
            .set_item(Some(write_transaction(transaction)))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match put.send().await {
            Ok(_) => return Ok(Reserved::New),
            Err(error) => error,
        };
        if let Some(PutItemError::ConditionalCheckFailedException(lost)) = error.as_service_error() {
            let theirs = lost.item().ok_or_else(|| stale(&transaction.key))?;
            let theirs = read_transaction(theirs)?;
            // The AWS client sent this write before, and the answer was lost.
            if theirs.id == transaction.id {
                return Ok(Reserved::New);
            }
            return Ok(Reserved::Taken(Box::new(theirs)));
        }
        Err(StoreError::dynamo("reservation", error))
    }

    /// Keeps the token of an open try, which the provider gives out once. `false` if the try is not open, or has a token already: then this
    /// token must not be handed out. The write raises the revision, so that a caller that is about to give the try up decides again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_token(&self, key: &TransactionKey, token: &str) -> Result<bool, StoreError> {
        let update = self
            .dynamo
            .update_item()
            .table_name(&self.tables.transactions)
            .key(PK, text(transaction_pk(key)))
            .key(SK, text(transaction_sk(key)))
            .update_expression("SET #token = :token, rev = rev + :one")
            .condition_expression(
                "#status = :open AND attribute_not_exists(#token) AND attribute_not_exists(superseded_ms)",
            )
            .expression_attribute_names("#token", "token")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":token", text(token))
            .expression_attribute_values(":open", text(Status::Created.name()))
            .expression_attribute_values(":one", number(1));
        is_written(update.send().await, "keeping a token")
    }

    /// Marks an open try as replaced and has the sweep close it at once. `false` if it is paid, closed or replaced meanwhile: then the
    /// charge has to be decided again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn supersede(&self, open: &Transaction, now: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .open_try_update(&open.key)
            .update_expression("SET superseded_ms = :now, due_pk = :due, due_ms = :now, rev = rev + :one")
            .condition_expression("#status = :open AND attribute_not_exists(superseded_ms)")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":due", text(due_pk(&open.id)));
        is_written(update.send().await, "replacement of a try")
    }

    fn open_try_update(&self, key: &TransactionKey) -> UpdateItemFluentBuilder {
        self.dynamo
            .update_item()
            .table_name(&self.tables.transactions)
            .key(PK, text(transaction_pk(key)))
            .key(SK, text(transaction_sk(key)))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":open", text(Status::Created.name()))
            .expression_attribute_values(":one", number(1))
    }

    /// Reads a transaction, lets `decide` change it, judges the change by the whole bill, and writes it together with one delivery for each of
    /// `webhooks` that subscribed to an event, in one transaction. `decide` may run again if another writer was first. If there is a `look_at`,
    /// the sweep looks at the transaction again at that time. A bill is one item collection, so reading it costs as much as reading one try.
    ///
    /// The first read is eventually consistent, at half the price, and may show an old row. A change of a bill's only try that is decided on it
    /// is written under the condition that the row is still the same. Any other decision is made again on a strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle<E>(
        &self,
        key: &TransactionKey,
        SettlementContext { webhooks, now, look_at }: SettlementContext<'_>,
        decide: impl Fn(&Transaction) -> Result<Settlement, E>,
    ) -> Result<Settled<E>, StoreError> {
        let mut seen = Seen::AMomentAgo;
        for round in 0..=SETTLE_TRIES_MAX {
            let rows = self.load_rows(seen, &key.app, key.mode, &key.bill).await?;
            let found = rows.tries.iter().find(|row| row.transaction.key == *key).cloned();
            let bill = rows.into_bill();
            let in_bill = |before: &Transaction| Ok(judge_in_bill(before, decide(before)?, &bill));
            let decided = found.as_ref().map(|row| in_bill(&row.transaction));
            // The condition covers one row. What the decision takes from other tries may be old, and so may the server's price. But a new price
            // also marks what clients opened at another one, unless it is closed or marked already.
            let is_alone = bill.tries.len() == 1 && bill.tries.iter().all(is_current);
            let is_certain = matches!(decided, Some(Ok(Settlement::Changed { .. }))) && is_alone;
            if std::mem::replace(&mut seen, Seen::Now) == Seen::AMomentAgo && !is_certain {
                continue;
            }
            let (Some(row), Some(decided)) = (found, decided) else { return Ok(Settled::NotFound) };
            let (after, events) = match decided {
                Err(refusal) => return Ok(Settled::Refused(Box::new(row.transaction), refusal)),
                Ok(Settlement::Unchanged) => return Ok(Settled::Unchanged(Box::new(row.transaction))),
                Ok(Settlement::Changed { transaction, events }) => (transaction, events),
            };
            let of_event = |occurred| deliveries(&after, occurred, webhooks, now);
            let deliveries: Vec<Delivery> = events.iter().flat_map(of_event).collect();
            let due_entry = due_entry_change(&row, &after, &deliveries, look_at, now);
            if self.write_settlement(&after, row.revision, due_entry, &deliveries).await? == Written::Done {
                return Ok(Settled::Changed(after, deliveries));
            }
            // The other writer needs a moment to finish; the client does not retry a conflict.
            tokio::time::sleep(Duration::from_millis(5) * (round + 1)).await;
        }
        Err(StoreError::Contended { what: name(key), tries: SETTLE_TRIES_MAX })
    }

    pub(crate) async fn find_row(&self, seen: Seen, key: &TransactionKey) -> Result<Option<Row>, StoreError> {
        let found = self.get_as(seen, transaction_pk(key), transaction_sk(key)).await?;
        found.as_ref().map(read_row).transpose()
    }

    /// `Lost` if another writer changed the transaction since `revision`, or is changing it now.
    async fn write_settlement(
        &self,
        after: &Transaction,
        revision: i64,
        due_entry: DueEntryChange,
        deliveries: &[Delivery],
    ) -> Result<Written, StoreError> {
        let carried = matches!(due_entry, DueEntryChange::Carry(..));
        let update = self.settlement_update(after, revision, due_entry).build();
        let update = update.map_err(|error| StoreError::dynamo("building a settlement", error))?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        let (first, rest) = deliveries.split_at(usize::from(carried).min(deliveries.len()));
        writes.extend(self.put_carried(first)?);
        writes.extend(self.put_deliveries(rest)?);
        self.write_all(writes, "settlement").await
    }

    /// The part of an update that settlements and refunds share: it sets the status by [`SETS_OF_STATUS`], under the condition that the row
    /// is at `revision`.
    pub(crate) fn status_update(&self, after: &Transaction, revision: i64) -> UpdateBuilder {
        let key = &after.key;
        Update::builder()
            .table_name(&self.tables.transactions)
            .key(PK, text(transaction_pk(key)))
            .key(SK, text(transaction_sk(key)))
            .condition_expression("rev = :rev")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text(after.status.name()))
            .expression_attribute_values(":rev", number(revision))
            .expression_attribute_values(":next", number(revision + 1))
            .expression_attribute_values(
                ":by_time",
                text(by_time_pk(&key.app, key.mode, key.channel, after.status, after.shard)),
            )
    }

    /// The update names only the attributes that a settlement changes, so that those of a newer version survive.
    fn settlement_update(&self, after: &Transaction, revision: i64, due_entry: DueEntryChange) -> UpdateBuilder {
        let mut sets = vec![SETS_OF_STATUS];
        let mut update = self.status_update(after, revision);
        let (mut look_at, mut carries, mut removes) = (None, None, "");
        match due_entry {
            DueEntryChange::Keep => {}
            DueEntryChange::Remove => removes = " REMOVE due_pk, due_ms",
            DueEntryChange::MoveTo(moment) => look_at = Some(moment),
            DueEntryChange::Carry(webhook, due) => {
                // If the entry is not as it was read, the settlement is decided again.
                update = update.condition_expression("rev = :rev AND due_ms = :seen");
                update = update.expression_attribute_values(":seen", time(due));
                carries = Some(text(webhook.as_str()));
            }
        }
        let rest = [
            ("ended_ms = :ended", ":ended", after.ended_at.map(time)),
            ("judged_price = :judged", ":judged", after.judgement.map(write_judgement)),
            ("trade_no = :trade", ":trade", after.trade_no.as_ref().map(|trade_no| text(trade_no.as_str()))),
            ("refunded_fee = :refunded", ":refunded", after.refunded.map(|fee| number(fee.get()))),
            ("due_pk = :due", ":due", look_at.map(|_| text(due_pk(&after.id)))),
            ("due_ms = :look", ":look", look_at.map(time)),
            ("#closing = :closing", ":closing", after.closing().map(|closing| text(closing.name()))),
            ("carries = :carries", ":carries", carries),
        ];
        if after.closing().is_some() {
            update = update.expression_attribute_names("#closing", CLOSING);
        }
        for (set, name, value) in rest {
            if let Some(value) = value {
                sets.push(set);
                update = update.expression_attribute_values(name, value);
            }
        }
        update.update_expression(format!("SET {}{removes}", sets.join(", ")))
    }
}

fn name(key: &TransactionKey) -> String {
    format!("{} / {}", transaction_pk(key), transaction_sk(key))
}

/// A bill, with what is stored beside each try.
struct BillRows {
    tries: Vec<Row>,
    checkout: Option<Checkout>,
}

impl BillRows {
    fn into_bill(self) -> Bill {
        Bill { tries: self.tries.into_iter().map(|row| row.transaction).collect(), checkout: self.checkout }
    }
}

/// A transaction, with what is stored beside it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) transaction: Transaction,
    pub(crate) revision: i64,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) carries: Option<WebhookId>,
}

pub(crate) fn read_row(attributes: &Attributes) -> Result<Row, StoreError> {
    let item = Item(attributes);
    Ok(Row {
        transaction: read_transaction(attributes)?,
        revision: item.number("rev")?,
        due_at: item.find_time(DUE_MS)?,
        carries: item.find_parsed(CARRIES, |id| WebhookId::parse(id).ok())?,
    })
}

fn stale(key: &TransactionKey) -> StoreError {
    StoreError::Stale { what: name(key) }
}

fn write_transaction(transaction: &Transaction) -> Attributes {
    let key = &transaction.key;
    let due = transaction_due(transaction);
    item(
        transaction_pk(key),
        transaction_sk(key),
        [
            ("rev", Some(number(1))),
            ("id", Some(text(transaction.id.as_str()))),
            ("fee", Some(number(transaction.fee.get()))),
            ("subject", Some(text(transaction.subject.as_str()))),
            ("extras", transaction.extras.as_ref().map(|extras| text(extras.as_json()))),
            ("created_ms", Some(time(transaction.created_at))),
            ("expires_ms", Some(time(transaction.expires_at))),
            ("author", (transaction.author != Author::Client).then(|| text(AUTHOR_SERVER))),
            ("visitor", (transaction.author == Author::Visitor).then(|| AttributeValue::Bool(true))),
            ("payer", transaction.payer.as_ref().map(|payer| text(payer.as_str()))),
            ("superseded_ms", transaction.superseded_at.map(time)),
            ("token", transaction.token.as_ref().map(text)),
            ("return_url", transaction.return_url.as_ref().map(|url| text(url.as_str()))),
            ("status", Some(text(transaction.status.name()))),
            ("ended_ms", transaction.ended_at.map(time)),
            ("judged_price", transaction.judgement.map(write_judgement)),
            ("trade_no", transaction.trade_no.as_ref().map(|trade_no| text(trade_no.as_str()))),
            ("refunded_fee", transaction.refunded.map(|fee| number(fee.get()))),
            (
                BY_TIME_PK,
                Some(text(by_time_pk(&key.app, key.mode, key.channel, transaction.status, transaction.shard))),
            ),
            (BY_TIME_SK, Some(text(transaction_by_time_sk(transaction)))),
            (DUE_PK, due.as_ref().map(|due| text(&due.pk))),
            (DUE_MS, due.map(|due| time(due.at))),
        ],
    )
}

/// The price, or 0 if the payment went back before there was one.
pub(crate) fn write_judgement(judgement: Judgement) -> AttributeValue {
    number(match judgement {
        Judgement::ByPrice(price) => price.get(),
        Judgement::WentBack => 0,
    })
}

fn read_judgement(item: &Item<'_>, price: i64) -> Result<Judgement, StoreError> {
    if price == 0 {
        return Ok(Judgement::WentBack);
    }
    Fen::new(price).map(Judgement::ByPrice).map_err(|_| item.wrong("judged_price"))
}

/// Only the tries of the server and of its checkout's visitors have an author. A row without one counts as a client's, as the rows of older
/// versions do. Older versions read a visitor's try as the server's.
pub(crate) const AUTHOR_SERVER: &str = "server";

fn read_author(item: &Item<'_>) -> Result<Author, StoreError> {
    let is_of_server = item.find_parsed("author", |text| (text == AUTHOR_SERVER).then_some(()))?.is_some();
    Ok(match (is_of_server, item.0.contains_key("visitor")) {
        (false, _) => Author::Client,
        (true, false) => Author::Server,
        (true, true) => Author::Visitor,
    })
}

pub(crate) fn read_key(item: &Item<'_>) -> Result<TransactionKey, StoreError> {
    parse_transaction_key(item.text(PK)?, item.text(SK)?).ok_or_else(|| item.wrong(SK))
}

pub(crate) fn read_fee(item: &Item<'_>) -> Result<Fen, StoreError> {
    Fen::new(item.number("fee")?).map_err(|_| item.wrong("fee"))
}

pub(crate) fn read_refunded(item: &Item<'_>) -> Result<Option<Fen>, StoreError> {
    find_fen(item, "refunded_fee")
}

fn find_fen(item: &Item<'_>, name: &'static str) -> Result<Option<Fen>, StoreError> {
    item.find_number(name)?.map(|fen| Fen::new(fen).map_err(|_| item.wrong(name))).transpose()
}

/// A sum may be zero.
fn read_sum(item: &Item<'_>, name: &'static str) -> Result<Option<Fen>, StoreError> {
    let sum = item.find_number(name)?.filter(|sum| *sum != 0);
    sum.map(|fen| Fen::new(fen).map_err(|_| item.wrong(name))).transpose()
}

pub(crate) fn read_transaction(attributes: &Attributes) -> Result<Transaction, StoreError> {
    let item = Item(attributes);
    Ok(Transaction {
        key: read_key(&item)?,
        id: item.parsed("id", |id| TransactionId::parse(id).ok())?,
        shard: item.parsed(BY_TIME_PK, parse_shard)?,
        account: item.parsed(BY_TIME_SK, parse_account)?,
        fee: read_fee(&item)?,
        subject: item.parsed("subject", Subject::parse)?,
        extras: item.find_parsed("extras", Extras::parse_kept)?,
        created_at: item.time("created_ms")?,
        expires_at: item.time("expires_ms")?,
        author: read_author(&item)?,
        payer: item.find_parsed("payer", PayerDigest::parse)?,
        superseded_at: item.find_time("superseded_ms")?,
        token: item.find_text("token").map(str::to_owned),
        return_url: item.find_parsed("return_url", WebUrl::parse)?,
        status: item.parsed("status", Status::find)?,
        ended_at: item.find_time("ended_ms")?,
        judgement: item.find_number("judged_price")?.map(|price| read_judgement(&item, price)).transpose()?,
        trade_no: item.find_parsed("trade_no", ProviderTradeNo::parse)?,
        refunded: read_refunded(&item)?,
        refunds: RefundSums {
            pending: read_sum(&item, "refund_pending")?,
            committed: read_sum(&item, "refund_committed")?,
        },
    })
}
