//! Certificates that a provider signs with and the settings do not have. They are fetched once, even if many messages need them at once.
//!
//! A warm function remembers them. Nothing is verified here: the fetch has verified the certificates.

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

/// The provider is asked once in this time at most, because any stranger can send a message that names an unknown certificate.
const PAUSE: Duration = Duration::from_secs(60);
/// The time after a fetch without an answer. It is shorter than the wait of a provider before it repeats a notify.
const LATE_PAUSE: Duration = Duration::from_secs(10);

/// How certificates are fetched.
#[derive(Clone, Copy, Debug)]
pub struct Fetch<'a> {
    /// The way to the provider.
    pub outbound: &'a Outbound,
    /// The time, and a nonce that signs no other message.
    pub moment: &'a Moment,
    /// How long the caller waits, for its own fetch or for that of another caller.
    pub patience: Duration,
}

/// The result of a fetch.
#[derive(Clone, Debug)]
pub enum Renewed {
    /// The account with its new certificates, by this fetch or by one that ended just before.
    Account(Arc<Account>),
    /// The provider was asked now or just before, and gave no certificate that can be used. The message stays refused.
    Nothing,
    /// There was no answer in time. The same message may come again.
    Late,
}

/// The fetched certificates, by account.
#[derive(Debug, Default)]
pub(crate) struct Renewals(Mutex<HashMap<AppAccount, Arc<Renewal>>>);

/// The fetches for one account.
pub(crate) struct Renewal {
    /// The settings that they belong to. Other settings begin a new `Renewal`.
    settings: Secret<String>,
    /// The caller that fetches holds it.
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
    /// The account with the certificates that were fetched for these settings, if there are any.
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

    /// The result of a fetch that ended just before. `None` if the provider may be asked now.
    pub(crate) fn fresh(&self, now: Timestamp) -> Option<Renewed> {
        let known = self.known();
        let is_fresh = known.asked.is_some_and(|(at, pause)| at.distance(now) < pause);
        is_fresh.then(|| match known.account {
            _ if known.is_late => Renewed::Late,
            Some(account) => Renewed::Account(account),
            None => Renewed::Nothing,
        })
    }

    /// Keeps the result of a fetch. Earlier certificates are kept, too.
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
