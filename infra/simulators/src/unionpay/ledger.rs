//! All transactions, and the settings of a test.

use std::collections::VecDeque;

use super::codes::{self, Refusal};
use super::faults::{Fault, RefundEnd};
use super::letter::Notify;
use super::moment::compact;
use super::transaction::{Order, State, Transaction};
use crate::kit::balance::{Balance, Balances};
use crate::kit::bill::{Plants, RefundRow, Row};
use crate::kit::books;
use crate::kit::charset::Charset;
use crate::kit::orders::{Booked, Orders};

/// `queryId` and `tn` have seven digits for this.
const SEQUENCE_MAX: u64 = 9_999_999;
/// The digits of the day in a `txnTime`: an order number may be used again on another day.
const DAY_DIGITS: usize = 8;

/// `merId`, `orderId`, `txnTime`: these identify an order.
type Identity = (String, String, String);

/// The names by which a transaction is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Name {
    Identity(Identity),
    Tn(String),
}

#[derive(Default)]
pub(super) struct Ledger {
    pub(super) orders: Orders<Transaction>,
    /// The faults of the next server calls. Not stored.
    pub(super) faults: VecDeque<Fault>,
    /// The charset of notifies and answers. Not stored.
    pub(super) charset: Charset,
    /// The merchants with an empty balance. Not stored.
    pub(super) balances: Balances,
    /// False lines of the files, for tests. Not stored.
    pub(super) plants: Plants,
}

impl Booked for Transaction {
    type Name = Name;

    /// It begins with the time.
    fn number(&self) -> &str {
        &self.query_id
    }

    fn names(&self) -> Vec<Name> {
        std::iter::once(Name::Identity(identity(&self.order))).chain(self.tn.clone().map(Name::Tn)).collect()
    }

    fn notify_due(&self) -> Option<i64> {
        self.notifies.due()
    }

    fn changes_at(&self) -> Option<i64> {
        self.clock_changes_at()
    }
}

impl books::Ledger for Ledger {
    type Order = Transaction;

    fn orders(&self) -> &Orders<Transaction> {
        &self.orders
    }

    fn orders_mut(&mut self) -> &mut Orders<Transaction> {
        &mut self.orders
    }

    /// Closes an unpaid order, or ends a refund or void in progress.
    fn come_due(&mut self, query_id: &str, _now: i64) {
        let Some(transaction) = self.orders.get_mut(query_id) else { return };
        if transaction.state == State::Waiting {
            transaction.state = State::Closed;
        } else if let Some((at, code)) = transaction.settles.take() {
            self.end_back(query_id, &code, at);
        }
    }
}

impl Ledger {
    /// Ends a refund or void and queues its notify, for success and failure alike.
    pub(super) fn end_back(&mut self, query_id: &str, code: &str, at: i64) {
        let Some(transaction) = self.orders.get_mut(query_id) else {
            return;
        };
        transaction.end(code, at);
        transaction.queue(at);
        let order = transaction.order.clone();
        if transaction.state == State::Failed
            && let Some(payment) = order.orig_qry_id.as_ref().and_then(|id| self.orders.get_mut(id))
        {
            payment.take_back(&order);
        }
    }

    /// Accepts a payment and returns its `queryId`.
    pub(super) fn place(&mut self, order: Order, now: i64) -> Result<String, Refusal> {
        self.refuse_duplicate(&order)?;
        Ok(self.create(order, now))
    }

    /// Accepts a refund or void, which ends with `code` after `pause_ms`, and returns its `queryId`. If the balance is empty, it is
    /// refused at once, or, with a pause, after it was accepted.
    pub(super) fn give_back(&mut self, order: Order, end: RefundEnd<'_>, now: i64) -> Result<String, Refusal> {
        self.refuse_duplicate(&order)?;
        let RefundEnd { pause_ms, code } = end;
        let payment = order.orig_qry_id.as_ref().and_then(|id| self.orders.get_mut(id));
        let payment = payment.ok_or_else(|| Refusal::new(codes::ORIGINAL, "no payment has this origQryId"))?;
        payment.give_back(&order, now)?;
        if self.balances.of(&order.mer_id) == Balance::Empty && pause_ms == 0 {
            if let Some(payment) = order.orig_qry_id.as_ref().and_then(|id| self.orders.get_mut(id)) {
                payment.take_back(&order);
            }
            return Err(Refusal::new(codes::BALANCE, ""));
        }
        let code = if self.balances.of(&order.mer_id) == Balance::Empty { codes::BALANCE } else { code };
        let query_id = self.create(order, now);
        if pause_ms == 0 {
            self.end_back(&query_id, code, now);
        } else if let Some(transaction) = self.orders.get_mut(&query_id) {
            transaction.settles = Some((now.saturating_add(pause_ms), code.to_owned()));
        }
        Ok(query_id)
    }

