//! A bill's lines beside our books, window by window: both are sorted by the order's id, which begins with the time of its charge.
//!
//! So no line is looked up: whatever of ours was charged in the time of a window is in the stretch of the books that is read for it.
//! Only a line about an older order is, which is a refund as a rule; and a line about an order that is younger than the day is
//! nobody's here.

use std::{collections::HashMap, ops::Bound, time::Duration};

use domain::{
    KnownRefund, Listed, ListedRefund, Record, Refund, RefundNum, Status, Timestamp, TransactionId, Window,
    is_payment_of, judge_listed, judge_listed_refund, missing_there,
};
use futures_util::future::try_join_all;
use providers::{Account, MessageProblem, ProviderError};
use runtime::ApiError;
use store::{BooksRange, StoreError};

use super::{
    Books, Findings, LINES_AT_ONCE, LOOKED_UP_AT_ONCE, Pages,
    accounts::Holding,
    bill::{Bill, Unread},
};

/// The longest `billTimeout` and a day for what was settled late.
pub(super) const CHARGED_BEFORE: Duration = Duration::from_secs(16 * 24 * 3600);

/// A record that is refunded between the two readings is seen in neither, and never in both: what is listed of it is looked for
/// once more.
const PAID: [Status; 2] = [Status::Refund, Status::Success];

/// In the order in which a record goes through them: one that goes on between two readings is seen in one of them.
const ALL: [Status; 4] = [Status::Created, Status::Closed, Status::Success, Status::Refund];

/// Our payments of the day that its bill does not list.
type Unlisted = HashMap<TransactionId, Record>;

/// Refunds that are listed, each with our record of its payment.
type Refunds = Vec<(Listed, Record)>;

