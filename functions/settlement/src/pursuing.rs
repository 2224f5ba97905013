//! How a refund goes on after it was reserved: it is sent, asked about, sent again, given up, and changed by what the provider says.
//!
//! A refund that waits for the merchant's balance is sent once more only when the provider says that the sending before moved nothing, and
//! each sending is kept before it leaves: so nobody can give up a refund that is just on its way. UnionPay knows each sending under a
//! number of its own; at the others a repeat has the same number.

use std::sync::Arc;

use bytes::Bytes;
use domain::{
    Habit, IncidentKind, Refund, RefundContradiction, RefundFailure, RefundFailureKind, RefundHeard, RefundNum,
    RefundStatus, RefundVerdict, RefundWay, RefundWord, Sentence, Timestamp, Transaction, give_up_refund,
    hear_of_refund,
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
    talk::{Talk, placed},
};

/// What came of a word about a refund.
pub(crate) enum RefundTaken {
    /// It is as the word says, or was before.
    Taken(Refund),
    /// The word contradicts it.
    Contradicted(Refund, RefundContradiction),
}

/// Asks the provider about an open refund, and sends it again as long as the provider has not decided.
///
/// # Errors
/// [`ApiError`]: the provider cannot be asked, or clearly refused the refund, now or before.
pub async fn pursue_refund(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    refund: Refund,
    bounds: Bounds,
) -> Result<Refund, ApiError> {
    if !refund.status.is_open() {
        return over(refund);
    }
    let payment = payment_of(deps, &refund).await?;
    let told = question(deps, configured, (&payment, &refund), bounds).await?;
    match told {
        RefundOutcome::Done | RefundOutcome::Stuck { .. } | RefundOutcome::Failed { .. } => {
            over(Box::pin(hear(deps, configured, refund, told)).await?)
        }
        // Nothing is sent that has left already.
        _ if refund.status == RefundStatus::Stuck => Ok(refund),
        _ if refund.pause.is_some() => Box::pin(retry(deps, configured, (&payment, refund), &told, bounds)).await,
        RefundOutcome::Lost { code, words } => over(
            hear(deps, configured, refund, RefundOutcome::Failed { code, words: Sentence::as_it_is(words) }).await?,
        ),
        RefundOutcome::Short { .. } => over(hear(deps, configured, refund, told).await?),
        RefundOutcome::Pending | RefundOutcome::NotThere => {
            Box::pin(send(deps, configured, &payment, refund, bounds)).await
        }
    }
}

/// A refund that waits for the balance: sent once more, or ended if it waited as long as it may.
async fn retry(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    (payment, refund): (&Transaction, Refund),
    told: &RefundOutcome,
    bounds: Bounds,
) -> Result<Refund, ApiError> {
    let now = deps.base.clock.now();
    let is_untouched = moved_nothing(told, &refund, now);
    if *told == RefundOutcome::Pending {
        return Ok(refund);
    }
    if is_untouched && refund.has_waited(now) {
        let ended = end_untouched(deps, configured, &refund, RefundFailure::Waited).await?;
        return over(ended.unwrap_or(refund));
    }
    // Where each sending has a number of its own, a repeat is known only by that of the same sending.
    if !is_untouched && refund.key.channel.family().has(Habit::NumbersSendings) {
        return send(deps, configured, payment, refund, bounds).await;
    }
    let again = refund.sent_again(now);
    if !deps.base.store.send_refund_again(&refund, &again).await? {
        info!(bill.num = %refund.key.bill, tx.id = %payment.id, "refund {} is in other hands", refund.num);
        return Ok(refund);
    }
    send(deps, configured, payment, again, bounds).await
}

/// Gives up a refund that waits for the merchant's balance, which frees its share; the provider is asked first.
///
/// # Errors
/// [`ApiError`]: it does not wait, the provider cannot be asked, or something of it may still move.
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
    let told = question(deps, configured, (&payment, &refund), bounds).await?;
    match told {
        RefundOutcome::Done | RefundOutcome::Stuck { .. } | RefundOutcome::Failed { .. } => {
            return over(hear(deps, configured, refund, told).await?);
        }
        RefundOutcome::Pending | RefundOutcome::NotThere | RefundOutcome::Lost { .. } | RefundOutcome::Short { .. } => {
        }
    }
    if !moved_nothing(&told, &refund, deps.base.clock.now()) {
        return Err(kept(KeptBecause::MayMove));
    }
    let given_up = end_untouched(deps, configured, &refund, RefundFailure::GivenUp).await?;
    given_up.ok_or_else(|| kept(KeptBecause::SentAgain))
}

