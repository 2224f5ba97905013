//! Queries a provider about an order, and settles its report.

use std::sync::Arc;

use domain::{Outcome, Sentence, Transaction};
use outbound::Bounds;
use providers::Account;
use runtime::{ApiError, ConfiguredApp, ProviderAnswer};

use crate::{
    deps::Deps,
    found::Found,
    provider_client::{ProviderClient, placed},
    report::{ReportContext, ReportOutcome, ReportSource},
    taking::take_report,
};

/// The result of a question to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryOutcome {
    /// The provider has not decided yet.
    Pending,
    /// The provider closed the order unpaid, and that is settled here.
    Closed,
    /// The provider reported something else, and that is settled here.
    Settled,
    /// The report does not match what is known, for this reason, and is kept as an incident.
    Mismatched(Sentence),
}

/// Queries the provider of `transaction`, and settles its report.
///
/// # Errors
/// [`ApiError`]: there is no verified answer, and nothing is settled.
pub async fn ask(
    deps: &Deps,
    configured: &Arc<ConfiguredApp>,
    transaction: &Transaction,
    bounds: Bounds,
) -> Result<QueryOutcome, ApiError> {
    let client = ProviderClient::open(deps, configured, transaction, bounds).await?;
    let placed = placed(transaction);
    let call = client.account.query(&placed, &client.moment)?;
    let read = |account: &Account, answer: &_| account.read_query(&placed, answer, client.moment.now);
    let ProviderAnswer { response, content: report } = client.call(call, read).await?;
    if report.outcome == Outcome::Pending {
        return Ok(QueryOutcome::Pending);
    }
    let now = deps.services.clock.now();
    let context = ReportContext {
        source: ReportSource::Answer,
        account: transaction.account,
        headers: response.headers(),
        body: response.body(),
        now,
    };
    match take_report(deps, &transaction.key, configured, &report, &context).await? {
        ReportOutcome::Settled if report.outcome == Outcome::Closed => Ok(QueryOutcome::Closed),
        ReportOutcome::Settled => Ok(QueryOutcome::Settled),
        ReportOutcome::Mismatched(why) => Ok(QueryOutcome::Mismatched(why)),
        ReportOutcome::OtherAccount(_) => Ok(QueryOutcome::Mismatched(Found::OtherAccount.into())),
    }
}
