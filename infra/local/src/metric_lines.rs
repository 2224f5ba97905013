//! The metrics that the functions wrote, as tests read them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use runtime::Metrics;

use crate::StackClock;

/// The latest metrics that the functions wrote, for tests to read.
#[derive(Clone, Debug, Default)]
pub(crate) struct MetricLines(Arc<Mutex<VecDeque<String>>>);

impl MetricLines {
    const LINES_MAX: usize = 10_000;

    pub(crate) fn metrics(&self, clock: &StackClock) -> Metrics {
        let kept = self.clone();
        Metrics::new("local", clock.as_clock(), move |line| {
            let mut lines = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
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
