//! Channel settings. They are checked when they are saved, stored sealed, and shown with every secret masked.

use domain::{AppId, Mode, Tab, TabMode};
use http::StatusCode;
use providers::{MASK, addresses_of, mask, opened_by};
use runtime::{Reply, json};
use serde_json::{Map, Value};
use store::StoredApp;
use tracing::info;

use super::{accounts, call::Call, check, destination::Destination, problem::Problem, wrong::Wrong};

/// `PUT /apps/{appId}/channels/{tab}?mode=`. A field that still contains the mask keeps the value that was saved for this gateway. WeChat is
/// asked about an app secret. If the settings are of another account than the one in use, the answer says so.
pub(crate) async fn put(call: &Call<'_>, app: AppId, tab: Tab) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    let settings = read_settings(call, &app, tab).await?;
    let account = call.deps.services.apps.open_account(tab, &settings)?;
    check::app_secret(call, &settings, tab, &account).await?;
    let mut shown = mask(tab, &settings);
    if let Some(changed) = accounts::save(call, &app, TabMode { tab, mode }, &settings).await? {
        info!(app.id = %app, tab = %tab, mode = %mode, "the {mode} settings of {tab} are of another account");
        changed.tell(&mut shown);
    }
    info!(app.id = %app, tab = %tab, mode = %mode, "saved the {mode} settings of {tab}");
    Ok(json(StatusCode::OK, &shown))
}

/// The settings in the body. Each mask is replaced by the saved value.
pub(crate) async fn read_settings(call: &Call<'_>, app: &AppId, tab: Tab) -> Result<Map<String, Value>, Problem> {
    let mode = call.mode()?;
    let mut settings = call.object()?;
    unmask(tab, &mut settings, find_settings(&call.load_app(app).await?, tab, mode))?;
    for (field, address) in addresses_of(tab, &settings) {
        let judged = call.deps.services.config.targets.judge_url(&address);
        judged.map_err(|forbidden| Problem::field(field, Wrong::from(forbidden)))?;
    }
    if mode == Mode::Live && settings.get("protocol").and_then(Value::as_str) == Some("simulator") {
        return Err(Problem::field("protocol", Wrong::SimulatorLive));
    }
    Ok(settings)
}

/// `GET /apps/{appId}/channels/{tab}?mode=`
pub(crate) async fn show(call: &Call<'_>, app: AppId, tab: Tab) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    let settings = find_settings(&call.load_app(&app).await?, tab, mode).ok_or_else(accounts::not_configured)?;
    Ok(json(StatusCode::OK, &mask(tab, &settings)))
}

/// `DELETE /apps/{appId}/channels/{tab}?mode=`
pub(crate) async fn delete(call: &Call<'_>, app: AppId, tab: Tab) -> Result<Reply, Problem> {
    let mode = call.mode()?;
    accounts::delete(call, &app, TabMode { tab, mode }).await?;
    info!(app.id = %app, tab = %tab, mode = %mode, "deleted the {mode} settings of {tab}");
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    Ok(reply)
}

fn find_settings(found: &StoredApp, tab: Tab, mode: Mode) -> Option<Map<String, Value>> {
    let channel = found.channels.iter().find(|channel| (channel.tab, channel.mode) == (tab, mode))?;
    serde_json::from_str(channel.settings.as_ref()?.expose()).ok()
}

/// Replaces each mask by the saved value, so that settings can be read, edited and saved. A key that was saved for one gateway never signs
/// for another: the other gateway could belong to a stranger, who would then get signatures that the merchant never intended.
fn unmask(tab: Tab, settings: &mut Map<String, Value>, saved: Option<Map<String, Value>>) -> Result<(), Problem> {
    let saved = saved.unwrap_or_default();
    let destinations = |settings: &Map<String, Value>| {
        addresses_of(tab, settings).iter().map(|(_, address)| Destination::of(address)).collect::<Vec<_>>()
    };
    let stays = saved.get("protocol") == settings.get("protocol") && destinations(&saved) == destinations(settings);
    let masked: Vec<String> =
        settings.iter().filter(|(_, value)| value.as_str() == Some(MASK)).map(|(field, _)| field.clone()).collect();
    for field in &masked {
        let before = saved.get(field).ok_or_else(|| Problem::field(field, Wrong::Masked))?;
        if !stays {
            return Err(Problem::field(field, Wrong::MaskedForGateway));
        }
        if opened_by(field).is_some_and(|file| settings.contains_key(file) && !masked.iter().any(|one| one == file)) {
            return Err(Problem::field(field, Wrong::MaskedForFile));
        }
        settings.insert(field.clone(), before.clone());
    }
    Ok(())
}
