//! Counts the transactions of an hour, as far as somebody wants to know. Nothing is kept: the index has them in the order of time.

use aws_sdk_dynamodb::types::Select;
use domain::{AppId, Mode, Shards, TimeSpan};
use futures_util::future::try_join_all;

use crate::{
    Store, StoreError, SumList,
    attributes::text,
    schema::{BY_TIME, SORTS_LAST, by_time_ms, by_time_pk},
};

impl Store {
    /// How many transactions of one channel and status were charged in a span of time; `most` if there are as many or more. It reads no more
    /// than these of each of the channel's shards.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_up_to(
        &self,
        app: &AppId,
        mode: Mode,
        shards: &Shards,
        SumList { channel, status }: SumList,
        span: TimeSpan,
        most: u16,
    ) -> Result<i64, StoreError> {
        let (start, end) = (by_time_ms(span.start), format!("{}{SORTS_LAST}", by_time_ms(span.end)));
        let count = async |key: String| {
            let counted = self
                .dynamo
                .query()
                .table_name(&self.tables.transactions)
                .index_name(BY_TIME)
                .select(Select::Count)
                .key_condition_expression("by_time_pk = :pk AND by_time_sk BETWEEN :start AND :end")
                .expression_attribute_values(":pk", text(key))
                .expression_attribute_values(":start", text(&start))
                .expression_attribute_values(":end", text(&end))
                .limit(i32::from(most))
                .send()
                .await
                .map_err(|error| StoreError::dynamo("count of an hour", error))?;
            Ok::<_, StoreError>(i64::from(counted.count()))
        };
        let keys = shards.of_channel(channel).map(|shard| by_time_pk(app, mode, channel, status, shard));
        let counts = try_join_all(keys.map(count)).await?;
        Ok(counts.iter().sum::<i64>().min(i64::from(most)))
    }
}
