//! The state machine of a transaction: what a verified report, a closing or a withdrawal does to it.

use crate::{
    Event, Fen, Habit, Notification, OccurredEvent, Outcome, ProviderTradeNo, Status, Timestamp, Transaction,
    refund::refunded_elsewhere,
};

/// What a report from the provider does to a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It says nothing new.
    Unchanged,
    /// The changed transaction, and the events for the merchant.
    Changed {
        /// The new state.
        transaction: Box<Transaction>,
        /// What happened, in the order in which it happened.
        events: Vec<OccurredEvent>,
    },
}

crate::sentences! {
    /// Why a report contradicts what is known. It changes nothing and needs a person.
    pub enum Refusal, RefusalKind {
        AlreadyPaid = "paid-and-closed": "the transaction is paid, but the provider says that it was closed unpaid";
        // The payer may have paid twice.
        OtherTradeNo = "other-trade-no": "the transaction is paid under another trade number";
        RefundedTooMuch = "refunded-too-much": "the provider says that more was refunded than was paid";
    }
}

/// Decides what a verified, matching report does. Pure, because it may run twice.
///
/// # Errors
/// [`Refusal`] if the report contradicts what is known.
pub fn settle(before: &Transaction, report: &Notification, now: Timestamp) -> Result<Settlement, Refusal> {
    let says_paid = matches!(report.outcome, Outcome::Paid | Outcome::Refunded(_));
    let other_number = |ours: &ProviderTradeNo| report.trade_no.as_ref().is_some_and(|theirs| theirs != ours);
    if says_paid && before.status.is_paid() && before.trade_no.as_ref().is_some_and(other_number) {
        return Err(Refusal::OtherTradeNo);
    }
    let says_unpaid =
        report.outcome == Outcome::Closed && !before.key.channel.family().has(Habit::ClosesWhatIsRefunded);
    if says_unpaid && before.status == Status::Refund {
        return Err(Refusal::AlreadyPaid);
    }
    let refunded = refunded_after(before, report.outcome)?;
    let status = next_status(before.status, report.outcome, refunded == Some(before.fee))?;
    if status == before.status && refunded == before.refunded {
        return Ok(Settlement::Unchanged);
    }
    let event = match (before.status, status) {
        (Status::Created | Status::Closed, Status::Success) => Some(Event::PaymentSuccess),
        (Status::Created, Status::Closed) => closing_event(before),
        // It was refunded in full before its payment was known: the merchant must send no goods.
        _ => None,
    };
    let ended_at = if status == before.status || before.status.is_paid() { before.ended_at } else { Some(now) };
    let trade_no = before.trade_no.clone().or_else(|| report.trade_no.clone());
    let transaction = Box::new(Transaction { status, ended_at, trade_no, refunded, ..before.clone() });
    let elsewhere = refunded_elsewhere(before, &transaction);
    let events = event.map(OccurredEvent::from).into_iter().chain(elsewhere).collect();
    Ok(Settlement::Changed { transaction, events })
}

/// Gives up a try whose token nobody ever got, because the provider's answer was lost. Nobody can pay it, and the next try takes its place.
pub fn withdraw(before: &Transaction, now: Timestamp) -> Settlement {
    if before.status != Status::Created || before.token.is_some() {
        return Settlement::Unchanged;
    }
    let transaction = Transaction { status: Status::Closed, ended_at: Some(now), ..before.clone() };
    Settlement::Changed { transaction: Box::new(transaction), events: Vec::new() }
}

/// Closes an unpaid bill. As far as its provider knows, it stays unpaid: its time is over, or the merchant asked to close it.
pub fn close(before: &Transaction, now: Timestamp) -> Settlement {
    if before.status != Status::Created {
        return Settlement::Unchanged;
    }
    let transaction = Transaction { status: Status::Closed, ended_at: Some(now), ..before.clone() };
    let events = closing_event(before).map(OccurredEvent::from).into_iter().collect();
    Settlement::Changed { transaction: Box::new(transaction), events }
}

/// The event of a try that is closed unpaid. A replaced try has none: another try of the bill can still be paid.
fn closing_event(before: &Transaction) -> Option<Event> {
    before.superseded_at.is_none().then_some(Event::PaymentClosed)
}

