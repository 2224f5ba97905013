//! What is to be simulated, and how it is cut into worlds.

use crate::faults::Rates;

/// Bills in one world.
pub const WORLD_BILLS: u32 = 200;

/// What is to be simulated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What draws everything.
    pub seed: u64,
    /// How many bills in all.
    pub bills: u32,
    /// Only the world with this number.
    pub only_world: Option<u32>,
    /// How often what breaks.
    pub rates: Rates,
    /// How many worlds run beside each other, each in a thread of its own. The report is the same for any number.
    pub threads: usize,
    /// Whether the log of the functions is printed.
    pub talks: bool,
}

/// A world of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorldPlan {
    /// Counts the worlds, from 0.
    pub(crate) number: u32,
    /// How many bills are charged in it.
    pub(crate) bills: u32,
}

impl Plan {
    /// With everything breaking at its usual rate.
    pub fn new(seed: u64, bills: u32) -> Self {
        Self { seed, bills, only_world: None, rates: Rates::usual(), threads: 1, talks: false }
    }

    /// The worlds of the run.
    pub(crate) fn worlds(&self) -> impl Iterator<Item = WorldPlan> {
        let count = self.bills.div_ceil(WORLD_BILLS);
        let bills = self.bills;
        let only = self.only_world;
        let of = move |number| WorldPlan { number, bills: WORLD_BILLS.min(bills - number * WORLD_BILLS) };
        (0..count).map(of).filter(move |world| only.is_none_or(|only| only == world.number))
    }
}
