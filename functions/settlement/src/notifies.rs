//! Verifies a notify by the account that its order was made on, and settles it.
//!
//! The address of a notify does not name that account, and a look-up would cost every payment a read. So the account in use reads the
//! notify first. If it cannot, or if the try belongs to another account, that account reads it.

use std::{sync::Arc, time::Duration};

use domain::{AccountNumber, Notification, Outcome, Timestamp, TransactionId, TransactionKey};
use providers::{Account, Acknowledgement, MessageProblem, Moment, NotifyError, RefundReport};
use runtime::{AccountKey, ApiError, ConfiguredApp, Fetch, FormerAccount, Renewed, Request};
use tracing::warn;

use crate::{
    deps::Deps,
    refunds::{RefundNotify, take_refund_notify},
    report::{ReportContext, ReportOutcome, ReportSource},
    taking::take_report,
};

/// A warm function remembers settings, so it may make orders in the protocol before for some seconds after a change. This is ten times as
/// long.
const ORDERED_BEFORE: Duration = Duration::from_secs(60);

/// How long a notify waits for the certificate that it is signed with. WeChat Pay wants its answer within five seconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// A notify that arrived, or one that was kept.
#[derive(Clone, Copy, Debug)]
pub struct Notify<'a> {
    /// The try that its address is of.
    pub key: &'a TransactionKey,
    /// The message.
    pub request: &'a Request,
    /// When it arrived. Times in it are checked against this moment.
    pub arrived_at: Timestamp,
    /// The time.
    pub now: Timestamp,
}

/// What became of a notify.
#[derive(Debug)]
pub enum NotifyOutcome {
    /// It is verified.
    Taken(ReportOutcome, Acknowledgement),
    /// It could not be verified.
    Refused(NotifyError),
    /// It is signed with a new certificate, which the provider did not hand out in time. The provider has to send the notify again.
    Late(NotifyError),
    /// There is no account to verify it by: its settings were deleted or retired, or cannot be used.
    Unreadable,
}

/// Verifies a notify and settles what it says.
///
/// # Errors
/// [`ApiError`]: it is not known whether the notify is settled. The same notify may be taken again.
pub async fn take_notify(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    notify: &Notify<'_>,
) -> Result<NotifyOutcome, ApiError> {
    let key = notify.key;
    let Some(current) = configured.current(key.channel, key.mode) else { return Ok(NotifyOutcome::Unreadable) };
    let first = take_notify_by(deps, configured, notify, current).await?;
    let Some(number) = find_other(deps, key, &first, current.number).await? else { return Ok(first) };
    take_notify_by(deps, configured, notify, AccountKey { number, ..current }).await
}

/// The account that a try belongs to, if it is another than the one in use.
async fn find_other(
    deps: &Deps,
    key: &TransactionKey,
    first: &NotifyOutcome,
    current: AccountNumber,
) -> Result<Option<AccountNumber>, ApiError> {
    match first {
        NotifyOutcome::Taken(ReportOutcome::OtherAccount(number), _) => Ok(Some(*number)),
        NotifyOutcome::Taken(ReportOutcome::Settled | ReportOutcome::Mismatched(_), _)
        | NotifyOutcome::Refused(NotifyError::Probe) => Ok(None),
        NotifyOutcome::Refused(..) | NotifyOutcome::Late(..) | NotifyOutcome::Unreadable => {
            let found = deps.services.store.find_transaction(key).await?;
            Ok(found.map(|transaction| transaction.account).filter(|number| *number != current))
        }
    }
}

