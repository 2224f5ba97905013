//! A target that stays broken is paused: its deliveries wait without being tried, one probe at a time asks whether it is back, and
//! then they go on one after the other. No attempt is used up meanwhile, and other targets notice nothing.
//!
//! The happy path pays nothing for this: the health comes with the app's configuration, and is written on failures only.

use std::time::Duration;

use domain::{Delivery, Pace, TargetHealth, Timestamp, Webhook};
use store::StoreError;
use tracing::{info, warn};

use crate::Deps;

/// What a delivery may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Its attempt.
    Attempt,
    /// Ask for all whether the target is back.
    Probe,
    /// Wait until then.
    Wait(Timestamp),
}

/// Whose turn it is. A paused target gives each delivery a place after the one before, and the first whose time has come is the
/// probe.
pub(crate) async fn turn(
    deps: &Deps,
    delivery: &Delivery,
    health: Option<&TargetHealth>,
    now: Timestamp,
) -> Result<Turn, StoreError> {
    let Some(paused) = health.and_then(|health| health.paused) else { return Ok(Turn::Attempt) };
    let (app, webhook) = (&delivery.id.app, &delivery.id.webhook);
    let next = now.plus(TargetHealth::PROBE_INTERVAL);
    if paused.probe_at <= now && deps.services.store.take_probe(app, webhook, now, next).await? {
        return Ok(Turn::Probe);
    }
    // Another worker took the probe just now: its answer comes before the next one is due.
    let earliest = if paused.probe_at <= now { next } else { paused.probe_at };
    let slot = deps.services.store.take_slot(app, webhook, earliest, TargetHealth::RELEASE_STEP).await?;
    Ok(slot.map_or(Turn::Attempt, Turn::Wait))
}

/// Where a delivery waits whose probe failed: after the next probe.
pub(crate) async fn after_probe(deps: &Deps, delivery: &Delivery, now: Timestamp) -> Result<Timestamp, StoreError> {
    let (app, webhook) = (&delivery.id.app, &delivery.id.webhook);
    let next = now.plus(TargetHealth::PROBE_INTERVAL);
    let slot = deps.services.store.take_slot(app, webhook, next, TargetHealth::RELEASE_STEP).await?;
    Ok(slot.unwrap_or(now.plus(Duration::from_secs(1))))
}

/// Counts a failure, and pauses the target if there were too many.
pub(crate) async fn failed(
    deps: &Deps,
    webhook: &Webhook,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), StoreError> {
    let app = &delivery.id.app;
    let health = deps.services.store.count_failure(app, &webhook.id, now).await?;
    if health.is_some_and(|health| health.is_to_be_paused(now)) {
        let probe_at = now.plus(TargetHealth::PROBE_INTERVAL);
        if deps.services.store.pause_target(app, &webhook.id, now, probe_at).await? {
            warn!(app.id = %app, webhook.id = %webhook.id, "paused a webhook whose target fails again and again");
        }
    }
    Ok(())
}

/// Notes how long the target let us wait. One that always answered in time costs nothing.
pub(crate) async fn note_pace(
    deps: &Deps,
    webhook: &Webhook,
    delivery: &Delivery,
    health: Option<&TargetHealth>,
    pace: Pace,
) -> Result<(), StoreError> {
    if pace == Pace::InTime && health.is_none_or(|health| health.lateness == 0) {
        return Ok(());
    }
    deps.services.store.note_pace(&delivery.id.app, &webhook.id, pace, deps.services.clock.now()).await
}

/// The target answers: whatever was counted is forgotten, and a pause is over.
pub(crate) async fn succeeded(
    deps: &Deps,
    webhook: &Webhook,
    delivery: &Delivery,
    health: Option<&TargetHealth>,
) -> Result<(), StoreError> {
    let Some(health) = health else { return Ok(()) };
    let app = &delivery.id.app;
    deps.services.store.forget_failures(app, &webhook.id, deps.services.clock.now()).await?;
    if health.paused.is_some() {
        info!(app.id = %app, webhook.id = %webhook.id, "a paused webhook goes on: its target answers again");
    }
    Ok(())
}
