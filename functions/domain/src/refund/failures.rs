//! Failed refunds by channel and reason, for the overview.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Refund, RefundStatus};
use crate::{Channel, Sentence, Sum};

/// The refunds of one channel that failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedForReason {
    /// The channel.
    pub channel: Channel,
    /// The failure of the first of them. The others have its code, but may have other words. `None` if no failure was kept.
    pub failure: Option<Sentence>,
    /// How many, and their amounts.
    pub sum: Sum,
}

/// Failed refunds by channel and reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailedRefunds {
    /// The most frequent first.
    pub reasons: Vec<FailedForReason>,
    /// Those of all other reasons together; `None` if there are none.
    pub others: Option<OtherFailures>,
    /// All together.
    pub total: Sum,
}

/// The refunds that failed for the less frequent reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherFailures {
    /// How many reasons: two or more.
    pub reasons: usize,
    /// How many refunds, and their amounts.
    pub sum: Sum,
}

/// Groups those of `refunds` that failed. Providers may have any number of codes. So there are at most `rows_max` rows, and the last one
/// may be of all others.
pub fn failed_by_reason(refunds: &[Refund], rows_max: usize) -> FailedRefunds {
    let mut groups: BTreeMap<(Channel, Option<&str>), FailedForReason> = BTreeMap::new();
    let mut total = Sum::default();
    for refund in refunds.iter().filter(|refund| refund.status == RefundStatus::Failed) {
        let (channel, sum) = (refund.key.channel, Sum::of(refund.fee, None));
        let new = || FailedForReason { channel, failure: refund.failure.clone(), sum: Sum::default() };
        groups.entry((channel, refund.failure_code())).or_insert_with(new).sum.add(sum);
        total.add(sum);
    }
    let mut reasons: Vec<FailedForReason> = groups.into_values().collect();
    // Of equal ones the order of the channels and codes stays, so that a reload shows the same.
    reasons.sort_by_key(|one| Reverse((one.sum.count, one.sum.amount)));
    let others = if reasons.len() > rows_max { reasons.split_off(rows_max.saturating_sub(1)) } else { Vec::new() };
    let mut sum = Sum::default();
    others.iter().for_each(|one| sum.add(one.sum));
    let others = (!others.is_empty()).then_some(OtherFailures { reasons: others.len(), sum });
    FailedRefunds { reasons, others, total }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RefundFailure, refund::tests::refund};

    fn failed(channel: Channel, code: &str, words: &str, fee: i64) -> Refund {
        let mut one = Refund { status: RefundStatus::Failed, ..refund("R1", fee) };
        one.key.channel = channel;
        one.failure = Some(RefundFailure::Refused { code: code.to_owned(), words: Sentence::as_it_is(words) }.into());
        one
    }

    fn read(found: &FailedRefunds) -> Vec<(Channel, &str, i64, i64)> {
        let row = |one| {
            let FailedForReason { channel, failure, sum }: &FailedForReason = one;
            (*channel, failure.as_ref().map_or("", |failure| failure.text.as_str()), sum.count, sum.amount)
        };
        found.reasons.iter().map(row).collect()
    }

    #[test]
    fn refunds_are_grouped_by_channel_and_code_with_the_words_of_the_first() {
        let nothing = Refund { failure: None, ..failed(Channel::WxApp, "", "", 9) };
        let refunds = [
            failed(Channel::WxApp, "A", "order 2", 200),
            failed(Channel::AliWeb, "A", "x: y", 50),
            failed(Channel::WxApp, "A", "order 1", 100),
            failed(Channel::WxApp, "B", "", 60),
            Refund { status: RefundStatus::Success, ..failed(Channel::WxApp, "A", "", 1000) },
            Refund { status: RefundStatus::Pending, ..failed(Channel::WxApp, "A", "", 1000) },
            nothing,
        ];
        let found = failed_by_reason(&refunds, 10);
        let expect = [
            (Channel::WxApp, "A: order 2", 2, 300),
            (Channel::WxApp, "B: ", 1, 60),
            (Channel::AliWeb, "A: x: y", 1, 50),
            (Channel::WxApp, "", 1, 9),
        ];
        assert_eq!(read(&found), expect);
        assert_eq!((found.others, found.total), (None, Sum { count: 5, amount: 419, refunded: 0 }));
        assert_eq!(failed_by_reason(&[], 10), FailedRefunds::default());
    }

    #[test]
    fn the_least_frequent_reasons_share_the_last_row() {
        let refunds: Vec<Refund> =
            (1..=5).flat_map(|code: usize| vec![failed(Channel::WxApp, &code.to_string(), "", 10); code]).collect();
        let counts = |rows_max| {
            let found = failed_by_reason(&refunds, rows_max);
            let counts: Vec<i64> = found.reasons.iter().map(|one| one.sum.count).collect();
            (
                counts,
                found.others.map(|others| (others.reasons, others.sum.count, others.sum.amount)),
                found.total.count,
            )
        };
        assert_eq!(counts(5), (vec![5, 4, 3, 2, 1], None, 15));
        assert_eq!(counts(4), (vec![5, 4, 3], Some((2, 3, 30)), 15));
        assert_eq!(counts(1), (vec![], Some((5, 15, 150)), 15));
        assert_eq!(counts(0), (vec![], Some((5, 15, 150)), 15));
    }

    #[test]
    fn a_text_without_a_code_is_its_own_reason() {
        let of = |text: &str| Refund { failure: Some(Sentence::as_it_is(text)), ..failed(Channel::WxApp, "", "", 1) };
        assert_eq!(of("A: b").failure_code(), Some("A"));
        assert_eq!(of("in words").failure_code(), Some("in words"));
        assert_eq!(Refund { failure: None, ..of("") }.failure_code(), None);
    }
}
