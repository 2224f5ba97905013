//! The data that charges gave to payers, for a program that plays the payer: `pay` at a simulator opens the page itself if nobody
//! did.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Beyond this number the oldest are dropped.
const PAGES_MAX: usize = 10_000;

/// Clones share everything.
#[derive(Clone, Default)]
pub(crate) struct Handed(Arc<Mutex<VecDeque<Page>>>);

/// The payer's starting point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The order's number at the provider.
    pub id: String,
    /// An address, an order string, or a page of HTML.
    pub text: String,
}

impl Handed {
    pub(crate) fn keep(&self, page: Page) {
        let mut pages = self.pages();
        if pages.len() == PAGES_MAX {
            pages.pop_front();
        }
        pages.push_back(page);
    }

    /// The latest data for this order.
    pub(crate) fn find(&self, id: &str) -> Option<Page> {
        self.pages().iter().rev().find(|page| page.id == id).cloned()
    }

    fn pages(&self) -> MutexGuard<'_, VecDeque<Page>> {
        // Each change is one call, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_page_counts_and_the_oldest_are_forgotten() {
        let handed = Handed::default();
        for number in 0..=PAGES_MAX {
            handed.keep(Page { id: number.to_string(), text: "old".to_owned() });
        }
        handed.keep(Page { id: "7".to_owned(), text: "new".to_owned() });
        assert_eq!(handed.find("7").unwrap().text, "new");
        assert_eq!(handed.find("0"), None);
    }
}
