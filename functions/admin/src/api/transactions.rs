//! Transactions for operators: pages by cursor, and the details of one.

use std::borrow::Cow;

use domain::{
    AppId, BillNum, ChannelFilter, Delivery, Mode, Record, RecordsFilter, RecordsOrder, RecordsRequest, Refund, Status,
    Timestamp, Transaction, TransactionId,
};
use http::StatusCode;
use runtime::{Reply, json, query_parameter};
use serde_json::{Map, Value, json};
use store::{IncidentSubject, RecordsPage, RecordsPosition, RecordsQuery, Store, StoredApp, WholeBill};

use super::{
    call::Call,
    deliveries,
    page::{channels_ever, parse_cursor, write_cursor},
    problem::Problem,
    said,
    wrong::Wrong,
};

/// `GET /apps/{appId}/transactions?mode&status&channel&billNum&startTime&endTime&limit&cursor`, newest first.
pub(crate) async fn list(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    let found = call.load_app(&app).await?;
    let request = read_request(call)?;
    let cursor = query_parameter(call.request, "cursor").filter(|cursor| !cursor.is_empty());
    let from = cursor.as_deref().map(parse_cursor).transpose()?;
    let page = page(&call.deps.services.store, &found, mode, &request, from.as_ref()).await?;
    Ok(json(StatusCode::OK, &json!({ "items": page.records, "cursor": page.next.as_ref().map(write_cursor) })))
}

/// `GET /apps/{appId}/transactions/{id}?mode&billNum`. With `billNum` the read is strongly consistent; without it the index is asked.
pub(crate) async fn show(call: &Call<'_>, app: AppId, id: TransactionId) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    let bill = bill_of(call, &app, mode, &id).await?;
    let life = load_details(&call.deps.services.store, &app, mode, &bill, &id).await?;
    life.map(|life| json(StatusCode::OK, &life.to_json())).ok_or_else(|| Problem::not_found("transaction"))
}

/// The bill of a transaction: the one in the query, or else the one in the index.
pub(crate) async fn bill_of(call: &Call<'_>, app: &AppId, mode: Mode, id: &TransactionId) -> Result<BillNum, Problem> {
    let found = call.load_app(app).await?;
    if let Some(bill) = query_parameter(call.request, "billNum").filter(|bill| !bill.is_empty()) {
        return BillNum::parse(&bill).map_err(|error| Problem::field("billNum", Wrong::from(error)));
    }
    let record =
        call.deps.services.store.find_record(app, mode, &found.app.shards, &channels_ever(&found, mode), id).await?;
    Ok(record.ok_or_else(|| Problem::not_found("transaction"))?.bill)
}

/// Reads a page. A bill has few tries, so all of them are read.
pub(crate) async fn page(
    store: &Store,
    found: &StoredApp,
    mode: Mode,
    request: &RecordsRequest,
    from: Option<&RecordsPosition>,
) -> Result<RecordsPage, Problem> {
    let channels = channels_ever(found, mode);
    let query = RecordsQuery { app: &found.app, mode, channels, request };
    if request.filter.bill.is_some() {
        return Ok(RecordsPage { records: store.records(&query).await?, next: None });
    }
    Ok(store.records_page(&query, from).await?)
}

/// Everything about one transaction.
pub(crate) struct TransactionDetails {
    pub(crate) transaction: Transaction,
    /// The other tries of its bill.
    pub(crate) others: Vec<Transaction>,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) incidents: Vec<store::IncidentSummary>,
}

/// `None` if the bill has no such transaction.
pub(crate) async fn load_details(
    store: &Store,
    app: &AppId,
    mode: Mode,
    bill: &BillNum,
    id: &TransactionId,
) -> Result<Option<TransactionDetails>, Problem> {
    let WholeBill { bill: found, refunds } = store.load_whole_bill(app, mode, bill).await?;
    let (mut this, others): (Vec<_>, Vec<_>) = found.tries.into_iter().partition(|one| one.id == *id);
    let Some(transaction) = this.pop() else { return Ok(None) };
    let incidents = store.bill_incidents(app, mode, bill).await?;
    let mine = IncidentSubject::Try(transaction.key.clone());
    let incidents = incidents.into_iter().filter(|incident| incident.subject == mine).collect();
    let refunds = refunds.into_iter().filter(|refund| refund.transaction == *id).collect();
    let deliveries = store.load_deliveries(app, mode, bill, id).await?;
    Ok(Some(TransactionDetails { transaction, others, refunds, deliveries, incidents }))
}

