//! `POST /notify/<app>/<mode>/<channel>/<nn>/<bill>`: settles what a provider reports.
//! `POST /return/<app>/<mode>/<channel>/<nn>/<bill>`: sends a payer's browser on to the merchant.
//!
//! Verified first, then compared, then settled in one transaction, then acknowledged in the provider's own words. A
//! report that is genuine and does not fit settles nothing, is kept as an incident, and is not acknowledged. Strangers
//! get the same answer whatever they did wrong, and whether or not there is such an app and channel.

use std::sync::Arc;

use bytes::Bytes;
use domain::{Notification, Outcome, Timestamp, TransactionKey};
use http::{
    HeaderValue, Method, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use providers::{Account, Acknowledgement, Moment, NotifyError, RefundReport, refusal};
use runtime::{BODY_BYTES_MAX, ConfiguredApp, Reply, Request, error_chain, not_found};
pub use settlement::Deps;
use settlement::{Heard, How, Taken};
use store::StoreError;
use tracing::{error, warn};

/// What this function answers, as `template.yaml` routes it.
pub const ROUTES: [(Method, &str); 2] = [
    (Method::POST, "/notify/{app}/{mode}/{channel}/{try}/{bill}"),
    (Method::POST, "/return/{app}/{mode}/{channel}/{try}/{bill}"),
];

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Reply {
    let now = deps.base.clock.now();
    if let Some(key) = TransactionKey::from_return_path(request.uri().path()) {
        return send_on(deps, &key, &request, now).await;
    }
    let Some(key) = TransactionKey::from_notify_path(request.uri().path()) else { return not_found() };
    let stranger = refusal(key.channel, request.body());
    if request.body().len() > BODY_BYTES_MAX {
        warn!(app.id = %key.app, channel = %key.channel, body_bytes = request.body().len(), "refused a notify that is too long");
        return refused(&stranger);
    }
    let (configured, account) = match find_account(deps, &key, now).await {
        Ok(Some(found)) => found,
        // Whether there is such an app and channel is nobody's affair.
        Ok(None) => return refused(&stranger),
        Err(error) => {
            error!(app.id = %key.app, "a notify waits: {}", error_chain(&error));
            return failed();
        }
    };
    let acknowledgement = account.acknowledgement();
    let (account, report) = match read(deps, &key, &configured, account, &request, now).await {
        Ok(read) => read,
        Err(error) => {
            warn!(app.id = %key.app, bill.num = %key.bill, channel = %key.channel, "refused a notify: {}", error_chain(&error));
            return keep_refused(deps, &key, &error, &request, &stranger).await;
        }
    };
    let heard = Heard { how: How::Notify, headers: request.headers(), body: request.body(), now };
    let taken = match told_of_refund(&account, &report, &request, now) {
        Some(told) => settlement::take_refund(deps, &key, &configured, (&told, &report), &heard).await,
        None => settlement::take(deps, &key, &configured, &report, &heard).await,
    };
    match taken {
        Ok(Taken::Settled) => acknowledged(&acknowledgement),
        Ok(Taken::Misfit) => refused(&acknowledgement),
        Err(error) => {
            error!(app.id = %key.app, bill.num = %key.bill, "a notify waits: {}", error_chain(&error));
            failed()
        }
    }
}

/// What the notify says about one refund, if it is about one. It says nothing of its payment then, so that whatever does is read
/// once only.
fn told_of_refund(account: &Account, report: &Notification, request: &Request, now: Timestamp) -> Option<RefundReport> {
    if report.outcome != Outcome::Pending {
        return None;
    }
    account.read_refund_notify(request, now).ok()
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
        let message = (request.headers(), request.body());
        if let Err(error) = settlement::keep_forged(deps, key, error.to_string(), message).await {
            error!(app.id = %key.app, bill.num = %key.bill, "a refused notify was not kept: {}", error_chain(&error));
        }
    }
    refused(acknowledgement)
}

/// Sends a payer's browser on to the merchant, once the form it brings is verified. It settles nothing: a browser's word is no
/// proof, and the notify comes on its own way.
async fn send_on(deps: &Deps, key: &TransactionKey, request: &Request, now: Timestamp) -> Reply {
    let found = async {
        let Some((_, account)) = find_account(deps, key, now).await? else { return Ok(None) };
        deps.base.store.find_transaction(key).await.map(|found| Some((account, found?)))
    };
    let refused = || reply(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", b"this return could not be verified");
    let (account, transaction) = match found.await {
        Ok(Some(found)) => found,
        Ok(None) => return refused(),
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

/// Verifies a notify, if need be with certificates that the provider has only begun to sign with; answers the account that did.
async fn read(
    deps: &Deps,
    key: &TransactionKey,
    configured: &ConfiguredApp,
    account: Arc<Account>,
    request: &Request,
    now: Timestamp,
) -> Result<(Arc<Account>, Notification), NotifyError> {
    let error = match account.read_notify(request, now) {
        Ok(report) => return Ok((account, report)),
        Err(error) => error,
    };
    if !matches!(error, NotifyError::UnknownKey { .. }) {
        return Err(error);
    }
    let Ok(nonce) = deps.base.random.nonce() else { return Err(error) };
    let moment = Moment { now, nonce };
    match deps.base.apps.renew(configured, (key.channel, key.mode), &deps.outbound, &moment).await {
        Some(renewed) => renewed.read_notify(request, now).map(|report| (renewed, report)),
        None => Err(error),
    }
}

async fn find_account(
    deps: &Deps,
    key: &TransactionKey,
    now: Timestamp,
) -> Result<Option<(Arc<ConfiguredApp>, Arc<Account>)>, StoreError> {
    let Some(configured) = deps.base.apps.find(&key.app, now).await? else { return Ok(None) };
    match deps.base.apps.account(&configured, key.channel, key.mode) {
        None => Ok(None),
        Some(Ok(account)) => Ok(Some((configured, account))),
        Some(Err(error)) => {
            warn!(app.id = %key.app, channel = %key.channel, "the settings cannot be used: {error}");
            Ok(None)
        }
    }
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
