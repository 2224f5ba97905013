//! Dead letters: messages that failed four times. Each message rings for a row, and the row decides, so that no data is lost with a
//! message. After the cause is repaired, taking the messages back saves the wait for the sweep.

use http::StatusCode;
use queue::{Bell, DeadLetter, DueAttempt};
use runtime::{Reply, json};
use serde_json::{Value, json};

use super::{call::Call, problem::Problem};

/// How much is shown of a message that is not a bell.
const BODY_CHARS_MAX: usize = 512;

/// `GET /dead-letters`: how many there are, and some of them.
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let found = call.deps.queue.dead_letters().await?;
    let items: Vec<Value> = found.some.iter().map(show).collect();
    Ok(json(StatusCode::OK, &json!({ "count": found.count, "items": items })))
}

/// `POST /dead-letters/take-back`: all messages go back to the queues they came from.
pub(crate) async fn take_back(call: &Call<'_>) -> Result<Reply, Problem> {
    let count = call.deps.queue.take_back().await?;
    Ok(json(StatusCode::OK, &json!({ "takenBack": count })))
}

fn show(letter: &DeadLetter) -> Value {
    let mut shown = json!({ "sentTime": letter.sent_ms });
    let members = match Bell::parse(&letter.body) {
        Some(DueAttempt { delivery: id, attempt }) => json!({
            "appId": id.app.as_str(),
            "mode": id.mode.name(),
            "billNum": id.bill.as_str(),
            "event": id.event.name(),
            "webhookId": id.webhook.as_str(),
            "attempt": attempt,
        }),
        None => json!({ "body": letter.body.chars().take(BODY_CHARS_MAX).collect::<String>() }),
    };
    if let (Value::Object(shown), Value::Object(members)) = (&mut shown, members) {
        shown.extend(members);
    }
    shown
}
