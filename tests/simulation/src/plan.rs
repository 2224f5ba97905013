//! What a run simulates, and how it is cut into worlds.

use crate::faults::Rates;

/// The largest number of bills in one world.
pub const WORLD_BILLS: u32 = 200;

/// What a run simulates.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed that decides everything.
    pub seed: u64,
    /// The number of bills in all worlds.
    pub bills: u32,
    /// If set, only the world with this number runs.
    pub only_world: Option<u32>,
    /// How often each kind of fault is drawn.
    pub rates: Rates,
    /// How many worlds run at once, each in its own thread. The report is the same for any number.
    pub threads: usize,
    /// Whether the logs of the functions are printed.
    pub talks: bool,
}

/// One world of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorldPlan {
    /// The number of the world, from 0.
    pub(crate) number: u32,
    /// How many bills are charged in this world.
    pub(crate) bills: u32,
}

impl Plan {
    /// A plan with the usual rate of every fault.
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
