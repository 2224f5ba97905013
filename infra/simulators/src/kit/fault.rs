//! What may go wrong with a server call.

use serde::Deserialize;

use super::reply::Reply;

/// How long a call is held; every client should have given up by then.
const HOLD_MS: u64 = 60_000;

/// What goes wrong with one server call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Fault {
    /// The operation is done; the answer comes after up to a minute of real time.
    #[serde(rename = "timeout")]
    Timeout,
    /// HTTP 500, the operation is not done.
    #[serde(rename = "http500")]
    Http500,
    /// The operation is done; the answer is a proxy's error page.
    #[serde(rename = "garbage")]
    Garbage,
    /// The operation is done; the answer has no `sign`.
    #[serde(rename = "unsigned")]
    Unsigned,
    /// The operation is done; the answer is signed by somebody else.
    #[serde(rename = "badSignature")]
    BadSignature,
    /// The operation is done; the answer stops in the middle.
    #[serde(rename = "cut")]
    Cut,
    /// A signed `20000`, the operation is not done.
    #[serde(rename = "20000")]
    Busy,
}

/// Spoils a finished answer. Faults that are made earlier or differently leave it as it is.
pub(crate) fn spoil(fault: Option<Fault>, mut reply: Reply) -> Reply {
    match fault {
        Some(Fault::Timeout) => reply.hold_ms = HOLD_MS,
        Some(Fault::Http500) => {
            return Reply::html(500, "<html><body>500 Internal Server Error</body></html>".into());
        }
        Some(Fault::Garbage) => {
            return Reply::html(200, "<html><head><title>504 Gateway Time-out</title></head></html>".into());
        }
        Some(Fault::Cut) => {
            let half = reply.body.len() / 2;
            reply.body.truncate(half);
        }
        Some(Fault::Unsigned | Fault::BadSignature | Fault::Busy) | None => {}
    }
    reply
}
