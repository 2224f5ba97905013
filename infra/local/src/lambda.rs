//! Plays Lambda for the merchants' own functions: an invocation becomes a POST to a small program on this machine.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    response::{IntoResponse, Response},
    routing,
};
use http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use outbound::{Bounds, Outbound};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Lambda's own bound of a payload, and a deadline longer than any of ours.
const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(60), body_bytes_max: 6 * 1024 * 1024 };

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");

/// The functions on this machine. Clones share everything.
#[derive(Clone)]
pub(crate) struct LocalLambda {
    outbound: Outbound,
    functions: Arc<Mutex<HashMap<String, Function>>>,
}

/// Where a function is, or the error with which Lambda refuses to run it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Function {
    /// A program at this address.
    Url(String),
    /// AWS's name of the error: `TooManyRequestsException`, `AccessDeniedException`.
    Error(String),
}

impl LocalLambda {
    pub(crate) fn new(outbound: Outbound) -> Self {
        Self { outbound, functions: Arc::default() }
    }

    /// Lambda's own interface. It must be served on a separate listener.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/2015-03-31/functions/{name}/invocations", routing::post(invoke))
            .layer(DefaultBodyLimit::max(BOUNDS.body_bytes_max))
            .with_state(self.clone())
    }

    /// Where people register functions.
    pub(crate) fn registry(&self) -> Router {
        Router::new().route("/_local/functions/{name}", routing::put(register)).with_state(self.clone())
    }

    fn functions(&self) -> MutexGuard<'_, HashMap<String, Function>> {
        self.functions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds a function by its name. It may be called by name, by name and alias, or by ARN.
    fn find(&self, called: &str) -> Option<Function> {
        let name = called.split(":function:").last().unwrap_or(called);
        let name = name.split(':').next().unwrap_or(name);
        let functions = self.functions();
        functions.get(called).or_else(|| functions.get(name)).cloned()
    }
}

/// `PUT /_local/functions/<name> {"url":"http://127.0.0.1:PORT/"}`
async fn register(State(lambda): State<LocalLambda>, Path(name): Path<String>, body: Bytes) -> Response {
    match serde_json::from_slice::<Function>(&body) {
        Ok(function) => {
            lambda.functions().insert(name, function.clone());
            Json(function).into_response()
        }
        Err(error) => {
            let detail = format!("the body must be {{\"url\"}} or {{\"error\"}}: {error}");
            (StatusCode::BAD_REQUEST, Json(json!({ "detail": detail }))).into_response()
        }
    }
}

/// `POST /2015-03-31/functions/<name>/invocations`
async fn invoke(State(lambda): State<LocalLambda>, Path(name): Path<String>, payload: Bytes) -> Response {
    let url = match lambda.find(&name) {
        Some(Function::Url(url)) => url,
        Some(Function::Error(error)) => return refused(&error, &format!("{name} is not run")),
        None => return refused("ResourceNotFoundException", &format!("Function not found: {name}")),
    };
    let request = http::Request::post(url).header(CONTENT_TYPE, "application/json").body(payload);
    let answer = match request {
        Ok(request) => lambda.outbound.send(request, BOUNDS).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match answer {
        Ok(answer) if answer.status().is_success() => answer.into_body().into_response(),
        Ok(answer) => failed(answer.into_body()),
        Err(error) => failed(Bytes::from(json!({ "errorMessage": error, "errorType": "Local" }).to_string())),
    }
}

fn failed(payload: Bytes) -> Response {
    let mut response = payload.into_response();
    response.headers_mut().insert(FUNCTION_ERROR, HeaderValue::from_static("Unhandled"));
    response
}

fn refused(error: &str, message: &str) -> Response {
    let status = match error {
        "ResourceNotFoundException" => StatusCode::NOT_FOUND,
        "AccessDeniedException" => StatusCode::FORBIDDEN,
        "TooManyRequestsException" => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = (status, Json(json!({ "Message": message }))).into_response();
    if let Ok(value) = HeaderValue::try_from(error) {
        response.headers_mut().insert(ERROR_TYPE, value);
    }
    response
}
