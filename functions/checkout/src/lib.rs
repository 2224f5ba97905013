//! `POST /2.0/maxpay/checkout`: makes a checkout, whose address is a page by which one bill is paid.
//! `GET /pay/{token}` and its steps: that page. `docs/security.md` says what a visitor can and cannot do.
//!
//! A visitor chooses a channel, and nothing else: bill, amount and addresses are those of the merchant, kept under the token. The charge is
//! that of `charging`, and what a provider answers is settled by `settlement`. The page waits by asking for the state again; nothing waits
//! in this function.

mod files;
mod leave;
mod make;
mod offers;
mod openid;
mod page;
mod pay;
mod poll;
mod qr;
mod replies;
mod result;
mod texts;
mod visit;

use charging::ClientCounts;
use http::Method;
use outbound::Outbound;
use queue::Queue;
use runtime::{Reply, Request, Services, failure, not_found};
use settlement::Recent;

/// What this function answers, as `template.yaml` routes it.
pub const ROUTES: [(Method, &str); 7] = [
    (Method::POST, "/2.0/maxpay/checkout"),
    (Method::GET, "/pay/{token}"),
    (Method::GET, "/pay/{token}/state"),
    (Method::GET, "/pay/{token}/wx"),
    (Method::GET, "/pay/{token}/logo"),
    (Method::GET, "/{file}"),
    (Method::POST, "/pay/{token}/{channel}"),
];

/// What a checkout needs.
#[derive(Clone, Debug)]
pub struct Deps {
    charging: charging::Deps,
    settlement: settlement::Deps,
    recent: Recent,
}

impl Deps {
    /// Puts the parts together.
    pub fn new(services: Services, queue: Queue, outbound: Outbound) -> Self {
        let client_counts = ClientCounts::default();
        Self {
            charging: charging::Deps { services: services.clone(), outbound: outbound.clone(), client_counts },
            settlement: settlement::Deps { services, queue, outbound },
            recent: Recent::default(),
        }
    }

    fn services(&self) -> &Services {
        &self.charging.services
    }
}

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Reply {
    let path = request.uri().path();
    if path == "/2.0/maxpay/checkout" {
        return make::make(deps, &request).await.unwrap_or_else(|error| failure(&error));
    }
    let steps: Vec<&str> = path.split('/').skip(1).collect();
    match (request.method(), steps.as_slice()) {
        (&Method::GET, ["pay", token]) => page::show(deps, &request, token).await,
        (&Method::GET, ["pay", token, "state"]) => poll::state(deps, &request, token).await,
        (&Method::GET, ["pay", token, "wx"]) => openid::returned(deps, &request, token).await,
        (&Method::GET, ["pay", token, "logo"]) => files::logo(deps, token).await,
        (&Method::GET, [file]) => files::verification(deps, file).await,
        (&Method::POST, ["pay", token, "leave"]) => leave::leave(deps, &request, token).await,
        (&Method::POST, ["pay", token, channel]) => pay::pay(deps, &request, token, channel).await,
        _ => not_found(),
    }
}
