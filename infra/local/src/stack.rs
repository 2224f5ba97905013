//! Starts the stack, part by part, and stops it. `assembly.rs` builds the functions on the parts.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use axum::{Router, middleware, routing};
use bytes::Bytes;
use domain::Lane;
use outbound::Outbound;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::{
    Grant, Metered, StackClock, StorageFaults,
    assembly::{Built, Environment, build_functions},
    control::{self, Clockwork, Sweeper},
    demo::{self, KeysFile, StackKeys},
    error::StartError,
    gateway::{self, FrontDoor, Function, Functions},
    lambda::LocalLambda,
    mapping::{Doubled, Mapping, MappingSetup, Worker},
    pages,
    parts::{Running, ServedSqs, WorkQueue, listen, serve, serve_dynamo, serve_lambda, serve_sqs},
    receiver::Receiver,
    reference,
    robots::Robots,
    schedule::Schedule,
    simulators::Simulators,
    sqs::Sqs,
    state::{CLOCK, State, random_password},
    template::EventSource,
    wallets,
};

/// The settings with which the stack is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on 127.0.0.1. With 0 the kernel chooses one.
    pub port: u16,
    /// The folder where state is kept over restarts. With `None` everything is lost at the end.
    pub data_dir: Option<PathBuf>,
    /// The address under which others reach this stack, if it differs from its own.
    pub public_url: Option<String>,
    /// A DynamoDB instead of the embedded one, such as AWS's DynamoDB Local.
    pub dynamo_endpoint: Option<String>,
    /// The clock of the whole stack.
    pub clock: StackClock,
    /// Ranges in CIDR, separated by commas, that webhooks may reach in addition to public addresses and this machine.
    pub allow_targets: String,
    /// A switch that stops the storage, for tests.
    pub storage_faults: Option<StorageFaults>,
    /// Whether the queue hands out each message twice and in another order, as SQS may do.
    pub doubled_messages: bool,
    /// Items in the form of [`Stack::export`] that the tables hold from the start.
    pub items: Option<serde_json::Value>,
    /// How many times longer than deployed a function or a call of AWS may take. It is 1, except in tests: debug builds on a busy machine
    /// are slow, and no test measures a time.
    pub patience: u32,
}

/// A stack that runs.
#[derive(Debug)]
pub struct Stack {
    keys: StackKeys,
    functions: Box<Functions>,
    environment: Environment,
    stop: watch::Sender<()>,
    running: Running,
    /// While this is held, no other stack can start on the data folder.
    _lock: Vec<std::fs::File>,
}

/// The most requests that are answered at once. More are refused, so that they do not fill the memory of this one machine.
const REQUESTS_AT_ONCE: usize = 256;

/// How often a stack with a running clock looks for what is due.
const TICK: Duration = Duration::from_millis(500);

