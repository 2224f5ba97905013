//! Reconciliations: which days were compared with the providers' bills, and what differed.

use domain::AppId;
use http::StatusCode;
use runtime::{Reply, json};
use serde_json::{Value, json};
use store::ReconciliationEntry;

use crate::{Call, problem::Problem};

/// `GET /apps/{appId}/reconciliations?mode=&cursor=`, newest day first: a line for each day of an account, and one for each
/// difference.
pub(crate) async fn list(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    call.load_app(&app).await?;
    let cursor = call.cursor()?;
    let (entries, next) = call.deps.base.store.reconciliations(&app, mode, cursor.as_ref()).await?;
    let items: Vec<Value> = entries.iter().map(shown).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items, "cursor": next })))
}

fn shown(entry: &ReconciliationEntry) -> Value {
    match entry {
        ReconciliationEntry::Day(done) => json!({
            "type": "day",
            "day": done.day.as_str(),
            "tab": done.tab.name(),
            "account": done.account.get(),
            "time": done.done_at.ms(),
            "lines": done.lines,
            "differences": done.differences,
            "truncated": done.is_truncated(),
        }),
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
            "line": found.line.as_ref().map(|line| json!({
                "file": line.file,
                "number": line.number,
                "problem": line.problem,
                "excerpt": line.excerpt,
            })),
        }),
    }
}
