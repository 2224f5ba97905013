//! The lines of an export: payments, and refunds beside them or by their own day. What writes a file knows only cells.
//!
//! The first nine columns are those of the first exports and keep their places; the others follow.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::{
    Basis, BillNum, Fen, PaymentTimes, Record, RecordsFilter, RecordsOrder, RecordsRequest, Refund, RefundStatus,
    Status, Timestamp, Transaction, TransactionId, TransactionKey, sent_back_elsewhere,
};
use futures_util::future::try_join_all;
use store::{RecordsPosition, RefundPosition, RefundSpan};

use super::{
    Trouble,
    desk::Desk,
    scope::Scope,
    table::{COLUMNS, Cell, Line, bytes},
    texts,
    turnovers::channels_of,
};
use crate::api::transactions::page;

/// Rows that are read at once.
const STEP: usize = 2000;

/// How often a part reads further because few of the rows that it read belong to the period.
const STEPS_MAX: usize = 40;

/// How many keys one look-up has, and how many bills are read at once.
const LOOKED_UP_AT_ONCE: usize = 500;
const BILLS_AT_ONCE: usize = 16;

/// Where a part begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Payments(Option<RecordsPosition>),
    /// By settlement the refunds follow the payments.
    Refunds(Option<RefundPosition>),
}

/// How much fits into one part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartSize {
    pub(crate) lines: usize,
    /// Of all texts together.
    pub(crate) bytes: usize,
}

/// One part of an export.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) lines: Vec<Line>,
    /// When its last row was charged or went back.
    pub(crate) reached: Option<Timestamp>,
    /// Where the next part begins; `None` for the last part.
    pub(crate) next: Option<Place>,
}

/// Reads lines from `from` on, until a part is full.
pub(crate) async fn gather(desk: &Desk<'_>, scope: &Scope, from: Place, size: PartSize) -> Result<Part, Trouble> {
    let mut part = Part { next: Some(from), ..Part::default() };
    if let Some(named) = &scope.named {
        let lines = payment_lines(desk, scope, named).await?;
        return Ok(Part { lines, reached: named.last().map(|record| record.created_at), next: None });
    }
    for _ in 0..STEPS_MAX {
        let Some(place) = part.next.take() else { break };
        let step = match &place {
            Place::Payments(from) => payments(desk, scope, from.as_ref()).await?,
            Place::Refunds(from) => refunds(desk, scope, from.as_ref()).await?,
        };
        part.lines.extend(step.lines);
        part.reached = step.reached.or(part.reached);
        part.next = step.next;
        if part.lines.len() >= size.lines || bytes(&part.lines) >= size.bytes {
            break;
        }
    }
    Ok(part)
}

async fn payments(desk: &Desk<'_>, scope: &Scope, from: Option<&RecordsPosition>) -> Result<Part, Trouble> {
    let within = scope.charged;
    let filter = RecordsFilter { start: Some(within.start), end: Some(within.end), ..scope.asked.clone() };
    let request = RecordsRequest { filter, order: RecordsOrder::NewestFirst, skip: 0, limit: STEP };
    let read = page(&desk.deps.services.store, desk.app()?, desk.mode, &request, from).await?;
    let lines = payment_lines(desk, scope, &read.records).await?;
    let after = (scope.period.basis == Basis::Settled).then_some(Place::Refunds(None));
    let next = read.next.map(|next| Place::Payments(Some(next))).or(after);
    Ok(Part { lines, reached: read.records.last().map(|record| record.created_at), next })
}

