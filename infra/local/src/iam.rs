//! Plays IAM: it refuses what a function's policies in the template do not allow, as AWS would refuse it, down to the kinds of items
//! (`dynamodb:LeadingKeys`). It also refuses queries for keys that DynamoDB refuses but the embedded one does not.
//!
//! It works between the AWS clients of a function and their endpoints. It reads what each request does and to what, and records what was
//! done, so that CI can find unused policies.

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

use crate::{
    Grant, Template,
    keys::{KeySchemas, is_like},
    template::names,
};

/// What each function may do, and what it did.
#[derive(Clone, Debug)]
pub(crate) struct Iam {
    allowed: Arc<BTreeSet<Grant>>,
    /// The logical names, by the names in use.
    logical: Arc<BTreeMap<String, String>>,
    schemas: Arc<KeySchemas>,
    /// The queues whose dead letters go to a queue, by the logical name of that queue.
    origins: Arc<BTreeMap<String, Vec<String>>>,
    used: Arc<Mutex<BTreeSet<Grant>>>,
}

/// Cloud functions are not in the template. It allows them by a pattern of their names.
const CLOUD_FUNCTIONS: &str = "cloud functions";

/// Neither are topics.
const TOPICS: &str = "topics";

impl Iam {
    /// `names` are the names in use, each with its logical name.
    pub(crate) fn new(template: &Template, names: impl IntoIterator<Item = (String, String)>) -> Self {
        let allowed = template.grants.iter().cloned().map(|mut grant| {
            match grant.action.as_str() {
                "lambda:InvokeFunction" => grant.resource = CLOUD_FUNCTIONS.to_owned(),
                "sns:Publish" => grant.resource = TOPICS.to_owned(),
                _ => {}
            }
            grant
        });
        let logical: BTreeMap<String, String> = names.into_iter().collect();
        Self {
            allowed: Arc::new(allowed.collect()),
            schemas: Arc::new(KeySchemas::new(template, &logical)),
            logical: Arc::new(logical),
            origins: Arc::new(origins(template)),
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

    /// Records what is done. Returns what is not allowed.
    fn judge(&self, function: &str, request: &HttpRequest) -> Option<Refusal> {
        let body: Value = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        let acts = self.read_acts(request, &body);
        if acts.is_empty() {
            return Some(Refusal::denied(format!("{function} did something unknown: {}", request.uri())));
        }
        for act in &acts {
            if let Some(refusal) = self.judge_act(function, act) {
                return Some(Refusal::denied(refusal));
            }
        }
        let [Act { action, name, .. }] = acts.as_slice() else { return None };
        let refusal = (action == "dynamodb:Query").then(|| self.schemas.refusal_of_query(name, &body)).flatten()?;
        Some(Refusal { kind: "com.amazon.coral.validate#ValidationException", text: refusal })
    }

    fn judge_act(&self, function: &str, act: &Act) -> Option<String> {
        let (name, index) =
            act.name.split_once('/').map_or((act.name.as_str(), None), |(name, rest)| (name, Some(rest)));
        let logical = self.logical.get(name).map_or(name, String::as_str);
        let resource = index.map_or_else(|| logical.to_owned(), |index| format!("{logical}/{index}"));
        let is_about =
            |grant: &&Grant| grant.function == function && grant.action == act.action && grant.resource == resource;
        let grants: Vec<&Grant> = self.allowed.iter().filter(is_about).collect();
        for key in &act.keys {
            let Some(grant) = grants.iter().find(|grant| is_like(key, &grant.keys)) else {
                return Some(format!(
                    "template.yaml: {function} may not {} on {resource} with the key {key}",
                    act.action
                ));
            };
            self.used.lock().unwrap_or_else(PoisonError::into_inner).insert((*grant).clone());
        }
        None
    }

    /// What a request does, in IAM's words, each action with the name of its target.
    fn read_acts(&self, request: &HttpRequest, body: &Value) -> Vec<Act> {
        let Some(target) = request.headers().get("x-amz-target") else {
            let form = request.body().bytes().unwrap_or_default();
            let publishes = form.starts_with(b"Action=Publish&");
            let published = publishes.then(|| Act::without_keys("sns:Publish", TOPICS));
            return published.into_iter().chain(invocation(request.uri())).collect();
        };
        match target.split_once('.') {
            Some(("AmazonSQS", "StartMessageMoveTask")) => self.move_task(body),
            Some(("AmazonSQS", operation)) => {
                let url = body.get("QueueUrl").and_then(Value::as_str);
                let queue = url.and_then(|url| url.rsplit('/').next()).unwrap_or_default();
                vec![Act::without_keys(&format!("sqs:{}", operation.trim_end_matches("Batch")), queue)]
            }
            Some((service, operation)) if service.starts_with("DynamoDB_") => self.dynamo(operation, body),
            _ => Vec::new(),
        }
    }

    /// Moving messages needs three rights: to read them, to delete them, and to send them to the queue they came from.
    fn move_task(&self, body: &Value) -> Vec<Act> {
        let arn = body.get("SourceArn").and_then(Value::as_str).unwrap_or_default();
        let queue = arn.rsplit(':').next().unwrap_or_default();
        let actions = ["StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"];
        let there = actions.map(|action| Act::without_keys(&format!("sqs:{action}"), queue));
        let logical = self.logical.get(queue).map_or(queue, String::as_str);
        let origins = self.origins.get(logical).into_iter().flatten();
        let back = origins.map(|origin| Act::without_keys("sqs:SendMessage", origin));
        there.into_iter().chain(back).collect()
    }

    fn dynamo(&self, operation: &str, body: &Value) -> Vec<Act> {
        let schemas = &self.schemas;
        let table = |about: &Value| about.get("TableName").and_then(Value::as_str).unwrap_or_default().to_owned();
        let act = |action: &str, name: String, keys: Vec<String>| Act {
            action: format!("dynamodb:{action}"),
            name,
            // An action without a key has the empty key here, which only a pattern for any key allows.
            keys: if keys.is_empty() { vec![String::new()] } else { keys },
        };
        let on_item = |action: &str, about: &Value| {
            let key = schemas.of_item(&table(about), about.get("Item").or_else(|| about.get("Key")));
            act(action, table(about), key.into_iter().collect())
        };
        let of_part = |(kind, about): (&String, &Value)| {
            let action = match kind.as_str() {
                "Put" => "PutItem",
                "Update" => "UpdateItem",
                "Delete" => "DeleteItem",
                "Get" => "GetItem",
                _ => "ConditionCheckItem",
            };
            on_item(action, about)
        };
        let of_batch = |(name, about): (&String, &Value)| {
            let keys = about.get("Keys").and_then(Value::as_array).into_iter().flatten();
            act(operation, name.clone(), keys.filter_map(|key| schemas.of_item(name, Some(key))).collect())
        };
        match operation {
            "TransactWriteItems" | "TransactGetItems" => {
                let parts = body.get("TransactItems").and_then(Value::as_array).into_iter().flatten();
                parts.filter_map(Value::as_object).flatten().map(of_part).collect()
            }
            "BatchGetItem" | "BatchWriteItem" => {
                let tables = body.get("RequestItems").and_then(Value::as_object).into_iter().flatten();
                tables.map(of_batch).collect()
            }
            "Query" => {
                let index = body.get("IndexName").and_then(Value::as_str);
                let name = index.map_or_else(|| table(body), |index| format!("{}/index/{index}", table(body)));
                let keys = schemas.of_query(&name, body);
                vec![act(operation, name, keys)]
            }
            _ => vec![on_item(operation, body)],
        }
    }
}

/// The source queues of each dead letter queue.
fn origins(template: &Template) -> BTreeMap<String, Vec<String>> {
    let mut origins: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, properties) in &template.queues {
        let policy = properties.get("RedrivePolicy").and_then(|policy| policy.get("deadLetterTargetArn"));
        for dead_letters in policy.map(names).unwrap_or_default() {
            origins.entry(dead_letters).or_default().push(name.clone());
        }
    }
    origins
}

/// Something that a request does.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Act {
    /// In IAM's words.
    action: String,
    /// Its target, by the name in use.
    name: String,
    /// The partition keys that it touches.
    keys: Vec<String>,
}

impl Act {
    fn without_keys(action: &str, name: &str) -> Self {
        Self { action: action.to_owned(), name: name.to_owned(), keys: vec![String::new()] }
    }
}

/// An error as AWS answers it.
struct Refusal {
    kind: &'static str,
    text: String,
}

impl Refusal {
    fn denied(text: String) -> Self {
        Self { kind: "com.amazon.coral.service#AccessDeniedException", text }
    }
}

/// `/2015-03-31/functions/<name>/invocations`
fn invocation(uri: &str) -> Vec<Act> {
    let invokes = uri.contains("/functions/") && uri.contains("/invocations");
    invokes.then(|| Act::without_keys("lambda:InvokeFunction", CLOUD_FUNCTIONS)).into_iter().collect()
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
                error!("{}", refusal.text);
                HttpConnectorFuture::ready(refused(&refusal))
            }
        }
    }
}

/// The error in DynamoDB's form. Other services differ only in things that no function reads.
fn refused(refusal: &Refusal) -> Result<Response<SdkBody>, ConnectorError> {
    let body = serde_json::json!({ "__type": refusal.kind, "Message": refusal.text });
    let bad_request = StatusCode::try_from(400).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = Response::new(bad_request, SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}
