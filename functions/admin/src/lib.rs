//! The operator API under `/admin/v1`, and the console under `/console` that stands on it: apps, their keys, channel settings, webhooks,
//! transactions, incidents, operators and the audit log.
//!
//! JSON and ordinary HTTP statuses; errors are RFC 9457 problems. What is wrong with a key or a certificate is said
//! when it is saved. Keys are shown when they are made, and never again.

mod accounts;
mod apps;
mod audit;
mod back_office;
mod channels;
mod check;
mod console;
mod deliveries;
mod destination;
mod doorman;
mod incidents;
mod old_accounts;
mod operators;
mod password;
mod problem;
mod reconciliations;
mod routes;
mod sealed;
mod second_factor;
mod sign_in_rules;
mod transaction_actions;
mod transactions;
mod webhook_test;
mod webhooks;

use courier::Courier;
use domain::{AppId, JSON_DEPTH_MAX, ListCursor, Mode, OperatorName, OperatorRole, Reach, Timestamp, nests_within};
use http::Method;
use runtime::{Base, Reply, Request, query_parameter};
use serde_json::{Map, Value};
use store::AppConfiguration;

pub use crate::routes::operations;
use crate::{
    problem::Problem,
    routes::{Effect, Route},
};

/// What this function answers, as `template.yaml` routes it.
pub const ROUTES: [(Method, &str); 7] = [
    (Method::GET, "/admin/v1/{proxy+}"),
    (Method::GET, "/console"),
    (Method::GET, "/favicon.ico"),
    (Method::GET, "/console/{proxy+}"),
    (Method::POST, "/2.0/maxpay/refund"),
    (Method::POST, "/2.0/maxpay/refunds"),
    (Method::POST, "/2.0/maxpay/close"),
];

/// What the operator API needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Configuration, store and clock.
    pub base: Base,
    /// The door for what a provider says, and the way to it.
    pub settlement: settlement::Deps,
    /// The ways to merchants, for tests of their webhooks.
    pub courier: Courier,
}

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Reply {
    if let Some(operation) = request.uri().path().strip_prefix("/2.0/maxpay/") {
        return back_office::handle(deps, operation, &request).await;
    }
    if console::is_console(request.uri().path()) {
        return console::handle(deps, &request).await;
    }
    answer(deps, &request).await.unwrap_or_else(problem::reply)
}

async fn answer(deps: &Deps, request: &Request) -> Result<Reply, Problem> {
    routes::authorize(deps, request)?;
    perform(deps, Who::token(), request).await
}

/// The one door to every operation, for callers of the API and for the console alike: who may not is refused, and what is
/// changed is written into the audit log.
async fn perform(deps: &Deps, who: Who, request: &Request) -> Result<Reply, Problem> {
    let call = Call { deps, request, now: deps.base.clock.now(), who };
    let route = Route::find(request.method(), request.uri().path())?;
    let rule = route.rule();
    if call.who.role < rule.role {
        return Err(Problem::forbidden(rule.role));
    }
    if let Some(problem) = route.is_beyond(&call.who.reach) {
        return Err(problem);
    }
    match rule.effect {
        Effect::Look => call.run(route).await,
        Effect::Change => audit::around(&call, route).await,
    }
}

/// Who calls.
#[derive(Clone, Debug)]
struct Who {
    /// The operator; `None` is who holds the operator token.
    operator: Option<OperatorName>,
    role: OperatorRole,
    reach: Reach,
}

impl Who {
    fn token() -> Self {
        Self { operator: None, role: OperatorRole::Owner, reach: Reach::Everything }
    }

    fn name(&self) -> String {
        self.operator.as_ref().map_or_else(|| "operator token".to_owned(), OperatorName::to_string)
    }
}

/// One call, with what every handler asks of it.
struct Call<'a> {
    deps: &'a Deps,
    request: &'a Request,
    now: Timestamp,
    who: Who,
}

