//! `GET /pay/{token}/state`: what the page asks again and again while it waits.
//!
//! Each answer costs one eventually consistent read of the bill. A bill that is silent for a while is asked about at its provider, at most
//! once in fifteen seconds for each instance, and nothing is written unless there is news.

use domain::CheckoutState;
use http::StatusCode;
use runtime::{ApiError, Reply, Request, error_chain, json};
use serde::Serialize;
use tracing::error;

use crate::{
    Deps, replies, result,
    visit::{Look, Visit},
};

#[derive(Serialize)]
struct State {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(crate) async fn state(deps: &Deps, request: &Request, token: &str) -> Reply {
    let reply = match look(deps, request, token).await {
        Ok(Some(state)) => json(StatusCode::OK, &state),
        Ok(None) => json(StatusCode::NOT_FOUND, &State { state: "unknown", next: None }),
        Err(error) => {
            error!("a checkout could not be looked at: {}", error_chain(&error));
            json(StatusCode::SERVICE_UNAVAILABLE, &State { state: "unknown", next: None })
        }
    };
    replies::guarded(reply, "default-src 'none'; frame-ancestors 'none'")
}

async fn look(deps: &Deps, request: &Request, token: &str) -> Result<Option<State>, ApiError> {
    let Some(visit) = Visit::open_and_ask(deps, request, token, Look::State).await? else { return Ok(None) };
    let state = visit.state().name();
    let next = if matches!(visit.state(), CheckoutState::Paid(_)) { result::next(&visit) } else { None };
    Ok(Some(State { state, next }))
}
