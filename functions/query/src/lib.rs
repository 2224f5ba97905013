//! `POST|GET /2.0/maxpay/records`: tells of payments.

use domain::{Record, RecordsRequest, RecordsScope};
use http::Method;
use runtime::{
    ApiError, Base, Reply, Request, Role, authenticate, failure, json_body, not_found, query_parameter, success,
};
use serde::Serialize;
use store::RecordsQuery;

/// What this function answers, as `template.yaml` routes it.
pub const ROUTES: [(Method, &str); 2] = [(Method::POST, "/2.0/maxpay/records"), (Method::GET, "/2.0/maxpay/records")];

/// What a query needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Store, apps and clock.
    pub base: Base,
}

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Reply {
    match request.uri().path() {
        "/2.0/maxpay/records" => records(deps, &request).await.unwrap_or_else(|error| failure(&error)),
        _ => not_found(),
    }
}

async fn records(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let caller = authenticate(request.headers(), &deps.base.apps, deps.base.clock.now()).await?;
    let scope = match caller.role {
        Role::Master => RecordsScope::Everything,
        Role::Client => RecordsScope::NamedBill,
    };
    let asked = if request.method() == Method::GET {
        // The PHP SDK's form: the same JSON, URL-encoded, in `para`.
        RecordsRequest::parse(query_parameter(request, "para").unwrap_or_default().as_bytes(), scope)?
    } else {
        RecordsRequest::parse(json_body(request)?, scope)?
    };
    let channels = caller.configured.channels_ever(caller.mode);
    let query = RecordsQuery { app: &caller.app().id, mode: caller.mode, channels, request: &asked };
    Ok(success(&Records { results: deps.base.store.records(&query).await? }))
}

#[derive(Serialize)]
struct Records {
    results: Vec<Record>,
}
