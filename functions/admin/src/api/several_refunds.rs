//! Several refunds by one call. They are begun here, and the sweep sends them, so that no call waits for twenty answers of a provider.

use std::sync::Arc;

use domain::{AppId, Mode, RefundNum, RefundRefusal, RefundRequest, TransactionId};
use http::StatusCode;
use runtime::{ApiError, ConfiguredApp, Random, RandomError, Reply, json};
use serde_json::{Map, Value, json};
use settlement::{ASKING_BOUNDS, RefundAsked};

use super::{call::Call, problem::Problem, proposed_refunds, said, transaction_actions::refused, wrong::Wrong};

/// Each refund is some calls of the storage.
pub(crate) const REFUNDS_MAX: usize = 20;

/// `POST /apps/{appId}/refunds?mode {"batch","reason"?,"refunds":[{"billNum","id","refundFee"}]}`. Each refund gets the number
/// `<batch>-<id>`, so the same call again begins nothing twice. Nothing is begun before every entry is read.
pub(crate) async fn begin(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    let requests = read(&call.object()?)?;
    let configured = call.deps.services.apps.find(&app, call.now).await?.ok_or_else(|| Problem::not_found("app"))?;
    let mut items = Vec::new();
    for request in &requests {
        items.push(begin_one(call, &configured, mode, request).await?);
    }
    Ok(json(StatusCode::OK, &json!({ "items": items })))
}

/// A name for a batch. Sent twice, the same batch refunds once.
pub(crate) fn new_batch(random: &Random) -> Result<String, RandomError> {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let bytes = random.bytes::<{ RefundNum::BATCH_CHARS }>()?;
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 36)).copied().map(char::from);
    Ok(bytes.iter().filter_map(letter).collect())
}

fn read(body: &Map<String, Value>) -> Result<Vec<RefundRequest>, Problem> {
    let batch = body.get("batch").and_then(Value::as_str).unwrap_or_default();
    let refunds = body.get("refunds").and_then(Value::as_array);
    let refunds = refunds.filter(|refunds| (1..=REFUNDS_MAX).contains(&refunds.len()));
    let refunds = refunds.ok_or_else(|| Problem::field("refunds", Wrong::Refunds { refunds_max: REFUNDS_MAX }))?;
    refunds.iter().map(|refund| read_one(refund, batch, body.get("reason"))).collect()
}

fn read_one(refund: &Value, batch: &str, reason: Option<&Value>) -> Result<RefundRequest, Problem> {
    let id = refund.get("id").and_then(Value::as_str).and_then(|id| TransactionId::parse(id).ok());
    let id = id.ok_or_else(|| Problem::field("refunds", Wrong::Refunds { refunds_max: REFUNDS_MAX }))?;
    let wrong = || Problem::field("batch", Wrong::Batch { chars: RefundNum::BATCH_CHARS });
    let num = RefundNum::of_batch(batch, &id).ok_or_else(wrong)?;
    let asked = json!({
        "refundNum": num.as_str(), "billNum": refund.get("billNum"), "id": id.as_str(),
        "refundFee": refund.get("refundFee"), "reason": reason,
    });
    RefundRequest::parse(asked.to_string().as_bytes()).map_err(Problem::from)
}

/// What became of one refund. An error that says nothing about the refund ends the call: the same call again goes on.
async fn begin_one(
    call: &Call<'_>,
    configured: &Arc<ConfiguredApp>,
    mode: Mode,
    request: &RefundRequest,
) -> Result<Value, Problem> {
    let result = |word: &str| json!({ "result": word, "refundNum": request.num.as_str() });
    let problem = match try_one(call, configured, mode, request).await {
        Ok(Became::Begun(refund)) => return Ok(said::with(result("begun"), said::object(refund))),
        Ok(Became::Proposed(proposed)) => return Ok(said::with(result("proposed"), said::object(proposed))),
        Err(problem) if problem.status.is_server_error() => return Err(problem),
        Err(problem) => problem,
    };
    let id = request.transaction.as_ref().map(TransactionId::as_str);
    let about = json!({ "billNum": request.bill.as_str(), "id": id, "refundFee": request.fee });
    Ok(said::with(said::with(result("refused"), said::object(about)), said::text("why", Some(problem.said()))))
}

/// What became of a refund that is allowed, as answers show it.
enum Became {
    Begun(Value),
    Proposed(Value),
}

async fn try_one(
    call: &Call<'_>,
    configured: &Arc<ConfiguredApp>,
    mode: Mode,
    request: &RefundRequest,
) -> Result<Became, Problem> {
    let allowance = proposed_refunds::allowance(call, configured);
    let proposed = proposed_refunds::waiting(call, &configured.app.id, mode, request).await?;
    let (allowance, proposed) = (allowance.as_ref(), proposed.as_ref());
    let asked = RefundAsked { mode, request, allowance, proposed, bounds: ASKING_BOUNDS };
    match Box::pin(settlement::begin_refund(&call.deps.settlement(), configured, asked)).await {
        Ok(refund) => Ok(Became::Begun(said::refund(&refund))),
        Err(ApiError::Refund(RefundRefusal::AboveLimit { .. })) => {
            propose(call, configured, mode, request).await.map(Became::Proposed)
        }
        Err(error) => Err(refused(error)),
    }
}

async fn propose(
    call: &Call<'_>,
    configured: &ConfiguredApp,
    mode: Mode,
    request: &RefundRequest,
) -> Result<Value, Problem> {
    let bill = call.deps.services.store.load_bill(&configured.app.id, mode, &request.bill).await?;
    let payment = bill.tries.into_iter().find(|one| Some(&one.id) == request.transaction.as_ref());
    let payment = payment.ok_or_else(|| Problem::not_found("transaction"))?;
    Ok(proposed_refunds::show(&proposed_refunds::propose(call, &payment, request).await?))
}
