//! Random histories of refunds, compared with a provider's own ledger. After any messages in any order, all readers of the books agree.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    tests::{refund, word},
    *,
};
use crate::{
    DaySums, Event, KnownRefund, Listed, ListedRefund, Notification, OccurredEvent, Outcome, Record, Sentence,
    Settlement, Status, Sum, judge_listed, judge_listed_refund, settle,
    transaction::tests::{fen as fen_of, report, sample},
};

/// Something that happens at the provider or here.
#[derive(Clone, Debug)]
enum Step {
    Ask(i64),
    Execute(usize),
    Refuse(usize),
    Stick(usize),
    Hear(usize),
    Short(usize),
    GiveUp(usize),
    Elsewhere(i64),
    Report(usize),
}

/// How a provider reports refunds: Alipay all of them in one sum, WeChat Pay and UnionPay one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    InOneSum,
    OneByOne,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..6000i64).prop_map(Step::Ask),
        (0..8usize).prop_map(Step::Execute),
        (0..8usize).prop_map(Step::Refuse),
        (0..8usize).prop_map(Step::Stick),
        (0..8usize).prop_map(Step::Hear),
        (0..8usize).prop_map(Step::Short),
        (0..8usize).prop_map(Step::GiveUp),
        (1..4000i64).prop_map(Step::Elsewhere),
        (0..8usize).prop_map(Step::Report),
    ];
    proptest::collection::vec(step, 0..40)
}

/// A provider's ledger beside our books: what it did with each of our refunds, what was refunded in its console, and every
/// total that it ever reported.
struct Play {
    telling: Telling,
    payment: Transaction,
    refunds: Vec<(Refund, Option<RefundVerdict>)>,
    back: i64,
    stuck: i64,
    reports: Vec<i64>,
    told: BTreeMap<String, i64>,
}

impl Play {
    fn of(telling: Telling) -> Self {
        let (payment, refunds, reports) = (sample(Status::Success), Vec::new(), Vec::new());
        Self { telling, payment, refunds, back: 0, stuck: 0, reports, told: BTreeMap::new() }
    }

    fn step(&mut self, step: &Step) {
        let total = self.payment.fee.get();
        let left = total - self.back - self.stuck;
        match *step {
            Step::Ask(fee) => {
                if let Ok(after) = reserve_refund(&self.payment, fen_of(fee)) {
                    self.payment = after;
                    self.refunds.push((refund(&format!("R{}", self.refunds.len()), fee), None));
                }
            }
            Step::Execute(n) => self.execute(n, left),
            Step::Refuse(n) => {
                if let Some((_, verdict @ None)) = self.refunds.get_mut(n) {
                    *verdict = Some(RefundVerdict::Failed(Sentence::as_it_is("no")));
                }
            }
            Step::Stick(n) if self.telling == Telling::OneByOne => {
                if let Some((refund, verdict @ None)) = self.refunds.get_mut(n)
                    && refund.fee.get() <= left
                {
                    *verdict = Some(RefundVerdict::Stuck(Sentence::as_it_is("no")));
                    self.stuck += refund.fee.get();
                }
            }
            Step::Hear(n) => self.hear(n),
            Step::Short(n) => {
                self.hear_that(n, |verdict| verdict.is_none(), RefundVerdict::Short(Sentence::as_it_is("poor")))
            }
            Step::GiveUp(n) => self.give_up(n),
            // A refund made elsewhere has one event for each sum, or no event.
            Step::Elsewhere(fee) if fee <= left && self.telling == Telling::InOneSum => {
                self.back += fee;
                self.reports.push(self.back);
            }
            Step::Report(n) if self.telling == Telling::InOneSum => {
                if let Some(told) = self.reports.get(n).copied() {
                    self.hear_report(told);
                }
            }
            Step::Stick(_) | Step::Elsewhere(_) | Step::Report(_) => {}
        }
    }

    /// The provider carries out a refund, or at last ends one that was stuck.
    fn execute(&mut self, n: usize, left: i64) {
        let Some((refund, verdict)) = self.refunds.get_mut(n) else { return };
        let fee = refund.fee.get();
        match verdict {
            Some(RefundVerdict::Stuck(_)) => {
                self.stuck -= fee;
                self.back += fee;
                *verdict = Some(RefundVerdict::Done);
            }
            None if fee <= left => {
                self.back += fee;
                *verdict = Some(RefundVerdict::Done);
            }
            None => *verdict = Some(RefundVerdict::Failed(Sentence::as_it_is("much"))),
            Some(_) => return,
        }
        self.reports.push(self.back);
    }

    fn hear(&mut self, n: usize) {
        let Some((_, Some(verdict))) = self.refunds.get(n).cloned() else { return };
        self.hear_that(n, |_| true, verdict);
    }

    fn hear_that(&mut self, n: usize, wanted: impl Fn(&Option<RefundVerdict>) -> bool, verdict: RefundVerdict) {
        let Some((refund, known)) = self.refunds.get(n).cloned().filter(|(_, known)| wanted(known)) else { return };
        let heard = apply_refund_statement(&self.payment, &refund, &word(&verdict), refund.requested_at);
        assert!(!matches!(heard, RefundDecision::Contradiction(_)), "{refund:?} {known:?}");
        self.take(n, heard);
    }

