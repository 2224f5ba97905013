//! Apps and their keys.

use std::time::Duration;

use domain::{
    App, AppId, Channel, ClientBounds, Fen, Key, KeyKind, KeySet, Mode, Reach, RotatingKey, Secret, SessionClaims,
    SessionRequest, SessionToken, Shards, Timestamp,
};
use http::StatusCode;
use runtime::{Random, RandomError, Reply, json, query_parameter};
use serde_json::{Map, Value, json};
use store::{AppChange, AppPage, KeyRotation, Store, StoreError};
use tracing::info;

use super::{call::Call, problem::Problem, wrong::Wrong};

const NAME_CHARS_MAX: usize = 64;

/// How long a replaced key stays valid by default: one day, to roll out the new key.
const GRACE_SECONDS_DEFAULT: u64 = 24 * 3600;
/// Thirty days.
const GRACE_SECONDS_MAX: u64 = 30 * 24 * 3600;

/// `POST /apps {"name"}`
pub(crate) async fn create(call: &Call<'_>) -> Result<Reply, Problem> {
    let name = read_name(&call.object()?)?;
    let random = &call.deps.services.random;
    let app = App {
        id: AppId::generate(call.now, random.bytes()?),
        name,
        created_at: call.now,
        live: new_keys(random)?,
        test: new_keys(random)?,
        refunds_duplicates: false,
        clients_name_prices: true,
        shards: Shards::default(),
        client_bounds: ClientBounds::default(),
        operator_refunds_per_day: None,
    };
    call.deps.services.store.create_app(&app).await?;
    info!(app.id = %app.id, "made app {}", app.id);
    let keys = |mode| {
        let keys = app.keys(mode);
        json!({ "clientKey": keys.client.current.expose(), "masterKey": keys.master.current.expose() })
    };
    let body =
        json!({ "appId": app.id.as_str(), "name": app.name, "live": keys(Mode::Live), "test": keys(Mode::Test) });
    Ok(json(StatusCode::CREATED, &body))
}

/// `GET /apps?cursor`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let cursor = query_parameter(call.request, "cursor");
    let after = cursor.map(|cursor| AppId::parse(&cursor)).transpose();
    let after = after.map_err(|_| Problem::field("cursor", Wrong::Cursor))?;
    let AppPage { apps, next } = page(&call.deps.services.store, &call.who.reach, after.as_ref()).await?;
    let items: Vec<Value> = apps
        .iter()
        .map(|app| json!({ "appId": app.id.as_str(), "name": app.name, "createdTime": app.created_at.ms() }))
        .collect();
    Ok(json(StatusCode::OK, &json!({ "items": items, "cursor": next.map(|next| next.to_string()) })))
}

/// A page of the apps within a reach. If the reach is a list of single apps, all of them are on one page.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn page(store: &Store, reach: &Reach, after: Option<&AppId>) -> Result<AppPage, StoreError> {
    match reach {
        Reach::Everything => store.list_apps(after).await,
        Reach::Apps(apps) => {
            let is_left = |app: &&AppId| after.is_none_or(|after| app.as_str() > after.as_str());
            let left: Vec<AppId> = apps.iter().filter(is_left).cloned().collect();
            Ok(AppPage { apps: store.find_summaries(&left).await?, next: None })
        }
    }
}

/// `GET /apps/{appId}`
pub(crate) async fn show(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let found = call.load_app(&app).await?;
    let channels: Vec<Value> = found
        .channels
        .iter()
        .filter(|channel| channel.settings.is_some())
        .map(|channel| json!({ "tab": channel.tab.name(), "mode": channel.mode.name() }))
        .collect();
    let body = json!({
        "appId": app.as_str(),
        "name": found.app.name,
        "createdTime": found.app.created_at.ms(),
        "channels": channels,
        "webhooks": found.webhooks.len(),
        "refundDuplicates": found.app.refunds_duplicates,
        "clientsNamePrices": found.app.clients_name_prices,
        "shards": found.app.shards.count(),
        "hotChannels": found.app.shards.hot_channels().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "clientChargesPerMinute": found.app.client_bounds.charges_per_minute,
        "clientOpenBills": found.app.client_bounds.open_bills,
        "operatorRefundsPerDay": found.app.operator_refunds_per_day,
    });
    Ok(json(StatusCode::OK, &body))
}

