//! The list of apps, and how a new app is made.

use askama::Template;
use domain::{AppId, OperatorRole};
use http::Method;
use runtime::query_parameter;
use serde_json::{Value, json};
use store::{AppPage, AppSummary};

use super::{
    Answer, Trouble,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    pages::{Pages, Total},
    problems::{self, at},
    query, redirect,
    texts::{self, Texts},
};
use crate::api::apps as api;

/// Apps on one page.
const PAGE: usize = 50;

/// One request searches at most this many pages of a hundred apps. If there are more, a click goes on with the search.
const PAGES_SEARCHED_MAX: usize = 20;

#[derive(Template)]
#[template(path = "apps.html")]
struct Apps {
    f: Frame,
    t: &'static Texts,
    q: String,
    rows: Vec<AppSummary>,
    /// Its next page is where the next one begins, or where the search goes on.
    pages: Pages,
}

#[derive(Template)]
#[template(path = "app_new.html")]
struct New<'a> {
    f: Frame,
    t: &'static Texts,
    name: &'a str,
    problem: Option<String>,
}

/// The page with the keys, which are shown only this once.
#[derive(Template)]
#[template(path = "keys_once.html")]
pub(crate) struct KeysOnce {
    pub(crate) f: Frame,
    pub(crate) t: &'static Texts,
    pub(crate) heading: &'static str,
    pub(crate) values: Vec<(String, String)>,
    pub(crate) warning: Option<String>,
    pub(crate) onward: String,
}

/// `/console`: the only app, if there is one app; else the list of apps.
pub(crate) fn home(desk: &Desk<'_>) -> Answer {
    match desk.apps.as_slice() {
        [only] => redirect(&format!("/console/apps/{}", only.id), &[]),
        _ => redirect("/console/apps", &[]),
    }
}

/// `/console/apps?q=&cursor=`: all apps, or those whose name or id contains `q`.
pub(crate) async fn list(desk: &Desk<'_>) -> Answer {
    let parameter = |name| query_parameter(desk.request, name).unwrap_or_default();
    let q: String = parameter("q").trim().chars().take(64).collect();
    let cursor = Some(parameter("cursor")).filter(|cursor| !cursor.is_empty());
    let after = cursor.as_deref().map(AppId::parse).transpose().map_err(|_| Trouble::NotFound)?;
    let (rows, next) = search(desk, &q, after).await?;
    let address = |more: &[(&str, &str)]| {
        let own = [("q", q.as_str())].into_iter().filter(|(_, value)| !value.is_empty());
        format!("/console/apps?{}", query(&own.chain(more.iter().copied()).collect::<Vec<_>>()))
    };
    let page = Apps {
        f: Frame { section: Section::Apps, ..desk.frame(desk.t().apps) },
        t: desk.t(),
        pages: Pages::of(desk, rows.len(), Total::Unknown, next.as_ref().map(AppId::as_str), address),
        rows,
        q,
    };
    desk.page(200, &page)
}

/// The next apps that match, and where to go on.
async fn search(
    desk: &Desk<'_>,
    q: &str,
    mut after: Option<AppId>,
) -> Result<(Vec<AppSummary>, Option<AppId>), Trouble> {
    let wanted = q.to_lowercase();
    let mut found = Vec::new();
    for _ in 0..PAGES_SEARCHED_MAX {
        let AppPage { apps, next } = api::page(&desk.deps.services.store, &desk.reach, after.as_ref()).await?;
        for app in apps {
            if found.len() == PAGE {
                return Ok((found, after));
            }
            after = Some(app.id.clone());
            if app.name.to_lowercase().contains(&wanted) || app.id.as_str().contains(&wanted) {
                found.push(app);
            }
        }
        let Some(next) = next else { return Ok((found, None)) };
        after = Some(next);
    }
    Ok((found, after))
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
    desk.page(
        201,
        &KeysOnce {
            f,
            t,
            heading: t.app_made,
            values,
            warning: None,
            onward: format!("/console/apps/{id}/first-steps?mode=test"),
        },
    )
}
