//! What differs: kept as it is found, up to a bound, and counted beyond it.

use domain::{AccountNumber, AppId, Day, Difference, Mode, Tab};
use futures_util::future::try_join_all;
use store::{Store, StoreError};

use super::Doubt;

/// An account of which more differs is configured wrongly, and nobody reads so many lines. The rest is counted.
const KEPT_MAX: usize = 1000;

/// Written at once.
const WRITTEN_AT_ONCE: usize = 16;

/// The differences of one account and day.
pub(super) struct Findings<'a> {
    store: &'a Store,
    whose: (&'a AppId, Mode),
    day: ((Tab, AccountNumber), &'a Day),
    doubt: Option<Doubt<'a>>,
    found: usize,
    kept: usize,
    waiting: Vec<Difference>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(
        store: &'a Store,
        whose: (&'a AppId, Mode),
        day: ((Tab, AccountNumber), &'a Day),
        doubt: Option<Doubt<'a>>,
    ) -> Self {
        Self { store, whose, day, doubt, found: 0, kept: 0, waiting: Vec::new() }
    }

    /// Counts and keeps a difference, if it is one.
    pub(super) async fn add(&mut self, difference: Option<Difference>) -> Result<(), StoreError> {
        let Some(difference) = difference else { return Ok(()) };
        if let Some(doubt) = &mut self.doubt
            && doubt.dispels(&difference).await
        {
            return Ok(());
        }
        self.found += 1;
        if self.kept >= KEPT_MAX {
            return Ok(());
        }
        self.kept += 1;
        self.waiting.push(difference);
        if self.waiting.len() >= WRITTEN_AT_ONCE { self.write().await } else { Ok(()) }
    }

    /// How many were found and how many of them are kept, now all of these.
    pub(super) async fn finish(mut self) -> Result<(usize, usize), StoreError> {
        self.write().await?;
        Ok((self.found, self.kept))
    }

    async fn write(&mut self) -> Result<(), StoreError> {
        let writes = self.waiting.iter().map(|difference| self.store.keep_difference(self.whose, self.day, difference));
        try_join_all(writes).await?;
        self.waiting.clear();
        Ok(())
    }
}
