//! Reconciliation: the provider's bill of a day beside our own books, and what differs.

use std::collections::HashMap;

use crate::{BillNum, Fen, Record, Status, Timestamp, TransactionId};

/// A day in Beijing, by which providers settle: `2026-11-23`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(String);

const DAY_MS: i64 = 24 * 3600 * 1000;

impl Day {
    /// The day of a moment.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.to_beijing().chars().take(10).collect())
    }

    /// Reads what [`Self::as_str`] writes; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let start = Timestamp::from_beijing(&format!("{text} 00:00:00")).ok()?;
        Some(Self::of(start)).filter(|day| day.0 == text)
    }

    /// Its first moment.
    pub fn start(&self) -> Timestamp {
        // Every day was made from a moment.
        Timestamp::from_beijing(&format!("{} 00:00:00", self.0)).unwrap_or(Timestamp::clamped(0))
    }

    /// The last moment before the next day.
    pub fn end(&self) -> Timestamp {
        Timestamp::clamped(self.start().ms() + DAY_MS - 1)
    }

    /// The day before.
    #[must_use]
    pub fn before(&self) -> Self {
        Self::of(Timestamp::clamped(self.start().ms() - 1))
    }

    /// Year, month and day with dashes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DifferenceKind {
    /// The provider lists a payment of an order that looks like ours and is not known here.
    MissingHere,
    /// A payment is known here, and the provider does not list it.
    MissingThere,
    /// Both know it, with different amounts.
    AmountDiffers,
    /// The provider lists a payment of a bill that is not paid here.
    StatusDiffers,
    /// The provider lists a refund that did not succeed here, or not so much of it.
    RefundDiffers,
}

impl DifferenceKind {
    /// Every kind with its word.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::MissingHere, "missing-here"),
        (Self::MissingThere, "missing-there"),
        (Self::AmountDiffers, "amount-differs"),
        (Self::StatusDiffers, "status-differs"),
        (Self::RefundDiffers, "refund-differs"),
    ];

    /// The word.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// Finds the kind with this word.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub kind: DifferenceKind,
    /// The order: our transaction's id.
    pub transaction: TransactionId,
    /// The merchant's order number, where the transaction is known here.
    pub bill: Option<BillNum>,
    /// The amount as we have it.
    pub here: Option<Fen>,
    /// The amount as the provider has it.
    pub there: Option<Fen>,
    /// The refund's number at the provider, where it is about one.
    pub refund_num: Option<String>,
}

/// The payments of a provider's bill that are not accounted for yet: a few dozen bytes each.
#[derive(Clone, Debug, Default)]
pub struct Unmatched(HashMap<TransactionId, Fen>);

impl Unmatched {
    /// Notes a payment that the provider lists.
    pub fn add(&mut self, transaction: TransactionId, fee: Fen) {
        self.0.insert(transaction, fee);
    }

    /// Takes our record of a payment off the list. `known_before` says whether the provider listed it the day before: it was paid
    /// just before midnight, and settled here behind it.
    pub fn strike(&mut self, record: &Record, known_before: bool) -> Option<Difference> {
        match self.0.remove(&record.id) {
            Some(fee) => compare(record, fee),
            None if known_before => None,
            None => Some(difference(DifferenceKind::MissingThere, record.id.clone(), Some(record), None)),
        }
    }

    /// What the provider lists and nobody struck off.
    pub fn into_rest(self) -> impl Iterator<Item = (TransactionId, Fen)> {
        self.0.into_iter()
    }
}

/// Judges a payment that the provider lists, beside our record of it, if there is one.
pub fn judge_listed(transaction: TransactionId, fee: Fen, record: Option<&Record>) -> Option<Difference> {
    match record {
        None => Some(difference(DifferenceKind::MissingHere, transaction, None, Some(fee))),
        Some(record) if !record.status.is_paid() => {
            Some(difference(DifferenceKind::StatusDiffers, transaction, Some(record), Some(fee)))
        }
        Some(record) => compare(record, fee),
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
    Difference { kind, transaction, bill, here, there, refund_num: None }
}

/// Whether one of our records is a payment of `day`.
pub fn is_payment_of(record: &Record, day: &Day) -> bool {
    let ended_in = record.ended_at.is_some_and(|ended| (day.start()..=day.end()).contains(&ended));
    ended_in && matches!(record.status, Status::Success | Status::Refund)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::tests::{fen, sample};

    fn record(status: Status) -> Record {
        let mut transaction = sample(status);
        transaction.ended_at = Some(transaction.created_at);
        Record::from(transaction)
    }

    #[test]
    fn a_day_is_beijings() {
        let night = Timestamp::from_ms(1_795_444_200_000).unwrap();
        let day = Day::of(night);
        assert_eq!((day.as_str(), day.before().as_str()), ("2026-11-23", "2026-11-22"));
        assert_eq!(Day::parse("2026-11-23"), Some(day.clone()));
        assert_eq!((Day::of(day.start()), Day::of(day.end())), (day.clone(), day.clone()));
        assert_ne!(Day::of(Timestamp::clamped(day.end().ms() + 1)), day);
        for text in ["", "2026-11-3", "2026-02-30", "2026-11-23 ", "x"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    #[test]
    fn words_go_round() {
        for (kind, name) in DifferenceKind::ALL {
            assert_eq!((DifferenceKind::find(name), kind.name()), (Some(kind), name));
        }
    }

    #[test]
    fn each_difference_is_found_and_nothing_else() {
        let paid = record(Status::Success);
        let kind = |found: Option<Difference>| found.map(|found| found.kind);
        let listed = |fee: i64| {
            let mut unmatched = Unmatched::default();
            unmatched.add(paid.id.clone(), fen(fee));
            unmatched
        };
        assert_eq!(kind(listed(9900).strike(&paid, false)), None);
        assert_eq!(kind(listed(9901).strike(&paid, false)), Some(DifferenceKind::AmountDiffers));
        assert_eq!(kind(Unmatched::default().strike(&paid, false)), Some(DifferenceKind::MissingThere));
        assert_eq!(kind(Unmatched::default().strike(&paid, true)), None, "paid just before midnight");
        let judge = |record: Option<&Record>, fee| kind(judge_listed(paid.id.clone(), fen(fee), record));
        assert_eq!(judge(None, 1), Some(DifferenceKind::MissingHere));
        assert_eq!(judge(Some(&record(Status::Created)), 9900), Some(DifferenceKind::StatusDiffers));
        assert_eq!(judge(Some(&record(Status::Closed)), 9900), Some(DifferenceKind::StatusDiffers));
        assert_eq!(judge(Some(&record(Status::Refund)), 9900), None);
        assert_eq!(judge(Some(&paid), 1), Some(DifferenceKind::AmountDiffers));
        assert_eq!(listed(1).into_rest().count(), 1);
    }

    #[test]
    fn a_payment_is_of_the_day_it_was_settled() {
        let paid = record(Status::Success);
        let day = Day::of(paid.created_at);
        assert!(is_payment_of(&paid, &day));
        assert!(!is_payment_of(&paid, &day.before()));
        assert!(!is_payment_of(&record(Status::Closed), &day));
    }
}
