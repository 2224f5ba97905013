//! Shards: how many keys an app's transactions use in the lists by time.
//!
//! A key of an index takes a bounded number of writes a second. An app on one channel has one key for each status. A hot app spreads over
//! several keys. A reader merges all of them, also those that were in use before.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Timestamp, TransactionId};

/// One of an app's shards, from 0. A transaction keeps its shard for life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// The shard of every transaction of an app that is not hot.
    pub const FIRST: Self = Self(0);

    /// `None` if the number is too high.
    pub fn new(number: u8) -> Option<Self> {
        (number < Shards::MAX).then_some(Self(number))
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }
}

/// How an app's transactions are spread, now and before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shards {
    /// New transactions are spread over this many shards.
    count: u8,
    /// From this time on `count` is used, until then `before`.
    since_ms: i64,
    before: u8,
    /// Every count that was ever in use, this one too.
    used: Vec<u8>,
}

impl Default for Shards {
    fn default() -> Self {
        Self { count: 1, since_ms: 0, before: 1, used: vec![1] }
    }
}

impl Shards {
    /// The most shards that an app can have. Each page of a list asks all of them.
    pub const MAX: u8 = 64;

    /// How long a change waits until it is in use. By then every warm function has read it, so no list misses what was written.
    const IN_USE_AFTER: Duration = Duration::from_secs(15);

    /// New transactions are spread over this many shards, now or in some seconds.
    pub fn count(&self) -> u8 {
        self.count
    }

    /// The same with another count. `None` if `count` is not in `1..=MAX`.
    pub fn changed(&self, count: u8, now: Timestamp) -> Option<Self> {
        if !(1..=Self::MAX).contains(&count) {
            return None;
        }
        if count == self.count {
            return Some(self.clone());
        }
        let mut used = self.used.clone();
        used.push(count);
        used.sort_unstable();
        used.dedup();
        Some(Self { count, since_ms: now.plus(Self::IN_USE_AFTER).ms(), before: self.count_at(now), used })
    }

    /// The shard of a transaction that is made now.
    pub fn of_new(&self, id: &TransactionId, now: Timestamp) -> Shard {
        shard(id, self.count_at(now))
    }

    /// Every shard that can have a transaction.
    pub fn all(&self) -> impl Iterator<Item = Shard> + use<> {
        (0..self.used.iter().copied().max().unwrap_or(1).min(Self::MAX)).map(Shard)
    }

    /// The shards that can have this transaction, whenever it was made.
    pub fn of(&self, id: &TransactionId) -> Vec<Shard> {
        let mut shards: Vec<_> = self.used.iter().map(|count| shard(id, *count)).collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }

    fn count_at(&self, now: Timestamp) -> u8 {
        if now.ms() >= self.since_ms { self.count } else { self.before }
    }
}

/// An id ends in random digits.
fn shard(id: &TransactionId, count: u8) -> Shard {
    let digits = id.as_str().get(16..).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let number = digits.unwrap_or_default().checked_rem(count.into()).unwrap_or_default();
    u8::try_from(number).ok().and_then(Shard::new).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> TransactionId {
        TransactionId::generate(Timestamp::clamped(1), [0, 0, n.wrapping_mul(31), n.wrapping_mul(7), 9, n])
    }

    #[test]
    fn transactions_are_spread_evenly_and_found_again() {
        let at = Timestamp::clamped;
        let mut shards = Shards::default();
        assert_eq!((shards.of_new(&id(7), at(0)), shards.all().count(), shards.count()), (Shard::FIRST, 1, 1));
        let mut made = Vec::new();
        for (count, now) in [(4, 1_000_000), (24, 2_000_000), (3, 3_000_000)] {
            shards = shards.changed(count, at(now)).unwrap();
            made.extend((0..=255).map(|n| (id(n), shards.of_new(&id(n), at(now + 15_000)))));
        }
        assert!(made.iter().all(|(id, shard)| shards.of(id).contains(shard) && shards.of(id).len() <= 4));
        assert_eq!((shards.all().count(), shards.count()), (24, 3));
        for shard in shards.all() {
            assert!(made.iter().any(|(_, of)| *of == shard), "{shard:?}");
        }
    }

    #[test]
    fn a_change_is_in_use_when_everybody_has_read_it() {
        let at = Timestamp::clamped;
        let shards = Shards::default().changed(64, at(1_000)).unwrap();
        let high = (0..=255).map(id).find(|id| shards.of_new(id, at(16_000)) != Shard::FIRST).unwrap();
        assert_eq!(shards.of_new(&high, at(15_999)), Shard::FIRST);
        // A second change before the first one is in use.
        let again = shards.changed(2, at(2_000)).unwrap();
        assert_eq!(again.of_new(&high, at(16_500)), Shard::FIRST);
        assert_eq!(again.all().count(), 64);
    }

    #[test]
    fn there_are_at_most_64() {
        for (count, fits) in [(0, false), (1, true), (64, true), (65, false), (255, false)] {
            assert_eq!(Shards::default().changed(count, Timestamp::clamped(0)).is_some(), fits, "{count}");
            assert_eq!(count.checked_sub(1).and_then(Shard::new).is_some(), fits, "{count}");
        }
    }
}
