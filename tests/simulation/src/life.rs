//! The course of one world, from its first charge until everything is at rest.

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

/// How long everything may take to recover after the last fault. The last attempt of a delivery is 56 hours after the first, and the last
/// question about a closed bill is a day after its end.
const HEALING_MS: i64 = 6 * DAY_MS;

/// After this time most dead targets work again. Their webhooks may be paused by then.
const BROKEN_MS: i64 = 6 * HOUR_MS;

/// After this time the webhooks of the other dead targets are deleted. By then their deliveries were tried eleven times, unless the webhook
/// is paused. A paused delivery waits as long as its webhook exists.
const EXHAUSTED_MS: i64 = 64 * HOUR_MS;

/// Runs one world from its first charge until everything is at rest.
pub(crate) fn live(plan: &Plan, world: WorldPlan, template: &Arc<Template>, log: &Log) -> Result<Lived, String> {
    let seed = plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(u64::from(world.number));
    // The SDK draws its jitter and its tokens from this generator.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let lived = runtime.block_on(async {
        let started = World::start(plan, seed, template, log).await?;
        Ok(live_in(&started, world.bills).await)
    });
    // Ends tasks that wait for a time that never comes.
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
    world.log.say(|| "=== nothing breaks from here on".to_owned());
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
