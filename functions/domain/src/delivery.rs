//! A delivery: one event of one transaction for one webhook, and the record of its attempts.

use std::time::Duration;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    ATTEMPTS_MAX, AppId, BillNum, Event, Mode, Shard, Timestamp, Transaction, TransactionId, Webhook, WebhookId,
    closed_list,
};

/// Names one delivery. The same event of the same transaction is one delivery per webhook, even if it is written several times. Some events
/// can happen several times to one transaction (a refund, a mismatch): `about` tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId {
    /// Whose bill.
    pub app: AppId,
    /// Real money or not.
    pub mode: Mode,
    /// Which bill.
    pub bill: BillNum,
    /// The transaction that it reports on.
    pub transaction: TransactionId,
    /// What it reports.
    pub event: Event,
    /// Which of several such events: a refund's number, an incident's name. Empty if there can be only one.
    pub about: String,
    /// To whom.
    pub webhook: WebhookId,
}

impl DeliveryId {
    /// The bound of `about` in characters: a refund's number fits.
    pub const ABOUT_CHARS_MAX: usize = 64;

    /// Its name within its bill: `<tx>#<event>#<webhook>`, or `<tx>#<event>#<about>#<webhook>`.
    pub fn name(&self) -> String {
        let (transaction, event, webhook) = (&self.transaction, self.event.name(), &self.webhook);
        let about = if self.about.is_empty() { String::new() } else { format!("{}#", self.about) };
        format!("{transaction}#{event}#{about}{webhook}")
    }

    /// Reads a name that [`Self::name`] wrote; `None` for any other.
    pub fn parse(app: AppId, mode: Mode, bill: BillNum, name: &str) -> Option<Self> {
        let (transaction, rest) = name.split_once('#')?;
        let (rest, webhook) = rest.rsplit_once('#')?;
        let (event, about) = rest.split_once('#').unwrap_or((rest, ""));
        if about.chars().count() > Self::ABOUT_CHARS_MAX || about.chars().any(char::is_control) {
            return None;
        }
        Some(Self {
            app,
            mode,
            bill,
            transaction: TransactionId::parse(transaction).ok()?,
            event: Event::find(event)?,
            about: about.to_owned(),
            webhook: WebhookId::parse(webhook).ok()?,
        })
    }

    /// The merchant's name for it (`webhook-id`): the same at every attempt, different for each webhook and event.
    pub fn message_id(&self) -> String {
        let digest = Sha256::digest(format!("{}#{}#{}#{}", self.app, self.mode, self.bill, self.name()));
        format!("msg_{}", digest.get(..18).map(|start| URL_SAFE_NO_PAD.encode(start)).unwrap_or_default())
    }

    /// The id as one word, for addresses of the operator API.
    pub fn to_token(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}\n{}\n{}", self.mode, self.bill, self.name()))
    }

    /// Reads what [`Self::to_token`] wrote; `None` for any other.
    pub fn from_token(app: &AppId, token: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let mut lines = text.splitn(3, '\n');
        let (mode, bill, name) = (lines.next()?, lines.next()?, lines.next()?);
        Self::parse(app.clone(), Mode::find(mode)?, BillNum::parse(bill).ok()?, name)
    }
}

/// Which of several events of one kind it is, and what its body says beside the transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// A name of at most [`DeliveryId::ABOUT_CHARS_MAX`] characters: the refund's number, or the incident's name.
    pub name: String,
    /// Members of the body beside those of the transaction.
    pub members: Map<String, Value>,
}

/// Something that happened to a transaction, as webhooks receive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OccurredEvent {
    /// What happened.
    pub event: Event,
    /// Which of several such events, and its members of the body.
    pub about: About,
}

impl From<Event> for OccurredEvent {
    /// An event that happens once to a transaction, and has no members of its own.
    fn from(event: Event) -> Self {
        Self { event, about: About::default() }
    }
}

