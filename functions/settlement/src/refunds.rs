//! Refunds: reserved, sent, asked about, ended.
//!
//! The reservation comes before the call: a stop between the two leaves a pending refund that the sweep asks about and, as long as the
//! provider does not know it, sends again; the same number moves money once. An unclear answer leaves it pending; a clear no
//! releases what was reserved.

use std::sync::Arc;

use bytes::Bytes;
use domain::{
    Fen, Mismatch, Notification, PaymentChoice, Refund, RefundNum, RefundRefusal, RefundRequest, RefundStatus,
    RefundVerdict, RefundWay, Timestamp, Transaction, TransactionKey, check, choose_payment, end_refund,
    is_same_refund, next_refund_question, refund_way, reserve_refund,
};
use http::Request;
use outbound::Bounds;
use providers::{Account, ClientCertificate, Moment, ProviderError, RefundOrder, RefundOutcome, RefundReport};
use runtime::{ApiError, BillError, ConfiguredApp, PaymentOutcome, error_chain};
use store::{Begun, Bill, Ended, StoreError};
use tracing::{info, warn};

use crate::{
    Deps,
    asking::{Talk, placed},
    door::{Heard, Taken},
    incidents::{Problem, keep_misfit},
    ring,
};

/// Which refund is asked for, and how long the provider may take for each answer.
#[derive(Clone, Copy, Debug)]
pub struct RefundAsked<'a> {
    /// The app's bills of this mode.
    pub mode: domain::Mode,
    /// What is asked for.
    pub request: &'a RefundRequest,
    /// What one exchange may take.
    pub bounds: Bounds,
}

/// Sends money back, or says what became of the same refund asked for before.
///
/// # Errors
/// [`ApiError`]: nothing was begun, or the provider clearly refused.
pub async fn refund(deps: &Deps, configured: &Arc<ConfiguredApp>, asked: RefundAsked<'_>) -> Result<Refund, ApiError> {
    let (request, app) = (asked.request, &configured.app.id);
    let bill = deps.base.store.load_whole_bill(app, asked.mode, &request.bill).await?;
    if let Some(known) = bill.refunds.iter().find(|refund| refund.num == request.num) {
        return again(deps, configured, asked, known.clone()).await;
    }
    let payment = payment_of(&bill, request)?;
    let content = (request.num.clone(), request.fee, request.reason.clone());
    let planned = plan(payment, &bill.refunds, content, deps.base.clock.now());
    // It is built before anything is kept, so that a refund that cannot be built leaves nothing behind.
    build(deps, configured, payment, &planned)?;
    match reserve(deps, &planned).await? {
        Begun::New(payment, refund) => {
            let (num, bill) = (&refund.num, &refund.key.bill);
            info!(app.id = %app, bill.num = %bill, tx.id = %payment.id, "began refund {num} of bill {bill}");
            send(deps, configured, &payment, *refund, asked.bounds).await
        }
        Begun::Taken(known) => again(deps, configured, asked, *known).await,
        Begun::Refused(refusal) => Err(refusal.into()),
        Begun::NotFound => Err(BillError::Unpaid { bill: request.bill.to_string() }.into()),
    }
}

fn payment_of<'a>(bill: &'a Bill, request: &RefundRequest) -> Result<&'a Transaction, ApiError> {
    let name = request.bill.to_string();
    match choose_payment(&bill.tries, request) {
        PaymentChoice::One(payment) => Ok(payment),
        PaymentChoice::None if bill.tries.is_empty() => Err(BillError::Unknown { bill: name, channel: None }.into()),
        PaymentChoice::None => Err(BillError::Unpaid { bill: name }.into()),
        PaymentChoice::Several(payments) => {
            let named: Vec<String> =
                payments.iter().map(|payment| format!("{} on {}", payment.id, payment.key.channel)).collect();
            Err(BillError::SeveralPayments { bill: name, transactions: named.join(", ") }.into())
        }
    }
}

/// The same number once more: the same content gets the same answer, and a pending refund is asked about.
async fn again(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    asked: RefundAsked<'_>,
    known: Refund,
) -> Result<Refund, ApiError> {
    if !is_same_refund(&known, asked.request) {
        let (num, bill) = (known.num.to_string(), known.key.bill.to_string());
        return Err(BillError::OtherRefund { num, fee: known.fee.get(), bill }.into());
    }
    match pursue_refund(deps, configured, known.clone(), asked.bounds).await {
        // Nobody knows more than before, and that is the same answer.
        Err(ApiError::Outbound(error)) => {
            warn!(app.id = %known.key.app, tx.id = %known.transaction, "a refund stays pending: {}", error_chain(&error));
            Ok(known)
        }
        pursued => pursued,
    }
}

