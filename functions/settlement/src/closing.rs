//! Closes an unpaid bill, at its provider and here. The provider is asked first: what is paid is not closed.

use std::{convert::Infallible, sync::Arc};

use domain::{Status, Transaction};
use outbound::Bounds;
use providers::{Closing, ProviderError};
use runtime::{ApiError, ConfiguredApp, PaymentOutcome};
use store::{Settled, StoreError, Told};
use tracing::info;

use crate::{
    Deps,
    asking::{Asked, Talk, ask, placed},
    ring,
};

/// What came of a closing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It is closed, now or before.
    Closed(Box<Transaction>),
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

/// Asks the provider about an unpaid bill, and closes it if it is not paid. Where a provider knows no closing (UnionPay), or does
/// not know the order, it is closed here alone: a payment that comes all the same still counts.
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
    let talk = Talk::open(deps, configured, transaction, bounds)?;
    let placed = placed(transaction);
    let closing = match talk.account.close(&placed, &talk.moment) {
        Err(ProviderError::Unsupported { .. }) => Closing::NotThere,
        call => {
            let read = |account: &providers::Account, answer: &_| account.read_close(&placed, answer, talk.moment.now);
            talk.say(call?, read).await?.1
        }
    };
    match closing {
        Closing::Closed | Closing::NotThere => Ok(close_here(deps, configured, transaction).await?),
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
    if ask(deps, configured, transaction, bounds).await? == Asked::Pending {
        return Ok(None);
    }
    let now = deps.base.store.find_transaction(&transaction.key).await?;
    let now = now.ok_or_else(|| StoreError::Stale { what: transaction.id.to_string() })?;
    Ok(match now.status {
        Status::Success | Status::Refund => Some(Closed::Paid(Box::new(now))),
        Status::Closed => Some(Closed::Closed(Box::new(now))),
        // What the provider said did not fit. A person has to look before anything is closed.
        Status::Created => Some(Closed::Refused {
            code: "MISMATCH".to_owned(),
            words: "what the provider says does not fit the bill; see its incidents".to_owned(),
        }),
    })
}

/// Closes it here, unless it was paid in this moment.
async fn close_here(deps: &Deps, configured: &ConfiguredApp, transaction: &Transaction) -> Result<Closed, StoreError> {
    let (key, now) = (&transaction.key, deps.base.clock.now());
    let told = Told { webhooks: &configured.webhooks, now, look_at: None };
    let decide = |before: &Transaction| Ok::<_, Infallible>(domain::close(before, now));
    match deps.base.store.settle(key, told, decide).await? {
        Settled::Changed(closed, deliveries) => {
            let (bill, id) = (&key.bill, &closed.id);
            info!(app.id = %key.app, bill.num = %bill, tx.id = %id, channel = %key.channel, "closed bill {bill}");
            deps.base.metrics.payment(key.channel, PaymentOutcome::Closed);
            ring(deps, &deliveries).await;
            Ok(Closed::Closed(closed))
        }
        Settled::Unchanged(over) if over.status.is_paid() => Ok(Closed::Paid(over)),
        Settled::Unchanged(over) => Ok(Closed::Closed(over)),
        Settled::NotFound => Err(StoreError::Stale { what: transaction.id.to_string() }),
        Settled::Refused(_, never) => match never {},
    }
}
