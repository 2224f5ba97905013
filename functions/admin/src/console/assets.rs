//! The console's own style and script: compiled in, named by what is in them, and kept by browsers for a year.

use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderValue, header};
use ring::digest::{SHA256, digest};
use runtime::Reply;

const STYLE: &str = include_str!("../../assets/console.css");
const SCRIPT: &str = include_str!("../../assets/console.js");

/// Where the style is.
pub(crate) fn style_path() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| path(STYLE, "css"))
}

/// Where the script is.
pub(crate) fn script_path() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| path(SCRIPT, "js"))
}

/// The asset at this path; `None` if there is none, such as one of another version.
pub(crate) fn find(path: &str) -> Option<Reply> {
    let (body, content_type) = match path {
        path if path == style_path() => (STYLE, "text/css; charset=utf-8"),
        path if path == script_path() => (SCRIPT, "text/javascript; charset=utf-8"),
        _ => return None,
    };
    let mut reply = Reply::new(Bytes::from_static(body.as_bytes()));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Some(reply)
}

fn path(content: &str, extension: &str) -> String {
    let hash = digest(&SHA256, content.as_bytes());
    let hex: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("/console/assets/{hex}.{extension}")
}
