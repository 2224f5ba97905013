//! Apps and their channels, remembered for some seconds by a warm function.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use domain::{App, AppId, Channel, Mode, Secret, Tab, TargetHealth, Timestamp, Webhook, WebhookId};
use outbound::{Bounds, Outbound};
use providers::{Account, GatewayPolicy, Moment, SettingsError};
use serde_json::{Map, Value};
use store::{AppConfiguration, Store, StoreError};
use tracing::warn;

use crate::{ApiError, Config, config::LocalConfig, error_chain};

/// A warm function serves few apps at a time; beyond this it forgets them all and begins anew.
const APPS_MAX: usize = 1000;

/// An app with its accounts at the providers, whose keys are read when they are first needed.
#[derive(Debug)]
pub struct ConfiguredApp {
    /// The app and its keys.
    pub app: App,
    /// Its webhooks.
    pub webhooks: Vec<Webhook>,
    /// How those targets are doing that failed the last time.
    pub targets: HashMap<WebhookId, TargetHealth>,
    channels: HashMap<(Tab, Mode), ConfiguredChannel>,
    policy: GatewayPolicy,
    local: Option<LocalConfig>,
}

#[derive(Debug)]
struct ConfiguredChannel {
    settings: Option<Secret<String>>,
    account: OnceLock<Result<Arc<Account>, SettingsError>>,
}

impl ConfiguredApp {
    /// The account that serves `channel` in `mode`. `None` if there are no settings for it.
    ///
    /// # Errors
    /// [`SettingsError`] if a stored key or certificate cannot be used.
    fn account(&self, channel: Channel, mode: Mode) -> Option<Result<Arc<Account>, SettingsError>> {
        let configured = self.channels.get(&(channel.tab(), mode))?;
        let settings = configured.settings.as_ref()?;
        Some(configured.account.get_or_init(|| self.open(channel.tab(), settings)).clone())
    }

    /// The channels whose tab was ever configured in `mode`: no other can have a transaction.
    pub fn channels_ever(&self, mode: Mode) -> Vec<Channel> {
        Channel::all().filter(|channel| self.channels.contains_key(&(channel.tab(), mode))).collect()
    }

    fn open(&self, tab: Tab, settings: &Secret<String>) -> Result<Arc<Account>, SettingsError> {
        let settings: Map<String, Value> = serde_json::from_str(settings.expose()).map_err(|_| SettingsError {
            field: "settings".to_owned(),
            problem: "the stored settings are no JSON object; save them again".to_owned(),
        })?;
        open_account(tab, &settings, self.policy, self.local.as_ref()).map(Arc::new)
    }
}

/// Reads settings, those of the built-in simulator included.
///
/// # Errors
/// [`SettingsError`] names the field.
pub(crate) fn open_account(
    tab: Tab,
    settings: &Map<String, Value>,
    policy: GatewayPolicy,
    local: Option<&LocalConfig>,
) -> Result<Account, SettingsError> {
    if settings.get("protocol").and_then(Value::as_str) != Some("simulator") {
        return Account::open(tab, settings, policy);
    }
    let simulators = local.map(|local| local.simulators.as_slice()).unwrap_or_default();
    let simulator = simulators.iter().find(|(simulated, _)| *simulated == tab).ok_or_else(|| SettingsError {
        field: "protocol".to_owned(),
        problem: "there is no built-in simulator here for this tab; it is a part of the local stack".to_owned(),
    })?;
    Account::open(tab, &simulator.1, policy)
}

/// The apps that a warm function remembers.
#[derive(Debug)]
pub struct Apps {
    store: Store,
    policy: GatewayPolicy,
    local: Option<LocalConfig>,
    remembered: Duration,
    known: Mutex<HashMap<AppId, (Timestamp, Arc<ConfiguredApp>)>>,
    renewed: Mutex<HashMap<(AppId, Tab, Mode), Renewal>>,
}

/// An account with the certificates that its provider gave us on top of those in the settings.
#[derive(Clone, Debug)]
struct Renewal {
    /// The settings it was made from: changed ones begin anew.
    settings: Secret<String>,
    asked_at: Timestamp,
    account: Option<Arc<Account>>,
}

/// Any stranger can name an unknown certificate, so the provider is asked once in this time, however many do.
const RENEWAL_PAUSE: Duration = Duration::from_secs(60);
const RENEWAL_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(4), body_bytes_max: 256 * 1024 };

