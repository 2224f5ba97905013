//! Which merchants have nothing left to refund with, for the simulators of all providers.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::reply::Reply;

/// The merchants whose balance is empty. Not stored.
#[derive(Debug, Default)]
pub(crate) struct Balances(BTreeSet<String>);

/// `{"merchant": "1900000001", "empty": true}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    merchant: String,
    empty: bool,
}

/// What a merchant's balance is enough for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Balance {
    Suffices,
    Empty,
}

impl Balances {
    /// Of one merchant.
    pub(crate) fn of(&self, merchant: &str) -> Balance {
        if self.0.contains(merchant) { Balance::Empty } else { Balance::Suffices }
    }

    /// Empties or fills one as a test says.
    pub(crate) fn change(&mut self, body: &[u8]) -> Reply {
        let Asked { merchant, empty } = match serde_json::from_slice(body) {
            Ok(asked) => asked,
            Err(error) => return Reply::json_error(400, error.to_string()),
        };
        if empty {
            self.0.insert(merchant)
        } else {
            self.0.remove(&merchant)
        };
        Reply::json(200, &serde_json::json!({ "empty": self.0 }))
    }
}
