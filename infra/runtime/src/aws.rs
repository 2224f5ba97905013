//! AWS clients, built by hand. `aws-config` and the system's root store would cost each cold start 13 ms, and are not needed.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, timeout::TimeoutConfig};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use queue::Queue;

use crate::config::{ConfigError, find_variable, variable};

/// The limit of one try of a call to DynamoDB. The client makes three tries. With the pauses between them, the call takes seven seconds at
/// most.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const CALL_TIMEOUT: Duration = Duration::from_secs(7);

/// The limit of one try of a call to SQS.
const SQS_ATTEMPT_TIMEOUT: Duration = Duration::from_millis(500);

/// Credentials, region and endpoints.
#[derive(Clone, Debug)]
pub struct AwsConfig {
    /// `AWS_REGION`
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, which Lambda sets for each sandbox.
    pub credentials: Credentials,
    /// An endpoint other than AWS's own: `AWS_ENDPOINT_URL_DYNAMODB`
    pub dynamo_endpoint: Option<String>,
    /// An endpoint other than AWS's own: `AWS_ENDPOINT_URL_SQS`
    pub sqs_endpoint: Option<String>,
    /// An endpoint other than AWS's own: `AWS_ENDPOINT_URL_LAMBDA`
    pub lambda_endpoint: Option<String>,
    /// An endpoint other than AWS's own: `AWS_ENDPOINT_URL_SNS`
    pub sns_endpoint: Option<String>,
}

impl AwsConfig {
    /// # Errors
    /// [`ConfigError::Missing`].
    pub fn from_environment() -> Result<Self, ConfigError> {
        let credentials = Credentials::new(
            variable("AWS_ACCESS_KEY_ID")?,
            variable("AWS_SECRET_ACCESS_KEY")?,
            find_variable("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        Ok(Self {
            region: variable("AWS_REGION")?,
            credentials,
            dynamo_endpoint: find_variable("AWS_ENDPOINT_URL_DYNAMODB"),
            sqs_endpoint: find_variable("AWS_ENDPOINT_URL_SQS"),
            lambda_endpoint: find_variable("AWS_ENDPOINT_URL_LAMBDA"),
            sns_endpoint: find_variable("AWS_ENDPOINT_URL_SNS"),
        })
    }
}

/// Makes clients that share one pool of connections.
#[derive(Clone, Debug)]
pub struct AwsClients {
    config: AwsConfig,
    http: SharedHttpClient,
    patience: u32,
}

impl AwsClients {
    /// # Errors
    /// [`ConfigError::Outbound`].
    pub fn new(config: AwsConfig) -> Result<Self, ConfigError> {
        Ok(Self { config, http: outbound::aws_http_client()?, patience: 1 })
    }

    /// The same clients with another HTTP client, which is made from this one. The local stack so puts its IAM in between.
    #[must_use]
    pub fn rerouted(&self, route: impl FnOnce(SharedHttpClient) -> SharedHttpClient) -> Self {
        Self { http: route(self.http.clone()), ..self.clone() }
    }

    /// The same clients, with time limits that are this many times as long.
    #[must_use]
    pub fn patient(self, patience: u32) -> Self {
        Self { patience, ..self }
    }

