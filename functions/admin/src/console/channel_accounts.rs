//! The accounts of a channel on its page: what is still open on earlier accounts, and how they are retired.

use domain::{Tab, Timestamp};
use http::{Method, StatusCode};
use serde_json::Value;

use super::{Trouble, desk::Desk, texts};

/// Members of an account that are not names of the account at its provider.
const OTHER_MEMBERS: [&str; 10] = [
    "id",
    "account",
    "state",
    "replacedTime",
    "keptUntil",
    "openBills",
    "pendingRefunds",
    "complete",
    "lastUsedTime",
    "formerProtocolUntil",
];

/// An account as the list shows it.
pub(crate) struct AccountRow {
    pub(crate) number: String,
    pub(crate) names: String,
    pub(crate) state: &'static str,
    pub(crate) state_class: &'static str,
    /// What is still open on it, and when it was used.
    pub(crate) notes: Vec<String>,
    /// What retiring it would mean; `None` if there is nothing to retire.
    pub(crate) end: Option<End>,
}

pub(crate) struct End {
    pub(crate) button: &'static str,
    pub(crate) text: &'static str,
}

/// The accounts of a tab; empty if the tab never had more than one.
pub(crate) async fn rows(desk: &Desk<'_>, tab: Tab) -> Result<Vec<AccountRow>, Trouble> {
    let path = format!("/apps/{}/channels/{tab}/accounts?mode={}", desk.app()?.app.id, desk.mode);
    let listed = match desk.api(Method::GET, &path, &Value::Null).await {
        Ok(listed) => listed,
        Err(problem) if problem.status == StatusCode::NOT_FOUND => return Ok(Vec::new()),
        Err(problem) => return Err(problem.into()),
    };
    let items = listed.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<AccountRow> = items.iter().map(|item| row(desk, item)).collect();
    let is_plain = rows.len() < 2 && rows.iter().all(|row| row.end.is_none());
    Ok(if is_plain { Vec::new() } else { rows })
}

fn row(desk: &Desk<'_>, item: &Value) -> AccountRow {
    let t = desk.t();
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| item.get(name).and_then(Value::as_i64);
    let moment = |name: &str| number(name).map(|ms| desk.frame("").moment(Timestamp::clamped(ms)));
    let members = item.as_object().into_iter().flatten();
    let names: Vec<String> = members
        .filter(|(name, _)| !OTHER_MEMBERS.contains(&name.as_str()))
        .filter_map(|(name, value)| Some(format!("{name} {}", value.as_str()?)))
        .collect();
    let mut notes = Vec::new();
    if let Some((open, refunds)) = number("openBills").zip(number("pendingRefunds")) {
        notes.push(texts::fill(t.account_hanging, &[&open.to_string(), &refunds.to_string()]));
    }
    if item.get("complete").and_then(Value::as_bool) == Some(false) {
        notes.push(t.account_cut.to_owned());
    }
    let timed = [
        (t.account_last_use, "lastUsedTime"),
        (t.account_replaced, "replacedTime"),
        (t.account_kept_until, "keptUntil"),
        (t.account_former, "formerProtocolUntil"),
    ];
    notes.extend(timed.iter().filter_map(|(words, name)| Some(texts::fill(words, &[&moment(name)?]))));
    let (state, state_class) = match text("state") {
        "current" => (t.account_current, "success"),
        "kept" => (t.account_kept, "created"),
        "retired" => (t.account_retired, "closed"),
        _ => (t.account_deleted, "closed"),
    };
    let end = match text("state") {
        "kept" => Some(End { button: t.retire, text: t.retire_text }),
        "current" if number("formerProtocolUntil").is_some() => {
            Some(End { button: t.forget_former, text: t.forget_former_text })
        }
        _ => None,
    };
    AccountRow { number: text("id").to_owned(), names: names.join(", "), state, state_class, notes, end }
}
