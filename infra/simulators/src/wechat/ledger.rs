//! All orders, and the settings of a test.

use std::collections::VecDeque;

use super::faults::Fault;
use super::letter::Notify;
use super::merchants::Stage;
use super::oauth::OauthCode;
use super::registered::Registered;
use super::trade::{Order, Prepay, RefundStatus, Rule, Trade};
use crate::kit::balance::Balances;
use crate::kit::beijing::date;
use crate::kit::bill::{DayBounds, Plants, RefundRow, Row};
use crate::kit::books;
use crate::kit::orders::{Booked, Orders};

/// The numbers of orders have twenty digits.
const SEQUENCE_MAX: u64 = u64::MAX;
/// The most steps of one order in one tick: its closing or its refunds.
const STEPS_MAX: usize = 60;

#[derive(Default)]
pub(super) struct Ledger {
    pub(super) orders: Orders<Trade>,
    /// The faults of the next server calls. Not stored.
    pub(super) faults: VecDeque<Fault>,
    /// The merchants with an empty balance. Not stored.
    pub(super) balances: Balances,
    /// False lines of the bills, for tests. Not stored.
    pub(super) plants: Plants,
    /// Which platform certificates are used. Not stored.
    pub(super) stage: Stage,
    /// The codes that the authorisation gave out. Not stored.
    pub(super) codes: VecDeque<OauthCode>,
    /// What the merchants registered at WeChat. Not stored.
    pub(super) registered: Registered,
}

impl Booked for Trade {
    /// `mchid` and `out_trade_no`.
    type Name = (String, String);

    fn number(&self) -> &str {
        &self.number
    }

    fn names(&self) -> Vec<Self::Name> {
        vec![(self.order.mch_id.clone(), self.order.out_trade_no.clone())]
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

    /// Closes an unpaid order, or settles its refunds.
    fn come_due(&mut self, number: &str, now: i64) {
        let Some(trade) = self.orders.get_mut(number) else { return };
        for _ in 0..STEPS_MAX {
            let Some(at) = trade.changes_at().filter(|at| *at <= now) else {
                break;
            };
            let unsettled = trade.unsettled().map(|refund| refund.out_refund_no.clone());
            let done = match unsettled {
                Some(number) => trade.settle(&number, RefundStatus::Success, at).map(|refund| {
                    trade.queue_refund(&refund, at);
                }),
                None => trade.close(at),
            };
            if done.is_err() {
                break;
            }
        }
    }
}

impl Ledger {
    /// Accepts an order and stores the payment parameters that were given out for it.
    pub(super) fn place(&mut self, order: Order, prepay: Prepay, now: i64) -> Result<(), Rule> {
        let name = (order.mch_id.clone(), order.out_trade_no.clone());
        if let Some(number) = self.orders.number_of(&name).cloned()
            && let Some(trade) = self.orders.get_mut(&number)
        {
            trade.reorder(&order)?;
            trade.hand_out(prepay);
            return Ok(());
        }
        let number = format!("{:020}", self.orders.next_number(SEQUENCE_MAX, SEQUENCE_MAX));
        let mut trade = Trade::new(number, order, now);
        trade.hand_out(prepay);
        self.orders.insert(trade);
        Ok(())
    }

    /// Twenty-eight digits, as WeChat's `transaction_id` and `refund_id` have. `head` are the first two.
    pub(super) fn provider_number(&mut self, head: &str, now: i64) -> String {
        let sequence = self.orders.next_number(SEQUENCE_MAX, SEQUENCE_MAX);
        format!("{head}00000000{}{sequence:010}", date(now))
    }

    pub(super) fn notify_mut(&mut self, number: &str, notify_id: &str) -> Option<&mut Notify> {
        self.orders.get_mut(number)?.notifies.find_mut(|letter| letter.id == notify_id)
    }

    pub(super) fn by_out_trade_no(&self, mch_id: &str, out_trade_no: &str) -> Option<&Trade> {
        self.orders.by_name(&(mch_id.to_owned(), out_trade_no.to_owned()))
    }

    /// The first order of a merchant that `fits`.
    pub(super) fn of_merchant(&self, mch_id: &str, fits: impl Fn(&Trade) -> bool) -> Option<&Trade> {
        self.orders.find(|trade| trade.order.mch_id == mch_id && fits(trade))
    }

    /// A merchant's payments and refunds between two moments.
    pub(super) fn bill(&self, mch_id: &str, DayBounds { from_ms, to_ms }: DayBounds) -> Vec<Row> {
        let mut rows = Vec::new();
        for trade in self.orders.values().filter(|trade| trade.order.mch_id == mch_id) {
            let row = |refund: Option<RefundRow>, fen: i64| {
                Row::new(&trade.order.app_id, &trade.order.out_trade_no, &trade.order.description, refund, fen)
            };
            let in_time = |at: i64| (from_ms..=to_ms).contains(&at);
            rows.extend(trade.paid_at.filter(|at| in_time(*at)).map(|_| row(None, trade.order.total.get())));
            let refunds = trade.refunds.iter().filter(|refund| refund.success_at.is_some_and(in_time));
            rows.extend(refunds.map(|refund| row(Some(RefundRow::done(&refund.out_refund_no)), refund.amount.get())));
        }
        rows
    }
}
