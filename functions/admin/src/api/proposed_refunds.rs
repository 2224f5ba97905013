//! Refunds above the limit of operators. They wait until an owner approves or declines them.

use domain::{
    App, AppId, Day, Fen, Mode, OperatorRole, ProposedRefund, Refund, RefundAllowance, RefundNum, RefundRequest,
    Timestamp, Transaction, TransactionId,
};
use http::StatusCode;
use runtime::{ConfiguredApp, Reply, json};
use serde_json::{Value, json};
use settlement::{ASKING_BOUNDS, RefundAsked};
use store::Proposed;

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
    let found = find(call, &payment, &num).await?;
    let fee = match &found {
        Found::Proposed(proposed) => proposed.fee,
        Found::Begun(refund) => refund.fee,
    };
    if fee != seen {
        return Err(Problem::conflict_at("refundFee", Wrong::ChangedByOther));
    }
    let proposed = match found {
        Found::Proposed(proposed) => proposed,
        Found::Begun(refund) => return Ok(json(StatusCode::OK, &said::refund(&refund))),
    };
    let request = RefundRequest {
        bill: proposed.key.bill.clone(),
        channel: Some(proposed.key.channel),
        transaction: Some(proposed.transaction.clone()),
        num: proposed.num.clone(),
        fee: proposed.fee,
        reason: proposed.reason.clone(),
    };
    let asked = RefundAsked {
        mode: payment.key.mode,
        request: &request,
        allowance: None,
        proposed: Some(&proposed),
        bounds: ASKING_BOUNDS,
    };
    let refund = Box::pin(settlement::refund(&call.deps.settlement(), &configured, asked)).await;
    Ok(json(StatusCode::OK, &said::refund(&refund.map_err(refused)?)))
}

/// `POST /apps/{appId}/transactions/{id}/decline-refund?mode&billNum {"refundNum"}`. Operators may withdraw what they proposed themselves.
pub(crate) async fn decline(call: &Call<'_>, app: AppId, id: TransactionId) -> Result<Reply, Problem> {
    let num = read_num(call)?;
    let Loaded { transaction: payment, .. } = load(call, &app, &id).await?;
    let proposed = match find(call, &payment, &num).await? {
        Found::Proposed(proposed) => proposed,
        Found::Begun(_) => return Err(Problem::conflict(Wrong::RefundBegun)),
    };
    if call.who.role < OperatorRole::Owner && proposed.by != call.who.name() {
        return Err(Problem::forbidden(OperatorRole::Owner));
    }
    if !call.deps.services.store.decline_refund(&proposed).await? {
        return Err(Problem::conflict(Wrong::ChangedByOther));
    }
    Ok(json(StatusCode::OK, &show(&proposed)))
}

/// What has a number.
enum Found {
    Proposed(Box<ProposedRefund>),
    Begun(Box<Refund>),
}

async fn find(call: &Call<'_>, payment: &Transaction, num: &RefundNum) -> Result<Found, Problem> {
    let (key, store) = (&payment.key, &call.deps.services.store);
    // The refund comes first: one that was begun can be approved or declined no longer.
    let begun = store.find_refund(&key.app, key.mode, &key.bill, num).await?;
    if let Some(refund) = begun.filter(|refund| refund.transaction == payment.id) {
        return Ok(Found::Begun(Box::new(refund)));
    }
    let proposed = store.find_proposed_refund(&key.app, key.mode, num, call.now).await?;
    let proposed = proposed.filter(|one| one.transaction == payment.id);
    proposed.map(|one| Found::Proposed(Box::new(one))).ok_or_else(|| Problem::not_found("proposed refund"))
}

fn read_num(call: &Call<'_>) -> Result<RefundNum, Problem> {
    let num = call.object()?.get("refundNum").and_then(Value::as_str).and_then(RefundNum::parse);
    num.ok_or_else(|| Problem::field("refundNum", Wrong::RefundNum))
}
