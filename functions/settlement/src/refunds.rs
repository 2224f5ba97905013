//! Begins refunds, and takes the notifies about them. `refund_progress.rs` has what happens in between.
//!
//! A refund is reserved before its provider is called. A stop between the two leaves it pending. The sweep then queries the provider, and
//! sends the refund again while the provider does not know it. All sendings have one number, so the money moves once. An unclear answer
//! leaves the refund pending. A clear refusal releases its share of the payment.

use std::sync::Arc;

use domain::{
    Bill, Fen, IncidentKind, Mode, Notification, PaymentChoice, ProposedRefund, Refund, RefundAllowance, RefundNum,
    RefundRefusal, RefundRequest, RefundSending, RefundStatus, RefundWay, Sentence, Timestamp, Transaction,
    TransactionKey, check, choose_payment, is_same_refund, next_refund_question, refund_way, reserve_refund,
};
use outbound::Bounds;
use providers::{ClientCertificate, Moment, RefundOutcome, RefundReport};
use runtime::{ApiError, BillError, ConfiguredApp, Retry, error_chain};
use store::{PlannedRefund, RefundReservation, RefundTerms, StoreError, WholeBill};
use tracing::{info, warn};

use crate::{
    deps::Deps,
    found::Found,
    incidents::{ReportMismatch, keep_mismatch},
    provider_client::{ASKING_BOUNDS, account_of},
    refund_progress::{
        RefundApplied, apply_statement, continue_refund, notify_url, order, refund_call, send, statement_of,
    },
    report::{ReportContext, ReportOutcome, mismatch_kind},
};

/// Which refund a caller asks for, and the bounds of each call to the provider.
#[derive(Clone, Copy, Debug)]
pub struct RefundAsked<'a> {
    /// The mode of the bill.
    pub mode: Mode,
    /// The request.
    pub request: &'a RefundRequest,
    /// What the caller may refund today; `None`: an owner, or the app's own server, which have no limit.
    pub allowance: Option<&'a RefundAllowance>,
    /// The proposal that the refund carries out.
    pub proposed: Option<&'a ProposedRefund>,
    /// The bounds of one call.
    pub bounds: Bounds,
}

/// What a new refund says.
pub(crate) struct RefundContent {
    pub(crate) num: RefundNum,
    pub(crate) fee: Fen,
    /// For the payer.
    pub(crate) reason: Option<String>,
}

/// A verified notify about one refund.
pub(crate) struct RefundNotify<'a> {
    /// What it says about the refund.
    pub(crate) refund: &'a RefundReport,
    /// What it says about the payment: its order and its account.
    pub(crate) report: &'a Notification,
    pub(crate) context: &'a ReportContext<'a>,
}

/// A refund that is kept here.
enum Begun {
    /// It is new. It was not sent to its provider.
    New(Box<Transaction>, Box<Refund>),
    /// There was one with this number and content.
    Known(Box<Refund>),
}

/// Begins a refund, or goes on with the refund that has this number.
///
/// # Errors
/// [`ApiError`]: nothing was begun, or the provider clearly refused.
pub async fn refund(deps: &Deps, configured: &Arc<ConfiguredApp>, asked: RefundAsked<'_>) -> Result<Refund, ApiError> {
    // These futures are large. In boxes they do not fill the stack of the caller.
    match Box::pin(begin(deps, configured, asked, |planned| planned)).await? {
        Begun::New(payment, refund) => Box::pin(send(deps, configured, &payment, *refund, asked.bounds)).await,
        Begun::Known(known) => Box::pin(proceed(deps, configured, asked, *known)).await,
    }
}

/// Begins a refund. The sweep sends it within minutes. A refund that has this number is returned as it is.
///
/// # Errors
/// [`ApiError`]: nothing was begun.
pub async fn begin_refund(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    asked: RefundAsked<'_>,
) -> Result<Refund, ApiError> {
    match Box::pin(begin(deps, configured, asked, for_the_sweep)).await? {
        Begun::New(_, refund) | Begun::Known(refund) => Ok(*refund),
    }
}

/// A refund that the sweep sends is not a void: the payment's own day may be over by then.
pub(crate) fn for_the_sweep(planned: Refund) -> Refund {
    Refund { way: RefundWay::Refund, ..planned }
}

