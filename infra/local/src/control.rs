//! What only the local stack answers: its clock.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde::Deserialize;
use serde_json::json;

use crate::{StackClock, simulators::Simulators, sqs::Sqs};

/// Two years: long enough for every retry and certificate, short enough to be meant.
const ADVANCE_MS_MAX: i64 = 2 * 366 * 24 * 3600 * 1000;

/// The parts in which something can fall due.
#[derive(Clone)]
pub(crate) struct Clockwork {
    pub(crate) clock: StackClock,
    pub(crate) sqs: Sqs,
    pub(crate) simulators: Simulators,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Advance {
    advance_ms: i64,
}

/// `POST /_local/clock {"advanceMs":N}`
pub(crate) async fn advance(State(clockwork): State<Clockwork>, Json(body): Json<Advance>) -> impl IntoResponse {
    if !(0..=ADVANCE_MS_MAX).contains(&body.advance_ms) {
        let detail = format!("advanceMs must be from 0 to {ADVANCE_MS_MAX}, found {}", body.advance_ms);
        return (StatusCode::BAD_REQUEST, Json(json!({ "detail": detail })));
    }
    let now_ms = clockwork.advance(body.advance_ms).await;
    (StatusCode::OK, Json(json!({ "nowMs": now_ms })))
}

impl Clockwork {
    /// Moves the clock from event to event, so that each happens at its own time, and then to the end.
    pub(crate) async fn advance(&self, advance_ms: i64) -> i64 {
        let end_ms = self.clock.now_ms().saturating_add(advance_ms);
        self.tick().await;
        while let Some(next_ms) = self.next_event_ms().filter(|next| *next <= end_ms) {
            if next_ms <= self.clock.now_ms() {
                // It was due and is still there after a tick: nobody here takes it.
                break;
            }
            self.clock.move_to(next_ms);
            self.tick().await;
        }
        self.clock.move_to(end_ms);
        self.tick().await;
        self.clock.now_ms()
    }

    /// Lets happen what is due.
    pub(crate) async fn tick(&self) {
        self.sqs.clock_moved();
        self.simulators.run_due().await;
    }

    fn next_event_ms(&self) -> Option<i64> {
        [self.sqs.next_event_ms(), self.simulators.next_due()].into_iter().flatten().min()
    }
}