async fn take_notify_by(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    notify: &Notify<'_>,
    by: AccountKey,
) -> Result<NotifyOutcome, ApiError> {
    let account = match deps.services.apps.account_of(configured, by, notify.now).await {
        Ok(Some(account)) => account,
        Ok(None) => return Ok(NotifyOutcome::Unreadable),
        Err(ApiError::Settings(error)) => {
            warn!(app.id = %notify.key.app, channel = %by.channel, "the settings cannot be used: {error}");
            return Ok(NotifyOutcome::Unreadable);
        }
        Err(error) => return Err(error),
    };
    let (account, report) = match read(deps, configured, notify, by, account).await? {
        ReadNotify::Verified(account, report) => (account, report),
        ReadNotify::NotVerified(outcome) => return Ok(outcome),
    };
    let request = notify.request;
    let context = ReportContext {
        source: ReportSource::Notify,
        account: by.number,
        headers: request.headers(),
        body: request.body(),
        now: notify.now,
    };
    let outcome = match refund_report_of(&account, &report, notify) {
        Some(refund) => {
            let refund = RefundNotify { refund: &refund, report: &report, context: &context };
            take_refund_notify(deps, notify.key, configured, &refund).await?
        }
        None => take_report(deps, notify.key, configured, &report, &context).await?,
    };
    Ok(NotifyOutcome::Taken(outcome, account.acknowledgement()))
}

/// What one account makes of a notify.
enum ReadNotify {
    /// This account verified it, and this is its report.
    Verified(Arc<Account>, Notification),
    /// It could not.
    NotVerified(NotifyOutcome),
}

/// Verifies a notify. The provider may have begun to sign with a new certificate, which is fetched then; and an account that changed its
/// protocol reads notifies of older orders in the protocol before.
async fn read(
    deps: &Deps,
    configured: &ConfiguredApp,
    notify: &Notify<'_>,
    by: AccountKey,
    account: Arc<Account>,
) -> Result<ReadNotify, ApiError> {
    if account.is_of_other_form(notify.request)
        && let Some(former) = deps.services.apps.former_form(&configured.app.id, by, notify.now).await?
    {
        return Ok(read_former(former, notify));
    }
    let error = match account.read_notify(notify.key.channel, notify.request, notify.arrived_at) {
        Ok(report) => return Ok(ReadNotify::Verified(account, report)),
        Err(error) => error,
    };
    if !error.retryable() {
        return Ok(ReadNotify::NotVerified(NotifyOutcome::Refused(error)));
    }
    let moment = Moment { now: notify.now, nonce: deps.services.random.nonce()? };
    let fetch = Fetch { outbound: &deps.outbound, moment: &moment, patience: PATIENCE };
    Ok(match deps.services.apps.renew(configured, by, &fetch).await {
        Renewed::Account(renewed) => match renewed.read_notify(notify.key.channel, notify.request, notify.arrived_at) {
            Ok(report) => ReadNotify::Verified(renewed, report),
            Err(error) => ReadNotify::NotVerified(NotifyOutcome::Refused(error)),
        },
        Renewed::Nothing => ReadNotify::NotVerified(NotifyOutcome::Refused(error)),
        Renewed::Late => ReadNotify::NotVerified(NotifyOutcome::Late(error)),
    })
}

/// Reads a notify in the account's protocol before. Only an order that was made before the change is reported so. For a later order the
/// notify is refused: the old key may be known to others by now.
fn read_former(FormerAccount { account, changed_at }: FormerAccount, notify: &Notify<'_>) -> ReadNotify {
    let report = match account.read_notify(notify.key.channel, notify.request, notify.arrived_at) {
        Ok(report) => report,
        Err(error) => return ReadNotify::NotVerified(NotifyOutcome::Refused(error)),
    };
    let made_at = TransactionId::parse(&report.order).ok().and_then(|order| order.created_at());
    if made_at.is_some_and(|made_at| made_at <= changed_at.plus(ORDERED_BEFORE)) {
        return ReadNotify::Verified(account, report);
    }
    ReadNotify::NotVerified(NotifyOutcome::Refused(MessageProblem::FormerForm.into()))
}

/// The refund that a notify reports, if it reports one. Such a notify says nothing about the payment; a notify that does is not read
/// a second time.
fn refund_report_of(account: &Account, report: &Notification, notify: &Notify<'_>) -> Option<RefundReport> {
    if report.outcome != Outcome::Pending {
        return None;
    }
    account.read_refund_notify(notify.key.channel, notify.request, notify.arrived_at).ok()
}
