//! Bills that nobody told us the end of, those that are closed here alone among them, and refunds: their providers are asked.
//!
//! Each is claimed first, by moving the time at which it is due: of two sweeps one asks, and a sweep that dies in the middle leaves it to
//! the next time. A provider that does not answer several times in a row is left alone for the rest of the run; what it was to
//! be asked about moves on as if it had been, so that nothing piles up behind an outage.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::{
    AccountNumber, AppId, Delivery, DeliveryId, DeliveryState, Mode, Status, Tab, Timestamp, Transaction,
    TransactionKey, is_overdue, last_closed_question_again, next_closed_question, next_question, next_refund_question,
};
use futures_util::future::join_all;
use providers::AnswerRetry;
use runtime::{ApiError, Retry, error_chain};
use settlement::{ASKING_BOUNDS, Certainty, Closed, ask, close, look_for_duplicate, payable_until, pursue_refund};
use store::{DayKey, Due, DueTransaction, RefundKey};
use tracing::{info, warn};

use crate::{
    Deps,
    deliveries::{self, Oldest},
};

/// What one run asks at the most. A thousand questions of a hundred milliseconds, 72 at once, are done in some seconds; what is left
/// is due in the next minute, too.
const QUESTIONS_MAX: usize = 1000;

/// At once in one of the 24 shards.
const QUESTIONS_AT_ONCE: usize = 3;

/// A run begins nothing new after this time: a sweep may take a minute, and the last questions take some seconds.
const RUN_MAX: Duration = Duration::from_secs(35);

/// After so many failures in a row a provider is left alone for the rest of the run.
const FAILURES_MAX: u32 = 3;

/// Days that people asked for, compared in one run at the most: each is a call or two, and the next minute's run takes the next.
const DAYS_MAX: usize = 5;

/// Refunds of a tab count together: their rows do not say which account they are of.
type Asked = (AppId, Tab, Mode, Option<AccountNumber>);

/// What one run has done so far, and whom it leaves alone.
#[derive(Debug)]
pub(crate) struct Run {
    began_at: Timestamp,
    asked: AtomicUsize,
    left: AtomicBool,
    failures: Mutex<HashMap<Asked, u32>>,
    /// The days that people asked for.
    days: Mutex<Vec<DayKey>>,
}

impl Run {
    pub(crate) fn begin(now: Timestamp) -> Self {
        Self {
            began_at: now,
            asked: AtomicUsize::new(0),
            left: AtomicBool::new(false),
            failures: Mutex::default(),
            days: Mutex::default(),
        }
    }

    /// Keeps in mind which days among what is due are to be compared once the rest is done; no more of them than a run may take.
    pub(crate) fn note_days(&self, due: &[Due]) {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        let found = due.iter().filter_map(|due| if let Due::Day(key) = due { Some(key.clone()) } else { None });
        let room = DAYS_MAX.saturating_sub(days.len());
        days.extend(found.take(room));
    }

    /// The days that people asked for.
    pub(crate) fn asked_days(&self) -> Vec<DayKey> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether something is left for the next run.
    pub(crate) fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// Whether its time is over; what it does not get to is left.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        let over = self.began_at.distance(now) >= RUN_MAX;
        self.left.fetch_or(over, Ordering::Relaxed);
        over
    }

    /// Whether there are questions left to ask; where there are none, what was to be asked about is left.
    fn may_ask(&self) -> bool {
        let may = self.asked.load(Ordering::Relaxed) < QUESTIONS_MAX;
        self.left.fetch_or(!may, Ordering::Relaxed);
        may
    }

    fn leaves_alone(&self, account: &Asked) -> bool {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(account).is_some_and(|failures| *failures >= FAILURES_MAX)
    }

    fn note(&self, account: &Asked, failed: bool) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failed {
            *failures.entry(account.clone()).or_default() += 1;
        } else {
            failures.remove(account);
        }
    }
}

/// What came of a page.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Healed {
    /// What was looked at.
    pub(crate) asked: usize,
    /// The deliveries that were rung for, because their bills carry them.
    pub(crate) rung: usize,
}

/// Looks at the bills and refunds among what is due.
pub(crate) async fn heal(deps: &Deps, (run, oldest): (&Run, &Oldest), due: &[Due], now: Timestamp) -> Healed {
    let is_mine = |due: &&Due| matches!(due, Due::Transaction(_) | Due::Refund(_));
    let mine: Vec<&Due> = due.iter().filter(is_mine).collect();
    let mut healed = Healed::default();
    for some in mine.chunks(QUESTIONS_AT_ONCE) {
        if run.is_over(deps.base.clock.now()) {
            break;
        }
        let looked = join_all(some.iter().map(|due| look(deps, (run, oldest), due, now))).await;
        for looked in looked {
            healed.asked += usize::from(looked == Looked::Asked);
            healed.rung += usize::from(looked == Looked::Rung);
        }
    }
    healed
}

