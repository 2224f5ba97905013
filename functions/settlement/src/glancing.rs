//! A short look at silent bills, because a person waits: their providers are queried, each at most once in a while.
//!
//! It never makes its caller fail, or slow. The functions that use it serve people who poll: `query` and `checkout`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{Status, Timestamp, Transaction, TransactionId};
use futures_util::future::join_all;
use outbound::Bounds;
use runtime::{ConfiguredApp, error_chain};
use tracing::warn;

use crate::{
    asking::{QueryOutcome, ask},
    deps::Deps,
};

/// How long a bill is left to its notify, and how long nobody asks again. A warm function remembers it by itself: a mark in the row
/// would cost a write each time, and an instance more or less asks once more at most.
const PAUSE: Duration = Duration::from_secs(15);

/// Beyond this a warm function forgets all and begins anew.
const REMEMBERED_MAX: usize = 10_000;

/// A person who looks at a page waits at most this long for the provider.
const GLANCE_BOUNDS: Bounds = Bounds { deadline: Duration::from_millis(1500), body_bytes_max: 256 * 1024 };

/// The tries of a bill that one look asks about, all at once; more are open in no bill that is meant.
const TRIES_MAX: usize = 8;

/// What was asked about lately by this instance. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Recent(Arc<Mutex<HashMap<TransactionId, Timestamp>>>);

impl Recent {
    /// Those among the tries of a bill that are open, silent for a while, and were not asked about lately. From now on they were.
    pub fn silent<'a, T>(&self, tries: &'a [T], facts: impl Fn(&T) -> TryFacts<'_>, now: Timestamp) -> Vec<&'a T> {
        let is_due = |one: &&T| {
            let TryFacts { id, status, created_at } = facts(one);
            status == Status::Created && created_at.plus(PAUSE) <= now && self.admits(id, now)
        };
        tries.iter().filter(is_due).take(TRIES_MAX).collect()
    }

    /// Whether it is time to ask; from then on it is not, for a while.
    fn admits(&self, id: &TransactionId, now: Timestamp) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(id).is_some_and(|asked_at| asked_at.distance(now) < PAUSE) {
            return false;
        }
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(id.clone(), now);
        true
    }
}

/// What decides whether a try is asked about.
#[derive(Clone, Copy, Debug)]
pub struct TryFacts<'a> {
    /// Its id.
    pub id: &'a TransactionId,
    /// Where it stands.
    pub status: Status,
    /// When it was charged.
    pub created_at: Timestamp,
}

impl TryFacts<'_> {
    /// Those of a transaction.
    pub fn of(tried: &Transaction) -> TryFacts<'_> {
        TryFacts { id: &tried.id, status: tried.status, created_at: tried.created_at }
    }
}

/// Queries the providers of these tries at once, and settles their reports. `true` if one of them is paid or closed now. A provider that
/// fails leaves its try as it is.
pub async fn glance(deps: &Deps, configured: &Arc<ConfiguredApp>, silent: &[&Transaction]) -> bool {
    let asked = join_all(silent.iter().map(|tried| ask(deps, configured, tried, GLANCE_BOUNDS))).await;
    silent.iter().zip(asked).fold(false, |has_news, (tried, asked)| match asked {
        Ok(asked) => has_news || matches!(asked, QueryOutcome::Closed | QueryOutcome::Settled),
        Err(error) => {
            warn!(bill.num = %tried.key.bill, "a silent bill stays so: {}", error_chain(&error));
            has_news
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_is_asked_about_once_in_fifteen_seconds() {
        let recent = Recent::default();
        let at = |seconds: i64| Timestamp::clamped(1_795_444_200_000 + seconds * 1000);
        let id = |digit: &str| TransactionId::parse(&digit.repeat(24)).unwrap();
        let admitted: Vec<bool> = [0, 1, 14, 15, 16, 30].map(|seconds| recent.admits(&id("1"), at(seconds))).into();
        assert_eq!(admitted, [true, false, false, true, false, true]);
        assert!(recent.admits(&id("2"), at(30)));
    }
}
