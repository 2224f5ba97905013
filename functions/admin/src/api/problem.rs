//! Errors as RFC 9457 problems: `{"type":"about:blank","title":"Bad Request","status":400,"detail":"...","errors":[...]}`.

use domain::OperatorRole;
use http::{HeaderValue, StatusCode, header};
use providers::SettingsError;
use runtime::{RandomError, Reply, error_chain, json};
use serde_json::json;
use store::StoreError;
use tracing::error;

/// A call that came to nothing.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    detail: String,
    field: Option<String>,
    header: Option<(header::HeaderName, Box<str>)>,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None, header: None }
    }

    pub(crate) fn unauthorized() -> Self {
        let detail = "Authorization: Bearer <operator token> is required";
        Self {
            header: Some((header::WWW_AUTHENTICATE, "Bearer".into())),
            ..Self::new(StatusCode::UNAUTHORIZED, detail)
        }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// The path answers these methods only.
    pub(crate) fn method(allowed: &str) -> Self {
        let detail = format!("this path answers {allowed}");
        Self { header: Some((header::ALLOW, allowed.into())), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, detail) }
    }

    pub(crate) fn body(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// One field cannot be, because of what is there already.
    pub(crate) fn conflict_at(field: &str, problem: &str) -> Self {
        Self { status: StatusCode::CONFLICT, ..Self::field(field, problem) }
    }

    /// The caller is known, and may not.
    pub(crate) fn forbidden(needed: OperatorRole) -> Self {
        Self::new(StatusCode::FORBIDDEN, format!("this needs the role {}", needed.name()))
    }

    /// A fault of ours, which the log tells of.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the system failed; the log says more")
    }

    /// What is wrong, for people.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The field that is wrong, where it is one.
    pub(crate) fn field_name(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// The word for it in the audit log.
    pub(crate) fn outcome(&self) -> &'static str {
        if self.status.is_server_error() { "failed" } else { "refused" }
    }

    /// One field is wrong.
    pub(crate) fn field(field: &str, problem: impl AsRef<str>) -> Self {
        let detail = format!("{field}: {}", problem.as_ref());
        Self { field: Some(field.to_owned()), ..Self::new(StatusCode::BAD_REQUEST, detail) }
    }
}

impl From<SettingsError> for Problem {
    fn from(error: SettingsError) -> Self {
        Self::field(&error.field, error.problem)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            // The only condition of the configuration's writes that a caller can break is that the thing is there.
            StoreError::Stale { .. } => Self::not_found("thing any more"),
            StoreError::Contended { .. } => Self::conflict("others are changing the same thing; try again"),
            StoreError::Dynamo { .. } | StoreError::Item { .. } | StoreError::Sealed { .. } => {
                error!("the storage failed: {}", error_chain(&error));
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "the storage failed; the log says more")
            }
        }
    }
}

impl From<RandomError> for Problem {
    fn from(error: RandomError) -> Self {
        error!("{error}");
        Self::internal()
    }
}

pub(crate) fn reply(problem: Problem) -> Reply {
    let mut body = json!({
        "type": "about:blank",
        "title": problem.status.canonical_reason().unwrap_or("Error"),
        "status": problem.status.as_u16(),
        "detail": problem.detail,
    });
    if let (Some(field), Some(members)) = (problem.field, body.as_object_mut()) {
        members.insert("field".to_owned(), field.into());
    }
    let mut reply = json(problem.status, &body);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some((name, value)) = problem.header
        && let Ok(value) = HeaderValue::from_str(&value)
    {
        reply.headers_mut().insert(name, value);
    }
    reply
}
