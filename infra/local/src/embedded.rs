//! The stack for the simulation. It has no sockets, threads or timers of its own: the simulation makes everything happen, in one thread and
//! in an order that it chooses.
//!
//! DynamoDB and SQS are those of the local stack, but they are called directly, without a connection. The functions are the real ones. Each
//! runs in as many sandboxes as the holder wants, and the holder gives each sandbox its clients, clock and random bytes.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use axum::{Router, body::Body};
use bytes::Bytes;
use courier::Courier;
use domain::Secret;
use dynoxide::Database;
use http_body_util::BodyExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use outbound::{Functions as MerchantFunctions, Guard, Outbound};
use queue::Queue;
use runtime::{AwsClients, AwsConfig, Batch, Clock, Config, LocalConfig, Metrics, Random, Services};

use crate::{
    Function, StackClock, Template, dynamo,
    error::StartError,
    handed::read_page,
    mapping::{Worker, message_of},
    parts::{ACCOUNT, DynamoUse, REGION, WorkQueue, create_queues, create_tables, queue_urls},
    simulators::Simulators,
    sqs::{Received, Sqs, SqsOptions},
    state::State,
};

const ENDPOINT: &str = "http://aws.simulated";

/// A call of a function to AWS.
#[derive(Clone, Debug)]
pub struct AwsCall {
    /// The service that is called.
    pub service: AwsService,
    /// In AWS's words: `PutItem`, `SendMessage`.
    pub operation: String,
    /// JSON.
    pub body: Bytes,
}

/// A service that functions call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsService {
    /// The tables.
    Dynamo,
    /// The queue.
    Sqs,
    /// The merchants' functions.
    Lambda,
}

/// The answer to such a call.
#[derive(Clone, Debug)]
pub enum AwsAnswer {
    /// A status and JSON.
    Answered(u16, Bytes),
    /// The connection breaks.
    Broken,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How a sandbox reaches AWS.
#[derive(Clone)]
pub struct ToAws(pub Arc<dyn Fn(AwsCall) -> BoxFuture<AwsAnswer> + Send + Sync>);

impl fmt::Debug for ToAws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToAws")
    }
}

impl HttpClient for ToAws {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for ToAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let (service, operation) = match target.split_once('.') {
            Some(("AmazonSQS", operation)) => (AwsService::Sqs, operation),
            Some((_, operation)) => (AwsService::Dynamo, operation),
            None => (AwsService::Lambda, "Invoke"),
        };
        let body = request.body().bytes().map(Bytes::copy_from_slice).unwrap_or_default();
        let answered = (self.0)(AwsCall { service, operation: operation.to_owned(), body });
        HttpConnectorFuture::new(async move {
            match answered.await {
                AwsAnswer::Broken => Err(ConnectorError::io("simulated: the connection broke".into())),
                AwsAnswer::Answered(status, body) => {
                    let status =
                        StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
                    let mut response = HttpResponse::new(status, SdkBody::from(body));
                    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
                    Ok(response)
                }
            }
        })
    }
}

/// What the holder gives to the whole stack.
#[derive(Clone)]
pub struct EmbeddedOptions {
    /// The clock of AWS and of the providers.
    pub clock: Clock,
    /// How the providers' notifies are sent.
    pub notifies: Outbound,
    /// The address of the providers and the API.
    pub url: String,
    /// For `/admin/v1`.
    pub operator_token: String,
    /// 32 bytes in base64.
    pub sealing_key: String,
}

/// The parts of the stack besides the functions.
#[derive(Clone)]
pub struct Embedded {
    tables: Arc<DoubleTables>,
    sqs: Sqs,
    sqs_router: Router,
    simulators: Simulators,
    providers: Router,
    template: Arc<Template>,
    clients: AwsClients,
    config: Config,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Embedded")
    }
}

/// The tables, and a copy of them that may lag, as an index may.
struct DoubleTables {
    primary: Database,
    replica: Database,
    /// Writes that the primary has and the replica does not have yet.
    pending: Mutex<VecDeque<(i64, AwsCall)>>,
}

