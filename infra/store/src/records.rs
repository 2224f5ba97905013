//! Lists records: a merge of some queries of `by_time`, one for each channel and status, page by page.
//!
//! No row is read in vain, except those that `skip` passes over. The request bounds their number.

use std::collections::VecDeque;

use aws_sdk_dynamodb::{operation::query::QueryOutput, types::Select};
use domain::{
    App, AppId, Channel, Extras, Mode, Record, RecordsOrder, RecordsRequest, Shard, Shards, Status, Timestamp,
    TransactionId,
};
use futures_util::future::try_join_all;

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, text},
    schema::{BY_TIME, BY_TIME_SK, SORTS_LAST, by_time_ms, by_time_pk, by_time_sk, parse_account},
    transactions::{read_fee, read_key, read_refunded},
};

/// How many records a page of one source has: twice as many as the largest answer, about 80 kB.
const SOURCE_PAGE_MAX: usize = 2 * RecordsRequest::LIMIT_MAX;

/// How many queries are made at once: enough for all channels and statuses of an app with one shard.
pub(crate) const ASKED_AT_ONCE: usize = 64;

/// Where a page of records begins: at the first record that is not newer than this. It is a place in time and not an item. So it stays
/// valid when records change their status, and it costs the same at any depth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsPosition {
    /// When that record was charged.
    pub created_at: Timestamp,
    /// Its id.
    pub id: TransactionId,
}

/// Which records are asked for, and the channels that may have any.
#[derive(Clone, Debug)]
pub struct RecordsQuery<'a> {
    /// The app.
    pub app: &'a App,
    /// The mode.
    pub mode: Mode,
    /// The channels that were ever configured. The others have no records.
    pub channels: Vec<Channel>,
    /// The request.
    pub request: &'a RecordsRequest,
}

/// A list that is being counted.
struct CountedList {
    pk: String,
    /// The last record that was counted.
    from: Option<Attributes>,
}

/// One answer of a list that is being counted.
struct Counted {
    count: usize,
    /// Where to go on; `None` at the end of the list.
    next: Option<Attributes>,
}

/// A page of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsPage {
    /// The records, newest first.
    pub records: Vec<Record>,
    /// Where the next page begins; `None` for the last page.
    pub next: Option<RecordsPosition>,
}

