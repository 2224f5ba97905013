//! An app's own settings: its name, its keys, a quick start with its values, and session tokens for tests.

use askama::Template;
use domain::{ClientBounds, Fen, Mode, RotatingKey};
use http::Method;
use serde_json::{Value, json};

use super::{
    Answer, Trouble,
    apps::KeysOnce,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    problems::{self, at},
    redirect,
    texts::{self, Texts},
};
use crate::api::problem::Problem;

/// A limit of the public keys, as the form shows it.
struct Bound {
    name: &'static str,
    label: &'static str,
    value: String,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct Settings {
    f: Frame,
    t: &'static Texts,
    app_id: String,
    created: String,
    name: String,
    name_problem: Option<String>,
    shards: String,
    shards_problem: Option<String>,
    clients_name_prices: bool,
    refunds_duplicates: bool,
    bounds: [Bound; 2],
    refund_limit: String,
    refund_limit_problem: Option<String>,
    client_key: String,
    client_until: Option<String>,
    master_until: Option<String>,
    graces: Vec<(u32, &'static str)>,
    ttls: Vec<(u32, &'static str)>,
    snippet: String,
    user: String,
    user_problem: Option<String>,
}

pub(crate) fn settings(desk: &Desk<'_>) -> Answer {
    desk.page(200, &view(desk)?)
}

fn view(desk: &Desk<'_>) -> Result<Settings, Trouble> {
    let (t, app) = (desk.t(), &desk.app()?.app);
    let f = Frame { section: Section::Settings, ..desk.frame(t.settings) };
    let keys = app.keys(desk.mode);
    let until = |key: &RotatingKey| {
        let ends = key.previous.as_ref().map(|(_, until)| *until).filter(|until| desk.now < *until);
        ends.map(|until| texts::fill(t.old_key_until, &[&f.moment(until)]))
    };
    let client_key = keys.client.current.expose().clone();
    Ok(Settings {
        t,
        app_id: app.id.to_string(),
        created: f.moment(app.created_at),
        name: app.name.clone(),
        name_problem: None,
        shards: app.shards.count().to_string(),
        shards_problem: None,
        clients_name_prices: app.clients_name_prices,
        refunds_duplicates: app.refunds_duplicates,
        bounds: bounds(t, &app.client_bounds),
        refund_limit: app.operator_refunds_per_day.map(Fen::to_yuan).unwrap_or_default(),
        refund_limit_problem: None,
        client_until: until(&keys.client),
        master_until: until(&keys.master),
        graces: vec![(0, t.at_once), (3600, t.hour), (86400, t.day), (604_800, t.week)],
        ttls: vec![(600, t.ten_minutes), (3600, t.hour), (86400, t.day)],
        snippet: snippet(&desk.deps.services.config.public_url, app.id.as_str(), &client_key),
        client_key,
        user: String::new(),
        user_problem: None,
        f,
    })
}

/// A charge that works without changes.
pub(crate) fn snippet(url: &str, app: &str, client_key: &str) -> String {
    format!(
        "curl -s {url}/2.0/maxpay/bill \\\n  -H 'X-ML-AppId: {app}' -H 'X-ML-APIKey: {client_key}' \\\n  \
         -H 'Content-Type: application/json' \\\n  \
         -d '{{\"channel\":\"ali_web\",\"billNum\":\"first-1\",\"totalFee\":1,\"subject\":\"A cup of tea\",\"returnUrl\":\"{url}/\"}}'\n\n\
         curl -s {url}/2.0/maxpay/records \\\n  -H 'X-ML-AppId: {app}' -H 'X-ML-APIKey: {client_key}' \\\n  \
         -H 'Content-Type: application/json' -d '{{\"billNum\":\"first-1\"}}'"
    )
}

fn bounds(t: &'static Texts, bounds: &ClientBounds) -> [Bound; 2] {
    let bound = |name, label, bound: Option<u32>| {
        let value = bound.map(|bound| bound.to_string()).unwrap_or_default();
        Bound { name, label, value, problem: None }
    };
    [
        bound("clientChargesPerMinute", t.charges_per_minute, bounds.charges_per_minute),
        bound("clientOpenBills", t.open_bills, bounds.open_bills),
    ]
}

/// Changes the name, the number of shards, the limits of the public keys or of operators, whether clients may set prices, or whether
/// duplicates are refunded.
pub(crate) async fn rename(desk: &Desk<'_>, form: &Form) -> Answer {
    let path = format!("/apps/{}", desk.app()?.app.id);
    let name = form.text("name");
    if form.has("shards") {
        return spread(desk, &path, form.text("shards")).await;
    } else if form.has("clientChargesPerMinute") {
        return bind(desk, &path, form).await;
    } else if form.has("operatorRefundsPerDay") {
        return limit_refunds(desk, &path, form.text("operatorRefundsPerDay")).await;
    } else if form.has("clientsNamePrices") {
        let is_on = |name: &str| form.text(name) == "true";
        let switches = json!({
            "clientsNamePrices": is_on("clientsNamePrices"), "refundDuplicates": is_on("refundDuplicates"),
        });
        desk.api(Method::PATCH, &path, &switches).await?;
        return redirect(&desk.frame("").at("/settings?done=saved"), &[]);
    }
    match desk.api(Method::PATCH, &path, &json!({ "name": name })).await {
        Ok(_) => redirect(&desk.frame("").at("/settings?done=saved"), &[]),
        Err(problem) if at(&problem, "name").is_some() => {
            let said = problems::say(desk.preferences.language, &problem);
            desk.page(422, &Settings { name: name.to_owned(), name_problem: Some(said), ..view(desk)? })
        }
        Err(problem) => Err(problem.into()),
    }
}

/// Saves the limits of the public keys. An empty field means no limit.
async fn bind(desk: &Desk<'_>, path: &str, form: &Form) -> Answer {
    let mut page = view(desk)?;
    let mut body = serde_json::Map::new();
    for bound in &mut page.bounds {
        let typed = form.text(bound.name);
        bound.value = typed.to_owned();
        // A value that is not a number is passed on: the API refuses it.
        let value = typed.parse::<u32>().map_or_else(|_| Value::from(typed), Value::from);
        body.insert(bound.name.to_owned(), if typed.is_empty() { Value::Null } else { value });
    }
    let problem = match desk.api(Method::PATCH, path, &Value::Object(body)).await {
        Ok(_) => return redirect(&desk.frame("").at("/settings?done=saved"), &[]),
        Err(problem) => problem,
    };
    let Some(bound) = page.bounds.iter_mut().find(|bound| at(&problem, bound.name).is_some()) else {
        return Err(problem.into());
    };
    bound.problem = Some(problems::say(desk.preferences.language, &problem));
    desk.page(422, &page)
}

/// Saves what operators may refund a day. An empty field means no limit.
async fn limit_refunds(desk: &Desk<'_>, path: &str, typed: &str) -> Answer {
    let limit = if typed.is_empty() { Ok(None) } else { Fen::from_yuan(typed).map(Some) };
    let Ok(limit) = limit else {
        let problem = Some(desk.t().wrong_amount.to_owned());
        let page = Settings { refund_limit: typed.to_owned(), refund_limit_problem: problem, ..view(desk)? };
        return desk.page(422, &page);
    };
    desk.api(Method::PATCH, path, &json!({ "operatorRefundsPerDay": limit })).await?;
    redirect(&desk.frame("").at("/settings?done=saved"), &[])
}

async fn spread(desk: &Desk<'_>, path: &str, shards: &str) -> Answer {
    // A value that is not a number is passed on: the API refuses it.
    let count = shards.trim().parse::<u32>().map_or_else(|_| Value::from(shards), Value::from);
    match desk.api(Method::PATCH, path, &json!({ "shards": count })).await {
        Ok(_) => redirect(&desk.frame("").at("/settings?done=saved"), &[]),
        Err(problem) if at(&problem, "shards").is_some() => {
            let said = problems::say(desk.preferences.language, &problem);
            desk.page(422, &Settings { shards: shards.to_owned(), shards_problem: Some(said), ..view(desk)? })
        }
        Err(problem) => Err(problem.into()),
    }
}

pub(crate) async fn rotate(desk: &Desk<'_>, form: &Form) -> Answer {
    let t = desk.t();
    let path = format!("/apps/{}/keys/rotate", desk.app()?.app.id);
    let grace: u32 = form.text("grace").parse().map_err(|_| Trouble::Form)?;
    let body = json!({ "mode": form.text("mode"), "key": form.text("key"), "graceSeconds": grace });
    let rotated = desk.api(Method::POST, &path, &body).await?;
    let label = if form.text("key") == "client" { t.client_key } else { t.master_key };
    let key = ["clientKey", "masterKey"].iter().find_map(|name| rotated.get(name).and_then(Value::as_str));
    let values = vec![(texts::fill("{} · {}", &[mode_word(t, form), label]), key.unwrap_or_default().to_owned())];
    let f = Frame { section: Section::Settings, ..desk.frame(t.key_made) };
    let onward = f.at("/settings");
    desk.page(201, &KeysOnce { f, t, heading: t.key_made, values, warning: None, onward })
}

/// A session token for tests, like one of `POST /2.0/maxpay/sessions`.
pub(crate) async fn session(desk: &Desk<'_>, form: &Form) -> Answer {
    let t = desk.t();
    let path = format!("/apps/{}/sessions", desk.app()?.app.id);
    let ttl: u32 = form.text("ttl").parse().map_err(|_| Trouble::Form)?;
    let mut body = json!({ "mode": form.text("mode"), "ttlSeconds": ttl });
    let user = form.text("user");
    if let Some(members) = body.as_object_mut().filter(|_| !user.is_empty()) {
        members.insert("userId".to_owned(), user.into());
    }
    let made = match desk.api(Method::POST, &path, &body).await {
        Ok(made) => made,
        Err(problem) if at(&problem, "userId").is_some() => return refuse_user(desk, user, &problem),
        Err(problem) => return Err(problem.into()),
    };
    let token = made.get("token").and_then(Value::as_str).unwrap_or_default().to_owned();
    let values = vec![(texts::fill("{} · {}", &[mode_word(t, form), t.session_token]), token)];
    let f = Frame { section: Section::Settings, ..desk.frame(t.token_made) };
    let onward = f.at("/settings");
    desk.page(201, &KeysOnce { f, t, heading: t.token_made, values, warning: None, onward })
}

fn refuse_user(desk: &Desk<'_>, user: &str, problem: &Problem) -> Answer {
    let said = problems::say(desk.preferences.language, problem);
    desk.page(422, &Settings { user: user.to_owned(), user_problem: Some(said), ..view(desk)? })
}

fn mode_word(t: &'static Texts, form: &Form) -> &'static str {
    if Mode::find(form.text("mode")) == Some(Mode::Live) { t.live } else { t.test }
}
