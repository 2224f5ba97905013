//! What an operator can do with one transaction: ask the provider, close it, refund it. The flows are those of the merchant's back office.

use std::sync::Arc;

use domain::{
    AppId, Record, Refund, RefundNum, RefundRefusal, RefundRequest, Transaction, TransactionId, TransactionKey,
    is_current,
};
use http::StatusCode;
use runtime::{ApiError, ConfiguredApp, Reply, error_chain, json};
use serde_json::{Value, json};
use settlement::{ASKING_BOUNDS, Closed, QueryOutcome, RefundAsked};
use tracing::warn;

use super::{call::Call, problem::Problem, proposed_refunds, said, transactions, wrong::Wrong};

/// A payment has few open refunds; this is only a safety limit.
const REFUNDS_MAX: usize = 8;

/// `POST /apps/{appId}/transactions/{id}/sync?mode&billNum`: asks the provider now about the payment and its open refunds, and settles the
/// answers.
pub(crate) async fn sync(call: &Call<'_>, app: AppId, id: TransactionId) -> Result<Reply, Problem> {
    let Loaded { configured, transaction } = load(call, &app, &id).await?;
    let asked = settlement::ask(&call.deps.settlement(), &configured, &transaction, ASKING_BOUNDS).await;
    let word = match asked.map_err(refused)? {
        QueryOutcome::Pending => "pending",
        QueryOutcome::Closed | QueryOutcome::Settled => "settled",
        QueryOutcome::Mismatched(_) => "misfit",
    };
    let refunds = refunds_of(call, &transaction).await?.into_iter().filter(|refund| refund.status.is_open());
    for refund in refunds.take(REFUNDS_MAX) {
        match settlement::continue_refund(&call.deps.settlement(), &configured, refund, ASKING_BOUNDS).await {
            // The provider said how the refund ended, and that was the question.
            Ok(_) | Err(ApiError::RefundFailed { .. }) => {}
            Err(error) => return Err(refused(error)),
        }
    }
    let Loaded { transaction: now, .. } = load(call, &app, &id).await?;
    Ok(json(StatusCode::OK, &json!({ "result": word, "transaction": Record::from(now) })))
}

/// `POST /apps/{appId}/transactions/{id}/close?mode&billNum`
pub(crate) async fn close(call: &Call<'_>, app: AppId, id: TransactionId) -> Result<Reply, Problem> {
    let Loaded { configured, transaction } = load(call, &app, &id).await?;
    if transaction.status.is_paid() {
        return Err(Problem::conflict(Wrong::Paid));
    }
    if is_current(&transaction) {
        // The page of the bill would open another order.
        let TransactionKey { app, mode, bill, .. } = &transaction.key;
        call.deps.services.store.close_checkout(app, *mode, bill, call.now).await?;
    }
    match settlement::close(&call.deps.settlement(), &configured, &transaction, ASKING_BOUNDS).await.map_err(refused)? {
        Closed::Closed(closed, _) => Ok(json(StatusCode::OK, &Record::from(*closed))),
        Closed::Paid(_) => Err(Problem::conflict(Wrong::Paid)),
        Closed::Refused { code, words } => Err(Problem::conflict(Wrong::NotClosed { code, words })),
    }
}

/// `POST /apps/{appId}/transactions/{id}/refund?mode&billNum {"refundNum"?,"refundFee","reason"?}`. Without `refundNum` the refund gets a
/// generated number; two such calls are two refunds. Above the limit of operators it waits for an owner's approval (202).
pub(crate) async fn refund(call: &Call<'_>, app: AppId, id: TransactionId) -> Result<Reply, Problem> {
    let mut body = call.object()?;
    let Loaded { configured, transaction } = load(call, &app, &id).await?;
    let own = RefundNum::parse(&format!("op-{}", call.deps.services.random.text::<12>()?.replace(['-', '_'], "x")));
    if let Some(own) = own.filter(|_| !body.contains_key("refundNum")) {
        body.insert("refundNum".to_owned(), own.as_str().into());
    }
    let key = &transaction.key;
    body.insert("billNum".to_owned(), key.bill.as_str().into());
    body.insert("channel".to_owned(), key.channel.name().into());
    body.insert("id".to_owned(), transaction.id.as_str().into());
    let request =
        RefundRequest::parse(Value::Object(body).to_string().as_bytes()).map_err(|error| refused(error.into()))?;
    let allowance = proposed_refunds::allowance(call, &configured);
    let proposed = proposed_refunds::waiting(call, &app, key.mode, &request).await?;
    let asked = RefundAsked {
        mode: key.mode,
        request: &request,
        allowance: allowance.as_ref(),
        proposed: proposed.as_ref(),
        bounds: ASKING_BOUNDS,
    };
    match Box::pin(settlement::refund(&call.deps.settlement(), &configured, asked)).await {
        Ok(refund) => Ok(json(StatusCode::OK, &said::refund(&refund))),
        Err(ApiError::Refund(RefundRefusal::AboveLimit { .. })) => {
            let proposed = proposed_refunds::propose(call, &transaction, &request).await?;
            Ok(json(StatusCode::ACCEPTED, &proposed_refunds::show(&proposed)))
        }
        Err(error) => Err(refused(error)),
    }
}

