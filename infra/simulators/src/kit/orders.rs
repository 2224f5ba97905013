//! All orders of a simulator, in memory and in its journal.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::journal::{Change, Journal, replay};
use super::owner::SimulatorError;

/// The most orders that are kept; the oldest is dropped first.
const ORDERS_MAX: usize = 10_000;

/// An order: it has a number and notifies to send, and the clock alone may change it.
pub(crate) trait Booked: Serialize + DeserializeOwned {
    /// The other names by which it is found.
    type Name: Clone + Eq + Hash;

    /// Its number. Numbers grow with time, so the first is the oldest.
    fn number(&self) -> &str;

    /// All of its names. They never change.
    fn names(&self) -> Vec<Self::Name>;

    /// When its next notify is due.
    fn notify_due(&self) -> Option<i64>;

    /// When the clock alone will change it.
    fn changes_at(&self) -> Option<i64>;
}

pub(crate) struct Orders<T: Booked> {
    by_number: BTreeMap<String, T>,
    numbers: HashMap<T::Name, String>,
    sequence: u64,
    /// The orders that are not stored yet: new, changed and dropped ones.
    touched: BTreeSet<String>,
    sequence_stored: u64,
    /// `None` keeps the orders in memory only.
    journal: Option<Journal>,
}

impl<T: Booked> Default for Orders<T> {
    fn default() -> Self {
        Self {
            by_number: BTreeMap::new(),
            numbers: HashMap::new(),
            sequence: 0,
            touched: BTreeSet::new(),
            sequence_stored: 0,
            journal: None,
        }
    }
}

impl<T: Booked> Orders<T> {
    /// Reads the stored orders at `path`, if any.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, SimulatorError> {
        let mut orders = Self::default();
        let Some(path) = path else { return Ok(orders) };
        replay(path, |change: Change<T>| {
            orders.sequence = change.sequence;
            for order in change.orders {
                orders.put(order);
            }
            for number in change.gone {
                orders.take(&number);
            }
        })?;
        orders.touched.clear();
        orders.rewrite(path)?;
        Ok(orders)
    }

    /// Stores the changes since the last time. If this fails, the next time stores them, too.
    pub(crate) fn save(&mut self) -> Result<(), SimulatorError> {
        let Some(journal) = &mut self.journal else {
            self.touched.clear();
            return Ok(());
        };
        if self.touched.is_empty() && self.sequence == self.sequence_stored {
            return Ok(());
        }
        let is_gone = |number: &&String| !self.by_number.contains_key(*number);
        let change = Change {
            sequence: self.sequence,
            orders: self.touched.iter().filter_map(|number| self.by_number.get(number)).collect(),
            gone: self.touched.iter().filter(is_gone).cloned().collect(),
        };
        journal.append(&change)?;
        (self.touched, self.sequence_stored) = (BTreeSet::new(), self.sequence);
        if !journal.has_outgrown() {
            return Ok(());
        }
        let path = journal.path().to_owned();
        self.rewrite(&path)
    }

    fn rewrite(&mut self, path: &Path) -> Result<(), SimulatorError> {
        let sequence = self.sequence;
        let live = self.by_number.values().map(|order| Change { sequence, orders: vec![order], gone: Vec::new() });
        // The sequence must be stored even without an order.
        let first = Change { sequence, orders: Vec::new(), gone: Vec::new() };
        self.journal = Some(Journal::create(path, std::iter::once(first).chain(live))?);
        self.sequence_stored = sequence;
        Ok(())
    }

    /// The next sequence number for the provider's own numbers. After `max` comes `again`.
    pub(crate) fn next_number(&mut self, max: u64, again: u64) -> u64 {
        self.sequence = if self.sequence >= max { again } else { self.sequence + 1 };
        self.sequence
    }

    /// Adds a new order, and drops the oldest beyond the limit.
    pub(crate) fn insert(&mut self, order: T) {
        self.touched.insert(order.number().to_owned());
        self.put(order);
        while self.by_number.len() > ORDERS_MAX {
            let Some(oldest) = self.by_number.keys().next().cloned() else { break };
            self.remove(&oldest);
        }
    }

    /// Drops an order.
    pub(crate) fn remove(&mut self, number: &str) {
        self.touched.insert(number.to_owned());
        self.take(number);
    }

    pub(crate) fn get(&self, number: &str) -> Option<&T> {
        self.by_number.get(number)
    }

    /// For a change; the order is stored afterwards.
    pub(crate) fn get_mut(&mut self, number: &str) -> Option<&mut T> {
        let order = self.by_number.get_mut(number)?;
        self.touched.insert(number.to_owned());
        Some(order)
    }

    pub(crate) fn number_of(&self, name: &T::Name) -> Option<&String> {
        self.numbers.get(name)
    }

    pub(crate) fn by_name(&self, name: &T::Name) -> Option<&T> {
        self.get(self.number_of(name)?)
    }

    /// All, oldest first.
    pub(crate) fn values(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.by_number.values()
    }

    /// The newest order that `fits`.
    pub(crate) fn find(&self, fits: impl Fn(&T) -> bool) -> Option<&T> {
        self.values().rev().find(|order| fits(order))
    }

    /// The numbers of the orders that the clock changes by `now`.
    pub(crate) fn due(&self, now: i64) -> Vec<String> {
        let is_due = |order: &&T| order.changes_at().is_some_and(|at| at <= now);
        self.values().filter(is_due).map(|order| order.number().to_owned()).collect()
    }

    /// When the clock has something to do next.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.values().flat_map(|order| [order.notify_due(), order.changes_at()]).flatten().min()
    }

    /// The order whose notify is due first; only that of `only`, if given. For a change; the order is stored afterwards.
    pub(crate) fn due_mut(&mut self, only: Option<&str>, now: i64) -> Option<&mut T> {
        let asked = self.values().filter(|order| only.is_none_or(|only| order.number() == only));
        let due = asked.filter_map(|order| Some((order.notify_due()?, order.number())));
        let (_, number) = due.filter(|(due, _)| *due <= now).min()?;
        let number = number.to_owned();
        self.get_mut(&number)
    }

    fn put(&mut self, order: T) {
        for name in order.names() {
            self.numbers.insert(name, order.number().to_owned());
        }
        self.by_number.insert(order.number().to_owned(), order);
    }

    fn take(&mut self, number: &str) {
        let names = self.by_number.remove(number).map(|order| order.names()).unwrap_or_default();
        for name in names {
            // A later order of the same name keeps the name.
            if self.numbers.get(&name).is_some_and(|known| known == number) {
                self.numbers.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests;
