//! Reads the meter: what each function's calls of DynamoDB and SQS would cost.
//!
//! It works between the AWS clients of a function and their endpoints. It makes DynamoDB report what each call consumed
//! (`ReturnConsumedCapacity`), and keeps the sums.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use serde_json::{Map, Value, json};

/// What one kind of call on one table or index consumed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metered {
    /// The function that called.
    pub function: String,
    /// In AWS's words: `PutItem`, `SendMessage`.
    pub operation: String,
    /// The table, `<table>/<index>`, or empty for a queue.
    pub place: String,
    /// How many calls touched it.
    pub calls: u64,
    /// Read units, in halves: an eventually consistent read of 4 KiB is one.
    pub half_reads: u64,
    /// Write units, in halves. DynamoDB has no smaller unit than one.
    pub half_writes: u64,
}

/// Sums up what is consumed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Mutex<BTreeMap<[String; 3], Metered>>>);

impl Meter {
    /// A client that is metered on behalf of `function`.
    pub(crate) fn measure(&self, function: &'static str, inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Measured { meter: self.clone(), function, inner })
    }

    /// What was consumed since the last call of this function.
    pub(crate) fn take(&self) -> Vec<Metered> {
        let sums = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        sums.into_values().collect()
    }

    fn add(&self, function: &str, operation: &str, place: String, half_reads: u64, half_writes: u64) {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = [function.to_owned(), operation.to_owned(), place.clone()];
        let sum = sums.entry(key).or_insert_with(|| Metered {
            function: function.to_owned(),
            operation: operation.to_owned(),
            place,
            ..Metered::default()
        });
        sum.calls += 1;
        sum.half_reads += half_reads;
        sum.half_writes += half_writes;
    }

    fn note(&self, function: &str, operation: &str, answer: &Value) {
        let consumed = &answer["ConsumedCapacity"];
        let each = consumed.as_array().map_or_else(|| vec![consumed], |tables| tables.iter().collect());
        let is_read = matches!(operation, "GetItem" | "Query" | "BatchGetItem" | "TransactGetItems");
        for table in each.into_iter().filter_map(Value::as_object) {
            for (place, units) in places(table) {
                let halves = halves(units);
                let (half_reads, half_writes) = if is_read { (halves, 0) } else { (0, halves) };
                self.add(function, operation, place, half_reads, half_writes);
            }
        }
    }
}

/// The parts of what one call consumed: the table, and each of its indexes.
fn places(consumed: &Map<String, Value>) -> Vec<(String, &Value)> {
    let name = consumed.get("TableName").and_then(Value::as_str).unwrap_or_default();
    // In some versions, DynamoDB Local and AWS name a table by its ARN.
    let name = name.rsplit('/').next().unwrap_or(name);
    let table = consumed.get("Table").map(|table| (name.to_owned(), &table["CapacityUnits"]));
    let indexes = consumed.get("GlobalSecondaryIndexes").and_then(Value::as_object).into_iter().flatten();
    let indexes = indexes.map(|(index, units)| (format!("{name}/{index}"), &units["CapacityUnits"]));
    table.into_iter().chain(indexes).collect()
}

/// `1.5` is three halves. No unit is smaller than a half.
fn halves(units: &Value) -> u64 {
    let text = units.to_string();
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    whole.parse::<u64>().unwrap_or_default() * 2 + u64::from(rest.starts_with('5'))
}

#[derive(Clone, Debug)]
struct Measured<T> {
    meter: Meter,
    function: &'static str,
    inner: T,
}

impl HttpClient for Measured<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Measured { meter: self.meter.clone(), function: self.function, inner })
    }
}

impl HttpConnector for Measured<SharedHttpConnector> {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let Some((service, operation)) = target.split_once('.') else { return self.inner.call(request) };
        let (meter, function, operation) = (self.meter.clone(), self.function, operation.to_owned());
        if service == "AmazonSQS" {
            meter.add(function, &operation, String::new(), 0, 0);
            return self.inner.call(request);
        }
        ask_for_consumption(&mut request);
        let answered = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let mut response: HttpResponse = answered.await?;
            let body = ByteStream::new(response.take_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
            if let Ok(answer) = serde_json::from_slice(&body) {
                meter.note(function, &operation, &answer);
            }
            *response.body_mut() = SdkBody::from(body);
            Ok(response)
        })
    }
}

/// After this the signature is wrong, but the local stack's DynamoDB does not check it.
fn ask_for_consumption(request: &mut HttpRequest) {
    let Some(Ok(Value::Object(mut body))) = request.body().bytes().map(serde_json::from_slice) else { return };
    body.insert("ReturnConsumedCapacity".to_owned(), json!("INDEXES"));
    let body = Value::Object(body).to_string();
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_counted_by_place_and_in_halves() {
        let meter = Meter::default();
        let write = json!({ "ConsumedCapacity": [{ "TableName": "T", "CapacityUnits": 5.0, "Table": { "CapacityUnits": 2.0 },
            "GlobalSecondaryIndexes": { "due": { "CapacityUnits": 1.0 }, "by_time": { "CapacityUnits": 2.0 } } }] });
        let read = json!({ "ConsumedCapacity": { "TableName": "T", "CapacityUnits": 0.5, "Table": { "CapacityUnits": 0.5 } } });
        meter.note("charge", "TransactWriteItems", &write);
        meter.note("charge", "Query", &read);
        meter.note("charge", "Query", &json!({}));
        let found: Vec<_> = meter.take().into_iter().map(|m| (m.place, m.half_reads, m.half_writes)).collect();
        let place = |place: &str, reads, writes| (place.to_owned(), reads, writes);
        assert_eq!(found, [place("T", 1, 0), place("T", 0, 4), place("T/by_time", 0, 4), place("T/due", 0, 2)]);
        assert_eq!(meter.take(), []);
    }
}
