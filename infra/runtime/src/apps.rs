//! Apps and their channels. A warm function remembers them for some seconds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use domain::{
    AccountNumber, App, AppAccount, AppId, Channel, FORMER_FORM_READ, Lane, Mode, Secret, Tab, TabMode, TargetHealth,
    Timestamp, Transaction, TransactionKey, Webhook, WebhookId,
};
use outbound::Bounds;
use providers::{Account, GatewayPolicy, Identity, SettingProblem, SettingsError};
use serde_json::{Map, Value};
use store::{ChannelSettings, Store, StoreError, StoredApp};
use tracing::warn;

use crate::{
    ApiError, Config, Retry,
    config::LocalConfig,
    error_chain,
    renewals::{Fetch, Renewals, Renewed},
};

/// The most apps that a warm function remembers. If there are more, it forgets all of them.
pub(crate) const APPS_MAX: usize = 1000;

/// An app with its accounts at the providers, made from a [`StoredApp`]. The keys of an account are read when they are first needed.
#[derive(Debug)]
pub struct ConfiguredApp {
    /// The app and its keys.
    pub app: App,
    /// Its webhooks, including those that cannot be read, because events are kept for all of them.
    pub webhooks: Vec<Webhook>,
    /// The webhooks that cannot be read, so nothing can be sent to them now.
    pub unreadable_webhooks: Vec<WebhookId>,
    /// The health of the targets that fail or are late.
    pub targets: HashMap<WebhookId, TargetHealth>,
    channels: HashMap<TabMode, ConfiguredChannel>,
}

#[derive(Debug)]
struct ConfiguredChannel {
    number: AccountNumber,
    /// Since when it is in use; `None` if that is not known.
    since: Option<Timestamp>,
    /// `None` if the settings were deleted.
    held: Option<Arc<Held>>,
}

/// Settings, and the account that is made from them when it is first needed.
#[derive(Debug)]
struct Held {
    settings: Secret<String>,
    account: OnceLock<Result<Arc<Account>, SettingsError>>,
}

impl Held {
    fn new(settings: Secret<String>) -> Arc<Self> {
        Arc::new(Self { settings, account: OnceLock::new() })
    }
}

/// Names an account of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountKey {
    /// A channel that it serves.
    pub channel: Channel,
    /// The mode.
    pub mode: Mode,
    /// The number of the account.
    pub number: AccountNumber,
}

impl AccountKey {
    /// The tab and the mode whose settings name it.
    fn settings(self) -> TabMode {
        TabMode { tab: self.channel.tab(), mode: self.mode }
    }

    /// Its name among the accounts of all apps.
    fn of_app(self, app: &AppId) -> AppAccount {
        let TabMode { tab, mode } = self.settings();
        AppAccount { app: app.clone(), mode, tab, number: self.number }
    }

    /// The account that a try was charged on.
    pub fn of(transaction: &Transaction) -> Self {
        let TransactionKey { channel, mode, .. } = transaction.key;
        Self { channel, mode, number: transaction.account }
    }
}

impl ConfiguredApp {
    /// The lane of the deliveries to a webhook.
    pub fn lane(&self, webhook: &WebhookId) -> Lane {
        self.targets.get(webhook).map_or(Lane::Fast, TargetHealth::lane)
    }

    /// The account that `channel` uses in `mode` for new charges. `None` if the channel was never configured.
    pub fn current(&self, channel: Channel, mode: Mode) -> Option<AccountKey> {
        let number = self.channels.get(&TabMode { tab: channel.tab(), mode })?.number;
        Some(AccountKey { channel, mode, number })
    }

    /// Since when `channel` uses its present account; `None` if that is not known.
    pub fn current_since(&self, channel: Channel, mode: Mode) -> Option<Timestamp> {
        self.channels.get(&TabMode { tab: channel.tab(), mode })?.since
    }

    /// The channels whose tab was ever configured in `mode`. No other channel can have transactions.
    pub fn channels_ever(&self, mode: Mode) -> Vec<Channel> {
        Channel::ALL
            .into_iter()
            .filter(|channel| self.channels.contains_key(&TabMode { tab: channel.tab(), mode }))
            .collect()
    }
}

