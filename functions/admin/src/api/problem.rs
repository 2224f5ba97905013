//! Errors as RFC 9457 problems: `{"type":"about:blank","title":"Bad Request","status":400,"detail":"...","code":"...","params":{...}}`.

use domain::{InvalidId, OperatorRole, RequestError, Sentence};
use http::{HeaderValue, StatusCode, header};
use outbound::Forbidden;
use providers::SettingsError;
use queue::{QueueError, TakeBackError};
use runtime::{BODY_BYTES_MAX, BodyError, RandomError, Reply, error_chain, json};
use serde_json::{Map, Value, json};
use store::{AuditResult, StoreError};
use tracing::error;

use super::{said, wrong::Wrong};

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    said: Box<Sentence>,
    field: Option<String>,
    header: Option<(header::HeaderName, Box<str>)>,
}

impl Problem {
    fn new(status: StatusCode, said: impl Into<Sentence>) -> Self {
        Self { status, said: Box::new(said.into()), field: None, header: None }
    }

    pub(crate) fn unauthorized() -> Self {
        Self {
            header: Some((header::WWW_AUTHENTICATE, "Bearer".into())),
            ..Self::new(StatusCode::UNAUTHORIZED, Wrong::Unauthorized)
        }
    }

    pub(crate) fn not_found(what: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, Wrong::NotFound { what })
    }

    /// The path accepts only these methods.
    pub(crate) fn method(allowed: &str) -> Self {
        let said = Wrong::Method { allowed: allowed.to_owned() };
        Self { header: Some((header::ALLOW, allowed.into())), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, said) }
    }

    pub(crate) fn body(said: impl Into<Sentence>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, said)
    }

    pub(crate) fn conflict(said: impl Into<Sentence>) -> Self {
        Self::new(StatusCode::CONFLICT, said)
    }

    /// The value of one field conflicts with what exists already.
    pub(crate) fn conflict_at(field: &str, said: impl Into<Sentence>) -> Self {
        Self { status: StatusCode::CONFLICT, ..Self::field(field, said) }
    }

    /// The caller is known, but has no right to do this.
    pub(crate) fn forbidden(needed: OperatorRole) -> Self {
        Self::new(StatusCode::FORBIDDEN, Wrong::Forbidden { role: needed.name() })
    }

    /// A fault of ours. The log has the details.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Wrong::Internal)
    }

    /// What is wrong, for people. It does not contain the name of the field.
    pub(crate) fn said(&self) -> &Sentence {
        &self.said
    }

    /// The field that is wrong, if it is one field.
    pub(crate) fn field_name(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// The word for this problem in the audit log.
    pub(crate) fn outcome(&self) -> AuditResult {
        if self.status.is_server_error() { AuditResult::Failed } else { AuditResult::Refused }
    }

    /// The same problem, reported at the field that the form has for it.
    pub(crate) fn at(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }

    /// One field is wrong.
    pub(crate) fn field(field: &str, said: impl Into<Sentence>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(StatusCode::BAD_REQUEST, said) }
    }
}

impl From<SettingsError> for Problem {
    fn from(error: SettingsError) -> Self {
        Self::field(&error.field, error.problem)
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        Self::body(match error {
            BodyError::ContentType { found } => Wrong::ContentType { found },
            BodyError::TooLong { found } => Wrong::BodyTooLong { bytes_max: BODY_BYTES_MAX, found },
        })
    }
}

/// An error in a request of the merchant's contract. Each of these sentences names its field.
impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NotAnObject { reason } => Self::body(Wrong::NoObject { why: reason }),
            RequestError::Missing { field, expected } => Self::field(field, Wrong::Required { field, expected }),
            RequestError::Invalid { field, expected, found } => {
                Self::field(field, Wrong::Invalid { field, expected, found })
            }
            RequestError::ChannelUnknown { field, expected, found } => {
                Self::field(field, Wrong::OneOf { words: expected, found })
            }
        }
    }
}

impl From<InvalidId> for Wrong {
    fn from(error: InvalidId) -> Self {
        Self::Malformed { expected: error.expected(), found: error.found().to_owned() }
    }
}

impl From<Forbidden> for Wrong {
    fn from(forbidden: Forbidden) -> Self {
        Self::ClosedAddress { address: forbidden.address().to_string() }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            // A caller can break only one condition of the configuration's writes: that the thing exists.
            StoreError::Stale { .. } => Self::not_found("thing now"),
            StoreError::Contended { .. } => Self::conflict(Wrong::Contended),
            StoreError::Dynamo { .. } | StoreError::Item { .. } | StoreError::Sealed { .. } => {
                error!("the storage failed: {}", error_chain(&error));
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Wrong::Storage)
            }
        }
    }
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        error!("the queue failed: {}", error_chain(&error));
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Wrong::Queue)
    }
}

impl From<TakeBackError> for Problem {
    fn from(error: TakeBackError) -> Self {
        match error {
            TakeBackError::UnderWay => Self::conflict(Wrong::TakenBackAlready),
            TakeBackError::Queue(error) => error.into(),
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
    let detail = match &problem.field {
        Some(field) => format!("{field}: {}", problem.said.text),
        None => problem.said.text.clone(),
    };
    let mut members = Map::from_iter([
        ("type".to_owned(), json!("about:blank")),
        ("title".to_owned(), json!(problem.status.canonical_reason().unwrap_or("Error"))),
        ("status".to_owned(), json!(problem.status.as_u16())),
        ("detail".to_owned(), json!(detail)),
    ]);
    members.extend(said::code(&problem.said.said));
    members.extend(problem.field.map(|field| ("field".to_owned(), field.into())));
    let mut reply = json(problem.status, &Value::Object(members));
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some((name, value)) = problem.header
        && let Ok(value) = HeaderValue::from_str(&value)
    {
        reply.headers_mut().insert(name, value);
    }
    reply
}

#[cfg(test)]
mod tests {
    use providers::{Given, SettingProblem};

    use super::*;

    fn body(problem: Problem) -> Value {
        serde_json::from_slice(reply(problem).body()).unwrap()
    }

    #[test]
    fn a_problem_has_a_code_and_what_stands_in_its_sentence() {
        let found = body(Problem::field("name", Wrong::Name { chars_max: 64 }));
        assert_eq!(
            found,
            json!({
                "type": "about:blank", "title": "Bad Request", "status": 400, "field": "name",
                "detail": "name: must be a string of 1 to 64 characters", "code": "name", "params": { "charsMax": 64 },
            })
        );
        let given = SettingProblem::CertificateExpected { given: Given::PublicKey };
        let nested = SettingProblem::PublicKeyAsCertificate { problem: Box::new(given) };
        let found = body(SettingsError { field: "platformCerts".to_owned(), problem: nested }.into());
        assert_eq!(
            found["detail"],
            "platformCerts: this is a public key, a certificate is expected; it goes into publicKey"
        );
        let given = json!({ "code": "certificate-expected", "params": { "given": { "code": "given-public-key" } } });
        assert_eq!(
            (&found["code"], &found["params"]),
            (&json!("public-key-as-certificate"), &json!({ "problem": given }))
        );
        assert_eq!(body(Problem::conflict(Wrong::Paid)).get("params"), None);
    }
}
