//! `POST /2.0/maxpay/bill`: starts a payment, or hands out fresh parameters for one that was started.
//! `POST /2.0/maxpay/sessions`: hands out a session token.
//!
//! What a charge does is in `charging`, which the checkout uses, too. Here a call becomes a charge, and what came of it an answer.

use charging::{AccountInUse, Begun, ChargeOrder};
pub use charging::{ClientCounts, Deps};
use domain::{Author, ChargeForm, PayerAddress, SessionClaims, SessionRequest, SessionToken};
use http::Method;
use providers::PaymentParameters;
use runtime::{
    ApiError, Caller, Reply, Request, Role, authenticate, client_ip, failure, json_body, not_found, success,
};
use serde::Serialize;

/// What this function answers, as `template.yaml` routes it.
pub const ROUTES: [(Method, &str); 2] = [(Method::POST, "/2.0/maxpay/bill"), (Method::POST, "/2.0/maxpay/sessions")];

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Reply {
    let answer = match request.uri().path() {
        "/2.0/maxpay/bill" => charge(deps, &request).await,
        "/2.0/maxpay/sessions" => open_session(deps, &request).await,
        _ => return not_found(),
    };
    answer.unwrap_or_else(|error| failure(&error))
}

async fn charge(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let apps = &deps.services.apps;
    let caller = authenticate(request.headers(), apps, deps.services.clock.now()).await?;
    let form = ChargeForm::parse(json_body(request)?)?;
    let channel = form.channel()?;
    let account = AccountInUse::find(apps, &caller.configured, channel, caller.mode)?;
    let charge = form.read(channel)?;
    let author = author_of(&caller);
    let order = ChargeOrder {
        configured: &caller.configured,
        mode: caller.mode,
        author,
        offer: None,
        charge: &charge,
        caller_ip: client_ip(request).and_then(PayerAddress::parse),
    };
    let Begun { transaction, parameters } = charging::charge(deps, account, &order).await?;
    Ok(success(&Charged { id: transaction.id.as_str(), parameters: &parameters }))
}

#[derive(Serialize)]
struct Charged<'a> {
    id: &'a str,
    #[serde(flatten)]
    parameters: &'a PaymentParameters,
}

/// The master key is the server's; everything else is in a client's hands.
fn author_of(caller: &Caller) -> Author {
    match caller.role {
        Role::Master => Author::Server,
        Role::Client => Author::Client,
    }
}

async fn open_session(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let now = deps.services.clock.now();
    let caller = authenticate(request.headers(), &deps.services.apps, now).await?;
    let key = caller.session_key()?;
    let session = SessionRequest::parse(json_body(request)?)?;
    let expires_at = now.plus(session.ttl);
    let claims = SessionClaims { app: caller.app().id.clone(), mode: caller.mode, expires_at, user: session.user };
    let token = SessionToken::issue(&claims, key);
    Ok(success(&Session { token: token.as_str(), expires_at: expires_at.ms() }))
}

#[derive(Serialize)]
struct Session<'a> {
    token: &'a str,
    #[serde(rename = "expiresAt")]
    expires_at: i64,
}
