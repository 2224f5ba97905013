//! Reconciliations: which days were compared with the providers' bills, which days are owed, and the differences.

use domain::{AppAccount, AppId, Timestamp};
use http::StatusCode;
use runtime::{Reply, json};
use serde_json::{Value, json};
use store::{DayKey, OwedDay, Reconciled, ReconciliationEntry, ReconciliationPage};

use super::{call::Call, problem::Problem, routes::NamedDay, said, wrong::Wrong};

/// `GET /apps/{appId}/reconciliations?mode=&cursor=`, newest day first: a line for each day of an account, compared or owed, and one for
/// each difference.
pub(crate) async fn list(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    call.load_app(&app).await?;
    let cursor = call.cursor()?;
    let ReconciliationPage { entries, next } =
        call.deps.services.store.reconciliations(&app, mode, cursor.as_ref()).await?;
    let items: Vec<Value> = entries.iter().map(|entry| shown(entry, call.now)).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items, "cursor": next })))
}

/// `POST /apps/{appId}/reconciliations/{day}/{tab}/{account}/ask?mode=`: the next sweep compares the day, however old it is.
pub(crate) async fn ask(call: &Call<'_>, app: AppId, named: NamedDay) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    call.load_app(&app).await?;
    let NamedDay { day, tab, account } = named;
    let key = DayKey { account: AppAccount { app, mode, tab, number: account }, day };
    let owed = ask_for(call, &key).await?;
    Ok(json(StatusCode::OK, &owed_day(&key, &owed, call.now)))
}

/// Makes the next sweep compare a day, if the day is owed.
pub(crate) async fn ask_for(call: &Call<'_>, key: &DayKey) -> Result<OwedDay, Problem> {
    let store = &call.deps.services.store;
    if store.ask_for_day(key, call.now).await?
        && let Some(owed) = store.find_owed_day(key).await?
    {
        return Ok(owed);
    }
    if store.has_day(key).await? {
        return Err(Problem::conflict(Wrong::DayCompared));
    }
    Err(Problem::not_found("day that is owed"))
}

fn shown(entry: &ReconciliationEntry, now: Timestamp) -> Value {
    match entry {
        ReconciliationEntry::Day(done, owed) => compared_day(done, owed.as_ref()),
        ReconciliationEntry::Owed(key, owed) => owed_day(key, owed, now),
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

fn compared_day(done: &Reconciled, owed: Option<&OwedDay>) -> Value {
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
    });
    said::with(members, said::text("problem", owed.and_then(|owed| owed.problem.as_ref())))
}

fn owed_day(key: &DayKey, owed: &OwedDay, now: Timestamp) -> Value {
    let members = json!({
        "type": "owed-day",
        "state": if key.day.is_given_up(now) { "missed" } else { "owed" },
        "day": key.day.as_str(),
        "tab": key.account.tab.name(),
        "account": key.account.number.get(),
        "owedTime": owed.since.ms(),
        "tries": owed.tries,
        "triedTime": owed.tried_at.map(Timestamp::ms),
    });
    said::with(members, said::text("problem", owed.problem.as_ref()))
}
