//! A simulation of everything that can go wrong, from a seed.
//!
//! Merchants, payers, providers, webhooks and operators call the real handlers of all functions on the embedded stack. Everything runs in
//! one thread, without sockets, on a clock that jumps from event to event. The seed decides everything: who does what and when, how long
//! each call takes, and what breaks. A model ledger knows the payers and the providers, and never reads our store. It says what must be
//! true after each write, and once everything is at rest.
//!
//! A run is cut into worlds of some bills each, so that a failing world can be repeated alone.

#![expect(clippy::indexing_slicing, reason = "of JSON alone, where what is absent is null")]

mod aws;
mod crowd;
mod faults;
mod invariants;
mod ledger;
mod life;
mod logs;
mod outside;
mod people;
mod plan;
mod pumps;
mod report;
mod shrink;
mod stories;
mod time;
mod world;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use local::Template;
use report::Lived;

pub use crowd::{Crowd, find_in_crowd};
pub use faults::{Fault, Rates};
use plan::WorldPlan;
pub use plan::{Plan, WORLD_BILLS};
pub use report::Report;
pub use shrink::shrink;

/// Runs the plan. `progress` gets a report after each world, in the order of the worlds.
///
/// # Errors
/// Why the stack could not be started.
pub fn run(plan: &Plan, progress: impl FnMut(&Report)) -> Result<Report, String> {
    let template = Arc::new(Template::load().map_err(|error| error.to_string())?);
    let worlds: Vec<WorldPlan> = plan.worlds().collect();
    let next = AtomicUsize::new(0);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..plan.threads.clamp(1, worlds.len().max(1)) {
            let (tell, worlds, next, template) = (tell.clone(), &worlds, &next, &template);
            scope.spawn(move || {
                while let Some(world) = worlds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let log = logs::Log::new(plan.talks);
                    let lived = logs::during(&log, || life::live(plan, *world, template, &log));
                    if tell.send((world.number, lived)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        add_up(plan, &worlds, &told, progress)
    })
}

/// Adds up all worlds in their order, although they may end in another.
fn add_up(
    plan: &Plan,
    worlds: &[WorldPlan],
    told: &mpsc::Receiver<(u32, Result<Lived, String>)>,
    mut progress: impl FnMut(&Report),
) -> Result<Report, String> {
    let mut report = Report::new(plan);
    let mut early = BTreeMap::new();
    for WorldPlan { number, .. } in worlds {
        while !early.contains_key(number) {
            let (other, lived) = told.recv().map_err(|_| format!("world {number} broke off"))?;
            early.insert(other, lived);
        }
        if let Some(lived) = early.remove(number) {
            report.add(*number, lived?);
            progress(&report);
        }
    }
    Ok(report)
}
