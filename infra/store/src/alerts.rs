//! The alerts of apps: where they go, sealed, and what was told and waits. The settings of all apps are one collection, so that a sweep that
//! has nobody to tell costs half a read unit.

use domain::{
    AlertAddress, AlertCause, AlertKind, AlertLanguage, AlertSettings, AlertState, AlertTarget, AlertTargetId, AppId,
    Mode, QuietHours, Secret, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    IncidentSummary, Store, StoreError,
    attributes::{Attributes, Item, bytes, item, number, text},
    conditions::is_written,
    incidents::read_incident,
    schema::{ALERT_STATE_SK, ALERTS_PK, BY_TIME, SK, alert_state_pk, by_time_ms, incidents_pk},
};

/// How many pages of settings a sweep reads. A page has hundreds of apps.
const PAGES_MAX: usize = 20;

/// How many incidents one look takes.
const INCIDENTS_MAX: i32 = 50;

/// Alert settings as they are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptAlerts {
    /// The settings.
    pub settings: AlertSettings,
    /// How often they were written. Zero if they never were.
    pub revision: i64,
}

/// The alert settings of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppAlerts {
    /// The app.
    pub app: AppId,
    /// Its settings.
    pub settings: AlertSettings,
}

/// The alerts of an app in a mode, sent and waiting, as they are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptAlertState {
    /// What was told and what waits.
    pub state: AlertState,
    /// How often it was written. Zero if it never was.
    revision: i64,
}

/// Incidents, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncidentsSince {
    /// The incidents.
    pub incidents: Vec<IncidentSummary>,
    /// Whether there are more.
    pub has_more: bool,
}

impl Store {
    /// The settings of every app that was ever given any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_alerts(&self) -> Result<Vec<AppAlerts>, StoreError> {
        let mut pages = self
            .dynamo
            .query()
            .table_name(&self.tables.configuration)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(ALERTS_PK))
            .into_paginator()
            .send();
        let mut found = Vec::new();
        for _ in 0..PAGES_MAX {
            let Some(page) = pages.next().await else { break };
            let page = page.map_err(|error| StoreError::dynamo("list of alerts", error))?;
            found.extend(self.readable(page.items(), |attributes| {
                let app = Item(attributes).parsed(SK, |id| AppId::parse(id).ok())?;
                Ok(AppAlerts { settings: self.read_alerts(&app, attributes)?.settings, app })
            }));
        }
        Ok(found)
    }

    /// The settings of an app; empty ones if it has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_alerts(&self, app: &AppId) -> Result<KeptAlerts, StoreError> {
        let found = self.get_configured(ALERTS_PK.to_owned(), app.to_string()).await?;
        found.map_or_else(|| Ok(KeptAlerts::default()), |attributes| self.read_alerts(app, &attributes))
    }

    /// Keeps other settings in place of those that were read. Returns them with their new revision.
    ///
    /// # Errors
    /// [`StoreError::Contended`] if another operator changed them meanwhile.
    pub async fn change_alerts(&self, app: &AppId, kept: KeptAlerts) -> Result<KeptAlerts, StoreError> {
        let sealed = self.seal_json(&owner(app), &SealedAlerts::new(&kept.settings))?;
        let attributes = item(
            ALERTS_PK.to_owned(),
            app.to_string(),
            [("rev", Some(number(kept.revision.saturating_add(1)))), ("sealed", Some(bytes(sealed)))],
        );
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.configuration)
            .set_item(Some(attributes))
            .condition_expression("attribute_not_exists(pk) OR rev = :rev")
            .expression_attribute_values(":rev", number(kept.revision));
        if is_written(put.send().await, "changing alerts")? {
            return Ok(KeptAlerts { revision: kept.revision.saturating_add(1), ..kept });
        }
        Err(StoreError::Contended { what: owner(app), tries: 1 })
    }

    fn read_alerts(&self, app: &AppId, attributes: &Attributes) -> Result<KeptAlerts, StoreError> {
        let item = Item(attributes);
        let sealed: SealedAlerts = self.open_json(&owner(app), &item)?;
        let settings = sealed.open().ok_or_else(|| item.wrong("sealed"))?;
        Ok(KeptAlerts { settings, revision: item.number("rev")? })
    }

    /// The alerts of an app in a mode: those that were sent, and those that wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_alert_state(&self, app: &AppId, mode: Mode) -> Result<KeptAlertState, StoreError> {
        let found = self.get(alert_state_pk(app, mode), ALERT_STATE_SK.to_owned()).await?;
        found.as_ref().map_or_else(|| Ok(KeptAlertState::default()), read_state)
    }

    /// Keeps another state in place of the one that was read. `None` if another run wrote it first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_alert_state(
        &self,
        app: &AppId,
        mode: Mode,
        kept: KeptAlertState,
    ) -> Result<Option<KeptAlertState>, StoreError> {
        let revision = kept.revision.saturating_add(1);
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.transactions)
            .set_item(Some(write_state(app, mode, &kept.state, revision)))
            .condition_expression("attribute_not_exists(pk) OR rev = :rev")
            .expression_attribute_values(":rev", number(kept.revision));
        let is_kept = is_written(put.send().await, "keeping what was told")?;
        Ok(is_kept.then_some(KeptAlertState { revision, ..kept }))
    }

    /// The verified incidents of an app from a moment on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn incidents_since(
        &self,
        app: &AppId,
        mode: Mode,
        since: Timestamp,
    ) -> Result<IncidentsSince, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .index_name(BY_TIME)
            .key_condition_expression("by_time_pk = :pk AND by_time_sk >= :since")
            .expression_attribute_values(":pk", text(incidents_pk(app, mode)))
            .expression_attribute_values(":since", text(by_time_ms(since)))
            .limit(INCIDENTS_MAX)
            .send()
            .await
            .map_err(|error| StoreError::dynamo("query of new incidents", error))?;
        let has_more = page.last_evaluated_key().is_some();
        Ok(IncidentsSince { incidents: self.readable(page.items(), read_incident), has_more })
    }
}

