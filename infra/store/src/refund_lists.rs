//! Lists of refunds by status and time. And the payments and refunds behind a list, looked up many at once.

use std::collections::HashMap;

use domain::{
    AppId, BillNum, Channel, Mode, Refund, RefundKey, RefundNum, RefundStatus, TimeSpan, Timestamp, Transaction,
    TransactionKey,
};
use futures_util::future::try_join_all;

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, text},
    look_up::Freshness,
    refunds::read_refund,
    schema::{
        BY_TIME, BY_TIME_SK, PK, SK, SORTS_LAST, bill_pk, by_time_ms, ended_refund_sk, parse_refund_key, refund_sk,
        refunds_pk, transaction_pk, transaction_sk,
    },
    transactions::read_transaction,
};

/// The refunds of a channel in a status, within a span of time: of their end if they went back, and of their request otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundSpan {
    /// The channel.
    pub channel: Channel,
    /// The status.
    pub status: RefundStatus,
    /// From the first moment to the last.
    pub span: TimeSpan,
}

/// Where a page of refunds begins: at the first refund that is older than this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundPosition {
    /// Its place in time.
    pub at: Timestamp,
    /// Its number.
    pub num: RefundNum,
}

/// A page of refunds, the latest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundsPage {
    /// The keys of the refunds.
    pub keys: Vec<RefundKey>,
    /// Where the next page begins; `None` for the last page.
    pub next: Option<RefundPosition>,
}

/// How many answers one list may take. An answer has at most a megabyte, which is more than a thousand refunds.
const ANSWERS_MAX: u32 = 16;

/// A place in the list of a channel.
struct Place {
    sk: String,
    /// `None` if it cannot be read. The place counts all the same, so that nothing behind it is lost.
    key: Option<RefundKey>,
}

impl Store {
    /// A page of at most `limit` refunds of these lists.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refunds_page(
        &self,
        app: &AppId,
        mode: Mode,
        lists: &[RefundSpan],
        from: Option<&RefundPosition>,
        limit: usize,
    ) -> Result<RefundsPage, StoreError> {
        let asked = lists.iter().map(|list| self.refund_places(app, mode, *list, from, limit.saturating_add(1)));
        let mut places: Vec<Place> = try_join_all(asked).await?.into_iter().flatten().collect();
        places.sort_by(|one, other| other.sk.cmp(&one.sk));
        let has_more = places.len() > limit;
        places.truncate(limit);
        let unknown = |sk: &str| StoreError::dynamo("query of refunds", format!("`{sk}` is no place of a refund"));
        let position = |last: &Place| parse_position(&last.sk).ok_or_else(|| unknown(&last.sk));
        let next = places.last().filter(|_| has_more).map(position).transpose()?;
        Ok(RefundsPage { keys: places.into_iter().filter_map(|place| place.key).collect(), next })
    }

    async fn refund_places(
        &self,
        app: &AppId,
        mode: Mode,
        RefundSpan { channel, status, span }: RefundSpan,
        from: Option<&RefundPosition>,
        limit: usize,
    ) -> Result<Vec<Place>, StoreError> {
        let (start, mut end) = (by_time_ms(span.start), format!("{}{SORTS_LAST}", by_time_ms(span.end)));
        let before = from.map(|from| ended_refund_sk(from.at, &from.num));
        end = before.clone().map_or(end.clone(), |before| before.min(end));
        if start > end {
            return Ok(Vec::new());
        }
        // The range includes the last refund of the page before.
        let wanted = limit.saturating_add(1);
        let (mut places, mut key) = (Vec::new(), None);
        for _ in 0..ANSWERS_MAX {
            let left = wanted.saturating_sub(places.len());
            let answer = self
                .dynamo
                .query()
                .table_name(&self.tables.transactions)
                .index_name(BY_TIME)
                .key_condition_expression("by_time_pk = :pk AND by_time_sk BETWEEN :start AND :end")
                .projection_expression("pk, sk, by_time_sk")
                .expression_attribute_values(":pk", text(refunds_pk(app, mode, channel, status)))
                .expression_attribute_values(":start", text(&start))
                .expression_attribute_values(":end", text(&end))
                .scan_index_forward(false)
                .limit(i32::try_from(left).unwrap_or(i32::MAX))
                .set_exclusive_start_key(key)
                .send()
                .await
                .map_err(|error| StoreError::dynamo("query of refunds", error))?;
            for attributes in answer.items() {
                let sk = Item(attributes).text(BY_TIME_SK)?.to_owned();
                places.push(Place { sk, key: self.find_readable(attributes, read_key) });
            }
            key = answer.last_evaluated_key;
            if key.is_none() || places.len() >= wanted {
                places.retain(|place| before.as_ref() != Some(&place.sk));
                return Ok(places);
            }
        }
        Err(StoreError::dynamo("query of refunds", format!("a list took more than {ANSWERS_MAX} answers")))
    }

    /// The refunds with these keys, as they were a moment ago, in the order of the keys. A key without a refund is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_refunds(&self, keys: &[RefundKey]) -> Result<Vec<Refund>, StoreError> {
        let key = |key: &RefundKey| item_key(bill_pk(&key.app, key.mode, &key.bill), refund_sk(&key.num));
        let items =
            self.look_up(&self.tables.transactions, keys.iter().map(key).collect(), Freshness::Eventual).await?;
        let own = |refund: &Refund| (refund.key.bill.clone(), refund.num.clone());
        let mut found: HashMap<(BillNum, RefundNum), Refund> =
            self.readable(&items, read_refund).into_iter().map(|refund| (own(&refund), refund)).collect();
        Ok(keys.iter().filter_map(|key| found.remove(&(key.bill.clone(), key.num.clone()))).collect())
    }

    /// The transactions with these keys, as they were a moment ago, in no order. A key without a transaction is left out, and a key must
    /// not occur twice.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_transactions(&self, keys: &[TransactionKey]) -> Result<Vec<Transaction>, StoreError> {
        let key = |key: &TransactionKey| item_key(transaction_pk(key), transaction_sk(key));
        let items =
            self.look_up(&self.tables.transactions, keys.iter().map(key).collect(), Freshness::Eventual).await?;
        Ok(self.readable(&items, read_transaction))
    }
}

fn read_key(attributes: &Attributes) -> Result<RefundKey, StoreError> {
    let item = Item(attributes);
    parse_refund_key(item.text(PK)?, item.text(SK)?).ok_or_else(|| item.wrong(SK))
}

fn item_key(pk: String, sk: String) -> Attributes {
    HashMap::from([(PK.to_owned(), text(pk)), (SK.to_owned(), text(sk))])
}

/// Reads a place that [`ended_refund_sk`] wrote; `None` for another text.
fn parse_position(sk: &str) -> Option<RefundPosition> {
    let (ms, num) = sk.split_once('#')?;
    Some(RefundPosition { at: Timestamp::from_ms(ms.parse().ok()?).ok()?, num: RefundNum::parse(num)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_list_goes_round() {
        let position =
            RefundPosition { at: Timestamp::clamped(1_795_444_200_000), num: RefundNum::parse("r-1*@|_").unwrap() };
        let sk = ended_refund_sk(position.at, &position.num);
        assert_eq!(parse_position(&sk), Some(position));
        for text in ["", "x", "1#", "x#r-1"] {
            assert_eq!(parse_position(text), None, "{text}");
        }
    }
}
