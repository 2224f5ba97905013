//! All transactions, in memory and in the state file.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::codes::{self, Refusal};
use super::faults::Fault;
use super::letter::Notify;
use super::moment::compact;
use super::transaction::{Order, State, Transaction};
use crate::kit::balance::{Balance, Balances};
use crate::kit::bill::{Plants, RefundRow, Row};
use crate::kit::books;
use crate::kit::charset::Charset;
use crate::kit::owner::SimulatorError;
use crate::kit::state_file::StateFile;

/// Transactions kept; the oldest goes first.
const TRANSACTIONS_MAX: usize = 10_000;
/// `queryId` and `tn` have seven digits for this.
const SEQUENCE_MAX: u64 = 9_999_999;
/// The day in a `txnTime`: an order number may come back on another one.
const DAY_DIGITS: usize = 8;

/// `merId`, `orderId`, `txnTime`: what names an order.
type Identity = (String, String, String);

#[derive(Default)]
pub(super) struct Ledger {
    /// By `queryId`, which begins with the time, so the first is the oldest.
    transactions: BTreeMap<String, Transaction>,
    identities: HashMap<Identity, String>,
    /// `tn` to `queryId`.
    cashiers: HashMap<String, String>,
    sequence: u64,
    /// What the next server calls will suffer. Not stored.
    pub(super) faults: VecDeque<Fault>,
    /// In which charset notifies and answers are written. Not stored.
    pub(super) charset: Charset,
    /// Who has nothing left to refund with. Not stored.
    pub(super) balances: Balances,
    /// What the files say that is not so. Not stored.
    pub(super) plants: Plants,
    file: StateFile,
    changed: bool,
}

#[derive(Deserialize)]
struct Stored {
    sequence: u64,
    transactions: Vec<Transaction>,
}

#[derive(Serialize)]
struct StoredRef<'a> {
    sequence: u64,
    transactions: Vec<&'a Transaction>,
}

impl books::Ledger for Ledger {
    fn open(file: StateFile) -> Result<Self, SimulatorError> {
        let stored: Option<Stored> = file.read()?;
        let mut ledger = Self { file, ..Self::default() };
        let Some(stored) = stored else { return Ok(ledger) };
        ledger.sequence = stored.sequence;
        for transaction in stored.transactions {
            ledger.insert(transaction);
        }
        Ok(ledger)
    }

    /// Lets the clock close unpaid orders and end refunds and voids that are under way.
    fn tick(&mut self, now: i64) {
        let due: Vec<String> = self
            .transactions
            .values()
            .filter(|transaction| transaction.changes_at().is_some_and(|at| at <= now))
            .map(|transaction| transaction.query_id.clone())
            .collect();
        for query_id in due {
            let Some(transaction) = self.transactions.get_mut(&query_id) else {
                continue;
            };
            self.changed = true;
            if transaction.state == State::Waiting {
                transaction.state = State::Closed;
            } else if let Some((at, code)) = transaction.settles.take() {
                self.end_back(&query_id, &code, at);
            }
        }
    }

    fn save(&mut self) -> Result<(), SimulatorError> {
        if !std::mem::take(&mut self.changed) {
            return Ok(());
        }
        let transactions = self.transactions.values().collect();
        self.file.write(StoredRef { sequence: self.sequence, transactions })
    }

    fn next_due(&self) -> Option<i64> {
        self.transactions
            .values()
            .flat_map(|transaction| [transaction.notifies.due(), transaction.changes_at()])
            .flatten()
            .min()
    }
}

impl Ledger {
    /// Ends a refund or void and queues its notify, which is sent of success and failure alike.
    pub(super) fn end_back(&mut self, query_id: &str, code: &str, at: i64) {
        self.changed = true;
        let Some(transaction) = self.transactions.get_mut(query_id) else {
            return;
        };
        transaction.end(code, at);
        transaction.queue(at);
        let order = transaction.order.clone();
        if transaction.state == State::Failed
            && let Some(payment) = order.orig_qry_id.as_ref().and_then(|id| self.transactions.get_mut(id))
        {
            payment.take_back(&order);
        }
    }

    /// Takes a payment and answers its `queryId`.
    pub(super) fn place(&mut self, order: Order, now: i64) -> Result<String, Refusal> {
        self.refuse_duplicate(&order)?;
        Ok(self.create(order, now))
    }

    /// Takes a refund or void, which ends with `code` after `pause_ms`, and answers its `queryId`. An empty balance refuses it at once, or,
    /// if it takes a pause, after it was accepted.
    pub(super) fn give_back(&mut self, order: Order, end: (i64, &str), now: i64) -> Result<String, Refusal> {
        self.refuse_duplicate(&order)?;
        let (pause_ms, code) = end;
        let payment = order.orig_qry_id.as_ref().and_then(|id| self.transactions.get_mut(id));
        let payment = payment.ok_or_else(|| Refusal::new(codes::ORIGINAL, "no payment has this origQryId"))?;
        payment.give_back(&order, now)?;
        if self.balances.of(&order.mer_id) == Balance::Empty && pause_ms == 0 {
            if let Some(payment) = order.orig_qry_id.as_ref().and_then(|id| self.transactions.get_mut(id)) {
                payment.take_back(&order);
            }
            return Err(Refusal::new(codes::BALANCE, ""));
        }
        let code = if self.balances.of(&order.mer_id) == Balance::Empty { codes::BALANCE } else { code };
        let query_id = self.create(order, now);
        if pause_ms == 0 {
            self.end_back(&query_id, code, now);
        } else if let Some(transaction) = self.transactions.get_mut(&query_id) {
            transaction.settles = Some((now.saturating_add(pause_ms), code.to_owned()));
        }
        Ok(query_id)
    }