/// `POST /apps/{appId}/transactions/{id}/give-up?mode&billNum {"refundNum"}`: ends a refund that waits for the merchant's balance, after
/// the provider confirmed that no part of it moved.
pub(crate) async fn give_up(call: &Call<'_>, app: AppId, id: TransactionId) -> Result<Reply, Problem> {
    let body = call.object()?;
    let num = body.get("refundNum").and_then(Value::as_str).and_then(RefundNum::parse);
    let num = num.ok_or_else(|| Problem::field("refundNum", Wrong::RefundNum))?;
    let Loaded { configured, transaction } = load(call, &app, &id).await?;
    let refund = refunds_of(call, &transaction).await?.into_iter().find(|refund| refund.num == num);
    let refund = refund.ok_or_else(|| Problem::not_found("refund"))?;
    let given_up = settlement::give_up(&call.deps.settlement(), &configured, refund, ASKING_BOUNDS).await;
    Ok(json(StatusCode::OK, &said::refund(&given_up.map_err(refused)?)))
}

async fn refunds_of(call: &Call<'_>, payment: &Transaction) -> Result<Vec<Refund>, Problem> {
    let key = &payment.key;
    let bill = call.deps.services.store.load_whole_bill(&key.app, key.mode, &key.bill).await?;
    Ok(bill.refunds.into_iter().filter(|refund| refund.transaction == payment.id).collect())
}

/// A transaction, with the settings of its app.
pub(crate) struct Loaded {
    pub(crate) configured: Arc<ConfiguredApp>,
    pub(crate) transaction: Transaction,
}

pub(crate) async fn load(call: &Call<'_>, app: &AppId, id: &TransactionId) -> Result<Loaded, Problem> {
    let mode = call.mode()?;
    let bill = transactions::bill_of(call, app, mode, id).await?;
    let bill = call.deps.services.store.load_bill(app, mode, &bill).await?;
    let transaction =
        bill.tries.into_iter().find(|one| one.id == *id).ok_or_else(|| Problem::not_found("transaction"))?;
    let configured = call.deps.services.apps.find(app, call.now).await?.ok_or_else(|| Problem::not_found("app"))?;
    Ok(Loaded { configured, transaction })
}

/// The status for an error that the wire contract reports as a code: the caller's fault, a conflict with the present state, or the
/// provider's fault.
pub(crate) fn refused(error: ApiError) -> Problem {
    match error {
        ApiError::Store(error) => error.into(),
        ApiError::Settings(error) => error.into(),
        ApiError::Random(error) => error.into(),
        ApiError::Request(error) => Problem::from(error),
        ApiError::Refund(refusal) => {
            let field = if matches!(refusal, RefundRefusal::Reserved { .. }) { "refundNum" } else { "refundFee" };
            Problem::field(field, Wrong::Refused { why: refusal.into() })
        }
        ApiError::Credentials(_)
        | ApiError::NotConfigured { .. }
        | ApiError::NothingToOffer { .. }
        | ApiError::Retired { .. }
        | ApiError::Body(_)
        | ApiError::Bill(_)
        | ApiError::ClientBound(_)
        | ApiError::RefundFailed { .. }
        | ApiError::RefundKept { .. }
        | ApiError::NotClosed { .. }
        | ApiError::Provider(_)
        | ApiError::Outbound(_) => {
            warn!("an operator's call was refused: {}", error_chain(&error));
            Problem::conflict(Wrong::Refused { why: error.said() })
        }
    }
}