impl TransactionDetails {
    fn to_json(&self) -> Value {
        let one = &self.transaction;
        let mut shown = members(&Record::from(one.clone()));
        shown.insert("subject".to_owned(), one.subject.as_str().into());
        shown.insert("expiresTime".to_owned(), one.expires_at.ms().into());
        shown.insert("tradeNo".to_owned(), one.trade_no.as_ref().map(|number| number.as_str()).into());
        let others: Vec<Value> = self.others.iter().map(|other| members(&Record::from(other.clone())).into()).collect();
        let incidents: Vec<Value> = self
            .incidents
            .iter()
            .map(|one| {
                let members = json!({ "kind": one.kind, "time": one.seen_at.ms() });
                said::with(members, said::text("problem", Some(&one.problem)))
            })
            .collect();
        let deliveries: Vec<Value> = self.deliveries.iter().map(deliveries::show).collect();
        let mut attempts: Vec<_> = self.deliveries.iter().flat_map(|one| &one.records).collect();
        attempts.sort_by_key(|attempt| attempt.time);
        shown.insert("otherTries".to_owned(), others.into());
        shown.insert("refunds".to_owned(), self.refunds.iter().map(said::refund).collect());
        shown.insert("deliveries".to_owned(), deliveries.into());
        shown.insert("attempts".to_owned(), json!(attempts));
        shown.insert("incidents".to_owned(), incidents.into());
        shown.into()
    }
}

pub(crate) fn members(record: &Record) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(members)) => members,
        // A record is an object. Its extras were checked when they arrived.
        Ok(_) | Err(_) => Map::new(),
    }
}

fn read_request(call: &Call<'_>) -> Result<RecordsRequest, Problem> {
    let parameter = |name: &str| query_parameter(call.request, name).filter(|text| !text.is_empty());
    let bill = parameter("billNum").map(|bill| BillNum::parse(&bill)).transpose();
    let channel = parameter("channel").map(|name| ChannelFilter::find(&name).ok_or(Wrong::Channel));
    let status = parameter("status").map(|name| Status::find(&name).ok_or(Wrong::Status));
    let time = |name: &str| {
        let read = |text: Cow<'_, str>| text.parse().ok().and_then(|ms| Timestamp::from_ms(ms).ok());
        parameter(name).map(|text| read(text).ok_or_else(|| Problem::field(name, Wrong::Time)))
    };
    let (start, end) = (time("startTime").transpose()?, time("endTime").transpose()?);
    if start.zip(end).is_some_and(|(start, end)| start > end) {
        return Err(Problem::field("endTime", Wrong::EndBeforeStart));
    }
    let limit = parameter("limit").map(|text| {
        let limit = text.parse().ok().filter(|limit| (1..=RecordsRequest::LIMIT_MAX).contains(limit));
        limit.ok_or_else(|| {
            let max = i64::try_from(RecordsRequest::LIMIT_MAX).unwrap_or(i64::MAX);
            Problem::field("limit", Wrong::Limit { max })
        })
    });
    Ok(RecordsRequest {
        filter: RecordsFilter {
            channel: channel.transpose().map_err(|problem| Problem::field("channel", problem))?,
            bill: bill.map_err(|error| Problem::field("billNum", Wrong::from(error)))?,
            status: status.transpose().map_err(|problem| Problem::field("status", problem))?,
            only_paid: false,
            start,
            end,
        },
        order: RecordsOrder::NewestFirst,
        skip: 0,
        limit: limit.transpose()?.unwrap_or(RecordsRequest::LIMIT_DEFAULT),
    })
}
