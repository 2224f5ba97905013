//! A provider's bill of a day: fetched once, and read as often as need be.

use std::time::Duration;

use bytes::Bytes;
use domain::{Day, Listed, ListedRefund, TransactionId};
use outbound::Bounds;
use providers::{Account, BillAnswer, BillEvent, BillLine, BillPacking, Moment, ProviderError};
use runtime::{ApiError, Question};

use super::Books;
use crate::unpack;

/// A packed bill of three million lines. With one window and a page of our books it is far within the function's memory of 512 MB.
const BILL_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(120), body_bytes_max: 96 * 1024 * 1024 };
const CALL_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(10), body_bytes_max: 256 * 1024 };

/// A bill as it came; empty if nothing happened on that day.
pub(super) struct Bill(Option<Packed>);

struct Packed {
    file: Bytes,
    packing: BillPacking,
    sha1: Option<String>,
}

impl Bill {
    /// Hands out the lines that look like ours.
    ///
    /// # Errors
    /// [`ProviderError::Unclear`]; nothing is to be concluded from the lines that were handed out by then.
    pub(super) fn read(&self, account: &Account, mut each: impl FnMut(Listed)) -> Result<(), ProviderError> {
        let (Some(packed), Some(mut reader)) = (&self.0, account.bill_reader()) else { return Ok(()) };
        unpack::read_lines(packed.file.clone(), packed.packing, packed.sha1.as_deref(), |line| {
            if let Some(line) = reader.read(line)?
                && let Ok(order) = TransactionId::parse(&line.order)
            {
                each(listed(order, line));
            }
            Ok(())
        })?;
        if reader.had_heading() {
            return Ok(());
        }
        Err(ProviderError::Unclear { reason: "the bill has no heading".to_owned() })
    }
}

fn listed(transaction: TransactionId, line: BillLine) -> Listed {
    let refund = match line.event {
        BillEvent::Paid => None,
        BillEvent::Refunded { num, is_done } => Some(ListedRefund { num, is_done }),
    };
    Listed { transaction, refund, fee: line.fee }
}

impl Books<'_> {
    /// Fetches the provider's bill of a day.
    ///
    /// # Errors
    /// [`ApiError`]: the provider has none yet, or cannot be asked.
    pub(super) async fn fetch(&self, day: &Day) -> Result<Bill, ApiError> {
        let base = &self.deps.base;
        let outbound = &self.deps.settlement.outbound;
        let Some((configured, account)) = self.open().await? else { return Ok(Bill(None)) };
        let moment = Moment { now: base.clock.now(), nonce: base.random.nonce()? };
        let question = Question {
            configured: &configured,
            key: self.holding.key(),
            account: &account,
            outbound,
            bounds: CALL_BOUNDS,
            moment: &moment,
        };
        let call = account.bill(day.as_str(), &moment)?;
        // The call for the file is signed, too, and no signature may be used twice.
        let later = Moment { now: base.clock.now(), nonce: base.random.nonce()? };
        let read = |account: &Account, answer: &_| account.read_bill(answer, &later);
        let download = match base.ask(&question, call, read).await?.1 {
            BillAnswer::Nothing => return Ok(Bill(None)),
            BillAnswer::At(download) => download,
        };
        let packed = outbound.send(download.request, BILL_BOUNDS).await?;
        if packed.status() != http::StatusCode::OK {
            let reason = format!("the bill was answered with HTTP status {}", packed.status().as_u16());
            return Err(ProviderError::Unclear { reason }.into());
        }
        Ok(Bill(Some(Packed { file: packed.into_body(), packing: download.packing, sha1: download.sha1 })))
    }
}
