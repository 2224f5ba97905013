//! The operators and their roles. For owners.

use askama::Template;
use domain::{OperatorRole, Timestamp};
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    Answer,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    problems::{self, at},
    redirect,
    texts::{self, Texts},
};

struct Row {
    name: String,
    role: &'static str,
    role_label: &'static str,
    enabled: bool,
    is_self: bool,
    has_factor: bool,
    /// The ids of the apps that they see, one per line; empty for all apps.
    apps: String,
    app_count: Option<String>,
    created: String,
    problem: Option<String>,
    apps_problem: Option<String>,
}

#[derive(Template)]
#[template(path = "operators.html")]
struct Operators {
    f: Frame,
    t: &'static Texts,
    rows: Vec<Row>,
    roles: Vec<(&'static str, &'static str)>,
    name: String,
    role: &'static str,
    apps: String,
    demands_factor: bool,
    name_problem: Option<String>,
    password_problem: Option<String>,
    apps_problem: Option<String>,
}

pub(crate) async fn list(desk: &Desk<'_>) -> Answer {
    desk.page(200, &view(desk).await?)
}

async fn view(desk: &Desk<'_>) -> Result<Operators, super::Trouble> {
    desk.need(OperatorRole::Owner)?;
    let t = desk.t();
    let f = Frame { section: Section::Operators, ..desk.frame(t.operators) };
    let rules = desk.api(Method::GET, "/sign-in", &Value::Null).await?;
    let listed = desk.api(Method::GET, "/operators", &Value::Null).await?;
    let items = listed.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let rows = items.iter().map(|item| {
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        let role = OperatorRole::find(text("role")).unwrap_or(OperatorRole::Viewer);
        let apps = item.get("apps").and_then(Value::as_array);
        let created = item.get("createdTime").and_then(Value::as_i64).unwrap_or_default();
        Row {
            name: text("name").to_owned(),
            role: role.name(),
            role_label: t.name_of(role),
            enabled: text("state") == "enabled",
            is_self: text("name") == f.operator_name(),
            has_factor: text("secondFactor") == "on",
            apps: apps.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
            app_count: apps.map(|apps| texts::fill(t.apps_count, &[&apps.len().to_string()])),
            created: f.moment(Timestamp::clamped(created)),
            problem: None,
            apps_problem: None,
        }
    });
    Ok(Operators {
        rows: rows.collect(),
        roles: OperatorRole::ALL.map(|role| (role.name(), t.name_of(role))).to_vec(),
        name: String::new(),
        role: OperatorRole::Operator.name(),
        apps: String::new(),
        demands_factor: rules.get("secondFactor").and_then(Value::as_str) == Some("demanded"),
        name_problem: None,
        password_problem: None,
        apps_problem: None,
        f,
        t,
    })
}

pub(crate) async fn create(desk: &Desk<'_>, form: &Form) -> Answer {
    let (name, role) = (form.text("name"), form.text("role"));
    let apps = form.text("apps");
    let body = json!({ "name": name, "role": role, "password": form.raw("password"), "apps": reach(apps) });
    let problem = match desk.api(Method::POST, "/operators", &body).await {
        Ok(_) => return redirect("/console/operators?done=saved", &[]),
        Err(problem) => problem,
    };
    let said = || problems::say(desk.preferences.language, &problem);
    let name_problem = at(&problem, "name").map(|()| said());
    let password_problem = at(&problem, "password").map(|()| said());
    let apps_problem = at(&problem, "apps").map(|()| said());
    if name_problem.is_none() && password_problem.is_none() && apps_problem.is_none() {
        return Err(problem.into());
    }
    let role = OperatorRole::find(role).unwrap_or(OperatorRole::Viewer).name();
    let (name, apps) = (name.to_owned(), apps.to_owned());
    let page = Operators { name, role, apps, name_problem, password_problem, apps_problem, ..view(desk).await? };
    desk.page(422, &page)
}

/// The typed text as the API expects it. Every word is an app's id; an empty text means all apps.
fn reach(typed: &str) -> Value {
    let ids: Vec<Value> =
        typed.split([' ', ',', '\n', '\r', '\t']).filter(|id| !id.is_empty()).map(Value::from).collect();
    if ids.is_empty() { Value::Null } else { ids.into() }
}

/// Removes the second factor of another operator, who lost it.
pub(crate) async fn reset_second_factor(desk: &Desk<'_>, name: &str) -> Answer {
    desk.api(Method::DELETE, &format!("/operators/{name}/second-factor"), &Value::Null).await?;
    redirect("/console/operators?done=saved", &[])
}

/// Requires a second factor of everybody, or makes it optional again.
pub(crate) async fn change_rules(desk: &Desk<'_>, form: &Form) -> Answer {
    desk.api(Method::PUT, "/sign-in", &json!({ "secondFactor": form.text("second_factor") })).await?;
    redirect("/console/operators?done=saved", &[])
}

pub(crate) async fn change(desk: &Desk<'_>, name: &str, form: &Form) -> Answer {
    let mut body = Map::new();
    body.insert("role".to_owned(), form.text("role").into());
    body.insert("state".to_owned(), form.text("state").into());
    if form.has("apps") {
        body.insert("apps".to_owned(), reach(form.text("apps")));
    }
    if !form.raw("password").is_empty() {
        body.insert("password".to_owned(), form.raw("password").into());
    }
    let problem = match desk.api(Method::PATCH, &format!("/operators/{name}"), &Value::Object(body)).await {
        Ok(_) => return redirect("/console/operators?done=saved", &[]),
        Err(problem) if at(&problem, "password").or(at(&problem, "apps")).is_some() => problem,
        Err(problem) => return Err(problem.into()),
    };
    let mut page = view(desk).await?;
    for row in page.rows.iter_mut().filter(|row| row.name == name) {
        let said = Some(problems::say(desk.preferences.language, &problem));
        if at(&problem, "apps").is_some() {
            (row.apps, row.apps_problem) = (form.text("apps").to_owned(), said);
        } else {
            row.problem = said;
        }
    }
    desk.page(422, &page)
}