/// Whether the provider says that the latest sending moved nothing and never will.
fn moved_nothing(told: &RefundOutcome, refund: &Refund, now: Timestamp) -> bool {
    match told {
        RefundOutcome::Short { .. } | RefundOutcome::Lost { .. } => true,
        RefundOutcome::NotThere => refund.is_untouched(now),
        RefundOutcome::Pending | RefundOutcome::Done | RefundOutcome::Stuck { .. } | RefundOutcome::Failed { .. } => {
            false
        }
    }
}

async fn question(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    (payment, refund): (&Transaction, &Refund),
    bounds: Bounds,
) -> Result<RefundOutcome, ApiError> {
    let talk = Talk::open(deps, configured, payment, bounds).await?;
    let notify_url = notify_url(deps, payment);
    let order = order(payment, refund, &notify_url);
    let call = talk.account.refund_query(&order, &talk.moment)?;
    let read = |account: &Account, answer: &_| account.read_refund_query(&order, answer, talk.moment.now);
    Ok(talk.say(call, read).await?.1)
}

/// Sends a reserved refund, once more or for the first time.
pub(crate) async fn send(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    payment: &Transaction,
    refund: Refund,
    bounds: Bounds,
) -> Result<Refund, ApiError> {
    let talk = Talk::open(deps, configured, payment, bounds).await?;
    let notify_url = notify_url(deps, payment);
    let order = order(payment, &refund, &notify_url);
    let call = say_back(&talk.account, &order, refund.way, &talk.moment)?;
    let read = |account: &Account, answer: &_| account.read_refund(&order, answer, talk.moment.now);
    match talk.say(call, read).await {
        Ok((_, told)) => over(Box::pin(hear(deps, configured, refund, told)).await?),
        Err(error) => {
            let (num, bill) = (&refund.num, &refund.key.bill);
            warn!(bill.num = %bill, tx.id = %payment.id, "refund {num} stays pending: {}", error_chain(&error));
            Ok(refund)
        }
    }
}

