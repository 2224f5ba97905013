//! All trades, in memory and in the state file.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::letter::{Letter, Notifies, Notify};
use super::trade::{Order, Rule, Status, Trade};
use crate::kit::balance::Balances;
use crate::kit::beijing::{date, of_day};
use crate::kit::bill::{Plants, RefundRow, Row};
use crate::kit::books;
use crate::kit::charset::Charset;
use crate::kit::fault::Fault;
use crate::kit::owner::SimulatorError;
use crate::kit::state_file::StateFile;

/// Trades kept; the oldest goes first.
const TRADES_MAX: usize = 10_000;
/// A trade number has seven digits for this, beside the millisecond of the day.
const SEQUENCE_MAX: u64 = 9_999_999;

#[derive(Default)]
pub(super) struct Ledger {
    /// By `trade_no`, which begins with the date and the millisecond, so the first is the oldest.
    trades: BTreeMap<String, Trade>,
    /// Merchant and `out_trade_no` to `trade_no`.
    numbers: HashMap<(String, String), String>,
    sequence: u64,
    /// What the next server calls will suffer. Not stored.
    pub(super) faults: VecDeque<Fault>,
    /// In which charset notifies and answers are written. Not stored.
    pub(super) charset: Charset,
    /// Who has nothing left to refund with. Not stored.
    pub(super) balances: Balances,
    /// What the bills say that is not so. Not stored.
    pub(super) plants: Plants,
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
            let number = (trade.order.merchant.clone(), trade.order.out_trade_no.clone());
            ledger.numbers.insert(number, trade.trade_no.clone());
            ledger.trades.insert(trade.trade_no.clone(), trade);
        }
        Ok(ledger)
    }

    /// Lets the clock close unpaid trades and finish old ones.
    fn tick(&mut self, now: i64) {
        for trade in self.trades.values_mut() {
            // Two steps at most (none of them leads to the other today); the bound keeps it so.
            for _ in 0..2 {
                let Some(at) = trade.changes_at().filter(|at| *at <= now) else {
                    break;
                };
                let done = if trade.status == Status::WaitBuyerPay { trade.close(at) } else { trade.finish() };
                if done.is_err() {
                    break;
                }
                self.changed = true;
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
    /// Takes an order and answers its trade number.
    pub(super) fn place(&mut self, order: Order, now: i64) -> Result<String, Rule> {
        let number = (order.merchant.clone(), order.out_trade_no.clone());
        if let Some(trade) = self.numbers.get(&number).and_then(|trade_no| self.trades.get_mut(trade_no)) {
            trade.reorder(order)?;
            self.changed = true;
            return Ok(trade.trade_no.clone());
        }
        self.sequence = if self.sequence >= SEQUENCE_MAX { 0 } else { self.sequence + 1 };
        let trade_no = format!("{}22001{:08}{:07}", date(now), of_day(now), self.sequence);
        let trade = Trade {
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
        };
        self.numbers.insert(number, trade_no.clone());
        self.trades.insert(trade_no.clone(), trade);
        self.changed = true;
        while self.trades.len() > TRADES_MAX {
            let Some((_, oldest)) = self.trades.pop_first() else {
                break;
            };
            self.numbers.remove(&(oldest.order.merchant, oldest.order.out_trade_no));
        }
        Ok(trade_no)
    }

    /// Forgets an order that no buyer has opened.
    pub(super) fn withdraw(&mut self, trade_no: &str) {
        if let Some(trade) = self.trades.remove(trade_no) {
            self.numbers.remove(&(trade.order.merchant, trade.order.out_trade_no));
            self.changed = true;
        }
    }

    /// A merchant's payments and refunds between two moments, as they happened.
    pub(super) fn bill(&self, merchant: &str, (from, to): (i64, i64)) -> Vec<Row> {
        let mut rows = Vec::new();
        for trade in self.trades.values().filter(|trade| trade.order.merchant == merchant) {
            let row = |refund: Option<RefundRow>, fen: i64| {
                Row::new((merchant, &trade.order.out_trade_no), &trade.order.subject, refund, fen)
            };
            let in_time = |at: i64| (from..=to).contains(&at);
            rows.extend(trade.paid_at.filter(|at| in_time(*at)).map(|_| row(None, trade.order.total.get())));
            let refunds = trade.refunds.iter().filter(|refund| in_time(refund.at));
            rows.extend(refunds.map(|refund| row(Some(RefundRow::done(&refund.request_no)), refund.amount.get())));
        }
        rows
    }

    pub(super) fn trade(&self, trade_no: &str) -> Option<&Trade> {
        self.trades.get(trade_no)
    }

    /// For a change; the state file is written afterwards.
    pub(super) fn trade_mut(&mut self, trade_no: &str) -> Option<&mut Trade> {
        self.changed = true;
        self.trades.get_mut(trade_no)
    }

    pub(super) fn notify_mut(&mut self, trade_no: &str, notify_id: &str) -> Option<&mut Notify> {
        self.changed = true;
        self.trades.get_mut(trade_no)?.notifies.find_mut(|letter| letter.notify_id == notify_id)
    }

    /// The trade number of a merchant's order, opened or not.
    pub(super) fn number_of(&self, merchant: &str, out_trade_no: &str) -> Option<String> {
        self.numbers.get(&(merchant.to_owned(), out_trade_no.to_owned())).cloned()
    }

    /// The newest trade with this order number, of `merchant` if one is named.
    pub(super) fn newest(&self, out_trade_no: &str, merchant: Option<&str>) -> Option<String> {
        self.trades
            .values()
            .rev()
            .filter(|trade| merchant.is_none_or(|merchant| trade.order.merchant == merchant))
            .find(|trade| trade.order.out_trade_no == out_trade_no)
            .map(|trade| trade.trade_no.clone())
    }

    /// The notify with this id among a merchant's trades.
    pub(super) fn find_notify(&self, merchant: &str, notify_id: &str) -> Option<&Letter> {
        self.trades
            .values()
            .filter(|trade| trade.order.merchant == merchant)
            .flat_map(|trade| trade.notifies.iter())
            .map(|notify| &notify.letter)
            .find(|letter| letter.notify_id == notify_id)
    }

    /// The trade whose notify is due first, `only` that one if it is given. For a change, as all that is answered so.
    pub(super) fn due_mut(&mut self, only: Option<&str>, now: i64) -> Option<&mut Trade> {
        let (_, trade_no) = self
            .trades
            .values()
            .filter(|trade| only.is_none_or(|only| trade.trade_no == only))
            .filter_map(|trade| Some((trade.notifies.due()?, trade.trade_no.clone())))
            .filter(|(due, _)| *due <= now)
            .min()?;
        self.changed = true;
        self.trades.get_mut(&trade_no)
    }
}
