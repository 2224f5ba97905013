//! Once a day: counts the accounts in use whose certificates end soon. A metric says how many, and the console says which.

use domain::{Mode, Timestamp};
use runtime::{ConfiguredApp, EndingCertificate};
use tracing::warn;

use crate::{Deps, apps::Apps};

/// Counts them and says so, also where there are none: an alarm ends by that.
pub(crate) async fn count_ending(deps: &Deps, now: Timestamp) {
    let (mut apps, mut ending) = (Apps::new(deps, now), Mode::ALL.map(|mode| (mode, 0)));
    while let Some(configured) = apps.next().await {
        for (mode, count) in &mut ending {
            *count += ending_of(deps, &configured, *mode, now);
        }
    }
    for (mode, count) in ending {
        deps.services.metrics.certificates_ending(mode, count);
    }
}

fn ending_of(deps: &Deps, configured: &ConfiguredApp, mode: Mode, now: Timestamp) -> u64 {
    let ending = deps.services.apps.certificates_end_soon(configured, mode, now);
    for EndingCertificate { tab, ends_at } in &ending {
        warn!(app.id = %configured.app.id, tab = %tab, mode = %mode, "a certificate of {tab} ends at {ends_at}");
    }
    u64::try_from(ending.len()).unwrap_or(u64::MAX)
}
