//! Asks providers about one bill, because somebody asks us.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{
    BillNum, Record, RecordsFilter, RecordsOrder, RecordsRequest, Status, SyncRequest, Timestamp, Transaction,
    TransactionId,
};
use futures_util::future::join_all;
use outbound::Bounds;
use runtime::{
    ApiError, BillError, Caller, CredentialsError, Reply, Request, Role, authenticate, error_chain, json_body, success,
};
use settlement::{ASKING_BOUNDS, QueryOutcome, ask, continue_refund};
use tracing::warn;

use crate::{Deps, Records, find_records};

/// How long a bill is left to its notify, and how long nobody asks again. A warm function remembers it by itself: a mark in the row
/// would cost a write each time, and an instance more or less asks once more at most.
const PAUSE: Duration = Duration::from_secs(15);

/// Beyond this a warm function forgets all and begins anew.
const REMEMBERED_MAX: usize = 10_000;

/// A person who looks at a page waits at most this long for the provider.
const GLANCE_BOUNDS: Bounds = Bounds { deadline: Duration::from_millis(1500), body_bytes_max: 256 * 1024 };

/// The newest tries of a bill are asked about, all at once; more are open in no bill that is meant.
const TRIES_MAX: usize = 8;
/// A person asks about closed tries, too: a bill whose price was changed again and again has many.
const SYNC_TRIES_MAX: usize = 24;
const REFUNDS_MAX: usize = 8;

/// What was asked about lately by this instance. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Recent(Arc<Mutex<HashMap<TransactionId, Timestamp>>>);

impl Recent {
    /// Whether it is time to ask; from then on it is not, for a while.
    fn admits(&self, id: &TransactionId, now: Timestamp) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(id).is_some_and(|asked_at| asked_at.distance(now) < PAUSE) {
            return false;
        }
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(id.clone(), now);
        true
    }
}

/// `POST /2.0/maxpay/sync {billNum, channel?}`
pub(crate) async fn sync(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let caller = authenticate(request.headers(), &deps.services.apps, deps.services.clock.now()).await?;
    if caller.role != Role::Master {
        return Err(CredentialsError::MasterNeeded.into());
    }
    let asked = SyncRequest::parse(json_body(request)?)?;
    let (app, mode) = (&caller.app().id, caller.mode);
    let mut bill = deps.services.store.load_whole_bill(app, mode, &asked.bill).await?;
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
    let unended = bill.refunds.iter().filter(|refund| refund.status.is_open()).take(REFUNDS_MAX);
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

/// Asks about what of `results` has been pending for a while, unless it was asked about just now. `true` if there is news.
pub(crate) async fn refresh(deps: &Deps, caller: &Caller, bill: &BillNum, results: &[Record]) -> bool {
    let now = deps.services.clock.now();
    let is_silent = |record: &&Record| record.status == Status::Created && record.created_at.plus(PAUSE) <= now;
    let silent: Vec<&Record> =
        results.iter().filter(is_silent).filter(|record| deps.recent.admits(&record.id, now)).take(TRIES_MAX).collect();
    if silent.is_empty() {
        return false;
    }
    let tries = match deps.services.store.load_bill(&caller.app().id, caller.mode, bill).await {
        Ok(tries) => tries,
        Err(error) => {
            warn!(bill.num = %bill, "a silent bill was not looked at: {}", error_chain(&error));
            return false;
        }
    };
    let open = tries.iter().filter(|found| silent.iter().any(|record| record.id == found.id));
    let settlement = deps.settlement();
    let asked = join_all(open.map(|found| ask(&settlement, &caller.configured, found, GLANCE_BOUNDS))).await;
    asked.into_iter().any(|asked| match asked {
        Ok(asked) => matches!(asked, QueryOutcome::Closed | QueryOutcome::Settled),
        Err(error) => {
            warn!(bill.num = %bill, "a silent bill stays so: {}", error_chain(&error));
            false
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_is_asked_about_once_in_fifteen_seconds() {
        let recent = Recent::default();
        let at = |seconds: i64| Timestamp::clamped(1_795_444_200_000 + seconds * 1000);
        let id = |digit: &str| TransactionId::parse(&digit.repeat(24)).unwrap();
        let admitted: Vec<bool> = [0, 1, 14, 15, 16, 30].map(|seconds| recent.admits(&id("1"), at(seconds))).into();
        assert_eq!(admitted, [true, false, false, true, false, true]);
        assert!(recent.admits(&id("2"), at(30)));
    }
}
