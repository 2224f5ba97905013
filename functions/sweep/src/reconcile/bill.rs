//! A provider's bill of a day: fetched once, and read as often as need be.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use domain::{Day, Listed, ListedRefund, TransactionId, UnreadableLine};
use outbound::Bounds;
use providers::{
    Account, BillAnswer, BillEvent, BillLine, BillPacking, MessageProblem, Moment, ProviderError, Reading,
    UnreadableText,
};
use runtime::{ApiError, Question};

use super::DayComparison;
use crate::unpack::{self, Piece};

/// A packed bill of three million lines. With one window and a page of our books it is far within the function's memory of 512 MB.
const BILL_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(120), body_bytes_max: 96 * 1024 * 1024 };
const CALL_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(10), body_bytes_max: 256 * 1024 };

/// With more unreadable lines than this, the file is not a bill in a known form.
const UNREAD_MAX: usize = 10_000;

/// A bill as it arrived; empty if nothing happened on that day.
pub(super) struct Bill(Option<Packed>);

struct Packed {
    file: Bytes,
    packing: BillPacking,
    sha1: Option<String>,
}

/// The lines of a bill that cannot be read. Nothing is concluded about the orders that they name.
#[derive(Debug, Default)]
pub(super) struct Unread {
    pub(super) lines: Vec<UnreadLine>,
    orders: HashSet<TransactionId>,
}

/// A line that cannot be read.
#[derive(Debug)]
pub(super) struct UnreadLine {
    /// The order that it names, if it names one of ours.
    pub(super) order: Option<TransactionId>,
    pub(super) line: UnreadableLine,
}

impl Unread {
    /// Whether one of them names this order.
    pub(super) fn names(&self, order: &TransactionId) -> bool {
        self.orders.contains(order)
    }

    fn add(&mut self, text: UnreadableText, file: i64, number: i64) -> Result<(), ProviderError> {
        if self.lines.len() == UNREAD_MAX {
            return Err(MessageProblem::BillUnreadable { lines_max: UNREAD_MAX, problem: text.problem }.into());
        }
        let UnreadableText { order, problem, excerpt } = text;
        self.orders.extend(order.clone());
        self.lines.push(UnreadLine { order, line: UnreadableLine { file, number, problem: problem.into(), excerpt } });
        Ok(())
    }
}

impl Bill {
    /// Whether the provider says that nothing happened.
    pub(super) fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// Calls `each` with the lines that look like ours. Returns the lines that cannot be read.
    ///
    /// # Errors
    /// [`ProviderError::Unclear`]; then nothing is concluded from the lines that `each` got before.
    pub(super) fn read(&self, account: &Account, mut each: impl FnMut(Listed)) -> Result<Unread, ProviderError> {
        let mut unread = Unread::default();
        let (Some(packed), Some(mut reader)) = (&self.0, account.bill_reader()) else { return Ok(unread) };
        let (mut file, mut number) = (0, 0);
        unpack::read_pieces(packed.file.clone(), packed.packing, packed.sha1.as_deref(), |piece| {
            let line = match piece {
                Piece::File { name, head } => {
                    (file, number) = (file + 1, 0);
                    reader.begin(name, head);
                    return Ok(());
                }
                Piece::Line(line) => line,
            };
            number += 1;
            match reader.read(line) {
                Reading::Nothing => {}
                Reading::Line(line) => each(listed(line)),
                Reading::Unreadable(text) => unread.add(text, file, number)?,
            }
            Ok(())
        })?;
        reader.complete()?;
        Ok(unread)
    }
}

fn listed(line: BillLine) -> Listed {
    let refund = match line.event {
        BillEvent::Paid => None,
        BillEvent::Refunded { num, is_done } => Some(ListedRefund { num, is_done }),
    };
    Listed { transaction: line.order, refund, fee: line.fee }
}

impl DayComparison<'_> {
    /// Fetches the provider's bill of a day.
    ///
    /// # Errors
    /// [`ApiError`]: the provider has none yet, or cannot be asked.
    pub(super) async fn fetch(&self, day: &Day) -> Result<Bill, ApiError> {
        let services = &self.deps.services;
        let outbound = &self.deps.outbound;
        let Some((configured, account)) = self.open().await? else { return Ok(Bill(None)) };
        let moment = Moment { now: services.clock.now(), nonce: services.random.nonce()? };
        let question = Question {
            configured: &configured,
            key: self.merchant.key(),
            account: &account,
            outbound,
            bounds: if account.brings_bill() { BILL_BOUNDS } else { CALL_BOUNDS },
            moment: &moment,
        };
        let call = account.bill(day.as_str(), &moment)?;
        // The call for the file is signed, too, and no signature may be used twice.
        let later = Moment { now: services.clock.now(), nonce: services.random.nonce()? };
        let read = |account: &Account, answer: &_| account.read_bill(answer, &later);
        let download = match services.ask(&question, call, read).await?.content {
            BillAnswer::Nothing => return Ok(Bill(None)),
            BillAnswer::Here { file, packing } => return Ok(Bill(Some(Packed { file, packing, sha1: None }))),
            BillAnswer::At(download) => download,
        };
        let packed = outbound.send(download.request, BILL_BOUNDS).await?;
        if packed.status() != http::StatusCode::OK {
            let status = packed.status().as_u16();
            return Err(ProviderError::from(MessageProblem::BillHttp { status }).into());
        }
        Ok(Bill(Some(Packed { file: packed.into_body(), packing: download.packing, sha1: download.sha1 })))
    }
}
