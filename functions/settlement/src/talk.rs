//! A talk with the provider of a try: the account that it was charged on, one call and its answer.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use domain::Transaction;
use http::{Request, Response};
use outbound::Bounds;
use providers::{Account, Moment, Placed, ProviderError};
use runtime::{AccountKey, ApiError, ConfiguredApp, Question};

use crate::deps::Deps;

/// What one question may take where somebody waits for several.
pub const ASKING_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(4), body_bytes_max: 256 * 1024 };

/// What the other verbs need to know of an order.
pub(crate) fn placed(transaction: &Transaction) -> Placed<'_> {
    Placed {
        id: &transaction.id,
        created_at: transaction.created_at,
        fee: transaction.fee,
        trade_no: transaction.trade_no.as_ref(),
        channel: transaction.key.channel,
    }
}

/// The account that a try was charged on: no other knows its order.
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
    let account = deps.base.apps.account_of(configured, key, deps.base.clock.now()).await?;
    account.ok_or_else(|| {
        let is_current = configured.current(channel, mode) == Some(key);
        if is_current { ApiError::NotConfigured { channel, mode } } else { ApiError::Retired { channel, mode, number } }
    })
}

/// A talk with the provider of a transaction.
pub(crate) struct Talk<'a> {
    deps: &'a Deps,
    configured: &'a Arc<ConfiguredApp>,
    transaction: &'a Transaction,
    bounds: Bounds,
    pub(crate) account: Arc<Account>,
    pub(crate) moment: Moment,
}

impl<'a> Talk<'a> {
    /// # Errors
    /// [`ApiError`]: no settings, or ones that cannot be used.
    pub(crate) async fn open(
        deps: &'a Deps,
        configured: &'a Arc<ConfiguredApp>,
        transaction: &'a Transaction,
        bounds: Bounds,
    ) -> Result<Self, ApiError> {
        let account = account_of(deps, configured, transaction).await?;
        let moment = Moment { now: deps.base.clock.now(), nonce: deps.base.random.nonce()? };
        Ok(Self { deps, configured, transaction, bounds, account, moment })
    }

    /// Sends a call and reads its answer.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(crate) async fn say<T>(
        &self,
        call: Request<Bytes>,
        read: impl Fn(&Account, &Response<Bytes>) -> Result<T, ProviderError>,
    ) -> Result<(Response<Bytes>, T), ApiError> {
        let question = Question {
            configured: self.configured,
            key: AccountKey::of(self.transaction),
            account: &self.account,
            outbound: &self.deps.outbound,
            bounds: self.bounds,
            moment: &self.moment,
        };
        self.deps.base.ask(&question, call, read).await
    }
}
