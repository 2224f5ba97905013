//! The health of webhooks' targets. While a target fails or is late, there is an item beside its webhook. It is read together with the
//! app's other items, so it costs nothing.

use std::time::Duration;

use aws_sdk_dynamodb::types::ReturnValue;
use domain::{AppId, Pace, Paused, TargetHealth, Timestamp, WebhookId};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, number, text, time},
    conditions::{is_written, unless_condition_failed},
    schema::{PK, SK, TARGET_PREFIX, VERSION_WRITTEN, app_pk, target_sk},
    webhooks::read_webhook_id,
};

/// How often a place in the queue is tried because others took it.
const SLOT_TRIES_MAX: u32 = 5;

impl Store {
    /// Counts a failure of a target that is not paused. Returns its new health; `None` if it was paused meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_failure(
        &self,
        app: &AppId,
        webhook: &WebhookId,
        now: Timestamp,
    ) -> Result<Option<TargetHealth>, StoreError> {
        // A target that was only late has a health, too. Its failures begin now.
        let another = (
            "SET since_ms = if_not_exists(since_ms, :now), v = :v ADD failures :one",
            "failures > :none AND attribute_not_exists(paused_ms)",
        );
        let first = (
            "SET since_ms = :now, v = :v ADD failures :one",
            "(attribute_not_exists(failures) OR failures = :none) AND attribute_not_exists(paused_ms)",
        );
        // Of two first failures at once, the second one is another.
        for (change, condition) in [another, first, another] {
            let update = self
                .target(app, webhook)
                .update_expression(change)
                .condition_expression(condition)
                .expression_attribute_values(":now", time(now))
                .expression_attribute_values(":v", number(VERSION_WRITTEN))
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":none", number(0))
                .return_values(ReturnValue::AllNew);
            let counted = unless_condition_failed(update.send().await, "counting a failure")?;
            if let Some(counted) = counted.as_ref().and_then(|counted| counted.attributes()) {
                return read_health(counted).map(Some);
            }
        }
        Ok(None)
    }

    /// Pauses a target until a probe succeeds. The first probe is at `probe_at`. `false` if it is paused already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pause_target(
        &self,
        app: &AppId,
        webhook: &WebhookId,
        now: Timestamp,
        probe_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self
            .target(app, webhook)
            .update_expression("SET paused_ms = :now, probe_ms = :probe, free_ms = :probe")
            .condition_expression("attribute_exists(failures) AND attribute_not_exists(paused_ms)")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":probe", time(probe_at));
        is_written(update.send().await, "pausing a target")
    }

    /// Claims the probe that is due, and sets the time of the next. So there is one probe at a time. `false` if another worker took it
    /// first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_probe(
        &self,
        app: &AppId,
        webhook: &WebhookId,
        now: Timestamp,
        next: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self
            .target(app, webhook)
            .update_expression("SET probe_ms = :next, claim = :claim")
            .condition_expression("probe_ms <= :now")
            .expression_attribute_values(":next", time(next))
            .expression_attribute_values(":now", time(now));
        self.claim(update, "taking a probe").await
    }

    /// Takes the next place in the queue of a paused target, for one delivery: `step` after the place before, and `earliest` or later.
    /// `None` if the target is not paused.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_slot(
        &self,
        app: &AppId,
        webhook: &WebhookId,
        earliest: Timestamp,
        step: Duration,
    ) -> Result<Option<Timestamp>, StoreError> {
        let step_ms = number(i64::try_from(step.as_millis()).unwrap_or(i64::MAX));
        for _ in 0..SLOT_TRIES_MAX {
            let next = self
                .target(app, webhook)
                .update_expression("SET free_ms = free_ms + :step")
                .condition_expression("attribute_exists(paused_ms) AND free_ms >= :earliest")
                .expression_attribute_values(":step", step_ms.clone())
                .expression_attribute_values(":earliest", time(earliest))
                .return_values(ReturnValue::UpdatedOld);
            if let Some(taken) = unless_condition_failed(next.send().await, "taking a place")? {
                return taken.attributes().map(|old| Item(old).time("free_ms")).transpose();
            }
            // The queue is empty: its next place is the earliest moment.
            let anew = self
                .target(app, webhook)
                .update_expression("SET free_ms = :free")
                .condition_expression("attribute_exists(paused_ms) AND free_ms < :earliest")
                .expression_attribute_values(":free", time(earliest.plus(step)))
                .expression_attribute_values(":earliest", time(earliest));
            if is_written(anew.send().await, "beginning a row")? {
                return Ok(Some(earliest));
            }
        }
        Ok(None)
    }

    /// Keeps whether a target answered late or in time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_pace(
        &self,
        app: &AppId,
        webhook: &WebhookId,
        pace: Pace,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = self.target(app, webhook);
        let update = match pace {
            Pace::Late => update
                .update_expression(
                    "SET since_ms = if_not_exists(since_ms, :now), failures = if_not_exists(failures, :none), v = :v \
                     ADD lateness :step",
                )
                .condition_expression("attribute_not_exists(lateness) OR lateness < :most")
                .expression_attribute_values(":now", time(now))
                .expression_attribute_values(":none", number(0))
                .expression_attribute_values(":v", number(VERSION_WRITTEN))
                .expression_attribute_values(":step", number(TargetHealth::LATE_STEP.into()))
                .expression_attribute_values(":most", number(TargetHealth::LATENESS_MAX.into())),
            Pace::InTime => update
                .update_expression("ADD lateness :step")
                .condition_expression("lateness > :none")
                .expression_attribute_values(":step", number(-1))
                .expression_attribute_values(":none", number(0)),
        };
        is_written(update.send().await, "noting how long a target let us wait")?;
        Ok(())
    }

    /// Deletes the health of a target, because the webhook has another target or was deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_target(&self, app: &AppId, webhook: &WebhookId) -> Result<(), StoreError> {
        self.delete_target(app, webhook, "attribute_exists(failures)").await.map(|_| ())
    }

    /// Deletes the failures of a target that answered with success, and ends its pause. Its lateness stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_failures(&self, app: &AppId, webhook: &WebhookId, now: Timestamp) -> Result<(), StoreError> {
        let is_in_time = "attribute_exists(failures) AND (attribute_not_exists(lateness) OR lateness = :none)";
        if self.delete_target(app, webhook, is_in_time).await? {
            return Ok(());
        }
        let reset = self
            .target(app, webhook)
            .update_expression("SET failures = :none, since_ms = :now REMOVE paused_ms, probe_ms, free_ms")
            .condition_expression("lateness > :none")
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":now", time(now));
        is_written(reset.send().await, "forgetting failures")?;
        Ok(())
    }

    /// `false` if the condition does not hold. In the condition, `:none` is zero.
    async fn delete_target(&self, app: &AppId, webhook: &WebhookId, condition: &str) -> Result<bool, StoreError> {
        let delete = self
            .dynamo
            .delete_item()
            .table_name(&self.tables.configuration)
            .key(PK, text(app_pk(app)))
            .key(SK, text(target_sk(webhook)))
            .condition_expression(condition);
        let delete =
            if condition.contains(":none") { delete.expression_attribute_values(":none", number(0)) } else { delete };
        is_written(delete.send().await, "forgetting a target")
    }

    fn target(
        &self,
        app: &AppId,
        webhook: &WebhookId,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        let update = self.dynamo.update_item().table_name(&self.tables.configuration);
        update.key(PK, text(app_pk(app))).key(SK, text(target_sk(webhook)))
    }
}

/// A target's health, with the webhook that it is of.
pub(crate) struct WebhookHealth {
    pub(crate) webhook: WebhookId,
    pub(crate) health: TargetHealth,
}

pub(crate) fn read_target(attributes: &Attributes) -> Result<WebhookHealth, StoreError> {
    let webhook = read_webhook_id(&Item(attributes), TARGET_PREFIX)?;
    Ok(WebhookHealth { webhook, health: read_health(attributes)? })
}

fn read_health(attributes: &Attributes) -> Result<TargetHealth, StoreError> {
    let item = Item(attributes);
    let paused = match (item.find_time("paused_ms")?, item.find_time("probe_ms")?) {
        (Some(since), Some(probe_at)) => Some(Paused { since, probe_at }),
        _ => None,
    };
    let count = |name, found: i64| u32::try_from(found).map_err(|_| item.wrong(name));
    let failures = count("failures", item.number("failures")?)?;
    let lateness = count("lateness", item.find_number("lateness")?.unwrap_or_default())?;
    Ok(TargetHealth { failures, failing_since: item.time("since_ms")?, paused, lateness })
}
