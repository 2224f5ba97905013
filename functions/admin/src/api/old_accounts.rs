//! `/apps/{appId}/channels/{tab}/accounts`: what is still open on the earlier accounts of a channel, and how an account is retired.
//!
//! The open bills and refunds of an account are not counted as they change, because that would cost every payment a write. They are
//! searched when somebody asks, within limits.

use std::{collections::HashMap, time::Duration};

use domain::{
    AccountNumber, AppId, Channel, FORMER_FORM_READ, Mode, RecordsFilter, RecordsOrder, RecordsRequest, Status, Tab,
    TabMode, TimeSpan, Timestamp,
};
use futures_util::future::try_join_all;
use http::StatusCode;
use providers::Identity;
use runtime::{Reply, json, query_parameter};
use serde_json::{Map, Value, json};
use store::{BooksRange, CurrentAccount, OldAccount, RecordList, RecordsQuery, StoreError, StoredApp};
use tracing::info;

use super::{accounts, call::Call, problem::Problem, wrong::Wrong};

/// The longest `billTimeout`, and one more day until the last of these bills is closed.
const OPEN_AT_MOST: Duration = Duration::from_secs(16 * 24 * 3600);

/// Open bills are counted in at most this many pages of a thousand.
const OPEN_PAGES_MAX: usize = 20;

/// At most this many pending refunds are looked up.
const REFUNDS_MAX: usize = 200;

/// How many lookups run at once.
const AT_ONCE: usize = 16;

/// How long a warm function may still charge on an account that was replaced.
const CHARGED_ON: Duration = Duration::from_secs(60);

/// What is still open on the accounts of a channel.
#[derive(Debug, Default)]
struct OpenBusiness {
    open: HashMap<AccountNumber, i64>,
    refunds: HashMap<AccountNumber, i64>,
    /// Whether the search stopped at its limit, so that there may be more.
    is_cut: bool,
}

/// One channel of an app.
struct TabOfApp<'a> {
    found: &'a StoredApp,
    tab: Tab,
    mode: Mode,
}

impl TabOfApp<'_> {
    fn channels(&self) -> Vec<Channel> {
        self.tab.channels().collect()
    }
}

/// `GET /apps/{appId}/channels/{tab}/accounts?mode=`: the one in use first.
pub(crate) async fn list(call: &Call<'_>, app: AppId, tab: Tab) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    let found = call.load_app(&app).await?;
    let whose = TabOfApp { found: &found, tab, mode };
    let settings = TabMode { tab, mode };
    let store = &call.deps.services.store;
    let current = store.find_current_account(&app, settings).await?.ok_or_else(accounts::not_configured)?;
    let mut old = store.old_accounts(&app, Some(settings)).await?;
    old.sort_by_key(|old| std::cmp::Reverse(old.replaced_at));
    let mut items = vec![show_current(call, &whose, &current).await?];
    if !old.is_empty() {
        let business = look_for(call, &whose).await?;
        for one in &old {
            items.push(show_old(call, &whose, one, &business).await?);
        }
    }
    Ok(json(StatusCode::OK, &json!({ "items": items })))
}

/// `DELETE /apps/{appId}/channels/{tab}/accounts/{account}?mode=&force=`: forgets the keys of an earlier account. If something is still
/// open on it, this takes `force=true`. For the account in use, it forgets only the former settings that read notifies of its earlier
/// protocol.
pub(crate) async fn retire(call: &Call<'_>, app: AppId, tab: Tab, number: AccountNumber) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    let found = call.load_app(&app).await?;
    let settings = TabMode { tab, mode };
    let store = &call.deps.services.store;
    let current = store.find_current_account(&app, settings).await?.ok_or_else(accounts::not_configured)?;
    if current.number == number {
        return match store.forget_former_form(&app, settings, number).await {
            Err(StoreError::Stale { .. }) => Err(Problem::conflict(Wrong::AccountInUse)),
            forgotten => {
                forgotten?;
                Ok(no_content())
            }
        };
    }
    let old = store.find_old_account(&app, settings, number).await?;
    if old.is_none_or(|old| old.settings.is_none()) {
        return Err(Problem::not_found("account that can be retired"));
    }
    if query_parameter(call.request, "force").as_deref() != Some("true") {
        let business = look_for(call, &TabOfApp { found: &found, tab, mode }).await?;
        let count = |of: &HashMap<AccountNumber, i64>| of.get(&number).copied().unwrap_or_default();
        let (open, refunds) = (count(&business.open), count(&business.refunds));
        if (open, refunds, business.is_cut) != (0, 0, false) {
            return Err(Problem::conflict(Wrong::AccountHasBusiness { open, refunds }));
        }
    }
    store.retire_account(&app, settings, number, call.now).await?;
    info!(app.id = %app, tab = %tab, mode = %mode, "retired account {number} of {tab}");
    Ok(no_content())
}

fn no_content() -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}

