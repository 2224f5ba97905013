//! The turnover of a period: what came in and what went back, by day and by channel. Exports and statements show it.
//!
//! Every row of the period is read once, page by page, without the merchant's data. Days are days in Beijing.

use std::collections::BTreeMap;

use domain::{
    AccountingPeriod, Basis, Channel, ChargedPart, Day, PaymentTimes, RecordsFilter, Status, TimeSpan, Timestamp,
    Turnover,
};
use futures_util::future::try_join_all;
use store::{SumRange, SumRow};

use super::{Trouble, desk::Desk};
use crate::api::page::channels_ever;

/// Pages of 3,000 rows that are read of one part of a period, of one channel and status: 300,000 charges in some seconds. A month has two
/// parts. A period with more charges has no totals.
const PAGES_MAX: usize = 100;

/// How many parts are read at once: the six of a month on a busy channel, paid and refunded.
const PARTS_AT_ONCE: usize = 12;

/// Pages of 1,000 refunds that are read of one channel.
const REFUND_PAGES_MAX: usize = 100;

/// The turnover of a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turnovers {
    pub(crate) days: BTreeMap<Day, Turnover>,
    pub(crate) channels: BTreeMap<Channel, Turnover>,
    /// Between which moments its payments were charged; `None` if there are none.
    pub(crate) charged: Option<TimeSpan>,
    /// Whether some rows were not read because there are too many, or could not be read. Then no total is shown.
    pub(crate) is_cut: bool,
}

impl Turnovers {
    pub(crate) fn total(&self) -> Turnover {
        let mut total = Turnover::default();
        self.channels.values().for_each(|one| total.add(one));
        total
    }

    /// Adds what was read elsewhere.
    fn merge(&mut self, other: &Self) {
        self.is_cut |= other.is_cut;
        for (channel, own) in &other.channels {
            self.channels.entry(*channel).or_default().add(own);
        }
        for (day, own) in &other.days {
            self.days.entry(day.clone()).or_default().add(own);
        }
        self.charged = join(self.charged, other.charged);
    }

    /// What was read of a part before its pages came to their bound. A part that can have only payments that were found late counts as whole
    /// if none was seen: otherwise a busy channel would never have totals.
    fn stopped(self, part: &ChargedPart) -> Self {
        Self { is_cut: self.is_cut || !part.is_late || self.charged.is_some(), ..self }
    }

    /// Adds a charge, if it belongs to the period.
    pub(crate) fn add(&mut self, period: &AccountingPeriod, payment: PaymentTimes, sum: domain::Sum) {
        let Some(at) = period.moment_of(&payment).filter(|_| period.admits(&payment)) else { return };
        let mut own = Turnover::default();
        own.add_charge(period.basis, payment.status, sum);
        self.days.entry(Day::of(at)).or_default().add(&own);
        self.channels.entry(payment.channel).or_default().add(&own);
        let charged = self.charged.get_or_insert(TimeSpan { start: payment.created_at, end: payment.created_at });
        charged.start = charged.start.min(payment.created_at);
        charged.end = charged.end.max(payment.created_at);
    }
}

/// Reads the turnover of a period: of the channels and the status of `filter`, whose times are not used here.
pub(crate) async fn read(
    desk: &Desk<'_>,
    filter: &RecordsFilter,
    period: &AccountingPeriod,
) -> Result<Turnovers, Trouble> {
    let channels = channels_of(desk, filter)?;
    let counts = |status: &Status| period.basis == Basis::Created || status.is_paid();
    let statuses: Vec<Status> = filter.statuses().filter(counts).collect();
    let lists = channels.iter().flat_map(|channel| statuses.iter().map(move |status| (*channel, *status)));
    let parts = lists.flat_map(|(channel, status)| {
        period.charged_parts(channel).into_iter().map(move |part| PartOfList { channel, status, part })
    });
    let mut all = Turnovers::default();
    for some in parts.collect::<Vec<_>>().chunks(PARTS_AT_ONCE) {
        for read in try_join_all(some.iter().map(|list| read_part(desk, list, period))).await? {
            all.merge(&read);
        }
    }
    if period.basis == Basis::Settled {
        let refunds = try_join_all(channels.iter().map(|channel| read_refunds(desk, *channel, period))).await?;
        for RefundDays { channel, days, is_cut } in refunds {
            all.is_cut |= is_cut;
            for (day, own) in days {
                all.channels.entry(channel).or_default().add(&own);
                all.days.entry(day).or_default().add(&own);
            }
        }
    }
    Ok(all)
}

