//! When a provider is queried about a bill or refund whose end it did not report.

use std::{fmt, time::Duration};

use crate::{AppId, Mode, RefundKey, Tab, Timestamp, Transaction, TransactionKey};

/// What a provider is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskedAbout {
    /// A bill that is not paid, or that is closed in our books only.
    Transaction(TransactionKey),
    /// A refund whose end is not known.
    Refund(RefundKey),
}

impl AskedAbout {
    /// The number of the bill, as people see it.
    pub fn bill(&self) -> &str {
        match self {
            Self::Transaction(key) => key.bill.as_str(),
            Self::Refund(key) => key.bill.as_str(),
        }
    }

    /// The app of the bill.
    pub fn app(&self) -> &AppId {
        match self {
            Self::Transaction(key) => &key.app,
            Self::Refund(key) => &key.app,
        }
    }
}

/// The provider of one tab of an app. Each has its own rate of questions. All accounts that the tab ever had count as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskedProvider {
    /// Whose account.
    pub app: AppId,
    /// Real money or not.
    pub mode: Mode,
    /// The tab.
    pub tab: Tab,
}

impl fmt::Display for AskedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.app, self.mode, self.tab)
    }
}

/// When a bill is asked about while its provider reports nothing, counted from its charge. So a lost notify is made up for within minutes,
/// and a bill that nobody pays costs five questions.
const ASKED_AFTER: [Duration; 4] = [minutes(1), minutes(5), minutes(15), minutes(60)];

/// A payment that began in the last second may still be on its way, and the provider's clock may differ from ours.
pub(crate) const EXPIRY_GRACE: Duration = minutes(1);

/// The shortest and the longest wait between questions about something overdue that the provider has not decided yet.
const AGAIN_AFTER_MIN: Duration = minutes(5);
const AGAIN_AFTER_MAX: Duration = minutes(6 * 60);
const SUPERSEDED_AGAIN_AFTER_MIN: Duration = minutes(1);

/// When the last question about a closed bill is asked. By then the provider has decided what was under way when the order ended.
pub(crate) const CLOSED_LAST_AFTER: Duration = minutes(24 * 60);

/// The shortest and the longest wait between two questions about a closed bill.
const CLOSED_AGAIN_AFTER_MIN: Duration = minutes(60);
const CLOSED_AGAIN_AFTER_MAX: Duration = minutes(24 * 60);

/// How long the last question is repeated while the provider does not answer it.
const CLOSED_UNANSWERED_MAX: Duration = minutes(30 * 24 * 60);

/// When to ask next about a bill that is unpaid at `now`: 1, 5, 15 and 60 minutes after its charge, at its end, and then at growing
/// intervals until the provider decides.
///
/// A replaced try is closed as soon as its provider closes the order. WeChat's old interface closes no order in its first five minutes.
pub fn next_question(transaction: &Transaction, now: Timestamp) -> Timestamp {
    if let Some(superseded_at) = transaction.superseded_at {
        return now.plus(superseded_at.distance(now).clamp(SUPERSEDED_AGAIN_AFTER_MIN, AGAIN_AFTER_MAX));
    }
    let end = asking_end(transaction);
    let planned = ASKED_AFTER.iter().map(|wait| transaction.created_at.plus(*wait)).filter(|moment| *moment < end);
    planned.chain([end]).find(|moment| *moment > now).unwrap_or_else(|| later(end, now))
}

/// Whether an unpaid bill can be closed now: its time to pay and a short grace are over, or another try took its place.
pub fn is_overdue(transaction: &Transaction, now: Timestamp) -> bool {
    transaction.superseded_at.is_some() || asking_end(transaction) <= now
}

/// When to ask next about a bill that was closed at `closed_at` in our books only: 1, 5, 15 and 60 minutes after its closing; then at
/// growing intervals until its order ends at the provider; at that end; and once more a day later. `None` if the question of `now` is the
/// last one: the order can certainly no longer be paid.
pub fn next_closed_question(closed_at: Timestamp, payable_until: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let end = payable_until.plus(EXPIRY_GRACE);
    let last = end.plus(CLOSED_LAST_AFTER);
    if now >= end {
        return (now < last).then_some(last);
    }
    let planned = ASKED_AFTER.iter().map(|wait| closed_at.plus(*wait)).find(|moment| *moment > now);
    let wait = closed_at.distance(now).clamp(CLOSED_AGAIN_AFTER_MIN, CLOSED_AGAIN_AFTER_MAX);
    Some(planned.unwrap_or_else(|| now.plus(wait)).min(end))
}

