//! All queues, and the rules of SQS: each call looks at the state, decides on [`Record`]s, and commits them.
//!
//! [`State::commit`] is the only way to make a change. It writes the journal first and then changes memory with [`State::apply`], which
//! also replays the journal at open. Every call gets the time as an argument; nothing here reads a clock or waits.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::watch;

use super::{
    attributes::{Owner, QueueAttributes, VISIBILITY_SECONDS_MAX, WAIT_SECONDS_MAX, check_queue_name},
    error::{OpenError, SqsError, within},
    journal::{self, Journal, Record},
    message::{Message, MessageAttribute, NewMessage, attributes_md5, body_md5},
    queue::{Depth, Queue, QueuedMessage},
};

/// AWS's limit of messages in flight in a standard queue.
pub(super) const IN_FLIGHT_MAX: usize = 120_000;
/// The most messages in one receive, as in AWS.
pub(super) const RECEIVE_MAX: i64 = 10;
/// AWS allows one purge of a queue in 60 seconds.
const PURGE_PAUSE_MS: i64 = 60_000;

/// What a consumer asks for. `None` means the queue's own attribute.
#[derive(Clone, Copy, Debug)]
pub struct Receive {
    /// The most messages to get, from 1 to 10.
    pub max: i64,
    /// The lease, from 0 to 43,200 seconds.
    pub visibility_seconds: Option<i64>,
    /// How long to wait for the first message, from 0 to 20 seconds of the stack's clock.
    pub wait_seconds: Option<i64>,
}

/// A message that a consumer received.
#[derive(Clone, Debug)]
pub struct Received {
    /// The message's id, the same at each receive.
    pub message_id: String,
    /// Proof of this receive, needed to delete the message and to change its visibility. It is stale after the next receive.
    pub receipt_handle: String,
    /// The body as it was sent.
    pub body: String,
    /// The message attributes as they were sent.
    pub attributes: BTreeMap<String, MessageAttribute>,
    /// How often it was received, including this time.
    pub receive_count: u64,
    /// When it was sent.
    pub sent_ms: i64,
    /// When it was first received.
    pub first_received_ms: i64,
    /// The ARN of the queue that it was moved from, if this is a dead letter queue.
    pub dead_letter_source_arn: Option<String>,
    /// The group of the message.
    pub group: Option<String>,
}

/// AWS's answer to a sender.
pub(super) struct Sent {
    pub(super) message_id: String,
    pub(super) body_md5: String,
    pub(super) attributes_md5: Option<String>,
}

pub(super) struct State {
    owner: Owner,
    queues: BTreeMap<String, Queue>,
    next_seq: u64,
    journal: Option<Journal>,
    /// Signals every change to calls that wait for a message.
    wake: watch::Sender<()>,
}

impl State {
    pub(super) fn open(owner: Owner, wake: watch::Sender<()>, path: Option<&Path>) -> Result<Self, OpenError> {
        let mut state = Self { owner, queues: BTreeMap::new(), next_seq: 1, journal: None, wake };
        if let Some(path) = path {
            journal::replay(path, |record| state.apply(record))?;
            let journal = Journal::create(path, state.records())
                .map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
            state.journal = Some(journal);
        }
        Ok(state)
    }

    /// `CreateQueue`. An equal queue with this name is no error; a different one is.
    pub(super) fn create_queue(
        &mut self,
        name: &str,
        given: &BTreeMap<String, String>,
        now_ms: i64,
    ) -> Result<(), SqsError> {
        let attributes = self.parse_attributes(name, given)?;
        match self.queues.get(name) {
            Some(queue) if queue.attributes.clone().with(given, &self.owner)? == queue.attributes => Ok(()),
            Some(_) => Err(SqsError::QueueNameExists { name: name.to_owned() }),
            None => self.commit(vec![Record::Queue { name: name.to_owned(), attributes, created_ms: now_ms }]),
        }
    }

    /// What a deployment does: afterwards the queue exists with these attributes, whatever attributes it had before.
    pub(super) fn deploy_queue(
        &mut self,
        name: &str,
        given: &BTreeMap<String, String>,
        now_ms: i64,
    ) -> Result<(), SqsError> {
        let attributes = self.parse_attributes(name, given)?;
        match self.queues.get(name) {
            Some(queue) if queue.attributes == attributes => Ok(()),
            _ => self.commit(vec![Record::Queue { name: name.to_owned(), attributes, created_ms: now_ms }]),
        }
    }

    fn parse_attributes(&self, name: &str, given: &BTreeMap<String, String>) -> Result<QueueAttributes, SqsError> {
        check_queue_name(name)?;
        let attributes = QueueAttributes::default().with(given, &self.owner)?;
        if let Some(redrive) = &attributes.redrive
            && (redrive.dead_letter_queue == name || !self.queues.contains_key(&redrive.dead_letter_queue))
        {
            let target = &redrive.dead_letter_queue;
            return Err(SqsError::invalid("RedrivePolicy", target, "Dead letter target does not exist."));
        }
        Ok(attributes)
    }

