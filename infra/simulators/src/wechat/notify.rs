//! Notifies: queues, schedules and writes them.
//!
//! The first send is at once. If it is not acknowledged, it is sent again after each pause of [`SCHEDULE_MS`], with the same id and
//! everything else fresh: timestamp, nonce, encryption, signature.

use super::letter::{Content, Desk, Forgery, Job, Letter, Manner, Notify};
use super::simulator::Simulator;
use super::trade::{Refund, Trade, Version};
use super::{v2, v3};
use crate::kit::beijing::{HOUR_MS, MINUTE_MS};
use crate::kit::outbox::{Message, Outbox};
use crate::kit::owner::{NotifySender, SimulatorError};

const SECOND_MS: i64 = 1_000;
/// Pauses after the first send: fifteen, together 24 h 4 m.
#[rustfmt::skip]
pub(super) const SCHEDULE_MS: [i64; 15] = [
    15 * SECOND_MS, 15 * SECOND_MS, 30 * SECOND_MS,
    3 * MINUTE_MS, 10 * MINUTE_MS, 20 * MINUTE_MS, 30 * MINUTE_MS, 30 * MINUTE_MS, 30 * MINUTE_MS, 60 * MINUTE_MS,
    3 * HOUR_MS, 3 * HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 6 * HOUR_MS,
];
impl Trade {
    /// Queues the notify of the payment, due at `at`, with the order's content from `claim`.
    pub(super) fn queue_payment(&mut self, claim: &Self, at: i64) -> Option<&mut Notify> {
        let content = match self.order.version {
            Version::V3 => v3::message::payment(claim),
            Version::V2 => v2::message::payment(claim),
        };
        let url = self.order.notify_url.clone();
        self.queue(url, content, at)
    }

    /// Queues the notify of a refund's result. A refund without a notify address gets none.
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
        self.notifies.queue(Letter { id, url, created_at: at, content, forgery: Forgery::default() }, at)
    }
}

impl Outbox for Simulator {
    type Letter = Letter;
    type Manner = Manner;

    fn take(&self, only: Option<&str>) -> Option<Job> {
        self.with(|ledger, now| {
            let stage = ledger.stage;
            let trade = ledger.orders.due_mut(only, now)?;
            let notify = trade.notifies.take()?;
            Some(Job {
                trade: trade.number.clone(),
                letter: notify.letter.clone(),
                sends: notify.attempts.len(),
                at: now,
                manner: Manner {
                    mch_id: trade.order.mch_id.clone(),
                    version: trade.order.version,
                    sign_type: trade.order.sign_type,
                    stage,
                },
            })
        })
    }

    fn change(&self, job: &Job, change: impl FnOnce(&mut Notify)) {
        self.with(|ledger, _| ledger.notify_mut(&job.trade, &job.letter.id).map(change));
    }

    fn write(&self, job: &Job) -> Result<Message, String> {
        let (merchants, mch_id) = (self.merchants(), &job.manner.mch_id);
        let merchant = merchants
            .find(mch_id)
            .ok_or_else(|| SimulatorError::UnknownMerchant { merchant: mch_id.clone() }.to_string())?;
        let desk = Desk { merchants, merchant };
        let written = match job.manner.version {
            Version::V3 => v3::message::write(&desk, job),
            Version::V2 => v2::message::write(&desk, job),
        };
        written.map_err(|error| error.to_string())
    }

    fn is_acknowledged(&self, job: &Job, status: u16, answer: &[u8]) -> bool {
        match job.manner.version {
            Version::V3 => matches!(status, 200 | 204),
            Version::V2 => status == 200 && v2::message::is_success(answer),
        }
    }

    fn pauses_ms(&self, letter: &Letter) -> &'static [i64] {
        if letter.forgery.probe { &[] } else { &SCHEDULE_MS }
    }

    fn sender(&self) -> &NotifySender {
        self.sender()
    }
}
