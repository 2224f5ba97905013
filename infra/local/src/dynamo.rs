//! DynamoDB inside this process, or another one at a given address, with the tables of the template.

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    },
};
use serde_yaml_ng::Value;

use crate::error::StartError;

/// Creates a table as the template describes it. A table of an earlier run stays.
pub(crate) async fn create_table(dynamo: &Client, name: &str, properties: &Value) -> Result<(), StartError> {
    let mut create = dynamo
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(properties)?))
        .set_attribute_definitions(Some(attribute_definitions(properties)?));
    for index in list(properties, "GlobalSecondaryIndexes") {
        create = create.global_secondary_indexes(secondary_index(index)?);
    }
    match create.send().await {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) => Ok(()),
        Err(error) => Err(StartError::part("dynamodb", error)),
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_sequence).into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn attribute_definitions(properties: &Value) -> Result<Vec<AttributeDefinition>, StartError> {
    list(properties, "AttributeDefinitions")
        .map(|definition| {
            AttributeDefinition::builder()
                .attribute_name(text(definition, "AttributeName"))
                .attribute_type(ScalarAttributeType::from(text(definition, "AttributeType")))
                .build()
                .map_err(|error| StartError::part("template.yaml", error))
        })
        .collect()
}

fn key_schema(properties: &Value) -> Result<Vec<KeySchemaElement>, StartError> {
    list(properties, "KeySchema")
        .map(|element| {
            KeySchemaElement::builder()
                .attribute_name(text(element, "AttributeName"))
                .key_type(KeyType::from(text(element, "KeyType")))
                .build()
                .map_err(|error| StartError::part("template.yaml", error))
        })
        .collect()
}

fn secondary_index(index: &Value) -> Result<GlobalSecondaryIndex, StartError> {
    let projection = index.get("Projection").unwrap_or(&Value::Null);
    let attributes: Vec<String> =
        list(projection, "NonKeyAttributes").filter_map(Value::as_str).map(str::to_owned).collect();
    let projection = Projection::builder()
        .projection_type(ProjectionType::from(text(projection, "ProjectionType")))
        .set_non_key_attributes((!attributes.is_empty()).then_some(attributes))
        .build();
    GlobalSecondaryIndex::builder()
        .index_name(text(index, "IndexName"))
        .set_key_schema(Some(key_schema(index)?))
        .projection(projection)
        .build()
        .map_err(|error| StartError::part("template.yaml", error))
}

/// Whether an operation writes.
#[cfg(feature = "simulated")]
pub(crate) fn changes(operation: &str) -> bool {
    matches!(
        operation,
        "CreateTable" | "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems" | "BatchWriteItem"
    )
}

/// An answer of DynamoDB.
#[cfg(feature = "simulated")]
pub(crate) struct DynamoAnswer {
    pub(crate) status: u16,
    pub(crate) json: String,
}

/// Answers a request without a server. Only the operations that the functions use are there.
#[cfg(feature = "simulated")]
pub(crate) fn answer(database: &dynoxide::Database, operation: &str, body: &[u8]) -> DynamoAnswer {
    use dynoxide::DynoxideError as Error;

    fn run<Q: serde::de::DeserializeOwned, A: serde::Serialize>(
        body: &[u8],
        work: impl FnOnce(Q) -> dynoxide::Result<A>,
    ) -> dynoxide::Result<String> {
        let request = serde_json::from_slice(body).map_err(|error| Error::ValidationException(error.to_string()))?;
        serde_json::to_string(&work(request)?).map_err(|error| Error::InternalServerError(error.to_string()))
    }

    let answered = match operation {
        "CreateTable" => run(body, |request| database.create_table(request)),
        "GetItem" => run(body, |request| database.get_item(request)),
        "PutItem" => run(body, |request| database.put_item(request)),
        "UpdateItem" => run(body, |request| database.update_item(request)),
        "DeleteItem" => run(body, |request| database.delete_item(request)),
        "Query" => run(body, |request| database.query(request)),
        "Scan" => run(body, |request| database.scan(request)),
        "BatchGetItem" => run(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => run(body, |request| database.batch_write_item(request)),
        "TransactWriteItems" => run(body, |request| database.transact_write_items(request)),
        "TransactGetItems" => run(body, |request| database.transact_get_items(request)),
        other => Err(Error::ValidationException(format!("{other} is not embedded"))),
    };
    match answered {
        Ok(json) => DynamoAnswer { status: 200, json },
        Err(error) => DynamoAnswer { status: error.status_code(), json: error.to_json() },
    }
}
