//! Alerts: tells an app's people what they have to look at.
//!
//! A run reads whose people want to hear of anything, looks at what is kept anyway, and keeps what is new before it sends it
//! (`domain/src/alert_state.rs`). It sends at least once: a stop between sending and noting that repeats a message. Apps that nobody set
//! alerts up for cost nothing.

mod found;
mod hour;

use courier::{AlertSubject, AlertWays, alert_text, tell};
use domain::{AlertSettings, AppId, FoundAlerts, HandedAlerts, Mode, Sentence};
use futures_util::future::join_all;
use runtime::{ConfiguredApp, error_chain};
use store::{AppAlerts, KeptAlertState, StoreError};
use tracing::{info, warn};

use crate::Deps;

/// What a run looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Each minute: incidents, and targets that fail.
    Minute,
    /// Each hour: the hour that is over, the days that were compared, certificates and dead letters.
    Hour,
    /// After the days that are owed were compared.
    Days,
}

/// How often noting an answer is tried while other runs write the same state.
const NOTE_TRIES_MAX: u32 = 5;

/// How many apps are looked at together. Their robots are slow at times, and a run has a minute.
const APPS_AT_ONCE: usize = 20;

/// Looks, and tells. It never fails as a whole: what could not be looked at or told is the next run's.
pub(crate) async fn tell_all(deps: &Deps, look: Look) {
    let all = match deps.services.store.list_alerts().await {
        Ok(all) => all,
        Err(error) => {
            warn!("nobody is told in this run: {}", error_chain(&error));
            return;
        }
    };
    for some in all.chunks(APPS_AT_ONCE) {
        join_all(some.iter().map(|one| tell_app(deps, one, look))).await;
    }
}

async fn tell_app(deps: &Deps, AppAlerts { app, settings }: &AppAlerts, look: Look) {
    for mode in Mode::ALL {
        if settings.hearing(mode).next().is_none() {
            continue;
        }
        if let Err(error) = tell_mode(deps, app, settings, mode, look).await {
            warn!(app.id = %app, "alerts of an app were left to the next run: {}", error_chain(&error));
        }
    }
}

async fn tell_mode(
    deps: &Deps,
    app: &AppId,
    settings: &AlertSettings,
    mode: Mode,
    look: Look,
) -> Result<(), StoreError> {
    let (store, now) = (&deps.services.store, deps.services.clock.now());
    let Some(configured) = deps.services.apps.find(app, now).await? else { return Ok(()) };
    let mut kept = store.find_alert_state(app, mode).await?;
    let about = About { deps, configured: &configured, settings, mode, now };
    let found: FoundAlerts = match look {
        Look::Minute => found::each_minute(&about, &kept.state).await?,
        Look::Hour => found::each_hour(&about).await?,
        Look::Days => found::days(&about).await?,
    };
    let before = kept.state.clone();
    kept.state.raise(settings, mode, &found, now);
    let handed = kept.state.hand_out(settings, mode, now);
    if kept.state == before {
        return Ok(());
    }
    // This is the claim: if another run wrote the state first, it tells what this one would have told.
    if store.keep_alert_state(app, mode, kept).await?.is_none() || handed.is_empty() {
        return Ok(());
    }
    let answers = join_all(handed.iter().map(|one| send(&about, one))).await;
    note(deps, app, mode, &handed.iter().zip(&answers).collect::<Vec<_>>()).await
}

/// Whose alerts are looked for, and when.
pub(crate) struct About<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) configured: &'a ConfiguredApp,
    pub(crate) settings: &'a AlertSettings,
    pub(crate) mode: Mode,
    pub(crate) now: domain::Timestamp,
}

/// Sends a message. Returns why it did not arrive; `None` if it did.
async fn send(about: &About<'_>, handed: &HandedAlerts) -> Option<Sentence> {
    let services = &about.deps.services;
    let app = &about.configured.app;
    let subject = AlertSubject {
        app: &app.name,
        mode: about.mode,
        console: format!("{}/console/apps/{}/overview?mode={}", services.config.public_url, app.id, about.mode),
    };
    let ways = AlertWays { outbound: about.deps.outbound.clone(), topics: services.topics.clone() };
    let told = tell(&ways, &handed.target, &alert_text(&subject, handed), about.now).await;
    let (count, kind) = (handed.alerts.len(), handed.target.kind);
    match told {
        Ok(()) => {
            info!(app.id = %app.id, "told {count} alerts by {kind}");
            None
        }
        Err(problem) => {
            warn!(app.id = %app.id, "{count} alerts did not arrive by {kind}: {problem}");
            Some(problem.sentence())
        }
    }
}

/// Notes the answers. Another run may have written the state meanwhile, so that it is read again.
async fn note(
    deps: &Deps,
    app: &AppId,
    mode: Mode,
    answers: &[(&HandedAlerts, &Option<Sentence>)],
) -> Result<(), StoreError> {
    let (store, now) = (&deps.services.store, deps.services.clock.now());
    for _ in 0..NOTE_TRIES_MAX {
        let mut kept: KeptAlertState = store.find_alert_state(app, mode).await?;
        for (handed, problem) in answers {
            kept.state.note(handed, problem.as_ref(), now);
        }
        if store.keep_alert_state(app, mode, kept).await?.is_some() {
            return Ok(());
        }
    }
    // The next run sends these messages again.
    Err(StoreError::Contended { what: format!("the alerts of {app}"), tries: NOTE_TRIES_MAX })
}