/// `PATCH /apps/{appId} {"name"?,"refundDuplicates"?,"clientsNamePrices"?,"shards"?,"hotChannels"?,"clientChargesPerMinute"?,"clientOpenBills"?,
/// "operatorRefundsPerDay"?}`
pub(crate) async fn change(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let body = call.object()?;
    let refunds_duplicates = read_switch(&body, "refundDuplicates")?;
    let clients_name_prices = read_switch(&body, "clientsNamePrices")?;
    let is_respread = ["shards", "hotChannels"].iter().any(|name| body.contains_key(*name));
    let shards =
        if is_respread { Some(respread(call.load_app(&app).await?.app.shards, &body, call.now)?) } else { None };
    let charges_per_minute = read_bound(&body, "clientChargesPerMinute", ClientBounds::CHARGES_PER_MINUTE_MAX)?;
    let open_bills = read_bound(&body, "clientOpenBills", ClientBounds::OPEN_BILLS_MAX)?;
    let operator_refunds_per_day = read_refund_limit(&body)?;
    let is_bound = charges_per_minute.is_some() || open_bills.is_some() || operator_refunds_per_day.is_some();
    let name = match body.get("name") {
        None if refunds_duplicates.is_some() || clients_name_prices.is_some() || shards.is_some() || is_bound => None,
        Some(_) | None => Some(read_name(&body)?),
    };
    let change = AppChange {
        name,
        refunds_duplicates,
        clients_name_prices,
        shards,
        charges_per_minute,
        open_bills,
        operator_refunds_per_day,
    };
    match call.deps.services.store.change_app(&app, &change).await {
        Err(StoreError::Stale { .. }) if is_respread => Err(Problem::conflict_at("shards", Wrong::ChangedByOther)),
        changed => {
            changed?;
            show(call, app).await
        }
    }
}

/// A limit of the public keys. Absent: it stays as it is. `null`: it is removed.
fn read_bound(body: &Map<String, Value>, name: &'static str, max: u32) -> Result<Option<Option<u32>>, Problem> {
    let Some(value) = body.get(name) else { return Ok(None) };
    if value.is_null() {
        return Ok(Some(None));
    }
    let bound = value.as_u64().and_then(|bound| u32::try_from(bound).ok()).filter(|bound| (1..=max).contains(bound));
    let bound = bound.ok_or_else(|| Problem::field(name, Wrong::Bound { max: max.into(), found: value.to_string() }));
    bound.map(|bound| Some(Some(bound)))
}

/// The limit of operators, in fen. Absent: it stays as it is. `null`: it is removed.
fn read_refund_limit(body: &Map<String, Value>) -> Result<Option<Option<Fen>>, Problem> {
    const NAME: &str = "operatorRefundsPerDay";
    let Some(value) = body.get(NAME) else { return Ok(None) };
    if value.is_null() {
        return Ok(Some(None));
    }
    let limit = value.as_i64().and_then(|fen| Fen::new(fen).ok());
    let wrong = || Problem::field(NAME, Wrong::Bound { max: Fen::MAX, found: value.to_string() });
    Ok(Some(Some(limit.ok_or_else(wrong)?)))
}

fn read_switch(body: &Map<String, Value>, field: &'static str) -> Result<Option<bool>, Problem> {
    let read = |value: &Value| {
        value.as_bool().ok_or_else(|| Problem::field(field, Wrong::Switch { found: value.to_string() }))
    };
    body.get(field).map(read).transpose()
}

/// The shards as they are, and as the body changes them: their number, the channels that share them, or both.
fn respread(shards: Shards, body: &Map<String, Value>, now: Timestamp) -> Result<(Shards, Shards), Problem> {
    let hot = match body.get("hotChannels") {
        None => shards.hot_channels(),
        Some(value) => read_channels(value)
            .ok_or_else(|| Problem::field("hotChannels", Wrong::HotChannels { found: value.to_string() }))?,
    };
    let found = body.get("shards").cloned().unwrap_or_else(|| shards.count().into());
    let count = found.as_u64().and_then(|count| u8::try_from(count).ok());
    let changed = count.and_then(|count| shards.changed(count, &hot, now));
    let changed = changed.ok_or_else(|| {
        Problem::field("shards", Wrong::Integer { min: 1, max: Shards::MAX.into(), found: found.to_string() })
    })?;
    Ok((shards, changed))
}

