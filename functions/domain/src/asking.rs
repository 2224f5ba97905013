//! When a provider is asked about something that it should have told by itself.

use std::time::Duration;

use crate::{Refund, Timestamp, Transaction};

/// When a silent bill is asked about, counted from its charge: a lost notify heals within minutes, and a bill that nobody pays
/// costs five questions.
const ASKED_AFTER: [Duration; 4] = [minutes(1), minutes(5), minutes(15), minutes(60)];

/// A payment that was begun in the last second is still on its way, and the provider's clock is not ours.
const EXPIRY_GRACE: Duration = minutes(1);

/// How often at least, and at most, something overdue is asked about while the provider does not decide.
const AGAIN_AFTER_MIN: Duration = minutes(5);
const AGAIN_AFTER_MAX: Duration = minutes(6 * 60);

/// The first question about a refund: most are done by then.
const REFUND_ASKED_AFTER: Duration = minutes(1);

/// When a bill that is unpaid at `now` is to be asked about next: 1, 5, 15 and 60 minutes after its charge, at its end, and then
/// at ever longer intervals until the provider decides.
pub fn next_question(transaction: &Transaction, now: Timestamp) -> Timestamp {
    let end = asking_end(transaction);
    let planned = ASKED_AFTER.iter().map(|wait| transaction.created_at.plus(*wait)).filter(|moment| *moment < end);
    planned.chain([end]).find(|moment| *moment > now).unwrap_or_else(|| later(end, now))
}

/// Whether the time to pay is over, and a moment more: a bill that is unpaid now can be closed.
pub fn is_overdue(transaction: &Transaction, now: Timestamp) -> bool {
    asking_end(transaction) <= now
}

/// When a refund that is pending at `now` is to be asked about next: as long from now as it has waited already.
pub fn next_refund_question(refund: &Refund, now: Timestamp) -> Timestamp {
    let first = refund.requested_at.plus(REFUND_ASKED_AFTER);
    if first > now { first } else { now.plus(refund.requested_at.distance(now).min(AGAIN_AFTER_MAX)) }
}

fn asking_end(transaction: &Transaction) -> Timestamp {
    transaction.expires_at.plus(EXPIRY_GRACE)
}

/// As long from now as it is overdue already.
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
}