async fn show_current(call: &Call<'_>, whose: &TabOfApp<'_>, current: &CurrentAccount) -> Result<Value, Problem> {
    let (app, settings) = (&whose.found.app.id, TabMode { tab: whose.tab, mode: whose.mode });
    let identity = accounts::identity_of(call, whose.tab, current);
    let mut shown = begin(current.number, identity.as_ref());
    let state = if current.settings.is_some() { "current" } else { "deleted" };
    shown.insert("state".to_owned(), state.into());
    let former = call.deps.services.store.find_former_form(app, settings, current.number).await?;
    let until = former.map(|former| former.changed_at.plus(FORMER_FORM_READ)).filter(|until| *until > call.now);
    if let Some(until) = until {
        shown.insert("formerProtocolUntil".to_owned(), until.ms().into());
    }
    Ok(Value::Object(shown))
}

async fn show_old(
    call: &Call<'_>,
    whose: &TabOfApp<'_>,
    old: &OldAccount,
    business: &OpenBusiness,
) -> Result<Value, Problem> {
    let mut shown = begin(old.number, Identity::from_json(&old.identity).as_ref());
    let count = |of: &HashMap<AccountNumber, i64>| json!(of.get(&old.number).copied().unwrap_or_default());
    let state = if old.settings.is_some() { "kept" } else { "retired" };
    shown.insert("state".to_owned(), state.into());
    shown.insert("replacedTime".to_owned(), old.replaced_at.ms().into());
    shown.insert("keptUntil".to_owned(), old.replaced_at.plus(AccountNumber::KEPT).ms().into());
    shown.insert("openBills".to_owned(), count(&business.open));
    shown.insert("pendingRefunds".to_owned(), count(&business.refunds));
    shown.insert("complete".to_owned(), json!(!business.is_cut));
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

/// When the account's newest transaction was charged. Only the last hundred transactions before its replacement are searched.
async fn last_use(call: &Call<'_>, whose: &TabOfApp<'_>, old: &OldAccount) -> Result<Option<Timestamp>, Problem> {
    let end = Some(old.replaced_at.plus(CHARGED_ON));
    let filter = RecordsFilter { end, ..RecordsFilter::default() };
    let limit = RecordsRequest::LIMIT_MAX;
    let request = RecordsRequest { filter, order: RecordsOrder::NewestFirst, skip: 0, limit };
    let query = RecordsQuery { app: &whose.found.app, mode: whose.mode, channels: whose.channels(), request: &request };
    let records = call.deps.services.store.records(&query).await?;
    Ok(records.iter().find(|record| record.account == old.number).map(|record| record.created_at))
}

async fn look_for(call: &Call<'_>, whose: &TabOfApp<'_>) -> Result<OpenBusiness, Problem> {
    let mut business = OpenBusiness::default();
    count_open(call, whose, &mut business).await?;
    count_refunds(call, whose, &mut business).await?;
    Ok(business)
}

async fn count_open(call: &Call<'_>, whose: &TabOfApp<'_>, business: &mut OpenBusiness) -> Result<(), StoreError> {
    let app = &whose.found.app;
    let range = BooksRange::new(TimeSpan { start: call.now.minus(OPEN_AT_MOST), end: call.now });
    let mut pages_left = OPEN_PAGES_MAX;
    for channel in whose.channels() {
        for shard in app.shards.of_channel(channel) {
            let list = RecordList { app: &app.id, mode: whose.mode, channel, status: Status::Created, shard };
            let mut from = None;
            loop {
                if pages_left == 0 {
                    business.is_cut = true;
                    return Ok(());
                }
                pages_left -= 1;
                let page = call.deps.services.store.books(&list, &range, from).await?;
                for record in page.items {
                    *business.open.entry(record.account).or_default() += 1;
                }
                let Some(next) = page.next else { break };
                from = Some(next);
            }
        }
    }
    Ok(())
}

async fn count_refunds(call: &Call<'_>, whose: &TabOfApp<'_>, business: &mut OpenBusiness) -> Result<(), StoreError> {
    let (store, app, mode) = (&call.deps.services.store, &whose.found.app.id, whose.mode);
    let pending = store.pending_refunds(app, mode).await?;
    business.is_cut |= !pending.is_whole || pending.found.len() > REFUNDS_MAX;
    let looked_at = pending.found.get(..REFUNDS_MAX).unwrap_or(&pending.found);
    for some in looked_at.chunks(AT_ONCE) {
        let accounts = some.iter().map(async |key| {
            let Some(refund) = store.find_refund(app, mode, &key.bill, &key.num).await? else { return Ok(None) };
            if refund.key.channel.tab() != whose.tab {
                return Ok(None);
            }
            let payment = store.find_transaction(&refund.key).await?;
            Ok::<_, StoreError>(payment.map(|payment| payment.account))
        });
        for account in try_join_all(accounts).await?.into_iter().flatten() {
            *business.refunds.entry(account).or_default() += 1;
        }
    }
    Ok(())
}
