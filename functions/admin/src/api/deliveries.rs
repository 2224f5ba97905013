//! Deliveries: what waits, what never arrived and why, and sending it again.

use std::time::Duration;

use domain::{
    App, AppId, Delivery, DeliveryId, DeliveryState, Lane, ListCursor, RecordsFilter, RecordsOrder, RecordsRequest,
    Timestamp, Webhook, WebhookId,
};
use http::StatusCode;
use queue::Ring;
use runtime::{Reply, json, query_parameter};
use serde_json::{Value, json};
use store::{RecordsQuery, StoredApp};
use tracing::info;

use super::{
    call::Call,
    page::{channels_ever, parse_cursor, write_cursor},
    problem::Problem,
    wrong::Wrong,
};

/// What one call sends again at the most; the answer says where to go on.
const REPLAYED_MAX: usize = 500;

/// A bill that was charged so long before can still be paid, and its event be asked for by its own time.
const CHARGED_BEFORE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// `GET /apps/{appId}/deliveries?state&webhook&cursor`, newest first, with every attempt. What was received at the first try is
/// not listed: it is seen at its transaction.
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

/// A page of the list: of one webhook or of all of them, those that were deleted lately among them.
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
    // One whose mode cannot be read is there for both.
    let mut webhooks: Vec<&WebhookId> = webhook.map_or_else(|| all.collect(), |webhook| vec![webhook]);
    webhooks.dedup();
    let states = || DeliveryState::ALL.into_iter().filter(|one| state.is_none_or(|state| state == *one));
    let lists: Vec<_> = webhooks.into_iter().flat_map(|id| states().map(move |state| (id.clone(), state))).collect();
    Ok(call.deps.base.store.list_deliveries(&found.app, &lists, cursor).await?)
}

/// `POST /apps/{appId}/deliveries/{id}/resend`: due at once. A delivery that waits keeps its place in the schedule; for any other
/// the schedule begins anew.
pub(crate) async fn resend(call: &Call<'_>, app: AppId, token: &str) -> Result<Reply, Problem> {
    let found = call.load_app(&app).await?;
    let id = DeliveryId::from_token(&app, token).ok_or_else(|| Problem::not_found("delivery"))?;
    let delivery = call.deps.base.store.find_delivery(&id).await?.ok_or_else(|| Problem::not_found("delivery"))?;
    let hears = |webhook: &&Webhook| webhook.id == id.webhook && webhook.mode == id.mode;
    if !found.webhooks.iter().any(|webhook| hears(&webhook)) {
        return Err(Problem::conflict(Wrong::NobodyHears { mode: id.mode.name() }));
    }
    let again = send_again(call, &delivery).await?;
    let again = again.ok_or_else(|| Problem::conflict(Wrong::InAttempt))?;
    Ok(json(StatusCode::OK, &show(&again)))
}

/// `POST /apps/{appId}/webhooks/{id}/replay {"since","states"?,"cursor"?}`: sends again what was written at `since` or later and is
/// in one of these states; those that are exhausted, if none is named. Up to 500 a call; `cursor` goes on.
pub(crate) async fn replay(call: &Call<'_>, app: AppId, webhook: WebhookId) -> Result<Reply, Problem> {
    let body = call.object()?;
    let since = body.get("since").and_then(Value::as_i64).and_then(|ms| Timestamp::from_ms(ms).ok());
    let since = since.ok_or_else(|| Problem::field("since", Wrong::Time))?;
    let states = read_states(body.get("states"))?;
    let found = call.load_app(&app).await?;
    let webhook = found.webhooks.iter().find(|one| one.id == webhook).ok_or_else(|| Problem::not_found("webhook"))?;
    let mut place = read_place(body.get("cursor"), &states)?;
    let mut replayed = 0;
    while let Some(at) = place.clone().filter(|_| replayed < REPLAYED_MAX) {
        let (some, next) = match at {
            Place::List(state, after) => {
                replay_list(call, (&found.app, webhook), (state, since), after.as_ref()).await?
            }
            Place::Records(after) => replay_records(call, (&found, webhook), since, after.as_deref()).await?,
        };
        replayed += some;
        place = next.or_else(|| place.and_then(|place| place.behind(&states)));
    }
    info!(app.id = %app, webhook.id = %webhook.id, "replayed {replayed} deliveries of webhook {}", webhook.id);
    Ok(json(StatusCode::OK, &json!({ "replayed": replayed, "cursor": place.map(|place| place.to_cursor()) })))
}

