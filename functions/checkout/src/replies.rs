//! Replies with the headers of the page.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use ring::digest::{SHA256, digest};
use runtime::Reply;

/// The source expression of an inline text.
pub(crate) fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

/// A page with headers of its own. WeChat's H5 page and UnionPay take a visitor only with a Referer: the origin is sent on, and never the
/// path, which holds the token.
#[rustfmt::skip]
const GUARDS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy",        "strict-origin-when-cross-origin"),
    ("cache-control",          "no-store"),
    ("x-robots-tag",           "noindex"),
];

pub(crate) fn guarded(mut reply: Reply, policy: &str) -> Reply {
    for (name, value) in GUARDS {
        reply.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    // For browsers that do not know `frame-ancestors`. This header cannot name several origins, so it is sent only for a page without frames.
    if policy.contains("frame-ancestors 'none'") {
        reply.headers_mut().insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    if let Ok(policy) = HeaderValue::from_str(policy) {
        reply.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    reply
}

/// An HTML page under this policy.
pub(crate) fn html(status: StatusCode, html: String, policy: &str) -> Reply {
    let mut reply = Reply::new(Bytes::from(html));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    guarded(reply, policy)
}