/// Reads settings, including those of the built-in simulator.
///
/// # Errors
/// [`SettingsError`] names the field.
pub(crate) fn open_account(
    tab: Tab,
    settings: &Map<String, Value>,
    policy: GatewayPolicy,
    local: Option<&LocalConfig>,
) -> Result<Account, SettingsError> {
    let settings = resolve(tab, settings, local)
        .ok_or_else(|| SettingsError { field: "protocol".to_owned(), problem: SettingProblem::NoSimulator })?;
    Account::open(tab, settings, policy)
}

/// The settings that `{"protocol":"simulator"}` stands for. Other settings are returned unchanged. `None` if there is no such simulator.
fn resolve<'a>(
    tab: Tab,
    settings: &'a Map<String, Value>,
    local: Option<&'a LocalConfig>,
) -> Option<&'a Map<String, Value>> {
    if settings.get("protocol").and_then(Value::as_str) != Some("simulator") {
        return Some(settings);
    }
    let simulators = local.map(|local| local.simulators.as_slice()).unwrap_or_default();
    simulators.iter().find(|simulated| simulated.tab == tab).map(|simulated| &simulated.settings)
}

/// What a warm function remembers of replaced accounts, each with the time at which it was read; `None` if there is no such account.
type Remembered<T> = Mutex<HashMap<AppAccount, (Timestamp, Option<T>)>>;

/// A certificate of an account that ends soon or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndingCertificate {
    /// The tab whose settings hold it.
    pub tab: Tab,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// An account in the protocol that it used before.
#[derive(Clone, Debug)]
pub struct FormerAccount {
    /// The account, which only reads notifies.
    pub account: Arc<Account>,
    /// When its protocol was changed.
    pub changed_at: Timestamp,
}

/// The apps that a warm function remembers.
#[derive(Debug)]
pub struct Apps {
    store: Store,
    policy: GatewayPolicy,
    local: Option<LocalConfig>,
    remembered: Duration,
    known: Mutex<HashMap<AppId, (Timestamp, Arc<ConfiguredApp>)>>,
    old: Remembered<Arc<Held>>,
    former: Remembered<(Arc<Held>, Timestamp)>,
    renewed: Renewals,
}

const RENEWAL_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(4), body_bytes_max: 256 * 1024 };

impl Apps {
    pub(crate) fn new(store: Store, config: &Config) -> Self {
        Self {
            store,
            policy: config.gateway_policy(),
            local: config.local.clone(),
            remembered: config.apps_remembered,
            known: Mutex::default(),
            old: Mutex::default(),
            former: Mutex::default(),
            renewed: Renewals::default(),
        }
    }

    /// The account that `channel` uses in `mode` for new charges, with the certificates that were fetched for it. `None` if the channel has
    /// no settings.
    ///
    /// # Errors
    /// [`SettingsError`] if a stored key or certificate cannot be used.
    pub fn account(
        &self,
        configured: &ConfiguredApp,
        channel: Channel,
        mode: Mode,
    ) -> Option<Result<Arc<Account>, SettingsError>> {
        let key = configured.current(channel, mode)?;
        let held = configured.channels.get(&key.settings())?.held.as_ref()?;
        Some(self.open(&configured.app.id, key, held))
    }

    /// The accounts in use in `mode` whose certificates end soon or have ended. An account that cannot be opened is left out: its problem
    /// is shown when it is saved and when it is used.
    pub fn certificates_end_soon(
        &self,
        configured: &ConfiguredApp,
        mode: Mode,
        now: Timestamp,
    ) -> Vec<EndingCertificate> {
        let of_tab = |tab: Tab| {
            let channel = tab.channels().next()?;
            let account = self.account(configured, channel, mode)?.ok()?;
            Some(EndingCertificate { tab, ends_at: account.certificates_end_soon(now)? })
        };
        Tab::ALL.into_iter().filter_map(of_tab).collect()
    }

    /// An account of an app: the one in use, or one that was replaced. `None` if its settings were deleted or retired.
    ///
    /// # Errors
    /// [`ApiError::Store`], or [`ApiError::Settings`] if a stored key or certificate cannot be used.
    pub async fn account_of(
        &self,
        configured: &ConfiguredApp,
        key: AccountKey,
        now: Timestamp,
    ) -> Result<Option<Arc<Account>>, ApiError> {
        let Some(held) = self.held(configured, key, now).await? else { return Ok(None) };
        Ok(Some(self.open(&configured.app.id, key, &held)?))
    }

