//! Metrics in CloudWatch's embedded format: a line of JSON on the standard output, which CloudWatch reads from the log.
//!
//! There is no call, no client and no wait. Dimensions are closed sets of words, so they contain no secret, and the number of metrics is
//! bounded. Alarms and the dashboard use the names of this file, which a test checks.

use std::{
    fmt,
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use domain::{Channel, Family, IncidentKind, Mode};
use serde_json::{Map, Value, json};

use crate::Clock;

/// The namespace of all metrics.
pub const METRICS_NAMESPACE: &str = "MaxPay";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// How often a payment reached a state, by channel and outcome.
    Payments,
    /// How long a provider took to answer.
    ProviderLatency,
    /// How often a webhook was tried, by outcome.
    DeliveryAttempts,
    /// How much later than due an attempt was made.
    DeliveryLag,
    /// How long the oldest delivery that is due has waited for its attempt, measured once a minute.
    OldestOverdueDelivery,
    /// Incidents, by kind.
    Incidents,
    /// Messages to the addresses of real bills that could not be verified, kept or not. Anyone can send them.
    ForgedMessages,
    /// How many accounts in use have certificates that end within 30 days, counted once a day.
    CertificatesEnding,
    /// How often an item was passed over because it cannot be read.
    UnreadableItems,
}

/// Every metric: its name, its unit, and the dimensions it is counted by beside [`STACK`].
#[rustfmt::skip]
const TABLE: [(Metric, &str, &str, &[&str]); 9] = [
    (Metric::Payments,              "Payments",              "Count",        &["Channel", "Outcome"]),
    (Metric::ProviderLatency,       "ProviderLatency",       "Milliseconds", &["Provider"]),
    (Metric::DeliveryAttempts,      "DeliveryAttempts",      "Count",        &["Outcome"]),
    (Metric::DeliveryLag,           "DeliveryLag",           "Milliseconds", &[]),
    (Metric::OldestOverdueDelivery, "OldestOverdueDelivery", "Seconds",      &[]),
    (Metric::Incidents,             "Incidents",             "Count",        &["Kind"]),
    (Metric::ForgedMessages,        "ForgedMessages",        "Count",        &[]),
    (Metric::CertificatesEnding,    "CertificatesEnding",    "Count",        &["Mode"]),
    (Metric::UnreadableItems,       "UnreadableItems",       "Count",        &[]),
];

/// Every metric has this dimension, since several stacks may live in one account.
pub const STACK: &str = "Stack";

impl Metric {
    /// Every metric.
    pub fn all() -> impl Iterator<Item = MetricEntry> {
        TABLE.iter().map(|(metric, name, _, dimensions)| MetricEntry { metric: *metric, name, dimensions })
    }

    fn row(self) -> (&'static str, &'static str, &'static [&'static str]) {
        let [first, ..] = &TABLE;
        let (_, name, unit, dimensions) = TABLE.iter().find(|(metric, ..)| *metric == self).unwrap_or(first);
        (name, unit, dimensions)
    }
}

/// A metric, as CloudWatch knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricEntry {
    /// The metric.
    pub metric: Metric,
    /// Its name.
    pub name: &'static str,
    /// Its dimensions beside [`STACK`].
    pub dimensions: &'static [&'static str],
}

/// A state that a payment reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentOutcome {
    /// Parameters were handed out.
    Charged,
    /// The provider refused or did not answer.
    Refused,
    /// It was paid.
    Paid,
    /// It was closed unpaid.
    Closed,
    /// All or a part of its money went back.
    Refunded,
}

impl PaymentOutcome {
    /// The word it is counted under.
    pub fn name(self) -> &'static str {
        match self {
            Self::Charged => "charged",
            Self::Refused => "refused",
            Self::Paid => "paid",
            Self::Closed => "closed",
            Self::Refunded => "refunded",
        }
    }
}

/// How one attempt of a delivery went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The target received it.
    Delivered,
    /// It will be tried again.
    Failed,
    /// It was the last attempt, and failed.
    Exhausted,
}

impl AttemptOutcome {
    /// The word it is counted under.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Exhausted => "exhausted",
        }
    }
}

/// Writes metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    stack: Arc<str>,
    clock: Clock,
    write: Arc<dyn Fn(&str) + Send + Sync>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metrics({})", self.stack)
    }
}

impl Metrics {
    /// Calls `write` with each line.
    pub fn new(stack: &str, clock: Clock, write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { stack: stack.into(), clock, write: Arc::new(write) }
    }

    /// Writes to the standard output, as a deployed function does.
    pub fn to_stdout(stack: &str, clock: Clock) -> Self {
        Self::new(stack, clock, |line| {
            let mut out = io::stdout().lock();
            // If a metric cannot be written, it is lost. The payment goes on.
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        })
    }

    /// Counts a state that a payment reached.
    pub fn payment(&self, channel: Channel, outcome: PaymentOutcome) {
        self.put(Metric::Payments, 1, &[channel.name(), outcome.name()]);
    }

