//! Notifies: what is queued, when it is sent again, and the sending.
//!
//! A notify is acknowledged by HTTP 200 with the body `success` and nothing else. Otherwise it is sent again on
//! [`SCHEDULE_MS`], eight times in all, each time with the same `notify_id` and a new `notify_time`, so it is signed anew.

use serde::{Deserialize, Serialize};

use super::merchants::Merchants;
use super::trade::{Protocol, Trade};
use super::{Simulator, mapi, openapi};
use crate::kit::beijing::{HOUR_MS, MINUTE_MS, date, seconds};
use crate::kit::charset::Charset;
use crate::kit::form::{self, Params};
use crate::kit::outbox::Attempt;
use crate::kit::owner::SimulatorError;

/// Pauses between the eight sends.
pub(super) const SCHEDULE_MS: [i64; 7] =
    [4 * MINUTE_MS, 10 * MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 6 * HOUR_MS, 15 * HOUR_MS];
/// Notifies kept per trade; the oldest is dropped. A trade with fifty partial refunds has as many.
const NOTIFIES_MAX: usize = 200;
/// Sends kept per notify: the schedule and as many duplicates as a test may ask for.
const ATTEMPTS_MAX: usize = 120;
/// Of a merchant's answer only the start is kept; the right one has seven characters.
const ANSWER_CHARS_MAX: usize = 500;
/// Sends in one run. A backlog beyond it waits for the next run.
const SENDS_PER_RUN_MAX: usize = 20_000;
/// `notify_verify` of the legacy gateway answers `true` for about a minute after a send.
pub(super) const VERIFIABLE_MS: i64 = MINUTE_MS;

/// What a notify tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Paid,
    Closed,
    Refunded,
    Finished,
}

/// Whose key signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum SignWith {
    #[default]
    Alipay,
    /// A key that belongs to nobody: the merchant must refuse.
    Other,
}

/// One message to the merchant and all its sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notify {
    pub(super) notify_id: String,
    pub(super) url: String,
    /// Everything but `notify_time`, `sign` and `sign_type`, which are made at each send.
    pub(super) fields: Params,
    pub(super) sign_with: SignWith,
    pub(super) next_at: Option<i64>,
    /// How many pauses of the schedule are used up.
    step: usize,
    /// Further sends at once, asked for by a test, whatever the merchant answers.
    pub(super) repeats: u32,
    pub(super) last_sent_at: Option<i64>,
    pub(super) attempts: Vec<Attempt>,
    /// A send is under way. Not stored: after a restart nothing is.
    #[serde(skip)]
    pub(super) in_flight: bool,
}

/// A send to be made now.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) trade_no: String,
    pub(super) notify_id: String,
    pub(super) due: i64,
    pub(super) url: String,
    fields: Params,
    sign_with: SignWith,
    protocol: Protocol,
    merchant: String,
    sign_type: String,
}

impl Trade {
    /// Queues the notify of `event`, due at `at`. Orders without a notify address have none.
    pub(super) fn queue(&mut self, event: Event, at: i64) -> Option<&mut Notify> {
        let url = self.order.notify_url.clone()?;
        let tail: String = self.trade_no.chars().skip(self.trade_no.len().saturating_sub(15)).collect();
        let notify_id = format!("{}00222{tail}{:04}", date(at), self.notify_count);
        self.notify_count = self.notify_count.saturating_add(1);
        let mut fields = match self.order.protocol {
            Protocol::Openapi => openapi::message::notify_fields(self, event),
            Protocol::Mapi => mapi::message::notify_fields(self, event),
        };
        fields.insert("notify_id".to_owned(), notify_id.clone());
        if self.notifies.len() >= NOTIFIES_MAX {
            self.notifies.remove(0);
        }
        self.notifies.push(Notify {
            notify_id,
            url,
            fields,
            sign_with: SignWith::Alipay,
            next_at: Some(at),
            step: 0,
            repeats: 0,
            last_sent_at: None,
            attempts: Vec::new(),
            in_flight: false,
        });
        self.notifies.last_mut()
    }

    /// When the next send is due, sends under way left out.
    pub(super) fn notify_due(&self) -> Option<i64> {
        self.notifies.iter().filter(|notify| !notify.in_flight).filter_map(|notify| notify.next_at).min()
    }

