//! One try to bring a message to a merchant's webhook, or an alert to its people, and the verdict.
//!
//! Used by `deliver` for events, by `sweep` for alerts, and by `admin` for the operator's tests, so that what a test shows is what an event will do. It
//! sends once, keeps nothing, and knows nothing of schedules.

mod alert;
mod alert_problem;
mod alert_text;
mod attempt_problem;
mod http_target;
mod lambda_target;

use std::time::Duration;

use domain::{PULLED_WITHIN, RotatingKey, Secret, Timestamp, Webhook, WebhookTarget, standard_signatures};
use outbound::{Functions, Outbound};

pub use alert::{AlertWays, tell};
pub use alert_problem::{AlertProblem, AlertProblemKind};
pub use alert_text::{AlertSubject, alert_text, test_text};
pub use attempt_problem::{AttemptProblem, AttemptProblemKind};

/// From the first byte sent to the last byte read.
pub const DEADLINE: Duration = Duration::from_secs(10);

const SECONDS_A_DAY: u64 = 24 * 3600;

/// What is kept of an answer.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// The ways to a merchant. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Courier {
    /// To URLs, guarded.
    pub outbound: Outbound,
    /// To functions.
    pub functions: Functions,
}

/// What is to be brought.
#[derive(Clone, Debug)]
pub struct WebhookMessage {
    /// `webhook-id`.
    pub id: String,
    /// The body.
    pub body: String,
    /// When it is sent: the body says the same.
    pub now: Timestamp,
}

domain::closed_list! {
    /// How a try ended.
    pub enum Verdict {
        /// HTTP 200, a function's result that says nothing else, or an acknowledgement.
        Received = "received",
        /// The merchant did not fetch it in time.
        Unfetched = "unfetched",
        /// Another HTTP status.
        Status = "status",
        /// A redirect: it is not followed.
        Redirect = "redirect",
        /// No whole answer in time.
        Deadline = "deadline",
        /// Nobody was reached.
        Unreachable = "unreachable",
        /// The connection broke before there was an answer.
        Broken = "broken",
        /// The address is not one that may be called.
        Forbidden = "forbidden",
        /// The function failed.
        FunctionError = "function-error",
        /// The function was throttled.
        FunctionThrottled = "function-throttled",
        /// There is no such function.
        FunctionMissing = "function-missing",
        /// The function may not be invoked.
        FunctionDenied = "function-denied",
        /// The function could not be run.
        FunctionFailed = "function-failed",
    }
}

/// What was sent: the values of the merchant's own headers are masked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The address, or the function's name.
    pub target: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// In one line and without what may be secret: the address without its query.
    pub fn summary(&self) -> String {
        self.target.split(['?', '#']).next().unwrap_or_default().to_owned()
    }
}

/// The response, within bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: Option<u16>,
    /// The headers that are text.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body, as text.
    pub body: String,
}

/// How a try went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptResult {
    /// What was sent.
    pub request: Request,
    /// The response.
    pub answer: Answer,
    /// What that means.
    pub verdict: Verdict,
    /// Why it failed; nothing if it did not.
    pub problem: Option<AttemptProblem>,
    /// How much longer the target asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl AttemptResult {
    fn failed(request: Request, verdict: Verdict, problem: AttemptProblem) -> Self {
        Self { request, answer: Answer::default(), verdict, problem: Some(problem), retry_after: None }
    }
}

/// Brings a message to a webhook, once. An event that the merchant fetches comes here when its time is over.
pub async fn bring(courier: &Courier, webhook: &Webhook, message: &WebhookMessage) -> AttemptResult {
    match &webhook.target {
        WebhookTarget::Url { url, headers } => {
            let signed = Signed { secret: &webhook.secret, headers };
            http_target::bring(&courier.outbound, url, &signed, message).await
        }
        WebhookTarget::Function(name) => lambda_target::bring(&courier.functions, name, message).await,
        WebhookTarget::Pull => {
            let problem = AttemptProblem::Unfetched { days: PULLED_WITHIN.as_secs() / SECONDS_A_DAY };
            AttemptResult::failed(Request::default(), Verdict::Unfetched, problem)
        }
    }
}

/// The headers of a message, which prove who sent it: those of Standard Webhooks, and the type of the body.
pub fn signed_headers(secret: &RotatingKey, message: &WebhookMessage) -> Vec<(String, String)> {
    let signature = standard_signatures(secret, &message.id, message.now, &message.body);
    let headers = [
        ("content-type", Some("application/json".to_owned())),
        ("webhook-id", Some(message.id.clone())),
        ("webhook-timestamp", Some(message.now.seconds().to_string())),
        ("webhook-signature", signature),
    ];
    headers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// What a request to a URL is made with.
struct Signed<'a> {
    secret: &'a RotatingKey,
    headers: &'a [(String, Secret<String>)],
}

/// The beginning of an answer as text.
fn beginning(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..ANSWER_BYTES_MAX).unwrap_or(bytes)).into_owned()
}