impl Embedded {
    /// Makes the template's tables and queues, all empty, and providers without data.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(template: Arc<Template>, options: EmbeddedOptions) -> Result<Self, StartError> {
        let failed = |error: dynoxide::DynoxideError| StartError::part("dynamodb", error.to_string());
        let tables = Arc::new(DoubleTables {
            primary: Database::memory().map_err(failed)?,
            replica: Database::memory().map_err(failed)?,
            pending: Mutex::default(),
        });
        let stack_clock = StackClock::of(options.clock);
        let now = stack_clock.clone();
        let sqs = Sqs::open(SqsOptions {
            clock: Arc::new(move || now.now_ms()),
            state_file: None,
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
        })
        .map_err(|error| StartError::part("sqs", error))?;
        let state = State::open(None)?;
        let simulators = Simulators::open(&state, &options.url, &stack_clock, &options.notifies)?;
        let clients = AwsClients::new(AwsConfig {
            region: REGION.to_owned(),
            credentials: Credentials::new("local", "local", None, None, "local"),
            dynamo_endpoint: Some(ENDPOINT.to_owned()),
            sqs_endpoint: Some(ENDPOINT.to_owned()),
            lambda_endpoint: Some(ENDPOINT.to_owned()),
            sns_endpoint: Some(ENDPOINT.to_owned()),
        })
        .map_err(|error| StartError::part("aws clients", error))?;
        let straight = Arc::clone(&tables);
        let straight = ToAws(Arc::new(move |call| {
            let answered = straight.answer(&call, 0);
            Box::pin(std::future::ready(answered))
        }));
        let straight = clients.rerouted(|_| SharedHttpClient::new(straight));
        let names = create_tables(&template, &straight, DynamoUse::Own).await?;
        tables.catch_up(i64::MAX);
        let queues = create_queues(&template, &sqs, ENDPOINT)?;
        let config = Config {
            stack: "simulated".to_owned(),
            public_url: options.url,
            transactions_table: names.find("TransactionsTable")?,
            configuration_table: names.find("ConfigurationTable")?,
            queues: queue_urls(&queues)?,
            sealing_key: Secret::new(options.sealing_key.clone()),
            operator_token: Some(Secret::new(options.operator_token)),
            console_key: Some(Secret::new(options.sealing_key)),
            apps_remembered: Duration::from_secs(5),
            targets: Guard::default(),
            local: Some(LocalConfig { simulators: simulators.tabs(), robots: String::new() }),
        };
        let (sqs_router, providers) = (sqs.router(), simulators.router());
        Ok(Self { tables, sqs, sqs_router, simulators, providers, template, clients, config })
    }

    /// Calls DynamoDB or SQS, at once and without a fault.
    pub async fn ask(&self, call: &AwsCall, now_ms: i64) -> AwsAnswer {
        match call.service {
            AwsService::Dynamo => self.tables.answer(call, now_ms),
            AwsService::Sqs => {
                let request = http::Request::post("/")
                    .header("content-type", "application/x-amz-json-1.0")
                    .header("x-amz-target", format!("AmazonSQS.{}", call.operation));
                let Ok(request) = request.body(Body::from(call.body.clone())) else { return AwsAnswer::Broken };
                match answer(&self.sqs_router, request).await {
                    Some(answer) => AwsAnswer::Answered(answer.status().as_u16(), answer.into_body()),
                    None => AwsAnswer::Broken,
                }
            }
            AwsService::Lambda => AwsAnswer::Broken,
        }
    }

    /// Calls the copy that lags: it shows what was written until `until_ms`.
    pub fn ask_lagging(&self, call: &AwsCall, until_ms: i64) -> AwsAnswer {
        self.tables.catch_up(until_ms);
        answered(&self.tables.replica, call)
    }

    /// Brings the copy up to date until `until_ms`, so that the writes it has not seen do not grow without bound.
    pub fn catch_up(&self, until_ms: i64) {
        self.tables.catch_up(until_ms);
    }

    /// What a provider answers. A test also uses this to play the provider's users.
    pub async fn provider(&self, request: http::Request<Bytes>) -> Option<http::Response<Bytes>> {
        answer(&self.providers, request.map(Body::from)).await
    }

    /// Gives the payer what a charge returned, if there is something to open.
    pub fn hand_over(&self, asked: &[u8], answered: &[u8]) {
        self.simulators.keep(read_page(asked, answered));
    }

    /// Sends the notifies that are due.
    pub async fn run_providers(&self) {
        self.simulators.run_due().await;
    }

    /// When a provider does something next.
    pub fn providers_due(&self) -> Option<i64> {
        self.simulators.next_due()
    }

    /// When a message becomes visible next.
    pub fn queue_due(&self) -> Option<i64> {
        self.sqs.next_event_ms()
    }

    /// Receives a batch of the messages that are visible in a queue now.
    pub fn receive(&self, queue: WorkQueue, max: usize) -> Vec<Received> {
        self.sqs.receive(queue.name(), max, VISIBILITY_SECONDS).unwrap_or_default()
    }

    /// Deletes a message.
    pub fn delete(&self, queue: WorkQueue, message: &Received) {
        // It may have been purged meanwhile.
        let _ = self.sqs.delete(queue.name(), &message.receipt_handle);
    }

    /// How many messages there are in a queue, visible or not.
    pub fn queued(&self, queue: WorkQueue) -> usize {
        self.sqs.depth(queue.name()).map_or(0, |depth| depth.visible + depth.in_flight + depth.delayed)
    }

    /// The URL of a queue.
    pub fn queue_url(&self, queue: WorkQueue) -> &str {
        queue.url(&self.config.queues)
    }

    /// The function that answers such a request, by the template's routes.
    pub fn route(&self, method: &str, path: &str) -> Option<Function> {
        let route = self.template.route(method, path);
        Function::find(route.map(|route| &route.function).or(self.template.default_function.as_ref())?)
    }

    /// A sandbox of a function, in a cold start as in Lambda.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn sandbox(&self, function: Function, setup: SandboxSetup) -> Result<FunctionSandbox, StartError> {
        let clients = self.clients.rerouted(|_| SharedHttpClient::new(setup.aws));
        let metrics = Metrics::new("simulated", setup.clock.clone(), |_| {});
        let mut services = Services::new(self.config.clone(), &clients, setup.clock, metrics)
            .map_err(|error| StartError::part("configuration", error))?;
        services.random = setup.random;
        let sqs = clients.clone();
        let queue = Queue::new(move || sqs.sqs(), services.config.queues.clone());
        let outbound = setup.outbound;
        let courier =
            Courier { outbound: outbound.clone(), functions: MerchantFunctions::new(move || clients.lambda()) };
        let deps = match function {
            Function::Charge => {
                let client_counts = charge::ClientCounts::default();
                Deps::Charge(charge::Deps { services, outbound, client_counts })
            }
            Function::Checkout => Deps::Checkout(Box::new(checkout::Deps::new(services, queue, outbound))),
            Function::Query => Deps::Query(query::Deps { services, queue, outbound, recent: query::Recent::default() }),
            Function::ProviderNotify => Deps::ProviderNotify(settlement::Deps { services, queue, outbound }),
            Function::Admin => Deps::Admin(Box::new(admin::Deps { services, queue, outbound, courier })),
            Function::Deliver => Deps::Worker(Box::new(Worker::Deliver(deliver::Deps { services, queue, courier }))),
            Function::Ask => {
                let settlement = settlement::Deps { services, queue, outbound };
                Deps::Worker(Box::new(Worker::Ask(ask::Deps { settlement, left_alone: ask::LeftAlone::default() })))
            }
            Function::Sweep => Deps::Sweep(settlement::Deps { services, queue, outbound }),
            Function::Unrouted => Deps::Unrouted,
        };
        Ok(FunctionSandbox(deps))
    }
}