/// What came of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looked {
    /// It was not this run's to look at.
    Passed,
    /// It was looked at.
    Asked,
    /// The delivery that it carries was rung for.
    Rung,
}

impl From<bool> for Looked {
    fn from(was_mine: bool) -> Self {
        if was_mine { Self::Asked } else { Self::Passed }
    }
}

async fn look(deps: &Deps, (run, oldest): (&Run, &Oldest), due: &Due, now: Timestamp) -> Looked {
    let (name, looked) = match due {
        Due::Transaction(key) => (key.bill.to_string(), look_at_bill(deps, (run, oldest), key, now).await),
        Due::Refund(key) => (key.bill.to_string(), look_at_refund(deps, run, key, now).await.map(Looked::from)),
        Due::Delivery(_) | Due::Day(_) | Due::Other { .. } => return Looked::Passed,
    };
    looked.unwrap_or_else(|error| {
        warn!(bill.num = %name, "bill {name} stays as it is: {}", error_chain(&error));
        Looked::Asked
    })
}

async fn look_at_bill(
    deps: &Deps,
    (run, oldest): (&Run, &Oldest),
    key: &TransactionKey,
    now: Timestamp,
) -> Result<Looked, ApiError> {
    let store = &deps.base.store;
    let Some(due) = store.find_due_transaction(key, now).await? else { return Ok(Looked::Passed) };
    match due.transaction.status {
        Status::Created => return Ok(ask_about(deps, run, (&due.transaction, due.due_at), now).await?.into()),
        Status::Closed => return Ok(ask_about_closed(deps, run, (&due.transaction, due.due_at), now).await?.into()),
        Status::Success | Status::Refund => {}
    }
    if let Some(carried) = &due.carries {
        return look_for_carried(deps, oldest, (&due, carried), now).await;
    }
    // It was settled by an answer, and whoever got it stopped before it was looked at once more.
    look_for_second_payment(deps, &due.transaction, now).await?;
    Ok(store.postpone_transaction(key, due.due_at, None).await?.into())
}

async fn look_for_second_payment(deps: &Deps, bill: &Transaction, now: Timestamp) -> Result<(), ApiError> {
    if let Some(configured) = deps.base.apps.find(&bill.key.app, now).await? {
        look_for_duplicate(deps, &configured, bill, now).await?;
    }
    Ok(())
}

/// A paid bill that carries a delivery: whoever makes the first attempt lets go of it, so that the bell was lost, or is on its way.
async fn look_for_carried(
    deps: &Deps,
    oldest: &Oldest,
    (due, carried): (&DueTransaction, &DeliveryId),
    now: Timestamp,
) -> Result<Looked, ApiError> {
    let (store, key) = (&deps.base.store, &due.transaction.key);
    let delivery = store.find_delivery(carried).await?;
    let is_untried = |delivery: &Delivery| delivery.state == DeliveryState::Waiting && delivery.attempt == 1;
    let mut looked = Looked::Asked;
    if let Some(delivery) = delivery.filter(is_untried) {
        let look_at = Delivery::look_at(delivery.due_at, delivery.created_at);
        if look_at > now {
            return Ok(store.carry_until(key, due.due_at, look_at).await?.into());
        }
        if !deliveries::ring_again(deps, &delivery, oldest, now).await? {
            return Ok(Looked::Asked);
        }
        looked = Looked::Rung;
    }
    look_for_second_payment(deps, &due.transaction, now).await?;
    store.let_go(key, &carried.webhook).await?;
    Ok(looked)
}

async fn ask_about(
    deps: &Deps,
    run: &Run,
    (bill, due_at): (&Transaction, Timestamp),
    now: Timestamp,
) -> Result<bool, ApiError> {
    let key = &bill.key;
    if !run.may_ask() {
        return Ok(false);
    }
    if !deps.base.store.postpone_transaction(key, due_at, Some(next_question(bill, now))).await? {
        return Ok(false);
    }
    let account = (key.app.clone(), key.channel.tab(), key.mode, Some(bill.account));
    let Some(configured) = deps.base.apps.find(&key.app, now).await? else { return Ok(true) };
    if run.leaves_alone(&account) {
        return Ok(true);
    }
    run.asked.fetch_add(1, Ordering::Relaxed);
    let asked = if is_overdue(bill, now) {
        close(deps, &configured, bill, ASKING_BOUNDS).await.map(|closed| {
            if let Closed::Refused { code, words } = closed {
                let (bill, id) = (&key.bill, &bill.id);
                warn!(app.id = %key.app, bill.num = %bill, tx.id = %id, provider.code = code, "not closed: {words}");
            }
        })
    } else {
        ask(deps, &configured, bill, ASKING_BOUNDS).await.map(|_| ())
    };
    run.note(&account, asked.as_ref().is_err_and(is_outage));
    asked.map(|()| true)
}

