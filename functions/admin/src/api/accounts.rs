//! The accounts of a channel: which account saved settings belong to, and what is still open on earlier accounts.

use domain::{AccountNumber, AppId, KnownAccount, Sameness, Secret, Succession, Tab, TabMode, succeed};
use providers::{Identity, former_form};
use serde_json::{Map, Value, json};
use store::{CurrentAccount, OldAccount, SavedChannel, StoreError, StoreRetry};
use tracing::info;

use super::{call::Call, problem::Problem, wrong::Wrong};

/// How often a change is decided again after another operator saved settings in between.
const SAVE_TRIES_MAX: u32 = 5;

/// The account of the saved settings, if they began another account or returned to an earlier one.
pub(crate) struct Changed {
    number: AccountNumber,
    previous: Vec<Value>,
}

impl Changed {
    /// Writes it into the answer.
    pub(crate) fn tell(self, answer: &mut Map<String, Value>) {
        answer.insert("account".to_owned(), self.number.get().into());
        answer.insert("previousAccounts".to_owned(), self.previous.into());
    }
}

/// Saves settings. Settings of the account in use replace its former settings. Settings of another account begin a new account, or return
/// to an earlier one.
pub(crate) async fn save(
    call: &Call<'_>,
    app: &AppId,
    key: TabMode,
    settings: &Map<String, Value>,
) -> Result<Option<Changed>, Problem> {
    let store = &call.deps.services.store;
    let text = Secret::new(Value::Object(settings.clone()).to_string());
    for _ in 0..SAVE_TRIES_MAX {
        let seen = store.find_current_account(app, key).await?;
        let before = seen.as_ref().and_then(|seen| identity_of(call, key.tab, seen));
        let old = match &before {
            Some(before) if before.compare(&identity(call, key.tab, settings)) == Sameness::Other => {
                store.old_accounts(app, Some(key)).await?
            }
            Some(_) | None => Vec::new(),
        };
        let succession = succession(call, key.tab, settings, seen.as_ref(), before.as_ref(), &old)?;
        let saved = SavedChannel {
            settings: &text,
            succession,
            identity_before: before.as_ref().map(Identity::to_json).unwrap_or_default(),
            former: former(key.tab, seen.as_ref(), settings, succession),
            now: call.now,
        };
        match store.save_channel(app, key, seen.as_ref(), &saved).await {
            Ok(()) => return Ok(changed(succession, seen.as_ref(), before, old)),
            Err(error) => match error.retryable() {
                StoreRetry::ReadAgain => info!(app.id = %app, tab = %key.tab, "others save the same channel"),
                StoreRetry::No | StoreRetry::Later => return Err(error.into()),
            },
        }
    }
    Err(StoreError::Contended { what: format!("{} of {app}", key.tab), tries: SAVE_TRIES_MAX }.into())
}

/// Deletes the settings of the account in use.
///
/// # Errors
/// [`Problem`]: no settings are saved.
pub(crate) async fn delete(call: &Call<'_>, app: &AppId, key: TabMode) -> Result<(), Problem> {
    let store = &call.deps.services.store;
    let seen = store.find_current_account(app, key).await?.filter(|seen| seen.settings.is_some());
    let seen = seen.ok_or_else(not_configured)?;
    let identity = identity_of(call, key.tab, &seen).map(|identity| identity.to_json()).unwrap_or_default();
    match store.delete_channel(app, key, &seen, &identity, call.now).await {
        Err(StoreError::Stale { .. }) => Err(Problem::conflict(Wrong::Contended)),
        deleted => Ok(deleted?),
    }
}

pub(crate) fn not_configured() -> Problem {
    Problem::not_found("channel configured for this app and mode")
}

fn identity(call: &Call<'_>, tab: Tab, settings: &Map<String, Value>) -> Identity {
    call.deps.services.apps.identity(tab, settings)
}

/// Who the account in use is at its provider. `None` if an older version deleted its settings. It is then unknown, and new settings count
/// as the same account's.
pub(crate) fn identity_of(call: &Call<'_>, tab: Tab, seen: &CurrentAccount) -> Option<Identity> {
    match &seen.settings {
        Some(settings) => parse(settings).map(|settings| identity(call, tab, &settings)),
        None => seen.identity.as_deref().and_then(Identity::from_json),
    }
}

fn parse(settings: &Secret<String>) -> Option<Map<String, Value>> {
    serde_json::from_str(settings.expose()).ok()
}

fn succession(
    call: &Call<'_>,
    tab: Tab,
    settings: &Map<String, Value>,
    seen: Option<&CurrentAccount>,
    before: Option<&Identity>,
    old: &[OldAccount],
) -> Result<Succession, Problem> {
    let new = identity(call, tab, settings);
    let current = seen.map(|seen| KnownAccount {
        number: seen.number,
        sameness: before.map_or(Sameness::Same, |before| before.compare(&new)),
    });
    let known = old.iter().map(|old| {
        let identity = Identity::from_json(&old.identity);
        let sameness = identity.map_or(Sameness::Other, |identity| identity.compare(&new));
        KnownAccount { number: old.number, sameness }
    });
    let highest = old.iter().map(|old| old.number).chain(seen.map(|seen| seen.highest)).max();
    succeed(current, known, highest.unwrap_or(AccountNumber::FIRST))
        .ok_or_else(|| Problem::conflict(Wrong::TooManyAccounts))
}

/// The part of the earlier settings that verifies notifies in the earlier form. It is needed if the same account now uses another protocol.
fn former(
    tab: Tab,
    seen: Option<&CurrentAccount>,
    settings: &Map<String, Value>,
    succession: Succession,
) -> Option<Secret<String>> {
    let Succession::Same(_) = succession else { return None };
    let before = parse(seen?.settings.as_ref()?)?;
    former_form(tab, &before, settings).map(|former| Secret::new(Value::Object(former).to_string()))
}

fn changed(
    succession: Succession,
    seen: Option<&CurrentAccount>,
    before: Option<Identity>,
    old: Vec<OldAccount>,
) -> Option<Changed> {
    let number = match succession {
        Succession::Same(_) => return None,
        Succession::New(number) | Succession::Returning(number) => number,
    };
    let mut known: Vec<(AccountNumber, Identity)> = old
        .into_iter()
        .filter(|old| old.number != number)
        .filter_map(|old| Some((old.number, Identity::from_json(&old.identity)?)))
        .collect();
    known.extend(seen.map(|seen| seen.number).zip(before));
    known.sort_by_key(|(number, _)| *number);
    let previous = known.iter().map(|(number, identity)| Value::Object(named(*number, identity))).collect();
    Some(Changed { number, previous })
}

/// An account as an answer names it: its number, and what its provider knows it by.
fn named(number: AccountNumber, identity: &Identity) -> Map<String, Value> {
    let names = identity.names().map(|(name, text)| (name.to_owned(), json!(text)));
    std::iter::once(("account".to_owned(), json!(number.get()))).chain(names).collect()
}