/// The visibility timeout of a message, as the template sets it.
const VISIBILITY_SECONDS: i64 = 180;

/// What the holder gives to one sandbox.
pub struct SandboxSetup {
    /// How it reaches AWS.
    pub aws: ToAws,
    /// How it reaches providers and webhooks.
    pub outbound: Outbound,
    /// Its clock.
    pub clock: Clock,
    /// Its random bytes.
    pub random: Random,
}

/// A function in a sandbox. It takes one call at a time, as in Lambda.
#[derive(Debug)]
pub struct FunctionSandbox(Deps);

#[derive(Debug)]
enum Deps {
    Charge(charge::Deps),
    Checkout(Box<checkout::Deps>),
    Query(query::Deps),
    ProviderNotify(provider_notify::Deps),
    Admin(Box<admin::Deps>),
    Worker(Box<Worker>),
    Sweep(sweep::Deps),
    Unrouted,
}

impl FunctionSandbox {
    /// Answers an HTTP request. `None` if the function takes no HTTP requests.
    pub async fn call(&self, request: http::Request<Bytes>) -> Option<http::Response<Bytes>> {
        match &self.0 {
            Deps::Charge(deps) => Some(Box::pin(charge::handle(deps, request)).await),
            Deps::Checkout(deps) => Some(Box::pin(checkout::handle(deps, request)).await),
            Deps::Query(deps) => Some(Box::pin(query::handle(deps, request)).await),
            Deps::ProviderNotify(deps) => Some(Box::pin(provider_notify::handle(deps, request)).await),
            Deps::Admin(deps) => Some(Box::pin(admin::handle(deps, request)).await),
            Deps::Unrouted => Some(unrouted::handle(&request)),
            Deps::Worker(_) | Deps::Sweep(_) => None,
        }
    }

