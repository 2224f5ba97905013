//! Logs: one JSON object on each line, for CloudWatch, or plain lines for a person at a terminal.
//!
//! Every line is inside the span of its invocation, whose `requestId` and `xrayTraceId` Lambda gives; `tx.id` leads from a
//! charge over the notify to the webhook.

use tracing::Level;

/// Sends logs to the standard output, from `info` on.
pub fn log_as_json() {
    let logs = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_max_level(Level::INFO)
        .with_target(false);
    // This fails only if logs are set up already, and then nothing has to be done.
    let _ = logs.try_init();
}

/// Sends logs to the standard error as plain lines: for the local stack.
pub fn log_for_people() {
    let logs = tracing_subscriber::fmt().compact().with_max_level(Level::INFO).with_target(false).with_ansi(false);
    // As in `log_as_json`.
    let _ = logs.with_writer(std::io::stderr).try_init();
}
