//! `POST|GET /2.0/maxpay/records`: tells of payments.
//! `POST /2.0/maxpay/sync`: asks the provider about a bill now, and tells.
//!
//! A bill that is asked for by its number and has been pending for a while is asked about at its provider, too, so that a payer who
//! looks at a page that waits is told even where the notify was lost. It never makes the query fail, or slow.

mod sync;

use domain::{Record, RecordsRequest, RecordsScope};
use http::Method;
use outbound::Outbound;
use queue::Queue;
use runtime::{
    ApiError, Caller, Reply, Request, Role, Services, authenticate, failure, json_body, not_found, query_parameter,
    success,
};
use serde::Serialize;
use store::RecordsQuery;

pub use settlement::Recent;

/// What this function answers, as `template.yaml` routes it.
pub const ROUTES: [(Method, &str); 3] =
    [(Method::POST, "/2.0/maxpay/records"), (Method::GET, "/2.0/maxpay/records"), (Method::POST, "/2.0/maxpay/sync")];

/// What a query needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Store, apps and clock.
    pub services: Services,
    /// The bell for deliveries.
    pub queue: Queue,
    /// The way to the providers.
    pub outbound: Outbound,
    /// What was asked about just now.
    pub recent: Recent,
}

impl Deps {
    /// What settling a provider's answer needs of it.
    fn settlement(&self) -> settlement::Deps {
        settlement::Deps { services: self.services.clone(), queue: self.queue.clone(), outbound: self.outbound.clone() }
    }
}

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Reply {
    match request.uri().path() {
        "/2.0/maxpay/records" => records(deps, &request).await.unwrap_or_else(|error| failure(&error)),
        "/2.0/maxpay/sync" => sync::sync(deps, &request).await.unwrap_or_else(|error| failure(&error)),
        _ => not_found(),
    }
}

async fn records(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let caller = authenticate(request.headers(), &deps.services.apps, deps.services.clock.now()).await?;
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
    let mut results = find_records(deps, &caller, &asked).await?;
    if let Some(bill) = &asked.filter.bill
        && sync::refresh(deps, &caller, bill, &results).await
    {
        results = find_records(deps, &caller, &asked).await?;
    }
    Ok(success(&Records { results }))
}

async fn find_records(deps: &Deps, caller: &Caller, asked: &RecordsRequest) -> Result<Vec<Record>, ApiError> {
    let channels = caller.configured.channels_ever(caller.mode);
    let query = RecordsQuery { app: caller.app(), mode: caller.mode, channels, request: asked };
    Ok(deps.services.store.records(&query).await?)
}

#[derive(Serialize)]
struct Records {
    results: Vec<Record>,
}
