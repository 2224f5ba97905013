//! The HTTP side of a simulator: each request is read completely and answered by the simulator's own routes.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};

use super::answer::Answer;
use super::owner::SimulatorError;
use super::reply::Reply;

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The largest body. An order has a few kilobytes.
pub(crate) struct BodyMax {
    pub(crate) bytes: usize,
    /// The same in words.
    pub(crate) words: &'static str,
}

impl BodyMax {
    pub(crate) const MIB: Self = Self { bytes: 1024 * 1024, words: "1 MiB" };
}

/// A simulator that is reached under `/simulator/<name>` and `/_local/simulator/<name>`.
pub(crate) trait Served: Clone + Send + Sync + 'static {
    const NAME: &'static str;
    const BODY_MAX: BodyMax;

    fn route(&self, request: &Incoming) -> impl Future<Output = Result<Answer, SimulatorError>> + Send;
}

/// All routes of a simulator, with their full paths.
pub(crate) fn router<S: Served>(simulator: &S) -> Router {
    let name = S::NAME;
    Router::new()
        .route(&format!("/simulator/{name}/{{*path}}"), any(dispatch::<S>))
        .route(&format!("/_local/simulator/{name}/{{*path}}"), any(dispatch::<S>))
        .with_state(simulator.clone())
}

/// The simulator's answer, or a server error if it fails.
pub(crate) async fn answer<S: Served>(simulator: &S, request: &Incoming) -> Answer {
    let answered = simulator.route(request).await;
    answered.unwrap_or_else(|error| {
        tracing::error!(error = %error, "the simulator could not answer");
        Reply::new(500, "text/plain", error.to_string()).into()
    })
}

async fn dispatch<S: Served>(State(simulator): State<S>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, S::BODY_MAX.bytes).await else {
        let why = format!("the body is cut off or larger than {}", S::BODY_MAX.words);
        return Reply::new(413, "text/plain", why).into_response();
    };
    let target = parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let incoming = Incoming { method: parts.method, target, headers: parts.headers, body };
    let answer = answer(&simulator, &incoming).await;
    if answer.reply.hold_ms > 0 {
        // Real time, not the owner's clock: this tests the client's timeout.
        tokio::time::sleep(Duration::from_millis(answer.reply.hold_ms)).await;
    }
    answer.into_response()
}

/// A request, read completely.
pub(crate) struct Incoming {
    pub(crate) method: Method,
    /// Path and query as on the request line: a signature of WeChat's v3 covers them.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Incoming {
    /// A posted form, to any path.
    pub(crate) fn posted_form(form: String) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(FORM))]);
        Self { method: Method::POST, target: String::new(), headers, body: form.into() }
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// A header that occurs once. If it occurs twice, it counts as absent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }

    /// The content type without its parameters, in lower case.
    pub(crate) fn content_type(&self) -> String {
        let whole = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The first content type with its parameters, as it was written.
    pub(crate) fn content_type_line(&self) -> &str {
        self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as form text. As at Alipay, another content type is not a form.
    pub(crate) fn form(&self) -> Result<&str, Reply> {
        let kind = self.content_type_line().split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case(FORM) {
            return Ok("");
        }
        std::str::from_utf8(&self.body).map_err(|_| Reply::new(400, "text/plain", "the body is not UTF-8"))
    }
}
