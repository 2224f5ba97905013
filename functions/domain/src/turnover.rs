//! What came in and what went back within a period: the totals of an export and of a statement.
//!
//! A payment has three times by which it may belong to a period; [`Basis`] names them. The totals of all of them come from here, so that no
//! page adds up money by itself.

use std::time::Duration;

use crate::{
    Channel, Day, Fen, Habit, Status, Sum, TimeSpan, Timestamp,
    asking::{CLOSED_LAST_AFTER, EXPIRY_GRACE},
    charge_request::BILL_TIMEOUT_MAX,
    closed_list,
    money::grouped_yuan,
};

closed_list! {
    /// The time by which a payment belongs to a period.
    pub enum Basis {
        /// When it was charged, as in the overview. What went back of it counts there, too, whenever it went back.
        Created = "created",
        /// When it was paid. What went back of it counts there, too.
        Paid = "paid",
        /// As the providers settle: a payment by the day on which it was paid, a refund by the day on which it went back.
        Settled = "settled",
    }
}

/// How much longer a lost payment is found: a closed bill whose provider is silent is asked about for 30 days, and so is a day's bill at the
/// provider. Two days for the rest of the last day and of the last wait. Later, a payment is found only if a person asks about its bill.
const FOUND_LATE_MAX: Duration = days(30 + 2);

/// The longest part of a period that is read at once, so that a month is two parts.
const PART_MAX: Duration = days(17);

/// A period of more parts is read as one: one that has no end, or is longer than a quarter of a year.
const PARTS_MAX: usize = 6;

/// Between two moments.
const MOMENT: Duration = Duration::from_millis(1);

/// How far before midnight in Beijing the settlement day of [`Habit::SettlesBeforeMidnight`] ends.
const BEFORE_MIDNIGHT: Duration = Duration::from_secs(3600);

/// A period, and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountingPeriod {
    /// The time that counts.
    pub basis: Basis,
    /// From its first moment to its last. By settlement these are days in Beijing.
    pub span: TimeSpan,
}

/// The times and the status by which a payment belongs to a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentTimes {
    /// Its channel.
    pub channel: Channel,
    /// Where it stands.
    pub status: Status,
    /// When it was charged.
    pub created_at: Timestamp,
    /// When it was paid or closed.
    pub ended_at: Option<Timestamp>,
}

/// A part of the moments between which the payments of a period were charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargedPart {
    /// From its first moment to its last.
    pub span: TimeSpan,
    /// Whether its bills could no longer be paid when the period began. A payment of the period is here only if it was found late, so the
    /// part may have none.
    pub is_late: bool,
}

impl AccountingPeriod {
    /// The time by which a payment counts; `None` if it belongs to no period: by payment and settlement, an unpaid one.
    pub fn moment_of(&self, payment: &PaymentTimes) -> Option<Timestamp> {
        match self.basis {
            Basis::Created => Some(payment.created_at),
            Basis::Paid => payment.ended_at.filter(|_| payment.status.is_paid()),
            Basis::Settled => {
                payment.ended_at.filter(|_| payment.status.is_paid()).map(|at| settlement_moment(payment.channel, at))
            }
        }
    }

    /// Whether a payment belongs to the period.
    pub fn admits(&self, payment: &PaymentTimes) -> bool {
        self.moment_of(payment).is_some_and(|at| self.span.contains(at))
    }

    /// The day in Beijing on which a refund of this channel counts, by settlement.
    pub fn refund_day(channel: Channel, ended_at: Timestamp) -> Day {
        Day::of(settlement_moment(channel, ended_at))
    }

    /// The moments between which the payments of the period were charged, whatever their channel.
    pub fn charged_within(&self) -> TimeSpan {
        let late = |channel: &Channel| payable_after_charge(*channel).saturating_add(FOUND_LATE_MAX);
        match self.basis {
            Basis::Created => self.span,
            Basis::Paid | Basis::Settled => {
                let before = Channel::ALL.iter().map(late).max().unwrap_or_default();
                TimeSpan { start: self.span.start.minus(before), ..self.span }
            }
        }
    }

