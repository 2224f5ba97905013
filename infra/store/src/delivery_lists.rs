//! Deliveries as operators list them: those of some webhooks in some states, merged by time.

use domain::{App, Delivery, DeliveryId, DeliveryState, ListCursor, Timestamp, WebhookId};
use futures_util::future::try_join_all;

use crate::{
    Store, StoreError,
    attributes::{Item, text},
    records::ASKED_AT_ONCE,
    schema::{BY_TIME, BY_TIME_SK, PK, SK, by_time_ms, deliveries_pk, parse_delivery_key},
};

/// How many entries are read from each list at once.
const PAGE: usize = 50;

/// Sorts after every moment.
const NEWEST: &str = "~";

/// A page of deliveries with all their attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryPage {
    /// Up to 50.
    pub deliveries: Vec<Delivery>,
    /// Where the next page begins, if there is one.
    pub cursor: Option<ListCursor>,
}

/// How far a list is counted.
const COUNTED_MAX: usize = 1000;

/// How long a list of deliveries is, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCount {
    /// How many there are, up to a thousand.
    pub count: usize,
    /// Whether there are more than were counted.
    pub more: bool,
    /// The time of the oldest event.
    pub oldest: Option<Timestamp>,
}

/// The deliveries of one webhook in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryList {
    /// The webhook.
    pub webhook: WebhookId,
    /// The state.
    pub state: DeliveryState,
}

/// An entry of a list: its sort key, and the delivery.
type Entry = (String, DeliveryId);

/// The part of a list that is read, and the direction.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// The entries before this sort key, newest first.
    Before(&'a str),
    /// The entries after this sort key, oldest first.
    After(&'a str),
}

impl Part<'_> {
    /// Whether this direction comes to `place` no later than to `end`.
    fn reaches(self, place: &str, end: &str) -> bool {
        match self {
            Self::Before(_) => place >= end,
            Self::After(_) => place <= end,
        }
    }
}

/// What was read of one list.
struct EntriesRead {
    entries: Vec<Entry>,
    /// The place of the last entry, if there may be more behind it.
    end: Option<String>,
}