impl Stack {
    /// Starts everything, and calls `progress` with what is being started.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(options: Options, progress: impl Fn(&str)) -> Result<Self, StartError> {
        // On the heap: the future holds every function, and the future of every spec would become as large.
        Box::pin(Self::start_parts(options, progress)).await
    }

    async fn start_parts(mut options: Options, progress: impl Fn(&str)) -> Result<Self, StartError> {
        let listener = listen(options.port).await?;
        let address = listener.local_addr().map_err(|error| StartError::part("listener", error))?;
        let state = State::open(options.data_dir.clone())?;
        options.clock = options.clock.kept_in(state.file(CLOCK))?;
        let (stop, stopped) = watch::channel(());
        let mut running = Running { parts: JoinSet::new(), stopped };

        let url = format!("http://{address}");
        let parts = Parts::start(&mut running, &options, &state, url, &progress).await?;
        progress("functions");
        // On the heap: the future is large, and the future of every spec would become as large.
        let Built { functions, environment } = Box::pin(build_functions(&options, &state, &parts)).await?;
        if let Some(items) = &options.items {
            functions.tables.import(items).await?;
        }
        progress("demo app");
        // This comes before the stack answers, so a caller that finds the stack ready also finds the keys.
        let keys = prepare_keys(&options, &state, &functions, parts.endpoints.url.clone()).await?;

        let mappings = mappings(&functions, &parts.sqs, Doubled(options.doubled_messages))?;
        let clockwork = clockwork(&options, &functions, &parts, &mappings);
        let keys_file = KeysFile::new(&functions.admin.services.store, options.data_dir.clone(), &keys);
        let router = router(&options, &functions, parts, &clockwork, keys_file);
        serve(&mut running, "http", listener, router);
        // If the clock stands still, a test moves it and calls what is due. A tick would race with those calls.
        if options.clock.runs() {
            running.parts.spawn(tick(clockwork, running.stopped.clone()));
            for mapping in mappings {
                running.parts.spawn(mapping.serve(running.stopped.clone()));
            }
        }
        Ok(Self { keys, functions: Box::new(functions), environment, stop, running, _lock: state.lock })
    }

    /// The address of the stack, and its keys.
    pub fn keys(&self) -> &StackKeys {
        &self.keys
    }

    /// The URL of the queue of a lane in the embedded SQS.
    pub fn queue_url(&self, lane: Lane) -> &str {
        self.work_url(WorkQueue::Deliveries(lane))
    }

    /// The URL of any queue in the embedded SQS whose messages a function takes.
    pub fn work_url(&self, queue: WorkQueue) -> &str {
        queue.url(&self.functions.deliver.services.config.queues)
    }

    /// The environment for a function's real binary on this stack, as Lambda and the template would set it.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.environment.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// What the functions' calls of DynamoDB and SQS consumed since the last call of this function.
    pub fn metered(&self) -> Vec<Metered> {
        self.functions.meter.take()
    }

    /// Answers an event of API Gateway as the deployed function would.
    ///
    /// # Errors
    /// [`StartError`]: the event cannot be read, or no function has a route for it.
    pub async fn invoke(&self, event: &str) -> Result<http::Response<Bytes>, StartError> {
        let request = runtime::read_event(event).map_err(|error| StartError::part("event", error))?;
        self.functions.call(request).await.ok_or_else(|| StartError::part("event", "no function has a route for it"))
    }

    /// The metrics that the functions wrote, oldest first, as lines of CloudWatch's embedded format.
    pub fn metrics(&self) -> Vec<String> {
        self.functions.metric_lines.lines()
    }

    /// Removes and returns the metrics that were written since the last call of this function. Only the latest 10,000 are kept.
    pub fn take_metrics(&self) -> Vec<String> {
        self.functions.metric_lines.take()
    }

    /// Passes an event that is not an HTTP request to the function with this binary, and returns its answer.
    ///
    /// # Errors
    /// [`StartError`]: the event cannot be read, or no function takes such events.
    pub async fn invoke_event(&self, function: &str, event: &str) -> Result<String, StartError> {
        self.functions.call_event(function, event).await
    }

    /// What the functions did so far that needs a permission.
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

    /// Puts items into the tables, in the form of [`Stack::export`].
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn import(&self, tables: &serde_json::Value) -> Result<(), StartError> {
        self.functions.tables.import(tables).await
    }

    /// Waits until a part breaks.
    ///
    /// # Errors
    /// [`StartError`], which names the part.
    pub async fn broken(&mut self) -> Result<(), StartError> {
        match self.running.parts.join_next().await {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => Err(StartError::part("a task", error)),
            None => Ok(()),
        }
    }

    /// Stops the stack. Running requests get three seconds to finish.
    pub async fn stop(mut self) {
        const PATIENCE: Duration = Duration::from_secs(3);
        drop(self.stop);
        let all = async { while self.running.parts.join_next().await.is_some() {} };
        // A connection that stays open longer is cut off when the process ends.
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }
}

/// What the functions use: each part is running already.
pub(crate) struct Parts {
    pub(crate) endpoints: Endpoints,
    pub(crate) sqs: Sqs,
    pub(crate) simulators: Simulators,
    pub(crate) lambda: LocalLambda,
}

/// The addresses of the parts.
pub(crate) struct Endpoints {
    pub(crate) url: String,
    pub(crate) dynamo: String,
    pub(crate) sqs: String,
    pub(crate) lambda: String,
}

impl Parts {
    async fn start(
        running: &mut Running,
        options: &Options,
        state: &State,
        url: String,
        progress: &impl Fn(&str),
    ) -> Result<Self, StartError> {
        progress("dynamodb");
        let dynamo = start_dynamo(running, options, state).await?;
        progress("sqs");
        let ServedSqs { sqs, endpoint: sqs_endpoint } = serve_sqs(running, state, &options.clock).await?;
        progress("simulators");
        let outbound = Outbound::new().map_err(|error| StartError::part("http client", error))?;
        let simulators = Simulators::open(state, &url, &options.clock, &outbound)?;
        let lambda = LocalLambda::new(outbound);
        let lambda_endpoint = serve_lambda(running, &lambda).await?;
        let endpoints = Endpoints { url, dynamo, sqs: sqs_endpoint, lambda: lambda_endpoint };
        Ok(Self { endpoints, sqs, simulators, lambda })
    }
}

