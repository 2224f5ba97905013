//! Notifies: queues, schedules and writes them.
//!
//! HTTP 200 with exactly the body `success` acknowledges a notify. Otherwise it is sent again on [`SCHEDULE_MS`], eight times in
//! all, each time with the same `notify_id` and a new `notify_time`, so it is signed again.

use super::letter::{Letter, Notify};
use super::merchants::Merchants;
use super::signer::{Event, SignWith, Signer};
use super::simulator::Simulator;
use super::trade::{Protocol, Trade};
use super::{mapi, openapi};
use crate::kit::beijing::{HOUR_MS, MINUTE_MS, date, seconds};
use crate::kit::charset::Charset;
use crate::kit::form;
use crate::kit::outbox::{self, Message, Outbox};
use crate::kit::owner::{NotifySender, SimulatorError};

/// Pauses between the eight sends.
pub(super) const SCHEDULE_MS: [i64; 7] =
    [4 * MINUTE_MS, 10 * MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 6 * HOUR_MS, 15 * HOUR_MS];
/// `notify_verify` of the legacy gateway answers `true` for about a minute after a send.
pub(super) const VERIFIABLE_MS: i64 = MINUTE_MS;

type Job = outbox::Job<Letter, Manner>;

/// The facts of a trade and of the simulator that the message needs.
pub(crate) struct Manner {
    protocol: Protocol,
    merchant: String,
    sign_type: String,
    charset: Charset,
}

impl Trade {
    /// Queues the notify of `event`, due at `at`. An order without a notify address gets none.
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
        let letter = Letter { notify_id, url, fields, sign_with: SignWith::Alipay, last_sent_at: None };
        self.notifies.queue(letter, at)
    }
}

impl Outbox for Simulator {
    type Letter = Letter;
    type Manner = Manner;

    fn take(&self, only: Option<&str>) -> Option<Job> {
        self.with(|ledger, now| {
            let charset = ledger.charset;
            let trade = ledger.orders.due_mut(only, now)?;
            let notify = trade.notifies.take()?;
            // Set before the send, because the merchant may call `notify_verify` during it.
            notify.letter.last_sent_at = Some(now);
            Some(Job {
                trade: trade.trade_no.clone(),
                letter: notify.letter.clone(),
                sends: notify.attempts.len(),
                at: now,
                manner: Manner {
                    protocol: trade.order.protocol,
                    merchant: trade.order.merchant.clone(),
                    sign_type: trade.order.sign_type.clone(),
                    charset,
                },
            })
        })
    }

    fn change(&self, job: &Job, change: impl FnOnce(&mut Notify)) {
        self.with(|ledger, _| ledger.notify_mut(&job.trade, &job.letter.notify_id).map(change));
    }

    fn write(&self, job: &Job) -> Result<Message, String> {
        let body = signed_form(self.merchants(), job).map_err(|error| error.to_string())?;
        Ok(Message { url: job.letter.url.clone(), headers: Vec::new(), body })
    }

    fn is_acknowledged(&self, _job: &Job, status: u16, answer: &[u8]) -> bool {
        status == 200 && answer == b"success"
    }

    fn pauses_ms(&self, _letter: &Letter) -> &'static [i64] {
        &SCHEDULE_MS
    }

    fn sender(&self) -> &NotifySender {
        self.sender()
    }
}

fn signed_form(merchants: &Merchants, job: &Job) -> Result<String, SimulatorError> {
    let Manner { protocol, merchant, sign_type, charset } = &job.manner;
    let (charset, sign_with) = (*charset, job.letter.sign_with);
    let mut fields = job.letter.fields.clone();
    fields.insert("notify_time".to_owned(), seconds(job.at));
    let signer = Signer { merchants, merchant, sign_type, sign_with, charset };
    match (*protocol, charset) {
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

/// The merchant's `return_url` with the signed result, for the buyer's browser.
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