impl Store {
    /// The records that `query` asks for, in its order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn records(&self, query: &RecordsQuery<'_>) -> Result<Vec<Record>, StoreError> {
        let filter = &query.request.filter;
        let mut records = if let Some(bill) = &filter.bill {
            let bill = self.load_bill(&query.app.id, query.mode, bill).await?;
            let mut records: Vec<Record> = bill.tries.into_iter().map(Record::from).collect();
            records.retain(|record| asked_for(query.request, record));
            records.sort_by_key(sort_key);
            if query.request.order == RecordsOrder::NewestFirst {
                records.reverse();
            }
            records
        } else {
            self.merge(query, &Range::of(query.request), query.request.skip + query.request.limit).await?
        };
        records.drain(..query.request.skip.min(records.len()));
        records.truncate(query.request.limit);
        Ok(records)
    }

    /// A page of the records that `query` asks for, newest first and from a position on, and where the next one begins. `skip` and
    /// `billNum` are not used here: [`Self::records`] finds those of a bill.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn records_page(
        &self,
        query: &RecordsQuery<'_>,
        from: Option<&RecordsPosition>,
    ) -> Result<RecordsPage, StoreError> {
        let mut range = Range::of(query.request);
        if let Some(position) = from {
            range.end = range.end.min(format!("{}{SORTS_LAST}", by_time_sk(position.created_at, &position.id)));
        }
        if range.start > range.end {
            return Ok(RecordsPage { records: Vec::new(), next: None });
        }
        let limit = query.request.limit;
        let mut records = self.merge(query, &range, limit + 1).await?;
        let next = records.get(limit).map(|next| RecordsPosition { created_at: next.created_at, id: next.id.clone() });
        records.truncate(limit);
        Ok(RecordsPage { records, next })
    }

    /// How many records `query` asks for, but no more than are counted of one list: a little above `enough` if there are more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_records(&self, query: &RecordsQuery<'_>, enough: usize) -> Result<usize, StoreError> {
        let range = Range::of(query.request);
        let lists = sources(query, 0).into_iter().map(|source| CountedList { pk: source.pk, from: None });
        let mut lists: Vec<CountedList> = lists.collect();
        let mut count = 0;
        while !lists.is_empty() && count <= enough {
            let waiting = lists.split_off(lists.len().min(ASKED_AT_ONCE));
            // Each list is asked for its share, so that two long lists do not cost twice as much as one.
            let share = (enough + 1 - count).div_ceil(lists.len());
            let counted = try_join_all(lists.iter().map(|list| self.count_list(list, &range, share))).await?;
            count += counted.iter().map(|answer| answer.count).sum::<usize>();
            let counted = lists.into_iter().zip(counted);
            let unfinished =
                counted.filter_map(|(list, answer)| Some(CountedList { from: Some(answer.next?), ..list }));
            lists = unfinished.chain(waiting).collect();
        }
        Ok(count)
    }

    /// Counts on in a list, up to `limit`. An answer counts a megabyte at the most, which may be less.
    async fn count_list(&self, list: &CountedList, range: &Range, limit: usize) -> Result<Counted, StoreError> {
        let answer = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .index_name(BY_TIME)
            .key_condition_expression("by_time_pk = :pk AND by_time_sk BETWEEN :start AND :end")
            .expression_attribute_values(":pk", text(&list.pk))
            .expression_attribute_values(":start", text(&range.start))
            .expression_attribute_values(":end", text(&range.end))
            .select(Select::Count)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(list.from.clone())
            .send()
            .await
            .map_err(|error| StoreError::dynamo("count of records", error))?;
        let count = usize::try_from(answer.count()).unwrap_or_default();
        Ok(Counted { count, next: answer.last_evaluated_key })
    }

    /// Finds a transaction by its id alone. The id begins with its time, so each channel and status is asked for one exact key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_record(
        &self,
        app: &AppId,
        mode: Mode,
        shards: &Shards,
        channels: &[Channel],
        id: &TransactionId,
    ) -> Result<Option<Record>, StoreError> {
        let Some(created_at) = id.created_at() else { return Ok(None) };
        let lists = channels.iter().flat_map(|channel| Status::ALL.map(|status| (*channel, status)));
        let in_shards = |(channel, status)| {
            shards.of(channel, id).into_iter().map(move |shard| by_time_pk(app, mode, channel, status, shard))
        };
        let keys = lists.flat_map(in_shards);
        let asked = keys.map(|pk| async move {
            self.dynamo
                .query()
                .table_name(&self.tables.transactions)
                .index_name(BY_TIME)
                .key_condition_expression("by_time_pk = :pk AND begins_with(by_time_sk, :sk)")
                .expression_attribute_values(":pk", text(pk))
                .expression_attribute_values(":sk", text(by_time_sk(created_at, id)))
                .limit(1)
                .send()
                .await
                .map_err(|error| StoreError::dynamo("look-up of an id", error))
        });
        let answers = try_join_all(asked).await?;
        answers.iter().flat_map(|answer| answer.items()).next().map(read_record).transpose()
    }

    /// The first `wanted` records of all sources together.
    async fn merge(&self, query: &RecordsQuery<'_>, range: &Range, wanted: usize) -> Result<Vec<Record>, StoreError> {
        let mut sources = sources(query, wanted);
        for some in sources.chunks_mut(ASKED_AT_ONCE) {
            try_join_all(some.iter_mut().map(|source| self.fill(source, query.request, range))).await?;
        }
        let mut merged = Vec::with_capacity(wanted);
        while merged.len() < wanted {
            let heads = sources.iter_mut().filter(|source| !source.ready.is_empty());
            let next = match query.request.order {
                RecordsOrder::OldestFirst => heads.min_by_key(|source| source.head_key()),
                RecordsOrder::NewestFirst => heads.max_by_key(|source| source.head_key()),
            };
            let Some(source) = next else { break };
            merged.extend(source.ready.pop_front());
            // When the answer is complete, no source is read further.
            if source.ready.is_empty() && merged.len() < wanted {
                self.fill(source, query.request, range).await?;
            }
        }
        Ok(merged)
    }

    /// Reads a source until it has a record ready, or is at its end.
    async fn fill(&self, source: &mut Source, request: &RecordsRequest, range: &Range) -> Result<(), StoreError> {
        while source.ready.is_empty()
            && let Progress::From(start_key) = std::mem::replace(&mut source.progress, Progress::Ended)
        {
            let answer = self.source_page(source, request, range, start_key).await?;
            source.ready.extend(self.readable(answer.items(), read_record));
            source.progress = answer.last_evaluated_key.map_or(Progress::Ended, |key| Progress::From(Some(key)));
        }
        Ok(())
    }

    async fn source_page(
        &self,
        source: &Source,
        request: &RecordsRequest,
        range: &Range,
        start_key: Option<Attributes>,
    ) -> Result<QueryOutput, StoreError> {
        self.dynamo
            .query()
            .table_name(&self.tables.transactions)
            .index_name(BY_TIME)
            .key_condition_expression("by_time_pk = :pk AND by_time_sk BETWEEN :start AND :end")
            .expression_attribute_values(":pk", text(&source.pk))
            .expression_attribute_values(":start", text(&range.start))
            .expression_attribute_values(":end", text(&range.end))
            .scan_index_forward(request.order == RecordsOrder::OldestFirst)
            .limit(i32::try_from(source.page).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start_key)
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of records", error))
    }
}

