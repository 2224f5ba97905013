//! What must always be true. Each rule has a check, against the model ledger and against the providers' own records.
//!
//! After each write the rows that it changed are checked. Once everything is at rest, all rows are checked.

mod at_rest;
mod rows;

use bytes::Bytes;
use local::{AwsAnswer, AwsCall, AwsService};
use serde_json::{Value, json};

pub(crate) use at_rest::at_rest;

use crate::{ledger::Row, world::World};

pub(crate) const TRANSACTIONS: &str = "TransactionsTable";

/// An item in DynamoDB's own format.
#[derive(Clone, Debug)]
pub(crate) struct Item(pub(crate) Value);

impl Item {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0[name]["S"].as_str().unwrap_or_default()
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.0[name]["N"].as_str()?.parse().ok()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.text("pk"), self.text("sk"))
    }
}

/// Asks the table directly, without delay and without faults.
pub(crate) async fn ask(world: &World, operation: &str, body: &Value) -> Value {
    let body = Bytes::from(body.to_string());
    let call = AwsCall { service: AwsService::Dynamo, operation: operation.to_owned(), body };
    match world.embedded().ask(&call, 0).await {
        AwsAnswer::Answered(200, body) => serde_json::from_slice(&body).unwrap_or_default(),
        AwsAnswer::Answered(..) | AwsAnswer::Broken => Value::Null,
    }
}

/// The keys of the rows that a call wrote into the table of transactions.
fn touched(call: &AwsCall) -> Vec<(String, String)> {
    let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let of_part = |about: &Value| {
        let key = about.get("Key").or_else(|| about.get("Item"))?;
        let text = |name: &str| key[name]["S"].as_str().map(str::to_owned);
        (about["TableName"] == TRANSACTIONS).then_some((text("pk")?, text("sk")?))
    };
    match request["TransactItems"].as_array() {
        Some(parts) => {
            let parts = parts.iter().filter_map(Value::as_object).flatten();
            parts.filter(|(kind, _)| *kind != "ConditionCheck").filter_map(|(_, about)| of_part(about)).collect()
        }
        None => of_part(&request).into_iter().collect(),
    }
}

impl World {
    /// Checks the rows that a call wrote.
    pub(crate) async fn check_written(&self, call: &AwsCall) {
        for (pk, sk) in touched(call) {
            if !["TX#", "DELIVERY#", "REFUND#"].iter().any(|prefix| sk.starts_with(prefix)) {
                continue;
            }
            let key = json!({ "TableName": TRANSACTIONS, "ConsistentRead": true,
                              "Key": { "pk": { "S": pk }, "sk": { "S": sk } } });
            let found = ask(self, "GetItem", &key).await;
            let Some(item) = found.get("Item").cloned().map(Item) else {
                self.accuse("nothing is deleted", &format!("{pk} {sk}"));
                continue;
            };
            let before = self.ledger().rows.get(&(pk.clone(), sk.clone())).cloned();
            rows::check(self, &item, before.as_ref()).await;
            let row = Row {
                status: rows::status(&item).to_owned(),
                refunded: item.number("refunded_fee").unwrap_or_default(),
                attempt: item.number("attempt").unwrap_or_default(),
                id: item.text("id").to_owned(),
                fee: item.number("fee").unwrap_or_default(),
            };
            self.ledger().rows.insert((pk, sk), row);
        }
    }
}
