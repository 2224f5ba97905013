//! What the functions wrote about themselves.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use runtime::Metrics;

use crate::StackClock;

/// The latest metrics that the functions wrote, for tests to read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said(Arc<Mutex<VecDeque<String>>>);

impl Said {
    const LINES_MAX: usize = 10_000;

    pub(crate) fn metrics(&self, clock: &StackClock) -> Metrics {
        let said = self.clone();
        Metrics::new("local", clock.as_clock(), move |line| {
            let mut lines = said.0.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() >= Self::LINES_MAX {
                lines.pop_front();
            }
            lines.push_back(line.to_owned());
        })
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
