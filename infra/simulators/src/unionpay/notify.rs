//! Notifies: what is queued, when it is sent again, and the sending.
//!
//! HTTP 200 acknowledges a notify, whatever the body. Otherwise it is sent again on [`SCHEDULE_MS`], five times in all,
//! each time the same bytes: nothing in it tells when it was sent.

use serde::{Deserialize, Serialize};

use super::UnionPaySimulator;
use super::message::notify_fields;
use super::signing::SignWith;
use super::transaction::Transaction;
use crate::kit::beijing::MINUTE_MS;
use crate::kit::crypto::CryptoError;
use crate::kit::form::Params;
use crate::kit::outbox::Attempt;

/// Pauses between the five sends.
pub(super) const SCHEDULE_MS: [i64; 4] = [MINUTE_MS, 2 * MINUTE_MS, 4 * MINUTE_MS, 5 * MINUTE_MS];
/// Notifies kept per transaction; the oldest is dropped.
const NOTIFIES_MAX: usize = 200;
/// Sends kept per notify: the schedule and as many duplicates as a test may ask for.
const ATTEMPTS_MAX: usize = 120;
/// Of a merchant's answer only the start is kept.
const ANSWER_CHARS_MAX: usize = 500;
/// Sends in one run. A backlog beyond it waits for the next run.
const SENDS_PER_RUN_MAX: usize = 20_000;

/// One message to the merchant and all its sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notify {
    pub(super) number: u32,
    pub(super) url: String,
    /// Everything but certificate and signature.
    pub(super) fields: Params,
    pub(super) sign_with: SignWith,
    pub(super) next_at: Option<i64>,
    /// How many pauses of the schedule are used up.
    step: usize,
    /// Further sends at once, asked for by a test, whatever the merchant answers.
    pub(super) repeats: u32,
    pub(super) attempts: Vec<Attempt>,
    /// A send is under way. Not stored: after a restart nothing is.
    #[serde(skip)]
    pub(super) in_flight: bool,
}

/// A send to be made now.
pub(super) struct Job {
    query_id: String,
    number: u32,
    due: i64,
    url: String,
    fields: Params,
    sign_with: SignWith,
}

impl Transaction {
    /// Queues a notify of the transaction as it stands, due at `at`.
    pub(super) fn queue(&mut self, at: i64) -> Option<&mut Notify> {
        let number = self.notify_count;
        self.notify_count = number.saturating_add(1);
        if self.notifies.len() >= NOTIFIES_MAX {
            self.notifies.remove(0);
        }
        self.notifies.push(Notify {
            number,
            url: self.order.back_url.clone(),
            fields: notify_fields(self),
            sign_with: SignWith::Unionpay,
            next_at: Some(at),
            step: 0,
            repeats: 0,
            attempts: Vec::new(),
            in_flight: false,
        });
        self.notifies.last_mut()
    }

    /// When the next send is due, sends under way left out.
    pub(super) fn notify_due(&self) -> Option<i64> {
        self.notifies.iter().filter(|notify| !notify.in_flight).filter_map(|notify| notify.next_at).min()
    }

    /// Takes the send that is due first; [`Notify::record`] must follow.
    pub(super) fn take_job(&mut self) -> Option<Job> {
        let due = self.notify_due()?;
        let notify = self.notifies.iter_mut().find(|notify| !notify.in_flight && notify.next_at == Some(due))?;
        notify.in_flight = true;
        Some(Job {
            query_id: self.query_id.clone(),
            number: notify.number,
            due,
            url: notify.url.clone(),
            fields: notify.fields.clone(),
            sign_with: notify.sign_with,
        })
    }
}

impl Notify {
    /// Notes a send and sets the time of the next.
    fn record(&mut self, attempt: Attempt, due: i64) {
        self.in_flight = false;
        if self.repeats > 0 {
            self.repeats -= 1;
        } else if attempt.acknowledged {
            self.next_at = None;
        } else {
            self.next_at = SCHEDULE_MS.get(self.step).map(|pause| due.saturating_add(*pause));
            self.step = self.step.saturating_add(1);
        }
        if self.attempts.len() < ATTEMPTS_MAX {
            self.attempts.push(attempt);
        } else {
            self.next_at = None;
        }
    }
}

/// Puts a job back if the sending is dropped half-way, so that it is not lost until the next start.
struct UnderWay<'a> {
    simulator: &'a UnionPaySimulator,
    job: &'a Job,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.simulator.with(|ledger, _| {
            if let Some(notify) = ledger.notify_mut(&self.job.query_id, self.job.number) {
                notify.in_flight = false;
            }
        });
    }
}

/// Sends what is due, earliest first; with `only`, of one transaction.
///
/// A re-send is due a pause after the time the last one was due, so a clock that jumps plays the sends in order. Jobs
/// under way elsewhere are skipped: a merchant may call back and cause another run inside its own answer.
pub(super) async fn run(simulator: &UnionPaySimulator, only: Option<&str>) {
    for _ in 0..SENDS_PER_RUN_MAX {
        let Some((job, now)) = simulator.with(|ledger, now| ledger.take_job(only, now).map(|job| (job, now))) else {
            return;
        };
        let under_way = UnderWay { simulator, job: &job };
        let attempt = send(simulator, &job, now).await;
        simulator.with(|ledger, _| {
            if let Some(notify) = ledger.notify_mut(&job.query_id, job.number) {
                notify.record(attempt, job.due);
                ledger.touch();
            }
        });
        drop(under_way);
    }
}

async fn send(simulator: &UnionPaySimulator, job: &Job, now: i64) -> Attempt {
    let failed = |sent: String, status: Option<u16>, answer: String| Attempt {
        at: now,
        sent,
        status,
        answer,
        acknowledged: false,
    };
    let sent = match signed_form(simulator, job) {
        Ok(sent) => sent,
        Err(error) => return failed(String::new(), None, error.to_string()),
    };
    match simulator.send(job.url.clone(), sent.clone().into_bytes()).await {
        Ok((status, answer)) => {
            let answer = String::from_utf8_lossy(&answer).chars().take(ANSWER_CHARS_MAX).collect();
            Attempt { acknowledged: status == 200, ..failed(sent, Some(status), answer) }
        }
        Err(error) => failed(sent, None, error.chars().take(ANSWER_CHARS_MAX).collect()),
    }
}

fn signed_form(simulator: &UnionPaySimulator, job: &Job) -> Result<String, CryptoError> {
    let mut fields = job.fields.clone();
    let charset = simulator.with(|ledger, _| ledger.charset);
    simulator.registry().seals.by(job.sign_with).sign(&mut fields, charset)?;
    Ok(charset.form(fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
}
