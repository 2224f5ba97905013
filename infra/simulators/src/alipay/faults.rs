//! Faults that a test orders for the next server calls.

use serde::Deserialize;

use super::Simulator;
use crate::kit::fault::Fault;
use crate::kit::reply::Reply;

/// Faults waiting at one time.
const FAULTS_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordered {
    next: Vec<Fault>,
}

/// `POST /_local/simulator/alipay/faults`: replaces the faults that are waiting.
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
