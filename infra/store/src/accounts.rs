//! Channel settings, and the accounts that a channel used before.
//!
//! The account in use is an item of its app's collection, so it is read with the rest of the app. The others are in a collection of their
//! own. Each is sealed for its own item. A change from one account to another is one transaction. The caller decides what follows from it.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use domain::{AccountNumber, AppId, FORMER_FORM_READ, Mode, Secret, Succession, Tab, TabMode, Timestamp};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, bytes, item, number, text, time},
    items::updated,
    schema::{
        AccountSk, PK, SK, TTL, VERSION_WRITTEN, account_sk, accounts_pk, accounts_prefix, app_pk, channel_sk,
        former_sk, parse_account_sk, parse_channel_sk,
    },
};

/// A page of 1 MB has more than a hundred accounts, so one page is usual. This only bounds the loop.
const OLD_ACCOUNT_PAGES_MAX: usize = 8;

/// What is configured for one tab in one mode.
#[derive(Clone, Debug)]
pub struct ChannelSettings {
    /// The tab.
    pub tab: Tab,
    /// The mode.
    pub mode: Mode,
    /// Which account they are of.
    pub account: AccountNumber,
    /// The settings as JSON; `None` if they were deleted. Their transactions can still be listed.
    pub settings: Option<Secret<String>>,
    /// When this account began to be used; `None` if an older version saved it.
    pub since: Option<Timestamp>,
}

/// The account in use, as it was read.
#[derive(Clone, Debug)]
pub struct CurrentAccount {
    /// Its number.
    pub number: AccountNumber,
    /// The highest number that was given on this channel.
    pub highest: AccountNumber,
    /// Its settings; `None` if they were deleted.
    pub settings: Option<Secret<String>>,
    /// The identity of the account whose settings were deleted, as the caller wrote it. `None` if an older version deleted them.
    pub identity: Option<String>,
    since: Option<Timestamp>,
    /// The sealed bytes. While these are the same, nobody has saved the settings.
    sealed: Option<Vec<u8>>,
}

/// An account that takes no new charges.
#[derive(Clone, Debug)]
pub struct OldAccount {
    /// The tab.
    pub tab: Tab,
    /// The mode.
    pub mode: Mode,
    /// Its number.
    pub number: AccountNumber,
    /// The identity of the account, as the caller wrote it.
    pub identity: String,
    /// The settings that were saved last; `None` if they were retired or deleted.
    pub settings: Option<Secret<String>>,
    /// When another account took its place.
    pub replaced_at: Timestamp,
    /// When it began to be used; `None` if an older version saved it.
    pub since: Option<Timestamp>,
}

/// The settings by which notifies are read whose orders were made before the account changed its protocol.
#[derive(Clone, Debug)]
pub struct FormerForm {
    /// The settings of the old protocol.
    pub settings: Secret<String>,
    /// When the protocol was changed.
    pub changed_at: Timestamp,
}

/// Settings that are to be saved.
#[derive(Clone, Debug)]
pub struct SavedChannel<'a> {
    /// The settings as JSON.
    pub settings: &'a Secret<String>,
    /// Which account they are of.
    pub succession: Succession,
    /// The identity of the account whose settings are replaced.
    pub identity_before: String,
    /// The part of the replaced settings that is kept to read notifies.
    pub former: Option<Secret<String>>,
    /// The time.
    pub now: Timestamp,
}

