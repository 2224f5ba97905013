//! Finds payments by one text, in both modes at once. As it is written: a bill number, an id, a refund's number. Then the provider's own
//! number, if the text looks like one. Else bill numbers and ids that begin with it, whatever their case, in a walk through the lists.
//!
//! Nothing is written, and no index is kept for it: a payment costs the same as before.

use std::borrow::Cow;

use domain::{
    AppId, BillNum, Mode, ProviderTradeNo, Record, RecordsFilter, RecordsOrder, RecordsRequest, RefundNum, Timestamp,
    TransactionId,
};
use futures_util::future::{try_join, try_join_all};
use http::StatusCode;
use runtime::{Reply, json, query_parameter};
use serde_json::{Value, json};
use store::{RecordsPage, RecordsPosition, RecordsQuery, StoredApp};

use super::{
    call::Call,
    find_at_provider::{self, AskedAccount},
    page::{channels_ever, parse_cursor, write_cursor},
    problem::Problem,
    transactions,
    wrong::Wrong,
};
use crate::deps::Deps;

/// A walk reads at most this many rows of each mode. Then it stops, and its cursor goes on from there.
const WALK_ROWS: usize = 2000;

/// A walk stops when it has found this many.
const FOUND_MAX: usize = 25;

/// The characters of an id.
const ID_CHARS: usize = 24;

domain::closed_list! {
    /// By what a payment was found.
    pub(crate) enum FoundBy {
        /// The merchant's order number, as written.
        BillNum = "billNum",
        /// Our id, alone or at the beginning of a provider's number for a refund.
        Id = "id",
        /// The merchant's number of one of its refunds, as written.
        RefundNum = "refundNum",
        /// The provider's own number.
        TradeNo = "tradeNo",
        /// The beginning of its bill number or of its id.
        Beginning = "beginning",
    }
}

/// What is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    /// The text, without blanks around it.
    pub(crate) text: String,
    /// Whether numbers that begin with the text are looked for, although something has it as it is written.
    pub(crate) only_beginnings: bool,
    /// The period in which beginnings are looked for.
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
    /// Where a walk goes on.
    pub(crate) from: Option<RecordsPosition>,
}

/// A payment that was found.
#[derive(Clone, Debug)]
pub(crate) struct FoundPayment {
    pub(crate) by: FoundBy,
    pub(crate) mode: Mode,
    pub(crate) record: Record,
}

/// What a search found.
#[derive(Debug, Default)]
pub(crate) struct SearchResult {
    /// Newest first, each payment once.
    pub(crate) found: Vec<FoundPayment>,
    /// The accounts at the providers that were asked, and what they said.
    pub(crate) asked: Vec<AskedAccount>,
    /// Whether the lists were walked for beginnings.
    pub(crate) walked: bool,
    /// Where the walk goes on; `None` at its end.
    pub(crate) next: Option<RecordsPosition>,
}

/// `GET /apps/{appId}/find?text&beginnings&startTime&endTime&cursor`
pub(crate) async fn find(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let found = call.load_app(&app).await?;
    let search = read_search(call)?;
    let result = search_for(call.deps, &found, &search, call.now).await?;
    let items: Vec<Value> = result.found.iter().map(show).collect();
    let asked: Vec<Value> = result.asked.iter().map(AskedAccount::show).collect();
    let next = result.next.as_ref();
    let answer = json!({
        "items": items,
        "asked": asked,
        "cursor": next.map(write_cursor),
        "walkedTo": next.map(|next| next.created_at.ms()),
    });
    Ok(json(StatusCode::OK, &answer))
}

/// Looks for the text: as it is written, then at the providers, then as a beginning. What was found first is the answer.
pub(crate) async fn search_for(
    deps: &Deps,
    found: &StoredApp,
    search: &Search,
    now: Timestamp,
) -> Result<SearchResult, Problem> {
    let mut result = SearchResult::default();
    if !search.only_beginnings && search.from.is_none() {
        let in_modes = try_join_all(Mode::ALL.map(|mode| as_written(deps, found, mode, &search.text))).await?;
        result.found = in_modes.into_iter().flatten().collect();
        if result.found.is_empty()
            && let Some(number) = ProviderTradeNo::parse(&search.text)
        {
            result.asked = find_at_provider::ask(deps, found, &number, now).await?;
            result.found = of_providers(deps, found, &result.asked).await?;
        }
        // Who found the number knows what it is, even if the payment is not of this app.
        if !result.found.is_empty() || result.asked.iter().any(|asked| asked.order().is_some()) {
            newest_first(&mut result.found);
            return Ok(result);
        }
    }
    result.walked = true;
    (result.found, result.next) = walk(deps, found, search).await?;
    Ok(result)
}