/// To whom the settings are sealed.
fn owner(app: &AppId) -> String {
    format!("{ALERTS_PK}#{app}")
}

/// Settings in the form in which they are sealed.
#[derive(Serialize, Deserialize)]
struct SealedAlerts {
    since_ms: Option<i64>,
    quiet: Option<[u8; 2]>,
    targets: Vec<SealedTarget>,
}

#[derive(Serialize, Deserialize)]
struct SealedTarget {
    id: String,
    kind: String,
    public: String,
    token: String,
    secret: Option<String>,
    mode: String,
    language: String,
    causes: Vec<String>,
    since_ms: i64,
}

impl SealedAlerts {
    fn new(settings: &AlertSettings) -> Self {
        let target = |target: &AlertTarget| SealedTarget {
            id: target.id.to_string(),
            kind: target.kind.to_string(),
            public: target.address.public().to_owned(),
            token: target.address.token().expose().clone(),
            secret: target.secret.as_ref().map(|secret| secret.expose().clone()),
            mode: target.mode.to_string(),
            language: target.language.to_string(),
            causes: target.causes.iter().map(ToString::to_string).collect(),
            since_ms: target.since.ms(),
        };
        Self {
            since_ms: settings.since.map(Timestamp::ms),
            quiet: settings.quiet.map(|quiet| [quiet.from(), quiet.to()]),
            targets: settings.targets.iter().map(target).collect(),
        }
    }

    /// `None` if a part has a form that this version does not know. A cause that only a later version knows is left out.
    fn open(self) -> Option<AlertSettings> {
        let target = |target: SealedTarget| {
            Some(AlertTarget {
                id: AlertTargetId::parse(&target.id).ok()?,
                kind: AlertKind::find(&target.kind)?,
                address: AlertAddress::of_parts(target.public, Secret::new(target.token)),
                secret: target.secret.map(Secret::new),
                mode: Mode::find(&target.mode)?,
                language: AlertLanguage::find(&target.language)?,
                causes: target.causes.iter().filter_map(|cause| AlertCause::find(cause)).collect(),
                since: Timestamp::clamped(target.since_ms),
            })
        };
        Some(AlertSettings {
            since: self.since_ms.map(Timestamp::clamped),
            quiet: self.quiet.and_then(|[from, to]| QuietHours::new(from, to)),
            targets: self.targets.into_iter().map(target).collect::<Option<_>>()?,
        })
    }
}

/// The state is one text of JSON, because it is always read and written as a whole.
fn write_state(app: &AppId, mode: Mode, state: &AlertState, revision: i64) -> Attributes {
    let json = serde_json::to_string(state).unwrap_or_default();
    item(
        alert_state_pk(app, mode),
        ALERT_STATE_SK.to_owned(),
        [("rev", Some(number(revision))), ("state", Some(text(json)))],
    )
}

fn read_state(attributes: &Attributes) -> Result<KeptAlertState, StoreError> {
    let item = Item(attributes);
    let state = serde_json::from_str(item.text("state")?).map_err(|_| item.wrong("state"))?;
    Ok(KeptAlertState { state, revision: item.number("rev")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_states_go_round() {
        let app = AppId::parse("568a12086e912100017722e5").unwrap();
        let address = "https://oapi.dingtalk.com/robot/send?access_token=0f";
        let target = AlertTarget {
            id: AlertTargetId::parse("01a208d05240070707070707").unwrap(),
            kind: AlertKind::Dingtalk,
            address: AlertAddress::parse(AlertKind::Dingtalk, address, None).unwrap(),
            secret: Some(Secret::new("SEC1".to_owned())),
            mode: Mode::Test,
            language: AlertLanguage::En,
            causes: vec![AlertCause::Refund, AlertCause::Incident],
            since: Timestamp::clamped(8),
        };
        let most =
            AlertSettings { since: Some(Timestamp::clamped(7)), quiet: QuietHours::new(22, 8), targets: vec![target] };
        for settings in [AlertSettings::default(), most] {
            let json = serde_json::to_vec(&SealedAlerts::new(&settings)).unwrap();
            assert_eq!(serde_json::from_slice::<SealedAlerts>(&json).unwrap().open(), Some(settings));
        }
        let state = AlertState::default();
        let found = read_state(&write_state(&app, Mode::Test, &state, 3)).unwrap();
        assert_eq!(found, KeptAlertState { state, revision: 3 });
    }
}
