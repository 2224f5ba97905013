//! Plays API Gateway: chooses the function by the template's routes, passes it the request, and plays the API's CORS.

use std::{pin::Pin, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use http::{Method, StatusCode, header::ORIGIN};
use http_body_util::{BodyExt, Limited};
use runtime::Reply;
use tokio::sync::Semaphore;

use crate::{
    demo::KeysFile, error::StartError, handed::read_page, iam::Iam, items::Tables, meter::Meter,
    metric_lines::MetricLines, simulators::Simulators, template::Template,
};

/// The path of a charge. What a payer opens comes from its answer.
const CHARGE: &str = "/2.0/maxpay/bill";

/// The paths under which keys are rotated.
const CHANGED_AT: [&str; 2] = ["/admin/v1/apps/", "/console/apps/"];

/// API Gateway's own bound.
const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;

/// How much of a body that is too long is still read. If a client gets its answer while it sends, it sees a broken connection instead of
/// the answer. A caller that sends more than this is cut off.
const OVERLONG_BYTES_READ_MAX: usize = 64 * 1024 * 1024;

/// The functions, with what each needs.
#[derive(Clone, Debug)]
pub(crate) struct Functions {
    pub(crate) template: Arc<Template>,
    pub(crate) charge: charge::Deps,
    pub(crate) checkout: checkout::Deps,
    pub(crate) query: query::Deps,
    pub(crate) provider_notify: provider_notify::Deps,
    pub(crate) admin: admin::Deps,
    pub(crate) metric_lines: MetricLines,
    pub(crate) deliver: deliver::Deps,
    pub(crate) ask: ask::Deps,
    pub(crate) sweep: sweep::Deps,
    pub(crate) iam: Iam,
    pub(crate) meter: Meter,
    pub(crate) tables: Tables,
}

/// A function, by the name of its binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Starts payments.
    Charge,
    /// Makes checkouts, and shows their pages.
    Checkout,
    /// Answers queries about payments.
    Query,
    /// Settles payments.
    ProviderNotify,
    /// The operator API.
    Admin,
    /// Delivers events to webhooks.
    Deliver,
    /// Queries providers.
    Ask,
    /// Looks each minute at what is due.
    Sweep,
    /// Answers requests that no route takes.
    Unrouted,
}

/// A route of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionRoute {
    /// The method.
    pub method: http::Method,
    /// The path, as the template writes it.
    pub path: &'static str,
}

impl Function {
    /// Every function. `tests/template.rs` compares them with the crates, and with every other list of functions.
    pub const ALL: [Self; 9] = [
        Self::Charge,
        Self::Checkout,
        Self::Query,
        Self::ProviderNotify,
        Self::Admin,
        Self::Deliver,
        Self::Ask,
        Self::Sweep,
        Self::Unrouted,
    ];

    /// The name of its crate and of its binary.
    pub fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Checkout => "checkout",
            Self::Query => "query",
            Self::ProviderNotify => "provider-notify",
            Self::Admin => "admin",
            Self::Deliver => "deliver",
            Self::Ask => "ask",
            Self::Sweep => "sweep",
            Self::Unrouted => "unrouted",
        }
    }

    /// The routes that the function itself knows.
    pub fn routes(self) -> Vec<FunctionRoute> {
        let routes = match self {
            Self::Charge => charge::ROUTES.to_vec(),
            Self::Checkout => checkout::ROUTES.to_vec(),
            Self::Query => query::ROUTES.to_vec(),
            Self::ProviderNotify => provider_notify::ROUTES.to_vec(),
            Self::Admin => admin::ROUTES.to_vec(),
            Self::Deliver | Self::Ask | Self::Sweep | Self::Unrouted => Vec::new(),
        };
        routes.into_iter().map(|(method, path)| FunctionRoute { method, path }).collect()
    }

    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }
}

impl Functions {
    /// Answers a request as the API does. It answers a preflight itself. A function answers any other request, and the API adds its headers
    /// for other origins.
    async fn answer(&self, request: http::Request<Bytes>) -> Option<http::Response<Bytes>> {
        let cors = self.template.cors.as_ref();
        let own = cors.filter(|_| !self.template.has_options(request.uri().path()));
        if let Some(reply) = own.and_then(|cors| cors.preflight(request.method(), request.headers())) {
            return Some(reply);
        }
        let origin = request.headers().get(ORIGIN).cloned();
        let mut reply = self.call(request).await?;
        if let Some(cors) = cors {
            cors.dress(origin.as_ref(), &mut reply);
        }
        Some(reply)
    }

