//! Asks the providers which of our orders has this number of theirs. A payer reads out that number, and we keep no index of it.
//!
//! Each account that may know such a number is asked once, all at the same time. The answer settles nothing and is not kept.

use std::sync::Arc;

use domain::{AccountNumber, Mode, ProviderTradeNo, Sentence, Tab, Timestamp};
use futures_util::future::{join_all, try_join_all};
use providers::{Account, Moment};
use runtime::{AccountKey, ApiError, ConfiguredApp, Question};
use serde_json::{Value, json};
use settlement::ASKING_BOUNDS;
use store::StoredApp;

use super::{problem::Problem, said};
use crate::deps::Deps;

/// The most accounts that are asked, the ones in use first: five tabs in two modes, and some that were replaced.
const ACCOUNTS_MAX: usize = 16;

/// What an account at a provider said.
#[derive(Debug)]
pub(crate) enum ProviderSaid {
    /// The number of the order there, which is our id if the order is ours.
    Order(String),
    /// It knows no such payment of this merchant.
    Unknown,
    /// It did not answer, or its answer cannot be used.
    Failed(Sentence),
}

/// An account that was asked.
#[derive(Debug)]
pub(crate) struct AskedAccount {
    pub(crate) tab: Tab,
    pub(crate) mode: Mode,
    pub(crate) account: AccountNumber,
    pub(crate) answer: ProviderSaid,
}

impl AskedAccount {
    /// The number of the order, if the account knows the payment.
    pub(crate) fn order(&self) -> Option<&str> {
        match &self.answer {
            ProviderSaid::Order(order) => Some(order),
            ProviderSaid::Unknown | ProviderSaid::Failed(_) => None,
        }
    }

    /// As the API shows it.
    pub(crate) fn show(&self) -> Value {
        let (word, why) = match &self.answer {
            ProviderSaid::Order(_) => ("found", None),
            ProviderSaid::Unknown => ("unknown", None),
            ProviderSaid::Failed(why) => ("failed", Some(why)),
        };
        let shown = json!({
            "tab": self.tab.name(),
            "mode": self.mode.name(),
            "account": self.account.get(),
            "answer": word,
            "order": self.order(),
        });
        said::with(shown, said::text("problem", why))
    }
}

/// An account that may know the number.
struct Candidate {
    key: AccountKey,
    account: Arc<Account>,
}

/// Asks every account of the app that may know the number. No account that failed keeps the others from being asked.
pub(crate) async fn ask(
    deps: &Deps,
    found: &StoredApp,
    number: &ProviderTradeNo,
    now: Timestamp,
) -> Result<Vec<AskedAccount>, Problem> {
    let app = &found.app.id;
    let Some(configured) = deps.services.apps.find(app, now).await? else { return Ok(Vec::new()) };
    let in_use = Mode::ALL.into_iter().flat_map(|mode| {
        let current = |tab: Tab| configured.current(tab.channels().next()?, mode);
        Tab::ALL.into_iter().filter_map(current).collect::<Vec<_>>()
    });
    let replaced = deps.services.store.old_accounts(app, None).await?;
    let replaced = replaced.iter().filter(|old| old.settings.is_some());
    let replaced = replaced
        .filter_map(|old| Some(AccountKey { channel: old.tab.channels().next()?, mode: old.mode, number: old.number }));
    let keys = in_use.chain(replaced).take(ACCOUNTS_MAX);
    let opened = try_join_all(keys.map(|key| open(deps, &configured, key, now))).await?;
    let candidates = opened.into_iter().flatten().filter(|candidate| candidate.account.may_know(number));
    let asked = candidates.map(|candidate| ask_one(deps, &configured, candidate, number, now));
    Ok(join_all(asked).await)
}

/// `None` if the account has no settings any more, or settings that cannot be used: there is nobody to ask.
async fn open(
    deps: &Deps,
    configured: &ConfiguredApp,
    key: AccountKey,
    now: Timestamp,
) -> Result<Option<Candidate>, Problem> {
    match deps.services.apps.account_of(configured, key, now).await {
        Ok(account) => Ok(account.map(|account| Candidate { key, account })),
        Err(ApiError::Store(error)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

async fn ask_one(
    deps: &Deps,
    configured: &ConfiguredApp,
    Candidate { key, account }: Candidate,
    number: &ProviderTradeNo,
    now: Timestamp,
) -> AskedAccount {
    let answer = match look_up(deps, configured, key, &account, number, now).await {
        Ok(Some(order)) => ProviderSaid::Order(order),
        Ok(None) => ProviderSaid::Unknown,
        Err(error) => ProviderSaid::Failed(error.said()),
    };
    AskedAccount { tab: key.channel.tab(), mode: key.mode, account: key.number, answer }
}

async fn look_up(
    deps: &Deps,
    configured: &ConfiguredApp,
    key: AccountKey,
    account: &Account,
    number: &ProviderTradeNo,
    now: Timestamp,
) -> Result<Option<String>, ApiError> {
    let moment = Moment { now, nonce: deps.services.random.nonce()? };
    let question =
        Question { configured, key, account, outbound: &deps.outbound, bounds: ASKING_BOUNDS, moment: &moment };
    let call = account.look_up(number, &moment)?;
    let answer = deps.services.ask(&question, call, |account, response| account.read_look_up(number, response, now));
    Ok(answer.await?.content)
}