    pub(super) fn queue(&mut self, name: &str, now_ms: i64) -> Result<&Queue, SqsError> {
        let queue = self.queues.get_mut(name).ok_or(SqsError::QueueDoesNotExist)?;
        queue.advance(now_ms);
        Ok(queue)
    }

    pub(super) fn depth(&mut self, name: &str, now_ms: i64) -> Result<Depth, SqsError> {
        self.queue(name, now_ms).map(Queue::depth)
    }

    pub(super) fn next_event_ms(&mut self, now_ms: i64) -> Option<i64> {
        let events = self.queues.values_mut().filter_map(|queue| {
            queue.advance(now_ms);
            queue.next_event_ms()
        });
        events.min()
    }

    pub(super) fn send(&mut self, name: &str, new: NewMessage, now_ms: i64) -> Result<Sent, SqsError> {
        let attributes = &self.queue(name, now_ms)?.attributes;
        let limit = attributes.message_bytes_max;
        if i64::try_from(new.bytes()).map_or(true, |bytes| bytes > limit) {
            let reason = format!("Message must be shorter than {limit} bytes.");
            return Err(SqsError::invalid("MessageBody", format!("of {} bytes", new.bytes()), reason));
        }
        let delay_seconds = new.delay_seconds.unwrap_or(attributes.delay_seconds);
        let sent = Sent {
            message_id: new_id()?,
            body_md5: body_md5(&new.body),
            attributes_md5: attributes_md5(&new.attributes),
        };
        let message = Message {
            id: sent.message_id.clone(),
            body: new.body,
            attributes: new.attributes,
            sent_ms: now_ms,
            visible_ms: after(now_ms, delay_seconds),
            receive_count: 0,
            receives_here: 0,
            first_received_ms: None,
            received_ms: None,
            moved_from: None,
            group: new.group,
        };
        self.commit(vec![Record::Message { queue: name.to_owned(), seq: self.next_seq, message }])?;
        Ok(sent)
    }

    /// How long a receive waits: as the consumer asked, or as the queue's attribute says.
    pub(super) fn wait_seconds(&mut self, name: &str, wanted: Receive, now_ms: i64) -> Result<i64, SqsError> {
        let wait_seconds = wanted.wait_seconds.unwrap_or(self.queue(name, now_ms)?.attributes.wait_seconds);
        within("WaitTimeSeconds", wait_seconds, 0..=WAIT_SECONDS_MAX)
    }

    /// Looks at the queue once. Messages that were received too often move to the dead letter queue during the look.
    pub(super) fn receive(&mut self, name: &str, wanted: Receive, now_ms: i64) -> Result<Vec<Received>, SqsError> {
        let max = within("MaxNumberOfMessages", wanted.max, 1..=RECEIVE_MAX)?;
        self.queue(name, now_ms)?;
        let queue = self.queues.get(name).ok_or(SqsError::QueueDoesNotExist)?;
        let seconds = wanted.visibility_seconds.unwrap_or(queue.attributes.visibility_seconds);
        let visible_ms = after(now_ms, within("VisibilityTimeout", seconds, 0..=VISIBILITY_SECONDS_MAX)?);
        let room = IN_FLIGHT_MAX.saturating_sub(queue.depth().in_flight);
        if room == 0 {
            return Err(SqsError::OverLimit);
        }
        let max = room.min(usize::try_from(max).unwrap_or_default());
        let redrive = queue.attributes.redrive.as_ref();
        let mut records = Vec::new();
        let mut leased = Vec::new();
        for QueuedMessage { seq, message } in queue.visible_fairly() {
            if leased.len() == max {
                break;
            }
            records.push(match redrive {
                Some(policy) if message.receives_here >= policy.receive_count_max => {
                    Record::Move { from: name.to_owned(), to: policy.dead_letter_queue.clone(), seq }
                }
                _ => {
                    leased.push(seq);
                    Record::Lease { queue: name.to_owned(), seq, received_ms: now_ms, visible_ms }
                }
            });
        }
        self.commit(records)?;
        let queue = self.queues.get(name).ok_or(SqsError::QueueDoesNotExist)?;
        let messages = leased.into_iter().filter_map(|seq| Some((seq, queue.get(seq)?)));
        Ok(messages.map(|(seq, message)| self.received(name, seq, message)).collect())
    }

