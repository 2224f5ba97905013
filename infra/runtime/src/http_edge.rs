//! Requests and replies as every function sees them, whether Lambda or the local stack brings them.

use std::borrow::Cow;

use bytes::Bytes;
use domain::PayerAddress;
use http::{
    HeaderMap,
    header::{CONTENT_TYPE, COOKIE},
};

/// A request with its whole body. If API Gateway sent the body in base64, it is decoded.
pub type Request = http::Request<Bytes>;
/// A reply with its whole body.
pub type Reply = http::Response<Bytes>;

/// The longest body that is read: a charge with the longest `extras` takes a quarter of it.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Why a body is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Its content type is not JSON.
    #[error("Content-Type must be application/json, found `{found}`")]
    ContentType {
        /// What was sent, cut short.
        found: String,
    },
    /// Too long.
    #[error("the body must be at most {BODY_BYTES_MAX} bytes, found {found}")]
    TooLong {
        /// Its length.
        found: usize,
    },
}

/// The body of a request that must be JSON. Parameters of the content type do not matter: the PHP SDK sends
/// `application/json;charset=utf-8;`. A request without a content type counts as JSON.
///
/// # Errors
/// [`BodyError`].
pub fn json_body(request: &Request) -> Result<&Bytes, BodyError> {
    check_content_type(request.headers())?;
    let body = request.body();
    if body.len() > BODY_BYTES_MAX { Err(BodyError::TooLong { found: body.len() }) } else { Ok(body) }
}

/// A parameter of the query string, decoded; the first if it appears twice.
pub fn query_parameter<'a>(request: &'a Request, name: &str) -> Option<Cow<'a, str>> {
    let query = request.uri().query()?.as_bytes();
    form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, value)| value)
}

/// Browsers keep at most 4 KiB a cookie. A request with more cookies than this does not come from a browser.
const COOKIES_MAX: usize = 100;

/// The value of the cookie `name`.
pub fn find_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        lines.flat_map(|line| line.split(';')).take(COOKIES_MAX).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn check_content_type(headers: &HeaderMap) -> Result<(), BodyError> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let media_type = text.split(';').next().unwrap_or_default().trim();
    if media_type.is_empty() || media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(BodyError::ContentType { found: text.chars().take(64).collect() })
}

/// The address that a request came from, as API Gateway saw it. It is an extension of [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIp(String);

impl ClientIp {
    /// An IPv4 address in the form `::ffff:203.0.113.8` becomes that IPv4 address, so each caller has one spelling.
    pub fn new(text: &str) -> Self {
        Self(PayerAddress::parse(text).map_or_else(|| text.to_owned(), |address| address.to_string()))
    }
}

/// The address that a request came from; `None` if it is not known.
pub fn client_ip(request: &Request) -> Option<&str> {
    request.extensions().get::<ClientIp>().map(|ip| ip.0.as_str())
}