    /// A client of DynamoDB.
    pub fn dynamo(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.config.region.clone()))
            .credentials_provider(self.config.credentials.clone())
            .http_client(self.http.clone())
            .timeout_config(self.timeouts(ATTEMPT_TIMEOUT, CALL_TIMEOUT));
        config.set_endpoint_url(self.config.dynamo_endpoint.clone());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// A client of SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let mut config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.config.region.clone()))
            .credentials_provider(self.config.credentials.clone())
            .http_client(self.http.clone())
            .timeout_config(self.timeouts(SQS_ATTEMPT_TIMEOUT, Queue::CALL_LONGEST));
        config.set_endpoint_url(self.config.sqs_endpoint.clone());
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// A client of Lambda.
    pub fn lambda(&self) -> aws_sdk_lambda::Client {
        let mut config = aws_sdk_lambda::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.config.region.clone()))
            .credentials_provider(self.config.credentials.clone())
            .http_client(self.http.clone());
        config.set_endpoint_url(self.config.lambda_endpoint.clone());
        aws_sdk_lambda::Client::from_conf(config.build())
    }

    /// A client of SNS.
    pub fn sns(&self) -> aws_sdk_sns::Client {
        let mut config = aws_sdk_sns::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.config.region.clone()))
            .credentials_provider(self.config.credentials.clone())
            .http_client(self.http.clone());
        config.set_endpoint_url(self.config.sns_endpoint.clone());
        aws_sdk_sns::Client::from_conf(config.build())
    }

    fn timeouts(&self, attempt: Duration, call: Duration) -> TimeoutConfig {
        let [attempt, call] = [attempt, call].map(|longest| longest * self.patience);
        TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(call).build()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_smithy_runtime_api::client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::HttpRequest,
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    };

    use domain::{
        AppId, BillNum, Delivery, DeliveryId, DeliveryState, Event, Lane, Mode, Shard, Timestamp, TransactionId,
        WebhookId,
    };
    use queue::{QueueUrls, Ring};

    use super::*;

    /// Keeps the address of a request, and sends nothing.
    #[derive(Clone, Debug, Default)]
    struct Addressee(Arc<Mutex<Vec<String>>>);

    impl HttpClient for Addressee {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    impl HttpConnector for Addressee {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            self.0.lock().unwrap().push(request.uri().to_owned());
            HttpConnectorFuture::ready(Err(ConnectorError::user("nobody is asked here".into())))
        }
    }

    /// The partition `aws-cn` has a domain of its own.
    #[tokio::test]
    async fn clients_go_to_the_endpoints_of_their_region() {
        let cases = [
            ("eu-central-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("cn-northwest-1", "amazonaws.com.cn"),
        ];
        for (region, domain) in cases {
            let addressee = Addressee::default();
            let credentials = Credentials::new("key", "secret", Some("token".to_owned()), None, "test");
            let region_name = region.to_owned();
            let (dynamo_endpoint, sqs_endpoint, lambda_endpoint, sns_endpoint) = (None, None, None, None);
            let config = AwsConfig {
                region: region_name,
                credentials,
                dynamo_endpoint,
                sqs_endpoint,
                lambda_endpoint,
                sns_endpoint,
            };
            let clients = AwsClients::new(config).unwrap().rerouted(|_| SharedHttpClient::new(addressee.clone()));
            drop(clients.dynamo().get_item().table_name("t").send().await);
            let queue = format!("https://sqs.{region}.{domain}/123456789012/q");
            drop(clients.sqs().send_message().queue_url(queue).message_body("m").send().await);
            drop(clients.lambda().invoke().function_name("f").send().await);
            let mut asked = addressee.0.lock().unwrap().clone();
            asked.dedup();
            let expected = [
                format!("https://dynamodb.{region}.{domain}/"),
                format!("https://sqs.{region}.{domain}/"),
                format!("https://lambda.{region}.{domain}/2015-03-31/functions/f/invocations"),
            ];
            assert_eq!(asked, expected);
        }
    }

    /// Takes requests, and never answers.
    #[derive(Clone, Debug)]
    struct Silent;

    impl HttpClient for Silent {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    impl HttpConnector for Silent {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            HttpConnectorFuture::new(std::future::pending())
        }
    }

    fn delivery(n: u8) -> Delivery {
        let now = Timestamp::clamped(0);
        let id = DeliveryId {
            app: AppId::parse("568a12086e912100017722e5").unwrap(),
            mode: Mode::Test,
            bill: BillNum::parse("1").unwrap(),
            transaction: TransactionId::generate(now, [n; 6]),
            event: Event::PaymentSuccess,
            about: String::new(),
            webhook: WebhookId::parse("01a208d052406fcfdef44463").unwrap(),
        };
        let (members, shard, records) = (serde_json::Map::new(), Shard::FIRST, Vec::new());
        let (state, attempt, attempts_before) = (DeliveryState::Waiting, 1, 0);
        Delivery { id, members, shard, created_at: now, state, attempt, attempts_before, due_at: now, records }
    }

    /// The clock of this test jumps to the next timer.
    #[tokio::test(start_paused = true)]
    async fn bells_of_a_queue_that_hangs_take_a_second_however_many_they_are() {
        let credentials = Credentials::new("key", "secret", None, None, "test");
        let (dynamo_endpoint, sqs_endpoint, lambda_endpoint, sns_endpoint) = (None, None, None, None);
        let region = "eu-central-1".to_owned();
        let config = AwsConfig { region, credentials, dynamo_endpoint, sqs_endpoint, lambda_endpoint, sns_endpoint };
        let clients = AwsClients::new(config).unwrap().rerouted(|_| SharedHttpClient::new(Silent));
        let url = "https://sqs.eu-central-1.amazonaws.com/123456789012/q".to_owned();
        let urls = QueueUrls { fast: url.clone(), slow: url.clone(), questions: url, dead_letters: None };
        let queue = Queue::new(move || clients.sqs(), urls);
        let deliveries: Vec<Delivery> = (0..60).map(delivery).collect();
        let lane = |n: usize| if n.is_multiple_of(2) { Lane::Fast } else { Lane::Slow };
        let rings = deliveries.iter().enumerate();
        let rings: Vec<_> =
            rings.map(|(n, delivery)| Ring { delivery, lane: lane(n), delay: Duration::ZERO }).collect();
        let began = tokio::time::Instant::now();
        assert!(queue.ring(&rings).await.is_empty());
        assert_eq!(began.elapsed().as_secs_f32().round(), Queue::CALL_LONGEST.as_secs_f32());
    }
}