/// A refund as it is reserved.
pub(crate) fn plan(
    payment: &Transaction,
    others: &[Refund],
    (num, fee, reason): (RefundNum, Fen, Option<String>),
    now: Timestamp,
) -> Refund {
    let refund = Refund {
        key: payment.key.clone(),
        transaction: payment.id.clone(),
        num,
        fee,
        reason,
        way: refund_way(payment, others, fee, now),
        requested_at: now,
        status: RefundStatus::Pending,
        ended_at: None,
        failure: None,
        due_at: None,
    };
    Refund { due_at: Some(next_refund_question(&refund, now)), ..refund }
}

/// What is to be said to the provider.
pub(crate) fn build(
    deps: &Deps,
    configured: &ConfiguredApp,
    payment: &Transaction,
    refund: &Refund,
) -> Result<Request<Bytes>, ApiError> {
    let (channel, mode) = (payment.key.channel, payment.key.mode);
    let account = deps.base.apps.account(configured, channel, mode);
    let account = account.ok_or(ApiError::NotConfigured { channel, mode })??;
    let moment = Moment { now: deps.base.clock.now(), nonce: deps.base.random.nonce()? };
    let notify_url = notify_url(deps, payment);
    let call = say_back(&account, &order(payment, refund, &notify_url), refund.way, &moment)?;
    if let Some(certificate) = call.extensions().get::<ClientCertificate>() {
        certificate.open()?;
    }
    Ok(call)
}

