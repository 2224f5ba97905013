//! One's own second factor: how it is set up with an authenticator app, and how it is removed.

use askama::Template;
use http::Method;
use serde_json::{Value, json};

use super::{
    Answer, Trouble,
    account::go_on,
    apps::KeysOnce,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    problems::{self, at},
    redirect,
    texts::{self, Texts},
};
use crate::api::{
    problem::Problem,
    second_factor::{self, QrCode},
};

const HERE: &str = "/console/account/second-factor";

#[derive(Template)]
#[template(path = "second_factor.html")]
struct Page {
    f: Frame,
    t: &'static Texts,
    is_on: bool,
    is_demanded: bool,
    /// How many recovery codes are left.
    recovery: String,
    secret: String,
    /// The side of the QR code in modules, and its dark modules.
    side: usize,
    path: String,
    code_problem: Option<String>,
    password_problem: Option<String>,
}

/// Where an operator is sent who must set up a second factor first.
pub(crate) fn first(desk: &Desk<'_>) -> Answer {
    if desk.request.method() != Method::GET {
        return Err(Trouble::Expired);
    }
    redirect(HERE, &[])
}

pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    let secret = second_factor::new_secret(&desk.deps.services.random)?;
    desk.page(200, &view(desk, secret).await?)
}

async fn view(desk: &Desk<'_>, secret: String) -> Result<Page, Trouble> {
    let (t, name) = (desk.t(), desk.name()?);
    let operator = desk.deps.services.store.find_operator(name).await?.ok_or(Trouble::Expired)?;
    let QrCode { side, path } = second_factor::qr_code(name, &secret)?;
    let left = operator.second_factor.as_ref().map_or(0, |factor| factor.recovery.len());
    Ok(Page {
        f: Frame { section: Section::Account, ..desk.frame(t.second_factor) },
        t,
        is_on: operator.second_factor.is_some(),
        is_demanded: desk.must_enrol,
        recovery: texts::fill(t.recovery_left, &[&left.to_string()]),
        secret,
        side,
        path,
        code_problem: None,
        password_problem: None,
    })
}

pub(crate) async fn act(desk: &Desk<'_>, form: &Form) -> Answer {
    match form.raw("do") {
        "enrol" => enrol(desk, form).await,
        "off" => off(desk, form).await,
        _ => Err(Trouble::NotFound),
    }
}

async fn enrol(desk: &Desk<'_>, form: &Form) -> Answer {
    let (secret, code) = (form.text("secret"), form.text("code"));
    let body = json!({ "secret": secret, "code": code, "presentPassword": form.raw("old") });
    let made = match desk.oneself(Method::PUT, "/second-factor", &body).await {
        Ok(made) => made,
        Err(problem) => return refused(desk, problem, secret.to_owned()).await,
    };
    let t = desk.t();
    let codes = made.get("recoveryCodes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let label = |number: usize| texts::fill(t.recovery_code, &[&number.to_string()]);
    let values =
        codes.iter().zip(1..).map(|(code, number)| (label(number), code.as_str().unwrap_or_default().to_owned()));
    let (values, onward) = (values.collect(), "/console/account".to_owned());
    let f = Frame { section: Section::Account, ..desk.frame(t.recovery_codes) };
    let mut page = desk.page(200, &KeysOnce { f, t, heading: t.recovery_codes, values, warning: None, onward })?;
    super::add_cookies(&mut page, &go_on(desk).await?)?;
    Ok(page)
}

async fn off(desk: &Desk<'_>, form: &Form) -> Answer {
    let body = json!({ "presentPassword": form.raw("old") });
    match desk.oneself(Method::DELETE, "/second-factor", &body).await {
        Ok(_) => redirect("/console/account?done=saved", &go_on(desk).await?),
        Err(problem) => refused(desk, problem, second_factor::new_secret(&desk.deps.services.random)?).await,
    }
}

/// The page again, with the error. The secret stays the same, because the authenticator app already has it.
async fn refused(desk: &Desk<'_>, problem: Problem, secret: String) -> Answer {
    let said = |field| at(&problem, field).map(|()| problems::say(desk.preferences.language, &problem));
    let (code_problem, password_problem) = (said("code"), said("presentPassword"));
    if code_problem.is_none() && password_problem.is_none() {
        return Err(problem.into());
    }
    desk.page(422, &Page { code_problem, password_problem, ..view(desk, secret).await? })
}
