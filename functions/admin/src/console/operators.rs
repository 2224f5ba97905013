//! Who may sign in, and as what. For owners.

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
    texts::Texts,
};

struct Row {
    name: String,
    role: &'static str,
    role_label: &'static str,
    enabled: bool,
    is_self: bool,
    created: String,
    problem: Option<String>,
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
    name_problem: Option<String>,
    password_problem: Option<String>,
}

pub(crate) async fn list(desk: &Desk<'_>) -> Answer {
    desk.page(200, &view(desk).await?)
}

async fn view(desk: &Desk<'_>) -> Result<Operators, super::Trouble> {
    desk.need(OperatorRole::Owner)?;
    let t = desk.t();
    let f = Frame { section: Section::Operators, ..desk.frame(t.operators) };
    let listed = desk.api(Method::GET, "/operators", &Value::Null).await?;
    let items = listed.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let rows = items.iter().map(|item| {
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        let role = OperatorRole::find(text("role")).unwrap_or(OperatorRole::Viewer);
        let created = item.get("createdTime").and_then(Value::as_i64).unwrap_or_default();
        Row {
            name: text("name").to_owned(),
            role: role.name(),
            role_label: t.role(role),
            enabled: text("state") == "enabled",
            is_self: text("name") == f.operator_name(),
            created: f.moment(Timestamp::clamped(created)),
            problem: None,
        }
    });
    Ok(Operators {
        rows: rows.collect(),
        roles: OperatorRole::ALL.map(|role| (role.name(), t.role(role))).to_vec(),
        name: String::new(),
        role: OperatorRole::Operator.name(),
        name_problem: None,
        password_problem: None,
        f,
        t,
    })
}

pub(crate) async fn create(desk: &Desk<'_>, form: &Form) -> Answer {
    let (name, role) = (form.text("name"), form.text("role"));
    let body = json!({ "name": name, "role": role, "password": form.raw("password") });
    let problem = match desk.api(Method::POST, "/operators", &body).await {
        Ok(_) => return redirect("/console/operators?done=saved", &[]),
        Err(problem) => problem,
    };
    let said = || problems::say(desk.preferences.language, &problem);
    let name_problem = at(&problem, "name").map(|()| said());
    let password_problem = at(&problem, "password").map(|()| said());
    if name_problem.is_none() && password_problem.is_none() {
        return Err(problem.into());
    }
    let role = OperatorRole::find(role).unwrap_or(OperatorRole::Viewer).name();
    desk.page(422, &Operators { name: name.to_owned(), role, name_problem, password_problem, ..view(desk).await? })
}

pub(crate) async fn change(desk: &Desk<'_>, name: &str, form: &Form) -> Answer {
    let mut body = Map::new();
    body.insert("role".to_owned(), form.text("role").into());
    body.insert("state".to_owned(), form.text("state").into());
    if !form.raw("password").is_empty() {
        body.insert("password".to_owned(), form.raw("password").into());
    }
    let problem = match desk.api(Method::PATCH, &format!("/operators/{name}"), &Value::Object(body)).await {
        Ok(_) => return redirect("/console/operators?done=saved", &[]),
        Err(problem) if at(&problem, "password").is_some() => problem,
        Err(problem) => return Err(problem.into()),
    };
    let mut page = view(desk).await?;
    for row in page.rows.iter_mut().filter(|row| row.name == name) {
        row.problem = Some(problems::say(desk.preferences.language, &problem));
    }
    desk.page(422, &page)
}
