//! Events that the merchant fetches. They are given until they are acknowledged or their time is over.
//!
//! Each walk begins with the oldest event. So an event that the index shows late, or that a function with another clock wrote, is in the
//! next walk at the latest. Two callers at once both get it.

use domain::{
    AcknowledgeRequest, AttemptRecord, Delivery, DeliveryId, DeliveryState, EventsRequest, ListCursor, RequestError,
    Timestamp, Webhook, webhook_body,
};
use futures_util::future::{join_all, try_join_all};
use http::{HeaderValue, header::RETRY_AFTER};
use runtime::{ApiError, Caller, Reply, Request, error_chain, json_body, success};
use serde::Serialize;
use serde_json::{Map, Value};
use store::{DeliveryList, StoreError, StoreRetry};
use tracing::{error, info};

use super::master;
use crate::deps::Deps;

/// After how many seconds a caller asks again once there is nothing more.
const ASKED_AGAIN_SECONDS: u16 = 2;

/// One page, oldest first.
pub(super) async fn fetch(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let caller = master(deps, request).await?;
    let asked = EventsRequest::parse(json_body(request)?)?;
    let webhook = find_webhook(&caller, &asked)?;
    let list = DeliveryList { webhook: webhook.id.clone(), state: DeliveryState::Waiting };
    let store = &deps.services.store;
    let page = store.deliveries_since(caller.app(), list, Timestamp::clamped(0), asked.cursor.as_ref()).await?;
    let waits = |one: &&Delivery| one.state == DeliveryState::Waiting && one.id.mode == caller.mode;
    let events = page.deliveries.iter().filter(waits).map(|delivery| read(deps, &caller, webhook, delivery));
    let events = try_join_all(events).await?.into_iter().flatten().collect();
    let wait = if page.cursor.is_some() { 0 } else { ASKED_AGAIN_SECONDS };
    let mut reply = success(&EventsPage { events, cursor: page.cursor });
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
    Ok(reply)
}

/// The events were worked off. If some of them cannot be written now, the caller may send all of them again. An event of a webhook that was
/// deleted meanwhile is passed over, so that it holds up no other.
pub(super) async fn acknowledge(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let caller = master(deps, request).await?;
    let asked = AcknowledgeRequest::parse(json_body(request)?, &caller.app().id, caller.mode)?;
    let webhook_of = |event: &DeliveryId| caller.configured.webhooks.iter().find(|webhook| webhook.id == event.webhook);
    if let Some(sent) = asked.events.iter().find(|event| webhook_of(event).is_some_and(|webhook| !webhook.is_pulled()))
    {
        let expected = "ids of events of a webhook of the kind pull";
        return Err(RequestError::Invalid { field: "ids", expected, found: sent.to_token() }.into());
    }
    let (store, now) = (&deps.services.store, deps.services.clock.now());
    let events: Vec<_> = asked.events.into_iter().filter(|event| webhook_of(event).is_some()).collect();
    let found = store.find_deliveries(&events).await?;
    let ended = join_all(found.iter().map(async |delivery| {
        let record = AttemptRecord {
            attempt: delivery.attempt,
            time: now.ms(),
            verdict: courier::Verdict::Received.name().to_owned(),
            ..AttemptRecord::default()
        };
        store.end_as_received(&delivery.id, &record, now).await
    }));
    let ended = ended.await.into_iter().collect::<Result<Vec<_>, StoreError>>()?;
    let acknowledged = ended.into_iter().flatten().count();
    info!(app.id = %caller.app().id, "{acknowledged} events were acknowledged");
    Ok(success(&Acknowledged { acknowledged }))
}

/// The webhook that is asked for, or the only one whose events are fetched.
fn find_webhook<'a>(caller: &'a Caller, asked: &EventsRequest) -> Result<&'a Webhook, RequestError> {
    let webhooks = caller.configured.webhooks.iter();
    let mut pulled = webhooks.filter(|webhook| webhook.is_pulled() && webhook.mode == caller.mode);
    if let Some(id) = &asked.webhook {
        let expected = "the id of a webhook of the kind pull in the key's mode";
        let wrong = || RequestError::Invalid { field: "webhook", expected, found: id.to_string() };
        return pulled.find(|webhook| webhook.id == *id).ok_or_else(wrong);
    }
    let missing = |expected| RequestError::Missing { field: "webhook", expected };
    let none = "the app has no webhook of the kind pull in the key's mode; create one";
    let first = pulled.next().ok_or_else(|| missing(none))?;
    let several = "the id of one, because the app has several of the kind pull in the key's mode";
    if pulled.next().is_some() { Err(missing(several)) } else { Ok(first) }
}

/// An event as its receiver would get it. `None` if its bill cannot be read: the other events do not wait for it.
async fn read(
    deps: &Deps,
    caller: &Caller,
    webhook: &Webhook,
    delivery: &Delivery,
) -> Result<Option<FetchedEvent>, StoreError> {
    let (id, now) = (&delivery.id, deps.services.clock.now());
    let bill = deps.services.store.load_bill(&id.app, id.mode, &id.bill).await;
    let told = bill.and_then(|bill| {
        let told = bill.tries.into_iter().find(|told| told.id == id.transaction);
        told.ok_or_else(|| StoreError::Stale { what: id.name() })
    });
    let transaction = match told {
        Ok(transaction) => transaction,
        Err(error) if error.retryable() == StoreRetry::Later => return Err(error),
        Err(error) => {
            error!(delivery.id = id.name(), "an event cannot be fetched: {}", error_chain(&error));
            return Ok(None);
        }
    };
    let body = webhook_body(delivery, &transaction, caller.app(), now);
    let message = courier::WebhookMessage { id: id.message_id(), body, now };
    let headers = courier::signed_headers(&webhook.secret, &message);
    Ok(Some(FetchedEvent {
        id: id.to_token(),
        event: id.event.name(),
        created_time: delivery.created_at.ms(),
        headers: headers.into_iter().map(|(name, value)| (name, value.into())).collect(),
        body: message.body,
    }))
}

#[derive(Serialize)]
struct EventsPage {
    events: Vec<FetchedEvent>,
    cursor: Option<ListCursor>,
}

/// Header and body are exactly those that a URL would be sent, so that they can be verified or passed on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FetchedEvent {
    id: String,
    event: &'static str,
    created_time: i64,
    headers: Map<String, Value>,
    body: String,
}

#[derive(Serialize)]
struct Acknowledged {
    acknowledged: usize,
}
