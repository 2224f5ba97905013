//! The common base of every simulator: its address, its clock, its sender, and a ledger that is stored after each change.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::orders::{Booked, Orders};
use super::owner::{Clock, NotifySender, SimulatorError, SimulatorOptions};

/// All orders of a simulator, and the settings of a test, which are not stored.
pub(crate) trait Ledger: Default {
    type Order: Booked;

    fn orders(&self) -> &Orders<Self::Order>;

    fn orders_mut(&mut self) -> &mut Orders<Self::Order>;

    /// Lets the clock change a due order.
    fn come_due(&mut self, number: &str, now: i64);
}

pub(crate) struct Books<L> {
    base_url: String,
    clock: Clock,
    sender: NotifySender,
    ledger: Mutex<L>,
}

impl<L: Ledger> Books<L> {
    pub(crate) fn open(options: SimulatorOptions) -> Result<Self, SimulatorError> {
        let mut ledger = L::default();
        *ledger.orders_mut() = Orders::open(options.state_file.as_deref())?;
        Ok(Self {
            ledger: Mutex::new(ledger),
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
        self.ledger().orders().next_due()
    }

    /// Works on the ledger at the clock's now, and stores the changes.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut L, i64) -> T) -> T {
        let now = self.now();
        let mut ledger = self.ledger();
        for number in ledger.orders().due(now) {
            ledger.come_due(&number, now);
        }
        let result = work(&mut ledger, now);
        if let Err(error) = ledger.orders_mut().save() {
            // The trade continues in memory: a full disk should not look like a broken gateway.
            tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "the simulator's state is not stored");
        }
        result
    }

    fn ledger(&self) -> MutexGuard<'_, L> {
        // The ledger is consistent after every step, so a panic elsewhere does not damage it.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
