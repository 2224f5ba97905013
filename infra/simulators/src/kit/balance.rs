//! Which merchants have no balance for refunds, for the simulators of all providers.

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

/// Whether a merchant's balance suffices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Balance {
    Suffices,
    Empty,
}

impl Balances {
    /// The balance of one merchant.
    pub(crate) fn of(&self, merchant: &str) -> Balance {
        if self.0.contains(merchant) { Balance::Empty } else { Balance::Suffices }
    }

    /// Empties or refills one, as a test orders.
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
