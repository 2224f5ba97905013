//! Operators of the console. Owners make, list and change them.

use domain::{AppId, Operator, OperatorName, OperatorRole, Reach};
use http::StatusCode;
use runtime::{Reply, json};
use serde_json::{Map, Value, json};
use store::{OperatorChange, SignInTry, StoreError};
use tracing::info;

use super::{
    call::Call,
    doorman::{By, Guess},
    password,
    problem::Problem,
    wrong::Wrong,
};

/// `POST /operators {"name","role","password","apps"?}`
pub(crate) async fn create(call: &Call<'_>) -> Result<Reply, Problem> {
    let body = call.object()?;
    let name = OperatorName::parse(text(&body, "name").unwrap_or_default());
    let name = name.ok_or_else(|| Problem::field("name", Wrong::OperatorName { expected: OperatorName::EXPECTED }))?;
    let role = read_role(&body)?.ok_or_else(wrong_role)?;
    let reach = read_reach(call, &body).await?.unwrap_or(Reach::Everything);
    check_reach(role, &reach)?;
    let password_hash = password::hash(text(&body, "password").unwrap_or_default(), &call.deps.services.random)?;
    let operator = Operator {
        name,
        role,
        password_hash,
        second_factor: None,
        reach,
        enabled: true,
        epoch: 1,
        created_at: call.now,
    };
    match call.deps.services.store.create_operator(&operator).await {
        Ok(()) => {}
        Err(StoreError::Stale { .. }) => return Err(Problem::conflict_at("name", Wrong::Taken)),
        Err(error) => return Err(error.into()),
    }
    info!(operator.name = %operator.name, "made operator {}", operator.name);
    Ok(json(StatusCode::CREATED, &show(&operator)))
}

/// `GET /operators`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let operators = call.deps.services.store.list_operators().await?;
    let items: Vec<Value> = operators.iter().map(show).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items })))
}

