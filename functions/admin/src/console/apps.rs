//! The list of apps, and a new one.

use askama::Template;
use domain::OperatorRole;
use http::Method;
use serde_json::{Value, json};

use super::{
    Answer, Trouble,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    problems::{self, at},
    redirect,
    texts::{self, Texts},
};

#[derive(Template)]
#[template(path = "apps.html")]
struct Apps {
    f: Frame,
    t: &'static Texts,
}

#[derive(Template)]
#[template(path = "app_new.html")]
struct New<'a> {
    f: Frame,
    t: &'static Texts,
    name: &'a str,
    problem: Option<String>,
}

/// Keys that are shown this once.
#[derive(Template)]
#[template(path = "keys_once.html")]
pub(crate) struct KeysOnce {
    pub(crate) f: Frame,
    pub(crate) t: &'static Texts,
    pub(crate) heading: &'static str,
    pub(crate) values: Vec<(String, String)>,
    pub(crate) onward: String,
}

/// `/console`: straight to the only app, or to the list of them.
pub(crate) fn home(desk: &Desk<'_>) -> Answer {
    match desk.apps.as_slice() {
        [only] => redirect(&format!("/console/apps/{}", only.id), &[]),
        _ => redirect("/console/apps", &[]),
    }
}

pub(crate) fn list(desk: &Desk<'_>) -> Answer {
    desk.page(200, &Apps { f: Frame { section: Section::Apps, ..desk.frame(desk.t().apps) }, t: desk.t() })
}

pub(crate) fn new(desk: &Desk<'_>) -> Answer {
    desk.need(OperatorRole::Owner)?;
    render(desk, 200, "", None)
}

fn render(desk: &Desk<'_>, status: u16, name: &str, problem: Option<String>) -> Answer {
    let f = Frame { section: Section::Apps, ..desk.frame(desk.t().new_app) };
    desk.page(status, &New { f, t: desk.t(), name, problem })
}

pub(crate) async fn create(desk: &Desk<'_>, form: &Form) -> Answer {
    let made = match desk.api(Method::POST, "/apps", &json!({ "name": form.text("name") })).await {
        Ok(made) => made,
        Err(problem) => {
            let said = at(&problem, "name").map(|()| problems::say(desk.preferences.language, &problem));
            return said.map_or(Err(Trouble::from(problem)), |said| render(desk, 422, form.text("name"), Some(said)));
        }
    };
    let t = desk.t();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = |mode: &str, name: &str| text(made.get(mode).and_then(|keys| keys.get(name)).unwrap_or(&Value::Null));
    let id = text(made.get("appId").unwrap_or(&Value::Null));
    let values = vec![
        (t.app_id.to_owned(), id.clone()),
        (texts::fill("{} · {}", &[t.test, t.client_key]), key("test", "clientKey")),
        (texts::fill("{} · {}", &[t.test, t.master_key]), key("test", "masterKey")),
        (texts::fill("{} · {}", &[t.live, t.client_key]), key("live", "clientKey")),
        (texts::fill("{} · {}", &[t.live, t.master_key]), key("live", "masterKey")),
    ];
    let f = Frame { section: Section::Apps, ..desk.frame(t.app_made) };
    desk.page(201, &KeysOnce { f, t, heading: t.app_made, values, onward: format!("/console/apps/{id}/channels/ali") })
}
