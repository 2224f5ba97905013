//! The simulator itself: its books and its merchants.

use std::sync::Arc;

use axum::Router;

use super::ledger::Ledger;
use super::merchants::{self, Merchants};
use crate::kit::books::Books;
use crate::kit::outbox;
use crate::kit::owner::{NotifySender, SimulatorError, SimulatorOptions};
use crate::kit::server;

/// The simulator. Clones share everything.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    books: Books<Ledger>,
    merchants: Merchants,
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
        Ok(Self(Arc::new(Inner { books: Books::open(options)?, merchants })))
    }

    /// All its routes, with their full paths.
    pub fn router(&self) -> Router {
        server::router(self)
    }

    /// The channel settings of the built-in merchants: `{kind: {"wx_app": {…}, "wx_mp": {…}}}` with the kinds `v3Certificate`,
    /// `v3PublicKey`, `v3Both`, `v2Md5` and `v2HmacSha256`. `v3BothV2` is `v3Both` before it moved from v2 to v3.
    pub fn settings(&self) -> serde_json::Value {
        merchants::settings(self.0.books.base_url())
    }

    /// Closes expired orders, settles refunds, and sends every notify that is due at the clock's now, earliest first.
    pub async fn run_due(&self) {
        outbox::run(self, None).await;
    }

    /// When [`Self::run_due`] next has something to do; a time in the past means at once.
    pub fn next_due(&self) -> Option<i64> {
        self.0.books.next_due()
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

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/simulator/wechat/{path}", self.0.books.base_url())
    }

    /// Works on the ledger at the clock's now, and stores it if it changed.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Ledger, i64) -> T) -> T {
        self.0.books.with(work)
    }
}
