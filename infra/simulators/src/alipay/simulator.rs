//! The simulator itself: its books, its merchants, and the data that charges gave to payers.

use std::sync::Arc;

use axum::Router;

use super::ledger::Ledger;
use super::merchants::{self, Merchants};
use crate::kit::books::Books;
use crate::kit::handed::{Handed, Page};
use crate::kit::outbox;
use crate::kit::owner::{NotifySender, SimulatorError, SimulatorOptions};
use crate::kit::server;

/// The simulator. Clones share everything.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    books: Books<Ledger>,
    merchants: Merchants,
    handed: Handed,
}

impl Simulator {
    /// Reads the state file, if there is one.
    ///
    /// # Errors
    /// `Key` if a built-in key is damaged, `State…` if the file cannot be read or understood. A missing file is an empty one.
    pub fn open(options: SimulatorOptions) -> Result<Self, SimulatorError> {
        Self::open_with(options, Merchants::built_in()?)
    }

    pub(super) fn open_with(options: SimulatorOptions, merchants: Merchants) -> Result<Self, SimulatorError> {
        Ok(Self(Arc::new(Inner { books: Books::open(options)?, merchants, handed: Handed::default() })))
    }

    /// All its routes, with their full paths.
    pub fn router(&self) -> Router {
        server::router(self)
    }

    /// The channel settings of the built-in merchants, by kind: `openapi`, `openapiCert`, `mapi`.
    pub fn settings(&self) -> serde_json::Value {
        merchants::settings(self.0.books.base_url())
    }

    /// Closes expired trades and sends every notify that is due at the clock's now, earliest first.
    pub async fn run_due(&self) {
        outbox::run(self, None).await;
    }

    /// When [`Self::run_due`] next has something to do; a time in the past means at once.
    pub fn next_due(&self) -> Option<i64> {
        self.0.books.next_due()
    }

    /// Stores what a charge gave to its payer. The door's `pay` opens it if nobody did.
    pub fn keep(&self, page: Page) {
        self.0.handed.keep(page);
    }

    pub(super) fn handed(&self) -> &Handed {
        &self.0.handed
    }

    pub(super) fn now(&self) -> i64 {
        self.0.books.now()
    }

    pub(super) fn merchants(&self) -> &Merchants {
        &self.0.merchants
    }

    pub(super) fn sender(&self) -> &NotifySender {
        self.0.books.sender()
    }

    pub(super) fn base_url(&self) -> &str {
        self.0.books.base_url()
    }

    pub(super) fn cashier_url(&self, trade_no: &str) -> String {
        format!("{}/simulator/alipay/cashier/{trade_no}", self.base_url())
    }

    pub(super) fn bill_url(&self, app: &str, day: &str) -> String {
        format!("{}/simulator/alipay/bill/{app}/{day}", self.base_url())
    }

    /// Works on the ledger at the clock's now, and stores it if it changed.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Ledger, i64) -> T) -> T {
        self.0.books.with(work)
    }
}