    /// The account in its old protocol, which reads notifies, and when the protocol changed. `None` if it never changed, or so long ago
    /// that old orders get no more notifies.
    ///
    /// # Errors
    /// As [`Self::account_of`].
    pub async fn former_form(
        &self,
        app: &AppId,
        key: AccountKey,
        now: Timestamp,
    ) -> Result<Option<FormerAccount>, ApiError> {
        let of_app = key.of_app(app);
        let known = match recall(&self.former, &of_app, self.remembered, now) {
            Some(known) => known,
            None => {
                let found = self.store.find_former_form(app, key.settings(), key.number).await?;
                let found = found.map(|former| (Held::new(former.settings), former.changed_at));
                keep(&self.former, of_app, found.clone(), now);
                found
            }
        };
        let Some((held, changed_at)) = known.filter(|(_, at)| at.distance(now) < FORMER_FORM_READ) else {
            return Ok(None);
        };
        Ok(Some(FormerAccount { account: self.opened(key.channel.tab(), &held)?, changed_at }))
    }

    async fn held(
        &self,
        configured: &ConfiguredApp,
        key: AccountKey,
        now: Timestamp,
    ) -> Result<Option<Arc<Held>>, StoreError> {
        let settings = key.settings();
        if let Some(current) = configured.channels.get(&settings).filter(|current| current.number == key.number) {
            return Ok(current.held.clone());
        }
        let app = &configured.app.id;
        let of_app = key.of_app(app);
        if let Some(known) = recall(&self.old, &of_app, self.remembered, now) {
            return Ok(known);
        }
        let held = match self.store.find_old_account(app, settings, key.number).await? {
            Some(old) => old.settings.map(Held::new),
            // It is in use again, or only for some seconds, and this function remembers an older state of the app.
            None => {
                let found = self.store.find_app(app).await?.map(|found| found.channels).unwrap_or_default();
                let is_this = |one: &ChannelSettings| {
                    (one.tab, one.mode, one.account) == (settings.tab, settings.mode, key.number)
                };
                found.into_iter().find(is_this).and_then(|one| one.settings).map(Held::new)
            }
        };
        keep(&self.old, of_app, held.clone(), now);
        Ok(held)
    }

    /// Fetches the certificates that the provider signs with now, after a message named one that is not known here. If several callers need
    /// them at once, one fetches. The others wait for it, each as long as its `patience`.
    pub async fn renew(&self, configured: &ConfiguredApp, key: AccountKey, fetch: &Fetch<'_>) -> Renewed {
        let renewing = Box::pin(self.renew_in_turn(configured, key, fetch));
        match tokio::time::timeout(fetch.patience, renewing).await {
            Ok(Ok(renewed)) => renewed,
            Ok(Err(error)) => {
                warn!(app.id = %configured.app.id, channel = %key.channel, "no new certificates: {}", error_chain(&error));
                Renewed::Late
            }
            Err(_) => {
                warn!(app.id = %configured.app.id, channel = %key.channel, "no new certificates in {:?}", fetch.patience);
                Renewed::Late
            }
        }
    }

    async fn renew_in_turn(
        &self,
        configured: &ConfiguredApp,
        key: AccountKey,
        fetch: &Fetch<'_>,
    ) -> Result<Renewed, StoreError> {
        let (app, now) = (&configured.app.id, fetch.moment.now);
        let Some(held) = self.held(configured, key, now).await? else { return Ok(Renewed::Nothing) };
        let renewal = self.renewed.of(key.of_app(app), &held.settings);
        let _turn = renewal.turn.lock().await;
        if let Some(fresh) = renewal.fresh(now) {
            return Ok(fresh);
        }
        let Ok(account) = self.open(app, key, &held) else { return Ok(Renewed::Nothing) };
        let fetched = async {
            let answer = fetch.outbound.send(account.certificates_request(fetch.moment)?, RENEWAL_BOUNDS).await?;
            Ok::<_, ApiError>(account.with_certificates(&answer, now)?)
        };
        let renewed = match fetched.await {
            Ok(renewed) => Renewed::Account(Arc::new(renewed)),
            Err(error) => {
                warn!(app.id = %app, channel = %key.channel, "no new certificates: {}", error_chain(&error));
                match error.retryable() {
                    Retry::Unanswered => Renewed::Late,
                    Retry::No | Retry::Storage | Retry::Answered(_) => Renewed::Nothing,
                }
            }
        };
        renewal.keep(now, &renewed);
        Ok(renewed)
    }

