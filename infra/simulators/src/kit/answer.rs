//! An answer with its own headers, as WeChat's have.

use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};

use super::reply::Reply;

pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self { reply, headers: Vec::new() }
    }
}

impl Answer {
    pub(crate) fn into_response(self) -> Response {
        let mut response = self.reply.into_response();
        for (name, value) in self.headers {
            // Both are ours and printable. An invalid pair would show at once as a missing signature.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        if response.status() == StatusCode::NO_CONTENT {
            response.headers_mut().remove(CONTENT_TYPE);
        }
        response
    }
}
