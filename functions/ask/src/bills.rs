//! Questions about bills.

use domain::{
    Status, Timestamp, Transaction, TransactionKey, is_overdue, last_closed_question_again, next_closed_question,
    next_question,
};
use runtime::ApiError;
use settlement::{ASKING_BOUNDS, Certainty, Closed, ask, close, payable_until};
use tracing::warn;

use crate::{Deps, left_alone::Account};

/// A bill that is due.
struct DueBill<'a> {
    bill: &'a Transaction,
    due_at: Timestamp,
    now: Timestamp,
}

/// Queries the provider about a bill that is still due.
pub(crate) async fn look(deps: &Deps, key: &TransactionKey) -> Result<(), ApiError> {
    let services = &deps.settlement.services;
    let now = services.clock.now();
    let Some(due) = services.store.find_due_transaction(key, now).await? else { return Ok(()) };
    let open = DueBill { bill: &due.transaction, due_at: due.due_at, now };
    match due.transaction.status {
        Status::Created => ask_about(deps, &open).await,
        Status::Closed => ask_about_closed(deps, &open).await,
        // It was paid meanwhile. What its entry is for now is the sweep's to do.
        Status::Success | Status::Refund => Ok(()),
    }
}

async fn ask_about(deps: &Deps, &DueBill { bill, due_at, now }: &DueBill<'_>) -> Result<(), ApiError> {
    let (services, key) = (&deps.settlement.services, &bill.key);
    if !services.store.postpone_transaction(key, due_at, Some(next_question(bill, now))).await? {
        return Ok(());
    }
    let Some(configured) = services.apps.find(&key.app, now).await? else { return Ok(()) };
    let account = Account::of_transaction(bill);
    if deps.left_alone.has(&account, now) {
        return Ok(());
    }
    let asked = if is_overdue(bill, now) {
        close(&deps.settlement, &configured, bill, ASKING_BOUNDS).await.map(|closed| {
            if let Closed::Refused { code, words } = closed {
                let (bill, id) = (&key.bill, &bill.id);
                warn!(app.id = %key.app, bill.num = %bill, tx.id = %id, provider.code = code, "not closed: {words}");
            }
        })
    } else {
        ask(&deps.settlement, &configured, bill, ASKING_BOUNDS).await.map(|_| ())
    };
    deps.left_alone.note(account, &asked, services.clock.now());
    asked
}

/// Queries the provider about a bill that is closed here alone. If its order is open there by now, it is closed there, too; if it was paid,
/// that is settled. After the last question, or once the provider says that the order is closed, the `due` entry is removed.
async fn ask_about_closed(deps: &Deps, &DueBill { bill, due_at, now }: &DueBill<'_>) -> Result<(), ApiError> {
    let (services, key) = (&deps.settlement.services, &bill.key);
    let store = &services.store;
    let Some(configured) = services.apps.find(&key.app, now).await? else {
        store.postpone_transaction(key, due_at, None).await?;
        return Ok(());
    };
    let payable_until = payable_until(&deps.settlement, &configured, bill).await.unwrap_or(bill.expires_at);
    let next = next_closed_question(bill.ended_at.unwrap_or(bill.created_at), payable_until, now);
    let Some(again_at) = next.or_else(|| last_closed_question_again(payable_until, now)) else {
        let (bill, id) = (&key.bill, &bill.id);
        warn!(app.id = %key.app, bill.num = %bill, tx.id = %id, "nobody said for a month whether closed bill {bill} was paid");
        store.postpone_transaction(key, due_at, None).await?;
        return Ok(());
    };
    if !store.postpone_transaction(key, due_at, Some(again_at)).await? {
        return Ok(());
    }
    let account = Account::of_transaction(bill);
    if deps.left_alone.has(&account, now) {
        return Ok(());
    }
    let asked = close(&deps.settlement, &configured, bill, ASKING_BOUNDS).await;
    deps.left_alone.note(account, &asked, services.clock.now());
    let is_certain = matches!(asked?, Closed::Closed(_, Certainty::AtProvider));
    if next.is_none() || is_certain {
        store.postpone_transaction(key, again_at, None).await?;
    }
    Ok(())
}
