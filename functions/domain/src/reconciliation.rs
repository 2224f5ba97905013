//! Reconciliation: compares the provider's bill of a day with our own books, and lists what differs.

use std::collections::BTreeMap;

use crate::{
    BillNum, Fen, Record, Refund, RefundNum, RefundStatus, Sentence, Status, TimeSpan, Timestamp, TransactionId,
    closed_list,
};

closed_list! {
    /// What can differ.
    pub enum DifferenceKind {
        /// The provider lists a payment of an order that looks like ours but is not known here.
        MissingHere = "missing-here",
        /// A payment is known here, but the provider does not list it.
        MissingThere = "missing-there",
        /// Both know it, with different amounts.
        AmountDiffers = "amount-differs",
        /// The provider lists a payment of a bill that is not paid here.
        StatusDiffers = "status-differs",
        /// The provider lists a refund that did not succeed here, or succeeded here with less.
        RefundDiffers = "refund-differs",
        /// A refund went back as far as is known here, but the provider does not list it.
        RefundMissingThere = "refund-missing-there",
        /// A line of the provider's bill cannot be read. A person has to compare what it says.
        UnreadableLine = "unreadable-line",
    }
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub kind: DifferenceKind,
    /// The order: our transaction's id. A line that cannot be read may have none.
    pub transaction: Option<TransactionId>,
    /// The merchant's order number, if the transaction is known here.
    pub bill: Option<BillNum>,
    /// The amount as we have it.
    pub here: Option<Fen>,
    /// The amount as the provider has it.
    pub there: Option<Fen>,
    /// The refund's number at the provider, if the difference is about a refund.
    pub refund_num: Option<String>,
    /// The line that cannot be read, if the difference is about one.
    pub line: Option<UnreadableLine>,
}

crate::sentences! {
    /// Why a day was not compared, in addition to the reasons that its provider gives.
    pub enum DayProblem, DayProblemKind {
        Stopped = "day-stopped": "the comparison was stopped before its end";
    }
}

/// A line that cannot be read: where it is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableLine {
    /// Which of the bill's files, the first being 1.
    pub file: i64,
    /// Its number in that file, the first being 1.
    pub number: i64,
    /// What is wrong with it.
    pub problem: Sentence,
    /// How it begins.
    pub excerpt: String,
}

impl UnreadableLine {
    /// The line as a difference.
    pub fn difference(self, transaction: Option<TransactionId>, bill: Option<BillNum>) -> Difference {
        let (kind, line) = (DifferenceKind::UnreadableLine, Some(self));
        Difference { kind, transaction, bill, here: None, there: None, refund_num: None, line }
    }
}

/// One line of a provider's bill that may be ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The order: our transaction's id, if it is ours.
    pub transaction: TransactionId,
    /// The refund that the line is about. `None` for a payment.
    pub refund: Option<ListedRefund>,
    /// The amount.
    pub fee: Fen,
}

/// A refund that a provider lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRefund {
    /// Its number at the provider.
    pub num: String,
    /// Whether the money went back. If not, it is on its way.
    pub is_done: bool,
}

/// What we know of a refund that a provider lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownRefund {
    /// Our refund with that number, if it is ours.
    pub ours: Option<Refund>,
    /// How much of the payment went back by other refunds than ours, according to reports.
    pub elsewhere: Option<Fen>,
}

impl KnownRefund {
    /// A refund that is not ours. `ours` are our refunds of the payment: what they sent back is not counted in `elsewhere`.
    pub fn elsewhere(record: &Record, ours: &[Refund]) -> Self {
        let done = ours.iter().filter(|ours| ours.transaction == record.id && ours.status == RefundStatus::Success);
        let done: i64 = done.map(|ours| ours.fee.get()).sum();
        let gone = record.refunded.map_or(0, Fen::get);
        Self { ours: None, elsewhere: Fen::new(gone.saturating_sub(done)).ok() }
    }
}

/// A window on a provider's bill, sorted by order: the lowest lines after a given order, as many as fit. So a bill of any length can be
/// read, window by window. Each window reads the whole bill again.
#[derive(Clone, Debug)]
pub struct Window {
    after: Option<TransactionId>,
    lines_max: usize,
    /// Payments sort before the refunds of the same order.
    lines: BTreeMap<(TransactionId, Option<String>), Line>,
    /// The lowest order with a line that did not fit.
    cut_at: Option<TransactionId>,
}

/// What a line says, besides its order and the number of its refund.
#[derive(Clone, Copy, Debug)]
struct Line {
    fee: Fen,
    is_done: bool,
}