/// `PATCH /operators/{name} {"role"?,"password"?,"state"?,"apps"?,"presentPassword"?}`. Every change ends the operator's sessions.
pub(crate) async fn change(call: &Call<'_>, name: OperatorName) -> Result<Reply, Problem> {
    let body = call.object()?;
    let role = read_role(&body)?;
    let enabled = match text(&body, "state") {
        None if body.get("state").is_none() => None,
        Some("enabled") => Some(true),
        Some("disabled") => Some(false),
        _ => return Err(Problem::field("state", Wrong::State)),
    };
    // An operator cannot lock out their own account.
    let is_self = call.who.operator.as_ref() == Some(&name);
    if is_self && (enabled == Some(false) || role.is_some_and(|role| role != call.who.role)) {
        return Err(Problem::field("role", Wrong::OwnRole));
    }
    let reach = read_reach(call, &body).await?;
    let present = call.deps.services.store.find_operator(&name).await?.ok_or_else(|| Problem::not_found("operator"))?;
    check_reach(role.unwrap_or(present.role), reach.as_ref().unwrap_or(&present.reach))?;
    if is_self && body.contains_key("password") {
        prove(call, &name, &body).await?;
    }
    let password_hash = match body.get("password") {
        None => None,
        Some(_) => Some(password::hash(text(&body, "password").unwrap_or_default(), &call.deps.services.random)?),
    };
    let changed = call.deps.services.store.change_operator(&name, |before| Operator {
        role: role.unwrap_or(before.role),
        reach: reach.clone().unwrap_or(before.reach),
        enabled: enabled.unwrap_or(before.enabled),
        password_hash: password_hash.clone().unwrap_or(before.password_hash),
        epoch: before.epoch.saturating_add(1),
        ..before
    });
    match changed.await {
        Ok(OperatorChange { after, .. }) => {
            info!(operator.name = %name, "changed operator {name}");
            Ok(json(StatusCode::OK, &show(&after)))
        }
        Err(StoreError::Stale { .. }) => Err(Problem::not_found("operator")),
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /operators/{name}/sessions`: ends every session of the operator, in every browser.
pub(crate) async fn end_sessions(call: &Call<'_>, name: OperatorName) -> Result<Reply, Problem> {
    let changed = call
        .deps
        .services
        .store
        .change_operator(&name, |before| Operator { epoch: before.epoch.saturating_add(1), ..before });
    match changed.await {
        Ok(_) => {
            info!(operator.name = %name, "ended the sessions of operator {name}");
            let mut reply = Reply::default();
            *reply.status_mut() = StatusCode::NO_CONTENT;
            Ok(reply)
        }
        Err(StoreError::Stale { .. }) => Err(Problem::not_found("operator")),
        Err(error) => Err(error.into()),
    }
}

/// Checks the operator's present password before they change their own password or second factor. An open browser alone must not be enough.
/// Wrong tries are slowed down as at sign-in.
pub(crate) async fn prove(call: &Call<'_>, name: &OperatorName, body: &Map<String, Value>) -> Result<(), Problem> {
    let guess = Guess { deps: call.deps, now: call.now, name: name.as_str(), by: By::Oneself };
    if let SignInTry::Wait(until) = guess.begin().await? {
        let seconds = until.distance(call.now).as_millis().div_ceil(1000).to_string();
        return Err(Problem::field("presentPassword", Wrong::TooManyTries { seconds }));
    }
    let operator = call.deps.services.store.find_operator(name).await?.ok_or_else(|| Problem::not_found("operator"))?;
    if !password::verify(text(body, "presentPassword").unwrap_or_default(), Some(&operator.password_hash)) {
        return Err(Problem::field("presentPassword", Wrong::PresentPassword));
    }
    Ok(guess.was_right().await?)
}

pub(crate) fn show(operator: &Operator) -> Value {
    json!({
        "name": operator.name.as_str(),
        "role": operator.role.name(),
        "state": if operator.enabled { "enabled" } else { "disabled" },
        "secondFactor": if operator.second_factor.is_some() { "on" } else { "off" },
        "apps": match &operator.reach {
            Reach::Everything => Value::Null,
            Reach::Apps(apps) => apps.iter().map(AppId::as_str).collect(),
        },
        "createdTime": operator.created_at.ms(),
    })
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn read_role(body: &Map<String, Value>) -> Result<Option<OperatorRole>, Problem> {
    let Some(value) = body.get("role") else { return Ok(None) };
    value.as_str().and_then(OperatorRole::find).map(Some).ok_or_else(wrong_role)
}

/// `apps`: `null` for all apps, or a list of ids of existing apps.
async fn read_reach(call: &Call<'_>, body: &Map<String, Value>) -> Result<Option<Reach>, Problem> {
    let wrong = || Problem::field("apps", Wrong::Apps { apps_max: Reach::APPS_MAX });
    let apps = match body.get("apps") {
        None => return Ok(None),
        Some(Value::Null) => return Ok(Some(Reach::Everything)),
        Some(value) => value.as_array().ok_or_else(wrong)?,
    };
    let mut ids = Vec::new();
    for app in apps.iter().take(Reach::APPS_MAX + 1) {
        let id = app.as_str().ok_or_else(wrong)?;
        let unknown = || Problem::field("apps", Wrong::NoApp { id: id.chars().take(40).collect() });
        ids.push(AppId::parse(id).map_err(|_| unknown())?);
    }
    let reach = Reach::of(ids).ok_or_else(wrong)?;
    if let Reach::Apps(ids) = &reach {
        let found = call.deps.services.store.find_summaries(ids).await?;
        if let Some(unknown) = ids.iter().find(|id| found.iter().all(|app| app.id != **id)) {
            return Err(Problem::field("apps", Wrong::NoApp { id: unknown.to_string() }));
        }
    }
    Ok(Some(reach))
}

/// Owners make apps and operators, so a limit to some apps would have no effect for them.
fn check_reach(role: OperatorRole, reach: &Reach) -> Result<(), Problem> {
    match (role, reach) {
        (OperatorRole::Owner, Reach::Apps(_)) => Err(Problem::field("apps", Wrong::OwnerUnlimited)),
        _ => Ok(()),
    }
}

fn wrong_role() -> Problem {
    Problem::field("role", Wrong::Role)
}
