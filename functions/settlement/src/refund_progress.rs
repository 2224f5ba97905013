//! What happens to a reserved refund: it is sent, queried, sent again or given up, and changes as the provider states.
//!
//! As a rule a refund has one sending. While the provider has not decided, this sending is repeated under the same number.
//!
//! If the merchant's balance does not cover a refund, the refund is paused, and each retry is a new sending. A new sending is kept before it
//! leaves, so nobody can give up a refund whose sending is on its way. UnionPay knows each sending under a number of its own: there, a new
//! one begins only after UnionPay stated that the last one moved nothing. At the other providers all sendings of a refund have one number,
//! so the money moves once.

use std::sync::Arc;

use bytes::Bytes;
use domain::{
    Habit, IncidentKind, Refund, RefundContradiction, RefundDecision, RefundFailure, RefundFailureKind,
    RefundStatement, RefundStatus, RefundVerdict, RefundWay, Sentence, Timestamp, Transaction, apply_refund_statement,
    give_up_refund,
};
use http::Request;
use outbound::Bounds;
use providers::{Account, Moment, ProviderError, RefundOrder, RefundOutcome};
use runtime::{ApiError, ConfiguredApp, KeptBecause, PaymentOutcome, error_chain};
use store::{Incident, RefundChanged, StoreError};
use tracing::{info, warn};

use crate::{
    deps::{Deps, ring},
    found::Found,
    incidents::keep,
    provider_client::{ProviderClient, placed},
};

/// What a statement of the provider did to a refund.
pub(crate) enum RefundApplied {
    /// The refund is as the statement says.
    Applied(Refund),
    /// The statement contradicts the refund, which stays as it is.
    Contradicted(Refund, RefundContradiction),
}

/// Queries the provider about an open refund. While the provider has not decided, the refund is sent again.
///
/// # Errors
/// [`ApiError`]: the provider cannot be queried, or it refused the refund, now or before.
pub async fn continue_refund(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    refund: Refund,
    bounds: Bounds,
) -> Result<Refund, ApiError> {
    if !refund.status.is_open() {
        return failed_is_an_error(refund);
    }
    let payment = payment_of(deps, &refund).await?;
    let outcome = query(deps, configured, &payment, &refund, bounds).await?;
    match outcome {
        RefundOutcome::Done | RefundOutcome::Stuck { .. } | RefundOutcome::Failed { .. } => {
            failed_is_an_error(Box::pin(apply_outcome(deps, configured, refund, outcome)).await?)
        }
        // The money of a stuck refund has left: it is never sent again.
        _ if refund.status == RefundStatus::Stuck => Ok(refund),
        _ if refund.pause.is_some() => {
            Box::pin(retry_paused(deps, configured, &payment, refund, &outcome, bounds)).await
        }
        // The provider does not have it, and it is too late for it to arrive.
        RefundOutcome::Lost { code, words } => {
            let failed = RefundOutcome::Failed { code, words: Sentence::as_it_is(words) };
            failed_is_an_error(apply_outcome(deps, configured, refund, failed).await?)
        }
        // The balance does not cover it: the refund is paused.
        RefundOutcome::Short { .. } => failed_is_an_error(apply_outcome(deps, configured, refund, outcome).await?),
        RefundOutcome::Pending | RefundOutcome::NotThere => {
            Box::pin(send(deps, configured, &payment, refund, bounds)).await
        }
    }
}

/// Goes on with a refund that waits for the balance. It is sent again, or it fails once it has waited for the longest allowed time.
async fn retry_paused(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    payment: &Transaction,
    refund: Refund,
    outcome: &RefundOutcome,
    bounds: Bounds,
) -> Result<Refund, ApiError> {
    if *outcome == RefundOutcome::Pending {
        return Ok(refund);
    }
    let now = deps.services.clock.now();
    let moved_nothing = moved_nothing(outcome, &refund, now);
    if moved_nothing && refund.has_waited(now) {
        let failed = fail_untouched(deps, configured, &refund, RefundFailure::Waited).await?;
        return failed_is_an_error(failed.unwrap_or(refund));
    }
    // The last sending may still move money. A sending under a new number could move it twice, so the last number is used again.
    if !moved_nothing && refund.key.channel.family().has(Habit::NumbersSendings) {
        return send(deps, configured, payment, refund, bounds).await;
    }
    let again = refund.sent_again(now);
    if !deps.services.store.send_refund_again(&refund, &again).await? {
        info!(bill.num = %refund.key.bill, tx.id = %payment.id, "refund {} was changed by another worker", refund.num);
        return Ok(refund);
    }
    send(deps, configured, payment, again, bounds).await
}

