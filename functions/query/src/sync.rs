//! Asks providers about one bill, because somebody asks us.

use domain::{BillNum, Record, RecordsFilter, RecordsOrder, RecordsRequest, Status, SyncRequest, Transaction};
use futures_util::future::join_all;
use runtime::{
    ApiError, BillError, Caller, CredentialsError, Reply, Request, Role, authenticate, error_chain, json_body, success,
};
use settlement::{ASKING_BOUNDS, TryFacts, ask, continue_refund, glance};
use store::WholeBill;
use tracing::warn;

use crate::{Deps, Records, find_records};

/// A person asks about closed tries, too: a bill whose price was changed again and again has many.
const SYNC_TRIES_MAX: usize = 24;
const REFUNDS_MAX: usize = 8;

/// `POST /2.0/maxpay/sync {billNum, channel?}`
pub(crate) async fn sync(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let caller = authenticate(request.headers(), &deps.services.apps, deps.services.clock.now()).await?;
    if caller.role != Role::Master {
        return Err(CredentialsError::MasterNeeded.into());
    }
    let asked = SyncRequest::parse(json_body(request)?)?;
    let (app, mode) = (&caller.app().id, caller.mode);
    let WholeBill { mut bill, refunds } = deps.services.store.load_whole_bill(app, mode, &asked.bill).await?;
    bill.tries.retain(|found| asked.channel.is_none_or(|filter| filter.admits(found.key.channel)));
    if bill.tries.is_empty() {
        return Err(BillError::Unknown { bill: asked.bill.to_string() }.into());
    }
    // A closed bill may be paid, and a paid one refunded in the provider's console; what is all back stays so.
    let mut open: Vec<&Transaction> = bill.tries.iter().filter(|found| found.status != Status::Refund).collect();
    open.sort_by_key(|found| std::cmp::Reverse(found.created_at));
    open.truncate(SYNC_TRIES_MAX);
    let settlement = deps.settlement();
    let asked_all = join_all(open.iter().map(|found| ask(&settlement, &caller.configured, found, ASKING_BOUNDS))).await;
    // A stuck one may have been dealt with at the provider.
    let unended = refunds.iter().filter(|refund| refund.status.is_open()).take(REFUNDS_MAX);
    let pursued =
        join_all(unended.map(|refund| continue_refund(&settlement, &caller.configured, refund.clone(), ASKING_BOUNDS)))
            .await;
    for asked in asked_all {
        asked?;
    }
    for pursued in pursued {
        match pursued {
            // The provider said what became of it, and that was asked for.
            Ok(_) | Err(ApiError::RefundFailed { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let filter = RecordsFilter { channel: asked.channel, bill: Some(asked.bill), ..RecordsFilter::default() };
    let limit = RecordsRequest::LIMIT_MAX;
    let everything = RecordsRequest { filter, order: RecordsOrder::NewestFirst, skip: 0, limit };
    Ok(success(&Records { results: find_records(deps, &caller, &everything).await? }))
}

/// Asks about those of `results` that have been pending for a while, except those asked about just now. `true` if anything changed.
pub(crate) async fn refresh(deps: &Deps, caller: &Caller, bill: &BillNum, results: &[Record]) -> bool {
    let silent = deps.recent.silent(results, facts, deps.services.clock.now());
    if silent.is_empty() {
        return false;
    }
    let found = match deps.services.store.load_bill(&caller.app().id, caller.mode, bill).await {
        Ok(found) => found,
        Err(error) => {
            warn!(bill.num = %bill, "a silent bill was not looked at: {}", error_chain(&error));
            return false;
        }
    };
    let open: Vec<&Transaction> =
        found.tries.iter().filter(|tried| silent.iter().any(|record| record.id == tried.id)).collect();
    glance(&deps.settlement(), &caller.configured, &open).await
}

fn facts(record: &Record) -> TryFacts<'_> {
    TryFacts { id: &record.id, status: record.status, created_at: record.created_at }
}
