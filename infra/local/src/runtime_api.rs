//! Plays Lambda's Runtime API for one process: the real `bootstrap` of a function, started as Lambda would start it.
//!
//! Tests and benchmarks start one process for each binary. This measures what Lambda would bill and how long a caller would wait.

use std::{
    collections::HashMap,
    fs, io,
    net::Ipv4Addr,
    process::ExitStatus,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

/// Lambda's own bound for the time before the first call.
const INIT_MAX: Duration = Duration::from_secs(10);

/// The longest timeout of a function in `template.yaml`, and some more time for a busy machine.
const INVOKE_MAX: Duration = Duration::from_secs(90);

/// A process that runs a function, and the Runtime API that it asks for events. The process ends when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    child: Child,
    pid: u32,
    init_time: Duration,
    events: mpsc::UnboundedSender<(String, String)>,
    answers: Answers,
    next_id: AtomicU64,
    server: JoinHandle<()>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// It cannot be started or inspected.
    #[error("the process cannot be started or looked at")]
    Process(#[from] io::Error),
    /// It ended.
    #[error("the process ended by itself: {0}")]
    Ended(ExitStatus),
    /// It does not answer.
    #[error("the process did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// It reported an error instead of an answer.
    #[error("the function reported an error: {0}")]
    Function(String),
}

/// The waiting callers, by the id of their event.
type Answers = Arc<Mutex<HashMap<String, oneshot::Sender<Result<String, String>>>>>;

/// The memory of a process, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The most it ever had.
    pub peak_kib: u64,
    /// What it has now.
    pub now_kib: u64,
}

impl Sandbox {
    /// Starts `command` (with its environment and its standard output) and waits until it asks for its first event.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub async fn start(mut command: Command) -> Result<Self, SandboxError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (events, waiting) = mpsc::unbounded_channel();
        let (asked, mut first) = watch::channel(None);
        let answers = Answers::default();
        let api = Api { waiting: Arc::new(tokio::sync::Mutex::new(waiting)), asked, answers: Arc::clone(&answers) };
        let server = tokio::spawn(async move { drop(axum::serve(listener, api.router()).await) });

        command
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "local")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "local")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
            .kill_on_drop(true);
        let begun = Instant::now();
        let mut child = command.spawn()?;
        let pid = child.id().unwrap_or_default();
        let ready = tokio::select! {
            ready = first.wait_for(Option::is_some) => ready.ok().and_then(|at| *at),
            ended = child.wait() => return Err(SandboxError::Ended(ended?)),
            () = tokio::time::sleep(INIT_MAX) => None,
        };
        let ready = ready.ok_or(SandboxError::Silent(INIT_MAX))?;
        let init_time = ready.duration_since(begun);
        Ok(Self { child, pid, init_time, events, answers, next_id: AtomicU64::new(1), server })
    }

    /// From the start of the process until it asked for its first event.
    pub fn init_time(&self) -> Duration {
        self.init_time
    }

    /// Hands over an event. Returns the JSON of the function's answer.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub async fn invoke(&mut self, event: &str) -> Result<String, SandboxError> {
        let id = format!("local-{:08}", self.next_id.fetch_add(1, Ordering::Relaxed));
        let (answer, answered) = oneshot::channel();
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), answer);
        // This cannot fail: the server holds the other end for as long as `self` lives.
        let _ = self.events.send((id, event.to_owned()));
        tokio::select! {
            answer = answered => match answer {
                Ok(answer) => answer.map_err(SandboxError::Function),
                Err(_) => Err(SandboxError::Silent(Duration::ZERO)),
            },
            ended = self.child.wait() => Err(SandboxError::Ended(ended?)),
            () = tokio::time::sleep(INVOKE_MAX) => Err(SandboxError::Silent(INVOKE_MAX)),
        }
    }

    /// The time that all its threads spent on a processor.
    ///
    /// # Errors
    /// [`SandboxError::Process`].
    pub fn cpu_time(&self) -> Result<Duration, SandboxError> {
        let mut nanos = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            let schedstat = fs::read_to_string(task?.path().join("schedstat"))?;
            nanos += schedstat.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or_default();
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Its memory.
    ///
    /// # Errors
    /// [`SandboxError::Process`].
    pub fn memory(&self) -> Result<Memory, SandboxError> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
        };
        Ok(Memory { peak_kib: kib("VmHWM:"), now_kib: kib("VmRSS:") })
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Clone)]
struct Api {
    waiting: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<(String, String)>>>,
    asked: watch::Sender<Option<Instant>>,
    answers: Answers,
}

impl Api {
    fn router(self) -> Router {
        Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(fail))
            .layer(DefaultBodyLimit::disable())
            .with_state(self)
    }

    fn answer(&self, id: &str, answer: Result<String, String>) -> StatusCode {
        let waiting = self.answers.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        // The caller may be gone.
        let taken = waiting.is_some_and(|waiting| waiting.send(answer).is_ok());
        if taken { StatusCode::ACCEPTED } else { StatusCode::NOT_FOUND }
    }
}

/// Invocations have a deadline that is far away, because deadlines are not tested here.
const DEADLINE_MS: &str = "4102444800000";

async fn next(State(api): State<Api>) -> Response {
    api.asked.send_if_modified(|asked| {
        let is_first = asked.is_none();
        asked.get_or_insert_with(Instant::now);
        is_first
    });
    let Some((id, event)) = api.waiting.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("lambda-runtime-deadline-ms", HeaderValue::from_static(DEADLINE_MS));
    let arn = HeaderValue::from_static("arn:aws:lambda:us-east-1:000000000000:function:local");
    headers.insert("lambda-runtime-invoked-function-arn", arn);
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("lambda-runtime-aws-request-id", id);
    }
    (headers, event).into_response()
}

async fn respond(State(api): State<Api>, Path(id): Path<String>, answer: String) -> StatusCode {
    api.answer(&id, Ok(answer))
}

async fn fail(State(api): State<Api>, Path(id): Path<String>, problem: String) -> StatusCode {
    api.answer(&id, Err(problem))
}
