//! Logs: one JSON object a line, as CloudWatch reads them.

use tracing::Level;

/// Sends logs to the standard output, from `info` on.
pub fn log_as_json() {
    let logs = tracing_subscriber::fmt().json().flatten_event(true).with_max_level(Level::INFO).with_target(false);
    // It fails only where something logs already, and then nothing needs to be done.
    let _ = logs.try_init();
}
