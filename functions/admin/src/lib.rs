//! The operator API under `/admin/v1`: apps, their keys, channel settings, webhooks and incidents.
//!
//! JSON and ordinary HTTP statuses; errors are RFC 9457 problems. What is wrong with a key or a certificate is said
//! when it is saved. Keys are shown when they are made, and never again.

mod apps;
mod channels;
mod incidents;
mod problem;
mod routes;
mod webhooks;

use domain::{AppId, Mode, Timestamp};
use http::Method;
use runtime::{Base, Reply, Request, query_parameter};
use serde_json::{Map, Value};
use store::AppConfiguration;

use crate::{problem::Problem, routes::Route};

/// What this function answers, as `template.yaml` routes it.
pub const ROUTES: [(Method, &str); 1] = [(Method::GET, "/admin/v1/{proxy+}")];

/// What the operator API needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Configuration, store and clock.
    pub base: Base,
}

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Reply {
    answer(deps, &request).await.unwrap_or_else(problem::reply)
}

async fn answer(deps: &Deps, request: &Request) -> Result<Reply, Problem> {
    routes::authorize(deps, request)?;
    let call = Call { deps, request, now: deps.base.clock.now() };
    match Route::find(request.method(), request.uri().path())? {
        Route::CreateApp => apps::create(&call).await,
        Route::ListApps => apps::list(&call).await,
        Route::ShowApp(app) => apps::show(&call, app).await,
        Route::RenameApp(app) => apps::rename(&call, app).await,
        Route::RotateKey(app) => apps::rotate_key(&call, app).await,
        Route::PutChannel(app, tab) => channels::put(&call, app, tab).await,
        Route::ShowChannel(app, tab) => channels::show(&call, app, tab).await,
        Route::DeleteChannel(app, tab) => channels::delete(&call, app, tab).await,
        Route::CreateWebhook(app) => webhooks::create(&call, app).await,
        Route::ListWebhooks(app) => webhooks::list(&call, app).await,
        Route::DeleteWebhook(app, webhook) => webhooks::delete(&call, app, webhook).await,
        Route::ListIncidents(app) => incidents::list(&call, app).await,
    }
}

/// One call, with what every handler asks of it.
struct Call<'a> {
    deps: &'a Deps,
    request: &'a Request,
    now: Timestamp,
}

impl Call<'_> {
    /// The body, which must be one JSON object.
    fn object(&self) -> Result<Map<String, Value>, Problem> {
        let body = runtime::json_body(self.request).map_err(|error| Problem::body(error.to_string()))?;
        serde_json::from_slice(body)
            .map_err(|error| Problem::body(format!("the body must be one JSON object: {error}")))
    }

    /// `?mode=live|test`, which must be there: whether money is real is not to be guessed.
    fn mode(&self) -> Result<Mode, Problem> {
        let text = query_parameter(self.request, "mode").unwrap_or_default();
        Mode::find(&text).ok_or_else(|| Problem::field("mode", "must be live or test, in the query string"))
    }

    /// Everything configured for an app.
    async fn load_app(&self, app: &AppId) -> Result<AppConfiguration, Problem> {
        self.deps.base.store.find_app(app).await?.ok_or_else(|| Problem::not_found("app"))
    }
}