    /// Chooses the function by the template's routes, or the default function, and returns its answer. `None` if there is neither.
    pub(crate) async fn call(&self, request: http::Request<Bytes>) -> Option<http::Response<Bytes>> {
        let route = self.template.route(request.method().as_str(), request.uri().path());
        let function = route.map(|route| &route.function).or(self.template.default_function.as_ref())?;
        let function = Function::find(function)?;
        let limit = self.template.timeout(function).ok()?;
        let reply: Pin<Box<dyn Future<Output = Reply> + Send + '_>> = match function {
            Function::Charge => Box::pin(charge::handle(&self.charge, request)),
            Function::Checkout => Box::pin(checkout::handle(&self.checkout, request)),
            Function::Query => Box::pin(query::handle(&self.query, request)),
            Function::ProviderNotify => Box::pin(provider_notify::handle(&self.provider_notify, request)),
            Function::Admin => Box::pin(admin::handle(&self.admin, request)),
            Function::Unrouted => Box::pin(std::future::ready(unrouted::handle(&request))),
            Function::Deliver | Function::Ask | Function::Sweep => return None,
        };
        Some(runtime::in_time(limit, reply).await)
    }
}

impl Functions {
    /// Passes a function an event that is not an HTTP request, and returns the answer.
    pub(crate) async fn call_event(&self, function: &str, event: &str) -> Result<String, StartError> {
        let failed = |error: serde_json::Error| StartError::part("event", error);
        match Function::find(function) {
            Some(Function::Deliver) => {
                let batch = serde_json::from_str(event).map_err(failed)?;
                serde_json::to_string(&deliver::handle(&self.deliver, batch).await).map_err(failed)
            }
            Some(Function::Ask) => {
                let batch = serde_json::from_str(event).map_err(failed)?;
                serde_json::to_string(&ask::handle(&self.ask, batch).await).map_err(failed)
            }
            Some(Function::Sweep) => {
                let tick = serde_json::from_str(event).map_err(failed)?;
                serde_json::to_string(&sweep::run(&self.sweep, tick).await).map_err(failed)
            }
            Some(
                Function::Charge
                | Function::Checkout
                | Function::Query
                | Function::ProviderNotify
                | Function::Admin
                | Function::Unrouted,
            )
            | None => Err(StartError::part("event", format!("`{function}` takes HTTP requests only"))),
        }
    }
}

/// What the front door of the stack needs.
#[derive(Clone)]
pub(crate) struct FrontDoor {
    pub(crate) functions: Functions,
    pub(crate) simulators: Simulators,
    /// Updates `local.json`, if there is one.
    pub(crate) keys_file: Option<KeysFile>,
    /// Limits how many requests are answered at once.
    pub(crate) room: Arc<Semaphore>,
}

/// Answers what no route of the local stack itself takes.
pub(crate) async fn serve(State(door): State<FrontDoor>, request: Request) -> Response {
    // API Gateway gives this answer if Lambda has no room.
    let Ok(_room) = door.room.try_acquire() else {
        return message(StatusCode::SERVICE_UNAVAILABLE, r#"{"message":"Service Unavailable"}"#);
    };
    let (parts, mut body) = request.into_parts();
    let Ok(whole) = Limited::new(&mut body, BODY_BYTES_MAX).collect().await else {
        read_to_the_end(body).await;
        return message(StatusCode::PAYLOAD_TOO_LARGE, r#"{"message":"Request Entity Too Large"}"#);
    };
    let whole = whole.to_bytes();
    let charge = (parts.uri.path() == CHARGE).then(|| whole.clone());
    let may_rotate = parts.method != Method::GET && CHANGED_AT.iter().any(|door| parts.uri.path().starts_with(door));
    let answered = door.functions.answer(http::Request::from_parts(parts, whole)).await;
    if let (Some(asked), Some(reply)) = (charge, &answered) {
        door.simulators.keep(read_page(&asked, reply.body()));
    }
    if let Some(keys_file) = door.keys_file.filter(|_| may_rotate) {
        keys_file.refresh().await;
    }
    answered.map_or_else(|| message(StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#), |reply| reply.map(Body::from))
}

/// Reads the rest of a body that is refused, up to a bound. If the body breaks, the client is gone, so the error is not reported.
async fn read_to_the_end(mut body: Body) {
    let mut bytes_read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes_read += frame.data_ref().map_or(0, Bytes::len);
        if bytes_read > OVERLONG_BYTES_READ_MAX {
            return;
        }
    }
}

fn message(status: StatusCode, body: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}