pub(crate) fn say_back(
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

/// Changes a refund as the answer about its latest sending says.
async fn hear(
    deps: &Deps,
    configured: &ConfiguredApp,
    refund: Refund,
    told: RefundOutcome,
) -> Result<Refund, StoreError> {
    // Where all sendings have one number, only a refusal is about the very one that was asked for.
    let is_of_one =
        refund.key.channel.family().has(Habit::NumbersSendings) || matches!(told, RefundOutcome::Short { .. });
    let Some(word) = word_of(told, is_of_one.then_some(refund.sending.number)) else { return Ok(refund) };
    // Boxed: the flows around it are deep already.
    match Box::pin(take_word(deps, configured, &refund, &word)).await? {
        RefundTaken::Taken(refund) => Ok(refund),
        RefundTaken::Contradicted(refund, what) => {
            let kind = IncidentKind::RefundContradiction;
            let incident = incident(&refund, (kind, what.into()), deps.base.clock.now());
            Box::pin(keep(deps, configured, &incident, &[])).await?;
            Ok(refund)
        }
    }
}

/// What an outcome says of a refund; `None` if it decides nothing.
pub(crate) fn word_of(told: RefundOutcome, sending: Option<u32>) -> Option<RefundWord> {
    let verdict = match told {
        RefundOutcome::Pending | RefundOutcome::NotThere | RefundOutcome::Lost { .. } => return None,
        RefundOutcome::Done => RefundVerdict::Done,
        RefundOutcome::Stuck { code, words } => RefundVerdict::Stuck(RefundFailure::Stuck { code, words }.into()),
        RefundOutcome::Short { code, words } => RefundVerdict::Short(RefundFailure::Short { code, words }.into()),
        RefundOutcome::Failed { code, words } => RefundVerdict::Failed(RefundFailure::Refused { code, words }.into()),
    };
    Some(RefundWord { verdict, sending })
}

/// Changes a refund and its payment as a verified word says.
pub(crate) async fn take_word(
    deps: &Deps,
    configured: &ConfiguredApp,
    refund: &Refund,
    word: &RefundWord,
) -> Result<RefundTaken, StoreError> {
    let now = deps.base.clock.now();
    let decide = |payment: &Transaction, refund: &Refund| hear_of_refund(payment, refund, word, now);
    change(deps, configured, refund, decide).await
}

/// Ends a refund that moved nothing. `None` if it is not any longer what the provider was asked about.
async fn end_untouched(
    deps: &Deps,
    configured: &ConfiguredApp,
    asked: &Refund,
    why: RefundFailure,
) -> Result<Option<Refund>, StoreError> {
    let (now, why) = (deps.base.clock.now(), why.sentence());
    let decide = |payment: &Transaction, refund: &Refund| give_up_refund(payment, refund, asked, &why, now);
    match Box::pin(change(deps, configured, asked, decide)).await? {
        RefundTaken::Taken(refund) => Ok(Some(refund).filter(|refund| refund.status == RefundStatus::Failed)),
        RefundTaken::Contradicted(..) => Ok(None),
    }
}

/// Changes a refund and its payment. What a person must hear of is kept before that, so that a stop between the two loses neither: whoever
/// comes next does both once more.
async fn change(
    deps: &Deps,
    configured: &ConfiguredApp,
    refund: &Refund,
    decide: impl Fn(&Transaction, &Refund) -> RefundHeard,
) -> Result<RefundTaken, StoreError> {
    let (store, key, num, now) = (&deps.base.store, &refund.key, &refund.num, deps.base.clock.now());
    let known = store.find_refund((&key.app, key.mode, &key.bill), num).await?;
    if let (Some(payment), Some(known)) = (store.find_transaction(key).await?, known)
        && let RefundHeard::Changed(change) = decide(&payment, &known)
        && let Some(problem) = problem_of(&known, &change.refund)
    {
        keep(deps, configured, &incident(&change.refund, problem, now), &[]).await?;
    }
    match store.change_refund(key, num, (&configured.webhooks, now), decide).await? {
        RefundChanged::Changed(changed, deliveries) => {
            let status = changed.status.name();
            info!(app.id = %key.app, bill.num = %key.bill, tx.id = %refund.transaction, status, "refund {num} is {status}");
            if changed.status == RefundStatus::Success {
                deps.base.metrics.payment(key.channel, PaymentOutcome::Refunded);
            }
            ring(deps, configured, &deliveries).await;
            Ok(RefundTaken::Taken(*changed))
        }
        RefundChanged::Unchanged(refund) => Ok(RefundTaken::Taken(*refund)),
        RefundChanged::Contradicted(refund, what) => Ok(RefundTaken::Contradicted(*refund, what)),
        RefundChanged::NotFound => Err(StoreError::Stale { what: format!("refund {num}") }),
    }
}

/// What a person must hear of, and its kind: a refund that waits, is stuck, or failed while nobody asked for it just now.
fn problem_of(before: &Refund, after: &Refund) -> Option<(IncidentKind, Sentence)> {
    let (num, failure) = (after.num.to_string(), after.failure.clone()?);
    if after.status == RefundStatus::Stuck {
        return Some((IncidentKind::RefundStuck, Found::RefundStuck { num, failure }.into()));
    }
    if after.pause.is_some() && before.pause.is_none() {
        return Some((IncidentKind::RefundPaused, Found::RefundPaused { num, failure }.into()));
    }
    let is = |kind: RefundFailureKind| failure.said.code == kind.code();
    let is_automatic =
        after.num == RefundNum::of_surplus_payment(&after.transaction) && !is(RefundFailureKind::GivenUp);
    let is_unheard = after.status == RefundStatus::Failed && (is(RefundFailureKind::Waited) || is_automatic);
    is_unheard.then(|| (IncidentKind::RefundFailed, Found::RefundFailed { num, failure }.into()))
}

pub(crate) fn incident(refund: &Refund, (kind, problem): (IncidentKind, Sentence), now: Timestamp) -> Incident {
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
    let payment = deps.base.store.find_transaction(&refund.key).await?;
    payment.ok_or_else(|| StoreError::Stale { what: refund.transaction.to_string() })
}

/// A refund that failed is an error for whoever asked for it, each time.
fn over(refund: Refund) -> Result<Refund, ApiError> {
    match (refund.status, &refund.failure) {
        (RefundStatus::Failed, failure) => {
            let failure = failure.clone().unwrap_or_else(|| Sentence::as_it_is(""));
            Err(ApiError::RefundFailed { num: refund.num.to_string(), failure })
        }
        (RefundStatus::Pending | RefundStatus::Stuck | RefundStatus::Success, _) => Ok(refund),
    }
}

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

/// A refund is told of where its payment was.
pub(crate) fn notify_url(deps: &Deps, payment: &Transaction) -> String {
    format!("{}{}", deps.base.config.public_url, payment.key.notify_path())
}
