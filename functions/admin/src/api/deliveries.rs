//! Lists deliveries that were not received at the first attempt, sends one of them again, and cancels those of a deleted webhook.
//! `replay.rs` sends many again.

use std::time::Duration;

use domain::{App, AppId, Delivery, DeliveryId, DeliveryState, Lane, ListCursor, Timestamp, Webhook, WebhookId};
use futures_util::future::try_join_all;
use http::StatusCode;
use queue::Ring;
use runtime::{Reply, json, query_parameter};
use serde_json::{Value, json};
use store::{DeliveryList, StoredApp};

use super::{call::Call, problem::Problem, wrong::Wrong};

/// When a webhook is deleted, a hundred pages of its deliveries are cancelled at once: five thousand, which takes seconds. Each other is
/// cancelled when its next attempt is due, or when its time to be fetched is over.
const CANCELLED_PAGES_MAX: usize = 100;

/// `GET /apps/{appId}/deliveries?state&webhook&cursor`, newest first, with every attempt. A delivery that was received at the first
/// attempt is not listed: its transaction shows it.
pub(crate) async fn list(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let found = call.load_app(&app).await?;
    let state = query_parameter(call.request, "state").filter(|text| !text.is_empty());
    let state = state.map(|text| read_state("state", &text)).transpose()?;
    let webhook = query_parameter(call.request, "webhook").filter(|text| !text.is_empty());
    let webhook = webhook.map(|id| WebhookId::parse(&id)).transpose();
    let webhook = webhook.map_err(|error| Problem::field("webhook", Wrong::from(error)))?;
    let cursor = call.cursor()?;
    let page = page(call, &found, webhook.as_ref(), state, cursor.as_ref()).await?;
    let items: Vec<Value> = page.deliveries.iter().map(show).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items, "cursor": page.cursor })))
}

/// A page of the deliveries of one webhook, or of all webhooks of the app, including those that were deleted in the last 90 days.
pub(crate) async fn page(
    call: &Call<'_>,
    found: &StoredApp,
    webhook: Option<&WebhookId>,
    state: Option<DeliveryState>,
    cursor: Option<&ListCursor>,
) -> Result<store::DeliveryPage, Problem> {
    let all = found
        .webhooks
        .iter()
        .map(|webhook| &webhook.id)
        .chain(found.unreadable_webhooks.iter().map(|webhook| &webhook.id))
        .chain(&found.deleted_webhooks);
    // A webhook whose mode cannot be read appears once for each mode.
    let mut webhooks: Vec<&WebhookId> = webhook.map_or_else(|| all.collect(), |webhook| vec![webhook]);
    webhooks.dedup();
    let states = || DeliveryState::ALL.into_iter().filter(|one| state.is_none_or(|state| state == *one));
    let of_webhook =
        |id: &WebhookId| states().map(|state| DeliveryList { webhook: id.clone(), state }).collect::<Vec<_>>();
    let lists: Vec<DeliveryList> = webhooks.into_iter().flat_map(of_webhook).collect();
    Ok(call.deps.services.store.list_deliveries(&found.app, &lists, cursor).await?)
}

/// `POST /apps/{appId}/deliveries/{id}/resend`: the delivery is due at once. A waiting delivery keeps its place in the schedule. For a
/// delivery that ended, the schedule begins again.
pub(crate) async fn resend(call: &Call<'_>, app: AppId, token: &str) -> Result<Reply, Problem> {
    let found = call.load_app(&app).await?;
    let id = DeliveryId::from_token(&app, token).ok_or_else(|| Problem::not_found("delivery"))?;
    let delivery = call.deps.services.store.find_delivery(&id).await?.ok_or_else(|| Problem::not_found("delivery"))?;
    let has_it = |webhook: &Webhook| webhook.id == id.webhook && webhook.mode == id.mode;
    let webhook = found.webhooks.iter().find(|webhook| has_it(webhook));
    let webhook = webhook.ok_or_else(|| Problem::conflict(Wrong::WebhookGone { mode: id.mode.name() }))?;
    let again = send_again(call, webhook, &delivery).await?;
    let again = again.ok_or_else(|| Problem::conflict(Wrong::InAttempt))?;
    Ok(json(StatusCode::OK, &show(&again)))
}

/// Cancels the listed deliveries that wait for a webhook which was just deleted. A delivery before its first attempt is not listed; it is
/// cancelled when that attempt is due.
pub(crate) async fn cancel_waiting(call: &Call<'_>, app: &App, webhook: &WebhookId) -> Result<(), Problem> {
    let store = &call.deps.services.store;
    let mut after = None;
    for _ in 0..CANCELLED_PAGES_MAX {
        let waiting = DeliveryList { webhook: webhook.clone(), state: DeliveryState::Waiting };
        let page = store.deliveries_since(app, waiting, Timestamp::clamped(0), after.as_ref()).await?;
        // An attempt may have ended a delivery since the list was read.
        let waiting = page.deliveries.iter().filter(|delivery| delivery.state == DeliveryState::Waiting);
        try_join_all(waiting.map(async |delivery| {
            let cancelled = Delivery { state: DeliveryState::Cancelled, ..delivery.clone() };
            store.change_delivery(delivery, &cancelled, call.now).await
        }))
        .await?;
        after = page.cursor;
        if after.is_none() {
            break;
        }
    }
    Ok(())
}

/// Makes a delivery due now and rings for it, or lets the merchant fetch it again. `None` if another worker changed it first.
pub(super) async fn send_again(
    call: &Call<'_>,
    webhook: &Webhook,
    delivery: &Delivery,
) -> Result<Option<Delivery>, Problem> {
    let again = delivery.sent_again(webhook.first_due(call.now));
    if !call.deps.services.store.change_delivery(delivery, &again, call.now).await? {
        return Ok(None);
    }
    if webhook.is_pulled() {
        return Ok(Some(again));
    }
    let configured = call.deps.services.apps.find(&again.id.app, call.now).await?;
    let lane = configured.map_or(Lane::Fast, |configured| configured.lane(&again.id.webhook));
    // Best effort: the delivery is due. If this message is not sent, the sweep sends one.
    call.deps.queue.ring(&[Ring { delivery: &again, lane, delay: Duration::ZERO }]).await;
    Ok(Some(again))
}

/// A delivery as the API shows it.
pub(crate) fn show(delivery: &Delivery) -> Value {
    let id = &delivery.id;
    let waits = delivery.state == DeliveryState::Waiting;
    json!({
        "id": id.to_token(),
        "webhook": id.webhook.as_str(),
        "event": id.event.name(),
        "about": Some(&id.about).filter(|about| !about.is_empty()),
        "mode": id.mode.name(),
        "billNum": id.bill.as_str(),
        "transaction": id.transaction.as_str(),
        "messageId": id.message_id(),
        "state": delivery.state.name(),
        "createdTime": delivery.created_at.ms(),
        "nextTime": waits.then(|| delivery.due_at.ms()),
        "nextAttempt": waits.then_some(delivery.attempt),
        "attempts": delivery.records,
    })
}

pub(super) fn read_state(field: &str, text: &str) -> Result<DeliveryState, Problem> {
    DeliveryState::find(text).ok_or_else(|| {
        let words = DeliveryState::ALL.map(DeliveryState::name).join(", ");
        Problem::field(field, Wrong::OneOf { words, found: text.to_owned() })
    })
}
