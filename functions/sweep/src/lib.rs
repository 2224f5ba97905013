//! Every minute: looks at what is due.
//!
//! A function may stop anywhere; the sweep goes on with what it left. It wakes deliveries whose message was lost, and hands long waits to
//! the queue once they are short enough for it. It hands questions to the providers of silent bills and of pending refunds to `ask`.
//! It tells an app's people what they have to look at. Runs may overlap: every write is conditional, and the receiver of a message drops one that is not needed.

mod alerts;
mod apps;
mod bills;
mod certificates;
mod deliveries;
mod questions;
mod reconcile;
mod run;
mod sums;
mod unpack;

use reconcile::compare_asked;
pub use reconcile::{Compared, reconcile};
pub use sums::{Summed, sum_days};

use domain::Timestamp;
use futures_util::future::join_all;
use runtime::error_chain;
use serde::{Deserialize, Serialize};
pub use settlement::Deps;
use store::{Due, DueCursor, Store, StoreError};
use tracing::{error, info};

use crate::{alerts::Look, run::Run};

/// What the schedule says: nothing each minute, and a task once an hour or a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Tick {
    /// What is to be done.
    pub task: Task,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// To look at what is due.
    #[default]
    Sweep,
    /// To compare the days that are owed with the providers' bills, and to look which certificates end soon.
    Reconcile,
    /// To sum the days that are over, and to look at the hour that is over.
    Sums,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Done {
    /// A sweep.
    Swept(Swept),
    /// A reconciliation.
    Compared(Compared),
    /// Days that were summed.
    Summed(Summed),
}

/// Does what the schedule says.
pub async fn run(deps: &Deps, tick: Tick) -> Done {
    match tick.task {
        Task::Sweep => Done::Swept(handle(deps).await),
        Task::Reconcile => {
            Box::pin(certificates::count_ending(deps, deps.services.clock.now())).await;
            let compared = Box::pin(reconcile(deps)).await;
            Box::pin(alerts::tell_all(deps, Look::Days)).await;
            Done::Compared(compared)
        }
        Task::Sums => {
            let summed = Box::pin(sum_days(deps)).await;
            Box::pin(alerts::tell_all(deps, Look::Hour)).await;
            Done::Summed(summed)
        }
    }
}

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// The deliveries that were rung for.
    pub rung: usize,
    /// The questions that were handed out, and the paid bills and days that were looked at.
    pub asked: usize,
    /// Whether something due is left for the next sweep.
    pub left: bool,
}

/// A hundred entries each. It is the time of a run that ends it; this is for a clock that stands.
const PAGES_MAX: usize = 1000;

/// One sweep over everything due. It never fails as a whole: what could not be done is due in the next minute, too.
pub async fn handle(deps: &Deps) -> Swept {
    let now = deps.services.clock.now();
    let run = Run::begin(now);
    let shards = join_all((0..Store::DUE_SHARDS).map(|shard| sweep_shard(deps, &run, shard, now))).await;
    deps.services.metrics.oldest_overdue_delivery(run.longest_overdue.get());
    let handed_out = questions::hand_out(deps, &run).await;
    let compared = Box::pin(compare_asked(deps, &run.asked_days())).await;
    // Last, so that no delivery and no question waits for a robot.
    Box::pin(alerts::tell_all(deps, Look::Minute)).await;
    let add = |sum: Swept, swept: &Swept| Swept {
        rung: sum.rung + swept.rung,
        asked: sum.asked + swept.asked,
        left: sum.left || swept.left,
    };
    let swept =
        shards.iter().fold(Swept { asked: compared + handed_out, left: run.has_left(), ..Swept::default() }, add);
    if swept != Swept::default() {
        let Swept { rung, asked, left } = swept;
        info!(
            rung,
            asked, left, "swept: rang for {rung} deliveries, handed out or looked at {asked} bills, refunds and days"
        );
    }
    swept
}

async fn sweep_shard(deps: &Deps, run: &Run, shard: u32, now: Timestamp) -> Swept {
    let mut swept = Swept::default();
    let mut from = None;
    for _ in 0..PAGES_MAX {
        match sweep_page(deps, run, DuePart { shard, now, from }, &mut swept).await {
            Ok(Some(_)) if !run.may_read(deps.services.clock.now()) => break,
            Ok(Some(next)) => from = Some(next),
            Ok(None) => return swept,
            Err(error) => {
                error!(due.shard = shard, "a sweep stopped: {}", error_chain(&error));
                break;
            }
        }
    }
    swept.left = true;
    swept
}

/// Which page of what is due is read.
struct DuePart {
    shard: u32,
    now: Timestamp,
    from: Option<DueCursor>,
}

async fn sweep_page(
    deps: &Deps,
    run: &Run,
    DuePart { shard, now, from }: DuePart,
    swept: &mut Swept,
) -> Result<Option<DueCursor>, StoreError> {
    let page = deps.services.store.due(shard, now, from).await?;
    let waiting = page.due.iter().filter_map(|due| match due {
        Due::Delivery(id) => Some(id.clone()),
        Due::Transaction(_) | Due::Refund(_) | Due::Day(_) | Due::Other { .. } => None,
    });
    let waiting: Vec<_> = waiting.collect();
    swept.rung += deliveries::ring(deps, &waiting, &run.longest_overdue, now).await?;
    run.note_days(&page.due);
    let looked = bills::look_at_due(deps, run, &page.due, now).await?;
    swept.asked += looked.looked_at;
    swept.rung += looked.rung;
    Ok(page.next)
}
