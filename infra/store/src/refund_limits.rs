//! What operators refunded on a day, and the refunds that wait for an owner's approval. Both are in one collection for an app and a mode.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem, Update};
use domain::{AppId, Day, Fen, Mode, ProposedRefund, RefundNum, Timestamp, TransactionId, TransactionKey};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, item, number, text, time},
    conditions::is_written,
    items::Written,
    schema::{
        PK, PROPOSED_PREFIX, SK, TTL, VERSION_WRITTEN, parse_transaction_key, refund_limits_pk, transaction_pk,
        transaction_sk,
    },
    transactions::read_fee,
};

/// Refunds that wait for approval in one app and mode. All of them are on one page.
const PROPOSED_MAX: usize = 100;

/// A page has a megabyte, some thousand proposals. Those that lapsed are among them until the table deletes them.
const PAGES_MAX: usize = 8;

/// The condition that a proposal is the one that was read.
const SAME: &str = "requested_ms = :at AND fee = :fee";

/// How long a day's count is kept, and how long a refund waits for approval.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The result of proposing a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposed {
    /// It waits for approval.
    Kept,
    /// A refund with this number waits already.
    Known(Box<ProposedRefund>),
    /// Too many are waiting.
    Full,
}

impl Store {
    /// What operators refunded on a day, in fen; `None` before the first refund.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refunded_by_operators(&self, app: &AppId, mode: Mode, day: &Day) -> Result<Option<i64>, StoreError> {
        let found = self.get(refund_limits_pk(app, mode), day_sk(day)).await?;
        found.map(|attributes| Item(&attributes).number("fee")).transpose()
    }

    /// The write that counts a refund of this payment after those of `before`. It fails if another refund of the day is counted first.
    pub(crate) fn count_refunded(
        &self,
        key: &TransactionKey,
        day: &Day,
        before: Option<i64>,
        fee: Fen,
    ) -> Result<TransactWriteItem, StoreError> {
        let unchanged = if before.is_some() { "fee = :before" } else { "attribute_not_exists(pk)" };
        let mut update = Update::builder()
            .table_name(&self.tables.transactions)
            .key(PK, text(refund_limits_pk(&key.app, key.mode)))
            .key(SK, text(day_sk(day)))
            .update_expression("SET fee = :after, #ttl = :ttl, v = :v")
            .condition_expression(unchanged)
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":after", number(before.unwrap_or_default() + fee.get()))
            .expression_attribute_values(":ttl", number(day.start().plus(KEPT).ms() / 1000))
            .expression_attribute_values(":v", number(VERSION_WRITTEN));
        if let Some(before) = before {
            update = update.expression_attribute_values(":before", number(before));
        }
        let update = update.build().map_err(|error| StoreError::dynamo("building a count of refunds", error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Keeps a refund until an owner approves or declines it, at the most for a month.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn propose_refund(&self, proposed: &ProposedRefund) -> Result<Proposed, StoreError> {
        let (app, mode, now) = (&proposed.key.app, proposed.key.mode, proposed.at);
        if let Some(known) = self.find_proposed_refund(app, mode, &proposed.num, now).await? {
            return Ok(Proposed::Known(Box::new(known)));
        }
        if self.proposed_refunds(app, mode, now).await?.len() >= PROPOSED_MAX {
            return Ok(Proposed::Full);
        }
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.transactions)
            .set_item(Some(write_proposed(proposed)))
            .condition_expression("attribute_not_exists(pk) OR requested_ms < :lapsed")
            .expression_attribute_values(":lapsed", time(lapsed_before(now)));
        if is_written(put.send().await, "proposal of a refund")? {
            return Ok(Proposed::Kept);
        }
        let known = self.find_proposed_refund(app, mode, &proposed.num, now).await?;
        Ok(Proposed::Known(Box::new(known.ok_or_else(|| stale(proposed))?)))
    }

    /// The refunds that wait for approval, the earliest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn proposed_refunds(
        &self,
        app: &AppId,
        mode: Mode,
        now: Timestamp,
    ) -> Result<Vec<ProposedRefund>, StoreError> {
        let mut proposed = Vec::new();
        let mut from = None;
        for _ in 0..PAGES_MAX {
            let page = self
                .dynamo
                .query()
                .table_name(&self.tables.transactions)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .filter_expression("requested_ms >= :lapsed")
                .expression_attribute_values(":pk", text(refund_limits_pk(app, mode)))
                .expression_attribute_values(":prefix", text(PROPOSED_PREFIX))
                .expression_attribute_values(":lapsed", time(lapsed_before(now)))
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|error| StoreError::dynamo("list of proposed refunds", error))?;
            proposed.extend(self.readable(page.items(), read_proposed));
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        proposed.sort_by_key(|one| (one.at, one.num.clone()));
        Ok(proposed)
    }

    /// The refund with this number that waits for approval.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_proposed_refund(
        &self,
        app: &AppId,
        mode: Mode,
        num: &RefundNum,
        now: Timestamp,
    ) -> Result<Option<ProposedRefund>, StoreError> {
        let found = self.get(refund_limits_pk(app, mode), proposed_sk(num)).await?;
        let found = found.map(|attributes| read_proposed(&attributes)).transpose()?;
        Ok(found.filter(|one| one.at >= lapsed_before(now)))
    }

    /// Ends the wait for approval without a refund. `false` if it had ended before, or is another one now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn decline_refund(&self, proposed: &ProposedRefund) -> Result<bool, StoreError> {
        let written = self.write_all(vec![self.end_with_refund(proposed)?], "end of a proposed refund").await?;
        Ok(matches!(written, Written::Done))
    }

    /// The write that ends a proposal together with the reservation of its refund. It fails if the proposal ended, or is another one now.
    pub(crate) fn end_with_refund(&self, proposed: &ProposedRefund) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.tables.transactions)
            .key(PK, text(refund_limits_pk(&proposed.key.app, proposed.key.mode)))
            .key(SK, text(proposed_sk(&proposed.num)))
            .condition_expression(SAME)
            .expression_attribute_values(":at", time(proposed.at))
            .expression_attribute_values(":fee", number(proposed.fee.get()))
            .build()
            .map_err(|error| StoreError::dynamo("building the end of a proposed refund", error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// # Errors
    /// [`StoreError::Stale`] if the proposal ended, or is another one now.
    pub(crate) async fn must_be_proposed(&self, proposed: &ProposedRefund) -> Result<(), StoreError> {
        let key = &proposed.key;
        let now = self.find_proposed_refund(&key.app, key.mode, &proposed.num, proposed.at).await?;
        if now.as_ref() == Some(proposed) { Ok(()) } else { Err(stale(proposed)) }
    }
}

fn stale(proposed: &ProposedRefund) -> StoreError {
    StoreError::Stale { what: format!("proposed refund {}", proposed.num) }
}

/// What was proposed before this moment waits no longer. The table deletes it some days later.
fn lapsed_before(now: Timestamp) -> Timestamp {
    now.minus(KEPT)
}

fn day_sk(day: &Day) -> String {
    format!("DAY#{day}")
}

fn proposed_sk(num: &RefundNum) -> String {
    format!("{PROPOSED_PREFIX}{num}")
}

fn write_proposed(proposed: &ProposedRefund) -> Attributes {
    let key = &proposed.key;
    item(
        refund_limits_pk(&key.app, key.mode),
        proposed_sk(&proposed.num),
        [
            ("bill", Some(text(transaction_pk(key)))),
            ("transaction", Some(text(transaction_sk(key)))),
            ("id", Some(text(proposed.transaction.as_str()))),
            ("fee", Some(number(proposed.fee.get()))),
            ("reason", proposed.reason.as_ref().map(text)),
            ("who", Some(text(&proposed.by))),
            ("requested_ms", Some(time(proposed.at))),
            (TTL, Some(number(proposed.at.plus(KEPT).ms() / 1000))),
        ],
    )
}

fn read_proposed(attributes: &Attributes) -> Result<ProposedRefund, StoreError> {
    let item = Item(attributes);
    let bill = item.text("bill")?;
    Ok(ProposedRefund {
        key: item.parsed("transaction", |sk| parse_transaction_key(bill, sk))?,
        transaction: item.parsed("id", |id| TransactionId::parse(id).ok())?,
        num: item.parsed(SK, |sk| RefundNum::parse(sk.strip_prefix(PROPOSED_PREFIX)?))?,
        fee: read_fee(&item)?,
        reason: item.find_text("reason").map(str::to_owned),
        by: item.text("who")?.to_owned(),
        at: item.time("requested_ms")?,
    })
}
