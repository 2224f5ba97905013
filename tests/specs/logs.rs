//! Captures what all stacks of this process log, as a deployed function would, in order to search it for secrets.

use std::{
    io,
    sync::{Mutex, Once, PoisonError},
};

use tracing::Level;

static CAPTURED: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ONCE: Once = Once::new();

struct Captured;

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        CAPTURED.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to capture the log, from `info` on as deployed functions do. Later calls change nothing.
pub(crate) fn capture() {
    ONCE.call_once(|| {
        let logs = tracing_subscriber::fmt().json().flatten_event(true).with_max_level(Level::INFO);
        logs.with_writer(|| Captured).init();
    });
}

/// Everything logged so far.
pub(crate) fn captured() -> String {
    let captured = CAPTURED.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&captured).into_owned()
}

/// None of these texts was ever logged.
#[track_caller]
pub(crate) fn hold_none_of(secrets: &[String]) {
    let captured = captured();
    for secret in secrets {
        let line = captured.lines().find(|line| line.contains(secret.as_str()));
        assert!(!secret.is_empty() && line.is_none(), "a secret was logged: {line:?}");
    }
}
