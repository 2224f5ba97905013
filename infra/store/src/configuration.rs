//! Apps, their keys, channels and webhooks: one item collection an app, read in one query.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, ConditionCheck, Put, TransactWriteItem, Update, builders::UpdateBuilder},
};
use domain::{
    App, AppId, ClientBounds, Event, Key, KeyKind, KeySet, Mode, RotatingKey, Secret, Shards, TargetHealth, Timestamp,
    Webhook, WebhookId, WebhookTarget,
};
use serde::{Deserialize, Serialize};

use crate::{
    ChannelSettings, Store, StoreError,
    attributes::{Attributes, Item, bytes, item, number, text, time},
    schema::{APP_SK, APPS_PK, CHANNEL_PREFIX, PK, SK, TARGET_PREFIX, TTL, WEBHOOK_PREFIX, app_pk, webhook_sk},
    targets::read_health,
};

/// At most this many webhooks an app: all of them are written in one transaction with a settlement, and that takes 100.
pub const WEBHOOKS_MAX: usize = 20;

/// An app has ten channel tabs and twenty webhooks at the most: one page. The rest is a bound, not a plan.
const APP_PAGES_MAX: usize = 8;

/// How long it is known that a deleted webhook was there.
const DELETED_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// Apps a page of the list.
const APPS_PAGE: i32 = 100;

/// How often a change of an app is made anew because somebody else changed it.
const CHANGE_TRIES_MAX: u32 = 5;

/// An app with all that is configured for it.
#[derive(Clone, Debug)]
pub struct AppConfiguration {
    /// The app and its keys.
    pub app: App,
    /// Every tab that was ever configured.
    pub channels: Vec<ChannelSettings>,
    /// Its webhooks, in both modes.
    pub webhooks: Vec<Webhook>,
    /// Webhooks that were deleted lately.
    pub deleted_webhooks: Vec<WebhookId>,
    /// How those targets are doing that failed the last time.
    pub targets: HashMap<WebhookId, TargetHealth>,
}

/// What of an app is to be changed; nothing else is touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppChange {
    /// What people call it.
    pub name: Option<String>,
    /// Whether the second payment of a bill goes back by itself.
    pub refunds_duplicates: Option<bool>,
    /// Whether clients may open bills that its server did not.
    pub clients_name_prices: Option<bool>,
    /// How its transactions are spread: as it was read, and as it is to be.
    pub shards: Option<(Shards, Shards)>,
    /// How many charges its public keys make in a minute; `Some(None)` takes the bound away.
    pub charges_per_minute: Option<Option<u32>>,
    /// How many bills may be open for them to make another.
    pub open_bills: Option<Option<u32>>,
}

