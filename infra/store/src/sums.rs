//! The sums of the transactions of a day. They are kept so that the overview does not read the transactions again.
//!
//! A job walks over a day: one channel and status after another, page by page. The day's item keeps how far the walk is, and the sums so
//! far, so that a walk that stopped can go on. If two walks go over one day, only one of them can write.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{AppId, Channel, Closing, ClosingEntry, Day, DaySums, Mode, Shards, Status, Sum, SumEntry, Timestamp};
use futures_util::future::try_join_all;

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, number, text, time},
    conditions::is_written,
    schema::{BY_TIME, BY_TIME_SK, CLOSING, PK, SK, TTL, VERSION_WRITTEN, by_time_ms, by_time_pk, sums_pk},
    transactions::{read_fee, read_refunded},
};

/// How long sums are kept: longer than a business year.
const KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// How many rows a page has: about a megabyte, which is the most that one query returns.
const PAGE: usize = 3000;

/// A day's item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptDay {
    /// Which day.
    pub day: Day,
    /// The sums, and the time that they are of; `None` if the day was never summed.
    pub sums: Option<(DaySums, Timestamp)>,
    /// A walk that is not finished.
    pub walk: Option<Walk>,
    /// How often the item was written.
    revision: i64,
}

/// How far a walk over a day is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// When it began. The sums will be those of this time.
    pub began_at: Timestamp,
    /// The sums so far.
    pub sums: DaySums,
    /// The list that it reads now. The lists before are finished.
    pub list: SumList,
    /// How far it is in that list.
    pub progress: ListProgress,
}

/// The transactions of one channel in one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SumList {
    /// The channel.
    pub channel: Channel,
    /// The status.
    pub status: Status,
}

/// How far a list is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListProgress {
    /// Through this row, as [`SumPage::next`] names it.
    Through(String),
    /// To its end.
    Done,
}

/// The name that an item has for the end of a list. The name of a row begins with a digit.
const DONE: &str = "~";

impl ListProgress {
    fn to_text(&self) -> &str {
        match self {
            Self::Through(row) => row,
            Self::Done => DONE,
        }
    }

    fn parse(text: &str) -> Self {
        if text == DONE { Self::Done } else { Self::Through(text.to_owned()) }
    }
}

/// The part of a transaction that sums need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SumRow {
    /// When it was charged.
    pub created_at: Timestamp,
    /// When it was paid or closed.
    pub ended_at: Option<Timestamp>,
    /// What it adds to the sums.
    pub sum: Sum,
    /// Why it was closed the last time; `None` if it never was, or by an older version. One that was paid later has the reason, too.
    pub closing: Option<Closing>,
}

/// The rows of one channel and status that are read, and the direction.
#[derive(Clone, Debug)]
pub struct SumRange {
    /// The channel.
    pub channel: Channel,
    /// The status.
    pub status: Status,
    /// The first moment.
    pub start: Timestamp,
    /// The last moment.
    pub end: Timestamp,
    /// Whether they are read from the last to the first.
    pub newest_first: bool,
    /// The last row of the page before, as in [`SumPage::next`].
    pub after: Option<String>,
}

/// A page of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SumPage {
    /// Up to 3,000.
    pub rows: Vec<SumRow>,
    /// Whether all rows could be read. Otherwise the sums are not kept, because accountants use them.
    pub is_whole: bool,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

impl KeptDay {
    /// A day that was never summed.
    pub fn new(day: Day) -> Self {
        Self { day, sums: None, walk: None, revision: 0 }
    }
}

