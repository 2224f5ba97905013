//! `/apps/{appId}/channels/{tab}/accounts`: what still hangs on the accounts that a channel had before, and their end.
//!
//! Nothing counts what hangs on an account, because that would cost every payment a write. It is looked for when somebody asks, within bounds.

use std::{collections::HashMap, ops::Bound, time::Duration};

use domain::{
    AccountNumber, AppId, Channel, FORMER_FORM_READ, Mode, RecordsFilter, RecordsOrder, RecordsRequest, Status, Tab,
    Timestamp,
};
use futures_util::future::try_join_all;
use http::StatusCode;
use providers::Identity;
use runtime::{Reply, json, query_parameter};
use serde_json::{Map, Value, json};
use store::{BooksRange, CurrentAccount, OldAccount, RecordsQuery, Shelf, StoreError, StoredApp};
use tracing::info;

use super::{accounts, call::Call, problem::Problem, wrong::Wrong};

/// The longest `billTimeout`, and a day until the last of them is closed.
const OPEN_AT_MOST: Duration = Duration::from_secs(16 * 24 * 3600);

/// Open bills are counted up to so many pages of a thousand.
const OPEN_PAGES_MAX: usize = 20;

/// Pending refunds are looked up to this number.
const REFUNDS_MAX: usize = 200;

/// Looked up at once.
const AT_ONCE: usize = 16;

/// For so long a warm function goes on charging on an account that was replaced.
const CHARGED_ON: Duration = Duration::from_secs(60);

/// What hangs on the accounts of a channel.
#[derive(Debug, Default)]
struct Hanging {
    open: HashMap<AccountNumber, i64>,
    refunds: HashMap<AccountNumber, i64>,
    /// Whether there was more than was looked at.
    is_cut: bool,
}

/// One channel of an app.
struct Whose<'a> {
    found: &'a StoredApp,
    tab: Tab,
    mode: Mode,
}

impl Whose<'_> {
    fn channels(&self) -> Vec<Channel> {
        self.tab.channels().collect()
    }
}

/// `GET /apps/{appId}/channels/{tab}/accounts?mode=`: the one in use first.
pub(crate) async fn list(call: &Call<'_>, app: AppId, tab: Tab) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    let found = call.load_app(&app).await?;
    let whose = Whose { found: &found, tab, mode };
    let store = &call.deps.base.store;
    let current = store.find_current_account(&app, (tab, mode)).await?.ok_or_else(accounts::not_configured)?;
    let mut old = store.old_accounts(&app, Some((tab, mode))).await?;
    old.sort_by_key(|old| std::cmp::Reverse(old.replaced_at));
    let mut items = vec![show_current(call, &whose, &current).await?];
    if !old.is_empty() {
        let hanging = look_for(call, &whose).await?;
        for one in &old {
            items.push(show_old(call, &whose, one, &hanging).await?);
        }
    }
    Ok(json(StatusCode::OK, &json!({ "items": items })))
}

/// `DELETE /apps/{appId}/channels/{tab}/accounts/{account}?mode=&force=`: its keys are forgotten. While something hangs on it that takes
/// `force=true`. Of the account in use it is the form before that is forgotten.
pub(crate) async fn retire(call: &Call<'_>, app: AppId, tab: Tab, number: AccountNumber) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    let found = call.load_app(&app).await?;
    let store = &call.deps.base.store;
    let current = store.find_current_account(&app, (tab, mode)).await?.ok_or_else(accounts::not_configured)?;
    if current.number == number {
        return match store.forget_former_form(&app, (tab, mode), number).await {
            Err(StoreError::Stale { .. }) => Err(Problem::conflict(Wrong::AccountInUse)),
            forgotten => Ok(no_content(forgotten?)),
        };
    }
    let old = store.find_old_account(&app, (tab, mode), number).await?;
    if old.is_none_or(|old| old.settings.is_none()) {
        return Err(Problem::not_found("account that can be retired"));
    }
    if query_parameter(call.request, "force").as_deref() != Some("true") {
        let hanging = look_for(call, &Whose { found: &found, tab, mode }).await?;
        let count = |of: &HashMap<AccountNumber, i64>| of.get(&number).copied().unwrap_or_default();
        let (open, refunds) = (count(&hanging.open), count(&hanging.refunds));
        if (open, refunds, hanging.is_cut) != (0, 0, false) {
            return Err(Problem::conflict(Wrong::AccountHasBusiness { open, refunds }));
        }
    }
    store.retire_account(&app, (tab, mode), number, call.now).await?;
    info!(app.id = %app, tab = %tab, mode = %mode, "retired account {number} of {tab}");
    Ok(no_content(()))
}

fn no_content((): ()) -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}

async fn show_current(call: &Call<'_>, whose: &Whose<'_>, current: &CurrentAccount) -> Result<Value, Problem> {
    let (app, channel) = (&whose.found.app.id, (whose.tab, whose.mode));
    let identity = accounts::identity_of(call, whose.tab, current);
    let mut shown = begin(current.number, identity.as_ref());
    let state = if current.settings.is_some() { "current" } else { "deleted" };
    shown.insert("state".to_owned(), state.into());
    let former = call.deps.base.store.find_former_form(app, channel, current.number).await?;
    let until = former.map(|former| former.changed_at.plus(FORMER_FORM_READ)).filter(|until| *until > call.now);
    if let Some(until) = until {
        shown.insert("formerProtocolUntil".to_owned(), until.ms().into());
    }
    Ok(Value::Object(shown))
}

