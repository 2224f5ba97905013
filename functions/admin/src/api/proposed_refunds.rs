//! Refunds above the limit of operators. They wait until an owner approves or declines them.

use domain::{
    App, AppId, Day, Fen, Mode, OperatorRole, ProposedRefund, RefundAllowance, RefundNum, RefundRequest, Timestamp,
    Transaction, TransactionId,
};
use http::StatusCode;
use runtime::{ApiError, ConfiguredApp, Reply, json};
use serde_json::{Value, json};
use settlement::{ASKING_BOUNDS, RefundAsked};
use store::{Proposed, StoreError};

use super::{
    call::Call,
    problem::Problem,
    said,
    transaction_actions::{Loaded, load, refused},
    wrong::Wrong,
};

/// What this caller may refund today; `None` for an owner.
pub(crate) fn allowance(call: &Call<'_>, configured: &ConfiguredApp) -> Option<RefundAllowance> {
    allowance_of(&configured.app, call.who.role, call.now)
}

/// What this role may refund on the day of `now`; `None` for owners.
pub(crate) fn allowance_of(app: &App, role: OperatorRole, now: Timestamp) -> Option<RefundAllowance> {
    (role < OperatorRole::Owner).then(|| RefundAllowance { day: Day::of(now), limit: app.operator_refunds_per_day })
}

/// The proposal that a refund with this number carries out. The refund must be the one that was proposed.
pub(crate) async fn waiting(
    call: &Call<'_>,
    app: &AppId,
    mode: Mode,
    request: &RefundRequest,
) -> Result<Option<ProposedRefund>, Problem> {
    let waiting = call.deps.services.store.find_proposed_refund(app, mode, &request.num, call.now).await?;
    match waiting {
        Some(one) if !one.is_of(request) => Err(other_proposed(&one)),
        Some(_) | None => Ok(waiting),
    }
}

fn other_proposed(one: &ProposedRefund) -> Problem {
    Problem::conflict_at("refundNum", Wrong::OtherProposed { num: one.num.to_string() })
}

/// Keeps a refund that is above the limit. The same call again is answered with what is kept.
pub(crate) async fn propose(
    call: &Call<'_>,
    payment: &Transaction,
    request: &RefundRequest,
) -> Result<ProposedRefund, Problem> {
    let proposed = ProposedRefund {
        key: payment.key.clone(),
        transaction: payment.id.clone(),
        num: request.num.clone(),
        fee: request.fee,
        reason: request.reason.clone(),
        by: call.who.name(),
        at: call.now,
    };
    match call.deps.services.store.propose_refund(&proposed).await? {
        Proposed::Kept => Ok(proposed),
        Proposed::Known(known) if known.is_of(request) => Ok(*known),
        Proposed::Known(known) => Err(other_proposed(&known)),
        Proposed::Full => Err(Problem::conflict(Wrong::TooManyProposed)),
    }
}

pub(crate) fn show(proposed: &ProposedRefund) -> Value {
    let ProposedRefund { key, transaction, num, fee, reason, by, at } = proposed;
    json!({
        "refundNum": num.as_str(), "billNum": key.bill.as_str(), "id": transaction.as_str(), "channel": key.channel.name(),
        "refundFee": fee, "status": "proposed", "createdTime": at.ms(), "proposedBy": by, "reason": reason,
    })
}

/// `GET /apps/{appId}/refunds/proposed?mode`, the earliest first.
pub(crate) async fn list(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    call.load_app(&app).await?;
    let proposed = call.deps.services.store.proposed_refunds(&app, mode, call.now).await?;
    Ok(json(StatusCode::OK, &json!({ "items": proposed.iter().map(show).collect::<Vec<_>>() })))
}

