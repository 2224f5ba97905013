//! An answer before it becomes an HTTP response.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use serde::Serialize;

/// The content type of Alipay's JSON answers.
pub(crate) const TEXT: &str = "text/html;charset=utf-8";
pub(crate) const XML: &str = "text/xml;charset=utf-8";
const JSON: &str = "application/json";

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
    /// How long to hold the answer back, in real time, for the timing faults.
    pub(crate) hold_ms: u64,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type, location: None, body: body.into(), hold_ms: 0 }
    }

    pub(crate) fn html(status: u16, page: String) -> Self {
        Self::new(status, TEXT, page)
    }

    pub(crate) fn redirect(status: u16, location: String) -> Self {
        Self { location: Some(location), ..Self::new(status, TEXT, "") }
    }

    pub(crate) fn json(status: u16, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::new(status, JSON, body),
            Err(error) => Self::new(500, "text/plain", error.to_string()),
        }
    }

    pub(crate) fn json_error(status: u16, error: impl Into<String>) -> Self {
        Self::json(status, &serde_json::json!({ "error": error.into() }))
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::builder()
            .status(StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
            .header(CONTENT_TYPE, self.content_type)
            .header(CACHE_CONTROL, "no-store");
        if let Some(location) = self.location {
            response = response.header(LOCATION, location);
        }
        response.body(Body::from(self.body)).unwrap_or_else(|_| {
            let mut broken = Response::new(Body::from("the answer has a header that cannot be sent"));
            *broken.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            broken
        })
    }
}
