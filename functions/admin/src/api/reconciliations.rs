//! Reconciliations: which days were compared with the providers' bills, which days are owed, and the differences.

use domain::{AppAccount, AppId, Day, Handled, Timestamp};
use http::StatusCode;
use runtime::{Reply, json, query_parameter};
use serde_json::{Value, json};
use store::{DayKey, DaySeen, OwedDay, Reconciled, ReconciliationEntry, ReconciliationFilter, ReconciliationPage};

use super::{call::Call, handled, problem::Problem, routes::NamedDay, said, wrong::Wrong};

/// `GET /apps/{appId}/reconciliations?mode=&day=&entries=&cursor=`, newest day first: a line for each day of an account, compared or owed,
/// and one for each difference, unless `entries` is `days`.
pub(crate) async fn list(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    call.load_app(&app).await?;
    let (filter, cursor) = (read_filter(call)?, call.cursor()?);
    let ReconciliationPage { entries, next } =
        call.deps.services.store.reconciliations(&app, mode, &filter, cursor.as_ref()).await?;
    let items: Vec<Value> = entries.iter().map(|entry| shown(entry, call.now)).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items, "cursor": next })))
}

fn read_filter(call: &Call<'_>) -> Result<ReconciliationFilter, Problem> {
    let parameter = |name: &str| query_parameter(call.request, name).filter(|text| !text.is_empty());
    let day = parameter("day").map(|text| Day::parse(&text).ok_or_else(|| Problem::field("day", Wrong::Day)));
    let days_only = match parameter("entries").as_deref() {
        None | Some("all") => false,
        Some("days") => true,
        Some(found) => {
            let (words, found) = ("all, days".to_owned(), found.to_owned());
            return Err(Problem::field("entries", Wrong::OneOf { words, found }));
        }
    };
    Ok(ReconciliationFilter { day: day.transpose()?, days_only })
}

/// `POST /apps/{appId}/reconciliations/{day}/{tab}/{account}/ask?mode=`: the next sweep compares the day, however old it is.
pub(crate) async fn ask(call: &Call<'_>, app: AppId, named: NamedDay) -> Result<Reply, Problem> {
    let key = key(call, app, named).await?;
    ask_for(call, &key).await?;
    shown_day(call, &key).await
}

/// `PUT /apps/{appId}/reconciliations/{day}/{tab}/{account}/handled?mode= {"note"?,"seen"?}`: the caller dealt with the day. With `seen`, the
/// state that the caller saw, nobody marks a day whose differences came after the page was read.
pub(crate) async fn handle(call: &Call<'_>, app: AppId, named: NamedDay) -> Result<Reply, Problem> {
    let (noted, seen) = (handled::read(call)?, read_seen(call)?);
    let key = key(call, app, named).await?;
    let store = &call.deps.services.store;
    if store.handle_day(&key, seen, &noted).await? {
        return shown_day(call, &key).await;
    }
    match store.find_day(&key).await? {
        Some(ReconciliationEntry::Day(.., Some(before)) | ReconciliationEntry::Owed(.., Some(before))) => {
            // If the answer to the write was lost, the note that is there is this one.
            if before == noted { shown_day(call, &key).await } else { Err(handled::taken(&before)) }
        }
        Some(_) => Err(Problem::conflict(Wrong::ChangedByOther)),
        None => Err(Problem::not_found("day")),
    }
}

fn read_seen(call: &Call<'_>) -> Result<Option<DaySeen>, Problem> {
    let body = call.object()?;
    let Some(word) = body.get("seen") else { return Ok(None) };
    match word.as_str() {
        Some("compared") => Ok(Some(DaySeen::Compared)),
        Some("owed" | "missed") => Ok(Some(DaySeen::Owed)),
        _ => {
            let words = "compared, owed, missed".to_owned();
            Err(Problem::field("seen", Wrong::OneOf { words, found: word.to_string() }))
        }
    }
}

