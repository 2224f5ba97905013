//! Starts the stack, part by part, and stops it.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use aws_credential_types::Credentials;
use axum::{Router, routing};
use bytes::Bytes;
use courier::Courier;
use domain::{Lane, Secret};
use outbound::{Functions as MerchantFunctions, Guard, Outbound};
use queue::Queue;
use runtime::{AwsClients, AwsConfig, Base, Config, LocalConfig};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::{
    Grant, Metered, StackClock, StorageFaults, Template,
    control::{self, Clockwork, Sweeper},
    demo::{self, Doorkeeper, Doorkeys},
    error::StartError,
    gateway::{self, FrontDoor, Function, Functions},
    iam::Iam,
    items::Tables,
    lambda::LocalLambda,
    mapping::{Doubled, Mapping, MappingSetup, Worker},
    meter::Meter,
    pages,
    parts::{
        REGION, Running, WorkQueue, create_queues, create_tables, listen, queue_urls, serve, serve_dynamo,
        serve_lambda, serve_sqs,
    },
    receiver::Receiver,
    said::Said,
    schedule::Schedule,
    simulators::Simulators,
    sqs::Sqs,
    state::{CLOCK, State, random_password},
    template::EventSource,
};

/// How the stack is to be started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen on 127.0.0.1; 0 lets the kernel choose.
    pub port: u16,
    /// Where state is kept over restarts; without it everything is gone at the end.
    pub data_dir: Option<PathBuf>,
    /// Under which address others reach this stack, if not under its own.
    pub public_url: Option<String>,
    /// Another DynamoDB than the embedded one, such as AWS's DynamoDB Local.
    pub dynamo_endpoint: Option<String>,
    /// The clock of everything.
    pub clock: StackClock,
    /// Ranges in CIDR, separated by commas, that webhooks may reach beside public addresses and this machine.
    pub allow_targets: String,
    /// A switch that stops the storage, for tests.
    pub storage_faults: Option<StorageFaults>,
    /// Whether the queue brings each message twice and in another order, as SQS may.
    pub doubled_messages: bool,
    /// Items, in the form of [`Stack::export`], that the tables hold before anything is looked for in them.
    pub items: Option<serde_json::Value>,
    /// How many times as long as deployed a function and a call of AWS may take. One, but for tests: debug builds on a busy machine are slow,
    /// and no test is about the time that something takes.
    pub patience: u32,
}

/// A stack that runs.
#[derive(Debug)]
pub struct Stack {
    doorkeys: Doorkeys,
    functions: Functions,
    environment: Environment,
    stop: watch::Sender<()>,
    running: Running,
    /// Nobody else may start on the data folder meanwhile.
    _lock: Vec<std::fs::File>,
}

/// What the local stack opens to webhooks: this machine, for its own receiver and for those who write one.
const LOOPBACK: &str = "127.0.0.0/8,::1/128";

/// So many requests are answered at once, and more are refused: this is one machine, which would else take them all into its memory.
const REQUESTS_AT_ONCE: usize = 256;

/// How often a running clock looks for what is due.
const TICK: Duration = Duration::from_millis(500);