/// An app in the list of apps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSummary {
    /// Its id.
    pub id: AppId,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Store {
    /// Everything configured for an app, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_app(&self, app: &AppId) -> Result<Option<AppConfiguration>, StoreError> {
        let mut pages = self
            .dynamo
            .query()
            .table_name(&self.tables.configuration)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(app_pk(app)))
            .into_paginator()
            .send();
        let mut items = Vec::new();
        for _ in 0..APP_PAGES_MAX {
            let Some(page) = pages.next().await else { break };
            items.extend(page.map_err(|error| StoreError::dynamo("query of an app", error))?.items.unwrap_or_default());
        }
        self.read_configuration(app, &items)
    }

    /// A page of the list of apps by id, and where the next begins.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_apps(&self, after: Option<&AppId>) -> Result<(Vec<AppSummary>, Option<AppId>), StoreError> {
        self.first_apps(after, APPS_PAGE).await
    }

    /// The same, of at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn first_apps(
        &self,
        after: Option<&AppId>,
        limit: i32,
    ) -> Result<(Vec<AppSummary>, Option<AppId>), StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.configuration)
            .key_condition_expression("pk = :pk AND sk > :after")
            .expression_attribute_values(":pk", text(APPS_PK))
            .expression_attribute_values(":after", text(after.map_or(" ", AppId::as_str)))
            .limit(limit)
            .send()
            .await
            .map_err(|error| StoreError::dynamo("list of apps", error))?;
        let apps = page.items().iter().map(read_summary).collect::<Result<Vec<_>, _>>()?;
        let next = page.last_evaluated_key().and(apps.last()).map(|app| app.id.clone());
        Ok((apps, next))
    }

    /// Keeps a new app.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there is one with this id.
    pub async fn create_app(&self, app: &App) -> Result<(), StoreError> {
        let entry = item(
            APPS_PK.to_owned(),
            app.id.to_string(),
            [("name", Some(text(&app.name))), ("created_ms", Some(time(app.created_at)))],
        );
        let what = app_pk(&app.id);
        let writes = [self.put_new(self.write_new_app(app)?)?, self.put_new(entry)?];
        self.write_together(writes, &what).await
    }

    /// Changes what is not a secret of an app.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there is no such app.
    pub async fn change_app(&self, app: &AppId, change: &AppChange) -> Result<(), StoreError> {
        let mut sets = Vec::new();
        let mut update = Update::builder()
            .table_name(&self.tables.configuration)
            .key(PK, text(app_pk(app)))
            .key(SK, text(APP_SK))
            .condition_expression("attribute_exists(pk)");
        if let Some(name) = &change.name {
            sets.push("#name = :name");
            update =
                update.expression_attribute_names("#name", "name").expression_attribute_values(":name", text(name));
        }
        if let Some(refunds) = change.refunds_duplicates {
            sets.push("refunds_duplicates = :refunds");
            update = update.expression_attribute_values(":refunds", AttributeValue::Bool(refunds));
        }
        if let Some(may) = change.clients_name_prices {
            sets.push("clients_only_continue = :continue");
            update = update.expression_attribute_values(":continue", AttributeValue::Bool(!may));
        }
        let bounds = [
            ("client_charges = :charges", ":charges", change.charges_per_minute),
            ("client_open = :open", ":open", change.open_bills),
        ];
        for (set, name, bound) in bounds {
            if let Some(bound) = bound {
                sets.push(set);
                update = update.expression_attribute_values(name, write_bound(bound));
            }
        }
        if let Some((before, after)) = &change.shards {
            sets.push("shards = :shards");
            // Nobody's change is forgotten: every count that was in use is asked for ever after. An app that was never changed has none.
            let is_default = *before == Shards::default();
            let unchanged =
                if is_default { "(attribute_not_exists(shards) OR shards = :before)" } else { "shards = :before" };
            update = update.condition_expression(format!("attribute_exists(pk) AND {unchanged}"));
            update = update.expression_attribute_values(":before", text(write_shards(before)));
            update = update.expression_attribute_values(":shards", text(write_shards(after)));
        }
        if sets.is_empty() {
            return Ok(());
        }
        let build = |error| StoreError::dynamo("building a change of an app", error);
        let app_itself = update.update_expression(format!("SET {}", sets.join(", "))).build().map_err(build)?;
        let mut writes = vec![TransactWriteItem::builder().update(app_itself).build()];
        if let Some(name) = &change.name {
            let entry = Update::builder()
                .table_name(&self.tables.configuration)
                .key(PK, text(APPS_PK))
                .key(SK, text(app.to_string()))
                .update_expression("SET #name = :name")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_names("#name", "name")
                .expression_attribute_values(":name", text(name))
                .build()
                .map_err(build)?;
            writes.push(TransactWriteItem::builder().update(entry).build());
        }
        self.write_together(writes, &app_pk(app)).await
    }

    /// Replaces one of an app's keys; the present one is taken for `grace` longer.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there is no such app, [`StoreError::Contended`] if others keep changing it.
    pub async fn rotate_key(
        &self,
        app: &AppId,
        (mode, kind): (Mode, KeyKind),
        next: &Key,
        now: Timestamp,
        grace: Duration,
    ) -> Result<(), StoreError> {
        for _ in 0..CHANGE_TRIES_MAX {
            let Some((found, revision)) = self.find_app_revision(app).await? else {
                return Err(StoreError::Stale { what: app_pk(app) });
            };
            let rotated = rotate(found, mode, kind, |key| key.rotated(next.clone(), now, grace));
            let update = self
                .dynamo
                .update_item()
                .table_name(&self.tables.configuration)
                .key(PK, text(app_pk(app)))
                .key(SK, text(APP_SK))
                .update_expression("SET sealed = :sealed, rev = :next")
                .condition_expression("rev = :rev")
                .expression_attribute_values(":sealed", bytes(self.seal_keys(&rotated)?))
                .expression_attribute_values(":next", number(revision + 1))
                .expression_attribute_values(":rev", number(revision));
            match update.send().await {
                Ok(_) => return Ok(()),
                Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {}
                Err(error) => return Err(StoreError::dynamo("rotating a key", error)),
            }
        }
        Err(StoreError::Contended { what: app_pk(app), tries: CHANGE_TRIES_MAX })
    }

    /// Keeps a new webhook. The app's item counts them, so that they stay within [`WEBHOOKS_MAX`] however many are made at once.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there is no such app, or it has as many webhooks as it may.
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

    /// Changes a webhook. Every write seals it anew, so that what was sealed is what tells whether somebody else changed it in between:
    /// `change` is then asked again, so that no rotated secret is written over by an edit of the address.
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
            match put.send().await {
                Ok(_) => return Ok(changed),
                Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {}
                Err(error) => return Err(StoreError::dynamo("change of a webhook", error).into()),
            }
        }
        Err(StoreError::Contended { what, tries: CHANGE_TRIES_MAX }.into())
    }

    /// Deletes a webhook; what is left for a while tells that there was one.
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

    fn update_app(&self, app: &AppId) -> UpdateBuilder {
        Update::builder().table_name(&self.tables.configuration).key(PK, text(app_pk(app))).key(SK, text(APP_SK))
    }

    async fn find_app_revision(&self, app: &AppId) -> Result<Option<(App, i64)>, StoreError> {
        let found = self.get_configured(app_pk(app), APP_SK.to_owned()).await?;
        let Some(attributes) = found else { return Ok(None) };
        Ok(Some((self.read_app(app, &attributes)?, Item(&attributes).number("rev")?)))
    }

    pub(crate) fn app_exists(&self, app: &AppId) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&self.tables.configuration)
            .key(PK, text(app_pk(app)))
            .key(SK, text(APP_SK))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(|error| StoreError::dynamo("building a check", error))?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    pub(crate) fn put_new(&self, attributes: Attributes) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().condition_expression("attribute_not_exists(pk)");
        let put = put.table_name(&self.tables.configuration).set_item(Some(attributes)).build();
        Ok(TransactWriteItem::builder().put(put.map_err(|error| StoreError::dynamo("building a put", error))?).build())
    }

    /// Writes all or nothing; a condition that does not hold means that `what` is stale.
    pub(crate) async fn write_together(
        &self,
        writes: impl Into<Vec<TransactWriteItem>>,
        what: &str,
    ) -> Result<(), StoreError> {
        let writes = writes.into();
        for round in 0..CHANGE_TRIES_MAX {
            let write = self.dynamo.transact_write_items().set_transact_items(Some(writes.clone()));
            let error = match write.send().await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            let cancelled_by = |code| error.as_service_error().is_some_and(|error| is_cancelled_by(error, code));
            if cancelled_by("ConditionalCheckFailed") {
                return Err(StoreError::Stale { what: what.to_owned() });
            } else if !cancelled_by("TransactionConflict") {
                return Err(StoreError::dynamo("change of the configuration", error));
            }
            // Whoever was faster needs a moment to finish; a conflict is not retried by the client.
            tokio::time::sleep(Duration::from_millis(10) * (round + 1)).await;
        }
        Err(StoreError::Contended { what: what.to_owned(), tries: CHANGE_TRIES_MAX })
    }

    fn read_configuration(&self, id: &AppId, items: &[Attributes]) -> Result<Option<AppConfiguration>, StoreError> {
        let (mut app, mut channels, mut webhooks) = (None, Vec::new(), Vec::new());
        let (mut deleted_webhooks, mut targets) = (Vec::new(), HashMap::new());
        for attributes in items {
            let item = Item(attributes);
            let sk = item.text(SK)?;
            if sk == APP_SK {
                app = Some(self.read_app(id, attributes)?);
            } else if sk.starts_with(CHANNEL_PREFIX) {
                channels.push(self.read_channel(id, attributes)?);
            } else if sk.starts_with(WEBHOOK_PREFIX) && item.find_bytes("sealed").is_none() {
                deleted_webhooks.push(read_webhook_id(&item, WEBHOOK_PREFIX)?);
            } else if sk.starts_with(WEBHOOK_PREFIX) {
                webhooks.push(self.read_webhook(id, attributes)?);
            } else if sk.starts_with(TARGET_PREFIX) {
                targets.insert(read_webhook_id(&item, TARGET_PREFIX)?, read_health(attributes)?);
            } // Anything else was written by a newer version, for itself.
        }
        Ok(app.map(|app| AppConfiguration { app, channels, webhooks, deleted_webhooks, targets }))
    }

    fn seal_keys(&self, app: &App) -> Result<Vec<u8>, StoreError> {
        let keys = StoredKeys { live: StoredKeySet::from(&app.live), test: StoredKeySet::from(&app.test) };
        self.seal_json(&app_pk(&app.id), &keys)
    }

    fn write_new_app(&self, app: &App) -> Result<Attributes, StoreError> {
        Ok(item(
            app_pk(&app.id),
            APP_SK.to_owned(),
            [
                ("rev", Some(number(1))),
                ("name", Some(text(&app.name))),
                ("created_ms", Some(time(app.created_at))),
                ("webhooks", Some(number(0))),
                ("sealed", Some(bytes(self.seal_keys(app)?))),
            ],
        ))
    }

    fn read_app(&self, id: &AppId, attributes: &Attributes) -> Result<App, StoreError> {
        let item = Item(attributes);
        let keys: StoredKeys = self.open_json(&app_pk(id), &item)?;
        let wrong = || item.wrong("sealed");
        Ok(App {
            id: id.clone(),
            name: item.text("name")?.to_owned(),
            created_at: item.time("created_ms")?,
            live: keys.live.read().ok_or_else(wrong)?,
            test: keys.test.read().ok_or_else(wrong)?,
            refunds_duplicates: item.find_bool("refunds_duplicates"),
            clients_name_prices: !item.find_bool("clients_only_continue"),
            shards: read_shards(&item)?,
            client_bounds: read_bounds(&item)?,
        })
    }

    fn write_webhook(&self, app: &AppId, webhook: &Webhook) -> Result<Attributes, StoreError> {
        let (url, headers, function) = match &webhook.target {
            WebhookTarget::Url { url, headers } => (Some(url.clone()), headers.as_slice(), None),
            WebhookTarget::Function(function) => (None, [].as_slice(), Some(function.clone())),
        };
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.expose().clone())).collect();
        let StoredKey { current: secret, previous } = StoredKey::from(&webhook.secret);
        let stored = StoredTarget { url, headers, function, secret, previous };
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

    fn read_webhook(&self, app: &AppId, attributes: &Attributes) -> Result<Webhook, StoreError> {
        let item = Item(attributes);
        let id = read_webhook_id(&item, WEBHOOK_PREFIX)?;
        let stored: StoredTarget = self.open_json(&webhook_owner(app, &id), &item)?;
        let target = match (stored.url, stored.function) {
            (Some(url), None) => {
                let headers = stored.headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
                WebhookTarget::Url { url, headers }
            }
            (None, Some(function)) => WebhookTarget::Function(function),
            (Some(_), Some(_)) | (None, None) => return Err(item.wrong("sealed")),
        };
        Ok(Webhook {
            mode: item.parsed("mode", Mode::find)?,
            // An event of a newer version is not ours to send.
            events: item.text("events")?.split(' ').filter_map(Event::find).collect(),
            target,
            secret: StoredKey { current: stored.secret, previous: stored.previous }
                .read()
                .ok_or_else(|| item.wrong("sealed"))?,
            created_at: item.time("created_ms")?,
            id,
        })
    }

    fn seal_json(&self, owner: &str, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
        let json = serde_json::to_vec(value).map_err(|_| StoreError::Sealed { owner: owner.to_owned() })?;
        self.sealer.seal(owner, &json)
    }

    fn open_json<T: for<'de> Deserialize<'de>>(&self, owner: &str, item: &Item<'_>) -> Result<T, StoreError> {
        let json = self.sealer.open(owner, item.bytes("sealed")?)?;
        serde_json::from_slice(json.expose()).map_err(|_| item.wrong("sealed"))
    }
}

