//! The orders and their journal after a kill, damage and growth.

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
    orders.next_number(u64::MAX, 0);
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
        // The next start also reads what this start wrote.
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
    // Without a change, nothing is written.
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
    let damaged = "{\"format\":2}\n{\"sequence\":1}\n{\"sequence\":1,\"orders\":[{}]}\n{\"sequence\":2}\n";
    fs::write(&path, damaged).unwrap();
    assert!(matches!(Orders::<Tea>::open(Some(&path)), Err(SimulatorError::StateParse { line: 3, .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), damaged, "it is left as it is");
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
