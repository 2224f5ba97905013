//! One queue in memory: its messages, and which of them are visible, in flight or delayed.
//!
//! Pure and without rules: [`super::state`] decides, and this keeps the order. There are no timers: a hidden message becomes visible when
//! [`Queue::advance`] is called with a later time.

use std::collections::{BTreeMap, BTreeSet};

use super::{attributes::QueueAttributes, message::Message};

/// How many messages a queue holds, by their state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Waiting to be received.
    pub visible: usize,
    /// Received, but neither deleted nor visible again.
    pub in_flight: usize,
    /// Sent with a delay that has not ended.
    pub delayed: usize,
}

/// A message with its number among all that the queue took.
pub(super) struct QueuedMessage<'a> {
    pub(super) seq: u64,
    pub(super) message: &'a Message,
}

/// The time of an event in milliseconds, and the message that it is about.
type Event = (i64, u64);

/// Removes and returns the first event, if its time has come.
fn pop_due(events: &mut BTreeSet<Event>, now_ms: i64) -> Option<Event> {
    events.first().is_some_and(|event| event.0 <= now_ms).then(|| events.pop_first()).flatten()
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) attributes: QueueAttributes,
    pub(super) created_ms: i64,
    /// When it was last purged. A restart forgets it.
    pub(super) purged_ms: Option<i64>,
    messages: BTreeMap<u64, Message>,
    by_age: BTreeSet<Event>,
    visible: BTreeSet<Event>,
    in_flight: BTreeSet<Event>,
    delayed: BTreeSet<Event>,
    /// How many messages of a group are in flight.
    in_flight_by_group: BTreeMap<String, usize>,
}

/// A group is a noisy neighbour if it has this many messages in flight, and they are more than a tenth of all messages in flight. AWS also
/// looks at the share of processing time; that is not played here.
///
/// # Source
/// "How Amazon SQS fair queues work" in the SQS Developer Guide.
const NOISY_IN_FLIGHT: usize = 30;
const NOISY_SHARE: usize = 10;

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
            in_flight_by_group: BTreeMap::new(),
        }
    }

    pub(super) fn insert(&mut self, seq: u64, message: Message) {
        self.by_age.insert((message.sent_ms, seq));
        if message.received_ms.is_some() {
            self.in_flight.insert((message.visible_ms, seq));
            if let Some(group) = &message.group {
                *self.in_flight_by_group.entry(group.clone()).or_default() += 1;
            }
        } else {
            self.delayed.insert((message.visible_ms, seq));
        }
        self.messages.insert(seq, message);
    }

    pub(super) fn remove(&mut self, seq: u64) -> Option<Message> {
        let message = self.messages.remove(&seq)?;
        self.by_age.remove(&(message.sent_ms, seq));
        let event = (message.visible_ms, seq);
        self.visible.remove(&event);
        self.delayed.remove(&event);
        if self.in_flight.remove(&event) {
            self.lands(message.group.as_deref());
        }
        Some(message)
    }

    pub(super) fn clear(&mut self) {
        let empty = Self::new(self.attributes.clone(), self.created_ms);
        *self = Self { purged_ms: self.purged_ms, ..empty };
    }

    /// Brings the queue to `now_ms`: drops messages that are too old, and shows those whose hidden time is over.
    pub(super) fn advance(&mut self, now_ms: i64) {
        while let Some(&(sent_ms, seq)) = self.by_age.first()
            && self.expiry_ms(sent_ms) <= now_ms
        {
            self.remove(seq);
        }
        while let Some(event) = pop_due(&mut self.delayed, now_ms) {
            self.visible.insert(event);
        }
        while let Some(event) = pop_due(&mut self.in_flight, now_ms) {
            self.visible.insert(event);
            let group = self.messages.get(&event.1).and_then(|message| message.group.clone());
            self.lands(group.as_deref());
        }
    }

    /// A message of this group is no longer in flight.
    fn lands(&mut self, group: Option<&str>) {
        let Some(count) = group.and_then(|group| self.in_flight_by_group.get_mut(group)) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.in_flight_by_group.retain(|_, count| *count > 0);
        }
    }

    fn is_noisy(&self, group: Option<&String>) -> bool {
        let count = group.and_then(|group| self.in_flight_by_group.get(group)).copied().unwrap_or_default();
        count >= NOISY_IN_FLIGHT && count * NOISY_SHARE > self.in_flight.len()
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
    pub(super) fn messages(&self) -> impl Iterator<Item = QueuedMessage<'_>> {
        self.messages.iter().map(|(&seq, message)| QueuedMessage { seq, message })
    }

    /// The messages that may be received. Those of noisy neighbours come last; the others come in the order of their waiting time, the
    /// longest first.
    pub(super) fn visible_fairly(&self) -> impl Iterator<Item = QueuedMessage<'_>> {
        let queued = |&(_, seq): &Event| Some(QueuedMessage { seq, message: self.messages.get(&seq)? });
        let of = move |noisy: bool| {
            let visible = self.visible.iter().filter_map(queued);
            visible.filter(move |queued| self.is_noisy(queued.message.group.as_ref()) == noisy)
        };
        of(false).chain(of(true))
    }

    pub(super) fn is_in_flight(&self, seq: u64) -> bool {
        self.messages.get(&seq).is_some_and(|message| self.in_flight.contains(&(message.visible_ms, seq)))
    }

    fn expiry_ms(&self, sent_ms: i64) -> i64 {
        sent_ms.saturating_add(self.attributes.retention_seconds.saturating_mul(1_000))
    }
}
