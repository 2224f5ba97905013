//! Notifies: what is queued, when it is sent again, and the sending.
//!
//! The first send is at once. One that is not acknowledged is sent again after each pause of [`SCHEDULE_MS`], with the same
//! id and everything else fresh: timestamp, nonce, encryption, signature.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::merchants::{Merchant, Merchants, Stage};
use super::trade::{Refund, Trade, Version};
use super::{Simulator, v2, v3};
use crate::kit::beijing::{HOUR_MS, MINUTE_MS};
use crate::kit::form::Params;
use crate::kit::owner::SimulatorError;

const SECOND_MS: i64 = 1_000;
/// Pauses after the first send: fifteen, together 24 h 4 m.
#[rustfmt::skip]
pub(super) const SCHEDULE_MS: [i64; 15] = [
    15 * SECOND_MS, 15 * SECOND_MS, 30 * SECOND_MS,
    3 * MINUTE_MS, 10 * MINUTE_MS, 20 * MINUTE_MS, 30 * MINUTE_MS, 30 * MINUTE_MS, 30 * MINUTE_MS, 60 * MINUTE_MS,
    3 * HOUR_MS, 3 * HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 6 * HOUR_MS,
];
/// Notifies kept per order; the oldest is dropped. An order with fifty refunds has as many.
const NOTIFIES_MAX: usize = 200;
/// Sends kept per notify: the schedule and as many duplicates as a test may ask for.
const ATTEMPTS_MAX: usize = 120;
/// Of a merchant's answer only the start is kept.
const ANSWER_CHARS_MAX: usize = 500;
/// Sends in one run. A backlog beyond it waits for the next run.
const SENDS_PER_RUN_MAX: usize = 20_000;

/// Whose key signs. v2 knows only the right key and, for everything but `wechat`, a wrong one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum SignWith {
    /// What WeChat would use; for a merchant with certificate and public key both kinds, in turn.
    #[default]
    Wechat,
    Certificate,
    NextCertificate,
    PublicKey,
    /// The merchant's own key under WeChat's serial: some gateways verify with the wrong certificate.
    Merchant,
    /// A key that belongs to nobody, under WeChat's serial.
    Other,
    /// A serial that WeChat never had.
    UnknownSerial,
}

/// How a notify differs from an honest one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Forgery {
    pub(super) sign_with: SignWith,
    /// v3: WeChat's own test of the merchant's checks. Sent once; the merchant should answer 4xx or 5xx.
    pub(super) probe: bool,
    /// v3: added to the header's timestamp, which is signed as it is sent.
    pub(super) skew_seconds: i64,
    /// One byte of the body is changed after signing.
    pub(super) tamper: bool,
    /// v3: encrypted under another APIv3 key, signed rightly.
    pub(super) wrong_api_key: bool,
}

/// What a notify says, before encryption and signature.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(super) enum Content {
    #[serde(rename_all = "camelCase")]
    V3 { event_type: String, original_type: String, summary: String, resource: Value },
    /// All but `nonce_str` and `sign`.
    V2 { fields: Params },
    /// v2 refund notifies are not signed: who can encrypt `req_info` is trusted.
    #[serde(rename_all = "camelCase")]
    V2Refund { fields: Params, req_info: String },
}

/// One message to the merchant and all its sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notify {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) created_at: i64,
    pub(super) content: Content,
    pub(super) forgery: Forgery,
    pub(super) next_at: Option<i64>,
    /// How many pauses of the schedule are used up.
    step: usize,
    /// Further sends at once, asked for by a test, whatever the merchant answers.
    pub(super) repeats: u32,
    pub(super) attempts: Vec<Attempt>,
    /// A send is under way. Not stored: after a restart nothing is.
    #[serde(skip)]
    in_flight: bool,
}

/// One send.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attempt {
    pub(super) at: i64,
    pub(super) headers: Vec<(String, String)>,
    pub(super) sent: String,
    pub(super) status: Option<u16>,
    pub(super) answer: String,
    pub(super) acknowledged: bool,
}

/// A send to be made now.
#[derive(Clone)]
pub(super) struct Job {
    number: String,
    mch_id: String,
    version: Version,
    due: i64,
    /// How many sends came before.
    pub(super) sends: usize,
    pub(super) notify: Notify,
    pub(super) sign_type: super::crypto::SignType,
}

/// A message ready to go: headers and body.
pub(super) struct Message {
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// What is needed to write a message.
pub(super) struct Desk<'a> {
    pub(super) merchants: &'a Merchants,
    pub(super) merchant: &'a Merchant,
    pub(super) stage: Stage,
    pub(super) now: i64,
}

impl Trade {
    /// Queues the notify of the payment, due at `at`, with what `claim` says about the order.
    pub(super) fn queue_payment(&mut self, claim: &Self, at: i64) -> Option<&mut Notify> {
        let content = match self.order.version {
            Version::V3 => v3::message::payment(claim),
            Version::V2 => v2::message::payment(claim),
        };
        let url = self.order.notify_url.clone();
        self.queue(url, content, at)
    }

    /// Queues the notify of a refund's result. Refunds without a notify address have none.
    pub(super) fn queue_refund(&mut self, refund: &Refund, at: i64) -> Option<&mut Notify> {
        let url = refund.notify_url.clone()?;
        let content = match self.order.version {
            Version::V3 => v3::message::refund(self, refund),
            Version::V2 => v2::message::refund(self, refund),
        };
        self.queue(url, content, at)
    }

