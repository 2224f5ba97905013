//! The configuration of a function, read once at its start.

use std::{env, time::Duration};

use domain::{Secret, Tab};
use outbound::{Guard, InvalidRange};
use providers::GatewayPolicy;
use queue::QueueUrls;
use store::InvalidSealingKey;

/// How a function is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of the stack, which all metrics have. `MAXPAY_STACK`
    pub stack: String,
    /// The URL at which providers reach this API, without a slash at the end. `MAXPAY_PUBLIC_URL`
    pub public_url: String,
    /// `MAXPAY_TRANSACTIONS_TABLE`
    pub transactions_table: String,
    /// `MAXPAY_CONFIGURATION_TABLE`
    pub configuration_table: String,
    /// `MAXPAY_DELIVERIES_QUEUE_URL`, `MAXPAY_SLOW_DELIVERIES_QUEUE_URL` and `MAXPAY_QUESTIONS_QUEUE_URL`; in `admin` also
    /// `MAXPAY_DEAD_LETTERS_QUEUE_URL`
    pub queues: QueueUrls,
    /// In the form of [`store::Sealer::new`]. `MAXPAY_SEALING_KEY`
    pub sealing_key: Secret<String>,
    /// Only `admin` has it. `MAXPAY_OPERATOR_TOKEN`
    pub operator_token: Option<Secret<String>>,
    /// Any text, from which the key of operators' sessions is made. Only `admin` has it. `MAXPAY_CONSOLE_KEY`
    pub console_key: Option<Secret<String>>,
    /// How long a warm function remembers an app.
    pub apps_remembered: Duration,
    /// The addresses that webhooks and gateways may have besides the public ones: ranges in CIDR, separated by commas.
    /// `MAXPAY_ALLOWED_TARGETS`
    pub targets: Guard,
    /// What the local stack allows and a deployed one does not.
    pub local: Option<LocalConfig>,
}

/// What only the local stack has.
#[derive(Clone, Debug, Default)]
pub struct LocalConfig {
    /// What `{"protocol":"simulator"}` stands for, by tab.
    pub simulators: Vec<SimulatorSettings>,
    /// Where the robots of the local stack are.
    pub robots: String,
}

/// The settings of a tab on the built-in simulator.
#[derive(Clone, Debug)]
pub struct SimulatorSettings {
    /// The tab.
    pub tab: Tab,
    /// What `{"protocol":"simulator"}` stands for there.
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// It is short, so that a changed key or channel is soon used everywhere. It is long enough that a busy function reads an app's
/// configuration once in hundreds of charges.
const APPS_REMEMBERED: Duration = Duration::from_secs(5);

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An environment variable is missing or not text.
    #[error("the environment variable {name} is not set")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// The sealing key is not 32 bytes, in base64 or in hex.
    #[error("MAXPAY_SEALING_KEY is wrong")]
    SealingKey(#[from] InvalidSealingKey),
    /// The ranges that webhooks and gateways may reach cannot be read.
    #[error("MAXPAY_ALLOWED_TARGETS is wrong")]
    Targets(#[from] InvalidRange),
    /// The HTTP client cannot be built.
    #[error(transparent)]
    Outbound(#[from] outbound::OutboundError),
}

impl Config {
    /// # Errors
    /// [`ConfigError::Missing`].
    pub fn from_environment() -> Result<Self, ConfigError> {
        let fast = variable("MAXPAY_DELIVERIES_QUEUE_URL")?;
        Ok(Self {
            stack: variable("MAXPAY_STACK")?,
            public_url: variable("MAXPAY_PUBLIC_URL")?,
            transactions_table: variable("MAXPAY_TRANSACTIONS_TABLE")?,
            configuration_table: variable("MAXPAY_CONFIGURATION_TABLE")?,
            // During a deployment, new code may run with the old environment, which has only the first queue. It must start all the same.
            queues: QueueUrls {
                slow: find_variable("MAXPAY_SLOW_DELIVERIES_QUEUE_URL").unwrap_or_else(|| fast.clone()),
                fast,
                dead_letters: find_variable("MAXPAY_DEAD_LETTERS_QUEUE_URL"),
                questions: find_variable("MAXPAY_QUESTIONS_QUEUE_URL").unwrap_or_default(),
            },
            sealing_key: Secret::new(variable("MAXPAY_SEALING_KEY")?),
            operator_token: find_variable("MAXPAY_OPERATOR_TOKEN").map(Secret::new),
            console_key: find_variable("MAXPAY_CONSOLE_KEY").map(Secret::new),
            apps_remembered: APPS_REMEMBERED,
            targets: targets()?,
            local: None,
        })
    }

    /// Where robots are that are none of the known services. A deployed function has none.
    pub fn local_robots(&self) -> Option<&str> {
        self.local.as_ref().map(|local| local.robots.as_str()).filter(|robots| !robots.is_empty())
    }

    /// Plain http is only for the simulators, and never for a deployed function.
    pub fn gateway_policy(&self) -> GatewayPolicy {
        if self.local.is_some() { GatewayPolicy::AllowHttp } else { GatewayPolicy::HttpsOnly }
    }
}

fn targets() -> Result<Guard, ConfigError> {
    let guard = Guard::allowing(&find_variable("MAXPAY_ALLOWED_TARGETS").unwrap_or_default())?;
    Ok(match find_variable("AWS_LAMBDA_RUNTIME_API") {
        Some(runtime) => guard.without_runtime(&runtime),
        None => guard,
    })
}

pub(crate) fn variable(name: &'static str) -> Result<String, ConfigError> {
    find_variable(name).ok_or(ConfigError::Missing { name })
}

#[expect(clippy::disallowed_methods, reason = "this is where configuration is read")]
pub(crate) fn find_variable(name: &'static str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
