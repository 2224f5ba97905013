//! The embedded SQS through the real AWS SDK, over loopback, with a clock moved by hand.

mod either;
mod journal;
mod limits;
mod operations;
mod time;

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use aws_credential_types::Credentials;
use aws_sdk_sqs::{
    Client, Config,
    config::{BehaviorVersion, Region, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    types::{Message, MessageSystemAttributeName, QueueAttributeName},
};
use tokio::task::JoinHandle;

use super::{Sqs, SqsOptions};

const START_MS: i64 = 1_780_000_000_123;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// An embedded SQS that is served, and a client for it.
struct World {
    sqs: Sqs,
    client: Client,
    base: String,
    now_ms: Arc<AtomicI64>,
    server: JoinHandle<()>,
}

impl World {
    async fn new() -> Self {
        Self::open(None, START_MS).await
    }

    async fn open(state_file: Option<PathBuf>, start_ms: i64) -> Self {
        let now_ms = Arc::new(AtomicI64::new(start_ms));
        let sqs = open(state_file, &now_ms).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = sqs.router();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { sqs, client: client(&base), base, now_ms, server }
    }

    /// The same, but its client calls another SQS.
    fn at(mut self, endpoint: &str) -> Self {
        self.client = client(endpoint);
        self
    }

    fn advance(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
        self.sqs.clock_moved();
    }

    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    /// Makes a queue and returns its URL.
    fn queue<const N: usize>(&self, name: &str, attributes: [(&str, &str); N]) -> String {
        self.sqs.create_queue(name, &texts(attributes)).unwrap();
        self.sqs.queue_url(name, &self.base)
    }

    async fn send(&self, url: &str, body: &str) -> String {
        let sent = self.client.send_message().queue_url(url).message_body(body).send().await.unwrap();
        sent.message_id.unwrap()
    }

    async fn send_late(&self, url: &str, delay_seconds: i32) {
        let send = self.client.send_message().queue_url(url).message_body("late");
        send.delay_seconds(delay_seconds).send().await.unwrap();
    }

    async fn receive(&self, url: &str) -> Vec<Message> {
        let receive = self.client.receive_message().queue_url(url).max_number_of_messages(10);
        let all = receive.message_system_attribute_names(MessageSystemAttributeName::All);
        all.message_attribute_names("All").send().await.unwrap().messages.unwrap_or_default()
    }

    async fn receive_one(&self, url: &str) -> Message {
        let mut messages = self.receive(url).await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages.pop().unwrap()
    }

    async fn bodies(&self, url: &str) -> Vec<String> {
        self.receive(url).await.into_iter().map(|message| message.body.unwrap()).collect()
    }

    async fn delete(&self, url: &str, message: &Message) {
        let handle = message.receipt_handle.clone().unwrap();
        self.client.delete_message().queue_url(url).receipt_handle(handle).send().await.unwrap();
    }

    /// Returns the code of the error, or `""`.
    async fn change_visibility(&self, url: &str, message: &Message, seconds: i32) -> String {
        let change = self.client.change_message_visibility().queue_url(url);
        let change = change.set_receipt_handle(message.receipt_handle.clone());
        code(change.visibility_timeout(seconds).send().await)
    }

    async fn attributes(&self, url: &str) -> HashMap<QueueAttributeName, String> {
        let read = self.client.get_queue_attributes().queue_url(url);
        read.attribute_names(QueueAttributeName::All).send().await.unwrap().attributes.unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(endpoint)
        .region(Region::new("cn-north-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(outbound::aws_http_client().unwrap())
        .build();
    Client::from_conf(config)
}

fn open(state_file: Option<PathBuf>, now_ms: &Arc<AtomicI64>) -> Result<Sqs, super::OpenError> {
    let now_ms = Arc::clone(now_ms);
    Sqs::open(SqsOptions {
        clock: Arc::new(move || now_ms.load(Ordering::SeqCst)),
        state_file,
        account: "000000000000".to_owned(),
        region: "cn-north-1".to_owned(),
    })
}

fn texts<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The code by which the SDK distinguishes errors, or `""` for success.
fn code<T, E: ProvideErrorMetadata + Debug>(result: Result<T, SdkError<E>>) -> String {
    result.map_or_else(|error| error.code().unwrap_or("none").to_owned(), |_| String::new())
}

fn system(message: &Message, name: &str) -> String {
    let attributes = message.attributes.as_ref().unwrap();
    attributes.get(&MessageSystemAttributeName::from(name)).cloned().unwrap_or_default()
}

fn redrive(queue: &str, receive_count_max: i64) -> String {
    format!(
        r#"{{"deadLetterTargetArn":"arn:aws:sqs:cn-north-1:000000000000:{queue}","maxReceiveCount":"{receive_count_max}"}}"#
    )
}