    /// Takes the send that is due first; [`Notify::record`] must follow, or [`UnderWay`] puts it back.
    pub(super) fn take_job(&mut self, now: i64) -> Option<Job> {
        let due = self.notify_due()?;
        let notify = self.notifies.iter_mut().find(|notify| !notify.in_flight && notify.next_at == Some(due))?;
        notify.in_flight = true;
        // Before the send, because the merchant asks `notify_verify` while it is under way.
        notify.last_sent_at = Some(now);
        Some(Job {
            trade_no: self.trade_no.clone(),
            notify_id: notify.notify_id.clone(),
            due,
            url: notify.url.clone(),
            fields: notify.fields.clone(),
            sign_with: notify.sign_with,
            protocol: self.order.protocol,
            merchant: self.order.merchant.clone(),
            sign_type: self.order.sign_type.clone(),
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
    simulator: &'a Simulator,
    job: &'a Job,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.simulator.with(|ledger, _| {
            if let Some(notify) = ledger.notify_mut(&self.job.trade_no, &self.job.notify_id) {
                notify.in_flight = false;
            }
        });
    }
}

/// Sends what is due, earliest first; with `only`, of one trade.
///
/// A re-send is due a pause after the time the last one was due, so a clock that jumps a day plays the day's sends in
/// order. Jobs under way elsewhere are skipped: a merchant may call back and cause another run inside its own answer.
pub(super) async fn run(simulator: &Simulator, only: Option<&str>) {
    for _ in 0..SENDS_PER_RUN_MAX {
        let taken = simulator.with(|ledger, now| ledger.take_job(only, now).map(|job| (job, now, ledger.charset)));
        let Some((job, now, charset)) = taken else {
            return;
        };
        let under_way = UnderWay { simulator, job: &job };
        let attempt = send(simulator, &job, (now, charset)).await;
        simulator.with(|ledger, _| {
            if let Some(notify) = ledger.notify_mut(&job.trade_no, &job.notify_id) {
                notify.record(attempt, job.due);
                ledger.touch();
            }
        });
        drop(under_way);
    }
}

async fn send(simulator: &Simulator, job: &Job, (now, charset): (i64, Charset)) -> Attempt {
    let failed = |sent: String, status: Option<u16>, answer: String| Attempt {
        at: now,
        sent,
        status,
        answer,
        acknowledged: false,
    };
    let sent = match signed_form(simulator.merchants(), job, (now, charset)) {
        Ok(sent) => sent,
        Err(error) => return failed(String::new(), None, error.to_string()),
    };
    match simulator.send(job.url.clone(), sent.clone().into_bytes()).await {
        Ok((status, answer)) => Attempt {
            acknowledged: status == 200 && answer == b"success",
            ..failed(sent, Some(status), String::from_utf8_lossy(&answer).chars().take(ANSWER_CHARS_MAX).collect())
        },
        Err(error) => failed(sent, None, error.chars().take(ANSWER_CHARS_MAX).collect()),
    }
}

fn signed_form(merchants: &Merchants, job: &Job, (now, charset): (i64, Charset)) -> Result<String, SimulatorError> {
    let mut fields = job.fields.clone();
    fields.insert("notify_time".to_owned(), seconds(now));
    let (merchant, sign_type, sign_with) = (job.merchant.as_str(), job.sign_type.as_str(), job.sign_with);
    let signer = Signer { merchants, merchant, sign_type, sign_with, charset };
    match (job.protocol, charset) {
        (Protocol::Openapi, _) => {
            fields.insert("charset".to_owned(), charset.name().to_owned());
            openapi::message::sign(&signer, &mut fields)?;
        }
        (Protocol::Mapi, Charset::Gbk) => {
            fields.insert("_input_charset".to_owned(), charset.name().to_owned());
            mapi::message::sign(&signer, &mut fields)?;
        }
        (Protocol::Mapi, Charset::Utf8) => mapi::message::sign(&signer, &mut fields)?,
    }
    Ok(charset.form(fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
}

/// Who signs a message to the merchant's side, and how.
pub(super) struct Signer<'a> {
    pub(super) merchants: &'a Merchants,
    pub(super) merchant: &'a str,
    pub(super) sign_type: &'a str,
    pub(super) sign_with: SignWith,
    pub(super) charset: Charset,
}

/// The merchant's `return_url` with the signed result, which the buyer's browser carries back.
pub(super) fn return_address(merchants: &Merchants, trade: &Trade, now: i64) -> Result<Option<String>, SimulatorError> {
    let Some(url) = &trade.order.return_url else {
        return Ok(None);
    };
    let order = &trade.order;
    let (merchant, sign_type, sign_with) = (order.merchant.as_str(), order.sign_type.as_str(), SignWith::Alipay);
    let signer = Signer { merchants, merchant, sign_type, sign_with, charset: Charset::Utf8 };
    let fields = match order.protocol {
        Protocol::Openapi => {
            let mut fields = openapi::message::return_fields(trade, now);
            openapi::message::sign(&signer, &mut fields)?;
            fields
        }
        Protocol::Mapi => {
            let mut fields = mapi::message::return_fields(trade, now);
            mapi::message::sign(&signer, &mut fields)?;
            fields
        }
    };
    let query = form::encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let joint = if url.contains('?') { '&' } else { '?' };
    Ok(Some(format!("{url}{joint}{query}")))
}