    /// The same moments for one channel, in parts, the latest first: the period; the time before it, whose bills could still be paid in it;
    /// and the time whose bills could not, where only payments are that were found late.
    pub fn charged_parts(&self, channel: Channel) -> Vec<ChargedPart> {
        let mut spans = vec![(self.span, false)];
        if self.basis != Basis::Created {
            let payable = self.span.start.minus(payable_after_charge(channel));
            let late = payable.minus(FOUND_LATE_MAX);
            spans.extend(before(self.span.start, payable).map(|span| (span, false)));
            spans.extend(before(payable, late).map(|span| (span, true)));
        }
        let in_parts = |(span, is_late)| parts(span).into_iter().map(move |span| ChargedPart { span, is_late });
        spans.into_iter().flat_map(in_parts).collect()
    }

    /// The moments between which the refunds of a channel went back that belong to the period, by settlement.
    pub fn refunded_within(&self, channel: Channel) -> TimeSpan {
        let early = early(channel);
        TimeSpan { start: self.span.start.minus(early), end: self.span.end.minus(early) }
    }
}

fn early(channel: Channel) -> Duration {
    if channel.family().has(Habit::SettlesBeforeMidnight) { BEFORE_MIDNIGHT } else { Duration::ZERO }
}

/// How long after its charge a bill can be paid, and its provider be asked about it.
fn payable_after_charge(channel: Channel) -> Duration {
    let open = if channel.family().has(Habit::CountsFromCashier) { BILL_TIMEOUT_MAX * 2 } else { BILL_TIMEOUT_MAX };
    open.saturating_add(EXPIRY_GRACE).saturating_add(CLOSED_LAST_AFTER)
}

/// The moments before `end`, from `start` on. `None` if the period begins at the first moment of all, which has none before it.
fn before(end: Timestamp, start: Timestamp) -> Option<TimeSpan> {
    (start < end).then(|| TimeSpan { start, end: end.minus(MOMENT) })
}

/// Parts of a span, the latest first.
fn parts(span: TimeSpan) -> Vec<TimeSpan> {
    let mut parts = Vec::new();
    let mut end = span.end;
    for _ in 0..PARTS_MAX {
        let start = span.start.max(end.minus(PART_MAX).plus(MOMENT));
        parts.push(TimeSpan { start, end });
        if start == span.start {
            return parts;
        }
        end = start.minus(MOMENT);
    }
    vec![span]
}

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 3600)
}

/// The moment by whose day in Beijing the provider settles.
fn settlement_moment(channel: Channel, at: Timestamp) -> Timestamp {
    at.plus(early(channel))
}

/// What came in and what went back, in fen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnover {
    /// How many charges.
    pub charged: i64,
    /// How many of them were paid.
    pub paid: i64,
    amount: i64,
    refunded: i64,
}

impl Turnover {
    /// Adds a charge. What went back of it counts beside it; by settlement each refund is added for itself, by [`Self::add_refund`].
    pub fn add_charge(&mut self, basis: Basis, status: Status, sum: Sum) {
        let (paid, refunded) = (status.is_paid(), sum.refunded);
        self.add(&Self {
            charged: sum.count,
            paid: if paid { sum.count } else { 0 },
            amount: if paid { sum.amount } else { 0 },
            refunded: if paid && basis != Basis::Settled { refunded } else { 0 },
        });
    }

    /// Adds a refund that went back.
    pub fn add_refund(&mut self, fee: Fen) {
        self.refunded = self.refunded.saturating_add(fee.get());
    }

    /// Adds another turnover. A sum that is too large for its field stays at the largest value, which is more money than exists.
    pub fn add(&mut self, other: &Self) {
        self.charged = self.charged.saturating_add(other.charged);
        self.paid = self.paid.saturating_add(other.paid);
        self.amount = self.amount.saturating_add(other.amount);
        self.refunded = self.refunded.saturating_add(other.refunded);
    }

    /// Whether anything went back.
    pub fn has_refunds(&self) -> bool {
        self.refunded > 0
    }

    /// What came in, in fen, for the height of a bar.
    pub fn amount(&self) -> i64 {
        self.amount
    }

    /// What went back, in fen, for the height of a line.
    pub fn refunded(&self) -> i64 {
        self.refunded
    }

