//! The console under `/console`: pages for people. They are rendered here and work without scripts.
//!
//! Every change goes through [`crate::api::perform`], the entry of the operator API, so that rules, roles and audit log are the same. What
//! pages show comes from the API or directly from the store. The console keeps no state except some cookies.

mod account;
mod alerts_page;
mod app_pages;
mod apps;
mod assets;
mod audit_changes;
mod audit_page;
mod audit_words;
mod axis;
mod cell;
mod channel_accounts;
mod channel_fields;
mod channels;
mod chart;
mod checkout_page;
mod choices;
mod comparison;
mod csv;
mod dead_letters;
mod deliveries;
mod desk;
mod export;
mod export_cursor;
mod failed_refunds;
mod figures;
mod find;
mod first_steps;
mod form;
mod format;
mod frame;
mod guides;
mod incident;
mod incident_words;
mod incidents;
mod kept_words;
mod lines;
mod markdown;
mod money;
mod names;
mod operators;
mod origin;
mod overview;
mod overview_chart;
mod pages;
mod period;
mod preferences;
mod problems;
mod proportions;
mod provider_words;
mod put_away;
mod reconciliation;
mod refunds;
mod request_words;
mod scope;
mod sealed;
mod second_factor;
mod session;
mod setting_words;
mod several;
mod sign_in;
mod statement;
mod table;
mod targets;
mod texts;
mod transaction;
mod transactions;
mod turnovers;
mod webhooks;
mod workbook;
mod wrong_words;

use bytes::Bytes;
use domain::{AppId, Mode, OperatorRole};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use runtime::{Reply, Request, query_parameter};
use store::StoreError;

pub use self::problems::problem_codes;
use self::{desk::Desk, form::Form};
use crate::{api::problem::Problem, deps::Deps, unread::Unread};

/// The result of a page.
pub(crate) type Answer = Result<Reply, Trouble>;

/// Why a page cannot be shown.
#[derive(Debug)]
pub(crate) enum Trouble {
    NotFound,
    /// The form belongs to another session, or to one that has ended.
    Expired,
    TooLong,
    /// The body is not a form.
    Form,
    /// The role that is required.
    Forbidden(OperatorRole),
    Api(Problem),
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        match problem.status {
            StatusCode::NOT_FOUND => Self::NotFound,
            _ => Self::Api(problem),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::from(Problem::from(error))
    }
}

/// Whether a path belongs to the console.
pub(crate) fn is_console(path: &str) -> bool {
    path == "/console" || path.starts_with("/console/") || assets::is_icon(path)
}

/// Answers one request of a browser.
pub(crate) async fn handle(deps: &Deps, request: &Request, unread: &Unread) -> Reply {
    if let Some(asset) = assets::find(request.uri().path()) {
        return asset;
    }
    let mut desk = Desk::new(deps, request, unread.clone());
    let answer = match desk.identify().await {
        Ok(()) => answer(&mut desk).await,
        Err(trouble) => Err(trouble),
    };
    let mut reply = answer.unwrap_or_else(|trouble| desk.trouble(&trouble));
    if let Some(cookie) = desk.kept_mode().and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        reply.headers_mut().append(header::SET_COOKIE, cookie);
    }
    guarded(reply)
}

async fn answer(desk: &mut Desk<'_>) -> Answer {
    let path = desk.request.uri().path().trim_end_matches('/').to_owned();
    let segments: Vec<&str> = path.split('/').skip(2).collect();
    let method = desk.request.method().clone();
    let next = || query_parameter(desk.request, "next").unwrap_or_default().into_owned();
    match (&method, segments.as_slice()) {
        (&Method::GET, ["preferences"]) => return preferences(desk),
        (&Method::GET, ["sign-in"]) => return sign_in::page(desk, &next()),
        (&Method::POST, _) if origin::is_elsewhere(desk.request, &desk.deps.services.config) => {
            return Err(Trouble::Expired);
        }
        (&Method::POST, ["sign-in"]) => {
            let form = Form::read(desk.request).await?;
            return sign_in::post(desk, &form).await;
        }
        (&Method::POST, ["sign-in", "code"]) => {
            let form = Form::read(desk.request).await?;
            return sign_in::post_code(desk, &form).await;
        }
        _ => {}
    }
    if desk.session.is_none() {
        return match (&method, segments.as_slice()) {
            (&Method::GET, ["guides", rest @ ..]) => guides::show(desk, rest),
            _ => sign_in::first(desk),
        };
    }
    if desk.must_enrol && !matches!(segments.as_slice(), ["account", "second-factor"] | ["sign-out"]) {
        return second_factor::first(desk);
    }
    let segments = desk.enter(&segments).await?;
    match method {
        Method::GET => show(desk, &segments).await,
        Method::POST => {
            let form = Form::read(desk.request).await?;
            if !desk.session.as_ref().is_some_and(|session| session.made(form.raw("csrf"))) {
                return Err(Trouble::Expired);
            }
            act(desk, &segments, &form).await
        }
        _ => Err(Trouble::NotFound),
    }
}

