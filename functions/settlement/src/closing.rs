//! Closes an unpaid bill, at its provider and here. The provider is asked first: what is paid is not closed.

use std::{convert::Infallible, sync::Arc};

use domain::{Status, Timestamp, Transaction, next_closed_question};
use outbound::Bounds;
use providers::{Account, Closing, ProviderError};
use runtime::{ApiError, ConfiguredApp, PaymentOutcome};
use store::{Settled, SettlementContext, StoreError};
use tracing::info;

use crate::{
    asking::{QueryOutcome, ask},
    deps::{Deps, ring},
    provider_client::{ProviderClient, account_of, placed},
};

/// The result of a closing.
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

/// Queries the provider about an unpaid bill. A bill that is not paid is closed at the provider and here.
///
/// Two providers cannot always close: UnionPay has no such call, and Alipay does not know the order before the payer opens the cashier.
/// Such a bill is closed here alone. Its provider is queried until the order can no longer be paid, and a payment that comes until
/// then counts. Calling this again for such a bill closes it at its provider as soon as that is possible.
///
/// # Errors
/// [`ApiError`]: the provider gave no verified answer, and nothing is closed.
pub async fn close(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    transaction: &Transaction,
    bounds: Bounds,
) -> Result<Closed, ApiError> {
    if let Some(over) = find_end(deps, configured, transaction, bounds).await? {
        return Ok(over);
    }
    let client = ProviderClient::open(deps, configured, transaction, bounds).await?;
    let placed = placed(transaction);
    let closing = match client.account.close(&placed, &client.moment) {
        Err(ProviderError::Unsupported { .. }) => Closing::NotThere,
        call => {
            let read = |account: &Account, answer: &_| account.read_close(&placed, answer, client.moment.now);
            client.call(call?, read).await?.content
        }
    };
    match closing {
        Closing::Closed => Ok(close_here(deps, configured, transaction, Certainty::AtProvider, None).await?),
        Closing::NotThere | Closing::Unconfirmed => {
            let now = deps.services.clock.now();
            let asked_at = next_closed_question(now, client.account.payable_until(transaction.expires_at), now);
            Ok(close_here(deps, configured, transaction, Certainty::HereAlone, asked_at).await?)
        }
        // Perhaps it was paid just now.
        Closing::Refused { code, words } => {
            let over = find_end(deps, configured, transaction, bounds).await?;
            Ok(over.unwrap_or(Closed::Refused { code, words }))
        }
    }
}

/// Queries the provider; `None` while the bill is neither paid nor closed there.
async fn find_end(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    transaction: &Transaction,
    bounds: Bounds,
) -> Result<Option<Closed>, ApiError> {
    let asked = ask(deps, configured, transaction, bounds).await?;
    if asked == QueryOutcome::Pending {
        return Ok(None);
    }
    let now = deps.services.store.find_transaction(&transaction.key).await?;
    let now = now.ok_or_else(|| StoreError::Stale { what: transaction.id.to_string() })?;
    let certainty = if asked == QueryOutcome::Closed { Certainty::AtProvider } else { Certainty::HereAlone };
    Ok(match now.status {
        Status::Success | Status::Refund => Some(Closed::Paid(Box::new(now))),
        Status::Closed => Some(Closed::Closed(Box::new(now), certainty)),
        // The report did not match. A person has to look before anything is closed.
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

/// Closes the bill here, unless it was paid in this moment. If the provider did not close it, it is queried again at `asked_at`.
async fn close_here(
    deps: &Deps,
    configured: &ConfiguredApp,
    transaction: &Transaction,
    certainty: Certainty,
    asked_at: Option<Timestamp>,
) -> Result<Closed, StoreError> {
    let (key, now) = (&transaction.key, deps.services.clock.now());
    let settlement = SettlementContext { webhooks: &configured.webhooks, now, look_at: asked_at };
    let decide = |before: &Transaction| Ok::<_, Infallible>(domain::close(before, now));
    match deps.services.store.settle(key, settlement, decide).await? {
        Settled::Changed(closed, deliveries) => {
            let (bill, id) = (&key.bill, &closed.id);
            info!(app.id = %key.app, bill.num = %bill, tx.id = %id, channel = %key.channel, "closed bill {bill}");
            deps.services.metrics.payment(key.channel, PaymentOutcome::Closed);
            ring(deps, configured, &deliveries).await;
            Ok(Closed::Closed(closed, certainty))
        }
        Settled::Unchanged(over) if over.status.is_paid() => Ok(Closed::Paid(over)),
        Settled::Unchanged(over) => Ok(Closed::Closed(over, certainty)),
        Settled::NotFound => Err(StoreError::Stale { what: transaction.id.to_string() }),
        Settled::Refused(_, never) => match never {},
    }
}
