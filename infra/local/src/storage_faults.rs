//! Stops the storage after a given write, or loses one answer. A function sees the same as if it was killed there: what was written stays,
//! and nothing more is read or written until the switch is set back. For tests only: it works before DynamoDB if a test asks for it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{Router, body::Body, extract::State, response::Response, routing};
use http::{HeaderValue, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Limited};
use outbound::{Bounds, Outbound};

use crate::{
    error::StartError,
    parts::{Running, listen, serve},
};

/// DynamoDB's own bounds of a call and its answer.
const BOUNDS: Bounds = Bounds { deadline: std::time::Duration::from_secs(60), body_bytes_max: 32 * 1024 * 1024 };

/// What happens to the answer to the last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastAnswer {
    /// It arrives: the function goes on until it needs the storage again.
    Given,
    /// It is lost: the function stops right there.
    Lost,
    /// It is lost once: the client tries again, and nothing stops.
    LostOnce,
}

/// The switch. All clones are one switch.
#[derive(Clone, Debug, Default)]
pub struct StorageFaults(Arc<Mutex<Option<Armed>>>);

#[derive(Clone, Copy, Debug)]
struct Armed {
    writes_left: u32,
    last: LastAnswer,
    fired: bool,
}

/// What happens to a call to the storage.
enum Fate {
    Passes,
    PassesUnheard,
    PassesUnheardOnce,
    Fails,
}

impl StorageFaults {
    /// After `writes` more writes the storage stops.
    pub fn arm(&self, writes: u32, last: LastAnswer) {
        *self.lock() = Some(Armed { writes_left: writes, last, fired: false });
    }

    /// Everything works again. `true` if the storage had stopped.
    pub fn disarm(&self) -> bool {
        self.lock().take().is_some_and(|armed| armed.fired)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, operation: &str) -> Fate {
        let mut armed = self.lock();
        let Some(armed) = armed.as_mut() else { return Fate::Passes };
        if armed.writes_left == 0 {
            armed.fired = true;
            return Fate::Fails;
        }
        let writes = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"];
        if !writes.contains(&operation) {
            return Fate::Passes;
        }
        armed.writes_left -= 1;
        match (armed.writes_left, armed.last) {
            (0, LastAnswer::Lost) => {
                armed.fired = true;
                Fate::PassesUnheard
            }
            (0, LastAnswer::LostOnce) => {
                (armed.fired, armed.writes_left) = (true, u32::MAX);
                armed.last = LastAnswer::Given;
                Fate::PassesUnheardOnce
            }
            (_, LastAnswer::Given | LastAnswer::Lost | LastAnswer::LostOnce) => Fate::Passes,
        }
    }

    /// Serves the switch before the DynamoDB at `endpoint`. Returns its own endpoint.
    pub(crate) async fn serve(&self, running: &mut Running, endpoint: String) -> Result<String, StartError> {
        let listener = listen(0).await?;
        let address = listener.local_addr().map_err(|error| StartError::part("storage switch", error))?;
        let outbound = Outbound::new().map_err(|error| StartError::part("storage switch", error))?;
        let state = (self.clone(), endpoint, outbound);
        serve(running, "storage switch", listener, Router::new().fallback(routing::any(pass)).with_state(state));
        Ok(format!("http://{address}"))
    }
}

async fn pass(
    State((faults, endpoint, outbound)): State<(StorageFaults, String, Outbound)>,
    request: Request<Body>,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BOUNDS.body_bytes_max).collect().await else { return failed() };
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let fate = faults.judge(target.rsplit('.').next().unwrap_or_default());
    if matches!(fate, Fate::Fails) {
        return failed();
    }
    let Ok(uri) = format!("{endpoint}{}", parts.uri.path()).parse() else { return failed() };
    parts.uri = uri;
    parts.headers.remove(http::header::HOST);
    match outbound.send(Request::from_parts(parts, body.to_bytes()), BOUNDS).await {
        Ok(answer) => match fate {
            Fate::Passes => answer.map(Body::from),
            Fate::PassesUnheardOnce => error(StatusCode::INTERNAL_SERVER_ERROR, AGAIN),
            Fate::PassesUnheard | Fate::Fails => failed(),
        },
        Err(_) => failed(),
    }
}

/// An error after which the AWS client tries again.
const AGAIN: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"lost"}"#;

/// An error that the AWS client does not try again.
const STOPPED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"stopped"}"#;

fn failed() -> Response {
    error(StatusCode::BAD_REQUEST, STOPPED)
}

fn error(status: StatusCode, body: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}
