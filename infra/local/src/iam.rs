//! Plays IAM: a function is refused what its policies in the template do not allow, as AWS would refuse it.
//!
//! It stands between the AWS clients of a function and their endpoints, reads what a request does and to what, and keeps
//! what was really done, so that CI can find policies that nobody uses.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::{Response, StatusCode},
};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use tracing::error;

use crate::{Grant, Template};

/// What each function may do, and what each did.
#[derive(Clone, Debug)]
pub(crate) struct Iam {
    allowed: Arc<BTreeSet<Grant>>,
    /// Logical names by the names in use.
    logical: Arc<BTreeMap<String, String>>,
    used: Arc<Mutex<BTreeSet<Grant>>>,
}

/// Cloud functions are not the template's, which allows them by a pattern of their names.
const CLOUD_FUNCTIONS: &str = "cloud functions";

impl Iam {
    /// `names` are those in use, with the logical one of each.
    pub(crate) fn new(template: &Template, names: impl IntoIterator<Item = (String, String)>) -> Self {
        let allowed = template.grants.iter().cloned().map(|mut grant| {
            if grant.action == "lambda:InvokeFunction" {
                grant.resource = CLOUD_FUNCTIONS.to_owned();
            }
            grant
        });
        Self {
            allowed: Arc::new(allowed.collect()),
            logical: Arc::new(names.into_iter().collect()),
            used: Arc::default(),
        }
    }

    /// A client that may do what `function` may.
    pub(crate) fn guard(&self, function: &'static str, inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Guarded { iam: self.clone(), function, inner })
    }

    /// What was done so far.
    pub(crate) fn used(&self) -> BTreeSet<Grant> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what is done; what is not allowed comes back.
    fn judge(&self, function: &str, request: &HttpRequest) -> Option<String> {
        let acts = read_acts(request);
        if acts.is_empty() {
            return Some(format!("{function} did something unknown: {}", request.uri()));
        }
        for (action, name) in acts {
            let (name, index) = name.split_once('/').map_or((name.as_str(), None), |(name, rest)| (name, Some(rest)));
            let logical = self.logical.get(name).map_or(name, String::as_str);
            let resource = index.map_or_else(|| logical.to_owned(), |index| format!("{logical}/{index}"));
            let grant = Grant { function: function.to_owned(), action, resource };
            if !self.allowed.contains(&grant) {
                return Some(format!("template.yaml: {function} may not {} on {}", grant.action, grant.resource));
            }
            self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(grant);
        }
        None
    }
}

/// What a request does, in IAM's words, each with the name of what it is done to.
fn read_acts(request: &HttpRequest) -> Vec<(String, String)> {
    let Some(target) = request.headers().get("x-amz-target") else { return invocation(request.uri()) };
    let body: Value = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    match target.split_once('.') {
        Some(("AmazonSQS", operation)) => {
            let queue =
                body.get("QueueUrl").and_then(Value::as_str).and_then(|url| url.rsplit('/').next()).unwrap_or_default();
            vec![(format!("sqs:{}", operation.trim_end_matches("Batch")), queue.to_owned())]
        }
        Some((service, operation)) if service.starts_with("DynamoDB_") => dynamo(operation, &body),
        _ => Vec::new(),
    }
}

fn dynamo(operation: &str, body: &Value) -> Vec<(String, String)> {
    let name = |about: &Value| about.get("TableName").and_then(Value::as_str).unwrap_or_default().to_owned();
    let act = |action: &str, name: String| (format!("dynamodb:{action}"), name);
    let of_parts = |parts: Option<&Value>| -> Vec<_> {
        let parts = parts.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).flatten();
        let action = |kind: &str| match kind {
            "Put" => "PutItem",
            "Update" => "UpdateItem",
            "Delete" => "DeleteItem",
            "Get" => "GetItem",
            _ => "ConditionCheckItem",
        };
        parts.map(|(kind, about)| act(action(kind), name(about))).collect()
    };
    let of_batch = || -> Vec<_> {
        body.get("RequestItems")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(table, _)| act(operation, table.clone()))
            .collect()
    };
    match operation {
        "TransactWriteItems" | "TransactGetItems" => of_parts(body.get("TransactItems")),
        "BatchGetItem" | "BatchWriteItem" => of_batch(),
        _ => match body.get("IndexName").and_then(Value::as_str) {
            Some(index) => vec![act(operation, format!("{}/index/{index}", name(body)))],
            None => vec![act(operation, name(body))],
        },
    }
}

/// `/2015-03-31/functions/<name>/invocations`
fn invocation(uri: &str) -> Vec<(String, String)> {
    let invokes = uri.contains("/functions/") && uri.contains("/invocations");
    invokes.then(|| ("lambda:InvokeFunction".to_owned(), CLOUD_FUNCTIONS.to_owned())).into_iter().collect()
}

#[derive(Clone, Debug)]
struct Guarded<T> {
    iam: Iam,
    function: &'static str,
    inner: T,
}

impl HttpClient for Guarded<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Guarded { iam: self.iam.clone(), function: self.function, inner })
    }
}

impl HttpConnector for Guarded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.iam.judge(self.function, &request) {
            None => self.inner.call(request),
            Some(refusal) => {
                error!("{refusal}");
                HttpConnectorFuture::ready(denied(&refusal))
            }
        }
    }
}

/// As DynamoDB says it; the others differ in nothing that a function looks at.
fn denied(refusal: &str) -> Result<Response<SdkBody>, ConnectorError> {
    let body = serde_json::json!({ "__type": "com.amazon.coral.service#AccessDeniedException", "Message": refusal });
    let bad_request = StatusCode::try_from(400).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = Response::new(bad_request, SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}
