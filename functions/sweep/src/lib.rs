//! Every minute: looks at what is due.
//!
//! It heals what a stop anywhere else left behind, so that no other function needs to: deliveries that nobody rang for are rung
//! for, and long waits are handed to the queue when it can take them; the providers of silent bills and of pending refunds are
//! asked, and a bill whose time is over is closed. Runs may overlap: whatever it does is conditional, and
//! a bell too many is dropped by who hears it.

mod apps;
mod bills;
mod certificates;
mod deliveries;
mod reconcile;
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

use crate::{bills::Run, deliveries::Oldest};

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
    /// To sum the days that are over.
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
            Box::pin(certificates::count_ending(deps, deps.base.clock.now())).await;
            Done::Compared(Box::pin(reconcile(deps)).await)
        }
        Task::Sums => Done::Summed(Box::pin(sum_days(deps)).await),
    }
}

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// The deliveries that were rung for.
    pub rung: usize,
    /// The bills, refunds and days that were looked at.
    pub asked: usize,
    /// Whether something due is left for the next sweep.
    pub left: bool,
}

/// A hundred entries each. It is the time of a run that ends it; this is for a clock that stands.
const PAGES_MAX: usize = 1000;

/// One sweep over everything due. It never fails as a whole: what could not be done is due in the next minute, too.
pub async fn handle(deps: &Deps) -> Swept {
    let now = deps.base.clock.now();
    let run = Run::begin(now);
    let oldest = Oldest::default();
    let shards = join_all((0..Store::DUE_SHARDS).map(|shard| sweep_shard(deps, (&run, &oldest), shard, now))).await;
    deps.base.metrics.oldest_overdue_delivery(oldest.overdue());
    let compared = Box::pin(compare_asked(deps, &run.asked_days())).await;
    let add = |sum: Swept, swept: &Swept| Swept {
        rung: sum.rung + swept.rung,
        asked: sum.asked + swept.asked,
        left: sum.left || swept.left,
    };
    let swept = shards.iter().fold(Swept { asked: compared, left: run.has_left(), ..Swept::default() }, add);
    if swept != Swept::default() {
        let Swept { rung, asked, left } = swept;
        info!(rung, asked, left, "swept: rang for {rung} deliveries, looked at {asked} bills, refunds and days");
    }
    swept
}

async fn sweep_shard(deps: &Deps, (run, oldest): (&Run, &Oldest), shard: u32, now: Timestamp) -> Swept {
    let mut swept = Swept::default();
    let mut from = None;
    for _ in 0..PAGES_MAX {
        match sweep_page(deps, (run, oldest), (shard, now, from), &mut swept).await {
            Ok(Some(_)) if run.is_over(deps.base.clock.now()) => break,
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

async fn sweep_page(
    deps: &Deps,
    (run, oldest): (&Run, &Oldest),
    (shard, now, from): (u32, Timestamp, Option<DueCursor>),
    swept: &mut Swept,
) -> Result<Option<DueCursor>, StoreError> {
    let page = deps.base.store.due(shard, now, from).await?;
    let waiting = page.due.iter().filter_map(|due| match due {
        Due::Delivery(id) => Some(id.clone()),
        Due::Transaction(_) | Due::Refund(_) | Due::Day(_) | Due::Other { .. } => None,
    });
    let waiting: Vec<_> = waiting.collect();
    swept.rung += deliveries::ring(deps, &waiting, oldest, now).await?;
    run.note_days(&page.due);
    let healed = bills::heal(deps, (run, oldest), &page.due, now).await;
    swept.asked += healed.asked;
    swept.rung += healed.rung;
    Ok(page.next)
}