async fn begin(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    asked: RefundAsked<'_>,
    adapt: impl Fn(Refund) -> Refund,
) -> Result<Begun, ApiError> {
    let (request, app) = (asked.request, &configured.app.id);
    let WholeBill { bill, refunds } = deps.services.store.load_whole_bill(app, asked.mode, &request.bill).await?;
    if let Some(known) = refunds.iter().find(|refund| refund.num == request.num) {
        return same(known.clone(), request);
    }
    let payment = payment_of(&bill, request)?;
    if request.num.is_reserved() {
        return Err(RefundRefusal::Reserved { num: request.num.to_string() }.into());
    }
    let content = RefundContent { num: request.num.clone(), fee: request.fee, reason: request.reason.clone() };
    let planned = adapt(plan(payment, &refunds, content, deps.services.clock.now()));
    // This comes before the refund is kept, so that a refund that cannot be sent leaves nothing behind.
    check_can_be_sent(deps, configured, payment, &planned).await?;
    let allowed = Allowed { allowance: asked.allowance, proposed: asked.proposed };
    match reserve(deps, &planned, allowed).await? {
        RefundReservation::New(payment, refund) => {
            let (num, bill) = (&refund.num, &refund.key.bill);
            info!(app.id = %app, bill.num = %bill, tx.id = %payment.id, "began refund {num} of bill {bill}");
            Ok(Begun::New(payment, refund))
        }
        RefundReservation::Taken(known) => same(*known, request),
        RefundReservation::Refused(refusal) => Err(refusal.explained(&planned.transaction, &refunds).into()),
        RefundReservation::NotFound => Err(BillError::Unpaid { bill: request.bill.to_string() }.into()),
    }
}

