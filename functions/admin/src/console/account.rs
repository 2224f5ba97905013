//! One's own account: a new password.

use askama::Template;
use http::Method;
use serde_json::json;

use super::{
    Answer, Trouble,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    problems::{self, at},
    redirect,
    session::{KnownBrowser, Session},
    texts::Texts,
};

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    f: Frame,
    t: &'static Texts,
    has_second_factor: bool,
    old_problem: Option<String>,
    new_problem: Option<String>,
    again_problem: Option<String>,
}

pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    desk.page(200, &view(desk).await?)
}

async fn view(desk: &Desk<'_>) -> Result<Account, Trouble> {
    let operator = desk.deps.services.store.find_operator(desk.name()?).await?.ok_or(Trouble::Expired)?;
    let has_second_factor = operator.second_factor.is_some();
    let f = Frame { section: Section::Account, ..desk.frame(desk.t().account) };
    Ok(Account { f, t: desk.t(), has_second_factor, old_problem: None, new_problem: None, again_problem: None })
}

/// The API checks the present password again.
pub(crate) async fn change(desk: &Desk<'_>, form: &Form) -> Answer {
    let t = desk.t();
    if form.raw("password") != form.raw("again") {
        return desk.page(422, &Account { again_problem: Some(t.passwords_differ.to_owned()), ..view(desk).await? });
    }
    let body = json!({ "password": form.raw("password"), "presentPassword": form.raw("old") });
    if let Err(problem) = desk.oneself(Method::PATCH, "", &body).await {
        let said = |field| at(&problem, field).map(|()| problems::say(desk.preferences.language, &problem));
        let (old_problem, new_problem) = (said("presentPassword"), said("password"));
        if old_problem.is_none() && new_problem.is_none() {
            return Err(problem.into());
        }
        return desk.page(422, &Account { old_problem, new_problem, ..view(desk).await? });
    }
    redirect("/console/account?done=password", &go_on(desk).await?)
}

/// A new session and a newly known browser for the operator who changed their password or second factor. The change ended all earlier
/// sessions, this one too, and a new password forgets all known browsers.
pub(crate) async fn go_on(desk: &Desk<'_>) -> Result<Vec<String>, Trouble> {
    let services = &desk.deps.services;
    let operator = services.store.find_operator(desk.name()?).await?.ok_or(Trouble::Expired)?;
    let browser = KnownBrowser::new(&services.random)?.cookie(services, &operator, desk.now)?;
    let session = Session::begin(operator.name, operator.epoch, desk.now, &services.random)?;
    Ok(vec![session.cookie(services)?, browser])
}