/// `POST /apps/{appId}/transactions/{id}/approve-refund?mode&billNum {"refundNum","refundFee"}`: begins the refund, and ends the proposal with
/// it. The amount is what the owner saw. The same call again gets the same refund.
pub(crate) async fn approve(call: &Call<'_>, app: AppId, id: TransactionId) -> Result<Reply, Problem> {
    let num = read_num(call)?;
    let seen = call.object()?.get("refundFee").and_then(Value::as_i64).and_then(|fen| Fen::new(fen).ok());
    let seen = seen.ok_or_else(|| Problem::field("refundFee", Wrong::ProposedFee))?;
    let Loaded { configured, transaction: payment } = load(call, &app, &id).await?;
    let Found { fee, reason, proposed } = find(call, &payment, &num).await?;
    if fee != seen {
        return Err(Problem::conflict_at("refundFee", Wrong::ChangedByOther));
    }
    let key = &payment.key;
    let request = RefundRequest {
        bill: key.bill.clone(),
        channel: Some(key.channel),
        transaction: Some(payment.id.clone()),
        num,
        fee,
        reason,
    };
    let asked = RefundAsked {
        mode: key.mode,
        request: &request,
        allowance: None,
        proposed: proposed.as_ref(),
        bounds: ASKING_BOUNDS,
    };
    match Box::pin(settlement::refund(&call.deps.settlement(), &configured, asked)).await {
        Ok(refund) => Ok(json(StatusCode::OK, &said::refund(&refund))),
        // It was declined in this moment.
        Err(ApiError::Store(StoreError::Stale { .. })) => Err(Problem::conflict(Wrong::ChangedByOther)),
        Err(error) => Err(refused(error)),
    }
}

/// `POST /apps/{appId}/transactions/{id}/decline-refund?mode&billNum {"refundNum"}`. Operators may withdraw what they proposed themselves.
pub(crate) async fn decline(call: &Call<'_>, app: AppId, id: TransactionId) -> Result<Reply, Problem> {
    let num = read_num(call)?;
    let Loaded { transaction: payment, .. } = load(call, &app, &id).await?;
    let Found { proposed, .. } = find(call, &payment, &num).await?;
    let proposed = proposed.ok_or_else(|| Problem::conflict(Wrong::RefundBegun))?;
    if call.who.role < OperatorRole::Owner && proposed.by != call.who.name() {
        return Err(Problem::forbidden(OperatorRole::Owner));
    }
    if !call.deps.services.store.decline_refund(&proposed).await? {
        return Err(Problem::conflict(Wrong::ChangedByOther));
    }
    Ok(json(StatusCode::OK, &show(&proposed)))
}

/// What has a refund number: a proposal, or a refund that was begun.
struct Found {
    fee: Fen,
    reason: Option<String>,
    /// `None`: the refund was begun.
    proposed: Option<ProposedRefund>,
}

async fn find(call: &Call<'_>, payment: &Transaction, num: &RefundNum) -> Result<Found, Problem> {
    let (key, store) = (&payment.key, &call.deps.services.store);
    // An approval ends the proposal and begins the refund in one write. Read in this order, one of the two is always found.
    let proposed = store.find_proposed_refund(&key.app, key.mode, num, call.now).await?;
    let proposed = proposed.filter(|one| one.transaction == payment.id);
    let begun = store.find_refund(&key.app, key.mode, &key.bill, num).await?;
    if let Some(refund) = begun.filter(|refund| refund.transaction == payment.id) {
        if let Some(idle) = proposed {
            // Another call began a refund with this number, so nothing waits any more.
            store.decline_refund(&idle).await?;
        }
        return Ok(Found { fee: refund.fee, reason: refund.reason, proposed: None });
    }
    let proposed = proposed.ok_or_else(|| Problem::not_found("proposed refund"))?;
    Ok(Found { fee: proposed.fee, reason: proposed.reason.clone(), proposed: Some(proposed) })
}

fn read_num(call: &Call<'_>) -> Result<RefundNum, Problem> {
    let num = call.object()?.get("refundNum").and_then(Value::as_str).and_then(RefundNum::parse);
    num.ok_or_else(|| Problem::field("refundNum", Wrong::RefundNum))
}