/// Gives up a refund that waits for the balance, which frees its share of the payment. The provider is queried first.
///
/// # Errors
/// [`ApiError`]: the refund does not wait, the provider cannot be queried, or some of its money may still move.
pub async fn give_up(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    refund: Refund,
    bounds: Bounds,
) -> Result<Refund, ApiError> {
    let kept = |why| ApiError::RefundKept { num: refund.num.to_string(), why };
    if refund.status != RefundStatus::Pending || refund.pause.is_none() {
        return Err(kept(KeptBecause::NotPaused));
    }
    let payment = payment_of(deps, &refund).await?;
    let outcome = query(deps, configured, &payment, &refund, bounds).await?;
    match outcome {
        RefundOutcome::Done | RefundOutcome::Stuck { .. } | RefundOutcome::Failed { .. } => {
            return failed_is_an_error(apply_outcome(deps, configured, refund, outcome).await?);
        }
        RefundOutcome::Pending | RefundOutcome::NotThere | RefundOutcome::Lost { .. } | RefundOutcome::Short { .. } => {
        }
    }
    if !moved_nothing(&outcome, &refund, deps.services.clock.now()) {
        return Err(kept(KeptBecause::MayMove));
    }
    let given_up = fail_untouched(deps, configured, &refund, RefundFailure::GivenUp).await?;
    given_up.ok_or_else(|| kept(KeptBecause::SentAgain))
}

/// Whether the last sending certainly moved no money, and never will.
fn moved_nothing(outcome: &RefundOutcome, refund: &Refund, now: Timestamp) -> bool {
    match outcome {
        RefundOutcome::Short { .. } | RefundOutcome::Lost { .. } => true,
        RefundOutcome::NotThere => refund.surely_moved_nothing(now),
        RefundOutcome::Pending | RefundOutcome::Done | RefundOutcome::Stuck { .. } | RefundOutcome::Failed { .. } => {
            false
        }
    }
}

/// Queries the provider about a refund.
async fn query(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    payment: &Transaction,
    refund: &Refund,
    bounds: Bounds,
) -> Result<RefundOutcome, ApiError> {
    let client = ProviderClient::open(deps, configured, payment, bounds).await?;
    let notify_url = notify_url(deps, payment);
    let order = order(payment, refund, &notify_url);
    let call = client.account.refund_query(&order, &client.moment)?;
    let read = |account: &Account, answer: &_| account.read_refund_query(&order, answer, client.moment.now);
    Ok(client.call(call, read).await?.content)
}

/// Sends a reserved refund, for the first time or again. It stays pending if the provider gives no clear answer.
pub(crate) async fn send(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    payment: &Transaction,
    refund: Refund,
    bounds: Bounds,
) -> Result<Refund, ApiError> {
    let client = ProviderClient::open(deps, configured, payment, bounds).await?;
    let notify_url = notify_url(deps, payment);
    let order = order(payment, &refund, &notify_url);
    let call = refund_call(&client.account, &order, refund.way, &client.moment)?;
    let read = |account: &Account, answer: &_| account.read_refund(&order, answer, client.moment.now);
    match client.call(call, read).await {
        Ok(answer) => failed_is_an_error(Box::pin(apply_outcome(deps, configured, refund, answer.content)).await?),
        Err(error) => {
            let (num, bill) = (&refund.num, &refund.key.bill);
            warn!(bill.num = %bill, tx.id = %payment.id, "refund {num} stays pending: {}", error_chain(&error));
            Ok(refund)
        }
    }
}

/// The call that sends a refund.
pub(crate) fn refund_call(
    account: &Account,
    order: &RefundOrder<'_>,
    way: RefundWay,
    moment: &Moment,
) -> Result<Request<Bytes>, ProviderError> {
    match way {
        RefundWay::Refund => account.refund(order, moment),
        RefundWay::Void => account.undo(order, moment),
    }
}

