//! The configuration of an app: one item collection, read in one query.

use std::collections::HashMap;

use domain::{App, AppId, TargetHealth, Webhook, WebhookId};

use crate::{
    ChannelSettings, Store, StoreError,
    attributes::{Attributes, Item, text},
    schema::{APP_SK, CHANNEL_PREFIX, SK, TARGET_PREFIX, WEBHOOK_PREFIX, app_pk},
    targets::read_target,
    webhooks::{find_tested, read_subscription, read_webhook_id},
};

/// An app has at most ten channel tabs and twenty webhooks, which fit in one page. This only bounds the loop.
const APP_PAGES_MAX: usize = 8;

/// An app with its whole configuration, as it is stored.
#[derive(Clone, Debug)]
pub struct StoredApp {
    /// The app and its keys.
    pub app: App,
    /// Every tab that was ever configured.
    pub channels: Vec<ChannelSettings>,
    /// Its webhooks, in both modes.
    pub webhooks: Vec<Webhook>,
    /// The webhooks that cannot be read, without their targets. Their events are kept, and are sent when the webhook can be read.
    pub unreadable_webhooks: Vec<Webhook>,
    /// Webhooks that were deleted in the last 90 days.
    pub deleted_webhooks: Vec<WebhookId>,
    /// The health of the targets that fail or are late.
    pub targets: HashMap<WebhookId, TargetHealth>,
    /// The webhooks whose targets took a test message since they were saved.
    pub tested_webhooks: Vec<WebhookId>,
}

impl Store {
    /// An app with its whole configuration, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_app(&self, app: &AppId) -> Result<Option<StoredApp>, StoreError> {
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

    /// If the app's own item cannot be read, that is an error. Another item that cannot be read is passed over.
    fn read_configuration(&self, id: &AppId, items: &[Attributes]) -> Result<Option<StoredApp>, StoreError> {
        let (mut app, mut channels, mut webhooks) = (None, Vec::new(), Vec::new());
        let (mut unreadable_webhooks, mut deleted_webhooks) = (Vec::new(), Vec::new());
        let (mut targets, mut tested_webhooks) = (HashMap::new(), Vec::new());
        for attributes in items {
            let item = Item(attributes);
            let sk = item.text(SK)?;
            if sk == APP_SK {
                app = Some(self.read_app(id, attributes)?);
            } else if sk.starts_with(CHANNEL_PREFIX) {
                channels.extend(self.find_readable(attributes, |one| self.read_channel(id, one)));
            } else if sk.starts_with(WEBHOOK_PREFIX) && item.find_bytes("sealed").is_none() {
                deleted_webhooks.extend(read_webhook_id(&item, WEBHOOK_PREFIX));
            } else if sk.starts_with(WEBHOOK_PREFIX) {
                tested_webhooks.extend(find_tested(&item));
                match self.find_readable(attributes, |one| self.read_webhook(id, one)) {
                    Some(webhook) => webhooks.push(webhook),
                    None => unreadable_webhooks.extend(read_subscription(attributes)),
                }
            } else if sk.starts_with(TARGET_PREFIX) {
                let found = self.find_readable(attributes, read_target);
                targets.extend(found.map(|found| (found.webhook, found.health)));
            } // Anything else was written by a newer version, for itself.
        }
        let found = |app| StoredApp {
            app,
            channels,
            webhooks,
            unreadable_webhooks,
            deleted_webhooks,
            targets,
            tested_webhooks,
        };
        Ok(app.map(found))
    }
}
