//! From a reserved try to its payment parameters.
//!
//! As a rule this is one call to the provider. A provider may answer that it already has the order: an earlier charge sent it, and the answer
//! was lost. UnionPay gives the token of an order out once. So the charge waits a moment for another caller that may be keeping it; then it
//! withdraws the try, and begins with the next.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use domain::{Transaction, next_closed_question, withdraw};
use outbound::Bounds;
use providers::{Account, AnswerRetry, Charge, PaymentParameters, ProviderError};
use runtime::{ApiError, Question, Retry};
use store::{Settled, SettlementContext, StoreError};

use crate::{
    ChargeContext, Deps,
    tries::{Origin, Try, find_try, load_bill, replace_try},
};

/// A provider that takes longer leaves the bill pending; the function itself has 15 seconds.
const PROVIDER_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(10), body_bytes_max: 256 * 1024 };

/// The most tries that one charge goes through. If all of them are over, the next charge begins with another.
const ROUNDS_MAX: u32 = 3;

/// Another caller that got the token stores it within milliseconds. Four looks within 0.8 seconds are enough to find it.
const TOKEN_LOOKS: u32 = 4;
const TOKEN_PAUSE: Duration = Duration::from_millis(200);

/// A try, and what the payer's device needs to pay it.
#[derive(Debug)]
pub struct Begun {
    /// The try.
    pub transaction: Transaction,
    /// What the payer's device needs.
    pub parameters: PaymentParameters,
}

/// Begins a charge.
///
/// # Errors
/// [`ApiError`]: the charge is not allowed, cannot be built, or the provider gave no clear answer.
pub(crate) async fn begin(deps: &Deps, context: &ChargeContext<'_>) -> Result<Begun, ApiError> {
    for _ in 0..ROUNDS_MAX {
        let bill = load_bill(deps, context).await?;
        let found = find_try(deps, context, bill).await?;
        if let Some(begun) = begin_try(deps, context, found).await? {
            return Ok(begun);
        }
    }
    Err(ProviderError::AlreadyOrdered.into())
}

/// Asks the provider about one try; `None` if the try is over, and the next round has to find another.
async fn begin_try(deps: &Deps, context: &ChargeContext<'_>, found: Try) -> Result<Option<Begun>, ApiError> {
    let Try { transaction, built, origin } = found;
    let call = match built {
        Charge::Ready(parameters) => return Ok(Some(Begun { transaction, parameters })),
        Charge::Call(call) => call,
    };
    match ask(deps, context, call).await {
        Ok(parameters) => keep_token(deps, transaction, parameters).await,
        Err(error) => {
            let token = recover_token(deps, context, &transaction, origin, error).await?;
            Ok(token.map(|token| Begun { transaction, parameters: PaymentParameters::of_token(token) }))
        }
    }
}

/// Calls the provider, and reads its answer.
async fn ask(
    deps: &Deps,
    context: &ChargeContext<'_>,
    call: http::Request<Bytes>,
) -> Result<PaymentParameters, ApiError> {
    let ChargeContext { configured, charge, key, account, moment, .. } = context;
    let question =
        Question { configured, key: *key, account, outbound: &deps.outbound, bounds: PROVIDER_BOUNDS, moment };
    let read = |account: &Account, answer: &_| account.read_charge(charge.channel, answer, moment);
    Ok(deps.services.ask(&question, call, read).await?.content)
}

/// Keeps the token of a try, if the provider gives one out; `None` if the try was given up before the token came. Another try has taken its
/// place, and a bill must have one order to pay.
async fn keep_token(
    deps: &Deps,
    transaction: Transaction,
    parameters: PaymentParameters,
) -> Result<Option<Begun>, ApiError> {
    if let Some(token) = parameters.token()
        && !deps.services.store.keep_token(&transaction.key, token).await?
    {
        return Ok(None);
    }
    Ok(Some(Begun { transaction, parameters }))
}

/// The token that the provider gave out for this order before; `None` if the try was given up, and another has to be found.
///
/// # Errors
/// `error` itself, if another round would end in the same error.
async fn recover_token(
    deps: &Deps,
    context: &ChargeContext<'_>,
    transaction: &Transaction,
    origin: Origin,
    error: ApiError,
) -> Result<Option<String>, ApiError> {
    match (error.retryable(), origin) {
        (Retry::Answered(AnswerRetry::WithFirstAnswer), _) => find_lost_token(deps, context, transaction).await,
        // The order was made with other parameters, or is over at the provider: it returns nothing to pay with.
        (Retry::Answered(AnswerRetry::AsAnotherOrder), Origin::Continued) => {
            replace_try(deps, context, transaction).await?;
            Ok(None)
        }
        (Retry::Answered(AnswerRetry::AsAnotherOrder), Origin::Reserved)
        | (Retry::Answered(AnswerRetry::No | AnswerRetry::Later | AnswerRetry::WithCertificate), _)
        | (Retry::No | Retry::Storage | Retry::Unanswered, _) => Err(error),
    }
}

/// The provider has the order and gave its token out before. Either another caller got the token just now and is keeping it, or the answer
/// was lost. Then nobody can pay that order, and the try is withdrawn.
async fn find_lost_token(
    deps: &Deps,
    context: &ChargeContext<'_>,
    open: &Transaction,
) -> Result<Option<String>, ApiError> {
    if let Some(token) = wait_for_token(deps, open).await? {
        return Ok(Some(token));
    }
    let (key, now) = (&open.key, context.moment.now);
    // The provider still has the order until its end. It is queried about it as about every bill that is closed here alone.
    let look_at = next_closed_question(now, open.expires_at, now);
    let settlement = SettlementContext { webhooks: &[], now, look_at };
    let decide = |before: &Transaction| Ok::<_, Infallible>(withdraw(before, now));
    match deps.services.store.settle(key, settlement, decide).await? {
        Settled::Unchanged(transaction) => Ok(transaction.token),
        Settled::Changed(..) | Settled::NotFound | Settled::Refused(..) => Ok(None),
    }
}

/// Looks for the token that another caller may be keeping.
async fn wait_for_token(deps: &Deps, open: &Transaction) -> Result<Option<String>, StoreError> {
    for _ in 0..TOKEN_LOOKS {
        if let Some(token) = deps.services.store.find_transaction(&open.key).await?.and_then(|found| found.token) {
            return Ok(Some(token));
        }
        tokio::time::sleep(TOKEN_PAUSE).await;
    }
    Ok(None)
}
