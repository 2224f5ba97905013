//! The report of a run. It contains nothing of the machine's clock, so that two runs of a seed give the same report.

use std::{collections::BTreeMap, fmt};

use sha2::{Digest, Sha256};

use crate::{faults::Fault, plan::Plan};

/// The results of one world.
pub(crate) struct Lived {
    pub(crate) bills: u32,
    pub(crate) events: u64,
    pub(crate) log_lines: u64,
    pub(crate) faults: BTreeMap<Fault, u64>,
    pub(crate) tallies: BTreeMap<&'static str, u64>,
    pub(crate) digest: String,
    pub(crate) violations: Vec<String>,
}

/// The sum of all worlds of a run.
#[derive(Clone, Debug)]
pub struct Report {
    seed: u64,
    bills_asked: u32,
    worlds: u32,
    bills: u64,
    events: u64,
    log_lines: u64,
    faults: BTreeMap<Fault, u64>,
    tallies: BTreeMap<&'static str, u64>,
    digest: String,
    violations: Vec<(u32, String)>,
}

impl Report {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            seed: plan.seed,
            bills_asked: plan.bills,
            worlds: 0,
            bills: 0,
            events: 0,
            log_lines: 0,
            faults: BTreeMap::new(),
            tallies: BTreeMap::new(),
            digest: String::new(),
            violations: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, number: u32, lived: Lived) {
        self.worlds += 1;
        self.bills += u64::from(lived.bills);
        self.events += lived.events;
        self.log_lines += lived.log_lines;
        for (fault, count) in lived.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        for (what, count) in lived.tallies {
            *self.tallies.entry(what).or_default() += count;
        }
        let both = Sha256::digest(format!("{}{}", self.digest, lived.digest));
        self.digest = both.iter().map(|byte| format!("{byte:02x}")).collect();
        self.violations.extend(lived.violations.into_iter().map(|violation| (number, violation)));
    }

    /// How many bills have ended.
    pub fn bills(&self) -> u64 {
        self.bills
    }

    /// How many faults changed what a handler saw.
    pub fn faults(&self) -> u64 {
        self.faults.values().sum()
    }

    /// The rules that were broken, each with the number of its world.
    pub fn violations(&self) -> &[(u32, String)] {
        &self.violations
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {} bills in {} worlds", self.seed, self.bills, self.worlds)?;
        writeln!(f, "events {}, log lines {}, digest {}", self.events, self.log_lines, self.digest)?;
        for (what, count) in &self.tallies {
            writeln!(f, "  {what:<32} {count:>9}")?;
        }
        writeln!(f, "faults that changed what a handler saw: {}", self.faults())?;
        for (fault, name, _) in Fault::ALL {
            writeln!(f, "  {name:<32} {:>9}", self.faults.get(&fault).copied().unwrap_or_default())?;
        }
        for (world, violation) in &self.violations {
            writeln!(f, "FOUND in world {world}: {violation}")?;
            writeln!(
                f,
                "  cargo run --release -p simulation -- --seed {} --bills {} --world {world}",
                self.seed, self.bills_asked
            )?;
        }
        write!(f, "lost: {}", self.violations.len())
    }
}
