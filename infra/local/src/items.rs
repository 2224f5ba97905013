//! Exports the items of both tables as JSON, and imports such JSON. Fixtures use it for what earlier versions wrote.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    primitives::Blob,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::error::StartError;

/// Both tables by their logical names, and a client to which no policy applies.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    pub(crate) dynamo: Client,
    /// Logical name, name in use.
    pub(crate) names: Vec<(String, String)>,
}

impl Tables {
    /// `{"TransactionsTable": [{"pk": {"S": "..."}, ...}], ...}`, in the order of their keys.
    pub(crate) async fn export(&self) -> Result<Value, StartError> {
        let mut tables = Map::new();
        for (logical, name) in &self.names {
            let mut pages = self.dynamo.scan().table_name(name).into_paginator().items().send();
            let mut items = Vec::new();
            while let Some(item) = pages.next().await {
                items.push(write_item(&item.map_err(|error| StartError::part("dynamodb", error))?)?);
            }
            let key = |item: &Value| [item["pk"].to_string(), item["sk"].to_string()];
            items.sort_by_key(key);
            tables.insert(logical.clone(), Value::Array(items));
        }
        Ok(Value::Object(tables))
    }

    pub(crate) async fn import(&self, tables: &Value) -> Result<(), StartError> {
        for (logical, name) in &self.names {
            let items = tables.get(logical).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            for batch in items.chunks(BATCH) {
                self.import_batch(name, batch).await?;
            }
        }
        Ok(())
    }

    async fn import_batch(&self, table: &str, items: &[Value]) -> Result<(), StartError> {
        let put = |item: &Value| {
            let put = PutRequest::builder().set_item(Some(read_item(item)?)).build();
            let put = put.map_err(|error| StartError::part("dynamodb", error))?;
            Ok(WriteRequest::builder().put_request(put).build())
        };
        let puts = items.iter().map(put).collect::<Result<Vec<_>, StartError>>()?;
        let written = self.dynamo.batch_write_item().request_items(table, puts).send().await;
        let left = written.map_err(|error| StartError::part("dynamodb", error))?.unprocessed_items;
        if left.is_some_and(|left| !left.is_empty()) {
            return Err(StartError::part("dynamodb", "not every item was taken"));
        }
        Ok(())
    }
}

/// The most that one call takes.
const BATCH: usize = 25;

fn write_item(item: &HashMap<String, AttributeValue>) -> Result<Value, StartError> {
    item.iter()
        .map(|(name, value)| Ok((name.clone(), write_value(value)?)))
        .collect::<Result<Map<_, _>, _>>()
        .map(Value::Object)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds that no item here has, and those that AWS may add")]
fn write_value(value: &AttributeValue) -> Result<Value, StartError> {
    Ok(match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
        AttributeValue::Bool(yes) => json!({ "BOOL": yes }),
        AttributeValue::Null(yes) => json!({ "NULL": yes }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::L(list) => json!({ "L": list.iter().map(write_value).collect::<Result<Vec<_>, _>>()? }),
        AttributeValue::M(map) => json!({ "M": write_item(map)? }),
        other => return Err(StartError::part("items", format!("no form for {other:?}"))),
    })
}

fn read_item(item: &Value) -> Result<HashMap<String, AttributeValue>, StartError> {
    let attributes = item.as_object().into_iter().flatten();
    attributes.map(|(name, value)| Ok((name.clone(), read_value(value)?))).collect()
}

fn read_value(value: &Value) -> Result<AttributeValue, StartError> {
    let wrong = || StartError::part("items", format!("no form of an attribute: {value}"));
    let (kind, value) = value.as_object().and_then(|value| value.iter().next()).ok_or_else(wrong)?;
    let text = || value.as_str().map(str::to_owned).ok_or_else(wrong);
    Ok(match kind.as_str() {
        "S" => AttributeValue::S(text()?),
        "N" => AttributeValue::N(text()?),
        "B" => AttributeValue::B(Blob::new(STANDARD.decode(text()?).map_err(|_| wrong())?)),
        "BOOL" => AttributeValue::Bool(value.as_bool().ok_or_else(wrong)?),
        "NULL" => AttributeValue::Null(true),
        "SS" => {
            let texts = value.as_array().into_iter().flatten();
            AttributeValue::Ss(texts.filter_map(Value::as_str).map(str::to_owned).collect())
        }
        "L" => AttributeValue::L(value.as_array().into_iter().flatten().map(read_value).collect::<Result<_, _>>()?),
        "M" => AttributeValue::M(read_item(value)?),
        _ => return Err(wrong()),
    })
}
