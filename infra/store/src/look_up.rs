//! Items looked up by their keys, many in one call.

use aws_sdk_dynamodb::types::KeysAndAttributes;

use crate::{Store, StoreError, attributes::Attributes};

/// DynamoDB's own limit of keys in one call.
const BATCH: usize = 100;

/// How often the keys that an answer left out are asked for again. Each answer has at least one item: a call that reads nothing is an
/// error, which the client repeats.
const TRIES_MAX: u32 = 5;

/// How fresh the items must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// The present state, at a unit for each item.
    Strong,
    /// The present state or one of some moments ago, at half a unit for each item.
    Eventual,
}

impl Store {
    /// Finds the items with these keys, in no order. A key without an item is left out.
    ///
    /// An answer of DynamoDB has at most 16 MB, and less if DynamoDB is busy. It names the keys that it left out, and these are asked for
    /// again.
    ///
    /// # Errors
    /// [`StoreError::Dynamo`]; also when keys are still left out after some tries.
    pub(crate) async fn look_up(
        &self,
        table: &str,
        keys: Vec<Attributes>,
        freshness: Freshness,
    ) -> Result<Vec<Attributes>, StoreError> {
        let mut found = Vec::new();
        for batch in keys.chunks(BATCH) {
            let mut left = batch.to_vec();
            for _ in 0..TRIES_MAX {
                let asked =
                    KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(freshness == Freshness::Strong);
                let asked = asked.build().map_err(|error| StoreError::dynamo("building a look-up", error))?;
                let got = self.dynamo.batch_get_item().request_items(table, asked).send().await;
                let got = got.map_err(|error| StoreError::dynamo("a look-up", error))?;
                found.extend(got.responses.and_then(|mut tables| tables.remove(table)).unwrap_or_default());
                left = got
                    .unprocessed_keys
                    .and_then(|mut tables| tables.remove(table))
                    .map_or(Vec::new(), |left| left.keys);
                if left.is_empty() {
                    break;
                }
            }
            if !left.is_empty() {
                return Err(StoreError::dynamo(
                    "a look-up",
                    format!("{} keys were left out {TRIES_MAX} times", left.len()),
                ));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        sync::{Arc, Mutex},
    };

    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
    use aws_smithy_runtime_api::client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    };
    use aws_smithy_types::body::SdkBody;
    use base64::{Engine, engine::general_purpose::STANDARD};
    use domain::Secret;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Sealer, Tables, attributes::text, schema::PK};

    /// Answers a look-up with the first `at_once` items, and leaves the others out.
    #[derive(Clone, Debug)]
    struct Busy {
        at_once: usize,
        calls: Arc<Mutex<usize>>,
    }

    impl HttpClient for Busy {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    impl HttpConnector for Busy {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            *self.calls.lock().unwrap() += 1;
            let asked: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            let keys = asked["RequestItems"]["t"]["Keys"].as_array().unwrap();
            let (done, left) = keys.split_at(self.at_once.min(keys.len()));
            let left = if left.is_empty() { json!({}) } else { json!({ "t": { "Keys": left } }) };
            let body = json!({ "Responses": { "t": done }, "UnprocessedKeys": left }).to_string();
            HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body))))
        }
    }

    fn store(busy: &Busy) -> Store {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .http_client(busy.clone());
        let sealer = Sealer::new(&Secret::new(STANDARD.encode([7; 32]))).unwrap();
        let tables = Tables { transactions: "t".to_owned(), configuration: "t".to_owned() };
        Store::new(aws_sdk_dynamodb::Client::from_conf(config.build()), tables, sealer)
    }

    fn keys(count: u32) -> Vec<Attributes> {
        (0..count).map(|n| HashMap::from([(PK.to_owned(), text(n.to_string()))])).collect()
    }

    #[tokio::test]
    async fn keys_that_dynamodb_leaves_out_are_asked_for_again() {
        let busy = Busy { at_once: 30, calls: Arc::default() };
        let found = store(&busy).look_up("t", keys(150), Freshness::Eventual).await.unwrap();
        let expected = keys(150);
        assert!(found.len() == 150 && expected.iter().all(|key| found.contains(key)));
        // A hundred keys take four answers, and fifty take two.
        assert_eq!(*busy.calls.lock().unwrap(), 6);
    }

    #[tokio::test]
    async fn keys_that_stay_left_out_are_an_error_and_not_a_gap() {
        let busy = Busy { at_once: 10, calls: Arc::default() };
        let error = store(&busy).look_up("t", keys(100), Freshness::Strong).await.unwrap_err();
        assert!(matches!(error, StoreError::Dynamo { operation: "a look-up", .. }));
        assert_eq!(*busy.calls.lock().unwrap(), 5);
    }
}