impl Store {
    /// The days from `first` to `last`, in order. A day that was never summed is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept_days(
        &self,
        app: &AppId,
        mode: Mode,
        first: &Day,
        last: &Day,
    ) -> Result<Vec<KeptDay>, StoreError> {
        // Two hundred items of three kilobytes at the most are one page.
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(sums_pk(app, mode)))
            .expression_attribute_values(":first", text(first.as_str()))
            .expression_attribute_values(":last", text(last.as_str()))
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of sums", error))?;
        Ok(self.readable(page.items(), read_day))
    }

    /// Keeps the sums of a walk, or how far it is. `None` if another run wrote the day first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_day(&self, app: &AppId, mode: Mode, day: KeptDay) -> Result<Option<KeptDay>, StoreError> {
        let ends_at = day.day.end().plus(KEPT).seconds();
        let mut set = vec!["#v = :v", "#ttl = :ttl", "revision = :next"];
        let mut update = self
            .dynamo
            .update_item()
            .table_name(&self.tables.transactions)
            .key(PK, text(sums_pk(app, mode)))
            .key(SK, text(day.day.as_str()))
            .expression_attribute_names("#v", "v")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":v", number(VERSION_WRITTEN))
            .expression_attribute_values(":ttl", number(ends_at))
            .expression_attribute_values(":next", number(day.revision.saturating_add(1)));
        if let Some((sums, summed_at)) = &day.sums {
            set.extend(["sums = :sums", "closings = :closings", "summed_ms = :summed"]);
            update = update
                .expression_attribute_values(":sums", write_sums(sums))
                .expression_attribute_values(":closings", write_closings(sums))
                .expression_attribute_values(":summed", time(*summed_at));
        }
        let remove = if let Some(walk) = &day.walk {
            set.push("walk = :walk");
            update = update.expression_attribute_values(":walk", write_walk(walk));
            ""
        } else {
            " REMOVE walk"
        };
        update = if day.revision == 0 {
            update.condition_expression("attribute_not_exists(pk)")
        } else {
            let condition = update.condition_expression("revision = :revision");
            condition.expression_attribute_values(":revision", number(day.revision))
        };
        let update = update.update_expression(format!("SET {}{remove}", set.join(", ")));
        let is_kept = is_written(update.send().await, "keeping sums")?;
        Ok(is_kept.then(|| KeptDay { revision: day.revision.saturating_add(1), ..day }))
    }

    /// A page of the rows of one channel and status in a range of time. It merges the app's shards, as far as every shard is read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sum_page(
        &self,
        app: &AppId,
        mode: Mode,
        shards: &Shards,
        range: &SumRange,
    ) -> Result<SumPage, StoreError> {
        let (mut start, mut end) = (by_time_ms(range.start), format!("{}~", by_time_ms(range.end)));
        if let Some(after) = &range.after {
            *(if range.newest_first { &mut end } else { &mut start }) = after.clone();
        }
        let limit = PAGE.div_ceil(shards.of_channel(range.channel).count().max(1));
        let of_channel = shards.of_channel(range.channel);
        let keys = of_channel.map(|shard| by_time_pk(app, mode, range.channel, range.status, shard));
        let places = Places { start: &start, end: &end, newest_first: range.newest_first };
        let asked = keys.map(|key| self.sum_source(key, places, limit));
        let sources = try_join_all(asked).await?;
        let is_whole_page = sources.iter().all(|source| source.is_whole);
        let cuts = sources.iter().filter_map(|source| source.next.clone());
        let next = if range.newest_first { cuts.max() } else { cuts.min() };
        let mut rows: Vec<(String, SumRow)> = sources.into_iter().flat_map(|source| source.rows).collect();
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        if range.newest_first {
            rows.reverse();
        }
        // The range has both its ends, and one of them is the last row of the page before.
        let is_new = |place: &String| range.after.as_ref() != Some(place);
        let is_whole = |place: &String| {
            next.as_ref().is_none_or(|cut| if range.newest_first { place >= cut } else { place <= cut })
        };
        rows.retain(|(place, _)| is_new(place) && is_whole(place));
        Ok(SumPage { rows: rows.into_iter().map(|(_, row)| row).collect(), is_whole: is_whole_page, next })
    }

    async fn sum_source(
        &self,
        key: String,
        Places { start, end, newest_first }: Places<'_>,
        limit: usize,
    ) -> Result<ShardPart, StoreError> {
        let asked = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .index_name(BY_TIME)
            .key_condition_expression("by_time_pk = :pk AND by_time_sk BETWEEN :start AND :end")
            .projection_expression("by_time_sk, created_ms, ended_ms, fee, refunded_fee, #closing")
            .expression_attribute_names("#closing", CLOSING)
            .expression_attribute_values(":pk", text(key))
            .expression_attribute_values(":start", text(start))
            .expression_attribute_values(":end", text(end))
            .scan_index_forward(!newest_first)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let answer = asked.send().await.map_err(|error| StoreError::dynamo("query of a day", error))?;
        let row = |attributes: &Attributes| {
            let item = Item(attributes);
            let sum = Sum::of(read_fee(&item)?, read_refunded(&item)?);
            let (created_at, ended_at) = (item.time("created_ms")?, item.find_time("ended_ms")?);
            // A reason that only a later version knows counts as none.
            let closing = item.find_text(CLOSING).and_then(Closing::find);
            Ok((item.text(BY_TIME_SK)?.to_owned(), SumRow { created_at, ended_at, sum, closing }))
        };
        let rows = self.readable(answer.items(), row);
        let next = answer.last_evaluated_key().map(|key| Ok(Item(key).text(BY_TIME_SK)?.to_owned())).transpose()?;
        Ok(ShardPart { is_whole: rows.len() == answer.items().len(), rows, next })
    }
}

