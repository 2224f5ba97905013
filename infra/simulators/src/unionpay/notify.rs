//! Notifies: queues, schedules and writes them.
//!
//! HTTP 200 acknowledges a notify, whatever the body. Otherwise it is sent again on [`SCHEDULE_MS`], five times in all, each time
//! with the same bytes: it contains no time of sending.

use super::letter::{Letter, Notify};
use super::message::notify_fields;
use super::signing::SignWith;
use super::simulator::Simulator;
use super::transaction::Transaction;
use crate::kit::beijing::MINUTE_MS;
use crate::kit::charset::Charset;
use crate::kit::outbox::{self, Message, Outbox};
use crate::kit::owner::NotifySender;

/// Pauses between the five sends.
pub(super) const SCHEDULE_MS: [i64; 4] = [MINUTE_MS, 2 * MINUTE_MS, 4 * MINUTE_MS, 5 * MINUTE_MS];

type Job = outbox::Job<Letter, Charset>;

impl Transaction {
    /// Queues a notify of the transaction in its present state, due at `at`.
    pub(super) fn queue(&mut self, at: i64) -> Option<&mut Notify> {
        let number = self.notify_count;
        self.notify_count = number.saturating_add(1);
        let (url, fields) = (self.order.back_url.clone(), notify_fields(self));
        self.notifies.queue(Letter { number, url, fields, sign_with: SignWith::Unionpay }, at)
    }
}

impl Outbox for Simulator {
    type Letter = Letter;
    type Manner = Charset;

    fn take(&self, only: Option<&str>) -> Option<Job> {
        self.with(|ledger, now| {
            let charset = ledger.charset;
            let transaction = ledger.orders.due_mut(only, now)?;
            let notify = transaction.notifies.take()?;
            Some(Job {
                trade: transaction.query_id.clone(),
                letter: notify.letter.clone(),
                sends: notify.attempts.len(),
                at: now,
                manner: charset,
            })
        })
    }

    fn change(&self, job: &Job, change: impl FnOnce(&mut Notify)) {
        self.with(|ledger, _| ledger.notify_mut(&job.trade, job.letter.number).map(change));
    }

    fn write(&self, job: &Job) -> Result<Message, String> {
        let (mut fields, charset) = (job.letter.fields.clone(), job.manner);
        let signed = self.registry().seals.by(job.letter.sign_with).sign(&mut fields, charset);
        signed.map_err(|error| error.to_string())?;
        let body = charset.form(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        Ok(Message { url: job.letter.url.clone(), headers: Vec::new(), body })
    }

    fn is_acknowledged(&self, _job: &Job, status: u16, _answer: &[u8]) -> bool {
        status == 200
    }

    fn pauses_ms(&self, _letter: &Letter) -> &'static [i64] {
        &SCHEDULE_MS
    }

    fn sender(&self) -> &NotifySender {
        self.sender()
    }
}
