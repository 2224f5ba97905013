//! Everything that can go wrong, from a seed.
//!
//! Merchants, payers, providers, webhooks and operators drive the real handlers of all functions over the embedded stack, in one thread,
//! without sockets, on a clock that jumps from event to event. The seed draws everything: who does what and when, how long each
//! call takes, and what breaks. A model ledger, which knows the payers and the providers and never asks our store, says what must be
//! true after each write and once all is at rest.
//!
//! A run is cut into worlds of some bills each, so that a failing one can be told again alone.

#![expect(clippy::indexing_slicing, reason = "of JSON alone, where what is absent is null")]

mod aws;
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

use std::sync::Arc;

use local::Template;

pub use faults::{Fault, Rates};
pub use plan::{Plan, WORLD_BILLS};
pub use report::Report;
pub use shrink::shrink;

/// Runs it. `progress` hears of each world that is over.
///
/// # Errors
/// Why the stack could not be started.
pub fn run(plan: &Plan, mut progress: impl FnMut(&Report)) -> Result<Report, String> {
    let template = Arc::new(Template::load().map_err(|error| error.to_string())?);
    let mut report = Report::new(plan);
    for (number, bills) in plan.worlds() {
        let log = logs::Log::new(plan.talks);
        let lived = logs::during(&log, || life::live(plan, (number, bills), &template, &log))?;
        report.add(number, lived);
        progress(&report);
    }
    Ok(report)
}