/// The endpoint of DynamoDB: that of the options, or else the embedded one. If the options have storage faults, calls go through them.
async fn start_dynamo(running: &mut Running, options: &Options, state: &State) -> Result<String, StartError> {
    let endpoint = match options.dynamo_endpoint.clone() {
        Some(endpoint) => endpoint,
        None => {
            // With items, an empty database is filled.
            if options.items.is_none() {
                state.require_database()?;
            }
            serve_dynamo(running, state).await?
        }
    };
    match &options.storage_faults {
        Some(faults) => faults.serve(running, endpoint).await,
        None => Ok(endpoint),
    }
}

/// Makes the demo app and the first owner of the console, or finds those of an earlier start. Stores the keys.
async fn prepare_keys(
    options: &Options,
    state: &State,
    functions: &Functions,
    url: String,
) -> Result<StackKeys, StartError> {
    let (admin, operator_token) = (&functions.admin, state.operator_token.clone());
    let apps = match state.apps.clone() {
        // In another DynamoDB each start makes new tables, so the apps are not looked for there.
        Some(apps) if options.dynamo_endpoint.is_some() => apps,
        Some(apps) => demo::known(admin, state, apps).await?,
        // On the heap: a call of the operator API is deeply nested, and the compiler bounds the depth of one future.
        None => vec![Box::pin(demo::create(admin, &operator_token)).await?],
    };
    let owner = match state.owner.clone() {
        Some(owner) => owner,
        None => Box::pin(demo::create_owner(admin, &operator_token, random_password()?)).await?,
    };
    let console_password_changed = match &state.owner {
        Some(owner) => !demo::opens_console(admin, &owner.name, &owner.password).await?,
        None => false,
    };
    let (console_user, console_password) = (owner.name, owner.password);
    let keys = StackKeys { url, operator_token, console_user, console_password, console_password_changed, apps };
    state.keep(&keys)?;
    Ok(keys)
}

/// Everything that changes with the time, so that a call can move the clock and have due work done.
fn clockwork(options: &Options, functions: &Functions, parts: &Parts, mappings: &[Mapping]) -> Clockwork {
    Clockwork {
        clock: options.clock.clone(),
        sqs: parts.sqs.clone(),
        simulators: parts.simulators.clone(),
        sweeper: Sweeper::new(functions.sweep.clone()),
        schedule: Schedule::new(functions.sweep.clone(), &functions.template, options.clock.now_ms()),
        mappings: mappings.to_vec(),
    }
}

/// The routes of the stack's own pages. All other requests go to the functions.
fn router(
    options: &Options,
    functions: &Functions,
    parts: Parts,
    clockwork: &Clockwork,
    keys_file: Option<KeysFile>,
) -> Router {
    let front_door = FrontDoor {
        functions: functions.clone(),
        simulators: parts.simulators.clone(),
        keys_file,
        room: Arc::new(Semaphore::new(REQUESTS_AT_ONCE)),
    };
    Router::new()
        .route("/", routing::get(pages::front))
        .route("/_local/returned", routing::get(pages::returned))
        .merge(reference::router())
        .route("/_local/clock", routing::post(control::advance).with_state(clockwork.clone()))
        .route("/_local/sweep", routing::post(control::sweep).with_state(functions.sweep.clone()))
        .route("/_local/sums", routing::post(control::sums).with_state(functions.sweep.clone()))
        .route("/_local/reconcile", routing::post(control::reconcile).with_state(functions.sweep.clone()))
        .merge(parts.simulators.router())
        .merge(wallets::router())
        .merge(Receiver::new(options.clock.clone()).router())
        .merge(Robots::new(options.clock.clone()).router())
        .merge(parts.lambda.registry())
        .fallback(routing::any(gateway::serve).with_state(front_door))
        .layer(middleware::from_fn(wallets::around))
}

/// The mappings of the template, each with its function.
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

async fn tick(clockwork: Clockwork, mut stopped: watch::Receiver<()>) -> Result<(), StartError> {
    loop {
        tokio::select! {
            _ = stopped.changed() => return Ok(()),
            () = tokio::time::sleep(TICK) => clockwork.tick().await,
        }
    }
}
