//! Faults that a test orders for the next server calls, v3 and v2 alike.

use serde::Deserialize;

use super::Simulator;
use crate::kit::reply::Reply;

/// Faults waiting at one time.
const FAULTS_MAX: usize = 100;
/// How long a call is held; every client should have given up by then.
const HOLD_MS: u64 = 60_000;
/// How old the timestamp of a stale answer is.
pub(super) const STALE_SECONDS: i64 = 3_600;

/// What goes wrong with one server call.
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
    /// The operation is done; the answer's timestamp is an hour old and signed. v2 has no timestamp: nothing.
    Stale,
    /// The operation is done; the answer stops in the middle.
    Cut,
    /// A signed 500 `SYSTEM_ERROR` (v2: `SYSTEMERROR`); the operation is not done.
    SystemError,
    /// A signed 429 `FREQUENCY_LIMITED` (v2: `FREQUENCY_LIMITED`); the operation is not done.
    Limited,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordered {
    next: Vec<Fault>,
}

/// `POST /_local/simulator/wechat/faults` `{"next": […]}`: replaces the faults that are waiting.
pub(super) fn order(simulator: &Simulator, body: &[u8]) -> Reply {
    let ordered: Ordered = match serde_json::from_slice(body) {
        Ok(ordered) => ordered,
        Err(error) => return Reply::json_error(400, error.to_string()),
    };
    if ordered.next.len() > FAULTS_MAX {
        return Reply::json_error(400, format!("at most {FAULTS_MAX} faults"));
    }
    let waiting = ordered.next.len();
    simulator.with(|ledger, _| ledger.faults = ordered.next.into());
    Reply::json(200, &serde_json::json!({ "waiting": waiting }))
}

/// The proxy's page that stands in for an answer.
pub(super) fn http500() -> Reply {
    Reply::html(500, "<html><body>500 Internal Server Error</body></html>".into())
}

/// Spoils a finished answer. Faults that are made earlier leave it as it is.
pub(super) fn spoil(fault: Option<Fault>, mut reply: Reply) -> Reply {
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
        Some(
            Fault::Unsigned
            | Fault::BadSignature
            | Fault::UnknownSerial
            | Fault::Stale
            | Fault::SystemError
            | Fault::Limited,
        )
        | None => {}
    }
    reply
}
