//! The roll-over of platform certificates, stage by stage.

use serde::Deserialize;
use serde_json::json;

use super::merchants::Stage;
use super::simulator::Simulator;
use crate::kit::reply::Reply;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    stage: Stage,
}

/// `POST /_local/simulator/wechat/settings`: sets the stage of the roll-over. It is not stored.
pub(super) fn order(simulator: &Simulator, body: &[u8]) -> Reply {
    match serde_json::from_slice::<Asked>(body) {
        Ok(asked) => {
            simulator.with(|ledger, _| ledger.stage = asked.stage);
            let merchants = simulator.merchants();
            let listed: Vec<&str> = merchants
                .listed(asked.stage)
                .into_iter()
                .map(|certificate| certificate.facts.serial.as_str())
                .collect();
            let active = &merchants.active(asked.stage).facts.serial;
            Reply::json(200, &json!({ "listed": listed, "signs": active }))
        }
        Err(error) => Reply::json_error(400, error.to_string()),
    }
}
