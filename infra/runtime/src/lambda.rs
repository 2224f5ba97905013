//! Lambda's side of a function: events in, replies out.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use lambda_http::{Body, RequestExt, request::RequestContext, service_fn};

use serde::{Deserialize, Serialize};
use tracing::error;

use crate::{ClientIp, Reply, Request, front::Front, reply};

/// Answers API Gateway's events with `handle` for as long as Lambda sends some. If there is a front, only its requests reach `handle`.
///
/// # Errors
/// What the Lambda runtime says when it cannot go on.
pub async fn serve<F, A>(handle: F) -> Result<(), lambda_http::Error>
where
    F: Fn(Request) -> A,
    A: Future<Output = Reply> + Send,
{
    let front = Front::from_environment();
    lambda_http::run(service_fn(|event: lambda_http::Request| {
        let left = event.lambda_context_ref().map(|context| time_left(context.deadline()));
        let reply = front.admit(into_request(event)).map(&handle);
        async move {
            let reply = match (reply, left) {
                (None, _) => reply::forbidden(),
                (Some(reply), Some(left)) => in_time(left, reply).await,
                (Some(reply), None) => reply.await,
            };
            Ok::<_, std::convert::Infallible>(reply.map(into_body))
        }
    }))
    .await
}

/// A function answers by itself this long before Lambda would stop it.
const ANSWERS_BEFORE: Duration = Duration::from_millis(500);

fn time_left(deadline: SystemTime) -> Duration {
    // Lambda's deadline is measured here, and not a time of the business.
    #[expect(clippy::disallowed_methods, reason = "Lambda gives its deadline by the machine's clock")]
    let now = SystemTime::now();
    deadline.duration_since(now).unwrap_or_default().saturating_sub(ANSWERS_BEFORE)
}

/// Returns the reply. After `limit`, it returns a reply that says to call again. The handler is cut off like by a kill, which every handler
/// bears.
pub async fn in_time(limit: Duration, reply: impl Future<Output = Reply>) -> Reply {
    tokio::time::timeout(limit, reply).await.unwrap_or_else(|_| {
        error!("took longer than {} ms", limit.as_millis());
        reply::out_of_time()
    })
}

/// Answers events that are no HTTP requests (SQS batches, ticks of a schedule) with `handle` for as long as Lambda sends some.
///
/// # Errors
/// What the Lambda runtime says when it cannot go on.
pub async fn serve_events<E, R, F, A>(handle: F) -> Result<(), lambda_runtime::Error>
where
    E: for<'de> Deserialize<'de>,
    R: Serialize,
    F: Fn(E) -> A,
    A: Future<Output = R>,
{
    lambda_runtime::run(lambda_runtime::service_fn(|event: lambda_runtime::LambdaEvent<E>| {
        let reply = handle(event.payload);
        async move { Ok::<_, std::convert::Infallible>(reply.await) }
    }))
    .await
}

/// Reads one of API Gateway's events as `serve` does: for tests that have no Lambda.
///
/// # Errors
/// What is wrong with the JSON.
pub fn read_event(json: &str) -> Result<Request, serde_json::Error> {
    lambda_http::request::from_str(json).map(into_request)
}

fn into_request(event: lambda_http::Request) -> Request {
    let source_ip = match event.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.clone(),
        Some(_) | None => None,
    };
    let mut request = event.map(into_bytes);
    if let Some(source_ip) = source_ip {
        request.extensions_mut().insert(ClientIp::new(&source_ip));
    }
    request
}

fn into_bytes(body: Body) -> Bytes {
    Bytes::copy_from_slice(body.as_ref())
}

/// Text is sent as text, because API Gateway has to decode other bodies from base64.
fn into_body(bytes: Bytes) -> Body {
    String::from_utf8(bytes.into()).map_or_else(|error| Body::Binary(error.into_bytes()), Body::Text)
}