/// The places of a list that are read, with both ends, and the direction.
#[derive(Clone, Copy)]
struct Places<'a> {
    start: &'a str,
    end: &'a str,
    newest_first: bool,
}

/// One shard's part of a page: each row with its place.
struct ShardPart {
    rows: Vec<(String, SumRow)>,
    /// Whether all of them could be read.
    is_whole: bool,
    /// Where the next page begins, if there is one.
    next: Option<String>,
}

/// `{"ali_web": {"success": [count, amount, refunded]}}`
fn write_sums(sums: &DaySums) -> AttributeValue {
    let mut channels: HashMap<String, HashMap<String, AttributeValue>> = HashMap::new();
    for SumEntry { channel, status, sum } in sums.iter() {
        let numbers = AttributeValue::L(vec![number(sum.count), number(sum.amount), number(sum.refunded)]);
        channels.entry(channel.name().to_owned()).or_default().insert(status.name().to_owned(), numbers);
    }
    AttributeValue::M(channels.into_iter().map(|(channel, by)| (channel, AttributeValue::M(by))).collect())
}

/// Sums of channels that only a later version knows are left out.
fn read_sums(value: &AttributeValue) -> Option<DaySums> {
    let mut sums = DaySums::default();
    for (channel, by_status) in value.as_m().ok()? {
        for (status, numbers) in by_status.as_m().ok()? {
            let numbers = numbers.as_l().ok()?.iter().map(|number| number.as_n().ok()?.parse::<i64>().ok());
            let [count, amount, refunded] = <[i64; 3]>::try_from(numbers.collect::<Option<Vec<_>>>()?).ok()?;
            if let (Some(channel), Some(status)) = (Channel::find(channel), Status::find(status)) {
                sums.add(channel, status, Sum { count, amount, refunded });
            }
        }
    }
    Some(sums)
}

/// `{"ali_web": {"expired": count}}`
fn write_closings(sums: &DaySums) -> AttributeValue {
    let mut channels: HashMap<String, HashMap<String, AttributeValue>> = HashMap::new();
    for ClosingEntry { channel, closing, count } in sums.closings() {
        channels.entry(channel.name().to_owned()).or_default().insert(closing.name().to_owned(), number(count));
    }
    AttributeValue::M(channels.into_iter().map(|(channel, by)| (channel, AttributeValue::M(by))).collect())
}

