//! Notifies: a trade's stored notifies, their schedule, and the sending.
//!
//! The next send is due one pause after the due time of the last one. So if the clock jumps a day, the day's sends come in order.

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::owner::NotifySender;

/// Notifies kept per trade; the oldest is dropped. A trade with fifty partial refunds has as many.
const NOTIFIES_MAX: usize = 200;
/// Sends kept per notify: those of the schedule, and as many duplicates as a test may order.
const ATTEMPTS_MAX: usize = 120;
/// Only the beginning of a merchant's answer is kept; correct answers are short.
const ANSWER_CHARS_MAX: usize = 500;
/// The content type of a message without its own headers.
const FORM_UTF8: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// The most sends in one run. The rest waits for the next run.
const SENDS_PER_RUN_MAX: usize = 20_000;

/// One message to the merchant and all its sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notify<L> {
    /// Its content and its address.
    #[serde(flatten)]
    pub(crate) letter: L,
    pub(crate) next_at: Option<i64>,
    /// How many pauses between sends are used.
    step: usize,
    /// More sends at once, ordered by a test, whatever the merchant answers.
    pub(crate) repeats: u32,
    pub(crate) attempts: Vec<Attempt>,
    /// A send is in progress. Not stored: after a restart none is.
    #[serde(skip)]
    pub(crate) in_flight: bool,
}

/// One send.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attempt {
    at: i64,
    /// Only if the provider has its own headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    /// The body that was sent.
    sent: String,
    status: Option<u16>,
    answer: String,
    acknowledged: bool,
}

impl<L> Notify<L> {
    /// When it is sent next, unless a send is in progress.
    fn due(&self) -> Option<i64> {
        self.next_at.filter(|_| !self.in_flight)
    }

    /// Records a send and sets the time of the next.
    fn record(&mut self, attempt: Attempt, pauses_ms: &[i64]) {
        self.in_flight = false;
        if self.repeats > 0 {
            self.repeats -= 1;
        } else if attempt.acknowledged {
            self.next_at = None;
        } else {
            let pause = pauses_ms.get(self.step);
            self.next_at = self.next_at.zip(pause).map(|(due, pause)| due.saturating_add(*pause));
            self.step = self.step.saturating_add(1);
        }
        if self.attempts.len() < ATTEMPTS_MAX {
            self.attempts.push(attempt);
        } else {
            self.next_at = None;
        }
    }
}

/// The notifies of one trade.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Notifies<L>(Vec<Notify<L>>);

impl<L> Default for Notifies<L> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<L> Notifies<L> {
    /// Queues one, due at `at`.
    pub(crate) fn queue(&mut self, letter: L, at: i64) -> Option<&mut Notify<L>> {
        if self.0.len() >= NOTIFIES_MAX {
            self.0.remove(0);
        }
        self.0.push(Notify { letter, next_at: Some(at), step: 0, repeats: 0, attempts: Vec::new(), in_flight: false });
        self.0.last_mut()
    }

    /// When the next send is due, without those in progress.
    pub(crate) fn due(&self) -> Option<i64> {
        self.0.iter().filter_map(Notify::due).min()
    }

    /// Takes the notify that is due first. The end of its [`Job`] must follow.
    pub(crate) fn take(&mut self) -> Option<&mut Notify<L>> {
        let due = self.due()?;
        let notify = self.0.iter_mut().find(|notify| notify.due() == Some(due))?;
        notify.in_flight = true;
        Some(notify)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Notify<L>> {
        self.0.iter()
    }

    pub(crate) fn find_mut(&mut self, fits: impl Fn(&L) -> bool) -> Option<&mut Notify<L>> {
        self.0.iter_mut().find(|notify| fits(&notify.letter))
    }

    pub(crate) fn last(&self) -> Option<&L> {
        self.0.last().map(|notify| &notify.letter)
    }

    /// Drops the notifies that were never sent.
    pub(crate) fn drop_unsent(&mut self) {
        self.0.retain(|notify| !notify.attempts.is_empty() || notify.in_flight);
    }
}

/// A message that is ready to send.
pub(crate) struct Message {
    pub(crate) url: String,
    /// If empty, the body is a form.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// A send to make now.
pub(crate) struct Job<L, M> {
    /// The number of the trade.
    pub(crate) trade: String,
    pub(crate) letter: L,
    /// The number of earlier sends.
    pub(crate) sends: usize,
    pub(crate) at: i64,
    /// How to write the message.
    pub(crate) manner: M,
}

/// A simulator that sends notifies.
pub(crate) trait Outbox: Sync {
    type Letter: Sync + Send;
    type Manner: Sync + Send;

