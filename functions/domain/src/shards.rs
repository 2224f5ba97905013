//! Shards: how many keys an app's transactions use in the lists by time.
//!
//! A key of an index takes a bounded number of writes a second. An app on one channel has one key for each status. A hot app spreads over
//! several keys. A reader merges all of them, also those that were in use before.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Channel, Timestamp, TransactionId};

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
///
/// The channels that are named as hot share out [`Self::MAX`] lists of one status; all other channels have one list each. So a page of
/// everything asks a bounded number of keys, whatever the number of shards: the sum over all channels and statuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shards {
    /// New transactions of a channel that `channels` does not have are spread over this many shards.
    count: u8,
    /// From this time on `count` is used, until then `before`.
    since_ms: i64,
    before: u8,
    /// Every count that was ever in use on any channel, this one too.
    used: Vec<u8>,
    /// The number that the operator set; 0 if an older version saved it, which spread every channel over `count`.
    #[serde(default)]
    asked: u8,
    /// The channels that are named as hot. Without any, all are.
    #[serde(default)]
    hot: Vec<String>,
    /// Each channel's own counts. Empty if an older version saved it.
    #[serde(default)]
    channels: BTreeMap<String, Spread>,
}

/// How one channel is spread, now and before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Spread {
    count: u8,
    before: u8,
    used: Vec<u8>,
}

impl Default for Shards {
    fn default() -> Self {
        let (asked, hot, channels) = (0, Vec::new(), BTreeMap::new());
        Self { count: 1, since_ms: 0, before: 1, used: vec![1], asked, hot, channels }
    }
}

impl Shards {
    /// The most shards that an app can have, and the most lists of one status that its hot channels share. A page of everything asks all
    /// of them in each of four statuses: 256 keys, and one more for each channel that is not hot. A channel that had more before keeps
    /// its lists.
    pub const MAX: u8 = 64;

    /// How long a change waits until it is in use. By then every warm function has read it, so no list misses what was written.
    const IN_USE_AFTER: Duration = Duration::from_secs(15);

    /// The number of shards, as the operator set it. Each hot channel has as many, or its part of [`Self::MAX`].
    pub fn count(&self) -> u8 {
        if self.asked == 0 { self.count } else { self.asked }
    }

    /// The channels that are named as hot. Without any, all are.
    pub fn hot_channels(&self) -> Vec<Channel> {
        self.hot.iter().filter_map(|name| Channel::find(name)).collect()
    }

    /// The same with another count, on these channels; without any, on all. `None` if `count` is not in `1..=MAX`.
    pub fn changed(&self, count: u8, hot: &[Channel], now: Timestamp) -> Option<Self> {
        if !(1..=Self::MAX).contains(&count) {
            return None;
        }
        let named: Vec<String> = Channel::ALL.iter().filter(|one| hot.contains(one)).map(ToString::to_string).collect();
        if count == self.count() && named == self.hot && !self.is_old() {
            return Some(self.clone());
        }
        let sharing = if named.is_empty() { Channel::ALL.len() } else { named.len() };
        let part = u8::try_from(usize::from(Self::MAX) / sharing).unwrap_or(1);
        let each = count.min(part.max(1));
        let rest = if named.is_empty() { each } else { 1 };
        let spread = |channel: Channel| {
            let own = if named.iter().any(|name| name == channel.name()) { each } else { rest };
            let used = with(self.used_of(channel), own);
            (channel.to_string(), Spread { count: own, before: self.count_at(channel, now), used })
        };
        let channels = Channel::ALL.into_iter().map(spread).collect();
        Some(Self {
            count: rest,
            since_ms: now.plus(Self::IN_USE_AFTER).ms(),
            before: if now.ms() >= self.since_ms { self.count } else { self.before },
            // An older version, if it is deployed again, has to find what is written now.
            used: with(&with(&self.used, each), rest),
            asked: count,
            hot: named,
            channels,
        })
    }

    /// Whether a version saved it that spread every channel over the same number.
    fn is_old(&self) -> bool {
        self.channels.is_empty() && self.count > 1
    }

    /// The shard of a transaction that is made now on this channel.
    pub fn of_new(&self, channel: Channel, id: &TransactionId, now: Timestamp) -> Shard {
        shard(id, self.count_at(channel, now))
    }

    /// Every shard that can have a transaction of any channel.
    pub fn all(&self) -> impl Iterator<Item = Shard> + use<> {
        numbers(Channel::ALL.iter().flat_map(|channel| self.used_of(*channel)))
    }

    /// Every shard that can have a transaction of this channel.
    pub fn of_channel(&self, channel: Channel) -> impl Iterator<Item = Shard> + use<> {
        numbers(self.used_of(channel).iter())
    }

    /// The shards that can have this transaction of a channel, whenever it was made.
    pub fn of(&self, channel: Channel, id: &TransactionId) -> Vec<Shard> {
        let mut shards: Vec<_> = self.used_of(channel).iter().map(|count| shard(id, *count)).collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }

    fn used_of(&self, channel: Channel) -> &[u8] {
        self.channels.get(channel.name()).map_or(&self.used, |spread| &spread.used)
    }

    fn count_at(&self, channel: Channel, now: Timestamp) -> u8 {
        let own = self.channels.get(channel.name());
        let (count, before) = own.map_or((self.count, self.before), |own| (own.count, own.before));
        if now.ms() >= self.since_ms { count } else { before }
    }
}