    fn received(&self, name: &str, seq: u64, message: &Message) -> Received {
        Received {
            message_id: message.id.clone(),
            receipt_handle: receipt_handle(name, seq, message),
            body: message.body.clone(),
            attributes: message.attributes.clone(),
            receive_count: message.receive_count,
            sent_ms: message.sent_ms,
            first_received_ms: message.first_received_ms.unwrap_or(message.sent_ms),
            dead_letter_source_arn: message.moved_from.as_ref().map(|name| self.owner.arn(name)),
            group: message.group.clone(),
        }
    }

    /// As in AWS, a stale handle is no error, nor is one whose message is gone. Nothing is deleted then.
    pub(super) fn delete(&mut self, name: &str, handle: &str, now_ms: i64) -> Result<(), SqsError> {
        let queue = self.queue(name, now_ms)?;
        match find_receipt(queue, name, handle)? {
            Some(seq) => self.commit(vec![Record::Delete { queue: name.to_owned(), seq }]),
            None => Ok(()),
        }
    }

    /// The lease ends `seconds` from now, but not later than 12 hours after the receive.
    pub(super) fn change_visibility(
        &mut self,
        name: &str,
        handle: &str,
        seconds: i64,
        now_ms: i64,
    ) -> Result<(), SqsError> {
        let queue = self.queue(name, now_ms)?;
        let visible_ms = after(now_ms, within("VisibilityTimeout", seconds, 0..=VISIBILITY_SECONDS_MAX)?);
        let Some(seq) = find_receipt(queue, name, handle)? else {
            let reason = "Message does not exist or is not available for visibility timeout change.";
            return Err(SqsError::invalid("ReceiptHandle", handle, reason));
        };
        if !queue.is_in_flight(seq) {
            return Err(SqsError::MessageNotInflight);
        }
        let received_ms = queue.get(seq).and_then(|message| message.received_ms).unwrap_or(now_ms);
        if visible_ms > after(received_ms, VISIBILITY_SECONDS_MAX) {
            let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
            return Err(SqsError::invalid("VisibilityTimeout", seconds, reason));
        }
        self.commit(vec![Record::Visibility { queue: name.to_owned(), seq, visible_ms }])
    }

    pub(super) fn purge(&mut self, name: &str, now_ms: i64) -> Result<(), SqsError> {
        let purged_ms = self.queue(name, now_ms)?.purged_ms;
        if purged_ms.is_some_and(|purged_ms| now_ms < purged_ms.saturating_add(PURGE_PAUSE_MS)) {
            return Err(SqsError::PurgeQueueInProgress { name: name.to_owned() });
        }
        self.commit(vec![Record::Purge { queue: name.to_owned() }])?;
        if let Some(queue) = self.queues.get_mut(name) {
            queue.purged_ms = Some(now_ms);
        }
        Ok(())
    }

    /// `StartMessageMoveTask` without a destination: visible messages return to the queues they came from, as new messages. A message that
    /// was sent to this queue directly came from no other queue, and stays.
    pub(super) fn move_back(&mut self, name: &str, now_ms: i64) -> Result<(), SqsError> {
        self.queue(name, now_ms).map_err(|_| SqsError::ResourceNotFound)?;
        let leads_here =
            |queue: &Queue| queue.attributes.redrive.as_ref().is_some_and(|to| to.dead_letter_queue == name);
        if !self.queues.values().any(leads_here) {
            let reason = "Source queue must be configured as a Dead Letter Queue.";
            return Err(SqsError::invalid("SourceArn", name, reason));
        }
        let mut records = Vec::new();
        for QueuedMessage { seq, message } in self.queues.get(name).into_iter().flat_map(Queue::visible_fairly) {
            let Some(origin) = &message.moved_from else { continue };
            records.push(Record::Delete { queue: name.to_owned(), seq });
            let message = Message {
                id: new_id()?,
                sent_ms: now_ms,
                visible_ms: now_ms,
                receive_count: 0,
                receives_here: 0,
                first_received_ms: None,
                received_ms: None,
                moved_from: None,
                ..message.clone()
            };
            let seq = self.next_seq + u64::try_from(records.len()).unwrap_or_default();
            records.push(Record::Message { queue: origin.clone(), seq, message });
        }
        self.commit(records)
    }

    fn commit(&mut self, records: Vec<Record>) -> Result<(), SqsError> {
        if records.is_empty() {
            return Ok(());
        }
        if let Some(journal) = &mut self.journal {
            journal.append(&records).map_err(SqsError::Journal)?;
        }
        for record in records {
            self.apply(record);
        }
        self.wake.send_replace(());
        if let Some(mut journal) = self.journal.take_if(|journal| journal.is_long()) {
            if let Err(error) = journal.compact(self.records()) {
                // The long journal is still complete. The next change tries again.
                tracing::warn!("cannot compact the SQS state file: {error}");
            }
            self.journal = Some(journal);
        }
        Ok(())
    }