/// The state machine: from the old status, the provider's outcome and whether all money is back, to the new status.
fn next_status(before: Status, outcome: Outcome, all_back: bool) -> Result<Status, Refusal> {
    use Status::{Closed, Created, Refund, Success};
    match (before, outcome) {
        (Created | Closed, Outcome::Paid) => Ok(Success), // Closed and paid: the payment crossed the closing.
        (Created | Closed | Success, Outcome::Refunded(_)) => Ok(if all_back { Refund } else { Success }),
        (Created | Closed, Outcome::Closed) => Ok(Closed),
        (Success, Outcome::Closed) => Err(Refusal::AlreadyPaid),
        (Success, Outcome::Paid) => Ok(Success),
        (Refund, Outcome::Paid | Outcome::Closed | Outcome::Refunded(_)) => Ok(Refund),
        (_, Outcome::Pending) => Ok(before),
    }
}

/// Refunds only grow. A message that says less than is known is an older one.
fn refunded_after(before: &Transaction, outcome: Outcome) -> Result<Option<Fen>, Refusal> {
    let told = match outcome {
        Outcome::Refunded(fee) => Some(fee),
        Outcome::Paid | Outcome::Pending | Outcome::Closed => None,
    };
    let refunded = before.refunded.max(told);
    if refunded.is_some_and(|refunded| refunded > before.fee) { Err(Refusal::RefundedTooMuch) } else { Ok(refunded) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::transaction::tests::{fen, report, sample};

    const PAID: fn() -> Outcome = || Outcome::Paid;
    const CLOSED: fn() -> Outcome = || Outcome::Closed;
    const PENDING: fn() -> Outcome = || Outcome::Pending;
    const HALF_BACK: fn() -> Outcome = || Outcome::Refunded(fen(4950));
    const ALL_BACK: fn() -> Outcome = || Outcome::Refunded(fen(9900));
    const TOO_MUCH: fn() -> Outcome = || Outcome::Refunded(fen(9901));

    #[test]
    #[rustfmt::skip]
    fn every_state_meets_every_outcome() {
        use Status::{Closed, Created, Refund, Success};
        type Case = (Status, fn() -> Outcome, &'static str, Result<(Status, &'static [Event]), Option<Refusal>>);
        const PAYMENT: &[Event] = &[Event::PaymentSuccess];
        const CLOSING: &[Event] = &[Event::PaymentClosed];
        const REFUND:  &[Event] = &[Event::RefundSuccess];
        const BOTH:    &[Event] = &[Event::PaymentSuccess, Event::RefundSuccess];
        // State before, outcome from the provider, its trade number; state after and events, or `None` for no change.
        const CASES: &[Case] = &[
            (Created, PENDING,   "T1", Err(None)),
            (Created, PAID,      "T1", Ok((Success, PAYMENT))),
            (Created, CLOSED,    "T1", Ok((Closed,  CLOSING))),
            (Created, HALF_BACK, "T1", Ok((Success, BOTH))), // the payment's own notify was lost
            (Created, ALL_BACK,  "T1", Ok((Refund,  REFUND))),                        // there is nothing to send goods for
            (Created, TOO_MUCH,  "T1", Err(Some(Refusal::RefundedTooMuch))),

            (Closed,  PENDING,   "T1", Err(None)),
            (Closed,  PAID,      "T1", Ok((Success, PAYMENT))), // a late payment counts
            (Closed,  CLOSED,    "T1", Err(None)),
            (Closed,  HALF_BACK, "T1", Ok((Success, BOTH))),
            (Closed,  ALL_BACK,  "T1", Ok((Refund,  REFUND))),
            (Closed,  TOO_MUCH,  "T1", Err(Some(Refusal::RefundedTooMuch))),

            (Success, PENDING,   "T1", Err(None)),                                  // states never go backwards
            (Success, PAID,      "T1", Err(None)),                                  // a repeated notify changes nothing
            (Success, PAID,      "T2", Err(Some(Refusal::OtherTradeNo))),           // paid twice
            (Success, CLOSED,    "T1", Err(Some(Refusal::AlreadyPaid))),
            (Success, HALF_BACK, "T1", Ok((Success, REFUND))),
            (Success, ALL_BACK,  "T1", Ok((Refund,  REFUND))),
            (Success, TOO_MUCH,  "T1", Err(Some(Refusal::RefundedTooMuch))),

            (Refund,  PENDING,   "T1", Err(None)),
            (Refund,  PAID,      "T1", Err(None)),
            (Refund,  PAID,      "T2", Err(Some(Refusal::OtherTradeNo))),
            (Refund,  CLOSED,    "T1", Err(None)),                                  // Alipay closes a trade after a full refund
            (Refund,  HALF_BACK, "T1", Err(None)),                                  // an older message that came late
            (Refund,  ALL_BACK,  "T1", Err(None)),
            (Refund,  TOO_MUCH,  "T1", Err(Some(Refusal::RefundedTooMuch))),
        ];
        let now = Timestamp::from_ms(1_795_444_300_000).unwrap();
        for (before, outcome, trade_no, expect) in CASES {
            let found = match settle(&sample(*before), &report(outcome(), trade_no), now) {
                Ok(Settlement::Changed { transaction, events }) => {
                    Ok((transaction.status, events.into_iter().map(|occurred| occurred.event).collect::<Vec<_>>()))
                }
                Ok(Settlement::Unchanged) => Err(None),
                Err(refusal) => Err(Some(refusal)),
            };
            let expect = expect.clone().map(|(status, events)| (status, events.to_vec()));
            assert_eq!(found, expect, "{before:?} {:?}", outcome());
        }
    }

    #[test]
    fn a_payment_sets_the_end_and_the_trade_number() {
        let now = Timestamp::from_ms(1_795_444_300_000).unwrap();
        let Ok(Settlement::Changed { transaction, .. }) =
            settle(&sample(Status::Created), &report(Outcome::Paid, "T9"), now)
        else {
            panic!("not settled")
        };
        assert_eq!(transaction.ended_at, Some(now));
        assert_eq!(transaction.trade_no, ProviderTradeNo::parse("T9"));
        // A refund afterwards leaves both as they are.
        let later = now.plus(Duration::from_secs(60));
        let Ok(Settlement::Changed { transaction, .. }) =
            settle(&transaction, &report(Outcome::Refunded(fen(1)), "T9"), later)
        else {
            panic!("not settled")
        };
        assert_eq!((transaction.ended_at, transaction.refunded), (Some(now), Some(fen(1))));
    }

    #[test]
    fn only_an_open_try_without_a_token_is_withdrawn() {
        let now = Timestamp::from_ms(1_795_444_300_000).unwrap();
        for status in Status::ALL {
            let withdrawn = withdraw(&sample(status), now);
            let changed = matches!(withdrawn, Settlement::Changed { events, .. } if events.is_empty());
            assert_eq!(changed, status == Status::Created, "{status:?}");
        }
        let kept = Transaction { token: Some("t".to_owned()), ..sample(Status::Created) };
        assert_eq!(withdraw(&kept, now), Settlement::Unchanged);
    }

    #[test]
    fn the_closing_of_a_replaced_try_is_not_told() {
        let now = Timestamp::from_ms(1_795_444_300_000).unwrap();
        let replaced = Transaction { superseded_at: Some(now), ..sample(Status::Created) };
        for settled in [close(&replaced, now), settle(&replaced, &report(Outcome::Closed, "T1"), now).unwrap()] {
            let Settlement::Changed { transaction, events } = settled else { panic!("not closed") };
            assert_eq!((transaction.status, events), (Status::Closed, Vec::new()));
        }
    }

    fn any_outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Pending),
            Just(Outcome::Paid),
            Just(Outcome::Closed),
            (1..=9900i64).prop_map(|refunded| Outcome::Refunded(fen(refunded))),
        ]
    }

    proptest! {
        /// For any messages in any order: a paid bill stays paid, refunds only grow, and the merchant gets the event of the payment at most
        /// once.
        #[test]
        fn no_order_of_messages_loses_money(outcomes in prop::collection::vec(any_outcome(), 0..12)) {
            let mut now = Timestamp::from_ms(1_795_444_300_000).unwrap();
            let mut transaction = sample(Status::Created);
            let mut told = 0;
            for outcome in outcomes {
                now = now.plus(Duration::from_secs(1));
                let Ok(Settlement::Changed { transaction: after, events }) = settle(&transaction, &report(outcome, "T1"), now)
                else { continue };
                prop_assert!(!transaction.status.is_paid() || after.status.is_paid());
                prop_assert!(after.refunded >= transaction.refunded);
                prop_assert_eq!(after.status == Status::Refund, after.refunded == Some(after.fee));
                told += events.iter().filter(|occurred| occurred.event == Event::PaymentSuccess).count();
                transaction = *after;
            }
            prop_assert!(told <= 1);
        }
    }
}