impl Line {
    fn listed(self, transaction: TransactionId, num: Option<String>) -> Listed {
        let Self { fee, is_done } = self;
        Listed { transaction, refund: num.map(|num| ListedRefund { num, is_done }), fee }
    }
}

/// One order has more lines than a window holds, so it cannot be judged as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("order {order} has more lines than any order can have")]
pub struct TooManyLines {
    /// Which order.
    pub order: String,
}

impl Window {
    /// An empty window of at most `lines_max` lines, for the orders after `after`.
    pub fn after(after: Option<TransactionId>, lines_max: usize) -> Self {
        Self { after, lines_max, lines: BTreeMap::new(), cut_at: None }
    }

    /// Adds a line, if it is one of the lowest so far.
    pub fn add(&mut self, line: Listed) {
        let is_before = self.after.as_ref().is_some_and(|after| line.transaction <= *after);
        let is_cut = self.cut_at.as_ref().is_some_and(|cut| line.transaction >= *cut);
        if is_before || is_cut {
            return;
        }
        let (num, is_done) = line.refund.map_or((None, true), |refund| (Some(refund.num), refund.is_done));
        self.lines.insert((line.transaction, num), Line { fee: line.fee, is_done });
        if self.lines.len() > self.lines_max {
            self.cut_at = self.lines.pop_last().map(|((order, _), _)| order);
        }
    }

    /// Must be called after the bill was read to its end. Returns the last order of this window: the next window begins after it. `None`
    /// for the last window. The lines of one order are never in two windows.
    ///
    /// # Errors
    /// [`TooManyLines`].
    pub fn complete(&mut self) -> Result<Option<TransactionId>, TooManyLines> {
        let Some(cut) = self.cut_at.clone() else { return Ok(None) };
        self.lines.split_off(&(cut.clone(), None));
        let last = self.lines.last_key_value().map(|((order, _), _)| order.clone());
        last.map(Some).ok_or_else(|| TooManyLines { order: cut.to_string() })
    }

    /// Removes the payment of an order and returns it.
    pub fn take_payment(&mut self, order: &TransactionId) -> Option<Fen> {
        self.lines.remove(&(order.clone(), None)).map(|line| line.fee)
    }

    /// Removes the refunds of an order and returns them.
    pub fn take_refunds(&mut self, order: &TransactionId) -> Vec<Listed> {
        let mut taken = Vec::new();
        loop {
            let next = self.lines.range((order.clone(), Some(String::new()))..).next();
            let Some(key) = next.map(|(key, _)| key.clone()).filter(|(found, _)| found == order) else { break };
            if let Some(((transaction, num), line)) = self.lines.remove_entry(&key) {
                taken.push(line.listed(transaction, num));
            }
        }
        taken
    }

    /// The orders in it, each once and the lowest first.
    pub fn orders(&self) -> Vec<TransactionId> {
        let mut orders: Vec<_> = self.lines.keys().map(|(order, _)| order.clone()).collect();
        orders.dedup();
        orders
    }

    /// Removes all remaining lines and returns them.
    pub fn take_rest(&mut self) -> impl Iterator<Item = Listed> {
        std::mem::take(&mut self.lines).into_iter().map(|((transaction, num), line)| line.listed(transaction, num))
    }
}

/// Compares a payment that the provider lists with our record of it, if there is one.
pub fn judge_listed(transaction: TransactionId, fee: Fen, record: Option<&Record>) -> Option<Difference> {
    match record {
        None => Some(difference(DifferenceKind::MissingHere, transaction, None, Some(fee))),
        Some(record) if !record.status.is_paid() => {
            Some(difference(DifferenceKind::StatusDiffers, transaction, Some(record), Some(fee)))
        }
        Some(record) => compare(record, fee),
    }
}

/// A payment of ours that no bill lists.
pub fn missing_there(record: &Record) -> Difference {
    difference(DifferenceKind::MissingThere, record.id.clone(), Some(record), None)
}

