//! The health of webhooks' targets: an item beside the webhook while its target fails, and none while it is well. It comes with the
//! app's other items, so that looking at it costs nothing.

use std::time::Duration;

use aws_sdk_dynamodb::{error::SdkError, types::ReturnValue};
use domain::{AppId, Paused, TargetHealth, Timestamp, WebhookId};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, number, text, time},
    schema::{PK, SK, VERSION_WRITTEN, app_pk, target_sk},
};

/// How often a place in the row of releases is asked for because others took it.
const SLOT_TRIES_MAX: u32 = 5;

impl Store {
    /// Counts a failure of a target that is not paused. Its health from now on; `None` if it was paused meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_failure(
        &self,
        app: &AppId,
        webhook: &WebhookId,
        now: Timestamp,
    ) -> Result<Option<TargetHealth>, StoreError> {
        let update = self
            .target(app, webhook)
            .update_expression("SET since_ms = if_not_exists(since_ms, :now), v = :v ADD failures :one")
            .condition_expression("attribute_not_exists(paused_ms)")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":v", number(VERSION_WRITTEN))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew);
        match update.send().await {
            Ok(done) => done.attributes().map(read_health).transpose(),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => Ok(None),
            Err(error) => Err(StoreError::dynamo("counting a failure", error)),
        }
    }

    /// Pauses a target until a probe is answered, the first at `probe_at`. `false` if it is paused already.
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
        match update.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => Ok(false),
            Err(error) => Err(StoreError::dynamo("pausing a target", error)),
        }
    }

    /// Takes the probe that is due, so that there is one at a time, and sets the next. `false` if somebody else took it.
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
            .update_expression("SET probe_ms = :next")
            .condition_expression("probe_ms <= :now")
            .expression_attribute_values(":next", time(next))
            .expression_attribute_values(":now", time(now));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => Ok(false),
            Err(error) => Err(StoreError::dynamo("taking a probe", error)),
        }
    }

    /// The place of one delivery in the row of those that wait for a paused target: `step` behind the one before, and not before
    /// `earliest`. `None` if the target is not paused any more.
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
            match next.send().await {
                Ok(done) => return done.attributes().map(|old| Item(old).time("free_ms")).transpose(),
                Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {}
                Err(error) => return Err(StoreError::dynamo("taking a place", error)),
            }
            // The row has run dry: it begins anew at the earliest moment.
            let anew = self
                .target(app, webhook)
                .update_expression("SET free_ms = :free")
                .condition_expression("attribute_exists(paused_ms) AND free_ms < :earliest")
                .expression_attribute_values(":free", time(earliest.plus(step)))
                .expression_attribute_values(":earliest", time(earliest));
            match anew.send().await {
                Ok(_) => return Ok(Some(earliest)),
                Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {}
                Err(error) => return Err(StoreError::dynamo("beginning a row", error)),
            }
        }
        Ok(None)
    }

    /// The target is well: whatever was counted is forgotten.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_failures(&self, app: &AppId, webhook: &WebhookId) -> Result<(), StoreError> {
        let delete = self
            .dynamo
            .delete_item()
            .table_name(&self.tables.configuration)
            .key(PK, text(app_pk(app)))
            .key(SK, text(target_sk(webhook)))
            .condition_expression("attribute_exists(failures)");
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => Ok(()),
            Err(error) => Err(StoreError::dynamo("forgetting failures", error)),
        }
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

pub(crate) fn read_health(attributes: &Attributes) -> Result<TargetHealth, StoreError> {
    let item = Item(attributes);
    let paused = match (item.find_time("paused_ms")?, item.find_time("probe_ms")?) {
        (Some(since), Some(probe_at)) => Some(Paused { since, probe_at }),
        _ => None,
    };
    let failures = u32::try_from(item.number("failures")?).map_err(|_| item.wrong("failures"))?;
    Ok(TargetHealth { failures, failing_since: item.time("since_ms")?, paused })
}
