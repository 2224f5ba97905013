//! `POST /notify/<app>/<mode>/<channel>/<nn>/<bill>`: settles what a provider reports.
//! `POST /return/<app>/<mode>/<channel>/<nn>/<bill>`: sends a payer's browser on to the merchant.
//!
//! Verified first, then compared, then settled in one transaction, then acknowledged in the provider's own words. A
//! report that is genuine and does not fit settles nothing, is kept as an incident, and is not acknowledged. Strangers
//! get the same answer whatever they did wrong, and whether or not there is such an app and channel.

use bytes::Bytes;
use domain::{Timestamp, TransactionKey};
use http::{
    HeaderValue, Method, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use providers::{Acknowledgement, NotifyError, refusal};
use runtime::{AccountKey, ApiError, BODY_BYTES_MAX, Reply, Request, error_chain, not_found};
pub use settlement::Deps;
use settlement::{Notify, NotifyOutcome, ReportOutcome};
use tracing::{error, warn};

/// What this function answers, as `template.yaml` routes it.
pub const ROUTES: [(Method, &str); 2] = [
    (Method::POST, "/notify/{app}/{mode}/{channel}/{try}/{bill}"),
    (Method::POST, "/return/{app}/{mode}/{channel}/{try}/{bill}"),
];

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Reply {
    let now = deps.services.clock.now();
    if let Some(key) = TransactionKey::from_return_path(request.uri().path()) {
        return send_on(deps, &key, &request, now).await;
    }
    let Some(key) = TransactionKey::from_notify_path(request.uri().path()) else { return not_found() };
    let stranger = refusal(key.channel, request.body());
    if request.body().len() > BODY_BYTES_MAX {
        warn!(app.id = %key.app, channel = %key.channel, body_bytes = request.body().len(), "refused a notify that is too long");
        return refused(&stranger);
    }
    let answered = async {
        let Some(configured) = deps.services.apps.find(&key.app, now).await? else { return Ok(None) };
        let notify = Notify { key: &key, request: &request, arrived_at: now, now };
        Ok::<_, ApiError>(Some(settlement::take_notify(deps, &configured, &notify).await?))
    };
    match answered.await {
        // Whether there is such an app and channel is nobody's affair.
        Ok(None) => refused(&stranger),
        Ok(Some(NotifyOutcome::Taken(ReportOutcome::Settled, acknowledgement))) => acknowledged(&acknowledgement),
        Ok(Some(NotifyOutcome::Taken(
            ReportOutcome::Mismatched(_) | ReportOutcome::OtherAccount(_),
            acknowledgement,
        ))) => refused(&acknowledgement),
        Ok(Some(NotifyOutcome::Unreadable)) => keep_unreadable(deps, &key, &request, &stranger).await,
        // It says nothing about who sent it: a genuine one comes again, and by then its certificate is held.
        Ok(Some(NotifyOutcome::Late(error))) => {
            warn!(app.id = %key.app, bill.num = %key.bill, channel = %key.channel, "a notify is to come again: {}", error_chain(&error));
            refused(&stranger)
        }
        Ok(Some(NotifyOutcome::Refused(error))) => {
            warn!(app.id = %key.app, bill.num = %key.bill, channel = %key.channel, "refused a notify: {}", error_chain(&error));
            keep_refused(deps, &key, &error, &request, &stranger).await
        }
        Err(error) => {
            error!(app.id = %key.app, bill.num = %key.bill, "a notify waits: {}", error_chain(&error));
            failed()
        }
    }
}

/// Nobody can read it, because the settings of its account were deleted or retired. The provider sends it again; it is kept, within
/// bounds, because money may have come: once the settings are back it can be replayed.
async fn keep_unreadable(
    deps: &Deps,
    key: &TransactionKey,
    request: &Request,
    acknowledgement: &Acknowledgement,
) -> Reply {
    let problem = settlement::Found::Unreadable.into();
    if let Err(error) = settlement::keep_forged(deps, key, problem, request.headers(), request.body()).await {
        error!(app.id = %key.app, bill.num = %key.bill, "an unreadable notify was not kept: {}", error_chain(&error));
    }
    refused(acknowledgement)
}

/// Refuses a notify that could not be verified. It is kept, within bounds: a key that is wrong in the settings makes genuine ones
/// look like this. The provider's own probes are nothing to look at.
async fn keep_refused(
    deps: &Deps,
    key: &TransactionKey,
    error: &NotifyError,
    request: &Request,
    acknowledgement: &Acknowledgement,
) -> Reply {
    if *error != NotifyError::Probe {
        let kept = settlement::keep_forged(deps, key, error.sentence(), request.headers(), request.body());
        if let Err(error) = kept.await {
            error!(app.id = %key.app, bill.num = %key.bill, "a refused notify was not kept: {}", error_chain(&error));
        }
    }
    refused(acknowledgement)
}

/// Sends a payer's browser on to the merchant, once the form it brings is verified. It settles nothing: a browser's word is no
/// proof, and the notify comes on its own way.
async fn send_on(deps: &Deps, key: &TransactionKey, request: &Request, now: Timestamp) -> Reply {
    let found = async {
        let Some(configured) = deps.services.apps.find(&key.app, now).await? else { return Ok(None) };
        let Some(transaction) = deps.services.store.find_transaction(key).await? else { return Ok(None) };
        let account = deps.services.apps.account_of(&configured, AccountKey::of(&transaction), now).await?;
        Ok::<_, ApiError>(account.map(|account| (account, transaction)))
    };
    let refused = || reply(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", b"this return could not be verified");
    let (account, transaction) = match found.await {
        Ok(Some(found)) => found,
        Ok(None) => return refused(),
        Err(ApiError::Settings(error)) => {
            warn!(app.id = %key.app, channel = %key.channel, "the settings cannot be used: {error}");
            return refused();
        }
        Err(error) => {
            error!(app.id = %key.app, "a browser cannot be sent on: {}", error_chain(&error));
            return failed();
        }
    };
    match account.read_front_return(request, now) {
        Ok(order) if order == transaction.id => {}
        Ok(order) => {
            warn!(app.id = %key.app, bill.num = %key.bill, "refused a return of order {order}");
            return refused();
        }
        Err(error) => {
            warn!(app.id = %key.app, bill.num = %key.bill, "refused a return: {}", error_chain(&error));
            return refused();
        }
    }
    let Some(url) = transaction.return_url.and_then(|url| HeaderValue::from_str(url.as_str()).ok()) else {
        return not_found();
    };
    let mut reply = reply(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", b"");
    reply.headers_mut().insert(LOCATION, url);
    reply
}

fn acknowledged(acknowledgement: &Acknowledgement) -> Reply {
    reply(StatusCode::OK, acknowledgement.content_type, acknowledgement.accepted)
}

fn refused(acknowledgement: &Acknowledgement) -> Reply {
    reply(StatusCode::BAD_REQUEST, acknowledgement.content_type, acknowledgement.refused)
}

/// Our own fault: the provider will try again.
fn failed() -> Reply {
    reply(StatusCode::SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", b"fail")
}

fn reply(status: StatusCode, content_type: &'static str, body: &'static [u8]) -> Reply {
    let mut reply = Reply::new(Bytes::from_static(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