/// The counts with one more, each once.
fn with(used: &[u8], count: u8) -> Vec<u8> {
    let mut used = used.to_vec();
    used.push(count);
    used.sort_unstable();
    used.dedup();
    used
}

/// The shards of the highest of these counts.
fn numbers<'a>(used: impl Iterator<Item = &'a u8>) -> std::iter::Map<std::ops::Range<u8>, fn(u8) -> Shard> {
    let shard: fn(u8) -> Shard = Shard;
    (0..used.copied().max().unwrap_or(1).min(Shards::MAX)).map(shard)
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

    const ALI: Channel = Channel::AliQrcode;

    #[test]
    fn transactions_are_spread_evenly_and_found_again() {
        let at = Timestamp::clamped;
        let mut shards = Shards::default();
        assert_eq!((shards.of_new(ALI, &id(7), at(0)), shards.all().count(), shards.count()), (Shard::FIRST, 1, 1));
        let mut made = Vec::new();
        for (count, now) in [(4, 1_000_000), (24, 2_000_000), (3, 3_000_000)] {
            shards = shards.changed(count, &[ALI], at(now)).unwrap();
            made.extend((0..=255).map(|n| (id(n), shards.of_new(ALI, &id(n), at(now + 15_000)))));
        }
        assert!(made.iter().all(|(id, shard)| shards.of(ALI, id).contains(shard) && shards.of(ALI, id).len() <= 4));
        assert_eq!((shards.of_channel(ALI).count(), shards.all().count(), shards.count()), (24, 24, 3));
        for shard in shards.of_channel(ALI) {
            assert!(made.iter().any(|(_, of)| *of == shard), "{shard:?}");
        }
        // A channel that is not hot has one list.
        assert_eq!(shards.of_channel(Channel::WxNative).count(), 1);
    }

    #[test]
    #[rustfmt::skip]
    fn all_channels_together_have_a_bounded_number_of_lists() {
        const TWO: &[Channel] = &[ALI, Channel::WxNative];
        let cases: &[(u8, &[Channel], usize, usize)] = &[
            // shards, hot,            of a hot one, of all channels
            (1,  &[],                  1,            12),
            (4,  &[],                  4,            48),
            (24, &[],                  5,            60),
            (64, &[],                  5,            60),
            (24, &[ALI],               24,           35),
            (64, &[ALI],               64,           75),
            (64, TWO,                  32,           74),
        ];
        for (count, hot, of_hot, of_all) in cases {
            let shards = Shards::default().changed(*count, hot, Timestamp::clamped(0)).unwrap();
            let lists: usize = Channel::ALL.iter().map(|channel| shards.of_channel(*channel).count()).sum();
            assert_eq!((shards.of_channel(ALI).count(), lists), (*of_hot, *of_all), "{count} {hot:?}");
            assert_eq!((shards.count(), shards.hot_channels()), (*count, hot.to_vec()));
        }
    }

    #[test]
    fn what_another_version_saved_is_read_whole() {
        // The version before spread every channel over the same number.
        let old: Shards = serde_json::from_str(r#"{"count":24,"since_ms":0,"before":1,"used":[1,24]}"#).unwrap();
        assert_eq!((old.count(), old.of_channel(ALI).count(), old.all().count()), (24, 24, 24));
        assert_eq!(old.of_new(ALI, &id(9), Timestamp::clamped(1)), shard(&id(9), 24));
        // The same number, set again, bounds the lists from then on. What was written is still found.
        let now = old.changed(24, &[], Timestamp::clamped(0)).unwrap();
        let new = now.of_new(Channel::WxNative, &id(9), Timestamp::clamped(15_000));
        assert_eq!((new, now.of_channel(Channel::WxNative).count()), (shard(&id(9), 5), 24));
        // That version, deployed again, asks every shard that has anything.
        let hot = Shards::default().changed(24, &[ALI], Timestamp::clamped(0)).unwrap();
        let shown = serde_json::to_value(&hot).unwrap();
        assert_eq!((&shown["count"], &shown["used"]), (&serde_json::json!(1), &serde_json::json!([1, 24])));
    }

    #[test]
    fn a_change_is_in_use_when_everybody_has_read_it() {
        let at = Timestamp::clamped;
        let shards = Shards::default().changed(64, &[ALI], at(1_000)).unwrap();
        let high = (0..=255).map(id).find(|id| shards.of_new(ALI, id, at(16_000)) != Shard::FIRST).unwrap();
        assert_eq!(shards.of_new(ALI, &high, at(15_999)), Shard::FIRST);
        // A second change before the first one is in use.
        let again = shards.changed(2, &[ALI], at(2_000)).unwrap();
        assert_eq!(again.of_new(ALI, &high, at(16_500)), Shard::FIRST);
        assert_eq!(again.all().count(), 64);
    }

    #[test]
    fn there_are_at_most_64() {
        for (count, fits) in [(0, false), (1, true), (64, true), (65, false), (255, false)] {
            assert_eq!(Shards::default().changed(count, &[], Timestamp::clamped(0)).is_some(), fits, "{count}");
            assert_eq!(count.checked_sub(1).and_then(Shard::new).is_some(), fits, "{count}");
        }
    }
}
