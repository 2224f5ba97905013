//! One call of the operator API: the caller, the request, and what every operation needs from both.

use domain::{AppId, JSON_DEPTH_MAX, ListCursor, Mode, OperatorName, OperatorRole, Reach, Timestamp, nests_within};
use runtime::{Request, client_ip, query_parameter};
use serde_json::{Map, Value};
use store::StoredApp;

use super::{problem::Problem, wrong::Wrong};
use crate::deps::Deps;

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    /// The operator; `None` for the holder of the operator token.
    pub(crate) operator: Option<OperatorName>,
    pub(crate) role: OperatorRole,
    pub(crate) reach: Reach,
    /// The address that the call came from, if it is known.
    pub(crate) from: Option<String>,
}

impl Who {
    pub(crate) fn token(request: &Request) -> Self {
        let from = client_ip(request).map(str::to_owned);
        Self { operator: None, role: OperatorRole::Owner, reach: Reach::Everything, from }
    }

    pub(crate) fn name(&self) -> String {
        self.operator.as_ref().map_or_else(|| "operator token".to_owned(), OperatorName::to_string)
    }
}

/// One call, with what every handler needs.
pub(crate) struct Call<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) request: &'a Request,
    pub(crate) now: Timestamp,
    pub(crate) who: Who,
}

/// Members in which `null` has a meaning: no limit, or all apps.
const NULL_SPEAKS: [&str; 4] = ["clientChargesPerMinute", "clientOpenBills", "operatorRefundsPerDay", "apps"];

impl Call<'_> {
    /// The body, which must be one JSON object. A member that is `null` counts as absent, unless `null` has a meaning in it.
    pub(crate) fn object(&self) -> Result<Map<String, Value>, Problem> {
        let body = runtime::json_body(self.request)?;
        let mut object: Map<String, Value> =
            serde_json::from_slice(body).map_err(|error| Problem::body(Wrong::NoObject { why: error.to_string() }))?;
        // serde has read the body, so that it is valid UTF-8.
        if !nests_within(&String::from_utf8_lossy(body), JSON_DEPTH_MAX) {
            return Err(Problem::body(Wrong::TooDeep { depth_max: JSON_DEPTH_MAX }));
        }
        object.retain(|name, value| !value.is_null() || NULL_SPEAKS.contains(&name.as_str()));
        Ok(object)
    }

    /// `?mode=live|test`. It is required, because nobody should guess whether the money is real.
    pub(crate) fn mode(&self) -> Result<Mode, Problem> {
        let text = query_parameter(self.request, "mode").unwrap_or_default();
        Mode::find(&text).ok_or_else(|| Problem::field("mode", Wrong::ModeInQuery))
    }

    /// `?cursor=` of a list. An empty one counts as absent.
    pub(crate) fn cursor(&self) -> Result<Option<ListCursor>, Problem> {
        let cursor = query_parameter(self.request, "cursor").filter(|cursor| !cursor.is_empty());
        let read = |cursor: std::borrow::Cow<'_, str>| ListCursor::parse(&cursor);
        cursor.map(read).transpose().map_err(|_| Problem::field("cursor", Wrong::Cursor))
    }

    /// Everything configured for an app.
    pub(crate) async fn load_app(&self, app: &AppId) -> Result<StoredApp, Problem> {
        self.deps.services.store.find_app(app).await?.ok_or_else(|| Problem::not_found("app"))
    }
}