/// The channels that `filter` asks for and that may have any rows.
pub(crate) fn channels_of(desk: &Desk<'_>, filter: &RecordsFilter) -> Result<Vec<Channel>, Trouble> {
    let ever = channels_ever(desk.app()?, desk.mode);
    Ok(filter.channels().filter(|channel| ever.contains(channel)).collect())
}

fn join(one: Option<TimeSpan>, other: Option<TimeSpan>) -> Option<TimeSpan> {
    match (one, other) {
        (Some(one), Some(other)) => Some(TimeSpan { start: one.start.min(other.start), end: one.end.max(other.end) }),
        (one, other) => one.or(other),
    }
}

/// A part of a period, of one channel in one status.
struct PartOfList {
    channel: Channel,
    status: Status,
    part: ChargedPart,
}

async fn read_part(
    desk: &Desk<'_>,
    &PartOfList { channel, status, part }: &PartOfList,
    period: &AccountingPeriod,
) -> Result<Turnovers, Trouble> {
    let app = &desk.app()?.app;
    let TimeSpan { start, end } = part.span;
    let mut range = SumRange { channel, status, start, end, newest_first: true, after: None };
    let mut read = Turnovers::default();
    for _ in 0..PAGES_MAX {
        let page = desk.deps.services.store.sum_page(&app.id, desk.mode, &app.shards, &range).await?;
        for SumRow { created_at, ended_at, sum, .. } in page.rows {
            read.add(period, PaymentTimes { channel, status, created_at, ended_at }, sum);
        }
        read.is_cut |= !page.is_whole;
        let Some(next) = page.next else { return Ok(read) };
        range.after = Some(next);
    }
    Ok(read.stopped(&part))
}

/// What went back on a channel, by day.
struct RefundDays {
    channel: Channel,
    days: BTreeMap<Day, Turnover>,
    is_cut: bool,
}

async fn read_refunds(desk: &Desk<'_>, channel: Channel, period: &AccountingPeriod) -> Result<RefundDays, Trouble> {
    let (store, app) = (&desk.deps.services.store, &desk.app()?.app);
    let mut read = RefundDays { channel, days: BTreeMap::new(), is_cut: false };
    let mut from = None;
    for _ in 0..REFUND_PAGES_MAX {
        let page = store.ended_refunds(&app.id, desk.mode, channel, period.refunded_within(channel), from).await?;
        read.is_cut |= !page.is_whole;
        for refund in page.items {
            let day = AccountingPeriod::refund_day(channel, refund.ended_at);
            read.days.entry(day).or_default().add_refund(refund.fee);
        }
        from = page.next;
        if from.is_none() {
            return Ok(read);
        }
    }
    Ok(RefundDays { is_cut: true, ..read })
}

/// The first and the last moment that a filter without days allows.
pub(crate) fn any_time() -> TimeSpan {
    TimeSpan { start: Timestamp::clamped(0), end: Timestamp::clamped(i64::MAX) }
}

#[cfg(test)]
mod tests {
    use domain::{Fen, Sum};

    use super::*;

    #[test]
    fn a_part_that_is_not_read_to_its_end_has_no_totals_unless_payments_found_late_are_all_it_could_have() {
        let at = |text: &str| Timestamp::from_beijing(text).unwrap();
        let [first, last] = ["2026-11-01", "2026-11-30"].map(|day| Day::parse(day).unwrap());
        let span = TimeSpan { start: first.start(), end: last.end() };
        let period = AccountingPeriod { basis: Basis::Paid, span };
        let (channel, status, created_at) = (Channel::WxApp, Status::Success, at("2026-10-31 23:59:00"));
        let read = |ended: &str| {
            let mut read = Turnovers::default();
            let payment = PaymentTimes { channel, status, created_at, ended_at: Some(at(ended)) };
            read.add(&period, payment, Sum::of(Fen::new(1).unwrap(), None));
            read
        };
        let (some, none) = (read("2026-11-01 00:01:00"), read("2026-12-01 00:00:00"));
        for (read, is_late, is_cut) in
            [(&some, false, true), (&none, false, true), (&some, true, true), (&none, true, false)]
        {
            let part = ChargedPart { span, is_late };
            assert_eq!(read.clone().stopped(&part).is_cut, is_cut, "{read:?} {is_late}");
        }
        // A row that cannot be read counts everywhere.
        let unread = Turnovers { is_cut: true, ..Turnovers::default() };
        assert!(unread.stopped(&ChargedPart { span, is_late: true }).is_cut);
    }
}
