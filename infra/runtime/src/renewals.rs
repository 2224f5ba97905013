//! Certificates that a provider gave us on top of those in the settings: fetched once, however many messages need them at a time.
//!
//! It is remembered as long as the function is warm. Nothing here is a proof: what is fetched was verified by who fetched it.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{AppAccount, Secret, Timestamp};
use outbound::Outbound;
use providers::{Account, Moment};

use crate::apps::APPS_MAX;

/// Any stranger can name an unknown certificate, so the provider is asked once in this time, however many do.
const PAUSE: Duration = Duration::from_secs(60);
/// The same after a fetch that nobody answered. It is shorter than a provider waits before it sends its notify again.
const LATE_PAUSE: Duration = Duration::from_secs(10);

/// Who fetches certificates, and how long that may take, with the wait for another who does the same.
#[derive(Clone, Copy, Debug)]
pub struct Fetch<'a> {
    /// The way to the provider.
    pub outbound: &'a Outbound,
    /// When, with dice of its own: its nonce signs no other message.
    pub moment: &'a Moment,
    /// How long.
    pub patience: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Renewed {
    /// The account as it is known from now on, by this fetch or by one that ended just before.
    Account(Arc<Account>),
    /// The provider was asked, or was just before, and gives nothing that can be used. What could not be verified stays refused.
    Nothing,
    /// There was no answer in time. The same message can be brought again.
    Late,
}

/// What was fetched, by account.
#[derive(Debug, Default)]
pub(crate) struct Renewals(Mutex<HashMap<AppAccount, Arc<Renewal>>>);

/// The fetches for one account.
pub(crate) struct Renewal {
    /// The settings that they belong to: changed ones begin anew.
    settings: Secret<String>,
    /// Held by who fetches.
    pub(crate) turn: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Clone, Default)]
struct Known {
    asked: Option<(Timestamp, Duration)>,
    is_late: bool,
    account: Option<Arc<Account>>,
}

impl fmt::Debug for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewal")
    }
}

impl Renewals {
    /// The account with what was fetched for these settings, if anything was.
    pub(crate) fn account(&self, of: &AppAccount, settings: &Secret<String>) -> Option<Arc<Account>> {
        let renewed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let renewal = renewed.get(of).filter(|renewal| renewal.settings == *settings)?;
        renewal.known().account
    }

    /// The fetches for these settings.
    pub(crate) fn of(&self, of: AppAccount, settings: &Secret<String>) -> Arc<Renewal> {
        let mut renewed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(renewal) = renewed.get(&of).filter(|renewal| renewal.settings == *settings) {
            return Arc::clone(renewal);
        }
        if renewed.len() >= APPS_MAX {
            renewed.clear();
        }
        let (turn, known) = (tokio::sync::Mutex::default(), Mutex::default());
        let renewal = Arc::new(Renewal { settings: settings.clone(), turn, known });
        renewed.insert(of, Arc::clone(&renewal));
        renewal
    }
}

impl Renewal {
    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the fetch gave that ended just before. `None` if it is time to ask.
    pub(crate) fn fresh(&self, now: Timestamp) -> Option<Renewed> {
        let known = self.known();
        let is_fresh = known.asked.is_some_and(|(at, pause)| at.distance(now) < pause);
        is_fresh.then(|| match known.account {
            _ if known.is_late => Renewed::Late,
            Some(account) => Renewed::Account(account),
            None => Renewed::Nothing,
        })
    }

    /// Notes what a fetch gave. What was known before stays known.
    pub(crate) fn keep(&self, now: Timestamp, renewed: &Renewed) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (is_late, pause) = match renewed {
            Renewed::Account(account) => {
                known.account = Some(Arc::clone(account));
                (false, PAUSE)
            }
            Renewed::Nothing => (false, PAUSE),
            Renewed::Late => (true, LATE_PAUSE),
        };
        known.is_late = is_late;
        known.asked = Some((now, pause));
    }
}
