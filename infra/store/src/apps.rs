//! Apps and their keys: the app's item, and its entry in the list of apps. The other items of the app are in the same collection as its
//! item.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem, Update, builders::UpdateBuilder};
use domain::{App, AppId, ClientBounds, Fen, Key, KeyKind, KeySet, Mode, RotatingKey, Shards, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, bytes, item, number, text, time},
    conditions::is_written,
    items::CHANGE_TRIES_MAX,
    schema::{APP_SK, APPS_PK, PK, SK, app_pk},
    stored_key::StoredKey,
};

/// How many apps a page of the list has.
const APPS_PAGE: i32 = 100;

/// The changes of an app. Members that are `None` stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppChange {
    /// What people call it.
    pub name: Option<String>,
    /// Whether the second payment of a bill is refunded automatically.
    pub refunds_duplicates: Option<bool>,
    /// Whether clients may charge bills that the app's server did not charge.
    pub clients_name_prices: Option<bool>,
    /// How its transactions are spread over shards: as read, and as changed.
    pub shards: Option<(Shards, Shards)>,
    /// How many charges its client keys may make in a minute; `Some(None)` removes the bound.
    pub charges_per_minute: Option<Option<u32>>,
    /// How many bills may be open before its client keys can charge no more.
    pub open_bills: Option<Option<u32>>,
    /// How much operators may refund on one day; `Some(None)` removes the limit.
    pub operator_refunds_per_day: Option<Option<Fen>>,
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

/// A page of the list of apps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppPage {
    /// The apps, by id.
    pub apps: Vec<AppSummary>,
    /// The app after which the next page begins; `None` for the last page.
    pub next: Option<AppId>,
}

/// A key that replaces another.
#[derive(Clone, Copy, Debug)]
pub struct KeyRotation<'a> {
    /// The mode.
    pub mode: Mode,
    /// The kind of key.
    pub kind: KeyKind,
    /// The new key.
    pub next: &'a Key,
    /// How long the present key stays valid.
    pub grace: Duration,
}

impl Store {
    /// A page of the list of apps by id, and where the next begins.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_apps(&self, after: Option<&AppId>) -> Result<AppPage, StoreError> {
        self.first_apps(after, APPS_PAGE).await
    }

    /// A page of the list of apps with at most `limit` apps.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn first_apps(&self, after: Option<&AppId>, limit: i32) -> Result<AppPage, StoreError> {
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
        let next = page.last_evaluated_key().and_then(|key| AppId::parse(Item(key).find_text(SK)?).ok());
        Ok(AppPage { apps: self.readable(page.items(), read_summary), next })
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

    /// Changes an app, except its keys.
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
        if let Some(limit) = change.operator_refunds_per_day {
            sets.push("operator_refunds = :limit");
            update = update.expression_attribute_values(":limit", number(limit.map_or(0, Fen::get)));
        }
        if let Some((before, after)) = &change.shards {
            sets.push("shards = :shards");
            // The write is conditional on what was read, so no count of shards is lost: lists ask all shards that were ever in use. An app
            // that was never changed has no attribute.
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

    /// Replaces one of an app's keys. The present key stays valid for the grace period.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there is no such app, [`StoreError::Contended`] if others keep changing it.
    pub async fn rotate_key(&self, app: &AppId, rotation: &KeyRotation<'_>, now: Timestamp) -> Result<(), StoreError> {
        let KeyRotation { mode, kind, next, grace } = *rotation;
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
            if is_written(update.send().await, "rotating a key")? {
                return Ok(());
            }
        }
        Err(StoreError::Contended { what: app_pk(app), tries: CHANGE_TRIES_MAX })
    }

    pub(crate) fn update_app(&self, app: &AppId) -> UpdateBuilder {
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

    pub(crate) fn read_app(&self, id: &AppId, attributes: &Attributes) -> Result<App, StoreError> {
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
            operator_refunds_per_day: read_refund_limit(&item)?,
        })
    }
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

/// One text of JSON, because it is always read and written as a whole.
fn write_shards(shards: &Shards) -> String {
    serde_json::to_string(shards).unwrap_or_default()
}

fn read_shards(item: &Item<'_>) -> Result<Shards, StoreError> {
    let Some(json) = item.find_text("shards") else { return Ok(Shards::default()) };
    serde_json::from_str(json).map_err(|_| item.wrong("shards"))
}

/// No bound is written as zero. An app whose bounds were never changed has no attribute, and gets this version's default.
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

/// No limit is zero, or no attribute.
fn read_refund_limit(item: &Item<'_>) -> Result<Option<Fen>, StoreError> {
    let limit = item.find_number("operator_refunds")?.filter(|limit| *limit != 0);
    limit.map(|limit| Fen::new(limit).map_err(|_| item.wrong("operator_refunds"))).transpose()
}

pub(crate) fn read_summary(attributes: &Attributes) -> Result<AppSummary, StoreError> {
    let item = Item(attributes);
    Ok(AppSummary {
        id: item.parsed(SK, |id| AppId::parse(id).ok())?,
        name: item.text("name")?.to_owned(),
        created_at: item.time("created_ms")?,
    })
}

/// The keys of an app, in the form in which they are sealed.
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

impl From<&KeySet> for StoredKeySet {
    fn from(keys: &KeySet) -> Self {
        Self { client: StoredKey::from(&keys.client), master: StoredKey::from(&keys.master) }
    }
}

impl StoredKeySet {
    fn read(self) -> Option<KeySet> {
        Some(KeySet { client: self.client.read()?, master: self.master.read()? })
    }
}
