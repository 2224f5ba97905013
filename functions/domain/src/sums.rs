//! The sums of a day, and when a day is summed again.
//!
//! Nothing is summed while payments are made: that would cost one write for each. A job sums a day when it is over. It sums the day again
//! at set ages, because payments and refunds may have come since.

use std::collections::BTreeMap;

use crate::{Channel, Closing, Fen, Status, money::grouped_yuan};

/// How old in days a day is when it is summed. First on the three days after it, because payments come late. Then when none of its bills
/// can be open any longer (a charge may ask for 15 days). Then for its refunds: most come within a month, and the last within three.
const SUMMED_AT_DAYS: [u32; 7] = [1, 2, 3, 16, 31, 61, 91];

/// How many days back days are summed and shown.
pub const SUMMED_DAYS_MAX: u32 = 91;

/// A number of transactions, and their amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many transactions.
    pub count: i64,
    /// Their amounts together, in fen.
    pub amount: i64,
    /// How much of it went back, in fen.
    pub refunded: i64,
}

/// The sums of the transactions that were charged on one day, by channel and status, and why those that are closed were closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaySums {
    sums: BTreeMap<(Channel, Status), Sum>,
    closings: BTreeMap<(Channel, Closing), i64>,
}

/// The sum of one channel in one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SumEntry {
    /// The channel.
    pub channel: Channel,
    /// The status.
    pub status: Status,
    /// The sum of its transactions.
    pub sum: Sum,
}

/// How many transactions of one channel were closed for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosingEntry {
    /// The channel.
    pub channel: Channel,
    /// The reason.
    pub closing: Closing,
    /// How many.
    pub count: i64,
}

impl Sum {
    /// The sum of one transaction.
    pub fn of(fee: Fen, refunded: Option<Fen>) -> Self {
        Self { count: 1, amount: fee.get(), refunded: refunded.map_or(0, Fen::get) }
    }

    /// The amount in yuan as people read it: `1,234.56`.
    pub fn amount_in_yuan(self) -> String {
        grouped_yuan(self.amount)
    }

    /// What went back, in yuan as people read it.
    pub fn refunded_in_yuan(self) -> String {
        grouped_yuan(self.refunded)
    }

    /// Adds another sum. If a sum is too large for its field, it stays at the largest value, which is more money than exists.
    pub fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.amount = self.amount.saturating_add(other.amount);
        self.refunded = self.refunded.saturating_add(other.refunded);
    }
}

impl DaySums {
    /// Adds to one channel and status.
    pub fn add(&mut self, channel: Channel, status: Status, sum: Sum) {
        if sum != Sum::default() {
            self.sums.entry((channel, status)).or_default().add(sum);
        }
    }

    /// Adds a transaction. A reason counts only while the transaction is closed: one that was paid later keeps the reason.
    pub fn add_transaction(&mut self, channel: Channel, status: Status, sum: Sum, closing: Option<Closing>) {
        self.add(channel, status, sum);
        if let Some(closing) = closing.filter(|_| status == Status::Closed) {
            self.add_closing(ClosingEntry { channel, closing, count: sum.count });
        }
    }

    /// Adds to those of a channel that were closed for a reason. They are counted in their sum, too.
    pub fn add_closing(&mut self, ClosingEntry { channel, closing, count }: ClosingEntry) {
        if count > 0 {
            let own = self.closings.entry((channel, closing)).or_default();
            *own = own.saturating_add(count);
        }
    }

    /// Adds all of another day.
    pub fn add_all(&mut self, other: &Self) {
        for SumEntry { channel, status, sum } in other.iter() {
            self.add(channel, status, sum);
        }
        other.closings().for_each(|entry| self.add_closing(entry));
    }

    /// How many were closed for this reason.
    pub fn closed_for(&self, closing: Closing) -> i64 {
        self.closings().filter(|entry| entry.closing == closing).map(|entry| entry.count).sum()
    }

    /// For how many closed ones it is not recorded why: versions before did not record it.
    pub fn closed_unrecorded(&self) -> i64 {
        let recorded: i64 = self.closings().map(|entry| entry.count).sum();
        (self.in_status(Status::Closed).count - recorded).max(0)
    }

    /// Every channel and reason for which transactions were closed. Transactions of older versions were closed without a reason.
    pub fn closings(&self) -> impl Iterator<Item = ClosingEntry> {
        let entry = |((channel, closing), count): (&(Channel, Closing), &i64)| ClosingEntry {
            channel: *channel,
            closing: *closing,
            count: *count,
        };
        self.closings.iter().map(entry)
    }

    /// Every channel and status that has transactions.
    pub fn iter(&self) -> impl Iterator<Item = SumEntry> {
        self.sums.iter().map(|((channel, status), sum)| SumEntry { channel: *channel, status: *status, sum: *sum })
    }

    /// What was charged, paid or not, on the channels for which `wanted` is true.
    pub fn charged(&self, wanted: impl Fn(Channel) -> bool) -> Sum {
        self.total(|channel, _| wanted(channel))
    }