impl Store {
    /// The account that a channel uses now; `None` if the channel was never configured.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_current_account(
        &self,
        app: &AppId,
        settings: TabMode,
    ) -> Result<Option<CurrentAccount>, StoreError> {
        let found = self.get_configured(app_pk(app), channel_sk(settings)).await?;
        let Some(attributes) = found else { return Ok(None) };
        let ChannelSettings { account: number, settings, since, .. } = self.read_channel(app, &attributes)?;
        let item = Item(&attributes);
        Ok(Some(CurrentAccount {
            number,
            highest: read_account(&item, "accounts")?.max(number),
            settings,
            identity: item.find_text("identity").map(str::to_owned),
            since,
            sealed: item.find_bytes("sealed").map(<[u8]>::to_vec),
        }))
    }

    /// The accounts of an app that take no new charges. If `settings` names a channel, only those of this channel.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn old_accounts(&self, app: &AppId, settings: Option<TabMode>) -> Result<Vec<OldAccount>, StoreError> {
        let query = self
            .dynamo
            .query()
            .table_name(&self.tables.configuration)
            .consistent_read(true)
            .expression_attribute_values(":pk", text(accounts_pk(app)));
        let query = match settings {
            None => query.key_condition_expression("pk = :pk"),
            Some(settings) => query
                .key_condition_expression("pk = :pk AND begins_with(sk, :channel)")
                .expression_attribute_values(":channel", text(accounts_prefix(settings))),
        };
        let mut pages = query.into_paginator().send();
        let mut accounts = Vec::new();
        for _ in 0..OLD_ACCOUNT_PAGES_MAX {
            let Some(page) = pages.next().await else { return Ok(accounts) };
            for attributes in page.map_err(|error| StoreError::dynamo("query of accounts", error))?.items() {
                if Item(attributes).find_text(SK).and_then(parse_account_sk).is_some() {
                    accounts.extend(self.find_readable(attributes, |one| self.read_old_account(one)));
                }
            }
        }
        Err(StoreError::Item { key: accounts_pk(app), attribute: "number of accounts" })
    }

    /// One account of a channel that takes no new charges.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_old_account(
        &self,
        app: &AppId,
        settings: TabMode,
        number: AccountNumber,
    ) -> Result<Option<OldAccount>, StoreError> {
        let found = self.get_configured(accounts_pk(app), account_sk(settings, number)).await?;
        found.map(|attributes| self.read_old_account(&attributes)).transpose()
    }

    /// The settings by which notifies of an account's old protocol are read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_former_form(
        &self,
        app: &AppId,
        settings: TabMode,
        number: AccountNumber,
    ) -> Result<Option<FormerForm>, StoreError> {
        let (pk, sk) = (accounts_pk(app), former_sk(settings, number));
        let Some(attributes) = self.get_configured(pk, sk).await? else { return Ok(None) };
        let item = Item(&attributes);
        let settings = self.open_settings(&attributes)?.ok_or_else(|| item.wrong("sealed"))?;
        Ok(Some(FormerForm { settings, changed_at: item.time("changed_ms")? }))
    }

    /// Saves settings in place of those that were `seen`. If those are of another account, they are kept as that of an old account. All of
    /// this is one transaction.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there is no such app, or another operator saved settings meanwhile.
    pub async fn save_channel(
        &self,
        app: &AppId,
        settings: TabMode,
        seen: Option<&CurrentAccount>,
        saved: &SavedChannel<'_>,
    ) -> Result<(), StoreError> {
        let mut writes = vec![self.app_exists(app)?, self.written_channel(app, settings, seen, saved)?];
        match saved.succession {
            Succession::Same(number) => writes.extend(self.written_former(app, settings, number, saved)?),
            Succession::New(_) => writes.push(self.written_old_account(app, settings, seen, saved)?),
            Succession::Returning(number) => {
                writes.push(self.written_old_account(app, settings, seen, saved)?);
                writes.push(self.deleted(
                    accounts_pk(app),
                    account_sk(settings, number),
                    Some("attribute_exists(pk)"),
                )?);
            }
        }
        self.write_together(writes, &channel_owner(app, settings)).await
    }

    /// Deletes the settings of a channel tab. A marker stays, which says whose the settings were.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if another operator saved settings meanwhile.
    pub async fn delete_channel(
        &self,
        app: &AppId,
        settings: TabMode,
        seen: &CurrentAccount,
        identity: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = Update::builder()
            .table_name(&self.tables.configuration)
            .key(PK, text(app_pk(app)))
            .key(SK, text(channel_sk(settings)))
            .update_expression("SET changed_ms = :now, #identity = :identity REMOVE sealed")
            .condition_expression("sealed = :seen")
            .expression_attribute_names("#identity", "identity")
            .expression_attribute_values(":identity", text(identity))
            .expression_attribute_values(":seen", bytes(seen.sealed.clone().unwrap_or_default()))
            .expression_attribute_values(":now", time(now));
        let writes = [updated(update)?, self.deleted(accounts_pk(app), former_sk(settings, seen.number), None)?];
        self.write_together(writes, &channel_owner(app, settings)).await
    }

    /// Deletes the keys of an account that takes no new charges. Its identity is kept, so that the account gets its number back if it is
    /// used again.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if it has none.
    pub async fn retire_account(
        &self,
        app: &AppId,
        settings: TabMode,
        number: AccountNumber,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = Update::builder()
            .table_name(&self.tables.configuration)
            .key(PK, text(accounts_pk(app)))
            .key(SK, text(account_sk(settings, number)))
            .update_expression("SET retired_ms = :now REMOVE sealed")
            .condition_expression("attribute_exists(sealed)")
            .expression_attribute_values(":now", time(now));
        let writes = [updated(update)?, self.deleted(accounts_pk(app), former_sk(settings, number), None)?];
        self.write_together(writes, &account_owner(app, &account_sk(settings, number))).await
    }

    /// Deletes the settings by which notifies of an account's old protocol are read.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there are none.
    pub async fn forget_former_form(
        &self,
        app: &AppId,
        settings: TabMode,
        number: AccountNumber,
    ) -> Result<(), StoreError> {
        let sk = former_sk(settings, number);
        let write = self.deleted(accounts_pk(app), sk.clone(), Some("attribute_exists(pk)"))?;
        self.write_together([write], &account_owner(app, &sk)).await
    }

    /// The update names only the attributes that it changes, so that those of a newer version survive.
    fn written_channel(
        &self,
        app: &AppId,
        settings: TabMode,
        seen: Option<&CurrentAccount>,
        saved: &SavedChannel<'_>,
    ) -> Result<TransactWriteItem, StoreError> {
        let sealed = self.sealer.seal(&channel_owner(app, settings), saved.settings.expose().as_bytes())?;
        let account = saved.succession.number();
        let highest = seen.map_or(account, |seen| seen.highest).max(account);
        // An account that an older version saved has no time at which it began to be used.
        let since = match (saved.succession, seen) {
            (Succession::Same(_), Some(_)) => "",
            (Succession::Same(_), None) | (Succession::New(_) | Succession::Returning(_), _) => ", since_ms = :now",
        };
        let mut sets = format!("SET sealed = :sealed, changed_ms = :now, v = :v{since}");
        let mut update = Update::builder()
            .table_name(&self.tables.configuration)
            .key(PK, text(app_pk(app)))
            .key(SK, text(channel_sk(settings)))
            .expression_attribute_names("#identity", "identity")
            .expression_attribute_values(":sealed", bytes(sealed))
            .expression_attribute_values(":now", time(saved.now))
            .expression_attribute_values(":v", number(VERSION_WRITTEN));
        // A channel that had only one account is written as by the versions that did not count accounts.
        if highest != AccountNumber::FIRST {
            sets.push_str(", account = :account, accounts = :accounts");
            update = update.expression_attribute_values(":account", number(account.get()));
            update = update.expression_attribute_values(":accounts", number(highest.get()));
        }
        update = match seen.map(|seen| &seen.sealed) {
            None => update.condition_expression("attribute_not_exists(pk)"),
            Some(None) => update.condition_expression("attribute_exists(pk) AND attribute_not_exists(sealed)"),
            Some(Some(seen)) => {
                update.condition_expression("sealed = :seen").expression_attribute_values(":seen", bytes(seen.clone()))
            }
        };
        updated(update.update_expression(format!("{sets} REMOVE #identity")))
    }

    fn written_old_account(
        &self,
        app: &AppId,
        settings: TabMode,
        seen: Option<&CurrentAccount>,
        saved: &SavedChannel<'_>,
    ) -> Result<TransactWriteItem, StoreError> {
        let sk = account_sk(settings, seen.map_or(AccountNumber::FIRST, |seen| seen.number));
        let sealed = match seen.and_then(|seen| seen.settings.as_ref()) {
            Some(settings) => Some(self.sealer.seal(&account_owner(app, &sk), settings.expose().as_bytes())?),
            None => None,
        };
        let entry = item(
            accounts_pk(app),
            sk,
            [
                ("sealed", sealed.map(bytes)),
                ("identity", Some(text(&saved.identity_before))),
                ("replaced_ms", Some(time(saved.now))),
                ("since_ms", seen.and_then(|seen| seen.since).map(time)),
                (TTL, Some(ttl(saved.now, AccountNumber::KEPT))),
            ],
        );
        self.put_new(entry)
    }

    /// What is kept of one protocol replaces what was kept of an older one.
    fn written_former(
        &self,
        app: &AppId,
        settings: TabMode,
        account: AccountNumber,
        saved: &SavedChannel<'_>,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        let Some(former) = &saved.former else { return Ok(None) };
        let sk = former_sk(settings, account);
        let sealed = self.sealer.seal(&account_owner(app, &sk), former.expose().as_bytes())?;
        let entry = item(
            accounts_pk(app),
            sk,
            [
                ("sealed", Some(bytes(sealed))),
                ("changed_ms", Some(time(saved.now))),
                (TTL, Some(ttl(saved.now, FORMER_FORM_READ))),
            ],
        );
        // The condition of the channel's item holds for the whole transaction.
        let put = Put::builder()
            .table_name(&self.tables.configuration)
            .set_item(Some(entry))
            .condition_expression("attribute_not_exists(pk) OR changed_ms <= :now")
            .expression_attribute_values(":now", time(saved.now))
            .build()
            .map_err(|error| StoreError::dynamo("building a put", error))?;
        Ok(Some(TransactWriteItem::builder().put(put).build()))
    }

    /// Without a condition, it is one of several writes of a transaction, and another of them has one.
    fn deleted(&self, pk: String, sk: String, condition: Option<&str>) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.tables.configuration)
            .key(PK, text(pk))
            .key(SK, text(sk))
            .set_condition_expression(condition.map(str::to_owned))
            .build()
            .map_err(|error| StoreError::dynamo("building a deletion", error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Settings that cannot be opened count as deleted: the channel takes no charge until they are saved again.
    pub(crate) fn read_channel(&self, app: &AppId, attributes: &Attributes) -> Result<ChannelSettings, StoreError> {
        let item = Item(attributes);
        let key = item.parsed(SK, parse_channel_sk)?;
        let account = read_account(&item, "account")?;
        let owner = channel_owner(app, key);
        let open = |sealed| self.find_readable(attributes, |_| self.open_text(&owner, sealed, &item));
        let settings = item.find_bytes("sealed").and_then(open);
        let TabMode { tab, mode } = key;
        Ok(ChannelSettings { tab, mode, account, settings, since: item.find_time("since_ms")? })
    }

    fn read_old_account(&self, attributes: &Attributes) -> Result<OldAccount, StoreError> {
        let item = Item(attributes);
        let AccountSk { settings: TabMode { tab, mode }, number } = item.parsed(SK, parse_account_sk)?;
        let settings = self.open_settings(attributes)?;
        let (identity, replaced_at) = (item.text("identity")?.to_owned(), item.time("replaced_ms")?);
        Ok(OldAccount { tab, mode, number, identity, settings, replaced_at, since: item.find_time("since_ms")? })
    }

    /// Opens the sealed settings of an account's item.
    fn open_settings(&self, attributes: &Attributes) -> Result<Option<Secret<String>>, StoreError> {
        let item = Item(attributes);
        let Some(sealed) = item.find_bytes("sealed") else { return Ok(None) };
        self.open_text(&item.key(), sealed, &item).map(Some)
    }

    fn open_text(&self, owner: &str, sealed: &[u8], item: &Item<'_>) -> Result<Secret<String>, StoreError> {
        let json = self.sealer.open(owner, sealed)?;
        String::from_utf8(json.expose().clone()).map(Secret::new).map_err(|_| item.wrong("sealed"))
    }
}

/// If the attribute is absent, it is the first account.
fn read_account(item: &Item<'_>, name: &'static str) -> Result<AccountNumber, StoreError> {
    let Some(found) = item.find_number(name)? else { return Ok(AccountNumber::FIRST) };
    AccountNumber::new(found).ok_or_else(|| item.wrong(name))
}

fn ttl(now: Timestamp, kept: std::time::Duration) -> AttributeValue {
    number(now.plus(kept).seconds())
}

fn channel_owner(app: &AppId, settings: TabMode) -> String {
    format!("{} / {}", app_pk(app), channel_sk(settings))
}

/// The owner under which an account's item is sealed, as [`Item::key`] writes it.
fn account_owner(app: &AppId, sk: &str) -> String {
    format!("{} / {sk}", accounts_pk(app))
}
