//! One request of a browser: who makes it, and what it is about.

use askama::Template;
use bytes::Bytes;
use domain::{AppId, Mode, OperatorName, OperatorRole, Reach, Timestamp};
use http::{
    Method, StatusCode, Uri,
    header::{CONTENT_TYPE, REFERER},
};
use runtime::{Reply, Request, client_ip, query_parameter};
use serde_json::Value;
use store::{AppSummary, StoredApp};
use tracing::error;

use super::{
    Answer, Trouble,
    frame::{Frame, Section},
    html, inside,
    preferences::Preferences,
    put_away::PutAway,
    session::{self, Session},
    texts::{self, Texts},
};
use crate::{
    api::{self, call::Who, problem::Problem},
    deps::Deps,
    unread::Unread,
};

/// The switcher lists this many apps; the page of apps lists all of them.
const SWITCHER_APPS: i32 = 20;

/// What every page needs of a request.
pub(crate) struct Desk<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) request: &'a Request,
    pub(crate) unread: Unread,
    pub(crate) now: Timestamp,
    pub(crate) preferences: Preferences,
    /// The apps whose first steps the reader does not want to see.
    pub(crate) put_away: PutAway,
    pub(crate) session: Option<Session>,
    role: OperatorRole,
    pub(crate) reach: Reach,
    /// Whether a second factor is required and not set up yet. Until it is, no other page is shown.
    pub(crate) must_enrol: bool,
    pub(crate) apps: Vec<AppSummary>,
    app: Option<StoredApp>,
    pub(crate) mode: Mode,
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    f: Frame,
    t: &'static Texts,
    heading: &'static str,
    text: String,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(deps: &'a Deps, request: &'a Request, unread: Unread) -> Self {
        let preferences = Preferences::read(request.headers());
        let now = deps.services.clock.now();
        let mode = preferences.mode.unwrap_or(Mode::Live);
        Self {
            deps,
            request,
            unread,
            now,
            preferences,
            put_away: PutAway::read(request.headers()),
            session: None,
            role: OperatorRole::Viewer,
            reach: Reach::Apps(Vec::new()),
            must_enrol: false,
            apps: Vec::new(),
            app: None,
            mode,
        }
    }

    /// Finds out who makes the request. A session is valid as long as the operator has not changed since it began.
    pub(crate) async fn identify(&mut self) -> Result<(), Trouble> {
        let Some(session) = Session::read(self.request.headers(), &self.deps.services.config, self.now) else {
            return Ok(());
        };
        let operator = self.deps.services.store.find_operator(&session.name).await?;
        if let Some(operator) = operator.filter(|found| found.enabled && found.epoch == session.epoch) {
            let has_factor = operator.second_factor.is_some();
            self.must_enrol = !has_factor && self.deps.services.store.find_sign_in_rules().await?.demands_second_factor;
            self.role = operator.role;
            self.reach = operator.reach;
            self.session = Some(session);
        }
        Ok(())
    }

    /// Reads the names in the path. `apps/<id>/...` becomes `app/...`, with the app loaded.
    pub(crate) async fn enter<'s>(&mut self, segments: &[&'s str]) -> Result<Vec<&'s str>, Trouble> {
        self.apps = self.switcher().await?;
        let ["apps", id, rest @ ..] = segments else { return Ok(segments.to_vec()) };
        let Ok(id) = AppId::parse(id) else { return Ok(segments.to_vec()) };
        // The only place where pages load an app. An app that the operator may not see counts as not found.
        if !self.reach.includes(&id) {
            return Err(Trouble::NotFound);
        }
        let found = self.deps.services.store.find_app(&id).await?.ok_or(Trouble::NotFound)?;
        let asked = query_parameter(self.request, "mode").and_then(|mode| Mode::find(&mode));
        let is_set_up = |mode| found.channels.iter().any(|channel| channel.mode == mode && channel.settings.is_some());
        // If the reader never chose a mode: the mode that is set up.
        let fitting = if !is_set_up(Mode::Live) && is_set_up(Mode::Test) { Mode::Test } else { Mode::Live };
        self.mode = asked.or(self.preferences.mode).unwrap_or(fitting);
        self.app = Some(found);
        Ok(std::iter::once("app").chain(rest.iter().copied()).collect())
    }

    async fn switcher(&self) -> Result<Vec<AppSummary>, Trouble> {
        if self.must_enrol {
            return Ok(Vec::new());
        }
        let store = &self.deps.services.store;
        match &self.reach {
            Reach::Everything => Ok(store.first_apps(None, SWITCHER_APPS).await?.apps),
            Reach::Apps(apps) => {
                let first = usize::try_from(SWITCHER_APPS).unwrap_or_default().min(apps.len());
                Ok(store.find_summaries(apps.get(..first).unwrap_or_default()).await?)
            }
        }
    }

    pub(crate) fn t(&self) -> &'static Texts {
        texts::of(self.preferences.language)
    }

    /// The app in the path.
    pub(crate) fn app(&self) -> Result<&StoredApp, Trouble> {
        self.app.as_ref().ok_or(Trouble::NotFound)
    }

    /// The frame of a page with this title.
    pub(crate) fn frame(&self, title: &str) -> Frame {
        let summary = |found: &StoredApp| AppSummary {
            id: found.app.id.clone(),
            name: found.app.name.clone(),
            created_at: found.app.created_at,
        };
        Frame {
            title: title.to_owned(),
            preferences: self.preferences,
            here: self.here(),
            section: Section::None,
            searched: String::new(),
            operator: self.session.as_ref().map(|session| (session.name.to_string(), self.role)),
            csrf: self.session.as_ref().map(|session| session.csrf.clone()).unwrap_or_default(),
            apps: self.apps.clone(),
            app: self.app.as_ref().map(summary),
            mode: self.mode,
            has_first_steps: self.app.as_ref().is_some_and(|found| !self.put_away.has(&found.app.id)),
            unread: self.unread.clone(),
            // A form that is shown again with errors has its own message, and not that of the action before it.
            notice: query_parameter(self.request, "done")
                .filter(|_| self.request.method() == Method::GET)
                .and_then(|done| self.t().done(&done))
                .map(str::to_owned),
        }
    }

    /// The address to return to: that of this page, or that of the page whose form led here.
    fn here(&self) -> String {
        let own = self.request.uri().path_and_query().map_or("/console", |here| here.as_str());
        if self.request.method() == Method::GET {
            return own.to_owned();
        }
        let from = self.request.headers().get(REFERER).and_then(|from| from.to_str().ok()?.parse::<Uri>().ok());
        let from = from.as_ref().and_then(Uri::path_and_query).map_or("/console", |from| from.as_str());
        inside(from).to_owned()
    }

    /// Stores the mode in the address as a cookie, so that the next pages use the same mode.
    pub(crate) fn kept_mode(&self) -> Option<String> {
        let is_other = self.session.is_some() && self.app.is_some() && self.preferences.mode != Some(self.mode);
        let asked = query_parameter(self.request, "mode").filter(|asked| is_other && *asked == self.mode.name())?;
        let changed = self.preferences.changed(None, None, Some(&asked));
        Some(changed.cookie(session::secure(&self.deps.services.config)))
    }

    /// Refuses an operator whose role is too low, before anything is shown.
    pub(crate) fn need(&self, role: OperatorRole) -> Result<(), Trouble> {
        if self.role >= role { Ok(()) } else { Err(Trouble::Forbidden(role)) }
    }

    pub(crate) fn name(&self) -> Result<&OperatorName, Trouble> {
        self.session.as_ref().map(|session| &session.name).ok_or(Trouble::Expired)
    }

    /// Calls the operator API in the name of the operator who is signed in. `path` is the part after `/admin/v1`.
    pub(crate) async fn api(&self, method: Method, path: &str, body: &Value) -> Result<Value, Problem> {
        self.call(self.who()?, method, path, body).await
    }

    /// The same, without reading the answer but its status: a transaction may be nested deeper than the JSON reader accepts.
    pub(crate) async fn act(&self, method: Method, path: &str, body: &Value) -> Result<StatusCode, Problem> {
        self.perform(self.who()?, method, path, body).await.map(|reply| reply.status())
    }

    /// Sends a file to the operator API, in place of what is there.
    pub(crate) async fn upload(&self, path: &str, file: Vec<u8>) -> Result<Value, Problem> {
        read(&self.send(self.who()?, Method::PUT, path, file.into()).await?)
    }

    /// Who is signed in. Without a session the call is refused.
    fn who(&self) -> Result<Who, Problem> {
        let operator = self.session.as_ref().map(|session| session.name.clone());
        Ok(Who {
            operator: Some(operator.ok_or_else(Problem::unauthorized)?),
            role: self.role,
            reach: self.reach.clone(),
            from: self.from(),
        })
    }

    async fn call(&self, who: Who, method: Method, path: &str, body: &Value) -> Result<Value, Problem> {
        read(&self.perform(who, method, path, body).await?)
    }

    async fn perform(&self, who: Who, method: Method, path: &str, body: &Value) -> Result<Reply, Problem> {
        self.send(who, method, path, Bytes::from(body.to_string())).await
    }

    async fn send(&self, who: Who, method: Method, path: &str, body: Bytes) -> Result<Reply, Problem> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("/admin/v1{path}"))
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|_| Problem::not_found("path"))?;
        Box::pin(api::perform(self.deps, who, &request)).await
    }

    /// Changes the operator who is signed in. Only owners may change operators, but every operator may change themselves. So this calls the
    /// API as an owner. The caller must fix path and body, and never pass a form on unchanged.
    pub(crate) async fn oneself(&self, method: Method, path: &str, body: &Value) -> Result<Value, Problem> {
        let name = self.session.as_ref().map(|session| session.name.clone()).ok_or_else(Problem::unauthorized)?;
        let path = format!("/operators/{name}{path}");
        let reach = Reach::Everything;
        let who = Who { operator: Some(name), role: OperatorRole::Owner, reach, from: self.from() };
        self.call(who, method, &path, body).await
    }

    /// The address of the browser.
    fn from(&self) -> Option<String> {
        client_ip(self.request).map(str::to_owned)
    }

    /// Renders a page.
    pub(crate) fn page(&self, status: u16, template: &impl Template) -> Answer {
        match template.render() {
            Ok(body) => Ok(html(status, body)),
            Err(problem) => {
                error!("a page could not be rendered: {problem}");
                Err(Trouble::Api(Problem::internal()))
            }
        }
    }

    /// The page that says why the requested page cannot be shown.
    pub(crate) fn trouble(&self, trouble: &Trouble) -> Reply {
        let t = self.t();
        let (status, heading, text) = match trouble {
            Trouble::NotFound => (404, t.not_found, t.not_found_text.to_owned()),
            Trouble::Expired => (403, t.expired, t.expired_text.to_owned()),
            Trouble::TooLong => (413, t.too_long, t.too_long_text.to_owned()),
            Trouble::Form => (400, t.no_form, t.no_form_text.to_owned()),
            Trouble::Forbidden(role) => (403, t.forbidden, texts::fill(t.forbidden_text, &[t.name_of(*role)])),
            Trouble::Api(problem) if problem.status.is_server_error() => {
                (problem.status.as_u16(), t.failed, t.failed_text.to_owned())
            }
            Trouble::Api(problem) => {
                (problem.status.as_u16(), t.refused, super::problems::say(self.preferences.language, problem))
            }
        };
        let page = TroublePage { f: self.frame(heading), t, heading, text };
        page.render().map_or_else(|_| html(500, t.failed.to_owned()), |body| html(status, body))
    }
}

fn read(reply: &Reply) -> Result<Value, Problem> {
    if reply.body().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(reply.body()).map_err(|_| Problem::internal())
}
