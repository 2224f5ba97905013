//! How a provider's statement changes a refund and its payment: the one table of a refund's states.

use serde_json::{Map, json};

use super::next_refund_question;
use super::{Refund, RefundPause, RefundStatus, RefundSums, amount, committed, fen};
use crate::{About, Event, OccurredEvent, Sentence, Status, Timestamp, Transaction};

/// What has become of a refund, as its provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundVerdict {
    /// The money went back.
    Done,
    /// The money left the merchant and did not arrive. With the provider's words.
    Stuck(Sentence),
    /// The merchant's balance does not suffice, so nothing moved yet. With the provider's words.
    Short(Sentence),
    /// The money did not move. With the provider's words.
    Failed(Sentence),
}

/// What a provider says about a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundStatement {
    /// What has become of it.
    pub verdict: RefundVerdict,
    /// Which sending it is about; `None` if the provider knows all of them under one number.
    pub sending: Option<u32>,
}

/// What a statement changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundChange {
    /// The changed payment.
    pub payment: Transaction,
    /// The changed refund.
    pub refund: Refund,
    /// The events for the merchant.
    pub events: Vec<OccurredEvent>,
}

/// What a statement leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundDecision {
    /// It says nothing new.
    Unchanged,
    /// It changes this.
    Changed(Box<RefundChange>),
    /// It contradicts what is known, and a person must look.
    Contradiction(RefundContradiction),
}

crate::sentences! {
    /// How a statement contradicts what is known.
    pub enum RefundContradiction, RefundContradictionKind {
        WentBack { num: String, words: Sentence } = "refund-taken-back": "refund {num} succeeded, but the provider now says that it did not: {words}";
        // Its share of the payment is used by other refunds.
        NoRoom { num: String } = "refund-no-room": "refund {num} failed, but the provider now says that its money left; the rest of the payment does not cover it";
        // Two sendings of it went back.
        Twice { num: String } = "refund-twice": "refund {num} succeeded twice at the provider, under two numbers";
    }
}

/// Decides what a verified statement about a refund changes. Pure, because it may run twice.
pub fn apply_refund_statement(
    before: &Transaction,
    refund: &Refund,
    statement: &RefundStatement,
    now: Timestamp,
) -> RefundDecision {
    use RefundStatus::{Failed, Pending, Stuck, Success};
    let num = || refund.num.to_string();
    // A refund is sent again only after the sending before moved no money, so the failure of that sending is not new.
    let is_of_another_sending = statement.sending.is_some_and(|sending| sending != refund.sending.number);
    match (refund.status, &statement.verdict) {
        (Success, RefundVerdict::Done) if is_of_another_sending => {
            RefundDecision::Contradiction(RefundContradiction::Twice { num: num() })
        }
        (Pending | Stuck, RefundVerdict::Done) => succeed(before, refund, statement, now),
        (Failed, RefundVerdict::Done) => match reserved_again(before, refund) {
            Some(reserved) => succeed(&reserved, refund, statement, now),
            None => RefundDecision::Contradiction(RefundContradiction::NoRoom { num: num() }),
        },
        (_, RefundVerdict::Stuck(_) | RefundVerdict::Short(_) | RefundVerdict::Failed(_)) if is_of_another_sending => {
            RefundDecision::Unchanged
        }
        (Pending, RefundVerdict::Short(words)) => pause(before, refund, words, now),
        (Pending, RefundVerdict::Stuck(words)) => stick(before, refund, words, now),
        (Pending | Stuck, RefundVerdict::Failed(words)) => fail(before, refund, words, now),
        (Failed, RefundVerdict::Stuck(words)) => match reserved_again(before, refund) {
            Some(reserved) => stick(&reserved, refund, words, now),
            None => RefundDecision::Contradiction(RefundContradiction::NoRoom { num: num() }),
        },
        (Success, RefundVerdict::Stuck(words) | RefundVerdict::Failed(words)) => {
            RefundDecision::Contradiction(RefundContradiction::WentBack { num: num(), words: words.clone() })
        }
        (Success, RefundVerdict::Done) | (Stuck, RefundVerdict::Stuck(_)) | (Failed, RefundVerdict::Failed(_)) => {
            RefundDecision::Unchanged
        }
        // One call of several was refused after another was accepted.
        (Stuck | Success | Failed, RefundVerdict::Short(_)) => RefundDecision::Unchanged,
    }
}

/// Gives up a refund that waits for the merchant's balance. The provider must have said of this very sending that it moved no money.
pub fn give_up_refund(
    before: &Transaction,
    refund: &Refund,
    asked: &Refund,
    words: &Sentence,
    now: Timestamp,
) -> RefundDecision {
    let is_as_asked = refund.status == RefundStatus::Pending && refund.sending.number == asked.sending.number;
    if !is_as_asked || refund.pause.is_none() {
        return RefundDecision::Unchanged;
    }
    fail(before, refund, words, now)
}

