//! Faults that a test orders for the next server calls, for v3 and v2.

use serde::Deserialize;

use crate::kit::fault::Fault as Transport;

/// How old the timestamp of a stale answer is.
pub(super) const STALE_SECONDS: i64 = 3_600;

/// The fault of one server call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Fault {
    /// The operation is done; the answer comes after up to a minute of real time.
    Timeout,
    /// HTTP 500 from a proxy, unsigned; the operation is not done.
    Http500,
    /// The operation is done; the answer is a proxy's error page with status 200.
    Garbage,
    /// The operation is done; the answer has no signature.
    Unsigned,
    /// The operation is done; the answer is signed by somebody else.
    BadSignature,
    /// The operation is done; the answer names a serial that does not exist. v2: as `badSignature`.
    UnknownSerial,
    /// The operation is done; the answer's timestamp is an hour old and signed. v2 has no timestamp, so nothing happens.
    Stale,
    /// The operation is done; the answer stops in the middle.
    Cut,
    /// A signed 500 `SYSTEM_ERROR` (v2: `SYSTEMERROR`); the operation is not done.
    SystemError,
    /// A signed 429 `FREQUENCY_LIMITED` (v2: `FREQUENCY_LIMITED`); the operation is not done.
    Limited,
}

impl Fault {
    /// The same fault in the common part.
    pub(super) fn transport(self) -> Option<Transport> {
        match self {
            Self::Timeout => Some(Transport::Timeout),
            Self::Http500 => Some(Transport::Http500),
            Self::Garbage => Some(Transport::Garbage),
            Self::Cut => Some(Transport::Cut),
            Self::Unsigned
            | Self::BadSignature
            | Self::UnknownSerial
            | Self::Stale
            | Self::SystemError
            | Self::Limited => None,
        }
    }
}
