//! Signing in and out.

use askama::Template;
use domain::{Operator, OperatorName, Timestamp};
use http::Method;
use runtime::client_ip;
use serde_json::Value;
use store::SignInTry;
use tracing::{info, warn};

use super::{
    Answer, Desk, Trouble,
    form::Form,
    frame::Frame,
    session::{KnownBrowser, Session, Ticket},
    texts::{self, Texts},
};
use crate::api::{
    doorman::{self, By, Guess},
    password,
    second_factor::{self, Taken},
};

/// The name of a sign-in in the audit log.
const SIGN_IN: &str = "sign in";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    f: Frame,
    t: &'static Texts,
    name: String,
    next: String,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in_code.html")]
struct Code<'a> {
    f: Frame,
    t: &'static Texts,
    ticket: &'a str,
    next: &'a str,
    problem: Option<String>,
}

/// The sign-in page.
pub(crate) fn page(desk: &Desk<'_>, next: &str) -> Answer {
    render(desk, "", next, None)
}

fn render(desk: &Desk<'_>, name: &str, next: &str, problem: Option<String>) -> Answer {
    let status = if problem.is_some() { 422 } else { 200 };
    let (name, next) = (name.chars().take(64).collect(), super::inside(next).to_owned());
    desk.page(status, &SignIn { f: desk.frame(desk.t().sign_in), t: desk.t(), name, next, problem })
}

/// Tries a name and a password. Neither the answer nor the time it takes says which of them was wrong.
pub(crate) async fn post(desk: &Desk<'_>, form: &Form) -> Answer {
    let (name, next) = (form.text("name"), form.raw("next"));
    let known = match OperatorName::parse(name) {
        Some(name) => desk.deps.services.store.find_operator(&name).await?.filter(|operator| operator.enabled),
        None => None,
    };
    let browser = known.as_ref().and_then(|operator| known_browser(desk, operator));
    let guess = Guess { deps: desk.deps, now: desk.now, name, by: by(desk, browser.as_ref()) };
    let since = match guess.begin().await? {
        SignInTry::Counted { since } => since,
        SignInTry::Wait(until) => return render(desk, name, next, Some(wait(desk, until))),
    };
    let fits = password::verify(form.raw("password"), known.as_ref().map(|operator| &operator.password_hash));
    let Some(operator) = known.as_ref().filter(|_| fits) else {
        warn!("a sign-in to the console failed");
        let who = known.as_ref().map(|operator| &operator.name);
        guess.was_wrong(SIGN_IN, who, client_ip(desk.request), since).await?;
        return render(desk, name, next, Some(desk.t().sign_in_wrong.to_owned()));
    };
    if operator.second_factor.is_some() {
        // The try still counts as a failure until the code is right. So a person who has the password cannot try codes faster than
        // passwords.
        return ask_code(desk, &Ticket::seal(&desk.deps.services, operator, desk.now)?, next, None);
    }
    guess.was_right().await?;
    let_in(desk, SIGN_IN, operator, browser, next).await
}

fn ask_code(desk: &Desk<'_>, ticket: &str, next: &str, problem: Option<String>) -> Answer {
    let status = if problem.is_some() { 422 } else { 200 };
    let (t, next) = (desk.t(), super::inside(next));
    desk.page(status, &Code { f: desk.frame(t.second_factor), t, ticket, next, problem })
}

/// Tries a code of the authenticator app, or a recovery code.
pub(crate) async fn post_code(desk: &Desk<'_>, form: &Form) -> Answer {
    let (sealed, next) = (form.raw("ticket"), form.raw("next"));
    let ticket = Ticket::read(&desk.deps.services.config, sealed, desk.now).ok_or(Trouble::Expired)?;
    let operator = desk.deps.services.store.find_operator(&ticket.name).await?.filter(|operator| ticket.fits(operator));
    let operator = operator.ok_or(Trouble::Expired)?;
    let browser = known_browser(desk, &operator);
    let guess = Guess { deps: desk.deps, now: desk.now, name: operator.name.as_str(), by: by(desk, browser.as_ref()) };
    let since = match guess.begin_code().await? {
        SignInTry::Counted { since } => since,
        SignInTry::Wait(until) => return ask_code(desk, sealed, next, Some(wait(desk, until))),
    };
    let Some(taken) = second_factor::take(desk.deps, &operator, form.raw("code"), desk.now).await? else {
        warn!(operator.name = %operator.name, "a code of operator {} was wrong", operator.name);
        guess.was_wrong("enter code", Some(&operator.name), client_ip(desk.request), since).await?;
        return ask_code(desk, sealed, next, Some(desk.t().code_wrong.to_owned()));
    };
    guess.was_right().await?;
    let action = match taken {
        Taken::Totp => SIGN_IN,
        Taken::Recovery => "sign in by recovery code",
    };
    let_in(desk, action, &operator, browser, next).await
}

fn known_browser(desk: &Desk<'_>, operator: &Operator) -> Option<KnownBrowser> {
    KnownBrowser::read(desk.request.headers(), &desk.deps.services.config, operator, desk.now)
}

fn by<'a>(desk: &'a Desk<'_>, browser: Option<&'a KnownBrowser>) -> By<'a> {
    browser.map_or_else(|| By::Stranger(client_ip(desk.request)), |browser| By::KnownBrowser(&browser.id))
}

fn wait(desk: &Desk<'_>, until: Timestamp) -> String {
    let seconds = (until.distance(desk.now).as_millis().div_ceil(1000)).to_string();
    texts::fill(desk.t().sign_in_wait, &[&seconds])
}

/// Begins a session. The audit log has it before the browser gets it.
async fn let_in(
    desk: &Desk<'_>,
    action: &str,
    operator: &Operator,
    browser: Option<KnownBrowser>,
    next: &str,
) -> Answer {
    let services = &desk.deps.services;
    let browser = match browser {
        Some(browser) => browser,
        None => KnownBrowser::new(&services.random)?,
    };
    doorman::tell_signed_in(desk.deps, action, &operator.name, client_ip(desk.request)).await?;
    let session = Session::begin(operator.name.clone(), operator.epoch, desk.now, &services.random)?;
    info!(operator.name = %session.name, "{} signed in", session.name);
    let cookies = [session.cookie(services)?, browser.cookie(services, operator, desk.now)?];
    super::redirect(super::inside(next), &cookies)
}

/// Ends the session, also in every copy of the cookie.
pub(crate) async fn out(desk: &Desk<'_>) -> Answer {
    desk.oneself(Method::DELETE, "/sessions", &Value::Null).await?;
    super::redirect("/console/sign-in", &[Session::end(&desk.deps.services.config)])
}

/// Sends a visitor who is not signed in to the sign-in page, and afterwards to the page they wanted.
pub(crate) fn first(desk: &Desk<'_>) -> Answer {
    if desk.request.method() != http::Method::GET {
        return Err(Trouble::Expired);
    }
    let wanted = desk.request.uri().path_and_query().map_or("/console", |wanted| wanted.as_str());
    super::redirect(&format!("/console/sign-in?{}", super::query(&[("next", super::inside(wanted))])), &[])
}