/// Reserves the fee of a failed refund again, if that much can still be refunded.
fn reserved_again(before: &Transaction, refund: &Refund) -> Option<Transaction> {
    super::reserve_refund(before, refund.fee).ok()
}

fn succeed(before: &Transaction, refund: &Refund, statement: &RefundStatement, now: Timestamp) -> RefundDecision {
    let pending = fen(before.refunds.pending) - refund.fee.get();
    let expected = committed(before);
    let mut ended = Refund {
        status: RefundStatus::Success,
        ended_at: Some(now),
        failure: None,
        due_at: None,
        pause: None,
        ..refund.clone()
    };
    ended.sending.number = statement.sending.unwrap_or(refund.sending.number);
    let refunded = before.refunded.max(amount(expected - pending));
    let all_back = refunded.is_some_and(|refunded| refunded >= before.fee);
    let status = if all_back { Status::Refund } else { before.status };
    let refunds = RefundSums { pending: amount(pending), committed: amount(expected) };
    let payment = Transaction { status, refunded, refunds, ..before.clone() };
    let about = about(&ended, &payment, ended.num.to_string());
    let events = vec![OccurredEvent { event: Event::RefundSuccess, about }];
    changed(payment, ended, events)
}

fn fail(before: &Transaction, refund: &Refund, words: &Sentence, now: Timestamp) -> RefundDecision {
    let pending = fen(before.refunds.pending) - refund.fee.get();
    let expected = committed(before) - refund.fee.get();
    let ended = Refund {
        status: RefundStatus::Failed,
        ended_at: Some(now),
        failure: Some(words.to_owned()),
        due_at: None,
        pause: None,
        ..refund.clone()
    };
    let refunds = RefundSums { pending: amount(pending), committed: amount(expected) };
    let payment = Transaction { refunds, ..before.clone() };
    let name = event_name(refund, now);
    let mut events = vec![OccurredEvent { event: Event::RefundFailed, about: about(&ended, &payment, name) }];
    events.extend(told_elsewhere(expected, &payment));
    changed(payment, ended, events)
}

/// A stuck refund stays in `pending` and `committed`: its money left the merchant and has not arrived.
fn stick(before: &Transaction, refund: &Refund, words: &Sentence, now: Timestamp) -> RefundDecision {
    let stuck = Refund {
        status: RefundStatus::Stuck,
        ended_at: None,
        failure: Some(words.to_owned()),
        pause: None,
        ..refund.clone()
    };
    let stuck = Refund { due_at: Some(next_refund_question(&stuck, now)), ..stuck };
    let name = event_name(refund, now);
    let events = vec![OccurredEvent { event: Event::RefundStuck, about: about(&stuck, before, name) }];
    changed(before.clone(), stuck, events)
}

fn pause(before: &Transaction, refund: &Refund, words: &Sentence, now: Timestamp) -> RefundDecision {
    let since = refund.pause.map_or(now, |pause| pause.since);
    let pause = Some(RefundPause { since, refused_at: Some(now) });
    let paused = Refund { pause, failure: Some(words.to_owned()), ..refund.clone() };
    let paused = Refund { due_at: Some(next_refund_question(&paused, now)), ..paused };
    changed(before.clone(), paused, Vec::new())
}

fn changed(payment: Transaction, refund: Refund, events: Vec<OccurredEvent>) -> RefundDecision {
    RefundDecision::Changed(Box::new(RefundChange { payment, refund, events }))
}

/// The event of a refund made elsewhere, usually in the provider's console. A report shows it.
pub(crate) fn refunded_elsewhere(before: &Transaction, after: &Transaction) -> Option<OccurredEvent> {
    told_elsewhere(committed(before), after)
}

/// The event for the amount that is committed beyond `expected`.
fn told_elsewhere(expected: i64, after: &Transaction) -> Option<OccurredEvent> {
    let fee = amount(committed(after) - expected)?;
    // No refund number contains a colon.
    let name = format!("sum:{}", committed(after) - fen(after.refunds.pending));
    let members = [("refundFee", json!(fee.get())), ("refundedFee", json!(fen(after.refunded)))];
    Some(OccurredEvent { event: Event::RefundSuccess, about: About { name, members: named(members) } })
}

/// The first event of a refund is named after its number. A later one has the moment in its name too, because it may recur.
fn event_name(refund: &Refund, now: Timestamp) -> String {
    if refund.status == RefundStatus::Pending { refund.num.to_string() } else { format!("{}:{}", refund.num, now.ms()) }
}

/// What an event says of our refund, beside the transaction.
fn about(refund: &Refund, after: &Transaction, name: String) -> About {
    let mut members = named([
        ("refundNum", json!(refund.num.as_str())),
        ("refundFee", json!(refund.fee.get())),
        ("refundedFee", json!(fen(after.refunded))),
    ]);
    members.extend(refund.failure.as_ref().map(|failure| ("failure".to_owned(), json!(failure.text))));
    About { name, members }
}

fn named<const N: usize>(members: [(&str, serde_json::Value); N]) -> Map<String, serde_json::Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