async fn show_old(call: &Call<'_>, whose: &Whose<'_>, old: &OldAccount, hanging: &Hanging) -> Result<Value, Problem> {
    let mut shown = begin(old.number, Identity::from_json(&old.identity).as_ref());
    let count = |of: &HashMap<AccountNumber, i64>| json!(of.get(&old.number).copied().unwrap_or_default());
    let state = if old.settings.is_some() { "kept" } else { "retired" };
    shown.insert("state".to_owned(), state.into());
    shown.insert("replacedTime".to_owned(), old.replaced_at.ms().into());
    shown.insert("keptUntil".to_owned(), old.replaced_at.plus(AccountNumber::KEPT).ms().into());
    shown.insert("openBills".to_owned(), count(&hanging.open));
    shown.insert("pendingRefunds".to_owned(), count(&hanging.refunds));
    shown.insert("complete".to_owned(), json!(!hanging.is_cut));
    if let Some(used_at) = last_use(call, whose, old).await? {
        shown.insert("lastUsedTime".to_owned(), used_at.ms().into());
    }
    Ok(Value::Object(shown))
}

fn begin(number: AccountNumber, identity: Option<&Identity>) -> Map<String, Value> {
    let mut shown =
        Map::from_iter([("id".to_owned(), json!(number.to_string())), ("account".to_owned(), json!(number.get()))]);
    let names = identity.into_iter().flat_map(Identity::names);
    shown.extend(names.map(|(name, text)| (name.to_owned(), json!(text))));
    shown
}

/// When the newest try was charged on it, as far as the last hundred before it was replaced tell.
async fn last_use(call: &Call<'_>, whose: &Whose<'_>, old: &OldAccount) -> Result<Option<Timestamp>, Problem> {
    let end = Some(old.replaced_at.plus(CHARGED_ON));
    let filter = RecordsFilter { end, ..RecordsFilter::default() };
    let limit = RecordsRequest::LIMIT_MAX;
    let request = RecordsRequest { filter, order: RecordsOrder::NewestFirst, skip: 0, limit };
    let query = RecordsQuery { app: &whose.found.app, mode: whose.mode, channels: whose.channels(), request: &request };
    let records = call.deps.base.store.records(&query).await?;
    Ok(records.iter().find(|record| record.account == old.number).map(|record| record.created_at))
}

async fn look_for(call: &Call<'_>, whose: &Whose<'_>) -> Result<Hanging, Problem> {
    let mut hanging = Hanging::default();
    count_open(call, whose, &mut hanging).await?;
    count_refunds(call, whose, &mut hanging).await?;
    Ok(hanging)
}

async fn count_open(call: &Call<'_>, whose: &Whose<'_>, hanging: &mut Hanging) -> Result<(), StoreError> {
    let app = &whose.found.app;
    let range = BooksRange::new((call.now.minus(OPEN_AT_MOST), call.now), (Bound::Unbounded, Bound::Unbounded));
    let mut pages_left = OPEN_PAGES_MAX;
    for channel in whose.channels() {
        for shard in app.shards.all() {
            let shelf = Shelf { app: &app.id, mode: whose.mode, channel, status: Status::Created, shard };
            let mut from = None;
            loop {
                if pages_left == 0 {
                    hanging.is_cut = true;
                    return Ok(());
                }
                pages_left -= 1;
                let (records, next) = call.deps.base.store.books(&shelf, &range, from).await?;
                for record in records {
                    *hanging.open.entry(record.account).or_default() += 1;
                }
                let Some(next) = next else { break };
                from = Some(next);
            }
        }
    }
    Ok(())
}

async fn count_refunds(call: &Call<'_>, whose: &Whose<'_>, hanging: &mut Hanging) -> Result<(), StoreError> {
    let (store, app, mode) = (&call.deps.base.store, &whose.found.app.id, whose.mode);
    let pending = store.pending_refunds(app, mode).await?;
    hanging.is_cut |= !pending.is_whole || pending.found.len() > REFUNDS_MAX;
    let looked_at = pending.found.get(..REFUNDS_MAX).unwrap_or(&pending.found);
    for some in looked_at.chunks(AT_ONCE) {
        let accounts = some.iter().map(async |key| {
            let Some(refund) = store.find_refund((app, mode, &key.bill), &key.num).await? else { return Ok(None) };
            if refund.key.channel.tab() != whose.tab {
                return Ok(None);
            }
            let payment = store.find_transaction(&refund.key).await?;
            Ok::<_, StoreError>(payment.map(|payment| payment.account))
        });
        for account in try_join_all(accounts).await?.into_iter().flatten() {
            *hanging.refunds.entry(account).or_default() += 1;
        }
    }
    Ok(())
}
