//! The sums and the states of refunds, by tables.

use std::time::Duration;

use super::*;
use crate::{
    Bill, Channel, Event, Outcome, RefundRequest, Refusal, Settlement, Status, settle,
    transaction::tests::{fen as fen_of, report, sample},
};

pub(crate) fn sample_refund(fee: i64) -> Refund {
    refund("R1", fee)
}

pub(super) fn refund(num: &str, fee: i64) -> Refund {
    let payment = sample(Status::Success);
    Refund {
        key: payment.key,
        transaction: payment.id,
        num: RefundNum::parse(num).unwrap(),
        fee: fen_of(fee),
        reason: None,
        way: RefundWay::Refund,
        requested_at: payment.created_at,
        status: RefundStatus::Pending,
        ended_at: None,
        failure: None,
        due_at: Some(payment.created_at),
        sending: RefundSending { number: 0, at: payment.created_at },
        pause: None,
    }
}

pub(super) fn word(verdict: &RefundVerdict) -> RefundStatement {
    RefundStatement { verdict: verdict.clone(), sending: None }
}

#[test]
fn a_refund_that_waits_for_the_balance_is_tried_each_hour_and_then_each_day() {
    let refund = sample_refund(100);
    let start = refund.requested_at;
    let paused = Refund { pause: Some(RefundPause { since: start, refused_at: Some(start) }), ..refund };
    let mut tried = Vec::new();
    let mut now = start;
    while !paused.has_waited(now) {
        now = next_refund_question(&paused, now);
        tried.push((now.ms() - start.ms()) / 3_600_000);
    }
    let expect: Vec<i64> = (1..=24).chain((2..=30).map(|day| day * 24)).collect();
    assert_eq!(tried, expect);
}

#[test]
#[rustfmt::skip]
fn a_refund_is_asked_about_at_ever_longer_intervals() {
    let refund = sample_refund(100);
    // In seconds after the request: when it is asked about, and when next.
    for (at, next) in [(0, 60), (59, 60), (60, 120), (120, 240), (21_600, 43_200), (30_000, 51_600), (864_000, 885_600)] {
        let now = refund.requested_at.plus(Duration::from_secs(at));
        assert_eq!(next_refund_question(&refund, now), refund.requested_at.plus(Duration::from_secs(next)), "{at}");
        let stuck = Refund { status: RefundStatus::Stuck, ..refund.clone() };
        assert_eq!(next_refund_question(&stuck, now), now.plus(Duration::from_secs(86_400)), "{at}");
    }
}

#[test]
fn a_provider_that_does_not_know_a_refund_moved_nothing_once_it_refused_it_or_a_day_is_over() {
    let refund = sample_refund(100);
    let after = |ms: u64| refund.requested_at.plus(Duration::from_millis(ms));
    let paused = |refused_at| Refund { pause: Some(RefundPause { since: after(0), refused_at }), ..refund.clone() };
    const DAY_MS: u64 = 86_400_000;
    for (refund, at, expect) in [
        (refund.clone(), DAY_MS - 1, false),
        (refund.clone(), DAY_MS, true),
        (paused(None), DAY_MS - 1, false),
        (paused(None), DAY_MS, true),
        (paused(Some(after(0))), 0, true),
    ] {
        assert_eq!(refund.surely_moved_nothing(after(at)), expect, "{at} {:?}", refund.pause);
    }
    assert!(!refund.has_waited(after(100 * DAY_MS)));
    assert!(!paused(None).has_waited(after(30 * DAY_MS - 1)) && paused(None).has_waited(after(30 * DAY_MS)));
}

/// UnionPay takes each number once, and voids a payment on its day only.
#[test]
fn what_is_sent_once_more_has_the_next_number_and_is_a_refund() {
    let refund = Refund { way: RefundWay::Void, ..sample_refund(100) };
    let start = refund.requested_at;
    let now = start.plus(Duration::from_secs(600));
    let pause = RefundPause { since: start, refused_at: Some(start) };
    let again = Refund { pause: Some(pause), ..refund.clone() }.sent_again(now);
    assert_eq!(again.sending, RefundSending { number: 1, at: now });
    assert_eq!((again.way, again.pause), (RefundWay::Refund, Some(RefundPause { refused_at: None, ..pause })));
    assert_eq!(again.due_at, Some(now.plus(Duration::from_secs(3600))));
    assert_eq!(again.sent_again(now).sending.number, 2);
    assert_eq!(refund.sent_again(now).due_at, Some(now.plus(Duration::from_secs(600))));
}