/// When the last question about a closed bill is repeated, if its provider does not answer. `None` if the provider was silent for a month.
pub fn last_closed_question_again(payable_until: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let given_up = payable_until.plus(EXPIRY_GRACE).plus(CLOSED_LAST_AFTER).plus(CLOSED_UNANSWERED_MAX);
    (now < given_up).then(|| now.plus(AGAIN_AFTER_MAX))
}

fn asking_end(transaction: &Transaction) -> Timestamp {
    transaction.expires_at.plus(EXPIRY_GRACE)
}

/// The bill waits as long from now as it is overdue already, within the bounds.
fn later(end: Timestamp, now: Timestamp) -> Timestamp {
    now.plus(end.distance(now).clamp(AGAIN_AFTER_MIN, AGAIN_AFTER_MAX))
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Status, transaction::tests::sample};

    #[test]
    fn a_silent_bill_is_asked_about_at_ever_longer_intervals() {
        let bill = sample(Status::Created);
        let mut asked = Vec::new();
        let mut now = bill.created_at;
        for _ in 0..14 {
            now = next_question(&bill, now);
            asked.push((now.ms() - bill.created_at.ms()) / 60_000);
        }
        assert_eq!(asked, [1, 5, 15, 60, 121, 126, 131, 141, 161, 201, 281, 441, 761, 1121]);
    }

    #[test]
    fn a_replaced_try_is_closed_as_soon_as_can_be() {
        let mut bill = sample(Status::Created);
        let replaced_at = bill.created_at.plus(minutes(2));
        bill.superseded_at = Some(replaced_at);
        let (mut asked, mut now) = (Vec::new(), replaced_at);
        for _ in 0..6 {
            assert!(is_overdue(&bill, now));
            now = next_question(&bill, now);
            asked.push((now.ms() - replaced_at.ms()) / 60_000);
        }
        assert_eq!(asked, [1, 2, 4, 8, 16, 32]);
    }

    #[test]
    fn a_short_bill_is_not_asked_about_behind_its_end() {
        let mut bill = sample(Status::Created);
        bill.expires_at = bill.created_at.plus(minutes(6));
        let first = next_question(&bill, bill.created_at);
        let second = next_question(&bill, first);
        let third = next_question(&bill, second);
        let after = [first, second, third].map(|moment| (moment.ms() - bill.created_at.ms()) / 60_000);
        assert_eq!(after, [1, 5, 7]);
        assert!(!is_overdue(&bill, second) && is_overdue(&bill, third));
    }

    /// The minutes at which a bill is asked about that was closed after `closed` minutes and can be paid until `end`.
    fn questions(closed: u64, end: u64) -> Vec<i64> {
        let began = sample(Status::Created).created_at;
        let (closed_at, until) = (began.plus(minutes(closed)), began.plus(minutes(end)));
        let asked = std::iter::successors(Some(closed_at), |now| next_closed_question(closed_at, until, *now));
        asked.skip(1).take(100).map(|moment| (moment.ms() - began.ms()) / 60_000).collect()
    }

    #[test]
    fn a_closed_bill_is_asked_about_until_its_order_has_ended_and_once_more_a_day_later() {
        assert_eq!(questions(0, 120), [1, 5, 15, 60, 120, 121, 1561]);
        assert_eq!(questions(10, 120), [11, 15, 25, 70, 121, 1561]);
        assert_eq!(questions(121, 120), [1561], "it was asked about when it was closed at its end");
        let long = questions(30, 15 * 24 * 60);
        assert_eq!(long.get(..9), Some(&[31, 35, 45, 90, 150, 270, 510, 990, 1950][..]));
        assert_eq!(long.get(long.len() - 2..), Some(&[21_601, 23_041][..]));
        assert!(long.len() < 30 && long.windows(2).all(|pair| pair[1] - pair[0] <= 24 * 60), "{long:?}");
    }

    #[test]
    fn the_last_question_is_asked_again_for_a_month_and_not_for_ever() {
        let until = sample(Status::Created).expires_at;
        let first = until.plus(minutes(1 + 24 * 60));
        let asked = std::iter::successors(Some(first), |now| last_closed_question_again(until, *now));
        assert_eq!(asked.take(1000).count(), 1 + 30 * 4);
    }
}