/// What has exactly this number, in one mode.
async fn as_written(deps: &Deps, found: &StoredApp, mode: Mode, text: &str) -> Result<Vec<FoundPayment>, Problem> {
    let store = &deps.services.store;
    let app = &found.app.id;
    let of_bill = async {
        let Ok(bill) = BillNum::parse(text) else { return Ok(Vec::new()) };
        let tries = store.load_bill(app, mode, &bill).await?.tries;
        Ok::<_, Problem>(tries.into_iter().map(Record::from).collect())
    };
    let of_refund = async {
        let Some(num) = RefundNum::parse(text) else { return Ok(None) };
        let Some(refund) = store.find_refund_by_num(app, mode, &num).await? else { return Ok(None) };
        let tries = store.load_bill(app, mode, &refund.key.bill).await?.tries;
        Ok::<_, Problem>(tries.into_iter().find(|one| one.id == refund.transaction).map(Record::from))
    };
    let of_id = async {
        match id_in(text) {
            Some(id) => by_id(deps, found, mode, &id).await,
            None => Ok(None),
        }
    };
    let ((bills, refund), id) = try_join(try_join(of_bill, of_refund), of_id).await?;
    let payment = |by| move |record| FoundPayment { by, mode, record };
    let mut payments: Vec<FoundPayment> = bills.into_iter().map(payment(FoundBy::BillNum)).collect();
    payments.extend(id.map(payment(FoundBy::Id)));
    payments.extend(refund.map(payment(FoundBy::RefundNum)));
    Ok(payments)
}

async fn by_id(deps: &Deps, found: &StoredApp, mode: Mode, id: &TransactionId) -> Result<Option<Record>, Problem> {
    let channels = channels_ever(found, mode);
    Ok(deps.services.store.find_record(&found.app.id, mode, &found.app.shards, &channels, id).await?)
}

/// The id that a text is, or begins with: WeChat Pay and UnionPay list our refunds under the payment's id and something behind it.
fn id_in(text: &str) -> Option<TransactionId> {
    let id = text.get(..ID_CHARS)?;
    TransactionId::parse(&id.to_ascii_lowercase()).ok()
}

/// The payments of this app that providers named.
async fn of_providers(deps: &Deps, found: &StoredApp, asked: &[AskedAccount]) -> Result<Vec<FoundPayment>, Problem> {
    let named = asked.iter().filter_map(|asked| Some((asked.mode, TransactionId::parse(asked.order()?).ok()?)));
    let looked_up = named.map(|(mode, id)| async move {
        let record = by_id(deps, found, mode, &id).await?;
        Ok::<_, Problem>(record.map(|record| FoundPayment { by: FoundBy::TradeNo, mode, record }))
    });
    Ok(try_join_all(looked_up).await?.into_iter().flatten().collect())
}

/// Each payment once, newest first. What found it first stays.
fn newest_first(found: &mut Vec<FoundPayment>) {
    let mut seen = std::collections::HashSet::new();
    found.retain(|one| seen.insert((one.mode, one.record.id.clone())));
    found.sort_by_key(|one| std::cmp::Reverse(place(&one.record)));
}

