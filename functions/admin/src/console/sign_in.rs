//! Signing in and out.

use askama::Template;
use domain::OperatorName;
use store::SignInTry;
use tracing::{info, warn};

use super::{Answer, Desk, Trouble, form::Form, frame::Frame, session::Session, texts::Texts};
use crate::password;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    f: Frame,
    t: &'static Texts,
    name: String,
    next: String,
    problem: Option<String>,
}

/// The page to sign in at.
pub(crate) fn page(desk: &Desk<'_>, next: &str) -> Answer {
    render(desk, "", next, None)
}

fn render(desk: &Desk<'_>, name: &str, next: &str, problem: Option<String>) -> Answer {
    let status = if problem.is_some() { 422 } else { 200 };
    let (name, next) = (name.chars().take(64).collect(), super::inside(next).to_owned());
    desk.page(status, &SignIn { f: desk.frame(desk.t().sign_in), t: desk.t(), name, next, problem })
}

/// Tries a name and a password. What was wrong is not said, and the time it takes does not say it either.
pub(crate) async fn post(desk: &Desk<'_>, form: &Form) -> Answer {
    let (name, next) = (form.text("name"), form.raw("next"));
    let store = &desk.deps.base.store;
    if let SignInTry::Wait(until) = store.begin_sign_in(name, desk.now).await? {
        let seconds = (until.distance(desk.now).as_millis().div_ceil(1000)).to_string();
        return render(desk, name, next, Some(super::texts::fill(desk.t().sign_in_wait, &[&seconds])));
    }
    let known = match OperatorName::parse(name) {
        Some(name) => store.find_operator(&name).await?.filter(|operator| operator.enabled),
        None => None,
    };
    let hash = known.as_ref().map(|operator| &operator.password_hash);
    let fits = password::verify(form.raw("password"), hash);
    let Some(operator) = known.filter(|_| fits) else {
        warn!("a sign-in to the console failed");
        return render(desk, name, next, Some(desk.t().sign_in_wrong.to_owned()));
    };
    store.forget_sign_ins(name).await?;
    let session = Session::begin(operator.name, operator.epoch, desk.now, &desk.deps.base.random)?;
    info!(operator.name = %session.name, "{} signed in", session.name);
    let cookie = session.cookie(&desk.deps.base.config, &desk.deps.base.random)?;
    super::redirect(super::inside(next), &[cookie])
}

/// Ends the session in this browser.
pub(crate) fn out(desk: &Desk<'_>) -> Answer {
    super::redirect("/console/sign-in", &[Session::end(&desk.deps.base.config)])
}

/// Where somebody goes who is not signed in: back to where they wanted, afterwards.
pub(crate) fn first(desk: &Desk<'_>) -> Answer {
    if desk.request.method() != http::Method::GET {
        return Err(Trouble::Expired);
    }
    let wanted = desk.request.uri().path_and_query().map_or("/console", |wanted| wanted.as_str());
    super::redirect(&format!("/console/sign-in?{}", super::query(&[("next", super::inside(wanted))])), &[])
}
