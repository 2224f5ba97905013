//! Operators of the console: made, listed and changed by owners.

use domain::{Operator, OperatorName, OperatorRole};
use http::StatusCode;
use runtime::{Reply, json};
use serde_json::{Map, Value, json};
use store::{SignInTry, StoreError};
use tracing::info;

use crate::{
    Call,
    doorman::{By, Guess},
    password,
    problem::Problem,
};

/// `POST /operators {"name","role","password"}`
pub(crate) async fn create(call: &Call<'_>) -> Result<Reply, Problem> {
    let body = call.object()?;
    let name = OperatorName::parse(text(&body, "name").unwrap_or_default());
    let name = name.ok_or_else(|| Problem::field("name", format!("must be {}", OperatorName::EXPECTED)))?;
    let role = read_role(&body)?.ok_or_else(wrong_role)?;
    let password_hash = password::hash(text(&body, "password").unwrap_or_default(), &call.deps.base.random)?;
    let operator = Operator { name, role, password_hash, enabled: true, epoch: 1, created_at: call.now };
    match call.deps.base.store.create_operator(&operator).await {
        Ok(()) => {}
        Err(StoreError::Stale { .. }) => return Err(Problem::conflict_at("name", "is taken")),
        Err(error) => return Err(error.into()),
    }
    info!(operator.name = %operator.name, "made operator {}", operator.name);
    Ok(json(StatusCode::CREATED, &show(&operator)))
}

/// `GET /operators`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let operators = call.deps.base.store.list_operators().await?;
    let items: Vec<Value> = operators.iter().map(show).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items })))
}

/// `PATCH /operators/{name} {"role"?,"password"?,"state"?,"presentPassword"?}`: whatever changes ends the operator's sessions.
pub(crate) async fn change(call: &Call<'_>, name: OperatorName) -> Result<Reply, Problem> {
    let body = call.object()?;
    let role = read_role(&body)?;
    let enabled = match text(&body, "state") {
        None if body.get("state").is_none() => None,
        Some("enabled") => Some(true),
        Some("disabled") => Some(false),
        _ => return Err(Problem::field("state", "must be enabled or disabled")),
    };
    // Nobody locks the last door behind them.
    let is_self = call.who.operator.as_ref() == Some(&name);
    if is_self && (enabled == Some(false) || role.is_some_and(|role| role != call.who.role)) {
        return Err(Problem::field("role", "cannot be taken away from oneself; another owner can"));
    }
    if is_self && body.contains_key("password") {
        prove(call, &name, &body).await?;
    }
    let password_hash = match body.get("password") {
        None => None,
        Some(_) => Some(password::hash(text(&body, "password").unwrap_or_default(), &call.deps.base.random)?),
    };
    let changed = call.deps.base.store.change_operator(&name, |before| Operator {
        role: role.unwrap_or(before.role),
        enabled: enabled.unwrap_or(before.enabled),
        password_hash: password_hash.clone().unwrap_or(before.password_hash),
        epoch: before.epoch.saturating_add(1),
        ..before
    });
    match changed.await {
        Ok((_, after)) => {
            info!(operator.name = %name, "changed operator {name}");
            Ok(json(StatusCode::OK, &show(&after)))
        }
        Err(StoreError::Stale { .. }) => Err(Problem::not_found("operator")),
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /operators/{name}/sessions`: every session of the operator is over, in whatever browser a copy of it is.
pub(crate) async fn end_sessions(call: &Call<'_>, name: OperatorName) -> Result<Reply, Problem> {
    let changed = call
        .deps
        .base
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

/// Whoever changes something of their own that lets them in says the present password, and guesses at it as slowly as at the sign-in: a
/// browser left open is not an account given away.
async fn prove(call: &Call<'_>, name: &OperatorName, body: &Map<String, Value>) -> Result<(), Problem> {
    let guess = Guess { deps: call.deps, now: call.now, name: name.as_str(), by: By::Oneself };
    if let SignInTry::Wait(until) = guess.begin().await? {
        let seconds = until.distance(call.now).as_millis().div_ceil(1000);
        return Err(Problem::field("presentPassword", format!("too many tries; wait {seconds} seconds and try again")));
    }
    let operator = call.deps.base.store.find_operator(name).await?.ok_or_else(|| Problem::not_found("operator"))?;
    if !password::verify(text(body, "presentPassword").unwrap_or_default(), Some(&operator.password_hash)) {
        return Err(Problem::field("presentPassword", "is not the present password"));
    }
    Ok(guess.was_right().await?)
}

fn show(operator: &Operator) -> Value {
    json!({
        "name": operator.name.as_str(),
        "role": operator.role.name(),
        "state": if operator.enabled { "enabled" } else { "disabled" },
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

fn wrong_role() -> Problem {
    Problem::field("role", "must be viewer, operator or owner")
}