    /// The account of these settings, with the certificates that were fetched for it.
    fn open(&self, app: &AppId, key: AccountKey, held: &Held) -> Result<Arc<Account>, SettingsError> {
        self.renewed.account(&key.of_app(app), &held.settings).map_or_else(|| self.opened(key.channel.tab(), held), Ok)
    }

    fn opened(&self, tab: Tab, held: &Held) -> Result<Arc<Account>, SettingsError> {
        let read = || {
            let settings = read_settings(&held.settings)?;
            open_account(tab, &settings, self.policy, self.local.as_ref()).map(Arc::new)
        };
        held.account.get_or_init(read).clone()
    }

    /// The app with this id, as it was at most [`Config::apps_remembered`] ago.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(&self, id: &AppId, now: Timestamp) -> Result<Option<Arc<ConfiguredApp>>, StoreError> {
        if let Some(known) = self.recall(id, now) {
            return Ok(Some(known));
        }
        let Some(found) = self.store.find_app(id).await? else { return Ok(None) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let app = Arc::new(self.configure(found, known.get(id).map(|(_, before)| &**before)));
        if known.len() >= APPS_MAX {
            known.clear();
        }
        known.insert(id.clone(), (now, Arc::clone(&app)));
        Ok(Some(app))
    }

    /// Reads settings as an operator typed them.
    ///
    /// # Errors
    /// [`SettingsError`] names the field and says what is wrong with it.
    pub fn open_account(&self, tab: Tab, settings: &Map<String, Value>) -> Result<Account, SettingsError> {
        open_account(tab, settings, self.policy, self.local.as_ref())
    }

    /// The identity of the account that settings are of. Settings of the built-in simulator are of its merchant.
    pub fn identity(&self, tab: Tab, settings: &Map<String, Value>) -> Identity {
        Identity::of(tab, resolve(tab, settings, self.local.as_ref()).unwrap_or(settings))
    }

    fn recall(&self, id: &AppId, now: Timestamp) -> Option<Arc<ConfiguredApp>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).filter(|(read_at, _)| read_at.distance(now) < self.remembered).map(|(_, app)| Arc::clone(app))
    }

    /// Accounts whose settings did not change are taken over from `before`: reading UnionPay's keys takes milliseconds.
    fn configure(&self, found: StoredApp, before: Option<&ConfiguredApp>) -> ConfiguredApp {
        let channels = found.channels.into_iter().map(|channel| {
            let key = TabMode { tab: channel.tab, mode: channel.mode };
            let before = before.and_then(|before| before.channels.get(&key)).and_then(|before| before.held.clone());
            let held = channel.settings.map(|settings| {
                before.filter(|before| before.settings == settings).unwrap_or_else(|| Held::new(settings))
            });
            (key, ConfiguredChannel { number: channel.account, since: channel.since, held })
        });
        let channels = channels.collect();
        let StoredApp { app, mut webhooks, unreadable_webhooks: unreadable, targets, .. } = found;
        let unreadable_webhooks = unreadable.iter().map(|webhook| webhook.id.clone()).collect();
        webhooks.extend(unreadable);
        ConfiguredApp { app, webhooks, unreadable_webhooks, targets, channels }
    }
}

fn read_settings(settings: &Secret<String>) -> Result<Map<String, Value>, SettingsError> {
    serde_json::from_str(settings.expose())
        .map_err(|_| SettingsError { field: "settings".to_owned(), problem: SettingProblem::StoredUnreadable })
}

/// What was remembered of an account, if it was read a short time ago.
fn recall<T: Clone>(
    known: &Remembered<T>,
    account: &AppAccount,
    remembered: Duration,
    now: Timestamp,
) -> Option<Option<T>> {
    let known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.get(account).filter(|(read_at, _)| read_at.distance(now) < remembered).map(|(_, found)| found.clone())
}

fn keep<T>(known: &Remembered<T>, account: AppAccount, found: Option<T>, now: Timestamp) {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= APPS_MAX {
        known.clear();
    }
    known.insert(account, (now, found));
}