fn payment_of<'a>(bill: &'a Bill, request: &RefundRequest) -> Result<&'a Transaction, ApiError> {
    let name = request.bill.to_string();
    match choose_payment(bill, request) {
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

/// The refund whose number a call has. Other content is an error.
fn same(known: Refund, request: &RefundRequest) -> Result<Begun, ApiError> {
    if !is_same_refund(&known, request) {
        let (num, bill) = (known.num.to_string(), known.key.bill.to_string());
        return Err(BillError::OtherRefund { num, fee: known.fee.get(), bill }.into());
    }
    Ok(Begun::Known(Box::new(known)))
}

/// Answers a repeated call with the refund as it is now. If the refund is open, its provider is queried first.
async fn proceed(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    asked: RefundAsked<'_>,
    known: Refund,
) -> Result<Refund, ApiError> {
    match Box::pin(continue_refund(deps, configured, known.clone(), asked.bounds)).await {
        Ok(refund) => Ok(refund),
        Err(error) => match error.retryable() {
            // The provider did not answer: the refund is as it was.
            Retry::Unanswered => {
                warn!(app.id = %known.key.app, tx.id = %known.transaction, "a refund stays pending: {}", error_chain(&error));
                Ok(known)
            }
            Retry::No | Retry::Storage | Retry::Answered(_) => Err(error),
        },
    }
}

/// A new refund, as it is reserved.
pub(crate) fn plan(payment: &Transaction, others: &[Refund], content: RefundContent, now: Timestamp) -> Refund {
    let RefundContent { num, fee, reason } = content;
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

/// Builds the call that sends a refund, and drops it. `send` builds it anew, because each call has a signature of its own.
pub(crate) async fn check_can_be_sent(
    deps: &Deps,
    configured: &ConfiguredApp,
    payment: &Transaction,
    refund: &Refund,
) -> Result<(), ApiError> {
    let account = account_of(deps, configured, payment).await?;
    let moment = Moment { now: deps.services.clock.now(), nonce: deps.services.random.nonce()? };
    let notify_url = notify_url(deps, payment);
    let call = refund_call(&account, &order(payment, refund, &notify_url), refund.way, &moment)?;
    if let Some(certificate) = call.extensions().get::<ClientCertificate>() {
        certificate.open()?;
    }
    Ok(())
}

/// The limit of the one who refunds, and the proposal that is carried out. Without both a refund needs nobody's consent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowed<'a> {
    allowance: Option<&'a RefundAllowance>,
    proposed: Option<&'a ProposedRefund>,
}

/// Keeps a planned refund, and its share of the payment, in one transaction.
pub(crate) async fn reserve(
    deps: &Deps,
    planned: &Refund,
    Allowed { allowance, proposed }: Allowed<'_>,
) -> Result<RefundReservation<RefundRefusal>, StoreError> {
    let decide = |payment: &Transaction, refunded_today: i64| {
        let payment = reserve_refund(payment, planned.fee)?;
        if let Some(allowance) = allowance {
            allowance.check(refunded_today, planned.fee)?;
        }
        Ok(PlannedRefund { payment, refund: planned.clone() })
    };
    let terms = RefundTerms { day: allowance.map(|allowance| &allowance.day), proposed };
    deps.services.store.begin_refund(&planned.key, &planned.num, terms, decide).await
}

/// Settles a verified notify about one refund.
///
/// # Errors
/// [`StoreError`]: the same notify may be taken again.
pub(crate) async fn take_refund_notify(
    deps: &Deps,
    key: &TransactionKey,
    configured: &Arc<ConfiguredApp>,
    notify: &RefundNotify<'_>,
) -> Result<ReportOutcome, StoreError> {
    let store = &deps.services.store;
    let Some(payment) = store.find_transaction(key).await? else {
        let order = notify.report.order.clone();
        return Ok(ReportOutcome::Mismatched(Found::NoSuchTry { order }.into()));
    };
    if payment.account != notify.context.account {
        return Ok(ReportOutcome::OtherAccount(payment.account));
    }
    let ours = match RefundNum::parse(&notify.refund.refund_num) {
        Some(num) => store.find_refund(&key.app, key.mode, &key.bill, &num).await?,
        None => None,
    };
    if let Some(mismatch) = find_mismatch(notify, &payment, ours.as_ref()) {
        return keep_refund_mismatch(deps, configured, notify, &payment, mismatch).await;
    }
    match ours.filter(|refund| refund.transaction == payment.id) {
        Some(refund) => take_refund_report(deps, configured, notify, &payment, refund).await,
        None => take_foreign_refund(deps, configured, notify, &payment).await,
    }
}

/// How a notify differs from what is known, and the kind of its incident.
struct RefundMismatch {
    kind: IncidentKind,
    said: Sentence,
}

/// Compares a notify with the payment. If `ours` has the refund of this number, the amounts are compared, too.
fn find_mismatch(notify: &RefundNotify<'_>, payment: &Transaction, ours: Option<&Refund>) -> Option<RefundMismatch> {
    if let Err(mismatch) = check(notify.report, payment) {
        return Some(RefundMismatch { kind: mismatch_kind(&mismatch), said: mismatch.into() });
    }
    let (refund, reported) = (ours?, notify.refund.refund_fee?);
    if reported == refund.fee {
        return None;
    }
    let (num, found, expected) = (refund.num.to_string(), reported.get(), refund.fee.get());
    Some(RefundMismatch { kind: IncidentKind::RefundAmount, said: Found::RefundAmount { num, found, expected }.into() })
}

async fn keep_refund_mismatch(
    deps: &Deps,
    configured: &ConfiguredApp,
    notify: &RefundNotify<'_>,
    payment: &Transaction,
    RefundMismatch { kind, said }: RefundMismatch,
) -> Result<ReportOutcome, StoreError> {
    let mismatch = ReportMismatch { kind, said: said.clone(), report: notify.report, transaction: Some(payment) };
    keep_mismatch(deps, &payment.key, configured, notify.context, mismatch).await?;
    Ok(ReportOutcome::Mismatched(said))
}

/// Applies the report about one of our refunds.
async fn take_refund_report(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    notify: &RefundNotify<'_>,
    payment: &Transaction,
    refund: Refund,
) -> Result<ReportOutcome, StoreError> {
    let Some(statement) = statement_of(notify.refund.outcome.clone(), notify.refund.sending) else {
        // It says that the refund is pending. So does each notify of WeChat Pay v2, whose content is not signed. The provider is queried
        // now; if that fails, the sweep queries it.
        if let Err(error) = continue_refund(deps, configured, refund, ASKING_BOUNDS).await {
            warn!(bill.num = %payment.key.bill, tx.id = %payment.id, "a refund stays as it is: {}", error_chain(&error));
        }
        return Ok(ReportOutcome::Settled);
    };
    match Box::pin(apply_statement(deps, configured, &refund, &statement)).await? {
        RefundApplied::Applied(_) => Ok(ReportOutcome::Settled),
        RefundApplied::Contradicted(_, contradiction) => {
            let mismatch = RefundMismatch { kind: IncidentKind::RefundContradiction, said: contradiction.into() };
            keep_refund_mismatch(deps, configured, notify, payment, mismatch).await
        }
    }
}

/// Takes a notify about a refund that was not begun here. If its money left, a person has to look: our books do not have it.
async fn take_foreign_refund(
    deps: &Deps,
    configured: &ConfiguredApp,
    notify: &RefundNotify<'_>,
    payment: &Transaction,
) -> Result<ReportOutcome, StoreError> {
    let (num, key) = (&notify.refund.refund_num, &payment.key);
    match notify.refund.outcome {
        RefundOutcome::Done | RefundOutcome::Stuck { .. } => {
            let said = Found::RefundUnknown { num: num.clone() }.into();
            let mismatch = RefundMismatch { kind: IncidentKind::RefundUnknown, said };
            keep_refund_mismatch(deps, configured, notify, payment, mismatch).await
        }
        RefundOutcome::Pending
        | RefundOutcome::NotThere
        | RefundOutcome::Lost { .. }
        | RefundOutcome::Short { .. }
        | RefundOutcome::Failed { .. } => {
            info!(app.id = %key.app, bill.num = %key.bill, "refund {num} was not begun here and moved nothing");
            Ok(ReportOutcome::Settled)
        }
    }
}
