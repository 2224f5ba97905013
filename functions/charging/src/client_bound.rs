//! The bounds of an app's public keys: charges a minute, and bills that wait to be paid.
//!
//! Each warm instance counts for itself, and adds some charges at a time to the item that all instances share: a write for each charge
//! would cost a third more, and one hot item. So a bound is exceeded by what every instance has not added yet, which is one for a small
//! bound and twenty for a large one. An instance that learns of a bound refuses by itself until it may have room again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{AppId, ClientBounds, Mode, Timestamp};
use runtime::{ApiError, ClientBoundError, ConfiguredApp, Services};
use tracing::warn;

const MINUTE: Duration = Duration::from_secs(60);
const MINUTE_MS: i64 = 60_000;

/// A warm function serves few apps at a time; beyond this it forgets them all and begins anew.
const REMEMBERED_MAX: usize = 1000;

/// What this instance knows of the public keys. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct ClientCounts(Arc<Mutex<HashMap<(AppId, Mode), Count>>>);

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// Charges that are not in the common count yet.
    unreported: u32,
    /// Until when everything is refused, and why.
    refused: Option<(Timestamp, ClientBoundError)>,
}

/// What comes of one more charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Admit,
    /// So many are to be added to the common count.
    Report(u32),
    Refuse(ClientBoundError),
}

impl ClientCounts {
    /// Counts a charge or a checkout by a public key, or a charge by a visitor of a checkout.
    ///
    /// # Errors
    /// [`ClientBoundError`] if the app's bound is reached; the store's errors.
    pub async fn admit(
        &self,
        services: &Services,
        configured: &ConfiguredApp,
        mode: Mode,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let (app, bounds) = (&configured.app.id, configured.app.client_bounds);
        if !bounds.is_bound() {
            return Ok(());
        }
        let count = match self.next(app, mode, &bounds, now) {
            Next::Admit => return Ok(()),
            Next::Refuse(error) => return Err(error.into()),
            Next::Report(count) => count,
        };
        let Some((until, error)) = look(services, configured, mode, count, now).await? else { return Ok(()) };
        warn!(app.id = %app, %mode, "a client key is refused for a while: {error}");
        self.change(app, mode, |known| known.refused = Some((until, error)));
        Err(error.into())
    }

    fn next(&self, app: &AppId, mode: Mode, bounds: &ClientBounds, now: Timestamp) -> Next {
        self.change(app, mode, |known| {
            match known.refused {
                Some((until, error)) if now < until && is_bound_still(bounds, error) => return Next::Refuse(error),
                Some(_) | None => known.refused = None,
            }
            known.unreported += 1;
            if known.unreported < bounds.batch() {
                return Next::Admit;
            }
            Next::Report(std::mem::take(&mut known.unreported))
        })
    }

    fn change<T>(&self, app: &AppId, mode: Mode, change: impl FnOnce(&mut Count) -> T) -> T {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        change(known.entry((app.clone(), mode)).or_default())
    }
}

/// Whether the bound is what it was: a raised one helps at once.
fn is_bound_still(bounds: &ClientBounds, error: ClientBoundError) -> bool {
    match error {
        ClientBoundError::Charges { max } => bounds.charges_per_minute == Some(max),
        ClientBoundError::OpenBills { max } => bounds.open_bills == Some(max),
    }
}

/// Adds what this instance counted, and looks whether a bound is reached: until when, and which.
async fn look(
    services: &Services,
    configured: &ConfiguredApp,
    mode: Mode,
    count: u32,
    now: Timestamp,
) -> Result<Option<(Timestamp, ClientBoundError)>, ApiError> {
    let (app, bounds) = (&configured.app, configured.app.client_bounds);
    let minute = Timestamp::clamped(now.ms() - now.ms().rem_euclid(MINUTE_MS));
    let seen = services.store.count_client_charges(&app.id, mode, minute, count).await?;
    if let Some(max) = bounds.charges_per_minute.filter(|max| seen.in_minute > i64::from(*max)) {
        return Ok(Some((minute.plus(MINUTE), ClientBoundError::Charges { max })));
    }
    let Some(max) = bounds.open_bills.filter(|max| seen.open_at_most > i64::from(*max)) else { return Ok(None) };
    let channels = configured.channels_ever(mode);
    let open = services.store.count_open_bills(app, mode, &channels, max, now).await?;
    // Counted by another instance just now: what it found, and the charges since, are more than the bound.
    let is_full = open.is_none_or(|open| open >= i64::from(max));
    Ok(is_full.then(|| (now.plus(MINUTE), ClientBoundError::OpenBills { max })))
}
