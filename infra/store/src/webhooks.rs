//! Webhooks: where an app's events are sent. Each is sealed as a whole. The app's item counts them.

use std::time::Duration;

use aws_sdk_dynamodb::types::Update;
use domain::{AppId, Event, Mode, RotatingKey, Secret, Timestamp, Webhook, WebhookId, WebhookTarget};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, bytes, item, number, text, time},
    conditions::is_written,
    items::{CHANGE_TRIES_MAX, updated},
    schema::{PK, SK, TTL, WEBHOOK_PREFIX, app_pk, webhook_sk},
    stored_key::StoredKey,
};

/// The most webhooks of an app. A settlement and the deliveries of all webhooks are one transaction, which takes at most 100 writes.
pub const WEBHOOKS_MAX: usize = 20;

/// How long the marker of a deleted webhook is kept.
const DELETED_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

impl Store {
    /// Writes a new webhook. The app's item counts them, so that there are never more than [`WEBHOOKS_MAX`], even if several are made at
    /// once.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there is no such app, or it has [`WEBHOOKS_MAX`] webhooks already.
    pub async fn create_webhook(&self, app: &AppId, webhook: &Webhook) -> Result<(), StoreError> {
        let max = i64::try_from(WEBHOOKS_MAX).unwrap_or(i64::MAX);
        let count = self
            .update_app(app)
            .update_expression("SET webhooks = webhooks + :one")
            .condition_expression("webhooks < :max")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":max", number(max));
        let writes = [updated(count)?, self.put_new(self.write_webhook(app, webhook)?)?];
        self.write_together(writes, &webhook_owner(app, &webhook.id)).await
    }

    /// Changes a webhook. Every write seals it anew, so the sealed bytes show whether another operator changed it in between. Then `change` runs
    /// again: an edit of the address does not write over a rotated secret.
    ///
    /// # Errors
    /// What `change` says; [`StoreError::Stale`] if there is no such webhook, [`StoreError::Contended`] if others keep changing it.
    pub async fn change_webhook<E: From<StoreError>>(
        &self,
        app: &AppId,
        id: &WebhookId,
        change: impl Fn(&Webhook) -> Result<Webhook, E>,
    ) -> Result<Webhook, E> {
        let what = webhook_owner(app, id);
        for _ in 0..CHANGE_TRIES_MAX {
            let found = self.get_configured(app_pk(app), webhook_sk(id)).await?;
            let found = found.and_then(|found| Some((Item(&found).find_bytes("sealed")?.to_vec(), found.clone())));
            let Some((sealed, attributes)) = found else { return Err(StoreError::Stale { what }.into()) };
            let changed = change(&self.read_webhook(app, &attributes)?)?;
            let put = self
                .dynamo
                .put_item()
                .table_name(&self.tables.configuration)
                .set_item(Some(self.write_webhook(app, &changed)?))
                .condition_expression("sealed = :sealed")
                .expression_attribute_values(":sealed", bytes(sealed));
            if is_written(put.send().await, "change of a webhook")? {
                return Ok(changed);
            }
        }
        Err(StoreError::Contended { what, tries: CHANGE_TRIES_MAX }.into())
    }

    /// Notes that a webhook's target took a test message. A change of the webhook writes its item anew, without the note. `false` if it is
    /// noted already, or the webhook has another target by now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_tested(&self, app: &AppId, tested: &Webhook, now: Timestamp) -> Result<bool, StoreError> {
        let (pk, sk) = (app_pk(app), webhook_sk(&tested.id));
        let Some(found) = self.get_configured(pk.clone(), sk.clone()).await? else { return Ok(false) };
        let Some(sealed) = Item(&found).find_bytes("sealed").map(<[u8]>::to_vec) else { return Ok(false) };
        if self.read_webhook(app, &found)?.target != tested.target {
            return Ok(false);
        }
        let update = self
            .dynamo
            .update_item()
            .table_name(&self.tables.configuration)
            .key(PK, text(pk))
            .key(SK, text(sk))
            .update_expression("SET tested_ms = :now")
            .condition_expression("sealed = :sealed AND attribute_not_exists(tested_ms)")
            .expression_attribute_values(":sealed", bytes(sealed))
            .expression_attribute_values(":now", time(now));
        is_written(update.send().await, "noting a test of a webhook")
    }

    /// Deletes a webhook. A marker stays for a while, because its deliveries are still listed.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there is no such webhook.
    pub async fn delete_webhook(&self, app: &AppId, webhook: &WebhookId, now: Timestamp) -> Result<(), StoreError> {
        let count = self
            .update_app(app)
            .update_expression("SET webhooks = webhooks - :one")
            .condition_expression("webhooks > :none")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":none", number(0));
        let delete = Update::builder()
            .table_name(&self.tables.configuration)
            .key(PK, text(app_pk(app)))
            .key(SK, text(webhook_sk(webhook)))
            .update_expression("SET deleted_ms = :now, #ttl = :ttl REMOVE sealed")
            .condition_expression("attribute_exists(sealed)")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":ttl", number(now.plus(DELETED_KEPT).seconds()));
        let writes = [updated(count)?, updated(delete)?];
        self.write_together(writes, &webhook_owner(app, webhook)).await
    }

    fn write_webhook(&self, app: &AppId, webhook: &Webhook) -> Result<Attributes, StoreError> {
        let (url, headers, function) = match &webhook.target {
            WebhookTarget::Url { url, headers } => (Some(url.clone()), headers.as_slice(), None),
            WebhookTarget::Function(function) => (None, [].as_slice(), Some(function.clone())),
            WebhookTarget::Pull => (None, [].as_slice(), None),
        };
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.expose().clone())).collect();
        let StoredKey { current: secret, previous } = StoredKey::from(&webhook.secret);
        let pull = webhook.is_pulled();
        let stored = StoredTarget { url, headers, function, pull, secret, previous };
        let sealed = self.seal_json(&webhook_owner(app, &webhook.id), &stored)?;
        let events: Vec<_> = webhook.events.iter().map(|event| event.name()).collect();
        Ok(item(
            app_pk(app),
            webhook_sk(&webhook.id),
            [
                ("mode", Some(text(webhook.mode.name()))),
                ("events", Some(text(events.join(" ")))),
                ("created_ms", Some(time(webhook.created_at))),
                ("sealed", Some(bytes(sealed))),
            ],
        ))
    }

    pub(crate) fn read_webhook(&self, app: &AppId, attributes: &Attributes) -> Result<Webhook, StoreError> {
        let item = Item(attributes);
        let id = read_webhook_id(&item, WEBHOOK_PREFIX)?;
        let stored: StoredTarget = self.open_json(&webhook_owner(app, &id), &item)?;
        let target = match (stored.url, stored.function, stored.pull) {
            (Some(url), None, false) => {
                let headers = stored.headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
                WebhookTarget::Url { url, headers }
            }
            (None, Some(function), false) => WebhookTarget::Function(function),
            (None, None, true) => WebhookTarget::Pull,
            (Some(_), _, true) | (_, Some(_), true) | (Some(_), Some(_), _) | (None, None, false) => {
                return Err(item.wrong("sealed"));
            }
        };
        Ok(Webhook {
            mode: item.parsed("mode", Mode::find)?,
            // Events of a newer version are left out: only that version sends them.
            events: item.text("events")?.split(' ').filter_map(Event::find).collect(),
            target,
            secret: StoredKey { current: stored.secret, previous: stored.previous }
                .read()
                .ok_or_else(|| item.wrong("sealed"))?,
            created_at: item.time("created_ms")?,
            id,
        })
    }
}

