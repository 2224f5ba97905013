//! Refunds: reserved, sent, and heard of.
//!
//! The reservation comes before the call: a stop between the two leaves a pending refund that the sweep asks about and, as long as the
//! provider does not know it, sends again; the same number moves money once. An unclear answer leaves it pending; a clear no
//! releases what was reserved. How a refund goes on is in `pursuing.rs`.

use std::sync::Arc;

use bytes::Bytes;
use domain::{
    Fen, IncidentKind, Mismatch, Notification, PaymentChoice, Refund, RefundNum, RefundRefusal, RefundRequest,
    RefundSending, RefundStatus, Sentence, Timestamp, Transaction, TransactionKey, check, choose_payment,
    is_same_refund, next_refund_question, refund_way, reserve_refund,
};
use http::Request;
use outbound::Bounds;
use providers::{ClientCertificate, Moment, RefundOutcome, RefundReport};
use runtime::{ApiError, BillError, ConfiguredApp, Retry, error_chain};
use store::{Begun, Bill, StoreError};
use tracing::{info, warn};

use crate::{
    deps::Deps,
    found::Found,
    incidents::{Problem, keep_misfit},
    pursuing::{RefundTaken, notify_url, order, pursue_refund, say_back, send, take_word, word_of},
    report::{Heard, Taken},
    talk::{ASKING_BOUNDS, account_of},
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
    build(deps, configured, payment, &planned).await?;
    match reserve(deps, &planned).await? {
        Begun::New(payment, refund) => {
            let (num, bill) = (&refund.num, &refund.key.bill);
            info!(app.id = %app, bill.num = %bill, tx.id = %payment.id, "began refund {num} of bill {bill}");
            send(deps, configured, &payment, *refund, asked.bounds).await
        }
        Begun::Taken(known) => again(deps, configured, asked, *known).await,
        Begun::Refused(refusal) => Err(refusal.explained(&planned.transaction, &bill.refunds).into()),
        Begun::NotFound => Err(BillError::Unpaid { bill: request.bill.to_string() }.into()),
    }
}

fn payment_of<'a>(bill: &'a Bill, request: &RefundRequest) -> Result<&'a Transaction, ApiError> {
    let name = request.bill.to_string();
    match choose_payment(&bill.tries, request) {
        PaymentChoice::One(payment) => Ok(payment),
        PaymentChoice::None if bill.tries.is_empty() => Err(BillError::Unknown { bill: name }.into()),
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
        Ok(pursued) => Ok(pursued),
        Err(error) => match error.retryable() {
            // Nobody knows more than before, and that is the same answer.
            Retry::Unanswered => {
                warn!(app.id = %known.key.app, tx.id = %known.transaction, "a refund stays pending: {}", error_chain(&error));
                Ok(known)
            }
            Retry::No | Retry::Storage | Retry::Answered(_) => Err(error),
        },
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
        sending: RefundSending { number: 0, at: now },
        pause: None,
    };
    Refund { due_at: Some(next_refund_question(&refund, now)), ..refund }
}

/// What is to be said to the provider.
pub(crate) async fn build(
    deps: &Deps,
    configured: &ConfiguredApp,
    payment: &Transaction,
    refund: &Refund,
) -> Result<Request<Bytes>, ApiError> {
    let account = account_of(deps, configured, payment).await?;
    let moment = Moment { now: deps.base.clock.now(), nonce: deps.base.random.nonce()? };
    let notify_url = notify_url(deps, payment);
    let call = say_back(&account, &order(payment, refund, &notify_url), refund.way, &moment)?;
    if let Some(certificate) = call.extensions().get::<ClientCertificate>() {
        certificate.open()?;
    }
    Ok(call)
}

/// Keeps a planned refund, and what it takes of its payment.
pub(crate) async fn reserve(deps: &Deps, planned: &Refund) -> Result<Begun<RefundRefusal>, StoreError> {
    let decide = |payment: &Transaction| Ok((reserve_refund(payment, planned.fee)?, planned.clone()));
    deps.base.store.begin_refund(&planned.key, &planned.num, decide).await
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
    if payment.account != heard.account {
        return Ok(Taken::OfAnother(payment.account));
    }
    let refund = match RefundNum::parse(&told.refund_num) {
        Some(num) => deps.base.store.find_refund((&key.app, key.mode, &key.bill), &num).await?,
        None => None,
    };
    let misfit = |kind, said| Problem { kind, said, report, transaction: Some(&payment) };
    let problem = match (check(report, &payment), &refund) {
        (Err(mismatch @ Mismatch::Claim { .. }), _) => Some(misfit(IncidentKind::Account, mismatch.into())),
        (Err(mismatch @ Mismatch::Order { .. }), _) => Some(misfit(IncidentKind::Order, mismatch.into())),
        (Err(mismatch @ (Mismatch::Amount { .. } | Mismatch::AmountUnknown { .. })), _) => {
            Some(misfit(IncidentKind::Amount, mismatch.into()))
        }
        (Ok(()), Some(refund)) => told.refund_fee.filter(|fee| *fee != refund.fee).map(|fee| {
            let (num, found, expected) = (refund.num.to_string(), fee.get(), refund.fee.get());
            misfit(IncidentKind::RefundAmount, Found::RefundAmount { num, found, expected }.into())
        }),
        (Ok(()), None) => None,
    };
    if let Some(problem) = problem {
        keep_misfit(deps, key, configured, heard, problem).await?;
        return Ok(Taken::Misfit);
    }
    let Some(refund) = refund.filter(|refund| refund.transaction == payment.id) else {
        return Box::pin(hear_of_foreign(deps, key, configured, (told, misfit), heard)).await;
    };
    let Some(word) = word_of(told.outcome.clone(), told.sending) else {
        // A hint that nobody signed: whatever it says, the provider is asked. Should that fail, the sweep asks.
        if let Err(error) = pursue_refund(deps, configured, refund, ASKING_BOUNDS).await {
            warn!(bill.num = %key.bill, tx.id = %payment.id, "a refund stays as it is: {}", error_chain(&error));
        }
        return Ok(Taken::Settled);
    };
    match Box::pin(take_word(deps, configured, &refund, &word)).await? {
        RefundTaken::Taken(_) => Ok(Taken::Settled),
        RefundTaken::Contradicted(_, what) => {
            keep_misfit(deps, key, configured, heard, misfit(IncidentKind::RefundContradiction, what.into())).await?;
            Ok(Taken::Misfit)
        }
    }
}

/// Money of the payment went back, and nobody asked for it here. The books do not know it, so that a person must.
async fn hear_of_foreign<'a>(
    deps: &Deps,
    key: &TransactionKey,
    configured: &ConfiguredApp,
    (told, misfit): (&RefundReport, impl FnOnce(IncidentKind, Sentence) -> Problem<'a>),
    heard: &Heard<'_>,
) -> Result<Taken, StoreError> {
    let num = &told.refund_num;
    match told.outcome {
        RefundOutcome::Done | RefundOutcome::Stuck { .. } => {
            let said = Found::RefundUnknown { num: num.clone() }.into();
            keep_misfit(deps, key, configured, heard, misfit(IncidentKind::RefundUnknown, said)).await?;
            Ok(Taken::Misfit)
        }
        RefundOutcome::Pending
        | RefundOutcome::NotThere
        | RefundOutcome::Lost { .. }
        | RefundOutcome::Short { .. }
        | RefundOutcome::Failed { .. } => {
            info!(app.id = %key.app, bill.num = %key.bill, "heard of refund {num}, which was not made here and moved nothing");
            Ok(Taken::Settled)
        }
    }
}
