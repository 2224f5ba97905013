//! Incidents: reports of providers that are genuine and did not fit.

use domain::AppId;
use http::StatusCode;
use runtime::{Reply, json, query_parameter};
use serde_json::{Value, json};

use crate::{Call, problem::Problem};

/// `GET /apps/{appId}/incidents?mode=&cursor=`, newest first.
pub(crate) async fn list(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    call.load_app(&app).await?;
    let cursor = query_parameter(call.request, "cursor");
    let page = call.deps.base.store.incidents(&app, mode, cursor.as_deref()).await?;
    let items: Vec<Value> = page
        .incidents
        .iter()
        .map(|incident| {
            json!({
                "billNum": incident.key.bill.as_str(),
                "channel": incident.key.channel.name(),
                "kind": incident.kind,
                "problem": incident.problem,
                "time": incident.seen_at.ms(),
            })
        })
        .collect();
    Ok(json(StatusCode::OK, &json!({ "items": items, "cursor": page.cursor })))
}