    /// Hands over messages of a queue. Returns the ids of those that failed. `None` if the function takes no messages.
    pub async fn bring(&self, queue: WorkQueue, messages: &[Received]) -> Option<Vec<String>> {
        let Deps::Worker(worker) = &self.0 else { return None };
        let source = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", queue.name());
        let records = messages.iter().map(|message| message_of(&source, message)).collect();
        let failures = worker.handle(Batch { records }).await;
        Some(failures.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect())
    }

    /// Runs a task of the schedule (`{"task":"sums"}`). Returns whether anything was done. `None` if this is not a sweep, or the task is
    /// unknown.
    pub async fn tick(&self, tick: &str) -> Option<bool> {
        let Deps::Sweep(deps) = &self.0 else { return None };
        let done = Box::pin(sweep::run(deps, serde_json::from_str(tick).ok()?)).await;
        Some(done != sweep::Done::Swept(sweep::Swept::default()))
    }
}

async fn answer(router: &Router, request: http::Request<Body>) -> Option<http::Response<Bytes>> {
    let answer = TowerToHyperService::new(router.clone()).call(request).await.ok()?;
    let (parts, body) = answer.into_parts();
    Some(http::Response::from_parts(parts, body.collect().await.ok()?.to_bytes()))
}

impl DoubleTables {
    fn answer(&self, call: &AwsCall, now_ms: i64) -> AwsAnswer {
        let answer = answered(&self.primary, call);
        let is_done = matches!(answer, AwsAnswer::Answered(200, _));
        if is_done && dynamo::changes(&call.operation) {
            self.pending.lock().unwrap_or_else(PoisonError::into_inner).push_back((now_ms, call.clone()));
        }
        answer
    }

    fn catch_up(&self, until_ms: i64) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((at_ms, call)) = pending.pop_front() {
            if at_ms > until_ms {
                pending.push_front((at_ms, call));
                return;
            }
            // If the primary took a write, the replica takes it, too: both are written in the same order.
            answered(&self.replica, &call);
        }
    }
}

fn answered(database: &Database, call: &AwsCall) -> AwsAnswer {
    let answer = dynamo::answer(database, &call.operation, &call.body);
    AwsAnswer::Answered(answer.status, answer.json.into())
}