/// Every list that can have a record that `query` asks for.
fn sources(query: &RecordsQuery<'_>, wanted: usize) -> Vec<Source> {
    let filter = &query.request.filter;
    let channels = filter.channels().filter(|channel| query.channels.contains(channel));
    let mut sources = Vec::new();
    for channel in channels {
        let shards: Vec<_> = query.app.shards.of_channel(channel).collect();
        // Each shard has about the same number of the next records. So each is asked for its part, and some more.
        let part = if shards.len() == 1 { wanted } else { (wanted.div_ceil(shards.len()) * 2).min(wanted) };
        for status in filter.statuses() {
            let key = |shard: &Shard| by_time_pk(&query.app.id, query.mode, channel, status, *shard);
            sources.extend(shards.iter().map(|shard| Source::new(key(shard), part.min(SOURCE_PAGE_MAX))));
        }
    }
    sources
}

/// The part of each source that is read, with both ends.
struct Range {
    start: String,
    end: String,
}

impl Range {
    fn of(request: &RecordsRequest) -> Self {
        let start = request.filter.start.map_or_else(|| "0".to_owned(), by_time_ms);
        // `~` sorts after the `#` that follows the time, so the last millisecond is included.
        let end = request.filter.end.map_or_else(|| "~".to_owned(), |end| format!("{}~", by_time_ms(end)));
        Self { start, end }
    }
}

/// One channel in one status: the records that were read and not used yet, and where the next page begins.
struct Source {
    pk: String,
    /// How many records one query asks for.
    page: usize,
    ready: VecDeque<Record>,
    progress: Progress,
}

enum Progress {
    From(Option<Attributes>),
    Ended,
}

impl Source {
    fn new(pk: String, page: usize) -> Self {
        Self { pk, page, ready: VecDeque::new(), progress: Progress::From(None) }
    }

    fn head_key(&self) -> Option<(Timestamp, TransactionId)> {
        self.ready.front().map(sort_key)
    }
}

fn sort_key(record: &Record) -> (Timestamp, TransactionId) {
    (record.created_at, record.id.clone())
}

fn asked_for(request: &RecordsRequest, record: &Record) -> bool {
    let filter = &request.filter;
    filter.channel.is_none_or(|channel| channel.admits(record.channel))
        && filter.admits(record.status)
        && filter.start.is_none_or(|start| record.created_at >= start)
        && filter.end.is_none_or(|end| record.created_at <= end)
}

pub(crate) fn read_record(attributes: &Attributes) -> Result<Record, StoreError> {
    let item = Item(attributes);
    let key = read_key(&item)?;
    Ok(Record {
        id: item.parsed("id", |id| TransactionId::parse(id).ok())?,
        account: item.parsed(BY_TIME_SK, parse_account)?,
        bill: key.bill,
        channel: key.channel,
        try_number: key.try_number,
        created_at: item.time("created_ms")?,
        ended_at: item.find_time("ended_ms")?,
        fee: read_fee(&item)?,
        status: item.parsed("status", Status::find)?,
        refunded: read_refunded(&item)?,
        extras: item.find_parsed("extras", Extras::parse_kept)?,
    })
}
