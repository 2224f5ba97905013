//! Reads a notify by the account that its order was made on, and settles it.
//!
//! Its address does not say which account that is, and to look it up would cost every payment a read. So the account in use reads it
//! first. Where that cannot, or where the try turns out to be of another account, that one reads it.

use std::{sync::Arc, time::Duration};

use domain::{AccountNumber, Notification, Outcome, Timestamp, TransactionId, TransactionKey};
use providers::{Account, Acknowledgement, MessageProblem, Moment, NotifyError, RefundReport};
use runtime::{AccountKey, ApiError, ConfiguredApp, Fetch, Renewed, Request};
use tracing::warn;

use crate::{
    deps::Deps,
    door::take,
    refunds::take_refund,
    report::{Heard, How, Taken},
};

/// For so long a warm function may make orders by the protocol before, because it remembers the settings; ten times as long as it does.
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
    /// When it arrived: as of then it is verified.
    pub arrived_at: Timestamp,
    /// The time.
    pub now: Timestamp,
}

/// What became of a notify.
#[derive(Debug)]
pub enum Answered {
    /// It is genuine.
    Taken(Taken, Acknowledgement),
    /// It could not be verified.
    Refused(NotifyError),
    /// It is signed with a certificate that is not held, and that the provider did not give out in time: it is to send the notify again.
    Late(NotifyError),
    /// There is no account to verify it by: its settings were deleted or retired, or cannot be used.
    Unreadable,
}

/// Verifies a notify and settles what it says.
///
/// # Errors
/// [`ApiError`]: nobody knows whether it is settled, and the same notify may be brought again.
pub async fn hear(deps: &Deps, configured: &Arc<ConfiguredApp>, notify: &Notify<'_>) -> Result<Answered, ApiError> {
    let key = notify.key;
    let Some(current) = configured.current(key.channel, key.mode) else { return Ok(Answered::Unreadable) };
    let first = hear_by(deps, configured, notify, current).await?;
    let Some(number) = find_other(deps, key, (&first, current.number)).await? else { return Ok(first) };
    hear_by(deps, configured, notify, AccountKey { number, ..current }).await
}

/// The account that a try belongs to, if it is another than the one in use.
async fn find_other(
    deps: &Deps,
    key: &TransactionKey,
    (first, current): (&Answered, AccountNumber),
) -> Result<Option<AccountNumber>, ApiError> {
    match first {
        Answered::Taken(Taken::OfAnother(number), _) => Ok(Some(*number)),
        Answered::Taken(Taken::Settled | Taken::Misfit, _) | Answered::Refused(NotifyError::Probe) => Ok(None),
        Answered::Refused(..) | Answered::Late(..) | Answered::Unreadable => {
            let found = deps.base.store.find_transaction(key).await?;
            Ok(found.map(|transaction| transaction.account).filter(|number| *number != current))
        }
    }
}

async fn hear_by(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    notify: &Notify<'_>,
    by: AccountKey,
) -> Result<Answered, ApiError> {
    let account = match deps.base.apps.account_of(configured, by, notify.now).await {
        Ok(Some(account)) => account,
        Ok(None) => return Ok(Answered::Unreadable),
        Err(ApiError::Settings(error)) => {
            warn!(app.id = %notify.key.app, channel = %by.channel, "the settings cannot be used: {error}");
            return Ok(Answered::Unreadable);
        }
        Err(error) => return Err(error),
    };
    let (account, report) = match read(deps, configured, notify, (by, account)).await? {
        Ok(read) => read,
        Err(answered) => return Ok(answered),
    };
    let request = notify.request;
    let heard = Heard {
        how: How::Notify,
        account: by.number,
        headers: request.headers(),
        body: request.body(),
        now: notify.now,
    };
    let taken = match told_of_refund(&account, &report, notify) {
        Some(told) => take_refund(deps, notify.key, configured, (&told, &report), &heard).await?,
        None => take(deps, notify.key, configured, &report, &heard).await?,
    };
    Ok(Answered::Taken(taken, account.acknowledgement()))
}

type Read = Result<(Arc<Account>, Notification), Answered>;

/// Verifies a notify, if need be with certificates that the provider has only begun to sign with, or in the form of the account's
/// protocol of before; answers the account that did.
async fn read(
    deps: &Deps,
    configured: &ConfiguredApp,
    notify: &Notify<'_>,
    (by, account): (AccountKey, Arc<Account>),
) -> Result<Read, ApiError> {
    if account.is_of_other_form(notify.request)
        && let Some((former, changed_at)) = deps.base.apps.former_form(&configured.app.id, by, notify.now).await?
    {
        return Ok(read_former(former, changed_at, notify));
    }
    let error = match account.read_notify(notify.request, notify.arrived_at) {
        Ok(report) => return Ok(Ok((account, report))),
        Err(error) => error,
    };
    if !error.retryable() {
        return Ok(Err(Answered::Refused(error)));
    }
    let moment = Moment { now: notify.now, nonce: deps.base.random.nonce()? };
    let fetch = Fetch { outbound: &deps.outbound, moment: &moment, patience: PATIENCE };
    Ok(match deps.base.apps.renew(configured, by, &fetch).await {
        Renewed::Account(renewed) => match renewed.read_notify(notify.request, notify.arrived_at) {
            Ok(report) => Ok((renewed, report)),
            Err(error) => Err(Answered::Refused(error)),
        },
        Renewed::Nothing => Err(Answered::Refused(error)),
        Renewed::Late => Err(Answered::Late(error)),
    })
}

/// An order that was made after the account changed its protocol is told of in the new form: what says otherwise is signed with a key
/// that may be known to others by now.
fn read_former(former: Arc<Account>, changed_at: Timestamp, notify: &Notify<'_>) -> Read {
    let report = former.read_notify(notify.request, notify.arrived_at).map_err(Answered::Refused)?;
    let made_at = TransactionId::parse(&report.order).ok().and_then(|order| order.created_at());
    if made_at.is_some_and(|made_at| made_at <= changed_at.plus(ORDERED_BEFORE)) {
        return Ok((former, report));
    }
    Err(Answered::Refused(MessageProblem::FormerForm.into()))
}

/// What the notify says about one refund, if it is about one. It says nothing of its payment then, so that whatever does is read
/// once only.
fn told_of_refund(account: &Account, report: &Notification, notify: &Notify<'_>) -> Option<RefundReport> {
    if report.outcome != Outcome::Pending {
        return None;
    }
    account.read_refund_notify(notify.request, notify.arrived_at).ok()
}