    /// Keeps how long a provider took to answer.
    pub fn provider_latency(&self, provider: Family, took: Duration) {
        self.put(Metric::ProviderLatency, milliseconds(took), &[provider.name()]);
    }

    /// Counts an attempt of a delivery, and keeps how late it was.
    pub fn delivery_attempt(&self, outcome: AttemptOutcome, lag: Duration) {
        self.put(Metric::DeliveryAttempts, 1, &[outcome.name()]);
        self.put(Metric::DeliveryLag, milliseconds(lag), &[]);
    }

    /// Keeps how long the oldest delivery that is due has waited. It is written each minute, also if it is zero.
    pub fn oldest_overdue_delivery(&self, overdue: Duration) {
        self.put(Metric::OldestOverdueDelivery, overdue.as_secs(), &[]);
    }

    /// Counts an incident. `kind` is one of a few words.
    pub fn incident(&self, kind: IncidentKind) {
        self.put(Metric::Incidents, 1, &[kind.name()]);
    }

    /// Counts a message that could not be verified.
    pub fn forged_message(&self) {
        self.put(Metric::ForgedMessages, 1, &[]);
    }

    /// Keeps how many accounts in use have a certificate that ends soon. It is written each day, also if it is zero.
    pub fn certificates_ending(&self, mode: Mode, accounts: u64) {
        self.put(Metric::CertificatesEnding, accounts, &[mode.name()]);
    }

    /// Counts an item that was passed over because it cannot be read.
    pub fn unreadable_item(&self) {
        self.put(Metric::UnreadableItems, 1, &[]);
    }

    /// Counts twice: with the stack's name alone, for alarms, and with all dimensions.
    fn put(&self, metric: Metric, value: u64, words: &[&str]) {
        let (name, unit, dimensions) = metric.row();
        let mut sets = vec![vec![STACK]];
        if !dimensions.is_empty() {
            sets.push([&[STACK], dimensions].concat());
        }
        let metrics = json!([{ "Name": name, "Unit": unit }]);
        let directive = json!({ "Namespace": METRICS_NAMESPACE, "Dimensions": sets, "Metrics": metrics });
        let mut line = Map::new();
        let about = json!({ "Timestamp": self.clock.now().ms(), "CloudWatchMetrics": [directive] });
        line.insert("_aws".to_owned(), about);
        line.insert(STACK.to_owned(), json!(&*self.stack));
        line.extend(dimensions.iter().zip(words).map(|(dimension, word)| ((*dimension).to_owned(), json!(word))));
        line.insert(name.to_owned(), json!(value));
        (self.write)(&Value::Object(line).to_string());
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn lines(say: impl FnOnce(&Metrics)) -> Vec<Value> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let clock = Clock::new(|| 1_795_444_200_000);
        let write = move |line: &str| kept.lock().unwrap().push(serde_json::from_str(line).unwrap());
        say(&Metrics::new("pay", clock, write));
        let lines = lines.lock().unwrap();
        lines.clone()
    }

    /// # Source
    /// The embedded metric format's specification: each name under `Dimensions` and `Metrics` is a member at the root.
    #[test]
    fn a_line_is_as_the_embedded_format_wants_it() {
        let payment = lines(|metrics| metrics.payment(Channel::AliQrcode, PaymentOutcome::Paid));
        let expected = json!([{
            "_aws": {
                "Timestamp": 1_795_444_200_000_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "MaxPay",
                    "Dimensions": [["Stack"], ["Stack", "Channel", "Outcome"]],
                    "Metrics": [{ "Name": "Payments", "Unit": "Count" }],
                }],
            },
            "Stack": "pay", "Channel": "ali_qrcode", "Outcome": "paid", "Payments": 1,
        }]);
        assert_eq!(Value::Array(payment), expected);
    }

    #[test]
    fn every_metric_is_said_with_its_dimensions() {
        let said = lines(|metrics| {
            metrics.payment(Channel::WxApp, PaymentOutcome::Charged);
            metrics.provider_latency(Family::Wx, Duration::from_millis(1234));
            metrics.delivery_attempt(AttemptOutcome::Failed, Duration::from_secs(2));
            metrics.oldest_overdue_delivery(Duration::from_millis(61_500));
            metrics.incident(IncidentKind::Amount);
            metrics.forged_message();
            metrics.certificates_ending(Mode::Live, 3);
            metrics.unreadable_item();
        });
        let values: Vec<_> =
            Metric::all().map(|entry| said.iter().find_map(|line| line[entry.name].as_u64())).collect();
        assert_eq!(values, [1, 1234, 1, 2000, 61, 1, 1, 3, 1].map(Some));
        for line in &said {
            let name = line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"].as_str().unwrap();
            let MetricEntry { dimensions, .. } = Metric::all().find(|known| known.name == name).unwrap();
            assert!(dimensions.iter().all(|dimension| line[dimension].as_str().is_some_and(|word| !word.is_empty())));
        }
    }

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for MetricEntry { metric, name, .. } in Metric::all() {
            assert_eq!(metric.row().0, name);
            assert_eq!(format!("{metric:?}"), name);
        }
    }
}