/// Where a replay is: in the list of a state, or among the bills, for what was received at the first try and is in no list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    List(DeliveryState, Option<ListCursor>),
    Records(Option<String>),
}

impl Place {
    fn to_cursor(&self) -> String {
        match self {
            Self::List(state, after) => format!("{}:{}", state.name(), after.as_ref().map_or("", ListCursor::as_str)),
            Self::Records(after) => format!("records:{}", after.as_deref().unwrap_or_default()),
        }
    }

    fn parse(cursor: &str) -> Option<Self> {
        let (name, after) = cursor.split_once(':')?;
        if name == "records" {
            return Some(Self::Records((!after.is_empty()).then(|| after.to_owned())));
        }
        let state = DeliveryState::find(name)?;
        if after.is_empty() {
            Some(Self::List(state, None))
        } else {
            Some(Self::List(state, Some(ListCursor::parse(after).ok()?)))
        }
    }

    /// What comes when this one is read to its end.
    fn behind(&self, states: &[DeliveryState]) -> Option<Self> {
        let Self::List(state, _) = self else { return None };
        let next = states.iter().skip_while(|one| *one != state).nth(1);
        let records = states.contains(&DeliveryState::Delivered).then_some(Self::Records(None));
        next.map(|state| Self::List(*state, None)).or(records)
    }
}

/// One page of one list. How many were sent again, and where to go on.
async fn replay_list(
    call: &Call<'_>,
    (app, webhook): (&App, &Webhook),
    (state, since): (DeliveryState, Timestamp),
    after: Option<&ListCursor>,
) -> Result<(usize, Option<Place>), Problem> {
    let store = &call.deps.base.store;
    let page = store.deliveries_since(app, (webhook.id.clone(), state), since, after).await?;
    let mut replayed = 0;
    for delivery in
        page.deliveries.iter().filter(|delivery| delivery.state == state && delivery.id.mode == webhook.mode)
    {
        replayed += usize::from(send_again(call, delivery).await?.is_some());
    }
    Ok((replayed, page.cursor.map(|cursor| Place::List(state, Some(cursor)))))
}

/// One page of bills, newest first: each is asked for what it told this webhook at the first try.
async fn replay_records(
    call: &Call<'_>,
    (found, webhook): (&StoredApp, &Webhook),
    since: Timestamp,
    after: Option<&str>,
) -> Result<(usize, Option<Place>), Problem> {
    let (store, app) = (&call.deps.base.store, &found.app.id);
    let channels = channels_ever(found, webhook.mode);
    let start = Some(since.minus(CHARGED_BEFORE_MAX));
    let filter = RecordsFilter { channel: None, bill: None, status: None, start, end: None };
    let request =
        RecordsRequest { filter, order: RecordsOrder::NewestFirst, skip: 0, limit: RecordsRequest::LIMIT_MAX };
    let query = RecordsQuery { app: &found.app, mode: webhook.mode, channels, request: &request };
    let from = after.map(parse_cursor).transpose()?;
    let (records, next) = store.records_page(&query, from.as_ref()).await?;
    let mut replayed = 0;
    for record in records {
        let told = store.load_deliveries((app, webhook.mode, &record.bill), &record.id).await?;
        let wanted = told.iter().filter(|one| {
            one.id.webhook == webhook.id && one.state == DeliveryState::Delivered && one.created_at >= since
        });
        for delivery in wanted {
            replayed += usize::from(send_again(call, delivery).await?.is_some());
        }
    }
    Ok((replayed, next.map(|next| Place::Records(Some(write_cursor(&next))))))
}