/// `DELETE /apps/{appId}/reconciliations/{day}/{tab}/{account}/handled?mode=`: the day is open again.
pub(crate) async fn reopen(call: &Call<'_>, app: AppId, named: NamedDay) -> Result<Reply, Problem> {
    let key = key(call, app, named).await?;
    let store = &call.deps.services.store;
    if store.reopen_day(&key).await? {
        return shown_day(call, &key).await;
    }
    let found = store.find_day(&key).await?;
    Err(found.map_or_else(|| Problem::not_found("day"), |_| Problem::conflict(Wrong::NotHandled)))
}

async fn key(call: &Call<'_>, app: AppId, named: NamedDay) -> Result<DayKey, Problem> {
    let mode = call.mode()?;
    call.load_app(&app).await?;
    let NamedDay { day, tab, account } = named;
    Ok(DayKey { account: AppAccount { app, mode, tab, number: account }, day })
}

async fn shown_day(call: &Call<'_>, key: &DayKey) -> Result<Reply, Problem> {
    let found = call.deps.services.store.find_day(key).await?.ok_or_else(|| Problem::not_found("day"))?;
    Ok(json(StatusCode::OK, &shown(&found, call.now)))
}

/// Makes the next sweep compare a day, if the day is owed.
pub(crate) async fn ask_for(call: &Call<'_>, key: &DayKey) -> Result<(), Problem> {
    let store = &call.deps.services.store;
    if store.ask_for_day(key, call.now).await? {
        return Ok(());
    }
    match store.find_day(key).await? {
        Some(_) => Err(Problem::conflict(Wrong::DayCompared)),
        None => Err(Problem::not_found("day that is owed")),
    }
}

fn shown(entry: &ReconciliationEntry, now: Timestamp) -> Value {
    match entry {
        ReconciliationEntry::Day(done, owed, handled) => compared_day(done, owed.as_ref(), handled.as_ref()),
        ReconciliationEntry::Owed(key, owed, handled) => owed_day(key, owed, handled.as_ref(), now),
        ReconciliationEntry::Difference(tab, day, found) => json!({
            "type": "difference",
            "day": day.as_str(),
            "tab": tab.name(),
            "kind": found.kind.name(),
            "id": found.transaction.as_ref().map(|id| id.as_str()),
            "billNum": found.bill.as_ref().map(|bill| bill.as_str()),
            "feeHere": found.here.map(|fee| fee.get()),
            "feeThere": found.there.map(|fee| fee.get()),
            "refundNum": found.refund_num,
            "line": found.line.as_ref().map(|line| {
                let members = json!({ "file": line.file, "number": line.number, "excerpt": line.excerpt });
                said::with(members, said::text("problem", Some(&line.problem)))
            }),
        }),
    }
}

fn compared_day(done: &Reconciled, owed: Option<&OwedDay>, handled: Option<&Handled>) -> Value {
    let members = json!({
        "type": "day",
        "state": "compared",
        "day": done.day.as_str(),
        "tab": done.tab.name(),
        "account": done.account.get(),
        "time": done.done_at.ms(),
        "owedTime": owed.map(|owed| owed.since.ms()),
        "tries": owed.map_or(1, |owed| owed.tries),
        "lines": done.lines,
        "differences": done.differences,
        "truncated": done.is_truncated(),
        "handled": handled::shown(handled),
    });
    said::with(members, said::text("problem", owed.and_then(|owed| owed.problem.as_ref())))
}

fn owed_day(key: &DayKey, owed: &OwedDay, handled: Option<&Handled>, now: Timestamp) -> Value {
    let members = json!({
        "type": "owed-day",
        "state": if key.day.is_given_up(now) { "missed" } else { "owed" },
        "day": key.day.as_str(),
        "tab": key.account.tab.name(),
        "account": key.account.number.get(),
        "owedTime": owed.since.ms(),
        "tries": owed.tries,
        "triedTime": owed.tried_at.map(Timestamp::ms),
        "handled": handled::shown(handled),
    });
    said::with(members, said::text("problem", owed.problem.as_ref()))
}
