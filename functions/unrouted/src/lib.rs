//! Answers the calls that no route takes. A call of the API with a slash too many is sent on to its own path (the iOS SDK joins `/2.0/` and
//! `/maxpay/records`), and everything else is not found.
//!
//! API Gateway takes no route key with an empty part, and does not document how it matches a path that has one. So this function is
//! its default route. It has no rights and knows no secret, because strangers may send it anything.

use http::{HeaderValue, Method, StatusCode, header::LOCATION};
use runtime::{Reply, Request, not_found};

/// Where the calls of the API are. Nothing else is sent on, so that nobody can be sent to another host from here.
const CALLS: &str = "/2.0/maxpay/";

/// Answers one request.
pub fn handle(request: &Request) -> Reply {
    // API Gateway answers a browser's preflight itself, or asks the default route and adds its own headers.
    if request.method() == Method::OPTIONS {
        return empty(StatusCode::NO_CONTENT);
    }
    let Some(path) = with_single_slashes(request.uri().path()) else { return not_found() };
    let target = request.uri().query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let Ok(location) = HeaderValue::from_str(&target) else { return not_found() };
    // 308 keeps method and body; 301 would make a GET of a charge.
    let mut reply = empty(StatusCode::PERMANENT_REDIRECT);
    reply.headers_mut().insert(LOCATION, location);
    reply
}

/// The path of a call, of which `path` has slashes too many; `None` for any other.
fn with_single_slashes(path: &str) -> Option<String> {
    let single: String = path.split('/').filter(|part| !part.is_empty()).map(|part| format!("/{part}")).collect();
    let call = single.strip_prefix(CALLS)?;
    let is_call = !call.is_empty() && call.bytes().all(|byte| byte.is_ascii_lowercase());
    (is_call && single != path && !path.ends_with('/')).then_some(single)
}

fn empty(status: StatusCode) -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = status;
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn only_a_call_with_slashes_too_many_is_sent_on() {
        const CASES: &[(&str, &str, u16, &str)] = &[
            ("POST",    "/2.0//maxpay/records",       308, "/2.0/maxpay/records"),
            ("POST",    "//2.0///maxpay/bill",        308, "/2.0/maxpay/bill"),
            ("POST",    "/2.0/maxpay/bill/",          404, ""),
            ("GET",     "/2.0//maxpay/records?para=%7B%7D", 308, "/2.0/maxpay/records?para=%7B%7D"),
            ("OPTIONS", "/2.0//maxpay/bill",          204, ""),
            ("OPTIONS", "/nothing",                   204, ""),
            ("POST",    "/2.0/maxpay/bill",           404, ""),
            ("POST",    "/",                          404, ""),
            ("POST",    "/2.0//maxpay/",              404, ""),
            ("POST",    "/2.0//maxpay/bill/x",        404, ""),
            ("GET",     "//admin/v1/apps",            404, ""),
            ("GET",     "//evil.example/2.0/maxpay/bill", 404, ""),
            ("GET",     "/2.0//maxpay/%5Cevil.example", 404, ""),
        ];
        for (method, path, status, location) in CASES {
            let request = http::Request::builder().method(*method).uri(*path).body(Default::default()).unwrap();
            let reply = handle(&request);
            let found = reply.headers().get(LOCATION).map_or("", |location| location.to_str().unwrap());
            assert_eq!((reply.status().as_u16(), found), (*status, *location), "{method} {path}");
        }
    }
}