fn read_channels(value: &Value) -> Option<Vec<Channel>> {
    value.as_array()?.iter().map(|name| Channel::find(name.as_str()?)).collect()
}

/// `POST /apps/{appId}/keys/rotate {"mode","key","graceSeconds"?}`
pub(crate) async fn rotate_key(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let body = call.object()?;
    let word = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
    let mode = Mode::find(word("mode")).ok_or_else(|| Problem::field("mode", Wrong::Mode))?;
    let kind = KeyKind::find(word("key")).ok_or_else(|| Problem::field("key", Wrong::KeyKind))?;
    let grace = read_grace(&body)?;
    let (name, next) = match kind {
        KeyKind::Client => ("clientKey", new_client_key(&call.deps.services.random)?),
        KeyKind::Master => ("masterKey", new_master_key(&call.deps.services.random)?),
    };
    call.deps.services.store.rotate_key(&app, &KeyRotation { mode, kind, next: &next, grace }, call.now).await?;
    info!(app.id = %app, mode = %mode, key = name, "rotated a key of app {app}");
    let body = json!({
        "appId": app.as_str(),
        "mode": mode.name(),
        name: next.expose(),
        "previousValidUntil": call.now.plus(grace).ms(),
    });
    Ok(json(StatusCode::OK, &body))
}

/// `POST /apps/{appId}/sessions {"mode","ttlSeconds","userId"?}`: a session token, like the one that the app's own server gets.
pub(crate) async fn create_session(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let mode = call.object()?.get("mode").and_then(Value::as_str).and_then(Mode::find);
    let mode = mode.ok_or_else(|| Problem::field("mode", Wrong::Mode))?;
    let request = SessionRequest::parse(call.request.body())?;
    let found = call.load_app(&app).await?;
    let expires_at = call.now.plus(request.ttl);
    let claims = SessionClaims { app, mode, expires_at, user: request.user };
    let token = SessionToken::issue(&claims, &found.app.keys(mode).master.current);
    Ok(json(StatusCode::CREATED, &json!({ "token": token.as_str(), "expiresAt": expires_at.ms() })))
}

/// `graceSeconds`: how much longer the replaced key or secret stays valid.
pub(crate) fn read_grace(body: &Map<String, Value>) -> Result<Duration, Problem> {
    let seconds = match body.get("graceSeconds") {
        None => GRACE_SECONDS_DEFAULT,
        Some(value) => value.as_u64().filter(|seconds| *seconds <= GRACE_SECONDS_MAX).ok_or_else(|| {
            let max = i64::try_from(GRACE_SECONDS_MAX).unwrap_or(i64::MAX);
            Problem::field("graceSeconds", Wrong::Integer { min: 0, max, found: value.to_string() })
        })?,
    };
    Ok(Duration::from_secs(seconds))
}

fn read_name(body: &Map<String, Value>) -> Result<String, Problem> {
    let name = body.get("name").and_then(Value::as_str).map(str::trim).unwrap_or_default();
    let fits = !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(char::is_control);
    fits.then(|| name.to_owned()).ok_or_else(|| Problem::field("name", Wrong::Name { chars_max: NAME_CHARS_MAX }))
}

fn new_keys(random: &Random) -> Result<KeySet, RandomError> {
    Ok(KeySet { client: RotatingKey::new(new_client_key(random)?), master: RotatingKey::new(new_master_key(random)?) })
}

/// 24 characters. The key is public, and only has to be hard to guess.
fn new_client_key(random: &Random) -> Result<Key, RandomError> {
    random.text::<18>().map(Secret::new)
}

/// 43 characters: 256 bits.
fn new_master_key(random: &Random) -> Result<Key, RandomError> {
    random.text::<32>().map(Secret::new)
}