    /// A record about something that is gone changes nothing: the clock may have dropped a message before.
    fn apply(&mut self, record: Record) {
        match record {
            Record::Queue { name, attributes, created_ms } => match self.queues.get_mut(&name) {
                Some(queue) => queue.attributes = attributes,
                None => drop(self.queues.insert(name, Queue::new(attributes, created_ms))),
            },
            Record::Message { queue, seq, message } => {
                self.next_seq = self.next_seq.max(seq.saturating_add(1));
                self.put(&queue, seq, message);
            }
            Record::Lease { queue, seq, received_ms, visible_ms } => self.change(&queue, seq, |message| {
                message.receive_count = message.receive_count.saturating_add(1);
                message.receives_here = message.receives_here.saturating_add(1);
                message.first_received_ms.get_or_insert(received_ms);
                message.received_ms = Some(received_ms);
                message.visible_ms = visible_ms;
            }),
            Record::Visibility { queue, seq, visible_ms } => {
                self.change(&queue, seq, |message| message.visible_ms = visible_ms);
            }
            Record::Move { from, to, seq } => {
                if let Some(mut message) = self.take(&from, seq) {
                    message.receives_here = 0;
                    message.received_ms = None;
                    message.moved_from = Some(from);
                    self.put(&to, seq, message);
                }
            }
            Record::Delete { queue, seq } => drop(self.take(&queue, seq)),
            Record::Purge { queue } => {
                if let Some(queue) = self.queues.get_mut(&queue) {
                    queue.clear();
                }
            }
        }
    }

    fn take(&mut self, queue: &str, seq: u64) -> Option<Message> {
        self.queues.get_mut(queue)?.remove(seq)
    }

    fn put(&mut self, queue: &str, seq: u64, message: Message) {
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.insert(seq, message);
        }
    }

    fn change(&mut self, queue: &str, seq: u64, change: impl FnOnce(&mut Message)) {
        if let Some(mut message) = self.take(queue, seq) {
            change(&mut message);
            self.put(queue, seq, message);
        }
    }

    /// The state as the shortest journal that leads to it.
    fn records(&self) -> impl Iterator<Item = Record> {
        let queues = self.queues.iter().map(|(name, queue)| Record::Queue {
            name: name.clone(),
            attributes: queue.attributes.clone(),
            created_ms: queue.created_ms,
        });
        let messages = self.queues.iter().flat_map(|(name, queue)| {
            queue.messages().map(|QueuedMessage { seq, message }| Record::Message {
                queue: name.clone(),
                seq,
                message: message.clone(),
            })
        });
        queues.chain(messages)
    }
}

fn after(now_ms: i64, seconds: i64) -> i64 {
    now_ms.saturating_add(seconds.saturating_mul(1_000))
}

/// Names the queue, the message, and which of its receives this is. It contains the id, because `seq` starts again from the beginning if
/// the state is lost.
fn receipt_handle(queue: &str, seq: u64, message: &Message) -> String {
    URL_SAFE_NO_PAD.encode(format!("{queue}/{seq}/{}/{}", message.id, message.receive_count))
}

/// The message of the handle, if it is still there and was not received again.
fn find_receipt(queue: &Queue, name: &str, handle: &str) -> Result<Option<u64>, SqsError> {
    let invalid = || SqsError::ReceiptHandleIsInvalid { handle: handle.to_owned() };
    let text = URL_SAFE_NO_PAD.decode(handle).map_err(|_| invalid())?;
    let text = String::from_utf8(text).map_err(|_| invalid())?;
    let mut parts = text.splitn(4, '/');
    let (Some(in_queue), Some(seq), Some(id), Some(count)) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(invalid());
    };
    let seq = seq.parse().map_err(|_| invalid())?;
    let count: u64 = count.parse().map_err(|_| invalid())?;
    if in_queue != name {
        return Err(invalid());
    }
    let message = queue.get(seq).filter(|message| message.id == id && message.receive_count == count);
    Ok(message.map(|_| seq))
}

/// A random UUID, version 4, as AWS gives to messages and requests.
pub(super) fn new_id() -> Result<String, SqsError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SqsError::Randomness)?;
    let bits = u128::from_be_bytes(bytes) & !(0xf000 << 64) & !(0xc000 << 48) | (0x4000 << 64) | (0x8000 << 48);
    let part = |shift: u32, mask: u128| (bits >> shift) & mask;
    let (time, middle, high) = (part(96, 0xffff_ffff), part(80, 0xffff), part(64, 0xffff));
    let (sequence, node) = (part(48, 0xffff), part(0, 0xffff_ffff_ffff));
    Ok(format!("{time:08x}-{middle:04x}-{high:04x}-{sequence:04x}-{node:012x}"))
}
