//! Questions about refunds.

use domain::{RefundKey, next_refund_question};
use runtime::ApiError;
use settlement::{ASKING_BOUNDS, continue_refund};
use tracing::info;

use crate::{Deps, left_alone::Account};

/// Queries the provider about a refund that is still due and open. While the provider has not decided, the refund is sent again.
pub(crate) async fn look(deps: &Deps, key: &RefundKey) -> Result<(), ApiError> {
    let services = &deps.settlement.services;
    let (store, now) = (&services.store, services.clock.now());
    let Some(refund) = store.find_refund(&key.app, key.mode, &key.bill, &key.num).await? else { return Ok(()) };
    let due_at = refund.due_at.filter(|due| *due <= now && refund.status.is_open());
    let Some(due_at) = due_at else { return Ok(()) };
    if !store.postpone_refund(key, due_at, next_refund_question(&refund, now)).await? {
        return Ok(());
    }
    let Some(configured) = services.apps.find(&key.app, now).await? else { return Ok(()) };
    let account = Account::of_tab(&refund.key);
    if deps.left_alone.has(&account, now) {
        return Ok(());
    }
    let asked = match continue_refund(&deps.settlement, &configured, refund, ASKING_BOUNDS).await {
        Err(ApiError::RefundFailed { num, failure }) => {
            info!(app.id = %key.app, bill.num = %key.bill, "refund {num} failed: {failure}");
            Ok(())
        }
        pursued => pursued.map(|_| ()),
    };
    deps.left_alone.note(account, &asked, services.clock.now());
    asked
}
