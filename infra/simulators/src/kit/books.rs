//! What every simulator stands on: its address, its clock, its way out, and a ledger that is stored after each change.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::owner::{Clock, NotifySender, SimulatorError, SimulatorOptions};
use super::state_file::StateFile;

/// All trades of a simulator.
pub(crate) trait Ledger: Sized {
    /// Reads what was stored.
    fn open(file: StateFile) -> Result<Self, SimulatorError>;

    /// Lets the clock change what is due.
    fn tick(&mut self, now: i64);

    /// Stores it if anything changed since the last time.
    fn save(&mut self) -> Result<(), SimulatorError>;

    /// When the clock has something to do next.
    fn next_due(&self) -> Option<i64>;
}

pub(crate) struct Books<L> {
    base_url: String,
    clock: Clock,
    sender: NotifySender,
    ledger: Mutex<L>,
}

impl<L: Ledger> Books<L> {
    pub(crate) fn open(options: SimulatorOptions) -> Result<Self, SimulatorError> {
        Ok(Self {
            ledger: Mutex::new(L::open(StateFile::new(options.state_file))?),
            base_url: options.base_url.trim_end_matches('/').to_owned(),
            clock: options.clock,
            sender: options.send,
        })
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    pub(crate) fn now(&self) -> i64 {
        (self.clock)()
    }

    pub(crate) fn sender(&self) -> &NotifySender {
        &self.sender
    }

    pub(crate) fn next_due(&self) -> Option<i64> {
        self.ledger().next_due()
    }

    /// Works on the ledger as it stands at the clock's now, and stores it if it changed.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut L, i64) -> T) -> T {
        let now = self.now();
        let mut ledger = self.ledger();
        ledger.tick(now);
        let result = work(&mut ledger, now);
        if let Err(error) = ledger.save() {
            // The trade goes on in memory: a full disk should not look like a broken gateway.
            tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "the simulator's state is not stored");
        }
        result
    }

    fn ledger(&self) -> MutexGuard<'_, L> {
        // Work on the ledger leaves it whole at every step, so a panic elsewhere does not spoil it.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
