//! The books, read on and on: for the comparison with a provider's bill, which goes through everything that was ever charged in a time.
//!
//! Unlike [`crate::records`] it merges nothing and leaves the merchant's own data out, so that a page is small and none is read twice.

use std::ops::Bound;

use domain::{AppId, Channel, EndedRefund, Mode, Record, RefundNum, Shard, Status, Timestamp, TransactionId};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, text},
    records::read_record,
    schema::{BEHIND, BY_TIME, PK, SK, by_time_ms, by_time_pk, by_time_sk, ended_refunds_pk, parse_refund_key},
    transactions::read_fee,
};

/// A record without the merchant's data has some 300 bytes.
const PAGE: i32 = 1000;

/// What is read of a record, and of a refund that ended.
const READ: &str = "pk, sk, by_time_sk, id, fee, created_ms, ended_ms, refunded_fee, #status";

/// One kind of record: all are read in the order of their ids.
#[derive(Clone, Copy, Debug)]
pub struct Shelf<'a> {
    /// Whose.
    pub app: &'a AppId,
    /// Real payments, or tests.
    pub mode: Mode,
    /// On which channel.
    pub channel: Channel,
    /// In which status.
    pub status: Status,
    /// In which of the app's shards.
    pub shard: Shard,
}

/// A stretch of the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BooksRange {
    start: String,
    end: String,
}

impl BooksRange {
    /// What was charged between two moments, both in, and within two ids.
    pub fn new(
        (start, end): (Timestamp, Timestamp),
        (first, last): (Bound<&TransactionId>, Bound<&TransactionId>),
    ) -> Self {
        let start = match first {
            Bound::Unbounded => String::new(),
            Bound::Included(id) => sort_key(id),
            Bound::Excluded(id) => format!("{}{BEHIND}", sort_key(id)),
        }
        .max(by_time_ms(start));
        let end = format!("{}{BEHIND}", by_time_ms(end));
        let end = match last {
            Bound::Unbounded => end,
            Bound::Included(id) | Bound::Excluded(id) => end.min(format!("{}{BEHIND}", sort_key(id))),
        };
        Self { start, end }
    }
}

/// An id that was made at no moment sorts behind all.
fn sort_key(id: &TransactionId) -> String {
    id.created_at().map_or_else(|| BEHIND.to_owned(), |created_at| by_time_sk(created_at, id))
}

/// Where the next page begins.
#[derive(Clone, Debug)]
pub struct BooksCursor(Attributes);

impl Store {
    /// A page of a shelf, lowest id first. The records come without the merchant's own data.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn books(
        &self,
        shelf: &Shelf<'_>,
        range: &BooksRange,
        from: Option<BooksCursor>,
    ) -> Result<(Vec<Record>, Option<BooksCursor>), StoreError> {
        let pk = by_time_pk(shelf.app, shelf.mode, (shelf.channel, shelf.status), shelf.shard);
        let (items, next) = self.books_page(pk, range, from).await?;
        Ok((self.readable(&items, read_record), next))
    }

    /// A page of the refunds of a channel that went back between two moments, the first first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ended_refunds(
        &self,
        (app, mode, channel): (&AppId, Mode, Channel),
        moments: (Timestamp, Timestamp),
        from: Option<BooksCursor>,
    ) -> Result<(Vec<EndedRefund>, Option<BooksCursor>), StoreError> {
        let range = BooksRange::new(moments, (Bound::Unbounded, Bound::Unbounded));
        let (items, next) = self.books_page(ended_refunds_pk(app, mode, channel), &range, from).await?;
        Ok((self.readable(&items, read_ended_refund), next))
    }

    async fn books_page(
        &self,
        pk: String,
        range: &BooksRange,
        from: Option<BooksCursor>,
    ) -> Result<(Vec<Attributes>, Option<BooksCursor>), StoreError> {
        if range.start > range.end {
            return Ok((Vec::new(), None));
        }
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .index_name(BY_TIME)
            .key_condition_expression("by_time_pk = :pk AND by_time_sk BETWEEN :start AND :end")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":start", text(&range.start))
            .expression_attribute_values(":end", text(&range.end))
            .projection_expression(READ)
            .expression_attribute_names("#status", "status")
            .limit(PAGE)
            .set_exclusive_start_key(from.map(|cursor| cursor.0))
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of the books", error))?;
        let next = page.last_evaluated_key.map(BooksCursor);
        Ok((page.items.unwrap_or_default(), next))
    }
}

fn read_ended_refund(attributes: &Attributes) -> Result<EndedRefund, StoreError> {
    let item = Item(attributes);
    let ((_, _, bill), num): (_, RefundNum) =
        parse_refund_key(item.text(PK)?, item.text(SK)?).ok_or_else(|| item.wrong(SK))?;
    Ok(EndedRefund {
        num,
        transaction: item.parsed("id", |id| TransactionId::parse(id).ok())?,
        bill,
        fee: read_fee(&item)?,
        requested_at: item.time("created_ms")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_within_its_moments_and_its_ids() {
        let at = Timestamp::clamped;
        let id = |ms: i64| TransactionId::generate(at(ms), [7; 6]);
        let stray = TransactionId::parse("ffffffffffffffffffffffff").unwrap();
        let range = |first, last| BooksRange::new((at(100), at(200)), (first, last));
        let is_in = |range: &BooksRange, id: &TransactionId| (&range.start..=&range.end).contains(&&sort_key(id));
        let all = range(Bound::Unbounded, Bound::Unbounded);
        for (ms, inside) in [(99, false), (100, true), (200, true), (201, false)] {
            assert_eq!(is_in(&all, &id(ms)), inside, "{ms}");
        }
        let (low, high) = (id(120), id(150));
        let some = range(Bound::Excluded(&low), Bound::Included(&high));
        for (ms, inside) in [(119, false), (120, false), (121, true), (150, true), (151, false)] {
            assert_eq!(is_in(&some, &id(ms)), inside, "{ms}");
        }
        assert!(is_in(&range(Bound::Included(&low), Bound::Unbounded), &low));
        assert_eq!(range(Bound::Unbounded, Bound::Included(&stray)), all);
        let behind = range(Bound::Excluded(&stray), Bound::Unbounded);
        assert!(behind.start > behind.end);
    }
}