impl Stack {
    /// Starts everything, and tells `progress` what is being started.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(options: Options, progress: impl Fn(&str)) -> Result<Self, StartError> {
        // On the heap: it holds every function, and would make the future of every spec as large.
        Box::pin(Self::start_parts(options, progress)).await
    }

    async fn start_parts(mut options: Options, progress: impl Fn(&str)) -> Result<Self, StartError> {
        let listener = listen(options.port).await?;
        let address = listener.local_addr().map_err(|error| StartError::part("listener", error))?;
        let url = format!("http://{address}");
        let state = State::open(options.data_dir.clone())?;
        options.clock = options.clock.kept_in(state.file(CLOCK))?;
        let (stop, stopped) = watch::channel(());
        let mut running = Running { parts: JoinSet::new(), stopped };

        progress("dynamodb");
        let dynamo_endpoint = match options.dynamo_endpoint.clone() {
            Some(endpoint) => endpoint,
            None => {
                if options.items.is_none() {
                    state.hold_database()?;
                }
                serve_dynamo(&mut running, &state).await?
            }
        };
        let dynamo_endpoint = match &options.storage_faults {
            Some(faults) => faults.serve(&mut running, dynamo_endpoint).await?,
            None => dynamo_endpoint,
        };
        progress("sqs");
        let (sqs, sqs_endpoint) = serve_sqs(&mut running, &state, &options.clock).await?;
        progress("simulators");
        let outbound = Outbound::new().map_err(|error| StartError::part("http client", error))?;
        let simulators = Simulators::open(&state, &url, &options.clock, &outbound)?;
        progress("functions");
        let lambda = LocalLambda::new(outbound);
        let lambda_endpoint = serve_lambda(&mut running, &lambda).await?;
        let endpoints =
            Endpoints { url: url.clone(), dynamo: dynamo_endpoint, sqs: sqs_endpoint, lambda: lambda_endpoint };
        // It is large, and would make the future of every spec as large.
        let (functions, environment) =
            Box::pin(build_functions(&options, &state, &endpoints, &sqs, &simulators)).await?;
        if let Some(items) = &options.items {
            functions.tables.import(items).await?;
        }
        progress("demo app");
        let apps = match state.apps.clone() {
            // Another DynamoDB gets new tables at each start.
            Some(apps) if options.dynamo_endpoint.is_some() => apps,
            Some(apps) => demo::known(&functions.admin, &state, apps).await?,
            // A call of the operator API is nested deeply; on the heap it is not a part of the start's own depth, of which the compiler
            // takes only so much.
            None => vec![Box::pin(demo::create(&functions.admin, &state.operator_token)).await?],
        };
        let (console_user, console_password) = match state.owner.clone() {
            Some(owner) => owner,
            None => Box::pin(demo::create_owner(&functions.admin, &state.operator_token, random_password()?)).await?,
        };
        // Before it answers: who finds it ready finds the keys, too.
        let operator_token = state.operator_token.clone();
        let console_password_changed = match &state.owner {
            Some((name, password)) => !demo::opens_console(&functions.admin, name, password).await?,
            None => false,
        };
        let doorkeys = Doorkeys { url, operator_token, console_user, console_password, console_password_changed, apps };
        state.keep(&doorkeys)?;
        let doorkeeper = Doorkeeper::new(&functions.admin.base.store, options.data_dir.clone(), &doorkeys);

        let mappings = mappings(&functions, &sqs, Doubled(options.doubled_messages))?;
        let clockwork = Clockwork {
            clock: options.clock.clone(),
            sqs,
            simulators: simulators.clone(),
            sweeper: Sweeper::new(functions.sweep.clone()),
            schedule: Schedule::new(functions.sweep.clone(), &functions.template, options.clock.now_ms()),
            mappings: mappings.clone(),
        };
        let router = Router::new()
            .route("/", routing::get(pages::front))
            .route("/_local/returned", routing::get(pages::returned))
            .route("/_local/clock", routing::post(control::advance).with_state(clockwork.clone()))
            .route("/_local/sums", routing::post(control::sums).with_state(functions.sweep.clone()))
            .route("/_local/reconcile", routing::post(control::reconcile).with_state(functions.sweep.clone()))
            .merge(simulators.router())
            .merge(Receiver::new(options.clock.clone()).router())
            .merge(lambda.registry())
            .fallback(routing::any(gateway::serve).with_state(FrontDoor {
                functions: functions.clone(),
                simulators,
                doorkeeper,
                room: Arc::new(Semaphore::new(REQUESTS_AT_ONCE)),
            }));
        serve(&mut running, "http", listener, router);
        // While the clock stands nothing falls due by itself, and a test's own call must not race with a tick.
        if options.clock.runs() {
            running.parts.spawn(tick(clockwork, running.stopped.clone()));
            for mapping in mappings {
                running.parts.spawn(mapping.serve(running.stopped.clone()));
            }
        }

        Ok(Self { doorkeys, functions, environment, stop, running, _lock: state.lock })
    }

    /// Where it answers, and the keys to it.
    pub fn doorkeys(&self) -> &Doorkeys {
        &self.doorkeys
    }

    /// The URL of the queue of a lane in the embedded SQS.
    pub fn queue_url(&self, lane: Lane) -> &str {
        self.work_url(WorkQueue::Deliveries(lane))
    }

    /// The URL of any of the queues in the embedded SQS whose messages are handed to a function.
    pub fn work_url(&self, queue: WorkQueue) -> &str {
        queue.url(&self.functions.deliver.base.config.queues)
    }

    /// The environment in which a function's real binary runs on this stack, as Lambda and the template would set it.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.environment.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// What the functions' calls of DynamoDB and SQS consumed since this was asked last.
    pub fn metered(&self) -> Vec<Metered> {
        self.functions.meter.take()
    }

    /// Answers one event of API Gateway's as the deployed function would.
    ///
    /// # Errors
    /// What is wrong with the event, or that no function has a route for it.
    pub async fn invoke(&self, event: &str) -> Result<http::Response<Bytes>, StartError> {
        let request = runtime::read_event(event).map_err(|error| StartError::part("event", error))?;
        self.functions.call(request).await.ok_or_else(|| StartError::part("event", "no function has a route for it"))
    }

    /// The metrics that the functions wrote, oldest first, as lines of CloudWatch's embedded format.
    pub fn metrics(&self) -> Vec<String> {
        self.functions.said.lines()
    }

    /// Takes those that were written since the last time. Of many only the latest 10,000 are kept.
    pub fn take_metrics(&self) -> Vec<String> {
        self.functions.said.take()
    }

    /// Answers one event that is no HTTP request, by the binary of the function it is for.
    ///
    /// # Errors
    /// What is wrong with the event, or that no function takes such.
    pub async fn invoke_event(&self, function: &str, event: &str) -> Result<String, StartError> {
        self.functions.call_event(function, event).await
    }

    /// What the functions did so far that takes a permission.
    pub fn permissions_used(&self) -> BTreeSet<Grant> {
        self.functions.iam.used()
    }

    /// Every item of both tables: `{"TransactionsTable": [{"pk": {"S": "..."}}]}`.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn export(&self) -> Result<serde_json::Value, StartError> {
        self.functions.tables.export().await
    }

    /// Puts items of such a form into the tables.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn import(&self, tables: &serde_json::Value) -> Result<(), StartError> {
        self.functions.tables.import(tables).await
    }

    /// Ends when a part breaks.
    ///
    /// # Errors
    /// What broke.
    pub async fn broken(&mut self) -> Result<(), StartError> {
        match self.running.parts.join_next().await {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => Err(StartError::part("a task", error)),
            None => Ok(()),
        }
    }

    /// Lets running requests finish, within reason, and stops.
    pub async fn stop(mut self) {
        const PATIENCE: Duration = Duration::from_secs(3);
        drop(self.stop);
        let all = async { while self.running.parts.join_next().await.is_some() {} };
        // Who holds a connection open longer is cut off when the process ends.
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }
}

