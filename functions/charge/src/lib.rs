//! `POST /2.0/maxpay/bill`: starts a payment, or hands out fresh parameters for one that was started.
//! `POST /2.0/maxpay/sessions`: hands out a session token.
//!
//! A charge goes three ways, in this order: it takes up an open try of its bill, or reserves a new one (`tries.rs`); it asks the provider
//! for payment parameters; and if the provider already has the order, it recovers what a lost answer said (`begin.rs`).
//!
//! The reservation comes before the call to the provider. If the function stops between the two, a pending record is left, and the same
//! charge made again takes it up. An unclear answer of the provider leaves the bill pending, never failed.

mod begin;
mod client_bound;
mod tries;

use domain::{
    ApiCode, Author, ChargeForm, ChargeRequest, Charging, PayerAddress, SessionClaims, SessionRequest, SessionToken,
};
use http::Method;
use outbound::Outbound;
use providers::{Account, Moment, PaymentParameters};
use runtime::{
    AccountKey, ApiError, Caller, PaymentOutcome, Reply, Request, Role, Services, authenticate, client_ip, failure,
    json_body, not_found, success,
};
use serde::Serialize;
use tracing::info;

use crate::begin::{Begun, begin};
pub use crate::client_bound::ClientCounts;

/// What this function answers, as `template.yaml` routes it.
pub const ROUTES: [(Method, &str); 2] = [(Method::POST, "/2.0/maxpay/bill"), (Method::POST, "/2.0/maxpay/sessions")];

/// What a charge needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Configuration, store, apps and clock.
    pub services: Services,
    /// The way to the providers.
    pub outbound: Outbound,
    /// How much the public keys of apps did.
    pub client_counts: ClientCounts,
}

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
    let now = deps.services.clock.now();
    let caller = authenticate(request.headers(), &deps.services.apps, now).await?;
    let form = ChargeForm::parse(json_body(request)?)?;
    let channel = form.channel()?;
    let mode = caller.mode;
    let apps = &deps.services.apps;
    let configured = &caller.configured;
    let account = configured.current(channel, mode).zip(apps.account(configured, channel, mode));
    let (key, account) = account.ok_or(ApiError::NotConfigured { channel, mode })?;
    let charge = form.read(channel)?;
    deps.client_counts.admit(&deps.services, &caller, now).await?;
    let account = account?;

    let moment = Moment { now, nonce: deps.services.random.nonce()? };
    let charging = Charging {
        author: author_of(&caller),
        channel,
        account: key.number,
        clients_name_prices: caller.app().clients_name_prices,
        now,
    };
    let caller_ip = client_ip(request).and_then(PayerAddress::parse);
    let context =
        ChargeContext { caller: &caller, charging, charge: &charge, key, account: &account, caller_ip, moment };
    let begun = begin(deps, &context).await;
    match &begun {
        Ok(_) => deps.services.metrics.payment(channel, PaymentOutcome::Charged),
        Err(error) if error.code() == ApiCode::ChannelError => {
            deps.services.metrics.payment(channel, PaymentOutcome::Refused);
        }
        Err(_) => {}
    }
    let Begun { transaction, parameters } = begun?;
    info!(
        app.id = %caller.app().id, bill.num = %charge.bill, tx.id = %transaction.id, %channel,
        "charged bill {} on {channel}", charge.bill
    );
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

/// One charge: what is charged, by whom, on which account, and when.
struct ChargeContext<'a> {
    caller: &'a Caller,
    charging: Charging,
    charge: &'a ChargeRequest,
    key: AccountKey,
    account: &'a Account,
    caller_ip: Option<PayerAddress>,
    moment: Moment,
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
