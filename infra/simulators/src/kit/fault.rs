//! The faults of a server call.

use std::collections::VecDeque;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::reply::Reply;

/// The most faults that wait at one time.
const FAULTS_MAX: usize = 100;
/// How long a call is held. Every client should have timed out by then.
const HOLD_MS: u64 = 60_000;

/// The fault of one server call.
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordered<F> {
    next: Vec<F>,
}

/// `POST …/faults` `{"next": […]}`: gives `set` the waiting faults, which replace the previous ones.
pub(crate) fn order<F: DeserializeOwned>(body: &[u8], set: impl FnOnce(VecDeque<F>)) -> Reply {
    let ordered: Ordered<F> = match serde_json::from_slice(body) {
        Ok(ordered) => ordered,
        Err(error) => return Reply::json_error(400, error.to_string()),
    };
    if ordered.next.len() > FAULTS_MAX {
        return Reply::json_error(400, format!("at most {FAULTS_MAX} faults"));
    }
    let waiting = ordered.next.len();
    set(ordered.next.into());
    Reply::json(200, &serde_json::json!({ "waiting": waiting }))
}

/// A proxy's error page instead of an answer.
pub(crate) fn http500() -> Reply {
    Reply::html(500, "<html><body>500 Internal Server Error</body></html>".into())
}

/// Spoils a finished answer. Faults that act elsewhere leave it unchanged.
pub(crate) fn spoil(fault: Option<Fault>, mut reply: Reply) -> Reply {
    match fault {
        Some(Fault::Timeout) => reply.hold_ms = HOLD_MS,
        Some(Fault::Http500) => return http500(),
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