/// The lines of these payments, as far as they belong to the period. Each is followed by its refunds, if they stand with their payment.
async fn payment_lines(desk: &Desk<'_>, scope: &Scope, records: &[Record]) -> Result<Vec<Line>, Trouble> {
    let is_asked = |record: &&Record| scope.named.is_some() || scope.period.admits(&times(record));
    let records: Vec<&Record> = records.iter().filter(is_asked).collect();
    // By settlement refunds have lines by their own day.
    let lists_refunds = scope.lists_refunds && scope.period.basis != Basis::Settled;
    let has_refunds = |record: &Record| lists_refunds && record.refunded.is_some();
    let (with, without): (Vec<&Record>, Vec<&Record>) = records.iter().copied().partition(|one| has_refunds(one));
    let app = &desk.app()?.app.id;
    let key = |record: &Record| record.key(app, desk.mode);
    let mut transactions = transactions(desk, without.into_iter().map(key).collect()).await?;
    let mut refunds: HashMap<TransactionId, Vec<Refund>> = HashMap::new();
    let bills: BTreeSet<&BillNum> = with.into_iter().map(|record| &record.bill).collect();
    for some in bills.into_iter().collect::<Vec<_>>().chunks(BILLS_AT_ONCE) {
        let store = &desk.deps.services.store;
        for whole in try_join_all(some.iter().map(|bill| store.load_whole_bill(app, desk.mode, bill))).await? {
            transactions.extend(whole.bill.tries.into_iter().map(|one| (one.id.clone(), one)));
            for refund in whole.refunds {
                refunds.entry(refund.transaction.clone()).or_default().push(refund);
            }
        }
    }
    let mut lines = Vec::with_capacity(records.len());
    for record in records {
        let transaction = transactions.get(&record.id);
        lines.push(payment_line(desk, record, transaction));
        if let Some(transaction) = transaction.filter(|_| has_refunds(record)) {
            lines.extend(refund_lines(desk, transaction, refunds.remove(&record.id).unwrap_or_default()));
        }
    }
    Ok(lines)
}

async fn transactions(
    desk: &Desk<'_>,
    keys: Vec<TransactionKey>,
) -> Result<HashMap<TransactionId, Transaction>, Trouble> {
    let asked = keys.chunks(LOOKED_UP_AT_ONCE).map(|some| desk.deps.services.store.find_transactions(some));
    let found = try_join_all(asked).await?;
    Ok(found.into_iter().flatten().map(|one| (one.id.clone(), one)).collect())
}

/// Refunds by their own day.
async fn refunds(desk: &Desk<'_>, scope: &Scope, from: Option<&RefundPosition>) -> Result<Part, Trouble> {
    let (store, app) = (&desk.deps.services.store, &desk.app()?.app.id);
    let span =
        |channel| RefundSpan { channel, status: RefundStatus::Success, span: scope.period.refunded_within(channel) };
    let lists: Vec<RefundSpan> = channels_of(desk, &scope.asked)?.into_iter().map(span).collect();
    let read = store.refunds_page(app, desk.mode, &lists, from, STEP).await?;
    let refunds = store.find_refunds(&read.keys).await?;
    let keys: HashSet<TransactionKey> = refunds.iter().map(|refund| refund.key.clone()).collect();
    let transactions = transactions(desk, keys.into_iter().collect()).await?;
    let line = |refund: &Refund| Some(refund_line(desk, transactions.get(&refund.transaction)?, refund));
    Ok(Part {
        lines: refunds.iter().filter_map(line).collect(),
        reached: refunds.last().and_then(|refund| refund.ended_at),
        next: read.next.map(|next| Place::Refunds(Some(next))),
    })
}

pub(crate) fn times(record: &Record) -> PaymentTimes {
    PaymentTimes {
        channel: record.channel,
        status: record.status,
        created_at: record.created_at,
        ended_at: record.ended_at,
    }
}