/// Applies the provider's answer about the last sending.
async fn apply_outcome(
    deps: &Deps,
    configured: &ConfiguredApp,
    refund: Refund,
    outcome: RefundOutcome,
) -> Result<Refund, StoreError> {
    // Where all sendings have one number, an answer is about the refund as a whole. `Short` alone is about the last sending.
    let is_of_last_sending =
        refund.key.channel.family().has(Habit::NumbersSendings) || matches!(outcome, RefundOutcome::Short { .. });
    let sending = is_of_last_sending.then_some(refund.sending.number);
    let Some(statement) = statement_of(outcome, sending) else { return Ok(refund) };
    // On the heap, because the futures around this one are large.
    match Box::pin(apply_statement(deps, configured, &refund, &statement)).await? {
        RefundApplied::Applied(refund) => Ok(refund),
        RefundApplied::Contradicted(refund, contradiction) => {
            let kind = IncidentKind::RefundContradiction;
            let incident = incident(&refund, kind, contradiction.into(), deps.services.clock.now());
            Box::pin(keep(deps, configured, &incident, &[])).await?;
            Ok(refund)
        }
    }
}

/// What an outcome states about a refund; `None` if it decides nothing. Whether a lost refund has failed depends on its pause, so its caller
/// decides that.
pub(crate) fn statement_of(outcome: RefundOutcome, sending: Option<u32>) -> Option<RefundStatement> {
    let verdict = match outcome {
        RefundOutcome::Pending | RefundOutcome::NotThere | RefundOutcome::Lost { .. } => return None,
        RefundOutcome::Done => RefundVerdict::Done,
        RefundOutcome::Stuck { code, words } => RefundVerdict::Stuck(RefundFailure::Stuck { code, words }.into()),
        RefundOutcome::Short { code, words } => RefundVerdict::Short(RefundFailure::Short { code, words }.into()),
        RefundOutcome::Failed { code, words } => RefundVerdict::Failed(RefundFailure::Refused { code, words }.into()),
    };
    Some(RefundStatement { verdict, sending })
}

/// Changes a refund and its payment as a verified statement says.
pub(crate) async fn apply_statement(
    deps: &Deps,
    configured: &ConfiguredApp,
    refund: &Refund,
    statement: &RefundStatement,
) -> Result<RefundApplied, StoreError> {
    let now = deps.services.clock.now();
    let decide = |payment: &Transaction, refund: &Refund| apply_refund_statement(payment, refund, statement, now);
    change(deps, configured, refund, decide).await
}

/// Marks a refund as failed that moved no money. `asked` is the refund as it was when its provider was queried; `None` if another worker
/// changed it since then.
async fn fail_untouched(
    deps: &Deps,
    configured: &ConfiguredApp,
    asked: &Refund,
    why: RefundFailure,
) -> Result<Option<Refund>, StoreError> {
    let (now, why) = (deps.services.clock.now(), why.sentence());
    let decide = |payment: &Transaction, refund: &Refund| give_up_refund(payment, refund, asked, &why, now);
    match Box::pin(change(deps, configured, asked, decide)).await? {
        RefundApplied::Applied(refund) => Ok(Some(refund).filter(|refund| refund.status == RefundStatus::Failed)),
        RefundApplied::Contradicted(..) => Ok(None),
    }
}