    /// An order number can be used for one transaction a day, whatever its `txnTime`.
    fn refuse_duplicate(&self, order: &Order) -> Result<(), Refusal> {
        let day = order.txn_time.get(..DAY_DIGITS);
        let known = self.orders.values().map(|transaction| &transaction.order).any(|known| {
            known.mer_id == order.mer_id && known.order_id == order.order_id && known.txn_time.get(..DAY_DIGITS) == day
        });
        if known {
            return Err(Refusal::new(codes::DUPLICATE, "this orderId has been used today"));
        }
        Ok(())
    }

    fn create(&mut self, order: Order, now: i64) -> String {
        let sequence = self.orders.next_number(SEQUENCE_MAX, 1);
        let query_id = format!("{}{sequence:07}", compact(now));
        let tn = format!("8{:013}{sequence:07}", now.max(0));
        self.orders.insert(Transaction::new(query_id.clone(), tn, order, now));
        query_id
    }

    pub(super) fn notify_mut(&mut self, query_id: &str, number: u32) -> Option<&mut Notify> {
        self.orders.get_mut(query_id)?.notifies.find_mut(|letter| letter.number == number)
    }

    /// The `queryId` of the payment with this `tn`.
    pub(super) fn by_tn(&self, tn: &str) -> Option<String> {
        self.orders.number_of(&Name::Tn(tn.to_owned())).cloned()
    }

    /// The transaction of exactly this merchant, number and time.
    pub(super) fn by_identity(&self, identity: &Identity) -> Option<&Transaction> {
        self.orders.by_name(&Name::Identity(identity.clone()))
    }

    /// The newest transaction with this order number, and this merchant and time if given.
    pub(super) fn newest(&self, order_id: &str, mer_id: Option<&str>, txn_time: Option<&str>) -> Option<String> {
        let found = self.orders.find(|transaction| {
            let order = &transaction.order;
            order.order_id == order_id
                && mer_id.is_none_or(|mer_id| order.mer_id == mer_id)
                && txn_time.is_none_or(|txn_time| order.txn_time == txn_time)
        });
        found.map(|transaction| transaction.query_id.clone())
    }

    /// The refunds and voids of a payment, oldest first.
    pub(super) fn backs_of(&self, query_id: &str) -> Vec<&Transaction> {
        let of = |transaction: &&Transaction| transaction.order.orig_qry_id.as_deref() == Some(query_id);
        self.orders.values().filter(of).collect()
    }

    /// A merchant's successful payments, refunds and voids of a day. The state of a refund's row is its `txnType`.
    pub(super) fn file(&self, mer_id: &str, is_of_day: impl Fn(i64) -> bool) -> Vec<Row> {
        let succeeded = self.orders.values().filter(|one| {
            one.order.mer_id == mer_id && one.state == State::Done && one.ended_at.is_some_and(&is_of_day)
        });
        let row = |one: &Transaction| {
            let payment = one.order.orig_qry_id.as_ref().and_then(|id| self.orders.get(id));
            let order = payment.map_or(&one.order.order_id, |payment| &payment.order.order_id);
            let refund = payment
                .map(|_| RefundRow { num: one.order.order_id.clone(), state: one.order.call.txn_type().to_owned() });
            let fen = one.order.amount.digits().parse().unwrap_or_default();
            Row::new(mer_id, order, "", refund, fen)
        };
        succeeded.map(row).collect()
    }
}

fn identity(order: &Order) -> Identity {
    (order.mer_id.clone(), order.order_id.clone(), order.txn_time.clone())
}