    /// An order number is good for one transaction a day, whatever its `txnTime`.
    fn refuse_duplicate(&self, order: &Order) -> Result<(), Refusal> {
        let day = order.txn_time.get(..DAY_DIGITS);
        let known = self.transactions.values().map(|transaction| &transaction.order).any(|known| {
            known.mer_id == order.mer_id && known.order_id == order.order_id && known.txn_time.get(..DAY_DIGITS) == day
        });
        if known {
            return Err(Refusal::new(codes::DUPLICATE, "this orderId has been used today"));
        }
        Ok(())
    }

    fn create(&mut self, order: Order, now: i64) -> String {
        self.sequence = if self.sequence >= SEQUENCE_MAX { 1 } else { self.sequence + 1 };
        let query_id = format!("{}{:07}", compact(now), self.sequence);
        let tn = format!("8{:013}{:07}", now.max(0), self.sequence);
        self.insert(Transaction::new(query_id.clone(), tn, order, now));
        self.changed = true;
        while self.transactions.len() > TRANSACTIONS_MAX {
            let Some((_, oldest)) = self.transactions.pop_first() else {
                break;
            };
            self.identities.remove(&identity(&oldest.order));
            if let Some(tn) = &oldest.tn {
                self.cashiers.remove(tn);
            }
        }
        query_id
    }

    fn insert(&mut self, transaction: Transaction) {
        self.identities.insert(identity(&transaction.order), transaction.query_id.clone());
        if let Some(tn) = &transaction.tn {
            self.cashiers.insert(tn.clone(), transaction.query_id.clone());
        }
        self.transactions.insert(transaction.query_id.clone(), transaction);
    }

    pub(super) fn transaction(&self, query_id: &str) -> Option<&Transaction> {
        self.transactions.get(query_id)
    }

    /// For a change; the state file is written afterwards.
    pub(super) fn transaction_mut(&mut self, query_id: &str) -> Option<&mut Transaction> {
        self.changed = true;
        self.transactions.get_mut(query_id)
    }

    pub(super) fn notify_mut(&mut self, query_id: &str, number: u32) -> Option<&mut Notify> {
        self.changed = true;
        self.transactions.get_mut(query_id)?.notifies.find_mut(|letter| letter.number == number)
    }

    /// The `queryId` of the payment behind a `tn`.
    pub(super) fn by_tn(&self, tn: &str) -> Option<String> {
        self.cashiers.get(tn).cloned()
    }

    /// The transaction of exactly this merchant, number and time.
    pub(super) fn by_identity(&self, identity: &Identity) -> Option<&Transaction> {
        self.transactions.get(self.identities.get(identity)?)
    }

    /// The newest transaction with this order number, of a merchant and time if they are named.
    pub(super) fn newest(&self, order_id: &str, mer_id: Option<&str>, txn_time: Option<&str>) -> Option<String> {
        self.transactions
            .values()
            .rev()
            .filter(|transaction| transaction.order.order_id == order_id)
            .filter(|transaction| mer_id.is_none_or(|mer_id| transaction.order.mer_id == mer_id))
            .find(|transaction| txn_time.is_none_or(|txn_time| transaction.order.txn_time == txn_time))
            .map(|transaction| transaction.query_id.clone())
    }

    /// The refunds and voids of a payment, oldest first.
    pub(super) fn backs_of(&self, query_id: &str) -> Vec<&Transaction> {
        let of = |transaction: &&Transaction| transaction.order.orig_qry_id.as_deref() == Some(query_id);
        self.transactions.values().filter(of).collect()
    }

    /// What succeeded of a merchant's on a day: payments, refunds and voids. The state of a refund's row is its `txnType`.
    pub(super) fn file(&self, mer_id: &str, is_of_day: impl Fn(i64) -> bool) -> Vec<Row> {
        let succeeded = self.transactions.values().filter(|one| {
            one.order.mer_id == mer_id && one.state == State::Done && one.ended_at.is_some_and(&is_of_day)
        });
        let row = |one: &Transaction| {
            let payment = one.order.orig_qry_id.as_ref().and_then(|id| self.transactions.get(id));
            let order = payment.map_or(&one.order.order_id, |payment| &payment.order.order_id);
            let refund = payment
                .map(|_| RefundRow { num: one.order.order_id.clone(), state: one.order.call.txn_type().to_owned() });
            let fen = one.order.amount.digits().parse().unwrap_or_default();
            Row::new((mer_id, order), "", refund, fen)
        };
        succeeded.map(row).collect()
    }

    /// The transaction whose notify is due first, `only` that one if it is given. For a change, as all that is answered so.
    pub(super) fn due_mut(&mut self, only: Option<&str>, now: i64) -> Option<&mut Transaction> {
        let (_, query_id) = self
            .transactions
            .values()
            .filter(|transaction| only.is_none_or(|only| transaction.query_id == only))
            .filter_map(|transaction| Some((transaction.notifies.due()?, transaction.query_id.clone())))
            .filter(|(due, _)| *due <= now)
            .min()?;
        self.changed = true;
        self.transactions.get_mut(&query_id)
    }
}

fn identity(order: &Order) -> Identity {
    (order.mer_id.clone(), order.order_id.clone(), order.txn_time.clone())
}