impl Call<'_> {
    async fn run(&self, route: Route) -> Result<Reply, Problem> {
        match route {
            Route::CreateApp => apps::create(self).await,
            Route::ListApps => apps::list(self).await,
            Route::ShowApp(app) => apps::show(self, app).await,
            Route::ChangeApp(app) => apps::change(self, app).await,
            Route::RotateKey(app) => apps::rotate_key(self, app).await,
            Route::CreateSession(app) => apps::create_session(self, app).await,
            Route::CheckChannel(app, tab) => check::check(self, app, tab).await,
            Route::PutChannel(app, tab) => channels::put(self, app, tab).await,
            Route::ShowChannel(app, tab) => channels::show(self, app, tab).await,
            Route::DeleteChannel(app, tab) => channels::delete(self, app, tab).await,
            Route::ListAccounts(app, tab) => old_accounts::list(self, app, tab).await,
            Route::RetireAccount(app, tab, number) => old_accounts::retire(self, app, tab, number).await,
            Route::CreateWebhook(app) => webhooks::create(self, app).await,
            Route::ListWebhooks(app) => webhooks::list(self, app).await,
            Route::ChangeWebhook(app, webhook) => webhooks::change(self, app, webhook).await,
            Route::SwitchWebhook(app, webhook) => webhooks::switch(self, app, webhook).await,
            Route::RotateWebhookSecret(app, webhook) => webhooks::rotate_secret(self, app, webhook).await,
            Route::DeleteWebhook(app, webhook) => webhooks::delete(self, app, webhook).await,
            Route::TestWebhook(app, webhook) => webhook_test::run(self, app, webhook).await,
            Route::ListDeliveries(app) => deliveries::list(self, app).await,
            Route::ResendDelivery(app, delivery) => deliveries::resend(self, app, &delivery).await,
            Route::Replay(app, webhook) => deliveries::replay(self, app, webhook).await,
            Route::ListTransactions(app) => transactions::list(self, app).await,
            Route::ShowTransaction(app, id) => transactions::show(self, app, id).await,
            // Boxed: the flows of money are deep, and the other calls should not carry them along.
            Route::SyncTransaction(app, id) => Box::pin(transaction_actions::sync(self, app, id)).await,
            Route::CloseTransaction(app, id) => transaction_actions::close(self, app, id).await,
            Route::RefundTransaction(app, id) => Box::pin(transaction_actions::refund(self, app, id)).await,
            Route::GiveUpRefund(app, id) => Box::pin(transaction_actions::give_up(self, app, id)).await,
            Route::ListIncidents(app) => incidents::list(self, app).await,
            Route::ListReconciliations(app) => reconciliations::list(self, app).await,
            Route::AskForDay(app, day) => reconciliations::ask(self, app, day).await,
            Route::ShowIncident(app, id) => incidents::show(self, app, &id).await,
            Route::ReplayIncident(app, id) => Box::pin(incidents::replay(self, app, &id)).await,
            Route::CreateOperator => operators::create(self).await,
            Route::ListOperators => operators::list(self).await,
            Route::ChangeOperator(name) => operators::change(self, name).await,
            Route::EndSessions(name) => operators::end_sessions(self, name).await,
            Route::EnrolSecondFactor(name) => second_factor::enrol(self, name).await,
            Route::ResetSecondFactor(name) => second_factor::reset(self, name).await,
            Route::ShowSignInRules => sign_in_rules::show(self).await,
            Route::ChangeSignInRules => sign_in_rules::change(self).await,
            Route::ListAudit => audit::list(self).await,
        }
    }

    /// The body, which must be one JSON object.
    fn object(&self) -> Result<Map<String, Value>, Problem> {
        let body = runtime::json_body(self.request).map_err(|error| Problem::body(error.to_string()))?;
        let object = serde_json::from_slice(body)
            .map_err(|error| Problem::body(format!("the body must be one JSON object: {error}")))?;
        // What serde read is text.
        if !nests_within(&String::from_utf8_lossy(body), JSON_DEPTH_MAX) {
            return Err(Problem::body(format!("the body must be nested at most {JSON_DEPTH_MAX} deep")));
        }
        Ok(object)
    }

    /// `?mode=live|test`, which must be there: whether money is real is not to be guessed.
    fn mode(&self) -> Result<Mode, Problem> {
        let text = query_parameter(self.request, "mode").unwrap_or_default();
        Mode::find(&text).ok_or_else(|| Problem::field("mode", "must be live or test, in the query string"))
    }

    /// `?cursor=` of a list. An empty one is none.
    fn cursor(&self) -> Result<Option<ListCursor>, Problem> {
        let cursor = query_parameter(self.request, "cursor").filter(|cursor| !cursor.is_empty());
        let read = |cursor: std::borrow::Cow<'_, str>| ListCursor::parse(&cursor);
        cursor.map(read).transpose().map_err(|_| Problem::field("cursor", "must be one that a list answered"))
    }

    /// Everything configured for an app.
    async fn load_app(&self, app: &AppId) -> Result<AppConfiguration, Problem> {
        self.deps.base.store.find_app(app).await?.ok_or_else(|| Problem::not_found("app"))
    }
}
