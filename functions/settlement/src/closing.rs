//! Closes an unpaid bill, at its provider and here. The provider is asked first: what is paid is not closed.

use std::{convert::Infallible, sync::Arc};

use domain::{Status, Timestamp, Transaction, next_closed_question};
use outbound::Bounds;
use providers::{Account, Closing, ProviderError};
use runtime::{ApiError, ConfiguredApp, PaymentOutcome};
use store::{Settled, StoreError, Told};
use tracing::info;

use crate::{
    asking::{Asked, ask},
    deps::{Deps, ring},
    talk::{Talk, account_of, placed},
};

/// What came of a closing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It is closed, now or before.
    Closed(Box<Transaction>, Certainty),
    /// It is paid.
    Paid(Box<Transaction>),
    /// The provider did not close it.
    Refused {
        /// The provider's own code.
        code: String,
        /// The provider's own words.
        words: String,
    },
}

/// Whether a bill that is closed here can still be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// No: its provider says that it is closed.
    AtProvider,
    /// Yes, until its order ends: it is closed here alone, and asked about until then.
    HereAlone,
}

/// Asks the provider about an unpaid bill, and closes it there and here if it is not paid. Where a provider knows no closing (UnionPay),
/// or does not know the order yet (Alipay, until the payer opens the cashier), it is closed here alone: it is asked about until its order
/// can certainly no longer be paid, and a payment that comes all the same counts. A bill that is closed here alone may be brought here
/// again and again, until its provider closes it, too.
///
/// # Errors
/// [`ApiError`] if the provider gave no answer that can be believed; nothing is closed then.
pub async fn close(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    transaction: &Transaction,
    bounds: Bounds,
) -> Result<Closed, ApiError> {
    if let Some(over) = find_end(deps, configured, transaction, bounds).await? {
        return Ok(over);
    }
    let talk = Talk::open(deps, configured, transaction, bounds).await?;
    let placed = placed(transaction);
    let closing = match talk.account.close(&placed, &talk.moment) {
        Err(ProviderError::Unsupported { .. }) => Closing::NotThere,
        call => {
            let read = |account: &Account, answer: &_| account.read_close(&placed, answer, talk.moment.now);
            talk.say(call?, read).await?.1
        }
    };
    match closing {
        Closing::Closed => Ok(close_here(deps, configured, transaction, (Certainty::AtProvider, None)).await?),
        Closing::NotThere | Closing::Unconfirmed => {
            let now = deps.base.clock.now();
            let asked_at = next_closed_question(now, talk.account.payable_until(transaction.expires_at), now);
            Ok(close_here(deps, configured, transaction, (Certainty::HereAlone, asked_at)).await?)
        }
        // Perhaps it was paid just now.
        Closing::Refused { code, words } => {
            let over = find_end(deps, configured, transaction, bounds).await?;
            Ok(over.unwrap_or(Closed::Refused { code, words }))
        }
    }
}

/// Asks, and says how it ended, if it did.
async fn find_end(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    transaction: &Transaction,
    bounds: Bounds,
) -> Result<Option<Closed>, ApiError> {
    let asked = ask(deps, configured, transaction, bounds).await?;
    if asked == Asked::Pending {
        return Ok(None);
    }
    let now = deps.base.store.find_transaction(&transaction.key).await?;
    let now = now.ok_or_else(|| StoreError::Stale { what: transaction.id.to_string() })?;
    let certainty = if asked == Asked::Closed { Certainty::AtProvider } else { Certainty::HereAlone };
    Ok(match now.status {
        Status::Success | Status::Refund => Some(Closed::Paid(Box::new(now))),
        Status::Closed => Some(Closed::Closed(Box::new(now), certainty)),
        // What the provider said did not fit. A person has to look before anything is closed.
        Status::Created => Some(Closed::Refused {
            code: "MISMATCH".to_owned(),
            words: "what the provider says does not fit the bill; see its incidents".to_owned(),
        }),
    })
}

/// Until when a bill that was closed here alone can be paid at its provider.
///
/// # Errors
/// [`ApiError`]: no settings, or ones that cannot be used.
pub async fn payable_until(
    deps: &Deps,
    configured: &ConfiguredApp,
    closed: &Transaction,
) -> Result<Timestamp, ApiError> {
    Ok(account_of(deps, configured, closed).await?.payable_until(closed.expires_at))
}

/// Closes it here, unless it was paid in this moment. The provider is asked again at `asked_at`, where it did not close it itself.
async fn close_here(
    deps: &Deps,
    configured: &ConfiguredApp,
    transaction: &Transaction,
    (certainty, asked_at): (Certainty, Option<Timestamp>),
) -> Result<Closed, StoreError> {
    let (key, now) = (&transaction.key, deps.base.clock.now());
    let told = Told { webhooks: &configured.webhooks, now, look_at: asked_at };
    let decide = |before: &Transaction| Ok::<_, Infallible>(domain::close(before, now));
    match deps.base.store.settle(key, told, decide).await? {
        Settled::Changed(closed, deliveries) => {
            let (bill, id) = (&key.bill, &closed.id);
            info!(app.id = %key.app, bill.num = %bill, tx.id = %id, channel = %key.channel, "closed bill {bill}");
            deps.base.metrics.payment(key.channel, PaymentOutcome::Closed);
            ring(deps, configured, &deliveries).await;
            Ok(Closed::Closed(closed, certainty))
        }
        Settled::Unchanged(over) if over.status.is_paid() => Ok(Closed::Paid(over)),
        Settled::Unchanged(over) => Ok(Closed::Closed(over, certainty)),
        Settled::NotFound => Err(StoreError::Stale { what: transaction.id.to_string() }),
        Settled::Refused(_, never) => match never {},
    }
}
