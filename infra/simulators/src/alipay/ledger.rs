//! All trades, and the settings of a test.

use std::collections::VecDeque;

use super::letter::{Letter, Notifies, Notify};
use super::trade::{Order, Rule, Status, Trade};
use crate::kit::balance::Balances;
use crate::kit::beijing::{date, of_day};
use crate::kit::bill::{DayBounds, Plants, RefundRow, Row};
use crate::kit::books;
use crate::kit::charset::Charset;
use crate::kit::fault::Fault;
use crate::kit::orders::{Booked, Orders};

/// A trade number has seven digits for this, besides the millisecond of the day.
const SEQUENCE_MAX: u64 = 9_999_999;

#[derive(Default)]
pub(super) struct Ledger {
    pub(super) orders: Orders<Trade>,
    /// The faults of the next server calls. Not stored.
    pub(super) faults: VecDeque<Fault>,
    /// The charset of notifies and answers. Not stored.
    pub(super) charset: Charset,
    /// The merchants with an empty balance. Not stored.
    pub(super) balances: Balances,
    /// False lines of the bills, for tests. Not stored.
    pub(super) plants: Plants,
}

impl Booked for Trade {
    /// Merchant and `out_trade_no`.
    type Name = (String, String);

    /// It begins with the date and the millisecond.
    fn number(&self) -> &str {
        &self.trade_no
    }

    fn names(&self) -> Vec<Self::Name> {
        vec![(self.order.merchant.clone(), self.order.out_trade_no.clone())]
    }

    fn notify_due(&self) -> Option<i64> {
        self.notifies.due()
    }

    fn changes_at(&self) -> Option<i64> {
        self.clock_changes_at()
    }
}

impl books::Ledger for Ledger {
    type Order = Trade;

    fn orders(&self) -> &Orders<Trade> {
        &self.orders
    }

    fn orders_mut(&mut self) -> &mut Orders<Trade> {
        &mut self.orders
    }

    /// Closes an unpaid trade, or finishes an old one.
    fn come_due(&mut self, number: &str, now: i64) {
        let Some(trade) = self.orders.get_mut(number) else { return };
        // At most two steps. At present no step leads to another; the limit keeps it bounded.
        for _ in 0..2 {
            let Some(at) = trade.changes_at().filter(|at| *at <= now) else {
                break;
            };
            let done = if trade.status == Status::WaitBuyerPay { trade.close(at) } else { trade.finish() };
            if done.is_err() {
                break;
            }
        }
    }
}

impl Ledger {
    /// Accepts an order and returns its trade number.
    pub(super) fn place(&mut self, order: Order, now: i64) -> Result<String, Rule> {
        if let Some(trade_no) = self.number_of(&order.merchant, &order.out_trade_no)
            && let Some(trade) = self.orders.get_mut(&trade_no)
        {
            trade.reorder(order)?;
            return Ok(trade_no);
        }
        let sequence = self.orders.next_number(SEQUENCE_MAX, 0);
        let trade_no = format!("{}22001{:08}{sequence:07}", date(now), of_day(now));
        self.orders.insert(Trade {
            trade_no: trade_no.clone(),
            status: Status::Prepared,
            order,
            opened_at: None,
            expires_at: None,
            paid_at: None,
            closed_at: None,
            refunds: Vec::new(),
            notify_count: 0,
            notifies: Notifies::default(),
        });
        Ok(trade_no)
    }

    /// A merchant's payments and refunds between two moments, in order.
    pub(super) fn bill(&self, merchant: &str, DayBounds { from_ms, to_ms }: DayBounds) -> Vec<Row> {
        let mut rows = Vec::new();
        for trade in self.orders.values().filter(|trade| trade.order.merchant == merchant) {
            let row = |refund: Option<RefundRow>, fen: i64| {
                Row::new(merchant, &trade.order.out_trade_no, &trade.order.subject, refund, fen)
            };
            let in_time = |at: i64| (from_ms..=to_ms).contains(&at);
            rows.extend(trade.paid_at.filter(|at| in_time(*at)).map(|_| row(None, trade.order.total.get())));
            let refunds = trade.refunds.iter().filter(|refund| in_time(refund.at));
            rows.extend(refunds.map(|refund| row(Some(RefundRow::done(&refund.request_no)), refund.amount.get())));
        }
        rows
    }

    pub(super) fn notify_mut(&mut self, trade_no: &str, notify_id: &str) -> Option<&mut Notify> {
        self.orders.get_mut(trade_no)?.notifies.find_mut(|letter| letter.notify_id == notify_id)
    }

    /// The trade number of a merchant's order, opened or not.
    pub(super) fn number_of(&self, merchant: &str, out_trade_no: &str) -> Option<String> {
        self.orders.number_of(&(merchant.to_owned(), out_trade_no.to_owned())).cloned()
    }

    /// The newest trade with this order number, of `merchant` if given.
    pub(super) fn newest(&self, out_trade_no: &str, merchant: Option<&str>) -> Option<String> {
        let is_of = |trade: &Trade| merchant.is_none_or(|merchant| trade.order.merchant == merchant);
        let found = self.orders.find(|trade| is_of(trade) && trade.order.out_trade_no == out_trade_no);
        found.map(|trade| trade.trade_no.clone())
    }

    /// The notify with this id among a merchant's trades.
    pub(super) fn find_notify(&self, merchant: &str, notify_id: &str) -> Option<&Letter> {
        self.orders
            .values()
            .filter(|trade| trade.order.merchant == merchant)
            .flat_map(|trade| trade.notifies.iter())
            .map(|notify| &notify.letter)
            .find(|letter| letter.notify_id == notify_id)
    }
}
