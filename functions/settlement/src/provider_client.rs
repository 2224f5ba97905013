//! Calls to the provider of a try, on the account that the try was charged on.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use domain::Transaction;
use http::{Request, Response};
use outbound::Bounds;
use providers::{Account, Moment, Placed, ProviderError};
use runtime::{AccountKey, ApiError, ConfiguredApp, ProviderAnswer, Question};

use crate::deps::Deps;

/// The bounds of one call where a caller waits for several.
pub const ASKING_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(4), body_bytes_max: 256 * 1024 };

/// The order at the provider, as every call but the charge names it.
pub(crate) fn placed(transaction: &Transaction) -> Placed<'_> {
    Placed {
        id: &transaction.id,
        created_at: transaction.created_at,
        fee: transaction.fee,
        trade_no: transaction.trade_no.as_ref(),
        channel: transaction.key.channel,
    }
}

/// The account that a try was charged on. Only that account knows its order.
///
/// # Errors
/// [`ApiError`]: its settings were deleted or retired, or cannot be used.
pub(crate) async fn account_of(
    deps: &Deps,
    configured: &ConfiguredApp,
    transaction: &Transaction,
) -> Result<Arc<Account>, ApiError> {
    let key = AccountKey::of(transaction);
    let AccountKey { channel, mode, number } = key;
    let account = deps.services.apps.account_of(configured, key, deps.services.clock.now()).await?;
    account.ok_or_else(|| {
        let is_current = configured.current(channel, mode) == Some(key);
        if is_current { ApiError::NotConfigured { channel, mode } } else { ApiError::Retired { channel, mode, number } }
    })
}

/// Calls the provider of one try. Its moment signs one call: open a client for each.
pub(crate) struct ProviderClient<'a> {
    deps: &'a Deps,
    configured: &'a Arc<ConfiguredApp>,
    transaction: &'a Transaction,
    bounds: Bounds,
    pub(crate) account: Arc<Account>,
    pub(crate) moment: Moment,
}

impl<'a> ProviderClient<'a> {
    /// # Errors
    /// [`ApiError`]: there are no settings, or they cannot be used.
    pub(crate) async fn open(
        deps: &'a Deps,
        configured: &'a Arc<ConfiguredApp>,
        transaction: &'a Transaction,
        bounds: Bounds,
    ) -> Result<Self, ApiError> {
        let account = account_of(deps, configured, transaction).await?;
        let moment = Moment { now: deps.services.clock.now(), nonce: deps.services.random.nonce()? };
        Ok(Self { deps, configured, transaction, bounds, account, moment })
    }

    /// Sends a call and reads its answer.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(crate) async fn call<T>(
        &self,
        call: Request<Bytes>,
        read: impl Fn(&Account, &Response<Bytes>) -> Result<T, ProviderError>,
    ) -> Result<ProviderAnswer<T>, ApiError> {
        let question = Question {
            configured: self.configured,
            key: AccountKey::of(self.transaction),
            account: &self.account,
            outbound: &self.deps.outbound,
            bounds: self.bounds,
            moment: &self.moment,
        };
        self.deps.services.ask(&question, call, read).await
    }
}