/// Walks the lists of both modes, newest first, and keeps what begins with the text.
async fn walk(
    deps: &Deps,
    found: &StoredApp,
    search: &Search,
) -> Result<(Vec<FoundPayment>, Option<RecordsPosition>), Problem> {
    let pages = try_join_all(Mode::ALL.map(|mode| page(deps, found, mode, search))).await?;
    // The part of a list behind the place where the other one stopped is read with the next page of both.
    let stopped =
        pages.iter().filter_map(|page| page.next.clone()).max_by_key(|next| (next.created_at, next.id.clone()));
    let mut next = stopped.clone();
    let is_read = |record: &Record| {
        stopped.as_ref().is_none_or(|stopped| place(record) > (stopped.created_at, stopped.id.clone()))
    };
    let beginning = search.text.to_lowercase();
    let fits = |record: &Record| {
        record.bill.as_str().to_lowercase().starts_with(&beginning) || record.id.as_str().starts_with(&beginning)
    };
    let of_mode = |(mode, page): (Mode, RecordsPage)| {
        let records = page.records.into_iter().filter(|record| fits(record) && is_read(record));
        records.map(move |record| FoundPayment { by: FoundBy::Beginning, mode, record }).collect::<Vec<_>>()
    };
    let mut all: Vec<FoundPayment> = Mode::ALL.into_iter().zip(pages).flat_map(of_mode).collect();
    newest_first(&mut all);
    if let Some(beyond) = all.get(FOUND_MAX) {
        next = Some(RecordsPosition { created_at: beyond.record.created_at, id: beyond.record.id.clone() });
    }
    all.truncate(FOUND_MAX);
    Ok((all, next))
}

/// A long page of one mode.
async fn page(deps: &Deps, found: &StoredApp, mode: Mode, search: &Search) -> Result<RecordsPage, Problem> {
    let filter = RecordsFilter { start: search.start, end: search.end, ..RecordsFilter::default() };
    let request = RecordsRequest { filter, order: RecordsOrder::NewestFirst, skip: 0, limit: WALK_ROWS };
    let query = RecordsQuery { app: &found.app, mode, channels: channels_ever(found, mode), request: &request };
    Ok(deps.services.store.records_page(&query, search.from.as_ref()).await?)
}

fn place(record: &Record) -> (Timestamp, TransactionId) {
    (record.created_at, record.id.clone())
}

fn show(found: &FoundPayment) -> Value {
    let mut shown = transactions::members(&found.record);
    shown.insert("mode".to_owned(), found.mode.name().into());
    shown.insert("foundBy".to_owned(), found.by.name().into());
    shown.into()
}

fn read_search(call: &Call<'_>) -> Result<Search, Problem> {
    let parameter = |name: &str| query_parameter(call.request, name).filter(|text| !text.is_empty());
    let text = parameter("text").map(|text| text.trim().to_owned()).unwrap_or_default();
    if BillNum::parse(&text).is_err() {
        return Err(Problem::field("text", Wrong::SearchText { chars_max: BillNum::CHARS_MAX }));
    }
    let only_beginnings = match parameter("beginnings").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(found) => return Err(Problem::field("beginnings", Wrong::Switch { found: found.to_owned() })),
    };
    let time = |name: &str| {
        let read = |text: Cow<'_, str>| text.parse().ok().and_then(|ms| Timestamp::from_ms(ms).ok());
        parameter(name).map(|text| read(text).ok_or_else(|| Problem::field(name, Wrong::Time))).transpose()
    };
    let (start, end) = (time("startTime")?, time("endTime")?);
    if start.zip(end).is_some_and(|(start, end)| start > end) {
        return Err(Problem::field("endTime", Wrong::EndBeforeStart));
    }
    let from = parameter("cursor").map(|cursor| parse_cursor(&cursor)).transpose()?;
    Ok(Search { text, only_beginnings, start, end, from })
}

#[cfg(test)]
mod tests {
    use super::id_in;

    #[test]
    #[rustfmt::skip]
    fn an_id_is_found_in_what_providers_make_of_it() {
        const CASES: &[(&str, Option<&str>)] = &[
            ("568b33a0f7e4beba9244a8e0",           Some("568b33a0f7e4beba9244a8e0")),
            ("568B33A0F7E4BEBA9244A8E0",           Some("568b33a0f7e4beba9244a8e0")),
            ("568b33a0f7e4beba9244a8e0-R1",        Some("568b33a0f7e4beba9244a8e0")),
            ("568b33a0f7e4beba9244a8e09dada232",   Some("568b33a0f7e4beba9244a8e0")),
            ("568b33a0f7e4beba9244a8e",            None),
            ("单号单号单号单号",                        None),
            ("SO-1",                               None),
        ];
        for (text, expect) in CASES {
            assert_eq!(id_in(text).as_ref().map(domain::TransactionId::as_str), *expect, "{text}");
        }
    }
}