/// The pages. The segment `app` stands for the address of an app, which [`Desk::enter`] has read.
async fn show(desk: &Desk<'_>, segments: &[&str]) -> Answer {
    match segments {
        [] => apps::home(desk),
        ["apps"] => apps::list(desk).await,
        ["apps", "new"] => apps::new(desk),
        ["app"] => redirect(&desk.frame("").at("/overview"), &[]),
        ["app", "overview"] => overview::show(desk).await,
        ["app", "export"] => export::show(desk).await,
        ["app", "export", "next"] => export::next(desk).await,
        ["app", "export", "part"] => export::part(desk).await,
        ["app", "statement"] => statement::show(desk).await,
        ["app", "webhooks"] => webhooks::list(desk).await,
        ["app", "webhooks", "new"] => webhooks::new(desk),
        ["app", "webhooks", id] => webhooks::edit(desk, id).await,
        ["app", "webhooks", id, "test"] => webhooks::tester(desk, id).await,
        ["app", "deliveries"] => deliveries::list(desk).await,
        ["app", "incidents"] => incidents::list(desk).await,
        ["app", "incidents", id] => incident::show(desk, id).await,
        ["app", "reconciliation"] => reconciliation::list(desk).await,
        ["app", "reconciliation", day] => reconciliation::show(desk, day).await,
        ["app", "first-steps"] => first_steps::show(desk).await,
        ["app", "find"] => find::show(desk).await,
        ["app", "transactions"] => transactions::list(desk).await,
        ["app", "transactions", id] => transaction::show(desk, id).await,
        ["app", "refunds"] => refunds::list(desk).await,
        ["app", "refunds", "new"] => several::preview(desk).await,
        ["app", "channels"] => redirect(&desk.frame("").at("/channels/ali"), &[]),
        ["app", "channels", tab] => channels::show(desk, tab).await,
        ["app", "checkout"] => checkout_page::show(desk).await,
        ["app", "alerts"] => alerts_page::show(desk).await,
        ["app", "settings"] => app_pages::settings(desk),
        ["operators"] => operators::list(desk).await,
        ["audit"] => audit_page::show(desk).await,
        ["audit", "export"] => audit_page::export(desk).await,
        ["dead-letters"] => dead_letters::list(desk).await,
        ["account"] => account::show(desk).await,
        ["account", "second-factor"] => second_factor::show(desk).await,
        ["guides", rest @ ..] => guides::show(desk, rest),
        _ => Err(Trouble::NotFound),
    }
}

/// What each form does.
async fn act(desk: &Desk<'_>, segments: &[&str], form: &Form) -> Answer {
    match segments {
        ["sign-out"] => sign_in::out(desk).await,
        ["apps"] => apps::create(desk, form).await,
        ["app", "channels", tab] => channels::act(desk, tab, form).await,
        ["app", "checkout", action] => checkout_page::act(desk, action, form).await,
        ["app", "first-steps", "pay"] => first_steps::pay(desk).await,
        ["app", "transactions", id, action] => transaction::act(desk, id, action, form).await,
        ["app", "refunds"] => several::begin(desk, form).await,
        ["app", "alerts", action] => alerts_page::act(desk, action, form).await,
        ["app", "webhooks"] => webhooks::create(desk, form).await,
        ["app", "webhooks", id] => webhooks::act(desk, id, form).await,
        ["app", "webhooks", id, "test"] => webhooks::try_it(desk, id, form).await,
        ["app", "deliveries", "replay"] => deliveries::replay(desk, form).await,
        ["app", "deliveries", id] => deliveries::resend(desk, id, form).await,
        ["app", "incidents", id, "replay"] => incident::replay(desk, id).await,
        ["app", "incidents", id, "handled"] => incident::handle(desk, id, form).await,
        ["app", "reconciliation", day, tab, account, action] => {
            reconciliation::act(desk, &[day, tab, account], action, form).await
        }
        ["app", "name"] => app_pages::rename(desk, form).await,
        ["app", "keys"] => app_pages::rotate(desk, form).await,
        ["app", "sessions"] => app_pages::session(desk, form).await,
        ["operators"] => operators::create(desk, form).await,
        ["operators", name] => operators::change(desk, name, form).await,
        ["operators", name, "second-factor"] => operators::reset_second_factor(desk, name).await,
        ["dead-letters"] => dead_letters::take_back(desk).await,
        ["sign-in-rules"] => operators::change_rules(desk, form).await,
        ["account"] => account::change(desk, form).await,
        ["account", "second-factor"] => second_factor::act(desk, form).await,
        _ => Err(Trouble::NotFound),
    }
}

