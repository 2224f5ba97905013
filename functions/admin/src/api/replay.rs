//! Replay: sends a webhook again what it should have received since a given time.
//!
//! A replay reads the lists of the requested states, one after the other. A delivery that was received at the first attempt is in no list.
//! For these, the replay reads the bills and looks at the deliveries of each. One call does a bounded part; its cursor says where the next
//! call goes on.

use std::time::Duration;

use domain::{
    AppId, DeliveryState, ListCursor, RecordsFilter, RecordsOrder, RecordsRequest, Timestamp, Webhook, WebhookId,
};
use http::StatusCode;
use runtime::{Reply, json};
use serde_json::{Value, json};
use store::{DeliveryList, RecordsPage, RecordsQuery, StoredApp};
use tracing::info;

use super::{
    call::Call,
    deliveries::{read_state, send_again},
    page::{channels_ever, parse_cursor, write_cursor},
    problem::Problem,
    wrong::Wrong,
};

/// The most deliveries that one call sends again.
const REPLAYED_MAX: usize = 500;

/// A bill charged this long before `since` may still have been paid after `since`.
const CHARGED_BEFORE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// `POST /apps/{appId}/webhooks/{id}/replay {"since","states"?,"cursor"?}`: sends again what was written at `since` or later and is in one
/// of these states. Without `states`: the exhausted deliveries. `cursor` goes on where the previous call ended.
pub(crate) async fn replay(call: &Call<'_>, app: AppId, webhook: WebhookId) -> Result<Reply, Problem> {
    let body = call.object()?;
    let since = body.get("since").and_then(Value::as_i64).and_then(|ms| Timestamp::from_ms(ms).ok());
    let since = since.ok_or_else(|| Problem::field("since", Wrong::Time))?;
    let states = read_states(body.get("states"))?;
    let found = call.load_app(&app).await?;
    let webhook = found.webhooks.iter().find(|one| one.id == webhook).ok_or_else(|| Problem::not_found("webhook"))?;
    let replay = Replay { call, found: &found, webhook, since };
    let mut place = read_place(body.get("cursor"), &states)?;
    let mut replayed = 0;
    while let Some(at) = place.take_if(|_| replayed < REPLAYED_MAX) {
        let part = match &at {
            Place::List(state, after) => replay.list_page(*state, after.as_ref()).await?,
            Place::Records(after) => replay.records_page(after.as_deref()).await?,
        };
        replayed += part.replayed;
        place = part.next.or_else(|| at.following(&states));
    }
    info!(app.id = %app, webhook.id = %webhook.id, "replayed {replayed} deliveries of webhook {}", webhook.id);
    Ok(json(StatusCode::OK, &json!({ "replayed": replayed, "cursor": place.map(|place| place.to_cursor()) })))
}

/// What is replayed, and to which webhook.
struct Replay<'a> {
    call: &'a Call<'a>,
    found: &'a StoredApp,
    webhook: &'a Webhook,
    since: Timestamp,
}

/// A part of a replay.
struct Part {
    /// How many deliveries were sent again.
    replayed: usize,
    /// Where the same list goes on; `None` at its end.
    next: Option<Place>,
}

impl Replay<'_> {
    /// One page of the list of a state, oldest first.
    async fn list_page(&self, state: DeliveryState, after: Option<&ListCursor>) -> Result<Part, Problem> {
        let (store, webhook) = (&self.call.deps.services.store, self.webhook);
        let list = DeliveryList { webhook: webhook.id.clone(), state };
        let page = store.deliveries_since(&self.found.app, list, self.since, after).await?;
        let mut replayed = 0;
        for delivery in &page.deliveries {
            if delivery.state == state && delivery.id.mode == webhook.mode {
                replayed += usize::from(send_again(self.call, webhook, delivery).await?.is_some());
            }
        }
        Ok(Part { replayed, next: page.cursor.map(|cursor| Place::List(state, Some(cursor))) })
    }

    /// One page of bills, newest first: those of their deliveries that this webhook received at the first attempt.
    async fn records_page(&self, after: Option<&str>) -> Result<Part, Problem> {
        let (store, webhook) = (&self.call.deps.services.store, self.webhook);
        let filter = RecordsFilter { start: Some(self.since.minus(CHARGED_BEFORE_MAX)), ..RecordsFilter::default() };
        let limit = RecordsRequest::LIMIT_MAX;
        let request = RecordsRequest { filter, order: RecordsOrder::NewestFirst, skip: 0, limit };
        let channels = channels_ever(self.found, webhook.mode);
        let query = RecordsQuery { app: &self.found.app, mode: webhook.mode, channels, request: &request };
        let from = after.map(parse_cursor).transpose()?;
        let RecordsPage { records, next } = store.records_page(&query, from.as_ref()).await?;
        let mut replayed = 0;
        for record in records {
            let app = &self.found.app.id;
            for delivery in store.load_deliveries(app, webhook.mode, &record.bill, &record.id).await? {
                let is_received = delivery.state == DeliveryState::Delivered && delivery.created_at >= self.since;
                if is_received && delivery.id.webhook == webhook.id {
                    replayed += usize::from(send_again(self.call, webhook, &delivery).await?.is_some());
                }
            }
        }
        Ok(Part { replayed, next: next.map(|next| Place::Records(Some(write_cursor(&next)))) })
    }
}

/// Where a replay is: in the list of a state, or among the bills.
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

    /// Where the replay goes on after the end of this list: in the list of the next state, and after the last state among the bills.
    fn following(&self, states: &[DeliveryState]) -> Option<Self> {
        let Self::List(state, _) = self else { return None };
        let next = states.iter().skip_while(|one| *one != state).nth(1);
        let records = states.contains(&DeliveryState::Delivered).then_some(Self::Records(None));
        next.map(|state| Self::List(*state, None)).or(records)
    }
}

/// The states in the order in which their lists are read. A delivery that is sent again moves to the list of those that wait, so that list
/// comes last and is read once.
fn read_states(value: Option<&Value>) -> Result<Vec<DeliveryState>, Problem> {
    let Some(value) = value else { return Ok(vec![DeliveryState::Exhausted]) };
    let wrong = || Problem::field("states", Wrong::States { found: value.to_string() });
    let names = value.as_array().filter(|names| !names.is_empty()).ok_or_else(wrong)?;
    let states = names.iter().map(|name| read_state("states", name.as_str().unwrap_or_default()));
    let mut states = states.collect::<Result<Vec<_>, _>>()?;
    states.sort();
    states.dedup();
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
            place = at.following(&states);
            seen.push(at.to_cursor());
        }
        assert_eq!(seen, ["exhausted:", "delivered:", "waiting:", "records:"]);
        assert_eq!(Place::List(Cancelled, None).following(&[Cancelled]), None);
        assert_eq!(read_states(None).unwrap(), [Exhausted]);
        assert!(read_states(Some(&json!([]))).is_err() && read_states(Some(&json!(["x"]))).is_err());
    }
}
