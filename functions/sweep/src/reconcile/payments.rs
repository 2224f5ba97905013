//! A bill's lines beside our records.
//!
//! Both are sorted by the order's id, which begins with the time of its charge. So the bill is read in windows, and each window is compared
//! with the records of the same stretch of time; no line is looked up by itself. Two kinds of lines have no record in that stretch. An order
//! may be older than [`CHARGED_BEFORE`]; as a rule the line is a refund. Its record is looked up by id. And an order may be charged after
//! the day. It cannot be paid on that day, so it is missing in our books.

use std::{collections::HashMap, ops::Bound, time::Duration};

use domain::{
    KnownRefund, Listed, ListedRefund, Record, Refund, RefundNum, Status, TimeSpan, TransactionId, Window,
    is_payment_of, judge_listed, judge_listed_refund, missing_there,
};
use futures_util::future::try_join_all;
use providers::{Account, MessageProblem, ProviderError};
use runtime::ApiError;
use store::{BooksRange, StoreError};

use super::{
    DayComparison, Findings, LINES_AT_ONCE, LOOKED_UP_AT_ONCE, Pages,
    accounts::MerchantAccount,
    bill::{Bill, Unread, UnreadLine},
};

/// How long before a day its payments may be charged: the longest `billTimeout`, and a day for those that were settled late.
pub(super) const CHARGED_BEFORE: Duration = Duration::from_secs(16 * 24 * 3600);

/// The statuses are read one after the other. A record that becomes refunded between the two readings may be missed, and is never read
/// twice. If the bill lists a missed one, `judge_rest` finds it.
const PAID: [Status; 2] = [Status::Refund, Status::Success];

/// A record goes through the statuses in this order. So a record that changes its status between two readings is read at least once.
const ALL: [Status; 4] = [Status::Created, Status::Closed, Status::Success, Status::Refund];

/// Our payments of the day that its bill does not list.
type Unlisted = HashMap<TransactionId, Record>;

/// A refund that the bill lists, and our record of its payment.
struct ListedWithPayment {
    line: Listed,
    payment: Record,
}

/// One window of the bill, and the refunds that it lists of our records.
struct BillWindow {
    lines: Window,
    refunds: Vec<ListedWithPayment>,
    /// The lines of the bill that look like ours; the same for each window.
    lines_of_bill: i64,
    /// The lines that cannot be read; the same for each window.
    unread: Unread,
    /// The last order of this window; `None` if it is the last window.
    last: Option<TransactionId>,
}

impl BillWindow {
    /// Reads the window that begins after an order.
    fn read(bill: &Bill, account: &Account, after: Option<TransactionId>) -> Result<Self, ProviderError> {
        let (mut lines, mut lines_of_bill) = (Window::after(after, LINES_AT_ONCE), 0);
        let unread = bill.read(account, |line| {
            lines_of_bill += 1;
            lines.add(line);
        })?;
        let last = lines.complete().map_err(|error| MessageProblem::BillOrder { order: error.order })?;
        Ok(Self { lines, refunds: Vec::new(), lines_of_bill, unread, last })
    }

    /// Takes the lines about a record out of the window. Judges the payment, and keeps the refunds for later. Returns whether the payment is
    /// listed.
    async fn match_record(&mut self, record: &Record, findings: &mut Findings<'_>) -> bool {
        let refunds = self.lines.take_refunds(&record.id).into_iter();
        self.refunds.extend(refunds.map(|line| ListedWithPayment { line, payment: record.clone() }));
        let Some(fee) = self.lines.take_payment(&record.id) else { return false };
        findings.add(judge_listed(record.id.clone(), fee, Some(record))).await;
        true
    }
}