/// Where the parts answer.
struct Endpoints {
    url: String,
    dynamo: String,
    sqs: String,
    lambda: String,
}

/// The mappings of the template, each to its function.
fn mappings(functions: &Functions, sqs: &Sqs, doubled: Doubled) -> Result<Vec<Mapping>, StartError> {
    let mapping = |source: &EventSource| {
        let worker = match Function::find(&source.function) {
            Some(Function::Deliver) => Worker::Deliver(functions.deliver.clone()),
            Some(Function::Ask) => Worker::Ask(functions.ask.clone()),
            _ => return Err(StartError::part("mapping", format!("`{}` takes no messages", source.function))),
        };
        let limit = functions.template.timeouts.get(&source.function).copied().unwrap_or_default();
        Ok(Mapping::new(source, MappingSetup { sqs: sqs.clone(), worker, limit, doubled }))
    };
    functions.template.event_sources.iter().map(mapping).collect()
}

/// The functions, each with what it needs, on tables and queues as the template describes them.
async fn build_functions(
    options: &Options,
    state: &State,
    endpoints: &Endpoints,
    sqs: &Sqs,
    simulators: &Simulators,
) -> Result<(Functions, Environment), StartError> {
    let clients = AwsClients::new(AwsConfig {
        region: REGION.to_owned(),
        credentials: Credentials::new("local", "local", None, None, "local"),
        dynamo_endpoint: Some(endpoints.dynamo.clone()),
        sqs_endpoint: Some(endpoints.sqs.clone()),
        lambda_endpoint: Some(endpoints.lambda.clone()),
    })
    .map_err(|error| StartError::part("aws clients", error))?
    .patient(options.patience);
    let template = Arc::new(Template::load()?.patient(options.patience));
    let tables = create_tables(&template, &clients, options.dynamo_endpoint.is_some()).await?;
    let queues = create_queues(&template, sqs, &endpoints.sqs)?;
    let config = Config {
        stack: "local".to_owned(),
        public_url: options.public_url.clone().unwrap_or_else(|| endpoints.url.clone()),
        transactions_table: tables.find("TransactionsTable")?,
        configuration_table: tables.find("ConfigurationTable")?,
        queues: queue_urls(&queues)?,
        sealing_key: Secret::new(state.sealing_key.clone()),
        operator_token: Some(Secret::new(state.operator_token.clone())),
        console_key: Some(Secret::new(state.console_key.clone())),
        apps_remembered: Duration::ZERO,
        targets: Guard::allowing(&format!("{LOOPBACK},{}", options.allow_targets))
            .map_err(|error| StartError::part("address guard", error))?,
        local: Some(LocalConfig { simulators: simulators.tabs() }),
    };
    let said = Said::default();
    let iam = Iam::new(&template, tables.logical().chain(queues.logical()));
    let meter = Meter::default();
    let metrics = said.metrics(&options.clock);
    let guarded = Outbound::guarded(config.targets.clone());
    let guarded = guarded.map_err(|error| StartError::part("http client", error))?;
    let environment = environment(&config, endpoints);
    let tables = Tables { dynamo: clients.dynamo(), names: tables.pairs() };
    // As in the cloud, each function has clients of its own, which may do what its policy allows.
    let stand = |function: Function| -> Result<settlement::Deps, StartError> {
        let name = function.name();
        let clients = clients.rerouted(|http| meter.measure(name, iam.guard(name, http)));
        let base = Base::new(config.clone(), &clients, options.clock.as_clock(), metrics.clone())
            .map_err(|error| StartError::part("configuration", error))?;
        let queue = Queue::new(move || clients.sqs(), base.config.queues.clone());
        Ok(settlement::Deps { base, queue, outbound: guarded.clone() })
    };
    let (charge, query, sweep) = (stand(Function::Charge)?, stand(Function::Query)?, stand(Function::Sweep)?);
    let (admin, deliver) = (stand(Function::Admin)?, stand(Function::Deliver)?);
    let courier = |function: Function| {
        let clients = clients.rerouted(|http| iam.guard(function.name(), http));
        Courier { outbound: guarded.clone(), functions: MerchantFunctions::new(move || clients.lambda()) }
    };
    let functions = Functions {
        charge: charge::Deps {
            base: charge.base,
            outbound: charge.outbound,
            client_counts: charge::ClientCounts::default(),
        },
        query: query::Deps {
            base: query.base,
            queue: query.queue,
            outbound: query.outbound,
            recent: query::Recent::default(),
        },
        provider_notify: stand(Function::ProviderNotify)?,
        deliver: deliver::Deps { base: deliver.base, queue: deliver.queue, courier: courier(Function::Deliver) },
        ask: ask::Deps { settlement: stand(Function::Ask)?, left_alone: ask::LeftAlone::default() },
        sweep,
        admin: admin::Deps {
            base: admin.base,
            queue: admin.queue,
            outbound: admin.outbound,
            courier: courier(Function::Admin),
        },
        template,
        said,
        iam,
        meter,
        tables,
    };
    Ok((functions, environment))
}

