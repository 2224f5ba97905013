//! What only the local stack answers: its clock, and what becomes due by that clock.

use std::sync::Arc;

use axum::{Json, body::Bytes, extract::State, http::StatusCode, response::IntoResponse};
use domain::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use tracing::error;

use crate::{StackClock, mapping::Mapping, schedule::Schedule, simulators::Simulators, sqs::Sqs};

/// Two years. That is long enough for every retry and certificate; a longer time is probably a mistake.
const ADVANCE_MS_MAX: i64 = 2 * 366 * 24 * 3600 * 1000;

/// A running clock under steady traffic always has work, so the rounds are bounded.
const ROUNDS_MAX: usize = 1_000;

/// How often the schedule wakes the sweep.
const SWEEP_MS: i64 = 60_000;

/// The parts in which something can become due.
#[derive(Clone)]
pub(crate) struct Clockwork {
    pub(crate) clock: StackClock,
    pub(crate) sqs: Sqs,
    pub(crate) simulators: Simulators,
    pub(crate) sweeper: Sweeper,
    pub(crate) schedule: Schedule,
    pub(crate) mappings: Vec<Mapping>,
}

/// The schedule of the sweep: each full minute. Minutes in which nothing can be due are skipped; without that, two days would be 3,000
/// sweeps.
#[derive(Clone)]
pub(crate) struct Sweeper {
    deps: sweep::Deps,
    last: Arc<Mutex<LastSweep>>,
}

#[derive(Default)]
struct LastSweep {
    at_ms: i64,
    left: bool,
}

impl Sweeper {
    pub(crate) fn new(deps: sweep::Deps) -> Self {
        Self { deps, last: Arc::default() }
    }

    /// The full minute of the next sweep that has something to do.
    async fn next_ms(&self, now_ms: i64) -> Option<i64> {
        let last = self.last.lock().await;
        let next_minute = (now_ms / SWEEP_MS + 1) * SWEEP_MS;
        if last.left {
            return Some(next_minute);
        }
        let due = self.deps.services.store.next_due(Timestamp::clamped(last.at_ms)).await.unwrap_or_else(|error| {
            error!("the clock does not know what is due: {}", runtime::error_chain(&error));
            None
        })?;
        let minute = due.ms().checked_add(SWEEP_MS - 1)? / SWEEP_MS * SWEEP_MS;
        Some(minute.max(next_minute))
    }

    async fn sweep(&self, now_ms: i64) {
        let mut last = self.last.lock().await;
        let swept = sweep::handle(&self.deps).await;
        // If a sweep did something, more may be due now.
        *last = LastSweep { at_ms: now_ms, left: swept != sweep::Swept::default() };
    }

    /// Sweeps if a full minute passed since the last sweep.
    async fn tick(&self, now_ms: i64) {
        let last_ms = self.last.lock().await.at_ms;
        if now_ms / SWEEP_MS > last_ms / SWEEP_MS {
            self.sweep(now_ms).await;
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Advance {
    advance_ms: i64,
}

/// `POST /_local/clock {"advanceMs":N}`, with any content type.
pub(crate) async fn advance(State(clockwork): State<Clockwork>, body: Bytes) -> impl IntoResponse {
    let body: Advance = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => {
            let detail = format!("the body must be {{\"advanceMs\":N}}: {error}");
            return (StatusCode::BAD_REQUEST, Json(json!({ "detail": detail })));
        }
    };
    if !(0..=ADVANCE_MS_MAX).contains(&body.advance_ms) {
        let detail = format!("advanceMs must be from 0 to {ADVANCE_MS_MAX}, found {}", body.advance_ms);
        return (StatusCode::BAD_REQUEST, Json(json!({ "detail": detail })));
    }
    let now_ms = clockwork.advance(body.advance_ms).await;
    (StatusCode::OK, Json(json!({ "nowMs": now_ms })))
}

/// `POST /_local/reconcile`: compares yesterday's books now. A running clock also does it each day.
pub(crate) async fn reconcile(State(sweep): State<sweep::Deps>) -> impl IntoResponse {
    Json(sweep::run(&sweep, sweep::Tick { task: sweep::Task::Reconcile }).await)
}

/// `POST /_local/sweep`: sweeps now, as the deployed stack does each minute. While the clock stands, minutes in which nothing is due are
/// skipped otherwise.
pub(crate) async fn sweep(State(sweep): State<sweep::Deps>) -> impl IntoResponse {
    Json(sweep::run(&sweep, sweep::Tick { task: sweep::Task::Sweep }).await)
}

/// `POST /_local/sums`: sums the days that are over now, as the deployed stack does each hour.
pub(crate) async fn sums(State(sweep): State<sweep::Deps>) -> impl IntoResponse {
    Json(sweep::run(&sweep, sweep::Tick { task: sweep::Task::Sums }).await)
}

impl Clockwork {
    /// Moves the clock from event to event, so that each event happens at its own time, and then to the end.
    pub(crate) async fn advance(&self, advance_ms: i64) -> i64 {
        let end_ms = self.clock.now_ms().saturating_add(advance_ms);
        self.run_due().await;
        loop {
            let sweep_ms = self.sweeper.next_ms(self.clock.now_ms()).await;
            let next_ms = [self.sqs.next_event_ms(), self.simulators.next_due(), sweep_ms].into_iter().flatten().min();
            // Everything had its turn. If something due is still there, nothing here processes it.
            let Some(next_ms) = next_ms.filter(|next| (self.clock.now_ms() + 1..=end_ms).contains(next)) else { break };
            self.clock.move_to(next_ms);
            if sweep_ms == Some(next_ms) {
                self.sweeper.sweep(next_ms).await;
            }
            self.run_due().await;
        }
        self.clock.move_to(end_ms);
        self.run_due().await;
        if self.clock.runs() {
            self.schedule.run_due(self.clock.now_ms()).await;
        }
        self.clock.now_ms()
    }

    /// A running clock calls this at short intervals. Messages in the queue need no call: the mappings poll for them.
    pub(crate) async fn tick(&self) {
        self.sweeper.tick(self.clock.now_ms()).await;
        self.schedule.run_due(self.clock.now_ms()).await;
        self.sqs.clock_moved();
        self.simulators.run_due().await;
    }

    /// Runs everything that is due, and waits until it is done.
    async fn run_due(&self) {
        self.sqs.clock_moved();
        // A function may hand work to another one, and a provider may report after a query. The next round deals with that.
        for _ in 0..ROUNDS_MAX {
            self.simulators.run_due().await;
            if !self.mappings.iter().any(Mapping::has_work) {
                return;
            }
            for mapping in &self.mappings {
                mapping.run_due().await;
            }
        }
    }
}
