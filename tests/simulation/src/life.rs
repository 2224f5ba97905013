//! What happens in one world, from its first charge until everything is at rest.

use std::{fmt::Write, sync::Arc};

use local::Template;
use sha2::Digest;

use crate::{
    faults::Faults,
    invariants,
    logs::Log,
    people,
    plan::{Plan, WorldPlan},
    pumps,
    report::Lived,
    time::{DAY_MS, HOUR_MS, sleep},
    world::World,
};

/// How long everything may take to heal once nothing breaks any more: the last attempt of a delivery is 56 hours after the first,
/// and a closed bill is asked about for the last time a day after its end.
const HEALING_MS: i64 = 6 * DAY_MS;

/// Most dead targets come back after so long: their webhooks may be paused by then.
const BROKEN_MS: i64 = 6 * HOUR_MS;

/// The others are taken away after so long: what is not paused was tried eleven times by then. What is paused waits as long as its
/// webhook is there.
const EXHAUSTED_MS: i64 = 64 * HOUR_MS;

/// Lives through one world, from its first charge until everything is at rest.
pub(crate) fn live(plan: &Plan, world: WorldPlan, template: &Arc<Template>, log: &Log) -> Result<Lived, String> {
    let seed = plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(u64::from(world.number));
    // The SDK's jitter and its tokens come from here.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let lived = runtime.block_on(async {
        let started = World::start(plan, seed, template, log).await?;
        Ok(live_in(&started, world.bills).await)
    });
    // What still waits for a time that never comes ends here.
    runtime.shutdown_background();
    lived
}

async fn live_in(world: &Arc<World>, bills: u32) -> Lived {
    let pumps = pumps::start(world);
    people::open_shop(world).await;
    people::live(world, bills).await;
    world.with_faults(Faults::calm);
    world.drop_skewed();
    people::calm(world).await;
    world.log.say(|| "=== nothing breaks any more".to_owned());
    sleep(BROKEN_MS).await;
    people::revive_targets(world);
    sleep(EXHAUSTED_MS - BROKEN_MS).await;
    people::remove_dead_targets(world).await;
    sleep(HEALING_MS - EXHAUSTED_MS).await;
    pumps.into_iter().for_each(|pump| pump.abort());
    invariants::at_rest(world).await;
    for leak in world.log.leaks() {
        world.accuse("a secret is in a log line", &leak);
    }
    let faults = world.with_faults(|faults| faults.counts().clone());
    let tallies = world.ledger().tallies();
    let seen = world.take_seen();
    let digest = seen.digest.finalize();
    let digest = digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Lived {
        bills,
        events: seen.events,
        log_lines: world.log.lines(),
        faults,
        tallies,
        digest,
        violations: seen.violations,
    }
}