impl Books<'_> {
    /// Goes through the whole bill and all our payments of the day. The number of the bill's lines that look like ours.
    pub(super) async fn compare_payments(
        &self,
        account: &Account,
        bill: &Bill,
        findings: &mut Findings<'_>,
    ) -> Result<i64, ApiError> {
        let (mut unlisted, mut after) = (Unlisted::new(), None);
        loop {
            let (mut window, mut lines) = (Window::behind(after.clone(), LINES_AT_ONCE), 0);
            let unread = bill.read(account, |line| {
                lines += 1;
                window.add(line);
            })?;
            let next = window
                .complete()
                .map_err(|error| ProviderError::from(MessageProblem::BillOrder { order: error.order }))?;
            let low = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let high = next.as_ref().map_or(Bound::Unbounded, Bound::Included);
            let range = BooksRange::new(self.moments(), (low, high));
            let mut pages = Pages::new(self.deps, self.holding, &PAID, range);
            let mut refunds = Refunds::new();
            while let Some(records) = pages.next().await? {
                for record in records {
                    let is_listed = meet(&mut window, &record, (findings, &mut refunds)).await;
                    if !is_listed && !unread.names(&record.id) && self.is_payment(&record) {
                        unlisted.insert(record.id.clone(), record);
                    }
                }
                if unlisted.len() >= LINES_AT_ONCE {
                    self.find_in_bill_before(account, &mut unlisted, findings).await?;
                }
            }
            self.judge_rest(account, (window, refunds), findings).await?;
            if after.is_none() {
                self.judge_unread(unread, findings).await?;
            }
            // It ends, because each window begins behind the one before.
            let Some(next) = next else {
                self.find_in_bill_before(account, &mut unlisted, findings).await?;
                return Ok(lines);
            };
            after = Some(next);
        }
    }

    /// Whether any of our payments of the day was made on this account.
    pub(super) async fn had_payments(&self) -> Result<bool, StoreError> {
        let range = BooksRange::new(self.moments(), (Bound::Unbounded, Bound::Unbounded));
        let mut pages = Pages::new(self.deps, self.holding, &PAID, range);
        while let Some(records) = pages.next().await? {
            if records.iter().any(|record| self.is_payment(record)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a record is a payment of the day that was made on this account: no other account's bill lists it.
    fn is_payment(&self, record: &Record) -> bool {
        record.account == self.holding.number && is_payment_of(record, self.span())
    }

    /// When whatever was paid on this day was charged.
    fn moments(&self) -> (Timestamp, Timestamp) {
        let (start, end) = self.span();
        (start.minus(CHARGED_BEFORE), end)
    }

    /// A payment of just before midnight that was settled behind it is in the bill of the day before.
    async fn find_in_bill_before(
        &self,
        account: &Account,
        unlisted: &mut Unlisted,
        findings: &mut Findings<'_>,
    ) -> Result<(), ApiError> {
        if unlisted.is_empty() {
            return Ok(());
        }
        let unread = self.fetch(&self.day.before()).await?.read(account, |line| {
            if line.refund.is_none() {
                unlisted.remove(&line.transaction);
            }
        })?;
        unlisted.retain(|payment, _| !unread.names(payment));
        for (_, record) in unlisted.drain() {
            findings.add(Some(missing_there(&record))).await;
        }
        Ok(())
    }

    /// Judges what a bill lists and our payments of these days did not strike off.
    async fn judge_rest(
        &self,
        account: &Account,
        (mut window, mut refunds): (Window, Refunds),
        findings: &mut Findings<'_>,
    ) -> Result<(), ApiError> {
        for record in self.find_rest(self.holding, &window).await? {
            meet(&mut window, &record, (findings, &mut refunds)).await;
        }
        self.judge_refunds(account, refunds, findings).await?;
        for other in &self.others {
            for record in self.find_rest(other, &window).await? {
                window.take_payment(&record.id);
                window.take_refunds(&record.id);
            }
        }
        for line in window.into_rest() {
            let found = match &line.refund {
                Some(refund) => judge_listed_refund(&line, refund, None, &KnownRefund::default()),
                None => judge_listed(line.transaction, line.fee, None),
            };
            findings.add(found).await;
        }
        Ok(())
    }

    /// Lists the lines that cannot be read, but for those about orders of others.
    async fn judge_unread(&self, unread: Unread, findings: &mut Findings<'_>) -> Result<(), ApiError> {
        for (order, line) in unread.lines {
            let Some(order) = order else {
                findings.add(Some(line.difference(None, None))).await;
                continue;
            };
            let mine = self.find_of(self.holding, &order).await?;
            if mine.is_none() {
                let theirs = self.neighbours.iter().map(|other| self.find_of(other, &order));
                if try_join_all(theirs).await?.into_iter().any(|found| found.is_some()) {
                    continue;
                }
            }
            findings.add(Some(line.difference(Some(order), mine.map(|record| record.bill)))).await;
        }
        Ok(())
    }

    async fn find_of(&self, holding: &Holding, order: &TransactionId) -> Result<Option<Record>, StoreError> {
        let app = (&holding.app, holding.mode, &holding.shards);
        self.deps.base.store.find_record(app, &holding.channels, order).await
    }

    /// What somebody has of the orders that are left in a window.
    async fn find_rest(&self, holding: &Holding, window: &Window) -> Result<Vec<Record>, StoreError> {
        let (start, end) = self.moments();
        let orders = window.orders();
        let (older, rest) = orders.split_at(orders.partition_point(|order| order.created_at() < Some(start)));
        let in_time = rest.partition_point(|order| order.created_at().is_some_and(|created_at| created_at <= end));
        let in_time = rest.get(..in_time).unwrap_or_default();
        let mut found = HashMap::new();
        for some in older.chunks(LOOKED_UP_AT_ONCE) {
            let asked = some.iter().map(|id| self.find_of(holding, id));
            let known = try_join_all(asked).await?.into_iter().flatten();
            found.extend(known.map(|record| (record.id.clone(), record)));
        }
        if let (Some(first), Some(last)) = (in_time.first(), in_time.last()) {
            let range = BooksRange::new((start, end), (Bound::Included(first), Bound::Included(last)));
            let mut pages = Pages::new(self.deps, holding, &ALL, range);
            while let Some(records) = pages.next().await? {
                let listed = records.into_iter().filter(|record| in_time.binary_search(&record.id).is_ok());
                found.extend(listed.map(|record| (record.id.clone(), record)));
            }
        }
        Ok(found.into_values().collect())
    }

    async fn judge_refunds(
        &self,
        account: &Account,
        refunds: Refunds,
        findings: &mut Findings<'_>,
    ) -> Result<(), StoreError> {
        for some in refunds.chunks(LOOKED_UP_AT_ONCE) {
            let judged = some.iter().map(async |(line, record)| {
                let Some(refund) = &line.refund else { return Ok(None) };
                let known = self.know_listed(account, &refund.num, record).await?;
                // What is ours is told by our number.
                let num = known.ours.as_ref().map_or_else(|| refund.num.clone(), |ours| ours.num.to_string());
                let refund = ListedRefund { num, is_done: refund.is_done };
                Ok::<_, StoreError>(judge_listed_refund(line, &refund, Some(record), &known))
            });
            for found in try_join_all(judged).await? {
                findings.add(found).await;
            }
        }
        Ok(())
    }

    /// What we know of the refund that a bill lists under this number. Of one that is not ours that takes a look at all that are.
    async fn know_listed(&self, account: &Account, listed: &str, record: &Record) -> Result<KnownRefund, StoreError> {
        let (store, Holding { app, mode, .. }) = (&self.deps.base.store, self.holding);
        if !account.hides_refund_nums()
            && let Some(num) = RefundNum::parse(listed)
            && let Some(ours) = store.find_refund((app, *mode, &record.bill), &num).await?
        {
            return Ok(KnownRefund { ours: Some(ours), elsewhere: None });
        }
        let refunds = store.load_whole_bill(app, *mode, &record.bill).await?.refunds;
        let is_it = |ours: &&Refund| {
            account.hides_refund_nums()
                && ours.transaction == record.id
                && account.lists_refund_as(listed, &record.id, &ours.num)
        };
        match refunds.iter().find(is_it) {
            Some(ours) => Ok(KnownRefund { ours: Some(ours.clone()), elsewhere: None }),
            None => Ok(KnownRefund::elsewhere(record, &refunds)),
        }
    }
}

/// Takes what is listed of a record out of the window: judges its payment, and notes its refunds. Whether the payment is listed.
async fn meet(window: &mut Window, record: &Record, (findings, refunds): (&mut Findings<'_>, &mut Refunds)) -> bool {
    refunds.extend(window.take_refunds(&record.id).into_iter().map(|line| (line, record.clone())));
    let Some(fee) = window.take_payment(&record.id) else { return false };
    findings.add(judge_listed(record.id.clone(), fee, Some(record))).await;
    true
}