impl DayComparison<'_> {
    /// Compares the whole bill with all our payments of the day. Returns the number of the bill's lines that look like ours.
    pub(super) async fn compare_payments(
        &self,
        account: &Account,
        bill: &Bill,
        findings: &mut Findings<'_>,
    ) -> Result<i64, ApiError> {
        let (mut unlisted, mut after) = (Unlisted::new(), None);
        // Each window begins after the last order of the window before, so this ends.
        loop {
            let mut window = BillWindow::read(bill, account, after.clone())?;
            self.match_payments(account, &mut window, after.as_ref(), &mut unlisted, findings).await?;
            self.judge_rest(account, &mut window, findings).await?;
            // The unreadable lines are the same for each window, so they are judged once.
            if after.is_none() {
                self.judge_unread(&window.unread, findings).await?;
            }
            after = window.last;
            if after.is_none() {
                self.find_in_bill_before(account, &mut unlisted, findings).await?;
                return Ok(window.lines_of_bill);
            }
        }
    }

    /// Matches our payments in the stretch of a window with its lines. Payments of the day that the bill does not list are added to
    /// `unlisted`.
    async fn match_payments(
        &self,
        account: &Account,
        window: &mut BillWindow,
        after: Option<&TransactionId>,
        unlisted: &mut Unlisted,
        findings: &mut Findings<'_>,
    ) -> Result<(), ApiError> {
        let low = after.map_or(Bound::Unbounded, Bound::Excluded);
        let high = window.last.as_ref().map_or(Bound::Unbounded, Bound::Included);
        let range = BooksRange::within(self.charged_within(), low, high);
        let mut pages = Pages::new(self.deps, self.merchant, &PAID, range);
        while let Some(records) = pages.next().await? {
            for record in records {
                let is_listed = window.match_record(&record, findings).await;
                if !is_listed && !window.unread.names(&record.id) && self.is_payment(&record) {
                    unlisted.insert(record.id.clone(), record);
                }
            }
            if unlisted.len() >= LINES_AT_ONCE {
                self.find_in_bill_before(account, unlisted, findings).await?;
            }
        }
        Ok(())
    }

    /// Whether any of our payments of the day was made on this account.
    pub(super) async fn had_payments(&self) -> Result<bool, StoreError> {
        let mut pages = Pages::new(self.deps, self.merchant, &PAID, BooksRange::new(self.charged_within()));
        while let Some(records) = pages.next().await? {
            if records.iter().any(|record| self.is_payment(record)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a record is a payment of the day that was made on this account. Other accounts have bills of their own.
    fn is_payment(&self, record: &Record) -> bool {
        record.account == self.merchant.number && is_payment_of(record, self.span())
    }

    /// When a payment of this day can have been charged.
    fn charged_within(&self) -> TimeSpan {
        let TimeSpan { start, end } = self.span();
        TimeSpan { start: start.minus(CHARGED_BEFORE), end }
    }

    /// Looks for the unlisted payments in the bill of the day before: a payment of just before midnight may be settled here after midnight. What
    /// neither bill lists is missing there.
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

    /// Judges the lines that match none of our payments of these days: they may be about records in another status, about older records, or
    /// about records of another account that shares the bill. What matches nothing is missing here.
    async fn judge_rest(
        &self,
        account: &Account,
        window: &mut BillWindow,
        findings: &mut Findings<'_>,
    ) -> Result<(), ApiError> {
        for record in self.find_rest(self.merchant, &window.lines).await? {
            window.match_record(&record, findings).await;
        }
        self.judge_refunds(account, &window.refunds, findings).await?;
        for other in &self.sharing_bill {
            for record in self.find_rest(other, &window.lines).await? {
                window.lines.take_payment(&record.id);
                window.lines.take_refunds(&record.id);
            }
        }
        for line in window.lines.take_rest() {
            let found = match &line.refund {
                Some(refund) => judge_listed_refund(&line, refund, None, &KnownRefund::default()),
                None => judge_listed(line.transaction, line.fee, None),
            };
            findings.add(found).await;
        }
        Ok(())
    }

    /// Each unreadable line is a difference, unless it is about an order of another account.
    async fn judge_unread(&self, unread: &Unread, findings: &mut Findings<'_>) -> Result<(), ApiError> {
        for UnreadLine { order, line } in &unread.lines {
            let Some(order) = order else {
                findings.add(Some(line.clone().difference(None, None))).await;
                continue;
            };
            let mine = self.find_of(self.merchant, order).await?;
            if mine.is_none() {
                let theirs = self.sharing_file.iter().map(|other| self.find_of(other, order));
                if try_join_all(theirs).await?.into_iter().any(|found| found.is_some()) {
                    continue;
                }
            }
            let bill = mine.map(|record| record.bill);
            findings.add(Some(line.clone().difference(Some(order.clone()), bill))).await;
        }
        Ok(())
    }

    async fn find_of(&self, merchant: &MerchantAccount, order: &TransactionId) -> Result<Option<Record>, StoreError> {
        let MerchantAccount { app, mode, shards, channels, .. } = merchant;
        self.deps.services.store.find_record(app, *mode, shards, channels, order).await
    }

    /// An account's records of the orders that are left in a window. Those of old orders are looked up by their ids, those of the days before
    /// are read page by page. Orders that were charged after the day have none.
    async fn find_rest(&self, merchant: &MerchantAccount, window: &Window) -> Result<Vec<Record>, StoreError> {
        let span @ TimeSpan { start, end } = self.charged_within();
        let orders = window.orders();
        let (older, rest) = orders.split_at(orders.partition_point(|order| order.created_at() < Some(start)));
        let in_time = rest.partition_point(|order| order.created_at().is_some_and(|created_at| created_at <= end));
        let in_time = rest.get(..in_time).unwrap_or_default();
        let mut found = HashMap::new();
        for some in older.chunks(LOOKED_UP_AT_ONCE) {
            let asked = some.iter().map(|id| self.find_of(merchant, id));
            let known = try_join_all(asked).await?.into_iter().flatten();
            found.extend(known.map(|record| (record.id.clone(), record)));
        }
        if let (Some(first), Some(last)) = (in_time.first(), in_time.last()) {
            let range = BooksRange::within(span, Bound::Included(first), Bound::Included(last));
            let mut pages = Pages::new(self.deps, merchant, &ALL, range);
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
        refunds: &[ListedWithPayment],
        findings: &mut Findings<'_>,
    ) -> Result<(), StoreError> {
        for some in refunds.chunks(LOOKED_UP_AT_ONCE) {
            let judged = some.iter().map(async |ListedWithPayment { line, payment }| {
                let Some(refund) = &line.refund else { return Ok(None) };
                let known = self.find_known(account, &refund.num, payment).await?;
                // A difference names a refund of ours by our number.
                let num = known.ours.as_ref().map_or_else(|| refund.num.clone(), |ours| ours.num.to_string());
                let refund = ListedRefund { num, is_done: refund.is_done };
                Ok::<_, StoreError>(judge_listed_refund(line, &refund, Some(payment), &known))
            });
            for found in try_join_all(judged).await? {
                findings.add(found).await;
            }
        }
        Ok(())
    }

    /// What we know about the refund that a bill lists under this number. If it is not ours, all our refunds of the payment are read. What was
    /// refunded beyond them was refunded elsewhere.
    async fn find_known(&self, account: &Account, listed: &str, record: &Record) -> Result<KnownRefund, StoreError> {
        let (store, MerchantAccount { app, mode, .. }) = (&self.deps.services.store, self.merchant);
        if !account.hides_refund_nums()
            && let Some(num) = RefundNum::parse(listed)
            && let Some(ours) = store.find_refund(app, *mode, &record.bill, &num).await?
        {
            return Ok(KnownRefund { ours: Some(ours), elsewhere: None });
        }
        let refunds = store.load_whole_bill(app, *mode, &record.bill).await?.refunds;
        let is_listed = |ours: &&Refund| {
            account.hides_refund_nums()
                && ours.transaction == record.id
                && account.lists_refund_as(listed, &record.id, &ours.num)
        };
        match refunds.iter().find(is_listed) {
            Some(ours) => Ok(KnownRefund { ours: Some(ours.clone()), elsewhere: None }),
            None => Ok(KnownRefund::elsewhere(record, &refunds)),
        }
    }
}
