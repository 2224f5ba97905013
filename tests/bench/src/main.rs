//! Speed and cost. Each figure is shown beside its lower bound, which is measured in the same run.
//!
//! `tests/bench/run` builds what is deployed and starts this program. `docs/performance.md` explains the figures.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]
#![expect(clippy::indexing_slicing, reason = "of JSON, in which what is absent reads as null")]

mod bills;
mod events;
mod fairness;
mod flow;
mod growth;
mod hot_keys;
mod lag;
mod questions;
mod shop;
mod start;
mod table;
mod work;

use std::path::PathBuf;

/// Any error stops the whole benchmark: there is nothing to save.
pub(crate) type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// How a section is to run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Fewer rounds, for CI. The figures are printed but not judged.
    pub(crate) short: bool,
    /// The folder of the release binaries.
    pub(crate) binaries: PathBuf,
}

impl Plan {
    /// The numbers of transactions at which the queries are measured.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = u64> + use<> {
        let short = self.short;
        [1_000, 10_000, 100_000, 1_000_000]
            .into_iter()
            .filter(move |size| if short { *size <= 10_000 } else { *size != 10_000 })
    }

    /// The numbers of waiting deliveries. A million take half an hour in a release build, and most of a day in a debug build.
    pub(crate) fn parked(&self) -> impl Iterator<Item = u64> + use<> {
        let most = match (self.short, cfg!(debug_assertions)) {
            (true, _) => 1_000,
            (false, true) => 100_000,
            (false, false) => 1_000_000,
        };
        [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(move |parked| *parked <= most)
    }
}

const SECTIONS: [&str; 9] = ["start", "work", "hot-keys", "bills", "flow", "growth", "lag", "fairness", "questions"];

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let (mut short, mut sections) = (false, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--short" => short = true,
            section if SECTIONS.contains(&section) => sections.push(section.to_owned()),
            other => return Err(format!("`{other}` is no section; there are {}", SECTIONS.join(", ")).into()),
        }
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let plan = Plan { short, binaries: root.join("target/release") };
    let wanted = |section: &str| sections.is_empty() || sections.iter().any(|wanted| wanted == section);
    if wanted("start") {
        start::run(&plan).await?;
    }
    if wanted("work") {
        work::run(&plan).await?;
    }
    if wanted("hot-keys") {
        hot_keys::run();
    }
    if wanted("flow") {
        flow::run(&plan).await?;
    }
    if wanted("growth") {
        growth::run(&plan).await?;
    }
    if wanted("fairness") {
        fairness::run(&plan).await?;
    }
    if wanted("questions") {
        questions::run(&plan).await?;
    }
    if wanted("lag") {
        lag::run(&plan).await?;
    }
    if wanted("bills") {
        bills::run(plan.short).await?;
    }
    Ok(())
}