#[test]
fn a_refund_is_open_until_its_provider_decides() {
    let open = RefundStatus::ALL.into_iter().filter(|status| status.is_open());
    assert_eq!(open.collect::<Vec<_>>(), [RefundStatus::Pending, RefundStatus::Stuck]);
}

#[test]
fn a_refund_number_has_signs_that_every_provider_takes() {
    for good in ["1", "R-1_2|3*4@5", &"a".repeat(32)] {
        assert_eq!(RefundNum::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", "a b", "a#b", "退1", "a.b", "a/b", &"a".repeat(33)] {
        assert_eq!(RefundNum::parse(bad), None, "{bad}");
    }
    let payment = sample(Status::Success).id;
    for which in [1, RefundNum::SURPLUS_MAX] {
        let own = RefundNum::of_surplus_payment(&payment, which);
        assert!(own.is_reserved() && own.is_of_surplus_payment(&payment) && !own.is_of_batch(&payment));
        assert_eq!(RefundNum::parse(own.as_str()), Some(own));
    }
}

#[test]
fn a_number_of_a_batch_has_a_name_of_six_letters_and_digits() {
    let payment = sample(Status::Success).id;
    let num = RefundNum::of_batch("a1B2c3", &payment).unwrap();
    assert!(num.is_of_batch(&payment) && !num.is_reserved());
    assert_eq!(RefundNum::parse(num.as_str()), Some(num));
    for wrong in ["", "twice", "a1b2c3d", "a1-2c3"] {
        assert_eq!(RefundNum::of_batch(wrong, &payment), None, "{wrong}");
    }
    let other = RefundNum::parse("a1B2c3-01a208d05240070707070708").unwrap();
    assert!(!other.is_of_batch(&payment));
}

#[test]
fn only_what_is_left_of_a_payment_is_reserved() {
    for status in [Status::Created, Status::Closed] {
        assert_eq!(reserve_refund(&sample(status), fen_of(1)), Err(RefundRefusal::NotPaid));
    }
    let paid = sample(Status::Success);
    let once = reserve_refund(&paid, fen_of(9000)).unwrap();
    assert_eq!((once.refunded, once.refunds.pending), (paid.refunded, Some(fen_of(9000))));
    assert_eq!(reserve_refund(&once, fen_of(901)), Err(RefundRefusal::TooMuch { left: 900, found: 901 }));
    let twice = reserve_refund(&once, fen_of(900)).unwrap();
    assert_eq!(reserve_refund(&twice, fen_of(1)), Err(RefundRefusal::TooMuch { left: 0, found: 1 }));
    let elsewhere = Transaction { refunded: Some(fen_of(9899)), ..paid };
    assert!(reserve_refund(&elsewhere, fen_of(1)).is_ok());
    assert_eq!(reserve_refund(&elsewhere, fen_of(2)), Err(RefundRefusal::TooMuch { left: 1, found: 2 }));
}

#[test]
fn the_payment_is_found_and_never_guessed() {
    let of = |channel, status: Status, digit: &str| {
        let mut payment = sample(status);
        payment.key.channel = channel;
        payment.id = TransactionId::parse(&digit.repeat(24)).unwrap();
        payment
    };
    let ask = |more: &str| {
        RefundRequest::parse(format!(r#"{{"billNum":"112233","refundNum":"R","refundFee":1{more}}}"#).as_bytes())
            .unwrap()
    };
    use crate::Channel::{AliApp, AliWeb, WxApp};
    let tries = vec![
        of(AliWeb, Status::Success, "1"),
        of(AliApp, Status::Success, "2"),
        of(WxApp, Status::Refund, "3"),
        of(WxApp, Status::Closed, "4"),
    ];
    let bill = Bill { tries, checkout: None };
    let found = |more: &str| match choose_payment(&bill, &ask(more)) {
        PaymentChoice::One(one) => one.id.as_str().chars().next().unwrap_or('?').to_string(),
        PaymentChoice::None => "none".to_owned(),
        PaymentChoice::Several(several) => format!("{} of them", several.len()),
    };
    assert_eq!(found(""), "2 of them");
    assert_eq!(found(r#","channel":"ali_app""#), "2");
    assert_eq!(found(r#","id":"111111111111111111111111""#), "1");
    assert_eq!(found(r#","channel":"wx_app""#), "3");
    assert_eq!(found(r#","id":"444444444444444444444444""#), "none");
    assert_eq!(found(r#","channel":"wx_native""#), "none");
}

#[test]
#[rustfmt::skip]
fn every_state_meets_every_word() {
    use RefundStatus::{Failed, Pending, Stuck, Success};
    let (done, stuck, short, failed) = (
        RefundVerdict::Done,
        RefundVerdict::Stuck(Sentence::as_it_is("ABNORMAL: no")),
        RefundVerdict::Short(Sentence::as_it_is("NOT_ENOUGH: no")),
        RefundVerdict::Failed(Sentence::as_it_is("NO: no")),
    );
    const SUCCEEDS: &[Event] = &[Event::RefundSuccess];
    const FAILS:    &[Event] = &[Event::RefundFailed];
    const STICKS:   &[Event] = &[Event::RefundStuck];
    // Refund before, verdict; refund after, what is left of the payment then, events. `Err(true)` is a contradiction.
    type Row<'a> = (RefundStatus, &'a RefundVerdict, Result<(RefundStatus, Option<i64>, &'a [Event]), bool>);
    let cases: &[Row<'_>] = &[
        (Pending, &done,   Ok((Success, Some(900),  SUCCEEDS))),
        (Pending, &stuck,  Ok((Stuck,   Some(900),  STICKS))),
        (Pending, &short,  Ok((Pending, Some(900),  &[]))),
        (Pending, &failed, Ok((Failed,  Some(9900), FAILS))),
        (Stuck,   &done,   Ok((Success, Some(900),  SUCCEEDS))),
        (Stuck,   &stuck,  Err(false)),
        (Stuck,   &short,  Err(false)),
        (Stuck,   &failed, Ok((Failed,  Some(9900), FAILS))),
        (Success, &done,   Err(false)),
        (Success, &stuck,  Err(true)),
        (Success, &short,  Err(false)),
        (Success, &failed, Err(true)),
        (Failed,  &done,   Ok((Success, Some(900),  SUCCEEDS))), // a verified statement is never dropped
        (Failed,  &stuck,  Ok((Stuck,   Some(900),  STICKS))),
        (Failed,  &short,  Err(false)),
        (Failed,  &failed, Err(false)),
    ];
    let paid = sample(Status::Success);
    for (before, verdict, expect) in cases {
        let payment = if before.is_open() { reserve_refund(&paid, fen_of(9000)).unwrap() } else { paid.clone() };
        let refund = Refund { status: *before, ..refund("R1", 9000) };
        let found = match apply_refund_statement(&payment, &refund, &word(verdict), paid.created_at) {
            RefundDecision::Unchanged => Err(false),
            RefundDecision::Contradiction(_) => Err(true),
            RefundDecision::Changed(change) => {
                let RefundChange { payment, refund, events } = *change;
                assert_eq!(refund.failure.is_some(), **verdict != done, "{before:?} {verdict:?}");
                assert_eq!(refund.due_at.is_some(), refund.status.is_open(), "{before:?} {verdict:?}");
                assert_eq!(refund.pause.is_some(), **verdict == short, "{before:?} {verdict:?}");
                let events: Vec<Event> = events.into_iter().map(|occurred| occurred.event).collect();
                Ok((refund.status, refundable(&payment).map(Fen::get), events))
            }
        };
        assert_eq!(found, expect.map(|(status, left, events)| (status, left, events.to_vec())), "{before:?} {verdict:?}");
    }
}

#[test]
fn a_failed_refund_comes_back_only_if_its_share_is_still_free() {
    let paid = sample(Status::Success);
    let failed = Refund { status: RefundStatus::Failed, ..refund("R1", 9000) };
    let payment = reserve_refund(&paid, fen_of(901)).unwrap();
    for verdict in [RefundVerdict::Done, RefundVerdict::Stuck(Sentence::as_it_is("no"))] {
        let heard = apply_refund_statement(&payment, &failed, &word(&verdict), paid.created_at);
        let no_room = RefundContradiction::NoRoom { num: "R1".to_owned() };
        assert_eq!(heard, RefundDecision::Contradiction(no_room), "{verdict:?}");
    }
}

#[test]
fn a_word_about_an_earlier_sending_is_no_news_unless_money_moved() {
    let paid = reserve_refund(&sample(Status::Success), fen_of(9000)).unwrap();
    let now = paid.created_at;
    let again = refund("R1", 9000).sent_again(now);
    let of_first = |verdict| RefundStatement { verdict, sending: Some(0) };
    let failed = of_first(RefundVerdict::Failed(Sentence::as_it_is("64: no")));
    assert_eq!(apply_refund_statement(&paid, &again, &failed, now), RefundDecision::Unchanged);
    let RefundDecision::Changed(change) = apply_refund_statement(&paid, &again, &of_first(RefundVerdict::Done), now)
    else {
        panic!("money that moved is an event")
    };
    let of_second = RefundStatement { verdict: RefundVerdict::Done, sending: Some(1) };
    let repeated = apply_refund_statement(&change.payment, &change.refund, &of_first(RefundVerdict::Done), now);
    assert_eq!(repeated, RefundDecision::Unchanged);
    let twice = apply_refund_statement(&change.payment, &change.refund, &of_second, now);
    assert_eq!(twice, RefundDecision::Contradiction(RefundContradiction::Twice { num: "R1".to_owned() }));
}

#[test]
fn only_a_refund_that_waits_for_the_balance_is_given_up_and_only_as_it_was_asked_about() {
    let paid = reserve_refund(&sample(Status::Success), fen_of(9000)).unwrap();
    let now = paid.created_at;
    let pending = refund("R1", 9000);
    assert_eq!(
        give_up_refund(&paid, &pending, &pending, &Sentence::as_it_is("given up"), now),
        RefundDecision::Unchanged
    );
    let short = word(&RefundVerdict::Short(Sentence::as_it_is("NOT_ENOUGH: no")));
    let RefundDecision::Changed(change) = apply_refund_statement(&paid, &pending, &short, now) else {
        panic!("not paused")
    };
    let paused = change.refund;
    assert!(paused.surely_moved_nothing(now));
    let again = paused.sent_again(now);
    assert!(!again.surely_moved_nothing(now), "nobody knows what came of it");
    assert!(again.surely_moved_nothing(now.plus(Refund::KNOWN_AFTER)));
    assert_eq!(give_up_refund(&paid, &again, &paused, &Sentence::as_it_is("given up"), now), RefundDecision::Unchanged);
    let RefundDecision::Changed(change) = give_up_refund(&paid, &paused, &paused, &Sentence::as_it_is("given up"), now)
    else {
        panic!("not given up")
    };
    assert_eq!((change.refund.status, refundable(&change.payment)), (RefundStatus::Failed, Some(fen_of(9900))));
}

#[test]
fn a_refusal_names_the_stuck_refund_that_holds_the_rest() {
    let paid = sample(Status::Success);
    let stuck = Refund { status: RefundStatus::Stuck, ..refund("R1", 9000) };
    let refusal = RefundRefusal::TooMuch { left: 900, found: 901 };
    let explained = refusal.clone().explained(&paid.id, std::slice::from_ref(&stuck));
    assert_eq!(explained, RefundRefusal::Stuck { left: 900, found: 901, num: "R1".to_owned() });
    let of_other = Refund { transaction: TransactionId::parse(&"2".repeat(24)).unwrap(), ..stuck };
    assert_eq!(refusal.clone().explained(&paid.id, &[of_other]), refusal);
}

#[test]
fn unionpay_undoes_a_whole_payment_of_the_day_and_the_others_refund() {
    let at = |minutes: u64| sample(Status::Success).created_at.plus(Duration::from_secs(minutes * 60));
    let of = |channel| {
        let mut payment = sample(Status::Success);
        payment.key.channel = channel;
        payment
    };
    let (unionpay, ali) = (of(crate::Channel::UnipayApp), of(crate::Channel::AliWeb));
    let (all, part) = (unionpay.fee, fen_of(1));
    // The sample is charged at 22:30 in Beijing.
    assert_eq!(refund_way(&unionpay, &[], all, at(29)), RefundWay::Void);
    assert_eq!(refund_way(&unionpay, &[], all, at(30)), RefundWay::Refund);
    assert_eq!(refund_way(&unionpay, &[], part, at(1)), RefundWay::Refund);
    assert_eq!(refund_way(&unionpay, &[refund("R1", 9900)], all, at(1)), RefundWay::Refund);
    assert_eq!(refund_way(&ali, &[], all, at(1)), RefundWay::Refund);
}

#[test]
fn a_refunded_payment_that_is_said_to_have_been_closed_unpaid_is_refused_but_at_alipay() {
    let cases = [
        (Channel::AliWeb, Ok(Settlement::Unchanged)),
        (Channel::WxApp, Err(Refusal::AlreadyPaid)),
        (Channel::UnipayApp, Err(Refusal::AlreadyPaid)),
    ];
    for (channel, expect) in cases {
        let mut refunded = sample(Status::Refund);
        refunded.key.channel = channel;
        let now = refunded.created_at;
        assert_eq!(settle(&refunded, &report(Outcome::Closed, "T1"), now), expect, "{channel}");
    }
}