closed_list! {
    /// Where a delivery stands.
    pub enum DeliveryState {
        /// Not received yet. It is tried again.
        Waiting = "waiting",
        /// Received.
        Delivered = "delivered",
        /// Never received, and not tried again.
        Exhausted = "exhausted",
        /// Given up, because its webhook was deleted.
        Cancelled = "cancelled",
    }
}

/// One event for one webhook. It is written together with the state that it reports, so neither can be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which.
    pub id: DeliveryId,
    /// What the body says beside the transaction: a JSON object. Empty if there is nothing to add.
    pub members: Map<String, Value>,
    /// The shard of its transaction. The delivery is listed under it, too.
    pub shard: Shard,
    /// When it was written.
    pub created_at: Timestamp,
    /// Where it stands.
    pub state: DeliveryState,
    /// The number of the next attempt, from 1. It only grows, also if the delivery is sent again by hand.
    pub attempt: u32,
    /// How many attempts were made before it was last sent again by hand. The schedule begins again after them.
    pub attempts_before: u32,
    /// When the next attempt is due.
    pub due_at: Timestamp,
    /// The last attempts, oldest first.
    pub records: Vec<AttemptRecord>,
}

impl Delivery {
    /// Two rounds of attempts are kept.
    pub const RECORDS_MAX: usize = 2 * ATTEMPTS_MAX;

    /// The longest wait that the queue takes. A delivery with a longer wait stays in its row until then.
    pub const QUEUE_WAIT_MAX: Duration = Duration::from_secs(900);

    /// How long a bell may be on its way before the sweep rings again.
    pub const BELL_GRACE: Duration = Duration::from_secs(120);

    /// The longest time until the sweep rings again for a delivery whose attempt does not come.
    pub const BELL_GRACE_MAX: Duration = Duration::from_secs(900);

    /// Which attempt of its round the next one is, from 1.
    pub fn tried(&self) -> usize {
        usize::try_from(self.attempt.saturating_sub(self.attempts_before)).unwrap_or(usize::MAX)
    }

    /// The same delivery, sent again by hand and due at `due_at`. A waiting one keeps its place in the schedule. For any other the schedule
    /// begins anew.
    #[must_use]
    pub fn sent_again(&self, due_at: Timestamp) -> Self {
        let attempts_before = match self.state {
            DeliveryState::Waiting => self.attempts_before,
            DeliveryState::Delivered | DeliveryState::Exhausted | DeliveryState::Cancelled => {
                self.attempt.saturating_sub(1)
            }
        };
        Self { state: DeliveryState::Waiting, attempts_before, due_at, ..self.clone() }
    }

    /// Whether a new delivery goes to the queue at once. A delivery that is due later stays in its row until then.
    pub fn is_rung_at_once(&self) -> bool {
        self.due_at == self.created_at
    }

    /// The delivery after an attempt, with its record among the latest ones.
    #[must_use]
    pub fn with_record(&self, record: AttemptRecord) -> Self {
        let attempt = self.attempt.max(record.attempt.saturating_add(1));
        let mut records = self.records.clone();
        records.push(record);
        let superfluous = records.len().saturating_sub(Self::RECORDS_MAX);
        records.drain(..superfluous);
        Self { attempt, records, ..self.clone() }
    }

    /// When the sweep must look at a delivery that is due at `due_at`. If it still rests in its row, the sweep looks in time to hand it to
    /// the queue. If a bell is sent for it now, the sweep looks a while after it is due. The longer it is overdue, the longer that while:
    /// deliveries whose attempts always fail through a fault of ours must not fill the queue.
    pub fn look_at(due_at: Timestamp, now: Timestamp) -> Timestamp {
        if due_at > now.plus(Self::QUEUE_WAIT_MAX) {
            return due_at.minus(Self::QUEUE_WAIT_MAX);
        }
        let overdue = due_at.until(now);
        due_at.max(now).plus(overdue.clamp(Self::BELL_GRACE, Self::BELL_GRACE_MAX))
    }
}