/// Compares a refund that the provider lists with our record of its payment and our refund of that number, if they exist. They agree if it
/// went back here, too, if it is on its way on both sides, or if it is a part of what a report stated.
pub fn judge_listed_refund(
    listed: &Listed,
    num: &ListedRefund,
    record: Option<&Record>,
    known: &KnownRefund,
) -> Option<Difference> {
    let ours = known.ours.as_ref();
    let fits = match (ours, known.elsewhere) {
        (Some(ours), _) if ours.fee != listed.fee || ours.transaction != listed.transaction => false,
        (Some(ours), _) => match ours.status {
            RefundStatus::Success => true,
            // It is on its way there, too, or lies with a bank that did not take it.
            RefundStatus::Pending | RefundStatus::Stuck => !num.is_done,
            RefundStatus::Failed => false,
        },
        (None, Some(elsewhere)) => elsewhere >= listed.fee,
        (None, None) => false,
    };
    let differs = || Difference {
        kind: DifferenceKind::RefundDiffers,
        transaction: Some(listed.transaction.clone()),
        bill: record.map(|record| record.bill.clone()),
        here: ours.map(|refund| refund.fee),
        there: Some(listed.fee),
        refund_num: Some(num.num.clone()),
        line: None,
    };
    (!fits).then(differs)
}

/// A refund of ours that went back, as the books list it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedRefund {
    /// Its number.
    pub num: RefundNum,
    /// The payment that it is of.
    pub transaction: TransactionId,
    /// That payment's bill.
    pub bill: BillNum,
    /// How much.
    pub fee: Fen,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it went back.
    pub ended_at: Timestamp,
}

impl EndedRefund {
    /// The difference for a refund that no bill of the provider lists.
    pub fn missing_there(self) -> Difference {
        Difference {
            kind: DifferenceKind::RefundMissingThere,
            transaction: Some(self.transaction),
            bill: Some(self.bill),
            here: Some(self.fee),
            there: None,
            refund_num: Some(self.num.to_string()),
            line: None,
        }
    }
}

fn compare(record: &Record, fee: Fen) -> Option<Difference> {
    let differs = record.fee != fee;
    differs.then(|| difference(DifferenceKind::AmountDiffers, record.id.clone(), Some(record), Some(fee)))
}

fn difference(
    kind: DifferenceKind,
    transaction: TransactionId,
    record: Option<&Record>,
    there: Option<Fen>,
) -> Difference {
    let (bill, here) = (record.map(|record| record.bill.clone()), record.map(|record| record.fee));
    Difference { kind, transaction: Some(transaction), bill, here, there, refund_num: None, line: None }
}