    /// What came in, as people read it: `1,234.56`.
    pub fn amount_in_yuan(&self) -> String {
        grouped_yuan(self.amount)
    }

    /// What went back, as people read it.
    pub fn refunded_in_yuan(&self) -> String {
        grouped_yuan(self.refunded)
    }

    /// What came in less what went back, as people read it. By settlement it may be negative.
    pub fn net_in_yuan(&self) -> String {
        let net = self.amount.saturating_sub(self.refunded);
        let sign = if net < 0 { "-" } else { "" };
        format!("{sign}{}", grouped_yuan(net.saturating_abs()))
    }

    /// Its four numbers as one text, for [`Self::parse`].
    pub fn to_text(&self) -> String {
        format!("{} {} {} {}", self.charged, self.paid, self.amount, self.refunded)
    }

    /// Reads what [`Self::to_text`] writes; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers: Option<Vec<i64>> = text.split(' ').map(|number| number.parse().ok()).collect();
        let [charged, paid, amount, refunded] = <[i64; 4]>::try_from(numbers?).ok()?;
        Some(Self { charged, paid, amount, refunded })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(beijing: &str) -> Timestamp {
        Timestamp::from_beijing(beijing).unwrap()
    }

    fn fen(fen: i64) -> Fen {
        Fen::new(fen).unwrap()
    }

    #[test]
    #[rustfmt::skip]
    fn a_payment_belongs_to_a_period_by_the_time_that_counts() {
        const CREATED: &str = "2026-11-22 23:50:00";
        // channel, status, ended, on the 23rd by creation, payment and settlement
        let cases = [
            (Channel::AliWeb,    Status::Success, Some("2026-11-23 00:10:00"), [false, true,  true]),
            (Channel::AliWeb,    Status::Refund,  Some("2026-11-23 23:59:59"), [false, true,  true]),
            (Channel::AliWeb,    Status::Success, Some("2026-11-24 00:00:00"), [false, false, false]),
            (Channel::AliWeb,    Status::Closed,  Some("2026-11-23 00:10:00"), [false, false, false]),
            (Channel::AliWeb,    Status::Created, None,                        [false, false, false]),
            // UnionPay's day ends an hour before midnight.
            (Channel::UnipayWeb, Status::Success, Some("2026-11-23 23:10:00"), [false, true,  false]),
            (Channel::UnipayWeb, Status::Success, Some("2026-11-22 23:55:00"), [false, false, true]),
        ];
        for (channel, status, ended, expect) in cases {
            let payment = PaymentTimes { channel, status, created_at: at(CREATED), ended_at: ended.map(at) };
            let span = Day::parse("2026-11-23").unwrap().span();
            let found = Basis::ALL.map(|basis| AccountingPeriod { basis, span }.admits(&payment));
            assert_eq!(found, expect, "{channel} {status} {ended:?}");
        }
    }

    #[test]
    fn what_a_period_admits_was_charged_within_what_is_read() {
        let span = Day::parse("2026-11-23").unwrap().span();
        let charged = |basis| AccountingPeriod { basis, span }.charged_within();
        assert_eq!(charged(Basis::Created), span);
        for basis in [Basis::Paid, Basis::Settled] {
            assert_eq!((charged(basis).start, charged(basis).end), (at("2026-09-20 23:59:00"), span.end));
        }
        let period = AccountingPeriod { basis: Basis::Settled, span };
        assert_eq!(period.refunded_within(Channel::WxApp), span);
        assert_eq!(period.refunded_within(Channel::UnipayApp).start, at("2026-11-22 23:00:00"));
        let late = at("2026-11-23 23:00:00");
        assert_eq!(AccountingPeriod::refund_day(Channel::UnipayApp, late).as_str(), "2026-11-24");
        assert_eq!(AccountingPeriod::refund_day(Channel::AliApp, late).as_str(), "2026-11-23");
    }