    /// What was paid, refunded later or not, on the channels for which `wanted` is true.
    pub fn paid(&self, wanted: impl Fn(Channel) -> bool) -> Sum {
        self.total(|channel, status| wanted(channel) && status.is_paid())
    }

    /// What is in one status.
    pub fn in_status(&self, status: Status) -> Sum {
        self.total(|_, own| own == status)
    }

    fn total(&self, wanted: impl Fn(Channel, Status) -> bool) -> Sum {
        let mut total = Sum::default();
        self.iter().filter(|entry| wanted(entry.channel, entry.status)).for_each(|entry| total.add(entry.sum));
        total
    }
}

/// Whether a day that is `age` days old is to be summed, if it was last summed at `kept` days.
pub fn is_to_be_summed(age: u32, kept: Option<u32>) -> bool {
    let looks = |age: u32| SUMMED_AT_DAYS.iter().filter(|day| **day <= age).count();
    (1..=SUMMED_DAYS_MAX).contains(&age) && kept.is_none_or(|kept| looks(kept) < looks(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn a_day_is_summed_when_it_may_have_changed() {
        const CASES: &[(u32, Option<u32>, bool)] = &[
            (0,  None,     false), // it is not over
            (1,  None,     true),
            (1,  Some(1),  false),
            (2,  Some(1),  true),
            (3,  Some(2),  true),
            (4,  Some(3),  false),
            (4,  Some(2),  true),  // the job did not run yesterday
            (15, Some(3),  false),
            (16, Some(3),  true),
            (40, None,     true),
            (40, Some(31), false),
            (91, Some(61), true),
            (91, Some(91), false),
            (92, None,     false),
        ];
        for (age, kept, expect) in CASES {
            assert_eq!(is_to_be_summed(*age, *kept), *expect, "{age} {kept:?}");
        }
    }

    #[test]
    fn paid_is_what_was_paid_whether_or_not_it_went_back() {
        let mut sums = DaySums::default();
        let fen = |fen| Fen::new(fen).unwrap();
        sums.add(Channel::AliWeb, Status::Success, Sum::of(fen(100), Some(fen(30))));
        sums.add(Channel::AliWeb, Status::Refund, Sum::of(fen(50), Some(fen(50))));
        sums.add(Channel::AliWeb, Status::Created, Sum::of(fen(7), None));
        sums.add(Channel::WxApp, Status::Success, Sum::of(fen(1), None));
        sums.add(Channel::WxApp, Status::Closed, Sum::default());
        assert_eq!(sums.iter().count(), 4);
        assert_eq!(sums.paid(|_| true), Sum { count: 3, amount: 151, refunded: 80 });
        assert_eq!(sums.charged(|channel| channel == Channel::AliWeb), Sum { count: 3, amount: 157, refunded: 80 });
        let mut twice = sums.clone();
        twice.add_all(&sums);
        assert_eq!(twice.charged(|_| true).count, 8);
    }

    #[test]
    fn closings_are_added_by_channel_and_reason() {
        let entry = |channel, closing, count| ClosingEntry { channel, closing, count };
        let mut sums = DaySums::default();
        sums.add_closing(entry(Channel::AliWeb, Closing::Expired, 2));
        sums.add_closing(entry(Channel::AliWeb, Closing::Expired, 1));
        sums.add_closing(entry(Channel::WxApp, Closing::Early, 0));
        let mut row = DaySums::default();
        row.add_transaction(Channel::WxApp, Status::Success, Sum::of(Fen::new(7).unwrap(), None), Some(Closing::Early));
        row.add_transaction(Channel::WxApp, Status::Closed, Sum::of(Fen::new(7).unwrap(), None), None);
        assert_eq!((row.closings().count(), row.in_status(Status::Closed).count), (0, 1));
        row.add_transaction(Channel::WxApp, Status::Closed, Sum::of(Fen::new(7).unwrap(), None), Some(Closing::Early));
        assert_eq!(row.closings().collect::<Vec<_>>(), [entry(Channel::WxApp, Closing::Early, 1)]);
        let mut twice = sums.clone();
        twice.add_all(&sums);
        assert_eq!(twice.closings().collect::<Vec<_>>(), [entry(Channel::AliWeb, Closing::Expired, 6)]);
        sums.add_closing(entry(Channel::AliWeb, Closing::Expired, i64::MAX));
        assert_eq!(sums.closings().next(), Some(entry(Channel::AliWeb, Closing::Expired, i64::MAX)));
        assert_eq!(sums.in_status(Status::Closed), Sum::default());
    }

    #[test]
    fn no_sum_wraps_around() {
        let mut sum = Sum { count: i64::MAX, amount: i64::MAX, refunded: 0 };
        sum.add(Sum { count: 1, amount: 1, refunded: 0 });
        assert_eq!(sum, Sum { count: i64::MAX, amount: i64::MAX, refunded: 0 });
    }
}
