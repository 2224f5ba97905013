//! What differs: kept up to a bound, and counted beyond it. It is written when the whole day was compared: what a try that broke off had
//! found may be settled by the next one.

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
    waiting: Vec<Difference>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(
        store: &'a Store,
        whose: (&'a AppId, Mode),
        day: ((Tab, AccountNumber), &'a Day),
        doubt: Option<Doubt<'a>>,
    ) -> Self {
        Self { store, whose, day, doubt, found: 0, waiting: Vec::new() }
    }

    /// Counts a difference, if it is one, and has it kept.
    pub(super) async fn add(&mut self, difference: Option<Difference>) {
        let Some(difference) = difference else { return };
        if let Some(doubt) = &mut self.doubt
            && doubt.dispels(&difference).await
        {
            return;
        }
        self.found += 1;
        if self.waiting.len() < KEPT_MAX {
            self.waiting.push(difference);
        }
    }

    /// How many were found and how many of them are kept, now all of these.
    pub(super) async fn finish(self) -> Result<(usize, usize), StoreError> {
        for some in self.waiting.chunks(WRITTEN_AT_ONCE) {
            let writes = some.iter().map(|difference| self.store.keep_difference(self.whose, self.day, difference));
            try_join_all(writes).await?;
        }
        Ok((self.found, self.waiting.len()))
    }
}