fn read_webhook_id(item: &Item<'_>, prefix: &str) -> Result<WebhookId, StoreError> {
    item.parsed(SK, |sk| WebhookId::parse(sk.strip_prefix(prefix)?).ok())
}

/// Whether one of the writes of a transaction failed for this reason.
fn is_cancelled_by(error: &TransactWriteItemsError, code: &str) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { return false };
    cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(code))
}

pub(crate) fn updated(update: UpdateBuilder) -> Result<TransactWriteItem, StoreError> {
    let update = update.build().map_err(|error| StoreError::dynamo("building an update", error))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

fn webhook_owner(app: &AppId, webhook: &WebhookId) -> String {
    format!("{} / {}", app_pk(app), webhook_sk(webhook))
}

fn rotate(app: App, mode: Mode, kind: KeyKind, change: impl FnOnce(RotatingKey) -> RotatingKey) -> App {
    let in_set = |keys: KeySet| match kind {
        KeyKind::Client => KeySet { client: change(keys.client), ..keys },
        KeyKind::Master => KeySet { master: change(keys.master), ..keys },
    };
    match mode {
        Mode::Live => App { live: in_set(app.live), ..app },
        Mode::Test => App { test: in_set(app.test), ..app },
    }
}

/// One text of JSON: it is only ever read and written as a whole.
fn write_shards(shards: &Shards) -> String {
    serde_json::to_string(shards).unwrap_or_default()
}

fn read_shards(item: &Item<'_>) -> Result<Shards, StoreError> {
    let Some(json) = item.find_text("shards") else { return Ok(Shards::default()) };
    serde_json::from_str(json).map_err(|_| item.wrong("shards"))
}

/// No bound is a zero; an app whose bounds were never changed has neither, and those that this version gives.
fn write_bound(bound: Option<u32>) -> AttributeValue {
    number(bound.map_or(0, i64::from))
}

fn read_bounds(item: &Item<'_>) -> Result<ClientBounds, StoreError> {
    let read = |name: &'static str, default: Option<u32>| match item.find_number(name)? {
        None => Ok(default),
        Some(bound) => {
            u32::try_from(bound).map(|bound| Some(bound).filter(|bound| *bound > 0)).map_err(|_| item.wrong(name))
        }
    };
    let default = ClientBounds::default();
    Ok(ClientBounds {
        charges_per_minute: read("client_charges", default.charges_per_minute)?,
        open_bills: read("client_open", default.open_bills)?,
    })
}

