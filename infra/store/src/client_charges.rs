//! Counts what the client keys of an app did. There is one item for an app and a mode. Warm functions add several charges to it at a time.

use std::time::Duration;

use aws_sdk_dynamodb::types::{ReturnValue, Select};
use domain::{App, AppId, Channel, Mode, Status, Timestamp};

use crate::{
    Store, StoreError,
    attributes::{Item, number, text, time},
    conditions::{is_written, unless_condition_failed},
    schema::{BY_TIME, CLIENT_CHARGES_SK, PK, SK, VERSION_WRITTEN, by_time_pk, client_charges_pk},
};

/// How often adding to the item is tried. A new minute takes two tries, and another instance may begin the minute first.
const ADD_TRIES_MAX: u32 = 4;

/// How long a count of the open bills is used.
const COUNTED_FOR: Duration = Duration::from_secs(60);

/// The most pages that one count reads. A page has a megabyte: hundreds to thousands of bills. Bills on later pages are not counted.
const COUNTED_PAGES_MAX: u32 = 100;

/// What the client keys of an app did in one mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientCharges {
    /// Charges in this minute.
    pub in_minute: i64,
    /// How many bills are open at the most: those of the last count, and one for each charge since then.
    pub open_at_most: i64,
}

impl Store {
    /// Adds `count` charges of the minute that began at `minute`. Returns the counts with these.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_client_charges(
        &self,
        app: &AppId,
        mode: Mode,
        minute: Timestamp,
        count: u32,
    ) -> Result<ClientCharges, StoreError> {
        for round in 0..ADD_TRIES_MAX {
            // Another instance's clock may be in the next minute already.
            let (set, condition) = if round % 2 == 0 {
                ("SET charges = charges + :count, open_bills = open_bills + :count, v = :v", "minute_ms >= :minute")
            } else {
                (
                    "SET minute_ms = :minute, charges = :count, open_bills = if_not_exists(open_bills, :none) + :count, v = :v",
                    "attribute_not_exists(pk) OR minute_ms < :minute",
                )
            };
            let mut update = self
                .dynamo
                .update_item()
                .table_name(&self.tables.transactions)
                .key(PK, text(client_charges_pk(app, mode)))
                .key(SK, text(CLIENT_CHARGES_SK))
                .update_expression(set)
                .condition_expression(condition)
                .return_values(ReturnValue::AllNew)
                .expression_attribute_values(":minute", time(minute))
                .expression_attribute_values(":count", number(count.into()))
                .expression_attribute_values(":v", number(VERSION_WRITTEN));
            if round % 2 == 1 {
                update = update.expression_attribute_values(":none", number(0));
            }
            let counted = unless_condition_failed(update.send().await, "counting charges of a client key")?;
            if let Some(attributes) = counted.and_then(|counted| counted.attributes) {
                let item = Item(&attributes);
                return Ok(ClientCharges {
                    in_minute: item.number("charges")?,
                    open_at_most: item.number("open_bills")?,
                });
            }
        }
        Err(StoreError::Contended { what: client_charges_pk(app, mode), tries: ADD_TRIES_MAX })
    }

    /// Counts the open bills, up to `max` + 1. `None` if they were counted within the last minute.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_open_bills(
        &self,
        app: &App,
        mode: Mode,
        channels: &[Channel],
        max: u32,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let update = |set: &'static str, condition: &'static str| {
            self.dynamo
                .update_item()
                .table_name(&self.tables.transactions)
                .key(PK, text(client_charges_pk(&app.id, mode)))
                .key(SK, text(CLIENT_CHARGES_SK))
                .update_expression(set)
                .condition_expression(condition)
                .expression_attribute_values(":now", time(now))
        };
        let claim = update("SET counted_ms = :now", "attribute_not_exists(counted_ms) OR counted_ms <= :before")
            .expression_attribute_values(":before", time(now.minus(COUNTED_FOR)));
        if !is_written(claim.send().await, "claim of a count of open bills")? {
            return Ok(None);
        }
        let count = self.open_bills(app, mode, channels, i64::from(max) + 1).await?;
        // The charge that is being made is not in the table yet.
        let kept = update("SET open_bills = :count", "counted_ms = :now");
        let kept = kept.expression_attribute_values(":count", number(count + 1));
        is_written(kept.send().await, "count of open bills")?;
        Ok(Some(count))
    }

    async fn open_bills(&self, app: &App, mode: Mode, channels: &[Channel], enough: i64) -> Result<i64, StoreError> {
        let list = |channel: &Channel| {
            let channel = *channel;
            let in_shard = move |shard| by_time_pk(&app.id, mode, channel, Status::Created, shard);
            app.shards.of_channel(channel).map(in_shard)
        };
        let mut lists = channels.iter().flat_map(list);
        let (mut current, mut from, mut count) = (lists.next(), None, 0);
        for _ in 0..COUNTED_PAGES_MAX {
            let Some(list) = current.as_ref().filter(|_| count < enough) else { break };
            let page = self
                .dynamo
                .query()
                .table_name(&self.tables.transactions)
                .index_name(BY_TIME)
                .key_condition_expression("by_time_pk = :pk")
                .expression_attribute_values(":pk", text(list))
                .select(Select::Count)
                .limit(i32::try_from(enough - count).unwrap_or(i32::MAX))
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::dynamo("count of open bills", error))?;
            count += i64::from(page.count());
            from = page.last_evaluated_key;
            if from.is_none() {
                current = lists.next();
            }
        }
        Ok(count)
    }
}