impl Store {
    /// A page of the deliveries in these lists, newest first, from `cursor` on. A delivery that was received at the first attempt is in no
    /// list: its transaction shows it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_deliveries(
        &self,
        app: &App,
        lists: &[DeliveryList],
        cursor: Option<&ListCursor>,
    ) -> Result<DeliveryPage, StoreError> {
        self.deliveries_in(app, lists, Part::Before(cursor.map_or(NEWEST, ListCursor::as_str))).await
    }

    /// A page of the deliveries in one list, oldest first: those that were written at `since` or later, and after `after`. A delivery that
    /// changes meanwhile leaves the list. `after` is a place in time, so it stays valid.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deliveries_since(
        &self,
        app: &App,
        list: DeliveryList,
        since: Timestamp,
        after: Option<&ListCursor>,
    ) -> Result<DeliveryPage, StoreError> {
        let since = by_time_ms(since);
        self.deliveries_in(app, &[list], Part::After(after.map_or(&since, ListCursor::as_str))).await
    }

    /// How many deliveries are in a list. A delivery that waits for its first attempt is in no list; that takes seconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_deliveries(&self, app: &App, list: &DeliveryList) -> Result<DeliveryCount, StoreError> {
        let keys = keys(app, std::slice::from_ref(list));
        let limit = COUNTED_MAX.div_ceil(keys.len().max(1));
        let mut whole = DeliveryCount::default();
        for part in try_join_all(keys.into_iter().map(|key| self.count_in(key, limit))).await? {
            whole.count += part.count;
            whole.more |= part.more;
            whole.oldest = [whole.oldest, part.oldest].into_iter().flatten().min();
        }
        Ok(whole)
    }

    /// The time of the oldest event in a list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn oldest_delivery(&self, app: &App, list: &DeliveryList) -> Result<Option<Timestamp>, StoreError> {
        let keys = keys(app, std::slice::from_ref(list));
        let parts = try_join_all(keys.into_iter().map(|key| self.count_in(key, 1))).await?;
        Ok(parts.into_iter().filter_map(|part| part.oldest).min())
    }

    async fn count_in(&self, key: String, limit: usize) -> Result<DeliveryCount, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .index_name(BY_TIME)
            .key_condition_expression("by_time_pk = :pk")
            .expression_attribute_values(":pk", text(key))
            .projection_expression("by_time_sk")
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreError::dynamo("count of deliveries", error))?;
        let first =
            page.items().first().and_then(|item| Item(item).find_text(BY_TIME_SK)?.split('#').next()?.parse().ok());
        Ok(DeliveryCount {
            count: page.items().len(),
            more: page.last_evaluated_key().is_some(),
            oldest: first.map(Timestamp::clamped),
        })
    }

    /// A page of all these lists together.
    async fn deliveries_in(
        &self,
        app: &App,
        lists: &[DeliveryList],
        part: Part<'_>,
    ) -> Result<DeliveryPage, StoreError> {
        let mut entries: Vec<Entry> = Vec::new();
        // The nearest place behind which a list was not read.
        let mut end: Option<String> = None;
        for some in keys(app, lists).chunks(ASKED_AT_ONCE) {
            for read in try_join_all(some.iter().map(|key| self.entries(key, part))).await? {
                entries.extend(read.entries);
                end = [end, read.end]
                    .into_iter()
                    .flatten()
                    .reduce(|one, other| if part.reaches(&one, &other) { one } else { other });
            }
        }
        entries.sort();
        if matches!(part, Part::Before(_)) {
            entries.reverse();
        }
        if let Some(end) = &end {
            entries.retain(|(place, _)| part.reaches(place, end));
        }
        if entries.len() > PAGE {
            entries.truncate(PAGE);
            end = entries.last().map(|(place, _)| place.clone());
        }
        let cursor = end.and_then(|place| ListCursor::parse(&place).ok());
        Ok(DeliveryPage { deliveries: self.in_order(entries).await?, cursor })
    }

    /// One more than a page, so that it is known whether there is another. What cannot be read counts, too.
    async fn entries(&self, key: &str, part: Part<'_>) -> Result<EntriesRead, StoreError> {
        let (condition, place, oldest_first) = match part {
            Part::Before(place) => ("by_time_pk = :pk AND by_time_sk < :place", place, false),
            Part::After(place) => ("by_time_pk = :pk AND by_time_sk > :place", place, true),
        };
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .index_name(BY_TIME)
            .key_condition_expression(condition)
            .expression_attribute_values(":pk", text(key))
            .expression_attribute_values(":place", text(place))
            .scan_index_forward(oldest_first)
            .limit(i32::try_from(PAGE + 1).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of deliveries", error))?;
        let end = page.items().get(PAGE).and_then(|last| Item(last).find_text(BY_TIME_SK).map(str::to_owned));
        Ok(EntriesRead { entries: self.readable(page.items(), read_entry), end })
    }

    /// The rows of the entries, in the same order. The index may be some moments old, so each row is read.
    async fn in_order(&self, entries: Vec<Entry>) -> Result<Vec<Delivery>, StoreError> {
        let ids: Vec<DeliveryId> = entries.into_iter().map(|(_, id)| id).collect();
        let mut found = self.find_deliveries(&ids).await?;
        found.sort_by_key(|delivery| ids.iter().position(|id| *id == delivery.id));
        Ok(found)
    }
}

/// Every key of these lists, one for each shard.
fn keys(app: &App, lists: &[DeliveryList]) -> Vec<String> {
    let in_shards = |list: &DeliveryList| {
        app.shards.all().map(|shard| deliveries_pk(&app.id, &list.webhook, list.state, shard)).collect::<Vec<_>>()
    };
    lists.iter().flat_map(in_shards).collect()
}

fn read_entry(attributes: &crate::attributes::Attributes) -> Result<Entry, StoreError> {
    let item = Item(attributes);
    let id = parse_delivery_key(item.text(PK)?, item.text(SK)?).ok_or_else(|| item.wrong(SK))?;
    Ok((item.text(BY_TIME_SK)?.to_owned(), id))
}
