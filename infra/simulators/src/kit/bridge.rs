//! The server's side of a wallet's bridge: `POST …/bridge` checks what a page hands to the wallet, as strictly as the wallet does, and
//! answers what its sheet shows. `POST …/bridge/{order}` is the payer's confirmation.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::reply::Reply;
use super::server::Incoming;

/// What a page hands over, and where it does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    pub(crate) page: String,
    pub(crate) params: Map<String, Value>,
}

/// What the sheet shows, and where it confirms.
#[derive(Debug, Serialize)]
pub(crate) struct Sheet {
    pub(crate) merchant: String,
    pub(crate) subject: String,
    /// In yuan.
    pub(crate) amount: String,
    /// A path of the stack.
    pub(crate) pay: String,
}

/// Why the wallet shows no sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BridgeRefusal {
    pub(crate) code: String,
    pub(crate) why: String,
}

impl BridgeRefusal {
    pub(crate) fn new(code: impl Into<String>, why: impl Into<String>) -> Self {
        Self { code: code.into(), why: why.into() }
    }
}

/// Reads the call of a page inside the wallet whose browser names itself by `agent`.
pub(crate) fn read(request: &Incoming, agent: &str) -> Result<Asked, BridgeRefusal> {
    if !request.header("user-agent").unwrap_or_default().contains(agent) {
        return Err(BridgeRefusal::new("NOT_INSIDE", format!("only a browser inside {agent} has this bridge")));
    }
    serde_json::from_slice(&request.body).map_err(|error| BridgeRefusal::new("INVALID_FORM", error.to_string()))
}

/// A text of the parameters; absent, empty and other values are an error.
pub(crate) fn text<'a>(asked: &'a Asked, name: &str) -> Result<&'a str, BridgeRefusal> {
    let found = asked.params.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    found.ok_or_else(|| BridgeRefusal::new("MISSING_PARAMETER", format!("{name} must be a text with a value")))
}

pub(crate) fn shown(opened: Result<Sheet, BridgeRefusal>) -> Reply {
    match opened {
        Ok(sheet) => Reply::json(200, &sheet),
        Err(BridgeRefusal { code, why }) => Reply::json(400, &json!({ "code": code, "message": why })),
    }
}

/// The answer to the payer's confirmation.
pub(crate) fn paid(paid: Result<(), BridgeRefusal>) -> Reply {
    match paid {
        Ok(()) => Reply::json(200, &json!({})),
        Err(BridgeRefusal { code, why }) => Reply::json(409, &json!({ "code": code, "message": why })),
    }
}
