//! The sums and the states of refunds, by tables and against a ledger of the provider's.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    Channel, Notification, Outcome, Refusal, Settlement, settle,
    transaction::tests::{fen as fen_of, report, sample},
};

pub(crate) fn sample_refund(fee: i64) -> Refund {
    refund("R1", fee)
}

fn refund(num: &str, fee: i64) -> Refund {
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
    }
}

#[test]
fn a_refund_number_has_signs_that_every_provider_takes() {
    for good in ["1", "R-1_2|3*4@5", &"a".repeat(32)] {
        assert_eq!(RefundNum::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", "a b", "a#b", "退1", "a.b", "a/b", &"a".repeat(33)] {
        assert_eq!(RefundNum::parse(bad), None, "{bad}");
    }
    let own = RefundNum::of_duplicate(&sample(Status::Success).id);
    assert_eq!(RefundNum::parse(own.as_str()), Some(own));
}

#[test]
fn words_go_round() {
    for (status, name) in RefundStatus::ALL {
        assert_eq!((RefundStatus::find(name), status.name()), (Some(status), name));
    }
    for (way, name) in RefundWay::ALL {
        assert_eq!((RefundWay::find(name), way.name()), (Some(way), name));
    }
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
    let tries = [
        of(AliWeb, Status::Success, "1"),
        of(AliApp, Status::Success, "2"),
        of(WxApp, Status::Refund, "3"),
        of(WxApp, Status::Closed, "4"),
    ];
    let found = |more: &str| match choose_payment(&tries, &ask(more)) {
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
fn the_first_verdict_counts() {
    use RefundStatus::{Failed, Pending, Success};
    let done = RefundVerdict::Done;
    let failed = RefundVerdict::Failed("NO: no".to_owned());
    // Refund before, verdict; refund after, payment after, refunded, events.
    type Row<'a> = (RefundStatus, &'a RefundVerdict, Option<(RefundStatus, Status, Option<i64>, bool)>);
    let cases: &[Row<'_>] = &[
        (Pending, &done,   Some((Success, Status::Refund,  Some(9900), true))),
        (Pending, &failed, Some((Failed,  Status::Success, None,       false))),
        (Success, &done,   None),
        (Success, &failed, None),
        (Failed,  &done,   None),
        (Failed,  &failed, None),
    ];
    let paid = reserve_refund(&sample(Status::Success), fen_of(9900)).unwrap();
    for (before, verdict, expect) in cases {
        let refund = Refund { status: *before, ..refund("R1", 9900) };
        let ended = end_refund(&paid, &refund, verdict, paid.created_at);
        let found = ended.map(|(payment, refund, event)| {
            assert_eq!((payment.refunds.pending, refund.due_at), (None, None));
            assert_eq!(refund.failure.is_some(), refund.status == Failed);
            (refund.status, payment.status, payment.refunded.map(Fen::get), event.is_some())
        });
        assert_eq!(found, *expect, "{before:?} {verdict:?}");
    }
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

/// Something that happens at the provider or here.
#[derive(Clone, Debug)]
enum Step {
    Ask(i64),
    Execute(usize),
    Refuse(usize),
    Hear(usize),
    Elsewhere(i64),
    Report(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..6000i64).prop_map(Step::Ask),
        (0..8usize).prop_map(Step::Execute),
        (0..8usize).prop_map(Step::Refuse),
        (0..8usize).prop_map(Step::Hear),
        (1..4000i64).prop_map(Step::Elsewhere),
        (0..8usize).prop_map(Step::Report),
    ];
    proptest::collection::vec(step, 0..40)
}

/// A provider's ledger beside our books: what it did with each of our refunds, what was refunded in its console, and every
/// total that it ever reported.
struct Play {
    payment: Transaction,
    refunds: Vec<(Refund, Option<RefundVerdict>)>,
    back: i64,
    reports: Vec<i64>,
    told: BTreeMap<String, i64>,
}

impl Play {
    fn step(&mut self, step: &Step) {
        let total = self.payment.fee.get();
        match *step {
            Step::Ask(fee) => {
                if let Ok(after) = reserve_refund(&self.payment, fen_of(fee)) {
                    self.payment = after;
                    self.refunds.push((refund(&format!("R{}", self.refunds.len()), fee), None));
                }
            }
            Step::Execute(n) => {
                let left = total - self.back;
                if let Some((refund, verdict @ None)) = self.refunds.get_mut(n) {
                    let fits = refund.fee.get() <= left;
                    *verdict = Some(if fits { RefundVerdict::Done } else { RefundVerdict::Failed("much".to_owned()) });
                    self.back += if fits { refund.fee.get() } else { 0 };
                    self.reports.push(self.back);
                }
            }
            Step::Refuse(n) => {
                if let Some((_, verdict @ None)) = self.refunds.get_mut(n) {
                    *verdict = Some(RefundVerdict::Failed("no".to_owned()));
                }
            }
            Step::Hear(n) => self.hear(n),
            Step::Elsewhere(fee) if self.back + fee <= total => {
                self.back += fee;
                self.reports.push(self.back);
            }
            Step::Elsewhere(_) => {}
            Step::Report(n) => {
                if let Some(told) = self.reports.get(n).copied() {
                    self.hear_report(told);
                }
            }
        }
    }

    fn hear(&mut self, n: usize) {
        let Some((refund, Some(verdict))) = self.refunds.get(n).cloned() else { return };
        if let Some((payment, ended, event)) = end_refund(&self.payment, &refund, &verdict, refund.requested_at) {
            self.payment = payment;
            self.tell(event);
            self.refunds[n].0 = ended;
        }
    }

    fn hear_report(&mut self, told: i64) {
        let report = Notification { ..report(Outcome::Refunded(fen_of(told)), "T1") };
        match settle(&self.payment, &report, self.payment.created_at).unwrap() {
            Settlement::Unchanged => {}
            Settlement::Changed { transaction, events } => {
                self.payment = *transaction;
                events.into_iter().for_each(|event| self.tell(Some(event)));
            }
        }
    }

    /// What the merchant is told: each thing once, and as much as is known to be back.
    fn tell(&mut self, event: Option<(Event, About)>) {
        let Some((event, about)) = event else { return };
        assert_eq!(event, Event::RefundSuccess);
        assert!(about.name.starts_with("sum:") != about.members.contains_key("refundNum"), "{about:?}");
        assert_eq!(about.members["refundedFee"], fen(self.payment.refunded));
        let fee = about.members["refundFee"].as_i64().unwrap();
        assert!(self.told.insert(about.name, fee).is_none());
    }

    fn own_back(&self) -> i64 {
        let done = self.refunds.iter().filter(|(refund, _)| refund.status == RefundStatus::Success);
        done.map(|(refund, _)| refund.fee.get()).sum()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_order_of_messages_counts_money_twice_or_loses_some(steps in steps()) {
        let mut play = Play { payment: sample(Status::Success), refunds: vec![], back: 0, reports: vec![], told: BTreeMap::new() };
        let total = play.payment.fee.get();
        for step in &steps {
            play.step(step);
            let known = fen(play.payment.refunded);
            prop_assert!(known <= play.back, "{known} counted where {} went back", play.back);
            prop_assert!(known >= play.own_back());
            prop_assert!(committed(&play.payment) <= total);
            prop_assert!(play.told.values().sum::<i64>() <= play.back, "{:?}", play.told);
            prop_assert_eq!(play.payment.status == Status::Refund, known == total);
        }
        // In the end everything is heard, and then the books are those of the provider.
        for n in 0..play.refunds.len() {
            play.step(&Step::Execute(n));
            play.step(&Step::Hear(n));
        }
        if play.back > 0 {
            play.hear_report(play.back);
        }
        prop_assert_eq!(fen(play.payment.refunded), play.back);
        prop_assert_eq!(committed(&play.payment), play.back);
        prop_assert_eq!(play.told.values().sum::<i64>(), play.back);
        prop_assert_eq!(play.payment.refunds.pending, None);
    }
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