/// Changes a refund and its payment. The incident for a person is kept before the change: after a stop between the two, the next worker
/// does both again.
async fn change(
    deps: &Deps,
    configured: &ConfiguredApp,
    refund: &Refund,
    decide: impl Fn(&Transaction, &Refund) -> RefundDecision,
) -> Result<RefundApplied, StoreError> {
    let (store, key, num, now) = (&deps.services.store, &refund.key, &refund.num, deps.services.clock.now());
    let known = store.find_refund(&key.app, key.mode, &key.bill, num).await?;
    if let (Some(payment), Some(known)) = (store.find_transaction(key).await?, known)
        && let RefundDecision::Changed(change) = decide(&payment, &known)
        && let Some(RefundProblem { kind, said }) = problem_of(&known, &change.refund)
    {
        keep(deps, configured, &incident(&change.refund, kind, said, now), &[]).await?;
    }
    match store.change_refund(key, num, &configured.webhooks, now, decide).await? {
        RefundChanged::Changed(changed, deliveries) => {
            let status = changed.status.name();
            info!(app.id = %key.app, bill.num = %key.bill, tx.id = %refund.transaction, status, "refund {num} is {status}");
            if changed.status == RefundStatus::Success {
                deps.services.metrics.payment(key.channel, PaymentOutcome::Refunded);
            }
            ring(deps, configured, &deliveries).await;
            Ok(RefundApplied::Applied(*changed))
        }
        RefundChanged::Unchanged(refund) => Ok(RefundApplied::Applied(*refund)),
        RefundChanged::Contradicted(refund, contradiction) => Ok(RefundApplied::Contradicted(*refund, contradiction)),
        RefundChanged::NotFound => Err(StoreError::Stale { what: format!("refund {num}") }),
    }
}

/// What a person has to look at, as an incident says it.
struct RefundProblem {
    kind: IncidentKind,
    said: Sentence,
}

/// Why a person has to look at a refund: it is stuck, it begins to wait for the balance, or it failed and no caller gets the error. No caller
/// does if the refund failed after its longest wait, was made automatically, or was begun together with others and sent later.
fn problem_of(before: &Refund, after: &Refund) -> Option<RefundProblem> {
    let (num, failure) = (after.num.to_string(), after.failure.clone()?);
    if after.status == RefundStatus::Stuck {
        let said = Found::RefundStuck { num, failure }.into();
        return Some(RefundProblem { kind: IncidentKind::RefundStuck, said });
    }
    if after.pause.is_some() && before.pause.is_none() {
        let said = Found::RefundPaused { num, failure }.into();
        return Some(RefundProblem { kind: IncidentKind::RefundPaused, said });
    }
    let is = |kind: RefundFailureKind| failure.said.code == kind.code();
    let (num_of, payment) = (&after.num, &after.transaction);
    let sent_later = num_of.is_of_surplus_payment(payment) || num_of.is_of_batch(payment);
    let is_unseen = is(RefundFailureKind::Waited) || (sent_later && !is(RefundFailureKind::GivenUp));
    let failed_unseen = after.status == RefundStatus::Failed && is_unseen;
    failed_unseen.then(|| RefundProblem {
        kind: IncidentKind::RefundFailed,
        said: Found::RefundFailed { num, failure: failure.clone() }.into(),
    })
}

pub(crate) fn incident(refund: &Refund, kind: IncidentKind, problem: Sentence, now: Timestamp) -> Incident {
    Incident {
        key: refund.key.clone(),
        seen_at: now,
        kind,
        problem,
        trade_no: None,
        source: "books",
        headers: Vec::new(),
        body: Vec::new(),
    }
}

async fn payment_of(deps: &Deps, refund: &Refund) -> Result<Transaction, StoreError> {
    let payment = deps.services.store.find_transaction(&refund.key).await?;
    payment.ok_or_else(|| StoreError::Stale { what: refund.transaction.to_string() })
}

/// For a caller, a failed refund is an error each time.
fn failed_is_an_error(refund: Refund) -> Result<Refund, ApiError> {
    match (refund.status, &refund.failure) {
        (RefundStatus::Failed, failure) => {
            let failure = failure.clone().unwrap_or_else(|| Sentence::as_it_is(""));
            Err(ApiError::RefundFailed { num: refund.num.to_string(), failure })
        }
        (RefundStatus::Pending | RefundStatus::Stuck | RefundStatus::Success, _) => Ok(refund),
    }
}

/// A refund, as the calls to the provider name it.
pub(crate) fn order<'a>(payment: &'a Transaction, refund: &'a Refund, notify_url: &'a str) -> RefundOrder<'a> {
    RefundOrder {
        placed: placed(payment),
        refund_num: refund.num.as_str(),
        sending: refund.sending,
        refund_fee: refund.fee,
        reason: refund.reason.as_deref(),
        notify_url: Some(notify_url),
    }
}

/// Notifies about a refund come to the address of its payment.
pub(crate) fn notify_url(deps: &Deps, payment: &Transaction) -> String {
    format!("{}{}", deps.services.config.public_url, payment.key.notify_path())
}
