//! Providers that do not answer are left alone for a while, so that their outage takes no worker from others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{AccountNumber, AskedProvider, Timestamp, Transaction, TransactionKey};
use providers::AnswerRetry;
use runtime::{ApiError, Retry};

/// After so many failures in a row an account is left alone.
const FAILURES_MAX: u32 = 3;

/// For so long, counted from the last failure.
const LEFT_ALONE_FOR: Duration = Duration::from_secs(60);

/// Whom this instance leaves alone. Only accounts that fail are in it. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct LeftAlone(Arc<Mutex<HashMap<Account, Failing>>>);

/// An account at its provider. Refunds of a tab count together: their rows do not say which account they are of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Account {
    pub(crate) provider: AskedProvider,
    pub(crate) number: Option<AccountNumber>,
}

#[derive(Clone, Copy, Debug)]
struct Failing {
    in_a_row: u32,
    last: Timestamp,
}

impl Account {
    pub(crate) fn of_transaction(transaction: &Transaction) -> Self {
        Self { number: Some(transaction.account), ..Self::of_tab(&transaction.key) }
    }

    pub(crate) fn of_tab(key: &TransactionKey) -> Self {
        let TransactionKey { app, mode, channel, .. } = key;
        Self { provider: AskedProvider { app: app.clone(), mode: *mode, tab: channel.tab() }, number: None }
    }
}

impl LeftAlone {
    pub(crate) fn has(&self, account: &Account, now: Timestamp) -> bool {
        let failing = self.lock().get(account).copied();
        failing.is_some_and(|failing| failing.in_a_row >= FAILURES_MAX && failing.last.until(now) < LEFT_ALONE_FOR)
    }

    /// Notes how a question ended. Only who does not answer, or nothing that can be understood, has failed.
    pub(crate) fn note<T>(&self, account: Account, asked: &Result<T, ApiError>, now: Timestamp) {
        if !asked.as_ref().is_err_and(is_outage) {
            self.lock().remove(&account);
            return;
        }
        let mut known = self.lock();
        let in_a_row = known.get(&account).map_or(0, |failing| failing.in_a_row).saturating_add(1);
        known.insert(account, Failing { in_a_row, last: now });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Account, Failing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    use domain::{AppId, Mode, Tab};

    use super::*;

    fn account(tab: Tab) -> Account {
        let app = AppId::parse("568a12086e912100017722e5").unwrap();
        Account { provider: AskedProvider { app, mode: Mode::Test, tab }, number: None }
    }

    fn failed() -> Result<(), ApiError> {
        let outage = ApiError::Outbound(outbound::OutboundError::Deadline { deadline: Duration::from_secs(4) });
        assert!(is_outage(&outage));
        Err(outage)
    }

    #[test]
    fn a_provider_that_fails_three_times_in_a_row_is_left_alone_for_a_minute() {
        let (left_alone, ali) = (LeftAlone::default(), account(Tab::Ali));
        let at = |ms| Timestamp::clamped(ms);
        for (asked, alone) in [
            (failed(), false),
            (failed(), false),
            (Ok(()), false),
            (failed(), false),
            (failed(), false),
            (failed(), true),
        ] {
            left_alone.note(ali.clone(), &asked, at(0));
            assert_eq!(left_alone.has(&ali, at(0)), alone);
        }
        assert!(left_alone.has(&ali, at(59_999)) && !left_alone.has(&ali, at(60_000)));
        assert!(!left_alone.has(&account(Tab::WxApp), at(0)));
        // The first question after that decides anew.
        left_alone.note(ali.clone(), &failed(), at(60_000));
        assert!(left_alone.has(&ali, at(60_001)));
        left_alone.note(ali.clone(), &Ok(()), at(120_000));
        assert!(!left_alone.has(&ali, at(120_000)));
    }
}
