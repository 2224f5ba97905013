//! What an export covers: the filter of the list, the period, and the time by which the period counts. And its totals, which are computed
//! once: the first part hands them on, sealed, to the parts that follow.

use std::collections::BTreeMap;

use domain::{
    AccountingPeriod, Basis, BillNum, Channel, Record, RecordsFilter, RecordsRequest, Sum, TimeSpan, Timestamp,
    Turnover,
};
use runtime::query_parameter;

use super::{
    Trouble,
    desk::Desk,
    export_cursor::ExportCursor,
    lines::{Place, times},
    preferences::Zone,
    sealed::{Purpose, open, seal},
    transactions::{Filter, Range, by_id},
    turnovers::{self, Turnovers, any_time},
};
use crate::api::transactions::page;

/// What an export covers.
pub(crate) struct Scope {
    pub(crate) filter: Filter,
    /// Where this part begins.
    pub(crate) place: Place,
    /// The times of the filter, as moments: those of the first part.
    pub(crate) range: Range,
    /// The zone whose days count.
    pub(crate) zone: Zone,
    /// The filter, without its times.
    pub(crate) asked: RecordsFilter,
    pub(crate) period: AccountingPeriod,
    /// The moments between which its payments were charged.
    pub(crate) charged: TimeSpan,
    /// Whether refunds have lines, and the file has totals. An address without a basis is one of earlier versions: its rows are payments
    /// alone.
    pub(crate) lists_refunds: bool,
    /// The payments that were asked for by their number; then the period does not count.
    pub(crate) named: Option<Vec<Record>>,
}

/// The totals of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) channels: BTreeMap<Channel, Turnover>,
    pub(crate) total: Turnover,
    pub(crate) is_cut: bool,
    charged: Option<TimeSpan>,
}

impl Scope {
    pub(crate) async fn read(desk: &Desk<'_>) -> Result<Self, Trouble> {
        let filter = Filter::read(desk);
        let ExportCursor { times, place } = ExportCursor::parse(&cursor_of(desk))?;
        let named = find_named(desk, &filter).await?;
        let basis = Basis::find(&filter.basis);
        let lists_refunds = basis.is_some();
        let basis = match basis.unwrap_or(Basis::Created) {
            // A refund of a payment that was asked for stands beside it.
            Basis::Settled if named.is_some() => Basis::Paid,
            basis @ (Basis::Created | Basis::Paid | Basis::Settled) => basis,
        };
        let filter = if named.is_some() { filter.at_any_time() } else { filter.counted_by(basis) };
        let request = filter.request_by(desk, basis, 1).map_err(|_| Trouble::NotFound)?;
        let RecordsFilter { start, end, .. } = request.filter;
        let range = times.filter(|_| named.is_none()).unwrap_or(Range { start, end });
        let all = any_time();
        let span = TimeSpan { start: range.start.unwrap_or(all.start), end: range.end.unwrap_or(all.end) };
        let period = AccountingPeriod { basis, span };
        let asked = RecordsFilter { start: None, end: None, ..request.filter };
        let (charged, zone) = (period.charged_within(), filter.zone(desk, basis));
        Ok(Self { filter, place, range, zone, asked, period, charged, lists_refunds, named })
    }

    /// The cursor of a part that begins at `place`.
    pub(crate) fn cursor(&self, place: Place) -> String {
        ExportCursor { times: Some(self.range), place }.write()
    }

    /// The totals: those that the part before handed on, or computed now. From then on the parts read only what was counted.
    pub(crate) async fn count(&mut self, desk: &Desk<'_>) -> Result<Totals, Trouble> {
        let handed_on = query_parameter(desk.request, "totals").filter(|totals| !totals.is_empty());
        let totals = match handed_on.and_then(|sealed| self.open_totals(desk, &sealed)) {
            Some(totals) => totals,
            None => Totals::from(self.turnovers(desk).await?),
        };
        if let Some(charged) = totals.charged.filter(|_| !totals.is_cut) {
            self.charged = charged;
        }
        Ok(totals)
    }

    async fn turnovers(&self, desk: &Desk<'_>) -> Result<Turnovers, Trouble> {
        let Some(named) = &self.named else { return turnovers::read(desk, &self.asked, &self.period).await };
        let mut turnovers = Turnovers::default();
        for record in named {
            turnovers.add(&self.period, times(record), Sum::of(record.fee, record.refunded));
        }
        Ok(turnovers)
    }

    /// What the totals are of. They count for nothing else: "this month" is another period on another day.
    fn name(&self, desk: &Desk<'_>) -> String {
        let TimeSpan { start, end } = self.period.span;
        let (start, end) = (start.ms().to_string(), end.ms().to_string());
        let (frame, basis) = (desk.frame(""), self.period.basis.name());
        self.filter.href(&frame, "", &[("basis", basis), ("start", &start), ("end", &end)])
    }

    pub(crate) fn seal_totals(&self, desk: &Desk<'_>, totals: &Totals) -> Result<String, Trouble> {
        let channels = totals.channels.iter().map(|(channel, own)| format!("{channel}:{}", own.to_text()));
        let channels = channels.collect::<Vec<_>>().join(";");
        let charged = totals.charged.map(|span| format!("{} {}", span.start.ms(), span.end.ms())).unwrap_or_default();
        let is_cut = if totals.is_cut { "cut" } else { "" };
        let name = self.name(desk);
        let lines = [name.as_str(), &channels, &charged, is_cut];
        Ok(seal(&desk.deps.services, Purpose::Totals, &lines)?)
    }

    fn open_totals(&self, desk: &Desk<'_>, sealed: &str) -> Option<Totals> {
        let [name, channels, charged, is_cut] = open::<4>(&desk.deps.services.config, Purpose::Totals, sealed)?;
        if name != self.name(desk) {
            return None;
        }
        let read = |text: &str| {
            let (channel, own) = text.split_once(':')?;
            Some((Channel::find(channel)?, Turnover::parse(own)?))
        };
        let channels =
            channels.split(';').filter(|text| !text.is_empty()).map(read).collect::<Option<BTreeMap<_, _>>>()?;
        let moment = |text: &str| Timestamp::from_ms(text.parse().ok()?).ok();
        let charged = match charged.split_once(' ') {
            Some((start, end)) => Some(TimeSpan { start: moment(start)?, end: moment(end)? }),
            None => None,
        };
        let turnovers = Turnovers { channels, charged, is_cut: !is_cut.is_empty(), ..Turnovers::default() };
        Some(Totals::from(turnovers))
    }
}

impl From<Turnovers> for Totals {
    fn from(turnovers: Turnovers) -> Self {
        let total = turnovers.total();
        Self { channels: turnovers.channels, total, is_cut: turnovers.is_cut, charged: turnovers.charged }
    }
}

/// The cursor in the address of a part; empty for the first one.
pub(crate) fn cursor_of(desk: &Desk<'_>) -> String {
    query_parameter(desk.request, "cursor").unwrap_or_default().into_owned()
}

async fn find_named(desk: &Desk<'_>, filter: &Filter) -> Result<Option<Vec<Record>>, Trouble> {
    if let Some(record) = by_id(desk, filter).await? {
        return Ok(Some(vec![record]));
    }
    if BillNum::parse(&filter.search).is_err() {
        return Ok(None);
    }
    // Its period does not count: by payment or settlement it may lie after the charge.
    let request = filter.at_any_time().request(desk, RecordsRequest::LIMIT_MAX).map_err(|_| Trouble::NotFound)?;
    Ok(Some(page(&desk.deps.services.store, desk.app()?, desk.mode, &request, None).await?.records))
}