/// Asks about a bill that is closed here alone. What is open at its provider by now is closed there, too; what was paid is settled. After
/// the last question, or once the provider says that it is closed, its entry is taken away.
async fn ask_about_closed(
    deps: &Deps,
    run: &Run,
    (bill, due_at): (&Transaction, Timestamp),
    now: Timestamp,
) -> Result<bool, ApiError> {
    let (store, key) = (&deps.base.store, &bill.key);
    if !run.may_ask() {
        return Ok(false);
    }
    let Some(configured) = deps.base.apps.find(&key.app, now).await? else {
        return Ok(store.postpone_transaction(key, due_at, None).await?);
    };
    let payable_until = payable_until(deps, &configured, bill).await.unwrap_or(bill.expires_at);
    let next = next_closed_question(bill.ended_at.unwrap_or(bill.created_at), payable_until, now);
    let Some(again_at) = next.or_else(|| last_closed_question_again(payable_until, now)) else {
        let (bill, id) = (&key.bill, &bill.id);
        warn!(app.id = %key.app, bill.num = %bill, tx.id = %id, "nobody said for a month whether closed bill {bill} was paid");
        return Ok(store.postpone_transaction(key, due_at, None).await?);
    };
    if !store.postpone_transaction(key, due_at, Some(again_at)).await? {
        return Ok(false);
    }
    let account = (key.app.clone(), key.channel.tab(), key.mode, Some(bill.account));
    if run.leaves_alone(&account) {
        return Ok(true);
    }
    run.asked.fetch_add(1, Ordering::Relaxed);
    let asked = close(deps, &configured, bill, ASKING_BOUNDS).await;
    run.note(&account, asked.as_ref().is_err_and(is_outage));
    let is_certain = matches!(asked?, Closed::Closed(_, Certainty::AtProvider));
    if next.is_none() || is_certain {
        store.postpone_transaction(key, again_at, None).await?;
    }
    Ok(true)
}

async fn look_at_refund(deps: &Deps, run: &Run, key: &RefundKey, now: Timestamp) -> Result<bool, ApiError> {
    if !run.may_ask() {
        return Ok(false);
    }
    let store = &deps.base.store;
    let Some(refund) = store.find_refund((&key.app, key.mode, &key.bill), &key.num).await? else { return Ok(false) };
    let due_at = refund.due_at.filter(|due| *due <= now && refund.status.is_open());
    let Some(due_at) = due_at else { return Ok(false) };
    if !store.postpone_refund(key, due_at, next_refund_question(&refund, now)).await? {
        return Ok(false);
    }
    let account = (key.app.clone(), refund.key.channel.tab(), key.mode, None);
    let Some(configured) = deps.base.apps.find(&key.app, now).await? else { return Ok(true) };
    if run.leaves_alone(&account) {
        return Ok(true);
    }
    run.asked.fetch_add(1, Ordering::Relaxed);
    let asked = match pursue_refund(deps, &configured, refund, ASKING_BOUNDS).await {
        Err(ApiError::RefundFailed { num, failure }) => {
            info!(app.id = %key.app, bill.num = %key.bill, "refund {num} failed: {failure}");
            Ok(())
        }
        pursued => pursued.map(|_| ()),
    };
    run.note(&account, asked.as_ref().is_err_and(is_outage));
    asked.map(|()| true)
}

/// Whether nobody answered, or nothing that could be understood.
fn is_outage(error: &ApiError) -> bool {
    match error.retryable() {
        Retry::Unanswered | Retry::Answered(AnswerRetry::Later) => true,
        Retry::No
        | Retry::Storage
        | Retry::Answered(
            AnswerRetry::No | AnswerRetry::WithCertificate | AnswerRetry::WithFirstAnswer | AnswerRetry::AsAnotherOrder,
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_fails_three_times_in_a_row_is_left_alone() {
        let run = Run::begin(Timestamp::clamped(0));
        let account = |tab| (AppId::parse("568a12086e912100017722e5").unwrap(), tab, Mode::Test, None);
        let (ali, wechat) = (account(Tab::Ali), account(Tab::WxApp));
        for (failed, alone) in
            [(true, false), (true, false), (false, false), (true, false), (true, false), (true, true)]
        {
            run.note(&ali, failed);
            assert_eq!(run.leaves_alone(&ali), alone);
        }
        assert!(!run.leaves_alone(&wechat));
    }

    #[test]
    fn a_run_is_over_when_its_time_is() {
        let run = Run::begin(Timestamp::clamped(0));
        assert!(!run.is_over(Timestamp::clamped(34_999)));
        assert!(!run.has_left());
        assert!(run.is_over(Timestamp::clamped(35_000)));
        assert!(run.has_left());
    }

    #[test]
    fn a_run_asks_so_many_questions_and_no_more() {
        let run = Run::begin(Timestamp::clamped(0));
        run.asked.store(QUESTIONS_MAX - 1, Ordering::Relaxed);
        assert!(run.may_ask() && !run.has_left());
        run.asked.store(QUESTIONS_MAX, Ordering::Relaxed);
        assert!(!run.may_ask() && run.has_left());
    }
}
