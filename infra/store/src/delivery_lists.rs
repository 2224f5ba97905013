//! Deliveries as operators list them: those of some webhooks in some states, merged by time.

use domain::{AppId, Delivery, DeliveryId, DeliveryState, Timestamp, WebhookId};
use futures_util::future::try_join_all;

use crate::{
    Store, StoreError,
    attributes::{Item, text},
    schema::{BY_TIME, BY_TIME_SK, PK, SK, by_time_ms, deliveries_pk, parse_delivery_key},
};

/// Read from each list at once.
const PAGE: usize = 50;

/// Sorts behind every moment.
const NEWEST: &str = "~";

/// A page of deliveries with all their attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryPage {
    /// Up to 50.
    pub deliveries: Vec<Delivery>,
    /// Where the next page begins, if there is one.
    pub cursor: Option<String>,
}

/// How long a list is counted.
const COUNTED_MAX: usize = 1000;

/// How long a list of deliveries is, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCount {
    /// How many there are, up to a thousand.
    pub count: usize,
    /// Whether there are more than were counted.
    pub more: bool,
    /// When the event of the oldest was.
    pub oldest: Option<Timestamp>,
}

/// One entry of a list: its place, and what stands there.
type Entry = (String, DeliveryId);

impl Store {
    /// A page of the deliveries in these lists, newest first, from `cursor` on. What was received at the first try is in none: it
    /// is seen at its transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_deliveries(
        &self,
        app: &AppId,
        lists: &[(WebhookId, DeliveryState)],
        cursor: Option<&str>,
    ) -> Result<DeliveryPage, StoreError> {
        let before = cursor.unwrap_or(NEWEST);
        let queries = lists.iter().map(|(webhook, state)| self.newest(deliveries_pk(app, webhook, *state), before));
        let queries: Vec<_> = queries.collect();
        let mut entries: Vec<Entry> = try_join_all(queries).await?.into_iter().flatten().collect();
        entries.sort();
        entries.reverse();
        let more = entries.len() > PAGE;
        entries.truncate(PAGE);
        let cursor = entries.last().filter(|_| more).map(|(place, _)| place.clone());
        Ok(DeliveryPage { deliveries: self.in_order(entries).await?, cursor })
    }

    /// A page of the deliveries of one webhook in one state, oldest first: those that were written at `since` or later, and behind
    /// `after`. Deliveries that are changed meanwhile leave the list, and the place stays good.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deliveries_since(
        &self,
        app: &AppId,
        (webhook, state): (&WebhookId, DeliveryState),
        since: Timestamp,
        after: Option<&str>,
    ) -> Result<DeliveryPage, StoreError> {
        let since = by_time_ms(since);
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .index_name(BY_TIME)
            .key_condition_expression("by_time_pk = :pk AND by_time_sk > :after")
            .expression_attribute_values(":pk", text(deliveries_pk(app, webhook, state)))
            .expression_attribute_values(":after", text(after.map_or(since, str::to_owned)))
            .limit(i32::try_from(PAGE).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of deliveries", error))?;
        let entries = page.items().iter().map(read_entry).collect::<Result<Vec<_>, _>>()?;
        let cursor = page.last_evaluated_key().and(entries.last()).map(|(place, _)| place.clone());
        Ok(DeliveryPage { deliveries: self.in_order(entries).await?, cursor })
    }

    /// How many deliveries of a webhook are in a state after an attempt that failed. What waits for its first attempt, for seconds, is
    /// not among them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_deliveries(
        &self,
        app: &AppId,
        webhook: &WebhookId,
        state: DeliveryState,
    ) -> Result<DeliveryCount, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .index_name(BY_TIME)
            .key_condition_expression("by_time_pk = :pk")
            .expression_attribute_values(":pk", text(deliveries_pk(app, webhook, state)))
            .projection_expression("by_time_sk")
            .limit(i32::try_from(COUNTED_MAX).unwrap_or(i32::MAX))
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

    /// One more than a page, so that it is known whether there is another.
    async fn newest(&self, list: String, before: &str) -> Result<Vec<Entry>, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .index_name(BY_TIME)
            .key_condition_expression("by_time_pk = :pk AND by_time_sk < :before")
            .expression_attribute_values(":pk", text(list))
            .expression_attribute_values(":before", text(before))
            .scan_index_forward(false)
            .limit(i32::try_from(PAGE + 1).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of deliveries", error))?;
        page.items().iter().map(read_entry).collect()
    }

    /// The rows themselves, in the order of the entries. The index may be a moment behind; the row is the truth.
    async fn in_order(&self, entries: Vec<Entry>) -> Result<Vec<Delivery>, StoreError> {
        let ids: Vec<DeliveryId> = entries.into_iter().map(|(_, id)| id).collect();
        let mut found = self.find_deliveries(&ids).await?;
        found.sort_by_key(|delivery| ids.iter().position(|id| *id == delivery.id));
        Ok(found)
    }
}

fn read_entry(attributes: &crate::attributes::Attributes) -> Result<Entry, StoreError> {
    let item = Item(attributes);
    let id = parse_delivery_key(item.text(PK)?, item.text(SK)?).ok_or_else(|| item.wrong(SK))?;
    Ok((item.text(BY_TIME_SK)?.to_owned(), id))
}