/// The record of one attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRecord {
    /// Its number.
    pub attempt: u32,
    /// When it began, in milliseconds since 1970 UTC.
    pub time: i64,
    /// How long it took.
    pub duration_ms: u64,
    /// What became of it, in one word: `received`, or why it was not.
    pub verdict: String,
    /// Where it went: the method and the address without its query, or the function's name. It holds no secret.
    pub request: String,
    /// The HTTP status, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub problem: String,
    /// The code of that sentence and its parameters. They are members of the record itself; a version that does not know them ignores them.
    #[serde(flatten)]
    pub said: Option<crate::Said>,
    /// The beginning of the answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
}

/// One delivery for each of `webhooks` that subscribes to the event.
pub fn deliveries(
    transaction: &Transaction,
    occurred: &OccurredEvent,
    webhooks: &[Webhook],
    now: Timestamp,
) -> Vec<Delivery> {
    let (key, OccurredEvent { event, about }) = (&transaction.key, occurred);
    let wanted = webhooks.iter().filter(|webhook| webhook.wants(*event, key.mode));
    wanted
        .map(|webhook| Delivery {
            id: DeliveryId {
                app: key.app.clone(),
                mode: key.mode,
                bill: key.bill.clone(),
                transaction: transaction.id.clone(),
                event: *event,
                about: about.name.chars().take(DeliveryId::ABOUT_CHARS_MAX).collect(),
                webhook: webhook.id.clone(),
            },
            members: about.members.clone(),
            shard: transaction.shard,
            created_at: now,
            state: DeliveryState::Waiting,
            attempt: 1,
            attempts_before: 0,
            due_at: webhook.first_due(now),
            records: Vec::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RotatingKey, Secret, Status, WebhookTarget, transaction::tests::sample};

    fn id(event: Event, about: &str) -> DeliveryId {
        let transaction = sample(Status::Success);
        DeliveryId {
            app: transaction.key.app,
            mode: Mode::Test,
            bill: BillNum::parse("a#b/c").unwrap(),
            transaction: transaction.id,
            event,
            about: about.to_owned(),
            webhook: WebhookId::parse("01a208d05240080808080808").unwrap(),
        }
    }

    #[test]
    fn names_and_tokens_go_round() {
        for event in Event::ALL {
            for about in ["", "R1", "r#1", "#", "退款 1"] {
                let id = id(event, about);
                let parsed = DeliveryId::parse(id.app.clone(), id.mode, id.bill.clone(), &id.name());
                assert_eq!(parsed.as_ref(), Some(&id));
                assert_eq!(DeliveryId::from_token(&id.app, &id.to_token()), parsed);
            }
        }
        let app = id(Event::PaymentSuccess, "").app;
        for token in ["", "x", "!", &URL_SAFE_NO_PAD.encode("test\n1"), &URL_SAFE_NO_PAD.encode("test\n1\nx#y#z")] {
            assert_eq!(DeliveryId::from_token(&app, token), None, "{token}");
        }
    }

    #[test]
    fn a_message_id_is_another_for_each_delivery() {
        let others = 3;
        let mut ids: Vec<_> = Event::ALL.map(|event| id(event, "").message_id()).to_vec();
        ids.push(id(Event::RefundSuccess, "R1").message_id());
        ids.push(id(Event::RefundSuccess, "R2").message_id());
        let mut other = id(Event::RefundSuccess, "R2");
        other.webhook = WebhookId::parse("01a208d05240080808080809").unwrap();
        ids.push(other.message_id());
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), Event::ALL.len() + others);
        assert!(ids.iter().all(|id| id.len() == 28 && id.starts_with("msg_") && !id.contains('.')));
        assert_eq!(id(Event::PaymentSuccess, "").message_id(), id(Event::PaymentSuccess, "").message_id());
    }

    #[test]
    fn each_webhook_of_the_mode_that_wants_it_gets_one() {
        let hook = |digit: char, mode, events: &[Event], target| Webhook {
            id: WebhookId::parse(&digit.to_string().repeat(24)).unwrap(),
            mode,
            events: events.to_vec(),
            target,
            secret: RotatingKey::new(Secret::new(String::new())),
            created_at: Timestamp::clamped(0),
        };
        let function = || WebhookTarget::Function("f".to_owned());
        let hooks = [
            hook('1', Mode::Test, &[Event::RefundSuccess], function()),
            hook('2', Mode::Live, &[Event::RefundSuccess], function()),
            hook('3', Mode::Test, &[Event::PaymentSuccess], function()),
            hook('4', Mode::Test, &[Event::PaymentSuccess, Event::RefundSuccess], WebhookTarget::Pull),
        ];
        let about = About { name: "R".repeat(65), members: Map::new() };
        let now = Timestamp::clamped(5);
        let occurred = OccurredEvent { event: Event::RefundSuccess, about };
        let made = deliveries(&sample(Status::Success), &occurred, &hooks, now);
        let told: Vec<_> = made.iter().map(|made| made.id.webhook.as_str().chars().next().unwrap()).collect();
        assert_eq!(told, ['1', '4']);
        assert!(made.iter().all(|made| made.id.about.len() == 64 && made.tried() == 1));
        // A merchant who fetches events has a week.
        let due: Vec<_> = made.iter().map(|made| (made.due_at.ms(), made.is_rung_at_once())).collect();
        assert_eq!(due, [(5, true), (5 + 7 * 24 * 3_600_000, false)]);
    }

    #[test]
    fn what_a_delivery_is_about_has_64_characters_at_most_and_no_control_character() {
        for (about, is_read) in
            [("x".repeat(64), true), ("茶".repeat(64), true), ("x".repeat(65), false), ("a\nb".into(), false)]
        {
            let id = id(Event::RefundSuccess, &about);
            let parsed = DeliveryId::parse(id.app.clone(), id.mode, id.bill.clone(), &id.name());
            assert_eq!(parsed, is_read.then_some(id), "{about}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn what_is_sent_again_keeps_its_place_only_if_it_waits() {
        use DeliveryState::{Cancelled, Delivered, Exhausted, Waiting};
        let (then, now) = (Timestamp::clamped(1_000), Timestamp::clamped(9_000));
        // Its state, its next attempt, the attempts before this round; the attempts before the next round, which attempt of it comes.
        const CASES: [(DeliveryState, u32, u32, u32, usize); 6] = [
            (Waiting,   1,  0,  0,  1),
            (Waiting,   5,  0,  0,  5),
            (Waiting,   14, 11, 11, 3),
            (Delivered, 3,  0,  2,  1),
            (Exhausted, 12, 0,  11, 1),
            (Cancelled, 2,  0,  1,  1),
        ];
        for (state, attempt, attempts_before, expect, tried) in CASES {
            let delivery = Delivery {
                id: id(Event::PaymentSuccess, ""),
                members: Map::new(),
                shard: Shard::FIRST,
                created_at: then,
                state,
                attempt,
                attempts_before,
                due_at: then,
                records: Vec::new(),
            };
            let again = delivery.sent_again(now);
            let found = (again.state, again.attempt, again.attempts_before, again.due_at, again.tried());
            assert_eq!(found, (Waiting, attempt, expect, now, tried), "{state:?} {attempt}");
        }
        assert_eq!(Delivery::RECORDS_MAX, 22);
    }

    #[test]
    #[rustfmt::skip]
    fn the_sweep_looks_in_time() {
        let at = Timestamp::clamped;
        const MINUTE: i64 = 60_000;
        // In minutes from now: when it is due, and when the sweep looks.
        for (due, look) in
            [(-60, 15), (-15, 15), (-5, 5), (-2, 2), (-1, 2), (0, 2), (1, 3), (15, 17), (16, 1), (30, 15), (1440, 1425)]
        {
            let now = at(1_000_000_000);
            let found = Delivery::look_at(at(now.ms() + due * MINUTE), now);
            assert_eq!(found, at(now.ms() + look * MINUTE), "{due}");
        }
    }
}
