//! The differences of a day: kept up to a bound, and counted beyond it. They are written once the whole day is compared. If a try breaks
//! off, the next one may find that some of them are settled.

use domain::Difference;
use futures_util::future::try_join_all;
use store::{DayKey, Store, StoreError};

use super::ProviderCheck;

/// An account of which more differs is configured wrongly, and nobody reads so many lines. The rest is counted.
const KEPT_MAX: usize = 1000;

/// Written at once.
const WRITTEN_AT_ONCE: usize = 16;

/// The differences of one account and day.
pub(super) struct Findings<'a> {
    store: &'a Store,
    day: DayKey,
    provider_check: Option<ProviderCheck<'a>>,
    found: usize,
    waiting: Vec<Difference>,
}

/// How many differences a day has.
pub(super) struct FindingCounts {
    /// All of them.
    pub(super) found: usize,
    /// Those that are kept.
    pub(super) kept: usize,
}

impl<'a> Findings<'a> {
    pub(super) fn new(store: &'a Store, day: DayKey, provider_check: Option<ProviderCheck<'a>>) -> Self {
        Self { store, day, provider_check, found: 0, waiting: Vec::new() }
    }

    /// Counts a difference, if there is one, and keeps it for [`Self::finish`].
    pub(super) async fn add(&mut self, difference: Option<Difference>) {
        let Some(difference) = difference else { return };
        if let Some(provider_check) = &mut self.provider_check
            && provider_check.agrees_with_books(&difference).await
        {
            return;
        }
        self.found += 1;
        if self.waiting.len() < KEPT_MAX {
            self.waiting.push(difference);
        }
    }

    /// Writes the differences.
    pub(super) async fn finish(self) -> Result<FindingCounts, StoreError> {
        for some in self.waiting.chunks(WRITTEN_AT_ONCE) {
            let writes = some.iter().map(|difference| self.store.keep_difference(&self.day, difference));
            try_join_all(writes).await?;
        }
        Ok(FindingCounts { found: self.found, kept: self.waiting.len() })
    }
}
