//! One try to bring a message to a merchant's webhook, and the verdict.
//!
//! Used by `deliver` for events and by `admin` for the operator's test, so that what a test shows is what an event will do. It
//! sends once, keeps nothing, and knows nothing of schedules.

mod http_target;
mod lambda_target;

use std::time::Duration;

use domain::{RotatingKey, Secret, Timestamp, Webhook, WebhookTarget};
use outbound::{Functions, Outbound};

/// From the first byte sent to the last byte read.
const DEADLINE: Duration = Duration::from_secs(10);

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
pub struct Letter {
    /// `webhook-id`.
    pub id: String,
    /// The body.
    pub body: String,
    /// When it is sent: the body says the same.
    pub now: Timestamp,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// HTTP 200, or a function's result that says nothing else.
    Received,
    /// Another HTTP status.
    Status,
    /// A redirect: it is not followed.
    Redirect,
    /// No whole answer in time.
    Deadline,
    /// Nobody was reached.
    Unreachable,
    /// The connection broke before there was an answer.
    Broken,
    /// The address is not one that may be called.
    Forbidden,
    /// The function failed.
    FunctionError,
    /// The function was throttled.
    FunctionThrottled,
    /// There is no such function.
    FunctionMissing,
    /// The function may not be invoked.
    FunctionDenied,
    /// The function could not be run.
    FunctionFailed,
}

impl Verdict {
    /// Every verdict with its word.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Received, "received"),
        (Self::Status, "status"),
        (Self::Redirect, "redirect"),
        (Self::Deadline, "deadline"),
        (Self::Unreachable, "unreachable"),
        (Self::Broken, "broken"),
        (Self::Forbidden, "forbidden"),
        (Self::FunctionError, "function-error"),
        (Self::FunctionThrottled, "function-throttled"),
        (Self::FunctionMissing, "function-missing"),
        (Self::FunctionDenied, "function-denied"),
        (Self::FunctionFailed, "function-failed"),
    ];

    /// The word for records.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(verdict, _)| *verdict == self).map_or("", |(_, name)| name)
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

/// What came back, within bounds.
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
pub struct Tried {
    /// What was sent.
    pub request: Request,
    /// What came back.
    pub answer: Answer,
    /// What that means.
    pub verdict: Verdict,
    /// Why it failed, for people; empty if it did not.
    pub problem: String,
    /// How much longer the target asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl Tried {
    fn failed(request: Request, verdict: Verdict, problem: String) -> Self {
        Self { request, answer: Answer::default(), verdict, problem, retry_after: None }
    }
}

/// Brings a letter to a webhook, once.
pub async fn bring(courier: &Courier, webhook: &Webhook, letter: &Letter) -> Tried {
    match &webhook.target {
        WebhookTarget::Url { url, headers } => {
            let signed = Signed { secret: &webhook.secret, headers };
            http_target::bring(&courier.outbound, url, &signed, letter).await
        }
        WebhookTarget::Function(name) => lambda_target::bring(&courier.functions, name, letter).await,
    }
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
