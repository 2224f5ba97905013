//! A merchant's server, built in: it takes webhooks, shows what arrived, and answers as instructed.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State},
    response::{IntoResponse, Response},
    routing,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::StackClock;

/// The most requests that are kept. Beyond this, the oldest are dropped.
const INBOX_MAX: usize = 100_000;

/// Longer than any deadline of ours.
const DELAY_MS_MAX: u64 = 120_000;

/// Clones share everything.
#[derive(Clone)]
pub(crate) struct Receiver {
    clock: StackClock,
    state: Arc<Mutex<Inbox>>,
}

#[derive(Default)]
struct Inbox {
    arrived: VecDeque<Arrived>,
    answers: HashMap<String, Answer>,
}

/// One request that arrived.
#[derive(Clone, Serialize)]
struct Arrived {
    receiver: String,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
    time: i64,
    /// The status of the answer.
    status: u16,
}

/// How a receiver answers: `{"status":500,"delayMs":0}`, and optional headers and a body.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Answer {
    #[serde(default = "ok")]
    status: u16,
    /// By the machine's clock, not the stack's.
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

fn ok() -> u16 {
    200
}

impl Default for Answer {
    fn default() -> Self {
        Self { status: ok(), delay_ms: 0, headers: BTreeMap::new(), body: String::new() }
    }
}

impl Receiver {
    pub(crate) fn new(clock: StackClock) -> Self {
        Self { clock, state: Arc::default() }
    }

    pub(crate) fn router(&self) -> Router {
        let receiver = routing::any(arrive).put(instruct);
        Router::new()
            .route("/_local/inbox", routing::get(list).delete(clear))
            .route("/_local/receiver/{name}", receiver)
            .layer(DefaultBodyLimit::max(1024 * 1024))
            .with_state(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, Inbox> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Any method but PUT: a webhook arrives.
async fn arrive(
    State(receiver): State<Receiver>,
    Path(name): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = {
        let mut state = receiver.state();
        let answer = state.answers.get(&name).cloned().unwrap_or_default();
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let arrived = Arrived {
            receiver: name,
            method: method.to_string(),
            path: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
            headers: headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
            time: receiver.clock.now_ms(),
            status: answer.status,
        };
        if state.arrived.len() >= INBOX_MAX {
            state.arrived.pop_front();
        }
        state.arrived.push_back(arrived);
        answer
    };
    tokio::time::sleep(Duration::from_millis(answer.delay_ms)).await;
    let mut response = answer.body.into_response();
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// `PUT /_local/receiver/<name> {"status":500,"delayMs":0}`: how it answers from now on.
async fn instruct(State(receiver): State<Receiver>, Path(name): Path<String>, body: Bytes) -> Response {
    let answer = serde_json::from_slice::<Answer>(&body).map_err(|error| error.to_string()).and_then(|answer| {
        let fits = (200..=599).contains(&answer.status) && answer.delay_ms <= DELAY_MS_MAX;
        fits.then_some(answer).ok_or_else(|| format!("status must be from 200 to 599, delayMs at most {DELAY_MS_MAX}"))
    });
    match answer {
        Ok(answer) => {
            receiver.state().answers.insert(name, answer.clone());
            Json(answer).into_response()
        }
        Err(detail) => (StatusCode::BAD_REQUEST, Json(json!({ "detail": detail }))).into_response(),
    }
}

#[derive(Deserialize)]
struct Wanted {
    receiver: Option<String>,
}

/// `GET /_local/inbox?receiver=`: what arrived, oldest first.
async fn list(State(receiver): State<Receiver>, Query(wanted): Query<Wanted>) -> impl IntoResponse {
    let fits = |arrived: &&Arrived| wanted.receiver.as_ref().is_none_or(|name| *name == arrived.receiver);
    let arrived: Vec<Arrived> = receiver.state().arrived.iter().filter(fits).cloned().collect();
    Json(arrived)
}

/// `DELETE /_local/inbox`: forgets what arrived.
async fn clear(State(receiver): State<Receiver>) -> StatusCode {
    receiver.state().arrived.clear();
    StatusCode::NO_CONTENT
}
