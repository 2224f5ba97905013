//! Every app, one after the other, for the tasks that go through all of them.

use std::{sync::Arc, vec};

use domain::{AppId, Timestamp};
use runtime::{ConfiguredApp, error_chain};
use store::AppSummary;
use tracing::warn;

use crate::Deps;

/// A hundred apps each. By the end of the last one the next task is due.
const PAGES_MAX: usize = 100;

/// A walk over all apps, as they are at its beginning.
pub(crate) struct Apps<'a> {
    deps: &'a Deps,
    now: Timestamp,
    page: vec::IntoIter<AppSummary>,
    after: Option<AppId>,
    pages_left: usize,
    failed: usize,
}

impl<'a> Apps<'a> {
    pub(crate) fn new(deps: &'a Deps, now: Timestamp) -> Self {
        Self { deps, now, page: Vec::new().into_iter(), after: None, pages_left: PAGES_MAX, failed: 0 }
    }

    /// The next app that can be read; `None` after the last.
    pub(crate) async fn next(&mut self) -> Option<Arc<ConfiguredApp>> {
        loop {
            if let Some(AppSummary { id, .. }) = self.page.next() {
                match self.deps.services.apps.find(&id, self.now).await {
                    Ok(Some(found)) => return Some(found),
                    Ok(None) => {}
                    Err(error) => {
                        warn!(app.id = %id, "an app is left out of this run: {}", error_chain(&error));
                        self.failed += 1;
                    }
                }
                continue;
            }
            self.pages_left = self.pages_left.checked_sub(1)?;
            match self.deps.services.store.list_apps(self.after.as_ref()).await {
                Ok(page) => {
                    self.page = page.apps.into_iter();
                    self.pages_left = if page.next.is_some() { self.pages_left } else { 0 };
                    self.after = page.next;
                }
                Err(error) => {
                    warn!("this run does not know all apps: {}", error_chain(&error));
                    self.failed += 1;
                    self.pages_left = 0;
                }
            }
        }
    }

    /// How many could not be read, a list that broke off among them.
    pub(crate) fn failed(&self) -> usize {
        self.failed
    }
}