pub(crate) fn read_summary(attributes: &Attributes) -> Result<AppSummary, StoreError> {
    let item = Item(attributes);
    Ok(AppSummary {
        id: item.parsed(SK, |id| AppId::parse(id).ok())?,
        name: item.text("name")?.to_owned(),
        created_at: item.time("created_ms")?,
    })
}

/// The keys of an app as they are sealed.
#[derive(Serialize, Deserialize)]
struct StoredKeys {
    live: StoredKeySet,
    test: StoredKeySet,
}

#[derive(Serialize, Deserialize)]
struct StoredKeySet {
    client: StoredKey,
    master: StoredKey,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    current: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<(String, i64)>,
}

impl From<&KeySet> for StoredKeySet {
    fn from(keys: &KeySet) -> Self {
        Self { client: StoredKey::from(&keys.client), master: StoredKey::from(&keys.master) }
    }
}

impl From<&RotatingKey> for StoredKey {
    fn from(key: &RotatingKey) -> Self {
        let previous = key.previous.as_ref().map(|(key, until)| (key.expose().clone(), until.ms()));
        Self { current: key.current.expose().clone(), previous }
    }
}

impl StoredKeySet {
    fn read(self) -> Option<KeySet> {
        Some(KeySet { client: self.client.read()?, master: self.master.read()? })
    }
}

impl StoredKey {
    fn read(self) -> Option<RotatingKey> {
        let previous = match self.previous {
            Some((key, until)) => Some((Secret::new(key), Timestamp::from_ms(until).ok()?)),
            None => None,
        };
        Some(RotatingKey { current: Secret::new(self.current), previous })
    }
}

/// A webhook's target and key as they are sealed; its headers may be secrets, too.
#[derive(Serialize, Deserialize)]
struct StoredTarget {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    function: Option<String>,
    secret: String,
    /// The secret before, and until when it signs, too. Earlier versions do not look at it, and sign with the present one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<(String, i64)>,
}
