//! The rules that owners set for every sign-in.

use http::StatusCode;
use runtime::{Reply, json};
use serde_json::{Value, json};
use store::SignInRules;
use tracing::info;

use super::{call::Call, problem::Problem, wrong::Wrong};

/// `GET /sign-in`
pub(crate) async fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    Ok(reply(call.deps.services.store.find_sign_in_rules().await?))
}

/// `PUT /sign-in {"secondFactor":"demanded"|"optional"}`
pub(crate) async fn change(call: &Call<'_>) -> Result<Reply, Problem> {
    let demands_second_factor = match call.object()?.get("secondFactor").and_then(Value::as_str) {
        Some("demanded") => true,
        Some("optional") => false,
        _ => return Err(Problem::field("secondFactor", Wrong::FactorRule)),
    };
    let mut rules = call.deps.services.store.find_sign_in_rules().await?;
    rules.demands_second_factor = demands_second_factor;
    call.deps.services.store.change_sign_in_rules(rules).await?;
    info!("changed the rules of the sign-in");
    Ok(reply(rules))
}

fn reply(rules: SignInRules) -> Reply {
    let word = if rules.demands_second_factor { "demanded" } else { "optional" };
    json(StatusCode::OK, &json!({ "secondFactor": word }))
}