/// What can be read of a webhook whose target or key cannot be read: its mode and its events. If these cannot be read either, it gets every
/// event of both modes, because a delivery too many does less harm than a lost one.
pub(crate) fn read_subscription(attributes: &Attributes) -> Vec<Webhook> {
    let item = Item(attributes);
    let Ok(id) = read_webhook_id(&item, WEBHOOK_PREFIX) else { return Vec::new() };
    let modes = item.find_text("mode").and_then(Mode::find).map_or_else(|| Mode::ALL.to_vec(), |mode| vec![mode]);
    let named = |events: &str| events.split(' ').filter_map(Event::find).collect();
    let events: Vec<Event> = item.find_text("events").map_or_else(|| Event::ALL.to_vec(), named);
    let hearing = |mode| Webhook {
        id: id.clone(),
        mode,
        events: events.clone(),
        target: WebhookTarget::Function(String::new()),
        secret: RotatingKey::new(Secret::new(String::new())),
        created_at: Timestamp::clamped(0),
    };
    modes.into_iter().map(hearing).collect()
}

/// The id of a webhook whose target took a test message.
pub(crate) fn find_tested(item: &Item<'_>) -> Option<WebhookId> {
    item.find_time("tested_ms").ok().flatten()?;
    read_webhook_id(item, WEBHOOK_PREFIX).ok()
}

pub(crate) fn read_webhook_id(item: &Item<'_>, prefix: &str) -> Result<WebhookId, StoreError> {
    item.parsed(SK, |sk| WebhookId::parse(sk.strip_prefix(prefix)?).ok())
}

fn webhook_owner(app: &AppId, webhook: &WebhookId) -> String {
    format!("{} / {}", app_pk(app), webhook_sk(webhook))
}

/// A webhook's target and key, in the form in which they are sealed. Its headers may be secrets, too.
#[derive(Serialize, Deserialize)]
struct StoredTarget {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    function: Option<String>,
    /// Whether the merchant fetches its events. An earlier version cannot read such a webhook; its deliveries wait then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pull: bool,
    secret: String,
    /// The old secret, and its end. Until then it signs, too. Earlier versions ignore it, and sign with the present secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<(String, i64)>,
}