/// Whether one of our records is a payment that was settled within `day`.
pub fn is_payment_of(record: &Record, day: TimeSpan) -> bool {
    let ended_in = record.ended_at.is_some_and(|ended| day.contains(ended));
    ended_in && matches!(record.status, Status::Success | Status::Refund)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Day,
        transaction::tests::{fen, sample},
    };

    fn record(status: Status) -> Record {
        let mut transaction = sample(status);
        transaction.ended_at = Some(transaction.created_at);
        Record::from(transaction)
    }

    #[test]
    fn each_difference_is_found_and_nothing_else() {
        let paid = record(Status::Success);
        let judge =
            |record: Option<&Record>, fee| judge_listed(paid.id.clone(), fen(fee), record).map(|found| found.kind);
        assert_eq!(judge(None, 1), Some(DifferenceKind::MissingHere));
        assert_eq!(judge(Some(&record(Status::Created)), 9900), Some(DifferenceKind::StatusDiffers));
        assert_eq!(judge(Some(&record(Status::Closed)), 9900), Some(DifferenceKind::StatusDiffers));
        assert_eq!(judge(Some(&record(Status::Refund)), 9900), None);
        assert_eq!(judge(Some(&paid), 9900), None);
        assert_eq!(judge(Some(&paid), 1), Some(DifferenceKind::AmountDiffers));
        assert_eq!(missing_there(&paid).kind, DifferenceKind::MissingThere);
    }

    #[test]
    #[rustfmt::skip]
    fn a_listed_refund_fits_or_differs() {
        let (ours, refunded) = (Some, Some);
        // State and fee of our refund, what the record says went back, whether the listed 100 fen are back, and whether both sides agree.
        let cases = [
            (ours((RefundStatus::Success, 100)), None,           true,  true),
            (ours((RefundStatus::Success, 100)), None,           false, true),
            (ours((RefundStatus::Success, 101)), refunded(101),  true,  false),
            (ours((RefundStatus::Pending, 100)), None,           true,  false),
            (ours((RefundStatus::Pending, 100)), None,           false, true),
            (ours((RefundStatus::Failed,  100)), refunded(100),  true,  false),
            (None,                               refunded(100),  true,  true),
            (None,                               refunded(99),   true,  false),
            (None,                               None,           true,  false),
        ];
        for (n, (ours, refunded, is_done, fits)) in cases.into_iter().enumerate() {
            let record = Record { refunded: refunded.map(fen), ..record(Status::Success) };
            let ours = ours.map(|(status, fee)| Refund { status, ..crate::refund::tests::sample_refund(fee) });
            let known = if ours.is_some() {
                KnownRefund { ours, elsewhere: None }
            } else {
                KnownRefund::elsewhere(&record, &[])
            };
            let num = ListedRefund { num: "R1".to_owned(), is_done };
            let listed = Listed { transaction: record.id.clone(), refund: Some(num.clone()), fee: fen(100) };
            assert_eq!(judge_listed_refund(&listed, &num, Some(&record), &known).is_none(), fits, "{n}");
            assert!(judge_listed_refund(&listed, &num, None, &KnownRefund::default()).is_some(), "{n}");
        }
    }

    #[test]
    fn what_our_own_refunds_sent_back_is_no_part_of_a_refund_made_elsewhere() {
        let record = Record { refunded: Some(fen(300)), ..record(Status::Success) };
        let num = ListedRefund { num: "R1".to_owned(), is_done: true };
        let listed = Listed { transaction: record.id.clone(), refund: Some(num.clone()), fee: fen(100) };
        let fits = |status, fee| {
            let ours = Refund { transaction: record.id.clone(), status, ..crate::refund::tests::sample_refund(fee) };
            judge_listed_refund(&listed, &num, Some(&record), &KnownRefund::elsewhere(&record, &[ours])).is_none()
        };
        assert!(fits(RefundStatus::Success, 200));
        assert!(!fits(RefundStatus::Success, 201));
        assert!(!fits(RefundStatus::Success, 300));
        assert!(fits(RefundStatus::Failed, 300));
    }

    fn order(n: u64) -> TransactionId {
        TransactionId::parse(&format!("01a208d05240{n:012x}")).unwrap()
    }

    fn line(n: u64, num: Option<&str>) -> Listed {
        let refund = num.map(|num| ListedRefund { num: num.to_owned(), is_done: true });
        Listed { transaction: order(n), refund, fee: fen(1) }
    }

    #[test]
    fn windows_cover_a_bill_once_whatever_its_order() {
        let lines: Vec<Listed> = (0..100u64)
            .map(|n| n * 37 % 100)
            .flat_map(|n| [line(n, Some("R2")), line(n, None), line(n, Some("R1"))])
            .collect();
        for lines_max in [3, 4, 7, 50, 299, 300, 1000] {
            let (mut after, mut seen, mut windows) = (None, Vec::new(), 0);
            loop {
                let mut window = Window::after(after, lines_max);
                lines.iter().cloned().for_each(|line| window.add(line));
                after = window.complete().unwrap();
                let rest: Vec<Listed> = window.take_rest().collect();
                assert!(rest.len() <= lines_max && rest.len().is_multiple_of(3), "{lines_max}: {}", rest.len());
                seen.extend(rest);
                windows += 1;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(windows, (100_usize).div_ceil(lines_max / 3), "{lines_max}");
            let expect: Vec<Listed> =
                (0..100).flat_map(|n| [line(n, None), line(n, Some("R1")), line(n, Some("R2"))]).collect();
            assert_eq!(seen, expect, "{lines_max}");
        }
    }

    #[test]
    fn an_order_with_more_lines_than_a_window_is_none() {
        let mut window = Window::after(None, 2);
        ["1", "2", "3"].into_iter().for_each(|num| window.add(line(1, Some(num))));
        assert_eq!(window.complete(), Err(TooManyLines { order: order(1).to_string() }));
    }

    #[test]
    fn what_is_taken_out_of_a_window_is_gone() {
        let mut window = Window::after(Some(order(0)), 10);
        [line(0, None), line(1, None), line(1, Some("R1")), line(1, Some("R2")), line(2, Some("R3")), line(3, None)]
            .into_iter()
            .for_each(|line| window.add(line));
        assert_eq!(window.orders(), [order(1), order(2), order(3)]);
        assert_eq!(window.take_payment(&order(1)), Some(fen(1)));
        assert_eq!(window.take_payment(&order(1)), None);
        assert_eq!(window.take_refunds(&order(1)), [line(1, Some("R1")), line(1, Some("R2"))]);
        assert_eq!(window.take_refunds(&order(3)), []);
        assert_eq!(window.take_rest().collect::<Vec<_>>(), [line(2, Some("R3")), line(3, None)]);
    }

    #[test]
    fn a_payment_is_of_the_day_it_was_settled() {
        let paid = record(Status::Success);
        let day = Day::of(paid.created_at);
        let (span, before) = (day.span(), day.before().span());
        assert!(is_payment_of(&paid, span));
        assert!(!is_payment_of(&paid, before));
        assert!(!is_payment_of(&record(Status::Closed), span));
    }
}
