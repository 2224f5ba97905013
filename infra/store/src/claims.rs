//! Marks by which a writer recognises its own claim.
//!
//! Of several writers, one gets a claim by a conditional update. If the answer is lost, the AWS client sends the update again, and the
//! condition no longer holds. The mark in the item then says whether this writer or another one changed it.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use ring::rand::{SecureRandom, SystemRandom};

/// Makes marks. No two marks are the same, in any function.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    /// Drawn once for each process.
    process: Arc<str>,
    given: Arc<AtomicU64>,
}

impl Claims {
    /// If the system has no random bytes, marks begin with zeros. Then a function may take another's claim for its own, and do the work a
    /// second time. All claimed work bears that.
    pub(crate) fn new() -> Self {
        let mut bytes = [0; 8];
        let _ = SystemRandom::new().fill(&mut bytes);
        let process = bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self { process: process.into(), given: Arc::default() }
    }

    pub(crate) fn mark(&self) -> String {
        format!("{}.{}", self.process, self.given.fetch_add(1, Ordering::Relaxed))
    }
}
