//! Marks by which a writer knows its own claim again.
//!
//! A claim is an update that one of several writers gets done. When its answer is lost the client sends it again, and its condition no longer
//! holds. The mark that it left says whether that was its own doing.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use ring::rand::{SecureRandom, SystemRandom};

/// Gives out marks: no two are alike, in whatever function.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    /// Drawn once for each process.
    process: Arc<str>,
    given: Arc<AtomicU64>,
}

impl Claims {
    /// Where the system has no random bytes, marks begin with zeros, and a function takes another one's claim for its own: it does twice what
    /// may be done twice.
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
