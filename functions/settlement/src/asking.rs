//! Asks a provider what has become of an order, and settles what it says.

use std::sync::Arc;

use domain::{Outcome, Transaction};
use outbound::Bounds;
use runtime::{ApiError, ConfiguredApp};

use crate::{
    deps::Deps,
    door::take,
    report::{Heard, How, Taken},
    talk::{Talk, placed},
};

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The provider has not decided either.
    Pending,
    /// It said that the order was closed unpaid there, and that is settled.
    Closed,
    /// It said something, and that is settled.
    Settled,
    /// What it said does not fit, and is kept as an incident.
    Misfit,
}

/// Asks the provider of `transaction` about it.
///
/// # Errors
/// [`ApiError`] if there is no answer that can be believed; nothing is settled then.
pub async fn ask(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    transaction: &Transaction,
    bounds: Bounds,
) -> Result<Asked, ApiError> {
    let talk = Talk::open(deps, configured, transaction, bounds).await?;
    let placed = placed(transaction);
    let (answer, report) = talk
        .say(talk.account.query(&placed, &talk.moment)?, |account, answer| {
            account.read_query(&placed, answer, talk.moment.now)
        })
        .await?;
    if report.outcome == Outcome::Pending {
        return Ok(Asked::Pending);
    }
    let now = deps.base.clock.now();
    let account = transaction.account;
    let heard = Heard { how: How::Answer, account, headers: answer.headers(), body: answer.body(), now };
    match take(deps, &transaction.key, configured, &report, &heard).await? {
        Taken::Settled if report.outcome == Outcome::Closed => Ok(Asked::Closed),
        Taken::Settled => Ok(Asked::Settled),
        Taken::Misfit | Taken::OfAnother(_) => Ok(Asked::Misfit),
    }
}