    /// Takes the send that is due first; only that of trade `only`, if given.
    fn take(&self, only: Option<&str>) -> Option<Job<Self::Letter, Self::Manner>>;

    /// Works on the notify of a job, if it is still kept.
    fn change(&self, job: &Job<Self::Letter, Self::Manner>, change: impl FnOnce(&mut Notify<Self::Letter>));

    /// Writes the message for this send, or says why that is impossible.
    fn write(&self, job: &Job<Self::Letter, Self::Manner>) -> Result<Message, String>;

    /// Whether this answer ends the sending.
    fn is_acknowledged(&self, job: &Job<Self::Letter, Self::Manner>, status: u16, answer: &[u8]) -> bool;

    /// The pauses between the sends of a letter.
    fn pauses_ms(&self, letter: &Self::Letter) -> &'static [i64];

    /// The way out.
    fn sender(&self) -> &NotifySender;
}

/// Puts a job back if the sending is cancelled half-way. Otherwise it would be lost until the next start.
struct UnderWay<'a, O: Outbox> {
    outbox: &'a O,
    job: Option<&'a Job<O::Letter, O::Manner>>,
}

impl<O: Outbox> UnderWay<'_, O> {
    fn end(mut self, attempt: Attempt) {
        let Some(job) = self.job.take() else { return };
        let pauses_ms = self.outbox.pauses_ms(&job.letter);
        self.outbox.change(job, |notify| notify.record(attempt, pauses_ms));
    }
}

impl<O: Outbox> Drop for UnderWay<'_, O> {
    fn drop(&mut self) {
        if let Some(job) = self.job {
            self.outbox.change(job, |notify| notify.in_flight = false);
        }
    }
}

/// Sends what is due, earliest first; only that of trade `only`, if given. Jobs in progress elsewhere are skipped: a merchant may
/// call back and cause another run while it still answers.
pub(crate) async fn run<O: Outbox>(outbox: &O, only: Option<&str>) {
    for _ in 0..SENDS_PER_RUN_MAX {
        let Some(job) = outbox.take(only) else { return };
        let under_way = UnderWay { outbox, job: Some(&job) };
        let attempt = send(outbox, &job).await;
        under_way.end(attempt);
    }
}

async fn send<O: Outbox>(outbox: &O, job: &Job<O::Letter, O::Manner>) -> Attempt {
    let mut attempt = Attempt {
        at: job.at,
        headers: Vec::new(),
        sent: String::new(),
        status: None,
        answer: String::new(),
        acknowledged: false,
    };
    let request = outbox.write(job).and_then(|message| {
        attempt.headers = message.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        attempt.sent.clone_from(&message.body);
        request(message)
    });
    let answered = match request {
        Ok(request) => (outbox.sender())(request).await,
        Err(why) => Err(why),
    };
    match answered {
        Ok((status, body)) => {
            attempt.acknowledged = outbox.is_acknowledged(job, status, &body);
            attempt.status = Some(status);
            attempt.answer = start_of(&String::from_utf8_lossy(&body));
        }
        Err(error) => attempt.answer = start_of(&error),
    }
    attempt
}

fn start_of(answer: &str) -> String {
    answer.chars().take(ANSWER_CHARS_MAX).collect()
}

fn request(message: Message) -> Result<Request<Bytes>, String> {
    let mut request = Request::post(message.url);
    if message.headers.is_empty() {
        request = request.header(CONTENT_TYPE, FORM_UTF8);
    }
    for (name, value) in message.headers {
        let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
        let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
        request = request.header(name, value);
    }
    request.body(Bytes::from(message.body)).map_err(|error| error.to_string())
}
