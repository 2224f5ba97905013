//! All orders of a simulator, in memory and in its journal.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::journal::{Change, Journal, replay};
use super::owner::SimulatorError;

/// Orders kept; the oldest goes first.
const ORDERS_MAX: usize = 10_000;

/// Something that is kept under a number, has notifies to send, and may change by the clock alone.
pub(crate) trait Booked: Serialize + DeserializeOwned {
    /// By what else it is found.
    type Name: Clone + Eq + Hash;

    /// Its number, which grows with time, so that the first is the oldest.
    fn number(&self) -> &str;

    /// All of them, which stay as they are.
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
    /// What is not stored yet: new, changed and forgotten orders.
    touched: BTreeSet<String>,
    sequence_stored: u64,
    /// `None` keeps them in memory only.
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
    /// Reads what was stored at `path`, if anything was.
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

    /// Stores what changed since the last time. When it fails, the next time stores that, too.
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
        // The sequence counts, too, where there is no order.
        let first = Change { sequence, orders: Vec::new(), gone: Vec::new() };
        self.journal = Some(Journal::create(path, std::iter::once(first).chain(live))?);
        self.sequence_stored = sequence;
        Ok(())
    }

    /// The next of the numbers that providers' own are made of; the one after `max` is `again`.
    pub(crate) fn next_number(&mut self, (max, again): (u64, u64)) -> u64 {
        self.sequence = if self.sequence >= max { again } else { self.sequence + 1 };
        self.sequence
    }

    /// Keeps a new order, and forgets the oldest beyond the bound.
    pub(crate) fn insert(&mut self, order: T) {
        self.touched.insert(order.number().to_owned());
        self.put(order);
        while self.by_number.len() > ORDERS_MAX {
            let Some(oldest) = self.by_number.keys().next().cloned() else { break };
            self.remove(&oldest);
        }
    }

    /// Forgets an order.
    pub(crate) fn remove(&mut self, number: &str) {
        self.touched.insert(number.to_owned());
        self.take(number);
    }

    pub(crate) fn get(&self, number: &str) -> Option<&T> {
        self.by_number.get(number)
    }

    /// For a change, which is stored afterwards.
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

    /// The newest that `fits`.
    pub(crate) fn find(&self, fits: impl Fn(&T) -> bool) -> Option<&T> {
        self.values().rev().find(|order| fits(order))
    }

    /// The numbers of those that the clock changes by `now`.
    pub(crate) fn due(&self, now: i64) -> Vec<String> {
        let is_due = |order: &&T| order.changes_at().is_some_and(|at| at <= now);
        self.values().filter(is_due).map(|order| order.number().to_owned()).collect()
    }

    /// When the clock has something to do next.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.values().flat_map(|order| [order.notify_due(), order.changes_at()]).flatten().min()
    }

    /// The order whose notify is due first, `only` that one if it is given. For a change, as all that is answered so.
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
            // An order of the same name that came later keeps it.
            if self.numbers.get(&name).is_some_and(|known| known == number) {
                self.numbers.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use serde::Deserialize;

    use super::super::journal::GROWTH_BYTES_MIN;
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Tea {
        number: String,
        cups: u32,
    }

    impl Booked for Tea {
        type Name = u32;

        fn number(&self) -> &str {
            &self.number
        }

        fn names(&self) -> Vec<u32> {
            self.number.parse().into_iter().collect()
        }

        fn notify_due(&self) -> Option<i64> {
            None
        }

        fn changes_at(&self) -> Option<i64> {
            None
        }
    }

    fn path(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("maxpay-orders-{}-{name}.json", std::process::id()));
        let _ = fs::remove_file(&path);
        path
    }

    fn order(orders: &mut Orders<Tea>, number: u32) {
        orders.next_number((u64::MAX, 0));
        orders.insert(Tea { number: number.to_string(), cups: 0 });
        orders.save().unwrap();
    }

    fn cups(orders: &Orders<Tea>) -> Vec<(&str, u32)> {
        orders.values().map(|tea| (tea.number.as_str(), tea.cups)).collect()
    }

    #[test]
    fn a_start_after_a_kill_at_any_byte_has_all_changes_before_it() {
        let path = path("killed");
        let mut orders = Orders::open(Some(&path)).unwrap();
        for number in 1..=3 {
            order(&mut orders, number);
        }
        orders.get_mut("2").unwrap().cups = 7;
        orders.get_mut("3").unwrap().cups = 7;
        orders.save().unwrap();
        orders.remove("1");
        orders.save().unwrap();
        let whole = fs::read(&path).unwrap();
        let header = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let mut seen = BTreeSet::new();
        for length in header..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let read = Orders::<Tea>::open(Some(&path)).unwrap();
            let text = format!("{:?}", cups(&read));
            assert!(!text.contains("(\"2\", 7), (\"3\", 0)"), "a change was read in part: {text}");
            seen.insert(text);
            // What the start wrote is read by the next one, too.
            assert_eq!(cups(&Orders::<Tea>::open(Some(&path)).unwrap()), cups(&read));
        }
        assert_eq!(seen.len(), 6, "{seen:?}");
        let read = Orders::<Tea>::open(Some(&path)).unwrap();
        assert_eq!((cups(&read), read.sequence), (vec![("2", 7), ("3", 7)], 3));
        assert_eq!((read.number_of(&1), read.by_name(&2).map(|tea| tea.cups)), (None, Some(7)));
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_change_adds_its_own_order_and_the_file_stays_within_its_bound() {
        let path = path("bounded");
        let mut orders = Orders::open(Some(&path)).unwrap();
        for number in 1..=100 {
            order(&mut orders, number);
        }
        let length = || fs::metadata(&path).unwrap().len();
        let (before, mut longest) = (length(), 0);
        orders.get_mut("50").unwrap().cups = 1;
        orders.save().unwrap();
        assert!(length() - before < 100, "{} more bytes for one order", length() - before);
        for cups in 0..2_000 {
            orders.get_mut("50").unwrap().cups = cups;
            orders.save().unwrap();
            longest = longest.max(length());
        }
        assert!(longest < 3 * before + GROWTH_BYTES_MIN, "{longest} bytes");
        let read = Orders::<Tea>::open(Some(&path)).unwrap();
        assert_eq!((read.values().count(), read.get("50").map(|tea| tea.cups)), (100, Some(1_999)));
        // Nothing changed, and nothing is written.
        let mut read = read;
        let after = length();
        read.save().unwrap();
        assert_eq!(length(), after);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_an_earlier_version_stored_is_read_and_what_is_damaged_is_named() {
        let path = path("earlier");
        for name in ["trades", "transactions"] {
            let earlier = format!("{{\"format\":1,\"sequence\":9,\"{name}\":[{{\"number\":\"4\",\"cups\":2}}]}}");
            fs::write(&path, earlier).unwrap();
            for _ in 0..2 {
                let read = Orders::<Tea>::open(Some(&path)).unwrap();
                assert_eq!((cups(&read), read.sequence), (vec![("4", 2)], 9));
            }
        }
        fs::write(&path, "{\"format\":3}\n").unwrap();
        assert!(matches!(Orders::<Tea>::open(Some(&path)), Err(SimulatorError::StateFormat { found: 3, .. })));
        fs::write(&path, "{\"format\":2}\n{\"sequence\":1,\"orders\":[{}]}\n").unwrap();
        assert!(matches!(Orders::<Tea>::open(Some(&path)), Err(SimulatorError::StateParse { .. })));
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_oldest_order_is_forgotten_beyond_the_bound() {
        let mut orders = Orders::<Tea>::default();
        for number in 0..=ORDERS_MAX {
            orders.insert(Tea { number: format!("{number:06}"), cups: 0 });
        }
        assert_eq!((orders.values().count(), orders.get("000000").is_none()), (ORDERS_MAX, true));
        assert_eq!((orders.number_of(&0), orders.number_of(&1).is_some()), (None, true));
    }
}
