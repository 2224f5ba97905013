//! One queue in memory: its messages, and which of them are visible, in flight or delayed.
//!
//! Pure and without rules: [`super::state`] decides, this keeps the order. No timers; a message changes from
//! hidden to visible when [`Queue::advance`] is called with a later time.

use std::collections::{BTreeMap, BTreeSet};

use super::{attributes::QueueAttributes, message::Message};

/// How many messages a queue holds, by what may happen to them next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Waiting to be received.
    pub visible: usize,
    /// Received, neither deleted nor back.
    pub in_flight: usize,
    /// Sent with a delay that is not over.
    pub delayed: usize,
}

/// The time of an event in milliseconds, and the message that it is about.
type Event = (i64, u64);

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) attributes: QueueAttributes,
    pub(super) created_ms: i64,
    /// The last purge; forgotten by a restart.
    pub(super) purged_ms: Option<i64>,
    messages: BTreeMap<u64, Message>,
    by_age: BTreeSet<Event>,
    visible: BTreeSet<Event>,
    in_flight: BTreeSet<Event>,
    delayed: BTreeSet<Event>,
}

impl Queue {
    pub(super) fn new(attributes: QueueAttributes, created_ms: i64) -> Self {
        Self {
            attributes,
            created_ms,
            purged_ms: None,
            messages: BTreeMap::new(),
            by_age: BTreeSet::new(),
            visible: BTreeSet::new(),
            in_flight: BTreeSet::new(),
            delayed: BTreeSet::new(),
        }
    }

    pub(super) fn insert(&mut self, seq: u64, message: Message) {
        self.by_age.insert((message.sent_ms, seq));
        let hidden = if message.received_ms.is_some() { &mut self.in_flight } else { &mut self.delayed };
        hidden.insert((message.visible_ms, seq));
        self.messages.insert(seq, message);
    }

    pub(super) fn remove(&mut self, seq: u64) -> Option<Message> {
        let message = self.messages.remove(&seq)?;
        self.by_age.remove(&(message.sent_ms, seq));
        for events in [&mut self.visible, &mut self.in_flight, &mut self.delayed] {
            events.remove(&(message.visible_ms, seq));
        }
        Some(message)
    }

    pub(super) fn clear(&mut self) {
        let empty = Self::new(self.attributes.clone(), self.created_ms);
        *self = Self { purged_ms: self.purged_ms, ..empty };
    }

    /// Brings the queue to `now_ms`: drops what is too old, shows what is hidden no longer.
    pub(super) fn advance(&mut self, now_ms: i64) {
        while let Some(&(sent_ms, seq)) = self.by_age.first()
            && self.expiry_ms(sent_ms) <= now_ms
        {
            self.remove(seq);
        }
        for hidden in [&mut self.in_flight, &mut self.delayed] {
            while let Some(&event) = hidden.first()
                && event.0 <= now_ms
            {
                hidden.remove(&event);
                self.visible.insert(event);
            }
        }
    }

    /// The earliest time at which a hidden message becomes visible.
    pub(super) fn next_event_ms(&self) -> Option<i64> {
        let survives = |&&(visible_ms, seq): &&Event| {
            self.messages.get(&seq).is_some_and(|message| visible_ms < self.expiry_ms(message.sent_ms))
        };
        let first = |hidden: &BTreeSet<Event>| hidden.iter().find(survives).map(|event| event.0);
        [first(&self.in_flight), first(&self.delayed)].into_iter().flatten().min()
    }

    pub(super) fn depth(&self) -> Depth {
        Depth { visible: self.visible.len(), in_flight: self.in_flight.len(), delayed: self.delayed.len() }
    }

    pub(super) fn get(&self, seq: u64) -> Option<&Message> {
        self.messages.get(&seq)
    }

    /// All messages, oldest first.
    pub(super) fn messages(&self) -> impl Iterator<Item = (u64, &Message)> {
        self.messages.iter().map(|(&seq, message)| (seq, message))
    }

    /// The messages that may be received, those that have waited longest first.
    pub(super) fn visible(&self) -> impl Iterator<Item = (u64, &Message)> {
        self.visible.iter().filter_map(|&(_, seq)| Some((seq, self.messages.get(&seq)?)))
    }

    pub(super) fn is_in_flight(&self, seq: u64) -> bool {
        self.messages.get(&seq).is_some_and(|message| self.in_flight.contains(&(message.visible_ms, seq)))
    }

    fn expiry_ms(&self, sent_ms: i64) -> i64 {
        sent_ms.saturating_add(self.attributes.retention_seconds.saturating_mul(1_000))
    }
}