    #[test]
    #[rustfmt::skip]
    fn a_period_is_read_in_parts_as_far_back_as_its_payments_can_have_been_charged() {
        let [first, last] = ["2026-11-01", "2026-11-30"].map(|day| Day::parse(day).unwrap());
        let span = TimeSpan { start: first.start(), end: last.end() };
        let parts = |basis, channel| {
            let parts = AccountingPeriod { basis, span }.charged_parts(channel).into_iter();
            parts.map(|ChargedPart { span, is_late }| (span.start.to_beijing(), is_late)).collect::<Vec<_>>()
        };
        let expect = |parts: &[(&str, bool)]| parts.iter().map(|(at, is_late)| ((*at).to_owned(), *is_late)).collect::<Vec<_>>();
        let month = [("2026-11-14 00:00:00", false), ("2026-11-01 00:00:00", false)];
        // WeChat's orders are open for 15 days and are asked about a day later. In Alipay's older interface they may be open twice as long.
        let wechat = [month.as_slice(), &[("2026-10-15 23:59:00", false), ("2026-09-28 23:59:00", true), ("2026-09-13 23:59:00", true)]].concat();
        let alipay = [
            month.as_slice(),
            &[("2026-10-15 00:00:00", false), ("2026-09-30 23:59:00", false), ("2026-09-13 23:59:00", true), ("2026-08-29 23:59:00", true)],
        ].concat();
        assert_eq!(parts(Basis::Created, Channel::WxApp), expect(&month));
        for basis in [Basis::Paid, Basis::Settled] {
            assert_eq!(parts(basis, Channel::WxApp), expect(&wechat), "{basis}");
            assert_eq!(parts(basis, Channel::AliWeb), expect(&alipay), "{basis}");
        }
    }

    #[test]
    fn the_parts_of_a_period_leave_no_moment_out_and_have_none_twice() {
        let all = TimeSpan { start: Timestamp::clamped(0), end: Timestamp::clamped(i64::MAX) };
        let day = |ms| TimeSpan {
            start: at("2026-11-23 00:00:00"),
            end: Timestamp::clamped(at("2026-11-23 00:00:00").ms() + ms),
        };
        let part_ms = i64::try_from(PART_MAX.as_millis()).unwrap();
        for span in [all, day(0), day(part_ms - 1), day(part_ms), day(3 * part_ms), day(9 * part_ms)] {
            for basis in Basis::ALL {
                let period = AccountingPeriod { basis, span };
                let parts = period.charged_parts(Channel::AliApp);
                assert_eq!(parts.first().unwrap().span.end, span.end);
                assert_eq!(parts.last().unwrap().span.start, period.charged_within().start);
                for two in parts.windows(2) {
                    assert_eq!(two[1].span.end.ms() + 1, two[0].span.start.ms(), "{span:?} {basis}");
                }
            }
        }
        assert_eq!(AccountingPeriod { basis: Basis::Paid, span: all }.charged_parts(Channel::AliApp).len(), 1);
    }

    #[test]
    fn a_refund_counts_once_with_its_payment_or_on_its_own_day() {
        let sum = Sum::of(fen(9900), Some(fen(900)));
        for (basis, net) in [(Basis::Created, "90.00"), (Basis::Paid, "90.00"), (Basis::Settled, "99.00")] {
            let mut total = Turnover::default();
            total.add_charge(basis, Status::Success, sum);
            total.add_charge(basis, Status::Closed, Sum::of(fen(5), None));
            assert_eq!((total.charged, total.paid, total.net_in_yuan().as_str()), (2, 1, net), "{basis}");
        }
        let mut back = Turnover::default();
        assert!(!back.has_refunds());
        back.add_refund(fen(123_456));
        assert_eq!((back.net_in_yuan().as_str(), back.refunded_in_yuan().as_str()), ("-1,234.56", "1,234.56"));
        assert!(back.has_refunds());
    }

    #[test]
    fn a_turnover_goes_round_and_nothing_else_is_one() {
        let mut total = Turnover::default();
        total.add_charge(Basis::Paid, Status::Refund, Sum { count: 3, amount: i64::MAX, refunded: 7 });
        assert_eq!(Turnover::parse(&total.to_text()), Some(total));
        total.add(&total.clone());
        assert_eq!(total.amount, i64::MAX);
        for text in ["", "1 2 3", "1 2 3 4 5", "1 2 3 x"] {
            assert_eq!(Turnover::parse(text), None, "{text}");
        }
    }
}