/// Cancels what waits for a webhook that was just deleted, as far as it is listed; what was never tried is cancelled when its bell
/// rings.
pub(crate) async fn cancel_waiting(call: &Call<'_>, app: &App, webhook: &WebhookId) -> Result<(), Problem> {
    let store = &call.deps.base.store;
    let mut after = None;
    for _ in 0..CANCELLED_PAGES_MAX {
        let waiting = (webhook.clone(), DeliveryState::Waiting);
        let page = store.deliveries_since(app, waiting, Timestamp::clamped(0), after.as_ref()).await?;
        for delivery in page.deliveries.iter().filter(|delivery| delivery.state == DeliveryState::Waiting) {
            let cancelled = Delivery { state: DeliveryState::Cancelled, ..delivery.clone() };
            store.change_delivery(delivery, &cancelled, call.now).await?;
        }
        after = page.cursor;
        if after.is_none() {
            break;
        }
    }
    Ok(())
}

/// Five hundred within the call; each of the rest is cancelled when its time comes.
const CANCELLED_PAGES_MAX: usize = 10;

/// Makes a delivery due now and rings for it. `None` if somebody else changed it just now.
async fn send_again(call: &Call<'_>, delivery: &Delivery) -> Result<Option<Delivery>, Problem> {
    let again = delivery.sent_again(call.now);
    if !call.deps.base.store.change_delivery(delivery, &again, call.now).await? {
        return Ok(None);
    }
    let configured = call.deps.base.apps.find(&again.id.app, call.now).await?;
    let lane = configured.map_or(Lane::Fast, |configured| configured.lane(&again.id.webhook));
    // Best effort: it is due, and the sweep rings for what was not rung for.
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

fn read_state(field: &str, text: &str) -> Result<DeliveryState, Problem> {
    DeliveryState::find(text).ok_or_else(|| {
        let words = DeliveryState::ALL.map(DeliveryState::name).join(", ");
        Problem::field(field, Wrong::OneOf { words, found: text.to_owned() })
    })
}

fn read_states(value: Option<&Value>) -> Result<Vec<DeliveryState>, Problem> {
    let Some(value) = value else { return Ok(vec![DeliveryState::Exhausted]) };
    let wrong = || Problem::field("states", Wrong::States { found: value.to_string() });
    let names = value.as_array().filter(|names| !names.is_empty()).ok_or_else(wrong)?;
    let states = names.iter().map(|name| read_state("states", name.as_str().unwrap_or_default()));
    let mut states = states.collect::<Result<Vec<_>, _>>()?;
    states.sort();
    states.dedup();
    // What is sent again waits: who comes last is not met twice.
    states.reverse();
    Ok(states)
}

fn read_place(cursor: Option<&Value>, states: &[DeliveryState]) -> Result<Option<Place>, Problem> {
    match cursor.filter(|cursor| !cursor.is_null()) {
        None => Ok(states.first().map(|state| Place::List(*state, None))),
        Some(cursor) => {
            let place = cursor.as_str().and_then(Place::parse);
            place.map(Some).ok_or_else(|| Problem::field("cursor", Wrong::ReplayCursor))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_goes_from_list_to_list() {
        use DeliveryState::{Cancelled, Delivered, Exhausted, Waiting};
        let states = read_states(Some(&json!(["waiting", "exhausted", "delivered", "exhausted"]))).unwrap();
        assert_eq!(states, [Exhausted, Delivered, Waiting]);
        let mut place = read_place(None, &states).unwrap();
        let mut seen = Vec::new();
        while let Some(at) = place {
            assert_eq!(Place::parse(&at.to_cursor()), Some(at.clone()));
            place = at.behind(&states);
            seen.push(at.to_cursor());
        }
        assert_eq!(seen, ["exhausted:", "delivered:", "waiting:", "records:"]);
        assert_eq!(Place::List(Cancelled, None).behind(&[Cancelled]), None);
        assert_eq!(read_states(None).unwrap(), [Exhausted]);
        assert!(read_states(Some(&json!([]))).is_err() && read_states(Some(&json!(["x"]))).is_err());
    }
}