/// The sums and the closings of a day or a walk. Older versions wrote no closings, and what only a later version knows is left out.
fn read_both(attributes: &Attributes, sums: &AttributeValue) -> Option<DaySums> {
    let mut sums = read_sums(sums)?;
    let Some(channels) = attributes.get("closings") else { return Some(sums) };
    for (channel, by_closing) in channels.as_m().ok()? {
        for (closing, count) in by_closing.as_m().ok()? {
            let count = count.as_n().ok()?.parse().ok()?;
            if let (Some(channel), Some(closing)) = (Channel::find(channel), Closing::find(closing)) {
                sums.add_closing(ClosingEntry { channel, closing, count });
            }
        }
    }
    Some(sums)
}

fn write_walk(walk: &Walk) -> AttributeValue {
    let members = [
        ("began_ms", time(walk.began_at)),
        ("sums", write_sums(&walk.sums)),
        ("closings", write_closings(&walk.sums)),
        ("channel", text(walk.list.channel.name())),
        ("status", text(walk.list.status.name())),
        ("after", text(walk.progress.to_text())),
    ];
    AttributeValue::M(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn read_walk(attributes: &Attributes) -> Result<Walk, StoreError> {
    let item = Item(attributes);
    Ok(Walk {
        began_at: item.time("began_ms")?,
        sums: attributes.get("sums").and_then(|sums| read_both(attributes, sums)).ok_or_else(|| item.wrong("sums"))?,
        list: SumList { channel: item.parsed("channel", Channel::find)?, status: item.parsed("status", Status::find)? },
        progress: ListProgress::parse(item.text("after")?),
    })
}

fn read_day(attributes: &Attributes) -> Result<KeptDay, StoreError> {
    let item = Item(attributes);
    let sums = attributes.get("sums").map(|sums| read_both(attributes, sums).ok_or_else(|| item.wrong("sums")));
    let sums = sums.transpose()?;
    let walk = attributes.get("walk").map(|walk| walk.as_m().map_err(|_| item.wrong("walk"))).transpose()?;
    Ok(KeptDay {
        day: item.parsed(SK, Day::parse)?,
        sums: sums.map(|sums| Ok((sums, item.time("summed_ms")?))).transpose()?,
        walk: walk.map(read_walk).transpose()?,
        revision: item.number("revision")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_walks_go_round() {
        let mut sums = DaySums::default();
        sums.add(Channel::AliWeb, Status::Success, Sum { count: 3, amount: i64::MAX, refunded: 7 });
        sums.add(Channel::WxApp, Status::Closed, Sum { count: 1, amount: 5, refunded: 0 });
        assert_eq!(read_sums(&write_sums(&sums)), Some(sums.clone()));
        sums.add_closing(ClosingEntry { channel: Channel::WxApp, closing: Closing::Expired, count: 1 });
        assert_eq!(read_sums(&write_sums(&DaySums::default())), Some(DaySums::default()));
        for progress in [ListProgress::Done, ListProgress::Through("000001795444200#01".to_owned())] {
            let began_at = Timestamp::from_ms(1_795_444_200_000).unwrap();
            let list = SumList { channel: Channel::WxApp, status: Status::Created };
            let walk = Walk { began_at, sums: sums.clone(), list, progress };
            assert_eq!(read_walk(write_walk(&walk).as_m().unwrap()).unwrap(), walk);
        }
    }

    #[test]
    fn what_is_no_sum_is_refused() {
        let numbers = |numbers: Vec<AttributeValue>| {
            let status = AttributeValue::M(HashMap::from([("success".to_owned(), AttributeValue::L(numbers))]));
            AttributeValue::M(HashMap::from([("ali_web".to_owned(), status)]))
        };
        assert_eq!(read_sums(&numbers(vec![number(1), number(2)])), None);
        assert_eq!(read_sums(&numbers(vec![number(1), number(2), text("3")])), None);
        assert_eq!(read_sums(&text("x")), None);
    }
}
