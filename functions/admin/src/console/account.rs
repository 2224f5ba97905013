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
    old_problem: Option<String>,
    new_problem: Option<String>,
    again_problem: Option<String>,
}

pub(crate) fn show(desk: &Desk<'_>) -> Answer {
    desk.page(200, &view(desk))
}

fn view(desk: &Desk<'_>) -> Account {
    let f = Frame { section: Section::Account, ..desk.frame(desk.t().account) };
    Account { f, t: desk.t(), old_problem: None, new_problem: None, again_problem: None }
}

/// The present password is asked for again, by the door of the API.
pub(crate) async fn change(desk: &Desk<'_>, form: &Form) -> Answer {
    let (t, base, name) = (desk.t(), &desk.deps.base, desk.name()?);
    if form.raw("password") != form.raw("again") {
        return desk.page(422, &Account { again_problem: Some(t.passwords_differ.to_owned()), ..view(desk) });
    }
    let body = json!({ "password": form.raw("password"), "presentPassword": form.raw("old") });
    if let Err(problem) = desk.oneself(Method::PATCH, "", &body).await {
        let said = |field| at(&problem, field).map(|()| problems::say(desk.preferences.language, &problem));
        let (old_problem, new_problem) = (said("presentPassword"), said("password"));
        if old_problem.is_none() && new_problem.is_none() {
            return Err(problem.into());
        }
        return desk.page(422, &Account { old_problem, new_problem, ..view(desk) });
    }
    // Every session of before is over, this one too, and no browser is known any longer: whoever changed the password goes on with new ones.
    let operator = base.store.find_operator(name).await?.ok_or(Trouble::Expired)?;
    let browser = KnownBrowser::new(&base.random)?.cookie(base, &operator, desk.now)?;
    let session = Session::begin(operator.name, operator.epoch, desk.now, &base.random)?;
    redirect("/console/account?done=password", &[session.cookie(base)?, browser])
}
