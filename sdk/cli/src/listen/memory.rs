//! What a listener remembers of the events that it handed over: which wait for another try, and which are to be acknowledged.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use domain::Timestamp;

/// The waits after each refusal. The last one repeats.
const RETRY_WAITS: [u64; 7] = [1, 2, 5, 10, 30, 60, 300];

/// The gateway takes so many acknowledgements at once.
const ACKNOWLEDGED_AT_ONCE: usize = 50;

/// Of how many accepted messages it is known that they were accepted before.
const ACCEPTED_MAX: usize = 10_000;

/// How long an event waits that was refused so many times.
fn retry_wait(failures: u32) -> Duration {
    let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    let [.., longest] = RETRY_WAITS;
    Duration::from_secs(RETRY_WAITS.get(index).copied().unwrap_or(longest))
}

/// An event that was refused.
#[derive(Debug)]
struct Refused {
    times: u32,
    due: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct Memory {
    refused: HashMap<String, Refused>,
    /// Handed over, and not answered yet.
    in_flight: HashSet<String>,
    /// Accepted, and not acknowledged yet.
    unacknowledged: Vec<String>,
    /// The messages that were accepted, oldest first.
    accepted: VecDeque<Accepted>,
}

/// An accepted message. Sent again by hand, it comes with the same `webhook-id`.
#[derive(Debug)]
struct Accepted {
    message: String,
    times: u32,
}

impl Memory {
    /// Whether an event is to be handed over now.
    pub(crate) fn is_due(&self, id: &str, now: Timestamp) -> bool {
        let is_accepted = self.unacknowledged.iter().any(|accepted| accepted == id);
        !is_accepted && !self.in_flight.contains(id) && self.refused.get(id).is_none_or(|refused| refused.due <= now)
    }

    /// Notes that it was handed over, and that the answer is awaited.
    pub(crate) fn begin(&mut self, id: &str) {
        self.in_flight.insert(id.to_owned());
    }

    /// Notes that the server took it. Returns which attempt that was.
    pub(crate) fn accept(&mut self, id: &str, message: &str) -> u32 {
        self.in_flight.remove(id);
        let attempt = self.refused.remove(id).map_or(1, |refused| refused.times + 1);
        self.unacknowledged.push(id.to_owned());
        match self.accepted.iter_mut().find(|accepted| accepted.message == message) {
            Some(accepted) => accepted.times += 1,
            None => self.accepted.push_back(Accepted { message: message.to_owned(), times: 1 }),
        }
        if self.accepted.len() > ACCEPTED_MAX {
            self.accepted.pop_front();
        }
        attempt
    }

    /// Notes that the server did not take it. Returns which attempt that was.
    pub(crate) fn refuse(&mut self, id: &str, now: Timestamp) -> u32 {
        self.in_flight.remove(id);
        let refused = self.refused.entry(id.to_owned()).or_insert(Refused { times: 0, due: now });
        refused.times += 1;
        refused.due = now.plus(retry_wait(refused.times));
        refused.times
    }

    /// Whether this message had been accepted before it came now.
    pub(crate) fn was_accepted_before(&self, id: &str, message: &str) -> bool {
        let now = u32::from(self.unacknowledged.iter().any(|accepted| accepted == id));
        self.accepted.iter().any(|accepted| accepted.message == message && accepted.times > now)
    }

    /// How many events are to be acknowledged.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.unacknowledged.len()
    }

    /// The next events to acknowledge. `None` if there are none.
    pub(crate) fn to_acknowledge(&self) -> Option<Vec<String>> {
        self.unacknowledged.chunks(ACKNOWLEDGED_AT_ONCE).next().map(<[String]>::to_vec)
    }

    /// Notes that these are acknowledged.
    pub(crate) fn acknowledged(&mut self, ids: &[String]) {
        self.unacknowledged.retain(|id| !ids.contains(id));
    }

    /// Forgets refused events that the gateway does not give any more.
    pub(crate) fn keep_only(&mut self, seen: &HashSet<String>) {
        self.refused.retain(|id, _| seen.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::clamped(ms)
    }

    #[test]
    fn waits_grow_and_the_last_one_repeats() {
        let waits: Vec<u64> = (1..10).map(|failures| retry_wait(failures).as_secs()).collect();
        assert_eq!(waits, [1, 2, 5, 10, 30, 60, 300, 300, 300]);
    }

    #[test]
    fn what_was_refused_is_due_after_its_wait() {
        let mut memory = Memory::default();
        assert!(memory.is_due("a", at(0)));
        assert_eq!(memory.refuse("a", at(0)), 1);
        assert_eq!((memory.is_due("a", at(999)), memory.is_due("a", at(1000))), (false, true));
        assert_eq!(memory.refuse("a", at(1000)), 2);
        assert_eq!((memory.is_due("a", at(2999)), memory.is_due("a", at(3000))), (false, true));
        memory.begin("a");
        assert!(!memory.is_due("a", at(3000)), "its answer is awaited");
        assert_eq!(memory.accept("a", "msg_a"), 3);
        assert!(!memory.is_due("a", at(9000)), "accepted, and not acknowledged yet");
    }

    #[test]
    fn what_is_acknowledged_and_comes_again_is_known() {
        let mut memory = Memory::default();
        assert_eq!((memory.accept("a", "msg_a"), memory.was_accepted_before("a", "msg_a")), (1, false));
        memory.acknowledged(&memory.to_acknowledge().unwrap());
        assert_eq!(memory.to_acknowledge(), None);
        assert!(memory.is_due("a", at(0)) && memory.was_accepted_before("a", "msg_a"));
        memory.accept("a", "msg_a");
        assert!(memory.was_accepted_before("a", "msg_a"));
    }

    #[test]
    fn fifty_are_acknowledged_at_once() {
        let mut memory = Memory::default();
        for number in 0..51 {
            memory.accept(&number.to_string(), "msg");
        }
        let first = memory.to_acknowledge().unwrap();
        assert_eq!(first.len(), 50);
        memory.acknowledged(&first);
        assert_eq!(memory.to_acknowledge(), Some(vec!["50".to_owned()]));
    }

    #[test]
    fn what_the_gateway_gives_no_more_is_forgotten() {
        let mut memory = Memory::default();
        memory.refuse("a", at(0));
        memory.refuse("b", at(0));
        memory.keep_only(&HashSet::from(["a".to_owned()]));
        assert_eq!((memory.refuse("a", at(0)), memory.refuse("b", at(0))), (2, 1));
    }
}
