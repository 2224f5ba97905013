//! Reads our books for the comparison with a provider's bill: everything that was charged in a span of time, page by page.
//!
//! Unlike [`crate::records`], it merges no lists and leaves the merchant's own data out. So pages are small, and no page is read twice.

use std::ops::Bound;

use domain::{AppId, Channel, EndedRefund, Mode, Record, RefundKey, Shard, Status, TimeSpan, TransactionId};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, text},
    records::read_record,
    schema::{BY_TIME, PK, SK, SORTS_LAST, by_time_ms, by_time_pk, by_time_sk, ended_refunds_pk, parse_refund_key},
    transactions::read_fee,
};

/// How many records a page has. A record without the merchant's data has some 300 bytes.
const PAGE: i32 = 1000;

/// The attributes that are read of a record, and of a refund that ended.
const READ: &str = "pk, sk, by_time_sk, id, fee, created_ms, ended_ms, refunded_fee, #status";

/// A list of records in the index `by_time`, in the order of their ids.
#[derive(Clone, Copy, Debug)]
pub struct RecordList<'a> {
    /// The app.
    pub app: &'a AppId,
    /// The mode.
    pub mode: Mode,
    /// The channel.
    pub channel: Channel,
    /// The status.
    pub status: Status,
    /// The shard of the app.
    pub shard: Shard,
}

/// A range of the books, by time and by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BooksRange {
    start: String,
    end: String,
}

impl BooksRange {
    /// Everything that was charged within `span`.
    pub fn new(span: TimeSpan) -> Self {
        Self::within(span, Bound::Unbounded, Bound::Unbounded)
    }

    /// Everything that was charged within `span` and has an id within these bounds.
    pub fn within(span: TimeSpan, first: Bound<&TransactionId>, last: Bound<&TransactionId>) -> Self {
        let start = match first {
            Bound::Unbounded => String::new(),
            Bound::Included(id) => sort_key(id),
            Bound::Excluded(id) => format!("{}{SORTS_LAST}", sort_key(id)),
        }
        .max(by_time_ms(span.start));
        let end = format!("{}{SORTS_LAST}", by_time_ms(span.end));
        let end = match last {
            Bound::Unbounded => end,
            Bound::Included(id) | Bound::Excluded(id) => end.min(format!("{}{SORTS_LAST}", sort_key(id))),
        };
        Self { start, end }
    }
}

/// An id without a time sorts after all others.
fn sort_key(id: &TransactionId) -> String {
    id.created_at().map_or_else(|| SORTS_LAST.to_owned(), |created_at| by_time_sk(created_at, id))
}

/// Where the next page begins.
#[derive(Clone, Debug)]
pub struct BooksCursor(Attributes);

/// A page of the books.
#[derive(Clone, Debug)]
pub struct BooksPage<T> {
    /// The records or refunds.
    pub items: Vec<T>,
    /// Whether all of them could be read.
    pub is_whole: bool,
    /// Where the next page begins; `None` for the last page.
    pub next: Option<BooksCursor>,
}

impl Store {
    /// A page of a list, lowest id first. The records come without the merchant's own data.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn books(
        &self,
        list: &RecordList<'_>,
        range: &BooksRange,
        from: Option<BooksCursor>,
    ) -> Result<BooksPage<Record>, StoreError> {
        let pk = by_time_pk(list.app, list.mode, list.channel, list.status, list.shard);
        Ok(self.read_books(self.books_page(pk, range, from).await?, read_record))
    }

    /// A page of a channel's refunds that succeeded between two moments, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ended_refunds(
        &self,
        app: &AppId,
        mode: Mode,
        channel: Channel,
        span: TimeSpan,
        from: Option<BooksCursor>,
    ) -> Result<BooksPage<EndedRefund>, StoreError> {
        let range = BooksRange::new(span);
        let page = self.books_page(ended_refunds_pk(app, mode, channel), &range, from).await?;
        Ok(self.read_books(page, read_ended_refund))
    }

    fn read_books<T>(
        &self,
        BooksPage { items, next, .. }: BooksPage<Attributes>,
        read: fn(&Attributes) -> Result<T, StoreError>,
    ) -> BooksPage<T> {
        let found = self.readable(&items, read);
        BooksPage { is_whole: found.len() == items.len(), items: found, next }
    }

    async fn books_page(
        &self,
        pk: String,
        range: &BooksRange,
        from: Option<BooksCursor>,
    ) -> Result<BooksPage<Attributes>, StoreError> {
        if range.start > range.end {
            return Ok(BooksPage { items: Vec::new(), is_whole: true, next: None });
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
        Ok(BooksPage { items: page.items.unwrap_or_default(), is_whole: true, next })
    }
}

fn read_ended_refund(attributes: &Attributes) -> Result<EndedRefund, StoreError> {
    let item = Item(attributes);
    let RefundKey { bill, num, .. } = parse_refund_key(item.text(PK)?, item.text(SK)?).ok_or_else(|| item.wrong(SK))?;
    Ok(EndedRefund {
        num,
        transaction: item.parsed("id", |id| TransactionId::parse(id).ok())?,
        bill,
        fee: read_fee(&item)?,
        requested_at: item.time("created_ms")?,
        ended_at: item.time("ended_ms")?,
    })
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    #[test]
    fn a_stretch_is_within_its_moments_and_its_ids() {
        let at = Timestamp::clamped;
        let id = |ms: i64| TransactionId::generate(at(ms), [7; 6]);
        let stray = TransactionId::parse("ffffffffffffffffffffffff").unwrap();
        let span = TimeSpan { start: at(100), end: at(200) };
        let range = |first, last| BooksRange::within(span, first, last);
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
        let empty = range(Bound::Excluded(&stray), Bound::Unbounded);
        assert!(empty.start > empty.end);
    }
}
