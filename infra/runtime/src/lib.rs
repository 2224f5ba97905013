//! What every function needs: configuration, AWS clients, the error map, callers, replies and logs.
//!
//! It has no flow of the business: the functions say what happens in which order.

mod apps;
mod aws;
mod batch;
mod caller;
mod clock;
mod config;
mod error;
mod error_words;
mod front;
mod http_edge;
mod lambda;
mod metrics;
mod question;
mod random;
mod renewals;
mod reply;
mod telemetry;

pub use apps::{AccountKey, Apps, ConfiguredApp, EndingCertificate, FormerAccount};
pub use aws::{AwsClients, AwsConfig};
pub use batch::{Batch, Failure, Failures, Message, MessageAttributes};
pub use caller::{Caller, CredentialsError, Role, authenticate, is_operator_token};
pub use clock::Clock;
pub use config::{Config, ConfigError, LocalConfig, SimulatorSettings};
pub use error::{ApiError, BillError, BillErrorKind, ClientBoundError, Retry, error_chain};
pub use error_words::{Failed, FailedKind, KeptBecause, KeptBecauseKind};
pub use http_edge::{
    BODY_BYTES_MAX, BodyError, ClientIp, Reply, Request, client_ip, find_cookie, json_body, query_parameter,
};
pub use lambda::{in_time, read_event, serve, serve_events};
pub use metrics::{AttemptOutcome, METRICS_NAMESPACE, Metric, MetricEntry, Metrics, PaymentOutcome, STACK};
pub use question::{ProviderAnswer, Question};
pub use random::{Random, RandomError};
pub use renewals::{Fetch, Renewed};
pub use reply::{failure, json, not_found, success};
pub use telemetry::{log_as_json, log_for_people};

use std::sync::Arc;

use bytes::Bytes;
use domain::Channel;
use outbound::{Bounds, Identity, Outbound, Topics};
use providers::{ClientCertificate, OpenedCertificate};
use store::{Sealer, Store, Tables};

/// What every function has. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Services {
    /// How it is set up.
    pub config: Arc<Config>,
    /// The two tables.
    pub store: Store,
    /// The apps, remembered for some seconds.
    pub apps: Arc<Apps>,
    /// The clock.
    pub clock: Clock,
    /// Random bytes.
    pub random: Random,
    /// The metrics.
    pub metrics: Metrics,
    /// The topics of SNS to which alerts may go.
    pub topics: Topics,
}

impl Services {
    /// Puts the parts together.
    ///
    /// # Errors
    /// [`ConfigError`] if the sealing key cannot be used.
    pub fn new(config: Config, clients: &AwsClients, clock: Clock, metrics: Metrics) -> Result<Self, ConfigError> {
        let sealer = Sealer::new(&config.sealing_key)?;
        let tables = Tables {
            transactions: config.transactions_table.clone(),
            configuration: config.configuration_table.clone(),
        };
        let counted = metrics.clone();
        let store = Store::new(clients.dynamo(), tables, sealer).with_listener(move |_| counted.unreadable_item());
        let apps = Arc::new(Apps::new(store.clone(), &config));
        let for_sns = clients.clone();
        let topics = Topics::new(move || for_sns.sns());
        Ok(Self { config: Arc::new(config), store, apps, clock, random: Random::new(), metrics, topics })
    }

    /// Asks a provider, and measures how long the answer or the failure takes. If a call needs the merchant's own certificate, it is sent
    /// on a connection of its own. Such calls are few.
    ///
    /// # Errors
    /// [`ApiError`]: there is no answer, or the certificate cannot be used.
    pub async fn ask_provider(
        &self,
        outbound: &Outbound,
        channel: Channel,
        call: http::Request<Bytes>,
        bounds: Bounds,
    ) -> Result<http::Response<Bytes>, ApiError> {
        let identified = match call.extensions().get::<ClientCertificate>() {
            Some(certificate) => Some(identified(outbound, certificate)?),
            None => None,
        };
        let asked_at = self.clock.now();
        let answer = identified.as_ref().unwrap_or(outbound).send(call, bounds).await;
        self.metrics.provider_latency(channel.family(), asked_at.distance(self.clock.now()));
        Ok(answer?)
    }
}

/// What a deployed function starts with.
#[derive(Debug)]
pub struct Deployment {
    /// What every function has.
    pub services: Services,
    /// The AWS clients, for the functions that need more of them.
    pub clients: AwsClients,
}

impl Deployment {
    /// Reads everything from the environment, and uses the system's clock.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or wrong.
    pub fn from_environment() -> Result<Self, ConfigError> {
        log_as_json();
        let config = Config::from_environment()?;
        let clients = AwsClients::new(AwsConfig::from_environment()?)?;
        let metrics = Metrics::to_stdout(&config.stack, Clock::system());
        Ok(Self { services: Services::new(config, &clients, Clock::system(), metrics)?, clients })
    }
}

fn identified(outbound: &Outbound, certificate: &ClientCertificate) -> Result<Outbound, ApiError> {
    let OpenedCertificate { chain, key } = certificate.open()?;
    Ok(outbound.identified(Identity { chain, key: key.expose().clone() })?)
}