impl Apps {
    pub(crate) fn new(store: Store, config: &Config) -> Self {
        Self {
            store,
            policy: config.gateway_policy(),
            local: config.local.clone(),
            remembered: config.apps_remembered,
            known: Mutex::default(),
            renewed: Mutex::default(),
        }
    }

    /// The account that serves `channel` in `mode`, with certificates fetched since, where there are some. `None` if there are
    /// no settings for it.
    ///
    /// # Errors
    /// [`SettingsError`] if a stored key or certificate cannot be used.
    pub fn account(
        &self,
        configured: &ConfiguredApp,
        channel: Channel,
        mode: Mode,
    ) -> Option<Result<Arc<Account>, SettingsError>> {
        let renewal = self.recall_renewal(configured, channel, mode);
        renewal.and_then(|renewal| renewal.account).map(Ok).or_else(|| configured.account(channel, mode))
    }

    /// Fetches the certificates that the provider signs with from now on, after it named one that is not held yet. `None` if it
    /// was asked just before, or gives none: that is not fatal, and what could not be verified stays refused.
    pub async fn renew(
        &self,
        configured: &ConfiguredApp,
        (channel, mode): (Channel, Mode),
        outbound: &Outbound,
        moment: &Moment,
    ) -> Option<Arc<Account>> {
        let settings = configured.channels.get(&(channel.tab(), mode))?.settings.clone()?;
        let asked_before = self.recall_renewal(configured, channel, mode);
        if asked_before.as_ref().is_some_and(|before| before.asked_at.distance(moment.now) < RENEWAL_PAUSE) {
            return None;
        }
        let key = (configured.app.id.clone(), channel.tab(), mode);
        let before = asked_before.and_then(|before| before.account);
        let asked = Renewal { settings, asked_at: moment.now, account: before };
        self.keep_renewal(key.clone(), asked.clone());
        let account = self.account(configured, channel, mode)?.ok()?;
        let fetched = async {
            let answer = outbound.send(account.certificates_request(moment)?, RENEWAL_BOUNDS).await?;
            Ok::<_, ApiError>(account.with_certificates(&answer, moment.now)?)
        };
        match fetched.await {
            Ok(renewed) => {
                let renewed = Arc::new(renewed);
                self.keep_renewal(key, Renewal { account: Some(Arc::clone(&renewed)), ..asked });
                Some(renewed)
            }
            Err(error) => {
                warn!(app.id = %configured.app.id, %channel, "no new certificates: {}", error_chain(&error));
                None
            }
        }
    }

    fn recall_renewal(&self, configured: &ConfiguredApp, channel: Channel, mode: Mode) -> Option<Renewal> {
        let settings = configured.channels.get(&(channel.tab(), mode))?.settings.as_ref()?;
        let renewed = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        let renewal = renewed.get(&(configured.app.id.clone(), channel.tab(), mode))?;
        (renewal.settings == *settings).then(|| renewal.clone())
    }

    fn keep_renewal(&self, key: (AppId, Tab, Mode), renewal: Renewal) {
        let mut renewed = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        if renewed.len() >= APPS_MAX {
            renewed.clear();
        }
        renewed.insert(key, renewal);
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

    fn recall(&self, id: &AppId, now: Timestamp) -> Option<Arc<ConfiguredApp>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).filter(|(read_at, _)| read_at.distance(now) < self.remembered).map(|(_, app)| Arc::clone(app))
    }

    /// Accounts whose settings did not change are taken over from `before`: reading UnionPay's keys takes milliseconds.
    fn configure(&self, found: AppConfiguration, before: Option<&ConfiguredApp>) -> ConfiguredApp {
        let channels = found.channels.into_iter().map(|channel| {
            let key = (channel.tab, channel.mode);
            let same = before.and_then(|before| before.channels.get(&key));
            let same = same.filter(|before| before.settings == channel.settings);
            let account = same.map(|before| before.account.clone()).unwrap_or_default();
            (key, ConfiguredChannel { settings: channel.settings, account })
        });
        ConfiguredApp {
            app: found.app,
            webhooks: found.webhooks,
            targets: found.targets,
            channels: channels.collect(),
            policy: self.policy,
            local: self.local.clone(),
        }
    }
}