    /// The provider was asked and does not know the refund, so the refund never arrives there.
    fn give_up(&mut self, n: usize) {
        let Some((refund, None)) = self.refunds.get(n).cloned() else { return };
        let heard =
            give_up_refund(&self.payment, &refund, &refund, &Sentence::as_it_is("given up"), refund.requested_at);
        if heard != RefundDecision::Unchanged {
            self.refunds[n].1 = Some(RefundVerdict::Failed(Sentence::as_it_is("never sent")));
        }
        self.take(n, heard);
    }

    fn take(&mut self, n: usize, heard: RefundDecision) {
        let RefundDecision::Changed(change) = heard else { return };
        let RefundChange { payment, refund, events } = *change;
        self.payment = payment;
        self.refunds[n].0 = refund;
        events.into_iter().for_each(|event| self.tell(event));
    }

    fn hear_report(&mut self, told: i64) {
        let report = Notification { ..report(Outcome::Refunded(fen_of(told)), "T1") };
        match settle(&self.payment, &report, self.payment.created_at).unwrap() {
            Settlement::Unchanged => {}
            Settlement::Changed { transaction, events } => {
                self.payment = *transaction;
                events.into_iter().for_each(|event| self.tell(event));
            }
        }
    }

    /// What the merchant is told: each fact once, and in sum as much as is known to be back.
    fn tell(&mut self, OccurredEvent { event, about }: OccurredEvent) {
        if event != Event::RefundSuccess {
            assert!(about.members.contains_key("failure"), "{about:?}");
            return;
        }
        assert!(about.name.starts_with("sum:") != about.members.contains_key("refundNum"), "{about:?}");
        assert_eq!(about.members["refundedFee"], fen(self.payment.refunded));
        let fee = about.members["refundFee"].as_i64().unwrap();
        assert!(self.told.insert(about.name, fee).is_none());
    }

    fn known(&self) -> Vec<Refund> {
        self.refunds.iter().map(|(refund, _)| refund.clone()).collect()
    }

    fn sum_of(&self, status: RefundStatus) -> i64 {
        self.known().iter().filter(|refund| refund.status == status).map(|refund| refund.fee.get()).sum()
    }

    /// The list of refunds, the sums, what can still go back, the records and the overview's sums say the same.
    fn readers_agree(&self) {
        let (payment, total) = (&self.payment, self.payment.fee.get());
        let refunded = fen(payment.refunded);
        let elsewhere = fen(sent_back_elsewhere(payment, &self.known()));
        assert_eq!(refunded, self.sum_of(RefundStatus::Success) + elsewhere);
        let open = self.sum_of(RefundStatus::Pending) + self.sum_of(RefundStatus::Stuck);
        assert_eq!(fen(payment.refunds.pending), open);
        let left = fen(refundable(payment));
        assert!(left <= total - refunded, "no more than what did not go back");
        assert!(left + open + refunded >= total, "nothing is lost between what is left, open and back");
        let at_most = RefundRefusal::TooMuch { left, found: left + 1 };
        assert_eq!(reserve_refund(payment, fen_of(left + 1)), Err(at_most), "what is offered is what is allowed");
        assert!(left == 0 || reserve_refund(payment, fen_of(left)).is_ok());
        let record = Record::from(payment.clone());
        let mut day = DaySums::default();
        day.add(record.channel, record.status, Sum::of(record.fee, record.refunded));
        assert_eq!(day.paid(|_| true), Sum { count: 1, amount: total, refunded });
    }

    /// Compares the provider's bill of all this with our books.
    fn bill_agrees(&self) {
        let record = Record::from(self.payment.clone());
        assert_eq!(judge_listed(record.id.clone(), record.fee, Some(&record)), None);
        for (refund, verdict) in &self.refunds {
            if *verdict != Some(RefundVerdict::Done) {
                continue;
            }
            let listed = ListedRefund { num: refund.num.to_string(), is_done: true };
            let line = Listed { transaction: record.id.clone(), refund: Some(listed.clone()), fee: refund.fee };
            let known = KnownRefund { ours: Some(refund.clone()), elsewhere: None };
            assert_eq!(judge_listed_refund(&line, &listed, Some(&record), &known), None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_order_of_messages_counts_money_twice_or_loses_some(
        steps in steps(),
        telling in prop_oneof![Just(Telling::InOneSum), Just(Telling::OneByOne)],
    ) {
        let mut play = Play::of(telling);
        let total = play.payment.fee.get();
        for step in &steps {
            play.step(step);
            let known = fen(play.payment.refunded);
            prop_assert!(known <= play.back, "{known} counted where {} went back", play.back);
            prop_assert!(committed(&play.payment) <= total);
            prop_assert!(play.told.values().sum::<i64>() <= play.back, "{:?}", play.told);
            prop_assert_eq!(play.payment.status == Status::Refund, known == total);
            play.readers_agree();
        }
        // In the end every message has arrived, and the books equal the provider's.
        for n in 0..play.refunds.len() {
            play.step(&Step::Execute(n));
            play.step(&Step::Hear(n));
        }
        if play.back > 0 && telling == Telling::InOneSum {
            play.hear_report(play.back);
        }
        prop_assert_eq!(fen(play.payment.refunded), play.back);
        prop_assert_eq!(committed(&play.payment), play.back);
        prop_assert_eq!(play.told.values().sum::<i64>(), play.back);
        prop_assert_eq!(play.payment.refunds.pending, None);
        play.readers_agree();
        play.bill_agrees();
    }
}
