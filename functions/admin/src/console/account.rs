//! One's own account: a new password.

use askama::Template;
use store::SignInTry;

use super::{
    Answer, Trouble,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    problems::{self, at},
    redirect,
    session::Session,
    texts::{self, Texts},
};
use crate::password;

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

/// The old password is asked for again, and guessed as slowly as at the sign-in: a browser left open is not an account given away.
pub(crate) async fn change(desk: &Desk<'_>, form: &Form) -> Answer {
    let (t, store, name) = (desk.t(), &desk.deps.base.store, desk.name()?);
    if let SignInTry::Wait(until) = store.begin_sign_in(name.as_str(), desk.now).await? {
        let seconds = (until.distance(desk.now).as_millis().div_ceil(1000)).to_string();
        let problem = Some(texts::fill(t.sign_in_wait, &[&seconds]));
        return desk.page(422, &Account { old_problem: problem, ..view(desk) });
    }
    let operator = store.find_operator(name).await?.ok_or(Trouble::Expired)?;
    if !password::verify(form.raw("old"), Some(&operator.password_hash)) {
        return desk.page(422, &Account { old_problem: Some(t.old_password_wrong.to_owned()), ..view(desk) });
    }
    store.forget_sign_ins(name.as_str()).await?;
    if form.raw("password") != form.raw("again") {
        return desk.page(422, &Account { again_problem: Some(t.passwords_differ.to_owned()), ..view(desk) });
    }
    if let Err(problem) = desk.change_own_password(form.raw("password")).await {
        let said = at(&problem, "password").map(|()| problems::say(desk.preferences.language, &problem));
        return match said {
            Some(said) => desk.page(422, &Account { new_problem: Some(said), ..view(desk) }),
            None => Err(problem.into()),
        };
    }
    // Every session of before is over, this one too: whoever changed the password goes on with a new one.
    let operator = store.find_operator(name).await?.ok_or(Trouble::Expired)?;
    let session = Session::begin(operator.name, operator.epoch, desk.now, &desk.deps.base.random)?;
    let cookie = session.cookie(&desk.deps.base.config, &desk.deps.base.random)?;
    redirect("/console/account?done=password", &[cookie])
}