/// The names of the columns. Those with a time say in which zone.
pub(crate) fn headings(desk: &Desk<'_>) -> [String; COLUMNS] {
    let (t, offset) = (desk.t(), desk.preferences.zone.offset());
    let time = |label: &str| format!("{label} ({offset})");
    let yuan = |label: &str| texts::fill("{} (CNY)", &[label]);
    [
        t.transaction_id.to_owned(),
        t.bill.to_owned(),
        time(t.created),
        time(t.ended),
        t.channel.to_owned(),
        t.channel_code.to_owned(),
        t.status.to_owned(),
        yuan(t.amount),
        yuan(t.refunded),
        t.line_kind.to_owned(),
        time(t.paid_at),
        time(t.closed_at),
        t.trade_no.to_owned(),
        t.subject.to_owned(),
        t.refund_num.to_owned(),
        time(t.refunded_at),
        yuan(t.money_in),
        yuan(t.money_out),
    ]
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn moment(at: Option<Timestamp>) -> Cell {
    at.map_or(Cell::Empty, Cell::Moment)
}

fn yuan(fee: Option<Fen>) -> Cell {
    fee.map_or(Cell::Empty, |fee| Cell::Yuan(fee.to_yuan()))
}

fn payment_line(desk: &Desk<'_>, record: &Record, transaction: Option<&Transaction>) -> Line {
    let t = desk.t();
    let is_paid = record.status.is_paid();
    let is_closed = record.status == Status::Closed;
    let trade_no = transaction.and_then(|one| one.trade_no.as_ref());
    [
        text(record.id.as_str()),
        text(record.bill.as_str()),
        Cell::Moment(record.created_at),
        moment(record.ended_at),
        text(t.name_of(record.channel)),
        text(record.channel.name()),
        text(t.name_of(record.status)),
        yuan(Some(record.fee)),
        yuan(record.refunded),
        text(t.line_payment),
        moment(record.ended_at.filter(|_| is_paid)),
        moment(record.ended_at.filter(|_| is_closed)),
        trade_no.map_or(Cell::Empty, |number| text(number.as_str())),
        transaction.map_or(Cell::Empty, |one| text(one.subject.as_str())),
        Cell::Empty,
        Cell::Empty,
        yuan(Some(record.fee).filter(|_| is_paid)),
        Cell::Empty,
    ]
}

/// Our refunds that went back, in the order of their time, and what was sent back in the provider's console, whose time is not known.
fn refund_lines(desk: &Desk<'_>, payment: &Transaction, mut refunds: Vec<Refund>) -> Vec<Line> {
    let elsewhere = sent_back_elsewhere(payment, &refunds);
    refunds.retain(|refund| refund.status == RefundStatus::Success);
    refunds.sort_by_key(|refund| refund.ended_at);
    let mut lines: Vec<Line> = refunds.iter().map(|refund| refund_line(desk, payment, refund)).collect();
    if let Some(fee) = elsewhere {
        let times = [Cell::Empty, Cell::Empty, Cell::Empty];
        lines.push(back_line(desk, payment, desk.t().line_refund_there, Cell::Empty, times, fee));
    }
    lines
}

fn refund_line(desk: &Desk<'_>, payment: &Transaction, refund: &Refund) -> Line {
    let ended = moment(refund.ended_at);
    let times = [Cell::Moment(refund.requested_at), ended.clone(), ended];
    back_line(desk, payment, desk.t().line_refund, text(refund.num.as_str()), times, refund.fee)
}

/// A line of money that went back. Amount and refunded amount stay empty: they are those of the payment, whose line has them.
fn back_line(
    desk: &Desk<'_>,
    payment: &Transaction,
    kind: &str,
    num: Cell,
    [requested, ended, refunded]: [Cell; 3],
    fee: Fen,
) -> Line {
    let t = desk.t();
    [
        text(payment.id.as_str()),
        text(payment.key.bill.as_str()),
        requested,
        ended,
        text(t.name_of(payment.key.channel)),
        text(payment.key.channel.name()),
        text(t.name_of(Status::Refund)),
        Cell::Empty,
        Cell::Empty,
        text(kind),
        Cell::Empty,
        Cell::Empty,
        payment.trade_no.as_ref().map_or(Cell::Empty, |number| text(number.as_str())),
        text(payment.subject.as_str()),
        num,
        refunded,
        Cell::Empty,
        yuan(Some(fee)),
    ]
}
