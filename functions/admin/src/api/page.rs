//! Pages of transactions: which channels are read, and the cursor from one page to the next.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Channel, Mode, RefundNum, Timestamp, TransactionId};
use store::{RecordsPosition, RefundPosition, StoredApp};

use super::{problem::Problem, wrong::Wrong};

/// The channels whose tab was ever configured. No other channel can have a transaction.
pub(crate) fn channels_ever(found: &StoredApp, mode: Mode) -> Vec<Channel> {
    let configured = |channel: &Channel| found.channels.iter().any(|tab| (tab.tab, tab.mode) == (channel.tab(), mode));
    Channel::ALL.into_iter().filter(configured).collect()
}

/// A cursor is a position in time. A caller who makes one up gets only a page of what they may see anyway.
pub(crate) fn write_cursor(position: &RecordsPosition) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}#{}", position.created_at.ms(), position.id))
}

/// The cursor of a list of refunds.
pub(crate) fn write_refund_cursor(position: &RefundPosition) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}#{}", position.at.ms(), position.num))
}

/// # Errors
/// The cursor was not written here.
pub(crate) fn parse_refund_cursor(cursor: &str) -> Result<RefundPosition, Problem> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (ms, num) = std::str::from_utf8(&bytes).ok()?.split_once('#')?;
        Some(RefundPosition { at: Timestamp::from_ms(ms.parse().ok()?).ok()?, num: RefundNum::parse(num)? })
    };
    read().ok_or_else(|| Problem::field("cursor", Wrong::Cursor))
}

/// # Errors
/// The cursor was not written here.
pub(crate) fn parse_cursor(cursor: &str) -> Result<RecordsPosition, Problem> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (ms, id) = std::str::from_utf8(&bytes).ok()?.split_once('#')?;
        let created_at = Timestamp::from_ms(ms.parse().ok()?).ok()?;
        Some(RecordsPosition { created_at, id: TransactionId::parse(id).ok()? })
    };
    read().ok_or_else(|| Problem::field("cursor", Wrong::Cursor))
}
