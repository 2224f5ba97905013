//! All orders, in memory and in the state file.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::faults::Fault;
use super::letter::Notify;
use super::merchants::Stage;
use super::trade::{Order, Prepay, RefundStatus, Rule, Trade};
use crate::kit::balance::Balances;
use crate::kit::beijing::date;
use crate::kit::bill::{Plants, RefundRow, Row};
use crate::kit::books;
use crate::kit::owner::SimulatorError;
use crate::kit::state_file::StateFile;

/// Orders kept; the oldest goes first.
const TRADES_MAX: usize = 10_000;
/// Steps of one order in one tick: its closing or its refunds.
const STEPS_MAX: usize = 60;

#[derive(Default)]
pub(super) struct Ledger {
    /// By number, which grows, so the first is the oldest.
    trades: BTreeMap<String, Trade>,
    /// `mchid` and `out_trade_no` to number.
    numbers: HashMap<(String, String), String>,
    sequence: u64,
    /// What the next server calls will suffer. Not stored.
    pub(super) faults: VecDeque<Fault>,
    /// Who has nothing left to refund with. Not stored.
    pub(super) balances: Balances,
    /// What the bills say that is not so. Not stored.
    pub(super) plants: Plants,
    /// Which platform certificates are in use. Not stored.
    pub(super) stage: Stage,
    file: StateFile,
    changed: bool,
}

#[derive(Deserialize)]
struct Stored {
    sequence: u64,
    trades: Vec<Trade>,
}

#[derive(Serialize)]
struct StoredRef<'a> {
    sequence: u64,
    trades: Vec<&'a Trade>,
}

impl books::Ledger for Ledger {
    fn open(file: StateFile) -> Result<Self, SimulatorError> {
        let stored: Option<Stored> = file.read()?;
        let mut ledger = Self { file, ..Self::default() };
        let Some(stored) = stored else { return Ok(ledger) };
        ledger.sequence = stored.sequence;
        for trade in stored.trades {
            let key = (trade.order.mch_id.clone(), trade.order.out_trade_no.clone());
            ledger.numbers.insert(key, trade.number.clone());
            ledger.trades.insert(trade.number.clone(), trade);
        }
        Ok(ledger)
    }

    /// Lets the clock close unpaid orders and settle refunds.
    fn tick(&mut self, now: i64) {
        for trade in self.trades.values_mut() {
            for _ in 0..STEPS_MAX {
                let Some(at) = trade.changes_at().filter(|at| *at <= now) else {
                    break;
                };
                self.changed = true;
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

    fn save(&mut self) -> Result<(), SimulatorError> {
        if !std::mem::take(&mut self.changed) {
            return Ok(());
        }
        let trades = self.trades.values().collect();
        self.file.write(StoredRef { sequence: self.sequence, trades })
    }

    fn next_due(&self) -> Option<i64> {
        self.trades.values().flat_map(|trade| [trade.notifies.due(), trade.changes_at()]).flatten().min()
    }
}

impl Ledger {
    /// Takes an order and notes what is handed out for it.
    pub(super) fn place(&mut self, order: Order, prepay: Prepay, now: i64) -> Result<(), Rule> {
        let key = (order.mch_id.clone(), order.out_trade_no.clone());
        let known = self.numbers.get(&key).and_then(|number| self.trades.get_mut(number));
        if let Some(trade) = known {
            trade.reorder(&order)?;
            trade.hand_out(prepay);
            self.changed = true;
            return Ok(());
        }
        self.sequence = self.sequence.saturating_add(1);
        let number = format!("{:020}", self.sequence);
        let mut trade = Trade::new(number.clone(), order, now);
        trade.hand_out(prepay);
        self.numbers.insert(key, number.clone());
        self.trades.insert(number, trade);
        self.changed = true;
        while self.trades.len() > TRADES_MAX {
            let Some((_, oldest)) = self.trades.pop_first() else {
                break;
            };
            self.numbers.remove(&(oldest.order.mch_id, oldest.order.out_trade_no));
        }
        Ok(())
    }

    /// Twenty-eight digits as WeChat's `transaction_id` and `refund_id` have, `head` being the first two.
    pub(super) fn provider_number(&mut self, head: &str, now: i64) -> String {
        self.sequence = self.sequence.saturating_add(1);
        self.changed = true;
        format!("{head}00000000{}{:010}", date(now), self.sequence)
    }

    pub(super) fn trade(&self, number: &str) -> Option<&Trade> {
        self.trades.get(number)
    }

    /// For a change; the state file is written afterwards.
    pub(super) fn trade_mut(&mut self, number: &str) -> Option<&mut Trade> {
        self.changed = true;
        self.trades.get_mut(number)
    }

    pub(super) fn notify_mut(&mut self, number: &str, notify_id: &str) -> Option<&mut Notify> {
        self.changed = true;
        self.trades.get_mut(number)?.notifies.find_mut(|letter| letter.id == notify_id)
    }

    pub(super) fn by_out_trade_no(&self, mch_id: &str, out_trade_no: &str) -> Option<&Trade> {
        let number = self.numbers.get(&(mch_id.to_owned(), out_trade_no.to_owned()))?;
        self.trades.get(number)
    }

    /// The first order of a merchant that `fits`.
    pub(super) fn of_merchant(&self, mch_id: &str, fits: impl Fn(&Trade) -> bool) -> Option<&Trade> {
        self.find(|trade| trade.order.mch_id == mch_id && fits(trade))
    }

    /// A merchant's payments and refunds between two moments.
    pub(super) fn bill(&self, mch_id: &str, (from, to): (i64, i64)) -> Vec<Row> {
        let mut rows = Vec::new();
        for trade in self.trades.values().filter(|trade| trade.order.mch_id == mch_id) {
            let row = |refund: Option<RefundRow>, fen: i64| {
                Row::new((&trade.order.app_id, &trade.order.out_trade_no), &trade.order.description, refund, fen)
            };
            let in_time = |at: i64| (from..=to).contains(&at);
            rows.extend(trade.paid_at.filter(|at| in_time(*at)).map(|_| row(None, trade.order.total.get())));
            let refunds = trade.refunds.iter().filter(|refund| refund.success_at.is_some_and(in_time));
            rows.extend(refunds.map(|refund| row(Some(RefundRow::done(&refund.out_refund_no)), refund.amount.get())));
        }
        rows
    }

    /// The newest order that `fits`.
    pub(super) fn find(&self, fits: impl Fn(&Trade) -> bool) -> Option<&Trade> {
        self.trades.values().rev().find(|trade| fits(trade))
    }

    /// The order whose notify is due first, `only` that one if it is given. For a change, as all that is answered so.
    pub(super) fn due_mut(&mut self, only: Option<&str>, now: i64) -> Option<&mut Trade> {
        let (_, number) = self
            .trades
            .values()
            .filter(|trade| only.is_none_or(|only| trade.number == only))
            .filter_map(|trade| Some((trade.notifies.due()?, trade.number.clone())))
            .filter(|(due, _)| *due <= now)
            .min()?;
        self.changed = true;
        self.trades.get_mut(&number)
    }
}