/// A link changes language, zone and mode, and puts the first steps of an app away. A stranger gains nothing by such a link.
fn preferences(desk: &Desk<'_>) -> Answer {
    let asked = |name| query_parameter(desk.request, name);
    let (language, zone, mode) = (asked("lang"), asked("zone"), asked("mode"));
    let changed = desk.preferences.changed(language.as_deref(), zone.as_deref(), mode.as_deref());
    let back = asked("back").unwrap_or_default();
    let back =
        mode.as_deref().and_then(Mode::find).map_or_else(|| inside(&back).to_owned(), |mode| in_mode(&back, mode));
    let secure = session::secure(&desk.deps.services.config);
    let app = asked("app").and_then(|id| AppId::parse(&id).ok());
    let steps = asked("first-steps").zip(app).map(|(state, app)| match state.as_ref() {
        "shown" => desk.put_away.without(&app),
        _ => desk.put_away.with(&app),
    });
    let cookies: Vec<String> =
        [Some(changed.cookie(secure)), steps.map(|steps| steps.cookie(secure))].into_iter().flatten().collect();
    redirect(&back, &cookies)
}

/// Returns an address within the console, and the front page instead of any other address. So no link of ours leads to another site.
pub(crate) fn inside(address: &str) -> &str {
    let is_inside = address == "/console" || address.starts_with("/console/") || address.starts_with("/console?");
    let is_plain = address.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if is_inside && is_plain && address.len() <= 1024 { address } else { "/console" }
}

/// The same page in another mode. The parts of the address that belong to the present mode are removed: the mode itself and a place in a
/// list. What exists in one mode only, the page of a payment or of an incident or the form of a target, becomes the list.
fn in_mode(address: &str, mode: Mode) -> String {
    let address = inside(address);
    let (path, asked) = address.split_once('?').unwrap_or((address, ""));
    let path = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["", "console", "apps", app, list @ ("transactions" | "incidents"), _, ..] => {
            format!("/console/apps/{app}/{list}")
        }
        _ => path.to_owned(),
    };
    let pairs = form_urlencoded::parse(asked.as_bytes());
    let kept = pairs
        .filter(|(name, _)| !["mode", "cursor", "row", "trail", "done", "bill", "target"].contains(&name.as_ref()));
    let mode = [("mode".into(), mode.name().into())];
    let asked = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept.chain(mode)).finish();
    format!("{path}?{asked}")
}

/// A query string.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Redirects the browser, as is usual after a form.
pub(crate) fn redirect(location: &str, cookies: &[String]) -> Answer {
    let failed = || Trouble::Api(Problem::internal());
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::SEE_OTHER;
    reply.headers_mut().insert(header::LOCATION, HeaderValue::from_str(location).map_err(|_| failed())?);
    add_cookies(&mut reply, cookies)?;
    Ok(reply)
}

/// Adds cookies to an answer.
pub(crate) fn add_cookies(reply: &mut Reply, cookies: &[String]) -> Result<(), Trouble> {
    for cookie in cookies {
        let cookie = HeaderValue::from_str(cookie).map_err(|_| Trouble::Api(Problem::internal()))?;
        reply.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(())
}

/// A page runs only our own scripts, is never shown in a frame of another page, and is never cached.
#[rustfmt::skip]
const GUARDS: [(&str, &str); 6] = [
    ("content-security-policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                                 form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
    ("x-content-type-options",  "nosniff"),
    ("x-frame-options",         "DENY"),
    ("referrer-policy",         "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control",           "no-store"),
];

fn guarded(mut reply: Reply) -> Reply {
    for (name, value) in GUARDS {
        reply.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    reply
}

/// An HTML page.
fn html(status: u16, body: String) -> Reply {
    let mut reply = Reply::new(Bytes::from(body));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    reply
}

#[cfg(test)]
mod tests {
    use domain::Mode;

    use super::{in_mode, inside};

    #[test]
    #[rustfmt::skip]
    fn a_page_is_shown_in_the_other_mode() {
        const CASES: &[(&str, &str)] = &[
            ("/console/apps/a/transactions?mode=test&q=x%26y&cursor=abc&done=saved", "/console/apps/a/transactions?q=x%26y&mode=live"),
            ("/console/apps/a/transactions/01?mode=test&bill=1",                     "/console/apps/a/transactions?mode=live"),
            ("/console/apps/a/alerts?mode=test&target=01",                           "/console/apps/a/alerts?mode=live"),
            ("/console/apps/a/webhooks/01",                                          "/console/apps/a/webhooks/01?mode=live"),
            ("/console/apps/a/channels/ali?protocol=mapi",                           "/console/apps/a/channels/ali?protocol=mapi&mode=live"),
            ("https://evil",                                                         "/console?mode=live"),
        ];
        for (from, to) in CASES {
            assert_eq!(in_mode(from, Mode::Live), *to);
        }
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        for address in ["/console", "/console/apps", "/console/apps/x?mode=test&a=%20"] {
            assert_eq!(inside(address), address);
        }
        for address in
            ["", "/", "//evil", "https://evil", "/consoleevil", "/console/\r\nx", "/console/\\evil", "/admin/v1"]
        {
            assert_eq!(inside(address), "/console", "{address}");
        }
    }
}
