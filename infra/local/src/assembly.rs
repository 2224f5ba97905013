//! Builds the functions on the parts of the stack. Each has its own AWS clients, which may do what its policy allows.

use std::{sync::Arc, time::Duration};

use aws_credential_types::Credentials;
use courier::Courier;
use domain::Secret;
use outbound::{Functions as MerchantFunctions, Guard, Outbound};
use queue::Queue;
use runtime::{AwsClients, AwsConfig, Config, LocalConfig, Metrics, Services};

use crate::{
    StackClock, Template,
    error::StartError,
    gateway::{Function, Functions},
    iam::Iam,
    items::Tables,
    meter::Meter,
    metric_lines::MetricLines,
    parts::{DynamoUse, Names, REGION, create_queues, create_tables, queue_urls},
    robots::{ROBOTS_PATH, SNS_PATH},
    stack::{Endpoints, Options, Parts},
    state::State,
};

/// The addresses that the local stack opens to webhooks: this machine, for its own receiver and for developers' receivers.
const LOOPBACK: &str = "127.0.0.0/8,::1/128";

/// The environment of a function: names and values.
pub(crate) type Environment = Vec<(&'static str, String)>;

/// The functions, and the environment in which their binaries would run.
pub(crate) struct Built {
    pub(crate) functions: Functions,
    pub(crate) environment: Environment,
}

/// The names of the tables and queues that the template describes.
struct Resources {
    tables: Names,
    queues: Names,
}

/// What all functions are built from.
struct Workbench {
    clients: AwsClients,
    config: Config,
    clock: StackClock,
    outbound: Outbound,
    iam: Iam,
    meter: Meter,
    metrics: Metrics,
}

/// Creates tables and queues as the template describes them, and builds the functions on them.
pub(crate) async fn build_functions(options: &Options, state: &State, parts: &Parts) -> Result<Built, StartError> {
    let clients = clients(options, &parts.endpoints)?;
    let template = Arc::new(Template::load()?.patient(options.patience));
    let dynamo_use = if options.dynamo_endpoint.is_some() { DynamoUse::Shared } else { DynamoUse::Own };
    let resources = Resources {
        tables: create_tables(&template, &clients, dynamo_use).await?,
        queues: create_queues(&template, &parts.sqs, &parts.endpoints.sqs)?,
    };
    let config = config(options, state, parts, &resources)?;
    let environment = environment(&config, &parts.endpoints);
    let metric_lines = MetricLines::default();
    let outbound = Outbound::guarded(config.targets.clone());
    let bench = Workbench {
        outbound: outbound.map_err(|error| StartError::part("http client", error))?,
        clock: options.clock.clone(),
        iam: Iam::new(&template, resources.tables.logical().chain(resources.queues.logical())),
        meter: Meter::default(),
        metrics: metric_lines.metrics(&options.clock),
        clients,
        config,
    };
    let (charge, query, sweep) =
        (bench.deps(Function::Charge)?, bench.deps(Function::Query)?, bench.deps(Function::Sweep)?);
    let checkout = bench.deps(Function::Checkout)?;
    let (admin, deliver) = (bench.deps(Function::Admin)?, bench.deps(Function::Deliver)?);
    let functions = Functions {
        charge: charge::Deps {
            services: charge.services,
            outbound: charge.outbound,
            client_counts: charge::ClientCounts::default(),
        },
        checkout: checkout::Deps::new(checkout.services, checkout.queue, checkout.outbound),
        query: query::Deps {
            services: query.services,
            queue: query.queue,
            outbound: query.outbound,
            recent: query::Recent::default(),
        },
        provider_notify: bench.deps(Function::ProviderNotify)?,
        deliver: deliver::Deps {
            services: deliver.services,
            queue: deliver.queue,
            courier: bench.courier(Function::Deliver),
        },
        ask: ask::Deps { settlement: bench.deps(Function::Ask)?, left_alone: ask::LeftAlone::default() },
        sweep,
        admin: admin::Deps {
            services: admin.services,
            queue: admin.queue,
            outbound: admin.outbound,
            courier: bench.courier(Function::Admin),
        },
        tables: Tables { dynamo: bench.clients.dynamo(), names: resources.tables.pairs() },
        template,
        metric_lines,
        iam: bench.iam,
        meter: bench.meter,
    };
    Ok(Built { functions, environment })
}

impl Workbench {
    /// What a function needs. Its policy guards its clients, and the meter counts their calls.
    fn deps(&self, function: Function) -> Result<settlement::Deps, StartError> {
        let name = function.name();
        let clients = self.clients.rerouted(|http| self.meter.measure(name, self.iam.guard(name, http)));
        let services = Services::new(self.config.clone(), &clients, self.clock.as_clock(), self.metrics.clone())
            .map_err(|error| StartError::part("configuration", error))?;
        let queue = Queue::new(move || clients.sqs(), services.config.queues.clone());
        Ok(settlement::Deps { services, queue, outbound: self.outbound.clone() })
    }

    fn courier(&self, function: Function) -> Courier {
        let clients = self.clients.rerouted(|http| self.iam.guard(function.name(), http));
        Courier { outbound: self.outbound.clone(), functions: MerchantFunctions::new(move || clients.lambda()) }
    }
}

fn clients(options: &Options, endpoints: &Endpoints) -> Result<AwsClients, StartError> {
    let clients = AwsClients::new(AwsConfig {
        region: REGION.to_owned(),
        credentials: Credentials::new("local", "local", None, None, "local"),
        dynamo_endpoint: Some(endpoints.dynamo.clone()),
        sqs_endpoint: Some(endpoints.sqs.clone()),
        lambda_endpoint: Some(endpoints.lambda.clone()),
        sns_endpoint: Some(format!("{}{SNS_PATH}", endpoints.url)),
    });
    Ok(clients.map_err(|error| StartError::part("aws clients", error))?.patient(options.patience))
}

fn config(options: &Options, state: &State, parts: &Parts, resources: &Resources) -> Result<Config, StartError> {
    Ok(Config {
        stack: "local".to_owned(),
        public_url: options.public_url.clone().unwrap_or_else(|| parts.endpoints.url.clone()),
        transactions_table: resources.tables.find("TransactionsTable")?,
        configuration_table: resources.tables.find("ConfigurationTable")?,
        queues: queue_urls(&resources.queues)?,
        sealing_key: Secret::new(state.sealing_key.clone()),
        operator_token: Some(Secret::new(state.operator_token.clone())),
        console_key: Some(Secret::new(state.console_key.clone())),
        apps_remembered: Duration::ZERO,
        targets: Guard::allowing(&format!("{LOOPBACK},{}", options.allow_targets))
            .map_err(|error| StartError::part("address guard", error))?,
        local: Some(LocalConfig {
            simulators: parts.simulators.tabs(),
            robots: format!("{}{ROBOTS_PATH}", parts.endpoints.url),
        }),
    })
}

/// The environment that Lambda and the template would give a function. A deployed function knows no simulators.
fn environment(config: &Config, endpoints: &Endpoints) -> Environment {
    let text = |secret: &Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().clone());
    vec![
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", "local".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoints.dynamo.clone()),
        ("AWS_ENDPOINT_URL_SQS", endpoints.sqs.clone()),
        ("AWS_ENDPOINT_URL_LAMBDA", endpoints.lambda.clone()),
        ("AWS_ENDPOINT_URL_SNS", format!("{}{SNS_PATH}", endpoints.url)),
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