    fn queue(&mut self, url: String, content: Content, at: i64) -> Option<&mut Notify> {
        let id = format!("EV-{at}{}{:04}", self.number, self.notify_count);
        self.notify_count = self.notify_count.saturating_add(1);
        if self.notifies.len() >= NOTIFIES_MAX {
            self.notifies.remove(0);
        }
        self.notifies.push(Notify {
            id,
            url,
            created_at: at,
            content,
            forgery: Forgery::default(),
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

    /// Takes the send that is due first; [`Notify::record`] or the end of [`UnderWay`] must follow.
    pub(super) fn take_job(&mut self) -> Option<Job> {
        let due = self.notify_due()?;
        let notify = self.notifies.iter_mut().find(|notify| !notify.in_flight && notify.next_at == Some(due))?;
        notify.in_flight = true;
        Some(Job {
            number: self.number.clone(),
            mch_id: self.order.mch_id.clone(),
            version: self.order.version,
            due,
            sends: notify.attempts.len(),
            notify: notify.clone(),
            sign_type: self.order.sign_type,
        })
    }
}

impl Notify {
    /// Notes a send and sets the time of the next.
    fn record(&mut self, attempt: Attempt, due: i64) {
        self.in_flight = false;
        if self.repeats > 0 {
            self.repeats -= 1;
        } else if attempt.acknowledged || self.forgery.probe {
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
            if let Some(notify) = ledger.notify_mut(&self.job.number, &self.job.notify.id) {
                notify.in_flight = false;
            }
        });
    }
}

/// Sends what is due, earliest first; with `only`, of one order.
///
/// A re-send is due a pause after the time the last one was due, so a clock that jumps a day plays the day's sends in
/// order. Jobs under way elsewhere are skipped: a merchant may call back and cause another run inside its own answer.
pub(super) async fn run(simulator: &Simulator, only: Option<&str>) {
    for _ in 0..SENDS_PER_RUN_MAX {
        let taken = simulator.with(|ledger, now| ledger.take_job(only, now).map(|job| (job, now, ledger.stage)));
        let Some((job, now, stage)) = taken else {
            return;
        };
        let under_way = UnderWay { simulator, job: &job };
        let attempt = send(simulator, &job, (now, stage)).await;
        simulator.with(|ledger, _| {
            if let Some(notify) = ledger.notify_mut(&job.number, &job.notify.id) {
                notify.record(attempt, job.due);
                ledger.touch();
            }
        });
        drop(under_way);
    }
}

async fn send(simulator: &Simulator, job: &Job, (now, stage): (i64, Stage)) -> Attempt {
    let mut attempt = Attempt {
        at: now,
        headers: Vec::new(),
        sent: String::new(),
        status: None,
        answer: String::new(),
        acknowledged: false,
    };
    let request = write(simulator.merchants(), job, (now, stage)).and_then(|message| {
        attempt.headers = message.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        attempt.sent.clone_from(&message.body);
        request(&job.notify.url, message)
    });
    let answered = match request {
        Ok(request) => simulator.send(request).await,
        Err(why) => Err(why),
    };
    match answered {
        Ok((status, body)) => {
            attempt.acknowledged = acknowledged(job.version, status, &body);
            attempt.status = Some(status);
            attempt.answer = String::from_utf8_lossy(&body).chars().take(ANSWER_CHARS_MAX).collect();
        }
        Err(error) => attempt.answer = error.chars().take(ANSWER_CHARS_MAX).collect(),
    }
    attempt
}

fn write(merchants: &Merchants, job: &Job, (now, stage): (i64, Stage)) -> Result<Message, String> {
    let merchant = merchants
        .find(&job.mch_id)
        .ok_or_else(|| SimulatorError::UnknownMerchant { merchant: job.mch_id.clone() }.to_string())?;
    let desk = Desk { merchants, merchant, stage, now };
    let written = match job.version {
        Version::V3 => v3::message::write(&desk, job),
        Version::V2 => v2::message::write(&desk, job),
    };
    written.map_err(|error| error.to_string())
}

fn request(url: &str, message: Message) -> Result<Request<Bytes>, String> {
    let mut request = Request::builder().method(Method::POST).uri(url);
    for (name, value) in message.headers {
        let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
        let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
        request = request.header(name, value);
    }
    request.body(Bytes::from(message.body)).map_err(|error| error.to_string())
}

fn acknowledged(version: Version, status: u16, body: &[u8]) -> bool {
    match version {
        Version::V3 => matches!(status, 200 | 204),
        Version::V2 => status == 200 && v2::message::is_success(body),
    }
}

/// Changes one byte in the middle of a text and leaves it a text: what a man in the middle would do.
pub(super) fn tampered(body: &str) -> String {
    let middle = body.len() / 2;
    let at =
        body.char_indices().find(|(at, sign)| *at >= middle && sign.is_ascii_alphanumeric()).map_or(0, |(at, _)| at);
    body.char_indices()
        .map(|(index, sign)| match sign {
            '7' if index == at => '8',
            _ if index == at => '7',
            other => other,
        })
        .collect()
}