type Environment = Vec<(&'static str, String)>;

/// What Lambda and the template would tell a function. A deployed function knows no simulators.
fn environment(config: &Config, endpoints: &Endpoints) -> Environment {
    let text = |secret: &Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().clone());
    vec![
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", "local".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoints.dynamo.clone()),
        ("AWS_ENDPOINT_URL_SQS", endpoints.sqs.clone()),
        ("AWS_ENDPOINT_URL_LAMBDA", endpoints.lambda.clone()),
        ("MAXPAY_STACK", config.stack.clone()),
        ("MAXPAY_PUBLIC_URL", config.public_url.clone()),
        ("MAXPAY_TRANSACTIONS_TABLE", config.transactions_table.clone()),
        ("MAXPAY_CONFIGURATION_TABLE", config.configuration_table.clone()),
        ("MAXPAY_DELIVERIES_QUEUE_URL", config.queues.fast.clone()),
        ("MAXPAY_SLOW_DELIVERIES_QUEUE_URL", config.queues.slow.clone()),
        ("MAXPAY_DEAD_LETTERS_QUEUE_URL", config.queues.dead_letters.clone().unwrap_or_default()),
        ("MAXPAY_QUESTIONS_QUEUE_URL", config.queues.questions.clone()),
        ("MAXPAY_ALLOWED_TARGETS", LOOPBACK.to_owned()),
        ("MAXPAY_SEALING_KEY", config.sealing_key.expose().clone()),
        ("MAXPAY_OPERATOR_TOKEN", text(&config.operator_token).unwrap_or_default()),
        ("MAXPAY_CONSOLE_KEY", text(&config.console_key).unwrap_or_default()),
    ]
}

async fn tick(clockwork: Clockwork, mut stopped: watch::Receiver<()>) -> Result<(), StartError> {
    loop {
        tokio::select! {
            _ = stopped.changed() => return Ok(()),
            () = tokio::time::sleep(TICK) => clockwork.tick().await,
        }
    }
}