fn say_back(
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

/// Keeps a planned refund, and what it takes of its payment.
pub(crate) async fn reserve(deps: &Deps, planned: &Refund) -> Result<Begun<RefundRefusal>, StoreError> {
    let decide = |payment: &Transaction| Ok((reserve_refund(payment, planned.fee)?, planned.clone()));
    deps.base.store.begin_refund(&planned.key, &planned.num, decide).await
}

/// Asks the provider about a pending refund, and sends it again as long as the provider has not decided.
///
/// # Errors
/// [`ApiError`]: the provider cannot be asked, or clearly refused the refund, now or before.
pub async fn pursue_refund(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    refund: Refund,
    bounds: Bounds,
) -> Result<Refund, ApiError> {
    if refund.status != RefundStatus::Pending {
        return over(refund);
    }
    let payment = deps.base.store.find_transaction(&refund.key).await?;
    let payment = payment.ok_or_else(|| StoreError::Stale { what: refund.transaction.to_string() })?;
    match question(deps, configured, (&payment, &refund), bounds).await? {
        RefundOutcome::Pending => send(deps, configured, &payment, refund, bounds).await,
        told @ (RefundOutcome::Done | RefundOutcome::Failed { .. }) => over(end(deps, configured, refund, told).await?),
    }
}

async fn question(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    (payment, refund): (&Transaction, &Refund),
    bounds: Bounds,
) -> Result<RefundOutcome, ApiError> {
    let talk = Talk::open(deps, configured, payment, bounds)?;
    let notify_url = notify_url(deps, payment);
    let order = order(payment, refund, &notify_url);
    let call = talk.account.refund_query(&order, &talk.moment)?;
    let read = |account: &Account, answer: &_| account.read_refund_query(&order, answer, talk.moment.now);
    Ok(talk.say(call, read).await?.1)
}

/// Sends a reserved refund, once more or for the first time.
async fn send(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    payment: &Transaction,
    refund: Refund,
    bounds: Bounds,
) -> Result<Refund, ApiError> {
    let talk = Talk::open(deps, configured, payment, bounds)?;
    let notify_url = notify_url(deps, payment);
    let order = order(payment, &refund, &notify_url);
    let call = say_back(&talk.account, &order, refund.way, &talk.moment)?;
    let read = |account: &Account, answer: &_| account.read_refund(&order, answer, talk.moment.now);
    match talk.say(call, read).await {
        Ok((_, told)) => over(end(deps, configured, refund, told).await?),
        Err(error) => {
            let (num, bill) = (&refund.num, &refund.key.bill);
            warn!(bill.num = %bill, tx.id = %payment.id, "refund {num} stays pending: {}", error_chain(&error));
            Ok(refund)
        }
    }
}

/// Ends a refund as the provider says, together with its payment.
async fn end(
    deps: &Deps,
    configured: &ConfiguredApp,
    refund: Refund,
    told: RefundOutcome,
) -> Result<Refund, StoreError> {
    let verdict = match told {
        RefundOutcome::Pending => return Ok(refund),
        RefundOutcome::Done => RefundVerdict::Done,
        RefundOutcome::Failed { code, words } => RefundVerdict::Failed(format!("{code}: {words}")),
    };
    let now = deps.base.clock.now();
    let decide = |payment: &Transaction, refund: &Refund| end_refund(payment, refund, &verdict, now);
    let (key, num) = (&refund.key, &refund.num);
    match deps.base.store.end_refund(key, num, (&configured.webhooks, now), decide).await? {
        Ended::Now(payment, ended, deliveries) => {
            let status = ended.status.name();
            info!(app.id = %key.app, bill.num = %key.bill, tx.id = %payment.id, status, "refund {num} ended: {status}");
            if ended.status == RefundStatus::Success {
                deps.base.metrics.payment(key.channel, PaymentOutcome::Refunded);
            }
            ring(deps, &deliveries).await;
            Ok(*ended)
        }
        Ended::Before(ended) => Ok(*ended),
        Ended::NotFound => Err(StoreError::Stale { what: format!("refund {num}") }),
    }
}

/// A refund that failed is an error for whoever asked for it, each time.
fn over(refund: Refund) -> Result<Refund, ApiError> {
    match (refund.status, &refund.failure) {
        (RefundStatus::Failed, failure) => {
            let failure = failure.clone().unwrap_or_default();
            Err(ApiError::RefundFailed { num: refund.num.to_string(), failure })
        }
        (RefundStatus::Pending | RefundStatus::Success, _) => Ok(refund),
    }
}

/// Settles a verified notify about one refund. `report` is the same message as a report about its payment, which names the account.
///
/// # Errors
/// [`StoreError`]: the same notify may be brought again.
pub async fn take_refund(
    deps: &Deps,
    key: &TransactionKey,
    configured: &Arc<ConfiguredApp>,
    (told, report): (&RefundReport, &Notification),
    heard: &Heard<'_>,
) -> Result<Taken, StoreError> {
    let Some(payment) = deps.base.store.find_transaction(key).await? else { return Ok(Taken::Misfit) };
    let refund = match RefundNum::parse(&told.refund_num) {
        Some(num) => deps.base.store.find_refund((&key.app, key.mode, &key.bill), &num).await?,
        None => None,
    };
    let misfit = |kind, text| Problem { kind, text, report, transaction: Some(&payment) };
    let problem = match (check(report, &payment), &refund) {
        (Err(mismatch @ Mismatch::Claim { .. }), _) => Some(misfit("account", mismatch.to_string())),
        (Err(mismatch @ Mismatch::Order { .. }), _) => Some(misfit("order", mismatch.to_string())),
        (Err(mismatch @ Mismatch::Amount { .. }), _) => Some(misfit("amount", mismatch.to_string())),
        (Ok(()), Some(refund)) => told.refund_fee.filter(|fee| *fee != refund.fee).map(|fee| {
            let (num, expected) = (&refund.num, refund.fee.get());
            misfit("refund-amount", format!("refund {num} is {} fen where {expected} were asked for", fee.get()))
        }),
        (Ok(()), None) => None,
    };
    if let Some(problem) = problem {
        keep_misfit(deps, key, configured, heard, problem).await?;
        return Ok(Taken::Misfit);
    }
    let Some(refund) = refund.filter(|refund| refund.transaction == payment.id) else {
        info!(app.id = %key.app, bill.num = %key.bill, tx.id = %payment.id, "heard of a refund that was not made here");
        return Ok(Taken::Settled);
    };
    if told.outcome == RefundOutcome::Pending {
        // A hint that nobody signed: whatever it says, the provider is asked. Should that fail, the sweep asks.
        if let Err(error) = pursue_refund(deps, configured, refund, crate::ASKING_BOUNDS).await {
            warn!(bill.num = %key.bill, tx.id = %payment.id, "a refund stays pending: {}", error_chain(&error));
        }
        return Ok(Taken::Settled);
    }
    end(deps, configured, refund, told.outcome.clone()).await?;
    Ok(Taken::Settled)
}

fn order<'a>(payment: &'a Transaction, refund: &'a Refund, notify_url: &'a str) -> RefundOrder<'a> {
    RefundOrder {
        placed: placed(payment),
        refund_num: refund.num.as_str(),
        requested_at: refund.requested_at,
        refund_fee: refund.fee,
        reason: refund.reason.as_deref(),
        notify_url: Some(notify_url),
    }
}

/// A refund is told of where its payment was.
fn notify_url(deps: &Deps, payment: &Transaction) -> String {
    format!("{}{}", deps.base.config.public_url, payment.key.notify_path())
}
